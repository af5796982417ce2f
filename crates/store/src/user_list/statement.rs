//! The statements behind the list of users: one text per way of asking, made once and kept.

use std::fmt::Write as _;

use model::filter::Sort;

use crate::{Engine, listing::Texts, users::COLUMNS};

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
    /// Walk along those where a column begins with what is searched, and leave out who came before.
    Begins(Column),
    /// Look at the rows that are bound, in the order in which they are, but for those who came before.
    Rest,
}

/// What of a person may begin with what is searched; who is found by one is left out of those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Column {
    Name,
    Username,
    Email,
}

impl Column {
    const ALL: [Self; 3] = [Self::Name, Self::Username, Self::Email];

    /// The column, and the parameters that are the range in it: from, and up to.
    fn range(self) -> (&'static str, usize, usize) {
        match self {
            Self::Name => ("u.sort_name", 10, 11),
            Self::Username => ("u.username_key", 12, 13),
            Self::Email => ("u.email_key", 12, 13),
        }
    }
}

/// The first parameter after those that every way has: the shown states, then the words.
pub(super) const FIRST_STATE: usize = 14;

/// What limits a page to some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    /// Holders of a role, directly or through a group.
    Role,
    /// The people of a group, at any depth.
    Group,
    /// Those whom the viewer's rights reach.
    Reach,
    /// Those in the shown states.
    State,
}

pub(super) static TEXTS: Texts<Shape> = Texts::new();

/// Everything that makes one statement differ from another. Each text is made once and kept.
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
    /// At least as many rows as are wanted.
    pub(super) most: usize,
}

/// The numbers of rows that statements ask for: those in the text, so that engines plan for so many, and few, so that few
/// statements differ by nothing else.
const STEPS: [usize; 6] = [2, 11, 26, 51, 101, 201];

/// The smallest step to at least so many.
pub(super) fn step(most: usize) -> usize {
    STEPS.into_iter().find(|step| *step >= most).unwrap_or_else(|| most.next_multiple_of(STEPS[5]))
}

/// A membership that holds now.
const HOLDS: &str =
    "(m.valid_from IS NULL OR m.valid_from <= $4) AND (m.valid_until IS NULL OR m.valid_until > $4)";

impl Shape {
    /// First the keys of the page, in order and no more than fit on it; then what the page shows of each.
    pub(super) fn statement(self) -> String {
        let text = format!("{}{}", self.how, self.page());
        match self.engine {
            Engine::Sqlite => text,
            Engine::Postgres => self.planned_once(&text),
        }
    }

    /// PostgreSQL compares what a plan promises that knows what is bound with one that does not, and plans anew as long as
    /// the former looks better: that took twice as long as reading a page. What a subquery answers, no plan knows.
    fn planned_once(self, text: &str) -> String {
        let kind = |number: usize| match number {
            1 | 3 => "uuid",
            2 if matches!(self.column(), Some("u.last_sign_in_at")) => "bigint",
            4 => "bigint",
            5 | 7..=9 => "jsonb",
            _ => "text",
        };
        let mut parts = text.split('$');
        let mut hidden = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = part.split_at(digits);
            let kind = kind(number.parse().unwrap_or_default());
            let _ = write!(hidden, "(SELECT ${number}::{kind}){rest}");
        }
        hidden
    }

    fn page(self) -> String {
        let most = self.most;
        let direction = if self.descending { "DESC" } else { "ASC" };
        let order = match self.column() {
            Some(column) => format!("{column} {direction}, u.id {direction}"),
            None if self.plan == Plan::Rest => "place".to_owned(),
            None => format!("u.id {direction}"),
        };
        let place = if self.plan == Plan::Rest { ", found.place" } else { "" };
        let keys = match self.plan {
            Plan::Walk | Plan::Begins(_) if self.column() == Some("u.sort_name") => {
                let streams: Vec<String> = (0..self.states).map(|state| self.stream(state)).collect();
                let streams = streams.join(" UNION ALL ");
                format!("SELECT u.key FROM ({streams}) u ORDER BY {order} LIMIT {most}")
            }
            Plan::Walk | Plan::Begins(_) => {
                let conditions = self.conditions();
                format!(
                    "SELECT u.key FROM users u WHERE u.org_id = $1 AND {conditions} ORDER BY {order} LIMIT {most}"
                )
            }
            Plan::Candidates | Plan::Rest => {
                let found = match self.engine {
                    Engine::Sqlite => "SELECT value AS key, key AS place FROM json_each($5)",
                    Engine::Postgres => {
                        "SELECT value::bigint AS key, place FROM jsonb_array_elements_text($5) \
                         WITH ORDINALITY listed (value, place)"
                    }
                };
                format!(
                    "SELECT u.key{place} FROM ({found}) found CROSS JOIN users u \
                     WHERE u.key = found.key AND u.org_id = $1 AND {} ORDER BY {order} LIMIT {most}",
                    self.conditions()
                )
            }
            Plan::Limited(limit) => {
                let some = self.limited(limit);
                let conditions = self.conditions();
                format!(
                    "SELECT u.key FROM ({some}) held CROSS JOIN users u WHERE u.org_id = $1 \
                     AND u.id = held.user_id AND {conditions} ORDER BY {order} LIMIT {most}"
                )
            }
        };
        let roles = "(SELECT string_agg(g.role || ' ' || COALESCE(c.name, ''), '\n') FROM role_grants g \
                     LEFT JOIN roles c ON c.org_id = $1 AND c.id = g.role \
                     WHERE g.org_id = $1 AND g.user_id = u.id)";
        format!(
            "SELECT {COLUMNS}, {roles}, u.key FROM ({keys}) page CROSS JOIN users u WHERE u.org_id = $1 AND u.key = page.key ORDER BY {order}"
        )
    }

    /// What the rows are in order of, besides ids and keys.
    fn column(self) -> Option<&'static str> {
        match (self.plan, self.sort) {
            (Plan::Begins(column), _) => Some(column.range().0),
            (Plan::Rest, _) | (_, Sort::Created) => None,
            (_, Sort::Name) => Some("u.sort_name"),
            (_, Sort::Username) => Some("u.username_key"),
            (_, Sort::LastSignIn) => Some("u.last_sign_in_at"),
        }
    }

    /// Where the page starts, and of a column that begins with what is searched, where that ends.
    fn after(self) -> String {
        let than = if self.descending { "<" } else { ">" };
        let mut text = match self.column() {
            Some(column) => format!("({column}, u.id) {than} ($2, $3)"),
            // The candidates are cut where the page starts before they are bound.
            None if self.plan == Plan::Rest => "true".to_owned(),
            None => format!("u.id {than} $3"),
        };
        let before = match self.plan {
            Plan::Begins(own) => {
                let (column, from, to) = own.range();
                let _ = if self.descending {
                    write!(text, " AND {column} >= ${from}")
                } else {
                    write!(text, " AND {column} < ${to}")
                };
                Some(own)
            }
            Plan::Rest => None,
            Plan::Walk | Plan::Candidates | Plan::Limited(_) => return text,
        };
        for earlier in Column::ALL.into_iter().take_while(|earlier| Some(*earlier) != before) {
            let (column, from, to) = earlier.range();
            let _ = write!(
                text,
                " AND NOT (COALESCE({column}, '') >= ${from} AND COALESCE({column}, '') < ${to})"
            );
        }
        text
    }

    /// The ids in a list that is bound.
    fn ids(self, number: usize) -> String {
        match self.engine {
            Engine::Sqlite => format!("SELECT unhex(value) FROM json_each(${number})"),
            Engine::Postgres => {
                format!("SELECT value::uuid FROM jsonb_array_elements_text(${number})")
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
                let members = members(7);
                format!("SELECT user_id FROM role_grants WHERE org_id = $1 AND role = $6 UNION {members}")
            }
            Limit::Group => members(8).replacen("SELECT", "SELECT DISTINCT", 1),
            Limit::Reach => members(9).replacen("SELECT", "SELECT DISTINCT", 1),
            Limit::State if self.lock == Lock::OnlyLocked && self.states == 1 => {
                "SELECT s.id AS user_id FROM users s WHERE s.org_id = $1 \
                 AND (s.lock_until IS NOT NULL OR s.password_locked_until IS NOT NULL)"
                    .to_owned()
            }
            Limit::State => {
                let states = self.state_list();
                format!("SELECT s.id AS user_id FROM users s WHERE s.org_id = $1 AND s.state IN ({states})")
            }
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
                     AND g.role = $6) OR {})",
                    is_in(7)
                ),
                Limit::Group => write!(text, " AND {}", is_in(8)),
                Limit::Reach => write!(text, " AND {}", is_in(9)),
                Limit::State => Ok(()),
            };
        }
    }

    /// The first rows of one state, by name.
    fn stream(self, state: usize) -> String {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let most = self.most;
        let mut stream = format!(
            "SELECT * FROM (SELECT u.sort_name, u.id, u.key FROM users u WHERE u.org_id = $1 AND u.state = ${} AND {}",
            FIRST_STATE + state,
            self.after()
        );
        self.lock_condition(&mut stream);
        self.limit_conditions(&mut stream);
        self.words(&mut stream);
        let _ = write!(stream, " ORDER BY u.sort_name {direction}, u.id {direction} LIMIT {most}) s{state}");
        stream
    }

    /// The shown states.
    fn state_list(self) -> String {
        let states: Vec<String> = (0..self.states).map(|state| format!("${}", FIRST_STATE + state)).collect();
        states.join(", ")
    }

    fn conditions(self) -> String {
        let mut text = self.after();
        // Not a plain column on `SQLite`: an index that starts with the state would be taken, and everything sorted.
        // PostgreSQL has statistics of the column, and needs them.
        let state = if self.engine == Engine::Postgres { "u.state" } else { "u.state || ''" };
        let _ = write!(text, " AND {state} IN ({})", self.state_list());
        self.lock_condition(&mut text);
        self.limit_conditions(&mut text);
        self.words(&mut text);
        text
    }

    fn lock_condition(self, text: &mut String) {
        let holds = "(COALESCE(u.lock_until, 0) > $4 OR COALESCE(u.password_locked_until, 0) > $4)";
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
            let number = FIRST_STATE + self.states + term;
            let _ = if self.engine == Engine::Postgres {
                write!(text, " AND strpos(u.search_text, ${number}) > 0")
            } else {
                write!(text, " AND instr(u.search_text, ${number}) > 0")
            };
        }
    }
}
