//! A database of every earlier schema is brought up to date with what is in it: people sign in with their passwords and
//! tokens, and are promoted.

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp};

/// The first step whose rows can be made of present ones: before it there were neither groups nor roles over them.
const FIRST: usize = 11;

on_both! {
    async fn people_go_on_after_an_upgrade_from_every_schema(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::UserManager).await, app.person("Bo", Role::Member).await);
        let group = app.post("/groups", json!({"name": "Crew"})).await.expect(201).json()["id"].clone();
        let group = group.as_str().unwrap();
        app.call(Method::PUT, &format!("/groups/{group}/members/{}", bo.id), &app.owner.token, json!({})).await.expect(200);
        // Of two owners of the group who may not read people's records, one has put somebody there.
        let (cy, gus, hal) = (app.person("Cy", Role::Member).await, app.person("Gus", Role::Member).await, app.person("Hal", Role::Member).await);
        for owner in [&gus, &hal] {
            app.call(Method::PUT, &format!("/groups/{group}/owners/{}", owner.id), &app.owner.token, json!({})).await.expect(200);
        }
        let own = format!("/account/groups/{group}/members");
        app.call(Method::PUT, &format!("{own}/{}", cy.id), &gus.token, json!({})).await.expect(200);
        // What somebody weaker has made waits in each of them: an invitation, a temporary password.
        let invitee = app.call(Method::POST, "/invitations", &ana.token, json!({"email": "ina@acme.example"})).await;
        invitee.expect(201);
        app.call(Method::POST, &format!("/users/{}/set-password", bo.id), &ana.token, json!({})).await.expect(200);
        app.worked().await;
        app.app.sequence_all().await.unwrap();
        let steps = app.count("SELECT count(*) FROM schema_migrations").await;
        for version in FIRST..usize::try_from(steps).unwrap() {
            let old = app.upgraded_from(version).await;
            assert_eq!(old.count("SELECT count(*) FROM schema_migrations").await, steps, "from {version}");
            assert_eq!(old.app.database().pending_migrations().await.unwrap(), 0);
            old.sign_in(&ana.email, PASSWORD).await.unwrap();
            old.sign_in(&old.owner.email, PASSWORD).await.unwrap();
            old.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200);
            for user in [ana.id, bo.id] {
                let path = format!("/users/{user}/roles");
                let asked = old.post(&path, json!({"role": "owner"})).await;
                // From where it was kept who had made it, it ends.
                let is_kept = version >= 15 && user == bo.id;
                assert_eq!(asked.status.as_u16(), if is_kept { 409 } else { 200 }, "from {version}: {}", asked.text);
                if is_kept {
                    old.confirmed(Method::POST, &path, &old.owner.token, json!({"role": "owner"})).await.expect(200);
                }
            }
            old.call(Method::GET, "/users?search=ana", &ana.token, Value::Null).await.expect(200);
            let members = old.get(&format!("/groups/{group}/members")).await.expect(200).text;
            assert!(members.contains(&bo.id.to_string()), "from {version}: {members}");
            let seen = old.call(Method::GET, &own, &hal.token, Value::Null).await.expect(200).json();
            let shown: Vec<&str> = seen["items"].as_array().unwrap().iter().filter_map(|item| item["name"].as_str()).collect();
            assert_eq!(shown, [&cy.id.to_string(), "Bo Person"], "from {version}");
            old.worked().await;
            old.app.sequence_all().await.unwrap();
            let report = old.app.verify_audit(old.context(), Vec::new(), |_, _| ()).await.unwrap();
            assert!(report.is_clean(), "from {version}: {report:?}");
        }
    }
}
