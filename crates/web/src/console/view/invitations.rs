//! The pages about invitations: the list, inviting, and what came of many at once.

use askama::Template;

use super::{
    form::Form,
    frame::Frame,
    parts::{Action, Badge, Banner, Empty, Link, Menu, Moment, Pager},
    users::StatusChoice,
};

/// The list. Its block `results` is what a search, a filter or the next page replaces.
#[derive(Template)]
#[template(path = "console/invitations/list.html", blocks = ["results"])]
pub(crate) struct InvitationList {
    pub(crate) frame: Frame,
    /// "17 pending · 3 expired".
    pub(crate) summary: String,
    pub(crate) actions: Vec<Action>,
    /// The words searched for.
    pub(crate) query: String,
    /// The list's address without a query.
    pub(crate) path: String,
    /// What a search keeps of the address: name and value.
    pub(crate) kept: Vec<(String, String)>,
    /// The statuses, one of them current.
    pub(crate) chips: Vec<StatusChoice>,
    /// What can be asked besides, each on or off.
    pub(crate) filters: Vec<StatusChoice>,
    pub(crate) rows: Vec<InvitationRow>,
    /// Where the chosen ones are sent again; empty for those who may not.
    pub(crate) resend: String,
    pub(crate) pager: Pager,
    /// Shown instead of the table when there is nothing to show.
    pub(crate) empty: Option<Empty>,
    /// Said to those who can't see the list change.
    pub(crate) announcement: String,
}

/// An invitation as a row.
#[derive(Debug, Clone)]
pub(crate) struct InvitationRow {
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) status: Badge,
    /// What the mail servers say, in a word, and why.
    pub(crate) delivery: String,
    pub(crate) why: String,
    pub(crate) sent: Moment,
    pub(crate) opened: Option<Moment>,
    pub(crate) expires: Moment,
    pub(crate) by: String,
    /// Whether it can be chosen to be sent again.
    pub(crate) can_resend: bool,
    pub(crate) menu: Menu,
}

/// Inviting: the form, and above it what came of the addresses that were sent before.
#[derive(Template)]
#[template(path = "console/invitations/invite.html")]
pub(crate) struct InvitePage {
    pub(crate) frame: Frame,
    /// That no mail will go out, where that is so.
    pub(crate) banner: Option<Banner>,
    /// "3 of 5 people were invited"; empty before anything was sent.
    pub(crate) result: String,
    pub(crate) verdicts: Vec<Verdict>,
    /// What the form is for now; `None` when nobody is left.
    pub(crate) form: Option<Form>,
    pub(crate) back: Link,
}

/// What came of one of many.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// What was typed, or who it is.
    pub(crate) subject: String,
    pub(crate) badge: Badge,
    /// Why, if it was refused.
    pub(crate) text: String,
    /// What to look at or do next.
    pub(crate) actions: Vec<Link>,
}
