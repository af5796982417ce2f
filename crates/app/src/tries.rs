//! How often somebody has tried a password, and when that is too often.
//!
//! Tries are counted before anything is computed, so that many at once can't outrun the limit; and alike for names
//! that nobody holds, so that being refused tells nothing. Counted are: an account from one address (an IPv6 site is one
//! address), an account from everywhere, and the different accounts that fail from one address without ever having signed
//! in from there. A known device is outside of these and has a count of its own; so has the present password that is typed
//! in a session, so that no stranger's failures stand in the way of whoever is in. Nothing is counted over the server.

use std::time::Duration;

use model::{
    DeviceId, Error, Kind, OrgContext, Result, User, UserId, device::KnownDevice, network,
    settings::LockoutPolicy,
};
use sha2::{Digest, Sha256};

use crate::{Actor, App, Operation, access::signed_out, cache::PresentedCredential};

/// So many wrong present passwords end the session, or the token, with which they were sent.
const WRONG_PRESENT_PASSWORDS: i64 = 20;

/// A try to sign in, before it is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'t> {
    /// What was typed.
    pub(crate) identifier: &'t str,
    /// Whose it is, if anybody's.
    pub(crate) account: Option<UserId>,
    /// From where.
    pub(crate) address: &'t str,
    /// The known device of the account that it comes from.
    pub(crate) device: Option<DeviceId>,
    /// The account has signed in from this address before.
    pub(crate) is_from_known_network: bool,
}

/// What counting said, where it did not refuse in so many words.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    /// There were too many tries of this account from there, under another of its names: that must look like any other
    /// refusal, or trying one name would tell whose the other one is.
    pub(crate) is_throttled: bool,
    /// Too many accounts that are new to this address have failed from it: whoever fails is told so.
    pub(crate) is_address_full: bool,
    /// This account is new to it, and is refused whatever the password.
    pub(crate) is_shut_out: bool,
}

/// What a try is counted under: whose, and from where.
type Counter = (UserId, String);

impl App {
    /// One more try to sign in, counted for what was typed, whoever holds it: too many of those are refused in so many
    /// words. Counted for the account as well, which has two names, and for the address.
    pub(crate) async fn count_sign_in(&self, context: OrgContext, attempt: Try<'_>) -> Result<Counted> {
        let policy = self.org_of(context).await?.settings.lockout;
        if let Some(device) = attempt.device {
            return self.count_on_device(context, device).await;
        }
        let network = network::counted(attempt.address);
        // Nobody is counted twice too, so that it takes as long.
        let account = attempt.account.unwrap_or_else(|| nobody(context, attempt.identifier));
        let (typed, accounts) = (subject(context, attempt.identifier), accounts_from(context, &network));
        let is_exempt = policy.exempts(attempt.address);
        let (now, is_new) = (self.now(), !is_exempt && !attempt.is_from_known_network);
        let since = now.minus(policy.window());
        let count = async move |connection: &mut store::Connection<'_>| {
            let (on, network) = (connection, network.as_str());
            let typed = store::credentials::count_try(on, context, typed, network, now, since).await?;
            let tries = store::credentials::count_try(on, context, account, network, now, since).await?;
            // An account counts once, however often it fails.
            let more = i64::from(is_new && tries == 1);
            let accounts =
                store::credentials::add_tries(on, context, (accounts, ""), more, now, since).await?;
            Ok([typed, tries, accounts])
        };
        let [typed, tries, accounts] = self.maintain(context, count).await?;
        let limit = i64::from(policy.failures_per_address);
        if typed > limit {
            return Err(too_many(&policy));
        }
        let is_address_full = !is_exempt && accounts > i64::from(policy.accounts_per_address);
        Ok(Counted {
            is_throttled: tries > limit,
            is_address_full,
            is_shut_out: is_address_full && !attempt.is_from_known_network,
        })
    }

    async fn count_on_device(&self, context: OrgContext, device: DeviceId) -> Result<Counted> {
        let counted = (on_device(context, device), String::new());
        let [tries] = self.count_within(context, [counted], KnownDevice::WINDOW).await?;
        if tries > KnownDevice::WRONG_PASSWORDS {
            let message =
                "Too many tries on this device. Wait an hour, then try again, or ask your administrator.";
            let seconds = u32::try_from(KnownDevice::WINDOW.as_secs()).unwrap_or(u32::MAX);
            let error = Error::new(Kind::TooMany, "sign_in.too_many_on_device", message);
            return Err(error.with_retry_after(seconds));
        }
        Ok(Counted::default())
    }

    /// One more try of the present password, by somebody who is in; refused when there were too many. Wrong ones beyond
    /// [`WRONG_PRESENT_PASSWORDS`] are not compared any more. Answers how many there were in this session or with this
    /// token since the last right one.
    pub(crate) async fn count_present(&self, actor: &Actor, user: UserId) -> Result<i64> {
        let context = actor.context;
        let policy = self.org_of(context).await?.settings.lockout;
        let counted = present(context, user);
        let pair = (counted, network::counted(&actor.address));
        let [here, everywhere] =
            self.count_within(context, [pair, (counted, String::new())], policy.window()).await?;
        if here > i64::from(policy.failures_per_address) || everywhere > i64::from(policy.failures_in_total) {
            return Err(too_many(&policy));
        }
        let Some(credential) = actor.credential else { return Ok(0) };
        let wrong = self.maintain(context, async move |connection| match credential {
            PresentedCredential::Session(id, _) => {
                store::sessions::count_wrong_password(connection, context, id).await
            }
            PresentedCredential::Token(id, _) => {
                store::tokens::count_wrong_password(connection, context, id).await
            }
        });
        let wrong = wrong.await?.ok_or_else(signed_out)?;
        if wrong > WRONG_PRESENT_PASSWORDS { Err(signed_out()) } else { Ok(wrong) }
    }

    /// The present password was wrong, for the `wrong`th time: the last one ends the session or token.
    pub(crate) async fn settle_wrong_present(&self, actor: &Actor, user: UserId, wrong: i64) -> Result<()> {
        let Some(credential) = actor.credential.filter(|_| wrong >= WRONG_PRESENT_PASSWORDS) else {
            return Ok(());
        };
        let deed = async move |op: &mut Operation<'_, '_>| match credential {
            PresentedCredential::Session(session, _) => {
                op.end_session(user, session, "wrong_passwords").await.map(drop)
            }
            PresentedCredential::Token(token, _) => op.end_token(user, token, "wrong_passwords").await,
        };
        let actor = Actor { dry_run: false, once: None, ..actor.clone() };
        match self.run_proven(&actor, deed).await {
            // Another one of the same moment was quicker.
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Unauthenticated) => {}
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        Err(signed_out())
    }

    /// The present password was right.
    pub(crate) async fn forget_present(&self, actor: &Actor, user: UserId) -> Result<()> {
        let (context, credential) = (actor.context, actor.credential);
        self.maintain(context, async move |connection| {
            // The session or token first, like those who end it together with what is counted.
            match credential {
                Some(PresentedCredential::Session(id, _)) => {
                    store::sessions::forget_wrong_passwords(connection, context, id).await?;
                }
                Some(PresentedCredential::Token(id, _)) => {
                    store::tokens::forget_wrong_passwords(connection, context, id).await?;
                }
                None => {}
            }
            store::credentials::forget_tries(connection, context, present(context, user), None).await
        })
        .await
    }

    async fn count_within<const N: usize>(
        &self,
        context: OrgContext,
        counters: [Counter; N],
        window: Duration,
    ) -> Result<[i64; N]> {
        let now = self.now();
        let since = now.minus(window);
        let count = async move |connection: &mut store::Connection<'_>| {
            let mut tries = [0; N];
            for (tries, (subject, address)) in tries.iter_mut().zip(&counters) {
                *tries =
                    store::credentials::count_try(connection, context, *subject, address, now, since).await?;
            }
            Ok(tries)
        };
        self.maintain(context, count).await
    }
}

impl Operation<'_, '_> {
    /// Counts one more of `what` about somebody; false if there were more than `most` within `window`.
    pub(crate) async fn is_within(
        &mut self,
        what: &str,
        about: uuid::Uuid,
        most: i64,
        window: Duration,
    ) -> Result<bool> {
        let (context, now) = (self.context, self.now);
        let counted = occasion(context, what, about.as_bytes());
        let times =
            store::credentials::count_try(self.connection, context, counted, "", now, now.minus(window))
                .await?;
        Ok(times <= most)
    }

    /// Forgets the failures of an account under all its names, from one address or from all.
    pub(crate) async fn forget_tries(&mut self, user: &User, address: Option<&str>) -> Result<()> {
        let (context, fields) = (self.context, &user.fields);
        let network = address.map(network::counted);
        let names = [&fields.username, &fields.email].into_iter().flatten();
        let mut counted: Vec<UserId> = names.map(|name| subject(context, name)).collect();
        counted.push(user.id);
        if address.is_none() {
            let since = self.now.minus(KnownDevice::LIFETIME);
            let devices = store::devices::list(self.connection, context, user.id, since).await?;
            counted.extend(devices.iter().map(|device| on_device(context, device.id)));
            counted.push(present(context, user.id));
        }
        for subject in counted {
            store::credentials::forget_tries(self.connection, context, subject, network.as_deref()).await?;
        }
        Ok(())
    }

    /// An account got in that was counted as one that fails from a new address.
    pub(crate) async fn take_back_account(&mut self, address: &str, policy: &LockoutPolicy) -> Result<()> {
        let (context, now) = (self.context, self.now);
        let counted = (accounts_from(context, &network::counted(address)), "");
        let since = now.minus(policy.window());
        store::credentials::add_tries(self.connection, context, counted, -1, now, since).await.map(drop)
    }

    /// Forgets the failures on a known device: the right password was typed.
    pub(crate) async fn forget_tries_on(&mut self, device: DeviceId) -> Result<()> {
        let counted = on_device(self.context, device);
        store::credentials::forget_tries(self.connection, self.context, counted, None).await
    }
}

fn too_many(policy: &LockoutPolicy) -> Error {
    let minutes = policy.minutes;
    let message =
        format!("Too many tries. Wait {minutes} minutes, then try again, or ask your administrator.");
    let error = Error::new(Kind::TooMany, "sign_in.too_many", message);
    error.with_retry_after(u32::from(minutes) * 60)
}

/// The answer to every sign-in that fails at an address where too many accounts have failed.
pub(crate) fn address_full(policy: &LockoutPolicy) -> Error {
    let minutes = policy.minutes;
    let message = format!(
        "Too many accounts have failed to sign in from your network. Wait {minutes} minutes, then try again. Where you have \
         signed in before, it works."
    );
    let error = Error::new(Kind::TooMany, "sign_in.too_many_accounts", message);
    error.with_retry_after(u32::from(minutes) * 60)
}

/// Under what something other than a try of a name is counted. The first byte is no text's: nobody can type it.
pub(crate) fn occasion(context: OrgContext, what: &str, about: &[u8]) -> UserId {
    let digest = Sha256::new()
        .chain_update(context.org.0)
        .chain_update([0xff])
        .chain_update(what)
        .chain_update([0xff])
        .chain_update(about)
        .finalize();
    shortened(&digest)
}

/// The account that a name would have, if somebody had it: nobody's failures are kept under it.
pub(crate) fn nobody(context: OrgContext, identifier: &str) -> UserId {
    subject(context, &format!("nobody {identifier}"))
}

/// Under what the accounts are counted that fail from a network.
fn accounts_from(context: OrgContext, network: &str) -> UserId {
    occasion(context, "accounts from", network.as_bytes())
}

fn on_device(context: OrgContext, device: DeviceId) -> UserId {
    occasion(context, "known device", device.0.as_bytes())
}

fn present(context: OrgContext, user: UserId) -> UserId {
    occasion(context, "present password", user.0.as_bytes())
}

/// Under what tries of a name are counted, whether or not anybody holds it.
fn subject(context: OrgContext, identifier: &str) -> UserId {
    let key = model::user::key(&identifier.chars().take(300).collect::<String>());
    let digest = Sha256::new().chain_update(context.org.0).chain_update(key).finalize();
    shortened(&digest)
}

fn shortened(digest: &[u8]) -> UserId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    UserId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
