//! The console's pages: handlers per noun beside this file, what they show in `view/`.
//!
//! A handler takes a `Visit`, calls an operation and shows what came of it, as a page or, when the script asks, as a
//! part of one. Every page works without the script.

mod actions;
mod done;
mod setup;
mod signin;
mod users;
pub(crate) mod view;
mod visit;
mod words;

use askama::Template as _;
use axum::http::HeaderValue;
use model::{Error, Kind, Org, Permission, session::Secret};
use utoipa::openapi::path::HttpMethod::{Get, Post};

use crate::{
    auth, problem,
    route::{Needs, Route},
};

/// Every page and form.
pub(crate) fn routes() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    vec![
        Route::page(Get, "/", Needs::Nothing, signin::which_org),
        Route::page(Post, "/", Needs::Nothing, signin::go_to_org).limited(),
        Route::page(Get, "/setup/{name}", Needs::Nothing, setup::page),
        Route::page(Post, "/setup/{name}", Needs::Nothing, setup::set_up).limited(),
        Route::page(Get, "/o/{slug}", may(P::AccountRead), signin::start),
        Route::page(Get, "/o/{slug}/", may(P::AccountRead), signin::start),
        Route::page(Get, "/o/{slug}/sign-in", Needs::Org, signin::sign_in_page),
        Route::page(Post, "/o/{slug}/sign-in", Needs::Org, signin::sign_in).limited(),
        Route::page(Post, "/o/{slug}/sign-out", may(P::AccountRead), signin::sign_out),
        Route::page(Get, "/o/{slug}/change-password", may(P::AccountPassword), signin::change_password_page),
        Route::page(Post, "/o/{slug}/change-password", may(P::AccountPassword), signin::change_password)
            .limited(),
        Route::page(Get, "/o/{slug}/users", may(P::UserList), users::list),
    ]
}

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
