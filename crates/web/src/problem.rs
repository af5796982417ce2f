//! The one place where an error becomes a status: a problem document (RFC 9457) for programs, a page for people.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use model::{Error, FieldError, Kind};
use utoipa::ToSchema;

use crate::console;

/// An error on its way out; `finish` gives it its body.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) Error);

/// The media type of an impact, which is answered in the place of what a dry run would have been.
pub(crate) const IMPACT: &str = "application/vnd.muster.impact+json";

/// What handlers answer.
pub(crate) type Answer<T> = Result<T, Problem>;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind()).into_response();
        response.extensions_mut().insert(Failed(self.0));
        response
    }
}

/// Leaves the error with the answer until `finish`, which knows the request.
#[derive(Clone)]
struct Failed(Error);

/// Why a request was denied, if it was: somebody may not do that. A form that came from elsewhere, or a password that must
/// be changed first, is something else.
pub(crate) fn denied(response: &Response) -> Option<String> {
    let Failed(error) = response.extensions().get::<Failed>()?;
    let is_other = matches!(error.code(), "form.foreign" | "form.stale" | "password.must_change");
    (error.kind() == Kind::Forbidden && !is_other).then(|| error.code().to_owned())
}

/// The status of each kind of error. Nothing else decides one.
pub(crate) fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Kind::Gone => StatusCode::GONE,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable | Kind::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a program gets when something is refused (RFC 9457).
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// A name for the sort of problem: `urn:muster:` and the code.
    #[serde(rename = "type")]
    problem_type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what to do next, for people.
    detail: String,
    /// A stable code, for programs.
    code: String,
    /// The refused fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// What is possible instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible: Vec<String>,
    /// The id of what is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    existing: Option<String>,
    /// The number that confirms what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<u64>,
    /// The request's id, as in the log.
    request_id: String,
}

/// One refused field.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Which field.
    field: String,
    /// A stable code.
    code: String,
    /// What is wrong and what to do.
    message: String,
}

impl From<&FieldError> for FieldProblem {
    fn from(error: &FieldError) -> Self {
        Self { field: error.field.to_string(), code: error.code.to_string(), message: error.message.clone() }
    }
}

/// Gives a failed answer its body, and writes what only the log may know.
pub(crate) fn finish(
    response: &mut Response,
    request_id: &str,
    is_api: bool,
    method: &Method,
    uri: &Uri,
    slug: Option<&str>,
) {
    let Some(Failed(error)) = response.extensions_mut().remove::<Failed>() else { return };
    let path = uri.path();
    if let Some(first) = first_page(&error, method, uri).filter(|_| !is_api) {
        *response = Redirect::to(&first).into_response();
        return;
    }
    let (kind, code, detail, status) = (error.kind(), error.code(), error.detail(), response.status());
    let path_in_log = without_secrets(path);
    let path_in_log = path_in_log.as_str();
    if matches!(kind, Kind::Internal | Kind::Unavailable | Kind::OutcomeUnknown) {
        tracing::error!(request_id, %method, path = path_in_log, code, detail, "a request failed");
    } else {
        tracing::debug!(request_id, %method, path = path_in_log, code, detail, "a request was refused");
    }
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if kind == Kind::Unauthenticated && is_api {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"muster\""));
    }
    let (content_type, body) = if is_api {
        ("application/problem+json", document(&error, status, request_id))
    } else {
        ("text/html; charset=utf-8", console::error_page(&error, request_id, slug))
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    *response.body_mut() = Body::from(body);
}

/// Where a page of a list begins anew whose token leads its reader nowhere: somebody else has passed the address on, or it is
/// out of date. The first page says so.
fn first_page(error: &Error, method: &Method, uri: &Uri) -> Option<String> {
    const TOKENS: [&str; 3] = ["page_token", "page", "cursor"];
    let leads_nowhere = matches!(error.code(), "cursor.malformed" | "cursor.other_order");
    if !leads_nowhere || !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let name = |pair: &&str| pair.split('=').next().unwrap_or_default().to_owned();
    let (tokens, mut kept): (Vec<&str>, Vec<&str>) =
        uri.query()?.split('&').partition(|pair| TOKENS.contains(&name(pair).as_str()));
    if tokens.is_empty() {
        return None;
    }
    kept.retain(|pair| name(pair) != "done");
    let said = format!("done={}", console::FIRST_PAGE);
    kept.push(&said);
    Some(format!("{}?{}", uri.path(), kept.join("&")))
}

/// Ids have 36 characters, the secrets of links 43, and some are mangled on their way.
const LONGEST_IN_LOG: usize = 39;

/// A path as it may stand in the log: the secret of a link is not for whoever reads logs.
fn without_secrets(path: &str) -> String {
    let shown = |part: &str| {
        if part.chars().count() > LONGEST_IN_LOG { "…".to_owned() } else { part.to_owned() }
    };
    path.split('/').map(shown).collect::<Vec<_>>().join("/")
}

fn document(error: &Error, status: StatusCode, request_id: &str) -> String {
    let document = ProblemDocument {
        problem_type: format!("urn:muster:{}", error.code()),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        detail: error.message().to_owned(),
        code: error.code().to_owned(),
        errors: error.fields().iter().map(FieldProblem::from).collect(),
        possible: error.possible().iter().map(|action| (*action).to_owned()).collect(),
        existing: error.existing().map(str::to_owned),
        confirm: error.confirm(),
        request_id: request_id.to_owned(),
    };
    serde_json::to_string(&document).unwrap_or_default()
}

/// No route has that path.
pub(crate) async fn no_such_page(method: Method, uri: Uri) -> Response {
    match corrected(&method, &uri) {
        Some(address) => Redirect::permanent(&address).into_response(),
        None => Problem(Error::not_found()).into_response(),
    }
}

/// Where a page's address leads that was written with slashes at its end, or the organization in capitals; `None` if there is
/// nothing to correct, or it is not for people.
pub(crate) fn corrected(method: &Method, uri: &Uri) -> Option<String> {
    let path = uri.path();
    let rest = path.strip_prefix("/o/").filter(|_| matches!(*method, Method::GET | Method::HEAD))?;
    let (slug, page) = rest.split_once('/').unwrap_or((rest, ""));
    let (slug, page) = (model::org::slug(slug).ok()?, page.trim_end_matches('/'));
    let right = format!("/o/{slug}/{page}");
    if right == path || crate::security::is_api_path(&right) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(right + &query)
}

/// The path is right, the method is not.
pub(crate) async fn wrong_method() -> Response {
    let message = "This address exists, but not for this method. See the API's documentation.";
    let mut response = Problem(Error::new(Kind::Malformed, "method.not_allowed", message)).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn no_secret_of_a_link_reaches_the_log() {
        let secret = "q".repeat(43);
        for mangled in [secret.clone(), format!("{secret}."), format!("{secret}%3E"), secret[..40].to_owned()]
        {
            let path = format!("/o/acme/reset-password/{mangled}");
            assert_eq!(without_secrets(&path), "/o/acme/reset-password/…");
        }
        let ordinary = "/o/acme/users/01a1f78e-44c2-7000-8000-000000000000/edit";
        assert_eq!(without_secrets(ordinary), ordinary);
    }
}
