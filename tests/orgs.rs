//! The organization: its rules and their ranges, its name, its address and what becomes of the former one.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, api_request},
    matrix::{NEVER, Proves, browser, request},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

on_both! {
    async fn rules_are_changed_one_by_one_and_recorded(app: TestApp) {
        let before = app.get("/org").await.expect(200);
        assert_eq!(before.headers["etag"], "\"1\"");
        assert_eq!(before.json()["settings"]["session"]["idle_minutes"], 30);
        let patch = json!({"name": "Acme Ltd", "settings": {"session": {"idle_minutes": 45}, "lifecycle": {"trash_days": 10}}});
        let after = app.patch("/org", patch.clone()).await.expect(200);
        assert_eq!(after.headers["etag"], "\"2\"");
        let mut expected = before.json();
        expected["name"] = json!("Acme Ltd");
        expected["settings"]["session"]["idle_minutes"] = json!(45);
        expected["settings"]["lifecycle"]["trash_days"] = json!(10);
        expected["version"] = json!(2);
        assert_eq!(after.json(), expected);
        assert_eq!(app.get("/org").await.json(), expected);
        assert_eq!(app.patch("/org", patch).await.expect(200).json(), expected, "nothing changed, so no new version");
        assert_eq!(app.events(&app.org.id.to_string()).await, ["org.created", "settings.changed"]);
    }

    async fn every_number_has_its_range(app: TestApp) {
        for (group, rule, lowest, highest) in [
            ("lifecycle", "trash_days", 0, 365), ("password", "minimum_length", 8, 64), ("password", "minimum_strength", 0, 4), ("password", "history", 0, 24), ("password", "expires_after_days", 0, 730), ("password", "temporary_hours", 1, 720),
            ("lockout", "failures_per_address", 3, 20), ("lockout", "failures_in_total", 10, 200), ("lockout", "accounts_per_address", 10, 10_000), ("lockout", "minutes", 1, 1440),
            ("session", "idle_minutes", 5, 1440), ("session", "absolute_hours", 1, 720),
            ("session", "remembered_idle_days", 1, 90), ("session", "remembered_absolute_days", 1, 365), ("session", "maximum", 0, 100), ("invitation", "lifetime_hours", 1, 2160), ("audit", "retention_days", 0, 3650),
        ] {
            let set = async |value: Value| app.patch("/org", json!({"settings": {group: {rule: value}}})).await;
            for fine in [lowest, highest] {
                assert_eq!(set(json!(fine)).await.expect(200).json()["settings"][group][rule], fine, "{rule}");
            }
            for wrong in [json!(lowest - 1), json!(highest + 1), json!(-1), json!(70_000), json!(1.5), json!("7"), json!(null), json!([1]), json!({})] {
                let refused = set(wrong.clone()).await;
                assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{rule} {wrong}: {}", refused.text);
            }
            assert_eq!(app.get("/org").await.json()["settings"][group][rule], highest, "{rule}");
        }
        // Every rule of the document was tried, or is one of these.
        let settings = app.get("/org").await.json()["settings"].clone();
        let numbers = settings.as_object().unwrap().values().flat_map(|group| group.as_object().unwrap().values()).filter(|value| value.is_number());
        assert_eq!(numbers.count(), 17);
    }

    async fn what_is_unknown_or_malformed_is_refused_and_changes_nothing(app: TestApp) {
        let before = app.get("/org").await.json();
        for patch in [
            json!({"slug": "other"}), json!({"id": NEVER}), json!({"version": 9}), json!({"settings": {"post": {}}}), json!({"settings": []}), json!({"settings": {"mail": {"reply_to": "nobody"}}}), json!({"settings": {"mail": {"sender_name": "a\nb"}}}),
            json!({"settings": {"session": {"idle": 9}}}), json!({"settings": {"session": 9}}), json!({"settings": {"session": null}}), json!({"settings": null}),
            json!({"settings": {"lifecycle": {"username_template": ""}}}), json!({"settings": {"lifecycle": {"username_template": "{given} {family}"}}}),
            json!({"settings": {"lifecycle": {"username_template": "constant"}}}), json!({"settings": {"lifecycle": {"username_template": "{given}{password}"}}}),
            json!({"settings": {"session": {"remember": "yes"}}}), json!({"name": ""}), json!({"name": null}), json!({"name": "x".repeat(101)}), json!({"name": "a\u{0}b"}), json!({"name": 7}),
        ] {
            let refused = app.patch("/org", patch.clone()).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{patch}: {}", refused.text);
        }
        assert_eq!(app.get("/org").await.json(), before);
    }

    async fn of_two_editors_the_later_is_told(app: TestApp) {
        let edit = async |version: &str, minutes: u16| {
            let body = json!({"settings": {"session": {"idle_minutes": minutes}}});
            let mut request = api_request(Method::PATCH, "acme", "/org", &app.owner.token, &body);
            request.headers_mut().insert("if-match", version.parse().unwrap());
            app.send(request).await
        };
        edit("\"1\"", 40).await.expect(200);
        assert_eq!(edit("\"1\"", 50).await.expect(412).code(), "org.changed_meanwhile");
        assert_eq!(app.get("/org").await.json()["settings"]["session"]["idle_minutes"], 40);
        let (one, two) = tokio::join!(edit("\"2\"", 60), edit("\"2\"", 70));
        let mut both = [one.status.as_u16(), two.status.as_u16()];
        both.sort_unstable();
        assert_eq!(both, [200, 412]);
        edit("*", 80).await.expect(200);
    }

    async fn rules_hold_from_the_moment_they_are_set(app: TestApp) {
        let short = json!({"given_name": "Ana", "email": "ana@acme.example", "password": "twelve-chars"});
        app.patch("/org", json!({"settings": {"password": {"minimum_length": 20}}})).await.expect(200);
        let refused = app.post("/users", short.clone()).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["code"], "password.too_short");
        app.patch("/org", json!({"settings": {"password": {"minimum_length": 8, "minimum_strength": 2}, "lifecycle": {"username_template": "{g}{family}"}}})).await.expect(200);
        let body = json!({"given_name": "Ana", "family_name": "Ng", "email": "ana@acme.example", "password": "8-chars!"});
        assert_eq!(app.post("/users", body).await.expect(201).json()["username"], "ang");
        app.patch("/org", json!({"settings": {"lifecycle": {"delete_requires_suspension": false, "trash_days": 0}}})).await.expect(200);
        let bo = app.person("Bo", Role::Member).await;
        app.post(&format!("/users/{}/delete", bo.id), json!({"confirm": bo.email})).await.expect(200);
        app.get(&format!("/users/{}", bo.id)).await.expect(404);
    }

    async fn a_former_address_leads_here_for_ninety_days(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let renamed = app.post("/org/rename", json!({"slug": "Apex"})).await.expect(200).json();
        assert_eq!((&renamed["slug"], &renamed["version"]), (&json!("apex"), &json!(2)));
        assert_eq!(app.events(&app.org.id.to_string()).await.last().unwrap(), "org.renamed");
        let whoami = async |slug: &str| app.send(api_request(Method::GET, slug, "/whoami", &app.owner.token, &Value::Null)).await;
        for slug in ["acme", "apex"] {
            assert_eq!(whoami(slug).await.expect(200).json()["org"], "apex");
        }
        for route in web::declared().into_iter().filter(|route| route.door == web::Door::Console && route.method == Method::GET && route.path.contains("{slug}")) {
            let answer = app.send(request(&route, "acme", NEVER, Proves::Browser(&session), &Value::Null)).await;
            let to = answer.headers.get(header::LOCATION).map_or("", |to| to.to_str().unwrap());
            assert!(answer.status == StatusCode::PERMANENT_REDIRECT && (to == "/o/apex" || to.starts_with("/o/apex/")), "{}: {} {to}", route.path, answer.status);
        }
        // What stood behind the address comes along, and leads nowhere else.
        for (path, wanted) in [("/o/acme/api/docs?a=b%20c&d", "/o/apex/api/docs?a=b%20c&d"), ("/o/acme/api/docs?to=//evil.example", "/o/apex/api/docs?to=//evil.example")] {
            let answer = app.send(Request::get(path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.headers[header::LOCATION], wanted);
        }
        app.other_org("zeta").await;
        let taken = app.app.create_org("Another", "acme", false).await.unwrap_err();
        assert_eq!(taken.code(), "slug.taken", "reserved while it leads somewhere");
        app.later(89 * DAY);
        whoami("acme").await.expect(200);
        app.later(DAY + Duration::from_secs(1));
        whoami("acme").await.expect(404);
        whoami("apex").await.expect(200);
        let other = app.app.create_org("Another", "acme", false).await.expect("free again");
        assert_ne!(other.id, app.org.id);
        whoami("acme").await.expect(401);
    }

    async fn one_can_go_back_to_ones_own_former_address_and_to_no_others(app: TestApp) {
        let (_, otto) = app.other_org("zeta").await;
        for (slug, status) in [("apex", 200), ("acme", 200), ("acme", 200), ("apex", 200), ("zeta", 409), ("ac", 422), ("-acme", 422), ("a_b", 422), ("api", 422), ("www", 422), ("äpfel", 422), ("a/b", 422)] {
            app.post("/org/rename", json!({"slug": slug})).await.expect(status);
        }
        let taken = app.send(api_request(Method::POST, "zeta", "/org/rename", &otto.token, &json!({"slug": "acme"}))).await.expect(409);
        assert_eq!(taken.code(), "slug.taken");
        app.send(api_request(Method::GET, "acme", "/whoami", &app.owner.token, &Value::Null)).await.expect(200);
    }

    async fn a_rename_under_a_stale_version_is_refused(app: TestApp) {
        let mut request = api_request(Method::POST, "acme", "/org/rename", &app.owner.token, &json!({"slug": "apex"}));
        request.headers_mut().insert("if-match", "\"7\"".parse().unwrap());
        app.send(request).await.expect(412);
        app.post("/org/rename?dry_run=true", json!({"slug": "apex"})).await.expect(200);
        app.send(api_request(Method::GET, "apex", "/whoami", &app.owner.token, &Value::Null)).await.expect(404);
    }
}
