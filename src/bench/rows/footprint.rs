//! Rows 13 to 15: memory, time to the first answer, size of the program.

use super::{Action, Row};
use crate::bench::{
    client::{Client, request},
    figure::{Figure, Unit, now, to_float},
    probes::HELLO_PATH,
    process::{Server, memory},
};
use model::{Error, Result};

pub(super) const ROWS: &[Row] = &[
    Row::new(13, "memory, idle (P: bare web server)", Unit::Megabytes, "≤ 25 MB", Some(MEMORY)),
    Row::new(14, "start to first answer (P: the same)", Unit::Milliseconds, "≤ 50 ms", Some(START)),
    Row {
        ours: Some(PROGRAM),
        once: true,
        ..Row::new(15, "size of the program", Unit::Megabytes, "≤ 25 MB", None)
    },
];

const MEMORY: Action = |_| {
    Box::pin(async {
        let (server, _) = first_answer().await?;
        let bytes = memory(server.id()).ok_or_else(|| Error::internal("no /proc to read memory from"))?;
        Ok(Figure::of(to_float(bytes) / 1e6))
    })
};
const START: Action = |_| Box::pin(async { Ok(first_answer().await?.1) });
const PROGRAM: Action = |_| {
    Box::pin(async {
        let program = std::env::current_exe().and_then(std::fs::metadata).map_err(Error::internal)?;
        Ok(Figure::of(to_float(program.len()) / 1e6))
    })
};

/// Starts a bare web server and asks it once; how long that took.
async fn first_answer() -> Result<(Server, Figure)> {
    let start = now();
    let server = Server::start(&["bench", "--probe-hello"]).await?;
    let mut client = Client::connect(server.address).await?;
    let status = client.send(&request("GET", HELLO_PATH, "", "")).await?;
    if client.body().is_empty() {
        return Err(Error::internal(format_args!("an empty answer with status {status}")));
    }
    let figure = Figure {
        operations: 1,
        elapsed: start.elapsed(),
        statuses: [(status, 1)].into(),
        ..Figure::default()
    };
    Ok((server, figure))
}
