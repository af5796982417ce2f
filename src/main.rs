//! Muster: who belongs, what each person may do, where they are signed in, and proof of what happened.

mod bench;
#[cfg_attr(not(test), expect(dead_code, reason = "wired with the command line"))]
mod demo;

use clap::Parser;
use std::process::ExitCode;

/// The user-management server.
#[derive(Parser)]
enum Command {
    /// Measure Muster against what this machine could do at best
    Bench(bench::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Bench(options) = Command::parse();
    match bench::run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{}", error.detail().unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}
