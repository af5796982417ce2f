//! Settings as the program reads them.

use crate::support::Place;

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_one() {
    let place = Place::new();
    place.file("muster.toml", "[server]\nlistn = \"127.0.0.1:1\"\n");
    let problem = place.refused(2, &["config", "check", "--config", "muster.toml"]);
    assert_eq!(problem["code"], "config.unknown_key");
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("server.listn") && message.contains("server.listen?"), "{message}");
    // Also where settings are only needed on the way.
    assert_eq!(place.run(&["user", "list", "--config", "muster.toml"]).code, 2);
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let place = Place::new();
    place.file("muster.toml", "[database]\nurl = \"postgres://muster:hush@db/muster\"\n");
    place.file("password", "quiet-please-quiet\n");
    let mut command = place.command(&["config", "print", "--config", "muster.toml", "--json"]);
    command.env("MUSTER_BOOTSTRAP__ADMIN_PASSWORD_FILE", "password");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hush") && !text.contains("quiet"), "{text}");
    let settings: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(settings["database.url"]["value"], "postgres://muster:(hidden)@db/muster");
    assert_eq!(settings["database.url"]["origin"], "muster.toml");
    assert_eq!(settings["server.listen"]["origin"], "default");
    assert_eq!(settings["bootstrap.admin_password"]["value"], "(hidden)");
}

#[test]
fn what_may_not_be_meant_is_said() {
    let place = Place::new();
    place.file("muster.toml", "[server]\npublic_url = \"http://people.example.com\"\n");
    let out = place.ok(&["config", "check", "--config", "muster.toml"]);
    assert!(out.contains("not https"), "{out}");
    assert_eq!(place.ok(&["config", "check"]), "The settings can be used.\n");
}

#[test]
fn the_doctor_finds_what_is_missing() {
    let place = Place::new();
    let out = place.ok(&["doctor"]);
    assert!(out.contains("there is none yet -> `muster serve`"), "{out}");
    place.ok(&["org", "create", "Acme", "--slug", "acme"]);
    let run = place.run(&["doctor"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("nobody can administer acme -> muster recover-owner"), "{}", run.out);
    place.ok(&["recover-owner", "ana@acme.example"]);
    assert!(!place.ok(&["doctor"]).contains("FAIL"));
    let mut unreachable = place.command(&["doctor"]);
    unreachable.env("MUSTER_DATABASE__URL", "postgres://nobody@127.0.0.1:1/none");
    let output = unreachable.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("FAIL  database"));
}

#[test]
fn a_file_of_breached_passwords_that_can_not_be_used_is_told_at_once() {
    let place = Place::new();
    place.file("muster.toml", "[passwords]\nbreach_file = \"leaked.txt\"\n");
    for (text, said) in
        [(None, "can't be read"), (Some(""), "is empty"), (Some(UNORDERED), "not in the order")]
    {
        if let Some(text) = text {
            place.file("leaked.txt", text);
        }
        for command in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let problem = place.refused(2, &[command, &["--config", "muster.toml"]].concat());
            assert_eq!(problem["code"], "config.breach_file");
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains(said) && message.contains("leaked.txt"), "{message}");
        }
    }
    place.file("leaked.txt", "copper-meadow-violin\n");
    place.ok(&["config", "check", "--config", "muster.toml"]);
}

/// What the first start would refuse, `config check` refuses with the same words; neither makes a database.
#[test]
fn what_the_first_start_refuses_is_refused_when_it_is_checked() {
    let place = Place::new();
    let usable = [
        ("org_name", "Acme"),
        ("admin_email", "olivia@acme.example"),
        ("admin_password", "copper-meadow-violin"),
    ];
    for (name, value, setting, said) in [
        ("admin_password", "short", "admin_password: ", "12 characters"),
        ("admin_password", "olivia@acme.example", "admin_password: ", ""),
        ("admin_password", "aaaaaaaaaaaaaaaa", "admin_password: ", ""),
        ("org_name", "\u{682a}\u{5f0f}", "org_slug: ", "3 to 40"),
        ("admin_name", &"n".repeat(300), "admin_name: ", "200"),
    ] {
        let changed = (name, value);
        let lines = usable.iter().filter(|(key, _)| *key != name).chain([&changed]);
        let lines: Vec<String> = lines.map(|(key, value)| format!("{key} = \"{value}\"")).collect();
        place.file("muster.toml", &format!("[bootstrap]\n{}\n", lines.join("\n")));
        let refused = [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]]
            .map(|command| place.refused(2, &[command, &["--config", "muster.toml"]].concat()));
        assert_eq!(refused[0], refused[1], "{name}={value}");
        let message = refused[0]["message"].as_str().unwrap();
        assert!(
            refused[0]["code"] == "config.bootstrap" && message.contains(setting) && message.contains(said),
            "{message}"
        );
        assert!(!place.directory.join("muster-data").exists(), "{name}={value}");
    }
    let lines = usable.map(|(key, value)| format!("{key} = \"{value}\"")).join("\n");
    place.file("muster.toml", &format!("[bootstrap]\n{lines}\n"));
    assert_eq!(place.ok(&["config", "check", "--config", "muster.toml"]), "The settings can be used.\n");
    // A level that is none, and a key file without a key.
    for (name, value, said) in [
        ("MUSTER_LOG__LEVEL", "loud", "error, warn, info, debug or trace"),
        ("MUSTER_DATABASE__URL", "sqlite:other.db", "other.key does not hold a key"),
    ] {
        place.file("other.key", "no key");
        for arguments in
            [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0"]]
        {
            let output = place.command(arguments).env(name, value).output().unwrap();
            let problem = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(2) && problem.contains(said), "{arguments:?}: {problem}");
        }
    }
}

/// What is given and does nothing is said.
#[test]
fn settings_without_effect_are_named() {
    let place = Place::new();
    for (settings, said) in [
        ("[bootstrap]\napi_token = \"muster_x\"", ""),
        (
            "[bootstrap]\norg_slug = \"acme\"",
            "bootstrap needs org_name, admin_email and admin_password together",
        ),
        (
            "[mail]\ntimeout = 5\nsecurity = \"tls\"",
            "Without mail.server, mail.security and mail.timeout has no effect",
        ),
    ] {
        place.file("muster.toml", &format!("{settings}\n"));
        if said.is_empty() {
            place.refused(2, &["config", "check", "--config", "muster.toml"]);
            continue;
        }
        let out = place.ok(&["config", "check", "--config", "muster.toml"]);
        assert!(out.contains(said), "{out}");
    }
}

/// Two SHA-1 hashes, the larger one first.
const UNORDERED: &str = "\
B1B3773A05C0ED0176787A4F1574FF0075F7521E:4
5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9
";

/// Only what begins an installation makes a database; anything else, called in the wrong folder, leaves it as it was.
#[test]
fn a_command_in_the_wrong_folder_makes_nothing() {
    let place = Place::new();
    let commands: [&[&str]; 12] = [
        &["user", "list"],
        &["user", "create", "--email", "ana@acme.example"],
        &["group", "list"],
        &["role", "list"],
        &["permission", "list"],
        &["org", "list"],
        &["org", "rename", "acme"],
        &["session", "list", "--user", "ana@acme.example"],
        &["token", "list", "--user", "ana@acme.example"],
        &["mail", "list"],
        &["audit", "verify"],
        &["recover-owner", "ana@acme.example"],
    ];
    for arguments in commands {
        let run = place.run(arguments);
        assert_ne!(run.code, 0, "{arguments:?}");
        let said = format!("{}{}", run.out, run.err);
        let is_refused = said.contains("neither a running Muster nor a database at /");
        assert!(is_refused && said.contains("muster serve"), "{arguments:?}: {said}");
        place.ok(&["doctor"]);
        assert!(!place.directory.join("muster-data").exists(), "{arguments:?}");
    }
    place.ok(&["org", "create", "Acme", "--slug", "acme"]);
    place.ok(&["user", "list"]);
}

/// The tokens that may do everything are named; those with scopes, and those that were revoked, are not.
#[test]
fn the_doctor_names_tokens_that_may_do_everything() {
    for place in Place::with_orgs() {
        place.ok(&[
            "user",
            "create",
            "--email",
            "ana@acme.example",
            "--given-name",
            "Ana",
            "--generate-password",
        ]);
        let create = |name: &str, scope: &str| {
            place.json(&["token", "create", "ana@acme.example", "--name", name, "--scope", scope])["id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(!place.run(&["doctor"]).out.contains("may do everything"));
        let (powerful, _) = (create("Does everything", "*"), create("Lists people", "user:list"));
        let out = place.run(&["doctor"]).out;
        assert!(
            out.contains("1 in acme may do everything that their user may: Does everything (ana)"),
            "{out}"
        );
        assert!(
            out.contains("muster token list --filter everything --org acme") && !out.contains("Lists people"),
            "{out}"
        );
        let listed = place.ok(&["token", "list", "--filter", "everything"]);
        assert!(listed.contains("Does everything") && !listed.contains("Lists people"), "{listed}");
        place.ok(&["token", "revoke", &powerful]);
        assert!(!place.run(&["doctor"]).out.contains("may do everything"));
    }
}

/// What makes an owner says what that means, before it is done; the same words as in the console and in the API.
#[test]
fn making_an_owner_is_warned_of() {
    for place in Place::with_orgs() {
        place.ok(&[
            "user",
            "create",
            "--email",
            "ana@acme.example",
            "--given-name",
            "Ana",
            "--generate-password",
        ]);
        place.ok(&["group", "create", "Board"]);
        // Somebody is an owner already: a group's role could be the last owner's.
        let first =
            ["user", "create", "--email", "otto@acme.example", "--given-name", "Otto", "--role", "owner"];
        place.run_with_input(
            &[&first[..], &["--password-file", "-", "--keep-password"]].concat(),
            "a rather long sentence\n",
        );
        let doors: [&[&str]; 5] = [
            &["user", "make-admin", "ana", "--dry-run"],
            &["user", "grant", "ana", "owner", "--dry-run"],
            &[
                "user",
                "create",
                "--email",
                "bo@acme.example",
                "--given-name",
                "Bo",
                "--role",
                "owner",
                "--dry-run",
            ],
            &["group", "grant", "Board", "owner", "--dry-run"],
            &["user", "make-admin", "ana"],
        ];
        for door in doors {
            let run = place.run(door);
            assert_eq!(
                (run.code, run.err.contains("Owners may do everything")),
                (0, true),
                "{door:?}: {}",
                run.err
            );
        }
        let run = place.run(&["user", "grant", "ana", "auditor", "--dry-run"]);
        assert!(!run.err.contains("Owners may do everything"), "{}", run.err);
    }
}
