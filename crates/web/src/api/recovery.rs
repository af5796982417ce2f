//! Getting back in, in the API: the reset link that an administrator sends, one's own email address, and which notices
//! one is mailed.

use app::emails::PendingAddress;
use axum::{extract::State, http::StatusCode, response::Response};
use model::{Timestamp, UserId, mail::MailKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{
        lifecycle::Nothing,
        users::{UserView, present},
        versioned,
    },
    auth::Caller,
    extract::{Id, Json},
    problem::{Answer, ProblemDocument},
};

/// Send a reset link
///
/// Mails the user a link with which a new password is chosen; it works once, for an hour. A staged or invited user gets
/// the activation mail or the invitation instead.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/send-reset-link", tag = "Lifecycle", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn send_reset_link(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let (actor, org) = (&caller.actor, &caller.org);
    let person = shared.app.send_reset_link(actor, org, id, caller.version).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &org.settings.lifecycle, shared.app.now())))
}

/// One's own email address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmailView {
    /// The present address.
    email: Option<String>,
    /// Whether it is proven to be one's own.
    verified: bool,
    /// What waits to be confirmed.
    pending: Option<PendingView>,
}

/// An address that waits to be confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PendingView {
    /// Which.
    email: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Until when it can be confirmed.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

impl From<PendingAddress> for PendingView {
    fn from(pending: PendingAddress) -> Self {
        Self { email: pending.address, since: pending.since, until: pending.until }
    }
}

/// Show one's own email address
///
/// With what waits to be confirmed.
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/email", tag = "Account",
    responses((status = 200, body = EmailView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn email(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<EmailView>> {
    let own = shared.app.own_account(&caller.actor).await?;
    let pending = shared.app.pending_address(&caller.actor).await?;
    let pending = pending.map(PendingView::from);
    Ok(axum::Json(EmailView { email: own.user.fields.email, verified: own.user.email_verified, pending }))
}

/// A wish for another address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailChange {
    /// The new address.
    email: String,
    /// The present password.
    present_password: String,
}

/// Change one's own email address
///
/// Mails the new address a link; nothing changes until it is used, within 24 hours. The old address can take the change
/// back for 72 hours.
#[utoipa::path(post, path = "/o/{slug}/api/v1/account/email", tag = "Account", request_body = EmailChange,
    responses((status = 200, body = PendingView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn change_email(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<EmailChange>,
) -> Answer<axum::Json<PendingView>> {
    let pending = shared.app.ask_for_email(&caller.actor, &body.email, &body.present_password).await?;
    Ok(axum::Json(pending.into()))
}

/// Cancel the change of one's own email address
#[utoipa::path(delete, path = "/o/{slug}/api/v1/account/email/pending", tag = "Account",
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn cancel_email(State(shared): State<Shared>, caller: Caller) -> Answer<StatusCode> {
    shared.app.cancel_email(&caller.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for the mail that proves one's present address
#[utoipa::path(post, path = "/o/{slug}/api/v1/account/email/verify", tag = "Account", request_body = Nothing,
    responses((status = 200, body = PendingView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn verify_email(
    State(shared): State<Shared>,
    caller: Caller,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<axum::Json<PendingView>> {
    Ok(axum::Json(shared.app.ask_for_verification(&caller.actor).await?.into()))
}

/// Which notices one does not want.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notices {
    /// Kinds of mail that are switched off: `made_administrator`, `access_ending`, `grant_ending`. All others guard the account and always come.
    muted: Vec<String>,
}

/// Show which notices are switched off
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/notices", tag = "Account",
    responses((status = 200, body = Notices), (status = "default", body = ProblemDocument)))]
pub(crate) async fn notices(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<Notices>> {
    let muted = shared.app.muted_notices(&caller.actor).await?;
    Ok(axum::Json(Notices { muted: muted.iter().map(|kind| kind.as_str().to_owned()).collect() }))
}

/// Switch notices off, and all others on
#[utoipa::path(put, path = "/o/{slug}/api/v1/account/notices", tag = "Account", request_body = Notices,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn set_notices(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<Notices>,
) -> Answer<StatusCode> {
    let unknown = || {
        let message = "There is no such notice. made_administrator is one.";
        model::Error::invalid_field("muted", "notice.unknown", message)
    };
    let kinds: Option<Vec<MailKind>> = body.muted.iter().map(|name| MailKind::parse(name)).collect();
    shared.app.mute_notices(&caller.actor, kinds.ok_or_else(unknown)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
