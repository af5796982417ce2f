//! What the embedded database could do at best on this machine: the limit that `muster bench` compares Muster with.
//!
//! Owns a table of its own that is like the users' (row of about 400 bytes, three indexes, trigram search) and nothing
//! of Muster around it: no permission, no audit entry, no seam. Durable as Muster is: WAL, synced at every commit.

use model::{Error, Result};
use rusqlite::{Connection, params};
use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::boxed;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 16000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;
    CREATE TABLE person (
        key INTEGER PRIMARY KEY, org BLOB NOT NULL, id BLOB NOT NULL, username TEXT NOT NULL, email TEXT NOT NULL,
        given_name TEXT NOT NULL, family_name TEXT NOT NULL, display_name TEXT NOT NULL, title TEXT NOT NULL,
        department TEXT NOT NULL, locale TEXT NOT NULL, timezone TEXT NOT NULL, phone TEXT NOT NULL,
        state TEXT NOT NULL, attributes TEXT NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL,
        updated INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX person_id ON person (org, id);
    CREATE UNIQUE INDEX person_username ON person (org, username);
    CREATE UNIQUE INDEX person_email ON person (org, email);
    CREATE VIRTUAL TABLE person_search USING fts5 (
        words, tokenize = 'trigram remove_diacritics 0', content = '', contentless_delete = 1
    );
";
const INSERT: &str = "INSERT INTO person VALUES
    ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
const INSERT_WORDS: &str = "INSERT INTO person_search (rowid, words) VALUES ($1, $2)";
const POINT: &str =
    "SELECT username, email, given_name, family_name, display_name, title, department, locale,
    timezone, phone, state, attributes, version, created, updated FROM person WHERE org = $1 AND id = $2";
const PAGE: &str = "SELECT username, email, display_name, title, department, state, created, id FROM person
    WHERE org = $1 AND username > $2 ORDER BY org, username LIMIT 50";
const SEARCH: &str = "SELECT username, email, display_name, title, department, state, created, id FROM person
    WHERE key IN (SELECT rowid FROM person_search WHERE person_search MATCH $1 LIMIT 50)";

/// The organization that all rows belong to.
const ORG: [u8; 16] = [7; 16];

/// A file of its own with the table in it.
#[derive(Debug)]
pub struct SqliteProbe {
    connection: Connection,
    rows: u64,
    draw: u64,
}

/// An invented person for measuring, the same one for the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePerson {
    /// Unique.
    pub username: String,
    /// Unique, of a reserved domain.
    pub email: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
}

impl SamplePerson {
    /// The person of that number; neighbours in number are far apart by name.
    pub fn new(number: u64) -> Self {
        let mut draw = number;
        let (given_name, family_name) = (syllables(next(&mut draw), 3), syllables(next(&mut draw), 4));
        let username = format!("{given_name}.{family_name}.{number}");
        let email = format!("{username}@probe.example");
        Self { username, email, given_name, family_name }
    }

    /// Name as shown.
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// Told how long each operation took (with several rows in one transaction: how long the transaction took).
pub type Record<'a> = &'a mut dyn FnMut(Duration);

impl SqliteProbe {
    /// Makes the file in `directory`, which must be on the disk that is to be measured, with `rows` rows.
    pub fn create(directory: &Path, rows: u64) -> Result<Self> {
        let connection = Connection::open(directory.join("probe.db")).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(SCHEMA).map_err(failed)?;
        let mut probe = Self { connection, rows: 0, draw: 0x5eed };
        while probe.rows < rows {
            probe.insert_group((rows - probe.rows).min(5000)).map_err(failed)?;
        }
        probe.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(failed)?;
        Ok(probe)
    }

    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Inserts rows for that long, `group` in each transaction; answers how many.
    pub fn inserts(&mut self, group: u64, how_long: Duration, record: Record<'_>) -> Result<u64> {
        let before = self.rows;
        for_a_while(how_long, record, || self.insert_group(group))?;
        Ok(self.rows - before)
    }

    /// Reads whole rows by id.
    pub fn point_reads(&mut self, how_long: Duration, record: Record<'_>) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(POINT).map_err(failed)?;
        let (rows, draw) = (self.rows, &mut self.draw);
        for_a_while(how_long, record, || {
            let key = next(draw) % rows;
            let mut found = statement.query((ORG, id_of(key)))?;
            let row = found.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            let mut bytes = 0;
            for column in 0..12 {
                bytes += row.get::<_, String>(column)?.len();
            }
            std::hint::black_box(bytes);
            Ok(())
        })
    }

    /// Reads a page of 50 in the order of usernames, behind the first `depth` rows.
    pub fn pages(&mut self, depth: u64, how_long: Duration, record: Record<'_>) -> Result<u64> {
        let offset = i64::try_from(depth).map_err(Error::internal)?;
        let after: String = if depth == 0 {
            String::new()
        } else {
            let sql = "SELECT username FROM person WHERE org = $1 ORDER BY org, username LIMIT 1 OFFSET $2";
            self.connection.query_row(sql, (ORG, offset - 1), |row| row.get(0)).map_err(failed)?
        };
        let mut statement = self.connection.prepare_cached(PAGE).map_err(failed)?;
        for_a_while(how_long, record, || read_page(&mut statement, (ORG, after.as_str())))
    }

    /// Looks for rows that contain `term` anywhere; answers up to 50 of them.
    pub fn searches(&mut self, term: &str, how_long: Duration, record: Record<'_>) -> Result<u64> {
        let quoted = format!("\"{}\"", term.replace('"', "\"\""));
        let mut statement = self.connection.prepare_cached(SEARCH).map_err(failed)?;
        for_a_while(how_long, record, || read_page(&mut statement, [quoted.as_str()]))
    }

    /// A term that one row has, and one that all have, at the present size.
    pub fn terms(&self) -> (String, &'static str) {
        (SamplePerson::new(self.rows / 2).family_name, "probe.example")
    }

    fn insert_group(&mut self, group: u64) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut person = transaction.prepare_cached(INSERT)?;
            let mut words = transaction.prepare_cached(INSERT_WORDS)?;
            for key in self.rows..self.rows + group {
                insert(&mut person, &mut words, key, &mut self.draw)?;
            }
        }
        transaction.commit()?;
        self.rows += group;
        Ok(())
    }
}

/// Repeats `work` until the time is over; answers how often.
fn for_a_while(
    how_long: Duration,
    record: Record<'_>,
    mut work: impl FnMut() -> rusqlite::Result<()>,
) -> Result<u64> {
    let start = now();
    let mut last = start;
    let mut times = 0;
    while last - start < how_long {
        work().map_err(failed)?;
        let finished = now();
        record(finished - last);
        last = finished;
        times += 1;
    }
    Ok(times)
}

fn read_page(
    statement: &mut rusqlite::Statement<'_>,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<()> {
    let mut rows = statement.query(parameters)?;
    let mut page: Vec<[String; 6]> = Vec::with_capacity(50);
    while let Some(row) = rows.next()? {
        let _created: i64 = row.get(6)?;
        let _id: [u8; 16] = row.get(7)?;
        page.push([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]);
    }
    std::hint::black_box(&page);
    Ok(())
}

/// One row and its search words.
fn insert(
    person: &mut rusqlite::Statement<'_>,
    words: &mut rusqlite::Statement<'_>,
    number: u64,
    draw: &mut u64,
) -> rusqlite::Result<()> {
    let key = i64::try_from(number).unwrap_or(i64::MAX) + 1;
    let sample = SamplePerson::new(number);
    let display = sample.display_name();
    let attributes = format!(
        r#"{{"desk":"{}","floor":"{}","manager":"{}","cost_centre":"4100","notes":"Joined with the spring intake; wants a quiet desk."}}"#,
        syllables(next(draw), 6),
        number % 9,
        syllables(next(draw), 6)
    );
    let micros = 1_790_000_000_000_000_i64 + key;
    person.execute(params![
        key,
        ORG,
        id_of(number),
        sample.username,
        sample.email,
        sample.given_name,
        sample.family_name,
        display,
        "Senior Specialist",
        "Product Engineering",
        "en-GB",
        "Europe/London",
        format!("+44207946{:04}", number % 10_000),
        r#"{"state":"active"}"#,
        attributes,
        1_i64,
        micros,
        micros,
    ])?;
    words.execute((key, format!("{display} {}  {}", sample.username, sample.email)))?;
    Ok(())
}

/// Like a `UUIDv7`: the time leads, so that ids grow, and the rest is scattered.
fn id_of(number: u64) -> [u8; 16] {
    let mut scatter = number;
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number / 8).to_be_bytes());
    id[8..].copy_from_slice(&next(&mut scatter).to_be_bytes());
    id
}

fn syllables(mut draw: u64, many: usize) -> String {
    const PARTS: [&str; 32] = [
        "an", "be", "chi", "dor", "el", "fa", "gre", "ha", "in", "jo", "ka", "li", "mar", "no", "os", "pe",
        "qui", "ra", "so", "ti", "un", "va", "wen", "xi", "yu", "zo", "ber", "son", "lin", "to", "mi", "ce",
    ];
    let mut name = String::new();
    for _ in 0..many {
        name.push_str(PARTS[usize::try_from(draw % 32).unwrap_or(0)]);
        draw /= 32;
    }
    name
}

/// splitmix64: repeatable, so that every run measures the same rows.
fn next(draw: &mut u64) -> u64 {
    *draw = draw.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *draw;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[expect(clippy::disallowed_methods, reason = "a probe measures the machine's own time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn failed(error: rusqlite::Error) -> Error {
    Error::unavailable("bench.probe", format_args!("the probe's database: {error}"))
}

/// An audit entry without seal and tree: what those cost is the difference.
#[boxed]
pub async fn plain_entry(
    connection: &mut crate::Connection<'_>,
    context: model::OrgContext,
    entry: &model::audit::Entry,
) -> Result<()> {
    let sql = "INSERT INTO audit_entries (org_id, id, at, event, actor, actor_name, target_type, target, target_name, \
               changes, reason, request_id, address, door) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let (actor, changes) = (entry.actor.to_string(), crate::users::to_json(&entry.changes)?);
    let bound = crate::values![
        context.org,
        entry.id,
        entry.at,
        &entry.event,
        &actor,
        &entry.actor_name,
        &entry.target_type,
        entry.target,
        &entry.target_name,
        crate::Value::Json(&changes),
        &entry.reason,
        &entry.request_id,
        &entry.address,
        entry.door.as_str(),
    ];
    connection.execute(sql, bound).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_does_its_work() {
        let directory = std::env::temp_dir().join(format!("muster-probe-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut probe = SqliteProbe::create(&directory, 2000).unwrap();
        let mut recorded = 0;
        let moment = Duration::from_millis(20);
        let (rare, common) = probe.terms();
        assert!(probe.inserts(10, moment, &mut |_| recorded += 1).unwrap() >= 10);
        assert!(recorded > 0);
        for depth in [0, 1900] {
            assert!(probe.pages(depth, moment, &mut |_| ()).unwrap() > 0);
        }
        assert!(probe.point_reads(moment, &mut |_| ()).unwrap() > 0);
        for (term, expected) in [(rare.as_str(), 1), (common, 50), ("nowhere", 0)] {
            assert!(probe.searches(term, moment, &mut |_| ()).unwrap() > 0);
            let found: i64 = probe
                .connection
                .query_row(&format!("SELECT count(*) FROM ({SEARCH})"), [format!("\"{term}\"")], |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(found, expected, "{term}");
        }
        let sizes = "SELECT avg(length(username) + length(email) + length(given_name) + length(family_name)
            + length(display_name) + length(title) + length(department) + length(locale) + length(timezone)
            + length(phone) + length(state) + length(attributes) + 32 + 18) FROM person";
        let bytes: f64 = probe.connection.query_row(sizes, [], |row| row.get(0)).unwrap();
        assert!((370.0..=430.0).contains(&bytes), "a row has {bytes} bytes");
        drop(probe);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
