//! The pages about mail: how it stands, the lists, how mails read, and the demonstration's mailbox.

use askama::Template;

use super::{
    form::Form,
    frame::Frame,
    parts::{Badge, Banner, Card, Empty, Link, Moment, Pager},
    users::{StatusChoice, Tab},
};

/// Settings › Mail.
#[derive(Template)]
#[template(path = "console/settings/mail.html")]
pub(crate) struct MailSettings {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    /// What is wrong with mail as a whole.
    pub(crate) banners: Vec<Banner>,
    pub(crate) status: Card,
    /// Mails that somebody must look at, and those that are tried again: the newest of each.
    pub(crate) lists: Vec<MailList>,
    pub(crate) sender: Form,
    /// None for those who may not send mail again.
    pub(crate) test: Option<Form>,
    pub(crate) previews: Vec<Link>,
    pub(crate) all_href: String,
}

/// Mails that stand alike.
#[derive(Debug, Clone)]
pub(crate) struct MailList {
    /// For the ids of its parts.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) text: &'static str,
    pub(crate) rows: Vec<MailRow>,
    /// Where all of them are sent again; empty where that is not offered.
    pub(crate) retry_href: String,
    pub(crate) retry_label: &'static str,
    /// Where the rest is; empty if this is all.
    pub(crate) more_href: String,
}

/// A mail as a row.
#[derive(Debug, Clone)]
pub(crate) struct MailRow {
    pub(crate) kind: &'static str,
    pub(crate) address: String,
    /// The page of whom it is for; empty for nobody in particular.
    pub(crate) user_href: String,
    pub(crate) state: Badge,
    pub(crate) why: String,
    pub(crate) created: Moment,
    /// When it was sent, or will be tried.
    pub(crate) then: Option<Moment>,
    /// Where it is sent again; empty where that is not possible.
    pub(crate) retry_href: String,
}

/// All mails, by how they stand.
#[derive(Template)]
#[template(path = "console/settings/mails.html", blocks = ["results"])]
pub(crate) struct MailListPage {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) chips: Vec<StatusChoice>,
    pub(crate) rows: Vec<MailRow>,
    pub(crate) empty: Option<Empty>,
    pub(crate) pager: Pager,
}

/// How a mail reads.
#[derive(Template)]
#[template(path = "console/settings/preview.html")]
pub(crate) struct MailPreview {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) title: &'static str,
    pub(crate) subject: String,
    pub(crate) html_href: String,
    pub(crate) text: String,
    /// The other mails.
    pub(crate) others: Vec<Tab>,
}

/// The demonstration's mailbox.
#[derive(Template)]
#[template(path = "demo/mailbox.html")]
pub(crate) struct MailboxPage {
    pub(crate) letters: Vec<LetterRow>,
}

/// A letter in the mailbox.
#[derive(Debug, Clone)]
pub(crate) struct LetterRow {
    pub(crate) href: String,
    pub(crate) subject: String,
    pub(crate) to: String,
    pub(crate) when: Moment,
}

/// One letter.
#[derive(Template)]
#[template(path = "demo/letter.html")]
pub(crate) struct LetterPage {
    pub(crate) subject: String,
    pub(crate) from: String,
    pub(crate) reply_to: String,
    pub(crate) to: String,
    pub(crate) when: Moment,
    pub(crate) html_href: String,
    pub(crate) text: String,
}
