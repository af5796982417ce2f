//! The machine's clock and randomness: the only places that ask for either.

use std::{
    cell::RefCell,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::{Clock, Entropy, Timestamp};

/// The machine's clock, in UTC.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Option<Duration> {
        static START: OnceLock<Instant> = OnceLock::new();
        #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected")]
        let start = START.get_or_init(Instant::now);
        Some(start.elapsed())
    }
}

/// The operating system's randomness, asked for in larger pieces: ids need a little of it many times in each request.
pub struct SystemEntropy;

/// What is asked for at once, on each thread.
const PIECE: usize = 512;

/// Bytes not yet given to anybody; those that were are zeros.
struct Reserve {
    bytes: [u8; PIECE],
    left: usize,
}

thread_local! {
    static RESERVE: RefCell<Reserve> = const { RefCell::new(Reserve { bytes: [0; PIECE], left: 0 }) };
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        RESERVE.with_borrow_mut(|reserve| {
            if bytes.len() > PIECE {
                return ask(bytes);
            }
            if reserve.left < bytes.len() {
                ask(&mut reserve.bytes);
                reserve.left = PIECE;
            }
            let taken = &mut reserve.bytes[reserve.left - bytes.len()..reserve.left];
            bytes.copy_from_slice(taken);
            taken.fill(0);
            reserve.left -= bytes.len();
        });
    }
}

#[expect(clippy::expect_used, reason = "a server without randomness must not go on")]
fn ask(bytes: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "this is the entropy that is injected")]
    getrandom::fill(bytes).expect("the operating system gives randomness");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_the_same_bytes() {
        let mut seen = std::collections::BTreeSet::new();
        for length in [16, 24, 32, 500, 512, 600] {
            for _ in 0..100 {
                let mut bytes = vec![0; length];
                SystemEntropy.fill(&mut bytes);
                assert!(bytes.iter().any(|byte| *byte != 0));
                assert!(seen.insert(bytes[..16].to_vec()));
            }
        }
    }
}
