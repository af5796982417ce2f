//! What somebody may do, with every way on which it comes.
//!
//! The ways are worked out in `model/src/access_paths.rs`; why somebody can, or can't, do one thing is `explain_access.rs`,
//! who else may do it `holders.rs`. Whether it is really so
//! is decided by `store::access::standing` alone: what is said here is compared with it by the tests.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Agent, Error, GroupId, OrgContext, Permission, Permissions, Result, Rights, Timestamp, User, UserId,
    access_paths::{AccessWeb, Held, HeldRole},
    lifecycle::{Departure, State},
    rights::Reach,
    role::Scope,
    user::UserType,
};
use serde::{Deserialize, Serialize};
use store::{Connection, boxed};

use crate::{Actor, App, mail::in_words, users::agent_label};

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
    #[boxed]
    pub async fn access_of(&self, actor: &Actor, user: UserId) -> Result<Access> {
        actor.require(Permission::AccessRead)?;
        self.load_access(actor.context, user, Some(actor)).await
    }

    /// The same, of oneself.
    #[boxed]
    pub async fn own_access(&self, actor: &Actor) -> Result<Access> {
        actor.require(Permission::AccountRead)?;
        self.load_access(actor.context, actor.user().ok_or_else(Error::not_found)?, None).await
    }

    /// `viewer` sees the names of groups that are in reach; one's own access is shown whole.
    async fn load_access(&self, context: OrgContext, id: UserId, viewer: Option<&Actor>) -> Result<Access> {
        let now = self.now();
        let read = async |connection: &mut Connection<'_>| {
            let user = store::users::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
            let seen = match viewer {
                Some(viewer) => seen(connection, viewer).await?,
                None => None,
            };
            let web = web_for(connection, context, id, seen.as_ref()).await?;
            let mut held = web.held_by(id, now);
            held.groups.retain(|group| seen.as_ref().is_none_or(|seen| seen.contains(&group.group)));
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
}

/// The groups that somebody may read; `None`: all of them.
pub(crate) async fn seen(
    connection: &mut Connection<'_>,
    viewer: &Actor,
) -> Result<Option<BTreeSet<GroupId>>> {
    Ok(match viewer.rights.reach(Permission::GroupRead) {
        Reach::Everybody => None,
        Reach::Groups(groups) => {
            let below = store::access::below(connection, viewer.context, &groups).await?;
            Some(below.into_iter().collect())
        }
    })
}

/// Reads how somebody comes to what is held, without the names of groups that the viewer may not read: that there is a
/// way is told, not through what.
pub(crate) async fn web_for(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    seen: Option<&BTreeSet<GroupId>>,
) -> Result<AccessWeb> {
    const ANOTHER: &str = "another group";
    let mut web = store::access_paths::web(connection, context, &[user]).await?;
    let Some(seen) = seen else { return Ok(web) };
    for (_, name) in web.names.iter_mut().filter(|(group, _)| !seen.contains(group)) {
        ANOTHER.clone_into(name);
    }
    for role in web.direct.values_mut().chain(web.carried.values_mut()).flatten() {
        if role.scope.group().is_some_and(|group| !seen.contains(&group)) {
            ANOTHER.clone_into(&mut role.scope_name);
        }
    }
    Ok(web)
}

/// The names of everybody who gave one of the steps.
pub(crate) async fn givers(
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

pub(crate) fn obstacle(code: &str, text: impl Into<String>) -> Obstacle {
    Obstacle { code: code.to_owned(), text: text.into() }
}

pub(crate) fn guest() -> Obstacle {
    obstacle(
        "guest",
        "A guest is never an administrator: Muster's permissions of roles don't count. Change the type first.",
    )
}

/// What of the account itself stands in the way.
pub(crate) fn standing_in_the_way(user: &User, now: Timestamp) -> Vec<Obstacle> {
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

/// Who gave something, in words.
pub fn giver(by: Agent, names: &BTreeMap<UserId, String>) -> String {
    let name = if let Agent::User(id) = by { names.get(&id).map(String::as_str) } else { None };
    agent_label(by, name)
}
