//! The rows of `groups`: named sets of users and groups, found, written, deleted. The list is `group_list.rs`, who decides
//! about them `group_owners.rs`, which stand in which `nestings.rs`; users' memberships are `memberships.rs` and
//! `member_list.rs`, the roles that groups carry `grants.rs`.

use model::{
    Error, GroupId, Kind, OrgContext, Result, RoleKey, UserId,
    group::{Group, GroupFields},
};
use serde::{Deserialize, Serialize};

use crate::{Connection, Record, Row, Sql, Value, access, boxed, roles::role_key, values};

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
#[boxed]
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
#[boxed]
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
#[boxed]
pub async fn is_owner(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    group: GroupId,
) -> Result<bool> {
    let sql = "SELECT 1 FROM group_owners WHERE org_id = $1 AND user_id = $2 AND group_id = $3";
    Ok(connection.optional::<(i64,)>(sql, values![context.org, user, group]).await?.is_some())
}

/// Adds a group.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, context: OrgContext, group: &Group) -> Result<()> {
    let sql = "INSERT INTO groups \
               (org_id, id, name, name_key, description, source, external_id, created_at, updated_at, version, \
               search_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let (name_key, search_name) = (group.fields.name_key(), group.fields.search_name());
    let bound = values![
        context.org,
        group.id,
        &group.fields.name,
        &name_key,
        &group.fields.description,
        &group.source,
        group.external_id.as_deref(),
        group.created_at,
        group.updated_at,
        group.version,
        &search_name,
    ];
    if connection.execute(sql, bound).await? == 0 { Err(name_taken()) } else { Ok(()) }
}

/// Writes a group whose version was counted up from the one that was read; refused if somebody else was first. The
/// organization's row must be locked, or the name could be taken meanwhile.
#[boxed]
pub async fn update(connection: &mut Connection<'_>, context: OrgContext, group: &Group) -> Result<()> {
    let (name_key, search_name) = (group.fields.name_key(), group.fields.search_name());
    if let Some(other) = find_by_name(connection, context, &name_key).await?
        && other.id != group.id
    {
        return Err(name_taken());
    }
    let sql = "UPDATE groups SET name = $3, name_key = $4, description = $5, updated_at = $6, version = $7, \
               search_name = $8 WHERE org_id = $1 AND id = $2 AND version = $7 - 1";
    let bound = values![
        context.org,
        group.id,
        &group.fields.name,
        &name_key,
        &group.fields.description,
        group.updated_at,
        group.version,
        &search_name,
    ];
    if connection.execute(sql, bound).await? == 0 { Err(stale()) } else { Ok(()) }
}

/// Somebody has changed the group meanwhile.
pub fn stale() -> Error {
    let message = "Somebody has changed this group meanwhile. Look at the present state, then try again.";
    Error::new(Kind::Stale, "group.changed_meanwhile", message)
}

/// Deletes a group with all that is said of it: members, owners, places in others and of others in it, the roles that it
/// carries, and the roles that are held over it.
#[boxed]
pub async fn delete(connection: &mut Connection<'_>, context: OrgContext, group: GroupId) -> Result<()> {
    for sql in [
        "DELETE FROM group_members WHERE org_id = $1 AND group_id = $2",
        "DELETE FROM group_owners WHERE org_id = $1 AND group_id = $2",
        "DELETE FROM group_nestings WHERE org_id = $1 AND child_id = $2",
        "DELETE FROM group_nestings WHERE org_id = $1 AND parent_id = $2",
        "DELETE FROM group_roles WHERE org_id = $1 AND group_id = $2",
        "DELETE FROM group_roles WHERE org_id = $1 AND scope_id = $2 AND scope_id <> org_id",
        "DELETE FROM role_grants WHERE org_id = $1 AND scope_id = $2 AND scope_id <> org_id",
        "DELETE FROM groups WHERE org_id = $1 AND id = $2",
    ] {
        connection.execute(sql, values![context.org, group]).await?;
    }
    Ok(())
}

/// Whom a change of a group touches. 10,001 means “more than 10,000”.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Touched {
    /// Users who are in it directly.
    pub members: i64,
    /// Users who are in it, directly or through the groups in it.
    pub users: i64,
    /// Groups that stand in it, at any depth.
    pub groups: i64,
    /// Groups that it stands in directly.
    pub parents: i64,
    /// Roles that are held over it, by users and by groups.
    pub held_over: i64,
}

/// Whom a group's end touches, whatever the dates say.
#[boxed]
pub async fn touched(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
) -> Result<Touched> {
    const USERS: Sql = Sql::by_engine(
        "SELECT count(*) FROM (SELECT DISTINCT m.user_id FROM json_each($2) found CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.group_id = unhex(found.value) LIMIT 10001) counted",
        "SELECT count(*) FROM (SELECT DISTINCT m.user_id FROM jsonb_array_elements_text($2::jsonb) found (value) \
         CROSS JOIN group_members m WHERE m.org_id = $1 AND m.group_id = found.value::uuid LIMIT 10001) counted",
    );
    let members = "SELECT count(*) FROM (SELECT 1 FROM group_members WHERE org_id = $1 AND group_id = $2 \
                   LIMIT 10001) counted";
    let parents = "SELECT count(*) FROM group_nestings WHERE org_id = $1 AND child_id = $2";
    let users_over = "SELECT count(*) FROM (SELECT 1 FROM role_grants WHERE org_id = $1 AND scope_id = $2 \
                      AND scope_id <> org_id LIMIT 10001) counted";
    let groups_over = "SELECT count(*) FROM (SELECT 1 FROM group_roles WHERE org_id = $1 AND scope_id = $2 \
                       AND scope_id <> org_id LIMIT 10001) counted";
    let below = access::below(connection, context, &[group]).await?;
    let list = access::id_list(&below);
    let (users,): (i64,) = connection.one(USERS, values![context.org, Value::Json(&list)]).await?;
    let mut count = async |sql: &'static str| -> Result<i64> {
        let (count,): (i64,) = connection.one(sql, values![context.org, group]).await?;
        Ok(count)
    };
    Ok(Touched {
        members: count(members).await?,
        users,
        groups: i64::try_from(below.len()).unwrap_or(i64::MAX) - 1,
        parents: count(parents).await?,
        held_over: (count(users_over).await? + count(groups_over).await?).min(10_001),
    })
}

/// The roles that somebody holds over a group.
#[boxed]
pub async fn roles_over(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
) -> Result<Vec<RoleKey>> {
    let sql = "SELECT role FROM role_grants WHERE org_id = $1 AND scope_id = $2 AND scope_id <> org_id UNION \
               SELECT role FROM group_roles WHERE org_id = $1 AND scope_id = $2 AND scope_id <> org_id";
    let rows: Vec<(String,)> = connection.all(sql, values![context.org, group]).await?;
    rows.into_iter().map(|(role,)| role_key(&role)).collect()
}

fn name_taken() -> Error {
    let message = "There is a group of this name already. Choose another name.";
    Error::new(Kind::Conflict, "group.name_taken", message)
}
