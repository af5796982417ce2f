//! What was given until an end: the worker takes it away once the end has come, and says so before. Nothing depends on
//! when it gets to it: the dates are compared at use, to the microsecond (`store/access.rs`).

use model::{
    Agent, GroupId, Org, Permission, Result, Timestamp, User, UserId,
    audit::Changes,
    grant::{Given, GrantKey, GrantTerms, Holder},
    group::Group,
    impact::Concern,
    job::Work,
    mail::{MailDetails, MailKind},
    role::{RoleKey, Scope},
};
use serde_json::{Value, json};

use crate::{
    Actor, App, Operation, cache::Stale, mail::in_words, operation::Event, roles::described_role,
    users::changed,
};

/// What the audit log says of when something begins and ends; nothing where it holds at once and for good.
pub(crate) fn span(terms: &GrantTerms) -> Changes {
    let dates = [("valid_from", terms.valid_from), ("valid_until", terms.valid_until)];
    let given = dates.into_iter().filter_map(|(name, date)| Some((name, date?)));
    given.flat_map(|(name, date)| changed(name, Value::Null, json!(date))).collect()
}

/// So many owners of a group are told at most.
const OWNERS: u16 = 50;

impl App {
    /// Takes away what has ended, unless it was given for longer, or anew, or was taken meanwhile.
    ///
    /// An owner can't be lost here: whoever is one until an end never counted as able (`store::access::has_able_owner`).
    pub(crate) async fn end_grant(&self, org: &Org, grant: GrantKey) -> Result<()> {
        let deed = async move |op: &mut Operation<'_, '_>| op.end(grant).await;
        self.run(&Actor::system(org.id.into()), Permission::RoleAssign, deed).await
    }

    /// Says that something ends soon, if it stands as it was given at `given_at`.
    pub(crate) async fn warn_of_end(&self, org: &Org, grant: GrantKey, given_at: Timestamp) -> Result<()> {
        let deed = async move |op: &mut Operation<'_, '_>| op.warn(grant, given_at).await;
        self.run(&Actor::system(org.id.into()), Permission::RoleAssign, deed).await
    }
}

impl Operation<'_, '_> {
    /// Asks the worker to take away what was just given, once its end has come, and to say so before; and to look at what
    /// others made for whoever holds it when it starts.
    pub(crate) fn ends_later(&mut self, grant: GrantKey, given: &Given) {
        self.rises_later(grant, given);
        let Some(until) = given.terms.valid_until else { return };
        self.later(Work::EndGrant { grant }, until);
        if let Some(at) = given.warned_at() {
            self.later(Work::WarnGrant { grant, given_at: given.at }, at);
        }
    }

    async fn end(&mut self, grant: GrantKey) -> Result<()> {
        match grant {
            GrantKey::Role { holder: Holder::User(user), role, scope } => {
                let person = self.person(user).await?;
                let held = person.grants.iter().find(|held| held.role == role && held.scope == scope);
                let Some(held) = held else { return Ok(()) };
                if store::endings::remove(self.connection, self.context, grant, self.now).await? {
                    let changes = changed("role", described_role(held), Value::Null);
                    self.record_user(&person.user, "role.expired", changes, reason_of(&held.given));
                    self.user_is_stale(user);
                }
            }
            GrantKey::Member { group, user } => {
                let person = self.person(user).await?;
                let Some(held) = person.memberships.iter().find(|held| held.group == group) else {
                    return Ok(());
                };
                if store::endings::remove(self.connection, self.context, grant, self.now).await? {
                    let mut changes = changed("group", held.name.as_str().into(), Value::Null);
                    changes.extend(changed("group_id", group.to_string().into(), Value::Null));
                    self.record_user(&person.user, "membership.expired", changes, reason_of(&held.given));
                    self.user_is_stale(user);
                }
            }
            GrantKey::Role { holder: Holder::Group(group), role, scope } => {
                let Some(group) = store::groups::find(self.connection, self.context, group).await? else {
                    return Ok(());
                };
                let held = store::grants::of_group(self.connection, self.context, group.id).await?;
                let held = held.into_iter().find(|held| held.role == role && held.scope == scope);
                let Some(held) = held else { return Ok(()) };
                if store::endings::remove(self.connection, self.context, grant, self.now).await? {
                    let changes = changed("role", described_role(&held), Value::Null);
                    self.ended_of_group(&group, "group.role_expired", changes, reason_of(&held.given));
                }
            }
            GrantKey::Nested { parent, child } => self.end_nesting(grant, parent, child).await?,
        }
        Ok(())
    }

    async fn end_nesting(&mut self, grant: GrantKey, parent: GroupId, child: GroupId) -> Result<()> {
        let (connection, context) = (&mut *self.connection, self.context);
        let Some(given) = store::endings::find(connection, context, grant).await? else { return Ok(()) };
        let outer = store::groups::find(connection, context, parent).await?;
        let inner = store::groups::find(connection, context, child).await?;
        let (Some(outer), Some(inner)) = (outer, inner) else { return Ok(()) };
        if store::endings::remove(connection, context, grant, self.now).await? {
            let mut changes = changed("parent", outer.fields.name.as_str().into(), Value::Null);
            changes.extend(changed("parent_id", parent.to_string().into(), Value::Null));
            self.ended_of_group(&inner, "group.nesting_expired", changes, reason_of(&given));
            self.rises(Concern::Over(child));
        }
        Ok(())
    }

    fn ended_of_group(&mut self, group: &Group, name: &str, changes: Changes, reason: String) {
        let (target, target_name) = (group.id.0, group.fields.name.as_str());
        self.record(Event { name, target_type: "group", target, target_name, changes, reason });
        self.stale(Stale::Org(self.context));
    }

    async fn warn(&mut self, grant: GrantKey, given_at: Timestamp) -> Result<()> {
        let Some(given) = store::endings::find(self.connection, self.context, grant).await? else {
            return Ok(());
        };
        let Some(until) = given.terms.valid_until else { return Ok(()) };
        if given.at != given_at || until <= self.now {
            return Ok(());
        }
        let Some((what, holders)) = self.ending(grant).await? else { return Ok(()) };
        let granter = match given.by {
            Agent::User(id) => store::users::find(self.connection, self.context, id).await?,
            Agent::Operator | Agent::System => None,
        };
        for holder in &holders {
            let actor = granter.as_ref().map(|granter| granter.id).filter(|granter| *granter != holder.id);
            let details = MailDetails { about: what.own.clone(), actor, ..MailDetails::default() };
            self.tell_of_end(holder, MailKind::AccessEnding, details, until).await?;
        }
        if let Some(granter) = granter.filter(|granter| holders.iter().all(|holder| holder.id != granter.id))
        {
            let mut what = what;
            if let [holder] = what.whose.as_slice()
                && !self.is_seen_by(granter.id, *holder).await?
            {
                what = what.of_somebody();
            }
            let details = MailDetails { people: what.whose, about: what.others, ..MailDetails::default() };
            self.tell_of_end(&granter, MailKind::GrantEnding, details, until).await?;
        }
        Ok(())
    }

    /// Whether somebody else may read a user's record.
    async fn is_seen_by(&mut self, viewer: UserId, user: UserId) -> Result<bool> {
        let viewer = store::access::standing(self.connection, self.context, viewer, self.now).await?;
        match viewer {
            Some(viewer) => self.is_reached_by(&viewer.rights.reach(Permission::UserRead), user).await,
            None => Ok(false),
        }
    }

    /// What ends, and whom it concerns: the person, or of a group its owners. `None`: it is nobody's any more.
    async fn ending(&mut self, grant: GrantKey) -> Result<Option<(Ending, Vec<User>)>> {
        let (context, now) = (self.context, self.now);
        let (role, group) = match grant {
            GrantKey::Role { holder: Holder::User(user), role, scope } => {
                let role = self.role_in_words(role, scope).await?;
                return Ok(self.of_user(user).await?.map(|user| (Ending::of(&user, &role), vec![user])));
            }
            GrantKey::Member { group, user } => {
                let Some(group) = store::groups::find(self.connection, context, group).await? else {
                    return Ok(None);
                };
                let place = format!("membership of {}", group.fields.name);
                return Ok(self.of_user(user).await?.map(|user| (Ending::of(&user, &place), vec![user])));
            }
            GrantKey::Role { holder: Holder::Group(group), role, scope } => {
                (self.role_in_words(role, scope).await?, group)
            }
            GrantKey::Nested { parent, child } => {
                let Some(parent) = store::groups::find(self.connection, context, parent).await? else {
                    return Ok(None);
                };
                (format!("place in {}", parent.fields.name), child)
            }
        };
        let Some(group) = store::groups::find(self.connection, context, group).await? else {
            return Ok(None);
        };
        let mut owners = Vec::new();
        for id in store::endings::owners_of(self.connection, context, group.id, OWNERS).await? {
            let owner = store::users::find(self.connection, context, id).await?;
            owners.extend(owner.filter(|owner| owner.may_act(now)));
        }
        let words = format!("the group {}’s {role}", group.fields.name);
        Ok(Some((Ending { own: words.clone(), whose: Vec::new(), others: words }, owners)))
    }

    async fn of_user(&mut self, user: UserId) -> Result<Option<User>> {
        store::users::find(self.connection, self.context, user).await
    }

    async fn role_in_words(&mut self, role: RoleKey, scope: Scope) -> Result<String> {
        let name = store::roles::find(self.connection, self.context, role).await?.map(|role| role.name);
        let role = format!("role {}", name.unwrap_or_default());
        let Scope::Group(group) = scope else { return Ok(role) };
        let group = store::groups::find(self.connection, self.context, group).await?;
        Ok(group.map_or(role.clone(), |group| format!("{role} over {}", group.fields.name)))
    }

    async fn tell_of_end(
        &mut self,
        user: &User,
        kind: MailKind,
        details: MailDetails,
        until: Timestamp,
    ) -> Result<()> {
        let muted = store::notices::muted(self.connection, self.context, user.id).await?;
        if user.may_act(self.now) && !muted.contains(&kind) {
            self.notify(user, kind, None, MailDetails { at: Some(until), ..details });
        }
        Ok(())
    }
}

/// What ends, in words for the holder and for anybody else.
struct Ending {
    own: String,
    /// Whose it is, where the words for others go on from a name.
    whose: Vec<UserId>,
    others: String,
}

impl Ending {
    fn of(user: &User, what: &str) -> Self {
        Self { own: format!("your {what}"), whose: vec![user.id], others: format!("’s {what}") }
    }

    /// The same for who may not see whose it is.
    fn of_somebody(self) -> Self {
        Self { whose: Vec::new(), others: format!("somebody{}", self.others), ..self }
    }
}

/// Why it was given, and since when; what it was that ended is the entry's.
fn reason_of(given: &Given) -> String {
    let since = in_words(given.at);
    if given.terms.reason.is_empty() {
        format!("given on {since}")
    } else {
        format!("{} (given on {since})", given.terms.reason)
    }
}
