//! Requests that go away: nothing hangs, nothing is half written, and no change misses what follows it.

use std::{
    collections::BTreeSet,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::{
    Fixture, add, add_counted, close_gate, eventually, impatient, insert, open_gate, proof, until_at_gate,
};
use model::Result;
use store::{Attempt, Connection, Database, Lane, testing::Postgres, values};
use tokio::sync::{Semaphore, mpsc};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_dropped_anywhere_neither_hang_nor_half_write() {
    for fixture in Fixture::both().await {
        let after = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let (database, after) = (fixture.database.clone(), Arc::clone(&after));
                tokio::spawn(async move {
                    let mut acknowledged = 0;
                    for number in 0..90 {
                        let add = add_counted(&database, caller * 1000 + number, Arc::clone(&after));
                        let answer = impatient(add, 1 << (number % 15)).await;
                        acknowledged += i64::from(answer.is_some_and(|answer| answer.is_ok()));
                    }
                    acknowledged
                })
            })
            .collect();
        let mut acknowledged = 0;
        for caller in callers {
            acknowledged += caller.await.unwrap();
        }
        add_counted(&fixture.database, 999_999, Arc::clone(&after)).await.unwrap();
        fixture.until_idle().await;
        let people = fixture.people().await;
        assert!(people > acknowledged, "{people} people, {acknowledged} acknowledged");
        fixture.assert_whole(people).await;
        eventually(async || i64::try_from(after.load(Ordering::SeqCst)).unwrap() == people).await;
    }
}

/// Inserts, says so, and never ends.
async fn stuck(database: Database, key: i64, begun: mpsc::UnboundedSender<i64>) -> Result<()> {
    let proof = proof();
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, key).await?;
        let (backend,): (i64,) = connection.one("SELECT pg_backend_pid()::bigint", values![]).await?;
        begun.send(backend).unwrap();
        pending::<Result<Attempt<()>>>().await
    };
    database.transaction(proof, Lane::Interactive, work, |(), _| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_dropped_before_its_commit_is_undone() {
    let fixture = Fixture::postgres().await;
    let (begun, mut beginnings) = mpsc::unbounded_channel();
    let request = tokio::spawn(stuck(fixture.database.clone(), 1, begun));
    beginnings.recv().await.unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    // Waits for the other's lock on the unique index, should it still be held.
    add(&fixture.database, 1).await.unwrap();
    fixture.until_idle().await;
    fixture.assert_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_under_way_is_ended_and_followed_up_though_nobody_waits() {
    let fixture = Fixture::postgres().await;
    close_gate(&fixture.database).await;
    let after = Arc::new(AtomicUsize::new(0));
    let (database, counted) = (fixture.database.clone(), Arc::clone(&after));
    let request = tokio::spawn(async move { add_counted(&database, 1, counted).await });
    until_at_gate(&fixture).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(after.load(Ordering::SeqCst), 0);
    open_gate(&fixture.database).await;
    eventually(async || after.load(Ordering::SeqCst) == 1).await;
    fixture.assert_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_dropped_requests_leaves_the_pool_as_it_was() {
    const SIZE: usize = 4;
    let fixture = Fixture::postgres_on(Postgres::shared(), SIZE).await;
    let before = burst(&fixture, 0).await;
    let after = burst(&fixture, 100).await;
    assert_eq!(before.len(), SIZE);
    assert_eq!(before, after, "the connections were closed instead of rolled back");
    add(&fixture.database, 1).await.unwrap();
    fixture.assert_whole(1).await;
}

/// Fills the pool with transactions and its queue with others, drops them all, and answers which connections it were.
async fn burst(fixture: &Fixture, first: i64) -> BTreeSet<i64> {
    let (begun, mut beginnings) = mpsc::unbounded_channel();
    let requests: Vec<_> = (first..first + 40)
        .map(|key| tokio::spawn(stuck(fixture.database.clone(), key, begun.clone())))
        .collect();
    let mut backends = BTreeSet::new();
    for _ in 0..4 {
        backends.insert(beginnings.recv().await.unwrap());
    }
    for request in &requests {
        request.abort();
    }
    for request in requests {
        assert!(request.await.unwrap_err().is_cancelled());
    }
    fixture.until_idle().await;
    backends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_that_nobody_waits_for_keep_their_turn() {
    let fixture = Fixture::sqlite().await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    for _ in 0..40 {
        let (running, most, gate) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&gate));
        let search = async move |_: &mut Connection<'_>| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            drop(gate.acquire().await);
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        assert!(impatient(fixture.database.read_blocking(search), 3).await.is_none());
    }
    eventually(async || running.load(Ordering::SeqCst) >= 4).await;
    gate.close();
    let sql = "SELECT count(*) FROM people";
    fixture.database.read_blocking(async move |on| on.one::<(i64,)>(sql, values![]).await).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 4);
}
