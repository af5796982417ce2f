//! One entry by itself: are its values those that were sealed, and was the seal made by this server?

use model::{
    Agent, EntryId, OrgContext, Timestamp, UserId,
    audit::{
        Entry,
        seal::{Seal, Whose, pseudonym},
    },
    merkle::Hash,
};
use store::audit::{Looked, ONCE_NAMED_OTHERS};
use uuid::Uuid;

use crate::{audit::entry_mac, keys::Keys};

/// What was found about one entry.
pub(super) struct Checked {
    pub(super) id: Option<EntryId>,
    /// `None` if it can't be read or has no seal.
    pub(super) leaf: Option<Hash>,
    pub(super) late: bool,
    /// Code and sentence of what is wrong.
    pub(super) wrong: Option<(&'static str, &'static str)>,
    /// Values that are not there, which needs a reason.
    pub(super) erased: Vec<Erased>,
}

/// Values that were erased.
#[derive(Debug, Clone, Copy)]
pub(super) struct Erased {
    pub(super) entry: EntryId,
    pub(super) at: Timestamp,
    /// Whose they were, where a pseudonym stands for the name: of a purged person. Else they were too old.
    pub(super) purged: Option<Uuid>,
    /// Whether it may be an entry of a former version, which named a purged person whom it is not about.
    pub(super) once_named_others: bool,
}

const UNREADABLE: (&str, &str) =
    ("entry.altered", "What stands in it can't be read: it was changed from outside.");
const UNSEALED: (&str, &str) =
    ("entry.foreign", "It has no seal: it was not written by this server, or its seal was taken away.");
const FOREIGN: (&str, &str) = (
    "entry.altered",
    "It does not match its seal: something in it was changed, or it was written by somebody without the key.",
);
const BY_CHANGED: (&str, &str) =
    ("entry.altered", "The name or address of who did it is not the one that was sealed.");
const ABOUT_CHANGED: (&str, &str) = (
    "entry.altered",
    "The target's name, the values before and after, or the reason are not those that were sealed.",
);

/// Checks entries, without looking anything up: for another thread.
pub(super) fn check_all(keys: &Keys, context: OrgContext, looked: Vec<Looked>) -> Vec<Checked> {
    looked.into_iter().map(|looked| check(keys, context, looked)).collect()
}

fn check(keys: &Keys, context: OrgContext, looked: Looked) -> Checked {
    let mut checked = Checked { id: looked.id, leaf: None, late: false, wrong: None, erased: Vec::new() };
    let Ok(stored) = looked.stored else {
        checked.wrong = Some(UNREADABLE);
        return checked;
    };
    let (Some(seal), Some(mac)) = (&stored.seal, stored.mac) else {
        checked.wrong = Some(UNSEALED);
        return checked;
    };
    let entry = &stored.entry;
    let leaf = seal.leaf(context.org, entry);
    (checked.leaf, checked.late) = (Some(leaf), seal.late);
    if entry_mac(keys, context, &leaf) != mac {
        checked.wrong = Some(FOREIGN);
    } else if !seal.matches(entry, Whose::By) {
        checked.wrong = Some(BY_CHANGED);
    } else if !seal.matches(entry, Whose::About) {
        checked.wrong = Some(ABOUT_CHANGED);
    }
    checked.erased =
        [Whose::By, Whose::About].into_iter().filter_map(|whose| erased(entry, seal, whose)).collect();
    checked
}

fn erased(entry: &Entry, seal: &Seal, whose: Whose) -> Option<Erased> {
    let at = seal.personal(whose).erased_at?;
    let (name, id) = match (whose, entry.actor) {
        (Whose::By, Agent::User(user)) => (&entry.actor_name, user),
        (Whose::By, _) => {
            return Some(Erased { entry: entry.id, at, purged: None, once_named_others: false });
        }
        (Whose::About, _) => (&entry.target_name, UserId(entry.target)),
    };
    let purged = (*name == pseudonym(id)).then_some(id.0);
    let once_named_others = whose == Whose::About && ONCE_NAMED_OTHERS.contains(&entry.event.as_str());
    Some(Erased { entry: entry.id, at, purged, once_named_others })
}
