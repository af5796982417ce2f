//! What a changed password takes with it: one table for every way a password changes or an account is rescued.
//!
//! Links, sessions, known devices and API tokens that were out before the change may be in the hands of whoever it shuts out. What
//! survives is what belongs to the owner of the account whoever else was there.

use crate::{link::Purpose, names::names};

names! {
    /// A way on which a password changes, or the account is taken back from somebody.
    CredentialChange {
        /// The first password, chosen with an invitation or activation.
        Chosen = "chosen",
        /// The owner of the account changes it, with the present one.
        Changed = "changed",
        /// Chosen with a reset link.
        Reset = "reset",
        /// An administrator, or the operator, sets another one.
        SetByAdministrator = "set_by_administrator",
        /// The operator on the host makes an owner able to sign in again.
        RecoveredByOperator = "recovered_by_operator",
        /// “This wasn't me”.
        NotMe = "not_me",
        /// A change of address is taken back.
        EmailUndone = "email_undone",
    }
}

/// Which sessions end, and with them the known devices: whoever is shut out must not go on as a browser that strangers'
/// failures don't concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedSessions {
    /// All but the one that the change is made in.
    Others,
    /// All.
    All,
}

/// Which API tokens end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedTokens {
    /// None: the change says nothing about them.
    None,
    /// Those that were made within the longest life of a session: whoever was in may have made them.
    Recent,
    /// All.
    All,
}

impl CredentialChange {
    /// Whether a link that is out goes on working.
    pub fn spares(self, purpose: Purpose) -> bool {
        match purpose {
            // The owner's own: what takes a change of address back, and a file that only who asked for it may fetch.
            Purpose::EmailUndo | Purpose::DataExport => true,
            // An ordinary change may be the intruder's; then the owner still has the link that says so.
            Purpose::NotMe => matches!(self, Self::Changed | Self::Chosen),
            Purpose::Invitation
            | Purpose::Activation
            | Purpose::PasswordReset
            | Purpose::EmailVerification
            | Purpose::Unlock => false,
        }
    }

    /// Which sessions and known devices end.
    pub fn sessions(self) -> EndedSessions {
        match self {
            Self::Changed => EndedSessions::Others,
            Self::Chosen
            | Self::Reset
            | Self::SetByAdministrator
            | Self::RecoveredByOperator
            | Self::NotMe
            | Self::EmailUndone => EndedSessions::All,
        }
    }

    /// Which API tokens end.
    pub fn tokens(self) -> EndedTokens {
        match self {
            Self::Chosen | Self::Changed => EndedTokens::None,
            Self::Reset | Self::SetByAdministrator | Self::RecoveredByOperator => EndedTokens::Recent,
            Self::NotMe | Self::EmailUndone => EndedTokens::All,
        }
    }

    /// The event that a new password is recorded as.
    pub fn event(self) -> &'static str {
        match self {
            Self::Chosen => "password.chosen",
            Self::Changed => "password.changed",
            Self::Reset | Self::EmailUndone => "password.reset",
            Self::SetByAdministrator => "password.set_temporary",
            Self::RecoveredByOperator => "owner.recovered",
            Self::NotMe => "sign_in.disowned",
        }
    }
}
