//! What somebody may do right now, in one question: asked at the start of every operation and when a cache is filled.
//!
//! Rights come directly, through the groups that somebody is in, and through the groups that hold these. The question
//! walks upwards from the user, so its cost depends on that user's groups and on nothing else.

use model::{
    GroupId, OrgContext, Permissions, Result, Rights, Timestamp, UserId,
    rights::Scoped,
    role::{Allowed, RoleKey, Scope},
    user::UserType,
};
use uuid::Uuid;

use crate::{Connection, Record, Row, Sql, Value, boxed, roles::role_key, values};

/// Where somebody stands: what may be done, and until when that is certain without asking again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether the user may act at all: active, not locked, inside the validity dates.
    pub may_act: bool,
    /// What roles and groups allow.
    pub rights: Rights,
    /// The groups that the user is in, at any depth.
    pub groups: Vec<GroupId>,
    /// The next moment at which a date (lock, validity, grant) changes the answer.
    pub certain_until: Timestamp,
}

/// One thing known about a user: the user itself, a group, a role, or a date at which a membership begins or ends.
struct Fact {
    kind: String,
    /// State, or role.
    name: String,
    /// Group, or scope.
    place: Uuid,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Start date of the account, or what an own role allows.
    first: Option<String>,
    /// End date of the account.
    second: Option<String>,
    /// Type of the account.
    third: Option<String>,
}

impl Record for Fact {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            kind: columns.take()?,
            name: columns.take()?,
            place: columns.take()?,
            from: columns.take()?,
            until: columns.take()?,
            first: columns.take()?,
            second: columns.take()?,
            third: columns.take()?,
        })
    }
}

/// The standing of a user at `now`; `None` if there is no such user.
#[boxed]
pub async fn standing(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Standing>> {
    let sql = "WITH RECURSIVE held (id) AS ( \
               SELECT m.group_id FROM group_members m WHERE m.org_id = $1 AND m.user_id = $2 \
               AND (m.valid_from IS NULL OR m.valid_from <= $3) AND (m.valid_until IS NULL OR m.valid_until > $3) \
               UNION \
               SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id \
               AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)) \
               SELECT 'user', u.state, u.id, u.lock_until, u.lock_until, \
               u.fields ->> 'valid_from', u.fields ->> 'valid_until', u.fields ->> 'type' \
               FROM users u WHERE u.org_id = $1 AND u.id = $2 \
               UNION ALL SELECT 'role', g.role, g.scope_id, g.valid_from, g.valid_until, c.permissions, NULL, NULL \
               FROM role_grants g LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
               WHERE g.org_id = $1 AND g.user_id = $2 \
               UNION ALL SELECT 'role', g.role, g.scope_id, g.valid_from, g.valid_until, c.permissions, NULL, NULL \
               FROM held CROSS JOIN group_roles g LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
               WHERE g.org_id = $1 AND g.group_id = held.id \
               UNION ALL SELECT 'group', '', held.id, NULL, NULL, NULL, NULL, NULL FROM held \
               UNION ALL SELECT 'date', '', m.group_id, m.valid_from, m.valid_until, NULL, NULL, NULL \
               FROM group_members m WHERE m.org_id = $1 AND m.user_id = $2 \
               AND (m.valid_from IS NOT NULL OR m.valid_until IS NOT NULL) \
               UNION ALL SELECT 'date', '', n.parent_id, n.valid_from, n.valid_until, NULL, NULL, NULL \
               FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id \
               AND (n.valid_from IS NOT NULL OR n.valid_until IS NOT NULL)";
    let facts: Vec<Fact> = connection.all(sql, values![context.org, user, now]).await?;
    let Some(person) = facts.iter().find(|fact| fact.kind == "user") else { return Ok(None) };
    let mut dates = Dates { now, next: Timestamp::MAX };
    let date = |text: &Option<String>| text.as_deref().map(Timestamp::parse).transpose();
    let locked = dates.is_before(person.until);
    let inside = dates.is_inside(date(&person.first)?, date(&person.second)?);
    let is_guest = person.third.as_deref() == Some(UserType::Guest.as_str());
    let (mut rights, mut groups) = (Rights::member(), Vec::new());
    let mut scoped: Vec<(GroupId, Permissions)> = Vec::new();
    for fact in &facts {
        let holds = dates.is_inside_unless_user(fact);
        match fact.kind.as_str() {
            "group" => groups.push(GroupId(fact.place)),
            "role" if holds => {
                let allowed = allowed(&fact.name, fact.first.as_deref())?;
                match Scope::of(fact.place, context) {
                    Scope::Org => rights.add(allowed.in_scope(Scope::Org, Vec::new())),
                    Scope::Group(group) => scoped.push((group, allowed.permissions.scopable())),
                }
            }
            _ => {}
        }
    }
    if is_guest {
        // Never an administrator, whatever the groups carry.
        (rights.org, scoped) = (Rights::member().org, Vec::new());
    }
    for (group, permissions) in scoped {
        let above = above(connection, context, &[group]).await?;
        let part = Scoped { group, above, permissions };
        rights.add(Rights { scoped: vec![part], ..Rights::default() });
    }
    let may_act = person.name == "active" && !locked && inside;
    Ok(Some(Standing { may_act, rights, groups, certain_until: dates.next }))
}

fn allowed(role: &str, own: Option<&str>) -> Result<Allowed> {
    Ok(match role_key(role)? {
        RoleKey::BuiltIn(role) => Allowed::by(role),
        RoleKey::Custom(_) => Allowed::parse(own.unwrap_or_default()),
    })
}

/// A list of ids as a parameter, and how a statement reads it.
pub(crate) fn id_list<I: Copy + Into<Uuid>>(ids: &[I]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{}\"", (*id).into().simple())).collect();
    format!("[{}]", ids.join(","))
}

/// These groups and all that hold them, at any depth, whatever the dates say: rules about giving look at this, so that
/// nobody prepares today what would be refused tomorrow.
#[boxed]
pub async fn above(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
) -> Result<Vec<GroupId>> {
    const ABOVE: Sql = Sql::by_engine(
        "WITH RECURSIVE held (id) AS (SELECT unhex(value) FROM json_each($2) UNION \
         SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id) \
         SELECT id FROM held",
        "WITH RECURSIVE held (id) AS (SELECT value::uuid FROM jsonb_array_elements_text($2::jsonb) UNION \
         SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id) \
         SELECT id FROM held",
    );
    let list = id_list(groups);
    let rows: Vec<(GroupId,)> = connection.all(ABOVE, values![context.org, Value::Json(&list)]).await?;
    Ok(rows.into_iter().map(|(group,)| group).collect())
}

/// These groups and all that stand in them, at any depth; the same.
#[boxed]
pub async fn below(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
) -> Result<Vec<GroupId>> {
    const BELOW: Sql = Sql::by_engine(
        "WITH RECURSIVE held (id) AS (SELECT unhex(value) FROM json_each($2) UNION \
         SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id) \
         SELECT id FROM held",
        "WITH RECURSIVE held (id) AS (SELECT value::uuid FROM jsonb_array_elements_text($2::jsonb) UNION \
         SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id) \
         SELECT id FROM held",
    );
    let list = id_list(groups);
    let rows: Vec<(GroupId,)> = connection.all(BELOW, values![context.org, Value::Json(&list)]).await?;
    Ok(rows.into_iter().map(|(group,)| group).collect())
}

/// These groups and all that stand in them now, at any depth: whose people are found under them.
#[boxed]
pub async fn inside(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    now: Timestamp,
) -> Result<Vec<GroupId>> {
    const INSIDE: Sql = Sql::by_engine(
        "WITH RECURSIVE held (id) AS (SELECT unhex(value) FROM json_each($2) UNION \
         SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)) \
         SELECT id FROM held",
        "WITH RECURSIVE held (id) AS (SELECT value::uuid FROM jsonb_array_elements_text($2::jsonb) UNION \
         SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)) \
         SELECT id FROM held",
    );
    let list = id_list(groups);
    let rows: Vec<(GroupId,)> = connection.all(INSIDE, values![context.org, Value::Json(&list), now]).await?;
    Ok(rows.into_iter().map(|(group,)| group).collect())
}

/// The same for one group, but no more than `most` of them: that many are not counted to their end.
#[boxed]
pub async fn inside_up_to(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    now: Timestamp,
    most: i64,
) -> Result<Vec<GroupId>> {
    // PostgreSQL goes on only while rows are asked for; SQLite is told where to stop.
    const INSIDE: Sql = Sql::by_engine(
        "WITH RECURSIVE held (id) AS (SELECT id FROM groups WHERE org_id = $1 AND id = $2 UNION \
         SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3) LIMIT $4) \
         SELECT id FROM held",
        "WITH RECURSIVE held (id) AS (SELECT id FROM groups WHERE org_id = $1 AND id = $2 UNION \
         SELECT n.child_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)) \
         SELECT id FROM held LIMIT $4",
    );
    let rows: Vec<(GroupId,)> = connection.all(INSIDE, values![context.org, group, now, most]).await?;
    Ok(rows.into_iter().map(|(group,)| group).collect())
}

/// What anybody has been given over one of these groups, now or later: who comes into one of them comes under it.
#[boxed]
pub async fn given_over(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    now: Timestamp,
) -> Result<Vec<(GroupId, Permissions)>> {
    const GIVEN: Sql = Sql::by_engine(
        "SELECT g.scope_id, g.role, c.permissions FROM json_each($2) found CROSS JOIN \
         (SELECT org_id, scope_id, role, valid_until FROM role_grants WHERE org_id = $1 AND scope_id <> org_id UNION ALL \
         SELECT org_id, scope_id, role, valid_until FROM group_roles WHERE org_id = $1 AND scope_id <> org_id) g \
         LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
         WHERE g.scope_id = unhex(found.value) AND (g.valid_until IS NULL OR g.valid_until > $3)",
        "SELECT g.scope_id, g.role, c.permissions FROM jsonb_array_elements_text($2::jsonb) found (value) CROSS JOIN \
         (SELECT org_id, scope_id, role, valid_until FROM role_grants WHERE org_id = $1 AND scope_id <> org_id UNION ALL \
         SELECT org_id, scope_id, role, valid_until FROM group_roles WHERE org_id = $1 AND scope_id <> org_id) g \
         LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
         WHERE g.scope_id = found.value::uuid AND (g.valid_until IS NULL OR g.valid_until > $3)",
    );
    let list = id_list(groups);
    let rows: Vec<(GroupId, String, Option<String>)> =
        connection.all(GIVEN, values![context.org, Value::Json(&list), now]).await?;
    let given = rows
        .into_iter()
        .map(|(scope, role, own)| Ok((scope, allowed(&role, own.as_deref())?.permissions.scopable())));
    given.collect()
}

/// The groups that a user is in for good, at any depth: by memberships and nestings that hold and have no end.
#[boxed]
pub async fn lasting(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<GroupId>> {
    let sql = "WITH RECURSIVE held (id) AS ( \
               SELECT m.group_id FROM group_members m WHERE m.org_id = $1 AND m.user_id = $2 \
               AND (m.valid_from IS NULL OR m.valid_from <= $3) AND m.valid_until IS NULL \
               UNION \
               SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id \
               AND (n.valid_from IS NULL OR n.valid_from <= $3) AND n.valid_until IS NULL) \
               SELECT id FROM held";
    let rows: Vec<(GroupId,)> = connection.all(sql, values![context.org, user, now]).await?;
    Ok(rows.into_iter().map(|(group,)| group).collect())
}

/// A group and those in which it stands for good; the same.
#[boxed]
pub async fn lasting_above(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    now: Timestamp,
) -> Result<Vec<GroupId>> {
    let sql = "WITH RECURSIVE held (id) AS ( \
               SELECT g.id FROM groups g WHERE g.org_id = $1 AND g.id = $2 \
               UNION \
               SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id \
               AND (n.valid_from IS NULL OR n.valid_from <= $3) AND n.valid_until IS NULL) \
               SELECT id FROM held";
    let rows: Vec<(GroupId,)> = connection.all(sql, values![context.org, group, now]).await?;
    Ok(rows.into_iter().map(|(group,)| group).collect())
}

/// What being in these groups gives, now or later: what the granting rule compares when somebody or a group comes into
/// one, or leaves it.
#[boxed]
pub async fn conferred(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    now: Timestamp,
) -> Result<Rights> {
    const CARRIED: Sql = Sql::by_engine(
        "SELECT g.role, g.scope_id, c.permissions FROM json_each($2) found CROSS JOIN group_roles g \
         LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
         WHERE g.org_id = $1 AND g.group_id = unhex(found.value) AND (g.valid_until IS NULL OR g.valid_until > $3)",
        "SELECT g.role, g.scope_id, c.permissions FROM jsonb_array_elements_text($2::jsonb) found (value) \
         CROSS JOIN group_roles g LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
         WHERE g.org_id = $1 AND g.group_id = found.value::uuid AND (g.valid_until IS NULL OR g.valid_until > $3)",
    );
    let list = id_list(&above(connection, context, groups).await?);
    let rows: Vec<(String, Uuid, Option<String>)> =
        connection.all(CARRIED, values![context.org, Value::Json(&list), now]).await?;
    let mut rights = Rights::default();
    for (role, scope, own) in rows {
        let (allowed, scope) = (allowed(&role, own.as_deref())?, Scope::of(scope, context));
        let above = match scope {
            Scope::Org => Vec::new(),
            Scope::Group(group) => above(connection, context, &[group]).await?,
        };
        rights.add(allowed.in_scope(scope, above));
    }
    Ok(rights)
}

/// The groups that carry one of these roles, and all that stand in them: whoever is in one holds such a role, or will.
#[boxed]
pub async fn carrying(
    connection: &mut Connection<'_>,
    context: OrgContext,
    roles: &[RoleKey],
) -> Result<Vec<GroupId>> {
    let sql = "SELECT DISTINCT group_id FROM group_roles WHERE org_id = $1 AND role = $2";
    let mut carrying: Vec<GroupId> = Vec::new();
    for role in roles {
        let role = role.to_string();
        let rows: Vec<(GroupId,)> = connection.all(sql, values![context.org, &role]).await?;
        carrying.extend(rows.into_iter().map(|(group,)| group));
    }
    if carrying.is_empty() { Ok(carrying) } else { below(connection, context, &carrying).await }
}

/// Owners who are able: active humans with a lasting password, no administrator's lock, and
/// no end date on the account or on any grant on the way, directly or through groups.
#[boxed]
pub async fn has_able_owner(
    connection: &mut Connection<'_>,
    context: OrgContext,
    now: Timestamp,
) -> Result<bool> {
    let sql = "WITH RECURSIVE giving (id) AS ( \
               SELECT g.group_id FROM group_roles g WHERE g.org_id = $1 AND g.role = 'owner' AND g.scope_id = $1 \
               AND g.valid_until IS NULL AND (g.valid_from IS NULL OR g.valid_from <= $2) \
               UNION \
               SELECT n.child_id FROM giving CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.parent_id = giving.id \
               AND n.valid_until IS NULL AND (n.valid_from IS NULL OR n.valid_from <= $2)), \
               holders (id) AS ( \
               SELECT g.user_id FROM role_grants g WHERE g.org_id = $1 AND g.role = 'owner' AND g.scope_id = $1 \
               AND g.valid_until IS NULL AND (g.valid_from IS NULL OR g.valid_from <= $2) \
               UNION ALL \
               SELECT m.user_id FROM giving CROSS JOIN group_members m WHERE m.org_id = $1 AND m.group_id = giving.id \
               AND m.valid_until IS NULL AND (m.valid_from IS NULL OR m.valid_from <= $2)) \
               SELECT u.fields ->> 'valid_from' FROM holders CROSS JOIN users u CROSS JOIN credentials c \
               WHERE u.org_id = $1 AND u.id = holders.id AND u.state = 'active' \
               AND (u.lock_until IS NULL OR u.lock_until <= $2) \
               AND COALESCE(u.fields ->> 'type', 'human') = 'human' AND u.fields ->> 'valid_until' IS NULL \
               AND c.org_id = $1 AND c.user_id = holders.id AND c.expires_at IS NULL LIMIT 100";
    let starts: Vec<(Option<String>,)> = connection.all(sql, values![context.org, now]).await?;
    for (start,) in starts {
        if start.as_deref().map(Timestamp::parse).transpose()?.is_none_or(|from| from <= now) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares dates with now, and remembers the next one to come.
struct Dates {
    now: Timestamp,
    next: Timestamp,
}

impl Dates {
    fn is_before(&mut self, until: Option<Timestamp>) -> bool {
        let Some(until) = until.filter(|until| *until > self.now) else { return false };
        self.next = self.next.min(until);
        true
    }

    fn is_inside(&mut self, from: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        let started = !self.is_before(from);
        let open = until.is_none() || self.is_before(until);
        started && open
    }

    fn is_inside_unless_user(&mut self, fact: &Fact) -> bool {
        // A lock's end stands where a grant's dates do, and was looked at.
        fact.kind == "user" || self.is_inside(fact.from, fact.until)
    }
}
