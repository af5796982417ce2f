//! Signing in and what follows from it: cookies, the password that must be changed, how long a session lasts.
//!
//! What a refusal tells is `enumeration.rs`, how often one may try `lockout.rs`, what ends a session `sessions.rs`.

use std::time::Duration;

use ::app::hashing;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use model::{Org, Role};
use serde_json::{Value, json};

use crate::{
    app::{Answer, Engine, PASSWORD, Somebody, TestApp, form, form_request, send},
    patience::eventually,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends the form as a browser does.
pub(crate) async fn submit(app: &TestApp, identifier: &str, password: &str, remember: bool) -> Answer {
    let mut fields = vec![("identifier", identifier), ("password", password)];
    if remember {
        fields.push(("remember", "on"));
    }
    app.send(form_request("/o/acme/sign-in", "", &form(&fields))).await
}

/// The cookie of an answer: `name=value` and its attributes.
fn cookie(answer: &Answer) -> (String, String) {
    let line = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let (pair, attributes) = line.split_once(';').unwrap();
    (pair.to_owned(), attributes.to_owned())
}

pub(crate) async fn page(app: &TestApp, path: &str, cookie: &str) -> Answer {
    let request = Request::get(format!("/o/acme{path}")).header(header::COOKIE, cookie);
    app.send(request.body(Body::empty()).unwrap()).await
}

/// The status of the cheapest question that needs a session.
pub(crate) async fn holds(app: &TestApp, cookie: &str) -> bool {
    match page(app, "/api/v1/whoami", cookie).await.status.as_u16() {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// Waits until the use that was just made of a session is noted, behind its request.
async fn noted(app: &TestApp) {
    let now = model::Clock::now(&*app.clock).micros();
    let read = async |connection: &mut store::Connection<'_>| {
        connection.one::<(i64,)>("SELECT max(last_active_at) FROM sessions", &[]).await
    };
    eventually("the use is noted", async || app.app.database().read(read).await.unwrap().0 >= now).await;
}

/// The token of a page's forms.
fn csrf(answer: &Answer) -> String {
    let (_, rest) = answer.text.split_once("name=\"csrf\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

/// A temporary password set by the owner, and the browser that signed in with it.
async fn with_temporary(app: &TestApp, name: &str) -> (Somebody, String) {
    let ana = app.person(name, Role::Member).await;
    let set = app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200).json();
    (ana, set["temporary_password"].as_str().unwrap().to_owned())
}

on_both! {
    async fn a_person_signs_in_by_username_or_email_and_out_again(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for identifier in [ana.email.as_str(), ana.username.as_str(), " ANA@ACME.example ", "Ana.Person"] {
            let answer = submit(&app, identifier, &ana.password, false).await.expect(303);
            assert_eq!(answer.headers[header::LOCATION], "/o/acme/", "{identifier}");
            let (cookie, _) = cookie(&answer);
            assert!(holds(&app, &cookie).await);
            page(&app, "/account", &cookie).await.expect(200);
            let form_of_page = csrf(&page(&app, "/account", &cookie).await);
            let out = app.send(form_request("/o/acme/sign-out", &cookie, &form(&[("csrf", &form_of_page)]))).await.expect(200);
            assert!(out.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
            assert!(!holds(&app, &cookie).await, "the cookie is dead, not only forgotten");
        }
        let shown = app.get(&format!("/users/{}", ana.id)).await.json();
        assert_eq!(shown["last_sign_in_method"], "password");
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "session.started").count(), 4);
    }

    async fn the_cookie_is_for_this_host_and_no_script(app: TestApp) {
        let answer = submit(&app, &app.owner.email, PASSWORD, false).await.expect(303);
        let (pair, attributes) = cookie(&answer);
        assert!(pair.starts_with(&format!("muster-{}=", app.org.id)), "{pair}");
        assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax");
        let options = web::Options { sign_ins_per_minute: 1_000_000, ..web::Options::new("https://id.example") };
        let https = web::router(options, app.app.clone());
        let form = form(&[("identifier", &app.owner.email), ("password", PASSWORD)]);
        let answer = send(&https, form_request("/o/acme/sign-in", "", &form)).await.expect(303);
        let (pair, attributes) = cookie(&answer);
        assert!(pair.starts_with(&format!("__Host-muster-{}=", app.org.id)), "{pair}");
        assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(answer.headers[header::STRICT_TRANSPORT_SECURITY].to_str().unwrap().starts_with("max-age="));
        let ask = |name: &str| {
            let cookie = format!("{name}{}={}", app.org.id, pair.split_once('=').unwrap().1);
            let request = Request::get("/o/acme/api/v1/whoami").header(header::COOKIE, cookie);
            send(&https, request.body(Body::empty()).unwrap())
        };
        ask("__Host-muster-").await.expect(200);
        ask("muster-").await.expect(401);
    }

    async fn a_page_is_shown_again_after_signing_in(app: TestApp) {
        let away = page(&app, "/users?status=locked", "").await.expect(303);
        let to = away.headers[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(to, "/o/acme/sign-in?to=%2Fo%2Facme%2Fusers%3Fstatus%3Dlocked");
        let fields = form(&[("identifier", &app.owner.email), ("password", PASSWORD)]);
        let back = app.send(form_request(&to, "", &fields)).await.expect(303);
        assert_eq!(back.headers[header::LOCATION], "/o/acme/users?status=locked");
        for outside in ["//evil.example", "https://evil.example/", "/o/other/users", "/o/acme/../../evil", "javascript:alert(1)", "/\\evil.example", "/o/acme/%0d%0aX:1"] {
            let to = format!("/o/acme/sign-in?{}", form(&[("to", outside)]));
            let answer = app.send(form_request(&to, "", &fields)).await.expect(303);
            let to = answer.headers[header::LOCATION].to_str().unwrap();
            assert!(to.starts_with("/o/acme/") && !to.contains("evil.example"), "{outside}: {to}");
        }
    }

    async fn a_temporary_password_must_be_changed_before_anything_else(app: TestApp) {
        let (ana, temporary) = with_temporary(&app, "Ana").await;
        let answer = submit(&app, &ana.email, &temporary, false).await.expect(303);
        assert_eq!(answer.headers[header::LOCATION], "/o/acme/change-password");
        let (cookie_before, _) = cookie(&answer);
        let elsewhere = page(&app, "/account", &cookie_before).await.expect(303);
        assert_eq!(elsewhere.headers[header::LOCATION], "/o/acme/change-password");
        let question = page(&app, "/change-password", &cookie_before).await.expect(200);
        let token = csrf(&question);
        let change = async |present: &str, wanted: &str, again: &str| {
            let fields = form(&[("csrf", &token), ("present_password", present), ("new_password", wanted), ("repeat_password", again)]);
            app.send(form_request("/o/acme/change-password", &cookie_before, &fields)).await
        };
        change("wrong-canyon-harbor", "another-canyon-harbor", "another-canyon-harbor").await.expect(422);
        change(&temporary, &temporary, &temporary).await.expect(422);
        change(&temporary, "short", "short").await.expect(422);
        change(&temporary, "another-canyon-harbor", "another-canyon-harbour").await.expect(422);
        change(&temporary, &ana.email, &ana.email).await.expect(422);
        let done = change(&temporary, "another-canyon-harbor", "another-canyon-harbor").await.expect(303);
        let (cookie_after, _) = cookie(&done);
        assert_ne!(cookie_before, cookie_after);
        assert!(!holds(&app, &cookie_before).await && holds(&app, &cookie_after).await);
        page(&app, "/account", &cookie_after).await.expect(200);
        submit(&app, &ana.email, &temporary, false).await.expect(422);
        submit(&app, &ana.email, "another-canyon-harbor", false).await.expect(303);
    }

    async fn a_temporary_password_ends_after_72_hours(app: TestApp) {
        let (ana, temporary) = with_temporary(&app, "Ana").await;
        app.later(72 * HOUR - MINUTE);
        submit(&app, &ana.email, &temporary, false).await.expect(303);
        app.later(MINUTE);
        submit(&app, &ana.email, &temporary, false).await.expect(422);
        app.patch("/org", json!({"settings": {"password": {"temporary_hours": 1}}})).await.expect(200);
        let (bo, temporary) = with_temporary(&app, "Bo").await;
        app.later(HOUR);
        submit(&app, &bo.email, &temporary, false).await.expect(422);
    }

    async fn an_unused_session_ends_after_half_an_hour(app: TestApp) {
        let (left, used) = (app.sign_in(&app.owner.email, PASSWORD).await.unwrap(), app.sign_in(&app.owner.email, PASSWORD).await.unwrap());
        app.later(30 * MINUTE - Duration::from_secs(1));
        assert!(holds(&app, &used).await);
        noted(&app).await;
        app.later(Duration::from_secs(1));
        assert!(!holds(&app, &left).await);
        assert!(holds(&app, &used).await, "use keeps it");
        page(&app, "/users", &left).await.expect(303);
    }

    async fn no_use_keeps_a_session_beyond_twelve_hours(app: TestApp) {
        let cookie = app.sign_in(&app.owner.email, PASSWORD).await.unwrap();
        for _ in 0..47 {
            app.later(15 * MINUTE);
            assert!(holds(&app, &cookie).await);
            noted(&app).await;
        }
        app.later(15 * MINUTE - Duration::from_secs(1));
        assert!(holds(&app, &cookie).await);
        noted(&app).await;
        app.later(Duration::from_secs(1));
        assert!(!holds(&app, &cookie).await);
    }

    async fn a_remembered_session_lasts_days(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (used, attributes) = cookie(&submit(&app, &ana.email, PASSWORD, true).await.expect(303));
        assert!(attributes.ends_with(&format!("; Max-Age={}", 30 * 24 * 60 * 60)), "{attributes}");
        let (left, _) = cookie(&submit(&app, &ana.email, PASSWORD, true).await.expect(303));
        app.later(14 * DAY - Duration::from_secs(1));
        assert!(holds(&app, &used).await);
        noted(&app).await;
        app.later(Duration::from_secs(1));
        assert!(!holds(&app, &left).await && holds(&app, &used).await);
        app.later(13 * DAY);
        assert!(holds(&app, &used).await);
        app.later(3 * DAY);
        assert!(!holds(&app, &used).await, "30 days are over");
    }

    async fn nobody_with_power_is_remembered(app: TestApp) {
        for role in Role::ALL.iter().filter(|role| **role != Role::Member) {
            let ana = app.person(&format!("A{}", role.as_str().replace('_', "")), *role).await;
            let (cookie, attributes) = cookie(&submit(&app, &ana.email, PASSWORD, true).await.expect(303));
            assert!(!attributes.contains("Max-Age"), "{role}: {attributes}");
            app.later(30 * MINUTE);
            assert!(!holds(&app, &cookie).await, "{role}");
        }
        app.patch("/org", json!({"settings": {"session": {"remember": false}}})).await.expect(200);
        let bo = app.person("Bo", Role::Member).await;
        let (_, attributes) = cookie(&submit(&app, &bo.email, PASSWORD, true).await.expect(303));
        assert!(!attributes.contains("Max-Age"), "{attributes}");
        assert!(!page(&app, "/sign-in", "").await.text.contains("name=\"remember\""));
    }

    /// A remembered session was a member's: who gets more rights signs in anew.
    async fn a_remembered_session_ends_when_its_person_gets_power(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (remembered, _) = cookie(&submit(&app, &ana.email, PASSWORD, true).await.expect(303));
        let (ordinary, _) = cookie(&submit(&app, &ana.email, PASSWORD, false).await.expect(303));
        assert!(holds(&app, &remembered).await && holds(&app, &ordinary).await);
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "helpdesk"})).await.expect(200);
        assert!(!holds(&app, &remembered).await && holds(&app, &ordinary).await);
    }

    async fn no_session_outlives_the_account(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.patch(&format!("/users/{}", ana.id), json!({"valid_until": "2026-11-20T10:00:00Z"})).await.expect(200);
        let (cookie, _) = cookie(&submit(&app, &ana.email, PASSWORD, true).await.expect(303));
        app.later(HOUR);
        assert!(holds(&app, &cookie).await);
        app.later(HOUR);
        assert!(!holds(&app, &cookie).await);
    }

    async fn every_sign_in_makes_a_cookie_of_its_own(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let planted = format!("muster-{}={}", app.org.id, "A".repeat(43));
        let fields = form(&[("identifier", &ana.email), ("password", PASSWORD)]);
        let (first, _) = cookie(&app.send(form_request("/o/acme/sign-in", &planted, &fields)).await.expect(303));
        assert!(first != planted && !holds(&app, &planted).await);
        // The next person at the same browser gets nothing of the one before.
        let fields = form(&[("identifier", &app.owner.email), ("password", PASSWORD)]);
        let (second, _) = cookie(&app.send(form_request("/o/acme/sign-in", &first, &fields)).await.expect(303));
        assert_ne!(first, second);
        assert_eq!(page(&app, "/api/v1/whoami", &second).await.json()["user"], app.owner.id.to_string());
        assert!(!holds(&app, &first).await, "a browser has one session in an organization");
        let already = page(&app, "/sign-in", &second).await.expect(303);
        assert_eq!(already.headers[header::LOCATION], "/o/acme/");
    }

    async fn one_browser_is_signed_in_to_several_organizations(app: TestApp) {
        let (zeta, otto): (std::sync::Arc<Org>, Somebody) = app.other_org("zeta").await;
        let here = app.sign_in(&app.owner.email, PASSWORD).await.unwrap();
        let fields = form(&[("identifier", &otto.email), ("password", PASSWORD)]);
        let (there, _) = cookie(&app.send(form_request("/o/zeta/sign-in", &here, &fields)).await.expect(303));
        assert!(there.starts_with(&format!("muster-{}=", zeta.id)));
        let both = format!("{here}; {there}");
        let front = app.send(Request::get("/").header(header::COOKIE, &both).body(Body::empty()).unwrap()).await.expect(200);
        assert!(front.text.contains("/o/acme/") && front.text.contains("/o/zeta/"), "{}", front.text);
        let token = csrf(&page(&app, "/account", &both).await);
        app.send(form_request("/o/acme/sign-out", &both, &form(&[("csrf", &token)]))).await.expect(200);
        assert!(!holds(&app, &both).await);
        let request = Request::get("/o/zeta/api/v1/whoami").header(header::COOKIE, &both).body(Body::empty()).unwrap();
        app.send(request).await.expect(200);
    }

    async fn a_service_user_and_an_unknown_door_are_no_way_in(app: TestApp) {
        app.post("/users", json!({"type": "service", "username": "robot", "responsible": app.owner.id})).await.expect(201);
        for password in ["", "x", PASSWORD] {
            submit(&app, "robot", password, false).await.expect(422);
        }
        let get = form(&[("identifier", &app.owner.email), ("password", PASSWORD)]);
        let answer = page(&app, &format!("/sign-in?{get}"), "").await;
        assert!(answer.headers.get(header::SET_COOKIE).is_none() && answer.status == StatusCode::OK, "a link signs nobody in");
        app.call(Method::POST, "/sign-in", "", json!({"identifier": app.owner.email, "password": PASSWORD})).await.expect(404);
        app.call(Method::GET, "/whoami", "", Value::Null).await.expect(401);
    }

    /// The session has begun by then: whoever has signed in is not sent away because a stronger hash could not be saved.
    async fn a_sign_in_stands_if_its_password_can_not_be_hashed_anew(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let stronger = hashing::Options { threads: 2, memory: 128, passes: 1, queue: 1024 };
        let router = app.hashing_with(stronger);
        let sign_in = async || {
            let fields = form(&[("identifier", &ana.email), ("password", PASSWORD)]);
            let answer = send(&router, form_request("/o/acme/sign-in", "", &fields)).await.expect(303);
            assert!(holds(&app, &cookie(&answer).0).await);
        };
        let stronger = async || app.count("SELECT count(*) FROM credentials WHERE hash LIKE '%m=128%'").await;
        app.force(match app.app.database().engine() {
            Engine::Sqlite => vec!["CREATE TRIGGER refused BEFORE UPDATE OF hash ON credentials BEGIN SELECT RAISE(ABORT, 'no'); END"],
            Engine::Postgres => vec![
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
                "CREATE TRIGGER refused BEFORE UPDATE OF hash ON credentials FOR EACH ROW EXECUTE FUNCTION refuse()",
            ],
        }).await;
        sign_in().await;
        assert_eq!(stronger().await, 0);
        app.force(match app.app.database().engine() {
            Engine::Sqlite => vec!["DROP TRIGGER refused"],
            Engine::Postgres => vec!["DROP TRIGGER refused ON credentials"],
        }).await;
        sign_in().await;
        assert_eq!(stronger().await, 1);
    }
}
