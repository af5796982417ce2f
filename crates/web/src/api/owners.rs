//! Making somebody an owner, and an owner no more, in the API.

use axum::{extract::State, http::StatusCode, response::Response};
use model::UserId;
use serde::Serialize;
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

/// Make a user an owner
///
/// Of an active human, by an owner; the other owners are told by mail.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/make-admin", tag = "Roles", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn make(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let person = shared.app.make_admin(&caller.actor, id).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Somebody is no owner any more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoOwner {
    /// Who.
    #[serde(flatten)]
    user: UserView,
    /// The groups through which the person is an owner all the same, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    still_owner_through: Vec<String>,
}

/// Make a user an owner no more
///
/// Takes the role that is held directly; other roles and groups stay. The other owners are told by mail.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/remove-admin", tag = "Roles", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = NoOwner), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let removed = shared.app.remove_admin(&caller.actor, id).await?;
    let version = removed.person.user.version;
    let user = present(removed.person, &caller.org.settings.lifecycle, shared.app.now());
    Ok(versioned(StatusCode::OK, version, NoOwner { user, still_owner_through: removed.still_through }))
}
