//! All that is held on a person: who may have it, what is in it and what is not, and that it goes again.

use std::{
    io::{Cursor, Read as _},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use model::Role;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    addresses::{confirm, verification},
    app::{PASSWORD, Somebody, TestApp},
};

async fn work(app: &TestApp) {
    while app.app.work_once().await.unwrap() > 0 {}
}

/// Asks for the data of `path`, and answers the link once it is ready.
async fn prepared(app: &TestApp, path: &str, token: &str) -> String {
    let asked = app.call(Method::POST, path, token, json!({})).await.expect(202).json();
    assert_eq!(asked["state"], "queued");
    work(app).await;
    let ready = app.call(Method::GET, path, token, Value::Null).await.expect(200).json();
    assert_eq!(ready["state"], "ready");
    ready["link"].as_str().unwrap().to_owned()
}

/// Follows a link with a token; the status and the bytes.
async fn fetch(app: &TestApp, link: &str, token: &str) -> (StatusCode, Vec<u8>) {
    let path = link.strip_prefix("http://localhost:8080").unwrap();
    let mut request = Request::get(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = app
        .router
        .clone()
        .oneshot(request.header(header::HOST, "localhost:8080").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

/// A file of the archive.
fn file(zip: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

async fn ana(app: &TestApp) -> Somebody {
    let ana = app.person("Ana", Role::Auditor).await;
    app.sign_in(&ana.email, PASSWORD).await.unwrap();
    let other = app.create("Magda", "Manager", "magda@acme.example").await;
    app.patch(
        &format!("/users/{}", ana.id),
        json!({"manager": other, "title": "Pilot", "notes": "<b>bold</b>"}),
    )
    .await
    .expect(200);
    ana
}

on_both! {
    async fn it_holds_everything_but_secrets_and_other_people(app: TestApp) {
        let ana = ana(&app).await;
        let secret = verification(&app, &ana, "ana.new@acme.example").await;
        confirm(&app, &secret).await.expect(200);
        let muted = json!({"muted": ["made_administrator"]});
        app.call(Method::PUT, "/account/notices", &ana.token, muted).await.expect(204);
        let link = prepared(&app, &format!("/users/{}/data-export", ana.id), &app.owner.token).await;
        let (status, zip) = fetch(&app, &link, &app.owner.token).await;
        assert_eq!(status, StatusCode::OK);
        let text = file(&zip, "data.json");
        let data: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&data["profile"]["email"], &data["profile"]["title"]), (&json!("ana.new@acme.example"), &json!("Pilot")));
        assert_eq!((&data["profile"]["source"], &data["profile"]["manager"]), (&json!("local"), &json!("somebody else")));
        assert_eq!(data["roles"][0]["role"], "auditor");
        assert_eq!(data["sessions"].as_array().unwrap().len(), 1);
        assert_eq!(data["tokens"].as_array().unwrap().len(), 1);
        assert_eq!(data["devices"].as_array().unwrap().len(), 1);
        assert!(data["devices"][0]["first_seen_at"].is_string() && data["devices"][0]["mark"].is_string());
        assert_eq!(data["muted_notices"], json!([{"about": "made_administrator"}]));
        assert_eq!(data["reserved_addresses"][0]["address"], ana.email);
        for section in ["states", "invitations", "links", "mails", "failed_sign_ins"] {
            assert!(data[section].is_array(), "{section}");
        }
        let audit = data["audit"].as_array().unwrap();
        assert!(audit.iter().any(|entry| entry["event"] == "User edited" && entry["by"] == "somebody else"), "{audit:?}");
        assert!(audit.iter().any(|entry| entry["event"] == "Session started" && entry["by"] == "you"), "{audit:?}");
        for masked in ["Olivia", "Magda", "argon2", PASSWORD, &ana.token] {
            assert!(!text.contains(masked), "{masked}");
        }
        let page = file(&zip, "data.html");
        assert!(page.contains("Pilot") && page.contains("&#60;b&#62;bold") && !page.contains("<script"), "{page}");
        assert!(!page.contains("Olivia"));
    }

    async fn the_link_is_for_who_asked_and_for_a_day(app: TestApp) {
        let ana = ana(&app).await;
        let path = format!("/users/{}/data-export", ana.id);
        let link = prepared(&app, &path, &app.owner.token).await;
        let mail = app.mail_to("olivia@acme.example").await;
        assert!(mail.subject.contains("Ana Person") && mail.text.contains(&link), "{}", mail.text);
        // Neither a stranger, nor the person, nor another administrator; and not with a made-up link.
        let (status, _) = fetch(&app, &link, "").await;
        assert!(status.is_redirection());
        let admin = app.person("Adam", Role::Administrator).await;
        assert_eq!(fetch(&app, &link, &ana.token).await.0, StatusCode::FORBIDDEN);
        assert_eq!(fetch(&app, &link, &admin.token).await.0, StatusCode::FORBIDDEN);
        let (start, secret) = link.rsplit_once('/').unwrap();
        let turned: String = secret.chars().rev().collect();
        let forged = format!("{start}/{turned}");
        assert_eq!(fetch(&app, &forged, &app.owner.token).await.0, StatusCode::NOT_FOUND);
        assert_eq!(fetch(&app, &link, &app.owner.token).await.0, StatusCode::OK);
        assert_eq!(fetch(&app, &link, &app.owner.token).await.0, StatusCode::OK, "as often as one likes");
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "user.data_exported").count(), 1);
        assert_eq!(events.iter().filter(|event| *event == "user.data_downloaded").count(), 2);
        app.later(Duration::from_secs(24 * 3600));
        assert_eq!(fetch(&app, &link, &app.owner.token).await.0, StatusCode::GONE);
        app.get(&path).await.expect(404);
        app.app.tidy().await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM data_exports").await, 0);
    }

    async fn everybody_may_have_their_own_and_few_may_have_others(app: TestApp) {
        let ana = ana(&app).await;
        let link = prepared(&app, "/account/data-export", &ana.token).await;
        assert_eq!(fetch(&app, &link, &app.owner.token).await.0, StatusCode::FORBIDDEN);
        assert_eq!(fetch(&app, &link, &ana.token).await.0, StatusCode::OK);
        let mail = app.mail_to(&ana.email).await;
        assert!(mail.subject.contains("held on you"), "{}", mail.subject);
        let path = format!("/users/{}/data-export", app.owner.id);
        app.call(Method::POST, &path, &ana.token, json!({})).await.expect(403);
        // The granting rule: an administrator does not get at an owner's.
        let admin = app.person("Adam", Role::Administrator).await;
        let refused = app.call(Method::POST, &path, &admin.token, json!({})).await.expect(403);
        assert_eq!(refused.code(), "access.stronger_person");
        let dry = format!("/users/{}/data-export?dry_run=true", ana.id);
        app.call(Method::POST, &dry, &admin.token, json!({})).await.expect(202);
        assert_eq!(app.count("SELECT count(*) FROM data_exports").await, 1);
    }

    async fn who_loses_the_right_loses_the_file(app: TestApp) {
        let ana = ana(&app).await;
        let admin = app.person("Adam", Role::Administrator).await;
        let link = prepared(&app, &format!("/users/{}/data-export", ana.id), &admin.token).await;
        app.call(Method::DELETE, &format!("/users/{}/roles/administrator", admin.id), &app.owner.token, Value::Null)
            .await
            .expect(200);
        assert_eq!(fetch(&app, &link, &admin.token).await.0, StatusCode::FORBIDDEN);
    }

    async fn a_newer_one_replaces_it_and_a_purge_removes_it(app: TestApp) {
        let ana = ana(&app).await;
        let path = format!("/users/{}/data-export", ana.id);
        let first = prepared(&app, &path, &app.owner.token).await;
        let second = prepared(&app, &path, &app.owner.token).await;
        assert_eq!(fetch(&app, &first, &app.owner.token).await.0, StatusCode::GONE);
        assert_eq!(fetch(&app, &second, &app.owner.token).await.0, StatusCode::OK);
        // Asked for and purged before the worker came: nothing is made.
        app.post(&path, json!({})).await.expect(202);
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "left"})).await.expect(200);
        app.post(&format!("/users/{}/delete", ana.id), json!({"confirm": ana.email})).await.expect(200);
        app.post(&format!("/users/{}/purge", ana.id), json!({"confirm": ana.email})).await.expect(200);
        work(&app).await;
        assert_eq!(app.count("SELECT count(*) FROM data_exports").await, 0);
        assert_eq!(app.count("SELECT count(*) FROM jobs WHERE dead").await, 0);
        assert_eq!(fetch(&app, &second, &app.owner.token).await.0, StatusCode::GONE);
    }
}
