//! The steps of a user's life on the command line.

use std::io::{BufRead as _, IsTerminal as _};

use clap::{Args, builder::PossibleValuesParser};
use model::{
    Error, Kind, Result,
    lifecycle::{Awaited, Reason},
};

use super::{References, Session, Verb, Who, print};
use crate::{
    cli::DryRun,
    command::{Deed, Step},
    problem::{failed, usage},
    view::UserView,
};

/// A step with a reason.
#[derive(Debug, Args)]
pub(super) struct Leave {
    #[command(flatten)]
    who: Who,
    /// Why, for reports
    #[arg(long, default_value = "other", value_parser = reasons())]
    reason: String,
    /// More words, at most 500 characters
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    dry: DryRun,
}

/// The step of a pending user that is complete.
#[derive(Debug, Args)]
pub(super) struct Approve {
    #[command(flatten)]
    who: Who,
    /// Which step is complete
    #[arg(long, default_value = "approval", value_parser = awaited())]
    step: String,
    #[command(flatten)]
    dry: DryRun,
}

/// A step that wants the email typed.
#[derive(Debug, Args)]
pub(super) struct Confirmed {
    #[command(flatten)]
    who: Who,
    /// The user's email (a service user's username), to confirm; asked for in a terminal
    #[arg(long, value_name = "EMAIL")]
    confirm: Option<String>,
    #[command(flatten)]
    dry: DryRun,
}

fn awaited() -> PossibleValuesParser {
    PossibleValuesParser::new(Awaited::ALL.iter().map(|awaited| awaited.as_str()))
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(Reason::ALL.iter().map(|reason| reason.as_str()))
}

/// The steps that only need to be named.
pub(super) fn take(verb: Verb) -> Result<(&'static str, Deed, DryRun)> {
    let (past, who, step, dry) = match verb {
        Verb::Suspend(leave) => {
            let step = Step::Suspend { reason: reason(&leave.reason)?, note: leave.note };
            ("suspended", leave.who, step, leave.dry)
        }
        Verb::Deprovision(leave) => {
            let step = Step::Deprovision { reason: reason(&leave.reason)?, note: leave.note };
            ("deprovisioned", leave.who, step, leave.dry)
        }
        Verb::Reactivate { who, valid_until, with_roles, dry } => {
            ("reactivated", who, Step::Reactivate { valid_until, with_roles }, dry)
        }
        Verb::Activate(plain) => ("activated", plain.who, Step::Activate, plain.dry),
        Verb::Approve(Approve { who, step, dry }) => {
            let awaited = Awaited::parse(&step).unwrap_or(Awaited::Approval);
            ("approved", who, Step::Settle { awaited }, dry)
        }
        Verb::Reject(plain) => ("rejected", plain.who, Step::Reject, plain.dry),
        Verb::Restore(plain) => ("restored", plain.who, Step::Restore, plain.dry),
        Verb::Unlock(plain) => ("unlocked", plain.who, Step::Unlock, plain.dry),
        Verb::Lock { who, until, note, dry } => ("locked", who, Step::Lock { until, note }, dry),
        _ => return usage("This is no step in a user's life."),
    };
    Ok((past, Deed::MoveUser { user: who.user, step }, dry))
}

fn reason(name: &str) -> Result<Reason> {
    Reason::parse(name)
        .ok_or_else(|| Error::new(Kind::Invalid, "usage", format!("There is no reason {name}.")))
}

/// Steps that can't be taken by mistake: the email is typed.
pub(super) async fn confirm(
    step: Confirmed,
    org: Option<String>,
    session: &Session,
    make: impl FnOnce(String) -> Step,
) -> Result<()> {
    let (user, dry_run) = (step.who.user, step.dry.dry_run);
    let confirm = match step.confirm {
        Some(confirm) => confirm,
        None if std::io::stdin().is_terminal() => {
            let found = References { org: &org, session }.find(user.clone()).await?;
            ask(&found)?
        }
        None => {
            let message = "Type the user's email with --confirm EMAIL.";
            return Err(Error::new(Kind::PreconditionRequired, "user.not_confirmed", message));
        }
    };
    let step = make(confirm);
    let past = if matches!(step, Step::Purge { .. }) { "deleted for good" } else { "moved to the trash" };
    let outcome = session.perform(org, dry_run, Deed::MoveUser { user, step }).await?;
    print::outcome(outcome, past, dry_run, session.json)
}

fn ask(user: &UserView) -> Result<String> {
    let expected = user.fields.email.as_deref().unwrap_or_else(|| user.username());
    crate::output::note(format!("{} is {}. Type {expected} to confirm:", user.name(), user.status));
    let mut typed = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut typed)
        .map_err(|error| failed("The answer can't be read", error))?;
    Ok(typed.trim().to_owned())
}
