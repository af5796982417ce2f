//! Checkpoints: signed statements of how many entries a log has and which root they make, kept outside the database. Who
//! changes the database afterwards contradicts them.
//!
//! The signing key follows from the server's key. Each organization's checkpoints are appended to a file of its own, and
//! sent to an address if one is set; `model/src/audit/checkpoint.rs` is their text.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use model::{
    Error, Kind, OrgContext, OrgId, Result, Timestamp,
    audit::checkpoint::{self, Checkpoint},
    merkle::Hash,
};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use store::{
    Connection,
    audit_tree::{self, Tree, Unsigned},
    boxed,
};
use tokio_util::sync::CancellationToken;

use crate::{App, keys::Keys};

/// How often somebody looks whether a checkpoint is due, or has not been sent yet.
const LOOK: Duration = Duration::from_secs(10);
/// After a failure, sending is tried again this much later; twice as much each time, up to an hour.
const AGAIN: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// Checkpoints that are written or sent at once.
const PAGE: u32 = 1000;

/// Where checkpoints go, and how often.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// The directory of the files.
    pub directory: PathBuf,
    /// How long after the last one the next is due, if anything has happened.
    pub every: Duration,
    /// Where each is sent, too.
    pub url: Option<String>,
}

impl Keeping {
    /// The file of an organization's checkpoints.
    pub fn file(&self, org: OrgId) -> PathBuf {
        self.directory.join(format!("{org}.txt"))
    }
}

/// Signs checkpoints.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The signer of the server with these keys.
    pub fn new(keys: &Keys) -> Result<Self> {
        let seed = keys.derive("audit checkpoint", &[]);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(Error::internal)?;
        Ok(Self { pair })
    }

    /// The public key.
    pub fn public(&self) -> Result<[u8; 32]> {
        self.pair.public_key().as_ref().try_into().map_err(Error::internal)
    }

    /// The public key as tools take it, for an organization's log.
    pub fn verifier_key(&self, org: OrgId) -> Result<String> {
        Ok(checkpoint::verifier_key(&checkpoint::origin(org), &self.public()?))
    }

    /// Signs that an organization's log had so many entries with that root.
    pub fn sign(&self, org: OrgId, size: u64, root: Hash, at: Timestamp) -> Result<String> {
        let checkpoint = Checkpoint { origin: checkpoint::origin(org), size, root, at };
        let text = checkpoint.text();
        let signature = self.pair.sign(text.as_bytes());
        Ok(checkpoint::note(&text, &checkpoint.origin, &self.public()?, signature.as_ref()))
    }

    /// Reads a file of checkpoints of an organization; one that is not signed with this key is refused.
    pub fn read(&self, org: OrgId, file: &str) -> Result<Vec<Checkpoint>> {
        let key = self.public()?;
        checkpoint::read(file, &checkpoint::origin(org), &key, |text, signature| {
            UnparsedPublicKey::new(&ED25519, key).verify(text, signature).is_ok()
        })
    }
}

impl App {
    /// Signs and keeps checkpoints until stopped; a last one then.
    #[boxed]
    pub async fn keep_checkpoints(&self, keeping: Keeping, stop: CancellationToken) {
        let (mut failures, mut send_at) = (0, Timestamp::from_micros(0));
        loop {
            let every = if stop.is_cancelled() { Duration::ZERO } else { keeping.every };
            if let Err(error) = self.checkpoint_all(&keeping, every).await {
                tracing::error!(%error, detail = error.detail(), "audit checkpoints could not be written");
            }
            if keeping.url.is_some() && self.now() >= send_at {
                let sent = self.send_checkpoints(&keeping).await;
                if let Err(error) = &sent {
                    let detail = error.detail();
                    tracing::warn!(%error, detail, "an audit checkpoint could not be sent; it is tried again");
                }
                failures = if sent.is_ok() { 0 } else { failures + 1 };
                let pause = if failures == 0 { LOOK } else { AGAIN * (1 << (failures - 1).min(6)) };
                send_at = self.now().plus(pause.min(LONGEST));
            }
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Writes a checkpoint for each organization whose last one is older than `every` and whose log has grown since.
    #[boxed]
    pub async fn checkpoint_all(&self, keeping: &Keeping, every: Duration) -> Result<usize> {
        self.sequence_all().await?;
        let (until, mut after) =
            (self.now().minus(every), (Timestamp::from_micros(-1), OrgContext::NOWHERE.org));
        let mut written = 0;
        loop {
            let look = async |connection: &mut Connection<'_>| {
                audit_tree::unsigned(connection, until, after, PAGE).await
            };
            let due = self.database().read(look).await?;
            let Some(last) = due.last() else { return Ok(written) };
            after = (last.checkpoint_at, last.org);
            // What is not the log that was known is not vouched for.
            let mut sound = Vec::with_capacity(due.len());
            for tree in due {
                if !self.is_audit_in_doubt(tree.org)? {
                    sound.push(tree);
                }
            }
            written += sound.len();
            self.checkpoint(keeping, sound).await?;
        }
    }

    /// Signs these trees, keeps the files first, then says so in the database, in one transaction.
    async fn checkpoint(&self, keeping: &Keeping, due: Vec<Unsigned>) -> Result<()> {
        let (signer, now) = (Signer::new(self.keys())?, self.now());
        let sign = |tree: Unsigned| {
            let (org, size, root) = (tree.org, tree.frontier.size(), tree.frontier.root());
            Ok((org, size, signer.sign(org, size, root, now)?))
        };
        let notes = due.into_iter().map(sign).collect::<Result<Vec<_>>>()?;
        append_all(
            &keeping.directory,
            notes.iter().map(|(org, _, note)| (keeping.file(*org), note.as_str())),
        )?;
        self.maintain(OrgContext::NOWHERE, async move |connection| {
            for (org, size, note) in &notes {
                audit_tree::signed(connection, (*org).into(), *size, now, note).await?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn tree(&self, context: OrgContext) -> Result<Option<Tree>> {
        let read = async |connection: &mut Connection<'_>| audit_tree::find(connection, context).await;
        self.database().read(read).await
    }

    /// Sends checkpoints that have not been sent; answers how many there were.
    #[boxed]
    pub async fn send_checkpoints(&self, keeping: &Keeping) -> Result<usize> {
        let Some(url) = &keeping.url else { return Ok(0) };
        let (mut after, mut count) = (OrgContext::NOWHERE.org, 0);
        loop {
            let look =
                async |connection: &mut Connection<'_>| audit_tree::unsent(connection, after, PAGE).await;
            let unsent = self.database().read(look).await?;
            let Some((last, ..)) = unsent.last() else { return Ok(count) };
            after = *last;
            count += unsent.len();
            for (org, size, checkpoint) in unsent {
                let context = OrgContext::from(org);
                connect::post::send(url, "text/plain; charset=utf-8", checkpoint.into_bytes()).await?;
                self.maintain(context, async move |connection| {
                    audit_tree::sent(connection, context, size).await
                })
                .await?;
            }
        }
    }

    /// Reads checkpoints of this server; see [`Signer::read`].
    pub fn read_checkpoints(&self, org: OrgId, file: &str) -> Result<Vec<Checkpoint>> {
        Signer::new(self.keys())?.read(org, file)
    }

    /// The key with which others check the checkpoints of an organization.
    pub fn audit_key(&self, org: OrgId) -> Result<String> {
        Signer::new(self.keys())?.verifier_key(org)
    }
}

/// Appends to the files, which are on disk when this returns. The disk is waited for once, however many there are: a clean
/// stop has to do it for every organization.
fn append_all<'n>(directory: &Path, notes: impl Iterator<Item = (PathBuf, &'n str)>) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|error| unwritable(directory, error))?;
    for (path, note) in notes {
        append(&path, note).map_err(|error| unwritable(&path, error))?;
    }
    let synced = File::open(directory).and_then(|opened| Ok(rustix::fs::syncfs(opened)?));
    synced.map_err(|error| unwritable(directory, error))
}

fn append(path: &Path, note: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let gap = if file.metadata()?.len() == 0 { "" } else { "\n" };
    file.write_all(format!("{gap}{note}").as_bytes())
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let message =
        format!("The checkpoint file {} can't be written. Look at audit.directory.", path.display());
    Error::new(Kind::Unavailable, "checkpoint.unwritable", message).with_detail(error)
}
