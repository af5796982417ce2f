//! Every setting there is, described once: what is read, printed and documented comes from this table.
//!
//! Owns names, defaults, help and what is secret; reading them from file and environment is `config.rs`.

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Shown as it is.
    Open,
    /// An address that may hold a password, which alone is hidden.
    Address,
    /// Never shown.
    Secret,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`, as in the file.
    pub(crate) name: &'static str,
    /// What holds if nobody sets it; empty for none.
    pub(crate) default: &'static str,
    /// What it decides, for people.
    pub(crate) help: &'static str,
    /// Whether it may be shown.
    pub(crate) secrecy: Secrecy,
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, help, secrecy: Secrecy::Open }
}

const fn secret(name: &'static str, help: &'static str) -> Key {
    Key { name, default: "", help, secrecy: Secrecy::Secret }
}

/// In the order of the documentation.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "database.url",
        default: "sqlite:./muster-data/muster.db",
        help: "Where the data is: `sqlite:PATH` for the embedded database, or \
               `postgres://user:password@host/name?sslmode=require`.",
        secrecy: Secrecy::Address,
    },
    Key {
        name: "database.listen_url",
        default: "",
        help: "Where PostgreSQL itself is reached, if `database.url` leads to a pooler in transaction mode: notifications \
               between nodes and migrations go there. Unless given: `database.url`.",
        secrecy: Secrecy::Address,
    },
    key("database.pool_size", "16", "Connections kept open to the database, 2 to 500."),
    key(
        "server.listen",
        "127.0.0.1:8080",
        "Address and port of console and API. Put a proxy that speaks TLS in front.",
    ),
    key(
        "server.public_url",
        "",
        "The address that people type, such as `https://people.example.com`; links are made of it. \
         Unless given, it is made of `server.listen`.",
    ),
    key(
        "server.management",
        "127.0.0.1:9090",
        "Address and port of `/healthz`, `/readyz` and `/metrics`. Keep it off the public network.",
    ),
    key(
        "server.trusted_proxies",
        "",
        "Networks whose `X-Forwarded-For` is believed, such as `[\"10.0.0.0/8\"]`. Unless given, nobody's is.",
    ),
    key(
        "server.sign_ins_per_minute",
        "60",
        "Sign-ins and other requests worth guessing that one address may send in a minute, 1 to 1,000,000.",
    ),
    key(
        "server.connections",
        "8192",
        "Connections at once, 16 to 60,000. A quarter is kept for those whose cookie or token was found valid.",
    ),
    key(
        "server.connections_per_address",
        "512",
        "Of them, from one address (an IPv6 network of 64 bits), 4 to 60,000. Not for `server.trusted_proxies`.",
    ),
    key(
        "server.requests_per_address",
        "256",
        "Requests of one client that are in progress at once, 4 to 60,000. Behind a trusted proxy the client is the one that \
         it names.",
    ),
    key(
        "server.request_patience",
        "10",
        "Seconds that a request may keep Muster waiting for its head or body, 1 to 300; then it must come at 1 kB a second.",
    ),
    key(
        "geo.directory",
        "",
        "Directory of the files that say where addresses are; `muster geo install` puts them there. Unless given: \
         `geo` beside the embedded database, or `./muster-data/geo` with PostgreSQL.",
    ),
    key("log.format", "", "`json` or `text`. Unless given: `text` in a terminal, else `json`."),
    key(
        "log.level",
        "info",
        "`error`, `warn`, `info`, `debug` or `trace`; by module as in `info,store=debug`. What is more than `info` is for Muster's own lines.",
    ),
    secret(
        "security.key",
        "The key, kept outside the database, that links in mail and the audit log's seals are made with: 43 characters, from \
         `muster config generate-key`. The same on every node. Unless given, it is in a file beside the embedded database, \
         or in `./muster-data/muster.key`, made at the first start: keep a copy.",
    ),
    key(
        "mail.server",
        "",
        "The SMTP server that takes our mail, such as `mail.example.com:587`; without a port, the usual one of \
         `mail.security`. Unless given, no mail is sent.",
    ),
    key(
        "mail.security",
        "starttls",
        "`starttls` (usually port 587), `tls` from the first byte (465) or `none` (25). Nothing is sent if it can't be had.",
    ),
    key("mail.username", "", "Signs in to the mail server under this name. Unless given, nobody signs in."),
    secret("mail.password", "Its password; never sent unprotected to another machine."),
    key(
        "mail.from",
        "",
        "The sender: `muster@example.com` or `Muster <muster@example.com>`; an organization may show a name of its own.",
    ),
    key(
        "mail.ca_file",
        "",
        "Certificates (PEM) of the authorities to believe about the mail server, instead of the public ones.",
    ),
    key("mail.timeout", "30", "Seconds that one attempt to hand over a mail may take, 1 to 45."),
    key("hashing.memory", "19456", "Memory for hashing one password, in KiB, 19,456 to 1,048,576."),
    key("hashing.passes", "2", "Passes over that memory, 2 to 20."),
    key("hashing.threads", "", "Passwords hashed at once, 1 to 256. Unless given: one for each core."),
    key(
        "passwords.breach_file",
        "",
        "A file of passwords that nobody may choose: SHA-1 hashes in order, or a plain list of at most 64 MB.",
    ),
    key(
        "audit.directory",
        "",
        "Directory of the checkpoint files of the audit log. Unless given, `checkpoints` beside the embedded database, \
         else `./muster-data/checkpoints`. Better on another disk, or copied elsewhere.",
    ),
    key("audit.checkpoint_minutes", "60", "Minutes between checkpoints of a log that grows, 1 to 1,440."),
    key(
        "audit.checkpoint_url",
        "",
        "Where each checkpoint is sent too, by HTTP POST, such as `https://log.example.com/muster`.",
    ),
    key("bootstrap.org_name", "", "Name of the first organization. Read only while there is none."),
    key("bootstrap.org_slug", "", "Its address: `/o/SLUG`. Unless given, it is made of the name."),
    key(
        "bootstrap.admin_email",
        "",
        "Email of its first owner. With `org_name` and `admin_password`, the first start needs no set-up page.",
    ),
    key("bootstrap.admin_name", "Administrator", "Name of the first owner, as shown."),
    secret("bootstrap.admin_password", "Password of the first owner: 12 characters or more, hard to guess."),
    secret(
        "bootstrap.api_token",
        "An API token for the first owner, good for a year. `muster token generate` makes one.",
    ),
];

impl Key {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The variable that sets it: `MUSTER_SERVER__LISTEN`.
    pub(crate) fn variable(&self) -> String {
        format!("MUSTER_{}", self.name.replace('.', "__").to_uppercase())
    }

    /// Whether its value may come from a file of its own (`…_FILE`).
    pub(crate) fn takes_file(&self) -> bool {
        self.secrecy != Secrecy::Open
    }

    /// The value as it may be shown.
    pub(crate) fn redacted(&self, value: &str) -> String {
        match self.secrecy {
            Secrecy::Secret if !value.is_empty() => "(hidden)".to_owned(),
            Secrecy::Open | Secrecy::Secret => value.to_owned(),
            Secrecy::Address => without_password(value),
        }
    }
}

/// `postgres://user:…@host/name`: the password may itself hold a colon, but no `@` that is not escaped.
fn without_password(url: &str) -> String {
    let hidden = || {
        let (scheme, rest) = url.split_once("://")?;
        let (login, host) = rest.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:(hidden)@{host}"))
    };
    hidden().unwrap_or_else(|| url.to_owned())
}

/// The known name that is most like `wrong`, if one is like it at all.
pub(crate) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let close = |name: &&str| distance(wrong, name) * 5 <= wrong.len().max(name.len()) * 2;
    names.into_iter().filter(close).min_by_key(|name| distance(wrong, name))
}

/// Letters to change, add or leave out to get from one to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The table as Markdown, as it stands in `docs/operating.md`.
pub(crate) fn table() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("| Setting | Unless given | What it decides |\n|---|---|---|\n");
    for key in KEYS {
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        let file = if key.takes_file() { " Also as a file." } else { "" };
        let _ = writeln!(text, "| `{}` | {default} | {}{file} |", key.name, key.help);
    }
    text
}

/// How to set what, for `muster config reference`.
pub(crate) fn reference() -> String {
    format!(
        "Muster reads /etc/muster/muster.toml, or the file given with --config; then the environment, which wins.\n\
         Every setting has a variable: server.listen is MUSTER_SERVER__LISTEN. A secret may also stand in a file of its\n\
         own, named by the variable with _FILE added, or in systemd's credentials directory under the setting's name.\n\
         muster config print shows what holds and where it comes from; an unknown setting is an error.\n\n{}",
        table()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_setting() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("server.listn", names()), Some("server.listen"));
        assert_eq!(nearest("databse.url", names()), Some("database.url"));
        assert_eq!(nearest("colour", names()), None);
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let key = Key::named("database.url").unwrap();
        assert_eq!(key.redacted("postgres://m:p:w@db/muster"), "postgres://m:(hidden)@db/muster");
        assert_eq!(key.redacted("postgres://db/muster"), "postgres://db/muster");
        assert_eq!(key.redacted("sqlite:./a.db"), "sqlite:./a.db");
        assert_eq!(Key::named("bootstrap.api_token").unwrap().redacted("mst_pat_x"), "(hidden)");
    }

    #[test]
    fn the_documentation_is_this_table() {
        const BEGIN: &str = "<!-- keys -->\n";
        const END: &str = "<!-- /keys -->\n";
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md");
        let written = std::fs::read_to_string(file).unwrap();
        let (before, rest) = written.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
        if written != wanted {
            std::fs::write(file, wanted).unwrap();
            panic!("docs/operating.md was out of date and has been written anew: look at it and commit it");
        }
    }
}
