//! The HTTP server: connections taken, bounded, and let end when the server stops.
//!
//! Knows nothing of what is served. Speaks HTTP/1.1, which is what proxies speak to a server behind them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{server::conn::http1, service::Service as _, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use model::{Error, Kind, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections at once on one listener; others wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 8192;
/// How long a client may take for the head of a request, and how long an unused connection stays open.
const HEAD: Duration = Duration::from_secs(30);
/// Bytes of a request's head after which no more are read: 431.
const LARGEST_HEAD: usize = 32 * 1024;

/// A listener that is bound, not yet serving: whoever connects waits.
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address; `setting` names it to whoever must choose another one.
    pub(crate) async fn bind(address: SocketAddr, setting: &str) -> Result<Self> {
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
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then takes no more and lets what was begun end.
    pub(crate) async fn serve(self, router: Router, stop: CancellationToken) {
        let (tasks, room) = (TaskTracker::new(), Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener, &room) => accepted,
            };
            let Some((stream, peer, place)) = accepted else { continue };
            // A child of its own: asking the common token would make all connections wait for one lock.
            let (router, stop) = (router.clone(), stop.child_token());
            tasks.spawn(async move {
                converse(stream, peer, router, stop).await;
                drop(place);
            });
        }
        drop(self.listener);
        tasks.close();
        tasks.wait().await;
    }
}

/// The next connection, once there is room for it; `None` if this one came to nothing.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken");
            // Out of file descriptors, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// The requests of one connection, each of which knows where it comes from.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection is slower than it could be");
    }
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        service.call(request)
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}
