//! What can be asked of the audit log: by whom, about what, which events, when, from where; newest first.
//!
//! A page looks through a bounded number of entries, so that a question to which there is no answer costs no more than
//! others: it may come back with fewer rows than asked for and a way further into the past.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Agent;
use crate::{EntryId, Error, Result, Timestamp, page};

/// A question to the audit log. Empty fields don't narrow it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditQuery {
    /// By whom.
    pub actor: Option<Agent>,
    /// About what or whom.
    pub target: Option<Uuid>,
    /// Events that begin with this: `user.`, `sign_in.failed`.
    pub event: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// From this address.
    pub address: Option<String>,
    /// Of this request.
    pub request_id: Option<String>,
    /// Before this entry: the way further into the past.
    pub before: Option<EntryId>,
    /// After this entry: the way back to newer ones. Where both are given, this counts.
    pub after: Option<EntryId>,
    /// How many, 1 to 200; 0 for the usual number.
    pub limit: u16,
}

/// A page of entries, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPage<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Go on with this as `before`; `None`: that was all.
    pub next: Option<EntryId>,
    /// Go back with this as `after`; `None`: these are the newest.
    pub previous: Option<EntryId>,
}

/// Longest text of a filter.
const LONGEST: usize = 200;

impl AuditQuery {
    /// Refuses what can't be asked.
    pub fn checked(mut self) -> Result<Self> {
        self.limit = if self.limit == 0 { page::DEFAULT_LIMIT } else { page::limit(Some(self.limit))? };
        let texts = [("event", &self.event), ("address", &self.address), ("request_id", &self.request_id)];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > LONGEST || text.contains('\0')) {
                return Err(Error::invalid_field(field, "audit.filter", "Shorten what you look for."));
            }
        }
        for text in [&mut self.event, &mut self.address, &mut self.request_id] {
            *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        Ok(self)
    }

    /// The first text that no longer begins with the wanted event.
    pub fn event_end(&self) -> Option<String> {
        self.event.as_ref().map(|event| format!("{event}\u{10ffff}"))
    }

    /// Whether nothing is asked for but entries.
    pub fn is_open(&self) -> bool {
        *self == Self { before: self.before, after: self.after, limit: self.limit, ..Self::default() }
    }
}
