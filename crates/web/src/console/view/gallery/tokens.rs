//! API tokens of others: everybody's, and a service user's.

use super::super::{
    account::{TokenRow, TokenScope},
    frame::Section,
    parts::{Action, Badge, Empty, Link, Pager, Tone},
    tokens::{AllTokens, TokensOf},
    users::{StatusChoice, Tab},
};
use super::people::{heading, moment, user_frame};
use super::{Drawn, draw, frame};

fn row(name: &str, holder: Option<(&str, bool)>, may_revoke: bool) -> TokenRow {
    let scope =
        |(name, sentence): (&str, &str)| TokenScope { name: name.to_owned(), sentence: sentence.to_owned() };
    TokenRow {
        name: name.to_owned(),
        holder: holder.map(|(label, _)| Link::new(label, "/o/northwind/users/1")),
        is_service: holder.is_some_and(|(_, is_service)| is_service),
        scopes: [("user:list", "List users"), ("user:read", "See users"), ("+7", "audit:read, session:read")]
            .map(scope)
            .to_vec(),
        status: Badge { tone: Tone::Green, label: "Valid".to_owned() },
        created: moment("8 months ago"),
        expires: moment("in 3 months"),
        last_used: may_revoke.then(|| moment("18 minutes ago")),
        revoke_href: if may_revoke {
            "/o/northwind/users/1/tokens/1/revoke".to_owned()
        } else {
            String::new()
        },
    }
}

fn all(rows: Vec<TokenRow>, empty: Option<Empty>) -> AllTokens {
    let chip = |(number, label): (usize, &str)| StatusChoice {
        label: label.to_owned(),
        href: format!("/o/northwind/settings/tokens?filter={number}"),
        count: String::new(),
        current: number == 0,
        words: String::new(),
    };
    let tab = |(number, label): (usize, &'static str)| Tab {
        label,
        href: format!("/o/northwind/settings/{number}"),
        current: number == 1,
    };
    let chips = ["All", "End within 14 days", "Unused for 90 days"].into_iter().enumerate().map(chip);
    AllTokens {
        frame: frame(
            "API tokens",
            Section::Settings,
            &[("Settings", "/o/northwind/settings"), ("API tokens", "")],
        ),
        tabs: ["General", "API tokens"].into_iter().enumerate().map(tab).collect(),
        chips: chips.collect(),
        rows,
        pager: Pager { next: Some("/o/northwind/settings/tokens?page=2".to_owned()), ..Pager::default() },
        empty,
    }
}

fn none(text: &str) -> Empty {
    Empty { icon: "key", title: "No tokens".to_owned(), text: text.to_owned(), actions: Vec::new() }
}

fn of_user(rows: Vec<TokenRow>, empty: Option<Empty>) -> TokensOf {
    TokensOf {
        frame: user_frame("API tokens"),
        heading: heading(),
        tabs: Vec::new(),
        actions: vec![Action::dialog("Create token", "/o/northwind/users/1/tokens/new", "plus")],
        revoke_all: (!rows.is_empty())
            .then(|| Action::dialog("Revoke all tokens", "/o/northwind/users/1/tokens/revoke", "trash")),
        rows,
        empty,
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    let rows = vec![
        row("Nightly export", Some(("payroll", true)), true),
        row("My laptop", Some(("Katarzyna Wójcik", false)), false),
    ];
    vec![
        ("settings-tokens", draw(&all(rows, None))),
        ("settings-tokens-empty", draw(&all(Vec::new(), Some(none("People make their own."))))),
        ("user-tokens", draw(&of_user(vec![row("Nightly export", None, true)], None))),
        ("user-tokens-empty", draw(&of_user(Vec::new(), Some(none("payroll needs one to call the API."))))),
    ]
}
