//! Why somebody can, or can't, do one thing: the ways on which it comes, or what is missing and what would give it.
//!
//! What is held is `access_paths.rs`. Whether it is really so is decided by `store::access::standing` alone.

use std::collections::BTreeMap;

use model::{
    Error, GroupId, OrgContext, Permission, Permissions, Result, Rights, Timestamp, UserId,
    access::Role,
    access_paths::{AccessWeb, Held, HeldRole, Holds, gives},
    role::{RoleDefinition, Scope},
    user::UserType,
};
use serde::{Deserialize, Serialize};
use store::{
    Connection, boxed,
    holders::{GivingGroup, HolderQuery},
};

use crate::{
    Actor, App, Person,
    access::Target,
    access_paths::{Obstacle, givers, guest, known, obstacle, seen, sentence, standing_in_the_way, web_for},
    mail::in_words,
};

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

impl App {
    /// Why a user can, or can't, do something; `over` asks about doing it to one user or group.
    #[boxed]
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
        if let Some(target) = over
            && !actor.rights.org.contains(Permission::AccessRead)
        {
            let there = self.permissions_over(context, &actor.rights, target).await?;
            there.require(Permission::AccessRead).map_err(|_| Error::not_found())?;
        }
        let person = self.load_person(context, user).await?;
        let read = async |connection: &mut Connection<'_>| {
            let place = Place::of(connection, context, over, now).await?;
            let in_reach = seen(connection, actor).await?;
            let web = web_for(connection, context, user, in_reach.as_ref()).await?;
            let held = web.held_by(user, now);
            let names = givers(connection, context, &held).await?;
            let definitions = store::roles::list(connection, context).await?;
            let keys = giving_roles(&definitions, permission);
            let keys: Vec<_> = keys.iter().map(|role| role.key).collect();
            let query = HolderQuery { roles: &keys, scopes: Some(&place.above), after: None, limit: 10 };
            let mut groups = store::holders::giving(connection, context, &query, now).await?;
            groups.retain(|(group, ..)| in_reach.as_ref().is_none_or(|seen| seen.contains(group)));
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
