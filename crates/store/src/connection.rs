//! A connection on which statements run, on either engine: what the rest of the store is written against.
//!
//! It knows whether its transaction is still whole; `db.rs` decides what follows from that. The few things that
//! the engines do differently (search words, notifications) are named functions here.

use std::{any::Any, collections::BTreeMap, time::Duration};

use model::{Error, OrgId, Result};

use crate::{
    boxed, postgres, search_words,
    sql::{Record, Sql, Value},
    sqlite,
};

/// The two databases that Muster runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Embedded; one process.
    Sqlite,
    /// A server, for several nodes.
    Postgres,
}

/// Search words of `SQLite` that wait for the group's commit: by `users.key`; `None` deletes.
pub(crate) type Words = BTreeMap<i64, Option<String>>;

/// Where statements run: inside a transaction of [`crate::Database::transaction`], or on a connection that only reads.
pub struct Connection<'t> {
    inner: Inner<'t>,
    health: Health,
    /// What the other nodes are told once this is committed.
    notices: Vec<String>,
    /// How long a statement may go without an answer of PostgreSQL.
    patience: Duration,
}

enum Inner<'t> {
    Sqlite { connection: &'t mut rusqlite::Connection, words: Option<&'t mut Words> },
    Postgres(&'t deadpool_postgres::Client),
}

/// What a transaction has been through. On PostgreSQL an error spoils the whole transaction: COMMIT would answer
/// "done" and have rolled back, so a statement is suspect from its sending until its success. `SQLite` would go on,
/// but is held to the same rule, so that what works on one engine works on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Whole,
    Spoiled,
    Repeatable,
    /// Nobody answers on this connection.
    Lost,
}

/// Where one part of a transaction begins, so that it alone can be undone.
#[derive(Debug)]
pub struct Part {
    words: Words,
    notices: usize,
}

impl<'t> Connection<'t> {
    pub(crate) fn sqlite_reader(connection: &'t mut rusqlite::Connection) -> Self {
        Self::of(Inner::Sqlite { connection, words: None })
    }

    pub(crate) fn sqlite_writer(connection: &'t mut rusqlite::Connection, words: &'t mut Words) -> Self {
        Self::of(Inner::Sqlite { connection, words: Some(words) })
    }

    pub(crate) fn postgres(client: &'t deadpool_postgres::Client) -> Self {
        Self::of(Inner::Postgres(client))
    }

    fn of(inner: Inner<'t>) -> Self {
        Self { inner, health: Health::Whole, notices: Vec::new(), patience: postgres::SILENCE }
    }

    /// For searches, exports, imports and what else takes its time: as long as the server gives any statement.
    pub(crate) fn patient_if(self, patient: bool) -> Self {
        Self { patience: if patient { postgres::LONG_SILENCE } else { postgres::SILENCE }, ..self }
    }

    /// What the other nodes are told once this is committed; for whoever must tell them again.
    pub(crate) fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    pub(crate) fn health(&self) -> Health {
        self.health
    }

    /// Which engine answers. Rules never ask; statements that differ are made with [`Sql::by_engine`].
    pub fn engine(&self) -> Engine {
        match &self.inner {
            Inner::Sqlite { .. } => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Whether nobody else can write before this transaction ends, so that what was asked before a write is still true
    /// after it.
    pub fn writes_alone(&self) -> bool {
        matches!(self.inner, Inner::Sqlite { .. })
    }

    /// Runs a statement and answers how many rows it touched.
    pub async fn execute(&mut self, sql: impl Into<Sql<'_>>, values: &[Value<'_>]) -> Result<u64> {
        let sql = sql.into();
        count_statements(1);
        #[cfg(feature = "testing")]
        crate::testing::note_statement(sql.sqlite, values);
        match &mut self.inner {
            Inner::Sqlite { connection, words } => {
                let connection = usable(connection, words.is_some());
                let ran = connection.and_then(|on| sqlite::execute(on, sql.sqlite, values));
                ran.inspect_err(|_| self.health = Health::Spoiled)
            }
            Inner::Postgres(client) => {
                let statement = postgres::execute(client, sql.postgres, values);
                watched(&mut self.health, self.patience, statement).await
            }
        }
    }

    /// Runs statements in order whose results nobody waits for: one round trip on PostgreSQL.
    pub async fn execute_all<'s, S: Into<Sql<'s>> + Copy>(
        &mut self,
        statements: &[(S, &[Value<'_>])],
    ) -> Result<()> {
        count_statements(statements.len());
        #[cfg(feature = "testing")]
        for (sql, values) in statements {
            crate::testing::note_statement((*sql).into().sqlite, values);
        }
        match &mut self.inner {
            Inner::Sqlite { connection, words } => {
                let ran = statements.iter().try_for_each(|(sql, values)| {
                    let connection = usable(connection, words.is_some())?;
                    sqlite::execute(connection, (*sql).into().sqlite, values).map(drop)
                });
                ran.inspect_err(|_| self.health = Health::Spoiled)
            }
            Inner::Postgres(client) => {
                let texts: Vec<_> =
                    statements.iter().map(|(sql, values)| ((*sql).into().postgres, *values)).collect();
                watched(&mut self.health, self.patience, postgres::execute_all(client, &texts)).await
            }
        }
    }

    /// Every row of the answer. Statements bound it themselves (`LIMIT`).
    pub async fn all<R: Record>(&mut self, sql: impl Into<Sql<'_>>, values: &[Value<'_>]) -> Result<Vec<R>> {
        self.query(sql.into(), values, usize::MAX).await
    }

    /// The first row, if there is one.
    pub async fn optional<R: Record>(
        &mut self,
        sql: impl Into<Sql<'_>>,
        values: &[Value<'_>],
    ) -> Result<Option<R>> {
        Ok(self.query(sql.into(), values, 1).await?.pop())
    }

    /// The first row; that there is none would be a defect.
    pub async fn one<R: Record>(&mut self, sql: impl Into<Sql<'_>>, values: &[Value<'_>]) -> Result<R> {
        let sql = sql.into();
        let row = self.query(sql, values, 1).await?.pop();
        row.ok_or_else(|| Error::internal(format!("no row where there must be one: {}", sql.sqlite)))
    }

    async fn query<R: Record>(&mut self, sql: Sql<'_>, values: &[Value<'_>], limit: usize) -> Result<Vec<R>> {
        count_statements(1);
        #[cfg(feature = "testing")]
        crate::testing::note_statement(sql.sqlite, values);
        match &mut self.inner {
            Inner::Sqlite { connection, words } => {
                let connection = usable(connection, words.is_some());
                let read = connection.and_then(|on| sqlite::query(on, sql.sqlite, values, limit));
                read.inspect_err(|_| self.health = Health::Spoiled)
            }
            Inner::Postgres(client) => {
                watched(&mut self.health, self.patience, postgres::query(client, sql, values, limit)).await?
            }
        }
    }

    /// Begins a part that can be undone without the rest of the transaction: one row of many. Parts don't nest.
    #[boxed]
    pub async fn begin_part(&mut self) -> Result<Part> {
        self.execute("SAVEPOINT part", &[]).await?;
        let words = match &self.inner {
            Inner::Sqlite { words: Some(words), .. } => (**words).clone(),
            _ => Words::new(),
        };
        Ok(Part { words, notices: self.notices.len() })
    }

    /// Keeps what the part has written.
    #[boxed]
    pub async fn keep_part(&mut self, _: Part) -> Result<()> {
        self.execute("RELEASE SAVEPOINT part", &[]).await.map(drop)
    }

    /// Undoes what the part has written. A statement that failed in it still spoils the whole transaction.
    #[boxed]
    pub async fn undo_part(&mut self, part: Part) -> Result<()> {
        self.execute_all::<&str>(&[("ROLLBACK TO SAVEPOINT part", &[]), ("RELEASE SAVEPOINT part", &[])])
            .await?;
        self.notices.truncate(part.notices);
        if let Inner::Sqlite { words: Some(words), .. } = &mut self.inner {
            **words = part.words;
        }
        Ok(())
    }

    /// Runs a text of several statements, without parameters and without a transaction around it: for migrations.
    pub(crate) async fn batch(&mut self, text: &str) -> Result<()> {
        match &mut self.inner {
            Inner::Sqlite { connection, .. } => connection.execute_batch(text).map_err(sqlite::error),
            Inner::Postgres(client) => client.batch_execute(text).await.map_err(postgres::error),
        }
    }

    /// Makes the user whose `users.key` is `key` findable in `org` by `text` (lower-case, without accents), or by nothing.
    ///
    /// `SQLite` writes the words of the whole group once, just before its commit: FTS5 makes a segment per savepoint.
    /// On PostgreSQL there is nothing to do: the text is a column with a trigram index.
    pub fn index_search(&mut self, org: OrgId, key: i64, text: Option<&str>) -> Result<()> {
        match &mut self.inner {
            Inner::Sqlite { words: Some(words), .. } => {
                words.insert(key, text.map(|text| search_words::indexed(org, text)));
                Ok(())
            }
            Inner::Sqlite { words: None, .. } => {
                Err(Error::internal("search words on a connection that only reads"))
            }
            Inner::Postgres(_) => Ok(()),
        }
    }

    /// Tells every node, once this transaction is committed, what its caches must forget (`notify.rs`).
    /// PostgreSQL serializes the commits of transactions that notify: only for what caches hold. Alone on `SQLite`,
    /// there is nobody to tell.
    #[boxed]
    pub async fn notify(&mut self, payload: &str) -> Result<()> {
        if self.engine() == Engine::Postgres {
            self.execute("SELECT pg_notify('access', $1)", &[Value::Text(payload)]).await?;
            self.notices.push(payload.to_owned());
        }
        Ok(())
    }
}

/// For a test that wants to know how many there were.
fn count_statements(number: usize) {
    #[cfg(feature = "testing")]
    crate::testing::note_statements(number);
    #[cfg(not(feature = "testing"))]
    let _ = number;
}

/// A full disk and the like end the whole transaction in the middle: what follows would commit statement by statement.
fn usable(connection: &rusqlite::Connection, writing: bool) -> Result<&rusqlite::Connection> {
    if writing && connection.is_autocommit() {
        return Err(Error::unavailable("database.unavailable", "the transaction was lost"));
    }
    Ok(connection)
}

async fn watched<T>(
    health: &mut Health,
    patience: Duration,
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    if *health == Health::Whole {
        *health = Health::Spoiled;
        let answer = tokio::time::timeout(patience, statement).await;
        let Ok(answer) = answer else {
            *health = Health::Lost;
            return Err(postgres::silent());
        };
        *health = match &answer {
            Ok(_) => Health::Whole,
            Err(error) if postgres::is_repeatable(error) => Health::Repeatable,
            Err(_) => Health::Spoiled,
        };
        return answer.map_err(postgres::error);
    }
    if *health == Health::Lost {
        return Err(postgres::silent());
    }
    let answer = tokio::time::timeout(patience, statement).await;
    answer.map_err(|_| postgres::silent())?.map_err(postgres::error)
}

/// A transaction was to be kept although one of its statements had failed.
pub(crate) fn went_on() -> Error {
    Error::internal("an operation went on after a statement of its transaction had failed")
}

/// What a panic said, for the log.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", said.unwrap_or("something that is not text"))
}
