//! `muster user activity | export-data | receipt`: what somebody did, all that is held on somebody, and what is left to
//! show when it was erased.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, builder::PossibleValuesParser};
use model::{Error, Result, activity::Kind};

use super::{Session, Who, unexpected};
use crate::{
    command::{Command, Deed, Outcome},
    output::{self, Table},
    problem::failed,
    runner::Runner,
    times::minute,
    view::ActivityView,
};

/// Which part of somebody's activity.
#[derive(Debug, Args)]
pub(super) struct Activity {
    #[command(flatten)]
    who: Who,
    /// Only this kind
    #[arg(long, value_parser = kinds())]
    kind: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "all")]
    limit: u32,
    /// All of it
    #[arg(long)]
    all: bool,
}

/// Where to put the data.
#[derive(Debug, Args)]
pub(super) struct ExportData {
    #[command(flatten)]
    who: Who,
    /// The zip file to write; must not be there yet
    #[arg(long, value_name = "FILE")]
    output: String,
}

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(Kind::ALL.iter().map(|kind| kind.as_str()))
}

/// Reads as many pages as are asked for, newest first.
pub(super) async fn activity(asked: Activity, org: Option<String>, session: &Session) -> Result<()> {
    let most = if asked.all { usize::MAX } else { usize::try_from(asked.limit).unwrap_or(usize::MAX) };
    let kind = asked.kind.as_deref().and_then(Kind::parse);
    let mut runner = Runner::open(&session.config).await?;
    let (mut found, mut before): (Vec<ActivityView>, _) = (Vec::new(), None);
    loop {
        let limit = u16::try_from(most - found.len()).unwrap_or(u16::MAX).min(model::page::MAX_LIMIT);
        let deed = Deed::Activity { user: asked.who.user.clone(), kind, before, limit };
        let command = Command { org: org.clone(), dry_run: false, end_secrets: 0, deed };
        let (items, older) = match runner.run(command).await? {
            Outcome::Activity { items, older } => (items, older),
            other => return unexpected(&other),
        };
        found.extend(items);
        before = older;
        if before.is_none() || found.len() >= most {
            break;
        }
    }
    runner.close().await;
    if session.json {
        return output::json(&serde_json::json!({ "items": found, "older": before }));
    }
    let mut table = Table::new(["TIME", "WHAT", "FROM"]);
    for item in &found {
        let from = if item.address.is_empty() { "-" } else { &item.address };
        table.row([minute(item.at), item.sentence.clone(), from.to_owned()]);
    }
    if table.is_empty() {
        output::note("Nothing of this kind has happened.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    if before.is_some() {
        output::note(format!("{} shown; there is more. Use --limit or --all.", found.len()));
    }
    Ok(())
}

/// Writes all that is held on a person to a file that only its owner can read.
pub(super) async fn export_data(asked: ExportData, org: Option<String>, session: &Session) -> Result<()> {
    let refused = |error| failed(format_args!("{} can't be written", asked.output), error);
    // Before anything is noted in the audit log.
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&asked.output).map_err(refused)?;
    let written = async {
        let content = match session.perform(org, false, Deed::ExportData { user: asked.who.user }).await? {
            Outcome::File { content } => STANDARD.decode(content).map_err(Error::internal)?,
            other => return unexpected(&other),
        };
        file.write_all(&content).and_then(|()| file.sync_all()).map_err(refused)?;
        Ok(content.len())
    };
    match written.await {
        Ok(size) if session.json => output::json(&serde_json::json!({ "file": asked.output, "size": size })),
        Ok(size) => output::line(format!("{} was written ({size} bytes).", asked.output)),
        Err(error) => {
            // What was begun is nothing that anybody could want.
            std::fs::remove_file(&asked.output).ok();
            Err(error)
        }
    }
}

/// Shows the receipt of an erasure.
pub(super) async fn receipt(user: String, org: Option<String>, session: &Session) -> Result<()> {
    match session.perform(org, false, Deed::ShowReceipt { user: user.parse()? }).await? {
        Outcome::Receipt(receipt) if session.json => output::json(&receipt),
        Outcome::Receipt(receipt) => output::write(&receipt.text()),
        other => unexpected(&other),
    }
}
