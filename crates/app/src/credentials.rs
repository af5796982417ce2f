//! What one can do with passwords: set a temporary one for somebody, ask for a change, change one's own.
//!
//! What a new password must be is asked in one place, `passwords.rs`.

use model::{
    Action, Error, Kind, Org, Permission, Result, UserId,
    credential::{self, Password},
    credential_change::{CredentialChange, EndedSessions, EndedTokens},
    lifecycle::StateName,
    link::{Ending, Purpose},
    session::Secret,
    user::UserType,
};
use serde_json::Value;

use store::boxed;

use crate::{Actor, App, Operation, Person, access::signed_out, users::changed};

/// A temporary password was set.
#[derive(Debug, Clone)]
pub struct TemporaryPassword {
    /// Whose.
    pub person: Person,
    /// The generated password, to be shown once; `None` if it was typed or the request was repeated.
    pub password: Option<String>,
    /// API tokens of the user that go on: they are older than any session that could have made them.
    pub tokens: usize,
}

/// A present password that was compared, outside any transaction: it proves something only while it is the password.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(crate) struct ComparedPassword {
    user: UserId,
    stamp: i64,
}

/// How long a password that was typed in a session proves that its owner is there.
const PROVED_FOR: std::time::Duration = std::time::Duration::from_secs(10 * 60);

impl App {
    /// Sets a temporary password, typed or (`None`) generated. It works for a limited time and must be changed at the
    /// next sign-in; all sessions end, and the API tokens made lately (`CredentialChange`). A staged or invited user becomes
    /// active. One's own password is changed on the account page, with the present one.
    #[boxed]
    pub async fn set_temporary_password(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        typed: Option<String>,
        version: Option<i64>,
    ) -> Result<TemporaryPassword> {
        if actor.user() == Some(id) {
            let message = "This is your own account. Change your password on your account page, with your present password.";
            return Err(Error::new(Kind::Conflict, "account.own_password", message));
        }
        let (credential, reveal) = if let Some(typed) = typed {
            actor.require(Permission::UserResetPassword)?;
            let about = self.about(org, id).await?;
            (self.choose_password("password", &typed, org, about, None).await?, None)
        } else {
            let password = credential::generate(self.entropy());
            let reveal = password.reveal().to_owned();
            (self.new_credential(password).await?, Some(reveal))
        };
        let credential = credential.temporary(&org.settings.password);
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(id, version).await?;
            if person.user.fields.kind() == UserType::Service {
                let message = "A service user has no password. Create an API token for it.";
                return Err(Error::new(Kind::Conflict, "user.service_password", message));
            }
            if person.user.state.name() == StateName::Trashed {
                let message = "This user is in the trash. Restore the user first.";
                return Err(
                    Error::new(Kind::Conflict, "user.in_trash", message).with_possible(vec!["restore"])
                );
            }
            op.check_owners(&person);
            op.put_credential(&mut person, &credential, CredentialChange::SetByAdministrator).await?;
            if matches!(person.user.state.name(), StateName::Staged | StateName::Invited) {
                person = op.transition(person, Action::Activate, &policy).await?;
            }
            Ok(person)
        };
        let lane = store::Lane::Interactive;
        let (person, replayed) =
            self.run_replayable(actor, Permission::UserResetPassword, lane, deed).await?;
        let tokens = if actor.dry_run { 0 } else { self.tokens_left(actor.context, id).await? };
        Ok(TemporaryPassword { person, password: reveal.filter(|_| !replayed && !actor.dry_run), tokens })
    }

    /// Asks for another password at the next sign-in. The present one goes on until then; open sessions are led to the
    /// page at their next request. Asking twice changes nothing.
    #[boxed]
    pub async fn require_password_change(
        &self,
        actor: &Actor,
        id: UserId,
        version: Option<i64>,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person_to_change(id, version).await?;
            if person.password.set_at.is_none() {
                let message = "This user has no password that could be changed.";
                return Err(Error::new(Kind::Conflict, "user.no_password", message));
            }
            if !person.password.must_change {
                store::credentials::require_change(op.connection, op.context, id).await?;
                person.password.must_change = true;
                let changes = changed("must_change", false.into(), true.into());
                op.record_user(&person.user, "password.change_required", changes, String::new());
                op.user_is_stale(id);
            }
            Ok(person)
        };
        self.run(actor, Permission::UserResetPassword, deed).await
    }

    /// Changes one's own password. The present one is asked for; all other sessions end. This session gets a new
    /// secret: whoever knew the old one is out.
    #[boxed]
    pub async fn change_own_password(
        &self,
        actor: &Actor,
        org: &Org,
        present: &str,
        wanted: &str,
    ) -> Result<Option<Secret>> {
        let user = actor.user().ok_or_else(signed_out)?;
        let about = self.about(org, user).await?;
        let compared = self.check_present(actor, present).await?;
        // Only now: that a password was used before is told to nobody but its owner.
        let credential = self.choose_password("new_password", wanted, org, about, Some(user)).await?;
        let secret = actor.session().map(|_| self.new_secret());
        let (hash, session) = (secret.as_ref().map(Secret::hash), actor.session());
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(user).await?;
            compared.ensure_unchanged(&person)?;
            op.put_credential(&mut person, &credential, CredentialChange::Changed).await?;
            if let (Some(session), Some(hash)) = (session, hash) {
                store::sessions::replace_secret(op.connection, op.context, session, &hash).await?;
            }
            Ok(())
        };
        self.run(actor, Permission::AccountPassword, deed).await?;
        Ok(secret)
    }

    /// Notes in the actor's session that its owner has just typed the password.
    #[boxed]
    pub async fn prove_password(&self, actor: &Actor, present: &str) -> Result<()> {
        let (user, session) = actor.user().zip(actor.session()).ok_or_else(signed_out)?;
        let compared = self.check_present(actor, present).await?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            compared.ensure_unchanged(&person)?;
            store::sessions::note_proved(op.connection, op.context, session, op.now).await
        };
        self.run(actor, Permission::AccountRead, deed).await
    }

    /// Whether the password was typed in the actor's session within the last minutes.
    #[boxed]
    pub async fn is_password_proved(&self, actor: &Actor) -> Result<bool> {
        let (Some(session), context, now) = (actor.session(), actor.context, self.now()) else {
            return Ok(false);
        };
        let read = async |connection: &mut store::Connection<'_>| {
            store::sessions::proved_at(connection, context, session).await
        };
        Ok(self.database().read(read).await?.is_some_and(|at| now < at.plus(PROVED_FOR)))
    }

    /// Compares the present password; too many wrong ones end the session or token they came with. What it answers is compared again in the
    /// transaction that relies on it.
    pub(crate) async fn check_present(&self, actor: &Actor, present: &str) -> Result<ComparedPassword> {
        actor.ensure_may_write()?;
        let user = actor.user().ok_or_else(signed_out)?;
        let context = actor.context;
        let wrong = self.count_present(actor, user).await?;
        let find = async |connection: &mut store::Connection<'_>| {
            store::credentials::find(connection, context, user).await
        };
        let stored = self.database().read(find).await?;
        let matches = match Password::typed(present) {
            Some(typed) => {
                self.hasher().verify(typed, stored.as_ref().map(|stored| stored.hash.as_str())).await?.matches
            }
            None => false,
        };
        if !matches {
            self.settle_wrong_present(actor, user, wrong).await?;
            let message = "This is not your present password.";
            return Err(Error::invalid_field("present_password", "password.wrong", message));
        }
        self.forget_present(actor, user).await?;
        Ok(ComparedPassword { user, stamp: stored.map_or(0, |stored| stored.stamp) })
    }
}

impl ComparedPassword {
    /// Refuses when another password was stored since.
    pub(crate) fn ensure_unchanged(self, person: &Person) -> Result<()> {
        if person.user.id == self.user && person.password.stamp == self.stamp {
            return Ok(());
        }
        let message = "Your password was changed meanwhile. Sign in with the new one, then try again.";
        Err(Error::new(Kind::Conflict, "password.changed_meanwhile", message))
    }
}

impl Operation<'_, '_> {
    /// Stores a credential in place of any other, which joins the earlier ones; locks by failures end, and with them
    /// what the change takes along.
    pub(crate) async fn put_credential(
        &mut self,
        person: &mut Person,
        credential: &credential::Credential,
        change: CredentialChange,
    ) -> Result<()> {
        let (context, id) = (self.context, person.user.id);
        let org = store::orgs::find(self.connection, context).await?.ok_or_else(Error::not_found)?;
        store::credentials::remember(self.connection, context, id, org.settings.password.history).await?;
        store::credentials::set(self.connection, context, id, credential).await?;
        self.keep_maker_of_password(id).await?;
        let tokens = self.end_with_change(id, change, &org.settings.session).await?;
        if person.password.set_at.is_some() {
            self.tell_password_changed(person).await?;
        }
        self.forget_tries(&person.user, None).await?;
        store::users::lock_password(self.connection, context, id, None).await?;
        person.user.password_locked_until = None;
        let expires = credential.expires_at.map_or(Value::Null, |at| at.to_string().into());
        let mut changes = changed("expires_at", Value::Null, expires);
        if tokens > 0 {
            changes.extend(changed("tokens", tokens.into(), 0.into()));
        }
        self.record_user(&person.user, change.event(), changes, String::new());
        self.user_is_stale(id);
        person.password = Person::new(person.user.clone(), Some(credential)).password;
        Ok(())
    }

    /// Refuses in a session unless the password was typed in it within the last minutes: a browser that was left open, or
    /// a stolen cookie, makes nothing that outlives it. A program's token has its scopes instead.
    pub(crate) async fn ensure_password_proved(&mut self) -> Result<()> {
        let Some(session) = self.actor_session() else { return Ok(()) };
        let proved = store::sessions::proved_at(self.connection, self.context, session).await?;
        if proved.is_some_and(|at| self.now < at.plus(PROVED_FOR)) {
            return Ok(());
        }
        let message = "Type your password to go on.";
        Err(Error::invalid_field("present_password", "password.needed", message))
    }

    /// Ends what a change of the password, or a rescue, takes along: links, sessions, API tokens, by the one table of
    /// `CredentialChange`. Answers how many tokens ended.
    pub(crate) async fn end_with_change(
        &mut self,
        user: UserId,
        change: CredentialChange,
        policy: &model::settings::SessionPolicy,
    ) -> Result<u64> {
        let (context, now) = (self.context, self.now);
        let dead: Vec<Purpose> =
            Purpose::ALL.iter().copied().filter(|purpose| !change.spares(*purpose)).collect();
        self.end_links(user, &dead, Ending::Overtaken).await?;
        let but = match change.sessions() {
            EndedSessions::Others => self.actor_session(),
            EndedSessions::All => None,
        };
        store::sessions::end_all(self.connection, context, user, but).await?;
        store::devices::end_all(self.connection, context, user, but).await?;
        match change.tokens() {
            EndedTokens::None => Ok(0),
            EndedTokens::Recent => {
                let since = now.minus(model::session::longest_life(policy));
                store::tokens::revoke_since(self.connection, context, user, since).await
            }
            EndedTokens::All => store::tokens::revoke_all(self.connection, context, user).await,
        }
    }
}
