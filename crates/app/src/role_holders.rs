//! Who holds a role directly: how many, and a page of them. Who holds it through groups is asked of each person.

use model::{
    Error, Permission, Result, RoleKey,
    access::Role,
    grant::Holder,
    page::{Cursor, List, Page, malformed},
    role::RoleDefinition,
};
use serde::{Deserialize, Serialize};
use store::{Connection, boxed};
use uuid::Uuid;

pub use store::role_holders::{COUNTED, HolderCounts, RoleHolder};

use crate::{Actor, App};

/// A role with how many hold it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldRole {
    /// The role.
    pub role: RoleDefinition,
    /// Who holds it directly. Nobody is counted for what everyone holds.
    pub held: HolderCounts,
}

impl App {
    /// Every role with how many hold it: the built-in ones, the strongest first, then the organization's own by name.
    #[boxed]
    pub async fn held_roles(&self, actor: &Actor) -> Result<Vec<HeldRole>> {
        actor.require(Permission::RoleRead)?;
        let (context, now) = (actor.context, self.now());
        let read = async |connection: &mut Connection<'_>| {
            let mut roles = Vec::new();
            for role in Role::ALL {
                let held = store::role_holders::count(connection, context, (*role).into(), now).await?;
                roles.push(HeldRole { role: RoleDefinition::built_in(*role), held });
            }
            let own = store::roles::list(connection, context).await?;
            let counts = store::role_holders::count_own(connection, context, now).await?;
            for role in own {
                let key = role.key.to_string();
                let found = counts.iter().find(|(id, ..)| *id == key);
                let held = found.map_or(HolderCounts::default(), |(_, users, groups)| HolderCounts {
                    users: *users,
                    groups: *groups,
                });
                roles.push(HeldRole { role, held });
            }
            Ok(roles)
        };
        self.database().read(read).await
    }

    /// One role with how many hold it.
    #[boxed]
    pub async fn held_role(&self, actor: &Actor, key: RoleKey) -> Result<HeldRole> {
        actor.require(Permission::RoleRead)?;
        let (context, now) = (actor.context, self.now());
        let read = async |connection: &mut Connection<'_>| {
            let role = store::roles::find(connection, context, key).await?.ok_or_else(Error::not_found)?;
            Ok(HeldRole { role, held: store::role_holders::count(connection, context, key, now).await? })
        };
        self.database().read(read).await
    }

    /// One page of those who hold a role directly, now or later: the groups, then the users, in the order of their ids.
    #[boxed]
    pub async fn role_holders(
        &self,
        actor: &Actor,
        key: RoleKey,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<Page<RoleHolder>> {
        actor.require(Permission::AccessRead)?;
        let order = format!("holders of {key}");
        let list = List::new(actor.reader(), &order);
        let cursor = cursor.map(|text| list.open_in(&order, text)).transpose()?;
        let place = cursor.as_ref().map(place).transpose()?;
        let backwards = cursor.as_ref().is_some_and(|cursor| cursor.backwards);
        let (context, now, limit) = (actor.context, self.now(), model::page::limit(Some(limit))?);
        let read = async |connection: &mut Connection<'_>| {
            store::roles::find(connection, context, key).await?.ok_or_else(Error::not_found)?;
            let from = (place, backwards);
            store::role_holders::page(connection, context, key, from, limit + 1, now).await
        };
        let mut items = self.database().read(read).await?;
        let is_more = items.len() > usize::from(limit);
        items.truncate(usize::from(limit));
        if backwards {
            items.reverse();
        }
        let leads = |holder: Option<&RoleHolder>, backwards| {
            let holder = holder?;
            let (kind, id) = match holder.holder {
                Holder::User(id) => ("user", id.0),
                Holder::Group(id) => ("group", id.0),
            };
            let key = format!("{kind} {}", holder.scope.id(context));
            Some(list.seal(&Cursor { order: order.clone(), key, id, backwards }))
        };
        let (has_next, has_previous) = if backwards { (true, is_more) } else { (is_more, cursor.is_some()) };
        let next = leads(items.last().filter(|_| has_next), false);
        let previous = leads(items.first().filter(|_| has_previous), true);
        Ok(Page { items, next, previous, more_than: None })
    }
}

fn place(cursor: &Cursor) -> Result<store::role_holders::Place> {
    let (kind, scope) = cursor.key.split_once(' ').ok_or_else(malformed)?;
    let scope = Uuid::try_parse(scope).map_err(|_| malformed())?;
    Ok(store::role_holders::Place { is_user: kind == "user", id: cursor.id, scope })
}
