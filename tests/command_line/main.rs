//! The command line from outside: the built program, its output and its exit codes, with and without a server.

mod help;
mod import;
mod server;
mod settings;
mod support;
mod users;
