//! The commands by noun: each reads its arguments, has a `Command` done, and prints what came of it.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod bootstrap;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod geo;
pub(crate) mod group;
pub(crate) mod import;
pub(crate) mod invitation;
pub(crate) mod mail;
pub(crate) mod migrate;
pub(crate) mod org;
pub(crate) mod permission;
pub(crate) mod recover_owner;
pub(crate) mod role;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;

use std::process::ExitCode;

use model::{Error, Result, access::OWNER_WARNING};

use crate::{
    bench,
    cli::{Cli, Global, Noun},
    command::{Command, Deed, Outcome},
    config::Config,
    log, output,
    runner::Runner,
};

/// Does what the command line says; answers the exit code where that is no error's.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    let Cli { global, command } = cli;
    match command {
        Noun::Version => return version(&global).map(|()| ExitCode::SUCCESS),
        Noun::Bench(options) => return bench::run(options).await.map(|()| ExitCode::SUCCESS),
        Noun::Config(verb) => return config::run(verb, &global).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let config = Config::load(global.config.as_deref())?;
    if let Noun::Serve(options) = command {
        return serve::run(options, config).await.map(|()| ExitCode::SUCCESS);
    }
    log::start_quiet();
    if let Noun::Geo(verb) = command {
        return geo::run(verb, &config, global.json).map(|()| ExitCode::SUCCESS);
    }
    let session = Session { config, json: global.json, end_secrets: global.end_secrets };
    match command {
        Noun::Migrate => migrate::run(&session).await?,
        Noun::Org(verb) => org::run(verb, &session).await?,
        Noun::User(user) => Box::pin(user::run(user, &session)).await?,
        Noun::Group(group) => return group::run(group, &session).await,
        Noun::Role(role) => role::run(role, &session).await?,
        Noun::Permission(permission) => permission::run(permission, &session).await?,
        Noun::Invitation(invitation) => invitation::run(invitation, &session).await?,
        Noun::Import(options) => return import::run(options, &session).await,
        Noun::Mail(mail) => mail::run(mail, &session).await?,
        Noun::Token(token) => token::run(token, &session).await?,
        Noun::Access(access) => access::run(access, &session).await?,
        Noun::Session(sessions) => session::run(sessions, &session).await?,
        Noun::Audit(audit) => return audit::run(audit, &session).await,
        Noun::RecoverOwner(options) => recover_owner::run(options, &session).await?,
        Noun::Doctor => return doctor::run(&session).await,
        Noun::Serve(_) | Noun::Version | Noun::Bench(_) | Noun::Config(_) | Noun::Geo(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What a command knows of how it was called.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) json: bool,
    /// So many secrets that others made may end.
    pub(crate) end_secrets: u64,
}

impl Session {
    /// Has one thing done.
    async fn perform(&self, org: Option<String>, dry_run: bool, deed: Deed) -> Result<Outcome> {
        // Making an organization is how one begins; anything else in the wrong folder would leave a database there.
        let begins = matches!(deed, Deed::CreateOrg { .. });
        let mut runner = if begins {
            Runner::open_or_make(&self.config).await?
        } else {
            Runner::open(&self.config).await?
        };
        if deed.makes_owner() && !self.json {
            output::note(OWNER_WARNING);
        }
        let outcome = runner.run(Command { org, dry_run, end_secrets: self.end_secrets, deed }).await;
        runner.close().await;
        match outcome? {
            Outcome::Foreseen { outcome, impact } => {
                if !self.json {
                    access::foretell(&impact);
                }
                Ok(*outcome)
            }
            other => Ok(other),
        }
    }
}

/// The answer was of another sort than the question: client and server differ.
fn unexpected<T>(outcome: &Outcome) -> Result<T> {
    Err(Error::internal(format_args!("an answer to another question: {outcome:?}")))
}

fn version(global: &Global) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if global.json {
        output::json(&serde_json::json!({ "version": version }))
    } else {
        output::line(format!("muster {version}"))
    }
}
