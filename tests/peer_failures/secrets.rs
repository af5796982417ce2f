//! Links, tokens and cookies that opened what they were not made for, or after their time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::{Role, session::Secret};
use serde_json::{Value, json};
use store::testing::fail_commits;

use crate::{
    app::{Empty, PASSWORD, TestApp, api_request, form, form_request, send},
    matrix::{Proves, browser, request},
    signin::{holds, page, submit},
};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn whoami(app: &TestApp, token: &str) -> u16 {
    app.send(api_request(Method::GET, "acme", "/whoami", token, &Value::Null)).await.status.as_u16()
}

on_both! {
    /// A token of one flow was good for another with more rights.
    async fn authentik_cve_2022_23555_a_secret_opens_its_own_door_only(app: TestApp) {
        let empty = Empty::new(app.app.database().engine()).await;
        let link = empty.app.new_setup_link().await.unwrap().unwrap();
        let session = browser(&app, &app.org, &app.owner).await;
        let cookie = Secret::parse(session.cookie.split_once('=').unwrap().1).unwrap();
        let token = model::token::parse(&app.owner.token).unwrap();
        for secret in [&link, &cookie, &token] {
            let set_up = send(&web::router(web::Options::new("http://localhost"), app.app.clone()), form_request(&format!("/setup/{}", secret.reveal()), "", &form(&[("name", "x")]))).await;
            assert!(matches!(set_up.status.as_u16(), 404 | 410 | 422), "{}", set_up.status);
        }
        assert!(!holds(&app, &format!("muster-{}={}", app.org.id, link.reveal())).await);
        assert!(!holds(&app, &format!("muster-{}={}", app.org.id, token.reveal())).await);
        assert_eq!(whoami(&app, &model::token::reveal(&link)).await, 401);
        assert_eq!(whoami(&app, &model::token::reveal(&cookie)).await, 401);
        assert_eq!(app.count("SELECT count(*) FROM orgs").await, 1);
    }

    /// What had expired went on until somebody tidied up. Here nobody ever tidies up.
    async fn authentik_cve_2025_64708_the_end_is_checked_at_use(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let token = app.call(Method::POST, "/tokens", &ana.token, json!({"name": "short", "days": 1, "scopes": ["*"]})).await.expect(201).json();
        let session = browser(&app, &app.org, &ana).await;
        let temporary = app.person("Ted", Role::Member).await;
        app.post(&format!("/users/{}/set-password", temporary.id), json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "auditor", "valid_until": "2026-11-20T20:00:00Z"})).await.expect(200);
        let guest = app.person("Gus", Role::Member).await;
        app.patch(&format!("/users/{}", guest.id), json!({"valid_until": "2026-11-20T20:00:00Z"})).await.expect(200);
        app.later(12 * HOUR + Duration::from_secs(1));
        app.call(Method::GET, "/users", &ana.token, Value::Null).await.expect(403);
        assert!(!holds(&app, &session.cookie).await);
        assert_eq!(whoami(&app, &guest.token).await, 401);
        app.later(12 * HOUR);
        assert_eq!(whoami(&app, token["token"].as_str().unwrap()).await, 401);
        app.later(48 * HOUR);
        submit(&app, &temporary.email, "temporary-canyon-harbor", false).await.expect(422);
    }

    /// A restart forgot what had been revoked.
    async fn keycloak_cve_2026_9802_a_restart_brings_nothing_back(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let (out, kept) = (browser(&app, &app.org, &ana).await, browser(&app, &app.org, &bo).await);
        let made = app.call(Method::POST, "/tokens", &ana.token, json!({"name": "x", "scopes": ["*"]})).await.expect(201).json();
        app.call(Method::DELETE, &format!("/tokens/{}", made["id"].as_str().unwrap()), &ana.token, Value::Null).await.expect(204);
        app.send(form_request("/o/acme/sign-out", &out.cookie, &form(&[("csrf", &out.csrf)]))).await.expect(200);
        app.app.close().await;
        let (_again, router) = app.second().await;
        let ask = async |proof: (header::HeaderName, String)| {
            let request = Request::get("/o/acme/api/v1/whoami").header(proof.0, proof.1);
            send(&router, request.body(Body::empty()).unwrap()).await.status.as_u16()
        };
        assert_eq!(ask((header::COOKIE, out.cookie.clone())).await, 401);
        assert_eq!(ask((header::AUTHORIZATION, format!("Bearer {}", made["token"].as_str().unwrap()))).await, 401);
        assert_eq!(ask((header::COOKIE, kept.cookie.clone())).await, 200);
        assert_eq!(ask((header::AUTHORIZATION, format!("Bearer {}", ana.token))).await, 200);
    }

    /// With one kind of storage, ending a session ended nothing.
    async fn authentik_cve_2025_29928_ending_a_session_ends_it_on_either_engine(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
        app.send(form_request("/o/acme/sign-out", &session.cookie, &form(&[("csrf", &session.csrf)]))).await.expect(200);
        assert_eq!((app.count("SELECT count(*) FROM sessions").await, holds(&app, &session.cookie).await), (0, false));
        app.app.cache().forget_everything();
        assert!(!holds(&app, &session.cookie).await);
    }

    /// Secrets stood in lists that people could read.
    async fn authentik_cve_2026_40166_no_role_reads_a_secret(app: TestApp) {
        app.post("/tokens", json!({"name": "zq", "scopes": ["*"]})).await.expect(201);
        for role in Role::ALL {
            let somebody = app.person(&format!("P{}", role.as_str().replace('_', "")), *role).await;
            let session = browser(&app, &app.org, &somebody).await;
            for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
                let answer = app.send(request(&route, "acme", &app.owner.id.to_string(), Proves::Browser(&session), &Value::Null)).await;
                for secret in ["$argon2", "argon2id", "\"hash\"", "\"secret\"", &session.cookie[40..], PASSWORD] {
                    assert!(!answer.text.contains(secret), "{role} reads {secret} at {}", route.path);
                }
                let shown = answer.text.matches("mst_pat_").count();
                assert!(shown == 0 || route.path.contains("tokens") || route.path.contains("openapi"), "{role}: {}", route.path);
            }
        }
    }

    /// The id of a session went on for whoever signed in next.
    async fn keycloak_cve_2026_7507_2025_12390_every_sign_in_is_a_session_of_its_own(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let elsewhere = app.sign_in(&app.owner.email, PASSWORD).await.unwrap();
        let first = app.sign_in(&app.owner.email, PASSWORD).await.unwrap();
        let fields = form(&[("identifier", &ana.email), ("password", PASSWORD)]);
        let answer = app.send(form_request("/o/acme/sign-in", &first, &fields)).await.expect(303);
        let second = answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_ne!(first, second);
        assert_eq!(page(&app, "/api/v1/whoami", &second).await.json()["user"], ana.id.to_string());
        app.send(form_request("/o/acme/sign-out", &second, &form(&[("csrf", &Secret::parse(second.split_once('=').unwrap().1).unwrap().derived("csrf"))]))).await.expect(200);
        assert!(!holds(&app, &second).await);
        // The browser has one session at most; those of other browsers go on.
        assert!(!holds(&app, &first).await);
        assert_eq!(page(&app, "/api/v1/whoami", &elsewhere).await.json()["user"], app.owner.id.to_string());
    }

    /// Sending nothing led past a step.
    async fn authentik_cve_2026_49443_no_step_is_skipped(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.post(&format!("/users/{}/set-password", ana.id), json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        let cookie = app.sign_in(&ana.email, "temporary-canyon-harbor").await.unwrap();
        let csrf = Secret::parse(cookie.split_once('=').unwrap().1).unwrap().derived("csrf");
        for fields in [String::new(), form(&[("csrf", &csrf)]), form(&[("csrf", &csrf), ("new_password", "another-canyon-harbor"), ("repeat_password", "another-canyon-harbor")]), form(&[("csrf", &csrf), ("present_password", "temporary-canyon-harbor")])] {
            let answer = app.send(form_request("/o/acme/change-password", &cookie, &fields)).await;
            assert!(matches!(answer.status.as_u16(), 403 | 422), "{fields}: {}", answer.status);
            let elsewhere = page(&app, "/account", &cookie).await.expect(303);
            assert_eq!(elsewhere.headers[header::LOCATION], "/o/acme/change-password");
        }
        for fields in [String::new(), form(&[("identifier", "")]), form(&[("password", PASSWORD)]), form(&[("identifier", &ana.email)])] {
            let answer = app.send(form_request("/o/acme/sign-in", "", &fields)).await.expect(422);
            assert!(!answer.headers.contains_key(header::SET_COOKIE));
        }
    }

    /// A malformed cookie went around the check.
    async fn authentik_cve_2026_25748_a_broken_cookie_is_no_cookie(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        for cookie in ["\"", "a=\"b; c\"", "=;=;=", "muster-", &session.cookie.replace('=', "=="), &session.cookie.replace('=', ":"), &session.cookie[..session.cookie.len() - 1], &format!("{}%00", session.cookie)] {
            assert!(!holds(&app, cookie).await, "{cookie}");
            page(&app, "/users", cookie).await.expect(303);
        }
    }

    /// One person's data stood in another's answer when many asked at once.
    async fn grafana_cve_2022_39328_nobodys_answer_is_anothers(app: TestApp) {
        let mut people = Vec::new();
        for number in 0..8 {
            people.push(app.person(&format!("Canary{number}x"), if number % 2 == 0 { Role::Auditor } else { Role::Member }).await);
        }
        let ask = async |number: usize| {
            let somebody = &people[number % people.len()];
            let path = ["/whoami", "/account", "/users/01a1f78e-44c2-7000-8000-000000000000", "/nowhere"][number / people.len() % 4];
            let answer = app.send(api_request(Method::GET, "acme", path, &somebody.token, &Value::Null)).await;
            for other in people.iter().filter(|other| other.id != somebody.id) {
                assert!(!answer.text.contains(&other.id.to_string()) && !answer.text.contains(&other.email), "{path}: {}", answer.text);
            }
            assert_eq!(answer.status.is_success(), path == "/whoami" || path == "/account");
            if answer.status.is_success() {
                assert!(answer.text.contains(&somebody.id.to_string()), "{path}");
            }
        };
        for _ in 0..4 {
            futures_util::future::join_all((0..256).map(ask)).await;
        }
    }

    /// Revoking answered that all was well although the database had failed.
    async fn ory_fosite_cve_2020_15223_a_failed_revocation_is_no_success(app: TestApp) {
        if app.app.database().engine() != crate::app::Engine::Sqlite {
            // How a lost connection is told is tried where connections are cut: tests/nodes.rs and crates/store/tests.
            return;
        }
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        fail_commits(app.app.database(), true).await;
        let out = app.send(form_request("/o/acme/sign-out", &session.cookie, &form(&[("csrf", &session.csrf)]))).await;
        assert_eq!(out.status.as_u16(), 503, "{}", out.text);
        assert!(!out.headers.contains_key(header::SET_COOKIE), "the browser must not believe it either");
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "security"})).await.expect(503);
    }
}
