//! What one measurement found: how much in which time, how long each took, what was answered, what it cost.

use super::histogram::Histogram;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What a row of the table is measured in, and which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Operations per second: more is better; the ratio is ours / P.
    PerSecond,
    /// Median microseconds of one operation: less is better; the ratio is ours / P, too.
    Microseconds,
    /// Resident memory or a file's size in MB (10⁶ bytes).
    Megabytes,
    /// Milliseconds, once.
    Milliseconds,
    /// Seconds, once.
    Seconds,
    /// How often something happened.
    Times,
}

impl Unit {
    /// Short, for the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Microseconds => "µs",
            Self::Megabytes => "MB",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Times => "×",
        }
    }
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Figure {
    pub(crate) operations: u64,
    pub(crate) elapsed: Duration,
    pub(crate) latency: Histogram,
    /// HTTP status → how often; 0 is a connection that broke.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// CPU time that the server's process used meanwhile.
    pub(crate) server_cpu: Option<Duration>,
    /// The value itself where it is none of the above (memory, a size, a count).
    pub(crate) value: Option<f64>,
    /// Worth telling beside the table.
    pub(crate) note: Option<String>,
}

impl Figure {
    /// A value that was read, not timed.
    pub(crate) fn of(value: f64) -> Self {
        Self { value: Some(value), ..Self::default() }
    }

    /// Runs `work`, which is handed somewhere to put each operation's duration and answers how many there were.
    pub(crate) fn measured<E>(
        work: impl FnOnce(&mut dyn FnMut(Duration)) -> Result<u64, E>,
    ) -> Result<Self, E> {
        let mut figure = Self::default();
        let start = now();
        figure.operations = work(&mut |duration| figure.latency.record(duration))?;
        figure.elapsed = start.elapsed();
        Ok(figure)
    }

    /// The number that stands in the table.
    pub(crate) fn in_unit(&self, unit: Unit) -> f64 {
        match (self.value, unit) {
            (Some(value), _) => value,
            (None, Unit::Microseconds) => self.latency.percentile(500).as_secs_f64() * 1e6,
            (None, Unit::Milliseconds) => self.elapsed.as_secs_f64() * 1e3,
            (None, Unit::Seconds) => self.elapsed.as_secs_f64(),
            (None, Unit::PerSecond | Unit::Megabytes | Unit::Times) => self.rate(),
        }
    }

    /// Operations per second.
    pub(crate) fn rate(&self) -> f64 {
        to_float(self.operations) / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Operations for each second of the server's CPU time.
    pub(crate) fn per_cpu_second(&self) -> Option<f64> {
        let cpu = self.server_cpu?.as_secs_f64();
        (cpu > 0.0).then(|| to_float(self.operations) / cpu)
    }

    /// Adds another measurement of the same work.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.operations += other.operations;
        self.elapsed += other.elapsed;
        self.latency.merge(&other.latency);
        for (status, many) in &other.statuses {
            *self.statuses.entry(*status).or_default() += many;
        }
        if let Some(cpu) = other.server_cpu {
            self.server_cpu = Some(self.server_cpu.unwrap_or_default() + cpu);
        }
        self.value = other.value.or(self.value);
        self.note.clone_from(&other.note);
    }
}

/// Counts here stay far below 2⁵², where floats are exact.
#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds' work")]
pub(crate) fn to_float(count: u64) -> f64 {
    count as f64
}

/// The machine's own time: a benchmark measures nothing else.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
