//! The rows of `data_exports`: asked for, put together, fetched, removed after a day.

use model::{
    Agent, DataExportId, Error, LinkId, OrgContext, Result, Timestamp, UserId,
    data_export::{DataExport, ExportState},
};

use crate::{Connection, Record, Row, boxed, values};

impl Record for DataExport {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take::<model::OrgId>()?.into(),
            id: columns.take()?,
            user: columns.take()?,
            asked_by: columns.take::<String>()?.parse()?,
            state: ExportState::parse(&columns.take::<String>()?)
                .ok_or_else(|| Error::internal("an unknown state of an export"))?,
            link: columns.take()?,
            size: columns.take()?,
            created_at: columns.take()?,
            ready_at: columns.take()?,
            expires_at: columns.take()?,
        })
    }
}

/// Asks for an export; earlier ones of the same person for the same asker are gone.
#[boxed]
pub async fn replace(connection: &mut Connection<'_>, export: &DataExport) -> Result<()> {
    let asked_by = export.asked_by.to_string();
    let earlier = "DELETE FROM data_exports WHERE org_id = $1 AND user_id = $2 AND asked_by = $3";
    connection.execute(earlier, values![export.org.org, export.user, &asked_by]).await?;
    let sql = "INSERT INTO data_exports (org_id, id, user_id, asked_by, state, size, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let bound = values![
        export.org.org,
        export.id,
        export.user,
        &asked_by,
        export.state.as_str(),
        export.size,
        export.created_at,
        export.expires_at,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// The export of that id.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: DataExportId,
) -> Result<Option<DataExport>> {
    let sql = "SELECT org_id, id, user_id, asked_by, state, link_id, size, created_at, ready_at, expires_at \
               FROM data_exports WHERE org_id = $1 AND id = $2";
    connection.optional(sql, values![context.org, id]).await
}

/// The latest export of a person that somebody has asked for.
#[boxed]
pub async fn latest(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    asked_by: Agent,
) -> Result<Option<DataExport>> {
    let sql = "SELECT org_id, id, user_id, asked_by, state, link_id, size, created_at, ready_at, expires_at \
               FROM data_exports WHERE org_id = $1 AND user_id = $2 AND asked_by = $3 ORDER BY id DESC LIMIT 1";
    let asked_by = asked_by.to_string();
    connection.optional(sql, values![context.org, user, &asked_by]).await
}

/// The export that a link leads to.
#[boxed]
pub async fn of_link(
    connection: &mut Connection<'_>,
    context: OrgContext,
    link: LinkId,
) -> Result<Option<DataExport>> {
    let sql = "SELECT org_id, id, user_id, asked_by, state, link_id, size, created_at, ready_at, expires_at \
               FROM data_exports WHERE org_id = $1 AND link_id = $2";
    connection.optional(sql, values![context.org, link]).await
}

/// The file.
#[boxed]
pub async fn content(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: DataExportId,
) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT content FROM data_exports WHERE org_id = $1 AND id = $2 AND content IS NOT NULL";
    let row: Option<(Vec<u8>,)> = connection.optional(sql, values![context.org, id]).await?;
    Ok(row.map(|(content,)| content))
}

/// The file is ready; false if nobody waits for it any more.
#[boxed]
pub async fn ready(
    connection: &mut Connection<'_>,
    export: &DataExport,
    link: LinkId,
    content: &[u8],
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE data_exports SET state = 'ready', link_id = $3, content = $4, size = $5, ready_at = $6, \
               expires_at = $7 WHERE org_id = $1 AND id = $2 AND state = 'queued'";
    let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
    let expires_at = now.plus(model::data_export::LIFETIME);
    let bound = values![export.org.org, export.id, link, content, size, now, expires_at];
    Ok(connection.execute(sql, bound).await? == 1)
}

/// Removes every export of a person's data, whoever asked for it.
#[boxed]
pub async fn erase(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let sql = "DELETE FROM data_exports WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}

/// Removes exports whose day is over.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, now: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM data_exports WHERE expires_at <= $1", values![now]).await
}
