//! The rows of `audit_entries`. Written by the operation layer only; changed only when a person is erased.

use model::{
    EntryId, Error, OrgContext, Result, UserId,
    audit::{Door, Entry},
};

use crate::{
    Connection, Record, Row, Value,
    users::{from_json, to_json},
    values,
};

impl Record for Entry {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            id: columns.take()?,
            at: columns.take()?,
            event: columns.take()?,
            actor: columns.take::<String>()?.parse()?,
            actor_name: columns.take()?,
            target_type: columns.take()?,
            target: columns.take()?,
            target_name: columns.take()?,
            changes: from_json(&columns.take::<String>()?)?,
            reason: columns.take()?,
            request_id: columns.take()?,
            address: columns.take()?,
            door: Door::parse(&columns.take::<String>()?)
                .ok_or_else(|| Error::internal("an unknown door"))?,
        })
    }
}

/// Appends an entry.
pub async fn append(connection: &mut Connection<'_>, context: OrgContext, entry: &Entry) -> Result<()> {
    let sql = "INSERT INTO audit_entries (org_id, id, at, event, actor, actor_name, target_type, target, \
               target_name, changes, reason, request_id, address, door) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let (actor, changes) = (entry.actor.to_string(), to_json(&entry.changes)?);
    let bound = values![
        context.org,
        entry.id,
        entry.at,
        &entry.event,
        &actor,
        &entry.actor_name,
        &entry.target_type,
        entry.target,
        &entry.target_name,
        Value::Json(&changes),
        &entry.reason,
        &entry.request_id,
        &entry.address,
        entry.door.as_str(),
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Entries about something or by somebody, newest first, before `before`.
pub async fn about(
    connection: &mut Connection<'_>,
    context: OrgContext,
    target: uuid::Uuid,
    before: Option<EntryId>,
    limit: u16,
) -> Result<Vec<Entry>> {
    let sql = "SELECT id, at, event, actor, actor_name, target_type, target, target_name, changes, reason, \
               request_id, address, door FROM audit_entries WHERE org_id = $1 AND target = $2 AND id < $3 \
               ORDER BY id DESC LIMIT $4";
    let before = before.map_or(uuid::Uuid::max(), |id| id.0);
    connection.all(sql, values![context.org, target, before, i64::from(limit)]).await
}

/// Takes a purged person's name, values and addresses out of the log; ids and events stay (PRODUCT §3).
pub async fn erase_person(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    pseudonym: &str,
) -> Result<()> {
    let about = "UPDATE audit_entries SET target_name = $3, changes = $4, reason = '' \
                 WHERE org_id = $1 AND target = $2";
    connection.execute(about, values![context.org, user.0, pseudonym, Value::Json("{}")]).await?;
    let by = "UPDATE audit_entries SET actor_name = $3, address = '' WHERE org_id = $1 AND actor = $2";
    let actor = user.to_string();
    connection.execute(by, values![context.org, &actor, pseudonym]).await?;
    Ok(())
}
