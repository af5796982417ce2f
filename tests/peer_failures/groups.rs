//! What went wrong elsewhere with groups: rights that grew by moving, by attaching, and rights that stayed.

use axum::http::Method;
use model::{Permissions, Role};
use serde_json::{Value, json};

use crate::{
    app::{Somebody, TestApp},
    matrix::{Proves, browser, request},
};

async fn group(app: &TestApp, name: &str, role: Option<&str>) -> String {
    let group = app.post("/groups", json!({"name": name})).await.expect(201).json();
    let id = group["id"].as_str().unwrap().to_owned();
    if let Some(role) = role {
        app.post(&format!("/groups/{id}/roles"), json!({"role": role})).await.expect(200);
    }
    id
}

async fn join(app: &TestApp, group: &str, somebody: &Somebody) {
    let path = format!("/groups/{group}/members/{}", somebody.id);
    app.call(Method::PUT, &path, &app.owner.token, json!({})).await.expect(200);
}

async fn permissions(app: &TestApp, somebody: &Somebody) -> Value {
    app.call(Method::GET, "/whoami", &somebody.token, Value::Null).await.expect(200).json()["permissions"]
        .clone()
}

on_both! {
    async fn keycloak_cve_2026_9099_moving_groups_makes_nobody_powerful(app: TestApp) {
        let greta = app.person("Greta", Role::GroupManager).await;
        let (mine, beside) = (group(&app, "Mine", None).await, group(&app, "Beside", None).await);
        let powerful = group(&app, "Powerful", Some("administrator")).await;
        let inner = group(&app, "Inner", None).await;
        app.call(Method::PUT, &format!("/groups/{powerful}/groups/{inner}"), &app.owner.token, json!({})).await.expect(200);
        app.call(Method::PUT, &format!("/groups/{beside}/groups/{mine}"), &app.owner.token, json!({})).await.expect(200);
        join(&app, &mine, &greta).await;
        let before = permissions(&app, &greta).await;
        let me = greta.id;
        for (method, path, body) in [
            (Method::PUT, format!("/groups/{powerful}/members/{me}"), json!({})),
            (Method::PUT, format!("/groups/{inner}/members/{me}"), json!({})),
            (Method::PUT, format!("/groups/{powerful}/groups/{mine}"), json!({})),
            (Method::PUT, format!("/groups/{inner}/groups/{mine}"), json!({})),
            (Method::PUT, format!("/groups/{powerful}/groups/{beside}"), json!({})),
            (Method::POST, format!("/groups/{mine}/move"), json!({"from": beside, "to": powerful})),
            (Method::POST, format!("/groups/{mine}/move"), json!({"from": beside, "to": inner})),
            (Method::PUT, format!("/groups/{inner}/owners/{me}"), json!({})),
            (Method::POST, format!("/groups/{mine}/roles"), json!({"role": "administrator"})),
            (Method::POST, "/groups".to_owned(), json!({"name": "New", "roles": ["administrator"]})),
            (Method::POST, "/groups".to_owned(), json!({"name": "New", "parents": [powerful]})),
            // Not even to begin tomorrow.
            (Method::PUT, format!("/groups/{inner}/members/{me}"), json!({"valid_from": "2030-01-01T00:00:00Z"})),
            // And what is taken away must have been given by somebody who may.
            (Method::DELETE, format!("/groups/{powerful}/groups/{inner}"), Value::Null),
            (Method::DELETE, format!("/groups/{powerful}"), Value::Null),
        ] {
            let answer = app.call(method.clone(), &path, &greta.token, body.clone()).await;
            assert!([403, 422].contains(&answer.status.as_u16()), "{method} {path} {body}: {} {}", answer.status, answer.text);
            assert_eq!(permissions(&app, &greta).await, before, "{method} {path} {body}");
        }
        // What gives nothing may be moved as one likes.
        app.call(Method::DELETE, &format!("/groups/{beside}/groups/{mine}"), &greta.token, Value::Null).await.expect(200);
        app.call(Method::PUT, &format!("/groups/{mine}/groups/{beside}"), &greta.token, json!({})).await.expect(200);
    }

    async fn keycloak_cve_2026_9099_nobody_is_drawn_into_a_group_to_be_taken_over(app: TestApp) {
        let team = group(&app, "Team", None).await;
        let dan = app.person("Dan", Role::Member).await;
        let scoped: Vec<&str> = Permissions::all().scopable().iter().map(model::Permission::as_str).collect();
        let lead = app.post("/roles", json!({"name": "Lead", "permissions": scoped})).await.expect(201).json()["role"].clone();
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": lead, "over": team})).await.expect(200);
        let ola = app.person("Ola", Role::Member).await;
        let others = group(&app, "Others", None).await;
        join(&app, &others, &ola).await;
        let path = |group: &str, what: &str| format!("/groups/{group}/{what}");
        for (path, body) in [
            (path(&team, &format!("members/{}", ola.id)), json!({})),
            (path(&team, &format!("groups/{others}")), json!({})),
        ] {
            app.call(Method::PUT, &path, &dan.token, body).await.expect(404);
        }
        // Whoever may add people to the team, but has no such rights over them, hands nobody over either.
        let greta = app.person("Greta", Role::GroupManager).await;
        for path in [path(&team, &format!("members/{}", ola.id)), path(&team, &format!("groups/{others}"))] {
            app.call(Method::PUT, &path, &greta.token, json!({})).await.expect(403);
        }
        app.call(Method::GET, &format!("/users/{}", ola.id), &dan.token, Value::Null).await.expect(404);
    }

    async fn foreman_cve_2026_5136_no_role_is_attached_to_a_group_above_ones_own(app: TestApp) {
        let group = group(&app, "Anybody", None).await;
        let rights = |role: Role| Permissions::of_roles(&[role]);
        for actor_role in Role::ALL {
            let actor = app.person(&format!("A{}", actor_role.as_str().replace('_', "")), *actor_role).await;
            for role in Role::ALL.iter().filter(|role| **role != Role::Member) {
                let path = format!("/groups/{group}/roles?dry_run=true");
                let answer = app.call(Method::POST, &path, &actor.token, json!({"role": role})).await;
                let may = rights(*actor_role).contains(model::Permission::RoleAssign)
                    && rights(*actor_role).covers(rights(*role).beyond_member());
                assert_eq!(answer.status.is_success(), may, "{actor_role}, {role}: {} {}", answer.status, answer.text);
            }
        }
    }

    async fn keycloak_cve_2026_16106_nobody_is_taken_out_of_a_stronger_group(app: TestApp) {
        let powerful = group(&app, "Powerful", Some("administrator")).await;
        let ada = app.person("Ada", Role::Member).await;
        join(&app, &powerful, &ada).await;
        for weaker in [Role::UserManager, Role::GroupManager] {
            let actor = app.person(&format!("W{}", weaker.as_str().replace('_', "")), weaker).await;
            let path = format!("/groups/{powerful}/members/{}", ada.id);
            app.call(Method::DELETE, &path, &actor.token, Value::Null).await.expect(403);
            let path = format!("/groups/{powerful}/roles/administrator");
            app.call(Method::DELETE, &path, &actor.token, Value::Null).await.expect(403);
        }
        app.call(Method::GET, "/users", &ada.token, Value::Null).await.expect(200);
    }

    async fn zitadel_cve_2024_46999_a_taken_membership_is_gone_from_every_credential(app: TestApp) {
        let auditors = group(&app, "Auditors", Some("auditor")).await;
        let ana = app.person("Ana", Role::Member).await;
        join(&app, &auditors, &ana).await;
        let signed_in = browser(&app, &app.org, &ana).await;
        let list = web::declared().into_iter()
            .find(|route| route.path.ends_with("/api/v1/users") && route.method == Method::GET).unwrap();
        let proofs = [Proves::Browser(&signed_in), Proves::Token(&ana.token)];
        for proof in proofs {
            app.send(request(&list, "acme", "", proof, &Value::Null)).await.expect(200);
        }
        let path = format!("/groups/{auditors}/members/{}", ana.id);
        app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await.expect(200);
        for proof in proofs {
            app.send(request(&list, "acme", "", proof, &Value::Null)).await.expect(403);
        }
    }
}
