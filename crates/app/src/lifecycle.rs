//! Moving users through the lifecycle: what `model/src/lifecycle.rs` decides, carried out in one transaction.
//!
//! Whoever may no longer act loses sessions, known devices, tokens and links with the change itself, never later.

use model::{
    Action, Org, Permission, Result, Timestamp, User, UserFields, UserId, audit,
    grant::{Given, GrantTerms},
    invitation::InvitationState,
    job::Work,
    lifecycle::{ActionName, Change, Circumstances, Effect, StateName},
    link::Ending,
    role::Scope,
    settings::LifecyclePolicy,
    user::UserType,
};
use serde_json::{Map, Value};
use store::{Connection, boxed};

pub use store::grants::Held;

use crate::{Actor, App, Operation, Person, operation::Event};

/// Which permission a transition needs.
pub fn permission_for(action: ActionName) -> Permission {
    match action {
        ActionName::Activate | ActionName::Accept | ActionName::Settle | ActionName::Reject => {
            Permission::UserActivate
        }
        ActionName::Invite | ActionName::CancelInvitation => Permission::UserInvite,
        ActionName::Suspend | ActionName::Reactivate => Permission::UserSuspend,
        ActionName::Deprovision => Permission::UserDeprovision,
        ActionName::Delete => Permission::UserDelete,
        ActionName::Restore => Permission::UserRestore,
        ActionName::Purge => Permission::UserPurge,
        ActionName::Lock => Permission::UserLock,
        ActionName::Unlock => Permission::UserUnlock,
    }
}

impl App {
    /// Moves a user through the lifecycle. `version` is what the caller has seen.
    #[boxed]
    pub async fn transition(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        action: Action,
        version: Option<i64>,
    ) -> Result<Person> {
        let permission = permission_for(action.name());
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let person = op.person_to_change(id, version).await?;
            op.transition(person, action.clone(), &policy).await
        };
        self.run(actor, permission, deed).await
    }

    /// Brings a suspended or deprovisioned user back, with a new end date if the present one has passed.
    /// `with_roles` gives a deprovisioned user the roles of before again, as far as the actor may grant them.
    #[boxed]
    pub async fn reactivate(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        valid_until: Option<Timestamp>,
        with_roles: bool,
        version: Option<i64>,
    ) -> Result<Person> {
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let person = op.person_to_change(id, version).await?;
            let is_rehire = person.user.state.name() == StateName::Deprovisioned;
            let needed = if is_rehire { Permission::UserDeprovision } else { Permission::UserSuspend };
            op.require_over(id, needed).await?;
            let mut person = op.transition(person, Action::Reactivate { valid_until }, &policy).await?;
            if is_rehire {
                let held = store::grants::snapshot(op.connection, op.context, id).await?;
                if with_roles {
                    op.give_again(&mut person, held).await?;
                }
                store::grants::forget_snapshot(op.connection, op.context, id).await?;
            }
            Ok(person)
        };
        // Which of the two permissions is needed depends on the state; reading it needs this one.
        self.run(actor, Permission::UserRead, deed).await
    }

    /// The roles and groups that a deprovisioned user held: what a rehire offers.
    #[boxed]
    pub async fn held_before(&self, actor: &Actor, id: UserId) -> Result<Held> {
        actor.require(Permission::UserRead)?;
        let context = actor.context;
        let read =
            async |connection: &mut Connection<'_>| store::grants::snapshot(connection, context, id).await;
        self.database().read(read).await
    }
}

impl Operation<'_, '_> {
    /// Gives a person who comes back what was held before and would hold now. A role or group that is no more is left.
    async fn give_again(&mut self, person: &mut Person, held: Held) -> Result<()> {
        let now = self.now;
        let again = |given: &Given| GrantTerms::until(given.terms.valid_until, "rehired");
        for grant in held.grants.iter().filter(|grant| grant.holds(now)) {
            let role = store::roles::find(self.connection, self.context, grant.role).await?;
            let scope = match grant.scope {
                Scope::Org => true,
                Scope::Group(id) => store::groups::find(self.connection, self.context, id).await?.is_some(),
            };
            if role.is_some() && scope {
                self.grant(person, grant.role, grant.scope, again(&grant.given)).await?;
            }
        }
        for membership in held.memberships.iter().filter(|held| held.given.holds(now)) {
            if store::groups::find(self.connection, self.context, membership.group).await?.is_some() {
                self.join(person, membership.group, again(&membership.given)).await?;
            }
        }
        Ok(())
    }

    /// Decides and carries out a transition of a loaded person.
    pub(crate) async fn transition(
        &mut self,
        mut person: Person,
        action: Action,
        policy: &LifecyclePolicy,
    ) -> Result<Person> {
        let circumstances = Circumstances {
            now: self.now,
            by: self.agent,
            policy,
            has_credential: person.password.set_at.is_some()
                || person.user.fields.kind() == UserType::Service,
        };
        let (name, reason, state) = (action.name(), reason_of(&action), person.user.state.name());
        let before = facts(&person.user);
        let change = person.user.apply(action, &circumstances)?;
        if change.effects.contains(&Effect::RemoveGrants) && !change.effects.contains(&Effect::Erase) {
            store::grants::remove_all(self.connection, self.context, person.user.id, self.now).await?;
        }
        self.check_owners(&person);
        if matches!(name, ActionName::Deprovision | ActionName::Delete | ActionName::Purge) {
            self.tell_unanswered(&person, state).await?;
        }
        if change.effects.contains(&Effect::Erase) {
            return self.purge(person, &change).await;
        }
        self.save(&mut person.user).await?;
        let changes = audit::changes(&before, &facts(&person.user));
        self.record_user(&person.user, event_of(name), changes, reason);
        self.carry_out(&person.user, &change.effects).await?;
        self.user_is_stale(person.user.id);
        let user = person.user;
        self.with_access(user).await
    }

    /// Removes every personal value; the id and a pseudonym stay in the audit log.
    async fn purge(&mut self, mut person: Person, change: &Change) -> Result<Person> {
        let (context, id) = (self.context, person.user.id);
        let pseudonym = audit::seal::pseudonym(id);
        let held = self.holdings(id).await?;
        self.carry_out(&person.user, &change.effects).await?;
        person.user.updated_at = self.now;
        self.erase_elsewhere(&person.user, &pseudonym).await?;
        store::users::erase(self.connection, &person.user).await?;
        store::grants::forget(self.connection, context, id).await?;
        store::grants::forget_snapshot(self.connection, context, id).await?;
        store::credentials::remove(self.connection, context, id).await?;
        store::links::erase(self.connection, context, id).await?;
        store::reserved_addresses::release(self.connection, context, id, None).await?;
        store::notices::unmute(self.connection, context, id).await?;
        store::mails::erase(self.connection, context, id).await?;
        store::invitations::erase(self.connection, context, id).await?;
        self.forget_tries(&person.user, None).await?;
        store::devices::forget(self.connection, context, id).await?;
        self.forget_strays(&person.user).await?;
        self.unname_in_answers(&person.user).await?;
        store::audit::erase_person(self.connection, context, id, self.now).await?;
        self.record(Event {
            // Also where the trash keeps nobody: this entry is the receipt, and explains what is gone from the log.
            name: event_of(ActionName::Purge),
            target_type: "user",
            target: id.0,
            target_name: &pseudonym,
            changes: held,
            reason: String::new(),
        });
        self.user_is_stale(id);
        person.user.fields = UserFields { username: Some(pseudonym), ..UserFields::default() };
        Ok(Person::new(person.user, None))
    }

    /// Carries out what a transition brings with it.
    pub(crate) async fn carry_out(&mut self, user: &User, effects: &[Effect]) -> Result<()> {
        let (context, id) = (self.context, user.id);
        for effect in effects {
            match effect {
                Effect::EndAccess => {
                    store::sessions::end_all(self.connection, context, id, None).await?;
                    store::devices::end_all(self.connection, context, id, None).await?;
                    store::tokens::revoke_all(self.connection, context, id).await?;
                    store::links::end_all(self.connection, context, id, Ending::Overtaken, self.now).await?;
                }
                Effect::PurgeAt(at) => self.later(Work::PurgeUser { user: id }, *at),
                Effect::SuspendAt(at) => self.later(Work::ExpireUser { user: id }, *at),
                Effect::ForgetFailures => {
                    self.forget_tries(user, None).await?;
                }
                Effect::SendInvitation(kind) => self.send_invitation(user, *kind).await?,
                Effect::EndInvitation => self.end_invitation(id, InvitationState::Cancelled).await?,
                // Grants and personal values are the caller's.
                Effect::RemoveGrants | Effect::Erase => {}
            }
        }
        Ok(())
    }
}

/// What a transition changes, for before and after.
fn facts(user: &User) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("state".to_owned(), user.state.name().as_str().into());
    if let Some(lock) = &user.lock {
        facts.insert(
            "locked_until".to_owned(),
            lock.until.map_or("unlocked".into(), |until| until.to_string().into()),
        );
    }
    if let Some(until) = user.fields.valid_until {
        facts.insert("valid_until".to_owned(), until.to_string().into());
    }
    facts
}

fn reason_of(action: &Action) -> String {
    match action {
        Action::Suspend { reason, note } | Action::Deprovision { reason, note } if note.is_empty() => {
            reason.to_string()
        }
        Action::Suspend { reason, note } | Action::Deprovision { reason, note } => {
            format!("{reason}: {note}")
        }
        Action::Lock { note, .. } => note.clone(),
        _ => String::new(),
    }
}

/// The event that a transition is recorded as.
fn event_of(action: ActionName) -> &'static str {
    match action {
        ActionName::Invite => "user.invited",
        ActionName::CancelInvitation => "user.invitation_cancelled",
        ActionName::Accept => "user.accepted",
        ActionName::Activate => "user.activated",
        ActionName::Settle => "user.settled",
        ActionName::Unlock => "user.unlocked",
        ActionName::Reactivate => "user.reactivated",
        ActionName::Restore => "user.restored",
        ActionName::Lock => "user.locked",
        ActionName::Suspend => "user.suspended",
        ActionName::Deprovision => "user.deprovisioned",
        ActionName::Reject => "user.rejected",
        ActionName::Delete => "user.deleted",
        ActionName::Purge => "user.purged",
    }
}
