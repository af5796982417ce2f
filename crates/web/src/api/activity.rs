//! Somebody's activity in the API: pages, the sign-ins at a glance, and all of it as a file.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use app::activity::{Part, Whose, parse_before};
use axum::{extract::State, response::Response};
use model::{
    Error, UserId,
    activity::{History, Item, Kind, Page},
    activity_words, page,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::{Id, Query},
    file::{Format, Reader, stream},
    problem::{Answer, ProblemDocument},
};

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityView {
    /// Its id: of an entry of the audit log, or of a mail.
    id: uuid::Uuid,
    /// When.
    at: String,
    /// Which kind.
    kind: Kind,
    /// What happened: `user.suspended`, `mail.password_reset`.
    event: String,
    /// In words for people.
    sentence: String,
    /// Who did it: an id, `operator`, `system`.
    #[serde(skip_serializing_if = "String::is_empty")]
    actor: String,
    /// Their name at the time.
    #[serde(skip_serializing_if = "String::is_empty")]
    actor_name: String,
    /// To what: `user`, `org`.
    #[serde(skip_serializing_if = "String::is_empty")]
    target_type: String,
    /// Whose id.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<uuid::Uuid>,
    /// The name at the time.
    #[serde(skip_serializing_if = "String::is_empty")]
    target_name: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// From where; for a mail, where to.
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    /// Before and after, per field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    changes: Option<Value>,
}

pub(crate) fn present(item: &Item, user: UserId, you: Option<UserId>) -> ActivityView {
    let (kind, sentence) = (item.kind(user), activity_words::sentence(item, you));
    let (id, at) = (item.id(), moment(item.at()));
    match item {
        Item::Entry(entry) => ActivityView {
            id,
            at,
            kind,
            event: entry.event.clone(),
            sentence,
            actor: entry.actor.to_string(),
            actor_name: entry.actor_name.clone(),
            target_type: entry.target_type.clone(),
            target: Some(entry.target),
            target_name: entry.target_name.clone(),
            reason: entry.reason.clone(),
            address: entry.address.clone(),
            changes: serde_json::to_value(&entry.changes).ok().filter(|_| !entry.changes.is_empty()),
        },
        Item::Mail(mail) => ActivityView {
            id,
            at,
            kind,
            event: format!("mail.{}", mail.kind),
            sentence,
            actor: String::new(),
            actor_name: String::new(),
            target_type: String::new(),
            target: None,
            target_name: String::new(),
            reason: mail.why.clone(),
            address: mail.address.clone(),
            changes: None,
        },
    }
}

/// A page of somebody's activity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityList {
    /// Newest first.
    items: Vec<ActivityView>,
    /// Send it as `before` for what is older; missing when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    older: Option<uuid::Uuid>,
}

/// Which part of the activity.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only this kind: `sign_ins`, `account`, `access`, `administration`, `mail`.
    #[serde(default)]
    kind: String,
    /// Only what was before: `older` of the page before.
    #[serde(default)]
    before: String,
    /// Items per page, 1 to 200; 50 if left out.
    page_size: Option<u16>,
}

/// Reads the name of a kind; nothing means all.
pub(crate) fn kind(name: &str) -> Result<Option<Kind>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let known = || {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        let message = format!("There is no such kind. The kinds are {}.", names.join(", "));
        Error::invalid_field("kind", "activity.kind", message)
    };
    Kind::parse(name).map(Some).ok_or_else(known)
}

async fn list(
    shared: &Shared,
    caller: &Caller,
    whose: Whose,
    which: &Which,
) -> Answer<axum::Json<ActivityList>> {
    let part = Part {
        kind: kind(&which.kind)?,
        before: parse_before(&which.before)?,
        limit: page::limit(which.page_size)?,
    };
    let user = user(caller, whose);
    let you = (whose == Whose::Own).then_some(user);
    let Page { items, older } = shared.app.activity(&caller.actor, whose, part).await?;
    let items = items.iter().map(|item| present(item, user, you)).collect();
    Ok(axum::Json(ActivityList { items, older }))
}

fn user(caller: &Caller, whose: Whose) -> UserId {
    match whose {
        Whose::Own => caller.access.user,
        Whose::Of(user) => user,
    }
}

/// List what a user did and what was done to them
///
/// Entries of the audit log and mails, newest first.
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/activity", tag = "Activity",
    params(("id" = uuid::Uuid, Path, description = "The user's id."), Which),
    responses((status = 200, body = ActivityList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Query(which): Query<Which>,
) -> Answer<axum::Json<ActivityList>> {
    list(&shared, &caller, Whose::Of(id), &which).await
}

/// List what oneself did and what was done to oneself
///
/// Without what administrators write for each other.
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/activity", tag = "Activity", params(Which),
    responses((status = 200, body = ActivityList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn own(
    State(shared): State<Shared>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Answer<axum::Json<ActivityList>> {
    list(&shared, &caller, Whose::Own, &which).await
}

/// Sign-ins of one day, in UTC.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DayView {
    /// `2026-11-20`.
    day: String,
    /// How many succeeded.
    succeeded: i64,
    /// How many were refused.
    failed: i64,
}

/// Where sign-ins came from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    /// The address.
    address: String,
    /// How many succeeded.
    succeeded: i64,
    /// How many were refused.
    failed: i64,
    /// The first within the window.
    first_at: String,
    /// The last.
    last_at: String,
}

/// Sign-ins at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView {
    /// Every day of the window, oldest first.
    days: Vec<DayView>,
    /// Addresses, last used first; at most 20.
    addresses: Vec<OriginView>,
}

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Window {
    /// 30 or 90 days; 30 if left out.
    days: Option<u16>,
}

/// A day since 1970 as dates are written: `2026-11-20`.
pub(crate) fn date(day: i64) -> String {
    model::Timestamp::from_micros(day * 86_400_000_000).to_string().chars().take(10).collect()
}

async fn at_a_glance(
    shared: &Shared,
    caller: &Caller,
    whose: Whose,
    window: &Window,
) -> Answer<axum::Json<HistoryView>> {
    let days = window.days.unwrap_or(30);
    let History { days, origins } = shared.app.sign_in_history(&caller.actor, whose, days).await?;
    let day = |day: model::activity::Day| DayView {
        day: date(day.day),
        succeeded: day.succeeded,
        failed: day.failed,
    };
    let origin = |origin: model::activity::Origin| OriginView {
        address: origin.address,
        succeeded: origin.succeeded,
        failed: origin.failed,
        first_at: moment(origin.first_at),
        last_at: moment(origin.last_at),
    };
    let days = days.into_iter().map(day).collect();
    Ok(axum::Json(HistoryView { days, addresses: origins.into_iter().map(origin).collect() }))
}

/// Count a user's sign-ins by day and by address
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/sign-ins", tag = "Activity",
    params(("id" = uuid::Uuid, Path, description = "The user's id."), Window),
    responses((status = 200, body = HistoryView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn sign_ins(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Query(window): Query<Window>,
) -> Answer<axum::Json<HistoryView>> {
    at_a_glance(&shared, &caller, Whose::Of(id), &window).await
}

/// Count one's own sign-ins by day and by address
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/sign-ins", tag = "Activity", params(Window),
    responses((status = 200, body = HistoryView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn own_sign_ins(
    State(shared): State<Shared>,
    caller: Caller,
    Query(window): Query<Window>,
) -> Answer<axum::Json<HistoryView>> {
    at_a_glance(&shared, &caller, Whose::Own, &window).await
}

/// As what.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileFormat {
    /// `csv` or `jsonl`; `csv` if left out.
    #[serde(default)]
    pub(crate) format: String,
    /// Only this kind.
    #[serde(default)]
    pub(crate) kind: String,
}

/// Export what a user did and what was done to them
///
/// All of it, newest first, as CSV or JSON lines. Noted in the audit log.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/activity/export", tag = "Activity",
    params(("id" = uuid::Uuid, Path, description = "The user's id."), FileFormat),
    responses((status = 200, body = String, content_type = "text/csv"), (status = "default", body = ProblemDocument)))]
pub(crate) async fn export(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Query(format): Query<FileFormat>,
) -> Answer<Response> {
    as_file(&shared, &caller, Whose::Of(id), &format, Reader::Program).await
}

/// Export what oneself did and what was done to oneself
#[utoipa::path(post, path = "/o/{slug}/api/v1/account/activity/export", tag = "Activity", params(FileFormat),
    responses((status = 200, body = String, content_type = "text/csv"), (status = "default", body = ProblemDocument)))]
pub(crate) async fn export_own(
    State(shared): State<Shared>,
    caller: Caller,
    Query(format): Query<FileFormat>,
) -> Answer<Response> {
    as_file(&shared, &caller, Whose::Own, &format, Reader::Program).await
}

/// The columns of the CSV file.
const COLUMNS: [&str; 10] =
    ["at", "kind", "event", "sentence", "actor_name", "target_name", "reason", "address", "changes", "id"];

pub(crate) async fn as_file(
    shared: &Shared,
    caller: &Caller,
    whose: Whose,
    wanted: &FileFormat,
    reader: Reader,
) -> Answer<Response> {
    let (format, kind) = (Format::parse(&wanted.format)?, kind(&wanted.kind)?);
    let person = shared.app.begin_activity_export(&caller.actor, whose).await?;
    let (app, actor, user) = (shared.app.clone(), caller.actor.clone(), person.user.id);
    let you = (whose == Whose::Own).then_some(user);
    let pages = move |before: Option<uuid::Uuid>| {
        let (app, actor) = (app.clone(), actor.clone());
        async move {
            let part = Part { kind, before, limit: page::MAX_LIMIT };
            let page = app.activity(&actor, whose, part).await?;
            let lines = page.items.iter().map(|item| line(&present(item, user, you), format)).collect();
            Ok((lines, page.older))
        }
    };
    Ok(stream(format, reader, &COLUMNS, &format!("activity-of-{}", person.user.username()), pages))
}

fn line(item: &ActivityView, format: Format) -> String {
    if format == Format::JsonLines {
        return serde_json::to_string(item).unwrap_or_default() + "\n";
    }
    let changes = item.changes.as_ref().map(Value::to_string).unwrap_or_default();
    let id = item.id.to_string();
    model::csv::line([
        item.at.as_str(),
        item.kind.as_str(),
        &item.event,
        &item.sentence,
        &item.actor_name,
        &item.target_name,
        &item.reason,
        &item.address,
        &changes,
        &id,
    ])
}
