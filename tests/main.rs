//! The black-box tests: the whole program in process, on a fresh database per test, every test on both engines.
//!
//! `app.rs` is the program under test with a clock that stands still until moved; one file per noun, and the matrices
//! that are made from the declared routes.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]
#![expect(clippy::unchecked_time_subtraction, reason = "spans of time in tests are constants")]

#[macro_use]
mod app;

mod access_paths;
mod account;
mod activity;
mod addresses;
mod anonymous;
mod api;
mod audit;
mod broken_disk;
mod browsers;
mod cache;
mod clock_nodes;
mod clock_steps;
mod crash;
mod data_export;
mod dates;
mod declared_answers;
mod delegation;
mod devices;
mod document;
mod dropped;
mod email_directory;
mod endings;
mod enumeration;
mod erasure;
mod explain_sign_in;
mod forgery;
mod granting;
mod groups;
mod http_rules;
mod idle;
mod importing;
mod in_flight;
mod invitations;
mod known_devices;
mod last_owner;
mod lifecycle;
mod lockout;
mod mail_links;
mod mailboxes;
mod mails;
mod matrix;
mod nesting;
mod new_device;
mod no_mail_server;
mod nodes;
mod one_time_links;
mod orgs;
mod outgrown;
mod owners;
mod page_tokens;
mod passwords;
mod patience;
mod peer_failures;
mod permissions;
mod possible;
mod present_password;
mod printed;
mod process;
mod public_address;
mod recovery;
mod repeating;
mod rescue;
mod revocation;
mod right_to_left;
mod role_definitions;
mod roles;
mod session_list;
mod sessions;
mod setup;
mod signin;
mod slow_clients;
mod smtp_delivery;
mod smtp_peer;
mod smtp_refusals;
mod smtp_server;
mod smtp_slow;
mod smtp_torture;
mod stale_forms;
mod strict_input;
mod structure;
mod tenancy;
mod text;
mod tokens;
mod tokens_of_others;
mod typed_addresses;
mod unseen;
mod upgrading;
mod usernames;
mod users;
mod wire;
