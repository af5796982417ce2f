//! Row 12: someone is suspended while the session is in use; what is still accepted afterwards, here and on another node.

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
    Row::new(12, "accepted after a suspension, of 10⁶ tries", Unit::Times, "0").ours(HERE).once(),
    Row::new(12, "suspended until refused by another node", Unit::Milliseconds, "p99 ≤ 250 ms, ≤ 1 s")
        .ours(THERE)
        .once()
        .postgres(),
];

const TRIES: u64 = 1_000_000;
/// Callers of one session, and how often each goes on trying after the suspension.
const CALLERS: usize = 16;
const TRIES_EACH: u64 = 300;
/// How long the session is in use before: it is in memory then.
const IN_USE: Duration = Duration::from_millis(5);
/// Suspensions that the other node must notice.
const SUSPENSIONS: usize = 300;

const HERE: Action = |bench| {
    Box::pin(async {
        let (muster, logins) = (bench.muster().await?, bench.logins().await?);
        let mut found = Found::default();
        for login in logins.iter().cycle() {
            found.add(&suspend(&muster, &muster, login).await?);
            if found.tries >= TRIES {
                break;
            }
        }
        let note = format!(
            "{} of {} tries, with {} suspensions of sessions in use by {CALLERS} callers",
            found.accepted, found.tries, found.suspensions
        );
        Ok(Figure { operations: found.tries, note: Some(note), ..Figure::of(to_float(found.accepted)) })
    })
};
const THERE: Action = |bench| {
    Box::pin(async {
        let first = bench.postgres().await?;
        let second = first.beside().await?;
        let logins = first.logins(16).await?;
        let (mut found, mut figure) = (Found::default(), Figure::default());
        for login in logins.iter().cycle().take(SUSPENSIONS) {
            let one = suspend(&first, &second, login).await?;
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

/// What was tried after the acknowledgement of a suspension.
#[derive(Default)]
struct Found {
    suspensions: u64,
    tries: u64,
    accepted: u64,
    /// How long after it the last accepted request began.
    last: Duration,
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.suspensions += other.suspensions;
        self.tries += other.tries;
        self.accepted += other.accepted;
        self.last = self.last.max(other.last);
    }
}

/// Signs somebody in, uses the session on `asked` by many at once, suspends on `front`, and goes on trying.
async fn suspend(front: &Muster, asked: &Muster, login: &Login) -> Result<Found> {
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
    let body = json!({ "reason": "security", "note": "bench" });
    administrator.json(&front.post(&format!("/api/v1/users/{}/suspend", login.id), &body)).await?;
    acknowledged.set(now()).ok();
    let mut found = Found { suspensions: 1, ..Found::default() };
    while let Some(caller) = callers.join_next().await {
        found.add(&caller.map_err(Error::internal)??);
    }
    let back = front.post(&format!("/api/v1/users/{}/reactivate", login.id), &json!({}));
    administrator.json(&back).await?;
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
