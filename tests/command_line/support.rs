//! A place of its own for each test: a directory with a database, and ways to run the program there.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use store::testing::Postgres;

/// A directory that goes with the test.
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    /// Instead of the usual file in the directory.
    database: Option<String>,
}

/// What a run of the program left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("muster-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory, database: None }
    }

    /// One with the organization `acme`.
    pub(crate) fn with_org() -> Self {
        let place = Self::new();
        place.ok(&["org", "create", "Acme", "--slug", "acme"]);
        place
    }

    /// From now on, another database.
    pub(crate) fn use_database(&mut self, url: String) {
        self.database = Some(url);
    }

    /// One whose database is on PostgreSQL, with its tables.
    pub(crate) fn on_postgres() -> Self {
        let mut place = Self::new();
        place.use_database(Postgres::shared().database());
        place.ok(&["migrate"]);
        place
    }

    /// One on each engine, with the organization `acme`.
    pub(crate) fn with_orgs() -> [Self; 2] {
        let postgres = Self::on_postgres();
        postgres.ok(&["org", "create", "Acme", "--slug", "acme"]);
        [Self::with_org(), postgres]
    }

    /// The database's address, to look at it from beside.
    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite:{}", self.directory.join("muster-data/muster.db").display());
        self.database.clone().unwrap_or_else(file)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("MUSTER_") || name == "TZ") {
                command.env_remove(name);
            }
        }
        if let Some(database) = &self.database {
            command.env("MUSTER_DATABASE__URL", database);
        }
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Run::from(child.wait_with_output().unwrap())
    }

    /// Runs what must succeed; answers its output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        run.out
    }

    /// Runs what must succeed, with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Runs what must be refused with this code; answers the error as JSON.
    pub(crate) fn refused(&self, code: i32, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let run = self.run(&all);
        assert_eq!(run.code, code, "{arguments:?}: {}{}", run.out, run.err);
        serde_json::from_str(&run.err).unwrap()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.directory.join(name), text).unwrap();
        name.to_owned()
    }

    /// Starts a server here and waits until it listens.
    pub(crate) fn serve(&self, more: &[&str]) -> Server {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0"];
        arguments.extend(more);
        let mut command = self.command(&arguments);
        command.env("MUSTER_LOG__FORMAT", "text").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let address = after("listening on http://", &mut out);
        let management = after("management on http://", &mut out);
        Server { process, out, address, management }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.directory).ok();
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

fn after(mark: &str, out: &mut impl BufRead) -> String {
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "the server ended: {seen}");
        if let Some((_, address)) = line.trim_end().split_once(mark) {
            return address.to_owned();
        }
        seen.push_str(&line);
    }
}

/// A running server; it is killed with the test.
pub(crate) struct Server {
    process: Child,
    out: BufReader<std::process::ChildStdout>,
    /// Host and port of the public listener.
    pub(crate) address: String,
    /// Host and port of the management listener.
    pub(crate) management: String,
}

impl Server {
    /// Asks it to stop; answers its exit code and what it still said.
    pub(crate) fn stop(mut self) -> (i32, String) {
        let id = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code().unwrap_or(-1), rest)
    }

    /// The next line that it prints that contains `mark`, from there on.
    pub(crate) fn line_with(&mut self, mark: &str) -> String {
        after(mark, &mut self.out)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            self.process.wait().ok();
        }
    }
}

/// The status and body of a GET request.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n"))
}

/// The status and body of a form that is sent.
pub(crate) fn post(address: &str, path: &str, form: &str) -> (u16, String) {
    let length = form.len();
    let headers = "content-type: application/x-www-form-urlencoded\r\nconnection: close";
    ask(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{form}"
        ),
    )
}

fn ask(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
