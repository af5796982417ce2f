//! Row 1: create a user, one call each, many callers at once.

use std::sync::Arc;

use super::{Action, Row};
use crate::bench::{
    context::Bench,
    figure::{Figure, Unit},
    muster::Muster,
};
use model::Result;

pub(super) const ROWS: &[Row] = &[
    Row::new(1, "create a user (P: groups of 100)", Unit::PerSecond, "≥ 0.6 × P").limit(GROUPS).ours(CREATE),
    Row::new(1, "the same on PostgreSQL (P: the same)", Unit::PerSecond, "≥ 0.38 × P")
        .limit(GROUPS)
        .ours(CREATE_ON_POSTGRES)
        .postgres(),
];

const GROUPS: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| Figure::measured(|record| probe.inserts(100, how_long, record))))
};
const CREATE: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        create(bench, &muster).await
    })
};
const CREATE_ON_POSTGRES: Action = |bench| {
    Box::pin(async {
        let muster = bench.postgres().await?;
        create(bench, &muster).await
    })
};

async fn create(bench: &Bench, muster: &Muster) -> Result<Figure> {
    let next = muster.creations();
    let load = bench.load(&muster.server);
    load.run(Arc::new(move |_, _, bytes: &mut Vec<u8>| bytes.extend_from_slice(&next()))).await
}
