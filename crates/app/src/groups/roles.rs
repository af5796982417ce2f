//! What groups carry, and who decides about them: roles for everybody in the group, and owners, who decide about its
//! members. Both within the granting rule: an owner could put anybody into the group, himself too.

use model::{
    Error, GroupId, Permission, Result, Role, RoleKey, UserId,
    grant::{GrantKey, GrantTerms, Holder},
    group::Group,
    role::Scope,
    user::UserType,
};
use serde_json::{Value, json};

use super::GroupDetails;
use store::boxed;

use crate::{
    Actor, App, Operation,
    impact::Concern,
    roles::{described, described_role},
    users::changed,
};

impl App {
    /// Gives everybody in a group a role, on terms, in the whole organization or over a group. Doing it again changes the
    /// terms.
    #[boxed]
    pub async fn grant_group_role(
        &self,
        actor: &Actor,
        group: GroupId,
        role: RoleKey,
        scope: Scope,
        terms: GrantTerms,
    ) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(group, Permission::RoleAssign).await?;
            op.give_group(&group, role, scope, terms.clone()).await?;
            op.details(group).await
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }

    /// Takes a role from a group. Not carried is not an error: the result is what was asked for.
    #[boxed]
    pub async fn revoke_group_role(
        &self,
        actor: &Actor,
        group: GroupId,
        role: RoleKey,
        scope: Scope,
    ) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(group, Permission::RoleAssign).await?;
            op.take_from_group(&group, role, scope).await?;
            op.details(group).await
        };
        self.run(actor, Permission::RoleAssign, deed).await
    }

    /// Makes a user an owner of a group.
    #[boxed]
    pub async fn add_owner(&self, actor: &Actor, group: GroupId, user: UserId) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(group, Permission::GroupUpdate).await?;
            op.make_owner(&group, user).await?;
            op.details(group).await
        };
        self.run(actor, Permission::GroupUpdate, deed).await
    }

    /// Takes the ownership of a group from a user. Not an owner is not an error: the result is what was asked for.
    #[boxed]
    pub async fn remove_owner(&self, actor: &Actor, group: GroupId, user: UserId) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(group, Permission::GroupUpdate).await?;
            op.may_admit(group.id).await?;
            let was_owner = store::group_owners::remove(op.connection, op.context, group.id, user).await?;
            if !was_owner && !op.may_see(user).await? {
                return Err(Error::not_found());
            }
            if was_owner {
                let changes = changed("owner_id", json!(user), Value::Null);
                op.record_group(&group, "group.owner_removed", changes, String::new());
            }
            op.details(group).await
        };
        self.run(actor, Permission::GroupUpdate, deed).await
    }
}

impl Operation<'_, '_> {
    pub(super) async fn give_group(
        &mut self,
        group: &Group,
        role: RoleKey,
        scope: Scope,
        terms: GrantTerms,
    ) -> Result<()> {
        let grant = self.new_grant(role, scope, terms).await?;
        // An end date on the way to the last owner takes him away as well.
        self.touch_owners(&grant.allowed.in_scope(scope, Vec::new()));
        self.raising(Concern::Group(group.id)).await?;
        let held = store::grants::of_group(self.connection, self.context, group.id).await?;
        store::grants::grant_group(self.connection, self.context, group.id, &grant).await?;
        let holder = Holder::Group(group.id);
        self.ends_later(GrantKey::Role { holder, role: grant.role, scope }, &grant.given);
        let is_news =
            !held.iter().any(|held| held.role == role && held.scope == scope && held.holds(self.now));
        if is_news && role == Role::Owner && scope == Scope::Org {
            let about = format!("Everybody in the group {} is an owner now", group.fields.name);
            self.tell_owners_of_group(about).await?;
        }
        let changes = described(&grant);
        self.record_group(group, "group.role_granted", changes, grant.given.terms.reason);
        self.everybody_is_stale();
        Ok(())
    }

    async fn take_from_group(&mut self, group: &Group, role: RoleKey, scope: Scope) -> Result<()> {
        let role = self.role(role).await?;
        self.may_assign(&role, scope).await?;
        self.touch_owners(&role.allowed.in_scope(scope, Vec::new()));
        let carried = store::grants::of_group(self.connection, self.context, group.id).await?;
        let carried = carried.into_iter().find(|grant| grant.role == role.key && grant.scope == scope);
        let Some(grant) = carried else { return Ok(()) };
        self.concerning(Concern::Group(group.id)).await?;
        store::grants::revoke_group(self.connection, self.context, group.id, role.key, scope).await?;
        if grant.role == Role::Owner && grant.scope == Scope::Org {
            let about = format!("Nobody is an owner through the group {} any more", group.fields.name);
            self.tell_owners_of_group(about).await?;
        }
        let changes = changed("role", described_role(&grant), Value::Null);
        self.record_group(group, "group.role_revoked", changes, String::new());
        self.everybody_is_stale();
        Ok(())
    }

    pub(super) async fn make_owner(&mut self, group: &Group, user: UserId) -> Result<()> {
        self.may_admit(group.id).await?;
        let person = self.person(user).await?;
        if person.user.fields.kind() == UserType::Guest {
            let message = "A guest can't own a group. Choose somebody who belongs to the organization.";
            return Err(Error::invalid_field("owners", "group.guest_owner", message));
        }
        let (by, at) = (self.agent, self.now);
        if store::group_owners::add(self.connection, self.context, group.id, user, by, at).await? {
            let changes = changed("owner_id", Value::Null, json!(user));
            self.record_group(group, "group.owner_added", changes, String::new());
        }
        Ok(())
    }
}
