//! Links in mail are made of the configured address: whatever host a request names, on every route that may mail.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use model::{Role, grant::GrantTerms, role::Scope};
use serde_json::{Value, json};
use web::{Declared, Door};

use crate::{
    addresses::verification,
    app::{PASSWORD, TestApp, form},
    matrix::{Proves, address, browser, plausible_body, request},
    recovery::{NEW, reset_secret, secret_in},
};

/// What names a host, for some proxy or some program.
const HEADERS: [&str; 12] = [
    "host",
    "x-forwarded-host",
    "forwarded",
    "x-forwarded-server",
    "x-host",
    "x-original-host",
    "x-http-host-override",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "referer",
];
const EVIL: &str = "evil.example";

/// The same request, which says to have come by way of the attacker.
fn poisoned(mut request: Request<Body>) -> Request<Body> {
    for name in HEADERS {
        let value = match name {
            "forwarded" => format!("for=192.0.2.1;host={EVIL};proto=https"),
            "referer" | "x-original-url" | "x-rewrite-url" => format!("https://{EVIL}/o/acme/"),
            "x-forwarded-proto" => "gopher".to_owned(),
            "x-forwarded-prefix" => format!("/{EVIL}"),
            _ => EVIL.to_owned(),
        };
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    // As a browser on our own page says.
    request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    request
}

/// What must be posted where, so that a route mails: id in the path, name in the path, fields.
struct Cause {
    id: String,
    name: String,
    body: Value,
    /// As whom: `None` is nobody.
    by: Option<crate::app::Somebody>,
}

/// Brings about that the route mails when it is called; `None` where a plausible request must do.
async fn cause(app: &TestApp, route: &Declared, number: usize) -> Option<Cause> {
    let name = format!("Person{number}");
    let owner = app.owner.clone();
    let ana = app.person(&name, Role::Member).await;
    let email = ana.email.clone();
    let end = route.path.rsplit("/api/v1").next().unwrap_or_default().trim_start_matches("/o/{slug}");
    let by_owner = |body: Value| Cause {
        id: ana.id.to_string(),
        name: "owner".to_owned(),
        body,
        by: Some(owner.clone()),
    };
    let by_nobody = |name: String, body: Value| Cause { id: String::new(), name, body, by: None };
    let twice = json!({"new_password": NEW, "repeat_password": NEW});
    let own = |body: Value| Cause { id: String::new(), name: String::new(), body, by: Some(ana.clone()) };
    let change = json!({"present_password": PASSWORD, "new_password": NEW, "repeat_password": NEW});
    let is_put = route.method == Method::PUT;
    Some(match end {
        "/find-organization" => {
            let secret = reset_secret(app, &ana).await;
            crate::recovery::reset(app, &secret, NEW).await.expect(303);
            by_nobody(String::new(), json!({"email": email}))
        }
        "/forgot-password" => by_nobody(String::new(), json!({"identifier": email})),
        "/sign-in" => {
            for number in 0..19 {
                let attempt = ::app::signin::Attempt {
                    identifier: email.clone(),
                    password: "wrong".to_owned(),
                    remember: false,
                    address: format!("203.0.113.{number}"),
                    user_agent: String::new(),
                    hints: model::device::ClientHints::default(),
                    request_id: String::new(),
                    devices: Vec::new(),
                    earlier: None,
                };
                assert!(app.app.sign_in(&app.org, attempt).await.is_err());
            }
            by_nobody(String::new(), json!({"identifier": email, "password": "wrong-canyon-harbor"}))
        }
        "/reset-password/{name}" => by_nobody(reset_secret(app, &ana).await, twice),
        "/verify-email/{name}" => {
            by_nobody(verification(app, &ana, &format!("new{number}@acme.example")).await, json!({}))
        }
        "/undo-email/{name}" => {
            let secret = verification(app, &ana, &format!("new{number}@acme.example")).await;
            crate::addresses::confirm(app, &secret).await.expect(200);
            by_nobody(secret_in(&app.mail_to(&email).await, "undo-email"), twice)
        }
        "/change-password" | "/account/password" if route.door == Door::Console => own(change),
        "/account/password" => own(json!({"present_password": PASSWORD, "new_password": NEW})),
        "/account/email" => {
            own(json!({"email": format!("wish{number}@acme.example"), "present_password": PASSWORD}))
        }
        "/account/email/verify" => own(json!({})),
        "/users/{id}/set-password" if route.door == Door::Console => by_owner(json!({"way": "generated"})),
        "/users/{id}/set-password" | "/users/{id}/send-reset-link" => by_owner(json!({})),
        "/users/{id}/edit" => by_owner(json!({
            "email": format!("moved{number}@acme.example"), "seen": json!({"email": email}).to_string(),
        })),
        "/users/{id}" => by_owner(json!({"email": format!("moved{number}@acme.example")})),
        "/users/{id}/roles" if is_put => by_owner(json!({"roles": ["owner"]})),
        "/users/{id}/roles" if route.door == Door::Api => by_owner(json!({"role": "owner"})),
        "/users/{id}/roles" => by_owner(json!({"roles": "owner"})),
        "/users/{id}/roles/{name}" => {
            let granted = app
                .app
                .grant_role(&app.operator(), ana.id, Role::Owner.into(), Scope::Org, GrantTerms::default())
                .await;
            granted.unwrap();
            by_owner(Value::Null)
        }
        "/users" => {
            let fields = json!({"given_name": "Eve", "email": format!("eve{number}@acme.example"), "roles": ["owner"]});
            by_owner(fields)
        }
        "/tokens" => own(json!({"name": "Nightly", "scopes": ["*"]})),
        "/account/tokens/new" => own(json!({"name": "Nightly", "days": "30", "scopes": "*"})),
        "/users/{id}/tokens" | "/users/{id}/tokens/new" => {
            let robot = json!({"type": "service", "username": format!("robot{number}"), "email": format!("robot{number}@acme.example"), "responsible": app.owner.id});
            let robot = app.post("/users", robot).await.expect(201).json();
            let id = robot["id"].as_str().unwrap().to_owned();
            let body = if route.door == Door::Api {
                json!({"name": "Nightly", "days": 30, "scopes": ["*"]})
            } else {
                json!({"name": "Nightly", "days": "30", "scopes": "*"})
            };
            Cause { id, ..by_owner(body) }
        }
        "/users/{id}/activate" => {
            let id = app.create("Stan", "Staged", &format!("staged{number}@acme.example")).await;
            Cause { id, ..by_owner(json!({})) }
        }
        _ => return None,
    })
}

on_both! {
    async fn zitadel_cve_2023_49097_and_three_more_no_header_changes_a_link(app: TestApp) {
        let routes: Vec<Declared> = web::declared().into_iter().filter(|route| route.mails).collect();
        assert!(routes.len() > 20, "{}", routes.len());
        let mut silent = Vec::new();
        for (number, route) in routes.iter().enumerate() {
            let what = format!("{} {}", route.method, route.path);
            let cause = cause(&app, route, number).await;
            app.worked().await;
            let before = app.mails().await.len();
            app.later(Duration::from_millis(1));
            let body = match &cause { Some(cause) => cause.body.clone(), None => plausible_body(route) };
            let by = match &cause { Some(cause) => cause.by.clone(), None => Some(app.owner.clone()) };
            let id = cause.as_ref().map_or(crate::matrix::NEVER, |cause| &cause.id);
            let session = match &by { Some(by) => Some(browser(&app, &app.org, by).await), None => None };
            let proves = match (&session, &by, route.door) {
                (Some(session), _, Door::Console) => Proves::Browser(session),
                (_, Some(by), Door::Api) => Proves::Token(&by.token),
                _ => Proves::Nobody,
            };
            let mut sent = request(route, "acme", id, proves, &body);
            if let Some(cause) = &cause && !cause.name.is_empty() {
                let path = address(route, "acme", id).replace("auditor", &cause.name);
                *sent.uri_mut() = path.parse().unwrap();
            }
            if route.door == Door::Console {
                let mut fields: Vec<(&str, &str)> = body.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
                if let Some(session) = &session {
                    fields.push(("csrf", &session.csrf));
                }
                *sent.body_mut() = Body::from(form(&fields));
            }
            let answer = app.send(poisoned(sent)).await;
            assert!(!answer.status.is_server_error(), "{what}: {}", answer.text);
            let mails = app.worked().await;
            let new = &mails[..mails.len() - before];
            if cause.is_some() && new.is_empty() {
                silent.push(format!("{what}: {} {}", answer.status, answer.headers.get("location").map_or("", |to| to.to_str().unwrap())));
            }
            for letter in new {
                for text in [&letter.text, &letter.html, &letter.subject, &letter.from_name, &letter.message_id] {
                    assert!(!text.contains("evil") && !text.contains("gopher"), "{what}: {text}");
                    for (_, rest) in text.match_indices("://").map(|(at, _)| text.split_at(at)) {
                        assert!(rest.starts_with("://localhost:8080/"), "{what}: {rest}");
                    }
                }
            }
            assert!(!answer.text.contains(EVIL), "{what}");
        }
        assert!(silent.is_empty(), "did not mail:\n{}", silent.join("\n"));
    }
}
