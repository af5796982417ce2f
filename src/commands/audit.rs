//! `muster audit`: reading and exporting the audit log, verifying it, proving entries to others.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use app::audit::{
    export::Format,
    verify::{Alarm, Report},
};
use clap::{Args, Subcommand};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use model::{
    Error, Kind, Result,
    audit::{Entry, query::AuditQuery},
    given_date::GivenDate,
    page,
};

use super::{Session, unexpected, user::moment};
use crate::{
    cli::InOrg,
    command::{AuditList, Command, Deed, Outcome},
    execute::verify,
    output::{self, Table},
    runner::Runner,
    times,
    view::OrgView,
};

/// The audit log.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    org: InOrg,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Print entries, the newest first
    #[command(after_help = "\
Examples:
  muster audit list --target ana@acme.example --since 2026-11-01
  muster audit list --event sign_in.failed --limit 200")]
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many, 1 to 200
        #[arg(long, default_value_t = 50)]
        limit: u16,
    },
    /// Write all entries that match to the standard output, the newest first
    #[command(after_help = "\
Examples:
  muster audit export > audit.jsonl
  muster audit export --format csv --since 2026-01-01 > audit.csv")]
    Export {
        #[command(flatten)]
        filter: Filter,
        /// jsonl or csv
        #[arg(long, default_value = "jsonl")]
        format: String,
    },
    /// Recompute everything and say what is not as it was written; of all organizations, unless --org names one
    #[command(after_help = "\
Examples:
  muster audit verify
  muster audit verify --org acme --checkpoint /mnt/elsewhere/acme-2026.txt

Without --checkpoint the log is compared with the checkpoints that this server has kept itself (audit.directory).
Exit code 1 if anything is wrong.")]
    Verify {
        /// A file of checkpoints that was kept elsewhere
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Prove that an entry is in the log, for somebody who does not trust this server
    Prove {
        /// The entry's id
        entry: String,
        /// Of the log when it had so many entries, as an older checkpoint says
        #[arg(long, value_name = "SIZE")]
        checkpoint: Option<u64>,
    },
    /// Accept that a log lacks entries, or is not what this server knew of it; the reason becomes a sealed entry
    #[command(after_help = "\
After a restored backup or a fail-over that lost the last entries, the log is behind its newest head in audit.directory:
entries are written, but get no places, and owners are told. Find out why first.

Examples:
  muster audit accept-loss --reason 'Restored from the backup of 2026-11-20 after the disk failed'")]
    AcceptLoss {
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Print the key with which others check checkpoints
    Key,
}

/// Which entries.
#[derive(Debug, Clone, Args)]
struct Filter {
    /// By whom: username, email, id, operator or system
    #[arg(long)]
    actor: Option<String>,
    /// About whom: username, email or id
    #[arg(long)]
    target: Option<String>,
    /// Events that begin so: user., token.created
    #[arg(long)]
    event: Option<String>,
    /// From then on: 2026-11-20T08:00:00Z, or a day in the organization's time zone such as 2026-11-20
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<GivenDate>,
    /// Before that time, or up to the end of that day
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<GivenDate>,
    /// From this address
    #[arg(long)]
    address: Option<String>,
    /// Of the request with this id
    #[arg(long)]
    request: Option<String>,
}

/// Does it.
pub(crate) async fn run(audit: Audit, session: &Session) -> Result<ExitCode> {
    let org = audit.org.org;
    match audit.verb {
        Verb::List { filter, limit } => list(session, org, filter, limit).await?,
        Verb::Export { filter, format } => export(session, org, filter, &format).await?,
        Verb::Verify { checkpoint } => return verify_all(session, org, checkpoint.as_deref()).await,
        Verb::Prove { entry, checkpoint } => {
            let deed = Deed::ProveEntry { entry: entry.parse()?, size: checkpoint };
            match session.perform(org, false, deed).await? {
                Outcome::Proof(proof) => output::json(&proof)?,
                other => return unexpected(&other),
            }
        }
        Verb::AcceptLoss { reason } => {
            match session.perform(org, false, Deed::AcceptAuditLoss { reason }).await? {
                Outcome::AcceptedLoss(loss) if session.json => output::json(&loss)?,
                Outcome::AcceptedLoss(loss) => output::line(format!(
                    "Accepted. The log was known to have {} entries and goes on from {}.",
                    HumanCount(loss.known),
                    HumanCount(loss.kept)
                ))?,
                other => return unexpected(&other),
            }
        }
        Verb::Key => match session.perform(org, false, Deed::AuditKey).await? {
            Outcome::AuditKey(key) if session.json => output::json(&serde_json::json!({ "key": key }))?,
            Outcome::AuditKey(key) => output::line(key)?,
            other => return unexpected(&other),
        },
    }
    Ok(ExitCode::SUCCESS)
}

impl Filter {
    fn asked(self, limit: u16) -> AuditList {
        let query = AuditQuery {
            event: self.event,
            address: self.address,
            request_id: self.request,
            limit,
            ..AuditQuery::default()
        };
        let Self { actor, target, since, until, .. } = self;
        AuditList { actor, target, since, until, query, export: None }
    }
}

async fn list(session: &Session, org: Option<String>, filter: Filter, limit: u16) -> Result<()> {
    let deed = Deed::ListAudit(Box::new(filter.asked(page::limit(Some(limit))?)));
    match session.perform(org, false, deed).await? {
        Outcome::Audit { items, next, .. } if session.json => {
            output::json(&serde_json::json!({ "items": items, "next": next }))
        }
        Outcome::Audit { items, next, .. } => {
            let mut table = Table::new(["TIME", "EVENT", "BY", "ABOUT", "FROM", "ID"]);
            for entry in &items {
                table.row(cells(entry));
            }
            if table.is_empty() {
                output::note("No entry matches.");
            } else {
                output::write(&table.to_string())?;
            }
            if next.is_some() {
                output::note(
                    "There are older ones: narrow it down with --until, or use muster audit export.",
                );
            }
            Ok(())
        }
        other => unexpected(&other),
    }
}

fn cells(entry: &Entry) -> [String; 6] {
    let (by, about) = (entry.actor_name.clone(), entry.target_name.clone());
    [times::second(entry.at), entry.event.clone(), by, about, entry.address.clone(), entry.id.to_string()]
}

async fn export(session: &Session, org: Option<String>, filter: Filter, format: &str) -> Result<()> {
    let mut asked = filter.asked(200);
    let format = Format::named(format)?;
    let mut runner = Runner::open(&session.config).await?;
    let mut written = 0_u64;
    asked.export = Some(format.ending().to_owned());
    output::write(&format.heading())?;
    let bar = spinner("exporting");
    let done = loop {
        let deed = Deed::ListAudit(Box::new(asked.clone()));
        let (items, next) =
            match runner.run(Command { org: org.clone(), dry_run: false, end_secrets: 0, deed }).await {
                Ok(Outcome::Audit { items, next, .. }) => (items, next),
                Ok(other) => break unexpected(&other),
                Err(error) => break Err(error),
            };
        let mut text = String::new();
        for entry in &items {
            format.write(entry, &mut text)?;
        }
        output::write(&text)?;
        written += items.len() as u64;
        bar.set_message(format!("{} entries", HumanCount(written)));
        if next.is_none() {
            break Ok(());
        }
        (asked.export, asked.query.before) = (None, next);
    };
    bar.finish_and_clear();
    runner.close().await;
    done
}

/// Verifies one organization or all of them; one after the other, each with its checkpoints.
async fn verify_all(session: &Session, org: Option<String>, file: Option<&Path>) -> Result<ExitCode> {
    let mut runner = Runner::open(&session.config).await?;
    let command = Command { org: None, dry_run: false, end_secrets: 0, deed: Deed::ListOrgs };
    let orgs = match runner.run(command).await? {
        Outcome::Orgs(orgs) => orgs,
        other => return unexpected(&other),
    };
    let wanted: Vec<OrgView> =
        orgs.into_iter().filter(|known| org.as_ref().is_none_or(|slug| *slug == known.slug)).collect();
    if let (Some(slug), true) = (&org, wanted.is_empty()) {
        let message = format!("There is no organization {slug}. `muster org list` shows all.");
        return Err(Error::new(Kind::NotFound, "org.unknown", message));
    }
    if file.is_some() && wanted.len() > 1 {
        let message = "A file holds the checkpoints of one organization. Say which with --org.";
        return Err(Error::new(Kind::Invalid, "org.ambiguous", message));
    }
    let mut reports = Vec::new();
    for org in wanted {
        let checkpoints = checkpoints(session, &org, file)?;
        reports.push(verify_one(&mut runner, &org.slug, checkpoints).await?);
    }
    runner.close().await;
    if session.json {
        output::json(&serde_json::json!({ "items": reports }))?;
    } else {
        for report in &reports {
            output::write(&told(report))?;
        }
    }
    Ok(if reports.iter().all(Report::is_clean) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The checkpoints to compare with: of the file that was named, or those that this server has kept.
fn checkpoints(session: &Session, org: &OrgView, file: Option<&Path>) -> Result<String> {
    let own = session.config.checkpoint_directory().join(format!("{}.txt", org.id));
    match std::fs::read_to_string(file.unwrap_or(&own)) {
        Ok(text) => Ok(text),
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            output::note(format!(
                "{}: no checkpoints at {}; entries that were cut off its end can't be missed.",
                org.slug,
                own.display()
            ));
            Ok(String::new())
        }
        Err(error) => {
            let message = format!("{} can't be read: {error}.", file.unwrap_or(&own).display());
            Err(Error::new(Kind::Invalid, "checkpoint.unreadable", message))
        }
    }
}

async fn verify_one(runner: &mut Runner, slug: &str, checkpoints: String) -> Result<Report> {
    if let Runner::Here(app) = runner {
        let bar = progress(slug);
        let report = verify(app, Some(slug), &checkpoints, |done, of| {
            bar.set_length(of);
            bar.set_position(done);
        })
        .await;
        bar.finish_and_clear();
        return report;
    }
    let bar = spinner(slug);
    let deed = Deed::VerifyAudit { checkpoints };
    let outcome =
        runner.run(Command { org: Some(slug.to_owned()), dry_run: false, end_secrets: 0, deed }).await;
    bar.finish_and_clear();
    match outcome? {
        Outcome::Verified(report) => Ok(*report),
        other => unexpected(&other),
    }
}

/// A report for people.
fn told(report: &Report) -> String {
    use std::fmt::Write as _;
    let Report { org, entries, waiting, erased, late, checkpoints, losses, .. } = report;
    let mut text = String::new();
    let verdict = if report.is_clean() { "as it was written" } else { "NOT as it was written" };
    let _ = writeln!(text, "{org}: {verdict}");
    let count = |count: &u64| HumanCount(*count).to_string();
    let _ = writeln!(
        text,
        "  {} entries recomputed, {} of them not in the tree yet, compared with {} checkpoints",
        count(entries),
        count(waiting),
        count(checkpoints)
    );
    if *erased > 0 {
        let _ = writeln!(
            text,
            "  {} lack personal values that were erased, as the log itself says",
            count(erased)
        );
    }
    if *late > 0 {
        let _ = writeln!(text, "  {} are older than sealing: guarded since Muster was upgraded", count(late));
    }
    if *losses > 0 {
        let _ = writeln!(
            text,
            "  {} losses were accepted on the host: audit.loss_accepted says why",
            count(losses)
        );
    }
    let _ = writeln!(text, "  root {}", report.root);
    for Alarm { code, entry, place, message } in &report.alarms {
        let entry = entry.map_or_else(String::new, |id| format!(" entry {id}"));
        let place = place.map_or_else(String::new, |place| format!(" at {place}"));
        let _ = writeln!(text, "  {code}:{entry}{place}\n    {message}");
    }
    if report.more_alarms > 0 {
        let _ = writeln!(text, "  … and {} more", count(&report.more_alarms));
    }
    text
}

fn progress(slug: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} %  {human_pos} of {human_len}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.with_prefix(slug.to_owned())
}

fn spinner(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_prefix(what.to_owned());
    let style = ProgressStyle::with_template("{spinner} {prefix} {msg} {elapsed}");
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
