//! PostgreSQL alone: deadlocks, repeats, lost connections, nodes that start together.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::{
    Fixture, add, add_counted, close_gate, eventually, insert, open_gate, proof, until_at_gate, write,
};
use model::{Error, Kind, Result};
use store::{
    Attempt, Connection, Database, Lane, Options,
    testing::{Postgres, Scratch},
    values,
};
use tokio::sync::Barrier;

/// Touches two people, one after the other; in the first attempt it waits in between for the other one.
async fn touch_both(
    database: Database,
    keys: [i64; 2],
    meet: Arc<Barrier>,
    runs: Arc<AtomicUsize>,
) -> Result<()> {
    let own_runs = AtomicUsize::new(0);
    write(&database, Lane::Interactive, async move |connection| {
        runs.fetch_add(1, Ordering::SeqCst);
        let sql = "UPDATE people SET version = version + 1 WHERE key = $1";
        connection.execute(sql, values![keys[0]]).await?;
        if own_runs.fetch_add(1, Ordering::SeqCst) == 0 {
            meet.wait().await;
        }
        connection.execute(sql, values![keys[1]]).await?;
        Ok(Attempt::Commit(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_nobodys_answer() {
    let fixture = Fixture::postgres().await;
    add(&fixture.database, 1).await.unwrap();
    add(&fixture.database, 2).await.unwrap();
    let (meet, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let tasks = [[1, 2], [2, 1]].map(|keys| {
        tokio::spawn(touch_both(fixture.database.clone(), keys, Arc::clone(&meet), Arc::clone(&runs)))
    });
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(fixture.count("SELECT count(*) FROM people WHERE version = 3").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contention_without_end_is_answered_after_six_tries() {
    let fixture = Fixture::postgres().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let answer = write(&fixture.database, Lane::Interactive, async move |connection| {
        counted.fetch_add(1, Ordering::SeqCst);
        let sql = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$";
        connection.execute(sql, values![]).await?;
        Ok(Attempt::Commit(()))
    });
    let error = answer.await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "database.contention"));
    assert_eq!(runs.load(Ordering::SeqCst), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_swallows_a_deadlock_is_run_again_all_the_same() {
    let fixture = Fixture::postgres().await;
    let runs = AtomicUsize::new(0);
    let proof = proof();
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, 1).await?;
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            let sql = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'deadlock_detected'; END $$";
            drop(connection.execute(sql, values![]).await);
        }
        Ok(Attempt::Commit(()))
    };
    fixture.database.transaction(proof, Lane::Interactive, work, |(), _| {}).await.unwrap();
    fixture.assert_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_before_commit_has_written_nothing_and_is_replaced() {
    let fixture = Fixture::postgres_on(Postgres::shared(), 2).await;
    for _ in 0..6 {
        let proof = proof();
        let answer = write(&fixture.database, Lane::Interactive, async move |connection| {
            insert(connection, proof, 1).await?;
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())", values![]).await?;
            Ok(Attempt::Commit(()))
        });
        assert_eq!(answer.await.unwrap_err().kind(), Kind::Unavailable);
    }
    add(&fixture.database, 1).await.unwrap();
    fixture.assert_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_gives_its_connection_back() {
    let fixture = Fixture::postgres_on(Postgres::shared(), 2).await;
    let mut backends = BTreeSet::new();
    for key in 0..8 {
        let proof = proof();
        let (says, said) = std::sync::mpsc::channel();
        let answer = write(&fixture.database, Lane::Interactive, async move |connection| {
            insert(connection, proof, key).await?;
            let (backend,): (i64,) = connection.one("SELECT pg_backend_pid()::bigint", values![]).await?;
            says.send(backend).unwrap();
            assert!(key > 100, "a defect");
            Ok(Attempt::Commit(()))
        });
        let error: Error = answer.await.unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert!(error.detail().unwrap().contains("a defect"));
        backends.insert(said.recv().unwrap());
    }
    assert!(backends.len() <= 2, "{} connections were used up", backends.len());
    fixture.until_idle().await;
    fixture.assert_whole(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_in_a_commit_is_found_again_and_asked() {
    let server = Postgres::start();
    let fixture = Fixture::postgres_on(&server, 4).await;
    close_gate(&fixture.database).await;
    let after = Arc::new(AtomicUsize::new(0));
    let (database, counted) = (fixture.database.clone(), Arc::clone(&after));
    let request = tokio::spawn(async move { add_counted(&database, 1, counted).await });
    until_at_gate(&fixture).await;
    tokio::task::block_in_place(|| server.crash_and_restart());
    // It was before its commit. Where the restart takes long, that can't be known in time.
    let error = request.await.unwrap().unwrap_err();
    let followed = after.load(Ordering::SeqCst);
    match error.kind() {
        Kind::Unavailable => assert_eq!(followed, 0),
        kind => assert_eq!((kind, followed), (Kind::OutcomeUnknown, 1)),
    }
    // The pool notices its dead connections by itself.
    eventually(async || {
        fixture
            .database
            .read(async |on| on.one::<(i64,)>("SELECT count(*) FROM people", values![]).await)
            .await
            .is_ok()
    })
    .await;
    fixture.assert_whole(0).await;
    open_gate(&fixture.database).await;
    add(&fixture.database, 1).await.unwrap();
    fixture.assert_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_migrate_once() {
    let url = Postgres::shared().database();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Database::open(&Options::new(&url)).await.unwrap());
    }
    let steps = nodes[0].pending_migrations().await.unwrap();
    let tasks: Vec<_> = nodes
        .iter()
        .map(|node| {
            let node = node.clone();
            tokio::spawn(async move { node.migrate().await })
        })
        .collect();
    let mut applied = 0;
    for task in tasks {
        applied += task.await.unwrap().unwrap();
    }
    assert_eq!(applied, steps);
    for node in &nodes {
        assert_eq!(node.pending_migrations().await.unwrap(), 0);
        assert_eq!(node.migrate().await.unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_migrated_once_too() {
    let scratch = Scratch::new();
    let database = Database::open(&Options::new(scratch.sqlite())).await.unwrap();
    let steps = database.pending_migrations().await.unwrap();
    assert_eq!(database.migrate().await.unwrap(), steps);
    assert_eq!(database.migrate().await.unwrap(), 0);
    assert_eq!(database.pending_migrations().await.unwrap(), 0);
}

/// The server stands still in the middle of a statement, and the machine goes on acknowledging what is sent to it: whoever
/// waits is told so well before the end of what takes its time, and the pool goes on once the server does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_told_of_in_time() {
    let server = Postgres::start();
    let fixture = Fixture::postgres_on(&server, 4).await;
    add(&fixture.database, 1).await.unwrap();
    let count = "SELECT count(*) FROM people";
    // Both wait on connections that are frozen.
    let held = |database: Database, patient: bool, gate: Arc<Barrier>| async move {
        let work = async move |connection: &mut Connection<'_>| {
            gate.wait().await;
            gate.wait().await;
            connection.one::<(i64,)>(count, &[]).await
        };
        if patient { database.read_blocking(work).await } else { database.read(work).await }
    };
    let gate = Arc::new(Barrier::new(3));
    let waiting = tokio::spawn(held(fixture.database.clone(), false, Arc::clone(&gate)));
    let taking_its_time = tokio::spawn(held(fixture.database.clone(), true, Arc::clone(&gate)));
    gate.wait().await;
    let frozen = server.freeze();
    gate.wait().await;
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Unavailable, "database.unreachable"));
    assert!(!taking_its_time.is_finished(), "a report has more time");
    drop(frozen);
    assert_eq!(taking_its_time.await.unwrap().unwrap(), (1,));
    assert_eq!(fixture.count(count).await, 1);
}
