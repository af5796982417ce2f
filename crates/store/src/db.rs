//! The database: opening it, reading from it, and the one door to a transaction that writes.
//!
//! What both engines promise is written here; how each keeps it is in `sqlite.rs` with `writer.rs`, and `postgres.rs`.
//! Nothing outside these files, `sql.rs`, `connection.rs` and `notify.rs` names an engine's driver.

use std::{panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};

use deadpool_postgres::Pool;
use futures_util::FutureExt;
use model::{EntryId, Error, OrgId, Result};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::{
    boxed,
    connection::{Connection, Engine, Health, panic_text, went_on},
    migrations,
    notify::Listener,
    postgres::{self, Open, Server},
    sqlite::{self, Readers},
    text_rules::{self, Position},
    values,
    writer::{self, Answer, Ran, Writer, outcome_unknown},
};

/// How often an operation is run before contention is given as its answer.
const TRIES: u32 = 6;
/// Searches and exports of `SQLite` that run at once; others wait.
const BLOCKING_READS: usize = 4;

/// Where the data is and how much of it at once.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://user:password@host/name?sslmode=require&sslrootcert=FILE`.
    pub url: String,
    /// Connections kept: to PostgreSQL at most this many, of `SQLite`'s readers this many stay open.
    pub pool_size: usize,
    /// Interactive jobs that may wait for `SQLite`'s writer before others are told to come back later.
    pub queue: usize,
}

impl Options {
    /// The usual sizes for `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), pool_size: 16, queue: 4096 }
    }
}

/// What a writing closure has decided about its own transaction.
#[derive(Debug)]
pub enum Attempt<T> {
    /// Keep it.
    Commit(T),
    /// A dry run: undo everything, but answer.
    Discard(T),
}

/// Who waits for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A person or a program, now.
    Interactive,
    /// An import: a chunk of at most 100 rows, one chunk per group commit.
    Bulk,
}

/// The audit entry that a transaction writes: proof that it was committed, should the connection break meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    /// The organization whose audit log it is in.
    pub org: OrgId,
    /// Its id.
    pub entry: EntryId,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Database(Store);

#[derive(Clone)]
enum Store {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    blocking: Arc<Semaphore>,
}

struct Postgres {
    pool: Pool,
    server: Server,
}

impl Database {
    /// Opens the database; does not migrate it. A `SQLite` file is made if need be, and belongs to this process alone
    /// (`database.in_use` otherwise).
    #[boxed]
    pub async fn open(options: &Options) -> Result<Self> {
        if let Some(path) = options.url.strip_prefix("sqlite:") {
            let path = PathBuf::from(path);
            let lock = sqlite::claim(&path).await?;
            let writer = Writer::start(sqlite::writer(&path)?, lock, options.queue)?;
            let readers = Arc::new(Readers::new(path, options.pool_size));
            let blocking = Arc::new(Semaphore::new(BLOCKING_READS));
            return Ok(Self(Store::Sqlite(Arc::new(Sqlite { writer, readers, blocking }))));
        }
        let server = Server::parse(&options.url)?;
        let pool = server.pool(options.pool_size).await?;
        Ok(Self(Store::Postgres(Arc::new(Postgres { pool, server }))))
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        match &self.0 {
            Store::Sqlite(_) => Engine::Sqlite,
            Store::Postgres(_) => Engine::Postgres,
        }
    }

    /// Brings the schema up to date and answers how many migrations that took. Several nodes may do it at once.
    #[boxed]
    pub async fn migrate(&self) -> Result<usize> {
        match &self.0 {
            Store::Sqlite(sqlite) => sqlite.writer.alone(sqlite_migrations).await?,
            Store::Postgres(postgres) => {
                let client = postgres::client_for_migrations(&postgres.pool).await?;
                let migrated = postgres_migrations(&mut Connection::postgres(&client)).await;
                // Its lock and its lack of time limits end with the connection.
                drop(deadpool_postgres::Client::take(client));
                migrated
            }
        }
    }

    /// How many migrations wait; an error if the database is newer than the program.
    #[boxed]
    pub async fn pending_migrations(&self) -> Result<usize> {
        let pending = async |connection: &mut Connection<'_>| {
            let waiting = migrations::pending(connection, migrations::ALL).await?;
            let behind = waiting == 0 && text_rules::are_behind(connection).await?;
            Ok(waiting + usize::from(behind))
        };
        self.read(pending).await
    }

    /// Runs key look-ups and single pages. Each statement sees what was committed before it.
    ///
    /// On `SQLite` they run in place, for they take microseconds: `work` awaits its connection and nothing else.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Connection<'_>) -> Result<T>,
    {
        match &self.0 {
            Store::Sqlite(sqlite) => {
                let mut reader = sqlite.readers.borrow()?;
                work(&mut Connection::sqlite_reader(reader.connection()?)).await
            }
            Store::Postgres(postgres) => {
                let client = postgres::client(&postgres.pool).await?;
                work(&mut Connection::postgres(&client)).await
            }
        }
    }

    /// Runs what may take longer (searches, exports) where it keeps nobody from being served.
    pub async fn read_blocking<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Connection<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let Store::Sqlite(sqlite) = &self.0 else { return self.read(work).await };
        // The turn lasts as long as the search does, also when nobody waits for it any more.
        let turn = Arc::clone(&sqlite.blocking).acquire_owned().await.map_err(Error::internal)?;
        let readers = Arc::clone(&sqlite.readers);
        let runtime = tokio::runtime::Handle::current();
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut reader = readers.borrow()?;
            runtime.block_on(work(&mut Connection::sqlite_reader(reader.connection()?)))
        });
        read.await.map_err(Error::internal)?
    }

    /// Runs `work` in a transaction, commits, calls `after` with its result, and only then answers.
    ///
    /// * `work` may run more than once: it changes nothing outside the database and awaits nothing but its connection.
    /// * An error and a panic undo the transaction. Whatever was answered with an error other than `outcome_unknown`
    ///   has left nothing behind.
    /// * `after` runs once the change is (or may be) in the database, whether or not somebody still waits: that is
    ///   where caches learn of it. It does not run for a refusal or a dry run.
    /// * Dropping the future stops nothing on `SQLite`, and undoes a PostgreSQL transaction that has not reached its
    ///   COMMIT; in no case is there half a change, or a change without its `after`.
    pub async fn transaction<T, W, A>(&self, proof: Proof, lane: Lane, work: W, after: A) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
        A: FnOnce(&T) + Send + 'static,
        T: Send + 'static,
    {
        match &self.0 {
            Store::Sqlite(sqlite) => sqlite.transaction(lane, work, after).await,
            Store::Postgres(postgres) => postgres.transaction(proof, &work, after).await,
        }
    }

    /// Changes whenever another process was seen to have written to the `SQLite` file: everything cached is in doubt.
    /// `None` on PostgreSQL, where [`Database::notifications`] tells.
    pub fn foreign_writes(&self) -> Option<watch::Receiver<u64>> {
        match &self.0 {
            Store::Sqlite(sqlite) => Some(sqlite.writer.foreign_writes()),
            Store::Postgres(_) => None,
        }
    }

    /// Listens to what other nodes (and this one) say with [`Connection::notify`]. `None` on `SQLite`: there is one node.
    ///
    /// `delivered` gets each payload, in the order of the commits; `connected` is called whenever listening has begun
    /// (again), and must empty the caches. Both must be quick.
    pub fn notifications(
        &self,
        node: uuid::Uuid,
        delivered: impl Fn(&str) + Send + Sync + 'static,
        connected: impl Fn() + Send + Sync + 'static,
    ) -> Option<Listener> {
        match &self.0 {
            Store::Sqlite(_) => None,
            Store::Postgres(postgres) => {
                Some(Listener::start(postgres.server.clone(), node, delivered, connected))
            }
        }
    }

    /// Removes what deleted rows have left behind in `SQLite`'s files: their words in the search's index, and their pages
    /// in the log. (In the database file itself, freed space is overwritten with zeros at once.) PostgreSQL does the like
    /// when it vacuums. The index is rewritten in small steps, between which others get their turn.
    #[boxed]
    pub async fn scrub(&self) -> Result<()> {
        let Store::Sqlite(sqlite) = &self.0 else { return Ok(()) };
        let mut begin = true;
        while !sqlite.writer.alone(move |connection| sqlite::merge_words(connection, begin)).await?? {
            begin = false;
        }
        if sqlite.writer.alone(|connection| sqlite::empty_log(connection)).await?? {
            return Ok(());
        }
        Err(Error::unavailable("database.log_in_use", "somebody still reads from the write-ahead log"))
    }

    /// Whether writing is possible: not any more after a failed COMMIT of `SQLite`, until the next start.
    pub fn is_writable(&self) -> bool {
        match &self.0 {
            Store::Sqlite(sqlite) => sqlite.writer.is_writable(),
            Store::Postgres(_) => true,
        }
    }

    /// Lets what was begun end, and closes the connections.
    #[boxed]
    pub async fn close(&self) {
        match &self.0 {
            Store::Sqlite(sqlite) => {
                sqlite.readers.close();
                sqlite.writer.close().await;
            }
            Store::Postgres(postgres) => postgres.pool.close(),
        }
    }

    /// Runs `work` on `SQLite`'s writing connection; `None` on PostgreSQL.
    #[cfg(feature = "testing")]
    pub(crate) async fn with_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> T + Send + 'static,
    ) -> Option<Result<T>> {
        match &self.0 {
            Store::Sqlite(sqlite) => Some(sqlite.writer.alone(work).await),
            Store::Postgres(_) => None,
        }
    }
}

/// Migrates, then makes keys and search texts anew, a transaction for each chunk.
fn sqlite_migrations(driver: &mut rusqlite::Connection) -> Result<usize> {
    let waited = || Error::internal("a migration waited for something");
    let applied = migrations::apply(&mut Connection::sqlite_reader(driver), migrations::ALL).now_or_never();
    let applied = applied.unwrap_or_else(|| Err(waited()))?;
    let behind = text_rules::are_behind(&mut Connection::sqlite_reader(driver)).now_or_never();
    let mut position = behind.unwrap_or_else(|| Err(waited()))?.then_some(Position::START);
    while let Some(from) = position {
        let work = |connection: &mut Connection<'_>| {
            text_rules::step(connection, from).now_or_never().unwrap_or_else(|| Err(waited()))
        };
        position = writer::in_transaction(driver, work)?;
    }
    Ok(applied)
}

/// The same on PostgreSQL.
async fn postgres_migrations(connection: &mut Connection<'_>) -> Result<usize> {
    let applied = migrations::apply(connection, migrations::ALL).await?;
    let mut position = text_rules::are_behind(connection).await?.then_some(Position::START);
    while let Some(from) = position {
        connection.batch("BEGIN").await?;
        match text_rules::step(connection, from).await {
            Ok(next) => position = next,
            Err(error) => {
                connection.batch("ROLLBACK").await?;
                return Err(error);
            }
        }
        connection.batch("COMMIT").await?;
    }
    Ok(applied)
}

impl Sqlite {
    async fn transaction<T, W, A>(&self, lane: Lane, work: W, after: A) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
        A: FnOnce(&T) + Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |transaction: Option<&mut writer::Transaction<'_>>| {
            let ran = match transaction {
                Some(transaction) => transaction.savepoint(|connection| {
                    let once = work(connection).now_or_never();
                    once.unwrap_or_else(|| {
                        Err(Error::internal("an operation awaited something that is not the store"))
                    })
                }),
                None => Ran::Undone(Err(Error::internal("there was no transaction"))),
            };
            Box::new(move |outcome: &Result<()>| drop(answer.send(settle(ran, outcome, after)))) as Answer
        });
        self.writer.submit(lane, job)?;
        answered.await.unwrap_or_else(|_| Err(outcome_unknown("the writer ended")))
    }
}

fn settle<T>(ran: Ran<T>, outcome: &Result<()>, after: impl FnOnce(&T)) -> Result<T> {
    match (ran, outcome) {
        (Ran::Kept(value), Ok(())) => {
            after(&value);
            Ok(value)
        }
        (Ran::Undone(answer), Ok(())) => answer,
        (ran, Err(error)) => {
            if let Ran::Kept(value) = ran
                && error.kind() == model::Kind::OutcomeUnknown
            {
                after(&value);
            }
            Err(error.clone())
        }
    }
}

impl Postgres {
    async fn transaction<T, W, A>(&self, proof: Proof, work: &W, after: A) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>>,
        A: FnOnce(&T) + Send + 'static,
        T: Send + 'static,
    {
        for attempt in 1.. {
            let open =
                Open::begin(postgres::client(&self.pool).await?, proof.lock(), proof.writers()).await?;
            let mut connection = Connection::postgres(open.client()?);
            let ran = AssertUnwindSafe(work(&mut connection)).catch_unwind().await;
            let ran = ran.unwrap_or_else(|panic| Err(Error::internal(panic_text(&*panic))));
            let (health, revokes) = (connection.health(), connection.has_notified());
            match ran {
                Ok(Attempt::Commit(value)) if health == Health::Whole => {
                    // From here the request may go away: COMMIT and what follows it belong together.
                    let ended = tokio::spawn(commit(self.pool.clone(), open, proof, revokes, value, after));
                    return ended.await.unwrap_or_else(|error| Err(outcome_unknown(error)));
                }
                Ok(Attempt::Discard(value)) if health == Health::Whole => {
                    open.roll_back().await;
                    return Ok(value);
                }
                _ if health == Health::Repeatable && attempt < TRIES => {
                    open.roll_back().await;
                    metrics::counter!("muster_database_repeats_total").increment(1);
                    tokio::time::sleep(proof.jitter(attempt)).await;
                }
                Ok(_) => {
                    open.roll_back().await;
                    return Err(went_on());
                }
                Err(error) => {
                    open.roll_back().await;
                    return Err(error);
                }
            }
        }
        Err(Error::internal("unreachable: the last attempt answers"))
    }
}

async fn commit<T>(
    pool: Pool,
    open: Open,
    proof: Proof,
    revokes: bool,
    value: T,
    after: impl FnOnce(&T),
) -> Result<T> {
    let error = match open.commit().await {
        Err(error) => error,
        Ok(client) => {
            after(&value);
            if let Some(client) = client.filter(|_| revokes) {
                outlast_writers(&client, proof).await?;
            }
            return Ok(value);
        }
    };
    if !postgres::is_lost(&error) {
        return Err(postgres::error(error));
    }
    let found = proof.find(&pool).await;
    if let Some(false) = found {
        return Err(Error::unavailable("database.unavailable", error));
    }
    after(&value);
    if found.is_none() {
        return Err(outcome_unknown(error));
    }
    if revokes {
        outlast_writers(&postgres::client(&pool).await.map_err(outcome_unknown)?, proof).await?;
    }
    Ok(value)
}

/// What was revoked is acknowledged only when nobody can commit any more who began before it and so has not seen it.
/// Whoever begins later reads the rows as they are now. Nobody waits for this one while holding what a writer needs, so it
/// can't be part of a deadlock.
async fn outlast_writers(client: &deadpool_postgres::Client, proof: Proof) -> Result<()> {
    let mut outcome = Ok(());
    // A try waits as long as `lock_timeout` says; no writer lives longer than its own limits.
    for _ in 0..OUTLASTING {
        outcome = postgres::outlast_writers(client, proof.writers()).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map_err(outcome_unknown)
}

/// How often it is tried to outlast the writers of before.
const OUTLASTING: usize = 6;

impl Proof {
    /// The random part of the entry's id.
    fn random(self) -> u64 {
        self.entry.0.as_u64_pair().1
    }

    /// The lock that the transaction holds while it is under way.
    fn lock(self) -> i64 {
        self.random().cast_signed()
    }

    /// The lock that all writers of the organization share.
    fn writers(self) -> i32 {
        let (high, low) = self.org.0.as_u64_pair();
        let bytes = (high ^ low).to_be_bytes();
        i32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
    }

    /// Up to 4, 8, 16 … milliseconds, different for operations that have met.
    fn jitter(self, attempt: u32) -> Duration {
        Duration::from_micros(self.random().rotate_right(attempt * 7) % (2000 << attempt))
    }

    /// Whether the entry is there, now that its transaction has ended; `None` when nobody can be asked.
    async fn find(self, pool: &Pool) -> Option<bool> {
        // Long enough for a server to be started again, short enough for somebody who waits.
        for pause in [0, 300, 1000, 3000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if let Ok(found) = self.look(pool).await {
                return Some(found);
            }
        }
        None
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
