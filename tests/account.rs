//! One's own account: what one sees and changes of oneself, by API and in the console.

use axum::http::{Method, header};
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, TestApp, api_request, form, form_request},
    matrix::browser,
    signin::page,
};

async fn own(app: &TestApp, token: &str) -> Value {
    app.call(Method::GET, "/account", token, Value::Null).await.expect(200).json()
}

on_both! {
    async fn one_sees_oneself_without_the_administrators_notes(app: TestApp) {
        let ana = app.person("Ana", Role::Auditor).await;
        app.patch(&format!("/users/{}", ana.id), json!({"notes": "knows too much", "title": "Lead"})).await.expect(200);
        let shown = own(&app, &ana.token).await;
        assert_eq!((&shown["id"], &shown["title"], &shown["roles"][0]["role"], &shown["status"]), (&json!(ana.id), &json!("Lead"), &json!("auditor"), &json!("active")));
        assert_eq!(shown["notes"], Value::Null);
        let session = browser(&app, &app.org, &ana).await;
        for path in ["/account", "/account/password", "/account/tokens"] {
            assert!(!page(&app, path, &session.cookie).await.expect(200).text.contains("knows too much"), "{path}");
        }
        let edited = app.call(Method::PATCH, "/account", &ana.token, json!({"mobile": "+49 30 123"})).await.expect(200);
        assert!(!edited.text.contains("knows too much"));
        assert_eq!(app.get(&format!("/users/{}", ana.id)).await.json()["notes"], "knows too much");
    }

    async fn whoami_says_who_and_what(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let whoami = app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!(whoami, json!({"user": ana.id, "name": "Ana Person", "org": "acme", "permissions": ["account:read", "account:update", "account:password", "account:tokens", "account:sessions", "account:groups"], "application_permissions": []}));
        app.call(Method::PATCH, "/account", &ana.token, json!({"given_name": "Anne"})).await.expect(200);
        let whoami = app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!(whoami["name"], "Anne Person", "the name is not remembered beyond its change");
    }

    async fn an_own_edit_is_recorded_as_ones_own(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.call(Method::PATCH, "/account", &ana.token, json!({"mobile": "+49 30 123"})).await.expect(200);
        let mut events = app.events(&ana.id.to_string()).await;
        events.sort_unstable();
        assert_eq!(events, ["token.created", "user.created", "user.edited"]);
        let own = "SELECT count(*) FROM audit_entries WHERE event = 'user.edited' AND actor_name = 'Ana Person' AND target_name = 'Ana Person' AND door = 'api'";
        assert_eq!(app.count(own).await, 1);
    }

    async fn a_stale_edit_of_oneself_is_told(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let edit = async |version: &str, mobile: &str| {
            let mut request = api_request(Method::PATCH, "acme", "/account", &ana.token, &json!({"mobile": mobile}));
            request.headers_mut().insert("if-match", version.parse().unwrap());
            app.send(request).await
        };
        app.patch(&format!("/users/{}", ana.id), json!({"title": "Lead"})).await.expect(200);
        assert_eq!(edit("\"1\"", "+49 30 1").await.expect(412).code(), "user.changed_meanwhile");
        let edited = edit("\"2\"", "+49 30 123").await.expect(200);
        assert_eq!(edited.headers[header::ETAG], "\"3\"");
    }

    async fn the_profiles_form_keeps_what_was_typed_and_says_what_is_wrong(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        let save = async |fields: &[(&str, &str)]| -> Answer {
            let mut all = vec![("csrf", session.csrf.as_str()), ("given_name", "Ana"), ("family_name", "Person"), ("display_name", "Ana Person")];
            all.extend_from_slice(fields);
            app.send(form_request("/o/acme/account", &session.cookie, &form(&all))).await
        };
        let refused = save(&[("phone", "not a phone"), ("mobile", "+49 30 5551234"), ("version", "1")]).await.expect(422);
        assert!(refused.text.contains("Write a phone number") && refused.text.contains("not a phone") && refused.text.contains("+49 30 5551234"));
        assert_eq!(own(&app, &ana.token).await["version"], 1);
        save(&[("phone", "+49 30 1234567"), ("version", "1")]).await.expect(303);
        assert_eq!(own(&app, &ana.token).await["phone"], "+49 30 1234567");
        save(&[("phone", "+49 30 7654321"), ("version", "1")]).await.expect(409);
        assert_eq!(own(&app, &ana.token).await["phone"], "+49 30 1234567", "a stale form loses nothing");
    }

    async fn the_profiles_form_takes_no_other_fields(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        let before = own(&app, &ana.token).await;
        for (field, value) in [("email", "eve@evil.example"), ("username", "root"), ("title", "Boss"), ("roles", "owner"), ("type", "service"), ("valid_until", "2030-01-01"), ("employee_number", "1"), ("email_verified", "on"), ("notes", "x")] {
            let fields = form(&[("csrf", session.csrf.as_str()), ("given_name", "Ana"), ("family_name", "Person"), ("display_name", "Ana Person"), (field, value)]);
            app.send(form_request("/o/acme/account", &session.cookie, &fields)).await;
            let after = own(&app, &ana.token).await;
            for kept in ["email", "username", "title", "roles", "type", "valid_until", "employee_number", "email_verified", "notes"] {
                assert_eq!(after[kept], before[kept], "{field}");
            }
        }
    }

    async fn a_password_is_changed_with_the_present_one_only(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let change = async |present: Value, wanted: Value| {
            app.call(Method::POST, "/account/password", &ana.token, json!({"present_password": present, "new_password": wanted})).await
        };
        let field = |answer: Answer| answer.expect(422).json()["errors"][0]["field"].as_str().unwrap().to_owned();
        assert_eq!(field(change(json!("wrong-canyon-harbor"), json!("another-canyon-harbor")).await), "present_password");
        for (wanted, number) in [("short", 1), (&"x".repeat(300), 2), (&"a".repeat(20), 3), (ana.email.as_str(), 4), (PASSWORD, 5)] {
            assert_eq!(field(change(json!(PASSWORD), json!(wanted)).await), "new_password", "{number}");
        }
        for wrong in [json!(["x"]), json!(null), json!(7), json!({"a": 1})] {
            change(json!(PASSWORD), wrong.clone()).await.expect(422);
            change(wrong, json!("another-canyon-harbor")).await.expect(422);
        }
        change(json!(PASSWORD), json!("pässwörd-canyon-harbor")).await.expect(204);
        assert!(app.sign_in(&ana.email, PASSWORD).await.is_err());
        // The same characters, composed otherwise by another keyboard.
        app.sign_in(&ana.email, "pa\u{308}sswo\u{308}rd-canyon-harbor").await.expect("signs in");
        assert!(app.events(&ana.id.to_string()).await.contains(&"password.changed".to_owned()));
    }

    async fn tokens_of_the_console_are_shown_once(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let fields = form(&[("csrf", session.csrf.as_str()), ("name", "Payroll"), ("days", "30"), ("scopes", "user:list")]);
        let made = app.send(form_request("/o/acme/account/tokens/new", &session.cookie, &fields)).await;
        assert!(made.text.contains("mst_pat_"), "{} {}", made.status, made.text);
        let list = page(&app, "/account/tokens", &session.cookie).await.expect(200);
        assert!(list.text.contains("Payroll") && !list.text.contains("mst_pat_"));
    }
}
