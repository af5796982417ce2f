//! The pages of an organization's settings: a few words, a form, and the way to the other pages.

use askama::Template;

use super::{form::Form, frame::Frame, users::Tab};

/// Name and address of the organization.
#[derive(Template)]
#[template(path = "console/settings/general.html")]
pub(crate) struct GeneralSettings {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) form: Form,
    /// Renaming the slug is a form of its own: it changes every address. None for those who may not.
    pub(crate) rename: Option<Form>,
}

/// The policies: passwords, lock-out, sessions, trash.
#[derive(Template)]
#[template(path = "console/settings/policies.html")]
pub(crate) struct PolicySettings {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) form: Form,
}
