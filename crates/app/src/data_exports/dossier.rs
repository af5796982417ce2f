//! All that is held on a person, section by section: the one source of both files of the archive.
//!
//! Secrets are never part of it, not even hashed. Other people are masked: what they did to the person is told, who they
//! are is not, nor what belongs to them.

use model::{
    Agent, Error, OrgContext, Result, State, Timestamp, UserId, activity_words,
    audit::{
        Entry,
        events::{ValueOf, value_of},
    },
    grant::reason_in_words,
    mail::Mail,
};
use serde_json::{Map, Value, json};
use store::Connection;
use uuid::Uuid;

use crate::{App, Person};

/// At most so many entries of the audit log, the latest.
const MOST_ENTRIES: usize = 50_000;
/// Rows read at once.
const CHUNK: u16 = 500;

/// A record: names and values.
pub(super) type Record = Map<String, Value>;

/// Records of one kind.
pub(super) struct Section {
    /// The stable name.
    pub(super) name: &'static str,
    /// As people read it.
    pub(super) title: &'static str,
    /// What it is, in a sentence.
    pub(super) about: &'static str,
    pub(super) records: Vec<Record>,
}

fn section(name: &'static str, title: &'static str, about: &'static str, records: Vec<Record>) -> Section {
    Section { name, title, about, records }
}

/// See the module.
pub(super) async fn collect(app: &App, context: OrgContext, user: UserId) -> Result<Vec<Section>> {
    let person = app.load_person(context, user).await?;
    if person.user.state == State::Purged {
        return Err(Error::not_found());
    }
    let entries = entries(app, context, user).await?;
    let mails = mails(app, context, user).await?;
    let now = app.now();
    let read = async move |connection: &mut Connection<'_>| {
        let sessions = store::sessions::of_user(connection, context, user, now).await?;
        let tokens = store::tokens::of_user(connection, context, user).await?;
        let invitations = store::invitations::all_of(connection, context, user).await?;
        let links = store::links::all_of(connection, context, user).await?;
        let failures = store::credentials::failures(connection, context, user).await?;
        Ok((sessions, tokens, invitations, links, failures))
    };
    let (sessions, tokens, invitations, links, failures) = app.database().read_blocking(read).await?;
    let [devices, known, networks, reserved, muted] = remembered(app, context, user).await?;
    Ok(vec![
        section("profile", "Profile", "The record, and where it comes from.", vec![profile(&person, user)?]),
        section(
            "states",
            "History of states",
            "When the account was invited, activated, suspended and so on.",
            entries.iter().rev().filter_map(|entry| state_change(entry, user)).collect(),
        ),
        roles(&person, user),
        groups(&person, user),
        section(
            "sessions",
            "Sessions",
            "Where the person is signed in.",
            sessions.iter().map(|session| record(json!({
                "id": session.id, "started_at": session.started_at, "last_active_at": session.last_active_at,
                "expires_at": session.expires_at, "method": session.method, "address": session.address,
                "browser": session.user_agent, "remembered": session.remembered,
            }))).collect(),
        ),
        devices,
        known,
        networks,
        section(
            "tokens",
            "API tokens",
            "Tokens of the person; never the tokens themselves.",
            tokens.iter().map(|token| record(json!({
                "id": token.id, "name": token.name, "created_at": token.created_at,
                "expires_at": token.expires_at, "last_used_at": token.last_used_at,
            }))).collect(),
        ),
        section(
            "invitations",
            "Invitations",
            "Invitations of the person, and what was written along.",
            invitations.iter().map(|invitation| record(json!({
                "state": invitation.state.as_str(), "invited_by": someone(invitation.invited_by, user),
                "message": invitation.message, "created_at": invitation.created_at, "sent_at": invitation.sent_at,
                "expires_at": invitation.expires_at, "opened_at": invitation.opened_at,
                "ended_at": invitation.ended_at, "delivery": invitation.delivery.as_str(),
            }))).collect(),
        ),
        section(
            "links",
            "Links in mails",
            "What was sent to which address, and what became of it; never the links themselves.",
            links.iter().map(|link| record(json!({
                "purpose": link.purpose.as_str(), "address": link.address, "created_at": link.created_at,
                "expires_at": link.expires_at, "opened_at": link.opened_at,
                "ended_at": link.ended.map(|(at, _)| at), "ending": link.ended.map(|(_, how)| how.as_str()),
            }))).collect(),
        ),
        reserved,
        muted,
        section("mails", "Mails", "Mails to the person of the last 30 days.", mails.iter().map(mail).collect()),
        section(
            "failed_sign_ins",
            "Failed sign-ins",
            "Failures that are being counted at present, by address.",
            failures.into_iter().map(|(address, failures, since)| failure(&address, failures, since)).collect(),
        ),
        section(
            "audit",
            "Audit log",
            "What the person did, and what was done to the account. Other people are masked.",
            entries.iter().map(|entry| audit(entry, user)).collect(),
        ),
    ])
}

/// What is remembered so that Muster can tell what is new, or leave something be.
async fn remembered(app: &App, context: OrgContext, user: UserId) -> Result<[Section; 5]> {
    let read = async move |connection: &mut Connection<'_>| {
        let devices = store::devices::of_user(connection, context, user).await?;
        let reserved = store::reserved_addresses::of_user(connection, context, user).await?;
        let known = store::devices::list(connection, context, user, Timestamp::from_micros(0)).await?;
        let networks = store::devices::networks(connection, context, user).await?;
        let muted = store::notices::muted(connection, context, user).await?;
        Ok((devices, known, networks, reserved, muted))
    };
    let (devices, known, networks, reserved, muted) = app.database().read_blocking(read).await?;
    Ok([
        section(
            "devices",
            "Devices and countries",
            "With what, by a mark that names no device, and from where the person has signed in, to tell of a new one.",
            devices.iter().map(|(mark, country, first, last)| record(json!({
                "mark": hex::encode(mark), "country": country, "first_seen_at": first, "last_seen_at": last,
            }))).collect(),
        ),
        section(
            "known_devices",
            "Known devices",
            "Browsers that the person has signed in with, each known by a cookie.",
            known.iter().map(|device| record(json!({
                "user_agent": device.user_agent, "address": device.address, "country": device.country,
                "first_seen_at": device.first_seen_at, "last_seen_at": device.last_seen_at,
            }))).collect(),
        ),
        section(
            "networks",
            "Networks",
            "From where the person has signed in, so that others' failures there don't lock the person out.",
            networks.iter().map(|(network, last)| record(json!({ "network": network, "last_seen_at": last }))).collect(),
        ),
        section(
            "reserved_addresses",
            "Reserved addresses",
            "Addresses that the person has left and may still take back.",
            reserved.iter().map(|(address, until)| record(json!({ "address": address, "until": until }))).collect(),
        ),
        section(
            "muted_notices",
            "Notices switched off",
            "What the person does not want to be mailed about.",
            muted.iter().map(|kind| record(json!({ "about": kind.as_str() }))).collect(),
        ),
    ])
}

async fn entries(app: &App, context: OrgContext, user: UserId) -> Result<Vec<Entry>> {
    let (mut all, mut before): (Vec<Entry>, Uuid) = (Vec::new(), Uuid::max());
    while all.len() < MOST_ENTRIES {
        let read = async move |connection: &mut Connection<'_>| {
            store::activity::entries(connection, context, user, before, CHUNK).await
        };
        let page = app.database().read_blocking(read).await?;
        let Some(last) = page.last() else { break };
        before = last.id.0;
        all.extend(page);
    }
    Ok(all)
}

async fn mails(app: &App, context: OrgContext, user: UserId) -> Result<Vec<Mail>> {
    let (mut all, mut before): (Vec<Mail>, Uuid) = (Vec::new(), Uuid::max());
    while all.len() < MOST_ENTRIES {
        let read = async move |connection: &mut Connection<'_>| {
            store::activity::mails(connection, context, user, before, CHUNK).await
        };
        let page = app.database().read_blocking(read).await?;
        let Some(last) = page.last() else { break };
        before = last.id.0;
        all.extend(page);
    }
    Ok(all)
}

/// An object's fields, without those that say nothing.
fn record(value: Value) -> Record {
    let Value::Object(fields) = value else { return Record::new() };
    let says = |value: &Value| !(value.is_null() || value.as_str().is_some_and(str::is_empty));
    fields.into_iter().filter(|(_, value)| says(value)).collect()
}

/// Who did something, as far as that is the person's to know.
fn someone(agent: Agent, user: UserId) -> &'static str {
    match agent {
        Agent::User(id) if id == user => "you",
        Agent::User(_) => "somebody else",
        Agent::Operator => "the operator",
        Agent::System => "Muster",
    }
}

fn profile(person: &Person, id: UserId) -> Result<Record> {
    let user = &person.user;
    let mut fields = match serde_json::to_value(&user.fields).map_err(Error::internal)? {
        Value::Object(fields) => fields,
        _ => Record::new(),
    };
    for other in ["manager", "responsible"] {
        if fields.contains_key(other) {
            fields.insert(other.to_owned(), "somebody else".into());
        }
    }
    let mut all = record(json!({ "id": user.id }));
    all.append(&mut fields);
    all.append(&mut record(json!({
        "email_verified": user.email_verified, "state": user.state.name().as_str(), "source": user.source,
        "external_id": user.external_id, "created_at": user.created_at, "updated_at": user.updated_at,
        "joined_at": user.joined_at, "last_sign_in_at": user.last_sign_in_at,
        "last_sign_in_method": user.last_sign_in_method, "last_seen_at": user.last_seen_at,
        "password_set_at": person.password.set_at, "password_expires_at": person.password.expires_at,
        "password_must_change": person.password.must_change,
        "password_locked_until": user.password_locked_until,
    })));
    if let State::Suspended(departure) | State::Deprovisioned(departure) = &user.state {
        all.append(&mut record(json!({
            "blocked_since": departure.since, "blocked_by": someone(departure.by, id),
            "blocked_reason": departure.reason, "blocked_note": departure.note,
        })));
    }
    if let Some(lock) = &user.lock {
        all.append(&mut record(json!({
            "locked_since": lock.since, "locked_by": someone(lock.by, id), "locked_until": lock.until,
            "lock_note": lock.note,
        })));
    }
    Ok(all)
}

fn state_change(entry: &Entry, user: UserId) -> Option<Record> {
    let changed = entry.changes.get("state").filter(|_| entry.target == user.0)?;
    Some(record(json!({
        "at": entry.at, "before": changed.before, "after": changed.after, "by": someone(entry.actor, user),
        "reason": entry.reason,
    })))
}

fn mail(mail: &Mail) -> Record {
    record(json!({
        "about": mail.kind.as_str(), "address": mail.address, "state": mail.state.as_str(),
        "asked_for_at": mail.created_at, "sent_at": mail.sent_at, "why": mail.why,
    }))
}

fn failure(address: &str, failures: i64, since: Timestamp) -> Record {
    let address = if address.is_empty() { "all together" } else { address };
    record(json!({ "address": address, "failures": failures, "since": since }))
}

/// An entry, seen by the person: what others did keeps their names and addresses to itself, and what was done to others
/// keeps its content.
fn audit(entry: &Entry, user: UserId) -> Record {
    let (own, about) = (entry.actor == Agent::User(user), entry.target == user.0);
    let changes = about.then(|| {
        let mut changes = entry.changes.clone();
        for (name, changed) in &mut changes {
            // Once the name stood beside the id.
            if value_of(&entry.event, name).is_none_or(|of| of == ValueOf::User) {
                for value in [&mut changed.before, &mut changed.after] {
                    if !value.is_null() {
                        *value = "somebody else".into();
                    }
                }
            }
        }
        changes
    });
    let event = activity_words::in_words(&entry.event.replace('.', " "));
    record(json!({
        "at": entry.at, "event": event, "by": someone(entry.actor, user),
        "about": if about { "you" } else { "somebody or something else" },
        "reason": about.then(|| reason_in_words(&entry.reason, None)),
        "address": own.then_some(&entry.address),
        "through": entry.door.as_str(),
        "changes": changes.filter(|changes| !changes.is_empty()),
    }))
}

/// What roles are held directly.
fn roles(person: &Person, user: UserId) -> Section {
    section(
        "roles",
        "Roles",
        "What was granted, why, and until when.",
        person
            .grants
            .iter()
            .map(|grant| {
                record(json!({
                    "role": grant.role, "name": grant.name, "over": grant.scope_name,
                    "granted_by": someone(grant.given.by, user), "granted_at": grant.given.at,
                    "reason": reason_in_words(&grant.given.terms.reason, None), "valid_from": grant.given.terms.valid_from,
                    "valid_until": grant.given.terms.valid_until,
                }))
            })
            .collect(),
    )
}

/// Which groups the account is in directly.
fn groups(person: &Person, user: UserId) -> Section {
    section(
        "groups",
        "Groups",
        "Which groups the account is in directly, why, and until when.",
        person
            .memberships
            .iter()
            .map(|held| {
                record(json!({
                    "group": held.group, "name": held.name,
                    "granted_by": someone(held.given.by, user), "granted_at": held.given.at,
                    "reason": reason_in_words(&held.given.terms.reason, None), "valid_from": held.given.terms.valid_from,
                    "valid_until": held.given.terms.valid_until,
                }))
            })
            .collect(),
    )
}
