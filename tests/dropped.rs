//! Requests whose asker goes away, at every moment at which that is possible: each is done wholly or not at all, and
//! none keeps anything (a connection, a lock, a place in a queue) from those who come after.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use model::Role;
use serde_json::{Value, json};
use store::Engine;

use crate::{
    app::{TestApp, api_request, send},
    patience::{Dice, Patience, eventually, impatient},
};

/// A create that writes to every table that a create can write to.
fn create(app: &TestApp, number: usize) -> Request<Body> {
    let body = json!({
        "given_name": "Quelle", "family_name": format!("Nummer{number}"), "email": format!("q{number}@acme.example"),
        "roles": ["auditor"], "password": "violet-canyon-harbor", "must_change_password": false,
        "valid_until": "2027-05-01T00:00:00Z",
    });
    let mut request = api_request(Method::POST, "acme", "/users", &app.owner.token, &body);
    request.headers_mut().insert("idempotency-key", format!("key {number}").parse().unwrap());
    request
}

/// Nothing is under way any more: on `SQLite` the writer's queue is empty, on PostgreSQL no transaction is open.
async fn until_quiet(app: &TestApp) {
    app.post("/users", json!({"given_name": "Last", "email": "last@acme.example"})).await.expect(201);
    if app.app.database().engine() == Engine::Postgres {
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' \
                    AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND query NOT LIKE '%NOTIFY%'";
        eventually("the end of every transaction", async || app.count(busy).await == 0).await;
    }
}

/// Who was created, found by search, page by page.
async fn found(app: &TestApp, search: &str) -> BTreeMap<String, Value> {
    let (mut found, mut token) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/users?search={search}&status=active,suspended&limit=200&page_token={token}");
        let page = app.get(&path).await.expect(200).json();
        for user in page["items"].as_array().unwrap() {
            found.insert(user["email"].as_str().unwrap().to_owned(), user.clone());
        }
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return found,
        }
    }
}

on_both! {
    async fn a_create_that_is_dropped_is_done_wholly_or_not_at_all(app: TestApp) {
        let (mut acknowledged, mut patience) = (Vec::new(), Patience::new());
        for number in 0..=150 {
            if let Some(answer) = patience.ask(app.send(create(&app, number))).await {
                answer.expect(201);
                acknowledged.push(number);
            }
        }
        // Those who come at once, and go at any moment.
        let mut dice = Dice::new(11);
        let crowd: Vec<_> = (151..=300).map(|number| {
            let (router, request, polls) = (app.router.clone(), create(&app, number), 1 + dice.roll(patience.polls()));
            tokio::spawn(async move {
                let answer = impatient(send(&router, request), usize::try_from(polls).unwrap()).await;
                answer.map(|answer| (number, answer.status))
            })
        }).collect();
        for one in crowd {
            if let Some((number, status)) = one.await.unwrap() {
                assert_eq!(status, StatusCode::CREATED);
                acknowledged.push(number);
            }
        }
        until_quiet(&app).await;
        let found = found(&app, "quelle").await;
        assert!(found.len() > acknowledged.len(), "no dropped request was carried out: nothing was tried");
        assert!(found.len() < 301, "every dropped request was carried out: nothing was tried");
        for number in acknowledged {
            assert!(found.contains_key(&format!("q{number}@acme.example")), "{number}");
        }
        let created = i64::try_from(found.len()).unwrap();
        for of_each in [
            "SELECT count(*) FROM users WHERE email_key LIKE 'q%'",
            "SELECT count(*) FROM audit_entries e JOIN users u ON u.org_id = e.org_id AND u.id = e.target \
             WHERE e.event = 'user.created' AND u.email_key LIKE 'q%'",
            "SELECT count(*) FROM audit_entries WHERE event = 'user.created' AND target_name LIKE 'Quelle%'",
            "SELECT count(*) FROM role_grants WHERE role = 'auditor'",
            // The owner has one too.
            "SELECT count(*) - 1 FROM credentials",
            "SELECT count(*) FROM jobs",
            "SELECT count(*) FROM idempotency_keys WHERE result <> ''",
        ] {
            assert_eq!(app.count(of_each).await, created, "{of_each}");
        }
        // Whoever lost patience asks again with the same key: what was done is answered, what was not is done.
        for number in (0..=300).step_by(7) {
            let again = app.send(create(&app, number)).await.expect(201).json();
            if let Some(user) = found.get(&format!("q{number}@acme.example")) {
                assert_eq!(again["id"], user["id"]);
            }
        }
    }

    async fn a_suspension_that_is_dropped_is_done_wholly_or_not_at_all(app: TestApp) {
        let mut people = Vec::new();
        for number in 0..120 {
            people.push(app.person(&format!("Quelle{number}"), Role::Auditor).await);
        }
        let ask = |number: usize| {
            let path = format!("/users/{}/suspend", people[number].id);
            api_request(Method::POST, "acme", &path, &app.owner.token, &json!({"reason": "other"}))
        };
        let (mut acknowledged, mut patience) = (Vec::new(), Patience::new());
        for number in 0..people.len() {
            if let Some(answer) = patience.ask(app.send(ask(number))).await {
                answer.expect(200);
                acknowledged.push(number);
            }
        }
        until_quiet(&app).await;
        let found = found(&app, "quelle").await;
        assert_eq!(found.len(), people.len());
        let mut suspended = 0;
        for (number, person) in people.iter().enumerate() {
            let is_suspended = found[&person.email]["state"] == "suspended";
            suspended += usize::from(is_suspended);
            assert!(is_suspended || !acknowledged.contains(&number), "{number}");
            let events = app.events(&person.id.to_string()).await;
            let recorded = events.iter().filter(|event| *event == "user.suspended").count();
            assert_eq!(recorded, usize::from(is_suspended), "{number}: {events:?}");
            let whoami = api_request(Method::GET, "acme", "/whoami", &person.token, &Value::Null);
            app.send(whoami).await.expect(if is_suspended { 401 } else { 200 });
            let version = if is_suspended { 2 } else { 1 };
            assert_eq!(found[&person.email]["version"], version, "{number}");
        }
        assert!(suspended > acknowledged.len(), "no dropped request was carried out: nothing was tried");
        let tokens = "SELECT count(*) FROM tokens t JOIN users u ON u.org_id = t.org_id AND u.id = t.user_id \
                      WHERE u.state = 'suspended'";
        assert_eq!(app.count(tokens).await, 0);
    }

    /// More requests are dropped at once than there are connections, over and over; then everybody is served.
    async fn a_crowd_that_goes_away_leaves_everything_free(app: TestApp) {
        let person = app.person("Ana", Role::Member).await;
        let mut dice = Dice::new(3);
        for _ in 0..10 {
            let crowd = (0..64).map(|number| {
                let suspend = format!("/users/{}/{}", person.id, ["suspend", "reactivate"][number % 2]);
                let body = if number % 2 == 0 { json!({"reason": "other"}) } else { json!({}) };
                let request = api_request(Method::POST, "acme", &suspend, &app.owner.token, &body);
                let polls = usize::try_from(1 + dice.roll(20)).unwrap();
                impatient(app.send(request), polls)
            });
            futures_util::future::join_all(crowd.collect::<Vec<_>>()).await;
        }
        until_quiet(&app).await;
        for number in 0..32 {
            app.create("Bo", "Ng", &format!("bo{number}@acme.example")).await;
        }
        let changes = "SELECT count(*) FROM audit_entries WHERE event IN ('user.suspended', 'user.reactivated')";
        let version = app.get(&format!("/users/{}", person.id)).await.json()["version"].as_i64().unwrap();
        assert_eq!(app.count(changes).await, version - 1, "a change without its entry, or an entry without its change");
    }
}
