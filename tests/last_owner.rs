//! An owner is left, whatever is taken away by whichever two doors at once: from who holds the role directly, and from who
//! holds it through groups.

use axum::http::Method;
use model::{Role, role::Scope};
use serde_json::{Value, json};

use crate::{
    app::{Somebody, TestApp},
    patience::Dice,
};

/// One who is an owner directly, and one who is it in a group that stands in another.
struct Pair {
    direct: Somebody,
    through: Somebody,
    outer: String,
    inner: String,
}

type Request = (Method, String, Value);

impl Pair {
    /// A fresh pair; whoever was an owner before is none any more.
    async fn new(app: &TestApp, round: usize, before: Option<&Self>) -> Self {
        let direct = app.person(&format!("Direct{round}"), Role::Owner).await;
        let through = app.person(&format!("Through{round}"), Role::Member).await;
        let call = async |method, path: String, body| app.call(method, &path, &direct.token, body).await;
        let mut groups = Vec::new();
        for name in ["Outer", "Inner"] {
            let group =
                call(Method::POST, "/groups".to_owned(), json!({"name": format!("{name} {round}")})).await;
            groups.push(group.expect(201).json()["id"].as_str().unwrap().to_owned());
        }
        let (outer, inner) = (groups[0].clone(), groups[1].clone());
        call(Method::POST, format!("/groups/{outer}/roles"), json!({"role": "owner"})).await.expect(200);
        call(Method::PUT, format!("/groups/{outer}/groups/{inner}"), json!({})).await.expect(200);
        call(Method::PUT, format!("/groups/{inner}/members/{}", through.id), json!({})).await.expect(200);
        let old = before.map_or(app.owner.id, |pair| pair.direct.id);
        app.app.revoke_role(&app.operator(), old, Role::Owner.into(), Scope::Org).await.unwrap();
        if let Some(before) = before {
            // What one of the doors has deleted already is not there.
            call(Method::DELETE, format!("/groups/{}", before.outer), Value::Null).await;
        }
        Self { direct, through, outer, inner }
    }

    /// A way to take the direct owner's role or ability away.
    fn against_direct(&self, dice: &mut Dice) -> Request {
        let user = format!("/users/{}", self.direct.id);
        let soon = "2027-06-01T00:00:00Z";
        match dice.roll(8) {
            0 => (Method::DELETE, format!("{user}/roles/owner"), Value::Null),
            1 => (Method::PUT, format!("{user}/roles"), json!({"roles": ["auditor"]})),
            2 => (Method::POST, format!("{user}/suspend"), json!({"reason": "left"})),
            3 => (Method::POST, format!("{user}/lock"), json!({"note": "odd"})),
            4 => (Method::POST, format!("{user}/deprovision"), json!({"reason": "left"})),
            5 => (Method::PATCH, user, json!({"valid_until": soon})),
            6 => (Method::POST, format!("{user}/roles"), json!({"role": "owner", "valid_until": soon})),
            _ => (Method::PATCH, user, json!({"type": "break_glass"})),
        }
    }

    /// The same of the one who is an owner through groups.
    fn against_through(&self, dice: &mut Dice) -> Request {
        let (user, outer, inner) = (self.through.id, &self.outer, &self.inner);
        let soon = "2027-06-01T00:00:00Z";
        match dice.roll(9) {
            0 => (Method::DELETE, format!("/groups/{inner}/members/{user}"), Value::Null),
            1 => (Method::DELETE, format!("/groups/{outer}/groups/{inner}"), Value::Null),
            2 => (Method::DELETE, format!("/groups/{outer}/roles/owner"), Value::Null),
            3 => (Method::DELETE, format!("/groups/{inner}"), Value::Null),
            4 => (Method::DELETE, format!("/groups/{outer}"), Value::Null),
            5 => (Method::POST, format!("/users/{user}/suspend"), json!({"reason": "left"})),
            6 => (Method::PUT, format!("/groups/{inner}/members/{user}"), json!({"valid_until": soon})),
            7 => (Method::PATCH, format!("/users/{user}"), json!({"valid_until": soon})),
            _ => (
                Method::POST,
                format!("/groups/{outer}/roles"),
                json!({"role": "owner", "valid_until": soon}),
            ),
        }
    }
}

async fn has_able_owner(app: &TestApp) -> bool {
    let (context, now) = (app.context(), app.app.now());
    let read = async |connection: &mut store::Connection<'_>| {
        store::access::has_able_owner(connection, context, now).await
    };
    app.app.database().read(read).await.unwrap()
}

on_both! {
    async fn two_doors_at_once_leave_one(app: TestApp) {
        let mut dice = Dice::new(11);
        let (mut before, mut done, mut refused) = (None, 0, 0);
        for round in 0..200 {
            let pair = Pair::new(&app, round, before.as_ref()).await;
            let ((one, one_path, one_body), (other, other_path, other_body)) =
                (pair.against_direct(&mut dice), pair.against_through(&mut dice));
            let (first, second) = tokio::join!(
                app.call(one, &one_path, &pair.through.token, one_body),
                app.call(other, &other_path, &pair.direct.token, other_body),
            );
            for answer in [&first, &second] {
                if answer.status.is_success() {
                    done += 1;
                } else {
                    // The other was quicker: the actor is out, or may not any more; or nobody would be left.
                    assert!([401, 403, 409].contains(&answer.status.as_u16()), "{one_path} {other_path}: {}", answer.text);
                    refused += 1;
                }
            }
            assert!(has_able_owner(&app).await, "round {round}: {one_path} and {other_path} left nobody");
            before = Some(pair);
        }
        assert!(done >= 150 && refused >= 150, "{done} done, {refused} refused");
    }

    async fn each_door_alone_is_refused_to_the_last_one(app: TestApp) {
        let pair = Pair::new(&app, 0, None).await;
        // Through the group there is nobody but this one once the direct owner is gone.
        app.call(Method::DELETE, &format!("/users/{}/roles/owner", pair.direct.id), &pair.through.token, Value::Null).await.expect(200);
        let mut dice = Dice::new(3);
        let mut tried = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let (method, path, body) = pair.against_through(&mut dice);
            let answer = app.call(method.clone(), &path, &pair.through.token, body).await;
            assert!([403, 409].contains(&answer.status.as_u16()), "{method} {path}: {} {}", answer.status, answer.text);
            tried.insert(format!("{method} {path}"));
        }
        assert!(tried.len() >= 8, "{tried:?}");
        assert!(has_able_owner(&app).await);
    }
}
