//! What the list of invitations can be asked for: statuses, an inviter, an age, words, a page. One meaning for the
//! console, the API and the command line.

use std::time::Duration;

use crate::{
    Agent, Error, Kind, Result, Timestamp,
    invitation::InvitationStatus,
    page::{self, Cursor, List, Reader},
};

/// A question to the list of invitations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationQuery {
    /// Who reads it.
    pub reader: Reader,
    /// Any part of the name, username or address of who is invited. Empty: everybody.
    pub search: String,
    /// Shown statuses; empty: all.
    pub statuses: Vec<InvitationStatus>,
    /// Only those that end within so many hours.
    pub expires_within_hours: Option<u16>,
    /// Only those that were made more than so many days ago and are still open.
    pub older_than_days: Option<u16>,
    /// Only this inviter's.
    pub invited_by: Option<Agent>,
    /// Where the page starts.
    pub cursor: Option<Cursor>,
    /// Rows on the page.
    pub limit: u16,
}

impl Default for InvitationQuery {
    fn default() -> Self {
        Self {
            reader: Reader::default(),
            search: String::new(),
            statuses: Vec::new(),
            expires_within_hours: None,
            older_than_days: None,
            invited_by: None,
            cursor: None,
            limit: page::DEFAULT_LIMIT,
        }
    }
}

/// By what the list is ordered; it follows from what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The newest invitation first.
    Newest,
    /// What ends next first.
    EndsNext,
    /// What ended last first.
    EndedLast,
}

impl Order {
    /// The name that a cursor carries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::EndsNext => "ends_next",
            Self::EndedLast => "ended_last",
        }
    }
}

/// The statuses of an invitation that is still open in the books.
const OPEN: [InvitationStatus; 3] =
    [InvitationStatus::Pending, InvitationStatus::Expired, InvitationStatus::Undeliverable];

impl InvitationQuery {
    /// The statuses that the page shows; a filter by time asks about open ones.
    pub fn shown(&self) -> Vec<InvitationStatus> {
        match (self.statuses.is_empty(), self.expires_within_hours, self.older_than_days) {
            (true, Some(_), _) => vec![InvitationStatus::Pending, InvitationStatus::Undeliverable],
            (true, None, Some(_)) => OPEN.to_vec(),
            (true, None, None) => InvitationStatus::ALL.to_vec(),
            (false, ..) => self.statuses.clone(),
        }
    }

    /// The order of the page.
    pub fn order(&self) -> Order {
        let shown = self.shown();
        if self.invited_by.is_some() || !shown.iter().all(|status| OPEN.contains(status)) {
            return Order::Newest;
        }
        if shown == [InvitationStatus::Expired] { Order::EndedLast } else { Order::EndsNext }
    }

    /// Between which ends (from exclusive, to inclusive) the page lies, where it is asked or ordered by them.
    pub fn ends(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let shown = self.shown();
        let has_expired = shown.contains(&InvitationStatus::Expired);
        let from = if has_expired { Timestamp::from_micros(-1) } else { now };
        let to = match self.expires_within_hours {
            _ if shown == [InvitationStatus::Expired] => now,
            Some(hours) => now.plus(Duration::from_secs(u64::from(hours) * 3600)),
            None => Timestamp::from_micros(i64::MAX),
        };
        (from, to)
    }

    /// Made before then, where that is asked.
    pub fn made_before(&self, now: Timestamp) -> Timestamp {
        match self.older_than_days {
            Some(days) => now.minus(Duration::from_secs(u64::from(days) * 86_400)),
            None => Timestamp::from_micros(i64::MAX),
        }
    }

    /// Reads a comma-separated list of statuses.
    pub fn with_statuses(mut self, words: &str) -> Result<Self> {
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let status = InvitationStatus::parse(&word.to_lowercase()).ok_or_else(|| {
                let names: Vec<&str> = InvitationStatus::ALL.iter().map(|status| status.as_str()).collect();
                let message = format!("No invitation is {word}. The statuses are {}.", names.join(", "));
                Error::invalid_field("status", "list.unknown_status", message)
            })?;
            if !self.statuses.contains(&status) {
                self.statuses.push(status);
            }
        }
        Ok(self)
    }

    /// What its cursors lead through.
    pub fn list(&self) -> List {
        List::new(self.reader, "invitations")
    }

    /// For this reader, starting at a cursor of the same order.
    pub fn at(mut self, reader: Reader, cursor: Option<&str>) -> Result<Self> {
        self.reader = reader;
        if let Some(text) = cursor.filter(|text| !text.is_empty()) {
            let cursor = self.list().open(text)?;
            if cursor.order != self.order().as_str() {
                let message = "This page address belongs to another order. Start again from the first page.";
                return Err(Error::new(Kind::Malformed, "cursor.other_order", message));
            }
            self.cursor = Some(cursor);
        }
        Ok(self)
    }
}
