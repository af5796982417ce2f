//! Does what the command line asks for, through the same operations as console and API, as the operator.

mod access;
mod effective;
mod group;
mod roles;
mod sessions;

use std::sync::Arc;

use app::{
    Actor, App, Person,
    activity::{Part, Whose},
    audit::{export::Format, verify::Report},
    invitations::{Invited, NewInvitation, Terms},
    mails::MailQuery,
    sessions::Ended,
    tokens::NewToken,
    users::{InitialPassword, NewUser},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{
    Action, Agent, Error, Kind, MailId, Org, Permission, Permissions, Result, RoleKey, UserFields, UserId,
    Zone, filter::UserQuery, given_date, invitation_query::InvitationQuery, page, role::Scope,
    user::UserType,
};

use crate::{
    command::{
        AuditList, Command, Deed, InvitationStep, Invitations, List, NewPassword, Outcome, Step, ToInvite,
    },
    view::{ActivityView, InvitationView, InviteVerdict, OrgView, TokenView, UserView},
};

/// Does it; also says whose clocks the organization goes by.
pub(crate) async fn execute(app: &App, command: Command) -> Result<(Outcome, Zone)> {
    let Command { org, dry_run, end_secrets, deed } = command;
    let outcome = match deed {
        Deed::CreateOrg { name, slug } => {
            Outcome::Org(OrgView::of(&app.create_org(&name, &slug, dry_run).await?))
        }
        Deed::ListOrgs => Outcome::Orgs(app.orgs().await?.iter().map(OrgView::of).collect()),
        Deed::Examine => Outcome::Checks(crate::commands::doctor::examine(app).await),
        deed => {
            let org = find_org(app, org.as_deref()).await?;
            let mut actor = Actor::operator(org.id.into());
            actor.dry_run = dry_run;
            let zone = org.settings.zone();
            actor.end_secrets = model::outgrown::Confirmed::number(end_secrets);
            let operator = Operator { app, actor, org };
            let outcome = if dry_run && effective::is_changed_by(&deed) {
                operator.previewed(deed).await?
            } else {
                operator.perform(deed).await?
            };
            return Ok((outcome, zone));
        }
    };
    Ok((outcome, Zone::utc()))
}

/// The organization that was named; or the only one.
pub(crate) async fn find_org(app: &App, slug: Option<&str>) -> Result<Arc<Org>> {
    if let Some(slug) = slug {
        let found = app.org(slug).await;
        return found.map_err(|error| match error.kind() {
            Kind::NotFound => {
                let message = format!("There is no organization {slug}. `muster org list` shows all.");
                Error::new(Kind::NotFound, "org.unknown", message)
            }
            _ => error,
        });
    }
    let all = app.orgs().await?;
    match all.as_slice() {
        [] => {
            let message = "There is no organization yet. Make one with `muster org create NAME --slug SLUG`, \
                           or open the set-up page that `muster serve` prints.";
            Err(Error::new(Kind::NotFound, "org.none", message))
        }
        [one] => app.org(&one.slug).await,
        many => {
            let slugs: Vec<&str> = many.iter().take(10).map(|org| org.slug.as_str()).collect();
            let more = if many.len() > slugs.len() { "…" } else { "" };
            let message = format!("Say which organization with --org: {}{more}.", slugs.join(", "));
            Err(Error::new(Kind::Invalid, "org.ambiguous", message))
        }
    }
}

/// Verifies an organization's log against the checkpoints of a file.
pub(crate) async fn verify(
    app: &App,
    slug: Option<&str>,
    checkpoints: &str,
    progress: impl Fn(u64, u64),
) -> Result<Report> {
    let org = find_org(app, slug).await?;
    let checkpoints = app.read_checkpoints(org.id, checkpoints)?;
    let mut report = app.verify_audit(org.id.into(), checkpoints, progress).await?;
    report.org.clone_from(&org.slug);
    Ok(report)
}

/// Who works, where.
struct Operator<'a> {
    app: &'a App,
    actor: Actor,
    org: Arc<Org>,
}

impl Operator<'_> {
    async fn perform(&self, deed: Deed) -> Result<Outcome> {
        let (app, actor, org) = (self.app, &self.actor, self.org.as_ref());
        match deed {
            Deed::RenameOrg { slug } => {
                app.rename_org(actor, &slug, None).await.map(|org| Outcome::Org(OrgView::of(&org)))
            }
            Deed::ListUsers(list) => self.list(*list).await,
            Deed::ShowUser { user } => self.found(&user).await.map(|person| self.user(person)),
            Deed::CreateUser { mut fields, roles, groups, password } => {
                let roles = app.role_keys(actor, &roles).await?;
                let groups = app.group_ids(actor, &groups).await?;
                given_date::settle(&mut fields, &org.settings.zone());
                let fields = UserFields::default().patched(&fields)?;
                let new = NewUser { fields, roles, groups, password: password.into() };
                let created = app.create_user(actor, org, new).await?;
                Ok(self.with_password(created.person, created.password))
            }
            Deed::EditUser { user, mut patch, version } => {
                given_date::settle(&mut patch, &org.settings.zone());
                let id = self.id(&user).await?;
                app.edit_user(actor, id, patch, version).await.map(|person| self.user(person))
            }
            Deed::MoveUser { user, step } => {
                let id = self.id(&user).await?;
                self.take_step(id, step).await.map(|person| self.user(person))
            }
            Deed::SetPassword { user, password } => {
                let id = self.id(&user).await?;
                let set = app.set_temporary_password(actor, org, id, password, None).await?;
                let tokens = set.tokens;
                Ok(match self.with_password(set.person, set.password) {
                    Outcome::Password { user, password, .. } => Outcome::Password { user, password, tokens },
                    other => other,
                })
            }
            Deed::RequirePasswordChange { user } => {
                let id = self.id(&user).await?;
                app.require_password_change(actor, id, None).await.map(|person| self.user(person))
            }
            Deed::SendResetLink { user } => {
                let id = self.id(&user).await?;
                app.send_reset_link(actor, org, id, None).await.map(|person| self.user(person))
            }
            Deed::Import { rows, taking } => {
                app.import_users(actor, org, rows, taking).await.map(Outcome::Imported)
            }
            Deed::ListInvitations(list) => self.invitations(*list).await,
            Deed::Invite(list) => self.invite(*list).await,
            Deed::Invitation { user, step } => self.take_invitation_step(&user, step).await,
            Deed::ResendExpired => {
                let many = app.resend_invitations(actor, org, None).await?;
                let refused = many.refused.iter().map(|(id, error)| format!("{id}: {}", error.message()));
                let (sent, refused) = (many.sent.len(), refused.collect());
                Ok(Outcome::Resent { sent, refused, left: many.left })
            }
            Deed::CreateToken { user, name, scopes, days } => {
                self.create_token(&user, NewToken { name, scopes, days, secret: None }).await
            }
            Deed::GrantRole { .. }
            | Deed::RevokeRole { .. }
            | Deed::MakeAdmin { .. }
            | Deed::RemoveAdmin { .. }
            | Deed::CopyAccess { .. }
            | Deed::ListTokens { .. }
            | Deed::TokensOf { .. }
            | Deed::RevokeToken { .. }
            | Deed::RevokeTokens { .. } => access::perform(self, deed).await,
            Deed::ExplainSignIn { user } => {
                let id = self.id(&user).await?;
                let explanation = app.explain_sign_in(actor, org, id).await?;
                Ok(Outcome::Explanation(Box::new(explanation)))
            }
            Deed::MailStatus
            | Deed::ListMails { .. }
            | Deed::ShowMail { .. }
            | Deed::RetryMail { .. }
            | Deed::RetryMails { .. }
            | Deed::TestMail { .. } => self.mail(deed).await,
            Deed::ListSessions { filter, limit, cursor } => self.sessions(filter, limit, &cursor).await,
            Deed::RevokeSession { session } => {
                let session = session.parse()?;
                let holder = app.session_holder(actor, session).await?;
                app.revoke_session(actor, holder, session).await?;
                Ok(Outcome::Ended(Ended { sessions: 1, people: 1, spared: 0, more: false }))
            }
            Deed::RevokeSessions { filter, all, confirm } => self.revoke_sessions(filter, all, confirm).await,
            Deed::RecoverOwner { user } => {
                let (person, password) = Box::pin(app.recover_owner(org, &user)).await?;
                Ok(self.with_password(person, Some(password)))
            }
            Deed::Roles(deed) => {
                roles::perform(app, actor, *deed).await.map(|outcome| Outcome::Roles(Box::new(outcome)))
            }
            asked @ (Deed::ShowAccess { .. } | Deed::WhyAccess { .. } | Deed::WhoCan { .. }) => {
                self.effective_access(asked).await
            }
            other => self.look_back(other).await,
        }
    }

    /// What has happened, and what is held.
    async fn look_back(&self, deed: Deed) -> Result<Outcome> {
        let (app, actor, org) = (self.app, &self.actor, self.org.as_ref());
        match deed {
            Deed::Activity { user, kind, before, limit } => {
                let id = self.id(&user).await?;
                let page = app.activity(actor, Whose::Of(id), Part { kind, before, limit }).await?;
                let items = page.items.iter().map(|item| ActivityView::of(item, id)).collect();
                Ok(Outcome::Activity { items, older: page.older })
            }
            Deed::ExportData { user } => {
                let id = self.id(&user).await?;
                let file = app.data_now(actor, org, id).await?;
                Ok(Outcome::File { content: STANDARD.encode(file.content) })
            }
            Deed::ShowReceipt { user } => app.erasure_receipt(actor, user).await.map(Outcome::Receipt),
            Deed::ListAudit(asked) => self.list_audit(*asked).await,
            Deed::VerifyAudit { checkpoints } => {
                let report = verify(app, Some(&org.slug), &checkpoints, |_, _| ()).await?;
                Ok(Outcome::Verified(Box::new(report)))
            }
            Deed::ProveEntry { entry, size } => {
                app.prove_inclusion(actor, entry, size).await.map(|proof| Outcome::Proof(Box::new(proof)))
            }
            Deed::Group(deed) => self.group(*deed).await.map(|outcome| Outcome::Group(Box::new(outcome))),
            Deed::AcceptAuditLoss { reason } => {
                app.accept_audit_loss(actor, org, &reason).await.map(Outcome::AcceptedLoss)
            }
            Deed::AuditKey => app.audit_key(org.id).map(Outcome::AuditKey),
            other => Err(Error::internal(format_args!(
                "asked of an organization, but not its business: {other:?}"
            ))),
        }
    }

    async fn mail(&self, deed: Deed) -> Result<Outcome> {
        let (app, actor, org) = (self.app, &self.actor, self.org.as_ref());
        match deed {
            Deed::MailStatus => Ok(Outcome::MailStatus(app.mail_status(actor).await?.into())),
            Deed::ListMails { state, limit, cursor } => {
                let query = MailQuery { state, limit: page::limit(Some(limit))?, cursor };
                let page = app.mails(actor, query).await?;
                let items = page.items.into_iter().map(Into::into).collect();
                Ok(Outcome::Mails { items, next: page.next })
            }
            Deed::ShowMail { mail } => Ok(Outcome::Mail(app.mail(actor, mail_id(&mail)?).await?.into())),
            Deed::RetryMail { mail } => {
                app.retry_mail(actor, mail_id(&mail)?).await.map_err(named_mail)?;
                Ok(Outcome::Retried(1))
            }
            Deed::RetryMails { deferred } => {
                app.retry_mails(actor, org, deferred).await.map(Outcome::Retried)
            }
            Deed::TestMail { address } => {
                let id = app.send_test_mail(actor, org, Some(&address)).await?;
                Ok(Outcome::Mail(app.mail(actor, id).await?.into()))
            }
            other => Err(Error::internal(format_args!("asked of mail, but not its business: {other:?}"))),
        }
    }

    async fn list_audit(&self, asked: AuditList) -> Result<Outcome> {
        let AuditList { actor, target, since, until, mut query, export } = asked;
        let zone = self.org.settings.zone();
        query.since = since.map(|since| since.start_in(&zone));
        query.until = until.map(|until| until.end_in(&zone));
        query.actor = match actor {
            None => None,
            Some(name) if name == "operator" || name == "system" => Some(name.parse()?),
            Some(name) => Some(Agent::User(self.named(&name).await?)),
        };
        query.target = match target {
            None => None,
            Some(name) => Some(self.named(&name).await?.0),
        };
        let is_export = export.is_some();
        if let Some(format) = export {
            let format = Format::named(&format)?;
            self.app.begin_audit_export(&self.actor, &self.org, &query, format).await?;
        }
        let mut page = self.app.audit(&self.actor, query).await?;
        // An export is what was written, so that it can be proven.
        if !is_export {
            self.app.name_people(&self.actor, &mut page.items).await?;
        }
        Ok(Outcome::Audit { items: page.items, next: page.next })
    }

    /// Whose id it is; an id is taken as it is: the log knows those who are gone.
    async fn named(&self, name: &str) -> Result<UserId> {
        match name.parse() {
            Ok(id) => Ok(id),
            Err(_) => self.id(name).await,
        }
    }

    async fn take_step(&self, id: UserId, step: Step) -> Result<Person> {
        let (app, actor, org) = (self.app, &self.actor, self.org.as_ref());
        let action = match step {
            Step::Reactivate { valid_until, with_roles } => {
                let until = valid_until.map(|until| until.end_in(&org.settings.zone()));
                return app.reactivate(actor, org, id, until, with_roles, None).await;
            }
            Step::Suspend { reason, note } => Action::Suspend { reason, note },
            Step::Deprovision { reason, note } => Action::Deprovision { reason, note },
            Step::Delete { confirm } => Action::Delete { confirm },
            Step::Restore => Action::Restore,
            Step::Purge { confirm } => Action::Purge { confirm: Some(confirm) },
            Step::Lock { until, note } => {
                Action::Lock { until: until.map(|until| until.end_in(&org.settings.zone())), note }
            }
            Step::Unlock => Action::Unlock,
            Step::Activate => Action::Activate,
            Step::Settle { awaited } => Action::Settle(awaited),
            Step::Reject => Action::Reject,
        };
        app.transition(actor, org, id, action, None).await
    }

    async fn list(&self, list: List) -> Result<Outcome> {
        let role = self.app.role_keys(&self.actor, list.role.as_slice()).await?.first().copied();
        let group = match &list.group {
            Some(name) => Some(self.app.group_id(&self.actor, name).await?),
            None => None,
        };
        let query = UserQuery {
            search: list.search,
            role,
            group,
            limit: page::limit(Some(list.limit))?,
            ..UserQuery::default()
        };
        let query = query.ordered_by(&list.order)?.with_statuses(&list.statuses)?;
        let page =
            self.app.users(&self.actor, query.at(self.actor.reader(), list.cursor.as_deref())?).await?;
        let now = self.app.now();
        let items = page.items.into_iter().map(|listed| UserView::listed(listed, now)).collect();
        Ok(Outcome::Users { items, next: page.next, more_than: page.more_than })
    }

    async fn invitations(&self, list: Invitations) -> Result<Outcome> {
        let query = InvitationQuery {
            search: list.search,
            expires_within_hours: list.expires_within_hours,
            older_than_days: list.older_than_days,
            limit: page::limit(Some(list.limit))?,
            ..InvitationQuery::default()
        };
        let query = query.with_statuses(&list.statuses)?.at(self.actor.reader(), list.cursor.as_deref())?;
        let page = self.app.invitations(&self.actor, query).await?;
        let now = self.app.now();
        let items = page.items.into_iter().map(|listed| InvitationView::of(listed, now)).collect();
        Ok(Outcome::Invitations { items, next: page.next })
    }

    async fn invite(&self, all: ToInvite) -> Result<Outcome> {
        let terms = Terms { message: all.message, lifetime_hours: all.expires_in_hours };
        let roles = self.app.role_keys(&self.actor, &all.roles).await?;
        let groups = self.app.group_ids(&self.actor, &all.groups).await?;
        let new = |(address, given_name, family_name): &(String, Option<String>, Option<String>)| {
            let fields = UserFields {
                email: Some(address.clone()),
                given_name: given_name.clone(),
                family_name: family_name.clone(),
                valid_until: all.valid_until.map(|until| until.end_in(&self.org.settings.zone())),
                user_type: all.guest.then_some(UserType::Guest),
                ..UserFields::default()
            };
            NewInvitation { fields, roles: roles.clone(), groups: groups.clone(), terms: terms.clone() }
        };
        let list = all.list.iter().map(new).collect();
        let results = self.app.invite_many(&self.actor, &self.org, list).await?;
        let verdict = |((email, ..), result): (&(String, _, _), Result<Invited>)| InviteVerdict {
            email: email.clone(),
            invitation: result.as_ref().ok().map(|invited| invited.invitation),
            refused: result.err().map(|error| error.message().to_owned()),
        };
        Ok(Outcome::Invited(all.list.iter().zip(results).map(verdict).collect()))
    }

    async fn take_invitation_step(&self, user: &str, step: InvitationStep) -> Result<Outcome> {
        let (app, actor, org) = (self.app, &self.actor, self.org.as_ref());
        let id = self.id(user).await?;
        match step {
            InvitationStep::Link => return app.copy_invitation_link(actor, org, id).await.map(Outcome::Link),
            InvitationStep::Resend => {
                let invited = app.invite_user(actor, org, id, Terms::default(), None).await?;
                return Ok(self.user(invited.person));
            }
            InvitationStep::Cancel | InvitationStep::Remind => {}
        }
        let invitation = app.invitation_of(actor, id).await?.ok_or_else(|| {
            let message =
                format!("{user} was never invited. Use `muster invitation send` or `muster user create`.");
            Error::new(Kind::NotFound, "invitation.none", message)
        })?;
        let person = if matches!(step, InvitationStep::Remind) {
            app.remind_invitation(actor, invitation.id).await?
        } else {
            app.cancel_invitation(actor, org, invitation.id).await?
        };
        Ok(self.user(person))
    }

    async fn found(&self, user: &str) -> Result<Person> {
        let found = self.app.user_by_identifier(&self.actor, user).await;
        found.map_err(|error| match error.kind() {
            Kind::NotFound => {
                let message = format!(
                    "There is no user {user} in {}. Give a username, email or id; \
                     `muster user list --search TEXT` finds people.",
                    self.org.slug
                );
                Error::new(Kind::NotFound, "user.unknown", message)
            }
            _ => error,
        })
    }

    /// A role by key or name, and the group over which it counts, if one is named.
    async fn role_over(&self, role: String, over: Option<String>) -> Result<(RoleKey, Scope)> {
        let keys = self.app.role_keys(&self.actor, &[role]).await?;
        let key = *keys.first().ok_or_else(Error::not_found)?;
        let groups = self.app.group_ids(&self.actor, over.as_slice()).await?;
        Ok((key, groups.first().map_or(Scope::Org, |group| Scope::Group(*group))))
    }

    async fn id(&self, user: &str) -> Result<UserId> {
        Ok(self.found(user).await?.user.id)
    }

    fn user(&self, person: Person) -> Outcome {
        Outcome::User(Box::new(UserView::of(person, &self.org, self.app.now())))
    }

    fn with_password(&self, person: Person, password: Option<String>) -> Outcome {
        // What was undone can't be used.
        let password = password.filter(|_| !self.actor.dry_run);
        let user = Box::new(UserView::of(person, &self.org, self.app.now()));
        Outcome::Password { user, password, tokens: 0 }
    }

    async fn create_token(&self, user: &str, new: NewToken) -> Result<Outcome> {
        let person = self.found(user).await?;
        let created = self.app.create_token(&self.actor, new, Some(person.user.id)).await?;
        let scopes = if created.token.scopes == Permissions::all() {
            Vec::new()
        } else {
            created.token.scopes.iter().map(|scope: Permission| scope.as_str().to_owned()).collect()
        };
        Ok(Outcome::Token(TokenView {
            id: created.token.id,
            name: created.token.name,
            user: person.user.username().to_owned(),
            scopes,
            expires_at: created.token.expires_at,
            token: created.secret,
        }))
    }
}

fn mail_id(text: &str) -> Result<MailId> {
    text.parse().map_err(named_mail)
}

/// An unknown mail, with what to do.
fn named_mail(error: Error) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    let message = "There is no such mail. `muster mail list` shows the ids.";
    Error::new(Kind::NotFound, "mail.unknown", message)
}

impl From<NewPassword> for InitialPassword {
    fn from(password: NewPassword) -> Self {
        match password {
            NewPassword::None => Self::None,
            NewPassword::Mail(purpose) => Self::Mail(purpose),
            NewPassword::Generated => Self::Generated,
            NewPassword::Chosen { password, must_change } => Self::Chosen { password, must_change },
        }
    }
}
