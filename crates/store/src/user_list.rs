//! The list of users: search, statuses, order, keyset pages. A page costs the same wherever it lies and however many
//! users there are.
//!
//! Orders by name walk `users_list` once per state and merge, because one walk over several states could not stop
//! early. A search asks the trigram index first: if it knows few rows, these are looked at and sorted; where it knows
//! many, walking in order and looking at each row fills a page soonest. The same with a role, a group, and the groups to
//! whose people a viewer is limited. The texts are made in `statement.rs`.

mod statement;

use model::{
    GroupId, OrgContext, Result, Role, RoleKey, Status, Timestamp, User, UserId,
    filter::{Sort, UserQuery},
    lifecycle::StateName,
    page::{Cursor, Page},
    rights::Reach,
    search,
};

use crate::{
    Connection, Record, Row, Sql, Value,
    access::{self, id_list},
    boxed, grants, users, values,
};
use statement::{Limit, Lock, Plan, Shape, text};

pub(crate) use statement::{Text, patterns, renumbered};

/// A role as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedRole {
    /// Which.
    pub key: RoleKey,
    /// As people read it.
    pub name: String,
}

/// A row of the list: the user with the names of the directly held roles.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The user.
    pub user: User,
    /// Direct roles: the strongest built-in one first, then the organization's own.
    pub roles: Vec<ListedRole>,
}

impl Record for Listed {
    fn read(row: &Row<'_>) -> Result<Self> {
        let lines: Option<String> = row.get(16)?;
        let roles = listed_roles(lines.as_deref().unwrap_or_default());
        Ok(Self { user: User::read(row)?, roles })
    }
}

/// Roles from lines of key and name, in order and each once.
pub(crate) fn listed_roles(lines: &str) -> Vec<ListedRole> {
    let mut roles: Vec<ListedRole> = lines.lines().filter_map(listed_role).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// The key of a role and, if it is one of the organization's own, its name.
fn listed_role(line: &str) -> Option<ListedRole> {
    let (key, name) = line.split_once(' ')?;
    let key = RoleKey::parse(key)?;
    let name = key.built_in().map_or_else(|| name.to_owned(), |role| role.label().to_owned());
    Some(ListedRole { key, name })
}

/// More candidates than this, and a search walks the list instead of looking at each of them.
const COMMON: u16 = 1_500;
/// Words of a search that count; the rest of a pasted sentence is ignored.
const MAX_TERMS: usize = 5;

/// One page of the list, of those whom `reach` reaches.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &UserQuery,
    reach: &Reach,
    now: Timestamp,
) -> Result<Page<Listed>> {
    if let Ok(id) = query.search.trim().parse() {
        return one(connection, context, id, reach, now).await;
    }
    let rows: Vec<Listed> = ask(connection, context, query, reach, now, "").await?;
    Ok(cut(rows, query))
}

/// How the engine goes about a page, step by step.
#[cfg(feature = "testing")]
#[boxed]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &UserQuery,
    reach: &Reach,
    now: Timestamp,
) -> Result<Vec<String>> {
    if connection.engine() == crate::Engine::Postgres {
        let steps: Vec<(String,)> = ask(connection, context, query, reach, now, "EXPLAIN ").await?;
        return Ok(steps.into_iter().map(|(step,)| step).collect());
    }
    let steps: Vec<(i64, i64, i64, String)> =
        ask(connection, context, query, reach, now, "EXPLAIN QUERY PLAN ").await?;
    Ok(steps.into_iter().map(|(.., step)| step).collect())
}

/// To whom a page is limited: ids of groups as JSON, closed under what stands in them.
struct Limits {
    /// A role as stored.
    role: Option<String>,
    /// The groups through which it is held.
    carrying: String,
    /// Those of the group that is asked for.
    group: Option<String>,
    /// Those whose people the viewer sees.
    reach: Option<String>,
}

impl Limits {
    async fn of(
        connection: &mut Connection<'_>,
        context: OrgContext,
        query: &UserQuery,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Self> {
        let role = query.role.filter(|role| *role != Role::Member);
        let carrying = match role {
            Some(role) => access::carrying(connection, context, &[role]).await?,
            None => Vec::new(),
        };
        let group = match query.group {
            Some(group) => Some(id_list(&access::inside(connection, context, &[group], now).await?)),
            None => None,
        };
        let reach = match reach {
            Reach::Everybody => None,
            Reach::Groups(groups) => Some(id_list(&access::inside(connection, context, groups, now).await?)),
        };
        Ok(Self { role: role.map(|role| role.to_string()), carrying: id_list(&carrying), group, reach })
    }

    /// The limit by which few are found, if there is one: then these are looked at, else the list is walked.
    async fn narrowest(&self, connection: &mut Connection<'_>, context: OrgContext) -> Result<Option<Limit>> {
        // Holders of a role are counted with both: those who hold it and those in groups that carry it.
        const HOLDERS: Sql = Sql::by_engine(
            "SELECT count(*) FROM (SELECT 1 FROM role_grants WHERE org_id = $1 AND role = $2 UNION ALL \
             SELECT 1 FROM json_each($3) f CROSS JOIN group_members m \
             WHERE m.org_id = $1 AND m.group_id = unhex(f.value) LIMIT $4) found",
            "SELECT count(*) FROM (SELECT 1 FROM role_grants WHERE org_id = $1 AND role = $2 UNION ALL \
             SELECT 1 FROM jsonb_array_elements_text($3::jsonb) f (value) CROSS JOIN group_members m \
             WHERE m.org_id = $1 AND m.group_id = f.value::uuid LIMIT $4) found",
        );
        let most = i64::from(COMMON) + 1;
        let mut narrowest: Option<(i64, Limit)> = None;
        let role = self.role.as_deref();
        let limits = [
            (Limit::Role, role.map(|role| (role, self.carrying.as_str()))),
            (Limit::Group, self.group.as_deref().map(|groups| ("", groups))),
            (Limit::Reach, self.reach.as_deref().map(|groups| ("", groups))),
        ];
        for (limit, asked) in limits {
            let Some((role, groups)) = asked else { continue };
            let bound = values![context.org, role, Value::Json(groups), most];
            let (found,): (i64,) = connection.one(HOLDERS, bound).await?;
            if found < most && narrowest.is_none_or(|(fewest, _)| found < fewest) {
                narrowest = Some((found, limit));
            }
        }
        Ok(narrowest.map(|(_, limit)| limit))
    }
}

/// The rows of a page and the one after it; `how` stands before the statement.
async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &UserQuery,
    reach: &Reach,
    now: Timestamp,
    how: &'static str,
) -> Result<Vec<R>> {
    let mut terms = search::terms(&query.search);
    terms.truncate(MAX_TERMS);
    let limits = Limits::of(connection, context, query, reach, now).await?;
    let narrowest = limits.narrowest(connection, context).await?;
    let (plan, candidates) = Plan::of(connection, narrowest, &terms).await?;
    let shown = Shown::of(query);
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    let after = Start::of(query, query.descending != backwards);
    let limit = i64::from(query.limit) + 1;

    let mut bound = vec![
        Value::from(context.org),
        after.key,
        Value::from(after.id),
        Value::from(limit),
        Value::from(now),
        Value::from(candidates.as_str()),
        Value::from(limits.role.as_deref()),
        Value::Json(&limits.carrying),
        limits.group.as_deref().map_or(Value::Null, Value::Json),
        limits.reach.as_deref().map_or(Value::Null, Value::Json),
    ];
    bound.extend(shown.states.iter().map(|state| Value::from(state.as_str())));
    let patterns = patterns(connection.engine(), &terms);
    bound.extend(patterns.iter().map(|pattern| Value::from(pattern.as_str())));

    let shape = Shape {
        how,
        engine: connection.engine(),
        sort: query.sort,
        descending: query.descending != backwards,
        plan,
        role: limits.role.is_some(),
        group: limits.group.is_some(),
        reach: limits.reach.is_some(),
        states: shown.states.len(),
        lock: shown.lock,
        terms: terms.len(),
    };
    let (sql, used) = text(shape);
    let bound: Vec<Value<'_>> = used.iter().map(|number| bound[number - 1]).collect();
    connection.all(sql, &bound).await
}

/// The user of that id as a page: the search box takes ids too.
async fn one(
    connection: &mut Connection<'_>,
    context: OrgContext,
    id: UserId,
    reach: &Reach,
    now: Timestamp,
) -> Result<Page<Listed>> {
    let mut user = users::find(connection, context, id).await?;
    if let Reach::Groups(groups) = reach {
        let standing = access::standing(connection, context, id, now).await?;
        let is_in = |standing: access::Standing| groups.iter().any(|group| standing.groups.contains(group));
        user = user.filter(|_| standing.is_some_and(is_in));
    }
    let mut items = Vec::new();
    if let Some(user) = user {
        let mut roles: Vec<ListedRole> = grants::of_user(connection, context, user.id)
            .await?
            .into_iter()
            .map(|grant| ListedRole { key: grant.role, name: grant.name })
            .collect();
        roles.sort_unstable();
        roles.dedup();
        items.push(Listed { user, roles });
    }
    Ok(Page { items, next: None, previous: None })
}

/// How many users there are of each status among those in these groups, at any depth.
#[boxed]
pub async fn counts_within(
    connection: &mut Connection<'_>,
    context: OrgContext,
    groups: &[GroupId],
    now: Timestamp,
) -> Result<Vec<(Status, i64)>> {
    const COUNT: Sql = Sql::by_engine(
        "SELECT u.state, u.state = 'active' AND (COALESCE(u.lock_until, 0) > $3 \
         OR COALESCE(u.password_locked_until, 0) > $3), count(*) FROM \
         (SELECT DISTINCT m.user_id FROM json_each($2) f CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.group_id = unhex(f.value) AND (m.valid_from IS NULL OR m.valid_from <= $3) \
         AND (m.valid_until IS NULL OR m.valid_until > $3)) found CROSS JOIN users u \
         WHERE u.org_id = $1 AND u.id = found.user_id GROUP BY 1, 2",
        "SELECT u.state, u.state = 'active' AND (COALESCE(u.lock_until, 0) > $3 \
         OR COALESCE(u.password_locked_until, 0) > $3), count(*) FROM \
         (SELECT DISTINCT m.user_id FROM jsonb_array_elements_text($2::jsonb) f (value) CROSS JOIN group_members m \
         WHERE m.org_id = $1 AND m.group_id = f.value::uuid AND (m.valid_from IS NULL OR m.valid_from <= $3) \
         AND (m.valid_until IS NULL OR m.valid_until > $3)) found CROSS JOIN users u \
         WHERE u.org_id = $1 AND u.id = found.user_id GROUP BY 1, 2",
    );
    let list = id_list(&access::inside(connection, context, groups, now).await?);
    let found: Vec<(String, bool, i64)> =
        connection.all(COUNT, values![context.org, Value::Json(&list), now]).await?;
    let count = |status: Status| {
        let is_it = |(state, locked, _): &&(String, bool, i64)| match state_of(status) {
            Some(known) => *state == known.as_str() && !locked,
            None => *locked,
        };
        found.iter().filter(is_it).map(|(.., count)| count).sum()
    };
    Ok(Status::ALL.iter().map(|status| (*status, count(*status))).collect())
}

/// How many users there are of each status; exact up to `most` per status, `most + 1` meaning “more”.
#[boxed]
pub async fn counts(
    connection: &mut Connection<'_>,
    context: OrgContext,
    now: Timestamp,
    most: i64,
) -> Result<Vec<(Status, i64)>> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM users WHERE org_id = $1 AND state = $2 LIMIT $3) found";
    let locked = "SELECT count(*) FROM (SELECT 1 FROM users WHERE org_id = $1 \
                  AND (lock_until IS NOT NULL OR password_locked_until IS NOT NULL) AND state = 'active' \
                  AND (COALESCE(lock_until, 0) > $2 OR COALESCE(password_locked_until, 0) > $2) LIMIT $3) found";
    let mut counts = Vec::new();
    for status in Status::ALL {
        let (count,): (i64,) = match state_of(*status) {
            Some(state) => connection.one(sql, values![context.org, state.as_str(), most + 1]).await?,
            None => connection.one(locked, values![context.org, now, most + 1]).await?,
        };
        counts.push((*status, count));
    }
    let locked = counts.iter().find(|(status, _)| *status == Status::Locked).map_or(0, |(_, count)| *count);
    if let Some((_, active)) =
        counts.iter_mut().find(|(status, count)| *status == Status::Active && *count <= most)
    {
        *active -= locked;
    }
    Ok(counts)
}

/// The state behind a status; `Locked` is an overlay of `Active`.
fn state_of(status: Status) -> Option<StateName> {
    Some(match status {
        Status::Inactive => StateName::Staged,
        Status::Invited => StateName::Invited,
        Status::Pending => StateName::Pending,
        Status::Active => StateName::Active,
        Status::Locked => return None,
        Status::Suspended => StateName::Suspended,
        Status::Deprovisioned => StateName::Deprovisioned,
        Status::Deleted => StateName::Trashed,
    })
}

/// Which states a page shows, and what of the active ones.
struct Shown {
    states: Vec<StateName>,
    lock: Lock,
}

impl Shown {
    fn of(query: &UserQuery) -> Self {
        let statuses = query.shown();
        let has = |status| statuses.contains(&status);
        let lock = match (has(Status::Active), has(Status::Locked)) {
            (false, true) => Lock::OnlyLocked,
            (true, false) => Lock::OnlyUnlocked,
            _ => Lock::Any,
        };
        let mut states: Vec<StateName> = statuses.into_iter().filter_map(state_of).collect();
        if lock == Lock::OnlyLocked {
            states.push(StateName::Active);
        }
        states.sort_unstable();
        states.dedup();
        Self { states, lock }
    }
}

/// The row before the page. Without a cursor: before the first of all.
struct Start<'q> {
    key: Value<'q>,
    id: UserId,
}

impl<'q> Start<'q> {
    fn of(query: &'q UserQuery, descending: bool) -> Self {
        let extreme = if descending { uuid::Uuid::max() } else { uuid::Uuid::nil() };
        let Some(cursor) = &query.cursor else {
            let key = match (query.sort, descending) {
                (Sort::LastSignIn | Sort::Created, true) => Value::Int(i64::MAX),
                (Sort::LastSignIn | Sort::Created, false) => Value::Int(-1),
                // No text sorts after the last character of Unicode.
                (_, true) => Value::Text("\u{10ffff}\u{10ffff}"),
                (_, false) => Value::Text(""),
            };
            return Self { key, id: UserId(extreme) };
        };
        let key = match query.sort {
            Sort::LastSignIn | Sort::Created => Value::Int(cursor.key.parse().unwrap_or(0)),
            _ => Value::Text(&cursor.key),
        };
        Self { key, id: UserId(cursor.id) }
    }
}

/// Turns the rows found (one more than asked for) into a page with its neighbours.
fn cut(mut rows: Vec<Listed>, query: &UserQuery) -> Page<Listed> {
    let backwards = query.cursor.as_ref().is_some_and(|cursor| cursor.backwards);
    let more = rows.len() > usize::from(query.limit);
    rows.truncate(query.limit.into());
    if backwards {
        rows.reverse();
    }
    let link = |row: Option<&Listed>, backwards: bool| {
        row.map(|row| {
            let user = &row.user;
            let key = match query.sort {
                Sort::Name => user.sort_name(),
                Sort::Username => user.fields.username_key().unwrap_or_default(),
                Sort::LastSignIn => user.last_sign_in_at.map_or(0, Timestamp::micros).to_string(),
                Sort::Created => String::new(),
            };
            Cursor { order: query.order(), key, id: user.id.0, backwards }.encode()
        })
    };
    let has_next = if backwards { true } else { more };
    let has_previous = if backwards { more } else { query.cursor.is_some() };
    let next = has_next.then(|| link(rows.last(), false)).flatten();
    let previous = has_previous.then(|| link(rows.first(), true)).flatten();
    Page { items: rows, next, previous }
}
