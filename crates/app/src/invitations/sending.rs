//! Sending an invitation: its links, whose making they are, and its mails.

use model::{
    Error, InvitationId, Kind, Result, User, UserId,
    audit::Changes,
    invitation::{self, Invitation, InvitationState},
    job::Work,
    link::{Ending, Purpose},
    mail::{MailKind, MailState},
    outgrown::Maker,
    user::UserType,
};
use store::made_within::{self, Made};

use super::{PURPOSES, is_address_of, managing::invitation_mail};
use crate::{Operation, mail::NewMail, outgrown::outgrown};

/// Whose doing it is that links go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sending {
    /// The actor's, who may send invitations.
    Asked,
    /// Nobody's who may: a timer's, or that of whoever has an old link. What goes out is still the last sender's.
    Unasked,
    /// Somebody has given the invitee more rights, has seen the addresses and confirmed them, who could give so much.
    Confirmed(Maker),
}

impl Operation<'_, '_> {
    /// Sends the pending invitation again, or a new one: new links, the old ones are dead.
    pub(crate) async fn send_invitation(&mut self, user: &User, kind: Purpose) -> Result<()> {
        if user.fields.kind() == UserType::Service {
            let message = "A service user can't be invited. Create an API token for it.";
            return Err(Error::new(Kind::Conflict, "invitation.service_user", message));
        }
        if user.fields.email.is_none() && user.fields.personal_email.is_none() {
            let message = "This user has no email address. Add one, or set a temporary password.";
            return Err(Error::new(Kind::Conflict, "invitation.no_address", message)
                .with_possible(vec!["edit", "set_password"]));
        }
        let pending = store::invitations::pending_of(self.connection, self.context, user.id).await?;
        let invitation = match pending {
            Some(mut pending) => {
                pending.resend(self.now)?;
                pending
            }
            None => self.new_invitation(user.id, kind).await?,
        };
        self.replace_links(user, &invitation, Sending::Asked).await
    }

    /// Sends a pending invitation once more because somebody asks who is not signed in. What an administrator has sent
    /// stays, and so does how often one may send it: links that open are mailed again as they are, and only where their
    /// time is over there are new ones.
    pub(crate) async fn send_invitation_on_request(
        &mut self,
        user: &User,
        mut invitation: Invitation,
    ) -> Result<()> {
        let maker = made_within::of(self.connection, self.context, Made::Invitation(invitation.id)).await?;
        if self.has_outgrown(user.id, maker).await? {
            return Err(outgrown());
        }
        if invitation.expires_at <= self.now {
            invitation.renew(self.now);
            self.record_user(user, "user.invited", Changes::new(), "link".to_owned());
            return self.replace_links(user, &invitation, Sending::Unasked).await;
        }
        let links = store::links::open_of(self.connection, self.context, user.id, invitation.kind).await?;
        let mut written = Vec::new();
        // The latest link of each address.
        for link in links.iter().rev().filter(|link| is_address_of(user, &link.address)) {
            let key = model::user::key(&link.address);
            if written.contains(&key) {
                continue;
            }
            written.push(key);
            let (kind, details) = invitation_mail(&invitation);
            let (address, id) = (link.address.as_str(), Some(invitation.id));
            self.mail(NewMail {
                user: Some(user.id),
                kind,
                address,
                link: Some(link),
                invitation: id,
                details,
            });
        }
        Ok(())
    }

    /// The addresses of an invited user have changed, or whoever has a copy of the links could not have given the rights
    /// that they open now: what is out goes out anew instead.
    pub(crate) async fn redirect_invitation(&mut self, user: &User, sending: Sending) -> Result<()> {
        let pending = store::invitations::pending_of(self.connection, self.context, user.id).await?;
        let Some(mut invitation) = pending else { return Ok(()) };
        invitation.renew(self.now);
        self.replace_links(user, &invitation, sending).await
    }

    async fn replace_links(&mut self, user: &User, invitation: &Invitation, sending: Sending) -> Result<()> {
        store::invitations::resent(self.connection, invitation).await?;
        store::mails::cancel_invitation(self.connection, self.context, invitation.id).await?;
        self.end_links(user.id, &PURPOSES, Ending::Replaced).await?;
        for at in invitation::reminders(invitation.sent_at, invitation.expires_at) {
            let (invitation, sent_at) = (invitation.id, invitation.sent_at);
            self.later(Work::RemindInvitation { invitation, sent_at }, at);
        }
        self.mail_invitation(user, invitation, None, sending).await
    }

    async fn new_invitation(&mut self, user: UserId, kind: Purpose) -> Result<Invitation> {
        let terms = std::mem::take(&mut self.terms);
        // Where nobody has chosen (activating), the organization has.
        let usual = match terms.lifetime_hours {
            Some(_) => 0,
            None => store::orgs::find(self.connection, self.context)
                .await?
                .map_or(0, |org| org.settings.invitation.lifetime_hours),
        };
        let lifetime_hours = invitation::checked_lifetime(terms.lifetime_hours, usual)?;
        let mut invitation = Invitation {
            id: InvitationId(self.new_id()),
            org: self.context,
            user,
            kind,
            state: InvitationState::Pending,
            message: terms.message,
            invited_by: self.agent,
            invited_by_name: self.actor_name().to_owned(),
            created_at: self.now,
            sent_at: self.now,
            expires_at: self.now,
            lifetime_hours,
            resends: 0,
            resends_since: self.now,
            reminded: 0,
            opened_at: None,
            ended_at: None,
            delivery: MailState::Queued,
            delivery_why: String::new(),
        };
        invitation.expires_at = self.now.plus(invitation.lifetime());
        store::invitations::insert(self.connection, &invitation).await?;
        Ok(invitation)
    }

    /// Makes a link for each address and asks for the mails.
    pub(super) async fn mail_invitation(
        &mut self,
        user: &User,
        invitation: &Invitation,
        reminder: Option<MailKind>,
        sending: Sending,
    ) -> Result<()> {
        let maker = self.maker_of_invitation(user, invitation.id, sending).await?;
        let (usual, details) = invitation_mail(invitation);
        let kind = reminder.unwrap_or(usual);
        let mut written = Vec::new();
        for address in [&user.fields.email, &user.fields.personal_email].into_iter().flatten() {
            let key = model::user::key(address);
            if written.contains(&key) {
                continue;
            }
            written.push(key);
            let lifetime = invitation.expires_at.since(self.now);
            let link =
                self.new_link_within(user.id, invitation.kind, address, lifetime, maker.as_ref()).await?;
            let (details, invitation) = (details.clone(), Some(invitation.id));
            self.mail(NewMail { user: Some(user.id), kind, address, link: Some(&link), invitation, details });
        }
        Ok(())
    }

    /// Ends the links of a pending invitation, which nobody can ask for again: it has expired, and somebody who may sends it
    /// once more.
    pub(crate) async fn expire_invitation(&mut self, user: UserId, maker: &Maker) -> Result<()> {
        self.end_links(user, &PURPOSES, Ending::Overtaken).await?;
        let pending = store::invitations::pending_of(self.connection, self.context, user).await?;
        let Some(mut invitation) = pending else { return Ok(()) };
        let made = Made::Invitation(invitation.id);
        made_within::keep(self.connection, self.context, made, Some(maker)).await?;
        if invitation.expires_at > self.now {
            invitation.expires_at = self.now;
            store::invitations::resent(self.connection, &invitation).await?;
            store::mails::cancel_invitation(self.connection, self.context, invitation.id).await?;
        }
        Ok(())
    }

    /// Who may have a copy of what an invitation sends now: its sender, and whoever wrote an address that it goes to.
    async fn maker_of_invitation(
        &mut self,
        user: &User,
        id: InvitationId,
        sending: Sending,
    ) -> Result<Option<Maker>> {
        let (context, made) = (self.context, Made::Invitation(id));
        let before = made_within::of(self.connection, context, made).await?;
        let maker = match sending {
            Sending::Unasked => return Ok(before),
            Sending::Confirmed(maker) => Some(maker),
            Sending::Asked => {
                let mut maker = self.made_for(user.id);
                for address in [Made::Address(user.id), Made::PersonalAddress(user.id)] {
                    let Some(writer) = made_within::of(self.connection, context, address).await? else {
                        continue;
                    };
                    // Of one that serves for no recovery any more: what whoever has confirmed it could give.
                    let writer = Maker { outgrown_at: None, ..writer };
                    maker = Some(maker.map_or(writer.clone(), |maker| maker.and(writer)));
                }
                maker
            }
        };
        if maker != before {
            made_within::keep(self.connection, context, made, maker.as_ref()).await?;
        }
        Ok(maker)
    }

    /// Ends a user's pending invitation with its links and unsent mails, if there is one.
    pub(crate) async fn end_invitation(&mut self, user: UserId, state: InvitationState) -> Result<()> {
        let ended = store::invitations::end(self.connection, self.context, user, state, self.now).await?;
        let Some(invitation) = ended else { return Ok(()) };
        store::mails::cancel_invitation(self.connection, self.context, invitation).await?;
        self.end_links(user, &PURPOSES, Ending::Cancelled).await
    }
}
