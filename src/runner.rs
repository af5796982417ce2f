//! Who does a command: the running server through its socket, or this process itself.

use std::{path::Path, sync::Arc, time::Duration};

use app::{
    App,
    breached::BreachedPasswords,
    mail::Carrier,
    system::{SystemClock, SystemEntropy},
};
use model::{Error, Kind, Result};
use store::Database;

use crate::{
    command::{Command, Outcome},
    config::Config,
    execute::execute,
    socket::Client,
    times,
};

/// See the module.
pub(crate) enum Runner {
    /// A server holds the embedded database.
    Server(Client),
    /// Nobody does, or it is PostgreSQL.
    Here(App),
}

/// How long a server that is just starting may take to open its socket.
const PATIENCE: Duration = Duration::from_secs(3);

impl Runner {
    /// Finds the server, else opens the database, which must be there.
    pub(crate) async fn open(config: &Config) -> Result<Self> {
        if find_server(config).await?.is_none()
            && let Some(file) = config.database_file().filter(|file| is_fresh(file))
        {
            return Err(nowhere(&file));
        }
        Self::open_or_make(config).await
    }

    /// The same; makes an embedded database where there is none.
    pub(crate) async fn open_or_make(config: &Config) -> Result<Self> {
        if let Some(client) = find_server(config).await? {
            return Ok(Self::Server(client));
        }
        match open_here(config).await {
            Err(error) if error.code() == "database.in_use" => wait_for_server(config, error).await,
            opened => opened.map(Self::Here),
        }
    }

    /// Does it.
    pub(crate) async fn run(&mut self, command: Command) -> Result<Outcome> {
        let (outcome, zone) = match self {
            Self::Server(client) => client.ask(&command).await?,
            Self::Here(app) => execute(app, command).await?,
        };
        times::belong_to(zone);
        Ok(outcome)
    }

    /// Whether a server does the work.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// Sends the mail that waits, where no server does that and a mail server is configured.
    pub(crate) async fn send_mail(&self) -> Result<()> {
        if let Self::Here(app) = self
            && app.carrier().is_there()
        {
            app.send_due().await?;
        }
        Ok(())
    }

    /// Lets what was begun end.
    pub(crate) async fn close(self) {
        if let Self::Here(app) = self {
            app.close().await;
        }
    }
}

/// There is neither a server nor a database: most likely the folder is not the one that was meant.
fn nowhere(file: &Path) -> Error {
    let place = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let message = format!(
        "There is neither a running Muster nor a database at {}. Call this in the folder of your installation, or name its \
         settings with --config or MUSTER_DATABASE__URL. To begin anew, run `muster serve`, or `muster org create`.",
        place.display()
    );
    Error::new(Kind::NotFound, "database.none", message)
}

async fn find_server(config: &Config) -> Result<Option<Client>> {
    match config.socket() {
        Some(path) => Client::connect(&path).await,
        None => Ok(None),
    }
}

async fn wait_for_server(config: &Config, in_use: Error) -> Result<Runner> {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        if let Some(client) = find_server(config).await? {
            return Ok(Runner::Server(client));
        }
        waited += Duration::from_millis(100);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let message = format!("{} It does not answer on its socket: try again, or stop it.", in_use.message());
    Err(Error::new(Kind::Unavailable, "database.in_use", message))
}

/// Opens the database in this process. A new embedded file gets its tables; any other is not migrated in passing.
async fn open_here(config: &Config) -> Result<App> {
    let fresh = config.database_file().is_some_and(|path| is_fresh(&path));
    let database = Database::open(&config.store()).await?;
    if fresh {
        database.migrate().await?;
    } else if database.pending_migrations().await? > 0 {
        database.close().await;
        let message = "The database is of an earlier Muster. Make a copy of it, then run `muster migrate`.";
        return Err(Error::new(Kind::Unavailable, "database.not_migrated", message));
    }
    let (url, breached) = (config.url_for(config.listen), config.breached()?);
    new_app(database, config, url, config.carrier()?, breached).await
}

/// Whether there is no database in it yet.
pub(crate) fn is_fresh(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |file| file.len() == 0)
}

/// The program over an open database, with the machine's clock and randomness, reached at `public_url`.
pub(crate) async fn new_app(
    database: Database,
    config: &Config,
    public_url: String,
    carrier: Carrier,
    breached: BreachedPasswords,
) -> Result<App> {
    let breached = breached.into();
    let options =
        app::Options { carrier, breached, ..app::Options::new(config.hashing, config.keys()?, public_url) };
    let app = App::new(database, Arc::new(SystemClock), Arc::new(SystemEntropy), options);
    app.check_key().await?;
    app.fill_email_directory().await?;
    app.look_places_up_in(config.geo_directory());
    app.keep_audit_heads_in(config.checkpoint_directory());
    Ok(app)
}
