//! What the nodes of one PostgreSQL database tell each other: which cached answers have become untrue.
//!
//! One connection listens on the channel `access`; **another**, on the way that writes take, sends a beat every 250 ms
//! and notes in the table `nodes` that this node lives. Notifications arrive in the order of their commits: whoever has
//! received a beat has received everything that was committed before it was sent. A node believes its caches only while
//! it hears itself and every node that the table shows as living: a listening connection that hears its own words alone
//! (behind a pooler, or at another host of a cluster) proves nothing about the others. `SQLite` has one node and no need
//! of this.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::future::poll_fn;
use model::{Error, Result};
use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::Instant};
use tokio_postgres::{AsyncMessage, SimpleQueryMessage};
use uuid::Uuid;

use crate::{
    pooler::{self, Way},
    postgres::{self, AbortOnDrop, Server},
};

/// How often a node says that it lives.
const BEAT: Duration = Duration::from_millis(250);
/// What was heard longer ago than this is too old to trust a cache by.
const LATE: Duration = Duration::from_millis(500);
/// A connection that does not answer for so long is given up.
const DEAD: Duration = Duration::from_secs(5);
/// Pauses between attempts to connect again.
const PAUSE: Duration = Duration::from_millis(200);
/// How often it is looked whether a pooler has come in between.
const LOOK: Duration = Duration::from_secs(60);

/// Now by the database's clock, which all nodes share.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// Listens until it is dropped.
pub struct Listener {
    hearing: Arc<Hearing>,
    _tasks: [AbortOnDrop; 3],
}

/// The ways to the database.
#[derive(Clone)]
pub(crate) struct Ways {
    /// The one that writes take.
    pub(crate) writing: Server,
    /// One that leads to PostgreSQL itself.
    pub(crate) direct: Server,
}

struct Hearing {
    node: String,
    state: Mutex<State>,
    delivered: Box<dyn Fn(&str) + Send + Sync>,
    connected: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// Beats on their way: number and moment of sending.
    sent: VecDeque<(u64, Instant)>,
    last_number: u64,
    /// Everything committed before this moment has been delivered.
    heard: Option<Instant>,
    /// When each other node was last heard.
    others: HashMap<String, Instant>,
    /// Which nodes live, and when the table was asked.
    living: Vec<String>,
    looked: Option<Instant>,
    /// A pooler has come in between.
    shared: bool,
}

impl Listener {
    pub(crate) fn start(
        ways: &Ways,
        node: Uuid,
        delivered: impl Fn(&str) + Send + Sync + 'static,
        connected: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let hearing = Arc::new(Hearing {
            node: node.to_string(),
            state: Mutex::default(),
            delivered: Box::new(delivered),
            connected: Box::new(connected),
        });
        let listening = tokio::spawn(listen_always(ways.direct.clone(), Arc::clone(&hearing)));
        let beating = tokio::spawn(beat_always(ways.writing.clone(), Arc::clone(&hearing)));
        let looking = tokio::spawn(look_for_poolers(ways.direct.clone(), Arc::clone(&hearing)));
        Self { hearing, _tasks: [listening, beating, looking].map(AbortOnDrop) }
    }

    /// Whether something committed more than 500 ms before `now` may not have arrived yet: then caches must not be
    /// believed, and rows are read on every check.
    pub fn is_late(&self, now: Instant) -> bool {
        let is_fresh =
            |moment: Option<Instant>| moment.is_some_and(|then| now.saturating_duration_since(then) <= LATE);
        let state = self.hearing.state.lock();
        let hears = |node: &String| *node == self.hearing.node || is_fresh(state.others.get(node).copied());
        state.shared || !is_fresh(state.heard) || !is_fresh(state.looked) || !state.living.iter().all(hears)
    }
}

async fn listen_always(server: Server, hearing: Arc<Hearing>) {
    loop {
        if let Err(error) = listen(&server, &hearing).await {
            let detail = error.detail().unwrap_or_default();
            tracing::warn!(
                detail,
                "the connection for notifications was lost; caches are not trusted meanwhile"
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The life of one connection that listens.
async fn listen(server: &Server, hearing: &Arc<Hearing>) -> Result<()> {
    let connect = server.config.connect(server.tls.clone());
    let (client, mut connection) = within(connect).await?;
    let hears = Arc::clone(hearing);
    let receiving = tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                hears.receive(notification.payload());
            }
        }
    });
    let receiving = AbortOnDrop(receiving);
    within(client.batch_execute("LISTEN access")).await?;
    (hearing.connected)();
    let mut ticks = tokio::time::interval(DEAD);
    ticks.tick().await;
    while !receiving.0.is_finished() {
        tokio::select! {
            () = client_closed(&receiving.0) => break,
            _ = ticks.tick() => {}
        }
        // Asked, it must answer: a connection that only listens would never notice that nobody is there any more.
        within(client.batch_execute("LISTEN access")).await?;
        if hearing.is_deaf() {
            return Err(Error::unavailable(
                "database.unreachable",
                "nothing is heard although beats are sent",
            ));
        }
    }
    Err(Error::unavailable("database.unreachable", "the connection was closed"))
}

/// Answers once the connection's task has ended.
async fn client_closed(receiving: &JoinHandle<()>) {
    while !receiving.is_finished() {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn beat_always(server: Server, hearing: Arc<Hearing>) {
    loop {
        if let Err(error) = beat(&server, &hearing).await {
            let detail = error.detail().unwrap_or_default();
            tracing::warn!(detail, "this node can't say that it lives; caches are not trusted meanwhile");
        }
        // The beats of a lost connection may not have been sent.
        hearing.state.lock().sent.clear();
        tokio::time::sleep(PAUSE).await;
    }
}

/// The life of one connection that sends beats.
async fn beat(server: &Server, hearing: &Hearing) -> Result<()> {
    let (client, _driver) = server.connect().await?;
    let forget = format!("DELETE FROM nodes WHERE seen_at < {NOW} - 3600000000");
    within(client.batch_execute(&forget)).await?;
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (number, asked) = hearing.next_beat();
        let node = &hearing.node;
        // Written into the statement, for one that is prepared takes a second round trip: all of it is ours. Nobody
        // waits for the disk: a row that a crash forgets is written again at once.
        let beat = format!(
            "SET LOCAL synchronous_commit = off; \
             INSERT INTO nodes (id, seen_at) VALUES ('{node}', {NOW}) \
             ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at; \
             SELECT id FROM nodes WHERE seen_at > {NOW} - 2000000; \
             NOTIFY access, 'beat {node} {number}'"
        );
        let answered = within(client.simple_query(&beat)).await?;
        let living = answered.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        hearing.living(living.collect(), asked);
    }
}

/// Somebody may put a pooler in between while the server runs.
async fn look_for_poolers(server: Server, hearing: Arc<Hearing>) {
    loop {
        tokio::time::sleep(LOOK).await;
        // Whoever can't be asked is not heard either.
        let Ok(way) = pooler::examine(&server).await else { continue };
        let is_shared = way != Way::Direct;
        if is_shared {
            tracing::error!("{} Caches are not trusted meanwhile.", pooler::unheard().message());
        }
        hearing.state.lock().shared = is_shared;
    }
}

async fn within<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
    let answer = tokio::time::timeout(DEAD, work).await;
    answer.map_err(|late| Error::unavailable("database.unreachable", late))?.map_err(postgres::error)
}

impl Hearing {
    fn next_beat(&self) -> (u64, Instant) {
        let mut state = self.state.lock();
        state.last_number += 1;
        let (number, now) = (state.last_number, Instant::now());
        state.sent.push_back((number, now));
        (number, now)
    }

    fn living(&self, living: Vec<String>, asked: Instant) {
        let mut state = self.state.lock();
        state.others.retain(|node, _| living.contains(node));
        (state.living, state.looked) = (living, Some(asked));
    }

    /// Whether the database answers this node's beats, and yet none of them has been heard for long.
    fn is_deaf(&self) -> bool {
        let state = self.state.lock();
        let is_recent = |moment: Option<Instant>| moment.is_some_and(|then| then.elapsed() < DEAD);
        is_recent(state.looked) && !is_recent(state.heard)
    }

    fn receive(&self, payload: &str) {
        let Some(beat) = payload.strip_prefix("beat ") else { return (self.delivered)(payload) };
        let Some((node, number)) = beat.split_once(' ') else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        let mut state = self.state.lock();
        if node != self.node {
            state.others.insert(node.to_owned(), Instant::now());
            return;
        }
        while let Some((sent, moment)) = state.sent.front().copied()
            && sent <= number
        {
            state.heard = Some(moment);
            state.sent.pop_front();
        }
    }
}
