//! `muster user`: list, show, create and edit users, and every step of their lives.

mod access;
mod fields;
mod print;
mod privacy;
mod steps;

use std::io::BufRead;

use clap::{Args, Subcommand};
use fields::{Fields, NewFields};
use model::{Error, Result, filter::UserQuery, given_date::GivenDate, link::Purpose, page};

use super::{Session, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{Command, Deed, List, NewPassword, Outcome, Step},
    problem::failed,
    runner::Runner,
    view::UserView,
};

/// Users. WHO is a username, an email address or an id.
#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List and find users
    #[command(after_help = "\
Examples:
  muster user list --search mull              finds Müller, by any part of name, email or phone
  muster user list --status suspended,locked
  muster user list --role owner --json
  muster user list --group Finance
  muster user list --all --sort=-last_sign_in")]
    List(ListOptions),
    /// Show everything about a user, and what can be done next
    Show(Who),
    /// Say why a user can't sign in, and what to do about it
    ExplainSignIn(Who),
    /// Create a user: staged, invited, or active with a first password
    #[command(after_help = "\
Examples:
  muster user create --email ana@acme.example --given-name Ana --family-name Silva
  muster user create --email bo@acme.example --display-name Bo --generate-password --role helpdesk
  muster user create --username payroll --type service --responsible ana@acme.example")]
    Create(Box<Create>),
    /// Change fields of a user; an empty value clears one
    #[command(after_help = "\
Example:
  muster user edit ana --title \"Head of Finance\" --mobile \"\"")]
    Edit(Box<Edit>),
    /// Activate a user; one without a password gets a mail with which to choose one
    Activate(Plain),
    /// Approve a pending user
    #[command(after_help = "\
A user without a password gets an email with a link to choose one.")]
    Approve(steps::Approve),
    /// Reject a pending user; the record moves to the trash
    Reject(Plain),
    /// Block a user; everything held stays
    #[command(after_help = "\
Example:
  muster user suspend ana --reason on_leave --note \"Back in spring\"")]
    Suspend(steps::Leave),
    /// Unblock a suspended user, or rehire a deprovisioned one
    Reactivate {
        #[command(flatten)]
        who: Who,
        /// New end date, whose day is included; needed if the present one has passed
        #[arg(long, value_name = "DATE", value_parser = moment)]
        valid_until: Option<GivenDate>,
        /// Give a rehired user the roles of before again
        #[arg(long)]
        with_roles: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Block a user who has left, and take roles away
    Deprovision(steps::Leave),
    /// Move a user to the trash, from where it can be restored
    Delete(steps::Confirmed),
    /// Bring a user back from the trash
    Restore(Plain),
    /// Delete a user in the trash for good
    Purge(steps::Confirmed),
    /// Show what a user did and what was done to them
    #[command(after_help = "\
Examples:
  muster user activity ana --kind sign_ins
  muster user activity ana --all --json")]
    Activity(privacy::Activity),
    /// Write all that is held on a user to a zip file
    #[command(after_help = "\
Example:
  muster user export-data ana --output ana.zip")]
    ExportData(privacy::ExportData),
    /// Show the receipt of a user who was deleted for good
    Receipt {
        /// The id that the user had
        #[arg(value_name = "ID")]
        user: String,
    },
    /// Refuse a user everything, until a time or until unlocked
    Lock {
        #[command(flatten)]
        who: Who,
        /// When the lock ends by itself, such as 2026-12-24 or 2026-12-24T08:00:00Z
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<GivenDate>,
        /// Why, for the other administrators
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// End a lock, also one by wrong passwords
    Unlock(Plain),
    /// Set a temporary password; a staged user becomes active
    SetPassword {
        #[command(flatten)]
        who: Who,
        /// Read the password from this file (- for standard input) instead of making one
        #[arg(long, value_name = "FILE")]
        password_file: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Make a user choose another password at the next sign-in
    RequirePasswordChange(Plain),
    /// Mail a user a link with which a new password is chosen
    #[command(after_help = "\
The link works once, for an hour. Somebody who was never active gets the activation mail or the invitation instead.")]
    SendResetLink(Plain),
    /// Give a user a role
    Grant(access::Grant),
    /// Take a role from a user
    Revoke(access::Revoke),
    /// Make a user an owner
    MakeAdmin(Plain),
    /// Make a user an owner no more
    RemoveAdmin(Plain),
    /// Give a user the roles and groups of somebody else
    #[command(after_help = "\
Example:
  muster user copy-access bo --from ana --dry-run")]
    CopyAccess(access::Copy),
}

/// Which user.
#[derive(Debug, Args)]
struct Who {
    /// Username, email or id
    #[arg(value_name = "WHO")]
    user: String,
}

/// A step that takes nothing else.
#[derive(Debug, Args)]
struct Plain {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    dry: DryRun,
}

/// What to list.
#[derive(Debug, Args)]
struct ListOptions {
    /// Any part of name, username, email, phone or employee number; accents and case don't matter
    #[arg(long, short, default_value = "", hide_default_value = true, value_name = "TEXT")]
    search: String,
    /// Only these statuses, such as suspended,locked; deprovisioned and deleted are hidden unless named
    #[arg(long, default_value = "", hide_default_value = true, value_name = "STATUS,…")]
    status: String,
    /// Only who holds this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Only who is in this group, directly or through other groups
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    #[arg(
        long,
        default_value = "name",
        allow_hyphen_values = true,
        help = "Order: name, username, last_sign_in or created; a - before it turns it around"
    )]
    sort: String,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "all")]
    limit: u32,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Somebody new.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Create {
    #[command(flatten)]
    fields: NewFields,
    /// A role to give; may be repeated
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    /// A group to join; may be repeated
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<String>,
    /// Make a temporary password and show it once
    #[arg(long, conflicts_with = "password_file")]
    generate_password: bool,
    /// Send a mail with which the user chooses a password and becomes active
    #[arg(long, conflicts_with_all = ["password_file", "generate_password"])]
    activation_mail: bool,
    /// Send an invitation
    #[arg(long, conflicts_with_all = ["password_file", "generate_password", "activation_mail"])]
    invite: bool,
    /// Read the first password from this file (- for standard input)
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
    /// With --password-file: the password need not be changed at the first sign-in
    #[arg(long, requires = "password_file")]
    keep_password: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// What to change.
#[derive(Debug, Args)]
struct Edit {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    fields: Fields,
    /// Only if the record still has this version (see `user show`)
    #[arg(long, value_name = "NUMBER")]
    if_version: Option<i64>,
    #[command(flatten)]
    dry: DryRun,
}

/// Reads a date or time of the command line.
pub(crate) fn moment(text: &str) -> Result<GivenDate, String> {
    text.parse().map_err(|error: Error| error.message().to_owned())
}

/// Does it.
pub(crate) async fn run(user: User, session: &Session) -> Result<()> {
    let org = user.org.org;
    let (past, deed, dry) = match user.verb {
        Verb::List(options) => return list(options, org, session).await,
        Verb::Delete(step) => {
            return steps::confirm(step, org, session, |confirm| Step::Delete { confirm }).await;
        }
        Verb::Purge(step) => {
            return steps::confirm(step, org, session, |confirm| Step::Purge { confirm }).await;
        }
        Verb::Activity(asked) => return privacy::activity(asked, org, session).await,
        Verb::ExportData(asked) => return privacy::export_data(asked, org, session).await,
        Verb::Receipt { user } => return privacy::receipt(user, org, session).await,
        Verb::Show(who) => ("", Deed::ShowUser { user: who.user }, DryRun { dry_run: false }),
        Verb::ExplainSignIn(who) => return explain(who.user, org, session).await,
        Verb::Create(create) => return self::create(*create, org, session).await,
        Verb::Edit(edit) => {
            let patch = edit.fields.patch(&mut References { org: &org, session }).await?;
            let deed = Deed::EditUser { user: edit.who.user, patch, version: edit.if_version };
            ("changed", deed, edit.dry)
        }
        Verb::SetPassword { who, password_file, dry } => {
            let password = password_file.as_deref().map(read_password).transpose()?;
            ("given a temporary password", Deed::SetPassword { user: who.user, password }, dry)
        }
        Verb::RequirePasswordChange(plain) => {
            let deed = Deed::RequirePasswordChange { user: plain.who.user };
            ("asked for another password", deed, plain.dry)
        }
        Verb::SendResetLink(plain) => {
            ("sent a link for a new password", Deed::SendResetLink { user: plain.who.user }, plain.dry)
        }
        Verb::Grant(grant) => grant.deed(),
        Verb::Revoke(revoke) => revoke.deed(),
        Verb::MakeAdmin(plain) => ("made an owner", Deed::MakeAdmin { user: plain.who.user }, plain.dry),
        Verb::RemoveAdmin(plain) => return access::remove_admin(plain, org, session).await,
        Verb::CopyAccess(copy) => return copy.run(org, session).await,
        step => steps::take(step)?,
    };
    let outcome = session.perform(org, dry.dry_run, deed).await?;
    print::outcome(outcome, past, dry.dry_run, session.json)
}

async fn create(create: Create, org: Option<String>, session: &Session) -> Result<()> {
    let password = match &create.password_file {
        Some(file) => {
            NewPassword::Chosen { password: read_password(file)?, must_change: !create.keep_password }
        }
        None if create.generate_password => NewPassword::Generated,
        None if create.activation_mail => NewPassword::Mail(Purpose::Activation),
        None if create.invite => NewPassword::Mail(Purpose::Invitation),
        None => NewPassword::None,
    };
    let fields = create.fields.read(&mut References { org: &org, session }).await?;
    let deed = Deed::CreateUser { fields, roles: create.roles, groups: create.groups, password };
    let outcome = session.perform(org.clone(), create.dry.dry_run, deed).await?;
    print::outcome(outcome, "created", create.dry.dry_run, session.json)
}

/// Says why somebody can't sign in.
async fn explain(user: String, org: Option<String>, session: &Session) -> Result<()> {
    match session.perform(org, false, Deed::ExplainSignIn { user: user.clone() }).await? {
        Outcome::Explanation(found) => print::explanation(&found, &user, session.json),
        other => unexpected(&other),
    }
}

/// Looks up the people that fields refer to.
struct References<'a> {
    org: &'a Option<String>,
    session: &'a Session,
}

impl References<'_> {
    async fn find(&mut self, user: String) -> Result<UserView> {
        let deed = Deed::ShowUser { user };
        match self.session.perform(self.org.clone(), false, deed).await? {
            Outcome::User(user) => Ok(*user),
            other => unexpected(&other),
        }
    }
}

/// A password from a file, or typed into the standard input: never an argument, which everybody on the host can see.
fn read_password(file: &str) -> Result<String> {
    let mut text = String::new();
    if file == "-" {
        let read = std::io::stdin().lock().read_line(&mut text);
        read.map_err(|error| failed("The password can't be read", error))?;
    } else {
        text = std::fs::read_to_string(file)
            .map_err(|error| failed(format_args!("{file} can't be read"), error))?;
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads as many pages as are asked for.
async fn list(options: ListOptions, org: Option<String>, session: &Session) -> Result<()> {
    // To refuse what can't be meant before anything is opened.
    UserQuery::default().ordered_by(&options.sort)?.with_statuses(&options.status)?;
    let most = if options.all { usize::MAX } else { usize::try_from(options.limit).unwrap_or(usize::MAX) };
    let mut runner = Runner::open(&session.config).await?;
    let mut found = Vec::new();
    let mut cursor = None;
    let common = loop {
        let limit = u16::try_from(most - found.len()).unwrap_or(u16::MAX).min(page::MAX_LIMIT);
        let question = List {
            search: options.search.clone(),
            statuses: options.status.clone(),
            role: options.role.clone(),
            group: options.group.clone(),
            order: options.sort.clone(),
            limit,
            cursor,
        };
        let command = Command {
            org: org.clone(),
            dry_run: false,
            end_secrets: 0,
            deed: Deed::ListUsers(Box::new(question)),
        };
        let (items, next, common) = match runner.run(command).await? {
            Outcome::Users { items, next, more_than } => (items, next, more_than),
            other => return unexpected(&other),
        };
        found.extend(items);
        cursor = next;
        if cursor.is_none() || found.len() >= most {
            break common;
        }
    };
    runner.close().await;
    print::list(&found, cursor.as_deref(), common, session.json)
}
