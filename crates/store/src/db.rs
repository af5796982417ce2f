//! The database: opening it, reading from it, and the one door to a transaction that writes.
//!
//! What both engines promise is written here; how each keeps it is in `sqlite.rs` with `writer.rs`, and `postgres.rs`.
//! Nothing outside these files, `sql.rs`, `connection.rs` and `notify.rs` names an engine's driver.

use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Pool;
use futures_util::FutureExt;
use model::{EntryId, Error, OrgId, Result};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::{
    boxed,
    commit::{Ending, Outcome, commit},
    connection::{Connection, Engine, Health, panic_text, went_on},
    migrations,
    notify::{Listener, Ways},
    pooler::{self, Way},
    postgres::{self, Open, Server},
    sqlite::{self, Readers},
    text_rules::{self, Position},
    writer::{self, Answer, Ran, Writer, outcome_unknown},
    writing::Writing,
};

/// How often an operation is run before contention is given as its answer.
const TRIES: u32 = 6;
/// Searches and exports of `SQLite` that run at once; others wait.
const BLOCKING_READS: usize = 4;
/// How long a node waits for another that migrates.
const MIGRATING: Duration = Duration::from_secs(120);

/// Where the data is and how much of it at once.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH` or `postgres://user:password@host/name?sslmode=require&sslrootcert=FILE`.
    pub url: String,
    /// Where PostgreSQL itself is reached, if a pooler stands behind `url`: notifications and migrations go there.
    pub listen_url: Option<String>,
    /// Connections kept: to PostgreSQL at most this many, of `SQLite`'s readers this many stay open.
    pub pool_size: usize,
    /// Interactive jobs that may wait for `SQLite`'s writer before others are told to come back later.
    pub queue: usize,
}

impl Options {
    /// The usual sizes for `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), listen_url: None, pool_size: 16, queue: 4096 }
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
    /// Nobody: the worker tidies. In the order of those that are waited for, but with as much time as an import.
    Background,
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
    ways: Ways,
    /// Whether a pooler is on the way that writes take.
    is_shared: bool,
    /// Whether the last COMMIT had no answer in time, as when a standby that must confirm it is gone.
    stuck: Arc<AtomicBool>,
}

impl Database {
    /// Opens the database; does not migrate it. A `SQLite` file is made if need be, and belongs to this process alone
    /// (`database.in_use` otherwise).
    #[boxed]
    pub async fn open(options: &Options) -> Result<Self> {
        Writing::Possible.show();
        if let Some(path) = options.url.strip_prefix("sqlite:") {
            let path = PathBuf::from(path);
            let lock = sqlite::claim(&path).await?;
            let writer = Writer::start(sqlite::writer(&path)?, lock, options.queue)?;
            let readers = Arc::new(Readers::new(path, options.pool_size));
            let blocking = Arc::new(Semaphore::new(BLOCKING_READS));
            return Ok(Self(Store::Sqlite(Arc::new(Sqlite { writer, readers, blocking }))));
        }
        Ok(Self(Store::Postgres(Arc::new(Postgres::open(options).await?))))
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
        self.migrate_within(MIGRATING).await
    }

    /// The same; waits at most `patience` for another node that is about it (`database.migrating`).
    #[boxed]
    pub async fn migrate_within(&self, patience: Duration) -> Result<usize> {
        match &self.0 {
            Store::Sqlite(sqlite) => {
                sqlite.writer.alone(move |driver| sqlite_migrations(driver, patience)).await?
            }
            Store::Postgres(postgres) => {
                let direct = postgres.direct().await?;
                let client = postgres::client(&direct).await?;
                postgres_migrations(&mut Connection::postgres(&client).patient_if(true), patience).await
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
            Store::Postgres(postgres) => postgres.read(false, work).await,
        }
    }

    /// Runs what may take longer (searches, exports) where it keeps nobody from being served.
    pub async fn read_blocking<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Connection<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let sqlite = match &self.0 {
            Store::Sqlite(sqlite) => sqlite,
            Store::Postgres(postgres) => return postgres.read(true, work).await,
        };
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
    /// * `after` runs once the change is (or may be: [`Outcome`]) in the database, whether or not somebody still waits:
    ///   that is where caches learn of it. It does not run for a refusal or a dry run.
    /// * Dropping the future stops nothing on `SQLite`, and undoes a PostgreSQL transaction that has not reached its
    ///   COMMIT; in no case is there half a change, or a change without its `after`.
    pub async fn transaction<T, W, A>(&self, proof: Proof, lane: Lane, work: W, after: A) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
        A: FnOnce(&T, Outcome) + Send + 'static,
        T: Send + 'static,
    {
        match &self.0 {
            Store::Sqlite(sqlite) => sqlite.transaction(lane, work, after).await,
            Store::Postgres(postgres) => postgres.transaction(proof, lane, &work, after).await,
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
            Store::Postgres(postgres) => Some(Listener::start(&postgres.ways, node, delivered, connected)),
        }
    }

    /// Removes what deleted rows have left behind in `SQLite`'s files: their words in the search's index, and their pages
    /// in the log. (In the database file itself, freed space is overwritten with zeros at once.) PostgreSQL does the like
    /// when it vacuums. The index is rewritten in small steps, between which others get their turn.
    #[boxed]
    pub async fn scrub(&self) -> Result<()> {
        let Store::Sqlite(sqlite) = &self.0 else { return Ok(()) };
        let mut begin = true;
        while !sqlite.writer.write_alone(move |connection| sqlite::merge_words(connection, begin)).await? {
            begin = false;
        }
        if sqlite.writer.write_alone(|connection| sqlite::empty_log(connection)).await? {
            return Ok(());
        }
        Err(Error::unavailable("database.log_in_use", "somebody still reads from the write-ahead log"))
    }

    /// Whether anything can be saved.
    pub fn writing(&self) -> Writing {
        match &self.0 {
            Store::Sqlite(sqlite) => sqlite.writer.writing(),
            Store::Postgres(postgres) if postgres.stuck.load(Ordering::Relaxed) => Writing::Hanging,
            Store::Postgres(_) => Writing::Possible,
        }
    }

    /// Whether writing has not stopped for good: it has after a failed COMMIT of `SQLite`, until the next start.
    pub fn is_writable(&self) -> bool {
        self.writing() != Writing::Stopped
    }

    /// Lets the next COMMIT of `SQLite` fail with this code of its own.
    #[cfg(feature = "testing")]
    pub(crate) fn fail_next_commit(&self, code: i32) {
        if let Store::Sqlite(sqlite) = &self.0 {
            sqlite.writer.fail_next_commit(code);
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

    /// Listens at `url`, whatever is there.
    #[cfg(feature = "testing")]
    pub(crate) fn listen_through(
        &self,
        url: &str,
        delivered: impl Fn(&str) + Send + Sync + 'static,
    ) -> Option<Listener> {
        let Store::Postgres(postgres) = &self.0 else { return None };
        let ways = Ways { writing: postgres.ways.writing.clone(), direct: Server::parse(url).ok()? };
        Some(Listener::start(&ways, uuid::Uuid::from_u128(99), delivered, || {}))
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
fn sqlite_migrations(driver: &mut rusqlite::Connection, patience: Duration) -> Result<usize> {
    let waited = || Error::internal("a migration waited for something");
    let mut connection = Connection::sqlite_reader(driver);
    let applied = migrations::apply(&mut connection, migrations::ALL, patience).now_or_never();
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
async fn postgres_migrations(connection: &mut Connection<'_>, patience: Duration) -> Result<usize> {
    let applied = migrations::apply(connection, migrations::ALL, patience).await?;
    let mut position = text_rules::are_behind(connection).await?.then_some(Position::START);
    while let Some(from) = position {
        connection.batch("BEGIN").await?;
        let walked = async {
            migrations::take_turn(connection, patience).await?;
            // Another node may have come to the end meanwhile.
            if text_rules::are_behind(connection).await? {
                text_rules::step(connection, from).await
            } else {
                Ok(None)
            }
        };
        let walked = walked.await;
        position = migrations::end(connection, walked).await?;
    }
    Ok(applied)
}

impl Sqlite {
    async fn transaction<T, W, A>(&self, lane: Lane, work: W, after: A) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
        A: FnOnce(&T, Outcome) + Send + 'static,
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

fn settle<T>(ran: Ran<T>, outcome: &Result<()>, after: impl FnOnce(&T, Outcome)) -> Result<T> {
    match (ran, outcome) {
        (Ran::Kept(value), Ok(())) => {
            after(&value, Outcome::Committed);
            Ok(value)
        }
        (Ran::Undone(answer), Ok(())) => answer,
        (ran, Err(error)) => {
            if let Ran::Kept(value) = ran
                && error.kind() == model::Kind::OutcomeUnknown
            {
                after(&value, Outcome::Unknown);
            }
            Err(error.clone())
        }
    }
}

impl Postgres {
    /// Connects, and refuses ways on which Muster would not hear or not run.
    async fn open(options: &Options) -> Result<Self> {
        let writing = Server::parse(&options.url)?;
        let direct = options.listen_url.as_deref().map(Server::parse).transpose()?;
        let is_shared = match pooler::examine(&writing).await? {
            Way::Direct => false,
            Way::Shared { keeps_statements: false } => return Err(pooler::forgetful()),
            Way::Shared { keeps_statements: true } => true,
        };
        match &direct {
            Some(direct) if pooler::examine(direct).await? != Way::Direct => return Err(pooler::unheard()),
            None if is_shared => return Err(pooler::unheard()),
            _ => {}
        }
        let pool = writing.pool(options.pool_size, is_shared).await?;
        let direct = direct.unwrap_or_else(|| writing.clone());
        Ok(Self { pool, ways: Ways { writing, direct }, is_shared, stuck: Arc::default() })
    }

    /// Connections that lead to PostgreSQL itself.
    async fn direct(&self) -> Result<Pool> {
        if self.is_shared { self.ways.direct.pool(1, false).await } else { Ok(self.pool.clone()) }
    }

    /// Reads on a connection of the pool, `patient` with statements that take their time.
    async fn read<T, F>(&self, patient: bool, work: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Connection<'_>) -> Result<T>,
    {
        let client = postgres::client(&self.pool).await?;
        let mut connection = Connection::postgres(&client).patient_if(patient);
        let read = work(&mut connection).await;
        if connection.health() == Health::Lost {
            drop(deadpool_postgres::Client::take(client));
        }
        read
    }

    async fn transaction<T, W, A>(&self, proof: Proof, lane: Lane, work: &W, after: A) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>>,
        A: FnOnce(&T, Outcome) + Send + 'static,
        T: Send + 'static,
    {
        for attempt in 1.. {
            let open =
                Open::begin(postgres::client(&self.pool).await?, proof.lock(), proof.writers()).await?;
            let mut connection = Connection::postgres(open.client()?).patient_if(lane != Lane::Interactive);
            let ran = AssertUnwindSafe(work(&mut connection)).catch_unwind().await;
            let ran = ran.unwrap_or_else(|panic| Err(Error::internal(panic_text(&*panic))));
            let health = connection.health();
            let notices = connection.take_notices();
            match ran {
                Ok(Attempt::Commit(value)) if health == Health::Whole => {
                    // From here the request may go away: COMMIT and what follows it belong together.
                    let (pool, stuck) = (self.pool.clone(), Arc::clone(&self.stuck));
                    let ending = Ending { pool, stuck, notices };
                    let ended = tokio::spawn(commit(ending, open, proof, (value, after)));
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
                Err(error) if health == Health::Lost => {
                    open.abandon();
                    return Err(error);
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
