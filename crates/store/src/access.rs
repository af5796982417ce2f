//! What somebody may do right now, in one question: asked at the start of every operation and when a cache is filled.

use model::{Error, OrgContext, Permissions, Result, Role, Timestamp, UserId};

use crate::{Connection, Record, Row, values};

/// What somebody may do, and until when that is certain without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Whether the user may act at all: active, not locked, inside the validity dates.
    pub may_act: bool,
    /// What the roles allow.
    pub permissions: Permissions,
    /// The next moment at which a date (lock, validity, grant) changes the answer.
    pub certain_until: Timestamp,
}

struct Held {
    state: String,
    lock_until: Option<Timestamp>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    role: Option<String>,
    role_from: Option<Timestamp>,
    role_until: Option<Timestamp>,
}

impl Record for Held {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            state: columns.take()?,
            lock_until: columns.take()?,
            valid_from: columns.take()?,
            valid_until: columns.take()?,
            role: columns.take()?,
            role_from: columns.take()?,
            role_until: columns.take()?,
        })
    }
}

/// The rights of a user at `now`; `None` if there is no such user.
pub async fn rights(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Rights>> {
    let sql = "SELECT u.state, u.lock_until, u.fields ->> 'valid_from', u.fields ->> 'valid_until', \
               g.role, g.valid_from, g.valid_until FROM users u \
               LEFT JOIN role_grants g ON g.org_id = u.org_id AND g.user_id = u.id \
               WHERE u.org_id = $1 AND u.id = $2";
    let rows: Vec<Held> = connection.all(sql, values![context.org, user]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut dates = Dates { now, next: Timestamp::MAX };
    let date = |text: &Option<String>| text.as_deref().map(Timestamp::parse).transpose();
    let locked = dates.is_before(first.lock_until);
    let inside = dates.is_inside(date(&first.valid_from)?, date(&first.valid_until)?);
    let mut roles = Vec::new();
    for row in &rows {
        if let Some(name) = &row.role
            && dates.is_inside(row.role_from, row.role_until)
        {
            roles.push(Role::parse(name).ok_or_else(|| Error::internal("an unknown role"))?);
        }
    }
    Ok(Some(Rights {
        may_act: first.state == "active" && !locked && inside,
        permissions: Permissions::of_roles(&roles),
        certain_until: dates.next,
    }))
}

/// Compares dates with now, and remembers the next one to come.
struct Dates {
    now: Timestamp,
    next: Timestamp,
}

impl Dates {
    fn is_before(&mut self, until: Option<Timestamp>) -> bool {
        let Some(until) = until.filter(|until| *until > self.now) else { return false };
        self.next = self.next.min(until);
        true
    }

    fn is_inside(&mut self, from: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        let started = !self.is_before(from);
        let open = until.is_none() || self.is_before(until);
        started && open
    }
}
