//! The pages of somebody's activity and of the data held on somebody, with invented days.

use super::super::{
    activity::{
        ActivityPage, Chart, Choice, DataPage, DayGroup, DeviceRow, Difference, ErasurePage, ItemRow,
        OriginRow,
    },
    frame::Section,
    parts::{Action, Banner, Card, Empty, Entry, Link, Shown, Tone},
};
use super::{
    Drawn, draw, frame,
    people::{heading, moment, tabs, user_frame},
};

const USER: &str = "/o/northwind/users/01930004";

fn choices<const N: usize>(labels: [&str; N], current: usize) -> Vec<Choice> {
    let choice = |(index, label): (usize, &str)| Choice {
        label: label.to_owned(),
        href: format!("{USER}/activity?choice={index}"),
        current: index == current,
    };
    labels.into_iter().enumerate().map(choice).collect()
}

fn chart(sign_ins: &[(i64, i64); 30]) -> Chart {
    let day = |(index, &(up, down)): (usize, &(i64, i64))| match index {
        0..10 => (format!("{} October", 22 + index), up, down),
        _ => (format!("{} November", index - 9), up, down),
    };
    let days: Vec<(String, i64, i64)> = sign_ins.iter().enumerate().map(day).collect();
    Chart::new(&days, choices(["30 days", "90 days"], 0))
}

fn usual() -> [(i64, i64); 30] {
    let mut days = [(0, 0); 30];
    for (index, day) in (0..).zip(&mut days) {
        *day = if index % 7 < 5 { (1 + index % 3, i64::from(index % 11 == 4) * 2) } else { (0, 0) };
    }
    days
}

fn item(icon: &'static str, tone: Tone, sentence: &str, whence: &str) -> ItemRow {
    ItemRow {
        icon,
        tone,
        sentence: sentence.to_owned(),
        time: "08:32".to_owned(),
        machine: "2026-11-20T08:32:00Z".to_owned(),
        full: "Friday, 20 November 2026, 08:32 UTC".to_owned(),
        reason: String::new(),
        whence: whence.to_owned(),
        differences: Vec::new(),
        entry: "01930009".to_owned(),
    }
}

fn activity() -> ActivityPage {
    let changed = |field: &str, before: &str, after: &str| Difference {
        field: field.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let edited = ItemRow {
        differences: vec![
            changed("Title", "Flight attendant", "Purser"),
            changed("Department", "", "Cabin crew, long-haul and repatriation flights"),
            changed("Mobile", "+90 532 000 00 00", ""),
        ],
        ..item("edit", Tone::Grey, "Amara Okafor edited the profile", "from 85.214.132.117")
    };
    let suspended = ItemRow {
        reason: "Parental leave until March".to_owned(),
        ..item("pause", Tone::Amber, "Benedikt Schreiber suspended the account", "through the API")
    };
    let mail = ItemRow {
        entry: String::new(),
        ..item(
            "mail",
            Tone::Grey,
            "“Your account was suspended” was mailed to elif.yilmaz@northwind.example",
            "",
        )
    };
    let origin = |address: &str, counts: &str, last: &str| OriginRow {
        address: address.to_owned(),
        counts: counts.to_owned(),
        last: moment(last),
    };
    ActivityPage {
        frame: user_frame("Activity"),
        heading: heading(),
        tabs: tabs("Activity"),
        tabs_label: "About this user",
        export: format!("{USER}/activity/export"),
        csrf: "csrf-of-this-session".to_owned(),
        kind: String::new(),
        chart: chart(&usual()),
        origins: vec![
            origin("85.214.132.117", "31 sign-ins, 2 refused", "yesterday"),
            origin("2a01:4f8:c17:b0f::2", "4 sign-ins", "3 days ago"),
        ],
        devices: vec![DeviceRow {
            name: "Samsung Internet 27 on Android 14 · SM-S921B".to_owned(),
            counts: "2 sessions".to_owned(),
            last: moment("18 minutes ago"),
        }],
        kinds: choices(["Everything", "Sign-ins", "Account", "Roles", "Mail"], 0),
        days: vec![
            DayGroup { title: "Friday, 20 November 2026".to_owned(), items: vec![suspended, mail] },
            DayGroup {
                title: "Thursday, 19 November 2026".to_owned(),
                items: vec![
                    edited,
                    item("close", Tone::Red, "A sign-in failed: wrong password", "from 203.0.113.7"),
                    item("user", Tone::Blue, "Elif Yılmaz signed in with a password", "from 85.214.132.117"),
                ],
            },
        ],
        may_see_audit: true,
        older: Some("?before=01930001".to_owned()),
        newest: None,
        empty: None,
        announcement: "5 entries".to_owned(),
    }
}

fn nothing() -> ActivityPage {
    let text = "Elif Yılmaz has done nothing yet, and nothing was done to the account.".to_owned();
    ActivityPage {
        chart: chart(&[(0, 0); 30]),
        origins: Vec::new(),
        devices: Vec::new(),
        days: Vec::new(),
        older: None,
        empty: Some(Empty { icon: "no-match", title: "Nothing yet".to_owned(), text, actions: Vec::new() }),
        ..activity()
    }
}

fn data(standing: Option<Banner>, download: Option<&str>) -> DataPage {
    DataPage {
        frame: user_frame("Data"),
        heading: heading(),
        tabs: tabs("Data"),
        tabs_label: "About this user",
        title: "All that is held on Elif Yılmaz".to_owned(),
        about: vec![
            "One file with the profile, roles, sessions, tokens, invitations, mails and the audit log."
                .to_owned(),
            "Other people’s names are left out.".to_owned(),
        ],
        submit: if standing.is_some() { "Prepare again" } else { "Prepare the data" },
        standing,
        download: download.map(str::to_owned),
        ask: format!("{USER}/data"),
        csrf: "csrf-of-this-session".to_owned(),
    }
}

fn ready() -> DataPage {
    let standing = Banner {
        tone: Tone::Green,
        icon: "check",
        title: "The file is ready".to_owned(),
        lines: vec!["18 kB, until tomorrow at 08:32 UTC.".to_owned()],
        action: None,
    };
    data(Some(standing), Some("/o/northwind/data-export/secret"))
}

fn erasure() -> ErasurePage {
    let entry = |label: &str, value: &str| Entry::new(label, Shown::text(value));
    let code = |label: &str, value: &str| Entry::new(label, Shown::Code(value.to_owned()));
    ErasurePage {
        frame: frame(
            "Receipt of an erasure",
            Section::Users,
            &[("Users", "/o/northwind/users"), ("Receipt of an erasure", "")],
        ),
        cards: vec![
            Card {
                title: "Who and when".to_owned(),
                entries: vec![
                    code("User", "01a1f952-ea24-7fe7-b4a7-dfe83cb82af1"),
                    entry("Pseudonym", "deleted user 3cb82af1"),
                    Entry::new("Erased", Shown::Moment(moment("yesterday"))),
                    entry("By", "Amara Okafor"),
                ],
            },
            Card {
                title: "What was removed".to_owned(),
                entries: vec![entry("Profile", "1"), entry("Sessions", "4"), entry("Mails", "12")],
            },
        ],
        files: vec![Action::page("As text", format!("{USER}/erasure?format=text"), "download")],
        back: Link::new("Back to the users", "/o/northwind/users"),
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    vec![
        ("activity", draw(&activity())),
        ("activity-nothing", draw(&nothing())),
        ("data", draw(&data(None, None))),
        ("data-ready", draw(&ready())),
        ("erasure", draw(&erasure())),
    ]
}
