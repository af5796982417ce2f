//! The rows of `mails`: claimed with a lease, sent, tried again later, or failed.

use model::{
    Error, InvitationId, MailId, OrgContext, Result, Timestamp, UserId,
    mail::{Mail, MailDetails, MailKind, MailState},
};
use uuid::Uuid;

use crate::{
    Connection, Record, Row, Sql, Value, boxed,
    users::{from_json, to_json},
    values,
};

/// Under whose id the mails of former versions stand that name anybody.
const NOBODY: UserId = UserId(Uuid::nil());

impl Record for Mail {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let unknown = || Error::internal("an unknown kind or state of mail");
        Ok(Self {
            org: columns.take::<model::OrgId>()?.into(),
            id: columns.take()?,
            user: columns.take()?,
            kind: MailKind::parse(&columns.take::<String>()?).ok_or_else(unknown)?,
            address: columns.take()?,
            link: columns.take()?,
            invitation: columns.take()?,
            details: from_json(&columns.take::<String>()?)?,
            state: MailState::parse(&columns.take::<String>()?).ok_or_else(unknown)?,
            why: columns.take()?,
            attempts: columns.take()?,
            created_at: columns.take()?,
            next_at: columns.take()?,
            sent_at: columns.take()?,
        })
    }
}

/// Asks for a mail; the change that causes it is in the same transaction.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, mail: &Mail) -> Result<()> {
    let sql = "INSERT INTO mails (org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, leased_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)";
    let details = to_json(&mail.details)?;
    let bound = values![
        mail.org.org,
        mail.id,
        mail.user,
        mail.kind.as_str(),
        &mail.address,
        mail.link,
        mail.invitation,
        Value::Json(&details),
        mail.state.as_str(),
        &mail.why,
        mail.attempts,
        mail.created_at,
        mail.next_at,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Claims due mails until `leased_until`; nobody else gets them before.
#[boxed]
pub async fn claim(
    connection: &mut Connection<'_>,
    now: Timestamp,
    leased_until: Timestamp,
    limit: u16,
) -> Result<Vec<Mail>> {
    const SQLITE: &str = "UPDATE mails SET leased_until = $2, attempts = attempts + 1 WHERE (org_id, id) IN \
        (SELECT org_id, id FROM mails WHERE state IN ('queued', 'deferred') AND next_at <= $1 AND leased_until <= $1 \
        ORDER BY next_at, id LIMIT $3) \
        RETURNING org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, attempts, \
        created_at, next_at, sent_at";
    const POSTGRES: &str = "UPDATE mails SET leased_until = $2, attempts = attempts + 1 WHERE (org_id, id) IN \
        (SELECT org_id, id FROM mails WHERE state IN ('queued', 'deferred') AND next_at <= $1 AND leased_until <= $1 \
        ORDER BY next_at, id LIMIT $3 FOR UPDATE SKIP LOCKED) \
        RETURNING org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, attempts, \
        created_at, next_at, sent_at";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![now, leased_until, i64::from(limit)]).await
}

/// Writes what became of an attempt: where it stands, why, and when it is tried again.
#[boxed]
pub async fn settle(
    connection: &mut Connection<'_>,
    mail: &Mail,
    state: MailState,
    why: &str,
    next_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE mails SET state = $3, why = $4, next_at = $5, sent_at = $6, leased_until = 0, \
               error_at = COALESCE($7, error_at), error = COALESCE($8, error), \
               written = CASE WHEN $3 = 'deferred' THEN written END \
               WHERE org_id = $1 AND id = $2 AND state IN ('queued', 'deferred')";
    let sent_at = (state == MailState::Sent).then_some(now);
    let has_failed = matches!(state, MailState::Deferred | MailState::Failed);
    let (error_at, error) = (has_failed.then_some(now), has_failed.then_some(why));
    let bound = values![mail.org.org, mail.id, state.as_str(), why, next_at, sent_at, error_at, error];
    connection.execute(sql, bound).await?;
    if state != MailState::Deferred && !mail.details.named().is_empty() {
        let sql = "DELETE FROM mail_names WHERE org_id = $1 AND mail_id = $2";
        connection.execute(sql, values![mail.org.org, mail.id]).await?;
    }
    Ok(())
}

/// What a mail says, as it was written for its first attempt; `None` before, and once it was sent or given up.
#[boxed]
pub async fn written(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: MailId,
) -> Result<Option<String>> {
    let sql = "SELECT written FROM mails WHERE org_id = $1 AND id = $2";
    let found: Option<(Option<String>,)> = connection.optional(sql, values![context.org, id]).await?;
    Ok(found.and_then(|(written,)| written))
}

/// Keeps what a mail says, and whom it names; false if nobody waits for it any more.
#[boxed]
pub async fn keep_written(connection: &mut Connection<'_>, mail: &Mail, written: &str) -> Result<bool> {
    let sql =
        "UPDATE mails SET written = $3 WHERE org_id = $1 AND id = $2 AND state IN ('queued', 'deferred')";
    if connection.execute(sql, values![mail.org.org, mail.id, written]).await? == 0 {
        return Ok(false);
    }
    let names =
        "INSERT INTO mail_names (org_id, named_id, mail_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    for named in mail.details.named() {
        connection.execute(names, values![mail.org.org, named, mail.id]).await?;
    }
    Ok(true)
}

/// Mails that name a user besides their readers are written anew at their next attempt.
#[boxed]
pub async fn forget_written(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<()> {
    let mails = "UPDATE mails SET written = NULL WHERE org_id = $1 AND id IN \
                 (SELECT mail_id FROM mail_names WHERE org_id = $1 AND named_id = $2)";
    connection.execute(mails, values![context.org, user]).await?;
    let names = "DELETE FROM mail_names WHERE org_id = $1 AND named_id = $2";
    connection.execute(names, values![context.org, user]).await?;
    Ok(())
}

/// Unsent mails of former versions, whose words name others than their readers: few, and none once they are sent or tidied.
#[boxed]
pub async fn of_former_versions(
    connection: &mut Connection<'_>,
    context: OrgContext,
) -> Result<Vec<(MailId, MailDetails)>> {
    let sql = "SELECT m.id, m.details FROM mail_names n JOIN mails m ON m.org_id = $1 AND m.id = n.mail_id \
               WHERE n.org_id = $1 AND n.named_id = $2 ORDER BY m.id";
    let rows: Vec<(MailId, String)> = connection.all(sql, values![context.org, NOBODY]).await?;
    rows.into_iter().map(|(id, details)| Ok((id, from_json(&details)?))).collect()
}

/// Gives one of them other words.
#[boxed]
pub async fn reword(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: MailId,
    details: &MailDetails,
) -> Result<()> {
    let details = to_json(details)?;
    let sql = "UPDATE mails SET details = $3, written = NULL WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, Value::Json(&details)]).await?;
    Ok(())
}

/// Queues a failed or deferred mail again, to be sent at once; false if there is none, or if it is being sent just now.
#[boxed]
pub async fn retry(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: MailId,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE mails SET state = 'queued', next_at = $3, created_at = $3, attempts = 0, leased_until = 0 \
               WHERE org_id = $1 AND id = $2 AND state IN ('failed', 'deferred') AND leased_until <= $3";
    Ok(connection.execute(sql, values![context.org, id, now]).await? == 1)
}

/// Queues up to `limit` failed mails again, the oldest first, to be sent at once; answers which. With `deferred` those
/// too that are tried again anyway.
#[boxed]
pub async fn retry_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    deferred: bool,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<Mail>> {
    let sql = "UPDATE mails SET state = 'queued', next_at = $4, created_at = $4, attempts = 0, leased_until = 0 \
        WHERE org_id = $1 AND id IN (SELECT id FROM mails WHERE org_id = $1 \
        AND (state = 'failed' OR ($2 AND state = 'deferred')) AND leased_until <= $4 ORDER BY id LIMIT $3) \
        RETURNING org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, attempts, \
        created_at, next_at, sent_at";
    connection.all(sql, values![context.org, deferred, i64::from(limit), now]).await
}

/// How an organization's mail stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailNews {
    /// Waiting to be sent for the first time; each count is exact up to `COUNTED`.
    pub queued: i64,
    /// Waiting to be tried again.
    pub deferred: i64,
    /// Given up.
    pub failed: i64,
    /// Sent, of those that are still kept.
    pub sent: i64,
    /// When the oldest of those that wait was asked for.
    pub waiting_since: Option<Timestamp>,
    /// When a server last took one.
    pub last_sent_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_error_at: Option<Timestamp>,
    /// Why.
    pub last_error: Option<String>,
}

/// Up to how many mails of a state are counted.
pub const COUNTED: i64 = 10_000;

impl Record for MailNews {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            queued: columns.take()?,
            deferred: columns.take()?,
            failed: columns.take()?,
            sent: columns.take()?,
            waiting_since: columns.take()?,
            last_sent_at: columns.take()?,
            last_error_at: columns.take()?,
            last_error: columns.take()?,
        })
    }
}

/// How an organization's mail stands: one question, whose parts each look at the end of an index.
#[boxed]
pub async fn news(connection: &mut Connection<'_>, context: OrgContext) -> Result<MailNews> {
    let sql = "SELECT \
        (SELECT count(*) FROM (SELECT 1 AS one FROM mails WHERE org_id = $1 AND state = 'queued' LIMIT $2) AS q), \
        (SELECT count(*) FROM (SELECT 1 AS one FROM mails WHERE org_id = $1 AND state = 'deferred' LIMIT $2) AS d), \
        (SELECT count(*) FROM (SELECT 1 AS one FROM mails WHERE org_id = $1 AND state = 'failed' LIMIT $2) AS f), \
        (SELECT count(*) FROM (SELECT 1 AS one FROM mails WHERE org_id = $1 AND state = 'sent' LIMIT $2) AS s), \
        (SELECT min(created_at) FROM (SELECT created_at FROM mails WHERE org_id = $1 \
            AND state IN ('queued', 'deferred') LIMIT $2) AS w), \
        (SELECT sent_at FROM mails WHERE org_id = $1 AND sent_at IS NOT NULL ORDER BY sent_at DESC, id DESC LIMIT 1), \
        (SELECT error_at FROM mails WHERE org_id = $1 AND error_at IS NOT NULL ORDER BY error_at DESC, id DESC LIMIT 1), \
        (SELECT error FROM mails WHERE org_id = $1 AND error_at IS NOT NULL ORDER BY error_at DESC, id DESC LIMIT 1)";
    connection.one(sql, values![context.org, COUNTED]).await
}

/// When the oldest mail that waits in any organization was to be sent, and how many wait, up to `COUNTED`.
#[boxed]
pub async fn waiting(connection: &mut Connection<'_>) -> Result<(i64, Option<Timestamp>)> {
    let sql = "SELECT count(*), min(created_at) FROM (SELECT created_at FROM mails \
               WHERE state IN ('queued', 'deferred') AND next_at >= 0 ORDER BY next_at, id LIMIT $1) AS w";
    connection.one(sql, values![COUNTED]).await
}

/// Nobody needs the unsent mails of an invitation any more.
#[boxed]
pub async fn cancel_invitation(
    connection: &mut Connection<'_>,
    context: OrgContext,
    invitation: InvitationId,
) -> Result<()> {
    let names = "DELETE FROM mail_names WHERE org_id = $1 AND mail_id IN \
                 (SELECT id FROM mails WHERE org_id = $1 AND invitation_id = $2)";
    connection.execute(names, values![context.org, invitation]).await?;
    let sql = "UPDATE mails SET state = 'cancelled', written = NULL \
               WHERE org_id = $1 AND invitation_id = $2 AND state IN ('queued', 'deferred', 'failed')";
    connection.execute(sql, values![context.org, invitation]).await?;
    Ok(())
}

/// Where the mails of an invitation stand that its newest sending has caused.
#[boxed]
pub async fn of_invitation(
    connection: &mut Connection<'_>,
    context: OrgContext,
    invitation: InvitationId,
    since: Timestamp,
) -> Result<Vec<(String, String)>> {
    let sql = "SELECT state, why FROM mails WHERE org_id = $1 AND invitation_id = $2 AND created_at >= $3 \
               ORDER BY id LIMIT 20";
    connection.all(sql, values![context.org, invitation, since]).await
}

/// One mail.
#[boxed]
pub async fn find(connection: &mut Connection<'_>, context: OrgContext, id: MailId) -> Result<Option<Mail>> {
    connection
        .optional(
            "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND id = $2",
            values![context.org, id],
        )
        .await
}

/// A user's mails, newest first; at most 100.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<Mail>> {
    let sql = "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND user_id = $2 ORDER BY \
               id DESC LIMIT 100";
    connection.all(sql, values![context.org, user]).await
}

/// A user's mails before `before`, newest first.
#[boxed]
pub async fn of_user_before(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    before: MailId,
    limit: u16,
) -> Result<Vec<Mail>> {
    let sql = "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND user_id = $2 AND id < $3 \
               ORDER BY id DESC LIMIT $4";
    connection.all(sql, values![context.org, user, before, i64::from(limit)]).await
}

/// An organization's mails, those that stand so if one is said: the newest before `from`, or `backwards` the oldest after
/// it, nearest first.
#[boxed]
pub async fn list(
    connection: &mut Connection<'_>,
    context: OrgContext,
    state: Option<MailState>,
    (from, backwards): (Option<MailId>, bool),
    limit: u16,
) -> Result<Vec<Mail>> {
    let (from, limit) = (from.unwrap_or(MailId(Uuid::max())), i64::from(limit));
    let sql = match (state.is_some(), backwards) {
        (false, false) => {
            "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND id < $2 \
               ORDER BY id DESC LIMIT $3"
        }
        (false, true) => {
            "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND id > $2 \
               ORDER BY id LIMIT $3"
        }
        (true, false) => {
            "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND id < $2 \
               AND state = $4 ORDER BY id DESC LIMIT $3"
        }
        (true, true) => {
            "SELECT org_id, id, user_id, kind, address, link_id, invitation_id, details, state, why, \
               attempts, created_at, next_at, sent_at FROM mails WHERE org_id = $1 AND id > $2 \
               AND state = $4 ORDER BY id LIMIT $3"
        }
    };
    match state {
        Some(state) => connection.all(sql, values![context.org, from, limit, state.as_str()]).await,
        None => connection.all(sql, values![context.org, from, limit]).await,
    }
}

/// When the next mail is due that nobody is sending, to sleep until then.
#[boxed]
pub async fn next_due(connection: &mut Connection<'_>, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "SELECT next_at FROM mails WHERE state IN ('queued', 'deferred') AND next_at >= 0 \
               AND leased_until <= $1 ORDER BY next_at, id LIMIT 1";
    Ok(connection.optional::<(Timestamp,)>(sql, values![now]).await?.map(|(at,)| at))
}

/// Puts off a claimed mail that was not tried.
#[boxed]
pub async fn put_off(connection: &mut Connection<'_>, mail: &Mail, until: Timestamp) -> Result<()> {
    let sql = "UPDATE mails SET next_at = $3, attempts = attempts - 1, leased_until = 0 \
               WHERE org_id = $1 AND id = $2 AND state IN ('queued', 'deferred')";
    connection.execute(sql, values![mail.org.org, mail.id, until]).await?;
    Ok(())
}

/// Removes every mail to a user, with the addresses in them.
#[boxed]
pub async fn erase(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let names = "DELETE FROM mail_names WHERE org_id = $1 AND mail_id IN \
                 (SELECT id FROM mails WHERE org_id = $1 AND user_id = $2)";
    let mails = "DELETE FROM mails WHERE org_id = $1 AND user_id = $2";
    for sql in [names, mails] {
        connection.execute(sql, values![context.org, user]).await?;
    }
    Ok(())
}

/// Tidies mails that were sent or given up before.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM mails WHERE state IN ('sent', 'failed', 'cancelled') AND next_at < $1";
    connection.execute(sql, values![before]).await
}
