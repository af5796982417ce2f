//! A small database of people, on both engines, for the tests of the seam.

use std::sync::atomic::{AtomicU64, Ordering};

use model::{EntryId, Error, OrgId, Result};
use store::{
    Attempt, Connection, Database, Lane, Options, Proof, Sql,
    testing::{Postgres, Scratch},
    values,
};
use uuid::Uuid;

/// An open database with the tables of these tests.
pub(crate) struct Fixture {
    pub(crate) database: Database,
    pub(crate) url: String,
    _scratch: Scratch,
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let scratch = Scratch::new();
        let url = scratch.sqlite();
        Self::open(scratch, url).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::open(Scratch::new(), Postgres::shared().database()).await
    }

    pub(crate) async fn both() -> [Self; 2] {
        [Self::sqlite().await, Self::postgres().await]
    }

    async fn open(scratch: Scratch, url: String) -> Self {
        let database = Database::open(&Options::new(&url)).await.unwrap();
        write(&database, Lane::Interactive, async |connection| {
            let statements = [
                "CREATE TABLE people (key bigint PRIMARY KEY, name text NOT NULL UNIQUE, version bigint NOT NULL)",
                "CREATE TABLE audit_entries (org_id uuid, id uuid, PRIMARY KEY (org_id, id))",
            ];
            for sql in statements {
                connection.execute(sql, values![]).await?;
            }
            let search = Sql::by_engine(
                "CREATE VIRTUAL TABLE user_search USING fts5 (words, tokenize = 'trigram', content = '', contentless_delete = 1)",
                "SELECT 1",
            );
            connection.execute(search, values![]).await?;
            Ok(Attempt::Commit(()))
        })
        .await
        .unwrap();
        Self { database, url, _scratch: scratch }
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let row: Result<(i64,)> =
            self.database.read(async |connection| connection.one(sql, values![]).await).await;
        row.unwrap().0
    }

    pub(crate) async fn people(&self) -> i64 {
        self.count("SELECT count(*) FROM people").await
    }

    /// How many people have search words; on PostgreSQL, where there are none, how many people.
    pub(crate) async fn searchable(&self) -> i64 {
        let sql = Sql::by_engine("SELECT count(*) FROM user_search", "SELECT count(*) FROM people");
        let row: Result<(i64,)> =
            self.database.read(async |connection| connection.one(sql, values![]).await).await;
        row.unwrap().0
    }
}

pub(crate) fn proof() -> Proof {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Proof { org: OrgId(Uuid::from_u128(7)), entry: EntryId(Uuid::from_u128(u128::from(number))) }
}

pub(crate) async fn write<T, W>(database: &Database, lane: Lane, work: W) -> Result<T>
where
    W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
    T: Send + 'static,
{
    database.transaction(proof(), lane, work, |_| {}).await
}

/// Adds a person with an audit entry and search words.
pub(crate) async fn insert(connection: &mut Connection<'_>, proof: Proof, key: i64) -> Result<()> {
    let name = format!("person {key}");
    let statements: [(&'static str, &[store::Value<'_>]); 2] = [
        ("INSERT INTO people (key, name, version) VALUES ($1, $2, 1)", values![key, &name]),
        ("INSERT INTO audit_entries (org_id, id) VALUES ($1, $2)", values![proof.org, proof.entry]),
    ];
    connection.execute_all(&statements).await?;
    connection.index_search(key, Some(&name))
}

pub(crate) async fn add(database: &Database, key: i64) -> Result<()> {
    let proof = proof();
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, key).await?;
        Ok(Attempt::Commit(()))
    };
    database.transaction(proof, Lane::Interactive, work, |()| {}).await
}

pub(crate) fn refusal() -> Error {
    Error::not_found()
}
