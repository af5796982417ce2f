//! Forms that outlived their session. A page may stay open while its session ends; what was typed into it is not lost:
//!
//! - sent while nobody is signed in, it is answered with a page that keeps it, and says to sign in in a new tab;
//! - sent by the next session, whose forms carry another proof, it is shown again, filled, with the fresh one, and nothing
//!   is done: the actor carries the refusal, every operation that writes answers with it, and the form's own handler shows
//!   it above the fields, as it shows any other.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use model::{Error, Kind, Org, Result, session::Secret};

use crate::{auth, console, problem::Problem};

/// Left in a request whose form has to be looked at once more.
#[derive(Clone, Copy)]
pub(crate) struct Refused;

/// The handler's refusal of such a form; anything else it may have answered is none.
pub(crate) fn only_refused(response: Response) -> Response {
    if response.status().is_client_error() {
        return response;
    }
    Problem(look_once_more()).into_response()
}

/// What a form whose proof is of an earlier session is refused with.
pub(crate) fn look_once_more() -> Error {
    let message =
        "You signed in again after this page was opened, so nothing was done yet. Look once more, then save.";
    Error::new(Kind::Forbidden, "form.stale", message)
}

/// The fields of a form, whose body is left in the request.
async fn fields(request: &mut Request) -> Result<Vec<(String, String)>> {
    let body: Bytes = auth::read_body(std::mem::take(request.body_mut())).await?;
    *request.body_mut() = Body::from(body.clone());
    Ok(serde_urlencoded::from_bytes(&body).unwrap_or_default())
}

/// The proof that a form carries, if it can be one of ours.
fn proof(fields: &[(String, String)]) -> Option<&str> {
    let (_, proof) = fields.iter().find(|(name, _)| name == "csrf")?;
    Secret::parse(proof).map(|_| proof.as_str())
}

/// Whether a form carries the proof of another session than the one whose forms carry `csrf`.
pub(crate) async fn is_stale(request: &mut Request, csrf: &str) -> Result<bool> {
    let fields = fields(request).await?;
    Ok(proof(&fields).is_some_and(|proof| proof != csrf))
}

/// The answer to a form that comes when nobody is signed in; `None` for what is no form of ours, or has nothing in it that
/// would be lost.
pub(crate) async fn kept(request: &mut Request, org: &Org) -> Result<Option<Response>> {
    let sign_in = format!("/o/{}/sign-in", org.slug);
    if request.uri().path().ends_with("/sign-out") {
        return Ok(None);
    }
    let fields = fields(request).await?;
    if proof(&fields).is_none() {
        return Ok(None);
    }
    if request.headers().get("muster-fragment").is_some_and(|part| part == "dialog") {
        let mut response = StatusCode::UNAUTHORIZED.into_response();
        let headers = response.headers_mut();
        headers.insert("muster-fragment", HeaderValue::from_static("dialog"));
        if let Ok(address) = HeaderValue::from_str(&sign_in) {
            headers.insert("muster-sign-in", address);
        }
        return Ok(Some(response));
    }
    let action = request.uri().path_and_query().map_or("", |path| path.as_str());
    // Passwords are typed anew: they are in no page that the server sends.
    let kept = fields.into_iter().filter(|(name, _)| !name.contains("password")).collect();
    let page = console::signed_out_page(org, sign_in, action.to_owned(), kept)?;
    let mut response = (StatusCode::UNAUTHORIZED, Html(page)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Some(response))
}
