//! The rows of `groups`, `group_owners` and `group_nestings`: named sets of users and groups, who decides about them, and
//! which stand in which. Users' memberships are `memberships.rs`, the roles that groups carry `grants.rs`.

use model::{
    GroupId, OrgContext, Result, UserId,
    group::{Group, GroupFields},
};

use crate::{Connection, Record, Row, values};

impl Record for Group {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            id: columns.take()?,
            fields: GroupFields { name: columns.take()?, description: columns.take()? },
            source: columns.take()?,
            external_id: columns.take()?,
            created_at: columns.take()?,
            updated_at: columns.take()?,
            version: columns.take()?,
        })
    }
}

/// One group.
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: GroupId,
) -> Result<Option<Group>> {
    let sql = "SELECT id, name, description, source, external_id, created_at, updated_at, version FROM groups \
               WHERE org_id = $1 AND id = $2";
    connection.optional(sql, values![context.org, id]).await
}

/// A group by the key of its name (`model::group::name_key`).
pub async fn find_by_name(
    connection: &mut Connection<'_>,
    context: OrgContext,
    name_key: &str,
) -> Result<Option<Group>> {
    let sql = "SELECT id, name, description, source, external_id, created_at, updated_at, version FROM groups \
               WHERE org_id = $1 AND name_key = $2";
    connection.optional(sql, values![context.org, name_key]).await
}

/// Whether a user is an owner of a group.
pub async fn is_owner(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
) -> Result<bool> {
    let sql = "SELECT 1 FROM group_owners WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, user, group]).await?.is_some())
}
