//! Everybody's API tokens: seen, made for service users and revoked within the granting rule; and who answers for a
//! service user.

use std::time::Duration;

use axum::http::Method;
use model::{Role, link::Purpose};
use serde_json::{Value, json};

use crate::{
    app::{Answer, Somebody, TestApp, form, form_request, page_request},
    in_flight::link,
    matrix::{Browser, browser},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn robot(app: &TestApp, name: &str) -> String {
    let body = json!({"type": "service", "username": name, "responsible": app.owner.id});
    app.post("/users", body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn make(app: &TestApp, by: &Somebody, user: &str, body: Value) -> Answer {
    app.call(Method::POST, &format!("/users/{user}/tokens"), &by.token, body).await
}

async fn listed(app: &TestApp, query: &str) -> Vec<String> {
    let list = app.get(&format!("/tokens/all{query}")).await.expect(200).json();
    names(&list)
}

/// The names of the tokens on a page, without the one that asks: its use is noted a little later.
fn names(list: &Value) -> Vec<String> {
    let names =
        list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned());
    names.filter(|name| name != "test").collect()
}

on_both! {
    async fn a_service_user_is_given_a_token_within_both_their_rights(app: TestApp) {
        let robot = robot(&app, "robot").await;
        app.post(&format!("/users/{robot}/roles"), json!({"role": "auditor"})).await.expect(200);
        let made = make(&app, &app.owner, &robot, json!({"name": "export", "scopes": ["user:list"]})).await.expect(201).json();
        let secret = made["token"].as_str().unwrap();
        app.call(Method::GET, "/users", secret, Value::Null).await.expect(200);
        app.call(Method::GET, "/audit", secret, Value::Null).await.expect(403);
        let of_robot = app.get(&format!("/users/{robot}/tokens")).await.expect(200);
        assert!(!of_robot.text.contains(&secret[8..40]));
        assert_eq!(of_robot.json()["items"][0]["name"], "export");
        let narrow = app.token_for(app.owner.id, &["token:create", "user:read", "user:list"]).await;
        let narrow = Somebody { token: narrow, ..app.person("Ignored", Role::Member).await };
        make(&app, &narrow, &robot, json!({"name": "all", "scopes": ["*"]})).await.expect(403);
        make(&app, &narrow, &robot, json!({"name": "x", "scopes": ["audit:read"]})).await.expect(403);
        // What the robot may not do today it may do tomorrow.
        make(&app, &narrow, &robot, json!({"name": "x", "scopes": ["user:purge"]})).await.expect(403);
        make(&app, &narrow, &robot, json!({"name": "x", "scopes": ["user:list"]})).await.expect(201);
    }

    async fn people_make_their_own(app: TestApp) {
        let (ana, auditor) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Auditor).await);
        let refused = make(&app, &app.owner, &ana.id.to_string(), json!({"name": "x", "scopes": ["*"]})).await.expect(409);
        assert_eq!(refused.code(), "token.not_a_service_user");
        let robot = robot(&app, "robot").await;
        make(&app, &auditor, &robot, json!({"name": "x", "scopes": ["*"]})).await.expect(403);
        app.call(Method::GET, "/tokens/all", &ana.token, Value::Null).await.expect(403);
        app.call(Method::GET, "/tokens/all", &auditor.token, Value::Null).await.expect(200);
        app.call(Method::GET, &format!("/users/{robot}/tokens"), &ana.token, Value::Null).await.expect(403);
    }

    async fn anybodys_token_is_revoked_but_not_a_stronger_persons(app: TestApp) {
        let (ana, guard) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::SecurityAdministrator).await);
        let id = async |user: &Somebody| app.get(&format!("/users/{}/tokens", user.id)).await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let revoke = async |by: &Somebody, whose: &Somebody, token: &str| {
            app.call(Method::DELETE, &format!("/users/{}/tokens/{token}", whose.id), &by.token, Value::Null).await
        };
        let (own, owners) = (id(&ana).await, id(&app.owner).await);
        let refused = revoke(&guard, &app.owner, &owners).await.expect(403);
        assert_eq!(refused.code(), "access.stronger_person");
        revoke(&guard, &ana, &owners).await.expect(404);
        revoke(&guard, &ana, &own).await.expect(204);
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.last().unwrap(), "token.revoked");
    }

    async fn what_a_rescue_leaves_is_revoked_together_through_the_api(app: TestApp) {
        let (ana, guard) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::SecurityAdministrator).await);
        let older = app.token_for(ana.id, &[]).await;
        app.later(31 * DAY);
        let younger = app.token_for(ana.id, &[]).await;
        let works = async |token: &str| app.call(Method::GET, "/whoami", token, Value::Null).await.status == 200;
        app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200);
        assert!(works(&ana.token).await && works(&older).await && !works(&younger).await);

        let path = format!("/users/{}/tokens", ana.id);
        let left = app.get(&path).await.expect(200).json();
        assert_eq!(left["items"].as_array().unwrap().len(), 2);
        let revoke = async |by: &Somebody, path: &str| app.call(Method::DELETE, path, &by.token, Value::Null).await;
        let guard = Somebody { token: app.token_for(guard.id, &[]).await, ..guard };
        let owners = format!("/users/{}/tokens", app.owner.id);
        assert_eq!(revoke(&guard, &owners).await.expect(403).code(), "access.stronger_person");
        revoke(&ana, &path).await.expect(403);
        let dry = revoke(&guard, &format!("{path}?dry_run=true")).await.expect(200);
        assert_eq!(dry.json(), json!({"tokens": 2}));
        assert!(works(&older).await);
        assert_eq!(revoke(&guard, &path).await.expect(200).json(), json!({"tokens": 2}));
        assert!(!works(&ana.token).await && !works(&older).await);
        assert_eq!(revoke(&guard, &path).await.expect(200).json(), json!({"tokens": 0}));
        let events = app.events(&ana.id.to_string()).await;
        let revoked = events.iter().filter(|event| *event == "token.revoked").count();
        assert_eq!(revoked, 2, "{events:?}");
    }

    async fn ones_own_are_revoked_together_but_for_the_one_that_asks(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (other, owners) = (app.token_for(ana.id, &[]).await, app.owner.token.clone());
        let revoke = async |query: &str| app.call(Method::DELETE, &format!("/tokens{query}"), &ana.token, Value::Null).await;
        assert_eq!(revoke("?others=true").await.expect(200).json(), json!({"tokens": 1}));
        app.call(Method::GET, "/whoami", &other, Value::Null).await.expect(401);
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200);
        assert_eq!(revoke("").await.expect(200).json(), json!({"tokens": 1}));
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        app.call(Method::GET, "/whoami", &owners, Value::Null).await.expect(200);
    }

    async fn what_a_rescue_leaves_is_listed_in_the_console_with_one_button(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.later(31 * DAY);
        let works = async || app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.status == 200;
        let owner = browser(&app, &app.org, &app.owner).await;
        let send = async |path: &str, browser: &Browser, way: &[(&str, &str)]| {
            let mut fields = vec![("csrf", browser.csrf.as_str())];
            fields.extend(way);
            app.send(form_request(path, &browser.cookie, &form(&fields))).await
        };
        let page = format!("/o/acme/users/{}", ana.id);
        let set = send(&format!("{page}/set-password"), &owner, &[("way", "generated")]).await.expect(200);
        let button = format!("{page}/tokens/revoke");
        for shown in ["1 older API token of Ana", "“test”, created", "Revoke all tokens", &format!("href=\"{button}\"")] {
            assert!(set.text.contains(shown), "{shown}: {}", set.text);
        }
        let asked = app.send(page_request(&button, &owner.cookie)).await.expect(200);
        assert!(asked.text.contains("“test”, created") && asked.text.contains("Revoke all API tokens of Ana"), "{}", asked.text);
        assert!(works().await);
        let done = send(&button, &owner, &[]).await.expect(303);
        assert_eq!(done.headers["location"], format!("{page}/tokens?done=tokens-revoked"));
        assert!(!works().await);
        let list = app.send(page_request(&format!("{page}/tokens?done=tokens-revoked"), &owner.cookie)).await.expect(200);
        assert!(list.text.contains("API tokens revoked.") && !list.text.contains("Revoke all tokens"), "{}", list.text);

        // Who resets by mail is led to the own list, where the same button is.
        let bo = app.person("Bo", Role::Member).await;
        app.later(31 * DAY);
        app.app.ask_for_reset(&app.org, &bo.email, "203.0.113.9").await.unwrap();
        app.worked().await;
        let secret = link(&app, &bo, Purpose::PasswordReset).await;
        let chosen = [("new_password", "another-canyon-harbor"), ("repeat_password", "another-canyon-harbor")];
        let back = app.send(form_request(&format!("/o/acme/reset-password/{secret}"), "", &form(&chosen))).await.expect(303);
        assert_eq!(back.headers["location"], "/o/acme/account/tokens?done=password-changed");
        let bo = browser(&app, &app.org, &Somebody { password: "another-canyon-harbor".to_owned(), ..bo }).await;
        let own = app.send(page_request("/o/acme/account/tokens", &bo.cookie)).await.expect(200);
        assert!(own.text.contains("/o/acme/account/tokens/revoke"), "{}", own.text);
        send("/o/acme/account/tokens/revoke", &bo, &[]).await.expect(303);
        let own = app.send(page_request("/o/acme/account/tokens", &bo.cookie)).await.expect(200);
        assert!(own.text.contains("No tokens yet"), "{}", own.text);
    }

    async fn the_list_shows_what_ends_and_what_nobody_uses(app: TestApp) {
        let robot = robot(&app, "robot").await;
        for (name, days) in [("long", 300), ("short", 10), ("shorter", 5), ("used", 300)] {
            make(&app, &app.owner, &robot, json!({"name": name, "days": days, "scopes": ["*"]})).await.expect(201);
        }
        assert_eq!(listed(&app, "").await, ["used", "shorter", "short", "long"]);
        assert_eq!(listed(&app, "?filter=ending").await, ["shorter", "short"]);
        assert_eq!(listed(&app, "?filter=unused").await, Vec::<String>::new());
        app.later(91 * DAY);
        assert_eq!(listed(&app, "?filter=ending").await, Vec::<String>::new());
        assert_eq!(listed(&app, "?filter=unused").await, ["long", "short", "shorter", "used"]);
        app.get("/tokens/all?filter=most").await.expect(422);
        for filter in ["all", "unused"] {
            let (mut seen, mut from) = (Vec::new(), String::new());
            loop {
                let page = app.get(&format!("/tokens/all?filter={filter}&limit=2&page_token={from}")).await.expect(200).json();
                seen.extend(names(&page));
                let Some(next) = page["next_page_token"].as_str() else { break };
                next.clone_into(&mut from);
            }
            assert_eq!(seen, listed(&app, &format!("?filter={filter}")).await, "{filter}");
        }
    }

    async fn somebody_answers_for_every_service_user(app: TestApp) {
        let missing = app.post("/users", json!({"type": "service", "username": "robot"})).await.expect(422);
        assert_eq!(missing.json()["errors"][0]["code"], "user.responsible_missing");
        let other = robot(&app, "other").await;
        let unable = app.post("/users", json!({"type": "service", "username": "robot", "responsible": other})).await.expect(422);
        assert_eq!(unable.json()["errors"][0]["code"], "user.responsible_unable");
        let cleared = app.patch(&format!("/users/{other}"), json!({"responsible": null})).await.expect(422);
        assert_eq!(cleared.json()["errors"][0]["code"], "user.responsible_missing");
        app.patch(&format!("/users/{other}"), json!({"notes": "moved"})).await.expect(200);
    }

    async fn the_owners_hear_when_nobody_answers_any_more(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for name in ["payroll", "hr-bridge"] {
            app.post("/users", json!({"type": "service", "username": name, "responsible": ana.id})).await.expect(201);
        }
        app.post(&format!("/users/{}/deprovision", ana.id), json!({"reason": "left"})).await.expect(200);
        let told = async || app.mails().await.into_iter().filter(|letter| letter.subject.starts_with("Nobody answers for")).collect::<Vec<_>>();
        let letters = told().await;
        assert_eq!((letters.len(), letters[0].to.as_str()), (1, app.owner.email.as_str()));
        assert!(letters[0].text.contains("payroll") && letters[0].text.contains("hr-bridge"), "{}", letters[0].text);
        app.post(&format!("/users/{}/delete", ana.id), json!({"confirm": "ana@acme.example"})).await.expect(200);
        assert_eq!(told().await.len(), 1);
    }
}
