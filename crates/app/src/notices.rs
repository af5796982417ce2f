//! What people are told about their accounts by mail, and by whom it was done: one place per notice.
//!
//! Most notices guard the account and can't be switched off. Nobody is told about what was done to an account before it
//! was used: a first password, roles given at creation.

use std::time::Duration;

use model::{
    Agent, Error, OrgContext, Permission, Result, Settings, Timestamp, User, UserId,
    access::Role,
    lifecycle::State,
    link::Purpose,
    mail::{MailDetails, MailKind},
    role::Scope,
    session::Session,
};

use store::grants::RoleGrant;

use store::boxed;

use crate::{Actor, App, Operation, Person, access::signed_out, mail::NewMail};

/// How long the link lives that comes with the news of a new password: who reads mail once a day must find it working.
const AFTER_A_CHANGE: Duration = Duration::from_secs(24 * 3600);
/// So many mails about a locked password in a day at most: a stranger decides how often it is locked.
const LOCKED_A_DAY: i64 = 5;
/// So many mails about a new device in a day at most: somebody may have many.
const NEW_DEVICES_A_DAY: i64 = 10;
/// So many owners are told at most.
const OWNERS: u16 = 50;

impl App {
    /// The notices that the actor has switched off.
    #[boxed]
    pub async fn muted_notices(&self, actor: &Actor) -> Result<Vec<MailKind>> {
        actor.require(Permission::AccountRead)?;
        let (context, user) = (actor.context, actor.user().ok_or_else(signed_out)?);
        let read = async |connection: &mut store::Connection<'_>| {
            store::notices::muted(connection, context, user).await
        };
        self.database().read(read).await
    }

    /// Switches these notices off, and all others on.
    #[boxed]
    pub async fn mute_notices(&self, actor: &Actor, kinds: Vec<MailKind>) -> Result<()> {
        let user = actor.user().ok_or_else(signed_out)?;
        if kinds.iter().any(|kind| !MailKind::OPTIONAL.contains(kind)) {
            let message = "This notice guards the account and can't be switched off.";
            return Err(Error::invalid_field("notices", "notice.not_optional", message));
        }
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            let before = store::notices::muted(op.connection, op.context, user).await?;
            store::notices::unmute(op.connection, op.context, user).await?;
            for kind in &kinds {
                store::notices::mute(op.connection, op.context, user, *kind).await?;
            }
            let names =
                |kinds: &[MailKind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().into();
            let changes = crate::users::changed("muted", names(&before), names(&kinds));
            op.record_user(&person.user, "account.notices_changed", changes, String::new());
            Ok(())
        };
        self.run(actor, Permission::AccountUpdate, deed).await
    }

    /// Tells the owners what is wrong with the audit log.
    pub(crate) async fn tell_owners_of_audit(&self, context: OrgContext, what: &str) -> Result<()> {
        let about = what.to_owned();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let at = Some(op.now);
            for owner in op.other_owners(UserId(uuid::Uuid::nil())).await? {
                let details = MailDetails { about: about.clone(), at, ..MailDetails::default() };
                op.notify(&owner, MailKind::AuditAlarm, None, details);
            }
            Ok(())
        };
        self.run(&Actor::system(context), Permission::AuditRead, deed).await
    }
}

impl Operation<'_, '_> {
    /// Who does this, for a mail to the user it is done to; nothing if they do it themselves.
    pub(crate) fn caused_for(&self, user: UserId) -> MailDetails {
        match self.agent {
            Agent::User(id) if id == user => MailDetails::default(),
            Agent::System => MailDetails::default(),
            Agent::User(_) | Agent::Operator => self.caused(),
        }
    }

    /// Who does this, for a mail to anybody else.
    pub(crate) fn caused(&self) -> MailDetails {
        match self.agent {
            Agent::User(id) => MailDetails { actor: Some(id), ..MailDetails::default() },
            Agent::Operator | Agent::System => {
                MailDetails { by: "the operator of the server".to_owned(), ..MailDetails::default() }
            }
        }
    }

    /// The password is another one, and there was one before: with a way back for whoever did not do it.
    pub(crate) async fn tell_password_changed(&mut self, person: &Person) -> Result<()> {
        self.tell_of_password(&person.user, "").await
    }

    /// The password, which somebody else had set, opens nothing any more: with a link to choose another one.
    pub(crate) async fn tell_password_ended(&mut self, user: &User) -> Result<()> {
        self.tell_of_password(user, "ended").await
    }

    async fn tell_of_password(&mut self, user: &User, about: &str) -> Result<()> {
        let Some(address) = user.fields.email.clone() else { return Ok(()) };
        if !user.may_act(self.now) {
            return Ok(());
        }
        let link = self.new_link(user.id, Purpose::PasswordReset, &address, AFTER_A_CHANGE).await?;
        let about = about.to_owned();
        let details = MailDetails { at: Some(self.now), about, ..self.caused_for(user.id) };
        self.notify(user, MailKind::PasswordChanged, Some(&link), details);
        Ok(())
    }

    /// An API token was made: whoever did not make it revokes it. The operator on the host tells nobody.
    pub(crate) fn tell_token_created(&mut self, user: &User, token: &str) {
        if !matches!(self.agent, Agent::User(_)) || user.fields.email.is_none() {
            return;
        }
        let details = MailDetails { about: token.to_owned(), at: Some(self.now), ..self.caused_for(user.id) };
        self.notify(user, MailKind::TokenCreated, None, details);
    }

    /// Too many wrong passwords: with a link that unlocks, where policy allows.
    pub(crate) async fn tell_password_locked(
        &mut self,
        person: &Person,
        until: Timestamp,
        settings: &Settings,
    ) -> Result<()> {
        let user = &person.user;
        let day = Duration::from_secs(24 * 3600);
        if user.fields.email.is_none() || !self.is_within("locked", user.id.0, LOCKED_A_DAY, day).await? {
            return Ok(());
        }
        let address = user.fields.email.clone().unwrap_or_default();
        let link = if settings.lockout.unlock_by_mail {
            let lifetime = Purpose::Unlock.lifetime();
            Some(self.new_link(user.id, Purpose::Unlock, &address, lifetime).await?)
        } else {
            None
        };
        let details = MailDetails { at: Some(until), ..MailDetails::default() };
        self.notify(user, MailKind::PasswordLocked, link.as_ref(), details);
        Ok(())
    }

    /// A sign-in in a way not seen before: with a link for whoever was not there.
    pub(crate) async fn tell_new_device(&mut self, person: &Person, session: &Session) -> Result<()> {
        let user = &person.user;
        let day = Duration::from_secs(24 * 3600);
        let Some(address) = user.fields.email.clone() else { return Ok(()) };
        if !self.is_within("new device", user.id.0, NEW_DEVICES_A_DAY, day).await? {
            return Ok(());
        }
        let link = self.new_link(user.id, Purpose::NotMe, &address, Purpose::NotMe.lifetime()).await?;
        let device = connect::device::recognize(&session.user_agent, &session.hints);
        let place = match session.country.as_str() {
            "" => session.address.clone(),
            country => format!("{} ({country})", session.address),
        };
        let details =
            MailDetails { about: device.label(), place, at: Some(self.now), ..MailDetails::default() };
        self.notify(user, MailKind::NewDevice, Some(&link), details);
        Ok(())
    }

    /// To the address of before, if the account was in use.
    pub(crate) fn tell_email_changed_by_administrator(&mut self, old: &str, user: &User) {
        if matches!(user.state, State::Staged | State::Invited) {
            return;
        }
        let about = user.fields.email.clone().unwrap_or_default();
        let details = MailDetails { about, ..self.caused_for(user.id) };
        let kind = MailKind::EmailChangedByAdministrator;
        self.mail(NewMail { user: Some(user.id), kind, address: old, link: None, invitation: None, details });
    }

    /// A role was given that was not held: the person hears of an administrator's, the owners of an owner.
    pub(crate) async fn tell_granted(&mut self, person: &Person, grant: &RoleGrant) -> Result<()> {
        // What counts over a group alone makes nobody an administrator of the organization.
        let Some(role) = grant.role.built_in().filter(|_| grant.scope == Scope::Org) else { return Ok(()) };
        let is_new = person.user.created_at == self.now;
        if is_new && !matches!(self.agent, Agent::User(_)) {
            return Ok(());
        }
        if role == Role::Owner {
            self.tell_owners(person, "is an owner now").await?;
        }
        let administers = matches!(role, Role::Owner | Role::Administrator | Role::SecurityAdministrator);
        let (context, id) = (self.context, person.user.id);
        if !administers || is_new || !person.user.may_act(self.now) || self.agent == Agent::User(id) {
            return Ok(());
        }
        if store::notices::muted(self.connection, context, id).await?.contains(&MailKind::MadeAdministrator) {
            return Ok(());
        }
        let article = if role == Role::SecurityAdministrator { "a" } else { "an" };
        let details = MailDetails { about: format!("{article} {}", role.label()), ..self.caused_for(id) };
        self.notify(&person.user, MailKind::MadeAdministrator, None, details);
        Ok(())
    }

    /// A role was taken: the owners hear of an owner.
    pub(crate) async fn tell_revoked(&mut self, person: &Person, grant: &RoleGrant) -> Result<()> {
        if grant.role == Role::Owner && grant.scope == Scope::Org {
            self.tell_owners(person, "is no longer an owner").await
        } else {
            Ok(())
        }
    }

    /// The owners but one, if they may act.
    pub(crate) async fn other_owners(&mut self, but: UserId) -> Result<Vec<User>> {
        let (context, now) = (self.context, self.now);
        let ids = store::grants::holders(self.connection, context, Role::Owner, now, OWNERS).await?;
        let mut owners = Vec::new();
        for id in ids.into_iter().filter(|id| *id != but) {
            let owner = store::users::find(self.connection, context, id).await?;
            owners.extend(owner.filter(|owner| owner.may_act(now)));
        }
        Ok(owners)
    }

    /// A group has become, or is no longer, one of owners: the owners but the one who does it hear of it.
    pub(crate) async fn tell_owners_of_group(&mut self, about: String) -> Result<()> {
        let at = Some(self.now);
        let actor = self.actor_user().unwrap_or(UserId(uuid::Uuid::nil()));
        for owner in self.other_owners(actor).await? {
            let details = MailDetails { about: about.clone(), at, ..self.caused() };
            self.notify(&owner, MailKind::OwnersChanged, None, details);
        }
        Ok(())
    }

    async fn tell_owners(&mut self, person: &Person, what: &str) -> Result<()> {
        let now = self.now;
        for owner in self.other_owners(person.user.id).await? {
            let (people, about) = (vec![person.user.id], format!(" {what}"));
            let details = MailDetails { people, about, at: Some(now), ..self.caused() };
            self.notify(&owner, MailKind::OwnersChanged, None, details);
        }
        Ok(())
    }
}
