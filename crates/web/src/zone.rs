//! Whose clocks a page shows: those of who looks, else the organization's, else UTC.
//!
//! Set around a page's handler (`auth.rs`); whatever writes a time asks here, so that no page can forget it. The API knows
//! moments alone, and is not concerned.

use model::{Org, Zone};

tokio::task_local! {
    static SHOWN: Zone;
}

/// Answers a request with the clocks of a zone.
pub(crate) async fn shown_in<F: Future>(zone: Zone, answer: F) -> F::Output {
    SHOWN.scope(zone, answer).await
}

/// The zone in which times are shown and read at present.
pub(crate) fn shown() -> Zone {
    SHOWN.try_with(Zone::clone).unwrap_or_default()
}

/// The zone for somebody: their own, else the organization's.
pub(crate) fn of(own: Option<&Zone>, org: &Org) -> Zone {
    own.cloned().unwrap_or_else(|| org.settings.zone())
}
