//! Row 5: search for a part of a word that one user has, and for one that nearly all have.

use super::{Action, Row};
use crate::bench::figure::{Figure, Unit};

pub(super) const ROWS: &[Row] = &[
    Row::new(5, "search, rare term", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms", Some(RARE)),
    Row::new(5, "search, common term", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms", Some(COMMON)),
];

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
