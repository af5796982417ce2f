//! Who may do what: the permissions and the built-in roles. Where rights count, and the granting rule, is `rights.rs`.
//!
//! A permission is `resource:action`. Every route and every operation names the one it needs; nothing else decides.
//! The printed catalogue is `docs/permissions.txt`.

use crate::{Error, Result, names::names};

names! {
    /// One thing that may be done.
    Permission {
        /// See the list of users, search it, count it.
        UserList = "user:list",
        /// See one user's record.
        UserRead = "user:read",
        /// Create users.
        UserCreate = "user:create",
        /// Invite people, cancel invitations, copy their links.
        UserInvite = "user:invite",
        /// Change a user's record.
        UserUpdate = "user:update",
        /// Activate a user who was staged.
        UserActivate = "user:activate",
        /// Suspend and reactivate.
        UserSuspend = "user:suspend",
        /// Deprovision and rehire.
        UserDeprovision = "user:deprovision",
        /// Move users to the trash.
        UserDelete = "user:delete",
        /// Bring users back from the trash.
        UserRestore = "user:restore",
        /// Delete permanently.
        UserPurge = "user:purge",
        /// Export all that is held on a person.
        UserExportData = "user:export_data",
        /// Lock an account.
        UserLock = "user:lock",
        /// Unlock an account.
        UserUnlock = "user:unlock",
        /// Set a temporary password.
        UserResetPassword = "user:reset_password",
        /// See the list of invitations.
        InvitationRead = "invitation:read",
        /// Send an invitation again.
        InvitationResend = "invitation:resend",
        /// See which mails were sent, wait or have failed.
        MailRead = "mail:read",
        /// Send failed mails again, and test mails.
        MailManage = "mail:manage",
        /// Import users from a file.
        UserImport = "user:import",
        /// See the list of groups.
        GroupList = "group:list",
        /// Open a group: who and what is in it, its roles and owners.
        GroupRead = "group:read",
        /// Create groups.
        GroupCreate = "group:create",
        /// Change a group's name, description and owners.
        GroupUpdate = "group:update",
        /// Delete groups.
        GroupDelete = "group:delete",
        /// Put people and groups into groups and take them out, within one's own rights.
        GroupAssign = "group:assign",
        /// See the roles and what they may do.
        RoleRead = "role:read",
        /// Make roles of the organization's own.
        RoleCreate = "role:create",
        /// Change what the organization's own roles may do, within one's own rights.
        RoleUpdate = "role:update",
        /// Delete roles of the organization's own.
        RoleDelete = "role:delete",
        /// Grant and remove roles, within one's own rights.
        RoleAssign = "role:assign",
        /// Define the permissions of the organization's applications.
        PermissionManage = "permission:manage",
        /// Give applications' permissions, and help people who hold them.
        PermissionGrant = "permission:grant",
        /// See who may do what, and why.
        AccessRead = "access:read",
        /// See everybody's API tokens.
        TokenList = "token:list",
        /// Make API tokens for service users.
        TokenCreate = "token:create",
        /// Revoke anybody's API tokens.
        TokenRevoke = "token:revoke",
        /// Make, change and remove owners.
        OwnerManage = "owner:manage",
        /// See the organization's settings.
        SettingsRead = "settings:read",
        /// Change the organization's settings.
        SettingsUpdate = "settings:update",
        /// Rename the organization's address (slug).
        OrgRename = "org:rename",
        /// Read the audit log.
        AuditRead = "audit:read",
        /// See who is signed in, where and with what.
        SessionRead = "session:read",
        /// End other people's sessions.
        SessionRevoke = "session:revoke",
        /// Export the audit log.
        AuditExport = "audit:export",
        /// See their own account.
        AccountRead = "account:read",
        /// Change their own profile.
        AccountUpdate = "account:update",
        /// Change their own password.
        AccountPassword = "account:password",
        /// See, create and revoke one's own API tokens.
        AccountTokens = "account:tokens",
        /// See and end their own sessions.
        AccountSessions = "account:sessions",
        /// Decide who is in the groups they own.
        AccountGroups = "account:groups",
    }
}

impl Permission {
    /// What it allows, in a sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::UserList => "See and search the list of users",
            Self::UserRead => "Open a user's record",
            Self::UserCreate => "Create users",
            Self::UserInvite => "Invite people and cancel invitations",
            Self::InvitationRead => "See the list of invitations",
            Self::InvitationResend => "Send invitations again",
            Self::MailRead => "See which mails were sent and which have failed",
            Self::MailManage => "Send failed mails again, and test mails",
            Self::UserUpdate => "Change users' records",
            Self::UserActivate => "Activate staged users",
            Self::UserSuspend => "Suspend and reactivate users",
            Self::UserDeprovision => "Deprovision and rehire users",
            Self::UserDelete => "Move users to the trash",
            Self::UserRestore => "Restore users from the trash",
            Self::UserPurge => "Delete users permanently",
            Self::UserExportData => "Export all that is held on a person",
            Self::UserLock => "Lock accounts",
            Self::UserUnlock => "Unlock accounts",
            Self::UserResetPassword => "Set temporary passwords",
            Self::UserImport => "Import users from a file",
            Self::GroupList => "See the list of groups",
            Self::GroupRead => "Open groups and see who is in them",
            Self::GroupCreate => "Create groups",
            Self::GroupUpdate => "Change groups' names, descriptions and owners",
            Self::GroupDelete => "Delete groups",
            Self::GroupAssign => "Put people and groups into groups, and take them out",
            Self::RoleRead => "See roles and what they may do",
            Self::RoleCreate => "Make roles of the organization's own",
            Self::RoleUpdate => "Change the organization's own roles",
            Self::RoleDelete => "Delete the organization's own roles",
            Self::PermissionManage => "Define the permissions of applications",
            Self::PermissionGrant => "Give permissions of applications, and help people who hold them",
            Self::AccessRead => "See who may do what, and why",
            Self::TokenList => "See everybody's API tokens",
            Self::TokenCreate => "Make API tokens for service users",
            Self::TokenRevoke => "Revoke anybody's API tokens",
            Self::RoleAssign => "Grant and remove roles",
            Self::OwnerManage => "Make, change and remove owners",
            Self::SettingsRead => "See the organization's settings",
            Self::SettingsUpdate => "Change the organization's settings",
            Self::OrgRename => "Rename the organization's address",
            Self::AuditRead => "Read the audit log",
            Self::SessionRead => "See who is signed in, where and with what",
            Self::SessionRevoke => "End other people's sessions",
            Self::AuditExport => "Export the audit log",
            Self::AccountRead => "See their own account",
            Self::AccountUpdate => "Change their own profile",
            Self::AccountPassword => "Change their own password",
            Self::AccountTokens => "Manage their own API tokens",
            Self::AccountSessions => "See and end their own sessions",
            Self::AccountGroups => "Decide who is in the groups they own",
        }
    }
}

names! {
    /// The built-in roles, the strongest first. They can't be changed or deleted.
    Role {
        /// All.
        Owner = "owner",
        /// All but owners and the organization itself.
        Administrator = "administrator",
        /// Sessions, factors, policies, audit.
        SecurityAdministrator = "security_administrator",
        /// The lifecycle of users.
        UserManager = "user_manager",
        /// Groups.
        GroupManager = "group_manager",
        /// Reset, unlock, resend.
        Helpdesk = "helpdesk",
        /// Read.
        Auditor = "auditor",
        /// One's own account; everyone holds it.
        Member = "member",
    }
}

/// What making somebody an owner means, said at every door that can: the console's dialogs, the API's document and the answer of
/// a dry run, the command line.
pub const OWNER_WARNING: &str = "Owners may do everything: change settings and everybody's rights, and remove you as an owner. \
                                 The other owners are told by mail.";

impl Role {
    /// What it is for, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::Owner => "Everything, including other owners and the organization itself.",
            Self::Administrator => "Everything but owners and the organization's address.",
            Self::SecurityAdministrator => {
                "Suspends, locks, resets passwords; sessions, settings and audit log."
            }
            Self::UserManager => {
                "Creates, changes, suspends and deletes users; gives groups and roles that may do no more."
            }
            Self::GroupManager => "Sees users; makes groups and decides who is in them.",
            Self::Helpdesk => "Sees users, unlocks them and sets temporary passwords.",
            Self::Auditor => "Sees users, groups, settings and the audit log; changes nothing.",
            Self::Member => "The own account.",
        }
    }

    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Administrator => "Administrator",
            Self::SecurityAdministrator => "Security administrator",
            Self::UserManager => "User manager",
            Self::GroupManager => "Group manager",
            Self::Helpdesk => "Helpdesk",
            Self::Auditor => "Auditor",
            Self::Member => "Member",
        }
    }

    /// What the role may do.
    pub fn permissions(self) -> Permissions {
        use Permission as P;
        let member = Permissions::of(&[
            P::AccountRead,
            P::AccountUpdate,
            P::AccountPassword,
            P::AccountTokens,
            P::AccountSessions,
            P::AccountGroups,
        ]);
        let reading = Permissions::of(&[
            P::UserList,
            P::UserRead,
            P::GroupList,
            P::GroupRead,
            P::RoleRead,
            P::AccessRead,
        ]);
        member.and(match self {
            Self::Owner => Permissions::of(P::ALL),
            Self::Administrator => Permissions::of(P::ALL).without(&[P::OwnerManage, P::OrgRename]),
            Self::SecurityAdministrator => reading.and(Permissions::of(&[
                P::UserSuspend,
                P::UserLock,
                P::UserUnlock,
                P::UserResetPassword,
                P::MailRead,
                P::SettingsRead,
                P::SettingsUpdate,
                P::AuditRead,
                P::SessionRead,
                P::SessionRevoke,
                P::AuditExport,
                P::PermissionGrant,
                P::TokenList,
                P::TokenRevoke,
            ])),
            Self::UserManager => reading.and(Permissions::of(&[
                P::UserCreate,
                P::UserInvite,
                P::InvitationRead,
                P::InvitationResend,
                P::MailRead,
                P::UserUpdate,
                P::UserActivate,
                P::UserSuspend,
                P::UserDeprovision,
                P::UserDelete,
                P::UserRestore,
                P::UserLock,
                P::UserUnlock,
                P::UserResetPassword,
                P::UserImport,
                P::GroupAssign,
                P::RoleAssign,
                P::PermissionGrant,
                P::SessionRead,
            ])),
            Self::GroupManager => reading.and(Permissions::of(&[
                P::GroupCreate,
                P::GroupUpdate,
                P::GroupDelete,
                P::GroupAssign,
            ])),
            Self::Helpdesk => reading.and(Permissions::of(&[
                P::UserUnlock,
                P::UserResetPassword,
                P::InvitationRead,
                P::InvitationResend,
                P::MailRead,
                P::SessionRead,
                P::PermissionGrant,
            ])),
            Self::Auditor => reading.and(Permissions::of(&[
                P::SettingsRead,
                P::AuditRead,
                P::AuditExport,
                P::InvitationRead,
                P::MailRead,
                P::SessionRead,
                P::TokenList,
            ])),
            Self::Member => Permissions::default(),
        })
    }

    /// The role of that name, as stored or as people read it, or a sentence that lists the names.
    pub fn named(name: &str) -> Result<Self> {
        let plain = name.trim().to_lowercase().replace([' ', '-'], "_");
        Self::parse(&plain).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|role| role.as_str()).collect();
            let message = format!("There is no role “{name}”. The roles are {}.", names.join(", "));
            Error::invalid_field("roles", "role.unknown", message)
        })
    }
}

/// A set of permissions, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u128);

impl Permissions {
    /// Every permission there is.
    pub fn all() -> Self {
        Self::of(Permission::ALL)
    }

    /// The set of these.
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.iter().fold(0, |bits, permission| bits | 1 << *permission as u32))
    }

    /// What someone with these roles may do; everyone is a member besides.
    pub fn of_roles(roles: &[Role]) -> Self {
        roles.iter().fold(Role::Member.permissions(), |all, role| all.and(role.permissions()))
    }

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both: a token's scopes narrow its user's permissions.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set, less these.
    #[must_use]
    pub fn without(self, permissions: &[Permission]) -> Self {
        Self(self.0 & !Self::of(permissions).0)
    }

    /// This set, less what everyone may do as a member: what somebody was given.
    #[must_use]
    pub fn beyond_member(self) -> Self {
        Self(self.0 & !Role::Member.permissions().0)
    }

    /// What of this set can count over a group alone: what is done to people and groups one at a time. Whatever
    /// concerns the organization as a whole can't.
    #[must_use]
    pub fn scopable(self) -> Self {
        use Permission as P;
        self.within(Self::of(&[
            P::UserList,
            P::UserRead,
            P::UserInvite,
            P::UserUpdate,
            P::UserActivate,
            P::UserSuspend,
            P::UserDelete,
            P::UserLock,
            P::UserUnlock,
            P::UserResetPassword,
            P::InvitationResend,
            P::GroupList,
            P::GroupRead,
            P::GroupUpdate,
            P::GroupDelete,
            P::GroupAssign,
            P::RoleAssign,
            P::AccessRead,
            P::SessionRead,
            P::SessionRevoke,
        ]))
    }

    /// Is it in the set?
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u32 != 0
    }

    /// Is all of `other` in this set?
    pub fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The permissions in the set, in the catalogue's order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// Refuses unless it is in the set.
    pub fn require(self, permission: Permission) -> Result<()> {
        if self.contains(permission) { Ok(()) } else { Err(Error::forbidden(permission.as_str())) }
    }
}

impl serde::Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Permissions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Vec::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::Rights;

    #[test]
    fn only_an_owner_is_above_an_administrator() {
        let rights = |role: Role| Rights { org: Permissions::of_roles(&[role]), ..Rights::default() };
        let administrator = rights(Role::Administrator);
        for role in Role::ALL {
            assert_eq!(administrator.may_grant(&rights(*role)).is_ok(), *role != Role::Owner, "{role}");
        }
        let helpdesk = rights(Role::Helpdesk);
        assert!(
            helpdesk.may_change(&administrator).is_err() && helpdesk.may_change(&Rights::member()).is_ok()
        );
        let narrow = Rights { org: Permissions::of(&[Permission::UserSuspend]), ..Rights::default() };
        assert!(narrow.may_change(&Rights::member()).is_ok());
        assert!(narrow.may_change(&rights(Role::Auditor)).is_err());
    }

    #[test]
    fn a_role_is_known_by_its_label_too() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.as_str()).unwrap(), *role);
            assert_eq!(Role::named(&format!(" {} ", role.label())).unwrap(), *role);
        }
        assert!(Role::named("chief").is_err());
    }
}
