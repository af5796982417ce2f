//! The pages about API tokens of others: everybody's, and a user's.

use askama::Template;

use super::{
    account::TokenRow,
    frame::Frame,
    parts::{Action, Empty, Pager},
    users::{StatusChoice, Tab, UserHeading},
};

/// Everybody's tokens, in the settings.
#[derive(Template)]
#[template(path = "console/settings/tokens.html", blocks = ["results"])]
pub(crate) struct AllTokens {
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    /// Which tokens are shown.
    pub(crate) chips: Vec<StatusChoice>,
    pub(crate) rows: Vec<TokenRow>,
    pub(crate) pager: Pager,
    pub(crate) empty: Option<Empty>,
}

/// A user's tokens.
#[derive(Template)]
#[template(path = "console/users/tokens.html")]
pub(crate) struct TokensOf {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) actions: Vec<Action>,
    /// Revokes them all, if there are any.
    pub(crate) revoke_all: Option<Action>,
    pub(crate) rows: Vec<TokenRow>,
    pub(crate) empty: Option<Empty>,
}
