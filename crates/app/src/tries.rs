//! How often somebody has tried a password, by account and address, and when that is too often.
//!
//! Tries are counted before anything is computed, so that many at once can't outrun the limit; and alike for names
//! that nobody holds, so that being refused tells nothing.

use model::{Error, Kind, Org, OrgContext, Result, User, UserId, settings::LockoutPolicy};
use sha2::{Digest, Sha256};

use crate::{App, Operation};

impl App {
    /// One more try of somebody known; refused when there were too many.
    pub(crate) async fn count_try(&self, context: OrgContext, user: UserId, address: &str) -> Result<()> {
        let policy = self.org_of(context).await?.settings.lockout;
        let [tries] = self.count_tries(context, [user], address, &policy).await?;
        if tries > i64::from(policy.failures_per_address) { Err(too_many(&policy)) } else { Ok(()) }
    }

    /// One more try to sign in, counted for what was typed, whoever holds it: too many of those are refused in so many
    /// words. Counted for the account as well, which has two names; too many of those (`true`) must look like any
    /// other refusal, or trying one name would tell whose the other one is.
    pub(crate) async fn count_sign_in(
        &self,
        context: OrgContext,
        identifier: &str,
        account: Option<UserId>,
        address: &str,
    ) -> Result<bool> {
        let policy = self.org_of(context).await?.settings.lockout;
        // Nobody is counted twice too, so that it takes as long.
        let account = account.unwrap_or_else(|| subject(context, &format!("nobody {identifier}")));
        let subjects = [subject(context, identifier), account];
        let [typed, account] = self.count_tries(context, subjects, address, &policy).await?;
        let limit = i64::from(policy.failures_per_address);
        if typed > limit { Err(too_many(&policy)) } else { Ok(account > limit) }
    }

    /// What is written about a failure of somebody is written about nobody's too: otherwise the time would tell who
    /// exists.
    pub(crate) async fn note_failure_of_nobody(&self, org: &Org, identifier: &str) -> Result<()> {
        let context = OrgContext::from(org.id);
        self.count_tries(context, [subject(context, identifier)], "", &org.settings.lockout).await?;
        Ok(())
    }

    async fn count_tries<const N: usize>(
        &self,
        context: OrgContext,
        subjects: [UserId; N],
        address: &str,
        policy: &LockoutPolicy,
    ) -> Result<[i64; N]> {
        let now = self.now();
        let (address, since) = (address.to_owned(), now.minus(policy.window()));
        let count = async move |connection: &mut store::Connection<'_>| {
            let mut tries = [0; N];
            for (tries, subject) in tries.iter_mut().zip(subjects) {
                *tries =
                    store::credentials::count_try(connection, context, subject, &address, now, since).await?;
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
        window: std::time::Duration,
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
        let names = [&fields.username, &fields.email].into_iter().flatten();
        for tried in names.map(|name| subject(context, name)).chain([user.id]) {
            store::credentials::forget_tries(self.connection, context, tried, address).await?;
        }
        Ok(())
    }
}

fn too_many(policy: &LockoutPolicy) -> Error {
    let minutes = policy.minutes;
    let message =
        format!("Too many tries. Wait {minutes} minutes, then try again, or ask your administrator.");
    let error = Error::new(Kind::TooMany, "sign_in.too_many", message);
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
