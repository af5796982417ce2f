//! The granting rule: nobody gives, takes or changes more than he may do himself, by whatever door.
//!
//! The oracle is the set of permissions alone: allowed if and only if the actor holds the permission of the deed and
//! the rights in question lie within the actor's own.

use axum::http::Method;
use model::{Permission, Permissions, Role, user::OWN_FIELDS};
use serde_json::{Value, json};

use crate::app::{Answer, Somebody, TestApp};

/// May somebody with these rights do a deed that needs `needed` to or with somebody of `other` rights?
fn allowed(actor: Permissions, needed: Permission, other: Permissions) -> bool {
    actor.contains(needed) && actor.covers(other.beyond_member())
}

fn rights(role: Role) -> Permissions {
    Permissions::of_roles(&[role])
}

async fn of_every_role(app: &TestApp, prefix: &str) -> Vec<(Role, Somebody)> {
    let mut people = Vec::new();
    for role in Role::ALL {
        let name = format!("{prefix}{}", role.as_str().replace('_', ""));
        people.push((*role, app.person(&name, *role).await));
    }
    people
}

/// Asserts that a write was refused as being above the actor, or was not; it ran dry either way.
fn check(answer: &Answer, expected: bool, what: &str) {
    if expected {
        assert!(!matches!(answer.status.as_u16(), 401 | 403), "{what}: {} {}", answer.status, answer.text);
    } else {
        assert_eq!(answer.status.as_u16(), 403, "{what}: {}", answer.text);
        let code = answer.code();
        assert!(
            ["forbidden", "access.above_own", "access.stronger_person"].contains(&code.as_str()),
            "{what}: {code}"
        );
    }
}

on_both! {
    async fn roles_are_given_and_taken_within_ones_own_rights(app: TestApp) {
        let actors = of_every_role(&app, "A").await;
        let holders = of_every_role(&app, "H").await;
        let nobody = app.person("Nobody", Role::Member).await;
        for (actor_role, actor) in &actors {
            let actor_rights = rights(*actor_role);
            for role in Role::ALL.iter().filter(|role| **role != Role::Member) {
                let may = allowed(actor_rights, Permission::RoleAssign, rights(*role));
                let what = format!("{actor_role} and {role}");
                let path = format!("/users/{}/roles?dry_run=true", nobody.id);
                let grant = app.call(Method::POST, &path, &actor.token, json!({"role": role})).await;
                check(&grant, may, &format!("{what}, given"));
                let replace = app.call(Method::PUT, &path, &actor.token, json!({"roles": [role]})).await;
                check(&replace, may, &format!("{what}, instead"));
                let may_create = may && actor_rights.contains(Permission::UserCreate);
                let body = json!({"given_name": "New", "email": "new@acme.example", "roles": [role]});
                let create = app.call(Method::POST, "/users?dry_run=true", &actor.token, body).await;
                check(&create, may_create, &format!("{what}, created with"));
                let (_, holder) = holders.iter().find(|(held, _)| held == role).unwrap();
                let path = format!("/users/{}/roles", holder.id);
                let take = app.call(Method::DELETE, &format!("{path}/{role}?dry_run=true"), &actor.token, Value::Null).await;
                check(&take, may, &format!("{what}, taken"));
                let empty = app.call(Method::PUT, &format!("{path}?dry_run=true"), &actor.token, json!({"roles": []})).await;
                check(&empty, may, &format!("{what}, replaced by nothing"));
            }
        }
    }

    async fn an_import_gives_no_more_than_its_actor_holds(app: TestApp) {
        for (actor_role, actor) in of_every_role(&app, "A").await {
            let rows: Vec<Value> = Role::ALL.iter().filter(|role| **role != Role::Member)
                .map(|role| json!({"fields": {"email": format!("{role}@import.example")}, "roles": [role]})).collect();
            let answer = app.call(Method::POST, "/users/import?dry_run=true", &actor.token, json!({"rows": rows})).await;
            if !rights(actor_role).contains(Permission::UserImport) {
                answer.expect(403);
                continue;
            }
            let verdicts = answer.expect(200).json();
            for (role, verdict) in Role::ALL.iter().zip(verdicts["verdicts"].as_array().unwrap()) {
                let may = allowed(rights(actor_role), Permission::RoleAssign, rights(*role));
                assert_eq!(verdict["verdict"] == "created", may, "{actor_role} imports {role}: {verdict}");
            }
        }
    }

    async fn nobody_changes_a_person_who_may_do_more(app: TestApp) {
        let actors = of_every_role(&app, "A").await;
        let targets = of_every_role(&app, "T").await;
        for (actor_role, actor) in &actors {
            for (target_role, target) in &targets {
                for (method, action, body, needed) in [
                    (Method::PATCH, "", json!({"title": "Lead"}), Permission::UserUpdate),
                    (Method::PATCH, "", json!({"email": "taken-over@evil.example"}), Permission::UserUpdate),
                    (Method::POST, "/suspend", json!({"reason": "left"}), Permission::UserSuspend),
                    (Method::POST, "/deprovision", json!({"reason": "left"}), Permission::UserDeprovision),
                    (Method::POST, "/lock", json!({}), Permission::UserLock),
                    (Method::POST, "/unlock", json!({}), Permission::UserUnlock),
                    (Method::POST, "/set-password", json!({}), Permission::UserResetPassword),
                    (Method::POST, "/activate", json!({}), Permission::UserActivate),
                    (Method::POST, "/delete", json!({"confirm": target.email}), Permission::UserDelete),
                    (Method::POST, "/restore", json!({}), Permission::UserRestore),
                    (Method::POST, "/purge", json!({"confirm": target.email}), Permission::UserPurge),
                ] {
                    let path = format!("/users/{}{action}?dry_run=true", target.id);
                    let answer = app.call(method, &path, &actor.token, body).await;
                    let may = allowed(rights(*actor_role), needed, rights(*target_role));
                    check(&answer, may, &format!("{actor_role} does {action} to {target_role}"));
                }
            }
        }
        for (_, somebody) in actors.iter().chain(&targets) {
            assert_eq!(app.events(&somebody.id.to_string()).await.iter().filter(|event| !event.starts_with("role.granted") && *event != "access.denied" && *event != "token.created").count(), 1, "a dry run has left something");
        }
    }

    /// What somebody holds counts also while blocked: coming back gives it all again.
    async fn a_blocked_stronger_person_is_stronger_still(app: TestApp) {
        let manager = app.person("Max", Role::UserManager).await;
        let ada = app.person("Ada", Role::Administrator).await;
        app.post(&format!("/users/{}/suspend", ada.id), json!({"reason": "left"})).await.expect(200);
        for (action, body) in [("reactivate", json!({})), ("deprovision", json!({"reason": "left"})), ("set-password", json!({})), ("delete", json!({"confirm": ada.email}))] {
            let answer = app.call(Method::POST, &format!("/users/{}/{action}", ada.id), &manager.token, body).await.expect(403);
            assert_eq!(answer.code(), "access.stronger_person", "{action}");
        }
        app.post(&format!("/users/{}/delete", ada.id), json!({"confirm": ada.email})).await.expect(200);
        app.call(Method::POST, &format!("/users/{}/restore", ada.id), &manager.token, json!({})).await.expect(403);
    }

    /// A rehire offers the roles of before, to whoever may give them.
    async fn a_rehire_gives_no_more_than_its_actor_holds(app: TestApp) {
        let manager = app.person("Max", Role::UserManager).await;
        let ada = app.person("Ada", Role::Administrator).await;
        app.post(&format!("/users/{}/deprovision", ada.id), json!({"reason": "left"})).await.expect(200);
        let path = format!("/users/{}/reactivate", ada.id);
        let refused = app.call(Method::POST, &path, &manager.token, json!({"restore_roles": true})).await.expect(403);
        assert_eq!(refused.code(), "access.above_own");
        assert_eq!(app.get(&format!("/users/{}", ada.id)).await.json()["status"], "deprovisioned");
        let back = app.call(Method::POST, &path, &manager.token, json!({})).await.expect(200).json();
        assert_eq!(back["roles"], json!([]));
    }

    /// A token with the scopes of a role does to others what somebody of that role may do, though the owner made it.
    async fn a_tokens_scopes_bound_what_it_gives(app: TestApp) {
        let holders = of_every_role(&app, "H").await;
        for scoped in Role::ALL {
            let scopes = rights(*scoped).beyond_member().and(Permissions::of(&[Permission::RoleAssign, Permission::UserLock]));
            let names: Vec<&str> = scopes.iter().map(Permission::as_str).collect();
            let token = app.token_for(app.owner.id, &names).await;
            for (held, holder) in &holders {
                let may = scopes.covers(rights(*held).beyond_member());
                let path = format!("/users/{}", holder.id);
                let what = format!("scopes of {scoped}, {held}");
                check(&app.call(Method::POST, &format!("{path}/lock?dry_run=true"), &token, json!({})).await, may, &what);
                check(&app.call(Method::PUT, &format!("{path}/roles?dry_run=true"), &token, json!({"roles": []})).await, may, &what);
                let body = json!({"role": held});
                check(&app.call(Method::POST, &format!("/users/{}/roles?dry_run=true", holders[7].1.id), &token, body).await, may, &what);
            }
        }
        let narrow = app.token_for(app.owner.id, &["account:tokens", "user:read"]).await;
        for scopes in [json!(["*"]), json!(["owner:manage"]), json!(["user:read", "user:purge"])] {
            let refused = app.call(Method::POST, "/tokens", &narrow, json!({"name": "more", "scopes": scopes})).await.expect(403);
            assert_eq!(refused.code(), "access.above_own", "{scopes}");
        }
        app.call(Method::POST, "/tokens", &narrow, json!({"name": "less", "scopes": ["user:read"]})).await.expect(201);
    }

    /// Whoever loses a role loses what it gave at once, in the operation too.
    async fn a_demoted_person_has_nothing_left_of_the_role(app: TestApp) {
        let ada = app.person("Ada", Role::Administrator).await;
        let nobody = app.person("Nobody", Role::Member).await;
        app.call(Method::GET, "/users", &ada.token, Value::Null).await.expect(200);
        app.call(Method::DELETE, &format!("/users/{}/roles/administrator", ada.id), &app.owner.token, Value::Null).await.expect(200);
        app.call(Method::GET, "/users", &ada.token, Value::Null).await.expect(403);
        app.call(Method::POST, &format!("/users/{}/suspend", nobody.id), &ada.token, json!({"reason": "left"})).await.expect(403);
    }

    /// Mass assignment: of one's own record one writes these fields, and no other name is taken, whatever it means inside.
    async fn of_oneself_one_changes_the_profile_and_nothing_else(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let shown = async || {
            let mut shown = app.get(&format!("/users/{}", ana.id)).await.json();
            shown.as_object_mut().unwrap().remove("last_seen_at");
            shown
        };
        let before = shown().await;
        let record = web::openapi();
        let schemas = &record["components"]["schemas"];
        let known = ["UserFields", "UserView", "CreateBody"].iter().flat_map(|name| {
            let parts = schemas[name]["allOf"].as_array().cloned().unwrap_or_else(|| vec![schemas[name].clone()]);
            parts.into_iter().flat_map(|part| part["properties"].as_object().cloned().unwrap_or_default().into_iter().map(|(field, _)| field))
        });
        let hidden = ["org_id", "org", "tenant", "is_admin", "admin", "key", "mfa", "password_hash", "hash", "must_change_password", "lock_until", "state_data", "__proto__", "$where"];
        let mut fields: Vec<String> = known.chain(hidden.iter().map(|name| (*name).to_owned())).filter(|field| !OWN_FIELDS.contains(&field.as_str())).collect();
        fields.sort();
        fields.dedup();
        assert!(fields.len() > 35 && fields.contains(&"status".to_owned()) && fields.contains(&"email".to_owned()), "{fields:?}");
        for field in fields {
            for value in [json!("active"), json!(true), json!(["owner"]), json!({"role": "owner"}), Value::Null, json!(1)] {
                let answer = app.call(Method::PATCH, "/account", &ana.token, json!({field.as_str(): value})).await;
                assert_eq!(answer.status.as_u16(), 422, "{field}: {}", answer.text);
            }
        }
        assert_eq!(shown().await, before);
        for field in OWN_FIELDS {
            let value = match field {
                "address" => json!({"city": "Lyon"}),
                "phone" | "mobile" | "personal_phone" => json!("+33 1 23 45"),
                "personal_email" => json!("ana@home.example"),
                "locale" => json!("fr-FR"),
                "time_zone" => json!("Europe/Paris"),
                _ => json!("Anne"),
            };
            app.call(Method::PATCH, "/account", &ana.token, json!({field: value})).await.expect(200);
        }
    }

    /// An administrator writes the record, not what follows from operations.
    async fn of_others_one_changes_the_record_and_not_what_operations_decide(app: TestApp) {
        let id = app.create("Ana", "Ng", "ana@acme.example").await;
        for field in ["id", "status", "state", "roles", "email_verified", "source", "external_id", "created_at", "joined_at", "last_sign_in_at", "lock", "departure", "password", "password_locked_until", "restorable_until", "version", "org", "org_id", "possible"] {
            for value in [json!("active"), json!(true), json!(["owner"]), json!({}), json!(1)] {
                let path = format!("/users/{id}");
                app.patch(&path, json!({field: value})).await.expect(422);
                if !["roles", "password"].contains(&field) {
                    let body = json!({"given_name": "Bo", "email": "bo@acme.example", field: value});
                    app.post("/users", body).await.expect(422);
                }
            }
        }
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["version"], 1);
    }
}
