//! Times as the command line prints them: on the clocks that `TZ` names, else on those of the organization, else in UTC. Each
//! time says which. JSON is for programs and has UTC alone.

use std::sync::OnceLock;

use model::{Timestamp, Zone};

/// The organization's zone, once the first answer has told it.
static OF_ORG: OnceLock<Zone> = OnceLock::new();

/// Notes the zone of the organization that a command is about.
pub(crate) fn belong_to(zone: Zone) {
    // Of several commands in a row all are about the same organization.
    OF_ORG.set(zone).ok();
}

fn zone() -> Zone {
    #[expect(clippy::disallowed_methods, reason = "TZ belongs to the terminal; it is no setting of Muster's")]
    let asked = std::env::var("TZ").ok();
    let asked = asked.as_deref().and_then(|name| Zone::named(name.trim_start_matches(':')));
    asked.or_else(|| OF_ORG.get().cloned()).unwrap_or_default()
}

/// A day, for columns.
pub(crate) fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| zone().local(at).date().to_string())
}

/// A time to the minute: `2026-11-20 09:00 CET`.
pub(crate) fn minute(at: Timestamp) -> String {
    let zone = zone();
    format!("{} {}", zone.local(at).strftime("%Y-%m-%d %H:%M"), zone.abbreviation(at))
}

/// A time to the second: `2026-11-20 09:00:17 CET`.
pub(crate) fn second(at: Timestamp) -> String {
    let zone = zone();
    format!("{} {}", zone.local(at).strftime("%Y-%m-%d %H:%M:%S"), zone.abbreviation(at))
}
