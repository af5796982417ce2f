//! Work for later: rows of the outbox, written with the change that asks for them, carried out by the worker.
//!
//! A job carries ids, no content: when it runs it compares what is with what was meant, so that running twice or
//! late does no harm.

use serde::{Deserialize, Serialize};

use crate::{
    DataExportId, InvitationId, JobId, OrgContext, Timestamp, UserId, grant::GrantKey, impact::Concern,
};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Purge a user whose time in the trash has ended.
    PurgeUser {
        /// Whom.
        user: UserId,
    },
    /// Suspend a user whose validity has ended.
    ExpireUser {
        /// Whom.
        user: UserId,
    },
    /// Somebody can't get in and has typed this; whether anybody is called so is found out when it is carried out.
    RecoverPassword {
        /// A username or an email, as typed.
        identifier: String,
        /// From where it was asked.
        address: String,
    },
    /// Tell a user that the password was locked after too many failures; whether there is such a user is found out when
    /// it is carried out.
    TellPasswordLocked {
        /// Whom.
        user: UserId,
        /// Until when it is locked.
        until: Timestamp,
    },
    /// Somebody has forgotten where they have an account.
    FindOrganizations {
        /// Their address, as typed.
        email: String,
    },
    /// Remind somebody of an invitation.
    RemindInvitation {
        /// Of which.
        invitation: InvitationId,
        /// Unless it was sent again since then.
        sent_at: Timestamp,
    },
    /// Put together all that is held on a person.
    ExportData {
        /// Which export.
        export: DataExportId,
    },
    /// Take away what was given until now.
    EndGrant {
        /// What.
        grant: GrantKey,
    },
    /// Say that something given ends soon.
    WarnGrant {
        /// What.
        grant: GrantKey,
        /// Unless it was given anew since then.
        given_at: Timestamp,
    },
    /// End what others made for those whose rights have risen beyond theirs: a given thing starts, or there are many.
    EndOutgrown {
        /// Whose rights.
        whom: Concern,
        /// Those up to this one were looked at.
        after: Option<UserId>,
        /// The links of invitations that somebody was shown with their addresses, and has confirmed, each as a number:
        /// they go out anew.
        #[serde(default)]
        shown: Vec<u64>,
    },
    /// Remove what an erasure has left in the free parts of the database's files.
    Scrub,
}

impl Work {
    /// The kind as stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PurgeUser { .. } => "purge_user",
            Self::ExpireUser { .. } => "expire_user",
            Self::RecoverPassword { .. } => "recover_password",
            Self::TellPasswordLocked { .. } => "tell_password_locked",
            Self::FindOrganizations { .. } => "find_organizations",
            Self::RemindInvitation { .. } => "remind_invitation",
            Self::ExportData { .. } => "export_data",
            Self::EndGrant { .. } => "end_grant",
            Self::WarnGrant { .. } => "warn_grant",
            Self::EndOutgrown { .. } => "end_outgrown",
            Self::Scrub => "scrub",
        }
    }
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// In which organization.
    pub org: OrgContext,
    /// What to do.
    pub work: Work,
    /// Not before.
    pub run_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
}

/// Tries before a job is dead and waits for somebody to look.
pub const MAX_ATTEMPTS: i64 = 20;

/// When to try again after `attempts` failures: 1 minute, doubling, at most 1 hour.
pub fn retry_at(now: Timestamp, attempts: i64) -> Timestamp {
    let doublings = u32::try_from(attempts.clamp(0, 6)).unwrap_or(6);
    now.plus(std::time::Duration::from_secs((60 << doublings).min(3600)))
}
