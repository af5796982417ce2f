//! A go-between on the way to PostgreSQL that can silence the connection by which a node hears of the others' changes.

use std::{io::Result as IoResult, path::PathBuf, sync::Arc};

use store::testing::Postgres;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// What happens to connections that listen; all others always pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// They pass.
    Open,
    /// They stay open, and nothing comes through any more.
    Silent,
    /// They are closed, and so is every one that wants to listen.
    Cut,
}

/// The go-between.
pub(crate) struct Wire {
    /// The database's address through it.
    pub(crate) url: String,
    line: Arc<watch::Sender<Line>>,
}

impl Wire {
    /// To the database of that address.
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(watch::Sender::new(Line::Open));
        let (shared, socket) = (line.clone(), Postgres::shared().socket());
        tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                tokio::spawn(pass(program, socket.clone(), shared.subscribe()));
            }
        });
        let name = url.trim_start_matches("postgres:///").split('?').next().unwrap();
        Self { url: format!("postgres://postgres@127.0.0.1:{port}/{name}"), line }
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

/// One connection's life; ends when either side ends it.
async fn pass(mut program: TcpStream, socket: PathBuf, mut line: watch::Receiver<Line>) -> IoResult<()> {
    let mut server = UnixStream::connect(socket).await?;
    let (mut asked, mut answered, mut listens) = (vec![0; 1 << 16], vec![0; 1 << 16], false);
    loop {
        let state = if listens { *line.borrow_and_update() } else { Line::Open };
        if state == Line::Cut {
            return Ok(());
        }
        tokio::select! {
            length = program.read(&mut asked) => match length? {
                0 => return Ok(()),
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
