//! Secrets that a weaker actor made, once their owner may do more: they open nothing any more.
//!
//! Whoever makes a link, a temporary password or a token for somebody else, or writes their address, may keep a copy. That
//! is within the granting rule while the owner may do no more than the maker. So what the maker could have given is kept
//! beside the secret. It is compared twice:
//!
//! - *When rights rise*, in the transaction that raises them and whatever raises them (`Operation::raising` says whom it
//!   concerns): what is outgrown ends for good, with its audit entry, and stays ended when the rights fall again. An
//!   invitation's link is replaced and mailed again. Whoever raises the rights is told of it, in a dry run too, and
//!   confirms what was shown. What is given from a later date on is asked about at once, and ends when it starts.
//! - *Where it is used*, with what its owner may do at that moment: nobody slips in between a date and the worker.
//!
//! What the owner has replaced or proven is not compared, and a rise within the maker's own rights changes nothing.

use std::collections::BTreeSet;

use model::{
    Agent, Error, InvitationId, Kind, Org, Permission, Result, Rights, SessionId, State, Timestamp, TokenId,
    User, UserId,
    audit::Changes,
    grant::{Given, GrantKey, Holder},
    impact::Concern,
    job::Work,
    link::{Ending, Link, Purpose},
    outgrown::{self, EndedSecret, Maker, SecretKind, not_confirmed, opened},
};
use serde_json::Value;
use store::made_within::{self, Made, Outstanding};
use uuid::Uuid;

use crate::{
    Actor, App, Operation,
    invitations::{PURPOSES, Sending},
    users::changed,
};

/// So many people are looked at in one transaction; the worker goes on with the others.
const AT_ONCE: u16 = 500;

/// The answer to a link whose maker could not have given what its owner may do now.
pub(crate) fn outgrown() -> Error {
    let message = "This link was made before your account was given more rights, by somebody who could not give them. Ask an \
                   administrator for a new one.";
    Error::new(Kind::Gone, "link.outgrown", message)
}

/// Whose rights rise, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rise {
    /// Whose.
    pub whom: Concern,
    /// Those up to this one were looked at.
    pub after: Option<UserId>,
    /// From when on; what ends at a later time is told now, and ends then.
    pub at: Timestamp,
}

/// Somebody whose rights have risen to these.
struct Risen<'a> {
    user: &'a User,
    rights: &'a Rights,
    /// Whether somebody was asked, and has confirmed.
    is_asked: bool,
}

/// What ends, as it is told and confirmed.
#[derive(Default)]
struct Ended {
    told: Vec<EndedSecret>,
    /// Each secret once.
    known: BTreeSet<(SecretKind, Uuid)>,
    /// All that is shown of all of them, and which they are.
    shown: Vec<u8>,
}

impl Ended {
    fn tell(&mut self, secret: &Outstanding, described: EndedSecret) {
        let parts: [&[u8]; 5] = [
            described.user.0.as_bytes(),
            secret.kind.as_str().as_bytes(),
            secret.id.as_bytes(),
            described.name.as_bytes(),
            described.label.as_bytes(),
        ];
        for part in parts {
            self.shown.extend(part.len().to_be_bytes());
            self.shown.extend(part);
        }
        // Several links to one address are one mail.
        if !self.told.contains(&described) {
            self.told.push(described);
        }
    }
}

impl App {
    /// Something that was given begins, or many people are concerned: looks at some more of them.
    pub(crate) async fn end_outgrown(&self, org: &Org, whom: Concern, after: Option<UserId>) -> Result<()> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.risen.push(Rise { whom, after, at: op.now });
            Ok(())
        };
        self.run(&Actor::system(org.id.into()), Permission::RoleAssign, deed).await
    }
}

impl Operation<'_, '_> {
    /// Who may have a copy of what the actor makes for a user: the actor and what the actor could give, if it is another
    /// user; if it is the user's own doing, whoever made what the actor came with. Nobody for the operator and Muster, who
    /// may give everything.
    pub(crate) fn made_for(&self, user: UserId) -> Option<Maker> {
        if self.agent == Agent::User(user) { self.begun_within.clone() } else { self.made_by_another(user) }
    }

    /// The actor and what the actor could give, if it is another user.
    pub(crate) fn made_by_another(&self, user: UserId) -> Option<Maker> {
        match self.agent {
            Agent::User(by) if by != user => {
                Some(Maker { by: Some(by), outgrown_at: None, rights: self.rights.clone() })
            }
            Agent::User(_) | Agent::Operator | Agent::System => None,
        }
    }

    /// Keeps who the actor is beside something of a user.
    pub(crate) async fn keep_maker(&mut self, made: Made, user: UserId) -> Result<()> {
        let maker = self.made_for(user);
        made_within::keep(self.connection, self.context, made, maker.as_ref()).await
    }

    /// The same beside a new password. One that its owner chooses is the owner's, whatever it was chosen with.
    pub(crate) async fn keep_maker_of_password(&mut self, user: UserId) -> Result<()> {
        let maker = self.made_by_another(user);
        made_within::keep(self.connection, self.context, Made::Password(user), maker.as_ref()).await
    }

    /// An invitation's link is shown to the actor, who may keep it: so may everybody who had it before.
    pub(crate) async fn shown_to_actor(&mut self, link: &Link, invitation: InvitationId) -> Result<()> {
        let Some(maker) = self.made_for(link.user) else { return Ok(()) };
        for made in [Made::Link(link.id), Made::Invitation(invitation)] {
            let before = made_within::of(self.connection, self.context, made).await?;
            let maker = before.map_or(maker.clone(), |before| maker.clone().and(before));
            made_within::keep(self.connection, self.context, made, Some(&maker)).await?;
        }
        Ok(())
    }

    /// Whether a user may do more at this moment than what was made within, or could once.
    pub(crate) async fn has_outgrown(&mut self, user: UserId, maker: Option<Maker>) -> Result<bool> {
        let Some(maker) = maker else { return Ok(false) };
        let standing = store::access::standing(self.connection, self.context, user, self.now).await?;
        Ok(standing.is_some_and(|standing| !maker.covers(&standing.rights)))
    }

    /// Refuses a link whose maker could not have given what its owner may do; and one for getting in again that went to an
    /// address that such a maker wrote and that was never proven, whoever sent it.
    pub(crate) async fn ensure_link_not_outgrown(&mut self, link: &Link) -> Result<()> {
        let maker = made_within::of(self.connection, self.context, Made::Link(link.id)).await?;
        let recovers = matches!(link.purpose, Purpose::PasswordReset | Purpose::Unlock | Purpose::NotMe);
        if self.has_outgrown(link.user, maker).await?
            || recovers && self.is_address_outgrown(link.user).await?
        {
            return Err(outgrown());
        }
        Ok(())
    }

    /// A link has proven its user's address. It has no maker from now on, unless the link was asked for in a session that
    /// somebody else may have begun: then whoever that is may read what is sent there.
    pub(crate) async fn keep_who_proved(&mut self, link: &Link) -> Result<()> {
        let context = self.context;
        let maker = if matches!(link.purpose, Purpose::EmailVerification | Purpose::EmailUndo) {
            made_within::of(self.connection, context, Made::Link(link.id)).await?
        } else {
            None
        };
        made_within::keep(self.connection, context, Made::Address(link.user), maker.as_ref()).await
    }

    /// Whether mail to a user's address would help whoever is in it, and not the user. What is proven has no maker.
    pub(crate) async fn is_address_outgrown(&mut self, user: UserId) -> Result<bool> {
        let maker = made_within::of(self.connection, self.context, Made::Address(user)).await?;
        self.has_outgrown(user, maker).await
    }

    /// What is given from a later date on raises rights when it starts.
    pub(crate) fn rises_later(&mut self, grant: GrantKey, given: &Given) {
        let Some(from) = given.terms.valid_from.filter(|from| *from > self.now) else { return };
        let whom = match grant {
            GrantKey::Role { holder: Holder::User(user), .. } | GrantKey::Member { user, .. } => {
                Concern::User(user)
            }
            GrantKey::Role { holder: Holder::Group(group), .. } | GrantKey::Nested { child: group, .. } => {
                Concern::Group(group)
            }
        };
        self.risen.push(Rise { whom, after: None, at: from });
        self.later(Work::EndOutgrown { whom, after: None }, from);
    }

    /// Ends what others made for those whose rights this operation has raised beyond theirs, unless the actor has yet to
    /// confirm it.
    pub(crate) async fn settle_outgrown(&mut self) -> Result<()> {
        let mut ended = Ended::default();
        for rise in std::mem::take(&mut self.risen) {
            let Rise { whom, after, at } = rise;
            let (connection, context) = (&mut *self.connection, self.context);
            let users = made_within::holders(connection, context, whom, after, AT_ONCE).await?;
            if users.len() == usize::from(AT_ONCE) && at <= self.now {
                self.later(Work::EndOutgrown { whom, after: users.last().copied() }, self.now);
            }
            for user in users {
                self.end_outgrown_of(user, rise, &mut ended).await?;
            }
        }
        if ended.told.is_empty() {
            return Ok(());
        }
        // It confirms what was shown: neither another address nor another link that somebody has put there meanwhile.
        let digest = self.keys.derive("end_secrets", &[&ended.shown]);
        let code = outgrown::code(&digest);
        if self.must_confirm(code) {
            return Err(not_confirmed(&ended.told, code));
        }
        (self.ended_secrets, self.confirms) = (ended.told, code);
        Ok(())
    }

    async fn end_outgrown_of(&mut self, id: UserId, rise: Rise, ended: &mut Ended) -> Result<()> {
        let (context, at) = (self.context, rise.at.max(self.now));
        if made_within::outstanding(self.connection, context, id, at).await?.is_empty() {
            return Ok(());
        }
        // Whoever uses one of them holds the user's row: what is read now is what is left.
        let Some(user) = store::users::lock(self.connection, context, id).await? else { return Ok(()) };
        let Some(standing) = store::access::standing(self.connection, context, id, at).await? else {
            return Ok(());
        };
        let mut outgrown = made_within::outstanding(self.connection, context, id, at).await?;
        outgrown.retain(|secret| !secret.maker.covers(&opened(&standing.rights, secret.scopes)));
        // A password ends with the sessions that it began. A personal address serves for invitations alone.
        let ends_password = outgrown.iter().any(|secret| secret.kind == SecretKind::Password);
        let is_here = user.state == State::Active;
        outgrown.retain(|secret| match secret.kind {
            SecretKind::Session => !ends_password,
            SecretKind::Personal => !is_here,
            _ => true,
        });
        // Who may not see the person is told nothing, and has nothing to confirm.
        let is_seen = self.may_see(id).await?;
        for secret in outgrown.iter().filter(|_| is_seen) {
            if ended.known.insert((secret.kind, secret.id)) {
                let described = self.described(&user, secret).await?;
                ended.tell(secret, described);
            }
        }
        if at > self.now {
            return Ok(());
        }
        // Nobody was asked, as about those beyond the first of many: such an invitation is not mailed again by itself.
        let is_asked = is_seen && rise.after.is_none();
        let mut replaced = false;
        for secret in outgrown {
            let is_invitation = is_of_invitation(&secret);
            if !(is_invitation && replaced) {
                let risen = Risen { user: &user, rights: &standing.rights, is_asked };
                self.end_secret(&risen, secret).await?;
            }
            replaced |= is_invitation;
        }
        Ok(())
    }

    async fn described(&mut self, user: &User, secret: &Outstanding) -> Result<EndedSecret> {
        let label = match secret.kind {
            SecretKind::Link | SecretKind::Expired if is_of_invitation(secret) => {
                self.address_with_writer(user, &secret.label).await?
            }
            SecretKind::Token | SecretKind::Address | SecretKind::Personal => secret.label.clone(),
            // A link of another purpose is not sent again.
            SecretKind::Link | SecretKind::Expired | SecretKind::Password | SecretKind::Session => {
                String::new()
            }
        };
        let made_by = match secret.maker.by {
            Some(by) => self.name_for_actor(by).await?,
            None => None,
        };
        let name = self.name_for_actor(user.id).await?.unwrap_or_else(|| "somebody".to_owned());
        Ok(EndedSecret { user: user.id, name, kind: secret.kind, label, made_by })
    }

    /// An address that mail goes to, and who wrote it, as far as the actor may see that.
    async fn address_with_writer(&mut self, user: &User, address: &str) -> Result<String> {
        let made =
            if user.has_mailbox(address) { Made::Address(user.id) } else { Made::PersonalAddress(user.id) };
        let writer = made_within::of(self.connection, self.context, made).await?;
        let name = match writer.and_then(|writer| writer.by) {
            Some(by) => self.name_for_actor(by).await?,
            None => None,
        };
        Ok(name.map_or_else(|| address.to_owned(), |name| format!("{address} (set by {name})")))
    }

    /// A user's name, if the actor may see it.
    async fn name_for_actor(&mut self, user: UserId) -> Result<Option<String>> {
        if self.agent != Agent::User(user) && !self.may_see(user).await? {
            return Ok(None);
        }
        store::users::name(self.connection, self.context, user).await
    }

    /// What is sent to an address now is worth what whoever has seen and confirmed it could give; no more than the user
    /// holds, where that is not known any more. A later rise beyond that asks again.
    fn confirmed_by(&self, risen: &Risen<'_>, before: &Maker) -> Maker {
        let rights = self.made_for(risen.user.id).map_or_else(|| risen.rights.clone(), |maker| maker.rights);
        Maker { rights, ..before.clone() }
    }

    async fn end_secret(&mut self, risen: &Risen<'_>, secret: Outstanding) -> Result<()> {
        let (context, user, id) = (self.context, risen.user, risen.user.id);
        let is_invitation = is_of_invitation(&secret);
        let confirmed = self.confirmed_by(risen, &secret.maker);
        let maker = secret.maker.outgrown(self.now);
        match (secret.kind, secret.purpose) {
            (SecretKind::Link, _) if is_invitation && risen.is_asked => {
                // The invitation goes out once more, to the same addresses.
                self.redirect_invitation(user, Sending::Confirmed(confirmed)).await?;
                self.record_user(user, "user.invited", Changes::new(), "outgrown".to_owned());
            }
            (SecretKind::Link | SecretKind::Expired, _) if is_invitation => {
                self.expire_invitation(id, &maker).await?;
                let changes = changed("address", secret.label.into(), Value::Null);
                self.record_user(user, "user.invitation_outgrown", changes, String::new());
            }
            (SecretKind::Link | SecretKind::Expired, Some(purpose)) => {
                self.end_links(id, &[purpose], Ending::Overtaken).await?;
            }
            (SecretKind::Link | SecretKind::Expired, None) => {
                return Err(Error::internal("a link without a purpose"));
            }
            (SecretKind::Personal, _) => {
                let made = Made::PersonalAddress(id);
                made_within::keep(self.connection, context, made, Some(&confirmed)).await?;
            }
            (SecretKind::Password, _) => {
                made_within::keep(self.connection, context, Made::Password(id), Some(&maker)).await?;
                store::credentials::expire(self.connection, context, id, self.now).await?;
                // Whoever knew it may have signed in with it.
                store::sessions::end_all(self.connection, context, id, None).await?;
                store::devices::end_all(self.connection, context, id, None).await?;
                let changes = changed("expires_at", Value::Null, self.now.to_string().into());
                self.record_user(user, "password.outgrown", changes, String::new());
            }
            (SecretKind::Session, _) => {
                self.end_session(id, SessionId(secret.id), "outgrown").await?;
            }
            (SecretKind::Token, _) => {
                let token = TokenId(secret.id);
                made_within::keep(self.connection, context, Made::Token(token), Some(&maker)).await?;
                let mut changes = changed("token", token.to_string().into(), Value::Null);
                changes.extend(changed("name", secret.label.into(), Value::Null));
                self.record_user(user, "token.outgrown", changes, String::new());
            }
            (SecretKind::Address, _) => {
                let maker = confirmed.outgrown(self.now);
                made_within::keep(self.connection, context, Made::Address(id), Some(&maker)).await?;
                store::users::unprove(self.connection, context, id).await?;
                // What was sent there before proves nothing now; its owner may ask for another.
                self.end_links(id, &[Purpose::EmailVerification], Ending::Overtaken).await?;
                let changes = changed("address", secret.label.into(), Value::Null);
                self.record_user(user, "email.outgrown", changes, String::new());
            }
        }
        self.user_is_stale(id);
        Ok(())
    }
}

/// Whether it is a link that an invitation sent.
fn is_of_invitation(secret: &Outstanding) -> bool {
    secret.purpose.is_some_and(|purpose| PURPOSES.contains(&purpose))
}
