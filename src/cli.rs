//! The command line's grammar at the top; each noun's arguments stand beside what is done with them in `commands/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{bench, commands};

/// The user-management server: who belongs, what each person may do, where they are signed in.
#[derive(Debug, Parser)]
#[command(
    name = "muster",
    version,
    max_term_width = 100,
    after_help = "\
First steps:
  muster serve --demo                     look around in an organization of 1,000 invented people
  muster serve                            start; the first start prints where to set up
  muster org create \"Acme\" --slug acme    or set up from here
  muster import people.csv                bring people in
  muster user list --search mull          find somebody
  muster doctor                           is everything all right?

Beside a running server with the embedded database, commands go through its socket: nothing needs to be stopped.

Exit codes: 0 done, 2 wrong input, 3 no such thing, 4 not possible as things stand, 5 try again later, 1 anything else."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Noun,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Settings file; /etc/muster/muster.toml if it is there
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, errors too
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Where a command gives rights: the number that confirms that secrets which others made end
    #[arg(
        long,
        global = true,
        value_name = "NUMBER",
        default_value_t = 0,
        // Only where a command was refused for want of it, which says so with the number.
        hide = true
    )]
    pub(crate) end_secrets: u64,
}

/// In which organization.
#[derive(Debug, Clone, Args)]
pub(crate) struct InOrg {
    /// The organization's slug; may be left out where there is only one
    #[arg(long, global = true, value_name = "SLUG", help_heading = "Everywhere")]
    pub(crate) org: Option<String>,
}

/// Looking before leaping.
#[derive(Debug, Clone, Args)]
pub(crate) struct DryRun {
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Start the server
    Serve(commands::serve::Options),
    /// Bring the database up to date
    Migrate,
    /// Organizations: create, list, rename
    #[command(subcommand)]
    Org(commands::org::Verb),
    /// Users: list, show, create, edit, and every step of their lives
    User(commands::user::User),
    /// Groups: list, show, create, who is in them, what they carry
    Group(commands::group::Group),
    /// Roles: list, show, compare, who holds one; making and changing the organization's own
    Role(commands::role::Role),
    /// Permissions: list; defining those of the organization's applications
    Permission(commands::permission::Permission),
    /// Invitations: send, list, send again, cancel
    Invitation(commands::invitation::Invitation),
    /// Bring people in from a CSV file
    Import(commands::import::Options),
    /// API tokens: list, create, revoke
    Token(commands::token::Token),
    /// Mail: how it stands, what could not be sent, sending it again, a test
    Mail(commands::mail::Mail),
    /// Access: what somebody may do and why, and who can do something
    Access(commands::access::Access),
    /// Sessions: who is signed in where, and ending that
    Session(commands::session::Session),
    /// Where addresses are: install data for it, say what is there
    #[command(subcommand)]
    Geo(commands::geo::Verb),
    /// The audit log: read it, export it, verify it, prove entries
    Audit(commands::audit::Audit),
    /// Make somebody an owner who can sign in, when nobody else can
    RecoverOwner(commands::recover_owner::Options),
    /// Look whether everything is all right, and say what to do if not
    Doctor,
    /// Settings: print, check, explain
    #[command(subcommand)]
    Config(commands::config::Verb),
    /// Measure Muster against what this machine could do at best
    Bench(bench::Options),
    /// Print the version
    Version,
}
