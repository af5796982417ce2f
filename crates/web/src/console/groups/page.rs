//! One group: its members, directly and through groups; the groups in it and around it; its roles, its owners, and what
//! happened to it.

use app::groups::{GroupDetails, Member};
use axum::{http::StatusCode, response::Response};
use model::{
    Agent, EntryId, GroupId, Permission, Timestamp,
    audit::query::AuditQuery,
    grant::Given,
    group_query::{GroupQuery, MemberQuery},
    role::Scope,
};
use serde::{Deserialize, Serialize};

use super::{at_group, source};
use crate::{
    console::{
        audit,
        view::{
            frame::Section,
            groups::{GroupHead, GroupPage, History},
            held::{HeldCard, HeldRow},
            parts::{Action, Avatar, Empty, Link, Pager},
            users::{StatusChoice, Tab},
        },
        visit::{Part, Visit, html},
        words::{Names, badge, moment, people},
    },
    extract::{Id, Query},
    problem::Answer,
};

/// A group that somebody looks at, with what this viewer can do with it.
pub(super) struct Shown<'v> {
    pub(super) visit: &'v Visit,
    pub(super) details: GroupDetails,
    names: Names,
    now: Timestamp,
}

impl<'v> Shown<'v> {
    pub(super) async fn of(visit: &'v Visit, id: GroupId) -> Answer<Self> {
        let details = visit.app().group(&visit.caller.actor, id).await?;
        let agents = details.roles.iter().map(|grant| grant.given.by);
        let agents = agents.chain(details.parents.iter().map(|nesting| nesting.given.by));
        let agents: Vec<Agent> = agents.chain(details.owners.iter().map(|owner| owner.by)).collect();
        let names = Names::of(visit, agents).await?;
        Ok(Self { visit, details, names, now: visit.app().now() })
    }

    fn id(&self) -> GroupId {
        self.details.group.id
    }

    pub(super) fn name(&self) -> &str {
        &self.details.group.fields.name
    }

    fn at(&self, path: &str) -> String {
        at_group(self.visit, self.id(), path)
    }

    fn may(&self, permission: Permission) -> bool {
        self.visit.may(permission)
    }

    /// The way here: the list, the group, and the page if it is another one.
    pub(super) fn crumbs(&self, page: &str) -> Vec<Link> {
        let mut crumbs = vec![Link::new("Groups", self.visit.at("/groups"))];
        crumbs.push(Link::new(self.name(), if page.is_empty() { String::new() } else { self.at("") }));
        if !page.is_empty() {
            crumbs.push(Link::new(page, ""));
        }
        crumbs
    }

    fn head(&self, current: &str) -> GroupHead {
        let group = &self.details.group;
        let mut actions = Vec::new();
        if self.may(Permission::GroupAssign) {
            actions.push(Action::page("Add people", self.at("/members/add"), "user-plus"));
        }
        let edit_href = if self.may(Permission::GroupUpdate) { self.at("/edit") } else { String::new() };
        if !edit_href.is_empty() {
            actions.push(Action::page("Edit", edit_href.clone(), "edit"));
        }
        let mut harmless = Vec::new();
        if self.may(Permission::GroupAssign) {
            harmless.push(Action::dialog("Put a group in…", self.at("/nest"), "nest"));
            harmless.push(Action::dialog("Put it into a group…", self.at("/stand-in"), "group"));
        }
        if self.may(Permission::RoleAssign) {
            harmless.push(Action::dialog("Add a role…", self.at("/roles/add"), "shield"));
        }
        if self.may(Permission::GroupUpdate) {
            harmless.push(Action::dialog("Add an owner…", self.at("/owners/add"), "account"));
        }
        let delete = self
            .may(Permission::GroupDelete)
            .then(|| Action::dialog("Delete…", self.at("/delete"), "trash").dangerous());
        let menu = [harmless, delete.into_iter().collect()];
        let tabs = [
            ("Members", "", Permission::GroupRead),
            ("Groups", "/groups", Permission::GroupRead),
            ("Roles", "/roles", Permission::GroupRead),
            ("Owners", "/owners", Permission::GroupRead),
            ("Activity", "/activity", Permission::AuditRead),
        ];
        let tabs = tabs.into_iter().filter(|(.., permission)| self.may(*permission));
        GroupHead {
            name: self.name().to_owned(),
            description: group.fields.description.clone(),
            source: (group.source != "local").then(|| source(group)),
            roles: self.details.roles.iter().map(|grant| grant.name.clone()).collect(),
            edit_href,
            actions,
            menu: menu.into_iter().filter(|group| !group.is_empty()).collect(),
            tabs: tabs
                .map(|(label, path, _)| Tab { label, href: self.at(path), current: label == current })
                .collect(),
        }
    }

    async fn page(&self, tab: &'static str, lead: &str, cards: Vec<HeldCard>) -> Answer<GroupPage> {
        let crumbs = self.crumbs(if tab == "Members" { "" } else { tab });
        Ok(GroupPage {
            frame: self.visit.frame(self.name(), Section::Groups, crumbs, self.name()).await?,
            head: self.head(tab),
            chips: Vec::new(),
            lead: lead.to_owned(),
            cards,
            history: None,
            announcement: String::new(),
        })
    }

    /// Who gave it, since when, until when, why.
    fn given(&self, given: &Given, by: String) -> HeldRow {
        let terms = &given.terms;
        HeldRow {
            since: Some(moment(given.at, self.now)),
            by,
            begins: terms.valid_from.filter(|from| *from > self.now).map(|from| moment(from, self.now)),
            until: terms.valid_until.map(|until| moment(until, self.now)),
            reason: terms.reason.clone(),
            ..HeldRow::default()
        }
    }
}

fn answer(visit: &Visit, page: &GroupPage) -> Answer<Response> {
    match visit.part {
        Part::Results => html(StatusCode::OK, &page.as_results(), Part::Results),
        _ => html(StatusCode::OK, page, Part::Page),
    }
}

/// A card of one kind of rows.
fn card(
    id: &'static str,
    title: &str,
    noun: &'static str,
    aspect: &'static str,
    rows: Vec<HeldRow>,
) -> HeldCard {
    HeldCard {
        id,
        title: title.to_owned(),
        noun,
        aspect,
        says_path: false,
        actions: Vec::new(),
        rows,
        pager: Pager::default(),
        empty: None,
    }
}

fn nothing(icon: &'static str, title: &str, text: &str) -> Empty {
    Empty { icon, title: title.to_owned(), text: text.to_owned(), actions: Vec::new() }
}

/// What the address of the members says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    /// `everybody`: those who come through groups too.
    #[serde(skip_serializing_if = "String::is_empty")]
    show: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) page_token: String,
}

impl Address {
    pub(super) fn from_token(page_token: String) -> Self {
        Self { page_token, ..Self::default() }
    }

    pub(super) fn href(&self, path: &str) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// `GET /o/{slug}/groups/{id}`
pub(crate) async fn members(
    visit: Visit,
    Id(id): Id<GroupId>,
    Query(address): Query<Address>,
) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let effective = address.show == "everybody";
    let query = MemberQuery { of: id, effective, ..MemberQuery::default() }
        .at(visit.caller.actor.reader(), Some(&address.page_token))?;
    let found = visit.app().members(&visit.caller.actor, id, query).await?;
    let mut by: Vec<Agent> = Vec::new();
    for given in found.items.iter().filter_map(|member| member.given.as_ref()) {
        by.push(given.by);
        by.extend(given.terms.copied_from().map(Agent::User));
    }
    let names = Names::of(&visit, by).await?;
    let rows: Vec<HeldRow> = found.items.iter().map(|member| member_row(&shown, member, &names)).collect();
    let path = shown.at("");
    let step = |token: &Option<String>| {
        let address = |token: &String| Address { page_token: token.clone(), ..address.clone() };
        token.as_ref().map(|token| address(token).href(&path))
    };
    let count = people(i64::try_from(rows.len()).unwrap_or(i64::MAX));
    let whole = found.next.is_none() && found.previous.is_none();
    let pager = Pager {
        summary: if whole { count } else { format!("{count} on this page") },
        previous: step(&found.previous),
        next: step(&found.next),
        sizes: Vec::new(),
    };
    let title = if effective { "Everybody in it" } else { "Direct members" };
    let mut members = card("members", title, "Person", "Status", rows);
    members.says_path = effective;
    if members.rows.is_empty() {
        members.empty = Some(if whole {
            nothing("users", "Nobody is in it", "Add people, or put a group in.")
        } else {
            nothing("users", "No members on this page", "Go to the next page to see more.")
        });
    }
    let mut page = shown.page("Members", "", Vec::new()).await?;
    page.announcement.clone_from(&pager.summary);
    members.pager = pager;
    page.cards = vec![members];
    let chip = |label: &str, show: &str| StatusChoice {
        label: label.to_owned(),
        href: Address { show: show.to_owned(), ..Address::default() }.href(&path),
        count: String::new(),
        current: address.show == show,
        words: String::new(),
    };
    page.chips = vec![chip("Direct", ""), chip("Everybody", "everybody")];
    answer(&visit, &page)
}

fn member_row(shown: &Shown<'_>, member: &Member, names: &Names) -> HeldRow {
    let (visit, user) = (shown.visit, &member.user);
    let id = user.id.to_string();
    let base = match &member.given {
        Some(given) => {
            let reason = names.reason(&given.terms);
            HeldRow { reason, ..shown.given(given, names.label(given.by)) }
        }
        None => HeldRow::default(),
    };
    let mut actions = Vec::new();
    if member.given.is_some() && shown.may(Permission::GroupAssign) {
        let remove = shown.at(&format!("/members/{id}/remove"));
        actions.push(Action::dialog(format!("Remove {}", user.name()), remove, "user-minus"));
    }
    HeldRow {
        name: user.name().to_owned(),
        href: if visit.may(Permission::UserRead) && !member.is_unread {
            visit.at_user(user.id, "")
        } else {
            String::new()
        },
        detail: Some(user.shown_email())
            .filter(|email| !email.is_empty())
            .unwrap_or_else(|| user.username().to_owned()),
        avatar: Some(Avatar::of(user.name(), &id)),
        badge: (!member.is_unread).then(|| badge(user.status(shown.now))),
        through: member
            .through
            .iter()
            .map(|group| Link::new(&group.name, at_group(visit, group.id, "")))
            .collect(),
        actions,
        id,
        ..base
    }
}

/// `GET /o/{slug}/groups/{id}/groups`
pub(crate) async fn groups(
    visit: Visit,
    Id(id): Id<GroupId>,
    Query(address): Query<Address>,
) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let query = GroupQuery { parent: Some(id), limit: 100, ..GroupQuery::default() };
    let inside = visit
        .app()
        .groups(&visit.caller.actor, query.at(visit.caller.actor.reader(), Some(&address.page_token))?)
        .await?;
    let may = shown.may(Permission::GroupAssign);
    let row = |listed: &app::groups::ListedGroup| {
        let (child, name) = (listed.group.id, &listed.group.fields.name);
        let actions = [
            Action::dialog(format!("Move {name}"), shown.at(&format!("/move/{child}")), "nest"),
            Action::dialog(format!("Take {name} out"), shown.at(&format!("/take-out/{child}")), "minus"),
        ];
        HeldRow {
            id: child.to_string(),
            name: name.clone(),
            href: at_group(&visit, child, ""),
            detail: super::members_words(listed.members),
            icon: "group",
            tags: listed.roles.iter().map(|role| role.name.clone()).collect(),
            actions: actions.into_iter().filter(|_| may).collect(),
            ..HeldRow::default()
        }
    };
    let mut inner =
        card("inside", "Groups in this one", "Group", "Roles", inside.items.iter().map(row).collect());
    let outer = shown.details.parents.iter().map(|nesting| HeldRow {
        id: nesting.group.to_string(),
        name: nesting.name.clone(),
        href: at_group(&visit, nesting.group, ""),
        icon: "group",
        actions: vec![Action::dialog(
            format!("Take it out of {}", nesting.name),
            at_group(&visit, nesting.group, &format!("/take-out/{id}")),
            "minus",
        )]
        .into_iter()
        .filter(|_| may)
        .collect(),
        ..shown.given(&nesting.given, shown.names.label(nesting.given.by))
    });
    let mut outer = card("outside", "Stands in", "Group", "", outer.collect());
    if may {
        inner.actions.push(Action::dialog("Put a group in", shown.at("/nest"), "nest"));
        outer.actions.push(Action::dialog("Put it into a group", shown.at("/stand-in"), "group"));
    }
    if inner.rows.is_empty() {
        let text = "Put groups in, and everybody in them counts here too.";
        inner.empty = Some(nothing("group", "No group stands in this one", text));
    }
    if outer.rows.is_empty() {
        let text = "Put it into one, and everybody in it has what that one gives.";
        outer.empty = Some(nothing("nest", "It stands in no group", text));
    }
    let next = inside.next.map(|token| Address { page_token: token, ..address.clone() });
    if next.is_some() || inside.previous.is_some() {
        let previous = inside.previous.map(|token| Address { page_token: token, ..address.clone() });
        let path = shown.at("/groups");
        inner.pager = Pager {
            summary: format!(
                "{} on this page",
                super::groups_words(inner.rows.len().try_into().unwrap_or(0))
            ),
            previous: previous.map(|address| address.href(&path)),
            next: next.map(|address| address.href(&path)),
            sizes: Vec::new(),
        };
    }
    let lead = "What a group gives, it gives to everybody in the groups inside it, too.";
    let page = shown.page("Groups", lead, vec![inner, outer]).await?;
    answer(&visit, &page)
}

/// `GET /o/{slug}/groups/{id}/roles`
pub(crate) async fn roles(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let may = shown.may(Permission::RoleAssign);
    let row = |grant: &app::users::RoleGrant| {
        let over = match grant.scope {
            Scope::Org => "The whole organization".to_owned(),
            Scope::Group(_) => grant.scope_name.clone(),
        };
        let query = grant.scope.group().map(|group| format!("?over={group}")).unwrap_or_default();
        let remove = shown.at(&format!("/roles/{}/remove{query}", grant.role));
        HeldRow {
            id: format!("{}-{}", grant.role, grant.scope.id(visit.caller.actor.context)),
            name: grant.name.clone(),
            icon: "shield",
            tags: vec![over],
            actions: vec![Action::dialog(format!("Remove {}", grant.name), remove, "close")]
                .into_iter()
                .filter(|_| may)
                .collect(),
            ..shown.given(&grant.given, shown.names.label(grant.given.by))
        }
    };
    let mut card = card("roles", "Roles", "Role", "Over", shown.details.roles.iter().map(row).collect());
    if may {
        card.actions.push(Action::dialog("Add a role", shown.at("/roles/add"), "plus"));
    }
    if card.rows.is_empty() {
        let text = "Add one, and everybody in the group has it, for as long as they are in it.";
        card.empty = Some(nothing("shield", "It carries no role", text));
    }
    let lead = "Everybody in the group has these, from the moment of joining until the moment of leaving.";
    let page = shown.page("Roles", lead, vec![card]).await?;
    answer(&visit, &page)
}

/// `GET /o/{slug}/groups/{id}/owners`
pub(crate) async fn owners(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let may = shown.may(Permission::GroupUpdate);
    let row = |owner: &app::groups::Owner| {
        let id = owner.user.to_string();
        let remove = shown.at(&format!("/owners/{id}/remove"));
        HeldRow {
            name: owner.name.clone(),
            href: if visit.may(Permission::UserRead) { visit.at_user(owner.user, "") } else { String::new() },
            detail: owner.username.clone(),
            avatar: Some(Avatar::of(&owner.name, &id)),
            since: Some(moment(owner.at, shown.now)),
            by: shown.names.label(owner.by),
            actions: vec![Action::dialog(format!("Remove {}", owner.name), remove, "user-minus")]
                .into_iter()
                .filter(|_| may)
                .collect(),
            id,
            ..HeldRow::default()
        }
    };
    let mut card = card("owners", "Owners", "Person", "", shown.details.owners.iter().map(row).collect());
    if may {
        card.actions.push(Action::dialog("Add an owner", shown.at("/owners/add"), "user-plus"));
    }
    if card.rows.is_empty() {
        let text = "Administrators decide who is in it. An owner can do so too, in the own account.";
        card.empty = Some(nothing("account", "It has no owner", text));
    }
    let lead = "Owners decide who is in the group, as far as it gives no more than they have themselves. They need \
                not be administrators, and need not be in it.";
    let page = shown.page("Owners", lead, vec![card]).await?;
    answer(&visit, &page)
}

/// What the address of the activity says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Since {
    before: Option<EntryId>,
}

/// `GET /o/{slug}/groups/{id}/activity`
pub(crate) async fn activity(
    visit: Visit,
    Id(id): Id<GroupId>,
    Query(address): Query<Since>,
) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let query = AuditQuery { target: Some(id.0), before: address.before, ..AuditQuery::default() };
    let found = visit.app().audit(&visit.caller.actor, query.checked()?).await?;
    let rows: Vec<_> = found.items.iter().map(|entry| audit::row(&visit, entry)).collect();
    let empty = if rows.is_empty() {
        Some(nothing("log", "Nothing here", "What is changed about this group stands here."))
    } else {
        None
    };
    let pager = Pager {
        summary: format!("{} entries", rows.len()),
        next: found.next.map(|before| shown.at(&format!("/activity?before={before}"))),
        ..Pager::default()
    };
    let lead = "Who came and went stands with each person.";
    let mut page = shown.page("Activity", lead, Vec::new()).await?;
    page.history = Some(History { rows, pager, empty });
    answer(&visit, &page)
}
