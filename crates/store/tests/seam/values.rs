//! What goes in comes out, on both engines.

use crate::support::{Fixture, write};
use model::{OrgId, Result, Timestamp};
use store::{Attempt, Columns, Lane, Record, Row, Value, values};
use uuid::Uuid;

#[derive(Debug, PartialEq)]
struct Everything {
    id: OrgId,
    number: i64,
    flag: bool,
    text: String,
    json: String,
    bytes: Vec<u8>,
    hash: [u8; 3],
    moment: Timestamp,
    nothing: Option<Timestamp>,
}

impl Record for Everything {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns: Columns<'_> = row.columns();
        Ok(Self {
            id: columns.take()?,
            number: columns.take()?,
            flag: columns.take()?,
            text: columns.take()?,
            json: columns.take()?,
            bytes: columns.take()?,
            hash: columns.take()?,
            moment: columns.take()?,
            nothing: columns.take()?,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_value_survives_the_journey() {
    for fixture in Fixture::both().await {
        let read = tokio::spawn(async move {
            let id = OrgId(Uuid::from_u128(9));
            write(&fixture.database, Lane::Interactive, async move |connection| {
                let table =
                    "CREATE TABLE everything (id uuid, number bigint, flag boolean, name text, body jsonb,
                             bytes bytea, hash bytea, moment bigint, missing bigint)";
                connection.execute(table, values![]).await?;
                let sql = "INSERT INTO everything VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
                let (text, bytes) = ("Ünïcode €".to_owned(), vec![0_u8, 255]);
                let json = Value::Json(r#"{"a": 1}"#);
                let moment = Timestamp::from_micros(1_234_567);
                let nothing: Option<Timestamp> = None;
                let values = values![id, i64::MIN, true, &text, json, &bytes, b"abc", moment, nothing];
                connection.execute(sql, values).await?;
                Ok(Attempt::Commit(()))
            })
            .await?;
            fixture
                .database
                .read(async |connection| {
                    connection.one::<Everything>("SELECT * FROM everything", values![]).await
                })
                .await
        });
        let expected = Everything {
            id: OrgId(Uuid::from_u128(9)),
            number: i64::MIN,
            flag: true,
            text: "Ünïcode €".into(),
            json: r#"{"a": 1}"#.into(),
            bytes: vec![0, 255],
            hash: *b"abc",
            moment: Timestamp::from_micros(1_234_567),
            nothing: None,
        };
        assert_eq!(read.await.unwrap().unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_bound_by_their_number() {
    for fixture in Fixture::both().await {
        let row: (i64, i64, i64) = fixture
            .database
            .read(async |connection| {
                let sql = "SELECT CAST($2 AS bigint), CAST($1 AS bigint), CAST($2 AS bigint)";
                connection.one(sql, values![1_i64, 2_i64]).await
            })
            .await
            .unwrap();
        assert_eq!(row, (2, 1, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_engine_can_not_store_the_other_refuses_too() {
    for fixture in Fixture::both().await {
        write(&fixture.database, Lane::Interactive, async |connection| {
            connection.execute("CREATE TABLE texts (name text, body jsonb)", values![]).await?;
            Ok(Attempt::Commit(()))
        })
        .await
        .unwrap();
        for (name, body, fits) in [
            ("a\0b", "{}", false),
            ("a", r#"{"a": "b\u0000"}"#, false),
            ("a", r#"{"a": "b\\\u0000"}"#, false),
            ("a", r#"{"a": "b\\u0000"}"#, true),
            ("\u{1}\u{fffd}\u{10ffff}", r#"{"a": "b\u0001"}"#, true),
        ] {
            let written = write(&fixture.database, Lane::Interactive, async move |connection| {
                let sql = "INSERT INTO texts VALUES ($1, $2)";
                connection.execute(sql, values![name, Value::Json(body)]).await?;
                Ok(Attempt::Commit(()))
            });
            let code = written.await.map_err(|error| error.code().to_owned());
            assert_eq!(code, if fits { Ok(()) } else { Err("text.unstorable".into()) }, "{name:?} {body}");
        }
    }
}
