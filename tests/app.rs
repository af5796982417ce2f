//! `TestApp`: the program in process over a fresh database, with a clock and randomness that the test decides.

mod requests;

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use ::app::{
    App,
    breached::BreachedPasswords,
    hashing,
    keys::Keys,
    mail::{Carrier, Letter, Mailbox},
    setup::SetUp,
    tokens::NewToken,
    users::{InitialPassword, NewUser},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use model::{Clock, Entropy, Org, OrgContext, Role, Timestamp, UserFields, UserId};
use serde_json::{Value, json};
use store::{
    Attempt, Database, Lane, Proof,
    testing::{Postgres, Scratch},
};

pub(crate) use requests::{api_request, form, form_request, page_request, send, send_as_is};
pub(crate) use store::Engine;

/// Makes two tests of one: `name::sqlite` and `name::postgres`.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => { $(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn test($app: TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(TestApp::new(crate::app::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                test(TestApp::new(crate::app::Engine::Postgres).await).await;
            }
        }
    )+ };
}

/// A clock that stands still until moved, and can be set.
pub(crate) struct TestClock {
    now: AtomicI64,
    set: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst) + self.set.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.now.load(Ordering::SeqCst).unsigned_abs()))
    }
}

/// Random enough to be unique, the same in every run.
struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Somebody with a password and an API token.
#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) token: String,
}

/// The program under test, with the organization `acme` and its owner.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) org: Arc<Org>,
    pub(crate) owner: Somebody,
    /// Every request that was sent: method and path.
    pub(crate) sent: Mutex<BTreeSet<(String, String)>>,
    /// The database's address, for a second server on it.
    pub(crate) url: String,
    _scratch: Option<Scratch>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Addresses of organizations that read like a part of ours.
pub(crate) const ODD_SLUGS: [&str; 4] = ["users", "groups", "sign-in", "reset-password"];

/// The password of everybody in the tests.
pub(crate) const PASSWORD: &str = "violet-canyon-harbor";

/// The program before its first set-up.
pub(crate) struct Empty {
    pub(crate) app: App,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) url: String,
    pub(crate) scratch: Option<Scratch>,
}

impl Empty {
    pub(crate) async fn new(engine: Engine) -> Self {
        let (url, scratch) = match engine {
            Engine::Sqlite => {
                let scratch = Scratch::new();
                fs::write(scratch.path().join("muster.db"), migrated_file().await).unwrap();
                (scratch.sqlite(), Some(scratch))
            }
            Engine::Postgres => (Postgres::shared().copy_of(&template().await), None),
        };
        Self::over(url, scratch).await
    }

    async fn over(url: String, scratch: Option<Scratch>) -> Self {
        let start = Timestamp::parse("2026-11-20T08:00:00Z").unwrap();
        let clock = Arc::new(TestClock { now: AtomicI64::new(start.micros()), set: AtomicI64::new(0) });
        let app = open(&url, clock.clone()).await;
        Self { app, clock, url, scratch }
    }
}

impl TestClock {
    /// Moves it.
    pub(crate) fn later(&self, duration: Duration) {
        self.now.fetch_add(i64::try_from(duration.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn set_by(&self, seconds: i64) {
        self.set.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// The clock of another machine, so many seconds ahead.
    pub(crate) fn ahead_by(&self, seconds: i64) -> Arc<Self> {
        let (now, set) = (self.now.load(Ordering::SeqCst), self.set.load(Ordering::SeqCst));
        Arc::new(Self { now: AtomicI64::new(now), set: AtomicI64::new(set + seconds * 1_000_000) })
    }
}

impl TestApp {
    /// A fresh program on that engine.
    pub(crate) async fn new(engine: Engine) -> Self {
        Self::begin(Empty::new(engine).await).await
    }

    /// A fresh program over an empty database.
    pub(crate) async fn over(url: String) -> Self {
        Self::begin(Empty::over(url, None).await).await
    }

    async fn begin(Empty { app, clock, url, scratch }: Empty) -> Self {
        let org = app
            .set_up(
                None,
                SetUp {
                    org_name: "Acme".to_owned(),
                    slug: "acme".to_owned(),
                    owner: UserFields {
                        given_name: Some("Olivia".to_owned()),
                        family_name: Some("Owner".to_owned()),
                        email: Some("olivia@acme.example".to_owned()),
                        ..UserFields::default()
                    },
                    password: PASSWORD.to_owned(),
                },
            )
            .await
            .unwrap();
        let router = web::router(web_options(), app.clone());
        let sent = Mutex::default();
        let mut test = Self { app, router, clock, org, owner: nobody(), sent, url, _scratch: scratch };
        test.owner = test.with_token("olivia@acme.example").await;
        test
    }

    /// This version over what an earlier one, at that step of the schema, would have left of the database.
    pub(crate) async fn upgraded_from(&self, version: usize) -> Self {
        let scratch = Scratch::new();
        let url = match self.app.database().engine() {
            Engine::Sqlite => scratch.sqlite(),
            Engine::Postgres => Postgres::shared().database(),
        };
        store::testing::as_of(version, &self.url, &url).await;
        let app = open(&url, self.clock.clone()).await;
        let router = web::router(web_options(), app.clone());
        let (clock, org, owner) = (self.clock.clone(), self.org.clone(), self.owner.clone());
        Self { app, router, clock, org, owner, sent: Mutex::default(), url, _scratch: Some(scratch) }
    }

    /// A second server on the same database (PostgreSQL only), or a restarted one.
    pub(crate) async fn second(&self) -> (App, Router) {
        self.second_through(&self.url).await
    }

    /// The same, whose statements go another way than what it hears: through a pooler.
    pub(crate) async fn second_behind(&self, pooler: &str) -> (App, Router) {
        let options = store::Options {
            pool_size: 8,
            listen_url: Some(self.url.clone()),
            ..store::Options::new(pooler)
        };
        let database = Database::open(&options).await.unwrap();
        let app = program(database, self.clock.clone(), Arc::default());
        (app.clone(), web::router(web_options(), app))
    }

    /// The same, which reaches the database by another address.
    pub(crate) async fn second_through(&self, url: &str) -> (App, Router) {
        let app = open(url, self.clock.clone()).await;
        (app.clone(), web::router(web_options(), app))
    }

    /// A second server on the same database (PostgreSQL only), asked as this one is.
    pub(crate) async fn other_node(&self) -> Self {
        let (app, router) = self.second().await;
        let (clock, org, owner) = (self.clock.clone(), self.org.clone(), self.owner.clone());
        Self { app, router, clock, org, owner, sent: Mutex::default(), url: self.url.clone(), _scratch: None }
    }

    /// A second server on the same database (PostgreSQL only), on a machine with a clock of its own.
    pub(crate) async fn second_by(&self, clock: Arc<TestClock>) -> (App, Router) {
        let app = open(&self.url, clock).await;
        (app.clone(), web::router(web_options(), app))
    }

    /// A second server on the same database that knows breached passwords (PostgreSQL only, or after `close`).
    pub(crate) async fn knowing(&self, breached: BreachedPasswords) -> (App, Router) {
        let app = open_with(&self.url, self.clock.clone(), Arc::new(breached)).await;
        (app.clone(), web::router(web_options(), app))
    }

    /// The program on the same database with hashing of another strength.
    pub(crate) fn hashing_with(&self, hashing: hashing::Options) -> Router {
        let options = ::app::Options::new(hashing, Keys::new([7; 32]), "http://localhost:8080".to_owned());
        let entropy = Arc::new(TestEntropy(AtomicU64::new(u64::MAX / 3)));
        let app = App::new(self.app.database().clone(), self.clock.clone(), entropy, options);
        web::router(web_options(), app)
    }

    /// Gives the organization another address.
    pub(crate) async fn move_to(&mut self, slug: &str) {
        self.org = Arc::new(self.app.rename_org(&self.operator(), slug, None).await.unwrap());
    }

    /// Moves the clock.
    pub(crate) fn later(&self, duration: Duration) {
        self.clock.later(duration);
    }

    /// Sends all mail that is due, and answers what was sent so far, the newest first.
    pub(crate) async fn mails(&self) -> Vec<Letter> {
        while self.app.send_due().await.unwrap() > 0 {}
        self.app.carrier().mailbox().unwrap().letters()
    }

    /// Carries out all work that is due, then sends all mail that is; answers as `mails` does.
    pub(crate) async fn worked(&self) -> Vec<Letter> {
        while self.app.work_once().await.unwrap() > 0 {}
        self.mails().await
    }

    /// Sends what gives rights, and confirms what ends with it.
    pub(crate) async fn confirmed(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let asked = self.call(method.clone(), path, token, body.clone()).await.expect(409);
        assert_eq!(asked.code(), "access.secrets_end", "{path}");
        self.call(method, &format!("{path}?end_secrets={}", asked.json()["confirm"]), token, body).await
    }

    /// The newest mail to an address.
    pub(crate) async fn mail_to(&self, address: &str) -> Letter {
        let mails = self.mails().await;
        mails
            .into_iter()
            .find(|letter| letter.to == address)
            .unwrap_or_else(|| panic!("no mail to {address}"))
    }

    /// The organization's context.
    pub(crate) fn context(&self) -> OrgContext {
        self.org.id.into()
    }

    /// The operator, as the command line acts.
    pub(crate) fn operator(&self) -> ::app::Actor {
        ::app::Actor::operator(self.context())
    }

    /// A new active person with that role (`Member`: none), a lasting password and a token.
    pub(crate) async fn person(&self, name: &str, role: Role) -> Somebody {
        let roles = if role == Role::Member { Vec::new() } else { vec![role.into()] };
        let fields = UserFields {
            given_name: Some(name.to_owned()),
            family_name: Some("Person".to_owned()),
            email: Some(format!("{}@acme.example", name.to_lowercase())),
            ..UserFields::default()
        };
        let password = InitialPassword::Chosen { password: PASSWORD.to_owned(), must_change: false };
        let new = NewUser { fields, roles, groups: Vec::new(), password };
        let created = self.app.create_user(&self.operator(), &self.org, new).await.unwrap();
        self.with_token(created.person.user.fields.email.as_deref().unwrap()).await
    }

    /// Somebody with a fresh token.
    pub(crate) async fn with_token(&self, email: &str) -> Somebody {
        let person = self.app.user_by_identifier(&self.operator(), email).await.unwrap();
        let token = self.token_for(person.user.id, &[]).await;
        Somebody {
            id: person.user.id,
            email: email.to_owned(),
            username: person.user.username().to_owned(),
            password: PASSWORD.to_owned(),
            token,
        }
    }

    /// A token of a user with those scopes.
    pub(crate) async fn token_for(&self, user: UserId, scopes: &[&str]) -> String {
        let scopes = if scopes.is_empty() { &[model::token::EVERYTHING] } else { scopes };
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let new = NewToken { name: "test".to_owned(), scopes, days: 300, secret: None };
        self.app.create_token(&self.operator(), new, Some(user)).await.unwrap().secret.unwrap()
    }

    /// A second organization with its own owner, whose address is `slug`.
    pub(crate) async fn other_org(&self, slug: &str) -> (Arc<Org>, Somebody) {
        let org = Arc::new(self.app.create_org(&format!("The {slug}"), slug, false).await.unwrap());
        let operator = ::app::Actor::operator(org.id.into());
        let fields = UserFields {
            given_name: Some("Otto".to_owned()),
            email: Some(format!("otto@{slug}.example")),
            ..UserFields::default()
        };
        let password = InitialPassword::Chosen { password: PASSWORD.to_owned(), must_change: false };
        let new = NewUser { fields, roles: vec![Role::Owner.into()], groups: Vec::new(), password };
        let created = self.app.create_user(&operator, &org, new).await.unwrap();
        let id = created.person.user.id;
        let new = NewToken { name: "test".to_owned(), scopes: vec!["*".to_owned()], days: 300, secret: None };
        let token = self.app.create_token(&operator, new, Some(id)).await.unwrap().secret.unwrap();
        let username = created.person.user.username().to_owned();
        let email = format!("otto@{slug}.example");
        (org, Somebody { id, email, username, password: PASSWORD.to_owned(), token })
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let named = (request.method().to_string(), request.uri().path().to_owned());
        self.sent.lock().unwrap().insert(named);
        send(&self.router, request).await
    }

    /// Calls the API of `acme` (`path` below `/api/v1`) with a token.
    pub(crate) async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        // Ids of one millisecond have no order: every call is a little later than the one before.
        self.later(Duration::from_millis(1));
        self.send(api_request(method, &self.org.slug, path, token, &body)).await
    }

    /// GET, as the owner.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &self.owner.token, Value::Null).await
    }

    /// POST, as the owner.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &self.owner.token, body).await
    }

    /// PATCH, as the owner.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, &self.owner.token, body).await
    }

    /// Creates a user as the owner and answers the id.
    pub(crate) async fn create(&self, given: &str, family: &str, email: &str) -> String {
        let body = json!({"given_name": given, "family_name": family, "email": email});
        let answer = self.post("/users", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Signs in through the console; the cookie's `name=value`, or the answer that refused.
    pub(crate) async fn sign_in(&self, identifier: &str, password: &str) -> Result<String, Answer> {
        let form = form(&[("identifier", identifier), ("password", password)]);
        let answer = self.send(form_request(&format!("/o/{}/sign-in", self.org.slug), "", &form)).await;
        match answer.headers.get(header::SET_COOKIE) {
            Some(cookie) if answer.status == StatusCode::SEE_OTHER => {
                Ok(cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            }
            _ => Err(answer),
        }
    }

    /// Changes the database, for what no door does.
    pub(crate) async fn force(&self, statements: Vec<&'static str>) {
        let proof = Proof { org: self.org.id, entry: model::EntryId(uuid::Uuid::from_u128(7)) };
        let work = async move |connection: &mut store::Connection<'_>| {
            for sql in &statements {
                connection.execute(*sql, &[]).await?;
            }
            Ok(Attempt::Commit(()))
        };
        self.app.database().transaction(proof, Lane::Interactive, work, |(), _| {}).await.unwrap();
    }

    /// Answers of the database to one question, for what no door shows.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let read = async |connection: &mut store::Connection<'_>| connection.one::<(i64,)>(sql, &[]).await;
        self.app.database().read(read).await.unwrap().0
    }

    /// Events of the audit log about something, oldest first.
    pub(crate) async fn events(&self, target: &str) -> Vec<String> {
        let (context, target) = (self.context(), target.parse().unwrap());
        let read = async |connection: &mut store::Connection<'_>| {
            store::audit::about(connection, context, target, None, 200).await
        };
        let entries = self.app.database().read(read).await.unwrap();
        entries.into_iter().rev().map(|entry| entry.event).collect()
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Asserts the status, showing the body if it is another.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// Nobody is held up by limits that belong to one address: all tests come from the same.
pub(crate) fn web_options() -> web::Options {
    let clients = web::ClientLimits { requests_per_address: 1_000_000, ..web::ClientLimits::default() };
    web::Options { sign_ins_per_minute: 1_000_000, clients, ..web::Options::new("http://localhost:8080") }
}

/// The program over an address, migrated.
async fn open(url: &str, clock: Arc<TestClock>) -> App {
    open_with(url, clock, Arc::default()).await
}

/// The same, with a file of breached passwords.
async fn open_with(url: &str, clock: Arc<TestClock>, breached: Arc<BreachedPasswords>) -> App {
    let database =
        Database::open(&store::Options { pool_size: 8, ..store::Options::new(url) }).await.unwrap();
    database.migrate().await.unwrap();
    program(database, clock, breached)
}

/// The program over an open database.
pub(crate) fn program(database: Database, clock: Arc<TestClock>, breached: Arc<BreachedPasswords>) -> App {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let seed = SEED.fetch_add(1 << 40, Ordering::Relaxed);
    let hashing = hashing::Options { threads: 2, memory: 64, passes: 1, queue: 1024 };
    let (keys, public_url) = (Keys::new([7; 32]), "http://localhost:8080".to_owned());
    let options = ::app::Options {
        carrier: Carrier::Mailbox(Mailbox::default()),
        breached,
        ..::app::Options::new(hashing, keys, public_url)
    };
    App::new(database, clock, Arc::new(TestEntropy(AtomicU64::new(seed))), options)
}

/// A migrated PostgreSQL database to copy: made once per process.
async fn template() -> String {
    static NAME: OnceLock<String> = OnceLock::new();
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = MAKING.lock().await;
    if let Some(name) = NAME.get() {
        return name.clone();
    }
    let name = format!("template_{}", std::process::id());
    let postgres = Postgres::shared();
    postgres.create(&name, "template0");
    let database = Database::open(&store::Options::new(postgres.url(&name))).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
    NAME.get_or_init(|| name).clone()
}

/// A migrated file of `SQLite` to copy: made once per process.
async fn migrated_file() -> &'static [u8] {
    static FILE: tokio::sync::OnceCell<Vec<u8>> = tokio::sync::OnceCell::const_new();
    FILE.get_or_init(async || {
        let scratch = Scratch::new();
        let database = Database::open(&store::Options::new(scratch.sqlite())).await.unwrap();
        database.migrate().await.unwrap();
        database.close().await;
        fs::read(scratch.path().join("muster.db")).unwrap()
    })
    .await
}

fn nobody() -> Somebody {
    Somebody {
        id: UserId(uuid::Uuid::nil()),
        email: String::new(),
        username: String::new(),
        password: String::new(),
        token: String::new(),
    }
}
