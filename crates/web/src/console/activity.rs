//! Somebody's activity, for administrators on the user's page and for everyone in their own account.

use app::{
    activity::{Part as Wanted, Whose, parse_before},
    sessions::Labelled,
};
use axum::{extract::State, http::StatusCode, response::Response};
use model::{
    Agent, Permission, UserId,
    activity::{History, Item, Kind, Page},
    activity_words,
    audit::{Door, Entry},
    mail::MailState,
};
use serde::{Deserialize, Serialize};

use super::{
    account, user_page,
    view::{
        activity::{
            ActivityPage, Chart, Choice, DayGroup, DeviceRow, Difference, ItemRow, OriginRow, counts,
        },
        frame::Section,
        parts::{Empty, Link, Tone},
    },
    visit::{Part, Visit, html},
    words::{full, moment},
};
use crate::{
    Shared,
    api::activity::{FileFormat, as_file, kind},
    auth::Caller,
    extract::{Fields, Id, Query},
    file::Reader,
    problem::Answer,
};

/// What the address says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u16>,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
}

/// How much stands on a page.
const ITEMS: u16 = 50;

impl Address {
    fn href(&self, path: &str) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// `GET /o/{slug}/users/{id}/activity`
pub(crate) async fn of_user(
    visit: Visit,
    Id(id): Id<UserId>,
    Query(address): Query<Address>,
) -> Answer<Response> {
    show(&visit, Whose::Of(id), &visit.at_user(id, "/activity"), &address).await
}

/// `GET /o/{slug}/account/activity`
pub(crate) async fn own(visit: Visit, Query(address): Query<Address>) -> Answer<Response> {
    show(&visit, Whose::Own, &visit.at("/account/activity"), &address).await
}

/// `POST /o/{slug}/users/{id}/activity/export`
pub(crate) async fn export(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    fields: Fields,
) -> Answer<Response> {
    let wanted = wanted(&fields.of(&caller)?);
    as_file(&shared, &caller, Whose::Of(id), &wanted, Reader::Spreadsheet).await
}

/// `POST /o/{slug}/account/activity/export`
pub(crate) async fn export_own(
    State(shared): State<Shared>,
    caller: Caller,
    fields: Fields,
) -> Answer<Response> {
    let wanted = wanted(&fields.of(&caller)?);
    as_file(&shared, &caller, Whose::Own, &wanted, Reader::Spreadsheet).await
}

fn wanted(fields: &Fields) -> FileFormat {
    FileFormat { format: fields.get("format").to_owned(), kind: fields.get("kind").to_owned() }
}

async fn show(visit: &Visit, whose: Whose, path: &str, address: &Address) -> Answer<Response> {
    let (app, actor) = (visit.app(), &visit.caller.actor);
    let part = Wanted { kind: kind(&address.kind)?, before: parse_before(&address.before)?, limit: ITEMS };
    let person = app.whose_activity(actor, whose).await?;
    let user = person.user.id;
    let page = app.activity(actor, whose, part).await?;
    let history = app.sign_in_history(actor, whose, address.days.unwrap_or(30)).await?;
    let sessions = match whose {
        Whose::Own if visit.may(Permission::AccountSessions) => app.own_sessions(actor).await?,
        Whose::Of(user) if visit.may(Permission::SessionRead) => app.sessions_of(actor, user).await?,
        _ => Vec::new(),
    };
    let name = person.user.name();
    let (section, crumbs, heading, tabs, tabs_label) = match whose {
        Whose::Own => (
            Section::Account,
            vec![Link::new("My account", visit.at("/account")), Link::new("Activity", "")],
            account::heading(visit, &person),
            account::tabs(visit, "Activity"),
            "Your account",
        ),
        Whose::Of(_) => (
            Section::Users,
            vec![
                Link::new("Users", visit.at("/users")),
                Link::new(name, visit.at_user(user, "")),
                Link::new("Activity", ""),
            ],
            user_page::heading(visit, &person),
            user_page::tabs(visit, &person.user, "Activity"),
            "About this user",
        ),
    };
    let you = (whose == Whose::Own).then_some(user);
    let days = by_day(&page, user, you);
    let template = ActivityPage {
        frame: visit.frame(&format!("Activity of {name}"), section, crumbs, name).await?,
        heading,
        tabs,
        tabs_label,
        export: format!("{path}/export"),
        csrf: visit.caller.csrf.clone(),
        kind: address.kind.clone(),
        chart: chart(&history, path, address),
        origins: origins(visit, &history),
        devices: devices(visit, &sessions),
        kinds: kinds(path, address),
        empty: days.is_empty().then(|| nothing(&page)),
        announcement: match page.items.len() {
            0 => "Nothing to show".to_owned(),
            count => format!("{count} entries"),
        },
        may_see_audit: visit.may(Permission::AuditRead),
        days,
        older: page.older.map(|before| Address { before: before.to_string(), ..address.clone() }.href(path)),
        newest: (!address.before.is_empty())
            .then(|| Address { before: String::new(), ..address.clone() }.href(path)),
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &template.as_results(), Part::Results),
        _ => html(StatusCode::OK, &template, Part::Page),
    }
}

fn kinds(path: &str, address: &Address) -> Vec<Choice> {
    let choice = |label: &str, kind: &str| Choice {
        label: label.to_owned(),
        href: Address { kind: kind.to_owned(), before: String::new(), ..address.clone() }.href(path),
        current: address.kind == kind,
    };
    let all = [choice("Everything", "")];
    all.into_iter().chain(Kind::ALL.iter().map(|kind| choice(kind.label(), kind.as_str()))).collect()
}

fn nothing(page: &Page) -> Empty {
    let text = if page.older.is_some() {
        "Nothing of this kind among the latest entries. Older ones may have some."
    } else {
        "Nothing of this kind has happened. Choose another kind above."
    };
    Empty { icon: "clock", title: "Nothing here".to_owned(), text: text.to_owned(), actions: Vec::new() }
}

fn by_day(page: &Page, user: UserId, you: Option<UserId>) -> Vec<DayGroup> {
    let mut days: Vec<DayGroup> = Vec::new();
    for item in &page.items {
        let date = full(item.at());
        let (title, time) = date.rsplit_once(", ").unwrap_or((&date, ""));
        let time = time.split(' ').next().unwrap_or_default();
        let row = row(item, user, you, time, &date);
        match days.last_mut().filter(|day| day.title == title) {
            Some(day) => day.items.push(row),
            None => days.push(DayGroup { title: title.to_owned(), items: vec![row] }),
        }
    }
    days
}

fn row(item: &Item, user: UserId, you: Option<UserId>, time: &str, date: &str) -> ItemRow {
    let (icon, tone) = looks(item, user);
    let base = ItemRow {
        icon,
        tone,
        sentence: activity_words::sentence(item, you),
        time: time.to_owned(),
        machine: item.at().to_string(),
        full: date.to_owned(),
        reason: String::new(),
        whence: String::new(),
        differences: Vec::new(),
        entry: String::new(),
    };
    let difference = |difference: activity_words::Difference| Difference {
        field: difference.field,
        before: difference.before,
        after: difference.after,
    };
    match item {
        Item::Mail(mail) => ItemRow { reason: mail.why.clone(), ..base },
        Item::Entry(entry) => ItemRow {
            reason: activity_words::reason(entry),
            whence: whence(entry),
            differences: activity_words::differences(entry).into_iter().map(difference).collect(),
            entry: entry.id.to_string(),
            ..base
        },
    }
}

/// From where, and through what.
fn whence(entry: &Entry) -> String {
    let door = match entry.door {
        Door::Console => "in the console",
        Door::Api => "through the API",
        Door::CommandLine => "on the command line",
        Door::Worker => "by itself",
    };
    match (entry.actor, entry.address.is_empty()) {
        (Agent::System, _) => String::new(),
        (_, true) => format!("{}{}", door[..1].to_uppercase(), &door[1..]),
        (_, false) => format!("From {}, {door}", entry.address),
    }
}

fn looks(item: &Item, user: UserId) -> (&'static str, Tone) {
    let entry = match item {
        Item::Mail(mail) if mail.state == MailState::Failed => return ("mail", Tone::Red),
        Item::Mail(_) => return ("mail", Tone::Grey),
        Item::Entry(entry) => entry,
    };
    match entry.event.as_str() {
        "sign_in.failed" | "user.locked" | "user.password_locked" => ("lock", Tone::Red),
        "session.started" => ("check", Tone::Green),
        "user.suspended" | "user.deprovisioned" => ("pause", Tone::Amber),
        "user.deleted" | "user.purged" => ("trash", Tone::Red),
        "user.activated" | "user.accepted" | "user.reactivated" => ("reactivate", Tone::Green),
        _ => match item.kind(user) {
            Kind::SignIns => ("sign-out", Tone::Grey),
            Kind::Account => ("account", Tone::Blue),
            Kind::Access => ("key", Tone::Violet),
            Kind::Administration => ("shield", Tone::Amber),
            Kind::Mail => ("mail", Tone::Grey),
        },
    }
}

fn chart(history: &History, path: &str, address: &Address) -> Chart {
    let days: Vec<(String, i64, i64)> =
        history.days.iter().map(|day| (date(day.day), day.succeeded, day.failed)).collect();
    let now = address.days.unwrap_or(30);
    let window = |days: &u16| Choice {
        label: format!("{days} days"),
        href: Address { days: (*days != 30).then_some(*days), before: String::new(), ..address.clone() }
            .href(path),
        current: *days == now,
    };
    Chart::new(&days, model::activity::WINDOWS.iter().map(window).collect())
}

/// A day since 1970 in words: `20 November 2026`.
fn date(day: i64) -> String {
    let date = full(model::Timestamp::from_micros(day * 86_400_000_000));
    let mut parts = date.split(", ");
    parts.nth(1).unwrap_or_default().to_owned()
}

fn origins(visit: &Visit, history: &History) -> Vec<OriginRow> {
    let now = visit.app().now();
    let row = |origin: &model::activity::Origin| OriginRow {
        address: origin.address.clone(),
        counts: counts(origin.succeeded, origin.failed),
        last: moment(origin.last_at, now),
    };
    history.origins.iter().map(row).collect()
}

/// Sessions by what they were signed in with; the latest used first, as they come.
fn devices(visit: &Visit, sessions: &[Labelled]) -> Vec<DeviceRow> {
    let now = visit.app().now();
    let mut found: Vec<(String, usize, model::Timestamp)> = Vec::new();
    for session in sessions {
        let name = match session.device.label() {
            label if label.is_empty() => "Unknown".to_owned(),
            label => label,
        };
        match found.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, count, _)) => *count += 1,
            None => found.push((name, 1, session.session.last_active_at)),
        }
    }
    let row = |(name, count, last)| DeviceRow {
        name,
        counts: if count == 1 { "1 session".to_owned() } else { format!("{count} sessions") },
        last: moment(last, now),
    };
    found.into_iter().map(row).collect()
}
