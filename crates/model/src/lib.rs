//! What is true about people, access and accounts, whatever stores or shows it: types and rules, no I/O, no async.
//!
//! Read `lifecycle.rs` first: where a user stands, and what may happen next. Time and randomness come in through
//! the `Clock` and `Entropy` of `time.rs` and `id.rs`; nothing here asks the machine for either.

pub mod access;
pub mod access_paths;
pub mod activity;
pub mod activity_words;
pub mod application_permission;
pub mod audit;
pub mod bidi;
pub mod catalogue;
pub mod credential;
pub mod credential_change;
pub mod csv;
pub mod data_export;
pub mod device;
pub mod erasure;
pub mod error;
pub mod explanation;
pub mod filter;
pub mod given_date;
pub mod grant;
pub mod group;
pub mod group_query;
pub mod id;
pub mod impact;
pub mod invitation;
pub mod invitation_query;
pub mod invitee;
pub mod job;
pub mod lifecycle;
mod lifecycle_names;
pub mod link;
mod lookalike;
pub mod mail;
pub mod merkle;
mod names;
pub mod network;
pub mod object;
pub mod org;
pub mod outgrown;
pub mod page;
pub mod plan;
pub mod rights;
pub mod role;
pub mod search;
pub mod session;
pub mod settings;
pub mod strength;
pub mod text;
pub mod time;
pub mod token;
pub mod unacceptable;
pub mod user;
mod user_check;
mod username;
mod validate;
pub mod zone;

pub use access::{Permission, Permissions, Role};
pub use audit::Agent;
pub use credential::Password;
pub use error::{Error, FieldError, Kind, Result};
pub use id::{
    DataExportId, DeviceId, Entropy, EntryId, GroupId, InvitationId, JobId, LinkId, MailId, OrgId, RoleId,
    SessionId, TokenId, UserId,
};
pub use lifecycle::{Action, State, Status};
pub use org::{Org, OrgContext};
pub use rights::Rights;
pub use role::RoleKey;
pub use settings::Settings;
pub use time::{Clock, Timestamp};
pub use user::{User, UserFields};
pub use zone::Zone;
