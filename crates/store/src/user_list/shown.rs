//! Who is shown: statuses as states, and how many people are in them.

use model::{OrgContext, Result, Status, filter::UserQuery, lifecycle::StateName};

use super::{FEW, statement::Lock};
use crate::{Connection, Sql, Value, users::to_json, values};

/// The state behind a status; `Locked` is an overlay of `Active`.
pub(super) fn state_of(status: Status) -> Option<StateName> {
    Some(match status {
        Status::Inactive => StateName::Staged,
        Status::Invited => StateName::Invited,
        Status::Pending => StateName::Pending,
        Status::Active => StateName::Active,
        Status::Locked => return None,
        Status::Suspended => StateName::Suspended,
        Status::Deprovisioned => StateName::Deprovisioned,
        Status::Deleted => StateName::Trashed,
    })
}

/// Which states a page shows, and what of the active ones.
pub(super) struct Shown {
    pub(super) states: Vec<StateName>,
    pub(super) lock: Lock,
}

impl Shown {
    pub(super) fn of(query: &UserQuery) -> Self {
        let statuses = query.shown();
        let has = |status| statuses.contains(&status);
        let lock = match (has(Status::Active), has(Status::Locked)) {
            (false, true) => Lock::OnlyLocked,
            (true, false) => Lock::OnlyUnlocked,
            _ => Lock::Any,
        };
        let mut states: Vec<StateName> = statuses.into_iter().filter_map(state_of).collect();
        if lock == Lock::OnlyLocked {
            states.push(StateName::Active);
        }
        states.sort_unstable();
        states.dedup();
        Self { states, lock }
    }

    /// The states as they are bound.
    pub(super) fn list(&self) -> Result<String> {
        to_json(&self.states.iter().map(|state| state.as_str()).collect::<Vec<_>>())
    }

    /// Whether so few people are shown that a search looks at each of them.
    pub(super) async fn are_few(&self, connection: &mut Connection<'_>, context: OrgContext) -> Result<bool> {
        // One more than `FEW` stands in the texts, so that PostgreSQL need not plan them for a number.
        const IN_STATES: Sql = Sql::by_engine(
            "SELECT count(*) FROM (SELECT 1 FROM json_each($2) s CROSS JOIN users u \
             WHERE u.org_id = $1 AND u.state = s.value LIMIT 1501) found",
            "SELECT count(*) FROM (SELECT 1 FROM jsonb_array_elements_text($2::jsonb) s (value) CROSS JOIN LATERAL \
             (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.state = s.value LIMIT 1501) of_state LIMIT 1501) found",
        );
        let locked = "SELECT count(*) FROM (SELECT 1 FROM users WHERE org_id = $1 \
                      AND (lock_until IS NOT NULL OR password_locked_until IS NOT NULL) LIMIT 1501) found";
        let (found,): (i64,) = if self.are_locked() {
            connection.one(locked, values![context.org]).await?
        } else {
            let states = self.list()?;
            connection.one(IN_STATES, values![context.org, Value::Json(&states)]).await?
        };
        Ok(found <= FEW.into())
    }

    /// Whether nobody is shown but who is locked.
    fn are_locked(&self) -> bool {
        self.lock == Lock::OnlyLocked && self.states.len() == 1
    }
}
