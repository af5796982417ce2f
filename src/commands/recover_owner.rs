//! `muster recover-owner`: the way back in when no owner can sign in.

use clap::Args;
use model::Result;

use super::{Session, unexpected};
use crate::{
    cli::InOrg,
    command::{Deed, Outcome},
    output,
};

/// Who is to be the owner.
#[derive(Debug, Args)]
#[command(after_help = "\
Whoever it is becomes an active owner with a new password, which must be changed at the first sign-in; suspension, \
locks and end dates are lifted. Somebody who is not there yet is created. The audit log says that the operator did it.

Example:
  muster recover-owner ana@acme.example --org acme")]
pub(crate) struct Options {
    /// Username or email
    user: String,
    #[command(flatten)]
    org: InOrg,
}

/// Does it.
pub(crate) async fn run(options: Options, session: &Session) -> Result<()> {
    let deed = Deed::RecoverOwner { user: options.user };
    match session.perform(options.org.org, false, deed).await? {
        Outcome::Password { user, password, .. } if session.json => {
            output::json(&serde_json::json!({ "user": user, "password": password }))
        }
        Outcome::Password { user, password, .. } => output::line(format!(
            "{} ({}) is an owner and can sign in with this password, once:\n\n  {}\n\nIt must be changed then.",
            user.name(),
            user.username(),
            password.unwrap_or_default()
        )),
        other => unexpected(&other),
    }
}
