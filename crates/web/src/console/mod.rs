//! The console's pages: handlers per noun beside this file, what they show in `view/`.
//!
//! A handler takes a `Visit`, calls an operation and shows what came of it, as a page or, when the script asks, as a
//! part of one. Every page works without the script.

mod acceptance;
mod access;
mod account;
mod actions;
mod activity;
mod all_tokens;
mod audit;
mod choosing;
mod cookies;
mod data;
mod devices;
mod done;
mod emails;
mod explanations;
mod forms;
mod giving;
mod groups;
mod invitations;
mod invite;
mod letters;
mod lifecycle;
mod mailbox;
mod mails;
mod memberships;
pub(crate) mod other_person;
mod owners;
mod passwords;
mod permissions;
mod questions;
mod record;
mod recovery;
mod reset_link;
mod role_editor;
mod role_matrix;
mod role_pages;
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
use axum::{
    extract::State,
    http::{HeaderMap, Method},
};
use model::{Error, Kind, Org, Permission, UserId, lifecycle::ActionName, link::Purpose};

use self::{
    acceptance::Brought,
    cookies::{devices_cookie, end_session_cookie},
    visit::Visit,
};
pub(crate) use self::{cookies::session_cookie, done::FIRST_PAGE};
use crate::{
    api::data_exports,
    auth::Place,
    bidi,
    extract::{Fields, Id, Name},
    problem,
    route::{Needs, Route},
    security::Origin,
};

/// Every page and form.
pub(crate) fn routes() -> Vec<Route> {
    let groups = [
        doors(),
        links(),
        ways_back(),
        users_and_settings(),
        access(),
        held_access(),
        inviting(),
        mail(),
        transitions(),
        open_sessions(),
        own_account(),
        activity_and_data(),
        groups::routes(),
        role_pages::routes(),
    ];
    groups.into_iter().flatten().collect()
}

/// Coming in and going out.
fn doors() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    vec![
        Route::page(Method::GET, "/", Needs::Nothing, signin::which_org),
        Route::page(Method::POST, "/", Needs::Nothing, signin::go_to_org).limited(),
        Route::page(Method::GET, "/.well-known/change-password", Needs::Nothing, signin::change_password_url),
        Route::page(Method::GET, "/setup/{name}", Needs::Nothing, setup::page),
        Route::page(Method::POST, "/setup/{name}", Needs::Nothing, setup::set_up).limited(),
        Route::page(Method::POST, "/setup/password-strength", Needs::Nothing, passwords::setup_strength)
            .typed(),
        Route::page(Method::POST, "/o/{slug}/password-strength", Needs::Org, passwords::strength).typed(),
        Route::page(Method::GET, "/o/{slug}", may(P::AccountRead), signin::start),
        Route::page(Method::GET, "/o/{slug}/", may(P::AccountRead), signin::start),
        Route::page(Method::GET, "/o/{slug}/sign-in", Needs::Org, signin::sign_in_page),
        Route::page(Method::POST, "/o/{slug}/sign-in", Needs::Org, signin::sign_in).limited().mails(),
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
        .limited()
        .mails(),
    ]
}

/// The way back in, and the pages of links in mail.
fn ways_back() -> Vec<Route> {
    let (forgot, find) = ("/o/{slug}/forgot-password", "/find-organization");
    let (reset, unlock) = ("/o/{slug}/reset-password/{name}", "/o/{slug}/unlock/{name}");
    let (verify, undo) = ("/o/{slug}/verify-email/{name}", "/o/{slug}/undo-email/{name}");
    vec![
        Route::page(Method::GET, find, Needs::Nothing, recovery::find_page),
        Route::page(Method::POST, find, Needs::Nothing, recovery::find).limited().mails(),
        Route::page(Method::GET, forgot, Needs::Org, recovery::forgot_page),
        Route::page(Method::POST, forgot, Needs::Org, recovery::forgot).limited().mails(),
        Route::page(Method::GET, reset, Needs::Org, recovery::reset_page),
        Route::page(Method::POST, reset, Needs::Org, recovery::reset).limited().mails(),
        Route::page(Method::GET, "/o/{slug}/not-me/{name}", Needs::Org, recovery::not_me_page),
        Route::page(Method::POST, "/o/{slug}/not-me/{name}", Needs::Org, recovery::not_me).limited(),
        Route::page(Method::GET, unlock, Needs::Org, recovery::unlock_page),
        Route::page(Method::POST, unlock, Needs::Org, recovery::unlock).limited(),
        Route::page(Method::GET, verify, Needs::Org, emails::confirm_page),
        Route::page(Method::POST, verify, Needs::Org, emails::confirm).limited().mails(),
        Route::page(Method::GET, undo, Needs::Org, emails::undo_page),
        Route::page(Method::POST, undo, Needs::Org, emails::undo).limited().mails(),
    ]
}

/// Where the links of invitations lead.
fn links() -> Vec<Route> {
    let of = |purpose: Purpose| {
        let path = format!("/o/{{slug}}/{}/{{name}}", purpose.path());
        let look = move |(State(shared), Place(org), Name(secret)): Brought| async move {
            acceptance::page(shared, &org, purpose, &secret).await
        };
        let accept = move |(State(shared), Place(org), Name(secret)): Brought,
                           origin: Origin,
                           headers: HeaderMap,
                           fields: Fields| async move {
            let from = acceptance::from(&shared, &org, &origin, &headers);
            acceptance::accept(shared, &org, purpose, &secret, fields, from).await
        };
        let renew = move |(State(shared), Place(org), Name(secret)): Brought,
                          origin: Origin,
                          headers: HeaderMap| async move {
            let from = acceptance::from(&shared, &org, &origin, &headers);
            acceptance::renew(shared, &org, purpose, &secret, from).await
        };
        let begun = move |(State(shared), Place(org), Name(secret)): Brought| async move {
            acceptance::begun(shared, &org, purpose, &secret).await
        };
        [
            Route::page(Method::POST, &format!("{path}/begun"), Needs::Org, begun).limited(),
            Route::page(Method::GET, &path, Needs::Org, look).limited(),
            Route::page(Method::POST, &path, Needs::Org, accept).limited(),
            Route::page(Method::POST, &format!("{path}/renew"), Needs::Org, renew).limited().mails(),
        ]
    };
    [Purpose::Invitation, Purpose::Activation].into_iter().flat_map(of).collect()
}

/// Invitations, for those who send them.
fn inviting() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let (resend, copy) = ("/o/{slug}/invitations/resend", "/o/{slug}/users/{id}/invitation-link");
    let remind = "/o/{slug}/users/{id}/remind";
    vec![
        Route::page(Method::GET, "/o/{slug}/invitations", may(P::InvitationRead), invitations::list),
        Route::page(Method::GET, "/o/{slug}/invitations/new", may(P::UserInvite), invite::page).scoped(),
        Route::page(Method::POST, "/o/{slug}/invitations/new", may(P::UserInvite), invite::send)
            .mails()
            .scoped(),
        Route::page(Method::GET, resend, may(P::InvitationResend), invitations::ask_resend),
        Route::page(Method::POST, resend, may(P::InvitationResend), invitations::resend).mails(),
        Route::page(Method::GET, copy, may(P::UserInvite), lifecycle::ask_link),
        Route::page(Method::POST, copy, may(P::UserInvite), lifecycle::copy_link),
        Route::page(Method::GET, remind, may(P::InvitationResend), lifecycle::ask_remind),
        Route::page(Method::POST, remind, may(P::InvitationResend), lifecycle::remind).mails(),
    ]
}

fn users_and_settings() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let password = "/o/{slug}/users/{id}/set-password";
    let change = "/o/{slug}/users/{id}/require-password-change";
    let link = "/o/{slug}/users/{id}/send-reset-link";
    let policies = "/o/{slug}/settings/policies";
    let explanation = "/o/{slug}/users/{id}/sign-in-explanation";
    vec![
        Route::page(Method::GET, "/o/{slug}/users", may(P::UserList), users::list).scoped(),
        Route::page(Method::GET, "/o/{slug}/users/new", may(P::UserCreate), user_forms::new),
        Route::page(Method::POST, "/o/{slug}/users/new", may(P::UserCreate), user_forms::create).mails(),
        Route::page(Method::GET, "/o/{slug}/users/{id}", may(P::UserRead), user_page::show),
        Route::page(Method::GET, explanation, may(P::UserRead), explanations::show),
        Route::page(Method::GET, "/o/{slug}/users/{id}/edit", may(P::UserUpdate), user_forms::edit_page),
        Route::page(Method::POST, "/o/{slug}/users/{id}/edit", may(P::UserUpdate), user_forms::edit).mails(),
        Route::page(Method::GET, "/o/{slug}/users/{id}/roles", may(P::RoleAssign), roles::page),
        Route::page(Method::POST, "/o/{slug}/users/{id}/roles", may(P::RoleAssign), roles::change).mails(),
        Route::page(Method::GET, "/o/{slug}/users/{id}/groups", may(P::GroupAssign), memberships::page),
        Route::page(Method::POST, "/o/{slug}/users/{id}/groups", may(P::GroupAssign), memberships::change),
        Route::page(Method::GET, password, may(P::UserResetPassword), lifecycle::password_page),
        Route::page(Method::POST, password, may(P::UserResetPassword), lifecycle::set_password).mails(),
        Route::page(Method::GET, link, may(P::UserResetPassword), reset_link::page),
        Route::page(Method::POST, link, may(P::UserResetPassword), reset_link::send).mails(),
        Route::page(Method::GET, change, may(P::UserResetPassword), lifecycle::require_change_page),
        Route::page(Method::POST, change, may(P::UserResetPassword), lifecycle::require_change),
        Route::page(Method::GET, "/o/{slug}/audit", may(P::AuditRead), audit::list),
        Route::page(Method::GET, "/o/{slug}/audit/{id}", may(P::AuditRead), audit::show),
        Route::page(Method::POST, "/o/{slug}/audit/export", may(P::AuditExport), audit::export),
        Route::page(Method::GET, "/o/{slug}/settings", may(P::SettingsRead), settings::general_page),
        Route::page(Method::POST, "/o/{slug}/settings", may(P::SettingsUpdate), settings::save_general),
        Route::page(Method::POST, "/o/{slug}/settings/rename", may(P::OrgRename), settings::rename),
        Route::page(Method::GET, policies, may(P::SettingsRead), settings::policies_page),
        Route::page(Method::POST, policies, may(P::SettingsUpdate), settings::save_policies),
    ]
}

/// Roles with an end, owners, copies, and tokens of others.
fn held_access() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let theirs = "/o/{slug}/users/{id}/access";
    let below = |path: &str| format!("/o/{{slug}}/users/{{id}}{path}");
    let (resetting, access) = (below(actions::RESET_PATH), below(actions::ACCESS_PATH));
    vec![
        Route::page(Method::GET, theirs, may(P::AccessRead), access::of_user),
        Route::page(Method::GET, "/o/{slug}/account/access", may(P::AccountRead), access::own),
        Route::page(Method::GET, "/o/{slug}/access", may(P::AccessRead), access::who_can).scoped(),
        Route::page(Method::GET, &resetting, may(P::UserResetPassword), choosing::passwords),
        // Which permission each way needs besides is its own.
        Route::page(Method::GET, &access, may(P::UserRead), choosing::access),
    ]
}

/// Giving access and taking it.
fn access() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let at = |path: &str| format!("/o/{{slug}}/users/{{id}}{path}");
    let (temporary, add, end) = (at("/temporary-access"), at("/add-role"), at("/end-access"));
    let (make, remove, copy) = (at("/make-admin"), at("/remove-admin"), at("/copy-access"));
    let (new, revoke) = (at("/tokens/new"), at("/tokens/{token}/revoke"));
    let all = at("/tokens/revoke");
    vec![
        Route::page(Method::GET, &temporary, may(P::RoleAssign), giving::temporary_page),
        Route::page(Method::POST, &temporary, may(P::RoleAssign), giving::give_temporarily).mails(),
        Route::page(Method::GET, &add, may(P::RoleAssign), giving::add_page),
        Route::page(Method::POST, &add, may(P::RoleAssign), giving::add).mails(),
        // Which permission is needed besides depends on whether it is a role or a place in a group.
        Route::page(Method::GET, &end, may(P::UserRead), giving::end_page),
        Route::page(Method::POST, &end, may(P::UserRead), giving::end).mails(),
        Route::page(Method::GET, &make, may(P::OwnerManage), owners::make_page),
        Route::page(Method::POST, &make, may(P::OwnerManage), owners::make).mails(),
        Route::page(Method::GET, &remove, may(P::OwnerManage), owners::remove_page),
        Route::page(Method::POST, &remove, may(P::OwnerManage), owners::remove).mails(),
        // Each role and membership asks for what giving it needs.
        Route::page(Method::GET, &copy, may(P::UserRead), owners::copy_page),
        Route::page(Method::POST, &copy, may(P::UserRead), owners::copy).mails(),
        Route::page(Method::GET, "/o/{slug}/settings/tokens", may(P::TokenList), all_tokens::list),
        Route::page(Method::GET, &at("/tokens"), may(P::TokenList), all_tokens::of_user),
        Route::page(Method::GET, &new, may(P::TokenCreate), all_tokens::new),
        Route::page(Method::POST, &new, may(P::TokenCreate), all_tokens::create).mails(),
        Route::page(Method::GET, &revoke, may(P::TokenRevoke), all_tokens::revoke_page),
        Route::page(Method::POST, &revoke, may(P::TokenRevoke), all_tokens::revoke),
        Route::page(Method::GET, &all, may(P::TokenRevoke), all_tokens::revoke_all_page),
        Route::page(Method::POST, &all, may(P::TokenRevoke), all_tokens::revoke_all),
    ]
}

/// Mail in the settings, and the demonstration's mailbox.
fn mail() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let at = |path: &str| format!("/o/{{slug}}/settings/mail{path}");
    let mailbox = |path: &str| format!("{}{path}", mailbox::PATH);
    vec![
        Route::page(Method::GET, &at(""), may(P::MailRead), mails::page),
        Route::page(Method::POST, &at(""), may(P::SettingsUpdate), mails::save),
        Route::page(Method::GET, &at("/all"), may(P::MailRead), mails::all),
        Route::page(Method::POST, &at("/test"), may(P::MailManage), mails::test).limited().mails(),
        Route::page(Method::POST, &at("/retry"), may(P::MailManage), mails::retry_all).mails(),
        Route::page(Method::POST, &at("/{id}/retry"), may(P::MailManage), mails::retry).mails(),
        Route::page(Method::GET, &at("/preview/{name}"), may(P::MailRead), mails::preview),
        Route::page(Method::GET, &at("/preview/{name}/html"), may(P::MailRead), mails::preview_html),
        Route::page(Method::GET, &mailbox(""), Needs::Nothing, mailbox::list),
        Route::page(Method::GET, &mailbox("/{id}"), Needs::Nothing, mailbox::show),
        Route::page(Method::GET, &mailbox("/{id}/html"), Needs::Nothing, mailbox::show_html),
    ]
}

fn open_sessions() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let (theirs, one) = ("/o/{slug}/users/{id}/sessions", "/o/{slug}/users/{id}/sessions/{session}/revoke");
    let (all, found) = ("/o/{slug}/users/{id}/sessions/end", "/o/{slug}/sessions/revoke");
    let (own, own_one) = ("/o/{slug}/account/sessions", "/o/{slug}/account/sessions/{id}/revoke");
    let own_all = "/o/{slug}/account/sessions/end";
    let own_device = "/o/{slug}/account/devices/{id}/remove";
    let device = "/o/{slug}/users/{id}/devices/{device}/remove";
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
        Route::page(Method::POST, own_device, may(P::AccountSessions), devices::remove_own),
        Route::page(Method::POST, device, may(P::SessionRevoke), devices::remove),
    ]
}

fn own_account() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let email = "/o/{slug}/account/email";
    let (password, revoke) = ("/o/{slug}/account/password", "/o/{slug}/account/tokens/{id}/revoke");
    let all = "/o/{slug}/account/tokens/revoke";
    vec![
        Route::page(Method::GET, "/o/{slug}/account", may(P::AccountRead), account::profile_page),
        Route::page(Method::POST, "/o/{slug}/account", may(P::AccountUpdate), account::save_profile),
        Route::page(Method::GET, password, may(P::AccountPassword), account::password_page),
        Route::page(Method::POST, password, may(P::AccountPassword), account::change_password)
            .limited()
            .mails(),
        Route::page(Method::GET, email, may(P::AccountRead), emails::page),
        Route::page(Method::POST, email, may(P::AccountUpdate), emails::change).limited().mails(),
        Route::page(Method::POST, "/o/{slug}/account/email/cancel", may(P::AccountUpdate), emails::cancel),
        Route::page(Method::POST, "/o/{slug}/account/email/verify", may(P::AccountUpdate), emails::verify)
            .limited()
            .mails(),
        Route::page(
            Method::POST,
            "/o/{slug}/account/email/notices",
            may(P::AccountUpdate),
            emails::save_notices,
        ),
        Route::page(Method::GET, "/o/{slug}/account/tokens", may(P::AccountTokens), tokens::list),
        Route::page(Method::GET, "/o/{slug}/account/tokens/new", may(P::AccountTokens), tokens::new),
        Route::page(Method::POST, "/o/{slug}/account/tokens/new", may(P::AccountTokens), tokens::create)
            .mails(),
        Route::page(Method::GET, revoke, may(P::AccountTokens), tokens::revoke_page),
        Route::page(Method::POST, revoke, may(P::AccountTokens), tokens::revoke),
        Route::page(Method::GET, all, may(P::AccountTokens), tokens::revoke_all_page),
        Route::page(Method::POST, all, may(P::AccountTokens), tokens::revoke_all),
    ]
}

/// What somebody did, and what is held on somebody.
fn activity_and_data() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let (data, own_data) = ("/o/{slug}/users/{id}/data", "/o/{slug}/account/data");
    let (activity, own_activity) = ("/o/{slug}/users/{id}/activity", "/o/{slug}/account/activity");
    let (file, own_file) = ("/o/{slug}/users/{id}/activity/export", "/o/{slug}/account/activity/export");
    vec![
        Route::page(Method::GET, activity, may(P::AuditRead), activity::of_user),
        Route::page(Method::POST, file, may(P::AuditRead), activity::export),
        Route::page(Method::GET, own_activity, may(P::AccountRead), activity::own),
        Route::page(Method::POST, own_file, may(P::AccountRead), activity::export_own),
        Route::page(Method::GET, data, may(P::UserExportData), data::of_user),
        Route::page(Method::POST, data, may(P::UserExportData), data::ask).limited(),
        Route::page(Method::GET, own_data, may(P::AccountRead), data::own),
        Route::page(Method::POST, own_data, may(P::AccountRead), data::ask_own).limited(),
        Route::page(Method::GET, "/o/{slug}/data-export/{name}", may(P::AccountRead), data_exports::fetch)
            .for_tokens(),
        Route::page(Method::GET, "/o/{slug}/users/{id}/erasure", may(P::UserPurge), data::receipt),
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
        let mut posted = Route::page(Method::POST, &path, needs, carry_out);
        if MAILING.contains(&action) {
            posted = posted.mails();
        }
        [Route::page(Method::GET, &path, needs, ask), posted]
    };
    TRANSITIONS.into_iter().flat_map(both).collect()
}

/// The transitions that have a page, each with the permission that the API asks for.
const TRANSITIONS: [(ActionName, Permission); 13] = [
    // Which permission is needed besides depends on the state.
    (ActionName::Invite, Permission::UserRead),
    (ActionName::CancelInvitation, Permission::UserInvite),
    (ActionName::Activate, Permission::UserActivate),
    (ActionName::Settle, Permission::UserActivate),
    (ActionName::Reject, Permission::UserActivate),
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

/// The transitions that mail: activating or approving somebody without a password, and giving an owner's role back.
const MAILING: [ActionName; 4] =
    [ActionName::Invite, ActionName::Activate, ActionName::Settle, ActionName::Reactivate];

/// The page that keeps what was typed while nobody is signed in (`stale_form.rs`).
pub(crate) fn signed_out_page(
    org: &Org,
    sign_in_href: String,
    action: String,
    fields: Vec<(String, String)>,
) -> model::Result<String> {
    let page = view::signin::KeptPage { org: visit::frame_org(org), sign_in_href, action, fields };
    page.render().map(bidi::in_page).map_err(Error::internal)
}

/// The page of an error: what is wrong, what to do next, and the way back into the organization of the address.
pub(crate) fn error_page(error: &Error, request_id: &str, slug: Option<&str>) -> String {
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
    page.render().map_or_else(|_| error.message().to_owned(), bidi::in_page)
}
