//! The HTTP server: connections taken, bounded, and let end when the server stops.
//!
//! Knows nothing of what is served. Speaks HTTP/1.1, which is what proxies speak to a server behind them. Who may hold
//! how many places is `places.rs`, how slow a client may be `pace.rs`, one conversation `connection.rs`.

mod connection;
mod pace;
mod places;

use std::{io::Write as _, net::SocketAddr, time::Duration};

use axum::Router;
pub(crate) use connection::Connection;
use ipnet::IpNet;
use model::{Error, Kind, Result};
pub(crate) use pace::TooSlow;
use places::{Entry, Place, Places};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How much of the server clients may hold, and how slow they may be; see `docs/operating.md`.
#[derive(Debug, Clone)]
pub struct ClientLimits {
    /// Connections at once on one listener.
    pub connections: usize,
    /// Of them, from one peer address (IPv6: one /64). Trusted proxies have no limit of their own.
    pub connections_per_address: usize,
    /// Requests in progress of one client address, which behind trusted proxies is the one that they name.
    pub requests_per_address: usize,
    /// How long Muster waits for the head or the body of a request before `rate` has to be kept.
    pub patience: Duration,
    /// Bytes a second that a request must come with once `patience` is used up.
    pub rate: u32,
    /// How long a client may take nothing of its answer.
    pub answer_patience: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_address: 512,
            requests_per_address: 256,
            patience: Duration::from_secs(10),
            rate: 1024,
            answer_patience: Duration::from_secs(60),
        }
    }
}

/// The part of `limit` places that is for everybody: a quarter is kept for requests whose cookie or token was found
/// valid.
pub(crate) fn for_everybody(limit: usize) -> usize {
    (limit - limit / 4).max(1)
}

/// Counts what was refused or cut off, and why.
pub(crate) fn count_refusal(reason: &'static str) {
    metrics::counter!("muster_http_refused_total", "reason" => reason).increment(1);
}

/// What a connection hears that gets no place.
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 65\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    Too many connections from this address. Close some and try again.";

/// A listener that is bound, not yet serving: whoever connects waits.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address; `setting` names it to whoever must choose another one.
    pub async fn bind(address: SocketAddr, setting: &str) -> Result<Self> {
        let refused = |error: std::io::Error| {
            let message = match error.kind() {
                std::io::ErrorKind::AddrInUse => format!(
                    "Another program listens on {address} already. Stop it, or choose another address with {setting}."
                ),
                std::io::ErrorKind::PermissionDenied => format!(
                    "Only root may listen on {address}. Choose a port above 1023 with {setting}, and put a proxy in front."
                ),
                _ => format!("Muster can't listen on {address}. Choose another address with {setting}."),
            };
            Error::new(Kind::Unavailable, "server.address", message).with_detail(error)
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that was found for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then takes no more and lets what was begun end. Connections of `trusted_proxies` count only
    /// towards all connections.
    pub async fn serve(
        self,
        router: Router,
        limits: ClientLimits,
        trusted_proxies: Vec<IpNet>,
        stop: CancellationToken,
    ) {
        let (tasks, places) = (TaskTracker::new(), Places::new(limits, trusted_proxies));
        loop {
            let taken = tokio::select! {
                () = stop.cancelled() => break,
                taken = take(&self.listener, &places) => taken,
            };
            let Some((stream, peer, place)) = taken else { continue };
            // A child of its own: asking the common token would make all connections wait for one lock.
            let (router, stop) = (router.clone(), stop.child_token());
            tasks.spawn(connection::converse(stream, peer, router, place, stop));
        }
        drop(self.listener);
        tasks.close();
        tasks.wait().await;
    }
}

/// The next connection with its place; `None` if this one came to nothing. Where there is no place at all, it waits for
/// one, and others wait in the kernel's queue.
async fn take(listener: &TcpListener, places: &Places) -> Option<(TcpStream, SocketAddr, Place)> {
    let (stream, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            // Out of file descriptors, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return None;
        }
    };
    loop {
        match places.enter(peer.ip()) {
            Entry::Taken(place) => return Some((stream, peer, place)),
            Entry::Refused => {
                turn_away(stream, peer);
                return None;
            }
            Entry::Full => places.freed().await,
        }
    }
}

/// Says why and closes; whoever does not listen misses it.
fn turn_away(stream: TcpStream, peer: SocketAddr) {
    // Never waits: the socket is non-blocking, and nothing was written to it before.
    let told = stream.into_std().and_then(|mut stream| stream.write_all(TURNED_AWAY));
    tracing::debug!(%peer, told = told.is_ok(), "a connection was turned away: too many from its address");
}
