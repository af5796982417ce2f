//! Why somebody can't sign in: the causes, the most important first, and what ends each.
//!
//! The rule of the console's, the API's and the command line's “Why can't they sign in?”. What is known is gathered in
//! `app/src/explain_sign_in.rs`, which also finds the words. Signing in itself is `app/src/signin.rs`.

use crate::{
    Agent, Permission, Settings, Timestamp, User,
    invitation::{Invitation, InvitationStatus},
    lifecycle::{Awaited, Departure, State, StateName},
    mail::{Mail, MailKind, MailState},
    names::names,
    user::UserType,
};

/// Everything that the explanation looks at.
#[derive(Debug, Clone)]
pub struct Situation<'s> {
    /// Who.
    pub user: &'s User,
    /// The password, if there is one.
    pub password: Option<PasswordFacts>,
    /// The invitation that waits to be accepted.
    pub invitation: Option<&'s Invitation>,
    /// The mails to the user, newest first.
    pub mails: &'s [Mail],
    /// Failures that count at present, by address; `""` for all addresses together.
    pub tries: &'s [Tries],
    /// Refused sign-ins, newest first.
    pub failures: &'s [Failure],
    /// Tries at organizations that do not exist, newest first.
    pub strays: &'s [Stray],
    /// The organization's rules.
    pub settings: &'s Settings,
    /// The present moment.
    pub now: Timestamp,
}

/// What is known of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordFacts {
    /// A temporary one ends then.
    pub expires_at: Option<Timestamp>,
    /// Another one must be chosen at the next sign-in.
    pub must_change: bool,
}

/// Failures from one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tries {
    /// Where from; `""` for all together.
    pub address: String,
    /// How many.
    pub failures: i64,
    /// When the first of them was.
    pub since: Timestamp,
}

/// A refused sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// Where from.
    pub address: String,
    /// Whether it was the password; else something else that is a cause of its own.
    pub is_wrong_password: bool,
}

/// A try at an organization that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// What was taken for the organization's short name.
    pub slug: String,
    /// When.
    pub at: Timestamp,
}

/// Something that is in the way, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A service user signs in nowhere.
    ServiceUser,
    /// Exists, and was never activated.
    NotActivated,
    /// Invited, and nothing is out: it was taken back, or never sent.
    NoInvitation,
    /// The invitation's time is over.
    InvitationExpired(Timestamp),
    /// No address took the invitation (yet).
    InvitationUndelivered {
        /// It is given up, not tried again.
        is_final: bool,
        /// What the mail server says.
        why: String,
    },
    /// The invitation is on its way, or there and not looked at.
    InvitationNotOpened(Timestamp),
    /// The invitation was looked at and not accepted.
    InvitationNotAccepted(Timestamp),
    /// Something is awaited before the account becomes active.
    Pending(Vec<Awaited>),
    /// Suspended.
    Suspended(Departure),
    /// Deprovisioned.
    Deprovisioned(Departure),
    /// In the trash.
    Trashed {
        /// Since when.
        since: Timestamp,
        /// Restorable until then.
        until: Timestamp,
        /// Who deleted.
        by: Agent,
    },
    /// Locked by an administrator.
    Locked {
        /// Until then; `None`: until unlocked.
        until: Option<Timestamp>,
        /// Why.
        note: String,
        /// Since when.
        since: Timestamp,
        /// By whom.
        by: Agent,
    },
    /// The password is locked: too many wrong ones.
    PasswordLocked {
        /// Until then.
        until: Timestamp,
        /// How many failures there were.
        failures: i64,
        /// Where they came from.
        addresses: Vec<String>,
    },
    /// Too many tries from one address.
    Throttled {
        /// From there.
        address: String,
        /// Until then.
        until: Timestamp,
        /// How many.
        failures: i64,
    },
    /// There is no password.
    NoPassword,
    /// The temporary password has ended.
    TemporaryPasswordEnded(Timestamp),
    /// The account is valid from then on.
    NotYetValid(Timestamp),
    /// The account was valid until then.
    Ended(Timestamp),
    /// Wrong passwords were typed since the last sign-in.
    WrongPassword {
        /// How many, of the latest refusals.
        count: usize,
        /// The last time.
        last: Timestamp,
        /// The last one came from there.
        address: String,
    },
    /// A mail with a link in it did not arrive.
    MailUndelivered {
        /// What about.
        kind: MailKind,
        /// To which address.
        address: String,
        /// What the mail server says.
        why: String,
    },
    /// Somebody with this name tried at an organization that does not exist.
    OtherOrganization(Stray),
    /// Another password must be chosen after signing in.
    MustChangePassword,
}

names! {
    /// What ends a cause.
    Fix {
        /// Send the invitation, again if one is out.
        Invite = "invite",
        /// Unlock.
        Unlock = "unlock",
        /// Mail a link with which another password is chosen.
        SendResetLink = "send_reset_link",
        /// Set a temporary password.
        SetPassword = "set_password",
        /// Reactivate, or rehire.
        Reactivate = "reactivate",
        /// Restore from the trash.
        Restore = "restore",
        /// Complete what the user waits for: approve.
        Settle = "settle",
        /// Correct the record: dates, the address.
        Edit = "edit",
    }
}

/// How long an undelivered mail matters.
const RECENT: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

impl Cause {
    /// A stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ServiceUser => "service_user",
            Self::NotActivated => "not_activated",
            Self::NoInvitation => "no_invitation",
            Self::InvitationExpired(_) => "invitation_expired",
            Self::InvitationUndelivered { .. } => "invitation_undelivered",
            Self::InvitationNotOpened(_) => "invitation_not_opened",
            Self::InvitationNotAccepted(_) => "invitation_not_accepted",
            Self::Pending(_) => "pending",
            Self::Suspended(_) => "suspended",
            Self::Deprovisioned(_) => "deprovisioned",
            Self::Trashed { .. } => "trashed",
            Self::Locked { .. } => "locked",
            Self::PasswordLocked { .. } => "password_locked",
            Self::Throttled { .. } => "throttled",
            Self::NoPassword => "no_password",
            Self::TemporaryPasswordEnded(_) => "temporary_password_ended",
            Self::NotYetValid(_) => "not_yet_valid",
            Self::Ended(_) => "ended",
            Self::WrongPassword { .. } => "wrong_password",
            Self::MailUndelivered { .. } => "mail_undelivered",
            Self::OtherOrganization(_) => "other_organization",
            Self::MustChangePassword => "must_change_password",
        }
    }

    /// Whether nobody gets in while it holds; the others are what may have gone wrong.
    pub fn blocks(&self) -> bool {
        !matches!(
            self,
            Self::WrongPassword { .. }
                | Self::MailUndelivered { .. }
                | Self::OtherOrganization(_)
                | Self::MustChangePassword
        )
    }

    /// What ends it, the likeliest first.
    pub fn fixes(&self) -> &'static [Fix] {
        match self {
            Self::ServiceUser | Self::OtherOrganization(_) | Self::MustChangePassword => &[],
            Self::Pending(_) => &[Fix::Settle],
            Self::NotActivated
            | Self::NoInvitation
            | Self::InvitationExpired(_)
            | Self::InvitationUndelivered { is_final: false, .. }
            | Self::InvitationNotOpened(_)
            | Self::InvitationNotAccepted(_) => &[Fix::Invite, Fix::SetPassword],
            Self::InvitationUndelivered { is_final: true, .. } => &[Fix::Edit, Fix::Invite, Fix::SetPassword],
            Self::Suspended(_) | Self::Deprovisioned(_) => &[Fix::Reactivate],
            Self::Trashed { .. } => &[Fix::Restore],
            Self::Locked { .. } => &[Fix::Unlock],
            Self::PasswordLocked { .. } => &[Fix::Unlock, Fix::SendResetLink],
            Self::Throttled { .. }
            | Self::NoPassword
            | Self::TemporaryPasswordEnded(_)
            | Self::WrongPassword { .. } => &[Fix::SendResetLink, Fix::SetPassword],
            Self::NotYetValid(_) | Self::Ended(_) => &[Fix::Edit],
            Self::MailUndelivered { .. } => &[Fix::Edit, Fix::SendResetLink, Fix::SetPassword],
        }
    }
}

impl Fix {
    /// The permission that it needs for somebody who stands in `state`.
    pub fn permission(self, state: StateName) -> Permission {
        match self {
            Self::Invite if state == StateName::Invited => Permission::InvitationResend,
            Self::Invite => Permission::UserInvite,
            Self::Unlock => Permission::UserUnlock,
            Self::SendResetLink | Self::SetPassword => Permission::UserResetPassword,
            Self::Reactivate if state == StateName::Deprovisioned => Permission::UserDeprovision,
            Self::Reactivate => Permission::UserSuspend,
            Self::Restore => Permission::UserRestore,
            Self::Settle => Permission::UserActivate,
            Self::Edit => Permission::UserUpdate,
        }
    }
}

/// What is in the way of signing in, the most important first; nothing if nothing is, or was.
pub fn explain(at: &Situation<'_>) -> Vec<Cause> {
    let mut causes: Vec<Cause> = state(at).into_iter().collect();
    if at.user.fields.kind() == UserType::Service {
        causes.push(Cause::ServiceUser);
        return causes;
    }
    causes.extend(administrators_lock(at));
    causes.extend(failures_lock(at));
    if !matches!(at.user.state.name(), StateName::Invited | StateName::Staged) {
        causes.extend(password(at));
    }
    causes.extend(validity(at));
    let is_counted =
        causes.iter().any(|cause| matches!(cause, Cause::PasswordLocked { .. } | Cause::Throttled { .. }));
    let mut hints = what_went_wrong(at);
    // Where they have locked something, they are told with it.
    hints.retain(|hint| !is_counted || !matches!(hint, Cause::WrongPassword { .. }));
    causes.extend(hints);
    causes
}

/// Not active.
fn state(at: &Situation<'_>) -> Option<Cause> {
    Some(match &at.user.state {
        State::Active | State::Purged => return None,
        State::Staged => Cause::NotActivated,
        State::Invited => invitation(at),
        State::Pending { awaits } => Cause::Pending(awaits.clone()),
        State::Suspended(departure) => Cause::Suspended(departure.clone()),
        State::Deprovisioned(departure) => Cause::Deprovisioned(departure.clone()),
        State::Trashed { since, until, by, .. } => Cause::Trashed { since: *since, until: *until, by: *by },
    })
}

fn invitation(at: &Situation<'_>) -> Cause {
    let Some(invitation) = at.invitation else { return Cause::NoInvitation };
    let why = || invitation.delivery_why.clone();
    match (invitation.status(at.now), invitation.delivery) {
        (InvitationStatus::Expired, _) => Cause::InvitationExpired(invitation.expires_at),
        (InvitationStatus::Undeliverable, _) => Cause::InvitationUndelivered { is_final: true, why: why() },
        (InvitationStatus::Pending, MailState::Deferred) => {
            Cause::InvitationUndelivered { is_final: false, why: why() }
        }
        (InvitationStatus::Pending, _) => match invitation.opened_at {
            Some(opened) => Cause::InvitationNotAccepted(opened),
            None => Cause::InvitationNotOpened(invitation.sent_at),
        },
        (InvitationStatus::Accepted | InvitationStatus::Cancelled, _) => Cause::NoInvitation,
    }
}

fn administrators_lock(at: &Situation<'_>) -> Option<Cause> {
    let lock = at.user.lock.as_ref().filter(|_| at.user.is_locked(at.now))?;
    Some(Cause::Locked { until: lock.until, note: lock.note.clone(), since: lock.since, by: lock.by })
}

/// Too many wrong passwords: of the account, else from an address.
fn failures_lock(at: &Situation<'_>) -> Vec<Cause> {
    let policy = &at.settings.lockout;
    let counting = |tries: &&Tries| tries.since.plus(policy.window()) > at.now;
    let by_address = || at.tries.iter().filter(counting).filter(|tries| !tries.address.is_empty());
    if let Some(until) = at.user.password_locked_until.filter(|until| *until > at.now) {
        let total = at.tries.iter().find(|tries| tries.address.is_empty()).map_or(0, |tries| tries.failures);
        let failures = total.max(by_address().map(|tries| tries.failures).sum());
        let addresses = by_address().map(|tries| tries.address.clone()).collect();
        return vec![Cause::PasswordLocked { until, failures, addresses }];
    }
    let many = by_address().filter(|tries| tries.failures >= i64::from(policy.failures_per_address));
    let throttled = |tries: &Tries| Cause::Throttled {
        address: tries.address.clone(),
        until: tries.since.plus(policy.window()),
        failures: tries.failures,
    };
    many.map(throttled).collect()
}

fn password(at: &Situation<'_>) -> Option<Cause> {
    let Some(password) = at.password else { return Some(Cause::NoPassword) };
    password.expires_at.filter(|end| *end <= at.now).map(Cause::TemporaryPasswordEnded)
}

fn validity(at: &Situation<'_>) -> Vec<Cause> {
    let fields = &at.user.fields;
    let early = fields.valid_from.filter(|from| *from > at.now).map(Cause::NotYetValid);
    let late = fields.valid_until.filter(|until| *until <= at.now).map(Cause::Ended);
    early.into_iter().chain(late).collect()
}

/// What stands in nobody's way, and may be what the person means.
fn what_went_wrong(at: &Situation<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let since = at.user.last_sign_in_at.unwrap_or(Timestamp::from_micros(0));
    let wrong: Vec<&Failure> =
        at.failures.iter().filter(|failure| failure.is_wrong_password && failure.at > since).collect();
    if let Some(last) = wrong.first() {
        let (count, address) = (wrong.len(), last.address.clone());
        causes.push(Cause::WrongPassword { count, last: last.at, address });
    }
    let by_link = |mail: &&Mail| {
        matches!(mail.kind, MailKind::PasswordReset | MailKind::PasswordLocked)
            && mail.created_at.plus(RECENT) > at.now
    };
    if let Some(mail) = at.mails.iter().find(by_link)
        && matches!(mail.state, MailState::Failed | MailState::Deferred)
    {
        let (kind, address, why) = (mail.kind, mail.address.clone(), mail.why.clone());
        causes.push(Cause::MailUndelivered { kind, address, why });
    }
    causes.extend(at.strays.iter().find(|stray| stray.at > since).cloned().map(Cause::OtherOrganization));
    if at.user.state == State::Active && at.password.is_some_and(|password| password.must_change) {
        causes.push(Cause::MustChangePassword);
    }
    causes
}
