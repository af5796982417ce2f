//! Whom a group's owner who may not read people's records has put there is shown as typed to everybody who may not read that
//! record: to the group's other owners, through the groups around it, on every page. Nor does the order tell more.

use std::collections::BTreeMap;

use axum::http::Method;
use model::{Permission, Role};
use serde_json::{Value, json};
use web::Declared;

use super::{MARK, Viewer, group, marked, named, owner_of, put, routes};
use crate::{
    app::{Answer, Somebody, TestApp},
    matrix::NEVER,
};

/// Groups in one another: everybody in the inmost is in all of them.
struct Nested {
    outer: String,
    middle: String,
    inner: String,
}

impl Nested {
    async fn new(app: &TestApp) -> Self {
        let nested = Self {
            outer: group(app, "Outer").await,
            middle: group(app, "Middle").await,
            inner: group(app, "Inner").await,
        };
        put(app, format!("/groups/{}/groups/{}", nested.outer, nested.middle)).await;
        put(app, format!("/groups/{}/groups/{}", nested.middle, nested.inner)).await;
        nested
    }

    fn all(&self) -> [&str; 3] {
        [&self.outer, &self.middle, &self.inner]
    }

    async fn owned_by(&self, app: &TestApp, user: &Somebody) {
        for group in self.all() {
            put(app, format!("/groups/{group}/owners/{}", user.id)).await;
        }
    }
}

/// Somebody with a role of these permissions, everywhere or over a group.
async fn with_role(app: &TestApp, name: &str, permissions: &[Permission], over: Option<&str>) -> Somebody {
    let permissions: Vec<&str> = permissions.iter().map(|permission| permission.as_str()).collect();
    let role = json!({"name": format!("Role of {name}"), "permissions": permissions});
    let role = app.post("/roles", role).await.expect(201).json()["role"].clone();
    let who = app.person(name, Role::Member).await;
    let mut given = json!({"role": role});
    if let Some(over) = over {
        given["over"] = json!(over);
    }
    app.post(&format!("/users/{}/roles", who.id), given).await.expect(200);
    who
}

/// In which order the hidden names are.
#[derive(Debug, Clone, Copy)]
enum Order {
    Straight,
    Turned,
}

/// Gives the people names whose order is that of their numbers, or the other way round.
async fn call_them(app: &TestApp, people: &[(String, String)], order: Order) {
    for (number, (id, _)) in people.iter().enumerate() {
        let place = if matches!(order, Order::Straight) { number } else { 9 - number };
        let name = format!("{place} {MARK}{order:?}{}", number + 1).to_lowercase();
        let names = json!({"given_name": name, "family_name": name, "display_name": name});
        app.patch(&format!("/users/{id}"), names).await.expect(200);
    }
}

/// The addresses of what is read, with all that narrows a list of a group.
fn addresses(route: &Declared, nested: &Nested, user: &str) -> Vec<String> {
    let path = ["{session}", "{token}", "{device}"]
        .iter()
        .fold(route.path.replace("{slug}", "acme"), |path, name| path.replace(name, NEVER));
    let path = path.replace("{user}", user).replace("{name}", user);
    if !path.contains("/groups/{id}") {
        return vec![path.replace("{id}", user)];
    }
    let is_list = path.ends_with("/members") || path.ends_with("/groups/{id}");
    let queries = ["", "?effective=true", "?show=everybody", "?limit=1", "?effective=true&limit=1"];
    let queries = if is_list { &queries[..] } else { &queries[..1] };
    let of = |group: &str| {
        let path = path.replace("{id}", group).replace("{child}", group);
        queries.iter().map(move |query| format!("{path}{query}")).collect::<Vec<_>>()
    };
    nested.all().into_iter().flat_map(of).collect()
}

/// All that a viewer is answered to questions, by the addresses.
async fn read_everything(
    app: &TestApp,
    viewer: &mut Viewer,
    nested: &Nested,
    user: &str,
) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for route in routes().into_iter().filter(|route| route.method == Method::GET) {
        for path in addresses(&route, nested, user) {
            let found = pages(app, viewer, &route, &path).await;
            let numbered = found.into_iter().enumerate();
            answers.extend(numbered.map(|(number, answer)| (format!("{path} {number}"), answer)));
        }
    }
    answers
}

/// Every page of a list, following where it leads on and then back; of anything else the one answer.
async fn pages(app: &TestApp, viewer: &mut Viewer, route: &Declared, path: &str) -> Vec<Answer> {
    let mut pages = vec![viewer.ask(app, route, path, &Value::Null).await];
    for name in ["next_page_token", "previous_page_token"] {
        for _ in 0..20 {
            let last = pages.last().unwrap();
            let token = serde_json::from_str::<Value>(&last.text).ok();
            let Some(token) = token.and_then(|page| page[name].as_str().map(str::to_owned)) else { break };
            let sign = if path.contains('?') { '&' } else { '?' };
            pages
                .push(viewer.ask(app, route, &format!("{path}{sign}page_token={token}"), &Value::Null).await);
        }
    }
    pages
}

on_both! {
    async fn whom_an_owner_typed_is_shown_as_typed_to_all_who_may_not_read(app: TestApp) {
        let nested = Nested::new(&app).await;
        let elsewhere = group(&app, "Elsewhere").await;
        let gus = owner_of(&app, &nested.inner).await;
        let hal = app.person("Hal", Role::Member).await;
        nested.owned_by(&app, &hal).await;
        let ivo = app.person("Ivo", Role::Member).await;
        put(&app, format!("/groups/{}/owners/{}", nested.outer, ivo.id)).await;
        let reading = [Permission::UserList, Permission::UserRead, Permission::GroupList, Permission::GroupRead, Permission::AccessRead];
        let kim = with_role(&app, "Kim", &reading, Some(&elsewhere)).await;
        nested.owned_by(&app, &kim).await;
        let lou = with_role(&app, "Lou", &[Permission::GroupList, Permission::GroupRead, Permission::SettingsRead], None).await;
        let mut people = Vec::new();
        for number in 1..6 {
            people.push(marked(&app, number).await);
        }
        let plain = app.create("Vera", "Visible", "vera@acme.example").await;
        put(&app, format!("/groups/{}/members/{plain}", nested.inner)).await;
        let own = format!("/account/groups/{}/members", nested.inner);
        let typed = [people[0].1.to_uppercase(), format!("{MARK}username2"), people[2].0.clone(), people[4].1.clone()];
        let added = app.call(Method::POST, &own, &gus.token, json!({"members": typed})).await.expect(200);
        assert_eq!(added.text.matches("\"added\"").count(), 4, "{}", added.text);
        app.call(Method::PUT, &format!("{own}/{}", people[3].0), &gus.token, json!({})).await.expect(200);
        // Who has decided about somebody anew still sees what was typed.
        for who in [&gus, &hal] {
            let terms = json!({"reason": "still needed"});
            app.call(Method::PUT, &format!("{own}/{}", people[0].0), &who.token, terms).await.expect(200);
            let list = app.call(Method::GET, &own, &gus.token, Value::Null).await.expect(200);
            assert!(list.text.contains(&typed[0]), "{}", list.text);
        }
        // One of them may be read by one of the owners.
        put(&app, format!("/groups/{elsewhere}/members/{}", people[4].0)).await;
        let mut known: Vec<&str> = typed.iter().map(String::as_str).collect();
        known.extend(people.iter().map(|(id, _)| id.as_str()));

        let mut leaks = Vec::new();
        for (what, who) in [
            ("who typed", gus),
            ("another owner", hal),
            ("an owner of the outer one", ivo),
            ("a reader elsewhere", kim),
            ("a reader of groups", lou),
        ] {
            let mut viewer = Viewer::new(&app, what, who).await;
            let reads_one = what == "a reader elsewhere";
            let mut lists: BTreeMap<String, String> = BTreeMap::new();
            for order in [Order::Straight, Order::Turned] {
                call_them(&app, &people, order).await;
                for (path, answer) in read_everything(&app, &mut viewer, &nested, &people[0].0).await {
                    assert!(!answer.status.is_server_error(), "{path}: {}", answer.text);
                    let mut found = named(&answer, &known, &[]);
                    // The fifth is among the people elsewhere.
                    found.retain(|word| !reads_one || !word.contains('5'));
                    if !found.is_empty() {
                        leaks.push(format!("{what}: {path} names {found:?}"));
                    }
                    if path.contains("/api/v1/") && path.contains("/members") && answer.status == 200 && !reads_one {
                        let before = lists.entry(path.clone()).or_insert_with(|| answer.text.clone());
                        assert_eq!(*before, answer.text, "{what}: {path} changes with hidden names");
                    }
                }
            }
            assert!(reads_one || lists.len() > 10, "{what} sees {} lists", lists.len());
        }
        assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
    }
}
