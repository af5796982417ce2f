//! `muster serve --demo`: an organization to look around in, made through the ordinary operations.
//!
//! Who the people are is `src/demo.rs`; here they are created, invited, suspended and so on in the order in which it
//! "happened", under a clock that moves from years ago to now. What was once made is left alone at the next start.

mod clock;
mod groups;
mod history;

use std::{fmt::Write as _, net::SocketAddr, sync::Arc};

use app::{Actor, App, hashing, system::SystemEntropy};
use clock::DemoClock;
use history::History;
use model::{Clock as _, Kind, Org, Result, Timestamp};
use serde_json::{Map, Value};
use store::Database;

use crate::{
    config::Config,
    demo::{DemoPerson, DemoState, people},
};

/// The organization.
const SLUG: &str = "demo";
const NAME: &str = "Lindqvist & Okafor";
/// Its name until everybody is there: a demonstration that was interrupted is completed at the next start.
const BEING_MADE: &str = "Demonstration, being made";
/// The database, unless another one is set.
const DATABASE: &str = "sqlite:./muster-data/demo.db";
/// What everybody signs in with who can.
pub(super) const PASSWORD: &str = "welcome-to-muster";

/// Uses the demonstration's own database, unless one is set.
pub(crate) fn prepare(config: &mut Config) {
    if config.is_default("database.url") {
        DATABASE.clone_into(&mut config.database_url);
    }
}

/// The address to click: browsers treat `localhost` as a secure place.
pub(crate) fn url(config: &Config, bound: SocketAddr) -> String {
    match &config.public_url {
        None if bound.ip().is_loopback() => format!("http://localhost:{}", bound.port()),
        _ => config.url_for(bound),
    }
}

/// Who can sign in, for the sign-in page.
pub(crate) fn sign_ins() -> web::Demo {
    let shown = |(person, role): (DemoPerson, &str)| (person.username, PASSWORD.to_owned(), role.to_owned());
    web::Demo { people: able(&people()).into_iter().map(shown).collect() }
}

/// What to click and how to sign in.
pub(crate) fn welcome(url: &str) -> String {
    let mut text = format!("{NAME}, 1,000 invented people: {url}/o/{SLUG}/users\n\nSign in as\n");
    for (person, role) in able(&people()) {
        let _ = writeln!(text, "  {:<28} {role}", person.username);
    }
    text + &format!(
        "with the password {PASSWORD}. Whoever can reach this address can do that.\n\n\
         Mail goes nowhere but here: {url}/demo/mailbox"
    )
}

/// The people who can sign in, with what they are there for.
fn able(people: &[DemoPerson]) -> Vec<(DemoPerson, &'static str)> {
    let holds = |person: &&DemoPerson, role: &str| person.roles.iter().any(|held| held == role);
    let plain = |person: &&DemoPerson| person.roles.is_empty() && person.state == DemoState::Active;
    let found = [
        (people.first(), "Owner"),
        (people.iter().find(|person| holds(person, "helpdesk")), "Helpdesk"),
        (people.iter().rev().find(plain), "Member"),
    ];
    found.into_iter().filter_map(|(person, role)| Some((person?.clone(), role))).collect()
}

/// Makes the organization and its people, unless that is done.
pub(crate) async fn fill(database: &Database, config: &Config) -> Result<()> {
    let clock = Arc::new(DemoClock::at(app::system::SystemClock.now()));
    let now = clock.now();
    // Passwords that nobody knows need not be costly; those that are printed are hashed as usual.
    let cheap = hashing::Options { memory: 64, passes: 1, ..config.hashing };
    let keys = config.keys()?;
    let with = |hashing| {
        let options = app::Options::new(hashing, keys.clone(), config.url_for(config.listen));
        App::new(database.clone(), clock.clone(), Arc::new(SystemEntropy), options)
    };
    clock.stand(history::founded(now));
    let (app, costly) = (with(cheap), with(config.hashing));
    let org = match app.org(SLUG).await {
        Ok(org) if org.name != BEING_MADE => return Ok(()),
        Ok(org) => org,
        Err(error) if error.kind() == Kind::NotFound => {
            Arc::new(app.create_org(BEING_MADE, SLUG, false).await?)
        }
        Err(error) => return Err(error),
    };
    tracing::info!("making the demonstration's 1,000 people; this takes a moment");
    let people = people();
    let able: Vec<String> = able(&people).into_iter().map(|(person, _)| person.username).collect();
    let mut history = History::new(&people, now);
    let making =
        Making { app: &app, costly: &costly, clock: &clock, org: &org, people: &people, able: &able };
    history.happen(&making).await?;
    clock.stand(now);
    groups::make(&making).await?;
    finish(&app, &org).await
}

/// What the past is made with.
struct Making<'m> {
    app: &'m App,
    /// Hashes passwords that somebody knows.
    costly: &'m App,
    clock: &'m DemoClock,
    org: &'m Org,
    people: &'m [DemoPerson],
    /// The usernames of those who can sign in.
    able: &'m [String],
}

async fn finish(app: &App, org: &Org) -> Result<()> {
    let name = Map::from_iter([("name".to_owned(), Value::from(NAME))]);
    app.edit_org(&Actor::operator(org.id.into()), name, None).await.map(drop)
}

/// The moment some days before `now`, at a time of day that differs from person to person.
fn moment(now: Timestamp, days_ago: u32, person: usize) -> Timestamp {
    let spread = u64::try_from(person).unwrap_or_default() * 7919 % 86_400;
    now.minus(std::time::Duration::from_secs(u64::from(days_ago) * 86_400 + spread))
}
