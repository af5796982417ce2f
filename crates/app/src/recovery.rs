//! Getting back in: a forgotten password, the link that an administrator sends, a locked password, a forgotten
//! organization.
//!
//! Whoever asks for a link is told the same and makes the server do the same, whoever is called so: the request only
//! writes a job, and the worker finds out whether there is anybody. Mail goes to the stored address, never to a typed one.

use std::time::Duration;

use model::{
    Action, Error, JobId, Kind, Org, OrgContext, Permission, Result, State, Timestamp, User, UserId,
    credential::Credential,
    credential_change::CredentialChange,
    job::{Job, Work},
    lifecycle::StateName,
    link::{Ending, Link, Purpose},
    mail::{MailDetails, MailKind},
    network,
    strength::About,
    user::UserType,
};
use serde_json::Value;
use store::{
    Connection, boxed,
    email_directory::{self, EmailHash},
};

use crate::{
    Actor, App, Operation, Person,
    invitations::invitee,
    signin::{Attempt, NewSecrets, SignedIn},
    tries::occasion,
    users::changed,
};

const HOUR: Duration = Duration::from_secs(3600);
/// So many reset links an hour go to an account whose password somebody says to have forgotten; more are passed over.
const AN_HOUR: i64 = 5;
/// So many an hour are asked for from one address, whoever for; more are passed over.
const FROM_AN_ADDRESS: i64 = 60;
/// Longer than any username or email.
const LONGEST: usize = 320;
/// In so many organizations somebody is looked for.
const ORGS: u16 = 20;

/// What the page of a link shows: for whom it is.
#[derive(Debug, Clone)]
pub struct OpenedLink {
    /// The link: where it was sent, until when it opens.
    pub link: Link,
    /// Whose account.
    pub user: User,
}

/// A password was chosen through a link.
#[derive(Debug, Clone)]
pub struct Returned {
    /// Whose.
    pub user: UserId,
    /// The session that has begun; `None` where the account may not be used yet.
    pub signed_in: Option<SignedIn>,
    /// API tokens that go on: they are older than any session that could have made them.
    pub tokens: usize,
}

impl App {
    /// Somebody says to have forgotten the password of this account. Does and answers the same whether or not there is
    /// one: the worker decides.
    #[boxed]
    pub async fn ask_for_reset(&self, org: &Org, identifier: &str, address: &str) -> Result<()> {
        let (identifier, address) = (typed(identifier), address.to_owned());
        let work = Work::RecoverPassword { identifier, address: address.clone() };
        self.ask_the_worker(org.id.into(), work, &address).await
    }

    /// Somebody has forgotten where they have an account. Does and answers the same whoever it is.
    #[boxed]
    pub async fn ask_for_organizations(&self, email: &str, address: &str) -> Result<()> {
        self.ask_the_worker(OrgContext::NOWHERE, Work::FindOrganizations { email: typed(email) }, address)
            .await
    }

    async fn ask_the_worker(&self, context: OrgContext, work: Work, address: &str) -> Result<()> {
        let now = self.now();
        let counted = occasion(context, "recovery from", network::counted(address).as_bytes());
        let id = JobId(model::id::new_uuid(now, self.entropy()));
        let job = Job { id, org: context, work, run_at: now, attempts: 0 };
        let write = async move |connection: &mut Connection<'_>| {
            let since = now.minus(HOUR);
            let times = store::credentials::count_try(connection, context, counted, "", now, since).await?;
            if times <= FROM_AN_ADDRESS {
                store::jobs::insert(connection, context, std::slice::from_ref(&job), now).await?;
            }
            Ok(())
        };
        self.maintain(context, write).await?;
        self.wake().notify_one();
        Ok(())
    }

    /// The worker's part of `ask_for_reset`.
    pub(crate) async fn recover_password(&self, org: &Org, identifier: &str, address: &str) -> Result<()> {
        let context = OrgContext::from(org.id);
        let find = async |connection: &mut Connection<'_>| {
            store::users::find_by_identifier(connection, context, identifier).await
        };
        let Some(user) = self.database().read(find).await?.map(|user| user.id) else { return Ok(()) };
        let mut actor = Actor::system(context);
        address.clone_into(&mut actor.address);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            op.help_back_in(&person).await
        };
        match self.run(&actor, Permission::UserResetPassword, deed).await {
            // Purged meanwhile, or sent again too often today: nothing more to do.
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::TooMany | Kind::Conflict) => Ok(()),
            other => other,
        }
    }

    /// The worker's part of locking a password after failures: what is told about it.
    pub(crate) async fn notify_password_locked(
        &self,
        org: &Org,
        user: UserId,
        until: Timestamp,
    ) -> Result<()> {
        let settings = org.settings.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            // Unlocked meanwhile, or locked for another reason: that is told elsewhere.
            if until <= op.now || person.user.password_locked_until != Some(until) {
                return Ok(());
            }
            op.tell_password_locked(&person, until, &settings).await
        };
        self.run(&Actor::system(org.id.into()), Permission::UserRead, deed).await
    }

    /// The worker's part of `ask_for_organizations`: each organization sends a mail of its own, so that none of them
    /// keeps anything about another one.
    pub(crate) async fn find_organizations(&self, email: &str) -> Result<()> {
        let (hash, mut position, mut told) = (self.keys().email_hash(email), email_directory::START, 0);
        loop {
            let find = async |connection: &mut Connection<'_>| {
                email_directory::find(connection, &hash, position, ORGS).await
            };
            let found = self.database().read(find).await?;
            for (org, user) in &found {
                told += u16::from(self.tell_organization(*org, *user, hash).await?);
                if told == ORGS {
                    return Ok(());
                }
            }
            match found.last() {
                Some(last) if found.len() == usize::from(ORGS) => position = *last,
                _ => return Ok(()),
            }
        }
    }

    /// Tells somebody who has proven the address of that hash of one organization; says whether there was anybody to tell.
    async fn tell_organization(&self, org: model::OrgId, user: UserId, hash: EmailHash) -> Result<bool> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            if !person.user.may_act(op.now) || op.keys.proven_email(&person.user) != Some(hash) {
                return Ok(false);
            }
            if op.is_within("find organization", user.0, AN_HOUR, HOUR).await? {
                op.notify(&person.user, MailKind::OrganizationFound, None, MailDetails::default());
            }
            Ok(true)
        };
        match self.run(&Actor::system(org.into()), Permission::UserRead, deed).await {
            Err(error) if error.kind() == Kind::NotFound => Ok(false),
            told => told,
        }
    }

    /// An administrator sends the link with which somebody chooses a new password. Somebody who has none yet gets the
    /// invitation or the activation mail instead.
    #[boxed]
    pub async fn send_reset_link(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        version: Option<i64>,
    ) -> Result<Person> {
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(id, version).await?;
            match person.user.state.name() {
                StateName::Staged => {
                    op.require_over(id, Permission::UserActivate).await?;
                    return op.transition(person, Action::Activate, &policy).await;
                }
                StateName::Invited => {
                    op.require_over(id, Permission::InvitationResend).await?;
                    return op.transition(person, Action::Invite, &policy).await;
                }
                _ => {}
            }
            op.check_link_can_help(&person)?;
            op.ensure_address_trusted(&person).await?;
            if !op.is_within("reset link of an administrator", id.0, AN_HOUR, HOUR).await? {
                let message = "This user was sent a link several times within the hour. Wait, or set a temporary password.";
                return Err(Error::new(Kind::TooMany, "reset.too_many", message).with_retry_after(3600));
            }
            op.mail_reset_link(&person.user).await?;
            Ok(person)
        };
        self.run(actor, Permission::UserResetPassword, deed).await
    }

    /// What the page of a link shows. Changes nothing.
    #[boxed]
    pub async fn open_account_link(&self, org: &Org, purpose: Purpose, secret: &str) -> Result<OpenedLink> {
        let context = org.id.into();
        let link = self.open_link(context, purpose, secret).await?;
        let user = link.user;
        let read =
            async |connection: &mut Connection<'_>| store::users::find(connection, context, user).await;
        let user = self.database().read(read).await?.ok_or_else(overtaken)?;
        Ok(OpenedLink { link, user })
    }

    /// Chooses a new password with a link: all sessions end, and a new one begins.
    #[boxed]
    pub async fn reset_password(
        &self,
        org: &Org,
        secret: &str,
        typed: &str,
        from: Attempt,
    ) -> Result<Returned> {
        let OpenedLink { link, user } = self.open_account_link(org, Purpose::PasswordReset, secret).await?;
        self.note_opening(&link).await?;
        let credential = self.credential_of_choice(org, &user, typed).await?;
        let (settings, actor) = (org.settings.clone(), invitee(org, &user, &from));
        let (secrets, id) = (NewSecrets::new(self), user.id);
        let (hashes, presented) = (secrets.hashes(), from.devices.clone());
        let country = self.country_of(&from.address);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(id).await?;
            op.spend_link(&link).await?;
            if !is_primary(&person.user, &link.address) {
                return Err(overtaken());
            }
            op.prove_address(&mut person).await?;
            op.keep_who_proved(&link).await?;
            op.put_credential(&mut person, &credential, CredentialChange::Reset).await?;
            op.begin_session_of(&person, hashes, &from, &country, &settings, None).await
        };
        let begun = self.run_proven(&actor, deed).await?;
        let signed_in = begun.map(|begun| secrets.signed_in(id, begun, &presented));
        let tokens = self.tokens_left(org.id.into(), id).await?;
        Ok(Returned { user: id, signed_in, tokens })
    }

    /// Ends a lock by failures with the link that came with the news of it.
    #[boxed]
    pub async fn unlock_with_link(&self, org: &Org, secret: &str, from: Attempt) -> Result<User> {
        let OpenedLink { link, user } = self.open_account_link(org, Purpose::Unlock, secret).await?;
        self.note_opening(&link).await?;
        let (actor, id) = (invitee(org, &user, &from), user.id);
        let is_allowed = org.settings.lockout.unlock_by_mail;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(id).await?;
            op.spend_link(&link).await?;
            if !is_allowed || !is_primary(&person.user, &link.address) {
                return Err(overtaken());
            }
            op.forget_tries(&person.user, None).await?;
            store::users::lock_password(op.connection, op.context, id, None).await?;
            let until =
                person.user.password_locked_until.map_or(Value::Null, |until| until.to_string().into());
            let changes = changed("password_locked_until", until, Value::Null);
            op.record_user(&person.user, "user.password_unlocked", changes, "link".to_owned());
            op.user_is_stale(id);
            Ok(())
        };
        self.run_proven(&actor, deed).await?;
        Ok(user)
    }

    /// Somebody says that a sign-in was not theirs: everybody is signed out, the password opens nothing any more, and a link to
    /// choose another one is made. Answers where that leads.
    #[boxed]
    pub async fn disown_sign_in(&self, org: &Org, secret: &str, from: Attempt) -> Result<String> {
        let OpenedLink { link, user } = self.open_account_link(org, Purpose::NotMe, secret).await?;
        self.note_opening(&link).await?;
        let (actor, id) = (invitee(org, &user, &from), user.id);
        let policy = org.settings.session.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(id).await?;
            op.spend_link(&link).await?;
            if person.user.state != State::Active || !is_primary(&person.user, &link.address) {
                return Err(overtaken());
            }
            op.end_with_change(id, CredentialChange::NotMe, &policy).await?;
            store::users::lock_password(op.connection, op.context, id, Some((op.now, Timestamp::MAX)))
                .await?;
            let changes = changed("password_locked_until", Value::Null, Timestamp::MAX.to_string().into());
            op.record_user(&person.user, "sign_in.disowned", changes, "link".to_owned());
            op.user_is_stale(id);
            let lifetime = Purpose::PasswordReset.lifetime();
            Ok(op.new_link(id, Purpose::PasswordReset, &link.address, lifetime).await?.id)
        };
        let made = self.run_proven(&actor, deed).await?;
        let context = OrgContext::from(org.id);
        let read =
            async |connection: &mut Connection<'_>| store::links::by_id(connection, context, made).await;
        let link = self.database().read(read).await?.ok_or_else(Error::not_found)?;
        let url = self.link_url(org, &link)?;
        Ok(url.strip_prefix(self.public_url()).unwrap_or(&url).to_owned())
    }

    /// The password that somebody chooses on the page of a link, under the organization's rules.
    pub(crate) async fn credential_of_choice(
        &self,
        org: &Org,
        user: &User,
        typed: &str,
    ) -> Result<Credential> {
        // Whoever has the link has proven to be the person, and may be told that a password was used before.
        self.choose_password("new_password", typed, org, About::person(&user.fields, org), Some(user.id))
            .await
    }
}

/// What was typed, as far as it could be anybody's name.
fn typed(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// Whether mail to that address reaches the user's primary one, as the record stands now.
pub(crate) fn is_primary(user: &User, address: &str) -> bool {
    user.has_mailbox(address)
}

/// The link was for how things stood before.
pub(crate) fn overtaken() -> Error {
    let message = "This link is not needed any more, because the account has changed since. Try to sign in.";
    Error::new(Kind::Gone, "link.overtaken", message)
}

impl Operation<'_, '_> {
    /// Sends whoever can't get in what helps them, as far as anything does.
    async fn help_back_in(&mut self, person: &Person) -> Result<()> {
        let user = &person.user;
        if user.fields.kind() == UserType::Service
            || !self.is_within("forgotten password", user.id.0, AN_HOUR, HOUR).await?
            || self.is_address_outgrown(user.id).await?
        {
            return Ok(());
        }
        match user.state {
            State::Active if user.may_act(self.now) => self.mail_reset_link(user).await,
            State::Invited => {
                let pending = store::invitations::pending_of(self.connection, self.context, user.id).await?;
                match pending {
                    Some(invitation) => match self.send_invitation_on_request(user, invitation).await {
                        // An administrator sends another; whoever asks here learns nothing.
                        Err(error) if error.kind() == Kind::Gone => Ok(()),
                        sent => sent,
                    },
                    None => Ok(()),
                }
            }
            // In their own mailbox people may read how things stand.
            State::Staged | State::Pending { .. } | State::Suspended(_) | State::Active => {
                self.notify(user, MailKind::AccountUnavailable, None, MailDetails::default());
                Ok(())
            }
            State::Deprovisioned(_) | State::Trashed { .. } | State::Purged => Ok(()),
        }
    }

    /// Refuses to send a link to somebody whom it could not let in, and says what would.
    fn check_link_can_help(&self, person: &Person) -> Result<()> {
        let user = &person.user;
        let refuse = |code: &'static str, message: &str, possible: Vec<&'static str>| {
            Err(Error::new(Kind::Conflict, code, message).with_possible(possible))
        };
        if user.fields.kind() == UserType::Service {
            let message = "A service user has no password. Create an API token for it.";
            return refuse("user.service_password", message, Vec::new());
        }
        if user.fields.email.is_none() {
            let message = "This user has no email address. Add one, or set a temporary password.";
            return refuse("reset.no_address", message, vec!["edit", "set_password"]);
        }
        if user.is_locked(self.now) {
            return refuse("reset.locked", "This user is locked. Unlock the account first.", vec!["unlock"]);
        }
        if !user.may_act(self.now) {
            let message = "This user can't sign in at present, and a new password would not change that. Make the account                            usable first.";
            return refuse("reset.not_active", message, vec!["reactivate", "restore", "edit"]);
        }
        Ok(())
    }

    /// Refuses to send what lets somebody in to an address that somebody with fewer rights wrote and nobody has proven since.
    async fn ensure_address_trusted(&mut self, person: &Person) -> Result<()> {
        if !self.is_address_outgrown(person.user.id).await? {
            return Ok(());
        }
        let message = "Somebody with fewer rights than this user wrote the address, and it was not verified since. Set a temporary \
                       password, or correct the address first.";
        let possible = vec!["set_password", "edit"];
        Err(Error::new(Kind::Conflict, "reset.address_outgrown", message).with_possible(possible))
    }

    /// Sends a link with which the user chooses a new password. Earlier ones go on: a stranger who asks often must not
    /// be able to kill the link that somebody is about to use.
    async fn mail_reset_link(&mut self, user: &User) -> Result<()> {
        let Some(address) = user.fields.email.clone() else { return Ok(()) };
        let lifetime = Purpose::PasswordReset.lifetime();
        let link = self.new_link(user.id, Purpose::PasswordReset, &address, lifetime).await?;
        let details = self.caused_for(user.id);
        self.notify(user, MailKind::PasswordReset, Some(&link), details);
        let to = changed("address", Value::Null, address.into());
        self.record_user(user, "password.reset_link_sent", to, String::new());
        Ok(())
    }

    /// Whoever has used a link from the primary address reads mail there.
    pub(crate) async fn prove_address(&mut self, person: &mut Person) -> Result<()> {
        if person.user.email_verified {
            return Ok(());
        }
        person.user.email_verified = true;
        self.save(&mut person.user).await?;
        let changes = changed("email_verified", false.into(), true.into());
        self.record_user(&person.user, "email.verified", changes, String::new());
        self.end_links(person.user.id, &[Purpose::EmailVerification], Ending::Overtaken).await
    }
}
