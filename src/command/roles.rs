//! What can be asked about roles and permissions on the command line, and what comes of it, with the API's names.

use app::{
    application_permissions::RemovedPermission,
    role_definitions::{Comparison, RoleEdit},
    role_holders::{HeldRole, RoleHolder},
};
use model::{
    GroupId, Permission, RoleKey, Timestamp, UserId, application_permission::ApplicationPermission,
    grant::Holder,
};
use serde::{Deserialize, Serialize};

/// What to do. Roles are named by key or name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleDeed {
    List,
    Show { role: String },
    Create { name: String, description: String, permissions: Vec<String>, copy_of: Option<String> },
    Edit { role: String, edit: RoleEdit },
    Delete { role: String },
    Compare { one: String, other: String },
    Holders { role: String, limit: u16, cursor: Option<String> },
    ListPermissions,
    Define { permission: String, description: String },
    Remove { permission: String },
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleOutcome {
    Roles(Vec<RoleRow>),
    Role(RoleRow),
    Edited { role: RoleRow, added: Vec<String>, removed: Vec<String> },
    Compared(Compared),
    Holders { items: Vec<HolderRow>, next: Option<String> },
    Permissions(Vec<PermissionRow>),
    Permission(PermissionRow),
    Removed(RemovedPermission),
}

/// A role with how many hold it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RoleRow {
    pub(crate) role: RoleKey,
    pub(crate) label: String,
    pub(crate) description: String,
    pub(crate) permissions: Vec<String>,
    pub(crate) built_in: bool,
    pub(crate) users: i64,
    pub(crate) groups: i64,
    pub(crate) version: i64,
}

impl From<HeldRole> for RoleRow {
    fn from(HeldRole { role, held }: HeldRole) -> Self {
        Self {
            permissions: role.allowed.list(),
            built_in: role.key.built_in().is_some(),
            role: role.key,
            label: role.name,
            description: role.description,
            users: held.users,
            groups: held.groups,
            version: role.version,
        }
    }
}

/// Two roles beside each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Compared {
    pub(crate) one: RoleKey,
    pub(crate) one_label: String,
    pub(crate) other: RoleKey,
    pub(crate) other_label: String,
    pub(crate) only_one: Vec<String>,
    pub(crate) only_other: Vec<String>,
    pub(crate) both: Vec<String>,
}

impl From<Comparison> for Compared {
    fn from(compared: Comparison) -> Self {
        Self {
            one: compared.one.key,
            one_label: compared.one.name,
            other: compared.other.key,
            other_label: compared.other.name,
            only_one: compared.only_one.list(),
            only_other: compared.only_other.list(),
            both: compared.both.list(),
        }
    }
}

/// Somebody who holds a role directly, or a group that carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HolderRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<GroupId>,
    pub(crate) name: String,
    /// The group over which it counts, by name; empty for the whole organization.
    pub(crate) over: String,
    pub(crate) granted_by: String,
    pub(crate) granted_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) valid_until: Option<Timestamp>,
}

impl From<RoleHolder> for HolderRow {
    fn from(held: RoleHolder) -> Self {
        let (user, group) = match held.holder {
            Holder::User(user) => (Some(user), None),
            Holder::Group(group) => (None, Some(group)),
        };
        Self {
            user,
            group,
            name: held.name,
            over: held.scope_name,
            granted_by: held.given.by.to_string(),
            granted_at: held.given.at,
            valid_from: held.given.terms.valid_from,
            valid_until: held.given.terms.valid_until,
        }
    }
}

/// A permission.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PermissionRow {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) built_in: bool,
}

impl From<Permission> for PermissionRow {
    fn from(permission: Permission) -> Self {
        let (name, description) = (permission.as_str().to_owned(), permission.sentence().to_owned());
        Self { name, description, built_in: true }
    }
}

impl From<ApplicationPermission> for PermissionRow {
    fn from(ApplicationPermission { name, description, .. }: ApplicationPermission) -> Self {
        Self { name, description, built_in: false }
    }
}
