//! The roles of a user in the API: given, replaced, taken. The roles themselves are `role_definitions.rs`.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use axum::{extract::State, http::StatusCode, response::Response};
use model::{GroupId, RoleKey, UserId, given_date::GivenDate, grant::GrantTerms, role::Scope};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::{
        grants::terms,
        users::{UserView, present},
        versioned,
    },
    auth::Caller,
    extract::{Id, Json, Name, Query},
    problem::{Answer, ProblemDocument},
};

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
    let roles = shared.app.role_keys(&caller.actor, &body.roles).await?;
    let person = shared.app.replace_roles(&caller.actor, id, roles).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// A role to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantBody {
    /// Which, by key or name.
    role: String,
    /// The group over which it counts; the whole organization if left out.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    over: Option<GroupId>,
    /// Why.
    #[serde(default)]
    reason: String,
    /// Begins then; at once if left out. A date means its first moment in the organization's time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<GivenDate>,
    /// Ends then; never if left out. A date includes its day in the organization's time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<GivenDate>,
}

impl GrantBody {
    /// Which role, where it counts, and on what terms.
    pub(crate) async fn understood(
        self,
        shared: &Shared,
        caller: &Caller,
    ) -> model::Result<(RoleKey, Scope, GrantTerms)> {
        let keys = shared.app.role_keys(&caller.actor, &[self.role]).await?;
        let role = *keys.first().ok_or_else(model::Error::not_found)?;
        let scope = self.over.map_or(Scope::Org, Scope::Group);
        let terms = terms(&caller.org, self.reason, self.valid_from, self.valid_until);
        Ok((role, scope, terms))
    }
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
    let (role, scope, terms) = body.understood(&shared, &caller).await?;
    let person = shared.app.grant_role(&caller.actor, id, role, scope, terms).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Where a role counts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Over {
    /// The id of the group over which it counts; empty: the whole organization.
    over: String,
}

impl Over {
    pub(crate) fn scope(&self) -> model::Result<Scope> {
        if self.over.is_empty() { Ok(Scope::Org) } else { self.over.parse().map(Scope::Group) }
    }
}

/// Take a role from a user
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/roles/{name}", tag = "Roles",
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
           ("name" = String, Path, description = "The role's key."), Over),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Name(role): Name,
    Query(over): Query<Over>,
) -> Answer<Response> {
    let role = RoleKey::parse(&role).ok_or_else(model::Error::not_found)?;
    let scope = over.scope()?;
    let person = shared.app.revoke_role(&caller.actor, id, role, scope).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}
