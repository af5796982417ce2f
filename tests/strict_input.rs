//! Nothing that a write is asked for is overlooked: query parameters and JSON keys that a route doesn't declare, that come
//! twice or can't be read are refused at every write of the API. A misspelt `dry_run` never becomes a write.

use axum::http::Method;
use proptest::{prelude::*, strategy::ValueTree as _};
use serde_json::{Value, json};
use web::{Declared, Door};

use crate::{
    app::{Answer, TestApp},
    matrix::{Proves, plausible_body, request},
};

fn writes() -> Vec<Declared> {
    web::declared().into_iter().filter(|route| route.door == Door::Api && route.writes()).collect()
}

/// A write to somebody who is there, with this query and this body.
async fn write(app: &TestApp, route: &Declared, id: &str, query: &str, body: &str) -> Answer {
    let mut request = request(route, "acme", id, Proves::Token(&app.owner.token), &json!({}));
    *request.uri_mut() = format!("{}?{query}", request.uri().path()).parse().unwrap();
    *request.body_mut() = axum::body::Body::from(body.to_owned());
    app.send(request).await
}

/// What a database holds that no write may touch.
async fn state(app: &TestApp) -> (i64, i64, i64) {
    let entries = app.count("SELECT COUNT(*) FROM audit_entries").await;
    let users = app.count("SELECT COUNT(*) FROM users").await;
    (entries, users, app.count("SELECT COUNT(*) FROM mails").await)
}

/// `dry` in any case, any letter of it escaped or not, with anything around it: a name, then a value.
fn dry_queries() -> impl Strategy<Value = String> {
    let letter = |c: char| {
        prop_oneof![
            Just(c.to_string()),
            Just(c.to_ascii_uppercase().to_string()),
            Just(format!("%{:02x}", u32::from(c))),
            Just(format!("%{:02X}", u32::from(c.to_ascii_uppercase()))),
        ]
    };
    let around = prop_oneof![
        Just(""),
        Just("_run"),
        Just("-run"),
        Just("%5Frun"),
        Just("run"),
        Just("+run"),
        Just("[]"),
        Just("_runs")
    ];
    let before = prop_oneof![Just(""), Just("x"), Just("no_"), Just("%00")];
    let value = prop_oneof![
        Just(""),
        Just("="),
        Just("=true"),
        Just("=false"),
        Just("=1"),
        Just("=TRUE"),
        Just("=fals%65"),
        Just("=true&dry_run=false"),
        Just("=false&dry_run=true")
    ];
    (before, letter('d'), letter('r'), letter('y'), around, value)
        .prop_map(|(before, d, r, y, around, value)| format!("{before}{d}{r}{y}{around}{value}"))
        .prop_filter("the one way to say that it is meant", |query| query != "dry_run=false")
}

on_both! {
    async fn a_query_that_says_dry_in_any_way_changes_nothing(app: TestApp) {
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let before = state(&app).await;
        for route in writes() {
            let body = plausible_body(&route).to_string();
            let fixed = ["dry_run", "dryrun=true", "dry%5Frun=true", "dry_run=false&dry_run=true", "dry_run=true&dry_run=false", "dry_run=false&dry_run=false", "dry_run=", "DRY_RUN=true", "dry_run=true", "dry-run=true", "dry_run=true&"];
            let random = (0..6).map(|_| dry_queries().new_tree(&mut runner).unwrap().current());
            for query in fixed.into_iter().map(str::to_owned).chain(random) {
                let answer = write(&app, &route, &id, &query, &body).await;
                assert!(!answer.status.is_server_error(), "{query}: {}", answer.text);
                if query != "dry_run=true" {
                    assert!(answer.code().starts_with("query.") || answer.code() == "invalid", "{} {}?{query}: {} {}", route.method, route.path, answer.status, answer.text);
                    assert!(answer.status.is_client_error());
                }
            }
        }
        assert_eq!(state(&app).await, before);
        // By the way that works, and by leaving it out.
        let route = writes().into_iter().find(|route| route.path.ends_with("/users")).unwrap();
        for (query, number) in [("dry_run=true", 0), ("dry_run=false", 1), ("", 2)] {
            let body = json!({"given_name": "Una", "email": format!("una{number}@acme.example")});
            write(&app, &route, &id, query, &body.to_string()).await.expect(201);
            assert_eq!(state(&app).await.1, before.1 + number);
        }
    }

    async fn every_route_of_the_api_refuses_parameters_that_it_does_not_declare(app: TestApp) {
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        for route in web::declared().into_iter().filter(|route| route.door == Door::Api) {
            let declared = route.query.first().map_or("dry_run", String::as_str);
            let repeated = format!("{declared}=1&{declared}=1");
            let escaped = format!("{declared}=%zz");
            for (query, codes) in [
                ("nope=1", &["query.unknown"][..]), ("nope", &["query.unknown"]), ("%64ry_run=true", &["query.unknown"]), ("=", &["query.unknown"]),
                (repeated.as_str(), &["query.repeated", "invalid", "query.unknown"]), (escaped.as_str(), &["query.malformed", "invalid", "query.unknown"]),
            ] {
                let answer = write(&app, &route, &id, query, "").await;
                assert!(codes.contains(&answer.code().as_str()), "{} {}?{query}: {}", route.method, route.path, answer.text);
            }
        }
    }

    async fn pages_ignore_what_they_do_not_know(app: TestApp) {
        let signed_in = crate::matrix::browser(&app, &app.org, &app.owner).await;
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        for route in web::declared().into_iter().filter(|route| route.door == Door::Console && route.method == Method::GET) {
            let mut statuses = Vec::new();
            for query in ["", "utm_source=mail&fbclid=1", "utm_source=mail&utm_source=other"] {
                let mut asked = request(&route, "acme", &id, Proves::Browser(&signed_in), &Value::Null);
                *asked.uri_mut() = format!("{}?{query}", asked.uri().path()).parse().unwrap();
                statuses.push(app.send(asked).await.status);
            }
            assert!(statuses.iter().all(|status| *status == statuses[0]), "{}: {statuses:?}", route.path);
        }
    }

    async fn unknown_and_repeated_keys_are_refused_in_every_body(app: TestApp) {
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        let before = state(&app).await;
        for route in writes() {
            let plausible = plausible_body(&route);
            let what = format!("{} {}", route.method, route.path);
            let mut unknown = plausible.as_object().cloned().unwrap_or_default();
            unknown.insert("nope".to_owned(), json!(1));
            let answer = write(&app, &route, &id, "", &Value::Object(unknown).to_string()).await;
            let named: Vec<Value> = answer.json()["errors"].as_array().into_iter().flatten().map(|error| error["field"].clone()).collect();
            assert!(answer.status == 422 && named.contains(&json!("nope")), "{what}: {}", answer.text);
            let key = plausible.as_object().and_then(|body| body.keys().next().cloned()).unwrap_or("nope".to_owned());
            for (body, path) in [
                (format!("{{\"{key}\": 1, \"{key}\": 2}}"), key.clone()), (format!("{{\"{key}\": 1, \"\\u{:04x}{}\": 1}}", u32::from(key.chars().next().unwrap()), &key[1..]), key.clone()),
                (r#"{"a": [{"b": 1, "b": 1}]}"#.to_owned(), "a[0].b".to_owned()),
            ] {
                let answer = write(&app, &route, &id, "", &body).await.expect(422);
                assert_eq!(answer.json()["errors"][0], json!({"field": path, "code": "body.repeated", "message": "Send this field once."}), "{what}: {body}");
            }
        }
        assert_eq!(state(&app).await, before);
    }

    async fn patches_name_the_same_field_as_creating_does_in_words(app: TestApp) {
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        for (mut body, field, words) in [
            (json!({"employee_number": 4711}), "employee_number", "Send text."),
            (json!({"nope": 1}), "nope", "There is no such field."),
            (json!({"valid_until": "2027-02-29"}), "valid_until", ""),
            (json!({"address": {"street": 7}}), "address.street", "Send text."),
            (json!({"address": {"planet": "x"}}), "address.planet", "There is no such field."),
            (json!({"tags": [1]}), "tags[0]", "Send text."),
        ] {
            let patched = app.patch(&format!("/users/{id}"), body.clone()).await.expect(422).json()["errors"].clone();
            body["given_name"] = json!("Una");
            body["email"] = json!("una@acme.example");
            let created = app.post("/users", body.clone()).await.expect(422).json()["errors"].clone();
            let invited = app.post("/invitations", body.clone()).await.expect(422).json()["errors"].clone();
            assert_eq!((&patched, &invited), (&created, &created), "{body}");
            assert_eq!(created[0]["field"], field, "{body}");
            let message = created[0]["message"].as_str().unwrap();
            assert!(message.starts_with(words) && !message.contains('`') && !message.contains("expected"), "{message}");
        }
        let settings = app.patch("/org", json!({"settings": {"session": {"idle_minutes": -1}}})).await.expect(422).json();
        assert_eq!(settings["errors"][0]["field"], "settings.session.idle_minutes", "{settings}");
        assert!(settings["errors"][0]["message"].as_str().unwrap().starts_with("Send a whole number from 0 to "), "{settings}");
        let limit = app.get("/users?limit=abc").await.expect(422).json();
        assert_eq!(limit["errors"], json!([{"field": "limit", "code": "page.limit", "message": "Ask for 1 to 200 rows."}]));
    }

    async fn a_byte_order_mark_is_ignored(app: TestApp) {
        let route = writes().into_iter().find(|route| route.path.ends_with("/users")).unwrap();
        for (number, mark) in ["", "\u{feff}", "\u{feff} "].into_iter().enumerate() {
            let body = format!("{mark}{}", json!({"given_name": "Una", "email": format!("una{number}@acme.example")}));
            write(&app, &route, "", "", &body).await.expect(201);
        }
        write(&app, &route, "", "", "\u{feff}\u{feff}{}").await.expect(400);
    }
}
