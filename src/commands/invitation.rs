//! `muster invitation`: invite people, look after what is out.

use clap::{Args, Subcommand};
use model::{
    Error, Kind, Result, given_date::GivenDate, invitation::InvitationStatus,
    invitation_query::InvitationQuery, invitee, page,
};

use super::{Session, unexpected, user::moment};
use crate::{
    cli::{DryRun, InOrg},
    command::{Command, Deed, InvitationStep, Invitations, Outcome, ToInvite},
    output::{self, Table},
    problem::usage,
    runner::Runner,
    times::day,
    view::InvitationView,
};

/// Invitations. WHO is the username, email or id of who is invited.
#[derive(Debug, Args)]
pub(crate) struct Invitation {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with invitations.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List invitations: what is out and what has become of it
    #[command(after_help = "\
Examples:
  muster invitation list --status expired
  muster invitation list --expires-within 48
  muster invitation list --status pending,undeliverable --older-than 3 --json")]
    List(ListOptions),
    /// Invite people; each address gets a mail with a link of its own
    #[command(after_help = "\
Examples:
  muster invitation send ana@acme.example --role helpdesk --message \"See you on Monday.\"
  muster invitation send \"Ana Silva <ana@acme.example>\" bo@acme.example --expires-in 72")]
    Send(Send),
    /// Send an invitation again, or the first one to a staged user: a new link and a new end
    Resend {
        /// Username, email or id
        #[arg(value_name = "WHO", required_unless_present = "all_expired", conflicts_with = "all_expired")]
        user: Option<String>,
        /// All that have expired
        #[arg(long)]
        all_expired: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Remind somebody; the link that is out stays good
    Remind(One),
    /// Take an invitation back; its links are dead
    Cancel(One),
    /// Print the link, to hand over by other means; that is recorded
    Link {
        /// Username, email or id
        #[arg(value_name = "WHO")]
        user: String,
    },
}

/// One invitation.
#[derive(Debug, Args)]
struct One {
    /// Username, email or id
    #[arg(value_name = "WHO")]
    user: String,
    #[command(flatten)]
    dry: DryRun,
}

/// What to list.
#[derive(Debug, Args)]
struct ListOptions {
    /// Any part of the name, username or address of who is invited
    #[arg(long, short, default_value = "", hide_default_value = true, value_name = "TEXT")]
    search: String,
    /// Only these: pending, expired, undeliverable, accepted, cancelled
    #[arg(long, default_value = "", hide_default_value = true, value_name = "STATUS,…")]
    status: String,
    /// Only those that end within so many hours
    #[arg(long, value_name = "HOURS")]
    expires_within: Option<u16>,
    /// Only open ones that were made more than so many days ago
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u16>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "all")]
    limit: u32,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Whom to invite, and how.
#[derive(Debug, Args)]
struct Send {
    /// Addresses, with or without names
    #[arg(value_name = "EMAIL", required = true)]
    addresses: Vec<String>,
    /// A role to give; may be repeated
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    /// A group to join; may be repeated
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    groups: Vec<String>,
    /// Words to the invitee
    #[arg(long, default_value = "", hide_default_value = true)]
    message: String,
    /// Hours until it expires, 1 to 2160; the organization's usual time if left out
    #[arg(long, value_name = "HOURS")]
    expires_in: Option<i64>,
    /// When the account ends; a date such as 2026-12-24 includes its day in the organization's time zone
    #[arg(long, value_name = "DATE", value_parser = moment)]
    valid_until: Option<GivenDate>,
    /// As guests: never administrators, with --valid-until
    #[arg(long, requires = "valid_until")]
    guest: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// Does it.
pub(crate) async fn run(invitation: Invitation, session: &Session) -> Result<()> {
    let org = invitation.org.org;
    let step = |user: String, step| Deed::Invitation { user, step };
    let (past, deed, dry_run) = match invitation.verb {
        Verb::List(options) => return list(options, org, session).await,
        Verb::Send(send) => return self::send(send, org, session).await,
        Verb::Resend { user: None, dry, .. } => return resend_expired(org, dry.dry_run, session).await,
        Verb::Resend { user: Some(user), dry, .. } => {
            ("sent", step(user, InvitationStep::Resend), dry.dry_run)
        }
        Verb::Remind(one) => {
            ("followed by a reminder", step(one.user, InvitationStep::Remind), one.dry.dry_run)
        }
        Verb::Cancel(one) => ("cancelled", step(one.user, InvitationStep::Cancel), one.dry.dry_run),
        Verb::Link { user } => ("", step(user, InvitationStep::Link), false),
    };
    match session.perform(org, dry_run, deed).await? {
        Outcome::Link(url) if session.json => output::json(&serde_json::json!({ "url": url })),
        Outcome::Link(url) => output::line(url),
        Outcome::User(user) if session.json => output::json(&user),
        Outcome::User(user) if dry_run => {
            output::line(format!("The invitation of {} would be {past}. Nothing was changed.", user.name()))
        }
        Outcome::User(user) => output::line(format!("The invitation of {} was {past}.", user.name())),
        other => unexpected(&other),
    }
}

async fn send(send: Send, org: Option<String>, session: &Session) -> Result<()> {
    let list = invitee::list(&send.addresses.join("\n"));
    if list.is_empty() {
        return usage("Name at least one email address.");
    }
    let typed: Vec<String> = list.iter().map(|invitee| invitee.typed.clone()).collect();
    let list = ToInvite {
        list: list.into_iter().map(|one| (one.address, one.given_name, one.family_name)).collect(),
        roles: send.roles,
        groups: send.groups,
        message: send.message,
        expires_in_hours: send.expires_in,
        valid_until: send.valid_until,
        guest: send.guest,
    };
    let dry_run = send.dry.dry_run;
    let verdicts = match session.perform(org, dry_run, Deed::Invite(Box::new(list))).await? {
        Outcome::Invited(verdicts) => verdicts,
        other => return unexpected(&other),
    };
    let refused = verdicts.iter().filter(|verdict| verdict.refused.is_some()).count();
    if session.json {
        output::json(&serde_json::json!({ "verdicts": verdicts, "dry_run": dry_run }))?;
    } else {
        for (typed, verdict) in typed.iter().zip(&verdicts) {
            match &verdict.refused {
                Some(why) => output::note(format!("{typed}: {why}")),
                None => output::line(format!(
                    "{typed}: {}",
                    if dry_run { "would be invited" } else { "invited" }
                ))?,
            }
        }
    }
    if refused == 0 {
        return Ok(());
    }
    let message = format!("{refused} of {} were not invited.", verdicts.len());
    Err(Error::new(Kind::Conflict, "invitation.refused", message))
}

async fn resend_expired(org: Option<String>, dry_run: bool, session: &Session) -> Result<()> {
    let mut runner = Runner::open(&session.config).await?;
    let (mut sent, mut refused) = (0, Vec::new());
    loop {
        let command = Command { org: org.clone(), dry_run, end_secrets: 0, deed: Deed::ResendExpired };
        let (now, not, left) = match runner.run(command).await? {
            Outcome::Resent { sent, refused, left } => (sent, refused, left),
            other => return unexpected(&other),
        };
        sent += now;
        refused.extend(not);
        // What is refused stays expired: another round would meet it again.
        if dry_run || now == 0 || left == 0 {
            break;
        }
    }
    runner.close().await;
    if session.json {
        return output::json(&serde_json::json!({ "sent": sent, "refused": refused, "dry_run": dry_run }));
    }
    for why in &refused {
        output::note(why);
    }
    let noun = if sent == 1 { "invitation" } else { "invitations" };
    output::line(if dry_run {
        format!("{sent} {noun} would be sent again. Nothing was changed.")
    } else {
        format!("{sent} {noun} sent again, {} refused.", refused.len())
    })
}

async fn list(options: ListOptions, org: Option<String>, session: &Session) -> Result<()> {
    // To refuse what can't be meant before anything is opened.
    InvitationQuery::default().with_statuses(&options.status)?;
    let most = if options.all { usize::MAX } else { usize::try_from(options.limit).unwrap_or(usize::MAX) };
    let mut runner = Runner::open(&session.config).await?;
    let mut found: Vec<InvitationView> = Vec::new();
    let mut cursor = None;
    loop {
        let limit = u16::try_from(most - found.len()).unwrap_or(u16::MAX).min(page::MAX_LIMIT);
        let question = Invitations {
            search: options.search.clone(),
            statuses: options.status.clone(),
            expires_within_hours: options.expires_within,
            older_than_days: options.older_than,
            limit,
            cursor,
        };
        let deed = Deed::ListInvitations(Box::new(question));
        let (items, next) =
            match runner.run(Command { org: org.clone(), dry_run: false, end_secrets: 0, deed }).await? {
                Outcome::Invitations { items, next } => (items, next),
                other => return unexpected(&other),
            };
        found.extend(items);
        cursor = next;
        if cursor.is_none() || found.len() >= most {
            break;
        }
    }
    runner.close().await;
    if session.json {
        return output::json(&serde_json::json!({ "items": found, "next_page_token": cursor }));
    }
    let mut table = Table::new(["EMAIL", "NAME", "STATUS", "MAIL", "SENT", "EXPIRES", "BY"]);
    for one in &found {
        let mail = if one.status == InvitationStatus::Undeliverable && !one.delivery_why.is_empty() {
            format!("{}: {}", one.delivery, one.delivery_why)
        } else {
            one.delivery.to_string()
        };
        table.row([
            one.email.clone().unwrap_or_else(|| "-".to_owned()),
            one.name.clone().unwrap_or_else(|| "-".to_owned()),
            one.status.to_string(),
            mail,
            day(Some(one.sent_at)),
            day(Some(one.expires_at)),
            one.invited_by_name.clone(),
        ]);
    }
    if table.is_empty() {
        output::note("No invitation is like that.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    if cursor.is_some() {
        output::note(format!("{} shown; there are more. Use --limit or --all.", found.len()));
    }
    Ok(())
}
