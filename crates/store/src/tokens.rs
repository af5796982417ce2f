//! The rows of `tokens`: API tokens, looked up by the hash of the secret.

use model::{
    Error, OrgContext, Permission, Permissions, Result, Timestamp, TokenId, UserId, session::SecretHash,
    token::Token,
};

use crate::{
    Connection, Record, Row, boxed,
    made_within::{maker, written},
    values,
};

impl Record for Token {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take::<model::OrgId>()?.into(),
            id: columns.take()?,
            user: columns.take()?,
            name: columns.take()?,
            secret: columns.take()?,
            scopes: scopes(columns.take::<Option<String>>()?.as_deref())?,
            created_at: columns.take()?,
            expires_at: columns.take()?,
            last_used_at: columns.take()?,
            made_within: maker(columns.take::<Option<String>>()?.as_deref())?,
        })
    }
}

/// `NULL` is everything, now and later; else names with blanks between.
pub(crate) fn scopes(text: Option<&str>) -> Result<Permissions> {
    let Some(text) = text else { return Ok(Permissions::all()) };
    let unknown = || Error::internal("an unknown scope");
    let named: Option<Vec<Permission>> = text.split_whitespace().map(Permission::parse).collect();
    Ok(Permissions::of(&named.ok_or_else(unknown)?))
}

/// The token with that secret, valid or not.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    secret: &SecretHash,
) -> Result<Option<Token>> {
    let sql = "SELECT org_id, id, user_id, name, secret, scopes, created_at, expires_at, last_used_at, made_within FROM tokens \
               WHERE org_id = $1 AND secret = $2";
    connection.optional(sql, values![context.org, secret]).await
}

/// A user's tokens, newest first; at most 200.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<Token>> {
    let sql = "SELECT org_id, id, user_id, name, secret, scopes, created_at, expires_at, last_used_at, made_within FROM tokens \
               WHERE org_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 200";
    connection.all(sql, values![context.org, user]).await
}

/// Whose a token is.
#[boxed]
pub async fn holder(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: TokenId,
) -> Result<Option<UserId>> {
    let sql = "SELECT user_id FROM tokens WHERE org_id = $1 AND id = $2";
    let row: Option<(UserId,)> = connection.optional(sql, values![context.org, id]).await?;
    Ok(row.map(|(user,)| user))
}

/// Writes a new token.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, token: &Token) -> Result<()> {
    let sql = "INSERT INTO tokens (org_id, id, user_id, name, secret, scopes, created_at, expires_at, made_within) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let made_within = written(token.made_within.as_ref())?;
    let names: Vec<&str> = token.scopes.iter().map(Permission::as_str).collect();
    let names = names.join(" ");
    let scopes = (token.scopes != Permissions::all()).then_some(names.as_str());
    let bound = values![
        token.org.org,
        token.id,
        token.user,
        &token.name,
        &token.secret,
        scopes,
        token.created_at,
        token.expires_at,
        made_within.as_deref(),
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Notes use, to within the grain.
#[boxed]
pub async fn touch(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: TokenId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE tokens SET last_used_at = $3 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, now]).await?;
    Ok(())
}

/// Ends one token of a user and answers its name.
#[boxed]
pub async fn revoke(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    id: TokenId,
) -> Result<Option<String>> {
    let sql = "DELETE FROM tokens WHERE org_id = $1 AND user_id = $2 AND id = $3 RETURNING name";
    let row: Option<(String,)> = connection.optional(sql, values![context.org, user, id]).await?;
    Ok(row.map(|(name,)| name))
}

/// Ends all tokens of a user, or all but one; answers their ids and names, the oldest first.
#[boxed]
pub async fn revoke_but(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    but: Option<TokenId>,
) -> Result<Vec<(TokenId, String)>> {
    let all = "DELETE FROM tokens WHERE org_id = $1 AND user_id = $2 RETURNING id, name";
    let others = "DELETE FROM tokens WHERE org_id = $1 AND user_id = $2 AND id <> $3 RETURNING id, name";
    let mut revoked: Vec<(TokenId, String)> = match but {
        None => connection.all(all, values![context.org, user]).await?,
        Some(this) => connection.all(others, values![context.org, user, this]).await?,
    };
    revoked.sort_unstable_by_key(|(id, _)| id.0);
    Ok(revoked)
}

/// Ends the tokens of a user that were made at `since` or later; answers how many.
#[boxed]
pub async fn revoke_since(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    since: Timestamp,
) -> Result<u64> {
    let sql = "DELETE FROM tokens WHERE org_id = $1 AND user_id = $2 AND created_at >= $3";
    connection.execute(sql, values![context.org, user, since]).await
}

/// Ends all tokens of a user; answers how many.
#[boxed]
pub async fn revoke_all(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<u64> {
    connection
        .execute("DELETE FROM tokens WHERE org_id = $1 AND user_id = $2", values![context.org, user])
        .await
}

/// Tidies tokens past their end.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, now: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM tokens WHERE expires_at < $1", values![now]).await
}

/// Counts one more wrong present password of a token, before it is compared; answers how many there were since the last
/// right one, or `None` if there is no such token any more.
#[boxed]
pub async fn count_wrong_password(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: TokenId,
) -> Result<Option<i64>> {
    let sql = "UPDATE tokens SET wrong_passwords = wrong_passwords + 1 WHERE org_id = $1 AND id = $2 \
               RETURNING wrong_passwords";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, id]).await?.map(|(count,)| count))
}

/// Forgets them after a right one.
#[boxed]
pub async fn forget_wrong_passwords(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: TokenId,
) -> Result<()> {
    let sql = "UPDATE tokens SET wrong_passwords = 0 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id]).await?;
    Ok(())
}
