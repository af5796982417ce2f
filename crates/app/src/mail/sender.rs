//! The worker that sends mail: some at once, and a recipient whose mail server hangs holds nobody up.
//!
//! An attempt that takes long gives up its place and goes on beside the others. While several to one domain do, more mails
//! to that domain are put off, so that they don't take all places again and again.

use std::{collections::HashMap, time::Duration};

use futures_util::future::join_all;
use model::{OrgContext, Result, Timestamp, mail::Mail};
use store::{Connection, boxed};
use tokio::{
    task::{self, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::App;

/// For how long a claimed mail is nobody else's; longer than any attempt lasts.
const LEASE: Duration = Duration::from_secs(120);
/// How many are sent at once.
const AT_ONCE: usize = 8;
/// An attempt that lasts longer no longer counts as one of these.
const SLOW: Duration = Duration::from_secs(3);
/// How many attempts are under way at most, slow ones included.
const MOST: usize = 32;
/// So many slow attempts to one domain make the domain a slow one.
const SLOW_DOMAIN: usize = 2;
/// How much later a mail to a slow domain is sent.
const PUT_OFF: Duration = Duration::from_secs(30);
/// The longest nap: polling is the guarantee, ringing only makes it quicker.
const NAP: Duration = Duration::from_secs(5);

impl App {
    /// Sends mail until stopped; attempts that are under way by then are waited for.
    #[boxed]
    pub async fn work_mail(&self, stop: CancellationToken) {
        let mut attempts = Attempts::default();
        let mut measured = Timestamp::from_micros(0);
        while !stop.is_cancelled() {
            if self.now() >= measured.plus(NAP) {
                measured = self.now();
                self.measure_queue().await;
            }
            let places = attempts.free_places();
            match self.claim_due(places).await {
                Ok(mails) if mails.is_empty() => {}
                Ok(mails) => {
                    self.begin_attempts(mails, &mut attempts).await;
                    continue;
                }
                Err(error) => not_worked_on(&error),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = attempts.place_freed() => {}
                () = self.mail_wake().notified(), if places > 0 => {}
                () = sleep(self.mail_nap().await), if places > 0 => {}
            }
        }
        while !attempts.begun.is_empty() {
            attempts.ended().await;
        }
    }

    /// Sends those whose recipients' domains are not slow, and puts off the others.
    async fn begin_attempts(&self, mails: Vec<Mail>, attempts: &mut Attempts) {
        let (slow, mails): (Vec<Mail>, Vec<Mail>) =
            mails.into_iter().partition(|mail| attempts.is_slow(domain(mail)));
        for mail in mails {
            attempts.begin(self.clone(), mail);
        }
        if slow.is_empty() {
            return;
        }
        let until = self.now().plus(PUT_OFF);
        let put_off = async move |connection: &mut Connection<'_>| {
            for mail in &slow {
                store::mails::put_off(connection, mail, until).await?;
            }
            Ok(())
        };
        if let Err(error) = self.maintain(OrgContext::NOWHERE, put_off).await {
            not_worked_on(&error);
        }
    }

    /// Claims up to so many of the mails that are due.
    async fn claim_due(&self, many: usize) -> Result<Vec<Mail>> {
        let now = self.now();
        let look = async move |connection: &mut Connection<'_>| store::mails::next_due(connection, now).await;
        if many == 0 || self.database().read(look).await?.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        let many = u16::try_from(many).unwrap_or(u16::MAX);
        let claim = async move |connection: &mut Connection<'_>| {
            store::mails::claim(connection, now, now.plus(LEASE), many).await
        };
        self.maintain(OrgContext::NOWHERE, claim).await
    }

    /// How long the queue is and how old, for the metrics.
    async fn measure_queue(&self) {
        let Ok((many, age)) = self.mail_queue().await else { return };
        // A gauge is a floating-point number; neither is ever so large that it matters.
        metrics::gauge!("muster_mail_queue").set(f64::from(u32::try_from(many).unwrap_or(u32::MAX)));
        metrics::gauge!("muster_mail_queue_age_seconds").set(age.unwrap_or_default().as_secs_f64());
    }

    /// Until the next mail is due, at most `NAP`.
    async fn mail_nap(&self) -> Duration {
        let now = self.now();
        let look = async move |connection: &mut Connection<'_>| store::mails::next_due(connection, now).await;
        let next = self.database().read(look).await.ok().flatten();
        next.map_or(NAP, |next| next.since(self.now())).clamp(Duration::from_millis(100), NAP)
    }

    /// Sends what is due now, some at once, and waits for all of them; answers how many there were.
    #[boxed]
    pub async fn send_due(&self) -> Result<usize> {
        let mails = self.claim_due(AT_ONCE).await?;
        let sent = join_all(mails.iter().map(|mail| self.send(mail))).await;
        sent.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(mails.len())
    }
}

/// Attempts under way.
#[derive(Default)]
struct Attempts {
    running: JoinSet<Result<()>>,
    begun: HashMap<task::Id, Begun>,
}

struct Begun {
    domain: String,
    /// From then on it is slow.
    slow_at: Instant,
}

impl Attempts {
    fn begin(&mut self, app: App, mail: Mail) {
        let begun = Begun { domain: domain(&mail).to_owned(), slow_at: Instant::now() + SLOW };
        let handle = self.running.spawn(async move { app.send(&mail).await });
        self.begun.insert(handle.id(), begun);
    }

    /// How many mails can be claimed.
    fn free_places(&self) -> usize {
        let now = Instant::now();
        let quick = self.begun.values().filter(|begun| begun.slow_at > now).count();
        AT_ONCE.saturating_sub(quick).min(MOST.saturating_sub(self.begun.len()))
    }

    /// Whether it is the domain's mail server that is slow, not one recipient.
    fn is_slow(&self, domain: &str) -> bool {
        let now = Instant::now();
        let is_slow = |begun: &&Begun| begun.slow_at <= now && begun.domain.eq_ignore_ascii_case(domain);
        self.begun.values().filter(is_slow).count() >= SLOW_DOMAIN
    }

    /// Waits until an attempt has ended or become slow.
    async fn place_freed(&mut self) {
        let now = Instant::now();
        let slow_at = self.begun.values().map(|begun| begun.slow_at).filter(|at| *at > now).min();
        let slow = async {
            match slow_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = slow => {}
            () = self.ended() => {}
        }
    }

    /// Waits until an attempt has ended; for ever while none is under way.
    async fn ended(&mut self) {
        let (id, result) = match self.running.join_next_with_id().await {
            Some(Ok(ended)) => ended,
            Some(Err(panicked)) => (panicked.id(), Err(model::Error::internal(panicked))),
            None => std::future::pending().await,
        };
        self.begun.remove(&id);
        if let Err(error) = result {
            not_worked_on(&error);
        }
    }
}

fn domain(mail: &Mail) -> &str {
    mail.address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

fn not_worked_on(error: &model::Error) {
    tracing::warn!(%error, detail = error.detail(), "mail could not be worked on");
}
