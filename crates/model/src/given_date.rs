//! Dates as people give them. `2026-12-31` is a day, and a day is somewhere: as an end it includes that day, as a beginning it
//! counts from its first moment, both where the organization is.

use std::{fmt, str::FromStr};

use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Error, Result, Timestamp, Zone};

/// A moment, or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenDate {
    /// With its time: the same everywhere.
    Moment(Timestamp),
    /// Without one.
    Day(civil::Date),
}

impl GivenDate {
    /// When it begins there.
    pub fn start_in(self, zone: &Zone) -> Timestamp {
        match self {
            Self::Moment(at) => at,
            Self::Day(day) => zone.start_of(day).unwrap_or(Timestamp::MAX),
        }
    }

    /// When it is over there: the first moment after the day.
    pub fn end_in(self, zone: &Zone) -> Timestamp {
        match self {
            Self::Moment(at) => at,
            Self::Day(day) => zone.end_of(day).unwrap_or(Timestamp::MAX),
        }
    }
}

impl FromStr for GivenDate {
    type Err = Error;

    /// Reads a date (`2026-12-31`), or a time as RFC 3339 writes it (`2026-12-31T18:00:00Z`).
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let at = Timestamp::parse(text)?;
        match text.parse() {
            Ok(day) if text.len() == 10 => Ok(Self::Day(day)),
            _ => Ok(Self::Moment(at)),
        }
    }
}

impl fmt::Display for GivenDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moment(at) => at.fmt(f),
            Self::Day(day) => day.fmt(f),
        }
    }
}

impl Serialize for GivenDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GivenDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| serde::de::Error::custom(error.message()))
    }
}

/// Puts moments in the place of days in what is written of a user's record. What can't be read stays, and is refused where
/// the record is checked.
pub fn settle(record: &mut Map<String, Value>, zone: &Zone) {
    let settled = |value: &Value, end: bool| {
        let given: GivenDate = value.as_str()?.parse().ok()?;
        let at = if end { given.end_in(zone) } else { given.start_in(zone) };
        Some(Value::from(at.to_string()))
    };
    for (name, is_end) in [("valid_from", false), ("valid_until", true)] {
        if let Some(value) = record.get_mut(name)
            && let Some(at) = settled(value, is_end)
        {
            *value = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_day_is_read_where_the_organization_is() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let day: GivenDate = "2026-12-31".parse().unwrap();
        assert_eq!(day.start_in(&berlin).to_string(), "2026-12-30T23:00:00Z");
        assert_eq!(day.end_in(&berlin).to_string(), "2026-12-31T23:00:00Z");
        assert_eq!(day.end_in(&Zone::utc()).to_string(), "2027-01-01T00:00:00Z");
        let moment: GivenDate = "2026-12-31T18:00:00+01:00".parse().unwrap();
        assert_eq!(moment.start_in(&berlin), moment.end_in(&berlin));
        for refused in ["2027-02-29", "tomorrow", "31.12.2026", ""] {
            assert!(refused.parse::<GivenDate>().is_err(), "{refused}");
        }
        assert_eq!(serde_json::from_value::<GivenDate>(json!("2026-12-31")).unwrap(), day);
        assert_eq!(serde_json::to_value(day).unwrap(), json!("2026-12-31"));
    }

    #[test]
    fn a_record_holds_moments() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let mut record =
            json!({"valid_from": "2026-06-01", "valid_until": "2026-06-30", "title": "2026-06-30"});
        settle(record.as_object_mut().unwrap(), &berlin);
        let expected = json!({"valid_from": "2026-05-31T22:00:00Z", "valid_until": "2026-06-30T22:00:00Z", "title": "2026-06-30"});
        assert_eq!(record, expected);
        let mut odd = json!({"valid_until": null, "valid_from": "soon"});
        settle(odd.as_object_mut().unwrap(), &berlin);
        assert_eq!(odd, json!({"valid_until": null, "valid_from": "soon"}));
    }
}
