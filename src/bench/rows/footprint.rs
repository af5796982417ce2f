//! Rows 13 to 15: memory, time to the first answer, size of the program.

use std::time::Duration;

use super::{Action, Row};
use crate::bench::{
    client::{Client, request},
    figure::{Figure, Unit, now, to_float},
    muster::Muster,
    probes::HELLO_PATH,
    process::{Server, memory},
};
use model::{Error, Result};
use serde_json::{Value, json};

pub(super) const ROWS: &[Row] = &[
    Row::new(13, "memory, idle (P: bare web server)", Unit::Megabytes, "≤ 25 MB").limit(MEMORY).ours(IDLE),
    Row::new(13, "memory, idle, first start", Unit::Megabytes, "≤ 25 MB").ours(FIRST_START).once(),
    Row::new(13, "memory, all users, as many tokens in use", Unit::Megabytes, "≤ 70 MB").ours(TOKENS).once(),
    Row::new(13, "memory that 10,000 sign-ins add", Unit::Megabytes, "≤ 5 MB").ours(SIGN_INS).once(),
    Row::new(14, "start to first answer (P: bare web server)", Unit::Milliseconds, "≤ 50 ms")
        .limit(START)
        .ours(RESTART),
    Row::new(15, "size of the program", Unit::Megabytes, "≤ 25 MB").ours(PROGRAM).once(),
];

/// After work: what was only needed for it has been given back by then.
const REST: Duration = Duration::from_secs(2);

const MEMORY: Action = |_| Box::pin(async { megabytes(&first_answer().await?.0) });
/// Started anew, and asked once.
const IDLE: Action = |bench| {
    Box::pin(async {
        let (muster, _scratch) = bench.fresh_muster().await?;
        let (muster, _) = muster.restarted().await?;
        rested(&muster).await
    })
};
/// With what making the schema and the organization leaves: mostly the words that passwords are compared with.
const FIRST_START: Action = |bench| {
    Box::pin(async {
        let (muster, _scratch) = bench.fresh_muster().await?;
        Client::connect(muster.server.address).await?.json(&muster.whoami()).await?;
        rested(&muster).await
    })
};
const TOKENS: Action = |bench| {
    Box::pin(async {
        // Started anew: the pages and statements of the rows before don't count.
        let (muster, _) = bench.take_muster().await?.restarted().await?;
        let count = bench.options.users;
        let body = json!({ "name": "bench", "scopes": ["*"] });
        let secret = |client: &Client| {
            let body: Value = serde_json::from_slice(client.body()).map_err(Error::internal)?;
            Ok(format!("authorization: Bearer {}\r\n", body["token"].as_str().unwrap_or_default()))
        };
        let tokens = muster.each(count, 201, |_| muster.post("/api/v1/tokens", &body), secret).await?;
        let check = |number| Muster::whoami_with(&tokens[usize::try_from(number).unwrap_or(0)]);
        muster.each(count, 200, check, |_| Ok(())).await?;
        let figure = rested(&muster).await;
        bench.keep_muster(muster);
        figure
    })
};
const SIGN_INS: Action = |bench| {
    Box::pin(async {
        let logins = bench.logins().await?;
        let muster = bench.muster().await?;
        let sign_in = |number: u64| logins[usize::try_from(number).unwrap_or(0) % logins.len()].sign_in();
        muster.each(64, 303, sign_in, |_| Ok(())).await?;
        let before = rested(&muster).await?;
        muster.each(10_000, 303, sign_in, |_| Ok(())).await?;
        let after = rested(&muster).await?;
        let (before, after) = (before.in_unit(Unit::Megabytes), after.in_unit(Unit::Megabytes));
        let note = Some(format!("from {before:.1} MB to {after:.1} MB"));
        Ok(Figure { note, ..Figure::of(after - before) })
    })
};
const START: Action = |_| Box::pin(async { Ok(first_answer().await?.1) });
const RESTART: Action = |bench| {
    Box::pin(async {
        let (muster, figure) = bench.take_muster().await?.restarted().await?;
        bench.keep_muster(muster);
        Ok(figure)
    })
};
const PROGRAM: Action = |_| {
    Box::pin(async {
        let program = std::env::current_exe().and_then(std::fs::metadata).map_err(Error::internal)?;
        Ok(Figure::of(to_float(program.len()) / 1e6))
    })
};

async fn rested(muster: &Muster) -> Result<Figure> {
    tokio::time::sleep(REST).await;
    megabytes(&muster.server)
}

fn megabytes(server: &Server) -> Result<Figure> {
    let bytes = memory(server.id()).ok_or_else(|| Error::internal("no /proc to read memory from"))?;
    Ok(Figure::of(to_float(bytes) / 1e6))
}

/// Starts a bare web server and asks it once; how long that took.
async fn first_answer() -> Result<(Server, Figure)> {
    let start = now();
    let server = Server::start(&["bench", "--probe-hello"], &Vec::new()).await?;
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
