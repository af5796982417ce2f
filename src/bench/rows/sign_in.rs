//! Row 6: sign in with a password, many callers at once; bound by the hash.

use std::sync::Arc;

use super::{Action, Row};
use crate::bench::{figure::Unit, load::NextRequest, muster::Login};

pub(super) const ROWS: &[Row] =
    &[Row::new(6, "password sign-in (P: hash on all cores)", Unit::PerSecond, "≥ 0.9 × P")
        .limit(HASHES)
        .ours(SIGN_IN)];

const HASHES: Action = |bench| Box::pin(bench.hashes());
const SIGN_IN: Action = |bench| {
    Box::pin(async {
        let (muster, logins) = (bench.muster().await?, bench.logins().await?);
        bench.load(&muster.server).run(in_turns(logins)).await
    })
};

/// Each caller signs others in than its neighbours do.
pub(super) fn in_turns(logins: Arc<[Login]>) -> NextRequest {
    Arc::new(move |connection, number, bytes| {
        let turn = usize::try_from(number).unwrap_or(0) % 2;
        let login = &logins[(connection * 2 + turn) % logins.len()];
        bytes.extend_from_slice(&login.sign_in());
    })
}
