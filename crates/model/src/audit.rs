//! What an entry of the audit log says: who did what to whom, when, why, from where, and what changed.
//!
//! An entry is written in the transaction of its change, by `app/src/operation.rs` and nothing else. Secrets never
//! appear in it: not passwords, not hashes, not tokens. Whose each value is says `events.rs`; how an entry proves that it is what was written, `seal.rs`.

pub mod checkpoint;
pub mod events;
pub mod query;
pub mod seal;

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde_json::{Map, Value};

use crate::{EntryId, Error, Result, Timestamp, UserId};

/// Who acts: a user, the operator on the host (command line), or Muster itself (timers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agent {
    /// A user, through a session or an API token.
    User(UserId),
    /// The operator, on the host.
    Operator,
    /// Muster's own worker.
    System,
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::System => f.write_str("system"),
        }
    }
}

impl FromStr for Agent {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "operator" => Ok(Self::Operator),
            "system" => Ok(Self::System),
            id => id.parse().map(Self::User),
        }
    }
}

impl serde::Serialize for Agent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Agent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Through which door a change came.
pub use door::Door;
mod door {
    crate::names::names! {
        /// Through which door a change came.
        Door {
            /// The console or the person's own pages.
            Console = "console",
            /// The REST API.
            Api = "api",
            /// The command line.
            CommandLine = "cli",
            /// A timer.
            Worker = "worker",
        }
    }
}

/// Value before and after, per field.
pub type Changes = BTreeMap<String, Changed>;

/// One field's value before and after; `null` where there was or is none.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Changed {
    /// Before.
    pub before: Value,
    /// After.
    pub after: Value,
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// The entry's, and the operation's.
    pub id: EntryId,
    /// When the operation ran.
    pub at: Timestamp,
    /// What happened: `user.suspended`.
    pub event: String,
    /// Who did it.
    pub actor: Agent,
    /// The actor's name at the time.
    pub actor_name: String,
    /// To what: `user`, `org`, `token`, `session`.
    pub target_type: String,
    /// Whose id.
    pub target: uuid::Uuid,
    /// The target's name at the time.
    pub target_name: String,
    /// What changed.
    pub changes: Changes,
    /// Why: a stable reason, a note.
    pub reason: String,
    /// The request's id, as in the log and in the answer's `X-Request-Id`.
    pub request_id: String,
    /// Where from.
    pub address: String,
    /// Through which door.
    pub door: Door,
    /// When personal values were taken out of it, if they were.
    pub erased_at: Option<Timestamp>,
}

/// The fields that differ between two JSON objects.
pub fn changes(before: &Map<String, Value>, after: &Map<String, Value>) -> Changes {
    let mut changes = Changes::new();
    for name in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            let value = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
            changes.insert(name.clone(), Changed { before: value(old), after: value(new) });
        }
    }
    changes
}
