//! Two nodes of one database whose clocks differ: no protection ends early because of the other's clock, none lasts longer
//! than it is long, and it is said which node is behind.

use std::{sync::Arc, time::Duration};

use ::app::{App, clock::ClockFinding};
use axum::Router;
use model::Role;

use crate::{
    app::{Engine, PASSWORD, Somebody, TestApp, TestClock},
    known_devices::try_with,
    patience::eventually,
};

const WRONG: &str = "wrong-canyon-harbor";
const MINUTE: Duration = Duration::from_secs(60);
/// The other node's clock is ahead by so much.
const AHEAD: i64 = 300;

/// Two nodes, the second with a clock ahead, both known to each other.
struct Two {
    app: TestApp,
    clock: Arc<TestClock>,
    other: App,
    router: Router,
}

impl Two {
    async fn new() -> Self {
        let app = TestApp::new(Engine::Postgres).await;
        app.app.watch_clock().await.unwrap();
        let clock = app.clock.ahead_by(AHEAD);
        let (other, router) = app.second_by(clock.clone()).await;
        other.watch_clock().await.unwrap();
        let two = Self { app, clock, other, router };
        let living = "SELECT count(*) FROM nodes WHERE seen_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 1000000";
        eventually("both live", async || two.app.count(living).await == 2).await;
        two
    }

    fn later(&self, duration: Duration) {
        self.app.later(duration);
        self.clock.later(duration);
    }

    /// Twenty wrong passwords from everywhere on a node: a lock of a quarter of an hour.
    async fn lock(&self, node: &Router, name: &str) -> Somebody {
        let person = self.app.person(name, Role::Member).await;
        for number in 0..20 {
            try_with(node, &format!("198.51.100.{number}"), "", &person.email, WRONG).await.expect(422);
        }
        person
    }

    async fn is_locked(&self, node: &Router, who: &Somebody) -> bool {
        try_with(node, "192.0.2.1", "", &who.email, PASSWORD).await.status == 422
    }

    /// The second node goes away; the first finds itself alone.
    async fn alone(self) -> TestApp {
        let Self { app, other, router, .. } = self;
        drop(router);
        other.close().await;
        drop(other);
        let living = "SELECT count(*) FROM nodes WHERE seen_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 2000000";
        eventually("one lives", async || app.count(living).await == 1).await;
        app
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_another_clock_moves_nobodys_locks_while_it_lives_or_when_it_goes() {
    let two = Two::new().await;
    let here = two.lock(&two.app.router.clone(), "Here").await;
    let there = two.lock(&two.router.clone(), "There").await;
    two.later(MINUTE);
    // While both live, nothing is moved by either, and both refuse both.
    for node in [&two.app.app, &two.other, &two.app.app] {
        node.watch_clock().await.unwrap();
    }
    for node in [&two.app.router, &two.router] {
        assert!(two.is_locked(node, &here).await && two.is_locked(node, &there).await);
    }
    assert_eq!(two.app.count("SELECT count(*) FROM clock WHERE set_at > 0").await, 0);
    // Which is behind is said, also by a program on that machine that is no node: `muster doctor`.
    assert!(
        matches!(two.app.app.clock_finding().await.unwrap(), ClockFinding::Apart(by) if by == -AHEAD * 1_000_000)
    );
    let (doctor, _) = two.app.second_by(two.app.clock.clone()).await;
    assert!(matches!(doctor.clock_finding().await.unwrap(), ClockFinding::Apart(by) if by < -200_000_000));
    doctor.close().await;
    drop(doctor);
    assert_eq!(two.other.clock_finding().await.unwrap(), ClockFinding::Fine);
    let app = two.alone().await;
    app.app.watch_clock().await.unwrap();
    assert_eq!(app.app.clock_finding().await.unwrap(), ClockFinding::Fine);
    let is_locked = async |who: &Somebody| {
        try_with(&app.router, "192.0.2.1", "", &who.email, PASSWORD).await.status == 422
    };
    // A minute is over, 14 are left of each.
    app.later(13 * MINUTE + MINUTE / 2);
    app.app.watch_clock().await.unwrap();
    assert!(is_locked(&here).await, "its own lock ended early because another clock was ahead");
    assert!(is_locked(&there).await, "a lock of the node that is gone ended early");
    app.later(MINUTE);
    assert!(!is_locked(&here).await, "its own lock");
    assert!(!is_locked(&there).await, "a lock lasts as long as it is long, whoever's clock it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_on_one_of_two_nodes_changes_nothing() {
    let two = Two::new().await;
    let here = two.lock(&two.app.router.clone(), "Here").await;
    for step in [7200, -7200] {
        two.app.clock.set_by(step);
        two.app.app.watch_clock().await.unwrap();
        assert!(
            matches!(two.app.app.clock_finding().await.unwrap(), ClockFinding::Apart(by) if by == step * 1_000_000)
        );
        assert!(two.is_locked(&two.app.router, &here).await && two.is_locked(&two.router, &here).await);
        two.app.clock.set_by(-step);
        two.app.app.watch_clock().await.unwrap();
    }
    assert_eq!(two.app.count("SELECT count(*) FROM clock WHERE set_at > 0").await, 0);
}
