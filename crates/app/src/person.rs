//! A person as operations and pages have it: the record with what is held, and what may therefore be done.

use model::{
    GroupId, OrgContext, Result, Rights, RoleKey, Timestamp, User, credential::Credential, grant::Given,
    role::Scope, settings::PasswordPolicy, user::UserType,
};
use serde::{Deserialize, Serialize};
use store::{Connection, grants::RoleGrant, memberships::Membership};

/// A user with what is held: what a user's page shows, and what operations work on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The record.
    pub user: User,
    /// Directly held roles, strongest first, with who gave them and until when.
    pub grants: Vec<RoleGrant>,
    /// The groups that the person is in directly, by name.
    pub memberships: Vec<Membership>,
    /// What the person may do, now or by what is granted for later: what the granting rule compares.
    pub rights: Rights,
    /// What there is to sign in with.
    pub password: PasswordState,
}

/// What is known of a person's password; never the password or its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordState {
    /// When it was set; `None` if there is none.
    pub set_at: Option<Timestamp>,
    /// A temporary one ends then.
    pub expires_at: Option<Timestamp>,
    /// Another one must be chosen at the next sign-in.
    pub must_change: bool,
    /// Counts on with every other password; 0 if there is none.
    #[serde(default)]
    pub stamp: i64,
}

impl PasswordState {
    /// When another one must be chosen, by the policy; `None`: never, or it is temporary anyhow.
    pub fn change_due(&self, user: &User, policy: &PasswordPolicy) -> Option<Timestamp> {
        // An account for emergencies is exempt from expiry.
        let lasts = self.expires_at.is_none() && user.fields.kind() != UserType::BreakGlass;
        self.set_at.filter(|_| lasts).and_then(|set_at| policy.change_due(set_at))
    }

    /// Whether a lasting one has become too old for the policy.
    pub fn is_overdue(&self, user: &User, policy: &PasswordPolicy, now: Timestamp) -> bool {
        self.change_due(user, policy).is_some_and(|due| due <= now)
    }
}

impl Person {
    /// A user with all that is held.
    pub(crate) async fn load(
        connection: &mut Connection<'_>,
        context: OrgContext,
        user: User,
        now: Timestamp,
    ) -> Result<Self> {
        let grants = store::grants::of_user(connection, context, user.id).await?;
        let memberships = store::memberships::of_user(connection, context, user.id).await?;
        let credential = store::credentials::find(connection, context, user.id).await?;
        let rights = prospect(connection, context, &grants, &memberships, now).await?;
        Ok(Self { grants, memberships, rights, ..Self::new(user, credential.as_ref()) })
    }

    /// A user who holds nothing.
    pub(crate) fn new(user: User, credential: Option<&Credential>) -> Self {
        let password = PasswordState {
            set_at: credential.map(|credential| credential.set_at),
            expires_at: credential.and_then(|credential| credential.expires_at),
            must_change: credential.is_some_and(|credential| credential.must_change),
            stamp: credential.map_or(0, |credential| credential.stamp),
        };
        Self { user, grants: Vec::new(), memberships: Vec::new(), rights: Rights::member(), password }
    }

    /// Directly held roles.
    pub fn roles(&self) -> impl Iterator<Item = RoleKey> {
        self.grants.iter().map(|grant| grant.role)
    }
}

/// What somebody with these grants and memberships may do, now or later. It counts also while suspended: coming back gives
/// it all again; and what is granted for tomorrow counts today, or a password set today would be a way up tomorrow.
pub(crate) async fn prospect(
    connection: &mut Connection<'_>,
    context: OrgContext,
    grants: &[RoleGrant],
    memberships: &[Membership],
    now: Timestamp,
) -> Result<Rights> {
    let has_not_ended = |given: &Given| given.terms.valid_until.is_none_or(|until| until > now);
    let mut rights = Rights::member();
    for grant in grants.iter().filter(|grant| has_not_ended(&grant.given)) {
        let above = match grant.scope {
            Scope::Org => Vec::new(),
            Scope::Group(group) => store::access::above(connection, context, &[group]).await?,
        };
        rights.add(grant.allowed.in_scope(grant.scope, above));
    }
    let groups = memberships.iter().filter(|held| has_not_ended(&held.given));
    let groups: Vec<GroupId> = groups.map(|held| held.group).collect();
    if !groups.is_empty() {
        rights.add(store::access::conferred(connection, context, &groups, now).await?);
    }
    Ok(rights)
}
