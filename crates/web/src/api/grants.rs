//! Roles and memberships as the API shows them: who holds what, from whom, since and until when.

use app::users::{ListedRole, Membership, RoleGrant};
use model::{
    GroupId, Org, RoleKey,
    given_date::GivenDate,
    grant::{Given, GrantTerms},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::moment;

/// A directly held role.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoleView {
    /// Which.
    role: RoleKey,
    /// As people read it.
    name: String,
    /// The group over which it counts; missing: the whole organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    over: Option<GroupId>,
    /// Who gave it, when, and on what terms; lists leave these out.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    given: Option<GivenView>,
}

impl From<ListedRole> for RoleView {
    fn from(role: ListedRole) -> Self {
        Self { role: role.key, name: role.name, over: None, given: None }
    }
}

impl From<RoleGrant> for RoleView {
    fn from(grant: RoleGrant) -> Self {
        let given = Some(GivenView::from(grant.given));
        Self { role: grant.role, name: grant.name, over: grant.scope.group(), given }
    }
}

/// Who gave something, when, and on what terms.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GivenView {
    /// Who gave it: a user's id, `operator` or `system`.
    granted_by: String,
    /// When.
    granted_at: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// Begins then.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<String>,
    /// Ends then.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
}

impl From<Given> for GivenView {
    fn from(given: Given) -> Self {
        Self {
            granted_by: given.by.to_string(),
            granted_at: moment(given.at),
            reason: given.terms.reason,
            valid_from: given.terms.valid_from.map(moment),
            valid_until: given.terms.valid_until.map(moment),
        }
    }
}

/// A group that a user is in directly.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MembershipView {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    group: GroupId,
    /// Its name.
    name: String,
    /// Who put the user there, when, and on what terms.
    #[serde(flatten)]
    given: GivenView,
}

impl From<Membership> for MembershipView {
    fn from(held: Membership) -> Self {
        Self { group: held.group, name: held.name, given: held.given.into() }
    }
}

/// On what terms something is given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TermsBody {
    /// Why; at most 500 characters.
    reason: String,
    /// Begins then; at once if left out. A date means its first moment in the organization's time zone.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<GivenDate>,
    /// Ends then; never if left out. A date includes its day in the organization's time zone.
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<GivenDate>,
}

impl TermsBody {
    /// The terms, with days read where the organization is.
    pub(crate) fn terms(self, org: &Org) -> GrantTerms {
        terms(org, self.reason, self.valid_from, self.valid_until)
    }
}

/// Terms, with days read where the organization is.
pub(crate) fn terms(
    org: &Org,
    reason: String,
    from: Option<GivenDate>,
    until: Option<GivenDate>,
) -> GrantTerms {
    let zone = org.settings.zone();
    GrantTerms {
        reason,
        valid_from: from.map(|from| from.start_in(&zone)),
        valid_until: until.map(|until| until.end_in(&zone)),
    }
}
