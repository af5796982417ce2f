//! What one job does must not reach another, on both engines: refusals, panics, dry runs, broken rules.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::support::{Fixture, add, add_counted, insert, proof, refusal, write};
use model::{Error, Kind, Result};
use store::{Attempt, Connection, Database, Lane, Outcome, values};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_everyone_is_answered_after_their_own_commit() {
    for fixture in Fixture::both().await {
        let after = Arc::new(AtomicUsize::new(0));
        let jobs: Vec<_> = (0..500)
            .map(|key| {
                let (database, after) = (fixture.database.clone(), Arc::clone(&after));
                tokio::spawn(async move {
                    add_counted(&database, key, after).await?;
                    let sql = "SELECT 1 FROM people WHERE key = $1";
                    database.read(async move |on| on.one::<(i64,)>(sql, values![key]).await).await
                })
            })
            .collect();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        assert_eq!(after.load(Ordering::SeqCst), 500);
        fixture.assert_whole(500).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_panics_and_dry_runs_lose_only_themselves() {
    for fixture in Fixture::both().await {
        let after = Arc::new(AtomicUsize::new(0));
        let jobs: Vec<_> = (0..200)
            .map(|key| {
                let (database, after) = (fixture.database.clone(), Arc::clone(&after));
                tokio::spawn(mixed(database, key, after))
            })
            .collect();
        for (key, job) in (0..).zip(jobs) {
            let answer = job.await.unwrap();
            match key % 4 {
                1 => assert_eq!(answer.unwrap_err().kind(), Kind::NotFound),
                2 => assert_eq!(answer.unwrap_err().kind(), Kind::Internal),
                _ => assert_eq!(answer.unwrap(), key),
            }
        }
        assert_eq!(after.load(Ordering::SeqCst), 50);
        fixture.assert_whole(50).await;
        fixture.until_idle().await;
    }
}

/// One of four is kept; the others are refused, panic, or are dry runs, all after having written.
async fn mixed(database: Database, key: i64, after: Arc<AtomicUsize>) -> Result<i64> {
    let proof = proof();
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, key).await?;
        match key % 4 {
            1 => Err(refusal()),
            2 => panic!("a defect of number {key}"),
            3 => Ok(Attempt::Discard(key)),
            _ => Ok(Attempt::Commit(key)),
        }
    };
    let count = move |_: &i64, _: Outcome| {
        after.fetch_add(1, Ordering::SeqCst);
    };
    database.transaction(proof, Lane::Interactive, work, count).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_sees_its_own_changes_and_leaves_none() {
    for fixture in Fixture::both().await {
        add(&fixture.database, 1).await.unwrap();
        let proof = proof();
        let seen = write(&fixture.database, Lane::Bulk, async move |connection| {
            insert(connection, proof, 2).await?;
            connection.index_search(proof.org, 1, None)?;
            connection.execute("DELETE FROM people WHERE key = 1", values![]).await?;
            let (key,): (i64,) = connection.one("SELECT key FROM people", values![]).await?;
            Ok(Attempt::Discard(key))
        });
        assert_eq!(seen.await.unwrap(), 2);
        fixture.assert_whole(1).await;
        add(&fixture.database, 2).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_defect_after_the_commit_takes_nobody_elses_answer() {
    for fixture in Fixture::both().await {
        let defective = fixture.database.clone();
        let defective = tokio::spawn(async move {
            let proof = proof();
            let work = async move |connection: &mut Connection<'_>| {
                insert(connection, proof, 1).await?;
                Ok(Attempt::Commit(()))
            };
            defective.transaction(proof, Lane::Interactive, work, |(), _| panic!("a defect")).await
        });
        let others: Vec<_> = (2..20)
            .map(|key| {
                let database = fixture.database.clone();
                tokio::spawn(async move { add(&database, key).await })
            })
            .collect();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(defective.await.unwrap().unwrap_err().kind(), Kind::OutcomeUnknown);
        fixture.assert_whole(19).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_taken_is_a_conflict() {
    for fixture in Fixture::both().await {
        add(&fixture.database, 1).await.unwrap();
        let error = add(&fixture.database, 1).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Conflict, "taken"));
        let detail = error.detail().unwrap();
        assert!(!detail.contains("person 1"), "people's data does not belong in a log: {detail}");
        fixture.assert_whole(1).await;
        add(&fixture.database, 2).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_after_a_failed_statement_keeps_nothing() {
    for fixture in Fixture::both().await {
        add(&fixture.database, 1).await.unwrap();
        for dry in [false, true] {
            let proof = proof();
            let answer = write(&fixture.database, Lane::Interactive, async move |connection| {
                insert(connection, proof, 2).await?;
                let taken = "INSERT INTO people VALUES (1, 'somebody else', 1)";
                drop(connection.execute(taken, values![]).await);
                Ok(if dry { Attempt::Discard(()) } else { Attempt::Commit(()) })
            });
            assert_eq!(answer.await.unwrap_err().kind(), Kind::Internal);
        }
        fixture.assert_whole(1).await;
    }
}

/// As the layer above wraps its own closure: its future must be one that any thread may run.
struct Operation<'o, 't> {
    connection: &'o mut Connection<'t>,
}

impl Operation<'_, '_> {
    async fn rename(&mut self, key: i64, name: &str) -> Result<()> {
        let sql = "UPDATE people SET name = $2, version = version + 1 WHERE key = $1";
        let renamed = self.connection.execute(sql, values![key, name]).await?;
        if renamed == 1 { Ok(()) } else { Err(Error::not_found()) }
    }
}

async fn run<T, W>(database: &Database, work: W) -> Result<T>
where
    W: AsyncFn(&mut Operation<'_, '_>) -> Result<T> + Send + Sync + 'static,
    T: Send + 'static,
{
    let wrapped = async move |connection: &mut Connection<'_>| {
        let mut operation = Operation { connection };
        work(&mut operation).await.map(Attempt::Commit)
    };
    database.transaction(proof(), Lane::Interactive, wrapped, |_, _| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_above_may_wrap_closures_and_spawn_them() {
    for fixture in Fixture::both().await {
        add(&fixture.database, 1).await.unwrap();
        let database = fixture.database.clone();
        let name = "Ada".to_owned();
        let renamed = tokio::spawn(async move {
            run(&database, async move |operation| operation.rename(1, &name).await).await?;
            let gone = run(&database, async |operation| operation.rename(2, "nobody").await).await;
            assert_eq!(gone.unwrap_err().kind(), Kind::NotFound);
            let sql = "SELECT name FROM people";
            database.read_blocking(async move |on| on.one::<(String,)>(sql, values![]).await).await
        });
        assert_eq!(renamed.await.unwrap().unwrap().0, "Ada");
    }
}
