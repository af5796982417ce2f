//! Importing many rows: what a row is answered is what happened to it, and a refused one leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use model::Role;
use proptest::{prelude::*, sample::select, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp};

/// Rows that are fine and rows that are not, for every reason that is found before or after something was written.
fn row() -> impl Strategy<Value = Value> {
    let email = select(vec![
        "",
        "a@x.example",
        "b@x.example",
        "c@x.example",
        "d@x.example",
        "A@x.example",
        "olivia@acme.example",
        "no",
    ]);
    let username = select(vec!["", "", "", "ana", "bo", "ANA"]);
    let sort = select(vec!["human", "human", "guest", "service"]);
    let ends = select(vec![Value::Null, json!("2027-05-01T00:00:00Z"), json!("2001-05-01T00:00:00Z")]);
    let roles = proptest::collection::vec(select(vec!["helpdesk", "owner", "auditor", "nobody"]), 0..2);
    let groups = proptest::collection::vec(
        select(vec!["Plain", "Carrying", "Owning", "New one", "New two", ""]),
        0..3,
    );
    (email, username, sort, ends, roles, groups).prop_map(|(email, username, sort, ends, roles, groups)| {
        let mut fields = json!({"type": sort, "given_name": "Ana", "valid_until": ends});
        for (name, value) in [("email", email), ("username", username)] {
            if !value.is_empty() {
                fields[name] = value.into();
            }
        }
        json!({"fields": fields, "roles": roles, "groups": groups})
    })
}

/// Everybody by address (else username), with roles and groups.
async fn everybody(app: &TestApp) -> BTreeMap<String, Value> {
    let listed = app.get("/users?limit=200").await.expect(200).json();
    let mut found = BTreeMap::new();
    for user in listed["items"].as_array().unwrap() {
        let user = app.get(&format!("/users/{}", user["id"].as_str().unwrap())).await.json();
        let key = user["email"].as_str().or(user["username"].as_str()).unwrap().to_lowercase();
        found.insert(key, user);
    }
    found
}

async fn groups(app: &TestApp) -> BTreeSet<String> {
    let listed = app.get("/groups?limit=200").await.expect(200).json();
    listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap().to_owned())
        .collect()
}

/// What the database holds of what an import writes, and of what would have lost whom it is about.
async fn counts(app: &TestApp) -> [i64; 6] {
    [
        app.count("SELECT count(*) FROM users").await,
        app.count("SELECT count(*) FROM audit_entries WHERE event = 'user.created'").await,
        app.count("SELECT count(*) FROM audit_entries WHERE event = 'user.invited'").await,
        app.count("SELECT count(*) FROM invitations").await,
        app.count("SELECT count(*) FROM audit_entries WHERE event = 'group.created'").await,
        app.count(
            "SELECT count(*) FROM audit_entries a WHERE a.target_type = 'user' \
                   AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.target)",
        )
        .await,
    ]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

on_both! {
    async fn what_a_row_is_answered_is_what_happened(app: TestApp) {
        let strong = app.person("Strong", Role::UserManager).await;
        for (name, roles) in [("Plain", json!([])), ("Carrying", json!(["helpdesk"])), ("Owning", json!(["owner"]))] {
            app.post("/groups", json!({"name": name, "roles": roles})).await.expect(201);
        }
        let (mut runner, mut seen) = (TestRunner::deterministic(), BTreeSet::new());
        for round in 0..40 {
            let rows = proptest::collection::vec(row(), 1..9).new_tree(&mut runner).unwrap().current();
            let (invite, create_groups) = (round % 2 == 0, round % 3 == 0);
            let by = if round % 4 == 3 { &strong } else { &app.owner };
            let (before, names, counted) = (everybody(&app).await, groups(&app).await, counts(&app).await);
            let body = json!({"rows": rows, "invite": invite, "create_groups": create_groups});
            let answer = app.call(Method::POST, "/users/import", &by.token, body).await;
            let (after, names_after, counted_after) = (everybody(&app).await, groups(&app).await, counts(&app).await);
            if answer.status != 200 {
                assert_eq!((answer.status.as_u16(), &before.len(), &names, counted), (403, &after.len(), &names_after, counted_after), "{}", answer.text);
                continue;
            }
            let answer = answer.json();
            let mut expected: BTreeSet<String> = before.keys().cloned().collect();
            let mut created = 0;
            for (row, verdict) in rows.iter().zip(answer["verdicts"].as_array().unwrap()) {
                seen.insert(format!("{} {}", text(&verdict["verdict"]), text(&verdict["errors"][0]["code"])));
                if verdict["verdict"] != "created" {
                    continue;
                }
                created += 1;
                let key = row["fields"]["email"].as_str().or(row["fields"]["username"].as_str()).unwrap().to_lowercase();
                assert!(expected.insert(key.clone()), "{key} was there before: {answer}");
                let user = &after[&key];
                let held: BTreeSet<&str> = user["roles"].as_array().unwrap().iter().map(|role| text(&role["role"])).collect();
                assert!(row["roles"].as_array().unwrap().iter().all(|role| held.contains(text(role))), "{row}: {user}");
                let member: BTreeSet<&str> = user["groups"].as_array().into_iter().flatten().map(|group| text(&group["name"])).collect();
                assert!(row["groups"].as_array().unwrap().iter().all(|group| member.contains(text(group))), "{row}: {user}");
                if invite && row["fields"]["type"] != "service" {
                    assert_eq!(user["state"], "invited", "{row}");
                }
            }
            assert_eq!(expected, after.keys().cloned().collect(), "{rows:?}: {answer}");
            let invited = if invite { created } else { 0 };
            let made = answer["created_groups"].as_array().unwrap();
            assert_eq!(names.iter().cloned().chain(made.iter().map(|name| text(name).to_owned())).collect::<BTreeSet<_>>(), names_after);
            let grown: Vec<i64> = counted_after.iter().zip(counted).map(|(after, before)| after - before).collect();
            assert_eq!(grown, [created, created, invited, invited, i64::try_from(made.len()).unwrap(), 0], "{answer}");
            for (name, rows) in answer["missing_groups"].as_object().unwrap() {
                assert!(!create_groups && !names.contains(name) && rows.as_u64().unwrap() > 0, "{name}");
            }
            for user in after.values().filter(|user| user["email"] != "olivia@acme.example" && !text(&user["email"]).starts_with("strong")) {
                let id = text(&user["id"]);
                if user["state"] == "active" {
                    app.post(&format!("/users/{id}/suspend"), json!({"reason": "other"})).await.expect(200);
                }
                let confirm = user["email"].as_str().unwrap_or(text(&user["username"]));
                app.post(&format!("/users/{id}/delete"), json!({"confirm": confirm})).await.expect(200);
                app.post(&format!("/users/{id}/purge"), json!({"confirm": confirm})).await.expect(200);
            }
        }
        for wanted in ["created ", "unchanged ", "refused group.unknown", "refused user.guest_with_roles", "refused email.malformed", "refused access.above_own"] {
            assert!(seen.contains(wanted), "{wanted}: {seen:?}");
        }
    }

    async fn what_stands_in_the_way_of_a_row_is_said(app: TestApp) {
        app.post("/groups", json!({"name": "Sales; EMEA"})).await.expect(201);
        let mut ids = Vec::new();
        for name in ["trashed", "gone", "resting", "other", "same"] {
            let fields = json!({"given_name": name, "email": format!("{name}@x.example"), "title": "Lead", "password": PASSWORD});
            ids.push(text(&app.post("/users", fields).await.expect(201).json()["id"]).to_owned());
        }
        let whole = json!({"given_name": "Yq", "family_name": "Hidden", "email": "part@x.example", "phone": "+49 30 555"});
        app.post("/users", whole).await.expect(201);
        app.post(&format!("/users/{}/suspend", ids[2]), json!({"reason": "on_leave"})).await.expect(200);
        app.post(&format!("/users/{}/deprovision", ids[1]), json!({"reason": "left"})).await.expect(200);
        app.post(&format!("/users/{}/suspend", ids[0]), json!({"reason": "left"})).await.expect(200);
        app.post(&format!("/users/{}/delete", ids[0]), json!({"confirm": "trashed@x.example"})).await.expect(200);
        let row = |name: &str, more: Value| {
            let mut fields = json!({"given_name": name, "email": format!("{name}@x.example")});
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"fields": fields})
        };
        let mut other = row("other", json!({"title": "Chief", "phone": "+49 30 555"}));
        other["groups"] = json!(["Sales; EMEA"]);
        other["roles"] = json!(["auditor"]);
        let rows = json!([row("trashed", json!({})), row("gone", json!({"title": "Lead"})), row("resting", json!({})), other,
            row("same", json!({"title": "Lead"})),
            // Says a part of what the record says, and what follows from that part is not said.
            row("part", json!({"given_name": "Yq"})), row("part", json!({"given_name": "Yq", "display_name": "Y"}))]);
        let by = async |token: &str| {
            let answer = app.call(Method::POST, "/users/import", token, json!({"rows": rows})).await.expect(200).json();
            let verdicts = answer["verdicts"].as_array().unwrap().clone();
            assert!(verdicts.iter().all(|verdict| verdict["verdict"] == "unchanged"), "{answer}");
            let notes = |verdict: &Value| {
                let notes = verdict["notes"].as_array().cloned().unwrap_or_default();
                notes.iter().map(|note| format!("{} {}", text(&note["field"]), text(&note["code"]))).collect::<Vec<_>>()
            };
            verdicts.iter().map(notes).collect::<Vec<_>>()
        };
        let notes = by(&app.owner.token).await;
        assert_eq!(notes[..3], [[" import.in_trash"], [" import.deprovisioned"], [" import.suspended"]]);
        let differing = ["phone", "title", "roles", "groups"].map(|field| format!("{field} import.differs"));
        assert_eq!(notes[3], differing);
        assert_eq!(notes[4..6], [[""; 0]; 2]);
        assert_eq!(notes[6], ["display_name import.differs"]);
        // Who may not read records learns nothing of them.
        let owner = app.app.user_by_identifier(&app.operator(), "olivia@acme.example").await.unwrap().user.id;
        let token = app.token_for(owner, &["user:import"]).await;
        assert_eq!(by(&token).await, vec![Vec::<String>::new(); 7]);
    }

    async fn missing_groups_are_named_once_and_made_when_asked(app: TestApp) {
        let rows = json!([
            {"fields": {"email": "a@x.example"}, "groups": ["Sales", "Support"]},
            {"fields": {"email": "b@x.example"}, "groups": ["Sales"]},
            {"fields": {"email": "c@x.example"}},
        ]);
        let answer = app.post("/users/import", json!({"rows": rows})).await.expect(200).json();
        assert_eq!(answer["missing_groups"], json!({"Sales": 2, "Support": 1}));
        let may_import = app.post("/roles", json!({"name": "Importers", "permissions": ["user:import", "user:create", "group:assign"]})).await.expect(201).json();
        let ivy = app.person("Ivy", Role::Member).await;
        app.post(&format!("/users/{}/roles", ivy.id), json!({"role": may_import["role"]})).await.expect(200);
        let body = json!({"rows": rows, "create_groups": true});
        assert_eq!(app.call(Method::POST, "/users/import", &ivy.token, body.clone()).await.expect(403).code(), "forbidden");
        let dry = app.post("/users/import?dry_run=true", body.clone()).await.expect(200).json();
        assert_eq!(dry["created_groups"], json!(["Sales", "Support"]));
        assert!(groups(&app).await.is_empty());
        let answer = app.post("/users/import", body).await.expect(200).json();
        assert_eq!((&answer["created_groups"], &answer["missing_groups"]), (&json!(["Sales", "Support"]), &json!({})));
        assert_eq!(groups(&app).await, BTreeSet::from(["Sales".to_owned(), "Support".to_owned()]));
    }
}
