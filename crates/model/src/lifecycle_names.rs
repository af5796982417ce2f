//! The words of the lifecycle: names of states, actions and reasons, what is shown, and what other products call it.

use crate::{Action, State, names::names};

names! {
    /// The name of a state, without what it carries. The order is that of a life.
    StateName {
        /// Exists, not activated.
        Staged = "staged",
        /// An invitation is out.
        Invited = "invited",
        /// Waits for approval or for the address to be verified.
        Pending = "pending",
        /// May sign in.
        Active = "active",
        /// Blocked, everything kept.
        Suspended = "suspended",
        /// Left.
        Deprovisioned = "deprovisioned",
        /// In the trash.
        Trashed = "trashed",
        /// Gone for good.
        Purged = "purged",
    }
}

names! {
    /// The name of an action, without what it carries. The order is that of a menu: the dangerous ones last.
    ActionName {
        /// Send the invitation, again if one is out.
        Invite = "invite",
        /// Take the invitation back.
        CancelInvitation = "cancel_invitation",
        /// The invited person accepts.
        Accept = "accept",
        /// Make active.
        Activate = "activate",
        /// One awaited thing has happened.
        Settle = "settle",
        /// End a lock.
        Unlock = "unlock",
        /// Unblock, or rehire.
        Reactivate = "reactivate",
        /// Out of the trash.
        Restore = "restore",
        /// Refuse everything for a time.
        Lock = "lock",
        /// Block.
        Suspend = "suspend",
        /// Block and take grants away.
        Deprovision = "deprovision",
        /// Refuse a pending user.
        Reject = "reject",
        /// To the trash.
        Delete = "delete",
        /// Out of the trash, for good.
        Purge = "purge",
    }
}

names! {
    /// What is shown: the state with its overlays. The order is that of the filter chips.
    Status {
        /// Active and not locked.
        Active = "active",
        /// Staged.
        Inactive = "inactive",
        /// An invitation is out.
        Invited = "invited",
        /// Waits for something.
        Pending = "pending",
        /// Active, but a lock holds.
        Locked = "locked",
        /// Blocked.
        Suspended = "suspended",
        /// Left.
        Deprovisioned = "deprovisioned",
        /// In the trash.
        Deleted = "deleted",
    }
}

names! {
    /// Why somebody was suspended or deprovisioned.
    Reason {
        /// Away for a while: parental leave, sabbatical.
        OnLeave = "on_leave",
        /// Has left the organization.
        Left = "left",
        /// A contract or project has ended.
        ContractEnded = "contract_ended",
        /// Access is stopped while something is looked into.
        Investigation = "investigation",
        /// The account may be in the wrong hands.
        Security = "security",
        /// Not used for long.
        Inactive = "inactive",
        /// The validity date has passed; set by the worker.
        Expired = "expired",
        /// The source of the record said so.
        Source = "source",
        /// Anything else; say it in the note.
        Other = "other",
    }
}

names! {
    /// Something that a pending user waits for.
    Awaited {
        /// The address must be verified.
        Email = "email",
        /// An administrator must approve.
        Approval = "approval",
    }
}

impl ActionName {
    /// As part of “a user who is … can't be …”.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Invite => "invited",
            Self::CancelInvitation => "uninvited: there is no invitation",
            Self::Accept => "accepted: there is no invitation",
            Self::Activate => "activated",
            Self::Settle => "approved or verified",
            Self::Reject => "rejected",
            Self::Suspend => "suspended",
            Self::Reactivate => "reactivated",
            Self::Deprovision => "deprovisioned",
            Self::Delete => "deleted",
            Self::Restore => "restored",
            Self::Purge => "deleted permanently: that is done from the trash",
            Self::Lock => "locked",
            Self::Unlock => "unlocked",
        }
    }
}

impl Status {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
            Self::Invited => "Invited",
            Self::Pending => "Pending",
            Self::Locked => "Locked",
            Self::Suspended => "Suspended",
            Self::Deprovisioned => "Deprovisioned",
            Self::Deleted => "Deleted",
        }
    }

    /// What a word of this or another product's vocabulary can mean.
    /// Empty: no such word.
    pub fn meant_by(word: &str) -> Vec<Self> {
        match word.trim().to_lowercase().as_str() {
            "disabled" | "deactivated" => vec![Self::Suspended, Self::Deprovisioned],
            "inactive" => vec![Self::Inactive, Self::Suspended],
            "draft" | "not onboarded" | "staged" => vec![Self::Inactive],
            "pending" => vec![Self::Pending, Self::Invited],
            "archived" => vec![Self::Deprovisioned],
            "trashed" | "trash" => vec![Self::Deleted],
            other => Self::parse(other).into_iter().collect(),
        }
    }

    /// Whether the list leaves it out unless asked for.
    pub fn hidden_by_default(self) -> bool {
        matches!(self, Self::Deprovisioned | Self::Deleted)
    }
}

impl Reason {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::OnLeave => "On leave",
            Self::Left => "Has left",
            Self::ContractEnded => "Contract ended",
            Self::Investigation => "Under investigation",
            Self::Security => "Security",
            Self::Inactive => "Not used",
            Self::Expired => "Validity ended",
            Self::Source => "Ended in its source",
            Self::Other => "Other",
        }
    }
}

impl Action {
    /// The name, without what the action carries.
    pub fn name(&self) -> ActionName {
        match self {
            Self::Invite => ActionName::Invite,
            Self::CancelInvitation => ActionName::CancelInvitation,
            Self::Accept => ActionName::Accept,
            Self::Activate => ActionName::Activate,
            Self::Settle(_) => ActionName::Settle,
            Self::Reject => ActionName::Reject,
            Self::Suspend { .. } => ActionName::Suspend,
            Self::Reactivate { .. } => ActionName::Reactivate,
            Self::Deprovision { .. } => ActionName::Deprovision,
            Self::Delete { .. } => ActionName::Delete,
            Self::Restore => ActionName::Restore,
            Self::Purge { .. } => ActionName::Purge,
            Self::Lock { .. } => ActionName::Lock,
            Self::Unlock => ActionName::Unlock,
        }
    }
}

impl State {
    /// The name, without what the state carries.
    pub fn name(&self) -> StateName {
        match self {
            Self::Staged => StateName::Staged,
            Self::Invited => StateName::Invited,
            Self::Pending { .. } => StateName::Pending,
            Self::Active => StateName::Active,
            Self::Suspended(_) => StateName::Suspended,
            Self::Deprovisioned(_) => StateName::Deprovisioned,
            Self::Trashed { .. } => StateName::Trashed,
            Self::Purged => StateName::Purged,
        }
    }
}
