//! The console's pages: handlers per noun beside this file, what they show in `view/`.

pub(crate) mod view;

use askama::Template as _;
use axum::http::HeaderValue;
use model::{Error, Kind, Org, session::Secret};

use crate::{auth, problem, route::Route};

/// Every page and form.
pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}

/// The cookie of a session. `keep` = seconds for which the browser keeps it; `None`: until it is closed.
pub(crate) fn session_cookie(org: &Org, secret: &Secret, keep: Option<u64>, https: bool) -> HeaderValue {
    let name = auth::cookie_name(org, https);
    let secure = if https { "; Secure" } else { "" };
    let keep = keep.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}{keep}", secret.reveal());
    HeaderValue::from_str(&cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The page of an error: what is wrong and what to do next.
pub(crate) fn error_page(error: &Error, request_id: &str) -> String {
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
    let page = view::signin::ErrorPage {
        status: problem::status(error.kind()).as_u16(),
        title: title.to_owned(),
        text: error.message().to_owned(),
        links: Vec::new(),
        request_id: request_id.to_owned(),
    };
    page.render().unwrap_or_else(|_| error.message().to_owned())
}
