//! The rows of `role_grants`: which built-in roles a user holds directly, from whom, since and until when.

use model::{Agent, Error, OrgContext, Result, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Connection, Record, Row, Value,
    users::{from_json, to_json},
    values,
};

/// A role held directly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleGrant {
    /// Which role.
    pub role: Role,
    /// Who gave it.
    pub granted_by: Agent,
    /// When.
    pub granted_at: Timestamp,
    /// Why.
    pub reason: String,
    /// Not before.
    pub valid_from: Option<Timestamp>,
    /// Not any more from then on.
    pub valid_until: Option<Timestamp>,
}

impl RoleGrant {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= now) && self.valid_until.is_none_or(|until| until > now)
    }
}

impl Record for RoleGrant {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            role: Role::parse(&columns.take::<String>()?)
                .ok_or_else(|| Error::internal("an unknown role"))?,
            granted_by: columns.take::<String>()?.parse()?,
            granted_at: columns.take()?,
            reason: columns.take()?,
            valid_from: columns.take()?,
            valid_until: columns.take()?,
        })
    }
}

/// What a user holds directly, strongest first.
pub async fn grants(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<RoleGrant>> {
    let sql = "SELECT role, granted_by, granted_at, reason, valid_from, valid_until FROM role_grants \
               WHERE org_id = $1 AND user_id = $2";
    let mut grants: Vec<RoleGrant> = connection.all(sql, values![context.org, user]).await?;
    grants.sort_by_key(|grant| grant.role);
    Ok(grants)
}

/// Who holds a role now, at most `limit`, in the order of their ids.
pub async fn holders(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: Role,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<UserId>> {
    let sql = "SELECT user_id FROM role_grants WHERE org_id = $1 AND role = $2 \
               AND (valid_from IS NULL OR valid_from <= $3) AND (valid_until IS NULL OR valid_until > $3) \
               ORDER BY user_id LIMIT $4";
    let rows: Vec<(UserId,)> =
        connection.all(sql, values![context.org, role.as_str(), now, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// The roles alone.
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<Role>> {
    Ok(grants(connection, context, user).await?.into_iter().map(|grant| grant.role).collect())
}

/// Gives a role; giving it again changes who, when and why.
pub async fn grant(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    grant: &RoleGrant,
) -> Result<()> {
    let sql = "INSERT INTO role_grants (org_id, user_id, role, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (org_id, user_id, role) DO UPDATE SET granted_by = $4, granted_at = $5, reason = $6, \
               valid_from = $7, valid_until = $8";
    let by = grant.granted_by.to_string();
    let bound = values![
        context.org,
        user,
        grant.role.as_str(),
        &by,
        grant.granted_at,
        &grant.reason,
        grant.valid_from,
        grant.valid_until,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Takes a role; true if it was held.
pub async fn revoke(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    role: Role,
) -> Result<bool> {
    let sql = "DELETE FROM role_grants WHERE org_id = $1 AND user_id = $2 AND role = $3";
    Ok(connection.execute(sql, values![context.org, user, role.as_str()]).await? > 0)
}

/// Takes all direct roles away and keeps them as a snapshot, if there are any (PRODUCT §3, deprovision).
pub async fn remove_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<RoleGrant>> {
    let held = grants(connection, context, user).await?;
    if held.is_empty() {
        return Ok(held);
    }
    let text = to_json(&Snapshot { grants: held.clone() })?;
    let keep = "INSERT INTO grant_snapshots (org_id, user_id, grants, taken_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (org_id, user_id) DO UPDATE SET grants = $3, taken_at = $4";
    connection.execute(keep, values![context.org, user, Value::Json(&text), now]).await?;
    let remove = "DELETE FROM role_grants WHERE org_id = $1 AND user_id = $2";
    connection.execute(remove, values![context.org, user]).await?;
    Ok(held)
}

/// What a deprovisioned user held.
pub async fn snapshot(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<RoleGrant>> {
    let sql = "SELECT grants FROM grant_snapshots WHERE org_id = $1 AND user_id = $2";
    let row: Option<(String,)> = connection.optional(sql, values![context.org, user]).await?;
    row.map_or(Ok(Vec::new()), |(text,)| Ok(from_json::<Snapshot>(&text)?.grants))
}

/// Forgets the snapshot.
pub async fn forget_snapshot(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<()> {
    let sql = "DELETE FROM grant_snapshots WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}

/// JSON columns hold objects.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    grants: Vec<RoleGrant>,
}
