//! A browser and what proves who sits before it: one session in each organization, and no API token on any page.

use std::time::Duration;

use ::app::{
    invitations::Acceptance,
    signin::{Attempt, SignedIn},
};
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::{OrgContext, Role, credential_change::CredentialChange, link::Purpose, session::Secret};
use serde_json::{Value, json};
use web::{Credential, Door, Needs};

use crate::{
    app::{PASSWORD, Somebody, TestApp, form, form_request, send},
    in_flight::{from, link},
    matrix::{NEVER, Proves, is_sent_to_sign_in, request},
    rescue::secret_for,
};

/// A double click, and more.
const AT_ONCE: usize = 20;

async fn sign_in(app: &TestApp, somebody: &Somebody, cookie: &str) -> String {
    let form = form(&[("identifier", &somebody.email), ("password", &somebody.password)]);
    let answer = app.send(form_request("/o/acme/sign-in", cookie, &form)).await.expect(303);
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// The cookies that a browser has after a sign-in: of the session, and of known devices.
async fn jar(app: &TestApp, somebody: &Somebody) -> (String, String) {
    let form = form(&[("identifier", &somebody.email), ("password", &somebody.password)]);
    let answer = app.send(form_request("/o/acme/sign-in", "", &form)).await.expect(303);
    let lines = answer.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    let pairs: Vec<&str> = lines.map(|line| line.split(';').next().unwrap()).collect();
    let (devices, session): (Vec<&str>, Vec<&str>) =
        pairs.iter().partition(|pair| pair.starts_with("muster-devices-"));
    (session[0].to_owned(), devices[0].to_owned())
}

/// Signs these in at once, in turn, with the same cookies; answers how many are let in. On a device that is known all of
/// them are, elsewhere there is a limit to tries.
async fn at_once(app: &TestApp, people: &[&Somebody], cookies: &str) -> usize {
    let tries = (0..AT_ONCE).map(|number| {
        let who = people[number % people.len()];
        let form = form(&[("identifier", &who.email), ("password", &who.password)]);
        let (router, request) = (app.router.clone(), form_request("/o/acme/sign-in", cookies, &form));
        tokio::spawn(async move { send(&router, request).await.status })
    });
    let answers = futures_util::future::join_all(tries).await;
    answers.into_iter().filter(|answer| *answer.as_ref().unwrap() == 303).count()
}

/// The ways in, each of which begins a session.
#[derive(Debug, Clone, Copy)]
enum Way {
    Password,
    Invitation,
    Reset,
    AddressUndone,
}

/// Makes ready what a way takes; what it answers comes in.
async fn prepared(app: &TestApp, way: Way, who: &Somebody) -> String {
    match way {
        Way::Password => String::new(),
        Way::Invitation => {
            app.post("/invitations", json!({"given_name": "New", "email": who.email})).await.expect(201);
            link(app, who, Purpose::Invitation).await
        }
        Way::Reset => secret_for(app, who, CredentialChange::Reset).await,
        Way::AddressUndone => secret_for(app, who, CredentialChange::EmailUndone).await,
    }
}

async fn come_in(app: &TestApp, way: Way, secret: &str, browser: Attempt) -> SignedIn {
    let (app, org) = (&app.app, &app.org);
    match way {
        Way::Password => app.sign_in(org, browser).await.unwrap(),
        Way::Invitation => {
            let accept = Acceptance { password: PASSWORD.to_owned(), given_name: None, family_name: None };
            let accepted = app.accept_invitation(org, Purpose::Invitation, secret, accept, browser).await;
            accepted.unwrap().signed_in.unwrap()
        }
        Way::Reset => app
            .reset_password(org, secret, "another-canyon-harbor", browser)
            .await
            .unwrap()
            .signed_in
            .unwrap(),
        Way::AddressUndone => {
            app.undo_email(org, secret, "another-canyon-harbor", browser).await.unwrap().signed_in.unwrap()
        }
    }
}

async fn is_alive(app: &TestApp, secret: &Secret) -> bool {
    app.app.session(OrgContext::from(app.org.id), secret).await.is_ok()
}

async fn whoami(app: &TestApp, cookie: &str) -> u16 {
    let asked =
        Request::get("/o/acme/api/v1/whoami").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    app.send(asked).await.status.as_u16()
}

on_both! {
    async fn signing_in_again_ends_the_browsers_earlier_session(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let elsewhere = sign_in(&app, &ana, "").await;
        let first = sign_in(&app, &ana, "").await;
        let second = sign_in(&app, &ana, &first).await;
        assert_eq!((whoami(&app, &first).await, whoami(&app, &second).await), (401, 200));
        // Somebody else in the same browser; another browser is untouched.
        let third = sign_in(&app, &bo, &second).await;
        assert_eq!((whoami(&app, &second).await, whoami(&app, &third).await, whoami(&app, &elsewhere).await), (401, 200, 200));
        // Who fails to sign in ends nothing, nor does a cookie that never was one.
        let wrong = form(&[("identifier", ana.email.as_str()), ("password", "wrong")]);
        app.send(form_request("/o/acme/sign-in", &third, &wrong)).await.expect(422);
        assert_eq!(whoami(&app, &third).await, 200);
        let garbled = format!("{}=x", third.split_once('=').unwrap().0);
        sign_in(&app, &ana, &garbled).await;
        assert_eq!(whoami(&app, &third).await, 200);
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 3);
    }

    async fn an_old_cookie_signs_nobody_else_out(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let (old, devices) = jar(&app, &ana).await;
        let newer = sign_in(&app, &ana, &old).await;
        app.later(Duration::from_secs(61));
        // Bo has got hold of cookies that Ana's browser had, and has an account of their own.
        sign_in(&app, &bo, &old).await;
        assert_eq!(whoami(&app, &newer).await, 200, "by a session's cookie");
        sign_in(&app, &bo, &devices).await;
        assert_eq!(whoami(&app, &newer).await, 200, "by a device's cookie");
        // In Ana's own browser there is one session, whatever has become of its cookie.
        let last = sign_in(&app, &ana, &old).await;
        assert_eq!((whoami(&app, &newer).await, whoami(&app, &last).await), (401, 200));
    }

    async fn many_sign_ins_of_one_browser_at_once_leave_one_session(app: TestApp) {
        type Brings = fn(&str, &str) -> String;
        let cases: [(&str, Brings, usize); 5] = [
            ("both cookies", |session, devices| format!("{session}; {devices}"), 0),
            ("its session's cookie", |session, _| session.to_owned(), 0),
            ("its known device", |_, devices| devices.to_owned(), 0),
            ("another person's session", |session, devices| format!("{session}; {devices}"), 1),
            ("two people in turn", |session, devices| format!("{session}; {devices}"), 2),
        ];
        for (number, (what, brings, who)) in cases.into_iter().enumerate() {
            let ana = app.person(&format!("Ana{number}"), Role::Member).await;
            let bo = app.person(&format!("Bo{number}"), Role::Member).await;
            app.force(vec!["DELETE FROM sessions"]).await;
            let elsewhere = sign_in(&app, &ana, "").await;
            let (session, devices) = jar(&app, &ana).await;
            let people = [vec![&ana], vec![&bo], vec![&ana, &bo]];
            let let_in = at_once(&app, &people[who], &brings(&session, &devices)).await;
            assert!(let_in >= if number % 2 == 0 && who == 0 { AT_ONCE } else { 5 }, "{what}: {let_in}");
            assert_eq!(whoami(&app, &elsewhere).await, 200, "{what}: another browser");
            assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 2, "{what}");
        }
    }

    async fn every_way_in_ends_the_sessions_of_its_browser(app: TestApp) {
        for (number, way) in [Way::Password, Way::Invitation, Way::Reset, Way::AddressUndone].into_iter().enumerate() {
            let bo = app.person(&format!("Bo{number}"), Role::Member).await;
            for (by, is_by_cookie) in [("cookie", true), ("device", false)] {
                let name = format!("Way{number}{by}");
                let ana = if let Way::Invitation = way {
                    let email = format!("{}@acme.example", name.to_lowercase());
                    Somebody { email, ..bo.clone() }
                } else {
                    app.person(&name, Role::Member).await
                };
                let secret = prepared(&app, way, &ana).await;
                let first = app.app.sign_in(&app.org, from(&bo, "browser")).await.unwrap();
                let cookie = first.secret.clone();
                // As after a double click: the cookie's session is over, another one has begun meanwhile.
                let again = Attempt { earlier: Some(cookie.clone()), ..from(&bo, "browser") };
                let second = app.app.sign_in(&app.org, again).await.unwrap();
                assert!(!is_alive(&app, &cookie).await && is_alive(&app, &second.secret).await);
                let mut browser = from(&ana, "browser");
                if is_by_cookie {
                    browser.earlier = Some(cookie);
                } else {
                    browser.devices.clone_from(&second.devices);
                }
                let third = come_in(&app, way, &secret, browser).await;
                assert!(is_alive(&app, &third.secret).await, "{way:?}, {by}");
                assert!(!is_alive(&app, &second.secret).await, "{way:?}, {by}");
            }
        }
    }

    async fn a_session_that_got_another_secret_is_still_its_browsers(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (session, _) = jar(&app, &ana).await;
        let page = crate::signin::page(&app, "/account/password", &session).await.expect(200).text;
        let csrf = page.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap();
        let fields = [("csrf", csrf), ("present_password", PASSWORD), ("new_password", "another-canyon-harbor"), ("repeat_password", "another-canyon-harbor")];
        let changed = app.send(form_request("/o/acme/account/password", &session, &form(&fields))).await.expect(303);
        let replaced = changed.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!((whoami(&app, &session).await, whoami(&app, &replaced).await), (401, 200));
        // Sent at the same time, with the cookie of before.
        let ana = Somebody { password: "another-canyon-harbor".to_owned(), ..ana };
        let late = sign_in(&app, &ana, &session).await;
        assert_eq!((whoami(&app, &replaced).await, whoami(&app, &late).await), (401, 200));
    }

    async fn a_token_opens_no_page(app: TestApp) {
        for route in web::declared().into_iter().filter(|route| route.door == Door::Console && matches!(route.needs, Needs::Permission(_))) {
            let answer = app.send(request(&route, "acme", NEVER, Proves::Token(&app.owner.token), &Value::Null)).await;
            assert_eq!(is_sent_to_sign_in(&answer), route.credential == Credential::Session, "{} {}: {}", route.method, route.path, answer.status);
        }
        let for_programs = web::declared().into_iter().filter(|route| route.door == Door::Console && route.credential == Credential::SessionOrToken).count();
        assert_eq!(for_programs, 1, "the file of a data export");
    }

    async fn what_is_stronger_keeps_its_name(app: TestApp) {
        let editor = json!({"name": "Role editor", "permissions": ["role:read", "role:update", "role:create", "group:list", "group:read", "group:update", "group:create"]});
        let editor = app.post("/roles", editor).await.expect(201).json()["role"].as_str().unwrap().to_owned();
        let strong = app.post("/roles", json!({"name": "Strong", "permissions": ["user:purge"]})).await.expect(201).json()["role"].as_str().unwrap().to_owned();
        let weak = app.post("/roles", json!({"name": "Weak", "permissions": ["role:read"]})).await.expect(201).json()["role"].as_str().unwrap().to_owned();
        let group = async |name: &str, role: &str| app.post("/groups", json!({"name": name, "roles": [role]})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let (owners, plain) = (group("Owners", "owner").await, group("Plain", &weak).await);
        let eve = app.person("Eve", Role::Member).await;
        app.post(&format!("/users/{}/roles", eve.id), json!({"role": editor})).await.expect(200);
        for body in [json!({"name": "Harmless"}), json!({"description": "Give it to everybody."})] {
            for path in [format!("/roles/{strong}"), format!("/groups/{owners}")] {
                let answer = app.call(Method::PATCH, &path, &eve.token, body.clone()).await.expect(403);
                assert_eq!(answer.code(), "access.above_own", "{path}");
            }
            for path in [format!("/roles/{weak}"), format!("/groups/{plain}")] {
                app.call(Method::PATCH, &path, &eve.token, body.clone()).await.expect(200);
            }
        }
        app.patch(&format!("/groups/{owners}"), json!({"name": "Those who own"})).await.expect(200);
        for (number, name) in ["ow\u{200b}ner", "\u{41e}wner", "\u{ff4f}\u{ff57}\u{ff4e}\u{ff45}\u{ff52}", "OWNER", "User\u{2011}manager", "\u{430}uditor"].into_iter().enumerate() {
            let answer = app.post("/roles", json!({"name": name, "permissions": []})).await.expect(422);
            assert_eq!(answer.json()["errors"][0]["code"], "role.name_taken", "{name}");
            app.patch(&format!("/roles/{weak}"), json!({"name": name})).await.expect(422);
            // A group may be called like a role; here two of these names are one.
            app.post("/groups", json!({"name": format!("{name} {number}")})).await.expect(201);
        }
    }
}
