//! PostgreSQL behind `PgBouncer`, and what a transaction may take for granted on any connection.

use std::time::Duration;

use crate::support::{Fixture, eventually, write};
use model::Kind;
use store::{
    Attempt, Database, Lane, Options, Value,
    testing::{PgBouncer, Postgres, listen_through},
    values,
};
use tokio::time::Instant;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_is_refused_with_a_sentence() {
    let url = Postgres::shared().database();
    let pooler = PgBouncer::start(Postgres::shared(), "transaction");
    for _ in 0..5 {
        let refused = Database::open(&Options::new(pooler.through(&url))).await.err().unwrap();
        assert_eq!(refused.kind(), Kind::Unavailable);
        // Before 1.21 it forgets prepared statements, too, and no other way to listen would help.
        assert!(refused.code().starts_with("database.pooler"), "{}", refused.code());
        assert!(refused.message().contains("database.url"), "{}", refused.message());
        // Where statements go around it but listening would not.
        let options = Options { listen_url: Some(pooler.through(&url)), ..Options::new(&url) };
        let refused = Database::open(&options).await.err().unwrap();
        assert_eq!(refused.code(), "database.pooler");
        assert!(refused.message().contains("database.listen_url"), "{}", refused.message());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_session_mode_is_no_different_from_the_server() {
    let url = Postgres::shared().database();
    let pooler = PgBouncer::start(Postgres::shared(), "session");
    let through =
        Database::open(&Options { pool_size: 4, ..Options::new(pooler.through(&url)) }).await.unwrap();
    through.migrate().await.unwrap();
    // A second node is not kept waiting by what the first has left behind.
    let direct = Database::open(&Options::new(&url)).await.unwrap();
    assert_eq!(direct.migrate_within(Duration::from_secs(10)).await.unwrap(), 0);
    let listener = through.notifications(Uuid::from_u128(1), |_| {}, || {}).unwrap();
    eventually(async || !listener.is_late(Instant::now())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_through_a_pooler_believes_nothing() {
    let fixture = Fixture::postgres().await;
    let pooler = PgBouncer::start(Postgres::shared(), "transaction");
    let listener = listen_through(&fixture.database, &pooler.through(&fixture.url), |_| {});
    for _ in 0..400 {
        assert!(listener.is_late(Instant::now()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a node can't hear counts, not what it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lives_and_is_not_heard_makes_caches_untrue() {
    let fixture = Fixture::postgres().await;
    let listener = fixture.database.notifications(Uuid::from_u128(1), |_| {}, || {}).unwrap();
    eventually(async || !listener.is_late(Instant::now())).await;
    let seen = async |id: u128| {
        write(&fixture.database, Lane::Interactive, async move |connection| {
            let sql = "INSERT INTO nodes (id, seen_at) VALUES ($1, \
                       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) \
                       ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at";
            connection.execute(sql, &[Value::Id(Uuid::from_u128(id))]).await?;
            Ok(Attempt::Commit(()))
        })
        .await
        .unwrap();
    };
    eventually(async || {
        seen(2).await;
        listener.is_late(Instant::now())
    })
    .await;
    for _ in 0..50 {
        seen(2).await;
        assert!(listener.is_late(Instant::now()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It has gone away: nobody waits for it for ever.
    eventually(async || !listener.is_late(Instant::now())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_has_its_limits_on_a_connection_that_somebody_else_has_set_up() {
    let fixture = Fixture::postgres_on(Postgres::shared(), 2).await;
    let settings =
        ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "synchronous_commit"];
    let unset = async |on: &mut store::Connection<'_>| {
        for setting in settings {
            let off = if setting == "synchronous_commit" { "off" } else { "0" };
            let set: (String,) = on.one("SELECT set_config($1, $2, false)", values![setting, off]).await?;
            drop(set);
        }
        Ok(())
    };
    for _ in 0..4 {
        fixture.database.read(unset).await.unwrap();
    }
    let found = write(&fixture.database, Lane::Interactive, async move |connection| {
        let mut found = Vec::new();
        for setting in settings {
            let (value,): (String,) = connection.one("SELECT current_setting($1)", values![setting]).await?;
            found.push(value);
        }
        Ok(Attempt::Commit(found))
    });
    assert_eq!(found.await.unwrap(), ["5s", "30s", "5s", "on"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_another_that_migrates_is_told_so() {
    let url = Postgres::shared().database();
    let database = Database::open(&Options::new(&url)).await.unwrap();
    let (driver, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(hashtext('muster'), hashtext('migrations'))";
    driver.batch_execute(lock).await.unwrap();
    let refused = database.migrate_within(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Unavailable, "database.migrating"));
    driver.batch_execute("ROLLBACK").await.unwrap();
    assert!(database.migrate_within(Duration::from_millis(200)).await.unwrap() > 0);
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    let left: (i64,) = database.read(async |on| on.one(held, values![]).await).await.unwrap();
    assert_eq!(left.0, 0, "a lock that outlives its transaction keeps everybody out behind a pooler");
}
