//! `muster serve`: the server from its start to its end.
//!
//! Takes its addresses first, so that a wrong one is told at once; then the database; then it serves. On SIGTERM or
//! SIGINT it takes nothing new, lets what was begun end, and closes the database.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use app::{
    App,
    mail::{Carrier, Mailbox},
};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use clap::Args;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use model::{Error, Kind, Result};
use sd_notify::NotifyState;
use store::Database;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use web::{ClientLimits, Listener};

use super::{
    bootstrap::{self, Start},
    demo,
};
use crate::{
    config::{Config, LogFormat},
    log, output,
    problem::failed,
    runner::new_app,
    socket,
};

/// How to serve.
#[derive(Debug, Args)]
#[command(after_help = "\
The first start prints an address that works once, where the first organization is set up; or it reads the settings \
under bootstrap (see `muster config reference`). The database is brought up to date at every start.

Examples:
  muster serve
  muster serve --demo
  muster serve --listen 0.0.0.0:8080
  MUSTER_DATABASE__URL=postgres://muster@/muster?host=/run/postgresql muster serve")]
pub(crate) struct Options {
    /// Serve an organization of 1,000 invented people, in a database of its own
    #[arg(long)]
    demo: bool,
    /// Address and port, instead of the setting server.listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address and port for health and metrics, instead of the setting server.management
    #[arg(long, value_name = "ADDRESS")]
    management: Option<SocketAddr>,
}

/// How long requests may take to end once the server is asked to.
const DRAIN: Duration = Duration::from_secs(10);
/// File descriptors to ask for: the usual 1,024 are fewer than the connections that are taken.
const DESCRIPTORS: u64 = 65_536;

/// Serves until told to stop.
pub(crate) async fn run(options: Options, mut config: Config) -> Result<()> {
    config.listen = options.listen.unwrap_or(config.listen);
    config.management = options.management.unwrap_or(config.management);
    if options.demo {
        demo::prepare(&mut config);
    }
    let breached = config.breached()?;
    if !options.demo {
        bootstrap::check_before_making(&config, &breached)?;
    }
    log::start(&config);
    let metrics = record_metrics()?;
    raise_descriptors();
    let public = Listener::bind(config.listen, "--listen or the setting server.listen").await?;
    let management =
        Listener::bind(config.management, "--management or the setting server.management").await?;
    let database = open(&config).await?;
    if options.demo {
        demo::fill(&database, &config).await?;
    }
    let url =
        if options.demo { demo::url(&config, public.address()) } else { config.url_for(public.address()) };
    let carrier = match config.carrier()? {
        Carrier::Nobody if options.demo => Carrier::Mailbox(Mailbox::default()),
        configured => configured,
    };
    let app = new_app(database, &config, url.clone(), carrier, breached).await?;
    if let Err(error) = app.try_audit_directory() {
        tracing::error!(detail = error.detail(), "{}", error.message());
    }
    for vanished in app.vanished_logs().await? {
        tracing::error!(org = %vanished.org, entries = vanished.entries, "audit log: {}", vanished.message());
    }
    // Before anything gets its place in the tree.
    let late = app.seal_late_entries().await?;
    if late > 0 {
        tracing::info!(late, "audit entries from before entries were sealed were sealed");
    }
    // Read before somebody who signs in would wait for it.
    let places = app.places();
    tokio::task::spawn_blocking(move || places.look());
    let start = bootstrap::first_start(&app, &config.bootstrap).await?;
    let mut web = web::Options::new(url.clone());
    web.trusted_proxies.clone_from(&config.trusted_proxies);
    web.sign_ins_per_minute = config.sign_ins_per_minute;
    web.clients.clone_from(&config.clients);
    web.demo = options.demo.then(demo::sign_ins);

    let end = TheEnd::listen()?;
    let addresses = (public.address(), management.address());
    let running = Running::start(&app, &config, (public, management), web, metrics)?;
    announce(&config, addresses, &welcome(&url, &start, options.demo));
    tell_systemd(&[NotifyState::Ready]);
    end.wait().await;
    tell_systemd(&[NotifyState::Stopping]);
    running.stop().await;
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the database and brings it up to date, whichever engine it is: nodes that start together take turns.
async fn open(config: &Config) -> Result<Database> {
    let database = Database::open(&config.store()).await.map_err(|error| match error.code() {
        "database.in_use" => {
            let message = format!("{} Is Muster running already?", error.message());
            Error::new(Kind::Unavailable, "database.in_use", message)
        }
        _ => error,
    })?;
    let applied = database.migrate().await?;
    if applied > 0 {
        tracing::info!(applied, "the database was brought up to date");
    }
    Ok(database)
}

fn record_metrics() -> Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().map_err(Error::internal)
}

fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(DESCRIPTORS, |most| most.min(DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit })
    {
        tracing::debug!(%error, "no more file descriptors than before");
    }
}

/// What people should read at the start; nothing where everything is as usual.
fn welcome(url: &str, start: &Start, is_demo: bool) -> String {
    match start {
        Start::Usual if is_demo => demo::welcome(url),
        Start::Usual => format!("Muster {} is ready: {url}/", env!("CARGO_PKG_VERSION")),
        Start::Made { slug } => format!("The first organization was made from the settings: {url}/o/{slug}/"),
        Start::SetUpPage { secret } => format!(
            "Muster is new here. Set it up (this address works once, for a day):\n\n  {url}/setup/{secret}"
        ),
    }
}

/// Says where Muster listens: plain lines for people and scripts, or as lines of the JSON log.
fn announce(config: &Config, (public, management): (SocketAddr, SocketAddr), welcome: &str) {
    match log::format(config) {
        LogFormat::Text => {
            // Serving goes on even if nobody reads what is printed.
            output::line(format!(
                "listening on http://{public}\nmanagement on http://{management}\n\n{welcome}\n"
            ))
            .ok();
        }
        LogFormat::Json => {
            tracing::info!(address = %public, "listening on http://{public}");
            tracing::info!(address = %management, "management on http://{management}");
            tracing::info!("{}", welcome.replace("\n\n  ", " "));
        }
    }
}

fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

/// The signals that ask for the end.
struct TheEnd {
    terminate: Signal,
    interrupt: Signal,
}

impl TheEnd {
    /// From here on they don't kill.
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|error| failed("Signals can't be waited for", error));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(mut self) {
        let which = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = which, "stopping");
    }
}

/// Everything that runs beside each other while the server serves.
struct Running {
    /// Nothing new, please.
    stop: CancellationToken,
    /// The management listener stays until the end, so that it can be seen that this node drains.
    end: CancellationToken,
    draining: Arc<AtomicBool>,
    serving: TaskTracker,
    watched: TaskTracker,
}

impl Running {
    fn start(
        app: &App,
        config: &Config,
        (public, management): (Listener, Listener),
        web: web::Options,
        metrics: PrometheusHandle,
    ) -> Result<Self> {
        let running = Self {
            stop: CancellationToken::new(),
            end: CancellationToken::new(),
            draining: Arc::default(),
            serving: TaskTracker::new(),
            watched: TaskTracker::new(),
        };
        if let Some(path) = config.socket() {
            let socket = socket::Server::bind(Path::new(&path))?;
            running.serving.spawn(socket.serve(app.clone(), running.stop.clone()));
        }
        let worker = app.clone();
        let stop = running.stop.clone();
        running.serving.spawn(async move { worker.work(stop).await });
        let (sequencer, stop) = (app.clone(), running.stop.clone());
        running.serving.spawn(async move { sequencer.keep_sequencing(stop).await });
        let (signer, keeping, stop) = (app.clone(), config.keeping(), running.stop.clone());
        running.serving.spawn(async move { signer.keep_checkpoints(keeping, stop).await });
        let (postman, stop) = (app.clone(), running.stop.clone());
        running.serving.spawn(async move { postman.work_mail(stop).await });
        let (clients, proxies) = (web.clients.clone(), web.trusted_proxies.clone());
        let router = web::router(web, app.clone());
        running.serving.spawn(public.serve(router, clients, proxies, running.stop.clone()));
        let router = web::management(app.clone(), move || metrics.render());
        let router = unready_while(running.draining.clone(), router);
        running.watched.spawn(management.serve(
            router,
            ClientLimits::default(),
            Vec::new(),
            running.end.clone(),
        ));
        Ok(running)
    }

    /// Lets what was begun end, for a while.
    async fn stop(self) {
        self.draining.store(true, Ordering::Relaxed);
        self.stop.cancel();
        self.serving.close();
        if tokio::time::timeout(DRAIN, self.serving.wait()).await.is_err() {
            tracing::warn!(seconds = DRAIN.as_secs(), "something did not end in time and is cut off");
        }
        self.end.cancel();
        self.watched.close();
        // Whoever is just asking for metrics gets them; nobody is waited for long.
        tokio::time::timeout(Duration::from_secs(1), self.watched.wait()).await.ok();
    }
}

/// `/readyz` says no once the server drains: a load balancer then sends new requests elsewhere.
fn unready_while(draining: Arc<AtomicBool>, router: Router) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let draining = draining.load(Ordering::Relaxed) && request.uri().path() == "/readyz";
        async move { if draining { refuse() } else { next.run(request).await } }
    }))
}

fn refuse() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n").into_response()
}
