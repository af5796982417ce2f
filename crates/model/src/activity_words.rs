//! Activity in words for people: one sentence for each event, and what changed field by field.
//!
//! An event that is not in the list is told by its name, so that nothing is ever left out. Entries hold no secrets
//! (`audit.rs`), hence nothing here can tell one.

use serde_json::Value;

use crate::{
    Agent, Permission, UserId,
    activity::Item,
    audit::{Changed, Entry},
    mail::{Mail, MailKind, MailState},
};

/// What happened, in words: `{}` is whom it happened to. First when somebody else did it, then when one did it oneself.
const PHRASES: [(&str, &str, &str); 81] = [
    ("session.started", "signed in as {}", "signed in"),
    ("device.removed", "removed a known device of {}", "removed a known device"),
    ("session.ended", "ended a session of {}", "signed out"),
    ("session.ended_in_bulk", "ended sessions of several people", "ended several sessions"),
    ("sign_in.failed", "could not sign in as {}", "could not sign in"),
    ("device.denied", "said that a sign-in was not theirs", "said that a sign-in was not theirs"),
    ("user.created", "created {}", "was created"),
    ("user.edited", "changed the record of {}", "changed the own profile"),
    ("user.invited", "invited {}", "was invited"),
    ("user.invitation_reminded", "reminded {} of the invitation", "was reminded of the invitation"),
    (
        "user.invitation_outgrown",
        "let the expired invitation of {} ask for no other, sent by a weaker administrator",
        "has an expired invitation that asks for no other, sent by a weaker administrator",
    ),
    ("user.invitation_cancelled", "cancelled the invitation of {}", "cancelled the invitation"),
    ("user.accepted", "accepted the invitation of {}", "accepted the invitation"),
    ("user.activated", "activated {}", "activated the account"),
    ("user.settled", "approved a step of {}", "took a step towards being active"),
    ("user.unlocked", "unlocked {}", "unlocked the account"),
    ("user.password_unlocked", "unlocked the password of {}", "unlocked the password"),
    ("user.reactivated", "reactivated {}", "reactivated the account"),
    ("user.restored", "restored {} from the trash", "was restored from the trash"),
    ("user.locked", "locked {}", "locked the account"),
    ("user.suspended", "suspended {}", "suspended the account"),
    ("user.deprovisioned", "deprovisioned {}", "deprovisioned the account"),
    ("user.rejected", "rejected {}", "was rejected"),
    ("user.deleted", "moved {} to the trash", "moved the account to the trash"),
    ("user.purged", "deleted {} permanently", "was deleted permanently"),
    ("user.password_locked", "locked the password of {}", "locked the password by too many wrong tries"),
    ("user.data_exported", "exported the data held on {}", "exported the own data"),
    ("user.data_downloaded", "downloaded the data held on {}", "downloaded the own data"),
    ("user.activity_exported", "exported the activity of {}", "exported the own activity"),
    ("password.changed", "changed the password of {}", "changed the password"),
    ("password.chosen", "chose a password for {}", "chose a password"),
    ("password.reset", "reset the password of {}", "chose a new password through a link"),
    ("password.reset_link_sent", "sent {} a link for a new password", "asked for a link for a new password"),
    ("password.set_temporary", "set a temporary password for {}", "set a temporary password"),
    ("password.change_required", "made {} choose another password", "must choose another password"),
    ("password.expired", "let the password of {} expire", "has an expired password"),
    (
        "password.outgrown",
        "ended the password of {}, set by a weaker administrator",
        "has an ended password, set by a weaker administrator",
    ),
    (
        "email.outgrown",
        "ended recovery by the address of {}, set by a weaker administrator",
        "can't recover the password by an unverified address, set by a weaker administrator",
    ),
    (
        "token.outgrown",
        "ended an API token of {}, created by a weaker administrator",
        "has an ended API token, created by a weaker administrator",
    ),
    ("email.change_requested", "asked to change the email of {}", "asked to change the own email"),
    (
        "email.change_cancelled",
        "took back the change of the email of {}",
        "took back the change of the own email",
    ),
    ("email.verification_sent", "sent {} a link to verify the email", "asked for a link to verify the email"),
    ("email.verified", "verified the email of {}", "verified the email"),
    ("account.notices_changed", "changed the notices of {}", "chose which notices to get"),
    ("invitation.link_copied", "copied the invitation link of {}", "copied the invitation link"),
    ("role.granted", "gave {} a role", "took a role"),
    ("role.revoked", "took a role from {}", "gave a role back"),
    ("membership.added", "put {} into a group", "joined a group"),
    ("membership.removed", "took {} out of a group", "left a group"),
    ("group.created", "created the group {}", "created a group"),
    ("group.updated", "changed the group {}", "changed a group"),
    ("group.deleted", "deleted the group {}", "deleted a group"),
    ("group.nested", "put the group {} into another", "put a group into another"),
    ("group.unnested", "took the group {} out of another", "took a group out of another"),
    ("group.moved", "moved the group {}", "moved a group"),
    ("group.owner_added", "made somebody an owner of the group {}", "made somebody an owner of a group"),
    ("group.owner_removed", "removed an owner of the group {}", "removed an owner of a group"),
    ("group.role_granted", "gave the group {} a role", "gave a group a role"),
    ("group.role_revoked", "took a role from the group {}", "took a role from a group"),
    ("role.expired", "ended a role of {}", "lost a role that had an end"),
    ("membership.expired", "ended a membership of {}", "lost a membership that had an end"),
    ("group.role_expired", "ended a role of {}", "ended a role of {}"),
    (
        "group.nesting_expired",
        "ended the place of {} in another group",
        "ended the place of {} in another group",
    ),
    ("access.copied", "gave {} the access of somebody else", "took the access of somebody else"),
    ("role.created", "made the role {}", "made the role {}"),
    ("role.updated", "changed the role {}", "changed the role {}"),
    ("role.deleted", "deleted the role {}", "deleted the role {}"),
    ("permission.defined", "defined the permission {}", "defined the permission {}"),
    ("permission.removed", "removed the permission {}", "removed the permission {}"),
    ("token.created", "created an API token for {}", "created an API token"),
    ("token.revoked", "revoked an API token of {}", "revoked an API token"),
    ("owner.recovered", "made {} an owner again", "became an owner again"),
    ("mail.retried", "sent a mail again", "sent a mail again"),
    ("mail.test_sent", "sent a test mail", "sent a test mail"),
    ("settings.changed", "changed the settings", "changed the settings"),
    (
        "sign_in.disowned",
        "said that a sign-in to {} was somebody else",
        "said that a sign-in was somebody else",
    ),
    ("access.denied", "was refused something about {}", "was refused something"),
    ("org.created", "created the organization", "created the organization"),
    ("org.renamed", "changed the organization's address", "changed the organization's address"),
    ("audit.exported", "exported the audit log", "exported the audit log"),
    ("audit.loss_accepted", "accepted a loss in the audit log", "accepted a loss in the audit log"),
];

/// Mails, by what they are about.
const MAILS: [(MailKind, &str); 21] = [
    (MailKind::Invitation, "The invitation"),
    (MailKind::Activation, "The link to choose a first password"),
    (MailKind::InvitationReminder, "A reminder of the invitation"),
    (MailKind::PasswordReset, "A link to choose a new password"),
    (MailKind::EmailVerification, "A link to verify the address"),
    (MailKind::EmailChanged, "A notice of the changed address"),
    (MailKind::EmailChangedByAdministrator, "A notice of the changed address"),
    (MailKind::PasswordChanged, "A notice of the changed password"),
    (MailKind::TokenCreated, "A notice of a new API token"),
    (MailKind::PasswordLocked, "A notice of too many wrong passwords"),
    (MailKind::NewDevice, "A notice of a sign-in from a new device"),
    (MailKind::MadeAdministrator, "A notice of administrator's rights"),
    (MailKind::AccessEnding, "A notice that access ends soon"),
    (MailKind::GrantEnding, "A notice that given access ends soon"),
    (MailKind::ResponsibleGone, "A notice that nobody answers for a program"),
    (MailKind::OwnersChanged, "A notice of changed owners"),
    (MailKind::AuditAlarm, "A notice that the audit log is not complete"),
    (MailKind::AccountUnavailable, "A mail that the account can't be used at present"),
    (MailKind::OrganizationFound, "A list of the person's organizations"),
    (MailKind::DataExport, "The link to exported data"),
    (MailKind::Test, "A test mail"),
];

/// A field of what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, as people read it.
    pub field: String,
    /// Before; empty for nothing.
    pub before: String,
    /// After; empty for nothing.
    pub after: String,
}

/// What happened in one sentence. Whoever is `you` is called that.
pub fn sentence(item: &Item, you: Option<UserId>) -> String {
    match item {
        Item::Entry(entry) => of_entry(entry, you),
        Item::Mail(mail) => of_mail(mail),
    }
}

fn of_entry(entry: &Entry, you: Option<UserId>) -> String {
    let by_you = matches!(entry.actor, Agent::User(id) if Some(id) == you);
    let about_you = you.is_some_and(|you| you.0 == entry.target);
    let own = matches!(entry.actor, Agent::User(id) if id.0 == entry.target);
    let who = match entry.actor {
        Agent::User(_) if by_you => "You".to_owned(),
        // Whoever signs in has no name before.
        Agent::User(_) if own => entry.target_name.clone(),
        Agent::User(_) => entry.actor_name.clone(),
        Agent::Operator => "The operator".to_owned(),
        Agent::System => "Muster".to_owned(),
    };
    let whom = if about_you { "you" } else { &entry.target_name };
    let Some((_, other, oneself)) = PHRASES.iter().find(|(event, ..)| *event == entry.event) else {
        let event = entry.event.replace(['.', '_'], " ");
        return if own || entry.target_name.is_empty() {
            format!("{who}: {event}")
        } else {
            format!("{who}: {event}, {whom}")
        };
    };
    let phrase = if own { (*oneself).to_owned() } else { other.replace("{}", whom) };
    let phrase =
        if by_you { phrase.replacen("was ", "were ", 1).replace("not theirs", "not yours") } else { phrase };
    format!("{who} {phrase}{}", which(entry))
}

/// What it was about: the role, the token.
fn which(entry: &Entry) -> String {
    let value = |field: &str| {
        let changed = entry.changes.get(field)?;
        changed.after.as_str().or_else(|| changed.before.as_str()).map(str::to_owned)
    };
    match entry.event.as_str() {
        "membership.added" | "membership.removed" | "membership.expired" => {
            value("group").map(|group| format!(": {group}")).unwrap_or_default()
        }
        "group.nested" | "group.unnested" | "group.moved" | "group.nesting_expired" => {
            value("parent").map(|group| format!(": {group}")).unwrap_or_default()
        }
        "group.owner_added" | "group.owner_removed" => {
            value("owner").map(|owner| format!(": {owner}")).unwrap_or_default()
        }
        "role.granted" | "role.revoked" | "role.expired" | "group.role_granted" | "group.role_revoked"
        | "group.role_expired" => {
            value("role").map(|role| format!(": {}", in_words(&role))).unwrap_or_default()
        }
        "access.copied" => value("from").map(|from| format!(": {from}")).unwrap_or_default(),
        "token.created" | "token.outgrown" | "token.revoked" => {
            value("name").map(|name| format!(": {name}")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn of_mail(mail: &Mail) -> String {
    let known = MAILS.iter().find(|(kind, _)| *kind == mail.kind);
    let what = known.map_or_else(|| format!("A mail ({})", mail.kind), |(_, what)| (*what).to_owned());
    let fate = match mail.state {
        MailState::Queued => "waits to be sent",
        MailState::Sent => "was sent",
        MailState::Deferred => "could not be sent yet",
        MailState::Failed => "could not be sent",
        MailState::Cancelled => "was not needed any more",
    };
    format!("{what} {fate} to {}", mail.address)
}

/// What changed, field by field. Ids of tokens and sessions say nothing to people and are left out.
pub fn differences(entry: &Entry) -> Vec<Difference> {
    let told = |field: &str| match field {
        "token" | "session" | "group_id" | "parent_id" | "owner_id" => false,
        "group" => !entry.event.starts_with("membership."),
        "parent" => entry.event != "group.nested" && entry.event != "group.unnested",
        "owner" => !entry.event.starts_with("group.owner"),
        "name" => !entry.event.starts_with("token."),
        "role" => !entry.event.starts_with("role.") && !entry.event.starts_with("group.role"),
        _ => true,
    };
    let difference = |(name, changed): (&String, &Changed)| Difference {
        field: field(name),
        before: value(&changed.before),
        after: value(&changed.after),
    };
    entry.changes.iter().filter(|(field, _)| told(field)).map(difference).collect()
}

/// A value as people read it; empty for nothing.
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => permissions(text).unwrap_or_else(|| text.clone()),
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{}: {}", in_words(name), self::value(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// What a value is called: a permission says what it allows; one of an application has only its name.
pub fn field(name: &str) -> String {
    match Permission::parse(name) {
        Some(permission) => permission.sentence().to_owned(),
        None if name.contains(':') => name.to_owned(),
        None => in_words(name),
    }
}

/// What permissions allow, such as those of a token; `None` if the text is something else.
pub fn permissions(text: &str) -> Option<String> {
    let all: Option<Vec<&str>> =
        text.split(' ').map(|name| Permission::parse(name).map(Permission::sentence)).collect();
    all.map(|sentences| sentences.join("; "))
}

/// Why, as people read it: `left: went to sea`.
pub fn reason(entry: &Entry) -> String {
    let known = crate::lifecycle::Reason::ALL.iter().map(|reason| reason.as_str());
    let (stable, note) = entry.reason.split_once(": ").unwrap_or((&entry.reason, ""));
    let is_stable = known.into_iter().any(|known| known == stable) || entry.event == "sign_in.failed";
    match (is_stable, note.is_empty()) {
        (true, true) => in_words(stable),
        (true, false) => format!("{}: {note}", in_words(stable)),
        (false, _) => entry.reason.clone(),
    }
}

/// A stable name as words: `Too many tries` of `too_many_tries`.
pub fn in_words(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntryId, Timestamp, audit::Changes};
    use uuid::Uuid;

    #[test]
    fn permissions_are_told_by_what_they_allow() {
        let mut changes = Changes::new();
        for permission in Permission::ALL {
            let flag = Changed { before: false.into(), after: true.into() };
            changes.insert(permission.as_str().to_owned(), flag);
        }
        let names: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        changes.insert("scopes".to_owned(), Changed { before: Value::Null, after: names.join(" ").into() });
        changes.insert("content:edit".to_owned(), Changed { before: Value::Null, after: true.into() });
        let Item::Entry(mut entry) = entry("role.updated", 1, 2) else { panic!("an entry") };
        entry.changes = changes;
        for difference in differences(&entry) {
            let told = format!("{} {}", difference.field, difference.after);
            assert!(difference.field == "content:edit" || !told.contains(':'), "{told}");
        }
        assert_eq!(
            value(&"user:list audit:read".into()),
            "See and search the list of users; Read the audit log"
        );
        assert_eq!(value(&"user:list and more".into()), "user:list and more");
        assert_eq!(value(&"".into()), "");
    }

    fn entry(event: &str, actor: u128, target: u128) -> Item {
        Item::Entry(Box::new(Entry {
            id: EntryId(Uuid::from_u128(1)),
            at: Timestamp::from_micros(0),
            event: event.to_owned(),
            actor: Agent::User(UserId(Uuid::from_u128(actor))),
            actor_name: "Ana".to_owned(),
            target_type: "user".to_owned(),
            target: Uuid::from_u128(target),
            target_name: "Bo".to_owned(),
            changes: Changes::new(),
            reason: String::new(),
            request_id: String::new(),
            address: String::new(),
            door: crate::audit::Door::Api,
            erased_at: None,
        }))
    }

    #[test]
    fn a_sentence_says_who_did_what_to_whom() {
        let you = Some(UserId(Uuid::from_u128(2)));
        assert_eq!(sentence(&entry("user.suspended", 1, 2), None), "Ana suspended Bo");
        assert_eq!(sentence(&entry("user.suspended", 1, 2), you), "Ana suspended you");
        assert_eq!(sentence(&entry("user.suspended", 2, 1), you), "You suspended Bo");
        assert_eq!(sentence(&entry("session.started", 2, 2), you), "You signed in");
        assert_eq!(sentence(&entry("user.invited", 2, 2), you), "You were invited");
        assert_eq!(sentence(&entry("sign_in.failed", 3, 3), you), "Bo could not sign in");
        assert_eq!(sentence(&entry("user.teleported_home", 1, 2), None), "Ana: user teleported home, Bo");
    }

    #[test]
    fn every_phrase_is_there_once() {
        for (index, (event, ..)) in PHRASES.iter().enumerate() {
            assert!(PHRASES[..index].iter().all(|(other, ..)| other != event), "{event}");
        }
    }
}
