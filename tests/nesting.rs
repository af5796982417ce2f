//! Groups in groups: no circles, sixteen levels, one move at a time, and an owner is always left.

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, api_request, send},
    groups::{delete, each, group, put},
};

on_both! {
    async fn groups_hold_each_other_in_no_circle(app: TestApp) {
        let (a, b, c) = (group(&app, "A").await, group(&app, "B").await, group(&app, "C").await);
        put(&app, &format!("/groups/{a}/groups/{b}")).await.expect(200);
        put(&app, &format!("/groups/{b}/groups/{c}")).await.expect(200);
        for (parent, child) in [(&a, &a), (&b, &a), (&c, &a), (&c, &b)] {
            let refused = put(&app, &format!("/groups/{parent}/groups/{child}")).await.expect(409);
            assert_eq!(refused.code(), "group.cycle");
        }
        put(&app, &format!("/groups/{a}/groups/{c}")).await.expect(200);
        let shown = app.get(&format!("/groups/{c}")).await;
        assert_eq!(each(&shown, "parents", "name"), ["A", "B"], "a group may stand in several");
        let circle = app.post(&format!("/groups/{a}/move"), json!({"from": b, "to": c})).await.expect(409);
        assert_eq!(circle.code(), "group.cycle");
        let not_there = app.post(&format!("/groups/{b}/move"), json!({"from": c, "to": c})).await.expect(422);
        assert_eq!(not_there.json()["errors"][0]["code"], "group.same_place");
        delete(&app, &format!("/groups/{b}/groups/{c}")).await.expect(200);
        delete(&app, &format!("/groups/{b}/groups/{c}")).await.expect(200);
        let d = group(&app, "D").await;
        assert_eq!(app.post(&format!("/groups/{c}/move"), json!({"from": b, "to": d})).await.expect(409).code(), "group.not_nested");
        let moved = app.post(&format!("/groups/{c}/move"), json!({"from": a, "to": d})).await.expect(200);
        assert_eq!(each(&moved, "parents", "name"), ["D"]);
        assert_eq!(app.events(&c).await, ["group.created", "group.nested", "group.nested", "group.unnested", "group.moved"]);
    }

    async fn sixteen_levels_and_not_one_more(app: TestApp) {
        let mut chain = Vec::new();
        for level in 0..17 {
            chain.push(group(&app, &format!("Level {level:02}")).await);
        }
        // From both ends, so that what stands below counts as well as what stands above.
        for at in (0..7).rev().chain(8..15) {
            put(&app, &format!("/groups/{}/groups/{}", chain[at], chain[at + 1])).await.expect(200);
        }
        put(&app, &format!("/groups/{}/groups/{}", chain[7], chain[8])).await.expect(200);
        for (parent, child) in [(15, 16), (16, 0)] {
            let refused = put(&app, &format!("/groups/{}/groups/{}", chain[parent], chain[child])).await.expect(422);
            assert_eq!(refused.json()["errors"][0]["code"], "group.too_deep");
        }
        put(&app, &format!("/groups/{}/groups/{}", chain[14], chain[16])).await.expect(200);
        let ana = app.person("Ana", Role::Member).await;
        put(&app, &format!("/groups/{}/members/{}", chain[15], ana.id)).await.expect(200);
        app.post(&format!("/groups/{}/roles", chain[0]), json!({"role": "auditor"})).await.expect(200);
        app.call(Method::GET, "/users", &ana.token, Value::Null).await.expect(200);
        assert_eq!(each(&app.get(&format!("/users/{}/groups", ana.id)).await, "effective", "name").len(), 16);
        let deep = app.post(&format!("/groups/{}/move", chain[16]), json!({"from": chain[14], "to": chain[15]})).await;
        assert_eq!(deep.expect(422).json()["errors"][0]["code"], "group.too_deep");
    }

    /// Each of two moves is right alone, and both together would be a circle.
    async fn two_moves_at_once_close_no_circle(app: TestApp) {
        let (home, one, two) = (group(&app, "Home").await, group(&app, "One").await, group(&app, "Two").await);
        let mut met = 0;
        for round in 0..100 {
            for child in [&one, &two] {
                put(&app, &format!("/groups/{home}/groups/{child}")).await.expect(200);
            }
            let request = async |child: &str, to: &str| {
                let (path, body) = (format!("/groups/{child}/move"), json!({"from": home, "to": to}));
                send(&app.router, api_request(Method::POST, "acme", &path, &app.owner.token, &body)).await
            };
            let (a, b) = tokio::join!(request(&one, &two), request(&two, &one));
            let done = [&a, &b].map(|answer| answer.status.is_success());
            assert_ne!(done, [true, true], "round {round}: a circle");
            // Who waits too long for the other is told that nothing was changed, and may try again.
            let refused: Vec<u16> = [&a, &b].iter().map(|answer| answer.status.as_u16()).filter(|status| *status != 200).collect();
            assert!(refused.iter().all(|status| [409, 503].contains(status)), "round {round}: {} {}", a.text, b.text);
            met += u32::from(refused == [409]);
            for (done, (parent, child)) in done.into_iter().zip([(&two, &one), (&one, &two)]) {
                if done {
                    delete(&app, &format!("/groups/{parent}/groups/{child}")).await.expect(200);
                }
            }
        }
        assert!(met > 50, "only {met} rounds were decided");
        for child in [&one, &two] {
            delete(&app, &format!("/groups/{home}/groups/{child}")).await.expect(200);
        }
        assert_eq!(app.count("SELECT count(*) FROM group_nestings").await, 0, "nothing else stands anywhere");
    }

    /// The organization's last able owner is one through a group in a group.
    async fn no_door_of_groups_takes_the_last_owner(app: TestApp) {
        let (owners, staff) = (group(&app, "Owners").await, group(&app, "Staff").await);
        let ana = app.person("Ana", Role::Member).await;
        put(&app, &format!("/groups/{staff}/members/{}", ana.id)).await.expect(200);
        put(&app, &format!("/groups/{owners}/groups/{staff}")).await.expect(200);
        app.post(&format!("/groups/{owners}/roles"), json!({"role": "owner"})).await.expect(200);
        let elsewhere = group(&app, "Elsewhere").await;
        app.call(Method::DELETE, &format!("/users/{}/roles/owner", app.owner.id), &ana.token, Value::Null).await.expect(200);
        let until = json!({"valid_until": "2027-01-01T00:00:00Z"});
        let role_until = json!({"role": "owner", "valid_until": "2027-01-01T00:00:00Z"});
        for (method, path, body) in [
            (Method::DELETE, format!("/groups/{staff}/members/{}", ana.id), Value::Null),
            (Method::DELETE, format!("/groups/{owners}/groups/{staff}"), Value::Null),
            (Method::DELETE, format!("/groups/{owners}/roles/owner"), Value::Null),
            (Method::DELETE, format!("/groups/{owners}"), Value::Null),
            (Method::DELETE, format!("/groups/{staff}"), Value::Null),
            (Method::POST, format!("/groups/{staff}/move"), json!({"from": owners, "to": elsewhere})),
            (Method::PUT, format!("/groups/{staff}/members/{}", ana.id), until.clone()),
            (Method::PUT, format!("/groups/{owners}/groups/{staff}"), until.clone()),
            (Method::POST, format!("/groups/{owners}/roles"), role_until),
        ] {
            let refused = app.call(method.clone(), &path, &ana.token, body).await.expect(409);
            assert_eq!(refused.code(), "org.last_owner", "{method} {path}");
        }
        app.call(Method::GET, "/users", &ana.token, Value::Null).await.expect(200);
    }

    async fn who_manages_one_group_sees_and_places_only_what_is_in_it(app: TestApp) {
        let (mine, inside, outside) = (group(&app, "Mine").await, group(&app, "Inside").await, group(&app, "Outside").await);
        put(&app, &format!("/groups/{mine}/groups/{inside}")).await.expect(200);
        put(&app, &format!("/groups/{outside}/groups/{mine}")).await.expect(200);
        let (dan, ina, ola) = (app.person("Dan", Role::Member).await, app.person("Ina", Role::Member).await, app.person("Ola", Role::Member).await);
        put(&app, &format!("/groups/{inside}/members/{}", ina.id)).await.expect(200);
        put(&app, &format!("/groups/{outside}/members/{}", ola.id)).await.expect(200);
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": "group_manager", "over": mine})).await.expect(200);
        let call = async |method: Method, path: String, body: Value| app.call(method, &path, &dan.token, body).await;
        let listed = call(Method::GET, "/groups".to_owned(), Value::Null).await.expect(200);
        assert_eq!(each(&listed, "items", "name"), ["Inside", "Mine"]);
        assert_eq!(each(&call(Method::GET, "/groups?search=s".to_owned(), Value::Null).await, "items", "name"), ["Inside"]);
        let shown = call(Method::GET, format!("/groups/{mine}"), Value::Null).await.expect(200);
        assert_eq!(each(&shown, "parents", "name"), Vec::<String>::new(), "what holds it is outside");
        let of_ina = call(Method::GET, format!("/users/{}/groups", ina.id), Value::Null).await.expect(200);
        assert_eq!(each(&of_ina, "effective", "name"), ["Inside", "Mine"]);
        call(Method::PATCH, format!("/groups/{inside}"), json!({"description": "Ours"})).await.expect(200);
        for (method, path, body) in [
            (Method::GET, format!("/groups/{outside}"), Value::Null),
            (Method::PATCH, format!("/groups/{outside}"), json!({"name": "Mine now"})),
            (Method::DELETE, format!("/groups/{outside}"), Value::Null),
            (Method::GET, format!("/groups/{outside}/members"), Value::Null),
            (Method::PUT, format!("/groups/{mine}/groups/{outside}"), json!({})),
            (Method::PUT, format!("/groups/{outside}/groups/{inside}"), json!({})),
            (Method::DELETE, format!("/groups/{outside}/groups/{mine}"), Value::Null),
            (Method::POST, format!("/groups/{inside}/move"), json!({"from": mine, "to": outside})),
            (Method::PUT, format!("/groups/{mine}/members/{}", ola.id), json!({})),
            (Method::PUT, format!("/groups/{outside}/members/{}", ina.id), json!({})),
            (Method::GET, format!("/users/{}/groups", ola.id), Value::Null),
        ] {
            call(method, path, body).await.expect(404);
        }
        let verdicts = call(Method::POST, format!("/groups/{mine}/members"), json!({"members": [ina.email, ola.email]})).await.expect(200);
        assert_eq!(each(&verdicts, "verdicts", "verdict"), ["added", "refused"]);
        assert_eq!(verdicts.json()["verdicts"][1]["user"], Value::Null, "who is outside is nobody");
        call(Method::POST, "/groups".to_owned(), json!({"name": "More"})).await.expect(403);
        call(Method::DELETE, format!("/groups/{mine}/groups/{inside}"), Value::Null).await.expect(200);
        call(Method::GET, format!("/groups/{inside}"), Value::Null).await.expect(404);
    }
}
