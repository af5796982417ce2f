//! Row 5: search for a part of a word that one user has, for one that nearly all have, and for one that some have.

use super::{Action, Row};
use crate::bench::{
    context::Bench,
    figure::{Figure, Unit},
    load::{NextRequest, always},
    muster::Muster,
};
use model::Result;
use std::sync::Arc;

pub(super) const ROWS: &[Row] = &[
    Row::new(5, "search, rare term", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms").limit(RARE).ours(OUR_RARE),
    Row::new(5, "search, common term", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms")
        .limit(COMMON)
        .ours(OUR_COMMON),
    Row::new(5, "search, term of a few per cent", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms")
        .limit(SOME)
        .ours(OUR_SOME),
    Row::new(5, "search, many who sort last", Unit::Microseconds, "p50 ≤ 1 ms, p99 ≤ 3 ms")
        .limit(LAST)
        .ours(OUR_LAST),
    Row::new(5, "search, 500 terms in turn", Unit::Microseconds, "p99 ≤ 3 ms").ours(OUR_TERMS),
    Row::new(5, "the same on PostgreSQL", Unit::Microseconds, "p99 ≤ 3 ms")
        .ours(TERMS_ON_POSTGRES)
        .postgres(),
];

/// Three syllables of invented names: about one name in thirty holds them.
const A_FEW: &str = "berso";
/// Those who have it begin with it, nearly at the end of the alphabet.
const AT_THE_END: &str = "zozo";

const RARE: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| {
        let (rare, _) = probe.terms();
        Figure::measured(|record| probe.searches(&rare, how_long, record))
    }))
};
const COMMON: Action = |bench| {
    Box::pin(bench.sqlite(|probe, how_long| {
        let (_, common) = probe.terms();
        Figure::measured(|record| probe.searches(common, how_long, record))
    }))
};
const SOME: Action = |bench| {
    Box::pin(
        bench.sqlite(|probe, how_long| Figure::measured(|record| probe.searches(A_FEW, how_long, record))),
    )
};
const LAST: Action =
    |bench| {
        Box::pin(bench.sqlite(|probe, how_long| {
            Figure::measured(|record| probe.searches(AT_THE_END, how_long, record))
        }))
    };
const OUR_RARE: Action = |bench| {
    Box::pin(async {
        let somebody = store::probe::SamplePerson::new(bench.options.users / 2);
        search(bench, &somebody.family_name).await
    })
};
const OUR_COMMON: Action = |bench| Box::pin(search(bench, "probe.example"));
const OUR_SOME: Action = |bench| Box::pin(search(bench, A_FEW));
const OUR_LAST: Action = |bench| Box::pin(search(bench, AT_THE_END));

const OUR_TERMS: Action = |bench| {
    Box::pin(async {
        let muster = bench.muster().await?;
        bench.load(&muster.server).alone().run(in_turn(&muster, bench.options.users)).await
    })
};
const TERMS_ON_POSTGRES: Action = |bench| {
    Box::pin(async {
        let muster = bench.postgres().await?;
        bench.load(&muster.server).alone().run(in_turn(&muster, bench.options.users)).await
    })
};

/// Terms that few, some and nearly all have, that sort first and last, of two words, of another script, of one to twelve
/// letters.
fn terms(users: u64) -> Vec<String> {
    let fixed =
        ["probe.example", A_FEW, AT_THE_END, "a", "z", "ba", "zo", "1", "42", "林", "篤司", "xyzzy", "zo zo"];
    let mut terms: Vec<String> = fixed.map(str::to_owned).to_vec();
    let mut number = 0;
    while terms.len() < 500 {
        let person = store::probe::SamplePerson::new(number * 7_919 % users.max(1));
        let cut = |text: &str, letters: usize| text.chars().take(letters).collect::<String>();
        terms.push(match number % 8 {
            0 => person.family_name,
            1 => cut(&person.family_name, 2 + usize::try_from(number / 8 % 5).unwrap_or(0)),
            2 => cut(&person.given_name, 2 + usize::try_from(number / 8 % 4).unwrap_or(0)),
            3 => format!("{} {}", cut(&person.given_name, 3), cut(&person.family_name, 2)),
            4 => person.given_name,
            5 => cut(&person.username, 12),
            6 => person.family_name.chars().skip(2).take(4).collect(),
            _ => format!("{} {}", person.family_name, person.given_name),
        });
        number += 1;
    }
    terms
}

/// One after the other, again and again.
fn in_turn(muster: &Muster, users: u64) -> NextRequest {
    let requests: Vec<Vec<u8>> = terms(users)
        .iter()
        .map(|term| {
            let term: String = term.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            muster.get(&format!("/api/v1/users?limit=50&search={term}"))
        })
        .collect();
    Arc::new(move |_, number, bytes| {
        let next = usize::try_from(number).unwrap_or_default() % requests.len();
        bytes.extend_from_slice(&requests[next]);
    })
}

async fn search(bench: &mut Bench, term: &str) -> Result<Figure> {
    let muster = bench.muster().await?;
    let page = muster.get(&format!("/api/v1/users?limit=50&search={term}"));
    bench.load(&muster.server).alone().run(always(page)).await
}
