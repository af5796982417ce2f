//! The pages about groups: the list, one group with its tabs, and the verdicts on people who were added by a list;
//! and the groups on a person's page.

use askama::{Template, filters::HtmlSafe};

use super::{
    audit::EntryRow,
    form::Form,
    frame::Frame,
    held::HeldCard,
    invitations::Verdict,
    parts::{Action, Badge, Empty, Link, Menu, Moment, Pager},
    users::{StatusChoice, Tab},
};

/// The list. Its block `results` is what a search, a filter or the next page replaces.
#[derive(Template)]
#[template(path = "console/groups/list.html", blocks = ["results"])]
pub(crate) struct GroupList {
    pub(crate) frame: Frame,
    /// "24 groups".
    pub(crate) summary: String,
    pub(crate) actions: Vec<Action>,
    /// The words searched for.
    pub(crate) query: String,
    /// The list's address without a query.
    pub(crate) path: String,
    /// What a search keeps of the address: name and value.
    pub(crate) kept: Vec<(String, String)>,
    /// All of them, and what narrows the list.
    pub(crate) chips: Vec<StatusChoice>,
    /// Roles to narrow the list by, in the menu behind.
    pub(crate) roles: Vec<StatusChoice>,
    pub(crate) rows: Vec<GroupRow>,
    pub(crate) pager: Pager,
    /// Shown instead of the table when there is nothing to show.
    pub(crate) empty: Option<Empty>,
    /// Said to those who can't see the list change.
    pub(crate) announcement: String,
}

/// A group as a row.
#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    pub(crate) id: String,
    pub(crate) href: String,
    /// Empty when the viewer may not edit.
    pub(crate) edit_href: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// How many people are in it directly, written out.
    pub(crate) members: String,
    /// How many groups.
    pub(crate) groups: String,
    /// The roles that it carries, the first ones.
    pub(crate) roles: Vec<String>,
    /// How many more there are.
    pub(crate) more_roles: usize,
    pub(crate) source: Badge,
    pub(crate) menu: Menu,
}

/// Which group a page is about, and what can be done with it.
#[derive(Debug, Clone)]
pub(crate) struct GroupHead {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Where it is kept in step from; `None` for one made here.
    pub(crate) source: Option<Badge>,
    /// The roles that it carries.
    pub(crate) roles: Vec<String>,
    pub(crate) edit_href: String,
    pub(crate) actions: Vec<Action>,
    pub(crate) menu: Menu,
    pub(crate) tabs: Vec<Tab>,
}

/// One group: what the chosen tab holds. The next page of members replaces the block `results`.
#[derive(Template)]
#[template(path = "console/groups/show.html", blocks = ["results"])]
pub(crate) struct GroupPage {
    pub(crate) frame: Frame,
    pub(crate) head: GroupHead,
    /// Ways to look at the same tab: direct members, everybody.
    pub(crate) chips: Vec<StatusChoice>,
    /// What the tab is about, in a sentence; may be empty.
    pub(crate) lead: String,
    pub(crate) cards: Vec<HeldCard>,
    pub(crate) history: Option<History>,
    pub(crate) announcement: String,
}

/// What happened to a group.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) rows: Vec<EntryRow>,
    pub(crate) pager: Pager,
    pub(crate) empty: Option<Empty>,
}

/// Making or changing a group.
#[derive(Template)]
#[template(path = "console/groups/form.html")]
pub(crate) struct GroupForm {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) lead: String,
    pub(crate) form: Form,
}

/// Adding people by a pasted list: the form, and above it what came of those who were sent before.
#[derive(Template)]
#[template(path = "console/groups/add.html")]
pub(crate) struct AddMembersPage {
    pub(crate) frame: Frame,
    /// Looking for people by name, for those who may see everybody.
    pub(crate) search: Option<PeopleSearch>,
    /// "3 people are in the group now"; empty before anything was sent.
    pub(crate) result: String,
    pub(crate) verdicts: Vec<Verdict>,
    /// What the form is for now; `None` when nobody is left.
    pub(crate) form: Option<Form>,
    pub(crate) back: Link,
}

/// Looking for people to add.
#[derive(Debug, Clone)]
pub(crate) struct PeopleSearch {
    /// Where the question goes.
    pub(crate) action: String,
    /// What was asked before.
    pub(crate) query: String,
}

/// The groups that a person is in directly, on the person's page.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/groups.html")]
pub(crate) struct GroupsCard {
    pub(crate) rows: Vec<PlaceRow>,
    /// Where they are changed, for those who may.
    pub(crate) change: Option<Action>,
}

impl HtmlSafe for GroupsCard {}

/// One group that a person is in.
#[derive(Debug, Clone)]
pub(crate) struct PlaceRow {
    pub(crate) name: String,
    /// Empty where this viewer can't look at it.
    pub(crate) href: String,
    pub(crate) since: Moment,
    pub(crate) by: String,
    /// "From 1 March", "until tomorrow": what is particular about it.
    pub(crate) begins: Option<Moment>,
    pub(crate) until: Option<Moment>,
    pub(crate) reason: String,
    /// What can be done about its end.
    pub(crate) actions: Vec<Action>,
}
