//! Single-use links in mail: what each is for, for whom, until when, and how it ended.
//!
//! A link's secret is 256 bit and follows from the server's key and the link's id (`app/src/links.rs`); only its hash is
//! stored. It is bound to organization, user, purpose and address: for anything else it is no link at all. Expiry is
//! checked at use; an ended link stays for a while, so that its page can say what became of it.

use std::time::Duration;

use crate::{LinkId, OrgContext, Timestamp, UserId, names::names, session::SecretHash};

names! {
    /// What a link in a mail is for.
    Purpose {
        /// Accept an invitation.
        Invitation = "invitation",
        /// Choose the first password of an account that an administrator made.
        Activation = "activation",
        /// Choose a new password.
        PasswordReset = "password_reset",
        /// Prove that a new address is one's own.
        EmailVerification = "email_verification",
        /// Take a change of address back, from the old address.
        EmailUndo = "email_undo",
        /// End a lock by failures.
        Unlock = "unlock",
        /// Say that a sign-in from a new device was somebody else.
        NotMe = "not_me",
        /// Fetch an export of all that is held on a person. Used as often as one likes, by who asked for it.
        DataExport = "data_export",
    }
}

impl Purpose {
    /// Where in the organization's pages the link leads: `/o/{slug}/{path}/{secret}`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Activation => "activation",
            Self::PasswordReset => "reset-password",
            Self::EmailVerification => "verify-email",
            Self::EmailUndo => "undo-email",
            Self::Unlock => "unlock",
            Self::NotMe => "not-me",
            Self::DataExport => "data-export",
        }
    }

    /// How long such a link lives; invitations say themselves.
    pub fn lifetime(self) -> Duration {
        let hours = match self {
            Self::PasswordReset | Self::Unlock => 1,
            Self::EmailVerification | Self::DataExport => 24,
            Self::EmailUndo => 72,
            Self::Invitation | Self::Activation | Self::NotMe => 7 * 24,
        };
        Duration::from_secs(hours * 3600)
    }
}

names! {
    /// How a link ended.
    Ending {
        /// It was used, or another one of the same mail was.
        Used = "used",
        /// Somebody took it back.
        Cancelled = "cancelled",
        /// A newer one was sent.
        Replaced = "replaced",
        /// What it was for is not so any more: another password or address, or the account is blocked.
        Overtaken = "overtaken",
    }
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id; opens nothing.
    pub id: LinkId,
    /// In which organization.
    pub org: OrgContext,
    /// For whom.
    pub user: UserId,
    /// What for.
    pub purpose: Purpose,
    /// The address it was sent to; using it proves that one reads mail there.
    pub address: String,
    /// Stored form of its secret.
    pub secret: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// Opens nothing from then on.
    pub expires_at: Timestamp,
    /// When its page was first looked at, perhaps by a mail scanner.
    pub opened_at: Option<Timestamp>,
    /// When and how it ended.
    pub ended: Option<(Timestamp, Ending)>,
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It opens.
    Open,
    /// Its time is over.
    Expired,
    /// It has ended otherwise.
    Ended(Ending),
}

impl Link {
    /// Where it stands at `now`.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.ended {
            Some((_, ending)) => Standing::Ended(ending),
            None if self.expires_at <= now => Standing::Expired,
            None => Standing::Open,
        }
    }
}
