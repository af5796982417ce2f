//! The built program as a process that can be killed, and the plainest client that can talk to it.

use std::{
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A running server.
pub(crate) struct Server {
    process: Child,
    /// Host and port of the public listener.
    pub(crate) address: String,
}

impl Server {
    /// Starts a server in a directory, with its `muster.toml`, and waits until it listens.
    pub(crate) fn start(directory: &Path) -> Self {
        let listen = ["--listen", "127.0.0.1:0", "--management", "127.0.0.1:0", "--config", "muster.toml"];
        let mut process =
            program(directory).arg("serve").args(listen).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("it starts").unwrap();
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.to_owned();
            }
        };
        // What it says afterwards is read and forgotten: a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    /// As the kernel does when memory is short: nothing is tidied up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}

/// The program, in a directory, without the settings of whoever runs the tests.
pub(crate) fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("MUSTER_")) {
            command.env_remove(name);
        }
    }
    command.env("MUSTER_LOG__FORMAT", "text").current_dir(directory);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// One connection, kept open between requests.
pub(crate) struct Client(BufReader<TcpStream>);

/// An answer.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn to(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        // A server that hangs is a failure, not a wait without end.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and waits for the whole answer.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<Heard> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: muster\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let broken = || Error::from(ErrorKind::UnexpectedEof);
        let (mut status, mut length, mut cookie) = (0, 0, None);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(broken());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                None => {
                    let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
                    status = code.ok_or_else(broken)?;
                }
                Some(("content-length", bytes)) => length = bytes.parse().map_err(|_| broken())?,
                // Not the one by which the browser is known.
                Some(("set-cookie", value)) if !value.starts_with("muster-devices-") => {
                    cookie = value.split(';').next().map(str::to_owned);
                }
                Some(_) => {}
            }
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        Ok(Heard { status, cookie, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}
