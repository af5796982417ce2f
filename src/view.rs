//! Things as the command line shows them: with the names that the API gives the same facts, so that a program reads
//! both alike.

mod group;

use app::{Person, invitations, mails::MailStatus};
use model::{
    Agent, InvitationId, MailId, Org, RoleKey, SessionId, State, Status, Timestamp, TokenId, UserFields,
    UserId,
    activity::{Item, Kind},
    activity_words,
    device::{DeviceKind, Platform},
    invitation::InvitationStatus,
    lifecycle::{ActionName, Awaited, Departure, Lock, StateName},
    mail::{Mail, MailKind, MailState},
    user::Source,
};
use serde::{Deserialize, Serialize};
use store::{
    grants::RoleGrant,
    user_list::{Listed, ListedRole},
};

pub(crate) use group::{GroupView, MemberView};

/// An organization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrgView {
    pub(crate) id: model::OrgId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) version: i64,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UserView {
    pub(crate) id: UserId,
    pub(crate) status: Status,
    pub(crate) state: StateName,
    #[serde(flatten)]
    pub(crate) fields: UserFields,
    pub(crate) email_verified: bool,
    /// Directly held, strongest first.
    pub(crate) roles: Vec<RoleView>,
    /// The names of the groups that the user is in directly; only a single user shows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    /// What a pending user waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) awaits: Vec<Awaited>,
    /// Why, since when and by whom somebody is suspended or deprovisioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) departure: Option<Departure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<Lock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_locked_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restorable_until: Option<Timestamp>,
    /// What only a single user shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<app::users::PasswordState>,
    pub(crate) source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) external_id: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) joined_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_sign_in_at: Option<Timestamp>,
    /// What can be done from here; only a single user shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) possible: Vec<ActionName>,
    pub(crate) version: i64,
}

/// A directly held role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RoleView {
    pub(crate) role: RoleKey,
    pub(crate) name: String,
    /// The name of the group over which it counts; empty for the whole organization.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) over: String,
    /// Who gave it, when, and until when: only a single user shows these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) granted_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) granted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_until: Option<Timestamp>,
}

impl RoleView {
    /// As a list shows it.
    fn plain(role: ListedRole) -> Self {
        let (role, name) = (role.key, role.name);
        Self { role, name, over: String::new(), granted_by: None, granted_at: None, valid_until: None }
    }

    /// With who gave it, when, and until when.
    fn granted(grant: RoleGrant) -> Self {
        Self {
            role: grant.role,
            name: grant.name,
            over: grant.scope_name,
            granted_by: Some(grant.given.by.to_string()),
            granted_at: Some(grant.given.at),
            valid_until: grant.given.terms.valid_until,
        }
    }
}

/// A token that was made. The token itself is shown once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TokenView {
    pub(crate) id: TokenId,
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) token: Option<String>,
}

/// A token with whose it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ListedTokenView {
    pub(crate) id: TokenId,
    pub(crate) name: String,
    /// The username.
    pub(crate) user: String,
    /// Names of permissions, or `all`.
    pub(crate) scopes: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_used_at: Option<Timestamp>,
    /// Since when it opens nothing, because its user may do more than whoever made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outgrown_at: Option<Timestamp>,
}

impl ListedTokenView {
    pub(crate) fn of(token: &model::token::Token, user: String) -> Self {
        let scopes = if token.scopes == model::Permissions::all() {
            vec!["all".to_owned()]
        } else {
            token.scopes.iter().map(|scope| scope.to_string()).collect()
        };
        Self {
            id: token.id,
            name: token.name.clone(),
            user,
            scopes,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            outgrown_at: token.outgrown_at(),
        }
    }
}

/// What became of copying access.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CopiedView {
    pub(crate) user: String,
    pub(crate) given: Vec<String>,
    pub(crate) held_already: Vec<String>,
    pub(crate) not_given: Vec<app::copying::NotCopied>,
}

/// A mail: never what it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MailView {
    pub(crate) id: MailId,
    pub(crate) kind: MailKind,
    pub(crate) address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserId>,
    pub(crate) state: MailState,
    pub(crate) why: String,
    pub(crate) attempts: i64,
    pub(crate) created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sent_at: Option<Timestamp>,
}

impl From<Mail> for MailView {
    fn from(mail: Mail) -> Self {
        Self {
            id: mail.id,
            kind: mail.kind,
            address: mail.address,
            user: mail.user,
            state: mail.state,
            why: mail.why,
            attempts: mail.attempts,
            created_at: mail.created_at,
            sent_at: mail.sent_at,
        }
    }
}

/// Whether mail goes out, and how it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MailStatusView {
    pub(crate) is_configured: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) carrier: Option<String>,
    pub(crate) queued: i64,
    pub(crate) deferred: i64,
    pub(crate) failed: i64,
    pub(crate) sent: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue_age_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_sent_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
}

impl From<MailStatus> for MailStatusView {
    fn from(status: MailStatus) -> Self {
        let queue_age_seconds = status.queue_age().map(|age| age.as_secs());
        let news = status.news;
        Self {
            is_configured: status.carrier.is_some(),
            carrier: status.carrier,
            queued: news.queued,
            deferred: news.deferred,
            failed: news.failed,
            sent: news.sent,
            queue_age_seconds,
            last_sent_at: news.last_sent_at,
            last_error_at: news.last_error_at,
            last_error: news.last_error,
        }
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionView {
    pub(crate) id: SessionId,
    /// Whose: the username.
    pub(crate) user: String,
    pub(crate) platform: Platform,
    pub(crate) kind: DeviceKind,
    pub(crate) device: String,
    pub(crate) address: String,
    /// Roughly; empty if it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) place: String,
    pub(crate) method: String,
    pub(crate) remembered: bool,
    pub(crate) started_at: Timestamp,
    pub(crate) last_active_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl SessionView {
    pub(crate) fn of(listed: app::sessions::Listed) -> Self {
        let labelled = listed.labelled;
        let session = labelled.session;
        Self {
            id: session.id,
            user: listed.username,
            platform: labelled.device.platform,
            kind: labelled.device.kind,
            device: labelled.device.label(),
            address: session.address,
            place: labelled.place.label(),
            method: session.method,
            remembered: session.remembered,
            started_at: session.started_at,
            last_active_at: session.last_active_at,
            expires_at: session.expires_at,
        }
    }
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InvitationView {
    pub(crate) id: InvitationId,
    pub(crate) user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) status: InvitationStatus,
    pub(crate) invited_by: Agent,
    pub(crate) invited_by_name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) sent_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opened_at: Option<Timestamp>,
    pub(crate) delivery: MailState,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) delivery_why: String,
}

/// What came of inviting one of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InviteVerdict {
    pub(crate) email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invitation: Option<InvitationId>,
    /// Why not, if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

impl InvitationView {
    pub(crate) fn of(
        invitations::Listed { invitation, fields }: invitations::Listed,
        now: Timestamp,
    ) -> Self {
        Self {
            id: invitation.id,
            user: invitation.user,
            status: invitation.status(now),
            email: fields.email.or(fields.personal_email),
            name: fields.display_name,
            invited_by: invitation.invited_by,
            invited_by_name: invitation.invited_by_name,
            created_at: invitation.created_at,
            sent_at: invitation.sent_at,
            expires_at: invitation.expires_at,
            opened_at: invitation.opened_at,
            delivery: invitation.delivery,
            delivery_why: invitation.delivery_why,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActivityView {
    pub(crate) id: uuid::Uuid,
    pub(crate) at: Timestamp,
    pub(crate) kind: Kind,
    pub(crate) sentence: String,
    /// From where; of a mail, where to.
    pub(crate) address: String,
}

impl ActivityView {
    pub(crate) fn of(item: &Item, user: UserId) -> Self {
        let address = match item {
            Item::Entry(entry) => entry.address.clone(),
            Item::Mail(mail) => mail.address.clone(),
        };
        let (kind, sentence) = (item.kind(user), activity_words::sentence(item, None));
        Self { id: item.id(), at: item.at(), kind, sentence, address }
    }
}

/// How well something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    Ok,
    Warn,
    Fail,
}

/// One finding of `muster doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) health: Health,
    pub(crate) finding: String,
    /// What to do about it; empty if nothing.
    pub(crate) advice: String,
}

impl Check {
    pub(crate) fn ok(what: &str, finding: impl Into<String>) -> Self {
        Self { what: what.to_owned(), health: Health::Ok, finding: finding.into(), advice: String::new() }
    }

    pub(crate) fn warn(what: &str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { health: Health::Warn, advice: advice.into(), ..Self::ok(what, finding) }
    }

    pub(crate) fn fail(what: &str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { health: Health::Fail, advice: advice.into(), ..Self::ok(what, finding) }
    }
}

impl OrgView {
    pub(crate) fn of(org: &Org) -> Self {
        let (slug, name) = (org.slug.clone(), org.name.clone());
        Self { id: org.id, slug, name, created_at: org.created_at, version: org.version }
    }
}

impl UserView {
    fn new(user: model::User, roles: Vec<RoleView>, now: Timestamp) -> Self {
        Self {
            id: user.id,
            status: user.status(now),
            roles,
            groups: Vec::new(),
            email_verified: user.email_verified,
            awaits: match &user.state {
                State::Pending { awaits } => awaits.clone(),
                _ => Vec::new(),
            },
            departure: match &user.state {
                State::Suspended(why) | State::Deprovisioned(why) => Some(why.clone()),
                _ => None,
            },
            restorable_until: match &user.state {
                State::Trashed { until, .. } => Some(*until),
                _ => None,
            },
            state: user.state.name(),
            lock: user.lock,
            password_locked_until: user.password_locked_until.filter(|until| *until > now),
            password: None,
            source: user.source,
            external_id: user.external_id,
            created_at: user.created_at,
            updated_at: user.updated_at,
            joined_at: user.joined_at,
            last_sign_in_at: user.last_sign_in_at,
            possible: Vec::new(),
            version: user.version,
            fields: user.fields,
        }
    }

    /// As a list shows it.
    pub(crate) fn listed(listed: Listed, now: Timestamp) -> Self {
        Self::new(listed.user, listed.roles.into_iter().map(RoleView::plain).collect(), now)
    }

    /// Whole, with what can be done next.
    pub(crate) fn of(person: Person, org: &Org, now: Timestamp) -> Self {
        let Person { user, grants, memberships, password, .. } = person;
        let possible = user.possible(&org.settings.lifecycle);
        let roles = grants.into_iter().map(RoleView::granted).collect();
        let groups = memberships.into_iter().map(|held| held.name).collect();
        Self { possible, password: Some(password), groups, ..Self::new(user, roles, now) }
    }

    /// As shown: the display name, else the username.
    pub(crate) fn name(&self) -> &str {
        self.fields.display_name.as_deref().unwrap_or_else(|| self.username())
    }

    /// The username; every stored user has one.
    pub(crate) fn username(&self) -> &str {
        self.fields.username.as_deref().unwrap_or_default()
    }
}
