//! How values of the domain look on pages: times, statuses, numbers, people who did something.

use std::collections::HashMap;

use model::{
    Agent, Error, Kind, Status, Timestamp, UserId,
    given_date::GivenDate,
    grant::{GrantTerms, reason_in_words},
    user,
};

use super::{
    view::parts::{Badge, Moment, Tone},
    visit::Visit,
};
use crate::{
    problem::{Answer, Problem},
    zone,
};

/// A status in its colour.
pub(crate) fn badge(status: Status) -> Badge {
    let tone = match status {
        Status::Active => Tone::Green,
        Status::Invited => Tone::Blue,
        Status::Pending => Tone::Violet,
        Status::Suspended => Tone::Amber,
        Status::Locked | Status::Deleted => Tone::Red,
        Status::Inactive | Status::Deprovisioned => Tone::Grey,
    };
    Badge { tone, label: status.label().to_owned() }
}

/// A source as people read it.
pub(crate) fn source(source: user::Source) -> &'static str {
    match source {
        user::Source::Local => "Local",
        user::Source::Scim => "SCIM",
        user::Source::Directory => "Directory",
        user::Source::Hr => "HR",
    }
}

/// A sort of user as people read it.
pub(crate) fn user_type(kind: user::UserType) -> &'static str {
    match kind {
        user::UserType::Human => "Person",
        user::UserType::Service => "Service",
        user::UserType::Guest => "Guest",
        user::UserType::BreakGlass => "Break glass",
    }
}

/// A point in time as pages write it.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> Moment {
    Moment { machine: at.to_string(), full: full(at), relative: relative(at, now) }
}

/// Date, time and zone in full, by the viewer's clocks: `Thursday, 12 November 2026, 08:32 CET`.
pub(crate) fn full(at: Timestamp) -> String {
    zone::shown().in_full(at)
}

/// Said beside fields that take a time: whose clocks count.
pub(crate) fn clocks() -> String {
    format!("By the clocks of {}.", zone::shown())
}

/// How long ago or ahead, in the words that the script keeps true (`assets/controls.js`).
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    const DAY: u64 = 86_400;
    let (ahead, seconds) = if at > now { (true, at.since(now)) } else { (false, now.since(at)) };
    let seconds = seconds.as_secs();
    let (count, unit) = match seconds {
        0..60 => return if ahead { "in under a minute" } else { "just now" }.to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..DAY => (seconds / 3600, "hour"),
        _ if seconds < 30 * DAY => (seconds / DAY, "day"),
        _ if seconds < 365 * DAY => (seconds / (30 * DAY), "month"),
        _ => (seconds / (365 * DAY), "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    match (ahead, count, unit) {
        (false, 1, "day") => "yesterday".to_owned(),
        (true, 1, "day") => "tomorrow".to_owned(),
        (false, ..) => format!("{count} {unit}{plural} ago"),
        (true, ..) => format!("in {count} {unit}{plural}"),
    }
}

/// A number with its thousands marked: `1,284`.
pub(crate) fn number(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 person`, `1,284 people`.
pub(crate) fn people(count: i64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count)) }
}

/// The names of whoever did something, for pages that say by whom.
pub(crate) struct Names(HashMap<UserId, String>);

impl Names {
    /// Looks the users among `agents` up, each once.
    pub(crate) async fn of(visit: &Visit, agents: impl IntoIterator<Item = Agent>) -> Answer<Self> {
        let mut names = HashMap::new();
        for agent in agents {
            let Agent::User(id) = agent else { continue };
            if names.contains_key(&id) {
                continue;
            }
            match visit.app().user(&visit.caller.actor, id).await {
                Ok(person) => _ = names.insert(id, person.user.name().to_owned()),
                // Gone, or not for the viewer to see.
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Forbidden) => {}
                Err(error) => return Err(Problem(error)),
            }
        }
        Ok(Self(names))
    }

    /// Why something was given, with the name of the user to whom the reason refers.
    pub(crate) fn reason(&self, terms: &GrantTerms) -> String {
        let name = terms.copied_from().and_then(|user| self.0.get(&user)).map(String::as_str);
        reason_in_words(&terms.reason, name)
    }

    /// Who it was, in words.
    pub(crate) fn label(&self, agent: Agent) -> String {
        let name = match agent {
            Agent::User(id) => self.0.get(&id).map(String::as_str),
            Agent::Operator | Agent::System => None,
        };
        app::users::agent_label(agent, name)
    }
}

/// A time as an `<input type="datetime-local">` holds it, by the viewer's clocks, to the minute.
pub(crate) fn input_time(at: Timestamp) -> String {
    zone::shown().local(at).strftime("%Y-%m-%dT%H:%M").to_string()
}

/// Reads such a time, or one that says itself where it is. Of a plain date the first moment counts, or, of an end, the last.
pub(crate) fn parse_time(field: &'static str, text: &str) -> Result<Timestamp, Error> {
    let (text, zone) = (text.trim(), zone::shown());
    if let Some(at) = zone.at_clock(text).filter(|_| matches!(text.len(), 16 | 19)) {
        return Ok(at);
    }
    let given: Result<GivenDate, Error> = text.parse();
    let given = given.map_err(|error| Error::invalid_field(field, "time.malformed", error.message()))?;
    let is_end = matches!(field, "until" | "valid_until");
    Ok(if is_end { given.end_in(&zone) } else { given.start_in(&zone) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_read_as_the_script_writes_them() {
        let now = Timestamp::parse("2026-11-20T08:00:00Z").expect("a time");
        let ago = |seconds| relative(now.minus(Duration::from_secs(seconds)), now);
        let ahead = |seconds| relative(now.plus(Duration::from_secs(seconds)), now);
        for (seconds, expected) in [
            (0, "just now"),
            (60, "1 minute ago"),
            (7199, "1 hour ago"),
            (86_400, "yesterday"),
            (29 * 86_400, "29 days ago"),
            (31 * 86_400, "1 month ago"),
            (800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(ago(seconds), expected);
        }
        assert_eq!(ahead(30), "in under a minute");
        assert_eq!(ahead(86_400), "tomorrow");
        assert_eq!(ahead(100 * 86_400), "in 3 months");
        assert_eq!(full(now), "Friday, 20 November 2026, 08:00 UTC");
    }

    #[test]
    fn what_a_form_is_given_it_gives_back() {
        let at = Timestamp::parse("2027-03-01T09:30:00Z").expect("a time");
        assert_eq!(parse_time("until", &input_time(at)).expect("a time"), at);
        assert!(parse_time("until", "tomorrow").is_err());
        assert!(parse_time("until", "äöüäöüäö").is_err());
    }

    #[test]
    fn thousands_are_marked() {
        assert_eq!((number(0), number(999)), ("0".to_owned(), "999".to_owned()));
        assert_eq!((number(1284), number(10_000_000)), ("1,284".to_owned(), "10,000,000".to_owned()));
    }
}
