//! The index of words behind the search: what stands in it for a person, and how it is asked.
//!
//! `SQLite` has one index (FTS5, trigrams) for all organizations. Each person's words there begin with a mark of the
//! organization, so that a question stops after a bounded number of answers however many people of other organizations
//! have the same name. The mark is everybody's, so it is the dearest trigram of a question (two thirds of its time at
//! 100,000 people): it is asked for only where others' people would be in the way. PostgreSQL has an index of the column
//! itself.

use model::{OrgContext, OrgId, Result, lifecycle::StateName};

use crate::{Connection, Engine, Record, Value, listing::Texts, users::to_json, values};

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

/// The keys of at most `most` people who may have all terms, in ascending order; of fewer than that perhaps some of other
/// organizations. `SQLite` finds those with the lowest keys, in whatever state they are; PostgreSQL, which looks at each
/// row, those that lie first in its table, of the `shown` states alone.
pub(crate) async fn candidates(
    connection: &mut Connection<'_>,
    context: OrgContext,
    terms: &[String],
    shown: &[StateName],
    most: u16,
) -> Result<Vec<i64>> {
    let mut keys: Vec<(i64,)> = match connection.engine() {
        Engine::Sqlite => {
            let first = if is_alone(connection, context).await? { most } else { most.min(OTHERS) };
            let found = ask(connection, context, None, terms, shown, first, "").await?;
            if found.len() < usize::from(first) || first == most {
                found
            } else {
                ask(connection, context, Some(context.org), terms, shown, most, "").await?
            }
        }
        Engine::Postgres => ask(connection, context, None, terms, shown, most, "").await?,
    };
    keys.sort_unstable();
    Ok(keys.into_iter().map(|(key,)| key).collect())
}

/// Whether there is no other organization in the database.
async fn is_alone(connection: &mut Connection<'_>, context: OrgContext) -> Result<bool> {
    let sql = "SELECT 1 FROM orgs WHERE id <> $1 LIMIT 1";
    Ok(connection.optional::<(i64,)>(sql, values![context.org]).await?.is_none())
}

/// How the engine finds them, step by step.
#[cfg(feature = "testing")]
pub(crate) async fn explain(
    connection: &mut Connection<'_>,
    context: OrgContext,
    terms: &[String],
    shown: &[StateName],
    most: u16,
) -> Result<Vec<String>> {
    let how = crate::listing::plan::words(connection.engine());
    ask(connection, context, Some(context.org), terms, shown, most, how)
        .await
        .map(crate::listing::plan::texts)
}

async fn ask<R: Record>(
    connection: &mut Connection<'_>,
    context: OrgContext,
    marked: Option<OrgId>,
    terms: &[String],
    shown: &[StateName],
    most: u16,
    how: &'static str,
) -> Result<Vec<R>> {
    static TEXTS: Texts<(Engine, &str, usize)> = Texts::new();
    let engine = connection.engine();
    let (question, patterns) = (trigrams(marked, terms), patterns(engine, terms));
    let mut bound = vec![Value::from(context.org), Value::from(i64::from(most)), Value::from(&question)];
    let states = to_json(&shown.iter().map(|state| state.as_str()).collect::<Vec<_>>())?;
    bound.push(Value::Json(&states));
    bound.extend(patterns.iter().map(|pattern| Value::from(pattern.as_str())));
    let text = TEXTS.get((engine, how, terms.len()), |(_, how, terms)| match engine {
        Engine::Sqlite => {
            format!("{how}SELECT rowid FROM user_search WHERE user_search MATCH $3 LIMIT $2")
        }
        Engine::Postgres => {
            let words: Vec<String> =
                (0..*terms).map(|term| format!(" AND u.search_text LIKE ${}", term + 5)).collect();
            // Materialized, so that it is planned for all answers and read only as far as the limit: planned for a few it
            // might hope to meet them soon, and read through everybody.
            format!(
                "{how}WITH found AS MATERIALIZED (SELECT u.key FROM users u WHERE u.org_id = $1{} \
                 AND u.state IN (SELECT value FROM jsonb_array_elements_text($4::jsonb))) \
                 SELECT key FROM found LIMIT $2",
                words.concat()
            )
        }
    });
    connection.all(text.sql_for_its_values(), &text.values(&bound)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organizations_have_marks_of_their_own_that_are_one_trigram() {
        let marks: std::collections::HashSet<String> =
            (0..2_000_u128).map(|org| mark(OrgId(uuid::Uuid::from_u128(org * 7_919)))).collect();
        assert_eq!(marks.len(), 2_000);
        assert!(marks.iter().all(|mark| mark.chars().count() == 3));
    }
}
