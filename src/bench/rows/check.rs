//! Row 8: who am I, many callers at once; bound by the web server.

use super::{Action, Row};
use crate::bench::figure::Unit;

pub(super) const ROWS: &[Row] =
    &[Row::new(8, "check a token (P: bare web server)", Unit::PerSecond, "≥ 0.9 × P", Some(HELLO))];

const HELLO: Action = |bench| Box::pin(bench.hello());
