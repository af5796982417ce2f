//! The background worker: carries out the outbox when it is due, and tidies what has ended.
//!
//! A job is claimed with a lease and run outside of any transaction; it compares what is with what was meant, so that
//! running twice or late does no harm. Expiry is always checked at use: tidying only saves space.

use std::time::Duration;

use model::{
    Action, Error, Kind, Org, OrgContext, Permission, Result, Timestamp, UserId,
    device::KnownDevice,
    job::{self, Job, Work},
    lifecycle::{Reason, State},
};
use store::{Connection, boxed};
use tokio_util::sync::CancellationToken;

use crate::{Actor, App, Operation, Person};

/// For how long a claimed job is nobody else's.
const LEASE: Duration = Duration::from_secs(60);
/// The longest nap: polling is the guarantee, ringing only makes it quicker.
const NAP: Duration = Duration::from_secs(5);
/// How often ended things are tidied.
const TIDY: Duration = Duration::from_secs(600);
/// How long answers are kept for repeated requests.
const KEEP_ANSWERS: Duration = Duration::from_secs(24 * 60 * 60);

impl App {
    /// Works until stopped.
    #[boxed]
    pub async fn work(&self, stop: CancellationToken) {
        let mut tidied = Timestamp::from_micros(0);
        while !stop.is_cancelled() {
            if let Err(error) = self.watch_clock().await {
                tracing::warn!(%error, detail = error.detail(), "the clock could not be looked after");
            }
            match self.work_once().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, detail = error.detail(), "the outbox could not be worked on");
                }
            }
            if self.now() >= tidied.plus(TIDY) {
                tidied = self.now();
                if let Err(error) = self.tidy().await {
                    tracing::warn!(%error, detail = error.detail(), "ended things could not be tidied");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake().notified() => {}
                () = tokio::time::sleep(self.nap().await) => {}
            }
        }
    }

    /// Until the next job is due, at most `NAP`.
    async fn nap(&self) -> Duration {
        let read = async |connection: &mut Connection<'_>| store::jobs::next_due(connection).await;
        let next = self.database().read(read).await.ok().flatten();
        // A due job that somebody else has claimed must not make this one spin.
        next.map_or(NAP, |next| next.since(self.now())).clamp(Duration::from_millis(100), NAP)
    }

    /// Carries out what is due now; answers how many jobs there were.
    #[boxed]
    pub async fn work_once(&self) -> Result<usize> {
        let now = self.now();
        let claim = async move |connection: &mut Connection<'_>| {
            store::jobs::claim(connection, now, now.plus(LEASE), 20).await
        };
        let look = async |connection: &mut Connection<'_>| store::jobs::next_due(connection).await;
        if self.database().read(look).await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let jobs = self.maintain(OrgContext::NOWHERE, claim).await?;
        for job in &jobs {
            self.carry_out(job).await?;
        }
        Ok(jobs.len())
    }

    async fn carry_out(&self, job: &Job) -> Result<()> {
        let (context, id, attempts) = (job.org, job.id, job.attempts);
        match self.carry_out_work(job).await {
            Ok(()) => {
                self.maintain(context, async move |connection| {
                    store::jobs::done(connection, context, id).await
                })
                .await
            }
            Err(error) => {
                let again = (attempts < job::MAX_ATTEMPTS).then(|| job::retry_at(self.now(), attempts));
                let why = error.code().to_owned();
                tracing::warn!(job = %id, kind = job.work.kind(), %error, detail = error.detail(), "a job failed");
                self.maintain(context, async move |connection| {
                    store::jobs::failed(connection, context, id, &why, again).await
                })
                .await
            }
        }
    }

    async fn carry_out_work(&self, job: &Job) -> Result<()> {
        let context = job.org;
        if let Work::FindOrganizations { email } = &job.work {
            return self.find_organizations(email).await;
        }
        let read = async |connection: &mut Connection<'_>| store::orgs::find(connection, context).await;
        let Some(org) = self.database().read(read).await? else { return Ok(()) };
        match &job.work {
            Work::PurgeUser { user } => self.purge_from_trash(&org, *user).await,
            Work::ExpireUser { user } => self.expire(&org, *user).await,
            Work::RecoverPassword { identifier, address } => {
                self.recover_password(&org, identifier, address).await
            }
            Work::FindOrganizations { .. } => Ok(()),
            Work::TellPasswordLocked { user, until } => {
                settled(self.notify_password_locked(&org, *user, *until).await)
            }
            Work::RemindInvitation { invitation, sent_at } => {
                settled(self.remind(&org, *invitation, *sent_at).await)
            }
            Work::ExportData { export } => self.make_data_export(&org, *export).await,
            Work::EndGrant { grant } => settled(self.end_grant(&org, *grant).await),
            Work::WarnGrant { grant, given_at } => settled(self.warn_of_end(&org, *grant, *given_at).await),
            Work::EndOutgrown { whom, after, shown } => {
                settled(self.end_outgrown(&org, *whom, *after, shown.clone()).await)
            }
            Work::Scrub => self.scrub().await,
        }
    }

    /// The time in the trash is over, unless the user was restored (and perhaps deleted again) meanwhile.
    async fn purge_from_trash(&self, org: &Org, user: UserId) -> Result<()> {
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            match &person.user.state {
                State::Trashed { until, .. } if *until <= op.now => {
                    op.transition(person, Action::Purge { confirm: None }, &policy).await.map(drop)
                }
                _ => Ok(()),
            }
        };
        settled(self.run(&Actor::system(org.id.into()), Permission::UserPurge, deed).await)
    }

    /// The validity has ended, unless the date was moved meanwhile.
    async fn expire(&self, org: &Org, user: UserId) -> Result<()> {
        let policy = org.settings.lifecycle.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let person = op.person(user).await?;
            let ended = person.user.fields.valid_until.is_some_and(|until| until <= op.now);
            if ended && person.user.state == State::Active {
                let action = Action::Suspend { reason: Reason::Expired, note: String::new() };
                let _: Person = op.transition(person, action, &policy).await?;
            }
            Ok(())
        };
        settled(self.run(&Actor::system(org.id.into()), Permission::UserSuspend, deed).await)
    }

    /// Removes what has ended.
    #[boxed]
    pub async fn tidy(&self) -> Result<()> {
        let now = self.now();
        self.maintain(OrgContext::NOWHERE, async move |connection| {
            store::sessions::tidy(connection, now).await?;
            store::devices::tidy(connection, now.minus(KnownDevice::LIFETIME)).await?;
            store::tokens::tidy(connection, now).await?;
            store::credentials::tidy_tries(connection, now.minus(KEEP_ANSWERS)).await?;
            store::idempotency::tidy(connection, now.minus(KEEP_ANSWERS)).await?;
            store::links::tidy(connection, now.minus(crate::links::KEEP)).await?;
            store::mails::tidy(connection, now.minus(crate::mail::KEEP)).await?;
            store::reserved_addresses::tidy(connection, now).await?;
            store::stray_sign_ins::tidy(connection, now.minus(crate::explain_sign_in::KEEP_STRAYS)).await?;
            store::data_exports::tidy(connection, now).await?;
            Ok(())
        })
        .await?;
        self.label_sessions().await?;
        self.expire_audit().await
    }
}

/// A user who is gone needs nothing any more.
fn settled(result: Result<()>) -> Result<()> {
    result.or_else(|error: Error| if error.kind() == Kind::NotFound { Ok(()) } else { Err(error) })
}
