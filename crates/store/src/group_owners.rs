//! The rows of `group_owners`: who decides about a group's members besides the administrators.

use model::{Agent, GroupId, OrgContext, Result, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Connection, Record, Row, boxed, values};

/// An owner of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// Who.
    pub user: UserId,
    /// As shown.
    pub name: String,
    /// The username.
    pub username: String,
    /// Who made the user an owner.
    pub by: Agent,
    /// When.
    pub at: Timestamp,
}

impl Record for Owner {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (user, display, username): (UserId, Option<String>, Option<String>) =
            (columns.take()?, columns.take()?, columns.take()?);
        let username = username.unwrap_or_default();
        Ok(Self {
            user,
            name: display.unwrap_or_else(|| username.clone()),
            username,
            by: columns.take::<String>()?.parse()?,
            at: columns.take()?,
        })
    }
}

/// A group's owners, by name; the first hundred.
#[boxed]
pub async fn of_group(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
) -> Result<Vec<Owner>> {
    let sql = "SELECT u.id, u.fields ->> 'display_name', u.fields ->> 'username', o.granted_by, o.granted_at \
               FROM group_owners o CROSS JOIN users u \
               WHERE o.org_id = $1 AND o.group_id = $2 AND u.org_id = $1 AND u.id = o.user_id \
               ORDER BY u.sort_name, u.id LIMIT 100";
    connection.all(sql, values![context.org, group]).await
}

/// Makes a user an owner; false if it is one already.
#[boxed]
pub async fn add(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    user: UserId,
    by: Agent,
    at: Timestamp,
) -> Result<bool> {
    let sql = "INSERT INTO group_owners (org_id, user_id, group_id, granted_by, granted_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    let by = by.to_string();
    Ok(connection.execute(sql, values![context.org, user, group, &by, at]).await? > 0)
}

/// Takes the ownership from a user; true if there was one.
#[boxed]
pub async fn remove(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    user: UserId,
) -> Result<bool> {
    let sql = "DELETE FROM group_owners WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
    Ok(connection.execute(sql, values![context.org, user, group]).await? > 0)
}
