//! Sessions in the API: somebody's, one's own, all of the organization; ended one by one or by a filter.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use app::sessions::{Ended, Labelled, Listed};
use axum::{extract::State, http::StatusCode};
use model::{
    Error, SessionId, UserId,
    device::{Device, DeviceKind, Platform},
    page,
    session::{SessionFilter, SessionQuery},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::{Id, Json, Query, Session},
    problem::{Answer, ProblemDocument},
};

/// A signed-in browser.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Its id; opens nothing.
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// Whose.
    user: UserRef,
    /// It is the one that asks.
    this: bool,
    /// With what.
    device: DeviceView,
    /// Where from.
    address: String,
    /// Where that is, roughly; missing if it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
    /// From which country it was signed in, by two letters; missing if it was not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    country: String,
    /// How the person signed in.
    method: String,
    /// Whether it is kept beyond the browser's end.
    remembered: bool,
    /// When it started.
    started_at: String,
    /// Last use, to within five minutes.
    last_active_at: String,
    /// Ends then, whatever its use.
    expires_at: String,
}

/// Whose session it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserRef {
    /// The user's id.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    /// The name, as shown; in lists of all only.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// The username; in lists of all only.
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
}

/// A device, as far as it tells.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceView {
    /// What it runs.
    platform: Platform,
    /// What it is.
    kind: DeviceKind,
    /// Its system with the version.
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    /// Its browser with the version.
    #[serde(skip_serializing_if = "String::is_empty")]
    browser: String,
    /// Its model.
    #[serde(skip_serializing_if = "String::is_empty")]
    model: String,
    /// What it said of itself, as sent.
    user_agent: String,
}

impl DeviceView {
    /// A device, with what it said of itself.
    pub(crate) fn new(device: Device, user_agent: String) -> Self {
        Self {
            platform: device.platform,
            kind: device.kind,
            system: device.system(),
            browser: device.program(),
            model: device.model,
            user_agent,
        }
    }
}

fn present(labelled: Labelled, name: String, username: String) -> SessionView {
    let Labelled { session, device, place, is_this } = labelled;
    SessionView {
        id: session.id,
        user: UserRef { id: session.user, name, username },
        this: is_this,
        device: DeviceView::new(device, session.user_agent),
        address: session.address,
        place: place.label(),
        country: session.country,
        method: session.method,
        remembered: session.remembered,
        started_at: moment(session.started_at),
        last_active_at: moment(session.last_active_at),
        expires_at: moment(session.expires_at),
    }
}

fn present_own(labelled: Labelled) -> SessionView {
    present(labelled, String::new(), String::new())
}

/// Sessions of one person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// Latest used first.
    items: Vec<SessionView>,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedCount {
    /// So many.
    sessions: u64,
}

/// List a user's sessions
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/sessions", tag = "Sessions",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = SessionList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<SessionList>> {
    let sessions = shared.app.sessions_of(&caller.actor, id).await?;
    Ok(axum::Json(SessionList { items: sessions.into_iter().map(present_own).collect() }))
}

/// End all sessions of a user
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/sessions", tag = "Sessions",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = EndedCount), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<EndedCount>> {
    let sessions = shared.app.revoke_sessions_of(&caller.actor, id).await?;
    Ok(axum::Json(EndedCount { sessions }))
}

/// End one session of a user
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/sessions/{session}", tag = "Sessions",
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
           ("session" = uuid::Uuid, Path, description = "The session's id.")),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_one(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Session(session): Session,
) -> Answer<StatusCode> {
    shared.app.revoke_session(&caller.actor, id, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List one's own sessions
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/sessions", tag = "Account",
    responses((status = 200, body = SessionList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn own(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<SessionList>> {
    let sessions = shared.app.own_sessions(&caller.actor).await?;
    Ok(axum::Json(SessionList { items: sessions.into_iter().map(present_own).collect() }))
}

/// Which of one's own sessions to end.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnQuery {
    /// `true`: all but the one that asks.
    others: bool,
}

/// End one's own sessions
#[utoipa::path(delete, path = "/o/{slug}/api/v1/account/sessions", tag = "Account", params(OwnQuery),
    responses((status = 200, body = EndedCount), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_own(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<OwnQuery>,
) -> Answer<axum::Json<EndedCount>> {
    let sessions = shared.app.revoke_own_sessions(&caller.actor, query.others).await?;
    Ok(axum::Json(EndedCount { sessions }))
}

/// End one of one's own sessions
#[utoipa::path(delete, path = "/o/{slug}/api/v1/account/sessions/{id}", tag = "Account",
    params(("id" = uuid::Uuid, Path, description = "The session's id.")),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_own_one(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<SessionId>,
) -> Answer<StatusCode> {
    shared.app.revoke_own_session(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// A user's id.
    user: String,
    /// An address such as `203.0.113.7`, or a network such as `203.0.113.0/24`.
    address: String,
    /// `windows`, `macos`, `ios`, `android`, `linux`, `chromeos` or `other`.
    platform: String,
    /// How the person signed in, such as `password`.
    method: String,
    /// `true`: only those kept beyond the browser's end; `false`: only the others.
    remembered: Option<bool>,
    /// Used since then: a time, or a day in the organization's time zone.
    active_since: String,
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

impl ListQuery {
    fn understood(self, caller: &Caller) -> model::Result<SessionQuery> {
        let filter = SessionFilter {
            user: self.user,
            address: self.address,
            platform: self.platform,
            method: self.method,
            remembered: self.remembered,
            active_since: self.active_since,
        };
        let query = SessionQuery {
            limit: page::limit(self.limit)?,
            ..filter.understood(&caller.org.settings.zone())?
        };
        query.at(caller.actor.reader(), &self.page_token)
    }
}

/// One page of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionPage {
    /// Latest used first.
    items: Vec<SessionView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
}

/// List all sessions
#[utoipa::path(get, path = "/o/{slug}/api/v1/sessions", tag = "Sessions", params(ListQuery),
    responses((status = 200, body = SessionPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<SessionPage>> {
    let query = query.understood(&caller)?;
    let page = shared.app.sessions(&caller.actor, query).await?;
    let listed = |row: Listed| present(row.labelled, row.name, row.username);
    Ok(axum::Json(SessionPage {
        items: page.items.into_iter().map(listed).collect(),
        next_page_token: page.next,
        previous_page_token: page.previous,
    }))
}

/// Which sessions to end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RevokeBody {
    /// A user's id.
    user: String,
    /// An address such as `203.0.113.7`, or a network such as `203.0.113.0/24`.
    address: String,
    /// `windows`, `macos`, `ios`, `android`, `linux`, `chromeos` or `other`.
    platform: String,
    /// How the person signed in, such as `password`.
    method: String,
    /// `true`: only those kept beyond the browser's end; `false`: only the others.
    remembered: Option<bool>,
    /// Used since then: a time, or a day in the organization's time zone.
    #[schema(value_type = Option<String>)]
    active_since: String,
    /// Needed when nothing else is said: everybody's sessions.
    all: bool,
    /// How many people will be signed out at most, needed where they are many: `?dry_run=true` says how many.
    confirm: Option<u64>,
}

/// What ending sessions came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndedView {
    /// Sessions that were ended, or in a dry run would be.
    sessions: u64,
    /// Whose they were: so many people.
    people: u64,
    /// Sessions that match and go on: the one that asks, and those of people who may do more.
    spared: u64,
    /// More match than one request ends: send it again.
    more: bool,
}

/// End sessions by a filter
///
/// The session that asks and those of people who may do more are spared.
#[utoipa::path(post, path = "/o/{slug}/api/v1/sessions/revoke", tag = "Sessions", request_body = RevokeBody,
    responses((status = 200, body = EndedView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<RevokeBody>,
) -> Answer<axum::Json<EndedView>> {
    let RevokeBody { user, address, platform, method, remembered, active_since, all, confirm } = body;
    let filter = SessionFilter { user, address, platform, method, remembered, active_since };
    let query = filter.understood(&caller.org.settings.zone())?;
    if query.is_everything() && !all {
        let message = "Say which sessions, or send \"all\": true to end everybody's.";
        return Err(Error::invalid_field("all", "sessions.no_filter", message).into());
    }
    let Ended { sessions, people, spared, more } =
        shared.app.revoke_sessions(&caller.actor, query, confirm).await?;
    Ok(axum::Json(EndedView { sessions, people, spared, more }))
}
