//! The built program in a directory of its own, for journeys that begin on the command line.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use store::testing::Scratch;

/// A directory with a server running in it. Both go with the journey.
pub(crate) struct Program {
    scratch: Scratch,
    server: Child,
    /// Where it is found, without a slash at the end.
    pub(crate) url: String,
}

impl Program {
    /// Starts `muster serve` with more arguments and variables, and waits until it listens.
    pub(crate) fn serve(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let scratch = Scratch::new();
        let mut command = muster(scratch.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--management", "127.0.0.1:0"]).args(arguments);
        command.env("MUSTER_LOG__FORMAT", "text").envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut server = command.spawn().expect("the program starts");
        let said = BufReader::new(server.stdout.take().expect("its output is a pipe"));
        let mut lines = said.lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.split_once("listening on http://")?.1.trim().to_owned()));
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let url = url.expect("the server listens").replace("127.0.0.1", "http://localhost");
        Self { scratch, server, url }
    }

    /// Runs another command there, and answers its exit code, output and errors.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> (Option<i32>, String, String) {
        let output = muster(self.scratch.path()).args(arguments).output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The embedded database, as somebody has it who can write to its file.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.scratch.path().join("muster-data/muster.db")
    }

    /// Writes a file there.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.scratch.path().join(name), text).expect("a file");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// The program, without any setting of whoever runs the tests.
fn muster(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("MUSTER_")) {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).stdin(Stdio::null());
    command
}
