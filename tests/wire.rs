//! A go-between on the way to PostgreSQL that can silence the connection by which a node hears of the others' changes,
//! and lose a COMMIT.

use std::{io::Result as IoResult, path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use store::testing::Postgres;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{Notify, watch},
};

/// What happens to connections that listen; all others pass unless it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// They pass.
    Open,
    /// They stay open, and nothing comes through any more.
    Silent,
    /// They are closed, and so is every one that wants to listen.
    Cut,
    /// So is every other connection.
    Down,
}

/// What becomes of the next COMMIT; from then on the line is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The server never hears it.
    Question,
    /// The server does it, and its answer is lost.
    Answer,
    /// The server hears it only when it is delivered.
    Late,
}

/// What all connections share.
#[derive(Default)]
struct Plan {
    loss: Mutex<Option<Loss>>,
    deliver: Notify,
    delivered: Notify,
}

/// The go-between.
pub(crate) struct Wire {
    /// The database's address through it.
    pub(crate) url: String,
    line: Arc<watch::Sender<Line>>,
    plan: Arc<Plan>,
}

impl Wire {
    /// To the database of that address.
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(watch::Sender::new(Line::Open));
        let plan = Arc::new(Plan::default());
        let (shared, planned, socket) = (line.clone(), plan.clone(), Postgres::shared().socket());
        tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                tokio::spawn(pass(program, socket.clone(), shared.clone(), planned.clone()));
            }
        });
        let name = url.trim_start_matches("postgres:///").split('?').next().unwrap();
        Self { url: format!("postgres://postgres@127.0.0.1:{port}/{name}"), line, plan }
    }

    /// Loses the next COMMIT, and everything after it until the line is set open.
    pub(crate) fn lose_commit(&self, loss: Loss) {
        *self.plan.loss.lock() = Some(loss);
    }

    /// Lets the server hear the COMMIT that was lost so far, and waits until it is done.
    pub(crate) async fn deliver(&self) {
        self.plan.deliver.notify_one();
        self.plan.delivered.notified().await;
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

/// One connection's life; ends when either side ends it.
async fn pass(
    mut program: TcpStream,
    socket: PathBuf,
    sender: Arc<watch::Sender<Line>>,
    plan: Arc<Plan>,
) -> IoResult<()> {
    let mut line = sender.subscribe();
    let mut server = UnixStream::connect(socket).await?;
    let (mut asked, mut answered, mut listens) = (vec![0; 1 << 16], vec![0; 1 << 16], false);
    loop {
        let state = match *line.borrow_and_update() {
            Line::Down => return Ok(()),
            state if listens => state,
            _ => Line::Open,
        };
        if state == Line::Cut {
            return Ok(());
        }
        tokio::select! {
            length = program.read(&mut asked) => match length? {
                0 => return Ok(()),
                length if asked[..length].windows(7).any(|part| part == b"COMMIT\0") && plan.loss.lock().is_some() => {
                    let loss = plan.loss.lock().take();
                    sender.send_replace(Line::Down);
                    drop(program);
                    if loss == Some(Loss::Late) {
                        // It would be ended for its silence.
                        server.write_all(&question("SET idle_in_transaction_session_timeout = 0")).await?;
                        let _length = server.read(&mut answered).await?;
                        plan.deliver.notified().await;
                    }
                    if loss != Some(Loss::Question) {
                        server.write_all(&asked[..length]).await?;
                        let _length = server.read(&mut answered).await?;
                        plan.delivered.notify_one();
                    }
                    return Ok(());
                }
                length => {
                    listens |= asked[..length].windows(6).any(|part| part == b"LISTEN");
                    if !listens || *line.borrow() == Line::Open {
                        server.write_all(&asked[..length]).await?;
                    }
                }
            },
            length = server.read(&mut answered), if state == Line::Open => match length? {
                0 => return Ok(()),
                length => program.write_all(&answered[..length]).await?,
            },
            changed = line.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// A simple query in PostgreSQL's protocol.
fn question(text: &str) -> Vec<u8> {
    let mut message = vec![b'Q'];
    message.extend(u32::try_from(text.len() + 5).unwrap().to_be_bytes());
    message.extend(text.as_bytes());
    message.push(0);
    message
}
