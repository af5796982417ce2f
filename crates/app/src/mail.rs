//! Mail: asked for in an operation, sent by the worker, never from a request.
//!
//! A mail is a row written with the change that causes it. The worker claims what is due, writes what it says
//! (`mail/text.rs`) of what is stored then, hands it to the carrier (`mail/carrier.rs`) outside any transaction, and notes
//! what came of it. If the server dies in between, the mail goes out again under the same Message-ID.

pub mod carrier;
pub mod text;

use std::time::Duration;

use futures_util::future::join_all;
use model::{
    InvitationId, MailId, Org, OrgContext, Result, Timestamp, User, UserId, Zone, invitation,
    link::{Link, Standing},
    mail::{self, Mail, MailDetails, MailKind, MailState},
};
use store::{Connection, boxed};
use tokio_util::sync::CancellationToken;

pub use carrier::{Carrier, Letter, Mailbox, Outcome};
use text::Words;

use crate::{App, Operation};

/// For how long a claimed mail is nobody else's; longer than any attempt lasts.
const LEASE: Duration = Duration::from_secs(120);
/// How many are sent at once.
const AT_ONCE: u16 = 8;
/// The longest nap: polling is the guarantee, ringing only makes it quicker.
const NAP: Duration = Duration::from_secs(5);
/// How long sent and failed mails are kept for looking at.
pub(crate) const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// A mail to ask for.
pub(crate) struct NewMail<'m> {
    /// To whom; `None` for a test.
    pub(crate) user: Option<UserId>,
    /// What about.
    pub(crate) kind: MailKind,
    /// Where to.
    pub(crate) address: &'m str,
    /// The link in it.
    pub(crate) link: Option<&'m Link>,
    /// The invitation that it brings.
    pub(crate) invitation: Option<InvitationId>,
    /// What it says besides.
    pub(crate) details: MailDetails,
}

impl Operation<'_, '_> {
    /// Asks for a mail; it goes out after the commit.
    pub(crate) fn mail(&mut self, new: NewMail<'_>) {
        let mail = Mail {
            id: MailId(self.new_id()),
            org: self.context,
            user: new.user,
            kind: new.kind,
            address: new.address.to_owned(),
            link: new.link.map(|link| link.id),
            invitation: new.invitation,
            details: new.details,
            state: MailState::Queued,
            why: String::new(),
            attempts: 0,
            created_at: self.now,
            next_at: self.now,
            sent_at: None,
        };
        self.mails.push(mail);
    }

    /// Tells somebody something, at the primary address if there is one.
    pub(crate) fn notify(&mut self, user: &User, kind: MailKind, link: Option<&Link>, details: MailDetails) {
        if let Some(address) = user.fields.email.as_deref() {
            self.mail(NewMail { user: Some(user.id), kind, address, link, invitation: None, details });
        }
    }
}

impl App {
    /// Sends mail until stopped.
    #[boxed]
    pub async fn work_mail(&self, stop: CancellationToken) {
        let mut measured = Timestamp::from_micros(0);
        while !stop.is_cancelled() {
            if self.now() >= measured.plus(NAP) {
                measured = self.now();
                self.measure_queue().await;
            }
            match self.send_due().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(%error, detail = error.detail(), "mail could not be worked on"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.mail_wake().notified() => {}
                () = tokio::time::sleep(self.mail_nap().await) => {}
            }
        }
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
        let read = async |connection: &mut Connection<'_>| store::mails::next_due(connection).await;
        let next = self.database().read(read).await.ok().flatten();
        next.map_or(NAP, |next| next.since(self.now())).clamp(Duration::from_millis(100), NAP)
    }

    /// Sends what is due now, some at once; answers how many there were.
    #[boxed]
    pub async fn send_due(&self) -> Result<usize> {
        let now = self.now();
        let look = async |connection: &mut Connection<'_>| store::mails::next_due(connection).await;
        if self.database().read(look).await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let nowhere = OrgContext { org: model::OrgId(uuid::Uuid::nil()) };
        let claim = async move |connection: &mut Connection<'_>| {
            store::mails::claim(connection, now, now.plus(LEASE), AT_ONCE).await
        };
        let mails = self.maintain(nowhere, claim).await?;
        let sent = join_all(mails.iter().map(|mail| self.send(mail))).await;
        sent.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(mails.len())
    }

    async fn send(&self, mail: &Mail) -> Result<()> {
        let outcome = match self.letter(mail).await {
            Ok(Some(letter)) => self.carrier().send(letter).await,
            Ok(None) => {
                let why = "nobody needs it any more";
                return self.settle_mail(mail, MailState::Cancelled, why, mail.next_at).await;
            }
            Err(error) => {
                tracing::error!(mail = %mail.id, kind = %mail.kind, detail = error.detail(), "a mail could not be written");
                Outcome::Deferred(error.message().to_owned())
            }
        };
        metrics::counter!("muster_mails_total", "outcome" => match &outcome {
            Outcome::Sent(_) => "sent",
            Outcome::Deferred(_) => "deferred",
            Outcome::Failed(_) => "failed",
        })
        .increment(1);
        let now = self.now();
        match outcome {
            Outcome::Sent(said) => self.settle_mail(mail, MailState::Sent, &said, now).await,
            Outcome::Failed(why) => self.settle_mail(mail, MailState::Failed, &why, now).await,
            Outcome::Deferred(why) => {
                if let Some(again) = mail::retry_at(mail.created_at, now, mail.attempts) {
                    self.settle_mail(mail, MailState::Deferred, &why, again).await
                } else {
                    let why = format!("given up after {} tries: {why}", mail.attempts);
                    self.settle_mail(mail, MailState::Failed, &why, now).await
                }
            }
        }
    }

    /// Notes what became of an attempt, on the mail and on its invitation.
    async fn settle_mail(&self, mail: &Mail, state: MailState, why: &str, next_at: Timestamp) -> Result<()> {
        let (context, now) = (mail.org, self.now());
        let (mail, why) = (mail.clone(), why.to_owned());
        self.maintain(context, async move |connection| {
            // First, so that of two mails of one invitation the later sees what became of the earlier.
            let invitation = match mail.invitation {
                Some(id) => store::invitations::lock(connection, context, id).await?.map(|since| (id, since)),
                None => None,
            };
            store::mails::settle(connection, &mail, state, &why, next_at, now).await?;
            let Some((id, since)) = invitation else { return Ok(()) };
            let news = store::mails::of_invitation(connection, context, id, since).await?;
            let news: Vec<(MailState, String)> =
                news.into_iter().filter_map(|(state, why)| Some((MailState::parse(&state)?, why))).collect();
            let (state, why) = invitation::delivery(&news);
            store::invitations::delivery(connection, context, id, state, &why).await
        })
        .await
    }

    /// The mail in words, as of now; `None` if nobody needs it any more.
    async fn letter(&self, mail: &Mail) -> Result<Option<Letter>> {
        let context = mail.org;
        let read = async |connection: &mut Connection<'_>| {
            let org = store::orgs::find(connection, context).await?;
            let user = match mail.user {
                Some(user) => store::users::find(connection, context, user).await?,
                None => None,
            };
            let link = match mail.link {
                Some(link) => store::links::by_id(connection, context, link).await?,
                None => None,
            };
            Ok((org, user, link))
        };
        let (org, user, link) = self.database().read(read).await?;
        let Some(org) = org else { return Ok(None) };
        let gone = mail.user.is_some() && user.is_none();
        let dead = mail.link.is_some()
            && link.as_ref().is_none_or(|link| link.standing(self.now()) != Standing::Open);
        if gone || dead {
            return Ok(None);
        }
        let words = self.words(&org, user.as_ref(), link.as_ref(), mail)?;
        let written = text::write(mail.kind, &words)?;
        let policy = &org.settings.mail;
        let host = self.public_url().split_once("://").map_or("muster", |(_, rest)| rest);
        let host = host.split([':', '/']).next().unwrap_or("muster");
        Ok(Some(Letter {
            id: mail.id,
            message_id: format!("{}@{host}", mail.id),
            from_name: if policy.sender_name.is_empty() {
                org.name.clone()
            } else {
                policy.sender_name.clone()
            },
            reply_to: Some(policy.reply_to.clone()).filter(|address| !address.is_empty()),
            to: mail.address.clone(),
            to_name: user.as_ref().map(|user| user.name().to_owned()),
            subject: written.subject,
            text: written.text,
            html: written.html,
            date: mail.created_at,
        }))
    }

    fn words(&self, org: &Org, user: Option<&User>, link: Option<&Link>, mail: &Mail) -> Result<Words> {
        let details = &mail.details;
        let zone = user.map(User::zone).unwrap_or_default();
        Ok(Words {
            org: one_line(&org.name),
            home: format!("{}/o/{}/", self.public_url(), org.slug),
            name: one_line(user.and_then(|user| user.fields.given_name.as_deref()).unwrap_or_default()),
            username: one_line(user.map(User::username).unwrap_or_default()),
            by: one_line(&details.by),
            message: details.message.lines().map(one_line).collect(),
            about: one_line(&details.about),
            place: one_line(&details.place),
            at: details.at.map(|at| zone.in_words(at)).unwrap_or_default(),
            link: link.map(|link| self.link_url(org, link)).transpose()?.unwrap_or_default(),
            until: link.map(|link| zone.in_words(link.expires_at)).unwrap_or_default(),
        })
    }

    /// A mail of a kind as it would read, for the preview in the settings.
    pub fn preview_mail(&self, org: &Org, kind: MailKind, by: &str) -> Result<text::Written> {
        let at = self.now().plus(Duration::from_secs(3 * 24 * 3600));
        let home = format!("{}/o/{}/", self.public_url(), org.slug);
        let words = Words {
            org: one_line(&org.name),
            name: "Ana".to_owned(),
            username: "ana.silva".to_owned(),
            by: one_line(by),
            message: vec!["We are looking forward to working with you.".to_owned()],
            about: example_of(kind).to_owned(),
            place: "Lisbon, Portugal (203.0.113.7)".to_owned(),
            at: in_words(at),
            link: format!("{home}example"),
            until: in_words(at),
            home,
        };
        text::write(kind, &words)
    }
}

/// What a previewed mail is about.
fn example_of(kind: MailKind) -> &'static str {
    match kind {
        MailKind::NewDevice => "Firefox on Windows 11",
        MailKind::TokenCreated => "Nightly export",
        MailKind::MadeAdministrator => "an Owner",
        MailKind::AccessEnding => "your role Auditor",
        MailKind::GrantEnding => "Ana Silva’s role Auditor",
        MailKind::ResponsibleGone => "payroll, hr-bridge",
        MailKind::OwnersChanged => "Ana Silva is an owner now",
        MailKind::DataExport => "Ana Silva",
        _ => "ana.silva@example.com",
    }
}

/// A word of somebody's, which can't pretend to be a part of the mail (see `text.rs`).
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace("->", "→").trim().trim_start_matches('>').to_owned()
}

/// A moment in words: `20 November 2026, 08:00 UTC`.
pub(crate) fn in_words(at: Timestamp) -> String {
    Zone::utc().in_words(at)
}
