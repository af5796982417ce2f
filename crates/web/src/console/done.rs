//! What was just done, as the address carries it to the next page (`?done=suspended`) and as people read it.

use model::lifecycle::ActionName;

/// Something that was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Created,
    Edited,
    RolesChanged,
    GroupsChanged,
    GroupCreated,
    GroupEdited,
    GroupDeleted,
    MemberAdded,
    MembersAdded,
    MemberRemoved,
    Nested,
    Unnested,
    GroupMoved,
    OwnerAdded,
    OwnerRemoved,
    GroupRoleGiven,
    GroupRoleTaken,
    AccessGiven,
    AccessEnded,
    AdminMade,
    AdminRemoved,
    RoleCreated,
    RoleEdited,
    RoleDeleted,
    PermissionDefined,
    PermissionRemoved,
    PasswordSet,
    ChangeRequired,
    Moved(ActionName),
    Saved,
    Renamed,
    PasswordChanged,
    TokenRevoked,
    TokensRevoked,
    SessionEnded,
    /// A known device was removed.
    DeviceRemoved,
    SessionsEnded,
    OthersEnded,
    DataAsked,
    SetUp,
    ResetLinkSent,
    ConfirmationSent,
    EmailChangeCancelled,
    MailRetried,
    TestMailSent,
    Joined,
    MailWaits,
    Resent,
    Reminded,
    ActivationSent,
    /// Nothing: a page token led nowhere.
    BeganAnew,
}

/// How the first page of a list is told that a page token led nowhere.
pub(crate) const FIRST_PAGE: &str = "page-began-anew";

/// Every one but the transitions, which are named as their actions are.
const NAMES: [(Done, &str); 50] = [
    (Done::Created, "created"),
    (Done::Edited, "edited"),
    (Done::RolesChanged, "roles-changed"),
    (Done::GroupsChanged, "groups-changed"),
    (Done::GroupCreated, "group-created"),
    (Done::GroupEdited, "group-edited"),
    (Done::GroupDeleted, "group-deleted"),
    (Done::MemberAdded, "member-added"),
    (Done::MembersAdded, "members-added"),
    (Done::MemberRemoved, "member-removed"),
    (Done::Nested, "group-nested"),
    (Done::Unnested, "group-unnested"),
    (Done::GroupMoved, "group-moved"),
    (Done::OwnerAdded, "owner-added"),
    (Done::OwnerRemoved, "owner-removed"),
    (Done::GroupRoleGiven, "group-role-given"),
    (Done::GroupRoleTaken, "group-role-taken"),
    (Done::AccessGiven, "access-given"),
    (Done::AccessEnded, "access-ended"),
    (Done::AdminMade, "admin-made"),
    (Done::AdminRemoved, "admin-removed"),
    (Done::RoleCreated, "role-created"),
    (Done::RoleEdited, "role-edited"),
    (Done::RoleDeleted, "role-deleted"),
    (Done::PermissionDefined, "permission-defined"),
    (Done::PermissionRemoved, "permission-removed"),
    (Done::PasswordSet, "password-set"),
    (Done::ChangeRequired, "change-required"),
    (Done::Saved, "saved"),
    (Done::Renamed, "renamed"),
    (Done::PasswordChanged, "password-changed"),
    (Done::TokenRevoked, "token-revoked"),
    (Done::TokensRevoked, "tokens-revoked"),
    (Done::SessionEnded, "session-ended"),
    (Done::DeviceRemoved, "device-removed"),
    (Done::SessionsEnded, "sessions-ended"),
    (Done::OthersEnded, "others-ended"),
    (Done::DataAsked, "data-asked"),
    (Done::SetUp, "set-up"),
    (Done::ResetLinkSent, "reset-link-sent"),
    (Done::ConfirmationSent, "confirmation-sent"),
    (Done::EmailChangeCancelled, "email-change-cancelled"),
    (Done::MailRetried, "mail-retried"),
    (Done::TestMailSent, "test-mail-sent"),
    (Done::Joined, "joined"),
    (Done::MailWaits, "mail-waits"),
    (Done::Resent, "invitation-resent"),
    (Done::Reminded, "invitation-reminded"),
    (Done::ActivationSent, "activation-sent"),
    (Done::BeganAnew, FIRST_PAGE),
];

impl Done {
    /// As the address carries it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Moved(action) => action.as_str(),
            other => NAMES.iter().find(|(done, _)| *done == other).map_or("", |(_, name)| name),
        }
    }

    /// The one that a query names.
    pub(crate) fn of_query(query: &str) -> Option<Self> {
        let name = query.split('&').find_map(|pair| pair.strip_prefix("done="))?;
        let known = NAMES.iter().find(|(_, known)| *known == name).map(|(done, _)| *done);
        known.or_else(|| ActionName::parse(name).map(Self::Moved))
    }

    /// The same on a server that sends no mail: nothing may say that one is on its way.
    pub(crate) fn without_mail(self) -> Self {
        match self {
            Self::Moved(ActionName::Invite)
            | Self::Resent
            | Self::Reminded
            | Self::ActivationSent
            | Self::ResetLinkSent
            | Self::ConfirmationSent
            | Self::MailRetried
            | Self::TestMailSent => Self::MailWaits,
            other => other,
        }
    }

    /// Whether what it was about has no page any more.
    pub(crate) fn leaves_nothing(self) -> bool {
        matches!(self, Self::GroupDeleted | Self::RoleDeleted)
    }

    /// As people read it; `subject` is whom it is about.
    pub(crate) fn sentence(self, subject: &str) -> String {
        match self {
            Self::Created => format!("{subject} was created."),
            Self::Edited | Self::GroupEdited => format!("The changes to {subject} were saved."),
            Self::RolesChanged => format!("The roles of {subject} were changed."),
            Self::GroupsChanged => format!("The groups of {subject} were changed."),
            Self::GroupCreated => format!("The group {subject} was created."),
            Self::GroupDeleted => "Group deleted. Inherited access was removed.".to_owned(),
            Self::MemberAdded => format!("The person is in {subject} now."),
            Self::MembersAdded => format!("They are all in {subject} now."),
            Self::MemberRemoved => format!("Removed from {subject}. Inherited access was removed."),
            Self::Nested => "Group nested. Its members are now included.".to_owned(),
            Self::Unnested => "Group taken out. Inherited access was removed.".to_owned(),
            Self::GroupMoved => "The group was moved, with everybody in it.".to_owned(),
            Self::OwnerAdded => format!("{subject} has another owner now."),
            Self::OwnerRemoved => format!("{subject} has one owner less."),
            Self::GroupRoleGiven => format!("Everybody in {subject} has the role now."),
            Self::GroupRoleTaken => format!("{subject} no longer gives the role."),
            Self::AccessGiven => format!("{subject} has the access now."),
            Self::AccessEnded => format!("{subject} lost it at once."),
            Self::AdminMade => format!("{subject} is an owner now. The other owners are told."),
            Self::AdminRemoved => {
                format!("The owner’s role of {subject} was taken. The other owners are told.")
            }
            Self::RoleCreated => format!("The role {subject} was made."),
            Self::RoleEdited => format!("The role {subject} was changed. It is in force at once."),
            Self::RoleDeleted => "The role was deleted. Nobody has it any more.".to_owned(),
            Self::PermissionDefined => "The permission is defined. Roles can allow it now.".to_owned(),
            Self::PermissionRemoved => "The permission was removed, from every role too.".to_owned(),
            Self::PasswordSet => format!("{subject} has a temporary password now."),
            Self::ChangeRequired => format!("{subject} must choose another password."),
            Self::Moved(action) => moved(action, subject),
            Self::Saved => "Saved.".to_owned(),
            Self::Renamed => "Address changed. The old address redirects for 90 days.".to_owned(),
            Self::PasswordChanged => {
                "Your password was changed. All your other sessions have ended.".to_owned()
            }
            Self::TokenRevoked => "The token was revoked. It stopped working at once.".to_owned(),
            Self::TokensRevoked => "API tokens revoked. They stopped working at once.".to_owned(),
            Self::ResetLinkSent => format!("A mail is on its way to {subject}."),
            Self::ConfirmationSent => {
                "A mail is on its way. Open its link to confirm the address.".to_owned()
            }
            Self::EmailChangeCancelled => {
                "Cancelled. The link in the mail opens nothing any more.".to_owned()
            }
            Self::MailRetried => "It is being sent again. Look here again in a moment.".to_owned(),
            Self::TestMailSent => "A test mail is on its way. The list says what becomes of it.".to_owned(),
            Self::DeviceRemoved => "Device removed. Its sessions go on.".to_owned(),
            Self::SessionEnded => "The session has ended. Its next request is refused.".to_owned(),
            Self::SessionsEnded => "The sessions have ended. Their next requests are refused.".to_owned(),
            Self::OthersEnded => "You are signed out everywhere else.".to_owned(),
            Self::Joined => "Welcome. Your password is set, and you are signed in.".to_owned(),
            Self::MailWaits => {
                "Done, but no mail was sent: this server has no mail server yet. The mail waits.".to_owned()
            }
            Self::Resent => format!("The invitation of {subject} was sent again. The old link is dead."),
            Self::ActivationSent => format!("The activation mail to {subject} is on its way."),
            Self::Reminded => format!("{subject} was reminded."),
            Self::DataAsked => {
                format!("What is held on {subject} is being put together. You get a mail when it is ready.")
            }
            Self::BeganAnew => {
                "This is the first page. The address of another page works only for who opened it.".to_owned()
            }
            Self::SetUp => "Everything is set up, and you are signed in as the owner.".to_owned(),
        }
    }
}

fn moved(action: ActionName, subject: &str) -> String {
    match action {
        ActionName::Activate | ActionName::Accept => format!("{subject} is active now."),
        ActionName::Suspend => format!("{subject} was suspended."),
        ActionName::Reactivate => format!("{subject} was reactivated."),
        ActionName::Deprovision => format!("{subject} was deprovisioned."),
        ActionName::Delete => format!("{subject} was moved to the trash."),
        ActionName::Restore => format!("{subject} was restored."),
        ActionName::Purge => format!("{subject} was deleted permanently."),
        ActionName::Lock => format!("{subject} was locked."),
        ActionName::Unlock => format!("{subject} was unlocked."),
        ActionName::Invite => format!("{subject} was invited."),
        ActionName::CancelInvitation => format!("The invitation of {subject} was cancelled."),
        ActionName::Settle => format!("{subject} was approved."),
        ActionName::Reject => format!("{subject} was rejected."),
    }
}

#[cfg(test)]
mod tests {
    use super::{Done, NAMES};
    use model::lifecycle::ActionName;

    #[test]
    fn the_address_says_what_was_done() {
        let moves = ActionName::ALL.iter().map(|action| Done::Moved(*action));
        for done in NAMES.iter().map(|(done, _)| *done).chain(moves) {
            assert_eq!(Done::of_query(&format!("q=a&done={}", done.as_str())), Some(done));
        }
        assert_eq!(Done::of_query("done=anything"), None);
    }
}
