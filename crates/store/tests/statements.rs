//! Every statement in the files of the nouns is prepared by both engines, whether or not another test reaches it.
//!
//! The texts are read out of the source: what can't be found there (the list of users is put together from parts) is
//! asked for in all its variants instead.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

mod texts;

use model::{
    Kind, OrgId, Role, Status, Timestamp,
    filter::{Sort, UserQuery},
    rights::Reach,
};
use store::{
    Database, Engine, Options,
    testing::{Postgres, Scratch},
    user_list,
};
use uuid::Uuid;

/// `check` answers what is wrong with a statement.
async fn all_are_accepted(engine: Engine, mut check: impl AsyncFnMut(&str) -> Option<String>) {
    let mut wrong = Vec::new();
    for (file, statement) in texts::statements(engine) {
        if let Some(error) = check(&statement).await {
            wrong.push(format!("{file}: {error}\n    {statement}"));
        }
    }
    assert!(wrong.is_empty(), "{engine:?} refuses:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn sqlite_accepts_every_statement() {
    let scratch = Scratch::new();
    let database = Database::open(&Options::new(scratch.sqlite())).await.unwrap();
    database.migrate().await.unwrap();
    let driver = rusqlite::Connection::open(scratch.path().join("muster.db")).unwrap();
    all_are_accepted(Engine::Sqlite, async |sql| driver.prepare(sql).err().map(|error| error.to_string()))
        .await;
}

#[tokio::test]
async fn postgres_accepts_every_statement() {
    let url = Postgres::shared().database();
    let database = Database::open(&Options::new(&url)).await.unwrap();
    database.migrate().await.unwrap();
    let (driver, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    all_are_accepted(Engine::Postgres, async |sql| {
        let refused = driver.prepare(sql).await.err()?;
        Some(refused.as_db_error().map_or_else(|| refused.to_string(), |said| said.message().to_owned()))
    })
    .await;
}

/// Every combination of what one can ask of the list of users, with `search`.
fn queries(search: &str) -> Vec<UserQuery> {
    let statuses = [vec![], vec![Status::Active], vec![Status::Locked], Status::ALL.to_vec()];
    let mut queries = Vec::new();
    for sort in [Sort::Name, Sort::Username, Sort::LastSignIn, Sort::Created] {
        for descending in [false, true] {
            for statuses in &statuses {
                for role in [None, Some(Role::Owner), Some(Role::Member)] {
                    queries.push(UserQuery {
                        search: search.to_owned(),
                        statuses: statuses.clone(),
                        role: role.map(Into::into),
                        sort,
                        descending,
                        ..UserQuery::default()
                    });
                }
            }
        }
    }
    queries
}

#[tokio::test]
async fn every_list_of_users_can_be_asked_for() {
    let scratch = Scratch::new();
    for url in [scratch.sqlite(), Postgres::shared().database()] {
        let database = Database::open(&Options::new(url)).await.unwrap();
        database.migrate().await.unwrap();
        let context = OrgId(Uuid::from_u128(1)).into();
        let odd = [
            "",
            "ada",
            "ada lovelace king",
            "a",
            "\"",
            "50%_\\",
            "'; --",
            "ada* OR (",
            "NEAR(",
            "Ünï",
            "\0 ada",
        ];
        for query in odd.iter().flat_map(|search| queries(search)) {
            let page = database
                .read(async |connection| {
                    user_list::page(connection, context, &query, &Reach::Everybody, Timestamp::from_micros(1))
                        .await
                })
                .await;
            match page {
                Ok(page) => assert!(page.items.is_empty()),
                Err(error) => assert_ne!(error.kind(), Kind::Internal, "{query:?}: {:?}", error.detail()),
            }
        }
    }
}
