//! After an upgrade that changed what makes two names the same, every row has the keys and search text of the new rules,
//! whichever it was written with; and of two names that have become the same both go on working.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

use model::{
    EntryId, GroupId, OrgContext, OrgId, Timestamp, User, UserFields, UserId,
    filter::UserQuery,
    group::{Group, GroupFields, name_key},
    rights::Reach,
};
use store::{
    Attempt, Connection, Database, Engine, Lane, Options, Proof, Value, groups,
    testing::{Postgres, Scratch},
    user_list, users,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
/// More than one chunk.
const USERS: u128 = 1_203;

fn context() -> OrgContext {
    OrgContext::from(OrgId(Uuid::from_u128(5)))
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number << 64 | 0x8000_0000_0000_0000))
}

async fn change<F>(database: &Database, entry: u128, work: F)
where
    F: AsyncFn(&mut Connection<'_>) -> model::Result<()> + Send + Sync + 'static,
{
    let proof = Proof { org: context().org, entry: EntryId(Uuid::from_u128(entry)) };
    let work = async move |connection: &mut Connection<'_>| {
        work(connection).await?;
        Ok(Attempt::Commit(()))
    };
    database.transaction(proof, Lane::Bulk, work, |(), _| {}).await.unwrap();
}

async fn write(connection: &mut Connection<'_>) -> model::Result<()> {
    for number in 0..USERS {
        let fields = UserFields {
            username: Some(format!("straße{number}")),
            email: Some(format!("straße{number}@x.example")),
            display_name: Some(format!("مُحَمَّد {number}")),
            phone: Some(format!("+49 (30) 555-{number:04}")),
            ..UserFields::default()
        };
        users::insert(connection, &User::new(user(number), context(), fields, NOW), None).await?;
    }
    let fields = GroupFields { name: "Entwürfe".to_owned(), description: String::new() };
    let (id, source) = (GroupId(Uuid::from_u128(1)), "local".to_owned());
    let group = Group { id, fields, source, external_id: None, created_at: NOW, updated_at: NOW, version: 1 };
    groups::insert(connection, context(), &group).await
}

/// As the earlier rules left the rows; user 1 is called as user 0 by the new ones.
async fn age(connection: &mut Connection<'_>) -> model::Result<()> {
    for number in 0..USERS {
        let (username, email) = (format!("straße{number}"), format!("straße{number}@x.example"));
        let sql = "UPDATE users SET username_key = $3, email_key = $4, search_text = '  old', sort_name = 'old' \
                   WHERE org_id = $1 AND id = $2";
        let bound = [context().org.into(), user(number).into(), Value::Text(&username), Value::Text(&email)];
        connection.execute(sql, &bound).await?;
    }
    let fields = UserFields { username: Some("STRASSE0".to_owned()), ..UserFields::default() };
    let sql = "UPDATE users SET username_key = 'strasse0', fields = $3 WHERE org_id = $1 AND id = $2";
    let fields = serde_json::to_string(&fields).unwrap();
    let bound = [context().org.into(), user(1).into(), Value::Json(&fields)];
    connection.execute(sql, &bound).await?;
    connection.execute("UPDATE groups SET name_key = 'old', search_name = ''", &[]).await?;
    connection.execute("UPDATE text_rules SET version = 0", &[]).await?;
    Ok(())
}

async fn upgraded(engine: Engine) {
    let scratch = Scratch::new();
    let url = match engine {
        Engine::Sqlite => scratch.sqlite(),
        Engine::Postgres => Postgres::shared().database(),
    };
    let database = Database::open(&Options::new(url)).await.unwrap();
    database.migrate().await.unwrap();
    change(&database, 1, write).await;
    change(&database, 2, age).await;
    assert_eq!(
        database.pending_migrations().await.unwrap(),
        1,
        "a server that starts must bring them up to date"
    );
    database.migrate().await.unwrap();
    assert_eq!(database.pending_migrations().await.unwrap(), 0);

    let read = async |connection: &mut Connection<'_>| {
        for typed in ["STRASSE7", "strasse7@x.example", "straße1202"] {
            let found = users::find_by_identifier(connection, context(), typed).await?;
            assert!(found.is_some(), "{typed}");
        }
        let one = users::find_by_identifier(connection, context(), "strasse0").await?.unwrap();
        assert_eq!(one.id, user(1), "who had the key already keeps it");
        let other = users::find_by_identifier(connection, context(), "strasse0@x.example").await?.unwrap();
        assert_eq!(other.id, user(0), "the other one is reached by email");
        let found = groups::find_by_name(connection, context(), &name_key("ENTWÜRFE")).await?;
        assert!(found.is_some());
        Ok(())
    };
    database.read(read).await.unwrap();
    for search in ["5551202", "محمد 1202"] {
        let query = UserQuery { search: search.to_owned(), ..UserQuery::default() };
        let read = async move |connection: &mut Connection<'_>| {
            user_list::page(connection, context(), &query, &Reach::Everybody, NOW).await
        };
        let page = database.read_blocking(read).await.unwrap();
        assert_eq!(page.items.len(), 1, "{search}");
    }
}

#[tokio::test]
async fn keys_and_search_texts_follow_the_rules_on_sqlite() {
    upgraded(Engine::Sqlite).await;
}

#[tokio::test]
async fn keys_and_search_texts_follow_the_rules_on_postgres() {
    upgraded(Engine::Postgres).await;
}
