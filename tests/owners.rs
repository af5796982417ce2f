//! Making somebody an owner and an owner no more, and giving somebody what somebody else holds.

use std::time::Duration;

use axum::http::Method;
use model::{Role, access::OWNER_WARNING, grant::GrantTerms, role::Scope};
use serde_json::{Value, json};
use web::{Declared, Door};

use crate::{
    app::{Answer, Somebody, TestApp},
    endings::group,
    matrix::{Proves, browser, request},
};

async fn change(app: &TestApp, by: &Somebody, whom: &Somebody, verb: &str) -> Answer {
    app.call(Method::POST, &format!("/users/{}/{verb}-admin", whom.id), &by.token, json!({})).await
}

async fn copy(app: &TestApp, by: &Somebody, to: &Somebody, body: Value) -> Answer {
    app.call(Method::POST, &format!("/users/{}/copy-access", to.id), &by.token, body).await
}

/// Whether a page is a form in which the owner's role can be given: it posts to where it is.
fn offers_owner(route: &Declared, text: &str) -> bool {
    let is_posted = |other: &Declared| other.method == Method::POST && other.path == route.path;
    let is_form = route.door == Door::Console && web::declared().iter().any(is_posted);
    is_form && (text.contains("value=\"owner\"") || route.path.ends_with("/make-admin"))
}

on_both! {
    async fn whatever_makes_an_owner_says_what_that_means(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let board = group(&app, "Board", None, None).await;
        let owner = browser(&app, &app.org, &app.owner).await;
        let mut doors = Vec::new();
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            let id = if route.path.contains("/groups/") { board.to_string() } else { ana.id.to_string() };
            let answer = app.send(request(&route, "acme", &id, Proves::Browser(&owner), &Value::Null)).await;
            if offers_owner(&route, &answer.text) {
                assert!(answer.text.contains("Owners may do everything: change settings"), "{}", route.path);
                doors.push(route.path);
            }
        }
        for door in ["/make-admin", "/users/{id}/roles", "/add-role", "/temporary-access", "/users/new", "/invitations/new", "/groups/new", "/groups/{id}/roles/add"] {
            assert!(doors.iter().any(|path| path.ends_with(door)), "{door}: {doors:?}");
        }
        // Where a group makes the owner, the question before says it of whoever is concerned.
        app.call(Method::PUT, &format!("/groups/{board}/members/{}", ana.id), &app.owner.token, json!({})).await.expect(200);
        let api = web::openapi();
        let raising: Vec<Declared> = web::declared().into_iter().filter(|route| route.raises).collect();
        assert!(raising.len() > 10);
        for route in raising {
            let operation = &api["paths"][&route.path][route.method.as_str().to_lowercase()];
            let description = operation["description"].as_str().unwrap_or_default();
            assert!(description.contains(OWNER_WARNING), "{} {}", route.method, route.path);
        }
    }

    async fn owners_hear_of_a_group_that_makes_owners(app: TestApp) {
        let bo = app.person("Bo", Role::Owner).await;
        let group = group(&app, "Board", None, None).await;
        let told = |letters: &[::app::mail::Letter], what: &str| {
            letters.iter().filter(|letter| letter.to == bo.email && letter.text.contains(what)).count()
        };
        for _ in 0..2 {
            app.post(&format!("/groups/{group}/roles"), json!({"role": "owner"})).await.expect(200);
        }
        let (gains, loses) = ("Everybody in the group Board is an owner now", "Nobody is an owner through the group Board");
        let letters = app.mails().await;
        assert_eq!((told(&letters, gains), told(&letters, loses)), (1, 0));
        app.call(Method::DELETE, &format!("/groups/{group}/roles/owner"), &app.owner.token, Value::Null).await.expect(200);
        let letters = app.mails().await;
        assert_eq!((told(&letters, gains), told(&letters, loses)), (1, 1));
    }

    async fn an_owner_makes_another_and_the_owners_are_told(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Owner).await);
        change(&app, &app.owner, &ana, "make").await.expect(200);
        app.call(Method::GET, "/org", &ana.token, Value::Null).await.expect(200);
        change(&app, &app.owner, &ana, "make").await.expect(200);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "role.granted").count(), 1, "{events:?}");
        let told = |letters: &[::app::mail::Letter], to: &str| letters.iter().filter(|letter| letter.to == to && letter.subject.contains("owners")).count();
        let letters = app.mails().await;
        assert_eq!((told(&letters, &bo.email), told(&letters, &app.owner.email)), (1, 1));
        change(&app, &bo, &ana, "remove").await.expect(200);
        app.call(Method::GET, "/org", &ana.token, Value::Null).await.expect(403);
        assert_eq!(told(&app.mails().await, &bo.email), 2);
        change(&app, &bo, &ana, "remove").await.expect(200);
    }

    async fn only_owners_only_active_humans(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Administrator).await, app.person("Bo", Role::Member).await);
        change(&app, &ana, &bo, "make").await.expect(403);
        change(&app, &ana, &app.owner, "remove").await.expect(403);
        let staged = app.create("Cy", "Ng", "cy@acme.example").await;
        let robot = app.post("/users", json!({"type": "service", "username": "robot", "responsible": app.owner.id})).await.expect(201).json();
        for id in [staged.as_str(), robot["id"].as_str().unwrap()] {
            let refused = app.post(&format!("/users/{id}/make-admin"), json!({})).await.expect(409);
            assert_eq!(refused.code(), "user.cannot_be_owner");
        }
        app.post(&format!("/users/{}/suspend", bo.id), json!({"reason": "other"})).await.expect(200);
        assert_eq!(change(&app, &app.owner, &bo, "make").await.expect(409).code(), "user.cannot_be_owner");
    }

    async fn the_last_owner_stays(app: TestApp) {
        let refused = change(&app, &app.owner, &app.owner, "remove").await.expect(409);
        assert_eq!(refused.code(), "org.last_owner");
    }

    /// An end is taken away with it: an owner is made for good.
    async fn who_was_an_owner_until_an_end_is_one_for_good(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let terms = GrantTerms::until(Some(app.app.now().plus(Duration::from_secs(3600))), "");
        app.app.grant_role(&app.operator(), ana.id, Role::Owner.into(), Scope::Org, terms).await.unwrap();
        let shown = change(&app, &app.owner, &ana, "make").await.expect(200).json();
        assert_eq!((&shown["roles"][0]["role"], &shown["roles"][0]["valid_until"]), (&json!("owner"), &Value::Null));
        change(&app, &ana, &app.owner, "remove").await.expect(200);
    }

    async fn who_is_an_owner_through_a_group_is_said_to_be(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        let heads = group(&app, "Heads", Some(Role::Owner), None).await;
        app.app.add_member(&app.operator(), heads, ana.id, GrantTerms::default()).await.unwrap();
        let removed = change(&app, &app.owner, &ana, "remove").await.expect(200).json();
        assert_eq!(removed["still_owner_through"], json!(["Heads"]));
        let refused = change(&app, &app.owner, &ana, "remove").await.expect(409);
        assert_eq!(refused.code(), "user.owner_through_group");
        assert!(refused.json()["detail"].as_str().unwrap().contains("Heads"), "{}", refused.text);
        app.call(Method::GET, "/org", &ana.token, Value::Null).await.expect(200);
    }

    async fn access_is_copied_with_its_ends_and_nothing_is_shortened(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Auditor).await, app.person("Bo", Role::Member).await);
        let readers = group(&app, "Readers", None, None).await;
        let end = app.app.now().plus(Duration::from_secs(7200));
        let operator = app.operator();
        app.app.grant_role(&operator, ana.id, Role::Helpdesk.into(), Scope::Org, GrantTerms::until(Some(end), "")).await.unwrap();
        app.app.add_member(&operator, readers, ana.id, GrantTerms::default()).await.unwrap();
        let copied = copy(&app, &app.owner, &bo, json!({"from": "ana@acme.example"})).await.expect(200).json();
        assert_eq!(copied["given"], json!(["Helpdesk", "Auditor", "Readers"]), "{copied}");
        let role = |name: &str| copied["roles"].as_array().unwrap().iter().find(|role| role["role"] == name).unwrap().clone();
        assert_eq!((&role("helpdesk")["valid_until"], &role("auditor")["valid_until"]), (&json!(end.to_string()), &Value::Null));
        app.app.grant_role(&operator, ana.id, Role::Auditor.into(), Scope::Org, GrantTerms::until(Some(end), "")).await.unwrap();
        let again = copy(&app, &app.owner, &bo, json!({"from": ana.id})).await.expect(200).json();
        assert_eq!((&again["given"], again["held_already"].as_array().unwrap().len()), (&json!([]), 3));
        let lasting = copy(&app, &app.owner, &bo, json!({"from": "ana.person", "keep_ends": false})).await.expect(200).json();
        assert_eq!(lasting["given"], json!(["Helpdesk"]));
    }

    /// All or nothing, unless what can be given is asked for; and a dry run says it beforehand.
    async fn what_may_not_be_given_is_named_and_nothing_is_given_silently_less(app: TestApp) {
        let (boss, ana) = (app.person("Boss", Role::Owner).await, app.person("Ana", Role::UserManager).await);
        let bo = app.person("Bo", Role::Member).await;
        app.post(&format!("/users/{}/roles", boss.id), json!({"role": "helpdesk"})).await.expect(200);
        let refused = copy(&app, &ana, &bo, json!({"from": boss.id})).await.expect(403);
        assert_eq!(refused.code(), "access.not_all_copied");
        assert!(refused.json()["detail"].as_str().unwrap().contains("Owner"), "{}", refused.text);
        let held = async || app.get(&format!("/users/{}", bo.id)).await.json()["roles"].as_array().unwrap().len();
        assert_eq!(held().await, 0);
        let path = format!("/users/{}/copy-access?dry_run=true", bo.id);
        let preview = app.call(Method::POST, &path, &ana.token, json!({"from": boss.id, "partial": true})).await.expect(200).json();
        assert_eq!((&preview["given"], &preview["not_given"][0]["what"]), (&json!(["Helpdesk"]), &json!("Owner")));
        assert_eq!(held().await, 0);
        copy(&app, &ana, &bo, json!({"from": boss.id, "partial": true})).await.expect(200);
        assert_eq!(held().await, 1);
        // To a stronger person nothing is given, from nobody neither.
        copy(&app, &ana, &boss, json!({"from": bo.id})).await.expect(403);
        copy(&app, &ana, &bo, json!({"from": "nobody"})).await.expect(422);
        copy(&app, &ana, &bo, json!({"from": bo.id})).await.expect(422);
        let helper = app.person("Cy", Role::Helpdesk).await;
        copy(&app, &helper, &ana, json!({"from": bo.id})).await.expect(403);
    }
}
