//! The pages about users: the list, one user, creating, editing, and the dialog of each transition.

use askama::Template;

use super::{
    explanation::ExplanationPanel,
    form::Form,
    frame::Frame,
    groups::GroupsCard,
    parts::{Action, Avatar, Badge, Banner, Card, Empty, Link, Menu, Moment, Pager},
};

/// The list. Its block `results` is what a search, a sort or the next page replaces.
#[derive(Template)]
#[template(path = "console/users/list.html", blocks = ["results"])]
pub(crate) struct UserList {
    pub(crate) frame: Frame,
    /// "1,284 people · 1,201 active · 17 invited".
    pub(crate) summary: String,
    /// What is missing before people can be invited.
    pub(crate) banner: Option<Banner>,
    pub(crate) actions: Vec<Action>,
    /// The words searched for.
    pub(crate) query: String,
    /// The list's address without a query.
    pub(crate) path: String,
    /// What a search keeps of the address: name and value.
    pub(crate) kept: Vec<(String, String)>,
    pub(crate) status: StatusFilter,
    /// What else narrows the list; each link takes it away.
    pub(crate) narrowed: Vec<Link>,
    /// Roles to narrow it by.
    pub(crate) roles: Vec<StatusChoice>,
    pub(crate) columns: Vec<Column>,
    /// What is said of a search that finds more than are sorted; empty for others.
    pub(crate) best_first: String,
    pub(crate) rows: Vec<UserRow>,
    pub(crate) pager: Pager,
    /// Shown instead of the table when there is nothing to show.
    pub(crate) empty: Option<Empty>,
    /// Said to those who can't see the list change.
    pub(crate) announcement: String,
}

/// People as the palette's options: what the list answers when asked for the fragment `palette`.
#[derive(Template)]
#[template(path = "console/users/options.html")]
pub(crate) struct UserOptions<'a> {
    pub(crate) rows: &'a [UserRow],
}

/// The states to choose from, and what a word typed for one can mean.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusFilter {
    /// The usual ones, side by side.
    pub(crate) chips: Vec<StatusChoice>,
    /// All of them, in the menu behind.
    pub(crate) all: Vec<StatusChoice>,
    /// A typed word that means several ("Disabled"), and what it can mean; empty otherwise.
    pub(crate) word: String,
    pub(crate) meanings: Vec<Link>,
}

/// One status to filter by.
#[derive(Debug, Clone)]
pub(crate) struct StatusChoice {
    pub(crate) label: String,
    pub(crate) href: String,
    /// How many there are, written out; empty when not counted.
    pub(crate) count: String,
    pub(crate) current: bool,
    /// Other words for it ("Disabled, Inactive, Deactivated").
    pub(crate) words: String,
}

/// A column's head.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) label: &'static str,
    /// The class that decides on which widths it is there.
    pub(crate) class: &'static str,
    /// Where sorting by it leads; empty where it can't be sorted by.
    pub(crate) href: String,
    pub(crate) sorted: Sorted,
}

/// How a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sorted {
    #[default]
    No,
    Ascending,
    Descending,
}

/// A user as a row.
#[derive(Debug, Clone)]
pub(crate) struct UserRow {
    pub(crate) id: String,
    pub(crate) href: String,
    /// Empty when the viewer may not edit.
    pub(crate) edit_href: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) username: String,
    pub(crate) avatar: Avatar,
    pub(crate) status: Badge,
    /// The highest role, or empty.
    pub(crate) role: String,
    /// How many more there are.
    pub(crate) more_roles: usize,
    pub(crate) source: String,
    pub(crate) last_sign_in: Option<Moment>,
    pub(crate) created: Moment,
    pub(crate) menu: Menu,
}

/// One user.
#[derive(Template)]
#[template(path = "console/users/show.html")]
pub(crate) struct UserPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    /// The one or two that matter most now, beside the name.
    pub(crate) actions: Vec<Action>,
    pub(crate) menu: Menu,
    pub(crate) tabs: Vec<Tab>,
    /// The invitation that is out.
    pub(crate) invitation: Option<InvitationBanner>,
    /// Why they can't sign in, until when, and who said so.
    pub(crate) banners: Vec<Banner>,
    /// The same in detail, with the ways out.
    pub(crate) explanation: ExplanationPanel,
    /// The wide column and the narrow one.
    pub(crate) cards: Vec<Card>,
    pub(crate) side_cards: Vec<Card>,
    /// The groups that the person is in, above the narrow column.
    pub(crate) groups: Option<GroupsCard>,
}

/// What has become of an invitation, with what can be done with it.
#[derive(Debug, Clone)]
pub(crate) struct InvitationBanner {
    pub(crate) banner: Banner,
    pub(crate) actions: Vec<Action>,
}

/// Who the page is about.
#[derive(Debug, Clone)]
pub(crate) struct UserHeading {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) avatar: Avatar,
    pub(crate) status: Badge,
    /// Type when not human, and roles: small words beside the status.
    pub(crate) tags: Vec<String>,
    pub(crate) edit_href: String,
}

/// One of the page's parts.
#[derive(Debug, Clone)]
pub(crate) struct Tab {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// The form of a new user.
#[derive(Template)]
#[template(path = "console/users/create.html")]
pub(crate) struct CreateUser {
    pub(crate) frame: Frame,
    pub(crate) form: Form,
}

/// The form of an existing user.
#[derive(Template)]
#[template(path = "console/users/edit.html")]
pub(crate) struct EditUser {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) form: Form,
}
