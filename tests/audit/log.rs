//! The log as people and programs read it: filters, pages, exports, refusals; and what must never stand in it.

use axum::http::Method;

use super::*;
use crate::app::{PASSWORD, form, form_request};

async fn items(app: &TestApp, query: &str) -> Vec<Value> {
    app.get(&format!("/audit{query}")).await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn events(app: &TestApp, query: &str) -> Vec<String> {
    items(app, query).await.iter().map(|entry| entry["event"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn every_filter_finds_what_it_says(app: TestApp) {
        let ana = app.person("Ana", Role::Auditor).await;
        let bo = app.create("Bo", "Ng", "bo@acme.example").await;
        app.later(Duration::from_millis(1));
        let start = app.app.now();
        app.later(Duration::from_secs(3600));
        let answer = app.patch(&format!("/users/{bo}"), json!({"title": "Lead"})).await.expect(200);
        let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        app.later(Duration::from_secs(3600));
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "on_leave"})).await.expect(200);
        assert_eq!(events(&app, &format!("?target={bo}")).await, ["user.edited", "user.created"]);
        assert_eq!(events(&app, &format!("?request_id={request}")).await, ["user.edited"]);
        assert_eq!(events(&app, &format!("?actor={}&event=user.suspended", app.owner.id)).await, ["user.suspended"]);
        assert_eq!(events(&app, &format!("?actor={}&target={bo}", app.owner.id)).await, ["user.edited", "user.created"]);
        assert_eq!(events(&app, &format!("?since={start}&event=user.")).await, ["user.suspended", "user.edited"]);
        let between = format!("?since={start}&until={}", app.app.now().minus(Duration::from_secs(1800)));
        assert_eq!(events(&app, &between).await, ["user.edited"]);
        assert_eq!(events(&app, "?actor=operator&event=user.created").await.len(), 2);
        assert!(events(&app, "?address=127.0.0.1").await.len() >= 3 && events(&app, "?address=203.0.113.1").await.is_empty());
        assert!(events(&app, "?event=nothing").await.is_empty());
        let entry = &items(&app, &format!("?target={bo}")).await[0];
        assert_eq!(entry["changes"], json!({"title": {"before": null, "after": "Lead"}}));
        assert_eq!((&entry["actor_name"], &entry["target_name"]), (&json!("Olivia Owner"), &json!("Bo Ng")));
        // One entry by one, in order, none twice.
        let (mut seen, mut before) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("/audit?limit=1{before}")).await.expect(200).json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["id"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            before = format!("&before={next}");
        }
        let all: Vec<Value> = items(&app, "?limit=200").await.iter().map(|entry| entry["id"].clone()).collect();
        assert_eq!(seen, all);
        for wrong in ["?limit=0x", "?limit=201", "?since=soon", "?target=ana", "?colour=red"] {
            assert!([400, 422].contains(&app.get(&format!("/audit{wrong}")).await.status.as_u16()), "{wrong}");
        }
    }

    async fn pages_go_onward_and_back(app: TestApp) {
        let bo = app.create("Bo", "Ng", "bo@acme.example").await;
        for number in 0..8 {
            app.later(Duration::from_millis(1));
            edit(&app, &app.org, bo.parse().unwrap(), &format!("-{number}")).await;
        }
        let since = app.org.created_at.minus(Duration::from_secs(60));
        let filters = [
            String::new(),
            format!("&target={bo}"),
            "&actor=operator".to_owned(),
            "&event=user.".to_owned(),
            format!("&target={bo}&since={since}"),
        ];
        for filter in filters {
            let ask = async |way: &str, from: &Value| {
                let from = from.as_str().map(|id| format!("&{way}={id}")).unwrap_or_default();
                app.get(&format!("/audit?limit=3{filter}{from}")).await.expect(200).json()
            };
            let mut pages = vec![ask("before", &Value::Null).await];
            while !pages.last().unwrap()["next"].is_null() {
                let page = ask("before", &pages.last().unwrap()["next"]).await;
                assert_eq!(pages.is_empty(), page["previous"].is_null());
                pages.push(page);
            }
            assert!(pages.len() >= 2 && pages[0]["previous"].is_null(), "{filter}");
            for pair in pages.windows(2).rev() {
                assert_eq!(ask("after", &pair[1]["previous"]).await, pair[0], "{filter}");
            }
        }
        // Back from where nothing was found, and to the newest when fewer than a page are newer.
        let all = items(&app, "?limit=200").await;
        let beyond = app.get(&format!("/audit?before={}", all.last().unwrap()["id"].as_str().unwrap())).await.json();
        assert_eq!((beyond["items"].as_array().unwrap().len(), &beyond["next"]), (0, &Value::Null));
        let back = app.get(&format!("/audit?after={}", beyond["previous"].as_str().unwrap())).await.json();
        assert_eq!(back["items"].as_array().unwrap().len(), all.len());
        let newest = app.get(&format!("/audit?limit=3&after={}", all[1]["id"].as_str().unwrap())).await.json();
        assert_eq!(newest["items"].as_array().unwrap().as_slice(), &all[..3]);
    }

    async fn an_export_has_everything_and_no_formulas_and_is_itself_in_the_log(app: TestApp) {
        let id = app.create("=HYPERLINK(1)", "Ng", "bo@acme.example").await;
        for number in 0..230 {
            app.later(Duration::from_millis(1));
            edit(&app, &app.org, id.parse().unwrap(), &format!("-{number}")).await;
        }
        let body = json!({"format": "csv", "target": id});
        let csv = app.post("/audit/export", body.clone()).await.expect(200);
        assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        assert!(csv.headers["content-disposition"].to_str().unwrap().contains("audit-acme.csv"));
        assert!(csv.text.lines().count() > 231 && csv.text.contains("\"'=HYPERLINK(1) Ng\"") && csv.text.contains("\"'-229\""));
        assert!(!csv.text.contains(",=") && !csv.text.contains(",\"=") && !csv.text.contains(",-"));
        let jsonl = app.post("/audit/export", json!({})).await.expect(200);
        let lines: Vec<Value> = jsonl.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(i64::try_from(lines.len()).unwrap(), app.count("SELECT count(*) FROM audit_entries").await);
        assert_eq!((&lines[0]["event"], &lines[1]["event"]), (&json!("audit.exported"), &json!("audit.exported")));
        assert_eq!(lines[1]["changes"]["export"]["after"]["filter"]["target"], json!(id));
        // A rehearsal would be a way to read without being written down.
        assert_eq!(app.post("/audit/export?dry_run=true", body).await.expect(200).text, "");
        assert_eq!(events(&app, "?event=audit.exported").await.len(), 2);
        app.post("/audit/export", json!({"format": "xlsx"})).await.expect(422);
        let helper = app.person("Hel", Role::Helpdesk).await;
        app.call(Method::POST, "/audit/export", &helper.token, json!({})).await.expect(403);
    }

    async fn every_refusal_is_in_the_log_and_nobody_fills_the_disk_with_them(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.create("Bo", "Ng", "bo@acme.example").await);
        let path = format!("/users/{bo}/suspend");
        for _ in 0..20 {
            app.call(Method::POST, &path, &ana.token, json!({"reason": "left"})).await.expect(403);
        }
        app.call(Method::GET, "/users", &ana.token, Value::Null).await.expect(403);
        let denied = items(&app, "?event=access.denied").await;
        assert_eq!(denied.len(), 2, "{denied:?}");
        assert_eq!((&denied[1]["target"], &denied[1]["target_name"]), (&json!(bo), &json!("Bo Ng")));
        assert_eq!(denied[1]["changes"]["request"]["after"], "POST /o/{slug}/api/v1/users/{id}/suspend");
        assert_eq!(denied[1]["actor"], json!(ana.id));
        app.later(Duration::from_secs(60));
        app.call(Method::POST, &path, &ana.token, json!({"reason": "left"})).await.expect(403);
        assert_eq!(items(&app, "?event=access.denied").await.len(), 3);
        // What an operation refuses counts like what a route refuses.
        let helper = app.person("Hel", Role::Helpdesk).await;
        let above = format!("/users/{}/set-password", app.owner.id);
        assert_eq!(app.call(Method::POST, &above, &helper.token, json!({})).await.code(), "access.stronger_person");
        let denied = items(&app, &format!("?event=access.denied&actor={}", helper.id)).await;
        assert_eq!((denied.len(), &denied[0]["reason"], &denied[0]["target"]), (1, &json!("access.stronger_person"), &json!(app.owner.id)));
        assert!(verify(&app, &[]).await.is_clean());
    }

    async fn no_secret_stands_in_the_log(app: TestApp) {
        let ana = app.person("Ana", Role::Administrator).await;
        let cookie = app.sign_in(&ana.email, PASSWORD).await.unwrap();
        app.sign_in(&ana.email, "not-her-password-canary").await.unwrap_err();
        let made = app.call(Method::POST, "/tokens", &ana.token, json!({"name": "CI", "days": 5, "scopes": ["*"]})).await;
        let token = made.expect(201).json()["token"].as_str().unwrap().to_owned();
        let temporary = app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200);
        let generated = temporary.json()["temporary_password"].as_str().unwrap().to_owned();
        app.send(form_request("/o/acme/sign-in", &cookie, &form(&[("identifier", &token), ("password", "typed-in-the-wrong-box")]))).await;
        let exported = app.post("/audit/export", json!({})).await.expect(200).text;
        let secret = cookie.split_once('=').unwrap().1;
        for canary in [PASSWORD, "not-her-password-canary", token.as_str(), generated.as_str(), secret, ana.token.as_str(), app.owner.token.as_str(), "argon2"] {
            assert!(!canary.is_empty() && !exported.contains(canary), "{canary} stands in the log");
        }
    }
}
