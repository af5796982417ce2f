//! Permissions of an organization's own applications: names such as `content:edit`, which Muster keeps, gives through
//! roles and answers to programs, and whose meaning is the application's.

use serde::{Deserialize, Serialize};

use crate::{Error, Permission, Result, Timestamp, error::FieldError, validate};

/// Most permissions that an organization defines: as many as people can still tell apart, and more.
pub const MOST: usize = 500;

/// Longest part of a name, before or after the colon.
const LONGEST_PART: usize = 40;

/// A permission of the organization's own applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationPermission {
    /// `content:edit`.
    pub name: String,
    /// What it allows, in a sentence for people.
    pub description: String,
    /// When it was defined.
    pub created_at: Timestamp,
}

/// A name as it may be: `resource:action`, of a resource that Muster has not itself.
pub fn name(text: &str) -> Result<String> {
    let text = text.trim();
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.len() <= LONGEST_PART
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
    };
    let parts = text.split_once(':').filter(|(resource, action)| is_part(resource) && is_part(action));
    let Some((resource, _)) = parts else {
        let message = "Write it as resource:action, such as content:edit: lower case letters, digits, - and _, each \
                       part with a letter first and at most 40 characters.";
        return Err(Error::invalid_field("name", "permission.malformed", message));
    };
    if Permission::ALL.iter().any(|permission| permission.resource() == resource) {
        let message =
            format!("“{resource}” is Muster's own. Name your application's, such as shop-{resource}.");
        return Err(Error::invalid_field("name", "permission.reserved", message));
    }
    Ok(text.to_owned())
}

/// A description as it may be: at most 200 characters, one line.
pub fn description(text: &str) -> Result<String> {
    let checked: Result<String, FieldError> = validate::text("description", text, 200, false);
    checked.map_err(|field| Error::invalid(vec![field]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resource_and_action_and_never_musters_own() {
        for fine in ["content:edit", "shop-user:refund", "a:b", " wiki_2:read-all "] {
            assert_eq!(name(fine).unwrap(), fine.trim());
        }
        let long = format!("{}:edit", "a".repeat(41));
        for refused in [
            "",
            "content",
            ":edit",
            "content:",
            "Content:edit",
            "2x:y",
            "a:b:c",
            "a b:c",
            "ä:b",
            "_a:b",
            &long,
        ] {
            assert_eq!(name(refused).unwrap_err().fields()[0].code, "permission.malformed", "{refused}");
        }
        for permission in Permission::ALL {
            let refused = name(permission.as_str()).unwrap_err();
            assert_eq!(refused.fields()[0].code, "permission.reserved", "{permission}");
        }
        assert!(name("user:refund").is_err(), "a new action of Muster's own resource");
    }
}
