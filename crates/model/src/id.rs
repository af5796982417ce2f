//! Identifiers: UUIDv7 (RFC 9562 §5.7), one type per noun, so that a session's id is never taken for a user's.
//!
//! The 74 random bits stay random: an id can't be guessed from its neighbours. Ids are never used twice.

use std::{fmt, str::FromStr};
use uuid::{Builder, Uuid};

use crate::{Error, Result, Timestamp};

/// Where randomness comes from. The server's is the operating system's; a test's repeats.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A fresh UUIDv7 for `now`.
pub fn new_uuid(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid()
}

/// The smallest id of that moment: all that were made before are smaller, all that are made later are larger.
pub fn boundary(at: Timestamp) -> Uuid {
    Builder::from_unix_timestamp_millis(at.millis(), &[0; 10]).into_uuid()
}

/// When an id was made, to the millisecond.
pub fn made_at(id: Uuid) -> Timestamp {
    let (high, _) = id.as_u64_pair();
    Timestamp::from_micros(i64::try_from(high >> 16).unwrap_or(0).saturating_mul(1_000))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(new_uuid(now, entropy))
            }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = Error;
            /// An id that can't be read names nothing: 404, as for one that never existed.
            fn from_str(text: &str) -> Result<Self> {
                Uuid::try_parse(text).map(Self).map_err(|_| Error::not_found())
            }
        }
    )+ };
}

ids! {
    /// An organization.
    OrgId,
    /// A user: a person or a program, in exactly one organization.
    UserId,
    /// A group.
    GroupId,
    /// A role of an organization's own.
    RoleId,
    /// A signed-in browser or device.
    SessionId,
    /// An API token.
    TokenId,
    /// An entry of the audit log; also the id of the operation that wrote it.
    EntryId,
    /// A row of the outbox.
    JobId,
    /// A single-use link in a mail.
    LinkId,
    /// A mail.
    MailId,
    /// An invitation.
    InvitationId,
    /// An export of all that is held on a person.
    DataExportId,
    /// A browser that a person has signed in with, known by its cookie.
    DeviceId,
}
