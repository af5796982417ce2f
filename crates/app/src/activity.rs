//! Somebody's activity: what they did and what was done to them, the sign-ins at a glance, and both as a file.
//!
//! Others need the right to read the audit log. One's own activity is everybody's, without what administrators write
//! for each other: reasons, notes, and from where they acted.

use std::collections::BTreeSet;

use model::{
    Agent, EntryId, Error, Permission, Result, Timestamp, UserId,
    activity::{Day, History, Item, Kind, Page, WINDOWS},
    audit::{Changes, Entry},
};
use store::{Connection, boxed};
use uuid::Uuid;

use crate::{Actor, App, Operation, Person, access::signed_out, holders::seen_among};

/// How many items a page looks at when only one kind is wanted: where few match, a page is short and says where to
/// go on.
const LOOKED_AT: usize = 2000;
/// How many are read at once on the way.
const CHUNK: u16 = 250;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Whose activity is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The actor's own.
    Own,
    /// Somebody's, for who may read the audit log.
    Of(UserId),
}

/// Which part of it.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only what was before this item.
    pub before: Option<Uuid>,
    /// How many at most.
    pub limit: u16,
}

impl App {
    /// Who is meant, if the actor may see it.
    #[boxed]
    pub async fn whose_activity(&self, actor: &Actor, whose: Whose) -> Result<Person> {
        match whose {
            Whose::Own => self.own_account(actor).await,
            Whose::Of(user) => {
                actor.require(Permission::AuditRead)?;
                self.load_person(actor.context, user).await
            }
        }
    }

    /// A page of somebody's activity.
    #[boxed]
    pub async fn activity(&self, actor: &Actor, whose: Whose, part: Part) -> Result<Page> {
        let user = self.whose_activity(actor, whose).await?.user.id;
        let mut page = self.activity_of(actor, user, part).await?;
        let entries = page.items.iter_mut().filter_map(|item| match item {
            Item::Entry(entry) => Some(&mut **entry),
            Item::Mail(_) => None,
        });
        self.name_references(actor.context, entries.collect()).await?;
        if whose == Whose::Own {
            let seen = self.seen_targets(actor, &page.items).await?;
            page.items.iter_mut().for_each(|item| withhold(item, user, |target| seen.contains(&target)));
        }
        Ok(page)
    }

    /// Which of the others that the actor did something to the actor may see now.
    async fn seen_targets(&self, actor: &Actor, items: &[Item]) -> Result<BTreeSet<UserId>> {
        let targets = items.iter().filter_map(|item| match item {
            Item::Entry(entry) if entry.target_type == "user" => Some(UserId(entry.target)),
            _ => None,
        });
        let targets: Vec<UserId> = targets.collect::<BTreeSet<_>>().into_iter().collect();
        let (context, now, reach) = (actor.context, self.now(), actor.rights.reach(Permission::UserRead));
        let read = async move |connection: &mut Connection<'_>| {
            seen_among(connection, context, &reach, &targets, now).await
        };
        self.database().read(read).await
    }

    async fn activity_of(&self, actor: &Actor, user: UserId, part: Part) -> Result<Page> {
        let (context, wanted) = (actor.context, usize::from(part.limit));
        let (mut items, mut looked_at) = (Vec::new(), 0);
        let mut before = part.before.unwrap_or_else(Uuid::max);
        let chunk = if part.kind.is_some() { CHUNK.max(part.limit + 1) } else { part.limit + 1 };
        loop {
            let kind = part.kind;
            let read = async |connection: &mut Connection<'_>| {
                let mut found: Vec<Item> = Vec::new();
                if kind != Some(Kind::Mail) {
                    let entries = store::activity::entries(connection, context, user, before, chunk).await?;
                    found.extend(entries.into_iter().map(|entry| Item::Entry(Box::new(entry))));
                }
                if kind.is_none_or(|kind| kind == Kind::Mail) {
                    let mails = store::activity::mails(connection, context, user, before, chunk).await?;
                    found.extend(mails.into_iter().map(|mail| Item::Mail(Box::new(mail))));
                }
                Ok(found)
            };
            let mut found = self.database().read(read).await?;
            found.sort_by_key(|item| std::cmp::Reverse(item.id()));
            found.truncate(chunk.into());
            let is_last = found.len() < usize::from(chunk);
            looked_at += found.len();
            let end = found.last().map(Item::id);
            items.extend(found.into_iter().filter(|item| kind.is_none_or(|kind| item.kind(user) == kind)));
            if items.len() > wanted {
                items.truncate(wanted);
                let older = items.last().map(Item::id);
                return Ok(Page { items, older });
            }
            let Some(end) = end.filter(|_| !is_last) else { return Ok(Page { items, older: None }) };
            if looked_at >= LOOKED_AT {
                return Ok(Page { items, older: Some(end) });
            }
            before = end;
        }
    }

    /// Somebody's sign-ins of the last 30 or 90 days.
    #[boxed]
    pub async fn sign_in_history(&self, actor: &Actor, whose: Whose, days: u16) -> Result<History> {
        if !WINDOWS.contains(&days) {
            return Err(Error::invalid_field("days", "history.days", "Ask for 30 or 90 days."));
        }
        let user = self.whose_activity(actor, whose).await?.user.id;
        let (context, now) = (actor.context, self.now());
        let today = now.micros() / DAY;
        let first = today - i64::from(days) + 1;
        // From midnight, so that the first day is whole.
        let since = Timestamp::from_micros(first * DAY);
        let read = async move |connection: &mut Connection<'_>| {
            let counted = store::activity::days(connection, context, user, since).await?;
            let origins = store::activity::origins(connection, context, user, since).await?;
            Ok((counted, origins))
        };
        let (counted, origins) = self.database().read_blocking(read).await?;
        let of = |day| counted.iter().find(|known| known.day == day).copied();
        let none = |day| Day { day, succeeded: 0, failed: 0 };
        let days = (first..=today).map(|day| of(day).unwrap_or_else(|| none(day))).collect();
        Ok(History { days, origins })
    }

    /// Notes in the audit log that somebody's activity is given out as a file; the caller then reads it page by page.
    #[boxed]
    pub async fn begin_activity_export(&self, actor: &Actor, whose: Whose) -> Result<Person> {
        let (permission, user) = match whose {
            Whose::Own => (Permission::AccountRead, actor.user().ok_or_else(signed_out)?),
            Whose::Of(user) => (Permission::AuditRead, user),
        };
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            op.record_user(&person.user, "user.activity_exported", Changes::new(), String::new());
            Ok(person)
        };
        self.run(actor, permission, deed).await
    }
}

/// Takes out of an item what is not for the person it is about.
fn withhold(item: &mut Item, user: UserId, may_see: impl Fn(UserId) -> bool) {
    let Item::Entry(entry) = item else { return };
    if entry.actor == Agent::User(user) {
        // Whoever adds somebody by an address, or is refused a look, does not learn the name from having done so.
        let target = UserId(entry.target);
        if entry.target_type == "user" && target != user && !may_see(target) {
            "somebody".clone_into(&mut entry.target_name);
        }
        return;
    }
    let Entry { reason, address, request_id, changes, .. } = &mut **entry;
    reason.clear();
    address.clear();
    request_id.clear();
    changes.remove("notes");
}

/// An item's id as it stands in an address.
pub fn parse_before(text: &str) -> Result<Option<Uuid>> {
    if text.is_empty() { Ok(None) } else { text.parse::<EntryId>().map(|id| Some(id.0)) }
}
