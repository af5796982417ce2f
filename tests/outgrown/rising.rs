//! The ways on which rights rise, and fall again.

use axum::http::Method;
use model::{Role, UserId};
use serde_json::{Value, json};

use super::{SOON, id};
use crate::app::TestApp;

/// A way on which rights rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rise {
    Grant,
    Group,
    Nesting,
    RoleEdit,
    GroupRole,
    DatedGrant,
    DatedMembership,
    CopiedAccess,
    Rehire,
    Replaced,
    Moved,
    GuestNoMore,
    ScopeTakenOut,
    ScopeMoved,
    ScopeOrphaned,
}

pub(super) const RISES: [Rise; 15] = [
    Rise::Grant,
    Rise::Group,
    Rise::Nesting,
    Rise::RoleEdit,
    Rise::GroupRole,
    Rise::DatedGrant,
    Rise::DatedMembership,
    Rise::CopiedAccess,
    Rise::Rehire,
    Rise::Replaced,
    Rise::Moved,
    Rise::GuestNoMore,
    Rise::ScopeTakenOut,
    Rise::ScopeMoved,
    Rise::ScopeOrphaned,
];

/// The group over which the maker may give a little more than elsewhere, and the role that does it.
pub(super) const REGION: &str = "Region of the weak";
const KEEPERS: &str = "Keepers";

/// Gives the maker a right over one group alone: over what leaves that group others hold it that the maker can't give.
pub(super) async fn give_over_region(app: &TestApp, maker: UserId) {
    let region = id(app, "/groups", json!({"name": REGION})).await;
    let role = id(app, "/roles", json!({"name": KEEPERS, "permissions": ["group:update"]})).await;
    app.post(&format!("/users/{maker}/roles"), json!({"role": role, "over": region})).await.expect(200);
}

/// The id of what is called so in a list.
pub(super) async fn called(app: &TestApp, path: &str, name: &str) -> String {
    let listed = app.get(path).await.expect(200).json();
    let found =
        listed["items"].as_array().unwrap().iter().find(|item| item["name"] == name || item["label"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name}: {listed}"));
    found.get("role").or_else(|| found.get("id")).unwrap().as_str().unwrap().to_owned()
}

/// The region, and the role that is held over it.
pub(super) async fn region(app: &TestApp) -> (String, String) {
    (called(app, "/groups?search=Region", REGION).await, called(app, "/roles", KEEPERS).await)
}

/// What stands before the secret is made: for a rise that comes later through something that is held already.
pub(super) async fn prepare(app: &TestApp, rise: Rise, user: UserId, name: &str) -> Vec<String> {
    let group = async |what: &str| id(app, "/groups", json!({"name": format!("{what} {name}")})).await;
    let put = async |path: String, body: Value| {
        app.call(Method::PUT, &path, &app.owner.token, body).await.expect(200);
    };
    match rise {
        Rise::Grant | Rise::DatedGrant | Rise::CopiedAccess | Rise::Rehire | Rise::Replaced => Vec::new(),
        Rise::ScopeTakenOut | Rise::ScopeOrphaned => {
            let ((region, keepers), inner) = (region(app).await, group("Inner").await);
            let outer = if rise == Rise::ScopeTakenOut { region.clone() } else { group("Between").await };
            put(format!("/groups/{outer}/groups/{inner}"), json!({})).await;
            if outer != region {
                put(format!("/groups/{region}/groups/{outer}"), json!({})).await;
            }
            // Over something in the region, and so within what the maker may give.
            let held = json!({"role": keepers, "over": inner});
            app.post(&format!("/users/{user}/roles"), held).await.expect(200);
            vec![outer, inner, region]
        }
        Rise::ScopeMoved => {
            let (region, keepers) = region(app).await;
            let (inner, elsewhere) = (group("Inner").await, group("Elsewhere").await);
            let (leaf, carrying) = (group("Leaf").await, group("Carrying").await);
            put(format!("/groups/{region}/groups/{inner}"), json!({})).await;
            put(format!("/groups/{inner}/groups/{leaf}"), json!({})).await;
            // Through a group that carries it, over a group further in.
            app.post(&format!("/groups/{carrying}/roles"), json!({"role": keepers, "over": leaf}))
                .await
                .expect(200);
            put(format!("/groups/{carrying}/members/{user}"), json!({})).await;
            vec![region, inner, elsewhere]
        }
        Rise::Moved => {
            let (inner, plain, outer) = (group("Inner").await, group("Plain").await, group("Outer").await);
            app.post(&format!("/groups/{outer}/roles"), json!({"role": "auditor"})).await.expect(200);
            put(format!("/groups/{plain}/groups/{inner}"), json!({})).await;
            put(format!("/groups/{inner}/members/{user}"), json!({})).await;
            vec![inner, plain, outer]
        }
        // What a group gives counts for no guest in it.
        Rise::GuestNoMore => {
            let group = group("Guests").await;
            put(format!("/groups/{group}/members/{user}"), json!({})).await;
            vec![group]
        }
        Rise::Group | Rise::DatedMembership => {
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

/// The requests that let the rights rise to what the maker could not have given: reading the audit log. The last one is
/// what raises them; a dated one starts soon.
pub(super) async fn raising(
    app: &TestApp,
    rise: Rise,
    user: UserId,
    prepared: &[String],
    name: &str,
) -> Vec<(Method, String, Value)> {
    let (post, put, patch) = (Method::POST, Method::PUT, Method::PATCH);
    let roles = format!("/users/{user}/roles");
    let start = app.app.now().plus(SOON).to_string();
    match rise {
        Rise::Grant => vec![(post, roles, json!({"role": "auditor"}))],
        Rise::Replaced => vec![(put, roles, json!({"roles": ["auditor"]}))],
        Rise::Group => vec![(put, format!("/groups/{}/members/{user}", prepared[0]), json!({}))],
        Rise::DatedMembership => {
            vec![(put, format!("/groups/{}/members/{user}", prepared[0]), json!({"valid_from": start}))]
        }
        Rise::Nesting => vec![(put, format!("/groups/{}/groups/{}", prepared[1], prepared[0]), json!({}))],
        Rise::ScopeTakenOut => {
            vec![(Method::DELETE, format!("/groups/{}/groups/{}", prepared[0], prepared[1]), Value::Null)]
        }
        Rise::ScopeOrphaned => vec![(Method::DELETE, format!("/groups/{}", prepared[0]), Value::Null)],
        Rise::ScopeMoved => {
            let body = json!({"from": prepared[0], "to": prepared[2]});
            vec![(post, format!("/groups/{}/move", prepared[1]), body)]
        }
        Rise::Moved => {
            let body = json!({"from": prepared[1], "to": prepared[2]});
            vec![(post, format!("/groups/{}/move", prepared[0]), body)]
        }
        Rise::RoleEdit => {
            let body = json!({"permissions": ["user:read", "audit:read"]});
            vec![(patch, format!("/roles/{}", prepared[0]), body)]
        }
        Rise::GroupRole => {
            vec![(post, format!("/groups/{}/roles", prepared[0]), json!({"role": "auditor"}))]
        }
        Rise::DatedGrant => vec![(post, roles, json!({"role": "auditor", "valid_from": start}))],
        Rise::GuestNoMore => vec![
            (post, format!("/groups/{}/roles", prepared[0]), json!({"role": "auditor"})),
            (patch, format!("/users/{user}"), json!({"type": "human"})),
        ],
        Rise::CopiedAccess => {
            let model = app.person(&format!("Model{name}"), Role::Auditor).await;
            vec![(post, format!("/users/{user}/copy-access"), json!({"from": model.id.to_string()}))]
        }
        Rise::Rehire => {
            let at = |step: &str| format!("/users/{user}/{step}");
            vec![(post, at("reactivate"), json!({"restore_roles": true}))]
        }
    }
}

pub(super) fn is_dated(rise: Rise) -> bool {
    matches!(rise, Rise::DatedGrant | Rise::DatedMembership)
}

/// Takes everything away again: the rights are as they were when the secret was made.
pub(super) async fn fall(app: &TestApp, rise: Rise, user: UserId, prepared: &[String]) {
    let delete = async |path: String| {
        let answer = app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    };
    match rise {
        Rise::Grant | Rise::DatedGrant | Rise::CopiedAccess | Rise::Rehire | Rise::Replaced => {
            delete(format!("/users/{user}/roles/auditor")).await;
        }
        Rise::Group | Rise::DatedMembership => {
            delete(format!("/groups/{}/members/{user}", prepared[0])).await;
        }
        Rise::ScopeTakenOut | Rise::ScopeOrphaned => {
            let path = format!("/groups/{}/groups/{}", prepared[2], prepared[1]);
            app.call(Method::PUT, &path, &app.owner.token, json!({})).await.expect(200);
        }
        Rise::ScopeMoved => {
            let body = json!({"from": prepared[2], "to": prepared[0]});
            app.post(&format!("/groups/{}/move", prepared[1]), body).await.expect(200);
        }
        Rise::Nesting => delete(format!("/groups/{}/groups/{}", prepared[1], prepared[0])).await,
        Rise::Moved => delete(format!("/groups/{}/groups/{}", prepared[2], prepared[0])).await,
        Rise::RoleEdit => {
            let body = json!({"permissions": ["user:read"]});
            app.patch(&format!("/roles/{}", prepared[0]), body).await.expect(200);
        }
        Rise::GroupRole | Rise::GuestNoMore => {
            delete(format!("/groups/{}/roles/auditor", prepared[0])).await;
        }
    }
}
