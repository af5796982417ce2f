//! Every event of the audit log, with whose each value is that its entries hold.
//!
//! What is about a user is erased with that user; nothing else is. So an entry about one user, or about a group or a role,
//! holds no name or address of another user: it holds the id, and whoever shows the entry looks the name up. An entry with
//! an event or a value that is not in this table is refused when it is to be written.

use serde_json::Value;

use super::Entry;
use crate::UserId;

/// Whose a value of an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueOf {
    /// The user's whom the entry is about: it is erased with that user.
    Target,
    /// Nobody's: names of groups and roles, settings, counts, ids of things.
    Nobody,
    /// The id of another user.
    User,
}

use ValueOf::{Nobody, Target, User};

/// Any other value of the event.
const REST: &str = "*";

/// Event, and the values that its entries may hold.
pub const EVENTS: &[(&str, &[(&str, ValueOf)])] = &[
    ("access.copied", &[("from_id", User), ("given", Target)]),
    ("access.denied", &[("request", Nobody)]),
    ("account.notices_changed", &[("muted", Target)]),
    ("audit.expired", &[("before", Nobody)]),
    ("audit.exported", &[("export", Nobody)]),
    (
        "audit.loss_accepted",
        &[("contradicted", Nobody), ("entries", Nobody), ("missing", Nobody), ("root", Nobody)],
    ),
    ("device.removed", &[("device", Target)]),
    ("email.change_cancelled", &[("address", Target)]),
    ("email.change_requested", &[("email", Target)]),
    ("email.change_undone", RECORD),
    ("email.changed", RECORD),
    ("email.outgrown", &[("address", Target)]),
    ("email.verification_sent", &[("address", Target)]),
    ("email.verified", &[("email_verified", Target)]),
    ("group.created", GROUP),
    ("group.deleted", GROUP),
    ("group.moved", PARENT),
    ("group.nested", PARENT),
    ("group.nesting_expired", PARENT),
    ("group.owner_added", &[("owner_id", User)]),
    ("group.owner_removed", &[("owner_id", User)]),
    ("group.role_expired", &[("role", Nobody)]),
    ("group.role_granted", &[("role", Nobody), ("valid_from", Nobody), ("valid_until", Nobody)]),
    ("group.role_revoked", &[("role", Nobody)]),
    ("group.unnested", PARENT),
    ("group.updated", GROUP),
    ("invitation.link_copied", &[("address", Target)]),
    ("mail.retried", &[("mails", Nobody), ("state", Nobody)]),
    ("mail.test_sent", &[("address", Target), ("mail", Nobody)]),
    ("membership.added", MEMBERSHIP),
    ("membership.expired", MEMBERSHIP),
    ("membership.removed", MEMBERSHIP),
    ("org.created", &[("slug", Nobody)]),
    ("org.renamed", &[("slug", Nobody)]),
    ("owner.recovered", PASSWORD),
    ("password.change_required", PASSWORD),
    ("password.changed", PASSWORD),
    ("password.chosen", PASSWORD),
    ("password.expired", PASSWORD),
    ("password.outgrown", PASSWORD),
    ("password.reset", PASSWORD),
    ("password.reset_link_sent", &[("address", Target)]),
    ("password.set_temporary", PASSWORD),
    ("permission.defined", &[("description", Nobody)]),
    ("permission.removed", &[("description", Nobody), ("roles", Nobody)]),
    ("role.created", &[(REST, Nobody)]),
    ("role.deleted", &[(REST, Nobody)]),
    ("role.expired", &[("role", Target)]),
    ("role.granted", &[("role", Target), ("valid_from", Target), ("valid_until", Target)]),
    ("role.revoked", &[("role", Target)]),
    ("role.updated", &[(REST, Nobody)]),
    ("session.ended", &[("session", Target), ("sessions", Target)]),
    (
        "session.ended_in_bulk",
        &[
            ("active_since", Nobody),
            ("address", Nobody),
            ("method", Nobody),
            ("platform", Nobody),
            ("remembered", Nobody),
            ("sessions", Nobody),
            ("user", User),
        ],
    ),
    ("session.started", &[("method", Target)]),
    ("settings.changed", &[(REST, Nobody)]),
    ("sign_in.disowned", PASSWORD),
    ("sign_in.failed", &[]),
    ("token.created", TOKEN),
    ("token.outgrown", TOKEN),
    ("token.revoked", TOKEN),
    ("user.accepted", STATE),
    ("user.activated", STATE),
    ("user.activity_exported", &[]),
    ("user.created", RECORD),
    ("user.data_downloaded", &[]),
    ("user.data_exported", &[]),
    // Of former versions: where the trash keeps nobody, this was the permanent deletion, with its receipt's counts.
    ("user.deleted", &[("locked_until", Target), ("state", Target), ("valid_until", Target), (REST, Nobody)]),
    ("user.deprovisioned", STATE),
    ("user.edited", RECORD),
    ("user.invitation_cancelled", STATE),
    ("user.invitation_outgrown", &[("address", Target)]),
    ("user.invitation_reminded", &[]),
    ("user.invited", STATE),
    ("user.locked", STATE),
    ("user.password_locked", PASSWORD),
    ("user.password_unlocked", PASSWORD),
    // Written after the values of its target were erased: only counts.
    ("user.purged", &[(REST, Nobody)]),
    ("user.reactivated", STATE),
    ("user.rejected", STATE),
    ("user.restored", STATE),
    ("user.settled", STATE),
    ("user.signed_up", STATE),
    ("user.suspended", STATE),
    ("user.unlocked", STATE),
];

const RECORD: &[(&str, ValueOf)] = &[("manager", User), ("responsible", User), (REST, Target)];
const GROUP: &[(&str, ValueOf)] =
    &[("description", Nobody), ("groups", Nobody), ("name", Nobody), ("users", Nobody)];
const PARENT: &[(&str, ValueOf)] =
    &[("parent", Nobody), ("parent_id", Nobody), ("valid_from", Nobody), ("valid_until", Nobody)];
const MEMBERSHIP: &[(&str, ValueOf)] =
    &[("group", Target), ("group_id", Target), ("valid_from", Target), ("valid_until", Target)];
const PASSWORD: &[(&str, ValueOf)] =
    &[("expires_at", Target), ("must_change", Target), ("password_locked_until", Target), ("tokens", Target)];
const STATE: &[(&str, ValueOf)] = &[("locked_until", Target), ("state", Target), ("valid_until", Target)];
const TOKEN: &[(&str, ValueOf)] = &[("name", Target), ("scopes", Target), ("token", Target)];

/// Whose a value is; `None` if the table does not know the event or the value.
pub fn value_of(event: &str, field: &str) -> Option<ValueOf> {
    let (_, fields) = EVENTS.iter().find(|(name, _)| *name == event)?;
    let of = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, of)| *of);
    of(field).or_else(|| of(REST))
}

/// Why an entry may not be written as it is; `None` if it may.
pub fn objection(entry: &Entry) -> Option<String> {
    let event = &entry.event;
    if !EVENTS.iter().any(|(name, _)| name == event) {
        return Some(format!("the event {event} is not in the table of events"));
    }
    for (field, changed) in &entry.changes {
        let is_known = match value_of(event, field) {
            None => return Some(format!("{event}: the table of events does not say whose {field} is")),
            Some(Target) => entry.target_type == "user",
            Some(Nobody) => true,
            Some(User) => [&changed.before, &changed.after].into_iter().all(is_id),
        };
        if !is_known {
            return Some(format!("{event}: {field} is not what the table of events says"));
        }
    }
    None
}

fn is_id(value: &Value) -> bool {
    value.is_null() || user_in(value).is_some()
}

fn user_in(value: &Value) -> Option<UserId> {
    value.as_str()?.parse().ok()
}

impl Entry {
    /// The other users to whom it refers, by field and in its reason.
    pub fn references(&self) -> Vec<UserId> {
        let fields = self.changes.iter().filter(|(field, _)| value_of(&self.event, field) == Some(User));
        let mut users: Vec<UserId> = fields
            .flat_map(|(_, changed)| [&changed.before, &changed.after])
            .filter_map(user_in)
            .chain(crate::grant::copied_from(&self.reason))
            .collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Writes names beside the ids of other users, for people to read: `owner` beside `owner_id`, and in the reason. What
    /// is stored and proven has the ids alone.
    pub fn name_references(&mut self, name: impl Fn(UserId) -> Option<String>) {
        let named: Vec<(String, super::Changed)> = self
            .changes
            .iter()
            .filter(|(field, _)| value_of(&self.event, field) == Some(User))
            .filter_map(|(field, changed)| {
                let shown = |value: &Value| user_in(value).and_then(&name).map_or(Value::Null, Value::from);
                let named = super::Changed { before: shown(&changed.before), after: shown(&changed.after) };
                Some((field.strip_suffix("_id")?.to_owned(), named))
            })
            .collect();
        for (field, changed) in named {
            // An entry from before names were looked up holds the name of that time.
            self.changes.entry(field).or_insert(changed);
        }
        if let Some(user) = crate::grant::copied_from(&self.reason) {
            self.reason = crate::grant::reason_in_words(&self.reason, name(user).as_deref());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Agent, EntryId, Timestamp,
        audit::{Changed, Door},
    };

    fn entry(event: &str, target_type: &str, field: &str, after: Value) -> Entry {
        Entry {
            id: EntryId(uuid::Uuid::nil()),
            at: Timestamp::from_micros(0),
            event: event.to_owned(),
            actor: Agent::System,
            actor_name: String::new(),
            target_type: target_type.to_owned(),
            target: uuid::Uuid::nil(),
            target_name: String::new(),
            changes: [(field.to_owned(), Changed { before: Value::Null, after })].into(),
            reason: String::new(),
            request_id: String::new(),
            address: String::new(),
            door: Door::Api,
            erased_at: None,
        }
    }

    #[test]
    fn what_the_table_does_not_know_is_not_written() {
        let id = json!("00000000-0000-0000-0000-000000000007");
        assert_eq!(objection(&entry("user.edited", "user", "title", json!("Lead"))), None);
        assert_eq!(objection(&entry("group.owner_added", "group", "owner_id", id.clone())), None);
        for refused in [
            entry("user.teleported", "user", "title", json!("Lead")),
            entry("group.owner_added", "group", "owner", json!("Ana")),
            entry("group.owner_added", "group", "owner_id", json!("Ana")),
            entry("mail.test_sent", "org", "address", json!("ana@acme.example")),
        ] {
            assert!(objection(&refused).is_some(), "{refused:?}");
        }
        let mut shown = entry("group.owner_added", "group", "owner_id", id);
        assert_eq!(shown.references().len(), 1);
        shown.name_references(|_| Some("Ana".to_owned()));
        assert_eq!(shown.changes["owner"].after, "Ana");
    }

    #[test]
    fn events_are_in_order_and_each_is_there_once() {
        assert!(EVENTS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
