//! API tokens: made, shown once, listed without the secret, ended by time and by hand, one's own alone.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, header},
};
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{Answer, TestApp},
    matrix::{Proves, browser, request},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn whoami(app: &TestApp, token: &str) -> Answer {
    app.call(Method::GET, "/whoami", token, Value::Null).await
}

on_both! {
    async fn a_token_is_shown_once_and_works_until_it_ends(app: TestApp) {
        let ana = app.person("Ana", Role::Auditor).await;
        let made = app.call(Method::POST, "/tokens", &ana.token, json!({"name": "Payroll", "days": 7, "scopes": ["*"]})).await.expect(201).json();
        let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
        assert!(secret.starts_with("mst_pat_") && secret.len() == 8 + 43 + 6, "{secret}");
        assert_eq!(whoami(&app, secret).await.expect(200).json()["user"], ana.id.to_string());
        let listed = app.call(Method::GET, "/tokens", secret, Value::Null).await.expect(200);
        assert!(!listed.text.contains(&secret[8..40]), "the secret shows");
        let items = listed.json()["items"].as_array().unwrap().clone();
        assert_eq!((items.len(), &items[0]["name"], &items[0]["id"], &items[0]["scopes"]), (2, &json!("Payroll"), &json!(id), &Value::Null));
        app.later(7 * DAY - Duration::from_secs(60));
        whoami(&app, secret).await.expect(200);
        app.later(Duration::from_secs(60));
        whoami(&app, secret).await.expect(401);
    }

    async fn a_revoked_token_is_dead_at_once(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let made = app.call(Method::POST, "/tokens", &ana.token, json!({"name": "one", "scopes": ["*"]})).await.expect(201).json();
        let secret = made["token"].as_str().unwrap();
        whoami(&app, secret).await.expect(200);
        let path = format!("/tokens/{}", made["id"].as_str().unwrap());
        let dry = format!("{path}?dry_run=true");
        app.call(Method::DELETE, &dry, &ana.token, Value::Null).await.expect(204);
        whoami(&app, secret).await.expect(200);
        app.call(Method::DELETE, &path, &ana.token, Value::Null).await.expect(204);
        whoami(&app, secret).await.expect(401);
        app.call(Method::DELETE, &path, &ana.token, Value::Null).await.expect(404);
        whoami(&app, &ana.token).await.expect(200);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events[events.len() - 2..], ["token.created", "token.revoked"]);
    }

    async fn a_token_can_revoke_itself(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let made = app.call(Method::POST, "/tokens", &ana.token, json!({"name": "one", "scopes": ["*"]})).await.expect(201).json();
        let secret = made["token"].as_str().unwrap();
        app.call(Method::DELETE, &format!("/tokens/{}", made["id"].as_str().unwrap()), secret, Value::Null).await.expect(204);
        whoami(&app, secret).await.expect(401);
    }

    async fn tokens_are_ones_own(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Owner).await, app.person("Bo", Role::Member).await);
        let made = app.call(Method::POST, "/tokens", &bo.token, json!({"name": "bo's", "scopes": ["*"]})).await.expect(201).json();
        let path = format!("/tokens/{}", made["id"].as_str().unwrap());
        app.call(Method::DELETE, &path, &ana.token, Value::Null).await.expect(404);
        let listed = app.call(Method::GET, "/tokens", &ana.token, Value::Null).await.expect(200);
        assert!(!listed.text.contains("bo's"));
        whoami(&app, made["token"].as_str().unwrap()).await.expect(200);
    }

    async fn what_a_token_may_do_follows_its_user(app: TestApp) {
        let ana = app.person("Ana", Role::Helpdesk).await;
        let token = app.token_for(ana.id, &["user:list", "user:purge"]).await;
        assert_eq!(whoami(&app, &ana.token).await.json()["permissions"].as_array().unwrap().len(), Role::Helpdesk.permissions().iter().count());
        whoami(&app, &token).await.expect(403);
        app.call(Method::GET, "/users", &token, Value::Null).await.expect(200);
        app.call(Method::DELETE, &format!("/users/{}/roles/helpdesk", ana.id), &app.owner.token, Value::Null).await.expect(200);
        app.call(Method::GET, "/users", &token, Value::Null).await.expect(403);
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "owner"})).await.expect(200);
        app.call(Method::GET, "/users", &token, Value::Null).await.expect(200);
        app.call(Method::GET, "/org", &token, Value::Null).await.expect(403);
    }

    async fn unacceptable_wishes_are_refused(app: TestApp) {
        for body in [
            json!({}), json!({"name": "x"}), json!({"name": "x", "scopes": []}), json!({"name": "x", "scopes": ["*", "user:list"]}), json!({"name": "", "scopes": ["*"]}), json!({"name": "x".repeat(101), "scopes": ["*"]}), json!({"name": "a\u{0}"}), json!({"name": 1}),
            json!({"name": "x", "days": 0, "scopes": ["*"]}), json!({"name": "x", "days": 367, "scopes": ["*"]}), json!({"name": "x", "days": -1}), json!({"name": "x", "days": "9"}),
            json!({"name": "x", "scopes": ["user:everything"]}), json!({"name": "x", "scopes": "user:list"}), json!({"name": "x", "scopes": [["user:list"]]}),
            json!({"name": "x", "user": app.owner.id}), json!({"name": "x", "expires_at": "2030-01-01"}),
        ] {
            app.post("/tokens", body).await.expect(422);
        }
        assert_eq!(app.get("/tokens").await.json()["items"].as_array().unwrap().len(), 1);
        app.post("/tokens", json!({"name": "x", "days": 366, "scopes": ["user:list", "user:list"]})).await.expect(201);
    }

    async fn the_same_request_makes_one_token_and_shows_it_once(app: TestApp) {
        let send = async || {
            let mut request = crate::app::api_request(Method::POST, "acme", "/tokens", &app.owner.token, &json!({"name": "once", "scopes": ["*"]}));
            request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
            app.send(request).await.expect(201).json()
        };
        let (first, again) = (send().await, send().await);
        assert_eq!(first["id"], again["id"]);
        assert!(first["token"].is_string() && again["token"].is_null());
        assert_eq!(app.get("/tokens").await.json()["items"].as_array().unwrap().len(), 2);
    }

    async fn no_secret_is_stored_and_no_answer_of_anybody_shows_one(app: TestApp) {
        let made = app.post("/tokens", json!({"name": "secret", "scopes": ["*"]})).await.expect(201).json();
        let secret = made["token"].as_str().unwrap()[8..].to_owned();
        let session = browser(&app, &app.org, &app.owner).await;
        let hash = "$argon2id$";
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            let answer = app.send(request(&route, "acme", &app.owner.id.to_string(), Proves::Browser(&session), &Value::Null)).await;
            let cookie = session.cookie.split_once('=').unwrap().1;
            for secret in [secret.as_str(), hash, cookie] {
                assert!(!answer.text.contains(secret), "{}: {secret}", route.path);
            }
        }
    }

    /// Every malformed proof is nobody's: 401, never an error of ours, never somebody.
    async fn malformed_tokens_are_nobodys(app: TestApp) {
        let good = app.owner.token.clone();
        let mut variants: Vec<Vec<u8>> = Vec::new();
        for at in 0..good.len() {
            let mut changed = good.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            variants.push([b"Bearer ", changed.as_slice()].concat());
            variants.push(format!("Bearer {}", &good[..at]).into_bytes());
        }
        for text in [
            String::new(), "Bearer".to_owned(), "Bearer ".to_owned(), good.clone(), format!("Basic {good}"), format!("bearer{good}"), format!("Token {good}"),
            format!("Bearer {good}{good}"), format!("Bearer {good},{good}"), format!("Bearer {good}x"), format!("Bearer \"{good}\""), format!("Bearer {}", good.to_uppercase()),
            format!("Bearer {}", "A".repeat(10_000)), format!("Bearer mst_pat_{}", "=".repeat(49)), "Bearer ../../etc/passwd".to_owned(), "Bearer null".to_owned(),
            "Bearer mst_pat_".to_owned(), "Bearer ' OR 1=1 --".to_owned(), format!("Bearer {} {good}", &good[..9]),
        ] {
            variants.push(text.into_bytes());
        }
        variants.extend([b"Bearer \xff\xfe\xfd".to_vec(), "Bearer mst_pat_äöü".as_bytes().to_vec(), [b"Bearer ", good.as_bytes(), b"\xff"].concat(), [b"Bearer\t", good.as_bytes()].concat()]);
        assert!(variants.len() > 130);
        for bytes in variants {
            let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
            let whoami = Request::get("/o/acme/api/v1/whoami").header(header::AUTHORIZATION, value).body(Body::empty()).unwrap();
            let answer = app.send(whoami).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{}", String::from_utf8_lossy(&bytes));
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer realm=\"muster\"");
        }
        whoami(&app, &good).await.expect(200);
    }

    async fn only_an_active_user_gets_tokens(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        let new = || ::app::tokens::NewToken { name: "x".to_owned(), scopes: vec!["*".to_owned()], days: 1, secret: None };
        let refused = app.app.create_token(&app.operator(), new(), Some(id.parse().unwrap())).await.unwrap_err();
        assert_eq!(refused.code(), "token.user_not_active");
        let service = app.post("/users", json!({"type": "service", "username": "robot", "responsible": app.owner.id})).await.expect(201).json();
        let token = app.token_for(service["id"].as_str().unwrap().parse().unwrap(), &[]).await;
        whoami(&app, &token).await.expect(200);
        app.post(&format!("/users/{}/suspend", service["id"].as_str().unwrap()), json!({"reason": "other"})).await.expect(200);
        whoami(&app, &token).await.expect(401);
    }
}
