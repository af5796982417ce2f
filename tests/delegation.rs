//! Delegated administration: a set of permissions over a group. Whoever has it sees and changes those in the group, and
//! nobody else; and whatever he tries, neither he nor anybody whom he gets hold of ends with more than he could give.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::Body,
    http::{Method, Request},
};
use model::{Permission, Permissions, Role, UserId};
use serde_json::{Value, json};
use store::Connection;
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, Somebody, TestApp},
    matrix::{Proves, browser, is_sent_to_sign_in, request},
    patience::Dice,
};

/// Whether the check in front of the route let the request through.
fn is_let_in(answer: &Answer) -> bool {
    !matches!(answer.status.as_u16(), 401 | 403) && !is_sent_to_sign_in(answer)
}

async fn group(app: &TestApp, name: &str) -> String {
    app.post("/groups", json!({"name": name})).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn role(app: &TestApp, name: &str, permissions: &[&str]) -> String {
    let body = json!({"name": name, "permissions": permissions});
    app.post("/roles", body).await.expect(201).json()["role"].as_str().unwrap().to_owned()
}

async fn put(app: &TestApp, path: &str, body: Value) -> Answer {
    app.call(Method::PUT, path, &app.owner.token, body).await
}

/// All that can be given over a group.
fn scopable() -> Vec<&'static str> {
    Permissions::all().scopable().iter().map(Permission::as_str).collect()
}

/// The declared routes with the permission that each needs.
fn guarded() -> Vec<(Declared, Permission)> {
    let needed = |route: Declared| match route.needs {
        Needs::Permission(permission) => Some((route, permission)),
        Needs::Nothing | Needs::Org => None,
    };
    web::declared().into_iter().filter_map(needed).collect()
}

/// Every route, tried by Dan who leads the team, on those in it and on others.
async fn keeps_to_their_people(
    app: &TestApp,
    dan: &Somebody,
    ina: &Somebody,
    ola: &Somebody,
    team: &str,
    others: &str,
) {
    let signed_in = browser(app, &app.org, dan).await;
    let may_be_given = Permissions::all().scopable();
    for (route, permission) in guarded() {
        let what = format!("{}: {} {}", app.org.slug, route.method, route.path);
        if Role::Member.permissions().contains(permission) || route.path.contains("/account/") {
            continue;
        }
        let (inside, outside) = if route.path.contains("/users/{id}") {
            (ina.id.to_string(), ola.id.to_string())
        } else if route.path.contains("/groups/{id}") {
            (team.to_owned(), others.to_owned())
        } else {
            let answer = app
                .send(request(&route, &app.org.slug, others, Proves::Browser(&signed_in), &json!({})))
                .await;
            let expected = route.scoped && may_be_given.contains(permission);
            assert_eq!(is_let_in(&answer), expected, "{what}: {} {}", answer.status, answer.text);
            continue;
        };
        let answer =
            app.send(request(&route, &app.org.slug, &outside, Proves::Browser(&signed_in), &json!({}))).await;
        let refused = if may_be_given.contains(permission) { 404 } else { 403 };
        assert_eq!(answer.status.as_u16(), refused, "{what}, outside: {}", answer.text);
        if route.method == Method::GET {
            let answer = app
                .send(request(&route, &app.org.slug, &inside, Proves::Browser(&signed_in), &json!({})))
                .await;
            assert_eq!(
                is_let_in(&answer),
                may_be_given.contains(permission),
                "{what}, inside: {}",
                answer.text
            );
            assert!(
                route.door == Door::Console
                    || answer.status != 404
                    || route.path.contains("{session}")
                    || route.path.contains("{name}")
                    || !may_be_given.contains(permission),
                "{what}: {}",
                answer.text
            );
        }
    }
}

on_both! {
    async fn every_route_keeps_a_delegated_administrator_to_his_people(app: TestApp) {
        let mut app = app;
        let (team, others) = (group(&app, "Team").await, group(&app, "Others").await);
        let lead = role(&app, "Team lead", &scopable()).await;
        let dan = app.person("Dan", Role::Member).await;
        let (ina, ola) = (app.person("Ina", Role::Member).await, app.person("Ola", Role::Member).await);
        put(&app, &format!("/groups/{team}/members/{}", ina.id), json!({})).await.expect(200);
        put(&app, &format!("/groups/{others}/members/{}", ola.id), json!({})).await.expect(200);
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": lead, "over": team})).await.expect(200);
        keeps_to_their_people(&app, &dan, &ina, &ola, &team, &others).await;
        for slug in crate::app::ODD_SLUGS {
            app.move_to(slug).await;
            keeps_to_their_people(&app, &dan, &ina, &ola, &team, &others).await;
        }
    }

    async fn lists_show_the_people_of_the_group_at_any_depth(app: TestApp) {
        let (team, inner) = (group(&app, "Team").await, group(&app, "Inner").await);
        put(&app, &format!("/groups/{team}/groups/{inner}"), json!({})).await.expect(200);
        let lead = role(&app, "Team lead", &scopable()).await;
        let dan = app.person("Dan", Role::Member).await;
        let mut inside = BTreeSet::new();
        for (name, of) in [("Ina", Some(&team)), ("Ivo", Some(&inner)), ("Ola", None)] {
            let somebody = app.person(name, Role::Member).await;
            if let Some(of) = of {
                put(&app, &format!("/groups/{of}/members/{}", somebody.id), json!({})).await.expect(200);
                inside.insert(somebody.id.to_string());
            }
        }
        let gone = app.person("Eva", Role::Member).await;
        let ended = json!({"valid_until": app.app.now().plus(std::time::Duration::from_secs(60))});
        put(&app, &format!("/groups/{inner}/members/{}", gone.id), ended).await.expect(200);
        app.later(std::time::Duration::from_secs(61));
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": lead, "over": team})).await.expect(200);
        for query in ["", "?search=person", "?sort=-created", "?search=acme.example&status=active"] {
            let page = app.call(Method::GET, &format!("/users{query}"), &dan.token, Value::Null).await.expect(200).json();
            let ids: BTreeSet<String> =
                page["items"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect();
            assert_eq!(ids, inside, "{query}");
        }
        // An id in the search box finds nobody outside either.
        let page = app.call(Method::GET, &format!("/users?search={}", app.owner.id), &dan.token, Value::Null).await.expect(200);
        assert_eq!(page.json()["items"], json!([]));
        // On a page about the own group, which one may do much to, as little as anywhere.
        let signed_in = browser(&app, &app.org, &dan).await;
        let page = Request::get(format!("/o/acme/groups/{team}/members/add?q=person")).header("cookie", &signed_in.cookie);
        let page = app.send(page.body(Body::empty()).unwrap()).await.expect(200).text;
        assert!(page.contains("Ivo Person") && !page.contains("Ola Person") && !page.contains("Eva Person"), "{page}");
        let groups = app.call(Method::GET, "/groups", &dan.token, Value::Null).await.expect(200).json();
        let names: Vec<&str> = groups["items"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Inner", "Team"]);
    }

    async fn who_can_names_the_people_of_the_group_and_nobody_else(app: TestApp) {
        let (team, inner) = (group(&app, "Team").await, group(&app, "Inner").await);
        put(&app, &format!("/groups/{team}/groups/{inner}"), json!({})).await.expect(200);
        let lead = role(&app, "Team lead", &scopable()).await;
        let dan = app.person("Dan", Role::Member).await;
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": lead, "over": team})).await.expect(200);
        let (ivo, ola) = (app.person("Ivo", Role::Helpdesk).await, app.person("Ola", Role::Helpdesk).await);
        put(&app, &format!("/groups/{inner}/members/{}", ivo.id), json!({})).await.expect(200);
        let ask = async |query: &str| app.call(Method::GET, &format!("/access/user:unlock/holders{query}"), &dan.token, Value::Null).await;
        let (mut names, mut query) = (Vec::new(), "?limit=1".to_owned());
        loop {
            let page = ask(&query).await.expect(200).json();
            names.extend(page["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => query = format!("?limit=1&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(names, [ivo.username.as_str()]);
        ask(&format!("?user={}", ivo.id)).await.expect(200);
        assert_eq!(ask(&format!("?user={}", ola.id)).await.status, 404);
        let page = Request::get("/o/acme/access?permission=user:unlock").header("cookie", browser(&app, &app.org, &dan).await.cookie);
        let page = app.send(page.body(Body::empty()).unwrap()).await.expect(200).text;
        assert!(page.contains("Ivo Person") && !page.contains("Ola Person"), "{page}");
    }

    async fn whatever_a_delegated_administrator_tries_nobody_rises(app: TestApp) {
        let world = World::new(&app).await;
        let mut dice = Dice::new(17);
        let (mut done, mut hands) = (BTreeMap::<&str, usize>::new(), BTreeSet::from([world.dan.id]));
        for step in 0..400 {
            app.later(std::time::Duration::from_secs(1));
            let (what, answer) = world.attempt(&app, &mut dice).await;
            assert!(!answer.status.is_server_error(), "{what}: {}", answer.text);
            if !answer.status.is_success() {
                continue;
            }
            *done.entry(kind(&what)).or_default() += 1;
            if what.contains("set-password") {
                hands.insert(what.split('/').nth(2).unwrap().parse().unwrap());
            }
            world.assert_nobody_has_risen(&app, &hands, &format!("step {step}, after {what}")).await;
        }
        // The walk was not idle.
        assert!(done.len() >= 6 && done.values().sum::<usize>() >= 40, "{done:?}");
    }
}

/// What was done, without whom it was about.
fn kind(what: &str) -> &'static str {
    let kinds =
        ["/members/", "/move", "/roles", "/owners/", "set-password", "invitations", "/groups/", "/users/"];
    kinds.into_iter().find(|kind| what.contains(kind)).unwrap_or("other")
}

fn one_of<'i, T>(dice: &mut Dice, items: &'i [T]) -> &'i T {
    &items[usize::try_from(dice.roll(items.len() as u64)).unwrap()]
}

/// A team with groups in it, groups beside it, and people of every sort; Dan leads the team.
struct World {
    dan: Somebody,
    people: Vec<UserId>,
    /// Those in the team from the start.
    team: BTreeSet<UserId>,
    groups: Vec<String>,
    roles: Vec<String>,
}

impl World {
    async fn new(app: &TestApp) -> Self {
        let mut groups = Vec::new();
        for name in ["Team", "Inner", "Second", "Desk", "Beside", "Powerful"] {
            groups.push(group(app, name).await);
        }
        for inner in &groups[1..4] {
            put(app, &format!("/groups/{}/groups/{inner}", groups[0]), json!({})).await.expect(200);
        }
        // In the team stands a group that gives more than Dan has; and a powerful one stands beside.
        app.post(&format!("/groups/{}/roles", groups[3]), json!({"role": "helpdesk"})).await.expect(200);
        app.post(&format!("/groups/{}/roles", groups[5]), json!({"role": "administrator"})).await.expect(200);
        let lead = role(app, "Team lead", &scopable()).await;
        let some = role(app, "Locker", &["user:read", "user:lock", "user:unlock"]).await;
        let dan = app.person("Dan", Role::Member).await;
        app.post(&format!("/users/{}/roles", dan.id), json!({"role": lead, "over": groups[0]}))
            .await
            .expect(200);
        let mut world =
            Self { dan, people: Vec::new(), team: BTreeSet::new(), groups, roles: vec![lead, some] };
        world.roles.extend(["auditor", "user_manager", "owner"].map(str::to_owned));
        for (name, group) in [
            ("Ina", Some(0)),
            ("Ivo", Some(1)),
            ("Udo", Some(2)),
            ("Hel", Some(3)),
            ("Ola", None),
            ("Bea", Some(4)),
            ("Pia", Some(5)),
        ] {
            let somebody = app.person(name, Role::Member).await;
            world.people.push(somebody.id);
            if let Some(group) = group {
                let path = format!("/groups/{}/members/{}", world.groups[group], somebody.id);
                put(app, &path, json!({})).await.expect(200);
                if group < 4 {
                    world.team.insert(somebody.id);
                }
            }
        }
        world.people.extend([world.dan.id, app.owner.id]);
        world
    }

    /// Something that Dan tries.
    async fn attempt(&self, app: &TestApp, dice: &mut Dice) -> (String, Answer) {
        let person = one_of(dice, &self.people);
        let (group, other, third) =
            (one_of(dice, &self.groups), one_of(dice, &self.groups), one_of(dice, &self.groups));
        let role = one_of(dice, &self.roles);
        let over = if dice.roll(2) == 0 { json!(third) } else { Value::Null };
        let at = if over.is_null() { String::new() } else { format!("?over={third}") };
        let (method, path, body) = match dice.roll(14) {
            0 | 13 => (Method::PUT, format!("/groups/{group}/members/{person}"), json!({})),
            1 => (Method::DELETE, format!("/groups/{group}/members/{person}"), Value::Null),
            2 => (Method::PUT, format!("/groups/{group}/groups/{other}"), json!({})),
            3 => (Method::DELETE, format!("/groups/{group}/groups/{other}"), Value::Null),
            4 => (Method::POST, format!("/groups/{group}/move"), json!({"from": other, "to": third})),
            5 => (Method::POST, format!("/users/{person}/roles"), json!({"role": role, "over": over})),
            6 => (Method::DELETE, format!("/users/{person}/roles/{role}{at}"), Value::Null),
            7 => (Method::POST, format!("/groups/{group}/roles"), json!({"role": role, "over": over})),
            8 => (Method::DELETE, format!("/groups/{group}/roles/{role}{at}"), Value::Null),
            9 => (Method::PUT, format!("/groups/{group}/owners/{person}"), json!({})),
            10 => (Method::POST, format!("/users/{person}/set-password"), json!({})),
            11 => (Method::PATCH, format!("/roles/{role}"), json!({"permissions": ["user:purge"]})),
            _ => {
                let email = format!("new{}@acme.example", app.app.now().micros());
                (
                    Method::POST,
                    "/invitations".to_owned(),
                    json!({"email": email, "groups": [group], "roles": if dice.roll(2) == 0 { vec![role] } else { Vec::new() }}),
                )
            }
        };
        let answer = app.call(method.clone(), &path, &self.dan.token, body.clone()).await;
        (format!("{method} {path} {body}"), answer)
    }

    /// Nobody in Dan's hands may do more in the organization than everyone, more to the team than a team lead, or
    /// anything to those who were outside.
    async fn assert_nobody_has_risen(&self, app: &TestApp, hands: &BTreeSet<UserId>, after: &str) {
        let (context, now) = (app.context(), app.app.now());
        let people: Vec<UserId> = self.people.iter().chain(hands).copied().collect();
        let read = async |connection: &mut Connection<'_>| {
            let mut found = BTreeMap::new();
            for person in &people {
                found.insert(
                    *person,
                    store::access::standing(connection, context, *person, now).await?.unwrap(),
                );
            }
            Ok(found)
        };
        let standings = app.app.database().read(read).await.unwrap();
        let member = Role::Member.permissions();
        let lead = member.and(Permissions::all().scopable());
        for hand in hands {
            let rights = &standings[hand].rights;
            assert!(member.covers(rights.org), "{after}: {hand} may do {:?}", rights.org);
            assert!(rights.applications.is_empty(), "{after}");
            for person in &self.people {
                let allowed = if self.team.contains(person) { lead } else { member };
                let over = rights.over(&standings[person].groups);
                assert!(allowed.covers(over), "{after}: {hand} may do {over:?} to {person}");
            }
        }
    }
}

#[test]
fn what_counts_over_a_group_is_done_to_people_and_groups() {
    for permission in Permissions::all().scopable().iter() {
        let noun = permission.as_str().split(':').next().unwrap();
        assert!(["user", "group", "role", "session", "invitation", "access"].contains(&noun), "{permission}");
    }
}
