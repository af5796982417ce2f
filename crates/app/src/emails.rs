//! A person's own email address: changing it, proving it, taking a change back.
//!
//! The new address is proven before anything changes. The one that was left gets a link that takes the change back, and
//! nobody else may have it meanwhile. What an administrator changes is `users.rs`; here is only what it brings with it.

use std::time::Duration;

use model::{
    Error, FieldError, Kind, Org, Permission, Result, State, Timestamp, User, UserFields,
    credential_change::CredentialChange,
    link::{Ending, Link, Purpose},
    mail::{MailDetails, MailKind},
    user::{self, Completeness, UserType},
};
use serde_json::Value;

use store::{
    boxed,
    made_within::{self, Made},
};

use crate::{
    Actor, App, Operation, Person,
    access::signed_out,
    invitations::invitee,
    mail::NewMail,
    recovery::{OpenedLink, Returned, is_primary, overtaken},
    signin::{Attempt, NewSecrets},
    users::changed,
};

const HOUR: Duration = Duration::from_secs(3600);
/// So many mails an hour ask somebody to confirm an address.
const AN_HOUR: i64 = 5;

/// An address that waits to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAddress {
    /// Which.
    pub address: String,
    /// When it was asked for.
    pub since: Timestamp,
    /// Until when it can be confirmed.
    pub until: Timestamp,
}

impl App {
    /// The address that waits to become the actor's own, or to be proven as it.
    #[boxed]
    pub async fn pending_address(&self, actor: &Actor) -> Result<Option<PendingAddress>> {
        actor.require(Permission::AccountRead)?;
        let (context, user, now) = (actor.context, actor.user().ok_or_else(signed_out)?, self.now());
        let read = async |connection: &mut store::Connection<'_>| {
            store::links::open_of(connection, context, user, Purpose::EmailVerification).await
        };
        let open = self.database().read(read).await?.into_iter().rfind(|link| link.expires_at > now);
        Ok(open.map(|link| PendingAddress {
            address: link.address,
            since: link.created_at,
            until: link.expires_at,
        }))
    }

    /// Asks for another address: a mail goes there, and until its link is used nothing changes. Whether somebody else
    /// has the address is told only to whoever reads its mail.
    #[boxed]
    pub async fn ask_for_email(
        &self,
        actor: &Actor,
        wanted: &str,
        present_password: &str,
    ) -> Result<PendingAddress> {
        let user = actor.user().ok_or_else(signed_out)?;
        let wanted = checked(&self.load_person(actor.context, user).await?.user, wanted)?;
        let compared = self.check_present(actor, present_password).await?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            compared.ensure_unchanged(&person)?;
            let link = op.mail_verification(&person.user, &wanted).await?;
            let before = person.user.fields.email.clone().map_or(Value::Null, Value::from);
            let changes = changed("email", before, wanted.as_str().into());
            op.record_user(&person.user, "email.change_requested", changes, String::new());
            Ok((link.address, link.created_at, link.expires_at))
        };
        let (address, since, until) = self.run(actor, Permission::AccountUpdate, deed).await?;
        Ok(PendingAddress { address, since, until })
    }

    /// Sends the mail with which somebody proves that the present address is theirs.
    #[boxed]
    pub async fn ask_for_verification(&self, actor: &Actor) -> Result<PendingAddress> {
        let user = actor.user().ok_or_else(signed_out)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            let Some(address) = person.user.fields.email.clone().filter(|_| !person.user.email_verified)
            else {
                let message = "There is nothing to confirm: this address has been proven.";
                return Err(Error::new(Kind::Conflict, "email.verified_already", message));
            };
            let link = op.mail_verification(&person.user, &address).await?;
            let changes = changed("address", Value::Null, address.into());
            op.record_user(&person.user, "email.verification_sent", changes, String::new());
            Ok((link.address, link.created_at, link.expires_at))
        };
        let (address, since, until) = self.run(actor, Permission::AccountUpdate, deed).await?;
        Ok(PendingAddress { address, since, until })
    }

    /// Takes back what was asked for and not confirmed. Nothing asked for is not an error.
    #[boxed]
    pub async fn cancel_email(&self, actor: &Actor) -> Result<()> {
        let user = actor.user().ok_or_else(signed_out)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            let purpose = Purpose::EmailVerification;
            let open = store::links::open_of(op.connection, op.context, user, purpose).await?;
            let Some(link) = open.last() else { return Ok(()) };
            op.end_links(user, &[purpose], Ending::Cancelled).await?;
            let changes = changed("address", link.address.as_str().into(), Value::Null);
            op.record_user(&person.user, "email.change_cancelled", changes, String::new());
            Ok(())
        };
        self.run(actor, Permission::AccountUpdate, deed).await
    }

    /// Confirms an address with the link that was sent there; answers the user as it is then.
    #[boxed]
    pub async fn confirm_email(&self, org: &Org, secret: &str, from: Attempt) -> Result<User> {
        let OpenedLink { link, user } =
            self.open_account_link(org, Purpose::EmailVerification, secret).await?;
        self.note_opening(&link).await?;
        let (actor, id) = (invitee(org, &user, &from), user.id);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(id).await?;
            op.spend_link(&link).await?;
            if person.user.state != State::Active {
                return Err(overtaken());
            }
            if is_primary(&person.user, &link.address) {
                op.prove_address(&mut person).await?;
            } else {
                op.change_own_email(&mut person, &link.address).await?;
            }
            op.keep_who_proved(&link).await?;
            Ok(person.user)
        };
        self.run_proven(&actor, deed).await
    }

    /// Takes a change of address back with the link that was sent to the old one: that address is the account's again,
    /// every session and token ends, and a new password is chosen with it, because whoever made the change knew the
    /// present one.
    #[boxed]
    pub async fn undo_email(&self, org: &Org, secret: &str, typed: &str, from: Attempt) -> Result<Returned> {
        let OpenedLink { link, user } = self.open_account_link(org, Purpose::EmailUndo, secret).await?;
        self.note_opening(&link).await?;
        let credential = self.credential_of_choice(org, &user, typed).await?;
        let (settings, actor) = (org.settings.clone(), invitee(org, &user, &from));
        let (secrets, id) = (NewSecrets::new(self), user.id);
        let (hashes, presented) = (secrets.hashes(), from.devices.clone());
        let country = self.country_of(&from.address);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(id).await?;
            op.spend_link(&link).await?;
            if person.user.state != State::Active {
                return Err(overtaken());
            }
            op.give_back_email(&mut person, &link).await?;
            op.keep_who_proved(&link).await?;
            op.put_credential(&mut person, &credential, CredentialChange::EmailUndone).await?;
            op.begin_session_of(&person, hashes, &from, &country, &settings, None).await
        };
        let begun = self.run_proven(&actor, deed).await?;
        let signed_in = begun.map(|begun| secrets.signed_in(id, begun, &presented));
        // Taking an address back ends every token.
        Ok(Returned { user: id, signed_in, tokens: 0 })
    }
}

/// The wished address in its normal form; refused if it is none, or the present one.
fn checked(user: &User, wanted: &str) -> Result<String> {
    let refuse = |code: &'static str, message: &str| Err(Error::invalid_field("email", code, message));
    if user.fields.kind() == UserType::Service {
        return refuse("email.service_user", "A service user's address is changed by an administrator.");
    }
    let wanted =
        user::checked_email("email", wanted).map_err(|field: FieldError| Error::invalid(vec![field]))?;
    if is_primary(user, &wanted) {
        return refuse("email.unchanged", "This is the present address. Write another one.");
    }
    Ok(wanted)
}

/// A username that is the email goes along with it.
pub(crate) fn follow(fields: &mut UserFields, old_key: Option<&str>) {
    if fields.username_key().as_deref() == old_key && old_key.is_some() {
        fields.username.clone_from(&fields.email);
    }
}

impl Operation<'_, '_> {
    /// Sends the link that proves an address; one that was sent before ends.
    async fn mail_verification(&mut self, user: &User, address: &str) -> Result<Link> {
        if !self.is_within("address to confirm", user.id.0, AN_HOUR, HOUR).await? {
            let message = "Too many mails were asked for within the hour. Wait a while, then try again.";
            return Err(Error::new(Kind::TooMany, "email.too_many", message).with_retry_after(3600));
        }
        let purpose = Purpose::EmailVerification;
        self.end_links(user.id, &[purpose], Ending::Replaced).await?;
        // Typed in a session that somebody else may have begun, the address may be theirs.
        let maker = self.made_for(user.id);
        let link =
            self.new_link_within(user.id, purpose, address, purpose.lifetime(), maker.as_ref()).await?;
        let details = MailDetails { about: address.to_owned(), ..MailDetails::default() };
        self.mail(NewMail {
            user: Some(user.id),
            kind: MailKind::EmailVerification,
            address,
            link: Some(&link),
            invitation: None,
            details,
        });
        Ok(link)
    }

    /// The proven address becomes the account's; the old one is told and kept for a while.
    async fn change_own_email(&mut self, person: &mut Person, address: &str) -> Result<()> {
        let (id, old) = (person.user.id, person.user.fields.email.clone());
        // Who wrote an address that nobody has proven may read its mail: no more comes back with the link than that one
        // could have given.
        let maker = made_within::of(self.connection, self.context, Made::Address(id)).await?;
        self.put_email(person, address, "email.changed").await?;
        let Some(old) = old else { return Ok(()) };
        let lifetime = Purpose::EmailUndo.lifetime();
        let (key, until) = (user::key(&old), self.now.plus(lifetime));
        store::reserved_addresses::reserve(self.connection, self.context, &key, id, until).await?;
        let link = self.new_link_within(id, Purpose::EmailUndo, &old, lifetime, maker.as_ref()).await?;
        let details = MailDetails { about: address.to_owned(), ..MailDetails::default() };
        self.mail(NewMail {
            user: Some(id),
            kind: MailKind::EmailChanged,
            address: &old,
            link: Some(&link),
            invitation: None,
            details,
        });
        Ok(())
    }

    /// The address of before comes back. Links of changes made later than that one end with it; those of earlier ones
    /// go on, or whoever made two changes could take the first one's undoing away.
    async fn give_back_email(&mut self, person: &mut Person, link: &Link) -> Result<()> {
        let (context, id) = (self.context, person.user.id);
        self.put_email(person, &link.address, "email.change_undone").await?;
        let (purpose, ending) = (Purpose::EmailUndo, Ending::Overtaken);
        store::links::end_since(self.connection, context, id, purpose, link.created_at, ending, self.now)
            .await?;
        let key = user::key(&link.address);
        store::reserved_addresses::release(self.connection, context, id, Some(&key)).await
    }

    /// Writes an address that has just been proven.
    async fn put_email(&mut self, person: &mut Person, address: &str, event: &str) -> Result<()> {
        let before = person.user.fields.clone();
        let mut fields = before.clone();
        fields.email = Some(address.to_owned());
        follow(&mut fields, before.email_key().as_deref());
        person.user.edit(fields.checked(Completeness::Full)?);
        person.user.email_verified = true;
        self.save(&mut person.user).await?;
        let changes = model::audit::changes(&before.to_object(), &person.user.fields.to_object());
        self.record_user(&person.user, event, changes, String::new());
        let purposes = [Purpose::PasswordReset, Purpose::EmailVerification, Purpose::Unlock];
        self.end_links(person.user.id, &purposes, Ending::Overtaken).await?;
        self.user_is_stale(person.user.id);
        Ok(())
    }

    /// An administrator has decided on the address: nobody takes back any more what was before.
    pub(crate) async fn settle_email(&mut self, old: Option<&str>, user: &User) -> Result<()> {
        self.end_links(user.id, &[Purpose::EmailUndo], Ending::Overtaken).await?;
        store::reserved_addresses::release(self.connection, self.context, user.id, None).await?;
        if let Some(old) = old {
            self.tell_email_changed_by_administrator(old, user);
        }
        Ok(())
    }
}
