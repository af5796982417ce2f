//! The rows of `idempotency_keys`: what a repeated request was answered the first time.

use model::{OrgContext, Result, Timestamp};

use crate::{Connection, boxed, values};

/// Takes the key for this transaction; `false` if it was used before. On PostgreSQL this waits for a transaction that
/// is using it right now.
#[boxed]
pub async fn take(
    connection: &mut Connection<'_>,
    context: OrgContext,
    actor: &str,
    key: &str,
    fingerprint: &[u8; 32],
    now: Timestamp,
) -> Result<bool> {
    let sql = "INSERT INTO idempotency_keys (org_id, actor, key, fingerprint, result, created_at) \
               VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT DO NOTHING";
    Ok(connection.execute(sql, values![context.org, actor, key, fingerprint, now]).await? == 1)
}

/// The fingerprint of the first request under that key, and its result.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    actor: &str,
    key: &str,
) -> Result<([u8; 32], String)> {
    let sql =
        "SELECT fingerprint, result FROM idempotency_keys WHERE org_id = $1 AND actor = $2 AND key = $3";
    connection.one(sql, values![context.org, actor, key]).await
}

/// Keeps the result with the key.
#[boxed]
pub async fn keep(
    connection: &mut Connection<'_>,
    context: OrgContext,
    actor: &str,
    key: &str,
    result: &str,
) -> Result<()> {
    let sql = "UPDATE idempotency_keys SET result = $4 WHERE org_id = $1 AND actor = $2 AND key = $3";
    connection.execute(sql, values![context.org, actor, key, result]).await?;
    Ok(())
}

/// Forgets what a user asked for.
#[boxed]
pub async fn forget(connection: &mut Connection<'_>, context: OrgContext, user: &str) -> Result<()> {
    let sql = "DELETE FROM idempotency_keys WHERE org_id = $1 AND actor = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}

/// Actor, key and result of the answers in which somebody occurs by id. As many as are kept for a day at most.
#[boxed]
pub async fn naming(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: &str,
) -> Result<Vec<(String, String, String)>> {
    let sql = "SELECT actor, key, result FROM idempotency_keys WHERE org_id = $1 AND result LIKE '%' || $2 || '%' \
               ORDER BY actor, key";
    connection.all(sql, values![context.org, id]).await
}

/// Tidies keys older than `before`.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, before: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM idempotency_keys WHERE created_at < $1", values![before]).await
}
