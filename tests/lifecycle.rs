//! The lifecycle through the API: what blocks blocks at once, what comes back is what was, an able owner is always left.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use model::Role;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn act(app: &TestApp, id: &str, action: &str, body: Value) -> Answer {
    app.post(&format!("/users/{id}/{action}"), body).await
}

on_both! {
    async fn suspending_blocks_at_once_and_reactivating_gives_everything_back(app: TestApp) {
        let ana = app.person("Ana", Role::Helpdesk).await;
        let id = ana.id.to_string();
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200);
        let cookie = app.sign_in(&ana.email, &ana.password).await.expect("signs in");
        let suspended = act(&app, &id, "suspend", json!({"reason": "on_leave", "note": "back in May"})).await.expect(200).json();
        assert_eq!((&suspended["status"], &suspended["departure"]["note"]), (&json!("suspended"), &json!("back in May")));
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        assert!(app.sign_in(&ana.email, &ana.password).await.is_err());
        act(&app, &id, "suspend", json!({"reason": "left"})).await.expect(409);
        let back = act(&app, &id, "reactivate", json!({})).await.expect(200).json();
        assert_eq!((&back["status"], &back["roles"][0]["role"]), (&json!("active"), &json!("helpdesk")));
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        assert_ne!(app.sign_in(&ana.email, &ana.password).await.expect("the password is the same"), cookie);
        let events = app.events(&id).await;
        assert!(events.contains(&"user.suspended".to_owned()) && events.contains(&"user.reactivated".to_owned()), "{events:?}");
    }

    async fn deprovisioning_takes_roles_and_a_rehire_may_give_them_back(app: TestApp) {
        let ana = app.person("Ana", Role::Helpdesk).await;
        let id = ana.id.to_string();
        let gone = act(&app, &id, "deprovision", json!({"reason": "left"})).await.expect(200).json();
        assert_eq!((&gone["status"], &gone["roles"]), (&json!("deprovisioned"), &json!([])));
        assert!(app.get("/users").await.json()["items"].as_array().unwrap().iter().all(|user| user["id"] != id.as_str()));
        let back = act(&app, &id, "reactivate", json!({"restore_roles": true})).await.expect(200).json();
        assert_eq!(back["roles"][0]["role"], "helpdesk");
    }

    async fn deleting_goes_through_the_trash_and_restores_what_was(app: TestApp) {
        let ana = app.person("Ana", Role::Helpdesk).await;
        let id = ana.id.to_string();
        act(&app, &id, "delete", json!({"confirm": ana.email})).await.expect(409);
        act(&app, &id, "suspend", json!({"reason": "left"})).await.expect(200);
        act(&app, &id, "delete", json!({"confirm": "wrong"})).await.expect(422);
        let deleted = act(&app, &id, "delete", json!({"confirm": ana.email.to_uppercase()})).await.expect(200).json();
        assert_eq!((&deleted["status"], &deleted["possible"]), (&json!("deleted"), &json!(["restore", "purge"])));
        app.post("/users", json!({"given_name": "Eve", "email": ana.email})).await.expect(409);
        let back = act(&app, &id, "restore", json!({})).await.expect(200).json();
        assert_eq!((&back["status"], &back["roles"][0]["role"], &back["departure"]["reason"]), (&json!("suspended"), &json!("helpdesk"), &json!("left")));
        act(&app, &id, "reactivate", json!({})).await.expect(200);
        app.sign_in(&ana.email, &ana.password).await.expect("signs in");
    }

    async fn purging_removes_every_personal_value_and_frees_the_name(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let id = ana.id.to_string();
        app.patch(&format!("/users/{id}"), json!({"title": "Zanzibarian"})).await.expect(200);
        act(&app, &id, "suspend", json!({"reason": "left", "note": "Zanzibarian"})).await.expect(200);
        act(&app, &id, "delete", json!({"confirm": ana.email})).await.expect(200);
        act(&app, &id, "purge", json!({"confirm": "x"})).await.expect(422);
        act(&app, &id, "purge", json!({"confirm": ana.email})).await.expect(200);
        app.get(&format!("/users/{id}")).await.expect(404);
        app.get("/users?search=ana&status=active,deleted").await.expect(200);
        let left = "SELECT (SELECT count(*) FROM users WHERE search_text LIKE '%ana%' OR sort_name LIKE '%ana%') \
                    + (SELECT count(*) FROM audit_entries WHERE target_name LIKE '%Ana%' OR actor_name LIKE '%Ana%' OR reason LIKE '%Zanz%')";
        assert_eq!(app.count(left).await, 0);
        assert_eq!(app.events(&id).await.last().unwrap(), "user.purged");
        app.create("Ana", "Person", &ana.email).await;
    }

    async fn the_trash_empties_itself_when_its_time_has_come(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        let other = app.create("Bo", "Ng", "bo@acme.example").await;
        act(&app, &id, "delete", json!({"confirm": "ana@acme.example"})).await.expect(200);
        act(&app, &other, "delete", json!({"confirm": "bo@acme.example"})).await.expect(200);
        app.later(29 * DAY);
        act(&app, &other, "restore", json!({})).await.expect(200);
        app.app.work_once().await.unwrap();
        app.get(&format!("/users/{id}")).await.expect(200);
        app.later(2 * DAY);
        assert_eq!(app.app.work_once().await.unwrap(), 2);
        app.get(&format!("/users/{id}")).await.expect(404);
        app.get(&format!("/users/{other}")).await.expect(200);
        assert_eq!(app.app.work_once().await.unwrap(), 0);
    }

    async fn validity_dates_refuse_outside_and_the_worker_suspends(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let id = ana.id.to_string();
        app.patch(&format!("/users/{id}"), json!({"valid_until": "2026-11-22T08:00:00Z"})).await.expect(200);
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200);
        app.later(2 * DAY);
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        assert!(app.sign_in(&ana.email, &ana.password).await.is_err());
        app.app.work_once().await.unwrap();
        let shown = app.get(&format!("/users/{id}")).await.json();
        assert_eq!((&shown["status"], &shown["departure"]["reason"], &shown["departure"]["by"]), (&json!("suspended"), &json!("expired"), &json!("system")));
        act(&app, &id, "reactivate", json!({})).await.expect(422);
        act(&app, &id, "reactivate", json!({"valid_until": "2027-01-01"})).await.expect(200);
        app.sign_in(&ana.email, &ana.password).await.expect("signs in");
    }

    async fn a_lock_refuses_everything_until_its_end(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let id = ana.id.to_string();
        let locked = act(&app, &id, "lock", json!({"until": "2026-11-20T09:00:00Z", "note": "odd"})).await.expect(200).json();
        assert_eq!(locked["status"], "locked");
        assert_eq!(app.get("/users?status=locked").await.json()["items"][0]["id"], id.as_str());
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        assert!(app.sign_in(&ana.email, &ana.password).await.is_err());
        app.later(Duration::from_secs(3601));
        app.sign_in(&ana.email, &ana.password).await.expect("the lock has ended");
        assert!(app.get("/users?status=locked").await.json()["items"].as_array().unwrap().is_empty());
        act(&app, &id, "lock", json!({})).await.expect(200);
        act(&app, &id, "unlock", json!({})).await.expect(200);
        app.sign_in(&ana.email, &ana.password).await.expect("unlocked");
    }

    async fn the_last_able_owner_stays_by_every_door(app: TestApp) {
        let id = app.owner.id.to_string();
        let operator = app.person("Ada", Role::Administrator).await;
        for (action, body) in [
            ("suspend", json!({"reason": "left"})), ("deprovision", json!({"reason": "left"})), ("lock", json!({})), ("set-password", json!({})),
        ] {
            let refused = act(&app, &id, action, body.clone()).await.expect(409);
            let code = if action == "set-password" { "account.own_password" } else { "org.last_owner" };
            assert_eq!(refused.code(), code, "{action}");
            app.call(Method::POST, &format!("/users/{id}/{action}"), &operator.token, body).await.expect(403);
        }
        for path in [format!("/users/{id}/roles/owner")] {
            app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await.expect(409);
        }
        app.call(Method::PUT, &format!("/users/{id}/roles"), &app.owner.token, json!({"roles": ["auditor"]})).await.expect(409);
        app.patch(&format!("/users/{id}"), json!({"valid_until": "2030-01-01"})).await.expect(409);
        app.patch(&format!("/users/{id}"), json!({"type": "guest", "valid_until": "2030-01-01"})).await.expect(422);
        app.patch(&format!("/users/{id}"), json!({"type": "break_glass"})).await.expect(409);
        let until = json!({"role": "owner", "valid_until": "2030-01-01"});
        app.post(&format!("/users/{id}/roles"), until).await.expect(409);
        app.get("/whoami").await.expect(200);
    }

    async fn two_owners_who_remove_each_other_at_once_leave_one(app: TestApp) {
        for round in 0..20 {
            let one = app.person(&format!("One{round}"), Role::Owner).await;
            let two = app.person(&format!("Two{round}"), Role::Owner).await;
            // Only these two are owners now.
            let rest = [app.owner.clone()];
            for other in &rest {
                let path = format!("/users/{}/roles", other.id);
                app.call(Method::PUT, &path, &one.token, json!({"roles": []})).await.expect(200);
            }
            let demote = |by: &crate::app::Somebody, whom: &crate::app::Somebody| {
                let (path, token) = (format!("/users/{}", whom.id), by.token.clone());
                let app = &app;
                async move {
                    if round % 2 == 0 {
                        app.call(Method::POST, &format!("{path}/suspend"), &token, json!({"reason": "left"})).await
                    } else {
                        app.call(Method::PUT, &format!("{path}/roles"), &token, json!({"roles": []})).await
                    }
                }
            };
            let (first, second) = tokio::join!(demote(&one, &two), demote(&two, &one));
            let done = [&first, &second].iter().filter(|answer| answer.status == StatusCode::OK).count();
            assert_eq!(done, 1, "{} {}", first.text, second.text);
            let able = "SELECT count(*) FROM role_grants g JOIN users u ON u.org_id = g.org_id AND u.id = g.user_id \
                        WHERE g.role = 'owner' AND u.state = 'active'";
            assert_eq!(app.count(able).await, 1);
            let winner = if first.status == StatusCode::OK { &one } else { &two };
            let path = format!("/users/{}/roles", app.owner.id);
            app.call(Method::PUT, &path, &winner.token, json!({"roles": ["owner"]})).await.expect(200);
            app.call(Method::PUT, &format!("/users/{}/roles", winner.id), &app.owner.token, json!({"roles": []})).await.expect(200);
        }
    }

    async fn recovery_on_the_host_always_finds_a_way_back(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let id = ana.id.to_string();
        act(&app, &id, "suspend", json!({"reason": "left"})).await.expect(200);
        act(&app, &id, "delete", json!({"confirm": ana.email})).await.expect(200);
        let (person, password) = app.app.recover_owner(&app.org, "ANA@acme.example").await.unwrap();
        assert_eq!(person.user.id, ana.id);
        app.sign_in(&ana.email, &password).await.expect("signs in");
        let (_, password) = app.app.recover_owner(&app.org, "new@acme.example").await.unwrap();
        app.sign_in("new@acme.example", &password).await.expect("signs in");
    }
}
