//! What verifying an audit log has found: how much was looked at, and what is wrong with what.

use std::collections::HashSet;

use model::{EntryId, audit::seal::hex, merkle::Hash};
use serde::{Deserialize, Serialize};

/// Alarms that are told one by one; the rest is counted.
const TOLD: usize = 200;

/// See the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// The organization's slug.
    pub org: String,
    /// Entries that were recomputed.
    pub entries: u64,
    /// Of which have their place in the tree.
    pub sequenced: u64,
    /// Of which wait for one.
    pub waiting: u64,
    /// Of which had personal values erased, as other entries say.
    pub erased: u64,
    /// Of which are older than sealing and were sealed when Muster was upgraded.
    pub late: u64,
    /// The root of the tree, in hexadecimal.
    pub root: String,
    /// Checkpoints that the tree was compared with.
    pub checkpoints: u64,
    /// Losses that the log says were accepted on the host: what they cover is not compared.
    #[serde(default)]
    pub losses: u64,
    /// What is wrong: nothing, if all is well.
    pub alarms: Vec<Alarm>,
    /// How many more things are wrong.
    pub more_alarms: u64,
    #[serde(skip)]
    accused: HashSet<EntryId>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// A stable name: `entry.altered`, `entry.missing`, `entry.foreign`, `tree.broken`, `checkpoint.contradicted` ….
    pub code: String,
    /// Which entry.
    pub entry: Option<EntryId>,
    /// At which place of the tree.
    pub place: Option<u64>,
    /// What is wrong with it, for people.
    pub message: String,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.alarms.is_empty()
    }

    /// Something is wrong with an entry. The first finding about each is told.
    pub(crate) fn accuse(&mut self, code: &str, entry: EntryId, place: Option<u64>, message: &str) {
        if self.accused.insert(entry) {
            self.push(code, Some(entry), place, message);
        }
    }

    /// Something is wrong with the tree or a checkpoint.
    pub(crate) fn alarm(&mut self, code: &str, place: Option<u64>, message: &str) {
        self.push(code, None, place, message);
    }

    pub(crate) fn root_is(&mut self, root: &Hash) {
        self.root = hex(root);
    }

    fn push(&mut self, code: &str, entry: Option<EntryId>, place: Option<u64>, message: &str) {
        if self.alarms.len() < TOLD {
            let (code, message) = (code.to_owned(), message.to_owned());
            self.alarms.push(Alarm { code, entry, place, message });
        } else {
            self.more_alarms += 1;
        }
    }
}
