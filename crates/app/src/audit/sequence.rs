//! The sequencer: gives entries that wait their places in the tree of their organization, in the order of their ids, and
//! writes the tiles.
//!
//! An operation leaves its entries in a table of those that wait, in its own transaction; this takes them out of it in
//! one of its own. So nothing is passed over however late it commits, on one node or several, without asking which
//! transactions are still running; and a tree has one place for each entry, because a place is given where the entry is
//! taken from the waiting ones. The tree's row is locked meanwhile: nodes take turns.

use std::{collections::BTreeMap, time::Duration};

use model::{
    EntryId, OrgContext, OrgId, Result,
    audit::seal::Seal,
    merkle::{self, Frontier, Hash},
};
use store::{
    Attempt, Connection, Lane,
    audit_tree::{self, Tile, Tree, WIDTH},
    boxed,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    entry_mac,
    guard::{LATE, Standing, compare},
    tree_mac,
    vanished::Pass,
};
use crate::{App, keys::Keys};

/// Entries that get their place in one transaction.
const BATCH: u32 = 2048;
/// How often somebody looks whether any wait.
const PAUSE: Duration = Duration::from_secs(1);

impl App {
    /// Sequences until stopped.
    #[boxed]
    pub async fn keep_sequencing(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.sequence_all().await {
                tracing::warn!(%error, detail = error.detail(), "audit entries could not be given their places");
            }
            if let Err(error) = self.look_for_committed(LATE).await {
                tracing::warn!(%error, detail = error.detail(), "audit entries could not be looked for");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Gives every entry that waits its place; answers how many there were.
    #[boxed]
    pub async fn sequence_all(&self) -> Result<usize> {
        for org in self.guard().troubled() {
            self.take_acceptance(org.into(), false).await?;
        }
        let (mut org, mut count, mut pass) = (OrgId(Uuid::nil()), 0, Pass::default());
        loop {
            let look = async |connection: &mut Connection<'_>| audit_tree::waiting(connection, org).await;
            let Some(next) = self.database().read(look).await? else { return Ok(count) };
            count += self.sequence_in(next.into(), &mut pass).await?;
            org = next;
        }
    }

    /// The same, for one organization.
    #[boxed]
    pub async fn sequence(&self, context: OrgContext) -> Result<usize> {
        self.sequence_in(context, &mut Pass::default()).await
    }

    async fn sequence_in(&self, context: OrgContext, pass: &mut Pass) -> Result<usize> {
        let mut count = 0;
        loop {
            let (batch, may_be_more) = self.sequence_batch(context, pass).await?;
            count += batch;
            if !may_be_more {
                return Ok(count);
            }
        }
    }

    async fn sequence_batch(&self, context: OrgContext, pass: &mut Pass) -> Result<(usize, bool)> {
        self.take_acceptance(context, false).await?;
        let (app, head) = (self.clone(), self.audit_head(context.org)?);
        let work = async move |connection: &mut Connection<'_>| {
            let known = audit_tree::find(connection, context).await?;
            // Before there is a tree: one that was known never begins again.
            if known.is_none()
                && let broken @ Standing::Broken { .. } =
                    compare(connection, context, head.as_ref(), None).await?
            {
                return Ok(Attempt::Discard(Batch::Refused(broken)));
            }
            let mut growth = Growth::begin(connection, context, app.keys()).await?;
            let standing = compare(connection, context, head.as_ref(), Some(&growth.tree)).await?;
            if standing != Standing::Whole {
                return Ok(Attempt::Discard(Batch::Refused(standing)));
            }
            let taken = audit_tree::take(connection, context, BATCH).await?;
            for (id, leaf) in &taken {
                growth.add(connection, *id, *leaf).await?;
            }
            let tree = growth.tree.clone();
            if !taken.is_empty() {
                growth.save(connection, app.keys()).await?;
            }
            Ok(Attempt::Commit(Batch::Grown(taken, tree)))
        };
        match self.sequencing(context, work).await? {
            Batch::Refused(Standing::Broken { .. }) if self.take_acceptance(context, true).await? => {
                Ok((0, true))
            }
            Batch::Refused(Standing::Broken { code, message }) => {
                self.raise(context, code, None, &message).await?;
                Ok((0, false))
            }
            Batch::Refused(Standing::Whole) => Ok((0, false)),
            Batch::Grown(taken, tree) => {
                let begins = self.audit_head(context.org)?.is_none();
                if !taken.is_empty() || begins {
                    self.head_grown(context, &tree)?;
                }
                if begins {
                    self.look_for_vanished(context, pass).await?;
                    if !taken.is_empty() && tree.frontier.size() == taken.len() as u64 {
                        let first: Vec<EntryId> = taken.iter().map(|(id, _)| *id).collect();
                        self.look_how_it_begins(context, &first).await?;
                    }
                }
                self.note_placed(context, &taken).await?;
                Ok((taken.len(), taken.len() == BATCH as usize))
            }
        }
    }

    async fn sequencing<T, W>(&self, context: OrgContext, work: W) -> Result<T>
    where
        W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let entry = EntryId::new(self.now(), self.entropy());
        let proof = store::Proof { org: context.org, entry };
        self.database().transaction(proof, Lane::Bulk, work, |_, _| ()).await
    }

    /// Seals entries from before there were seals: once, when an upgrade needs it. A log of which anything is known was
    /// sealed before; an entry without a seal is there one that was put there by somebody else.
    #[boxed]
    pub async fn seal_late_entries(&self) -> Result<usize> {
        let (mut org, mut count, mut pass) = (OrgId(Uuid::nil()), 0, Pass::default());
        loop {
            let look = async |connection: &mut Connection<'_>| audit_tree::waiting(connection, org).await;
            let Some(next) = self.database().read(look).await? else { return Ok(count) };
            org = next;
            // What waits for its seal may be a log that somebody made begin again.
            if self.audit_head(org)?.is_some() || self.look_for_vanished(org.into(), &mut pass).await? {
                continue;
            }
            loop {
                let (app, context) = (self.clone(), OrgContext::from(org));
                let work = async move |connection: &mut Connection<'_>| {
                    let mut growth = Growth::begin(connection, context, app.keys()).await?;
                    let late = growth.seal_late(connection, &app).await?;
                    growth.tree.late_size += late.len() as u64;
                    for (id, leaf) in &late {
                        growth.add(connection, *id, *leaf).await?;
                    }
                    if !late.is_empty() {
                        growth.save(connection, app.keys()).await?;
                    }
                    Ok(Attempt::Commit(late.len()))
                };
                let sealed = self.sequencing(context, work).await?;
                count += sealed;
                if sealed == 0 {
                    break;
                }
            }
        }
    }
}

/// What became of a batch.
enum Batch {
    /// These have got their places, and the tree is now this.
    Grown(Vec<(EntryId, Hash)>, Tree),
    /// The tree is not what is known of it.
    Refused(Standing),
}

/// A tree that is growing, with the tiles that have changed.
struct Growth {
    context: OrgContext,
    tree: Tree,
    /// The last tile of each level, as far as it was looked at.
    edge: Vec<Tile>,
    changed: BTreeMap<(u32, u64), Tile>,
}

impl Growth {
    async fn begin(connection: &mut Connection<'_>, context: OrgContext, keys: &Keys) -> Result<Self> {
        let tree = audit_tree::lock(connection, context, &empty(keys, context)).await?;
        Ok(Self { context, tree, edge: Vec::new(), changed: BTreeMap::new() })
    }

    /// Seals some entries from before there were seals, and answers them with their leaves. Only while nothing else is in
    /// the tree.
    async fn seal_late(&self, connection: &mut Connection<'_>, app: &App) -> Result<Vec<(EntryId, Hash)>> {
        if self.tree.late_size != self.tree.frontier.size() {
            return Ok(Vec::new());
        }
        let mut sealed = Vec::new();
        for id in audit_tree::take_late(connection, self.context, BATCH).await? {
            let Some(stored) = store::audit::find(connection, self.context, id).await? else { continue };
            let (mut by, mut about) = ([0; 32], [0; 32]);
            app.entropy().fill(&mut by);
            app.entropy().fill(&mut about);
            let seal = Seal::new(&stored.entry, by, about, true);
            let leaf = seal.leaf(self.context.org, &stored.entry);
            let mac = entry_mac(app.keys(), self.context, &leaf);
            store::audit::seal_late(connection, self.context, id, &seal, &mac).await?;
            sealed.push((id, leaf));
        }
        Ok(sealed)
    }

    /// Puts a leaf at the end, and the root of each tile that becomes full into the level above.
    async fn add(&mut self, connection: &mut Connection<'_>, id: EntryId, leaf: Hash) -> Result<()> {
        let (mut level, mut place, mut hash) = (0, self.tree.frontier.size(), leaf);
        self.tree.frontier.push(leaf);
        loop {
            let (number, offset) = (place / WIDTH, place % WIDTH);
            if self.edge.len() == level as usize {
                let known = if offset == 0 {
                    Tile::default()
                } else {
                    audit_tree::tile(connection, self.context, level, number).await?
                };
                self.edge.push(known);
            }
            let tile = &mut self.edge[level as usize];
            if level == 0 {
                tile.ids.push(id);
            }
            tile.hashes.push(hash);
            if offset + 1 < WIDTH {
                return Ok(());
            }
            let full = std::mem::take(tile);
            hash = merkle::root(&full.hashes);
            self.changed.insert((level, number), full);
            (level, place) = (level + 1, number);
        }
    }

    async fn save(mut self, connection: &mut Connection<'_>, keys: &Keys) -> Result<()> {
        let mut width = self.tree.frontier.size();
        for (level, tile) in (0_u32..).zip(self.edge) {
            if !tile.hashes.is_empty() {
                self.changed.insert((level, width / WIDTH), tile);
            }
            width /= WIDTH;
        }
        for (place, tile) in &self.changed {
            audit_tree::put(connection, self.context, *place, tile).await?;
        }
        self.tree.mac = tree_mac(keys, self.context, self.tree.frontier.size(), &self.tree.frontier.root());
        audit_tree::grown(connection, self.context, &self.tree).await
    }
}

/// The tree before its first entry.
fn empty(keys: &Keys, context: OrgContext) -> Tree {
    let frontier = Frontier::default();
    Tree {
        mac: tree_mac(keys, context, 0, &frontier.root()),
        frontier,
        late_size: 0,
        checkpoint_size: 0,
        checkpoint_at: model::Timestamp::from_micros(0),
        checkpoint: String::new(),
        sent_size: 0,
        expired_to: EntryId(Uuid::nil()),
    }
}
