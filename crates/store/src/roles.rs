//! The rows of `roles`: an organization's own roles and what they allow. The built-in ones are in `model::access`.

use model::{
    Error, Kind, OrgContext, Result, RoleId,
    role::{Allowed, RoleDefinition, RoleKey},
};

use crate::{Connection, Record, Row, boxed, values};

impl Record for RoleDefinition {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            key: role_key(&columns.take::<String>()?)?,
            name: columns.take()?,
            description: columns.take()?,
            allowed: Allowed::parse(&columns.take::<String>()?),
            created_at: Some(columns.take()?),
            updated_at: Some(columns.take()?),
            version: columns.take()?,
        })
    }
}

/// The key as it stands in a grant.
pub(crate) fn role_key(text: &str) -> Result<RoleKey> {
    RoleKey::parse(text).ok_or_else(|| Error::internal("an unknown role"))
}

/// The organization's own roles, by name. There are few: what people can tell apart.
#[boxed]
pub async fn list(connection: &mut Connection<'_>, context: OrgContext) -> Result<Vec<RoleDefinition>> {
    let sql = "SELECT id, name, description, permissions, created_at, updated_at, version FROM roles \
               WHERE org_id = $1 ORDER BY name_key, id";
    connection.all(sql, values![context.org]).await
}

/// A role by its key; a built-in one needs no look into the database.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    key: RoleKey,
) -> Result<Option<RoleDefinition>> {
    if let RoleKey::BuiltIn(role) = key {
        return Ok(Some(RoleDefinition::built_in(role)));
    }
    let sql = "SELECT id, name, description, permissions, created_at, updated_at, version FROM roles \
               WHERE org_id = $1 AND id = $2";
    let key = key.to_string();
    connection.optional(sql, values![context.org, &key]).await
}

/// A role of the organization's own, by the key of its name (`model::role::name_key`).
#[boxed]
pub async fn find_by_name(
    connection: &mut Connection<'_>,
    context: OrgContext,
    name_key: &str,
) -> Result<Option<RoleDefinition>> {
    let sql = "SELECT id, name, description, permissions, created_at, updated_at, version FROM roles \
               WHERE org_id = $1 AND name_key = $2";
    connection.optional(sql, values![context.org, name_key]).await
}

/// Adds a role.
#[boxed]
pub async fn insert(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: &RoleDefinition,
) -> Result<()> {
    let sql = "INSERT INTO roles (org_id, id, name, name_key, description, permissions, created_at, updated_at, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT DO NOTHING";
    let (key, name_key) = (role.key.to_string(), model::role::name_key(&role.name));
    let permissions = role.allowed.names();
    let bound = values![
        context.org,
        &key,
        &role.name,
        &name_key,
        &role.description,
        &permissions,
        role.created_at,
        role.version,
    ];
    if connection.execute(sql, bound).await? == 0 { Err(name_taken()) } else { Ok(()) }
}

/// Writes a role whose version was counted up from the one that was read; refused if somebody else was first.
#[boxed]
pub async fn update(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: &RoleDefinition,
) -> Result<()> {
    let name_key = model::role::name_key(&role.name);
    if let Some(other) = find_by_name(connection, context, &name_key).await?
        && other.key != role.key
    {
        return Err(name_taken());
    }
    let sql = "UPDATE roles SET name = $3, name_key = $4, description = $5, permissions = $6, updated_at = $7, \
               version = version + 1 WHERE org_id = $1 AND id = $2 AND version = $8 - 1";
    let (key, permissions) = (role.key.to_string(), role.allowed.names());
    let bound = values![
        context.org,
        &key,
        &role.name,
        &name_key,
        &role.description,
        &permissions,
        role.updated_at,
        role.version,
    ];
    if connection.execute(sql, bound).await? == 0 { Err(stale()) } else { Ok(()) }
}

/// Somebody has changed the role meanwhile.
pub fn stale() -> Error {
    let message = "Somebody has changed this role meanwhile. Look at the present state, then try again.";
    Error::new(Kind::Stale, "role.changed_meanwhile", message)
}

/// Deletes a role with everything that grants it; the numbers of users and groups that held it directly.
#[boxed]
pub async fn delete(connection: &mut Connection<'_>, context: OrgContext, id: RoleId) -> Result<(u64, u64)> {
    let key = id.to_string();
    let users = "DELETE FROM role_grants WHERE org_id = $1 AND role = $2";
    let groups = "DELETE FROM group_roles WHERE org_id = $1 AND role = $2";
    let role = "DELETE FROM roles WHERE org_id = $1 AND id = $2";
    let users = connection.execute(users, values![context.org, &key]).await?;
    let groups = connection.execute(groups, values![context.org, &key]).await?;
    connection.execute(role, values![context.org, &key]).await?;
    Ok((users, groups))
}

fn name_taken() -> Error {
    let message = "There is a role of this name already. Choose another name.";
    Error::new(Kind::Conflict, "role.name_taken", message)
}
