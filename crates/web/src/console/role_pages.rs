//! Looking at roles: the list, what one allows, who holds it, two side by side.

use app::{role_definitions::Comparison, role_holders::HeldRole};
use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use model::{
    Permission, Role, RoleKey,
    grant::Holder,
    page::DEFAULT_LIMIT,
    role::{Allowed, RoleDefinition},
};
use serde::Deserialize;

use super::{
    permissions, role_editor,
    role_matrix::{self, Viewer},
    view::{
        form::Choice,
        frame,
        parts::{Action, Avatar, Badge, Banner, Empty, Link, Menu, Options, Pager, Tone},
        roles::{
            CompareGroup, ComparePage, CompareRow, HolderList, HolderRow, RoleHead, RoleList, RolePage,
            RoleRow,
        },
        users::Tab,
    },
    visit::{Part, Visit, html},
    words::{Names, moment, number, people},
};
use crate::{
    api::role_definitions::key,
    extract::{Name, Query},
    problem::Answer,
    route::{Needs, Route},
};

/// Roles, and what they are made of.
pub(super) fn routes() -> Vec<Route> {
    use Permission as P;
    let may = Needs::Permission;
    let role = |path: &str| format!("/o/{{slug}}/roles{path}");
    let permission = |path: &str| format!("/o/{{slug}}/permissions{path}");
    let (edit, delete) = (permission("/{name}/edit"), permission("/{name}/delete"));
    let manage = may(P::PermissionManage);
    vec![
        Route::page(Method::GET, &role(""), may(P::RoleRead), list),
        Route::page(Method::GET, &role("/compare"), may(P::RoleRead), compare),
        Route::page(Method::GET, &role("/new"), may(P::RoleCreate), role_editor::new),
        Route::page(Method::POST, &role("/new"), may(P::RoleCreate), role_editor::create),
        Route::page(Method::GET, &role("/{name}"), may(P::RoleRead), show),
        Route::page(Method::GET, &role("/{name}/holders"), may(P::AccessRead), holders),
        Route::page(Method::GET, &role("/{name}/edit"), may(P::RoleUpdate), role_editor::edit_page),
        Route::page(Method::POST, &role("/{name}/edit"), may(P::RoleUpdate), role_editor::review),
        Route::page(Method::POST, &role("/{name}/apply"), may(P::RoleUpdate), role_editor::apply),
        Route::page(Method::GET, &role("/{name}/delete"), may(P::RoleDelete), role_editor::delete_page),
        Route::page(Method::POST, &role("/{name}/delete"), may(P::RoleDelete), role_editor::delete),
        Route::page(Method::GET, &permission(""), may(P::RoleRead), permissions::list),
        Route::page(Method::GET, &permission("/new"), manage, permissions::new),
        Route::page(Method::POST, &permission("/new"), manage, permissions::define),
        Route::page(Method::GET, &edit, manage, permissions::edit_page),
        Route::page(Method::POST, &edit, manage, permissions::edit),
        Route::page(Method::GET, &delete, manage, permissions::delete_page),
        Route::page(Method::POST, &delete, manage, permissions::delete),
    ]
}

/// The tabs above roles, comparison and applications' permissions.
pub(crate) fn tabs(visit: &Visit, current: &str) -> Vec<Tab> {
    let tab =
        |label: &'static str, path: &str| Tab { label, href: visit.at(path), current: label == current };
    vec![
        tab("Roles", "/roles"),
        tab("Compare", "/roles/compare"),
        tab("Applications' permissions", "/permissions"),
    ]
}

/// The frame of a page about roles.
pub(crate) async fn frame(
    visit: &Visit,
    title: &str,
    further: &[Link],
    subject: &str,
) -> Answer<frame::Frame> {
    let mut crumbs = vec![Link::new("Roles", visit.at("/roles"))];
    crumbs.extend_from_slice(further);
    visit.frame(title, frame::Section::Roles, crumbs, subject).await
}

/// The address of a role's page, or of what lies below it.
pub(crate) fn at_role(visit: &Visit, key: RoleKey, path: &str) -> String {
    visit.at(&format!("/roles/{key}{path}"))
}

fn kind(role: &RoleDefinition) -> Badge {
    let (tone, label) = match role.key {
        RoleKey::BuiltIn(_) => (Tone::Grey, "Built-in"),
        RoleKey::Custom(_) => (Tone::Violet, "Your own"),
    };
    Badge { tone, label: label.to_owned() }
}

/// A count that is exact up to a bound.
fn counted(count: i64) -> String {
    if count > app::role_holders::COUNTED { format!("over {}", number(count - 1)) } else { number(count) }
}

/// How many hold a role, in words.
pub(crate) fn held_by(held: &HeldRole) -> String {
    if held.role.key == Role::Member {
        return "Everybody has it".to_owned();
    }
    let (users, groups) = (held.held.users, held.held.groups);
    let users = match users {
        users if users > app::role_holders::COUNTED => format!("{} people", counted(users)),
        users => people(users),
    };
    let groups = if groups == 1 { "1 group".to_owned() } else { format!("{} groups", counted(groups)) };
    format!("Held by {users} and {groups}")
}

/// What can be done with a role by this viewer.
fn menu(visit: &Visit, role: &RoleDefinition) -> Menu {
    let key = role.key;
    let mut look = vec![Action::page("Open", at_role(visit, key, ""), "eye")];
    if visit.may(Permission::AccessRead) && key != Role::Member {
        look.push(Action::page("Who has it", at_role(visit, key, "/holders"), "users"));
    }
    look.push(Action::page("Compare…", visit.at(&format!("/roles/compare?one={key}")), "compare"));
    let mut change = Vec::new();
    if visit.may(Permission::RoleCreate) {
        change.push(Action::page("Make a copy…", visit.at(&format!("/roles/new?copy={key}")), "copy"));
    }
    if key.built_in().is_none() && visit.may(Permission::RoleUpdate) {
        change.push(Action::page("Edit…", at_role(visit, key, "/edit"), "edit"));
    }
    let mut menu = vec![look, change];
    if key.built_in().is_none() && visit.may(Permission::RoleDelete) {
        menu.push(vec![Action::dialog("Delete…", at_role(visit, key, "/delete"), "trash").dangerous()]);
    }
    menu.retain(|group| !group.is_empty());
    menu
}

/// What is typed into the palette.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Found {
    q: String,
}

/// `GET /o/{slug}/roles`
pub(crate) async fn list(visit: Visit, Query(found): Query<Found>) -> Answer<Response> {
    if visit.part == Part::Palette {
        let typed = found.q.trim().to_lowercase();
        let roles = visit.app().roles(&visit.caller.actor).await?;
        let matching = roles.iter().filter(|role| role.name.to_lowercase().contains(&typed));
        let options = matching.map(|role| Link::new(role.name.as_str(), at_role(&visit, role.key, "")));
        let options = Options { kind: "Role", icon: "roles", found: options.collect() };
        return html(StatusCode::OK, &options, Part::Palette);
    }
    let roles = visit.app().held_roles(&visit.caller.actor).await?;
    let row = |held: &HeldRole| RoleRow {
        id: held.role.key.to_string(),
        href: at_role(&visit, held.role.key, ""),
        name: held.role.name.clone(),
        description: held.role.description.clone(),
        kind: kind(&held.role),
        allows: held.role.allowed.list().len(),
        users: if held.role.key == Role::Member { "Everybody".to_owned() } else { counted(held.held.users) },
        groups: counted(held.held.groups),
        menu: menu(&visit, &held.role),
    };
    let mut actions = Vec::new();
    if visit.may(Permission::RoleCreate) {
        actions.push(Action::page("Create role", visit.at("/roles/new"), "plus"));
    }
    let rows = roles.iter().map(row).collect();
    let frame = frame(&visit, "Roles", &[], "").await?;
    html(StatusCode::OK, &RoleList { frame, actions, tabs: tabs(&visit, "Roles"), rows }, Part::Page)
}

fn head(visit: &Visit, held: &HeldRole, current: &str) -> RoleHead {
    let (role, key) = (&held.role, held.role.key);
    let tab = |label: &'static str, path: &str| Tab {
        label,
        href: at_role(visit, key, path),
        current: label == current,
    };
    let mut tabs = vec![tab("What it allows", "")];
    if visit.may(Permission::AccessRead) && key != Role::Member {
        tabs.push(tab("Who has it", "/holders"));
    }
    let mut actions: Vec<Action> = menu(visit, role).into_iter().flatten().collect();
    // The page itself, and its tab.
    actions.retain(|action| action.label != "Open" && action.label != "Who has it");
    if current == "Who has it" {
        // What is shown there would be gone.
        actions.retain(|action| !action.danger);
    }
    RoleHead {
        name: role.name.clone(),
        description: role.description.clone(),
        kind: kind(role),
        held: held_by(held),
        actions,
        tabs,
    }
}

/// `GET /o/{slug}/roles/{name}`
pub(crate) async fn show(visit: Visit, Name(name): Name) -> Answer<Response> {
    let held = visit.app().held_role(&visit.caller.actor, key(&name)?).await?;
    let own = visit.app().application_permissions(&visit.caller.actor).await?;
    let matrix = role_matrix::rows(&held.role.allowed, &own, &Viewer::Reads);
    let banners = if held.role.key.built_in().is_some() {
        vec![Banner {
            tone: Tone::Blue,
            icon: "info",
            title: "Built-in: the same everywhere, so it can't be changed".to_owned(),
            lines: vec!["Make a copy to begin from it.".to_owned()],
            action: None,
        }]
    } else {
        Vec::new()
    };
    let name = &held.role.name;
    let frame = frame(&visit, name, &[Link::new(name, "")], name).await?;
    html(
        StatusCode::OK,
        &RolePage { frame, head: head(&visit, &held, "What it allows"), banners, matrix },
        Part::Page,
    )
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Listed {
    page: String,
}

/// `GET /o/{slug}/roles/{name}/holders`
pub(crate) async fn holders(visit: Visit, Name(name): Name, Query(asked): Query<Listed>) -> Answer<Response> {
    let (actor, key) = (&visit.caller.actor, key(&name)?);
    let held = visit.app().held_role(actor, key).await?;
    let cursor = Some(asked.page.as_str()).filter(|page| !page.is_empty());
    let found = visit.app().role_holders(actor, key, DEFAULT_LIMIT, cursor).await?;
    let may_read = visit.may(Permission::UserRead);
    let mut agents = Vec::new();
    if may_read {
        agents.extend(found.items.iter().map(|holder| holder.given.by));
        let copied = found.items.iter().filter_map(|holder| holder.given.terms.copied_from());
        agents.extend(copied.map(model::Agent::User));
    }
    let names = Names::of(&visit, agents).await?;
    let now = visit.app().now();
    let rows = found.items.iter().map(|holder| {
        let (avatar, href) = match holder.holder {
            Holder::User(id) => {
                let href = if may_read { visit.at_user(id, "") } else { String::new() };
                (Some(Avatar::of(&holder.name, &id.to_string())), href)
            }
            Holder::Group(id) => {
                let may = visit.may(Permission::GroupRead);
                (None, if may { visit.at(&format!("/groups/{id}")) } else { String::new() })
            }
        };
        let terms = &holder.given.terms;
        HolderRow {
            avatar,
            href,
            name: holder.name.clone(),
            detail: holder.detail.clone(),
            over: holder.scope_name.clone(),
            since: moment(terms.valid_from.unwrap_or(holder.given.at), now),
            by: if may_read { names.label(holder.given.by) } else { String::new() },
            until: terms.valid_until.map(|until| moment(until, now)),
            reason: names.reason(terms),
        }
    });
    let rows: Vec<HolderRow> = rows.collect();
    let empty = rows.is_empty().then(|| Empty {
        icon: "users",
        title: "Nobody has it directly".to_owned(),
        text: "Give it on somebody's page: More actions, Change roles.".to_owned(),
        actions: Vec::new(),
    });
    let address = |page: String| at_role(&visit, key, &format!("/holders?page={page}"));
    let pager = Pager {
        summary: format!("{} on this page", rows.len()),
        previous: found.previous.map(address),
        next: found.next.map(address),
        sizes: Vec::new(),
    };
    let name = &held.role.name;
    let crumbs = [Link::new(name, at_role(&visit, key, "")), Link::new("Who has it", "")];
    let frame = frame(&visit, &format!("Who has {name}"), &crumbs, name).await?;
    let page = HolderList { frame, head: head(&visit, &held, "Who has it"), rows, empty, pager };
    match visit.part {
        Part::Results => html(StatusCode::OK, &page.as_results(), Part::Results),
        _ => html(StatusCode::OK, &page, Part::Page),
    }
}

/// Which two roles, and how much of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Compared {
    one: String,
    other: String,
    all: String,
}

/// `GET /o/{slug}/roles/compare`
pub(crate) async fn compare(visit: Visit, Query(asked): Query<Compared>) -> Answer<Response> {
    let actor = &visit.caller.actor;
    let roles = visit.app().roles(actor).await?;
    let choices = |chosen: &str| {
        let choice = |role: &RoleDefinition| {
            let value = role.key.to_string();
            let is_chosen = value == chosen;
            Choice::new(value, &role.name).chosen(is_chosen)
        };
        roles.iter().map(choice).collect::<Vec<_>>()
    };
    let path = visit.at("/roles/compare");
    let all = !asked.all.is_empty();
    let compared = if asked.one.is_empty() || asked.other.is_empty() {
        None
    } else {
        Some(visit.app().compare_roles(actor, &asked.one, &asked.other).await?)
    };
    let (mut groups, mut summary) = (Vec::new(), String::new());
    if let Some(compared) = &compared {
        let own = visit.app().application_permissions(actor).await?;
        groups = compare_groups(compared, &own, all);
        // What everybody may do anyway is no difference, whether a role names it or not.
        let everything = compare_groups(compared, &own, true);
        let rows = everything.iter().flat_map(|group| &group.rows);
        let differences = rows.filter(|row| row.one != row.other).count();
        summary = match differences {
            0 => format!("{} and {} allow the same.", compared.one.name, compared.other.name),
            1 => "1 difference.".to_owned(),
            many => format!("{many} differences."),
        };
    }
    let address = |all: &str| {
        let pairs = [("one", asked.one.as_str()), ("other", asked.other.as_str()), ("all", all)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>();
        format!("{path}?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
    };
    let views = vec![
        Tab { label: "Differences", href: address(""), current: !all },
        Tab { label: "Everything", href: address("yes"), current: all },
    ];
    let page = ComparePage {
        frame: frame(&visit, "Compare roles", &[Link::new("Compare", "")], "").await?,
        tabs: tabs(&visit, "Compare"),
        one: choices(&asked.one),
        other: choices(&asked.other),
        names: compared.map(|compared| (compared.one.name, compared.other.name)),
        summary,
        views,
        groups,
        path,
    };
    html(StatusCode::OK, &page, Part::Page)
}

fn compare_groups(
    compared: &Comparison,
    own: &[model::application_permission::ApplicationPermission],
    all: bool,
) -> Vec<CompareGroup> {
    let rows = |allowed: &Allowed| role_matrix::rows(allowed, own, &Viewer::Reads);
    let (one, other) = (rows(&compared.one.allowed), rows(&compared.other.allowed));
    let group = |(one, other): (super::view::roles::MatrixRow, super::view::roles::MatrixRow)| {
        let row = |(one, other): (super::view::roles::Cell, super::view::roles::Cell)| CompareRow {
            label: one.label,
            sentence: one.sentence,
            one: one.held,
            other: other.held,
        };
        let rows = one.cells.into_iter().zip(other.cells).map(row);
        CompareGroup { label: one.label, rows: rows.filter(|row| all || row.one != row.other).collect() }
    };
    let groups = one.into_iter().zip(other).map(group);
    groups.filter(|group| !group.rows.is_empty()).collect()
}
