//! What somebody did and what was done to them: pages over two indexes of the audit log, and sign-ins counted by day
//! and by address. Nothing here reads an entry that is neither by nor about the person.

use model::{
    OrgContext, Result, Timestamp, UserId,
    activity::{Day, Origin},
    audit::Entry,
    mail::Mail,
};
use uuid::Uuid;

use crate::{Connection, Record, Row, boxed, mails, values};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// At most `limit` entries by or about somebody before `before`, newest first.
#[boxed]
pub async fn entries(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    before: Uuid,
    limit: u16,
) -> Result<Vec<Entry>> {
    // Each branch goes along its own index and stops after a page; what is both by and about comes twice.
    let sql = "SELECT id, at, event, actor, actor_name, target_type, target, target_name, changes, reason, request_id, \
               address, door, COALESCE(about_erased_at, by_erased_at) FROM (SELECT * FROM audit_entries WHERE org_id = $1 AND target = $2 AND id < $3 \
               ORDER BY id DESC LIMIT $4) about \
               UNION ALL \
               SELECT id, at, event, actor, actor_name, target_type, target, target_name, changes, reason, request_id, \
               address, door, COALESCE(about_erased_at, by_erased_at) FROM (SELECT * FROM audit_entries WHERE org_id = $1 AND actor = $5 AND id < $3 \
               ORDER BY id DESC LIMIT $4) done";
    let actor = user.to_string();
    let bound = values![context.org, user.0, before, i64::from(limit), &actor];
    let mut entries: Vec<Entry> = connection.all(sql, bound).await?;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.id));
    entries.dedup_by_key(|entry| entry.id);
    entries.truncate(limit.into());
    Ok(entries)
}

/// At most `limit` mails to somebody before `before`, newest first.
#[boxed]
pub async fn mails(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    before: Uuid,
    limit: u16,
) -> Result<Vec<Mail>> {
    mails::of_user_before(connection, context, user, model::MailId(before), limit).await
}

/// Sign-ins of the days since `since`; days without one are left out.
#[boxed]
pub async fn days(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    since: Timestamp,
) -> Result<Vec<Day>> {
    let sql = "SELECT at / $4, count(*) FILTER (WHERE event = 'session.started'), \
               count(*) FILTER (WHERE event = 'sign_in.failed') FROM audit_entries \
               WHERE org_id = $1 AND target = $2 AND id >= $3 AND event IN ('session.started', 'sign_in.failed') \
               AND at >= $5 GROUP BY 1 ORDER BY 1";
    let rows: Vec<(i64, i64, i64)> =
        connection.all(sql, values![context.org, user.0, first_id(since), DAY, since]).await?;
    Ok(rows.into_iter().map(|(day, succeeded, failed)| Day { day, succeeded, failed }).collect())
}

/// Where sign-ins since `since` came from, last used first; at most 20.
#[boxed]
pub async fn origins(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    since: Timestamp,
) -> Result<Vec<Origin>> {
    let sql = "SELECT address, count(*) FILTER (WHERE event = 'session.started'), \
               count(*) FILTER (WHERE event = 'sign_in.failed'), min(at), max(at) FROM audit_entries \
               WHERE org_id = $1 AND target = $2 AND id >= $3 AND event IN ('session.started', 'sign_in.failed') \
               AND at >= $4 AND address <> '' GROUP BY address ORDER BY 5 DESC, address LIMIT 20";
    connection.all(sql, values![context.org, user.0, first_id(since), since]).await
}

/// The smallest id that an entry of that moment can have: an operation gets its id when it is asked for, and may then
/// wait for its turn.
fn first_id(since: Timestamp) -> Uuid {
    const WAIT: std::time::Duration = std::time::Duration::from_secs(3600);
    uuid::Builder::from_unix_timestamp_millis(since.minus(WAIT).millis(), &[0; 10]).into_uuid()
}

impl Record for Origin {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            address: columns.take()?,
            succeeded: columns.take()?,
            failed: columns.take()?,
            first_at: columns.take()?,
            last_at: columns.take()?,
        })
    }
}
