//! Facts about the database itself, for whoever looks after it.

use model::{Result, Timestamp};

use crate::{Connection, Record, Row, Sql, boxed};

/// What the engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// The character class locale; empty where there is none. Under `C`, PostgreSQL takes letters outside ASCII for
    /// no letters, and the trigram index leaves them out.
    pub ctype: String,
    /// Whether the trigram index can be used.
    pub has_trigrams: bool,
    /// Its clock; `None` where it has none of its own.
    pub clock: Option<Timestamp>,
}

impl Record for Facts {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (version, ctype, has_trigrams) = (columns.take()?, columns.take()?, columns.take()?);
        let clock: i64 = columns.take()?;
        Ok(Self { version, ctype, has_trigrams, clock: (clock > 0).then(|| Timestamp::from_micros(clock)) })
    }
}

/// Asks the engine.
#[boxed]
pub async fn facts(connection: &mut Connection<'_>) -> Result<Facts> {
    const SQLITE: &str = "SELECT sqlite_version(), '', TRUE, 0";
    const POSTGRES: &str = "SELECT current_setting('server_version'), \
        (SELECT datctype::text FROM pg_database WHERE datname = current_database()), \
        EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'), \
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    connection.one(Sql::by_engine(SQLITE, POSTGRES), &[]).await
}
