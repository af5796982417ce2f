//! The rows of `known_devices`: with what, and from which countries, each person has signed in.

use model::{OrgContext, Result, Timestamp, UserId};

use crate::{Connection, boxed, values};

/// What is known of a device and a country, before this sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The person has never signed in while this was kept.
    pub nothing: bool,
    /// The device was used before.
    pub device: bool,
    /// The country was signed in from before.
    pub country: bool,
}

/// Notes a sign-in with a device (`model::device::Device::key`) from a country (empty: not known), and answers what
/// was known before.
#[boxed]
pub async fn note(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    device: &[u8; 32],
    country: &str,
    now: Timestamp,
) -> Result<Known> {
    let sql = "SELECT device, country FROM known_devices WHERE org_id = $1 AND user_id = $2 LIMIT 1000";
    let rows: Vec<(Vec<u8>, String)> = connection.all(sql, values![context.org, user]).await?;
    let known = Known {
        nothing: rows.is_empty(),
        device: rows.iter().any(|(known, _)| known == device),
        country: rows.iter().any(|(_, known)| known == country),
    };
    let sql = "INSERT INTO known_devices (org_id, user_id, device, country, first_seen_at, last_seen_at) \
               VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (org_id, user_id, device, country) \
               DO UPDATE SET last_seen_at = excluded.last_seen_at";
    connection.execute(sql, values![context.org, user, device, country, now]).await?;
    Ok(known)
}

/// What is remembered of a person: each device by its mark, and a country (empty: not known) with the first and the last
/// sign-in from there; the latest first.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(Vec<u8>, String, Timestamp, Timestamp)>> {
    let sql = "SELECT device, country, first_seen_at, last_seen_at FROM known_devices \
               WHERE org_id = $1 AND user_id = $2 ORDER BY last_seen_at DESC, device, country";
    connection.all(sql, values![context.org, user]).await
}

/// Forgets what is known of a person who is erased.
#[boxed]
pub async fn forget(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let sql = "DELETE FROM known_devices WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}
