//! One SQL text per question, answered by `SQLite` or PostgreSQL.
//!
//! `db.rs` opens the database and is the one door to a transaction that writes; `sql.rs` is what goes into a statement
//! and comes out of a row. Each noun has its file of questions, written against [`Connection`] and naming no engine.

/// Under which name the driver of PostgreSQL writes into the log: below `info` it writes every parameter.
pub const DRIVER_LOG: &str = "tokio_postgres";

pub mod access;
pub mod access_paths;
pub mod activity;
pub mod application_permissions;
pub mod audit;
pub mod audit_list;
pub mod audit_tree;
pub mod clock;
mod commit;
mod connection;
pub mod credentials;
pub mod data_exports;
mod db;
pub mod devices;
pub mod email_directory;
pub mod endings;
pub mod erasure;
pub mod grants;
pub mod group_list;
pub mod group_owners;
pub mod groups;
pub mod health;
pub mod holders;
pub mod idempotency;
pub mod invitation_list;
pub mod invitations;
pub mod jobs;
pub mod links;
mod listing;
pub mod made_within;
pub mod mails;
pub mod member_list;
pub mod memberships;
mod migrations;
pub mod nestings;
pub mod notices;
mod notify;
pub mod orgs;
mod pooler;
mod postgres;
pub mod probe;
pub mod reserved_addresses;
pub mod role_holders;
pub mod roles;
mod search_words;
pub mod session_list;
pub mod sessions;
pub mod setup;
mod sql;
mod sqlite;
pub mod stray_sign_ins;
#[cfg(feature = "testing")]
pub mod testing;
mod text_rules;
pub mod token_list;
pub mod tokens;
pub mod user_list;
pub mod users;
mod writer;
mod writing;

/// Makes an `async fn` answer a boxed future, which a caller in another crate can await without compiling its body again.
///
/// Every public `async fn` of this crate and of `app` carries it, unless it is generic (`tests/structure.rs`). It is the
/// attribute that `async-recursion` has for another purpose. It costs one allocation for each call, and took the debug
/// build of `web` from 187 s to 69 s.
pub use async_recursion::async_recursion as boxed;
pub use commit::{Outcome, committed};
pub use connection::{Connection, Engine, Part};
pub use db::{Attempt, Database, Lane, Options, Proof};
pub use notify::Listener;
pub use postgres::check_address;
pub use sql::{Column, Columns, Record, Row, Sql, Value};
pub use writing::Writing;
