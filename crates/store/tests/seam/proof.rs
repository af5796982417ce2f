//! The connection is cut exactly at COMMIT, by a go-between on the wire: what is answered must be what happened.

use std::{
    io::Result as IoResult,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::{Fixture, add_counted};
use model::{Kind, Result};
use parking_lot::Mutex;
use store::{Database, Options, testing::Postgres};
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
                if *shared.lock() != Mischief::Unreachable {
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
                server.write_all(message).await?;
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
    let fixture = Fixture::postgres().await;
    let between = Between::start(Postgres::shared()).await;
    let name = fixture.url.trim_start_matches("postgres:///").split('?').next().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}", between.port);
    let database = Database::open(&Options::new(url)).await.unwrap();
    between.plan(mischief);
    let after = Arc::new(AtomicUsize::new(0));
    let answer = add_counted(&database, 1, Arc::clone(&after)).await;
    (fixture, answer, after.load(Ordering::SeqCst))
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
