//! Which groups stand in which, what they carry, and who owns them, in the API.

use axum::{extract::State, http::StatusCode, response::Response};
use model::{GroupId, RoleKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{GroupView, present};
use crate::{
    Shared,
    api::{
        grants::{RoleView, TermsBody},
        roles::{GrantBody, Over},
    },
    auth::Caller,
    extract::{Child, Id, Json, Name, Query, Subject},
    problem::{Answer, ProblemDocument},
};

/// Put a group into another
///
/// Everybody in it then has what the outer one gives. Doing it again changes the terms.
#[utoipa::path(put, path = "/o/{slug}/api/v1/groups/{id}/groups/{child}", tag = "Groups", request_body = TermsBody,
    params(("id" = uuid::Uuid, Path, description = "The outer group's id."),
           ("child" = uuid::Uuid, Path, description = "The id of the group that comes into it.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn nest(
    State(shared): State<Shared>,
    caller: Caller,
    Id(parent): Id<GroupId>,
    Child(child): Child,
    Json(terms): Json<TermsBody>,
) -> Answer<Response> {
    Ok(present(
        StatusCode::OK,
        shared.app.nest(&caller.actor, parent, child, terms.terms(&caller.org)).await?,
    ))
}

/// Take a group out of another
#[utoipa::path(delete, path = "/o/{slug}/api/v1/groups/{id}/groups/{child}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The outer group's id."),
           ("child" = uuid::Uuid, Path, description = "The id of the group that stands in it.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn unnest(
    State(shared): State<Shared>,
    caller: Caller,
    Id(parent): Id<GroupId>,
    Child(child): Child,
) -> Answer<Response> {
    Ok(present(StatusCode::OK, shared.app.unnest(&caller.actor, parent, child).await?))
}

/// From where to where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveBody {
    /// The id of the group that it stands in.
    from: String,
    /// The id of the group that it comes into.
    to: String,
}

/// Move a group from one into another
///
/// In one step: nobody loses in between what both give.
#[utoipa::path(post, path = "/o/{slug}/api/v1/groups/{id}/move", tag = "Groups", request_body = MoveBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn move_group(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Json(body): Json<MoveBody>,
) -> Answer<Response> {
    let (from, to) = (body.from.parse()?, body.to.parse()?);
    Ok(present(StatusCode::OK, shared.app.move_group(&caller.actor, id, from, to).await?))
}

/// The roles that a group carries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CarriedRoles {
    /// Strongest first.
    items: Vec<RoleView>,
}

/// List a group's roles
#[utoipa::path(get, path = "/o/{slug}/api/v1/groups/{id}/roles", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id.")),
    responses((status = 200, body = CarriedRoles), (status = "default", body = ProblemDocument)))]
pub(crate) async fn roles(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Answer<axum::Json<CarriedRoles>> {
    let details = shared.app.group(&caller.actor, id).await?;
    Ok(axum::Json(CarriedRoles { items: details.roles.into_iter().map(RoleView::from).collect() }))
}

/// Give everybody in a group a role
///
/// Doing it again changes the terms.
#[utoipa::path(post, path = "/o/{slug}/api/v1/groups/{id}/roles", tag = "Groups", request_body = GrantBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn grant(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Json(body): Json<GrantBody>,
) -> Answer<Response> {
    let (role, scope, terms) = body.understood(&shared, &caller).await?;
    Ok(present(StatusCode::OK, shared.app.grant_group_role(&caller.actor, id, role, scope, terms).await?))
}

/// Take a role from a group
#[utoipa::path(delete, path = "/o/{slug}/api/v1/groups/{id}/roles/{name}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("name" = String, Path, description = "The role's key."), Over),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Name(role): Name,
    Query(over): Query<Over>,
) -> Answer<Response> {
    let role = RoleKey::parse(&role).ok_or_else(model::Error::not_found)?;
    let scope = over.scope()?;
    Ok(present(StatusCode::OK, shared.app.revoke_group_role(&caller.actor, id, role, scope).await?))
}

/// Make a user an owner of a group
///
/// Owners decide about the members, within what they may do themselves.
#[utoipa::path(put, path = "/o/{slug}/api/v1/groups/{id}/owners/{user}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn add_owner(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Subject(user): Subject,
) -> Answer<Response> {
    Ok(present(StatusCode::OK, shared.app.add_owner(&caller.actor, id, user).await?))
}

/// Take the ownership of a group from a user
#[utoipa::path(delete, path = "/o/{slug}/api/v1/groups/{id}/owners/{user}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove_owner(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Subject(user): Subject,
) -> Answer<Response> {
    Ok(present(StatusCode::OK, shared.app.remove_owner(&caller.actor, id, user).await?))
}
