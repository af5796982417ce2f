//! Every statement in the files of the nouns is prepared by both engines, whether or not another test reaches it.
//!
//! The texts are read out of the source: what can't be found there (the list of users is put together from parts) is
//! asked for in all its variants instead.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

use std::path::Path;

use model::{
    Kind, OrgId, Role, Status, Timestamp,
    filter::{Sort, UserQuery},
};
use store::{
    Database, Engine, Options,
    testing::{Postgres, Scratch},
    user_list,
};
use uuid::Uuid;

/// The seam itself, whose statements are tried in `tests/seam`, and what measures without Muster's tables.
const OTHERS: [&str; 10] = [
    "connection.rs",
    "db.rs",
    "migrations.rs",
    "notify.rs",
    "postgres.rs",
    "probe.rs",
    "sql.rs",
    "sqlite.rs",
    "testing.rs",
    "writer.rs",
];

/// A string literal, and what stands before it.
struct Literal {
    before: String,
    text: String,
}

/// The string literals of a source text, without comments and tests.
fn literals(source: &str) -> Vec<Literal> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let source = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "' '").replace("'\\\"'", "' '");
    let (mut found, mut before, mut rest) = (Vec::new(), String::new(), source.as_str());
    while let Some((code, after)) = rest.split_once('"') {
        before.push_str(code);
        let (mut text, mut characters) = (String::new(), after.char_indices());
        let end = loop {
            match characters.next().unwrap() {
                (at, '"') => break at + 1,
                (_, '\\') => match characters.next().unwrap().1 {
                    // Goes on in the next line, after its indentation.
                    '\n' => {
                        let indented = characters.as_str();
                        for _ in 0..indented.len() - indented.trim_start().len() {
                            characters.next();
                        }
                    }
                    other => text.push(other),
                },
                (_, other) => text.push(other),
            }
        };
        found.push(Literal { before: before.trim_end().to_owned(), text });
        rest = &after[end..];
    }
    found
}

/// The statement that `engine` is given by this literal, if it is one.
fn statement(Literal { before, text }: Literal, engine: Engine) -> Option<String> {
    let follows = |ends: &[&str]| ends.iter().any(|end| before.ends_with(end));
    if follows(&["select!("]) {
        // Its columns are those that are prepared with the literal in `users::lock`.
        return Some(format!("SELECT 1 FROM users u {text}"));
    }
    let verb = text.split_whitespace().next().unwrap_or_default();
    let whole = !follows(&["concat!(", "format!(", "write!("]);
    if !whole || !["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) {
        return None;
    }
    match engine {
        Engine::Sqlite if follows(&["const POSTGRES: &str ="]) => None,
        Engine::Postgres if follows(&["const SQLITE: &str ="]) || text.contains(" MATCH ") => None,
        Engine::Postgres if follows(&["locking!("]) => Some(format!("{text} FOR UPDATE")),
        _ => Some(text),
    }
}

/// `check` answers what is wrong with a statement.
async fn all_are_accepted(engine: Engine, mut check: impl AsyncFnMut(&str) -> Option<String>) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if OTHERS.contains(&name) {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for statement in literals(&source).into_iter().filter_map(|literal| statement(literal, engine)) {
            count += 1;
            if let Some(error) = check(&statement).await {
                wrong.push(format!("{name}: {error}\n    {statement}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{engine:?} refuses:\n{}", wrong.join("\n"));
    assert!(count > 60, "only {count} statements were found: has their way of writing changed?");
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
                        role,
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
                    user_list::page(connection, context, &query, Timestamp::from_micros(1)).await
                })
                .await;
            match page {
                Ok(page) => assert!(page.items.is_empty()),
                Err(error) => assert_ne!(error.kind(), Kind::Internal, "{query:?}: {:?}", error.detail()),
            }
        }
    }
}
