//! What the rows share: the scratch directory, the probe's database, the bare web server; each made when first needed.

use super::{
    Options,
    client::request,
    figure::Figure,
    load::{Load, always},
    probes,
    process::Server,
};
use model::{Error, Result};
use std::{path::PathBuf, time::Duration};
use store::probe::SqliteProbe;

/// See the module.
pub(crate) struct Bench {
    pub(crate) options: Options,
    sqlite: Option<SqliteProbe>,
    hello: Option<Server>,
    scratch: Scratch,
}

impl Bench {
    /// Makes the scratch directory.
    pub(crate) fn new(options: Options) -> Result<Self> {
        let path = options.directory.join(format!("muster-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| {
            Error::unavailable("bench.directory", format_args!("{}: {error}", path.display()))
        })?;
        Ok(Self { options, sqlite: None, hello: None, scratch: Scratch(path) })
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
            self.hello = Some(Server::start(&["bench", "--probe-hello"]).await?);
        }
        let server = self.hello.as_ref().ok_or_else(|| Error::internal("the hello server is gone"))?;
        let authorization = format!("authorization: Bearer {}\r\n", "h".repeat(43));
        let request = request("GET", probes::HELLO_PATH, &authorization, "");
        self.load(server).run(always(request)).await
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
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed stays where the operator sees it.
        std::fs::remove_dir_all(&self.0).ok();
    }
}
