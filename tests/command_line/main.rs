//! The command line from outside: the built program, its output and its exit codes, with and without a server.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

mod groups;
mod help;
mod import;
mod invitations;
mod privacy;
mod server;
mod sessions;
mod settings;
mod support;
mod times;
mod users;
