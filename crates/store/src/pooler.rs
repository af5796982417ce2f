//! Whether a pooler stands between Muster and PostgreSQL that gives every transaction another connection.
//!
//! Through such a one nothing can be listened to, and what is said once for a connection (settings, prepared statements)
//! is said to somebody else. It looks like PostgreSQL, so it is found by what it does.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use model::{Error, Kind, Result};
use tokio_postgres::{Client, SimpleQueryMessage, error::SqlState};

use crate::postgres::{self, Server};

/// How often it is tried: one that has many connections may happen to give the same one again.
const TRIES: usize = 3;
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A connection is one.
    Direct,
    /// A connection is a different one for every transaction.
    Shared {
        /// Prepared statements work nevertheless.
        keeps_statements: bool,
    },
}

/// Finds out with two connections: the first sets a variable, the second opens a transaction and must not see it; and
/// while that one is open the first must still be where it was.
pub(crate) async fn examine(server: &Server) -> Result<Way> {
    let (first, _driver) = server.connect().await?;
    let (second, _other_driver) = server.connect().await?;
    for _ in 0..TRIES {
        let way = compare(&first, &second).await?;
        if way != Way::Direct {
            return Ok(way);
        }
    }
    Ok(Way::Direct)
}

async fn compare(first: &Client, second: &Client) -> Result<Way> {
    let mark = RandomState::new().build_hasher().finish();
    let set = format!("SELECT pg_backend_pid(), set_config('muster.probe', '{mark}', false)");
    let [before, _] = ask(first, &set).await?;
    let prepared = tokio::time::timeout(PATIENCE, first.prepare("SELECT 1")).await;
    let statement = match prepared.map_err(|late| Error::unavailable("database.unreachable", late))? {
        // Somebody else's statement has that name there already, or ours is gone: names are given by each connection.
        Err(error) if matches!(error.code().map(SqlState::code), Some("42P05" | "26000")) => {
            return Ok(Way::Shared { keeps_statements: false });
        }
        prepared => prepared.map_err(postgres::error)?,
    };
    let seen = ask(second, "BEGIN; SELECT current_setting('muster.probe', true), pg_backend_pid()").await;
    let [seen, _] = seen?;
    let is_seen = seen.as_deref() == Some(mark.to_string().as_str());
    let after = ask(first, "SELECT pg_backend_pid(), NULL").await;
    let moved = match &after {
        Ok([after, _]) => *after != before,
        // It waits for the one connection that the second holds.
        Err(_) if is_seen => true,
        Err(error) => return Err(error.clone()),
    };
    let ran = within(first.query(&statement, &[])).await;
    within(second.simple_query("ROLLBACK")).await?;
    if is_seen || moved {
        let keeps_statements = after.is_err() || ran.is_ok();
        return Ok(Way::Shared { keeps_statements });
    }
    ran.map(|_| Way::Direct)
}

/// The two columns of the one row that `sql` answers.
async fn ask(client: &Client, sql: &str) -> Result<[Option<String>; 2]> {
    let messages = within(client.simple_query(sql)).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let column = |index| row.and_then(|row| row.get(index)).map(str::to_owned);
    Ok([column(0), column(1)])
}

async fn within<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
    let answer = tokio::time::timeout(PATIENCE, work).await;
    answer.map_err(|late| Error::unavailable("database.unreachable", late))?.map_err(postgres::error)
}

/// Refuses a pooler through which notifications don't come.
pub(crate) fn unheard() -> Error {
    let message = "Muster reaches PostgreSQL through a connection pooler in transaction mode and could not hear what \
                   other nodes change. Set database.listen_url to an address that leads to PostgreSQL itself, or let \
                   database.url do so.";
    Error::new(Kind::Unavailable, "database.pooler", message)
}

/// Refuses a pooler through which no statement would run.
pub(crate) fn forgetful() -> Error {
    let message = "The connection pooler in front of PostgreSQL forgets prepared statements, as PgBouncer before 1.21 \
                   does in transaction mode: no request could be answered. Let database.url lead to PostgreSQL itself, \
                   set pool_mode = session, or use PgBouncer 1.21 or newer with max_prepared_statements.";
    Error::new(Kind::Unavailable, "database.pooler_statements", message)
}
