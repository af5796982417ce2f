//! Users: created, found, edited; what is unique stays unique; nobody's change is lost.

use axum::http::{Method, StatusCode};
use model::Role;
use serde_json::{Value, json};

use crate::app::{TestApp, api_request};

on_both! {
    async fn created_user_is_shown_listed_and_recorded(app: TestApp) {
        let body = json!({"given_name": "Ana", "family_name": "Müller", "email": "Ana.Mueller@acme.example",
            "title": "Lead", "tags": ["a", "b"], "attributes": {"badge": 7}});
        let created = app.post("/users", body).await.expect(201);
        let id = created.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(created.headers["location"], format!("/o/acme/api/v1/users/{id}"));
        assert_eq!(created.headers["etag"], "\"1\"");
        assert_eq!(created.json()["username"], "ana.muller");
        let mut shown = app.get(&format!("/users/{id}")).await.expect(200).json();
        shown["id"] = json!("(id)");
        insta::with_settings!({snapshot_suffix => ""}, { insta::assert_json_snapshot!("created_user", shown) });
        assert_eq!(app.events(&id).await, ["user.created"]);
    }

    async fn found_by_any_part_of_the_name_with_or_without_accents(app: TestApp) {
        let people = [("Ana", "Müller"), ("Łukasz", "Żółw"), ("篤司", "林"), ("민준", "김"), ("Nguyễn", "Văn An"), ("Zoë", "O'Neill-Ørsted")];
        for (number, (given, family)) in people.iter().enumerate() {
            app.create(given, family, &format!("p{number}@acme.example")).await;
        }
        let found = async |search: &str| {
            let query = url::form_urlencoded::byte_serialize(search.as_bytes()).collect::<String>();
            let page = app.get(&format!("/users?search={query}")).await.expect(200).json();
            let names = page["items"].as_array().unwrap().iter();
            names.map(|user| user["given_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (search, expected) in [
            ("mull", "Ana"), ("MÜLLER", "Ana"), ("an mü", "Ana"), ("ller", "Ana"), ("lukasz", "Łukasz"), ("zolw", "Łukasz"),
            ("żół", "Łukasz"), ("林", "篤司"), ("司", "篤司"), ("김", "민준"), ("준", "민준"), ("nguyen", "Nguyễn"),
            ("orsted", "Zoë"), ("o'neill", "Zoë"), ("zoe", "Zoë"), ("p5@acme", "Zoë"),
        ] {
            assert_eq!(found(search).await, [expected], "{search}");
        }
        for nothing in ["xyzzy", "\"", "%", "_", "\\", "'; DROP TABLE users; --", "mul*", "(", "AND"] {
            assert!(found(nothing).await.is_empty(), "{nothing}");
        }
        app.get("/users?search=%00").await.expect(400);
    }

    async fn an_edit_under_a_stale_version_is_refused_and_loses_nothing(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        let edit = async |version: &str, title: &str| {
            let mut request = api_request(Method::PATCH, "acme", &format!("/users/{id}"), &app.owner.token, &json!({"title": title}));
            request.headers_mut().insert("if-match", version.parse().unwrap());
            app.send(request).await
        };
        edit("\"1\"", "Lead").await.expect(200);
        let refused = edit("\"1\"", "Boss").await.expect(412);
        assert_eq!(refused.code(), "user.changed_meanwhile");
        edit("nonsense", "Boss").await.expect(400);
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["title"], "Lead");
    }

    async fn of_two_editors_at_once_exactly_one_wins(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        for round in 1..=20 {
            let edit = async |title: String| {
                let mut request = api_request(Method::PATCH, "acme", &format!("/users/{id}"), &app.owner.token, &json!({"title": title}));
                request.headers_mut().insert("if-match", format!("\"{round}\"").parse().unwrap());
                app.send(request).await.status
            };
            let (one, two) = tokio::join!(edit(format!("one {round}")), edit(format!("two {round}")));
            let mut both = [one, two];
            both.sort();
            assert_eq!(both, [StatusCode::OK, StatusCode::PRECONDITION_FAILED]);
        }
        assert_eq!(app.events(&id).await.len(), 21);
    }

    async fn of_64_creates_of_one_email_in_every_spelling_one_succeeds(app: TestApp) {
        let spellings = ["ana@acme.example", "ANA@acme.example", "Ana@ACME.example", "Ａｎａ@acme.example"];
        let create = |number: usize| {
            let email = spellings[number % spellings.len()];
            let body = json!({"given_name": "Ana", "family_name": format!("N{number}"), "email": email});
            app.post("/users", body)
        };
        let answers = futures_util::future::join_all((0..64).map(create)).await;
        let created = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
        assert_eq!(created, 1);
        for refused in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
            assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "email.taken"), "{}", refused.text);
            assert_eq!(refused.json()["errors"][0]["field"], "email");
        }
    }

    async fn usernames_are_made_free_of_each_other(app: TestApp) {
        let create = |number: usize| {
            let body = json!({"given_name": "Ana", "family_name": "Ng", "email": format!("ana{number}@acme.example")});
            app.post("/users", body)
        };
        let answers = futures_util::future::join_all((0..30).map(create)).await;
        let mut names: Vec<String> = answers.into_iter().map(|answer| answer.expect(201).json()["username"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 30);
    }

    async fn every_order_pages_through_everybody_once_and_back(app: TestApp) {
        for number in 0..23 {
            app.create(["Ana", "Bo", "Ça", "Zoë"][number % 4], "Ng", &format!("p{number}@acme.example")).await;
        }
        for sort in ["name", "-name", "username", "-username", "created", "-created", "last_sign_in", "-last_sign_in"] {
            let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), Vec::new());
            loop {
                let page = app.get(&format!("/users?limit=5&sort={sort}&page_token={token}")).await.expect(200).json();
                let ids: Vec<String> = page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect();
                seen.extend(ids.clone());
                pages.push(ids);
                let Some(next) = page["next_page_token"].as_str() else {
                    let previous = page["previous_page_token"].as_str().unwrap();
                    let back = app.get(&format!("/users?limit=5&sort={sort}&page_token={previous}")).await.expect(200).json();
                    let ids: Vec<&str> = back["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect();
                    assert_eq!(ids, pages[pages.len() - 2], "{sort} back");
                    break;
                };
                token = next.to_owned();
            }
            let count = seen.len();
            seen.sort();
            seen.dedup();
            assert_eq!((count, seen.len()), (24, 24), "{sort}");
        }
    }

    async fn the_same_idempotency_key_creates_once(app: TestApp) {
        let send = async |key: &str, email: &str| {
            let body = json!({"given_name": "Ana", "email": email, "generate_password": true});
            let mut request = api_request(Method::POST, "acme", "/users", &app.owner.token, &body);
            request.headers_mut().insert("idempotency-key", key.parse().unwrap());
            app.send(request).await
        };
        let first = send("k1", "ana@acme.example").await.expect(201).json();
        assert!(first["temporary_password"].is_string());
        let (again, other) = tokio::join!(send("k1", "ana@acme.example"), send("k1", "ana@acme.example"));
        for again in [again, other] {
            let again = again.expect(201).json();
            assert_eq!(again["id"], first["id"]);
            assert!(again["temporary_password"].is_null(), "a password is shown once");
        }
        assert_eq!(send("k1", "bo@acme.example").await.expect(409).code(), "idempotency.other_request");
        let all = futures_util::future::join_all((0..16).map(|_| send("k2", "cy@acme.example"))).await;
        let ids: std::collections::BTreeSet<String> = all.into_iter().map(|answer| answer.expect(201).json()["id"].to_string()).collect();
        assert_eq!(ids.len(), 1);
    }

    async fn a_dry_run_answers_and_leaves_nothing(app: TestApp) {
        let body = json!({"given_name": "Ana", "email": "ana@acme.example"});
        let dry = app.post("/users?dry_run=true", body.clone()).await.expect(201).json();
        app.get(&format!("/users/{}", dry["id"].as_str().unwrap())).await.expect(404);
        assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
        app.post("/users?dry_run=perhaps", body.clone()).await.expect(422);
        app.post("/users", body.clone()).await.expect(201);
        app.post("/users?dry_run=true", body).await.expect(409);
    }

    async fn bad_input_gets_a_clear_refusal_and_loses_nothing(app: TestApp) {
        let refused = async |body: Value, status: u16, code: &str| {
            let answer = app.post("/users", body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body} {}", answer.text);
        };
        let ana = |field: &str, value: Value| {
            let mut body = json!({"given_name": "Ana", "email": "ana@acme.example"});
            body[field] = value;
            body
        };
        refused(ana("admin", json!(true)), 422, "invalid").await;
        refused(ana("state", json!("active")), 422, "invalid").await;
        refused(ana("email_verified", json!(true)), 422, "invalid").await;
        refused(ana("email", json!(["a@acme.example", "eve@evil.example"])), 422, "invalid").await;
        refused(ana("email", json!({"a": 1})), 422, "invalid").await;
        refused(ana("given_name", json!("A\u{0}na")), 422, "invalid").await;
        refused(ana("roles", json!(["emperor"])), 422, "invalid").await;
        refused(ana("password", json!("x".repeat(1_100_000))), 413, "body.too_large").await;
        refused(ana("password", json!("x".repeat(900_000))), 422, "invalid").await;
        refused(ana("manager", json!("01a1f78e-44c2-7000-8000-000000000000")), 422, "invalid").await;
        refused(ana("attributes", json!({"x": "y".repeat(20_000)})), 422, "invalid").await;
        refused(json!([]), 422, "invalid").await;
        let raw = async |bytes: Vec<u8>| {
            let mut request = api_request(Method::POST, "acme", "/users", &app.owner.token, &json!({}));
            *request.body_mut() = axum::body::Body::from(bytes);
            app.send(request).await
        };
        for bytes in [
            "[".repeat(10_000).into_bytes(), format!("{{\"attributes\":{}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000)).into_bytes(),
            b"\xff\xfe{}".to_vec(), b"{\"email\": \"\xff\"}".to_vec(), b"nonsense".to_vec(), b"{} {}".to_vec(), b"{\"email\":1e999}".to_vec(),
        ] {
            let answer = raw(bytes.clone()).await;
            assert!(answer.status.is_client_error(), "{} {}", answer.status, answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json");
        }
        assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
    }

    async fn malformed_questions_are_refused(app: TestApp) {
        for (path, status) in [
            ("/users?limit=0", 422), ("/users?limit=201", 422), ("/users?limit=x", 422), ("/users?sort=evil", 422),
            ("/users?status=purple", 422), ("/users?page_token=%00", 400), ("/users?page_token=AAAA", 400), ("/users?nonsense=1", 400),
            ("/users?role=emperor", 422), ("/users/nonsense", 404), ("/users/01a1f78e-44c2-7000-8000-000000000000", 404), ("/nonsense", 404),
        ] {
            let answer = app.get(path).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        }
        let page = app.get("/users?limit=1&sort=-name").await.json();
        assert!(page["next_page_token"].is_null());
        app.create("Ana", "Ng", "ana@acme.example").await;
        let token = app.get("/users?limit=1&sort=-name").await.json()["next_page_token"].as_str().unwrap().to_owned();
        app.get(&format!("/users?limit=1&sort=name&page_token={token}")).await.expect(400);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let forged = String::from_utf8(bytes).unwrap();
            let answer = app.get(&format!("/users?limit=1&sort=-name&page_token={forged}")).await;
            assert!(matches!(answer.status.as_u16(), 200 | 400), "{forged}: {}", answer.text);
        }
    }

    async fn an_import_takes_good_rows_reports_bad_ones_and_does_nothing_twice(app: TestApp) {
        let rows = json!({"rows": [
            {"fields": {"email": "ana@acme.example", "given_name": "Ana"}, "roles": ["auditor"]},
            {"fields": {"email": "nonsense"}},
            {"fields": {"email": "bo@acme.example"}, "roles": ["emperor"]},
            {"fields": {"email": "cy@acme.example", "username": "olivia.owner"}},
            {"fields": {"email": "ANA@acme.example"}},
            {"fields": {"email": "di@acme.example"}},
        ]});
        let verdicts = async || {
            let answer = app.post("/users/import", rows.clone()).await.expect(200).json();
            answer["verdicts"].as_array().unwrap().iter().map(|verdict| verdict["verdict"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(verdicts().await, ["created", "refused", "refused", "refused", "unchanged", "created"]);
        assert_eq!(verdicts().await, ["unchanged", "refused", "refused", "refused", "unchanged", "unchanged"]);
        let manager = app.person("Max", Role::UserManager).await;
        let above = json!({"rows": [{"fields": {"email": "eve@acme.example"}, "roles": ["owner"]}]});
        let answer = app.call(Method::POST, "/users/import", &manager.token, above).await.expect(200).json();
        assert_eq!(answer["verdicts"][0]["errors"][0]["code"], "access.above_own");
    }
}
