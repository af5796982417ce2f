//! Every way on which somebody comes to a group, a role or a permission: directly, or through groups in groups, each
//! step with who gave it, when, and until when. Pure: what is stored comes in as an `AccessWeb`.
//!
//! Groups may stand in several others, so there can be exponentially many ways. They are counted without being walked,
//! and only the first of them are written out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, Permission, Permissions, Rights, RoleKey, Timestamp, UserId,
    grant::Given,
    rights::Applications,
    role::{Allowed, Scope},
};

/// So many ways to one thing are written out; of the others the number is told.
pub const MAX_PATHS: usize = 50;
/// Deeper than groups may ever stand in each other: ends every walk, whatever is stored.
const DEEPEST: usize = 64;

/// A role as a user or a group carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Which.
    pub role: RoleKey,
    /// As people read it.
    pub name: String,
    /// What it allows.
    pub allowed: Allowed,
    /// Where it counts.
    pub scope: Scope,
    /// The name of the group over which it counts; empty for the whole organization.
    pub scope_name: String,
    /// Who gave it, when, and on what terms.
    pub given: Given,
}

impl Carried {
    /// As people read it: `Helpdesk`, `Helpdesk over Sales`.
    pub fn label(&self) -> String {
        if self.scope == Scope::Org {
            self.name.clone()
        } else {
            format!("{} over {}", self.name, self.scope_name)
        }
    }

    /// What it allows where it counts: over a group, only what can be limited to one.
    fn counting(&self) -> Permissions {
        match self.scope {
            Scope::Org => self.allowed.permissions,
            Scope::Group(_) => self.allowed.permissions.scopable(),
        }
    }
}

/// All that is stored about how some users come to what they hold.
#[derive(Debug, Clone, Default)]
pub struct AccessWeb {
    /// Into which groups each of them was put.
    pub memberships: BTreeMap<UserId, Vec<(GroupId, Given)>>,
    /// In which groups a group stands, for every group above one of these.
    pub nestings: BTreeMap<GroupId, Vec<(GroupId, Given)>>,
    /// What each of them was given directly.
    pub direct: BTreeMap<UserId, Vec<Carried>>,
    /// What the groups carry.
    pub carried: BTreeMap<GroupId, Vec<Carried>>,
    /// The groups' names.
    pub names: BTreeMap<GroupId, String>,
    /// Which of them are guests: never administrators, whatever they hold.
    pub guests: BTreeSet<UserId>,
}

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The group that is come to; none where a role is.
    pub group: Option<GroupId>,
    /// The name of the group or role.
    pub name: String,
    /// Who gave it, when, and on what terms.
    pub given: Given,
}

/// Whether a way leads there at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It does.
    Now,
    /// It begins later.
    Later,
    /// Its dates leave no time at which all of it holds.
    Never,
}

/// A way: the membership, each group that stands in the next, and at last the role, if it leads to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The steps; a role that was given directly has one.
    pub steps: Vec<Step>,
    /// Whether it leads there now.
    pub holds: Holds,
    /// Not before; the latest of its steps.
    pub from: Option<Timestamp>,
    /// Not any more from then on; the earliest of its steps.
    pub until: Option<Timestamp>,
    /// Whether it ends so soon that people were told.
    pub ends_soon: bool,
}

impl Path {
    fn of(steps: Vec<Step>, now: Timestamp) -> Self {
        let from = steps.iter().filter_map(|step| step.given.terms.valid_from).max();
        let until = steps.iter().filter_map(|step| step.given.terms.valid_until).min();
        let holds = if steps.iter().all(|step| step.given.holds(now)) {
            Holds::Now
        } else if from.zip(until).is_none_or(|(from, until)| from < until) {
            Holds::Later
        } else {
            Holds::Never
        };
        let ends_soon = steps.iter().filter_map(|step| step.given.warned_at()).any(|at| at <= now);
        Self { steps, holds, from, until, ends_soon }
    }

    /// Through which groups, the first that somebody is in first; none for what is held directly.
    pub fn through(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(|step| step.group.is_some()).map(|step| step.name.as_str())
    }

    /// Whether nothing lies between: the role, or the place in the group, was given to the user.
    pub fn is_direct(&self) -> bool {
        self.steps.len() == 1
    }

    /// In words: `direct`, or `Night shift > Support`.
    pub fn label(&self) -> String {
        let groups: Vec<&str> = self.through().collect();
        if self.is_direct() { "direct".to_owned() } else { groups.join(" > ") }
    }
}

/// The ways to one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paths {
    /// The first `MAX_PATHS`: those that hold now first, the shortest of them first.
    pub listed: Vec<Path>,
    /// How many there are that have not ended.
    pub count: u64,
    /// How many hold now.
    pub now: u64,
}

impl Paths {
    /// How many are not listed.
    pub fn more(&self) -> u64 {
        self.count.saturating_sub(self.listed.len() as u64)
    }

    fn add(&mut self, mut other: Self) {
        self.listed.append(&mut other.listed);
        self.listed.sort_by_key(|path| (path.holds != Holds::Now, path.steps.len()));
        self.listed.truncate(MAX_PATHS);
        self.count = self.count.saturating_add(other.count);
        self.now = self.now.saturating_add(other.now);
    }
}

/// A group that somebody is in, at any depth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldGroup {
    /// Which.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// The ways to it.
    pub paths: Paths,
}

/// A role that somebody holds, directly or through groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRole {
    /// Which.
    pub role: RoleKey,
    /// As people read it.
    pub name: String,
    /// What it allows.
    pub allowed: Allowed,
    /// Where it counts.
    pub scope: Scope,
    /// The name of the group over which it counts; empty for the whole organization.
    pub scope_name: String,
    /// The ways to it.
    pub paths: Paths,
}

impl HeldRole {
    /// Whether it gives a permission, Muster's or an application's, where it counts.
    pub fn gives(&self, permission: &str) -> bool {
        gives(&self.allowed, self.scope, permission)
    }
}

/// Whether a role that allows this gives a permission where it counts.
pub fn gives(allowed: &Allowed, scope: Scope, permission: &str) -> bool {
    match (Permission::parse(permission), scope) {
        (Some(permission), Scope::Org) => allowed.permissions.contains(permission),
        (Some(permission), Scope::Group(_)) => allowed.permissions.scopable().contains(permission),
        (None, Scope::Org) => allowed.applications.contains(permission),
        (None, Scope::Group(_)) => false,
    }
}

/// What somebody holds, with every way to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Groups, by name.
    pub groups: Vec<HeldGroup>,
    /// Roles, the strongest built-in ones first.
    pub roles: Vec<HeldRole>,
}

impl AccessWeb {
    /// What a user holds now or will, with the ways to it.
    pub fn held_by(&self, user: UserId, now: Timestamp) -> Held {
        let open = Climb::new(self, user, |given| has_not_ended(given, now));
        let present = Climb::new(self, user, |given| given.holds(now));
        let mut groups: Vec<HeldGroup> = Vec::new();
        let mut roles: BTreeMap<(RoleKey, Scope), HeldRole> = BTreeMap::new();
        let mut carry = |role: &Carried, paths: Paths| {
            let held = roles.entry((role.role, role.scope)).or_insert_with(|| HeldRole {
                role: role.role,
                name: role.name.clone(),
                allowed: role.allowed.clone(),
                scope: role.scope,
                scope_name: role.scope_name.clone(),
                paths: Paths::default(),
            });
            held.paths.add(paths);
        };
        for role in
            self.direct.get(&user).into_iter().flatten().filter(|role| has_not_ended(&role.given, now))
        {
            let path = Path::of(vec![step_to_role(role)], now);
            let present = u64::from(path.holds == Holds::Now);
            carry(role, Paths { listed: vec![path], count: 1, now: present });
        }
        for group in &open.reached {
            let paths = ways(&present, &open, *group, now);
            for role in self.carried.get(group).into_iter().flatten() {
                if has_not_ended(&role.given, now) {
                    carry(role, onwards(&paths, role, now));
                }
            }
            groups.push(HeldGroup { group: *group, name: self.name(*group), paths });
        }
        groups.sort_by(|one, other| (&one.name, one.group).cmp(&(&other.name, other.group)));
        let mut roles: Vec<HeldRole> = roles.into_values().collect();
        let key = |role: &HeldRole| (role.role.built_in().is_none(), role.role.built_in(), role.name.clone());
        roles.sort_by_key(|role| (key(role), role.scope_name.clone()));
        Held { groups, roles }
    }

    fn name(&self, group: GroupId) -> String {
        self.names.get(&group).cloned().unwrap_or_default()
    }
}

fn has_not_ended(given: &Given, now: Timestamp) -> bool {
    given.terms.valid_until.is_none_or(|until| until > now)
}

fn step_to_role(role: &Carried) -> Step {
    Step { group: None, name: role.label(), given: role.given.clone() }
}

/// The ways to a group, carried on to a role of it.
fn onwards(paths: &Paths, role: &Carried, now: Timestamp) -> Paths {
    let extended = |path: &Path| {
        let mut steps = path.steps.clone();
        steps.push(step_to_role(role));
        Path::of(steps, now)
    };
    let present = if role.given.holds(now) { paths.now } else { 0 };
    Paths { listed: paths.listed.iter().map(extended).collect(), count: paths.count, now: present }
}

/// The ways to a group: those that hold now, then the others.
fn ways(present: &Climb<'_>, open: &Climb<'_>, group: GroupId, now: Timestamp) -> Paths {
    let (count, holding) = (open.count(group), present.count(group));
    let mut listed = present.first(group, MAX_PATHS, now);
    if listed.len() < MAX_PATHS && count > holding {
        let all = open.first(group, MAX_PATHS + listed.len(), now);
        listed.extend(all.into_iter().filter(|path| path.holds != Holds::Now));
        listed.truncate(MAX_PATHS);
    }
    Paths { listed, count, now: holding }
}

/// The groups above a user, along the memberships and nestings that count.
struct Climb<'w> {
    web: &'w AccessWeb,
    /// Where the user was put.
    entered: BTreeMap<GroupId, &'w Given>,
    /// From a group to those in it on which the user comes to it.
    below: BTreeMap<GroupId, Vec<(GroupId, &'w Given)>>,
    reached: BTreeSet<GroupId>,
    counts: BTreeMap<GroupId, u64>,
}

impl<'w> Climb<'w> {
    fn new(web: &'w AccessWeb, user: UserId, counts: impl Fn(&Given) -> bool) -> Self {
        let memberships = web.memberships.get(&user).into_iter().flatten();
        let entered: BTreeMap<GroupId, &Given> =
            memberships.filter(|(_, given)| counts(given)).map(|(group, given)| (*group, given)).collect();
        let (mut below, mut reached) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
        let mut next: Vec<GroupId> = entered.keys().copied().collect();
        while let Some(group) = next.pop() {
            if !reached.insert(group) {
                continue;
            }
            for (parent, given) in web.nestings.get(&group).into_iter().flatten() {
                if counts(given) {
                    below.entry(*parent).or_default().push((group, given));
                    next.push(*parent);
                }
            }
        }
        let mut climb = Self { web, entered, below, reached, counts: BTreeMap::new() };
        for group in climb.reached.clone() {
            climb.reckon(group, 0);
        }
        climb
    }

    /// How many ways lead to a group; each group is reckoned once.
    fn reckon(&mut self, group: GroupId, depth: usize) -> u64 {
        if let Some(known) = self.counts.get(&group) {
            return *known;
        }
        if depth > DEEPEST {
            return 0;
        }
        let mut count = u64::from(self.entered.contains_key(&group));
        for (child, _) in self.below.get(&group).cloned().unwrap_or_default() {
            count = count.saturating_add(self.reckon(child, depth + 1));
        }
        self.counts.insert(group, count);
        count
    }

    fn count(&self, group: GroupId) -> u64 {
        self.counts.get(&group).copied().unwrap_or_default()
    }

    /// The shortest ways to a group. Every beginning of one leads to the user in the end, so that more beginnings than
    /// ways are wanted need never be kept.
    fn first(&self, group: GroupId, limit: usize, now: Timestamp) -> Vec<Path> {
        let mut found = Vec::new();
        let mut begun: Vec<(GroupId, Vec<Step>)> =
            if self.reached.contains(&group) { vec![(group, Vec::new())] } else { Vec::new() };
        for _ in 0..=DEEPEST {
            let mut longer = Vec::new();
            for (at, steps) in begun {
                if let Some(given) = self.entered.get(&at) {
                    let mut whole = steps.clone();
                    whole.push(self.step(at, given));
                    whole.reverse();
                    found.push(Path::of(whole, now));
                }
                for (child, given) in self.below.get(&at).into_iter().flatten() {
                    if longer.len() < limit {
                        let mut steps = steps.clone();
                        steps.push(self.step(at, given));
                        longer.push((*child, steps));
                    }
                }
            }
            begun = longer;
            if found.len() >= limit || begun.is_empty() {
                break;
            }
        }
        found.truncate(limit);
        found
    }

    fn step(&self, group: GroupId, given: &Given) -> Step {
        Step { group: Some(group), name: self.web.name(group), given: given.clone() }
    }
}

/// What somebody effectively holds at a time, to be compared with another time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Groups, at any depth.
    pub groups: BTreeSet<GroupId>,
    /// Roles, and where each counts.
    pub roles: BTreeSet<(RoleKey, Scope)>,
    /// Muster's permissions in the whole organization.
    pub org: Permissions,
    /// Muster's permissions over groups.
    pub scoped: BTreeMap<GroupId, Permissions>,
    /// Applications' permissions.
    pub applications: Applications,
}

impl Effective {
    fn add_role(&mut self, role: &Carried) {
        self.roles.insert((role.role, role.scope));
        match role.scope {
            Scope::Org => {
                self.org = self.org.and(role.allowed.permissions);
                self.applications.extend(&role.allowed.applications);
            }
            Scope::Group(group) => {
                let over = self.scoped.entry(group).or_default();
                *over = over.and(role.counting());
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.groups.extend(&other.groups);
        self.roles.extend(&other.roles);
        self.org = self.org.and(other.org);
        self.applications.extend(&other.applications);
        for (group, permissions) in &other.scoped {
            let over = self.scoped.entry(*group).or_default();
            *over = over.and(*permissions);
        }
    }
}

/// Reckons what many users effectively hold, each group once.
pub struct Reckoning<'w> {
    web: &'w AccessWeb,
    now: Timestamp,
    groups: BTreeMap<GroupId, Effective>,
}

impl<'w> Reckoning<'w> {
    /// At a time.
    pub fn new(web: &'w AccessWeb, now: Timestamp) -> Self {
        Self { web, now, groups: BTreeMap::new() }
    }

    /// What a user effectively holds.
    pub fn of(&mut self, user: UserId) -> Effective {
        let (web, now) = (self.web, self.now);
        let mut all = Effective { org: Rights::member().org, ..Effective::default() };
        for role in web.direct.get(&user).into_iter().flatten().filter(|role| role.given.holds(now)) {
            all.add_role(role);
        }
        for (group, given) in web.memberships.get(&user).into_iter().flatten() {
            if given.holds(now) {
                self.reckon(*group, 0);
                if let Some(given) = self.groups.get(group) {
                    all.add(given);
                }
            }
        }
        if web.guests.contains(&user) {
            (all.org, all.scoped) = (Rights::member().org, BTreeMap::new());
        }
        all.scoped.retain(|_, permissions| *permissions != Permissions::default());
        all
    }

    /// What being in a group gives.
    fn reckon(&mut self, group: GroupId, depth: usize) {
        if self.groups.contains_key(&group) || depth > DEEPEST {
            return;
        }
        let mut all = Effective { groups: BTreeSet::from([group]), ..Effective::default() };
        for role in
            self.web.carried.get(&group).into_iter().flatten().filter(|role| role.given.holds(self.now))
        {
            all.add_role(role);
        }
        for (parent, given) in self.web.nestings.get(&group).into_iter().flatten() {
            if given.holds(self.now) {
                self.reckon(*parent, depth + 1);
                if let Some(above) = self.groups.get(parent) {
                    all.add(above);
                }
            }
        }
        self.groups.insert(group, all);
    }
}
