//! Points in time, to the microsecond, and the clock that they come from.
//!
//! Both databases keep microseconds since 1970 as a plain integer, so that nothing is rounded twice.

use std::{fmt, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Error, Result};

/// Microseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 string in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Where "now" comes from. The server's is the machine's; a test's stands still until moved.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Time since some moment of this process, by a clock that nobody sets: against it a step of the other one shows. `None`
    /// where there is no such clock.
    fn elapsed(&self) -> Option<Duration> {
        None
    }
}

impl Timestamp {
    /// 9999-12-31: the last moment RFC 3339 can write.
    pub const MAX: Self = Self(253_402_300_799_000_000);

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, as UUIDv7 carries them (RFC 9562 §5.7).
    pub fn millis(self) -> u64 {
        u64::try_from(self.0 / 1000).unwrap_or(0)
    }

    /// Reads RFC 3339 (`2026-11-20T08:00:00Z`), or a plain date, which means its first moment in UTC.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = || {
            let message = "Write a time as 2026-11-20T08:00:00Z or a date as 2026-11-20.";
            Error::invalid_field("time", "time.malformed", message)
        };
        let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        let moment = OffsetDateTime::parse(&full, &Rfc3339).map_err(|_| refused())?;
        let micros = i64::try_from(moment.unix_timestamp_nanos() / 1000).map_err(|_| refused())?;
        if (0..=Self::MAX.0).contains(&micros) { Ok(Self(micros)) } else { Err(refused()) }
    }

    /// Later by `duration`; never past `MAX`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros)).min(Self::MAX)
    }

    /// Earlier by `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Calendar fields in UTC, for pages that write dates in words.
    pub fn calendar(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC. Written digit by digit: a page of the list holds hundreds of these.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.calendar();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |end: usize, mut number: u32| {
            let mut at = end;
            while number > 0 {
                at -= 1;
                text[at] += u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        put(4, moment.year().unsigned_abs());
        put(7, u8::from(moment.month()).into());
        put(10, moment.day().into());
        put(13, moment.hour().into());
        put(16, moment.minute().into());
        put(19, moment.second().into());
        put(26, moment.microsecond());
        // No more digits of the second than it has, and no point before none.
        let digits =
            text[..26].iter().rposition(|byte| !matches!(byte, b'0' | b'.')).map_or(0, |last| last + 1);
        let end = if moment.microsecond() == 0 { 19 } else { digits };
        text[end] = b'Z';
        f.write_str(std::str::from_utf8(&text[..=end]).map_err(|_| fmt::Error)?)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back_keeps_the_microsecond() {
        for text in ["2026-11-20T08:00:00Z", "2026-11-20T08:00:00.000001Z", "1970-01-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Timestamp::parse("2026-11-20").unwrap().to_string(), "2026-11-20T00:00:00Z");
        assert_eq!(
            Timestamp::parse("2026-10-20T20:10:00.120300Z").unwrap().to_string(),
            "2026-10-20T20:10:00.1203Z"
        );
        for micros in
            [0, 1, 999_999, 1_000_000, 86_399_999_999, 1_795_161_600_500_000, Timestamp::MAX.micros()]
        {
            let moment = Timestamp::from_micros(micros);
            assert_eq!(moment.to_string(), moment.calendar().format(&Rfc3339).unwrap());
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "yesterday", "2026-13-01", "1969-12-31", "2026-11-20T25:00:00Z", "9".repeat(400).as_str()]
        {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
