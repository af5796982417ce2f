//! Tenants know nothing of each other: every declared route, every kind of credential, ids and addresses of others.
//!
//! What is another organization's answers as if it had never existed, to the byte, whatever the method.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use model::{Permission, Role};
use serde_json::{Value, json};
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, TestApp, api_request},
    matrix::{
        NEVER, Proves, address, browser, is_sent_to_sign_in, neighbour, plausible_body, request,
        without_request_id,
    },
};

const CANARY: &str = "zqcanaryzeta";

fn name(route: &Declared) -> String {
    format!("{} {}", route.method, route.path)
}

fn guarded() -> Vec<Declared> {
    let routes = web::declared().into_iter();
    // Signing out would end the session that the other routes are tried with.
    let mut routes: Vec<Declared> =
        routes.filter(|route| matches!(route.needs, Needs::Permission(_))).collect();
    routes.sort_by_key(|route| route.path.ends_with("/sign-out"));
    routes
}

/// The neighbour's owner and one more person there, every field of whom says so.
async fn marked_person(app: &TestApp, token: &str) -> String {
    marked_person_at(app, "zeta", token).await
}

async fn marked_person_at(app: &TestApp, slug: &str, token: &str) -> String {
    let body = json!({
        "given_name": CANARY, "family_name": CANARY, "email": format!("{CANARY}@zeta.example"), "username": CANARY,
        "title": CANARY, "department": CANARY, "notes": CANARY, "employee_number": CANARY, "tags": [CANARY],
        "attributes": {CANARY: CANARY}, "address": {"city": CANARY},
    });
    let created = app.send(api_request(Method::POST, slug, "/users", token, &body)).await.expect(201);
    created.json()["id"].as_str().unwrap().to_owned()
}

/// Whatever proves who somebody is here, at the address of another organization.
async fn is_worth_nothing_elsewhere(app: &TestApp, other: &str) {
    let (_, otto) = app.other_org(other).await;
    let theirs = marked_person_at(app, other, &otto.token).await;
    let scoped = app.token_for(app.owner.id, &["user:read", "user:list", "user:update"]).await;
    let session = browser(app, &app.org, &app.owner).await;
    // The same secret under the cookie's name of the other organization.
    let mut renamed = session.clone();
    let org = app.app.org(other).await.unwrap();
    renamed.cookie = format!("muster-{}={}", org.id, session.cookie.split_once('=').unwrap().1);
    for route in guarded() {
        let body = plausible_body(&route);
        for proves in [
            Proves::Token(&app.owner.token),
            Proves::Token(&scoped),
            Proves::Browser(&session),
            Proves::Browser(&renamed),
        ] {
            if route.door == Door::Console && matches!(proves, Proves::Token(_)) {
                continue;
            }
            let answer = app.send(request(&route, other, &theirs, proves, &body)).await;
            match route.door {
                Door::Api => {
                    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}: {}", name(&route), answer.text);
                }
                Door::Console => assert!(
                    is_sent_to_sign_in(&answer),
                    "{}: {} {}",
                    name(&route),
                    answer.status,
                    answer.text
                ),
            }
            assert!(!answer.text.contains(CANARY), "{}", name(&route));
        }
    }
}

on_both! {
    async fn ids_of_another_organization_are_as_if_they_had_never_been(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let foreign_user = marked_person(&app, &otto.token).await;
        let new = api_request(Method::POST, "zeta", "/tokens", &otto.token, &json!({"name": "theirs", "scopes": ["*"]}));
        let foreign_token = app.send(new).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let all: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        let scoped = app.token_for(app.owner.id, &all).await;
        let session = browser(&app, &app.org, &app.owner).await;
        let with_id: Vec<Declared> = guarded().into_iter().filter(|route| route.path.contains("{id}")).collect();
        assert!(with_id.len() > 10);
        for route in with_id {
            let body = plausible_body(&route);
            for proves in [Proves::Token(&app.owner.token), Proves::Token(&scoped), Proves::Browser(&session)] {
                if route.door == Door::Console && matches!(proves, Proves::Token(_)) {
                    continue;
                }
                let never = app.send(request(&route, "acme", NEVER, proves, &body)).await;
                assert_eq!(never.status, StatusCode::NOT_FOUND, "{} {body}: {}", name(&route), never.text);
                for foreign in [&foreign_user, &foreign_token, &otto.id.to_string()] {
                    let answer = app.send(request(&route, "acme", foreign, proves, &body)).await;
                    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}: {}", name(&route), answer.text);
                    let same = without_request_id(&answer).replace(foreign.as_str(), NEVER);
                    assert_eq!(same, without_request_id(&never), "{}", name(&route));
                }
            }
        }
        let shown = app.send(api_request(Method::GET, "zeta", &format!("/users/{foreign_user}"), &otto.token, &Value::Null)).await.expect(200).json();
        assert_eq!((&shown["version"], &shown["status"], &shown["roles"]), (&json!(1), &json!("inactive"), &json!([])));
        app.send(api_request(Method::GET, "zeta", "/whoami", &otto.token, &Value::Null)).await.expect(200);
    }

    async fn ids_of_another_organization_in_bodies_are_unknown_too(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        for field in ["manager", "responsible"] {
            let path = format!("/users/{id}");
            let set = |value: String| app.patch(&path, json!({field: value}));
            let never = set(NEVER.to_owned()).await.expect(422);
            let foreign = set(otto.id.to_string()).await.expect(422);
            let create = |value: String| app.post("/users", json!({"given_name": "Bo", "email": "bo@acme.example", field: value}));
            assert_eq!(without_request_id(&foreign), without_request_id(&never), "{field}");
            assert_eq!(without_request_id(&create(otto.id.to_string()).await.expect(422)), without_request_id(&create(NEVER.to_owned()).await.expect(422)), "{field}");
        }
    }

    async fn a_credential_is_worth_nothing_at_another_address(app: TestApp) {
        is_worth_nothing_elsewhere(&app, "zeta").await;
    }

    /// Nor where both addresses read like a part of ours.
    async fn nor_is_it_between_odd_addresses(app: TestApp) {
        let mut app = app;
        for pair in crate::app::ODD_SLUGS.chunks(2) {
            app.move_to(pair[0]).await;
            is_worth_nothing_elsewhere(&app, pair[1]).await;
        }
    }

    /// Whoever holds both cookies is two people, each at home in one place.
    async fn two_organizations_in_one_browser_do_not_mix(app: TestApp) {
        let (zeta, otto) = neighbour(&app).await;
        let (here, there) = (browser(&app, &app.org, &app.owner).await, browser(&app, &zeta, &otto).await);
        let whoami = web::declared().into_iter().find(|route| route.path.ends_with("/whoami")).unwrap();
        for cookie in [format!("{}; {}", here.cookie, there.cookie), format!("{};{}", there.cookie, here.cookie)] {
            let both = crate::matrix::Browser { cookie, csrf: String::new() };
            let ask = |slug: &'static str| app.send(request(&whoami, slug, NEVER, Proves::Browser(&both), &Value::Null));
            assert_eq!(ask("acme").await.expect(200).json()["user"], app.owner.id.to_string());
            assert_eq!(ask("zeta").await.expect(200).json()["user"], otto.id.to_string());
        }
    }

    async fn nothing_of_one_organization_shows_in_any_answer_of_another(app: TestApp) {
        let (zeta, otto) = neighbour(&app).await;
        let theirs = marked_person(&app, &otto.token).await;
        app.send(api_request(Method::PATCH, "zeta", "/org", &otto.token, &json!({"name": CANARY}))).await.expect(200);
        app.send(api_request(Method::POST, "zeta", "/tokens", &otto.token, &json!({"name": CANARY, "scopes": ["*"]}))).await.expect(201);
        let ours = app.create("Ana", "Ng", "ana@acme.example").await;
        let session = browser(&app, &app.org, &app.owner).await;
        let hidden = [CANARY.to_owned(), theirs.clone(), otto.id.to_string(), zeta.id.to_string(), otto.email.clone()];
        let see = |answer: &Answer, asked: &str, what: &str| {
            for secret in hidden.iter().filter(|secret| !asked.contains(secret.as_str())) {
                let headers = format!("{:?}", answer.headers);
                assert!(!answer.text.contains(secret.as_str()) && !headers.contains(secret.as_str()), "{what}: {secret}");
            }
        };
        for route in web::declared() {
            let body = plausible_body(&route);
            for id in [ours.as_str(), theirs.as_str(), NEVER] {
                for proves in [Proves::Browser(&session), Proves::Nobody, Proves::Token(&app.owner.token)] {
                    // What is written to our own would change whom we ask as.
                    if route.method != Method::GET && id == ours {
                        continue;
                    }
                    if route.path.ends_with("/sign-out") || route.path.ends_with("/org/rename") || route.path.ends_with("/password") {
                        continue;
                    }
                    // Nor is what asks revoked.
                    if route.method == Method::DELETE && route.path.ends_with("/v1/tokens") {
                        continue;
                    }
                    let answer = app.send(request(&route, "acme", id, proves, &body)).await;
                    see(&answer, &address(&route, "acme", id), &name(&route));
                }
            }
        }
        for query in ["search=zq", "search=zeta", "status=active,inactive,deleted", "sort=-created&limit=200", "role=owner"] {
            see(&app.get(&format!("/users?{query}")).await.expect(200), "", query);
        }
        for search in [CANARY, theirs.as_str(), otto.email.as_str()] {
            assert_eq!(app.get(&format!("/users?search={search}")).await.expect(200).json()["items"], json!([]), "{search}");
        }
    }

    /// The same names may be used everywhere; uniqueness tells nothing about others.
    async fn names_are_unique_within_one_organization_only(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let body = json!({"given_name": "Olivia", "family_name": "Owner", "email": app.owner.email, "username": app.owner.username});
        app.send(api_request(Method::POST, "zeta", "/users", &otto.token, &body)).await.expect(201);
        app.post("/users", body).await.expect(409);
    }

    /// An idempotency key belongs to its caller, not to the world.
    async fn idempotency_keys_do_not_cross(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let bo = app.person("Bo", Role::UserManager).await;
        let mut ids = Vec::new();
        for (slug, token) in [("acme", &app.owner.token), ("zeta", &otto.token), ("acme", &bo.token)] {
            let email = format!("x{}@acme.example", ids.len());
            let mut new = api_request(Method::POST, slug, "/users", token, &json!({"given_name": "X", "email": email}));
            new.headers_mut().insert("idempotency-key", "one".parse().unwrap());
            ids.push(app.send(new).await.expect(201).json()["id"].to_string());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    async fn an_unknown_address_is_nowhere_for_everybody(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        for route in web::declared().into_iter().filter(|route| route.path.contains("{slug}")) {
            let mut texts = Vec::new();
            for proves in [Proves::Nobody, Proves::Token(&app.owner.token), Proves::Browser(&session)] {
                for slug in ["nowhere", "ACME-", "acme%00", "..", "%2e%2e", "acme%2f"] {
                    let mut answer = app.send(request(&route, slug, NEVER, proves, &plausible_body(&route))).await;
                    // To how an address is written, whoever it belongs to.
                    if answer.status == StatusCode::PERMANENT_REDIRECT {
                        let to = answer.headers[header::LOCATION].to_str().unwrap();
                        answer = app.send(Request::get(to).body(Body::empty()).unwrap()).await;
                    }
                    let expected = if slug.contains('%') { &[404, 400][..] } else { &[404] };
                    assert!(expected.contains(&answer.status.as_u16()), "{} {slug}: {}", name(&route), answer.text);
                    if slug == "nowhere" {
                        texts.push(without_request_id(&answer));
                    }
                }
            }
            texts.dedup();
            assert_eq!(texts.len(), 1, "{}", name(&route));
        }
    }
}
