//! The list of users: search, statuses, order and pages, as the API has them, with what can be done from each row.

use app::users::Listed;
use axum::{http::StatusCode, response::Response};
use model::{
    Permission, Permissions, Role, Status,
    filter::{Sort, UserQuery},
    page::{self, Page},
};
use serde::{Deserialize, Serialize};

use super::{
    actions::Possible,
    view::{
        frame::Section,
        parts::{Action, Avatar, Empty, Link, PageSize, Pager},
        users::{Column, Sorted, StatusChoice, StatusFilter, UserList, UserOptions, UserRow},
    },
    visit::{Part, Visit, html},
    words::{badge, moment, number, people, source},
};
use crate::{extract::Query, problem::Answer};

/// What the address of a list says.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
    /// Only holders of this role.
    #[serde(skip_serializing_if = "String::is_empty")]
    role: String,
    /// Only those in this group, at any depth: its id or name.
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    /// Typed for a status: it can mean several.
    #[serde(skip_serializing_if = "String::is_empty")]
    word: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    sort: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<u16>,
    #[serde(skip_serializing_if = "String::is_empty")]
    page_token: String,
}

/// Offered page sizes.
const SIZES: [u16; 4] = [25, 50, 100, 200];
/// Beyond so many a status is not counted exactly.
const COUNTED: i64 = 10_000;
/// The statuses side by side; the others stand in the menu.
const USUAL: [Status; 4] = [Status::Active, Status::Invited, Status::Suspended, Status::Locked];

impl Address {
    /// The same list from its first page, with something changed.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut address = Self { page_token: String::new(), word: String::new(), ..self.clone() };
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

    async fn understood(&self, visit: &Visit) -> model::Result<UserQuery> {
        let (app, actor) = (visit.app(), &visit.caller.actor);
        let mut query = UserQuery { search: self.q.clone(), ..UserQuery::default() };
        if !self.role.is_empty() {
            query.role = app.role_keys(actor, std::slice::from_ref(&self.role)).await?.first().copied();
        }
        if !self.group.is_empty() {
            query.group = app.group_ids(actor, std::slice::from_ref(&self.group)).await?.first().copied();
        }
        query.limit = page::limit(self.page_size)?;
        if !self.sort.is_empty() {
            query = query.ordered_by(&self.sort)?;
        }
        query.with_statuses(&self.status)?.at(actor.reader(), Some(&self.page_token))
    }
}

/// `GET /o/{slug}/users`
pub(crate) async fn list(visit: Visit, Query(mut address): Query<Address>) -> Answer<Response> {
    let word = std::mem::take(&mut address.word);
    let meant = Status::meant_by(&word);
    if !word.trim().is_empty() {
        let names: Vec<&str> = meant.iter().map(|status| status.as_str()).collect();
        address.status = names.join(",");
    }
    let unknown_word = !word.trim().is_empty() && meant.is_empty();
    let query = address.understood(&visit).await?;
    let page = if unknown_word {
        Page { items: Vec::new(), next: None, previous: None, more_than: None }
    } else {
        visit.app().users(&visit.caller.actor, query.clone()).await?
    };
    let rows: Vec<UserRow> = page.items.iter().map(|listed| row(&visit, listed)).collect();
    if visit.part == Part::Palette {
        return html(StatusCode::OK, &UserOptions { rows: &rows }, Part::Palette);
    }
    let counts = Counts(visit.app().user_counts(&visit.caller.actor).await?);
    let list = List { visit: &visit, address: &address, query: &query, counts: &counts };
    let empty = match rows.len() {
        0 if unknown_word => Some(list.no_status(&word)),
        0 if counts.everyone() == 0 => Some(list.nobody_yet()),
        0 => Some(list.nobody_matches()),
        _ => None,
    };
    let pager = list.pager(&page);
    let mut status = list.status_filter();
    if meant.len() > 1 {
        status.meanings = meant.iter().map(|status| list.only(*status)).collect();
        status.word = word;
    }
    let template = UserList {
        frame: visit.frame("Users", Section::Users, vec![Link::new("Users", "")], "The user").await?,
        summary: counts.summary(),
        banner: visit.no_mail().filter(|_| visit.may(Permission::UserInvite)),
        actions: list.actions(),
        query: address.q.clone(),
        path: visit.at("/users"),
        kept: address.kept(),
        status,
        narrowed: list.narrowed().await?,
        roles: list.roles().await?,
        columns: list.columns(page.more_than.is_some()),
        best_first: list.best_first(&page),
        announcement: if empty.is_some() {
            "No users match".to_owned()
        } else {
            list.announced(&page, &pager)
        },
        rows,
        pager,
        empty,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &template.as_results(), Part::Results),
        _ => html(StatusCode::OK, &template, Part::Page),
    }
}

/// Whether the listed roles are within the viewer's rights. What groups add is asked when something is to be done.
fn is_weaker(visit: &Visit, listed: &Listed) -> bool {
    let theirs: Vec<Role> = listed.roles.iter().filter_map(|role| role.key.built_in()).collect();
    visit.caller.actor.permissions.covers(Permissions::of_roles(&theirs).beyond_member())
}

fn row(visit: &Visit, listed: &Listed) -> UserRow {
    let (user, now) = (&listed.user, visit.app().now());
    let is_owner = listed.roles.iter().any(|role| role.key == Role::Owner);
    let possible = Possible::new(visit, user, is_weaker(visit, listed)).owner(is_owner);
    let id = user.id.to_string();
    UserRow {
        href: visit.at_user(user.id, ""),
        edit_href: possible.edit_href(),
        name: user.name().to_owned(),
        email: user.shown_email(),
        username: user.username().to_owned(),
        avatar: Avatar::of(user.name(), &id),
        status: badge(user.status(now)),
        role: listed.roles.first().map_or_else(String::new, |role| role.name.clone()),
        more_roles: listed.roles.len().saturating_sub(1),
        source: source(user.source).to_owned(),
        last_sign_in: user.last_sign_in_at.map(|at| moment(at, now)),
        created: moment(user.created_at, now),
        menu: possible.row_menu(),
        id,
    }
}

/// How many users there are of each status.
struct Counts(Vec<(Status, i64)>);

impl Counts {
    fn of(&self, status: Status) -> i64 {
        self.0.iter().find(|(known, _)| *known == status).map_or(0, |(_, count)| *count)
    }

    fn sum(&self, statuses: &[Status]) -> i64 {
        statuses.iter().map(|status| self.of(*status)).sum()
    }

    fn everyone(&self) -> i64 {
        self.sum(Status::ALL)
    }

    /// Whether a sum of these is exact.
    fn is_exact(&self, statuses: &[Status]) -> bool {
        statuses.iter().all(|status| self.of(*status) <= COUNTED)
    }

    fn written(&self, statuses: &[Status]) -> String {
        let sum = self.sum(statuses);
        if self.is_exact(statuses) { number(sum) } else { format!("over {}", number(sum - 1)) }
    }

    fn summary(&self) -> String {
        let shown = UserQuery::default().shown();
        let mut parts = vec![match self.sum(&shown) {
            1 => people(1),
            _ => format!("{} people", self.written(&shown)),
        }];
        for (status, word) in [
            (Status::Active, "active"),
            (Status::Invited, "invited"),
            (Status::Suspended, "suspended"),
            (Status::Locked, "locked"),
        ] {
            if self.of(status) > 0 {
                parts.push(format!("{} {word}", self.written(&[status])));
            }
        }
        parts.join(" · ")
    }
}

/// What the parts of the page are made from.
struct List<'p> {
    visit: &'p Visit,
    address: &'p Address,
    query: &'p UserQuery,
    counts: &'p Counts,
}

impl List<'_> {
    fn href(&self, change: impl FnOnce(&mut Address)) -> String {
        self.address.with(change).href(&self.visit.at("/users"))
    }

    fn only(&self, status: Status) -> Link {
        Link::new(status.label(), self.href(|address| status.as_str().clone_into(&mut address.status)))
    }

    fn actions(&self) -> Vec<Action> {
        let create = || Action::page("Create user", self.visit.at("/users/new"), "user-plus");
        let invite = || Action::page("Invite", self.visit.at("/invitations/new"), "mail");
        let create = self.visit.may(Permission::UserCreate).then(create);
        self.visit.may(Permission::UserInvite).then(invite).into_iter().chain(create).collect()
    }

    fn status_filter(&self) -> StatusFilter {
        let shown = UserQuery::default().shown();
        let everyone = StatusChoice {
            label: "All".to_owned(),
            href: self.href(|address| address.status.clear()),
            count: self.counts.written(&shown),
            current: self.query.statuses.is_empty(),
            words: String::new(),
        };
        let choice = |status: &Status| StatusChoice {
            label: status.label().to_owned(),
            href: self.only(*status).href,
            count: self.counts.written(&[*status]),
            current: self.query.statuses.contains(status),
            words: other_words(*status).to_owned(),
        };
        let all: Vec<StatusChoice> =
            std::iter::once(everyone).chain(Status::ALL.iter().map(choice)).collect();
        let is_usual = |choice: &&StatusChoice| {
            choice.current || choice.label == "All" || USUAL.iter().any(|usual| usual.label() == choice.label)
        };
        let chips = all.iter().filter(is_usual).cloned().collect();
        StatusFilter { chips, all, ..StatusFilter::default() }
    }

    /// What is said of a search that finds more than are sorted.
    fn best_first(&self, page: &Page<Listed>) -> String {
        let Some(most) = page.more_than else { return String::new() };
        format!(
            "More than {} match “{}”. Those whose name, username or email begins with it come first. Type more to have \
             them sorted.",
            number(most.into()),
            self.query.search.trim()
        )
    }

    /// What narrows the list besides the status, each with the way to take it away.
    async fn narrowed(&self) -> model::Result<Vec<Link>> {
        let (app, actor) = (self.visit.app(), &self.visit.caller.actor);
        let mut narrowed = Vec::new();
        if let Some(key) = self.query.role {
            let roles = app.roles(actor).await?;
            let name =
                roles.iter().find(|role| role.key == key).map_or(&self.address.role, |role| &role.name);
            let label = format!("Role: {name}");
            narrowed.push(Link::new(label, self.href(|address| address.role.clear())));
        }
        if let Some(id) = self.query.group {
            let group = app.group(actor, id).await?.group;
            let label = format!("Group: {}", group.fields.name);
            narrowed.push(Link::new(label, self.href(|address| address.group.clear())));
        }
        Ok(narrowed)
    }

    /// The roles to narrow the list by.
    async fn roles(&self) -> model::Result<Vec<StatusChoice>> {
        if !self.visit.may(Permission::RoleRead) {
            return Ok(Vec::new());
        }
        let roles = self.visit.app().roles(&self.visit.caller.actor).await?;
        let choice = |role: &model::role::RoleDefinition| StatusChoice {
            label: role.name.clone(),
            href: self.href(|address| address.role = role.key.to_string()),
            count: String::new(),
            current: self.query.role == Some(role.key),
            words: String::new(),
        };
        Ok(roles.iter().filter(|role| role.key != Role::Member).map(choice).collect())
    }

    fn columns(&self, is_best_first: bool) -> Vec<Column> {
        let column = |label, class, sort: Option<Sort>| {
            let sorted = match sort {
                _ if is_best_first => Sorted::No,
                Some(sort) if sort == self.query.sort && self.query.descending => Sorted::Descending,
                Some(sort) if sort == self.query.sort => Sorted::Ascending,
                _ => Sorted::No,
            };
            // The newest first is what a look at times is for; names start with A.
            let downwards = match sorted {
                Sorted::No => matches!(sort, Some(Sort::LastSignIn | Sort::Created)),
                Sorted::Ascending => true,
                Sorted::Descending => false,
            };
            let minus = if downwards { "-" } else { "" };
            let href = sort
                .map(|sort| self.href(|address| address.sort = format!("{minus}{sort}")))
                .unwrap_or_default();
            Column { label, class, href, sorted }
        };
        vec![
            column("User", "who-cell", Some(Sort::Name)),
            column("Username", "spare-3", Some(Sort::Username)),
            column("Status", "", None),
            column("Role", "spare-4", None),
            column("Source", "spare-2", None),
            column("Last sign-in", "spare-4", Some(Sort::LastSignIn)),
            column("Created", "spare-1", Some(Sort::Created)),
        ]
    }

    /// What is said to those who can't see the list change.
    fn announced(&self, page: &Page<Listed>, pager: &Pager) -> String {
        [pager.summary.clone(), self.best_first(page)].join(". ").trim_end_matches([' ', '.']).to_owned()
    }

    fn pager(&self, page: &Page<Listed>) -> Pager {
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
        let summary = if whole {
            people(count)
        } else if self.query.search.trim().is_empty()
            && self.query.role.is_none()
            && self.query.group.is_none()
        {
            format!("{} of {} people", number(count), self.counts.written(&self.query.shown()))
        } else {
            format!("{} on this page", people(count))
        };
        let sizes =
            if whole && page.items.len() <= usize::from(SIZES[0]) { Vec::new() } else { sizes.to_vec() };
        Pager { summary, previous: step(&page.previous), next: step(&page.next), sizes }
    }

    fn nobody_matches(&self) -> Empty {
        let text = if self.query.search.trim().is_empty() {
            "No users have this status, role and group at the moment.".to_owned()
        } else {
            format!(
                "No user has “{}” in a name, username, email, phone, employee number or id. Deprovisioned and \
                 deleted users are searched only when their status is chosen.",
                self.query.search.trim()
            )
        };
        let clear = Action::page("Clear search and filters", self.visit.at("/users"), "close");
        Empty { icon: "no-match", title: "No users match".to_owned(), text, actions: vec![clear] }
    }

    fn no_status(&self, word: &str) -> Empty {
        let names: Vec<&str> = Status::ALL.iter().map(|status| status.label()).collect();
        Empty {
            icon: "no-match",
            title: format!("No status is called “{}”", word.trim()),
            text: format!("The statuses are {}.", names.join(", ")),
            actions: vec![Action::page("Show everyone", self.visit.at("/users"), "close")],
        }
    }

    fn nobody_yet(&self) -> Empty {
        let text = format!(
            "Create the first user, or load many from a file with “muster import people.csv --org {}”.",
            self.visit.org().slug
        );
        Empty { icon: "users", title: "Nobody here yet".to_owned(), text, actions: self.actions() }
    }
}

/// What other products call a status: what may be typed for it.
fn other_words(status: Status) -> &'static str {
    match status {
        Status::Inactive => "Draft, not onboarded",
        Status::Invited => "Pending by email",
        Status::Pending => "Awaiting approval",
        Status::Suspended => "Disabled, inactive, deactivated",
        Status::Deprovisioned => "Archived, disabled",
        Status::Deleted => "Trash",
        Status::Active | Status::Locked => "",
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_keeps_what_was_chosen_and_starts_again() {
        let address = Address {
            q: "ana ü".to_owned(),
            status: "locked".to_owned(),
            page_token: "x".to_owned(),
            ..Address::default()
        };
        let sorted = address.with(|address| address.sort = "-created".to_owned());
        assert_eq!(sorted.href("/u"), "/u?q=ana+%C3%BC&status=locked&sort=-created");
        assert_eq!(address.kept(), [("status".to_owned(), "locked".to_owned())]);
        assert_eq!(Address::default().href("/u"), "/u");
    }
}
