//! What was given until an end, by its key: how it stands, and taking it away once the end has come. Rows are removed by
//! the worker; what counts is decided by their dates at use (`access.rs`).

use model::{
    Error, GroupId, OrgContext, Result, Timestamp, UserId,
    grant::{Given, GrantKey, GrantTerms, Holder},
};

use crate::{Connection, Record, Row, boxed, values};

/// Who gave something, when and on what terms; `NULL` names read as nothing.
struct Stored(Given);

impl Record for Stored {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let by: String = columns.take()?;
        Ok(Self(Given {
            by: by.parse().map_err(|_| Error::internal("an unknown agent"))?,
            at: columns.take()?,
            terms: GrantTerms {
                reason: columns.take()?,
                valid_from: columns.take()?,
                valid_until: columns.take()?,
            },
        }))
    }
}

/// On what terms something is held; `None` if it is not, or not any more.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    key: GrantKey,
) -> Result<Option<Given>> {
    let found: Option<Stored> = match key {
        GrantKey::Role { holder: Holder::User(user), role, scope } => {
            let sql = "SELECT granted_by, granted_at, reason, valid_from, valid_until FROM role_grants \
                       WHERE org_id = $1 AND user_id = $2 AND role = $3 AND scope_id = $4";
            let role = role.to_string();
            connection.optional(sql, values![context.org, user, &role, scope.id(context)]).await?
        }
        GrantKey::Role { holder: Holder::Group(group), role, scope } => {
            let sql = "SELECT granted_by, granted_at, reason, valid_from, valid_until FROM group_roles \
                       WHERE org_id = $1 AND group_id = $2 AND role = $3 AND scope_id = $4";
            let role = role.to_string();
            connection.optional(sql, values![context.org, group, &role, scope.id(context)]).await?
        }
        GrantKey::Member { group, user } => {
            let sql = "SELECT granted_by, granted_at, reason, valid_from, valid_until FROM group_members \
                       WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
            connection.optional(sql, values![context.org, user, group]).await?
        }
        GrantKey::Nested { parent, child } => {
            let sql = "SELECT granted_by, granted_at, reason, valid_from, valid_until FROM group_nestings \
                       WHERE org_id = $1 AND child_id = $2 AND parent_id = $3";
            connection.optional(sql, values![context.org, child, parent]).await?
        }
    };
    Ok(found.map(|stored| stored.0))
}

/// Takes away what has ended by `now`; false if it is gone already or has been given for longer.
#[boxed]
pub async fn remove(
    connection: &mut Connection<'_>,
    context: OrgContext,
    key: GrantKey,
    now: Timestamp,
) -> Result<bool> {
    let removed = match key {
        GrantKey::Role { holder: Holder::User(user), role, scope } => {
            let sql = "DELETE FROM role_grants WHERE org_id = $1 AND user_id = $2 AND role = $3 AND scope_id = $4 \
                       AND valid_until <= $5";
            let role = role.to_string();
            connection.execute(sql, values![context.org, user, &role, scope.id(context), now]).await?
        }
        GrantKey::Role { holder: Holder::Group(group), role, scope } => {
            let sql = "DELETE FROM group_roles WHERE org_id = $1 AND group_id = $2 AND role = $3 AND scope_id = $4 \
                       AND valid_until <= $5";
            let role = role.to_string();
            connection.execute(sql, values![context.org, group, &role, scope.id(context), now]).await?
        }
        GrantKey::Member { group, user } => {
            let sql = "DELETE FROM group_members WHERE org_id = $1 AND user_id = $2 AND group_id = $3 \
                       AND valid_until <= $4";
            connection.execute(sql, values![context.org, user, group, now]).await?
        }
        GrantKey::Nested { parent, child } => {
            let sql = "DELETE FROM group_nestings WHERE org_id = $1 AND child_id = $2 AND parent_id = $3 \
                       AND valid_until <= $4";
            connection.execute(sql, values![context.org, child, parent, now]).await?
        }
    };
    Ok(removed > 0)
}

/// Who decides about a group's members, in the order of their ids, at most `limit`: whom an end of the group's concerns.
#[boxed]
pub async fn owners_of(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    limit: u16,
) -> Result<Vec<UserId>> {
    let sql =
        "SELECT user_id FROM group_owners WHERE org_id = $1 AND group_id = $2 ORDER BY user_id LIMIT $3";
    let rows: Vec<(UserId,)> = connection.all(sql, values![context.org, group, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}
