//! PostgreSQL: the pool, TLS, a transaction that can't be left open, and how values and columns travel.
//!
//! Every connection has time limits, so that nothing waits for ever for a lock or a vanished client.

mod columns;

use std::{error::Error as StdError, net::IpAddr, sync::Arc, time::Duration};

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, QueueMode, RecyclingMethod, Runtime,
};
use futures_util::{FutureExt, future::join_all};
use model::{Error, Kind, Result};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::task::JoinHandle;
use tokio_postgres::{
    Config, Statement,
    config::{Host, SslMode},
    error::SqlState,
    types::ToSql,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use columns::kind;
pub(crate) use columns::{Absent, Identifier, Whole, Words, column};

use crate::{
    sql::{Record, Row, Sql, Value},
    sqlite::{STATEMENTS, taken, unstorable},
};

/// The oldest PostgreSQL that Muster is tested with.
const OLDEST: i64 = 150_000;
const PATIENCE: Duration = Duration::from_secs(5);

/// The first half of the locks that the writers of an organization share; any number that nobody else uses.
const WRITERS: i32 = 0x6d75_7374;

/// A statement for which somebody waits has no answer by then because the server stands still: it takes milliseconds, and
/// a lock is given up after 5 seconds.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);
/// One that takes its time has none by then: the server gives up after 30 seconds, and says so.
pub(crate) const LONG_SILENCE: Duration = Duration::from_secs(35);
/// How long beginning and ending a transaction may take; more than waiting for a lock may.
const BORDER: Duration = Duration::from_secs(8);

/// The code of what nobody has answered.
pub(crate) const UNREACHABLE: &str = "database.unreachable";

/// For connections of our own; one that a pooler lends is not ours to set up. Compiling a question for the index of words
/// takes longer than answering it.
const SETTINGS: &str = "
    SET lock_timeout = '5s';
    SET statement_timeout = '30s';
    SET idle_in_transaction_session_timeout = '5s';
    SET jit = off;";
/// For one transaction, in the one round trip that begins it, so that it holds on every way to the server. An acknowledged
/// change must survive a crash, whatever the server's default is.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '5s';
    SET LOCAL statement_timeout = '30s';
    SET LOCAL idle_in_transaction_session_timeout = '5s';
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';";

/// Where the server is and how to reach it; the pool and the notification listener connect with the same.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
}

impl Server {
    /// Reads `postgres://user:password@host/name?…` with libpq's parameters. Without `sslmode`, a server on this
    /// machine is spoken to in the clear, any other through TLS. TLS always verifies the server's certificate: against
    /// the public roots, or those in the file `sslrootcert`.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let refused = |detail: &dyn StdError| {
            let message = "The database address is not understood. Write postgres://user:password@host/name.";
            Error::new(Kind::Invalid, "database.address", message).with_detail(detail)
        };
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (mut kept, mut roots, mut mode) = (Vec::new(), None, None);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslrootcert", file)) => roots = Some(unescape(file)),
                // rustls verifies chain and name in any case: there is no weaker way to ask for.
                Some(("sslmode", "verify-ca" | "verify-full")) => mode = Some(SslMode::Require),
                _ => kept.push(parameter),
            }
        }
        let plain = format!("{address}?{}", kept.join("&"));
        let mut config: Config =
            plain.parse().map_err(|error: tokio_postgres::Error| match error.source() {
                Some(source) => refused(source),
                None => refused(&error),
            })?;
        if mode.is_none() && !kept.iter().any(|parameter| parameter.starts_with("sslmode=")) {
            mode = Some(if is_local(&config) { SslMode::Disable } else { SslMode::Require });
        }
        if let Some(mode) = mode {
            config.ssl_mode(mode);
        }
        config.application_name("muster").connect_timeout(PATIENCE).tcp_user_timeout(PATIENCE);
        // A server that vanished without a word is noticed, whether something is on its way to it or awaited from it.
        config.keepalives_idle(PATIENCE).keepalives_interval(Duration::from_secs(1)).keepalives_retries(3);
        Ok(Self { config, tls: tls(roots.as_deref())? })
    }

    /// A connection of its own, which ends with what is returned beside it.
    pub(crate) async fn connect(&self) -> Result<(tokio_postgres::Client, AbortOnDrop)> {
        let connected = tokio::time::timeout(PATIENCE, self.config.connect(self.tls.clone())).await;
        let connected = connected.map_err(|late| Error::unavailable("database.unreachable", late))?;
        let (client, connection) = connected.map_err(error)?;
        Ok((client, AbortOnDrop(tokio::spawn(async move { drop(connection.await) }))))
    }

    /// A pool of `size` connections, after a look at the server's version. Behind a pooler (`is_shared`) nothing is set
    /// that somebody else would find set.
    pub(crate) async fn pool(&self, size: usize, is_shared: bool) -> Result<Pool> {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), manager);
        let prepare = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            async move {
                if is_shared {
                    return Ok(());
                }
                client.batch_execute(SETTINGS).await.map_err(HookError::Backend)
            }
            .boxed()
        });
        let builder =
            Pool::builder(manager).max_size(size.max(2)).runtime(Runtime::Tokio1).post_create(prepare);
        let builder = builder.wait_timeout(Some(PATIENCE)).create_timeout(Some(PATIENCE * 2));
        // The connection that was used last has its statements planned; taken in turn, each would plan them for itself.
        let builder = builder.queue_mode(QueueMode::Lifo);
        let pool = builder.build().map_err(Error::internal)?;
        let row =
            client(&pool).await?.query_one("SELECT current_setting('server_version_num')::bigint", &[]).await;
        let version: i64 = row.map_err(error)?.get(0);
        if version < OLDEST {
            let message =
                format!("Muster needs PostgreSQL 15 or newer; the server is version {}.", version / 10_000);
            return Err(Error::new(Kind::Unavailable, "database.too_old", message));
        }
        Ok(pool)
    }
}

/// Whether an address of a PostgreSQL server can be understood, and its file of certificates read; connects to nobody.
pub fn check_address(url: &str) -> Result<()> {
    Server::parse(url).map(drop)
}

fn is_local(config: &Config) -> bool {
    let hosts_local = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    });
    hosts_local && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Undoes `%2F` and the like.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
        bytes.extend_from_slice(&part.as_bytes()[if code.is_some() { 2 } else { 0 }..]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tls(roots_file: Option<&str>) -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(file) = roots_file {
        let unreadable = |detail: &dyn std::fmt::Display| {
            let message = format!("The certificates in {file} can't be read.");
            Error::new(Kind::Invalid, "database.certificates", message).with_detail(detail)
        };
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.map_err(Error::internal)?.with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// A task that ends when this is dropped.
pub(crate) struct AbortOnDrop(pub(crate) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The server has not answered.
pub(crate) fn silent() -> Error {
    Error::unavailable(UNREACHABLE, "the database has not answered in time")
}

/// A connection from the pool. Waiting for a free one and making a new one have one limit together.
pub(crate) async fn client(pool: &Pool) -> Result<Client> {
    let got = tokio::time::timeout(BORDER, pool.get()).await;
    got.map_err(|_| silent())?.map_err(|failed| match failed {
        PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Error::unavailable("overloaded", failed),
        other => Error::unavailable("database.unreachable", other),
    })
}

/// A connection with a transaction open on it. However it is dropped, the transaction ends and the connection lives on:
/// a burst of cancelled requests must not empty the pool.
pub(crate) struct Open(Option<Client>);

impl Open {
    /// Begins. `lock` is held until the transaction has really ended, even when its connection was cut: whoever gets
    /// it afterwards sees what became of the transaction. `writers` is shared with all others that write to the same
    /// organization: whoever gets it alone knows that all that began before have ended.
    pub(crate) async fn begin(client: Client, lock: i64, writers: i32) -> Result<Self> {
        let open = Self(Some(client));
        let begin = format!(
            "{BEGIN} SELECT pg_advisory_xact_lock({lock}); \
             SELECT pg_advisory_xact_lock_shared({WRITERS}, {writers})"
        );
        let answered = tokio::time::timeout(BORDER, open.client()?.batch_execute(&begin)).await;
        answered.map_err(|_| silent())?.map_err(error)?;
        Ok(open)
    }

    pub(crate) fn client(&self) -> Result<&Client> {
        self.0.as_ref().ok_or_else(|| Error::internal("a transaction was used after its end"))
    }

    /// Commits and answers the connection, for what has to follow on it; or how that failed otherwise.
    pub(crate) async fn commit(mut self) -> Result<Option<Client>, Uncommitted> {
        let Some(client) = &self.0 else { return Ok(None) };
        let committed = tokio::time::timeout(BORDER, client.batch_execute("COMMIT")).await;
        let Ok(committed) = committed else {
            // Nothing more is said on it: that would wait behind the COMMIT.
            self.abandon();
            return Err(Uncommitted { error: silent(), is_undone: false, is_silent: true });
        };
        committed.map_err(|failed| Uncommitted {
            is_undone: is_undone(&failed),
            is_silent: false,
            error: error(failed),
        })?;
        Ok(self.0.take())
    }

    /// Leaves the connection alone: nobody answers on it. Its end undoes the transaction.
    pub(crate) fn abandon(mut self) {
        drop(self.0.take().map(Client::take));
    }

    pub(crate) async fn roll_back(mut self) {
        if let Some(client) = &self.0
            && rolls_back(client).await
        {
            drop(self.0.take());
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(client) = self.0.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Client::take(client));
            return;
        };
        runtime.spawn(async move {
            if !rolls_back(&client).await {
                drop(Client::take(client));
            }
        });
    }
}

/// Waits until all writers of the organization that had begun by now have ended. Those that begin later wait for this
/// one, if they meet it, and see what was committed before it.
pub(crate) async fn outlast_writers(client: &Client, writers: i32) -> Result<()> {
    let lock = format!("SELECT pg_advisory_xact_lock({WRITERS}, {writers})");
    let answered = tokio::time::timeout(BORDER, client.batch_execute(&lock)).await;
    answered.map_err(|_| silent())?.map_err(error)
}

async fn rolls_back(client: &Client) -> bool {
    tokio::time::timeout(BORDER, client.batch_execute("ROLLBACK")).await.is_ok_and(|answer| answer.is_ok())
}

/// A COMMIT that was not acknowledged.
pub(crate) struct Uncommitted {
    /// What was said.
    pub(crate) error: Error,
    /// That nothing was changed is certain.
    pub(crate) is_undone: bool,
    /// Nobody has answered, neither well nor badly.
    pub(crate) is_silent: bool,
}

/// A statement that stays prepared on this connection. All are forgotten when there are too many: lists have more ways of
/// asking than are worth keeping.
async fn prepared(client: &Client, sql: &str) -> Result<Statement, tokio_postgres::Error> {
    if client.statement_cache.size() >= STATEMENTS {
        client.statement_cache.clear();
    }
    client.prepare_cached(sql).await
}

/// Runs a statement and answers how many rows it touched.
pub(crate) async fn execute(
    client: &Client,
    sql: &str,
    values: &[Value<'_>],
) -> Result<u64, tokio_postgres::Error> {
    let statement = prepared(client, sql).await?;
    client.execute_raw(&statement, values).await
}

/// Runs statements in order, sent together: one round trip.
pub(crate) async fn execute_all(
    client: &Client,
    statements: &[(&str, &[Value<'_>])],
) -> Result<(), tokio_postgres::Error> {
    let mut ready = Vec::with_capacity(statements.len());
    for (sql, values) in statements {
        ready.push((prepared(client, sql).await?, *values));
    }
    let sent = ready.iter().map(|(statement, values)| client.execute_raw(statement, *values));
    join_all(sent).await.into_iter().try_for_each(|answer| answer.map(drop))
}

/// Runs a statement; `limit` rows are read.
pub(crate) async fn query<R: Record>(
    client: &Client,
    sql: Sql<'_>,
    values: &[Value<'_>],
    limit: usize,
) -> Result<Result<Vec<R>>, tokio_postgres::Error> {
    let rows = if sql.is_planned_anew {
        // Prepared, run and forgotten in one round trip.
        let parameters: Vec<_> =
            values.iter().map(|value| (value as &(dyn ToSql + Sync), kind(value))).collect();
        client.query_typed(sql.postgres, &parameters).await?
    } else {
        let statement = prepared(client, sql.postgres).await?;
        let parameters: Vec<_> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        client.query(&statement, &parameters).await?
    };
    Ok(rows.iter().take(limit).map(|row| R::read(&Row::postgres(row))).collect())
}

/// Whether repeating the whole operation may help: a serialization failure or a deadlock.
pub(crate) fn is_repeatable(error: &tokio_postgres::Error) -> bool {
    matches!(error.code().map(SqlState::code), Some("40001" | "40P01"))
}

/// Whether a COMMIT that failed so has certainly changed nothing: a constraint refused, the transaction was rolled back,
/// there was none. Any other answer (of a distributed engine, of a go-between) may come after the change.
fn is_undone(error: &tokio_postgres::Error) -> bool {
    let code = error.code().map_or("", SqlState::code);
    // 40003 says of itself that the outcome is unknown.
    ["23", "40", "25"].iter().any(|class| code.starts_with(class)) && code != "40003"
}

/// A driver's error as one of ours.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub(crate) fn error(error: tokio_postgres::Error) -> Error {
    let detail = match error.as_db_error() {
        // Not its detail: that quotes the row, and people's data does not belong in a log.
        Some(said) => {
            format!("{}: {} {}", said.code().code(), said.message(), said.constraint().unwrap_or_default())
        }
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    };
    match error.code().map(SqlState::code) {
        Some("40001" | "40P01" | "55P03") => Error::unavailable("database.contention", detail),
        Some("23505") => taken(error.as_db_error().and_then(|said| said.constraint()).unwrap_or_default()),
        Some("22021" | "22P05") => unstorable(detail),
        Some("25006") => Error::unavailable("database.unavailable", detail),
        Some(code) if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            Error::unavailable("database.unavailable", detail)
        }
        None if error.is_closed() || error.source().is_some_and(<dyn StdError>::is::<std::io::Error>) => {
            Error::unavailable("database.unreachable", detail)
        }
        _ => Error::internal(detail),
    }
}
