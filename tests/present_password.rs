//! Whoever is in a session must not find out its password by guessing: at every door that asks for it, twenty wrong ones
//! end the session or the token. And no stranger's failures stand in the way of whoever is in.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use model::Role;
use serde_json::json;
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, PASSWORD, Somebody, TestApp, form, form_request, send},
    matrix::{Browser, browser, plausible_body},
    patience::eventually,
    signin::holds,
};

const WRONG: &str = "wrong-canyon-harbor";

/// The doors that ask for the present password: of the API by their documents, of the console by their forms.
async fn doors(app: &TestApp, browser: &Browser) -> Vec<Declared> {
    let mut doors = Vec::new();
    for route in web::declared() {
        let is_plain = route.path.matches('{').count() == 1;
        if !is_plain || !matches!(route.needs, Needs::Permission(_)) {
            continue;
        }
        let asks = match (route.door, route.method.clone()) {
            (Door::Api, method) if method != Method::GET => {
                plausible_body(&route).get("present_password").is_some()
            }
            (Door::Console, Method::POST) => {
                let path = route.path.replace("/o/{slug}", "");
                let page = crate::signin::page(app, &path, &browser.cookie).await;
                page.text.contains("name=\"present_password\"")
            }
            _ => false,
        };
        if asks {
            doors.push(route);
        }
    }
    doors
}

/// Sends a wrong present password there, from an address of its own.
async fn guess(app: &TestApp, door: &Declared, browser: &Browser, from: usize) -> Answer {
    let path = door.path.replace("{slug}", "acme");
    let mut request = if door.door == Door::Api {
        let mut body = plausible_body(door);
        body["present_password"] = json!(WRONG);
        if body.get("email").is_some() {
            body["email"] = json!("other@acme.example");
        }
        Request::builder()
            .method(door.method.clone())
            .uri(&path)
            .header(header::COOKIE, &browser.cookie)
            .header("x-csrf-token", &browser.csrf)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into())
            .unwrap()
    } else {
        let fields = [
            ("csrf", browser.csrf.as_str()),
            ("present_password", WRONG),
            ("new_password", "another-canyon-harbor"),
            ("repeat_password", "another-canyon-harbor"),
            ("email", "other@acme.example"),
            ("name", "Nightly"),
            ("days", "30"),
            ("scope", "account:read"),
            ("access", "chosen"),
        ];
        form_request(&path, &browser.cookie, &form(&fields))
    };
    let peer: SocketAddr = format!("[2001:db8:{from:x}::1]:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    send(&app.router, request).await
}

async fn session_of(app: &TestApp, who: &Somebody) -> Browser {
    let session = browser(app, &app.org, who).await;
    // A proof of the password from the sign-in would answer in place of what is typed.
    app.later(Duration::from_secs(11 * 60));
    session
}

on_both! {
    /// Those who count tries and those who forget them took the same rows in different orders: a rescue waited for the
    /// database to break the circle, until its time was over.
    async fn tries_in_flight_do_not_hold_a_rescue_up(app: TestApp) {
        let app = Arc::new(app);
        for number in 0..3 {
            let ana = app.person(&format!("Ana{number}"), Role::Member).await;
            let browser = browser(&app, &app.org, &ana).await;
            let (stop, tried) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
            let mut callers = Vec::new();
            for caller in 0..24 {
                let (server, browser) = (app.router.clone(), browser.clone());
                let (stop, tried) = (stop.clone(), tried.clone());
                callers.push(tokio::spawn(async move {
                    let mut worst = 200;
                    for turn in 0.. {
                        if stop.load(SeqCst) {
                            break;
                        }
                        let (path, body) = if caller % 2 == 0 {
                            ("email", json!({"email": format!("new{caller}.{turn}@acme.example"), "present_password": PASSWORD}))
                        } else {
                            ("password", json!({"present_password": PASSWORD, "new_password": "short"}))
                        };
                        let request = Request::post(format!("/o/acme/api/v1/account/{path}"))
                            .header(header::COOKIE, &browser.cookie)
                            .header("x-csrf-token", &browser.csrf)
                            .header(header::CONTENT_TYPE, "application/json")
                            .body(Body::from(body.to_string()));
                        worst = worst.max(send(&server, request.unwrap()).await.status.as_u16());
                        tried.fetch_add(1, SeqCst);
                    }
                    worst
                }));
            }
            eventually("some were tried", async || tried.load(SeqCst) >= 100).await;
            app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200);
            stop.store(true, SeqCst);
            for caller in callers {
                assert!(caller.await.unwrap() < 500);
            }
            assert!(!holds(&app, &browser.cookie).await);
        }
    }

    async fn twenty_wrong_ones_end_the_session_at_every_door(app: TestApp) {
        let look = app.person("Look", Role::Member).await;
        let doors = doors(&app, &session_of(&app, &look).await).await;
        let named: Vec<&str> = doors.iter().map(|door| door.path.rsplit('/').next().unwrap()).collect();
        assert!(named.contains(&"password") && named.contains(&"email") && named.contains(&"new"), "{named:?}");
        assert!(doors.iter().any(|door| door.door == Door::Api), "{named:?}");
        for (number, door) in doors.iter().enumerate() {
            let ana = app.person(&format!("Ana{number}"), Role::Member).await;
            let (session, other) = (session_of(&app, &ana).await, session_of(&app, &ana).await);
            for from in 1..=60 {
                guess(&app, door, &session, from).await;
                // Neither another address nor waiting begins a new count.
                if from % 10 == 0 {
                    app.later(Duration::from_secs(60));
                }
                assert_eq!(holds(&app, &session.cookie).await, from < 20, "{}, after {from}", door.path);
                if from == 20 {
                    break;
                }
            }
            assert!(holds(&app, &other.cookie).await, "{}: only the session in which they were typed", door.path);
            let events = app.events(&ana.id.to_string()).await;
            assert_eq!(events.last().unwrap(), "session.ended", "{}", door.path);
        }
    }

    async fn a_token_ends_the_same_way(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for number in 1..=20 {
            let body = json!({"present_password": WRONG, "new_password": "another-canyon-harbor"});
            let answer = app.call(Method::POST, "/account/password", &ana.token, body).await;
            assert_eq!(answer.status.as_u16(), if number < 20 { 422 } else { 401 }, "{number}: {}", answer.text);
            if number % 5 == 0 {
                app.later(Duration::from_secs(15 * 60));
            }
        }
        app.call(Method::GET, "/whoami", &ana.token, json!(null)).await.expect(401);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.last().unwrap(), "token.revoked");
    }

    async fn guesses_at_once_are_compared_no_more_often_than_the_limit(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = session_of(&app, &ana).await;
        let door = web::declared().into_iter().find(|route| route.path.ends_with("/api/v1/account/password")).unwrap();
        crate::matrix::force(&app, "UPDATE credentials SET hash = 'unreadable' WHERE user_id = $1", ana.id).await;
        let guesses = (1..=60).map(|from| guess(&app, &door, &session, from));
        let answers = futures_util::future::join_all(guesses).await;
        let compared = answers.iter().filter(|answer| answer.status == 500).count();
        assert!(compared <= 20, "{compared}");
    }

    /// Failures at the sign-in are strangers'; who is in goes on.
    async fn strangers_do_not_keep_anybody_from_changing_the_password(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = session_of(&app, &ana).await;
        for _ in 0..20 {
            crate::signin::submit(&app, &ana.email, WRONG, false).await;
        }
        let body = json!({"present_password": PASSWORD, "new_password": "another-canyon-harbor"});
        let request = Request::post("/o/acme/api/v1/account/password")
            .header(header::COOKIE, &session.cookie)
            .header("x-csrf-token", &session.csrf)
            .header(header::CONTENT_TYPE, "application/json");
        app.send(request.body(body.to_string().into()).unwrap()).await.expect(204);
    }

    /// A right one begins the count anew: who mistypes now and then is not thrown out.
    async fn the_right_one_begins_the_count_anew(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for _ in 0..8 {
            let body = |present: &str, new: &str| json!({"present_password": present, "new_password": new});
            for _ in 0..4 {
                app.call(Method::POST, "/account/email", &ana.token, json!({"email": "other@acme.example", "present_password": WRONG})).await.expect(422);
            }
            app.call(Method::POST, "/account/password", &ana.token, body(PASSWORD, PASSWORD)).await.expect(422);
        }
        app.call(Method::GET, "/whoami", &ana.token, json!(null)).await.expect(200);
    }
}
