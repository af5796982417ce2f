//! PostgreSQL's COMMIT: what is answered must be what happened, whatever was said about it and whoever has gone away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{Client, Pool};
use model::{Error, Kind, Result};

use crate::{
    Connection, Proof, Writing,
    postgres::{self, Open},
    values,
    writer::outcome_unknown,
};

/// How long it is looked for what became of a commit.
const LOOKING: Duration = Duration::from_secs(12);

/// What a COMMIT needs besides its transaction.
pub(crate) struct Ending {
    pub(crate) pool: Pool,
    /// Whether the last COMMIT had no answer in time.
    pub(crate) stuck: Arc<AtomicBool>,
    /// What the other nodes are told.
    pub(crate) notices: Vec<String>,
}

/// Commits. Unless it is certain that nothing was changed, an answer other than "done" is no answer: the entry is looked
/// for, and when it is there, this node and the others learn of the change before anybody is told.
pub(crate) async fn commit<T>(
    Ending { pool, stuck, notices }: Ending,
    open: Open,
    proof: Proof,
    (value, after): (T, impl FnOnce(&T)),
) -> Result<T> {
    let revokes = !notices.is_empty();
    let failed = match open.commit().await {
        Err(failed) => failed,
        Ok(client) => {
            note_silence(&stuck, false);
            after(&value);
            if let Some(client) = client.filter(|_| revokes) {
                outlast_writers(client, proof).await?;
            }
            return Ok(value);
        }
    };
    if failed.is_undone {
        return Err(failed.error);
    }
    metrics::counter!("muster_database_unsure_commits_total").increment(1);
    note_silence(&stuck, failed.is_silent);
    let found = proof.find(&pool).await;
    let detail = failed.error.detail().unwrap_or_default();
    if found == Some(false) {
        let said = failed.error.kind() != Kind::Unavailable;
        return Err(if said { failed.error } else { Error::unavailable("database.unavailable", detail) });
    }
    after(&value);
    // Whoever said that it failed may not have announced it.
    let told = announce(&pool, &notices).await;
    if found != Some(true) || told.is_err() {
        return Err(outcome_unknown(detail));
    }
    if revokes {
        outlast_writers(postgres::client(&pool).await.map_err(outcome_unknown)?, proof).await?;
    }
    Ok(value)
}

/// Notes whether the last COMMIT was answered in time.
fn note_silence(stuck: &AtomicBool, is_silent: bool) {
    if stuck.load(Ordering::Relaxed) != is_silent {
        stuck.store(is_silent, Ordering::Relaxed);
        let writing = if is_silent { Writing::Hanging } else { Writing::Possible };
        writing.show();
    }
}

/// What was revoked is acknowledged only when nobody can commit any more who began before it and so has not seen it.
/// Whoever begins later reads the rows as they are now. Nobody waits for this one while holding what a writer needs, so it
/// can't be part of a deadlock.
async fn outlast_writers(client: Client, proof: Proof) -> Result<()> {
    let mut outcome = Ok(());
    // A try waits as long as `lock_timeout` says; no writer lives longer than its own limits.
    for _ in 0..OUTLASTING {
        outcome = postgres::outlast_writers(&client, proof.writers()).await;
        match &outcome {
            Ok(()) => break,
            // Whoever got this connection next would wait behind what was asked.
            Err(error) if error.code() == postgres::UNREACHABLE => {
                drop(Client::take(client));
                break;
            }
            Err(_) => {}
        }
    }
    outcome.map_err(|error: Error| outcome_unknown(error.detail().unwrap_or_default()))
}

/// How often it is tried to outlast the writers of before.
const OUTLASTING: usize = 6;

/// Tells all nodes what a commit should have told them.
async fn announce(pool: &Pool, notices: &[String]) -> Result<()> {
    if notices.is_empty() {
        return Ok(());
    }
    let client = postgres::client(pool).await?;
    let mut connection = Connection::postgres(&client);
    for notice in notices {
        connection.notify(notice).await?;
    }
    Ok(())
}

impl Proof {
    /// The random part of the entry's id.
    fn random(self) -> u64 {
        self.entry.0.as_u64_pair().1
    }

    /// The lock that the transaction holds while it is under way.
    pub(crate) fn lock(self) -> i64 {
        self.random().cast_signed()
    }

    /// The lock that all writers of the organization share.
    pub(crate) fn writers(self) -> i32 {
        let (high, low) = self.org.0.as_u64_pair();
        let bytes = (high ^ low).to_be_bytes();
        i32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
    }

    /// Up to 4, 8, 16 … milliseconds, different for operations that have met.
    pub(crate) fn jitter(self, attempt: u32) -> Duration {
        Duration::from_micros(self.random().rotate_right(attempt * 7) % (2000 << attempt))
    }

    /// Whether the entry is there, now that its transaction has ended; `None` when nobody can be asked.
    async fn find(self, pool: &Pool) -> Option<bool> {
        // Long enough for a server to be started again, short enough for somebody who waits.
        let looked = tokio::time::timeout(LOOKING, async {
            for pause in [0, 300, 1000, 3000] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                if let Ok(found) = self.look(pool).await {
                    return Some(found);
                }
            }
            None
        });
        looked.await.ok().flatten()
    }

    async fn look(self, pool: &Pool) -> Result<bool> {
        let open = Open::begin(postgres::client(pool).await?, self.lock(), self.writers()).await?;
        let mut connection = Connection::postgres(open.client()?);
        let sql = "SELECT 1 FROM audit_entries WHERE org_id = $1 AND id = $2";
        let found: Option<(i64,)> = connection.optional(sql, values![self.org, self.entry]).await?;
        open.roll_back().await;
        Ok(found.is_some())
    }
}
