//! Groups and their members as the command line shows them.

use app::groups::{GroupDetails, ListedGroup, Member};
use model::{GroupId, Status, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::RoleView;

/// A group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GroupView {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    pub(crate) source: String,
    /// Users who are in it directly, up to 10,000; 10,001 means more.
    pub(crate) members: i64,
    /// Groups that stand in it: directly in lists, at any depth where it is shown alone.
    pub(crate) groups: i64,
    /// Users who are in it directly or through groups; only a single group shows them, and what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) users: Option<i64>,
    pub(crate) roles: Vec<RoleView>,
    /// Usernames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) owners: Vec<String>,
    /// Names of the groups that it stands in directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parents: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) version: i64,
}

impl GroupView {
    fn of(group: model::group::Group, members: i64, groups: i64, roles: Vec<RoleView>) -> Self {
        Self {
            id: group.id,
            name: group.fields.name,
            description: group.fields.description,
            source: group.source,
            members,
            groups,
            users: None,
            roles,
            owners: Vec::new(),
            parents: Vec::new(),
            created_at: group.created_at,
            updated_at: group.updated_at,
            version: group.version,
        }
    }
}

impl From<ListedGroup> for GroupView {
    fn from(listed: ListedGroup) -> Self {
        let roles = listed.roles.into_iter().map(RoleView::plain).collect();
        Self::of(listed.group, listed.members, listed.groups, roles)
    }
}

impl From<GroupDetails> for GroupView {
    fn from(details: GroupDetails) -> Self {
        let roles = details.roles.into_iter().map(RoleView::granted).collect();
        Self {
            users: Some(details.touched.users),
            owners: details.owners.into_iter().map(|owner| owner.username).collect(),
            parents: details.parents.into_iter().map(|parent| parent.name).collect(),
            ..Self::of(details.group, details.touched.members, details.touched.groups, roles)
        }
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemberView {
    pub(crate) user: UserId,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) status: Status,
    /// Whether the user is in the group itself.
    pub(crate) direct: bool,
    /// Else by way of which groups, the innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) through: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) granted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_until: Option<Timestamp>,
}

impl MemberView {
    pub(crate) fn of(member: Member, now: Timestamp) -> Self {
        let Member { user, given, through, .. } = member;
        Self {
            user: user.id,
            name: user.name().to_owned(),
            username: user.username().to_owned(),
            status: user.status(now),
            direct: given.is_some(),
            through: through.into_iter().map(|group| group.name).collect(),
            granted_at: given.as_ref().map(|given| given.at),
            valid_from: given.as_ref().and_then(|given| given.terms.valid_from),
            valid_until: given.and_then(|given| given.terms.valid_until),
        }
    }
}
