//! Sessions, tokens and rights in memory, so that checking a request reads no database; and how they are forgotten.
//!
//! An entry carries the stamps of its user and organization, read BEFORE its rows were. It holds while both are
//! unchanged; a commit raises them before it is answered. Stamps stand in two fixed arrays by hash: a collision costs
//! a look into the database, never a wrong answer. On PostgreSQL the other nodes hear of it by `notify`; a node whose
//! own beat is late believes nothing it has in memory.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use model::{
    Org, OrgContext, OrgId, Permissions, Rights, SessionId, Timestamp, TokenId, UserId, Zone,
    session::SecretHash,
};
use parking_lot::RwLock;
use store::{Database, Listener};
use uuid::Uuid;

/// What a committed change makes untrue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// A user's state, sessions, tokens or direct grants.
    User(OrgContext, UserId),
    /// The organization's address, roles or policies.
    Org(OrgContext),
}

/// The credential that a request presented, with the stored form of its secret: its row is read again in every
/// transaction that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentedCredential {
    /// A session's cookie.
    Session(SessionId, SecretHash),
    /// An API token.
    Token(TokenId, SecretHash),
}

/// A credential that was checked, with all that a request needs to know of it.
#[derive(Debug)]
pub struct Access {
    /// In which organization.
    pub context: OrgContext,
    /// Who.
    pub user: UserId,
    /// The name, for the audit log.
    pub name: Box<str>,
    /// Where the person is, if that is known.
    pub zone: Option<Zone>,
    /// Session or token.
    pub credential: PresentedCredential,
    /// What may be done in the whole organization: the user's rights within the token's scopes.
    pub permissions: Permissions,
    /// The same with what may be done over groups and in applications.
    pub rights: Arc<Rights>,
    /// The token's scopes; everything for a session.
    pub scopes: Permissions,
    /// The person must choose another password first.
    pub must_change_password: bool,
    /// Ends then, whatever its use.
    pub expires_at: Timestamp,
    /// Ends after so long without use, in microseconds; 0 = never.
    pub idle: i64,
    /// Dates (locks, validity, grants) change nothing before.
    pub certain_until: Timestamp,
    /// Last use, in microseconds, to within the grain.
    pub last_active: AtomicI64,
    stamps: Stamps,
}

impl Access {
    /// Whether it still holds at `now`, as far as time goes.
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        let last = self.last_active.load(Ordering::Relaxed);
        now < self.expires_at && (self.idle == 0 || now.micros() < last.saturating_add(self.idle))
    }

    /// An access that was just read from the database, under stamps taken before reading.
    #[expect(clippy::too_many_arguments, reason = "each is a column of what was read")]
    pub fn new(
        stamps: Stamps,
        context: OrgContext,
        user: UserId,
        (name, zone): (&str, Option<Zone>),
        credential: PresentedCredential,
        rights: (Rights, Timestamp),
        scopes: Permissions,
        must_change_password: bool,
        life: (Timestamp, i64, Timestamp),
    ) -> Self {
        let (expires_at, idle, last_active) = life;
        let (rights, certain_until) = (rights.0.within(scopes), rights.1);
        Self {
            context,
            user,
            name: name.into(),
            zone,
            credential,
            permissions: rights.org,
            rights: Arc::new(rights),
            scopes,
            must_change_password,
            expires_at,
            idle,
            certain_until,
            last_active: AtomicI64::new(last_active.micros()),
            stamps,
        }
    }
}

/// The stamps of a user and an organization at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    user: u64,
    org: u64,
}

/// How many stamps; more users than this share some.
const USER_STAMPS: usize = 1 << 15;
const ORG_STAMPS: usize = 1 << 10;
/// Parts of the map with a lock each.
const SHARDS: usize = 64;
/// Entries in one part; when full it starts anew.
const SHARD_ENTRIES: usize = 8192;

/// One part of the accesses, by the hash of their secrets.
type Shard = RwLock<HashMap<SecretHash, Arc<Access>>>;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    users: Box<[AtomicU64]>,
    orgs: Box<[AtomicU64]>,
    hash: RandomState,
    accesses: Box<[Shard]>,
    slugs: RwLock<HashMap<String, (Arc<Org>, u64)>>,
    listener: OnceLock<Listener>,
}

impl Cache {
    /// An empty cache that hears of what other nodes and processes change. Must be called inside the runtime.
    pub fn new(database: &Database) -> Self {
        let stamps = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        let cache = Self(Arc::new(Inner {
            users: stamps(USER_STAMPS),
            orgs: stamps(ORG_STAMPS),
            hash: RandomState::new(),
            accesses: (0..SHARDS).map(|_| RwLock::default()).collect(),
            slugs: RwLock::default(),
            listener: OnceLock::new(),
        }));
        cache.listen(database);
        cache
    }

    fn listen(&self, database: &Database) {
        if let Some(mut writes) = database.foreign_writes() {
            let cache = Arc::downgrade(&self.0);
            tokio::spawn(async move {
                while writes.changed().await.is_ok() {
                    let Some(inner) = cache.upgrade() else { return };
                    Self(inner).forget_everything();
                }
            });
        }
        let (hearing, connected) = (Arc::downgrade(&self.0), Arc::downgrade(&self.0));
        let mut node = [0; 16];
        node[..8].copy_from_slice(&self.0.hash.hash_one("node").to_le_bytes());
        node[8..].copy_from_slice(&self.0.hash.hash_one(std::process::id()).to_le_bytes());
        let listener = database.notifications(
            Uuid::from_bytes(node),
            move |payload: &str| {
                if let (Some(inner), Some(stale)) = (hearing.upgrade(), Stale::parse(payload)) {
                    Self(inner).forget(&[stale]);
                }
            },
            move || {
                if let Some(inner) = connected.upgrade() {
                    Self(inner).forget_everything();
                }
            },
        );
        if let Some(listener) = listener {
            let _ = self.0.listener.set(listener);
        }
    }

    /// Whether memory may be believed: not on a node that has not heard its own beat for half a second.
    fn is_trusted(&self) -> bool {
        self.0.listener.get().is_none_or(|listener| !listener.is_late(tokio::time::Instant::now()))
    }

    /// The stamps to take before reading rows.
    pub fn stamps(&self, context: OrgContext, user: UserId) -> Stamps {
        Stamps {
            user: self.user(user).load(Ordering::Acquire),
            org: self.org(context.org).load(Ordering::Acquire),
        }
    }

    /// An access that still holds, as far as is known here.
    pub fn access(&self, secret: &SecretHash, context: OrgContext, now: Timestamp) -> Option<Arc<Access>> {
        if !self.is_trusted() {
            return None;
        }
        let access = self.shard(secret).read().get(secret)?.clone();
        let holds = access.context == context
            && access.stamps == self.stamps(context, access.user)
            && access.certain_until > now
            && access.is_in_time(now);
        holds.then_some(access)
    }

    /// Remembers an access.
    pub fn remember(&self, secret: &SecretHash, access: Arc<Access>) {
        let mut shard = self.shard(secret).write();
        if shard.len() >= SHARD_ENTRIES {
            shard.clear();
        }
        shard.insert(*secret, access);
    }

    /// Drops one access at once, to save its memory.
    pub fn drop_access(&self, secret: &SecretHash) {
        self.shard(secret).write().remove(secret);
    }

    /// The organization that a present slug leads to.
    pub fn slug(&self, slug: &str) -> Option<Arc<Org>> {
        if !self.is_trusted() {
            return None;
        }
        let slugs = self.0.slugs.read();
        let (org, stamp) = slugs.get(slug)?;
        (self.org(org.id).load(Ordering::Acquire) == *stamp).then(|| org.clone())
    }

    /// The number of entries, for metrics.
    pub fn len(&self) -> usize {
        self.0.accesses.iter().map(|shard| shard.read().len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stamp to take before reading an organization.
    pub fn org_stamp(&self, org: OrgId) -> u64 {
        self.org(org).load(Ordering::Acquire)
    }

    /// Remembers an organization by its present slug, under the stamp taken before reading it.
    pub fn remember_slug(&self, org: Arc<Org>, stamp: u64) {
        self.0.slugs.write().insert(org.slug.clone(), (org, stamp));
    }

    /// Makes untrue what a commit has changed. Called after COMMIT and before the answer.
    pub fn forget(&self, stale: &[Stale]) {
        for stale in stale {
            match stale {
                Stale::User(_, user) => self.user(*user).fetch_add(1, Ordering::AcqRel),
                Stale::Org(context) => self.org(context.org).fetch_add(1, Ordering::AcqRel),
            };
        }
    }

    /// Believes nothing any more.
    pub fn forget_everything(&self) {
        for stamp in &self.0.orgs {
            stamp.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn user(&self, user: UserId) -> &AtomicU64 {
        &self.0.users[self.place(user.0, USER_STAMPS)]
    }

    fn org(&self, org: OrgId) -> &AtomicU64 {
        &self.0.orgs[self.place(org.0, ORG_STAMPS)]
    }

    fn place(&self, id: Uuid, count: usize) -> usize {
        usize::try_from(self.0.hash.hash_one(id) % count as u64).unwrap_or(0)
    }

    /// Secrets' hashes are evenly spread already.
    fn shard(&self, secret: &SecretHash) -> &Shard {
        &self.0.accesses[usize::from(secret[31]) % SHARDS]
    }
}

impl Stale {
    /// As other nodes are told: `org` or `org:user`.
    pub fn payload(self) -> String {
        match self {
            Self::User(context, user) => format!("{}:{user}", context.org),
            Self::Org(context) => context.org.to_string(),
        }
    }

    fn parse(payload: &str) -> Option<Self> {
        let org = |text: &str| text.parse::<OrgId>().ok().map(OrgContext::from);
        match payload.split_once(':') {
            Some((context, user)) => Some(Self::User(org(context)?, user.parse().ok()?)),
            None => Some(Self::Org(org(payload)?)),
        }
    }
}
