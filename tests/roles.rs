//! Roles that people hold: given, replaced, taken, until an instant and not a moment longer.

use std::time::Duration;

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use crate::app::TestApp;

on_both! {
    async fn replacing_takes_the_rest_and_records_each(app: TestApp) {
        let ana = app.person("Ana", Role::Auditor).await;
        let path = format!("/users/{}/roles", ana.id);
        let put = async |roles: Value| app.call(Method::PUT, &path, &app.owner.token, json!({"roles": roles})).await;
        let names = |shown: &Value| shown["roles"].as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let shown = put(json!(["helpdesk", "user_manager", "member", "helpdesk"])).await.expect(200).json();
        assert_eq!(names(&shown), ["user_manager", "helpdesk"], "strongest first");
        assert_eq!(shown["roles"][0]["granted_by"], app.owner.id.to_string());
        assert_eq!(names(&put(json!(["helpdesk"])).await.expect(200).json()), ["helpdesk"]);
        put(json!(["emperor"])).await.expect(422);
        assert_eq!(names(&put(json!([])).await.expect(200).json()), Vec::<String>::new());
        let events = app.events(&ana.id.to_string()).await;
        let counts = ["role.granted", "role.revoked"].map(|event| events.iter().filter(|name| *name == event).count());
        assert_eq!(counts, [3, 3], "{events:?}");
    }

    async fn a_role_with_an_end_holds_until_the_instant_and_not_after(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let path = format!("/users/{}/roles", ana.id);
        let until = "2026-11-20T10:00:00Z";
        let shown = app.post(&path, json!({"role": "auditor", "valid_until": until, "reason": "audit week"})).await.expect(200).json();
        assert_eq!(shown["roles"][0]["valid_until"], until);
        let list = async || app.send(crate::app::api_request(Method::GET, "acme", "/users", &ana.token, &Value::Null)).await.status.as_u16();
        assert_eq!(list().await, 200);
        let now = app.app.now();
        let left = model::Timestamp::parse(until).unwrap().micros() - now.micros();
        app.later(Duration::from_micros(u64::try_from(left).unwrap() - 1));
        assert_eq!(list().await, 200, "a microsecond before");
        app.later(Duration::from_micros(1));
        assert_eq!(list().await, 403, "at the instant");
        app.later(Duration::from_secs(1));
        assert_eq!(list().await, 403);
        let whoami = app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!(whoami["permissions"].as_array().unwrap().len(), Role::Member.permissions().iter().count());
    }

    async fn giving_again_changes_the_end(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let path = format!("/users/{}/roles", ana.id);
        app.post(&path, json!({"role": "auditor", "valid_until": "2026-11-20T10:00:00Z"})).await.expect(200);
        let lasting = app.post(&path, json!({"role": "auditor"})).await.expect(200).json();
        assert_eq!((lasting["roles"].as_array().unwrap().len(), &lasting["roles"][0]["valid_until"]), (1, &Value::Null));
        app.later(Duration::from_secs(24 * 60 * 60));
        app.call(Method::GET, "/users", &ana.token, Value::Null).await.expect(200);
    }

    async fn unacceptable_grants_are_refused(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let path = format!("/users/{}/roles", ana.id);
        for body in [
            json!({}), json!({"role": "emperor"}), json!({"role": "member"}), json!({"role": ["owner"]}), json!({"role": null}), json!({"role": "auditor", "valid_until": "2026-11-20T07:59:59Z"}),
            json!({"role": "auditor", "valid_until": "soon"}), json!({"role": "auditor", "granted_by": "system"}), json!({"role": "auditor", "valid_until": 7}),
        ] {
            app.post(&path, body).await.expect(422);
        }
        let delete = |name: &str| app.call(Method::DELETE, Box::leak(format!("{path}/{name}").into_boxed_str()), &app.owner.token, Value::Null);
        delete("emperor").await.expect(404);
        delete("auditor").await.expect(200);
        assert_eq!(app.get(&format!("/users/{}", ana.id)).await.json()["roles"], json!([]));
    }

    async fn guests_hold_no_roles_by_any_door(app: TestApp) {
        let guest = |email: &str| json!({"type": "guest", "given_name": "Gus", "email": email, "valid_until": "2027-01-01"});
        let id = app.post("/users", guest("gus@guest.example")).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let code = |answer: crate::app::Answer| answer.expect(422).json()["errors"][0]["code"].clone();
        assert_eq!(code(app.post(&format!("/users/{id}/roles"), json!({"role": "auditor"})).await), "user.guest_with_roles");
        assert_eq!(code(app.call(Method::PUT, &format!("/users/{id}/roles"), &app.owner.token, json!({"roles": ["auditor"]})).await), "user.guest_with_roles");
        let mut with_role = guest("two@guest.example");
        with_role["roles"] = json!(["auditor"]);
        assert_eq!(code(app.post("/users", with_role).await), "user.guest_with_roles");
        let row = json!({"rows": [{"fields": guest("three@guest.example"), "roles": ["auditor"]}]});
        let verdicts = app.post("/users/import", row).await.expect(200).json();
        assert_eq!(verdicts["verdicts"][0]["verdict"], "refused");
        assert_eq!(app.count("SELECT count(*) FROM users").await, 2, "a refused row leaves nobody behind");
        let auditor = app.person("Ana", Role::Auditor).await;
        assert_eq!(code(app.patch(&format!("/users/{}", auditor.id), json!({"type": "guest", "valid_until": "2027-01-01"})).await), "user.guest_with_roles");
    }

    async fn the_list_of_roles_says_what_each_may_do(app: TestApp) {
        let roles = app.get("/roles").await.expect(200).json();
        let items = roles["items"].as_array().unwrap();
        assert_eq!(items.len(), Role::ALL.len());
        for (role, item) in Role::ALL.iter().zip(items) {
            assert_eq!((item["role"].as_str(), item["label"].as_str()), (Some(role.as_str()), Some(role.label())));
            assert_eq!(item["permissions"].as_array().unwrap().len(), role.permissions().iter().count());
        }
    }
}
