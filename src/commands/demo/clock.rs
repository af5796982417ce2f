//! A clock that is told what time it is: the demonstration's past is made in a few seconds.

use std::sync::atomic::{AtomicI64, Ordering};

use model::{Clock, Timestamp};

/// How far it goes each time it is asked: no two things happen at once.
const STEP: i64 = 700_000;

/// See the module.
pub(super) struct DemoClock {
    now: AtomicI64,
    step: AtomicI64,
}

impl DemoClock {
    /// A clock that stands at `now`.
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.micros()), step: AtomicI64::new(0) }
    }

    /// Stands at `now`.
    pub(super) fn stand(&self, now: Timestamp) {
        self.step.store(0, Ordering::Relaxed);
        self.now.store(now.micros(), Ordering::Relaxed);
    }

    /// Goes on from `at`, or from where it has come to if that is later.
    pub(super) fn go(&self, at: Timestamp) {
        self.now.fetch_max(at.micros(), Ordering::Relaxed);
        self.step.store(STEP, Ordering::Relaxed);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        let now = self.now.fetch_add(self.step.load(Ordering::Relaxed), Ordering::Relaxed);
        Timestamp::from_micros(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back_unless_it_is_told_where_to_stand() {
        let clock = DemoClock::at(Timestamp::from_micros(100));
        clock.stand(Timestamp::from_micros(10));
        clock.go(Timestamp::from_micros(5));
        let seen: Vec<i64> = (0..3).map(|_| clock.now().micros()).collect();
        assert_eq!(seen, [10, 10 + STEP, 10 + 2 * STEP]);
        clock.go(Timestamp::from_micros(20));
        assert_eq!(clock.now().micros(), 10 + 3 * STEP);
    }
}
