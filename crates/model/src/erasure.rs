//! The receipt of an erasure: who was deleted permanently, when, by whom, and how much was removed.
//!
//! It names nobody: the person is an id and a pseudonym, what was removed is counted. It can be had for as long as the
//! audit log keeps the entry that it is read from.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Agent, Timestamp, UserId, audit::Entry};

/// The event that is recorded when somebody is deleted permanently.
pub const EVENT: &str = "user.purged";

/// What is said of how much was removed: the stable name, and the words for it.
pub const REMOVED: [(&str, &str); 17] = [
    ("profile", "Profile"),
    ("roles", "Roles"),
    ("groups", "Memberships in groups"),
    ("owned_groups", "Groups looked after"),
    ("sessions", "Sessions"),
    ("tokens", "API tokens"),
    ("links", "Links in mails"),
    ("mails", "Mails"),
    ("invitations", "Invitations"),
    ("failures", "Failed sign-ins"),
    ("data_exports", "Exports of the data"),
    ("devices", "Devices and countries signed in with"),
    ("known_devices", "Known devices"),
    ("networks", "Networks signed in from"),
    ("reserved_addresses", "Addresses kept for the person"),
    ("muted_notices", "Notices switched off"),
    ("audit_entries", "Audit entries, from which names and values were taken"),
];

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Whose data was erased: the id stays, and names nobody.
    #[schema(value_type = uuid::Uuid)]
    pub user: UserId,
    /// What stands in place of the name.
    pub pseudonym: String,
    /// When.
    #[schema(value_type = String)]
    pub erased_at: Timestamp,
    /// By whom: an id, `operator`, or `system` when the time in the trash was over.
    #[schema(value_type = String)]
    pub erased_by: Agent,
    /// Their name at the time.
    pub erased_by_name: String,
    /// The entry of the audit log that proves it.
    #[schema(value_type = uuid::Uuid)]
    pub entry: crate::EntryId,
    /// What was removed, counted.
    pub removed: Vec<Removed>,
}

/// How much of one kind was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removed {
    /// Which kind.
    pub kind: String,
    /// How many.
    pub count: i64,
}

impl Removed {
    /// The kind as people read it.
    pub fn label(&self) -> &str {
        REMOVED.iter().find(|(kind, _)| *kind == self.kind).map_or(&self.kind, |(_, label)| label)
    }
}

impl Receipt {
    /// The receipt that an entry of the audit log is, if it is one.
    pub fn of(entry: &Entry) -> Option<Self> {
        if entry.event != EVENT {
            return None;
        }
        let count = |kind: &str| entry.changes.get(kind).and_then(|changed| changed.before.as_i64());
        let removed = REMOVED.iter().filter_map(|(kind, _)| Some(((*kind).to_owned(), count(kind)?)));
        Some(Self {
            user: UserId(entry.target),
            pseudonym: entry.target_name.clone(),
            erased_at: entry.at,
            erased_by: entry.actor,
            erased_by_name: entry.actor_name.clone(),
            entry: entry.id,
            removed: removed.map(|(kind, count)| Removed { kind, count }).collect(),
        })
    }

    /// As plain text, to be filed.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Receipt of an erasure\n\nUser:         {}\nPseudonym:    {}\nErased at:    {}\nErased by:    {} ({})\n\
             Audit entry:  {}\n\nRemoved:\n",
            self.user, self.pseudonym, self.erased_at, self.erased_by_name, self.erased_by, self.entry
        );
        for removed in &self.removed {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{:>8}  {}", removed.count, removed.label());
        }
        text
    }
}
