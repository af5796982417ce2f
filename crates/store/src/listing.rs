//! What all lists share: their statements' texts, made once per way of asking and kept within a limit, and the cutting of
//! pages.

use std::{collections::HashMap, fmt::Write as _, hash::Hash, sync::Arc};

use model::page::{Cursor, List, Page};
use parking_lot::Mutex;

use crate::{Sql, Value};

/// Ways of asking of one list whose texts are kept. More exist in theory (every combination of filters); whoever asks in
/// all of them makes the texts anew.
const KEPT: usize = 256;

/// A statement, and which of the parameters that its list binds it uses, in its own order.
#[derive(Debug)]
pub(crate) struct Text {
    sql: String,
    used: Vec<usize>,
}

impl Text {
    /// From a text whose parameters are numbered as the list binds them: PostgreSQL can't tell the type of one that is
    /// not used, so they are numbered again without gaps.
    pub(crate) fn new(text: &str) -> Self {
        let (mut sql, mut used): (String, Vec<usize>) = (String::with_capacity(text.len()), Vec::new());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = rest[at + 1..=at + digits].parse().unwrap_or(0);
            let place = used.iter().position(|known| *known == number).unwrap_or_else(|| {
                used.push(number);
                used.len() - 1
            });
            let _ = write!(sql, "{}${}", &rest[..at], place + 1);
            rest = &rest[at + 1 + digits..];
        }
        sql.push_str(rest);
        Self { sql, used }
    }

    /// The statement.
    pub(crate) fn sql(&self) -> Sql<'_> {
        Sql::made(&self.sql)
    }

    /// The statement, whose best plan depends on what is bound.
    pub(crate) fn sql_for_its_values(&self) -> Sql<'_> {
        Sql::made_for_its_values(&self.sql)
    }

    /// Of what the list binds, what this statement uses.
    pub(crate) fn values<'v>(&self, bound: &[Value<'v>]) -> Vec<Value<'v>> {
        self.used.iter().map(|number| bound[number - 1]).collect()
    }
}

/// The texts of one list by what makes one differ from another.
pub(crate) struct Texts<S>(Mutex<Option<HashMap<S, Arc<Text>>>>);

impl<S: Hash + Eq> Texts<S> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The text of a shape, made now if it is not kept.
    pub(crate) fn get(&self, shape: S, statement: impl FnOnce(&S) -> String) -> Arc<Text> {
        let mut texts = self.0.lock();
        let texts = texts.get_or_insert_default();
        if let Some(text) = texts.get(&shape) {
            return text.clone();
        }
        if texts.len() >= KEPT {
            texts.clear();
        }
        let text = Arc::new(Text::new(&statement(&shape)));
        texts.insert(shape, text.clone());
        text
    }
}

/// How an engine goes about a statement.
#[cfg(feature = "testing")]
pub(crate) mod plan {
    use model::Result;

    use crate::{Engine, Record, Row};

    /// What stands before a statement, so that the engine tells its steps instead of answering.
    pub(crate) const fn words(engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => "EXPLAIN QUERY PLAN ",
            Engine::Postgres => "EXPLAIN ",
        }
    }

    /// One of the steps: the last column of the answer of either engine.
    pub(crate) struct Step(pub(crate) String);

    impl Record for Step {
        fn read(row: &Row<'_>) -> Result<Self> {
            row.last().map(Self)
        }
    }

    /// The steps in words.
    pub(crate) fn texts(steps: Vec<Step>) -> Vec<String> {
        steps.into_iter().map(|step| step.0).collect()
    }
}

/// Turns the rows found (one more than asked for) into a page with its neighbours; `key` is what a row sorts by.
pub(crate) fn cut<R>(
    mut rows: Vec<R>,
    limit: u16,
    asked: Option<&Cursor>,
    (list, order): (&List, &str),
    key: impl Fn(&R) -> (String, uuid::Uuid),
) -> Page<R> {
    let backwards = asked.is_some_and(|cursor| cursor.backwards);
    let more = rows.len() > usize::from(limit);
    rows.truncate(limit.into());
    if backwards {
        rows.reverse();
    }
    let link = |row: Option<&R>, backwards: bool| {
        let (key, id) = key(row?);
        Some(list.seal(&Cursor { order: order.to_owned(), key, id, backwards }))
    };
    let (has_next, has_previous) = (backwards || more, if backwards { more } else { asked.is_some() });
    let next = if has_next { link(rows.last(), false) } else { None };
    let previous = if has_previous { link(rows.first(), true) } else { None };
    Page { items: rows, next, previous, more_than: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_without_gaps() {
        let text = Text::new("SELECT $3, $1, $3, $12");
        assert_eq!((text.sql.as_str(), text.used.as_slice()), ("SELECT $1, $2, $1, $3", &[3, 1, 12][..]));
    }

    #[test]
    fn no_more_texts_are_kept_than_the_limit() {
        let texts = Texts::new();
        for shape in 0..3 * KEPT {
            assert_eq!(texts.get(shape, |shape| format!("SELECT {shape}")).sql, format!("SELECT {shape}"));
            assert!(texts.0.lock().as_ref().is_some_and(|kept| kept.len() <= KEPT));
        }
    }
}
