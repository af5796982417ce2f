//! Refusals in the log: somebody who is signed in asked for what he may not do. Only the first in a minute of the same
//! person for the same route is written, so that nobody can fill the disk by asking.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use model::{
    Org, Result, Timestamp, UserId,
    audit::{Changed, Changes},
};
use parking_lot::Mutex;
use serde_json::Value;

use store::boxed;

use crate::{Actor, App, Operation, operation::Event};

/// What was refused lately: of the present minute.
#[derive(Default)]
pub(crate) struct Denials(Mutex<(i64, HashSet<(UserId, u64)>)>);

/// More than so many in a minute are not told apart.
const MOST: usize = 10_000;

impl Denials {
    /// Whether this is the first of its kind in this minute.
    fn is_new(&self, now: Timestamp, user: UserId, route: &str) -> bool {
        let minute = now.micros() / 60_000_000;
        let mut hasher = DefaultHasher::new();
        route.hash(&mut hasher);
        let mut lately = self.0.lock();
        if lately.0 != minute {
            *lately = (minute, HashSet::new());
        }
        lately.1.len() < MOST && lately.1.insert((user, hasher.finish()))
    }
}

impl App {
    /// Writes that a request was refused: `route` as declared, `target` the user in its path, `code` why.
    #[boxed]
    pub async fn note_denial(
        &self,
        actor: &Actor,
        org: &Org,
        route: String,
        target: Option<UserId>,
        code: String,
    ) -> Result<()> {
        let Some(user) = actor.user() else { return Ok(()) };
        if !self.denials().is_new(self.now(), user, &route) {
            return Ok(());
        }
        let (org_id, name) = (org.id.0, org.name.clone());
        let deed = async move |op: &mut Operation<'_, '_>| {
            let found = match target {
                // Who asks for another organization's people learns nothing, and neither does the log.
                // Locked, so that a purge of the user comes before or after, and finds the entry.
                Some(target) => store::users::lock(op.connection, op.context, target).await?,
                None => None,
            };
            let (kind, whose, target_name) = match &found {
                Some(user) => ("user", user.id.0, user.name()),
                None => ("org", org_id, name.as_str()),
            };
            let asked = Changed { before: Value::Null, after: route.as_str().into() };
            let changes = Changes::from([("request".to_owned(), asked)]);
            let reason = code.clone();
            op.record(Event {
                name: "access.denied",
                target_type: kind,
                target: whose,
                target_name,
                changes,
                reason,
            });
            Ok(())
        };
        self.run_proven(&Actor { dry_run: false, once: None, ..actor.clone() }, deed).await
    }
}
