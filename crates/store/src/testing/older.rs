//! A database as an earlier version of Muster would have left it: its schema, with the rows of a present one.

use std::{path::Path, time::Duration};

use futures_util::FutureExt;

use crate::{Connection, Database, Options, boxed, migrations, migrations::ALL, sqlite};

/// Fills the empty database `to` with the schema of step `version` and what `from` holds of it. What was added later is
/// left out, as if it had never been written.
#[boxed]
pub async fn as_of(version: usize, from: &str, to: &str) {
    match (from.strip_prefix("sqlite:"), to.strip_prefix("sqlite:")) {
        (Some(from), Some(to)) => in_sqlite(version, Path::new(from), Path::new(to)),
        _ => in_postgres(version, from, to).await,
    }
}

fn in_sqlite(version: usize, from: &Path, to: &Path) {
    std::fs::File::create_new(to).expect("a new file");
    let mut target = sqlite::writer(to).expect("a connection");
    let mut connection = Connection::sqlite_reader(&mut target);
    let applied = migrations::apply(&mut connection, &ALL[..version], Duration::ZERO).now_or_never();
    applied.expect("a migration waits for nothing").expect("an earlier schema");
    target.execute("ATTACH ?1 AS newer", [from.to_string_lossy()]).expect("the other database");
    let names = |sql: &str, table: &str| -> Vec<String> {
        let mut statement = target.prepare(sql).expect("a statement");
        let names = statement.query_map([table], |row| row.get(0)).expect("names");
        names.map(|name| name.expect("a name")).collect()
    };
    // The tables behind the search are copied as they are.
    let tables = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                  AND name NOT IN (?1, 'user_search')";
    for table in names(tables, "schema_migrations") {
        let columns = "SELECT m.name FROM pragma_table_info(?1, 'main') m JOIN pragma_table_info(?1, 'newer') n \
                       ON n.name = m.name";
        let columns = names(columns, &table);
        if !columns.is_empty() {
            let columns = columns.join(", ");
            let copy = format!(
                "DELETE FROM main.{table}; INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}"
            );
            target.execute_batch(&copy).unwrap_or_else(|error| panic!("{table}: {error}"));
        }
    }
}

async fn in_postgres(version: usize, from: &str, to: &str) {
    let database = Database::open(&Options::new(to)).await.expect("the empty database");
    let migrated = database.read(async |connection: &mut Connection<'_>| {
        migrations::apply(connection, &ALL[..version], Duration::ZERO).await
    });
    migrated.await.expect("an earlier schema");
    database.close().await;
    let (source, target) = (connected(from).await, connected(to).await);
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' \
                  AND table_type = 'BASE TABLE' AND table_name <> 'schema_migrations'";
    for row in target.query(tables, &[]).await.expect("tables") {
        let table: String = row.get(0);
        let rows = format!("SELECT COALESCE(json_agg(row_to_json(t)), '[]')::text FROM {table} t");
        // What the later schema has dropped begins empty.
        let Ok(rows) = source.query_one(&rows, &[]).await else { continue };
        let fill = format!(
            "INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::{table}, $1::text::json)"
        );
        target.execute(&format!("DELETE FROM {table}"), &[]).await.expect("an empty table");
        let filled = target.execute(&fill, &[&rows.get::<_, String>(0)]).await;
        filled.unwrap_or_else(|error| panic!("{table}: {error:?}"));
    }
    // Numbers go on from where they were.
    let numbered = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                    WHERE table_schema = 'public' AND is_identity = 'YES'";
    for row in target.query(numbered, &[]).await.expect("numbers") {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT COALESCE(max({column}), 1) FROM {table}))"
        );
        target.query(&next, &[]).await.expect("a number");
    }
}

async fn connected(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    client
}
