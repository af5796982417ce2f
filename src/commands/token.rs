//! `muster token`: API tokens for users, made by the operator.

use app::system::SystemEntropy;
use clap::{Args, Subcommand};
use model::{Result, token};

use super::{Session, unexpected, user::day};
use crate::{
    cli::{DryRun, InOrg},
    command::{Deed, Outcome},
    output,
};

/// API tokens.
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Create a token for a user; it is shown once
    #[command(after_help = "\
Examples:
  muster token create payroll --name \"Payroll export\" --scope user:list,user:read
  TOKEN=$(muster token create payroll --name CI --days 7 --quiet)
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/o/acme/api/v1/users")]
    Create {
        /// Whose: username, email or id
        user: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// What it may do, such as user:list; unless given, all that the user may do
        #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
        scopes: Vec<String>,
        /// Days until it ends, 1 to 366
        #[arg(long, default_value_t = 90)]
        days: u16,
        /// Print nothing but the token
        #[arg(long, short)]
        quiet: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Invent a well-formed token that no server knows, for the bootstrap settings
    Generate,
}

/// Does it.
pub(crate) async fn run(token: Token, session: &Session) -> Result<()> {
    let (user, name, scopes, days, quiet, dry_run) = match token.verb {
        Verb::Generate => return output::line(token::reveal(&token::generate(&SystemEntropy))),
        Verb::Create { user, name, scopes, days, quiet, dry } => {
            (user, name, scopes, days, quiet, dry.dry_run)
        }
    };
    let deed = Deed::CreateToken { user, name, scopes, days };
    match session.perform(token.org.org, dry_run, deed).await? {
        Outcome::Token(made) if session.json => output::json(&made),
        Outcome::Token(made) => match &made.token {
            Some(secret) if quiet => output::line(secret),
            Some(secret) => {
                let until = day(Some(made.expires_at));
                output::line(format!("{secret}\n\nFor {}, until {until}. It is not shown again.", made.user))
            }
            None => output::line(format!("Would create a token for {}. Nothing was changed.", made.user)),
        },
        other => unexpected(&other),
    }
}
