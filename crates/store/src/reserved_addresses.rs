//! The rows of `reserved_addresses`: addresses that people have left and may still take back.
//!
//! Whoever saves a user asks here too (`users.rs`); the reservation ends by itself.

use model::{OrgContext, Result, Timestamp, UserId};

use crate::{Connection, boxed, values};

/// Reserves an address for whoever has left it; again means longer.
#[boxed]
pub async fn reserve(
    connection: &mut Connection<'_>,
    context: OrgContext,
    email_key: &str,
    user: UserId,
    until: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO reserved_addresses (org_id, email_key, user_id, until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (org_id, email_key) DO UPDATE SET user_id = $3, until = $4";
    connection.execute(sql, values![context.org, email_key, user, until]).await?;
    Ok(())
}

/// Whether an address is reserved for somebody else.
#[boxed]
pub async fn is_for_another(
    connection: &mut Connection<'_>,
    context: OrgContext,
    email_key: &str,
    user: UserId,
    now: Timestamp,
) -> Result<bool> {
    let sql = "SELECT 1 FROM reserved_addresses WHERE org_id = $1 AND email_key = $2 AND user_id <> $3 AND until > $4";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, email_key, user, now]).await?.is_some())
}

/// What is reserved for a user, and until when.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(String, Timestamp)>> {
    let sql = "SELECT email_key, until FROM reserved_addresses WHERE org_id = $1 AND user_id = $2 ORDER BY email_key";
    connection.all(sql, values![context.org, user]).await
}

/// Gives back one address, or with `None` all that are reserved for a user.
#[boxed]
pub async fn release(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    email_key: Option<&str>,
) -> Result<()> {
    let sql =
        "DELETE FROM reserved_addresses WHERE org_id = $1 AND user_id = $2 AND ($3 = '*' OR email_key = $3)";
    connection.execute(sql, values![context.org, user, email_key.unwrap_or("*")]).await?;
    Ok(())
}

/// Tidies reservations that have ended.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, now: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM reserved_addresses WHERE until <= $1", values![now]).await
}
