//! What one can do with roles: give, take, replace, within the granting rule.

use std::collections::BTreeSet;

use model::{Error, Permission, Result, Role, Timestamp, UserId, user::UserType};
use serde_json::{Value, json};
use store::roles::RoleGrant;

use crate::{Actor, App, Operation, Person, users::changed};

impl App {
    /// Gives a user a role, until a date if wished.
    pub async fn grant_role(
        &self,
        actor: &Actor,
        user: UserId,
        role: Role,
        reason: String,
        valid_until: Option<Timestamp>,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            op.check_owners(&person);
            op.grant(&mut person, role, reason.clone(), valid_until).await?;
            Ok(person)
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }

    /// Takes a role from a user.
    pub async fn revoke_role(&self, actor: &Actor, user: UserId, role: Role) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            op.revoke(&mut person, role).await?;
            Ok(person)
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }

    /// Replaces a user's direct roles (“Change role”).
    pub async fn replace_roles(&self, actor: &Actor, user: UserId, roles: Vec<Role>) -> Result<Person> {
        let roles: BTreeSet<Role> = roles.into_iter().collect();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            let held: Vec<Role> = person.roles().collect();
            for role in held.iter().filter(|role| !roles.contains(role)) {
                op.revoke(&mut person, *role).await?;
            }
            for role in roles.iter().filter(|role| !held.contains(role) && **role != Role::Member) {
                op.grant(&mut person, *role, String::new(), None).await?;
            }
            Ok(person)
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }
}

pub(crate) fn guests_hold_none() -> Error {
    Error::invalid_field("roles", "user.guest_with_roles", "A guest can't hold roles.")
}

impl Operation<'_, '_> {
    /// Gives a role to a loaded person, if the actor may give so much.
    pub(crate) async fn grant(
        &mut self,
        person: &mut Person,
        role: Role,
        reason: String,
        valid_until: Option<Timestamp>,
    ) -> Result<()> {
        self.permissions.require(Permission::RoleAssign)?;
        self.permissions.may_grant(role.permissions().beyond_member())?;
        if role == Role::Member {
            let message = "Everyone is a member already; the role can't be given or taken.";
            return Err(Error::invalid_field("roles", "role.member", message));
        }
        if person.user.fields.kind() == UserType::Guest {
            return Err(guests_hold_none());
        }
        if valid_until.is_some_and(|until| until <= self.now) {
            let message = "The role would have ended already. Choose a time in the future.";
            return Err(Error::invalid_field("valid_until", "role.past", message));
        }
        let grant = RoleGrant {
            role,
            granted_by: self.agent,
            granted_at: self.now,
            reason: reason.clone(),
            valid_from: None,
            valid_until,
        };
        store::roles::grant(self.connection, self.context, person.user.id, &grant).await?;
        let is_news = !person.grants.iter().any(|held| held.role == role && held.holds(self.now));
        person.grants.retain(|held| held.role != role);
        person.grants.push(grant);
        person.grants.sort_by_key(|held| held.role);
        let until = valid_until.map_or(Value::Null, |until| json!(until));
        let mut changes = changed("role", Value::Null, role.as_str().into());
        if !until.is_null() {
            changes.extend(changed("valid_until", Value::Null, until));
        }
        self.record_user(&person.user, "role.granted", changes, reason);
        if is_news {
            self.tell_granted(person, role).await?;
        }
        self.user_is_stale(person.user.id);
        Ok(())
    }

    /// Takes a role from a loaded person. Not held is not an error: the result is what was asked for.
    pub(crate) async fn revoke(&mut self, person: &mut Person, role: Role) -> Result<()> {
        self.permissions.may_grant(role.permissions().beyond_member())?;
        self.check_owners(person);
        if !store::roles::revoke(self.connection, self.context, person.user.id, role).await? {
            return Ok(());
        }
        person.grants.retain(|held| held.role != role);
        let changes = changed("role", role.as_str().into(), Value::Null);
        self.record_user(&person.user, "role.revoked", changes, String::new());
        self.tell_revoked(person, role).await?;
        self.user_is_stale(person.user.id);
        Ok(())
    }
}
