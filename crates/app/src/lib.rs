//! Everything someone can do: authorize, apply the rule, save with audit and outbox, in one transaction.
//!
//! Read `operation.rs` first: it is the only way to a transaction that writes. Each noun has its file of what one can
//! do with it; the API, the console, the command line and the worker call these and hold no rule of their own.

pub mod access;
pub mod access_paths;
pub mod account;
pub mod activity;
pub mod actor;
pub mod application_permissions;
pub mod audit;
pub mod breached;
pub mod cache;
pub mod clock;
pub mod copying;
pub mod credentials;
pub mod data_exports;
pub mod devices;
pub mod emails;
pub mod erasure;
pub mod explain_access;
pub mod explain_sign_in;
mod forwarding;
pub mod grants;
pub mod groups;
pub mod hashing;
pub mod holders;
pub mod impact;
pub mod import;
pub mod invitations;
mod kept;
pub mod keys;
pub mod lifecycle;
mod links;
pub mod mail;
pub mod mails;
pub mod memberships;
pub mod notices;
pub mod operation;
pub mod orgs;
mod outgrown;
pub mod owners;
pub mod passwords;
mod person;
pub mod recovery;
mod responsible;
pub mod role_definitions;
pub mod role_holders;
pub mod roles;
pub mod sessions;
pub mod setup;
pub mod signin;
pub mod system;
pub mod tokens;
mod tries;
pub mod users;
pub mod worker;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use connect::geo::Places;
use model::{Clock, Entropy, Error, Result, Timestamp};
use store::{Database, boxed};
use tokio::sync::Notify;

pub use actor::Actor;
pub use operation::Operation;
pub use store::Writing;
pub use users::Person;

/// The running program: its database, caches, clock and pools. Cheap to clone; everything shared.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    database: Database,
    clock: clock::SteadyClock,
    entropy: Arc<dyn Entropy>,
    cache: cache::Cache,
    hasher: hashing::Hasher,
    breached: Arc<breached::BreachedPasswords>,
    keys: keys::Keys,
    denials: audit::denial::Denials,
    guard: audit::guard::Guard,
    public_url: String,
    carrier: mail::Carrier,
    /// Rung when the outbox has something new; polling is the guarantee.
    wake: Notify,
    /// The same for mail.
    mail_wake: Notify,
    unreadable_forwarding: forwarding::Unreadable,
    /// Where addresses are; nowhere unless it was said where to look.
    places: OnceLock<Places>,
}

/// What the program is told about its surroundings.
#[derive(Debug, Clone)]
pub struct Options {
    /// How passwords are hashed.
    pub hashing: hashing::Options,
    /// The server's key.
    pub keys: keys::Keys,
    /// Under which address people reach it, without a slash at the end: links in mail are made of it, never of a request.
    pub public_url: String,
    /// Who carries mail away.
    pub carrier: mail::Carrier,
    /// The operator's file of breached passwords.
    pub breached: Arc<breached::BreachedPasswords>,
}

impl Options {
    /// The usual surroundings: no mail server, no file of breached passwords.
    pub fn new(hashing: hashing::Options, keys: keys::Keys, public_url: impl Into<String>) -> Self {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        Self { hashing, keys, public_url, carrier: mail::Carrier::default(), breached: Arc::default() }
    }
}

impl App {
    /// Puts the program together over an opened and migrated database. Must be called inside the runtime.
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: Options,
    ) -> Self {
        model::page::seal_with(options.keys.derive("page", &[]));
        let cache = cache::Cache::new(&database);
        let hasher = hashing::Hasher::start(options.hashing, entropy.clone());
        Self(Arc::new(Inner {
            database,
            clock: clock::SteadyClock::new(clock),
            entropy,
            cache,
            hasher,
            breached: options.breached,
            keys: options.keys,
            denials: audit::denial::Denials::default(),
            guard: audit::guard::Guard::default(),
            public_url: options.public_url,
            carrier: options.carrier,
            wake: Notify::new(),
            mail_wake: Notify::new(),
            unreadable_forwarding: forwarding::Unreadable::default(),
            places: OnceLock::new(),
        }))
    }

    /// Looks places of addresses up in the files of that directory, from now on. Only the first call counts.
    pub fn look_places_up_in(&self, directory: impl Into<PathBuf>) {
        self.0.places.get_or_init(|| Places::new(directory));
    }

    /// The present moment, by the injected clock (`clock.rs`).
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn steady(&self) -> &clock::SteadyClock {
        &self.0.clock
    }

    /// The injected source of randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        self.0.entropy.as_ref()
    }

    /// The database, for health checks and for reading.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Sessions, rights and organizations in memory.
    pub fn cache(&self) -> &cache::Cache {
        &self.0.cache
    }

    /// Where addresses are.
    pub fn places(&self) -> Places {
        self.0.places.get().cloned().unwrap_or_else(Places::nowhere)
    }

    pub(crate) fn hasher(&self) -> &hashing::Hasher {
        &self.0.hasher
    }

    pub(crate) fn keys(&self) -> &keys::Keys {
        &self.0.keys
    }

    pub(crate) fn denials(&self) -> &audit::denial::Denials {
        &self.0.denials
    }

    pub(crate) fn guard(&self) -> &audit::guard::Guard {
        &self.0.guard
    }

    pub(crate) fn unreadable_forwarding(&self) -> &forwarding::Unreadable {
        &self.0.unreadable_forwarding
    }

    /// Under which address people reach the server, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// Who carries mail away.
    pub fn carrier(&self) -> &mail::Carrier {
        &self.0.carrier
    }

    pub(crate) fn mail_wake(&self) -> &Notify {
        &self.0.mail_wake
    }

    pub(crate) fn breached(&self) -> &Arc<breached::BreachedPasswords> {
        &self.0.breached
    }

    pub(crate) fn wake(&self) -> &Notify {
        &self.0.wake
    }

    /// Whether requests can be served: the database answers and is up to date, and writing has not stopped for good. Answers
    /// whether anything can be saved at the moment: a node that can't goes on reading.
    #[boxed]
    pub async fn readiness(&self) -> Result<Writing> {
        if !self.database().is_writable() {
            return Err(Error::unavailable("writing_stopped", "a commit has failed; restart Muster"));
        }
        match self.database().pending_migrations().await? {
            0 => Ok(self.database().writing()),
            _ => Err(Error::unavailable("database.migrations_pending", "run muster migrate")),
        }
    }

    /// Lets what was begun end.
    #[boxed]
    pub async fn close(&self) {
        self.0.database.close().await;
    }
}
