//! Who can do something: the people who hold a role that gives it, directly or through groups, a page at a time, each with
//! one of the ways on which it comes.

use std::collections::BTreeSet;

use model::{
    Error, GroupId, OrgContext, Permission, Result, Rights, RoleKey, Status, Timestamp, UserId,
    access_paths::Path,
    page::{Cursor, List, Page},
    rights::Reach,
    role::Scope,
    user::UserType,
};
use serde::{Deserialize, Serialize};
use store::{
    Connection, boxed,
    holders::{GivingGroup, HolderQuery},
};

use crate::{
    Actor, App,
    access::Target,
    access_paths::{known, sentence},
    explain_access::giving_roles,
};

/// Groups that give something, shown at most.
const MAX_GROUPS: u16 = 50;
const ORDER: &str = "holders";

/// Who can do something.
#[derive(Debug, Clone)]
pub struct Holders {
    /// What.
    pub permission: String,
    /// What it allows, for people; empty for an application's.
    pub sentence: String,
    /// Whether everyone can, as a member; nobody is listed then.
    pub everyone: bool,
    /// The roles that give it.
    pub roles: Vec<(RoleKey, String)>,
    /// The groups that carry one of them themselves, with how many people are in each directly; at most 50.
    pub groups: Vec<GivingGroup>,
    /// The people, in the order in which they were created.
    pub page: Page<Holder>,
}

/// Somebody who holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holder {
    /// Who.
    pub user: UserId,
    /// The name.
    pub name: String,
    /// The username.
    pub username: String,
    /// Where the account stands.
    pub status: Status,
    /// Whether it can be done now: not by somebody who is suspended or locked, nor by a guest.
    pub can: bool,
    /// The role that gives it.
    pub role: String,
    /// The shortest way to it.
    pub path: Path,
    /// How many ways there are besides.
    pub more: u64,
}

impl App {
    /// Refuses a question about somebody or something that the reader may not see.
    async fn ensure_may_ask(&self, actor: &Actor, reach: &Reach, over: Option<Target>) -> Result<()> {
        let Some(target) = over.filter(|_| *reach != Reach::Everybody) else { return Ok(()) };
        let held = self.permissions_over(actor.context, &actor.rights, target).await?;
        held.require(Permission::AccessRead).map_err(|_| Error::not_found())
    }

    /// Who can do something; `over` asks about doing it to one user or group. Costs what a page of it costs. Who may read
    /// access over groups alone sees the people and groups there; a page then may have few rows and still lead on.
    #[boxed]
    pub async fn who_can(
        &self,
        actor: &Actor,
        permission: &str,
        over: Option<Target>,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<Holders> {
        let reach = actor.reach(Permission::AccessRead)?;
        known(permission)?;
        let own = Permission::parse(permission);
        let through = List::new(actor.reader(), &format!("who can {permission}"));
        let after =
            cursor.map(|text| through.open_in(ORDER, text)).transpose()?.map(|cursor| UserId(cursor.id));
        let (context, now) = (actor.context, self.now());
        let everyone = own.is_some_and(|own| Rights::member().org.contains(own));
        self.ensure_may_ask(actor, &reach, over).await?;
        let read = async |connection: &mut Connection<'_>| {
            let seen = seen_groups(connection, context, &reach, now).await?;
            let definitions = store::roles::list(connection, context).await?;
            let roles = giving_roles(&definitions, permission);
            let keys: Vec<RoleKey> = roles.iter().map(|role| role.key).collect();
            let above: Option<Vec<GroupId>> = match over {
                _ if !is_scopable(own) => Some(Vec::new()),
                None => None,
                Some(Target::Group(group)) => {
                    store::groups::find(connection, context, group).await?.ok_or_else(Error::not_found)?;
                    Some(store::access::above(connection, context, &[group]).await?)
                }
                Some(Target::User(user)) => {
                    let standing = store::access::standing(connection, context, user, now).await?;
                    Some(standing.ok_or_else(Error::not_found)?.groups)
                }
            };
            let query = HolderQuery { roles: &keys, scopes: above.as_deref(), after, limit };
            let giving = HolderQuery { limit: MAX_GROUPS, ..query };
            let mut groups = store::holders::giving(connection, context, &giving, now).await?;
            if let Some(seen) = &seen {
                groups.retain(|(id, ..)| seen.contains(id));
            }
            let mut found = Vec::new();
            if !everyone {
                found = store::holders::page(connection, context, &query, now).await?;
            }
            let is_more = found.len() > usize::from(limit);
            found.truncate(limit.into());
            let last = found.last().copied();
            if let Some(seen) = &seen {
                let inside = store::holders::among(connection, context, &found, seen, now).await?;
                found.retain(|user| inside.contains(user));
            }
            let web = store::access_paths::web(connection, context, &found).await?;
            let users = store::holders::records(connection, context, &found).await?;
            let reaches = |scope: Scope| match (&above, scope) {
                (_, Scope::Org) | (None, _) => true,
                (Some(above), Scope::Group(group)) => above.contains(&group),
            };
            let mut items = Vec::new();
            for user in users {
                let held = web.held_by(user.id, now);
                let giving = held
                    .roles
                    .iter()
                    .filter(|role| role.gives(permission) && reaches(role.scope) && role.paths.now > 0);
                let count: u64 = giving.clone().fold(0, |all: u64, role| all.saturating_add(role.paths.now));
                let shortest =
                    giving.min_by_key(|role| role.paths.listed.first().map(|path| path.steps.len()));
                let Some((role, path)) =
                    shortest.and_then(|role| Some((role, role.paths.listed.first()?.clone())))
                else {
                    continue;
                };
                let role = if role.scope == Scope::Org {
                    role.name.clone()
                } else {
                    format!("{} over {}", role.name, role.scope_name)
                };
                items.push(Holder {
                    user: user.id,
                    name: user.name().to_owned(),
                    username: user.username().to_owned(),
                    status: user.status(now),
                    can: user.may_act(now) && (own.is_none() || user.fields.kind() != UserType::Guest),
                    role,
                    path,
                    more: count.saturating_sub(1),
                });
            }
            let next = last.filter(|_| is_more).map(|last| {
                let (order, key) = (ORDER.to_owned(), String::new());
                through.seal(&Cursor { order, key, id: last.0, backwards: false })
            });
            let roles = roles.into_iter().map(|role| (role.key, role.name)).collect();
            Ok(Holders {
                permission: permission.to_owned(),
                sentence: sentence(permission),
                everyone,
                roles,
                groups,
                page: Page { items, next, previous: None, more_than: None },
            })
        };
        self.database().read(read).await
    }
}

/// The groups whose people a reader sees; `None`: everybody.
async fn seen_groups(
    connection: &mut Connection<'_>,
    context: OrgContext,
    reach: &Reach,
    now: Timestamp,
) -> Result<Option<Vec<GroupId>>> {
    match reach {
        Reach::Everybody => Ok(None),
        Reach::Groups(groups) => Ok(Some(store::access::inside(connection, context, groups, now).await?)),
    }
}

/// Which of these people a reader with that reach sees.
pub(crate) async fn seen_among(
    connection: &mut Connection<'_>,
    context: OrgContext,
    reach: &Reach,
    users: &[UserId],
    now: Timestamp,
) -> Result<BTreeSet<UserId>> {
    Ok(match seen_groups(connection, context, reach, now).await? {
        None => users.iter().copied().collect(),
        Some(groups) if groups.is_empty() => BTreeSet::new(),
        Some(groups) => {
            store::holders::among(connection, context, users, &groups, now).await?.into_iter().collect()
        }
    })
}

fn is_scopable(own: Option<Permission>) -> bool {
    own.is_some_and(|own| model::Permissions::of(&[own]).scopable().contains(own))
}
