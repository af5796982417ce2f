//! Secrets that a weaker actor made, once their owner may do more: they open nothing any more.
//!
//! Whoever makes a link, a temporary password or a token for somebody else, or writes their address, may keep a copy. That
//! is within the granting rule while the owner may do no more than the maker. So what the maker could have given is kept
//! beside the secret. It is compared twice:
//!
//! - *When rights rise*, in the transaction that raises them and whatever raises them (`Operation::raising` says whom it
//!   concerns): what is outgrown ends for good, with its audit entry, and stays ended when the rights fall again. An
//!   invitation's link is replaced and mailed again. Whoever raises the rights is told of it, in a dry run too, and
//!   confirms what was shown. What is given from a later date on is asked about at once, and ends when it starts. Rights over
//!   a group rise as well when the group leaves those above it: who could give them over these can't any more.
//! - *Where it is used*, with what its owner may do at that moment: nobody slips in between a date and the worker.
//!
//! What the owner has replaced or proven is not compared, and a rise within the maker's own rights changes nothing.

mod settling;

use model::{
    Agent, Error, InvitationId, Kind, Org, Permission, Result, SessionId, TokenId, UserId,
    audit::Changes,
    grant::{Given, GrantKey, Holder},
    impact::Concern,
    link::{Ending, Link, Purpose},
    outgrown::{Maker, SecretKind},
};
use serde_json::Value;
use store::made_within::{self, Made, Outstanding};

pub(crate) use self::settling::{Rise, Unseen};
use self::settling::{Risen, Shown};
use crate::{
    Actor, App, Operation,
    invitations::{PURPOSES, Sending},
    users::changed,
};

/// The answer to a link whose maker could not have given what its owner may do now.
pub(crate) fn outgrown() -> Error {
    let message = "This link was made before your account was given more rights, by somebody who could not give them. Ask an \
                   administrator for a new one.";
    Error::new(Kind::Gone, "link.outgrown", message)
}

impl App {
    /// Something that was given begins, or many people are concerned: looks at some more of them.
    pub(crate) async fn end_outgrown(
        &self,
        org: &Org,
        whom: Concern,
        after: Option<UserId>,
        shown: Vec<u64>,
    ) -> Result<()> {
        let shown = Shown::Before(shown.into_iter().collect());
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.risen.push(Rise { whom, after, at: op.now, shown: shown.clone(), is_continued: true });
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
        self.risen.push(Rise { at: from, ..Rise::now(self, whom) });
    }

    /// What this operation does raises rights now.
    pub(crate) fn rises(&mut self, whom: Concern) {
        let rise = Rise::now(self, whom);
        if !self.risen.contains(&rise) {
            self.risen.push(rise);
        }
    }

    async fn end_secrets_of(&mut self, mut risen: Risen, is_asked: bool) -> Result<()> {
        let (mut replaced, mut ends_password) = (false, false);
        for secret in std::mem::take(&mut risen.secrets) {
            let is_invitation = is_of_invitation(&secret);
            ends_password |= matches!(secret.kind, SecretKind::Password | SecretKind::Session);
            if !(is_invitation && replaced) {
                self.end_secret(&risen, secret, is_asked).await?;
            }
            replaced |= is_invitation;
        }
        // What others wrote and nobody has proven is no address to tell it to.
        if ends_password && !self.is_address_outgrown(risen.user.id).await? {
            self.tell_password_ended(&risen.user).await?;
        }
        Ok(())
    }

    /// What is sent to an address now is worth what whoever has seen and confirmed it could give; no more than the user
    /// holds, where that is not known any more. A later rise beyond that asks again.
    fn confirmed_by(&self, risen: &Risen, before: &Maker) -> Maker {
        let rights = self.made_for(risen.user.id).map_or_else(|| risen.rights.clone(), |maker| maker.rights);
        Maker { rights, ..before.clone() }
    }

    async fn end_secret(&mut self, risen: &Risen, secret: Outstanding, is_asked: bool) -> Result<()> {
        let (context, user, id) = (self.context, &risen.user, risen.user.id);
        let is_invitation = is_of_invitation(&secret);
        let confirmed = self.confirmed_by(risen, &secret.maker);
        let maker = secret.maker.outgrown(self.now);
        match (secret.kind, secret.purpose) {
            (SecretKind::Link, _) if is_invitation && is_asked => {
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
            (SecretKind::Unseen, _) => return Err(Error::internal("no secret is kept as unseen")),
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
