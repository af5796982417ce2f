//! Every setting is checked when it is read: what could not work is refused with the setting's name and the reason, at
//! the start, by `muster config check` and by `muster doctor` alike, for all of them read the same.

use super::*;

/// Values of each setting that are refused, and a part of the reason.
const REFUSED: &[(&str, &[(&str, &str)])] = &[
    (
        "database.url",
        &[
            ("mysql://x", "sqlite:PATH or"),
            ("sqlite:", "sqlite:PATH or"),
            ("postgres://muster:secret@db:99999/muster", "port"),
            ("postgres://muster:secret@db/muster?sslmode=perhaps", "sslmode"),
            ("postgres://muster:secret@db/muster?nonsense=1", "nonsense"),
            ("postgres://muster:secret@db/muster?sslrootcert=/nowhere/at/all", "/nowhere/at/all"),
        ],
    ),
    (
        "database.listen_url",
        &[
            ("sqlite:x.db", "postgres://user:password@host/name"),
            ("db.example.com", "postgres://user:password@host/name"),
            ("postgres://muster:secret@db:port/muster", "port"),
        ],
    ),
    ("database.pool_size", &[("0", "from 2 to 500"), ("many", "from 2 to 500")]),
    (
        "server.listen",
        &[
            ("8080", "an address with a port"),
            ("people.example.com:80", "an address"),
            ("[::1]", "an address"),
        ],
    ),
    (
        "server.public_url",
        &[("people.example.com", "begin with https://"), ("https://x.example/y", "leave out the path")],
    ),
    (
        "server.management",
        &[("9090", "an address with a port"), ("0.0.0.0:8080", "on another port than server.listen")],
    ),
    (
        "server.trusted_proxies",
        &[
            ("10.0.0.0/40", "networks such as"),
            ("proxy.example.com", "networks such as"),
            ("10.0.0.1 10.0.0.2", "networks such as"),
        ],
    ),
    ("server.sign_ins_per_minute", &[("0", "from 1 to 1000000")]),
    ("server.connections", &[("1", "16 to 60000")]),
    ("server.connections_per_address", &[("1", "4 to 60000")]),
    ("server.requests_per_address", &[("1", "4 to 60000")]),
    ("server.request_patience", &[("301", "1 to 300"), ("10s", "1 to 300")]),
    ("log.format", &[("xml", "json or text")]),
    (
        "log.level",
        &[
            ("info,=", "error, warn"),
            ("loud", "error, warn"),
            ("info,store", "error, warn"),
            ("store=loud", "error, warn"),
        ],
    ),
    ("security.key", &[("short", "43 characters"), ("x x", "43 characters")]),
    (
        "mail.server",
        &[
            ("mail.example.com:smtp", "a host"),
            ("mail.example.com:0", "a host"),
            ("mail.example.com:99999", "a host"),
            ("smtp://mail.example.com", "a host"),
            ("mail..example.com", "a host"),
            ("-mail.example.com", "a host"),
            ("mail example.com", "a host"),
            ("192.0.2.300", "a host"),
            ("[::1", "a host"),
        ],
    ),
    ("mail.security", &[("ssl", "starttls, tls or none")]),
    ("mail.username", &[("muster", "mail.password")]),
    ("mail.password", &[("secret", "mail.username")]),
    (
        "mail.from",
        &[
            ("muster", "an address such as"),
            ("muster@", "an address such as"),
            ("@example.com", "an address such as"),
            ("Muster <muster@example.com", "an address such as"),
            ("muster@example.com, other@example.com", "an address such as"),
            ("muster@exa mple.com", "an address such as"),
            ("muster@-example.com", "an address such as"),
            ("muster@example..com", "an address such as"),
            ("m\u{fc}ster@example.com", "before the @"),
        ],
    ),
    ("mail.ca_file", &[("/nowhere/at/all", "mail.ca_file"), ("/proc/self/status", "there is none in it")]),
    ("mail.timeout", &[("0", "from 1 to 45"), ("46", "from 1 to 45")]),
    ("hashing.memory", &[("64", "a number from 19456")]),
    ("hashing.passes", &[("1", "from 2 to 20")]),
    ("hashing.threads", &[("0", "from 1 to 256")]),
    ("audit.checkpoint_minutes", &[("0", "from 1 to 1440")]),
    (
        "audit.checkpoint_url",
        &[
            ("log.example.com", "begin with https://"),
            ("ftp://log.example.com/", "not ftp://"),
            ("https://ana:secret@log.example.com/", "user name and the password"),
            ("https://log..example.com/", "not the name of a host"),
            ("https://log.example.com/#x", "follows #"),
            ("https://log.example.com:0/", "port 0"),
        ],
    ),
    ("bootstrap.org_slug", &[("A", "3 to 40"), ("api", "reserved")]),
    ("bootstrap.admin_email", &[("olivia", "usable: "), ("olivia@", "usable: ")]),
    ("bootstrap.api_token", &[("secret", "muster token generate")]),
];

/// Settings of which nothing is refused when they are read, and why.
const TAKEN: &[(&str, &str)] = &[
    ("geo.directory", "need not be there: then places are not named, and `muster geo install` makes it"),
    ("passwords.breach_file", "is opened at the start and by `muster config check`"),
    ("audit.directory", "is tried out at the start and by `muster doctor`"),
    ("bootstrap.org_name", "any text is a name; one that is too long is refused"),
    ("bootstrap.admin_name", "the first start and `muster config check` make the owner's record of it"),
    ("bootstrap.admin_password", "the first start and `muster config check` compare it with the policy"),
];

/// What else must be given for the value to count.
fn beside(name: &str) -> &'static [(&'static str, &'static str)] {
    const SERVER: (&str, &str) = ("mail.server", "mail.example.com");
    const FROM: (&str, &str) = ("mail.from", "muster@example.com");
    match name {
        "mail.server" => &[FROM],
        "mail.from" => &[SERVER],
        "mail.security" | "mail.username" | "mail.password" | "mail.ca_file" | "mail.timeout" => {
            &[SERVER, FROM]
        }
        _ => &[],
    }
}

fn read(settings: &[(&str, &str)]) -> Result<Config> {
    let variable = |name: &str| format!("MUSTER_{}", name.replace('.', "__").to_uppercase());
    Config::read(None, settings.iter().map(|(name, value)| (variable(name).into(), (*value).into())))
}

#[test]
fn every_setting_is_refused_with_its_reason_when_it_could_not_work() {
    let mut wrong = Vec::new();
    for key in KEYS {
        let Some((_, values)) = REFUSED.iter().find(|(name, _)| *name == key.name) else {
            let is_known = TAKEN.iter().any(|(name, why)| *name == key.name && !why.is_empty());
            assert!(is_known, "{}: say in odd_values.rs what is refused", key.name);
            continue;
        };
        for (value, why) in *values {
            let mut settings = vec![(key.name, *value)];
            settings.extend_from_slice(beside(key.name));
            match read(&settings) {
                Ok(_) => wrong.push(format!("{}={value} is taken", key.name)),
                Err(refused) => {
                    let message = refused.message();
                    let names = message.contains(key.name) || why.contains("mail.");
                    if !message.contains(why) || !names || message.contains("secret@") {
                        wrong.push(format!("{}={value}: {message}", key.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_accepted_is_what_others_understand() {
    let mail = |server: &str, from: &str| read(&[("mail.server", server), ("mail.from", from)]);
    for (server, from) in [
        ("mail.example.com", "muster@example.com"),
        ("b\u{fc}cher.example:25", "Muster <muster@b\u{fc}cher.example>"),
        ("mail_relay", "muster@localhost"),
        ("[2001:db8::1]:587", "\"Muster, people\" <muster@example.com>"),
        ("192.0.2.7", "muster+people@example.com"),
    ] {
        mail(server, from).unwrap_or_else(|error| panic!("{server} {from}: {}", error.message()));
    }
    let receiver = read(&[("audit.checkpoint_url", " https://b\u{fc}cher.example/muster ")]).unwrap();
    assert_eq!(receiver.keeping().url.as_deref(), Some("https://xn--bcher-kva.example/muster"));
    for level in ["off", "WARN", "info,store=debug", "info, web=trace", "tower_http::trace=debug,error"] {
        read(&[("log.level", level)]).unwrap_or_else(|error| panic!("{level}: {}", error.message()));
    }
    let open = read(&[("server.trusted_proxies", "0.0.0.0/0")]).unwrap();
    let advice = crate::commands::config::advice(&open);
    assert!(advice.iter().any(|advice| advice.contains("believes everybody")), "{advice:?}");
    read(&[("server.listen", "127.0.0.1:0"), ("server.management", "127.0.0.1:0")]).unwrap();
}
