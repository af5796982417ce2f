//! What one can do with memberships: put people into groups and take them out, within the granting rule. Who may: whoever
//! holds `group:assign` there, and the group's owners; what the group gives must lie within what they may do themselves.

mod choosing;

use model::{
    Error, GroupId, Kind, OrgContext, Permission, Result, Rights, User, UserId,
    grant::{Given, GrantKey, GrantTerms},
    group::Group,
    user::UserType,
};
use serde_json::Value;
use store::{Connection, boxed, memberships::Membership};

pub use choosing::ToGive;

use crate::{Actor, App, Operation, Person, access::Target, grants::span, impact::Concern, users::changed};

impl App {
    /// The groups that somebody names, by id or name. Whether people may be put into them is asked when they are.
    #[boxed]
    pub async fn group_ids(&self, actor: &Actor, names: &[String]) -> Result<Vec<GroupId>> {
        let context = actor.context;
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let read = async |connection: &mut Connection<'_>| named(connection, context, name).await;
            let group = self.database().read(read).await?;
            let is_seen = actor.rights.org.contains(Permission::GroupList)
                || self
                    .permissions_over(context, &actor.rights, Target::Group(group.id))
                    .await?
                    .contains(Permission::GroupList);
            ids.push(if is_seen { group.id } else { return Err(unknown(name)) });
        }
        Ok(ids)
    }

    /// Puts a user into a group, on terms. Doing it again changes the terms.
    #[boxed]
    pub async fn add_member(
        &self,
        actor: &Actor,
        group: GroupId,
        user: UserId,
        terms: GrantTerms,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person(user).await?;
            op.join(&mut person, group, terms.clone()).await?;
            Ok(person)
        };
        self.run(actor, deciding(actor), deed).await
    }

    /// Takes a user out of a group.
    #[boxed]
    pub async fn remove_member(&self, actor: &Actor, group: GroupId, user: UserId) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person(user).await?;
            op.leave(&mut person, group).await?;
            Ok(person)
        };
        self.run(actor, deciding(actor), deed).await
    }
}

/// The group of this id or name.
async fn named(connection: &mut Connection<'_>, context: OrgContext, name: &str) -> Result<Group> {
    let group = if let Ok(id) = name.trim().parse() {
        store::groups::find(connection, context, id).await?
    } else {
        let key = model::group::name_key(name.trim());
        store::groups::find_by_name(connection, context, &key).await?
    };
    group.ok_or_else(|| unknown(name))
}

/// What a group that doesn't exist is refused with.
pub(crate) const UNKNOWN_GROUP: &str = "group.unknown";

fn unknown(name: &str) -> Error {
    let message = format!("There is no group “{name}”. Create it first, or correct the name.");
    Error::invalid_field("groups", UNKNOWN_GROUP, message)
}

pub(crate) fn guest_in_a_group_with_roles(group: &Group) -> Error {
    let message = format!(
        "{} carries roles, and a guest can't hold any. Choose another group, or change the user's type first.",
        group.fields.name
    );
    Error::invalid_field("groups", "user.guest_with_roles", message)
}

/// How the actor named somebody who comes into a group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named<'n> {
    /// It is somebody new, with this name.
    New(&'n str),
    /// By what was typed; nothing, if it was an id.
    Known(&'n str),
}

/// What somebody decides about members under: as an administrator, whose people are those in reach, or as nothing but the
/// owner of a group, who may name anybody.
pub(crate) fn deciding(actor: &Actor) -> Permission {
    let administers = actor.rights.somewhere().contains(Permission::GroupAssign);
    if administers { Permission::GroupAssign } else { Permission::AccountGroups }
}

impl Operation<'_, '_> {
    /// A group that this permission of the actor reaches, or that the actor owns if it is about members. Any other is
    /// not there.
    pub(crate) async fn group_in_reach(&mut self, id: GroupId, permission: Permission) -> Result<Group> {
        match self.group_over(id, permission).await {
            Err(error) if error.kind() == Kind::NotFound && permission == Permission::GroupAssign => {}
            found => return found,
        }
        let Some(user) = self.actor_user() else { return Err(Error::not_found()) };
        if !self.permissions.contains(Permission::AccountGroups)
            || !store::groups::is_owner(self.connection, self.context, user, id).await?
        {
            return Err(Error::not_found());
        }
        store::groups::find(self.connection, self.context, id).await?.ok_or_else(Error::not_found)
    }

    /// A group by its id or name, for who may put people into it.
    pub(crate) async fn group_named(&mut self, name: &str) -> Result<Group> {
        let group = named(self.connection, self.context, name).await?;
        match self.group_in_reach(group.id, Permission::GroupAssign).await {
            Err(error) if error.kind() == Kind::NotFound => Err(unknown(name)),
            found => found,
        }
    }

    /// What being in a group gives, now or later, if the actor may give so much.
    pub(crate) async fn may_admit(&mut self, group: GroupId) -> Result<Rights> {
        let conferred = store::access::conferred(self.connection, self.context, &[group], self.now).await?;
        self.rights.may_grant(&conferred)?;
        self.touch_owners(&conferred);
        Ok(conferred)
    }

    /// Refuses to bring somebody under others who have been given rights over a group, unless the actor has these rights
    /// over that somebody already: else people could be drawn into a group to be taken over there. `theirs` are the
    /// groups that the person, or the group, is in anyhow.
    pub(crate) async fn may_bring(&mut self, into: GroupId, theirs: &[GroupId]) -> Result<()> {
        let above = store::access::above(self.connection, self.context, &[into]).await?;
        let given = store::access::given_over(self.connection, self.context, &above, self.now).await?;
        let own = self.rights.over(theirs);
        if given.iter().all(|(scope, permissions)| theirs.contains(scope) || own.covers(*permissions)) {
            return Ok(());
        }
        let message = "Somebody has been given rights over the people of this group, more than you have over whom you \
                       want to add. Ask an owner.";
        Err(Error::new(Kind::Forbidden, "access.above_own", message))
    }

    /// Puts a loaded person into a group.
    pub(crate) async fn join(
        &mut self,
        person: &mut Person,
        group: GroupId,
        terms: GrantTerms,
    ) -> Result<()> {
        self.may_bring_user(group, person.user.id).await?;
        // Named by an id, if at all.
        self.place_as(person, group, terms, Named::Known("")).await
    }

    /// The same of a user.
    pub(crate) async fn may_bring_user(&mut self, into: GroupId, user: UserId) -> Result<()> {
        let theirs = store::access::lasting(self.connection, self.context, user, self.now).await?;
        self.may_bring(into, &theirs).await
    }

    /// The same for somebody who is new: nobody's rights reach such a person yet.
    pub(crate) async fn place(
        &mut self,
        person: &mut Person,
        group: GroupId,
        terms: GrantTerms,
    ) -> Result<()> {
        let name = person.user.name().to_owned();
        self.place_as(person, group, terms, Named::New(&name)).await
    }

    async fn place_as(
        &mut self,
        person: &mut Person,
        group: GroupId,
        terms: GrantTerms,
        named: Named<'_>,
    ) -> Result<()> {
        let terms = terms.checked(self.now)?;
        let group = self.group_in_reach(group, Permission::GroupAssign).await?;
        let conferred = self.may_admit(group.id).await?;
        let administers = conferred.administers();
        if person.user.fields.kind() == UserType::Guest && administers {
            return Err(guest_in_a_group_with_roles(&group));
        }
        let given = Given { by: self.agent, at: self.now, terms };
        self.admit(&person.user, &group, &given, named).await?;
        person.memberships.retain(|held| held.group != group.id);
        person.memberships.push(Membership { group: group.id, name: group.fields.name, given });
        person.memberships.sort_by(|one, other| one.name.cmp(&other.name));
        self.refresh(person).await?;
        self.user_is_stale(person.user.id);
        Ok(())
    }

    /// Writes that a user is in a group from now on. What the actor typed is kept if the actor may not read the record, to
    /// be shown in its place.
    pub(crate) async fn admit(
        &mut self,
        user: &User,
        group: &Group,
        given: &Given,
        named: Named<'_>,
    ) -> Result<()> {
        self.raising(Concern::User(user.id)).await?;
        // Whoever is there already, and is named by an id to change the terms, stays as typed.
        let earlier = match named {
            Named::Known("") => {
                store::memberships::typed(self.connection, self.context, user.id, group.id).await?
            }
            _ => None,
        };
        store::memberships::add(self.connection, self.context, user.id, group.id, given).await?;
        if self.actor_user() != Some(user.id) && !self.may_see(user.id).await? {
            let (Named::New(typed) | Named::Known(typed)) = named;
            let typed = earlier.as_deref().unwrap_or(typed);
            store::memberships::note_typed(self.connection, self.context, user.id, group.id, typed).await?;
            if let Named::Known(_) = named {
                self.unseen.typed.insert(user.id, typed.to_owned());
                self.ask_about_unseen(group.id).await?;
            }
        }
        self.ends_later(GrantKey::Member { group: group.id, user: user.id }, given);
        let mut changes = changed("group", Value::Null, group.fields.name.as_str().into());
        changes.extend(changed("group_id", Value::Null, group.id.to_string().into()));
        changes.extend(span(&given.terms));
        self.record_user(user, "membership.added", changes, given.terms.reason.clone());
        Ok(())
    }

    /// What others made for somebody whom the actor may not see could end where a group gives anything: it is asked about in
    /// any case.
    pub(crate) async fn ask_about_unseen(&mut self, group: GroupId) -> Result<()> {
        let conferred = store::access::conferred(self.connection, self.context, &[group], self.now).await?;
        self.unseen.is_asked |= !Rights::member().covers(&conferred);
        Ok(())
    }

    /// Takes a loaded person out of a group. Not in it is not an error: the result is what was asked for.
    pub(crate) async fn leave(&mut self, person: &mut Person, group: GroupId) -> Result<()> {
        let group = self.group_in_reach(group, Permission::GroupAssign).await?;
        self.may_admit(group.id).await?;
        self.check_owners(person);
        self.concerning(Concern::User(person.user.id)).await?;
        if !store::memberships::remove(self.connection, self.context, person.user.id, group.id).await? {
            return Ok(());
        }
        let mut changes = changed("group", group.fields.name.as_str().into(), Value::Null);
        changes.extend(changed("group_id", group.id.to_string().into(), Value::Null));
        self.record_user(&person.user, "membership.removed", changes, String::new());
        person.memberships.retain(|held| held.group != group.id);
        self.refresh(person).await?;
        self.user_is_stale(person.user.id);
        Ok(())
    }
}
