//! Every statement compares every tenant's table that it reads or changes with `$1`, the organization: nobody's rows reach
//! anybody else, and a database that is distributed by organization asks one machine. What looks across organizations on
//! purpose is named here.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

mod texts;

use std::{collections::BTreeSet, fs, path::Path};

use store::Engine;

/// Statements across organizations by their file and their beginning, and why they may.
const ACROSS: &[(&str, &[(&str, &str)])] = &[
    (
        "What is due, whosever it is: found by an index of what waits.",
        &[
            ("audit_tree.rs", "SELECT org_id FROM audit_pending"),
            ("audit_tree.rs", "SELECT org_id, checkpoint_at, size, peaks"),
            ("audit_tree.rs", "SELECT org_id, checkpoint_size, checkpoint"),
            ("jobs.rs", "UPDATE jobs SET leased_until"),
            ("jobs.rs", "SELECT run_at FROM jobs"),
            ("jobs.rs", "SELECT count(*) FROM jobs WHERE dead"),
            ("mails.rs", "UPDATE mails SET leased_until"),
            ("mails.rs", "SELECT next_at FROM mails"),
            ("mails.rs", "SELECT count(*), min(created_at)"),
            ("sessions.rs", "SELECT org_id, id, address, user_agent, hints FROM sessions WHERE NOT labelled"),
        ],
    ),
    (
        "What has ended, whosever it was.",
        &[
            ("credentials.rs", "DELETE FROM sign_in_failures WHERE since <"),
            ("data_exports.rs", "DELETE FROM data_exports WHERE expires_at <="),
            ("devices.rs", "DELETE FROM sign_in_networks WHERE last_seen_at <"),
            ("devices.rs", "DELETE FROM device_cookies WHERE last_seen_at <"),
            ("idempotency.rs", "DELETE FROM idempotency_keys WHERE created_at <"),
            ("jobs.rs", "DELETE FROM jobs WHERE work ->> 'kind' = $1 AND created_at <"),
            ("links.rs", "DELETE FROM links WHERE expires_at <"),
            ("mails.rs", "DELETE FROM mails WHERE state IN ('sent', 'failed', 'cancelled') AND next_at <"),
            ("reserved_addresses.rs", "DELETE FROM reserved_addresses WHERE until <="),
            ("sessions.rs", "DELETE FROM sessions WHERE expires_at <"),
            ("tokens.rs", "DELETE FROM tokens WHERE expires_at <"),
        ],
    ),
    (
        "A step of the clock is everybody's.",
        &[
            ("clock.rs", "UPDATE sign_in_failures SET since"),
            ("clock.rs", "UPDATE users SET password_locked_until"),
            ("clock.rs", "UPDATE invitations SET resends_since"),
            ("clock.rs", "UPDATE reserved_addresses SET until"),
            ("clock.rs", "UPDATE sessions SET proved_at"),
        ],
    ),
    (
        "Whoever asks for their organizations has named none: a directory of hashes, and nothing of anybody's.",
        &[("email_directory.rs", "SELECT org_id, user_id FROM email_directory WHERE email_hash = $1")],
    ),
    (
        "What was typed by strangers who named no organization.",
        &[("erasure.rs", "DELETE FROM jobs WHERE work ->> 'email' IS NOT NULL")],
    ),
    (
        "Once after an upgrade, for everybody.",
        &[
            ("text_rules.rs", "SELECT org_id, id, name, name_key, search_name FROM groups"),
            ("text_rules.rs", "SELECT org_id, id, name, name_key FROM roles"),
            ("text_rules.rs", "SELECT org_id, email_key FROM reserved_addresses"),
        ],
    ),
];

/// Tables with rows of organizations. Addresses of organizations are for finding one that is not known yet.
fn tenant_tables() -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for table in text.split("CREATE TABLE ").skip(1) {
            let (name, rest) = table.split_once(" (").unwrap();
            let columns = rest.split("\n)").next().unwrap();
            if columns.contains("org_id") && name != "org_slugs" {
                tables.insert(name.to_owned());
            }
        }
    }
    assert!(tables.len() > 30, "{tables:?}");
    tables
}

/// The statement and each of those inside it, without what stands inside those in turn.
fn scopes(text: &str) -> Vec<String> {
    let is_statement = |text: &str| {
        let verb = text.split_whitespace().next().unwrap_or_default();
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb)
    };
    let (mut found, mut open) = (Vec::new(), vec![String::new()]);
    for letter in text.chars() {
        match letter {
            '(' => open.push(String::new()),
            ')' => {
                let inner = open.pop().unwrap();
                let outer = open.last_mut().unwrap();
                if is_statement(&inner) {
                    outer.push_str("(…)");
                    found.push(inner);
                } else {
                    outer.extend(["(", &inner, ")"]);
                }
            }
            other => open.last_mut().unwrap().push(other),
        }
    }
    found.push(open.pop().unwrap());
    let parts = found.iter().flat_map(|scope| scope.split(" UNION ")).map(str::to_owned);
    parts.collect()
}

/// Whether `condition` is there and not the end of a longer name or the beginning of a longer number.
fn has(text: &str, condition: &str) -> bool {
    text.match_indices(condition).any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let after = text[at + condition.len()..].chars().next().unwrap_or(' ');
        !before.is_alphanumeric() && !"._".contains(before) && !after.is_ascii_digit()
    })
}

/// The tenants' tables of one scope that are not compared with the organization.
fn open_tables<'t>(scope: &str, tables: &'t BTreeSet<String>) -> Vec<&'t str> {
    let words: Vec<&str> = scope.split_whitespace().collect();
    let mut open = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        let Some(table) = tables.get(pair[1].trim_end_matches(['(', ')', ','])) else { continue };
        let alias = words.get(at + 2).filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase()));
        let is_compared = match (pair[0], alias) {
            ("INTO", _) => scope.contains(&format!("INTO {table} (org_id, ")),
            ("FROM" | "JOIN" | "UPDATE", Some(alias)) => has(scope, &format!("{alias}.org_id = $1")),
            ("FROM" | "JOIN" | "UPDATE", None) => {
                has(scope, "org_id = $1") || has(scope, &format!("{table}.org_id = $1"))
            }
            _ => continue,
        };
        if !is_compared {
            open.push(table.as_str());
        }
    }
    open
}

#[test]
fn every_statement_keeps_to_one_organization() {
    let tables = tenant_tables();
    let allowed: Vec<&(&str, &str)> = ACROSS.iter().flat_map(|(_, statements)| *statements).collect();
    let (mut wrong, mut used) = (BTreeSet::new(), BTreeSet::new());
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for (file, text) in texts::statements(engine) {
            let open: Vec<&str> =
                scopes(&text).iter().flat_map(|scope| open_tables(scope, &tables)).collect();
            let known = allowed.iter().find(|(of, begins)| *of == file && text.starts_with(begins));
            match known {
                Some(known) if !open.is_empty() => drop(used.insert(*known)),
                None if !open.is_empty() => drop(wrong.insert(format!("{file}: {open:?}\n    {text}"))),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "not compared with $1:\n{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    let unused: Vec<_> = allowed.iter().filter(|known| !used.contains(**known)).collect();
    assert!(unused.is_empty(), "named here, but there is no such statement any more: {unused:?}");
}
