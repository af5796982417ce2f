//! Effective access: every way to what somebody holds, why somebody can or can't do something, who can, and what a change
//! would do; each compared with what is really so.

use std::collections::{BTreeMap, BTreeSet};

use ::app::holders::Holder;
use axum::http::Method;
use model::{
    EntryId, GroupId, Permission, Role, Timestamp, UserId, access_paths::Reckoning, grant::GrantTerms,
    role::Scope,
};
use serde_json::{Value, json};
use store::{Attempt, Connection, Lane, Proof};
use uuid::Uuid;

use crate::app::TestApp;

/// A statement with its values, on the quick way into the database.
async fn write(app: &TestApp, sql: &'static str, values: &[store::Value<'_>]) {
    let proof = Proof { org: app.org.id, entry: EntryId(Uuid::from_u128(9)) };
    let values: Vec<Owned> = values.iter().map(Owned::of).collect();
    let work = async move |connection: &mut Connection<'_>| {
        let values: Vec<store::Value<'_>> = values.iter().map(Owned::value).collect();
        connection.execute(sql, &values).await.map(Attempt::Commit)
    };
    app.app.database().transaction(proof, Lane::Interactive, work, |_, _| ()).await.unwrap();
}

/// A value that a deed can own.
#[derive(Clone)]
enum Owned {
    Null,
    Int(i64),
    Text(String),
    Id(Uuid),
}

impl Owned {
    fn of(value: &store::Value<'_>) -> Self {
        match value {
            store::Value::Int(number) => Self::Int(*number),
            store::Value::Text(text) => Self::Text((*text).to_owned()),
            store::Value::Id(id) => Self::Id(*id),
            _ => Self::Null,
        }
    }

    fn value(&self) -> store::Value<'_> {
        match self {
            Self::Null => store::Value::Null,
            Self::Int(number) => store::Value::Int(*number),
            Self::Text(text) => store::Value::Text(text),
            Self::Id(id) => store::Value::Id(*id),
        }
    }
}

type Dates = (Option<Timestamp>, Option<Timestamp>);
const ALWAYS: Dates = (None, None);

/// A group, written directly: what is asked here is the walk, not the doors.
async fn group(app: &TestApp, name: &str) -> GroupId {
    let id = GroupId::new(app.app.now(), app.app.entropy());
    let sql = "INSERT INTO groups (org_id, id, name, name_key, description, source, created_at, updated_at, version) \
               VALUES ($1, $2, $3, $4, '', 'local', 0, 0, 1)";
    let key = name.to_lowercase();
    write(app, sql, &[app.org.id.into(), id.into(), name.into(), key.as_str().into()]).await;
    id
}

async fn nest(app: &TestApp, child: GroupId, parent: GroupId, (from, until): Dates) {
    let sql = "INSERT INTO group_nestings (org_id, child_id, parent_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, 'operator', 0, '', $4, $5)";
    write(app, sql, &[app.org.id.into(), child.into(), parent.into(), from.into(), until.into()]).await;
}

async fn join(app: &TestApp, user: UserId, group: GroupId, (from, until): Dates) {
    let sql = "INSERT INTO group_members (org_id, user_id, group_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, 'operator', 0, '', $4, $5)";
    write(app, sql, &[app.org.id.into(), user.into(), group.into(), from.into(), until.into()]).await;
}

async fn carry(app: &TestApp, group: GroupId, role: &str, scope: Uuid, (from, until): Dates) {
    let sql = "INSERT INTO group_roles (org_id, group_id, role, scope_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, 'operator', 0, '', $5, $6) ON CONFLICT DO NOTHING";
    let values = [app.org.id.into(), group.into(), role.into(), scope.into(), from.into(), until.into()];
    write(app, sql, &values).await;
}

async fn give(app: &TestApp, user: UserId, role: &str, scope: Uuid, (from, until): Dates) {
    let sql = "INSERT INTO role_grants (org_id, user_id, role, scope_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, 'operator', 0, '', $5, $6) ON CONFLICT DO NOTHING";
    let values = [app.org.id.into(), user.into(), role.into(), scope.into(), from.into(), until.into()];
    write(app, sql, &values).await;
}

fn role<'v>(access: &'v Value, name: &str) -> &'v Value {
    access["roles"].as_array().unwrap().iter().find(|role| role["role"] == name).unwrap()
}

fn labels(held: &Value) -> Vec<&str> {
    held["paths"].as_array().unwrap().iter().map(|path| path["label"].as_str().unwrap()).collect()
}

/// Many people at once, without the cost of their passwords.
async fn crowd(app: &TestApp, count: usize) -> Vec<UserId> {
    let mut people = Vec::new();
    for number in 0..count {
        people.push(
            app.create("Person", &format!("No{number}"), &format!("p{number}@acme.example"))
                .await
                .parse()
                .unwrap(),
        );
    }
    people
}

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    /// Mostly always; else not yet, not any more, or for a while.
    fn dates(&mut self, now: Timestamp) -> Dates {
        let hour = std::time::Duration::from_secs(3600);
        match self.below(8) {
            0 => (Some(now.plus(hour)), None),
            1 => (None, Some(now.minus(hour))),
            2 => (Some(now.minus(hour)), Some(now.plus(hour))),
            _ => ALWAYS,
        }
    }
}

/// People, groups in groups, and roles, at random.
async fn random_graph(app: &TestApp, dice: &mut Dice) -> (Vec<UserId>, Vec<GroupId>) {
    let (people, now) = (crowd(app, 12).await, app.app.now());
    let mut groups = Vec::new();
    for number in 0..9 {
        groups.push(group(app, &format!("Group {number}")).await);
    }
    let mut edges = BTreeSet::new();
    for _ in 0..14 {
        let (one, other) = (dice.below(9), dice.below(9));
        if one < other && edges.insert((one, other)) {
            nest(app, groups[one], groups[other], dice.dates(now)).await;
        }
    }
    let roles = ["owner", "helpdesk", "auditor", "user_manager", "group_manager"];
    for _ in 0..6 {
        let scope = if dice.below(3) == 0 { groups[dice.below(9)].0 } else { app.org.id.0 };
        carry(app, groups[dice.below(9)], roles[dice.below(5)], scope, dice.dates(now)).await;
        let scope = if dice.below(3) == 0 { groups[dice.below(9)].0 } else { app.org.id.0 };
        give(app, people[dice.below(12)], roles[dice.below(5)], scope, dice.dates(now)).await;
    }
    for person in &people {
        let mut joined = BTreeSet::new();
        for _ in 0..dice.below(4) {
            let at = dice.below(9);
            if joined.insert(at) {
                join(app, *person, groups[at], dice.dates(now)).await;
            }
        }
    }
    (people, groups)
}

/// Everybody who can, page after page.
async fn all_who_can(app: &TestApp, permission: &str) -> Vec<Holder> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let found = app.app.who_can(&app.operator(), permission, None, 3, cursor.as_deref()).await.unwrap();
        all.extend(found.page.items);
        match found.page.next {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

on_both! {
    async fn every_way_is_shown_with_who_and_until_when(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (night, support) = (group(&app, "Night shift").await, group(&app, "Support").await);
        let until = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
        nest(&app, night, support, ALWAYS).await;
        carry(&app, support, "helpdesk", app.org.id.0, ALWAYS).await;
        join(&app, ana.id, night, (None, Some(until))).await;
        join(&app, ana.id, support, ALWAYS).await;
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "helpdesk", "reason": "on call"})).await.expect(200);
        let access = app.get(&format!("/users/{}/access", ana.id)).await.expect(200).json();
        let helpdesk = role(&access, "helpdesk");
        assert_eq!((&helpdesk["path_count"], &helpdesk["now"]), (&json!(3), &json!(true)));
        assert_eq!(labels(helpdesk), ["direct", "Support", "Night shift > Support"]);
        let direct = &helpdesk["paths"][0]["steps"][0];
        assert_eq!((&direct["granted_by_name"], &direct["reason"]), (&json!("Olivia Owner"), &json!("on call")));
        assert_eq!(helpdesk["paths"][2]["valid_until"], "2026-11-20T09:00:00Z");
        let groups: Vec<&str> = access["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
        assert_eq!(groups, ["Night shift", "Support"]);
        assert_eq!(labels(&access["groups"][0]), ["direct"]);
        assert_eq!(labels(&access["groups"][1]), ["direct", "Night shift > Support"]);
        let unlock = access["permissions"].as_array().unwrap().iter().find(|one| one["permission"] == "user:unlock").unwrap();
        assert_eq!((&unlock["roles"], &unlock["path_count"]), (&json!(["Helpdesk"]), &json!(3)));
        // Her own account shows her the same.
        let own = app.call(Method::GET, "/account/access", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!(own["roles"], access["roles"]);
        app.later(std::time::Duration::from_secs(3600));
        let access = app.get(&format!("/users/{}/access", ana.id)).await.expect(200).json();
        assert_eq!(labels(role(&access, "helpdesk")), ["direct", "Support"], "what has ended is no way");
    }

    async fn a_ladder_of_65_536_ways_answers_with_fifty_and_the_number(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let mut below: Vec<GroupId> = Vec::new();
        for level in 0..16 {
            let pair = [group(&app, &format!("L{level}")).await, group(&app, &format!("R{level}")).await];
            for parent in pair {
                for child in &below {
                    nest(&app, *child, parent, ALWAYS).await;
                }
                if level == 0 {
                    join(&app, ana.id, parent, ALWAYS).await;
                }
            }
            below = pair.to_vec();
        }
        carry(&app, below[0], "auditor", app.org.id.0, ALWAYS).await;
        carry(&app, below[1], "auditor", app.org.id.0, ALWAYS).await;
        let access = app.get(&format!("/users/{}/access", ana.id)).await.expect(200).json();
        let auditor = role(&access, "auditor");
        assert_eq!(auditor["path_count"], 65_536);
        let distinct: BTreeSet<&str> = labels(auditor).into_iter().collect();
        assert_eq!(distinct.len(), 50);
        assert!(distinct.iter().all(|label| label.split(" > ").count() == 16), "{distinct:?}");
        let why = app.get(&format!("/users/{}/access/audit:read", ana.id)).await.expect(200).json();
        assert_eq!((&why["can"], &why["roles"][0]["path_count"]), (&json!(true), &json!(65_536)));
        let who = app.get("/access/audit:read/holders").await.expect(200).json();
        let ana = who["items"].as_array().unwrap().iter().find(|one| one["user"] == ana.id.to_string()).unwrap();
        assert_eq!(ana["more"], 65_535);
    }

    async fn what_is_said_is_what_is_so_on_random_graphs(app: TestApp) {
        for seed in 1..4 {
            let app = if seed == 1 { &app } else { &TestApp::new(app.app.database().engine()).await };
            let mut dice = Dice(seed);
            let (mut people, _) = random_graph(app, &mut dice).await;
            people.push(app.owner.id);
            let (context, now) = (app.context(), app.app.now());
            let mut holding: BTreeMap<&str, BTreeSet<UserId>> = BTreeMap::new();
            for person in &people {
                let read = async |connection: &mut Connection<'_>| {
                    let standing = store::access::standing(connection, context, *person, now).await?.unwrap();
                    Ok((standing, store::access_paths::web(connection, context, &[*person]).await?))
                };
                let (standing, web) = app.app.database().read(read).await.unwrap();
                let effective = Reckoning::new(&web, now).of(*person);
                assert_eq!(effective.org, standing.rights.org, "seed {seed}");
                let scoped: BTreeMap<_, _> = standing.rights.scoped.iter().map(|part| (part.group, part.permissions)).filter(|(_, permissions)| permissions.iter().next().is_some()).collect();
                assert_eq!(effective.scoped, scoped, "seed {seed}");
                assert_eq!(effective.groups, standing.groups.iter().copied().collect(), "seed {seed}");
                let held = web.held_by(*person, now);
                let present: BTreeSet<_> = held.roles.iter().filter(|role| role.paths.now > 0).map(|role| (role.role, role.scope)).collect();
                assert_eq!(present, effective.roles, "seed {seed}: every role has a way, and every way leads to one");
                let groups: BTreeSet<_> = held.groups.iter().filter(|group| group.paths.now > 0).map(|group| group.group).collect();
                assert_eq!(groups, effective.groups, "seed {seed}");
                let shown = app.app.access_of(&app.operator(), *person).await.unwrap();
                let org: BTreeSet<&str> = shown.permissions.iter().filter(|one| one.now && one.over.is_none()).map(|one| one.permission.as_str()).collect();
                assert_eq!(org, standing.rights.org.iter().map(Permission::as_str).collect(), "seed {seed}");
                for permission in standing.rights.somewhere().beyond_member().iter() {
                    holding.entry(permission.as_str()).or_default().insert(*person);
                }
            }
            for permission in Permission::ALL.iter().filter(|one| !Role::Member.permissions().contains(**one)) {
                let found = all_who_can(app, permission.as_str()).await;
                let ids: Vec<UserId> = found.iter().map(|one| one.user).collect();
                let expected: Vec<UserId> = holding.get(permission.as_str()).into_iter().flatten().copied().collect();
                assert_eq!(ids, expected, "seed {seed}: who can {permission}");
                assert!(found.iter().all(|one| !one.role.is_empty()));
            }
        }
    }

    async fn a_preview_says_what_the_deed_then_does(app: TestApp) {
        let mut dice = Dice(11);
        let (people, groups) = random_graph(&app, &mut dice).await;
        let roles = [Role::Helpdesk, Role::Auditor, Role::Owner, Role::UserManager];
        let effective = async |person: UserId| {
            let (context, now) = (app.context(), app.app.now());
            let read = async |connection: &mut Connection<'_>| store::access::standing(connection, context, person, now).await;
            app.app.database().read(read).await.unwrap().unwrap()
        };
        let everybody = async || {
            let mut all = BTreeMap::new();
            for person in &people {
                all.insert(*person, effective(*person).await);
            }
            all
        };
        for step in 0..60 {
            let (person, one, other, role) = (people[dice.below(12)], groups[dice.below(9)], groups[dice.below(9)], roles[dice.below(4)]);
            let before = everybody().await;
            let (trying, preview) = app.operator().previewing();
            let kind = dice.below(8);
            let scope = if dice.below(3) == 0 && role == Role::Helpdesk { Scope::Group(one) } else { Scope::Org };
            let doing = async |actor: &::app::Actor| match kind {
                0 => app.app.grant_role(actor, person, role.into(), scope, GrantTerms::default()).await.map(drop),
                1 => app.app.revoke_role(actor, person, role.into(), scope).await.map(drop),
                2 => app.app.add_member(actor, one, person, GrantTerms::default()).await.map(drop),
                3 => app.app.remove_member(actor, one, person).await.map(drop),
                4 => app.app.grant_group_role(actor, one, role.into(), scope, GrantTerms::default()).await.map(drop),
                5 => app.app.revoke_group_role(actor, one, role.into(), scope).await.map(drop),
                6 => app.app.nest(actor, one, other, GrantTerms::default()).await.map(drop),
                _ if step > 50 => app.app.delete_group(actor, one, None).await.map(drop),
                _ => app.app.unnest(actor, one, other).await.map(drop),
            };
            let tried = doing(&trying).await;
            assert_eq!(everybody().await, before, "a preview changes nothing");
            let done = doing(&app.operator()).await;
            assert_eq!(tried.is_ok(), done.is_ok(), "step {step}");
            if done.is_err() {
                continue;
            }
            let impact = preview.take().unwrap_or_default();
            for (person, after) in everybody().await {
                let was = &before[&person];
                let beyond = |one: &store::access::Standing, other: &store::access::Standing| {
                    let org = one.rights.org.iter().filter(|permission| !other.rights.org.contains(*permission));
                    org.map(|permission| permission.as_str().to_owned()).collect::<Vec<_>>()
                };
                let plain = |list: Option<&Vec<String>>| {
                    let names = list.into_iter().flatten();
                    names.filter(|name| name.contains(':') && !name.contains(" over ")).cloned().collect::<Vec<_>>()
                };
                let found = impact.people.iter().find(|one| one.user == person);
                assert_eq!(plain(found.map(|one| &one.gained)), beyond(&after, was), "step {step}, kind {kind}");
                assert_eq!(plain(found.map(|one| &one.lost)), beyond(was, &after), "step {step}, kind {kind}");
                let set = |standing: &store::access::Standing| standing.groups.iter().copied().collect::<BTreeSet<_>>();
                assert!(found.is_some() || set(was) == set(&after), "step {step}, kind {kind}");
            }
        }
    }

    async fn a_preview_needs_the_right_to_do_it(app: TestApp) {
        // CVE-2026-25227: "view" was enough to execute what a preview executes.
        let (ana, auditor) = (app.person("Ana", Role::Helpdesk).await, app.person("Ada", Role::Auditor).await);
        let path = format!("/users/{}/roles/helpdesk?dry_run=true&impact=true", ana.id);
        app.call(Method::DELETE, &path, &auditor.token, Value::Null).await.expect(403);
        let impact = app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await.expect(200).json();
        assert_eq!((&impact["losing"], &impact["people"][0]["user"]), (&json!(1), &json!(ana.id.to_string())), "{impact}");
        let lost = impact["people"][0]["lost"].as_array().unwrap();
        assert!(lost.contains(&json!("user:unlock")) && lost.contains(&json!("Helpdesk")), "{impact}");
        let without_dry = format!("/users/{}/roles/helpdesk?impact=true", ana.id);
        app.call(Method::DELETE, &without_dry, &app.owner.token, Value::Null).await.expect(422);
        app.call(Method::GET, "/users", &ana.token, Value::Null).await.expect(200);
    }

    async fn why_names_what_is_in_the_way(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let support = group(&app, "Support").await;
        let why = async |permission: &str| app.get(&format!("/users/{}/access/{permission}", ana.id)).await.expect(200).json();
        let codes = |why: &Value| why["obstacles"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        carry(&app, support, "helpdesk", app.org.id.0, ALWAYS).await;
        let asked = why("user:unlock").await;
        assert_eq!((codes(&asked), &asked["can"]), (vec!["not_given".to_owned()], &json!(false)));
        assert_eq!((&asked["groups"][0]["name"], &asked["offers"][0]["role"]), (&json!("Support"), &json!("helpdesk")));
        let (later, earlier) = (app.app.now().plus(std::time::Duration::from_secs(60)), app.app.now().minus(std::time::Duration::from_secs(60)));
        join(&app, ana.id, support, (Some(later), None)).await;
        assert_eq!(codes(&why("user:unlock").await), ["not_yet"]);
        app.later(std::time::Duration::from_secs(61));
        assert_eq!(why("user:unlock").await["can"], true);
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "investigation"})).await.expect(200);
        let asked = why("user:unlock").await;
        assert_eq!((codes(&asked), &asked["roles"][0]["paths"][0]["label"]), (vec!["suspended".to_owned()], &json!("Support")));
        let bo = app.person("Bo", Role::Member).await;
        join(&app, bo.id, support, (None, Some(earlier))).await;
        let asked = app.get(&format!("/users/{}/access/user:unlock", bo.id)).await.expect(200).json();
        assert_eq!(codes(&asked), ["has_ended"]);
        give(&app, bo.id, "user_manager", support.0, ALWAYS).await;
        let over = |group: GroupId| format!("/users/{}/access/user:suspend?group={group}", bo.id);
        assert_eq!(app.get(&over(support)).await.expect(200).json()["can"], true);
        let other = group(&app, "Other").await;
        assert_eq!(codes(&app.get(&over(other)).await.expect(200).json()), ["elsewhere"]);
        let owner = format!("/users/{}/access/user:suspend?user={}", bo.id, app.owner.id);
        assert_eq!(app.get(&owner).await.expect(200).json()["can"], false);
        app.get(&format!("/users/{}/access/nonsense", bo.id)).await.expect(404);
        app.call(Method::GET, &owner, &bo.token, Value::Null).await.expect(404);
    }
}
