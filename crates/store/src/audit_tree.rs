//! The Merkle tree over an organization's audit log: which entries wait for their place, the tiles of 256 hashes, and
//! how far the tree has grown. Hashing is `model/src/merkle.rs`; when it grows is `app/src/audit`.

use model::{
    EntryId, Error, Kind, OrgContext, OrgId, Result, Timestamp,
    merkle::{Frontier, Hash},
};
use uuid::Uuid;

use crate::{Connection, Record, Row, boxed, locking, values};

/// Hashes in a tile: 2^8.
pub const WIDTH: u64 = 256;

/// How far the tree of an organization has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Size and right edge.
    pub frontier: Frontier,
    /// How many entries at its beginning are older than sealing.
    pub late_size: u64,
    /// The server's HMAC of organization, size and root.
    pub mac: Hash,
    /// The size that the last checkpoint signed.
    pub checkpoint_size: u64,
    /// When that was.
    pub checkpoint_at: Timestamp,
    /// The last checkpoint; empty before the first.
    pub checkpoint: String,
    /// The size that was last sent to the outside.
    pub sent_size: u64,
    /// The last entry whose personal values were erased because of its age.
    pub expired_to: EntryId,
}

impl Record for Tree {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (size, late_size) = (number(columns.take()?), number(columns.take()?));
        let peaks = hashes(&columns.take::<Vec<u8>>()?);
        let frontier = Frontier::new(size, peaks).ok_or_else(broken)?;
        Ok(Self {
            frontier,
            late_size,
            mac: columns.take()?,
            checkpoint_size: number(columns.take()?),
            checkpoint_at: columns.take()?,
            checkpoint: columns.take()?,
            sent_size: number(columns.take()?),
            expired_to: columns.take()?,
        })
    }
}

/// The error of a tree that was changed from outside.
pub fn broken() -> Error {
    let message = "The state of the audit log's tree was changed from outside: it does not fit together. \
                   Restore the database from a copy, and compare that with the checkpoints.";
    Error::new(Kind::Internal, BROKEN, message)
}

/// The code of that error.
pub const BROKEN: &str = "audit.broken";

/// A tile: up to 256 nodes of one level, from left to right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tile {
    /// Whose leaves they are; empty above the leaves.
    pub ids: Vec<EntryId>,
    /// Their hashes.
    pub hashes: Vec<Hash>,
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<32>().0.to_vec()
}

impl Record for Tile {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let ids: Vec<u8> = columns.take()?;
        let ids = ids.as_chunks::<16>().0.iter().map(|id| EntryId(Uuid::from_bytes(*id))).collect();
        Ok(Self { ids, hashes: hashes(&columns.take::<Vec<u8>>()?) })
    }
}

/// The next organization with entries that wait, by id.
#[boxed]
pub async fn waiting(connection: &mut Connection<'_>, after: OrgId) -> Result<Option<OrgId>> {
    let sql = "SELECT org_id FROM audit_pending WHERE org_id > $1 ORDER BY org_id LIMIT 1";
    Ok(connection.optional::<(OrgId,)>(sql, values![after]).await?.map(|(org,)| org))
}

/// A tree that has grown since its last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// Whose it is.
    pub org: OrgId,
    /// When the last checkpoint was.
    pub checkpoint_at: Timestamp,
    /// Size and right edge now.
    pub frontier: Frontier,
}

impl Record for Unsigned {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (org, checkpoint_at, size) = (columns.take()?, columns.take()?, number(columns.take()?));
        let peaks = hashes(&columns.take::<Vec<u8>>()?);
        Ok(Self { org, checkpoint_at, frontier: Frontier::new(size, peaks).ok_or_else(broken)? })
    }
}

/// Trees that have grown since their last checkpoint, where that is from `until` or earlier: by its time, those after
/// `position` only.
#[boxed]
pub async fn unsigned(
    connection: &mut Connection<'_>,
    until: Timestamp,
    (at, org): (Timestamp, OrgId),
    limit: u32,
) -> Result<Vec<Unsigned>> {
    let sql = "SELECT org_id, checkpoint_at, size, peaks FROM audit_trees WHERE size > checkpoint_size \
               AND checkpoint_at <= $1 AND (checkpoint_at, org_id) > ($2, $3) ORDER BY checkpoint_at, org_id LIMIT $4";
    connection.all(sql, values![until, at, org, limit]).await
}

/// Checkpoints that have not reached the outside, by organization, with their sizes.
#[boxed]
pub async fn unsent(
    connection: &mut Connection<'_>,
    after: OrgId,
    limit: u32,
) -> Result<Vec<(OrgId, u64, String)>> {
    let sql = "SELECT org_id, checkpoint_size, checkpoint FROM audit_trees WHERE checkpoint_size > sent_size \
               AND org_id > $1 ORDER BY org_id LIMIT $2";
    let found: Vec<(OrgId, i64, String)> = connection.all(sql, values![after, limit]).await?;
    Ok(found.into_iter().map(|(org, size, checkpoint)| (org, number(size), checkpoint)).collect())
}

/// The tree as it is.
#[boxed]
pub async fn find(connection: &mut Connection<'_>, context: OrgContext) -> Result<Option<Tree>> {
    let sql = "SELECT size, late_size, peaks, mac, checkpoint_size, checkpoint_at, checkpoint, sent_size, expired_to \
               FROM audit_trees WHERE org_id = $1";
    connection.optional(sql, values![context.org]).await
}

/// The tree, which nobody else grows before this transaction ends; made if there was none.
#[boxed]
pub async fn lock(connection: &mut Connection<'_>, context: OrgContext, empty: &Tree) -> Result<Tree> {
    let make = "INSERT INTO audit_trees (org_id, size, late_size, peaks, mac, checkpoint_size, checkpoint_at, \
                checkpoint, sent_size, expired_to) VALUES ($1, 0, 0, $2, $3, 0, 0, '', 0, $4) ON CONFLICT DO NOTHING";
    let peaks = Vec::new();
    let bound = values![context.org, &peaks, &empty.mac, empty.expired_to];
    let sql = locking!(
        "SELECT size, late_size, peaks, mac, checkpoint_size, checkpoint_at, checkpoint, sent_size, expired_to \
         FROM audit_trees WHERE org_id = $1"
    );
    if let Some(tree) = connection.optional(sql, values![context.org]).await? {
        return Ok(tree);
    }
    connection.execute(make, bound).await?;
    connection.one(sql, values![context.org]).await
}

/// Saves how far the tree has grown.
#[boxed]
pub async fn grown(connection: &mut Connection<'_>, context: OrgContext, tree: &Tree) -> Result<()> {
    let sql = "UPDATE audit_trees SET size = $2, late_size = $3, peaks = $4, mac = $5 WHERE org_id = $1";
    let (size, late_size) = (stored(tree.frontier.size()), stored(tree.late_size));
    let peaks = tree.frontier.peaks().concat();
    connection.execute(sql, values![context.org, size, late_size, &peaks, &tree.mac]).await?;
    Ok(())
}

/// Keeps the last checkpoint.
#[boxed]
pub async fn signed(
    connection: &mut Connection<'_>,
    context: OrgContext,
    size: u64,
    at: Timestamp,
    checkpoint: &str,
) -> Result<()> {
    let sql =
        "UPDATE audit_trees SET checkpoint_size = $2, checkpoint_at = $3, checkpoint = $4 WHERE org_id = $1";
    connection.execute(sql, values![context.org, stored(size), at, checkpoint]).await?;
    Ok(())
}

/// The checkpoint of that size has reached the outside.
#[boxed]
pub async fn sent(connection: &mut Connection<'_>, context: OrgContext, size: u64) -> Result<()> {
    let sql = "UPDATE audit_trees SET sent_size = $2 WHERE org_id = $1 AND sent_size < $2";
    connection.execute(sql, values![context.org, stored(size)]).await?;
    Ok(())
}

/// Personal values up to this entry were erased because of their age.
#[boxed]
pub async fn expired(connection: &mut Connection<'_>, context: OrgContext, to: EntryId) -> Result<()> {
    let sql = "UPDATE audit_trees SET expired_to = $2 WHERE org_id = $1";
    connection.execute(sql, values![context.org, to]).await?;
    Ok(())
}

/// Takes entries out of those that wait, with their leaves, in the order of their ids.
#[boxed]
pub async fn take(
    connection: &mut Connection<'_>,
    context: OrgContext,
    limit: u32,
) -> Result<Vec<(EntryId, Hash)>> {
    let sql = "DELETE FROM audit_pending WHERE org_id = $1 AND entry_id IN (SELECT entry_id FROM audit_pending \
               WHERE org_id = $1 AND leaf IS NOT NULL ORDER BY entry_id LIMIT $2) RETURNING entry_id, leaf";
    let mut taken: Vec<(EntryId, Hash)> = connection.all(sql, values![context.org, limit]).await?;
    taken.sort_unstable_by_key(|(id, _)| *id);
    Ok(taken)
}

/// Takes entries that wait for their seal too, in the order of their ids.
#[boxed]
pub async fn take_late(
    connection: &mut Connection<'_>,
    context: OrgContext,
    limit: u32,
) -> Result<Vec<EntryId>> {
    let sql = "DELETE FROM audit_pending WHERE org_id = $1 AND leaf IS NULL AND entry_id IN (SELECT entry_id \
               FROM audit_pending WHERE org_id = $1 AND leaf IS NULL ORDER BY entry_id LIMIT $2) RETURNING entry_id";
    let taken: Vec<(EntryId,)> = connection.all(sql, values![context.org, limit]).await?;
    let mut taken: Vec<EntryId> = taken.into_iter().map(|(id,)| id).collect();
    taken.sort_unstable();
    Ok(taken)
}

/// Entries that wait after `after`, with their leaves.
#[boxed]
pub async fn pending(
    connection: &mut Connection<'_>,
    context: OrgContext,
    after: EntryId,
    limit: u32,
) -> Result<Vec<(EntryId, Option<Vec<u8>>)>> {
    let sql = "SELECT entry_id, leaf FROM audit_pending WHERE org_id = $1 AND entry_id > $2 ORDER BY entry_id LIMIT $3";
    connection.all(sql, values![context.org, after, limit]).await
}

/// Whether an entry waits, with its leaf.
#[boxed]
pub async fn is_pending(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: EntryId,
) -> Result<Option<Option<Vec<u8>>>> {
    let sql = "SELECT leaf FROM audit_pending WHERE org_id = $1 AND entry_id = $2";
    let found: Option<(Option<Vec<u8>>,)> = connection.optional(sql, values![context.org, id]).await?;
    Ok(found.map(|(leaf,)| leaf))
}

/// One tile; an empty one if there is none yet.
#[boxed]
pub async fn tile(
    connection: &mut Connection<'_>,
    context: OrgContext,
    level: u32,
    tile: u64,
) -> Result<Tile> {
    let sql = "SELECT ids, hashes FROM audit_tiles WHERE org_id = $1 AND level = $2 AND number = $3";
    let found = connection.optional(sql, values![context.org, level, stored(tile)]).await?;
    Ok(found.unwrap_or_default())
}

/// Tiles of a level from `first` on, each with its number.
#[boxed]
pub async fn tiles(
    connection: &mut Connection<'_>,
    context: OrgContext,
    level: u32,
    first: u64,
    limit: u32,
) -> Result<Vec<(u64, Tile)>> {
    let sql = "SELECT ids, hashes, number FROM audit_tiles WHERE org_id = $1 AND level = $2 AND number >= $3 \
               ORDER BY number LIMIT $4";
    let found: Vec<Numbered> = connection.all(sql, values![context.org, level, stored(first), limit]).await?;
    Ok(found.into_iter().map(|Numbered(number, tile)| (number, tile)).collect())
}

struct Numbered(u64, Tile);

impl Record for Numbered {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self(number(row.get(2)?), Tile::read(row)?))
    }
}

/// Writes a tile, or writes it anew with what was added.
#[boxed]
pub async fn put(
    connection: &mut Connection<'_>,
    context: OrgContext,
    (level, number): (u32, u64),
    tile: &Tile,
) -> Result<()> {
    let sql = "INSERT INTO audit_tiles (org_id, level, number, first_id, last_id, ids, hashes) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, level, number) \
               DO UPDATE SET first_id = $4, last_id = $5, ids = $6, hashes = $7";
    let (first, last) = (tile.ids.iter().min().copied(), tile.ids.iter().max().copied());
    let ids: Vec<u8> = tile.ids.iter().flat_map(|id| *id.0.as_bytes()).collect();
    let hashes = tile.hashes.concat();
    let bound = values![context.org, level, stored(number), first, last, &ids, &hashes];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// At which place an entry stands; `None` while it waits.
#[boxed]
pub async fn place(connection: &mut Connection<'_>, context: OrgContext, id: EntryId) -> Result<Option<u64>> {
    // Tiles lie one behind the other in the order of ids, nearly: an entry that was committed late stands in a later one.
    let sql = "SELECT number, last_id FROM audit_tiles WHERE org_id = $1 AND level = 0 AND last_id >= $2 \
               AND first_id <= $3 AND (last_id, number) > ($4, $5) ORDER BY last_id, number LIMIT 1";
    let (mut last, mut seen) = (EntryId(Uuid::nil()), -1);
    loop {
        let bound = values![context.org, id, id, last, seen];
        let found: Option<(i64, EntryId)> = connection.optional(sql, bound).await?;
        let Some((candidate, its_last)) = found else { return Ok(None) };
        let tile = tile(connection, context, 0, number(candidate)).await?;
        if let Some(offset) = tile.ids.iter().position(|held| *held == id) {
            return Ok(Some(number(candidate) * WIDTH + offset as u64));
        }
        (last, seen) = (its_last, candidate);
    }
}
