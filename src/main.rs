//! Muster: who belongs, what each person may do, where they are signed in, and proof of what happened.
//!
//! Reads the command line and hands over to `commands/`; what goes wrong is said once, here, and becomes the exit code.

mod bench;
mod cli;
mod command;
mod commands;
mod config;
mod demo;
mod execute;
mod log;
mod output;
mod problem;
mod runner;
mod socket;
mod times;
mod view;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let as_json = cli.global.json;
    match Box::pin(commands::run(cli)).await {
        Ok(code) => code,
        Err(error) if error.code() == output::CLOSED => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error, as_json);
            problem::exit_code(&error).into()
        }
    }
}
