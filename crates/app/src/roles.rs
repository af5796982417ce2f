//! What one can do with the roles of a user or a group: give, take, replace, within the granting rule.

use std::collections::BTreeSet;

use model::{
    Error, OrgContext, Permission, Permissions, Result, RoleKey, UserId,
    access::Role,
    grant::{Given, GrantKey, GrantTerms, Holder},
    role::{RoleDefinition, Scope},
    user::UserType,
};
use serde_json::Value;
use store::{Connection, boxed, grants::RoleGrant};

use crate::{Actor, App, Operation, Person, grants::span, impact::Concern, users::changed};

impl App {
    /// Every role: the built-in ones, the strongest first, then the organization's own by name.
    #[boxed]
    pub async fn roles(&self, actor: &Actor) -> Result<Vec<RoleDefinition>> {
        actor.require(Permission::RoleRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| store::roles::list(connection, context).await;
        let own = self.database().read(read).await?;
        Ok(Role::ALL.iter().map(|role| RoleDefinition::built_in(*role)).chain(own).collect())
    }

    /// The roles that somebody names: by key, by label, or by the name of one of the organization's own. Whether they may
    /// be given is asked when they are.
    #[boxed]
    pub async fn role_keys(&self, actor: &Actor, names: &[String]) -> Result<Vec<RoleKey>> {
        let context = actor.context;
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let read = async |connection: &mut Connection<'_>| named(connection, context, name).await;
            keys.push(self.database().read(read).await?.key);
        }
        Ok(keys)
    }

    /// Gives a user a role, on terms, for the whole organization or over a group.
    #[boxed]
    pub async fn grant_role(
        &self,
        actor: &Actor,
        user: UserId,
        role: RoleKey,
        scope: Scope,
        terms: GrantTerms,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            op.check_owners(&person);
            op.grant(&mut person, role, scope, terms.clone()).await?;
            Ok(person)
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }

    /// Takes a role from a user.
    #[boxed]
    pub async fn revoke_role(
        &self,
        actor: &Actor,
        user: UserId,
        role: RoleKey,
        scope: Scope,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            op.revoke(&mut person, role, scope).await?;
            Ok(person)
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }

    /// Replaces a user's direct roles in the whole organization (“Change role”); those over groups stay.
    #[boxed]
    pub async fn replace_roles(&self, actor: &Actor, user: UserId, roles: Vec<RoleKey>) -> Result<Person> {
        let roles: BTreeSet<RoleKey> = roles.into_iter().collect();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            let everywhere = person.grants.iter().filter(|grant| grant.scope == Scope::Org);
            let held: Vec<RoleKey> = everywhere.map(|grant| grant.role).collect();
            for role in held.iter().filter(|role| !roles.contains(role)) {
                op.revoke(&mut person, *role, Scope::Org).await?;
            }
            for role in roles.iter().filter(|role| !held.contains(role) && **role != Role::Member) {
                op.grant(&mut person, *role, Scope::Org, GrantTerms::default()).await?;
            }
            Ok(person)
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }
}

pub(crate) async fn named(
    connection: &mut Connection<'_>,
    context: OrgContext,
    name: &str,
) -> Result<RoleDefinition> {
    let unknown = || Role::named(name).err().unwrap_or_else(Error::not_found);
    let key = RoleKey::parse(name.trim()).or_else(|| Role::named(name).ok().map(RoleKey::BuiltIn));
    let found = match key {
        Some(key) => store::roles::find(connection, context, key).await?,
        None => store::roles::find_by_name(connection, context, &model::role::name_key(name.trim())).await?,
    };
    found.ok_or_else(unknown)
}

pub(crate) fn guests_hold_none() -> Error {
    Error::invalid_field("roles", "user.guest_with_roles", "A guest can't hold roles.")
}

impl Operation<'_, '_> {
    /// A role that somebody names.
    pub(crate) async fn role(&mut self, key: RoleKey) -> Result<RoleDefinition> {
        let role = store::roles::find(self.connection, self.context, key).await?;
        role.ok_or_else(|| {
            let message = "There is no such role, or not any more. Look at the list of roles.";
            Error::invalid_field("roles", "role.unknown", message)
        })
    }

    /// A role by its key, a built-in one's label, or the name of one of the organization's own.
    pub(crate) async fn role_named(&mut self, name: &str) -> Result<RoleDefinition> {
        named(self.connection, self.context, name).await
    }

    /// Refuses unless the actor may give or take this role in this scope.
    pub(crate) async fn may_assign(&mut self, role: &RoleDefinition, scope: Scope) -> Result<()> {
        let above = match scope {
            Scope::Org => Vec::new(),
            Scope::Group(group) => store::access::above(self.connection, self.context, &[group]).await?,
        };
        if !self.rights.over(&above).contains(Permission::RoleAssign) {
            return Err(Error::forbidden(Permission::RoleAssign.as_str()));
        }
        self.rights.may_grant(&role.allowed.in_scope(scope, above))
    }

    /// A grant of a role by this operation, if the actor may give so much.
    pub(crate) async fn new_grant(
        &mut self,
        role: RoleKey,
        scope: Scope,
        terms: GrantTerms,
    ) -> Result<RoleGrant> {
        let terms = terms.checked(self.now)?;
        if role == Role::Member {
            let message = "Everyone is a member already; the role can't be given or taken.";
            return Err(Error::invalid_field("roles", "role.member", message));
        }
        let role = self.role(role).await?;
        let scope_name = match scope {
            Scope::Org => String::new(),
            Scope::Group(group) => self.group_in_reach(group, Permission::RoleAssign).await?.fields.name,
        };
        self.may_assign(&role, scope).await?;
        if scope != Scope::Org && role.allowed.permissions.scopable() == Permissions::default() {
            let message = "Nothing that this role allows can be limited to a group. Give it for the whole organization, \
                           or choose another role.";
            return Err(Error::invalid_field("scope", "role.not_scopable", message));
        }
        let given = Given { by: self.agent, at: self.now, terms };
        Ok(RoleGrant { role: role.key, name: role.name, allowed: role.allowed, scope, scope_name, given })
    }

    /// Gives a role to a loaded person, if the actor may give so much.
    pub(crate) async fn grant(
        &mut self,
        person: &mut Person,
        role: RoleKey,
        scope: Scope,
        terms: GrantTerms,
    ) -> Result<()> {
        let grant = self.new_grant(role, scope, terms).await?;
        self.raising(Concern::User(person.user.id)).await?;
        if person.user.fields.kind() == UserType::Guest {
            return Err(guests_hold_none());
        }
        store::grants::grant(self.connection, self.context, person.user.id, &grant).await?;
        let same = |held: &RoleGrant| held.role == grant.role && held.scope == grant.scope;
        let is_news = !person.grants.iter().any(|held| same(held) && held.holds(self.now));
        let changes = described(&grant);
        person.grants.retain(|held| !same(held));
        person.grants.push(grant.clone());
        store::grants::sort(&mut person.grants);
        let holder = Holder::User(person.user.id);
        self.ends_later(GrantKey::Role { holder, role: grant.role, scope }, &grant.given);
        self.record_user(&person.user, "role.granted", changes, grant.given.terms.reason.clone());
        if is_news {
            self.tell_granted(person, &grant).await?;
        }
        self.refresh(person).await?;
        self.user_is_stale(person.user.id);
        Ok(())
    }

    /// Takes a role from a loaded person. Not held is not an error: the result is what was asked for.
    pub(crate) async fn revoke(&mut self, person: &mut Person, role: RoleKey, scope: Scope) -> Result<()> {
        let role = self.role(role).await?;
        self.may_assign(&role, scope).await?;
        self.check_owners(person);
        self.concerning(Concern::User(person.user.id)).await?;
        if !store::grants::revoke(self.connection, self.context, person.user.id, role.key, scope).await? {
            return Ok(());
        }
        let taken = person.grants.iter().position(|held| held.role == role.key && held.scope == scope);
        let Some(grant) = taken.map(|at| person.grants.remove(at)) else { return Ok(()) };
        let changes = changed("role", described_role(&grant), Value::Null);
        self.record_user(&person.user, "role.revoked", changes, String::new());
        self.tell_revoked(person, &grant).await?;
        self.refresh(person).await?;
        self.user_is_stale(person.user.id);
        Ok(())
    }
}

/// A role as the audit log names it: a built-in one by its key, one of the organization's own by its name at the time.
pub(crate) fn described_role(grant: &RoleGrant) -> Value {
    let role = grant.role.built_in().map_or_else(|| grant.name.clone(), |role| role.as_str().to_owned());
    match grant.scope {
        Scope::Org => role.into(),
        Scope::Group(_) => format!("{role} over {}", grant.scope_name).into(),
    }
}

/// What the audit log says of a grant.
pub(crate) fn described(grant: &RoleGrant) -> model::audit::Changes {
    let mut changes = changed("role", Value::Null, described_role(grant));
    changes.extend(span(&grant.given.terms));
    changes
}
