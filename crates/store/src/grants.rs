//! The rows of `role_grants`: which roles a user holds directly, where each counts, from whom, since and until when.

use model::{
    GroupId, OrgContext, Result, Timestamp, UserId,
    access::Role,
    grant::{Given, GrantTerms},
    role::{Allowed, RoleKey, Scope},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Columns, Connection, Record, Row, Value, boxed,
    memberships::{self, Membership},
    roles::role_key,
    users::{from_json, to_json},
    values,
};

/// A role held directly, by a user or by a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleGrant {
    /// Which role.
    pub role: RoleKey,
    /// As people read it.
    pub name: String,
    /// What it allows.
    pub allowed: Allowed,
    /// Where it counts.
    pub scope: Scope,
    /// The name of the group over which it counts; empty for the whole organization.
    pub scope_name: String,
    /// Who gave it, when, and on what terms.
    pub given: Given,
}

impl RoleGrant {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.given.holds(now)
    }
}

impl Record for RoleGrant {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (org, key): (Uuid, String) = (columns.take()?, columns.take()?);
        let (scope, scope_name): (Uuid, Option<String>) = (columns.take()?, columns.take()?);
        let (name, permissions): (Option<String>, Option<String>) = (columns.take()?, columns.take()?);
        let role = role_key(&key)?;
        let (name, allowed) = match role {
            RoleKey::BuiltIn(role) => (role.label().to_owned(), Allowed::by(role)),
            RoleKey::Custom(_) => {
                (name.unwrap_or_default(), Allowed::parse(&permissions.unwrap_or_default()))
            }
        };
        Ok(Self {
            role,
            name,
            allowed,
            scope: Scope::of(scope, model::OrgId(org).into()),
            scope_name: scope_name.unwrap_or_default(),
            given: given(&mut columns)?,
        })
    }
}

/// Who gave something, when, and on what terms: the next five columns of whatever is granted.
pub(crate) fn given(columns: &mut Columns<'_>) -> Result<Given> {
    Ok(Given {
        by: columns.take::<String>()?.parse()?,
        at: columns.take()?,
        terms: GrantTerms {
            reason: columns.take()?,
            valid_from: columns.take()?,
            valid_until: columns.take()?,
        },
    })
}

/// What a user holds directly: the strongest built-in role first, then the organization's own by name.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<RoleGrant>> {
    let sql = "SELECT g.org_id, g.role, g.scope_id, s.name, c.name, c.permissions, g.granted_by, g.granted_at, g.reason, \
               g.valid_from, g.valid_until FROM role_grants g \
               LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
               LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
               WHERE g.org_id = $1 AND g.user_id = $2";
    let mut grants: Vec<RoleGrant> = connection.all(sql, values![context.org, user]).await?;
    sort(&mut grants);
    Ok(grants)
}

/// What a group carries itself.
#[boxed]
pub async fn of_group(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
) -> Result<Vec<RoleGrant>> {
    let sql = "SELECT g.org_id, g.role, g.scope_id, s.name, c.name, c.permissions, g.granted_by, g.granted_at, g.reason, \
               g.valid_from, g.valid_until FROM group_roles g \
               LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
               LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
               WHERE g.org_id = $1 AND g.group_id = $2";
    let mut grants: Vec<RoleGrant> = connection.all(sql, values![context.org, group]).await?;
    sort(&mut grants);
    Ok(grants)
}

/// The order in which people see grants.
pub fn sort(grants: &mut [RoleGrant]) {
    grants.sort_by(|one, other| {
        let key = |grant: &RoleGrant| (grant.role.built_in().is_none(), grant.role.built_in());
        key(one)
            .cmp(&key(other))
            .then_with(|| (&one.name, &one.scope_name).cmp(&(&other.name, &other.scope_name)))
    });
}

/// Who holds a built-in role directly and now, at most `limit`, in the order of their ids.
#[boxed]
pub async fn holders(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: Role,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<UserId>> {
    let sql = "SELECT user_id FROM role_grants WHERE org_id = $1 AND role = $2 AND scope_id = $1 \
               AND (valid_from IS NULL OR valid_from <= $3) AND (valid_until IS NULL OR valid_until > $3) \
               ORDER BY user_id LIMIT $4";
    let rows: Vec<(UserId,)> =
        connection.all(sql, values![context.org, role.as_str(), now, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// Gives a user a role; giving it again changes who, when, why and how long.
#[boxed]
pub async fn grant(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    grant: &RoleGrant,
) -> Result<()> {
    let sql = "INSERT INTO role_grants \
               (org_id, user_id, role, scope_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               ON CONFLICT (org_id, user_id, role, scope_id) DO UPDATE SET granted_by = $5, granted_at = $6, \
               reason = $7, valid_from = $8, valid_until = $9";
    insert(connection, context, sql, user.0, grant).await
}

/// Gives a group a role; the same.
#[boxed]
pub async fn grant_group(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    grant: &RoleGrant,
) -> Result<()> {
    let sql = "INSERT INTO group_roles \
               (org_id, group_id, role, scope_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               ON CONFLICT (org_id, group_id, role, scope_id) DO UPDATE SET granted_by = $5, granted_at = $6, \
               reason = $7, valid_from = $8, valid_until = $9";
    insert(connection, context, sql, group.0, grant).await
}

async fn insert(
    connection: &mut Connection<'_>,
    context: OrgContext,
    sql: &'static str,
    holder: Uuid,
    grant: &RoleGrant,
) -> Result<()> {
    let (role, by) = (grant.role.to_string(), grant.given.by.to_string());
    let terms = &grant.given.terms;
    let bound = values![
        context.org,
        holder,
        &role,
        grant.scope.id(context),
        &by,
        grant.given.at,
        &terms.reason,
        terms.valid_from,
        terms.valid_until,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Takes a role from a user; true if it was held.
#[boxed]
pub async fn revoke(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    role: RoleKey,
    scope: Scope,
) -> Result<bool> {
    let sql = "DELETE FROM role_grants WHERE org_id = $1 AND user_id = $2 AND role = $3 AND scope_id = $4";
    let role = role.to_string();
    Ok(connection.execute(sql, values![context.org, user, &role, scope.id(context)]).await? > 0)
}

/// Takes a role from a group; true if it was carried.
#[boxed]
pub async fn revoke_group(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    role: RoleKey,
    scope: Scope,
) -> Result<bool> {
    let sql = "DELETE FROM group_roles WHERE org_id = $1 AND group_id = $2 AND role = $3 AND scope_id = $4";
    let role = role.to_string();
    Ok(connection.execute(sql, values![context.org, group, &role, scope.id(context)]).await? > 0)
}

/// What somebody held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Direct roles.
    #[serde(default)]
    pub grants: Vec<RoleGrant>,
    /// Direct memberships.
    #[serde(default)]
    pub memberships: Vec<Membership>,
}

/// Takes all direct roles and memberships away and keeps them as a snapshot, if there are any.
#[boxed]
pub async fn remove_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    let held = Held {
        grants: of_user(connection, context, user).await?,
        memberships: memberships::of_user(connection, context, user).await?,
    };
    if held != Held::default() {
        let text = to_json(&held)?;
        let keep = "INSERT INTO grant_snapshots (org_id, user_id, grants, taken_at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (org_id, user_id) DO UPDATE SET grants = $3, taken_at = $4";
        connection.execute(keep, values![context.org, user, Value::Json(&text), now]).await?;
    }
    forget(connection, context, user).await
}

/// Takes all direct roles, memberships and ownerships of groups away.
#[boxed]
pub async fn forget(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    for sql in [
        "DELETE FROM role_grants WHERE org_id = $1 AND user_id = $2",
        "DELETE FROM group_members WHERE org_id = $1 AND user_id = $2",
        "DELETE FROM group_owners WHERE org_id = $1 AND user_id = $2",
    ] {
        connection.execute(sql, values![context.org, user]).await?;
    }
    Ok(())
}

/// What a deprovisioned user held. A snapshot that an earlier version wrote in another shape offers nothing.
#[boxed]
pub async fn snapshot(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<Held> {
    let sql = "SELECT grants FROM grant_snapshots WHERE org_id = $1 AND user_id = $2";
    let row: Option<(String,)> = connection.optional(sql, values![context.org, user]).await?;
    Ok(row.and_then(|(text,)| from_json(&text).ok()).unwrap_or_default())
}

/// Forgets the snapshot.
#[boxed]
pub async fn forget_snapshot(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<()> {
    let sql = "DELETE FROM grant_snapshots WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}
