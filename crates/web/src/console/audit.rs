//! The audit log in the console: entries by filter, one entry with what it proves, and the export.

use app::audit::{export::Format, prove::Standing};
use axum::{http::StatusCode, response::Response};
use model::{
    Agent, EntryId, Error, Permission, Timestamp, activity_words,
    audit::{
        Door, Entry,
        query::{AuditPage, AuditQuery},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    view::{
        audit::{AuditList, ChangeRow, EntryPage, EntryRow, ExportForm, FilterField, KindChoice},
        frame::Section,
        parts::{self, Action, Badge, Card, Empty, Link, Pager, Shown, Tone},
    },
    visit::{Part, Visit, html},
    words::{full, moment, number, parse_time},
};
use crate::{
    api::audit::download,
    extract::{Fields, Id, Query},
    file::Reader,
    problem::Answer,
};

/// What the address of the list says; the texts are as somebody typed them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    event: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    actor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    since: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    until: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    request_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    after: String,
}

/// Kinds of events to choose from, with how they begin.
const KINDS: [(&str, &str); 8] = [
    ("Everything", ""),
    ("People", "user."),
    ("Sign-ins", "session."),
    ("Failed sign-ins", "sign_in."),
    ("Roles", "role."),
    ("Groups", "group."),
    ("Settings", "settings."),
    ("Refused", "access.denied"),
];

impl Asked {
    /// The same from its newest entry, with something changed.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut address = Self { before: String::new(), after: String::new(), ..self.clone() };
        change(&mut address);
        address
    }

    fn href(&self, path: &str) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn fields(&self) -> Vec<(String, String)> {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        serde_urlencoded::from_str(&query).unwrap_or_default()
    }

    fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).to_owned();
        Self {
            event: text("event"),
            actor: text("actor"),
            target: text("target"),
            since: text("since"),
            until: text("until"),
            address: text("address"),
            request_id: text("request_id"),
            ..Self::default()
        }
    }

    /// The question; people are looked up by what was typed.
    async fn understood(&self, visit: &Visit) -> model::Result<AuditQuery> {
        let filled = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let time = |field: &'static str, text: &String| match filled(text) {
            Some(text) => parse_time(field, &text).map(Some),
            None => Ok(None),
        };
        let actor = match self.actor.trim() {
            "" => None,
            "operator" | "the operator" => Some(Agent::Operator),
            "system" | "Muster" => Some(Agent::System),
            name => Some(Agent::User(model::UserId(somebody(visit, "actor", name).await?))),
        };
        let target = match filled(&self.target) {
            Some(name) => Some(somebody(visit, "target", &name).await?),
            None => None,
        };
        let query = AuditQuery {
            actor,
            target,
            event: filled(&self.event),
            since: time("since", &self.since)?,
            until: time("until", &self.until)?,
            address: filled(&self.address),
            request_id: filled(&self.request_id),
            before: filled(&self.before).map(|id| id.parse()).transpose()?,
            after: filled(&self.after).map(|id| id.parse()).transpose()?,
            limit: 0,
        };
        query.checked()
    }

    fn filter(&self) -> Vec<FilterField> {
        let field = |name, label, kind, value: &String, placeholder| FilterField {
            name,
            label,
            kind,
            value: value.clone(),
            placeholder,
        };
        vec![
            field("actor", "By whom", "text", &self.actor, "Username, email, id, operator"),
            field("target", "About whom", "text", &self.target, "Username, email, id"),
            field("since", "From", "datetime-local", &self.since, ""),
            field("until", "To", "datetime-local", &self.until, ""),
            field("address", "Asked", "text", &self.address, "192.0.2.1"),
            field("request_id", "Request", "text", &self.request_id, "The id that an error showed"),
        ]
    }

    /// What narrows the list besides the kind, each with the way to take it away.
    fn narrowed(&self, path: &str) -> Vec<Link> {
        let mut links = Vec::new();
        let mut add = |label: &str, text: &String, change: fn(&mut Self)| {
            if !text.is_empty() {
                links.push(Link::new(format!("{label} {text}"), self.with(change).href(path)));
            }
        };
        add("By", &self.actor, |address| address.actor.clear());
        add("About", &self.target, |address| address.target.clear());
        add("From", &self.since, |address| address.since.clear());
        add("To", &self.until, |address| address.until.clear());
        add("Asked", &self.address, |address| address.address.clear());
        add("Request", &self.request_id, |address| address.request_id.clear());
        links
    }
}

/// Whose id it is. An id is taken as it is: the log knows those who are gone.
async fn somebody(visit: &Visit, field: &'static str, name: &str) -> model::Result<Uuid> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    match visit.app().user_by_identifier(&visit.caller.actor, name).await {
        Ok(person) => Ok(person.user.id.0),
        Err(error) if error.kind() == model::Kind::NotFound => {
            let message = format!("There is nobody called {name}. Type a username, an email or an id.");
            Err(Error::invalid_field(field, "audit.nobody", message))
        }
        Err(error) => Err(error),
    }
}

/// `GET /o/{slug}/audit`
pub(crate) async fn list(visit: Visit, Query(address): Query<Asked>) -> Answer<Response> {
    let path = visit.at("/audit");
    let (mut page, trouble) = match address.understood(&visit).await {
        Ok(query) => (visit.app().audit(&visit.caller.actor, query).await?, None),
        Err(error) if error.kind() == model::Kind::Invalid => {
            (AuditPage { items: Vec::new(), next: None, previous: None }, Some(error))
        }
        Err(error) => return Err(error.into()),
    };
    visit.app().name_people(&visit.caller.actor, &mut page.items).await?;
    let rows: Vec<EntryRow> = page.items.iter().map(|entry| row(&visit, entry)).collect();
    let empty = rows.is_empty().then(|| nothing(&address, &path, trouble.as_ref(), page.next.is_some()));
    let next = page.next.map(|next| address.with(|address| address.before = next.to_string()).href(&path));
    let previous =
        page.previous.map(|newest| address.with(|address| address.after = newest.to_string()).href(&path));
    let summary = match rows.len() {
        0 => String::new(),
        1 => "1 entry".to_owned(),
        count => format!("{} entries", number(i64::try_from(count).unwrap_or(i64::MAX))),
    };
    let kind = |(label, event): (&'static str, &str)| KindChoice {
        label,
        href: address.with(|address| event.clone_into(&mut address.event)).href(&path),
        current: address.event == event,
    };
    let export = visit.may(Permission::AuditExport).then(|| ExportForm {
        action: visit.at("/audit/export"),
        csrf: visit.caller.csrf.clone(),
        fields: address.with(|_| ()).fields(),
    });
    let template = AuditList {
        frame: visit.frame("Audit log", Section::Audit, vec![Link::new("Audit log", "")], "").await?,
        kinds: KINDS.into_iter().map(kind).collect(),
        narrowed: address.narrowed(&path),
        filter: address.filter(),
        kept: [("event".to_owned(), address.event.clone())]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        announcement: if rows.is_empty() { "No entry matches".to_owned() } else { summary.clone() },
        pager: Pager { summary, previous, next, ..Pager::default() },
        path,
        rows,
        empty,
        export,
    };
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match visit.part {
        Part::Results => html(status, &template.as_results(), Part::Results),
        _ => html(status, &template, Part::Page),
    }
}

fn nothing(address: &Asked, path: &str, trouble: Option<&Error>, more: bool) -> Empty {
    let clear = Action::page("Show everything", path, "close");
    let (title, text) = match trouble {
        Some(error) => {
            let said = error.fields().first().map_or(error.message(), |field| &field.message);
            ("This can't be looked for", said.to_owned())
        }
        None if more => (
            "Nothing among the last 20,000 entries",
            "Older ones have not been looked through yet: “Next” goes on from there.".to_owned(),
        ),
        None => ("No entry matches", "Nothing in the log is as the filters say.".to_owned()),
    };
    let actions = if *address == Asked::default() { Vec::new() } else { vec![clear] };
    Empty { icon: "no-match", title: title.to_owned(), text, actions }
}

pub(crate) fn row(visit: &Visit, entry: &Entry) -> EntryRow {
    EntryRow {
        href: visit.at(&format!("/audit/{}", entry.id)),
        id: entry.id.to_string(),
        event: words(&entry.event),
        code: entry.event.clone(),
        at: moment(entry.at, visit.app().now()),
        by: by(entry),
        about: about(entry),
        changed: changed(entry),
        address: entry.address.clone(),
    }
}

/// An event in words: `sign_in.failed` → `Sign in failed`.
fn words(event: &str) -> String {
    let plain = event.replace(['.', '_'], " ");
    let mut letters = plain.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Names of fields as people read them: `given_name` → `given name`.
fn readable(field: &str) -> String {
    field.replace('_', " ")
}

/// What changed from what to what, the first fields of it; else why it was done.
fn changed(entry: &Entry) -> String {
    const SHOWN: usize = 3;
    let differences = activity_words::differences(entry);
    if differences.is_empty() {
        return activity_words::reason(entry);
    }
    let one = |difference: &activity_words::Difference| {
        let (field, before, after) = (&difference.field, &difference.before, &difference.after);
        match (before.is_empty(), after.is_empty()) {
            (true, true) => field.clone(),
            (true, false) => format!("{field}: {after}"),
            (false, true) => format!("{field}: {before} removed"),
            (false, false) => format!("{field}: {before} → {after}"),
        }
    };
    let mut shown: Vec<String> = differences.iter().take(SHOWN).map(one).collect();
    if differences.len() > SHOWN {
        shown.push(format!("and {} more", differences.len() - SHOWN));
    }
    shown.join(", ")
}

fn by(entry: &Entry) -> String {
    match entry.actor {
        Agent::User(_) if entry.actor_name.is_empty() => "(erased)".to_owned(),
        Agent::User(_) => entry.actor_name.clone(),
        other => app::users::agent_label(other, None),
    }
}

fn about(entry: &Entry) -> String {
    if entry.target_name.is_empty() {
        format!("{} {}", entry.target_type, &entry.target.to_string()[24..])
    } else {
        entry.target_name.clone()
    }
}

/// `GET /o/{slug}/audit/{id}`
pub(crate) async fn show(visit: Visit, Id(id): Id<EntryId>) -> Answer<Response> {
    let mut standing = visit.app().audit_entry(&visit.caller.actor, id).await?;
    visit.app().name_people(&visit.caller.actor, std::slice::from_mut(&mut standing.entry)).await?;
    let entry = &standing.entry;
    let title = words(&entry.event);
    let crumbs = vec![Link::new("Audit log", visit.at("/audit")), Link::new(title.as_str(), "")];
    let badge = if standing.intact {
        Badge { tone: Tone::Green, label: "As it was written".to_owned() }
    } else {
        Badge { tone: Tone::Red, label: "Not as it was written".to_owned() }
    };
    let change = |(field, changed): (&String, &model::audit::Changed)| ChangeRow {
        field: activity_words::field(field),
        before: value(&changed.before),
        after: value(&changed.after),
    };
    let without = match entry.erased_at {
        Some(at) => format!("Names, values and addresses were erased on {}.", full(at)),
        None => "No field changed.".to_owned(),
    };
    let page = EntryPage {
        frame: visit.frame(&title, Section::Audit, crumbs, "").await?,
        at: moment(entry.at, visit.app().now()),
        standing: badge,
        cards: vec![happened(&visit, entry)],
        changes: entry.changes.iter().map(change).collect(),
        without,
        side_cards: vec![proof(&visit, &standing)],
        title,
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// A value as people read it.
fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::String(text) => {
            let moment = Timestamp::parse(text).ok().filter(|_| text.len() > 10);
            moment.map(full).or_else(|| activity_words::permissions(text)).unwrap_or_else(|| text.clone())
        }
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(field, inner)| format!("{}: {}", readable(field), self::value(inner)))
            .collect::<Vec<_>>()
            .join("; "),
        Value::Number(number) => number.to_string(),
    }
}

fn happened(visit: &Visit, entry: &Entry) -> Card {
    let line = parts::Entry::new;
    let path = visit.at("/audit");
    let only = |change: &dyn Fn(&mut Asked)| {
        let mut address = Asked::default();
        change(&mut address);
        address.href(&path)
    };
    let by_href = only(&|address| address.actor = entry.actor.to_string());
    let about_href = match entry.target_type.as_str() {
        "user" => visit.at_user(model::UserId(entry.target), ""),
        _ => only(&|address| address.target = entry.target.to_string()),
    };
    let door = match entry.door {
        Door::Console => "The console",
        Door::Api => "The API",
        Door::CommandLine => "The command line",
        Door::Worker => "A timer",
    };
    let request = if entry.request_id.is_empty() {
        Shown::Nothing
    } else {
        Shown::Link(Link::new(
            entry.request_id.as_str(),
            only(&|address| address.request_id.clone_from(&entry.request_id)),
        ))
    };
    Card {
        title: "What happened".to_owned(),
        entries: vec![
            line("Event", Shown::Code(entry.event.clone())),
            line("When", Shown::Text(full(entry.at))),
            line("By", Shown::Link(Link::new(by(entry), by_href))),
            line("About", Shown::Link(Link::new(about(entry), about_href))),
            line("Reason", Shown::text(entry.reason.as_str())),
            line("Through", Shown::Text(door.to_owned())),
            line("From", Shown::text(entry.address.as_str())),
            line("Request", request),
            line("Entry", Shown::Code(entry.id.to_string())),
        ],
    }
}

fn proof(visit: &Visit, standing: &Standing) -> Card {
    let line = parts::Entry::new;
    let place = match standing.place {
        Some(place) => Shown::Text(number(i64::try_from(place).unwrap_or(i64::MAX))),
        None => Shown::Text("waits for one".to_owned()),
    };
    let covered = match standing.place {
        Some(place) if place < standing.checkpointed => "by the last checkpoint",
        Some(_) => "from the next checkpoint on",
        None => "not yet",
    };
    let address = visit.at(&format!("/api/v1/audit/{}/proof", standing.entry.id));
    let mut entries = vec![
        line("Place", place),
        line("Covered", Shown::Text(covered.to_owned())),
        line("Leaf", Shown::Code(standing.leaf.clone())),
    ];
    if standing.place.is_some() {
        entries.push(
            line("Proof", Shown::Link(Link::new("Show", address)))
                .remark("For somebody who does not trust this server."),
        );
    }
    Card { title: "Proof".to_owned(), entries }
}

/// `POST /o/{slug}/audit/export`
pub(crate) async fn export(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let format = Format::named(fields.get("format"))?;
    let query = Asked::of(&fields).understood(&visit).await?;
    download(&visit.shared, &visit.caller, query, format, Reader::Spreadsheet).await
}

#[cfg(test)]
mod tests {
    use super::{value, words};
    use serde_json::json;

    #[test]
    fn events_and_values_are_readable() {
        assert_eq!(words("sign_in.failed"), "Sign in failed");
        assert_eq!(value(&json!(["a", true, null])), "a, yes, ");
        assert_eq!(value(&json!("2026-11-20T08:00:00Z")), "Friday, 20 November 2026, 08:00 UTC");
        assert_eq!(value(&json!({"given_name": "Ana", "n": 5})), "given name: Ana; n: 5");
        assert_eq!(
            value(&json!("audit:read user:list")),
            "Read the audit log; See and search the list of users"
        );
    }
}
