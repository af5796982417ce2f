//! The rows of `application_permissions`: what an organization's own applications let people do, by name.

use model::{OrgContext, Result, application_permission::ApplicationPermission};

use crate::{Connection, Record, Row, boxed, values};

impl Record for ApplicationPermission {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self { name: columns.take()?, description: columns.take()?, created_at: columns.take()? })
    }
}

/// All of them, by name. There are few: `model::application_permission::MOST`.
#[boxed]
pub async fn list(
    connection: &mut Connection<'_>,
    context: OrgContext,
) -> Result<Vec<ApplicationPermission>> {
    let sql =
        "SELECT name, description, created_at FROM application_permissions WHERE org_id = $1 ORDER BY name";
    connection.all(sql, values![context.org]).await
}

/// One of them.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    name: &str,
) -> Result<Option<ApplicationPermission>> {
    let sql =
        "SELECT name, description, created_at FROM application_permissions WHERE org_id = $1 AND name = $2";
    connection.optional(sql, values![context.org, name]).await
}

/// Adds one, or describes it anew.
#[boxed]
pub async fn define(
    connection: &mut Connection<'_>,
    context: OrgContext,
    permission: &ApplicationPermission,
) -> Result<()> {
    let sql = "INSERT INTO application_permissions (org_id, name, description, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (org_id, name) DO UPDATE SET description = $3";
    let ApplicationPermission { name, description, created_at } = permission;
    connection.execute(sql, values![context.org, name, description, *created_at]).await?;
    Ok(())
}

/// Removes one; what names it in roles is the caller's.
#[boxed]
pub async fn remove(connection: &mut Connection<'_>, context: OrgContext, name: &str) -> Result<()> {
    let sql = "DELETE FROM application_permissions WHERE org_id = $1 AND name = $2";
    connection.execute(sql, values![context.org, name]).await?;
    Ok(())
}
