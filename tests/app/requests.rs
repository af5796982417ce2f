//! Requests as clients send them, and what is answered.

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Method, Request, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::Answer;
use crate::declared_answers;

/// Sends a request to a router, with a host as every client names one.
pub(crate) async fn send(router: &Router, mut request: Request<Body>) -> Answer {
    request.headers_mut().entry(header::HOST).or_insert(HeaderValue::from_static("localhost:8080"));
    send_as_is(router, request).await
}

/// Sends a request to a router as it stands. What the API answers must be declared.
pub(crate) async fn send_as_is(router: &Router, request: Request<Body>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    declared_answers::check(&method, &path, parts.status, &parts.headers, &text);
    Answer { status: parts.status, headers: parts.headers, text }
}

/// A request to the API with a token; `Null` sends no body.
pub(crate) fn api_request(
    method: Method,
    slug: &str,
    path: &str,
    token: &str,
    body: &Value,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/o/{slug}/api/v1{path}"));
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

/// A form as a browser sends it.
pub(crate) fn form_request(path: &str, cookie: &str, form: &str) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(form.to_owned()))
        .unwrap()
}

/// Fields as a form's body.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A page as a browser asks for it.
pub(crate) fn page_request(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}
