//! What one can do with sessions: see where oneself or somebody is signed in, end one, all, all others, or all that a
//! filter finds. How they begin is `signin.rs`; that they end with other things (a suspension, a new password) is theirs.
//!
//! Whoever ends a session of somebody else must be able to do as much as that person (the granting rule). In bulk,
//! stronger people and the session that asks are spared.

use std::collections::BTreeMap;

use model::{
    Error, OrgContext, Permission, Result, RoleKey, SessionId, Timestamp, User, UserId,
    access::Role,
    audit::{Changed, Changes},
    device::Device,
    page::Page,
    plan,
    role::{RoleDefinition, Scope},
    session::{Session, SessionQuery},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    Connection, Lane, boxed,
    session_list::{self, Sparing},
};

pub use connect::geo::{Atlas, Credit, Place};
pub use store::session_list::{COUNTED, Count};

use crate::{Actor, App, Operation, access::signed_out, cache::Stale, operation::Event, users::changed};

/// A session as pages show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The session.
    pub session: Session,
    /// With what.
    pub device: Device,
    /// From where, roughly.
    pub place: Place,
    /// It is the one that asks.
    pub is_this: bool,
}

/// A session in the list of all, with whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The session.
    pub labelled: Labelled,
    /// The person's name, as shown.
    pub name: String,
    /// The username.
    pub username: String,
}

/// Two sign-ins of one person that lie farther apart than anybody travels.
#[derive(Debug, Clone, PartialEq)]
pub struct Haste {
    /// The earlier one: where, and when.
    pub first: (String, Timestamp),
    /// The later one.
    pub second: (String, Timestamp),
    /// Between them.
    pub kilometres: f64,
}

/// What ending sessions by a filter came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Sessions that were (or, in a dry run, would be) ended.
    pub sessions: u64,
    /// Whose they were: so many people.
    pub people: u64,
    /// Sessions that match and go on: the one that asks, and those of people who may do more.
    pub spared: u64,
    /// There are more than one request ends: ask again.
    pub more: bool,
}

/// Sessions that one request ends at most.
const MOST: u16 = 500;
/// Users whose stamps are raised one by one; beyond, the organization's is.
const STAMPED: usize = 100;
/// Kilometres an hour that nobody travels.
const FASTEST: f64 = 900.0;
/// Kilometres by which places of addresses may be wrong together.
const ROUGHLY: f64 = 300.0;

impl App {
    /// Where somebody is signed in, latest used first.
    #[boxed]
    pub async fn sessions_of(&self, actor: &Actor, user: UserId) -> Result<Vec<Labelled>> {
        actor.require(Permission::SessionRead)?;
        let context = actor.context;
        let there =
            async |connection: &mut Connection<'_>| store::users::is_present(connection, context, user).await;
        if !self.database().read(there).await? {
            return Err(Error::not_found());
        }
        self.labelled_sessions(actor, user).await
    }

    /// Where one is signed in oneself.
    #[boxed]
    pub async fn own_sessions(&self, actor: &Actor) -> Result<Vec<Labelled>> {
        actor.require(Permission::AccountSessions)?;
        self.labelled_sessions(actor, actor.user().ok_or_else(signed_out)?).await
    }

    async fn labelled_sessions(&self, actor: &Actor, user: UserId) -> Result<Vec<Labelled>> {
        let (context, now, atlas) = (actor.context, self.now(), self.places().look());
        let read = async |connection: &mut Connection<'_>| {
            store::sessions::of_user(connection, context, user, now).await
        };
        let sessions = self.database().read(read).await?;
        Ok(sessions.into_iter().map(|session| labelled(session, &atlas, actor)).collect())
    }

    /// One page of all sessions, latest used first.
    #[boxed]
    pub async fn sessions(&self, actor: &Actor, query: SessionQuery) -> Result<Page<Listed>> {
        actor.require(Permission::SessionRead)?;
        let (context, now, atlas) = (actor.context, self.now(), self.places().look());
        let read = async |connection: &mut Connection<'_>| {
            session_list::page(connection, context, &query, now).await
        };
        let page = self.database().read(read).await?;
        let listed = |row: session_list::Listed| Listed {
            labelled: labelled(row.session, &atlas, actor),
            name: row.name,
            username: row.username,
        };
        let items = page.items.into_iter().map(listed).collect();
        Ok(Page { items, next: page.next, previous: page.previous, more_than: None })
    }

    /// How many match, exact up to [`COUNTED`] sessions.
    #[boxed]
    pub async fn session_count(&self, actor: &Actor, query: &SessionQuery) -> Result<Count> {
        actor.require(Permission::SessionRead)?;
        let (context, now) = (actor.context, self.now());
        let read = async |connection: &mut Connection<'_>| {
            session_list::count(connection, context, query, None, now).await
        };
        self.database().read(read).await
    }

    /// Whose session it is.
    #[boxed]
    pub async fn session_holder(&self, actor: &Actor, session: SessionId) -> Result<UserId> {
        actor.require(Permission::SessionRead)?;
        let context = actor.context;
        let find = async |connection: &mut Connection<'_>| {
            store::sessions::holder(connection, context, session).await
        };
        self.database().read(find).await?.ok_or_else(Error::not_found)
    }

    /// Ends one session of somebody.
    #[boxed]
    pub async fn revoke_session(&self, actor: &Actor, user: UserId, session: SessionId) -> Result<()> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(user, None).await?;
            if !store::sessions::end(op.connection, op.context, user, session).await? {
                return Err(Error::not_found());
            }
            let changes = changed("session", session.to_string().into(), Value::Null);
            op.record_user(&person.user, "session.ended", changes, REVOKED.to_owned());
            op.user_is_stale(user);
            Ok(())
        };
        self.run(actor, Permission::SessionRevoke, deed).await
    }

    /// Ends all sessions of somebody; answers how many.
    #[boxed]
    pub async fn revoke_sessions_of(&self, actor: &Actor, user: UserId) -> Result<u64> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(user, None).await?;
            op.end_all_sessions(&person.user, None).await
        };
        self.run(actor, Permission::SessionRevoke, deed).await
    }

    /// Ends one of one's own sessions, perhaps this one.
    #[boxed]
    pub async fn revoke_own_session(&self, actor: &Actor, session: SessionId) -> Result<()> {
        let user = actor.user().ok_or_else(signed_out)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            if op.end_session(user, session, REVOKED).await? { Ok(()) } else { Err(Error::not_found()) }
        };
        self.run(actor, Permission::AccountSessions, deed).await
    }

    /// Ends all of one's own sessions, or all others than this one; answers how many.
    #[boxed]
    pub async fn revoke_own_sessions(&self, actor: &Actor, others: bool) -> Result<u64> {
        let (user, this) = (actor.user().ok_or_else(signed_out)?, actor.session().filter(|_| others));
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            op.end_all_sessions(&person.user, this).await
        };
        self.run(actor, Permission::AccountSessions, deed).await
    }

    /// Ends the sessions that a filter finds, at most [`Ended::sessions`] of one request. Where many people would be
    /// signed out, `confirm` must be their number, or more.
    #[boxed]
    pub async fn revoke_sessions(
        &self,
        actor: &Actor,
        query: SessionQuery,
        confirm: Option<u64>,
    ) -> Result<Ended> {
        let (this, dry_run) = (actor.session(), actor.dry_run);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let sparing = op.sparing(this).await?;
            let (context, now) = (op.context, op.now);
            let all = session_list::count(op.connection, context, &query, None, now).await?;
            let some = session_list::count(op.connection, context, &query, Some(&sparing), now).await?;
            let spared = unsigned(all.sessions - some.sessions);
            if dry_run {
                let (sessions, people) = (unsigned(some.sessions), unsigned(some.people));
                return Ok(Ended { sessions, people, spared, more: some.sessions > COUNTED });
            }
            op.check_number(unsigned(some.people), confirm).await?;
            let ended = session_list::end(op.connection, context, &query, &sparing, now, MOST).await?;
            let people = op.record_bulk(&query, &ended).await?;
            let more = ended.len() < usize::try_from(some.sessions).unwrap_or(usize::MAX);
            Ok(Ended { sessions: ended.len() as u64, people, spared, more })
        };
        Ok(self.run_replayable(actor, Permission::SessionRevoke, Lane::Bulk, deed).await?.0)
    }

    /// Whether so many signed-out people must be confirmed by their number.
    #[boxed]
    pub async fn needs_number(&self, actor: &Actor, people: u64) -> Result<bool> {
        let context = actor.context;
        let count = async |connection: &mut Connection<'_>| {
            store::users::active_up_to(connection, context, PLENTY).await
        };
        Ok(plan::needs_count(people, self.database().read(count).await?))
    }

    /// The country of an address, by its two letters; empty if it is not known. To be asked before a transaction: now
    /// and then it reads files.
    pub(crate) fn country_of(&self, address: &str) -> String {
        self.places().look().place(address).country_code().to_owned()
    }

    /// Labels the sessions that were not yet, or not since the labels improved.
    pub(crate) async fn label_sessions(&self) -> Result<()> {
        let some =
            async |connection: &mut Connection<'_>| store::sessions::unlabelled(connection, MOST).await;
        loop {
            let found = self.database().read(some).await?;
            if found.is_empty() {
                return Ok(());
            }
            let work = async move |connection: &mut Connection<'_>| {
                for session in &found {
                    let device = connect::device::recognize(&session.user_agent, &session.hints);
                    store::sessions::label(connection, session, device.platform).await?;
                }
                Ok(())
            };
            self.maintain(OrgContext::NOWHERE, work).await?;
        }
    }
}

/// Why a session was ended, in the audit log.
const REVOKED: &str = "revoked";
/// Of more users than this a twentieth is more than anybody ends without a number.
const PLENTY: i64 = 1_001;

fn labelled(session: Session, atlas: &Atlas, actor: &Actor) -> Labelled {
    let device = connect::device::recognize(&session.user_agent, &session.hints);
    let (place, is_this) = (atlas.place(&session.address), actor.session() == Some(session.id));
    Labelled { session, device, place, is_this }
}

fn unsigned(count: i64) -> u64 {
    count.max(0).unsigned_abs()
}

/// The latest two sign-ins one after the other that nobody could have travelled between.
pub fn haste(sessions: &[Labelled]) -> Option<Haste> {
    let spot = |session: &Labelled| match &session.place {
        Place::Known(spot) => Some((spot.clone(), session.place.label(), session.session.started_at)),
        Place::Private | Place::Unknown => None,
    };
    let mut spots: Vec<_> = sessions.iter().filter_map(spot).collect();
    spots.sort_by_key(|(.., at)| *at);
    spots.windows(2).rev().find_map(|pair| {
        let [(from, first, left), (to, second, arrived)] = pair else { return None };
        let kilometres = from.kilometres_to(to)?;
        let hours = arrived.since(*left).as_secs_f64() / 3600.0;
        let is_haste = kilometres > ROUGHLY + FASTEST * hours;
        let found =
            || Haste { first: (first.clone(), *left), second: (second.clone(), *arrived), kilometres };
        is_haste.then(found)
    })
}

impl Operation<'_, '_> {
    /// Who may do more than the actor, by role or group, and the actor's own session.
    async fn sparing(&mut self, session: Option<SessionId>) -> Result<Sparing> {
        let own = store::roles::list(self.connection, self.context).await?;
        let all = Role::ALL.iter().map(|role| RoleDefinition::built_in(*role)).chain(own);
        let is_stronger =
            |role: &RoleDefinition| !self.rights.covers(&role.allowed.in_scope(Scope::Org, Vec::new()));
        let roles: Vec<RoleKey> = all.filter(is_stronger).map(|role| role.key).collect();
        let groups = store::access::carrying(self.connection, self.context, &roles).await?;
        Ok(Sparing { session, roles, groups })
    }

    /// Ends one session; true if it was there. `reason` is for the audit log.
    pub(crate) async fn end_session(
        &mut self,
        user: UserId,
        session: SessionId,
        reason: &str,
    ) -> Result<bool> {
        let ended = store::sessions::end(self.connection, self.context, user, session).await?;
        if ended {
            let name = store::users::name(self.connection, self.context, user).await?.unwrap_or_default();
            self.record_session(user, session, &name, reason);
            self.user_is_stale(user);
        }
        Ok(ended)
    }

    /// Ends the session that asks.
    pub(crate) async fn sign_out(&mut self, user: UserId, session: SessionId) -> Result<()> {
        self.end_session(user, session, "").await.map(drop)
    }

    fn record_session(&mut self, user: UserId, session: SessionId, name: &str, reason: &str) {
        self.record(Event {
            name: "session.ended",
            target_type: "user",
            target: user.0,
            target_name: name,
            changes: changed("session", session.to_string().into(), Value::Null),
            reason: reason.to_owned(),
        });
    }

    async fn end_all_sessions(&mut self, user: &User, but: Option<SessionId>) -> Result<u64> {
        let ended = store::sessions::end_all(self.connection, self.context, user.id, but).await?;
        if ended > 0 {
            let left = i32::from(but.is_some());
            let changes = changed("sessions", (ended + u64::from(but.is_some())).into(), left.into());
            self.record_user(user, "session.ended", changes, REVOKED.to_owned());
            self.user_is_stale(user.id);
        }
        Ok(ended)
    }

    /// Only so many sessions at once, if the policy says so: the oldest go.
    pub(crate) async fn end_oldest_sessions(&mut self, user: &User) -> Result<()> {
        let org = store::orgs::find(self.connection, self.context).await?.ok_or_else(Error::not_found)?;
        let most = org.settings.session.maximum;
        if most == 0 {
            return Ok(());
        }
        for session in store::sessions::end_oldest(self.connection, self.context, user.id, most).await? {
            self.record_session(user.id, session, user.name(), "too_many");
            self.user_is_stale(user.id);
        }
        Ok(())
    }

    /// Refuses to sign many people out without their number.
    async fn check_number(&mut self, people: u64, confirm: Option<u64>) -> Result<()> {
        let active = store::users::active_up_to(self.connection, self.context, PLENTY).await?;
        if !plan::needs_count(people, active) || confirm.is_some_and(|confirmed| confirmed >= people) {
            return Ok(());
        }
        let message = format!("This signs {people} people out. Type {people} to confirm.");
        Err(Error::invalid_field("confirm", "sessions.not_confirmed", message))
    }

    /// One entry for the whole and one for each person; answers how many people those were.
    async fn record_bulk(&mut self, query: &SessionQuery, ended: &[(SessionId, UserId)]) -> Result<u64> {
        if ended.is_empty() {
            return Ok(0);
        }
        let mut people: BTreeMap<UserId, u64> = BTreeMap::new();
        for (_, user) in ended {
            *people.entry(*user).or_default() += 1;
        }
        let org = store::orgs::find(self.connection, self.context).await?.ok_or_else(Error::not_found)?;
        let mut changes = described(query);
        changes.insert("sessions".to_owned(), Changed { before: ended.len().into(), after: 0.into() });
        self.record(Event {
            name: "session.ended_in_bulk",
            target_type: "org",
            target: org.id.0,
            target_name: &org.name,
            changes,
            reason: REVOKED.to_owned(),
        });
        for (user, count) in &people {
            let name = store::users::name(self.connection, self.context, *user).await?.unwrap_or_default();
            self.record(Event {
                name: "session.ended",
                target_type: "user",
                target: user.0,
                target_name: &name,
                changes: changed("sessions", (*count).into(), 0.into()),
                reason: REVOKED.to_owned(),
            });
        }
        if people.len() > STAMPED {
            self.stale(Stale::Org(self.context));
        } else {
            for user in people.keys() {
                self.user_is_stale(*user);
            }
        }
        Ok(people.len() as u64)
    }
}

/// A filter in the audit log: what was asked for, as values before.
fn described(query: &SessionQuery) -> Changes {
    let mut asked: Vec<(&str, Value)> = Vec::new();
    asked.extend(query.user.map(|user| ("user", user.to_string().into())));
    // One address is somebody's; the network that it is in is not.
    asked.extend(query.network.map(|network| ("address", network.widened().to_string().into())));
    asked.extend(query.platform.map(|platform| ("platform", platform.as_str().into())));
    asked.extend((!query.method.is_empty()).then(|| ("method", query.method.as_str().into())));
    asked.extend(query.remembered.map(|remembered| ("remembered", remembered.into())));
    asked.extend(query.active_since.map(|since| ("active_since", since.to_string().into())));
    asked
        .into_iter()
        .map(|(name, before)| (name.to_owned(), Changed { before, after: Value::Null }))
        .collect()
}
