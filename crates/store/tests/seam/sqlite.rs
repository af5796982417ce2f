//! `SQLite` alone: its writer's groups, a full disk, a failed COMMIT, other processes, the end.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use crate::support::{Fixture, add, add_counted, eventually, impatient, insert, proof, stranger, write};
use model::{Kind, Result};
use parking_lot::Mutex;
use store::{
    Attempt, Connection, Database, Lane, Options, Outcome, Writing,
    testing::{fail_commits, fail_next_commit, hold_writer, limit_growth},
    values,
};
use tokio::task::JoinHandle;

/// Keeps the writer from its queue until the answer is dropped.
async fn held(database: &Database) -> mpsc::Sender<()> {
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (hold, end) = mpsc::channel::<()>();
    let database = database.clone();
    tokio::spawn(async move {
        hold_writer(&database, move || {
            begun.send(()).unwrap();
            // An error is the signal: the other end was dropped.
            assert!(end.recv().is_err());
        })
        .await;
    });
    has_begun.await.unwrap();
    hold
}

/// Queues the jobs in their order and answers their tasks.
async fn queued<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<JoinHandle<T>> {
    let mut tasks = Vec::new();
    for job in jobs {
        let mut job = Box::pin(job);
        // The first poll puts it into the queue.
        assert!(impatient(job.as_mut(), 1).await.is_none());
        tasks.push(tokio::spawn(job));
    }
    tasks
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Ran(Lane),
    After,
}

async fn logged(database: Database, lane: Lane, key: i64, log: Arc<Mutex<Vec<Event>>>) -> Result<()> {
    let (proof, ran) = (proof(), Arc::clone(&log));
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, key).await?;
        ran.lock().push(Event::Ran(lane));
        Ok(Attempt::Commit(()))
    };
    database.transaction(proof, lane, work, move |(), _| log.lock().push(Event::After)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_wait_share_a_commit_and_imports_take_one_place_in_it() {
    let fixture = Fixture::sqlite().await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let hold = held(&fixture.database).await;
    let jobs: Vec<_> = (0..120)
        .map(|key| {
            let lane = if key % 10 == 0 { Lane::Bulk } else { Lane::Interactive };
            logged(fixture.database.clone(), lane, key, Arc::clone(&log))
        })
        .collect();
    let tasks = queued(jobs).await;
    drop(hold);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    fixture.assert_whole(120).await;
    let log = log.lock();
    let groups: Vec<&[Event]> =
        log.split(|event| *event == Event::After).filter(|ran| !ran.is_empty()).collect();
    assert!(groups.iter().any(|group| group.len() > 1), "no two jobs shared a commit");
    for group in groups {
        let bulk = group.iter().filter(|event| **event == Event::Ran(Lane::Bulk)).count();
        assert!(bulk <= 1, "{bulk} chunks in one group");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_visible_to_others_before_what_follows_runs() {
    let fixture = Fixture::sqlite().await;
    let count = |file: &std::path::Path| -> i64 {
        stranger(file).query_row("SELECT count(*) FROM people", [], |row| row.get(0)).unwrap()
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (during, file) = (Arc::clone(&seen), fixture.file());
    let (afterwards, same_file, proof) = (Arc::clone(&seen), fixture.file(), proof());
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, 1).await?;
        during.lock().push(count(&file));
        Ok(Attempt::Commit(()))
    };
    let after = move |&(): &(), _: Outcome| afterwards.lock().push(count(&same_file));
    fixture.database.transaction(proof, Lane::Interactive, work, after).await.unwrap();
    assert_eq!(*seen.lock(), [0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn awaiting_anything_but_the_store_is_a_defect_that_loses_only_itself() {
    let fixture = Fixture::sqlite().await;
    let hold = held(&fixture.database).await;
    let jobs: Vec<_> = (0..30)
        .map(|key| {
            let (database, proof) = (fixture.database.clone(), proof());
            async move {
                write(&database, Lane::Interactive, async move |connection| {
                    insert(connection, proof, key).await?;
                    if key % 2 == 0 {
                        tokio::task::yield_now().await;
                    }
                    Ok(Attempt::Commit(()))
                })
                .await
            }
        })
        .collect();
    let tasks = queued(jobs).await;
    drop(hold);
    for (key, task) in tasks.into_iter().enumerate() {
        let kind = task.await.unwrap().map_err(|error| error.kind());
        assert_eq!(kind, if key % 2 == 0 { Err(Kind::Internal) } else { Ok(()) });
    }
    fixture.assert_whole(15).await;
}

/// Adds a person after something that needs room. Who is `stubborn` goes on without that.
///
/// `SQLite` rolls the whole transaction back when such an INSERT finds no room. What came afterwards would be committed
/// all by itself.
async fn add_with_ballast(database: Database, key: i64, stubborn: bool) -> Result<()> {
    let proof = proof();
    write(&database, Lane::Interactive, async move |connection| {
        let ballast = "INSERT INTO ballast VALUES ($1)";
        let loaded = connection.execute(ballast, values![&[0_u8; 3000]]).await;
        if !stubborn {
            loaded?;
        }
        insert(connection, proof, key).await?;
        Ok(Attempt::Commit(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_what_it_can_not_hold_and_nothing_else() {
    let fixture = Fixture::sqlite().await;
    write(&fixture.database, Lane::Interactive, async |connection| {
        connection.execute("CREATE TABLE ballast (body bytea)", values![]).await?;
        Ok(Attempt::Commit(()))
    })
    .await
    .unwrap();
    limit_growth(&fixture.database, Some(60)).await;
    let jobs: Vec<_> = (0..400)
        .map(|key| tokio::spawn(add_with_ballast(fixture.database.clone(), key, key % 2 == 0)))
        .collect();
    let mut acknowledged = 0;
    for job in jobs {
        match job.await.unwrap() {
            Ok(()) => acknowledged += 1,
            Err(error) => assert!(
                ["database.full", "database.unavailable", "internal"].contains(&error.code()),
                "{error} {:?}",
                error.detail()
            ),
        }
    }
    assert!(acknowledged < 400);
    fixture.assert_whole(acknowledged).await;
    limit_growth(&fixture.database, None).await;
    add(&fixture.database, 1000).await.unwrap();
    fixture.assert_whole(acknowledged + 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_is_told_to_its_whole_group_and_stops_writing() {
    let fixture = Fixture::sqlite().await;
    add(&fixture.database, 1).await.unwrap();
    fail_commits(&fixture.database, true).await;
    let after = Arc::new(AtomicUsize::new(0));
    let hold = held(&fixture.database).await;
    let counted = queued((10..12).map(|key| {
        let (database, after) = (fixture.database.clone(), Arc::clone(&after));
        async move { add_counted(&database, key, after).await }
    }))
    .await;
    // A dry run and a refusal have seen what the others wrote: they know no more than those.
    let seen: Vec<_> = [true, false]
        .into_iter()
        .map(|dry| {
            let database = fixture.database.clone();
            async move {
                write(&database, Lane::Interactive, async move |connection| {
                    let (count,): (i64,) = connection.one("SELECT count(*) FROM people", values![]).await?;
                    if dry { Ok(Attempt::Discard(count)) } else { Err(model::Error::not_found()) }
                })
                .await
                .map(drop)
            }
        })
        .collect();
    let seen = queued(seen).await;
    drop(hold);
    for task in counted.into_iter().chain(seen) {
        // Should the machine be so slow that they made two groups, the second finds writing stopped.
        let code = task.await.unwrap().unwrap_err().code().to_owned();
        assert!(["outcome_unknown", "writing_stopped"].contains(&code.as_str()), "{code}");
    }
    assert!(after.load(Ordering::SeqCst) > 0, "caches must learn of what may have been written");
    assert!(!fixture.database.is_writable());

    fail_commits(&fixture.database, false).await;
    assert_eq!(add(&fixture.database, 50).await.unwrap_err().code(), "writing_stopped");
    fixture.assert_whole(1).await;
    fixture.database.close().await;
    let again = Database::open(&Options::new(&fixture.url)).await.unwrap();
    assert!(again.is_writable());
    add(&again, 50).await.unwrap();
    let fixture = fixture.with(again);
    fixture.assert_whole(2).await;
}

/// Full is not failed: undone, said, tried again, also when nobody writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_room_is_undone_and_the_next_goes_on() {
    let fixture = Fixture::sqlite().await;
    add(&fixture.database, 1).await.unwrap();
    for (round, key) in (2..6).enumerate() {
        fail_next_commit(&fixture.database, 13);
        let error = add(&fixture.database, key).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "database.full"));
        assert_eq!(fixture.database.writing(), Writing::Full);
        if round % 2 == 0 {
            eventually(async || fixture.database.writing() == Writing::Possible).await;
        } else {
            add(&fixture.database, 100 + key).await.unwrap();
            assert_eq!(fixture.database.writing(), Writing::Possible);
        }
    }
    fixture.assert_whole(3).await;
    limit_growth(&fixture.database, Some(0)).await;
    eventually(async || fixture.people().await > 0).await;
    let mut key = 1000;
    while add(&fixture.database, key).await.is_ok() {
        key += 1;
    }
    assert_eq!(fixture.database.writing(), Writing::Full, "no room in the middle of a change");
    limit_growth(&fixture.database, None).await;
    eventually(async || fixture.database.writing() == Writing::Possible).await;
}

/// Every other error in a COMMIT leaves in doubt what the file holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_failed_for_another_reason_stops_writing() {
    for code in [10, 778, 1034, 1290, 3338, 11, 26, 8, 7] {
        let fixture = Fixture::sqlite().await;
        fail_next_commit(&fixture.database, code);
        assert_eq!(add(&fixture.database, 1).await.unwrap_err().code(), "outcome_unknown", "{code}");
        assert_eq!(fixture.database.writing(), Writing::Stopped, "{code}");
        assert_eq!(add(&fixture.database, 2).await.unwrap_err().code(), "writing_stopped", "{code}");
        // Nothing else goes on writing either.
        assert_eq!(fixture.database.scrub().await.unwrap_err().code(), "writing_stopped", "{code}");
    }
}

/// What writes by itself commits, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrub_whose_commit_fails_stops_writing() {
    let fixture = Fixture::sqlite().await;
    for key in 0..20 {
        add(&fixture.database, key).await.unwrap();
    }
    fail_commits(&fixture.database, true).await;
    assert!(fixture.database.scrub().await.is_err());
    fail_commits(&fixture.database, false).await;
    assert_eq!(fixture.database.writing(), Writing::Stopped);
    assert_eq!(add(&fixture.database, 50).await.unwrap_err().code(), "writing_stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_writes_is_noticed() {
    let fixture = Fixture::sqlite().await;
    let mut foreign = fixture.database.foreign_writes().unwrap();
    add(&fixture.database, 1).await.unwrap();
    assert!(!foreign.has_changed().unwrap(), "own writes are not foreign");

    // Before anything is answered that was begun afterwards …
    let other = stranger(&fixture.file());
    other.execute("INSERT INTO people VALUES (2, 'from elsewhere', 1)", []).unwrap();
    add(&fixture.database, 3).await.unwrap();
    assert!(foreign.has_changed().unwrap());
    foreign.mark_unchanged();
    add(&fixture.database, 4).await.unwrap();
    assert!(!foreign.has_changed().unwrap());

    // … and also when nobody here writes.
    other.execute("DELETE FROM people WHERE key = 2", []).unwrap();
    tokio::time::timeout(Duration::from_secs(60), foreign.changed()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_serves_a_file_and_its_files_are_its_owners() {
    let fixture = Fixture::sqlite().await;
    let second = Database::open(&Options::new(&fixture.url)).await;
    assert_eq!(second.err().unwrap().code(), "database.in_use");
    add(&fixture.database, 1).await.unwrap();
    for entry in std::fs::read_dir(fixture.file().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    fixture.database.close().await;
    Database::open(&Options::new(&fixture.url)).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_sends_people_away_and_loses_nobody() {
    let fixture = Fixture::sqlite_with_queue(8).await;
    let hold = held(&fixture.database).await;
    let add_one = |key| {
        let database = fixture.database.clone();
        async move { add(&database, key).await }
    };
    let tasks = queued((0..8).map(add_one)).await;
    let refused = impatient(add_one(8), 1).await.expect("an answer at once").unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Unavailable, "overloaded"));
    assert!(refused.retry_after().is_some());
    drop(hold);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    fixture.assert_whole(8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_waits_for_what_was_taken_and_takes_no_more() {
    let fixture = Fixture::sqlite().await;
    let hold = held(&fixture.database).await;
    let tasks = queued((0..200).map(|key| {
        let database = fixture.database.clone();
        async move { add(&database, key).await }
    }))
    .await;
    let mut end = Box::pin(fixture.database.close());
    assert!(impatient(end.as_mut(), 1).await.is_none());
    assert_eq!(add(&fixture.database, 500).await.unwrap_err().code(), "shutting_down");
    drop(hold);
    end.await;
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let log = fixture.file().with_file_name("muster.db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0, "the log was not emptied");
    let people: i64 =
        stranger(&fixture.file()).query_row("SELECT count(*) FROM people", [], |row| row.get(0)).unwrap();
    assert_eq!(people, 200);
}
