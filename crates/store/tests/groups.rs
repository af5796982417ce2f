//! The lists of groups and of their members with some thousands of each: every page is the one that plain Rust would have
//! made, whichever way it was found, and no step goes through a whole table.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

use model::{
    Agent, EntryId, GroupId, OrgContext, OrgId, Role, Timestamp, User, UserFields, UserId,
    access::Role as BuiltIn,
    grant::{Given, GrantTerms},
    group::{Group, GroupFields},
    group_query::{GroupQuery, MemberQuery},
    lifecycle::State,
    role::{Allowed, Scope},
};
use store::{
    Attempt, Connection, Database, Engine, Lane, Options, Proof,
    grants::RoleGrant,
    group_list, group_owners, groups,
    member_list::{self, Among},
    memberships, nestings,
    testing::{Postgres, Scratch, counting_statements},
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const GROUPS: usize = 3_000;
const USERS: usize = 4_000;

fn id(number: usize) -> Uuid {
    Uuid::from_u128((number as u128 + 1) << 64 | 0x8000_0000_0000_0000)
}

fn group(number: usize) -> GroupId {
    GroupId(id(number))
}

fn user(number: usize) -> UserId {
    UserId(id(number))
}

fn context() -> OrgContext {
    OrgContext::from(OrgId(Uuid::from_u128(5)))
}

fn given() -> Given {
    Given { by: Agent::Operator, at: NOW, terms: GrantTerms::default() }
}

/// Names are in another order than ids.
fn name(number: usize) -> String {
    format!("Team {:05}", number * 7_919 % 100_003)
}

/// Group 0 holds everybody with an even number; group 1 holds groups 2 to 51; each of these holds five people.
async fn write(connection: &mut Connection<'_>) -> model::Result<()> {
    for number in 0..GROUPS {
        let fields = GroupFields { name: name(number), description: String::new() };
        let (id, source) = (group(number), "local".to_owned());
        let group =
            Group { id, fields, source, external_id: None, created_at: NOW, updated_at: NOW, version: 1 };
        groups::insert(connection, context(), &group).await?;
    }
    for number in 0..USERS {
        let fields = UserFields {
            username: Some(format!("u{number}")),
            display_name: Some(format!("Person {:05}", number * 7_919 % 100_003)),
            ..UserFields::default()
        };
        let mut person = User::new(user(number), context(), fields, NOW);
        person.state = State::Active;
        store::users::insert(connection, &person, None).await?;
        if number % 2 == 0 {
            memberships::add(connection, context(), user(number), group(0), &given()).await?;
        }
    }
    for child in 2..52 {
        nestings::add(connection, context(), group(1), group(child), &given()).await?;
        for member in 0..5 {
            memberships::add(connection, context(), user(child * 7 + member), group(child), &given()).await?;
        }
        group_owners::add(connection, context(), group(child), user(child % 2), Agent::Operator, NOW).await?;
    }
    for number in (0..GROUPS).step_by(300) {
        let (role, allowed) = (BuiltIn::Auditor.into(), Allowed::by(Role::Auditor));
        let (name, scope, scope_name) = (String::new(), Scope::Org, String::new());
        let grant = RoleGrant { role, name, allowed, scope, scope_name, given: given() };
        store::grants::grant_group(connection, context(), group(number), &grant).await?;
    }
    Ok(())
}

async fn loaded(engine: Engine) -> (Database, Scratch) {
    let scratch = Scratch::new();
    let url = match engine {
        Engine::Sqlite => scratch.sqlite(),
        Engine::Postgres => Postgres::shared().database(),
    };
    let database = Database::open(&Options::new(url)).await.unwrap();
    database.migrate().await.unwrap();
    let proof = Proof { org: context().org, entry: EntryId(Uuid::from_u128(1)) };
    let work = async |connection: &mut Connection<'_>| {
        write(connection).await?;
        Ok(Attempt::Commit(()))
    };
    database.transaction(proof, Lane::Bulk, work, |(), _| {}).await.unwrap();
    if engine == Engine::Postgres {
        let analyze = async |connection: &mut Connection<'_>| connection.execute("ANALYZE", &[]).await;
        database.read(analyze).await.unwrap();
    }
    (database, scratch)
}

/// Steps that read a whole table; the page itself, and lists that were given, are no tables.
fn whole_tables(plan: &[String]) -> Vec<&String> {
    let scans = |step: &&String| {
        let sqlite = ["SCAN g", "SCAN m", "SCAN n", "SCAN o", "SCAN r", "SCAN u"];
        let alias = step.split(' ').take(2).collect::<Vec<_>>().join(" ");
        // The walk along the names is the list itself.
        let walks = step.contains("USING COVERING INDEX") || step.contains("USING INDEX");
        let derived = plan.iter().any(|other| {
            let of = other.strip_prefix("CO-ROUTINE ").or_else(|| other.strip_prefix("MATERIALIZE "));
            of.is_some_and(|of| alias == format!("SCAN {of}"))
        });
        (sqlite.contains(&alias.as_str()) && !walks && !derived) || step.contains("Seq Scan on")
    };
    plan.iter().filter(scans).collect()
}

fn by_name(mut numbers: Vec<usize>) -> Vec<GroupId> {
    numbers.sort_by_key(|number| name(*number));
    numbers.into_iter().map(group).collect()
}

async fn lists_of_groups_are_right_and_short(engine: Engine) {
    let (database, _scratch) = loaded(engine).await;
    let plain = GroupQuery { limit: 20, ..GroupQuery::default() };
    let reach: Vec<GroupId> = (100..400).map(group).collect();
    let auditing = |number: &usize| number.is_multiple_of(300);
    let cases = [
        (plain.clone(), None, (0..GROUPS).collect()),
        (GroupQuery { search: "00".to_owned(), ..plain.clone() }, None, {
            (0..GROUPS).filter(|number| name(*number).contains("00")).collect()
        }),
        (GroupQuery { parent: Some(group(1)), ..plain.clone() }, None, (2..52).collect()),
        (GroupQuery { role: Some(Role::Auditor.into()), ..plain.clone() }, None, {
            (0..GROUPS).filter(auditing).collect()
        }),
        (
            GroupQuery { owner: Some(user(1)), ..plain.clone() },
            None,
            (2..52).filter(|n| n % 2 == 1).collect(),
        ),
        (plain.clone(), Some(&reach), (100..400).collect()),
        (GroupQuery { role: Some(Role::Auditor.into()), ..plain.clone() }, Some(&reach), vec![300]),
    ];
    for (query, within, expected) in cases {
        let expected: Vec<GroupId> = by_name(expected);
        let read = async |connection: &mut Connection<'_>| {
            let within = within.map(Vec::as_slice);
            // A table of this size is rightly read whole for a rare word: what matters is whether there is another way.
            if engine == Engine::Postgres {
                connection.execute("SET enable_seqscan = off", &[]).await?;
            }
            let steps = group_list::explain(connection, context(), &query, within).await?;
            let first = group_list::page(connection, context(), &query, within).await?;
            let after = query.clone().at(model::page::Reader::default(), first.next.as_deref())?;
            let second = group_list::page(connection, context(), &after, within).await?;
            Ok((steps, first, second))
        };
        let (steps, first, second) = database.read(read).await.unwrap();
        assert!(whole_tables(&steps).is_empty(), "{engine:?} {query:?}\n    {}", steps.join("\n    "));
        let ids = |page: &model::page::Page<group_list::ListedGroup>| {
            page.items.iter().map(|row| row.group.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&first), expected[..expected.len().min(20)], "{engine:?} {query:?}");
        if first.next.is_some() {
            assert_eq!(
                ids(&second),
                expected[20..expected.len().min(40)],
                "{engine:?} {query:?}, second page"
            );
        }
        let row = first.items.iter().find(|row| row.group.id == group(1));
        assert!(row.is_none_or(|row| (row.members, row.groups) == (0, 50)));
    }
}

async fn lists_of_members_are_right_and_short(engine: Engine) {
    let (database, _scratch) = loaded(engine).await;
    let person = |number: usize| (format!("{:05}", number * 7_919 % 100_003), user(number));
    let sorted = |mut people: Vec<(String, UserId)>| {
        people.sort();
        people.dedup();
        people.into_iter().map(|(_, user)| user).collect::<Vec<_>>()
    };
    let common = sorted((0..USERS).filter(|number| number % 2 == 0).map(person).collect());
    let few = (2..52).flat_map(|child: usize| (0..5).map(move |member| child * 7 + member));
    let few = sorted(few.map(person).collect());
    let below: Vec<GroupId> = (1..52).map(group).collect();
    for (groups, expected) in [(vec![group(0)], common), (below, few)] {
        for at in [None, Some(NOW)] {
            let groups = &groups;
            let read = async |connection: &mut Connection<'_>| {
                let query = MemberQuery { limit: 50, ..MemberQuery::default() };
                let first = member_list::page(connection, context(), groups, at, &query).await?;
                let after = query.clone().at(model::page::Reader::default(), first.next.as_deref())?;
                let second = member_list::page(connection, context(), groups, at, &after).await?;
                let back = query.at(model::page::Reader::default(), second.previous.as_deref())?;
                let again = member_list::page(connection, context(), groups, at, &back).await?;
                if engine == Engine::Postgres {
                    connection.execute("SET enable_seqscan = off", &[]).await?;
                }
                let mut plan = Vec::new();
                for among in [Among::Members, Among::Everybody, Among::All, Among::Typed] {
                    plan.extend(member_list::explain(connection, context(), groups, at, among).await?);
                }
                Ok((first, second, again, plan))
            };
            let (first, second, again, plan) = database.read(read).await.unwrap();
            let ids =
                |page: &model::page::Page<User>| page.items.iter().map(|user| user.id).collect::<Vec<_>>();
            assert_eq!(ids(&first), expected[..50], "{engine:?}");
            assert_eq!(ids(&second), expected[50..100], "{engine:?}");
            assert_eq!(ids(&again), ids(&first), "{engine:?}");
            assert!(whole_tables(&plan).is_empty(), "{engine:?}\n    {}", plan.join("\n    "));
        }
    }
}

/// Group 60 holds groups 61 to 69; every second of the other groups is in one of those, and in each of these are two people.
async fn nest(connection: &mut Connection<'_>) -> model::Result<()> {
    for child in 61..70 {
        nestings::add(connection, context(), group(60), group(child), &given()).await?;
    }
    for child in (70..GROUPS).step_by(2) {
        nestings::add(connection, context(), group(61 + child % 9), group(child), &given()).await?;
        for member in [child, child + 1] {
            memberships::add(connection, context(), user(member), group(child), &given()).await?;
        }
    }
    Ok(())
}

/// What is asked and read for a page must not grow with the groups that stand in the group.
async fn people_at_any_depth_are_right_and_short(engine: Engine) {
    let (database, _scratch) = loaded(engine).await;
    let proof = Proof { org: context().org, entry: EntryId(Uuid::from_u128(2)) };
    let work = async |connection: &mut Connection<'_>| {
        nest(connection).await?;
        Ok(Attempt::Commit(()))
    };
    database.transaction(proof, Lane::Bulk, work, |(), _| {}).await.unwrap();
    let mut expected: Vec<(String, UserId)> =
        (70..GROUPS).map(|number| (format!("{:05}", number * 7_919 % 100_003), user(number))).collect();
    expected.sort();
    let expected: Vec<UserId> = expected.into_iter().map(|(_, who)| who).collect();
    let (mut query, mut pages) = (MemberQuery { limit: 200, ..MemberQuery::default() }, Vec::new());
    loop {
        let read = async |connection: &mut Connection<'_>| {
            member_list::effective(connection, context(), group(60), NOW, &query).await
        };
        let (page, statements) = counting_statements(database.read(read)).await;
        let page = page.unwrap();
        // The groups inside, as far as need be; then the next people, their groups, and the ways up from these.
        assert!(statements <= 1 + 3 * 3, "{engine:?}: {statements}");
        let next = page.next.clone();
        pages.push(page);
        match next {
            Some(next) => query = query.at(model::page::Reader::default(), Some(&next)).unwrap(),
            None => break,
        }
    }
    let ids = |page: &model::page::Page<User>| page.items.iter().map(|user| user.id).collect::<Vec<_>>();
    assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), expected, "{engine:?}");
    for pair in pages.windows(2) {
        let back = query.clone().at(model::page::Reader::default(), pair[1].previous.as_deref()).unwrap();
        let read = async |connection: &mut Connection<'_>| {
            member_list::effective(connection, context(), group(60), NOW, &back).await
        };
        assert_eq!(ids(&database.read(read).await.unwrap()), ids(&pair[0]), "{engine:?}, back");
    }
}

#[tokio::test]
async fn sqlite_lists_people_at_any_depth() {
    people_at_any_depth_are_right_and_short(Engine::Sqlite).await;
}

#[tokio::test]
async fn postgres_lists_people_at_any_depth() {
    people_at_any_depth_are_right_and_short(Engine::Postgres).await;
}

#[tokio::test]
async fn sqlite_lists_groups() {
    lists_of_groups_are_right_and_short(Engine::Sqlite).await;
}

#[tokio::test]
async fn postgres_lists_groups() {
    lists_of_groups_are_right_and_short(Engine::Postgres).await;
}

#[tokio::test]
async fn sqlite_lists_members() {
    lists_of_members_are_right_and_short(Engine::Sqlite).await;
}

#[tokio::test]
async fn postgres_lists_members() {
    lists_of_members_are_right_and_short(Engine::Postgres).await;
}
