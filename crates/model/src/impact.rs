//! What a change does to people's access: who gains and who loses what, from what they effectively hold before and after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, Permissions, RoleKey, UserId,
    access_paths::{AccessWeb, Effective},
    outgrown::EndedSecret,
    role::Scope,
};

/// Whose access a change concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// One user's.
    User(UserId),
    /// That of everybody in a group or in groups in it, and of those who hold a role over it.
    Group(GroupId),
    /// That of everybody who holds a role, directly or through groups.
    Role(RoleKey),
    /// That of everybody who holds a role over a group or over groups in it: what these stand in has changed.
    Over(GroupId),
}

/// People named in an impact; of the others the number is told.
pub const MAX_NAMED: usize = 100;
/// So many people are compared one by one; beyond, it is told that there are more.
pub const MAX_COMPARED: usize = 10_000;

/// Who gains and loses what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Impact {
    /// How many people were compared: everybody whom the change could touch.
    pub compared: usize,
    /// Whether there are more whom it could touch than were compared.
    pub more: bool,
    /// How many of those compared gain something.
    pub gaining: usize,
    /// How many of those compared lose something.
    pub losing: usize,
    /// What is gained and lost, and by how many; the widest first.
    pub items: Vec<ImpactItem>,
    /// The people who gain or lose something; the first 100.
    pub people: Vec<ImpactPerson>,
    /// How many secrets that others made end because their users get more rights than the makers have.
    #[serde(default)]
    pub secrets: usize,
    /// The number that confirms that, as `end_secrets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<u64>,
    /// Those secrets, all of them.
    #[serde(default)]
    pub ended: Vec<EndedSecret>,
}

/// Something that people gain or lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImpactItem {
    /// `permission`, `role` or `group`.
    pub kind: ImpactKind,
    /// `user:suspend`, `user:suspend over Sales`, `Helpdesk`, `Finance`.
    pub name: String,
    /// Whether it is gained; else it is lost.
    pub gained: bool,
    /// By how many of those compared.
    pub people: usize,
}

/// What kind of thing is gained or lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImpactKind {
    /// A permission, Muster's or an application's.
    Permission,
    /// A role.
    Role,
    /// Being in a group, at any depth.
    Group,
}

/// What one person gains and loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImpactPerson {
    /// Who.
    #[schema(value_type = uuid::Uuid)]
    pub user: UserId,
    /// The name.
    pub name: String,
    /// Permissions, then roles, then groups.
    pub gained: Vec<String>,
    /// The same.
    pub lost: Vec<String>,
}

/// How the things in an impact are called, before and after.
#[derive(Debug, Clone, Default)]
pub struct Names {
    groups: BTreeMap<GroupId, String>,
    roles: BTreeMap<(RoleKey, Scope), String>,
}

impl Names {
    /// Learns the names in a web.
    pub fn learn(&mut self, web: &AccessWeb) {
        self.groups.extend(web.names.iter().map(|(group, name)| (*group, name.clone())));
        let carried = web.direct.values().chain(web.carried.values()).flatten();
        for role in carried {
            self.roles.insert((role.role, role.scope), role.label());
            if let Scope::Group(group) = role.scope {
                self.groups.entry(group).or_insert_with(|| role.scope_name.clone());
            }
        }
    }

    fn group(&self, group: GroupId) -> String {
        self.groups.get(&group).cloned().unwrap_or_else(|| group.to_string())
    }

    fn role(&self, role: (RoleKey, Scope)) -> String {
        self.roles.get(&role).cloned().unwrap_or_else(|| role.0.to_string())
    }

    /// What is in `one` and not in `other`.
    fn beyond(&self, one: &Effective, other: &Effective) -> Vec<(ImpactKind, String)> {
        let less = |one: Permissions, other: Permissions| {
            one.iter().filter(move |permission| !other.contains(*permission))
        };
        let mut found: Vec<(ImpactKind, String)> = Vec::new();
        let mut permission = |name: String| found.push((ImpactKind::Permission, name));
        less(one.org, other.org).for_each(|name| permission(name.as_str().to_owned()));
        let own = one.applications.iter().filter(|name| !other.applications.contains(name));
        own.for_each(|name| permission(name.to_owned()));
        for (group, over) in &one.scoped {
            let before = other.scoped.get(group).copied().unwrap_or_default();
            let place = self.group(*group);
            less(*over, before).for_each(|name| permission(format!("{name} over {place}")));
        }
        found.extend(one.roles.difference(&other.roles).map(|role| (ImpactKind::Role, self.role(*role))));
        found.extend(
            one.groups.difference(&other.groups).map(|group| (ImpactKind::Group, self.group(*group))),
        );
        found
    }
}

/// Compares what people hold before and after, in the order of `people`.
pub fn compare(
    people: &[(UserId, String)],
    before: &BTreeMap<UserId, Effective>,
    after: &BTreeMap<UserId, Effective>,
    names: &Names,
) -> Impact {
    let nothing = Effective::default();
    let mut impact = Impact { compared: people.len(), ..Impact::default() };
    let mut items: BTreeMap<(ImpactKind, String, bool), usize> = BTreeMap::new();
    for (user, name) in people {
        let was = before.get(user).unwrap_or(&nothing);
        let will = after.get(user).unwrap_or(&nothing);
        if was == will {
            continue;
        }
        let (gained, lost) = (names.beyond(will, was), names.beyond(was, will));
        impact.gaining += usize::from(!gained.is_empty());
        impact.losing += usize::from(!lost.is_empty());
        for (list, is_gained) in [(&gained, true), (&lost, false)] {
            for (kind, name) in list {
                *items.entry((*kind, name.clone(), is_gained)).or_default() += 1;
            }
        }
        if impact.people.len() < MAX_NAMED {
            let plain = |list: Vec<(ImpactKind, String)>| list.into_iter().map(|(_, name)| name).collect();
            let (gained, lost) = (plain(gained), plain(lost));
            impact.people.push(ImpactPerson { user: *user, name: name.clone(), gained, lost });
        }
    }
    let item = |((kind, name, gained), people)| ImpactItem { kind, name, gained, people };
    impact.items = items.into_iter().map(item).collect();
    impact.items.sort_by(|one, other| {
        (other.people, one.kind, one.gained, &one.name).cmp(&(
            one.people,
            other.kind,
            other.gained,
            &other.name,
        ))
    });
    impact
}
