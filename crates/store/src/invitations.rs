//! The rows of `invitations`.

use model::{
    Error, InvitationId, OrgContext, Result, Timestamp, UserId,
    invitation::{Invitation, InvitationState},
    link::Purpose,
    mail::MailState,
};

use crate::{Connection, Record, Row, boxed, locking, values};

impl Record for Invitation {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let unknown = || Error::internal("an unknown kind or state of invitation");
        Ok(Self {
            org: columns.take::<model::OrgId>()?.into(),
            id: columns.take()?,
            user: columns.take()?,
            kind: Purpose::parse(&columns.take::<String>()?).ok_or_else(unknown)?,
            state: InvitationState::parse(&columns.take::<String>()?).ok_or_else(unknown)?,
            message: columns.take()?,
            invited_by: columns.take::<String>()?.parse()?,
            invited_by_name: columns.take()?,
            created_at: columns.take()?,
            sent_at: columns.take()?,
            expires_at: columns.take()?,
            lifetime_hours: columns.take()?,
            resends: columns.take()?,
            resends_since: columns.take()?,
            reminded: columns.take()?,
            opened_at: columns.take()?,
            ended_at: columns.take()?,
            delivery: MailState::parse(&columns.take::<String>()?).ok_or_else(unknown)?,
            delivery_why: columns.take()?,
        })
    }
}

/// Writes a new invitation.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, invitation: &Invitation) -> Result<()> {
    let sql = "INSERT INTO invitations (org_id, id, user_id, kind, state, message, invited_by, invited_by_name, \
               created_at, sent_at, expires_at, lifetime_hours, resends, resends_since, reminded, delivery, \
               delivery_why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let by = invitation.invited_by.to_string();
    let bound = values![
        invitation.org.org,
        invitation.id,
        invitation.user,
        invitation.kind.as_str(),
        invitation.state.as_str(),
        &invitation.message,
        &by,
        &invitation.invited_by_name,
        invitation.created_at,
        invitation.sent_at,
        invitation.expires_at,
        invitation.lifetime_hours,
        invitation.resends,
        invitation.resends_since,
        invitation.reminded,
        invitation.delivery.as_str(),
        &invitation.delivery_why,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// The invitation of that id.
#[boxed]
pub async fn find(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: InvitationId,
) -> Result<Option<Invitation>> {
    connection
        .optional(
            "SELECT org_id, id, user_id, kind, state, message, invited_by, invited_by_name, created_at, \
               sent_at, expires_at, lifetime_hours, resends, resends_since, reminded, opened_at, ended_at, \
               delivery, delivery_why FROM invitations WHERE org_id = $1 AND id = $2",
            values![context.org, id],
        )
        .await
}

/// The same, which nobody else changes before this transaction ends.
#[boxed]
pub async fn lock(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: InvitationId,
) -> Result<Option<Timestamp>> {
    let sql = locking!("SELECT sent_at FROM invitations WHERE org_id = $1 AND id = $2");
    let row: Option<(Timestamp,)> = connection.optional(sql, values![context.org, id]).await?;
    Ok(row.map(|(sent_at,)| sent_at))
}

/// The pending invitation of a user, expired or not.
#[boxed]
pub async fn pending_of(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Option<Invitation>> {
    let sql = "SELECT org_id, id, user_id, kind, state, message, invited_by, invited_by_name, created_at, \
               sent_at, expires_at, lifetime_hours, resends, resends_since, reminded, opened_at, ended_at, \
               delivery, delivery_why FROM invitations WHERE org_id = $1 AND user_id = $2 AND state = \
               'pending'";
    connection.optional(sql, values![context.org, user]).await
}

/// Every invitation of a user, newest first; at most 1,000.
#[boxed]
pub async fn all_of(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<Invitation>> {
    let sql = "SELECT org_id, id, user_id, kind, state, message, invited_by, invited_by_name, created_at, \
               sent_at, expires_at, lifetime_hours, resends, resends_since, reminded, opened_at, ended_at, \
               delivery, delivery_why FROM invitations WHERE org_id = $1 AND user_id = $2 ORDER BY id DESC \
               LIMIT 1000";
    connection.all(sql, values![context.org, user]).await
}

/// The newest invitation of a user, whatever has become of it.
#[boxed]
pub async fn latest_of(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Option<Invitation>> {
    let sql = "SELECT org_id, id, user_id, kind, state, message, invited_by, invited_by_name, created_at, \
               sent_at, expires_at, lifetime_hours, resends, resends_since, reminded, opened_at, ended_at, \
               delivery, delivery_why FROM invitations WHERE org_id = $1 AND user_id = $2 ORDER BY id DESC \
               LIMIT 1";
    connection.optional(sql, values![context.org, user]).await
}

/// Saves what sending again changes.
#[boxed]
pub async fn resent(connection: &mut Connection<'_>, invitation: &Invitation) -> Result<()> {
    let sql = "UPDATE invitations SET sent_at = $3, expires_at = $4, resends = $5, resends_since = $6, reminded = $7, \
               delivery = $8, delivery_why = $9 WHERE org_id = $1 AND id = $2";
    let bound = values![
        invitation.org.org,
        invitation.id,
        invitation.sent_at,
        invitation.expires_at,
        invitation.resends,
        invitation.resends_since,
        invitation.reminded,
        invitation.delivery.as_str(),
        &invitation.delivery_why,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Ends the pending invitation of a user.
#[boxed]
pub async fn end(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    state: InvitationState,
    now: Timestamp,
) -> Result<Option<InvitationId>> {
    let sql = "UPDATE invitations SET state = $3, ended_at = $4 \
               WHERE org_id = $1 AND user_id = $2 AND state = 'pending' RETURNING id";
    let row: Option<(InvitationId,)> =
        connection.optional(sql, values![context.org, user, state.as_str(), now]).await?;
    Ok(row.map(|(id,)| id))
}

/// Notes that an invitation's page was looked at, the first time.
#[boxed]
pub async fn opened(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE invitations SET opened_at = $3 \
               WHERE org_id = $1 AND user_id = $2 AND state = 'pending' AND opened_at IS NULL";
    connection.execute(sql, values![context.org, user, now]).await?;
    Ok(())
}

/// Notes what the mail servers say.
#[boxed]
pub async fn delivery(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: InvitationId,
    state: MailState,
    why: &str,
) -> Result<()> {
    let sql = "UPDATE invitations SET delivery = $3, delivery_why = $4 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, state.as_str(), why]).await?;
    Ok(())
}

/// Removes every invitation of a user, with what was written to them.
#[boxed]
pub async fn erase(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    connection
        .execute("DELETE FROM invitations WHERE org_id = $1 AND user_id = $2", values![context.org, user])
        .await?;
    Ok(())
}

/// Notes that one more reminder went out.
#[boxed]
pub async fn reminded(connection: &mut Connection<'_>, invitation: &Invitation) -> Result<()> {
    let sql = "UPDATE invitations SET reminded = $3, resends = $4, resends_since = $5 WHERE org_id = $1 AND id = $2";
    let bound = values![
        invitation.org.org,
        invitation.id,
        invitation.reminded,
        invitation.resends,
        invitation.resends_since,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Expired invitations, those that ended last first.
#[boxed]
pub async fn expired(
    connection: &mut Connection<'_>,
    context: OrgContext,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<InvitationId>> {
    let sql = "SELECT id FROM invitations WHERE org_id = $1 AND state = 'pending' AND expires_at <= $2 \
               ORDER BY expires_at DESC, id DESC LIMIT $3";
    let rows: Vec<(InvitationId,)> = connection.all(sql, values![context.org, now, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
