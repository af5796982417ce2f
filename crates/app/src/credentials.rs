//! What one can do with passwords: set a temporary one for somebody, ask for a change, change one's own.
//!
//! What a new password must be is asked in one place, `passwords.rs`.

use model::{
    Action, Error, Kind, Org, Permission, Result, UserId,
    credential::{self, Password},
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
}

impl App {
    /// Sets a temporary password, typed or (`None`) generated. It works for a limited time and must be changed at the
    /// next sign-in; all sessions and tokens end. A staged or invited user becomes active.
    #[boxed]
    pub async fn set_temporary_password(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        typed: Option<String>,
        version: Option<i64>,
    ) -> Result<TemporaryPassword> {
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
            op.put_credential(&mut person, &credential, "password.set_temporary").await?;
            store::tokens::revoke_all(op.connection, op.context, id).await?;
            store::sessions::end_all(op.connection, op.context, id, None).await?;
            if matches!(person.user.state.name(), StateName::Staged | StateName::Invited) {
                person = op.transition(person, Action::Activate, &policy).await?;
            }
            Ok(person)
        };
        let lane = store::Lane::Interactive;
        let (person, replayed) =
            self.run_replayable(actor, Permission::UserResetPassword, lane, deed).await?;
        Ok(TemporaryPassword { person, password: reveal.filter(|_| !replayed && !actor.dry_run) })
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
        self.check_present(actor, present).await?;
        // Only now: that a password was used before is told to nobody but its owner.
        let credential = self.choose_password("new_password", wanted, org, about, Some(user)).await?;
        let secret = actor.session.map(|_| self.new_secret());
        let (hash, session) = (secret.as_ref().map(Secret::hash), actor.session);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(user).await?;
            op.put_credential(&mut person, &credential, "password.changed").await?;
            store::sessions::end_all(op.connection, op.context, user, session).await?;
            if let (Some(session), Some(hash)) = (session, hash) {
                store::sessions::replace_secret(op.connection, op.context, session, &hash).await?;
            }
            Ok(())
        };
        self.run(actor, Permission::AccountPassword, deed).await?;
        Ok(secret)
    }

    /// Compares the present password, counting failures like a sign-in does.
    pub(crate) async fn check_present(&self, actor: &Actor, present: &str) -> Result<()> {
        let user = actor.user().ok_or_else(signed_out)?;
        let context = actor.context;
        self.count_try(context, user, &actor.address).await?;
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
            let message = "This is not your present password.";
            return Err(Error::invalid_field("present_password", "password.wrong", message));
        }
        let address = actor.address.clone();
        self.maintain(context, async move |connection| {
            store::credentials::forget_tries(connection, context, user, Some(&address)).await
        })
        .await
    }
}

impl Operation<'_, '_> {
    /// Stores a credential in place of any other, which joins the earlier ones; locks by failures end.
    pub(crate) async fn put_credential(
        &mut self,
        person: &mut Person,
        credential: &credential::Credential,
        event: &str,
    ) -> Result<()> {
        let (context, id) = (self.context, person.user.id);
        let org = store::orgs::find(self.connection, context).await?.ok_or_else(Error::not_found)?;
        store::credentials::remember(self.connection, context, id, org.settings.password.history).await?;
        store::credentials::set(self.connection, context, id, credential).await?;
        self.end_links(id, &[Purpose::PasswordReset, Purpose::Unlock], Ending::Overtaken).await?;
        if person.password.set_at.is_some() {
            self.tell_password_changed(person).await?;
        }
        self.forget_tries(&person.user, None).await?;
        store::users::lock_password(self.connection, context, id, None).await?;
        person.user.password_locked_until = None;
        let expires = credential.expires_at.map_or(Value::Null, |at| at.to_string().into());
        self.record_user(&person.user, event, changed("expires_at", Value::Null, expires), String::new());
        self.user_is_stale(id);
        person.password = Person::new(person.user.clone(), Some(credential)).password;
        Ok(())
    }
}
