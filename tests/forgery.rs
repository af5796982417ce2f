//! Requests that somebody else made: forms of other sites, other people's forms, cookies that never were any.

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, StatusCode, header},
};
use model::Role;
use serde_json::{Value, json};
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, PASSWORD, TestApp, form, form_request},
    matrix::{
        Browser, NEVER, Proves, address, browser, is_sent_to_sign_in, neighbour, plausible_body, request,
    },
    signin::page,
};

fn writes(door: Door) -> Vec<Declared> {
    let routes = web::declared().into_iter();
    routes
        .filter(|route| {
            route.door == door && route.method != Method::GET && matches!(route.needs, Needs::Permission(_))
        })
        .collect()
}

async fn entries(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM audit_entries").await
}

/// A form with every field that any of ours has, so that only the token can be what is missing.
fn filled_form(csrf: Option<&str>) -> String {
    let mut fields = vec![
        ("given_name", "Eve"),
        ("family_name", "Evil"),
        ("email", "eve@evil.example"),
        ("username", "eve"),
        ("password_choice", "none"),
        ("reason", "left"),
        ("note", ""),
        ("confirm", "olivia@acme.example"),
        ("name", "Evil"),
        ("slug", "evil"),
        ("roles", "owner"),
        ("days", "30"),
        ("present_password", PASSWORD),
        ("new_password", "evil-canyon-harbor"),
        ("repeat_password", "evil-canyon-harbor"),
        ("version", "1"),
    ];
    fields.extend(csrf.map(|csrf| ("csrf", csrf)));
    form(&fields)
}

on_both! {
    async fn a_form_without_its_sessions_token_does_nothing(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        let (mine, others) = (browser(&app, &app.org, &app.owner).await, browser(&app, &app.org, &ana).await);
        let (zeta, otto) = neighbour(&app).await;
        let foreign = browser(&app, &zeta, &otto).await;
        let target = app.create("Tess", "Target", "tess@acme.example").await;
        let before = entries(&app).await;
        let wrong = [None, Some(""), Some("x"), Some(others.csrf.as_str()), Some(foreign.csrf.as_str()), Some(mine.cookie.split_once('=').unwrap().1)];
        for route in writes(Door::Console) {
            for token in wrong {
                let answer = app.send(form_request(&address(&route, "acme", &target), &mine.cookie, &filled_form(token))).await;
                // A form of another session may have been open for long: it is shown once more, and still does nothing.
                let is_another_sessions = token.is_some_and(|token| token.len() == mine.csrf.len());
                let is_shown_again = is_another_sessions && matches!(answer.status.as_u16(), 404 | 409 | 422);
                assert!(answer.status == StatusCode::FORBIDDEN || is_shown_again, "{} {token:?}: {} {}", route.path, answer.status, answer.text);
            }
            let twice = format!("{}&csrf={}", filled_form(Some("x")), mine.csrf);
            let answer = app.send(form_request(&address(&route, "acme", &target), &mine.cookie, &twice)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}: the first token counts", route.path);
        }
        for route in writes(Door::Api) {
            for token in wrong {
                let bad = Browser { cookie: mine.cookie.clone(), csrf: token.unwrap_or_default().to_owned() };
                let answer = app.send(request(&route, "acme", &target, Proves::Browser(&bad), &plausible_body(&route))).await;
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "form.foreign"), "{} {}", route.method, route.path);
            }
        }
        assert_eq!(entries(&app).await, before);
        page(&app, "/account", &mine.cookie).await.expect(200);
    }

    /// Even with the right token: what a browser says comes from another site is refused, signing in included.
    async fn what_another_site_sends_does_nothing(app: TestApp) {
        let mine = browser(&app, &app.org, &app.owner).await;
        let target = app.create("Tess", "Target", "tess@acme.example").await;
        let before = entries(&app).await;
        let send = async |path: &str, headers: &[(&'static str, &'static str)]| {
            let fields = filled_form(Some(&mine.csrf)) + "&" + &form(&[("identifier", app.owner.email.as_str()), ("password", PASSWORD)]);
            let mut request = form_request(path, &mine.cookie, &fields);
            request.headers_mut().remove("sec-fetch-site");
            request.headers_mut().insert("host", HeaderValue::from_static("id.acme.example"));
            for (name, value) in headers {
                request.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            app.send(request).await
        };
        let mut paths: Vec<String> = writes(Door::Console).iter().map(|route| address(route, "acme", &target)).collect();
        paths.extend(["/o/acme/sign-in".to_owned(), "/".to_owned()]);
        for path in &paths {
            for headers in [
                [("sec-fetch-site", "cross-site"), ("origin", "https://id.acme.example")], [("sec-fetch-site", "same-site"), ("origin", "https://evil.acme.example")],
                [("sec-fetch-site", "nonsense"), ("x-y", "z")], [("origin", "https://evil.example"), ("x-y", "z")], [("origin", "null"), ("x-y", "z")],
                [("origin", "https://id.acme.example.evil.example"), ("x-y", "z")], [("origin", "https://id.acme.example:8443"), ("x-y", "z")],
            ] {
                let answer = send(path, &headers).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}: {}", answer.text);
                assert!(answer.headers.get(header::SET_COOKIE).is_none());
            }
        }
        assert_eq!(entries(&app).await, before);
        send("/o/acme/sign-in", &[("origin", "https://id.acme.example")]).await.expect(303);
        send("/o/acme/sign-in", &[("sec-fetch-site", "same-origin")]).await.expect(303);
    }

    /// A page can't be made to change something by looking at it.
    async fn reading_changes_nothing(app: TestApp) {
        let mine = browser(&app, &app.org, &app.owner).await;
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        let before = (entries(&app).await, app.get(&format!("/users/{id}")).await.text);
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            for extra in ["", "?dry_run=false", "?_method=POST", "?confirm=tess@acme.example&reason=left"] {
                let path = address(&route, "acme", &id) + extra;
                for method in [Method::GET, Method::HEAD] {
                    let mut asked = Request::builder().method(method).uri(&path).header(header::COOKIE, &mine.cookie).body(Body::empty()).unwrap();
                    asked.headers_mut().insert("x-http-method-override", HeaderValue::from_static("POST"));
                    let answer = app.send(asked).await;
                    assert!(!answer.status.is_server_error(), "{path}: {}", answer.text);
                }
            }
        }
        assert_eq!((entries(&app).await, app.get(&format!("/users/{id}")).await.text), before);
    }

    /// Every malformed cookie is nobody's: sent to sign in, never an error of ours, never somebody.
    async fn malformed_cookies_are_nobodys(app: TestApp) {
        let mine = browser(&app, &app.org, &app.owner).await;
        let (name, secret) = mine.cookie.split_once('=').unwrap();
        let mut variants: Vec<Vec<u8>> = Vec::new();
        for at in 0..secret.len() {
            let mut changed = secret.to_owned().into_bytes();
            // The last of 43 characters carries four bits: change the first, which always counts.
            changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
            variants.push([name.as_bytes(), b"=", &changed].concat());
            variants.push(format!("{name}={}", &secret[..at]).into_bytes());
            variants.push(format!("{name}={}%{}", &secret[..at], &secret[at..]).into_bytes());
        }
        for text in [
            String::new(), ";".to_owned(), "=".to_owned(), name.to_owned(), format!("{name}="), format!("{name}=="), format!("{name}=\"{secret}\""), format!("{name}={secret}="),
            format!("{name}={secret}{secret}"), format!("{name}= {secret}"), format!("x{name}={secret}"), format!("{name}x={secret}"), format!("{}={secret}", name.to_uppercase()),
            format!("muster={secret}"), format!("muster-={secret}"), format!("muster-acme={secret}"), format!("__Host-{name}={secret}"), format!("{name}={}", "A".repeat(10_000)),
            format!("{name}={}", "=".repeat(43)), format!("{name}=../../etc/passwd"), format!("{name}=' OR 1=1 --"), format!("{name}=null; {name}={secret}"), format!("{name}=a;{name}=b"),
            ";".repeat(5_000), format!("{name}={}", app.owner.id), format!("{name}={NEVER}"), format!("{name}={}", "%00".repeat(14)), format!("{name}[]={secret}"),
        ] {
            variants.push(text.into_bytes());
        }
        variants.extend([[name.as_bytes(), b"=\xff\xfe"].concat(), "muster-ä=ö".as_bytes().to_vec(), [mine.cookie.as_bytes(), b"\xff"].concat(), [b"\xff; ", mine.cookie.as_bytes()].concat()]);
        assert!(variants.len() > 150);
        let ask = async |path: &str, value: HeaderValue| {
            app.send(Request::get(path).header(header::COOKIE, value).body(Body::empty()).unwrap()).await
        };
        for bytes in variants {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
            let what = String::from_utf8_lossy(&bytes).chars().take(100).collect::<String>();
            let api: Answer = ask("/o/acme/api/v1/whoami", value.clone()).await;
            assert_eq!((api.status.as_u16(), api.code().as_str()), (401, "unauthenticated"), "{what}");
            let console = ask("/o/acme/users", value.clone()).await;
            assert!(is_sent_to_sign_in(&console), "{what}: {}", console.status);
            ask("/o/acme/sign-in", value.clone()).await.expect(200);
            ask("/", value).await.expect(200);
        }
        ask("/o/acme/api/v1/whoami", HeaderValue::from_str(&format!("a=b; {}; c=d", mine.cookie)).unwrap()).await.expect(200);
    }

    /// NUL and line ends can't even be sent as a header; in addresses and bodies they get a clear answer.
    async fn strange_bytes_get_a_clear_answer_on_every_route(app: TestApp) {
        let mine = browser(&app, &app.org, &app.owner).await;
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        for route in web::declared() {
            for strange in ["%00", "%ff%fe", "%0d%0a", "..%2f..%2f", "%252e", "a%20b", &"x".repeat(2_000), "';--", "{id}", "%F0%9F%99%82"] {
                if !route.path.contains("{id}") && !route.path.contains("{name}") {
                    continue;
                }
                let path = route.path.replace("{slug}", "acme").replace("{id}", strange).replace("{name}", strange).replace("{id}", "x");
                let Ok(uri) = path.parse::<axum::http::Uri>() else { continue };
                let mut request = form_request("/", &mine.cookie, &form(&[("csrf", &mine.csrf)]));
                (*request.uri_mut(), *request.method_mut()) = (uri, route.method.clone());
                request.headers_mut().insert("x-csrf-token", mine.csrf.parse().unwrap());
                let answer = app.send(request).await;
                assert!(answer.status.is_client_error(), "{} {path}: {} {}", route.method, answer.status, answer.text);
            }
            // A deletion takes no body; whatever comes with one is not looked at.
            if matches!(route.method, Method::GET | Method::DELETE) || route.path.ends_with("/sign-out") {
                continue;
            }
            for body in [b"\xff\xfe\x00".to_vec(), b"{".to_vec(), b"\0".to_vec(), b"csrf".to_vec(), vec![b'['; 100_000], vec![b'a'; 1_100_000], b"a=%ff&b=%00&%".to_vec()] {
                let mut asked = request(&route, "acme", &id, Proves::Browser(&mine), &Value::Null);
                *asked.body_mut() = Body::from(body.clone());
                let answer = app.send(asked).await;
                // Whoever can't get in is answered alike, whatever was typed; and every password has a strength.
                let is_alike = answer.status == 200 && ["/find-organization", "/o/{slug}/forgot-password"].contains(&route.path.as_str());
                let is_alike = is_alike || answer.status == 200 && route.path.ends_with("/password-strength");
                // What an export shall hold stands in the address: it takes no body either.
                let is_alike = is_alike || answer.status == 200 && route.path.ends_with("/api/v1/account/activity/export")
                    || answer.status == 200 && route.path.ends_with("/api/v1/users/{id}/activity/export");
                assert!(is_alike || answer.status.is_client_error(), "{} {}: {} {}", route.method, route.path, answer.status, String::from_utf8_lossy(&body[..body.len().min(40)]));
            }
        }
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["version"], json!(1));
    }
}
