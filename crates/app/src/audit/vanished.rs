//! Logs of organizations that are not in the database any more: somebody took away all of one, or gave it another id, so
//! that its log would begin again.
//!
//! No list of the database leads to such a log, only its head does, which is kept beside the others. It is looked for
//! wherever a log begins, before anything is sealed late, and by whoever asks how the logs stand.

use std::{fs, path::PathBuf};

use model::{EntryId, Error, OrgContext, OrgId, Result, Timestamp};
use store::{Connection, boxed};

use super::{checkpoint::Signer, files, guard::Trouble, verify::Report};
use crate::App;

/// The alarm's name.
pub(super) const CODE: &str = "organization.vanished";

/// A log of which this server knows, whose organization is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VanishedLog {
    /// Whose it was.
    pub org: OrgId,
    /// How many entries it had at least.
    pub entries: u64,
    /// When that was known.
    pub at: Timestamp,
    file: PathBuf,
}

impl VanishedLog {
    /// What is wrong, for people.
    pub fn message(&self) -> String {
        format!(
            "An organization is gone from the database with all that is its own; its log had {} entries on {}. Somebody \
             removed it or gave it another id, or an older copy of the database was put in its place.",
            self.entries, self.at
        )
    }

    /// The alarm of it.
    pub(super) fn trouble(&self, now: Timestamp) -> Trouble {
        Trouble { code: CODE.to_owned(), entry: None, at: now, message: self.message() }
    }

    /// Keeps its head under another name: it has been told of, or accepted.
    pub(super) fn put_aside(&self) -> Result<()> {
        fs::rename(&self.file, self.file.with_extension("vanished")).map_err(Error::internal)
    }
}

/// What one pass over the organizations knows of it: looked for once, when the first log of the pass begins, and told in
/// that one.
#[derive(Default)]
pub(super) struct Pass {
    looked: bool,
}

impl App {
    /// The logs that have a head beside the database, signed by this server, and no organization in it.
    #[boxed]
    pub async fn vanished_logs(&self) -> Result<Vec<VanishedLog>> {
        let signer = Signer::new(self.keys())?;
        let mut vanished = Vec::new();
        let Some(directory) = self.guard().directory() else { return Ok(vanished) };
        let heads = files::heads(directory)?;
        let orgs: Vec<OrgId> = heads.iter().map(|(org, _)| *org).collect();
        let read = async |connection: &mut Connection<'_>| store::orgs::missing(connection, &orgs).await;
        let missing = self.database().read(read).await?;
        for (org, file) in heads.into_iter().filter(|(org, _)| missing.contains(org)) {
            // What somebody else has signed is about another server's organizations.
            let heads = signer.read(org, &files::read(&file)?).unwrap_or_default();
            if let Some(head) = heads.into_iter().next_back() {
                vanished.push(VanishedLog { org, entries: head.size, at: head.at, file });
            }
        }
        Ok(vanished)
    }

    /// Says so in a report about any log.
    pub(super) async fn tell_vanished(&self, report: &mut Report) -> Result<()> {
        for log in self.vanished_logs().await? {
            report.alarm(CODE, None, &log.message());
        }
        Ok(())
    }

    /// Raises an alarm in a log that begins now, with these entries, and without its organization's creation: under another
    /// id somebody's people and rights would have a log that knows nothing of before.
    pub(super) async fn look_how_it_begins(&self, context: OrgContext, first: &[EntryId]) -> Result<()> {
        let find = async |connection: &mut Connection<'_>| {
            store::audit::of_event(connection, context, context.org.0, "org.created", 1).await
        };
        let created = self.database().read(find).await?;
        if created.iter().any(|id| first.contains(id)) {
            return Ok(());
        }
        let message = "The log begins in the middle: the organization's creation is not in it. What was before \
                       is in no log that this server knows as this organization's.";
        self.raise(context, "organization.without_beginning", None, message).await
    }

    /// Raises an alarm in a log if others have vanished. It stands there, and their heads are kept under another name.
    pub(super) async fn look_for_vanished(&self, context: OrgContext, pass: &mut Pass) -> Result<bool> {
        if std::mem::replace(&mut pass.looked, true) {
            return Ok(false);
        }
        let vanished = self.vanished_logs().await?;
        for log in &vanished {
            tracing::error!(org = %log.org, entries = log.entries, "audit log: {}", log.message());
            self.raise(context, CODE, None, &log.message()).await?;
            log.put_aside()?;
        }
        Ok(!vanished.is_empty())
    }
}
