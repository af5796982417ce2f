//! The clock that everything goes by, and what happens when it is set.
//!
//! A step of the machine's clock must not end a protection early (a lock by failures, a limit), and must not make one last
//! for days. While the server runs, a step shows against a clock that nobody sets: time goes on as before it until what
//! is protected has been moved by it, and is believed then. Across a restart, a clock that is behind the newest moment
//! noted in the database was set back; that it was set forward can't be told from time that has passed.
//!
//! Other nodes of the same database go by clocks of their own. While any lives, nothing is moved: a node whose clock is
//! set goes on by the time from before, and `muster doctor` says so. Once a node whose clock was ahead is gone, only what
//! it wrote is moved: what the others wrote counts by their own clocks and was never wrong.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use model::{Clock, OrgContext, Result, Timestamp};
use store::{
    Connection, Engine, boxed,
    clock::{Moved, Noted},
};

use crate::App;

/// Clocks drift and are corrected; what differs by more was set.
const SLACK: i64 = 5_000_000;
/// How often the newest moment is noted, in microseconds.
const NOTE: i64 = 60_000_000;

/// The injected clock, whose steps are believed when it is time.
pub(crate) struct SteadyClock {
    clock: Arc<dyn Clock>,
    /// What the clock says beyond the time that has elapsed, as it is believed.
    offset: AtomicI64,
    /// When the newest moment was last noted; 0: never.
    noted: AtomicI64,
    /// By how much the clock differs from that of nodes that live, in microseconds.
    apart: AtomicI64,
}

impl SteadyClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let offset = offset(clock.as_ref()).map_or(0, |(offset, _)| offset);
        let zero = || AtomicI64::new(0);
        Self { clock, offset: AtomicI64::new(offset), noted: zero(), apart: zero() }
    }

    /// The present moment; after a step that was not dealt with yet, as if there had been none.
    pub(crate) fn now(&self) -> Timestamp {
        let Some((offset, elapsed)) = offset(self.clock.as_ref()) else { return self.clock.now() };
        let believed = self.offset.load(Ordering::Acquire);
        let offset = if (offset - believed).abs() > SLACK { believed } else { offset };
        Timestamp::from_micros(offset.saturating_add(elapsed))
    }

    /// By how much the clock was set since it was last believed; drift is followed.
    fn step(&self) -> Option<i64> {
        let (offset, _) = offset(self.clock.as_ref())?;
        let step = offset - self.offset.load(Ordering::Acquire);
        if step.abs() > SLACK {
            return Some(step);
        }
        self.offset.store(offset, Ordering::Release);
        None
    }

    fn believe(&self, step: i64) {
        self.offset.fetch_add(step, Ordering::AcqRel);
    }
}

/// What the clock says beyond the time that has elapsed, and that.
fn offset(clock: &dyn Clock) -> Option<(i64, i64)> {
    let elapsed = i64::try_from(clock.elapsed()?.as_micros()).unwrap_or(i64::MAX);
    Some((clock.now().micros().saturating_sub(elapsed), elapsed))
}

/// What is to be said about the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockFinding {
    /// Nothing.
    Fine,
    /// It differs from that of other nodes by so many microseconds; less than 0: it is behind.
    Apart(i64),
    /// It was found set, then, by so many microseconds.
    WasSet(Timestamp, i64),
}

impl App {
    /// Looks whether the clock was set, and if so moves what is protected. Once a minute it notes the newest moment.
    #[boxed]
    pub async fn watch_clock(&self) -> Result<()> {
        let clock = self.steady();
        if let Some(step) = clock.step() {
            return self.believe_step(step).await;
        }
        let (now, noted) = (self.now(), clock.noted.load(Ordering::Relaxed));
        if noted != 0 && (now.micros() - noted).abs() < NOTE {
            return Ok(());
        }
        let read = async |connection: &mut Connection<'_>| store::clock::noted(connection).await;
        let newest = self.database().read(read).await?.map_or(now, |noted: Noted| noted.newest);
        let behind = newest.micros() - now.micros();
        if behind > SLACK {
            return self.come_after(behind).await;
        }
        clock.apart.store(0, Ordering::Relaxed);
        self.maintain(OrgContext::NOWHERE, async move |connection| store::clock::note(connection, now).await)
            .await?;
        clock.noted.store(now.micros(), Ordering::Relaxed);
        Ok(())
    }

    /// The clock was set while the server runs.
    async fn believe_step(&self, step: i64) -> Result<()> {
        let clock = self.steady();
        if self.is_among_others().await? {
            if clock.apart.swap(step, Ordering::Relaxed) == 0 {
                tracing::error!(by = %seconds(step), "this machine's clock was set, and other nodes' were not: time goes on as before");
            }
            return Ok(());
        }
        // In this order nothing seems over in between: back at once, forward when everything was moved.
        let now = self.now();
        let then = Timestamp::from_micros(now.micros().saturating_add(step));
        if step < 0 {
            clock.believe(step);
        }
        self.move_protections(Moved::All, step, then).await?;
        if step > 0 {
            clock.believe(step);
        }
        Ok(())
    }

    /// The clock is behind what was noted before the start, or what other nodes have noted.
    async fn come_after(&self, behind: i64) -> Result<()> {
        let clock = self.steady();
        if self.is_among_others().await? {
            if clock.apart.swap(-behind, Ordering::Relaxed) == 0 {
                tracing::error!(by = %seconds(-behind), "this machine's clock is behind that of other nodes: set it right");
            }
            return Ok(());
        }
        // A step of this clock since the start would have been seen: another one was ahead.
        let was_among_others =
            clock.noted.load(Ordering::Relaxed) != 0 || clock.apart.load(Ordering::Relaxed) != 0;
        let which = if was_among_others { Moved::OfLater } else { Moved::All };
        self.move_protections(which, -behind, self.now()).await
    }

    async fn move_protections(&self, which: Moved, step: i64, now: Timestamp) -> Result<()> {
        let clock = self.steady();
        if which == Moved::All {
            let direction = if step < 0 { "back" } else { "forward" };
            tracing::warn!(by = %seconds(step), direction, "the clock was set; what is left of locks and limits counts from now");
            metrics::counter!("muster_clock_steps_total", "direction" => direction).increment(1);
        } else {
            tracing::warn!(by = %seconds(-step), "a node that is gone had a clock ahead of this one; what is left of its locks counts from now");
        }
        self.maintain(OrgContext::NOWHERE, async move |connection| {
            store::clock::moved(connection, which, step, now).await
        })
        .await?;
        clock.apart.store(0, Ordering::Relaxed);
        clock.noted.store(now.micros(), Ordering::Relaxed);
        self.cache().forget_everything();
        Ok(())
    }

    async fn is_among_others(&self) -> Result<bool> {
        let read = async |connection: &mut Connection<'_>| store::clock::living_nodes(connection).await;
        Ok(self.database().read(read).await? > 1)
    }

    /// What `muster doctor` says about the clock.
    #[boxed]
    pub async fn clock_finding(&self) -> Result<ClockFinding> {
        let apart = self.steady().apart.load(Ordering::Relaxed);
        if apart != 0 {
            return Ok(ClockFinding::Apart(apart));
        }
        let read = async |connection: &mut Connection<'_>| {
            Ok((store::clock::noted(connection).await?, store::clock::living_nodes(connection).await?))
        };
        let (noted, living) = self.database().read(read).await?;
        // Whoever asks may be no node itself, on a machine where one runs.
        let behind = noted.map_or(0, |noted: Noted| noted.newest.micros() - self.now().micros());
        if behind > SLACK && living > 0 && self.database().engine() == Engine::Postgres {
            return Ok(ClockFinding::Apart(-behind));
        }
        let set = noted.and_then(|noted: Noted| Some((noted.set_at?, noted.set_by)));
        let lately = set.filter(|(at, _)| self.now().since(*at) < TOLD_FOR);
        Ok(lately.map_or(ClockFinding::Fine, |(at, by)| ClockFinding::WasSet(at, by)))
    }
}

/// For so long it is said that the clock was set.
const TOLD_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

fn seconds(micros: i64) -> String {
    format!("{} s", micros / 1_000_000)
}
