//! Groups in groups: putting one into another, taking it out, moving it. Whoever does it decides about both groups, and
//! what the outer one gives must lie within what he may do himself. No circles, and 16 levels at most.
//!
//! The organization's row is locked first: two moves at once can't close a circle that neither sees.

use model::{
    Error, GroupId, Kind, Permission, Result,
    grant::{Given, GrantKey, GrantTerms},
    group::{Group, MAX_DEPTH},
};
use serde_json::{Value, json};

use super::GroupDetails;
use store::boxed;

use crate::{Actor, App, Operation, grants::span, impact::Concern, users::changed};

impl App {
    /// Puts a group into another, on terms. Doing it again changes the terms.
    #[boxed]
    pub async fn nest(
        &self,
        actor: &Actor,
        parent: GroupId,
        child: GroupId,
        terms: GrantTerms,
    ) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(child, Permission::GroupAssign).await?;
            op.may_bring_group(parent, child).await?;
            op.put_into(parent, &group, terms.clone()).await?;
            op.details(group).await
        };
        self.run(actor, Permission::GroupAssign, deed).await
    }

    /// Takes a group out of another. Not in it is not an error: the result is what was asked for.
    #[boxed]
    pub async fn unnest(&self, actor: &Actor, parent: GroupId, child: GroupId) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(child, Permission::GroupAssign).await?;
            op.take_out_of(parent, &group).await?;
            op.details(group).await
        };
        self.run(actor, Permission::GroupAssign, deed).await
    }

    /// Takes a group out of one and puts it into another, in one step: those in it lose nothing that both give.
    #[boxed]
    pub async fn move_group(
        &self,
        actor: &Actor,
        child: GroupId,
        from: GroupId,
        to: GroupId,
    ) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(child, Permission::GroupAssign).await?;
            if from == to {
                let message = "The group is there already. Choose another one to move it into.";
                return Err(Error::invalid_field("to", "group.same_place", message));
            }
            let outer = op.group_over(to, Permission::GroupAssign).await?;
            op.may_put_into(&outer, &group).await?;
            // Before the old place is left: what the actor may do there counts.
            op.may_bring_group(to, child).await?;
            op.raising(Concern::Group(child)).await?;
            let left = op.take_out_quietly(from, &group).await?;
            let Some(left) = left else {
                let message = "The group does not stand there, or not any more. Look at it again.";
                return Err(Error::new(Kind::Conflict, "group.not_nested", message));
            };
            op.is_not_too_deep(&outer, &group).await?;
            let given = Given { by: op.agent, at: op.now, terms: GrantTerms::default() };
            store::nestings::add(op.connection, op.context, to, child, &given).await?;
            let mut changes = changed("parent", left.fields.name.into(), outer.fields.name.into());
            changes.extend(changed("parent_id", json!(left.id), json!(outer.id)));
            op.record_group(&group, "group.moved", changes, String::new());
            op.everybody_is_stale();
            op.details(group).await
        };
        self.run(actor, Permission::GroupAssign, deed).await
    }
}

impl Operation<'_, '_> {
    /// Puts a loaded group, about which the actor decides, into another.
    pub(super) async fn put_into(&mut self, parent: GroupId, group: &Group, terms: GrantTerms) -> Result<()> {
        let terms = terms.checked(self.now)?;
        let outer = self.group_over(parent, Permission::GroupAssign).await?;
        self.may_put_into(&outer, group).await?;
        self.is_not_too_deep(&outer, group).await?;
        let given = Given { by: self.agent, at: self.now, terms };
        self.raising(Concern::Group(group.id)).await?;
        store::nestings::add(self.connection, self.context, parent, group.id, &given).await?;
        self.ends_later(GrantKey::Nested { parent, child: group.id }, &given);
        let mut changes = changed("parent", Value::Null, outer.fields.name.into());
        changes.extend(changed("parent_id", Value::Null, json!(outer.id)));
        changes.extend(span(&given.terms));
        self.record_group(group, "group.nested", changes, given.terms.reason);
        self.everybody_is_stale();
        Ok(())
    }

    /// Refuses a circle, and what would give more than the actor may.
    async fn may_put_into(&mut self, outer: &Group, group: &Group) -> Result<()> {
        let below = store::access::below(self.connection, self.context, &[group.id]).await?;
        if below.contains(&outer.id) {
            let message = format!(
                "{} stands in {} itself, or is the same: groups can't hold each other. Choose another group.",
                outer.fields.name, group.fields.name
            );
            return Err(Error::new(Kind::Conflict, "group.cycle", message));
        }
        self.may_admit(outer.id).await?;
        Ok(())
    }

    /// A group comes under another one, and with it everybody in it.
    async fn may_bring_group(&mut self, into: GroupId, group: GroupId) -> Result<()> {
        let theirs = store::access::lasting_above(self.connection, self.context, group, self.now).await?;
        self.may_bring(into, &theirs).await
    }

    async fn is_not_too_deep(&mut self, outer: &Group, group: &Group) -> Result<()> {
        let above = store::nestings::levels_above(self.connection, self.context, outer.id).await?;
        let below = store::nestings::levels_below(self.connection, self.context, group.id).await?;
        if above + below <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!(
            "Groups may stand in each other {MAX_DEPTH} levels deep, and this would be more. Put the group further up."
        );
        Err(Error::invalid_field("parent", "group.too_deep", message))
    }

    async fn take_out_of(&mut self, parent: GroupId, group: &Group) -> Result<()> {
        let Some(outer) = self.take_out_quietly(parent, group).await? else { return Ok(()) };
        let mut changes = changed("parent", outer.fields.name.into(), Value::Null);
        changes.extend(changed("parent_id", json!(outer.id), Value::Null));
        self.record_group(group, "group.unnested", changes, String::new());
        self.everybody_is_stale();
        Ok(())
    }

    /// Takes a group out of another, within the granting rule; which it was, if it stood there.
    async fn take_out_quietly(&mut self, parent: GroupId, group: &Group) -> Result<Option<Group>> {
        let outer = self.group_over(parent, Permission::GroupAssign).await?;
        self.may_admit(outer.id).await?;
        self.concerning(Concern::Group(group.id)).await?;
        let stood = store::nestings::remove(self.connection, self.context, parent, group.id).await?;
        if stood {
            // Whoever could give rights over it, as over the outer one, can't any more.
            self.rises(Concern::Over(group.id));
        }
        Ok(stood.then_some(outer))
    }
}
