//! Roles and owners on the command line: give, take, copy from somebody else.

use clap::Args;
use model::{Result, given_date::GivenDate};

use super::{
    super::{Session, unexpected},
    Plain, Who, moment, print,
};
use crate::{
    cli::DryRun,
    command::{Deed, Outcome, Span},
    output,
    view::CopiedView,
};

/// A role to give.
#[derive(Debug, Args)]
pub(super) struct Grant {
    #[command(flatten)]
    who: Who,
    /// Which role
    #[arg(value_name = "ROLE")]
    role: String,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Over this group only: the group, what stands in it, and everybody there
    #[arg(long, value_name = "GROUP")]
    over: Option<String>,
    /// When it begins; a date means its first moment in the organization's time zone
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<GivenDate>,
    /// When it ends by itself; a date includes its day in the organization's time zone
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<GivenDate>,
    #[command(flatten)]
    dry: DryRun,
}

impl Grant {
    /// What is asked for, in words for afterwards.
    pub(super) fn deed(self) -> (&'static str, Deed, DryRun) {
        let terms = Span { reason: self.reason, from: self.from, until: self.until };
        let deed = Deed::GrantRole { user: self.who.user, role: self.role, over: self.over, terms };
        ("given the role", deed, self.dry)
    }
}

/// A role to take.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    who: Who,
    /// Which role
    #[arg(value_name = "ROLE")]
    role: String,
    /// Held over this group
    #[arg(long, value_name = "GROUP")]
    over: Option<String>,
    #[command(flatten)]
    dry: DryRun,
}

impl Revoke {
    /// The same.
    pub(super) fn deed(self) -> (&'static str, Deed, DryRun) {
        let deed = Deed::RevokeRole { user: self.who.user, role: self.role, over: self.over };
        ("relieved of the role", deed, self.dry)
    }
}

/// Makes somebody an owner no more.
pub(super) async fn remove_admin(plain: Plain, org: Option<String>, session: &Session) -> Result<()> {
    let dry_run = plain.dry.dry_run;
    match session.perform(org, dry_run, Deed::RemoveAdmin { user: plain.who.user }).await? {
        Outcome::NoOwner { user, still_through } if session.json => {
            output::json(&serde_json::json!({ "user": user, "still_owner_through": still_through }))
        }
        Outcome::NoOwner { user, still_through } => {
            let through = still_through.join(", ");
            print::outcome(Outcome::User(user), "made an owner no more", dry_run, false)?;
            if !through.is_empty() {
                output::note(format!("Still an owner through {through}."));
            }
            Ok(())
        }
        other => unexpected(&other),
    }
}

/// Whose access to give.
#[derive(Debug, Args)]
pub(super) struct Copy {
    #[command(flatten)]
    who: Who,
    /// From whom: username, email or id
    #[arg(long, value_name = "WHO")]
    from: String,
    /// Give for good what ends for the other
    #[arg(long)]
    without_ends: bool,
    /// Give what can be given, though something can't
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    dry: DryRun,
}

impl Copy {
    /// Does it.
    pub(super) async fn run(self, org: Option<String>, session: &Session) -> Result<()> {
        let Self { who, from, without_ends, partial, dry } = self;
        let deed = Deed::CopyAccess { from, to: who.user, keep_ends: !without_ends, partial };
        match session.perform(org, dry.dry_run, deed).await? {
            Outcome::Copied(copied) if session.json => output::json(&copied),
            Outcome::Copied(copied) => say(&copied, dry.dry_run),
            other => unexpected(&other),
        }
    }
}

fn say(copied: &CopiedView, dry_run: bool) -> Result<()> {
    let verb = if dry_run { "Would give" } else { "Gave" };
    let given = if copied.given.is_empty() { "nothing".to_owned() } else { copied.given.join(", ") };
    output::line(format!("{verb} {}: {given}.", copied.user))?;
    if !copied.held_already.is_empty() {
        output::note(format!("Held already: {}.", copied.held_already.join(", ")));
    }
    for refused in &copied.not_given {
        output::note(format!("Not given: {}. {}", refused.what, refused.why));
    }
    Ok(())
}
