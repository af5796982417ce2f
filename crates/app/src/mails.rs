//! What one can do with mails: see how they stand, send failed ones again, send a test.
//!
//! Nobody is shown what a mail says, nor its links: kind, address, what became of it and why. Sending is `mail.rs`.

use std::time::Duration;

use model::{
    Error, Kind, MailId, Org, OrgContext, Permission, Result, Timestamp, User, UserId,
    audit::Changes,
    mail::{self, Mail, MailDetails, MailKind, MailState},
    page::{Cursor, List, Page},
};
use serde_json::Value;
use store::{Connection, boxed};

pub use store::mails::{COUNTED, MailNews};

use crate::{Actor, App, Operation, mail::NewMail, operation::Event, users::changed};

/// Most mails that one operation queues again.
const AT_ONCE: u16 = 500;
/// A mail that has waited for longer than this deserves a look at the server.
pub const OLD: Duration = Duration::from_secs(15 * 60);
/// The order of the list, for its cursors.
const ORDER: &str = "mails";

/// What the list of mails is asked for.
#[derive(Debug, Clone, Default)]
pub struct MailQuery {
    /// Only those that stand so.
    pub state: Option<MailState>,
    /// How many, at most.
    pub limit: u16,
    /// Where the page begins.
    pub cursor: Option<String>,
}

/// Whether mail goes out, and how the organization's stands.
#[derive(Debug, Clone)]
pub struct MailStatus {
    /// Through what it goes, never with credentials; `None`: no mail server is configured.
    pub carrier: Option<String>,
    /// How it stands.
    pub news: MailNews,
    /// When this was so.
    pub now: Timestamp,
}

impl MailStatus {
    /// For how long the oldest mail has waited.
    pub fn queue_age(&self) -> Option<Duration> {
        self.news.waiting_since.map(|since| self.now.since(since))
    }
}

impl App {
    /// Whether mail goes out, and how the organization's stands.
    #[boxed]
    pub async fn mail_status(&self, actor: &Actor) -> Result<MailStatus> {
        actor.require(Permission::MailRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| store::mails::news(connection, context).await;
        let news = self.database().read(read).await?;
        Ok(MailStatus { carrier: self.carrier().description(), news, now: self.now() })
    }

    /// One page of the organization's mails, the newest first.
    #[boxed]
    pub async fn mails(&self, actor: &Actor, query: MailQuery) -> Result<Page<Mail>> {
        actor.require(Permission::MailRead)?;
        let list = List::new(actor.reader(), ORDER);
        let cursor = query.cursor.as_deref().map(|text| list.open_in(ORDER, text)).transpose()?;
        let backwards = cursor.as_ref().is_some_and(|cursor| cursor.backwards);
        let from = (cursor.as_ref().map(|cursor| MailId(cursor.id)), backwards);
        let (context, state, limit) = (actor.context, query.state, model::page::limit(Some(query.limit))?);
        let read = async |connection: &mut Connection<'_>| {
            store::mails::list(connection, context, state, from, limit + 1).await
        };
        let mut items = self.database().read(read).await?;
        let is_more = items.len() > usize::from(limit);
        items.truncate(usize::from(limit));
        if backwards {
            items.reverse();
        }
        let leads = |mail: Option<&Mail>, backwards| {
            let (order, id) = (ORDER.to_owned(), mail?.id.0);
            Some(list.seal(&Cursor { order, key: String::new(), id, backwards }))
        };
        let (has_next, has_previous) = if backwards { (true, is_more) } else { (is_more, cursor.is_some()) };
        let next = leads(items.last().filter(|_| has_next), false);
        let previous = leads(items.first().filter(|_| has_previous), true);
        Ok(Page { items, next, previous, more_than: None })
    }

    /// One mail.
    #[boxed]
    pub async fn mail(&self, actor: &Actor, id: MailId) -> Result<Mail> {
        actor.require(Permission::MailRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| store::mails::find(connection, context, id).await;
        self.database().read(read).await?.ok_or_else(Error::not_found)
    }

    /// A user's mails, the newest first; at most 100.
    #[boxed]
    pub async fn mails_of(&self, actor: &Actor, user: UserId) -> Result<Vec<Mail>> {
        actor.require(Permission::MailRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::users::find(connection, context, user).await?.ok_or_else(Error::not_found)?;
            store::mails::of_user(connection, context, user).await
        };
        self.database().read(read).await
    }

    /// Queues a failed or deferred mail again, to be sent at once.
    #[boxed]
    pub async fn retry_mail(&self, actor: &Actor, id: MailId) -> Result<Mail> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mail = op.mail_row(id).await?;
            if !store::mails::retry(op.connection, op.context, id, op.now).await? {
                return Err(not_waiting(mail.state));
            }
            op.record_mail(
                &mail,
                "mail.retried",
                changed("state", mail.state.as_str().into(), "queued".into()),
            );
            Ok(())
        };
        self.run(actor, Permission::MailManage, deed).await?;
        self.mail_wake().notify_one();
        self.mail(actor, id).await
    }

    /// Queues every failed mail again, with `deferred` those too that wait for their next try; answers how many.
    #[boxed]
    pub async fn retry_mails(&self, actor: &Actor, org: &Org, deferred: bool) -> Result<usize> {
        let mut total = 0;
        // One after the other, so that others get their turn in between.
        for _ in 0..100 {
            let org = org.clone();
            let deed = async move |op: &mut Operation<'_, '_>| {
                let mails =
                    store::mails::retry_all(op.connection, op.context, deferred, op.now, AT_ONCE).await?;
                if !mails.is_empty() {
                    let changes = changed("mails", Value::Null, mails.len().into());
                    op.record_org(&org, "mail.retried", changes);
                }
                Ok(mails.len())
            };
            let some = self.run(actor, Permission::MailManage, deed).await?;
            total += some;
            if some < usize::from(AT_ONCE) || actor.dry_run {
                break;
            }
        }
        if total > 0 {
            self.mail_wake().notify_one();
        }
        Ok(total)
    }

    /// Sends a test mail to `address`, or to the actor.
    #[boxed]
    pub async fn send_test_mail(&self, actor: &Actor, org: &Org, address: Option<&str>) -> Result<MailId> {
        let own = match actor.user() {
            Some(user) => self.load_person(actor.context, user).await?.user.fields.email,
            None => None,
        };
        let address = match address.map(str::trim).filter(|address| !address.is_empty()) {
            Some(typed) => mail::checked_address("address", typed)?,
            None => own.clone().ok_or_else(no_address)?,
        };
        let user = actor.user().filter(|_| own.as_deref() == Some(address.as_str()));
        let org = org.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let details = MailDetails { at: Some(op.now), ..op.caused() };
            let (kind, address) = (MailKind::Test, address.as_str());
            // An address is somebody's, and goes with them; of nobody's the log keeps the mail alone.
            let holder = match user {
                Some(user) => Some(user),
                None => store::users::holder_of_address(op.connection, op.context, address).await?,
            };
            op.mail(NewMail { user: holder, kind, address, link: None, invitation: None, details });
            let mail = op.mails.last().ok_or_else(|| Error::internal("a mail was not queued"))?.id;
            let sent = changed("mail", Value::Null, mail.to_string().into());
            match holder {
                Some(holder) => {
                    let holder = op.known_user(holder).await?;
                    let mut changes = changed("address", Value::Null, address.into());
                    changes.extend(sent);
                    op.record_user(&holder, "mail.test_sent", changes, String::new());
                }
                None => op.record_org(&org, "mail.test_sent", sent),
            }
            Ok(mail)
        };
        self.run(actor, Permission::MailManage, deed).await
    }

    /// How many mails of all organizations wait, exact up to `COUNTED`, and for how long the oldest has.
    #[boxed]
    pub async fn mail_queue(&self) -> Result<(i64, Option<Duration>)> {
        let read = async |connection: &mut Connection<'_>| store::mails::waiting(connection).await;
        let (many, since) = self.database().read(read).await?;
        Ok((many, since.map(|since| self.now().since(since))))
    }
}

impl Operation<'_, '_> {
    async fn mail_row(&mut self, id: MailId) -> Result<Mail> {
        let context: OrgContext = self.context;
        store::mails::find(self.connection, context, id).await?.ok_or_else(Error::not_found)
    }

    /// A user, whom nobody purges before this transaction ends.
    async fn known_user(&mut self, id: UserId) -> Result<User> {
        store::users::lock(self.connection, self.context, id).await?.ok_or_else(Error::not_found)
    }

    fn record_mail(&mut self, mail: &Mail, name: &str, changes: Changes) {
        // A mail to a person is told of the person, so that erasing the person erases this too; the address of one to
        // nobody in particular stands in the mail alone.
        let target = mail.user.map_or(mail.id.0, |user| user.0);
        let (target_type, target_name) = match mail.user {
            Some(_) => ("user", mail.address.as_str()),
            None => ("mail", ""),
        };
        let reason = mail.kind.as_str().to_owned();
        self.record(Event { name, target_type, target, target_name, changes, reason });
    }
}

fn no_address() -> Error {
    let message = "Say to which address: there is none in your own record.";
    Error::invalid_field("address", "mail.no_address", message)
}

fn not_waiting(state: MailState) -> Error {
    let message = match state {
        MailState::Sent => "This mail has been sent already.",
        MailState::Cancelled => "Nobody needs this mail any more. Do again what caused it.",
        MailState::Queued => "This mail is about to be sent. Look again in a minute.",
        MailState::Deferred | MailState::Failed => {
            "This mail is being sent just now. Look again in a minute."
        }
    };
    Error::new(Kind::Conflict, "mail.not_waiting", message)
}
