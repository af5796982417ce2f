//! For tests only: a PostgreSQL server of their own, scratch directories, and ways to make the disk fail.
//!
//! The server is Debian's, started once per test process on a Unix socket in a scratch directory, without fsync. A
//! shell that reads a pipe stops it and tidies up when the process has ended, in whatever way.

mod older;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use model::OrgId;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::{Database, Listener, Value, boxed, sqlite};

pub use older::as_of;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What is watched: the texts of statements that bind one of these organizations first, in order.
static WATCHED: Mutex<BTreeMap<Uuid, Vec<String>>> = Mutex::new(BTreeMap::new());
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// Begins to note the statements about an organization, whichever connection they run on.
pub fn watch_statements(org: OrgId) {
    WATCHED.lock().insert(org.0, Vec::new());
    IS_WATCHED.store(true, Ordering::SeqCst);
}

/// The statements about a watched organization since they were last taken.
pub fn take_statements(org: OrgId) -> Vec<String> {
    WATCHED.lock().get_mut(&org.0).map(std::mem::take).unwrap_or_default()
}

/// One statement is about to run.
pub(crate) fn note_statement(text: &str, values: &[Value<'_>]) {
    if IS_WATCHED.load(Ordering::Relaxed)
        && let Some(Value::Id(org)) = values.first()
        && let Some(noted) = WATCHED.lock().get_mut(org)
    {
        noted.push(text.to_owned());
    }
}

/// A directory that is removed when dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty directory, for its owner only. In `MUSTER_TEST_SCRATCH`, if that is set: `make test` names a folder in
    /// memory where there is room, for every small write waits for a disk otherwise.
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let place = std::env::var_os("MUSTER_TEST_SCRATCH").filter(|place| !place.is_empty());
        let path = place
            .map_or_else(std::env::temp_dir, PathBuf::from)
            .join(format!("muster-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a scratch directory");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The address of a `SQLite` database in it.
    pub fn sqlite(&self) -> String {
        format!("sqlite:{}", self.0.join("muster.db").display())
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A PostgreSQL server for tests.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    /// Its standard input is the pipe whose end ends the server.
    _watchdog: Child,
}

impl Postgres {
    /// The server of this test process; started at the first call.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server.
    pub fn start() -> Self {
        let programs = programs();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short: the path of a Unix socket has at most 107 characters.
        let directory = PathBuf::from(format!("/tmp/muster-pg-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&directory));
        fs::create_dir(&directory).expect("a directory for PostgreSQL");
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("postgres").arg(&directory));
        }
        let data = directory.join("data");
        let initdb = programs.join("initdb");
        run(as_postgres(&initdb)
            .arg("-D")
            .arg(&data)
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions"]));
        let watchdog = watch(&programs, &directory);
        let server = Self { directory, programs, _watchdog: watchdog };
        server.control("start");
        server
    }

    /// Stops it as a crash would, and starts it again.
    pub fn crash_and_restart(&self) {
        self.control("stop");
        self.control("start");
    }

    /// Stops all its processes where they are, until what is answered is dropped.
    pub fn freeze(&self) -> Frozen {
        let pid = fs::read_to_string(self.directory.join("data/postmaster.pid")).expect("a server that runs");
        let postmaster: i32 = pid.lines().next().and_then(|line| line.trim().parse().ok()).expect("its id");
        let of = |pid: i32| {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            children.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<i32>>()
        };
        let frozen = Frozen([postmaster].into_iter().chain(of(postmaster)).collect());
        frozen.signal(Signal::STOP);
        frozen
    }

    /// The Unix socket that it answers on.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// The files of the database with that number: of every table that is not shared by all databases.
    pub fn files(&self, oid: i64) -> Vec<PathBuf> {
        let files = fs::read_dir(self.directory.join("data/base").join(oid.to_string()));
        files.expect("the files of a database").map(|file| file.expect("a file").path()).collect()
    }

    fn control(&self, what: &str) {
        let settings = format!(
            "-k {} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=300 \
             -c deadlock_timeout=100ms -c shared_buffers=64MB",
            self.directory.display()
        );
        let mut command = as_postgres(&self.programs.join("pg_ctl"));
        command.arg(what).arg("-w").arg("-D").arg(self.directory.join("data"));
        match what {
            "start" => command.arg("-l").arg(self.directory.join("log")).arg("-o").arg(settings),
            _ => command.args(["-m", "immediate"]),
        };
        run(&mut command);
    }

    /// The address of the database called `name`.
    pub fn url(&self, name: &str) -> String {
        format!("postgres:///{name}?host={}&user=postgres", self.directory.display())
    }

    /// Makes a new, empty database and answers its address.
    pub fn database(&self) -> String {
        self.copy_of("template0")
    }

    /// Makes a copy of the database `template`, to which nobody may be connected, and answers its address.
    pub fn copy_of(&self, template: &str) -> String {
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create(&name, template);
        self.url(&name)
    }

    /// Makes the database `name` as a copy of `template` (`template0`: an empty one).
    pub fn create(&self, name: &str, template: &str) {
        let mut command = Command::new(self.programs.join("createdb"));
        command.arg("-h").arg(&self.directory).args([
            "-U",
            "postgres",
            "-T",
            template,
            "-S",
            "file_copy",
            name,
        ]);
        run(&mut command);
    }
}

/// A server that stands still.
#[derive(Debug)]
pub struct Frozen(Vec<i32>);

impl Frozen {
    fn signal(&self, signal: Signal) {
        for pid in self.0.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // One that has ended meanwhile needs none.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
    }
}

/// `PgBouncer` in front of a server for tests.
#[derive(Debug)]
pub struct PgBouncer {
    directory: PathBuf,
    /// Its standard input is the pipe whose end ends the pooler.
    _watchdog: Child,
}

impl PgBouncer {
    /// The program: `MUSTER_TEST_PGBOUNCER`, else the installed one.
    fn program() -> PathBuf {
        let installed = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(PathBuf::from);
        let named = std::env::var_os("MUSTER_TEST_PGBOUNCER").map(PathBuf::from);
        let found = named.into_iter().chain(installed).find(|path| path.exists());
        found.expect("PgBouncer: apt-get install pgbouncer")
    }

    /// Whether it keeps prepared statements in transaction mode, as it does from 1.21 on.
    pub fn keeps_statements() -> bool {
        let said = Command::new(Self::program()).arg("--version").output().expect("PgBouncer's version");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let version = said.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, 21)
    }

    /// Starts one in `mode`: `session` or `transaction`.
    pub fn start(server: &Postgres, mode: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = PathBuf::from(format!("/tmp/muster-pb-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&directory));
        fs::create_dir(&directory).expect("a directory for PgBouncer");
        let settings = format!(
            "[databases]\n* = host={} user=postgres\n[pgbouncer]\nunix_socket_dir = {}\nlisten_port = 6432\n\
             auth_type = any\npool_mode = {mode}\ndefault_pool_size = 20\n",
            server.directory.display(),
            directory.display()
        );
        let file = directory.join("settings.ini");
        fs::write(&file, settings).expect("settings for PgBouncer");
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("-R").arg("postgres").arg(&directory));
        }
        let start = as_postgres(&Self::program());
        let mut words: Vec<String> = vec![start.get_program().to_string_lossy().into_owned()];
        words.extend(start.get_args().map(|word| word.to_string_lossy().into_owned()));
        let (settings, home) = (file.display(), directory.display());
        let script = format!(
            "trap '' INT TERM HUP; {} -q {settings} </dev/null & pooler=$!; read -r _; kill -9 $pooler; rm -rf {home}",
            words.join(" ")
        );
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watchdog = command.spawn().expect("sh");
        let socket = directory.join(".s.PGSQL.6432");
        for _ in 0..1000 {
            if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Self { directory, _watchdog: watchdog }
    }

    /// The address through it of what is at `url` without it.
    pub fn through(&self, url: &str) -> String {
        let name = url.trim_start_matches("postgres:///").split('?').next().unwrap_or_default();
        format!("postgres:///{name}?host={}&port=6432&user=postgres", self.directory.display())
    }
}

/// Listens on another way than `database` would: as if nobody had looked for a pooler on it.
pub fn listen_through(
    database: &Database,
    url: &str,
    delivered: impl Fn(&str) + Send + Sync + 'static,
) -> Listener {
    database.listen_through(url, delivered).expect("a listener")
}

/// PostgreSQL's programs; Debian keeps them beside the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: apt-get install postgresql");
    let mut versions: Vec<PathBuf> =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    versions.retain(|path| path.join("initdb").exists());
    versions.sort();
    versions.pop().expect("PostgreSQL: apt-get install postgresql")
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program).current_dir("/tmp");
    command
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("a program of the system");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn watch(programs: &Path, directory: &Path) -> Child {
    let stop = as_postgres(&programs.join("pg_ctl"));
    let mut words: Vec<String> = vec![stop.get_program().to_string_lossy().into_owned()];
    words.extend(stop.get_args().map(|word| word.to_string_lossy().into_owned()));
    let directory = directory.display();
    let script = format!(
        "trap '' INT TERM HUP; read -r _; {} stop -m immediate -D {directory}/data; rm -rf {directory}",
        words.join(" ")
    );
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("sh")
}

/// A connection to a `SQLite` file as Muster opens it for writing, without its lock.
pub fn sqlite_connection(path: &Path) -> rusqlite::Connection {
    sqlite::writer(path).expect("a connection")
}

/// Lets `SQLite`'s file grow by `pages` of 4 KiB and no further: a full disk. `None`: no limit.
#[boxed]
pub async fn limit_growth(database: &Database, pages: Option<i64>) {
    let limited = database.with_writer(move |connection| {
        let now: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let limit = pages.map_or(1 << 30, |pages| now + pages);
        connection.query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(()))
    });
    if let Some(limited) = limited.await {
        limited.expect("the writer").expect("a limit");
    }
}

/// Makes every COMMIT of `SQLite` fail, or succeed again.
#[boxed]
pub async fn fail_commits(database: &Database, fail: bool) {
    let hooked = database.with_writer(move |connection| connection.commit_hook(fail.then_some(|| true)));
    if let Some(hooked) = hooked.await {
        hooked.expect("the writer").expect("a hook");
    }
}

/// Lets the next COMMIT of `SQLite` fail with this code of its own (13: full, 778: an error while writing to the disk,
/// 1034: one in fsync).
pub fn fail_next_commit(database: &Database, code: i32) {
    database.fail_next_commit(code);
}

/// Stops writing on `SQLite` for as long as `work` takes, so that what is queued meanwhile becomes one group.
pub async fn hold_writer(database: &Database, work: impl FnOnce() + Send + 'static) {
    drop(database.with_writer(move |_| work()).await);
}

tokio::task_local! {
    static STATEMENTS: std::cell::Cell<usize>;
}

/// Does `work` and counts the statements that its task runs; what `SQLite`'s writing thread does is not among them.
pub async fn counting_statements<T>(work: impl Future<Output = T>) -> (T, usize) {
    let counted = async {
        let done = work.await;
        (done, STATEMENTS.with(std::cell::Cell::get))
    };
    STATEMENTS.scope(std::cell::Cell::new(0), counted).await
}

pub(crate) fn note_statements(number: usize) {
    // Nobody counts where this is an error.
    STATEMENTS.try_with(|count| count.set(count.get() + number)).ok();
}
