//! The members of groups, by name, in keyset pages: of one group, or of a group with all that stand in it.
//!
//! Of few memberships, all are looked at and sorted. Where there are many, walking along everybody's names and asking of
//! each whether it is a member fills a page soonest: once per state, as the list of users does and for the same reason.

use model::{
    GroupId, OrgContext, Result, Timestamp, User, UserId,
    grant::Given,
    group_query::{MemberQuery, ORDER},
    lifecycle::StateName,
    page::Page,
};

use crate::{
    Connection, Engine, Record, Row, Sql, Value,
    access::id_list,
    boxed,
    grants::given,
    listing::{Texts, cut},
    users::COLUMNS,
    values,
};

/// More memberships than this, and the list walks along everybody's names.
const COMMON: i64 = 2_000;

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
    let is_common = is_common(connection, context, &list).await?;
    let rows: Vec<User> = ask(connection, context, &list, at, query, is_common, "").await?;
    Ok(cut(rows, query.limit, query.cursor.as_ref(), ORDER, |user| (user.sort_name(), user.id.0)))
}

/// How the engine goes about a page, step by step, the one way and the other.
#[cfg(feature = "testing")]
#[boxed]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    at: Option<Timestamp>,
    is_common: bool,
) -> Result<Vec<String>> {
    let (list, query) = (id_list(groups), MemberQuery::default());
    let how = crate::listing::plan::words(connection.engine());
    ask(connection, context, &list, at, &query, is_common, how).await.map(crate::listing::plan::texts)
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

/// The rows of a page and the one after it; `how` stands before the statement.
async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    list: &str,
    at: Option<Timestamp>,
    query: &MemberQuery,
    is_common: bool,
    how: &'static str,
) -> Result<Vec<R>> {
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    let shape = Shape { how, engine: connection.engine(), backwards, is_common, is_dated: at.is_some() };
    let (key, id) = query.cursor.as_ref().map_or(("", uuid::Uuid::nil()), |cursor| (&cursor.key, cursor.id));
    let bound = [
        Value::from(context.org),
        Value::from(key),
        Value::from(UserId(id)),
        Value::from(i64::from(query.limit) + 1),
        Value::Json(list),
        Value::from(at),
    ];
    let text = TEXTS.get(shape, |shape| format!("{}{}", shape.how, shape.statement()));
    connection.all(text.sql(), &text.values(&bound)).await
}

static TEXTS: Texts<Shape> = Texts::new();

/// Everything that makes one statement differ from another. Each text is made once and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    how: &'static str,
    engine: Engine,
    backwards: bool,
    is_common: bool,
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
        let keys = if self.is_common {
            let streams = StateName::ALL.iter().enumerate().map(|(number, state)| {
                format!(
                    "SELECT * FROM (SELECT u.sort_name, u.id, u.key FROM users u \
                     WHERE u.org_id = $1 AND u.state = '{}' AND {after} \
                     AND EXISTS (SELECT 1 FROM group_members m WHERE m.org_id = $1 AND m.user_id = u.id{holds} \
                     AND m.group_id IN (SELECT {group} FROM {listed})) \
                     ORDER BY {order} LIMIT $4) s{number}",
                    state.as_str()
                )
            });
            let streams: Vec<String> = streams.collect();
            format!("SELECT u.key FROM ({}) u ORDER BY {order} LIMIT $4", streams.join(" UNION ALL "))
        } else {
            format!(
                "SELECT u.key FROM (SELECT DISTINCT m.user_id FROM {listed} CROSS JOIN group_members m \
                 WHERE m.org_id = $1 AND m.group_id = {group}{holds}) held CROSS JOIN users u \
                 WHERE u.org_id = $1 AND u.id = held.user_id AND {after} ORDER BY {order} LIMIT $4"
            )
        };
        format!(
            "SELECT {COLUMNS} FROM ({keys}) page CROSS JOIN users u WHERE u.key = page.key ORDER BY {order}"
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
}

impl Record for Direct {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self { user: columns.take()?, group: columns.take()?, given: given(&mut columns)? })
    }
}

/// In which of these groups each of these users is directly.
#[boxed]
pub async fn direct(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
    groups: &[GroupId],
) -> Result<Vec<Direct>> {
    const DIRECT: Sql = Sql::by_engine(
        "SELECT m.user_id, m.group_id, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until \
         FROM json_each($2) asked CROSS JOIN group_members m WHERE m.org_id = $1 AND m.user_id = unhex(asked.value) \
         AND m.group_id IN (SELECT unhex(value) FROM json_each($3))",
        "SELECT m.user_id, m.group_id, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until \
         FROM jsonb_array_elements_text($2::jsonb) asked (value) CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.user_id = asked.value::uuid \
         AND m.group_id IN (SELECT value::uuid FROM jsonb_array_elements_text($3::jsonb))",
    );
    let users: Vec<GroupId> = users.iter().map(|user| GroupId(user.0)).collect();
    let (users, groups) = (id_list(&users), id_list(groups));
    connection.all(DIRECT, values![context.org, Value::Json(&users), Value::Json(&groups)]).await
}
