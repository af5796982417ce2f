//! Row 6: sign in with a password, many callers at once; bound by the hash.

use super::{Action, Row};
use crate::bench::figure::Unit;

pub(super) const ROWS: &[Row] =
    &[Row::new(6, "password sign-in (P: hash on all cores)", Unit::PerSecond, "≥ 0.9 × P", Some(HASHES))];

const HASHES: Action = |bench| Box::pin(bench.hashes());
