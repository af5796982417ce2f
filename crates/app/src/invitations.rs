//! What one can do with invitations: invite, send again, cancel, copy the link, accept.
//!
//! Inviting makes an invited user, an invitation and its mails in one transaction. Each address of the person (work and
//! personal) gets a link of its own; using either ends both and proves that address only. Accepting chooses a password
//! and signs in.

mod managing;
mod many;
mod sending;

use model::{
    Action, Agent, Error, FieldError, GroupId, InvitationId, Kind, Org, Permission, Result, RoleKey, User,
    UserFields, UserId,
    audit::Door,
    credential_change::CredentialChange,
    invitation::{self, Invitation, InvitationState},
    lifecycle::StateName,
    link::{Ending, Link, Purpose},
    settings::LifecyclePolicy,
    strength::About,
    user::Completeness,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Lane, boxed};

pub use managing::{Listed, MOST_AT_ONCE, ManyResent};
pub use many::MOST_INVITED;
pub(crate) use sending::Sending;

use crate::{
    Actor, App, Operation, Person,
    signin::{Attempt, NewSecrets, SignedIn},
    users::{Holds, changed},
};

/// The purposes that an invitation's links have.
pub(crate) const PURPOSES: [Purpose; 2] = [Purpose::Invitation, Purpose::Activation];

/// Somebody to invite.
#[derive(Debug, Clone, Default)]
pub struct NewInvitation {
    /// The record; only an email is needed, the invitee writes the name.
    pub fields: UserFields,
    /// Roles to give, besides Member.
    pub roles: Vec<RoleKey>,
    /// Groups to join.
    pub groups: Vec<GroupId>,
    /// On what terms.
    pub terms: Terms,
}

/// On what terms somebody is invited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What the inviter writes along.
    pub message: String,
    /// How long the invitation lives; the usual time if `None`.
    pub lifetime_hours: Option<i64>,
}

/// Somebody was invited, or is so still.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invited {
    /// Who.
    pub person: Person,
    /// The pending invitation.
    pub invitation: InvitationId,
}

/// What an invitee fills in.
#[derive(Debug, Clone, Default)]
pub struct Acceptance {
    /// The chosen password, as typed.
    pub password: String,
    /// Given name, if there is none yet.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
}

/// What the page of an invitation's link shows.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The link: for whom, until when.
    pub link: Link,
    /// Who is invited.
    pub user: User,
    /// The invitation.
    pub invitation: Invitation,
}

/// An invitation was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Who.
    pub user: UserId,
    /// The session that has begun; `None` where the account may not be used yet (a start date).
    pub signed_in: Option<SignedIn>,
}

impl App {
    /// Invites somebody new. Somebody who has an invitation already is a conflict that names it.
    #[boxed]
    pub async fn invite(&self, actor: &Actor, org: &Org, new: NewInvitation) -> Result<(Invited, bool)> {
        let fields = new.fields.checked(Completeness::EmailOnly)?;
        let terms = new.terms.checked(org)?;
        let (holds, policy) =
            (Holds { roles: new.roles, groups: new.groups }, org.settings.lifecycle.clone());
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.refuse_invited(&fields).await?;
            let person = op.create(fields.clone(), &holds, None, &policy.username_template).await?;
            op.invite(person, Action::Invite, terms.clone(), &policy).await
        };
        self.run_replayable(actor, Permission::UserInvite, Lane::Interactive, deed).await
    }

    /// Invites a staged user, or sends an invited user's invitation again.
    #[boxed]
    pub async fn invite_user(
        &self,
        actor: &Actor,
        org: &Org,
        id: UserId,
        terms: Terms,
        version: Option<i64>,
    ) -> Result<Invited> {
        let (terms, policy) = (terms.checked(org)?, org.settings.lifecycle.clone());
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(id, version).await?;
            let is_invited = person.user.state.name() == StateName::Invited;
            let needed = if is_invited { Permission::InvitationResend } else { Permission::UserInvite };
            op.require_over(id, needed).await?;
            op.invite(person, Action::Invite, terms.clone(), &policy).await
        };
        // Which of the two permissions is needed depends on the state; reading it needs this one.
        self.run(actor, Permission::UserRead, deed).await
    }

    /// The link of a user's pending invitation, to be sent by other means. Recorded.
    #[boxed]
    pub async fn copy_invitation_link(&self, actor: &Actor, org: &Org, id: UserId) -> Result<String> {
        if actor.dry_run {
            let message = "A link can't be shown without being recorded. Leave dry_run out.";
            return Err(Error::invalid_field("dry_run", "invitation.link_dry_run", message));
        }
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(id, None).await?;
            let invitation = op.pending_invitation(id).await?;
            if invitation.expires_at <= op.now {
                let message = "This invitation has expired. Send it again first.";
                return Err(
                    Error::new(Kind::Conflict, "invitation.expired", message).with_possible(vec!["invite"])
                );
            }
            let links = store::links::open_of(op.connection, op.context, id, invitation.kind).await?;
            let link = links.first().ok_or_else(|| Error::internal("a pending invitation without a link"))?;
            op.shown_to_actor(link, invitation.id).await?;
            let to = changed("address", Value::Null, link.address.as_str().into());
            op.record_user(&person.user, "invitation.link_copied", to, String::new());
            Ok(link.id)
        };
        let id = self.run(actor, Permission::UserInvite, deed).await?;
        let context = actor.context;
        let read =
            async |connection: &mut store::Connection<'_>| store::links::by_id(connection, context, id).await;
        let link = self.database().read(read).await?.ok_or_else(Error::not_found)?;
        self.link_url(org, &link)
    }

    /// What the page of an invitation's link shows. Changes nothing.
    #[boxed]
    pub async fn open_invitation(&self, org: &Org, purpose: Purpose, secret: &str) -> Result<Opened> {
        let context = org.id.into();
        let link = self.open_link(context, purpose, secret).await?;
        let user = link.user;
        let read = async |connection: &mut store::Connection<'_>| {
            let user = store::users::find(connection, context, user).await?;
            let invitation = store::invitations::pending_of(connection, context, link.user).await?;
            Ok(user.zip(invitation))
        };
        let (user, invitation) = self.database().read(read).await?.ok_or_else(overtaken)?;
        Ok(Opened { link, user, invitation })
    }

    /// Accepts an invitation: the password is set, the account is active, and a session begins.
    #[boxed]
    pub async fn accept_invitation(
        &self,
        org: &Org,
        purpose: Purpose,
        secret: &str,
        acceptance: Acceptance,
        from: Attempt,
    ) -> Result<Accepted> {
        let opened = self.open_invitation(org, purpose, secret).await?;
        let link = opened.link;
        let about = About::person(&opened.user.fields, org)
            .and(acceptance.given_name.as_deref())
            .and(acceptance.family_name.as_deref());
        let credential =
            self.choose_password("password", &acceptance.password, org, about, Some(link.user)).await?;
        let (secrets, settings, user) = (NewSecrets::new(self), org.settings.clone(), link.user);
        let (hashes, presented) = (secrets.hashes(), from.devices.clone());
        let actor = invitee(org, &opened.user, &from);
        let country = self.country_of(&from.address);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(user).await?;
            op.spend_link(&link).await?;
            if person.user.state.name() != StateName::Invited || !is_address_of(&person.user, &link.address) {
                return Err(overtaken());
            }
            op.end_links(user, &PURPOSES, Ending::Used).await?;
            op.end_invitation(user, InvitationState::Accepted).await?;
            person = op.complete(person, &acceptance, &link).await?;
            op.put_credential(&mut person, &credential, CredentialChange::Chosen).await?;
            let person = op.transition(person, Action::Accept, &settings.lifecycle).await?;
            op.begin_session_of(&person, hashes, &from, &country, &settings, None).await
        };
        let begun = self.run_proven(&actor, deed).await?;
        let signed_in = begun.map(|begun| secrets.signed_in(user, begun, &presented));
        Ok(Accepted { user, signed_in })
    }
}

/// Somebody who is not signed in and acts as who they have just proven, or say, to be.
pub(crate) fn invitee(org: &Org, user: &User, from: &Attempt) -> Actor {
    let mut actor = Actor::system(org.id.into());
    actor.agent = Agent::User(user.id);
    user.name().clone_into(&mut actor.name);
    actor.address.clone_from(&from.address);
    actor.request_id.clone_from(&from.request_id);
    actor.door = Door::Console;
    actor
}

impl Terms {
    pub(crate) fn checked(self, org: &Org) -> Result<Self> {
        let usual = org.settings.invitation.lifetime_hours;
        let lifetime_hours = Some(invitation::checked_lifetime(self.lifetime_hours, usual)?);
        Ok(Self { message: invitation::checked_message(&self.message)?, lifetime_hours })
    }
}

/// The link was for how things stood before.
fn overtaken() -> Error {
    let message = "This invitation is not needed any more, because the account has changed since. Try to sign in, or ask \
                   whoever invited you.";
    Error::new(Kind::Gone, "link.overtaken", message)
}

/// Whether mail to that address reaches the user, as the record stands now.
fn is_address_of(user: &User, address: &str) -> bool {
    let addresses = [&user.fields.email, &user.fields.personal_email];
    addresses.into_iter().flatten().any(|own| model::user::is_same_mailbox(own, address))
}

impl Operation<'_, '_> {
    /// Refuses to invite somebody who is there already, naming the invitation if there is one.
    async fn refuse_invited(&mut self, fields: &UserFields) -> Result<()> {
        let Some(email) = &fields.email else { return Ok(()) };
        let found = store::users::find_by_identifier(self.connection, self.context, email).await?;
        let Some(user) = found.filter(|user| user.fields.email_key() == fields.email_key()) else {
            return Ok(());
        };
        if !self.may_see(user.id).await? {
            // Outside the actor's scope nothing is told but that the address can't be used.
            let message = "There is a user with this address already. Ask an administrator.";
            let field = FieldError::new("email", "user.exists", message);
            return Err(Error::new(Kind::Conflict, "user.exists", message).with_fields(vec![field]));
        }
        let pending = store::invitations::pending_of(self.connection, self.context, user.id).await?;
        let (code, message, possible, existing) = match pending {
            Some(invitation) => (
                "invitation.exists",
                "This person has been invited already. Send the invitation again instead.",
                vec!["invite"],
                invitation.id.to_string(),
            ),
            None if user.state.name() == StateName::Staged => (
                "user.exists",
                "There is a user with this address, who is not active yet. Send the invitation from the user's page.",
                vec!["invite"],
                user.id.to_string(),
            ),
            None => (
                "user.exists",
                "There is a user with this address already. Look for it; it may be suspended or in the trash.",
                Vec::new(),
                user.id.to_string(),
            ),
        };
        let field = FieldError::new("email", code, message);
        let error = Error::new(Kind::Conflict, code, message).with_fields(vec![field]);
        Err(error.with_possible(possible).with_existing(existing))
    }

    /// Moves a staged or invited user to invited, on these terms.
    pub(crate) async fn invite(
        &mut self,
        person: Person,
        action: Action,
        terms: Terms,
        policy: &LifecyclePolicy,
    ) -> Result<Invited> {
        self.terms = terms;
        let id = person.user.id;
        let person = self.transition(person, action, policy).await?;
        let invitation = self.pending_invitation(id).await?.id;
        Ok(Invited { person, invitation })
    }

    async fn pending_invitation(&mut self, user: UserId) -> Result<Invitation> {
        let found = store::invitations::pending_of(self.connection, self.context, user).await?;
        found.ok_or_else(|| {
            let message = "There is no open invitation of this user. Send one.";
            Error::new(Kind::Conflict, "invitation.none", message).with_possible(vec!["invite"])
        })
    }

    /// What accepting says about the person: the name if there was none, and that mail to the address arrives.
    async fn complete(&mut self, mut person: Person, acceptance: &Acceptance, link: &Link) -> Result<Person> {
        if person.user.has_mailbox(&link.address) {
            person.user.email_verified = true;
            self.keep_who_proved(link).await?;
        }
        let fields = &mut person.user.fields;
        if fields.given_name.is_none() && fields.family_name.is_none() {
            let was_made = fields.display_name.is_none() || fields.display_name == fields.username;
            fields.given_name.clone_from(&acceptance.given_name);
            fields.family_name.clone_from(&acceptance.family_name);
            if was_made {
                fields.display_name = None;
            }
        }
        person.user.fields = fields.clone().checked(Completeness::Full)?;
        self.save(&mut person.user).await?;
        Ok(person)
    }
}
