//! What somebody may do, and where: permissions in the whole organization, permissions over groups, and permissions of
//! the organization's own applications; and the one granting rule, which compares two of these.

mod codes;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Error, GroupId, Kind, Permission, Permissions, Result};

/// The names of applications' permissions, such as `content:edit`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Applications(BTreeSet<Box<str>>);

impl Applications {
    /// Adds a name.
    pub fn insert(&mut self, name: &str) {
        self.0.insert(name.into());
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Is it in the set?
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Is all of `other` in this set?
    pub fn covers(&self, other: &Self) -> bool {
        self.0.is_superset(&other.0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

/// Permissions over a group: the group, the groups in it at any depth, and everybody in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scoped {
    /// Over which group.
    pub group: GroupId,
    /// The group itself and every group that holds it: who has rights over one of these has them over this.
    pub above: Vec<GroupId>,
    /// What; only what can be scoped.
    #[serde(with = "codes")]
    pub permissions: Permissions,
}

/// What somebody may do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rights {
    /// In the whole organization.
    #[serde(with = "codes")]
    pub org: Permissions,
    /// Over groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scoped: Vec<Scoped>,
    /// In the organization's own applications.
    #[serde(default, skip_serializing_if = "Applications::is_empty")]
    pub applications: Applications,
}

/// Whom a permission reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everybody in the organization.
    Everybody,
    /// Those in these groups, at any depth; nobody if there is none.
    Groups(Vec<GroupId>),
}

impl Rights {
    /// Everything: the operator's and the timers'.
    pub fn everything() -> Self {
        Self { org: Permissions::all(), ..Self::default() }
    }

    /// What everyone may do.
    pub fn member() -> Self {
        Self { org: Permissions::of_roles(&[]), ..Self::default() }
    }

    /// Adds others' to these.
    pub fn add(&mut self, other: Self) {
        self.org = self.org.and(other.org);
        self.applications.extend(&other.applications);
        for part in other.scoped {
            match self.scoped.iter_mut().find(|known| known.group == part.group) {
                Some(known) => known.permissions = known.permissions.and(part.permissions),
                None => self.scoped.push(part),
            }
        }
    }

    /// What a token with these scopes leaves of them. Scopes name Muster's permissions: only a token without any acts
    /// in applications.
    #[must_use]
    pub fn within(mut self, scopes: Permissions) -> Self {
        if scopes == Permissions::all() {
            return self;
        }
        self.org = self.org.within(scopes);
        for part in &mut self.scoped {
            part.permissions = part.permissions.within(scopes);
        }
        self.applications = Applications::default();
        self
    }

    /// What may be done to somebody or something that is in these groups, those above them included.
    pub fn over(&self, groups: &[GroupId]) -> Permissions {
        let reaching = self.scoped.iter().filter(|part| groups.contains(&part.group));
        reaching.fold(self.org, |all, part| all.and(part.permissions))
    }

    /// What may be done to anybody at all.
    pub fn somewhere(&self) -> Permissions {
        self.scoped.iter().fold(self.org, |all, part| all.and(part.permissions))
    }

    /// Whom this permission reaches.
    pub fn reach(&self, permission: Permission) -> Reach {
        if self.org.contains(permission) {
            return Reach::Everybody;
        }
        let reaching = self.scoped.iter().filter(|part| part.permissions.contains(permission));
        Reach::Groups(reaching.map(|part| part.group).collect())
    }

    /// Whether somebody was given something beyond what everyone may do: an administrator of whatever kind.
    pub fn administers(&self) -> bool {
        self.somewhere().beyond_member() != Permissions::default()
    }

    /// Whether all of `other` lies within these, wherever it counts, but for what everyone may do: that counts for
    /// nothing, or a token whose scopes leave out its own account could change nobody.
    pub fn covers(&self, other: &Self) -> bool {
        self.org.covers(other.org.beyond_member()) && self.covers_the_rest(other)
    }

    /// Who may give applications' permissions has all of them in this sense.
    fn covers_the_rest(&self, other: &Self) -> bool {
        let applications =
            self.org.contains(Permission::PermissionGrant) || self.applications.covers(&other.applications);
        let scoped = |part: &Scoped| self.over(&part.above).covers(part.permissions);
        applications && other.scoped.iter().all(scoped)
    }

    /// The granting rule for a token that a token makes: what everyone may do counts as well.
    pub fn may_delegate(&self, given: &Self) -> Result<()> {
        if self.org.covers(given.org) { self.may_grant(given) } else { Err(above_own()) }
    }

    /// The granting rule: what is given or taken must lie within what the actor may do.
    pub fn may_grant(&self, given: &Self) -> Result<()> {
        if self.covers(given) {
            return Ok(());
        }
        Err(above_own())
    }

    /// The same rule seen from the other side: nobody changes a person who may do more than himself, or a new password
    /// or address would be a way up.
    pub fn may_change(&self, target: &Self) -> Result<()> {
        if self.covers(target) {
            return Ok(());
        }
        let message = "This person may do more than you. Ask somebody who may do as much, such as an owner.";
        Err(Error::new(Kind::Forbidden, "access.stronger_person", message))
    }
}

fn above_own() -> Error {
    let message = "You can't give or take rights that you don't have yourself. Ask an owner.";
    Error::new(Kind::Forbidden, "access.above_own", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use uuid::Uuid;

    fn scoped(group: u128, above: &[u128], permissions: &[Permission]) -> Rights {
        let id = |number: u128| GroupId(Uuid::from_u128(number));
        let above = above.iter().map(|number| id(*number)).collect();
        let part = Scoped { group: id(group), above, permissions: Permissions::of(permissions) };
        Rights { scoped: vec![part], ..Rights::member() }
    }

    #[test]
    fn rights_over_a_group_reach_what_is_in_it_and_nothing_beside_it() {
        use Permission as P;
        let over_one = scoped(1, &[1], &[P::UserRead, P::UserLock]);
        let within = scoped(2, &[2, 1], &[P::UserLock]);
        let beside = scoped(3, &[3], &[P::UserLock]);
        assert!(over_one.may_change(&within).is_ok() && over_one.may_grant(&within).is_ok());
        assert!(over_one.may_change(&beside).is_err() && within.may_change(&over_one).is_err());
        let everywhere = Rights { org: Permissions::of(&[P::UserLock]), ..Rights::default() };
        assert!(over_one.may_grant(&everywhere).is_err() && everywhere.may_grant(&beside).is_ok());
    }

    #[test]
    fn an_applications_permission_is_given_by_its_holders_and_by_who_may_give_all() {
        let mut editor = Rights::member();
        editor.applications.insert("content:edit");
        assert!(Rights::member().may_change(&editor).is_err() && editor.may_grant(&editor).is_ok());
        let manager = Rights { org: Permissions::of_roles(&[Role::UserManager]), ..Rights::default() };
        assert!(manager.may_change(&editor).is_ok());
        assert!(editor.clone().within(Permissions::of(&[Permission::UserRead])).applications.is_empty());
    }
}
