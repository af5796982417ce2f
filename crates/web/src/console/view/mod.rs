//! What the console's pages show: askama templates with plain values, no domain type and no rule.
//!
//! A page and its fragment are the same struct: `blocks` renders a part of the page, so that they can't drift.

pub(crate) mod access;
pub(crate) mod account;
pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod explanation;
pub(crate) mod form;
pub(crate) mod frame;
pub(crate) mod groups;
pub(crate) mod held;
pub(crate) mod invitations;
pub(crate) mod mails;
pub(crate) mod parts;
pub(crate) mod question;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod signin;
pub(crate) mod tokens;
pub(crate) mod users;

#[cfg(test)]
mod gallery;
