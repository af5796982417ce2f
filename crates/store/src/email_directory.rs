//! The rows of `email_directory`: in which organizations somebody has proven an address to be their own.
//!
//! Read across organizations, on purpose. It holds no address but a hash under the key that is kept outside the database,
//! made by the application. Rows are written with the user's own (`users.rs`), in the same transaction, and nowhere else;
//! filling is for users from before there was a directory, or from before a change of the rules for spellings.

use model::{OrgId, Result, User, UserId};

use crate::{Connection, boxed, locking, text_rules, users::user_columns, values};

/// A keyed hash of an address in its normal form.
pub type EmailHash = [u8; 32];

/// A user anywhere: how far a walk has come.
pub type Position = (OrgId, UserId);

/// Before the first user.
pub const START: Position = (OrgId(uuid::Uuid::nil()), UserId(uuid::Uuid::nil()));

/// Who has proven that address, after `position`, in the order of their ids.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    hash: &EmailHash,
    (org, user): Position,
    limit: u16,
) -> Result<Vec<Position>> {
    let sql = "SELECT org_id, user_id FROM email_directory WHERE email_hash = $1 AND (org_id, user_id) > ($2, $3) \
               ORDER BY org_id, user_id LIMIT $4";
    connection.all(sql, values![hash, org, user, i64::from(limit)]).await
}

/// Notes the address that a user has proven; `None` if there is none.
pub(crate) async fn put(
    connection: &mut Connection<'_>,
    user: &User,
    hash: Option<&EmailHash>,
) -> Result<()> {
    let Some(hash) = hash else { return remove(connection, user).await };
    let sql = "INSERT INTO email_directory (org_id, user_id, email_hash) VALUES ($1, $2, $3) \
               ON CONFLICT (org_id, user_id) DO UPDATE SET email_hash = $3";
    connection.execute(sql, values![user.org.org, user.id, hash]).await?;
    Ok(())
}

/// Takes a user out of it.
pub(crate) async fn remove(connection: &mut Connection<'_>, user: &User) -> Result<()> {
    let sql = "DELETE FROM email_directory WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![user.org.org, user.id]).await?;
    Ok(())
}

/// Whether everybody is in it who should be.
#[boxed]
pub async fn is_filled(connection: &mut Connection<'_>) -> Result<bool> {
    let sql = "SELECT version FROM email_directory_rules WHERE one = 1";
    Ok(connection.one::<(i64,)>(sql, &[]).await?.0 >= text_rules::RULES)
}

/// Fills it for some users after `position`, whom nobody changes meanwhile; `None` when all are done.
#[boxed]
pub async fn fill(
    connection: &mut Connection<'_>,
    (org, user): Position,
    hash_of: &(dyn Fn(&User) -> Option<EmailHash> + Sync),
    limit: u16,
) -> Result<Option<Position>> {
    let sql = locking!(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE (u.org_id, u.id) > ($1, $2) AND u.state <> 'purged' ORDER BY u.org_id, u.id LIMIT $3"
    ));
    let found: Vec<User> = connection.all(sql, values![org, user, i64::from(limit)]).await?;
    for user in &found {
        put(connection, user, hash_of(user).as_ref()).await?;
    }
    if let Some(last) = found.last() {
        return Ok(Some((last.org.org, last.id)));
    }
    let filled = "UPDATE email_directory_rules SET version = $1 WHERE one = 1";
    connection.execute(filled, values![text_rules::RULES]).await?;
    Ok(None)
}
