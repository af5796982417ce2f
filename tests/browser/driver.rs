//! Owns the one chromedriver of a test process: started at first use, and ended with every browser it opened when the
//! process ends, however it ends. Knows nothing of pages.

use axum::http::Method;
use fantoccini::Client;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;
use url::{ParseError, Url};

/// Runs the driver in a process group and a home directory of its own, and removes both as soon as its standard
/// input ends. We hold the other end, so that it ends with us even after a `kill -9`.
const WATCHDOG: &str = r#"
set -m
HOME=$(mktemp -d "${TMPDIR:-/tmp}/muster-browser.XXXXXX")
export HOME TMPDIR=$HOME XDG_CONFIG_HOME=$HOME XDG_CACHE_HOME=$HOME TZ=UTC LANG=C.UTF-8
chromedriver --port=0 </dev/null &
driver=$!
exec >&-
exec 2>&-
read -r _
kill -KILL -- -$driver
wait
rm -rf "$HOME" || { sleep 1; rm -rf "$HOME"; }
"#;

struct Driver {
    port: u16,
    /// Never written to: closing it is what ends the driver.
    _lifeline: ChildStdin,
}

static DRIVER: OnceLock<Driver> = OnceLock::new();

/// Where the driver listens.
pub(crate) fn address() -> String {
    format!("http://127.0.0.1:{}", DRIVER.get_or_init(start).port)
}

fn start() -> Driver {
    let mut watchdog = Command::new("bash")
        .args(["-c", WATCHDOG])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("bash starts");
    let lifeline = watchdog.stdin.take().expect("standard input is a pipe");
    let output = watchdog.stdout.take().expect("standard output is a pipe");
    let (announce, announced) = mpsc::channel();
    std::thread::spawn(move || {
        listen(output, announce);
        // Nobody asks how it ended.
        let _ = watchdog.wait();
    });
    let port = announced
        .recv_timeout(Duration::from_secs(30))
        .expect("chromedriver starts; `scripts/install-test-tools` installs it");
    Driver { port, _lifeline: lifeline }
}

/// Announces the port, then reads on until the driver ends, which would otherwise stop at a full pipe.
fn listen(output: ChildStdout, announce: mpsc::Sender<u16>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Some(port) = started_on(&line) {
            // Nobody listens any more when the driver was too slow.
            let _ = announce.send(port);
        }
    }
    drop(announce);
}

/// `ChromeDriver was started successfully on port 40123.`
fn started_on(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

/// What a new session asks of Chromium: no window, an empty profile, no traffic of its own, its console kept for us.
pub(crate) fn capabilities() -> serde_json::Map<String, Value> {
    let mut flags = vec![
        "--headless=new",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--force-color-profile=srgb",
        "--accept-lang=en",
        // A page that asks anything of a third party fails, and the failure shows in the console.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ];
    if rustix::process::geteuid().is_root() {
        flags.push("--no-sandbox");
    }
    let mut options = json!({ "args": flags });
    // Debian's, whose version belongs to Debian's driver, even where another Chrome is installed too.
    let debian = "/usr/bin/chromium";
    if std::path::Path::new(debian).exists() {
        options["binary"] = json!(debian);
    }
    let asked = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "script": 60_000, "pageLoad": 30_000 },
    });
    asked.as_object().cloned().unwrap_or_default()
}

/// Sends a command of Chrome's developer tools (their protocol) to the page.
pub(crate) async fn devtools(client: &Client, command: &str, params: Value) -> Result<Value, CmdError> {
    let body = json!({ "cmd": command, "params": params });
    client.issue_cmd(ChromeCommand { path: "goog/cdp/execute", body }).await
}

/// Takes what the console has said since it was last asked: objects with `level`, `source` and `message`.
pub(crate) async fn take_console(client: &Client) -> Result<Value, CmdError> {
    client.issue_cmd(ChromeCommand { path: "se/log", body: json!({ "type": "browser" }) }).await
}

/// A command that chromedriver knows beyond the `WebDriver` standard.
#[derive(Debug)]
struct ChromeCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for ChromeCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
