//! Many callers at once for a few seconds: 32 connections that each send the next request when the last is answered.
//!
//! They run on one thread with a runtime of its own, so that the measuring costs the server as little as it can and
//! costs it the same in every row.

use super::{
    client::Client,
    figure::{Figure, now},
    process,
};
use model::{Error, Result};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Makes the bytes of the next request for a connection (from 0) and its running number (from 0).
pub(crate) type NextRequest = Arc<dyn Fn(usize, u64, &mut Vec<u8>) + Send + Sync>;

/// Who is called, by how many, for how long.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// The server's process, whose CPU time is counted.
    pub(crate) process: u32,
    pub(crate) connections: usize,
    pub(crate) how_long: Duration,
}

impl Load {
    /// One caller instead of many: what is measured is how long an answer takes when nobody else asks.
    pub(crate) fn alone(self) -> Self {
        Self { connections: 1, ..self }
    }

    /// Sends requests until the time is over.
    pub(crate) async fn run(&self, next: NextRequest) -> Result<Figure> {
        let load = self.clone();
        let thread = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(Error::internal)?.block_on(load.call(next))
        });
        thread.await.map_err(Error::internal)?
    }

    async fn call(self, next: NextRequest) -> Result<Figure> {
        let mut clients = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            clients.push(Client::connect(self.address).await?);
        }
        let cpu_before = process::cpu_time(self.process);
        let start = now();
        let mut callers = tokio::task::JoinSet::new();
        for (connection, client) in clients.into_iter().enumerate() {
            let (next, until) = (Arc::clone(&next), start + self.how_long);
            callers.spawn(one_caller(client, connection, next, until));
        }
        let mut total = Figure::default();
        while let Some(figure) = callers.join_next().await {
            total.merge(&figure.map_err(Error::internal)?);
        }
        total.elapsed = start.elapsed();
        if let (Some(before), Some(after)) = (cpu_before, process::cpu_time(self.process)) {
            total.server_cpu = Some(after.saturating_sub(before));
        }
        Ok(total)
    }
}

/// A connection that breaks is counted as status 0 and ends the caller: the table shows it, the others go on.
async fn one_caller(
    mut client: Client,
    connection: usize,
    next: NextRequest,
    until: std::time::Instant,
) -> Figure {
    let mut figure = Figure::default();
    let mut request = Vec::with_capacity(1024);
    let mut number = 0;
    let mut sent = now();
    while sent < until {
        request.clear();
        next(connection, number, &mut request);
        number += 1;
        let answer = client.send(&request).await;
        let finished = now();
        *figure.statuses.entry(*answer.as_ref().unwrap_or(&0)).or_default() += 1;
        if answer.is_err() {
            break;
        }
        figure.operations += 1;
        figure.latency.record(finished - sent);
        sent = finished;
    }
    figure
}

/// The same request again and again.
pub(crate) fn always(request: Vec<u8>) -> NextRequest {
    Arc::new(move |_, _, bytes| bytes.extend_from_slice(&request))
}
