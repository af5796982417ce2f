//! What one can do with passwords: set a temporary one for somebody, change one's own.

use model::{
    Action, Error, Kind, Org, Permission, Result, UserId,
    credential::{self, Password},
    lifecycle::StateName,
    link::{Ending, Purpose},
    session::Secret,
    user::UserType,
};
use serde_json::Value;

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
    pub async fn set_temporary_password(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        typed: Option<String>,
        version: Option<i64>,
    ) -> Result<TemporaryPassword> {
        let (password, reveal) = if let Some(typed) = typed {
            (Password::chosen("password", &typed, &org.settings.password, &[])?, None)
        } else {
            let password = credential::generate(self.entropy());
            let reveal = password.reveal().to_owned();
            (password, Some(reveal))
        };
        let credential = self.new_credential(password, true, &org.settings).await?;
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

    /// Changes one's own password. The present one is asked for; all other sessions end. This session gets a new
    /// secret: whoever knew the old one is out.
    pub async fn change_own_password(
        &self,
        actor: &Actor,
        org: &Org,
        present: &str,
        wanted: &str,
    ) -> Result<Option<Secret>> {
        let user = actor.user().ok_or_else(signed_out)?;
        let person = self.load_person(actor.context, user).await?;
        let fields = &person.user.fields;
        let about: Vec<&str> = [&fields.username, &fields.email, &fields.display_name]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let chosen = Password::chosen("new_password", wanted, &org.settings.password, &about)?;
        self.check_present(actor, present).await?;
        if present == wanted {
            let message = "This is the present password. Choose another one.";
            return Err(Error::invalid_field("new_password", "password.unchanged", message));
        }
        let credential = self.new_credential(chosen, false, &org.settings).await?;
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
    async fn check_present(&self, actor: &Actor, present: &str) -> Result<()> {
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
    /// Stores a credential in place of any other; locks by failures end.
    pub(crate) async fn put_credential(
        &mut self,
        person: &mut Person,
        credential: &credential::Credential,
        event: &str,
    ) -> Result<()> {
        let (context, id) = (self.context, person.user.id);
        store::credentials::set(self.connection, context, id, credential).await?;
        self.end_links(id, &[Purpose::PasswordReset, Purpose::Unlock], Ending::Overtaken).await?;
        self.forget_tries(&person.user, None).await?;
        store::users::lock_password(self.connection, context, id, None).await?;
        person.user.password_locked_until = None;
        let expires = credential.expires_at.map_or(Value::Null, |at| at.to_string().into());
        self.record_user(&person.user, event, changed("expires_at", Value::Null, expires), String::new());
        self.user_is_stale(id);
        *person = Person::new(person.user.clone(), std::mem::take(&mut person.grants), Some(credential));
        Ok(())
    }
}
