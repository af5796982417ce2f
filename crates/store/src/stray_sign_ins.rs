//! The rows of `stray_sign_ins`: who tried to sign in to an organization that does not exist.
//!
//! Written for whatever was typed, whoever holds it or nobody: whoever asks learns nothing from it, and the table tells
//! nothing to somebody without the server's key. Each hash has its one place, so that the table can't grow.

use model::{Result, Timestamp};

use crate::{Connection, boxed, values};

/// The place of a hash.
fn place(identifier: &[u8; 32]) -> i64 {
    i64::from(u16::from_be_bytes([identifier[0], identifier[1]]))
}

/// Notes that `identifier` was tried at `slug`, in place of whatever stood there.
#[boxed]
pub async fn note(
    connection: &mut Connection<'_>,
    identifier: &[u8; 32],
    slug: &str,
    at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO stray_sign_ins (place, identifier, slug, at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (place) DO UPDATE SET identifier = $2, slug = $3, at = $4";
    connection.execute(sql, values![place(identifier), identifier.as_slice(), slug, at]).await?;
    Ok(())
}

/// Where and when `identifier` was last tried in vain.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    identifier: &[u8; 32],
) -> Result<Option<(String, Timestamp)>> {
    let sql = "SELECT slug, at FROM stray_sign_ins WHERE place = $1 AND identifier = $2";
    connection.optional(sql, values![place(identifier), identifier.as_slice()]).await
}

/// Forgets an erased person's tries.
#[boxed]
pub async fn forget(connection: &mut Connection<'_>, identifier: &[u8; 32]) -> Result<()> {
    let sql = "DELETE FROM stray_sign_ins WHERE place = $1 AND identifier = $2";
    connection.execute(sql, values![place(identifier), identifier.as_slice()]).await?;
    Ok(())
}

/// Tidies what was tried before.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, before: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM stray_sign_ins WHERE at < $1", values![before]).await
}
