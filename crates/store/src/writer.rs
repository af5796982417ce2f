//! `SQLite`'s one writer: a thread that owns the writing connection, commits in groups and stops at the first doubt.
//!
//! One fsync serves every job that waits. A job runs in a savepoint and is polled exactly once; whatever it answers,
//! success, refusal or dry run, leaves only after the group's COMMIT, because it has seen uncommitted neighbours.
//! Foreign keys must not be deferred: a savepoint can't check those, and one job's violation would fail the group.

use std::{
    collections::VecDeque,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use model::{Error, Kind, Result};
use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;
use tokio::{sync::watch, time::Instant};

use crate::{
    Attempt, Connection, Lane,
    connection::{Health, Words, panic_text, went_on},
    sqlite,
    writing::{State, Writing, is_full},
};

/// A group is closed at this many jobs …
const GROUP: usize = 128;
/// … or when it has been open for this long.
const HOLD: Duration = Duration::from_millis(10);
/// How often an idle writer looks whether another process has written.
const LOOK: Duration = Duration::from_millis(250);
/// How often an idle writer tries whether there is room again.
const PROBE: Duration = Duration::from_secs(2);
/// Bulk jobs are large: few may wait.
const BULK_QUEUE: usize = 64;

/// Runs inside the group's transaction, or gets `None` when there is none. What it returns is called once, after the
/// COMMIT, with the outcome of that.
pub(crate) type Job = Box<dyn FnOnce(Option<&mut Transaction<'_>>) -> Answer + Send>;
pub(crate) type Answer = Box<dyn FnOnce(&Result<()>) + Send>;
/// Runs between groups with the connection to itself: migrations, checkpoints.
type Alone = Box<dyn FnOnce(&mut rusqlite::Connection) + Send>;

/// The way to the writer's thread.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    capacity: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    state: State,
    /// Counts the times that another process was seen to have written.
    foreign: watch::Sender<u64>,
    ended: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    interactive: VecDeque<Job>,
    bulk: VecDeque<Job>,
    alone: VecDeque<Alone>,
    closing: bool,
}

impl Writer {
    /// Starts the thread. `lock` is held until the connection is closed.
    pub(crate) fn start(connection: rusqlite::Connection, lock: File, capacity: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            state: State::default(),
            foreign: watch::Sender::new(0),
            ended: watch::Sender::new(false),
        });
        let seen_version = data_version(&connection).map_err(sqlite::error)?;
        let thread = Thread { connection, seen_version, probed: Instant::now(), shared: Arc::clone(&shared) };
        let end = End { lock: Some(lock), shared: Arc::clone(&shared) };
        let spawned = std::thread::Builder::new().name("writer".into()).spawn(move || {
            let _end = end;
            thread.run();
        });
        spawned.map_err(Error::internal)?;
        Ok(Self { shared, capacity })
    }

    /// Queues a job. Once this has answered `Ok`, the job runs, whoever has gone away meanwhile.
    pub(crate) fn submit(&self, lane: Lane, job: Job) -> Result<()> {
        if self.writing() == Writing::Stopped {
            return Err(stopped());
        }
        let mut queue = self.shared.queue.lock();
        if queue.closing {
            return Err(ending());
        }
        let (lane, capacity) = match lane {
            Lane::Interactive | Lane::Background => (&mut queue.interactive, self.capacity),
            Lane::Bulk => (&mut queue.bulk, BULK_QUEUE),
        };
        if lane.len() >= capacity {
            return Err(Error::unavailable("overloaded", "the writer's queue is full"));
        }
        lane.push_back(job);
        drop(queue);
        self.shared.arrived.notify_one();
        Ok(())
    }

    /// Runs `work` with the connection to itself and waits for it.
    pub(crate) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        {
            let mut queue = self.shared.queue.lock();
            if queue.closing {
                return Err(ending());
            }
            queue.alone.push_back(Box::new(move |connection| drop(answer.send(work(connection)))));
        }
        self.shared.arrived.notify_one();
        answered.await.map_err(|_| Error::internal("the writer ended before its task did"))
    }

    /// Runs `work`, which writes and commits by itself, with the connection to itself; not where writing has stopped. An
    /// error in it stops writing as one in any other COMMIT does.
    pub(crate) async fn write_alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let written = self.alone(move |connection| {
            if shared.state.get() == Writing::Stopped {
                return Err(stopped());
            }
            work(connection).map_err(|error| {
                shared.state.judge(&error);
                sqlite::error(error)
            })
        });
        written.await?
    }

    pub(crate) fn writing(&self) -> Writing {
        self.shared.state.get()
    }

    /// Lets the next COMMIT fail with this code of `SQLite`.
    #[cfg(feature = "testing")]
    pub(crate) fn fail_next_commit(&self, code: i32) {
        self.shared.state.fail_next_commit(code);
    }

    pub(crate) fn foreign_writes(&self) -> watch::Receiver<u64> {
        self.shared.foreign.subscribe()
    }

    /// Takes no new jobs, and waits until those that were taken are done and the file is closed.
    pub(crate) async fn close(&self) {
        self.begin_end();
        let mut ended = self.shared.ended.subscribe();
        // An error would mean that the sender is gone; `shared` holds it.
        drop(ended.wait_for(|ended| *ended).await);
    }

    fn begin_end(&self) {
        self.shared.queue.lock().closing = true;
        self.shared.arrived.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.begin_end();
    }
}

fn stopped() -> Error {
    let detail = "a COMMIT has failed: nothing is written until the server is started again";
    Error::unavailable("writing_stopped", detail).with_retry_after(30)
}

fn ending() -> Error {
    Error::unavailable("shutting_down", "the database is being closed")
}

/// Dropped when the thread has ended, its connection closed, in whatever way: lets the next process in.
struct End {
    lock: Option<File>,
    shared: Arc<Shared>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        let left = std::mem::replace(&mut *queue, Queue { closing: true, ..Queue::default() });
        drop(queue);
        drop(left);
        drop(self.lock.take());
        self.shared.ended.send_replace(true);
    }
}

/// The group's transaction, as a job sees it.
pub(crate) struct Transaction<'t> {
    connection: &'t mut rusqlite::Connection,
    words: Words,
    /// A savepoint could not be undone: nothing of this group may be committed.
    lost: bool,
    /// A job found no room.
    full: bool,
    /// How many jobs are to be committed.
    kept: usize,
}

/// What became of a job, as far as the group's COMMIT allows.
pub(crate) enum Ran<T> {
    Kept(T),
    Undone(Result<T>),
}

impl Transaction<'_> {
    /// Runs `work` in a savepoint. An error, a panic and a dry run leave nothing behind.
    pub(crate) fn savepoint<T>(
        &mut self,
        work: impl FnOnce(&mut Connection<'_>) -> Result<Attempt<T>>,
    ) -> Ran<T> {
        if let Err(error) = step(self.connection, "SAVEPOINT job") {
            return Ran::Undone(Err(sqlite::error(error)));
        }
        let mut words = Words::new();
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            let mut connection = Connection::sqlite_writer(&mut *self.connection, &mut words);
            let attempt = work(&mut connection)?;
            if connection.health() == Health::Whole { Ok(attempt) } else { Err(went_on()) }
        }));
        let attempt = attempt.unwrap_or_else(|panic| Err(Error::internal(panic_text(&*panic))));
        match attempt {
            Ok(Attempt::Commit(value)) => match step(self.connection, "RELEASE job") {
                Ok(()) => {
                    self.words.append(&mut words);
                    self.kept += 1;
                    Ran::Kept(value)
                }
                Err(error) => {
                    self.lost = true;
                    Ran::Undone(Err(sqlite::error(error)))
                }
            },
            Ok(Attempt::Discard(value)) => {
                self.undo();
                Ran::Undone(Ok(value))
            }
            Err(error) => {
                self.full |= error.code() == sqlite::FULL;
                self.undo();
                Ran::Undone(Err(error))
            }
        }
    }

    fn undo(&mut self) {
        let undone =
            step(self.connection, "ROLLBACK TO job").and_then(|()| step(self.connection, "RELEASE job"));
        self.lost |= undone.is_err();
    }
}

fn step(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn data_version(connection: &rusqlite::Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

struct Thread {
    connection: rusqlite::Connection,
    seen_version: i64,
    probed: Instant,
    shared: Arc<Shared>,
}

enum Task {
    Group,
    Alone(Alone),
    Look,
    End,
}

impl Thread {
    fn run(mut self) {
        loop {
            match self.shared.next() {
                Task::Group => self.group(),
                Task::Alone(work) => {
                    let worked = catch_unwind(AssertUnwindSafe(|| work(&mut self.connection)));
                    if worked.is_err() && !self.connection.is_autocommit() {
                        drop(self.connection.execute_batch("ROLLBACK"));
                    }
                }
                Task::Look => {
                    self.look_for_others();
                    self.look_for_room();
                }
                Task::End => break,
            }
        }
        if self.shared.state.get() == Writing::Stopped {
            // After a failed COMMIT the log is the evidence; the next start reads it.
            drop(self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true));
        } else if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start does it");
        }
    }

    /// One transaction for everything that waits.
    fn group(&mut self) {
        let started = Instant::now();
        let mut outcome = self.begin();
        let mut answers: Vec<Answer> = Vec::with_capacity(GROUP);
        let mut transaction = Transaction {
            connection: &mut self.connection,
            words: Words::new(),
            lost: false,
            full: false,
            kept: 0,
        };
        let mut bulk_taken = false;
        loop {
            // Where nothing can be written, everyone who waits is told at once.
            let is_full = outcome.is_ok() && (answers.len() >= GROUP || started.elapsed() >= HOLD);
            let Some(job) = self.shared.take(is_full && !answers.is_empty(), &mut bulk_taken) else { break };
            answers.push(job(outcome.is_ok().then_some(&mut transaction)));
            if outcome.is_ok() && (transaction.lost || transaction.connection.is_autocommit()) {
                metrics::counter!("muster_writer_lost_groups_total").increment(1);
                outcome = Err(Error::unavailable("database.unavailable", "the transaction was rolled back"));
            }
        }
        let Transaction { words, full, kept, .. } = transaction;
        if full {
            self.shared.state.set(Writing::Full);
        }
        let outcome = outcome.and_then(|()| self.commit(&words));
        if kept > 0 && !full && outcome.is_ok() {
            self.shared.state.set(Writing::Possible);
        }
        if !self.connection.is_autocommit() {
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        metrics::histogram!("muster_writer_group_seconds").record(started.elapsed());
        metrics::histogram!("muster_writer_group_jobs")
            .record(u32::try_from(answers.len()).unwrap_or(u32::MAX));
        for answer in answers {
            // A defect in what runs after one commit must not take the others' answers.
            if catch_unwind(AssertUnwindSafe(|| answer(&outcome))).is_err() {
                tracing::error!("what follows a commit panicked");
            }
        }
    }

    fn begin(&mut self) -> Result<()> {
        if self.shared.state.get() == Writing::Stopped {
            return Err(stopped());
        }
        step(&self.connection, "BEGIN IMMEDIATE").map_err(sqlite::error)?;
        self.look_for_others();
        Ok(())
    }

    /// Writes the search words and commits. A COMMIT that failed leaves in doubt what the file holds, and writing stops;
    /// unless there was no room: then its last page is not in the log, and all of it is undone.
    fn commit(&mut self, words: &Words) -> Result<()> {
        let written = write_words(&self.connection, words).map_err(sqlite::error);
        written.inspect_err(|error| {
            if error.code() == sqlite::FULL {
                self.shared.state.set(Writing::Full);
            }
        })?;
        let started = Instant::now();
        let committed = self.shared.state.injected().and_then(|()| step(&self.connection, "COMMIT"));
        metrics::histogram!("muster_writer_commit_seconds").record(started.elapsed());
        let Err(error) = committed else { return Ok(()) };
        let is_undone = is_full(&error)
            && (self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok());
        if is_undone {
            self.shared.state.set(Writing::Full);
            return Err(sqlite::error(error));
        }
        self.shared.state.set(Writing::Stopped);
        tracing::error!(%error, "a COMMIT failed: writing stops until the server is started again");
        Err(outcome_unknown(error))
    }

    /// Where the disk was full and nobody writes: tries whether there is room again.
    fn look_for_room(&mut self) {
        const TRY: &str = "
            CREATE TABLE IF NOT EXISTS room_probe (x blob); INSERT INTO room_probe VALUES (zeroblob(65536));
            DROP TABLE room_probe;";
        if self.shared.state.get() != Writing::Full || self.probed.elapsed() < PROBE {
            return;
        }
        self.probed = Instant::now();
        match self.shared.state.injected().and_then(|()| self.connection.execute_batch(TRY)) {
            Ok(()) => self.shared.state.set(Writing::Possible),
            Err(error) => self.shared.state.judge(&error),
        }
    }

    /// Another process that writes to the file makes our caches untrue.
    fn look_for_others(&mut self) {
        let Ok(version) = data_version(&self.connection) else { return };
        if version != self.seen_version {
            self.seen_version = version;
            self.shared.foreign.send_modify(|count| *count += 1);
        }
    }
}

/// Runs `work` in a transaction of its own, with the search words that it leaves, for those who have the connection to
/// themselves.
pub(crate) fn in_transaction<T>(
    driver: &mut rusqlite::Connection,
    work: impl FnOnce(&mut Connection<'_>) -> Result<T>,
) -> Result<T> {
    step(driver, "BEGIN IMMEDIATE").map_err(sqlite::error)?;
    let mut words = Words::new();
    let done = work(&mut Connection::sqlite_writer(driver, &mut words)).and_then(|value| {
        write_words(driver, &words).and_then(|()| step(driver, "COMMIT")).map_err(sqlite::error)?;
        Ok(value)
    });
    if done.is_err() && !driver.is_autocommit() {
        drop(driver.execute_batch("ROLLBACK"));
    }
    done
}

/// The commit may or may not have survived.
pub(crate) fn outcome_unknown(detail: impl std::fmt::Display) -> Error {
    let message = "Muster can't tell whether this was saved. Look before trying again.";
    Error::new(Kind::OutcomeUnknown, "outcome_unknown", message).with_detail(detail).with_retry_after(5)
}

fn write_words(connection: &rusqlite::Connection, words: &Words) -> rusqlite::Result<()> {
    const WRITE: &str = "INSERT OR REPLACE INTO user_search (rowid, words) VALUES (?1, ?2)";
    const DELETE: &str = "DELETE FROM user_search WHERE rowid = ?1";
    // FTS5 would write its index in the middle of COMMIT: a disk that is full there would be a COMMIT that failed.
    const FLUSH: &str = "INSERT INTO user_search (user_search) VALUES ('flush')";
    for (key, text) in words {
        match text {
            Some(text) => connection.prepare_cached(WRITE)?.execute((key, text))?,
            None => connection.prepare_cached(DELETE)?.execute([key])?,
        };
    }
    if !words.is_empty() {
        connection.prepare_cached(FLUSH)?.execute([])?;
    }
    Ok(())
}

impl Shared {
    /// Waits for something to do. Before the end, whatever was taken is done.
    fn next(&self) -> Task {
        let mut queue = self.queue.lock();
        loop {
            if let Some(work) = queue.alone.pop_front() {
                return Task::Alone(work);
            }
            if !queue.interactive.is_empty() || !queue.bulk.is_empty() {
                return Task::Group;
            }
            if queue.closing {
                return Task::End;
            }
            if self.arrived.wait_for(&mut queue, LOOK).timed_out() {
                return Task::Look;
            }
        }
    }

    /// The next job of a group: those of people first, and one bulk job in each group, so that neither starves.
    fn take(&self, is_full: bool, bulk_taken: &mut bool) -> Option<Job> {
        let mut queue = self.queue.lock();
        let person = if is_full { None } else { queue.interactive.pop_front() };
        if person.is_none() && !*bulk_taken {
            *bulk_taken = true;
            return queue.bulk.pop_front();
        }
        person
    }
}
