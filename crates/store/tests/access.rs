//! What somebody may do, against a second opinion: thousands of random organizations with roles of their own, groups in
//! groups, dates and scopes, each judged by the store and by an oracle that knows nothing of its SQL.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use model::{
    Agent, EntryId, GroupId, OrgContext, OrgId, Permission, Permissions, Result, RoleId, RoleKey, Timestamp,
    User, UserFields, UserId,
    access::Role,
    grant::{Given, GrantTerms},
    role::{Allowed, RoleDefinition, Scope},
    user::UserType,
};
use store::{
    Attempt, Connection, Database, Engine, Lane, Options, Proof, access,
    grants::{self, RoleGrant},
    memberships,
    testing::{Postgres, Scratch},
    values,
};
use uuid::Uuid;

/// The years that dates are drawn from; now is in the middle.
const NOW: Timestamp = Timestamp::from_micros(1_000);
const GROUPS: usize = 9;
const USERS: usize = 3;
const APPLICATIONS: [&str; 3] = ["content:edit", "content:publish", "orders:approve"];

/// From when until when.
type Term = (Option<Timestamp>, Option<Timestamp>);

/// An organization as it was drawn. Groups and users go by number.
struct World {
    org: OrgContext,
    roles: Vec<RoleDefinition>,
    guests: [bool; USERS],
    members: BTreeMap<(usize, usize), Term>,
    nestings: BTreeMap<(usize, usize), Term>,
    user_roles: BTreeMap<(usize, usize, Option<usize>), Term>,
    group_roles: BTreeMap<(usize, usize, Option<usize>), Term>,
}

/// What somebody may do, as sets of names.
#[derive(Debug, PartialEq, Eq, Default, Clone)]
struct Opinion {
    org: BTreeSet<&'static str>,
    over: BTreeMap<usize, BTreeSet<&'static str>>,
    applications: BTreeSet<String>,
    groups: BTreeSet<usize>,
}

// The oracle: sixty lines at most, and no more clever than this.

fn holds(term: &Term, at: Timestamp) -> bool {
    term.0.is_none_or(|from| from <= at) && term.1.is_none_or(|until| at < until)
}

/// These groups and all that hold them by nestings that `count`.
fn closed(world: &World, mut groups: BTreeSet<usize>, count: impl Fn(&Term) -> bool) -> BTreeSet<usize> {
    loop {
        let known = groups.len();
        for ((parent, child), term) in &world.nestings {
            if groups.contains(child) && count(term) {
                groups.insert(*parent);
            }
        }
        if groups.len() == known {
            return groups;
        }
    }
}

fn add(opinion: &mut Opinion, role: &RoleDefinition, scope: Option<usize>) {
    let names = |permissions: Permissions| permissions.iter().map(Permission::as_str).collect::<Vec<_>>();
    match scope {
        None => {
            opinion.org.extend(names(role.allowed.permissions));
            opinion.applications.extend(role.allowed.applications.iter().map(str::to_owned));
        }
        Some(group) => {
            opinion.over.entry(group).or_default().extend(names(role.allowed.permissions.scopable()));
        }
    }
}

fn oracle(world: &World, user: usize, at: Timestamp) -> Opinion {
    let direct = world.members.iter().filter(|((member, _), term)| *member == user && holds(term, at));
    let groups = closed(world, direct.map(|((_, group), _)| *group).collect(), |term| holds(term, at));
    let mut opinion = Opinion { groups, ..Opinion::default() };
    for ((holder, role, scope), term) in &world.user_roles {
        if *holder == user && holds(term, at) {
            add(&mut opinion, &world.roles[*role], *scope);
        }
    }
    for ((holder, role, scope), term) in &world.group_roles {
        if opinion.groups.contains(holder) && holds(term, at) {
            add(&mut opinion, &world.roles[*role], *scope);
        }
    }
    if world.guests[user] {
        (opinion.org, opinion.over) = (BTreeSet::new(), BTreeMap::new());
    }
    opinion.org.extend(Role::Member.permissions().iter().map(Permission::as_str));
    opinion
}

/// What being in a group gives, now or later.
fn oracle_of_group(world: &World, group: usize) -> Opinion {
    let above = closed(world, BTreeSet::from([group]), |_| true);
    let mut opinion = Opinion::default();
    for ((holder, role, scope), term) in &world.group_roles {
        if above.contains(holder) && term.1.is_none_or(|until| until > NOW) {
            add(&mut opinion, &world.roles[*role], *scope);
        }
    }
    opinion
}

// The end of the oracle. What follows draws organizations and writes them down.

/// Random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// Mostly for good; else begun or not yet, ended or not yet, at moments around now, now included.
    fn term(&mut self) -> Term {
        let moment = |dice: &mut Self| Timestamp::from_micros(i64::try_from(990 + dice.below(21)).unwrap());
        let from = self.one_in(4).then(|| moment(self));
        let until = self.one_in(4).then(|| moment(self));
        (from, until)
    }

    fn scope(&mut self) -> Option<usize> {
        self.one_in(3).then(|| self.below(GROUPS))
    }

    fn role(&mut self, number: u64, index: usize) -> RoleDefinition {
        if self.one_in(4) {
            // None twice, for a grant names it by its key.
            let other = if index < 3 && self.one_in(2) { index + 5 } else { index };
            return RoleDefinition::built_in(Role::ALL[other]);
        }
        let mut allowed = Allowed::default();
        let chosen: Vec<Permission> =
            (0..self.below(6)).map(|_| Permission::ALL[self.below(Permission::ALL.len())]).collect();
        allowed.permissions = Permissions::of(&chosen);
        for _ in 0..self.below(3) {
            allowed.applications.insert(APPLICATIONS[self.below(APPLICATIONS.len())]);
        }
        let id = Uuid::from_u128(u128::from(number) << 32 | 0xA000 | index as u128);
        RoleDefinition {
            key: RoleKey::Custom(RoleId(id)),
            name: format!("Role {index}"),
            description: String::new(),
            allowed,
            created_at: Some(NOW),
            updated_at: Some(NOW),
            version: 1,
        }
    }

    fn world(&mut self, number: u64) -> World {
        let roles: Vec<RoleDefinition> = (0..5).map(|index| self.role(number, index)).collect();
        let mut world = World {
            org: OrgId(Uuid::from_u128(u128::from(number) << 32 | 1)).into(),
            roles,
            guests: std::array::from_fn(|_| self.one_in(6)),
            members: BTreeMap::new(),
            nestings: BTreeMap::new(),
            user_roles: BTreeMap::new(),
            group_roles: BTreeMap::new(),
        };
        for _ in 0..self.below(7) {
            world.members.insert((self.below(USERS), self.below(GROUPS)), self.term());
        }
        for _ in 0..self.below(14) {
            // The smaller number is always the outer: no cycle, any other shape.
            let (one, other) = (self.below(GROUPS), self.below(GROUPS));
            if one != other {
                world.nestings.insert((one.min(other), one.max(other)), self.term());
            }
        }
        for _ in 0..self.below(5) {
            world.user_roles.insert((self.below(USERS), self.below(5), self.scope()), self.term());
        }
        for _ in 0..self.below(6) {
            world.group_roles.insert((self.below(GROUPS), self.below(5), self.scope()), self.term());
        }
        world
    }
}

impl World {
    fn user(&self, number: usize) -> UserId {
        UserId(Uuid::from_u128(self.org.org.0.as_u128() | 0xB000 | (number as u128) << 4))
    }

    fn group(&self, number: usize) -> GroupId {
        GroupId(Uuid::from_u128(self.org.org.0.as_u128() | 0xC000 | (number as u128) << 4))
    }

    fn number_of(&self, group: GroupId) -> usize {
        (0..GROUPS).find(|number| self.group(*number) == group).unwrap()
    }

    fn grant(&self, role: usize, scope: Option<usize>, term: &Term) -> RoleGrant {
        let role = &self.roles[role];
        RoleGrant {
            role: role.key,
            name: role.name.clone(),
            allowed: role.allowed.clone(),
            scope: scope.map_or(Scope::Org, |group| Scope::Group(self.group(group))),
            scope_name: String::new(),
            given: given(term),
        }
    }

    async fn write(&self, connection: &mut Connection<'_>) -> Result<()> {
        for (number, is_guest) in self.guests.iter().enumerate() {
            let fields = UserFields {
                username: Some(format!("u{number}")),
                user_type: is_guest.then_some(UserType::Guest),
                ..UserFields::default()
            };
            let user = User::new(self.user(number), self.org, fields, NOW);
            store::users::insert(connection, &user, None).await?;
        }
        let own = self.roles.iter().filter(|role| role.key.built_in().is_none());
        for role in own {
            store::roles::insert(connection, self.org, role).await?;
        }
        for ((user, group), term) in &self.members {
            memberships::add(connection, self.org, self.user(*user), self.group(*group), &given(term))
                .await?;
        }
        for ((parent, child), (from, until)) in &self.nestings {
            let sql = "INSERT INTO group_nestings \
                       (org_id, child_id, parent_id, granted_by, granted_at, reason, valid_from, valid_until) \
                       VALUES ($1, $2, $3, 'operator', 0, '', $4, $5)";
            let (parent, child) = (self.group(*parent), self.group(*child));
            connection.execute(sql, values![self.org.org, child, parent, *from, *until]).await?;
        }
        for ((user, role, scope), term) in &self.user_roles {
            grants::grant(connection, self.org, self.user(*user), &self.grant(*role, *scope, term)).await?;
        }
        for ((group, role, scope), term) in &self.group_roles {
            grants::grant_group(connection, self.org, self.group(*group), &self.grant(*role, *scope, term))
                .await?;
        }
        Ok(())
    }

    fn opinion(&self, rights: &model::Rights, groups: &[GroupId]) -> Opinion {
        let names = |permissions: Permissions| permissions.iter().map(Permission::as_str).collect();
        let mut over = BTreeMap::new();
        for part in &rights.scoped {
            let above: BTreeSet<usize> = part.above.iter().map(|group| self.number_of(*group)).collect();
            let group = self.number_of(part.group);
            assert_eq!(above, closed(self, BTreeSet::from([group]), |_| true), "above {group}");
            assert!(over.insert(group, names(part.permissions)).is_none(), "{group} twice");
        }
        Opinion {
            org: names(rights.org),
            over,
            applications: rights.applications.iter().map(str::to_owned).collect(),
            groups: groups.iter().map(|group| self.number_of(*group)).collect(),
        }
    }

    async fn compare(&self, connection: &mut Connection<'_>, number: u64) -> Result<()> {
        for user in 0..USERS {
            let standing = access::standing(connection, self.org, self.user(user), NOW).await?.unwrap();
            let expected = oracle(self, user, NOW);
            assert_eq!(
                self.opinion(&standing.rights, &standing.groups),
                expected,
                "world {number}, user {user}"
            );
            // Until then nothing changes by itself: what is kept in memory stays true.
            let last = standing.certain_until.minus(Duration::from_micros(1));
            for micros in 1_000..=last.micros().min(1_012) {
                let later = oracle(self, user, Timestamp::from_micros(micros));
                assert_eq!(later, expected, "world {number}, user {user}: changed at {micros}");
            }
        }
        for group in 0..GROUPS {
            let conferred = access::conferred(connection, self.org, &[self.group(group)], NOW).await?;
            assert_eq!(
                self.opinion(&conferred, &[]),
                oracle_of_group(self, group),
                "world {number}, group {group}"
            );
        }
        Ok(())
    }
}

fn given(term: &Term) -> Given {
    let terms = GrantTerms { reason: String::new(), valid_from: term.0, valid_until: term.1 };
    Given { by: Agent::Operator, at: NOW, terms }
}

/// `count` organizations, written a hundred at a time.
async fn agree(engine: Engine, count: u64) {
    let scratch = Scratch::new();
    let url = match engine {
        Engine::Sqlite => scratch.sqlite(),
        Engine::Postgres => Postgres::shared().database(),
    };
    let database = Database::open(&Options::new(&url)).await.unwrap();
    database.migrate().await.unwrap();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for chunk in 0..count / 100 {
        let worlds: Arc<Vec<(u64, World)>> = ((chunk * 100 + 1)..=(chunk * 100 + 100))
            .map(|number| (number, dice.world(number)))
            .collect::<Vec<_>>()
            .into();
        let some = worlds.clone();
        let write = async move |connection: &mut Connection<'_>| {
            for (_, world) in some.iter() {
                world.write(connection).await?;
            }
            Ok(Attempt::Commit(()))
        };
        let entry = EntryId(Uuid::from_u128(chunk.into()));
        let proof = Proof { org: OrgId(Uuid::nil()), entry };
        database.transaction(proof, Lane::Interactive, write, |(), _| {}).await.unwrap();
        let compare = async |connection: &mut Connection<'_>| {
            for (number, world) in worlds.iter() {
                world.compare(connection, *number).await?;
            }
            Ok(())
        };
        database.read(compare).await.unwrap();
    }
}

#[tokio::test]
async fn ten_thousand_organizations_agree_with_the_oracle_on_sqlite() {
    agree(Engine::Sqlite, 10_000).await;
}

#[tokio::test]
async fn two_thousand_organizations_agree_with_the_oracle_on_postgres() {
    agree(Engine::Postgres, 2_000).await;
}
