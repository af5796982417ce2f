//! What would a change do to people's access? The change itself is done in a dry run, and what those whom it concerns
//! effectively hold is compared before and after, in its own transaction: a preview needs the same rights as the deed and
//! can't disagree with it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use model::{
    Permission, Result, UserId,
    access::OWNER_WARNING,
    access_paths::{AccessWeb, Effective, Reckoning},
    impact::{Impact, ImpactItem, ImpactKind, MAX_COMPARED, Names, compare},
    outgrown,
};
use store::boxed;

pub use model::impact::Concern;

use crate::{Actor, Operation, holders::seen_among};

/// Where a dry run leaves what it found.
#[derive(Debug, Clone, Default)]
pub struct Preview(Arc<Mutex<Option<Impact>>>);

impl Preview {
    /// What the change would do; nothing if it concerns nobody's access.
    pub fn take(&self) -> Option<Impact> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, impact: Impact) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(impact);
    }
}

impl Actor {
    /// The same actor trying something out: whatever is done comes to nothing, and the preview says what it would do.
    pub fn previewing(&self) -> (Self, Preview) {
        let preview = Preview::default();
        let actor = Self { dry_run: true, once: None, preview: Some(preview.clone()), ..self.clone() };
        (actor, preview)
    }
}

/// What was seen before the deed.
#[derive(Default)]
pub(crate) struct Foresight {
    before: BTreeMap<UserId, Effective>,
    people: BTreeMap<UserId, String>,
    names: Names,
    more: bool,
}

impl Operation<'_, '_> {
    /// Says whose access a deed is about to widen: what others made for them may end with it (`outgrown.rs`).
    #[boxed]
    pub async fn raising(&mut self, concern: Concern) -> Result<()> {
        self.rises(concern);
        self.concerning(concern).await
    }

    /// Says whose access a deed is about to change: looks at what they hold before, if somebody asked what the deed
    /// would do.
    #[boxed]
    pub async fn concerning(&mut self, concern: Concern) -> Result<()> {
        if self.preview().is_none() {
            return Ok(());
        }
        let mut users = self.concerned(concern).await?;
        let mut foresight = self.foresight.take().unwrap_or_default();
        users.retain(|user| !foresight.before.contains_key(user));
        let left = MAX_COMPARED - foresight.before.len();
        foresight.more |= users.len() > left;
        users.truncate(left);
        let web = store::access_paths::web(self.connection, self.context, &users).await?;
        foresight.before.extend(effective(&web, &users, self.now));
        foresight.names.learn(&web);
        for (user, name, _) in store::access_paths::people(self.connection, self.context, &users).await? {
            foresight.people.insert(user, name);
        }
        self.foresight = Some(foresight);
        Ok(())
    }

    async fn concerned(&mut self, concern: Concern) -> Result<Vec<UserId>> {
        let (connection, context, most) = (&mut *self.connection, self.context, MAX_COMPARED + 1);
        Ok(match concern {
            Concern::User(user) => vec![user],
            Concern::Group(group) | Concern::Over(group) => {
                let (mut users, mut groups) =
                    store::access_paths::scoped_to(connection, context, &[group]).await?;
                groups.push(group);
                users.extend(store::access_paths::members_below(connection, context, &groups, most).await?);
                sorted(users)
            }
            Concern::Role(role) => {
                let mut users = store::access_paths::holding(connection, context, role, most).await?;
                let groups = store::access::carrying(connection, context, &[role]).await?;
                if !groups.is_empty() {
                    users.extend(
                        store::access_paths::members_below(connection, context, &groups, most).await?,
                    );
                }
                sorted(users)
            }
        })
    }

    /// Compares after the deed with before, and leaves what was found to who asked.
    pub(crate) async fn foresee(&mut self) -> Result<()> {
        let Some(preview) = self.preview().cloned() else { return Ok(()) };
        let mut impact = match self.foresight.take() {
            Some(foresight) => self.compared(foresight).await?,
            None if self.ended_secrets.is_empty() => return Ok(()),
            None => Impact::default(),
        };
        impact.secrets = self.ended_secrets.len();
        impact.confirm = (self.confirms > 0).then_some(self.confirms);
        impact.ended = std::mem::take(&mut self.ended_secrets);
        preview.put(impact);
        Ok(())
    }

    async fn compared(&mut self, foresight: Foresight) -> Result<Impact> {
        let Foresight { before, people, mut names, more } = foresight;
        let users: Vec<UserId> = before.keys().copied().collect();
        let web = store::access_paths::web(self.connection, self.context, &users).await?;
        let after: BTreeMap<UserId, Effective> = effective(&web, &users, self.now).collect();
        names.learn(&web);
        let people: Vec<(UserId, String)> = people.into_iter().collect();
        let mut impact = compare(&people, &before, &after, &names);
        let named: Vec<UserId> = impact.people.iter().map(|person| person.user).collect();
        let reach = self.rights.reach(Permission::UserRead);
        let mut seen = seen_among(self.connection, self.context, &reach, &named, self.now).await?;
        seen.extend(self.actor_user());
        impact.people.retain(|person| seen.contains(&person.user));
        impact.more = more;
        Ok(impact)
    }
}

fn sorted(mut users: Vec<UserId>) -> Vec<UserId> {
    users.sort_unstable();
    users.dedup();
    users
}

fn effective(
    web: &AccessWeb,
    users: &[UserId],
    now: model::Timestamp,
) -> impl Iterator<Item = (UserId, Effective)> {
    let mut reckoning = Reckoning::new(web, now);
    users.iter().map(move |user| (*user, reckoning.of(*user)))
}

/// Items of an impact said in words; of the others the number.
const MAX_SAID: usize = 6;

/// An impact in sentences: what a question before the change lists.
pub fn lines(impact: &Impact) -> Vec<String> {
    let mut lines = Vec::new();
    // Of those whom it touches some may not be seen, and are counted alone.
    let touched = impact.gaining.max(impact.losing).max(impact.people.len());
    match impact.people.as_slice() {
        [] if touched == 0 => lines.push(
            "Nobody gains or loses anything by it: the same comes in other ways, or nobody is concerned."
                .to_owned(),
        ),
        [one] if touched == 1 => {
            lines.extend(
                (!one.lost.is_empty()).then(|| format!("{} loses {}.", one.name, enumerated(&one.lost))),
            );
            lines.extend(
                (!one.gained.is_empty()).then(|| format!("{} gains {}.", one.name, enumerated(&one.gained))),
            );
        }
        many => {
            let names: Vec<String> = many.iter().take(MAX_SAID).map(|one| one.name.clone()).collect();
            let others = touched - names.len();
            lines.push(match (names.join(", ").as_str(), others) {
                ("", others) => format!("It touches {others} whom you may not see."),
                (names, 0) => format!("It touches {names}."),
                (names, others) => format!("It touches {names} and {others} more."),
            });
            let said = impact.items.iter().filter(|item| item.kind != ImpactKind::Group).take(MAX_SAID);
            lines.extend(said.map(in_words));
            let left = impact.items.len().saturating_sub(MAX_SAID);
            lines.extend((left > 0).then(|| format!("And {left} more such changes.")));
        }
    }
    let is_owner = |item: &ImpactItem| item.gained && item.name == Permission::OwnerManage.as_str();
    lines.extend(impact.items.iter().any(is_owner).then(|| OWNER_WARNING.to_owned()));
    lines.extend(outgrown::in_words(&impact.ended));
    if impact.more {
        lines.push(format!("Only the first {} people were compared; there are more.", impact.compared));
    }
    lines
}

fn in_words(item: &ImpactItem) -> String {
    let people = if item.people == 1 { "1 person".to_owned() } else { format!("{} people", item.people) };
    let verb = match (item.gained, item.people) {
        (true, 1) => "gains",
        (true, _) => "gain",
        (false, 1) => "loses",
        (false, _) => "lose",
    };
    format!("{people} {verb} {}.", item.name)
}

fn enumerated(names: &[String]) -> String {
    let (said, left) =
        (names.iter().take(MAX_SAID).cloned().collect::<Vec<_>>(), names.len().saturating_sub(MAX_SAID));
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    format!("{}{more}", said.join(", "))
}
