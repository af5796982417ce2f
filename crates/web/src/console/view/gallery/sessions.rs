//! The pages about sessions, with invented devices.

use super::super::{
    frame::Section,
    parts::{Action, Avatar, Banner, Empty, Link, Menu, PageSize, Pager, Tone},
    sessions::{
        Chip, ChipGroup, DeviceRow, ListedSession, PersonSessions, Places, Revoke, SessionGroup, SessionList,
        SessionRow,
    },
};
use super::{
    Drawn, draw, frame,
    people::{heading, moment, tabs, user_frame},
};

fn row(id: &str, icon: &'static str, browser: &str, system: &str, place: &str, address: &str) -> SessionRow {
    SessionRow {
        id: id.to_owned(),
        icon,
        kind: "Computer: ",
        browser: browser.to_owned(),
        system: system.to_owned(),
        user_agent: "Mozilla/5.0 (…)".to_owned(),
        address: address.to_owned(),
        address_href: format!("/o/northwind/sessions?q={address}"),
        place: place.to_owned(),
        method: "Password".to_owned(),
        remembered: id == "2",
        started: moment("yesterday"),
        last_active: moment("18 minutes ago"),
        is_this: id == "1",
        whose: String::new(),
        revoke: Revoke::Ask(format!("/o/northwind/users/01930004/sessions/{id}/revoke")),
    }
}

fn rows() -> Vec<SessionRow> {
    vec![
        row("1", "desktop", "Chrome 131", "Windows 11", "Berlin, Germany", "85.214.132.117"),
        row("2", "desktop", "Firefox 132", "Windows 10", "", "85.214.132.118"),
        row(
            "3",
            "phone",
            "Samsung Internet 27",
            "Android 14 · SM-S921B",
            "Milan, Italy",
            "2a01:4f8:c17:b0f::2",
        ),
        row("4", "program", "curl 8.5", "", "Private network", "10.0.0.4"),
    ]
}

fn credit() -> Places {
    let credits = vec![Link::new("IP geolocation by DB-IP", "https://db-ip.com")];
    Places { are_missing: false, credits }
}

fn person() -> PersonSessions {
    let mut rows = rows();
    let (program, phone) = (rows.pop().expect("a program"), rows.pop().expect("a phone"));
    let group = |label, rows| SessionGroup { label, rows };
    PersonSessions {
        frame: user_frame("Sessions"),
        heading: heading(),
        tabs: tabs("Sessions"),
        tabs_label: "About this user",
        menu: Menu::new(),
        actions: vec![Action::dialog(
            "Sign out everywhere",
            "/o/northwind/users/01930004/sessions/end",
            "sign-out",
        )],
        banners: vec![Banner {
            tone: Tone::Amber,
            icon: "alert",
            title: "Two sign-ins from places far apart".to_owned(),
            lines: vec!["Berlin, Germany: Friday".to_owned(), "Sydney, Australia: Friday".to_owned()],
            action: None,
        }],
        groups: vec![group("Windows", rows), group("Android", vec![phone]), group("Other", vec![program])],
        empty: None,
        devices: devices(),
        places: credit(),
    }
}

fn devices() -> Vec<DeviceRow> {
    let remove = |number: u8| Revoke::Now {
        action: format!("/o/northwind/users/01930004/devices/{number}/remove"),
        csrf: "csrf".to_owned(),
    };
    let device = |row: SessionRow, number| DeviceRow {
        icon: row.icon,
        kind: row.kind,
        browser: row.browser,
        system: row.system,
        user_agent: row.user_agent,
        address: row.address,
        place: row.place,
        first_seen: row.started,
        last_seen: row.last_active,
        is_this: row.is_this,
        remove: remove(number),
    };
    rows().into_iter().zip(1..).map(|(row, number)| device(row, number)).collect()
}

fn own() -> PersonSessions {
    let mut page = person();
    page.banners.clear();
    page.groups.truncate(1);
    page.places = Places { are_missing: true, credits: Vec::new() };
    for row in &mut page.groups[0].rows {
        row.revoke = if row.is_this {
            Revoke::No("Sign out with the menu above")
        } else {
            Revoke::Now {
                action: "/o/northwind/account/sessions/2/revoke".to_owned(),
                csrf: "csrf".to_owned(),
            }
        };
    }
    page
}

fn nowhere() -> PersonSessions {
    let text = "Elif Yılmaz is signed in nowhere at the moment.".to_owned();
    let title = "No open sessions".to_owned();
    let empty = Some(Empty { icon: "devices", title, text, actions: Vec::new() });
    PersonSessions { empty, groups: Vec::new(), ..person() }
}

fn list() -> SessionList {
    let listed = |(number, session): (usize, SessionRow)| {
        let name =
            ["Amara Okafor", "Inés Moreau-Castellanos de la Fuente", "李小龙", "Марина Соколова"][number];
        ListedSession {
            name: name.to_owned(),
            username: "a.username".to_owned(),
            avatar: Avatar::of(name, name),
            href: "/o/northwind/users/01930004/sessions".to_owned(),
            session: SessionRow { whose: name.to_owned(), ..session },
        }
    };
    let chip = |label: &str, current| Chip {
        label: label.to_owned(),
        href: "/o/northwind/sessions".to_owned(),
        current,
    };
    SessionList {
        frame: frame("Sessions", Section::Sessions, &[("Sessions", "")]),
        summary: "1,284 sessions of 903 people".to_owned(),
        query: "85.214.0.0/16".to_owned(),
        path: "/o/northwind/sessions".to_owned(),
        kept: vec![("platform".to_owned(), "windows".to_owned())],
        chips: vec![
            ChipGroup {
                id: "platform",
                label: "Platform",
                choices: vec![chip("All platforms", false), chip("Windows", true)],
            },
            ChipGroup {
                id: "use",
                label: "Use",
                choices: vec![chip("Used any time", true), chip("24 hours", false)],
            },
        ],
        meanings: vec![Link::new("Ana Ng", "/o/northwind/sessions?q=ana.ng")],
        revoke: Some(Action::dialog("End 1,284 sessions…", "/o/northwind/sessions/revoke", "sign-out")),
        rows: rows().into_iter().enumerate().map(listed).collect(),
        pager: Pager {
            summary: "4 of 1,284 sessions".to_owned(),
            previous: None,
            next: Some("/o/northwind/sessions?page_token=x".to_owned()),
            sizes: vec![PageSize { size: 50, href: "/o/northwind/sessions".to_owned(), current: true }],
        },
        empty: None,
        places: credit(),
        announcement: "1,284 sessions of 903 people".to_owned(),
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    let list = list();
    vec![
        ("user-sessions", draw(&person())),
        ("user-sessions-none", draw(&nowhere())),
        ("account-sessions", draw(&own())),
        ("sessions", draw(&list)),
        ("sessions.results", draw(&list.as_results())),
    ]
}
