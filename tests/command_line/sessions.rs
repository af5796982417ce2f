//! Sessions and places on the command line: listed and ended beside a running server, files of places put in and told.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use maxminddb_writer::{Database, paths::IpAddrWithMask};
use serde_json::json;

use crate::support::{Place, Server};

/// Somebody signs in with a browser.
fn sign_in(server: &Server, identifier: &str, password: &str) {
    let body = format!("identifier={identifier}&password={password}");
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(
        stream,
        "POST /o/acme/sign-in HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nuser-agent: Mozilla/5.0 (X11; Ubuntu; \
         Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[test]
fn sessions_are_listed_and_ended() {
    let place = Place::with_org();
    let server = place.serve(&[]);
    let create =
        ["user", "create", "--email", "ana@acme.example", "--display-name", "Ana", "--generate-password"];
    let password = place.json(&create)["password"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        sign_in(&server, "ana", &password);
    }
    let listed = place.json(&["session", "list", "--user", "ana", "--platform", "linux", "--limit", "2"]);
    let first = &listed["items"][0];
    assert_eq!(
        (&first["device"], &first["address"], &first["user"]),
        (&json!("Firefox 132 on Ubuntu"), &json!("127.0.0.1"), &json!("ana"))
    );
    assert_eq!(first["place"], "Private network");
    let token = listed["next_page_token"].as_str().unwrap();
    let rest = place.json(&[
        "session",
        "list",
        "--user",
        "ana",
        "--platform",
        "linux",
        "--limit",
        "2",
        "--page-token",
        token,
    ]);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert!(place.ok(&["session", "list"]).contains("Firefox 132 on Ubuntu"));
    assert_eq!(
        place.ok(&["session", "revoke", first["id"].as_str().unwrap()]),
        "Ended 1 session of 1 person.\n"
    );
    assert_eq!(place.refused(3, &["session", "revoke", first["id"].as_str().unwrap()])["code"], "not_found");
    assert_eq!(place.refused(2, &["session", "revoke"])["code"], "sessions.no_filter");
    assert_eq!(place.refused(2, &["session", "revoke", "--address", "acme"])["code"], "invalid");
    let dry = place.ok(&["session", "revoke", "--address", "127.0.0.0/8", "--dry-run"]);
    assert_eq!(dry, "Would end 2 sessions of 1 person. Nothing was changed.\n");
    assert_eq!(place.ok(&["session", "revoke", "--address", "127.0.0.1"]), "Ended 2 sessions of 1 person.\n");
    assert_eq!(place.json(&["session", "list"])["items"], json!([]));
    assert_eq!(server.stop().0, 0);
}

#[test]
fn files_of_places_are_put_in_and_told() {
    let place = Place::new();
    assert!(place.run(&["geo", "status"]).err.contains("muster geo install FILE"));
    let mut database = Database::default();
    database.metadata.binary_format_major_version = 2;
    database.metadata.build_epoch = 1_780_000_000;
    "city ipv4".clone_into(&mut database.metadata.database_type);
    let berlin = database.insert_value(json!({"city": "Berlin", "country_code": "DE"})).unwrap();
    database.insert_node(IpAddrWithMask::new([85, 214, 0, 0].into(), 16), berlin);
    let file = place.directory.join("dbip-city-ipv4.mmdb");
    std::fs::write(&file, database.write_to(Vec::new()).unwrap()).unwrap();
    let said = place.ok(&["geo", "install", "dbip-city-ipv4.mmdb"]);
    for words in ["city ipv4", "flat", "IPv4", "built 2026-05-28", "1 networks", "IP geolocation by DB-IP"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(place.directory.join("muster-data/geo/dbip-city-ipv4.mmdb").exists());
    let status = place.json(&["geo", "status"]);
    assert_eq!(
        (&status["items"][0]["schema"], &status["items"][0]["ip_version"]),
        (&json!("flat"), &json!(4))
    );
    let noise = place.file("noise.mmdb", "no database");
    assert_eq!(place.refused(2, &["geo", "install", &noise])["code"], "geo.unusable");
    std::fs::write(place.directory.join("muster-data/geo/broken.mmdb"), "half").unwrap();
    let broken = place.run(&["geo", "status"]);
    assert!(
        broken.code == 2 && broken.out.contains("broken.mmdb") && broken.out.contains("dbip-city"),
        "{}",
        broken.out
    );
}
