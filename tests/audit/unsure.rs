//! A COMMIT of which nobody knows whether it was done: no alarm where it was not, and the usual ones where it was.

use axum::http::Method;
use store::testing::fail_next_commit;

use super::*;
use crate::{
    app::{Answer, Engine, api_request},
    patience::use_first,
    wire::{Line, Loss, Wire},
};

/// What is wrong with the log, once this node has looked for what it has committed.
async fn alarms(app: &TestApp, node: &::app::App) -> Vec<String> {
    node.look_for_committed(Duration::ZERO).await.unwrap();
    let troubles = node.audit_troubles(app.org.id).unwrap();
    troubles.into_iter().map(|trouble| trouble.code).collect()
}

/// A node whose next COMMIT is lost, with all of its connections.
struct Node {
    app: TestApp,
    program: ::app::App,
    router: axum::Router,
    wire: Wire,
}

impl Node {
    async fn new() -> Self {
        let app = TestApp::new(Engine::Postgres).await;
        let wire = Wire::to(&app.url).await;
        let (program, router) = app.second_through(&wire.url).await;
        Self { app, program, router, wire }
    }

    async fn create(&self, email: &str) -> Answer {
        let body = json!({"given_name": "Bo", "email": email});
        let request = api_request(Method::POST, "acme", "/users", &self.app.owner.token, &body);
        send(&self.router, request).await
    }

    /// Creates somebody without ever learning whether that was done.
    async fn create_unsure(&self, loss: Loss, email: &str) {
        use_first(&self.app, &self.router, &self.app.owner.token).await;
        self.wire.lose_commit(loss);
        let answer = self.create(email).await.expect(503);
        assert_eq!(answer.code(), "outcome_unknown");
        self.wire.set(Line::Open);
    }

    async fn alarms(&self) -> Vec<String> {
        alarms(&self.app, &self.program).await
    }

    /// Takes the entry that somebody was created out of the log, as nobody may, and expects the alarm.
    async fn expect_guarded(&self) {
        run(&self.app, &[
            "DELETE FROM audit_pending WHERE entry_id IN (SELECT e.id FROM audit_entries e JOIN users u ON u.id = e.target \
             WHERE u.email_key = 'bo@acme.example')",
            "DELETE FROM audit_entries WHERE target = (SELECT id FROM users WHERE email_key = 'bo@acme.example')",
        ])
        .await;
        assert_eq!(self.alarms().await, ["entry.lost"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_committed_after_all_raises_no_alarm() {
    let node = Node::new().await;
    node.create_unsure(Loss::Question, "bo@acme.example").await;
    assert_eq!(node.app.count("SELECT count(*) FROM users WHERE email_key = 'bo@acme.example'").await, 0);
    assert_eq!(node.alarms().await, [] as [&str; 0]);
    // Afterwards everything goes on, and what is certain is guarded as before.
    node.create("bo@acme.example").await.expect(201);
    node.expect_guarded().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_after_all_is_guarded_once_it_was_seen() {
    let node = Node::new().await;
    node.create_unsure(Loss::Answer, "bo@acme.example").await;
    assert_eq!(node.app.count("SELECT count(*) FROM users WHERE email_key = 'bo@acme.example'").await, 1);
    assert_eq!(node.alarms().await, [] as [&str; 0]);
    node.expect_guarded().await;
}

/// As long as its transaction may still be under way, nobody decides; it is committed, and then guarded as every other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_under_way_is_waited_for() {
    let node = Node::new().await;
    node.create_unsure(Loss::Late, "bo@acme.example").await;
    assert_eq!(node.alarms().await, [] as [&str; 0]);
    assert_eq!(node.app.count("SELECT count(*) FROM users WHERE email_key = 'bo@acme.example'").await, 0);
    node.wire.deliver().await;
    assert_eq!(node.app.count("SELECT count(*) FROM users WHERE email_key = 'bo@acme.example'").await, 1);
    assert_eq!(node.alarms().await, [] as [&str; 0]);
    node.expect_guarded().await;
}

/// The same on `SQLite`, whose writer stops.
#[tokio::test]
async fn a_commit_that_failed_raises_no_alarm() {
    let app = TestApp::new(Engine::Sqlite).await;
    use_first(&app, &app.router, &app.owner.token).await;
    fail_next_commit(app.app.database(), 10);
    let answer =
        app.post("/users", json!({"given_name": "Bo", "email": "bo@acme.example"})).await.expect(503);
    assert_eq!(answer.code(), "outcome_unknown");
    assert_eq!(alarms(&app, &app.app).await, [] as [&str; 0]);
}
