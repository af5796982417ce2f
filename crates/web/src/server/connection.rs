//! One connection: what it is doing, who proved to be behind it, and its requests and answers from first byte to last.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use super::{
    ClientLimits, count_refusal,
    pace::{Pace, PacedBody},
    places::Place,
};

/// How long an unused connection stays open, and the most that a head may take however it comes.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes of a request's head after which no more are read: 431.
const LARGEST_HEAD: usize = 32 * 1024;

/// Between two requests.
const IDLING: u8 = 0;
/// The first bytes of a head are there.
const HEAD: u8 = 1;
/// It is our turn: a request is being answered.
const WORKING: u8 = 2;
/// A handler waits for more of the body.
const BODY: u8 = 3;

/// What is known of a connection while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    phase: AtomicU8,
    takes_nothing: AtomicBool,
    is_proven: AtomicBool,
    cut: Notify,
}

impl Connection {
    /// Whether the cookie or token of its latest request was found valid.
    pub(crate) fn set_proven(&self, is_proven: bool) {
        if self.is_proven.load(Relaxed) != is_proven {
            self.is_proven.store(is_proven, Relaxed);
        }
    }

    /// Whether it keeps us waiting and nobody is known to be behind it.
    pub(super) fn may_be_cut(&self) -> bool {
        let waits = self.phase.load(Relaxed) != WORKING || self.takes_nothing.load(Relaxed);
        waits && !self.is_proven.load(Relaxed)
    }

    /// Ends it, to make room.
    pub(super) fn cut(&self) {
        self.cut.notify_one();
    }

    pub(super) fn work(&self) {
        self.phase.store(WORKING, Relaxed);
    }

    pub(super) fn wait_for_body(&self) {
        self.phase.store(BODY, Relaxed);
    }
}

/// The requests of one connection, each of which knows where it comes from.
pub(super) async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    place: Place,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection is slower than it could be");
    }
    let service = TowerToHyperService::new(router);
    let (shared, limits) = (place.connection(), place.limits().clone());
    let watched = Watched::new(stream, shared.clone(), &limits);
    let connection = shared.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        connection.work();
        let mut request = request.map(|body| PacedBody::new(body, &limits, connection.clone()));
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(connection.clone());
        let (answered, connection) = (service.call(request), connection.clone());
        async move { answered.await.map(|response| response.map(|body| AnswerBody { body, connection })) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(LARGEST_HEAD);
    let mut serving = std::pin::pin!(server.serve_connection(TokioIo::new(watched), service));
    let mut stop = std::pin::pin!(stop.cancelled());
    let mut is_stopping = false;
    let ended = loop {
        tokio::select! {
            ended = serving.as_mut() => break ended,
            () = shared.cut.notified() => return,
            () = stop.as_mut(), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}

/// A connection's bytes, which must come and go at some pace.
struct Watched {
    stream: TcpStream,
    connection: Arc<Connection>,
    head: Pace,
    answer: Pace,
}

impl Watched {
    fn new(stream: TcpStream, connection: Arc<Connection>, limits: &ClientLimits) -> Self {
        let pace = |patience| Pace::new(patience, limits.rate);
        Self { stream, connection, head: pace(limits.patience), answer: pace(limits.answer_patience) }
    }

    /// Bytes have come. Those of a body are seen where it is read.
    fn read(&mut self, bytes: usize) {
        let connection = &self.connection;
        if connection.phase.compare_exchange(IDLING, HEAD, Relaxed, Relaxed).is_ok() {
            self.head.restart();
        }
        if connection.phase.load(Relaxed) == HEAD {
            self.head.progress(bytes);
        }
    }

    /// What became of writing: whoever takes nothing of an answer for too long loses the connection.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        done: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let takes_nothing = done.is_pending();
        if self.connection.takes_nothing.load(Relaxed) != takes_nothing {
            self.connection.takes_nothing.store(takes_nothing, Relaxed);
        }
        match done {
            Poll::Pending if self.answer.poll_exhausted(context).is_ready() => {
                Poll::Ready(Err(too_slow("slow_reader")))
            }
            Poll::Ready(Ok(bytes)) => {
                self.answer.progress(bytes);
                done
            }
            done => done,
        }
    }
}

fn too_slow(reason: &'static str) -> io::Error {
    count_refusal(reason);
    io::ErrorKind::TimedOut.into()
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (this, before) = (&mut *self, buffer.filled().len());
        let done = Pin::new(&mut this.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            this.read(bytes);
        }
        let waits_for_head = done.is_pending() && this.connection.phase.load(Relaxed) == HEAD;
        if waits_for_head && this.head.poll_exhausted(context).is_ready() {
            return Poll::Ready(Err(too_slow("slow_head")));
        }
        done
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The body of an answer: once it is sent, the client's turn has come.
struct AnswerBody {
    body: Body,
    connection: Arc<Connection>,
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.connection.phase.store(IDLING, Relaxed);
    }
}

impl hyper::body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
