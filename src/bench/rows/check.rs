//! Rows 7 and 8: who am I, many callers at once; bound by the web server, or by people who sign in meanwhile.

use super::{Action, Row, sign_in};
use crate::bench::{
    figure::{Figure, Unit},
    load::always,
};

pub(super) const ROWS: &[Row] = &[
    Row::new(7, "check a token while people sign in (P: quiet)", Unit::PerSecond, "≥ 0.35 × P, p99 ≤ 25 ms")
        .limit(CHECK)
        .ours(CHECK_WHILE_BUSY),
    Row::new(8, "check a token (P: bare web server)", Unit::PerSecond, "≥ 0.9 × P").limit(HELLO).ours(CHECK),
];

const HELLO: Action = |bench| Box::pin(bench.hello());
const CHECK: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        bench.load(&muster.server).run(always(muster.whoami())).await
    })
};
const CHECK_WHILE_BUSY: Action = |bench| {
    Box::pin(async {
        let (muster, logins) = (bench.muster().await?, bench.logins().await?);
        let load = bench.load(&muster.server);
        let (checks, sign_ins) =
            tokio::join!(load.run(always(muster.whoami())), load.run(sign_in::in_turns(logins)));
        let note = format!(
            "meanwhile {:.0} sign-ins per second: {:?}",
            sign_ins.as_ref().map_or(0.0, Figure::rate),
            sign_ins?.statuses
        );
        checks.map(|checks| Figure { note: Some(note), ..checks })
    })
};
