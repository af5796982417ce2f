//! Secrets that a weaker actor made, once their owner may do more: they open nothing any more.
//!
//! Whoever makes a link, a temporary password or a token for somebody else, or writes their address, may keep a copy. That
//! is within the granting rule while the owner may do no more than the maker. So what the maker could have given is kept
//! beside the secret and compared where the secret is used: with what its owner may do at that moment, on whatever way
//! that came (a role, a group, a nesting, a role's permissions, a rehire, the start of a dated grant). No operation that
//! raises rights has to remember it, and nobody slips in between a date and the worker. What the owner has replaced or
//! proven is not compared, and a rise within the maker's own rights changes nothing.

use model::{
    Agent, Error, Kind, Result, Rights, UserId,
    link::{Link, Purpose},
};

use crate::Operation;

/// The answer to a link whose maker could not have given what its owner may do now.
fn outgrown() -> Error {
    let message = "This link was made before your account was given more rights, by somebody who could not give them. Ask an \
                   administrator for a new one.";
    Error::new(Kind::Gone, "link.outgrown", message)
}

impl Operation<'_, '_> {
    /// What the actor could give, if the actor makes something for another user; nothing for the operator and Muster, who
    /// may give everything.
    pub(crate) fn made_within(&self, user: UserId) -> Option<Rights> {
        match self.agent {
            Agent::User(maker) if maker != user => Some(self.rights.clone()),
            Agent::User(_) | Agent::Operator | Agent::System => None,
        }
    }

    /// Keeps what the actor could give beside a new password of somebody.
    pub(crate) async fn keep_maker_of_password(&mut self, user: UserId) -> Result<()> {
        let within = self.made_within(user);
        store::made_within::keep_for_password(self.connection, self.context, user, within.as_ref()).await
    }

    /// The same beside an address that was written.
    pub(crate) async fn keep_maker_of_address(&mut self, user: UserId) -> Result<()> {
        let within = self.made_within(user);
        store::made_within::keep_for_address(self.connection, self.context, user, within.as_ref()).await
    }

    /// The same beside a link; of one that is shown to another administrator, what both could give.
    pub(crate) async fn keep_maker_of_link(&mut self, link: &Link) -> Result<()> {
        let Some(mut within) = self.made_within(link.user) else { return Ok(()) };
        if let Some(before) = store::made_within::link(self.connection, self.context, link.id).await? {
            within = if within.covers(&before) { before } else { within.within(before.org) };
        }
        store::made_within::keep_for_link(self.connection, self.context, link.id, Some(&within)).await
    }

    /// Whether a user may do more at this moment than what was made within.
    pub(crate) async fn has_outgrown(&mut self, user: UserId, within: Option<Rights>) -> Result<bool> {
        let Some(within) = within else { return Ok(false) };
        let standing = store::access::standing(self.connection, self.context, user, self.now).await?;
        Ok(standing.is_some_and(|standing| !within.covers(&standing.rights)))
    }

    /// Refuses a link whose maker could not have given what its owner may do; and one that went, without anybody's doing,
    /// to an address that such a maker wrote and that was never proven.
    pub(crate) async fn ensure_link_not_outgrown(&mut self, link: &Link) -> Result<()> {
        let (context, user) = (self.context, link.user);
        let mut within = store::made_within::link(self.connection, context, link.id).await?;
        let recovers = matches!(link.purpose, Purpose::PasswordReset | Purpose::Unlock | Purpose::NotMe);
        if within.is_none() && recovers && !self.is_address_proven(user).await? {
            within = store::made_within::address(self.connection, context, user).await?;
        }
        if self.has_outgrown(user, within).await? { Err(outgrown()) } else { Ok(()) }
    }

    /// Whether mail to a user's address would help whoever is in it, and not the user.
    pub(crate) async fn is_address_outgrown(&mut self, user: UserId) -> Result<bool> {
        if self.is_address_proven(user).await? {
            return Ok(false);
        }
        let within = store::made_within::address(self.connection, self.context, user).await?;
        self.has_outgrown(user, within).await
    }

    async fn is_address_proven(&mut self, user: UserId) -> Result<bool> {
        let found = store::users::find(self.connection, self.context, user).await?;
        Ok(found.is_none_or(|user| user.email_verified))
    }
}
