//! What the maker of an outstanding secret may do, kept beside the secret: links, passwords, API tokens and addresses that
//! somebody else has made or set. `NULL`: made by the person, by the operator or by Muster, or before this was kept.

use model::{Error, LinkId, OrgContext, Result, Rights, TokenId, UserId};

use crate::{Connection, boxed, values};

type Kept = Option<(Option<String>,)>;

fn read(kept: Kept) -> Result<Option<Rights>> {
    let text = kept.and_then(|(text,)| text);
    text.map(|text| serde_json::from_str(&text).map_err(Error::internal)).transpose()
}

/// As it stands in a row.
pub(crate) fn written(within: Option<&Rights>) -> Result<Option<String>> {
    within.map(|rights| serde_json::to_string(rights).map_err(Error::internal)).transpose()
}

/// Of a link.
#[boxed]
pub async fn link(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: LinkId,
) -> Result<Option<Rights>> {
    let sql = "SELECT made_within FROM links WHERE org_id = $1 AND id = $2";
    read(connection.optional(sql, values![context.org, id]).await?)
}

/// Keeps it of a link.
#[boxed]
pub async fn keep_for_link(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: LinkId,
    within: Option<&Rights>,
) -> Result<()> {
    let (sql, text) = ("UPDATE links SET made_within = $3 WHERE org_id = $1 AND id = $2", written(within)?);
    connection.execute(sql, values![context.org, id, text.as_deref()]).await?;
    Ok(())
}

/// Of an API token.
#[boxed]
pub async fn token(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: TokenId,
) -> Result<Option<Rights>> {
    let sql = "SELECT made_within FROM tokens WHERE org_id = $1 AND id = $2";
    read(connection.optional(sql, values![context.org, id]).await?)
}

/// Keeps it of an API token.
#[boxed]
pub async fn keep_for_token(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: TokenId,
    within: Option<&Rights>,
) -> Result<()> {
    let (sql, text) = ("UPDATE tokens SET made_within = $3 WHERE org_id = $1 AND id = $2", written(within)?);
    connection.execute(sql, values![context.org, id, text.as_deref()]).await?;
    Ok(())
}

/// Of a password.
#[boxed]
pub async fn password(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Option<Rights>> {
    let sql = "SELECT made_within FROM credentials WHERE org_id = $1 AND user_id = $2";
    read(connection.optional(sql, values![context.org, user]).await?)
}

/// Keeps it of a password, in place of what was kept of an earlier one.
#[boxed]
pub async fn keep_for_password(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    within: Option<&Rights>,
) -> Result<()> {
    let sql = "UPDATE credentials SET made_within = $3 WHERE org_id = $1 AND user_id = $2";
    let text = written(within)?;
    connection.execute(sql, values![context.org, user, text.as_deref()]).await?;
    Ok(())
}

/// Of an email address.
#[boxed]
pub async fn address(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Option<Rights>> {
    let sql = "SELECT address_set_within FROM users WHERE org_id = $1 AND id = $2";
    read(connection.optional(sql, values![context.org, user]).await?)
}

/// Keeps it of an email address.
#[boxed]
pub async fn keep_for_address(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    within: Option<&Rights>,
) -> Result<()> {
    let sql = "UPDATE users SET address_set_within = $3 WHERE org_id = $1 AND id = $2";
    let text = written(within)?;
    connection.execute(sql, values![context.org, user, text.as_deref()]).await?;
    Ok(())
}
