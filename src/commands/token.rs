//! `muster token`: everybody's API tokens, listed, made and revoked by the operator.

use app::system::SystemEntropy;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use model::{
    Result, page,
    token::{self, TokenFilter},
};

use super::{Session, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{Deed, Outcome},
    output::{self, Table},
    times::day,
    view::ListedTokenView,
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
  TOKEN=$(muster token create payroll --name CI --days 7 --scope '*' --quiet)
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/o/acme/api/v1/users")]
    Create {
        /// Whose: username, email or id
        user: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// What it may do, such as user:list; * for everything that the user may do
        #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true)]
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
    /// List everybody's tokens, or a user's
    #[command(after_help = "\
Examples:
  muster token list --filter ending       those that end within 14 days
  muster token list --filter unused       those that nobody has used for 90 days
  muster token list --filter everything   those that may do everything that their user may
  muster token list --user payroll")]
    List {
        /// Whose: username, email or id
        #[arg(long, value_name = "WHO", conflicts_with_all = ["filter", "page_token"])]
        user: Option<String>,
        /// Which
        #[arg(long, default_value = "all",
              value_parser = PossibleValuesParser::new(TokenFilter::ALL.iter().map(|filter| filter.as_str())))]
        filter: String,
        /// Tokens to show at most, 1 to 200
        #[arg(long, default_value_t = page::DEFAULT_LIMIT)]
        limit: u16,
        /// Go on after an earlier list: the token that it ended with
        #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
        page_token: String,
    },
    /// Revoke a token, or all tokens of a user; their next requests are refused
    #[command(after_help = "\
Examples:
  muster token revoke 0193b3a2-7d57-7c3b-9a52-3a1f9f6f2c11
  muster token revoke --user ana")]
    Revoke {
        /// Its id, as `muster token list` shows it
        #[arg(value_name = "ID", required_unless_present = "user")]
        token: Option<String>,
        /// All tokens of this user: username, email or id
        #[arg(long, value_name = "WHO", conflicts_with = "token")]
        user: Option<String>,
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
        Verb::List { user, filter, limit, page_token } => {
            let deed = match user {
                Some(user) => Deed::TokensOf { user },
                None => Deed::ListTokens { filter, limit, cursor: page_token },
            };
            return list(session.perform(token.org.org, false, deed).await?, session.json);
        }
        Verb::Revoke { token: None, user, dry } => {
            let deed = Deed::RevokeTokens { user: user.unwrap_or_default() };
            return revoked(
                session.perform(token.org.org, dry.dry_run, deed).await?,
                session.json,
                dry.dry_run,
            );
        }
        Verb::Revoke { token: Some(id), dry, .. } => {
            let deed = Deed::RevokeToken { token: id.clone() };
            return match session.perform(token.org.org, dry.dry_run, deed).await? {
                Outcome::Revoked if session.json => output::json(&serde_json::json!({ "revoked": id })),
                Outcome::Revoked if dry.dry_run => output::line("Would revoke it. Nothing was changed."),
                Outcome::Revoked => output::line("Revoked. Its next request is refused."),
                other => unexpected(&other),
            };
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

fn revoked(outcome: Outcome, as_json: bool, dry_run: bool) -> Result<()> {
    let tokens = match outcome {
        Outcome::TokensRevoked { tokens } if as_json => {
            return output::json(&serde_json::json!({ "tokens": tokens }));
        }
        Outcome::TokensRevoked { tokens } => tokens,
        other => return unexpected(&other),
    };
    let count = if tokens == 1 { "1 token".to_owned() } else { format!("{tokens} tokens") };
    output::line(match (tokens, dry_run) {
        (0, _) => "There is no token to revoke.".to_owned(),
        (_, true) => format!("Would revoke {count}. Nothing was changed."),
        (_, false) => format!("Revoked {count}. The next requests with them are refused."),
    })
}

fn list(outcome: Outcome, as_json: bool) -> Result<()> {
    let (items, next) = match outcome {
        Outcome::Tokens { items, next } if as_json => {
            return output::json(&serde_json::json!({ "items": items, "next_page_token": next }));
        }
        Outcome::Tokens { items, next } => (items, next),
        other => return unexpected(&other),
    };
    let mut table = Table::new(["USER", "NAME", "SCOPES", "LAST USED", "EXPIRES", "ID"]);
    for ListedTokenView { id, name, user, scopes, expires_at, last_used_at, outgrown_at, .. } in items {
        let scopes = if scopes.len() > 3 { format!("{} scopes", scopes.len()) } else { scopes.join(",") };
        // Its user was given more rights than whoever made it could give.
        let expires = if outgrown_at.is_some() { "ended".to_owned() } else { day(Some(expires_at)) };
        table.row([user, name, scopes, day(last_used_at), expires, id.to_string()]);
    }
    if table.is_empty() {
        output::note("There is no such token.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    if let Some(token) = next {
        output::note(format!("There are more: go on with --page-token {token}"));
    }
    Ok(())
}
