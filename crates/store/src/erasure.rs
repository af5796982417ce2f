//! What an erasure asks of tables that belong to other nouns: how much there is, and where else a person is named.

use model::{MailId, OrgContext, Result, UserId, mail::MailDetails};

use crate::{
    Connection, Sql, Value,
    users::{from_json, to_json},
    values,
};

type Counts = (i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// How much is held on a person, by the names of `model::erasure::REMOVED`.
pub async fn holdings(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(&'static str, i64)>> {
    let sql = "SELECT \
        (SELECT count(*) FROM role_grants WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM sessions WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM tokens WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM links WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM mails WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM invitations WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM sign_in_failures WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM data_exports WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM audit_entries WHERE org_id = $1 AND target = $2) \
        + (SELECT count(*) FROM audit_entries WHERE org_id = $1 AND actor = $3)";
    let actor = user.to_string();
    let counts: Counts = connection.one(sql, values![context.org, user, &actor]).await?;
    let (roles, sessions, tokens, links, mails, invitations, failures, data_exports, audit_entries) = counts;
    Ok(vec![
        ("profile", 1),
        ("roles", roles),
        ("sessions", sessions),
        ("tokens", tokens),
        ("links", links),
        ("mails", mails),
        ("invitations", invitations),
        ("failures", failures),
        ("data_exports", data_exports),
        ("audit_entries", audit_entries),
    ])
}

/// Unnames whoever has sent invitations.
pub async fn unname_inviter(
    connection: &mut Connection<'_>,
    context: OrgContext,
    inviter: UserId,
    pseudonym: &str,
) -> Result<()> {
    let sql = "UPDATE invitations SET invited_by_name = $3 WHERE org_id = $1 AND invited_by = $2";
    let inviter = inviter.to_string();
    connection.execute(sql, values![context.org, &inviter, pseudonym]).await?;
    Ok(())
}

/// Mails to others whose words contain `name`, as JSON writes it.
pub async fn mails_that_name(
    connection: &mut Connection<'_>,
    context: OrgContext,
    name: &str,
) -> Result<Vec<(MailId, MailDetails)>> {
    const SQLITE: &str = "SELECT id, details FROM mails WHERE org_id = $1 AND instr(details, $2) > 0";
    const POSTGRES: &str =
        "SELECT id, details FROM mails WHERE org_id = $1 AND strpos(details::text, $2) > 0";
    let rows: Vec<(MailId, String)> =
        connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, name]).await?;
    rows.into_iter().map(|(id, details)| Ok((id, from_json(&details)?))).collect()
}

/// Removes what was sent to an address without saying whose it is, and dead work that holds it as it was typed.
pub async fn forget_address(
    connection: &mut Connection<'_>,
    context: OrgContext,
    address: &str,
) -> Result<()> {
    let mails = "DELETE FROM mails WHERE org_id = $1 AND user_id IS NULL AND lower(address) = lower($2)";
    connection.execute(mails, values![context.org, address]).await?;
    let jobs = "DELETE FROM jobs WHERE dead AND (lower(work ->> 'identifier') = lower($1) \
                OR lower(work ->> 'email') = lower($1))";
    connection.execute(jobs, values![address]).await?;
    Ok(())
}

/// Gives a mail other words.
pub async fn reword_mail(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: MailId,
    details: &MailDetails,
) -> Result<()> {
    let details = to_json(details)?;
    let sql = "UPDATE mails SET details = $3 WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, Value::Json(&details)]).await?;
    Ok(())
}
