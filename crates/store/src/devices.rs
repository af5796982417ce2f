//! With what each person has signed in. `known_devices` keeps how devices looked and from which countries they came, so
//! that something new is told; `device_cookies` keeps the browsers themselves, each known by a cookie of its own, so that
//! strangers' failures don't shut them out; `sign_in_networks` keeps where people have signed in from.

use model::{
    DeviceId, OrgContext, OrgId, Result, SessionId, Timestamp, UserId,
    device::{ClientHints, KnownDevice},
    session::SecretHash,
};

use crate::{
    Connection, Record, Row, Value, boxed,
    users::{from_json, to_json},
    values,
};

/// What is known of a device and a country, before this sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The person has never signed in while this was kept.
    pub nothing: bool,
    /// The device was used before.
    pub device: bool,
    /// The country was signed in from before.
    pub country: bool,
}

/// Notes a sign-in with a device (`model::device::Device::key`) from a country (empty: not known), and answers what
/// was known before.
#[boxed]
pub async fn note(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    device: &[u8; 32],
    country: &str,
    now: Timestamp,
) -> Result<Known> {
    let sql = "SELECT device, country FROM known_devices WHERE org_id = $1 AND user_id = $2 LIMIT 1000";
    let rows: Vec<(Vec<u8>, String)> = connection.all(sql, values![context.org, user]).await?;
    let known = Known {
        nothing: rows.is_empty(),
        device: rows.iter().any(|(known, _)| known == device),
        country: rows.iter().any(|(_, known)| known == country),
    };
    let sql = "INSERT INTO known_devices (org_id, user_id, device, country, first_seen_at, last_seen_at) \
               VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (org_id, user_id, device, country) \
               DO UPDATE SET last_seen_at = excluded.last_seen_at";
    connection.execute(sql, values![context.org, user, device, country, now]).await?;
    Ok(known)
}

/// What is remembered of a person: each device by its mark, and a country (empty: not known) with the first and the last
/// sign-in from there; the latest first.
#[boxed]
pub async fn of_user(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(Vec<u8>, String, Timestamp, Timestamp)>> {
    let sql = "SELECT device, country, first_seen_at, last_seen_at FROM known_devices \
               WHERE org_id = $1 AND user_id = $2 ORDER BY last_seen_at DESC, device, country";
    connection.all(sql, values![context.org, user]).await
}

/// Forgets what is known of a person who is erased.
#[boxed]
pub async fn forget(connection: &mut Connection<'_>, context: OrgContext, user: UserId) -> Result<()> {
    let looks = "DELETE FROM known_devices WHERE org_id = $1 AND user_id = $2";
    connection.execute(looks, values![context.org, user]).await?;
    let networks = "DELETE FROM sign_in_networks WHERE org_id = $1 AND user_id = $2";
    connection.execute(networks, values![context.org, user]).await?;
    end_all(connection, context, user, None).await.map(drop)
}

impl Record for KnownDevice {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take::<OrgId>()?.into(),
            id: columns.take()?,
            user: columns.take()?,
            session: columns.take()?,
            address: columns.take()?,
            country: columns.take()?,
            user_agent: columns.take()?,
            hints: from_json::<ClientHints>(&columns.take::<String>()?)?,
            first_seen_at: columns.take()?,
            last_seen_at: columns.take()?,
        })
    }
}

/// The device of that person whose cookie is among the presented ones, if it was seen after `since`. Always the same
/// statement, however many there are and whoever it is.
#[boxed]
pub async fn presented(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    secrets: &[SecretHash],
    since: Timestamp,
) -> Result<Option<DeviceId>> {
    let [one, two, three, four, five] = &padded(secrets);
    let sql = "SELECT id FROM device_cookies WHERE org_id = $1 AND user_id = $2 AND last_seen_at > $3 \
               AND secret IN ($4, $5, $6, $7, $8) ORDER BY last_seen_at DESC, id LIMIT 1";
    let bound = values![context.org, user, since, one, two, three, four, five];
    Ok(connection.optional::<(DeviceId,)>(sql, bound).await?.map(|(id,)| id))
}

/// The same, whosever it is.
#[boxed]
pub async fn presented_by_anybody(
    connection: &mut Connection<'_>,
    context: OrgContext,
    secrets: &[SecretHash],
    since: Timestamp,
) -> Result<Option<DeviceId>> {
    let [one, two, three, four, five] = &padded(secrets);
    let sql = "SELECT id FROM device_cookies WHERE org_id = $1 AND last_seen_at > $2 \
               AND secret IN ($3, $4, $5, $6, $7) ORDER BY last_seen_at DESC, id LIMIT 1";
    let bound = values![context.org, since, one, two, three, four, five];
    Ok(connection.optional::<(DeviceId,)>(sql, bound).await?.map(|(id,)| id))
}

/// As many as a statement asks for; the rest are nobody's.
pub(crate) fn padded(secrets: &[SecretHash]) -> [SecretHash; KnownDevice::COOKIES] {
    let mut padded = [[0; 32]; KnownDevice::COOKIES];
    padded.iter_mut().zip(secrets).for_each(|(place, secret)| *place = *secret);
    padded
}

/// The devices of a person that were seen after `since`, the latest first.
#[boxed]
pub async fn list(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    since: Timestamp,
) -> Result<Vec<KnownDevice>> {
    let sql = "SELECT org_id, id, user_id, session_id, address, country, user_agent, hints, first_seen_at, last_seen_at \
               FROM device_cookies WHERE org_id = $1 AND user_id = $2 AND last_seen_at > $3 \
               ORDER BY last_seen_at DESC, id LIMIT 100";
    connection.all(sql, values![context.org, user, since]).await
}

/// Writes a device that somebody signs in with for the first time.
#[boxed]
pub async fn insert(
    connection: &mut Connection<'_>,
    device: &KnownDevice,
    secret: &SecretHash,
) -> Result<()> {
    let sql = "INSERT INTO device_cookies (org_id, id, user_id, secret, session_id, address, country, user_agent, hints, \
               first_seen_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
    let hints = to_json(&device.hints)?;
    let bound = values![
        device.org.org,
        device.id,
        device.user,
        secret,
        device.session,
        &device.address,
        &device.country,
        &device.user_agent,
        Value::Json(&hints),
        device.first_seen_at,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Notes another sign-in with a device.
#[boxed]
pub async fn seen(connection: &mut Connection<'_>, device: &KnownDevice) -> Result<()> {
    let sql = "UPDATE device_cookies SET session_id = $3, address = $4, country = $5, user_agent = $6, hints = $7, \
               last_seen_at = $8 WHERE org_id = $1 AND id = $2";
    let hints = to_json(&device.hints)?;
    let bound = values![
        device.org.org,
        device.id,
        device.session,
        &device.address,
        &device.country,
        &device.user_agent,
        Value::Json(&hints),
        device.last_seen_at,
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Ends one device of a person; true if it was there.
#[boxed]
pub async fn end(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    id: DeviceId,
) -> Result<bool> {
    let sql = "DELETE FROM device_cookies WHERE org_id = $1 AND user_id = $2 AND id = $3";
    Ok(connection.execute(sql, values![context.org, user, id]).await? > 0)
}

/// Ends the devices of a person, or all but the one of a session; answers how many.
#[boxed]
pub async fn end_all(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    but: Option<SessionId>,
) -> Result<u64> {
    let all = "DELETE FROM device_cookies WHERE org_id = $1 AND user_id = $2";
    let others = "DELETE FROM device_cookies WHERE org_id = $1 AND user_id = $2 AND session_id <> $3";
    match but {
        None => connection.execute(all, values![context.org, user]).await,
        Some(session) => connection.execute(others, values![context.org, user, session]).await,
    }
}

/// Ends the devices of a person that were not seen for the longest time, so that at most `most` are left.
#[boxed]
pub async fn end_oldest(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    most: i64,
) -> Result<()> {
    let sql = "DELETE FROM device_cookies WHERE org_id = $1 AND id IN (SELECT id FROM device_cookies WHERE org_id = $1 \
               AND user_id = $2 ORDER BY last_seen_at DESC, id DESC LIMIT 1000 OFFSET $3)";
    connection.execute(sql, values![context.org, user, most]).await?;
    Ok(())
}

/// Notes that a person has signed in from a network (`model::network::counted`).
#[boxed]
pub async fn note_network(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    network: &str,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO sign_in_networks (org_id, user_id, network, last_seen_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (org_id, user_id, network) DO UPDATE SET last_seen_at = excluded.last_seen_at";
    connection.execute(sql, values![context.org, user, network, now]).await?;
    Ok(())
}

/// Whether a person has signed in from a network.
#[boxed]
pub async fn is_from_known_network(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    network: &str,
) -> Result<bool> {
    let sql = "SELECT last_seen_at FROM sign_in_networks WHERE org_id = $1 AND user_id = $2 AND network = $3";
    let found: Option<(Timestamp,)> = connection.optional(sql, values![context.org, user, network]).await?;
    Ok(found.is_some())
}

/// The networks that a person has signed in from, and when last; the latest first.
#[boxed]
pub async fn networks(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
) -> Result<Vec<(String, Timestamp)>> {
    let sql = "SELECT network, last_seen_at FROM sign_in_networks WHERE org_id = $1 AND user_id = $2 \
               ORDER BY last_seen_at DESC, network LIMIT 1000";
    connection.all(sql, values![context.org, user]).await
}

/// Tidies what was last seen before that moment.
#[boxed]
pub async fn tidy(connection: &mut Connection<'_>, before: Timestamp) -> Result<u64> {
    connection.execute("DELETE FROM sign_in_networks WHERE last_seen_at < $1", values![before]).await?;
    connection.execute("DELETE FROM device_cookies WHERE last_seen_at < $1", values![before]).await
}
