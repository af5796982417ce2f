//! A person's own pages: profile, password, API tokens.

use askama::Template;

use super::{
    form::Form,
    frame::Frame,
    held::HeldCard,
    parts::{Action, Badge, Banner, Card, Empty, Link, Moment},
    users::{Tab, UserHeading},
};

/// One's own record: what can be changed as a form, the rest as it is.
#[derive(Template)]
#[template(path = "account/profile.html")]
pub(crate) struct ProfilePage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) form: Form,
    pub(crate) side_cards: Vec<Card>,
}

/// Choosing a new password.
#[derive(Template)]
#[template(path = "account/password.html")]
pub(crate) struct PasswordPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) form: Form,
    /// What the password must be like.
    pub(crate) rules: Vec<String>,
}

/// The address, what waits to be confirmed, and what is mailed.
#[derive(Template)]
#[template(path = "account/email.html")]
pub(crate) struct EmailPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    /// What is not confirmed yet, with the button that does something about it.
    pub(crate) unconfirmed: Option<Unconfirmed>,
    pub(crate) form: Form,
    pub(crate) notices: Form,
}

/// An address that is not confirmed.
#[derive(Debug, Clone)]
pub(crate) struct Unconfirmed {
    pub(crate) banner: Banner,
    /// Where the button posts to.
    pub(crate) action: String,
    pub(crate) label: &'static str,
}

/// One's API tokens.
#[derive(Template)]
#[template(path = "account/tokens.html", blocks = ["results"])]
pub(crate) struct TokensPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    /// Where a token is created.
    pub(crate) create_href: String,
    /// Revokes them all, if there are any.
    pub(crate) revoke_all: Option<Action>,
    pub(crate) rows: Vec<TokenRow>,
    pub(crate) empty: Option<Empty>,
}

/// One token, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) name: String,
    /// Whose, in lists of more than one person's.
    pub(crate) holder: Option<Link>,
    /// Whether a program's.
    pub(crate) is_service: bool,
    pub(crate) scopes: Vec<TokenScope>,
    pub(crate) status: Badge,
    pub(crate) created: Moment,
    pub(crate) expires: Moment,
    pub(crate) last_used: Option<Moment>,
    /// Where it is revoked; empty if this viewer can't.
    pub(crate) revoke_href: String,
}

/// One's groups: those that one owns, and those that one is in.
#[derive(Template)]
#[template(path = "account/groups.html", blocks = ["results"])]
pub(crate) struct OwnGroupsPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) cards: Vec<HeldCard>,
}

/// A scope by its name, and what it means.
#[derive(Debug, Clone)]
pub(crate) struct TokenScope {
    pub(crate) name: String,
    pub(crate) sentence: String,
}
