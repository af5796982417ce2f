//! What is taken away is taken away: of the requests that begin after the acknowledgement none is accepted, while
//! thirty-two clients ask without a pause, whatever the way on which the right had come.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use axum::http::{Method, StatusCode};
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, api_request, send},
    patience::eventually,
};

const CLIENTS: usize = 32;

/// What the clients see.
#[derive(Default)]
struct Watch {
    taken: AtomicBool,
    stop: AtomicBool,
    accepted: AtomicU64,
    refused_since: AtomicU64,
    wrongly_accepted: AtomicU64,
}

/// Asks without a pause until told to stop.
async fn client(router: axum::Router, token: String, watch: Arc<Watch>) {
    while !watch.stop.load(SeqCst) {
        let was_taken = watch.taken.load(SeqCst);
        let asked = api_request(Method::GET, "acme", "/users?limit=1", &token, &Value::Null);
        let status = send(&router, asked).await.status;
        match (status, was_taken) {
            (StatusCode::OK, true) => watch.wrongly_accepted.fetch_add(1, SeqCst),
            (StatusCode::OK, false) => watch.accepted.fetch_add(1, SeqCst),
            (StatusCode::FORBIDDEN, true) => watch.refused_since.fetch_add(1, SeqCst),
            // Not given yet, or being taken.
            (StatusCode::FORBIDDEN, false) => 0,
            (other, _) => panic!("{other}"),
        };
        tokio::task::yield_now().await;
    }
}

/// A way to come to a right, and to lose it again.
struct Way {
    name: &'static str,
    give: (Method, String, Value),
    take: (Method, String, Value),
}

async fn ways(app: &TestApp, user: &str) -> Vec<Way> {
    let id = |answer: &Value| answer["id"].as_str().unwrap().to_owned();
    let mut groups = Vec::new();
    for name in ["Direct", "Outer", "Inner", "Bare"] {
        groups.push(id(&app.post("/groups", json!({"name": name})).await.expect(201).json()));
    }
    let [direct, outer, inner, bare] = groups.try_into().unwrap();
    let own =
        app.post("/roles", json!({"name": "Lister", "permissions": ["role:read"]})).await.expect(201).json();
    let own = own["role"].as_str().unwrap().to_owned();
    for group in [&direct, &outer] {
        app.post(&format!("/groups/{group}/roles"), json!({"role": "auditor"})).await.expect(200);
    }
    for group in [&inner, &bare] {
        let path = format!("/groups/{group}/members/{user}");
        app.call(Method::PUT, &path, &app.owner.token, json!({})).await.expect(200);
    }
    app.post(&format!("/users/{user}/roles"), json!({"role": own})).await.expect(200);
    let way = |name, give: (Method, String, Value), take: (Method, String, Value)| Way { name, give, take };
    let delete = |path: String| (Method::DELETE, path, Value::Null);
    vec![
        way(
            "a role",
            (Method::POST, format!("/users/{user}/roles"), json!({"role": "auditor"})),
            delete(format!("/users/{user}/roles/auditor")),
        ),
        way(
            "a membership",
            (Method::PUT, format!("/groups/{direct}/members/{user}"), json!({})),
            delete(format!("/groups/{direct}/members/{user}")),
        ),
        way(
            "a place in another group",
            (Method::PUT, format!("/groups/{outer}/groups/{inner}"), json!({})),
            delete(format!("/groups/{outer}/groups/{inner}")),
        ),
        way(
            "a group's role",
            (Method::POST, format!("/groups/{bare}/roles"), json!({"role": "auditor"})),
            delete(format!("/groups/{bare}/roles/auditor")),
        ),
        way(
            "a role's permission",
            (Method::PATCH, format!("/roles/{own}"), json!({"permissions": ["role:read", "user:list"]})),
            (Method::PATCH, format!("/roles/{own}"), json!({"permissions": ["role:read"]})),
        ),
    ]
}

on_both! {
    async fn nothing_is_accepted_after_the_acknowledgement(app: TestApp) {
        let app = Arc::new(app);
        let ana = app.person("Ana", Role::Member).await;
        let mut seen = 0;
        for way in ways(&app, &ana.id.to_string()).await {
            for round in 0..8 {
                let watch = Arc::new(Watch::default());
                let clients: Vec<_> = (0..CLIENTS)
                    .map(|_| tokio::spawn(client(app.router.clone(), ana.token.clone(), watch.clone())))
                    .collect();
                let what = format!("{}, round {round}", way.name);
                let (method, path, body) = way.give.clone();
                app.call(method, &path, &app.owner.token, body).await.expect(200);
                eventually(&what, async || watch.accepted.load(SeqCst) >= 200).await;
                let (method, path, body) = way.take.clone();
                let answer = app.call(method, &path, &app.owner.token, body).await;
                assert!(answer.status.is_success(), "{what}: {}", answer.text);
                watch.taken.store(true, SeqCst);
                eventually(&what, async || watch.refused_since.load(SeqCst) >= 400).await;
                watch.stop.store(true, SeqCst);
                for client in clients {
                    client.await.unwrap();
                }
                assert_eq!(watch.wrongly_accepted.load(SeqCst), 0, "{what}");
                seen += watch.refused_since.load(SeqCst);
            }
        }
        assert!(seen >= 5 * 8 * 400, "{seen}");
    }
}
