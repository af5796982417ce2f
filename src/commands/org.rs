//! `muster org`: create, list and rename organizations.

use clap::Subcommand;
use model::Result;

use super::{Session, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{Deed, Outcome},
    output::{self, Table},
    view::OrgView,
};

/// What to do with organizations.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create an organization; `muster recover-owner` then gives it its owner
    #[command(after_help = "\
Examples:
  muster org create \"Acme GmbH\" --slug acme
  muster recover-owner ana@acme.example --org acme")]
    Create {
        /// Its name, as people read it
        name: String,
        /// Its address, /o/SLUG: 3 to 40 of a-z, 0-9 and -
        #[arg(long)]
        slug: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// List all organizations
    List,
    /// Give an organization another address; the old one leads to it for 90 days
    #[command(after_help = "\
Example:
  muster org rename acme-group --org acme")]
    Rename {
        /// The new slug
        slug: String,
        #[command(flatten)]
        org: InOrg,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// Does it.
pub(crate) async fn run(verb: Verb, session: &Session) -> Result<()> {
    let (org, dry_run, done, deed) = match verb {
        Verb::Create { name, slug, dry } => (None, dry.dry_run, "create", Deed::CreateOrg { name, slug }),
        Verb::Rename { slug, org, dry } => (org.org, dry.dry_run, "rename", Deed::RenameOrg { slug }),
        Verb::List => (None, false, "list", Deed::ListOrgs),
    };
    match session.perform(org, dry_run, deed).await? {
        Outcome::Org(org) if session.json => output::json(&org),
        Outcome::Org(org) => one(&org, done, dry_run),
        Outcome::Orgs(orgs) if session.json => output::json(&serde_json::json!({ "items": orgs })),
        Outcome::Orgs(orgs) => list(&orgs),
        other => unexpected(&other),
    }
}

fn one(org: &OrgView, done: &str, dry_run: bool) -> Result<()> {
    let (name, slug) = (&org.name, &org.slug);
    output::line(match (done, dry_run) {
        ("create", false) => format!(
            "Created {name} under /o/{slug}.\nIt has no owner yet: muster recover-owner EMAIL --org {slug}"
        ),
        ("create", true) => format!("Would create {name} under /o/{slug}. Nothing was changed."),
        (_, false) => format!("{name} is now under /o/{slug}. The old address leads there for 90 days."),
        (_, true) => format!("{name} would be under /o/{slug}. Nothing was changed."),
    })
}

fn list(orgs: &[OrgView]) -> Result<()> {
    let mut table = Table::new(["SLUG", "NAME", "CREATED"]);
    for org in orgs {
        table.row([org.slug.clone(), org.name.clone(), crate::times::day(Some(org.created_at))]);
    }
    if table.is_empty() {
        output::note("There is no organization yet. Make one with: muster org create NAME --slug SLUG");
        return Ok(());
    }
    output::write(&table.to_string())
}
