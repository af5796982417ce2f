//! The rows of `orgs` and `org_slugs`: organizations, and the addresses that lead to them.

use std::collections::HashSet;

use model::{Error, Kind, Org, OrgContext, OrgId, Result, Settings, Timestamp, error::FieldError};

use crate::{
    Connection, Record, Row, Sql, Value,
    access::id_list,
    boxed, locking,
    users::{from_json, to_json},
    values,
};

impl Record for Org {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            id: columns.take()?,
            slug: columns.take()?,
            name: columns.take()?,
            settings: from_json::<Settings>(&columns.take::<String>()?)?,
            created_at: columns.take()?,
            version: columns.take()?,
        })
    }
}

/// The organization of that id.
#[boxed]
pub async fn find(connection: &mut Connection<'_>, context: OrgContext) -> Result<Option<Org>> {
    let sql = "SELECT o.id, s.slug, o.name, o.settings, o.created_at, o.version FROM orgs o \
               JOIN org_slugs s ON s.org_id = o.id AND s.until IS NULL WHERE o.id = $1";
    connection.optional(sql, values![context.org]).await
}

/// Which of these organizations there are not.
#[boxed]
pub async fn missing(connection: &mut Connection<'_>, orgs: &[OrgId]) -> Result<Vec<OrgId>> {
    const PRESENT: Sql = Sql::by_engine(
        "SELECT o.id FROM json_each($1) asked CROSS JOIN orgs o WHERE o.id = unhex(asked.value)",
        "SELECT o.id FROM jsonb_array_elements_text($1::jsonb) asked (value) CROSS JOIN orgs o WHERE o.id = asked.value::uuid",
    );
    let list = id_list(orgs);
    let present: Vec<(OrgId,)> = connection.all(PRESENT, values![Value::Json(&list)]).await?;
    let present: HashSet<OrgId> = present.into_iter().map(|(org,)| org).collect();
    Ok(orgs.iter().copied().filter(|org| !present.contains(org)).collect())
}

/// The organization that a slug, present or past, leads to. Its `slug` is the present one.
#[boxed]
pub async fn find_by_slug(
    connection: &mut Connection<'_>,
    slug: &str,
    now: Timestamp,
) -> Result<Option<Org>> {
    let sql = "SELECT o.id, p.slug, o.name, o.settings, o.created_at, o.version FROM org_slugs s \
               JOIN orgs o ON o.id = s.org_id JOIN org_slugs p ON p.org_id = o.id AND p.until IS NULL \
               WHERE s.slug = $1 AND (s.until IS NULL OR s.until > $2)";
    connection.optional(sql, values![slug, now]).await
}

/// All organizations by slug, a page at a time.
#[boxed]
pub async fn page(connection: &mut Connection<'_>, after: &str, limit: u16) -> Result<Vec<Org>> {
    let sql = "SELECT o.id, s.slug, o.name, o.settings, o.created_at, o.version FROM org_slugs s \
               JOIN orgs o ON o.id = s.org_id WHERE s.until IS NULL AND s.slug > $1 ORDER BY s.slug LIMIT $2";
    connection.all(sql, values![after, i64::from(limit)]).await
}

/// Whether there is any organization: if not, the first start is not over.
#[boxed]
pub async fn exist(connection: &mut Connection<'_>) -> Result<bool> {
    Ok(connection.optional::<(i64,)>("SELECT 1 FROM orgs LIMIT 1", &[]).await?.is_some())
}

/// The organization's row is ours until the transaction ends: whatever can remove an owner takes this first.
#[boxed]
pub async fn lock(connection: &mut Connection<'_>, context: OrgContext) -> Result<()> {
    let sql = locking!("SELECT version FROM orgs WHERE id = $1");
    connection.optional::<(i64,)>(sql, values![context.org]).await?;
    Ok(())
}

/// Writes a new organization with its slug.
#[boxed]
pub async fn insert(connection: &mut Connection<'_>, org: &Org) -> Result<()> {
    let settings = to_json(&org.settings)?;
    let sql = "INSERT INTO orgs (id, name, settings, created_at, version, audit_expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let bound = values![
        org.id,
        &org.name,
        Value::Json(&settings),
        org.created_at,
        org.version,
        look_for_old_entries(org),
    ];
    connection.execute(sql, bound).await?;
    take_slug(connection, org.id, &org.slug, org.created_at).await
}

/// Saves name and settings: only if nobody has saved since.
#[boxed]
pub async fn update(connection: &mut Connection<'_>, org: &Org) -> Result<()> {
    let settings = to_json(&org.settings)?;
    let sql = "UPDATE orgs SET name = $2, settings = $3, version = version + 1, audit_expires_at = $5 \
               WHERE id = $1 AND version = $4";
    let bound = values![org.id, &org.name, Value::Json(&settings), org.version, look_for_old_entries(org)];
    if connection.execute(sql, bound).await? == 1 {
        return Ok(());
    }
    let message = "Somebody has changed the settings meanwhile. Look at them again, then repeat your change.";
    Err(Error::new(Kind::Stale, "org.changed_meanwhile", message))
}

/// With other settings other entries may be too old: looked at anew, where there is a limit at all.
fn look_for_old_entries(org: &Org) -> Option<Timestamp> {
    (org.settings.audit.retention_days > 0).then_some(Timestamp::from_micros(0))
}

/// Organizations in whose audit logs values may have become too old by `now`, some at a time.
#[boxed]
pub async fn audit_expiring(connection: &mut Connection<'_>, now: Timestamp, limit: u16) -> Result<Vec<Org>> {
    let sql = "SELECT o.id, s.slug, o.name, o.settings, o.created_at, o.version FROM orgs o \
               JOIN org_slugs s ON s.org_id = o.id AND s.until IS NULL WHERE o.audit_expires_at <= $1 \
               ORDER BY o.audit_expires_at, o.id LIMIT $2";
    connection.all(sql, values![now, i64::from(limit)]).await
}

/// Notes when to look again, `None`: never; nothing, if the settings were changed since.
#[boxed]
pub async fn audit_expires(connection: &mut Connection<'_>, org: &Org, at: Option<Timestamp>) -> Result<()> {
    let sql = "UPDATE orgs SET audit_expires_at = $3 WHERE id = $1 AND version = $2";
    connection.execute(sql, values![org.id, org.version, at]).await?;
    Ok(())
}

/// Gives the organization another slug; the present one leads to it until `keep_until`.
#[boxed]
pub async fn rename(
    connection: &mut Connection<'_>,
    org: &Org,
    slug: &str,
    now: Timestamp,
    keep_until: Timestamp,
) -> Result<()> {
    // Going back to a former slug of one's own is always possible.
    connection
        .execute(
            "DELETE FROM org_slugs WHERE slug = $1 AND org_id = $2 AND until IS NOT NULL",
            values![slug, org.id],
        )
        .await?;
    connection
        .execute(
            "UPDATE org_slugs SET until = $2 WHERE org_id = $1 AND until IS NULL",
            values![org.id, keep_until],
        )
        .await?;
    take_slug(connection, org.id, slug, now).await
}

async fn take_slug(connection: &mut Connection<'_>, org: OrgId, slug: &str, now: Timestamp) -> Result<()> {
    let free = "DELETE FROM org_slugs WHERE slug = $1 AND until <= $2";
    connection.execute(free, values![slug, now]).await?;
    let take = "INSERT INTO org_slugs (slug, org_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    if connection.execute(take, values![slug, org]).await? == 1 {
        return Ok(());
    }
    let message = format!("The address {slug} is taken. Choose another one.");
    let field = FieldError::new("slug", "slug.taken", message.clone());
    Err(Error::new(Kind::Conflict, "slug.taken", message).with_fields(vec![field]))
}
