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
use rusqlite::StatementStatus;
use store::{
    Database, Engine, Options,
    testing::{self, Postgres, Scratch},
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

/// A statement that is used again is planned once, whatever it is given: the second use only runs it.
#[tokio::test]
async fn sqlite_plans_every_statement_once() {
    let scratch = Scratch::new();
    let database = Database::open(&Options::new(scratch.sqlite())).await.unwrap();
    database.migrate().await.unwrap();
    let driver = testing::sqlite_connection(&scratch.path().join("muster.db"));
    let mut texts = texts::statements(Engine::Sqlite);
    texts.extend(
        store::audit_list::texts().into_iter().map(|text| ("audit_list.rs".to_owned(), text.to_owned())),
    );
    let mut again = Vec::new();
    for (file, text) in texts {
        driver.execute_batch("SAVEPOINT use").unwrap();
        let mut statement = driver.prepare(&text).unwrap();
        for round in [1_i64, 7, 3] {
            for position in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(position, round).unwrap();
            }
            let mut rows = statement.raw_query();
            // What a rule of the schema or a wrong kind of value refuses has been planned all the same.
            while let Ok(Some(_)) = rows.next() {}
            drop(rows);
            statement.clear_bindings();
        }
        if statement.get_status(StatementStatus::RePrepare) > 0 {
            again.push(format!("{file}: {text}"));
        }
        drop(statement);
        driver.execute_batch("ROLLBACK TO use; RELEASE use").unwrap();
    }
    assert!(again.is_empty(), "planned again at another use:\n{}", again.join("\n"));
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
                        reader: model::page::Reader::default(),
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
