//! Many people in a database: invented, in all states, the same in every run.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use futures_util::{StreamExt, stream};
use model::{
    Agent, Entropy, EntryId, OrgContext, OrgId, Result, Role, SessionId, State, Timestamp, User, UserFields,
    UserId,
    audit::{Changes, Door, Entry, seal::Seal},
    device::{ClientHints, Platform},
    grant::{Given, GrantTerms},
    lifecycle::{Departure, Lock, Reason},
    role::{Allowed, Scope},
    session::{Secret, Session},
};
use store::{
    Attempt, Connection, Database, Engine, Lane, Options, Proof,
    grants::RoleGrant,
    testing::{Postgres, Scratch},
};
use uuid::Uuid;

/// Now, for all of them.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

const GIVEN: [&str; 8] = ["Ana", "Łukasz", "Mariana", "Νίκος", "篤司", "Zoë", "Иван", "Ümit"];
const FAMILY: [&str; 9] =
    ["Ng", "Müller", "Anand", "O'Neill", "林", "Παπαδόπουλος", "Żółw", "de la Cruz", "Smith"];

/// A database with people in it.
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) context: OrgContext,
    pub(crate) people: Vec<Person>,
    database: Database,
    scratch: Scratch,
}

/// Somebody, as written.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) roles: Vec<Role>,
    pub(crate) search_text: String,
    pub(crate) sort_name: String,
}

impl Loaded {
    pub(crate) async fn new(engine: Engine, count: usize) -> Self {
        let scratch = Scratch::new();
        let url = match engine {
            Engine::Sqlite => scratch.sqlite(),
            Engine::Postgres => Postgres::shared().database(),
        };
        let database = Database::open(&Options::new(&url)).await.unwrap();
        database.migrate().await.unwrap();
        let context = OrgContext::from(OrgId(Uuid::from_u128(5)));
        let chunks = (0..count).step_by(250).map(|from| {
            let (database, some) = (&database, from..(from + 250).min(count));
            write(database, async move |connection| {
                let mut written = Vec::with_capacity(some.len());
                for number in some.clone() {
                    written.push(insert(connection, context, number).await?);
                }
                Ok(Attempt::Commit(written))
            })
        });
        let people = stream::iter(chunks).buffered(8).concat().await;
        if engine == Engine::Postgres {
            let analyze = async |connection: &mut Connection<'_>| connection.execute("ANALYZE", &[]).await;
            database.read(analyze).await.unwrap();
        }
        Self { engine, url, context, people, database, scratch }
    }

    /// Signs people in, from one of three hundred networks and, each fifth, from the same office.
    pub(crate) async fn sign_in(&self, count: usize) {
        let (context, people) = (self.context, self.people.len());
        let chunks = (0..count).step_by(500).map(|from| {
            write(&self.database, async move |connection| {
                for number in from..(from + 500).min(count) {
                    let user = UserId(id(number * 7 % people));
                    store::sessions::insert(connection, &session(context, user, number), None).await?;
                }
                Ok(Attempt::Commit(()))
            })
        });
        stream::iter(chunks).buffered(8).collect::<Vec<()>>().await;
        if self.engine == Engine::Postgres {
            let analyze =
                async |connection: &mut Connection<'_>| connection.execute("ANALYZE sessions", &[]).await;
            self.database.read(analyze).await.unwrap();
        }
    }

    /// Where the `SQLite` file is.
    pub(crate) fn file(&self) -> PathBuf {
        self.scratch.path().join("muster.db")
    }

    /// Runs statements that change something.
    pub(crate) async fn change(&self, statements: &[&'static str]) {
        let statements = statements.to_vec();
        write(&self.database, async move |connection| {
            for statement in &statements {
                connection.execute(*statement, &[]).await?;
            }
            Ok(Attempt::Commit(()))
        })
        .await;
    }

    /// Gives somebody words that nobody looks for.
    pub(crate) async fn rename(&self, user: UserId) {
        let context = self.context;
        write(&self.database, async move |connection| {
            let sql = "UPDATE users SET search_text = '  somebody  else' WHERE org_id = $1 AND id = $2";
            connection.execute(sql, store::values![context.org, user]).await?;
            Ok(Attempt::Commit(()))
        })
        .await;
    }

    pub(crate) async fn read<T>(&self, work: impl AsyncFnOnce(&mut Connection<'_>) -> Result<T>) -> T {
        self.database.read(work).await.unwrap()
    }
}

async fn write<T, W>(database: &Database, work: W) -> T
where
    W: AsyncFn(&mut Connection<'_>) -> Result<Attempt<T>> + Send + Sync + 'static,
    T: Send + 'static,
{
    // Of the same proof there is only one transaction at a time.
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let proof = Proof { org: OrgId(Uuid::nil()), entry: EntryId(Uuid::from_u128(number.into())) };
    database.transaction(proof, Lane::Interactive, work, |_, _| {}).await.unwrap()
}

/// The id of a person: in the order of their numbers.
fn id(number: usize) -> Uuid {
    Uuid::from_u128((number as u128 + 1) << 64 | 0x8000_0000_0000_0000)
}

async fn insert(connection: &mut Connection<'_>, context: OrgContext, number: usize) -> Result<Person> {
    let mut user = invented(context, number);
    store::users::insert(connection, &user, None).await?;
    if number % 40 == 3 {
        let until =
            (number % 80 == 3).then(|| if number % 160 == 3 { NOW.minus(SECOND) } else { NOW.plus(SECOND) });
        user.lock = Some(Lock { until, note: String::new(), since: NOW, by: Agent::Operator });
        store::users::update(connection, &user, None).await?;
    }
    if number.is_multiple_of(3) {
        let at = Timestamp::from_micros(1_000 + i64::try_from(number % 977).unwrap());
        user.last_sign_in_at = Some(at);
        store::users::signed_in(connection, context, user.id, "password", at).await?;
    }
    let roles = if number % 60 == 1 { vec![Role::Auditor] } else { Vec::new() };
    for role in &roles {
        let given = Given { by: Agent::Operator, at: NOW, terms: GrantTerms::default() };
        let grant = RoleGrant {
            role: (*role).into(),
            name: String::new(),
            allowed: Allowed::by(*role),
            scope: Scope::Org,
            scope_name: String::new(),
            given,
        };
        store::grants::grant(connection, context, user.id, &grant).await?;
    }
    let entry = Entry {
        id: EntryId(id(number)),
        at: NOW,
        event: "user.created".to_owned(),
        actor: Agent::Operator,
        actor_name: String::new(),
        target_type: "user".to_owned(),
        target: user.id.0,
        target_name: String::new(),
        changes: Changes::new(),
        reason: String::new(),
        request_id: String::new(),
        address: String::new(),
        door: Door::CommandLine,
        erased_at: None,
    };
    let seal = Seal::new(&entry, [1; 32], [2; 32], false);
    store::audit::append(connection, context, &entry, &seal, &[3; 32], &[4; 32]).await?;
    let (search_text, sort_name) = (user.search_text(), user.sort_name());
    Ok(Person { user, roles, search_text, sort_name })
}

fn session(context: OrgContext, user: UserId, number: usize) -> Session {
    let address = match number % 5 {
        0 => format!("198.51.{}.{}", number % 4, number % 250),
        _ => format!("203.{}.{}.7", number % 300 % 250, number % 256),
    };
    let moment = NOW.minus(SECOND * u32::try_from(number % 40_000).unwrap());
    Session {
        id: SessionId(id(number)),
        org: context,
        user,
        secret: Secret::new(&Numbered(u64::try_from(number).unwrap())).hash(),
        started_at: moment,
        last_active_at: moment,
        expires_at: NOW.plus(SECOND * 60_000),
        idle: SECOND * 86_400,
        method: "password".to_owned(),
        address,
        user_agent: "curl/8".to_owned(),
        remembered: number.is_multiple_of(2),
        country: String::new(),
        hints: ClientHints::default(),
        platform: if number % 1_000 == 3 { Platform::ChromeOs } else { Platform::Windows },
        made_within: None,
    }
}

/// A different secret for each number.
struct Numbered(u64);

impl Entropy for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.0.to_le_bytes());
    }
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn invented(context: OrgContext, number: usize) -> User {
    let given = GIVEN[number * 7 % GIVEN.len()];
    let family = if number % 997 == 5 { "Zimmerli" } else { FAMILY[number * 5 % FAMILY.len()] };
    let fields = UserFields {
        username: Some(format!("p{number}")),
        email: Some(format!("p{number}@acme.example")),
        given_name: Some(given.to_owned()),
        family_name: Some(family.to_owned()),
        display_name: Some(format!("{given} {family}")),
        ..UserFields::default()
    };
    let mut user = User::new(UserId(id(number)), context, fields, NOW);
    let left = || Departure { reason: Reason::Left, note: String::new(), since: NOW, by: Agent::Operator };
    user.state = match number % 20 {
        0 => State::Staged,
        1 => State::Suspended(left()),
        2 => State::Deprovisioned(left()),
        4 => State::Trashed {
            before: Box::new(State::Staged),
            since: NOW,
            until: NOW.plus(SECOND),
            by: Agent::Operator,
        },
        5 => State::Invited,
        _ => State::Active,
    };
    user
}
