//! The permissions as people look at them: by what they are about, one row each, in the order of the console.
//!
//! What each allows is `access.rs`; here is only how they are grouped and called.

use crate::{Permission, activity_words::in_words};

/// The resources and what people call them, in the order of the rows.
const RESOURCES: [(&str, &str); 13] = [
    ("user", "Users"),
    ("invitation", "Invitations"),
    ("group", "Groups"),
    ("role", "Roles"),
    ("permission", "Applications' permissions"),
    ("access", "Access"),
    ("session", "Sessions"),
    ("token", "API tokens"),
    ("mail", "Mail"),
    ("audit", "Audit log"),
    ("settings", "Settings"),
    ("org", "Organization"),
    ("owner", "Owners"),
];

/// The resource of what everyone may do as a member.
pub const OWN_ACCOUNT: &str = "account";

/// Permissions that are about the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `user`.
    pub resource: &'static str,
    /// As people read it.
    pub label: &'static str,
    /// In the catalogue's order.
    pub permissions: Vec<Permission>,
}

impl Permission {
    /// What it is about: `user` of `user:suspend`.
    pub fn resource(self) -> &'static str {
        self.as_str().split_once(':').map_or(self.as_str(), |(resource, _)| resource)
    }

    /// What is done, as people read it: `Reset password` of `user:reset_password`.
    pub fn action(self) -> String {
        in_words(self.as_str().split_once(':').map_or("", |(_, action)| action))
    }
}

/// Every row but that of one's own account.
pub fn rows() -> Vec<Row> {
    let row =
        |(resource, label): &(&'static str, &'static str)| Row { resource, label, permissions: of(resource) };
    RESOURCES.iter().map(row).collect()
}

/// What everyone may do.
pub fn own_account() -> Row {
    Row { resource: OWN_ACCOUNT, label: "Own account", permissions: of(OWN_ACCOUNT) }
}

fn of(resource: &str) -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|permission| permission.resource() == resource).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn every_permission_stands_in_exactly_one_row() {
        let mut shown: Vec<Permission> = rows().into_iter().flat_map(|row| row.permissions).collect();
        shown.extend(own_account().permissions);
        shown.sort_unstable();
        assert_eq!(
            shown,
            Permission::ALL
                .iter()
                .copied()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        let own: Vec<Permission> = Role::Member.permissions().iter().collect();
        assert_eq!(own_account().permissions, own, "a member may do exactly that");
        assert_eq!(Permission::UserResetPassword.action(), "Reset password");
    }
}
