//! Recipients whose mail server hangs: they hold up nobody else's mail.

use std::{sync::Arc, time::Duration};

use ::app::{App, hashing, keys::Keys, mail::Carrier};
use connect::smtp::{Security, Server};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{Engine, TestApp},
    patience::eventually,
    smtp_refusals::options,
    smtp_server::{Behaviour, FaultyServer},
};

/// A second program on the same database that hands its mail to that server.
fn sending_through(app: &TestApp, server: &FaultyServer) -> App {
    let smtp = connect::smtp::Options {
        timeout: Duration::from_secs(45),
        ..options(server.address(), Security::None)
    };
    let hashing = hashing::Options { threads: 1, memory: 64, passes: 1, queue: 16 };
    let options = ::app::Options {
        carrier: Carrier::Smtp(Arc::new(Server::new(smtp).unwrap())),
        ..::app::Options::new(hashing, Keys::new([7; 32]), "http://localhost:8080".to_owned())
    };
    App::new(app.app.database().clone(), app.clock.clone(), Arc::new(::app::system::SystemEntropy), options)
}

async fn hold_nobody_up(hanging: &[String], engine: Engine) {
    let app = TestApp::new(engine).await;
    let by_recipient = |recipient: &str, _| match recipient {
        hanging if hanging.starts_with("hanging") => Behaviour::HangAtRecipient,
        _ => Behaviour::Deliver,
    };
    let server = FaultyServer::start(Box::new(|_| Behaviour::Deliver), Box::new(by_recipient)).await;
    let others = (0..20).map(|number| format!("n{number}@acme.example"));
    for address in hanging.iter().cloned().chain(others) {
        app.app.send_test_mail(&app.operator(), &app.org, Some(&address)).await.unwrap();
    }
    let (program, stop) = (sending_through(&app, &server), CancellationToken::new());
    let worker = tokio::spawn({
        let stop = stop.clone();
        async move { program.work_mail(stop).await }
    });
    eventually("the mail to all others", async || server.stored().len() == 20).await;
    // None of the first attempts is over, and of many to one domain no more were begun.
    let begun = hanging.len().min(8);
    assert_eq!((server.hanging(), server.tries()), (begun, begun + 20));
    // They come up again once these have ended.
    let waiting = "SELECT count(*) FROM mails WHERE state = 'queued' AND attempts = 0 AND leased_until = 0";
    assert_eq!(app.count(waiting).await, i64::try_from(hanging.len() - begun).unwrap());
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_recipient_that_hangs_holds_up_nobody_else() {
    hold_nobody_up(&["hanging@acme.example".to_owned()], Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_recipients_at_a_server_that_hangs_hold_up_nobody_else() {
    let hanging: Vec<String> = (0..30).map(|number| format!("hanging{number}@slow.example")).collect();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        hold_nobody_up(&hanging, engine).await;
    }
}
