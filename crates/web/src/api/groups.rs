//! Groups in the API: list, create, show, edit, delete. Who is in them is `groups/members.rs`; which stand in which, what
//! they carry and who owns them `groups/structure.rs`.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

pub(crate) mod members;
pub(crate) mod structure;

use app::groups::{GroupDetails, GroupPatch, ListedGroup, Nesting, NewGroup, Owner};
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use model::{
    GroupId, UserId,
    group::{Group, GroupFields},
    group_query::GroupQuery,
    page::{self, Reader},
    unacceptable,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::{
        grants::{GivenView, RoleView},
        moment, versioned,
    },
    auth::Caller,
    extract::{Id, Json, Query},
    problem::{Answer, ProblemDocument},
};

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: GroupId,
    /// What it is called.
    name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// Where it is mastered: `local`, or what keeps it in step.
    source: String,
    /// What the source calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// Users who are in it directly, counted up to 10,000; 10001 means more.
    members: i64,
    /// Groups that stand in it: directly in lists, at any depth where the group is shown alone.
    groups: i64,
    /// Users who are in it directly or through groups, counted up to 10,000; 10001 means more. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    /// The roles that it carries itself, strongest first.
    roles: Vec<RoleView>,
    /// Who decides about its members besides the administrators. Lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    owners: Option<Vec<OwnerView>>,
    /// The groups that it stands in directly, as far as you may see them. Lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    parents: Option<Vec<NestingView>>,
    /// When it was made.
    created_at: String,
    /// When its name or description was changed last.
    updated_at: String,
    /// Counts changes of name and description; send it as `If-Match`.
    version: i64,
}

/// An owner of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnerView {
    /// Who.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// As shown.
    name: String,
    /// The username.
    username: String,
    /// Who made the user an owner: a user's id, `operator` or `system`.
    granted_by: String,
    /// When.
    granted_at: String,
}

impl From<Owner> for OwnerView {
    fn from(owner: Owner) -> Self {
        let (granted_by, granted_at) = (owner.by.to_string(), moment(owner.at));
        Self { user: owner.user, name: owner.name, username: owner.username, granted_by, granted_at }
    }
}

/// A group that another one stands in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NestingView {
    /// The outer group.
    #[schema(value_type = uuid::Uuid)]
    group: GroupId,
    /// Its name.
    name: String,
    /// Who put it there, when, and on what terms.
    #[serde(flatten)]
    given: GivenView,
}

impl From<Nesting> for NestingView {
    fn from(nesting: Nesting) -> Self {
        Self { group: nesting.group, name: nesting.name, given: nesting.given.into() }
    }
}

impl GroupView {
    fn of(group: Group, members: i64, groups: i64, roles: Vec<RoleView>) -> Self {
        Self {
            id: group.id,
            name: group.fields.name,
            description: group.fields.description,
            source: group.source,
            external_id: group.external_id,
            members,
            groups,
            users: None,
            roles,
            owners: None,
            parents: None,
            created_at: moment(group.created_at),
            updated_at: moment(group.updated_at),
            version: group.version,
        }
    }
}

impl From<ListedGroup> for GroupView {
    fn from(listed: ListedGroup) -> Self {
        let roles = listed.roles.into_iter().map(RoleView::from).collect();
        Self::of(listed.group, listed.members, listed.groups, roles)
    }
}

impl From<GroupDetails> for GroupView {
    fn from(details: GroupDetails) -> Self {
        let roles = details.roles.into_iter().map(RoleView::from).collect();
        let touched = details.touched;
        Self {
            users: Some(touched.users),
            owners: Some(details.owners.into_iter().map(OwnerView::from).collect()),
            parents: Some(details.parents.into_iter().map(NestingView::from).collect()),
            ..Self::of(details.group, touched.members, touched.groups, roles)
        }
    }
}

/// A whole group with its version.
fn present(status: StatusCode, details: GroupDetails) -> Response {
    let version = details.group.version;
    versioned(status, version, GroupView::from(details))
}

/// What to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Any part of the name, whatever its case.
    search: String,
    /// Only the groups that stand directly in the group of this id.
    parent: String,
    /// Only the groups that carry this role themselves.
    role: String,
    /// Only the groups that the user of this id owns.
    owner: String,
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

impl ListQuery {
    async fn understood(self, shared: &Shared, caller: &Caller, reader: Reader) -> model::Result<GroupQuery> {
        let roles: Vec<String> = Some(self.role).filter(|role| !role.is_empty()).into_iter().collect();
        let role = shared.app.role_keys(&caller.actor, &roles).await?.first().copied();
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let query = GroupQuery {
            search: self.search,
            parent: given(&self.parent).map(|id| id.parse()).transpose()?,
            role,
            owner: given(&self.owner).map(|id| id.parse()).transpose()?,
            limit: page::limit(self.limit)?,
            ..GroupQuery::default()
        };
        query.at(reader, Some(&self.page_token))
    }
}

/// One page of groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPage {
    /// By name.
    items: Vec<GroupView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
}

impl From<page::Page<ListedGroup>> for GroupPage {
    fn from(page: page::Page<ListedGroup>) -> Self {
        let items = page.items.into_iter().map(GroupView::from).collect();
        Self { items, next_page_token: page.next, previous_page_token: page.previous }
    }
}

/// List groups
///
/// By name. Who manages some groups only, sees these and the groups in them.
#[utoipa::path(get, path = "/o/{slug}/api/v1/groups", tag = "Groups", params(ListQuery),
    responses((status = 200, body = GroupPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<GroupPage>> {
    let query = query.understood(&shared, &caller, caller.actor.reader()).await?;
    Ok(axum::Json(shared.app.groups(&caller.actor, query).await?.into()))
}

/// A group to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroupBody {
    /// 1 to 100 characters; one group of that name in an organization, whatever its case.
    name: String,
    /// What it is for; at most 500 characters.
    #[serde(default)]
    description: String,
    /// The groups that it stands in, by id or name.
    #[serde(default)]
    parents: Vec<String>,
    /// The roles that everybody in it holds in the whole organization, by key or name.
    #[serde(default)]
    roles: Vec<String>,
    /// Who decides about its members: ids of users.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>)]
    owners: Vec<UserId>,
}

/// Create a group
#[utoipa::path(post, path = "/o/{slug}/api/v1/groups", tag = "Groups", request_body = NewGroupBody,
    responses((status = 201, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<NewGroupBody>,
) -> Answer<Response> {
    let new = NewGroup {
        fields: GroupFields { name: body.name, description: body.description },
        parents: shared.app.group_ids(&caller.actor, &body.parents).await?,
        roles: shared.app.role_keys(&caller.actor, &body.roles).await?,
        owners: body.owners,
    };
    let details = shared.app.create_group(&caller.actor, new).await?;
    let place = format!("/o/{}/api/v1/groups/{}", caller.org.slug, details.group.id);
    let mut response = present(StatusCode::CREATED, details);
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Show a group
#[utoipa::path(get, path = "/o/{slug}/api/v1/groups/{id}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Answer<Response> {
    Ok(present(StatusCode::OK, shared.app.group(&caller.actor, id).await?))
}

/// What to change of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupPatchBody {
    /// 1 to 100 characters; one group of that name in an organization, whatever its case.
    name: Option<String>,
    /// What it is for; at most 500 characters.
    description: Option<String>,
}

/// Edit a group
///
/// A JSON merge patch (RFC 7396): what is left out stays, `null` clears.
#[utoipa::path(patch, path = "/o/{slug}/api/v1/groups/{id}", tag = "Groups", request_body = GroupPatchBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = GroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Json(mut patch): Json<Map<String, Value>>,
) -> Answer<Response> {
    for value in patch.values_mut().filter(|value| value.is_null()) {
        *value = "".into();
    }
    let patch: GroupPatch = unacceptable::read(Value::Object(patch), "")?;
    Ok(present(StatusCode::OK, shared.app.edit_group(&caller.actor, id, patch, caller.version).await?))
}

/// A group was deleted, or would be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedGroupView {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    id: GroupId,
    /// What it was called.
    name: String,
    /// Users who were in it directly, counted up to 10,000; 10001 means more.
    members: i64,
    /// Users who lose what it gave, directly in it or through groups; counted the same.
    users: i64,
    /// Groups that stood in it, at any depth. They stay.
    groups: i64,
    /// Groups that it stood in.
    parents: i64,
    /// Roles that were held over it, by users and groups.
    held_over: i64,
}

/// Delete a group
///
/// Its members and the groups in it stay; what it gave is lost. With `dry_run=true` the answer says whom it would touch.
#[utoipa::path(delete, path = "/o/{slug}/api/v1/groups/{id}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = DeletedGroupView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Answer<axum::Json<DeletedGroupView>> {
    let deleted = shared.app.delete_group(&caller.actor, id, caller.version).await?;
    let touched = deleted.touched;
    Ok(axum::Json(DeletedGroupView {
        id: deleted.group.id,
        name: deleted.group.fields.name,
        members: touched.members,
        users: touched.users,
        groups: touched.groups,
        parents: touched.parents,
        held_over: touched.held_over,
    }))
}
