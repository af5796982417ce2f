//! Argon2id on threads of its own: as many as there are cores, each at low priority, with a bounded queue, so that a
//! flood of sign-ins can't starve other requests.
//!
//! Memory for hashing is taken when work comes and given back when the queue has been empty for a moment.

use std::{
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::Duration,
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use model::{Entropy, Error, Result, credential::Password};
use parking_lot::{Condvar, Mutex};
use store::boxed;
use subtle::ConstantTimeEq as _;
use tokio::sync::oneshot;

/// How costly a hash is, and how many may wait.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads; one per core.
    pub threads: usize,
    /// Memory per hash in KiB; at least 19,456, the least that OWASP recommends for Argon2id.
    pub memory: u32,
    /// Passes.
    pub passes: u32,
    /// Hashes that may wait before others are told to come back later.
    pub queue: usize,
}

impl Options {
    /// 19,456 KiB and two passes, on every core.
    pub fn standard() -> Self {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        Self { threads, memory: 19_456, passes: 2, queue: 256 }
    }
}

/// What came of comparing a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether its stored hash is cheaper than today's and should be made anew.
    pub outdated: bool,
}

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    pool: Arc<Pool>,
    entropy: Arc<dyn Entropy>,
    /// A hash of nothing anybody knows: compared with when there is no other, so that both take as long.
    nobody: Arc<str>,
    params: Params,
}

/// Runs on a pool thread with its memory.
type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The threads' owner: they end when nobody can ask for a hash any more.
struct Pool {
    queue: Arc<Queue>,
    capacity: usize,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.waiting.lock().closed = true;
        self.queue.arrived.notify_all();
    }
}

/// What waits for a thread.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: VecDeque<Work>,
    closed: bool,
}

/// What a thread should do next.
enum Next {
    Work(Work),
    GiveMemoryBack,
    End,
}

impl Queue {
    /// Waits for work; not for long if that would keep memory from others.
    fn next(&self, holds_memory: bool) -> Next {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(work) = waiting.work.pop_front() {
                return Next::Work(work);
            }
            if waiting.closed {
                return Next::End;
            }
            if !holds_memory {
                self.arrived.wait(&mut waiting);
            } else if self.arrived.wait_for(&mut waiting, KEEP).timed_out() && waiting.work.is_empty() {
                return Next::GiveMemoryBack;
            }
        }
    }
}

/// Length of salts and hashes, in bytes.
const SALT: usize = 16;
const HASH: usize = 32;
/// How long an idle thread keeps its memory.
const KEEP: Duration = Duration::from_millis(500);
/// Room for so many blocks (1 KiB each) at least, most of them never touched: glibc keeps what it once gave back ready
/// for the next who asks, 19 MB for each thread, unless it is more than 32 MB (`mallopt(3)`, `M_MMAP_THRESHOLD`).
const ROOM: usize = 33 * 1024;

impl Hasher {
    /// Starts the threads.
    pub fn start(options: Options, entropy: Arc<dyn Entropy>) -> Self {
        let params = Params::new(options.memory, options.passes, 1, Some(HASH)).unwrap_or_default();
        let queue = Arc::<Queue>::default();
        for number in 0..options.threads.max(1) {
            let queue = queue.clone();
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            if let Err(error) = thread.spawn(move || serve(&queue)) {
                tracing::error!(%error, "a hashing thread could not be started");
            }
        }
        let nobody = phc(&params, &[7; SALT], &[0; HASH]).into();
        let pool = Arc::new(Pool { queue, capacity: options.queue.max(1) });
        Self { pool, entropy, nobody, params }
    }

    /// Hashes a password into a PHC string.
    #[boxed]
    pub async fn hash(&self, password: Password) -> Result<String> {
        let mut salt = [0; SALT];
        self.entropy.fill(&mut salt);
        let params = self.params.clone();
        self.submit(move |memory| {
            let hash = compute(&params, password.as_bytes(), &salt, memory)?;
            Ok(phc(&params, &salt, &hash))
        })
        .await
    }

    /// Compares a password with a stored hash; without one it computes as long and says no.
    #[boxed]
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<Verdict> {
        let somebody = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let today = self.params.clone();
        self.submit(move |memory| {
            let (params, salt, expected) = parse(&stored)?;
            let hash = compute(&params, password.as_bytes(), &salt, memory)?;
            let matches = somebody && bool::from(hash.as_slice().ct_eq(&expected));
            let outdated = params.m_cost() < today.m_cost() || params.t_cost() < today.t_cost();
            Ok(Verdict { matches, outdated })
        })
        .await
    }

    /// Does other work that takes milliseconds on the pool, in its turn.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.submit(move |_| work()).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |memory| {
            // Nobody waits any more: the time is better spent on somebody who does.
            if !answer.is_closed() {
                let _ = answer.send(work(memory));
            }
        });
        {
            let mut waiting = self.pool.queue.waiting.lock();
            if waiting.work.len() >= self.pool.capacity {
                return Err(Error::unavailable("overloaded", "the hashing queue is full"));
            }
            waiting.work.push_back(work);
        }
        self.pool.queue.arrived.notify_one();
        answered.await.unwrap_or_else(|_| Err(Error::internal("a hashing thread has ended")))
    }
}

/// One pool thread: works, and gives its memory back when there is nothing to do.
fn serve(queue: &Queue) {
    // Requests that only read come first, however many people sign in.
    let _ = rustix::process::nice(10);
    let mut memory = Vec::new();
    loop {
        match queue.next(!memory.is_empty()) {
            // A defect in one piece of work costs its caller the answer, and nobody the thread.
            Next::Work(work) => {
                if panic::catch_unwind(AssertUnwindSafe(|| work(&mut memory))).is_err() {
                    memory = Vec::new();
                }
            }
            Next::GiveMemoryBack => memory = Vec::new(),
            Next::End => return,
        }
    }
}

fn compute(params: &Params, password: &[u8], salt: &[u8], memory: &mut Vec<Block>) -> Result<[u8; HASH]> {
    let blocks = params.block_count().max(memory.len());
    if memory.capacity() < blocks {
        memory.reserve_exact(blocks.max(ROOM) - memory.len());
    }
    memory.resize(blocks, Block::default());
    let mut hash = [0; HASH];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut hash, memory.as_mut_slice())
        .map_err(Error::internal)?;
    Ok(hash)
}

/// The PHC string of an Argon2id hash (<https://github.com/P-H-C/phc-string-format>).
fn phc(params: &Params, salt: &[u8], hash: &[u8]) -> String {
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
}

/// Reads what `phc` writes.
fn parse(stored: &str) -> Result<(Params, Vec<u8>, Vec<u8>)> {
    let broken = || Error::internal("a stored password hash can't be read");
    let mut parts = stored.strip_prefix("$argon2id$v=19$").ok_or_else(broken)?.split('$');
    let (Some(costs), Some(salt), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(broken());
    };
    let cost = |name: &str| -> Option<u32> {
        costs.split(',').find_map(|cost| cost.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    let costs = (cost("m"), cost("t"), cost("p"));
    let (Some(memory), Some(passes), Some(lanes)) = costs else { return Err(broken()) };
    let params = Params::new(memory, passes, lanes, Some(HASH)).map_err(|_| broken())?;
    let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| broken());
    Ok((params, decode(salt)?, decode(hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(3);
        }
    }

    fn hasher() -> Hasher {
        Hasher::start(Options { threads: 2, memory: 64, passes: 1, queue: 4 }, Arc::new(Fixed))
    }

    fn password(text: &str) -> Password {
        Password::typed(text).unwrap()
    }

    #[tokio::test]
    async fn only_the_password_matches() {
        let hasher = hasher();
        let stored = hasher.hash(password("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        let verdict = |text: &'static str, stored: Option<String>| {
            let hasher = hasher.clone();
            async move { hasher.verify(password(text), stored.as_deref()).await.unwrap() }
        };
        assert!(verdict("correct horse", Some(stored.clone())).await.matches);
        assert!(!verdict("wrong horse", Some(stored)).await.matches);
        assert!(!verdict("correct horse", None).await.matches);
    }

    #[tokio::test]
    async fn a_defect_costs_no_thread() {
        let hasher = hasher();
        for _ in 0..4 {
            let broken = hasher.work(|| -> Result<()> { panic!("a defect") }).await;
            assert_eq!(broken.unwrap_err().code(), "internal");
        }
        assert_eq!(hasher.work(|| Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn names_of_any_length_never_make_a_wrong_password_right() {
        let hasher = hasher();
        let stored = hasher.hash(password(&"a".repeat(200))).await.unwrap();
        for length in [1, 71, 72, 73, 199] {
            assert!(
                !hasher.verify(password(&"a".repeat(length)), Some(&stored)).await.unwrap().matches,
                "{length}"
            );
        }
    }
}
