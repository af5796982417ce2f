//! `muster access`: what somebody may do and how that comes about, why somebody can or can't, and who can.

use app::{
    access_paths::{Access as Found, giver},
    explain_access::Why,
    holders::Holder,
};
use clap::{Args, Subcommand};
use model::{Result, access_paths::Paths, impact::Impact, page};

use super::{Session, unexpected};
use crate::{
    cli::InOrg,
    command::{Deed, Outcome},
    output::{self, Table},
    times::day,
};

/// Access.
#[derive(Debug, Args)]
pub(crate) struct Access {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to ask.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what somebody may do, with every way on which it comes
    #[command(after_help = "\
Examples:
  muster access show ana
  muster access show ana@acme.example --json")]
    Show {
        /// Username, email or id
        user: String,
    },
    /// Say why somebody can, or can't, do something
    #[command(after_help = "\
Examples:
  muster access why ana user:suspend
  muster access why ana group:assign --over Sales
  muster access why ana user:lock --on ben")]
    Why {
        /// Username, email or id
        user: String,
        /// A permission, such as user:suspend; `muster access who` takes the same
        permission: String,
        /// Doing it to this group: its name or id
        #[arg(long, value_name = "GROUP", conflicts_with = "on")]
        over: Option<String>,
        /// Doing it to this user: username, email or id
        #[arg(long, value_name = "USER")]
        on: Option<String>,
    },
    /// List who can do something
    #[command(after_help = "\
Examples:
  muster access who owner:manage
  muster access who content:edit --json")]
    Who {
        /// A permission, such as user:suspend
        permission: String,
        /// People to show at most, 1 to 200
        #[arg(long, default_value_t = page::DEFAULT_LIMIT)]
        limit: u16,
        /// Go on after an earlier list: the token that it ended with
        #[arg(long, value_name = "TOKEN")]
        page_token: Option<String>,
    },
}

/// Asks, and prints the answer.
pub(crate) async fn run(access: Access, session: &Session) -> Result<()> {
    let deed = match access.verb {
        Verb::Show { user } => Deed::ShowAccess { user },
        Verb::Why { user, permission, over, on } => Deed::WhyAccess { user, permission, over, on },
        Verb::Who { permission, limit, page_token } => Deed::WhoCan { permission, limit, cursor: page_token },
    };
    match session.perform(access.org.org, false, deed).await? {
        Outcome::Access(found) if session.json => output::json(&found),
        Outcome::Access(found) => show(&found),
        Outcome::Why(why) if session.json => output::json(&why),
        Outcome::Why(why) => explain(&why),
        Outcome::Holders { everyone, items, next } if session.json => {
            output::json(&serde_json::json!({ "everyone": everyone, "items": items, "next": next }))
        }
        Outcome::Holders { everyone: true, .. } => output::line("Everyone can, as a member."),
        Outcome::Holders { items, next, .. } => list(&items, next.as_deref()),
        other => unexpected(&other),
    }
}

fn show(found: &Found) -> Result<()> {
    for obstacle in &found.obstacles {
        output::note(&obstacle.text);
    }
    let mut ways = Table::new(["What", "Name", "Now", "How", "Since", "By", "Until"]);
    let mut add = |kind: &str, name: &str, paths: &Paths| {
        for path in &paths.listed {
            let last = path.steps.last();
            let by = last.map(|step| giver(step.given.by, &found.names)).unwrap_or_default();
            ways.row([
                kind.to_owned(),
                name.to_owned(),
                if path.holds == model::access_paths::Holds::Now { "yes" } else { "no" }.to_owned(),
                path.label(),
                day(last.map(|step| step.given.at)),
                by,
                day(path.until),
            ]);
        }
        if paths.more() > 0 {
            let more = format!("and {} more", paths.more());
            ways.row([
                kind.to_owned(),
                name.to_owned(),
                String::new(),
                more,
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
    };
    for role in &found.held.roles {
        let over =
            if role.scope_name.is_empty() { String::new() } else { format!(" over {}", role.scope_name) };
        add("role", &format!("{}{over}", role.name), &role.paths);
    }
    for group in &found.held.groups {
        add("group", &group.name, &group.paths);
    }
    if !ways.is_empty() {
        output::write(&ways.to_string())?;
    }
    let mut permissions = Table::new(["Permission", "Over", "Now", "Through"]);
    for one in &found.permissions {
        let roles = one.roles.iter().filter_map(|place| found.held.roles.get(*place));
        let roles: Vec<&str> = roles.map(|role| role.name.as_str()).collect();
        let through = if one.everyone { "everyone".to_owned() } else { roles.join(", ") };
        let now = if one.now { "yes" } else { "no" }.to_owned();
        permissions.row([one.permission.clone(), one.over_name.clone(), now, through]);
    }
    output::write(&permissions.to_string())
}

fn explain(why: &Why) -> Result<()> {
    let over = if why.over.is_empty() { String::new() } else { format!(" (over {})", why.over) };
    let verdict = if why.can { "can" } else { "can't" };
    output::line(format!("{} {verdict}: {}{over}", why.name, why.permission))?;
    if why.everyone {
        output::line("  Everyone can, as a member.")?;
    }
    for said in why.obstacles.iter().chain(&why.remarks) {
        output::line(format!("  {}", said.text))?;
    }
    for role in &why.roles {
        for path in &role.paths.listed {
            let until = path.until.map(|until| format!(", until {}", day(Some(until)))).unwrap_or_default();
            output::line(format!("  through {}: {}{until}", role.name, path.label()))?;
        }
        if role.paths.more() > 0 {
            output::line(format!("  through {}: and {} more ways", role.name, role.paths.more()))?;
        }
    }
    for offer in &why.offers {
        output::line(format!("  would give it: {} ({} permissions)", offer.name, offer.permissions))?;
    }
    for (_, name, _) in &why.groups {
        output::line(format!("  would give it: being in {name}"))?;
    }
    Ok(())
}

fn list(items: &[Holder], next: Option<&str>) -> Result<()> {
    if items.is_empty() {
        return output::line("Nobody can.");
    }
    let mut table = Table::new(["Username", "Name", "Status", "Role", "How", "More"]);
    for one in items {
        table.row([
            one.username.clone(),
            one.name.clone(),
            one.status.as_str().to_owned(),
            one.role.clone(),
            one.path.label(),
            if one.more > 0 { format!("+{}", one.more) } else { String::new() },
        ]);
    }
    output::write(&table.to_string())?;
    if let Some(next) = next {
        output::note(format!("There are more: --page-token {next}"));
    }
    Ok(())
}

/// Says what a dry run would do to people's access.
pub(crate) fn foretell(impact: &Impact) {
    for line in app::impact::lines(impact) {
        output::note(line);
    }
    for line in model::outgrown::unnamed(&impact.ended) {
        output::note(line);
    }
}
