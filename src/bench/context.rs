//! What the rows share: the scratch directory, the probe's database, the servers; each made when first needed.

use super::{
    Options,
    client::request,
    figure::Figure,
    load::{Load, always},
    muster::{Login, Muster},
    probes,
    process::Server,
    rows::access::Structure,
};
use model::{Error, Result};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::probe::SqliteProbe;

/// See the module.
pub(crate) struct Bench {
    pub(crate) options: Options,
    sqlite: Option<SqliteProbe>,
    hello: Option<Server>,
    muster: Option<Arc<Muster>>,
    logins: Option<Arc<[Login]>>,
    structure: Option<Structure>,
    postgres: Option<Arc<Muster>>,
    scratch: Scratch,
}

/// People who sign in: more than callers, so that none signs in twice at once.
const LOGINS: u64 = 64;

impl Bench {
    /// Makes the scratch directory.
    pub(crate) fn new(options: Options) -> Result<Self> {
        let path = options.directory.join(format!("muster-bench-{}", std::process::id()));
        let scratch = Scratch::new(path)?;
        Ok(Self {
            options,
            sqlite: None,
            hello: None,
            muster: None,
            logins: None,
            structure: None,
            postgres: None,
            scratch,
        })
    }

    /// How long one measurement runs.
    pub(crate) fn how_long(&self) -> Duration {
        self.options.seconds
    }

    /// Works on the probe's database, on a thread that may block.
    pub(crate) async fn sqlite<F>(&mut self, work: F) -> Result<Figure>
    where
        F: FnOnce(&mut SqliteProbe, Duration) -> Result<Figure> + Send + 'static,
    {
        let (held, how_long) = (self.sqlite.take(), self.how_long());
        let (directory, users) = (self.scratch.0.clone(), self.options.users);
        let (probe, figure) = blocking(move || {
            let mut probe = match held {
                Some(probe) => probe,
                None => SqliteProbe::create(&directory, users)?,
            };
            let figure = work(&mut probe, how_long)?;
            Ok((probe, figure))
        })
        .await?;
        self.sqlite = Some(probe);
        Ok(figure)
    }

    /// How fast the disk acknowledges.
    pub(crate) async fn fsync(&mut self) -> Result<Figure> {
        let (directory, how_long) = (self.scratch.0.clone(), self.how_long());
        blocking(move || probes::fsync(&directory, how_long)).await
    }

    /// How fast all cores hash.
    pub(crate) async fn hashes(&mut self) -> Result<Figure> {
        let how_long = self.how_long();
        blocking(move || probes::hashes(how_long)).await
    }

    /// How fast the web server answers when there is nothing to do.
    pub(crate) async fn hello(&mut self) -> Result<Figure> {
        if self.hello.is_none() {
            self.hello = Some(Server::start(&["bench", "--probe-hello"], &Vec::new()).await?);
        }
        let server = self.hello.as_ref().ok_or_else(|| Error::internal("the hello server is gone"))?;
        let authorization = format!("authorization: Bearer {}\r\n", "h".repeat(43));
        let request = request("GET", probes::HELLO_PATH, &authorization, "");
        self.load(server).run(always(request)).await
    }

    /// Muster over the embedded database, filled.
    pub(crate) async fn muster(&mut self) -> Result<Arc<Muster>> {
        if let Some(muster) = &self.muster {
            return Ok(muster.clone());
        }
        let muster = self.empty_muster(&self.scratch.0).await?;
        muster.fill(self.options.users).await?;
        Ok(self.muster.insert(Arc::new(muster)).clone())
    }

    /// Gives up the server, for a row that ends it.
    pub(crate) async fn take_muster(&mut self) -> Result<Muster> {
        self.muster().await?;
        let alone = self.muster.take().and_then(Arc::into_inner);
        alone.ok_or_else(|| Error::internal("somebody still uses the server"))
    }

    /// Takes it back.
    pub(crate) fn keep_muster(&mut self, muster: Muster) {
        self.muster = Some(Arc::new(muster));
    }

    /// People who can sign in there.
    pub(crate) async fn logins(&mut self) -> Result<Arc<[Login]>> {
        if let Some(logins) = &self.logins {
            return Ok(logins.clone());
        }
        let logins = self.muster().await?.logins(LOGINS).await?;
        Ok(self.logins.insert(logins.into()).clone())
    }

    /// Groups there, and people in them.
    pub(crate) async fn structure(&mut self) -> Result<Structure> {
        if self.structure.is_none() {
            self.structure = Some(Structure::make(self).await?);
        }
        self.structure.clone().ok_or_else(|| Error::internal("there are no groups"))
    }

    /// A Muster in which nothing has happened yet, with a directory of its own that goes with it.
    pub(crate) async fn fresh_muster(&self) -> Result<(Muster, Scratch)> {
        let scratch = Scratch::new(self.scratch.0.join("fresh"))?;
        Ok((self.empty_muster(&scratch.0).await?, scratch))
    }

    async fn empty_muster(&self, directory: &Path) -> Result<Muster> {
        let database = format!("sqlite:{}", directory.join("muster.db").display());
        Muster::start(directory, &database).await
    }

    /// Muster over the PostgreSQL database that was given, filled.
    pub(crate) async fn postgres(&mut self) -> Result<Arc<Muster>> {
        if let Some(muster) = &self.postgres {
            return Ok(muster.clone());
        }
        let url = self.options.postgres.as_deref().unwrap_or_default();
        let muster = Muster::start(&self.scratch.0, url).await?;
        muster.fill(self.options.users).await?;
        Ok(self.postgres.insert(Arc::new(muster)).clone())
    }

    /// Callers of that server.
    pub(crate) fn load(&self, server: &Server) -> Load {
        Load {
            address: server.address,
            process: server.id(),
            connections: usize::from(self.options.connections),
            how_long: self.how_long(),
        }
    }
}

/// Runs what blocks beside the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// A directory that goes with its owner.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&path).map_err(|error| {
            Error::unavailable("bench.directory", format_args!("{}: {error}", path.display()))
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed stays where the operator sees it.
        std::fs::remove_dir_all(&self.0).ok();
    }
}
