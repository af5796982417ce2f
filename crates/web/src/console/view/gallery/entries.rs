//! The pages about the audit log, with invented entries.

use super::super::{
    audit::{AuditList, ChangeRow, EntryPage, EntryRow, ExportForm, FilterField, KindChoice},
    frame::Section,
    parts::{Badge, Card, Empty, Entry, Link, Pager, Shown, Tone},
};
use super::{Drawn, draw, frame, people::moment};

const ENTRIES: &[(&str, Tone, &str, &str, &str, &str)] = &[
    ("User suspended", Tone::Amber, "2 minutes ago", "Amara Okafor", "Elif Yılmaz", "state"),
    ("Sign in failed", Tone::Red, "18 minutes ago", "Grace Adeyemi", "Grace Adeyemi", "wrong password"),
    (
        "User edited",
        Tone::Grey,
        "1 hour ago",
        "Inés Moreau-Castellanos de la Fuente",
        "李小龙",
        "title, department, phone",
    ),
    ("Role granted", Tone::Green, "yesterday", "the operator", "فرید رحیمی", "roles"),
];

fn list() -> AuditList {
    let row = |(number, entry): (usize, &(&str, Tone, &str, &str, &str, &str))| EntryRow {
        href: format!("/o/northwind/audit/{number}"),
        id: number.to_string(),
        event: entry.0.to_owned(),
        code: "user.suspended".to_owned(),
        at: moment(entry.2),
        by: entry.3.to_owned(),
        about: entry.4.to_owned(),
        changed: entry.5.to_owned(),
        address: "2001:db8::1f".to_owned(),
    };
    let kind = |(number, label): (usize, &'static str)| KindChoice {
        label,
        href: "?event=user.".to_owned(),
        current: number == 0,
    };
    let field = |name, label| FilterField {
        name,
        label,
        kind: "text",
        value: String::new(),
        placeholder: "Username, email, id",
    };
    AuditList {
        frame: frame("Audit log", Section::Audit, &[("Audit log", "/o/northwind/audit")]),
        path: "/o/northwind/audit".to_owned(),
        kinds: [
            "Everything",
            "People",
            "Sign-ins",
            "Failed sign-ins",
            "Roles",
            "Groups",
            "Settings",
            "Refused",
        ]
        .into_iter()
        .enumerate()
        .map(kind)
        .collect(),
        narrowed: vec![Link::new("By amara.okafor", "/o/northwind/audit")],
        filter: vec![field("actor", "By whom"), field("target", "About whom")],
        kept: Vec::new(),
        rows: ENTRIES.iter().enumerate().map(row).collect(),
        pager: Pager {
            summary: "50 entries".to_owned(),
            previous: Some("?after=2".to_owned()),
            next: Some("?before=1".to_owned()),
            ..Pager::default()
        },
        empty: None,
        announcement: "50 entries".to_owned(),
        export: Some(ExportForm {
            action: "/o/northwind/audit/export".to_owned(),
            csrf: "csrf-of-this-session".to_owned(),
            fields: Vec::new(),
        }),
    }
}

fn nothing() -> AuditList {
    let mut page = list();
    page.rows.clear();
    page.empty = Some(Empty {
        icon: "no-match",
        title: "Nothing among the last 20,000 entries".to_owned(),
        text: "Older ones have not been looked through yet: “Next” goes on from there.".to_owned(),
        actions: Vec::new(),
    });
    page
}

fn entry() -> EntryPage {
    let change = |(field, before, after): (&str, &str, &str)| ChangeRow {
        field: field.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let code = || Shown::Code("0193-user.edited".to_owned());
    EntryPage {
        frame: frame(
            "User edited",
            Section::Audit,
            &[("Audit log", "/o/northwind/audit"), ("User edited", "")],
        ),
        title: "User edited".to_owned(),
        at: moment("1 hour ago"),
        standing: Badge { tone: Tone::Green, label: "As it was written".to_owned() },
        cards: vec![Card {
            title: "What happened".to_owned(),
            entries: vec![Entry::new("Event", code()), Entry::new("Reason", Shown::Nothing)],
        }],
        changes: [("title", "", "Head of Research"), ("department", "Sales", "Research and Development")]
            .map(change)
            .to_vec(),
        without: String::new(),
        side_cards: vec![Card { title: "Proof".to_owned(), entries: vec![Entry::new("Leaf", code())] }],
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    vec![
        ("audit", draw(&list())),
        ("audit.results", draw(&list().as_results())),
        ("audit.nothing", draw(&nothing())),
        ("audit.entry", draw(&entry())),
    ]
}
