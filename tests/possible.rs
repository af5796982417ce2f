//! What the lifecycle allows can be done: for every state, whatever the API says is possible is done through the API and
//! through the console. The command line's part is `tests/command_line/users.rs`.

use axum::http::Method;
use model::{
    UserId,
    lifecycle::{ActionName, StateName},
};
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, TestApp, form, form_request},
    matrix::{self, Browser},
};

/// Where a user stands; an active one locked besides, so that everything of the table is possible somewhere.
const STATES: [&str; 8] =
    ["staged", "invited", "pending", "active", "locked", "suspended", "deprovisioned", "trashed"];

/// Somebody new who stands there.
async fn somebody(app: &TestApp, number: usize, state: &str) -> (UserId, String) {
    let email = format!("ana-{number}@acme.example");
    let id = app.create("Ana", &format!("Number {number}"), &email).await;
    let step =
        async |step: &str, body: Value| app.post(&format!("/users/{id}/{step}"), body).await.expect(200);
    match state {
        "staged" => {}
        "invited" => drop(step("invite", json!({})).await),
        "pending" => {
            let sql = "UPDATE users SET state = 'pending', \
                       state_data = '{\"state\":\"pending\",\"awaits\":[\"email\",\"approval\"]}' WHERE id = $1";
            matrix::force(app, sql, id.parse().unwrap()).await;
        }
        _ => {
            step("set-password", json!({"password": PASSWORD})).await;
            match state {
                "locked" => drop(step("lock", json!({})).await),
                "suspended" => drop(step("suspend", json!({"reason": "left"})).await),
                "deprovisioned" => drop(step("deprovision", json!({"reason": "left"})).await),
                "trashed" => {
                    step("suspend", json!({"reason": "left"})).await;
                    step("delete", json!({"confirm": email})).await;
                }
                _ => {}
            }
        }
    }
    (id.parse().unwrap(), email)
}

/// The operation of the API that does it, below `/api/v1`, and what it wants.
async fn operation(app: &TestApp, action: ActionName, id: UserId, email: &str) -> (String, Value) {
    let body = match action {
        ActionName::Settle => json!({"awaited": "approval"}),
        ActionName::Suspend | ActionName::Deprovision => json!({"reason": "left"}),
        ActionName::Delete | ActionName::Purge => json!({"confirm": email}),
        _ => json!({}),
    };
    if action == ActionName::CancelInvitation {
        let open = app.get(&format!("/invitations?search={email}")).await.expect(200).json();
        return (format!("/invitations/{}/cancel", open["items"][0]["id"].as_str().unwrap()), body);
    }
    (format!("/users/{id}/{action}"), body)
}

/// Asks for it on the console's page, and does it.
async fn through_the_console(app: &TestApp, browser: &Browser, action: ActionName, id: UserId, email: &str) {
    let path = format!("/o/acme/users/{id}/{action}");
    let page = axum::http::Request::get(&path)
        .header(axum::http::header::COOKIE, &browser.cookie)
        .body(axum::body::Body::empty())
        .unwrap();
    let asked = app.send(page).await.expect(200);
    assert!(asked.text.contains("<form"), "{action}: {}", asked.text);
    let fields =
        [("csrf", browser.csrf.as_str()), ("reason", "left"), ("confirm", email), ("awaited", "approval")];
    app.send(form_request(&path, &browser.cookie, &form(&fields))).await.expect(303);
}

on_both! {
    async fn what_is_possible_can_be_done_at_every_door(app: TestApp) {
        let browser = matrix::browser(&app, &app.org, &app.owner).await;
        let (mut number, mut done) = (0, Vec::new());
        for state in STATES {
            let (id, _) = somebody(&app, number, state).await;
            number += 1;
            let possible = app.get(&format!("/users/{id}")).await.json()["possible"].clone();
            for name in possible.as_array().unwrap_or_else(|| panic!("nothing is possible where {state}")) {
                let action = ActionName::parse(name.as_str().unwrap()).unwrap();
                let (id, email) = somebody(&app, number, state).await;
                let (path, body) = operation(&app, action, id, &email).await;
                let answer = app.call(Method::POST, &path, &app.owner.token, body).await;
                assert_eq!(answer.status.as_u16(), 200, "{state} {action}: {}", answer.text);
                let (id, email) = somebody(&app, number + 1, state).await;
                through_the_console(&app, &browser, action, id, &email).await;
                number += 2;
                done.push(action);
            }
        }
        for action in ActionName::ALL.iter().filter(|action| **action != ActionName::Accept) {
            assert!(done.contains(action), "{action} was possible in no state");
        }
        assert_eq!(STATES.len(), StateName::ALL.len(), "one for each state, less purged, and one locked");
    }

    async fn who_waits_for_approval_gets_in(app: TestApp) {
        let (id, email) = somebody(&app, 1, "pending").await;
        let shown = app.get(&format!("/users/{id}")).await.json();
        assert_eq!((&shown["awaits"], &shown["possible"]), (&json!(["email", "approval"]), &json!(["settle", "reject"])));
        let settle = async |what: &str| app.post(&format!("/users/{id}/settle"), json!({"awaited": what})).await;
        assert_eq!(settle("email").await.expect(200).json()["awaits"], json!(["approval"]));
        let again = settle("email").await.expect(409);
        assert_eq!((again.code(), &again.json()["possible"]), ("user.not_awaited".to_owned(), &json!(["settle", "reject"])));
        // No password yet: a mail with a link to choose one.
        assert_eq!(settle("approval").await.expect(200).json()["status"], "invited");
        assert_eq!(app.mail_to(&email).await.to, email);
        assert_eq!(app.events(&id.to_string()).await.iter().filter(|event| *event == "user.settled").count(), 2);
    }
}
