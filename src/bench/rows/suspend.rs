//! Row 12: someone is suspended or signed out while the session is in use; what is still accepted afterwards, here and on
//! another node.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use super::{Action, Row};
use crate::bench::{
    client::Client,
    figure::{Figure, Unit, now, to_float},
    muster::{Login, Muster},
};
use model::{Error, Result};
use serde_json::json;

pub(super) const ROWS: &[Row] = &[
    Row::new(12, "accepted after a revocation, of 10⁶ tries", Unit::Times, "0").ours(HERE).once(),
    Row::new(12, "the same on PostgreSQL", Unit::Times, "0").ours(HERE_ON_POSTGRES).once().postgres(),
    Row::new(12, "suspended until refused by another node", Unit::Milliseconds, "p99 ≤ 250 ms, ≤ 1 s")
        .ours(THERE)
        .once()
        .postgres(),
];

/// Every second one ends the sessions, the others suspend. Together with the two below: more than 10⁶ tries.
const REVOCATIONS: usize = 1_000;
/// Callers of one session, and how often each goes on trying after the acknowledgement.
const CALLERS: usize = 32;
const TRIES_EACH: u64 = 32;
/// How long the session is in use before: it is in memory then.
const IN_USE: Duration = Duration::from_millis(5);
/// Suspensions that the other node must notice.
const SUSPENSIONS: usize = 300;

const HERE: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        here(&muster, &bench.logins().await?).await
    })
};
const HERE_ON_POSTGRES: Action = |bench| {
    Box::pin(async {
        let muster = bench.postgres().await?;
        let logins = muster.logins(64).await?;
        here(&muster, &logins).await
    })
};
const THERE: Action = |bench| {
    Box::pin(async {
        let first = bench.postgres().await?;
        let second = first.beside().await?;
        let logins = first.logins(16).await?;
        let (mut found, mut figure) = (Found::default(), Figure::default());
        for login in logins.iter().cycle().take(SUSPENSIONS) {
            let one = revoke(How::Suspending, &first, &second, login).await?;
            figure.latency.record(one.last);
            found.add(&one);
        }
        let p99 = figure.latency.percentile(990).as_secs_f64() * 1e3;
        let note = format!(
            "p99 of {SUSPENSIONS} suspensions; the longest {:.1} ms; {} of {} requests accepted meanwhile",
            figure.latency.longest().as_secs_f64() * 1e3,
            found.accepted,
            found.tries
        );
        Ok(Figure { value: Some(p99), note: Some(note), ..figure })
    })
};

/// Revokes on the server that is asked, again and again.
async fn here(muster: &Muster, logins: &[Login]) -> Result<Figure> {
    let mut found = Found::default();
    for (number, login) in logins.iter().cycle().take(REVOCATIONS).enumerate() {
        let how = if number % 2 == 0 { How::Suspending } else { How::EndingSessions };
        found.add(&revoke(how, muster, muster, login).await?);
    }
    let note = format!(
        "{} of {} tries, with {} revocations of sessions in use by {CALLERS} callers",
        found.accepted, found.tries, found.revocations
    );
    Ok(Figure { operations: found.tries, note: Some(note), ..Figure::of(to_float(found.accepted)) })
}

/// How a session comes to its end.
#[derive(Clone, Copy)]
enum How {
    Suspending,
    EndingSessions,
}

/// What was tried after the acknowledgement of a revocation.
#[derive(Default)]
struct Found {
    revocations: u64,
    tries: u64,
    accepted: u64,
    /// How long after it the last accepted request began.
    last: Duration,
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.revocations += other.revocations;
        self.tries += other.tries;
        self.accepted += other.accepted;
        self.last = self.last.max(other.last);
    }
}

/// Signs somebody in, uses the session on `asked` by many at once, revokes it on `front`, and goes on trying.
async fn revoke(how: How, front: &Muster, asked: &Muster, login: &Login) -> Result<Found> {
    let mut administrator = Client::connect(front.server.address).await?;
    let cookie = login.cookie(&mut administrator).await?;
    Client::connect(asked.server.address).await?.json(&Muster::whoami_with(&cookie)).await?;
    let acknowledged: Arc<OnceLock<Instant>> = Arc::default();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let client = Client::connect(asked.server.address).await?;
        callers.spawn(go_on_trying(client, Muster::whoami_with(&cookie), acknowledged.clone()));
    }
    tokio::time::sleep(IN_USE).await;
    let person = format!("/api/v1/users/{}", login.id);
    let request = match how {
        How::Suspending => {
            front.post(&format!("{person}/suspend"), &json!({ "reason": "security", "note": "bench" }))
        }
        How::EndingSessions => front.delete(&format!("{person}/sessions")),
    };
    administrator.json(&request).await?;
    acknowledged.set(now()).ok();
    let mut found = Found { revocations: 1, ..Found::default() };
    while let Some(caller) = callers.join_next().await {
        found.add(&caller.map_err(Error::internal)??);
    }
    if matches!(how, How::Suspending) {
        administrator.json(&front.post(&format!("{person}/reactivate"), &json!({}))).await?;
    }
    Ok(found)
}

/// Asks again and again; counts the requests that began after the acknowledgement. Ends when refused for good.
async fn go_on_trying(
    mut client: Client,
    request: Vec<u8>,
    acknowledged: Arc<OnceLock<Instant>>,
) -> Result<Found> {
    let mut found = Found::default();
    loop {
        let known = acknowledged.get().copied();
        let sent = now();
        let status = client.send(&request).await?;
        let accepted = status == 200;
        let Some(moment) = known else { continue };
        found.tries += 1;
        if accepted {
            found.accepted += 1;
            found.last = sent - moment;
        }
        if found.tries >= TRIES_EACH && !accepted {
            return Ok(found);
        }
    }
}
