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
use tokio::time::{sleep, timeout_at};

use crate::{
    Connection, Proof, Sql, Writing, boxed,
    postgres::{self, Open},
    values,
    writer::outcome_unknown,
};

/// How long a COMMIT, and the search for what became of it, may take together. Long enough for a server to be started
/// again, short enough for a person who waits.
const LIMIT: Duration = Duration::from_secs(11);

/// What is known of a COMMIT when caches learn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The change is in the database.
    Committed,
    /// Nobody can tell yet whether it is: see [`committed`].
    Unknown,
}

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
    (value, after): (T, impl FnOnce(&T, Outcome)),
) -> Result<T> {
    let deadline = sleep(LIMIT).deadline();
    let revokes = !notices.is_empty();
    let failed = match open.commit().await {
        Err(failed) => failed,
        Ok(client) => {
            note_silence(&stuck, false);
            after(&value, Outcome::Committed);
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
    let found = timeout_at(deadline, proof.find(&pool)).await.ok().flatten();
    let detail = failed.error.detail().unwrap_or_default();
    if found == Some(false) {
        let said = failed.error.kind() != Kind::Unavailable;
        return Err(if said { failed.error } else { Error::unavailable("database.unavailable", detail) });
    }
    after(&value, if found.is_some() { Outcome::Committed } else { Outcome::Unknown });
    // Whoever said that it failed may not have announced it. Whoever is told "unknown" does not wait longer for that.
    let announced = tokio::spawn(announce(pool.clone(), notices));
    if found.is_none() {
        drop(timeout_at(deadline, announced).await);
        return Err(outcome_unknown(detail));
    }
    if !matches!(announced.await, Ok(Ok(()))) {
        return Err(outcome_unknown(detail));
    }
    if revokes {
        outlast_writers(postgres::client(&pool).await.map_err(outcome_unknown)?, proof).await?;
    }
    Ok(value)
}

/// What became of a transaction whose outcome was unknown: whether it was committed, or `None` while it is still under way.
#[boxed]
pub async fn committed(connection: &mut Connection<'_>, proof: Proof) -> Result<Option<bool>> {
    // Whoever gets its lock sees in the next statement what it has left. `SQLite` ends a transaction before it answers.
    const HAS_ENDED: Sql =
        Sql::by_engine("SELECT $1 IS NOT NULL", "SELECT pg_try_advisory_xact_lock($1::bigint)");
    let (has_ended,): (bool,) = connection.one(HAS_ENDED, values![proof.lock()]).await?;
    if !has_ended {
        return Ok(None);
    }
    proof.is_written(connection).await.map(Some)
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
async fn announce(pool: Pool, notices: Vec<String>) -> Result<()> {
    if notices.is_empty() {
        return Ok(());
    }
    let client = postgres::client(&pool).await?;
    let mut connection = Connection::postgres(&client);
    for notice in &notices {
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
        for pause in [0, 300, 1000, 3000] {
            sleep(Duration::from_millis(pause)).await;
            if let Ok(found) = self.look(pool).await {
                return Some(found);
            }
        }
        None
    }

    async fn look(self, pool: &Pool) -> Result<bool> {
        let open = Open::begin(postgres::client(pool).await?, self.lock(), self.writers()).await?;
        let found = self.is_written(&mut Connection::postgres(open.client()?)).await?;
        open.roll_back().await;
        Ok(found)
    }

    async fn is_written(self, connection: &mut Connection<'_>) -> Result<bool> {
        let sql = "SELECT 1 FROM audit_entries WHERE org_id = $1 AND id = $2";
        let found: Option<(i64,)> = connection.optional(sql, values![self.org, self.entry]).await?;
        Ok(found.is_some())
    }
}
