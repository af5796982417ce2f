//! The index of words behind the search: what stands in it for a person, and how it is asked.
//!
//! `SQLite` has one index (FTS5, trigrams) for all organizations. Each person's words there begin with a mark of the
//! organization, so that a question stops after a bounded number of answers however many people of other organizations
//! have the same name. The mark is everybody's, so it is the dearest trigram of a question (two thirds of its time at
//! 100,000 people): it is asked for only where others' people would be in the way. PostgreSQL has an index of the column
//! itself.

use model::{OrgContext, OrgId, Result, lifecycle::StateName};

use crate::{Connection, Engine, Record, Row, Value, listing::Texts, users::to_json, values};

/// People of other organizations that a question for a rare word finds at most; whose they are is seen in their rows.
const OTHERS: u16 = 200;

/// One trigram that stands for an organization: three characters for private use, made of 45 bits of its id. Should two
/// organizations share one, the question finds some people in vain; whose they are is compared in the row.
fn mark(org: OrgId) -> String {
    let bits = org.0.as_u128();
    let letter = |at: u32| u32::try_from((bits >> (15 * at)) & 0x7fff).unwrap_or_default();
    (0..3).filter_map(|at| char::from_u32(0xf_0000 + letter(at))).collect()
}

/// What is indexed on `SQLite` for a person of that organization.
pub(crate) fn indexed(org: OrgId, text: &str) -> String {
    format!("{}{text}", mark(org))
}

/// An FTS5 query for the rows, of an organization or of all, that hold trigrams of every term: every second one, so that
/// neighbours share a letter. Those that only cover a term find forty times as many people in vain, and all of them cost
/// twice as much where many have them. Cheaper than phrases, for no positions are compared; whether the term itself is
/// there is seen in the row.
fn trigrams(org: Option<OrgId>, terms: &[String]) -> String {
    let mut quoted: Vec<String> = org.iter().map(|org| format!("\"{}\"", mark(*org))).collect();
    for term in terms {
        let letters: Vec<char> = term.chars().collect();
        let last = letters.len().saturating_sub(3);
        for start in (0..last).step_by(2).chain([last]) {
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

/// Who may have the words.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// `users.key`, each once, in the order in which they are shown where they are not sorted.
    pub(crate) keys: Vec<i64>,
    /// They are the first of all in an order that [`Question::more`] keeps to: of their keys on `SQLite`, of their ids on
    /// PostgreSQL, where who was created at the same moment has keys in no such order. Otherwise they are in that of their keys.
    pub(crate) are_first: bool,
    /// There are more than were asked for.
    pub(crate) are_more: bool,
}

/// Who is looked for.
#[derive(Clone, Copy)]
pub(crate) struct Question<'q> {
    /// Whose people.
    pub(crate) context: OrgContext,
    /// All of which somebody must have.
    pub(crate) terms: &'q [String],
    /// In which states people are shown. PostgreSQL, which looks at each row, leaves out the others.
    pub(crate) shown: &'q [StateName],
    /// How many are found at most.
    pub(crate) most: u16,
}

/// How people are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// Look at the first people of the organization.
    First,
    /// Read along the people of the organization.
    Read,
    /// Ask the index of words for those of all organizations.
    Index,
    /// Ask it for those with the mark of the organization.
    Marked,
}

/// At how many people of an organization PostgreSQL looks before it asks anything else, at some 1 µs each.
const FIRST: usize = 250;
/// How many people it reads at most rather than ask the index.
const READ: usize = 15_000;

impl Question<'_> {
    /// Those who may have all terms; of fewer than `most` perhaps some of other organizations. `SQLite` finds those with
    /// the lowest keys. PostgreSQL finds the first in the order of their ids where reading meets enough of them soon, else
    /// those that lie first in its table.
    pub(crate) async fn candidates(self, connection: &mut Connection<'_>) -> Result<Candidates> {
        let one_more = Self { most: self.most + 1, ..self };
        let (mut keys, are_first) = match connection.engine() {
            Engine::Sqlite => (one_more.lowest_keys(connection).await?, true),
            Engine::Postgres => one_more.soonest(connection).await?,
        };
        let are_more = keys.len() > usize::from(self.most);
        keys.truncate(self.most.into());
        Ok(Candidates { keys, are_first, are_more })
    }

    /// The same, where asking for fewer has found the first of all: these are found first again.
    pub(crate) async fn more(self, connection: &mut Connection<'_>) -> Result<Candidates> {
        let keys = match connection.engine() {
            Engine::Sqlite => self.lowest_keys(connection).await?,
            Engine::Postgres => self.keys(connection, Way::Read).await?,
        };
        Ok(Candidates { keys, are_first: true, are_more: false })
    }

    async fn lowest_keys(self, connection: &mut Connection<'_>) -> Result<Vec<i64>> {
        let most = if is_alone(connection, self.context).await? { self.most } else { self.most.min(OTHERS) };
        let mut keys = Self { most, ..self }.keys(connection, Way::Index).await?;
        if keys.len() == usize::from(most) && most < self.most {
            keys = self.keys(connection, Way::Marked).await?;
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// The index of words costs as many rows as have a word, however few are wanted. How common a word is shows in the
    /// first people: often enough of them have it, or there are no others. Also whether those found are the first of all.
    async fn soonest(self, connection: &mut Connection<'_>) -> Result<(Vec<i64>, bool)> {
        let most = usize::from(self.most);
        let first: Vec<First> = self.ask(connection, Way::First, "").await?;
        let mut first = first.into_iter().next().unwrap_or_default();
        if first.looked_at < FIRST || first.keys.len() >= most {
            first.keys.truncate(most);
            return Ok((first.keys, true));
        }
        if first.is_reading_cheaper(most) {
            let keys = self.keys(connection, Way::Read).await?;
            if keys.len() == most || !self.are_unread(connection).await? {
                return Ok((keys, true));
            }
        }
        let mut keys = self.keys(connection, Way::Index).await?;
        keys.sort_unstable();
        Ok((keys, false))
    }

    /// Whether the organization has more people than are read.
    async fn are_unread(self, connection: &mut Connection<'_>) -> Result<bool> {
        let sql = "SELECT key FROM users WHERE org_id = $1 ORDER BY id LIMIT 1 OFFSET $2";
        let read = i64::try_from(READ).unwrap_or(i64::MAX);
        Ok(connection.optional::<(i64,)>(sql, values![self.context.org, read]).await?.is_some())
    }

    async fn keys(self, connection: &mut Connection<'_>, way: Way) -> Result<Vec<i64>> {
        let keys: Vec<(i64,)> = self.ask(connection, way, "").await?;
        Ok(keys.into_iter().map(|(key,)| key).collect())
    }

    /// How the engine finds them, step by step.
    #[cfg(feature = "testing")]
    pub(crate) async fn explain(self, connection: &mut Connection<'_>) -> Result<Vec<String>> {
        let engine = connection.engine();
        let ways: &[Way] = match engine {
            Engine::Sqlite => &[Way::Marked],
            Engine::Postgres => &[Way::First, Way::Read, Way::Index],
        };
        let mut steps = Vec::new();
        for way in ways {
            let found = self.ask(connection, *way, crate::listing::plan::words(engine)).await?;
            steps.extend(crate::listing::plan::texts(found));
        }
        Ok(steps)
    }

    async fn ask<R: Record>(
        self,
        connection: &mut Connection<'_>,
        way: Way,
        how: &'static str,
    ) -> Result<Vec<R>> {
        static TEXTS: Texts<(Engine, Way, &str, usize)> = Texts::new();
        let engine = connection.engine();
        let is_indexed = matches!(way, Way::Index | Way::Marked);
        let trigrams = trigrams((way == Way::Marked).then_some(self.context.org), self.terms);
        let states = to_json(&self.shown.iter().map(|state| state.as_str()).collect::<Vec<_>>())?;
        let words = if is_indexed { patterns(engine, self.terms) } else { self.terms.to_vec() };
        let mut bound = vec![
            Value::from(self.context.org),
            Value::from(i64::from(self.most)),
            Value::from(&trigrams),
            Value::Json(&states),
        ];
        bound.extend(words.iter().map(|word| Value::from(word.as_str())));
        let text =
            TEXTS.get((engine, way, how, self.terms.len()), |(engine, way, how, terms)| match engine {
                Engine::Sqlite => {
                    format!("{how}SELECT rowid FROM user_search WHERE user_search MATCH $3 LIMIT $2")
                }
                Engine::Postgres => format!("{how}{}", way.on_postgres(*terms)),
            });
        let sql = if is_indexed { text.sql_for_its_values() } else { text.sql() };
        connection.all(sql, &text.values(&bound)).await
    }
}

impl Way {
    fn on_postgres(self, terms: usize) -> String {
        let shown = "u.state IN (SELECT value FROM jsonb_array_elements_text($4::jsonb))";
        let numbers = 5..5 + terms;
        if matches!(self, Self::Index | Self::Marked) {
            let words: Vec<String> =
                numbers.map(|number| format!(" AND u.search_text LIKE ${number}")).collect();
            // Materialized, so that it is planned for all answers and read only as far as the limit: planned for a few it
            // might hope to meet them soon, and read through everybody.
            return format!(
                "WITH found AS MATERIALIZED (SELECT u.key FROM users u WHERE u.org_id = $1{} AND {shown}) \
                 SELECT key FROM found LIMIT $2",
                words.concat()
            );
        }
        let words: Vec<String> =
            numbers.map(|number| format!(" AND strpos(u.search_text, ${number}) > 0")).collect();
        let has_words = format!("{shown}{}", words.concat());
        // The limit is hidden from the planner: it would sort all people of an organization that has little more.
        let along = |limit: usize| {
            format!(
                "SELECT p.key, p.state, p.search_text FROM users p WHERE p.org_id = $1 \
                 ORDER BY p.id LIMIT (SELECT {limit})"
            )
        };
        if self == Self::First {
            let along = along(FIRST);
            format!(
                "SELECT count(*), COALESCE(string_agg(u.key::text, ',') FILTER (WHERE {has_words}), ''), \
                 (SELECT reltuples::bigint FROM pg_class WHERE oid = 'users'::regclass) FROM ({along}) u"
            )
        } else {
            format!("SELECT u.key FROM ({}) u WHERE {has_words} LIMIT $2", along(READ))
        }
    }
}

/// What a look at the first people finds.
#[derive(Default)]
struct First {
    keys: Vec<i64>,
    looked_at: usize,
    /// About how many people of all organizations there are, by the engine's statistics.
    all: usize,
}

impl First {
    /// Whether reading on until so many are found costs less than the index. Somebody who is read costs about twice what
    /// somebody costs whom the index knows, and it knows those of all organizations.
    fn is_reading_cheaper(&self, most: usize) -> bool {
        let found = self.keys.len().max(1);
        let read = most * FIRST / found;
        let known = self.all * found / FIRST;
        read <= READ && 2 * read <= known
    }
}

impl Record for First {
    fn read(row: &Row<'_>) -> Result<Self> {
        let number = |at: usize| Ok(usize::try_from(row.get::<i64>(at)?).unwrap_or_default());
        let keys: String = row.get(1)?;
        let keys = keys.split(',').filter_map(|key| key.parse().ok()).collect();
        Ok(Self { keys, looked_at: number(0)?, all: number(2)? })
    }
}

/// Whether there is no other organization in the database.
async fn is_alone(connection: &mut Connection<'_>, context: OrgContext) -> Result<bool> {
    let sql = "SELECT 1 FROM orgs WHERE id <> $1 LIMIT 1";
    Ok(connection.optional::<(i64,)>(sql, values![context.org]).await?.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_on_is_worth_it_where_the_index_would_find_too_many() {
        let is_cheaper = |found: i64, all, most| {
            First { keys: (0..found).collect(), looked_at: FIRST, all }.is_reading_cheaper(most)
        };
        // Of a hundred thousand, a word that a tenth have; of a million, one that some per cent have.
        assert!(!is_cheaper(15, 100_000, 401) && is_cheaper(25, 100_000, 401));
        assert!(!is_cheaper(4, 1_000_000, 401) && is_cheaper(10, 1_000_000, 401));
        assert!(!is_cheaper(0, 10_000_000, 401) && !is_cheaper(1, 10_000_000, 401));
        // Before there are statistics.
        assert!(!is_cheaper(200, 0, 401));
    }

    #[test]
    fn organizations_have_marks_of_their_own_that_are_one_trigram() {
        let marks: std::collections::HashSet<String> =
            (0..2_000_u128).map(|org| mark(OrgId(uuid::Uuid::from_u128(org * 7_919)))).collect();
        assert_eq!(marks.len(), 2_000);
        assert!(marks.iter().all(|mark| mark.chars().count() == 3));
    }
}
