//! The disk fills up, a COMMIT fails, the database server dies: what was acknowledged is there, what was not is told
//! so in a way that programs understand, and reading goes on.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use store::testing::{Postgres, fail_commits, limit_growth};

use crate::{
    app::{Answer, Engine, TestApp, api_request, send},
    patience::{eventually, use_first},
};

async fn create(app: &TestApp, number: usize) -> Answer {
    let body = json!({
        "given_name": "Quelle", "family_name": format!("Nummer{number}"), "email": format!("q{number}@acme.example"),
        "notes": "x".repeat(1500), "roles": ["auditor"],
    });
    app.send(api_request(Method::POST, "acme", "/users", &app.owner.token, &body)).await
}

/// A refusal that says when to come back.
fn assert_come_back(answer: &Answer, codes: &[&str]) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert!(codes.contains(&answer.code().as_str()), "{}", answer.text);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
    let seconds: u32 = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!(seconds > 0);
}

/// Every change has its entry, and every entry its change.
async fn assert_whole(app: &TestApp, acknowledged: &BTreeSet<usize>) {
    for number in acknowledged {
        let path = format!("/users?search=q{number}@acme.example");
        let page = app.get(&path).await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{number} was acknowledged");
    }
    let users = app.count("SELECT count(*) FROM users WHERE email_key LIKE 'q%'").await;
    let least = i64::try_from(acknowledged.len()).unwrap();
    assert!(users >= least, "{users} of {least}");
    for of_each in [
        "SELECT count(*) FROM audit_entries e JOIN users u ON u.org_id = e.org_id AND u.id = e.target \
         WHERE e.event = 'user.created' AND u.email_key LIKE 'q%'",
        "SELECT count(*) FROM audit_entries WHERE event = 'user.created' AND target_name LIKE 'Quelle%'",
        "SELECT count(*) FROM role_grants WHERE role = 'auditor'",
    ] {
        assert_eq!(app.count(of_each).await, users, "{of_each}");
    }
}

async fn is_ready(app: &TestApp) -> (StatusCode, String) {
    let management = web::management(app.app.clone(), String::new);
    let answer = send(&management, Request::get("/readyz").body(Body::empty()).unwrap()).await;
    (answer.status, answer.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_takes_again_when_there_is_room() {
    let app = TestApp::new(Engine::Sqlite).await;
    create(&app, 0).await.expect(201);
    limit_growth(app.app.database(), Some(120)).await;
    let mut acknowledged = BTreeSet::from([0]);
    let mut refused = 0;
    for wave in 0..6 {
        let answers = join_all((1..=48).map(async |number| {
            let number = wave * 100 + number;
            (number, create(&app, number).await)
        }));
        for (number, answer) in answers.await {
            if answer.status == StatusCode::CREATED {
                acknowledged.insert(number);
            } else {
                assert_come_back(&answer, &["database.full", "database.unavailable"]);
                refused += 1;
            }
        }
        // Who only reads does not notice.
        app.get("/users?limit=200").await.expect(200);
    }
    assert!(acknowledged.len() > 1 && refused > 0, "{} and {refused}", acknowledged.len());
    let users = app.count("SELECT count(*) FROM users WHERE email_key LIKE 'q%'").await;
    assert_eq!(usize::try_from(users).unwrap(), acknowledged.len(), "what was refused has left nothing");
    assert_eq!(is_ready(&app).await.0, StatusCode::OK);

    limit_growth(app.app.database(), None).await;
    for number in 1000..1010 {
        create(&app, number).await.expect(201);
        acknowledged.insert(number);
    }
    assert_whole(&app, &acknowledged).await;
}

/// Wherever in a change the room ends, in its rows or in the words by which people are found, it is only refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_page_of_a_disk_is_no_different_from_any_other() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (mut acknowledged, mut number) = (BTreeSet::new(), 0);
    for round in 0..60 {
        limit_growth(app.app.database(), Some(round % 4)).await;
        loop {
            number += 1;
            let answer = create(&app, number).await;
            if answer.status != StatusCode::CREATED {
                assert_come_back(&answer, &["database.full", "database.unavailable"]);
                break;
            }
            acknowledged.insert(number);
        }
    }
    limit_growth(app.app.database(), None).await;
    create(&app, 0).await.expect(201);
    assert_whole(&app, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_commit_writing_stops_and_says_so_while_reading_goes_on() {
    let mut app = TestApp::new(Engine::Sqlite).await;
    use_first(&app, &app.router, &app.owner.token).await;
    create(&app, 0).await.expect(201);
    assert_eq!(is_ready(&app).await.0, StatusCode::OK);
    fail_commits(app.app.database(), true).await;
    let answers = join_all((1..=32).map(async |number| create(&app, number).await)).await;
    for answer in &answers {
        assert_come_back(answer, &["outcome_unknown", "writing_stopped"]);
    }
    assert!(answers.iter().any(|answer| answer.code() == "outcome_unknown"));

    // The cause is gone, but what the file holds is not known: only a restart looks.
    fail_commits(app.app.database(), false).await;
    assert_come_back(&create(&app, 50).await, &["writing_stopped"]);
    let suspend = format!("/users/{}/suspend", app.owner.id);
    assert_come_back(&app.post(&suspend, json!({"reason": "other"})).await, &["writing_stopped"]);
    let (status, said) = is_ready(&app).await;
    assert_eq!((status, said.trim()), (StatusCode::SERVICE_UNAVAILABLE, "not ready: writing_stopped"));
    app.get("/whoami").await.expect(200);
    let listed = app.get("/users").await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    app.get("/users?search=quelle").await.expect(200);

    app.app.close().await;
    (app.app, app.router) = app.second().await;
    assert_eq!(is_ready(&app).await.0, StatusCode::OK);
    create(&app, 50).await.expect(201);
    assert_whole(&app, &BTreeSet::from([0, 50])).await;
}

/// Creates until told to stop; answers which were acknowledged.
async fn keep_creating(
    app: Arc<TestApp>,
    first: usize,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Vec<usize> {
    let mut acknowledged = Vec::new();
    let mut number = first;
    while !stop.load(SeqCst) {
        number += 1;
        let answer = create(&app, number).await;
        if answer.status == StatusCode::CREATED {
            acknowledged.push(number);
            done.fetch_add(1, SeqCst);
        } else {
            let codes = ["database.unavailable", "database.unreachable", "outcome_unknown", "overloaded"];
            assert_come_back(&answer, &codes);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_crash_of_the_database_server() {
    let server = Box::leak(Box::new(Postgres::start()));
    let app = Arc::new(TestApp::over(server.database()).await);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (1..=6)
        .map(|client| tokio::spawn(keep_creating(app.clone(), client * 100_000, stop.clone(), done.clone())))
        .collect();
    for crash in 1..=4 {
        // Somebody is served between one crash and the next.
        let before = done.load(SeqCst);
        eventually("service", async || done.load(SeqCst) > before + 10 * crash).await;
        let crashed: &'static Postgres = server;
        tokio::task::spawn_blocking(|| crashed.crash_and_restart()).await.unwrap();
    }
    let before = done.load(SeqCst);
    eventually("service", async || done.load(SeqCst) > before + 10).await;
    stop.store(true, SeqCst);
    let mut acknowledged = BTreeSet::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    assert_whole(&app, &acknowledged).await;
    assert_eq!(is_ready(&app).await.0, StatusCode::OK);
    let whoami = api_request(Method::GET, "acme", "/whoami", &app.owner.token, &Value::Null);
    app.send(whoami).await.expect(200);
}
