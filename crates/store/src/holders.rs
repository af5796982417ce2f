//! Who holds one of some roles, directly or through groups: one page at a time, each in one statement.
//!
//! From each group, and from each role that is held directly, no more people are read than a page has rows: a page
//! costs the same whether a group has ten members or a hundred thousand.

use model::{GroupId, OrgContext, Result, RoleKey, Timestamp, User, UserId};
use uuid::Uuid;

use crate::{Connection, Sql, Value, access::id_list, boxed, users::user_columns, values};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct HolderQuery<'q> {
    /// Roles that give what is asked about.
    pub roles: &'q [RoleKey],
    /// Over which groups a role may count besides the whole organization; `None`: over any.
    pub scopes: Option<&'q [GroupId]>,
    /// After whom the page begins.
    pub after: Option<UserId>,
    /// Rows on it.
    pub limit: u16,
}

/// A group that carries one of the roles itself, with how many stand below it and how many people are in these.
pub type GivingGroup = (GroupId, String, i64);

fn texts(roles: &[RoleKey]) -> String {
    let names: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
    format!("[{}]", names.join(","))
}

/// One page of holders at `now`, in the order of their ids, and one more if there are more.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &HolderQuery<'_>,
    now: Timestamp,
) -> Result<Vec<UserId>> {
    const SQLITE: &str = "WITH RECURSIVE giving (id) AS ( \
        SELECT g.group_id FROM json_each($2) found CROSS JOIN group_roles g WHERE g.org_id = $1 AND g.role = found.value \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT unhex(value) FROM json_each($4))) \
        UNION \
        SELECT n.child_id FROM giving CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = giving.id \
        AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)), \
        groups_up_to (id, last) AS (SELECT giving.id, COALESCE((SELECT m.user_id FROM group_members m \
        WHERE m.org_id = $1 AND m.group_id = giving.id AND m.user_id > $6 \
        AND (m.valid_from IS NULL OR m.valid_from <= $3) AND (m.valid_until IS NULL OR m.valid_until > $3) \
        ORDER BY m.user_id LIMIT 1 OFFSET $7), $8) FROM giving), \
        roles_up_to (role, last) AS (SELECT found.value, COALESCE((SELECT DISTINCT g.user_id FROM role_grants g \
        WHERE g.org_id = $1 AND g.role = found.value AND g.user_id > $6 \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT unhex(value) FROM json_each($4))) \
        ORDER BY g.user_id LIMIT 1 OFFSET $7), $8) FROM json_each($2) found) \
        SELECT g.user_id AS id FROM roles_up_to CROSS JOIN role_grants g \
        WHERE g.org_id = $1 AND g.role = roles_up_to.role AND g.user_id > $6 AND g.user_id <= roles_up_to.last \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT unhex(value) FROM json_each($4))) \
        UNION \
        SELECT m.user_id FROM groups_up_to CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.group_id = groups_up_to.id AND m.user_id > $6 AND m.user_id <= groups_up_to.last \
        AND (m.valid_from IS NULL OR m.valid_from <= $3) AND (m.valid_until IS NULL OR m.valid_until > $3) \
        ORDER BY id LIMIT $9";
    const POSTGRES: &str = "WITH RECURSIVE giving (id) AS ( \
        SELECT g.group_id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN group_roles g WHERE g.org_id = $1 AND g.role = found.value \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT value::uuid FROM jsonb_array_elements_text($4::jsonb))) \
        UNION \
        SELECT n.child_id FROM giving CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = giving.id \
        AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)), \
        groups_up_to (id, last) AS (SELECT giving.id, COALESCE((SELECT m.user_id FROM group_members m \
        WHERE m.org_id = $1 AND m.group_id = giving.id AND m.user_id > $6 \
        AND (m.valid_from IS NULL OR m.valid_from <= $3) AND (m.valid_until IS NULL OR m.valid_until > $3) \
        ORDER BY m.user_id LIMIT 1 OFFSET $7), $8) FROM giving), \
        roles_up_to (role, last) AS (SELECT found.value, COALESCE((SELECT DISTINCT g.user_id FROM role_grants g \
        WHERE g.org_id = $1 AND g.role = found.value AND g.user_id > $6 \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT value::uuid FROM jsonb_array_elements_text($4::jsonb))) \
        ORDER BY g.user_id LIMIT 1 OFFSET $7), $8) FROM jsonb_array_elements_text($2::jsonb) found (value)) \
        SELECT g.user_id AS id FROM roles_up_to CROSS JOIN role_grants g \
        WHERE g.org_id = $1 AND g.role = roles_up_to.role AND g.user_id > $6 AND g.user_id <= roles_up_to.last \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT value::uuid FROM jsonb_array_elements_text($4::jsonb))) \
        UNION \
        SELECT m.user_id FROM groups_up_to CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.group_id = groups_up_to.id AND m.user_id > $6 AND m.user_id <= groups_up_to.last \
        AND (m.valid_from IS NULL OR m.valid_from <= $3) AND (m.valid_until IS NULL OR m.valid_until > $3) \
        ORDER BY id LIMIT $9";
    let (roles, scopes) = (texts(query.roles), id_list(query.scopes.unwrap_or_default()));
    let after = query.after.map_or(Uuid::nil(), |user| user.0);
    let bound = values![
        context.org,
        Value::Json(&roles),
        now,
        Value::Json(&scopes),
        i64::from(query.scopes.is_none()),
        after,
        i64::from(query.limit),
        Uuid::max(),
        i64::from(query.limit) + 1,
    ];
    let rows: Vec<(UserId,)> = connection.all(Sql::by_engine(SQLITE, POSTGRES), bound).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}

/// The groups that carry one of these roles now, by name, each with how many people were put into it directly; at most
/// `limit`. People are counted up to ten thousand.
#[boxed]
pub async fn giving(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &HolderQuery<'_>,
    now: Timestamp,
) -> Result<Vec<GivingGroup>> {
    const SQLITE: &str = "SELECT page.id, page.name, (SELECT count(*) FROM (SELECT 1 FROM group_members m \
        WHERE m.org_id = $1 AND m.group_id = page.id LIMIT 10000) counted) \
        FROM (SELECT s.id AS id, s.name AS name, s.name_key AS name_key FROM ( \
        SELECT DISTINCT g.group_id AS id FROM json_each($2) found CROSS JOIN group_roles g \
        WHERE g.org_id = $1 AND g.role = found.value \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT unhex(value) FROM json_each($4)))) given \
        CROSS JOIN groups s WHERE s.org_id = $1 AND s.id = given.id ORDER BY s.name_key, s.id LIMIT $6) page \
        ORDER BY page.name_key, page.id";
    const POSTGRES: &str = "SELECT page.id, page.name, (SELECT count(*) FROM (SELECT 1 FROM group_members m \
        WHERE m.org_id = $1 AND m.group_id = page.id LIMIT 10000) counted) \
        FROM (SELECT s.id AS id, s.name AS name, s.name_key AS name_key FROM ( \
        SELECT DISTINCT g.group_id AS id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN group_roles g \
        WHERE g.org_id = $1 AND g.role = found.value \
        AND (g.valid_from IS NULL OR g.valid_from <= $3) AND (g.valid_until IS NULL OR g.valid_until > $3) \
        AND (g.scope_id = $1 OR $5 = 1 OR g.scope_id IN (SELECT value::uuid FROM jsonb_array_elements_text($4::jsonb)))) given \
        CROSS JOIN groups s WHERE s.org_id = $1 AND s.id = given.id ORDER BY s.name_key, s.id LIMIT $6) page \
        ORDER BY page.name_key, page.id";
    let (roles, scopes) = (texts(query.roles), id_list(query.scopes.unwrap_or_default()));
    let bound = values![
        context.org,
        Value::Json(&roles),
        now,
        Value::Json(&scopes),
        i64::from(query.scopes.is_none()),
        i64::from(query.limit),
    ];
    connection.all(Sql::by_engine(SQLITE, POSTGRES), bound).await
}

/// The records of these users, in the order of their ids.
#[boxed]
pub async fn records(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
) -> Result<Vec<User>> {
    const SQLITE: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM json_each($2) found CROSS JOIN users u WHERE u.org_id = $1 AND u.id = unhex(found.value) ORDER BY u.id"
    );
    const POSTGRES: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN users u \
         WHERE u.org_id = $1 AND u.id = found.value::uuid ORDER BY u.id"
    );
    let list = id_list(users);
    connection.all(Sql::by_engine(SQLITE, POSTGRES), values![context.org, Value::Json(&list)]).await
}

/// Which of these users are in one of the groups now, directly.
#[boxed]
pub async fn among(
    connection: &mut Connection<'_>,
    context: OrgContext,
    users: &[UserId],
    groups: &[GroupId],
    now: Timestamp,
) -> Result<Vec<UserId>> {
    const SQLITE: &str = "SELECT DISTINCT m.user_id FROM json_each($2) found CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.user_id = unhex(found.value) AND m.group_id IN (SELECT unhex(value) FROM json_each($3)) \
        AND (m.valid_from IS NULL OR m.valid_from <= $4) AND (m.valid_until IS NULL OR m.valid_until > $4)";
    const POSTGRES: &str = "SELECT DISTINCT m.user_id FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN group_members m \
        WHERE m.org_id = $1 AND m.user_id = found.value::uuid \
        AND m.group_id IN (SELECT value::uuid FROM jsonb_array_elements_text($3::jsonb)) \
        AND (m.valid_from IS NULL OR m.valid_from <= $4) AND (m.valid_until IS NULL OR m.valid_until > $4)";
    let (users, groups) = (id_list(users), id_list(groups));
    let bound = values![context.org, Value::Json(&users), Value::Json(&groups), now];
    let rows: Vec<(UserId,)> = connection.all(Sql::by_engine(SQLITE, POSTGRES), bound).await?;
    Ok(rows.into_iter().map(|(user,)| user).collect())
}
