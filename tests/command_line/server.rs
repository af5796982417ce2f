//! Commands beside a running server: one writer, one truth; and the server's own start and end.

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
};

use crate::support::{Place, get, post};

#[test]
fn commands_go_through_the_running_server() {
    let place = Place::with_org();
    let server = place.serve(&[]);
    let socket = place.directory.join("muster-data/muster.db.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let create =
        ["user", "create", "--email", "ana@acme.example", "--display-name", "Ana", "--generate-password"];
    place.ok(&create);
    let token = place.ok(&["token", "create", "ana", "--scope", "*", "--quiet"]);
    let authorization = format!("authorization: Bearer {}\r\n", token.trim());
    let whoami = || get(&server.address, "/o/acme/api/v1/whoami", &authorization).0;
    let before = whoami();
    place.ok(&["user", "suspend", "ana", "--reason", "security"]);
    // The temporary password has to be changed first, which is another refusal than an ended token's.
    assert_ne!(before, 401);
    assert_eq!(whoami(), 401);
    assert!(place.run(&["doctor"]).out.contains("answers on"));
    assert_eq!(place.refused(4, &["user", "suspend", "ana"])["code"], "user.already_suspended");
    assert_eq!(place.refused(5, &["migrate"])["code"], "database.in_use");
    let file = place.file("people.csv", "email\nbo@acme.example\nnonsense\n");
    assert_eq!(place.run(&["import", &file]).out, "Created 1, unchanged 0, refused 1.\n");
    let (code, _) = server.stop();
    assert_eq!(code, 0);
    assert!(!socket.exists());
    assert_eq!(place.json(&["user", "show", "ana"])["status"], "suspended");
}

#[test]
fn no_password_is_logged() {
    const CANARY: &str = "zqzqzqzqzqzqzqzq";
    let place = Place::with_org();
    place.ok(&["user", "create", "--email", "bo@acme.example", "--display-name", "Bo"]);
    place.file("muster.toml", "[log]\nlevel = \"trace\"\n");
    let server = place.serve(&["--config", "muster.toml"]);
    let set = ["user", "set-password", "bo", "--password-file", "-"];
    assert_eq!(place.run_with_input(&set, &format!("{CANARY}\n")).code, 2);
    let forms = [
        ("/o/acme/password-strength", format!("password={CANARY}")),
        ("/o/acme/sign-in", format!("identifier=bo&password={CANARY}")),
        ("/setup/password-strength", format!("password={CANARY}")),
    ];
    for (path, form) in forms {
        let answer = post(&server.address, path, &form);
        assert!(matches!(answer.0, 200 | 422) && !answer.1.contains("zqzqzq"), "{path}: {answer:?}");
    }
    let (code, log) = server.stop();
    assert_eq!(code, 0);
    assert!(!log.contains("zqzqzq"), "{log}");
}

#[test]
fn a_server_that_was_killed_leaves_nothing_in_the_way() {
    let place = Place::with_org();
    drop(place.serve(&[]));
    assert!(place.directory.join("muster-data/muster.db.sock").exists());
    place.ok(&["user", "list"]);
    let server = place.serve(&[]);
    place.ok(&["user", "list"]);
    assert_eq!(server.stop().0, 0);
}

#[test]
fn two_servers_dont_share_an_embedded_database_or_an_address() {
    let place = Place::with_org();
    let server = place.serve(&[]);
    let second = place.run(&["serve", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0"]);
    assert_eq!(second.code, 5);
    assert!(second.err.contains("running already"), "{}", second.err);
    let elsewhere = Place::new();
    let taken = elsewhere.run(&["serve", "--listen", &server.address, "--management", "127.0.0.1:0"]);
    assert_eq!(taken.code, 5);
    assert!(taken.err.contains("listens on") && taken.err.contains("--listen"), "{}", taken.err);
}

#[test]
fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let place = Place::new();
    let deep = place.directory.join("a-rather-long-directory-name".repeat(4)).join("and-another-one");
    let url = format!("sqlite:{}", deep.join("muster.db").display());
    std::fs::create_dir_all(&deep).unwrap();
    place.file("muster.toml", &format!("[database]\nurl = \"{url}\"\n"));
    place.ok(&["org", "create", "Acme", "--slug", "acme", "--config", "muster.toml"]);
    let server = place.serve(&["--config", "muster.toml"]);
    let doctor = place.run(&["doctor", "--config", "muster.toml"]);
    assert!(doctor.out.contains("answers on"), "{}{}", doctor.out, doctor.err);
    assert_eq!(server.stop().0, 0);
    assert!(!deep.join("muster.db.sock").exists());
}

#[test]
fn the_management_listener_tells_how_the_server_is() {
    let place = Place::new();
    let server = place.serve(&[]);
    assert_eq!(get(&server.management, "/healthz", "").0, 200);
    assert_eq!(get(&server.management, "/readyz", ""), (200, "ready\n".to_owned()));
    assert_eq!(get(&server.management, "/metrics", "").0, 200);
    assert_ne!(get(&server.address, "/healthz", "").0, 200);
    let long = format!("x-long: {}\r\n", "x".repeat(100_000));
    assert_eq!(get(&server.management, "/healthz", &long).0, 431);
}

#[test]
fn a_client_that_keeps_the_server_waiting_is_counted() {
    let place = Place::with_org();
    place.file("muster.toml", "[server]\nrequest_patience = 1\n");
    let server = place.serve(&["--config", "muster.toml"]);
    let mut slow = std::net::TcpStream::connect(&server.address).unwrap();
    slow.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    let head = "POST /o/acme/sign-in HTTP/1.1\r\nhost: muster\r\ncontent-length: 9\r\n\r\n";
    slow.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let metrics = get(&server.management, "/metrics", "").1;
    assert!(metrics.contains("muster_http_refused_total{reason=\"slow_body\"} 1"), "{metrics}");
}

#[test]
fn the_first_start_prints_where_to_set_up() {
    let place = Place::new();
    let mut server = place.serve(&[]);
    let secret = server.line_with("/setup/");
    assert!(secret.len() >= 43, "{secret}");
    // Beside it, the organization can also be made from here; then there is nothing to set up any more.
    place.ok(&["org", "create", "Acme", "--slug", "acme"]);
    assert_eq!(server.stop().0, 0);
    let mut server = place.serve(&[]);
    server.line_with("is ready");
}

#[test]
fn the_settings_can_make_the_first_organization() {
    let place = Place::new();
    let settings = "[bootstrap]\norg_name = \"Acme GmbH\"\nadmin_email = \"ana@acme.example\"\n\
                    admin_password = \"correct horse battery\"\n";
    place.file("muster.toml", settings);
    let serve = || place.serve(&["--config", "muster.toml"]);
    let mut server = serve();
    assert!(server.line_with("made from the settings: ").ends_with("/o/acme-gmbh/"));
    assert_eq!(place.json(&["user", "show", "ana@acme.example"])["roles"][0]["role"], "owner");
    assert!(!place.ok(&["doctor"]).contains("FAIL"));
    assert_eq!(server.stop().0, 0);
    // Read only while there is no organization: a changed setting makes nobody else an owner.
    place.file("muster.toml", &settings.replace("ana@", "eve@"));
    let mut server = serve();
    server.line_with("is ready");
    assert_eq!(place.run(&["user", "show", "eve@acme.example"]).code, 3);
}

#[test]
fn an_api_token_can_be_given_at_the_first_start() {
    let place = Place::new();
    let token = place.ok(&["token", "generate"]);
    let settings = format!(
        "[bootstrap]\norg_name = \"Acme\"\nadmin_email = \"ana@acme.example\"\n\
         admin_password = \"correct horse battery\"\napi_token = \"{}\"\n",
        token.trim()
    );
    place.file("muster.toml", &settings);
    let server = place.serve(&["--config", "muster.toml"]);
    let authorization = format!("authorization: Bearer {}\r\n", token.trim());
    let (status, body) = get(&server.address, "/o/acme/api/v1/whoami", &authorization);
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("owner:manage"), "{body}");
}

#[test]
fn a_bootstrap_that_cannot_be_used_stops_the_start() {
    let place = Place::new();
    let settings =
        "[bootstrap]\norg_name = \"Acme\"\nadmin_email = \"ana@acme.example\"\nadmin_password = \"short\"\n";
    place.file("muster.toml", settings);
    let listen =
        ["serve", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0", "--config", "muster.toml"];
    let run = place.run(&listen);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("bootstrap") && run.err.contains("12 characters"), "{}", run.err);
    place.file("muster.toml", &settings.replace("short", "correct horse battery\"\napi_token = \"nonsense"));
    let run = place.run(&listen);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("muster token generate"), "{}", run.err);
}

#[test]
fn the_demonstration_is_made_once() {
    let place = Place::new();
    let mut server = place.serve(&["--demo"]);
    assert!(server.line_with("invented people: ").ends_with("/o/demo/users"));
    let database = "sqlite:./muster-data/demo.db";
    place.file("muster.toml", &format!("[database]\nurl = \"{database}\"\n"));
    let list = |status: &str| {
        let found = place.json(&["user", "list", "--all", "--status", status, "--config", "muster.toml"]);
        found["items"].as_array().unwrap().clone()
    };
    let all = "active,inactive,invited,pending,locked,suspended,deprovisioned,deleted";
    assert_eq!(list(all).len(), 1000);
    for status in all.split(',') {
        // The word "inactive" means suspended people too, in other products; here the exact word counts.
        let found = list(status);
        assert!(!found.is_empty() && found.iter().all(|user| user["status"] == *status), "{status}");
    }
    assert!(!place.ok(&["doctor", "--config", "muster.toml"]).contains("FAIL"));
    let changed = list("active")[0]["username"].as_str().unwrap().to_owned();
    place.ok(&["user", "suspend", &changed, "--config", "muster.toml"]);
    assert_eq!(server.stop().0, 0);
    let mut server = place.serve(&["--demo"]);
    server.line_with("invented people: ");
    let status = place.json(&["user", "show", &changed, "--config", "muster.toml"])["status"].clone();
    assert_eq!(status, "suspended");
}

#[test]
fn on_postgresql_commands_go_to_the_database_itself() {
    let place = Place::on_postgres();
    let mut server = place.serve(&[]);
    assert!(server.line_with("/setup/").len() >= 43);
    place.ok(&["org", "create", "Acme", "--slug", "acme"]);
    place.ok(&["recover-owner", "ana@acme.example"]);
    let doctor = place.ok(&["doctor"]);
    assert!(doctor.contains("PostgreSQL 1") && doctor.contains("directly"), "{doctor}");
    assert_eq!(place.ok(&["migrate"]), "The database is up to date.\n");
    assert_eq!(server.stop().0, 0);
}

#[test]
fn a_database_without_tables_is_not_migrated_in_passing() {
    let mut place = Place::new();
    place.use_database(store::testing::Postgres::shared().database());
    assert_eq!(place.refused(5, &["org", "list"])["code"], "database.not_migrated");
    assert!(place.ok(&["migrate"]).contains("up to date"));
    assert_eq!(place.json(&["org", "list"])["items"].as_array().unwrap().len(), 0);
}
