//! What is true about people, access and accounts, whatever stores or shows it: types and rules, no I/O, no async.
//!
//! Read `lifecycle.rs` first: where a user stands, and what may happen next. Time and randomness come in through
//! the `Clock` and `Entropy` of `time.rs` and `id.rs`; nothing here asks the machine for either.

pub mod error;
pub mod id;
pub mod time;

pub use error::{Error, FieldError, Kind, Result};
pub use id::{EntryId, Entropy, JobId, OrgId, SessionId, TokenId, UserId};
pub use time::{Clock, Timestamp};
