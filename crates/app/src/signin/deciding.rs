//! Whether a sign-in succeeds: what is found of it, before and in its transaction, and what a refusal does.
//!
//! Where nobody is called so, the same statements run about nobody: how long a refusal takes tells nothing.

use model::{
    DeviceId, Org, Result, Timestamp, User, UserId,
    audit::{Changes, Door},
    credential::Credential,
    device::KnownDevice,
    job::Work,
    outgrown::Maker,
    user::UserType,
};
use serde_json::Value;
use store::made_within::{self, Made};

use super::Attempt;
use crate::{Actor, Operation, Person, operation::Event, tries::Counted, users::changed};

/// Why a sign-in was refused: for the audit log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    TooMany,
    WrongPassword,
    NoPassword,
    NotActive,
    PasswordLocked,
    PasswordExpired,
    Service,
    NobodyCalledSo,
}

impl Refusal {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many_tries",
            Self::WrongPassword => "wrong_password",
            Self::NoPassword => "no_password",
            Self::NotActive => "not_active",
            Self::PasswordLocked => "password_locked",
            Self::PasswordExpired => "password_expired",
            Self::Service => "service_user",
            Self::NobodyCalledSo => "unknown_user",
        }
    }
}

/// What was found of a try before the transaction.
pub(super) struct Seen {
    /// Who is called so.
    pub(super) user: Option<User>,
    /// Whose account it would be, if nobody is.
    pub(super) nobody: UserId,
    /// What was compared.
    pub(super) credential: Option<Credential>,
    /// The device that it comes from, if that is one of the account's.
    pub(super) device: Option<DeviceId>,
    /// Whether the account has signed in from there before.
    pub(super) is_from_known_network: bool,
}

/// The same, as the transaction finds it.
pub(super) struct Found {
    pub(super) user: Option<User>,
    pub(super) credential: Option<Credential>,
    pub(super) device: Option<DeviceId>,
}

/// What was found out about a password before the transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proven {
    /// It is the stored one.
    pub(super) matches: bool,
    /// What counting said.
    pub(super) counted: Counted,
}

/// Whom a refusal is about.
pub(super) struct About<'a> {
    pub(super) user: Option<&'a User>,
    /// Its id, or what nobody's failures are kept under.
    pub(super) id: UserId,
    /// The organization's name.
    pub(super) org: &'a str,
    /// It was tried on a device that is known.
    pub(super) is_on_known_device: bool,
}

/// Everything that must hold for a session to begin.
pub(super) fn refusal(found: &Found, seen: &Seen, proven: Proven, now: Timestamp) -> Option<Refusal> {
    let Some(user) = &found.user else { return Some(Refusal::NobodyCalledSo) };
    // What was counted on a known device counts for nothing else: it must still be known.
    let has_lost_device = seen.device.is_some() && found.device.is_none();
    if proven.counted.is_throttled || proven.counted.is_shut_out || has_lost_device {
        return Some(Refusal::TooMany);
    }
    let Some(compared) = &seen.credential else { return Some(Refusal::NoPassword) };
    if user.fields.kind() == UserType::Service {
        return Some(Refusal::Service);
    }
    let is_locked = user.password_locked_until.is_some_and(|until| {
        // Strangers' failures don't lock a known device; its owner's word does.
        until > now && (found.device.is_none() || until >= Timestamp::MAX)
    });
    if is_locked {
        return Some(Refusal::PasswordLocked);
    }
    // The password that was compared must still be the password.
    let stored = found.credential.as_ref();
    if !proven.matches || stored.is_none_or(|stored| stored.stamp != compared.stamp) {
        return Some(Refusal::WrongPassword);
    }
    if !user.may_act(now) {
        return Some(Refusal::NotActive);
    }
    if stored.is_some_and(|stored| stored.expires_at.is_some_and(|at| at <= now)) {
        return Some(Refusal::PasswordExpired);
    }
    None
}

/// Somebody whose name nobody holds.
pub(super) fn stranger(org: &Org, from: &Attempt) -> Actor {
    let mut actor = Actor::system(org.id.into());
    actor.address.clone_from(&from.address);
    actor.request_id.clone_from(&from.request_id);
    actor.door = Door::Console;
    actor
}

impl Operation<'_, '_> {
    /// What a sign-in is decided by, read in its transaction; the user's row is held.
    pub(super) async fn find_signing_in(&mut self, id: UserId, from: &Attempt) -> Result<Found> {
        let (context, since) = (self.context, self.now.minus(KnownDevice::LIFETIME));
        let user = store::users::lock(self.connection, context, id).await?;
        let credential = store::credentials::find(self.connection, context, id).await?;
        let secrets = from.device_hashes();
        let device = store::devices::presented(self.connection, context, id, &secrets, since).await?;
        Ok(Found { user, credential, device })
    }

    /// A password that a weaker actor set, and its owner has not replaced, ends once the owner may do more than that
    /// actor could have given. Whether it has ended.
    pub(super) async fn end_outgrown_password(
        &mut self,
        person: &mut Person,
        maker: Option<&Maker>,
    ) -> Result<bool> {
        let (context, user) = (self.context, person.user.id);
        if !self.has_outgrown(user, maker.cloned()).await? {
            return Ok(false);
        }
        let ended = maker.map(|maker| maker.clone().outgrown(self.now));
        made_within::keep(self.connection, context, Made::Password(user), ended.as_ref()).await?;
        store::credentials::expire(self.connection, context, user, self.now).await?;
        person.password.expires_at = Some(self.now);
        let changes = changed("expires_at", Value::Null, self.now.to_string().into());
        self.record_user(&person.user, "password.outgrown", changes, String::new());
        Ok(true)
    }

    /// Notes a refusal, and locks the password when there were too many from everywhere: by the same statements where
    /// nobody is called so. Tries on a known device and of a locked password are not among those.
    pub(super) async fn refuse_sign_in(
        &mut self,
        about: &About<'_>,
        refusal: Refusal,
        settings: &model::Settings,
    ) -> Result<()> {
        let (context, policy, org) = (self.context, &settings.lockout, self.context.org.0);
        let (target_type, target, target_name) = match about.user {
            Some(user) => ("user", user.id.0, user.name()),
            None => ("org", org, about.org),
        };
        let event = |name: &'static str, changes, reason: &str| Event {
            name,
            target_type,
            target,
            target_name,
            changes,
            reason: reason.to_owned(),
        };
        self.record(event("sign_in.failed", Changes::new(), refusal.as_str()));
        let counts =
            !about.is_on_known_device && matches!(refusal, Refusal::WrongPassword | Refusal::NobodyCalledSo);
        let (now, since) = (self.now, self.now.minus(policy.window()));
        let total = (about.id, "");
        let tries =
            store::credentials::add_tries(self.connection, context, total, i64::from(counts), now, since)
                .await?;
        let limit = i64::from(policy.failures_in_total);
        // Nobody's password can't be locked: what goes beyond the limit must not seem to lock it again.
        let locks = if about.user.is_some() { tries >= limit } else { tries == limit };
        if !counts || !locks {
            return Ok(());
        }
        let until = now.plus(policy.window());
        store::users::lock_password(self.connection, context, about.id, Some((now, until))).await?;
        let changes = changed("password_locked_until", Value::Null, until.to_string().into());
        match about.user {
            Some(_) => self.record(event("user.password_locked", changes, "")),
            None => self.record(event("sign_in.failed", Changes::new(), Refusal::TooMany.as_str())),
        }
        self.later(Work::TellPasswordLocked { user: about.id, until }, now);
        Ok(())
    }
}
