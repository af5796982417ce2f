//! What a weaker actor made for somebody opens nothing once that somebody may do more than its maker could have given:
//! every kind of such a secret against every way on which rights rise. Within the maker's own rights nothing changes.

use std::time::Duration;

use axum::http::Method;
use model::{Role, UserId, link::Purpose};
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, Somebody, TestApp},
    in_flight::from,
    matrix::force,
};

const TYPED: &str = "temporary-canyon-harbor";

/// What somebody else made and may have kept a copy of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    InvitationLink,
    TemporaryPassword,
    ChosenPassword,
    ServiceToken,
    Address,
}

/// A way on which rights rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rise {
    Grant,
    Group,
    Nesting,
    RoleEdit,
    GroupRole,
    DatedGrant,
    CopiedAccess,
    Rehire,
}

const SECRETS: [Secret; 5] = [
    Secret::InvitationLink,
    Secret::TemporaryPassword,
    Secret::ChosenPassword,
    Secret::ServiceToken,
    Secret::Address,
];
const RISES: [Rise; 8] = [
    Rise::Grant,
    Rise::Group,
    Rise::Nesting,
    Rise::RoleEdit,
    Rise::GroupRole,
    Rise::DatedGrant,
    Rise::CopiedAccess,
    Rise::Rehire,
];

async fn id(app: &TestApp, path: &str, body: Value) -> String {
    let answer = app.post(path, body).await.expect(201).json();
    answer.get("role").or_else(|| answer.get("id")).unwrap().as_str().unwrap().to_owned()
}

/// What stands before the secret is made: for a rise that comes later through something that is held already.
async fn prepare(app: &TestApp, rise: Rise, user: UserId, name: &str) -> Vec<String> {
    let group = async |what: &str| id(app, "/groups", json!({"name": format!("{what} {name}")})).await;
    let put = async |path: String, body: Value| {
        app.call(Method::PUT, &path, &app.owner.token, body).await.expect(200);
    };
    match rise {
        Rise::Grant | Rise::DatedGrant | Rise::CopiedAccess | Rise::Rehire => Vec::new(),
        Rise::Group => {
            let strong = group("Strong").await;
            app.post(&format!("/groups/{strong}/roles"), json!({"role": "auditor"})).await.expect(200);
            vec![strong]
        }
        Rise::Nesting => {
            let (inner, outer) = (group("Inner").await, group("Outer").await);
            app.post(&format!("/groups/{outer}/roles"), json!({"role": "auditor"})).await.expect(200);
            put(format!("/groups/{inner}/members/{user}"), json!({})).await;
            vec![inner, outer]
        }
        Rise::RoleEdit => {
            let body = json!({"name": format!("Own {name}"), "permissions": ["user:read"]});
            let role = id(app, "/roles", body).await;
            app.post(&format!("/users/{user}/roles"), json!({"role": role})).await.expect(200);
            vec![role]
        }
        Rise::GroupRole => {
            let plain = group("Plain").await;
            put(format!("/groups/{plain}/members/{user}"), json!({})).await;
            vec![plain]
        }
    }
}

/// Lets the rights rise to what the maker could not have given: reading the audit log.
async fn raise(app: &TestApp, rise: Rise, user: UserId, prepared: &[String], name: &str) {
    let put = async |path: String, body: Value| {
        app.call(Method::PUT, &path, &app.owner.token, body).await.expect(200);
    };
    let roles = format!("/users/{user}/roles");
    match rise {
        Rise::Grant => {
            app.post(&roles, json!({"role": "auditor"})).await.expect(200);
        }
        Rise::Group => put(format!("/groups/{}/members/{user}", prepared[0]), json!({})).await,
        Rise::Nesting => put(format!("/groups/{}/groups/{}", prepared[1], prepared[0]), json!({})).await,
        Rise::RoleEdit => {
            let body = json!({"permissions": ["user:read", "audit:read"]});
            app.patch(&format!("/roles/{}", prepared[0]), body).await.expect(200);
        }
        Rise::GroupRole => {
            app.post(&format!("/groups/{}/roles", prepared[0]), json!({"role": "auditor"})).await.expect(200);
        }
        Rise::DatedGrant => {
            let from = app.app.now().plus(Duration::from_secs(3600)).to_string();
            app.post(&roles, json!({"role": "auditor", "valid_from": from})).await.expect(200);
            // Not by the worker: at use.
            app.later(Duration::from_secs(3601));
        }
        Rise::CopiedAccess => {
            let model = app.person(&format!("Model{name}"), Role::Auditor).await;
            let body = json!({"from": model.id.to_string()});
            app.post(&format!("/users/{user}/copy-access"), body).await.expect(200);
        }
        Rise::Rehire => {
            app.post(&roles, json!({"role": "auditor"})).await.expect(200);
            app.post(&format!("/users/{user}/deprovision"), json!({"reason": "left"})).await.expect(200);
            app.post(&format!("/users/{user}/reactivate"), json!({"restore_roles": true})).await.expect(200);
        }
    }
}

/// Somebody new, with an address but nothing proven.
async fn newcomer(app: &TestApp, maker: &Somebody, name: &str, more: Value) -> UserId {
    let mut body = json!({"given_name": name, "family_name": "New", "email": format!("{name}@acme.example")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = app.call(Method::POST, "/users", &maker.token, body).await.expect(201).json();
    made["id"].as_str().unwrap().parse().unwrap()
}

/// Whether the copy that the maker kept opens the account.
async fn opens(app: &TestApp, secret: Secret, copy: &str, email: &str) -> bool {
    let somebody = Somebody {
        id: app.owner.id,
        email: email.to_owned(),
        username: String::new(),
        password: copy.to_owned(),
        token: String::new(),
    };
    match secret {
        Secret::InvitationLink => {
            let link = copy.rsplit('/').next().unwrap();
            let acceptance = ::app::invitations::Acceptance {
                password: PASSWORD.to_owned(),
                given_name: None,
                family_name: None,
            };
            let purpose = Purpose::Invitation;
            let from = from(&somebody, "maker");
            match app.app.accept_invitation(&app.org, purpose, link, acceptance, from).await {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.code(), "link.outgrown");
                    false
                }
            }
        }
        Secret::TemporaryPassword | Secret::ChosenPassword => {
            app.app.sign_in(&app.org, from(&somebody, "maker")).await.is_ok()
        }
        Secret::ServiceToken => app.call(Method::GET, "/whoami", copy, Value::Null).await.status.is_success(),
        Secret::Address => {
            let before = app.mails().await.iter().filter(|letter| letter.to == email).count();
            app.app.ask_for_reset(&app.org, email, "203.0.113.9").await.unwrap();
            let after = app.worked().await.iter().filter(|letter| letter.to == email).count();
            after > before
        }
    }
}

/// One cell: made by `maker`, risen or not, does the copy open?
async fn cell(app: &TestApp, maker: &Somebody, secret: Secret, rise: Option<Rise>, name: &str) -> bool {
    let email = format!("{name}@acme.example");
    let more = match secret {
        Secret::ServiceToken => {
            json!({"type": "service", "username": name, "responsible": maker.id.to_string()})
        }
        Secret::ChosenPassword => json!({"password": TYPED, "must_change_password": false}),
        Secret::TemporaryPassword | Secret::Address => json!({"password": TYPED}),
        Secret::InvitationLink => json!({}),
    };
    let user = newcomer(app, maker, name, more).await;
    let prepared = match rise {
        Some(rise) => prepare(app, rise, user, name).await,
        None => Vec::new(),
    };
    let copy = match secret {
        Secret::InvitationLink => {
            app.call(Method::POST, &format!("/users/{user}/invite"), &maker.token, json!({}))
                .await
                .expect(200);
            let invitation = app.get("/invitations").await.json()["items"]
                .as_array()
                .unwrap()
                .iter()
                .find(|invitation| invitation.to_string().contains(&user.to_string()))
                .unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned();
            let path = format!("/invitations/{invitation}/link");
            let shown = app.call(Method::POST, &path, &maker.token, json!({})).await.expect(200).json();
            shown
                .as_object()
                .unwrap()
                .values()
                .find_map(|value| {
                    value.as_str()?.contains("http").then(|| value.as_str().unwrap().to_owned())
                })
                .unwrap()
        }
        Secret::TemporaryPassword | Secret::ChosenPassword | Secret::Address => TYPED.to_owned(),
        Secret::ServiceToken => {
            let body = json!({"name": "Kept", "scopes": ["*"]});
            let made = app.call(Method::POST, &format!("/users/{user}/tokens"), &maker.token, body).await;
            made.expect(201).json()["token"].as_str().unwrap().to_owned()
        }
    };
    if let Some(rise) = rise {
        raise(app, rise, user, &prepared, name).await;
    }
    opens(app, secret, &copy, &email).await
}

on_both! {
    async fn what_the_weaker_made_opens_nothing_after_a_rise(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        // Tokens of service users are made by who may: a role of one's own without the audit log.
        let body = json!({"name": "Makers", "permissions": [
            "token:create", "token:list", "user:create", "user:read", "user:list", "user:update", "user:invite", "invitation:read", "invitation:resend"]});
        let makers = id(&app, "/roles", body).await;
        app.post(&format!("/users/{}/roles", weak.id), json!({"role": makers})).await.expect(200);
        for secret in SECRETS {
            assert!(cell(&app, &weak, secret, None, &format!("plain{secret:?}").to_lowercase()).await, "{secret:?}");
            for rise in RISES {
                // A deprovisioned user has lost tokens, and an invitee was never active.
                if rise == Rise::Rehire && matches!(secret, Secret::ServiceToken | Secret::InvitationLink) {
                    continue;
                }
                let name = format!("{secret:?}{rise:?}").to_lowercase();
                assert!(!cell(&app, &weak, secret, Some(rise), &name).await, "{secret:?} after {rise:?}");
            }
            // Made by an owner, the same goes on.
            let owner = app.owner.clone();
            let name = format!("owned{secret:?}").to_lowercase();
            assert!(cell(&app, &owner, secret, Some(Rise::Grant), &name).await, "{secret:?} of an owner");
        }
    }

    async fn what_its_owner_has_proven_or_replaced_is_left_alone(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let user = newcomer(&app, &weak, "proven", json!({"password": TYPED})).await;
        force(&app, "UPDATE users SET email_verified = TRUE WHERE id = $1", user).await;
        app.post(&format!("/users/{user}/roles"), json!({"role": "auditor"})).await.expect(200);
        assert!(opens(&app, Secret::Address, TYPED, "proven@acme.example").await);
    }
}
