//! Who is in a group: the list, with the way by which each is in it; many put in at once, each with a verdict; and all groups
//! that a user is in.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{
    Error, GroupId, Kind, Permission, Result, State, Timestamp, User, UserFields, UserId,
    grant::{Given, GrantTerms},
    group::Group,
    group_query::MemberQuery,
    page::Page,
    rights::Reach,
    user::UserType,
};
use serde::{Deserialize, Serialize};
use store::{Connection, Lane, boxed, member_list::Direct, memberships::Membership, nestings::Named};

use super::readable;
use crate::{
    Actor, App, Operation,
    holders::seen_among,
    memberships::{Named as NamedBy, deciding, guest_in_a_group_with_roles},
};

/// Most people in a pasted list.
pub const MOST_MEMBERS: usize = 1_000;

/// More than so many memberships changed at once, and everybody's memory is forgotten instead of one after the other.
const FORGET_ALL: usize = 20;

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Who.
    pub user: User,
    /// Who put the user there directly, when, and on what terms; `None`: through other groups alone.
    pub given: Option<Given>,
    /// Whoever put the user there could not read the record, and neither may the actor: `user` holds no more than what was
    /// typed.
    pub is_unread: bool,
    /// Of somebody who is not in it directly: a way, from the group that the user is in directly up to the one that stands
    /// in this one.
    pub through: Vec<Named>,
}

/// What came of one line of a pasted list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberVerdict {
    /// As it was pasted.
    pub line: String,
    /// Who that is, if it is somebody.
    pub user: Option<UserId>,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The user is in the group now.
    Added,
    /// The user was in it already; nothing was done.
    Unchanged,
    /// It was refused, for that reason.
    Refused {
        /// Stable.
        code: String,
        /// For people.
        message: String,
    },
}

/// A group that a user is in now, and by what way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Which.
    pub group: Named,
    /// From the group that the user is in directly up to the group itself.
    pub way: Vec<Named>,
}

/// The groups that a user is in.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupsOfUser {
    /// Directly, whatever the dates, by name.
    pub direct: Vec<Membership>,
    /// At any depth, as things stand now, by name.
    pub effective: Vec<Effective>,
}

impl App {
    /// The name of somebody who is in a group or owns it, for whoever may read the group; nobody else is there.
    #[boxed]
    pub async fn name_within(&self, actor: &Actor, group: GroupId, user: UserId) -> Result<String> {
        actor.require(Permission::UserRead)?;
        let (actor, context, now) = (actor.clone(), actor.context, self.now());
        let read = async move |connection: &mut Connection<'_>| {
            readable(connection, &actor, group).await?;
            let held = store::member_list::direct(connection, context, &[user]).await?;
            let held: Vec<&Direct> = held.iter().filter(|held| held.group == group).collect();
            let is_owner = store::groups::is_owner(connection, context, user, group).await?;
            if held.is_empty() && !is_owner {
                return Ok(None);
            }
            let found = store::users::find(connection, context, user).await?;
            let Some(found) = found else { return Ok(None) };
            let shown = match typed(&held).filter(|_| !is_owner) {
                Some(typed) if unread(connection, &actor, group, &[user], now).await?.contains(&user) => {
                    as_typed(&found, typed)
                }
                _ => found,
            };
            Ok(Some(shown))
        };
        let found = self.database().read(read).await?.ok_or_else(Error::not_found)?;
        Ok(found.name().to_owned())
    }

    /// One page of a group's members, by name. Also for the group's owners.
    #[boxed]
    pub async fn members(&self, actor: &Actor, id: GroupId, query: MemberQuery) -> Result<Page<Member>> {
        let (actor, now, query) = (actor.clone(), self.now(), MemberQuery { of: id, ..query });
        let read = async move |connection: &mut Connection<'_>| {
            readable(connection, &actor, id).await?;
            let context = actor.context;
            let query =
                MemberQuery { as_typed: !reads_members(connection, &actor, id).await?, ..query.clone() };
            let page = if query.effective {
                store::member_list::effective(connection, context, id, now, &query).await?
            } else {
                store::member_list::page(connection, context, &[id], None, &query).await?
            };
            let users: Vec<UserId> = page.items.iter().map(|user| user.id).collect();
            let mut direct = store::member_list::direct(connection, context, &users).await?;
            direct.retain(|held| if query.effective { held.given.holds(now) } else { held.group == id });
            let starts: Vec<GroupId> =
                direct.iter().map(|held| held.group).filter(|held| *held != id).collect();
            let ways = store::nestings::ways_up(connection, context, &starts, now).await?;
            let below = ways.below(id);
            direct.retain(|held| below.contains(&held.group));
            let unread = unread(connection, &actor, id, &users, now).await?;
            let items = page.items.into_iter().map(|user| {
                let held: Vec<&Direct> = direct.iter().filter(|held| held.user == user.id).collect();
                let given = held.iter().find(|held| held.group == id).map(|held| held.given.clone());
                let mut through = Vec::new();
                if given.is_none() {
                    let starts: Vec<GroupId> = held.iter().map(|held| held.group).collect();
                    through = ways.from(&starts).remove(&id).unwrap_or_default();
                    through.pop();
                }
                let typed = typed(&held).filter(|_| unread.contains(&user.id));
                let is_unread = typed.is_some();
                let user = typed.map_or_else(|| user.clone(), |typed| as_typed(&user, typed));
                Member { user, given, is_unread, through }
            });
            Ok(Page { items: items.collect(), next: page.next, previous: page.previous, more_than: None })
        };
        self.database().read_blocking(read).await
    }

    /// All groups that a user is in, as far as the actor may see them.
    #[boxed]
    pub async fn groups_of_user(&self, actor: &Actor, user: UserId) -> Result<GroupsOfUser> {
        let is_own = actor.user() == Some(user);
        if !is_own || !actor.permissions.contains(Permission::AccountRead) {
            actor.require(Permission::UserRead)?;
        }
        let (actor, now) = (actor.clone(), self.now());
        let read = async move |connection: &mut Connection<'_>| {
            let context = actor.context;
            store::users::find(connection, context, user).await?.ok_or_else(Error::not_found)?;
            let mut direct = store::memberships::of_user(connection, context, user).await?;
            let held = direct.iter().filter(|held| held.given.holds(now));
            let starts: Vec<GroupId> = held.map(|held| held.group).collect();
            let ways = store::nestings::ways_up(connection, context, &starts, now).await?;
            let mut ways = ways.from(&starts);
            let seen = match actor.rights.reach(Permission::GroupRead) {
                Reach::Groups(groups) if !is_own => {
                    Some(store::access::below(connection, context, &groups).await?)
                }
                _ => None,
            };
            let seen: Option<HashSet<GroupId>> = seen.map(|seen| seen.into_iter().collect());
            let is_seen = |group: &GroupId| seen.as_ref().is_none_or(|seen| seen.contains(group));
            direct.retain(|held| is_seen(&held.group));
            ways.retain(|group, _| is_seen(group));
            let mut effective: Vec<Effective> = ways
                .into_values()
                .filter_map(|mut way| {
                    let group = way.last()?.clone();
                    way.retain(|step| is_seen(&step.id));
                    Some(Effective { group, way })
                })
                .collect();
            effective.sort_by_cached_key(|found| (model::group::name_key(&found.group.name), found.group.id));
            Ok(GroupsOfUser { direct, effective })
        };
        self.database().read_blocking(read).await
    }

    /// Puts everybody on a pasted list (usernames, addresses, ids) into a group, in one transaction, with one verdict for each
    /// line. Also for the group's owners.
    #[boxed]
    pub async fn add_members(
        &self,
        actor: &Actor,
        group: GroupId,
        lines: Vec<String>,
        terms: GrantTerms,
    ) -> Result<Vec<MemberVerdict>> {
        let lines: Vec<String> =
            lines.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        if lines.len() > MOST_MEMBERS {
            let message = format!("Paste at most {MOST_MEMBERS} people at once, the rest afterwards.");
            return Err(Error::invalid_field("members", "group.too_many_members", message));
        }
        let typed = lines.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let terms = terms.clone().checked(op.now)?;
            let group = op.group_in_reach(group, Permission::GroupAssign).await?;
            if lines.is_empty() {
                let message = "Name at least one person: a username, an email address or an id.";
                return Err(Error::invalid_field("members", "group.no_members", message));
            }
            let administers = op.may_admit(group.id).await?.administers();
            let ids = op.identified(&lines).await?;
            let given = Given { by: op.agent, at: op.now, terms };
            // Locked in the order of their ids, as everywhere.
            let mut verdicts: BTreeMap<UserId, Verdict> = BTreeMap::new();
            for id in ids.values() {
                verdicts.insert(*id, Verdict::Unchanged);
            }
            for (id, verdict) in &mut verdicts {
                let line = lines.iter().find(|line| ids.get(*line) == Some(id));
                // An id says nothing.
                let typed = line.filter(|line| line.parse::<UserId>().is_err()).map_or("", String::as_str);
                *verdict = match op.admit_one(*id, &group, &given, administers, typed).await {
                    Ok(true) => Verdict::Added,
                    Ok(false) => Verdict::Unchanged,
                    Err(error) if error.kind() == Kind::NotFound => nobody(),
                    Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Forbidden) => refused(&error),
                    Err(error) => return Err(error),
                };
            }
            // Whether somebody is there, or in the group, is not told by the question either.
            if op.permission() == Some(Permission::AccountGroups) {
                for line in &lines {
                    let is_seen = match ids.get(line) {
                        Some(id) => op.may_see(*id).await?,
                        None => false,
                    };
                    if !is_seen {
                        op.ask_about_unseen(group.id).await?;
                        break;
                    }
                }
            }
            let added: Vec<UserId> = verdicts
                .iter()
                .filter(|(_, verdict)| **verdict == Verdict::Added)
                .map(|(id, _)| *id)
                .collect();
            if added.len() > FORGET_ALL {
                op.everybody_is_stale();
            } else {
                for user in added {
                    op.user_is_stale(user);
                }
            }
            let answer = lines.iter().map(|line| {
                let user = ids.get(line).copied();
                let verdict = user.and_then(|user| verdicts.get(&user).cloned()).unwrap_or_else(nobody);
                // Whoever is outside the actor's reach is not there, and has no id.
                let user = user.filter(|_| verdict != nobody());
                MemberVerdict { line: line.clone(), user, verdict }
            });
            Ok(answer.collect())
        };
        Ok(self.run_replayable(&actor.repeating(typed), deciding(actor), Lane::Bulk, deed).await?.0)
    }
}

/// Whether the actor may read the records of those who are in the group, be it as its owner or not.
async fn reads_members(connection: &mut Connection<'_>, actor: &Actor, group: GroupId) -> Result<bool> {
    if actor.rights.org.contains(Permission::UserRead) {
        return Ok(true);
    }
    let above = store::access::above(connection, actor.context, &[group]).await?;
    Ok(actor.rights.over(&above).contains(Permission::UserRead))
}

/// Those of these members whose records the actor may not read.
async fn unread(
    connection: &mut Connection<'_>,
    actor: &Actor,
    group: GroupId,
    users: &[UserId],
    now: Timestamp,
) -> Result<HashSet<UserId>> {
    if users.is_empty() || reads_members(connection, actor, group).await? {
        return Ok(HashSet::new());
    }
    let reach = actor.rights.reach(Permission::UserRead);
    let seen = seen_among(connection, actor.context, &reach, users, now).await?;
    let is_unread = |user: &UserId| actor.user() != Some(*user) && !seen.contains(user);
    Ok(users.iter().copied().filter(is_unread).collect())
}

/// How somebody was named by those who put them there, if none of these could read the record.
fn typed<'h>(held: &[&'h Direct]) -> Option<&'h str> {
    let all: Option<Vec<&str>> = held.iter().map(|held| held.typed.as_deref()).collect();
    all?.into_iter().min()
}

/// The user as whoever typed this knows them: by nothing else. Nothing was typed but an id where nothing is kept.
fn as_typed(user: &User, typed: &str) -> User {
    let name = if typed.is_empty() { user.id.to_string() } else { typed.to_owned() };
    let email = Some(typed).filter(|typed| typed.contains('@')).map(str::to_owned);
    let fields =
        UserFields { display_name: Some(name.clone()), username: Some(name), email, ..UserFields::default() };
    let mut named = User::new(user.id, user.org, fields, user.created_at);
    named.state = State::Active;
    named
}

fn nobody() -> Verdict {
    let message = "There is no such user. Correct the line, or invite the person.";
    Verdict::Refused { code: "user.unknown".to_owned(), message: message.to_owned() }
}

fn refused(error: &Error) -> Verdict {
    let (code, message) = match error.fields() {
        [field, ..] => (field.code.to_string(), field.message.clone()),
        [] => (error.code().to_owned(), error.message().to_owned()),
    };
    Verdict::Refused { code, message }
}

impl Operation<'_, '_> {
    /// Whom the lines name.
    async fn identified(&mut self, lines: &[String]) -> Result<HashMap<String, UserId>> {
        let mut ids = HashMap::new();
        for line in lines {
            if let Ok(id) = line.parse() {
                ids.insert(line.clone(), id);
                continue;
            }
            // Nobody is called so, and no database could be asked.
            if line.contains('\0') {
                continue;
            }
            let found = store::users::find_by_identifier(self.connection, self.context, line).await?;
            if let Some(user) = found {
                ids.insert(line.clone(), user.id);
            }
        }
        Ok(ids)
    }

    /// Puts one user into a group that the actor may admit to; false if the user is in it already.
    async fn admit_one(
        &mut self,
        id: UserId,
        group: &Group,
        given: &Given,
        administers: bool,
        typed: &str,
    ) -> Result<bool> {
        let user = self.user_in_reach(id).await?;
        let held = store::memberships::find(self.connection, self.context, id, group.id).await?;
        let has_not_ended = |held: &Membership| held.given.terms.valid_until.is_none_or(|end| end > self.now);
        if held.is_some_and(|held| has_not_ended(&held)) {
            return Ok(false);
        }
        if administers && user.fields.kind() == UserType::Guest {
            return Err(guest_in_a_group_with_roles(group));
        }
        self.may_bring_user(group.id, id).await?;
        self.admit(&user, group, given, NamedBy::Known(typed)).await?;
        Ok(true)
    }
}
