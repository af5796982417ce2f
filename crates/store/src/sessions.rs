//! The rows of `sessions`: who is signed in where. Looked up by the hash of the secret.

use std::time::Duration;

use model::{
    OrgContext, OrgId, Result, SessionId, Timestamp, UserId,
    device::{ClientHints, Platform},
    network,
    session::SecretHash,
    session::Session,
};

use crate::{
    Connection, Record, Row, Value, boxed,
    devices::padded,
    made_within::{maker, written},
    users::{from_json, to_json},
    values,
};

impl Record for Session {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take::<OrgId>()?.into(),
            id: columns.take()?,
            user: columns.take()?,
            secret: columns.take()?,
            started_at: columns.take()?,
            last_active_at: columns.take()?,
            expires_at: columns.take()?,
            idle: Duration::from_secs(columns.take::<i64>()?.unsigned_abs()),
            method: columns.take()?,
            address: columns.take()?,
            user_agent: columns.take()?,
            remembered: columns.take()?,
            country: columns.take()?,
            hints: from_json(&columns.take::<String>()?)?,
            platform: Platform::parse(&columns.take::<String>()?).unwrap_or(Platform::Other),
            made_within: maker(columns.take::<Option<String>>()?.as_deref())?,
        })
    }
}

/// The session with that secret, valid or not.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    secret: &SecretHash,
) -> Result<Option<Session>> {
    let sql = "SELECT org_id, id, user_id, secret, started_at, last_active_at, expires_at, idle_seconds, method, \
               address, user_agent, remembered, country, hints, platform, made_within FROM sessions WHERE org_id = $1 AND secret = $2";
    connection.optional(sql, values![context.org, secret]).await
}

/// A user's sessions that hold, latest used first; at most 200.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let sql = "SELECT org_id, id, user_id, secret, started_at, last_active_at, expires_at, idle_seconds, method, \
               address, user_agent, remembered, country, hints, platform, made_within FROM sessions WHERE org_id = $1 AND user_id = $2 AND expires_at > $3 \
               AND last_active_at + idle_seconds * 1000000 > $3 ORDER BY last_active_at DESC, id LIMIT 200";
    connection.all(sql, values![context.org, user, now]).await
}

/// Whose session it is.
#[boxed]
pub async fn holder(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
) -> Result<Option<UserId>> {
    let sql = "SELECT user_id FROM sessions WHERE org_id = $1 AND id = $2";
    Ok(connection.optional::<(UserId,)>(sql, values![context.org, id]).await?.map(|(user,)| user))
}

/// The sessions of one browser in which `user` signs in, with whose they are: that of the cookie that it presents, and
/// those that began while it presented the same one or that its known devices were last used for. Of others only those
/// that began after `since`, so at once with this one: whoever has got hold of an old cookie signs nobody out with it.
#[boxed]
pub async fn of_browser(
    connection: &mut Connection<'_>,
    context: OrgContext,
    cookie: Option<&SecretHash>,
    devices: &[SecretHash],
    (user, since): (UserId, Timestamp),
) -> Result<Vec<(SessionId, UserId)>> {
    let [one, two, three, four, five] = &padded(devices);
    let sql = "SELECT s.id, s.user_id FROM sessions s WHERE s.org_id = $1 AND s.secret = $2 \
               UNION SELECT s.id, s.user_id FROM sessions s WHERE s.org_id = $1 AND s.earlier = $2 \
               AND (s.user_id = $8 OR s.started_at > $9) \
               UNION SELECT s.id, s.user_id FROM device_cookies d CROSS JOIN sessions s WHERE d.org_id = $1 \
               AND d.secret IN ($3, $4, $5, $6, $7) AND s.org_id = $1 AND s.id = d.session_id \
               AND (s.user_id = $8 OR s.started_at > $9) ORDER BY 1";
    connection.all(sql, values![context.org, cookie, one, two, three, four, five, user, since]).await
}

/// Writes a new session; `earlier`: the cookie that its browser presented.
#[boxed]
pub async fn insert(
    connection: &mut Connection<'_>,
    session: &Session,
    earlier: Option<&SecretHash>,
) -> Result<()> {
    let sql = "INSERT INTO sessions (org_id, id, user_id, secret, started_at, last_active_at, expires_at, \
               idle_seconds, method, address, user_agent, remembered, country, hints, platform, address_key, \
               labelled, proved_at, made_within, earlier) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, true, $5, $17, $18)";
    let made_within = written(session.made_within.as_ref())?;
    let (hints, key) = (to_json(&session.hints)?, network::address_key(&session.address));
    let idle = i64::try_from(session.idle.as_secs()).unwrap_or(i64::MAX);
    let bound = values![
        session.org.org,
        session.id,
        session.user,
        &session.secret,
        session.started_at,
        session.last_active_at,
        session.expires_at,
        idle,
        &session.method,
        &session.address,
        &session.user_agent,
        session.remembered,
        &session.country,
        Value::Json(&hints),
        session.platform.as_str(),
        &key,
        made_within.as_deref(),
        earlier,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Notes use, to within the grain.
#[boxed]
pub async fn touch(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE sessions SET last_active_at = $3 WHERE org_id = $1 AND id = $2 AND last_active_at < $3";
    connection.execute(sql, values![context.org, id, now]).await?;
    Ok(())
}

/// Notes that the password was typed in a session.
#[boxed]
pub async fn note_proved(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE sessions SET proved_at = $3 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, now]).await?;
    Ok(())
}

/// When the password was last typed in a session.
#[boxed]
pub async fn proved_at(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
) -> Result<Option<Timestamp>> {
    let sql = "SELECT proved_at FROM sessions WHERE org_id = $1 AND id = $2";
    Ok(connection.optional::<(Timestamp,)>(sql, values![context.org, id]).await?.map(|(at,)| at))
}

/// Gives a session another secret: the old one opens nothing any more.
#[boxed]
pub async fn replace_secret(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
    secret: &SecretHash,
) -> Result<()> {
    let sql =
        "UPDATE sessions SET secret = $3, earlier = secret, made_within = NULL WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, secret]).await?;
    Ok(())
}

/// Ends one session; true if it was there.
#[boxed]
pub async fn end(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    id: SessionId,
) -> Result<bool> {
    let sql = "DELETE FROM sessions WHERE org_id = $1 AND user_id = $2 AND id = $3";
    Ok(connection.execute(sql, values![context.org, user, id]).await? > 0)
}

/// Ends all sessions of a user, or all but one; answers how many.
#[boxed]
pub async fn end_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    but: Option<SessionId>,
) -> Result<u64> {
    let all = "DELETE FROM sessions WHERE org_id = $1 AND user_id = $2";
    let others = "DELETE FROM sessions WHERE org_id = $1 AND user_id = $2 AND id <> $3";
    match but {
        None => connection.execute(all, values![context.org, user]).await,
        Some(this) => connection.execute(others, values![context.org, user, this]).await,
    }
}

/// Ends a user's oldest sessions, so that at most `most` are left; answers which.
#[boxed]
pub async fn end_oldest(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    most: u16,
) -> Result<Vec<SessionId>> {
    let sql = "DELETE FROM sessions WHERE org_id = $1 AND id IN (SELECT id FROM sessions WHERE org_id = $1 \
               AND user_id = $2 ORDER BY started_at DESC, id DESC LIMIT 1000 OFFSET $3) RETURNING id";
    let ended: Vec<(SessionId,)> = connection.all(sql, values![context.org, user, i64::from(most)]).await?;
    Ok(ended.into_iter().map(|(id,)| id).collect())
}

/// What is needed to label a session anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlabelled {
    /// In which organization.
    pub org: OrgId,
    /// Which.
    pub id: SessionId,
    /// Where it came from.
    pub address: String,
    /// What its browser said.
    pub user_agent: String,
    /// What it said besides.
    pub hints: ClientHints,
}

impl Record for Unlabelled {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take()?,
            id: columns.take()?,
            address: columns.take()?,
            user_agent: columns.take()?,
            hints: from_json(&columns.take::<String>()?)?,
        })
    }
}

/// Some sessions that were never labelled, or not since the labels improved.
#[boxed]
pub async fn unlabelled(connection: &mut Connection<'_>, limit: u16) -> Result<Vec<Unlabelled>> {
    let sql = "SELECT org_id, id, address, user_agent, hints FROM sessions WHERE NOT labelled AND org_id > $1 \
               ORDER BY org_id, id LIMIT $2";
    connection.all(sql, values![uuid::Uuid::nil(), i64::from(limit)]).await
}

/// Notes what was made of a session's browser.
#[boxed]
pub async fn label(connection: &mut Connection<'_>, session: &Unlabelled, platform: Platform) -> Result<()> {
    let sql = "UPDATE sessions SET platform = $3, address_key = $4, labelled = true \
               WHERE org_id = $1 AND id = $2";
    let key = network::address_key(&session.address);
    connection.execute(sql, values![session.org, session.id, platform.as_str(), &key]).await?;
    Ok(())
}

/// Tidies sessions past their end.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, now: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM sessions WHERE expires_at < $1", values![now]).await
}

/// Counts one more wrong present password of a session, before it is compared; answers how many there were since the last
/// right one, or `None` if there is no such session any more.
#[boxed]
pub async fn count_wrong_password(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
) -> Result<Option<i64>> {
    let sql = "UPDATE sessions SET wrong_passwords = wrong_passwords + 1 WHERE org_id = $1 AND id = $2 \
               RETURNING wrong_passwords";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, id]).await?.map(|(count,)| count))
}

/// Forgets them after a right one.
#[boxed]
pub async fn forget_wrong_passwords(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: SessionId,
) -> Result<()> {
    let sql = "UPDATE sessions SET wrong_passwords = 0 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id]).await?;
    Ok(())
}
