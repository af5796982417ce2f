//! One SQL text per question, answered by `SQLite` or PostgreSQL.
//!
//! `db.rs` opens the database and is the one door to a transaction that writes; `sql.rs` is what goes into a statement
//! and comes out of a row. Each noun has its file of questions, written against [`Connection`] and naming no engine.

mod connection;
mod db;
mod migrations;
mod notify;
mod postgres;
mod sql;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;
mod writer;

pub use connection::{Connection, Engine};
pub use db::{Attempt, Database, Lane, Options, Proof};
pub use notify::Listener;
pub use sql::{Column, Columns, Record, Row, Sql, Value};
