//! Keys and search texts made anew after the rules by which they are made have changed.
//!
//! `model` decides which spellings are one name and what a search finds; the rows hold the results. When a release
//! changes that, this walks over all rows once, in chunks, after the migrations. It can be killed and begun again.

use model::{GroupId, OrgId, Result, User, UserId, group, role, search};

use crate::{
    Connection, Record, Row,
    users::{Texts, user_columns},
    values,
};

/// Counted up whenever `model::text::key`, `model::search`, `search_words` or what of a user is searched changes.
pub(crate) const RULES: i64 = 2;
/// Rows in one transaction.
const CHUNK: i64 = 500;

/// Whether rows may have keys of earlier rules.
pub(crate) async fn are_behind(connection: &mut Connection<'_>) -> Result<bool> {
    let sql = "SELECT version FROM text_rules WHERE id = 1";
    Ok(connection.one::<(i64,)>(sql, &[]).await?.0 < RULES)
}

/// How far the walk has come: the last user that it has seen; the other tables come at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    org: OrgId,
    user: UserId,
}

impl Position {
    /// Before the first user.
    pub(crate) const START: Self = Self { org: OrgId(uuid::Uuid::nil()), user: UserId(uuid::Uuid::nil()) };
}

struct Stored {
    user: User,
    key: i64,
    texts: (String, Option<String>, String, String),
}

impl Record for Stored {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (key, texts) =
            (columns.take()?, (columns.take()?, columns.take()?, columns.take()?, columns.take()?));
        Ok(Self { key, texts, user: crate::users::read(&mut columns)? })
    }
}

/// Works on one chunk after `position`, in the transaction of the caller. `None` when all is done.
pub(crate) async fn step(connection: &mut Connection<'_>, position: Position) -> Result<Option<Position>> {
    const SQL: &str = concat!(
        "SELECT u.key, u.username_key, u.email_key, u.sort_name, u.search_text, ",
        user_columns!(),
        " FROM users u WHERE (u.org_id, u.id) > ($1, $2) AND u.state <> 'purged' ORDER BY u.org_id, u.id LIMIT $3"
    );
    let found: Vec<Stored> = connection.all(SQL, values![position.org, position.user, CHUNK]).await?;
    let Some(last) = found.last() else {
        groups(connection).await?;
        roles(connection).await?;
        reserved_addresses(connection).await?;
        connection.execute("UPDATE text_rules SET version = $1 WHERE id = 1", values![RULES]).await?;
        return Ok(None);
    };
    let next = Position { org: last.user.org.org, user: last.user.id };
    for stored in found {
        renew_user(connection, stored).await?;
    }
    Ok(Some(next))
}

async fn renew_user(connection: &mut Connection<'_>, stored: Stored) -> Result<()> {
    let Stored { user, key, texts: (username_key, email_key, sort_name, search_text) } = stored;
    let mut texts = Texts::of(&user)?;
    if texts.username_key != username_key
        && is_taken(connection, &user, "username", Some(&texts.username_key)).await?
    {
        texts.username_key.clone_from(&username_key);
    }
    if texts.email_key != email_key
        && is_taken(connection, &user, "email", texts.email_key.as_deref()).await?
    {
        texts.email_key.clone_from(&email_key);
    }
    let is_same = (&texts.username_key, &texts.email_key, &texts.sort_name, &texts.search_text)
        == (&username_key, &email_key, &sort_name, &search_text);
    connection.index_search(user.org.org, key, Some(&texts.search_text))?;
    if is_same {
        return Ok(());
    }
    let sql = "UPDATE users SET username_key = $3, email_key = $4, sort_name = $5, search_text = $6 \
               WHERE org_id = $1 AND id = $2";
    let email = texts.email_key.as_deref();
    let bound =
        values![user.org.org, user.id, &texts.username_key, email, &texts.sort_name, &texts.search_text];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Whether somebody else has what is the same name by the new rules. Both go on with the keys they have, and the log says
/// so: which of the two is called otherwise is for an administrator to decide.
async fn is_taken(
    connection: &mut Connection<'_>,
    user: &User,
    field: &str,
    key: Option<&str>,
) -> Result<bool> {
    let sql =
        "SELECT count(*) FROM users WHERE org_id = $1 AND id <> $2 AND (username_key = $3 OR email_key = $4)";
    let (username, email) = if field == "username" { (key, None) } else { (None, key) };
    let (others,): (i64,) = connection.one(sql, values![user.org.org, user.id, username, email]).await?;
    if others > 0 {
        tracing::warn!(org = %user.org.org, user = %user.id, field, "another user has the same name in another spelling");
    }
    Ok(others > 0)
}

async fn groups(connection: &mut Connection<'_>) -> Result<()> {
    let sql = "SELECT org_id, id, name, name_key, search_name FROM groups ORDER BY org_id, id";
    let all: Vec<(OrgId, GroupId, String, String, String)> = connection.all(sql, &[]).await?;
    for (org, id, name, name_key, search_name) in all {
        let (mut new_key, new_search) = (group::name_key(&name), search::sort_key(&name));
        if new_key != name_key {
            let sql = "SELECT count(*) FROM groups WHERE org_id = $1 AND name_key = $2";
            let (others,): (i64,) = connection.one(sql, values![org, &new_key]).await?;
            if others > 0 {
                tracing::warn!(%org, group = %id, "another group has the same name in another spelling");
                new_key.clone_from(&name_key);
            }
        }
        if (&new_key, &new_search) != (&name_key, &search_name) {
            let sql = "UPDATE groups SET name_key = $3, search_name = $4 WHERE org_id = $1 AND id = $2";
            connection.execute(sql, values![org, id, &new_key, &new_search]).await?;
        }
    }
    Ok(())
}

async fn roles(connection: &mut Connection<'_>) -> Result<()> {
    let sql = "SELECT org_id, id, name, name_key FROM roles ORDER BY org_id, id";
    let all: Vec<(OrgId, String, String, String)> = connection.all(sql, &[]).await?;
    for (org, id, name, name_key) in all {
        let new_key = role::name_key(&name);
        if new_key == name_key {
            continue;
        }
        let sql = "UPDATE roles SET name_key = $3 WHERE org_id = $1 AND id = $2 \
                   AND NOT EXISTS (SELECT 1 FROM roles o WHERE o.org_id = $1 AND o.name_key = $3)";
        if connection.execute(sql, values![org, &id, &new_key]).await? == 0 {
            tracing::warn!(%org, role = %id, "another role has the same name in another spelling");
        }
    }
    Ok(())
}

async fn reserved_addresses(connection: &mut Connection<'_>) -> Result<()> {
    let sql = "SELECT org_id, email_key FROM reserved_addresses ORDER BY org_id, email_key";
    let all: Vec<(OrgId, String)> = connection.all(sql, &[]).await?;
    for (org, email_key) in all {
        let new_key = model::user::key(&email_key);
        if new_key != email_key {
            let sql = "UPDATE reserved_addresses SET email_key = $3 WHERE org_id = $1 AND email_key = $2 AND NOT EXISTS \
                       (SELECT 1 FROM reserved_addresses o WHERE o.org_id = $1 AND o.email_key = $3)";
            connection.execute(sql, values![org, &email_key, &new_key]).await?;
        }
    }
    Ok(())
}
