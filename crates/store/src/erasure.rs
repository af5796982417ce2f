//! What an erasure asks of tables that belong to other nouns: how much there is, and where else a person is named.

use model::{MailId, OrgContext, Result, UserId, mail::MailDetails};

use crate::{
    Connection, Record, Row, Sql, Value, boxed,
    users::{from_json, to_json},
    values,
};

/// How much is held on a person, by the names of `model::erasure::REMOVED`.
#[boxed]
pub async fn holdings(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(&'static str, i64)>> {
    let sql = "SELECT \
        (SELECT count(*) FROM role_grants WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM group_members WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM group_owners WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM sessions WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM tokens WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM links WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM mails WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM invitations WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM sign_in_failures WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM data_exports WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM known_devices WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM device_cookies WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM sign_in_networks WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM reserved_addresses WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM muted_notices WHERE org_id = $1 AND user_id = $2), \
        (SELECT count(*) FROM audit_entries WHERE org_id = $1 AND target = $2) \
        + (SELECT count(*) FROM audit_entries WHERE org_id = $1 AND actor = $3)";
    let actor = user.to_string();
    let Counts(counts) = connection.one(sql, values![context.org, user, &actor]).await?;
    Ok([("profile", 1)].into_iter().chain(COUNTED.into_iter().zip(counts)).collect())
}

/// What is counted besides the profile, in the order of the statement.
const COUNTED: [&str; 16] = [
    "roles",
    "groups",
    "owned_groups",
    "sessions",
    "tokens",
    "links",
    "mails",
    "invitations",
    "failures",
    "data_exports",
    "devices",
    "known_devices",
    "networks",
    "reserved_addresses",
    "muted_notices",
    "audit_entries",
];

struct Counts([i64; COUNTED.len()]);

impl Record for Counts {
    fn read(row: &Row<'_>) -> Result<Self> {
        let (mut columns, mut counts) = (row.columns(), [0; COUNTED.len()]);
        for count in &mut counts {
            *count = columns.take()?;
        }
        Ok(Self(counts))
    }
}

/// Unnames whoever has sent invitations.
#[boxed]
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
#[boxed]
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
#[boxed]
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
#[boxed]
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
