//! The pages before anybody is signed in: a card on an empty page, with one thing to do on it.

use askama::Template;

use super::{
    form::Form,
    frame::Org,
    parts::{Banner, Link},
};

/// `/`: which organization?
#[derive(Template)]
#[template(path = "signin/slug.html")]
pub(crate) struct SlugPage {
    pub(crate) form: Form,
    /// Said when there is no organization yet.
    pub(crate) banner: Option<Banner>,
    /// Organizations signed in to in this browser.
    pub(crate) orgs: Vec<Org>,
}

/// Identifier and password.
#[derive(Template)]
#[template(path = "signin/signin.html")]
pub(crate) struct SignInPage {
    pub(crate) org: Org,
    /// Why one was sent here; what the demonstration shows.
    pub(crate) banners: Vec<Banner>,
    pub(crate) form: Form,
}

/// A password that must be changed before going on.
#[derive(Template)]
#[template(path = "signin/change_password.html")]
pub(crate) struct ChangePasswordPage {
    pub(crate) org: Org,
    /// Why it must be changed.
    pub(crate) lead: String,
    pub(crate) rules: Vec<String>,
    pub(crate) form: Form,
}

/// The single-use page of the first start: the organization and its first owner.
#[derive(Template)]
#[template(path = "signin/setup.html")]
pub(crate) struct SetupPage {
    pub(crate) form: Form,
}

/// One step on the way back in: what it is about, perhaps a form, and where to go from here.
#[derive(Template, Default)]
#[template(path = "signin/step.html")]
pub(crate) struct StepPage {
    /// Whose page it is; none before the organization is known.
    pub(crate) org: Option<Org>,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    /// What a password must be like.
    pub(crate) rules: Vec<String>,
    pub(crate) form: Option<Form>,
    /// The next step, the likeliest first.
    pub(crate) links: Vec<Link>,
    /// Quieter ways out, below the card.
    pub(crate) more: Vec<Link>,
}

/// Behind the link of an invitation: who invites to what, and the password to choose.
#[derive(Template)]
#[template(path = "signin/invitation.html")]
pub(crate) struct AcceptancePage {
    pub(crate) org: Org,
    pub(crate) title: String,
    pub(crate) lead: String,
    /// What the inviter wrote; empty if nothing.
    pub(crate) message: String,
    /// For which address, until when.
    pub(crate) small: String,
    /// Where the script says that somebody types.
    pub(crate) begun: String,
    pub(crate) rules: Vec<String>,
    pub(crate) form: Form,
}

/// Signed out, and where to go from here.
#[derive(Template)]
#[template(path = "signin/signed_out.html")]
pub(crate) struct SignedOutPage {
    pub(crate) org: Org,
    pub(crate) links: Vec<Link>,
}

/// A form came when nobody was signed in any more: what was typed is kept until somebody is.
#[derive(Template)]
#[template(path = "signin/kept.html")]
pub(crate) struct KeptPage {
    pub(crate) org: Org,
    pub(crate) sign_in_href: String,
    /// Where the form goes, with what was typed.
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// Something could not be done: what, and what to do next.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage {
    /// The HTTP status, small, for whoever reads it out to support.
    pub(crate) status: u16,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) links: Vec<Link>,
    pub(crate) request_id: String,
}
