//! The rows of `links`: single-use links in mail, looked up by the hash of their secret.

use model::{
    Error, LinkId, OrgContext, Result, Timestamp, UserId,
    link::{Ending, Link, Purpose},
    outgrown::Maker,
    session::SecretHash,
};

use crate::{Connection, Record, Row, boxed, made_within::written, values};

impl Record for Link {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (org, id, user) = (columns.take::<model::OrgId>()?.into(), columns.take()?, columns.take()?);
        let purpose = Purpose::parse(&columns.take::<String>()?);
        let purpose = purpose.ok_or_else(|| Error::internal("an unknown purpose"))?;
        let (address, secret) = (columns.take()?, columns.take()?);
        let (created_at, expires_at, opened_at) = (columns.take()?, columns.take()?, columns.take()?);
        let ended_at: Option<Timestamp> = columns.take()?;
        let ending = columns.take::<Option<String>>()?.and_then(|text| Ending::parse(&text));
        let ended = ended_at.zip(ending);
        Ok(Self { id, org, user, purpose, address, secret, created_at, expires_at, opened_at, ended })
    }
}

/// Writes a new link, and who else may have a copy of it.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, link: &Link, maker: Option<&Maker>) -> Result<()> {
    let sql = "INSERT INTO links (org_id, id, user_id, purpose, address, secret, created_at, expires_at, \
               made_within) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let made_within = written(maker)?;
    let bound = values![
        link.org.org,
        link.id,
        link.user,
        link.purpose.as_str(),
        &link.address,
        &link.secret,
        link.created_at,
        link.expires_at,
        made_within.as_deref(),
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// The link with that secret and purpose, whatever has become of it.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    secret: &SecretHash,
    purpose: Purpose,
) -> Result<Option<Link>> {
    let sql = "SELECT org_id, id, user_id, purpose, address, secret, created_at, expires_at, opened_at, ended_at, ending \
               FROM links WHERE org_id = $1 AND secret = $2 AND purpose = $3";
    connection.optional(sql, values![context.org, secret, purpose.as_str()]).await
}

/// The link of that id.
#[boxed]
pub async fn by_id(connection: &mut Connection<'_>, context: OrgContext, id: LinkId) -> Result<Option<Link>> {
    let sql = "SELECT org_id, id, user_id, purpose, address, secret, created_at, expires_at, opened_at, ended_at, ending \
               FROM links WHERE org_id = $1 AND id = $2";
    connection.optional(sql, values![context.org, id]).await
}

/// The links of a user for one purpose that nothing has ended; expired ones too.
#[boxed]
pub async fn open_of(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    purpose: Purpose,
) -> Result<Vec<Link>> {
    let sql = "SELECT org_id, id, user_id, purpose, address, secret, created_at, expires_at, opened_at, ended_at, ending \
               FROM links WHERE org_id = $1 AND user_id = $2 AND purpose = $3 AND ended_at IS NULL ORDER BY id LIMIT 100";
    connection.all(sql, values![context.org, user, purpose.as_str()]).await
}

/// Every link of a user, newest first; at most 1,000.
#[boxed]
pub async fn all_of(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<Vec<Link>> {
    let sql = "SELECT org_id, id, user_id, purpose, address, secret, created_at, expires_at, opened_at, ended_at, ending \
               FROM links WHERE org_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 1000";
    connection.all(sql, values![context.org, user]).await
}

/// Uses a link up; false if somebody else was quicker, or its time is over. Of any number at once exactly one hears yes.
#[boxed]
pub async fn spend(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: LinkId,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE links SET ended_at = $3, ending = 'used' \
               WHERE org_id = $1 AND id = $2 AND ended_at IS NULL AND expires_at > $3";
    Ok(connection.execute(sql, values![context.org, id, now]).await? == 1)
}

/// Ends a user's links for one purpose; answers how many there were.
#[boxed]
pub async fn end(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    purpose: Purpose,
    ending: Ending,
    now: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE links SET ended_at = $4, ending = $5 \
               WHERE org_id = $1 AND user_id = $2 AND purpose = $3 AND ended_at IS NULL";
    connection.execute(sql, values![context.org, user, purpose.as_str(), now, ending.as_str()]).await
}

/// Ends a user's links for one purpose that were made at `since` or later.
#[boxed]
pub async fn end_since(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    purpose: Purpose,
    since: Timestamp,
    ending: Ending,
    now: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE links SET ended_at = $5, ending = $6 WHERE org_id = $1 AND user_id = $2 AND purpose = $3 \
               AND created_at >= $4 AND ended_at IS NULL";
    connection.execute(sql, values![context.org, user, purpose.as_str(), since, now, ending.as_str()]).await
}

/// Ends all links of a user.
#[boxed]
pub async fn end_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    ending: Ending,
    now: Timestamp,
) -> Result<u64> {
    let sql =
        "UPDATE links SET ended_at = $3, ending = $4 WHERE org_id = $1 AND user_id = $2 AND ended_at IS NULL";
    connection.execute(sql, values![context.org, user, now, ending.as_str()]).await
}

/// Notes that a link's page was looked at, the first time.
#[boxed]
pub async fn opened(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: LinkId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE links SET opened_at = $3 WHERE org_id = $1 AND id = $2 AND opened_at IS NULL";
    connection.execute(sql, values![context.org, id, now]).await?;
    Ok(())
}

/// Removes every link of a user, with the addresses in them.
#[boxed]
pub async fn erase(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    connection
        .execute("DELETE FROM links WHERE org_id = $1 AND user_id = $2", values![context.org, user])
        .await?;
    Ok(())
}

/// Tidies links that nobody could want an explanation of any more.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, before: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM links WHERE expires_at < $1", values![before]).await
}
