//! The list of groups: search, filters and pages, as the API has them, with what can be done from each row. What happens
//! on one group's pages is in the files below; a user's groups are `memberships.rs`.

mod forms;
mod members;
mod own;
mod owners;
mod page;
mod places;
mod roles;

use app::groups::ListedGroup;
use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use model::{
    GroupId, Permission,
    group::Group,
    group_query::GroupQuery,
    page::{self as pages, Page},
};
use serde::{Deserialize, Serialize};

use super::{
    view::{
        frame::Section,
        groups::{GroupList, GroupRow},
        parts::{Action, Badge, Empty, Link, Menu, Options, PageSize, Pager, Tone},
        users::StatusChoice,
    },
    visit::{Part, Visit, html},
    words::number,
};
use crate::{
    extract::Query,
    problem::Answer,
    route::{Needs, Route},
};

/// Every page and form about groups.
pub(crate) fn routes() -> Vec<Route> {
    [records(), contents(), owned()].into_iter().flatten().collect()
}

/// The groups themselves.
fn records() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let at = |path: &str| format!("/o/{{slug}}{path}");
    vec![
        Route::page(Method::GET, &at("/groups"), may(P::GroupList), list).scoped(),
        Route::page(Method::GET, &at("/groups/new"), may(P::GroupCreate), forms::new),
        Route::page(Method::POST, &at("/groups/new"), may(P::GroupCreate), forms::create),
        Route::page(Method::GET, &at("/groups/{id}"), may(P::GroupRead), page::members),
        Route::page(Method::GET, &at("/groups/{id}/groups"), may(P::GroupRead), page::groups),
        Route::page(Method::GET, &at("/groups/{id}/roles"), may(P::GroupRead), page::roles),
        Route::page(Method::GET, &at("/groups/{id}/owners"), may(P::GroupRead), page::owners),
        Route::page(Method::GET, &at("/groups/{id}/activity"), may(P::AuditRead), page::activity),
        Route::page(Method::GET, &at("/groups/{id}/edit"), may(P::GroupUpdate), forms::edit_page),
        Route::page(Method::POST, &at("/groups/{id}/edit"), may(P::GroupUpdate), forms::edit),
        Route::page(Method::GET, &at("/groups/{id}/delete"), may(P::GroupDelete), forms::ask_delete),
        Route::page(Method::POST, &at("/groups/{id}/delete"), may(P::GroupDelete), forms::delete),
    ]
}

/// What is in them, what they carry, and who decides.
fn contents() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let at = |path: &str| format!("/o/{{slug}}{path}");
    vec![
        Route::page(Method::GET, &at("/groups/{id}/members/add"), may(P::GroupAssign), members::add_page),
        Route::page(Method::POST, &at("/groups/{id}/members/add"), may(P::GroupAssign), members::add),
        Route::page(
            Method::GET,
            &at("/groups/{id}/members/{name}/remove"),
            may(P::GroupAssign),
            members::ask_remove,
        ),
        Route::page(
            Method::POST,
            &at("/groups/{id}/members/{name}/remove"),
            may(P::GroupAssign),
            members::remove,
        ),
        Route::page(Method::GET, &at("/groups/{id}/nest"), may(P::GroupAssign), places::ask_nest),
        Route::page(Method::POST, &at("/groups/{id}/nest"), may(P::GroupAssign), places::nest),
        Route::page(Method::GET, &at("/groups/{id}/stand-in"), may(P::GroupAssign), places::ask_stand_in),
        Route::page(Method::POST, &at("/groups/{id}/stand-in"), may(P::GroupAssign), places::stand_in),
        Route::page(Method::GET, &at("/groups/{id}/move/{name}"), may(P::GroupAssign), places::ask_move),
        Route::page(Method::POST, &at("/groups/{id}/move/{name}"), may(P::GroupAssign), places::move_on),
        Route::page(
            Method::GET,
            &at("/groups/{id}/take-out/{name}"),
            may(P::GroupAssign),
            places::ask_take_out,
        ),
        Route::page(Method::POST, &at("/groups/{id}/take-out/{name}"), may(P::GroupAssign), places::take_out),
        Route::page(Method::GET, &at("/groups/{id}/roles/add"), may(P::RoleAssign), roles::ask_add),
        Route::page(Method::POST, &at("/groups/{id}/roles/add"), may(P::RoleAssign), roles::add),
        Route::page(
            Method::GET,
            &at("/groups/{id}/roles/{name}/remove"),
            may(P::RoleAssign),
            roles::ask_remove,
        ),
        Route::page(Method::POST, &at("/groups/{id}/roles/{name}/remove"), may(P::RoleAssign), roles::remove),
        Route::page(Method::GET, &at("/groups/{id}/owners/add"), may(P::GroupUpdate), owners::ask_add),
        Route::page(Method::POST, &at("/groups/{id}/owners/add"), may(P::GroupUpdate), owners::add),
        Route::page(
            Method::GET,
            &at("/groups/{id}/owners/{name}/remove"),
            may(P::GroupUpdate),
            owners::ask_remove,
        ),
        Route::page(
            Method::POST,
            &at("/groups/{id}/owners/{name}/remove"),
            may(P::GroupUpdate),
            owners::remove,
        ),
    ]
}

/// One's own, as a member and as an owner.
fn owned() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let at = |path: &str| format!("/o/{{slug}}{path}");
    vec![
        Route::page(Method::GET, &at("/account/groups"), may(P::AccountGroups), own::list),
        Route::page(Method::GET, &at("/account/groups/{id}"), may(P::AccountGroups), own::show_group),
        Route::page(Method::GET, &at("/account/groups/{id}/add"), may(P::AccountGroups), own::ask_add),
        Route::page(Method::POST, &at("/account/groups/{id}/add"), may(P::AccountGroups), own::add),
        Route::page(
            Method::GET,
            &at("/account/groups/{id}/remove/{name}"),
            may(P::AccountGroups),
            own::ask_remove,
        ),
        Route::page(
            Method::POST,
            &at("/account/groups/{id}/remove/{name}"),
            may(P::AccountGroups),
            own::remove,
        ),
    ]
}

/// The address of a group's page, or of what lies below it.
pub(crate) fn at_group(visit: &Visit, id: GroupId, path: &str) -> String {
    visit.at(&format!("/groups/{id}{path}"))
}

/// What the address of the list says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    /// Only those that carry this role.
    #[serde(skip_serializing_if = "String::is_empty")]
    role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<u16>,
    #[serde(skip_serializing_if = "String::is_empty")]
    page_token: String,
}

/// Offered page sizes.
const SIZES: [u16; 4] = [25, 50, 100, 200];
/// Shown of a group's roles before "+n".
const ROLES: usize = 2;

impl Address {
    /// The same list from its first page, with something changed.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut address = Self { page_token: String::new(), ..self.clone() };
        change(&mut address);
        address
    }

    fn href(&self, path: &str) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// What a new search keeps.
    fn kept(&self) -> Vec<(String, String)> {
        let kept = self.with(|address| address.q.clear());
        let query = serde_urlencoded::to_string(&kept).unwrap_or_default();
        serde_urlencoded::from_str(&query).unwrap_or_default()
    }

    fn is_narrowed(&self) -> bool {
        !self.q.trim().is_empty() || !self.role.is_empty()
    }

    async fn understood(&self, visit: &Visit) -> model::Result<GroupQuery> {
        let mut query = GroupQuery { search: self.q.clone(), ..GroupQuery::default() };
        query.limit = pages::limit(self.page_size)?;
        if !self.role.is_empty() {
            let names = std::slice::from_ref(&self.role);
            query.role = visit.app().role_keys(&visit.caller.actor, names).await?.first().copied();
        }
        query.at(visit.caller.actor.reader(), Some(&self.page_token))
    }
}

/// `GET /o/{slug}/groups`
pub(crate) async fn list(visit: Visit, Query(address): Query<Address>) -> Answer<Response> {
    let query = address.understood(&visit).await?;
    let page = visit.app().groups(&visit.caller.actor, query.clone()).await?;
    let rows: Vec<GroupRow> = page.items.iter().map(|listed| row(&visit, listed)).collect();
    if visit.part == Part::Palette {
        let found = rows.iter().map(|row| Link::new(row.name.as_str(), row.href.as_str())).collect();
        return html(StatusCode::OK, &Options { kind: "Group", icon: "group", found }, Part::Palette);
    }
    let list = List { visit: &visit, address: &address, query: &query };
    let empty = match rows.len() {
        0 if address.is_narrowed() => Some(list.none_matches()),
        0 => Some(list.none_yet()),
        _ => None,
    };
    let (pager, roles) = (list.pager(&page), list.roles().await?);
    let template = GroupList {
        frame: visit.frame("Groups", Section::Groups, vec![Link::new("Groups", "")], "The group").await?,
        summary: if empty.is_some() { String::new() } else { pager.summary.clone() },
        actions: list.actions(),
        query: address.q.clone(),
        path: visit.at("/groups"),
        kept: address.kept(),
        chips: std::iter::once(list.choice("All", String::new()))
            .chain(roles.iter().filter(|role| role.current).cloned())
            .collect(),
        roles,
        announcement: if empty.is_some() { "No group matches".to_owned() } else { pager.summary.clone() },
        rows,
        pager,
        empty,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &template.as_results(), Part::Results),
        _ => html(StatusCode::OK, &template, Part::Page),
    }
}

/// Where a group is kept.
pub(crate) fn source(group: &Group) -> Badge {
    match group.source.as_str() {
        "local" => Badge { tone: Tone::Grey, label: "Local".to_owned() },
        _ => Badge { tone: Tone::Blue, label: "Synced".to_owned() },
    }
}

/// A count that ends at 10,000.
pub(crate) fn counted(count: i64) -> String {
    if count > 10_000 { "over 10,000".to_owned() } else { number(count) }
}

/// `1 member`, `24 members`.
pub(crate) fn members_words(count: i64) -> String {
    if count == 1 { "1 member".to_owned() } else { format!("{} members", counted(count)) }
}

/// `1 group`, `24 groups`.
pub(crate) fn groups_words(count: i64) -> String {
    if count == 1 { "1 group".to_owned() } else { format!("{} groups", counted(count)) }
}

fn row(visit: &Visit, listed: &ListedGroup) -> GroupRow {
    let group = &listed.group;
    GroupRow {
        id: group.id.to_string(),
        href: at_group(visit, group.id, ""),
        edit_href: edit_href(visit, group),
        name: group.fields.name.clone(),
        description: group.fields.description.clone(),
        members: counted(listed.members),
        groups: counted(listed.groups),
        roles: listed.roles.iter().take(ROLES).map(|role| role.name.clone()).collect(),
        more_roles: listed.roles.len().saturating_sub(ROLES),
        source: source(group),
        menu: menu(visit, group),
    }
}

/// What this viewer may do somewhere; what it is about is looked at when it is done.
fn may_somewhere(visit: &Visit, permission: Permission) -> bool {
    visit.may(permission) || visit.caller.actor.rights.somewhere().contains(permission)
}

/// Where a group is edited; empty if this viewer can't, or another place keeps it in step.
fn edit_href(visit: &Visit, group: &Group) -> String {
    let may = may_somewhere(visit, Permission::GroupUpdate);
    if may { at_group(visit, group.id, "/edit") } else { String::new() }
}

/// The row's menu: the ways to the group, then what can be done with it.
fn menu(visit: &Visit, group: &Group) -> Menu {
    let at = |path: &str| at_group(visit, group.id, path);
    let mut ways = vec![Action::page("Open", at(""), "group")];
    if may_somewhere(visit, Permission::GroupAssign) {
        ways.push(Action::page("Add people", at("/members/add"), "user-plus"));
    }
    let edit = edit_href(visit, group);
    if !edit.is_empty() {
        ways.push(Action::page("Edit", edit, "edit"));
    }
    let delete = may_somewhere(visit, Permission::GroupDelete)
        .then(|| Action::dialog("Delete…", at("/delete"), "trash").dangerous());
    let menu = [ways, delete.into_iter().collect()];
    menu.into_iter().filter(|group| !group.is_empty()).collect()
}

/// What the parts of the page are made from.
struct List<'p> {
    visit: &'p Visit,
    address: &'p Address,
    query: &'p GroupQuery,
}

impl List<'_> {
    fn href(&self, change: impl FnOnce(&mut Address)) -> String {
        self.address.with(change).href(&self.visit.at("/groups"))
    }

    fn actions(&self) -> Vec<Action> {
        let create = || Action::page("Create group", self.visit.at("/groups/new"), "plus");
        self.visit.may(Permission::GroupCreate).then(create).into_iter().collect()
    }

    fn choice(&self, label: &str, role: String) -> StatusChoice {
        StatusChoice {
            label: label.to_owned(),
            current: self.address.role == role,
            href: self.href(|address| address.role = role),
            count: String::new(),
            words: String::new(),
        }
    }

    /// The roles that groups can carry, to choose from.
    async fn roles(&self) -> model::Result<Vec<StatusChoice>> {
        if !self.visit.may(Permission::RoleRead) {
            return Ok(Vec::new());
        }
        let roles = self.visit.app().roles(&self.visit.caller.actor).await?;
        let carried = roles.iter().filter(|role| role.key != model::Role::Member);
        Ok(carried.map(|role| self.choice(&role.name, role.key.to_string())).collect())
    }

    fn pager(&self, page: &Page<ListedGroup>) -> Pager {
        let step = |token: &Option<String>| {
            token.as_ref().map(|token| self.href(|address| address.page_token.clone_from(token)))
        };
        let sizes = SIZES.map(|size| PageSize {
            size: size.into(),
            href: self.href(|address| address.page_size = Some(size)),
            current: size == self.query.limit,
        });
        let count = i64::try_from(page.items.len()).unwrap_or(i64::MAX);
        let whole = page.next.is_none() && page.previous.is_none();
        let summary =
            if whole { groups_words(count) } else { format!("{} on this page", groups_words(count)) };
        let sizes =
            if whole && page.items.len() <= usize::from(SIZES[0]) { Vec::new() } else { sizes.to_vec() };
        Pager { summary, previous: step(&page.previous), next: step(&page.next), sizes }
    }

    fn none_matches(&self) -> Empty {
        let text = if self.query.search.trim().is_empty() {
            "No group carries this role.".to_owned()
        } else {
            format!("No group has “{}” in its name.", self.query.search.trim())
        };
        let clear = Action::page("Clear search and filters", self.visit.at("/groups"), "close");
        Empty { icon: "no-match", title: "No group matches".to_owned(), text, actions: vec![clear] }
    }

    fn none_yet(&self) -> Empty {
        let text = "A group is a set of people. The roles that it carries count for everybody in it, and end for \
                    who leaves it.";
        Empty {
            icon: "group",
            title: "No groups yet".to_owned(),
            text: text.to_owned(),
            actions: self.actions(),
        }
    }
}
