//! The server's Unix socket: how commands reach the process that holds the embedded database, so that there is one
//! writer and one truth.
//!
//! One JSON line asks, one JSON line answers, any number of times on a connection. Only the server's own user and root
//! get in: the file's mode says so, and the peer is asked besides.

use std::{
    fs::{File, OpenOptions},
    io::ErrorKind,
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use app::App;
use model::{Error, Kind, Result, Zone};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    command::{Command, Outcome},
    execute::execute,
    problem::{Problem, failed},
};

/// A chunk of an import has 100 rows of at most 64 kB, which may double when quoted.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;
/// A socket's path must fit into `sockaddr_un` (108 bytes).
const LONGEST_PATH: usize = 100;

/// The answer to a command.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// With the organization's time zone.
    Done(Outcome, String),
    Refused(Problem),
}

/// The socket of this server; the file goes with it.
pub(crate) struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Makes the socket in place of what a server that was killed has left. Whoever calls this holds the database.
    pub(crate) fn bind(path: &Path) -> Result<Self> {
        let refused = |error: std::io::Error| failed(format_args!("The socket {}", path.display()), error);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(refused(error)),
            _ => {}
        }
        let short = Short::of(path).map_err(refused)?;
        // Never open to others, not even for the moment until its mode could be changed.
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(&short.path);
        rustix::process::umask(mask);
        Ok(Self { listener: listener.map_err(refused)?, path: path.to_owned() })
    }

    /// Answers until stopped; what was begun ends.
    pub(crate) async fn serve(self, app: App, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match stream {
                Ok((stream, _)) if is_trusted(&stream) => {
                    let (app, stop) = (app.clone(), stop.clone());
                    tasks.spawn(async move {
                        if let Err(error) = converse(stream, &app, stop).await {
                            tracing::debug!(%error, "a command went away");
                        }
                    });
                }
                Ok(_) => tracing::warn!("somebody else's process was turned away from the socket"),
                Err(error) => {
                    tracing::warn!(%error, "the socket could not be listened to");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The next server replaces it anyway.
        std::fs::remove_file(&self.path).ok();
    }
}

fn is_trusted(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Answers the commands of one connection, one after the other.
async fn converse(stream: UnixStream, app: &App, stop: CancellationToken) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reading).take(LONGEST_LINE);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            read = limited.read_until(b'\n', &mut line) => if read? == 0 { return Ok(()) },
        }
        let done = match serde_json::from_slice::<Command>(&line) {
            Ok(command) => execute(app, command).await,
            Err(error) => {
                let message = "This Muster is of another version than the server. Use the server's.";
                Err(Error::new(Kind::Malformed, "socket.malformed", message).with_detail(error))
            }
        };
        let answer = match done {
            Ok((outcome, zone)) => Answer::Done(outcome, zone.name().to_owned()),
            Err(error) => Answer::Refused(Problem::from(&error)),
        };
        let mut text = serde_json::to_vec(&answer).map_err(std::io::Error::other)?;
        text.push(b'\n');
        writing.write_all(&text).await?;
    }
}

/// A connection to a running server.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    /// Connects; `None` if no server listens there.
    pub(crate) async fn connect(path: &Path) -> Result<Option<Self>> {
        let refused = |error: std::io::Error| failed(format_args!("The socket {}", path.display()), error);
        let short = match Short::of(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            short => short.map_err(refused)?,
        };
        match UnixStream::connect(&short.path).await {
            Ok(stream) => Ok(Some(Self(BufReader::new(stream)))),
            // The file of a server that was killed.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let message = "The server belongs to another user. Run this as that user, or as root.";
                Err(Error::new(Kind::Unavailable, "socket.forbidden", message).with_detail(error))
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Has the server do something.
    pub(crate) async fn ask(&mut self, command: &Command) -> Result<(Outcome, Zone)> {
        let gone = |error: std::io::Error| {
            let message =
                "The server went away before it answered. Look whether it was done before you repeat it.";
            Error::new(Kind::OutcomeUnknown, "outcome_unknown", message).with_detail(error)
        };
        let mut text = serde_json::to_vec(command).map_err(Error::internal)?;
        text.push(b'\n');
        self.0.get_mut().write_all(&text).await.map_err(gone)?;
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line).await.map_err(gone)? == 0 {
            return Err(gone(ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_slice(&line).map_err(Error::internal)? {
            Answer::Done(outcome, zone) => Ok((outcome, Zone::named(&zone).unwrap_or_default())),
            Answer::Refused(problem) => Err(problem.into()),
        }
    }
}

/// A path that fits into a socket address: a long one is written through its directory's file descriptor.
struct Short {
    path: PathBuf,
    _directory: Option<File>,
}

impl Short {
    fn of(path: &Path) -> std::io::Result<Self> {
        if path.as_os_str().len() <= LONGEST_PATH {
            return Ok(Self { path: path.to_owned(), _directory: None });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ErrorKind::InvalidInput.into());
        };
        let flags = rustix::fs::OFlags::DIRECTORY.bits().cast_signed();
        let directory = OpenOptions::new().read(true).custom_flags(flags).open(parent)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }
}
