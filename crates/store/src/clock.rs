//! The row of `clock`: the newest moment that was noted; and moving what counts time, when the clock was set.
//!
//! What is moved are protections with an end that Muster gave them: from when failures count, how long they lock, how often
//! something may be sent, for how long an address stays reserved and a typed password proves its owner. Dates that people
//! gave (an administrator's lock, the end of an account or a role) are dates, and stay.

use model::{Result, Timestamp};

use crate::{Connection, Record, Row, Sql, boxed, values};

/// What is protected for a while: table and column, as `moved` moves them. A new one belongs here, or among
/// [`UNPROTECTED`].
pub const PROTECTED: [(&str, &str); 6] = [
    ("sign_in_failures", "since"),
    ("users", "password_locked_since"),
    ("users", "password_locked_until"),
    ("invitations", "resends_since"),
    ("reserved_addresses", "until"),
    ("sessions", "proved_at"),
];

/// Other columns with a beginning or an end, and why they are not moved: dates that people gave, or leases that are over in
/// a minute.
pub const UNPROTECTED: [(&str, &str, &str); 9] = [
    ("users", "lock_until", "an administrator gave the date"),
    ("org_slugs", "until", "an address of before leads on for a while"),
    ("role_grants", "valid_until", "a date that somebody gave"),
    ("group_members", "valid_until", "a date that somebody gave"),
    ("group_nestings", "valid_until", "a date that somebody gave"),
    ("group_roles", "valid_until", "a date that somebody gave"),
    ("role_grants_in_scope", "valid_until", "a date that somebody gave"),
    ("mails", "leased_until", "a lease"),
    ("jobs", "leased_until", "a lease"),
];

/// The newest moment that was noted, and when and by how much the clock was last found set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    /// The newest moment.
    pub newest: Timestamp,
    /// When it was found, by the clock as it was set; `None`: never.
    pub set_at: Option<Timestamp>,
    /// By how many microseconds; less than 0: back.
    pub set_by: i64,
}

impl Record for Noted {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (newest, set_at) = (columns.take()?, columns.take::<i64>()?);
        let set_at = (set_at > 0).then(|| Timestamp::from_micros(set_at));
        Ok(Self { newest, set_at, set_by: columns.take()? })
    }
}

/// What is noted; `None` in a database that was never served.
#[boxed]
pub async fn noted(connection: &mut Connection<'_>) -> Result<Option<Noted>> {
    connection.optional("SELECT newest, set_at, set_by FROM clock WHERE id = 1", &[]).await
}

/// Notes a moment, if it is newer.
#[boxed]
pub async fn note(connection: &mut Connection<'_>, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO clock (id, newest) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET newest = \
               CASE WHEN clock.newest < excluded.newest THEN excluded.newest ELSE clock.newest END";
    connection.execute(sql, values![now]).await?;
    Ok(())
}

/// How many nodes of this database live.
#[boxed]
pub async fn living_nodes(connection: &mut Connection<'_>) -> Result<i64> {
    let sql = Sql::by_engine(
        "SELECT 1",
        "SELECT count(*) FROM nodes WHERE seen_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 2000000",
    );
    Ok(connection.one::<(i64,)>(sql, &[]).await?.0)
}

/// Which protections are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// All: the one clock that they were written by was set.
    All,
    /// Those that begin later than now: another clock wrote them, which is ahead of this one.
    OfLater,
}

/// The clock was set by so many microseconds and says `now`: what is left of each protection counts from now, and none
/// lasts longer than it is long.
#[boxed]
pub async fn moved(connection: &mut Connection<'_>, which: Moved, by: i64, now: Timestamp) -> Result<()> {
    let all = which == Moved::All;
    let failures = "UPDATE sign_in_failures SET since = CASE WHEN since + $1 > $2 THEN $2 ELSE since + $1 END \
                    WHERE ($3 OR since > $2)";
    connection.execute(failures, values![by, now, all]).await?;
    // The end that an owner's own word set is none.
    let locks = "UPDATE users SET password_locked_until = CASE WHEN password_locked_since + $1 > $2 \
                 THEN $2 + password_locked_until - password_locked_since ELSE password_locked_until + $1 END, \
                 password_locked_since = CASE WHEN password_locked_since + $1 > $2 THEN $2 \
                 ELSE password_locked_since + $1 END \
                 WHERE password_locked_until IS NOT NULL AND password_locked_until < $3 \
                 AND ($4 OR password_locked_since > $2)";
    connection.execute(locks, values![by, now, Timestamp::MAX, all]).await?;
    let resends = "UPDATE invitations SET resends_since = CASE WHEN resends_since + $1 > $2 THEN $2 \
                   ELSE resends_since + $1 END WHERE state = 'pending' AND ($3 OR resends_since > $2)";
    connection.execute(resends, values![by, now, all]).await?;
    if all {
        connection.execute("UPDATE reserved_addresses SET until = until + $1", values![by]).await?;
    }
    let proofs = "UPDATE sessions SET proved_at = CASE WHEN proved_at + $1 > $2 THEN $2 ELSE proved_at + $1 END \
                  WHERE proved_at > 0 AND ($3 OR proved_at > $2)";
    connection.execute(proofs, values![by, now, all]).await?;
    let sql = "INSERT INTO clock (id, newest, set_at, set_by) VALUES (1, $2, $2, $1) ON CONFLICT (id) DO UPDATE SET \
               newest = excluded.newest, set_at = excluded.set_at, set_by = excluded.set_by";
    if all {
        connection.execute(sql, values![by, now]).await?;
    } else {
        connection.execute("UPDATE clock SET newest = $1 WHERE id = 1", values![now]).await?;
    }
    Ok(())
}
