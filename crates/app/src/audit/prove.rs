//! Proofs for others: that an entry is in the log (inclusion), and that an older log is the beginning of a newer one
//! (consistency), each with a checkpoint to hold them against. Nodes are read from tiles; nothing is hashed anew but what
//! lies inside of one.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{
    EntryId, Error, Kind, OrgContext, OrgId, Permission, Result,
    audit::{
        Entry,
        seal::{Seal, Stored, Whose, hex},
    },
    merkle::{self, Frontier, Hash, Part, Subtree},
};
use serde::{Deserialize, Serialize};
use store::{
    Connection,
    audit_tree::{self, Tile, WIDTH},
    boxed,
};

use super::checkpoint::Signer;
use crate::{Actor, App};

/// That an entry is in the log of that size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The bytes that the leaf is the hash of: JSON text.
    pub leaf: String,
    /// `SHA-256(0x00 ‖ leaf)`, in Base64 as all hashes here.
    pub leaf_hash: String,
    /// At which place of the log, from 0.
    pub index: u64,
    /// Of how many entries.
    pub size: u64,
    /// The root over them.
    pub root: String,
    /// The path from the leaf to the root, lowest first (RFC 6962 §2.1.1).
    pub path: Vec<String>,
    /// The salt of the doer's name and address, in hexadecimal; none once they are erased.
    pub by_salt: Option<String>,
    /// The salt of the target's name, the values and the reason.
    pub about_salt: Option<String>,
    /// Size and root, signed.
    pub checkpoint: String,
}

/// That the log of the smaller size is the beginning of the larger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consistency {
    /// The smaller size.
    pub from: u64,
    /// The root over so many entries, in Base64.
    pub from_root: String,
    /// The larger size.
    pub to: u64,
    /// The root over so many entries.
    pub to_root: String,
    /// The proof (RFC 6962 §2.1.2).
    pub path: Vec<String>,
    /// The larger size and root, signed.
    pub checkpoint: String,
}

/// What an entry is worth as evidence.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The entry.
    pub entry: Entry,
    /// At which place of the tree; `None` while it waits for one.
    pub place: Option<u64>,
    /// Whether it matches its seal.
    pub intact: bool,
    /// The hash of its leaf, in hexadecimal.
    pub leaf: String,
    /// How many entries the last checkpoint covers.
    pub checkpointed: u64,
}

impl App {
    /// One entry, with what proves it.
    #[boxed]
    pub async fn audit_entry(&self, actor: &Actor, id: EntryId) -> Result<Standing> {
        actor.require(Permission::AuditRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            let stored = store::audit::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
            let place = audit_tree::place(connection, context, id).await?;
            Ok((stored, place, audit_tree::find(connection, context).await?))
        };
        let (stored, place, tree) = self.database().read(read).await?;
        let leaf = stored.leaf(context.org);
        let intact = leaf.is_some_and(|leaf| self.is_intact(context, &stored, &leaf));
        let leaf = leaf.map(|leaf| hex(&leaf)).unwrap_or_default();
        let checkpointed = tree.map_or(0, |tree| tree.checkpoint_size);
        Ok(Standing { entry: stored.entry, place, intact, leaf, checkpointed })
    }

    pub(super) fn is_intact(&self, context: OrgContext, stored: &Stored, leaf: &Hash) -> bool {
        let matches = |seal: &Seal, whose| seal.matches(&stored.entry, whose);
        stored.mac == Some(super::entry_mac(self.keys(), context, leaf))
            && stored
                .seal
                .as_ref()
                .is_some_and(|seal| matches(seal, Whose::By) && matches(seal, Whose::About))
    }

    /// Proves that an entry is in the log, of that size or as it is now.
    #[boxed]
    pub async fn prove_inclusion(&self, actor: &Actor, id: EntryId, size: Option<u64>) -> Result<Inclusion> {
        actor.require(Permission::AuditRead)?;
        let context = actor.context;
        self.sequence(context).await?;
        let read = async |connection: &mut Connection<'_>| {
            let stored = store::audit::find(connection, context, id).await?;
            let place = audit_tree::place(connection, context, id).await?;
            Ok((stored, place))
        };
        let (stored, place) = self.database().read(read).await?;
        let stored = stored.ok_or_else(Error::not_found)?;
        let (Some(seal), Some(index)) = (&stored.seal, place) else {
            let message = "This entry has no place in the tree. Run muster audit verify to see why.";
            return Err(Error::new(Kind::Conflict, "audit.no_place", message));
        };
        let size = self.size(context, size, index + 1).await?;
        let mut nodes = Nodes::new(self, context);
        let path = nodes.roots(&merkle::inclusion(index, size)).await?;
        let root = nodes.root(Part { start: 0, end: size }).await?;
        let bytes = seal.leaf_bytes(context.org, &stored.entry);
        let salt = |whose| seal.personal(whose).salt.map(|salt| hex(&salt));
        Ok(Inclusion {
            leaf_hash: STANDARD.encode(merkle::leaf(&bytes)),
            leaf: String::from_utf8(bytes).map_err(Error::internal)?,
            index,
            size,
            root: STANDARD.encode(root),
            path,
            by_salt: salt(Whose::By),
            about_salt: salt(Whose::About),
            checkpoint: self.sign_root(context.org, size, root)?,
        })
    }

    /// Proves that the log of `from` entries is the beginning of that of `to`, or of the log as it is now.
    #[boxed]
    pub async fn prove_consistency(&self, actor: &Actor, from: u64, to: Option<u64>) -> Result<Consistency> {
        actor.require(Permission::AuditRead)?;
        let context = actor.context;
        self.sequence(context).await?;
        let to = self.size(context, to, from).await?;
        let mut nodes = Nodes::new(self, context);
        let path = nodes.roots(&merkle::consistency(from, to)).await?;
        let from_root = nodes.root(Part { start: 0, end: from }).await?;
        let to_root = nodes.root(Part { start: 0, end: to }).await?;
        let checkpoint = self.sign_root(context.org, to, to_root)?;
        let (from_root, to_root) = (STANDARD.encode(from_root), STANDARD.encode(to_root));
        Ok(Consistency { from, from_root, to, to_root, path, checkpoint })
    }

    /// The log as it is now, signed.
    #[boxed]
    pub async fn audit_checkpoint(&self, actor: &Actor) -> Result<String> {
        actor.require(Permission::AuditRead)?;
        self.sequence(actor.context).await?;
        self.ensure_not_in_doubt(actor.context.org)?;
        let root = self.tree(actor.context).await?.map_or_else(Frontier::default, |tree| tree.frontier);
        self.sign_root(actor.context.org, root.size(), root.root())
    }

    /// What is not the log that was known proves nothing.
    fn ensure_not_in_doubt(&self, org: OrgId) -> Result<()> {
        if !self.is_audit_in_doubt(org)? {
            return Ok(());
        }
        let message = "This log is not what this server knew of it, and proves nothing until that is settled. \
                       Run muster audit verify.";
        Err(Error::new(Kind::Conflict, "audit.in_doubt", message))
    }

    fn sign_root(&self, org: OrgId, size: u64, root: Hash) -> Result<String> {
        Signer::new(self.keys())?.sign(org, size, root, self.now())
    }

    /// The size that was asked for, if there is such a tree and it has `least` entries.
    async fn size(&self, context: OrgContext, asked: Option<u64>, least: u64) -> Result<u64> {
        self.ensure_not_in_doubt(context.org)?;
        let present = self.tree(context).await?.map_or(0, |tree| tree.frontier.size());
        let size = asked.unwrap_or(present);
        if (least..=present).contains(&size) {
            return Ok(size);
        }
        let message = format!("Ask for a size from {least} to {present}: so many entries have their place.");
        Err(Error::invalid_field("size", "audit.size", message))
    }
}

/// Reads nodes of a tree, each tile once.
struct Nodes<'a> {
    app: &'a App,
    context: OrgContext,
    tiles: HashMap<(u32, u64), Tile>,
}

impl<'a> Nodes<'a> {
    fn new(app: &'a App, context: OrgContext) -> Self {
        Self { app, context, tiles: HashMap::new() }
    }

    /// The roots of parts, in Base64.
    async fn roots(&mut self, parts: &[Part]) -> Result<Vec<String>> {
        let mut roots = Vec::with_capacity(parts.len());
        for part in parts {
            roots.push(STANDARD.encode(self.root(*part).await?));
        }
        Ok(roots)
    }

    async fn root(&mut self, part: Part) -> Result<Hash> {
        let mut hashes = Vec::new();
        for subtree in part.subtrees() {
            hashes.push(self.subtree(subtree).await?);
        }
        Ok(merkle::fold(&hashes).unwrap_or_else(merkle::empty))
    }

    /// A complete subtree lies whole in one tile: its nodes there make its root.
    async fn subtree(&mut self, subtree: Subtree) -> Result<Hash> {
        let (level, height) = (subtree.level / 8, subtree.level % 8);
        let first = subtree.index << height;
        let key = (level, first / WIDTH);
        if !self.tiles.contains_key(&key) {
            let context = self.context;
            let read = async move |connection: &mut Connection<'_>| {
                audit_tree::tile(connection, context, key.0, key.1).await
            };
            let tile = self.app.database().read(read).await?;
            self.tiles.insert(key, tile);
        }
        let offset = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let nodes = self.tiles.get(&key).and_then(|tile| tile.hashes.get(offset..)?.get(..1 << height));
        nodes.map(merkle::root).ok_or_else(audit_tree::broken)
    }
}
