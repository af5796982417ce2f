//! The pages about the audit log: the list of entries and one entry with its proof.

use askama::Template;

use super::{
    frame::Frame,
    parts::{Badge, Card, Empty, Link, Moment, Pager},
};

/// The list. Its block `results` is what a filter or the next page replaces.
#[derive(Template)]
#[template(path = "console/audit/list.html", blocks = ["results"])]
pub(crate) struct AuditList {
    pub(crate) frame: Frame,
    /// The list's address without a query.
    pub(crate) path: String,
    /// Kinds of events, side by side.
    pub(crate) kinds: Vec<KindChoice>,
    /// What else narrows the list; each link takes it away.
    pub(crate) narrowed: Vec<Link>,
    pub(crate) filter: Vec<FilterField>,
    /// What the filter's form keeps of the address.
    pub(crate) kept: Vec<(String, String)>,
    pub(crate) rows: Vec<EntryRow>,
    pub(crate) pager: Pager,
    pub(crate) empty: Option<Empty>,
    /// Said to those who can't see the list change.
    pub(crate) announcement: String,
    /// How to export what is shown; none for those who may not.
    pub(crate) export: Option<ExportForm>,
}

/// One kind of events.
#[derive(Debug, Clone)]
pub(crate) struct KindChoice {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// One thing that the list can be narrowed by.
#[derive(Debug, Clone)]
pub(crate) struct FilterField {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The type of the input.
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) placeholder: &'static str,
}

/// The form that begins an export.
#[derive(Debug, Clone)]
pub(crate) struct ExportForm {
    pub(crate) action: String,
    pub(crate) csrf: String,
    /// The filter as it is.
    pub(crate) fields: Vec<(String, String)>,
}

/// One entry as a row.
#[derive(Debug, Clone)]
pub(crate) struct EntryRow {
    pub(crate) href: String,
    pub(crate) id: String,
    pub(crate) event: String,
    /// The event's name, for those who know it.
    pub(crate) code: String,
    pub(crate) at: Moment,
    pub(crate) by: String,
    pub(crate) about: String,
    /// What changed from what to what, or the reason.
    pub(crate) changed: String,
    pub(crate) address: String,
}

/// One entry.
#[derive(Template)]
#[template(path = "console/audit/show.html")]
pub(crate) struct EntryPage {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) at: Moment,
    pub(crate) standing: Badge,
    pub(crate) cards: Vec<Card>,
    /// What changed, field by field.
    pub(crate) changes: Vec<ChangeRow>,
    /// Why there is nothing more to see: erased, or nothing changed. Empty otherwise.
    pub(crate) without: String,
    pub(crate) side_cards: Vec<Card>,
}

/// One field before and after.
#[derive(Debug, Clone)]
pub(crate) struct ChangeRow {
    pub(crate) field: String,
    /// Empty for nothing.
    pub(crate) before: String,
    pub(crate) after: String,
}
