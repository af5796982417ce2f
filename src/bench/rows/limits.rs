//! Limits that no row is compared with, but that explain the others.

use super::{Action, Row};
use crate::bench::figure::{Figure, Unit};

pub(super) const ROWS: &[Row] = &[
    Row::new(0, "append 4 KiB and sync", Unit::PerSecond, "").limit(FSYNC),
    Row::new(0, "SQLite: insert, one by one", Unit::PerSecond, "").limit(INSERT_ALONE),
    Row::new(0, "SQLite: read a row by id", Unit::PerSecond, "").limit(POINT),
];

const FSYNC: Action = |bench| Box::pin(bench.fsync());
const INSERT_ALONE: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| Figure::measured(|record| probe.inserts(1, how_long, record))))
};
const POINT: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| Figure::measured(|record| probe.point_reads(how_long, record))))
};
