//! `muster role`: what roles there are, what each allows, who holds it; making and changing the organization's own.

use app::role_definitions::RoleEdit;
use clap::{Args, Subcommand};
use model::{Result, page};

use super::{Session, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{
        Deed, Outcome,
        roles::{Compared, HolderRow, RoleDeed, RoleOutcome, RoleRow},
    },
    output::{self, Table},
    times::day,
};

/// Roles.
#[derive(Debug, Args)]
pub(crate) struct Role {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with roles. A role is named by its key (`helpdesk`, an id) or its name.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List roles, with how many hold each
    List,
    /// Show a role and what it allows
    Show {
        /// Which: key or name
        role: String,
    },
    /// Make a role of the organization's own
    #[command(after_help = "\
Examples:
  muster role create \"Content editor\" --allow content:edit,content:publish
  muster role create \"Night desk\" --copy helpdesk --allow user:lock --description \"Helpdesk that also locks\"")]
    Create {
        /// What it is called
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        description: String,
        /// What it allows; `muster permission list` shows what there is
        #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
        allow: Vec<String>,
        /// Another role that it begins as a copy of
        #[arg(long, value_name = "ROLE")]
        copy: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Change a role of the organization's own
    #[command(after_help = "\
Examples:
  muster role edit \"Night desk\" --allow user:suspend --dry-run
  muster role edit \"Night desk\" --disallow user:lock --name \"Desk\"")]
    Edit {
        /// Which: key or name
        role: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// Another description
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// What it allows besides
        #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
        allow: Vec<String>,
        /// What it does not allow any more
        #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
        disallow: Vec<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Delete a role of the organization's own; whoever holds it loses it
    Delete {
        /// Which: key or name
        role: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Say what one role allows that another does not
    Compare {
        /// The one: key or name
        one: String,
        /// The other: key or name
        other: String,
    },
    /// List who holds a role directly: groups, then users
    Holders {
        /// Which: key or name
        role: String,
        /// How many to show, 1 to 200
        #[arg(long, default_value_t = page::DEFAULT_LIMIT)]
        limit: u16,
        /// Go on after an earlier list: the token that it ended with
        #[arg(long, value_name = "TOKEN")]
        page_token: Option<String>,
    },
}

/// Does it.
pub(crate) async fn run(role: Role, session: &Session) -> Result<()> {
    let (deed, dry_run) = deed(role.verb);
    let verb = match &deed {
        RoleDeed::Create { .. } => ("Made", "Would make"),
        RoleDeed::Delete { .. } => ("Deleted", "Would delete"),
        _ => ("", ""),
    };
    match session.perform(role.org.org, dry_run, Deed::Roles(Box::new(deed))).await? {
        Outcome::Roles(outcome) if session.json => as_json(*outcome),
        Outcome::Roles(outcome) => match *outcome {
            RoleOutcome::Roles(roles) => list(&roles),
            RoleOutcome::Role(role) if verb.0.is_empty() => show(&role),
            RoleOutcome::Role(role) => {
                let (verb, end) = if dry_run { (verb.1, " Nothing was changed.") } else { (verb.0, "") };
                let many = role.permissions.len();
                output::line(format!(
                    "{verb} {}, which allows {many} things; held by {}.{end}",
                    role.label,
                    held(&role)
                ))
            }
            RoleOutcome::Edited { role, added, removed } => edited(&role, &added, &removed, dry_run),
            RoleOutcome::Compared(compared) => compare(&compared),
            RoleOutcome::Holders { items, next } => holders(&items, next),
            other => unexpected(&Outcome::Roles(Box::new(other))),
        },
        other => unexpected(&other),
    }
}

/// What was asked for, and whether only to try.
fn deed(verb: Verb) -> (RoleDeed, bool) {
    match verb {
        Verb::List => (RoleDeed::List, false),
        Verb::Show { role } => (RoleDeed::Show { role }, false),
        Verb::Create { name, description, allow, copy, dry } => {
            (RoleDeed::Create { name, description, permissions: allow, copy_of: copy }, dry.dry_run)
        }
        Verb::Edit { role, name, description, allow, disallow, dry } => {
            let (add, remove) = (allow.into_iter().collect(), disallow.into_iter().collect());
            let edit = RoleEdit { name, description, permissions: None, add, remove };
            (RoleDeed::Edit { role, edit }, dry.dry_run)
        }
        Verb::Delete { role, dry } => (RoleDeed::Delete { role }, dry.dry_run),
        Verb::Compare { one, other } => (RoleDeed::Compare { one, other }, false),
        Verb::Holders { role, limit, page_token } => {
            (RoleDeed::Holders { role, limit, cursor: page_token }, false)
        }
    }
}

/// As the API answers it.
pub(super) fn as_json(outcome: RoleOutcome) -> Result<()> {
    use serde_json::json;
    match outcome {
        RoleOutcome::Roles(items) => output::json(&json!({ "items": items })),
        RoleOutcome::Role(role) => output::json(&role),
        RoleOutcome::Edited { role, added, removed } => {
            let mut document = serde_json::to_value(role).map_err(model::Error::internal)?;
            (document["added"], document["removed"]) = (json!(added), json!(removed));
            output::json(&document)
        }
        RoleOutcome::Compared(compared) => output::json(&compared),
        RoleOutcome::Holders { items, next } => {
            output::json(&json!({ "items": items, "next_page_token": next }))
        }
        RoleOutcome::Permissions(items) => output::json(&json!({ "items": items })),
        RoleOutcome::Permission(permission) => output::json(&permission),
        RoleOutcome::Removed(removed) => output::json(&removed),
    }
}

fn count(many: i64, one: &str, more: &str) -> String {
    match many {
        1 => format!("1 {one}"),
        many if many > app::role_holders::COUNTED => {
            format!("more than {} {more}", app::role_holders::COUNTED)
        }
        many => format!("{many} {more}"),
    }
}

fn held(role: &RoleRow) -> String {
    format!("{} and {}", count(role.users, "user", "users"), count(role.groups, "group", "groups"))
}

fn list(roles: &[RoleRow]) -> Result<()> {
    let mut table = Table::new(["ROLE", "KEY", "ALLOWS", "USERS", "GROUPS", "FOR"]);
    for role in roles {
        let everybody = role.role == model::Role::Member;
        let users = if everybody { "everybody".to_owned() } else { role.users.to_string() };
        table.row([
            role.label.clone(),
            role.role.to_string(),
            role.permissions.len().to_string(),
            users,
            role.groups.to_string(),
            role.description.clone(),
        ]);
    }
    output::write(&table.to_string())
}

fn show(role: &RoleRow) -> Result<()> {
    let kind = if role.built_in { "built in" } else { "the organization's own" };
    let heading = format!("{} ({}), {kind}, held by {}", role.label, role.role, held(role));
    output::line(heading)?;
    if !role.description.is_empty() {
        output::line(&role.description)?;
    }
    output::line("")?;
    role.permissions.iter().try_for_each(output::line)
}

fn edited(role: &RoleRow, added: &[String], removed: &[String], dry_run: bool) -> Result<()> {
    let (verb, end) = if dry_run { ("Would change", " Nothing was changed.") } else { ("Changed", "") };
    output::line(format!("{verb} {}, held by {}.{end}", role.label, held(role)))?;
    added.iter().try_for_each(|name| output::line(format!("+ {name}")))?;
    removed.iter().try_for_each(|name| output::line(format!("- {name}")))
}

fn compare(compared: &Compared) -> Result<()> {
    let Compared { one_label: one, other_label: other, only_one, only_other, both, .. } = compared;
    for (title, names) in
        [(format!("Only {one}"), only_one), (format!("Only {other}"), only_other), ("Both".to_owned(), both)]
    {
        output::line(format!("{title}:"))?;
        if names.is_empty() {
            output::line("  nothing")?;
        }
        names.iter().try_for_each(|name| output::line(format!("  {name}")))?;
    }
    Ok(())
}

fn holders(items: &[HolderRow], next: Option<String>) -> Result<()> {
    let mut table = Table::new(["WHO", "KIND", "OVER", "SINCE", "UNTIL", "ID"]);
    for held in items {
        let kind = if held.user.is_some() { "user" } else { "group" };
        let id = held.user.map(|user| user.to_string()).or(held.group.map(|group| group.to_string()));
        let over = if held.over.is_empty() { "the organization".to_owned() } else { held.over.clone() };
        let since = held.valid_from.unwrap_or(held.granted_at);
        let until = held.valid_until.map_or(String::new(), |until| until.to_string());
        table.row([
            held.name.clone(),
            kind.to_owned(),
            over,
            day(Some(since)),
            until,
            id.unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        output::note("Nobody holds it directly.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    if let Some(token) = next {
        output::note(format!("There are more: go on with --page-token {token}"));
    }
    Ok(())
}
