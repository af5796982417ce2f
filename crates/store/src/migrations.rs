//! The schema's history, one ordered list for both engines, and what brings a database up to its end.
//!
//! Each migration runs in a transaction of its own and is never changed after a release: its hash is kept, and a
//! database that has seen another text, or a later one, is refused. On `SQLite` the caller is the only writer; on
//! PostgreSQL a lock makes nodes that start together take turns. It belongs to the step's transaction, so that no pooler
//! and no lost connection can keep it.

use std::time::{Duration, SystemTime};

use model::{Error, Kind, Result};
use sha2::{Digest, Sha256};

use crate::{Connection, Engine, Sql, values};

/// One step of the schema.
pub(crate) struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// A step in `migrations/NAME.sql`, or, with `by engine`, in `NAME.sqlite.sql` and `NAME.postgres.sql`.
macro_rules! step {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/", $name, ".sql")),
        }
    };
    ($version:literal, $name:literal, by engine) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("../migrations/", $name, ".postgres.sql")),
        }
    };
}

/// In order; versions count from 1 without a gap. A released step is never edited: add one that corrects it.
pub(crate) const ALL: &[Migration] = &[
    step!(1, "0001_engine", by engine),
    step!(2, "0002_users", by engine),
    step!(3, "0003_spine"),
    step!(4, "0004_links_and_mail"),
    step!(5, "0005_password_history"),
    step!(6, "0006_recovery"),
    step!(7, "0007_mail_news"),
    step!(8, "0008_session_devices"),
    step!(9, "0009_data_exports"),
    step!(10, "0010_audit_tree", by engine),
    step!(11, "0011_groups_and_roles"),
    step!(12, "0012_tokens_of_others"),
    step!(13, "0013_text_rules"),
    step!(14, "0014_shutting_out"),
    step!(15, "0015_made_within"),
    step!(16, "0016_nodes"),
    step!(17, "0017_email_directory"),
    step!(18, "0018_audit_due"),
    step!(19, "0019_known_devices"),
    step!(20, "0020_clock"),
    step!(21, "0021_names_of_others"),
    step!(22, "0022_audit_expiring"),
    step!(23, "0023_begun_within"),
    step!(24, "0024_short_pending_list", by engine),
    step!(25, "0025_earlier_sessions"),
    step!(26, "0026_typed_members"),
    step!(27, "0027_names_kept", by engine),
    step!(28, "0028_typed_by_owners", by engine),
    step!(29, "0029_names_of_one", by engine),
];

impl Migration {
    fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    fn hash(&self, engine: Engine) -> String {
        hex::encode(Sha256::digest(self.text(engine)))
    }
}

/// How many steps of `all` wait.
pub(crate) async fn pending(connection: &mut Connection<'_>, all: &[Migration]) -> Result<usize> {
    const EXISTS: Sql = Sql::by_engine(
        "SELECT count(*) > 0 FROM sqlite_master WHERE name = 'schema_migrations'",
        // Not `to_regclass`: whoever has waited for a turn would be told from memory what was so before.
        "SELECT count(*) > 0 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = 'schema_migrations' AND n.nspname = ANY (current_schemas(false))",
    );
    let (exists,): (bool,) = connection.one(EXISTS, &[]).await?;
    if !exists {
        return Ok(all.len());
    }
    let sql = "SELECT version, name, hash FROM schema_migrations ORDER BY version";
    let applied: Vec<(i64, String, String)> = connection.all(sql, &[]).await?;
    let engine = connection.engine();
    for (index, (version, name, hash)) in applied.iter().enumerate() {
        let Some(known) = all.get(index).filter(|known| known.version == *version) else {
            let message =
                "This database was last used by a newer Muster. Install that version, or a later one.";
            let detail = format!("migration {version} ({name}) is not known here");
            return Err(Error::new(Kind::Unavailable, "database.newer", message).with_detail(detail));
        };
        if known.hash(engine) != *hash {
            let message = "This database was made by a different build of Muster, with another schema.";
            let detail = format!("migration {version} ({name}) had another text when it was applied");
            return Err(Error::new(Kind::Unavailable, "database.differs", message).with_detail(detail));
        }
    }
    Ok(all.len() - applied.len())
}

/// Applies the steps of `all` that wait, and answers how many those were. Each waits at most `patience` for another node
/// that is about the same.
pub(crate) async fn apply(
    connection: &mut Connection<'_>,
    all: &[Migration],
    patience: Duration,
) -> Result<usize> {
    let mut applied = 0;
    loop {
        connection.batch("BEGIN").await?;
        let done = apply_next(connection, all, patience).await;
        if !end(connection, done).await? {
            return Ok(applied);
        }
        applied += 1;
    }
}

/// Ends a transaction: commits what was done, and undoes what failed.
pub(crate) async fn end<T>(connection: &mut Connection<'_>, done: Result<T>) -> Result<T> {
    let done = match done {
        Ok(done) => connection.batch("COMMIT").await.map(|()| done),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // What failed first says more than that undoing failed, too.
        let _ = connection.batch("ROLLBACK").await;
    }
    done
}

/// Applies the first step that waits, if there is one.
async fn apply_next(connection: &mut Connection<'_>, all: &[Migration], patience: Duration) -> Result<bool> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version bigint NOT NULL PRIMARY KEY, name text NOT NULL, hash text NOT NULL, applied_at bigint NOT NULL)";
    if connection.engine() == Engine::Postgres {
        take_turn(connection, patience).await?;
    }
    let waiting = pending(connection, all).await?;
    let Some(migration) = all.get(all.len() - waiting) else { return Ok(false) };
    tracing::info!(version = migration.version, name = migration.name, "migrating the database");
    connection.batch(TABLE).await?;
    let named = |error: Error| {
        let detail = format!("migration {}: {}", migration.name, error.detail().unwrap_or_default());
        error.with_detail(detail)
    };
    apply_one(connection, migration).await.map_err(named)?;
    Ok(true)
}

/// Waits until no other node migrates. A step has the time that it takes.
pub(crate) async fn take_turn(connection: &mut Connection<'_>, patience: Duration) -> Result<()> {
    let turn = format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
         SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock(hashtext('muster'), hashtext('migrations'))",
        patience.as_millis().max(1)
    );
    let taken = connection.batch(&turn).await;
    taken.map_err(|error| {
        if error.code() != "database.contention" {
            return error;
        }
        let message = format!(
            "Another node of Muster has been migrating this database for over {} seconds. Wait until it is done, then \
             start again; pg_locks shows who holds the advisory lock.",
            patience.as_secs()
        );
        Error::new(Kind::Unavailable, "database.migrating", message)
            .with_detail(error.detail().unwrap_or_default())
    })
}

async fn apply_one(connection: &mut Connection<'_>, migration: &Migration) -> Result<()> {
    let engine = connection.engine();
    connection.batch(migration.text(engine)).await?;
    let sql = "INSERT INTO schema_migrations (version, name, hash, applied_at) VALUES ($1, $2, $3, $4)";
    let hash = migration.hash(engine);
    connection.execute(sql, values![migration.version, migration.name, &hash, applied_at()]).await?;
    Ok(())
}

/// For whoever looks into the table; nothing is decided by it.
#[expect(
    clippy::disallowed_methods,
    reason = "a note for operators, made before there is an application with a clock"
)]
fn applied_at() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const FIRST: Migration = Migration {
        version: 1,
        name: "0001_a",
        sqlite: "CREATE TABLE a (x bigint); INSERT INTO a VALUES (1)",
        postgres: "",
    };
    const SECOND: Migration =
        Migration { version: 2, name: "0002_b", sqlite: "CREATE TABLE b (x bigint)", postgres: "" };
    const BROKEN: Migration =
        Migration { version: 2, name: "0002_b", sqlite: "INSERT INTO a VALUES (2); NONSENSE", postgres: "" };
    const CHANGED: Migration =
        Migration { version: 1, name: "0001_a", sqlite: "CREATE TABLE a (y bigint)", postgres: "" };

    fn apply_all(database: &mut rusqlite::Connection, all: &[Migration]) -> Result<usize> {
        apply(&mut Connection::sqlite_reader(database), all, Duration::ZERO).now_or_never().unwrap()
    }

    #[test]
    fn steps_are_applied_once_and_in_order() {
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        assert_eq!(
            pending(&mut Connection::sqlite_reader(&mut database), &[FIRST]).now_or_never().unwrap().unwrap(),
            1
        );
        assert_eq!(apply_all(&mut database, &[FIRST]).unwrap(), 1);
        assert_eq!(apply_all(&mut database, &[FIRST, SECOND]).unwrap(), 1);
        assert_eq!(apply_all(&mut database, &[FIRST, SECOND]).unwrap(), 0);
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_and_can_be_repeated() {
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        assert!(apply_all(&mut database, &[FIRST, BROKEN]).is_err());
        let count: i64 = database.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
        assert_eq!(apply_all(&mut database, &[FIRST, SECOND]).unwrap(), 1);
    }

    #[test]
    fn a_newer_or_different_database_is_refused() {
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        apply_all(&mut database, &[FIRST, SECOND]).unwrap();
        assert_eq!(apply_all(&mut database, &[FIRST]).unwrap_err().code(), "database.newer");
        assert_eq!(apply_all(&mut database, &[CHANGED, SECOND]).unwrap_err().code(), "database.differs");
    }

    #[test]
    fn versions_count_from_one_without_a_gap() {
        for (index, migration) in (1_i64..).zip(ALL) {
            assert_eq!(migration.version, index);
            assert!(migration.name.starts_with(&format!("{index:04}_")), "{}", migration.name);
        }
    }
}
