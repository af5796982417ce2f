//! Roles in the API: what there is, and who directly holds what.

use axum::{extract::State, http::StatusCode, response::Response};
use model::{Permission, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{
        users::{UserView, present},
        versioned,
    },
    auth::Caller,
    extract::{Id, Json, Name},
    problem::{Answer, ProblemDocument},
};

/// A role and what it may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleDescription {
    /// Its name in the API.
    role: Role,
    /// As people read it.
    label: &'static str,
    /// What it may do.
    permissions: Vec<Permission>,
}

/// Every role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleList {
    /// The strongest first.
    items: Vec<RoleDescription>,
}

/// List roles
#[utoipa::path(get, path = "/o/{slug}/api/v1/roles", tag = "Roles",
    responses((status = 200, body = RoleList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list() -> axum::Json<RoleList> {
    let describe = |role: &Role| RoleDescription {
        role: *role,
        label: role.label(),
        permissions: role.permissions().iter().collect(),
    };
    axum::Json(RoleList { items: Role::ALL.iter().map(describe).collect() })
}

/// The roles to hold from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleNames {
    /// By name; `member` need not be named.
    roles: Vec<String>,
}

/// Replace a user's roles
#[utoipa::path(put, path = "/o/{slug}/api/v1/users/{id}/roles", tag = "Roles", request_body = RoleNames,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn replace(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<RoleNames>,
) -> Answer<Response> {
    let roles = body.roles.iter().map(|name| Role::named(name)).collect::<model::Result<Vec<Role>>>()?;
    let person = shared.app.replace_roles(&caller.actor, id, roles).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// A role to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantBody {
    /// Which.
    role: String,
    /// Why.
    #[serde(default)]
    reason: String,
    /// Ends then.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<Timestamp>,
}

/// Give a user a role
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/roles", tag = "Roles", request_body = GrantBody,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn grant(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<GrantBody>,
) -> Answer<Response> {
    let role = Role::named(&body.role)?;
    let person = shared.app.grant_role(&caller.actor, id, role, body.reason, body.valid_until).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Take a role from a user
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/roles/{name}", tag = "Roles",
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
           ("name" = String, Path, description = "The role's name.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Name(role): Name,
) -> Answer<Response> {
    let role = Role::parse(&role).ok_or_else(model::Error::not_found)?;
    let person = shared.app.revoke_role(&caller.actor, id, role).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}
