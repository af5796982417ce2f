//! Invitations in the API: invite one or many, look at what is out, send again, remind, cancel, copy the link.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

pub(crate) mod many;

use app::{
    Actor,
    invitations::{Invited, Listed, NewInvitation, Terms},
};
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use model::{
    Error, InvitationId, Timestamp, UserFields, UserId, given_date,
    invitation::{Invitation, InvitationStatus},
    invitation_query::InvitationQuery,
    link::Purpose,
    mail::MailState,
    page, unacceptable,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::{
        lifecycle::Nothing,
        moment,
        users::{UserView, present as present_person},
        versioned,
    },
    auth::Caller,
    extract::{Id, Json, Query},
    problem::{Answer, ProblemDocument},
};

/// An invitation. Its link is not here: see `link`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationView {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: InvitationId,
    /// Who is invited.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The name, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `invitation`, or `activation` of an account that was made.
    #[schema(value_type = String)]
    kind: Purpose,
    /// What has become of it.
    #[schema(value_type = String)]
    status: InvitationStatus,
    /// What the inviter wrote.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    /// Who invites: a user's id, `operator` or `system`.
    invited_by: String,
    /// By which name.
    invited_by_name: String,
    /// When it was made.
    created_at: String,
    /// When it was last sent.
    sent_at: String,
    /// Its links open nothing from then on.
    expires_at: String,
    /// When somebody first typed into its page. That programs fetch it from a mail does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_at: Option<String>,
    /// When it was accepted or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// How many reminders went out since it was last sent.
    reminded: i64,
    /// What the mail servers say.
    delivery: DeliveryView,
}

/// What the mail servers say: the best news of the addresses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// `queued`, `sent`, `deferred`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    state: MailState,
    /// Why it is not there (yet).
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

fn present(invitation: &Invitation, fields: &UserFields, now: Timestamp) -> InvitationView {
    InvitationView {
        id: invitation.id,
        user: invitation.user,
        email: fields.email.clone().or_else(|| fields.personal_email.clone()),
        name: fields.display_name.clone(),
        kind: invitation.kind,
        status: invitation.status(now),
        message: invitation.message.clone(),
        invited_by: invitation.invited_by.to_string(),
        invited_by_name: invitation.invited_by_name.clone(),
        created_at: moment(invitation.created_at),
        sent_at: moment(invitation.sent_at),
        expires_at: moment(invitation.expires_at),
        opened_at: invitation.opened_at.map(moment),
        ended_at: invitation.ended_at.map(moment),
        reminded: invitation.reminded,
        delivery: DeliveryView { state: invitation.delivery, why: invitation.delivery_why.clone() },
    }
}

/// Which invitations.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// `pending`, `expired`, `undeliverable`, `accepted`, `cancelled`, with commas between. Left out: all.
    status: String,
    /// Any part of the name, username or address of who is invited.
    search: String,
    /// Only those that end within so many hours.
    expires_within_hours: Option<u16>,
    /// Only open ones that were made more than so many days ago.
    older_than_days: Option<u16>,
    /// Only this inviter's: a user's id, `operator`, or `me`.
    invited_by: String,
    /// Rows on the page, 1 to 200; 50 if left out.
    limit: Option<u16>,
    /// `next_page_token` or `previous_page_token` of another page.
    page_token: String,
}

impl ListQuery {
    fn understood(&self, actor: &Actor) -> model::Result<InvitationQuery> {
        let invited_by = match self.invited_by.as_str() {
            "" => None,
            "me" => Some(actor.agent),
            other => Some(other.parse().map_err(|_| {
                let message = "Name the inviter by a user's id, operator, or me.";
                Error::invalid_field("invited_by", "list.unknown_inviter", message)
            })?),
        };
        let query = InvitationQuery {
            search: self.search.clone(),
            expires_within_hours: self.expires_within_hours,
            older_than_days: self.older_than_days,
            invited_by,
            limit: page::limit(self.limit)?,
            ..InvitationQuery::default()
        };
        query.with_statuses(&self.status)?.at(actor.reader(), Some(&self.page_token))
    }
}

/// One page of invitations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationPage {
    /// Open ones by their end, all others the newest first.
    items: Vec<InvitationView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// Leads to the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page_token: Option<String>,
}

/// List invitations
///
/// A page at a time. Where only open ones are asked for, what ends next comes first.
#[utoipa::path(get, path = "/o/{slug}/api/v1/invitations", tag = "Invitations", params(ListQuery),
    responses((status = 200, body = InvitationPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Answer<axum::Json<InvitationPage>> {
    let query = query.understood(&caller.actor)?;
    let page = shared.app.invitations(&caller.actor, query).await?;
    let now = shared.app.now();
    let items =
        page.items.iter().map(|Listed { invitation, fields }| present(invitation, fields, now)).collect();
    Ok(axum::Json(InvitationPage { items, next_page_token: page.next, previous_page_token: page.previous }))
}

/// What comes with an invitation besides the record.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Extras {
    /// Roles to give.
    roles: Vec<String>,
    /// Groups to join.
    groups: Vec<String>,
    /// Words to the invitee, at most 1000 characters.
    message: String,
    /// Hours until it expires, 1 to 2160; the organization's usual time if left out.
    expires_in_hours: Option<i64>,
}

/// For the document: the record with what may come along.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationBody {
    /// What is known of the person; an email is enough.
    #[serde(flatten)]
    fields: UserFields,
    /// Roles to give, within the inviter's own rights; by key or name.
    #[schema(required = false)]
    roles: Vec<String>,
    /// Groups to join, by id or name.
    #[schema(required = false)]
    groups: Vec<String>,
    /// Words to the invitee, at most 1000 characters.
    #[schema(required = false)]
    message: String,
    /// Hours until it expires, 1 to 2160; the organization's usual time if left out.
    expires_in_hours: Option<i64>,
}

/// Reads one in its two parts; unknown fields are refused by name.
async fn new_invitation(
    shared: &Shared,
    caller: &Caller,
    mut body: Map<String, Value>,
) -> model::Result<NewInvitation> {
    let mut extras = Map::new();
    for name in ["roles", "groups", "message", "expires_in_hours"] {
        if let Some(value) = body.remove(name) {
            extras.insert(name.to_owned(), value);
        }
    }
    given_date::settle(&mut body, &caller.org.settings.zone());
    let extras: Extras = unacceptable::read(Value::Object(extras), "")?;
    let fields: UserFields = unacceptable::read(Value::Object(body), "")?;
    let roles = shared.app.role_keys(&caller.actor, &extras.roles).await?;
    let groups = shared.app.group_ids(&caller.actor, &extras.groups).await?;
    let terms = Terms { message: extras.message, lifetime_hours: extras.expires_in_hours };
    Ok(NewInvitation { fields, roles, groups, terms })
}

/// Somebody was invited.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitedView {
    /// The invitation's id.
    #[schema(value_type = uuid::Uuid)]
    invitation: InvitationId,
    /// Who.
    user: UserView,
}

/// Invite somebody
///
/// An email is enough: the invitee writes the name. Somebody who has been invited already is a 409 with the
/// invitation in `existing`.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations", tag = "Invitations", request_body = InvitationBody,
    responses((status = 201, body = InvitedView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn invite(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<Map<String, Value>>,
) -> Answer<Response> {
    let new = new_invitation(&shared, &caller, body).await?;
    let (invited, _) = shared.app.invite(&caller.actor, &caller.org, new).await?;
    Ok(created(&shared, &caller, invited))
}

fn created(shared: &Shared, caller: &Caller, invited: Invited) -> Response {
    let place = format!("/o/{}/api/v1/invitations/{}", caller.org.slug, invited.invitation);
    let user = present_person(invited.person, &caller.org.settings.lifecycle, shared.app.now());
    let view = InvitedView { invitation: invited.invitation, user };
    let mut response = (StatusCode::CREATED, axum::Json(view)).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Show an invitation
#[utoipa::path(get, path = "/o/{slug}/api/v1/invitations/{id}", tag = "Invitations",
    params(("id" = uuid::Uuid, Path, description = "The invitation's id.")),
    responses((status = 200, body = InvitationView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<InvitationId>,
) -> Answer<axum::Json<InvitationView>> {
    let (invitation, person) = shared.app.invitation(&caller.actor, id).await?;
    Ok(axum::Json(present(&invitation, &person.user.fields, shared.app.now())))
}

fn user(shared: &Shared, caller: &Caller, person: app::Person) -> Response {
    let version = person.user.version;
    let view = present_person(person, &caller.org.settings.lifecycle, shared.app.now());
    versioned(StatusCode::OK, version, view)
}

/// Send an invitation again
///
/// With a new link and a new end; the old link is dead. At most 5 times a day.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations/{id}/resend", tag = "Invitations", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The invitation's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn resend(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<InvitationId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let person = shared.app.resend_invitation(&caller.actor, &caller.org, id).await?;
    Ok(user(&shared, &caller, person))
}

/// Remind of an invitation
///
/// One more mail with a link of its own; the one that is out stays good. Counts as sending again.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations/{id}/remind", tag = "Invitations", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The invitation's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remind(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<InvitationId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let person = shared.app.remind_invitation(&caller.actor, id).await?;
    Ok(user(&shared, &caller, person))
}

/// Cancel an invitation
///
/// Its links are dead; the user stays, inactive.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations/{id}/cancel", tag = "Invitations", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The invitation's id.")),
    responses((status = 200, body = UserView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn cancel(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<InvitationId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<Response> {
    let person = shared.app.cancel_invitation(&caller.actor, &caller.org, id).await?;
    Ok(user(&shared, &caller, person))
}

/// Where an invitation's link leads.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkView {
    /// To be handed to the invitee, and to nobody else.
    url: String,
}

/// Copy an invitation's link
///
/// To send it by other means. Recorded: whoever has the link can accept as the invitee.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations/{id}/link", tag = "Invitations", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The invitation's id.")),
    responses((status = 200, body = LinkView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn link(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<InvitationId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<axum::Json<LinkView>> {
    let url = shared.app.copy_link_of(&caller.actor, &caller.org, id).await?;
    Ok(axum::Json(LinkView { url }))
}

/// On what terms somebody is invited.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = InvitationTermsBody)]
pub(crate) struct TermsBody {
    /// Words to the invitee, at most 1000 characters.
    message: String,
    /// Hours until it expires, 1 to 2160; the organization's usual time if left out.
    expires_in_hours: Option<i64>,
}

/// Invite a user who is there
///
/// Sends an inactive user an invitation, or an invited user's invitation again.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/invite", tag = "Invitations", request_body = TermsBody,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = InvitedView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn invite_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<TermsBody>,
) -> Answer<axum::Json<InvitedView>> {
    let terms = Terms { message: body.message, lifetime_hours: body.expires_in_hours };
    let invited = shared.app.invite_user(&caller.actor, &caller.org, id, terms, caller.version).await?;
    let user = present_person(invited.person, &caller.org.settings.lifecycle, shared.app.now());
    Ok(axum::Json(InvitedView { invitation: invited.invitation, user }))
}
