//! Recomputes an audit log and says what is not as it was written: every entry against its seal, every place of the
//! tree, every tile, the root, and every checkpoint that somebody has kept.
//!
//! Entries and tiles are read side by side, both nearly in the order of ids, a page at a time: what is kept in memory is
//! what has not met its counterpart yet. Entries that are written meanwhile are no alarm.

mod check;
mod report;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use model::{
    EntryId, OrgContext, Result, Timestamp,
    audit::checkpoint::Checkpoint,
    merkle::{self, Frontier, Hash},
};
use store::{
    Connection,
    audit::Looked,
    audit_tree::{self, Tree, WIDTH},
};
use uuid::Uuid;

use self::check::{Checked, Erased, check_all};
pub use self::report::{Alarm, Report};
use super::tree_mac;
use crate::App;

/// Entries read at once.
const PAGE: u32 = 8192;
/// Tiles read at once: as many leaves.
const TILES: u32 = 32;
/// Entries that one thread checks at a time.
const SHARE: usize = 2048;
/// How often what neither waits nor has a place is looked for again: it may be getting one just now.
const LOOKS: usize = 3;

/// Hashes of a full tile.
const TILE: usize = 256;
const NONE: EntryId = EntryId(Uuid::nil());

impl App {
    /// See the module. `checkpoints` are trusted, their signatures checked; `progress` is told how many entries of how
    /// many have been looked at.
    pub async fn verify_audit(
        &self,
        context: OrgContext,
        checkpoints: Vec<Checkpoint>,
        progress: impl Fn(u64, u64),
    ) -> Result<Report> {
        let sequenced = self.sequence(context).await;
        let tree = match sequenced.and(self.tree(context).await) {
            Err(error) if error.code() == audit_tree::BROKEN => {
                let mut report = Report::default();
                report.alarm("tree.broken", None, error.message());
                return Ok(report);
            }
            tree => tree?,
        };
        let mut verifier = Verifier::new(self, context, tree, checkpoints).await?;
        let (mut after, mut checking) = (NONE, Vec::new());
        loop {
            let page = self.look_through(context, after);
            let (page, ()) = tokio::join!(page, verifier.take(std::mem::take(&mut checking)));
            let page = page?;
            progress(verifier.report.entries, verifier.size.max(verifier.report.entries));
            let last = page.iter().rev().find_map(|looked| looked.id);
            let Some(last) = last else {
                verifier.unreadable(&page);
                break;
            };
            after = last;
            checking = self.check(context, page);
        }
        verifier.end().await?;
        self.look_for_committed(Duration::ZERO).await?;
        self.tell_vanished(&mut verifier.report).await?;
        for trouble in self.audit_troubles(context.org)? {
            match trouble.entry {
                Some(entry) => verifier.report.accuse(&trouble.code, entry, None, &trouble.message),
                None => verifier.report.alarm(&trouble.code, None, &trouble.message),
            }
        }
        Ok(verifier.report)
    }

    async fn look_through(&self, context: OrgContext, after: EntryId) -> Result<Vec<Looked>> {
        self.database()
            .read_blocking(async move |connection: &mut Connection<'_>| {
                store::audit::look_through(connection, context, after, PAGE).await
            })
            .await
    }

    /// Has a page checked by other threads.
    fn check(&self, context: OrgContext, mut page: Vec<Looked>) -> Vec<Checking> {
        let mut shares = Vec::new();
        while !page.is_empty() {
            let rest = page.split_off(page.len().min(SHARE));
            let (share, keys) = (std::mem::replace(&mut page, rest), self.keys().clone());
            shares.push(tokio::task::spawn_blocking(move || check_all(&keys, context, share)));
        }
        shares
    }
}

type Checking = tokio::task::JoinHandle<Vec<Checked>>;

/// What was found so far.
struct Verifier<'a> {
    app: &'a App,
    context: OrgContext,
    report: Report,
    tree: Option<Tree>,
    /// How far the tree had grown at the beginning.
    size: u64,
    /// The next tile to read, and the largest id of those that were.
    next_tile: u64,
    reached: EntryId,
    frontier: Frontier,
    /// The nodes above the leaves, as they should be, by level from 1.
    levels: Vec<Vec<Hash>>,
    /// By size, the largest first.
    checkpoints: Vec<Checkpoint>,
    /// Places whose entries have not come yet.
    expected: HashMap<EntryId, (u64, Hash)>,
    /// Entries whose places have not come yet.
    homeless: HashMap<EntryId, (Hash, bool)>,
    /// Whose entries may lack values, and since when.
    purged: HashSet<(Uuid, Timestamp)>,
    /// Entries before this may lack values since then.
    expired: Vec<(EntryId, Timestamp)>,
    /// Values that lack a reason so far.
    unexplained: Vec<Erased>,
    /// The first place whose entry was sealed when it was written.
    first_sealed: Option<u64>,
    failed: Option<model::Error>,
}

impl<'a> Verifier<'a> {
    async fn new(
        app: &'a App,
        context: OrgContext,
        tree: Option<Tree>,
        mut checkpoints: Vec<Checkpoint>,
    ) -> Result<Self> {
        let head = app.audit_head(context.org)?;
        let losses = app.accepted_losses(context).await?;
        let mut report = Report::default();
        report.checkpoints = checkpoints.len() as u64;
        checkpoints.extend(head);
        checkpoints.retain(|checkpoint| !losses.iter().any(|loss| loss.covers(checkpoint)));
        report.losses = losses.len() as u64;
        checkpoints.sort_unstable_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let size = tree.as_ref().map_or(0, |tree| tree.frontier.size());
        let mut verifier = Self {
            app,
            context,
            report,
            tree,
            size,
            next_tile: 0,
            reached: NONE,
            frontier: Frontier::default(),
            levels: Vec::new(),
            checkpoints,
            expected: HashMap::new(),
            homeless: HashMap::new(),
            purged: HashSet::new(),
            expired: Vec::new(),
            unexplained: Vec::new(),
            first_sealed: None,
            failed: None,
        };
        verifier.learn_what_was_erased().await?;
        verifier.compare_checkpoints();
        Ok(verifier)
    }

    /// Takes what the threads have found.
    async fn take(&mut self, checking: Vec<Checking>) {
        for share in checking {
            let taken = match share.await {
                Ok(checked) => self.meet(checked).await,
                Err(error) => Err(model::Error::internal(error)),
            };
            if let Err(error) = taken {
                self.failed.get_or_insert(error);
            }
        }
    }

    /// Brings entries together with their places.
    async fn meet(&mut self, checked: Vec<Checked>) -> Result<()> {
        if let Some(last) = checked.iter().rev().find_map(|checked| checked.id) {
            while self.reached < last && self.next_tile * WIDTH < self.size {
                self.read_tiles().await?;
            }
        }
        for checked in checked {
            self.report.entries += 1;
            self.report.late += u64::from(checked.late);
            self.report.erased += u64::from(!checked.erased.is_empty());
            let Some(id) = checked.id else {
                self.report.alarm("entry.altered", None, "An entry has an id that is none.");
                continue;
            };
            let place = self.expected.remove(&id);
            if let Some((code, message)) = checked.wrong {
                self.report.accuse(code, id, place.map(|(place, _)| place), message);
            }
            for erased in checked.erased {
                if !self.is_explained(erased) {
                    self.unexplained.push(erased);
                }
            }
            match (place, checked.leaf) {
                (Some((place, hash)), Some(leaf)) => {
                    self.report.sequenced += 1;
                    self.compare_leaf(id, place, &hash, &leaf, checked.late);
                }
                (Some(_), None) => self.report.sequenced += 1,
                (None, leaf) => {
                    self.homeless.insert(id, (leaf.unwrap_or_default(), checked.late));
                }
            }
        }
        Ok(())
    }

    fn compare_leaf(&mut self, id: EntryId, place: u64, hash: &Hash, leaf: &Hash, late: bool) {
        if hash != leaf {
            let message = "It is not the entry that was given this place in the tree.";
            self.report.accuse("entry.altered", id, Some(place), message);
        }
        if !late {
            self.first_sealed = Some(self.first_sealed.map_or(place, |first| first.min(place)));
        } else if self.tree.as_ref().is_some_and(|tree| place >= tree.late_size) {
            let message =
                "It claims to be from before entries were sealed, but stands among those that were.";
            self.report.accuse("entry.foreign", id, Some(place), message);
        }
    }

    /// Reads some tiles: what they hold is expected from now on.
    async fn read_tiles(&mut self) -> Result<()> {
        let (context, first) = (self.context, self.next_tile);
        let read = async move |connection: &mut Connection<'_>| {
            audit_tree::tiles(connection, context, 0, first, TILES).await
        };
        let tiles = self.app.database().read_blocking(read).await?;
        for number in first..first + u64::from(TILES) {
            let wanted = self.size.saturating_sub(number * WIDTH).min(WIDTH);
            if wanted == 0 {
                break;
            }
            self.next_tile = number + 1;
            let tile = tiles.iter().find(|(held, _)| *held == number).map(|(_, tile)| tile);
            let whole =
                tile.filter(|tile| tile.ids.len() == tile.hashes.len() && tile.hashes.len() as u64 >= wanted);
            let Some(tile) = whole else {
                self.report.alarm(
                    "tree.broken",
                    Some(number * WIDTH),
                    "A tile of the tree is missing or cut off.",
                );
                self.reached = self.reached.max(EntryId(Uuid::max()));
                continue;
            };
            let leaves = tile.ids.iter().zip(&tile.hashes).take(usize::try_from(wanted).unwrap_or(0));
            for (place, (id, hash)) in (number * WIDTH..).zip(leaves) {
                self.frontier.push(*hash);
                self.compare_checkpoints();
                self.reached = self.reached.max(*id);
                match self.homeless.remove(id) {
                    Some((leaf, late)) => {
                        self.report.sequenced += 1;
                        self.compare_leaf(*id, place, hash, &leaf, late);
                    }
                    None if self.expected.insert(*id, (place, *hash)).is_some() => {
                        self.report.accuse("tree.broken", *id, Some(place), "It has two places in the tree.");
                    }
                    None => {}
                }
            }
            if wanted == WIDTH {
                self.node(0, merkle::root(&tile.hashes[..TILE]));
            }
        }
        Ok(())
    }

    /// A complete tile of `level` makes a node of the next.
    fn node(&mut self, level: usize, hash: Hash) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(hash);
        let nodes = &self.levels[level];
        if nodes.len().is_multiple_of(TILE) {
            let root = merkle::root(&nodes[nodes.len() - TILE..]);
            self.node(level + 1, root);
        }
    }

    /// Compares the tree as far as it was read with the checkpoints of just that size.
    fn compare_checkpoints(&mut self) {
        while let Some(checkpoint) =
            self.checkpoints.pop_if(|checkpoint| checkpoint.size <= self.frontier.size())
        {
            if checkpoint.root != self.frontier.root() {
                let message = format!(
                    "The checkpoint of {} over {} entries has another root: entries that it covers were changed, \
                     removed, added or moved.",
                    checkpoint.at, checkpoint.size
                );
                self.report.alarm("checkpoint.contradicted", Some(checkpoint.size), &message);
            }
        }
    }

    /// Why values are missing: whose person was purged, and which ages have passed.
    async fn learn_what_was_erased(&mut self) -> Result<()> {
        let (context, mut after) = (self.context, NONE);
        loop {
            let read = async move |connection: &mut Connection<'_>| {
                store::audit::purged(connection, context, after, PAGE).await
            };
            let page = self.app.database().read_blocking(read).await?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            self.purged.extend(page.iter().map(|(_, person, at)| (*person, *at)));
        }
        let read = async move |connection: &mut Connection<'_>| {
            store::audit::expirations(connection, context, PAGE).await
        };
        // One that can't be read explains nothing; it is told of in its turn.
        let entries = self.app.database().read_blocking(read).await.unwrap_or_default();
        self.expired =
            entries.iter().filter_map(|entry| Some((super::expire::limit_of(entry)?, entry.at))).collect();
        Ok(())
    }

    fn is_explained(&self, erased: Erased) -> bool {
        match erased.purged {
            Some(person) => self.purged.contains(&(person, erased.at)),
            None => {
                self.expired.iter().any(|(limit, at)| erased.entry < *limit && erased.at == *at)
                    || (erased.once_named_others && self.purged.iter().any(|(_, at)| erased.at == *at))
            }
        }
    }

    /// A page without one id that can be read.
    fn unreadable(&mut self, page: &[Looked]) {
        if !page.is_empty() {
            self.report.alarm("entry.altered", None, "There are entries whose ids can't be read.");
        }
    }

    async fn end(&mut self) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        while self.next_tile * WIDTH < self.size {
            self.read_tiles().await?;
        }
        for (id, (place, _)) in std::mem::take(&mut self.expected) {
            let message = "It was given this place in the tree and is not there any more: it was deleted.";
            self.report.accuse("entry.missing", id, Some(place), message);
        }
        self.look_for_the_homeless().await?;
        self.look_at_those_that_wait().await?;
        if !self.unexplained.is_empty() {
            self.learn_what_was_erased().await?;
            for erased in std::mem::take(&mut self.unexplained) {
                if !self.is_explained(erased) {
                    let message =
                        "Values were erased, but no purge and no time limit that the log knows explains it.";
                    self.report.accuse("entry.erased", erased.entry, None, message);
                }
            }
        }
        self.compare_tree().await
    }

    /// Entries without a place: they wait for one, or have got one since we began, or don't belong here.
    async fn look_for_the_homeless(&mut self) -> Result<()> {
        for look in 1..=LOOKS {
            for (id, (leaf, late)) in std::mem::take(&mut self.homeless) {
                let context = self.context;
                let read = async move |connection: &mut Connection<'_>| {
                    if let Some(waits) = audit_tree::is_pending(connection, context, id).await? {
                        return Ok((waits, None));
                    }
                    let Some(place) = audit_tree::place(connection, context, id).await? else {
                        return Ok((None, None));
                    };
                    let tile = audit_tree::tile(connection, context, 0, place / WIDTH).await?;
                    let offset = usize::try_from(place % WIDTH).unwrap_or(0);
                    Ok((tile.hashes.get(offset).map(|hash| hash.to_vec()), Some(place)))
                };
                match self.app.database().read(read).await? {
                    (Some(known), place) => {
                        self.report.waiting += u64::from(place.is_none());
                        self.report.sequenced += u64::from(place.is_some());
                        if known != leaf {
                            let message = "It is not the entry that was to get a place in the tree.";
                            self.report.accuse("entry.altered", id, place, message);
                        }
                    }
                    (None, _) if look < LOOKS => _ = self.homeless.insert(id, (leaf, late)),
                    (None, _) => {
                        let message = "It has no place in the tree and does not wait for one: it was put there from outside.";
                        self.report.accuse("entry.foreign", id, None, message);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whatever waits must be there.
    async fn look_at_those_that_wait(&mut self) -> Result<()> {
        let (context, mut after) = (self.context, NONE);
        loop {
            let read = async move |connection: &mut Connection<'_>| {
                let page = audit_tree::pending(connection, context, after, PAGE).await?;
                let mut gone = Vec::new();
                for (id, _) in &page {
                    if store::audit::find_id(connection, context, *id).await?.is_none() {
                        gone.push(*id);
                    }
                }
                Ok((page.last().map(|(id, _)| *id), gone))
            };
            let (last, gone) = self.app.database().read_blocking(read).await?;
            for id in gone {
                self.report.accuse(
                    "entry.missing",
                    id,
                    None,
                    "It waited for its place in the tree and was deleted.",
                );
            }
            let Some(last) = last else { return Ok(()) };
            after = last;
        }
    }

    /// Root, seal and upper tiles of the tree, and checkpoints that know more entries than there are.
    async fn compare_tree(&mut self) -> Result<()> {
        self.report.root_is(&self.frontier.root());
        for checkpoint in std::mem::take(&mut self.checkpoints) {
            let message = format!(
                "The checkpoint of {} covers {} entries; the log has only {}: entries were cut off its end.",
                checkpoint.at, checkpoint.size, self.size
            );
            self.report.alarm("checkpoint.contradicted", Some(self.size), &message);
        }
        let Some(tree) = &self.tree else { return Ok(()) };
        if tree.frontier != self.frontier {
            self.report.alarm("tree.broken", None, "The root of the tree does not follow from its tiles.");
        }
        let mac = tree_mac(self.app.keys(), self.context, self.size, &tree.frontier.root());
        if mac != tree.mac {
            self.report.alarm("tree.broken", None, "The state of the tree was not written by this server.");
        }
        if tree.late_size > self.first_sealed.unwrap_or(self.size) {
            self.report.alarm(
                "tree.broken",
                None,
                "More entries are said to be from before sealing than there are.",
            );
        }
        let context = self.context;
        for (level, nodes) in (1_u32..).zip(std::mem::take(&mut self.levels)) {
            for (number, wanted) in (0_u64..).zip(nodes.chunks(TILE)) {
                let read = async move |connection: &mut Connection<'_>| {
                    audit_tree::tile(connection, context, level, number).await
                };
                let held = self.app.database().read(read).await?;
                if !held.hashes.starts_with(wanted) {
                    let place = number * WIDTH.pow(level + 1);
                    self.report.alarm(
                        "tree.broken",
                        Some(place),
                        "A tile does not follow from those below it.",
                    );
                }
            }
        }
        Ok(())
    }
}
