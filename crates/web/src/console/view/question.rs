//! Asking before something changes, and showing what must be read after it.
//!
//! Both are pages, so that they work as links, and both have the block `dialog`, shown over the page one came from.

use askama::{Template, filters::HtmlSafe};

use super::{
    form::Form,
    frame::Frame,
    parts::{Banner, Link, Menu, Secret},
};

/// A question before something changes: a page of its own, and, as the block `dialog`, shown over another.
#[derive(Template)]
#[template(path = "console/question.html", blocks = ["dialog"])]
pub(crate) struct QuestionPage {
    pub(crate) frame: Frame,
    pub(crate) dialog: Dialog,
}

/// What is shown when something was done that has to be read before going on (a generated password).
#[derive(Template)]
#[template(path = "console/done.html", blocks = ["dialog"])]
pub(crate) struct DonePage {
    pub(crate) frame: Frame,
    pub(crate) secret: Secret,
    pub(crate) rest: Option<RestOfTokens>,
    pub(crate) back: Link,
}

/// API tokens that go on after a rescue, and where they are revoked together, for who may do that.
pub(crate) struct RestOfTokens {
    pub(crate) text: String,
    pub(crate) tokens: Vec<String>,
    pub(crate) revoke: Option<Link>,
}

/// Several ways to one end, each a link to its own question.
#[derive(Template)]
#[template(path = "console/ways.html", blocks = ["dialog"])]
pub(crate) struct WaysPage {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) icon: &'static str,
    pub(crate) ways: Menu,
    pub(crate) cancel: String,
}

/// A question before something changes: what will happen, and the form that says yes.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/question.html")]
pub(crate) struct Dialog {
    pub(crate) title: String,
    pub(crate) icon: &'static str,
    /// What will happen, in a sentence.
    pub(crate) lead: String,
    /// What exactly changes and what stays.
    pub(crate) consequences: Vec<String>,
    /// What to consider instead.
    pub(crate) advice: Option<Banner>,
    pub(crate) form: Form,
}

impl HtmlSafe for Dialog {}
