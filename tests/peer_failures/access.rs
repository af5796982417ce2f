//! Rights that reached further than they should, and blocks that did not block.

use axum::http::{Method, StatusCode};
use model::{Permission, Role};
use serde_json::{Value, json};
use web::{Door, Needs};

use crate::{
    app::{PASSWORD, TestApp, api_request},
    matrix::{NEVER, Proves, browser, force, neighbour, plausible_body, request},
    signin::holds,
};

async fn whoami(app: &TestApp, token: &str) -> u16 {
    app.send(api_request(Method::GET, "acme", "/whoami", token, &Value::Null)).await.status.as_u16()
}

on_both! {
    /// Somebody not yet confirmed could purge everything.
    async fn vaultwarden_cve_2026_43913_a_half_member_purges_nothing(app: TestApp) {
        let eve = app.person("Eve", Role::Owner).await;
        let target = app.create("Tess", "Target", "tess@acme.example").await;
        app.post(&format!("/users/{target}/delete"), json!({"confirm": "tess@acme.example"})).await.expect(200);
        for sql in ["UPDATE users SET state = 'invited' WHERE id = $1", "UPDATE users SET state = 'pending' WHERE id = $1", "UPDATE users SET state = 'staged' WHERE id = $1"] {
            force(&app, sql, eve.id).await;
            let path = format!("/users/{target}/purge");
            app.call(Method::POST, &path, &eve.token, json!({"confirm": "tess@acme.example"})).await.expect(401);
        }
        app.get(&format!("/users/{target}")).await.expect(200);
    }

    /// Whoever adds people could add them with more than he holds; the ceiling knew one role by name.
    async fn ezauth_131_agenticos_696_formbricks_4890_nobody_adds_above_himself(app: TestApp) {
        let manager = app.person("Max", Role::UserManager).await;
        for (role, may) in [("owner", false), ("administrator", false), ("security_administrator", false), ("user_manager", true), ("helpdesk", true), ("auditor", false)] {
            let body = json!({"given_name": "New", "email": format!("{role}@new.example"), "roles": [role]});
            let created = app.call(Method::POST, "/users", &manager.token, body).await;
            assert_eq!(created.status.is_success(), may, "{role}: {}", created.text);
        }
        assert_eq!(app.count("SELECT count(*) FROM users").await, 4, "the refused leave nobody behind");
    }

    /// One could mark one's own address as verified.
    async fn zitadel_cve_2026_27946_nobody_verifies_himself(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        for body in [json!({"email_verified": true}), json!({"emailVerified": true}), json!({"verified": true}), json!({"fields": {"email_verified": true}})] {
            app.call(Method::PATCH, "/account", &ana.token, body.clone()).await.expect(422);
            app.call(Method::PATCH, &format!("/users/{}", ana.id), &ana.token, body).await.expect(422);
        }
        force(&app, "UPDATE users SET email_verified = true WHERE id = $1", ana.id).await;
        let other = app.patch(&format!("/users/{}", ana.id), json!({"email": "other@acme.example"})).await.expect(200);
        assert_eq!(other.json()["email_verified"], false, "what was proven was another address");
    }

    /// Refresh tokens lived on after a lock or a deactivation.
    async fn zitadel_cve_2023_22492_nothing_survives_a_block(app: TestApp) {
        for (number, action) in ["suspend", "lock", "deprovision"].into_iter().enumerate() {
            let ana = app.person(&format!("Ana{number}"), Role::Auditor).await;
            let (session, scoped) = (browser(&app, &app.org, &ana).await, app.token_for(ana.id, &["account:read"]).await);
            let body = if action == "lock" { json!({}) } else { json!({"reason": "security"}) };
            app.post(&format!("/users/{}/{action}", ana.id), body).await.expect(200);
            assert_eq!((whoami(&app, &ana.token).await, whoami(&app, &scoped).await, holds(&app, &session.cookie).await), (401, 401, false), "{action}");
            assert!(app.sign_in(&ana.email, PASSWORD).await.is_err(), "{action}");
        }
    }

    /// Grants that were taken away stayed in tokens.
    async fn zitadel_cve_2024_46999_a_taken_role_is_gone_from_every_credential(app: TestApp) {
        let ana = app.person("Ana", Role::Auditor).await;
        let scoped = app.token_for(ana.id, &["account:read", "user:list"]).await;
        for token in [&ana.token, &scoped] {
            app.call(Method::GET, "/users", token, Value::Null).await.expect(200);
        }
        app.call(Method::PUT, &format!("/users/{}/roles", ana.id), &app.owner.token, json!({"roles": []})).await.expect(200);
        for token in [&ana.token, &scoped] {
            app.call(Method::GET, "/users", token, Value::Null).await.expect(403);
            let shown = app.call(Method::GET, "/whoami", token, Value::Null).await.expect(200).text;
            assert!(!shown.contains("user:list"), "{shown}");
        }
    }

    /// Tokens were issued to people who had been disabled, and machines signed in after they had been.
    async fn keycloak_cve_2025_14559_authentik_cve_2025_53942_64521_no_credential_for_the_blocked(app: TestApp) {
        let robot = app.post("/users", json!({"type": "service", "username": "robot", "responsible": app.owner.id})).await.expect(201).json();
        let robot: model::UserId = robot["id"].as_str().unwrap().parse().unwrap();
        let token = app.token_for(robot, &[]).await;
        for sql in [
            "UPDATE users SET state = 'staged' WHERE id = $1", "UPDATE users SET state = 'invited' WHERE id = $1", "UPDATE users SET state = 'pending' WHERE id = $1",
            "UPDATE users SET state = 'suspended' WHERE id = $1", "UPDATE users SET state = 'deprovisioned' WHERE id = $1", "UPDATE users SET state = 'trashed' WHERE id = $1",
        ] {
            force(&app, sql, robot).await;
            assert_eq!(whoami(&app, &token).await, 401, "{sql}");
            app.call(Method::POST, "/tokens", &token, json!({"name": "again", "scopes": ["*"]})).await.expect(401);
            app.sign_in("robot", PASSWORD).await.unwrap_err().expect(422);
            app.later(std::time::Duration::from_secs(15 * 60));
        }
    }

    /// Removing roles needed less than giving them.
    async fn keycloak_cve_2026_16106_taking_needs_what_giving_needs(app: TestApp) {
        let (manager, ada) = (app.person("Max", Role::UserManager).await, app.person("Ada", Role::Administrator).await);
        let path = format!("/users/{}/roles", ada.id);
        app.call(Method::DELETE, &format!("{path}/administrator"), &manager.token, Value::Null).await.expect(403);
        app.call(Method::PUT, &path, &manager.token, json!({"roles": []})).await.expect(403);
        app.call(Method::DELETE, &format!("{path}/owner"), &ada.token, Value::Null).await.expect(403);
        assert_eq!(app.get(&format!("/users/{}", ada.id)).await.json()["roles"][0]["role"], "administrator");
    }

    /// People of little or no power reached administrators' routes, or became administrators from managing users.
    async fn keycloak_cve_2024_3656_2025_7784_managing_users_is_no_way_up(app: TestApp) {
        let (member, manager) = (app.person("Mia", Role::Member).await, app.person("Max", Role::UserManager).await);
        for route in web::declared().into_iter().filter(|route| route.door == Door::Api) {
            let Needs::Permission(permission) = route.needs else { continue };
            if !Role::Member.permissions().contains(permission) {
                app.send(request(&route, "acme", &app.owner.id.to_string(), Proves::Token(&member.token), &plausible_body(&route))).await.expect(403);
            }
        }
        let own = format!("/users/{}", manager.id);
        app.call(Method::POST, &format!("{own}/roles"), &manager.token, json!({"role": "owner"})).await.expect(403);
        let owner = format!("/users/{}", app.owner.id);
        app.call(Method::POST, &format!("{owner}/set-password"), &manager.token, json!({"password": "taken-canyon-harbor"})).await.expect(403);
        app.call(Method::PATCH, &owner, &manager.token, json!({"email": "max@evil.example"})).await.expect(403);
    }

    /// The last one who could do everything was removed by one who could not.
    async fn grafana_cve_2026_22640_the_last_owner_stays(app: TestApp) {
        app.patch("/org", json!({"settings": {"lifecycle": {"delete_requires_suspension": false}}})).await.expect(200);
        let ada = app.person("Ada", Role::Administrator).await;
        let path = format!("/users/{}", app.owner.id);
        let delete = json!({"confirm": app.owner.email});
        app.call(Method::POST, &format!("{path}/delete"), &ada.token, delete.clone()).await.expect(403);
        assert_eq!(app.post(&format!("{path}/delete"), delete).await.expect(409).code(), "org.last_owner");
        app.get("/whoami").await.expect(200);
    }

    /// Who may look could run things through a preview.
    async fn authentik_cve_2026_25227_a_dry_run_needs_the_same_right(app: TestApp) {
        let (auditor, target) = (app.person("Ana", Role::Auditor).await, app.person("Tess", Role::Member).await);
        for route in web::declared().into_iter().filter(|route| route.door == Door::Api && route.method != Method::GET) {
            let Needs::Permission(permission) = route.needs else { continue };
            if Role::Auditor.permissions().contains(permission) {
                continue;
            }
            let mut dry = request(&route, "acme", &target.id.to_string(), Proves::Token(&auditor.token), &plausible_body(&route));
            *dry.uri_mut() = format!("{}?dry_run=true", dry.uri()).parse().unwrap();
            assert_eq!(app.send(dry).await.status, StatusCode::FORBIDDEN, "{}", route.path);
        }
    }

    /// Anybody could read everybody's profile through a look-up made for something else.
    async fn keycloak_cve_2026_37981_a_member_sees_nobody_else(app: TestApp) {
        let (mia, tess) = (app.person("Mia", Role::Member).await, app.person("Tess", Role::Member).await);
        app.patch(&format!("/users/{}", tess.id), json!({"phone": "+49 30 987654321", "manager": mia.id})).await.expect(200);
        app.call(Method::PATCH, "/account", &mia.token, json!({"address": {"city": "Lyon"}})).await.expect(200);
        let session = browser(&app, &app.org, &mia).await;
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            let answer = app.send(request(&route, "acme", &tess.id.to_string(), Proves::Browser(&session), &Value::Null)).await;
            for secret in ["987654321", "tess@acme.example", "Tess Person"] {
                assert!(!answer.text.contains(secret), "{}: {secret}", route.path);
            }
        }
    }

    /// What is hidden in one place showed in another.
    async fn keycloak_cve_2025_13881_2026_3911_hidden_fields_are_hidden_everywhere(app: TestApp) {
        let mia = app.person("Mia", Role::Member).await;
        app.patch(&format!("/users/{}", mia.id), json!({"notes": "zq-hidden-note"})).await.expect(200);
        let session = browser(&app, &app.org, &mia).await;
        for route in web::declared().into_iter().filter(|route| route.method == Method::GET) {
            let answer = app.send(request(&route, "acme", &mia.id.to_string(), Proves::Browser(&session), &Value::Null)).await;
            assert!(!answer.text.contains("zq-hidden-note"), "{}", route.path);
        }
        assert_eq!(app.get("/users?search=zq-hidden").await.json()["items"], json!([]), "a search is no way to guess them");
    }

    /// Objects of one organization were read and written by another's administrators, by id; and a credential of one
    /// worked in another, unrecorded.
    async fn zitadel_cve_2026_32131_2025_27507_keycloak_cve_2026_4630_entra_cve_2025_55241_tenants_are_apart(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let theirs = format!("/users/{}", otto.id);
        for (method, path, body) in [
            (Method::GET, theirs.clone(), Value::Null), (Method::PATCH, theirs.clone(), json!({"title": "x"})), (Method::PUT, format!("{theirs}/roles"), json!({"roles": []})),
            (Method::DELETE, format!("{theirs}/roles/owner"), Value::Null), (Method::POST, format!("{theirs}/suspend"), json!({"reason": "left"})),
        ] {
            app.call(method.clone(), &path, &app.owner.token, body.clone()).await.expect(404);
            app.send(api_request(method, "zeta", &path, &app.owner.token, &body)).await.expect(401);
        }
        app.send(api_request(Method::GET, "zeta", &theirs, &otto.token, &Value::Null)).await.expect(200);
        // What the operator does in an organization stands in its log.
        app.token_for(app.owner.id, &[]).await;
        assert!(app.count("SELECT count(*) FROM audit_entries WHERE event = 'token.created' AND actor_name = 'operator'").await >= 2);
    }

    /// A deleted user's id, used again, was still known somewhere.
    async fn zitadel_cve_2026_55670_no_id_is_used_twice(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        let confirm = json!({"confirm": "ana@acme.example"});
        app.post(&format!("/users/{id}/delete"), confirm.clone()).await.expect(200);
        app.post(&format!("/users/{id}/purge"), confirm).await.expect(200);
        for (slug, token) in [("acme", &app.owner.token), ("zeta", &otto.token)] {
            let wanted = json!({"id": id, "given_name": "Ana", "email": "ana@acme.example"});
            app.send(api_request(Method::POST, slug, "/users", token, &wanted)).await.expect(422);
            app.send(api_request(Method::GET, slug, &format!("/users/{id}"), token, &Value::Null)).await.expect(404);
        }
        let again = app.create("Ana", "Ng", "ana@acme.example").await;
        assert_ne!(again, id);
        assert_eq!(app.events(&again).await, ["user.created"], "nothing of the one before");
    }

    /// Another's token could be changed, and routes were left without a check.
    async fn authentik_cve_2024_37905_42490_tokens_are_their_owners(app: TestApp) {
        let (mia, max) = (app.person("Mia", Role::Member).await, app.person("Max", Role::Administrator).await);
        let made = app.call(Method::POST, "/tokens", &max.token, json!({"name": "max's", "scopes": ["*"]})).await.expect(201).json();
        let path = format!("/tokens/{}", made["id"].as_str().unwrap());
        app.call(Method::DELETE, &path, &mia.token, Value::Null).await.expect(404);
        for method in [Method::PATCH, Method::PUT, Method::POST] {
            app.call(method, &path, &mia.token, json!({"user": mia.id, "scopes": []})).await.expect(405);
        }
        assert_eq!(whoami(&app, made["token"].as_str().unwrap()).await, 200);
        let unguarded = web::declared().into_iter().filter(|route| route.path.starts_with("/o/{slug}/api/v1/") && !matches!(route.needs, Needs::Permission(_)));
        assert_eq!(unguarded.map(|route| route.path).collect::<Vec<_>>(), ["/o/{slug}/api/v1/openapi.json"]);
        assert!(Role::Member.permissions().contains(Permission::AccountTokens));
        app.call(Method::GET, &format!("/users/{NEVER}"), &mia.token, Value::Null).await.expect(403);
    }
}
