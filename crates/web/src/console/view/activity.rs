//! The pages of somebody's activity and of the data held on somebody: the list by day, the sign-ins as a chart with its
//! table, and the receipt of an erasure. An administrator's and one's own look alike.

use askama::{Template, filters::HtmlSafe};

use super::{
    frame::Frame,
    parts::{Action, Banner, Card, Empty, Link, Moment, Tone},
    users::{Tab, UserHeading},
};

/// What somebody did and what was done to them.
#[derive(Template)]
#[template(path = "console/users/activity.html", blocks = ["results"])]
pub(crate) struct ActivityPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    /// Whose tabs these are, for the ear.
    pub(crate) tabs_label: &'static str,
    /// Where it is asked for as a file, and of which kind.
    pub(crate) export: String,
    pub(crate) csrf: String,
    pub(crate) kind: String,
    pub(crate) chart: Chart,
    pub(crate) origins: Vec<OriginRow>,
    pub(crate) devices: Vec<DeviceRow>,
    pub(crate) kinds: Vec<Choice>,
    pub(crate) days: Vec<DayGroup>,
    /// Whether entries lead to their page in the audit log.
    pub(crate) may_see_audit: bool,
    /// Where what is older stands.
    pub(crate) older: Option<String>,
    /// Back to the newest, when this is not it.
    pub(crate) newest: Option<String>,
    pub(crate) empty: Option<Empty>,
    /// Said to those who can't see the list change.
    pub(crate) announcement: String,
}

/// One of several to choose from.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) label: String,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// What happened on one day.
#[derive(Debug, Clone)]
pub(crate) struct DayGroup {
    /// "Friday, 20 November 2026".
    pub(crate) title: String,
    pub(crate) items: Vec<ItemRow>,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) struct ItemRow {
    pub(crate) icon: &'static str,
    pub(crate) tone: Tone,
    pub(crate) sentence: String,
    /// "08:32", with the whole moment behind it.
    pub(crate) time: String,
    pub(crate) machine: String,
    pub(crate) full: String,
    /// Why.
    pub(crate) reason: String,
    /// "from 203.0.113.7, through the API".
    pub(crate) whence: String,
    pub(crate) differences: Vec<Difference>,
    /// The id of the audit entry; empty for a mail.
    pub(crate) entry: String,
}

/// A field that changed.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) field: String,
    /// Empty: there was nothing.
    pub(crate) before: String,
    /// Empty: there is nothing.
    pub(crate) after: String,
}

/// Where sign-ins came from.
#[derive(Debug, Clone)]
pub(crate) struct OriginRow {
    pub(crate) address: String,
    /// "12 sign-ins, 1 refused".
    pub(crate) counts: String,
    pub(crate) last: Moment,
}

/// With what somebody is signed in.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    pub(crate) name: String,
    /// "2 sessions".
    pub(crate) counts: String,
    pub(crate) last: Moment,
}

/// Sign-ins by day: what succeeded grows up from a line, what was refused hangs down from it.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/chart.html")]
pub(crate) struct Chart {
    /// 30 or 90 days.
    pub(crate) windows: Vec<Choice>,
    /// "14 sign-ins and 2 refused in the last 30 days".
    pub(crate) summary: String,
    /// Width of the drawing, in its own units.
    pub(crate) width: usize,
    /// Where the line is.
    pub(crate) base: i64,
    pub(crate) bars: Vec<Bar>,
    /// The first and the last day.
    pub(crate) ends: (String, String),
    /// The most of one day: succeeded, refused.
    pub(crate) most: (i64, i64),
    /// The table behind it: days on which there was something.
    pub(crate) rows: Vec<(String, i64, i64)>,
}

impl HtmlSafe for Chart {}

/// A day of the chart.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) x: usize,
    pub(crate) top: i64,
    pub(crate) up: i64,
    pub(crate) down: i64,
    /// "20 November: 3 sign-ins, 1 refused".
    pub(crate) title: String,
}

/// Height of the drawing, in its own units.
const HEIGHT: i64 = 120;
/// Width of a day.
const DAY: usize = 10;

impl Chart {
    /// Draws days: each its name, what succeeded, what was refused.
    pub(crate) fn new(days: &[(String, i64, i64)], windows: Vec<Choice>) -> Self {
        let most = |of: fn(&(String, i64, i64)) -> i64| days.iter().map(of).max().unwrap_or_default();
        let (most_up, most_down) = (most(|day| day.1), most(|day| day.2));
        let unit =
            |count: i64| (count * (HEIGHT - 4) + most_up + most_down - 1) / (most_up + most_down).max(1);
        let base = unit(most_up) + 2;
        let bar = |(index, (name, up, down)): (usize, &(String, i64, i64))| Bar {
            x: index * DAY,
            top: base - unit(*up),
            up: unit(*up),
            down: unit(*down),
            title: format!("{name}: {}", counts(*up, *down)),
        };
        let (ups, downs) = days.iter().fold((0, 0), |(ups, downs), (_, up, down)| (ups + up, downs + down));
        let end = |day: Option<&(String, i64, i64)>| day.map(|day| day.0.clone()).unwrap_or_default();
        Self {
            summary: format!("{} in the last {} days", counts(ups, downs), days.len()),
            width: days.len() * DAY,
            base,
            bars: days.iter().enumerate().map(bar).collect(),
            ends: (end(days.first()), end(days.last())),
            most: (most_up, most_down),
            rows: days.iter().rev().filter(|(_, up, down)| up + down > 0).cloned().collect(),
            windows,
        }
    }
}

/// "3 sign-ins, 1 refused".
pub(crate) fn counts(succeeded: i64, failed: i64) -> String {
    let plural = if succeeded == 1 { "" } else { "s" };
    let refused = if failed > 0 { format!(", {failed} refused") } else { String::new() };
    format!("{succeeded} sign-in{plural}{refused}")
}

/// The data held on somebody: asking for it, and fetching it.
#[derive(Template)]
#[template(path = "console/users/data.html")]
pub(crate) struct DataPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) tabs_label: &'static str,
    /// "All that is held on Ana Silva".
    pub(crate) title: String,
    /// What the file holds, and who may have it.
    pub(crate) about: Vec<String>,
    /// Where the latest export stands.
    pub(crate) standing: Option<Banner>,
    /// Where the file is fetched; `None` until it is ready.
    pub(crate) download: Option<String>,
    /// Where it is asked for.
    pub(crate) ask: String,
    pub(crate) csrf: String,
    /// "Prepare the data", "Prepare again".
    pub(crate) submit: &'static str,
}

/// The receipt of an erasure.
#[derive(Template)]
#[template(path = "console/users/erasure.html")]
pub(crate) struct ErasurePage {
    pub(crate) frame: Frame,
    pub(crate) cards: Vec<Card>,
    pub(crate) files: Vec<Action>,
    pub(crate) back: Link,
}
