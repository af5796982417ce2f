//! How often each duration occurred, in buckets of 3 % width, so that a run of millions of requests needs 16 KiB.

use std::time::Duration;

/// Buckets for each power of two.
const STEPS: u64 = 32;
const BUCKETS: usize = 64 * 32;

/// Durations, counted.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, longest: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.longest = self.longest.max(nanos);
    }

    /// Adds what another one counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// How many were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The longest, exactly.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// The duration that `per_mille` of 1,000 don't exceed (500 = median, 990 = p99); zero when nothing was counted.
    pub(crate) fn percentile(&self, per_mille: u64) -> Duration {
        let wanted = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && self.total > 0 {
                return Duration::from_nanos(upper_end(bucket).min(self.longest));
            }
        }
        Duration::ZERO
    }
}

/// Small numbers have a bucket of their own; above, the five bits behind the leading one choose it.
fn bucket(nanos: u64) -> usize {
    let position = if nanos < STEPS {
        nanos
    } else {
        let exponent = u64::from(nanos.ilog2());
        (exponent - 4) * STEPS + ((nanos >> (exponent - 5)) - STEPS)
    };
    usize::try_from(position).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

/// The largest number of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let position = bucket as u64;
    if position < STEPS {
        return position;
    }
    let shift = position / STEPS - 1;
    (u128::from(position % STEPS + STEPS + 1) << shift).saturating_sub(1).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_few_per_cent() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (per_mille, expected) in [(500, 5000), (990, 9900), (999, 9990)] {
            let found = histogram.percentile(per_mille).as_micros();
            assert!(found >= expected && found <= expected * 104 / 100, "{per_mille}: {found}");
        }
        assert_eq!(histogram.percentile(1000), Duration::from_millis(10));
        assert_eq!(histogram.longest(), Duration::from_millis(10));
        let mut twice = histogram.clone();
        twice.merge(&histogram);
        assert_eq!((twice.total(), twice.percentile(500)), (20_000, histogram.percentile(500)));
    }

    #[test]
    fn every_duration_has_a_bucket_that_holds_it() {
        for exponent in 0..64 {
            for nanos in [1_u64 << exponent, (1 << exponent) + 1, (1_u64 << exponent).wrapping_mul(3) / 2] {
                let bucket = bucket(nanos);
                assert!(upper_end(bucket) >= nanos, "{nanos}");
                assert!(bucket == 0 || upper_end(bucket - 1) < nanos, "{nanos}");
            }
        }
        assert_eq!(Histogram::default().percentile(500), Duration::ZERO);
    }
}
