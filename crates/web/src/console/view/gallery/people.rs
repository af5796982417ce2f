//! The pages about users, with invented people.

use super::super::{
    explanation::{CauseView, ExplanationPage, ExplanationPanel},
    frame::{Frame, Notice, Section},
    parts::{
        Action, Avatar, Badge, Banner, Card, Empty, Entry, Link, Menu, Moment, PageSize, Pager, Shown, Tone,
    },
    users::{
        Column, Sorted, StatusChoice, StatusFilter, Tab, UserHeading, UserList, UserOptions, UserPage,
        UserRow,
    },
};
use super::{Drawn, draw, frame};

const PEOPLE: &[(&str, &str, &str, &str, &str)] = &[
    ("Amara Okafor", "amara.okafor", "Active", "Owner", "2 minutes ago"),
    ("Benedikt Schreiber", "b.schreiber", "Active", "Administrator", "18 minutes ago"),
    ("Chiara Lombardi", "chiara.lombardi", "Invited", "Member", ""),
    ("Đặng Thị Hồng Nhung", "nhung.dang", "Active", "Member", "1 hour ago"),
    ("Elif Yılmaz", "elif.yilmaz", "Suspended", "Member", "12 days ago"),
    ("فرید رحیمی", "farid.rahimi", "Active", "Group manager", "3 hours ago"),
    ("Grace Adeyemi", "grace.adeyemi", "Locked", "Helpdesk", "yesterday"),
    ("Hugo Lindqvist", "hugo.lindqvist", "Active", "Member", "yesterday"),
    ("Inés Moreau-Castellanos de la Fuente", "ines.moreau", "Active", "Auditor", "2 days ago"),
    ("Jonas Brandt", "jonas.brandt", "Pending", "Member", ""),
    ("Katarzyna Wójcik", "k.wojcik", "Active", "User manager", "2 days ago"),
    ("李小龙", "xiaolong.li", "Active", "Member", "3 days ago"),
    ("Liam O’Connor", "liam.oconnor", "Deprovisioned", "Member", "3 months ago"),
    ("Марина Соколова", "marina.sokolova", "Active", "Security administrator", "5 days ago"),
    ("Ngozi Balogun", "ngozi.balogun", "Inactive", "Member", ""),
];

fn tone(status: &str) -> Tone {
    match status {
        "Active" => Tone::Green,
        "Invited" => Tone::Blue,
        "Pending" => Tone::Violet,
        "Suspended" => Tone::Amber,
        "Locked" | "Deleted" => Tone::Red,
        _ => Tone::Grey,
    }
}

fn status(label: &str) -> Badge {
    Badge { tone: tone(label), label: label.to_owned() }
}

pub(super) fn moment(relative: &str) -> Moment {
    let machine = match relative {
        "2 minutes ago" => "2026-11-20T08:12:00Z",
        "18 minutes ago" => "2026-11-20T07:55:00Z",
        "1 hour ago" => "2026-11-20T07:10:00Z",
        "3 hours ago" => "2026-11-20T05:30:00Z",
        "yesterday" => "2026-11-19T08:30:00Z",
        "8 months ago" => "2026-03-14T10:00:00Z",
        _ => "2026-11-08T08:32:00Z",
    };
    Moment {
        machine: machine.to_owned(),
        full: "Thursday, 12 November 2026, 08:32 UTC".to_owned(),
        relative: relative.to_owned(),
    }
}

fn menu(id: &str, status: &str) -> Menu {
    let at = |path: &str| format!("/o/northwind/users/{id}/{path}");
    let mut first = vec![
        Action::page("View profile", format!("/o/northwind/users/{id}"), "user"),
        Action::page("Edit", at("edit"), "edit"),
    ];
    let mut rest = Vec::new();
    match status {
        "Active" => {
            first.push(Action::dialog("Set temporary password…", at("password"), "password"));
            rest.push(Action::dialog("Lock…", at("lock"), "lock"));
            rest.push(Action::dialog("Suspend…", at("suspend"), "pause"));
            rest.push(Action::dialog("Deprovision…", at("deprovision"), "archive"));
        }
        "Locked" => rest.push(Action::dialog("Unlock…", at("unlock"), "unlock")),
        _ => rest.push(Action::dialog("Reactivate…", at("reactivate"), "reactivate")),
    }
    let delete = Action::dialog("Delete…", at("delete"), "trash").dangerous();
    let delete =
        if status == "Owner" { delete.refused("Northwind would be left without an owner.") } else { delete };
    vec![first, rest, vec![delete]]
}

fn row(person: &(&str, &str, &str, &str, &str), number: usize) -> UserRow {
    let (name, username, state, role, seen) = *person;
    let id = format!("0193{number:04}");
    UserRow {
        href: format!("/o/northwind/users/{id}"),
        edit_href: format!("/o/northwind/users/{id}/edit"),
        name: name.to_owned(),
        email: format!("{username}@northwind.example"),
        username: username.to_owned(),
        avatar: Avatar::of(name, username),
        status: status(state),
        role: role.to_owned(),
        more_roles: usize::from(number == 1),
        source: if number % 5 == 1 { "Directory" } else { "Local" }.to_owned(),
        last_sign_in: (!seen.is_empty()).then(|| moment(seen)),
        created: moment("8 months ago"),
        menu: menu(&id, state),
        id,
    }
}

fn choice(label: &str, count: &str, words: &str) -> StatusChoice {
    StatusChoice {
        label: label.to_owned(),
        href: format!("/o/northwind/users?status={}", label.to_lowercase()),
        count: count.to_owned(),
        current: label == "All",
        words: words.to_owned(),
    }
}

fn statuses() -> StatusFilter {
    let all = vec![
        choice("All", "1,284", ""),
        choice("Active", "1,201", ""),
        choice("Invited", "17", "Pending by email"),
        choice("Pending", "4", "Awaiting approval"),
        choice("Inactive", "23", "Draft, not onboarded"),
        choice("Suspended", "31", "Disabled, inactive, deactivated"),
        choice("Locked", "3", ""),
        choice("Deprovisioned", "5", "Archived"),
        choice("Deleted", "0", ""),
    ];
    let usual = ["All", "Active", "Invited", "Suspended", "Locked"];
    let chips = all.iter().filter(|choice| usual.contains(&choice.label.as_str())).cloned().collect();
    StatusFilter { chips, all, ..StatusFilter::default() }
}

fn columns() -> Vec<Column> {
    let column = |label, class, sort: &str, sorted| Column {
        label,
        class,
        href: if sort.is_empty() { String::new() } else { format!("/o/northwind/users?sort={sort}") },
        sorted,
    };
    vec![
        column("User", "who-cell", "-name", Sorted::Ascending),
        column("Username", "spare-3", "username", Sorted::No),
        column("Status", "", "", Sorted::No),
        column("Role", "spare-4", "", Sorted::No),
        column("Source", "spare-2", "", Sorted::No),
        column("Last sign-in", "spare-4", "last_sign_in", Sorted::No),
        column("Created", "spare-1", "created", Sorted::No),
    ]
}

fn list() -> UserList {
    UserList {
        frame: frame("Users", Section::Users, &[("Users", "/o/northwind/users")]),
        summary: "1,284 people · 1,201 active · 17 invited".to_owned(),
        actions: vec![Action::page("Create user", "/o/northwind/users/create", "user-plus")],
        query: String::new(),
        path: "/o/northwind/users".to_owned(),
        kept: Vec::new(),
        banner: None,
        status: statuses(),
        narrowed: vec![Link::new("Role: Helpdesk", "/o/northwind/users")],
        roles: Vec::new(),
        columns: columns(),
        best_first: String::new(),
        rows: PEOPLE.iter().enumerate().map(|(number, person)| row(person, number)).collect(),
        pager: Pager {
            summary: "15 of 1,284 people".to_owned(),
            previous: None,
            next: Some("/o/northwind/users?page_token=n".to_owned()),
            sizes: [25, 50, 100]
                .map(|size| PageSize {
                    size,
                    href: format!("/o/northwind/users?page_size={size}"),
                    current: size == 50,
                })
                .to_vec(),
        },
        empty: None,
        announcement: "1,284 people".to_owned(),
    }
}

fn no_match() -> UserList {
    let mut page = list();
    page.query = "zzyzx".to_owned();
    page.columns[5].sorted = Sorted::Descending;
    page.rows.clear();
    page.status.word = "disabled".to_owned();
    page.status.meanings =
        vec![Link::new("Suspended", "?status=suspended"), Link::new("Inactive", "?status=staged")];
    page.empty = Some(Empty {
        icon: "no-match",
        title: "No users match".to_owned(),
        text: "No user has “zzyzx” in a name, username, email, phone or id. Deleted and deprovisioned users are only \
               searched when their status is chosen."
            .to_owned(),
        actions: vec![Action::page("Clear search and filters", "/o/northwind/users", "close")],
    });
    page
}

fn nobody() -> UserList {
    let mut page = list();
    page.summary = "Nobody yet".to_owned();
    page.rows.clear();
    page.empty = Some(Empty {
        icon: "users",
        title: "Nobody here yet".to_owned(),
        text:
            "Create the first user, or load many from a file with “muster import people.csv --org northwind”."
                .to_owned(),
        actions: vec![Action::page("Create user", "/o/northwind/users/create", "user-plus")],
    });
    page
}

pub(super) fn heading() -> UserHeading {
    UserHeading {
        name: "Elif Yılmaz".to_owned(),
        email: "elif.yilmaz@northwind.example".to_owned(),
        avatar: Avatar::of("Elif Yılmaz", "elif.yilmaz"),
        status: status("Suspended"),
        tags: vec!["Auditor".to_owned(), "Helpdesk".to_owned()],
        edit_href: "/o/northwind/users/01930004/edit".to_owned(),
    }
}

pub(super) fn user_frame(title: &str) -> Frame {
    let crumbs =
        [("Users", "/o/northwind/users"), ("Elif Yılmaz", "/o/northwind/users/01930004"), (title, "")];
    frame(title, Section::Users, if title == "Elif Yılmaz" { &crumbs[..2] } else { &crumbs })
}

pub(super) fn tabs(current: &str) -> Vec<Tab> {
    let tab = |label: &'static str, path: &str| {
        let href = format!("/o/northwind/users/01930004{path}");
        Tab { label, href, current: label == current }
    };
    vec![tab("Profile", ""), tab("Sessions", "/sessions"), tab("Activity", "/activity"), tab("Data", "/data")]
}

fn cards() -> Vec<Card> {
    let card = |title: &str, entries| Card { title: title.to_owned(), entries };
    vec![
        card(
            "Identity",
            vec![
                Entry::new("Display name", Shown::text("Elif Yılmaz")),
                Entry::new("Given name", Shown::text("Elif")),
                Entry::new("Family name", Shown::text("Yılmaz")),
                Entry::new("Username", Shown::Code("elif.yilmaz".to_owned())),
                Entry::new(
                    "Email",
                    Shown::Link(Link::new(
                        "elif.yilmaz@northwind.example",
                        "mailto:elif.yilmaz@northwind.example",
                    )),
                )
                .remark("Not verified"),
            ],
        ),
        card(
            "Contact",
            vec![
                Entry::new("Work phone", Shown::text("+49 30 901820")),
                Entry::new("Mobile", Shown::Nothing),
                Entry::new(
                    "Address",
                    Shown::Lines("Karl-Liebknecht-Straße 1\n10178 Berlin\nGermany".to_owned()),
                ),
                Entry::new("Personal email", Shown::text("elif@mail.example"))
                    .remark("For onboarding and recovery only"),
            ],
        ),
        card(
            "Work",
            vec![
                Entry::new("Title", Shown::text("Regional Sales Manager")),
                Entry::new("Department", Shown::text("Sales EMEA")),
                Entry::new("Employee number", Shown::text("N-10482")),
                Entry::new(
                    "Manager",
                    Shown::Link(Link::new("Katarzyna Wójcik", "/o/northwind/users/01930010")),
                ),
                Entry::new("Notes", Shown::Nothing),
            ],
        ),
    ]
}

fn side_cards() -> Vec<Card> {
    vec![
        Card {
            title: "Account".to_owned(),
            entries: vec![
                Entry::new("User id", Shown::Code("019a3f52-7d6c-7b1e-9c44-2f6a1b8d0e35".to_owned())),
                Entry::new("Type", Shown::text("Human")),
                Entry::new(
                    "Tags",
                    Shown::Badges(vec![Badge { tone: Tone::Grey, label: "works council".to_owned() }]),
                ),
                Entry::new("Source", Shown::text("Local")),
                Entry::new("Created", Shown::Moment(moment("8 months ago"))),
                Entry::new("Joined", Shown::Moment(moment("8 months ago"))),
                Entry::new("Last sign-in", Shown::Moment(moment("12 days ago"))).remark("With a password"),
                Entry::new("Valid until", Shown::Nothing),
                Entry::new("Version", Shown::text("7")),
            ],
        },
        Card {
            title: "Roles".to_owned(),
            entries: vec![
                Entry::new("Auditor", Shown::text("Since 14 March 2026")).remark("Given by Amara Okafor"),
                Entry::new("Helpdesk", Shown::text("Until 1 March 2027"))
                    .remark("Given by Benedikt Schreiber"),
            ],
        },
    ]
}

fn suspended() -> UserPage {
    let at = |path: &str| format!("/o/northwind/users/01930004/{path}");
    UserPage {
        frame: user_frame("Elif Yılmaz"),
        heading: heading(),
        invitation: None,
        actions: vec![
            Action::dialog("Reactivate", at("reactivate"), "reactivate"),
            Action::page("Edit", at("edit"), "edit"),
        ],
        menu: vec![
            vec![
                Action::dialog("Set temporary password…", at("password"), "password")
                    .refused("Only while active."),
                Action::dialog("Deprovision…", at("deprovision"), "archive"),
            ],
            vec![Action::dialog("Delete…", at("delete"), "trash").dangerous()],
        ],
        tabs: tabs("Profile"),
        groups: Some(super::groups::on_user_page()),
        banners: vec![Banner {
            tone: Tone::Amber,
            icon: "pause",
            title: "Suspended: on leave".to_owned(),
            lines: vec![
                "Parental leave, back on 1 March. Ask Katarzyna before changing anything.".to_owned(),
                "By Benedikt Schreiber, 12 days ago".to_owned(),
            ],
            action: None,
        }],
        explanation: ExplanationPanel {
            is_open: true,
            is_blocked: true,
            causes: vec![CauseView {
                tone: Tone::Amber,
                icon: "alert",
                title: "Suspended: on leave".to_owned(),
                text: "By Benedikt Schreiber on 8 November 2026, 08:32 UTC.".to_owned(),
                fixes: vec![
                    Action::dialog("Reactivate", at("reactivate"), "reactivate"),
                    Action::page("Edit", at("edit"), "edit")
                        .refused("This needs the permission user:update."),
                ],
            }],
            last_sign_in: Some(moment("12 days ago")),
            address: "https://people.northwind.example/o/northwind/sign-in".to_owned(),
        },
        cards: cards(),
        side_cards: side_cards(),
    }
}

fn created() -> UserPage {
    let mut page = suspended();
    page.heading.status = status("Active");
    page.banners.clear();
    page.frame.notice = Some(Notice { tone: Tone::Green, text: "Elif Yılmaz was created.".to_owned() });
    page
}

fn explained() -> ExplanationPage {
    let page = suspended();
    let back_href = "/o/northwind/users/01930004".to_owned();
    ExplanationPage { frame: page.frame, heading: page.heading, panel: page.explanation, back_href }
}

pub(super) fn pages() -> Vec<Drawn> {
    let list = list();
    vec![
        ("users", draw(&list)),
        ("users.results", draw(&list.as_results())),
        ("users.palette", draw(&UserOptions { rows: &list.rows[..5] })),
        ("users-no-match", draw(&no_match())),
        ("users-nobody", draw(&nobody())),
        ("user", draw(&suspended())),
        ("user-created", draw(&created())),
        ("user-explanation", draw(&explained())),
    ]
}
