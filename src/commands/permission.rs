//! `muster permission`: what there is to be allowed, and the permissions of the organization's own applications.

use clap::{Args, Subcommand};
use model::Result;

use super::{Session, role::as_json, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{
        Deed, Outcome,
        roles::{PermissionRow, RoleDeed, RoleOutcome},
    },
    output::{self, Table},
};

/// Permissions.
#[derive(Debug, Args)]
pub(crate) struct Permission {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with permissions.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List permissions: Muster's, then the applications'
    List,
    /// Define a permission of an application, or describe it anew
    #[command(after_help = "\
Example:
  muster permission define content:edit --description \"Change pages of the web site\"")]
    Define {
        /// resource:action, such as content:edit
        permission: String,
        /// What it allows, in a sentence
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        description: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Remove a permission of an application, from every role that has it too
    Remove {
        /// Which
        permission: String,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// Does it.
pub(crate) async fn run(permission: Permission, session: &Session) -> Result<()> {
    let (deed, dry_run) = match permission.verb {
        Verb::List => (RoleDeed::ListPermissions, false),
        Verb::Define { permission, description, dry } => {
            (RoleDeed::Define { permission, description }, dry.dry_run)
        }
        Verb::Remove { permission, dry } => (RoleDeed::Remove { permission }, dry.dry_run),
    };
    match session.perform(permission.org.org, dry_run, Deed::Roles(Box::new(deed))).await? {
        Outcome::Roles(outcome) if session.json => as_json(*outcome),
        Outcome::Roles(outcome) => match *outcome {
            RoleOutcome::Permissions(items) => list(&items),
            RoleOutcome::Permission(defined) if dry_run => {
                output::line(format!("Would define {}. Nothing was changed.", defined.name))
            }
            RoleOutcome::Permission(defined) => output::line(format!("Defined {}.", defined.name)),
            RoleOutcome::Removed(removed) => {
                let (verb, end) =
                    if dry_run { ("Would remove", " Nothing was changed.") } else { ("Removed", "") };
                let roles = if removed.roles.is_empty() {
                    "no role had it".to_owned()
                } else {
                    format!("also from {}", removed.roles.join(", "))
                };
                output::line(format!("{verb} {}; {roles}.{end}", removed.name))
            }
            other => unexpected(&Outcome::Roles(Box::new(other))),
        },
        other => unexpected(&other),
    }
}

fn list(items: &[PermissionRow]) -> Result<()> {
    let mut table = Table::new(["PERMISSION", "OF", "ALLOWS"]);
    for permission in items {
        let of = if permission.built_in { "Muster" } else { "an application" };
        table.row([permission.name.clone(), of.to_owned(), permission.description.clone()]);
    }
    output::write(&table.to_string())
}
