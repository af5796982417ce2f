//! What trusted proxies said about a request's origin and nobody could read: counted since the start, for `doctor` and the
//! metrics. Until it is put right, the addresses of people are those of the proxy: limits then count everybody as one.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::App;

/// As much of what was sent as is kept.
const KEPT: usize = 40;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    count: AtomicU64,
    last: Mutex<String>,
}

impl App {
    /// Counts a part of `X-Forwarded-For` that is no address.
    pub fn note_unreadable_forwarding(&self, text: &str) {
        metrics::counter!("muster_forwarded_unreadable_total").increment(1);
        let unreadable = self.unreadable_forwarding();
        unreadable.count.fetch_add(1, Ordering::Relaxed);
        // It is shown on a terminal.
        let shown = |letter: char| if letter.is_ascii_graphic() { letter } else { '?' };
        let shown: String = text.chars().take(KEPT).map(shown).collect();
        *unreadable.last.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// How many there were since the start, and the last one.
    pub fn unreadable_forwardings(&self) -> (u64, String) {
        let unreadable = self.unreadable_forwarding();
        let last = unreadable.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (unreadable.count.load(Ordering::Relaxed), last)
    }
}
