//! Row 4: a page of the user list, the first one and one at depth 90 %.

use super::{Action, Row};
use crate::bench::figure::{Figure, Unit};

pub(super) const ROWS: &[Row] = &[
    Row::new(4, "list, first page of 50", Unit::Microseconds, "p50 ≤ 400 µs, p99 ≤ 2 ms", Some(FIRST)),
    Row::new(4, "list, page at depth 90 %", Unit::Microseconds, "≤ 1.5 × the first", Some(DEEP)),
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
