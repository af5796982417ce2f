//! `muster migrate`: bring the database up to date.

use model::{Error, Kind, Result};
use store::Database;

use super::Session;
use crate::output;

/// Opens the database, which nobody else may hold if it is the embedded one, and migrates it.
pub(crate) async fn run(session: &Session) -> Result<()> {
    let opened = Database::open(&session.config.store()).await;
    let database = opened.map_err(|error| match error.code() {
        "database.in_use" => {
            let message = "A server is running with this database, and has migrated it when it started. \
                           To migrate with another version, stop the server first.";
            Error::new(Kind::Unavailable, "database.in_use", message)
        }
        _ => error,
    })?;
    let applied = database.migrate().await;
    database.close().await;
    let applied = applied?;
    if session.json {
        return output::json(&serde_json::json!({ "applied": applied }));
    }
    output::line(match applied {
        0 => "The database is up to date.".to_owned(),
        1 => "Applied 1 migration; the database is up to date.".to_owned(),
        many => format!("Applied {many} migrations; the database is up to date."),
    })
}
