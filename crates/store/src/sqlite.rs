//! `SQLite`: opening the file alone and safely, binding by number, and the pool of reading connections.
//!
//! Writing belongs to `writer.rs`. Memory: no memory map (an I/O error there would be a signal, not an error), a page
//! cache that only grows with use, four times smaller for readers than for the writer.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::{Error, Kind, Result};
use parking_lot::Mutex;
use rusqlite::{
    ErrorCode, OpenFlags,
    config::DbConfig,
    types::{FromSqlError, ToSql, ToSqlOutput, ValueRef},
};

use crate::sql::{Record, Row, Value};

/// The code of an error for want of room.
pub(crate) const FULL: &str = "database.full";

/// Statements kept prepared on each connection, on either engine.
pub(crate) const STATEMENTS: usize = 512;
/// How long an opener waits for the one before it to end, as at a restart.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

const WRITER: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 16000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16384;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;";
const READER: &str = "
    PRAGMA query_only = ON;
    PRAGMA cache_size = -4096;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;";

/// Makes sure that file and directory exist, for their owner only, and takes the lock that lets one process in.
pub(crate) async fn claim(path: &Path) -> Result<File> {
    let refused = |what: &str, error: &dyn std::fmt::Display| {
        let message = format!("Muster can't use the database file {}.", path.display());
        Error::new(Kind::Unavailable, "database.unusable", message).with_detail(format!("{what}: {error}"))
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|error| refused("create its directory", &error))?;
    }
    let private = |path: &Path| {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    };
    let lock = private(&beside(path, ".lock")).map_err(|error| refused("open its lock file", &error))?;
    let mut waited = Duration::ZERO;
    while let Err(error) = rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(refused("lock it", &error));
        }
        if waited >= LOCK_PATIENCE {
            let message = format!("Another process is using the database {}.", path.display());
            return Err(Error::new(Kind::Unavailable, "database.in_use", message));
        }
        waited += Duration::from_millis(50);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    private(path).map_err(|error| refused("open it", &error))?;
    Ok(lock)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The connection that writes; there is one.
pub(crate) fn writer(path: &Path) -> Result<rusqlite::Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER)
}

/// One step of [`crate::Database::scrub`]: merges some of the index of words, which only then drops the words of deleted
/// rows. `true` when nothing is left to merge.
pub(crate) fn merge_words(connection: &rusqlite::Connection, begin: bool) -> rusqlite::Result<bool> {
    const PAGES: i64 = 256;
    const MERGE: &str = "INSERT INTO user_search (user_search, rank) VALUES ('merge', ?1)";
    let before = connection.total_changes();
    // A negative number makes everything one segment, step by step; then positive ones go on with it.
    let pages = if begin { -PAGES } else { PAGES };
    connection.prepare_cached(MERGE).and_then(|mut merge| merge.execute([pages]))?;
    // From the documentation of FTS5: a difference of less than two says that there was nothing to do.
    Ok(connection.total_changes() - before < 2)
}

/// Copies the log into the database file and empties it; `false` while somebody still reads from it.
pub(crate) fn empty_log(connection: &rusqlite::Connection) -> rusqlite::Result<bool> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

fn connect(path: &Path, mode: OpenFlags, settings: &str) -> Result<rusqlite::Connection> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags).map_err(error)?;
    // A plan is made of the text alone. Otherwise every statement whose values could sway the planner (a `LIMIT $2` is
    // enough) is planned anew at each use, which took half of the time of writing.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(error)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(error)?;
    connection.execute_batch(settings).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Connections that only read. One is opened whenever none is free, and `keep` of them stay open.
pub(crate) struct Readers {
    path: PathBuf,
    keep: usize,
    free: Mutex<Vec<rusqlite::Connection>>,
}

/// A reading connection on loan; goes back when dropped, also after a panic.
pub(crate) struct Reader {
    connection: Option<rusqlite::Connection>,
    home: Arc<Readers>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, keep: usize) -> Self {
        Self { path, keep, free: Mutex::default() }
    }

    pub(crate) fn borrow(self: &Arc<Self>) -> Result<Reader> {
        let free = self.free.lock().pop();
        let connection = match free {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER)?,
        };
        Ok(Reader { connection: Some(connection), home: Arc::clone(self) })
    }

    pub(crate) fn close(&self) {
        self.free.lock().clear();
    }
}

impl Reader {
    pub(crate) fn connection(&mut self) -> Result<&mut rusqlite::Connection> {
        self.connection.as_mut().ok_or_else(|| Error::internal("a reader was used after it was given back"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut free = self.home.free.lock();
        if let Some(connection) = self.connection.take()
            && free.len() < self.home.keep
        {
            free.push(connection);
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Id(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

/// `SQLite` takes `$2` for a name, numbered by first appearance: bind by the number in the name, never by position.
fn bind(statement: &mut rusqlite::Statement<'_>, values: &[Value<'_>]) -> Result<()> {
    let mut highest = 0;
    for position in 1..=statement.parameter_count() {
        let name = statement.parameter_name(position).and_then(|name| name.strip_prefix('$'));
        let number: usize = name
            .and_then(|digits| digits.parse().ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| Error::internal("only $1, $2 … may be parameters of a statement"))?;
        let value =
            values.get(number - 1).ok_or_else(|| Error::internal(format!("no value for ${number}")))?;
        if has_nul(*value) {
            return Err(unstorable(format!("a NUL in ${number}")));
        }
        statement.raw_bind_parameter(position, value).map_err(error)?;
        highest = highest.max(number);
    }
    if highest == values.len() {
        Ok(())
    } else {
        Err(Error::internal(format!("{} values for ${highest} parameters", values.len())))
    }
}

/// Whether a text holds the one character that PostgreSQL can't store. `SQLite` could, but cuts texts there now and then.
fn has_nul(value: Value<'_>) -> bool {
    match value {
        // In JSON it is written `\u0000`; after an escaped backslash that is plain text.
        Value::Json(text) if text.contains(r"\u0000") => text.replace(r"\\", "").contains(r"\u0000"),
        Value::Text(text) | Value::Json(text) => text.contains('\0'),
        _ => false,
    }
}

/// Runs a statement that answers no rows, or whose rows nobody wants.
pub(crate) fn execute(connection: &rusqlite::Connection, sql: &str, values: &[Value<'_>]) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    bind(&mut statement, values)?;
    if statement.column_count() == 0 {
        return statement.raw_execute().map(|count| count as u64).map_err(error);
    }
    let mut rows = statement.raw_query();
    let mut count = 0;
    while rows.next().map_err(error)?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Runs a statement and reads at most `limit` of its rows.
pub(crate) fn query<R: Record>(
    connection: &rusqlite::Connection,
    sql: &str,
    values: &[Value<'_>],
    limit: usize,
) -> Result<Vec<R>> {
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    bind(&mut statement, values)?;
    // A statement that also writes must run to its end, whoever looks at its rows.
    let may_stop = statement.readonly();
    let mut rows = statement.raw_query();
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(error)? {
        if records.len() < limit {
            records.push(R::read(&Row::sqlite(row))?);
        }
        if may_stop && records.len() == limit {
            break;
        }
    }
    Ok(records)
}

/// Reads one column with `read`, or says which one did not hold what was expected.
pub(crate) fn column<'r, T>(
    row: &'r rusqlite::Row<'_>,
    index: usize,
    read: impl FnOnce(&ValueRef<'r>) -> std::result::Result<T, FromSqlError>,
) -> Result<T> {
    let value = row.get_ref(index).map_err(error)?;
    read(&value).map_err(|error| Error::internal(format!("column {index}: {error}")))
}

pub(crate) fn is_null(row: &rusqlite::Row<'_>, index: usize) -> Result<bool> {
    Ok(matches!(row.get_ref(index).map_err(error)?, ValueRef::Null))
}

/// A driver's error as one of ours.
pub(crate) fn error(error: rusqlite::Error) -> Error {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};
    const TAKEN: [i32; 3] = [SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE];
    if let Some(failure) = error.sqlite_error()
        && TAKEN.contains(&failure.extended_code)
    {
        return taken(&error);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::unavailable(FULL, error),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly,
        ) => Error::unavailable("database.unavailable", error),
        _ => Error::internal(error),
    }
}

/// A unique index refused; `index` (for the log) names it. Expected cases use `ON CONFLICT DO NOTHING` instead.
pub(crate) fn taken(index: impl std::fmt::Display) -> Error {
    Error::new(Kind::Conflict, "taken", "Something else already has this value. Choose another.")
        .with_detail(index)
}

/// Text that no engine may be given.
pub(crate) fn unstorable(detail: impl std::fmt::Display) -> Error {
    let message = "The text contains a character that can't be stored.";
    Error::new(Kind::Malformed, "text.unstorable", message).with_detail(detail)
}
