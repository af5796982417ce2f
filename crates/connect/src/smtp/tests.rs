use super::*;

fn options(server: &str, security: Security) -> Options {
    let from = "muster@example.com".to_owned();
    Options { server: server.to_owned(), security, login: None, from, ca_file: None, timeout: LONGEST }
}

#[test]
fn a_server_is_a_host_with_or_without_a_port() {
    let good = [
        ("mail.example.com", Security::StartTls, "mail.example.com", 587),
        ("mail.example.com", Security::Tls, "mail.example.com", 465),
        ("mail.example.com", Security::None, "mail.example.com", 25),
        (" mail.example.com:2525 ", Security::Tls, "mail.example.com", 2525),
        ("192.0.2.7:25", Security::None, "192.0.2.7", 25),
        ("[2001:db8::7]", Security::Tls, "2001:db8::7", 465),
        ("[::1]:25", Security::None, "::1", 25),
    ];
    for (server, security, host, port) in good {
        assert_eq!(endpoint(server, security).unwrap(), (host.to_owned(), port), "{server}");
        assert!(Server::new(options(server, security)).is_ok(), "{server}");
    }
    for bad in [
        "",
        ":25",
        "a b",
        "smtp://mail.example.com",
        "mail:0",
        "mail:70000",
        "mail:25:25",
        "[::1",
        "[x]:25",
        "::1",
        "a\r\nb",
    ] {
        assert!(endpoint(bad, Security::Tls).is_err(), "{bad:?}");
    }
}

#[test]
fn no_attempt_lasts_longer_than_a_request_for_one_may() {
    let patient = Options { timeout: Duration::from_secs(3600), ..options("localhost", Security::Tls) };
    assert_eq!(Server::new(patient).unwrap().timeout, LONGEST);
}

/// A worker that runs on many threads hands mail over.
#[test]
fn an_attempt_may_move_between_threads() {
    fn moves<T: Send>(_: &T) {}
    let server = Server::new(options("localhost", Security::Tls)).unwrap();
    moves(&server.test());
    let message = Message {
        id: "1@example.com".to_owned(),
        from_name: None,
        reply_to: None,
        to: "ana@example.com".to_owned(),
        to_name: None,
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        date: Timestamp::from_micros(0),
    };
    moves(&server.send(&message));
}
