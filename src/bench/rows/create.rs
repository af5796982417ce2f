//! Row 1: create a user, one call each, many callers at once.

use super::{Action, Row};
use crate::bench::figure::{Figure, Unit};

pub(super) const ROWS: &[Row] =
    &[Row::new(1, "create a user (P: groups of 100)", Unit::PerSecond, "≥ 0.6 × P", Some(GROUPS))];

const GROUPS: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| Figure::measured(|record| probe.inserts(100, how_long, record))))
};
