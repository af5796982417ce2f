//! A browser and what proves who sits before it: one session in each organization, and no API token on any page.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::Role;
use serde_json::{Value, json};
use web::{Credential, Door, Needs};

use crate::{
    app::{Somebody, TestApp, form, form_request},
    matrix::{NEVER, Proves, is_sent_to_sign_in, request},
};

async fn sign_in(app: &TestApp, somebody: &Somebody, cookie: &str) -> String {
    let form = form(&[("identifier", &somebody.email), ("password", &somebody.password)]);
    let answer = app.send(form_request("/o/acme/sign-in", cookie, &form)).await.expect(303);
    answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
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
