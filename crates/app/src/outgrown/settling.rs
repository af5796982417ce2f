//! What a change ends of what others made: everybody whom it concerns is looked at, whoever makes it is told all of it and
//! confirms, and then it ends.
//!
//! Looking costs a few statements for thousands of people. Ending costs some for each, so beyond the first ones that is the
//! worker's (`Work::EndOutgrown`): what was confirmed goes on, what nobody was shown is mailed to nobody.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use model::{
    Agent, GroupId, Permission, Result, Rights, State, Timestamp, User, UserId,
    access_paths::Reckoning,
    impact::Concern,
    job::Work,
    outgrown::{self, Confirmed, EndedSecret, SecretKind, not_confirmed, nothing_ends, opened},
    rights::Scoped,
};
use store::made_within::{self, Outstanding};
use uuid::Uuid;

use super::is_of_invitation;
use crate::{Operation, holders::seen_among};

/// Of so many people what is outgrown ends in one transaction; the worker goes on with the others. All of them are looked
/// at, told and confirmed before.
const AT_ONCE: usize = 50;
/// So many people are read in one statement.
const READ_AT_ONCE: usize = 5_000;
/// The rights of so few are read one by one, which is cheaper than reading everything that leads to them.
const FEW: usize = 3;

/// Who was shown what ends, and has confirmed it: then an invitation goes out anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Whoever does this, as far as they may see whose it is.
    ToActor,
    /// Somebody earlier, these links to these addresses and no others (`Operation::number_of`).
    Before(BTreeSet<u64>),
}

/// People whom the actor has named and may not see.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    /// Whether it is asked about them: always, where something could end, or the question would tell whether they have
    /// anything, or are there at all.
    pub(crate) is_asked: bool,
    /// What was typed for them.
    pub(crate) typed: BTreeMap<UserId, String>,
}

impl Unseen {
    /// Whether somebody's invitation goes to what was typed and nowhere else: then whoever typed this knows the address.
    fn knows_addresses(&self, user: &User) -> bool {
        let Some(typed) = self.typed.get(&user.id) else { return false };
        let addresses = [&user.fields.email, &user.fields.personal_email];
        addresses.into_iter().flatten().all(|address| model::user::is_same_mailbox(address, typed))
    }
}

/// Whose rights rise, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rise {
    /// Whose.
    pub whom: Concern,
    /// Those up to this one were looked at.
    pub after: Option<UserId>,
    /// From when on; what ends at a later time is told now, and ends then.
    pub at: Timestamp,
    /// To whom what ends is shown.
    pub shown: Shown,
    /// Whether the worker goes on with what an earlier transaction left to it.
    pub is_continued: bool,
}

impl Rise {
    /// One of this moment, by the agent's doing.
    pub(super) fn now(op: &Operation<'_, '_>, whom: Concern) -> Self {
        let shown = if op.agent == Agent::System { Shown::Before(BTreeSet::new()) } else { Shown::ToActor };
        Self { whom, after: None, at: op.now, shown, is_continued: false }
    }

    /// Whether it is another single person's, and else the same.
    fn is_like(&self, other: &Self) -> bool {
        let are_people = matches!((self.whom, other.whom), (Concern::User(_), Concern::User(_)));
        are_people && Self { whom: other.whom, ..self.clone() } == *other
    }
}

/// What was found of people whom a rise concerns.
#[derive(Default)]
struct Looked {
    /// Those for whom something ends, with the numbers of their invitations' links that the actor is shown.
    found: BTreeMap<UserId, Vec<u64>>,
    /// The first ones: it ends with this operation.
    ending: Vec<Risen>,
}

/// Somebody whose rights have risen, and what others made for them and could not give any more.
pub(super) struct Risen {
    pub(super) user: User,
    /// What the user may do now.
    pub(super) rights: Rights,
    pub(super) secrets: Vec<Outstanding>,
    /// Who wrote the addresses, as far as somebody else did.
    writers: BTreeMap<SecretKind, UserId>,
    /// Whether whoever raises the rights may see the user: else it is told that something may end, of nobody.
    is_seen: bool,
}

impl Risen {
    /// Leaves what the makers of these could not have given.
    fn found(user: User, rights: Rights, outstanding: Vec<Outstanding>) -> Self {
        let is_address = |kind| matches!(kind, SecretKind::Address | SecretKind::Personal);
        let written = outstanding.iter().filter(|secret| is_address(secret.kind));
        let writers = written.filter_map(|secret| Some((secret.kind, secret.maker.by?))).collect();
        let mut secrets = outstanding;
        secrets.retain(|secret| is_beyond(secret, &rights));
        // A password ends with the sessions that it began. A personal address serves for invitations alone.
        let ends_password = secrets.iter().any(|secret| secret.kind == SecretKind::Password);
        let is_here = user.state == State::Active;
        secrets.retain(|secret| match secret.kind {
            SecretKind::Session => !ends_password,
            SecretKind::Personal => !is_here,
            _ => true,
        });
        Self { user, rights, secrets, writers, is_seen: true }
    }
}

/// Whether its maker could not have given what it opens. What is outgrown already is over.
fn is_beyond(secret: &Outstanding, rights: &Rights) -> bool {
    secret.maker.outgrown_at.is_none() && !secret.maker.covers(&opened(rights, secret.scopes))
}

/// What ends, as it is told and confirmed.
#[derive(Default)]
struct Ended {
    told: Vec<EndedSecret>,
    /// Whom each of these is about, and what is said of it, once.
    said: BTreeSet<(Option<UserId>, SecretKind, String, Option<String>)>,
    /// Each secret once.
    known: BTreeSet<(SecretKind, Uuid)>,
    /// What was asked for, and of what is shown whatever goes out anew or is written to: which it is, and where it goes. What
    /// only ends does so even if it was made after the question: else whoever goes on making it would hold off the answer.
    shown: Vec<u8>,
}

impl Ended {
    /// Something that what is confirmed depends on.
    fn note(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.shown.extend(part.len().to_be_bytes());
            self.shown.extend(*part);
        }
    }

    /// Whose access rises.
    fn note_whom(&mut self, whom: Concern) {
        let (kind, id): (&[u8], _) = match whom {
            Concern::User(user) => (b"user", user.to_string()),
            Concern::Group(group) => (b"group", group.to_string()),
            Concern::Role(role) => (b"role", role.to_string()),
            Concern::Over(group) => (b"over", group.to_string()),
        };
        self.note(&[kind, id.as_bytes()]);
    }

    /// Something may end of people whom the actor may not see.
    fn tell_of_unseen(&mut self) {
        if !self.told.iter().any(|told| told.kind == SecretKind::Unseen) {
            self.told.push(EndedSecret::unseen());
        }
    }

    fn tell(&mut self, user: &User, secret: &Outstanding, described: EndedSecret) {
        if goes_out(secret) {
            let fields = &user.fields;
            let to = [&fields.email, &fields.personal_email].map(|to| to.as_deref().unwrap_or_default());
            let parts: [&[u8]; 6] = [
                user.id.0.as_bytes(),
                secret.kind.as_str().as_bytes(),
                secret.id.as_bytes(),
                secret.label.as_bytes(),
                to[0].as_bytes(),
                to[1].as_bytes(),
            ];
            self.note(&parts);
        }
        // Several links to one address are one mail.
        let EndedSecret { user, kind, label, made_by, .. } = &described;
        if self.said.insert((*user, *kind, label.clone(), made_by.clone())) {
            self.told.push(described);
        }
    }
}

/// Whether mail goes out because of it, now or when somebody asks for it.
fn goes_out(secret: &Outstanding) -> bool {
    is_of_invitation(secret) || matches!(secret.kind, SecretKind::Address | SecretKind::Personal)
}

/// The names of people, as far as the actor may see them.
type Names = BTreeMap<UserId, String>;

fn described(risen: &Risen, secret: &Outstanding, names: &Names) -> EndedSecret {
    let user = &risen.user;
    let label = match secret.kind {
        SecretKind::Link | SecretKind::Expired if is_of_invitation(secret) => {
            // An address that mail goes to, and who wrote it.
            let is_own = user.has_mailbox(&secret.label);
            let kind = if is_own { SecretKind::Address } else { SecretKind::Personal };
            let writer = risen.writers.get(&kind).and_then(|by| names.get(by));
            writer.map_or_else(|| secret.label.clone(), |name| format!("{} (set by {name})", secret.label))
        }
        SecretKind::Token | SecretKind::Address | SecretKind::Personal => secret.label.clone(),
        // A link of another purpose is not sent again.
        SecretKind::Link
        | SecretKind::Expired
        | SecretKind::Password
        | SecretKind::Session
        | SecretKind::Unseen => String::new(),
    };
    let made_by = secret.maker.by.and_then(|by| names.get(&by)).cloned();
    let name = names.get(&user.id).map_or("somebody", String::as_str).to_owned();
    EndedSecret { user: Some(user.id), name, kind: secret.kind, label, made_by }
}

impl Operation<'_, '_> {
    /// Ends what others made for those whose rights this operation has raised beyond theirs, unless the actor has yet to
    /// confirm it.
    pub(crate) async fn settle_outgrown(&mut self) -> Result<()> {
        let is_raising = !self.risen.is_empty();
        let (mut ended, mut ending) = (Ended::default(), BTreeMap::new());
        if std::mem::take(&mut self.unseen.is_asked) {
            ended.tell_of_unseen();
        }
        for rise in &self.risen {
            ended.note_whom(rise.whom);
        }
        for (rises, users) in self.concerned_by_rises().await? {
            let Some(rise) = rises.first() else { continue };
            let looked = self.look_at(&users, rise, &mut ended).await?;
            self.leave_to_worker(&rises, &users, &looked);
            for risen in looked.ending {
                let is_asked = self.was_shown(&risen, &rise.shown);
                ending.entry(risen.user.id).or_insert((risen, is_asked));
            }
        }
        if !ended.told.is_empty() {
            // It confirms what was shown: neither another address nor another link that somebody has put there meanwhile.
            let digest = self.keys.derive("end_secrets", &[&ended.shown]);
            let code = outgrown::code(&digest);
            if !self.confirmed().is_of(code) {
                return Err(not_confirmed(&ended.told, code));
            }
            (self.ended_secrets, self.confirms) = (ended.told, code);
        } else if is_raising && matches!(self.confirmed(), Confirmed::Shown(_)) {
            return Err(nothing_ends());
        }
        if self.is_dry() {
            // It was told; ending it would only hold what others wait for.
            return Ok(());
        }
        for (risen, is_asked) in ending.into_values() {
            self.end_secrets_of(risen, is_asked).await?;
        }
        Ok(())
    }

    /// The rises with the people whom they concern; many single people together.
    async fn concerned_by_rises(&mut self) -> Result<Vec<(Vec<Rise>, Vec<UserId>)>> {
        let mut concerned: Vec<(Vec<Rise>, Vec<UserId>)> = Vec::new();
        for rise in std::mem::take(&mut self.risen) {
            let most = if rise.is_continued { AT_ONCE } else { usize::MAX };
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            let (connection, context) = (&mut *self.connection, self.context);
            let users = made_within::holders(connection, context, rise.whom, rise.after, most).await?;
            let is_like = |(known, _): &&mut (Vec<Rise>, Vec<UserId>)| {
                known.first().is_some_and(|known| known.is_like(&rise))
            };
            match concerned.iter_mut().find(is_like) {
                Some((rises, all)) => {
                    rises.push(rise);
                    all.extend(users);
                }
                None => concerned.push((vec![rise], users)),
            }
        }
        for (_, users) in &mut concerned {
            users.sort_unstable();
            users.dedup();
        }
        Ok(concerned)
    }

    /// Looks at people whom a rise concerns, and tells what ends.
    async fn look_at(&mut self, users: &[UserId], rise: &Rise, ended: &mut Ended) -> Result<Looked> {
        let (at, mut looked) = (rise.at.max(self.now), Looked::default());
        for some in users.chunks(READ_AT_ONCE) {
            let mut found = self.outgrown_among(some, at).await?;
            let names = self.names_about(&mut found).await?;
            for risen in found {
                let mut shown = Vec::new();
                if !risen.is_seen {
                    ended.tell_of_unseen();
                }
                let knows = risen.is_seen || self.unseen.knows_addresses(&risen.user);
                for secret in &risen.secrets {
                    shown.extend(
                        (knows && is_of_invitation(secret)).then(|| self.number_of(&risen.user, secret)),
                    );
                    if risen.is_seen && ended.known.insert((secret.kind, secret.id)) {
                        ended.tell(&risen.user, secret, described(&risen, secret, &names));
                    }
                }
                looked.found.insert(risen.user.id, shown);
                if at <= self.now && looked.ending.len() < AT_ONCE {
                    looked.ending.push(risen);
                }
            }
        }
        Ok(looked)
    }

    /// Asks the worker for what ends later, or is too much for one transaction. What it replaces goes out only if it was
    /// shown, to the address that was shown.
    fn leave_to_worker(&mut self, rises: &[Rise], users: &[UserId], looked: &Looked) {
        let last = looked.ending.last().map(|risen| risen.user.id);
        let (now, is_left) = (self.now, looked.found.len() > looked.ending.len());
        for Rise { whom, at, shown, is_continued, .. } in rises {
            let is_full = *is_continued && users.len() >= AT_ONCE;
            let (after, at) = match *whom {
                Concern::User(user) if *at > now || is_left && Some(user) > last => (None, (*at).max(now)),
                Concern::User(_) => continue,
                _ if *at > now => (None, *at),
                _ if is_full => (users.last().copied(), now),
                _ if is_left => (last, now),
                _ => continue,
            };
            let is_meant = |user: &UserId| match *whom {
                Concern::User(one) => *user == one,
                _ => Some(*user) > after,
            };
            let shown: Vec<u64> = match shown {
                Shown::ToActor => {
                    let meant = looked.found.iter().filter(|(user, _)| is_meant(user));
                    meant.flat_map(|(_, shown)| shown).copied().collect()
                }
                Shown::Before(shown) => shown.iter().copied().collect(),
            };
            self.later(Work::EndOutgrown { whom: *whom, after, shown }, at);
        }
    }

    /// An invitation's link with the addresses that a new one would go to: another link, or one after another address was
    /// written, has another number.
    fn number_of(&self, user: &User, link: &Outstanding) -> u64 {
        let fields = &user.fields;
        let to = [&fields.email, &fields.personal_email].map(|to| to.as_deref().unwrap_or_default());
        let parts = [link.id.as_bytes(), link.label.as_bytes(), to[0].as_bytes(), to[1].as_bytes()];
        outgrown::code(&self.keys.derive("shown_link", &parts))
    }

    /// Whether all links of somebody's invitation that end were shown.
    fn was_shown(&self, risen: &Risen, shown: &Shown) -> bool {
        match shown {
            Shown::ToActor => risen.is_seen || self.unseen.knows_addresses(&risen.user),
            Shown::Before(shown) => {
                let mut links = risen.secrets.iter().filter(|secret| is_of_invitation(secret));
                links.all(|link| shown.contains(&self.number_of(&risen.user, link)))
            }
        }
    }

    /// Those of these people who may do more at a time than the makers of what is outstanding could have given. Their rows
    /// are held: nobody puts something else there before this transaction ends.
    async fn outgrown_among(&mut self, users: &[UserId], at: Timestamp) -> Result<Vec<Risen>> {
        let context = self.context;
        let mut outstanding = made_within::outstanding(self.connection, context, users, at).await?;
        if outstanding.is_empty() {
            return Ok(Vec::new());
        }
        let rights = self.rights_at(&owners_of(&outstanding), at).await?;
        let is_beyond =
            |secret: &Outstanding| rights.get(&secret.user).is_some_and(|rights| is_beyond(secret, rights));
        let concerned: BTreeSet<UserId> =
            outstanding.iter().filter(|secret| is_beyond(secret)).map(|secret| secret.user).collect();
        if concerned.is_empty() {
            return Ok(Vec::new());
        }
        let concerned: Vec<UserId> = concerned.into_iter().collect();
        let locked = if self.is_dry() {
            store::holders::records(self.connection, context, &concerned).await?
        } else {
            store::users::lock_all(self.connection, context, &concerned).await?
        };
        if !self.connection.writes_alone() && !self.is_dry() {
            // Whoever uses or writes one of them holds the user's row: what is read now is what is left.
            outstanding = made_within::outstanding(self.connection, context, &concerned, at).await?;
        }
        let mut by_user: BTreeMap<UserId, Vec<Outstanding>> = BTreeMap::new();
        for secret in outstanding {
            by_user.entry(secret.user).or_default().push(secret);
        }
        let found = locked.into_iter().filter_map(|user| {
            let (rights, secrets) = (rights.get(&user.id)?.clone(), by_user.remove(&user.id)?);
            Some(Risen::found(user, rights, secrets)).filter(|risen| !risen.secrets.is_empty())
        });
        Ok(found.collect())
    }

    /// What these people may do at a time.
    async fn rights_at(&mut self, users: &[UserId], at: Timestamp) -> Result<BTreeMap<UserId, Rights>> {
        let (connection, context) = (&mut *self.connection, self.context);
        let mut all = BTreeMap::new();
        if users.len() <= FEW {
            for user in users {
                let standing = store::access::standing(connection, context, *user, at).await?;
                all.extend(standing.map(|standing| (*user, standing.rights)));
            }
            return Ok(all);
        }
        let web = store::access_paths::web(connection, context, users).await?;
        let mut reckoning = Reckoning::new(&web, at);
        let mut above: BTreeMap<GroupId, Vec<GroupId>> = BTreeMap::new();
        for user in users {
            let held = reckoning.of(*user);
            let mut scoped = Vec::new();
            for (group, permissions) in held.scoped {
                if let Entry::Vacant(unknown) = above.entry(group) {
                    unknown.insert(store::access::above(connection, context, &[group]).await?);
                }
                let above = above.get(&group).cloned().unwrap_or_default();
                scoped.push(Scoped { group, above, permissions });
            }
            all.insert(*user, Rights { org: held.org, scoped, applications: held.applications });
        }
        Ok(all)
    }

    /// The names of these people, and of who made or wrote something for them, as far as the actor may see them; notes who
    /// may not be seen.
    async fn names_about(&mut self, found: &mut [Risen]) -> Result<Names> {
        let (context, now) = (self.context, self.now);
        if found.is_empty() {
            return Ok(Names::new());
        }
        let makers = |risen: &Risen| {
            let made = risen.secrets.iter().filter_map(|secret| secret.maker.by);
            made.chain(risen.writers.values().copied()).collect::<Vec<_>>()
        };
        let mut people: Vec<UserId> = found.iter().flat_map(makers).collect();
        people.extend(found.iter().map(|risen| risen.user.id));
        people.sort_unstable();
        people.dedup();
        let reach = self.rights.reach(Permission::UserRead);
        let mut seen = seen_among(self.connection, context, &reach, &people, now).await?;
        for risen in found.iter_mut() {
            risen.is_seen = seen.contains(&risen.user.id);
        }
        seen.extend(self.actor_user());
        people.retain(|user| seen.contains(user));
        let named = store::access_paths::people(self.connection, context, &people).await?;
        Ok(named.into_iter().map(|(id, name, _)| (id, name)).collect())
    }
}

/// Whose they are, each once.
fn owners_of(outstanding: &[Outstanding]) -> Vec<UserId> {
    let mut users: Vec<UserId> = outstanding.iter().map(|secret| secret.user).collect();
    users.dedup();
    users
}
