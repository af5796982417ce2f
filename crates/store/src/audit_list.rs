//! Pages of the audit log, newest first, by any of its filters, onward and back.
//!
//! Who and about whom have indexes. Everything else is looked for in the entries that come next, of which a page looks
//! through a bounded number ([`WINDOW`]): where few match, a page is short and says where to go on.

use model::{
    EntryId, OrgContext, Result,
    audit::{
        Entry,
        query::{AuditPage, AuditQuery},
    },
    id::boundary,
};
use uuid::Uuid;

use crate::{Connection, Value, audit::entry, boxed, values};

/// How many entries one page looks through at most.
pub const WINDOW: u32 = 20_000;

/// An entry's id is made when its operation is submitted, which may then wait: `at` is somewhat later.
const WAIT: std::time::Duration = std::time::Duration::from_secs(3600);

/// `$13`, where there is one, is whom the walk is about; the rest is looked for on the way. BETWEEN, and not two
/// comparisons: SQLite thinks those so selective that it walks the whole log along its primary key.
macro_rules! page {
    ($walk:literal, $order:literal) => {
        concat!(
            "SELECT ",
            entry!(),
            " FROM (SELECT * FROM audit_entries WHERE org_id = $1 AND id BETWEEN $2 AND $3",
            $walk,
            " ORDER BY id",
            $order,
            " LIMIT $4) seen WHERE at >= $5 AND at < $6 ",
            "AND ($7 = '' OR substr(event, 1, $8) = $7) AND ($9 = '' OR address = $9) ",
            "AND ($10 = '' OR request_id = $10) AND ($11 = '' OR actor = $11) ORDER BY id",
            $order,
            " LIMIT $12"
        )
    };
}

/// The last entry that a page looks through: `$5`, where there is one, is whom the walk is about.
macro_rules! window_end {
    ($walk:literal, $order:literal) => {
        concat!(
            "SELECT id FROM audit_entries WHERE org_id = $1 AND id BETWEEN $2 AND $3",
            $walk,
            " ORDER BY id",
            $order,
            " LIMIT 1 OFFSET $4"
        )
    };
}

/// Along which index the entries are looked through.
#[derive(Debug, Clone, Copy)]
enum Walk<'q> {
    All,
    By(&'q str),
    About(Uuid),
}

/// In which direction.
#[derive(Debug, Clone, Copy)]
enum Way {
    Older,
    Newer,
}

impl Walk<'_> {
    fn page(self, way: Way) -> &'static str {
        match (self, way) {
            (Self::All, Way::Older) => page!("", " DESC"),
            (Self::All, Way::Newer) => page!("", ""),
            (Self::By(_), Way::Older) => page!(" AND actor = $13", " DESC"),
            (Self::By(_), Way::Newer) => page!(" AND actor = $13", ""),
            (Self::About(_), Way::Older) => page!(" AND target = $13", " DESC"),
            (Self::About(_), Way::Newer) => page!(" AND target = $13", ""),
        }
    }

    fn window_end(self, way: Way) -> &'static str {
        match (self, way) {
            (Self::All, Way::Older) => window_end!("", " DESC"),
            (Self::All, Way::Newer) => window_end!("", ""),
            (Self::By(_), Way::Older) => window_end!(" AND actor = $5", " DESC"),
            (Self::By(_), Way::Newer) => window_end!(" AND actor = $5", ""),
            (Self::About(_), Way::Older) => window_end!(" AND target = $5", " DESC"),
            (Self::About(_), Way::Newer) => window_end!(" AND target = $5", ""),
        }
    }

    fn bound<'v>(&'v self, values: &[Value<'v>]) -> Vec<Value<'v>> {
        let mut values = values.to_vec();
        match self {
            Self::All => {}
            Self::By(actor) => values.push(Value::Text(actor)),
            Self::About(target) => values.push(Value::Id(*target)),
        }
        values
    }
}

/// Every statement that a page may ask, for whoever looks at how the engines go about them.
pub fn texts() -> Vec<&'static str> {
    let walks = [Walk::All, Walk::By(""), Walk::About(Uuid::nil())];
    let ways = [Way::Older, Way::Newer];
    let all = walks.iter().flat_map(|walk| ways.map(|way| [walk.page(way), walk.window_end(way)]));
    all.flatten().collect()
}

/// See the module.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &AuditQuery,
) -> Result<AuditPage<Entry>> {
    if let Some(after) = query.after {
        let Found { mut items, goes_on } = walk(connection, context, query, Way::Newer).await?;
        if goes_on.is_some() {
            items.reverse();
            let next = items.last().map_or(following(after), |entry| entry.id);
            return Ok(AuditPage { items, next: Some(next), previous: goes_on });
        }
    }
    // Back at the newest: a whole page of them.
    let before = query.before.filter(|_| query.after.is_none());
    let query = AuditQuery { before, after: None, ..query.clone() };
    let Found { items, goes_on } = walk(connection, context, &query, Way::Older).await?;
    let previous = before.map(|before| items.first().map_or(preceding(before), |entry| entry.id));
    Ok(AuditPage { items, next: goes_on, previous })
}

/// Entries in the order of the walk, and from where it goes on, unless that was all.
struct Found {
    items: Vec<Entry>,
    goes_on: Option<EntryId>,
}

async fn walk(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &AuditQuery,
    way: Way,
) -> Result<Found> {
    let actor = query.actor.map(|actor| actor.to_string()).unwrap_or_default();
    let walk = match query.target {
        Some(target) => Walk::About(target),
        None if actor.is_empty() => Walk::All,
        None => Walk::By(&actor),
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (event, address, request) = (text(&query.event), text(&query.address), text(&query.request_id));
    let (first, last) = bounds(query);
    let is_narrow = !(event.is_empty() && address.is_empty() && request.is_empty())
        || query.since.is_some()
        || query.until.is_some()
        || (query.target.is_some() && query.actor.is_some());
    let wanted = u32::from(query.limit) + 1;
    let window = if is_narrow { WINDOW } else { wanted };
    let bound = walk.bound(values![
        context.org,
        first,
        last,
        window,
        query.since.map_or(i64::MIN, model::Timestamp::micros),
        query.until.map_or(i64::MAX, model::Timestamp::micros),
        &event,
        i64::try_from(event.chars().count()).unwrap_or(i64::MAX),
        &address,
        &request,
        &actor,
        wanted,
    ]);
    let mut items: Vec<Entry> = connection.all(walk.page(way), &bound).await?;
    let goes_on = if items.len() > usize::from(query.limit) {
        items.truncate(query.limit.into());
        items.last().map(|entry| entry.id)
    } else if is_narrow {
        let bound = walk.bound(values![context.org, first, last, window - 1]);
        let last: Option<(EntryId,)> = connection.optional(walk.window_end(way), &bound).await?;
        last.map(|(id,)| id)
    } else {
        None
    };
    Ok(Found { items, goes_on })
}

/// The smallest and the greatest id that is looked at.
fn bounds(query: &AuditQuery) -> (Uuid, Uuid) {
    let since = query.since.map_or(Uuid::nil(), |since| boundary(since.minus(WAIT)));
    let until =
        query.until.map_or(Uuid::max(), |until| boundary(until.plus(std::time::Duration::from_millis(1))));
    let first = query.after.map_or(since, |after| following(after).0.max(since));
    let last = query.before.map_or(until, |before| preceding(before).0.min(until));
    (first, last)
}

/// The smallest id after one.
fn following(id: EntryId) -> EntryId {
    EntryId(Uuid::from_u128(id.0.as_u128().saturating_add(1)))
}

/// The greatest id before one.
fn preceding(id: EntryId) -> EntryId {
    EntryId(Uuid::from_u128(id.0.as_u128().saturating_sub(1)))
}
