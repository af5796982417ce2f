//! The machine's clock and randomness: the only places that ask for either.

use std::time::{SystemTime, UNIX_EPOCH};

use model::{Clock, Entropy, Timestamp};

/// The machine's clock, in UTC.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's randomness.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "this is the entropy that is injected")]
        #[expect(clippy::expect_used, reason = "a server without randomness must not go on")]
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}
