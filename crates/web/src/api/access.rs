//! Effective access in the API: what somebody may do with every way to it, why somebody can or can't do one thing, and
//! who can. What a change would do is asked of the change itself, with `?dry_run=true&impact=true`.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use std::collections::BTreeMap;

use app::{
    access::Target,
    access_paths::{Access, Obstacle, giver},
    explain_access::Why,
    holders::{Holder, Holders},
};
use axum::extract::State;
use model::{
    GroupId, RoleKey, Status, UserId,
    access_paths::{HeldRole, Holds, Path, Paths, Step},
    page,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::{grants::GivenView, moment},
    auth::Caller,
    extract::{Id, Name, Query},
    problem::{Answer, ProblemDocument},
};

type Names = BTreeMap<UserId, String>;

/// What somebody may do, and how that comes about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccessView {
    /// Whose.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// What of the account's state takes all of it away at present; empty if nothing does.
    obstacles: Vec<ObstacleView>,
    /// Roles, held directly or through groups, the strongest built-in ones first.
    roles: Vec<HeldRoleView>,
    /// Groups, directly or through others, by name.
    groups: Vec<HeldGroupView>,
    /// Permissions, in the catalogue's order, then those of applications.
    permissions: Vec<HeldPermissionView>,
}

/// Something that stands in the way, or should be known.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObstacleView {
    /// A stable name, such as `suspended` or `not_given`.
    code: String,
    /// In words, with what to do.
    text: String,
}

/// A held role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldRoleView {
    /// Which.
    role: RoleKey,
    /// As people read it.
    name: String,
    /// The group over which it counts; missing: the whole organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    over: Option<GroupId>,
    /// The ways to it.
    #[serde(flatten)]
    paths: PathsView,
}

/// A group that somebody is in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldGroupView {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    group: GroupId,
    /// Its name.
    name: String,
    /// The ways to it.
    #[serde(flatten)]
    paths: PathsView,
}

/// A held permission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldPermissionView {
    /// Which.
    permission: String,
    /// The group over which it counts; missing: the whole organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    over: Option<GroupId>,
    /// Whether it counts now.
    now: bool,
    /// Whether everyone has it, as a member.
    everyone: bool,
    /// The names of the roles that give it.
    roles: Vec<String>,
    /// How many ways lead to it.
    path_count: u64,
}

/// The ways to something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PathsView {
    /// Whether one of them leads there now.
    now: bool,
    /// How many there are.
    path_count: u64,
    /// The first 50: those that hold now first, the shortest of them first.
    paths: Vec<PathView>,
}

/// A way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PathView {
    /// In words: `direct`, or `Night shift > Support`.
    label: String,
    /// Whether it leads there now.
    holds: Holds,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    /// Not any more from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    /// Whether it ends so soon that people were told.
    ends_soon: bool,
    /// Membership, each group that stands in the next, and at last the role.
    steps: Vec<StepView>,
}

/// A step of a way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// The group that is come to; missing where a role is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    group: Option<GroupId>,
    /// The name of the group or role.
    name: String,
    /// The name of who gave it.
    granted_by_name: String,
    /// Who gave it, when, and on what terms.
    #[serde(flatten)]
    given: GivenView,
}

fn step(step: Step, names: &Names) -> StepView {
    let granted_by_name = giver(step.given.by, names);
    StepView { group: step.group, name: step.name, granted_by_name, given: step.given.into() }
}

fn path(path: Path, names: &Names) -> PathView {
    PathView {
        label: path.label(),
        holds: path.holds,
        valid_from: path.from.map(moment),
        valid_until: path.until.map(moment),
        ends_soon: path.ends_soon,
        steps: path.steps.into_iter().map(|one| step(one, names)).collect(),
    }
}

fn paths(paths: Paths, names: &Names) -> PathsView {
    let (now, path_count) = (paths.now > 0, paths.count);
    PathsView { now, path_count, paths: paths.listed.into_iter().map(|one| path(one, names)).collect() }
}

fn role(role: HeldRole, names: &Names) -> HeldRoleView {
    let over = role.scope.group();
    HeldRoleView { role: role.role, name: role.name, over, paths: paths(role.paths, names) }
}

fn obstacles(found: Vec<Obstacle>) -> Vec<ObstacleView> {
    found.into_iter().map(|Obstacle { code, text }| ObstacleView { code, text }).collect()
}

fn present(access: Access) -> AccessView {
    let Access { user, held, permissions, obstacles: found, names } = access;
    let labels: Vec<String> = held.roles.iter().map(|role| role.name.clone()).collect();
    let permission = |one: app::access_paths::HeldPermission| HeldPermissionView {
        permission: one.permission,
        over: one.over,
        now: one.now,
        everyone: one.everyone,
        roles: one.roles.iter().filter_map(|place| labels.get(*place).cloned()).collect(),
        path_count: one.paths,
    };
    let permissions = permissions.into_iter().map(permission).collect();
    let groups = held.groups.into_iter().map(|group| HeldGroupView {
        group: group.group,
        name: group.name,
        paths: paths(group.paths, &names),
    });
    AccessView {
        user,
        obstacles: obstacles(found),
        groups: groups.collect(),
        permissions,
        roles: held.roles.into_iter().map(|one| role(one, &names)).collect(),
    }
}

/// Show a user's effective access
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/access", tag = "Access",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = AccessView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<AccessView>> {
    Ok(axum::Json(present(shared.app.access_of(&caller.actor, id).await?)))
}

/// Show one's own effective access
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/access", tag = "Account",
    responses((status = 200, body = AccessView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn own(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<AccessView>> {
    Ok(axum::Json(present(shared.app.own_access(&caller.actor).await?)))
}

/// Over whom or what it is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Over {
    /// The user to whom it would be done.
    #[param(value_type = Option<uuid::Uuid>)]
    user: Option<UserId>,
    /// The group to which it would be done.
    #[param(value_type = Option<uuid::Uuid>)]
    group: Option<GroupId>,
}

fn over(user: Option<UserId>, group: Option<GroupId>) -> Option<Target> {
    user.map(Target::User).or(group.map(Target::Group))
}

/// Why somebody can, or can't, do something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyView {
    /// Whose.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// What it is about.
    permission: String,
    /// Whether it can be done.
    can: bool,
    /// Whether everyone has it, as a member.
    everyone: bool,
    /// What is in the way, the most important first.
    obstacles: Vec<ObstacleView>,
    /// What should be known besides.
    remarks: Vec<ObstacleView>,
    /// The held roles that give it, now or later.
    roles: Vec<HeldRoleView>,
    /// Roles that would give it, the least first; only while it is not held.
    offers: Vec<OfferView>,
    /// Groups that would give it; only while it is not held.
    groups: Vec<GivingGroupView>,
}

/// A role that would give it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferView {
    /// Which.
    role: RoleKey,
    /// As people read it.
    name: String,
    /// How many permissions it gives.
    permissions: usize,
    /// Whether the caller may give it.
    may_give: bool,
}

/// A group that carries a role that gives it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GivingGroupView {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    group: GroupId,
    /// Its name.
    name: String,
    /// How many people were put into it directly; counted up to 10,000.
    members: i64,
}

fn giving((group, name, members): (GroupId, String, i64)) -> GivingGroupView {
    GivingGroupView { group, name, members }
}

/// Explain why a user can, or can't, do something
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/access/{name}", tag = "Access",
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
        ("name" = String, Path, description = "A permission, such as `user:suspend`."), Over),
    responses((status = 200, body = WhyView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn why(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Name(permission): Name,
    Query(asked): Query<Over>,
) -> Answer<axum::Json<WhyView>> {
    let over = over(asked.user, asked.group);
    let why: Why = shared.app.why(&caller.actor, id, &permission, over).await?;
    let offers = why.offers.into_iter().map(|offer| OfferView {
        role: offer.role,
        name: offer.name,
        permissions: offer.permissions,
        may_give: offer.may_give,
    });
    Ok(axum::Json(WhyView {
        user: why.user,
        permission: why.permission,
        can: why.can,
        everyone: why.everyone,
        obstacles: obstacles(why.obstacles),
        remarks: obstacles(why.remarks),
        offers: offers.collect(),
        groups: why.groups.into_iter().map(giving).collect(),
        roles: why.roles.into_iter().map(|one| role(one, &why.names)).collect(),
    }))
}

/// Which page of those who can.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HolderParams {
    /// The user to whom it would be done.
    #[param(value_type = Option<uuid::Uuid>)]
    user: Option<UserId>,
    /// The group to which it would be done.
    #[param(value_type = Option<uuid::Uuid>)]
    group: Option<GroupId>,
    /// Rows on the page, 1 to 200.
    limit: Option<u16>,
    /// Leads to another page, as given with the one before.
    cursor: Option<String>,
}

/// Who can do something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HolderList {
    /// Whether everyone can, as a member; nobody is listed then.
    everyone: bool,
    /// The people, in the order in which they were created.
    items: Vec<HolderView>,
    /// The groups that give it, with how many people are in each directly; at most 50.
    groups: Vec<GivingGroupView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Somebody who holds it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HolderView {
    /// Who.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// The name.
    name: String,
    /// The username.
    username: String,
    /// Where the account stands.
    status: Status,
    /// Whether it can be done now: not by somebody who is suspended or locked.
    can: bool,
    /// The role that gives it.
    role: String,
    /// The way on which it comes.
    path: String,
    /// How many ways there are besides.
    more: u64,
}

fn holder(holder: Holder) -> HolderView {
    let path = holder.path.label();
    let Holder { user, name, username, status, can, role, more, .. } = holder;
    HolderView { user, name, username, status, can, role, path, more }
}

/// List who can do something
#[utoipa::path(get, path = "/o/{slug}/api/v1/access/{name}/holders", tag = "Access",
    params(("name" = String, Path, description = "A permission, such as `user:suspend`."), HolderParams),
    responses((status = 200, body = HolderList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn holders(
    State(shared): State<Shared>,
    caller: Caller,
    Name(permission): Name,
    Query(asked): Query<HolderParams>,
) -> Answer<axum::Json<HolderList>> {
    let (over, limit) = (over(asked.user, asked.group), page::limit(asked.limit)?);
    let found: Holders =
        shared.app.who_can(&caller.actor, &permission, over, limit, asked.cursor.as_deref()).await?;
    Ok(axum::Json(HolderList {
        everyone: found.everyone,
        items: found.page.items.into_iter().map(holder).collect(),
        groups: found.groups.into_iter().map(giving).collect(),
        next: found.page.next,
    }))
}
