//! Looking after invitations that are out: the list, sending again, reminding, cancelling, by the invitation's id.
//!
//! What sending again means is decided in `invitations.rs`: for an administrator or a bulk, and for somebody who is not
//! signed in.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, stream};
use model::{
    Action, Agent, Error, InvitationId, Kind, Org, OrgContext, Permission, Result, UserId,
    invitation::{Invitation, InvitationState, InvitationStatus, RESENDS_A_DAY},
    invitation_query::InvitationQuery,
    lifecycle::StateName,
    link::{Purpose, Standing},
    mail::{MailDetails, MailKind},
    page::Page,
};
use store::{Connection, boxed};

pub use store::invitation_list::Listed;

use super::{Sending, Terms, invitee, is_address_of};
use crate::{Actor, App, Operation, Person, signin::Attempt};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Most invitations that are sent again at once.
pub const MOST_AT_ONCE: u16 = 200;
/// How many operations of a bulk are under way at once: they share their commits.
pub(super) const TOGETHER: usize = 16;

/// What came of sending many again.
#[derive(Debug, Clone, Default)]
pub struct ManyResent {
    /// Sent again.
    pub sent: Vec<InvitationId>,
    /// Refused, and why.
    pub refused: Vec<(InvitationId, Error)>,
    /// How many expired ones are left.
    pub left: i64,
}

/// Which mail an invitation is, and what it says.
pub(super) fn invitation_mail(invitation: &Invitation) -> (MailKind, MailDetails) {
    let kind = match invitation.kind {
        Purpose::Activation => MailKind::Activation,
        _ => MailKind::Invitation,
    };
    let actor = match invitation.invited_by {
        Agent::User(inviter) => Some(inviter),
        Agent::Operator | Agent::System => None,
    };
    (kind, MailDetails { actor, message: invitation.message.clone(), ..MailDetails::default() })
}

impl App {
    /// One page of the list.
    #[boxed]
    pub async fn invitations(&self, actor: &Actor, query: InvitationQuery) -> Result<Page<Listed>> {
        actor.require(Permission::InvitationRead)?;
        let (context, now) = (actor.context, self.now());
        let is_search = !query.search.trim().is_empty();
        let read = async move |connection: &mut Connection<'_>| {
            store::invitation_list::page(connection, context, &query, now).await
        };
        if is_search { self.database().read_blocking(read).await } else { self.database().read(read).await }
    }

    /// How many invitations there are of each status, exact up to 10,000.
    #[boxed]
    pub async fn invitation_counts(&self, actor: &Actor) -> Result<Vec<(InvitationStatus, i64)>> {
        actor.require(Permission::InvitationRead)?;
        let (context, now) = (actor.context, self.now());
        let read = async move |connection: &mut Connection<'_>| {
            store::invitation_list::counts(connection, context, now, 10_000).await
        };
        self.database().read_blocking(read).await
    }

    /// One invitation, with who is invited.
    #[boxed]
    pub async fn invitation(&self, actor: &Actor, id: InvitationId) -> Result<(Invitation, Person)> {
        actor.require(Permission::InvitationRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::invitations::find(connection, context, id).await?.ok_or_else(Error::not_found)
        };
        let invitation = self.database().read(read).await?;
        let person = self.load_person(context, invitation.user).await?;
        Ok((invitation, person))
    }

    /// The newest invitation of a user, whatever has become of it. `None` also for those who may not see it.
    #[boxed]
    pub async fn invitation_of(&self, actor: &Actor, user: UserId) -> Result<Option<Invitation>> {
        if !actor.permissions.contains(Permission::InvitationRead) {
            return Ok(None);
        }
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::invitations::latest_of(connection, context, user).await
        };
        self.database().read(read).await
    }

    /// The link of an invitation, to be sent by other means. Recorded.
    #[boxed]
    pub async fn copy_link_of(&self, actor: &Actor, org: &Org, id: InvitationId) -> Result<String> {
        actor.require(Permission::UserInvite)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::invitations::find(connection, context, id).await?.ok_or_else(Error::not_found)
        };
        let user = self.database().read(read).await?.user;
        self.copy_invitation_link(actor, org, user).await
    }

    /// Sends an open invitation again: a new link, a new end.
    #[boxed]
    pub async fn resend_invitation(&self, actor: &Actor, org: &Org, id: InvitationId) -> Result<Person> {
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let (person, _) = op.open_invitation(id).await?;
            Ok(op.invite(person, Action::Invite, Terms::default(), &policy).await?.person)
        };
        self.run(actor, Permission::InvitationResend, deed).await
    }

    /// Takes an open invitation back.
    #[boxed]
    pub async fn cancel_invitation(&self, actor: &Actor, org: &Org, id: InvitationId) -> Result<Person> {
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let (person, _) = op.open_invitation(id).await?;
            op.transition(person, Action::CancelInvitation, &policy).await
        };
        self.run(actor, Permission::UserInvite, deed).await
    }

    /// Reminds of an open invitation now, with a link of its own; the one that is out stays good. Counts as sending again.
    #[boxed]
    pub async fn remind_invitation(&self, actor: &Actor, id: InvitationId) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let (person, mut invitation) = op.open_invitation(id).await?;
            if invitation.expires_at <= op.now {
                let message = "This invitation has expired. Send it again instead.";
                let error = Error::new(Kind::Conflict, "invitation.expired", message);
                return Err(error.with_possible(vec!["invite"]));
            }
            invitation.count(op.now)?;
            op.remind(&person, invitation).await?;
            Ok(person)
        };
        self.run(actor, Permission::InvitationResend, deed).await
    }

    /// Sends these invitations again, each for itself; `None`: what has expired, at most `MOST_AT_ONCE` of it.
    #[boxed]
    pub async fn resend_invitations(
        &self,
        actor: &Actor,
        org: &Org,
        chosen: Option<Vec<InvitationId>>,
    ) -> Result<ManyResent> {
        actor.require(Permission::InvitationResend)?;
        let context = actor.context;
        let ids = match chosen {
            Some(ids) if ids.len() > usize::from(MOST_AT_ONCE) => {
                let message = format!("Send at most {MOST_AT_ONCE} invitations again at once.");
                return Err(Error::invalid_field("ids", "invitation.too_many", message));
            }
            Some(ids) => ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            None => self.expired_invitations(actor).await?,
        };
        let sending = ids.into_iter().map(|id| {
            let actor = actor.for_part(&id.to_string());
            async move { (id, self.resend_invitation(&actor, org, id).await) }
        });
        let results: Vec<_> = stream::iter(sending).buffered(TOGETHER).collect().await;
        let mut many = ManyResent::default();
        for (id, result) in results {
            match result {
                Ok(_) => many.sent.push(id),
                Err(error) if is_about_one(&error) => many.refused.push((id, error)),
                Err(error) => return Err(error),
            }
        }
        let now = self.now();
        let count = async move |connection: &mut Connection<'_>| {
            store::invitation_list::counts(connection, context, now, 10_000).await
        };
        let counts = self.database().read_blocking(count).await?;
        many.left = counts
            .iter()
            .find(|(status, _)| *status == InvitationStatus::Expired)
            .map_or(0, |(_, count)| *count);
        Ok(many)
    }

    /// What has expired, at most `MOST_AT_ONCE` of it. Asked again with the same idempotency key: what it was the first
    /// time, whatever has expired since.
    async fn expired_invitations(&self, actor: &Actor) -> Result<Vec<InvitationId>> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            store::invitations::expired(op.connection, op.context, op.now, MOST_AT_ONCE).await
        };
        let lane = store::Lane::Interactive;
        Ok(self.run_replayable(actor, Permission::InvitationResend, lane, deed).await?.0)
    }

    /// Somebody whose link has expired asks for a new one: the invitation is sent again to the addresses that are stored.
    /// Whatever comes of it, the answer is the same: nothing but that there was such a link.
    #[boxed]
    pub async fn renew_invitation(
        &self,
        org: &Org,
        purpose: Purpose,
        secret: &str,
        from: &Attempt,
    ) -> Result<()> {
        let context = OrgContext::from(org.id);
        let link = match self.find_link(context, purpose, secret).await {
            Ok(link) if link.standing(self.now()) == Standing::Expired => link,
            Ok(_) => return Ok(()),
            Err(error) => return Err(error),
        };
        let user = link.user;
        let read =
            async |connection: &mut Connection<'_>| store::users::find(connection, context, user).await;
        let Some(who) = self.database().read(read).await? else { return Ok(()) };
        let actor = invitee(org, &who, from);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            let pending = store::invitations::pending_of(op.connection, op.context, user).await?;
            let expired = pending.filter(|invitation| invitation.expires_at <= op.now);
            let is_invited = person.user.state.name() == StateName::Invited;
            let Some(invitation) =
                expired.filter(|_| is_invited && is_address_of(&person.user, &link.address))
            else {
                return Ok(());
            };
            // Counted by itself: how often an administrator may send it is not the invitee's to use up.
            if op.is_within("renewed invitation", user.0, RESENDS_A_DAY, DAY).await? {
                op.send_invitation_on_request(&person.user, invitation).await?;
            }
            Ok(())
        };
        match self.run_proven(&actor, deed).await {
            Err(error) if matches!(error.kind(), Kind::TooMany | Kind::NotFound | Kind::Conflict) => Ok(()),
            result => result,
        }
    }

    /// The worker: it is time to remind, unless the invitation was accepted, cancelled or sent again since.
    pub(crate) async fn remind(&self, org: &Org, id: InvitationId, sent_at: model::Timestamp) -> Result<()> {
        if !org.settings.invitation.remind {
            return Ok(());
        }
        let deed = async move |op: &mut Operation<'_, '_>| {
            let invitation = store::invitations::find(op.connection, op.context, id).await?;
            let Some(user) = invitation.map(|invitation| invitation.user) else { return Ok(()) };
            let person = op.person(user).await?;
            let pending = store::invitations::pending_of(op.connection, op.context, user).await?;
            match pending {
                Some(invitation)
                    if invitation.id == id
                        && invitation.sent_at == sent_at
                        && invitation.expires_at > op.now =>
                {
                    op.remind(&person, invitation).await
                }
                _ => Ok(()),
            }
        };
        self.run(&Actor::system(org.id.into()), Permission::InvitationResend, deed).await
    }
}

/// Whether a refusal is about the one invitation, so that the others can go on.
pub(super) fn is_about_one(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Invalid | Kind::Conflict | Kind::Forbidden | Kind::NotFound | Kind::TooMany | Kind::Stale
    )
}

impl Operation<'_, '_> {
    /// The invitation of that id with its invitee, if it is still open and the actor may change this person.
    async fn open_invitation(&mut self, id: InvitationId) -> Result<(Person, Invitation)> {
        let found = store::invitations::find(self.connection, self.context, id).await?;
        let user = found.ok_or_else(Error::not_found)?.user;
        let person = self.person_to_change(user, None).await?;
        // Again, now that nobody else changes it.
        let found = store::invitations::find(self.connection, self.context, id).await?;
        let invitation = found.ok_or_else(Error::not_found)?;
        let message = match invitation.state {
            InvitationState::Pending => return Ok((person, invitation)),
            InvitationState::Accepted => "This invitation was accepted already. There is nothing left to do.",
            InvitationState::Cancelled => {
                "This invitation was cancelled. Invite the user again from its page."
            }
        };
        Err(Error::new(Kind::Conflict, "invitation.ended", message).with_existing(user.to_string()))
    }

    /// One more mail with a link of its own; what is out stays good.
    async fn remind(&mut self, person: &Person, mut invitation: Invitation) -> Result<()> {
        invitation.reminded += 1;
        store::invitations::reminded(self.connection, &invitation).await?;
        self.record_user(
            &person.user,
            "user.invitation_reminded",
            model::audit::Changes::new(),
            String::new(),
        );
        let sending = if self.agent == Agent::System { Sending::Unasked } else { Sending::Asked };
        self.mail_invitation(&person.user, &invitation, Some(MailKind::InvitationReminder), sending).await
    }
}
