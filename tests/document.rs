//! The OpenAPI document is sound: what generators and validators trip over, and what would be untrue.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::Value;

use crate::app::{Engine, TestApp};

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'_ Value)| {
        let item = item.as_object().unwrap().clone();
        item.into_iter().map(|(method, _)| (path.clone(), method)).collect::<Vec<_>>()
    };
    let all = paths.iter().flat_map(of_path);
    all.map(|(path, method)| (format!("{method} {path}"), &document["paths"][&path][&method])).collect()
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    value["$ref"].as_str().map_or(value, |reference| document.pointer(&reference[1..]).unwrap())
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = web::openapi();
    let mut names = BTreeSet::new();
    for (what, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{what}: {name}");
        assert!(names.insert(name), "{what}: {name} is another's, too");
    }
    for name in
        ["users_list", "users_create", "users_read", "users_update", "users_suspend", "groups_members_set"]
    {
        assert!(names.contains(name), "{name}: {names:?}");
    }
}

#[test]
fn no_name_of_a_schema_is_claimed_twice() {
    assert_eq!(web::contested_schemas(), BTreeSet::new());
}

#[test]
fn every_answer_is_described_and_every_refusal_is_a_problem_document() {
    let document = web::openapi();
    for (what, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap();
        assert!(
            ["400", "401", "403", "404", "500", "503"].iter().all(|status| answers.contains_key(*status)),
            "{what}"
        );
        assert!(!answers.contains_key("default"), "{what}");
        for (status, answer) in answers {
            let answer = resolved(&document, answer);
            assert!(!answer["description"].as_str().unwrap_or_default().is_empty(), "{what} {status}");
            assert!(answer["headers"]["X-Request-Id"].is_object(), "{what} {status}");
            if status.starts_with(['4', '5']) {
                let kinds: Vec<&String> = answer["content"].as_object().unwrap().keys().collect();
                assert_eq!(kinds, ["application/problem+json"], "{what} {status}");
                let waits = matches!(status.as_str(), "429" | "503");
                assert_eq!(answer["headers"]["Retry-After"].is_object(), waits, "{what} {status}");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if matches!(parameter["name"].as_str(), Some("limit" | "page_size")) {
                assert_eq!(
                    (&parameter["schema"]["minimum"], &parameter["schema"]["maximum"]),
                    (&1.into(), &200.into()),
                    "{what}"
                );
            }
        }
    }
}

/// What allows nothing else can't be a part of something larger.
#[test]
fn no_closed_record_is_a_part_of_another() {
    fn walk(document: &Value, value: &Value, at: &str) {
        match value {
            Value::Object(object) => {
                for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                    assert_ne!(
                        resolved(document, part)["additionalProperties"],
                        Value::Bool(false),
                        "{at}: {part}"
                    );
                }
                object.iter().for_each(|(name, inner)| walk(document, inner, &format!("{at}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(document, inner, at)),
            _ => {}
        }
    }
    let document = web::openapi();
    walk(&document, &document, "");
}

/// Descriptions of all operations and schemas would take 12 MB for as long as the server runs.
#[tokio::test]
async fn a_server_describes_nothing() {
    let app = TestApp::new(Engine::Sqlite).await;
    let url = format!("/o/{}/api/v1/openapi.json", app.org.slug);
    let request = Request::get(url).body(Body::empty()).unwrap();
    assert_eq!(app.send(request).await.status, StatusCode::OK);
    assert!(!web::declared().is_empty());
    assert_eq!(web::documented(), 0);
    web::openapi();
    assert!(web::documented() > 100);
}
