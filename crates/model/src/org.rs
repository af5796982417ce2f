//! An organization: a tenant with its own users, roles, policy and audit log, and the address it is reached under.

use crate::{Error, FieldError, OrgId, Result, Settings, Timestamp, validate};

/// An organization.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Org {
    /// Never changes.
    pub id: OrgId,
    /// In its address, `/o/{slug}/`; may be renamed.
    pub slug: String,
    /// As people read it.
    pub name: String,
    /// Its rules.
    pub settings: Settings,
    /// When it was created.
    pub created_at: Timestamp,
    /// Counts changes, for `If-Match`.
    pub version: i64,
}

/// Proof that code knows in which organization it works; nothing reads or writes a tenant's row without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct OrgContext {
    /// The organization.
    pub org: OrgId,
}

impl OrgContext {
    /// For what belongs to no organization: jobs that look at all of them, and what is kept for the whole server.
    pub const NOWHERE: Self = Self { org: OrgId(uuid::Uuid::nil()) };
}

impl From<OrgId> for OrgContext {
    fn from(org: OrgId) -> Self {
        Self { org }
    }
}

/// For how long an old slug keeps leading to its organization after a rename.
pub const OLD_SLUG_DAYS: u64 = 90;

/// Slugs that would be mistaken for something of ours.
const RESERVED: [&str; 6] = ["api", "assets", "admin", "healthz", "muster", "www"];

/// A slug: 3 to 40 of `a-z 0-9 -`, no hyphen at either end.
pub fn slug(text: &str) -> Result<String> {
    let slug = text.trim().to_lowercase();
    let shape = (3..=40).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if !shape {
        let message = "Write 3 to 40 of the characters a-z, 0-9 and -, not starting or ending with -.";
        return Err(Error::invalid_field("slug", "slug.malformed", message));
    }
    if RESERVED.contains(&slug.as_str()) {
        let message = format!("{slug} is reserved. Choose another address.");
        return Err(Error::invalid_field("slug", "slug.reserved", message));
    }
    Ok(slug)
}

/// An organization's name: 1 to 100 characters.
pub fn name(text: &str) -> Result<String> {
    let name = validate::text("name", text, 100, false).map_err(|field| Error::invalid(vec![field]))?;
    if name.is_empty() {
        return Err(Error::invalid(vec![FieldError::new(
            "name",
            "name.missing",
            "Write the organization's name.",
        )]));
    }
    Ok(name)
}
