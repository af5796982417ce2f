//! What somebody did and what was done to them: what is in it, for whom, in which order, and as a file.

use std::time::Duration;

use ::app::signin::Attempt;
use axum::http::{Method, header};
use model::Role;
use serde_json::{Value, json};

use crate::app::{Somebody, TestApp};

async fn read(app: &TestApp, path: &str, token: &str) -> Value {
    app.call(Method::GET, path, token, Value::Null).await.expect(200).json()
}

fn sentences(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["sentence"].as_str().unwrap().to_owned()).collect()
}

async fn come_from(app: &TestApp, somebody: &Somebody, address: &str, password: &str) {
    let attempt = Attempt {
        identifier: somebody.email.clone(),
        password: password.to_owned(),
        remember: false,
        address: address.to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
        hints: model::device::ClientHints::default(),
        request_id: "r".to_owned(),
        devices: Vec::new(),
        earlier: None,
    };
    app.later(Duration::from_millis(1));
    drop(app.app.sign_in(&app.org, attempt).await);
}

on_both! {
    async fn it_is_by_and_to_the_person_in_words_and_nobody_elses(app: TestApp) {
        let ana = app.person("Ana", Role::UserManager).await;
        let bo = app.person("Bo", Role::Member).await;
        come_from(&app, &ana, "203.0.113.7", &ana.password).await;
        come_from(&app, &ana, "203.0.113.8", "wrong").await;
        app.call(Method::POST, &format!("/users/{}/suspend", bo.id), &ana.token, json!({"reason": "left", "note": "for good"}))
            .await
            .expect(200);
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "auditor", "reason": "audit week"})).await.expect(200);
        app.call(Method::POST, "/tokens", &ana.token, json!({"name": "nightly", "scopes": ["*"]})).await.expect(201);
        let page = read(&app, &format!("/users/{}/activity", ana.id), &app.owner.token).await;
        let mut newest = sentences(&page)[..6].to_vec();
        // An entry and the mail about it are of one moment.
        newest[..2].sort();
        assert_eq!(
            newest,
            [
                "A notice of a new API token waits to be sent to ana@acme.example",
                "Ana Person created an API token: nightly",
                "Olivia Owner gave Ana Person a role: Auditor",
                "Ana Person suspended Bo Person",
                "Ana Person could not sign in",
                "Ana Person signed in",
            ]
        );
        let suspended = &page["items"][3];
        assert_eq!((&suspended["kind"], &suspended["reason"]), (&json!("administration"), &json!("left: for good")));
        assert_eq!(suspended["changes"]["state"], json!({"before": "active", "after": "suspended"}));
        // Bo's page has the suspension too, and nothing of Ana's.
        let page = read(&app, &format!("/users/{}/activity?kind=account", bo.id), &app.owner.token).await;
        assert_eq!(sentences(&page)[0], "Ana Person suspended Bo Person");
        assert!(sentences(&page).iter().all(|sentence| sentence.contains("Bo Person")), "{page}");
        let page = read(&app, &format!("/users/{}/activity?kind=sign_ins", ana.id), &app.owner.token).await;
        assert_eq!(sentences(&page), ["Ana Person could not sign in", "Ana Person signed in"]);
        app.get(&format!("/users/{}/activity?kind=dreams", ana.id)).await.expect(422);
        let helga = app.person("Helga", Role::Helpdesk).await;
        app.call(Method::GET, &format!("/users/{}/activity", bo.id), &helga.token, Value::Null).await.expect(403);
    }

    async fn ones_own_is_without_what_administrators_write(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.patch(&format!("/users/{}", ana.id), json!({"notes": "difficult", "title": "Pilot"})).await.expect(200);
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "auditor", "reason": "secret plan"})).await.expect(200);
        let page = read(&app, "/account/activity", &ana.token).await;
        assert_eq!(sentences(&page)[..2], ["Olivia Owner gave you a role: Auditor", "Olivia Owner changed the record of you"]);
        assert!(!page.to_string().contains("difficult") && !page.to_string().contains("secret plan"), "{page}");
        assert_eq!(page["items"][1]["changes"]["title"]["after"], "Pilot");
    }

    async fn pages_follow_each_other_without_gap_or_repetition(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for number in 0..25 {
            let title = json!({"title": format!("Number {number}")});
            app.patch(&format!("/users/{}", ana.id), title).await.expect(200);
            app.call(Method::PATCH, "/account", &ana.token, json!({"locale": if number % 2 == 0 { "de" } else { "en" }}))
                .await
                .expect(200);
            app.post("/users", json!({"given_name": "N", "email": format!("n{number}@acme.example")})).await.expect(201);
        }
        let path = format!("/users/{}/activity", ana.id);
        let whole = read(&app, &format!("{path}?page_size=200"), &app.owner.token).await;
        let ids = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        assert!(whole["older"].is_null() && ids(&whole).len() > 50);
        let (mut walked, mut before) = (Vec::new(), String::new());
        loop {
            let page = read(&app, &format!("{path}?page_size=7&before={before}"), &app.owner.token).await;
            assert!(ids(&page).len() <= 7);
            walked.extend(ids(&page));
            let Some(older) = page["older"].as_str() else { break };
            older.clone_into(&mut before);
        }
        assert_eq!(walked, ids(&whole));
        let mut sorted = walked.clone();
        sorted.sort();
        sorted.reverse();
        sorted.dedup();
        assert_eq!(sorted, walked, "newest first, each once");
    }

    async fn sign_ins_are_counted_by_day_and_by_address(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        come_from(&app, &ana, "203.0.113.7", &ana.password).await;
        come_from(&app, &ana, "203.0.113.7", &ana.password).await;
        app.later(Duration::from_secs(24 * 3600));
        come_from(&app, &ana, "203.0.113.8", "wrong").await;
        let history = read(&app, "/account/sign-ins", &ana.token).await;
        let days = history["days"].as_array().unwrap();
        assert_eq!(days.len(), 30);
        assert_eq!(days[28], json!({"day": "2026-11-20", "succeeded": 2, "failed": 0}));
        assert_eq!(days[29], json!({"day": "2026-11-21", "succeeded": 0, "failed": 1}));
        let addresses = history["addresses"].as_array().unwrap();
        assert_eq!((&addresses[0]["address"], &addresses[0]["failed"]), (&json!("203.0.113.8"), &json!(1)));
        assert_eq!((&addresses[1]["address"], &addresses[1]["succeeded"]), (&json!("203.0.113.7"), &json!(2)));
        // Out of the window they go; the other window still has them.
        app.later(Duration::from_secs(29 * 24 * 3600));
        let history = read(&app, &format!("/users/{}/sign-ins?days=30", ana.id), &app.with_token("olivia@acme.example").await.token).await;
        assert_eq!(history["addresses"].as_array().unwrap().len(), 1);
        let longer = read(&app, &format!("/users/{}/sign-ins?days=90", ana.id), &app.owner.token).await;
        assert_eq!(longer["addresses"].as_array().unwrap().len(), 2);
        app.get(&format!("/users/{}/sign-ins?days=31", ana.id)).await.expect(422);
    }

    async fn a_file_holds_all_of_it_computes_nothing_and_is_noted(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.patch(&format!("/users/{}", ana.id), json!({"display_name": "=HYPERLINK(\"http://x\")"})).await.expect(200);
        for number in 0..210 {
            app.patch(&format!("/users/{}", ana.id), json!({"title": format!("Number {number}")})).await.expect(200);
        }
        let path = format!("/users/{}/activity/export", ana.id);
        let csv = app.post(&path, json!({})).await.expect(200);
        assert!(csv.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/csv"));
        assert!(csv.headers[header::CONTENT_DISPOSITION].to_str().unwrap().contains(".csv"));
        assert!(csv.text.starts_with("at,kind,event,sentence,"));
        assert!(csv.text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{}", &csv.text[..2000]);
        assert!(csv.text.matches("user.edited").count() >= 211);
        let lines = app.post(&format!("{path}?format=jsonl&kind=account"), json!({})).await.expect(200).text;
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first["event"], "user.activity_exported");
        assert_eq!(app.events(&ana.id.to_string()).await.iter().filter(|event| *event == "user.activity_exported").count(), 2);
        app.post(&format!("{path}?format=xml"), json!({})).await.expect(422);
        let own = app.call(Method::POST, "/account/activity/export", &ana.token, json!({})).await.expect(200);
        assert!(own.text.contains("user.created"));
    }

    async fn mails_are_part_of_it(app: TestApp) {
        let body = json!({"given_name": "Mia", "email": "mia@acme.example"});
        let id = app.post("/users", body).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        app.post(&format!("/users/{id}/activate"), json!({})).await.expect(200);
        app.mail_to("mia@acme.example").await;
        let page = read(&app, &format!("/users/{id}/activity?kind=mail"), &app.owner.token).await;
        assert_eq!(sentences(&page), ["The link to choose a first password was sent to mia@acme.example"]);
        let page = read(&app, &format!("/users/{id}/activity"), &app.owner.token).await;
        assert!(sentences(&page).iter().any(|sentence| sentence.starts_with("The link to choose")));
    }
}
