//! Mail: asked for in an operation, sent by the worker, never from a request.
//!
//! A mail is a row inserted with the change that causes it. The worker claims what is due, writes at the first attempt what
//! it says (`mail/letter.rs`), hands it to the carrier (`mail/carrier.rs`) outside any transaction, and notes what came of
//! it. Which mails are sent side by side is `mail/sender.rs`. If the server dies in between, the mail goes out again, the same to the byte.

pub mod carrier;
mod letter;
mod sender;
pub mod text;

use std::time::Duration;

use model::{
    InvitationId, MailId, Org, Result, Timestamp, User, UserId, Zone, invitation,
    link::Link,
    mail::{self, Mail, MailDetails, MailKind, MailState},
};

pub use carrier::{Carrier, Letter, Mailbox, Outcome};
use letter::one_line;
use text::Words;

use crate::{App, Operation};

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
        MailKind::AuditAlarm => "The log has 4,711 entries in its tree; yesterday it had 4,720.",
        _ => "ana.silva@example.com",
    }
}

/// A moment in words: `20 November 2026, 08:00 UTC`.
pub(crate) fn in_words(at: Timestamp) -> String {
    Zone::utc().in_words(at)
}
