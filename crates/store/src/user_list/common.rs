//! Pages of a search that finds more than are sorted: first those whose name, username or email begins with what was typed,
//! each along its index; then as many others as were looked at, in the order of their keys.

use std::ops::Range;

use model::{Result, UserId, filter::BEST_FIRST, page::Page};
use uuid::Uuid;

use super::{
    Asked, COMMON, Found, LOOKED_AT, Listed,
    statement::{Column, Plan},
};
use crate::{Connection, Engine, Sql, Value, listing::cut, search_words::Candidates, values};

/// Candidates that are looked at together, where those who begin with it don't fill the page.
const CHUNK: usize = 200;

/// The ways that a page goes, one after the other.
const WAYS: [Plan; 4] =
    [Plan::Begins(Column::Name), Plan::Begins(Column::Username), Plan::Begins(Column::Email), Plan::Rest];

/// A row with where it was found.
type Placed = (usize, Found);

/// The page, with the number of which there are more.
pub(super) async fn page(connection: &mut Connection<'_>, asked: &Asked<'_>) -> Result<Page<Listed>> {
    let rows = rows(connection, asked).await?;
    let of = (&asked.query.list(), BEST_FIRST);
    let page = cut(rows, asked.query.limit, asked.query.cursor.as_ref(), of, |(way, found)| {
        (format!("{way}{}", sort_key(WAYS[*way], found)), found.listed.user.id.0)
    });
    Ok(Page {
        items: page.items.into_iter().map(|(_, found)| found.listed).collect(),
        next: page.next,
        previous: page.previous,
        more_than: Some(COMMON.into()),
    })
}

fn sort_key(way: Plan, found: &Found) -> String {
    let user = &found.listed.user;
    match way {
        Plan::Begins(Column::Name) => user.sort_name(),
        Plan::Begins(Column::Username) => user.fields.username_key().unwrap_or_default(),
        Plan::Begins(Column::Email) => user.fields.email_key().unwrap_or_default(),
        _ => found.key.to_string(),
    }
}

/// One row more than the page has, the ways taken in turn.
async fn rows(connection: &mut Connection<'_>, asked: &Asked<'_>) -> Result<Vec<Placed>> {
    let backwards = asked.backwards();
    let cursor = asked.query.cursor.as_ref();
    let start = cursor.and_then(|cursor| {
        let way = cursor.key.get(..1)?.parse::<usize>().ok().filter(|way| *way < WAYS.len())?;
        Some((way, cursor.key.get(1..).unwrap_or_default(), cursor.id))
    });
    let mut rows: Vec<Placed> = Vec::new();
    let ways: Vec<usize> =
        if backwards { (0..WAYS.len()).rev().collect() } else { (0..WAYS.len()).collect() };
    for way in ways {
        let missing = (usize::from(asked.query.limit) + 1).saturating_sub(rows.len());
        let is_before = start.is_some_and(|(first, ..)| if backwards { way > first } else { way < first });
        if missing == 0 || is_before || (asked.is_of_several_words() && matches!(way, 1 | 2)) {
            continue;
        }
        let after = start.filter(|(first, ..)| *first == way).map(|(_, key, id)| (key, id));
        let found = match WAYS[way] {
            Plan::Rest => rest(connection, asked, after, missing).await?,
            begins => asked.rows(connection, begins, "", after, missing).await?,
        };
        rows.extend(found.into_iter().map(|found| (way, found)));
    }
    Ok(rows)
}

/// Of the candidates, those after somebody. Where many of the first of all are not shown, or the pages go on, more are asked
/// for, of whom they stay the first.
async fn rest(
    connection: &mut Connection<'_>,
    asked: &Asked<'_>,
    after: Option<(&str, Uuid)>,
    missing: usize,
) -> Result<Vec<Found>> {
    let after = after.and_then(|(key, id)| Some((key.parse::<i64>().ok()?, UserId(id))));
    let found;
    let candidates = if let Some(known) = &asked.candidates {
        known
    } else {
        found = asked.find(connection).await?;
        &found
    };
    let is_cut =
        candidates.are_first && candidates.are_more && candidates.keys.len() < usize::from(LOOKED_AT);
    let is_among_them = after.is_none_or(|(key, _)| candidates.keys.contains(&key));
    if is_among_them || !is_cut {
        let at = place(connection, asked, candidates, after).await?;
        let first = rest_of(connection, asked, &candidates.keys[at], missing).await?;
        if first.len() >= missing || asked.backwards() || !is_cut {
            return Ok(first);
        }
    }
    let more = asked.words(LOOKED_AT).more(connection).await?;
    let at = place(connection, asked, &more, after).await?;
    rest_of(connection, asked, &more.keys[at], missing).await
}

/// Of these candidates the first, or the last on the way back, some at a time until enough are found.
async fn rest_of(
    connection: &mut Connection<'_>,
    asked: &Asked<'_>,
    candidates: &[i64],
    missing: usize,
) -> Result<Vec<Found>> {
    let mut keys = candidates.to_vec();
    if asked.backwards() {
        keys.reverse();
    }
    let mut found: Vec<Found> = Vec::new();
    let mut left = keys.as_slice();
    // Nearly all of them hold the words: a few more than are missing are mostly enough.
    let mut size = missing + missing / 4;
    while !left.is_empty() && found.len() < missing {
        let still = missing - found.len();
        let chunk;
        (chunk, left) = left.split_at(size.min(left.len()));
        size = CHUNK;
        found.extend(asked.rows(connection, Plan::Rest, &super::key_list(chunk), None, still).await?);
    }
    Ok(found)
}

/// Which of the candidates come after somebody, or before on the way back. Who has gone meanwhile, or has another name now, is
/// not among them: then it goes on where that person would be.
async fn place(
    connection: &mut Connection<'_>,
    asked: &Asked<'_>,
    candidates: &Candidates,
    after: Option<(i64, UserId)>,
) -> Result<Range<usize>> {
    const BEFORE: Sql = Sql::by_engine(
        "SELECT count(*) FROM json_each($2) k CROSS JOIN users u \
         WHERE u.key = k.value AND u.org_id = $1 AND u.id < $3",
        "SELECT count(*) FROM jsonb_array_elements_text($2::jsonb) k (value) CROSS JOIN users u \
         WHERE u.key = k.value::bigint AND u.org_id = $1 AND u.id < $3",
    );
    let keys = &candidates.keys;
    let Some((key, id)) = after else { return Ok(0..keys.len()) };
    let (before, behind) = if let Some(at) = keys.iter().position(|candidate| *candidate == key) {
        (at, at + 1)
    } else if candidates.are_first && connection.engine() == Engine::Postgres {
        let list = super::key_list(keys);
        let bound = values![asked.context.org, Value::Json(&list), id];
        let (before,): (i64,) = connection.one(BEFORE, bound).await?;
        let before = usize::try_from(before).unwrap_or_default().min(keys.len());
        (before, before)
    } else {
        let before = keys.partition_point(|candidate| *candidate < key);
        (before, before)
    };
    Ok(if asked.backwards() { 0..before } else { behind..keys.len() })
}

/// Whether more names begin with what was typed than are sorted. Each has all words (numbers aside, which are words however
/// they are written), so there is no need to look for who has them until a page goes beyond those names.
pub(super) async fn begin_too_many(connection: &mut Connection<'_>, asked: &Asked<'_>) -> Result<bool> {
    // One more than `COMMON` stands in the texts, so that PostgreSQL need not plan them for a number.
    const BEGINNING: Sql = Sql::by_engine(
        "SELECT count(*) FROM (SELECT 1 FROM json_each($2) s CROSS JOIN users u WHERE u.org_id = $1 \
         AND u.state = s.value AND u.sort_name >= $3 AND u.sort_name < $4 LIMIT 401) found",
        // The inner limit keeps it from going along all names of all states.
        "SELECT count(*) FROM (SELECT 1 FROM jsonb_array_elements_text($2::jsonb) s (value) CROSS JOIN LATERAL \
         (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.state = s.value AND u.sort_name >= $3 AND u.sort_name < $4 \
         LIMIT 401) of_state LIMIT 401) found",
    );
    if asked.query.search.contains(char::is_numeric) {
        return Ok(false);
    }
    let [from, to] = &asked.ranges.name;
    let states = asked.shown.list()?;
    let bound = values![asked.context.org, Value::Json(&states), from, to];
    let (found,): (i64,) = connection.one(BEGINNING, bound).await?;
    Ok(found > COMMON.into())
}

/// How the engine goes about each way.
#[cfg(feature = "testing")]
pub(super) async fn explain(connection: &mut Connection<'_>, asked: &Asked<'_>) -> Result<Vec<String>> {
    let keys = asked.find(connection).await?.keys;
    let keys = super::key_list(keys.get(..CHUNK).unwrap_or(&keys));
    let mut steps = Vec::new();
    for way in WAYS {
        steps.extend(asked.explain(connection, way, &keys).await?);
    }
    Ok(steps)
}

/// From where to where a column begins with what was typed: names as they sort, usernames and emails as they are unique.
pub(super) struct Ranges {
    name: [String; 2],
    key: [String; 2],
}

impl Ranges {
    pub(super) fn of(search: &str) -> Self {
        let range = |from: String| {
            // No text sorts after the last character of Unicode.
            let to = if from.is_empty() { String::new() } else { format!("{from}\u{10ffff}") };
            [from, to]
        };
        Self { name: range(model::search::sort_key(search)), key: range(model::text::key(search)) }
    }

    pub(super) fn values(&self) -> [Value<'_>; 4] {
        [&self.name[0], &self.name[1], &self.key[0], &self.key[1]].map(Value::from)
    }

    /// Before the first of a way, or after its last.
    pub(super) fn start(&self, column: Column, descending: bool) -> &str {
        let range = if column == Column::Name { &self.name } else { &self.key };
        &range[usize::from(descending)]
    }
}
