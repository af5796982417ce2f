//! `muster session`: who is signed in where, and ending that.

use app::sessions::Ended;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use model::{Result, device::Platform, given_date::GivenDate, page, session::SessionFilter};

use super::{Session as Called, unexpected, user::moment};
use crate::{
    cli::{DryRun, InOrg},
    command::{Deed, Outcome},
    output::{self, Table},
    times::{day, minute},
    view::SessionView,
};

/// Sessions.
#[derive(Debug, Args)]
pub(crate) struct Session {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List sessions, latest used first
    #[command(after_help = "\
Examples:
  muster session list --user ana
  muster session list --address 203.0.113.0/24 --platform windows
  muster session list --active-since 2026-11-20T08:00:00Z --json")]
    List {
        #[command(flatten)]
        which: Which,
        /// Sessions to show at most, 1 to 200
        #[arg(long, default_value_t = page::DEFAULT_LIMIT)]
        limit: u16,
        /// Go on after an earlier list: the token that it ended with
        #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
        page_token: String,
    },
    /// End one session, or all that are found; their next requests are refused
    #[command(after_help = "\
Examples:
  muster session revoke --user ana
  muster session revoke --address 203.0.113.7 --dry-run
  muster session revoke --all --confirm 250")]
    Revoke {
        /// One session, by its id
        #[arg(conflicts_with_all = ["user", "address", "platform", "method", "remembered", "active_since", "all"])]
        session: Option<String>,
        #[command(flatten)]
        which: Which,
        /// Everybody's
        #[arg(long)]
        all: bool,
        /// How many people may be signed out, needed where they are many
        #[arg(long, value_name = "PEOPLE")]
        confirm: Option<u64>,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// Which sessions.
#[derive(Debug, Args)]
struct Which {
    /// Whose: username, email or id
    #[arg(long, value_name = "WHO", default_value = "", hide_default_value = true)]
    user: String,
    /// From an address, or a network such as 203.0.113.0/24
    #[arg(long, default_value = "", hide_default_value = true)]
    address: String,
    /// On this platform
    #[arg(long, value_parser = PossibleValuesParser::new(Platform::ALL.iter().map(|platform| platform.as_str())))]
    platform: Option<String>,
    /// Signed in by this method
    #[arg(long, default_value = "", hide_default_value = true)]
    method: String,
    /// Only those kept beyond the browser's end (true), or only the others (false)
    #[arg(long, value_name = "TRUE OR FALSE")]
    remembered: Option<bool>,
    /// Used since then, such as 2026-11-20 or 2026-11-20T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    active_since: Option<GivenDate>,
}

impl Which {
    fn filter(self) -> SessionFilter {
        SessionFilter {
            user: self.user,
            address: self.address,
            platform: self.platform.unwrap_or_default(),
            method: self.method,
            remembered: self.remembered,
            active_since: self.active_since.map(|at| at.to_string()).unwrap_or_default(),
        }
    }
}

/// Does it.
pub(crate) async fn run(session: Session, called: &Called) -> Result<()> {
    let org = session.org.org;
    match session.verb {
        Verb::List { which, limit, page_token } => {
            let deed = Deed::ListSessions { filter: which.filter(), limit, cursor: page_token };
            match called.perform(org, false, deed).await? {
                Outcome::Sessions { items, next } if called.json => {
                    output::json(&serde_json::json!({ "items": items, "next_page_token": next }))
                }
                Outcome::Sessions { items, next } => list(&items, next),
                other => unexpected(&other),
            }
        }
        Verb::Revoke { session: Some(session), dry, .. } => {
            let ended = end(called, org, dry.dry_run, Deed::RevokeSession { session }).await?;
            say(called, ended, dry.dry_run)
        }
        Verb::Revoke { which, all, confirm, dry, .. } => {
            let filter = which.filter();
            let mut total = Ended { sessions: 0, people: 0, spared: 0, more: true };
            // One request ends some hundreds. People are counted once as long as one is enough, which is nearly always.
            while total.more {
                let deed = Deed::RevokeSessions { filter: filter.clone(), all, confirm };
                let ended = end(called, org.clone(), dry.dry_run, deed).await?;
                total = Ended {
                    sessions: total.sessions + ended.sessions,
                    people: total.people + ended.people,
                    more: ended.more && ended.sessions > 0 && !dry.dry_run,
                    ..ended
                };
            }
            say(called, total, dry.dry_run)
        }
    }
}

async fn end(called: &Called, org: Option<String>, dry_run: bool, deed: Deed) -> Result<Ended> {
    match called.perform(org, dry_run, deed).await? {
        Outcome::Ended(ended) => Ok(ended),
        other => unexpected(&other),
    }
}

fn list(items: &[SessionView], next: Option<String>) -> Result<()> {
    let mut table = Table::new(["USER", "DEVICE", "ADDRESS", "PLACE", "LAST ACTIVE", "SIGNED IN", "ID"]);
    for session in items {
        table.row([
            session.user.clone(),
            session.device.clone(),
            session.address.clone(),
            session.place.clone(),
            minute(session.last_active_at),
            day(Some(session.started_at)),
            session.id.to_string(),
        ]);
    }
    if table.is_empty() {
        output::note("Nobody is signed in this way.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    if let Some(token) = next {
        output::note(format!("There are more: go on with --page-token {token}"));
    }
    Ok(())
}

fn say(called: &Called, ended: Ended, dry_run: bool) -> Result<()> {
    if called.json {
        return output::json(&ended);
    }
    let Ended { sessions, people, spared, .. } = ended;
    let spared = if spared > 0 { format!(" Left alone: {spared}.") } else { String::new() };
    let plural =
        |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let (what, of) = (plural(sessions, "session", "sessions"), plural(people, "person", "people"));
    output::line(if dry_run {
        format!("Would end {what} of {of}.{spared} Nothing was changed.")
    } else {
        format!("Ended {what} of {of}.{spared}")
    })
}
