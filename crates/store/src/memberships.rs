//! The rows of `group_members`: which users are in which groups directly, from whom, since and until when.

use model::{GroupId, OrgContext, Result, UserId, grant::Given};
use serde::{Deserialize, Serialize};

use crate::{Connection, Record, Row, boxed, grants::given, values};

/// A group that a user is in directly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Which group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// Who put the user there, when, and on what terms.
    pub given: Given,
}

impl Record for Membership {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self { group: columns.take()?, name: columns.take()?, given: given(&mut columns)? })
    }
}

/// The groups that a user is in directly, by name.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<Membership>> {
    let sql = "SELECT m.group_id, g.name, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until \
               FROM group_members m CROSS JOIN groups g \
               WHERE m.org_id = $1 AND m.user_id = $2 AND g.org_id = $1 AND g.id = m.group_id \
               ORDER BY g.name_key, g.id";
    connection.all(sql, values![context.org, user]).await
}

/// One membership.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
) -> Result<Option<Membership>> {
    let sql = "SELECT m.group_id, g.name, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until \
               FROM group_members m CROSS JOIN groups g \
               WHERE m.org_id = $1 AND m.user_id = $2 AND m.group_id = $3 AND g.org_id = $1 AND g.id = m.group_id";
    connection.optional(sql, values![context.org, user, group]).await
}

/// Puts a user into a group; doing it again changes who, when, why and how long.
#[boxed]
pub async fn add(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
    given: &Given,
) -> Result<()> {
    let sql = "INSERT INTO group_members \
               (org_id, user_id, group_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (org_id, user_id, group_id) DO UPDATE SET granted_by = $4, granted_at = $5, \
               reason = $6, valid_from = $7, valid_until = $8, typed = NULL";
    let (by, terms) = (given.by.to_string(), &given.terms);
    let bound =
        values![context.org, user, group, &by, given.at, &terms.reason, terms.valid_from, terms.valid_until,];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// What was typed to put the user there, if it is kept.
#[boxed]
pub async fn typed(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
) -> Result<Option<String>> {
    let sql = "SELECT typed FROM group_members WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
    let found: Option<(Option<String>,)> =
        connection.optional(sql, values![context.org, user, group]).await?;
    Ok(found.and_then(|(typed,)| typed))
}

/// Notes what somebody who may not read the user typed to put the user there; nothing, if it was an id alone.
#[boxed]
pub async fn note_typed(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
    typed: &str,
) -> Result<()> {
    let sql = "UPDATE group_members SET typed = $4 WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
    connection.execute(sql, values![context.org, user, group, typed]).await?;
    Ok(())
}

/// Takes a user out of a group; true if the user was in it.
#[boxed]
pub async fn remove(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
) -> Result<bool> {
    let sql = "DELETE FROM group_members WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
    Ok(connection.execute(sql, values![context.org, user, group]).await? > 0)
}
