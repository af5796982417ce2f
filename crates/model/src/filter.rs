//! What the list of users can be asked for: a search, statuses, an order, a page. One meaning for the console, the
//! API and the command line.

use crate::{
    Error, GroupId, Result, RoleKey, Status,
    names::names,
    page::{self, Cursor, List, Reader},
};

names! {
    /// By what the list is ordered.
    Sort {
        /// By name, blind to case and accents.
        Name = "name",
        /// By username.
        Username = "username",
        /// By the last sign-in; those who never signed in last.
        LastSignIn = "last_sign_in",
        /// By age of the record.
        Created = "created",
    }
}

/// The order of a search that finds too many to sort them: whoever begins with what was typed comes first. Asked for by
/// no one; a cursor's, once a page was in it.
pub const BEST_FIRST: &str = "match";

/// A question to the list of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// Who reads it.
    pub reader: Reader,
    /// Any part of a name, username, email, phone or employee number, or an id. Empty: everyone.
    pub search: String,
    /// Shown statuses; empty: all that are not hidden by default.
    pub statuses: Vec<Status>,
    /// Only holders of this role, directly or through a group.
    pub role: Option<RoleKey>,
    /// Only those in this group, at any depth.
    pub group: Option<GroupId>,
    /// The order.
    pub sort: Sort,
    /// Turned around.
    pub descending: bool,
    /// Where the page starts.
    pub cursor: Option<Cursor>,
    /// Rows on the page.
    pub limit: u16,
}

impl Default for UserQuery {
    fn default() -> Self {
        Self {
            reader: Reader::default(),
            search: String::new(),
            statuses: Vec::new(),
            role: None,
            group: None,
            sort: Sort::Name,
            descending: false,
            cursor: None,
            limit: page::DEFAULT_LIMIT,
        }
    }
}

impl UserQuery {
    /// The statuses that the page shows.
    pub fn shown(&self) -> Vec<Status> {
        if self.statuses.is_empty() {
            Status::ALL.iter().copied().filter(|status| !status.hidden_by_default()).collect()
        } else {
            self.statuses.clone()
        }
    }

    /// The name of the order, with its direction; a cursor belongs to one.
    pub fn order(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.sort)
    }

    /// Reads an order such as `name` or `-last_sign_in`.
    pub fn ordered_by(mut self, order: &str) -> Result<Self> {
        let (descending, name) = order.strip_prefix('-').map_or((false, order), |name| (true, name));
        self.sort = Sort::parse(name).ok_or_else(|| {
            let names: Vec<&str> = Sort::ALL.iter().map(|sort| sort.as_str()).collect();
            let message = format!("Sort by one of {}; a - before it turns it around.", names.join(", "));
            Error::invalid_field("sort", "list.unknown_sort", message)
        })?;
        self.descending = descending;
        Ok(self)
    }

    /// Reads a comma-separated list of statuses; other products' words mean what they can mean here.
    pub fn with_statuses(mut self, words: &str) -> Result<Self> {
        for word in words.split(',').filter(|word| !word.trim().is_empty()) {
            let exact = Status::parse(word.trim());
            let meant = exact.map_or_else(|| Status::meant_by(word), |status| vec![status]);
            if meant.is_empty() {
                let names: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
                let message =
                    format!("There is no status {}. The statuses are {}.", word.trim(), names.join(", "));
                return Err(Error::invalid_field("status", "list.unknown_status", message));
            }
            self.statuses.extend(
                meant.into_iter().filter(|status| !self.statuses.contains(status)).collect::<Vec<_>>(),
            );
        }
        Ok(self)
    }

    /// What its cursors lead through.
    pub fn list(&self) -> List {
        List::new(self.reader, "users")
    }

    /// For this reader, starting at a cursor of the same order.
    pub fn at(mut self, reader: Reader, cursor: Option<&str>) -> Result<Self> {
        self.reader = reader;
        if let Some(text) = cursor.filter(|text| !text.is_empty()) {
            let cursor = self.list().open(text)?;
            let is_of_search = cursor.order == BEST_FIRST && !self.search.trim().is_empty();
            if cursor.order != self.order() && !is_of_search {
                let message = "This page address belongs to another order. Start again from the first page.";
                return Err(Error::new(crate::Kind::Malformed, "cursor.other_order", message));
            }
            self.cursor = Some(cursor);
        }
        Ok(self)
    }
}
