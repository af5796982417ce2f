//! What this server knows of its logs that nobody can take from it by changing the database: the newest head of each log,
//! signed and outside the database, and the seals of what this node has committed, until it has seen them in the tree.
//!
//! A log that lacks what is known of it does not grow, and never begins again: entries wait, everything else goes on, and
//! an alarm stands until somebody on the host accepts the loss (`accept.rs`).

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use model::{
    EntryId, Error, Kind, OrgContext, OrgId, Result, Timestamp,
    audit::checkpoint::Checkpoint,
    merkle::{self, Hash, Part},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{
    Connection, Outcome, Proof,
    audit_tree::{self, Tree, WIDTH},
    boxed,
};

use super::{
    checkpoint::Signer,
    files::{read, unreadable, write},
};
use crate::App;

/// An entry that has waited for its place for longer is told of.
pub const LATE: Duration = Duration::from_secs(5);
/// So many seals are remembered at most; a node that commits more before it sees any in the tree forgets the oldest.
const REMEMBERED: usize = 200_000;
/// So many are looked for at once.
const AT_ONCE: usize = 500;

/// Something is missing from a log, or is not what this server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// A stable name: `log.behind`, `log.contradicted`, `entry.lost`.
    pub code: String,
    /// Which entry, if it is about one.
    pub entry: Option<EntryId>,
    /// When it was found.
    pub at: Timestamp,
    /// What is wrong, for people.
    pub message: String,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Guard {
    /// Where heads are kept.
    directory: OnceLock<PathBuf>,
    logs: Mutex<HashMap<OrgId, Known>>,
    committed: Mutex<BTreeMap<EntryId, Committed>>,
    /// Why heads can't be written, while that is so.
    unwritable: Mutex<Option<String>>,
    /// Held while a head of the log is compared and written, so that nobody waits for the disk of another log.
    writing: Mutex<HashMap<OrgId, Arc<Mutex<()>>>>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    head: Option<Checkpoint>,
    troubles: Vec<Trouble>,
}

#[derive(Debug, Clone, Copy)]
struct Committed {
    org: OrgId,
    leaf: Hash,
    at: Timestamp,
    told: bool,
    /// The transaction, if nobody knows whether it was committed.
    unsure: Option<Proof>,
}

impl Known {
    fn is_in_doubt(&self) -> bool {
        self.troubles.iter().any(|trouble| trouble.code.starts_with("log."))
    }
}

/// How a tree stands to what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It holds all that is known.
    Whole,
    /// It lacks entries, or its beginning is another one.
    Broken { code: &'static str, message: String },
}

impl Guard {
    fn file(&self, org: OrgId, ending: &str) -> Option<PathBuf> {
        Some(self.directory.get()?.join(format!("{org}.{ending}")))
    }

    /// Remembers what was just committed, or may have been.
    pub(crate) fn remember(
        &self,
        transaction: Proof,
        sealed: &[(EntryId, Hash)],
        at: Timestamp,
        outcome: Outcome,
    ) {
        let (org, unsure) = (transaction.org, (outcome == Outcome::Unknown).then_some(transaction));
        let entry = |leaf: &Hash| Committed { org, leaf: *leaf, at, told: false, unsure };
        let mut committed = self.committed.lock();
        committed.extend(sealed.iter().map(|(id, leaf)| (*id, entry(leaf))));
        while committed.len() > REMEMBERED {
            committed.pop_first();
        }
    }

    /// These have got their places; answers those that are not what was committed.
    fn placed(&self, placed: &[(EntryId, Hash)]) -> Vec<EntryId> {
        let mut committed = self.committed.lock();
        let is_other = |(id, leaf): &&(EntryId, Hash)| {
            committed.remove(id).is_some_and(|committed| committed.leaf != *leaf)
        };
        placed.iter().filter(is_other).map(|(id, _)| *id).collect()
    }

    /// Where heads are kept, if they are.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.directory.get().map(PathBuf::as_path)
    }

    /// The logs with which something is wrong.
    pub(super) fn troubled(&self) -> Vec<OrgId> {
        let logs = self.logs.lock();
        logs.iter().filter(|(_, known)| !known.troubles.is_empty()).map(|(org, _)| *org).collect()
    }

    /// Why heads can't be written; `None`: they can, as far as is known.
    pub(crate) fn unwritable(&self) -> Option<String> {
        self.unwritable.lock().clone()
    }
}

/// The root of the first `size` leaves of a tree, from its tiles.
async fn root_of(connection: &mut Connection<'_>, context: OrgContext, size: u64) -> Result<Hash> {
    let mut hashes = Vec::new();
    for subtree in (Part { start: 0, end: size }).subtrees() {
        let (level, height) = (subtree.level / 8, subtree.level % 8);
        let first = subtree.index << height;
        let tile = audit_tree::tile(connection, context, level, first / WIDTH).await?;
        let offset = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let nodes = tile.hashes.get(offset..).and_then(|rest| rest.get(..1 << height));
        hashes.push(nodes.map(merkle::root).ok_or_else(audit_tree::broken)?);
    }
    Ok(merkle::fold(&hashes).unwrap_or_else(merkle::empty))
}

/// Compares a tree with the newest head that is known of it.
pub(super) async fn compare(
    connection: &mut Connection<'_>,
    context: OrgContext,
    head: Option<&Checkpoint>,
    tree: Option<&Tree>,
) -> Result<Standing> {
    let Some(head) = head.filter(|head| head.size > 0) else { return Ok(Standing::Whole) };
    let size = tree.map_or(0, |tree| tree.frontier.size());
    if size < head.size {
        let message = format!(
            "The log has {size} entries in its tree; on {} it had {}. Entries were taken away, or an older copy of the \
             database was put in its place.",
            head.at, head.size
        );
        return Ok(Standing::Broken { code: "log.behind", message });
    }
    let root = match tree {
        Some(tree) if size == head.size => Ok(tree.frontier.root()),
        _ => root_of(connection, context, head.size).await,
    };
    match root {
        Ok(root) if root == head.root => Ok(Standing::Whole),
        Err(error) if error.code() != audit_tree::BROKEN => Err(error),
        _ => {
            let message = format!(
                "The first {} entries of the log are not those of {}: entries were changed, removed, added or moved.",
                head.size, head.at
            );
            Ok(Standing::Broken { code: "log.contradicted", message })
        }
    }
}

impl App {
    /// Keeps the heads of logs in that directory from now on, and reads those that are there. Only the first call counts.
    pub fn keep_audit_heads_in(&self, directory: impl Into<PathBuf>) {
        self.guard().directory.get_or_init(|| directory.into());
    }

    /// Whether heads can be written: an error says why not.
    pub fn try_audit_directory(&self) -> Result<()> {
        let Some(directory) = self.guard().directory.get() else { return Ok(()) };
        let probe = directory.join("writable");
        let tried = write(&probe, "").and_then(|()| fs::remove_file(&probe));
        tried.map_err(|error| {
            let message = format!(
                "The heads of the audit log can't be written to {}. Make it a directory that Muster may write to, or set \
                 audit.directory.",
                directory.display()
            );
            Error::new(Kind::Unavailable, "audit.unwritable", message).with_detail(error)
        })
    }

    /// What is known of a log, read from the files the first time.
    fn known(&self, org: OrgId) -> Result<Known> {
        let guard = self.guard();
        if let Some(known) = guard.logs.lock().get(&org) {
            return Ok(known.clone());
        }
        let mut known = Known::default();
        if let (Some(head), Some(checkpoints), Some(troubles)) =
            (guard.file(org, "head"), guard.file(org, "txt"), guard.file(org, "alarms"))
        {
            let signer = Signer::new(self.keys())?;
            let heads = signer.read(org, &read(&head)?)?;
            // A head is never older than a checkpoint, unless it was lost or there were none yet. After a loss that was
            // accepted it is smaller than checkpoints from before, and counts.
            known.head = match heads.into_iter().next_back() {
                Some(head) => Some(head),
                None => signer.read(org, &read(&checkpoints)?)?.into_iter().max_by_key(|one| one.size),
            };
            for line in read(&troubles)?.lines() {
                known
                    .troubles
                    .push(serde_json::from_str(line).map_err(|error| unreadable(&troubles, error))?);
            }
        }
        Ok(guard.logs.lock().entry(org).or_insert(known).clone())
    }

    /// The newest head that is known of a log.
    pub(super) fn audit_head(&self, org: OrgId) -> Result<Option<Checkpoint>> {
        Ok(self.known(org)?.head)
    }

    /// What is wrong with a log, until somebody on the host accepts it.
    pub fn audit_troubles(&self, org: OrgId) -> Result<Vec<Trouble>> {
        Ok(self.known(org)?.troubles)
    }

    /// Whether a log is not what is known of it.
    pub(super) fn is_audit_in_doubt(&self, org: OrgId) -> Result<bool> {
        Ok(self.known(org)?.is_in_doubt())
    }

    /// Takes what somebody on the host has accepted, on this or another node: a sealed entry later than what is wrong.
    /// `is_behind`: the tree was just found not to be what is known.
    pub(super) async fn take_acceptance(&self, context: OrgContext, is_behind: bool) -> Result<bool> {
        let known = self.known(context.org)?;
        let is_log = is_behind || known.is_in_doubt();
        if !is_log && known.troubles.is_empty() {
            return Ok(false);
        }
        let losses = self.accepted_losses(context).await?;
        let is_accepted = losses.iter().any(|loss| {
            known.troubles.iter().all(|trouble| trouble.at <= loss.at())
                && (!is_log || known.head.as_ref().is_some_and(|head| loss.covers(head)))
        });
        if !is_accepted {
            return Ok(false);
        }
        let head = match self.tree(context).await? {
            _ if !is_log => None,
            Some(tree) => Some((tree.frontier.size(), tree.frontier.root())),
            None => Some((0, merkle::empty())),
        };
        self.believe(context.org, head)?;
        Ok(true)
    }

    /// Why heads can't be written at present.
    pub fn audit_heads_unwritable(&self) -> Option<String> {
        self.guard().unwritable()
    }

    /// The tree has grown to this: nothing less is believed from now on.
    pub(super) fn head_grown(&self, context: OrgContext, tree: &Tree) -> Result<()> {
        let head = Checkpoint {
            origin: model::audit::checkpoint::origin(context.org),
            size: tree.frontier.size(),
            root: tree.frontier.root(),
            at: self.now(),
        };
        self.put_head(context.org, head, false)
    }

    /// Keeps a head. Of nodes with one directory the one that is behind does not overwrite what another knows.
    pub(super) fn put_head(&self, org: OrgId, head: Checkpoint, is_accepted: bool) -> Result<()> {
        let guard = self.guard();
        if let Some(path) = guard.file(org, "head") {
            let signer = Signer::new(self.keys())?;
            let writing = guard.writing.lock().entry(org).or_default().clone();
            let _turn = writing.lock();
            let newer = signer.read(org, &read(&path)?)?.into_iter().any(|known| known.size > head.size);
            if is_accepted || !newer {
                let note = signer.sign(org, head.size, head.root, head.at)?;
                let failed = write(&path, &note).err();
                let why = failed.map(|error| format!("{}: {error}", path.display()));
                let before = std::mem::replace(&mut *guard.unwritable.lock(), why.clone());
                if let Some(why) = why.filter(|_| before.is_none()) {
                    tracing::error!("the head of the audit log can't be written: {why}");
                }
            }
        }
        guard.logs.lock().entry(org).or_default().head = Some(head);
        Ok(())
    }

    /// Raises an alarm, unless it stands already: kept, logged, counted, and told to the owners.
    pub(super) async fn raise(
        &self,
        context: OrgContext,
        code: &str,
        entry: Option<EntryId>,
        message: &str,
    ) -> Result<()> {
        let org = context.org;
        self.known(org)?;
        let trouble = Trouble { code: code.to_owned(), entry, at: self.now(), message: message.to_owned() };
        {
            let mut logs = self.guard().logs.lock();
            let known = logs.entry(org).or_default();
            if known.troubles.iter().any(|known| known.code == code && known.entry == entry) {
                return Ok(());
            }
            known.troubles.push(trouble.clone());
        }
        tracing::error!(%org, code, entry = ?entry, "audit log: {message}");
        metrics::counter!("muster_audit_alarms_total").increment(1);
        if let Some(path) = self.guard().file(org, "alarms") {
            let line = serde_json::to_string(&trouble).map_err(Error::internal)?;
            let text = format!("{}{line}\n", read(&path)?);
            write(&path, &text).map_err(|error| unreadable(&path, error))?;
        }
        self.tell_owners_of_audit(context, message).await
    }

    /// How a log stands: what is wrong with it, and for how long its oldest entry has waited for a place.
    #[boxed]
    pub async fn audit_health(&self, org: OrgId) -> Result<(Vec<Trouble>, Duration)> {
        let (context, head, now) = (OrgContext::from(org), self.audit_head(org)?, self.now());
        let read = async |connection: &mut Connection<'_>| {
            let tree = audit_tree::find(connection, context).await;
            let standing = match &tree {
                Ok(tree) => compare(connection, context, head.as_ref(), tree.as_ref()).await?,
                Err(error) => Standing::Broken { code: "tree.broken", message: error.message().to_owned() },
            };
            let first = audit_tree::pending(connection, context, EntryId(uuid::Uuid::nil()), 1).await?;
            Ok((standing, first.first().map(|(id, _)| *id)))
        };
        let (standing, oldest) = self.database().read(read).await?;
        let mut troubles = self.audit_troubles(org)?;
        if let Standing::Broken { code, message } = standing
            && troubles.iter().all(|trouble| trouble.code != code)
        {
            troubles.push(Trouble { code: code.to_owned(), entry: None, at: now, message });
        }
        let made = oldest.and_then(|id| id.0.get_timestamp()).map(|time| {
            let (seconds, nanos) = time.to_unix();
            let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
            Timestamp::from_micros(micros.saturating_add(i64::from(nanos / 1000)))
        });
        Ok((troubles, made.map_or(Duration::ZERO, |made| now.since(made))))
    }

    /// Takes note of entries that have got their places.
    pub(super) async fn note_placed(&self, context: OrgContext, placed: &[(EntryId, Hash)]) -> Result<()> {
        for id in self.guard().placed(placed) {
            let message = "An entry was changed before it got its place in the tree.";
            self.raise(context, "entry.altered", Some(id), message).await?;
        }
        Ok(())
    }

    /// Looks where entries are that this node committed more than `age` ago and has not seen in the tree: those that
    /// are nowhere raise an alarm, those that wait are told of. Where nobody knew whether they were committed, they may
    /// be nowhere: then they were not.
    #[boxed]
    pub async fn look_for_committed(&self, age: Duration) -> Result<()> {
        let now = self.now();
        let looked: Vec<(EntryId, Committed)> = {
            let committed = self.guard().committed.lock();
            let old = committed.iter().filter(|(_, committed)| committed.at.plus(age) <= now);
            old.take(AT_ONCE).map(|(id, committed)| (*id, *committed)).collect()
        };
        for (id, Committed { org, leaf, at, told, unsure }) in looked {
            let context = OrgContext::from(org);
            match self.find_committed(context, id, unsure).await? {
                Found::Waits(waiting) if waiting == leaf => {
                    let is_late = at.plus(LATE) <= now;
                    if is_late && !told {
                        tracing::warn!(%org, entry = %id, "an audit entry has waited for its place for over 5 seconds");
                    }
                    if let Some(committed) = self.guard().committed.lock().get_mut(&id) {
                        committed.told |= is_late;
                        committed.unsure = None;
                    }
                    continue;
                }
                Found::Placed(placed) if placed == leaf => {}
                Found::Waits(_) | Found::Placed(_) => {
                    let message = "An entry that was written is not as it was written.";
                    self.raise(context, "entry.altered", Some(id), message).await?;
                }
                Found::UnderWay => continue,
                Found::Never => tracing::info!(%org, entry = %id, "a COMMIT of unknown outcome was not done"),
                Found::Nowhere => {
                    let message = "An entry that was written is nowhere in the log.";
                    self.raise(context, "entry.lost", Some(id), message).await?;
                }
            }
            self.guard().committed.lock().remove(&id);
        }
        Ok(())
    }

    async fn find_committed(&self, context: OrgContext, id: EntryId, unsure: Option<Proof>) -> Result<Found> {
        // In this order: what has ended changes nothing any more, and an entry that does not wait any more has its place.
        let read = async move |connection: &mut Connection<'_>| {
            let is_committed = match unsure {
                Some(transaction) => store::committed(connection, transaction).await?,
                None => Some(true),
            };
            let Some(is_committed) = is_committed else { return Ok(Found::UnderWay) };
            if let Some(waits) = audit_tree::is_pending(connection, context, id).await? {
                let leaf = waits.and_then(|leaf| leaf.try_into().ok()).unwrap_or_default();
                return Ok(Found::Waits(leaf));
            }
            let Some(place) = audit_tree::place(connection, context, id).await? else {
                return Ok(if is_committed { Found::Nowhere } else { Found::Never });
            };
            let tile = audit_tree::tile(connection, context, 0, place / WIDTH).await?;
            let offset = usize::try_from(place % WIDTH).unwrap_or(usize::MAX);
            Ok(tile.hashes.get(offset).map_or(Found::Nowhere, |hash| Found::Placed(*hash)))
        };
        self.database().read(read).await
    }

    /// Forgets what was wrong with a log; with a size and root, believes it as it is.
    pub(super) fn believe(&self, org: OrgId, tree: Option<(u64, Hash)>) -> Result<()> {
        if let Some((size, root)) = tree {
            let origin = model::audit::checkpoint::origin(org);
            self.put_head(org, Checkpoint { origin, size, root, at: self.now() }, true)?;
        }
        if let Some(path) = self.guard().file(org, "alarms") {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(unreadable(&path, error));
                }
                _ => {}
            }
        }
        self.guard().logs.lock().entry(org).or_default().troubles.clear();
        self.guard().committed.lock().retain(|_, committed| committed.org != org);
        Ok(())
    }
}

/// Where an entry is.
enum Found {
    Waits(Hash),
    Placed(Hash),
    Nowhere,
    /// Nobody can tell yet whether it was committed.
    UnderWay,
    /// It was not committed.
    Never,
}
