//! The rows of `credentials`, `password_history` and `sign_in_failures`: stored passwords, earlier ones, and how often
//! somebody has tried wrong ones.

use model::{OrgContext, Result, Timestamp, UserId, credential::Credential};

use crate::{Connection, Record, Row, Sql, boxed, values};

impl Record for Credential {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            hash: columns.take()?,
            set_at: columns.take()?,
            expires_at: columns.take()?,
            must_change: columns.take()?,
            stamp: columns.take()?,
        })
    }
}

/// The stored password of a user.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Option<Credential>> {
    let sql = "SELECT hash, set_at, expires_at, must_change, stamp FROM credentials WHERE org_id = $1 AND user_id = $2";
    connection.optional(sql, values![context.org, user]).await
}

/// Stores a password in place of any other.
#[boxed]
pub async fn set(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    credential: &Credential,
) -> Result<()> {
    let sql = "INSERT INTO credentials (org_id, user_id, hash, set_at, expires_at, must_change) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id, user_id) DO UPDATE \
               SET hash = $3, set_at = $4, expires_at = $5, must_change = $6, stamp = credentials.stamp + 1";
    let bound = values![
        context.org,
        user,
        &credential.hash,
        credential.set_at,
        credential.expires_at,
        credential.must_change,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Replaces the hash of the same password (stronger parameters), unless the password was changed meanwhile.
#[boxed]
pub async fn rehash(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    old: &str,
    new: &str,
) -> Result<()> {
    let sql = "UPDATE credentials SET hash = $4 WHERE org_id = $1 AND user_id = $2 AND hash = $3";
    connection.execute(sql, values![context.org, user, old, new]).await?;
    Ok(())
}

/// Ends a password: it opens nothing from `now` on.
#[boxed]
pub async fn expire(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE credentials SET expires_at = $3 WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user, now]).await?;
    Ok(())
}

/// Asks for another password at the next sign-in, without ending this one. Whether there is a password.
#[boxed]
pub async fn require_change(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<bool> {
    let sql = "UPDATE credentials SET must_change = TRUE WHERE org_id = $1 AND user_id = $2";
    Ok(connection.execute(sql, values![context.org, user]).await? > 0)
}

/// Adds the present password, if there is one, to the earlier ones, and forgets all of these but the last `keep`.
/// Comes before `set`, in the transaction that holds the user's row.
#[boxed]
pub async fn remember(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    keep: u16,
) -> Result<()> {
    let sql = "INSERT INTO password_history (org_id, user_id, number, hash) \
               SELECT c.org_id, c.user_id, (SELECT coalesce(max(h.number), 0) + 1 FROM password_history h \
               WHERE h.org_id = $1 AND h.user_id = $2), c.hash \
               FROM credentials c WHERE c.org_id = $1 AND c.user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    let sql = "DELETE FROM password_history WHERE org_id = $1 AND user_id = $2 AND number <= \
               (SELECT max(h.number) FROM password_history h WHERE h.org_id = $1 AND h.user_id = $2) - $3";
    connection.execute(sql, values![context.org, user, i64::from(keep)]).await?;
    Ok(())
}

/// Hashes of the last `count` earlier passwords, latest first.
#[boxed]
pub async fn earlier(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    count: u16,
) -> Result<Vec<String>> {
    let sql = "SELECT hash FROM password_history WHERE org_id = $1 AND user_id = $2 \
               ORDER BY number DESC LIMIT $3";
    let rows: Vec<(String,)> = connection.all(sql, values![context.org, user, i64::from(count)]).await?;
    Ok(rows.into_iter().map(|(hash,)| hash).collect())
}

/// Removes the password and the earlier ones.
#[boxed]
pub async fn remove(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let sql = "DELETE FROM credentials WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    let sql = "DELETE FROM password_history WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}

/// Counts one more try of `user` from `address` ('' = from all), and answers how many there were within the window
/// that began after `window_start`. Counting comes before hashing, so that tries in parallel can't outrun it.
#[boxed]
pub async fn count_try(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    address: &str,
    now: Timestamp,
    window_start: Timestamp,
) -> Result<i64> {
    add_tries(connection, context, (user, address), 1, now, window_start).await
}

/// The same for as many tries; with none it only answers, by the same statement.
#[boxed]
pub async fn add_tries(
    connection: &mut Connection<'_>,
    context: OrgContext,
    (user, address): (UserId, &str),
    tries: i64,
    now: Timestamp,
    window_start: Timestamp,
) -> Result<i64> {
    let sql = "INSERT INTO sign_in_failures (org_id, user_id, address, failures, since) VALUES ($1, $2, $3, $6, $4) \
               ON CONFLICT (org_id, user_id, address) DO UPDATE SET \
               failures = CASE WHEN sign_in_failures.since <= $5 THEN $6 ELSE sign_in_failures.failures + $6 END, \
               since = CASE WHEN sign_in_failures.since <= $5 THEN $4 ELSE sign_in_failures.since END \
               RETURNING failures";
    let (failures,): (i64,) =
        connection.one(sql, values![context.org, user, address, now, window_start, tries]).await?;
    Ok(failures)
}

/// The count within the window, without counting.
#[boxed]
pub async fn tries(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    address: &str,
    window_start: Timestamp,
) -> Result<i64> {
    let sql = "SELECT failures FROM sign_in_failures \
               WHERE org_id = $1 AND user_id = $2 AND address = $3 AND since > $4";
    let row: Option<(i64,)> =
        connection.optional(sql, values![context.org, user, address, window_start]).await?;
    Ok(row.map_or(0, |(failures,)| failures))
}

/// All counts of a user that began after `window_start`: address (`''` = all), how many, since when; the latest first.
#[boxed]
pub async fn tries_of(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    window_start: Timestamp,
) -> Result<Vec<(String, i64, Timestamp)>> {
    let sql = "SELECT address, failures, since FROM sign_in_failures \
               WHERE org_id = $1 AND user_id = $2 AND since > $3 ORDER BY since DESC, address LIMIT 100";
    connection.all(sql, values![context.org, user, window_start]).await
}

/// Failures that are counted against an account, by address: `''` counts all of them together.
#[boxed]
pub async fn failures(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(String, i64, Timestamp)>> {
    let sql = "SELECT address, failures, since FROM sign_in_failures WHERE org_id = $1 AND user_id = $2 \
               ORDER BY address LIMIT 1000";
    connection.all(sql, values![context.org, user]).await
}

/// Forgets the tries from one address, or all of them. Rows are locked in the order in which tries are counted, an address
/// before all of them: those who count and those who forget would else wait for each other.
#[boxed]
pub async fn forget_tries(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    address: Option<&str>,
) -> Result<()> {
    const FORGET: Sql = Sql::by_engine(
        "DELETE FROM sign_in_failures WHERE org_id = $1 AND user_id = $2 AND ($3 = '*' OR address = $3)",
        "WITH locked AS MATERIALIZED (SELECT address FROM sign_in_failures WHERE org_id = $1 AND user_id = $2 \
         AND ($3 = '*' OR address = $3) ORDER BY address DESC FOR UPDATE) \
         DELETE FROM sign_in_failures f USING locked WHERE f.org_id = $1 AND f.user_id = $2 AND f.address = locked.address",
    );
    connection.execute(FORGET, values![context.org, user, address.unwrap_or("*")]).await?;
    Ok(())
}

/// Tidies counts that no window reaches any more.
#[boxed]
pub async fn tidy_tries(connection: &mut Connection<'_>, before: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM sign_in_failures WHERE since < $1", values![before]).await
}
