//! Mail: which kinds there are, where one stands, and when to try again.
//!
//! A mail is a row that is inserted with the change that causes it. What it says is made of its kind and of what is stored
//! when it is first tried, and stays the same to the byte in every further attempt; what is kept of it holds no secret.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Error, InvitationId, LinkId, MailId, OrgContext, Result, Timestamp, UserId, names::names, validate,
};

names! {
    /// What a mail is about.
    MailKind {
        /// Somebody is invited.
        Invitation = "invitation",
        /// An account was made; choose a password.
        Activation = "activation",
        /// An invitation ends soon.
        InvitationReminder = "invitation_reminder",
        /// A link to choose a new password.
        PasswordReset = "password_reset",
        /// Prove that this address is yours.
        EmailVerification = "email_verification",
        /// To the old address: the address was changed; undo.
        EmailChanged = "email_changed",
        /// To the old address: an administrator has changed the address.
        EmailChangedByAdministrator = "email_changed_by_administrator",
        /// The password was changed.
        PasswordChanged = "password_changed",
        /// An API token was made.
        TokenCreated = "token_created",
        /// Too many wrong passwords; perhaps with a link that unlocks.
        PasswordLocked = "password_locked",
        /// A sign-in from a device or country not seen before.
        NewDevice = "new_device",
        /// The person has become an administrator.
        MadeAdministrator = "made_administrator",
        /// What the reader may do, or the reader's group, ends soon.
        AccessEnding = "access_ending",
        /// Something that the reader gave ends soon.
        GrantEnding = "grant_ending",
        /// To the owners: who answered for a program is gone.
        ResponsibleGone = "responsible_gone",
        /// To the other owners: somebody has become, or is no longer, an owner.
        OwnersChanged = "owners_changed",
        /// To the owners: the audit log lacks something, or is not what it was.
        AuditAlarm = "audit_alarm",
        /// Somebody can't get in, and an administrator must help.
        AccountUnavailable = "account_unavailable",
        /// Where somebody has an account.
        OrganizationFound = "organization_found",
        /// All that is held on a person can be fetched.
        DataExport = "data_export",
        /// A test of the settings.
        Test = "test",
    }
}

names! {
    /// Where a mail stands.
    MailState {
        /// Waits to be sent.
        Queued = "queued",
        /// The server has taken it.
        Sent = "sent",
        /// It could not be sent yet and is tried again.
        Deferred = "deferred",
        /// It can't be sent; somebody must look.
        Failed = "failed",
        /// Nobody needs it any more.
        Cancelled = "cancelled",
    }
}

impl MailKind {
    /// The notices that a person may switch off. All others guard the account, or were asked for.
    pub const OPTIONAL: [Self; 3] = [Self::MadeAdministrator, Self::AccessEnding, Self::GrantEnding];

    /// As people read it in a list.
    pub fn label(self) -> &'static str {
        match self {
            Self::Invitation => "Invitation",
            Self::Activation => "Activation",
            Self::InvitationReminder => "Reminder of an invitation",
            Self::PasswordReset => "Password reset",
            Self::AccountUnavailable => "Account can't be used",
            Self::OrganizationFound => "Organizations found",
            Self::EmailVerification => "Proof of an address",
            Self::EmailChanged => "Address changed",
            Self::EmailChangedByAdministrator => "Address changed by an administrator",
            Self::PasswordChanged => "Password changed",
            Self::TokenCreated => "API token created",
            Self::PasswordLocked => "Password locked",
            Self::NewDevice => "New device",
            Self::MadeAdministrator => "Made administrator",
            Self::AccessEnding => "Access ends soon",
            Self::GrantEnding => "Given access ends soon",
            Self::ResponsibleGone => "Nobody answers for a program",
            Self::OwnersChanged => "Owners changed",
            Self::AuditAlarm => "Audit log not complete",
            Self::DataExport => "Data of a person",
            Self::Test => "Test",
        }
    }
}

impl MailState {
    /// As people read it in a list.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Sent => "Sent",
            Self::Deferred => "Deferred",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
        }
    }
}

/// What a mail says besides what is stored anyway: ids of people, and words that are nobody's or the reader's own. Other
/// people's names are looked up when the mail is written, so that nothing about them is kept in somebody else's mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailDetails {
    /// The user who caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// Who caused it, where that is no user: the operator of the server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// What somebody wrote along, to the reader.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whom it is about, where that is not the reader: their names come before `about`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<UserId>,
    /// The other address, device, role: whatever the kind is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// From where: an address, a place.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// When what it is about happened, or until when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl MailDetails {
    /// Everybody who is named in it besides the reader, each once and in order.
    pub fn named(&self) -> Vec<UserId> {
        let mut named: Vec<UserId> = self.actor.into_iter().chain(self.people.iter().copied()).collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id, and with the server's host its Message-ID.
    pub id: MailId,
    /// In which organization.
    pub org: OrgContext,
    /// For whom; `None` for a test.
    pub user: Option<UserId>,
    /// What about.
    pub kind: MailKind,
    /// Where to.
    pub address: String,
    /// The link in it.
    pub link: Option<LinkId>,
    /// The invitation that it brings.
    pub invitation: Option<InvitationId>,
    /// What it says besides.
    pub details: MailDetails,
    /// Where it stands.
    pub state: MailState,
    /// Why it was not sent (yet), or what the server said when it took it.
    pub why: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Tried not before then.
    pub next_at: Timestamp,
    /// When the server took it.
    pub sent_at: Option<Timestamp>,
}

/// An address to which a mail can be sent, as somebody typed it into `field`.
pub fn checked_address(field: &'static str, typed: &str) -> Result<String> {
    validate::email(field, typed).map_err(|refused| Error::invalid(vec![refused]))
}

/// How long a mail is tried before it has failed.
pub const PATIENCE: Duration = Duration::from_secs(72 * 3600);

/// When to try again after `attempts` tries: 1 minute, doubling, at most 1 hour; `None` once patience is over.
pub fn retry_at(created_at: Timestamp, now: Timestamp, attempts: i64) -> Option<Timestamp> {
    let again = crate::job::retry_at(now, attempts - 1);
    (again < created_at.plus(PATIENCE)).then_some(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_after_a_minute_then_ever_later_for_three_days() {
        let start = Timestamp::from_micros(0);
        let (mut now, mut waits) = (start, Vec::new());
        for attempts in 1.. {
            let Some(again) = retry_at(start, now, attempts) else { break };
            waits.push(again.since(now).as_secs() / 60);
            now = again;
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(now.since(start) > Duration::from_secs(71 * 3600) && now.since(start) < PATIENCE);
    }
}
