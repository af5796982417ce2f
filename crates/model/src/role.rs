//! Roles: a built-in one is known by its name, one of an organization's own by its id; and where a role counts.
//!
//! What a role may do is `access.rs`; who holds one, since and until when, is a grant (`grant.rs`).

use std::{collections::BTreeSet, fmt};

use crate::{
    Error, GroupId, OrgContext, Permission, Permissions, Result, Role, RoleId, Timestamp,
    error::FieldError,
    lookalike,
    rights::{Applications, Rights, Scoped},
    text, validate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A role by its key, as stored and as the API writes it: `helpdesk`, or the id of one of an organization's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoleKey {
    /// One that every organization has.
    BuiltIn(Role),
    /// One of the organization's own.
    Custom(RoleId),
}

impl RoleKey {
    /// The key as stored; `None` if it can't be one.
    pub fn parse(text: &str) -> Option<Self> {
        let own = || Uuid::try_parse(text).ok().map(|id| Self::Custom(RoleId(id)));
        Role::parse(text).map(Self::BuiltIn).or_else(own)
    }

    /// The built-in role, if it is one.
    pub fn built_in(self) -> Option<Role> {
        match self {
            Self::BuiltIn(role) => Some(role),
            Self::Custom(_) => None,
        }
    }
}

impl From<Role> for RoleKey {
    fn from(role: Role) -> Self {
        Self::BuiltIn(role)
    }
}

impl PartialEq<Role> for RoleKey {
    fn eq(&self, role: &Role) -> bool {
        self.built_in() == Some(*role)
    }
}

impl fmt::Display for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(role) => f.pad(role.as_str()),
            Self::Custom(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl Serialize for RoleKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoleKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the key of a role"))
    }
}

impl utoipa::PartialSchema for RoleKey {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some(
                "A role: the name of a built-in one, or the id of one of the organization's own.",
            ))
            .into()
    }
}

impl utoipa::ToSchema for RoleKey {}

/// Where a role counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In the whole organization.
    #[default]
    Org,
    /// Over a group: the group itself, the groups in it at any depth, and everybody in them.
    Group(GroupId),
}

impl Scope {
    /// As stored: the organization's own id stands for the whole of it.
    pub fn id(self, context: OrgContext) -> Uuid {
        match self {
            Self::Org => context.org.0,
            Self::Group(group) => group.0,
        }
    }

    /// Read from the stored id.
    pub fn of(id: Uuid, context: OrgContext) -> Self {
        if id == context.org.0 { Self::Org } else { Self::Group(GroupId(id)) }
    }

    /// The group, if it is one.
    pub fn group(self) -> Option<GroupId> {
        match self {
            Self::Org => None,
            Self::Group(group) => Some(group),
        }
    }
}

/// What a role allows: Muster's permissions, and those of the organization's own applications.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Allowed {
    /// Muster's.
    pub permissions: Permissions,
    /// The applications', by name.
    pub applications: Applications,
}

impl Allowed {
    /// What a built-in role allows.
    pub fn by(role: Role) -> Self {
        Self { permissions: role.permissions(), applications: Applications::default() }
    }

    /// From the names of permissions of both kinds, as stored: separated by spaces.
    pub fn parse(names: &str) -> Self {
        let mut allowed = Self::default();
        let mut own = Vec::new();
        for name in names.split(' ').filter(|name| !name.is_empty()) {
            match Permission::parse(name) {
                Some(permission) => own.push(permission),
                None => {
                    allowed.applications.insert(name);
                }
            }
        }
        allowed.permissions = Permissions::of(&own);
        allowed
    }

    /// As stored, and as `parse` reads it.
    pub fn names(&self) -> String {
        self.list().join(" ")
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.permissions = self.permissions.and(other.permissions);
        self.applications.extend(&other.applications);
        self
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let own: Vec<Permission> =
            self.permissions.iter().filter(|permission| !other.permissions.contains(*permission)).collect();
        let mut applications = Applications::default();
        self.applications.iter().filter(|name| !other.applications.contains(name)).for_each(|name| {
            applications.insert(name);
        });
        Self { permissions: Permissions::of(&own), applications }
    }

    /// The names, Muster's permissions first.
    pub fn list(&self) -> Vec<String> {
        let own = self.permissions.iter().map(|permission| permission.as_str().to_owned());
        own.chain(self.applications.iter().map(str::to_owned)).collect()
    }

    /// The rights of somebody to whom this counts in `scope`; `above` are the scope's group and all that hold it.
    pub fn in_scope(&self, scope: Scope, above: Vec<GroupId>) -> Rights {
        match scope {
            Scope::Org => {
                Rights { org: self.permissions, applications: self.applications.clone(), ..Rights::default() }
            }
            Scope::Group(group) => Rights {
                scoped: vec![Scoped { group, above, permissions: self.permissions.scopable() }],
                ..Rights::default()
            },
        }
    }
}

/// A role of an organization's own, or a built-in one shown like it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition {
    /// Which.
    pub key: RoleKey,
    /// As people read it.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// What it allows.
    pub allowed: Allowed,
    /// When it was made; `None` for a built-in one.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
    /// Counts changes, for `If-Match`; 0 for a built-in one.
    pub version: i64,
}

impl RoleDefinition {
    /// A built-in role.
    pub fn built_in(role: Role) -> Self {
        Self {
            key: role.into(),
            name: role.label().to_owned(),
            description: role.description().to_owned(),
            allowed: Allowed::by(role),
            created_at: None,
            updated_at: None,
            version: 0,
        }
    }
}

/// What somebody writes about a role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleFields {
    /// 1 to 80 characters, unlike the built-in ones' names and unlike an id.
    pub name: String,
    /// At most 500 characters.
    pub description: String,
    /// Names of permissions, Muster's and applications'.
    pub permissions: BTreeSet<String>,
}

impl RoleFields {
    /// Cleaned and checked as far as that goes without the organization's list of applications' permissions.
    pub fn checked(self) -> Result<(String, String, Allowed)> {
        let mut refused = Vec::new();
        let mut take = |result: Result<String, FieldError>| {
            result.unwrap_or_else(|error| {
                refused.push(error);
                String::new()
            })
        };
        let name = take(validate::text("name", &self.name, 80, false));
        let description = take(validate::text("description", &self.description, 500, true));
        if name.is_empty() && refused.is_empty() {
            let message = "Give the role a name, such as “Content editor”.";
            refused.push(FieldError::new("name", "role.name_missing", message));
        }
        if looks_built_in(&name) || Uuid::try_parse(&name).is_ok() {
            let message = "A built-in role is called so. Choose another name.";
            refused.push(FieldError::new("name", "role.name_taken", message));
        }
        if refused.is_empty() {
            let names: Vec<&str> = self.permissions.iter().map(|name| name.trim()).collect();
            return Ok((name, description, Allowed::parse(&names.join(" "))));
        }
        Err(Error::invalid(refused))
    }
}

/// Whether people could take a name for that of a built-in role: compared as they look, not as they are written.
fn looks_built_in(name: &str) -> bool {
    let looks = lookalike::skeleton(name);
    let same = |known: &str| lookalike::skeleton(known) == looks;
    Role::named(name).is_ok() || Role::ALL.iter().any(|role| same(role.as_str()) || same(role.label()))
}

/// What makes two names of roles the same.
pub fn name_key(name: &str) -> String {
    text::key(name)
}
