//! `muster bench`: Muster measured against what this machine could do at best, in the same minutes.
//!
//! Each row of the table runs limit, ours, limit for several rounds and answers the ratio, since machines differ and are
//! noisy. Owns the measuring; the goals are the project's, and nothing here fails because a machine is slow.

mod client;
mod context;
mod figure;
mod histogram;
mod load;
mod muster;
mod probes;
mod process;
mod report;
mod rows;

use context::Bench;
use model::{Error, Kind, Result};
use report::{Measured, Report, Round};
use rows::Row;
use std::{path::PathBuf, time::Duration};

/// How to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// How often each row runs limit, ours, limit
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each of the three runs, in seconds
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Which rows of the table to run (0 = the bare limits); all unless given
    #[arg(long, value_delimiter = ',')]
    rows: Vec<u8>,
    /// How many users to load before measuring
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    users: u64,
    /// How many callers at once
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Where to put the databases: the disk that is measured
    #[arg(long, default_value = ".")]
    directory: PathBuf,
    /// An empty PostgreSQL database for the rows that need one, such as `postgres://muster@localhost/bench`
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Print JSON instead of a table
    #[arg(skip)]
    json: bool,
    /// Be the bare web server that the checks are compared with
    #[arg(long, hide = true)]
    probe_hello: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds, such as 3 or 0.5".to_owned())?;
    if (0.01..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("between 0.01 and 3600 seconds".to_owned())
    }
}

/// Measures and prints.
pub(crate) async fn run(options: Options) -> Result<()> {
    if options.probe_hello {
        return probes::hello().await;
    }
    let rows: Vec<Row> = rows::all()
        .into_iter()
        .filter(|row| options.rows.is_empty() || options.rows.contains(&row.number))
        .collect();
    if rows.is_empty() {
        return Err(Error::new(
            Kind::Invalid,
            "bench.rows",
            "There is no such row. Run without --rows for all.",
        ));
    }
    let mut report = Report::new(options.json);
    let mut bench = Bench::new(options)?;
    report.start(&bench.options)?;
    for row in rows {
        let measured = measure(&mut bench, row).await?;
        report.row(&measured)?;
    }
    report.finish()
}

/// Limit, ours, limit, as many rounds as wanted; a row without one of them runs the other alone.
async fn measure(bench: &mut Bench, row: Row) -> Result<Measured> {
    let mut rounds = Vec::new();
    if row.postgres && bench.options.postgres.is_none() {
        return Ok(Measured { row, rounds });
    }
    for _ in 0..bench.options.rounds {
        let mut round = Round::default();
        if let Some(limit) = row.limit {
            round.before = Some(limit(bench).await?);
        }
        if let Some(ours) = row.ours {
            round.ours = Some(ours(bench).await?);
            if let Some(limit) = row.limit {
                round.after = Some(limit(bench).await?);
            }
        }
        rounds.push(round);
        if row.once {
            break;
        }
    }
    Ok(Measured { row, rounds })
}
