//! Time zones: the names that are accepted, and how a moment is written for somebody who lives in one.
//!
//! The rules of all zones (IANA) are in the program; what the host has installed does not matter.

use std::{fmt, str::FromStr as _};

use jiff::{civil, tz};
use windows_timezones::WindowsTimezone;

use crate::Timestamp;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(tz::TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl Zone {
    /// Universal time: where nobody has said otherwise.
    pub fn utc() -> Self {
        Self(tz::TimeZone::UTC)
    }

    /// The zone of that name: of the time zone database, in any case (`europe/berlin`), or as Windows calls it
    /// (`W. Europe Standard Time`). Abbreviations (`CEST`) are no names: several zones share them.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        let is_a_place = |name: &str| name.contains('/') && name.len() <= 50;
        if is_a_place(name) {
            return tz::TimeZone::get(name).ok().map(Self);
        }
        let windows = WindowsTimezone::from_str(name).ok()?;
        tz::TimeZone::get(windows.tzdb_id()).ok().map(Self)
    }

    /// As it is stored and shown: `Europe/Berlin`.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The clocks there at that moment.
    pub fn local(&self, at: Timestamp) -> civil::DateTime {
        self.0.to_datetime(stamp(at))
    }

    /// What the clocks there are called at that moment: `CET`, `UTC`, `UTC+3` where people have no word for it.
    pub fn abbreviation(&self, at: Timestamp) -> String {
        let info = self.0.to_offset_info(stamp(at));
        let word = info.abbreviation();
        if word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return word.to_owned();
        }
        let minutes = info.offset().seconds() / 60;
        let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        match (minutes / 60, minutes % 60) {
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
        }
    }

    /// A moment in words: `20 November 2026, 09:00 CET`.
    pub fn in_words(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let date = (local.day(), month(local), local.year());
        format!(
            "{} {} {}, {:02}:{:02} {}",
            date.0,
            date.1,
            date.2,
            local.hour(),
            local.minute(),
            self.abbreviation(at)
        )
    }

    /// The same with the day of the week: `Friday, 20 November 2026, 09:00 CET`.
    pub fn in_full(&self, at: Timestamp) -> String {
        format!("{}, {}", weekday(self.local(at)), self.in_words(at))
    }

    /// The moment at which clocks there show that, as a form's field writes it: `2026-11-20T09:00`, also with seconds. Of a
    /// time that comes twice in a night the first one counts.
    pub fn at_clock(&self, text: &str) -> Option<Timestamp> {
        let shown: civil::DateTime = text.trim().parse().ok()?;
        moment(self.0.to_timestamp(shown).ok()?)
    }

    /// The first moment of a day there.
    pub fn start_of(&self, date: civil::Date) -> Option<Timestamp> {
        let start = date.to_zoned_datetime(self.0.clone()).ok()?;
        moment(start.timestamp())
    }

    /// The first moment after a day there.
    pub fn end_of(&self, date: civil::Date) -> Option<Timestamp> {
        self.start_of(date.tomorrow().ok()?)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `Friday`.
fn weekday(at: civil::DateTime) -> &'static str {
    match at.weekday() {
        civil::Weekday::Monday => "Monday",
        civil::Weekday::Tuesday => "Tuesday",
        civil::Weekday::Wednesday => "Wednesday",
        civil::Weekday::Thursday => "Thursday",
        civil::Weekday::Friday => "Friday",
        civil::Weekday::Saturday => "Saturday",
        civil::Weekday::Sunday => "Sunday",
    }
}

/// `November`.
pub fn month(at: civil::DateTime) -> &'static str {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    MONTHS[usize::from(at.month().unsigned_abs().saturating_sub(1)) % 12]
}

fn stamp(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX)
}

fn moment(at: jiff::Timestamp) -> Option<Timestamp> {
    let micros = at.as_microsecond();
    (0..=Timestamp::MAX.micros()).contains(&micros).then(|| Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn names_are_those_of_the_database_or_of_windows() {
        for (typed, name) in [
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            (" America/Argentina/Buenos_Aires ", "America/Argentina/Buenos_Aires"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("Tokyo Standard Time", "Asia/Tokyo"),
            ("UTC", "UTC"),
            ("Etc/UTC", "Etc/UTC"),
        ] {
            assert_eq!(Zone::named(typed).unwrap().name(), name, "{typed}");
        }
        for refused in
            ["Mars/Phobos", "CEST", "EST", "Europe", "", "../etc/passwd", "Europe/Berlin\0", "+02:00"]
        {
            assert!(Zone::named(refused).is_none(), "{refused}");
        }
    }

    #[test]
    fn moments_are_written_as_the_clocks_there_show_them() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.in_words(at("2026-11-20T08:00:00Z")), "20 November 2026, 09:00 CET");
        assert_eq!(berlin.in_words(at("2026-07-01T22:30:00Z")), "2 July 2026, 00:30 CEST");
        assert_eq!(Zone::utc().in_words(at("2026-11-20T08:00:00Z")), "20 November 2026, 08:00 UTC");
        let words = Zone::named("Asia/Kathmandu").unwrap().in_words(at("2026-11-20T08:00:00Z"));
        assert_eq!(words, "20 November 2026, 13:45 UTC+5:45");
        assert_eq!(berlin.in_full(at("2026-11-20T08:00:00Z")), "Friday, 20 November 2026, 09:00 CET");
        assert_eq!(berlin.at_clock("2026-11-20T09:00").unwrap(), at("2026-11-20T08:00:00Z"));
        assert_eq!(berlin.at_clock("2026-07-01T09:00:30").unwrap(), at("2026-07-01T07:00:30Z"));
        assert!(berlin.at_clock("tomorrow").is_none() && berlin.at_clock("").is_none());
        assert!(Zone::utc().in_words(Timestamp::MAX).contains("December 9999"));
    }

    #[test]
    fn a_day_lasts_from_midnight_to_midnight_where_it_is() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let day = civil::date(2026, 12, 31);
        assert_eq!(berlin.start_of(day).unwrap(), at("2026-12-30T23:00:00Z"));
        assert_eq!(berlin.end_of(day).unwrap(), at("2026-12-31T23:00:00Z"));
        // The clocks go back that night: the day has 25 hours.
        let long = civil::date(2026, 10, 25);
        assert_eq!(berlin.end_of(long).unwrap().since(berlin.start_of(long).unwrap()).as_secs(), 25 * 3600);
        // Midnight does not exist there on that day.
        let beirut = Zone::named("Africa/Cairo").unwrap().start_of(civil::date(2026, 4, 24)).unwrap();
        assert_eq!(beirut, at("2026-04-23T22:00:00Z"));
        assert!(Zone::utc().end_of(civil::date(9999, 12, 31)).is_none());
    }
}
