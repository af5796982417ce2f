//! The members of groups, by name, in keyset pages: of one group, or of a group with all that stand in it.
//!
//! Of few memberships, all are looked at and sorted. Where there are many, walking along everybody's names and asking of
//! each whether it is a member fills a page soonest: once per state, as the list of users does and for the same reason.
//! Where many groups stand in the group, it is asked from below: which groups the next people by name are in, and whether
//! one of those leads up to it. So a page costs the same, however many groups and people there are.
//!
//! Where somebody was put into the group by who may not read the person, readers who may not either are shown what was typed,
//! and the order must not tell more than that: then all memberships are looked at.

use std::collections::HashSet;

use model::{
    GroupId, OrgContext, Result, Timestamp, User, UserId,
    grant::Given,
    group_query::{MemberQuery, ORDER},
    lifecycle::StateName,
    page::{Cursor, Page},
};

use crate::{
    Connection, Engine, Record, Row, Sql, Value,
    access::id_list,
    boxed,
    grants::given,
    listing::{Texts, cut},
    nestings,
    users::COLUMNS,
    values,
};

/// More memberships than this, and the list walks along everybody's names.
const COMMON: i64 = 2_000;

/// More groups inside than this, with few memberships, and nobody looks at all of them.
const FEW_GROUPS: usize = 1_000;
/// More groups inside than this, with many memberships, and the people are asked, not the groups.
const VERY_FEW_GROUPS: usize = 20;
/// So many people are asked for one page at most.
const MOST_ASKED: usize = 10_000;
/// And so many in one statement.
const MOST_ASKED_AT_ONCE: u16 = 1_000;

/// One page of the users who are in any of these groups: at `at`, if that is given, else whatever the dates say.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    at: Option<Timestamp>,
    query: &MemberQuery,
) -> Result<Page<User>> {
    let list = id_list(groups);
    if query.as_typed && has_typed(connection, context, &list).await? {
        return by_typed(connection, context, &list, at, query).await;
    }
    by_name(connection, context, &list, at, query).await
}

/// Whoever was put into a group by who may not read the person, by what was typed.
async fn by_typed(
    connection: &mut Connection<'_>,
    context: OrgContext,
    list: &str,
    at: Option<Timestamp>,
    query: &MemberQuery,
) -> Result<Page<User>> {
    let rows: Vec<Typed> = Asked::page(context, list, at, query).ask(connection, Among::Typed, "").await?;
    let of = (&query.list(), ORDER);
    let page = cut(rows, query.limit, query.cursor.as_ref(), of, |row| (row.key.clone(), row.user.id.0));
    let items = page.items.into_iter().map(|row| row.user).collect();
    Ok(Page { items, next: page.next, previous: page.previous, more_than: None })
}

async fn by_name(
    connection: &mut Connection<'_>,
    context: OrgContext,
    list: &str,
    at: Option<Timestamp>,
    query: &MemberQuery,
) -> Result<Page<User>> {
    let among = if is_common(connection, context, list).await? { Among::Everybody } else { Among::Members };
    let rows: Vec<User> = Asked::page(context, list, at, query).ask(connection, among, "").await?;
    let of = (&query.list(), ORDER);
    Ok(cut(rows, query.limit, query.cursor.as_ref(), of, |user| (user.sort_name(), user.id.0)))
}

/// One page of the users who count as members at `now`, through the groups in the group too. A page may be shorter than it
/// could be, even empty, though more follow: then many people were asked, and few of them are members.
#[boxed]
pub async fn effective(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    now: Timestamp,
    query: &MemberQuery,
) -> Result<Page<User>> {
    if query.as_typed {
        let inside = crate::access::inside(connection, context, &[group], now).await?;
        let list = id_list(&inside);
        if has_typed(connection, context, &list).await? {
            return by_typed(connection, context, &list, Some(now), query).await;
        }
    }
    let most = i64::try_from(FEW_GROUPS).unwrap_or(i64::MAX) + 1;
    let inside = crate::access::inside_up_to(connection, context, group, now, most).await?;
    let list = id_list(&inside);
    let is_searched = inside.len() <= VERY_FEW_GROUPS
        || inside.len() <= FEW_GROUPS && !is_common(connection, context, &list).await?;
    if is_searched {
        return by_name(connection, context, &list, Some(now), query).await;
    }
    from_below(connection, context, group, now, query).await
}

async fn from_below(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    now: Timestamp,
    query: &MemberQuery,
) -> Result<Page<User>> {
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    let mut reached = query.cursor.clone();
    let (mut found, mut asked, mut limit) = (Vec::new(), 0, query.limit.saturating_mul(2));
    let has_more = loop {
        let next = Asked { context, list: "[]", at: None, cursor: reached.as_ref(), limit };
        let people: Vec<User> = next.ask(connection, Among::All, "").await?;
        asked += people.len();
        let is_end = people.len() < usize::from(limit);
        if let Some(last) = people.last() {
            let (order, key) = (ORDER.to_owned(), last.sort_name());
            reached = Some(Cursor { order, key, id: last.id.0, backwards });
        }
        found.extend(members_among(connection, context, group, now, people).await?);
        if is_end || found.len() > usize::from(query.limit) {
            break false;
        }
        if asked >= MOST_ASKED {
            break true;
        }
        limit = limit.saturating_mul(2).min(MOST_ASKED_AT_ONCE);
    };
    let list = query.list();
    let key = |user: &User| (user.sort_name(), user.id.0);
    let mut page = cut(found, query.limit, query.cursor.as_ref(), (&list, ORDER), key);
    // Nobody on the page says where it begins; whoever asked for it does.
    let before = |backwards| query.cursor.clone().map(|cursor| list.seal(&Cursor { backwards, ..cursor }));
    let onwards = if has_more { reached.map(|cursor| list.seal(&cursor)) } else { None };
    if backwards {
        page.previous = page.previous.or(onwards);
        page.next = page.next.or_else(|| before(false));
    } else {
        page.next = page.next.or(onwards);
        page.previous = page.previous.or_else(|| before(true));
    }
    Ok(page)
}

/// Those of these people who are in a group that is the group or leads up to it.
async fn members_among(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    now: Timestamp,
    people: Vec<User>,
) -> Result<Vec<User>> {
    let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
    let held = direct(connection, context, &ids).await?;
    let held: Vec<(UserId, GroupId)> =
        held.iter().filter(|held| held.given.holds(now)).map(|held| (held.user, held.group)).collect();
    let starts: HashSet<GroupId> = held.iter().map(|(_, group)| *group).collect();
    let starts: Vec<GroupId> = starts.into_iter().collect();
    let below = nestings::ways_up(connection, context, &starts, now).await?.below(group);
    let members: HashSet<UserId> =
        held.into_iter().filter(|(_, group)| below.contains(group)).map(|(user, _)| user).collect();
    Ok(people.into_iter().filter(|user| members.contains(&user.id)).collect())
}

/// How the engine goes about a page, step by step, the one way and the other.
#[cfg(feature = "testing")]
#[boxed]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    at: Option<Timestamp>,
    among: Among,
) -> Result<Vec<String>> {
    let list = id_list(groups);
    let asked = Asked { context, list: &list, at, cursor: None, limit: 51 };
    let how = crate::listing::plan::words(connection.engine());
    asked.ask(connection, among, how).await.map(crate::listing::plan::texts)
}

async fn is_common(connection: &mut Connection<'_>, context: OrgContext, list: &str) -> Result<bool> {
    const COUNT: Sql = Sql::by_engine(
        "SELECT count(*) FROM (SELECT 1 FROM json_each($2) found CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.group_id = unhex(found.value) LIMIT $3) counted",
        "SELECT count(*) FROM (SELECT 1 FROM jsonb_array_elements_text($2::jsonb) found (value) \
         CROSS JOIN group_members m WHERE m.org_id = $1 AND m.group_id = found.value::uuid LIMIT $3) counted",
    );
    let (count,): (i64,) = connection.one(COUNT, values![context.org, Value::Json(list), COMMON + 1]).await?;
    Ok(count > COMMON)
}

/// Whether anybody was put into one of these groups by who may not read the person.
async fn has_typed(connection: &mut Connection<'_>, context: OrgContext, list: &str) -> Result<bool> {
    const TYPED: Sql = Sql::by_engine(
        "SELECT count(*) > 0 FROM (SELECT 1 FROM json_each($2) found CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.group_id = unhex(found.value) AND m.typed IS NOT NULL LIMIT 1) found",
        "SELECT count(*) > 0 FROM (SELECT 1 FROM jsonb_array_elements_text($2::jsonb) found (value) \
         CROSS JOIN group_members m WHERE m.org_id = $1 AND m.group_id = found.value::uuid \
         AND m.typed IS NOT NULL LIMIT 1) found",
    );
    let (found,): (bool,) = connection.one(TYPED, values![context.org, Value::Json(list)]).await?;
    Ok(found)
}

/// A row with what it sorts by.
struct Typed {
    user: User,
    key: String,
}

impl Record for Typed {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self { user: crate::users::read(&mut columns)?, key: columns.take()? })
    }
}

/// What is asked of one statement.
struct Asked<'a> {
    context: OrgContext,
    /// Of which groups, as JSON.
    list: &'a str,
    at: Option<Timestamp>,
    cursor: Option<&'a Cursor>,
    limit: u16,
}

impl<'a> Asked<'a> {
    /// One page, and one row more.
    fn page(context: OrgContext, list: &'a str, at: Option<Timestamp>, query: &'a MemberQuery) -> Self {
        Self { context, list, at, cursor: query.cursor.as_ref(), limit: query.limit + 1 }
    }

    /// The rows; `how` stands before the statement.
    async fn ask<R: Record>(
        &self,
        connection: &mut Connection<'_>,
        among: Among,
        how: &'static str,
    ) -> Result<Vec<R>> {
        let backwards = self.cursor.is_some_and(|cursor| cursor.backwards);
        let shape = Shape { how, engine: connection.engine(), backwards, among, is_dated: self.at.is_some() };
        let (key, id) = self.cursor.map_or(("", uuid::Uuid::nil()), |cursor| (&cursor.key, cursor.id));
        let bound = [
            Value::from(self.context.org),
            Value::from(key),
            Value::from(UserId(id)),
            Value::from(i64::from(self.limit)),
            Value::Json(self.list),
            Value::from(self.at),
        ];
        let text = TEXTS.get(shape, |shape| format!("{}{}", shape.how, shape.statement()));
        connection.all(text.sql(), &text.values(&bound)).await
    }
}

static TEXTS: Texts<Shape> = Texts::new();

/// Among whom a page is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Among {
    /// All members, sorted.
    Members,
    /// Everybody in the order of names, of whom members are taken.
    Everybody,
    /// Everybody in the order of names, members or not.
    All,
    /// All members, by what was typed where nothing else may be shown.
    Typed,
}

/// Everything that makes one statement differ from another. Each text is made once and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    how: &'static str,
    engine: Engine,
    backwards: bool,
    among: Among,
    is_dated: bool,
}

impl Shape {
    fn statement(self) -> String {
        let (direction, than) = if self.backwards { ("DESC", "<") } else { ("ASC", ">") };
        let order = format!("u.sort_name {direction}, u.id {direction}");
        let after = format!("(u.sort_name, u.id) {than} ($2, $3)");
        let (listed, group) = match self.engine {
            Engine::Sqlite => ("json_each($5) found", "unhex(found.value)"),
            Engine::Postgres => ("jsonb_array_elements_text($5::jsonb) found (value)", "found.value::uuid"),
        };
        let holds = if self.is_dated {
            " AND (m.valid_from IS NULL OR m.valid_from <= $6) AND (m.valid_until IS NULL OR m.valid_until > $6)"
        } else {
            ""
        };
        if self.among == Among::Typed {
            // By name whoever was also put there by somebody who may read the person.
            return format!(
                "SELECT {COLUMNS}, page.shown FROM (SELECT found.key, found.shown FROM (SELECT u.key, u.id, \
                 CASE WHEN held.typed IS NULL THEN u.sort_name ELSE lower(held.typed) COLLATE \"binary\" END AS shown \
                 FROM (SELECT m.user_id, CASE WHEN count(m.typed) < count(*) THEN NULL ELSE min(m.typed) END AS typed \
                 FROM {listed} CROSS JOIN group_members m WHERE m.org_id = $1 AND m.group_id = {group}{holds} \
                 GROUP BY m.user_id) held CROSS JOIN users u WHERE u.org_id = $1 AND u.id = held.user_id) found \
                 WHERE (found.shown, found.id) {than} ($2, $3) \
                 ORDER BY found.shown {direction}, found.id {direction} LIMIT $4) page \
                 CROSS JOIN users u WHERE u.org_id = $1 AND u.key = page.key ORDER BY page.shown {direction}, u.id {direction}"
            );
        }
        let walk = |is_member: &str| {
            let streams = StateName::ALL.iter().enumerate().map(|(number, state)| {
                format!(
                    "SELECT * FROM (SELECT u.sort_name, u.id, u.key FROM users u \
                     WHERE u.org_id = $1 AND u.state = '{}' AND {after}{is_member} \
                     ORDER BY {order} LIMIT $4) s{number}",
                    state.as_str()
                )
            });
            let streams: Vec<String> = streams.collect();
            format!("SELECT u.key FROM ({}) u ORDER BY {order} LIMIT $4", streams.join(" UNION ALL "))
        };
        let keys = match self.among {
            Among::Members => format!(
                "SELECT u.key FROM (SELECT DISTINCT m.user_id FROM {listed} CROSS JOIN group_members m \
                 WHERE m.org_id = $1 AND m.group_id = {group}{holds}) held CROSS JOIN users u \
                 WHERE u.org_id = $1 AND u.id = held.user_id AND {after} ORDER BY {order} LIMIT $4"
            ),
            Among::Everybody => walk(&format!(
                " AND EXISTS (SELECT 1 FROM group_members m WHERE m.org_id = $1 AND m.user_id = u.id{holds} \
                 AND m.group_id IN (SELECT {group} FROM {listed}))"
            )),
            Among::All | Among::Typed => walk(""),
        };
        format!(
            "SELECT {COLUMNS} FROM ({keys}) page CROSS JOIN users u WHERE u.org_id = $1 AND u.key = page.key ORDER BY {order}"
        )
    }
}

/// That a user is in a group directly.
#[derive(Debug, Clone, PartialEq)]
pub struct Direct {
    /// Who.
    pub user: UserId,
    /// In which.
    pub group: GroupId,
    /// Who put the user there, when, and on what terms.
    pub given: Given,
    /// What whoever put the user there typed, if that was somebody who may not read the user.
    pub typed: Option<String>,
}

impl Record for Direct {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        let (user, group) = (columns.take()?, columns.take()?);
        Ok(Self { user, group, given: given(&mut columns)?, typed: columns.take()? })
    }
}

/// In which groups each of these users is directly, whatever the dates.
#[boxed]
pub async fn direct(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
) -> Result<Vec<Direct>> {
    const DIRECT: Sql = Sql::by_engine(
        "SELECT m.user_id, m.group_id, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until, m.typed \
         FROM json_each($2) asked CROSS JOIN group_members m WHERE m.org_id = $1 AND m.user_id = unhex(asked.value)",
        "SELECT m.user_id, m.group_id, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until, m.typed \
         FROM jsonb_array_elements_text($2::jsonb) asked (value) CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.user_id = asked.value::uuid",
    );
    connection.all(DIRECT, values![context.org, Value::Json(&id_list(users))]).await
}
