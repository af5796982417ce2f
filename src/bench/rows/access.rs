//! Row 17: who may do what, where groups are many: a tenth as many as users, in each other, each with ten people in it, and
//! somebody who is in a thousand of them. What it costs must not grow with either number: run it with few users, too.

use super::{Action, Row};
use crate::bench::{client::Client, context::Bench, figure::Unit, load::always, muster::Login};
use model::{Error, Result};
use serde_json::{Value, json};
use store::probe::SamplePerson;

pub(super) const ROWS: &[Row] = &[
    Row::new(17, "access of somebody in 10 groups, with all paths", Unit::Microseconds, "flat").ours(OF_FEW),
    Row::new(17, "access of somebody in 1,000 groups, with all paths", Unit::Microseconds, "flat")
        .ours(OF_MANY),
    Row::new(17, "who can export the audit log, first page", Unit::Microseconds, "flat").ours(WHO_CAN),
    Row::new(17, "sign-in of somebody in 1,000 groups, alone", Unit::Microseconds, "flat").ours(SIGN_IN),
    Row::new(17, "a group's people at any depth, first page", Unit::Microseconds, "flat").ours(PEOPLE),
];

/// So many groups one person is in.
const MANY: u64 = 1_000;
const FEW: u64 = 10;
/// People of a group.
const PEOPLE_EACH: u64 = 10;
/// Groups inside a group.
const INSIDE: usize = 8;
/// One group in so many carries a role.
const CARRY: usize = 50;

/// The groups and the people that are asked about.
#[derive(Clone)]
pub(crate) struct Structure {
    few: Login,
    many: Login,
    outermost: String,
}

const OF_FEW: Action = |bench| Box::pin(asking(bench, |at| format!("/api/v1/users/{}/access", at.few.id)));
const OF_MANY: Action = |bench| Box::pin(asking(bench, |at| format!("/api/v1/users/{}/access", at.many.id)));
const WHO_CAN: Action =
    |bench| Box::pin(asking(bench, |_| "/api/v1/access/audit:export/holders?limit=50".to_owned()));
const PEOPLE: Action = |bench| {
    Box::pin(asking(bench, |at| format!("/api/v1/groups/{}/members?effective=true&limit=50", at.outermost)))
};
const SIGN_IN: Action = |bench| {
    Box::pin(async {
        let structure = bench.structure().await?;
        let muster = bench.muster().await?;
        bench.load(&muster.server).alone().run(always(structure.many.sign_in())).await
    })
};

async fn asking(bench: &mut Bench, path: fn(&Structure) -> String) -> Result<crate::bench::figure::Figure> {
    let structure = bench.structure().await?;
    let muster = bench.muster().await?;
    bench.load(&muster.server).alone().run(always(muster.get(&path(&structure)))).await
}

impl Structure {
    /// Makes groups among the people that are there.
    pub(crate) async fn make(bench: &mut Bench) -> Result<Self> {
        let muster = bench.muster().await?;
        let (few, many) = match muster.logins(2).await?.as_slice() {
            [few, many] => (few.clone(), many.clone()),
            _ => return Err(Error::internal("two people were asked for")),
        };
        let users = bench.options.users;
        let count = (users / 10).max(MANY + 1);
        let create = |number| muster.post("/api/v1/groups", &json!({ "name": format!("Group {number}") }));
        let id = |client: &Client| {
            let body: Value = serde_json::from_slice(client.body()).map_err(Error::internal)?;
            Ok(body["id"].as_str().unwrap_or_default().to_owned())
        };
        let groups = muster.each(count, 201, create, id).await?;
        let at = |number: u64| usize::try_from(number).unwrap_or(0);
        // The one who is in many joins before the groups stand in each other: each membership costs a look at what is above.
        let join = |who: &Login, number: u64| {
            muster.put(&format!("/api/v1/groups/{}/members/{}", groups[at(number)], who.id), &json!({}))
        };
        muster.each(MANY, 200, |number| join(&many, number), |_| Ok(())).await?;
        muster.each(FEW, 200, |number| join(&few, number * 7 + 3), |_| Ok(())).await?;
        let fill = |number: u64| {
            let people = (0..PEOPLE_EACH).map(|person| (number * PEOPLE_EACH + person) % users);
            let names: Vec<String> = people.map(|person| SamplePerson::new(person).username).collect();
            muster
                .post(&format!("/api/v1/groups/{}/members", groups[at(number)]), &json!({ "members": names }))
        };
        muster.each(count, 200, fill, |_| Ok(())).await?;
        let nest = |number: u64| {
            let (inner, outer) = (&groups[at(number) + 1], &groups[at(number) / INSIDE]);
            muster.put(&format!("/api/v1/groups/{outer}/groups/{inner}"), &json!({}))
        };
        muster.each(count - 1, 200, nest, |_| Ok(())).await?;
        let carry = |number: u64| {
            let group = &groups[at(number) * CARRY + CARRY - 1];
            muster.post(&format!("/api/v1/groups/{group}/roles"), &json!({ "role": "auditor" }))
        };
        muster.each(count / CARRY as u64, 200, carry, |_| Ok(())).await?;
        Ok(Self { few, many, outermost: groups.into_iter().next().unwrap_or_default() })
    }
}
