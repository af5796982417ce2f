//! The console's pages: handlers per noun beside this file, what they show in `view/`.
//!
//! A handler takes a `Visit`, calls an operation and shows what came of it, as a page or, when the script asks, as a
//! part of one. Every page works without the script.

mod account;
mod actions;
mod done;
mod forms;
mod lifecycle;
mod passwords;
mod questions;
mod record;
mod roles;
mod session_list;
mod sessions;
mod settings;
mod setup;
mod signin;
mod tokens;
mod user_forms;
mod user_page;
mod users;
pub(crate) mod view;
mod visit;
mod words;

use askama::Template as _;
use axum::http::{HeaderValue, Method};
use model::{Error, Kind, Org, Permission, UserId, lifecycle::ActionName, session::Secret};

use self::visit::Visit;
use crate::{
    auth,
    extract::{Fields, Id},
    problem,
    route::{Needs, Route},
};

/// Every page and form.
pub(crate) fn routes() -> Vec<Route> {
    [doors(), users_and_settings(), transitions(), open_sessions(), own_account()]
        .into_iter()
        .flatten()
        .collect()
}

/// Coming in and going out.
fn doors() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    vec![
        Route::page(Method::GET, "/", Needs::Nothing, signin::which_org),
        Route::page(Method::POST, "/", Needs::Nothing, signin::go_to_org).limited(),
        Route::page(Method::GET, "/setup/{name}", Needs::Nothing, setup::page),
        Route::page(Method::POST, "/setup/{name}", Needs::Nothing, setup::set_up).limited(),
        Route::page(Method::POST, "/setup/password-strength", Needs::Nothing, passwords::setup_strength)
            .typed(),
        Route::page(Method::POST, "/o/{slug}/password-strength", Needs::Org, passwords::strength).typed(),
        Route::page(Method::GET, "/o/{slug}", may(P::AccountRead), signin::start),
        Route::page(Method::GET, "/o/{slug}/", may(P::AccountRead), signin::start),
        Route::page(Method::GET, "/o/{slug}/sign-in", Needs::Org, signin::sign_in_page),
        Route::page(Method::POST, "/o/{slug}/sign-in", Needs::Org, signin::sign_in).limited(),
        Route::page(Method::POST, "/o/{slug}/sign-out", may(P::AccountRead), signin::sign_out),
        Route::page(
            Method::GET,
            "/o/{slug}/change-password",
            may(P::AccountPassword),
            signin::change_password_page,
        ),
        Route::page(
            Method::POST,
            "/o/{slug}/change-password",
            may(P::AccountPassword),
            signin::change_password,
        )
        .limited(),
    ]
}

fn users_and_settings() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let password = "/o/{slug}/users/{id}/set-password";
    let change = "/o/{slug}/users/{id}/require-password-change";
    let policies = "/o/{slug}/settings/policies";
    vec![
        Route::page(Method::GET, "/o/{slug}/users", may(P::UserList), users::list),
        Route::page(Method::GET, "/o/{slug}/users/new", may(P::UserCreate), user_forms::new),
        Route::page(Method::POST, "/o/{slug}/users/new", may(P::UserCreate), user_forms::create),
        Route::page(Method::GET, "/o/{slug}/users/{id}", may(P::UserRead), user_page::show),
        Route::page(Method::GET, "/o/{slug}/users/{id}/edit", may(P::UserUpdate), user_forms::edit_page),
        Route::page(Method::POST, "/o/{slug}/users/{id}/edit", may(P::UserUpdate), user_forms::edit),
        Route::page(Method::GET, "/o/{slug}/users/{id}/roles", may(P::RoleAssign), roles::page),
        Route::page(Method::POST, "/o/{slug}/users/{id}/roles", may(P::RoleAssign), roles::change),
        Route::page(Method::GET, password, may(P::UserResetPassword), lifecycle::password_page),
        Route::page(Method::POST, password, may(P::UserResetPassword), lifecycle::set_password),
        Route::page(Method::GET, change, may(P::UserResetPassword), lifecycle::require_change_page),
        Route::page(Method::POST, change, may(P::UserResetPassword), lifecycle::require_change),
        Route::page(Method::GET, "/o/{slug}/settings", may(P::SettingsRead), settings::general_page),
        Route::page(Method::POST, "/o/{slug}/settings", may(P::SettingsUpdate), settings::save_general),
        Route::page(Method::POST, "/o/{slug}/settings/rename", may(P::OrgRename), settings::rename),
        Route::page(Method::GET, policies, may(P::SettingsRead), settings::policies_page),
        Route::page(Method::POST, policies, may(P::SettingsUpdate), settings::save_policies),
    ]
}

fn open_sessions() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let (theirs, one) = ("/o/{slug}/users/{id}/sessions", "/o/{slug}/users/{id}/sessions/{session}/revoke");
    let (all, found) = ("/o/{slug}/users/{id}/sessions/end", "/o/{slug}/sessions/revoke");
    let (own, own_one) = ("/o/{slug}/account/sessions", "/o/{slug}/account/sessions/{id}/revoke");
    let own_all = "/o/{slug}/account/sessions/end";
    vec![
        Route::page(Method::GET, "/o/{slug}/sessions", may(P::SessionRead), session_list::list),
        Route::page(Method::GET, found, may(P::SessionRevoke), session_list::ask),
        Route::page(Method::POST, found, may(P::SessionRevoke), session_list::revoke),
        Route::page(Method::GET, theirs, may(P::SessionRead), sessions::of_user),
        Route::page(Method::GET, all, may(P::SessionRevoke), sessions::ask_all),
        Route::page(Method::POST, all, may(P::SessionRevoke), sessions::revoke_all),
        Route::page(Method::GET, one, may(P::SessionRevoke), sessions::ask_one),
        Route::page(Method::POST, one, may(P::SessionRevoke), sessions::revoke_one),
        Route::page(Method::GET, own, may(P::AccountSessions), sessions::own),
        Route::page(Method::GET, own_all, may(P::AccountSessions), sessions::ask_own),
        Route::page(Method::POST, own_all, may(P::AccountSessions), sessions::revoke_own_all),
        Route::page(Method::POST, own_one, may(P::AccountSessions), sessions::revoke_own),
    ]
}

fn own_account() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let (password, revoke) = ("/o/{slug}/account/password", "/o/{slug}/account/tokens/{id}/revoke");
    vec![
        Route::page(Method::GET, "/o/{slug}/account", may(P::AccountRead), account::profile_page),
        Route::page(Method::POST, "/o/{slug}/account", may(P::AccountUpdate), account::save_profile),
        Route::page(Method::GET, password, may(P::AccountPassword), account::password_page),
        Route::page(Method::POST, password, may(P::AccountPassword), account::change_password).limited(),
        Route::page(Method::GET, "/o/{slug}/account/tokens", may(P::AccountTokens), tokens::list),
        Route::page(Method::GET, "/o/{slug}/account/tokens/new", may(P::AccountTokens), tokens::new),
        Route::page(Method::POST, "/o/{slug}/account/tokens/new", may(P::AccountTokens), tokens::create),
        Route::page(Method::GET, revoke, may(P::AccountTokens), tokens::revoke_page),
        Route::page(Method::POST, revoke, may(P::AccountTokens), tokens::revoke),
    ]
}

/// For each transition the question and its answer.
fn transitions() -> Vec<Route> {
    let both = |(action, permission): (ActionName, Permission)| {
        let path = format!("/o/{{slug}}/users/{{id}}{}", actions::path(action));
        let ask = move |visit: Visit, id: Id<UserId>| lifecycle::ask(visit, id, action);
        let carry_out = move |visit: Visit, id: Id<UserId>, fields: Fields| {
            lifecycle::carry_out(visit, id, fields, action)
        };
        let needs = Needs::Permission(permission);
        [Route::page(Method::GET, &path, needs, ask), Route::page(Method::POST, &path, needs, carry_out)]
    };
    TRANSITIONS.into_iter().flat_map(both).collect()
}

/// The transitions that have a page, each with the permission that the API asks for.
const TRANSITIONS: [(ActionName, Permission); 9] = [
    (ActionName::Activate, Permission::UserActivate),
    (ActionName::Unlock, Permission::UserUnlock),
    // Which permission is needed besides depends on the state.
    (ActionName::Reactivate, Permission::UserRead),
    (ActionName::Restore, Permission::UserRestore),
    (ActionName::Lock, Permission::UserLock),
    (ActionName::Suspend, Permission::UserSuspend),
    (ActionName::Deprovision, Permission::UserDeprovision),
    (ActionName::Delete, Permission::UserDelete),
    (ActionName::Purge, Permission::UserPurge),
];

/// The cookie of a session. `keep` = seconds for which the browser keeps it; `None`: until it is closed.
pub(crate) fn session_cookie(org: &Org, secret: &Secret, keep: Option<u64>, https: bool) -> HeaderValue {
    cookie(org, &secret.reveal(), keep, https)
}

/// Makes the browser forget a session's cookie.
fn end_session_cookie(org: &Org, https: bool) -> HeaderValue {
    cookie(org, "", Some(0), https)
}

fn cookie(org: &Org, value: &str, keep: Option<u64>, https: bool) -> HeaderValue {
    let name = auth::cookie_name(org, https);
    let secure = if https { "; Secure" } else { "" };
    let keep = keep.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{keep}");
    HeaderValue::from_str(&cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The page of an error: what is wrong, what to do next, and the way back into the organization of `path`.
pub(crate) fn error_page(error: &Error, request_id: &str, path: &str) -> String {
    let title = match error.kind() {
        Kind::NotFound => "Nothing here",
        Kind::Forbidden => "Not allowed",
        Kind::Unauthenticated => "Sign in first",
        Kind::TooMany => "Too many tries",
        Kind::Gone => "This link has ended",
        Kind::Unavailable | Kind::OutcomeUnknown => "Not possible right now",
        Kind::Internal => "Something went wrong",
        _ => "That did not work",
    };
    let slug = path.strip_prefix("/o/").and_then(|rest| rest.split('/').next());
    let start = match slug.and_then(|slug| model::org::slug(slug).ok()) {
        Some(slug) => view::parts::Link::new("To the start page", format!("/o/{slug}/")),
        None => view::parts::Link::new("To the start page", "/"),
    };
    let page = view::signin::ErrorPage {
        status: problem::status(error.kind()).as_u16(),
        title: title.to_owned(),
        text: error.message().to_owned(),
        links: vec![start],
        request_id: request_id.to_owned(),
    };
    page.render().unwrap_or_else(|_| error.message().to_owned())
}
