//! Row 5: search for a part of a word that one user has, for one that nearly all have, and for one that some have.

use super::{Action, Row};
use crate::bench::{
    context::Bench,
    figure::{Figure, Unit},
    load::always,
};
use model::Result;

pub(super) const ROWS: &[Row] = &[
    Row::new(5, "search, rare term", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms").limit(RARE).ours(OUR_RARE),
    Row::new(5, "search, common term", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms")
        .limit(COMMON)
        .ours(OUR_COMMON),
    Row::new(5, "search, term of a few per cent", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms")
        .limit(SOME)
        .ours(OUR_SOME),
    Row::new(5, "search, many who sort last", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms")
        .limit(LAST)
        .ours(OUR_LAST),
];

/// Three syllables of invented names: about one name in thirty holds them.
const A_FEW: &str = "berso";
/// Those who have it begin with it, nearly at the end of the alphabet.
const AT_THE_END: &str = "zozo";

const RARE: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| {
        let (rare, _) = probe.terms();
        Figure::measured(|record| probe.searches(&rare, how_long, record))
    }))
};
const COMMON: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| {
        let (_, common) = probe.terms();
        Figure::measured(|record| probe.searches(common, how_long, record))
    }))
};
const SOME: Action = |bench| {
    Box::pin(
        bench.sqlite(|probe, how_long| Figure::measured(|record| probe.searches(A_FEW, how_long, record))),
    )
};
const LAST: Action =
    |bench| {
        Box::pin(bench.sqlite(|probe, how_long| {
            Figure::measured(|record| probe.searches(AT_THE_END, how_long, record))
        }))
    };
const OUR_RARE: Action = |bench| {
    Box::pin(async {
        let somebody = store::probe::SamplePerson::new(bench.options.users / 2);
        search(bench, &somebody.family_name).await
    })
};
const OUR_COMMON: Action = |bench| Box::pin(search(bench, "probe.example"));
const OUR_SOME: Action = |bench| Box::pin(search(bench, A_FEW));
const OUR_LAST: Action = |bench| Box::pin(search(bench, AT_THE_END));

async fn search(bench: &mut Bench, term: &str) -> Result<Figure> {
    let muster = bench.muster().await?;
    let page = muster.get(&format!("/api/v1/users?limit=50&search={term}"));
    bench.load(&muster.server).alone().run(always(page)).await
}
