//! Row 4: a page of the user list, the first one and one at depth 90 %; one caller.

use super::{Action, Row};
use crate::bench::{
    client::Client,
    figure::{Figure, Unit},
    load::always,
    muster::Muster,
};
use model::Result;

pub(super) const ROWS: &[Row] = &[
    Row::new(4, "list, first page of 50", Unit::Microseconds, "p50 ≤ 400 µs, p99 ≤ 2 ms")
        .limit(FIRST)
        .ours(OUR_FIRST),
    Row::new(4, "list, page at depth 90 %", Unit::Microseconds, "≤ 1.5 × the first")
        .limit(DEEP)
        .ours(OUR_DEEP),
];

const FIRST: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| Figure::measured(|record| probe.pages(0, how_long, record))))
};
const DEEP: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| {
        let depth = probe.rows() / 10 * 9;
        Figure::measured(|record| probe.pages(depth, how_long, record))
    }))
};
const OUR_FIRST: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        let page = muster.get("/api/v1/users?limit=50");
        bench.load(&muster.server).alone().run(always(page)).await
    })
};
const OUR_DEEP: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        let after = page_token(&muster, bench.options.users / 10 * 9).await?;
        let page = muster.get(&format!("/api/v1/users?limit=50&page_token={after}"));
        bench.load(&muster.server).alone().run(always(page)).await
    })
};

/// Leads to the page behind so many users.
async fn page_token(muster: &Muster, depth: u64) -> Result<String> {
    let mut client = Client::connect(muster.server.address).await?;
    let mut token = String::new();
    for _ in 0..depth.div_ceil(200) {
        let path = format!("/api/v1/users?limit=200&page_token={token}");
        let page = client.json(&muster.get(&path)).await?;
        page["next_page_token"].as_str().unwrap_or_default().clone_into(&mut token);
    }
    Ok(token)
}
