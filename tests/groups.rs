//! Groups: their record, who is in them, who owns them, what they carry, and what goes with them when they are deleted.

use std::time::Duration;

use axum::http::Method;
use model::{Role, Timestamp};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

/// Makes a group as the owner and answers its id.
pub(crate) async fn group(app: &TestApp, name: &str) -> String {
    let answer = app.post("/groups", json!({"name": name})).await.expect(201);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// A request as the owner.
pub(crate) async fn put(app: &TestApp, path: &str) -> Answer {
    app.call(Method::PUT, path, &app.owner.token, json!({})).await
}

/// The same, taking away.
pub(crate) async fn delete(app: &TestApp, path: &str) -> Answer {
    app.call(Method::DELETE, path, &app.owner.token, Value::Null).await
}

/// One field of each row of a list.
pub(crate) fn each(answer: &Answer, list: &str, field: &str) -> Vec<String> {
    let rows = answer.json()[list].as_array().unwrap().clone();
    rows.iter().map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// What somebody may do, as the next request sees it.
async fn may(app: &TestApp, token: &str, permission: &str) -> bool {
    let shown = app.call(Method::GET, "/whoami", token, Value::Null).await.expect(200).json();
    shown["permissions"].as_array().unwrap().iter().any(|held| held == permission)
}

on_both! {
    async fn a_group_is_made_listed_changed_and_recorded(app: TestApp) {
        let made = app.post("/groups", json!({"name": " Finance ", "description": "Pays the bills"})).await.expect(201);
        let shown = made.json();
        let id = shown["id"].as_str().unwrap();
        let path = format!("/groups/{id}");
        assert_eq!(made.headers["location"].to_str().unwrap(), format!("/o/acme/api/v1{path}"));
        assert_eq!((&shown["name"], &shown["source"], &shown["version"]), (&json!("Finance"), &json!("local"), &json!(1)));
        for taken in ["finance", "FINANCE ", "ｆinance"] {
            assert_eq!(app.post("/groups", json!({"name": taken})).await.expect(409).code(), "group.name_taken");
        }
        for unacceptable in [json!({}), json!({"name": " "}), json!({"name": "x".repeat(101)}), json!({"name": "a\u{7}"}), json!({"name": "Ops", "boss": 1}), json!({"name": "Ops", "parents": ["nowhere"]}), json!({"name": "Ops", "owners": [crate::matrix::NEVER]}), json!({"name": "Ops", "roles": ["emperor"]})] {
            app.post("/groups", unacceptable).await.expect(422);
        }
        assert_eq!(app.count("SELECT count(*) FROM groups").await, 1, "what was refused leaves nothing");
        let edited = app.patch(&path, json!({"name": "Accounts", "description": null})).await.expect(200).json();
        assert_eq!((&edited["name"], &edited["description"], &edited["version"]), (&json!("Accounts"), &Value::Null, &json!(2)));
        app.patch(&path, json!({"name": ""})).await.expect(422);
        app.patch(&path, json!({"source": "scim"})).await.expect(422);
        let mut stale = crate::app::api_request(Method::PATCH, "acme", &path, &app.owner.token, &json!({"name": "Late"}));
        stale.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
        app.send(stale).await.expect(412);
        let same = app.patch(&path, json!({"name": "Accounts"})).await.expect(200).json();
        assert_eq!(same["version"], 2, "nothing changed");
        delete(&app, &path).await.expect(200);
        app.get(&path).await.expect(404);
        assert_eq!(app.events(id).await, ["group.created", "group.updated", "group.deleted"]);
    }

    async fn the_list_goes_by_name_in_pages_and_finds_parts_of_names(app: TestApp) {
        for number in (0..25).rev() {
            group(&app, &format!("Team {number:02}")).await;
        }
        let (a, b) = (group(&app, "100% sure").await, group(&app, "under_score").await);
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("/groups?limit=7&page_token={token}")).await.expect(200);
            found.extend(each(&page, "items", "name"));
            match page.json()["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => break,
            }
        }
        let mut sorted = found.clone();
        sorted.sort_by_key(|name| name.to_lowercase());
        assert_eq!((found.len(), &found), (27, &sorted));
        let second = app.get("/groups?limit=7").await.json()["next_page_token"].as_str().unwrap().to_owned();
        let back = app.get(&format!("/groups?limit=7&page_token={second}")).await.json()["previous_page_token"].as_str().unwrap().to_owned();
        assert_eq!(each(&app.get(&format!("/groups?limit=7&page_token={back}")).await, "items", "name"), found[..7]);
        assert_eq!(each(&app.get("/groups?search=AM%201").await, "items", "name").len(), 10);
        assert_eq!(each(&app.get("/groups?search=0%25").await, "items", "id"), [a], "a percent sign is a percent sign");
        assert_eq!(each(&app.get("/groups?search=r_s").await, "items", "id"), [b]);
        assert_eq!(each(&app.get("/groups?search=nothing").await, "items", "id"), Vec::<String>::new());
        app.get("/groups?page_token=nonsense").await.expect(400);
        app.get("/groups?limit=0").await.expect(422);
    }

    async fn filters_by_parent_role_and_owner_work_alone_and_together(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (top, one, two, beside) = (group(&app, "Top").await, group(&app, "One").await, group(&app, "Two").await, group(&app, "Beside").await);
        for child in [&one, &two] {
            put(&app, &format!("/groups/{top}/groups/{child}")).await.expect(200);
        }
        for group in [&two, &beside] {
            app.post(&format!("/groups/{group}/roles"), json!({"role": "auditor"})).await.expect(200);
        }
        for group in [&one, &two, &beside] {
            put(&app, &format!("/groups/{group}/owners/{}", ana.id)).await.expect(200);
        }
        let found = async |query: &str| each(&app.get(&format!("/groups?{query}")).await.expect(200), "items", "name");
        assert_eq!(found(&format!("parent={top}")).await, ["One", "Two"]);
        assert_eq!(found("role=auditor").await, ["Beside", "Two"]);
        assert_eq!(found(&format!("owner={}", ana.id)).await, ["Beside", "One", "Two"]);
        assert_eq!(found(&format!("owner={}&role=auditor&parent={top}", ana.id)).await, ["Two"]);
        assert_eq!(found(&format!("parent={top}&search=o")).await, ["One", "Two"]);
        assert_eq!(found(&format!("parent={top}&role=auditor&search=n")).await, Vec::<String>::new());
        let row = app.get(&format!("/groups?search=top&parent=&role=&owner={}", "")).await.json()["items"][0].clone();
        assert_eq!((&row["groups"], &row["members"], &row["roles"]), (&json!(2), &json!(0), &json!([])));
    }

    async fn members_are_direct_or_through_groups_each_once_by_name_with_a_way(app: TestApp) {
        let (top, middle, low) = (group(&app, "Top").await, group(&app, "Middle").await, group(&app, "Low").await);
        put(&app, &format!("/groups/{top}/groups/{middle}")).await.expect(200);
        put(&app, &format!("/groups/{middle}/groups/{low}")).await.expect(200);
        let mut people = Vec::new();
        for name in ["Dora", "Bela", "Carl", "Anna"] {
            people.push(app.person(name, Role::Member).await);
        }
        put(&app, &format!("/groups/{top}/members/{}", people[0].id)).await.expect(200);
        put(&app, &format!("/groups/{low}/members/{}", people[0].id)).await.expect(200);
        put(&app, &format!("/groups/{middle}/members/{}", people[1].id)).await.expect(200);
        put(&app, &format!("/groups/{low}/members/{}", people[2].id)).await.expect(200);
        let direct = app.get(&format!("/groups/{top}/members")).await.expect(200);
        assert_eq!(each(&direct, "items", "name"), ["Dora Person"]);
        let all = app.get(&format!("/groups/{top}/members?effective=true")).await.expect(200);
        assert_eq!(each(&all, "items", "name"), ["Bela Person", "Carl Person", "Dora Person"]);
        let ways: Vec<Vec<String>> = all.json()["items"].as_array().unwrap().iter().map(|row| {
            let steps = row["through"].as_array().cloned().unwrap_or_default();
            steps.iter().map(|step| step["name"].as_str().unwrap().to_owned()).collect()
        }).collect();
        assert_eq!(ways, [vec!["Middle".to_owned()], vec!["Low".to_owned(), "Middle".to_owned()], vec![]]);
        let mut token = String::new();
        let mut found = Vec::new();
        loop {
            let page = app.get(&format!("/groups/{top}/members?effective=true&limit=1&page_token={token}")).await.expect(200);
            found.extend(each(&page, "items", "name"));
            match page.json()["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => break,
            }
        }
        assert_eq!(found, ["Bela Person", "Carl Person", "Dora Person"]);
        let shown = app.get(&format!("/groups/{top}")).await.json();
        assert_eq!((&shown["members"], &shown["users"], &shown["groups"]), (&json!(1), &json!(3), &json!(2)));
        let of_carl = app.get(&format!("/users/{}/groups", people[2].id)).await.expect(200);
        assert_eq!(each(&of_carl, "direct", "name"), ["Low"]);
        assert_eq!(each(&of_carl, "effective", "name"), ["Low", "Middle", "Top"]);
        assert_eq!(of_carl.json()["effective"][2]["way"].as_array().unwrap().len(), 3);
        assert_eq!(each(&app.get(&format!("/users/{}/groups", people[3].id)).await, "effective", "name"), Vec::<String>::new());
    }

    async fn a_pasted_list_is_taken_line_by_line(app: TestApp) {
        let team = group(&app, "Team").await;
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        put(&app, &format!("/groups/{team}/members/{}", bo.id)).await.expect(200);
        let path = format!("/groups/{team}/members");
        let lines = json!([ana.email.to_uppercase(), bo.username, "nobody@acme.example", "  ", crate::matrix::NEVER, ana.id.to_string()]);
        let verdicts = app.post(&path, json!({"members": lines, "reason": "new team"})).await.expect(200);
        assert_eq!(each(&verdicts, "verdicts", "verdict"), ["added", "unchanged", "refused", "refused", "added"]);
        assert_eq!(verdicts.json()["verdicts"][2]["code"], "user.unknown");
        assert_eq!(verdicts.json()["verdicts"][0]["user"], ana.id.to_string());
        assert_eq!(app.events(&ana.id.to_string()).await.iter().filter(|event| *event == "membership.added").count(), 1);
        app.post(&path, json!({"members": []})).await.expect(422);
        app.post(&path, json!({"members": vec!["x"; 1001]})).await.expect(422);
        let many: Vec<String> = (0..40).map(|number| format!("p{number}@acme.example")).collect();
        let rows: Vec<Value> = many.iter().map(|email| json!({"fields": {"email": email}})).collect();
        app.post("/users/import", json!({"rows": rows})).await.expect(200);
        let dry = app.post(&format!("{path}?dry_run=true"), json!({"members": many})).await.expect(200);
        assert!(each(&dry, "verdicts", "verdict").iter().all(|verdict| verdict == "added"));
        assert_eq!(app.get(&format!("/groups/{team}")).await.json()["members"], 2, "a dry run adds nobody");
        let auditing = group(&app, "Auditing").await;
        app.post(&format!("/groups/{auditing}/roles"), json!({"role": "auditor"})).await.expect(200);
        assert!(!may(&app, &ana.token, "audit:read").await);
        let all: Vec<String> = many.iter().cloned().chain([ana.email.clone()]).collect();
        app.post(&format!("/groups/{auditing}/members"), json!({"members": all})).await.expect(200);
        assert!(may(&app, &ana.token, "audit:read").await, "the next request has what the group gives, also after many at once");
    }

    async fn what_a_group_carries_counts_at_once_and_to_the_instant(app: TestApp) {
        let (outer, inner) = (group(&app, "Outer").await, group(&app, "Inner").await);
        let ana = app.person("Ana", Role::Member).await;
        put(&app, &format!("/groups/{inner}/members/{}", ana.id)).await.expect(200);
        app.post(&format!("/groups/{outer}/roles"), json!({"role": "auditor"})).await.expect(200);
        let has = async || may(&app, &ana.token, "audit:read").await;
        assert!(!has().await);
        put(&app, &format!("/groups/{outer}/groups/{inner}")).await.expect(200);
        assert!(has().await, "nested");
        delete(&app, &format!("/groups/{outer}/groups/{inner}")).await.expect(200);
        assert!(!has().await, "unnested");
        let terms = async |from: Duration, until: Duration| {
            let at = |ahead: Duration| Timestamp::to_string(&app.app.now().plus(ahead));
            json!({"valid_from": at(from), "valid_until": at(until)})
        };
        let (soon, later) = (Duration::from_secs(600), Duration::from_secs(1200));
        let body = terms(soon, later).await;
        app.call(Method::PUT, &format!("/groups/{outer}/groups/{inner}"), &app.owner.token, body).await.expect(200);
        assert!(!has().await, "nested from a later time");
        assert_eq!(each(&app.get(&format!("/groups/{outer}/members?effective=true")).await, "items", "name"), Vec::<String>::new());
        app.later(soon);
        assert!(has().await, "the time has come");
        assert_eq!(each(&app.get(&format!("/groups/{outer}/members?effective=true")).await, "items", "name"), ["Ana Person"]);
        app.later(soon);
        assert!(!has().await, "and is over");
        put(&app, &format!("/groups/{outer}/groups/{inner}")).await.expect(200);
        let body = terms(soon, later).await;
        app.call(Method::PUT, &format!("/groups/{inner}/members/{}", ana.id), &app.owner.token, body).await.expect(200);
        assert!(!has().await, "a member from a later time");
        app.later(soon);
        assert!(has().await);
        app.later(soon);
        assert!(!has().await);
        assert_eq!(each(&app.get(&format!("/groups/{inner}/members")).await, "items", "name"), ["Ana Person"], "shown among the direct ones, with its dates");
        let past = json!({"valid_until": "2020-01-01T00:00:00Z"});
        app.call(Method::PUT, &format!("/groups/{outer}/groups/{inner}"), &app.owner.token, past).await.expect(422);
        delete(&app, &format!("/groups/{outer}/roles/auditor")).await.expect(200);
        assert_eq!(app.get(&format!("/groups/{outer}/roles")).await.json()["items"], json!([]));
    }

    async fn deleting_says_whom_it_touches_and_leaves_no_trace(app: TestApp) {
        let (top, gone, low) = (group(&app, "Top").await, group(&app, "Gone").await, group(&app, "Low").await);
        put(&app, &format!("/groups/{top}/groups/{gone}")).await.expect(200);
        put(&app, &format!("/groups/{gone}/groups/{low}")).await.expect(200);
        let (ana, bo, dan) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await, app.person("Dan", Role::Member).await);
        put(&app, &format!("/groups/{gone}/members/{}", ana.id)).await.expect(200);
        put(&app, &format!("/groups/{low}/members/{}", ana.id)).await.expect(200);
        put(&app, &format!("/groups/{low}/members/{}", bo.id)).await.expect(200);
        put(&app, &format!("/groups/{gone}/owners/{}", bo.id)).await.expect(200);
        app.post(&format!("/groups/{gone}/roles"), json!({"role": "auditor"})).await.expect(200);
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": "helpdesk", "over": gone})).await.expect(200);
        app.post(&format!("/groups/{low}/roles"), json!({"role": "helpdesk", "over": gone})).await.expect(200);
        assert!(may(&app, &bo.token, "audit:read").await);
        let path = format!("/groups/{gone}");
        let dry = delete(&app, &format!("{path}?dry_run=true")).await.expect(200).json();
        let numbers = |shown: &Value| ["members", "users", "groups", "parents", "held_over"].map(|name| shown[name].as_i64().unwrap());
        assert_eq!(numbers(&dry), [1, 2, 1, 1, 2]);
        app.get(&path).await.expect(200);
        assert_eq!(numbers(&delete(&app, &path).await.expect(200).json()), [1, 2, 1, 1, 2]);
        assert!(!may(&app, &bo.token, "audit:read").await);
        let count = async |sql: &'static str| app.count(sql).await;
        assert_eq!(count("SELECT count(*) FROM groups").await, 2);
        assert_eq!(count("SELECT count(*) FROM group_members").await, 2);
        assert_eq!(count("SELECT count(*) FROM group_nestings").await, 0);
        assert_eq!(count("SELECT count(*) FROM group_owners").await, 0);
        assert_eq!(count("SELECT count(*) FROM group_roles").await, 0);
        assert_eq!(count("SELECT count(*) FROM role_grants").await, 1, "the owner's");
    }

    async fn owners_decide_about_members_and_nothing_else(app: TestApp) {
        let (team, other) = (group(&app, "Team").await, group(&app, "Other").await);
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        put(&app, &format!("/groups/{team}/owners/{}", ana.id)).await.expect(200);
        let owned = app.call(Method::GET, "/account/groups", &ana.token, Value::Null).await.expect(200);
        assert_eq!(each(&owned, "items", "name"), ["Team"]);
        let call = async |method: Method, path: String, body: Value| app.call(method, &path, &ana.token, body).await;
        call(Method::PUT, format!("/account/groups/{team}/members/{}", bo.id), json!({})).await.expect(200);
        let listed = call(Method::GET, format!("/account/groups/{team}/members"), Value::Null).await.expect(200);
        // Who decides about a group and may see nobody besides reads what was typed, and no more.
        assert_eq!(each(&listed, "items", "name"), [bo.id.to_string()]);
        let verdicts = call(Method::POST, format!("/account/groups/{team}/members"), json!({"members": [ana.email]})).await.expect(200);
        assert_eq!(each(&verdicts, "verdicts", "verdict"), ["added"]);
        call(Method::DELETE, format!("/account/groups/{team}/members/{}", bo.id), Value::Null).await.expect(200);
        for (method, path) in [
            (Method::GET, format!("/account/groups/{other}/members")), (Method::PUT, format!("/account/groups/{other}/members/{}", bo.id)),
            (Method::DELETE, format!("/account/groups/{other}/members/{}", bo.id)), (Method::POST, format!("/account/groups/{other}/members")),
        ] {
            let body = if path.ends_with("members") { json!({"members": ["x"]}) } else { json!({}) };
            call(method, path, body).await.expect(404);
        }
        for (method, path) in [(Method::GET, format!("/groups/{team}")), (Method::PATCH, format!("/groups/{team}")), (Method::DELETE, format!("/groups/{team}")), (Method::PUT, format!("/groups/{team}/groups/{other}")), (Method::PUT, format!("/groups/{team}/owners/{}", bo.id))] {
            call(method, path, json!({})).await.expect(403);
        }
        // What the group carries now, or any group above it, is more than the owner has, unless she is in it herself.
        call(Method::DELETE, format!("/account/groups/{team}/members/{}", ana.id), Value::Null).await.expect(200);
        app.post(&format!("/groups/{other}/roles"), json!({"role": "auditor"})).await.expect(200);
        put(&app, &format!("/groups/{other}/groups/{team}")).await.expect(200);
        let refused = call(Method::PUT, format!("/account/groups/{team}/members/{}", bo.id), json!({})).await;
        assert_eq!(refused.expect(403).code(), "access.above_own");
        let refused = call(Method::POST, format!("/account/groups/{team}/members"), json!({"members": [ana.email]})).await;
        assert_eq!(refused.expect(403).code(), "access.above_own");
        assert!(!may(&app, &ana.token, "audit:read").await);
        delete(&app, &format!("/groups/{team}/owners/{}", ana.id)).await.expect(200);
        call(Method::GET, format!("/account/groups/{team}/members"), Value::Null).await.expect(404);
        let events = app.events(&team).await;
        assert_eq!(events, ["group.created", "group.owner_added", "group.nested", "group.owner_removed"]);
    }

    async fn nobody_gives_through_a_group_what_he_does_not_hold(app: TestApp) {
        let (admins, team) = (group(&app, "Admins").await, group(&app, "Team").await);
        app.post(&format!("/groups/{admins}/roles"), json!({"role": "administrator"})).await.expect(200);
        let gina = app.person("Gina", Role::GroupManager).await;
        let ana = app.person("Ana", Role::Member).await;
        let call = async |method: Method, path: String, body: Value| app.call(method, &path, &gina.token, body).await;
        call(Method::PUT, format!("/groups/{team}/members/{}", ana.id), json!({})).await.expect(200);
        for (method, path, body) in [
            (Method::PUT, format!("/groups/{admins}/members/{}", gina.id), json!({})),
            (Method::PUT, format!("/groups/{admins}/groups/{team}"), json!({})),
            (Method::PUT, format!("/groups/{admins}/owners/{}", gina.id), json!({})),
            (Method::POST, format!("/groups/{admins}/members"), json!({"members": [gina.email]})),
            (Method::DELETE, format!("/groups/{admins}"), Value::Null),
            (Method::POST, "/groups".to_owned(), json!({"name": "Way up", "parents": [admins]})),
        ] {
            let refused = call(method.clone(), path.clone(), body).await.expect(403);
            assert_eq!(refused.code(), "access.above_own", "{method} {path}");
        }
        call(Method::POST, format!("/groups/{team}/roles"), json!({"role": "auditor"})).await.expect(403);
        assert!(!may(&app, &gina.token, "settings:update").await);
        call(Method::PATCH, format!("/groups/{admins}"), json!({"description": "The ones"})).await.expect(403);
    }

    async fn guests_come_into_no_group_that_carries_rights(app: TestApp) {
        let (open, closed) = (group(&app, "Open").await, group(&app, "Closed").await);
        app.post(&format!("/groups/{closed}/roles"), json!({"role": "auditor"})).await.expect(200);
        let guest = json!({"type": "guest", "given_name": "Gus", "email": "gus@guest.example", "valid_until": "2027-01-01"});
        let id = app.post("/users", guest).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        put(&app, &format!("/groups/{open}/members/{id}")).await.expect(200);
        let code = put(&app, &format!("/groups/{closed}/members/{id}")).await.expect(422).json()["errors"][0]["code"].clone();
        assert_eq!(code, "user.guest_with_roles");
        let verdicts = app.post(&format!("/groups/{closed}/members"), json!({"members": [id]})).await.expect(200).json();
        assert_eq!(verdicts["verdicts"][0]["code"], "user.guest_with_roles");
        put(&app, &format!("/groups/{open}/owners/{id}")).await.expect(422);
    }
}
