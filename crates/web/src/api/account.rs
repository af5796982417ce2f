//! One's own account in the API: who am I, my profile, my password.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use model::{Permission, Permissions, rights::Applications};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{
        users::{UserView, present},
        versioned,
    },
    auth::Caller,
    extract::Json,
    problem::{Answer, Problem, ProblemDocument},
};

/// Who asks, and what may be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Whoami<'c> {
    /// The user's id.
    #[schema(value_type = uuid::Uuid)]
    user: model::UserId,
    /// As shown.
    name: &'c str,
    /// The organization's address.
    org: &'c str,
    /// What this session or token may do.
    #[serde(serialize_with = "one_by_one")]
    #[schema(value_type = Vec<Permission>)]
    permissions: Permissions,
    /// What the person may do in the organization's own applications. None for a token with scopes: those name Muster's
    /// permissions alone.
    #[schema(value_type = Vec<String>)]
    application_permissions: &'c Applications,
}

fn one_by_one<S: serde::Serializer>(permissions: &Permissions, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(permissions.iter())
}

/// Who am I?
///
/// Checks a session or token; reads no database.
#[utoipa::path(get, path = "/o/{slug}/api/v1/whoami", tag = "Account",
    responses((status = 200, body = Whoami), (status = "default", body = ProblemDocument)))]
pub(crate) async fn whoami(caller: Caller) -> Response {
    let access = &caller.access;
    let body = Whoami {
        user: access.user,
        name: &access.name,
        org: &caller.org.slug,
        permissions: access.permissions,
        application_permissions: &access.rights.applications,
    };
    // Asked more often than anything else: one buffer, large enough for every permission.
    let mut text = Vec::with_capacity(2048);
    match serde_json::to_writer(&mut text, &body) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => Problem(model::Error::internal(error)).into_response(),
    }
}

/// One's own account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// The record.
    #[serde(flatten)]
    user: UserView,
    /// What one may do in the organization's own applications; none for a token with scopes.
    #[schema(value_type = Vec<String>)]
    application_permissions: Applications,
}

/// Show one's own account
#[utoipa::path(get, path = "/o/{slug}/api/v1/account", tag = "Account",
    responses((status = 200, body = AccountView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(State(shared): State<Shared>, caller: Caller) -> Answer<Response> {
    let person = shared.app.own_account(&caller.actor).await?;
    Ok(own(&shared, &caller, person))
}

/// Edit one's own profile
///
/// A JSON merge patch of names, phones, personal contacts, address, language and time zone.
#[utoipa::path(patch, path = "/o/{slug}/api/v1/account", tag = "Account", request_body = model::UserFields,
    params(("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = AccountView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Json(patch): Json<Map<String, Value>>,
) -> Answer<Response> {
    let person = shared.app.edit_own_account(&caller.actor, patch, caller.version).await?;
    Ok(own(&shared, &caller, person))
}

fn own(shared: &Shared, caller: &Caller, person: app::Person) -> Response {
    let version = person.user.version;
    let user = present(person, &caller.org.settings.lifecycle, shared.app.now());
    let application_permissions = caller.actor.rights.applications.clone();
    versioned(StatusCode::OK, version, AccountView { user, application_permissions })
}

/// Another password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The present one.
    present_password: String,
    /// The new one.
    new_password: String,
}

/// Change one's own password
///
/// Ends all other sessions.
#[utoipa::path(post, path = "/o/{slug}/api/v1/account/password", tag = "Account", request_body = PasswordChange,
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn change_password(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<PasswordChange>,
) -> Answer<Response> {
    let (present, wanted) = (&body.present_password, &body.new_password);
    let secret = shared.app.change_own_password(&caller.actor, &caller.org, present, wanted).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(secret) = secret.filter(|_| !caller.actor.dry_run) {
        let cookie = crate::console::session_cookie(&caller.org, &secret, None, shared.options.is_https());
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
