//! Journeys through the console in a real Chromium: what a person sees, clicks and types, in light and dark, on a
//! desk and on a phone, with axe-core on every page. Rules are tested elsewhere; a journey shows that they can be
//! reached.
//!
//! Each page of `docs/guide/` has a journey of its name, which performs its steps (`guide.rs` sees to that).

mod activity;
mod api_tokens;
mod audit;
mod axe;
mod browser;
mod creating;
mod data_about_a_person;
mod deleting;
mod demonstration;
mod driver;
mod editing;
mod errors;
mod finding;
mod groups;
mod guide;
mod harness;
mod importing;
mod inviting;
mod keyboard;
mod life;
mod losing_nothing;
mod mail;
mod own_email;
mod program;
mod promoting;
mod recovering;
mod roles;
mod sessions;
mod settings;
mod signing_in;
mod support;
mod suspending;
mod temporary_access;
mod troubleshooting;
mod verifying;
mod without_scripts;
mod wrong_permissions;
mod your_account;
