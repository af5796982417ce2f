//! How users come to what they hold, read for any number of users in a constant number of questions: their memberships,
//! the nestings above these, and the roles that users and groups carry. And the way back: whom a group or a role reaches.
//!
//! Everything is read whatever its dates say; what counts when is `model::access_paths`.

use std::collections::BTreeSet;

use model::{
    GroupId, OrgContext, Result, RoleKey, UserId,
    access_paths::{AccessWeb, Carried},
    grant::Given,
    user::UserType,
};
use uuid::Uuid;

use crate::{
    Connection, Record, Row, Sql, Value, access::id_list, boxed, grants::RoleGrant, grants::given, values,
};

/// Something that somebody or a group was given, and by whom.
struct Edge {
    from: Uuid,
    to: GroupId,
    given: Given,
}

impl Record for Edge {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self { from: columns.take()?, to: columns.take()?, given: given(&mut columns)? })
    }
}

/// A role with who carries it.
struct Holding {
    grant: RoleGrant,
    holder: Uuid,
}

impl Record for Holding {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self { grant: RoleGrant::read(row)?, holder: row.get(11)? })
    }
}

impl From<RoleGrant> for Carried {
    fn from(grant: RoleGrant) -> Self {
        let RoleGrant { role, name, allowed, scope, scope_name, given } = grant;
        Self { role, name, allowed, scope, scope_name, given }
    }
}

/// How these users come to what they hold. Costs what their groups cost, and asks five times whatever their number.
#[boxed]
pub async fn web(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
) -> Result<AccessWeb> {
    let mut web = AccessWeb::default();
    let list = ids(users.iter().map(|user| user.0));
    let mut groups: BTreeSet<GroupId> = BTreeSet::new();
    for edge in memberships(connection, context, &list).await? {
        groups.insert(edge.to);
        web.memberships.entry(UserId(edge.from)).or_default().push((edge.to, edge.given));
    }
    let entered: Vec<GroupId> = groups.iter().copied().collect();
    for edge in nestings(connection, context, &id_list(&entered)).await? {
        groups.insert(edge.to);
        web.nestings.entry(GroupId(edge.from)).or_default().push((edge.to, edge.given));
    }
    for Holding { grant, holder } in of_users(connection, context, &list).await? {
        web.direct.entry(UserId(holder)).or_default().push(grant.into());
    }
    let groups: Vec<GroupId> = groups.into_iter().collect();
    let groups = id_list(&groups);
    for Holding { grant, holder } in of_groups(connection, context, &groups).await? {
        web.carried.entry(GroupId(holder)).or_default().push(grant.into());
    }
    web.names.extend(names(connection, context, &groups).await?);
    for (user, _, kind) in people(connection, context, users).await? {
        if kind == UserType::Guest {
            web.guests.insert(user);
        }
    }
    Ok(web)
}

fn ids(ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", ids.join(","))
}

async fn memberships(connection: &mut Connection<'_>, context: OrgContext, list: &str) -> Result<Vec<Edge>> {
    const SQLITE: &str = "SELECT m.user_id, m.group_id, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until \
        FROM json_each($2) found CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.user_id = unhex(found.value)";
    const POSTGRES: &str = "SELECT m.user_id, m.group_id, m.granted_by, m.granted_at, m.reason, m.valid_from, m.valid_until \
        FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.user_id = found.value::uuid";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(list)]).await
}

/// Every nesting above these groups.
async fn nestings(connection: &mut Connection<'_>, context: OrgContext, list: &str) -> Result<Vec<Edge>> {
    const SQLITE: &str = "WITH RECURSIVE held (id) AS (SELECT unhex(value) AS id FROM json_each($2) UNION \
        SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id) \
        SELECT n.child_id, n.parent_id, n.granted_by, n.granted_at, n.reason, n.valid_from, n.valid_until \
        FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id";
    const POSTGRES: &str = "WITH RECURSIVE held (id) AS (SELECT value::uuid AS id FROM jsonb_array_elements_text($2::jsonb) UNION \
        SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id) \
        SELECT n.child_id, n.parent_id, n.granted_by, n.granted_at, n.reason, n.valid_from, n.valid_until \
        FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(list)]).await
}

async fn of_users(connection: &mut Connection<'_>, context: OrgContext, list: &str) -> Result<Vec<Holding>> {
    const SQLITE: &str = "SELECT g.org_id, g.role, g.scope_id, s.name, c.name, c.permissions, g.granted_by, g.granted_at, g.reason, \
        g.valid_from, g.valid_until, g.user_id FROM json_each($2) found CROSS JOIN role_grants g \
        LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
        LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
        WHERE g.org_id = $1 AND g.user_id = unhex(found.value)";
    const POSTGRES: &str = "SELECT g.org_id, g.role, g.scope_id, s.name, c.name, c.permissions, g.granted_by, g.granted_at, g.reason, \
        g.valid_from, g.valid_until, g.user_id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN role_grants g \
        LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
        LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
        WHERE g.org_id = $1 AND g.user_id = found.value::uuid";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(list)]).await
}

async fn of_groups(connection: &mut Connection<'_>, context: OrgContext, list: &str) -> Result<Vec<Holding>> {
    const SQLITE: &str = "SELECT g.org_id, g.role, g.scope_id, s.name, c.name, c.permissions, g.granted_by, g.granted_at, g.reason, \
        g.valid_from, g.valid_until, g.group_id FROM json_each($2) found CROSS JOIN group_roles g \
        LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
        LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
        WHERE g.org_id = $1 AND g.group_id = unhex(found.value)";
    const POSTGRES: &str = "SELECT g.org_id, g.role, g.scope_id, s.name, c.name, c.permissions, g.granted_by, g.granted_at, g.reason, \
        g.valid_from, g.valid_until, g.group_id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN group_roles g \
        LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
        LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
        WHERE g.org_id = $1 AND g.group_id = found.value::uuid";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(list)]).await
}

async fn names(
    connection: &mut Connection<'_>,
    context: OrgContext,
    list: &str,
) -> Result<Vec<(GroupId, String)>> {
    const SQLITE: &str = "SELECT g.id, g.name FROM json_each($2) found CROSS JOIN groups g \
        WHERE g.org_id = $1 AND g.id = unhex(found.value)";
    const POSTGRES: &str = "SELECT g.id, g.name FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN groups g \
        WHERE g.org_id = $1 AND g.id = found.value::uuid";
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(list)]).await
}

/// The names and types of these users, in the order of their ids.
#[boxed]
pub async fn people(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
) -> Result<Vec<(UserId, String, UserType)>> {
    const SQLITE: &str = "SELECT u.id, COALESCE(u.fields ->> 'display_name', u.fields ->> 'username', ''), u.fields ->> 'type' \
        FROM json_each($2) found CROSS JOIN users u WHERE u.org_id = $1 AND u.id = unhex(found.value) ORDER BY u.id";
    const POSTGRES: &str = "SELECT u.id, COALESCE(u.fields ->> 'display_name', u.fields ->> 'username', ''), u.fields ->> 'type' \
        FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN users u WHERE u.org_id = $1 AND u.id = found.value::uuid ORDER BY u.id";
    let list = ids(users.iter().map(|user| user.0));
    let rows: Vec<(UserId, String, Option<String>)> =
        connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(&list)]).await?;
    let kind = |text: Option<String>| text.and_then(|text| UserType::parse(&text)).unwrap_or(UserType::Human);
    Ok(rows.into_iter().map(|(id, name, text)| (id, name, kind(text))).collect())
}

/// Who is in these groups or in groups that stand in them, now or at some time, in the order of their ids; at most
/// `limit`.
#[boxed]
pub async fn members_below(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    limit: usize,
) -> Result<Vec<UserId>> {
    const SQLITE: &str = "WITH RECURSIVE held (id) AS (SELECT unhex(value) AS id FROM json_each($2) UNION \
        SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id) \
        SELECT DISTINCT m.user_id FROM held CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.group_id = held.id ORDER BY m.user_id LIMIT $3";
    const POSTGRES: &str = "WITH RECURSIVE held (id) AS (SELECT value::uuid AS id FROM jsonb_array_elements_text($2::jsonb) UNION \
        SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id) \
        SELECT DISTINCT m.user_id FROM held CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.group_id = held.id ORDER BY m.user_id LIMIT $3";
    let (list, limit) = (id_list(groups), i64::try_from(limit).unwrap_or(i64::MAX));
    let bound = values![context.org, Value::Json(&list), limit];
    let rows: Vec<(UserId,)> = connection.all(Sql::by_engine(SQLITE, POSTGRES), bound).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// Who holds a role directly, anywhere, now or at some time, in the order of their ids; at most `limit`.
#[boxed]
pub async fn holding(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: RoleKey,
    limit: usize,
) -> Result<Vec<UserId>> {
    let sql =
        "SELECT DISTINCT user_id FROM role_grants WHERE org_id = $1 AND role = $2 ORDER BY user_id LIMIT $3";
    let (role, limit) = (role.to_string(), i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<(UserId,)> = connection.all(sql, values![context.org, &role, limit]).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// Who holds a role over one of these groups directly, and which groups carry one: what ends with the group.
#[boxed]
pub async fn scoped_to(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
) -> Result<(Vec<UserId>, Vec<GroupId>)> {
    const USERS: Sql = Sql::by_engine(
        "SELECT DISTINCT g.user_id FROM json_each($2) found CROSS JOIN role_grants g \
         WHERE g.org_id = $1 AND g.scope_id = unhex(found.value) AND g.scope_id <> g.org_id",
        "SELECT DISTINCT g.user_id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN role_grants g \
         WHERE g.org_id = $1 AND g.scope_id = found.value::uuid AND g.scope_id <> g.org_id",
    );
    const GROUPS: Sql = Sql::by_engine(
        "SELECT DISTINCT g.group_id FROM json_each($2) found CROSS JOIN group_roles g \
         WHERE g.org_id = $1 AND g.scope_id = unhex(found.value) AND g.scope_id <> g.org_id",
        "SELECT DISTINCT g.group_id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN group_roles g \
         WHERE g.org_id = $1 AND g.scope_id = found.value::uuid AND g.scope_id <> g.org_id",
    );
    let list = id_list(groups);
    let users: Vec<(UserId,)> = connection.all(USERS, values![context.org, Value::Json(&list)]).await?;
    let groups: Vec<(GroupId,)> = connection.all(GROUPS, values![context.org, Value::Json(&list)]).await?;
    Ok((users.into_iter().map(|(user,)| user).collect(), groups.into_iter().map(|(group,)| group).collect()))
}
