//! The rows of `audit_entries`. Written by the operation layer only; changed only when personal values are erased, which
//! leaves what the entry proves itself with. Places in the tree are `audit_tree.rs`, questions of people `audit_list.rs`.

use model::{
    EntryId, Error, OrgContext, Result, Timestamp, UserId,
    audit::{
        Door, Entry,
        seal::{self, Personal, Seal, Stored},
    },
    merkle::Hash,
};

use crate::{
    Columns, Connection, Record, Row, Value, boxed,
    users::{from_json, to_json},
    values,
};

/// The columns of an entry, in the order in which `Entry` is read.
macro_rules! entry {
    () => {
        "id, at, event, actor, actor_name, target_type, target, target_name, changes, reason, request_id, address, door, \
         COALESCE(about_erased_at, by_erased_at)"
    };
}
pub(crate) use entry;

impl Record for Entry {
    fn read(row: &Row<'_>) -> Result<Self> {
        read_entry(&mut row.columns())
    }
}

fn read_entry(columns: &mut Columns<'_>) -> Result<Entry> {
    Ok(Entry {
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
        door: Door::parse(&columns.take::<String>()?).ok_or_else(|| Error::internal("an unknown door"))?,
        erased_at: columns.take()?,
    })
}

impl Record for Stored {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let entry = read_entry(&mut columns)?;
        let (fields, late) = (columns.take()?, columns.take()?);
        let by = read_personal(&mut columns)?;
        let about = read_personal(&mut columns)?;
        let mac = hash(columns.take()?);
        let seal = by.zip(about).map(|(by, about)| Seal { fields, by, about, late });
        Ok(Self { entry, seal, mac })
    }
}

/// An entry as it is found by who looks for changes: one that can't be read is an answer too.
#[derive(Debug)]
pub struct Looked {
    /// `None` if not even that can be read.
    pub id: Option<EntryId>,
    /// What stands there.
    pub stored: Result<Stored>,
}

impl Record for Looked {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self { id: row.get(0).ok(), stored: Stored::read(row) })
    }
}

/// `None` where nothing has been sealed yet, or where what stands there is no seal: the entry then proves nothing.
fn read_personal(columns: &mut Columns<'_>) -> Result<Option<Personal>> {
    let salt: Option<Vec<u8>> = columns.take()?;
    let commitment = hash(columns.take()?);
    let erased_at: Option<Timestamp> = columns.take()?;
    let is_salt = salt.as_ref().is_none_or(|salt| salt.len() == 32);
    let personal = commitment.map(|commitment| Personal { salt: hash(salt), commitment, erased_at });
    Ok(personal.filter(|_| is_salt))
}

fn hash(bytes: Option<Vec<u8>>) -> Option<Hash> {
    bytes.and_then(|bytes| bytes.try_into().ok())
}

/// Appends an entry, which then waits for its place in the tree.
#[boxed]
pub async fn append(
    connection: &mut Connection<'_>,
    context: OrgContext,
    entry: &Entry,
    seal: &Seal,
    leaf: &Hash,
    mac: &Hash,
) -> Result<()> {
    let sql = "INSERT INTO audit_entries (org_id, id, at, event, actor, actor_name, target_type, target, \
               target_name, changes, reason, request_id, address, door, fields, late, by_salt, by_commitment, \
               about_salt, about_commitment, mac) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
    let wait = "INSERT INTO audit_pending (org_id, entry_id, leaf) VALUES ($1, $2, $3)";
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
        &seal.fields,
        seal.late,
        seal.by.salt.as_ref(),
        &seal.by.commitment,
        seal.about.salt.as_ref(),
        &seal.about.commitment,
        mac,
    ];
    let waits = values![context.org, entry.id, leaf];
    connection.execute_all(&[(sql, bound), (wait, waits)]).await
}

/// Seals an entry that was written before there were seals.
#[boxed]
pub async fn seal_late(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: EntryId,
    seal: &Seal,
    mac: &Hash,
) -> Result<()> {
    let sql = "UPDATE audit_entries SET fields = $3, late = TRUE, by_salt = $4, by_commitment = $5, \
               by_erased_at = NULL, about_salt = $6, about_commitment = $7, about_erased_at = NULL, mac = $8 \
               WHERE org_id = $1 AND id = $2";
    let bound = values![
        context.org,
        id,
        &seal.fields,
        seal.by.salt.as_ref(),
        &seal.by.commitment,
        seal.about.salt.as_ref(),
        &seal.about.commitment,
        mac,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Entries about something, newest first, before `before`.
#[boxed]
pub async fn about(
    connection: &mut Connection<'_>,
    context: OrgContext,
    target: uuid::Uuid,
    before: Option<EntryId>,
    limit: u16,
) -> Result<Vec<Entry>> {
    let sql = concat!(
        "SELECT ",
        entry!(),
        " FROM audit_entries WHERE org_id = $1 AND target = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    );
    let before = before.map_or(uuid::Uuid::max(), |id| id.0);
    connection.all(sql, values![context.org, target, before, i64::from(limit)]).await
}

/// One entry with its seal.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: EntryId,
) -> Result<Option<Stored>> {
    let sql = concat!(
        "SELECT ",
        entry!(),
        ", fields, late, by_salt, by_commitment, by_erased_at, about_salt, about_commitment, about_erased_at, mac ",
        "FROM audit_entries WHERE org_id = $1 AND id = $2"
    );
    connection.optional(sql, values![context.org, id]).await
}

/// Entries with their seals after `after`, in the order of their ids, whatever has become of them.
#[boxed]
pub async fn look_through(
    connection: &mut Connection<'_>,
    context: OrgContext,
    after: EntryId,
    limit: u32,
) -> Result<Vec<Looked>> {
    let sql = concat!(
        "SELECT ",
        entry!(),
        ", fields, late, by_salt, by_commitment, by_erased_at, about_salt, about_commitment, about_erased_at, mac ",
        "FROM audit_entries WHERE org_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    );
    connection.all(sql, values![context.org, after, limit]).await
}

/// Takes a purged person's name, values and addresses out of the log; ids, events and seals stay.
#[boxed]
pub async fn erase_person(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    let pseudonym = seal::pseudonym(user);
    let about = "UPDATE audit_entries SET target_name = $3, changes = $4, reason = '', about_salt = NULL, \
                 about_erased_at = $5 WHERE org_id = $1 AND target = $2 AND about_erased_at IS NULL";
    connection.execute(about, values![context.org, user.0, &pseudonym, Value::Json("{}"), now]).await?;
    let actor = user.to_string();
    let by = "UPDATE audit_entries SET actor_name = $3, address = '', by_salt = NULL, by_erased_at = $4 \
              WHERE org_id = $1 AND actor = $2 AND by_erased_at IS NULL";
    connection.execute(by, values![context.org, &actor, &pseudonym, now]).await?;
    erase_mentions(connection, context, &actor, now).await
}

/// Takes the values out of entries of former versions about others, which held somebody's name beside the id `named`, or
/// the address `named` without an id. Where one name stands for several users, as far as anybody can tell, the entry keeps
/// its values for the others: it loses them with the last.
#[boxed]
pub async fn erase_mentions(
    connection: &mut Connection<'_>,
    context: OrgContext,
    named: &str,
    now: Timestamp,
) -> Result<()> {
    let mentioned = "UPDATE audit_entries SET target_name = '', changes = $3, reason = '', about_salt = NULL, \
                     about_erased_at = $4 WHERE org_id = $1 AND about_erased_at IS NULL AND id IN \
                     (SELECT entry_id FROM audit_mentions WHERE org_id = $1 AND named_id = lower($2)) \
                     AND NOT EXISTS (SELECT 1 FROM audit_mentions o WHERE o.org_id = $1 \
                     AND o.entry_id = audit_entries.id AND o.named_id <> lower($2))";
    connection.execute(mentioned, values![context.org, named, Value::Json("{}"), now]).await?;
    let forget = "DELETE FROM audit_mentions WHERE org_id = $1 AND named_id = lower($2)";
    connection.execute(forget, values![context.org, named]).await?;
    Ok(())
}

/// The events whose entries named others than their targets in former versions.
pub const ONCE_NAMED_OTHERS: [&str; 10] = [
    "access.copied",
    "group.owner_added",
    "group.owner_removed",
    "mail.retried",
    "mail.test_sent",
    "membership.added",
    "membership.expired",
    "role.expired",
    "role.granted",
    "session.ended_in_bulk",
];

/// The last of at most `limit` entries after `after` and before `end`; `None` if there is none.
#[boxed]
pub async fn expiring(
    connection: &mut Connection<'_>,
    context: OrgContext,
    after: EntryId,
    end: EntryId,
    limit: u32,
) -> Result<Option<EntryId>> {
    let sql = "SELECT id FROM audit_entries WHERE org_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4";
    let ids: Vec<(EntryId,)> = connection.all(sql, values![context.org, after, end, limit]).await?;
    Ok(ids.last().map(|(id,)| *id))
}

/// The newest entry about something whose fields are, or begin or end with, this one, or hold it between others.
#[boxed]
pub async fn last_with_field(
    connection: &mut Connection<'_>,
    context: OrgContext,
    target: uuid::Uuid,
    field: &str,
) -> Result<Option<EntryId>> {
    let sql = "SELECT id FROM audit_entries WHERE org_id = $1 AND target = $2 \
               AND ',' || fields || ',' LIKE '%,' || $3 || ',%' ORDER BY id DESC LIMIT 1";
    Ok(connection.optional::<(EntryId,)>(sql, values![context.org, target, field]).await?.map(|(id,)| id))
}

/// The entries of an event about something, newest first; at most `limit`.
#[boxed]
pub async fn of_event(
    connection: &mut Connection<'_>,
    context: OrgContext,
    target: uuid::Uuid,
    event: &str,
    limit: u16,
) -> Result<Vec<EntryId>> {
    let sql = "SELECT id FROM audit_entries WHERE org_id = $1 AND target = $2 AND event = $3 ORDER BY id DESC LIMIT $4";
    let rows: Vec<(EntryId,)> =
        connection.all(sql, values![context.org, target, event, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Takes the personal values out of the entries after `after` up to `last`, but not out of those that say so, that set
/// the limit, or that accept a loss.
#[boxed]
pub async fn expire(
    connection: &mut Connection<'_>,
    context: OrgContext,
    (after, last): (EntryId, EntryId),
    now: Timestamp,
) -> Result<()> {
    let by = "UPDATE audit_entries SET actor_name = '', address = '', by_salt = NULL, by_erased_at = $4 \
              WHERE org_id = $1 AND id > $2 AND id <= $3 AND by_erased_at IS NULL \
              AND event NOT IN ('audit.expired', 'audit.loss_accepted') \
              AND (event <> 'settings.changed' OR fields NOT LIKE '%audit.retention_days%') AND mac IS NOT NULL";
    connection.execute(by, values![context.org, after, last, now]).await?;
    let about = "UPDATE audit_entries SET target_name = '', changes = $5, reason = '', about_salt = NULL, \
                 about_erased_at = $4 WHERE org_id = $1 AND id > $2 AND id <= $3 AND about_erased_at IS NULL \
                 AND event NOT IN ('audit.expired', 'audit.loss_accepted') \
                 AND (event <> 'settings.changed' OR fields NOT LIKE '%audit.retention_days%') AND mac IS NOT NULL";
    connection.execute(about, values![context.org, after, last, now, Value::Json("{}")]).await?;
    let mentions = "DELETE FROM audit_mentions WHERE org_id = $1 AND entry_id > $2 AND entry_id <= $3";
    connection.execute(mentions, values![context.org, after, last]).await?;
    Ok(())
}

/// Whose values were erased because they were purged, and when: the entries that say so, after `after`.
#[boxed]
pub async fn purged(
    connection: &mut Connection<'_>,
    context: OrgContext,
    after: EntryId,
    limit: u32,
) -> Result<Vec<(EntryId, uuid::Uuid, Timestamp)>> {
    let sql = "SELECT id, target, at FROM audit_entries WHERE org_id = $1 AND id > $2 \
               AND event IN ('user.purged', 'audit.expired') AND event = 'user.purged' ORDER BY id LIMIT $3";
    connection.all(sql, values![context.org, after, limit]).await
}

/// The entries that say that values were erased because of their age, newest first.
#[boxed]
pub async fn expirations(
    connection: &mut Connection<'_>,
    context: OrgContext,
    limit: u32,
) -> Result<Vec<Entry>> {
    let sql = concat!(
        "SELECT ",
        entry!(),
        " FROM audit_entries WHERE org_id = $1 AND event IN ('user.purged', 'audit.expired') ",
        "AND event = 'audit.expired' ORDER BY id DESC LIMIT $2"
    );
    connection.all(sql, values![context.org, limit]).await
}

/// Whether there is an entry of that id.
#[boxed]
pub async fn find_id(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: EntryId,
) -> Result<Option<EntryId>> {
    let sql = "SELECT id FROM audit_entries WHERE org_id = $1 AND id = $2";
    Ok(connection.optional::<(EntryId,)>(sql, values![context.org, id]).await?.map(|(id,)| id))
}
