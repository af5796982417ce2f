//! Who or what is held by something: a group's members, groups, roles and owners, a person's groups. One kind of table for
//! all of them, since all are grants: what it is, who gave it, since when, until when, why, and the way to take it away.

use askama::{Template, filters::HtmlSafe};

use super::parts::{Action, Avatar, Badge, Empty, Link, Moment, Pager};

/// A card with what is held, or why there is nothing.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/held.html")]
pub(crate) struct HeldCard {
    /// What the list is called, for the ear and for the ids in it.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What the rows are: "Member", "Group".
    pub(crate) noun: &'static str,
    /// What the words beside each say ("Status", "Roles", "Over"); empty for none.
    pub(crate) aspect: &'static str,
    /// Whether the rows say through which groups they come.
    pub(crate) says_path: bool,
    pub(crate) actions: Vec<Action>,
    pub(crate) rows: Vec<HeldRow>,
    pub(crate) pager: Pager,
    /// Shown instead of the rows when there are none.
    pub(crate) empty: Option<Empty>,
}

impl HtmlSafe for HeldCard {}

impl HeldCard {
    /// Whether anything is known of who gave these, and when.
    pub(crate) fn says_since(&self) -> bool {
        self.rows.iter().any(|row| row.since.is_some())
    }
}

/// One that is held.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldRow {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Where it is looked at; empty where this viewer can't.
    pub(crate) href: String,
    /// Below the name.
    pub(crate) detail: String,
    /// Initials for people; everything else has the icon.
    pub(crate) avatar: Option<Avatar>,
    pub(crate) icon: &'static str,
    /// A status.
    pub(crate) badge: Option<Badge>,
    /// Small words: the roles that a group carries, over what a role counts.
    pub(crate) tags: Vec<String>,
    /// The groups between; none if it is held directly.
    pub(crate) through: Vec<Link>,
    /// Since when and by whom; `None` where it comes through others.
    pub(crate) since: Option<Moment>,
    pub(crate) by: String,
    /// Not yet: it begins then.
    pub(crate) begins: Option<Moment>,
    pub(crate) until: Option<Moment>,
    pub(crate) reason: String,
    /// What can be done with it: a way to change it, and to take it away.
    pub(crate) actions: Vec<Action>,
}
