//! What the lists of groups and of their members can be asked for. One meaning for the console, the API and the command
//! line.

use uuid::Uuid;

use crate::{
    GroupId, Result, RoleKey, UserId,
    page::{self, Cursor, List, Reader},
};

/// The order of both lists, as a cursor names it.
pub const ORDER: &str = "name";

/// A question to the list of groups, which is by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupQuery {
    /// Who reads it.
    pub reader: Reader,
    /// Any part of the name, whatever its case. Empty: all.
    pub search: String,
    /// Only the groups that stand in this one directly.
    pub parent: Option<GroupId>,
    /// Only the groups that carry this role themselves.
    pub role: Option<RoleKey>,
    /// Only the groups that this user owns.
    pub owner: Option<UserId>,
    /// Where the page starts.
    pub cursor: Option<Cursor>,
    /// Rows on the page.
    pub limit: u16,
}

impl Default for GroupQuery {
    fn default() -> Self {
        Self {
            reader: Reader::default(),
            search: String::new(),
            parent: None,
            role: None,
            owner: None,
            cursor: None,
            limit: page::DEFAULT_LIMIT,
        }
    }
}

impl GroupQuery {
    /// What its cursors lead through.
    pub fn list(&self) -> List {
        List::new(self.reader, "groups")
    }

    /// For this reader, starting at a cursor.
    pub fn at(mut self, reader: Reader, cursor: Option<&str>) -> Result<Self> {
        self.reader = reader;
        self.cursor = read_cursor(&self.list(), cursor)?;
        Ok(self)
    }
}

/// A question to the list of a group's members, which is by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberQuery {
    /// Who reads it.
    pub reader: Reader,
    /// Whose members.
    pub of: GroupId,
    /// Everybody who counts as a member now, through the groups in the group too; else those who are in it directly,
    /// whatever their dates.
    pub effective: bool,
    /// By what is shown to whoever may not read the members' records: who was put there by somebody who may not read them
    /// is shown as typed.
    pub as_typed: bool,
    /// Where the page starts.
    pub cursor: Option<Cursor>,
    /// Rows on the page.
    pub limit: u16,
}

impl Default for MemberQuery {
    fn default() -> Self {
        Self {
            reader: Reader::default(),
            of: GroupId(Uuid::nil()),
            effective: false,
            as_typed: false,
            cursor: None,
            limit: page::DEFAULT_LIMIT,
        }
    }
}

impl MemberQuery {
    /// What its cursors lead through.
    pub fn list(&self) -> List {
        let who = if self.effective { "everybody in" } else { "members of" };
        List::new(self.reader, &format!("{who} {}", self.of))
    }

    /// For this reader, starting at a cursor.
    pub fn at(mut self, reader: Reader, cursor: Option<&str>) -> Result<Self> {
        self.reader = reader;
        self.cursor = read_cursor(&self.list(), cursor)?;
        Ok(self)
    }
}

fn read_cursor(list: &List, cursor: Option<&str>) -> Result<Option<Cursor>> {
    cursor.filter(|text| !text.is_empty()).map(|text| list.open_in(ORDER, text)).transpose()
}
