//! What HTTP itself says of requests (RFC 9110, RFC 9112), and the one rule for the page sizes and searches of all lists.

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, Version, header},
};
use serde_json::{Value, json};
use web::Door;

use crate::{
    app::{TestApp, api_request, send_as_is},
    matrix::{Proves, browser, request},
};

on_both! {
    async fn a_request_names_one_host(app: TestApp) {
        let paths = ["/", "/o/acme/sign-in", "/o/acme/api/v1/whoami", "/nowhere", "/assets/nothing.css"];
        for path in paths {
            for (hosts, fine) in [
                (&[][..], false), (&["a.example", "a.example"], false), (&["a.example", "b.example"], false), (&["a b"], false), (&["me@a.example"], false),
                (&["a.example/x"], false), (&["a.example"], true), (&["a.example:8080"], true), (&["[::1]:80"], true), (&[""], true),
            ] {
                let mut asked = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {}", app.owner.token)).body(Body::empty()).unwrap();
                for host in hosts {
                    asked.headers_mut().append(header::HOST, HeaderValue::from_str(host).unwrap());
                }
                let answer = send_as_is(&app.router, asked).await;
                assert_eq!(answer.status != 400, fine, "{path} {hosts:?}: {} {}", answer.status, answer.text);
            }
            let mut old = Request::get(path).body(Body::empty()).unwrap();
            *old.version_mut() = Version::HTTP_10;
            assert_ne!(send_as_is(&app.router, old).await.status, 400, "{path}");
        }
    }

    /// What a request says once for all is said once: neither the first nor the last of two is what was meant.
    async fn a_field_that_counts_is_sent_once(app: TestApp) {
        let id = app.create("Ana", "Kim", "ana@acme.example").await;
        for (name, values, code) in [
            ("idempotency-key", ["a", "b"], "idempotency.malformed"),
            ("idempotency-key", ["a", "a"], "idempotency.malformed"),
            ("if-match", ["\"1\"", "*"], "if_match.malformed"),
            ("if-match", ["*", "\"9\""], "if_match.malformed"),
        ] {
            let mut asked = api_request(Method::PATCH, "acme", &format!("/users/{id}"), &app.owner.token, &json!({"title": "Lead"}));
            for value in values {
                asked.headers_mut().append(name, HeaderValue::from_static(value));
            }
            assert_eq!(app.send(asked).await.expect(400).code(), code, "{name} {values:?}");
        }
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["version"], 1);
    }

    async fn the_names_of_schemes_have_no_case(app: TestApp) {
        let token = &app.owner.token;
        for (value, status) in [
            (format!("bearer {token}"), 200), (format!("BEARER {token}"), 200), (format!("bEaReR   {token}"), 200), (format!("Bearer\t{token}"), 401),
            (format!("Bearer{token}"), 401), (token.clone(), 401), (format!("Basic {token}"), 401), (format!("Bearer {}", token.to_uppercase()), 401),
        ] {
            let asked = Request::get("/o/acme/api/v1/whoami").header(header::AUTHORIZATION, &value).body(Body::empty()).unwrap();
            app.send(asked).await.expect(status);
        }
        let asked = Request::get("/o/acme/api/v1/whoami").header(header::AUTHORIZATION, format!("Bearer {token}")).header(header::AUTHORIZATION, format!("Bearer {token}"));
        app.send(asked.body(Body::empty()).unwrap()).await.expect(401);
    }

    async fn every_list_has_the_same_limits(app: TestApp) {
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        let group = app.post("/groups", serde_json::json!({"name": "Team", "owners": [app.owner.id]})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let mut lists = 0;
        for route in web::declared().into_iter().filter(|route| route.door == Door::Api) {
            let Some(name) = route.query.iter().find(|name| matches!(name.as_str(), "limit" | "page_size")) else { continue };
            lists += 1;
            let about = if route.path.contains("/groups/{id}") { &group } else { &id };
            let path = request(&route, "acme", about, Proves::Nobody, &Value::Null).uri().path().strip_prefix("/o/acme/api/v1").unwrap().replace("/access/auditor/", "/access/user:read/");
            for limit in ["1", "50", "200"] {
                app.get(&format!("{path}?{name}={limit}")).await.expect(200);
            }
            for limit in ["0", "201", "-1", "+5", "abc", "", "1.5", "65536", "99999999999999999999", "%30", "5%20"] {
                let answer = app.get(&format!("{path}?{name}={limit}")).await.expect(422).json();
                assert_eq!(answer["errors"], serde_json::json!([{"field": name, "code": "page.limit", "message": "Ask for 1 to 200 rows."}]), "{path} {limit}");
            }
        }
        assert!(lists >= 10, "{lists}");
    }

    async fn a_search_is_at_most_200_characters_at_every_door(app: TestApp) {
        let signed_in = browser(&app, &app.org, &app.owner).await;
        let group = app.post("/groups", serde_json::json!({"name": "Team", "owners": [app.owner.id]})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let (fine, long) = ("é".repeat(200), "é".repeat(201));
        let mut doors = 0;
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET && route.query.iter().any(|name| name == "search")) {
            doors += 1;
            let path = request(&route, "acme", &group, Proves::Nobody, &Value::Null).uri().path().strip_prefix("/o/acme/api/v1").unwrap().to_owned();
            app.get(&format!("{path}?search={fine}")).await.expect(200);
            assert_eq!(app.get(&format!("{path}?search={long}")).await.expect(422).json()["errors"][0]["code"], "search.too_long", "{path}");
        }
        assert!(doors >= 4, "{doors}");
        for path in ["/users?q=", "/users?search=", "/groups?q=", "/groups?search=", "/invitations?q=", "/invitations?search=", "/account/groups?q=", "/account/groups?search=", &format!("/groups/{group}/members/add?q=")] {
            let page = |text: &str| Request::get(format!("/o/acme{path}{text}")).header(header::COOKIE, &signed_in.cookie).body(Body::empty()).unwrap();
            let (fits, is_refused) = (app.send(page(&fine)).await, app.send(page(&long)).await);
            assert_eq!(fits.status, 200, "{path}: {}", fits.text);
            if !fits.text.contains(&fine) {
                continue;
            }
            assert_eq!(is_refused.status, 422, "{path}: {}", is_refused.text);
            assert!(is_refused.text.contains("Search for at most 200 characters."), "{path}");
        }
    }
}
