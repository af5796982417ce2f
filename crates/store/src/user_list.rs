//! The list of users: search, statuses, order, keyset pages. A page costs the same wherever it lies and however many
//! users there are.
//!
//! Orders by name walk `users_list` once per state and merge, because one walk over several states could not stop
//! early. With a role, a group, or the groups to whose people a viewer is limited: if these are few, they are looked at
//! and sorted; where they are many, walking in order and looking at each row fills a page soonest.
//!
//! A search asks the index of words for a bounded number of candidates: few are looked at and sorted; of many, those come
//! first who begin with what was typed (`common.rs`). The texts are made in `statement.rs`.

mod common;
mod limits;
mod shown;
mod statement;

use model::{
    GroupId, OrgContext, Result, RoleKey, Status, Timestamp, User, UserId,
    filter::{BEST_FIRST, Sort, UserQuery},
    page::Page,
    rights::Reach,
    search,
};

use crate::{
    Connection, Record, Row, Sql, Value,
    access::{self, id_list},
    boxed, grants,
    listing::cut,
    search_words::{Candidates, Question},
    users, values,
};
use common::Ranges;
use limits::Limits;
use shown::{Shown, state_of};
use statement::{Limit, Plan, Shape, TEXTS};

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

/// A search that finds more people is not sorted: those come first who begin with it. Each who is sorted is looked at, at
/// some 4 µs.
const COMMON: u16 = 400;
/// A limit (a role, a group, the viewer's, of a search the shown states) to no more people: they are looked at and sorted.
/// Walking along the list until a page of them is met would be dearer.
const FEW: u16 = 1_500;
/// A limit to no more people: a search looks at each of them. And as many a search looks at where only some of those who
/// have the words are shown.
const LOOKED_AT: u16 = 4_000;
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
    let asked = Asked::of(connection, context, query, reach, now).await?;
    let Some(plan) = asked.plan else { return common::page(connection, &asked).await };
    let (keys, after) = (asked.key_list(), query.cursor.as_ref());
    let after = after.map(|cursor| (cursor.key.as_str(), cursor.id));
    let rows: Vec<Found> = asked.rows(connection, plan, &keys, after, usize::from(query.limit) + 1).await?;
    let rows = rows.into_iter().map(|found| found.listed).collect();
    let (list, order) = (query.list(), query.order());
    Ok(cut(rows, query.limit, query.cursor.as_ref(), (&list, &order), |Listed { user, .. }| {
        let key = match query.sort {
            Sort::Name => user.sort_name(),
            Sort::Username => user.fields.username_key().unwrap_or_default(),
            Sort::LastSignIn => user.last_sign_in_at.map_or(0, Timestamp::micros).to_string(),
            Sort::Created => String::new(),
        };
        (key, user.id.0)
    }))
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
    let asked = Asked::of(connection, context, query, reach, now).await?;
    let mut steps = match asked.plan {
        Some(plan) => asked.explain(connection, plan, &asked.key_list()).await?,
        None => common::explain(connection, &asked).await?,
    };
    if matches!(asked.plan, None | Some(Plan::Candidates)) {
        steps.extend(asked.words(COMMON).explain(connection).await?);
    }
    Ok(steps)
}

/// A row as it is found.
struct Found {
    listed: Listed,
    /// `users.key`.
    key: i64,
}

impl Record for Found {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self { listed: Listed::read(row)?, key: row.get(17)? })
    }
}

/// Keys as they are bound.
fn key_list(keys: &[i64]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    format!("[{}]", keys.join(","))
}

/// A question with all that its statements need.
struct Asked<'q> {
    context: OrgContext,
    query: &'q UserQuery,
    now: Timestamp,
    terms: Vec<String>,
    limits: Limits,
    shown: Shown,
    ranges: Ranges,
    /// `None`: more are found than are sorted.
    plan: Option<Plan>,
    /// Those who may have the words, if that was asked.
    candidates: Option<Candidates>,
}

impl<'q> Asked<'q> {
    async fn of(
        connection: &mut Connection<'_>,
        context: OrgContext,
        query: &'q UserQuery,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Self> {
        let mut terms = search::terms(&query.search)?;
        terms.truncate(MAX_TERMS);
        let limits = Limits::of(connection, context, query, reach, now).await?;
        let (shown, ranges) = (Shown::of(query), Ranges::of(&query.search));
        let most = if terms.is_empty() { FEW } else { LOOKED_AT };
        let narrowest = limits.narrowest(connection, context, most).await?;
        let plan = Some(narrowest.map_or(Plan::Walk, Plan::Limited));
        let mut asked = Self { context, query, now, terms, limits, shown, ranges, plan, candidates: None };
        let is_best_first = query.cursor.as_ref().is_some_and(|cursor| cursor.order == BEST_FIRST);
        if !asked.terms.is_empty() && (narrowest.is_none() || is_best_first) {
            asked.look_for_words(connection, is_best_first).await?;
        }
        Ok(asked)
    }

    /// Looks for people who have the words; of what too many have, it asks whether few are shown at all. A page of an order
    /// stays in that order, and one of the best first in theirs, whatever is found meanwhile.
    async fn look_for_words(&mut self, connection: &mut Connection<'_>, is_best_first: bool) -> Result<()> {
        if is_best_first {
            self.plan = None;
            return Ok(());
        }
        let is_first_page = self.query.cursor.is_none();
        let mut is_common =
            is_first_page && !self.is_limited() && common::begin_too_many(connection, self).await?;
        if !is_common {
            let candidates = self.find(connection).await?;
            is_common = candidates.are_more;
            self.candidates = Some(candidates);
        }
        self.plan = if is_common && self.shown.are_few(connection, self.context).await? {
            Some(Plan::Limited(Limit::State))
        } else {
            (!is_common || !is_first_page).then_some(Plan::Candidates)
        };
        Ok(())
    }

    /// Those who may have the words.
    async fn find(&self, connection: &mut Connection<'_>) -> Result<Candidates> {
        let most = if self.is_limited() { LOOKED_AT } else { COMMON };
        self.words(most).candidates(connection).await
    }

    /// Their keys as they are bound.
    fn key_list(&self) -> String {
        key_list(self.candidates.as_ref().map_or(&[], |candidates| candidates.keys.as_slice()))
    }

    /// At most so many who may have the words.
    fn words(&self, most: u16) -> Question<'_> {
        Question { context: self.context, terms: &self.terms, shown: &self.shown.states, most }
    }

    /// Whether some who have the words are not shown: then more are asked for, so that enough of them are.
    fn is_limited(&self) -> bool {
        let Limits { role, group, reach, .. } = &self.limits;
        role.is_some() || group.is_some() || reach.is_some() || !self.query.statuses.is_empty()
    }

    fn backwards(&self) -> bool {
        self.query.cursor.as_ref().is_some_and(|cursor| cursor.backwards)
    }

    fn is_of_several_words(&self) -> bool {
        self.terms.len() > 1
    }

    /// At most so many rows of a way after a place, or from its beginning.
    async fn rows<R: Record>(
        &self,
        connection: &mut Connection<'_>,
        plan: Plan,
        candidates: &str,
        after: Option<(&str, uuid::Uuid)>,
        most: usize,
    ) -> Result<Vec<R>> {
        let mut rows = self.asked(connection, plan, candidates, after, most, "").await?;
        rows.truncate(most);
        Ok(rows)
    }

    /// The same, of which a few more may be answered; `how` stands before the statement.
    async fn asked<R: Record>(
        &self,
        connection: &mut Connection<'_>,
        plan: Plan,
        candidates: &str,
        after: Option<(&str, uuid::Uuid)>,
        most: usize,
        how: &'static str,
    ) -> Result<Vec<R>> {
        let (limits, states) = (&self.limits, &self.shown.states);
        let is_best_first = matches!(plan, Plan::Begins(_) | Plan::Rest);
        let descending = self.backwards() != (self.query.descending && !is_best_first);
        let (key, id) = self.start(plan, after, descending);
        let mut bound = vec![
            Value::from(self.context.org),
            key,
            Value::from(id),
            Value::from(self.now),
            Value::Json(candidates),
            Value::from(limits.role.as_deref()),
            Value::Json(&limits.carrying),
            limits.group.as_deref().map_or(Value::Null, Value::Json),
            limits.reach.as_deref().map_or(Value::Null, Value::Json),
        ];
        bound.extend(self.ranges.values());
        bound.extend(states.iter().map(|state| Value::from(state.as_str())));
        bound.extend(self.terms.iter().map(|term| Value::from(term.as_str())));
        let shape = Shape {
            how,
            engine: connection.engine(),
            sort: self.query.sort,
            descending,
            plan,
            role: limits.role.is_some(),
            group: limits.group.is_some(),
            reach: limits.reach.is_some(),
            states: states.len(),
            lock: self.shown.lock,
            terms: self.terms.len(),
            most: statement::step(most),
        };
        let text = TEXTS.get(shape, |shape| shape.statement());
        connection.all(text.sql(), &text.values(&bound)).await
    }

    /// The row before the first: that of the cursor, or before all.
    fn start<'s>(
        &'s self,
        plan: Plan,
        after: Option<(&'s str, uuid::Uuid)>,
        descending: bool,
    ) -> (Value<'s>, UserId) {
        let is_time = matches!(self.query.sort, Sort::LastSignIn | Sort::Created);
        let extreme = UserId(if descending { uuid::Uuid::max() } else { uuid::Uuid::nil() });
        match (plan, after) {
            (Plan::Begins(_), Some((key, id))) => (Value::Text(key), UserId(id)),
            (Plan::Begins(column), None) => (Value::Text(self.ranges.start(column, descending)), extreme),
            (_, Some((key, id))) if is_time => (Value::Int(key.parse().unwrap_or(0)), UserId(id)),
            (_, Some((key, id))) => (Value::Text(key), UserId(id)),
            (_, None) if is_time => (Value::Int(if descending { i64::MAX } else { -1 }), extreme),
            // No text sorts after the last character of Unicode.
            (_, None) => (Value::Text(if descending { "\u{10ffff}\u{10ffff}" } else { "" }), extreme),
        }
    }

    #[cfg(feature = "testing")]
    async fn explain(
        &self,
        connection: &mut Connection<'_>,
        plan: Plan,
        candidates: &str,
    ) -> Result<Vec<String>> {
        let most = usize::from(self.query.limit) + 1;
        let how = crate::listing::plan::words(connection.engine());
        let steps = self.asked(connection, plan, candidates, None, most, how).await?;
        Ok(crate::listing::plan::texts(steps))
    }
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
    Ok(Page { items, next: None, previous: None, more_than: None })
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
