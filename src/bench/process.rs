//! The processes that are measured: started beside the benchmark, looked at through `/proc`, ended with it.

use model::{Error, Result};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A server in a process of its own; it ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// Kept open: what the server says later is not read, but must find somewhere to go.
    _output: BufReader<ChildStdout>,
}

/// Variables of the environment for a server.
pub(crate) type Settings = Vec<(String, String)>;

impl Server {
    /// Starts this program again with `arguments` and `settings`, none of the benchmark's own; its first line of output
    /// must end with the address it listens on.
    pub(crate) async fn start(arguments: &[&str], settings: &Settings) -> Result<Self> {
        let mut command = this_program(arguments, settings)?;
        tokio::task::spawn_blocking(move || Self::spawn(&mut command)).await.map_err(Error::internal)?
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let mut process = command.spawn().map_err(Error::internal)?;
        let output = process.stdout.take().ok_or_else(|| Error::internal("no output of the server"))?;
        let (mut output, mut line) = (BufReader::new(output), String::new());
        let read = output.read_line(&mut line).map_err(Error::internal);
        let address = line.trim().rsplit(['/', ' ']).next().unwrap_or_default();
        match read.and_then(|_| address.parse().map_err(Error::internal)) {
            Ok(address) => Ok(Self { process, address, _output: output }),
            Err(error) => {
                end(&mut process);
                Err(error.with_detail(format_args!("the server said {line:?} instead of an address")))
            }
        }
    }

    /// The process' id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end as an operator would, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(id) = i32::try_from(self.id()).ok().and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(id, rustix::process::Signal::TERM).map_err(Error::internal)?;
        }
        tokio::task::spawn_blocking(move || self.process.wait().map(drop))
            .await
            .map_err(Error::internal)?
            .map_err(Error::internal)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Runs this program to its end with `arguments` and `settings`, none of the benchmark's own; what it said.
pub(crate) async fn output_of(arguments: &[&str], settings: &Settings) -> Result<Vec<u8>> {
    let mut command = this_program(arguments, settings)?;
    let output = tokio::task::spawn_blocking(move || command.output()).await.map_err(Error::internal)?;
    let output = output.map_err(Error::internal)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::internal(String::from_utf8_lossy(&output.stderr)))
}

fn this_program(arguments: &[&str], settings: &Settings) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().map_err(Error::internal)?);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MUSTER_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(settings.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// Both fail only when the process has ended already.
fn end(process: &mut Child) {
    if process.kill().is_ok() {
        process.wait().ok();
    }
}

/// How busy the machine is: the number of runnable tasks, averaged over 1, 5 and 15 minutes (`proc_loadavg(5)`).
pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// CPU time used so far, of all threads, in user and kernel mode (`proc_pid_stat(5)`, fields 14 and 15).
pub(crate) fn cpu_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // USER_HZ is 100 on every architecture that Muster is built for.
    Some(Duration::from_millis(ticks * 10))
}

/// Resident memory in bytes (`proc_pid_status(5)`, `VmRSS`).
pub(crate) fn memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        assert!(cpu_time(std::process::id()).is_some());
        assert!(memory(std::process::id()).unwrap() > 100_000);
        assert_eq!(cpu_time(u32::MAX), None);
    }
}
