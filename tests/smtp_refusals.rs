//! What becomes of a mail when the mail server fails in each of the ways that it can: nothing is called sent that was not
//! acknowledged, no address is given up for somebody else's fault, no secret is said to the wrong side.

use std::time::Duration;

use connect::smtp::{Message, Options, Outcome, Security, Server};
use model::Timestamp;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy},
    net::{TcpListener, TcpStream},
};

use crate::{
    smtp_peer::{NAME, PASSWORD, Peer},
    smtp_server::{Behaviour, FaultyServer},
};

/// Never reached, unless by a server that hangs.
const LONG: Duration = Duration::from_secs(40);
/// For those that hang.
const SHORT: Duration = Duration::from_millis(400);

pub(crate) fn options(server: impl Into<String>, security: Security) -> Options {
    let from = "Muster <muster@example.com>".to_owned();
    Options { server: server.into(), security, login: None, from, ca_file: None, timeout: LONG }
}

pub(crate) fn with_login(options: Options) -> Options {
    Options { login: Some((NAME.to_owned(), PASSWORD.to_owned())), ..options }
}

pub(crate) fn message(to: &str) -> Message {
    Message {
        id: format!("mail-1.{}@example.com", to.len()),
        from_name: None,
        reply_to: None,
        to: to.to_owned(),
        to_name: None,
        subject: "Welcome".to_owned(),
        text: "Hello.\n".to_owned(),
        html: "<p>Hello.</p>\n".to_owned(),
        date: Timestamp::parse("2026-11-20T08:00:00Z").unwrap(),
    }
}

fn plain(server: &FaultyServer, timeout: Duration) -> Server {
    Server::new(Options { timeout, ..options(server.address(), Security::None) }).unwrap()
}

/// The kind of outcome, and its words.
fn told(outcome: Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Sent { reply } => ("sent", reply),
        Outcome::Deferred { why } => ("deferred", why),
        Outcome::Failed { why } => ("failed", why),
    }
}

#[tokio::test]
async fn only_a_final_refusal_of_the_mail_counts_against_the_address() {
    let cases = [
        (Behaviour::Deliver, "sent", "250 2.0.0 stored"),
        (Behaviour::Slow, "sent", "250 2.0.0 stored"),
        (Behaviour::AcknowledgeAndDrop, "sent", "250 2.0.0 stored"),
        (Behaviour::Reset, "deferred", "failed while it was being greeted"),
        (Behaviour::Greet("421 busy"), "deferred", "answered 421 as its greeting: busy"),
        (Behaviour::Greet("554 go away"), "deferred", "answered 554 as its greeting: go away"),
        (Behaviour::Greet("garbage"), "deferred", "while it was being greeted"),
        (Behaviour::Greet("220-never ending"), "deferred", "it closed the connection"),
        (Behaviour::Babble, "deferred", "while it was being greeted"),
        (Behaviour::Hello("550 no"), "deferred", "answered 550 as its greeting: no"),
        (Behaviour::Sender("451 later"), "deferred", "answered 451 to the sender: later"),
        (Behaviour::Sender("550 not you"), "failed", "answered 550 to the sender: not you"),
        (Behaviour::Sender("530 5.7.0 authenticate"), "deferred", "check mail.username"),
        (Behaviour::Recipient("450 greylisted"), "deferred", "answered 450 to the recipient: greylisted"),
        (Behaviour::Recipient("421 closing"), "deferred", "answered 421 to the recipient"),
        (Behaviour::Recipient("550-5.1.1 nobody\r\n550 5.1.1 here"), "failed", "5.1.1 nobody here"),
        (Behaviour::Content("452 full"), "deferred", "answered 452 to the content: full"),
        (Behaviour::Content("554 no"), "failed", "answered 554 to the content: no"),
        (Behaviour::End("451 later"), "deferred", "answered 451 to the content: later"),
        (Behaviour::End("552 too large"), "failed", "answered 552 to the content: too large"),
        (Behaviour::DropInContent, "deferred", "while the content was sent; it may have been delivered"),
        (Behaviour::StoreAndDrop, "deferred", "while the content was sent; it may have been delivered"),
    ];
    for (behaviour, kind, words) in cases {
        let server = FaultyServer::always(behaviour).await;
        let outcome = told(plain(&server, LONG).send(&message("ana@acme.example")).await);
        assert!(outcome.0 == kind && outcome.1.contains(words), "{behaviour:?}: {outcome:?}");
        let acknowledged = server.stored().iter().filter(|stored| stored.is_acknowledged).count();
        assert_eq!(acknowledged, usize::from(kind == "sent"), "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_time_for_one_attempt() {
    let cases = [
        (Behaviour::Hang, "did not answer in time while it was being greeted"),
        (Behaviour::StoreAndHang, "while the content was sent; it may have been delivered"),
    ];
    for (behaviour, words) in cases {
        let server = FaultyServer::always(behaviour).await;
        let outcome = told(plain(&server, SHORT).send(&message("ana@acme.example")).await);
        assert!(outcome.0 == "deferred" && outcome.1.contains(words), "{behaviour:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let server = Server::new(options(&address, Security::None)).unwrap();
    let outcome = told(server.send(&message("ana@acme.example")).await);
    let words = format!("{address} can't be reached: Connection refused");
    assert!(outcome.0 == "deferred" && outcome.1.contains(&words), "{outcome:?}");
    let error = server.test().await.unwrap_err();
    assert!(error.message().contains("Check mail.server"), "{}", error.message());
}

#[tokio::test]
async fn an_answer_is_shown_short_on_one_line_and_without_control_characters() {
    const ANSWER: &str = "550 \u{1b}[31mred\u{7} \t xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                          xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
                          xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    let server = FaultyServer::always(Behaviour::Recipient(ANSWER)).await;
    let (kind, why) = told(plain(&server, LONG).send(&message("ana@acme.example")).await);
    let line = why.split_once("to the recipient: ").unwrap().1;
    assert!(kind == "failed" && line.chars().count() <= 200 && line.ends_with('…'), "{why}");
    assert!(line.starts_with("[31mred xxx") && !why.contains(char::is_control), "{why:?}");
}

#[tokio::test]
async fn without_tls_nothing_is_said_that_it_should_protect() {
    let cases = [
        (Behaviour::Deliver, "does not offer STARTTLS"),
        (Behaviour::SignIn("235 welcome"), "does not offer STARTTLS"),
        (Behaviour::StartTls("454 not now"), "answered 454 to STARTTLS"),
        (Behaviour::StartTls("502 what"), "answered 502 to STARTTLS"),
        (
            Behaviour::StartTls("220 go\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 ok\r\n250 ok"),
            "while starting TLS",
        ),
    ];
    for (behaviour, words) in cases {
        let server = FaultyServer::always(behaviour).await;
        let options = with_login(options(format!("localhost:{}", server.port()), Security::StartTls));
        let outcome = told(Server::new(options).unwrap().send(&message("ana@acme.example")).await);
        assert!(outcome.0 == "deferred" && outcome.1.contains(words), "{behaviour:?}: {outcome:?}");
        let said = server.commands();
        let secret =
            |line: &&String| ["AUTH", "MAIL", "RCPT", "DATA"].iter().any(|verb| line.starts_with(verb));
        assert_eq!(said.iter().find(secret), None, "{behaviour:?}: {said:?}");
    }
}

/// Whoever sits in the line may add to what the server says before TLS protects it; nothing of that is believed.
#[tokio::test]
async fn what_was_slipped_in_before_tls_is_not_taken_for_the_servers_word() {
    let peer = Peer::start();
    let port = peer.port("starttls");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let between = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
        // The greeting, EHLO and its answer, STARTTLS: and then more than the server's consent.
        let mut line = String::new();
        for command in ["EHLO", "STARTTLS", ""] {
            line.clear();
            while line.lines().last().is_none_or(|last| last.get(3..4) != Some(" ")) {
                server.read_line(&mut line).await.unwrap();
            }
            if command.is_empty() {
                line +=
                    "250-peer.test\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n250 ok\r\n354 ok\r\n250 sent\r\n";
                client.write_all(line.as_bytes()).await.unwrap();
                break;
            }
            client.write_all(line.as_bytes()).await.unwrap();
            line.clear();
            client.read_line(&mut line).await.unwrap();
            assert!(line.starts_with(command), "{line}");
            server.write_all(line.as_bytes()).await.unwrap();
        }
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        tokio::select! {
            _ = copy(&mut from_client, &mut to_server) => {}
            _ = copy(&mut from_server, &mut to_client) => {}
        }
    });
    let options = Options {
        ca_file: Some(peer.authority()),
        ..with_login(options(format!("localhost:{between}"), Security::StartTls))
    };
    let outcome = told(Server::new(options).unwrap().send(&message("ana@acme.example")).await);
    assert!(outcome.0 == "deferred" && outcome.1.contains("while starting TLS"), "{outcome:?}");
    assert_eq!(peer.rest().len(), 0);
}

#[tokio::test]
async fn a_refused_sign_in_is_our_fault_and_says_what_to_check() {
    for answer in ["535 5.7.8 bad", "500 what", "454 4.7.0 later"] {
        let server = FaultyServer::always(Behaviour::SignIn(answer)).await;
        let sender = Server::new(with_login(options(server.address(), Security::None))).unwrap();
        let (kind, why) = told(sender.send(&message("ana@acme.example")).await);
        assert!(kind == "deferred" && why.contains("refused our sign-in"), "{answer}: {why}");
        assert!(
            why.contains("mail.username") && !server.commands().iter().any(|line| line.starts_with("MAIL"))
        );
        assert!(sender.test().await.is_err());
    }
    // A server that knows no sign-in is not sent mail without.
    let server = FaultyServer::always(Behaviour::Deliver).await;
    let sender = Server::new(with_login(options(server.address(), Security::None))).unwrap();
    let (kind, why) = told(sender.send(&message("ana@acme.example")).await);
    assert!(kind == "deferred" && why.contains("offers no sign-in"), "{why}");
    assert!(server.stored().is_empty());
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_get_it_into_our_words() {
    let server = FaultyServer::always(Behaviour::Parrot).await;
    let sender = Server::new(with_login(options(server.address(), Security::None))).unwrap();
    let (_, why) = told(sender.send(&message("ana@acme.example")).await);
    assert!(why.contains("535 5.7.8 this is wrong: AUTH PLAIN (hidden)"), "{why}");
    let shown = format!("{sender:?} {:?}", with_login(options("localhost", Security::None)));
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[test]
fn a_password_is_never_sent_unprotected_to_another_machine() {
    for host in [
        "mail.example.com",
        "192.0.2.1",
        "[2001:db8::1]:25",
        "127.0.0.1.example.com",
        "localhost.example.com",
    ] {
        let error = Server::new(with_login(options(host, Security::None))).unwrap_err();
        assert_eq!(error.code(), "mail.insecure_login", "{host}");
        assert!(Server::new(options(host, Security::None)).is_ok(), "{host}");
    }
    for host in ["localhost", "127.0.0.1:2525", "[::1]:25", "127.8.8.8"] {
        assert!(Server::new(with_login(options(host, Security::None))).is_ok(), "{host}");
    }
}

#[tokio::test]
async fn one_connection_serves_many_mails_until_it_ends() {
    let server = FaultyServer::always(Behaviour::Deliver).await;
    let sender = plain(&server, LONG);
    for _ in 0..120 {
        assert_eq!(told(sender.send(&message("ana@acme.example")).await).0, "sent");
    }
    assert_eq!((server.connections(), server.stored().len()), (3, 120));
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_waited_is_replaced_and_the_mail_goes_out_once() {
    let server = FaultyServer::always(Behaviour::AcknowledgeAndDrop).await;
    let sender = plain(&server, LONG);
    for _ in 0..5 {
        assert_eq!(told(sender.send(&message("ana@acme.example")).await).0, "sent");
    }
    assert_eq!((server.connections(), server.stored().len()), (5, 5));
}

/// A connection in doubt is never used again: the next mail would be given the late answer to this one.
#[tokio::test]
async fn a_mail_never_gets_the_answer_to_another() {
    let script = |recipient: &str, _| match recipient {
        "hangs@acme.example" => Behaviour::StoreAndHang,
        "unknown@acme.example" => Behaviour::Recipient("550 unknown"),
        "drops@acme.example" => Behaviour::StoreAndDrop,
        _ => Behaviour::Deliver,
    };
    let server = FaultyServer::start(Box::new(|_| Behaviour::Deliver), Box::new(script)).await;
    let sender = plain(&server, SHORT);
    for bad in ["hangs@acme.example", "unknown@acme.example", "drops@acme.example"] {
        assert_eq!(told(sender.send(&message("ana@acme.example")).await).0, "sent");
        assert_ne!(told(sender.send(&message(bad)).await).0, "sent");
    }
    // Whoever loses patience in the midst of a mail leaves nothing behind either.
    for polls in 1..40 {
        let hurried = message("hurried@acme.example");
        crate::patience::impatient(sender.send(&hurried), polls).await;
        assert_eq!(told(sender.send(&message("ana@acme.example")).await).0, "sent", "after {polls} polls");
    }
    let anas = server.stored().iter().filter(|stored| stored.recipient == "ana@acme.example").count();
    assert_eq!(anas, 3 + 39);
}
