//! Who made an outstanding secret for somebody else, and what the maker could have given, kept beside the secret: links,
//! passwords, API tokens and addresses, and what was begun with them. `NULL`: made by the person, by the operator or by
//! Muster, or before this was kept.

use model::{
    Error, GroupId, InvitationId, LinkId, OrgContext, Permissions, Result, RoleKey, Timestamp, TokenId,
    UserId,
    impact::Concern,
    link::Purpose,
    outgrown::{Maker, SecretKind},
};
use uuid::Uuid;

use crate::{Connection, Record, Row, Sql, Value, access::id_list, boxed, tokens::scopes, values};

/// What somebody may have made for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A link in a mail.
    Link(LinkId),
    /// What an invitation sends by itself, such as a reminder.
    Invitation(InvitationId),
    /// An API token.
    Token(TokenId),
    /// Somebody's password.
    Password(UserId),
    /// Somebody's address for mail.
    Address(UserId),
    /// Somebody's personal address, which invitations go to as well.
    PersonalAddress(UserId),
}

impl Made {
    /// The statements that read and write it, and whose row it is.
    fn kept(self) -> (&'static str, &'static str, Uuid) {
        match self {
            Self::Link(id) => (
                "SELECT made_within FROM links WHERE org_id = $1 AND id = $2",
                "UPDATE links SET made_within = $3 WHERE org_id = $1 AND id = $2",
                id.0,
            ),
            Self::Invitation(id) => (
                "SELECT made_within FROM invitations WHERE org_id = $1 AND id = $2",
                "UPDATE invitations SET made_within = $3 WHERE org_id = $1 AND id = $2",
                id.0,
            ),
            Self::Token(id) => (
                "SELECT made_within FROM tokens WHERE org_id = $1 AND id = $2",
                "UPDATE tokens SET made_within = $3 WHERE org_id = $1 AND id = $2",
                id.0,
            ),
            Self::Password(user) => (
                "SELECT made_within FROM credentials WHERE org_id = $1 AND user_id = $2",
                "UPDATE credentials SET made_within = $3 WHERE org_id = $1 AND user_id = $2",
                user.0,
            ),
            Self::Address(user) => (
                "SELECT address_set_within FROM users WHERE org_id = $1 AND id = $2",
                "UPDATE users SET address_set_within = $3 WHERE org_id = $1 AND id = $2",
                user.0,
            ),
            Self::PersonalAddress(user) => (
                "SELECT personal_set_within FROM users WHERE org_id = $1 AND id = $2",
                "UPDATE users SET personal_set_within = $3 WHERE org_id = $1 AND id = $2",
                user.0,
            ),
        }
    }
}

/// A maker as it stands in a row.
pub(crate) fn maker(kept: Option<&str>) -> Result<Option<Maker>> {
    kept.map(|text| serde_json::from_str(text).map_err(Error::internal)).transpose()
}

/// The other way round.
pub(crate) fn written(maker: Option<&Maker>) -> Result<Option<String>> {
    maker.map(|maker| serde_json::to_string(maker).map_err(Error::internal)).transpose()
}

/// Who made it, unless its owner did.
#[boxed]
pub async fn of(connection: &mut Connection<'_>, context: OrgContext, made: Made) -> Result<Option<Maker>> {
    let (select, _, id) = made.kept();
    let row: Option<(Option<String>,)> = connection.optional(select, values![context.org, id]).await?;
    maker(row.and_then(|(text,)| text).as_deref())
}

/// Keeps it; `None`: nobody but its owner, or the operator.
#[boxed]
pub async fn keep(
    connection: &mut Connection<'_>,
    context: OrgContext,
    made: Made,
    maker: Option<&Maker>,
) -> Result<()> {
    let (_, update, id) = made.kept();
    let text = written(maker)?;
    connection.execute(update, values![context.org, id, text.as_deref()]).await?;
    Ok(())
}

/// A secret that somebody else made for a user, and that opens something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// Whose account it opens.
    pub user: UserId,
    /// What it is.
    pub kind: SecretKind,
    /// The id of a link or token; the user's of a password or address.
    pub id: Uuid,
    /// Who made it.
    pub maker: Maker,
    /// The address that a link was sent to, or that was set; the name of a token.
    pub label: String,
    /// What a link is for.
    pub purpose: Option<Purpose>,
    /// What a token may do at most.
    pub scopes: Permissions,
}

impl Record for Outstanding {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let user = columns.take()?;
        let kind = SecretKind::parse(&columns.take::<String>()?);
        Ok(Self {
            user,
            kind: kind.ok_or_else(|| Error::internal("an unknown kind of secret"))?,
            id: columns.take()?,
            maker: maker(Some(&columns.take::<String>()?))?
                .ok_or_else(|| Error::internal("a secret without a maker"))?,
            label: columns.take()?,
            purpose: Purpose::parse(&columns.take::<String>()?),
            scopes: scopes(columns.take::<Option<String>>()?.as_deref())?,
        })
    }
}

/// What others made for these users, whatever its makers could have given, by user. Of an invitation that has expired the
/// link is still worth something: whoever has it may ask for a new one. An address that is outgrown already is among them:
/// who wrote it is still told.
#[boxed]
pub async fn outstanding(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
    now: Timestamp,
) -> Result<Vec<Outstanding>> {
    const SQLITE: &str = "SELECT l.user_id, CASE WHEN l.expires_at > $3 THEN 'link' ELSE 'expired' END, l.id, l.made_within, l.address, l.purpose, NULL \
        FROM json_each($2) found CROSS JOIN links l WHERE l.org_id = $1 AND l.user_id = unhex(found.value) AND l.made_within IS NOT NULL \
        AND l.ended_at IS NULL AND (l.expires_at > $3 OR l.purpose IN ('invitation', 'activation')) \
        UNION ALL SELECT t.user_id, 'token', t.id, t.made_within, t.name, '', t.scopes FROM json_each($2) found CROSS JOIN tokens t \
        WHERE t.org_id = $1 AND t.user_id = unhex(found.value) AND t.made_within IS NOT NULL AND t.expires_at > $3 \
        UNION ALL SELECT s.user_id, 'session', s.id, s.made_within, '', '', NULL FROM json_each($2) found CROSS JOIN sessions s \
        WHERE s.org_id = $1 AND s.user_id = unhex(found.value) AND s.made_within IS NOT NULL AND s.expires_at > $3 \
        UNION ALL SELECT c.user_id, 'password', c.user_id, c.made_within, '', '', NULL FROM json_each($2) found CROSS JOIN credentials c \
        WHERE c.org_id = $1 AND c.user_id = unhex(found.value) AND c.made_within IS NOT NULL AND (c.expires_at IS NULL OR c.expires_at > $3) \
        UNION ALL SELECT u.id, 'address', u.id, u.address_set_within, COALESCE(u.fields ->> 'email', ''), '', NULL FROM json_each($2) found \
        CROSS JOIN users u WHERE u.org_id = $1 AND u.id = unhex(found.value) AND u.address_set_within IS NOT NULL AND u.fields ->> 'email' IS NOT NULL \
        UNION ALL SELECT u.id, 'personal', u.id, u.personal_set_within, COALESCE(u.fields ->> 'personal_email', ''), '', NULL FROM json_each($2) found \
        CROSS JOIN users u WHERE u.org_id = $1 AND u.id = unhex(found.value) AND u.personal_set_within IS NOT NULL \
        AND u.fields ->> 'personal_email' IS NOT NULL";
    const POSTGRES: &str = "SELECT l.user_id, CASE WHEN l.expires_at > $3 THEN 'link' ELSE 'expired' END, l.id, l.made_within, l.address, l.purpose, NULL \
        FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN links l WHERE l.org_id = $1 AND l.user_id = found.value::uuid AND l.made_within IS NOT NULL \
        AND l.ended_at IS NULL AND (l.expires_at > $3 OR l.purpose IN ('invitation', 'activation')) \
        UNION ALL SELECT t.user_id, 'token', t.id, t.made_within, t.name, '', t.scopes FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN tokens t \
        WHERE t.org_id = $1 AND t.user_id = found.value::uuid AND t.made_within IS NOT NULL AND t.expires_at > $3 \
        UNION ALL SELECT s.user_id, 'session', s.id, s.made_within, '', '', NULL FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN sessions s \
        WHERE s.org_id = $1 AND s.user_id = found.value::uuid AND s.made_within IS NOT NULL AND s.expires_at > $3 \
        UNION ALL SELECT c.user_id, 'password', c.user_id, c.made_within, '', '', NULL FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN credentials c \
        WHERE c.org_id = $1 AND c.user_id = found.value::uuid AND c.made_within IS NOT NULL AND (c.expires_at IS NULL OR c.expires_at > $3) \
        UNION ALL SELECT u.id, 'address', u.id, u.address_set_within, COALESCE(u.fields ->> 'email', ''), '', NULL FROM jsonb_array_elements_text($2::jsonb) found (value) \
        CROSS JOIN users u WHERE u.org_id = $1 AND u.id = found.value::uuid AND u.address_set_within IS NOT NULL AND u.fields ->> 'email' IS NOT NULL \
        UNION ALL SELECT u.id, 'personal', u.id, u.personal_set_within, COALESCE(u.fields ->> 'personal_email', ''), '', NULL FROM jsonb_array_elements_text($2::jsonb) found (value) \
        CROSS JOIN users u WHERE u.org_id = $1 AND u.id = found.value::uuid AND u.personal_set_within IS NOT NULL \
        AND u.fields ->> 'personal_email' IS NOT NULL";
    let list = id_list(users);
    let bound = values![context.org, Value::Json(&list), now];
    let mut all: Vec<Outstanding> = connection.all(Sql::by_engine(SQLITE, POSTGRES), bound).await?;
    let is_address = |kind| matches!(kind, SecretKind::Address | SecretKind::Personal);
    all.retain(|secret| secret.maker.outgrown_at.is_none() || is_address(secret.kind));
    all.sort_by_key(|secret| (secret.user, secret.kind, secret.id));
    Ok(all)
}

/// Those whom a change of access can concern and for whom others may have made something, in the order of their ids, after
/// `after`; at most `limit`.
#[boxed]
pub async fn holders(
    connection: &mut Connection<'_>,
    context: OrgContext,
    concern: Concern,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<UserId>> {
    let after = after.unwrap_or(UserId(Uuid::nil()));
    let mut found = match concern {
        Concern::User(user) => vec![user],
        Concern::Group(group) => in_groups(connection, context, &[group], after, limit).await?,
        Concern::Role(role) => {
            let mut found = with_role(connection, context, role, after, limit).await?;
            let groups = crate::access::carrying(connection, context, &[role]).await?;
            if !groups.is_empty() {
                found.extend(in_groups(connection, context, &groups, after, limit).await?);
            }
            found
        }
        Concern::Over(group) => {
            let inside = crate::access::below(connection, context, &[group]).await?;
            let (mut found, groups) = crate::access_paths::scoped_to(connection, context, &inside).await?;
            found.retain(|user| *user > after);
            if !groups.is_empty() {
                found.extend(in_groups(connection, context, &groups, after, limit).await?);
            }
            found
        }
    };
    found.sort_unstable();
    found.dedup();
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

async fn in_groups(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    after: UserId,
    limit: u32,
) -> Result<Vec<UserId>> {
    const SQLITE: &str = "WITH RECURSIVE held (id) AS (SELECT unhex(value) AS id FROM json_each($2) UNION \
        SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id) \
        SELECT DISTINCT m.user_id FROM held CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.group_id = held.id AND m.user_id > $3 AND \
        (EXISTS (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.id = m.user_id \
        AND (u.address_set_within IS NOT NULL OR u.personal_set_within IS NOT NULL)) \
        OR EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = $1 AND c.user_id = m.user_id AND c.made_within IS NOT NULL) \
        OR EXISTS (SELECT 1 FROM sessions s WHERE s.org_id = $1 AND s.user_id = m.user_id AND s.made_within IS NOT NULL) \
        OR EXISTS (SELECT 1 FROM tokens t WHERE t.org_id = $1 AND t.user_id = m.user_id AND t.made_within IS NOT NULL) \
        OR EXISTS (SELECT 1 FROM links l WHERE l.org_id = $1 AND l.user_id = m.user_id AND l.made_within IS NOT NULL)) \
        ORDER BY m.user_id LIMIT $4";
    const POSTGRES: &str = "WITH RECURSIVE held (id) AS (SELECT value::uuid AS id FROM jsonb_array_elements_text($2::jsonb) UNION \
        SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id) \
        SELECT DISTINCT m.user_id FROM held CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.group_id = held.id AND m.user_id > $3 AND \
        (EXISTS (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.id = m.user_id \
        AND (u.address_set_within IS NOT NULL OR u.personal_set_within IS NOT NULL)) \
        OR EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = $1 AND c.user_id = m.user_id AND c.made_within IS NOT NULL) \
        OR EXISTS (SELECT 1 FROM sessions s WHERE s.org_id = $1 AND s.user_id = m.user_id AND s.made_within IS NOT NULL) \
        OR EXISTS (SELECT 1 FROM tokens t WHERE t.org_id = $1 AND t.user_id = m.user_id AND t.made_within IS NOT NULL) \
        OR EXISTS (SELECT 1 FROM links l WHERE l.org_id = $1 AND l.user_id = m.user_id AND l.made_within IS NOT NULL)) \
        ORDER BY m.user_id LIMIT $4";
    let list = id_list(groups);
    let bound = values![context.org, Value::Json(&list), after, i64::from(limit)];
    let rows: Vec<(UserId,)> = connection.all(Sql::by_engine(SQLITE, POSTGRES), bound).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

async fn with_role(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: RoleKey,
    after: UserId,
    limit: u32,
) -> Result<Vec<UserId>> {
    let sql = "SELECT DISTINCT g.user_id FROM role_grants g WHERE g.org_id = $1 AND g.role = $2 AND g.user_id > $3 AND \
               (EXISTS (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.id = g.user_id \
               AND (u.address_set_within IS NOT NULL OR u.personal_set_within IS NOT NULL)) \
               OR EXISTS (SELECT 1 FROM credentials c WHERE c.org_id = $1 AND c.user_id = g.user_id AND c.made_within IS NOT NULL) \
               OR EXISTS (SELECT 1 FROM sessions s WHERE s.org_id = $1 AND s.user_id = g.user_id AND s.made_within IS NOT NULL) \
               OR EXISTS (SELECT 1 FROM tokens t WHERE t.org_id = $1 AND t.user_id = g.user_id AND t.made_within IS NOT NULL) \
               OR EXISTS (SELECT 1 FROM links l WHERE l.org_id = $1 AND l.user_id = g.user_id AND l.made_within IS NOT NULL)) \
               ORDER BY g.user_id LIMIT $4";
    let role = role.to_string();
    let rows: Vec<(UserId,)> =
        connection.all(sql, values![context.org, &role, after, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}
