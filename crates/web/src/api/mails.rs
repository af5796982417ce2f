//! Mails in the API: how they stand, sending failed ones again, a test. Never what they say, nor their links.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use app::mails::{MailQuery, MailStatus};
use axum::{extract::State, http::StatusCode};
use model::{
    Error, InvitationId, MailId, UserId,
    mail::{Mail, MailKind, MailState},
    page,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::{Id, Json, Query},
    problem::{Answer, ProblemDocument},
};

/// A mail.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailView {
    /// Never changes; its Message-ID is made of it.
    #[schema(value_type = uuid::Uuid)]
    id: MailId,
    /// What it is about.
    kind: MailKind,
    /// Where to.
    address: String,
    /// To whom; missing for a test to an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    user: Option<UserId>,
    /// The invitation that it brings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    invitation: Option<InvitationId>,
    /// Where it stands.
    state: MailState,
    /// Why it was not sent (yet), or what the server said when it took it.
    why: String,
    /// How often it was tried.
    attempts: i64,
    /// When it was asked for, or sent again by somebody.
    created_at: String,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<String>,
    /// When the server took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
}

fn present(mail: Mail) -> MailView {
    let waits = matches!(mail.state, MailState::Queued | MailState::Deferred);
    MailView {
        id: mail.id,
        kind: mail.kind,
        address: mail.address,
        user: mail.user,
        invitation: mail.invitation,
        state: mail.state,
        why: mail.why,
        attempts: mail.attempts,
        created_at: moment(mail.created_at),
        next_at: waits.then(|| moment(mail.next_at)),
        sent_at: mail.sent_at.map(moment),
    }
}

/// What the list of mails is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// `queued`, `sent`, `deferred`, `failed` or `cancelled`; all if left out.
    state: String,
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

/// One page of mails.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailPage {
    /// The mails, the newest first.
    items: Vec<MailView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
}

/// The state of that name; nothing for none.
pub(crate) fn mail_state(name: &str) -> model::Result<Option<MailState>> {
    if name.is_empty() {
        return Ok(None);
    }
    let unknown = || {
        let message = "Choose one of queued, sent, deferred, failed, cancelled.";
        Error::invalid_field("state", "mail.unknown_state", message)
    };
    MailState::parse(name).map(Some).ok_or_else(unknown)
}

/// List mails
///
/// The newest first, a page at a time. Mails are kept for 30 days after they were sent or given up.
#[utoipa::path(get, path = "/o/{slug}/api/v1/mails", tag = "Mail", params(ListQuery),
    responses((status = 200, body = MailPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<MailPage>> {
    let cursor = Some(query.page_token).filter(|token| !token.is_empty());
    let query = MailQuery { state: mail_state(&query.state)?, limit: page::limit(query.limit)?, cursor };
    let page = shared.app.mails(&caller.actor, query).await?;
    let items = page.items.into_iter().map(present).collect();
    Ok(axum::Json(MailPage { items, next_page_token: page.next, previous_page_token: page.previous }))
}

/// The mails of one user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MailList {
    /// The newest first, at most 100.
    items: Vec<MailView>,
}

/// List a user's mails
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/mails", tag = "Mail",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = MailList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<MailList>> {
    let mails = shared.app.mails_of(&caller.actor, id).await?;
    Ok(axum::Json(MailList { items: mails.into_iter().map(present).collect() }))
}

/// Whether mail goes out, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    /// Whether mail goes anywhere.
    is_configured: bool,
    /// Through what, without credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    /// Waiting for the first try. Each count is exact up to 10,000.
    queued: i64,
    /// Waiting for another try.
    deferred: i64,
    /// Given up; somebody must look.
    failed: i64,
    /// Sent within the last 30 days.
    sent: i64,
    /// For how many seconds the oldest of those that wait has waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_age_seconds: Option<u64>,
    /// When a server last took one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sent_at: Option<String>,
    /// When an attempt last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

fn present_status(status: MailStatus) -> StatusView {
    let queue_age_seconds = status.queue_age().map(|age| age.as_secs());
    let news = status.news;
    StatusView {
        is_configured: status.carrier.is_some(),
        carrier: status.carrier,
        queued: news.queued,
        deferred: news.deferred,
        failed: news.failed,
        sent: news.sent,
        queue_age_seconds,
        last_sent_at: news.last_sent_at.map(moment),
        last_error_at: news.last_error_at.map(moment),
        last_error: news.last_error,
    }
}

/// Show how mail stands
#[utoipa::path(get, path = "/o/{slug}/api/v1/mails/status", tag = "Mail",
    responses((status = 200, body = StatusView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn status(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<StatusView>> {
    Ok(axum::Json(present_status(shared.app.mail_status(&caller.actor).await?)))
}

/// Nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoWords {}

/// Send a mail again
///
/// A failed or deferred one, at once, under the same Message-ID.
#[utoipa::path(post, path = "/o/{slug}/api/v1/mails/{id}/retry", tag = "Mail", request_body = NoWords,
    params(("id" = uuid::Uuid, Path, description = "The mail's id.")),
    responses((status = 200, body = MailView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn retry(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<MailId>,
    Json(NoWords {}): Json<NoWords>,
) -> Answer<axum::Json<MailView>> {
    Ok(axum::Json(present(shared.app.retry_mail(&caller.actor, id).await?)))
}

/// Which mails to send again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetryBody {
    /// Whether those go at once too that are tried again anyway.
    deferred: bool,
}

/// Mails were queued again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetriedView {
    /// How many.
    retried: usize,
}

/// Send all failed mails again
#[utoipa::path(post, path = "/o/{slug}/api/v1/mails/retry", tag = "Mail", request_body = RetryBody,
    responses((status = 200, body = RetriedView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn retry_all(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<RetryBody>,
) -> Answer<axum::Json<RetriedView>> {
    let retried = shared.app.retry_mails(&caller.actor, &caller.org, body.deferred).await?;
    Ok(axum::Json(RetriedView { retried }))
}

/// Where a test mail goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TestBody {
    /// The address; left out: the caller's own.
    address: Option<String>,
}

/// A test mail was queued.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestView {
    /// Which mail; look at it to see what became of it.
    #[schema(value_type = uuid::Uuid)]
    id: MailId,
}

/// Send a test mail
///
/// It goes the way of every mail; the list says what became of it.
#[utoipa::path(post, path = "/o/{slug}/api/v1/mails/test", tag = "Mail", request_body = TestBody,
    responses((status = 202, body = TestView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn test(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<TestBody>,
) -> Answer<(StatusCode, axum::Json<TestView>)> {
    let id = shared.app.send_test_mail(&caller.actor, &caller.org, body.address.as_deref()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(TestView { id })))
}
