//! The statements behind the list of users: one text per way of asking, made once and kept.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Mutex, OnceLock},
};

use model::{Result, filter::Sort};

use super::COMMON;
use crate::{Connection, Engine, users::COLUMNS, values};

/// What of the active users is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Lock {
    Any,
    OnlyLocked,
    OnlyUnlocked,
}

/// The strategy of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Plan {
    /// Walk in order; look at each row for the words, if there are any.
    Walk,
    /// Look at the rows that the trigram index knows, and sort those that hold the words.
    Candidates,
    /// Take those whom a limit knows and sort them.
    Limited(Limit),
}

/// What limits a page to some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    /// Holders of a role, directly or through a group.
    Role,
    /// The people of a group, at any depth.
    Group,
    /// Those whom the viewer's rights reach.
    Reach,
}

impl Plan {
    /// The plan, with the keys of the candidates as a JSON array if there are any.
    pub(super) async fn of(
        connection: &mut Connection<'_>,
        narrowest: Option<Limit>,
        terms: &[String],
    ) -> Result<(Self, String)> {
        if let Some(limit) = narrowest {
            return Ok((Self::Limited(limit), String::new()));
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
#[expect(clippy::struct_excessive_bools, reason = "each is a limit that is there or not")]
pub(super) struct Shape {
    pub(super) how: &'static str,
    pub(super) engine: Engine,
    pub(super) sort: Sort,
    pub(super) descending: bool,
    pub(super) plan: Plan,
    pub(super) role: bool,
    pub(super) group: bool,
    pub(super) reach: bool,
    pub(super) states: usize,
    pub(super) lock: Lock,
    pub(super) terms: usize,
}

/// A statement, and which of the parameters (numbered as bound in `page`) it uses, in its own order.
pub(crate) type Text = (&'static str, &'static [usize]);

/// The statement of a shape: made once, kept for the statement caches.
pub(super) fn text(shape: Shape) -> Text {
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

/// A membership that holds now.
const HOLDS: &str =
    "(m.valid_from IS NULL OR m.valid_from <= $5) AND (m.valid_until IS NULL OR m.valid_until > $5)";

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
            Plan::Limited(limit) => {
                let some = self.limited(limit);
                let conditions = self.conditions();
                format!(
                    "SELECT u.key FROM ({some}) held CROSS JOIN users u WHERE u.org_id = $1 \
                     AND u.id = held.user_id AND {conditions} ORDER BY {order} LIMIT $4"
                )
            }
        };
        let roles = "(SELECT string_agg(g.role || ' ' || COALESCE(c.name, ''), '\n') FROM role_grants g \
                     LEFT JOIN roles c ON c.org_id = g.org_id AND c.id = g.role \
                     WHERE g.org_id = u.org_id AND g.user_id = u.id)";
        format!(
            "SELECT {COLUMNS}, {roles} FROM ({keys}) page CROSS JOIN users u WHERE u.key = page.key ORDER BY {order}"
        )
    }

    /// The ids in a list that is bound.
    fn ids(self, number: usize) -> String {
        match self.engine {
            Engine::Sqlite => format!("SELECT unhex(value) FROM json_each(${number})"),
            Engine::Postgres => {
                format!("SELECT value::uuid FROM jsonb_array_elements_text(${number}::jsonb)")
            }
        }
    }

    /// The users whom a limit knows, each once.
    fn limited(self, limit: Limit) -> String {
        let members = |number: usize| {
            let ids = self.ids(number);
            format!(
                "SELECT m.user_id FROM group_members m WHERE m.org_id = $1 AND m.group_id IN ({ids}) AND {HOLDS}"
            )
        };
        match limit {
            Limit::Role => {
                let members = members(8);
                format!("SELECT user_id FROM role_grants WHERE org_id = $1 AND role = $7 UNION {members}")
            }
            Limit::Group => members(9).replacen("SELECT", "SELECT DISTINCT", 1),
            Limit::Reach => members(10).replacen("SELECT", "SELECT DISTINCT", 1),
        }
    }

    /// Every limit but the one whose people are looked at anyhow.
    fn limit_conditions(self, text: &mut String) {
        let is_in = |number: usize| {
            let ids = self.ids(number);
            format!(
                "EXISTS (SELECT 1 FROM group_members m WHERE m.org_id = $1 AND m.user_id = u.id \
                 AND m.group_id IN ({ids}) AND {HOLDS})"
            )
        };
        for (limit, is_set) in
            [(Limit::Role, self.role), (Limit::Group, self.group), (Limit::Reach, self.reach)]
        {
            if !is_set || self.plan == Plan::Limited(limit) {
                continue;
            }
            let _ = match limit {
                Limit::Role => write!(
                    text,
                    " AND (EXISTS (SELECT 1 FROM role_grants g WHERE g.org_id = $1 AND g.user_id = u.id \
                     AND g.role = $7) OR {})",
                    is_in(8)
                ),
                Limit::Group => write!(text, " AND {}", is_in(9)),
                Limit::Reach => write!(text, " AND {}", is_in(10)),
            };
        }
    }

    /// The first rows of one state, by name.
    fn stream(self, state: usize) -> String {
        let (direction, than) = if self.descending { ("DESC", "<") } else { ("ASC", ">") };
        let mut stream = format!(
            "SELECT * FROM (SELECT u.sort_name, u.id, u.key FROM users u WHERE u.org_id = $1 AND u.state = ${} \
             AND (u.sort_name, u.id) {than} ($2, $3)",
            11 + state
        );
        self.lock_condition(&mut stream);
        self.limit_conditions(&mut stream);
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
        let states: Vec<String> = (0..self.states).map(|state| format!("${}", 11 + state)).collect();
        // Not a plain column on `SQLite`: an index that starts with the state would be taken, and everything sorted.
        // PostgreSQL has statistics of the column, and needs them.
        let state = if self.engine == Engine::Postgres { "u.state" } else { "u.state || ''" };
        let _ = write!(text, " AND {state} IN ({})", states.join(", "));
        self.lock_condition(&mut text);
        self.limit_conditions(&mut text);
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
            let number = 11 + self.states + term;
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
