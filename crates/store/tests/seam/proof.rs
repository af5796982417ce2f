//! The connection is cut exactly at COMMIT, by a go-between on the wire: what is answered must be what happened.

use std::{
    io::Result as IoResult,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::{Fixture, add, add_counted, eventually, insert, proof, write};
use metrics_exporter_prometheus::PrometheusBuilder;
use model::{Kind, Result};
use parking_lot::Mutex;
use store::{Attempt, Connection, Database, Lane, Options, Outcome, Writing, testing::Postgres};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

/// What the go-between does to the next COMMIT that it sees.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mischief {
    None,
    /// The server never hears it.
    LoseQuestion,
    /// The server does it, and its answer is lost.
    LoseAnswer,
    /// The same, and from then on the server can't be reached.
    LoseServer,
    /// Nobody gets through any more.
    Unreachable,
    /// The server does it, and an error of this code comes back instead of its answer.
    Say(&'static str),
    /// The server never hears it, and an error of this code comes back.
    Refuse(&'static str),
    /// From this COMMIT on nothing comes through in either direction, and no connection ends.
    Silence,
}

/// Passes everything on between the program and the server, but for its mischief.
struct Between {
    port: u16,
    mischief: Arc<Mutex<Mischief>>,
}

impl Between {
    async fn start(server: &'static Postgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mischief = Arc::new(Mutex::new(Mischief::None));
        let shared = Arc::clone(&mischief);
        tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                if *shared.lock() == Mischief::Silence {
                    tokio::spawn(async move {
                        let _program = program;
                        std::future::pending::<()>().await;
                    });
                } else if *shared.lock() != Mischief::Unreachable {
                    let server = UnixStream::connect(server.socket()).await.unwrap();
                    tokio::spawn(pass(program, server, Arc::clone(&shared)));
                }
            }
        });
        Self { port, mischief }
    }

    fn plan(&self, mischief: Mischief) {
        *self.mischief.lock() = mischief;
    }
}

/// An error in PostgreSQL's protocol, and that the next question may come.
fn refusal(code: &str) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{code}\0Ma go-between says so\0\0");
    let mut message = vec![b'E'];
    message.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
    message.extend(fields.as_bytes());
    message.extend(b"Z\0\0\0\x05I");
    message
}

/// One connection's life; ends when either side ends it, or in mischief.
async fn pass(
    mut program: TcpStream,
    mut server: UnixStream,
    mischief: Arc<Mutex<Mischief>>,
) -> IoResult<()> {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            length = program.read(&mut asked) => {
                let length = length?;
                let message = &asked[..length];
                if length == 0 {
                    return Ok(());
                }
                if !message.windows(7).any(|part| part == b"COMMIT\0") {
                    server.write_all(message).await?;
                    continue;
                }
                let planned = std::mem::replace(&mut *mischief.lock(), Mischief::None);
                if planned == Mischief::LoseQuestion {
                    return Ok(());
                }
                if planned == Mischief::LoseServer {
                    *mischief.lock() = Mischief::Unreachable;
                }
                if planned == Mischief::Silence {
                    *mischief.lock() = Mischief::Silence;
                    std::future::pending::<()>().await;
                }
                if let Mischief::Refuse(code) = planned {
                    server.write_all(b"Q\0\0\0\x0dROLLBACK\0").await?;
                    let _length = server.read(&mut answered).await?;
                    program.write_all(&refusal(code)).await?;
                    continue;
                }
                server.write_all(message).await?;
                if let Mischief::Say(code) = planned {
                    let _length = server.read(&mut answered).await?;
                    program.write_all(&refusal(code)).await?;
                    continue;
                }
                if planned != Mischief::None {
                    // It has come: the COMMIT is done.
                    return server.read(&mut answered).await.map(drop);
                }
            }
            length = server.read(&mut answered) => {
                let length = length?;
                if length == 0 {
                    return Ok(());
                }
                program.write_all(&answered[..length]).await?;
            }
        }
    }
}

/// Adds a person through the go-between; answers that, and how often `after` ran.
async fn add_with(mischief: Mischief) -> (Fixture, Result<()>, usize) {
    let (fixture, _, _, answer, followed) = add_through(mischief).await;
    (fixture, answer, followed)
}

/// The same, with the go-between and the database as it is reached through it.
async fn add_through(mischief: Mischief) -> (Fixture, Between, Database, Result<()>, usize) {
    let fixture = Fixture::postgres().await;
    let between = Between::start(Postgres::shared()).await;
    let name = fixture.url.trim_start_matches("postgres:///").split('?').next().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", between.port);
    let database = Database::open(&Options::new(url)).await.unwrap();
    between.plan(mischief);
    let after = Arc::new(AtomicUsize::new(0));
    let answer = add_counted(&database, 1, Arc::clone(&after)).await;
    (fixture, between, database, answer, after.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_in_the_audit_log() {
    let (fixture, answer, followed) = add_with(Mischief::LoseAnswer).await;
    answer.unwrap();
    assert_eq!(followed, 1);
    fixture.assert_whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_known_not_to_have_happened() {
    let (fixture, answer, followed) = add_with(Mischief::LoseQuestion).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "database.unavailable"));
    assert_eq!(followed, 0);
    fixture.assert_whole(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_can_be_asked_the_outcome_is_said_to_be_unknown() {
    let (fixture, answer, followed) = add_with(Mischief::LoseServer).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::OutcomeUnknown, "outcome_unknown"));
    assert_eq!(followed, 1, "caches must learn of what may have been written");
    fixture.assert_whole(1).await;
}

/// Adds a person while somebody listens; answers that, how often `after` ran, and how often the listener was told.
async fn add_heard(mischief: Mischief) -> (Fixture, Result<()>, usize, usize) {
    let fixture = Fixture::postgres().await;
    let between = Between::start(Postgres::shared()).await;
    let name = fixture.url.trim_start_matches("postgres:///").split('?').next().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", between.port);
    let database = Database::open(&Options::new(url)).await.unwrap();
    let (told, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counts, begins) = (Arc::clone(&told), Arc::clone(&begun));
    let _listener = fixture.database.notifications(
        uuid::Uuid::from_u128(1),
        move |_: &str| {
            counts.fetch_add(1, Ordering::SeqCst);
        },
        move || {
            begins.fetch_add(1, Ordering::SeqCst);
        },
    );
    eventually(async || begun.load(Ordering::SeqCst) > 0).await;
    between.plan(mischief);
    let (after, proof) = (Arc::new(AtomicUsize::new(0)), proof());
    let followed = Arc::clone(&after);
    let work = async move |connection: &mut Connection<'_>| {
        insert(connection, proof, 1).await?;
        connection.notify("changed").await?;
        Ok(Attempt::Commit(()))
    };
    let count = move |&(): &(), _: Outcome| {
        followed.fetch_add(1, Ordering::SeqCst);
    };
    let answer = database.transaction(proof, Lane::Interactive, work, count).await;
    // What was committed before this has been delivered before it.
    let mark = write(&fixture.database, Lane::Interactive, async |connection| {
        connection.notify("mark").await?;
        Ok(Attempt::Commit(()))
    });
    mark.await.unwrap();
    let least = if answer.is_ok() { 3 } else { 1 };
    eventually(async || told.load(Ordering::SeqCst) >= least).await;
    let (after, told) = (after.load(Ordering::SeqCst), told.load(Ordering::SeqCst) - 1);
    (fixture, answer, after, told)
}

/// Whatever an error says about a commit that was done: it is found, this node and the others are told, and it is answered
/// as done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_said_to_have_failed_is_looked_for() {
    for code in ["XX000", "XX001", "58030", "53100", "53200", "0A000", "57014", "57P01", "08006", "40003"] {
        let (fixture, answer, followed, told) = add_heard(Mischief::Say(code)).await;
        assert!(answer.is_ok(), "{code}: {answer:?}");
        assert_eq!((followed, told), (1, 2), "{code}");
        fixture.assert_whole(1).await;
        let (fixture, answer, followed, told) = add_heard(Mischief::Refuse(code)).await;
        let error = answer.unwrap_err();
        assert!(matches!(error.kind(), Kind::Unavailable | Kind::Internal), "{code}: {error:?}");
        assert_eq!((followed, told), (0, 0), "{code}");
        fixture.assert_whole(0).await;
    }
}

/// What the server itself undoes is answered at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_a_rule_refused_is_not_looked_for() {
    for code in ["23505", "23503", "40001", "40P01", "25P02"] {
        let (fixture, answer, followed, told) = add_heard(Mischief::Refuse(code)).await;
        assert_ne!(answer.unwrap_err().kind(), Kind::OutcomeUnknown, "{code}");
        assert_eq!((followed, told), (0, 0), "{code}");
        fixture.assert_whole(0).await;
    }
}

/// The server vanishes without a word, in a COMMIT: whoever waits is told that nobody knows after 11 seconds (here: before
/// looking for the COMMIT could begin anew), and who comes later does not wait for a connection without end.
#[tokio::test]
async fn a_server_that_vanishes_keeps_nobody_waiting() {
    // Everything here runs on this thread, so what it measures can't be another test's.
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _of_this_thread = metrics::set_default_local_recorder(&recorder);
    let is_shown = |gauge: &str| metrics.render().contains(&format!("muster_writing_stopped {gauge}\n"));
    let answered = tokio::time::timeout(Duration::from_secs(18), add_through(Mischief::Silence)).await;
    let (fixture, between, database, answer, followed) = answered.unwrap();
    assert_eq!((answer.unwrap_err().kind(), followed), (Kind::OutcomeUnknown, 1));
    fixture.assert_whole(0).await;
    // Readiness and the metrics say so until something is saved again.
    assert_eq!(database.writing(), Writing::Hanging);
    assert!(is_shown("1"), "{}", metrics.render());
    between.plan(Mischief::None);
    eventually(async || add(&database, 2).await.is_ok()).await;
    assert_eq!(database.writing(), Writing::Possible);
    assert!(is_shown("0"), "{}", metrics.render());
}
