//! “Why can't they sign in?”: the panel on a user's page, and the page of its own.

use askama::{Template, filters::HtmlSafe};

use super::{
    frame::Frame,
    parts::{Action, Moment, Tone},
    users::UserHeading,
};

/// The causes with their ways out; opens and closes without a script.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/explanation.html")]
pub(crate) struct ExplanationPanel {
    /// Something is in the way that the page should not hide.
    pub(crate) is_open: bool,
    pub(crate) causes: Vec<CauseView>,
    /// Whether nobody gets in as things stand.
    pub(crate) is_blocked: bool,
    pub(crate) last_sign_in: Option<Moment>,
    /// Where the person signs in.
    pub(crate) address: String,
}

impl HtmlSafe for ExplanationPanel {}

/// A cause.
#[derive(Debug, Clone)]
pub(crate) struct CauseView {
    pub(crate) tone: Tone,
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) fixes: Vec<Action>,
}

/// The same on a page of its own.
#[derive(Template)]
#[template(path = "console/users/explanation.html")]
pub(crate) struct ExplanationPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) panel: ExplanationPanel,
    pub(crate) back_href: String,
}
