//! Permissions in the API: the catalogue, and those of the organization's own applications.

use app::application_permissions::RemovedPermission;
use axum::extract::State;
use model::{Permission, application_permission::ApplicationPermission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::{Json, Name},
    problem::{Answer, ProblemDocument},
};

/// A permission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermissionView {
    /// `resource:action`.
    name: String,
    /// What it allows, in a sentence.
    description: String,
    /// Whether it is Muster's; else one of the organization's applications has it.
    built_in: bool,
    /// When it was defined; missing for Muster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
}

impl From<Permission> for PermissionView {
    fn from(permission: Permission) -> Self {
        let (name, description) = (permission.as_str().to_owned(), permission.sentence().to_owned());
        Self { name, description, built_in: true, created_at: None }
    }
}

impl From<ApplicationPermission> for PermissionView {
    fn from(permission: ApplicationPermission) -> Self {
        let ApplicationPermission { name, description, created_at } = permission;
        Self { name, description, built_in: false, created_at: Some(moment(created_at)) }
    }
}

/// Every permission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermissionList {
    /// Muster's, then the applications' by name.
    items: Vec<PermissionView>,
}

/// List permissions
#[utoipa::path(get, path = "/o/{slug}/api/v1/permissions", tag = "Roles",
    responses((status = 200, body = PermissionList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<PermissionList>> {
    let own = shared.app.application_permissions(&caller.actor).await?;
    let all = Permission::ALL.iter().copied().map(PermissionView::from);
    Ok(axum::Json(PermissionList { items: all.chain(own.into_iter().map(PermissionView::from)).collect() }))
}

/// What is said of a permission.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermissionBody {
    /// What it allows, in a sentence; at most 200 characters.
    #[serde(default)]
    description: String,
}

/// Define a permission of an application, or describe it anew
///
/// The name is `resource:action`, each part lower case letters, digits, `-` and `_` with a letter first, at most 40
/// characters; no resource that Muster has itself.
#[utoipa::path(put, path = "/o/{slug}/api/v1/permissions/{name}", tag = "Roles", request_body = PermissionBody,
    params(("name" = String, Path, description = "The permission's name, such as `content:edit`.")),
    responses((status = 200, body = PermissionView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn define(
    State(shared): State<Shared>,
    caller: Caller,
    Name(name): Name,
    Json(body): Json<PermissionBody>,
) -> Answer<axum::Json<PermissionView>> {
    let defined = shared.app.define_permission(&caller.actor, &name, &body.description, false).await?;
    Ok(axum::Json(defined.into()))
}

/// A permission was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedPermissionView {
    /// Which.
    name: String,
    /// The names of the roles that allowed it, and do no longer.
    roles: Vec<String>,
}

impl From<RemovedPermission> for RemovedPermissionView {
    fn from(removed: RemovedPermission) -> Self {
        Self { name: removed.name, roles: removed.roles }
    }
}

/// Remove a permission of an application
///
/// From every role that has it, too; a dry run says which those are.
#[utoipa::path(delete, path = "/o/{slug}/api/v1/permissions/{name}", tag = "Roles",
    params(("name" = String, Path, description = "The permission's name.")),
    responses((status = 200, body = RemovedPermissionView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    caller: Caller,
    Name(name): Name,
) -> Answer<axum::Json<RemovedPermissionView>> {
    Ok(axum::Json(shared.app.remove_permission(&caller.actor, &name).await?.into()))
}
