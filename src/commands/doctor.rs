//! `muster doctor`: is everything all right, and what to do if not.
//!
//! What only the process that holds the database can know is found out there (`examine`), through the socket if a
//! server runs; the rest is looked at from here.

use std::{path::Path, process::ExitCode};

use app::{App, audit::guard::LATE, clock::ClockFinding, mails::OLD, system::SystemClock};
use connect::smtp::Server;
use model::{
    Agent, Clock as _, OrgContext, Result, Timestamp,
    page::{MAX_LIMIT, Reader},
    token::{TokenFilter, TokenQuery},
};
use store::{Connection, Engine, Writing};

use super::Session;
use crate::{
    command::{Command, Deed, Outcome},
    config::Config,
    output::{self, Table},
    runner::Runner,
    view::{Check, Health},
};

/// Less free space than this deserves a word, and than that stops work soon.
const LITTLE_SPACE: u64 = 1024 * 1024 * 1024;
const NO_SPACE: u64 = 100 * 1024 * 1024;
/// So many powerful tokens are named.
const SHOWN_TOKENS: usize = 5;
/// Clocks that differ by more make dates wrong.
const CLOCK_SLACK: u64 = 5;
/// 2026-01-01: before Muster was there, a clock is not set.
const EARLIEST: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Looks, and prints; the exit code says whether something fails.
pub(crate) async fn run(session: &Session) -> Result<ExitCode> {
    let config = &session.config;
    let mut checks = settings(config);
    checks.push(clock());
    checks.extend(config.database_file().map(|file| disk(&file)));
    checks.push(mail(config).await);
    match Runner::open(config).await {
        Ok(mut runner) => {
            checks.push(server(config, runner.is_server()));
            let command = Command { org: None, dry_run: false, end_secrets: 0, deed: Deed::Examine };
            match runner.run(command).await {
                Ok(Outcome::Checks(found)) => checks.extend(found),
                Ok(other) => return super::unexpected(&other),
                Err(error) => checks.push(Check::fail("database", error.message(), "See the server's log.")),
            }
            runner.close().await;
        }
        Err(error) if error.code() == "database.none" => {
            let advice =
                "`muster serve` makes one; if yours is elsewhere, call this in its folder, or with --config.";
            checks.push(Check::warn("database", "there is none yet", advice));
        }
        Err(error) => {
            let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            let advice = "Look at database.url with `muster config print`.";
            checks.push(Check::fail("database", format!("{}{detail}", error.message()), advice));
        }
    }
    print(&checks, session.json)?;
    let failed = checks.iter().any(|check| check.health == Health::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(checks: &[Check], as_json: bool) -> Result<()> {
    if as_json {
        return output::json(&serde_json::json!({ "checks": checks }));
    }
    let mut table = Table::new(["", "WHAT", "FINDING"]);
    for check in checks {
        let health = match check.health {
            Health::Ok => "ok",
            Health::Warn => "warn",
            Health::Fail => "FAIL",
        };
        let advice = if check.advice.is_empty() { String::new() } else { format!(" -> {}", check.advice) };
        table.row([health.to_owned(), check.what.clone(), format!("{}{advice}", check.finding)]);
    }
    output::write(&table.to_string())
}

fn settings(config: &Config) -> Vec<Check> {
    let advice = super::config::advice(config);
    if advice.is_empty() {
        return vec![Check::ok("settings", "can be used")];
    }
    let warn = |advice: String| {
        let (finding, what_to_do) = advice.split_once(": ").unwrap_or((&advice, ""));
        Check::warn("settings", finding, what_to_do)
    };
    advice.into_iter().map(warn).collect()
}

fn clock() -> Check {
    let now = SystemClock.now();
    if now < EARLIEST {
        let advice = "Set this machine's clock; sign-ins and dates depend on it.";
        return Check::fail("clock", format!("says {now}"), advice);
    }
    Check::ok("clock", format!("says {now}"))
}

fn disk(file: &Path) -> Check {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A directory that is not there yet will be made in the first one that is.
    let existing = directory.ancestors().find(|directory| directory.exists()).unwrap_or(Path::new("."));
    let free = match rustix::fs::statvfs(existing) {
        Ok(space) => space.f_bavail.saturating_mul(space.f_frsize),
        Err(error) => {
            return Check::warn("disk", format!("{} can't be looked at: {error}", existing.display()), "");
        }
    };
    let finding = format!("{} free for {}", indicatif::HumanBytes(free), file.display());
    match free {
        ..NO_SPACE => Check::fail("disk", finding, "Make room: writing stops when the disk is full."),
        NO_SPACE..LITTLE_SPACE => Check::warn("disk", finding, "Make room soon."),
        _ => Check::ok("disk", finding),
    }
}

fn server(config: &Config, is_server: bool) -> Check {
    match config.socket() {
        Some(path) if is_server => Check::ok("server", format!("answers on {}", path.display())),
        Some(path) => Check::ok("server", format!("none runs with this database (no {})", path.display())),
        None => Check::ok("server", "commands go to the database directly"),
    }
}

/// Connects and signs in, as a mail would; sends none.
async fn mail(config: &Config) -> Check {
    let Some(options) = config.mail() else {
        let advice =
            "Set mail.server and mail.from; without them nobody gets an invitation or a link by mail.";
        return Check::warn("mail", "no mail server is set", advice);
    };
    let server = options.server.clone();
    let tested = match Server::new(options) {
        Ok(server) => server.test().await,
        Err(error) => Err(error),
    };
    match tested {
        Ok(()) => Check::ok("mail", format!("{server} takes our mail")),
        Err(error) => Check::fail("mail", error.message(), "Mail waits meanwhile and goes out later."),
    }
}

/// What only the process that holds the database knows.
pub(crate) async fn examine(app: &App) -> Vec<Check> {
    let mut checks = vec![engine(app).await, schema(app).await];
    checks.push(match app.database().writing() {
        Writing::Possible => Check::ok("writing", "possible"),
        Writing::Full => {
            let advice = "Make room on the disk of the database; writing goes on by itself within seconds.";
            Check::fail("writing", "waits for room: the disk is full", advice)
        }
        Writing::Hanging => {
            let advice = "Look at PostgreSQL: is a standby gone that must confirm every commit?";
            Check::fail("writing", "the last commit had no answer", advice)
        }
        Writing::Stopped => {
            let advice = "Look at the disk, then restart Muster.";
            Check::fail("writing", "has stopped after a failed commit", advice)
        }
    });
    checks.extend(steps(app).await);
    checks.extend(forwarding(app));
    checks.push(jobs(app).await);
    checks.push(mail_queue(app).await);
    checks.extend(owners(app).await);
    checks.extend(audit(app).await);
    checks
}

/// The audit logs: what is missing, what waits, and whether heads can be kept.
async fn audit(app: &App) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err(error) = app.try_audit_directory() {
        let advice = "Until then the loss of the latest entries could not be noticed.";
        checks.push(Check::fail("audit log", error.message(), advice));
    }
    for vanished in app.vanished_logs().await.unwrap_or_default() {
        let advice = format!(
            "Its id was {}. If there is an explanation, `muster audit accept-loss --org … --reason …` in any organization.",
            vanished.org
        );
        checks.push(Check::fail("audit log", vanished.message(), advice));
    }
    let orgs = app.orgs().await.unwrap_or_default();
    for org in orgs {
        let slug = &org.slug;
        let (troubles, waits) = match app.audit_health(org.id).await {
            Ok(health) => health,
            Err(error) => {
                checks.push(Check::fail("audit log", format!("{slug}: {}", error.message()), ""));
                continue;
            }
        };
        let advice = format!(
            "`muster audit verify --org {slug}`; if there is an explanation, `muster audit accept-loss --org {slug} \
             --reason …`"
        );
        for trouble in &troubles {
            checks.push(Check::fail("audit log", format!("{slug}: {}", trouble.message), advice.clone()));
        }
        if troubles.is_empty() && waits > LATE {
            let finding =
                format!("{slug}: an entry waits for its place for {}", indicatif::HumanDuration(waits));
            checks.push(Check::warn("audit log", finding, "Does `muster serve` run? See its log."));
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok("audit log", "nothing that is known is missing"));
    }
    checks
}

/// What trusted proxies say about where requests come from, if the server could not read some of it.
fn forwarding(app: &App) -> Option<Check> {
    let (count, last) = app.unreadable_forwardings();
    let finding =
        format!("{count} parts of X-Forwarded-For could not be read since the start, the last: {last}");
    let advice = "Let the proxy write addresses there; until then these requests count as the proxy's own.";
    (count > 0).then(|| Check::warn("proxy", finding, advice))
}

async fn engine(app: &App) -> Check {
    let facts = match app.database().read(async |connection| store::health::facts(connection).await).await {
        Ok(facts) => facts,
        Err(error) => {
            return Check::fail("database", error.message(), "Look at database.url and the database's log.");
        }
    };
    if app.database().engine() == Engine::Sqlite {
        return Check::ok("database", format!("embedded, SQLite {}", facts.version));
    }
    let finding = format!("PostgreSQL {}", facts.version);
    let apart = facts.clock.map_or(0, |clock| clock.since(app.now()).max(app.now().since(clock)).as_secs());
    if !facts.has_trigrams {
        let advice = "CREATE EXTENSION pg_trgm; searching is slow without it.";
        Check::fail("database", format!("{finding}, without pg_trgm"), advice)
    } else if matches!(facts.ctype.as_str(), "C" | "POSIX") {
        let advice = "Make the database anew with a UTF-8 locale such as C.UTF-8, or names in other scripts are found slowly.";
        Check::warn("database", format!("{finding}, LC_CTYPE {}", facts.ctype), advice)
    } else if apart > CLOCK_SLACK {
        Check::warn("database", format!("{finding}, its clock is {apart} s away"), "Synchronize both clocks.")
    } else {
        Check::ok("database", finding)
    }
}

async fn schema(app: &App) -> Check {
    match app.database().pending_migrations().await {
        Ok(0) => Check::ok("schema", "up to date"),
        Ok(many) => Check::fail("schema", format!("{many} migrations wait"), "Run `muster migrate`."),
        Err(error) => Check::fail("schema", error.message(), ""),
    }
}

/// Whether the clock was set, or differs from other nodes'.
async fn steps(app: &App) -> Option<Check> {
    let lasting =
        |micros: i64| indicatif::HumanDuration(std::time::Duration::from_micros(micros.unsigned_abs()));
    let advice = "Keep this machine's clock synchronized, for example with chrony or systemd-timesyncd.";
    match app.clock_finding().await {
        Ok(ClockFinding::Fine) => None,
        Ok(ClockFinding::Apart(by)) => {
            let side = if by < 0 { "behind" } else { "ahead of" };
            Some(Check::fail("clock", format!("{} {side} that of other nodes", lasting(by)), advice))
        }
        Ok(ClockFinding::WasSet(at, by)) => {
            let way = if by < 0 { "back" } else { "forward" };
            let finding = format!(
                "was set {way} by {} at {at}; what was left of locks and limits counted on from then",
                lasting(by)
            );
            Some(Check::warn("clock", finding, advice))
        }
        Err(error) => Some(Check::fail("clock", error.message(), "")),
    }
}

async fn jobs(app: &App) -> Check {
    match app.database().read(async |connection| store::jobs::dead(connection).await).await {
        Ok(0) => Check::ok("jobs", "none has been given up"),
        Ok(many) => {
            Check::warn("jobs", format!("{many} were given up after many tries"), "See the server's log.")
        }
        Err(error) => Check::fail("jobs", error.message(), ""),
    }
}

async fn mail_queue(app: &App) -> Check {
    match app.mail_queue().await {
        Ok((_, Some(age))) if age > OLD => {
            let finding = format!("the oldest mail waits for {}", indicatif::HumanDuration(age));
            Check::warn("mail", finding, "See why with `muster mail list --state deferred`.")
        }
        Ok((0, _)) => Check::ok("mail", "none waits"),
        Ok((many, _)) => Check::ok("mail", format!("{many} on the way")),
        Err(error) => Check::fail("mail", error.message(), ""),
    }
}

/// The API tokens of an organization that may do everything that their user may.
async fn powerful_tokens(app: &App, org: &model::Org) -> Option<Check> {
    let (context, now) = (OrgContext::from(org.id), app.now());
    let reader = Reader::new(context, Agent::Operator);
    let query = TokenQuery { reader, filter: TokenFilter::Everything, limit: MAX_LIMIT, cursor: None };
    let read = async move |connection: &mut Connection<'_>| {
        store::token_list::page(connection, context, &query, now).await
    };
    let page = match app.database().read(read).await {
        Ok(page) if page.items.is_empty() => return None,
        Ok(page) => page,
        Err(error) => return Some(Check::fail("tokens", error.message(), "")),
    };
    let more = if page.next.is_some() { "more than " } else { "" };
    let named =
        |listed: &store::token_list::Listed| format!("{} ({})", listed.token.name, listed.holder.username);
    let shown: Vec<String> = page.items.iter().take(SHOWN_TOKENS).map(named).collect();
    let rest = if page.items.len() > SHOWN_TOKENS { ", …" } else { "" };
    let finding = format!(
        "{more}{} in {} may do everything that their user may: {}{rest}",
        page.items.len(),
        org.slug,
        shown.join(", ")
    );
    let advice = format!("muster token list --filter everything --org {}; give them scopes", org.slug);
    Some(Check::warn("tokens", finding, advice))
}

async fn owners(app: &App) -> Vec<Check> {
    let orgs = match app.orgs().await {
        Ok(orgs) => orgs,
        Err(error) => return vec![Check::fail("organizations", error.message(), "")],
    };
    if orgs.is_empty() {
        let advice = "`muster serve` prints a set-up page; or `muster org create NAME --slug SLUG`.";
        return vec![Check::warn("organizations", "there is none yet", advice)];
    }
    let mut checks = vec![Check::ok("organizations", orgs.len().to_string())];
    for org in orgs {
        let (context, now) = (OrgContext::from(org.id), app.now());
        let read = async |connection: &mut Connection<'_>| {
            store::access::has_able_owner(connection, context, now).await
        };
        match app.database().read(read).await {
            Ok(false) => {
                let advice = format!("muster recover-owner EMAIL --org {}", org.slug);
                checks.push(Check::fail("owner", format!("nobody can administer {}", org.slug), advice));
            }
            Ok(true) => {}
            Err(error) => checks.push(Check::fail("owner", error.message(), "")),
        }
        checks.extend(powerful_tokens(app, &org).await);
    }
    checks
}
