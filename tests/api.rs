//! The HTTP of it: what refusals look like, methods, headers on every answer, the API's own pages.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use model::{Role, link};
use serde_json::{Value, json};
use web::{Door, Needs};

use crate::{
    app::{Answer, TestApp, api_request, send},
    matrix::{NEVER, Proves, address, browser, request},
};

/// Of every page that holds data; the API's own page may style itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

async fn ask(app: &TestApp, method: Method, path: &str) -> Answer {
    app.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
}

/// Asserts what every answer has, whatever it is.
fn check_headers(answer: &Answer, is_api: bool, what: &str) {
    let header =
        |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("cache-control"), "no-store", "{what}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("x-request-id").len(), 16, "{what}");
    for secret in ["server", "x-powered-by", "access-control-allow-origin"] {
        assert!(!answer.headers.contains_key(secret), "{what}: {secret}");
    }
    if !is_api {
        let policy = header("content-security-policy");
        if what.contains("/api/docs") {
            let is_ours = policy.starts_with("default-src 'none'; script-src 'self'; ");
            assert!(is_ours && policy.contains("frame-ancestors 'none'"), "{policy}");
        } else {
            assert_eq!(policy, POLICY, "{what}");
        }
        // The address of a page behind a link in a mail is itself a secret.
        let holds_secret = link::Purpose::ALL
            .iter()
            .any(|purpose| what.contains(&format!("/o/{{slug}}/{}/", purpose.path())));
        let referrer = if holds_secret { "no-referrer" } else { "same-origin" };
        assert_eq!((header("x-frame-options"), header("referrer-policy")), ("DENY", referrer), "{what}");
    }
    let is_problem = is_api && (answer.status.is_client_error() || answer.status.is_server_error());
    if is_problem {
        assert_eq!(header("content-type"), "application/problem+json", "{what}");
        let problem = answer.json();
        assert_eq!(
            (problem["status"].as_u64(), problem["request_id"].as_str()),
            (Some(answer.status.as_u16().into()), Some(header("x-request-id"))),
            "{what}"
        );
        assert!(
            problem["detail"].as_str().unwrap().ends_with(['.', '"', '?']),
            "{what}: {}",
            problem["detail"]
        );
        assert_eq!(
            problem["type"].as_str().unwrap(),
            format!("urn:muster:{}", problem["code"].as_str().unwrap()),
            "{what}"
        );
    }
}

on_both! {
    async fn a_refusal_is_a_problem_document(app: TestApp) {
        let mut problems = Vec::new();
        let ana = app.person("Ana", Role::Member).await;
        problems.push(app.post("/users", json!({"email": "nonsense", "phone": "x"})).await);
        problems.push(app.get(&format!("/users/{NEVER}")).await);
        problems.push(app.call(Method::GET, "/users", &ana.token, Value::Null).await);
        problems.push(app.call(Method::GET, "/users", "", Value::Null).await);
        problems.push(app.post(&format!("/users/{}/restore", ana.id), json!({})).await);
        let mut stale = api_request(Method::PATCH, "acme", &format!("/users/{}", ana.id), &app.owner.token, &json!({"title": "x"}));
        stale.headers_mut().insert("if-match", "\"9\"".parse().unwrap());
        problems.push(app.send(stale).await);
        problems.push(app.get("/users?limit=x").await);
        problems.push(app.call(Method::PATCH, "/users", &app.owner.token, json!({})).await);
        let shapes: Vec<Value> = problems.iter().map(|answer| {
            check_headers(answer, true, &answer.text);
            let mut problem = answer.json();
            problem["request_id"] = json!("(request id)");
            problem
        }).collect();
        insta::with_settings!({snapshot_suffix => ""}, { insta::assert_json_snapshot!("problems", shapes) });
    }

    async fn every_answer_has_its_headers(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let mut ids = BTreeSet::new();
        let mut count = 0;
        for route in web::declared() {
            let is_api = address(&route, "acme", NEVER).contains("/api/v1/");
            for proves in [Proves::Nobody, Proves::Token(&app.owner.token), Proves::Browser(&session)] {
                if route.path.ends_with("/sign-out") {
                    continue;
                }
                let answer = app.send(request(&route, "acme", NEVER, proves, &json!({}))).await;
                check_headers(&answer, is_api, &format!("{} {}: {} {}", route.method, route.path, answer.status, answer.text.chars().take(300).collect::<String>()));
                count += 1;
                ids.insert(answer.headers["x-request-id"].clone().to_str().unwrap().to_owned());
            }
        }
        assert_eq!(ids.len(), count, "every request has an id of its own");
        for (path, is_api) in [("/nowhere", false), ("/o/acme/api/v1/nowhere", true), ("/o/acme/nowhere", false), ("/o/nowhere/api/v1/users", true), ("/assets/nowhere.css", false)] {
            let answer = ask(&app, Method::GET, path).await.expect(404);
            check_headers(&answer, is_api, path);
        }
    }

    /// What a policy without inline scripts and styles would block is not there in the first place.
    async fn pages_have_nothing_inline_and_ask_nothing_outside(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        let mut pages = 0;
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET && !route.path.contains("/api/")) {
            for proves in [Proves::Nobody, Proves::Browser(&session)] {
                let answer = app.send(request(&route, "acme", &id, proves, &Value::Null)).await;
                let is_page = answer.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
                if !is_page {
                    continue;
                }
                pages += 1;
                let text = answer.text.trim_start().to_lowercase();
                for inline in [" style=", "<style", " onclick=", " onload=", " onerror=", " onsubmit=", "javascript:", "<script>", "<base", "<iframe", "src=\"http", "src=\"//", "href=\"http", "action=\"http", "@import"] {
                    assert!(!text.contains(inline), "{} has {inline}", route.path);
                }
                assert!(text.starts_with("<!doctype html>") && text.contains("<html lang=") && text.contains("<title>"), "{}", route.path);
                assert!(text.matches("<script").count() == text.matches("<script type=\"module\" src=\"/assets/").count(), "{}", route.path);
            }
        }
        assert!(pages > 15, "{pages}");
    }

    async fn wrong_methods_and_unknown_paths_are_told(app: TestApp) {
        let routes = web::declared();
        for route in routes.iter().filter(|route| !route.path.contains("{name}")) {
            let path = address(route, "acme", NEVER);
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let known = |other: &web::Declared| address(other, "acme", NEVER) == path && other.method == method;
                if routes.iter().any(known) {
                    continue;
                }
                let answer = app.send(api_request(method.clone(), "acme", "", "", &Value::Null)).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND);
                let answer = ask(&app, method.clone(), &path).await;
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {}", answer.text);
                let allowed = answer.headers.get(header::ALLOW).map_or("", |allow| allow.to_str().unwrap());
                assert!(allowed.contains(route.method.as_str()) && !allowed.contains(method.as_str()), "{method} {path} allows {allowed}");
            }
        }
        for path in ["/o/acme/api/v1", "/o/acme/api/v1/", "/o/acme/api/v2/users", "/o/acme/api/v1/users/", "/o/acme/api/v1//users", "/o//api/v1/users", "/o/acme/api/v1/users/../users"] {
            let answer = app.send(Request::get(path).header("authorization", format!("Bearer {}", app.owner.token)).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text);
        }
    }

    async fn head_is_get_without_a_body_and_options_opens_nothing(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            let get = app.send(request(&route, "acme", NEVER, Proves::Browser(&session), &Value::Null)).await;
            let mut head = request(&route, "acme", NEVER, Proves::Browser(&session), &Value::Null);
            *head.method_mut() = Method::HEAD;
            let head = app.send(head).await;
            assert_eq!((head.status, head.headers.get(header::CONTENT_TYPE)), (get.status, get.headers.get(header::CONTENT_TYPE)), "{}", route.path);
            let mut preflight = Request::builder().method(Method::OPTIONS).uri(address(&route, "acme", NEVER)).body(Body::empty()).unwrap();
            preflight.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
            preflight.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
            let answer = app.send(preflight).await;
            assert!(answer.status.is_client_error(), "{}: {}", route.path, answer.status);
            assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{}", route.path);
        }
    }

    async fn the_api_describes_itself_to_anybody(app: TestApp) {
        let document = ask(&app, Method::GET, "/o/acme/api/v1/openapi.json").await.expect(200);
        assert_eq!(document.json(), web::openapi());
        assert!(document.json()["openapi"].as_str().unwrap().starts_with("3.1"));
        let page = ask(&app, Method::GET, "/o/acme/api/docs").await.expect(200);
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("connect-src 'self'"), "{policy}");
        assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
        let scripts: Vec<&str> = page.text.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(scripts.len() >= 2);
        for script in scripts {
            let asset = ask(&app, Method::GET, script).await.expect(200);
            // Kept for good under its version, except by whoever is changing it.
            let keep = asset.headers["cache-control"].to_str().unwrap();
            assert!(keep.contains("immutable") || (cfg!(debug_assertions) && keep == "no-cache"), "{script}: {keep}");
            assert!(asset.headers["content-type"].to_str().unwrap().contains("javascript"), "{script}");
        }
    }

    async fn https_is_insisted_on_where_it_is_used(app: TestApp) {
        let https = web::router(web::Options::new("https://id.example/"), app.app.clone());
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            let answer = send(&https, request(&route, "acme", NEVER, Proves::Nobody, &Value::Null)).await;
            assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000", "{}", route.path);
            let plain = app.send(request(&route, "acme", NEVER, Proves::Nobody, &Value::Null)).await;
            assert!(!plain.headers.contains_key("strict-transport-security"), "{}", route.path);
        }
    }

    /// Caps and clear refusals for every parameter of lists, whoever asks and however long it is.
    async fn long_and_repeated_parameters_cost_nothing(app: TestApp) {
        let long = "x".repeat(60_000);
        for query in [format!("search={long}"), format!("status={long}"), format!("sort={long}"), format!("page_token={long}"), format!("role={long}"), format!("limit={long}"), format!("{long}=1"), "search=a&".repeat(5_000), "status=active,".to_owned() + &"active,".repeat(8_000)] {
            let answer = app.get(&format!("/users?{query}")).await;
            assert!(matches!(answer.status.as_u16(), 200 | 400 | 414 | 422), "{}: {}", &query[..20], answer.status);
        }
        for token in ["", "%00", "null", "eyJpZCI6MX0", "AAAA", "%ff", "' OR 1=1 --"] {
            let answer = app.get(&format!("/users?page_token={}", token.replace(' ', "%20"))).await;
            assert!(token.is_empty() || answer.status == StatusCode::BAD_REQUEST, "{token}: {}", answer.text);
        }
    }

    async fn every_route_says_who_may_and_nothing_is_open_by_accident(app: TestApp) {
        drop(app);
        let mut open: Vec<String> = web::declared().into_iter().filter(|route| !matches!(route.needs, Needs::Permission(_))).map(|route| format!("{} {}", route.method, route.path)).collect();
        let mut expected = ["GET /o/{slug}/api/v1/openapi.json", "GET /o/{slug}/api/docs", "GET /", "POST /", "GET /setup/{name}", "POST /setup/{name}", "POST /setup/password-strength", "POST /o/{slug}/password-strength", "GET /o/{slug}/sign-in", "POST /o/{slug}/sign-in",
            "GET /find-organization", "POST /find-organization", "GET /o/{slug}/forgot-password", "POST /o/{slug}/forgot-password", "GET /o/{slug}/reset-password/{name}", "POST /o/{slug}/reset-password/{name}",
            "GET /o/{slug}/unlock/{name}", "POST /o/{slug}/unlock/{name}", "GET /o/{slug}/verify-email/{name}", "POST /o/{slug}/verify-email/{name}", "GET /o/{slug}/undo-email/{name}", "POST /o/{slug}/undo-email/{name}",
            "GET /o/{slug}/invitation/{name}", "POST /o/{slug}/invitation/{name}", "POST /o/{slug}/invitation/{name}/renew", "POST /o/{slug}/invitation/{name}/begun", "GET /o/{slug}/activation/{name}", "POST /o/{slug}/activation/{name}", "POST /o/{slug}/activation/{name}/renew", "POST /o/{slug}/activation/{name}/begun",
            "GET /o/{slug}/not-me/{name}", "POST /o/{slug}/not-me/{name}", "GET /demo/mailbox", "GET /demo/mailbox/{id}", "GET /demo/mailbox/{id}/html", "GET /.well-known/change-password"];
        open.sort();
        expected.sort_unstable();
        assert_eq!(open, expected, "another open route is a decision: write it here");
        let guessable = web::declared().into_iter().filter(|route| route.door == Door::Console && route.method == Method::POST && route.path.contains("password") && !route.path.contains("{id}"));
        for route in guessable {
            let expected = if route.path.ends_with("-strength") { web::Rate::Typed } else { web::Rate::Limited };
            assert_eq!(route.rate, expected, "{}", route.path);
        }
    }
}
