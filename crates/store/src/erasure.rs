//! What an erasure asks of tables that belong to other nouns: how much there is, and where else a person is named.

use std::collections::BTreeSet;

use model::{OrgContext, Result, UserId};

use crate::{Connection, Record, Row, boxed, values};

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

/// The addresses that a user has and had, as far as anything knows: of what was sent there.
#[boxed]
pub async fn addresses(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<String>> {
    let sql = "SELECT address FROM mails WHERE org_id = $1 AND user_id = $2 \
               UNION ALL SELECT address FROM links WHERE org_id = $1 AND user_id = $2 \
               UNION ALL SELECT email_key FROM reserved_addresses WHERE org_id = $1 AND user_id = $2";
    let rows: Vec<(String,)> = connection.all(sql, values![context.org, user]).await?;
    // Sorted here: sorted by the engine, the key that is in order would be walked, through all of the organization.
    let addresses: BTreeSet<String> = rows.into_iter().map(|(address,)| address).collect();
    Ok(addresses.into_iter().collect())
}

/// Removes what was sent to an address without saying whose it is: test mails.
#[boxed]
pub async fn forget_address(
    connection: &mut Connection<'_>,
    context: OrgContext,
    address: &str,
) -> Result<()> {
    let mails = "DELETE FROM mails WHERE org_id = $1 AND user_id IS NULL AND lower(address) = lower($2)";
    connection.execute(mails, values![context.org, address]).await?;
    Ok(())
}

/// Removes work that holds, as it was typed, what a user is called: nobody is called so any more.
#[boxed]
pub async fn forget_typed(connection: &mut Connection<'_>, context: OrgContext, typed: &str) -> Result<()> {
    let recover = "DELETE FROM jobs WHERE org_id = $1 AND work ->> 'identifier' IS NOT NULL \
                   AND lower(work ->> 'identifier') = lower($2)";
    connection.execute(recover, values![context.org, typed]).await?;
    let find = "DELETE FROM jobs WHERE work ->> 'email' IS NOT NULL AND lower(work ->> 'email') = lower($1)";
    connection.execute(find, values![typed]).await?;
    Ok(())
}
