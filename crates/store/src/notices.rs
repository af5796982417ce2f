//! The rows of `muted_notices`: what people don't want to be mailed about.

use model::{Error, OrgContext, Result, UserId, mail::MailKind};

use crate::{Connection, boxed, values};

/// The kinds that a user has switched off.
#[boxed]
pub async fn muted(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<MailKind>> {
    let sql = "SELECT kind FROM muted_notices WHERE org_id = $1 AND user_id = $2 ORDER BY kind";
    let rows: Vec<(String,)> = connection.all(sql, values![context.org, user]).await?;
    let kind =
        |(text,): (String,)| MailKind::parse(&text).ok_or_else(|| Error::internal("an unknown kind of mail"));
    rows.into_iter().map(kind).collect()
}

/// Switches a kind off for a user.
#[boxed]
pub async fn mute(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    kind: MailKind,
) -> Result<()> {
    let sql = "INSERT INTO muted_notices (org_id, user_id, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    connection.execute(sql, values![context.org, user, kind.as_str()]).await?;
    Ok(())
}

/// Switches everything on again.
#[boxed]
pub async fn unmute(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let sql = "DELETE FROM muted_notices WHERE org_id = $1 AND user_id = $2";
    connection.execute(sql, values![context.org, user]).await?;
    Ok(())
}
