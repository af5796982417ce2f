//! Who may do what: every declared route for every role, every token scope and every state of a user.
//!
//! The expectation is what `docs/permissions.txt` says, the requests come from the declarations: a new route is covered as
//! soon as it is declared and printed. The rules about stronger people are in `granting.rs`.

use std::collections::BTreeMap;

use axum::http::Method;
use model::{Permission, Permissions, Role, lifecycle::StateName};
use serde_json::{Value, json};
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, Somebody, TestApp},
    matrix::{self, Browser, NEVER, Proves, browser, is_sent_to_sign_in, request},
};

/// The declared routes that need a permission.
fn guarded() -> Vec<(Declared, Permission)> {
    let routes = web::declared().into_iter();
    routes
        .filter_map(|route| match route.needs {
            Needs::Permission(permission) => Some((route, permission)),
            Needs::Nothing | Needs::Org => None,
        })
        .collect()
}

/// Who is let in where, as printed: by method and path the permission, and for each role whether.
fn printed() -> BTreeMap<String, (String, Vec<bool>)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (method, path, permission) = (words.next()?, words.next()?, words.next()?);
        let marks: Vec<bool> = words.map(|mark| mark == "x").collect();
        let is_route = path.starts_with("/o/") && marks.len() == Role::ALL.len();
        is_route.then(|| (format!("{method} {path}"), (permission.to_owned(), marks)))
    };
    text.lines().filter_map(line).collect()
}

/// Whether the printed table lets a role in.
fn lets_in(printed: &BTreeMap<String, (String, Vec<bool>)>, route: &Declared, role: Role) -> bool {
    let (_, marks) = &printed[&name(route)];
    marks[Role::ALL.iter().position(|other| *other == role).unwrap()]
}

/// The printed table is of the routes that there are, and each needs what it says there.
#[test]
fn the_printed_table_is_of_the_declared_routes() {
    let printed: BTreeMap<String, String> =
        printed().into_iter().map(|(route, (permission, _))| (route, permission)).collect();
    let declared: BTreeMap<String, String> =
        guarded().iter().map(|(route, permission)| (name(route), permission.to_string())).collect();
    assert_eq!(printed, declared);
}

/// Whether the check in front of the route let the request through; what comes behind it may refuse for its own reasons.
fn is_let_in(answer: &Answer) -> bool {
    !matches!(answer.status.as_u16(), 401 | 403) && !is_sent_to_sign_in(answer)
}

fn name(route: &Declared) -> String {
    format!("{} {}", route.method, route.path)
}

async fn everybody(app: &TestApp) -> Vec<(Role, Somebody)> {
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push((*role, app.person(&format!("P{}", role.as_str().replace('_', "")), *role).await));
    }
    people
}

/// Whether what asks has ended with the answer.
fn revokes_itself(route: &Declared) -> bool {
    route.method == Method::DELETE && route.path.ends_with("/v1/tokens")
}

/// A browser that is signed in, again if the request before has ended its session.
async fn still_signed_in(app: &TestApp, somebody: &Somebody, was: Option<Browser>) -> Browser {
    if let Some(was) = was {
        let whoami = web::declared().into_iter().find(|route| route.path.ends_with("/whoami")).unwrap();
        let answer =
            app.send(request(&whoami, &app.org.slug, NEVER, Proves::Browser(&was), &Value::Null)).await;
        if answer.status.is_success() {
            return was;
        }
    }
    browser(app, &app.org, somebody).await
}

/// Every route, with a session and with a token.
async fn lets_in_exactly(app: &TestApp, role: Role, somebody: &Somebody) {
    let (printed, slug, mut signed_in) = (printed(), app.org.slug.as_str(), None);
    let mut token = app.token_for(somebody.id, &[]).await;
    for (route, _) in guarded() {
        let (expected, what) = (lets_in(&printed, &route, role), format!("{slug}, {role}: {}", name(&route)));
        let current = still_signed_in(app, somebody, signed_in.take()).await;
        let answer = app.send(request(&route, slug, NEVER, Proves::Browser(&current), &json!({}))).await;
        assert_eq!(is_let_in(&answer), expected, "{what}, session: {} {}", answer.status, answer.text);
        assert!(!answer.status.is_server_error(), "{what}: {}", answer.text);
        signed_in = Some(current);
        if route.door == Door::Console {
            continue;
        }
        if revokes_itself(&route) {
            token = app.token_for(somebody.id, &[]).await;
        }
        let answer = app.send(request(&route, slug, NEVER, Proves::Token(&token), &json!({}))).await;
        assert_eq!(is_let_in(&answer), expected, "{what}, token: {} {}", answer.status, answer.text);
        if revokes_itself(&route) {
            token = app.token_for(somebody.id, &[]).await;
        }
        if !expected {
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"), "{what}");
        }
    }
}

on_both! {
    async fn every_route_lets_in_exactly_the_roles_that_hold_its_permission(app: TestApp) {
        for (role, somebody) in everybody(&app).await {
            lets_in_exactly(&app, role, &somebody).await;
        }
    }

    /// Nor does it matter what the organization's address reads like.
    async fn the_same_under_every_odd_address(app: TestApp) {
        let mut app = app;
        let helpdesk = app.person("Hal", Role::Helpdesk).await;
        for slug in crate::app::ODD_SLUGS {
            app.move_to(slug).await;
            lets_in_exactly(&app, Role::Helpdesk, &helpdesk).await;
        }
    }

    async fn a_token_does_what_both_its_scopes_and_its_user_may(app: TestApp) {
        let printed = printed();
        for (role, somebody) in everybody(&app).await {
            for scope in Permission::ALL {
                let mut token = app.token_for(somebody.id, &[scope.as_str()]).await;
                for (route, permission) in guarded().into_iter().filter(|(route, _)| route.door == Door::Api) {
                    let expected = permission == *scope && lets_in(&printed, &route, role);
                    let answer = app.send(request(&route, "acme", NEVER, Proves::Token(&token), &json!({}))).await;
                    assert_eq!(is_let_in(&answer), expected, "{role}, {scope}: {} {}", name(&route), answer.text);
                    if expected && revokes_itself(&route) {
                        token = app.token_for(somebody.id, &[scope.as_str()]).await;
                    }
                }
            }
        }
        for missing in Permission::ALL {
            let rest = Permissions::all().without(&[*missing]);
            let scopes: Vec<&str> = rest.iter().map(Permission::as_str).collect();
            let mut token = app.token_for(app.owner.id, &scopes).await;
            for (route, permission) in guarded().into_iter().filter(|(route, _)| route.door == Door::Api) {
                let answer = app.send(request(&route, "acme", NEVER, Proves::Token(&token), &json!({}))).await;
                assert_eq!(is_let_in(&answer), permission != *missing, "all but {missing}: {}", name(&route));
                if permission != *missing && revokes_itself(&route) {
                    token = app.token_for(app.owner.id, &scopes).await;
                }
            }
        }
    }

    async fn nobody_gets_in_without_proof(app: TestApp) {
        for (route, _) in guarded() {
            let answer = app.send(request(&route, "acme", NEVER, Proves::Nobody, &json!({}))).await;
            match route.door {
                Door::Api => assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{}", name(&route)),
                Door::Console => assert!(is_sent_to_sign_in(&answer), "{}: {} {}", name(&route), answer.status, answer.text),
            }
        }
        for route in web::declared().into_iter().filter(|route| !matches!(route.needs, Needs::Permission(_))) {
            let answer = app.send(request(&route, "acme", NEVER, Proves::Nobody, &json!({}))).await;
            assert!(!matches!(answer.status.as_u16(), 401 | 500..), "{}: {} {}", name(&route), answer.status, answer.text);
        }
    }

    /// The check is at use: a session and a token that are somehow left are worth nothing in any state but one.
    async fn only_an_active_user_is_somebody(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        let session = browser(&app, &app.org, &ana).await;
        let sql = |state: StateName| match state {
            StateName::Staged => "UPDATE users SET state = 'staged' WHERE id = $1",
            StateName::Invited => "UPDATE users SET state = 'invited' WHERE id = $1",
            StateName::Pending => "UPDATE users SET state = 'pending' WHERE id = $1",
            StateName::Active => "UPDATE users SET state = 'active' WHERE id = $1",
            StateName::Suspended => "UPDATE users SET state = 'suspended' WHERE id = $1",
            StateName::Deprovisioned => "UPDATE users SET state = 'deprovisioned' WHERE id = $1",
            StateName::Trashed => "UPDATE users SET state = 'trashed' WHERE id = $1",
            StateName::Purged => "UPDATE users SET state = 'purged' WHERE id = $1",
        };
        for state in StateName::ALL {
            matrix::force(&app, sql(*state), ana.id).await;
            // Signing out is a route too: last, for there is one session.
            let mut routes = guarded();
            routes.sort_by_key(|(route, _)| route.path.ends_with("/sign-out"));
            for (route, _) in routes.into_iter().filter(|(route, _)| *state != StateName::Active || route.method == Method::GET) {
                for proves in [Proves::Token(&ana.token), Proves::Browser(&session)] {
                    if route.door == Door::Console && matches!(proves, Proves::Token(_)) {
                        continue;
                    }
                    let answer = app.send(request(&route, "acme", NEVER, proves, &json!({}))).await;
                    assert_eq!(is_let_in(&answer), *state == StateName::Active, "{state}: {} {}", name(&route), answer.text);
                }
            }
        }
    }

    async fn locks_and_dates_refuse_on_every_route(app: TestApp) {
        for (number, sql) in [
            "UPDATE users SET lock_until = 9223372036854775807 WHERE id = $1",
            r#"UPDATE users SET fields = '{"username":"x1","valid_until":"2026-11-20T07:00:00Z"}' WHERE id = $1"#,
            r#"UPDATE users SET fields = '{"username":"x2","valid_from":"2026-11-20T23:00:00Z"}' WHERE id = $1"#,
        ].into_iter().enumerate() {
            let ana = app.person(&format!("Ana{number}"), Role::Owner).await;
            let session = browser(&app, &app.org, &ana).await;
            matrix::force(&app, sql, ana.id).await;
            for (route, _) in guarded() {
                let answer = app.send(request(&route, "acme", NEVER, Proves::Browser(&session), &json!({}))).await;
                assert!(!is_let_in(&answer), "{sql}: {}", name(&route));
                if route.door == Door::Api {
                    app.send(request(&route, "acme", NEVER, Proves::Token(&ana.token), &json!({}))).await.expect(401);
                }
            }
        }
    }

    async fn who_must_change_the_password_does_nothing_else_first(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        app.post(&format!("/users/{}/set-password", ana.id), json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        let ana = Somebody { password: "temporary-canyon-harbor".to_owned(), ..ana };
        for (route, permission) in guarded() {
            let session = browser(&app, &app.org, &ana).await;
            let answer = app.send(request(&route, "acme", NEVER, Proves::Browser(&session), &json!({}))).await;
            let to = answer.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
            let what = format!("{}: {} {to} {}", name(&route), answer.status, answer.text);
            match route.door {
                _ if permission == Permission::AccountPassword => assert!(is_let_in(&answer) && !to.ends_with("/change-password"), "{what}"),
                Door::Api => assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "password.must_change"), "{what}"),
                Door::Console if route.path.ends_with("/sign-out") => assert!(!to.ends_with("/change-password"), "{what}"),
                Door::Console => assert_eq!((answer.status.as_u16(), to), (303, "/o/acme/change-password"), "{what}"),
            }
        }
    }
}
