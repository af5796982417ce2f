//! `muster mail`: how mail stands, what could not be sent and why, sending it again, a test.

use std::time::Duration;

use clap::{Args, Subcommand};
use model::{Result, mail::MailState};

use super::{Session, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{Command, Deed, Outcome},
    output::{self, Table},
    runner::Runner,
    times::minute,
    view::{MailStatusView, MailView},
};

/// Mail.
#[derive(Debug, Args)]
pub(crate) struct Mail {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with mail.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Say whether mail goes out, and how much waits
    Status,
    /// List mails, the newest first; never what they say
    #[command(after_help = "\
Examples:
  muster mail list --state failed
  muster mail list --state deferred --limit 200 --json")]
    List {
        /// Only those that stand so: queued, deferred, failed, sent or cancelled
        #[arg(long, value_parser = state)]
        state: Option<MailState>,
        /// How many, at most 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// The page after this one, as the list before printed it
        #[arg(long, value_name = "TOKEN")]
        page: Option<String>,
    },
    /// Send a failed or deferred mail again, or all that failed
    #[command(after_help = "\
Examples:
  muster mail retry 019a3f52-7d6c-7b1e-8000-000000000000
  muster mail retry --all               all that were given up
  muster mail retry --all --deferred    those too that would be tried again later")]
    Retry {
        /// Which mail; `muster mail list` shows the ids
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        mail: Option<String>,
        /// All that failed
        #[arg(long)]
        all: bool,
        /// With --all: those too that wait for their next try
        #[arg(long, requires = "all")]
        deferred: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Send a test mail, and say what became of it
    Test {
        /// Where to
        address: String,
    },
}

/// How long a test is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn state(text: &str) -> std::result::Result<MailState, String> {
    MailState::parse(text).ok_or_else(|| "choose queued, deferred, failed, sent or cancelled".to_owned())
}

/// Does it.
pub(crate) async fn run(mail: Mail, session: &Session) -> Result<()> {
    let org = mail.org.org;
    match mail.verb {
        Verb::Status => match session.perform(org, false, Deed::MailStatus).await? {
            Outcome::MailStatus(status) => print_status(&status, session.json),
            other => unexpected(&other),
        },
        Verb::List { state, limit, page } => {
            let deed = Deed::ListMails { state, limit, cursor: page };
            match session.perform(org, false, deed).await? {
                Outcome::Mails { items, next } => print_list(&items, next.as_deref(), session.json),
                other => unexpected(&other),
            }
        }
        Verb::Retry { mail, all: _, deferred, dry } => {
            let deed = match mail {
                Some(mail) => Deed::RetryMail { mail },
                None => Deed::RetryMails { deferred },
            };
            match session.perform(org, dry.dry_run, deed).await? {
                Outcome::Retried(many) if session.json => {
                    output::json(&serde_json::json!({ "retried": many }))
                }
                Outcome::Retried(0) => output::line("No mail has failed."),
                Outcome::Retried(many) if dry.dry_run => {
                    output::line(format!("Would send {} again. Nothing was changed.", mails(many)))
                }
                Outcome::Retried(many) => output::line(format!("{} will be sent again now.", mails(many))),
                other => unexpected(&other),
            }
        }
        Verb::Test { address } => test(org, address, session).await,
    }
}

fn mails(many: usize) -> String {
    if many == 1 { "1 mail".to_owned() } else { format!("{many} mails") }
}

/// Sends a test and waits for what becomes of it.
async fn test(org: Option<String>, address: String, session: &Session) -> Result<()> {
    let mut runner = Runner::open(&session.config).await?;
    let outcome = wait_for_test(&mut runner, org, address).await;
    runner.close().await;
    let mail = outcome?;
    if session.json {
        return output::json(&mail);
    }
    let why = if mail.why.is_empty() { String::new() } else { format!(": {}", mail.why) };
    output::line(format!("{} to {}{why}", mail.state.label(), mail.address))?;
    match mail.state {
        MailState::Sent => Ok(()),
        MailState::Queued => output::line("It waits for a server: start `muster serve`."),
        _ => output::line(
            "Look at the mail settings with `muster config print`; `muster doctor` tries the server.",
        ),
    }
}

async fn wait_for_test(runner: &mut Runner, org: Option<String>, address: String) -> Result<MailView> {
    let test = Command { org: org.clone(), dry_run: false, end_secrets: 0, deed: Deed::TestMail { address } };
    let mut mail = match runner.run(test).await? {
        Outcome::Mail(mail) => mail,
        other => return unexpected(&other),
    };
    runner.send_mail().await?;
    let mut ask =
        async |deed| runner.run(Command { org: org.clone(), dry_run: false, end_secrets: 0, deed }).await;
    let mut waited = Duration::ZERO;
    while mail.state == MailState::Queued && waited < PATIENCE {
        let pause = Duration::from_millis(250);
        tokio::time::sleep(pause).await;
        waited += pause;
        mail = match ask(Deed::ShowMail { mail: mail.id.to_string() }).await? {
            Outcome::Mail(mail) => mail,
            other => return unexpected(&other),
        };
    }
    Ok(mail)
}

fn print_status(status: &MailStatusView, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(status);
    }
    let carrier = status.carrier.as_deref().unwrap_or("nothing: no mail server is configured (mail.server)");
    let time = |at: Option<model::Timestamp>| at.map_or("never".to_owned(), minute);
    let mut table = Table::new(["WHAT", "STANDS"]);
    let mut row = |what: &str, stands: String| table.row([what.to_owned(), stands]);
    row("sent through", carrier.to_owned());
    row("last success", time(status.last_sent_at));
    let why = status.last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    row("last error", format!("{}{why}", time(status.last_error_at)));
    let age = status.queue_age_seconds.map(|age| format!(", the oldest for {} minutes", age / 60));
    row("queued", format!("{}{}", status.queued, age.unwrap_or_default()));
    row("deferred", status.deferred.to_string());
    row("failed", status.failed.to_string());
    row("sent", format!("{} in the last 30 days", status.sent));
    output::write(&table.to_string())
}

fn print_list(items: &[MailView], next: Option<&str>, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(&serde_json::json!({ "items": items, "next_page_token": next }));
    }
    let mut table = Table::new(["ID", "ADDRESS", "KIND", "STATE", "ASKED FOR", "TRIES", "WHY"]);
    for mail in items {
        table.row([
            mail.id.to_string(),
            mail.address.clone(),
            mail.kind.to_string(),
            mail.state.to_string(),
            minute(mail.created_at),
            mail.attempts.to_string(),
            mail.why.clone(),
        ]);
    }
    if table.is_empty() {
        return output::line("No mails.");
    }
    output::write(&table.to_string())?;
    if let Some(next) = next {
        output::note(format!("More: --page {next}"));
    }
    Ok(())
}
