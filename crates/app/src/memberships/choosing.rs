//! Choosing groups for somebody: which can be offered, and joining some while leaving others in one step.

use model::{
    GroupId, Permission, Result, UserId, grant::GrantTerms, group::Group, group_query::GroupQuery,
    rights::Reach,
};
use store::{Connection, boxed};

use super::deciding;
use crate::{Actor, App, Operation, Person};

/// Groups that somebody may put people into.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToGive {
    /// By name.
    pub groups: Vec<Group>,
    /// Whether there may be more than were asked for.
    pub more: bool,
}

impl App {
    /// The first `limit` of the groups that the actor may put people into, less those that give more than the actor has.
    #[boxed]
    pub async fn groups_to_give(&self, actor: &Actor, limit: u16) -> Result<ToGive> {
        let (context, rights, now) = (actor.context, actor.rights.clone(), self.now());
        // Not what the actor may do over the user or group that a page is about: what is offered here is others.
        let reach = rights.reach(Permission::GroupAssign);
        let read = async move |connection: &mut Connection<'_>| {
            let within = match &reach {
                Reach::Everybody => None,
                Reach::Groups(groups) => Some(store::access::below(connection, context, groups).await?),
            };
            let query = GroupQuery { limit, ..GroupQuery::default() };
            let page = store::group_list::page(connection, context, &query, within.as_deref()).await?;
            let mut groups = Vec::with_capacity(page.items.len());
            for listed in page.items {
                let id = listed.group.id;
                if rights.covers(&store::access::conferred(connection, context, &[id], now).await?) {
                    groups.push(listed.group);
                }
            }
            Ok(ToGive { groups, more: page.next.is_some() })
        };
        self.database().read_blocking(read).await
    }

    /// Puts a user into groups, on terms, and takes the user out of others: all of it, or nothing.
    #[boxed]
    pub async fn change_groups(
        &self,
        actor: &Actor,
        user: UserId,
        join: Vec<GroupId>,
        leave: Vec<GroupId>,
        terms: GrantTerms,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person(user).await?;
            for group in &join {
                op.join(&mut person, *group, terms.clone()).await?;
            }
            for group in &leave {
                op.leave(&mut person, *group).await?;
            }
            Ok(person)
        };
        self.run(actor, deciding(actor), deed).await
    }
}
