//! `muster group`: list, show, create and edit groups, who is in them, which stand in which, what they carry.

mod print;

use std::{io::Read as _, process::ExitCode};

use app::groups::GroupPatch;
use clap::{Args, Subcommand};
use model::{Error, Kind, Result, given_date::GivenDate, page};

use super::{Session, unexpected, user::moment};
use crate::{
    cli::{DryRun, InOrg},
    command::{Deed, GroupDeed, GroupOutcome, Outcome, Place, Span},
    problem::failed,
};

/// Groups. GROUP is a name or an id, WHO a username, an email address or an id.
#[derive(Debug, Args)]
pub(crate) struct Group {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with groups.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List and find groups, by name
    #[command(after_help = "\
Examples:
  muster group list --search fin
  muster group list --role helpdesk --json
  muster group list --in Europe")]
    List {
        /// Any part of the name
        #[arg(long, short, default_value = "", hide_default_value = true, value_name = "TEXT")]
        search: String,
        /// Only those that stand directly in this group
        #[arg(long = "in", value_name = "GROUP")]
        parent: Option<String>,
        /// Only those that carry this role themselves
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Only those that this user owns
        #[arg(long, value_name = "WHO")]
        owner: Option<String>,
        #[command(flatten)]
        part: Part,
    },
    /// Show everything about a group
    Show {
        /// Name or id
        group: String,
    },
    /// Create a group
    #[command(after_help = "\
Example:
  muster group create Finance --description \"Pays the bills\" --in Europe --role auditor --owner ana")]
    Create {
        /// What it is called
        name: String,
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// A group that it stands in; may be repeated
        #[arg(long = "in", value_name = "GROUP")]
        parents: Vec<String>,
        /// A role that everybody in it holds; may be repeated
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<String>,
        /// Who decides about its members besides the administrators; may be repeated
        #[arg(long = "owner", value_name = "WHO")]
        owners: Vec<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Change a group's name or description
    Edit {
        /// Name or id
        group: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// Another description; an empty one clears it
        #[arg(long)]
        description: Option<String>,
        /// Only if the group still has this version (see `group show`)
        #[arg(long, value_name = "NUMBER")]
        if_version: Option<i64>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Delete a group; the people and groups in it stay. See with --dry-run whom it touches
    Delete {
        /// Name or id
        group: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// List who is in a group, by name
    Members {
        /// Name or id
        group: String,
        /// Also who is in it through the groups in it
        #[arg(long)]
        effective: bool,
        #[command(flatten)]
        part: Part,
    },
    /// Put people into a group
    #[command(after_help = "\
Examples:
  muster group add Finance ana --until 2026-12-31 --reason \"Closing the year\"
  muster group add Finance ana bo@acme.example
  muster group add Finance --file people.txt      one person a line; - for standard input")]
    Add {
        /// Name or id
        group: String,
        /// Whom: username, email or id
        #[arg(value_name = "WHO", required_unless_present = "file")]
        who: Vec<String>,
        /// Read whom from this file, one person a line (- for standard input)
        #[arg(long, value_name = "FILE", conflicts_with = "who")]
        file: Option<String>,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Take somebody out of a group
    Remove {
        /// Name or id
        group: String,
        /// Whom: username, email or id
        #[arg(value_name = "WHO")]
        who: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Put a group into another: everybody in it has what the outer one gives
    #[command(after_help = "\
Example:
  muster group nest Lisbon Europe      Lisbon then stands in Europe")]
    Nest {
        /// The group that comes into the other: name or id
        group: String,
        /// The outer group: name or id
        parent: String,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Take a group out of another
    Unnest {
        /// The inner group: name or id
        group: String,
        /// The outer group: name or id
        parent: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Move a group from one group into another, in one step
    Move {
        /// Name or id
        group: String,
        /// The group that it stands in
        #[arg(long, value_name = "GROUP")]
        from: String,
        /// The group that it comes into
        #[arg(long, value_name = "GROUP")]
        to: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Give everybody in a group a role
    Grant {
        /// Name or id
        group: String,
        /// Which role
        role: String,
        /// Over this group only: the group, what stands in it, and everybody there
        #[arg(long, value_name = "GROUP")]
        over: Option<String>,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Take a role from a group
    Revoke {
        /// Name or id
        group: String,
        /// Which role
        role: String,
        /// Carried over this group
        #[arg(long, value_name = "GROUP")]
        over: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Make somebody an owner, who decides about a group's members
    Owner {
        /// Name or id
        group: String,
        /// Whom: username, email or id
        #[arg(value_name = "WHO")]
        who: String,
        /// Take the ownership away instead
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// Which part of a list.
#[derive(Debug, Args)]
struct Part {
    /// Rows to show at most, 1 to 200
    #[arg(long, default_value_t = page::DEFAULT_LIMIT)]
    limit: u16,
    /// Go on after an earlier list: the token that it ended with
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
}

/// On what terms.
#[derive(Debug, Args)]
struct Terms {
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// When it begins; a date means its first moment in the organization's time zone
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<GivenDate>,
    /// When it ends by itself; a date includes its day in the organization's time zone
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<GivenDate>,
}

impl From<Terms> for Span {
    fn from(terms: Terms) -> Self {
        Self { reason: terms.reason, from: terms.from, until: terms.until }
    }
}

/// Does it. The exit code is 4 if people on a list were refused.
pub(crate) async fn run(group: Group, session: &Session) -> Result<ExitCode> {
    let org = group.org.org;
    let (past, deed, dry) = understood(group.verb)?;
    let dry_run = dry.is_some_and(|dry| dry.dry_run);
    let outcome = match session.perform(org, dry_run, Deed::Group(Box::new(deed))).await? {
        Outcome::Group(outcome) => *outcome,
        other => return unexpected(&other),
    };
    let some_were_refused = matches!(&outcome, GroupOutcome::Verdicts(all) if print::has_refusals(all));
    print::outcome(outcome, &past, dry_run, session.json)?;
    Ok(if some_were_refused { ExitCode::from(4) } else { ExitCode::SUCCESS })
}

/// What happens to the group in words, the deed, and whether it can be tried.
fn understood(verb: Verb) -> Result<(String, GroupDeed, Option<DryRun>)> {
    let none = String::new;
    Ok(match verb {
        Verb::List { search, parent, role, owner, part } => {
            let (limit, cursor) = (part.limit, part.page_token);
            (none(), GroupDeed::List { search, parent, role, owner, limit, cursor }, None)
        }
        Verb::Members { group, effective, part } => {
            let (limit, cursor) = (part.limit, part.page_token);
            (none(), GroupDeed::Members { group, effective, limit, cursor }, None)
        }
        Verb::Show { group } => (none(), GroupDeed::Show { group }, None),
        Verb::Create { name, description, parents, roles, owners, dry } => {
            let deed = GroupDeed::Create { name, description, parents, roles, owners };
            ("created".to_owned(), deed, Some(dry))
        }
        Verb::Edit { group, name, description, if_version, dry } => {
            let patch = GroupPatch { name, description };
            ("changed".to_owned(), GroupDeed::Edit { group, patch, version: if_version }, Some(dry))
        }
        Verb::Delete { group, dry } => ("deleted".to_owned(), GroupDeed::Delete { group }, Some(dry)),
        Verb::Add { group, who, file, terms, dry } => {
            let past = format!("put into {group}");
            let deed = match (file, who) {
                (None, mut one) if one.len() == 1 => {
                    GroupDeed::Add { group, user: one.remove(0), terms: terms.into() }
                }
                (None, lines) => GroupDeed::AddMany { group, lines, terms: terms.into() },
                (Some(file), _) => {
                    let lines = read(&file)?.lines().map(str::to_owned).collect();
                    GroupDeed::AddMany { group, lines, terms: terms.into() }
                }
            };
            (past, deed, Some(dry))
        }
        Verb::Remove { group, who, dry } => {
            (format!("taken out of {group}"), GroupDeed::Remove { group, user: who }, Some(dry))
        }
        Verb::Nest { group, parent, terms, dry } => {
            let past = format!("put into {parent}");
            let place = Place::Into { parent, terms: terms.into() };
            (past, GroupDeed::Place { group, place }, Some(dry))
        }
        Verb::Unnest { group, parent, dry } => {
            let past = format!("taken out of {parent}");
            (past, GroupDeed::Place { group, place: Place::OutOf { parent } }, Some(dry))
        }
        Verb::Move { group, from, to, dry } => {
            let past = format!("moved from {from} to {to}");
            (past, GroupDeed::Place { group, place: Place::Move { from, to } }, Some(dry))
        }
        Verb::Grant { group, role, over, terms, dry } => {
            let deed = GroupDeed::Grant { group, role, over, terms: terms.into() };
            ("given the role".to_owned(), deed, Some(dry))
        }
        Verb::Revoke { group, role, over, dry } => {
            ("relieved of the role".to_owned(), GroupDeed::Revoke { group, role, over }, Some(dry))
        }
        Verb::Owner { group, who, remove, dry } => {
            let past = if remove { "relieved of the owner" } else { "given the owner" };
            (past.to_owned(), GroupDeed::Owner { group, user: who, remove }, Some(dry))
        }
    })
}

/// A list of people.
fn read(file: &str) -> Result<String> {
    if file != "-" {
        return std::fs::read_to_string(file)
            .map_err(|error| failed(format_args!("{file} can't be read"), error));
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).map_err(|error| {
        Error::new(Kind::Invalid, "usage", format!("The standard input can't be read: {error}."))
    })?;
    Ok(text)
}
