//! Roles in the API: what there is, what each allows, who holds it; making and changing the organization's own.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use std::collections::BTreeSet;

use app::{
    role_definitions::{Comparison, EditedRole, NewRole, RoleEdit},
    role_holders::{HeldRole, RoleHolder},
};
use axum::{extract::State, http::StatusCode, response::Response};
use model::{GroupId, RoleKey, grant::Holder, page, role::RoleFields};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::{grants::GivenView, moment, versioned},
    auth::Caller,
    extract::{Json, Name, Query},
    problem::{Answer, ProblemDocument},
};

/// A role and what it may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleDescription {
    /// Its key: the name of a built-in one, or the id of one of the organization's own.
    role: RoleKey,
    /// As people read it.
    label: String,
    /// What it is for.
    description: String,
    /// What it may do, Muster's permissions and applications'.
    permissions: Vec<String>,
    /// Whether every organization has it; it can't be changed then.
    built_in: bool,
    /// How many users hold it directly, now or later: exact up to 10,000, and 10,001 for more. Everybody is a member; for
    /// that role nobody is counted.
    users: i64,
    /// How many groups carry it, counted likewise.
    groups: i64,
    /// When it was made; missing for a built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    /// Counts changes; send it as `If-Match`. 0 for a built-in one.
    version: i64,
}

impl From<HeldRole> for RoleDescription {
    fn from(HeldRole { role, held }: HeldRole) -> Self {
        Self {
            permissions: role.allowed.list(),
            built_in: role.key.built_in().is_some(),
            role: role.key,
            label: role.name,
            description: role.description,
            users: held.users,
            groups: held.groups,
            created_at: role.created_at.map(moment),
            updated_at: role.updated_at.map(moment),
            version: role.version,
        }
    }
}

/// Every role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleList {
    /// The built-in ones, the strongest first, then the organization's own by name.
    items: Vec<RoleDescription>,
}

/// List roles
#[utoipa::path(get, path = "/o/{slug}/api/v1/roles", tag = "Roles",
    responses((status = 200, body = RoleList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<RoleList>> {
    let roles = shared.app.held_roles(&caller.actor).await?;
    Ok(axum::Json(RoleList { items: roles.into_iter().map(RoleDescription::from).collect() }))
}

/// A role to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoleBody {
    /// 1 to 80 characters, unlike every other role's.
    #[serde(default)]
    name: String,
    /// What it is for, at most 500 characters.
    #[serde(default)]
    description: String,
    /// What it may do, by name: Muster's permissions and those that the organization has defined.
    #[serde(default)]
    permissions: BTreeSet<String>,
    /// Another role, by key or name: the new one may do all that besides.
    #[serde(default)]
    copy_of: Option<String>,
}

/// Make a role
#[utoipa::path(post, path = "/o/{slug}/api/v1/roles", tag = "Roles", request_body = NewRoleBody,
    responses((status = 201, body = RoleDescription), (status = "default", body = ProblemDocument)))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<NewRoleBody>,
) -> Answer<Response> {
    let fields = RoleFields { name: body.name, description: body.description, permissions: body.permissions };
    let made = shared.app.create_role(&caller.actor, NewRole { fields, copy_of: body.copy_of }).await?;
    Ok(versioned(StatusCode::CREATED, made.role.version, RoleDescription::from(made)))
}

/// Show a role
#[utoipa::path(get, path = "/o/{slug}/api/v1/roles/{name}", tag = "Roles",
    params(("name" = String, Path, description = "The role's key.")),
    responses((status = 200, body = RoleDescription), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(State(shared): State<Shared>, caller: Caller, Name(name): Name) -> Answer<Response> {
    let held = shared.app.held_role(&caller.actor, key(&name)?).await?;
    Ok(versioned(StatusCode::OK, held.role.version, RoleDescription::from(held)))
}

/// A role by the key in the path: what can't be one names nothing.
pub(crate) fn key(name: &str) -> model::Result<RoleKey> {
    RoleKey::parse(name).ok_or_else(model::Error::not_found)
}

/// What changes in a role; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RolePatch {
    /// Another name.
    #[serde(default)]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    description: Option<String>,
    /// All that it may do from now on.
    #[serde(default)]
    permissions: Option<BTreeSet<String>>,
    /// What it may do besides.
    #[serde(default)]
    add: BTreeSet<String>,
    /// What it may not do any more.
    #[serde(default)]
    remove: BTreeSet<String>,
}

/// A role after a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EditedRoleView {
    /// As it is now.
    #[serde(flatten)]
    role: RoleDescription,
    /// What it may do besides.
    added: Vec<String>,
    /// What it may not do any more.
    removed: Vec<String>,
}

impl From<EditedRole> for EditedRoleView {
    fn from(edited: EditedRole) -> Self {
        Self { role: edited.role.into(), added: edited.added, removed: edited.removed }
    }
}

/// Change a role
///
/// In force for everybody who holds it with the next request. A dry run answers what would be added and removed, and how
/// many hold the role.
#[utoipa::path(patch, path = "/o/{slug}/api/v1/roles/{name}", tag = "Roles", request_body = RolePatch,
    params(("name" = String, Path, description = "The role's key."),
           ("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = EditedRoleView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Name(name): Name,
    Json(body): Json<RolePatch>,
) -> Answer<Response> {
    let RolePatch { name: other_name, description, permissions, add, remove } = body;
    let edit = RoleEdit { name: other_name, description, permissions, add, remove };
    let edited = shared.app.edit_role(&caller.actor, key(&name)?, edit, caller.version).await?;
    Ok(versioned(StatusCode::OK, edited.role.role.version, EditedRoleView::from(edited)))
}

/// Delete a role
///
/// Everybody who holds it loses it at once. Answers the role as it was, with how many held it; a dry run says so before.
#[utoipa::path(delete, path = "/o/{slug}/api/v1/roles/{name}", tag = "Roles",
    params(("name" = String, Path, description = "The role's key."),
           ("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = RoleDescription), (status = "default", body = ProblemDocument)))]
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    Name(name): Name,
) -> Answer<axum::Json<RoleDescription>> {
    let deleted = shared.app.delete_role(&caller.actor, key(&name)?, caller.version).await?;
    Ok(axum::Json(deleted.into()))
}

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HolderQuery {
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

/// Somebody who holds a role directly, or a group that carries it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleHolderView)]
pub(crate) struct HolderView {
    /// The user, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    user: Option<model::UserId>,
    /// The group, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    group: Option<GroupId>,
    /// As shown.
    name: String,
    /// The group over which it counts; missing: the whole organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    over: Option<GroupId>,
    /// Who gave it, when, and on what terms.
    #[serde(flatten)]
    given: GivenView,
}

impl From<RoleHolder> for HolderView {
    fn from(held: RoleHolder) -> Self {
        let (user, group) = match held.holder {
            Holder::User(user) => (Some(user), None),
            Holder::Group(group) => (None, Some(group)),
        };
        Self { user, group, name: held.name, over: held.scope.group(), given: held.given.into() }
    }
}

/// One page of those who hold a role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HolderPage {
    /// The groups, then the users, each in the order in which they were made.
    items: Vec<HolderView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
}

/// List who holds a role
///
/// Directly, now or later. Who is in a group that carries it holds it too.
#[utoipa::path(get, path = "/o/{slug}/api/v1/roles/{name}/holders", tag = "Roles",
    params(("name" = String, Path, description = "The role's key."), HolderQuery),
    responses((status = 200, body = HolderPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn holders(
    State(shared): State<Shared>,
    caller: Caller,
    Name(name): Name,
    Query(query): Query<HolderQuery>,
) -> Answer<axum::Json<HolderPage>> {
    let token = Some(query.page_token.as_str()).filter(|token| !token.is_empty());
    let limit = page::limit(query.limit)?;
    let page = shared.app.role_holders(&caller.actor, key(&name)?, limit, token).await?;
    let items = page.items.into_iter().map(HolderView::from).collect();
    Ok(axum::Json(HolderPage { items, next_page_token: page.next, previous_page_token: page.previous }))
}

/// Which roles.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// The one, by key or name.
    one: String,
    /// The other, by key or name.
    other: String,
}

/// Two roles beside each other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparisonView {
    /// The key of the one.
    one: RoleKey,
    /// What people call it.
    one_label: String,
    /// The key of the other.
    other: RoleKey,
    /// What people call it.
    other_label: String,
    /// What only the one may do.
    only_one: Vec<String>,
    /// What only the other may do.
    only_other: Vec<String>,
    /// What both may do.
    both: Vec<String>,
}

impl From<Comparison> for ComparisonView {
    fn from(compared: Comparison) -> Self {
        Self {
            one: compared.one.key,
            one_label: compared.one.name,
            other: compared.other.key,
            other_label: compared.other.name,
            only_one: compared.only_one.list(),
            only_other: compared.only_other.list(),
            both: compared.both.list(),
        }
    }
}

/// Compare two roles
#[utoipa::path(get, path = "/o/{slug}/api/v1/roles/compare", tag = "Roles", params(CompareQuery),
    responses((status = 200, body = ComparisonView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn compare(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<CompareQuery>,
) -> Answer<axum::Json<ComparisonView>> {
    let compared = shared.app.compare_roles(&caller.actor, &query.one, &query.other).await?;
    Ok(axum::Json(compared.into()))
}
