//! The pages about roles: the list, one role as a matrix, who holds it, two side by side, and applications' permissions.

use askama::Template;

use super::{
    form::{Choice, Form},
    frame::Frame,
    parts::{Action, Avatar, Badge, Banner, Empty, Menu, Moment, Pager},
    users::Tab,
};

/// Every role.
#[derive(Template)]
#[template(path = "console/roles/list.html")]
pub(crate) struct RoleList {
    pub(crate) frame: Frame,
    pub(crate) actions: Vec<Action>,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) rows: Vec<RoleRow>,
}

/// A role as a row.
#[derive(Debug, Clone)]
pub(crate) struct RoleRow {
    /// Its key.
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: Badge,
    /// How many permissions.
    pub(crate) allows: usize,
    pub(crate) users: String,
    pub(crate) groups: String,
    pub(crate) menu: Menu,
}

/// What stands above each page of one role.
#[derive(Debug, Clone)]
pub(crate) struct RoleHead {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) kind: Badge,
    /// How many hold it, in words.
    pub(crate) held: String,
    pub(crate) actions: Vec<Action>,
    pub(crate) tabs: Vec<Tab>,
}

/// What one role allows.
#[derive(Template)]
#[template(path = "console/roles/show.html")]
pub(crate) struct RolePage {
    pub(crate) frame: Frame,
    pub(crate) head: RoleHead,
    pub(crate) banners: Vec<Banner>,
    pub(crate) matrix: Vec<MatrixRow>,
}

/// Permissions about the same thing.
#[derive(Debug, Clone)]
pub(crate) struct MatrixRow {
    /// For ids: the resource.
    pub(crate) id: String,
    pub(crate) label: String,
    /// What is to be known of the whole row; mostly empty.
    pub(crate) note: String,
    pub(crate) cells: Vec<Cell>,
}

impl MatrixRow {
    /// How many of its cells are held.
    pub(crate) fn held(&self) -> usize {
        self.cells.iter().filter(|cell| cell.held).count()
    }

    /// Whether there is something to tick in it.
    pub(crate) fn is_open(&self) -> bool {
        self.cells.iter().filter(|cell| cell.locked.is_empty()).count() > 1
    }
}

/// One permission of a role.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// `user:suspend`.
    pub(crate) name: String,
    /// `Suspend`.
    pub(crate) label: String,
    /// What it allows, in a sentence.
    pub(crate) sentence: String,
    pub(crate) held: bool,
    /// Why this viewer can't give or take it; empty where that is possible.
    pub(crate) locked: String,
}

/// Making or changing a role.
#[derive(Template)]
#[template(path = "console/roles/edit.html")]
pub(crate) struct RoleEditor {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) lead: String,
    pub(crate) form: Form,
}

/// Who holds a role.
#[derive(Template)]
#[template(path = "console/roles/holders.html", blocks = ["results"])]
pub(crate) struct HolderList {
    pub(crate) frame: Frame,
    pub(crate) head: RoleHead,
    pub(crate) rows: Vec<HolderRow>,
    pub(crate) empty: Option<Empty>,
    pub(crate) pager: Pager,
}

/// Somebody who holds a role, or a group that carries it.
#[derive(Debug, Clone)]
pub(crate) struct HolderRow {
    /// None for a group.
    pub(crate) avatar: Option<Avatar>,
    /// Empty where there is no page for this viewer.
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) detail: String,
    /// The group over which it counts; empty for the whole organization.
    pub(crate) over: String,
    pub(crate) since: Moment,
    /// Empty where it can't be told.
    pub(crate) by: String,
    pub(crate) until: Option<Moment>,
    pub(crate) reason: String,
}

/// Two roles side by side.
#[derive(Template)]
#[template(path = "console/roles/compare.html")]
pub(crate) struct ComparePage {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) path: String,
    /// The roles to choose from, the chosen ones marked.
    pub(crate) one: Vec<Choice>,
    pub(crate) other: Vec<Choice>,
    /// The names of the two; none before they are chosen.
    pub(crate) names: Option<(String, String)>,
    /// "3 differences".
    pub(crate) summary: String,
    pub(crate) views: Vec<Tab>,
    pub(crate) groups: Vec<CompareGroup>,
}

/// Compared permissions about the same thing.
#[derive(Debug, Clone)]
pub(crate) struct CompareGroup {
    pub(crate) label: String,
    pub(crate) rows: Vec<CompareRow>,
}

/// One permission in two roles.
#[derive(Debug, Clone)]
pub(crate) struct CompareRow {
    pub(crate) label: String,
    pub(crate) sentence: String,
    pub(crate) one: bool,
    pub(crate) other: bool,
}

/// The permissions of the organization's applications.
#[derive(Template)]
#[template(path = "console/roles/permissions.html")]
pub(crate) struct PermissionList {
    pub(crate) frame: Frame,
    pub(crate) actions: Vec<Action>,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) rows: Vec<PermissionRow>,
    pub(crate) empty: Option<Empty>,
}

/// A permission as a row.
#[derive(Debug, Clone)]
pub(crate) struct PermissionRow {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The roles that allow it.
    pub(crate) roles: Vec<String>,
    pub(crate) menu: Menu,
}
