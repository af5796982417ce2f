//! What somebody may do, with every way on which it comes; and why somebody can, or can't, do one thing.
//!
//! The ways are worked out in `model/src/access_paths.rs`; who else may do it is `holders.rs`. Whether it is really so
//! is decided by `store::access::standing` alone: what is said here is compared with it by the tests.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Agent, Error, GroupId, OrgContext, Permission, Permissions, Result, Rights, Timestamp, User, UserId,
    access::Role,
    access_paths::{AccessWeb, Held, HeldRole, Holds, gives},
    lifecycle::{Departure, State},
    role::{RoleDefinition, Scope},
    user::UserType,
};
use serde::{Deserialize, Serialize};
use store::{
    Connection,
    holders::{GivingGroup, HolderQuery},
};

use crate::{Actor, App, Person, access::Target, mail::in_words, users::agent_label};

/// What somebody holds, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Access {
    /// Whose.
    pub user: UserId,
    /// Groups and roles with their ways.
    pub held: Held,
    /// Permissions, in the catalogue's order, then those of applications.
    pub permissions: Vec<HeldPermission>,
    /// What the account's state takes away at present; empty if nothing.
    pub obstacles: Vec<Obstacle>,
    /// The names of those who gave something.
    pub names: BTreeMap<UserId, String>,
}

/// A permission that somebody holds, or will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPermission {
    /// `user:suspend`.
    pub permission: String,
    /// What it allows, for people; empty for an application's.
    pub sentence: String,
    /// The group over which it counts; none: the whole organization.
    pub over: Option<GroupId>,
    /// That group's name.
    pub over_name: String,
    /// Whether everyone has it, as a member.
    pub everyone: bool,
    /// Which of the roles give it, by their place in the list.
    pub roles: Vec<usize>,
    /// Whether it counts now.
    pub now: bool,
    /// How many ways lead to it.
    pub paths: u64,
}

/// Something that stands in the way, or should be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// A stable name, such as `suspended`.
    pub code: String,
    /// In words, with what to do.
    pub text: String,
}

/// Why somebody can, or can't, do something.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Why {
    /// Whose.
    pub user: UserId,
    /// The person's name.
    pub name: String,
    /// What it is about.
    pub permission: String,
    /// What it allows, for people; empty for an application's.
    pub sentence: String,
    /// Over whom or what it was asked; empty: in the whole organization.
    pub over: String,
    /// Whether it can be done.
    pub can: bool,
    /// Whether everyone has it, as a member.
    pub everyone: bool,
    /// What is in the way, the most important first; empty if it can be done.
    pub obstacles: Vec<Obstacle>,
    /// What should be known besides.
    pub remarks: Vec<Obstacle>,
    /// The held roles that give it here, now or later, with their ways.
    pub roles: Vec<HeldRole>,
    /// What would give it, the least first; only while it is not held.
    pub offers: Vec<Offer>,
    /// Groups that would give it.
    pub groups: Vec<GivingGroup>,
    /// The names of those who gave something.
    pub names: BTreeMap<UserId, String>,
}

/// A role that would give what is missing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offer {
    /// Which.
    pub role: model::RoleKey,
    /// As people read it.
    pub name: String,
    /// How many of Muster's permissions it gives.
    pub permissions: usize,
    /// Whether whoever asks may give it.
    pub may_give: bool,
}

/// Who says what a permission allows.
pub(crate) fn sentence(permission: &str) -> String {
    Permission::parse(permission).map(|permission| permission.sentence().to_owned()).unwrap_or_default()
}

/// A permission that can be asked about: one of Muster's, or a name of the form of an application's.
pub(crate) fn known(permission: &str) -> Result<()> {
    let part = |text: &str| {
        !text.is_empty()
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter))
    };
    let is_name = permission.split_once(':').is_some_and(|(what, deed)| part(what) && part(deed));
    if is_name && permission.len() <= 100 { Ok(()) } else { Err(Error::not_found()) }
}

impl App {
    /// What a user holds, with every way to it.
    pub async fn access_of(&self, actor: &Actor, user: UserId) -> Result<Access> {
        actor.require(Permission::AccessRead)?;
        self.load_access(actor.context, user).await
    }

    /// The same, of oneself.
    pub async fn own_access(&self, actor: &Actor) -> Result<Access> {
        actor.require(Permission::AccountRead)?;
        self.load_access(actor.context, actor.user().ok_or_else(Error::not_found)?).await
    }

    async fn load_access(&self, context: OrgContext, id: UserId) -> Result<Access> {
        let now = self.now();
        let read = async |connection: &mut Connection<'_>| {
            let user = store::users::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
            let web = store::access_paths::web(connection, context, &[id]).await?;
            let held = web.held_by(id, now);
            let names = givers(connection, context, &held).await?;
            Ok((user, held, names))
        };
        let (user, held, names) = self.database().read(read).await?;
        let permissions = permissions(&held, user.fields.kind() == UserType::Guest);
        let mut obstacles = standing_in_the_way(&user, now);
        if user.fields.kind() == UserType::Guest
            && held.roles.iter().any(|role| administers(&role.allowed.permissions))
        {
            obstacles.push(guest());
        }
        Ok(Access { user: id, held, permissions, obstacles, names })
    }

    /// Why a user can, or can't, do something; `over` asks about doing it to one user or group.
    pub async fn why(
        &self,
        actor: &Actor,
        user: UserId,
        permission: &str,
        over: Option<Target>,
    ) -> Result<Why> {
        actor.require(Permission::AccessRead)?;
        known(permission)?;
        let (context, now) = (actor.context, self.now());
        let person = self.load_person(context, user).await?;
        let read = async |connection: &mut Connection<'_>| {
            let place = Place::of(connection, context, over, now).await?;
            let web = store::access_paths::web(connection, context, &[user]).await?;
            let held = web.held_by(user, now);
            let names = givers(connection, context, &held).await?;
            let definitions = store::roles::list(connection, context).await?;
            let keys = giving_roles(&definitions, permission);
            let keys: Vec<_> = keys.iter().map(|role| role.key).collect();
            let query = HolderQuery { roles: &keys, scopes: Some(&place.above), after: None, limit: 10 };
            let groups = store::holders::giving(connection, context, query, now).await?;
            let tokens = store::tokens::of_user(connection, context, user).await?;
            Ok(Known { place, web, held, names, definitions, groups, tokens })
        };
        let known = self.database().read(read).await?;
        Ok(known.explain(actor, &person, permission, now))
    }
}

/// The built-in roles and these, as far as they give a permission somewhere.
pub(crate) fn giving_roles(own: &[RoleDefinition], permission: &str) -> Vec<RoleDefinition> {
    let all =
        Role::ALL.iter().filter(|role| **role != Role::Member).map(|role| RoleDefinition::built_in(*role));
    all.chain(own.iter().cloned()).filter(|role| gives(&role.allowed, Scope::Org, permission)).collect()
}

/// The names of everybody who gave one of the steps.
async fn givers(
    connection: &mut Connection<'_>,
    context: OrgContext,
    held: &Held,
) -> Result<BTreeMap<UserId, String>> {
    let paths = held.groups.iter().map(|group| &group.paths).chain(held.roles.iter().map(|role| &role.paths));
    let steps = paths.flat_map(|paths| &paths.listed).flat_map(|path| &path.steps);
    let by: BTreeSet<UserId> =
        steps.filter_map(|step| if let Agent::User(id) = step.given.by { Some(id) } else { None }).collect();
    let by: Vec<UserId> = by.into_iter().collect();
    let people = store::access_paths::people(connection, context, &by).await?;
    Ok(people.into_iter().map(|(id, name, _)| (id, name)).collect())
}

fn administers(permissions: &Permissions) -> bool {
    permissions.beyond_member() != Permissions::default()
}

/// Every permission with the roles that give it.
fn permissions(held: &Held, is_guest: bool) -> Vec<HeldPermission> {
    let member = Rights::member().org;
    let mut all: BTreeMap<(usize, String, Option<GroupId>), HeldPermission> = BTreeMap::new();
    let mut add = |name: &str, over: Option<(GroupId, &str)>, role: Option<(usize, &HeldRole)>| {
        let place = Permission::ALL.iter().position(|known| known.as_str() == name).unwrap_or(usize::MAX);
        let key = (place, name.to_owned(), over.map(|(group, _)| group));
        let found = all.entry(key).or_insert_with(|| HeldPermission {
            permission: name.to_owned(),
            sentence: sentence(name),
            over: over.map(|(group, _)| group),
            over_name: over.map(|(_, name)| name.to_owned()).unwrap_or_default(),
            everyone: false,
            roles: Vec::new(),
            now: false,
            paths: 0,
        });
        match role {
            None => (found.everyone, found.now) = (true, true),
            Some((place, role)) => {
                found.roles.push(place);
                found.now |= role.paths.now > 0;
                found.paths = found.paths.saturating_add(role.paths.count);
            }
        }
    };
    member.iter().for_each(|permission| add(permission.as_str(), None, None));
    for (place, role) in held.roles.iter().enumerate() {
        let own = match role.scope {
            Scope::Org => role.allowed.permissions,
            Scope::Group(_) => role.allowed.permissions.scopable(),
        };
        let over = role.scope.group().map(|group| (group, role.scope_name.as_str()));
        for permission in own.iter().filter(|permission| !is_guest || member.contains(*permission)) {
            add(permission.as_str(), over, Some((place, role)));
        }
        if role.scope == Scope::Org {
            role.allowed.applications.iter().for_each(|name| add(name, None, Some((place, role))));
        }
    }
    all.into_values().collect()
}

fn obstacle(code: &str, text: impl Into<String>) -> Obstacle {
    Obstacle { code: code.to_owned(), text: text.into() }
}

fn guest() -> Obstacle {
    obstacle(
        "guest",
        "A guest is never an administrator: Muster's permissions of roles don't count. Change the type first.",
    )
}

/// What of the account itself stands in the way.
fn standing_in_the_way(user: &User, now: Timestamp) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let departed = |word: &str, departure: &Departure| {
        let reason = departure.reason.label().to_lowercase();
        format!(
            "{word} since {}: {reason}. Everything held counts again once reactivated.",
            in_words(departure.since)
        )
    };
    match &user.state {
        State::Active => {}
        State::Suspended(departure) => found.push(obstacle("suspended", departed("Suspended", departure))),
        State::Deprovisioned(departure) => {
            found.push(obstacle("deprovisioned", departed("Deprovisioned", departure)));
        }
        State::Trashed { .. } => {
            found.push(obstacle(
                "deleted",
                "In the trash. Everything held counts again once restored and reactivated.",
            ));
        }
        _ => found.push(obstacle(
            "not_active",
            "Not active yet: nothing can be done with this account. Activate or invite first.",
        )),
    }
    if let Some(lock) = user.lock.as_ref().filter(|_| user.is_locked(now)) {
        let until = lock.until.map_or("somebody unlocks".to_owned(), in_words);
        found.push(obstacle(
            "locked",
            format!("Locked by an administrator until {until}. Unlock the account."),
        ));
    }
    if let Some(from) = user.fields.valid_from.filter(|from| *from > now) {
        found.push(obstacle("not_valid_yet", format!("The account is valid from {} on.", in_words(from))));
    }
    if let Some(until) = user.fields.valid_until.filter(|until| *until <= now) {
        found.push(obstacle(
            "ended",
            format!("The account was valid until {}. Set a later end date.", in_words(until)),
        ));
    }
    found
}

/// Over whom or what it was asked.
#[derive(Default)]
struct Place {
    /// As people read it; empty for the whole organization.
    name: String,
    /// The groups that rights over count there.
    above: Vec<GroupId>,
    /// What the one it would be done to may do.
    rights: Option<Rights>,
}

impl Place {
    async fn of(
        connection: &mut Connection<'_>,
        context: OrgContext,
        over: Option<Target>,
        now: Timestamp,
    ) -> Result<Self> {
        Ok(match over {
            None => Self::default(),
            Some(Target::Group(id)) => {
                let group =
                    store::groups::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
                let above = store::access::above(connection, context, &[id]).await?;
                Self { name: group.fields.name, above, rights: None }
            }
            Some(Target::User(id)) => {
                let user = store::users::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
                let standing = store::access::standing(connection, context, id, now).await?;
                let above = standing.map(|standing| standing.groups).unwrap_or_default();
                let name = user.name().to_owned();
                let person = Person::load(connection, context, user, now).await?;
                Self { name, above, rights: Some(person.rights) }
            }
        })
    }

    fn is_reached(&self, scope: Scope) -> bool {
        scope.group().is_none_or(|group| self.above.contains(&group))
    }
}

/// Everything that the answer is made of.
struct Known {
    place: Place,
    web: AccessWeb,
    held: Held,
    names: BTreeMap<UserId, String>,
    definitions: Vec<RoleDefinition>,
    groups: Vec<GivingGroup>,
    tokens: Vec<model::token::Token>,
}

impl Known {
    fn explain(self, actor: &Actor, person: &Person, permission: &str, now: Timestamp) -> Why {
        let user = &person.user;
        let own = Permission::parse(permission);
        let everyone = own.is_some_and(|permission| Rights::member().org.contains(permission));
        let is_barred = own.is_some() && !everyone && user.fields.kind() == UserType::Guest;
        let given: Vec<HeldRole> =
            self.held.roles.iter().filter(|role| role.gives(permission)).cloned().collect();
        let (roles, elsewhere): (Vec<HeldRole>, Vec<HeldRole>) =
            given.into_iter().partition(|role| self.place.is_reached(role.scope));
        let holds = everyone || (!is_barred && roles.iter().any(|role| role.paths.now > 0));
        let mut obstacles = standing_in_the_way(user, now);
        if is_barred && !roles.is_empty() {
            obstacles.push(guest());
        } else if !holds {
            obstacles.extend(self.missing(&roles, &elsewhere, user.id, permission, now));
        }
        let can = holds && obstacles.is_empty();
        let (offers, groups) = if holds || is_barred {
            (Vec::new(), Vec::new())
        } else {
            (self.offers(actor, permission), self.groups.clone())
        };
        let remarks = self.remarks(person, own, can, now);
        let (name, sentence) = (user.name().to_owned(), sentence(permission));
        let (permission, over) = (permission.to_owned(), self.place.name);
        Why {
            user: user.id,
            name,
            permission,
            sentence,
            over,
            can,
            everyone,
            obstacles,
            remarks,
            roles,
            offers,
            groups,
            names: self.names,
        }
    }

    /// Why it isn't held: it begins later, counts elsewhere, has ended, or was never given.
    fn missing(
        &self,
        roles: &[HeldRole],
        elsewhere: &[HeldRole],
        user: UserId,
        permission: &str,
        now: Timestamp,
    ) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let later = roles.iter().flat_map(|role| role.paths.listed.iter().map(move |path| (role, path)));
        let first = later.filter(|(_, path)| path.holds == Holds::Later).min_by_key(|(_, path)| path.from);
        if let Some((role, path)) = first {
            let from = path.from.map(in_words).unwrap_or_default();
            found.push(obstacle("not_yet", format!("{} gives it, but only from {from} on.", role.name)));
        }
        for role in elsewhere.iter().take(5) {
            let text = format!("{} gives it over {} only.", role.name, role.scope_name);
            found.push(obstacle("elsewhere", text));
        }
        if found.is_empty()
            && let Some(ended) = self.ended(user, permission, now)
        {
            found.push(ended);
        }
        if found.is_empty() {
            found.push(obstacle("not_given", "No role that is held gives it, directly or through a group."));
        }
        found
    }

    /// A way that led there until its time was over.
    fn ended(&self, user: UserId, permission: &str, now: Timestamp) -> Option<Obstacle> {
        let is_over = |until: Option<Timestamp>| until.filter(|until| *until <= now);
        let direct = self.web.direct.get(&user).into_iter().flatten();
        let direct = direct.filter(|role| gives(&role.allowed, role.scope, permission));
        let roles = direct.filter_map(|role| Some((is_over(role.given.terms.valid_until)?, role.label())));
        let mut without = self.web.clone();
        for (_, given) in without.memberships.values_mut().flatten() {
            given.terms.valid_until = None;
        }
        let back = without.held_by(user, now);
        let would = back.roles.iter().any(|role| role.gives(permission) && self.place.is_reached(role.scope));
        let memberships = self.web.memberships.get(&user).into_iter().flatten();
        let name = |group: &GroupId| self.web.names.get(group).cloned().unwrap_or_default();
        let groups = memberships
            .filter(|_| would)
            .filter_map(|(group, given)| Some((is_over(given.terms.valid_until)?, name(group))));
        let (at, what) = roles.chain(groups).max()?;
        Some(obstacle(
            "has_ended",
            format!("{what} gave it until {}. Give it again, with a later end.", in_words(at)),
        ))
    }

    /// The roles that would give it, the least first.
    fn offers(&self, actor: &Actor, permission: &str) -> Vec<Offer> {
        let may_assign = actor.permissions.contains(Permission::RoleAssign);
        let offer = |role: RoleDefinition| {
            let rights = role.allowed.in_scope(Scope::Org, Vec::new());
            Offer {
                role: role.key,
                name: role.name,
                permissions: role.allowed.permissions.beyond_member().iter().count(),
                may_give: may_assign && actor.rights.covers(&rights),
            }
        };
        let mut offers: Vec<Offer> =
            giving_roles(&self.definitions, permission).into_iter().map(offer).collect();
        offers.sort_by(|one, other| (one.permissions, &one.name).cmp(&(other.permissions, &other.name)));
        offers
    }

    /// What should be known besides.
    fn remarks(&self, person: &Person, own: Option<Permission>, can: bool, now: Timestamp) -> Vec<Obstacle> {
        let mut found = Vec::new();
        if person.password.must_change {
            found.push(obstacle(
                "must_change_password",
                "Another password must be chosen at the next sign-in, before anything else.",
            ));
        }
        let narrow = self.tokens.iter().filter(|token| {
            token.expires_at > now
                && own.map_or(token.scopes != Permissions::all(), |own| !token.scopes.contains(own))
        });
        let narrow = narrow.count();
        if can && narrow > 0 {
            let said = if narrow == 1 {
                "One API token has scopes that leave".to_owned()
            } else {
                format!("{narrow} API tokens have scopes that leave")
            };
            found.push(obstacle("token_scopes", format!("{said} it out: programs that use it can't.")));
        }
        if let (Some(rights), true) = (&self.place.rights, can)
            && !person.rights.covers(rights)
        {
            let text = format!("{} may do more: whatever changes the account is refused.", self.place.name);
            found.push(obstacle("stronger_person", text));
        }
        found
    }
}

/// Who gave something, in words.
pub fn giver(by: Agent, names: &BTreeMap<UserId, String>) -> String {
    let name = if let Agent::User(id) = by { names.get(&id).map(String::as_str) } else { None };
    agent_label(by, name)
}
