//! What the matrices share: requests made from the declared routes, and everything that can prove who asks.
//!
//! A new route takes part without a line here; only a new kind of parameter needs a value.

use std::sync::{Arc, LazyLock};

use ::app::signin::Attempt;
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::{EntryId, Org, UserId, device::ClientHints};
use serde_json::{Map, Value, json};
use store::{Attempt as Done, Lane, Proof};
use uuid::Uuid;
use web::{Declared, Door};

use crate::app::{Answer, Somebody, TestApp};

/// An id that nothing ever had.
pub(crate) const NEVER: &str = "01a1f78e-44c2-7000-8000-000000000000";

/// A signed-in browser.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    /// `name=value`.
    pub(crate) cookie: String,
    /// What its forms carry.
    pub(crate) csrf: String,
}

/// What a request proves itself with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proves<'p> {
    /// With nothing.
    Nobody,
    /// With an API token.
    Token(&'p str),
    /// With a session's cookie.
    Browser(&'p Browser),
}

/// Signs in without a page: what is tested is what comes afterwards.
pub(crate) async fn browser(app: &TestApp, org: &Org, somebody: &Somebody) -> Browser {
    browser_from(app, org, somebody, "127.0.0.1", false).await
}

/// The same from an address, remembered or not.
pub(crate) async fn browser_from(
    app: &TestApp,
    org: &Org,
    somebody: &Somebody,
    address: &str,
    remember: bool,
) -> Browser {
    let attempt = Attempt {
        identifier: somebody.email.clone(),
        password: somebody.password.clone(),
        remember,
        address: address.to_owned(),
        user_agent: "test".to_owned(),
        hints: ClientHints::default(),
        request_id: "test".to_owned(),
        devices: Vec::new(),
        earlier: None,
    };
    let secret = app.app.sign_in(org, attempt).await.unwrap().secret;
    Browser { cookie: format!("muster-{}={}", org.id, secret.reveal()), csrf: secret.derived("csrf") }
}

/// Where a route leads when its parameters are filled.
pub(crate) fn address(route: &Declared, slug: &str, id: &str) -> String {
    let values = [
        ("{slug}", slug),
        ("{id}", id),
        ("{name}", "auditor"),
        ("{action}", "suspend"),
        ("{session}", NEVER),
        ("{user}", NEVER),
        ("{child}", NEVER),
        ("{token}", NEVER),
        ("{device}", NEVER),
    ];
    let path = values.iter().fold(route.path.clone(), |path, (name, value)| path.replace(name, value));
    assert!(!path.contains('{'), "{path}: say in tests/matrix.rs what this parameter may be");
    path
}

/// A request to a declared route; `body` is for the API's writes, forms carry their token alone.
pub(crate) fn request(
    route: &Declared,
    slug: &str,
    id: &str,
    proves: Proves<'_>,
    body: &Value,
) -> Request<Body> {
    let mut request = Request::builder().method(route.method.clone()).uri(address(route, slug, id));
    let mut form = String::new();
    match proves {
        Proves::Nobody => {}
        Proves::Token(token) => request = request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        Proves::Browser(browser) => {
            request = request.header(header::COOKIE, &browser.cookie).header("x-csrf-token", &browser.csrf);
            form = crate::app::form(&[("csrf", &browser.csrf)]);
        }
    }
    if route.method == Method::GET {
        return request.body(Body::empty()).unwrap();
    }
    if route.door == Door::Console {
        let content_type = "application/x-www-form-urlencoded";
        return request.header(header::CONTENT_TYPE, content_type).body(Body::from(form)).unwrap();
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

/// Whether the console sent somebody away to sign in.
pub(crate) fn is_sent_to_sign_in(answer: &Answer) -> bool {
    let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
    // An organization's own address may read like the page.
    let page = to.strip_prefix("/o/").and_then(|rest| rest.split_once('/')).map_or("", |(_, page)| page);
    let is_led = answer.status.is_redirection() && (page == "sign-in" || page.starts_with("sign-in?"));
    // A form is kept until its person has signed in again.
    let is_kept = answer.status == 401 && answer.text.contains("<h1>You were signed out</h1>");
    is_led || is_kept
}

/// A body that a write of the API understands, made from what its document asks for.
pub(crate) fn plausible_body(route: &Declared) -> Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(web::openapi);
    let operation = &DOCUMENT["paths"][&route.path][route.method.as_str().to_lowercase()];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    example(&DOCUMENT, schema, "")
}

fn example(document: &Value, schema: &Value, name: &str) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return example(document, &document.pointer(&reference[1..]).unwrap().clone(), name);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    let empty = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&empty);
    let parts = schema["allOf"].as_array().unwrap_or(&empty);
    let mut object = Map::new();
    for part in parts {
        if let Value::Object(fields) = example(document, part, name) {
            object.extend(fields);
        }
    }
    for field in required.iter().filter_map(Value::as_str) {
        object.insert(field.to_owned(), example(document, &schema["properties"][field], field));
    }
    match (schema["type"].as_str(), name) {
        (_, "present_password") => json!(crate::app::PASSWORD),
        (_, "new_password") => json!("another-canyon-harbor"),
        (Some("string"), "role") => json!("auditor"),
        (Some("string"), "slug") => json!("acme-renamed"),
        (Some("string"), _) => json!("x"),
        (Some("array"), "scopes") => json!(["user:list"]),
        (Some("array"), _) => json!([]),
        (Some("boolean"), _) => json!(false),
        (Some("integer" | "number"), _) => json!(1),
        _ => Value::Object(object),
    }
}

/// Brings a user into a state that no operation leads to, and makes the program look at it.
pub(crate) async fn force(app: &TestApp, sql: &'static str, user: UserId) {
    let entry = EntryId(Uuid::from_u128(7));
    let proof = Proof { org: app.org.id, entry };
    let work = async move |connection: &mut store::Connection<'_>| {
        let changed = connection.execute(sql, &[store::Value::from(user)]).await?;
        Ok(Done::Commit(changed))
    };
    let changed = app.app.database().transaction(proof, Lane::Interactive, work, |_, _| ()).await.unwrap();
    assert_eq!(changed, 1, "{sql}");
    app.app.cache().forget_everything();
}

/// The text of an answer without what differs from request to request.
pub(crate) fn without_request_id(answer: &Answer) -> String {
    let id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("?");
    answer.text.replace(id, "(request id)")
}

/// Another organization with two people, for whoever must not see it.
pub(crate) async fn neighbour(app: &TestApp) -> (Arc<Org>, Somebody) {
    app.other_org("zeta").await
}
