//! How slow a client may be: patience that waiting uses up, and that every byte gives a little of back.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{ClientLimits, Connection, count_refusal};

/// Waits as long as patience lasts. It is full at first, time spent waiting empties it, and so many bytes as should come
/// in a second give a second back, never above the beginning: a client may be late once, or somewhat slow for long.
pub(crate) struct Pace {
    patience: Duration,
    rate: u32,
    left: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) fn new(patience: Duration, rate: u32) -> Self {
        Self { patience, rate: rate.max(1), left: patience, waiting_since: None, alarm: None }
    }

    /// Full again.
    pub(crate) fn restart(&mut self) {
        (self.left, self.waiting_since) = (self.patience, None);
    }

    /// So many bytes came.
    pub(crate) fn progress(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let micros = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000);
        let earned = Duration::from_micros(micros / u64::from(self.rate));
        self.left = self.left.saturating_add(earned).min(self.patience);
    }

    /// Nothing came: ready once it was waited for too long.
    pub(crate) fn poll_exhausted(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let begins = self.waiting_since.is_none();
        let until = *self.waiting_since.get_or_insert_with(Instant::now) + self.left;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if begins {
            alarm.as_mut().reset(until);
        }
        alarm.as_mut().poll(context)
    }
}

/// A request's body did not come, or too slowly.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body came too slowly")
    }
}

impl std::error::Error for TooSlow {}

/// The body of a request that must keep pace while it is read.
pub(crate) struct PacedBody {
    body: Incoming,
    pace: Pace,
    connection: Arc<Connection>,
}

impl PacedBody {
    pub(crate) fn new(body: Incoming, limits: &ClientLimits, connection: Arc<Connection>) -> Self {
        Self { body, pace: Pace::new(limits.patience, limits.rate), connection }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            this.connection.wait_for_body();
            ready!(this.pace.poll_exhausted(context));
            count_refusal("slow_body");
            return Poll::Ready(Some(Err(TooSlow.into())));
        };
        this.connection.work();
        if let Some(Ok(frame)) = &frame {
            this.pace.progress(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
