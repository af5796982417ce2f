//! The transitions of a user in the API: each takes what it needs and answers the user as it is then.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use model::{
    Action, UserId,
    erasure::Receipt,
    given_date::GivenDate,
    lifecycle::{Awaited, Reason},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{
        users::{UserView, present},
        versioned,
    },
    auth::Caller,
    extract::{Id, Json},
    problem::{Answer, ProblemDocument},
};

/// Nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Why somebody is suspended or deprovisioned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// Why.
    reason: Reason,
    /// More words, at most 500 characters.
    #[serde(default)]
    note: String,
}

/// How somebody comes back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Return {
    /// A new end; needed if the present one has passed. A date includes its day in the organization's time zone.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<GivenDate>,
    /// Whether a deprovisioned user gets the roles of before again.
    restore_roles: bool,
}

/// A lock.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LockBody {
    /// When it ends by itself; left out: until unlocked.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<GivenDate>,
    /// Why, for other administrators.
    note: String,
}

/// The user's email, typed (a user without one: the username).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirm {
    /// The email.
    confirm: String,
}

async fn apply(shared: &Shared, caller: &Caller, id: UserId, action: Action) -> Answer<Response> {
    let person = shared.app.transition(&caller.actor, &caller.org, id, action, caller.version).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Activate a user
///
/// Someone without a password gets a mail with which to choose one, and is invited until then; `set-password`
/// activates at once.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/activate", tag = "Lifecycle", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn activate(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Activate).await
}

/// What is complete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleBody {
    /// Which of the steps in `awaits`.
    awaited: Awaited,
}

/// Complete a step of a pending user
///
/// Such as the approval. When no step is left the user becomes active; one without a password gets a mail with which
/// to choose one, and is invited until then.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/settle", tag = "Lifecycle", request_body = SettleBody,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn settle(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<SettleBody>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Settle(body.awaited)).await
}

/// Reject a pending user
///
/// To the trash, from which it can be restored.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/reject", tag = "Lifecycle", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn reject(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Reject).await
}

/// Suspend a user
///
/// Blocks at once; everything held stays. Ends sessions and API tokens.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/suspend", tag = "Lifecycle", request_body = Why,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn suspend(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(why): Json<Why>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Suspend { reason: why.reason, note: why.note }).await
}

/// Reactivate a user
///
/// Unblocks a suspended user, or brings a deprovisioned one back.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/reactivate", tag = "Lifecycle", request_body = Return,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn reactivate(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<Return>,
) -> Answer<Response> {
    let zone = caller.org.settings.zone();
    let (until, roles) = (body.valid_until.map(|until| until.end_in(&zone)), body.restore_roles);
    let person = shared.app.reactivate(&caller.actor, &caller.org, id, until, roles, caller.version).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Deprovision a user
///
/// Blocks, and takes direct roles away (kept for a rehire).
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/deprovision", tag = "Lifecycle", request_body = Why,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn deprovision(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(why): Json<Why>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Deprovision { reason: why.reason, note: why.note }).await
}

/// Lock a user
///
/// Refuses everything and ends sessions, until a time or until unlocked.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/lock", tag = "Lifecycle", request_body = LockBody,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn lock(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<LockBody>,
) -> Answer<Response> {
    let zone = caller.org.settings.zone();
    let until = body.until.map(|until| until.end_in(&zone));
    apply(&shared, &caller, id, Action::Lock { until, note: body.note }).await
}

/// Unlock a user
///
/// Ends an administrator's lock and locks by failures.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/unlock", tag = "Lifecycle", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn unlock(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Unlock).await
}

/// A temporary password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SetPassword {
    /// The password; left out: Muster makes one and answers it, once.
    password: Option<String>,
}

/// A temporary password was set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PasswordSet {
    /// Whose.
    #[serde(flatten)]
    user: UserView,
    /// The generated password: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
}

/// Set a temporary password
///
/// Works for a limited time and must be changed at the next sign-in. Ends sessions and API tokens; activates a staged
/// or invited user.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/set-password", tag = "Lifecycle", request_body = SetPassword,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = PasswordSet), (status = "default", body = ProblemDocument)))]
pub(crate) async fn set_password(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<SetPassword>,
) -> Answer<Response> {
    let (actor, org) = (&caller.actor, &caller.org);
    let set = shared.app.set_temporary_password(actor, org, id, body.password, caller.version).await?;
    let version = set.person.user.version;
    let user = present(set.person, &caller.org.settings.lifecycle, shared.app.now());
    Ok(versioned(StatusCode::OK, version, PasswordSet { user, temporary_password: set.password }))
}

/// Require a password change
///
/// The present password works once more, and another one must be chosen at the next sign-in. Open sessions are led to it
/// at their next request; API tokens go on.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/require-password-change", tag = "Lifecycle",
    request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn require_password_change(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let person = shared.app.require_password_change(&caller.actor, id, caller.version).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Delete a user
///
/// To the trash, from which it can be restored; then purged. An active user is suspended first.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/delete", tag = "Lifecycle", request_body = Confirm,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<Confirm>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Delete { confirm: body.confirm }).await
}

/// Restore a user
///
/// Out of the trash, to the state before.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/restore", tag = "Lifecycle", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn restore(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    apply(&shared, &caller, id, Action::Restore).await
}

/// Delete a user permanently
///
/// Out of the trash, for good: every personal value is removed. Answers the receipt; a dry run answers nothing.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/purge", tag = "Lifecycle", request_body = Confirm,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = Receipt), (status = 204, description = "Of a dry run."), (status = "default", body = ProblemDocument)))]
pub(crate) async fn purge(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<Confirm>,
) -> Answer<Response> {
    let action = Action::Purge { confirm: Some(body.confirm) };
    shared.app.transition(&caller.actor, &caller.org, id, action, caller.version).await?;
    if caller.actor.dry_run {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(axum::Json(shared.app.erasure_receipt(&caller.actor, id).await?).into_response())
}
