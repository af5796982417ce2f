//! A search finds the people of its organization, however many of others have the same name, and all of them where the
//! organization is alone.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

use model::{
    EntryId, Org, OrgContext, OrgId, Result, Settings, Timestamp, User, UserFields, UserId,
    filter::UserQuery, rights::Reach,
};
use store::{
    Attempt, Connection, Database, Engine, Lane, Options, Proof, orgs,
    testing::{Postgres, Scratch},
    user_list, users,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// More than a question without the organization's mark finds at most.
const MANY: u128 = 230;
/// Organizations by the number of people named Ana, of whom the first is a Zimmerli too.
const PEOPLE: [u128; 3] = [MANY, 3, 1];

fn org(number: usize) -> OrgId {
    OrgId(Uuid::from_u128(number as u128 + 5))
}

async fn write(connection: &mut Connection<'_>, number: usize) -> Result<()> {
    let (id, slug) = (org(number), format!("org{number}"));
    let name = slug.clone();
    let org = Org { id, slug, name, settings: Settings::default(), created_at: NOW, version: 1 };
    orgs::insert(connection, &org).await?;
    for person in 0..PEOPLE[number] {
        let family = if person == 0 { "Zimmerli" } else { "Ng" };
        let fields = UserFields {
            username: Some(format!("p{person}")),
            display_name: Some(format!("Ana {family} {person:03}")),
            ..UserFields::default()
        };
        let user = UserId(Uuid::from_u128((number as u128 + 1) << 80 | person << 64));
        users::insert(connection, &User::new(user, id.into(), fields, NOW), None).await?;
    }
    Ok(())
}

async fn found(database: &Database, number: usize, search: &str) -> Vec<OrgId> {
    let (context, search) = (OrgContext::from(org(number)), search.to_owned());
    let query = UserQuery { search, limit: 500, ..UserQuery::default() };
    let read = async |connection: &mut Connection<'_>| {
        user_list::page(connection, context, &query, &Reach::Everybody, NOW).await
    };
    let page = database.read(read).await.unwrap();
    page.items.iter().map(|listed| listed.user.org.org).collect()
}

async fn assert_each_finds_its_own(engine: Engine) {
    let scratch = Scratch::new();
    let url = match engine {
        Engine::Sqlite => scratch.sqlite(),
        Engine::Postgres => Postgres::shared().database(),
    };
    let database = Database::open(&Options::new(&url)).await.unwrap();
    database.migrate().await.unwrap();
    for number in 0..PEOPLE.len() {
        let proof = Proof { org: org(number), entry: EntryId(Uuid::from_u128(number as u128)) };
        let work = async move |connection: &mut Connection<'_>| {
            write(connection, number).await?;
            Ok(Attempt::Commit(()))
        };
        database.transaction(proof, Lane::Interactive, work, |(), _| {}).await.unwrap();
        // At first the organization is alone.
        for (number, people) in PEOPLE.iter().enumerate().take(number + 1) {
            for (search, count) in [("ana", *people), ("zimmerli", 1), ("ana zimmerli", 1), ("nobody", 0)] {
                let found = found(&database, number, search).await;
                assert_eq!(found.len() as u128, count, "{engine:?}, organization {number}, {search}");
                assert!(found.iter().all(|found| *found == org(number)));
            }
        }
    }
    database.close().await;
}

#[tokio::test]
async fn each_organization_finds_its_own_people_on_sqlite() {
    assert_each_finds_its_own(Engine::Sqlite).await;
}

#[tokio::test]
async fn each_organization_finds_its_own_people_on_postgres() {
    assert_each_finds_its_own(Engine::Postgres).await;
}
