//! Users in the API: list, create, import, show, edit.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use app::{
    Person,
    users::{InitialPassword, ListedRole, NewUser},
};
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use model::{
    Status, Timestamp, UserFields, UserId,
    filter::UserQuery,
    given_date,
    lifecycle::{ActionName, Awaited, Departure, State as Stand, StateName},
    link::Purpose,
    page,
    settings::LifecyclePolicy,
    unacceptable,
    user::Source,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::{
        grants::{MembershipView, RoleView},
        moment, versioned,
    },
    auth::Caller,
    extract::{Id, Json, Query},
    problem::{Answer, ProblemDocument},
};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    /// What is shown: the state with its overlays.
    status: Status,
    /// Where the user stands in the lifecycle.
    state: StateName,
    /// What people write.
    #[serde(flatten)]
    fields: UserFields,
    /// Whether the email is proven to be the user's.
    email_verified: bool,
    /// Directly held roles, strongest first; everyone is a member besides.
    roles: Vec<RoleView>,
    /// The groups that the user is in directly; lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<MembershipView>>,
    /// What a pending user waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    awaits: Vec<Awaited>,
    /// Why, since when and by whom somebody is suspended or deprovisioned.
    #[serde(skip_serializing_if = "Option::is_none")]
    departure: Option<DepartureView>,
    /// An administrator's lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<LockView>,
    /// Too many wrong passwords: password sign-in is refused until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_locked_until: Option<String>,
    /// Until when a deleted user can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable_until: Option<String>,
    /// Whether there is a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<PasswordView>,
    /// Where the record is mastered.
    source: Source,
    /// The id in that source.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// When the record was created.
    created_at: String,
    /// When the record was last changed.
    updated_at: String,
    /// First activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<String>,
    /// Last sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<String>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_method: Option<String>,
    /// Last request, to within five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<String>,
    /// What can be done from here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible: Vec<ActionName>,
    /// Counts changes; send it as `If-Match`.
    version: i64,
}

/// Why somebody is suspended or deprovisioned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DepartureView {
    /// Why.
    reason: model::lifecycle::Reason,
    /// In words.
    note: String,
    /// Since when.
    since: String,
    /// By whom: a user's id, `operator` or `system`.
    by: String,
}

/// An administrator's lock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LockView {
    /// When it ends by itself; missing: until unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Why.
    note: String,
    /// Since when.
    since: String,
    /// By whom.
    by: String,
}

/// What is known of a password.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PasswordView {
    /// When it was set.
    set_at: String,
    /// A temporary one ends then.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// Another one must be chosen at the next sign-in.
    must_change: bool,
}

/// A whole user, with what can be done from here.
pub(crate) fn present(person: Person, policy: &LifecyclePolicy, now: Timestamp) -> UserView {
    let possible = person.user.possible(policy);
    let roles = person.grants.into_iter().map(RoleView::from);
    let (roles, password) = (roles.collect(), person.password);
    let mut view = present_user(person.user, roles, now);
    view.groups = Some(person.memberships.into_iter().map(MembershipView::from).collect());
    view.possible = possible;
    view.password = password.set_at.map(|set_at| PasswordView {
        set_at: moment(set_at),
        expires_at: password.expires_at.map(moment),
        must_change: password.must_change,
    });
    view
}

/// A user as lists show it.
fn present_user(user: model::User, roles: Vec<RoleView>, now: Timestamp) -> UserView {
    let departure = |departure: &Departure| DepartureView {
        reason: departure.reason,
        note: departure.note.clone(),
        since: moment(departure.since),
        by: departure.by.to_string(),
    };
    UserView {
        status: user.status(now),
        state: user.state.name(),
        roles,
        groups: None,
        awaits: match &user.state {
            Stand::Pending { awaits } => awaits.clone(),
            _ => Vec::new(),
        },
        departure: match &user.state {
            Stand::Suspended(why) | Stand::Deprovisioned(why) => Some(departure(why)),
            _ => None,
        },
        lock: user.lock.as_ref().map(|lock| LockView {
            until: lock.until.map(moment),
            note: lock.note.clone(),
            since: moment(lock.since),
            by: lock.by.to_string(),
        }),
        password_locked_until: user.password_locked_until.filter(|until| *until > now).map(moment),
        restorable_until: match &user.state {
            Stand::Trashed { until, .. } => Some(moment(*until)),
            _ => None,
        },
        password: None,
        possible: Vec::new(),
        id: user.id,
        fields: user.fields,
        email_verified: user.email_verified,
        source: user.source,
        external_id: user.external_id,
        created_at: moment(user.created_at),
        updated_at: moment(user.updated_at),
        joined_at: user.joined_at.map(moment),
        last_sign_in_at: user.last_sign_in_at.map(moment),
        last_sign_in_method: user.last_sign_in_method,
        last_seen_at: user.last_seen_at.map(moment),
        version: user.version,
    }
}

/// What to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Any part of a name, username, email, phone or employee number, or an id; blind to case and accents.
    search: String,
    /// Statuses with commas between; words of other products mean what they can mean here. Left out: all but
    /// deprovisioned and deleted.
    status: String,
    /// Only holders of this role.
    role: String,
    /// Only those in this group, at any depth: its id or name.
    group: String,
    /// `name`, `username`, `last_sign_in` or `created`; with a `-` before it turned around.
    sort: String,
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

impl ListQuery {
    async fn understood(&self, shared: &Shared, caller: &Caller) -> model::Result<UserQuery> {
        let mut query = UserQuery { search: self.search.clone(), ..UserQuery::default() };
        query.limit = page::limit(self.limit)?;
        if !self.sort.is_empty() {
            query = query.ordered_by(&self.sort)?;
        }
        if !self.role.is_empty() {
            let keys = shared.app.role_keys(&caller.actor, std::slice::from_ref(&self.role)).await?;
            query.role = keys.first().copied();
        }
        if !self.group.is_empty() {
            let ids = shared.app.group_ids(&caller.actor, std::slice::from_ref(&self.group)).await?;
            query.group = ids.first().copied();
        }
        query.with_statuses(&self.status)?.at(caller.actor.reader(), Some(&self.page_token))
    }
}

/// One page of users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserPage {
    /// The users, in order.
    items: Vec<UserView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
    /// Only with a search that more than so many match: those whose name, username or email begins with it come first,
    /// whatever `sort` says. A longer search is sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_than: Option<u32>,
}

/// List users
///
/// A page at a time, searched, filtered and sorted.
#[utoipa::path(get, path = "/o/{slug}/api/v1/users", tag = "Users", params(ListQuery),
    responses((status = 200, body = UserPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<UserPage>> {
    let page = shared.app.users(&caller.actor, query.understood(&shared, &caller).await?).await?;
    let now = shared.app.now();
    let roles = |roles: Vec<ListedRole>| roles.into_iter().map(RoleView::from).collect();
    let items = page.items.into_iter().map(|row| present_user(row.user, roles(row.roles), now)).collect();
    let (next_page_token, previous_page_token) = (page.next, page.previous);
    Ok(axum::Json(UserPage { items, next_page_token, previous_page_token, more_than: page.more_than }))
}

/// A user to create.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewUserBody {
    /// What people write. Names and email are needed; for a service user, a username.
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// What a body may hold besides the record itself.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Extras {
    /// Roles to give.
    roles: Vec<String>,
    /// Groups to join.
    groups: Vec<String>,
    /// A password to begin with; temporary unless `must_change_password` is false.
    password: Option<String>,
    /// Whether Muster makes a temporary password and answers it, once.
    generate_password: bool,
    /// Whether the password must be changed at the first sign-in.
    must_change_password: Option<bool>,
    /// Whether a mail goes out with which the user chooses a password.
    send_activation: bool,
    /// Whether an invitation goes out.
    send_invitation: bool,
}

/// A user was created.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedView {
    /// Who.
    #[serde(flatten)]
    user: UserView,
    /// The generated password: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
}

/// Create a user
///
/// With a password the user is active at once; without one staged.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users", tag = "Users", request_body = CreateBody,
    responses((status = 201, body = CreatedView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    Json(NewUserBody { fields }): Json<NewUserBody>,
) -> Answer<Response> {
    let new = new_user(&shared, &caller, fields).await?;
    let created = shared.app.create_user(&caller.actor, &caller.org, new).await?;
    let (id, version) = (created.person.user.id, created.person.user.version);
    let user = present(created.person, &caller.org.settings.lifecycle, shared.app.now());
    let mut response =
        versioned(StatusCode::CREATED, version, CreatedView { user, temporary_password: created.password });
    let place = format!("/o/{}/api/v1/users/{id}", caller.org.slug);
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// For the document: the record with what may come along.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreateBody {
    #[serde(flatten)]
    fields: UserFields,
    /// Roles to give, by key or name.
    #[schema(required = false)]
    roles: Vec<String>,
    /// Groups to join, by id or name.
    #[schema(required = false)]
    groups: Vec<String>,
    /// A password to begin with; temporary unless `must_change_password` is false.
    password: Option<String>,
    /// Whether Muster makes a temporary password and answers it, once.
    #[schema(required = false)]
    generate_password: bool,
    /// Whether the password must be changed at the first sign-in; yes if left out.
    must_change_password: Option<bool>,
    /// Instead of a password: a mail goes out with which the user chooses one and becomes active.
    #[schema(required = false)]
    send_activation: bool,
    /// Instead of a password: an invitation goes out.
    #[schema(required = false)]
    send_invitation: bool,
}

/// Reads a body in its two parts; unknown fields are refused by name.
async fn new_user(shared: &Shared, caller: &Caller, mut body: Map<String, Value>) -> model::Result<NewUser> {
    let mut extras = Map::new();
    let names = ["roles", "groups", "password", "generate_password", "must_change_password"];
    for name in names.into_iter().chain(["send_activation", "send_invitation"]) {
        if let Some(value) = body.remove(name) {
            extras.insert(name.to_owned(), value);
        }
    }
    given_date::settle(&mut body, &caller.org.settings.zone());
    let extras: Extras = unacceptable::read(Value::Object(extras), "")?;
    let fields: UserFields = unacceptable::read(Value::Object(body), "")?;
    let roles = shared.app.role_keys(&caller.actor, &extras.roles).await?;
    let groups = shared.app.group_ids(&caller.actor, &extras.groups).await?;
    let mail = match (extras.send_activation, extras.send_invitation) {
        (false, false) => None,
        (true, false) => Some(Purpose::Activation),
        (false, true) => Some(Purpose::Invitation),
        (true, true) => return Err(only_one("send_activation", "send_activation or send_invitation")),
    };
    let password = match (extras.password, extras.generate_password, mail) {
        (Some(_), true, _) => return Err(only_one("password", "a password or generate_password")),
        (Some(_), _, Some(_)) | (_, true, Some(_)) => {
            return Err(only_one("password", "a password or a mail with which the user chooses one"));
        }
        (Some(password), false, None) => {
            InitialPassword::Chosen { password, must_change: extras.must_change_password.unwrap_or(true) }
        }
        (None, true, None) => InitialPassword::Generated,
        (None, false, Some(purpose)) => InitialPassword::Mail(purpose),
        (None, false, None) => InitialPassword::None,
    };
    Ok(NewUser { fields, roles, groups, password })
}

fn only_one(field: &'static str, what: &str) -> model::Error {
    model::Error::invalid_field(field, "password.twice", format!("Send {what}, not both."))
}

/// Show a user
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}", tag = "Users",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<Response> {
    let person = shared.app.user(&caller.actor, id).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}

/// Edit a user
///
/// A JSON merge patch (RFC 7396): what is left out stays, `null` clears.
#[utoipa::path(patch, path = "/o/{slug}/api/v1/users/{id}", tag = "Users", request_body = UserFields,
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
           ("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(mut patch): Json<Map<String, Value>>,
) -> Answer<Response> {
    given_date::settle(&mut patch, &caller.org.settings.zone());
    let person = shared.app.edit_user(&caller.actor, id, patch, caller.version).await?;
    let version = person.user.version;
    Ok(versioned(StatusCode::OK, version, present(person, &caller.org.settings.lifecycle, shared.app.now())))
}
