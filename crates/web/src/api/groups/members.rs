//! Who is in a group, in the API: for who manages groups, for a group's owners (`account/groups`), and the groups that a
//! user is in.

use app::groups::{Effective, GroupsOfUser, Member, MemberVerdict, Named, Verdict};
use axum::extract::State;
use model::{
    GroupId, Status, Timestamp, UserId,
    given_date::GivenDate,
    group_query::MemberQuery,
    page::{self, Reader},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{GroupPage, ListQuery};
use crate::{
    Shared,
    api::grants::{GivenView, MembershipView, TermsBody, terms},
    auth::Caller,
    extract::{Id, Json, Query, Subject},
    problem::{Answer, ProblemDocument},
};

/// A group by id and name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupRef {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    id: GroupId,
    /// Its name.
    name: String,
}

impl From<Named> for GroupRef {
    fn from(named: Named) -> Self {
        Self { id: named.id, name: named.name }
    }
}

/// Somebody in a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// Who.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// As shown.
    name: String,
    /// The username; missing for whom the caller may not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// What is shown of the account; missing for whom the caller may not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// Whether the user is in the group itself, or only in groups that stand in it.
    direct: bool,
    /// Of who is not in it directly: from the group that the user is in up to the one that stands in this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    through: Vec<GroupRef>,
    /// Of who is in it directly: who put the user there, when, and on what terms.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    given: Option<GivenView>,
}

impl MemberView {
    fn of(member: Member, now: Timestamp) -> Self {
        let user = member.user;
        Self {
            user: user.id,
            name: user.name().to_owned(),
            username: (!member.is_unread).then(|| user.username().to_owned()),
            status: (!member.is_unread).then(|| user.status(now)),
            email: user.fields.email,
            direct: member.given.is_some(),
            through: member.through.into_iter().map(GroupRef::from).collect(),
            given: member.given.map(GivenView::from),
        }
    }
}

/// One page of members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberPage {
    /// By name. In a large organization a page may have fewer than asked for, even none, though more follow.
    items: Vec<MemberView>,
    /// Leads to the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
}

/// Which members.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembersQuery {
    /// Everybody who counts as a member now, through the groups in the group too; else who is in it directly, also those
    /// whose time has not come or is over.
    effective: bool,
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

async fn page_of(
    shared: &Shared,
    caller: &Caller,
    id: GroupId,
    query: MembersQuery,
    reader: Reader,
) -> Answer<axum::Json<MemberPage>> {
    let (effective, limit) = (query.effective, page::limit(query.limit)?);
    let asked = MemberQuery { of: id, effective, limit, ..MemberQuery::default() };
    let page = shared.app.members(&caller.actor, id, asked.at(reader, Some(&query.page_token))?).await?;
    let now = shared.app.now();
    let items = page.items.into_iter().map(|member| MemberView::of(member, now)).collect();
    Ok(axum::Json(MemberPage { items, next_page_token: page.next, previous_page_token: page.previous }))
}

/// List a group's members
#[utoipa::path(get, path = "/o/{slug}/api/v1/groups/{id}/members", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id."), MembersQuery),
    responses((status = 200, body = MemberPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Query(query): Query<MembersQuery>,
) -> Answer<axum::Json<MemberPage>> {
    page_of(&shared, &caller, id, query, caller.actor.reader()).await
}

/// People to put into a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersBody {
    /// Usernames, addresses or ids; at most 1,000.
    members: Vec<String>,
    /// Why; at most 500 characters.
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

/// What came of each line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberVerdicts {
    /// In the order of the lines.
    verdicts: Vec<MemberVerdictView>,
}

/// What came of one line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberVerdictView {
    /// As it was sent.
    member: String,
    /// Who that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    user: Option<UserId>,
    /// `added`, `unchanged` (was in it already) or `refused`.
    verdict: &'static str,
    /// Why it was refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Why it was refused, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<MemberVerdict> for MemberVerdictView {
    fn from(found: MemberVerdict) -> Self {
        let (verdict, code, message) = match found.verdict {
            Verdict::Added => ("added", None, None),
            Verdict::Unchanged => ("unchanged", None, None),
            Verdict::Refused { code, message } => ("refused", Some(code), Some(message)),
        };
        Self { member: found.line, user: found.user, verdict, code, message }
    }
}

async fn put_many(
    shared: &Shared,
    caller: &Caller,
    id: GroupId,
    body: MembersBody,
) -> Answer<axum::Json<MemberVerdicts>> {
    let terms = terms(&caller.org, body.reason, body.valid_from, body.valid_until);
    let verdicts = shared.app.add_members(&caller.actor, id, body.members, terms).await?;
    Ok(axum::Json(MemberVerdicts { verdicts: verdicts.into_iter().map(Into::into).collect() }))
}

/// Put many people into a group
///
/// In one transaction, with a verdict for each; who is in it already stays as it is.
#[utoipa::path(post, path = "/o/{slug}/api/v1/groups/{id}/members", tag = "Groups", request_body = MembersBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id.")),
    responses((status = 200, body = MemberVerdicts), (status = "default", body = ProblemDocument)))]
pub(crate) async fn add_many(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Json(body): Json<MembersBody>,
) -> Answer<axum::Json<MemberVerdicts>> {
    put_many(&shared, &caller, id, body).await
}

/// A user's place in a group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserMemberships {
    /// Who.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// The groups that the user is in directly, by name.
    groups: Vec<MembershipView>,
}

async fn put_one(
    shared: &Shared,
    caller: &Caller,
    (id, user): (GroupId, UserId),
    terms: TermsBody,
) -> Answer<axum::Json<UserMemberships>> {
    let person = shared.app.add_member(&caller.actor, id, user, terms.terms(&caller.org)).await?;
    Ok(axum::Json(memberships(&person, id)))
}

async fn take_one(
    shared: &Shared,
    caller: &Caller,
    (id, user): (GroupId, UserId),
) -> Answer<axum::Json<UserMemberships>> {
    let person = shared.app.remove_member(&caller.actor, id, user).await?;
    Ok(axum::Json(memberships(&person, id)))
}

/// The place that was asked about, and no other: who decides about one group need not see a person's others.
fn memberships(person: &app::Person, group: GroupId) -> UserMemberships {
    let held = person.memberships.iter().filter(|held| held.group == group).cloned();
    UserMemberships { user: person.user.id, groups: held.map(MembershipView::from).collect() }
}

/// Put a user into a group
///
/// On terms; doing it again changes them.
#[utoipa::path(put, path = "/o/{slug}/api/v1/groups/{id}/members/{user}", tag = "Groups", request_body = TermsBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserMemberships), (status = "default", body = ProblemDocument)))]
pub(crate) async fn add(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Subject(user): Subject,
    Json(terms): Json<TermsBody>,
) -> Answer<axum::Json<UserMemberships>> {
    put_one(&shared, &caller, (id, user), terms).await
}

/// Take a user out of a group
#[utoipa::path(delete, path = "/o/{slug}/api/v1/groups/{id}/members/{user}", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserMemberships), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Subject(user): Subject,
) -> Answer<axum::Json<UserMemberships>> {
    take_one(&shared, &caller, (id, user)).await
}

/// List the groups that one owns
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/groups", tag = "Account", params(ListQuery),
    responses((status = 200, body = GroupPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn owned(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<GroupPage>> {
    let query = query.understood(&shared, &caller, caller.actor.reader().as_owner()).await?;
    Ok(axum::Json(shared.app.own_groups(&caller.actor, query).await?.into()))
}

/// List the members of a group that one owns
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/groups/{id}/members", tag = "Account",
    params(("id" = uuid::Uuid, Path, description = "The group's id."), MembersQuery),
    responses((status = 200, body = MemberPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn owned_members(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Query(query): Query<MembersQuery>,
) -> Answer<axum::Json<MemberPage>> {
    page_of(&shared, &caller, id, query, caller.actor.reader().as_owner()).await
}

/// Put many people into a group that one owns
#[utoipa::path(post, path = "/o/{slug}/api/v1/account/groups/{id}/members", tag = "Account", request_body = MembersBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id.")),
    responses((status = 200, body = MemberVerdicts), (status = "default", body = ProblemDocument)))]
pub(crate) async fn add_many_to_owned(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Json(body): Json<MembersBody>,
) -> Answer<axum::Json<MemberVerdicts>> {
    put_many(&shared, &caller, id, body).await
}

/// Put a user into a group that one owns
#[utoipa::path(put, path = "/o/{slug}/api/v1/account/groups/{id}/members/{user}", tag = "Account",
    request_body = TermsBody,
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserMemberships), (status = "default", body = ProblemDocument)))]
pub(crate) async fn add_to_owned(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Subject(user): Subject,
    Json(terms): Json<TermsBody>,
) -> Answer<axum::Json<UserMemberships>> {
    put_one(&shared, &caller, (id, user), terms).await
}

/// Take a user out of a group that one owns
#[utoipa::path(delete, path = "/o/{slug}/api/v1/account/groups/{id}/members/{user}", tag = "Account",
    params(("id" = uuid::Uuid, Path, description = "The group's id."),
           ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserMemberships), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove_from_owned(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Subject(user): Subject,
) -> Answer<axum::Json<UserMemberships>> {
    take_one(&shared, &caller, (id, user)).await
}

/// A group that a user is in now, and by what way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EffectiveView {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    group: GroupId,
    /// Its name.
    name: String,
    /// From the group that the user is in directly up to this one, as far as you may see them.
    way: Vec<GroupRef>,
}

impl From<Effective> for EffectiveView {
    fn from(found: Effective) -> Self {
        let way = found.way.into_iter().map(GroupRef::from).collect();
        Self { group: found.group.id, name: found.group.name, way }
    }
}

/// The groups that a user is in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupsOfUserView {
    /// Directly, also those whose time has not come or is over, by name.
    direct: Vec<MembershipView>,
    /// At any depth, as things stand now, by name.
    effective: Vec<EffectiveView>,
}

impl From<GroupsOfUser> for GroupsOfUserView {
    fn from(found: GroupsOfUser) -> Self {
        Self {
            direct: found.direct.into_iter().map(MembershipView::from).collect(),
            effective: found.effective.into_iter().map(EffectiveView::from).collect(),
        }
    }
}

/// List the groups that a user is in
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/groups", tag = "Groups",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = GroupsOfUserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<GroupsOfUserView>> {
    Ok(axum::Json(shared.app.groups_of_user(&caller.actor, id).await?.into()))
}
