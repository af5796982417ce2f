//! What the nodes of one PostgreSQL database tell each other: which cached answers have become untrue.
//!
//! A dedicated connection listens on the channel `access`, and proves to itself that it still hears: every 250 ms it
//! sends itself a beat. Notifications arrive in the order of their commits, so whoever has received a beat has received
//! everything that was committed before the beat was sent. `SQLite` has one node and no need of this.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::future::poll_fn;
use model::{Error, Result};
use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::Instant};
use tokio_postgres::AsyncMessage;
use uuid::Uuid;

use crate::postgres::{self, Server};

/// How often a node writes to itself.
const BEAT: Duration = Duration::from_millis(250);
/// What was heard longer ago than this is too old to trust a cache by.
const LATE: Duration = Duration::from_millis(500);
/// A connection that does not answer for so long is given up.
const DEAD: Duration = Duration::from_secs(5);
/// Pauses between attempts to connect again.
const PAUSE: Duration = Duration::from_millis(200);

/// Listens until it is dropped.
pub struct Listener {
    hearing: Arc<Hearing>,
    task: JoinHandle<()>,
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
}

impl Listener {
    pub(crate) fn start(
        server: Server,
        node: Uuid,
        delivered: impl Fn(&str) + Send + Sync + 'static,
        connected: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let hearing = Arc::new(Hearing {
            node: node.simple().to_string(),
            state: Mutex::default(),
            delivered: Box::new(delivered),
            connected: Box::new(connected),
        });
        let task = tokio::spawn(run(server, Arc::clone(&hearing)));
        Self { hearing, task }
    }

    /// Whether something committed more than 500 ms before `now` may not have arrived yet: then caches must not be
    /// believed, and rows are read on every check.
    pub fn is_late(&self, now: Instant) -> bool {
        let heard = self.hearing.state.lock().heard;
        heard.is_none_or(|heard| now.saturating_duration_since(heard) > LATE)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(server: Server, hearing: Arc<Hearing>) {
    loop {
        if let Err(error) = listen(&server, &hearing).await {
            let detail = error.detail().unwrap_or_default();
            tracing::warn!(
                detail,
                "the connection for notifications was lost; caches are not trusted meanwhile"
            );
        }
        hearing.forget_beats();
        tokio::time::sleep(PAUSE).await;
    }
}

/// One connection's life.
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
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !receiving.0.is_finished() {
        ticks.tick().await;
        // Written into the statement, for a statement that is prepared takes a second round trip: all of it is ours.
        let beat = format!("NOTIFY access, '{}'", hearing.next_beat());
        within(client.batch_execute(&beat)).await?;
    }
    Err(Error::unavailable("database.unreachable", "the connection was closed"))
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn within<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
    let answer = tokio::time::timeout(DEAD, work).await;
    answer.map_err(|late| Error::unavailable("database.unreachable", late))?.map_err(postgres::error)
}

impl Hearing {
    fn next_beat(&self) -> String {
        let mut state = self.state.lock();
        state.last_number += 1;
        let number = state.last_number;
        state.sent.push_back((number, Instant::now()));
        format!("beat {} {number}", self.node)
    }

    fn receive(&self, payload: &str) {
        let Some(beat) = payload.strip_prefix("beat ") else { return (self.delivered)(payload) };
        let Some((node, number)) = beat.split_once(' ') else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        if node != self.node {
            return;
        }
        let mut state = self.state.lock();
        while let Some((sent, moment)) = state.sent.front().copied()
            && sent <= number
        {
            state.heard = Some(moment);
            state.sent.pop_front();
        }
    }

    /// The beats of a lost connection will not come.
    fn forget_beats(&self) {
        self.state.lock().sent.clear();
    }
}
