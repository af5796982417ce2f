//! The rows of `setup_links`: the single-use links that set up the first organization.

use model::{Result, Timestamp, session::SecretHash};

use crate::{Connection, boxed, values};

/// Keeps a new link; earlier ones are dead.
#[boxed]
pub async fn insert(
    connection: &mut Connection<'_>,
    secret: &SecretHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    connection.execute("DELETE FROM setup_links", &[]).await?;
    let sql = "INSERT INTO setup_links (secret, created_at, expires_at) VALUES ($1, $2, $3)";
    connection.execute(sql, values![secret, now, expires_at]).await?;
    Ok(())
}

/// Whether the link still opens.
#[boxed]
pub async fn holds(connection: &mut Connection<'_>, secret: &SecretHash, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM setup_links WHERE secret = $1 AND expires_at > $2";
    Ok(connection.optional::<(i64,)>(sql, values![secret, now]).await?.is_some())
}

/// Uses the link up; false if it did not open any more.
#[boxed]
pub async fn take(connection: &mut Connection<'_>, secret: &SecretHash, now: Timestamp) -> Result<bool> {
    let sql = "DELETE FROM setup_links WHERE secret = $1 AND expires_at > $2";
    Ok(connection.execute(sql, values![secret, now]).await? == 1)
}

/// Whether nobody else is setting up: of several transactions at once exactly one hears yes, and the others wait for it.
#[boxed]
pub async fn is_first(connection: &mut Connection<'_>, now: Timestamp) -> Result<bool> {
    // No link has this hash; the row is there to be in the way.
    let nobody: SecretHash = [0; 32];
    let sql =
        "INSERT INTO setup_links (secret, created_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(connection.execute(sql, values![&nobody, now, now]).await? == 1)
}

/// The fingerprint of the server key that the database is used with; `None` before the first start.
#[boxed]
pub async fn key(connection: &mut Connection<'_>) -> Result<Option<SecretHash>> {
    let row: Option<(SecretHash,)> =
        connection.optional("SELECT fingerprint FROM server_key WHERE one = 1", &[]).await?;
    Ok(row.map(|(fingerprint,)| fingerprint))
}

/// Keeps the fingerprint unless there is one; answers the one that holds.
#[boxed]
pub async fn keep_key(connection: &mut Connection<'_>, fingerprint: &SecretHash) -> Result<SecretHash> {
    let sql = "INSERT INTO server_key (one, fingerprint) VALUES (1, $1) ON CONFLICT DO NOTHING";
    connection.execute(sql, values![fingerprint]).await?;
    key(connection).await?.ok_or_else(|| model::Error::internal("the key was not kept"))
}
