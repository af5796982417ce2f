//! Groups: named sets of users and groups that may carry roles, and the rule of how deep they may stand in each other.

use serde::{Deserialize, Serialize};

use crate::{Error, GroupId, Result, Timestamp, error::FieldError, search, text, validate};

/// Groups in groups in groups …: so many, the outermost included.
pub const MAX_DEPTH: usize = 16;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// What people write about it.
    pub fields: GroupFields,
    /// Where it is mastered: `local`, or what keeps it in step.
    pub source: String,
    /// What the source calls it.
    pub external_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last: its fields, not its members.
    pub updated_at: Timestamp,
    /// Counts changes of its fields, for `If-Match`.
    pub version: i64,
}

/// What people write about a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupFields {
    /// 1 to 100 characters; one group of that name in an organization, whatever its case.
    pub name: String,
    /// What it is for; at most 500 characters.
    pub description: String,
}

impl GroupFields {
    /// Cleaned and checked.
    pub fn checked(self) -> Result<Self> {
        let mut refused = Vec::new();
        let mut take = |result: Result<String, FieldError>| {
            result.unwrap_or_else(|error| {
                refused.push(error);
                String::new()
            })
        };
        let name = take(validate::text("name", &self.name, 100, false));
        let description = take(validate::text("description", &self.description, 500, true));
        if name.is_empty() && refused.is_empty() {
            let message = "Give the group a name, such as “Finance”.";
            refused.push(FieldError::new("name", "group.name_missing", message));
        }
        if refused.is_empty() { Ok(Self { name, description }) } else { Err(Error::invalid(refused)) }
    }

    /// What makes two names the same, and the order of the list.
    pub fn name_key(&self) -> String {
        name_key(&self.name)
    }

    /// The form in which the name is searched.
    pub fn search_name(&self) -> String {
        search_name(&self.name)
    }
}

/// A group's name, or a part of one, as it is searched: blind to case and accents.
pub fn search_name(name: &str) -> String {
    search::sort_key(name)
}

/// What makes two names of groups the same.
pub fn name_key(name: &str) -> String {
    text::key(name)
}
