//! The list of invitations: statuses, inviter, age, words, keyset pages, and how many there are of each status.
//!
//! What a status means is `model/src/invitation.rs`; here it is said in SQL. Lists of open invitations walk along their
//! ends, all others along their age, so that each page is read from one index.

use std::fmt::Write as _;

use model::{
    InvitationId, OrgContext, Result, Timestamp, UserFields,
    invitation::{Invitation, InvitationStatus},
    invitation_query::{InvitationQuery, Order},
    page::Page,
    search,
};

use crate::{
    Connection, Engine, Record, Row, Value, boxed,
    listing::{Texts, cut},
    search_words::patterns,
    users::from_json,
    values,
};

/// A row of the list: the invitation with the record of who is invited.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The invitation.
    pub invitation: Invitation,
    /// The record.
    pub fields: UserFields,
}

impl Record for Listed {
    fn read(row: &Row<'_>) -> Result<Self> {
        let fields: String = row.get(19)?;
        Ok(Self { invitation: Invitation::read(row)?, fields: from_json(&fields)? })
    }
}

const COLUMNS: &str = "i.org_id, i.id, i.user_id, i.kind, i.state, i.message, i.invited_by, i.invited_by_name, \
                       i.created_at, i.sent_at, i.expires_at, i.lifetime_hours, i.resends, i.resends_since, \
                       i.reminded, i.opened_at, i.ended_at, i.delivery, i.delivery_why, u.fields";
/// Words of a search that count.
const MAX_TERMS: usize = 5;
/// The last parameter before the words.
const FIXED: usize = 9;

/// One page of the list.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &InvitationQuery,
    now: Timestamp,
) -> Result<Page<Listed>> {
    let rows: Vec<Listed> = ask(connection, context, query, now, "").await?;
    let order = query.order();
    let of = (&query.list(), order.as_str());
    Ok(cut(rows, query.limit, query.cursor.as_ref(), of, |Listed { invitation, .. }| {
        let key = match order {
            Order::Newest => String::new(),
            Order::EndsNext | Order::EndedLast => invitation.expires_at.micros().to_string(),
        };
        (key, invitation.id.0)
    }))
}

/// How the engine goes about a page, step by step.
#[cfg(feature = "testing")]
#[boxed]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &InvitationQuery,
    now: Timestamp,
) -> Result<Vec<String>> {
    let how = crate::listing::plan::words(connection.engine());
    ask(connection, context, query, now, how).await.map(crate::listing::plan::texts)
}

/// The rows of a page and the one after it; `how` stands before the statement.
async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &InvitationQuery,
    now: Timestamp,
    how: &'static str,
) -> Result<Vec<R>> {
    let mut terms = search::terms(&query.search)?;
    terms.truncate(MAX_TERMS);
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    let shape = Shape {
        how,
        engine: connection.engine(),
        order: query.order(),
        descending: (query.order() != Order::EndsNext) != backwards,
        statuses: Statuses::of(&query.shown()),
        by_inviter: query.invited_by.is_some(),
        by_age: query.older_than_days.is_some(),
        by_end: query.expires_within_hours.is_some(),
        terms: terms.len(),
    };
    let (from, to) = query.ends(now);
    let (key, id) = match &query.cursor {
        Some(cursor) => (cursor.key.parse().unwrap_or(0), InvitationId(cursor.id)),
        None if shape.descending => (to.micros(), InvitationId(uuid::Uuid::max())),
        None => (from.micros(), InvitationId(uuid::Uuid::max())),
    };
    let inviter = query.invited_by.map(|agent| agent.to_string()).unwrap_or_default();
    let mut bound = vec![
        Value::from(context.org),
        Value::from(key),
        Value::from(id),
        Value::from(i64::from(query.limit) + 1),
        Value::from(now),
        Value::from(from),
        Value::from(to),
        Value::from(inviter.as_str()),
        Value::from(query.made_before(now)),
    ];
    let patterns = patterns(connection.engine(), &terms);
    bound.extend(patterns.iter().map(|pattern| Value::from(pattern.as_str())));
    let text = TEXTS.get(shape, |shape| format!("{}{}", shape.how, shape.statement()));
    connection.all(text.sql(), &text.values(&bound)).await
}

/// Which statuses are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Statuses([bool; 5]);

impl Statuses {
    fn of(shown: &[InvitationStatus]) -> Self {
        let mut flags = [false; 5];
        for (flag, status) in flags.iter_mut().zip(InvitationStatus::ALL) {
            *flag = shown.contains(status);
        }
        Self(flags)
    }

    fn has(self, status: InvitationStatus) -> bool {
        InvitationStatus::ALL.iter().zip(self.0).any(|(known, flag)| flag && *known == status)
    }

    /// The condition that one of them holds; empty if every one does.
    fn condition(self) -> String {
        let clauses: Vec<&str> = InvitationStatus::ALL
            .iter()
            .filter(|status| self.has(**status))
            .map(|status| match status {
                InvitationStatus::Pending => {
                    "(i.state = 'pending' AND i.expires_at > $5 AND i.delivery <> 'failed')"
                }
                InvitationStatus::Expired => "(i.state = 'pending' AND i.expires_at <= $5)",
                InvitationStatus::Undeliverable => {
                    "(i.state = 'pending' AND i.expires_at > $5 AND i.delivery = 'failed')"
                }
                InvitationStatus::Accepted => "i.state = 'accepted'",
                InvitationStatus::Cancelled => "i.state = 'cancelled'",
            })
            .collect();
        match clauses.as_slice() {
            all if all.len() == InvitationStatus::ALL.len() => String::new(),
            [one] => format!(" AND {one}"),
            several => format!(" AND ({})", several.join(" OR ")),
        }
    }

    /// The same where it is known that the invitation is pending and between which ends it lies.
    fn condition_of_open(self) -> &'static str {
        let has = |status| self.has(status);
        match (
            has(InvitationStatus::Pending),
            has(InvitationStatus::Expired),
            has(InvitationStatus::Undeliverable),
        ) {
            (true, false, false) => " AND i.delivery <> 'failed'",
            (false, false, true) => " AND i.delivery = 'failed'",
            (true, true, false) => " AND (i.expires_at <= $5 OR i.delivery <> 'failed')",
            (false, true, true) => " AND (i.expires_at <= $5 OR i.delivery = 'failed')",
            _ => "",
        }
    }
}

static TEXTS: Texts<Shape> = Texts::new();

/// Everything that makes one statement differ from another. Each text is made once and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one clause stands in the text")]
struct Shape {
    how: &'static str,
    engine: Engine,
    order: Order,
    descending: bool,
    statuses: Statuses,
    by_inviter: bool,
    by_age: bool,
    by_end: bool,
    terms: usize,
}

impl Shape {
    fn statement(self) -> String {
        let (direction, than) = if self.descending { ("DESC", "<") } else { ("ASC", ">") };
        let mut conditions = String::from("i.org_id = $1");
        let order = if self.order == Order::Newest {
            let _ = write!(conditions, " AND i.id {than} $3");
            if self.by_inviter {
                conditions.push_str(" AND i.invited_by = $8");
            }
            if self.by_end {
                conditions.push_str(" AND i.state = 'pending' AND i.expires_at > $6 AND i.expires_at <= $7");
            }
            conditions.push_str(&self.statuses.condition());
            format!("i.id {direction}")
        } else {
            let _ = write!(
                conditions,
                " AND i.state = 'pending' AND (i.expires_at, i.id) {than} ($2, $3) \
                 AND i.expires_at > $6 AND i.expires_at <= $7{}",
                self.statuses.condition_of_open()
            );
            format!("i.expires_at {direction}, i.id {direction}")
        };
        if self.by_age {
            conditions.push_str(" AND i.created_at < $9");
        }
        for term in 1..=self.terms {
            let number = FIXED + term;
            let _ = match self.engine {
                Engine::Postgres => write!(conditions, " AND u.search_text LIKE ${number}"),
                Engine::Sqlite => write!(conditions, " AND instr(u.search_text, ${number}) > 0"),
            };
        }
        // Walked in the order of the invitations, whatever is thought of the words.
        format!(
            "SELECT {COLUMNS} FROM invitations i CROSS JOIN users u \
             WHERE {conditions} AND u.org_id = $1 AND u.id = i.user_id ORDER BY {order} LIMIT $4"
        )
    }
}

/// How many invitations there are of each status; exact up to `most`, `most + 1` meaning “more”.
#[boxed]
pub async fn counts(
    connection: &mut Connection<'_>,
    context: OrgContext,
    now: Timestamp,
    most: i64,
) -> Result<Vec<(InvitationStatus, i64)>> {
    let pending = "SELECT count(*) FROM (SELECT 1 FROM invitations WHERE org_id = $1 AND state = 'pending' \
                   AND expires_at > $2 AND delivery <> 'failed' LIMIT $3) found";
    let expired = "SELECT count(*) FROM (SELECT 1 FROM invitations WHERE org_id = $1 AND state = 'pending' \
                   AND expires_at <= $2 LIMIT $3) found";
    let failed = "SELECT count(*) FROM (SELECT 1 FROM invitations WHERE org_id = $1 AND state = 'pending' \
                  AND expires_at > $2 AND delivery = 'failed' LIMIT $3) found";
    let ended =
        "SELECT count(*) FROM (SELECT 1 FROM invitations WHERE org_id = $1 AND state = $2 LIMIT $3) found";
    let mut counts = Vec::new();
    for status in InvitationStatus::ALL {
        let (count,): (i64,) = match status {
            InvitationStatus::Pending => connection.one(pending, values![context.org, now, most + 1]).await?,
            InvitationStatus::Expired => connection.one(expired, values![context.org, now, most + 1]).await?,
            InvitationStatus::Undeliverable => {
                connection.one(failed, values![context.org, now, most + 1]).await?
            }
            InvitationStatus::Accepted | InvitationStatus::Cancelled => {
                connection.one(ended, values![context.org, status.as_str(), most + 1]).await?
            }
        };
        counts.push((*status, count));
    }
    Ok(counts)
}
