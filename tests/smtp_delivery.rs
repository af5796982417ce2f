//! Mail handed to a foreign server in each of the ways, and read by a foreign parser: what was written is what arrives.

use connect::smtp::{Message, Options, Outcome, Security, Server};
use serde_json::Value;
use store::testing::Scratch;

use crate::{
    process::program,
    smtp_peer::{NAME, PASSWORD, Peer},
    smtp_refusals::{message, options, with_login},
};

fn reach(peer: &Peer, way: &str, security: Security) -> Options {
    let server = format!("localhost:{}", peer.port(way));
    Options { ca_file: Some(peer.authority()), ..options(server, security) }
}

/// Sends it without encryption, and reads it there.
async fn arrived(peer: &Peer, message: &Message) -> Value {
    let outcome = Server::new(reach(peer, "plain", Security::None)).unwrap().send(message).await;
    assert_eq!(outcome, Outcome::Sent { reply: "250 2.0.0 taken".to_owned() });
    let mail = peer.mail();
    assert_eq!(mail["defects"], serde_json::json!([]), "{mail:#}");
    mail
}

/// The header of that name, which must be there once.
fn header<'m>(mail: &'m Value, name: &str) -> &'m str {
    let all = mail["headers"].as_array().unwrap().iter();
    let found: Vec<&Value> = all.filter(|header| header[0] == name).map(|header| &header[1]).collect();
    assert_eq!(found.len(), 1, "{name} in {mail:#}");
    found[0].as_str().unwrap()
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Deferred { why } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_way_of_reaching_the_server_works() {
    let peer = Peer::start();
    let ways = [
        ("plain", Security::None, false),
        ("plain_with_password", Security::None, true),
        ("starttls", Security::StartTls, true),
        ("tls", Security::Tls, true),
    ];
    for (way, security, has_login) in ways {
        let options = reach(&peer, way, security);
        let server = Server::new(if has_login { with_login(options) } else { options }).unwrap();
        server.test().await.unwrap();
        for _ in 0..3 {
            let outcome = server.send(&message("ana@acme.example")).await;
            assert_eq!(outcome, Outcome::Sent { reply: "250 2.0.0 taken".to_owned() }, "{way}");
            let mail = peer.mail();
            assert_eq!(mail["is_encrypted"], security != Security::None, "{way}");
            assert_eq!(mail["is_signed_in"], has_login, "{way}");
            assert_eq!(
                (&mail["from"], &mail["to"][0]),
                (&"muster@example.com".into(), &"ana@acme.example".into())
            );
        }
    }
    // Trying it out has sent nothing.
    assert_eq!(peer.rest().len(), 0);
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_nothing() {
    let peer = Peer::start();
    for (way, security) in [("starttls", Security::StartTls), ("tls", Security::Tls)] {
        let right = with_login(reach(&peer, way, security));
        let of_others = Options { ca_file: Some(peer.other_authority()), ..right.clone() };
        let public = Options { ca_file: None, ..right.clone() };
        let other_name = Options { server: format!("127.0.0.1:{}", peer.port(way)), ..right.clone() };
        let cases = [
            (of_others, "not signed by an authority that is believed here"),
            (public, "not signed by an authority that is believed here"),
            (other_name, "for another name"),
        ];
        for (options, words) in cases {
            let why = why(Server::new(options).unwrap().send(&message("ana@acme.example")).await);
            assert!(why.contains(words), "{way}: {why}");
        }
    }
    let tls_to_plain = Server::new(reach(&peer, "plain", Security::Tls)).unwrap();
    let words = why(tls_to_plain.send(&message("ana@acme.example")).await);
    assert!(words.contains("does not speak TLS there"), "{words}");
    assert_eq!(peer.rest().len(), 0);
}

#[tokio::test]
async fn a_wrong_password_or_none_is_deferred_and_not_blamed_on_the_address() {
    let peer = Peer::start();
    for (way, security) in [("starttls", Security::StartTls), ("tls", Security::Tls)] {
        let login = Some((NAME.to_owned(), "wrong".to_owned()));
        let wrong = Server::new(Options { login, ..reach(&peer, way, security) }).unwrap();
        let words = why(wrong.send(&message("ana@acme.example")).await);
        assert!(words.contains("refused our sign-in (535"), "{words}");
        let none = Server::new(reach(&peer, way, security)).unwrap();
        let words = why(none.send(&message("ana@acme.example")).await);
        assert!(
            words.contains("answered 530 to the sender") && words.contains("check mail.username"),
            "{words}"
        );
    }
    assert_eq!(peer.rest().len(), 0);
}

#[tokio::test]
async fn headers_say_who_writes_to_whom_and_that_a_program_does() {
    let peer = Peer::start();
    let sent = Message {
        from_name: Some("Acme GmbH, \"Personal\" <hr>".to_owned()),
        reply_to: Some("Personal <hr@bücher.example>".to_owned()),
        to_name: Some("Zoë Åström-Łukasz, 王小明".to_owned()),
        subject: "Grüße: Ihre Einladung zu Acme – 招待 ✉".to_owned(),
        ..message("ana@bücher.example")
    };
    let mail = arrived(&peer, &sent).await;
    assert_eq!(mail["to"], serde_json::json!(["ana@xn--bcher-kva.example"]));
    assert_eq!(header(&mail, "subject"), sent.subject);
    assert_eq!(header(&mail, "from"), "\"Acme GmbH, \\\"Personal\\\" <hr>\" <muster@example.com>");
    assert_eq!(header(&mail, "to"), "\"Zoë Åström-Łukasz, 王小明\" <ana@xn--bcher-kva.example>");
    assert_eq!(header(&mail, "reply-to"), "Personal <hr@xn--bcher-kva.example>");
    assert_eq!(header(&mail, "message-id"), format!("<{}>", sent.id));
    assert_eq!(header(&mail, "date"), "Fri, 20 Nov 2026 08:00:00 +0000");
    assert_eq!(header(&mail, "auto-submitted"), "auto-generated");
    assert_eq!(header(&mail, "x-auto-response-suppress"), "All");
    assert_eq!(header(&mail, "mime-version"), "1.0");
    assert!(mail["raw"].as_str().unwrap().is_ascii());
    // Nothing given: the configured name, and no more headers than needed.
    let mail = arrived(&peer, &message("ana@acme.example")).await;
    assert_eq!(
        (header(&mail, "from"), header(&mail, "to")),
        ("Muster <muster@example.com>", "ana@acme.example")
    );
    assert_eq!(mail["headers"].as_array().unwrap().len(), 9, "{mail:#}");
}

#[tokio::test]
async fn both_parts_arrive_letter_by_letter() {
    let peer = Peer::start();
    let long = "Wörter ohne Ende, ".repeat(2_000);
    let texts = [
        "Hello.\n".to_owned(),
        ".\n..\n.leading dots\n\n.\n".to_owned(),
        "trailing spaces  \nand tabs\t\n=3D is no = sign\n".to_owned(),
        "Grüße 王小明 ✉️ \u{1f469}\u{200d}\u{1f4bb}\n".to_owned(),
        format!("{}\n", "x".repeat(5_000)),
        format!("{long}\n"),
        "--=_mail1\nFrom here\n--=_mail1--\n".to_owned(),
        format!("https://people.example.com/o/acme/i/{}\n", "A-_9".repeat(60)),
    ];
    for text in texts {
        let sent = Message {
            id: "mail-1@example.com".to_owned(),
            html: format!("<p>{text}</p>\n"),
            text,
            ..message("ana@acme.example")
        };
        let mail = arrived(&peer, &sent).await;
        assert_eq!(mail["text"].as_str().unwrap().trim_end(), sent.text.trim_end());
        assert_eq!(mail["html"].as_str().unwrap().trim_end(), sent.html.trim_end());
        assert_eq!(mail["encodings"], serde_json::json!(["quoted-printable", "quoted-printable"]));
        assert!(header(&mail, "content-type").starts_with("multipart/alternative;"));
        assert!(mail["longest_line"].as_u64().unwrap() <= 100, "{}", mail["longest_line"]);
        assert!(mail["raw"].as_str().unwrap().is_ascii());
    }
}

#[tokio::test]
async fn no_field_can_add_a_header_or_end_the_mail() {
    let peer = Peer::start();
    for end in ["\r\n", "\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\0", "\r\n\r\n", "\n.\n"] {
        let evil = format!("x{end}Bcc: eve@evil.example{end}.{end}MAIL FROM:<eve@evil.example>");
        let sent = Message {
            from_name: Some(evil.clone()),
            to_name: Some(evil.clone()),
            subject: evil.clone(),
            ..message("ana@acme.example")
        };
        let mail = arrived(&peer, &sent).await;
        let words = evil.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
        assert_eq!(header(&mail, "subject"), words.collect::<Vec<_>>().join(" "));
        assert_eq!(mail["headers"].as_array().unwrap().len(), 9, "{mail:#}");
        assert_eq!(mail["text"], "Hello.\n");
        let server = Server::new(reach(&peer, "plain", Security::None)).unwrap();
        let good = message("ana@acme.example");
        let to = Message { to: format!("ana@acme.example{end}RCPT TO:<eve@evil.example>"), ..good.clone() };
        assert!(matches!(server.send(&to).await, Outcome::Failed { .. }));
        for refused in [
            Message { id: format!("1@example.com{end}Bcc: eve@evil.example"), ..good.clone() },
            Message { reply_to: Some(format!("hr@acme.example{end}Bcc: eve@evil.example")), ..good.clone() },
        ] {
            assert!(matches!(server.send(&refused).await, Outcome::Deferred { .. }), "{refused:?}");
        }
        assert!(
            Server::new(Options {
                from: format!("muster@example.com{end}x"),
                ..options("localhost", Security::Tls)
            })
            .is_err()
        );
    }
    for address in [
        "",
        "ana",
        "@acme.example",
        "ana@",
        "ana@@acme.example",
        "a b@acme.example",
        "<ana@acme.example>",
        "ana@acme.example,eve@evil.example",
        "\"ana eve\"@acme.example",
        "ana@[127.0.0.1]",
        "ana@acme .example",
    ] {
        let server = Server::new(reach(&peer, "plain", Security::None)).unwrap();
        let outcome = server.send(&message(address)).await;
        assert!(matches!(outcome, Outcome::Failed { .. }), "{address}: {outcome:?}");
    }
    assert_eq!(peer.rest().len(), 0);
}

#[tokio::test]
async fn an_address_in_another_script_is_reached_where_the_server_knows_how() {
    let peer = Peer::start();
    let server = Server::new(reach(&peer, "plain", Security::None)).unwrap();
    let outcome = server.send(&message("jörg@bücher.example")).await;
    assert!(matches!(outcome, Outcome::Sent { .. }), "{outcome:?}");
    let mail = peer.mail();
    assert_eq!(mail["to"], serde_json::json!(["jörg@xn--bcher-kva.example"]));
    let asked: Vec<&str> = mail["options"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(asked.contains(&"SMTPUTF8"), "{asked:?}");
    assert!(mail["raw"].as_str().unwrap().contains("To: jörg@xn--bcher-kva.example\r\n"));
    // One that does not is asked nothing, and the address is at fault.
    let server = crate::smtp_server::FaultyServer::always(crate::smtp_server::Behaviour::Deliver).await;
    let sender = Server::new(options(server.address(), Security::None)).unwrap();
    let outcome = sender.send(&message("jörg@bücher.example")).await;
    assert!(matches!(&outcome, Outcome::Failed { why } if why.contains("SMTPUTF8")), "{outcome:?}");
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn a_later_attempt_is_the_same_mail_to_the_byte() {
    let peer = Peer::start();
    let sent = Message { subject: "Grüße".to_owned(), ..message("ana@acme.example") };
    let first = arrived(&peer, &sent).await;
    let second = arrived(&peer, &sent).await;
    assert_eq!(first["raw"], second["raw"]);
}

#[test]
fn the_doctor_tries_the_mail_server_out_and_sends_nothing() {
    let peer = Peer::start();
    let scratch = Scratch::new();
    let doctor = |password: &str| {
        let settings = format!(
            "[mail]\nserver = \"localhost:{}\"\nfrom = \"muster@example.com\"\nusername = \"{NAME}\"\n\
             password = \"{password}\"\nca_file = \"{}\"\n",
            peer.port("starttls"),
            peer.authority().display()
        );
        std::fs::write(scratch.path().join("muster.toml"), settings).unwrap();
        let output = program(scratch.path()).args(["doctor", "--config", "muster.toml"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let found = doctor(PASSWORD);
    assert!(found.contains("takes our mail"), "{found}");
    let found = doctor("wrong password");
    assert!(found.contains("refused our sign-in (535") && !found.contains("wrong password"), "{found}");
    assert_eq!(peer.rest().len(), 0);
}
