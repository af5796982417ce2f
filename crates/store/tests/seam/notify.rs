//! What nodes tell each other, and that a node knows when it has gone deaf.

use std::{sync::Arc, time::Duration};

use crate::support::{Fixture, eventually, refusal, write};
use parking_lot::Mutex;
use store::{Attempt, Database, Lane, Listener, Options, values};
use tokio::time::Instant;
use uuid::Uuid;

/// One node: what it has heard, and how often listening has begun.
struct Node {
    heard: Arc<Mutex<Vec<String>>>,
    beginnings: Arc<Mutex<usize>>,
    listener: Listener,
}

impl Node {
    fn start(database: &Database, id: u128) -> Self {
        let (heard, beginnings) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (payloads, begun) = (Arc::clone(&heard), Arc::clone(&beginnings));
        let delivered = move |payload: &str| payloads.lock().push(payload.to_owned());
        let connected = move || *begun.lock() += 1;
        let listener = database.notifications(Uuid::from_u128(id), delivered, connected).unwrap();
        Self { heard, beginnings, listener }
    }

    async fn until_beginning(&self, number: usize) {
        eventually(async || *self.beginnings.lock() >= number).await;
    }
}

async fn say(database: &Database, payload: &'static str) {
    let said = write(database, Lane::Interactive, async move |connection| {
        connection.notify(payload).await?;
        Ok(Attempt::Commit(()))
    });
    said.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_hears_what_was_committed_in_that_order_and_nothing_else() {
    let fixture = Fixture::postgres().await;
    let second = Database::open(&Options::new(&fixture.url)).await.unwrap();
    let nodes = [Node::start(&fixture.database, 1), Node::start(&second, 2)];
    for node in &nodes {
        node.until_beginning(1).await;
    }
    say(&fixture.database, "one").await;
    let refused = write(&fixture.database, Lane::Interactive, async |connection| {
        connection.notify("refused").await?;
        Err::<Attempt<()>, _>(refusal())
    });
    assert!(refused.await.is_err());
    let dry = write(&second, Lane::Interactive, async |connection| {
        connection.notify("dry").await?;
        Ok(Attempt::Discard(()))
    });
    dry.await.unwrap();
    say(&second, "two").await;
    say(&fixture.database, "three").await;
    for node in &nodes {
        eventually(async || node.heard.lock().len() >= 3).await;
        assert_eq!(*node.heard.lock(), ["one", "two", "three"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_gone_deaf_knows_it_and_listens_again() {
    let fixture = Fixture::postgres().await;
    let node = Node::start(&fixture.database, 1);
    let hears = async || !node.listener.is_late(Instant::now());
    eventually(hears).await;
    assert!(node.listener.is_late(Instant::now() + Duration::from_secs(60)), "no beat is as young as that");

    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND query LIKE 'LISTEN%'";
    let terminated = write(&fixture.database, Lane::Interactive, async |connection| {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        let (count,): (i64,) = connection.one(sql, values![]).await?;
        Ok(Attempt::Commit(count))
    });
    assert_eq!(terminated.await.unwrap(), 1);
    node.until_beginning(2).await;
    eventually(async || fixture.count(listening).await == 1).await;
    say(&fixture.database, "again").await;
    eventually(async || *node.heard.lock() == ["again"]).await;
    eventually(hears).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nobody_is_late_from_the_start() {
    let fixture = Fixture::postgres().await;
    let node = Node::start(&fixture.database, 1);
    // Its task has had no chance yet to connect, let alone to hear itself.
    assert!(node.listener.is_late(Instant::now()) || *node.beginnings.lock() > 0);
    let Node { listener, .. } = node;
    drop(listener);
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND query LIKE 'LISTEN%'";
    eventually(async || fixture.count(listening).await == 0).await;
    assert!(Fixture::sqlite().await.database.notifications(Uuid::nil(), |_| {}, || {}).is_none());
}
