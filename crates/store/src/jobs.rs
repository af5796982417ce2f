//! The rows of `jobs`, the outbox: claimed with a lease, done, tried again later, or dead.

use model::{
    JobId, OrgContext, Result, Timestamp,
    job::{Job, Work},
};

use crate::{
    Connection, Record, Row, Sql, Value, boxed,
    users::{from_json, to_json},
    values,
};

impl Record for Job {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take::<model::OrgId>()?.into(),
            id: columns.take()?,
            work: from_json(&columns.take::<String>()?)?,
            run_at: columns.take()?,
            attempts: columns.take()?,
        })
    }
}

/// Asks for work of one organization; the change that asks is in the same transaction.
#[boxed]
pub async fn insert(
    connection: &mut Connection<'_>,
    context: OrgContext,
    jobs: &[Job],
    now: Timestamp,
) -> Result<()> {
    const INSERT: Sql = Sql::by_engine(
        "INSERT INTO jobs (org_id, id, work, run_at, leased_until, attempts, last_error, dead, created_at) \
         SELECT $1, unhex(asked.value ->> 'id'), asked.value -> 'work', asked.value ->> 'at', 0, 0, '', FALSE, $3 \
         FROM json_each($2) asked",
        "INSERT INTO jobs (org_id, id, work, run_at, leased_until, attempts, last_error, dead, created_at) \
         SELECT $1, (asked.value ->> 'id')::uuid, asked.value -> 'work', (asked.value ->> 'at')::bigint, 0, 0, '', FALSE, $3 \
         FROM jsonb_array_elements($2::jsonb) asked (value)",
    );
    let asked = jobs.iter().map(|job| Asked {
        id: job.id.0.simple().to_string(),
        work: &job.work,
        at: job.run_at.micros(),
    });
    let asked = to_json(&asked.collect::<Vec<_>>())?;
    connection.execute(INSERT, values![context.org, Value::Json(&asked), now]).await?;
    Ok(())
}

/// A job as it is bound.
#[derive(serde::Serialize)]
struct Asked<'j> {
    id: String,
    work: &'j Work,
    at: i64,
}

/// Claims due jobs until `leased_until`; nobody else gets them before.
#[boxed]
pub async fn claim(
    connection: &mut Connection<'_>,
    now: Timestamp,
    leased_until: Timestamp,
    limit: u16,
) -> Result<Vec<Job>> {
    const SQLITE: &str = "UPDATE jobs SET leased_until = $2, attempts = attempts + 1 WHERE (org_id, id) IN \
        (SELECT org_id, id FROM jobs WHERE NOT dead AND run_at <= $1 AND leased_until <= $1 ORDER BY run_at, id LIMIT $3) \
        RETURNING org_id, id, work, run_at, attempts";
    const POSTGRES: &str = "UPDATE jobs SET leased_until = $2, attempts = attempts + 1 WHERE (org_id, id) IN \
        (SELECT org_id, id FROM jobs WHERE NOT dead AND run_at <= $1 AND leased_until <= $1 ORDER BY run_at, id LIMIT $3 \
        FOR UPDATE SKIP LOCKED) RETURNING org_id, id, work, run_at, attempts";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![now, leased_until, i64::from(limit)]).await
}

/// The job is done.
#[boxed]
pub async fn done(connection: &mut Connection<'_>, context: OrgContext, id: JobId) -> Result<()> {
    connection.execute("DELETE FROM jobs WHERE org_id = $1 AND id = $2", values![context.org, id]).await?;
    Ok(())
}

/// Work of the kind that was asked for before `asked_before` is done as well: one job did it for all.
#[boxed]
pub async fn all_done(connection: &mut Connection<'_>, kind: &str, asked_before: Timestamp) -> Result<()> {
    let sql = "DELETE FROM jobs WHERE work ->> 'kind' = $1 AND created_at < $2";
    connection.execute(sql, values![kind, asked_before]).await?;
    Ok(())
}

/// The job failed: again at `run_at`, or dead.
#[boxed]
pub async fn failed(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: JobId,
    why: &str,
    run_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "UPDATE jobs SET last_error = $3, run_at = COALESCE($4, run_at), leased_until = 0, dead = $5 \
               WHERE org_id = $1 AND id = $2";
    connection.execute(sql, values![context.org, id, why, run_at, run_at.is_none()]).await?;
    Ok(())
}

/// When the next job is due, to sleep until then.
#[boxed]
pub async fn next_due(connection: &mut Connection<'_>) -> Result<Option<Timestamp>> {
    let sql = "SELECT run_at FROM jobs WHERE NOT dead ORDER BY run_at, id LIMIT 1";
    Ok(connection.optional::<(Timestamp,)>(sql, &[]).await?.map(|(at,)| at))
}

/// How many jobs are dead and wait for somebody to look.
#[boxed]
pub async fn dead(connection: &mut Connection<'_>) -> Result<i64> {
    let (count,): (i64,) = connection.one("SELECT count(*) FROM jobs WHERE dead", &[]).await?;
    Ok(count)
}
