//! The list of users: search, statuses, order, keyset pages. A page costs the same wherever it lies and however many
//! users there are.
//!
//! Orders by name walk `users_list` once per state and merge, because one walk over several states could not stop
//! early. A search asks the trigram index first: if it knows few rows, these are looked at and sorted; where it knows
//! many, walking in order and looking at each row fills a page soonest.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Mutex, OnceLock},
};

use model::{
    OrgContext, Result, Role, RoleKey, Status, Timestamp, User, UserId,
    filter::{Sort, UserQuery},
    lifecycle::StateName,
    page::{Cursor, Page},
    search,
};

use crate::{
    Connection, Engine, Record, Row, Value, grants,
    users::{self, COLUMNS},
    values,
};

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

/// One page of the list.
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &UserQuery,
    now: Timestamp,
) -> Result<Page<Listed>> {
    if let Ok(id) = query.search.trim().parse() {
        return one(connection, context, id).await;
    }
    let rows: Vec<Listed> = ask(connection, context, query, now, "").await?;
    Ok(cut(rows, query))
}

/// How the engine goes about a page, step by step.
#[cfg(feature = "testing")]
pub async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &UserQuery,
    now: Timestamp,
) -> Result<Vec<String>> {
    if connection.engine() == Engine::Postgres {
        let steps: Vec<(String,)> = ask(connection, context, query, now, "EXPLAIN ").await?;
        return Ok(steps.into_iter().map(|(step,)| step).collect());
    }
    let steps: Vec<(i64, i64, i64, String)> =
        ask(connection, context, query, now, "EXPLAIN QUERY PLAN ").await?;
    Ok(steps.into_iter().map(|(.., step)| step).collect())
}

/// The rows of a page and the one after it; `how` stands before the statement.
async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &UserQuery,
    now: Timestamp,
    how: &'static str,
) -> Result<Vec<R>> {
    let mut terms = search::terms(&query.search);
    terms.truncate(MAX_TERMS);
    let role = query.role.filter(|role| *role != Role::Member);
    let role_name = role.map(|role| role.to_string());
    let (plan, candidates) = Plan::of(connection, role, &terms).await?;
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
        Value::from(role_name.as_deref()),
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
        states: shown.states.len(),
        lock: shown.lock,
        terms: terms.len(),
    };
    let (sql, used) = text(shape);
    let bound: Vec<Value<'_>> = used.iter().map(|number| bound[number - 1]).collect();
    connection.all(sql, &bound).await
}

/// The user of that id as a page: the search box takes ids too.
async fn one(connection: &mut Connection<'_>, context: OrgContext, id: UserId) -> Result<Page<Listed>> {
    let user = users::find(connection, context, id).await?;
    let mut items = Vec::new();
    if let Some(user) = user {
        let mut roles: Vec<ListedRole> = grants::of_user(connection, context, user.id)
            .await?
            .into_iter()
            .map(|grant| ListedRole { key: grant.role, name: grant.name })
            .collect();
        roles.sort_unstable();
        roles.dedup();
        items.push(Listed { roles, user });
    }
    Ok(Page { items, next: None, previous: None })
}

/// How many users there are of each status; exact up to `most` per status, `most + 1` meaning “more”.
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

/// What of the active users is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lock {
    Any,
    OnlyLocked,
    OnlyUnlocked,
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

/// The strategy of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Plan {
    /// Walk in order; look at each row for the words, if there are any.
    Walk,
    /// Look at the rows that the trigram index knows, and sort those that hold the words.
    Candidates,
    /// Take the holders of a role and sort them.
    Holders,
}

impl Plan {
    /// The plan, with the keys of the candidates as a JSON array if there are any.
    async fn of(
        connection: &mut Connection<'_>,
        role: Option<RoleKey>,
        terms: &[String],
    ) -> Result<(Self, String)> {
        if role.is_some() {
            return Ok((Self::Holders, String::new()));
        }
        // PostgreSQL knows from its statistics how common the words are, and chooses by itself.
        if terms.is_empty() || connection.engine() == Engine::Postgres {
            return Ok((Self::Walk, String::new()));
        }
        let sql = "SELECT rowid FROM user_search WHERE user_search MATCH $1 LIMIT $2";
        let keys: Vec<(i64,)> =
            connection.all(sql, values![trigrams(terms).as_str(), i64::from(COMMON) + 1]).await?;
        if keys.len() > usize::from(COMMON) {
            return Ok((Self::Walk, String::new()));
        }
        let keys: Vec<String> = keys.iter().map(|(key,)| key.to_string()).collect();
        Ok((Self::Candidates, format!("[{}]", keys.join(","))))
    }
}

/// An FTS5 query for the rows that hold trigrams of every term, as many as cover it. Cheaper than phrases, for no
/// positions are compared; whether the term itself is there is seen in the row.
fn trigrams(terms: &[String]) -> String {
    let mut quoted: Vec<String> = Vec::new();
    for term in terms {
        let letters: Vec<char> = term.chars().collect();
        let last = letters.len().saturating_sub(3);
        for start in (0..last).step_by(3).chain([last]) {
            let trigram: String = letters[start..].iter().take(3).collect();
            quoted.push(format!("\"{}\"", trigram.replace('"', "\"\"")));
        }
    }
    quoted.join(" AND ")
}

/// The terms as parameters: as they are where `instr` looks for them, as patterns where `LIKE` does.
pub(crate) fn patterns(engine: Engine, terms: &[String]) -> Vec<String> {
    match engine {
        Engine::Sqlite => terms.to_vec(),
        Engine::Postgres => terms
            .iter()
            .map(|term| format!("%{}%", term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")))
            .collect(),
    }
}

/// Everything that makes one statement differ from another. There are few, so each text is made once and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    how: &'static str,
    engine: Engine,
    sort: Sort,
    descending: bool,
    plan: Plan,
    states: usize,
    lock: Lock,
    terms: usize,
}

/// A statement, and which of the parameters (numbered as bound in `page`) it uses, in its own order.
pub(crate) type Text = (&'static str, &'static [usize]);

/// The statement of a shape: made once, kept for the statement caches.
fn text(shape: Shape) -> Text {
    static TEXTS: OnceLock<Mutex<HashMap<Shape, Text>>> = OnceLock::new();
    let mut texts = match TEXTS.get_or_init(Mutex::default).lock() {
        Ok(texts) => texts,
        Err(poisoned) => poisoned.into_inner(),
    };
    *texts.entry(shape).or_insert_with(|| {
        let (text, used) = renumbered(&format!("{}{}", shape.how, shape.statement()));
        (Box::leak(text.into_boxed_str()), Box::leak(used.into_boxed_slice()))
    })
}

impl Shape {
    /// First the keys of the page, in order and no more than fit on it; then what the page shows of each.
    fn statement(self) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let order = match self.sort {
            Sort::Name => format!("u.sort_name {direction}, u.id {direction}"),
            Sort::Username => format!("u.username_key {direction}, u.id {direction}"),
            Sort::LastSignIn => format!("u.last_sign_in_at {direction}, u.id {direction}"),
            Sort::Created => format!("u.id {direction}"),
        };
        let keys = match self.plan {
            Plan::Walk if self.sort == Sort::Name => {
                let streams: Vec<String> = (0..self.states).map(|state| self.stream(state)).collect();
                let streams = streams.join(" UNION ALL ");
                format!("SELECT u.key FROM ({streams}) u ORDER BY {order} LIMIT $4")
            }
            Plan::Walk => {
                let conditions = self.conditions();
                format!(
                    "SELECT u.key FROM users u WHERE u.org_id = $1 AND {conditions} ORDER BY {order} LIMIT $4"
                )
            }
            Plan::Candidates => format!(
                "SELECT u.key FROM json_each($6) found CROSS JOIN users u \
                 WHERE u.key = found.value AND u.org_id = $1 AND {} ORDER BY {order} LIMIT $4",
                self.conditions()
            ),
            Plan::Holders => format!(
                "SELECT u.key FROM role_grants held CROSS JOIN users u \
                 WHERE held.org_id = $1 AND held.role = $7 AND u.org_id = $1 AND u.id = held.user_id AND {} \
                 ORDER BY {order} LIMIT $4",
                self.conditions()
            ),
        };
        let roles = "(SELECT string_agg(g.role || ' ' || COALESCE(c.name, ''), '\n') FROM role_grants g \
                     LEFT JOIN roles c ON c.org_id = g.org_id AND c.id = g.role \
                     WHERE g.org_id = u.org_id AND g.user_id = u.id)";
        format!(
            "SELECT {COLUMNS}, {roles} FROM ({keys}) page CROSS JOIN users u WHERE u.key = page.key ORDER BY {order}"
        )
    }

    /// The first rows of one state, by name.
    fn stream(self, state: usize) -> String {
        let (direction, than) = if self.descending { ("DESC", "<") } else { ("ASC", ">") };
        let mut stream = format!(
            "SELECT * FROM (SELECT u.sort_name, u.id, u.key FROM users u WHERE u.org_id = $1 AND u.state = ${} \
             AND (u.sort_name, u.id) {than} ($2, $3)",
            8 + state
        );
        self.lock_condition(&mut stream);
        self.words(&mut stream);
        let _ = write!(stream, " ORDER BY u.sort_name {direction}, u.id {direction} LIMIT $4) s{state}");
        stream
    }

    fn conditions(self) -> String {
        let than = if self.descending { "<" } else { ">" };
        let mut text = match self.sort {
            Sort::Name => format!("(u.sort_name, u.id) {than} ($2, $3)"),
            Sort::Username => format!("(u.username_key, u.id) {than} ($2, $3)"),
            Sort::LastSignIn => format!("(u.last_sign_in_at, u.id) {than} ($2, $3)"),
            Sort::Created => format!("u.id {than} $3"),
        };
        let states: Vec<String> = (0..self.states).map(|state| format!("${}", 8 + state)).collect();
        // Not a plain column on `SQLite`: an index that starts with the state would be taken, and everything sorted.
        // PostgreSQL has statistics of the column, and needs them.
        let state = if self.engine == Engine::Postgres { "u.state" } else { "u.state || ''" };
        let _ = write!(text, " AND {state} IN ({})", states.join(", "));
        self.lock_condition(&mut text);
        self.words(&mut text);
        text
    }

    fn lock_condition(self, text: &mut String) {
        let holds = "(COALESCE(u.lock_until, 0) > $5 OR COALESCE(u.password_locked_until, 0) > $5)";
        let _ = match self.lock {
            Lock::Any => Ok(()),
            Lock::OnlyUnlocked => write!(text, " AND (u.state <> 'active' OR NOT {holds})"),
            // The first half is what the partial index `users_locked` is made of.
            Lock::OnlyLocked if self.states == 1 => write!(
                text,
                " AND (u.lock_until IS NOT NULL OR u.password_locked_until IS NOT NULL) AND {holds}"
            ),
            Lock::OnlyLocked => write!(text, " AND (u.state <> 'active' OR {holds})"),
        };
    }

    fn words(self, text: &mut String) {
        for term in 0..self.terms {
            let number = 8 + self.states + term;
            let _ = if self.engine == Engine::Postgres {
                write!(text, " AND u.search_text LIKE ${number}")
            } else {
                write!(text, " AND instr(u.search_text, ${number}) > 0")
            };
        }
    }
}

/// Numbers the parameters of a statement from 1 without gaps: PostgreSQL can't tell the type of one that isn't used.
pub(crate) fn renumbered(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut used): (String, Vec<usize>) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = rest[at + 1..=at + digits].parse().unwrap_or(0);
        let place = used.iter().position(|known| *known == number).unwrap_or_else(|| {
            used.push(number);
            used.len() - 1
        });
        let _ = write!(out, "{}${}", &rest[..at], place + 1);
        rest = &rest[at + 1 + digits..];
    }
    out.push_str(rest);
    (out, used)
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
