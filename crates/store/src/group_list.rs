//! The list of groups: search, filters, keyset pages by name, and how many stand in each.
//!
//! A filter that few groups pass is where the statement begins; what is left of the filters looks at each of these. Without
//! one it walks along the names. The numbers are counted for the rows of the page alone, and up to 10,000.

use std::fmt::Write as _;

use model::{
    GroupId, OrgContext, Result,
    group::Group,
    group_query::{GroupQuery, ORDER},
    page::Page,
};

use crate::{
    Connection, Engine, Record, Row, Value,
    access::id_list,
    boxed,
    listing::{Texts, cut},
    user_list::{ListedRole, listed_roles},
};

/// A row of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedGroup {
    /// The group.
    pub group: Group,
    /// Users who are in it directly; 10,001 means “more than 10,000”.
    pub members: i64,
    /// Groups that stand in it directly; the same.
    pub groups: i64,
    /// The roles that it carries itself: the strongest built-in one first, then the organization's own.
    pub roles: Vec<ListedRole>,
}

impl Record for ListedGroup {
    fn read(row: &Row<'_>) -> Result<Self> {
        let lines: Option<String> = row.get(10)?;
        let roles = listed_roles(lines.as_deref().unwrap_or_default());
        Ok(Self { group: Group::read(row)?, members: row.get(8)?, groups: row.get(9)?, roles })
    }
}

/// One page of the list; of `within` alone, if that is given: the groups that somebody's rights reach.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &GroupQuery,
    within: Option<&[GroupId]>,
) -> Result<Page<ListedGroup>> {
    let rows: Vec<ListedGroup> = ask(connection, context, query, within, "").await?;
    let of = (&query.list(), ORDER);
    Ok(cut(rows, query.limit, query.cursor.as_ref(), of, |row| (row.group.fields.name_key(), row.group.id.0)))
}

/// How the engine goes about a page, step by step.
#[cfg(feature = "testing")]
#[boxed]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &GroupQuery,
    within: Option<&[GroupId]>,
) -> Result<Vec<String>> {
    let how = crate::listing::plan::words(connection.engine());
    ask(connection, context, query, within, how).await.map(crate::listing::plan::texts)
}

/// The rows of a page and the one after it; `how` stands before the statement.
async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &GroupQuery,
    within: Option<&[GroupId]>,
    how: &'static str,
) -> Result<Vec<R>> {
    model::search::check(&query.search)?;
    let words = model::group::search_name(&query.search);
    let shape = Shape {
        how,
        engine: connection.engine(),
        backwards: query.cursor.as_ref().is_some_and(|cursor| cursor.backwards),
        by_owner: query.owner.is_some(),
        by_parent: query.parent.is_some(),
        by_role: query.role.is_some(),
        is_limited: within.is_some(),
        has_words: !words.is_empty(),
    };
    let (key, id) = query.cursor.as_ref().map_or(("", uuid::Uuid::nil()), |cursor| (&cursor.key, cursor.id));
    let pattern = format!("%{}%", words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    let role = query.role.map(|role| role.to_string()).unwrap_or_default();
    let within = id_list(within.unwrap_or_default());
    let bound = [
        Value::from(context.org),
        Value::from(key),
        Value::from(GroupId(id)),
        Value::from(i64::from(query.limit) + 1),
        Value::from(pattern.as_str()),
        Value::from(query.owner),
        Value::from(query.parent),
        Value::from(role.as_str()),
        Value::Json(&within),
    ];
    let text = TEXTS.get(shape, |shape| format!("{}{}", shape.how, shape.statement()));
    connection.all(text.sql(), &text.values(&bound)).await
}

static TEXTS: Texts<Shape> = Texts::new();

/// Everything that makes one statement differ from another. Each text is made once and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one clause stands in the text")]
struct Shape {
    how: &'static str,
    engine: Engine,
    backwards: bool,
    by_owner: bool,
    by_parent: bool,
    by_role: bool,
    is_limited: bool,
    has_words: bool,
}

impl Shape {
    /// First the keys of the page, in order and no more than fit on it; then what the page shows of each.
    fn statement(self) -> String {
        let (direction, than) = if self.backwards { ("DESC", "<") } else { ("ASC", ">") };
        let order = format!("g.name_key {direction}, g.id {direction}");
        let (from, mut conditions) = self.start();
        let _ = write!(conditions, " AND (g.name_key, g.id) {than} ($2, $3)");
        if self.has_words {
            conditions.push_str(" AND g.search_name LIKE $5 ESCAPE '\\'");
        }
        format!(
            "SELECT g.id, g.name, g.description, g.source, g.external_id, g.created_at, g.updated_at, g.version, \
             (SELECT count(*) FROM (SELECT 1 FROM group_members m WHERE m.org_id = $1 AND m.group_id = g.id \
             LIMIT 10001) counted), \
             (SELECT count(*) FROM (SELECT 1 FROM group_nestings n WHERE n.org_id = $1 AND n.parent_id = g.id \
             LIMIT 10001) counted), \
             (SELECT string_agg(r.role || ' ' || COALESCE(c.name, ''), '\n') FROM group_roles r \
             LEFT JOIN roles c ON c.org_id = $1 AND c.id = r.role \
             WHERE r.org_id = $1 AND r.group_id = g.id) \
             FROM (SELECT g.id FROM {from} WHERE g.org_id = $1 AND {conditions} ORDER BY {order} LIMIT $4) page \
             CROSS JOIN groups g WHERE g.org_id = $1 AND g.id = page.id ORDER BY {order}"
        )
    }

    /// Where the statement begins, and what is looked at in each group that it finds.
    fn start(self) -> (String, String) {
        let listed = match self.engine {
            Engine::Sqlite => "SELECT unhex(value) AS id FROM json_each($9)",
            Engine::Postgres => "SELECT value::uuid AS id FROM jsonb_array_elements_text($9::jsonb)",
        };
        let mut parts = Vec::new();
        if self.by_owner {
            parts.push((
                "group_owners o CROSS JOIN groups g".to_owned(),
                "o.org_id = $1 AND o.user_id = $6 AND g.id = o.group_id",
                "EXISTS (SELECT 1 FROM group_owners o WHERE o.org_id = $1 AND o.user_id = $6 AND o.group_id = g.id)"
                    .to_owned(),
            ));
        }
        if self.by_parent {
            parts.push((
                "group_nestings n CROSS JOIN groups g".to_owned(),
                "n.org_id = $1 AND n.parent_id = $7 AND g.id = n.child_id",
                "EXISTS (SELECT 1 FROM group_nestings n WHERE n.org_id = $1 AND n.parent_id = $7 AND n.child_id = g.id)"
                    .to_owned(),
            ));
        }
        if self.by_role {
            parts.push((
                "(SELECT DISTINCT r.group_id FROM group_roles r WHERE r.org_id = $1 AND r.role = $8) r \
                 CROSS JOIN groups g"
                    .to_owned(),
                "g.id = r.group_id",
                "EXISTS (SELECT 1 FROM group_roles r WHERE r.org_id = $1 AND r.group_id = g.id AND r.role = $8)"
                    .to_owned(),
            ));
        }
        if self.is_limited {
            parts.push((
                format!("({listed}) l CROSS JOIN groups g"),
                "g.id = l.id",
                format!("g.id IN ({listed})"),
            ));
        }
        let mut parts = parts.into_iter();
        let Some((from, joined, _)) = parts.next() else {
            return ("groups g".to_owned(), "g.org_id = $1".to_owned());
        };
        let rest = parts.map(|(.., condition)| format!(" AND {condition}"));
        (from, format!("{joined}{}", rest.collect::<String>()))
    }
}
