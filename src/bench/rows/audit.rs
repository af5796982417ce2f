//! Row 16: what sealing entries and growing their tree costs beside writing them plainly, the last 50 of one user, and
//! verifying them all.

use super::{Action, Row};
use crate::bench::{
    context::Bench,
    figure::{Figure, Unit, now, to_float},
    load::always,
};
use app::{
    App,
    keys::Keys,
    system::{SystemClock, SystemEntropy},
};
use model::{
    Agent, Entropy as _, EntryId, Error, OrgContext, OrgId, Result, Timestamp,
    audit::{Changed, Changes, Door, Entry, seal::Seal},
};
use std::{path::Path, sync::Arc, time::Duration};
use store::{Attempt, Connection, Database, Lane, Proof};
use uuid::Uuid;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        16,
        "append audit entries with their tree (P: without)",
        Unit::PerSecond,
        "the difference ≤ 0.2 × row 1",
    )
    .limit(PLAIN)
    .ours(SEALED),
    Row::new(16, "the last 50 entries about a user", Unit::Microseconds, "p99 ≤ 2 ms").ours(LAST_FIFTY),
    Row::new(16, "verify the log, for each million entries", Unit::Seconds, "≤ 10 s").ours(VERIFY),
];

/// Entries in one transaction, as a group commit has them.
const GROUP: u64 = 100;

const PLAIN: Action = |bench| Box::pin(append(bench, false));
const SEALED: Action = |bench| Box::pin(append(bench, true));
const LAST_FIFTY: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        let somebody = muster.logins(1).await?;
        let path = format!("/api/v1/audit?limit=50&target={}", somebody[0].id);
        bench.load(&muster.server).alone().run(always(muster.get(&path))).await
    })
};

const VERIFY: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        let start = now();
        let entries = muster.verify_audit().await?;
        let elapsed = start.elapsed();
        let seconds = elapsed.as_secs_f64() / to_float(entries) * 1e6;
        let note =
            Some(format!("{entries} entries in {:.1} s, by the running server", elapsed.as_secs_f64()));
        Ok(Figure { note, ..Figure::of(seconds) })
    })
};

async fn append(bench: &Bench, sealed: bool) -> Result<Figure> {
    let directory = bench.options.directory.join(format!("muster-bench-audit-{}", std::process::id()));
    std::fs::create_dir_all(&directory).map_err(Error::internal)?;
    let figure = append_in(&directory, bench.options.seconds, sealed).await;
    std::fs::remove_dir_all(&directory).ok();
    figure
}

/// Appends for a while; with their tree, the last entry has its place when the time is taken.
async fn append_in(directory: &Path, how_long: Duration, sealed: bool) -> Result<Figure> {
    let url = format!("sqlite:{}", directory.join("audit.db").display());
    let database = Database::open(&store::Options::new(url)).await?;
    database.migrate().await?;
    let options = app::Options::new(app::hashing::Options::standard(), Keys::new([7; 32]), String::new());
    let app = App::new(database.clone(), Arc::new(SystemClock), Arc::new(SystemEntropy), options);
    let context = OrgContext::from(OrgId(Uuid::from_u128(1)));
    let (start, mut sequenced, mut operations) = (now(), now(), 0);
    while start.elapsed() < how_long {
        let work = async move |connection: &mut Connection<'_>| {
            for _ in 0..GROUP {
                write(connection, context, sealed).await?;
            }
            Ok(Attempt::Commit(()))
        };
        let proof = Proof { org: context.org, entry: EntryId(Uuid::nil()) };
        database.transaction(proof, Lane::Interactive, work, |(), _| ()).await?;
        operations += GROUP;
        if sealed && sequenced.elapsed() > Duration::from_secs(1) {
            app.sequence_all().await?;
            sequenced = now();
        }
    }
    if sealed {
        app.sequence_all().await?;
    }
    let figure = Figure { operations, elapsed: start.elapsed(), ..Figure::default() };
    app.close().await;
    Ok(figure)
}

async fn write(connection: &mut Connection<'_>, context: OrgContext, sealed: bool) -> Result<()> {
    let entry = entry();
    if !sealed {
        return store::probe::plain_entry(connection, context, &entry).await;
    }
    let mut salts = [[0; 32]; 2];
    for salt in &mut salts {
        SystemEntropy.fill(salt);
    }
    let seal = Seal::new(&entry, salts[0], salts[1], false);
    let leaf = seal.leaf(context.org, &entry);
    let mac = Keys::new([7; 32]).derive("audit entry", &[context.org.0.as_bytes(), &leaf]);
    store::audit::append(connection, context, &entry, &seal, &leaf, &mac).await
}

/// An entry as the creation of a user writes it.
fn entry() -> Entry {
    let at = Timestamp::from_micros(1_795_161_600_000_000);
    let value = |text: &str| Changed { before: serde_json::Value::Null, after: text.into() };
    let fields = [
        ("email", "p@probe.example"),
        ("family_name", "Lindqvist"),
        ("given_name", "Amara"),
        ("username", "p"),
    ];
    let changes: Changes = fields.map(|(field, text)| (field.to_owned(), value(text))).into();
    Entry {
        id: EntryId::new(model::Clock::now(&SystemClock), &SystemEntropy),
        at,
        event: "user.created".to_owned(),
        actor: Agent::Operator,
        actor_name: "operator".to_owned(),
        target_type: "user".to_owned(),
        target: model::id::new_uuid(at, &SystemEntropy),
        target_name: "Amara Lindqvist".to_owned(),
        changes,
        reason: String::new(),
        request_id: "VrhmLP84vF9IajFP".to_owned(),
        address: "192.0.2.1".to_owned(),
        door: Door::Api,
        erased_at: None,
    }
}
