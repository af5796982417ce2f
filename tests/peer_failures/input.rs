//! Values that were taken for something else, and texts that became something more.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, TestApp, api_request, form, form_request},
    matrix::{Proves, browser, request},
    signin::{page, submit},
};

on_both! {
    /// An array of addresses, where one was expected, sent mail to both.
    async fn gitlab_cve_2023_7028_no_field_takes_another_type(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        let document = web::openapi();
        let fields = document["components"]["schemas"]["UserFields"]["properties"].as_object().unwrap().clone();
        assert!(fields.len() > 20);
        for field in fields.keys() {
            for value in [json!(["ana@acme.example", "eve@evil.example"]), json!([["a"]]), json!({"a": "b"}), json!({"$ne": 1}), json!(7), json!(true), json!(1.5)] {
                let fits = matches!((field.as_str(), &value), ("attributes", Value::Object(_)) | ("tags", Value::Array(_)));
                let patched = app.patch(&format!("/users/{id}"), json!({field: value})).await;
                assert!(patched.status == StatusCode::UNPROCESSABLE_ENTITY || fits && patched.status.is_success(), "{field} {value}: {} {}", patched.status, patched.text);
            }
        }
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["email"], "ana@acme.example");
        let rows = json!({"rows": [{"fields": ["eve", "eve@evil.example"]}]});
        app.post("/users/import", rows).await.expect(422);
        app.post(&format!("/users/{id}/suspend"), json!(["left", "a list is no object"])).await.expect(422);
        app.patch("/org", json!({"settings": {"session": [45, 12, true, 14, 30]}})).await.expect(422);
        // Said twice: one value counts everywhere, and it is the same one that is shown.
        let raw = r#"{"given_name":"Bo","email":"bo@acme.example","email":"eve@evil.example"}"#;
        let mut twice = api_request(Method::POST, "acme", "/users", &app.owner.token, &json!({}));
        *twice.body_mut() = axum::body::Body::from(raw);
        let twice = app.send(twice).await;
        assert!(twice.status.is_client_error() || !twice.text.contains("bo@acme.example"), "{}", twice.text);
        let victim = app.person("Vic", Role::Member).await;
        let both = form(&[("identifier", &victim.email), ("identifier", "eve@evil.example"), ("password", PASSWORD), ("password", "x")]);
        app.send(form_request("/o/acme/sign-in", "", &both)).await;
        app.send(form_request("/o/acme/sign-in?identifier=eve@evil.example", "", &form(&[("identifier", &victim.email), ("password", "x")]))).await.expect(422);
    }

    /// Two letters that become one when their case is changed made two people one.
    async fn django_cve_2019_19844_letters_that_look_alike_are_other_letters(app: TestApp) {
        let mike = json!({"given_name": "Mike", "email": "mike@acme.example", "password": PASSWORD, "must_change_password": false});
        let mike = app.post("/users", mike).await.expect(201).json();
        for lookalike in ["mıke@acme.example", "m\u{0456}ke@acme.example", "mike@acme.examp\u{0131}e", "mi\u{0301}ke@acme.example"] {
            submit(&app, lookalike, PASSWORD, false).await.expect(422);
            let other = app.post("/users", json!({"given_name": "Other", "email": lookalike})).await;
            assert!(matches!(other.status.as_u16(), 201 | 422), "{lookalike}: {}", other.text);
        }
        for same in ["MIKE@acme.example", "ｍｉｋｅ@acme.example", "mi\u{212a}e@acme.example", "mike@ACME.EXAMPLE"] {
            let taken = app.post("/users", json!({"given_name": "Other", "email": same})).await.expect(409);
            assert_eq!(taken.code(), "email.taken", "{same}");
        }
        let found = app.sign_in("mi\u{212a}e@acme.example", PASSWORD).await.expect("another spelling of the same");
        assert_eq!(page(&app, "/api/v1/whoami", &found).await.json()["user"], mike["id"]);
    }

    /// Two creations at once made two users of one name.
    async fn passbolt_pbl_15_005_of_64_at_once_one_is_created(app: TestApp) {
        let create = |number: usize| app.post("/users", json!({"given_name": "Ana", "email": format!("a{number}@acme.example"), "username": if number.is_multiple_of(2) { "ana" } else { "ANA" }}));
        let answers = futures_util::future::join_all((0..64).map(create)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count(), 1);
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 201 | 409)));
    }

    /// A forged page token became SQL.
    async fn ory_ghsa_hgx2_c38g_r9w3_a_forged_page_token_is_refused(app: TestApp) {
        for number in 0..6 {
            app.create("Ana", "Ng", &format!("a{number}@acme.example")).await;
        }
        let before = app.count("SELECT count(*) FROM users").await;
        let token = app.get("/users?limit=2").await.json()["next_page_token"].as_str().unwrap().to_owned();
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let mut forged: Vec<String> = (0..token.len()).map(|at| format!("{}{}{}", &token[..at], if &token[at..=at] == "A" { "B" } else { "A" }, &token[at + 1..])).collect();
        forged.extend(["' OR 1=1 --", "1; DROP TABLE users", "\u{0}", "{\"id\":{\"$gt\":0}}", "[\"a\",\"b\"]", "name:\u{1f642}", ""].map(encode));
        forged.extend([token.clone() + "A", token[..token.len() - 1].to_owned(), token.repeat(50)]);
        for token in forged {
            for sort in ["name", "-created", "username"] {
                let answer = app.get(&format!("/users?limit=2&sort={sort}&page_token={token}")).await;
                assert!(matches!(answer.status.as_u16(), 200 | 400), "{token}: {} {}", answer.status, answer.text);
            }
        }
        assert_eq!(app.count("SELECT count(*) FROM users").await, before);
    }

    /// Ids from outside were taken for ids from inside.
    async fn grafana_cve_2025_41115_a_number_is_nobodys_id(app: TestApp) {
        for id in ["1", "0", "-1", "01", "1e0", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "owner", "me", "self", &"9".repeat(400), &app.owner.email, &app.owner.username] {
            app.get(&format!("/users/{id}")).await.expect(404);
            app.post(&format!("/users/{id}/suspend"), json!({"reason": "left"})).await.expect(404);
        }
        for body in [json!({"external_id": "1"}), json!({"external_id": app.owner.id}), json!({"source": "scim"})] {
            app.patch(&format!("/users/{}", app.owner.id), body).await.expect(422);
        }
        let other_forms = [app.owner.id.to_string().to_uppercase(), app.owner.id.to_string().replace('-', ""), format!("{{{}}}", app.owner.id), format!("urn:uuid:{}", app.owner.id)];
        for form in other_forms {
            let answer = app.get(&format!("/users/{}", form.replace('{', "%7B").replace('}', "%7D"))).await;
            assert!(matches!(answer.status.as_u16(), 200 | 404), "{form}: {}", answer.status);
        }
    }

    /// Nesting without end ended the server.
    async fn kanidm_1_10_0_depth_is_bounded_before_anybody_is_asked(app: TestApp) {
        for depth in [10, 1_000, 100_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"attributes\":", "}"), ("{\"address\":", "}")] {
                for token in ["", &app.owner.token] {
                    let mut deep = api_request(Method::POST, "acme", "/users", token, &json!({}));
                    *deep.body_mut() = axum::body::Body::from(format!("{}1{}", open.repeat(depth), close.repeat(depth)));
                    let answer = app.send(deep).await;
                    assert!(answer.status.is_client_error(), "{depth} {open}: {}", answer.status);
                }
            }
        }
        let deep = (0..40).fold(json!(1), |inner, _| json!({"a": inner}));
        app.post("/users", json!({"given_name": "A", "email": "a@acme.example", "attributes": deep})).await.expect(422);
    }

    /// Long parameters cost the server what they did not cost the sender.
    async fn keycloak_cve_2026_4634_length_is_bounded(app: TestApp) {
        let long = "x ".repeat(25_000);
        let body = json!({"name": "x", "scopes": long.split(' ').collect::<Vec<_>>()});
        app.post("/tokens", body).await.expect(422);
        app.post("/users", json!({"given_name": "A", "email": "a@acme.example", "roles": vec!["auditor"; 50_000]})).await;
        let tags = json!({"tags": (0..10_000).map(|number| number.to_string()).collect::<Vec<_>>()});
        app.patch(&format!("/users/{}", app.owner.id), tags).await.expect(422);
        for name in ["idempotency-key", "if-match", "x-csrf-token", "user-agent", "authorization"] {
            let mut asked = api_request(Method::POST, "acme", "/users?dry_run=true", &app.owner.token, &json!({"given_name": "B", "email": "b@acme.example"}));
            asked.headers_mut().insert(name, "x".repeat(50_000).parse().unwrap());
            let answer = app.send(asked).await;
            assert!(!answer.status.is_server_error(), "{name}: {}", answer.status);
        }
    }

    /// A name was markup.
    async fn kanidm_displayname_what_people_write_stays_text(app: TestApp) {
        let payloads = [
            "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "<svg/onload=alert(1)>", "{{7*7}}", "${7*7}", "</textarea><script>x</script>",
            "<a href=javascript:alert(1)>x</a>", "&lt;script&gt;", "%3Cscript%3E", "<!--", "]]>",
        ];
        let session = browser(&app, &app.org, &app.owner).await;
        for (number, payload) in payloads.iter().enumerate() {
            let body = json!({"given_name": payload, "family_name": payload, "display_name": payload, "email": format!("x{number}@acme.example"), "title": payload, "department": payload, "division": payload,
                "notes": payload, "tags": [payload], "employee_number": payload, "address": {"street": payload, "city": payload}, "attributes": {"a": payload}});
            let id = app.post("/users", body).await.expect(201).json()["id"].as_str().unwrap().to_owned();
            app.post(&format!("/users/{id}/set-password"), json!({})).await.expect(200);
            app.post(&format!("/users/{id}/suspend"), json!({"reason": "other", "note": payload})).await.expect(200);
            app.patch("/org", json!({"name": payload})).await.expect(200);
            app.post("/tokens", json!({"name": payload, "scopes": ["*"]})).await.expect(201);
            for route in web::declared().into_iter().filter(|route| route.method == Method::GET && !route.path.contains("/api/v1/")) {
                let answer = app.send(request(&route, "acme", &id, Proves::Browser(&session), &Value::Null)).await;
                let text = &answer.text;
                for raw in ["<script>", "<img src=x", "<svg/onload", "onmouseover='", "<a href=javascript", "</textarea><script"] {
                    assert!(!text.contains(raw), "{}: {payload} became {raw}", route.path);
                }
            }
            let found = page(&app, &format!("/users?q={}", form(&[("", payload)]).trim_start_matches('=')), &session.cookie).await.expect(200);
            assert!(!found.text.contains("<script>") && !found.text.contains("<img src=x") && !found.text.contains("<svg/onload"), "{payload} in the search box");
            let back = submit(&app, payload, "x", false).await;
            assert!(!back.text.contains("<script>") && !back.text.contains("onmouseover='alert") && !back.text.contains("<img src=x"), "{payload} typed at sign-in");
        }
    }
}
