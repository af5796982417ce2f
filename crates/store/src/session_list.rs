//! Sessions of a whole organization: searched, a page at a time, counted, and ended by what was searched for. A page
//! costs the same however many are signed in.
//!
//! Everything is ordered by last use. One address and one platform each have an index in that order; a user has few
//! sessions, which are sorted. A network is a range of addresses: if few are signed in from there, those are sorted;
//! where they are many, walking in order and looking at each fills a page soonest.

use model::{
    GroupId, OrgContext, Result, RoleKey, SessionId, Timestamp, UserId,
    page::Page,
    session::{ORDER, Session, SessionQuery},
};

use crate::{
    Connection, Engine, Record, Row, Value,
    access::id_list,
    boxed,
    listing::{Texts, cut},
    values,
};

/// A session with whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The session.
    pub session: Session,
    /// The person's name, as shown.
    pub name: String,
    /// The username.
    pub username: String,
}

impl Record for Listed {
    fn read(row: &Row<'_>) -> Result<Self> {
        let (shown, username): (Option<String>, String) = (row.get(16)?, row.get(17)?);
        Ok(Self { session: Session::read(row)?, name: shown.unwrap_or_else(|| username.clone()), username })
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Sessions.
    pub sessions: i64,
    /// People whose they are.
    pub people: i64,
}

/// Whose sessions may be ended: not this one, and nobody's who holds one of those roles or is in one of those groups.
#[derive(Debug, Clone)]
pub struct Sparing {
    /// The session that asks, which goes on.
    pub session: Option<SessionId>,
    /// Roles that are more than the one who asks may do.
    pub roles: Vec<RoleKey>,
    /// Groups that carry such a role or stand in one that does.
    pub groups: Vec<GroupId>,
}

/// More from one network than this, and a page is found by walking.
const COMMON: i64 = 1_500;
/// More than so many sessions are not counted.
pub const COUNTED: i64 = 10_000;

const COLUMNS: &str = "s.org_id, s.id, s.user_id, s.secret, s.started_at, s.last_active_at, s.expires_at, \
                       s.idle_seconds, s.method, s.address, s.user_agent, s.remembered, s.country, s.hints, s.platform, s.made_within, \
                       u.fields ->> 'display_name', u.fields ->> 'username'";

/// One page.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &SessionQuery,
    now: Timestamp,
) -> Result<Page<Listed>> {
    let rows = ask(connection, context, query, now, What::Page, "").await?;
    let of = (&query.list(), ORDER);
    Ok(cut(rows, query.limit, query.cursor.as_ref(), of, |row: &Listed| {
        (row.session.last_active_at.micros().to_string(), row.session.id.0)
    }))
}

/// How many sessions match, exact up to `COUNTED` and one more than that beyond; with `sparing`, how many of them may
/// be ended.
#[boxed]
pub async fn count(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &SessionQuery,
    sparing: Option<&Sparing>,
    now: Timestamp,
) -> Result<Count> {
    let what = sparing.map_or(What::Count, What::CountSparing);
    let rows: Vec<(i64, i64)> = ask(connection, context, query, now, what, "").await?;
    Ok(rows
        .first()
        .map_or_else(Count::default, |(sessions, people)| Count { sessions: *sessions, people: *people }))
}

/// Ends the matching sessions that may be ended, the latest used first, at most `most`; answers which and whose.
#[boxed]
pub async fn end(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &SessionQuery,
    sparing: &Sparing,
    now: Timestamp,
    most: u16,
) -> Result<Vec<(SessionId, UserId)>> {
    let query = SessionQuery { limit: most, cursor: None, ..query.clone() };
    ask(connection, context, &query, now, What::End(sparing), "").await
}

/// How the engine goes about a page, step by step.
#[cfg(feature = "testing")]
#[boxed]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &SessionQuery,
    now: Timestamp,
) -> Result<Vec<String>> {
    let how = crate::listing::plan::words(connection.engine());
    ask(connection, context, query, now, What::Page, how).await.map(crate::listing::plan::texts)
}

/// What is wanted of the sessions that match.
#[derive(Debug, Clone, Copy)]
enum What<'s> {
    Page,
    Count,
    CountSparing(&'s Sparing),
    End(&'s Sparing),
}

static TEXTS: Texts<Shape> = Texts::new();

/// Everything that makes one statement differ from another. Each text is made once and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a filter that is there or not")]
struct Shape {
    how: &'static str,
    engine: Engine,
    /// 0 page, 1 count, 2 count of what may be ended, 3 end.
    what: u8,
    user: bool,
    network: Place,
    platform: bool,
    method: bool,
    remembered: bool,
    since: bool,
    /// Towards earlier use, as pages go; backwards it is the other way round.
    backwards: bool,
}

/// How a network is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Anywhere,
    /// One address: an index in order.
    Single,
    /// A range of few: by the index, then sorted.
    Few,
    /// A range of many: looked at while walking.
    Many,
}

async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &SessionQuery,
    now: Timestamp,
    what: What<'_>,
    how: &'static str,
) -> Result<Vec<R>> {
    let (low, high) = query.network.map(model::network::Network::range).unwrap_or_default();
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    let shape = Shape {
        how,
        engine: connection.engine(),
        what: match what {
            What::Page => 0,
            What::Count => 1,
            What::CountSparing(_) => 2,
            What::End(_) => 3,
        },
        user: query.user.is_some(),
        network: place(connection, context, query, (&low, &high)).await?,
        platform: query.platform.is_some(),
        method: !query.method.is_empty(),
        remembered: query.remembered.is_some(),
        since: query.active_since.is_some(),
        backwards,
    };
    let (key, id) = start(query, backwards);
    let limit = match what {
        What::Page => i64::from(query.limit) + 1,
        What::Count | What::CountSparing(_) => COUNTED + 1,
        What::End(_) => i64::from(query.limit),
    };
    let (session, roles, groups) = match what {
        What::CountSparing(sparing) | What::End(sparing) => {
            (sparing.session, spared(&sparing.roles), id_list(&sparing.groups))
        }
        What::Page | What::Count => (None, String::new(), String::new()),
    };
    let bound = [
        Value::from(context.org),
        Value::from(now),
        Value::from(key),
        Value::from(id),
        Value::from(limit),
        Value::from(query.user),
        Value::from(low.as_str()),
        Value::from(high.as_str()),
        Value::from(query.platform.map(model::device::Platform::as_str)),
        Value::from(query.method.as_str()),
        Value::from(query.remembered),
        Value::from(query.active_since),
        Value::from(session.unwrap_or(SessionId(uuid::Uuid::nil()))),
        Value::from(roles.as_str()),
        Value::Json(&groups),
    ];
    let text = TEXTS.get(shape, |shape| format!("{}{}", shape.how, shape.statement()));
    connection.all(text.sql(), &text.values(&bound)).await
}

/// The names between spaces, as the statement looks for one in them.
fn spared(roles: &[RoleKey]) -> String {
    let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
    format!(" {} ", names.join(" "))
}

/// The row before the page. Without a cursor: before the first of all.
fn start(query: &SessionQuery, backwards: bool) -> (i64, uuid::Uuid) {
    match &query.cursor {
        Some(cursor) => (cursor.key.parse().unwrap_or(0), cursor.id),
        None if backwards => (-1, uuid::Uuid::nil()),
        None => (i64::MAX, uuid::Uuid::max()),
    }
}

async fn place(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &SessionQuery,
    (low, high): (&str, &str),
) -> Result<Place> {
    let Some(network) = query.network else { return Ok(Place::Anywhere) };
    if network.is_single() {
        return Ok(Place::Single);
    }
    let sql = "SELECT count(*) FROM (SELECT 1 FROM sessions WHERE org_id = $1 AND address_key >= $2 \
               AND address_key <= $3 LIMIT $4) found";
    let (found,): (i64,) = connection.one(sql, values![context.org, low, high, COMMON + 1]).await?;
    Ok(if found > COMMON { Place::Many } else { Place::Few })
}

impl Shape {
    fn statement(self) -> String {
        let conditions = self.conditions();
        let (used, direction) = (self.last_used(), if self.backwards { "ASC" } else { "DESC" });
        let order = format!("{used} {direction}, s.id {direction}");
        match self.what {
            0 => {
                let than = if self.backwards { ">" } else { "<" };
                format!(
                    "SELECT {COLUMNS} FROM sessions s JOIN users u ON u.org_id = $1 AND u.id = s.user_id \
                     WHERE {conditions} AND ({used}, s.id) {than} ($3, $4) ORDER BY {order} LIMIT $5"
                )
            }
            1 | 2 => {
                let sparing = if self.what == 2 { self.sparing() } else { String::new() };
                format!(
                    "SELECT count(*), count(DISTINCT found.user_id) FROM \
                     (SELECT s.user_id FROM sessions s WHERE {conditions}{sparing} LIMIT $5) found"
                )
            }
            _ => {
                let sparing = self.sparing();
                format!(
                    "DELETE FROM sessions WHERE org_id = $1 AND id IN (SELECT s.id FROM sessions s \
                     WHERE {conditions}{sparing} ORDER BY {order} LIMIT $5) RETURNING id, user_id"
                )
            }
        }
    }

    /// What may be ended of what matches.
    fn sparing(self) -> String {
        let groups = match self.engine {
            Engine::Sqlite => "SELECT unhex(value) FROM json_each($15)",
            Engine::Postgres => "SELECT value::uuid FROM jsonb_array_elements_text($15::jsonb)",
        };
        format!(
            " AND s.id <> $13 AND NOT EXISTS (SELECT 1 FROM role_grants g WHERE g.org_id = $1 \
             AND g.user_id = s.user_id AND $14 LIKE '% ' || g.role || ' %' \
             AND (g.valid_until IS NULL OR g.valid_until > $2)) \
             AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.org_id = $1 \
             AND m.user_id = s.user_id AND m.group_id IN ({groups}) \
             AND (m.valid_until IS NULL OR m.valid_until > $2))"
        )
    }

    /// Where few rows are found first and sorted then, `SQLite` is not to see the column that all are in order of.
    /// PostgreSQL has statistics of the columns, and needs them plain.
    fn last_used(self) -> &'static str {
        let is_sorted = self.user || self.network == Place::Few;
        if is_sorted && self.engine == Engine::Sqlite { "(s.last_active_at + 0)" } else { "s.last_active_at" }
    }

    fn conditions(self) -> String {
        let hidden = |column: &str, is_hidden: bool| {
            let plain = !is_hidden || self.engine == Engine::Postgres;
            if plain { format!("s.{column}") } else { format!("s.{column} || ''") }
        };
        let platform = hidden("platform", self.user || self.network != Place::Anywhere);
        let address = hidden("address_key", self.user || self.network == Place::Many);
        let mut parts = vec![
            "s.org_id = $1".to_owned(),
            "s.expires_at > $2".to_owned(),
            "s.last_active_at + s.idle_seconds * 1000000 > $2".to_owned(),
        ];
        let mut add = |wanted: bool, part: &str| wanted.then(|| parts.push(part.to_owned()));
        add(self.user, "s.user_id = $6");
        add(self.network == Place::Single, &format!("{address} = $7"));
        let is_range = matches!(self.network, Place::Few | Place::Many);
        add(is_range, &format!("{address} >= $7 AND {address} <= $8"));
        add(self.platform, &format!("{platform} = $9"));
        add(self.method, "s.method = $10");
        add(self.remembered, "s.remembered = $11");
        add(self.since, &format!("{} >= $12", self.last_used()));
        parts.join(" AND ")
    }
}
