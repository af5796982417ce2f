//! The demonstration's groups and roles: departments in their divisions, groups that give something, a team lead whose
//! rights end with the own people, and permissions of an application.

use std::collections::{BTreeMap, BTreeSet};

use app::{Actor, groups::NewGroup, role_definitions::NewRole};
use model::{
    GroupId, Kind, Result, RoleKey,
    access::Role,
    grant::GrantTerms,
    group::GroupFields,
    role::{RoleFields, Scope},
};

use super::Making;
use crate::demo::{DemoPerson, DemoState};

/// What the people's applications know.
const PERMISSIONS: [(&str, &str); 3] = [
    ("content:edit", "Write pages of the website"),
    ("content:publish", "Put pages online"),
    ("orders:approve", "Approve orders above 1,000"),
];
/// What a team lead may do, over the own people.
const LEADING: [&str; 6] =
    ["user:list", "user:read", "user:unlock", "group:list", "group:read", "group:assign"];
/// Somebody stands in for so long.
const HOLIDAYS: std::time::Duration = std::time::Duration::from_secs(9 * 24 * 60 * 60);

/// Makes them. What an interrupted start has made already is left as it is.
pub(super) async fn make(making: &Making<'_>) -> Result<()> {
    let actor = Actor::operator(making.org.id.into());
    let maker = Maker { making, actor };
    for (name, description) in PERMISSIONS {
        ignore_taken(maker.app().define_permission(&maker.actor, name, description, true).await.map(drop))?;
    }
    let editor = maker.role("Content editor", "Writes the website.", &["content:edit"]).await?;
    let chief =
        maker.role("Chief editor", "Decides what goes online.", &["content:edit", "content:publish"]).await?;
    let lead = maker.role("Team lead", "Looks after the own people.", &LEADING).await?;
    maker.departments(lead).await?;
    let editors = maker.group("Content editors", "Write and publish the website", None, Some(editor)).await?;
    let chiefs = maker.group("Chief editors", "Decide what goes online", Some(editors), Some(chief)).await?;
    let desk = maker.group("Service desk", "Helps people back in", None, Some(Role::Helpdesk.into())).await?;
    let active: Vec<&DemoPerson> =
        making.people.iter().filter(|person| person.state == DemoState::Active).collect();
    let some = |from: usize, count: usize| active.iter().skip(from).step_by(37).take(count).copied();
    maker.fill(editors, some(100, 12), GrantTerms::default()).await?;
    maker.fill(chiefs, some(111, 3), GrantTerms::default()).await?;
    maker.fill(desk, some(120, 6), GrantTerms::default()).await?;
    let end = making.app.now().plus(HOLIDAYS);
    maker.fill(desk, some(133, 1), GrantTerms::until(Some(end), "Covers for the holidays")).await
}

struct Maker<'m> {
    making: &'m Making<'m>,
    actor: Actor,
}

impl Maker<'_> {
    fn app(&self) -> &app::App {
        self.making.app
    }

    /// Every department in its division; the first lead of each looks after its people.
    async fn departments(&self, lead: RoleKey) -> Result<()> {
        let here = |person: &&DemoPerson| matches!(person.state, DemoState::Active | DemoState::Suspended);
        let mut departments: BTreeMap<(&str, &str), Vec<&DemoPerson>> = BTreeMap::new();
        for person in self.making.people.iter().filter(here).filter(|person| !person.department.is_empty()) {
            departments.entry((&person.division, &person.department)).or_default().push(person);
        }
        let names: BTreeSet<&str> = departments.keys().map(|(_, department)| *department).collect();
        for ((division, department), people) in &departments {
            let outer = if names.contains(division) {
                format!("{division} division")
            } else {
                (*division).to_owned()
            };
            let outer = self.group(&outer, "A division", None, None).await?;
            let group = self.group(department, "A department", Some(outer), None).await?;
            self.fill(group, people.iter().copied(), GrantTerms::default()).await?;
            if let Some(first) = people.iter().find(|person| person.title.starts_with("Team Lead")) {
                let person = self.app().user_by_identifier(&self.actor, &first.email).await?;
                let terms = GrantTerms::default();
                self.app().grant_role(&self.actor, person.user.id, lead, Scope::Group(group), terms).await?;
            }
        }
        Ok(())
    }

    async fn role(&self, name: &str, description: &str, permissions: &[&str]) -> Result<RoleKey> {
        let fields = RoleFields {
            name: name.to_owned(),
            description: description.to_owned(),
            permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
        };
        ignore_taken(self.app().create_role(&self.actor, NewRole { fields, copy_of: None }).await.map(drop))?;
        let keys = self.app().role_keys(&self.actor, &[name.to_owned()]).await?;
        keys.first().copied().ok_or_else(model::Error::not_found)
    }

    async fn group(
        &self,
        name: &str,
        description: &str,
        parent: Option<GroupId>,
        role: Option<RoleKey>,
    ) -> Result<GroupId> {
        let new = NewGroup {
            fields: GroupFields { name: name.to_owned(), description: description.to_owned() },
            parents: parent.into_iter().collect(),
            roles: role.into_iter().collect(),
            owners: Vec::new(),
        };
        ignore_taken(self.app().create_group(&self.actor, new).await.map(drop))?;
        self.app().group_id(&self.actor, name).await
    }

    async fn fill<'p>(
        &self,
        group: GroupId,
        people: impl Iterator<Item = &'p DemoPerson>,
        terms: GrantTerms,
    ) -> Result<()> {
        let lines = people.map(|person| person.email.clone()).collect();
        self.app().add_members(&self.actor, group, lines, terms).await.map(drop)
    }
}

/// What is there already, is there.
fn ignore_taken(made: Result<()>) -> Result<()> {
    made.or_else(|error| if error.kind() == Kind::Conflict { Ok(()) } else { Err(error) })
}
