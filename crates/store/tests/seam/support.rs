//! A small database of people, on both engines, for the tests of the seam.

use std::{
    future::poll_fn,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use model::{EntryId, Error, OrgId, Result};
use store::{
    Attempt, Connection, Database, Lane, Options, Outcome, Proof, Sql,
    testing::{Postgres, Scratch},
    values,
};
use uuid::Uuid;

/// An open database with the tables of these tests.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) url: String,
    scratch: Scratch,
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let scratch = Scratch::new();
        let options = Options::new(scratch.sqlite());
        Self::open(scratch, &options).await
    }

    /// On `SQLite`, with room for `queue` waiting jobs.
    pub(crate) async fn sqlite_with_queue(queue: usize) -> Self {
        let scratch = Scratch::new();
        let options = Options { queue, ..Options::new(scratch.sqlite()) };
        Self::open(scratch, &options).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::postgres_on(Postgres::shared(), 16).await
    }

    pub(crate) async fn postgres_on(server: &Postgres, pool_size: usize) -> Self {
        let options = Options { pool_size, ..Options::new(server.database()) };
        Self::open(Scratch::new(), &options).await
    }

    pub(crate) async fn both() -> [Self; 2] {
        [Self::sqlite().await, Self::postgres().await]
    }

    /// The same data, opened again.
    pub(crate) fn with(self, database: Database) -> Self {
        Self { database, ..self }
    }

    /// Where the `SQLite` file is.
    pub(crate) fn file(&self) -> PathBuf {
        self.scratch.path().join("muster.db")
    }

    async fn open(scratch: Scratch, options: &Options) -> Self {
        let database = Database::open(options).await.unwrap();
        write(&database, Lane::Interactive, async |connection| {
            let statements = [
                "CREATE TABLE people (key bigint PRIMARY KEY, name text NOT NULL UNIQUE, version bigint NOT NULL)",
                "CREATE TABLE audit_entries (org_id uuid, id uuid, PRIMARY KEY (org_id, id))",
                "CREATE TABLE nodes (id uuid PRIMARY KEY, seen_at bigint NOT NULL)",
            ];
            for sql in statements {
                connection.execute(sql, values![]).await?;
            }
            let search = Sql::by_engine(
                "CREATE VIRTUAL TABLE user_search USING fts5 (words, tokenize = 'trigram', content = '', contentless_delete = 1)",
                "SELECT 1",
            );
            connection.execute(search, values![]).await?;
            Ok(Attempt::Commit(()))
        })
        .await
        .unwrap();
        Self { database, url: options.url.clone(), scratch }
    }

    pub(crate) async fn count(&self, sql: impl Into<Sql<'_>>) -> i64 {
        let sql = sql.into();
        let row: Result<(i64,)> =
            self.database.read(async |connection| connection.one(sql, values![]).await).await;
        row.unwrap().0
    }

    pub(crate) async fn people(&self) -> i64 {
        self.count("SELECT count(*) FROM people").await
    }

    /// How many people have search words; on PostgreSQL, where there are none, how many people.
    pub(crate) async fn searchable(&self) -> i64 {
        self.count(Sql::by_engine("SELECT count(*) FROM user_search", "SELECT count(*) FROM people")).await
    }

    /// Every person came with an audit entry and search words: there are `expected` of each.
    pub(crate) async fn assert_whole(&self, expected: i64) {
        let entries = self.count("SELECT count(*) FROM audit_entries").await;
        assert_eq!((self.people().await, entries, self.searchable().await), (expected, expected, expected));
    }

    /// Waits until PostgreSQL has no transaction of this database open or under way.
    pub(crate) async fn until_idle(&self) {
        let busy = Sql::by_engine(
            "SELECT 0",
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
             AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        eventually(async || self.count(busy).await == 0).await;
    }
}

pub(crate) fn proof() -> Proof {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Proof { org: OrgId(Uuid::from_u128(7)), entry: EntryId(Uuid::from_u128(u128::from(number))) }
}

pub(crate) async fn write<T, W>(database: &Database, lane: Lane, work: W) -> Result<T>
where
    W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
    T: Send + 'static,
{
    database.transaction(proof(), lane, work, |_, _| {}).await
}

/// Adds a person with an audit entry and search words.
pub(crate) async fn insert(connection: &mut Connection<'_>, proof: Proof, key: i64) -> Result<()> {
    let name = format!("person {key}");
    let statements: [(&'static str, &[store::Value<'_>]); 2] = [
        ("INSERT INTO people (key, name, version) VALUES ($1, $2, 1)", values![key, &name]),
        ("INSERT INTO audit_entries (org_id, id) VALUES ($1, $2)", values![proof.org, proof.entry]),
    ];
    connection.execute_all(&statements).await?;
    connection.index_search(proof.org, key, Some(&name))
}

pub(crate) async fn add(database: &Database, key: i64) -> Result<()> {
    let proof = proof();
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, key).await?;
        Ok(Attempt::Commit(()))
    };
    database.transaction(proof, Lane::Interactive, work, |(), _| {}).await
}

/// The same, and `after` counts.
pub(crate) async fn add_counted(database: &Database, key: i64, after: Arc<AtomicUsize>) -> Result<()> {
    let proof = proof();
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, key).await?;
        Ok(Attempt::Commit(()))
    };
    let count = move |&(): &(), _: Outcome| {
        after.fetch_add(1, Ordering::SeqCst);
    };
    database.transaction(proof, Lane::Interactive, work, count).await
}

pub(crate) fn refusal() -> Error {
    Error::not_found()
}

/// Waits for something that comes sooner or later; a minute is never.
pub(crate) async fn eventually(mut come: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if come().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came");
}

/// Polls `future` at most `polls` times, letting others run in between, then drops it.
pub(crate) async fn impatient<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Another process, as far as the `SQLite` file can tell.
pub(crate) fn stranger(file: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(file).unwrap()
}

/// A gate in front of COMMIT, on PostgreSQL: whoever has touched `people` waits there until [`open_gate`].
pub(crate) async fn close_gate(database: &Database) {
    write(database, Lane::Interactive, async |connection| {
        let statements = [
            "CREATE TABLE gate (open boolean)",
            "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
                WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN NULL; END $body$",
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON people
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass()",
        ];
        for sql in statements {
            connection.execute(sql, values![]).await?;
        }
        Ok(Attempt::Commit(()))
    })
    .await
    .unwrap();
}

/// Waits until somebody stands at the gate.
pub(crate) async fn until_at_gate(fixture: &Fixture) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'";
    eventually(async || fixture.count(waiting).await > 0).await;
}

pub(crate) async fn open_gate(database: &Database) {
    write(database, Lane::Interactive, async |connection| {
        connection.execute("INSERT INTO gate VALUES (true)", values![]).await?;
        Ok(Attempt::Commit(()))
    })
    .await
    .unwrap();
}
