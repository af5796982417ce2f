//! The only way to a transaction that writes.
//!
//! `App::run` takes who asks, the permission that the deed needs, and the deed. In one transaction it reads the
//! actor's state and rights, looks whether the same request was answered before, runs the deed, checks what must
//! hold afterwards (an able owner is left), writes the audit entries and the outbox rows, and commits. Only then are
//! the caches told and the caller answered. Nothing is sent from here; that is the worker's, from the outbox.
//!
//! A deed owns what it captures, may run more than once (PostgreSQL repeats it after a serialization failure), awaits
//! nothing but the operation and touches nothing outside. Hashing, parsing and checking come before.

mod entries;
mod parts;

use std::sync::OnceLock;

use model::{
    Agent, EntryId, Error, JobId, Kind, OrgContext, Permission, Permissions, Result, Rights, Timestamp,
    UserId,
    audit::{Changes, Entry},
    job::{Job, Work},
    mail::Mail,
    merkle::Hash,
    outgrown::{Confirmed, EndedSecret, Maker},
    rights::Reach,
};
use serde::{Serialize, de::DeserializeOwned};
use store::{Attempt, Connection, Lane, Outcome, Proof, boxed};
use uuid::Uuid;

use crate::{
    Actor, App, Person,
    cache::Stale,
    holders::seen_among,
    impact::{Foresight, Preview},
    invitations::Terms,
    kept,
    keys::Keys,
    outgrown::{Rise, Unseen},
};

/// What a deed works with: the transaction, and what it leaves behind.
pub struct Operation<'c, 't> {
    /// The transaction.
    pub connection: &'c mut Connection<'t>,
    /// The organization acted in.
    pub context: OrgContext,
    /// Who acts.
    pub agent: Agent,
    /// When: the same in every attempt.
    pub now: Timestamp,
    /// What the actor may do in the whole organization, read in this transaction.
    pub permissions: Permissions,
    /// The same with what may be done over groups and in applications.
    pub rights: Rights,
    /// The permission that the operation is done under, if it needs one.
    permission: Option<Permission>,
    actor: &'c Actor,
    entropy: &'c dyn model::Entropy,
    pub(crate) keys: &'c Keys,
    id: EntryId,
    entries: Vec<Entry>,
    jobs: Vec<Job>,
    pub(crate) mails: Vec<Mail>,
    stale: Vec<Stale>,
    /// On what terms somebody is invited, if this operation sends an invitation.
    pub(crate) terms: Terms,
    owner_touched: bool,
    /// What people held before, if somebody asked what this would do.
    pub(crate) foresight: Option<Foresight>,
    /// Who made the session or token that the actor came with, unless the actor did (`outgrown.rs`).
    pub(crate) begun_within: Option<Maker>,
    /// Whose rights may have risen.
    pub(crate) risen: Vec<Rise>,
    /// Whom the actor has named without being able to see them.
    pub(crate) unseen: Unseen,
    /// What others made for them and has ended with this.
    pub(crate) ended_secrets: Vec<EndedSecret>,
    /// What confirms that they end; 0: nothing has to be confirmed.
    pub(crate) confirms: u64,
}

/// Something that happened, for the audit log; `Operation::record` adds who, when and from where.
pub struct Event<'e> {
    /// `user.suspended`.
    pub name: &'e str,
    /// `user`, `org`, `token`, `session`.
    pub target_type: &'e str,
    /// Whose id.
    pub target: Uuid,
    /// The name at the time.
    pub target_name: &'e str,
    /// What changed.
    pub changes: Changes,
    /// Why.
    pub reason: String,
}

/// What an attempt leaves for after the commit.
struct Done<T> {
    value: T,
    replayed: bool,
    stale: Vec<Stale>,
    jobs: bool,
    mails: bool,
    /// The entries that were written, with their leaves.
    sealed: Vec<(EntryId, Hash)>,
}

impl App {
    /// Does `deed` for `actor`, who needs `permission`. See the module.
    pub async fn run<T, F>(&self, actor: &Actor, permission: Permission, deed: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: AsyncFn(&mut Operation<'_, '_>) -> Result<T> + Send + Sync + 'static,
    {
        Ok(self.attempt(actor, Some(permission), Lane::Interactive, deed).await?.0)
    }

    /// Signing in: the actor has just proven who it is, and needs nothing else; the deed checks the actor's state.
    pub(crate) async fn run_proven<T, F>(&self, actor: &Actor, deed: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: AsyncFn(&mut Operation<'_, '_>) -> Result<T> + Send + Sync + 'static,
    {
        Ok(self.attempt(actor, None, Lane::Interactive, deed).await?.0)
    }

    /// The same; also says whether it was answered from an earlier request with the same idempotency key.
    pub async fn run_replayable<T, F>(
        &self,
        actor: &Actor,
        permission: Permission,
        lane: Lane,
        deed: F,
    ) -> Result<(T, bool)>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: AsyncFn(&mut Operation<'_, '_>) -> Result<T> + Send + Sync + 'static,
    {
        self.attempt(actor, Some(permission), lane, deed).await
    }

    async fn attempt<T, F>(
        &self,
        actor: &Actor,
        permission: Option<Permission>,
        lane: Lane,
        deed: F,
    ) -> Result<(T, bool)>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: AsyncFn(&mut Operation<'_, '_>) -> Result<T> + Send + Sync + 'static,
    {
        actor.ensure_may_write()?;
        let id = EntryId::new(self.now(), self.entropy());
        let proof = Proof { org: actor.context.org, entry: id };
        let (app, actor, started) = (self.clone(), actor.clone(), OnceLock::new());
        let dry_run = actor.dry_run;
        let work = async move |connection: &mut Connection<'_>| {
            let now = *started.get_or_init(|| app.now());
            let mut operation = Operation::new(connection, &actor, &app, now, id);
            operation.authorize(permission).await?;
            let done = operation.perform(&deed).await?;
            Ok(if dry_run { Attempt::Discard(done) } else { Attempt::Commit(done) })
        };
        let app = self.clone();
        let after = move |done: &Done<T>, outcome: Outcome| {
            app.cache().forget(&done.stale);
            app.guard().remember(proof, &done.sealed, app.now(), outcome);
            if done.jobs {
                app.wake().notify_one();
            }
            if done.mails {
                app.mail_wake().notify_one();
            }
        };
        // On the heap, or the whole transaction would be part of the future of everybody who calls an operation.
        let done = Box::pin(self.database().transaction(proof, lane, work, after)).await?;
        Ok((done.value, done.replayed))
    }
}

impl<'c, 't> Operation<'c, 't> {
    fn new(
        connection: &'c mut Connection<'t>,
        actor: &'c Actor,
        app: &'c App,
        now: Timestamp,
        id: EntryId,
    ) -> Self {
        Self {
            connection,
            context: actor.context,
            agent: actor.agent,
            now,
            permissions: actor.rights.org,
            rights: Rights::clone(&actor.rights),
            permission: None,
            actor,
            entropy: app.entropy(),
            keys: app.keys(),
            id,
            entries: Vec::new(),
            jobs: Vec::new(),
            mails: Vec::new(),
            stale: Vec::new(),
            terms: Terms::default(),
            owner_touched: false,
            foresight: None,
            begun_within: None,
            risen: Vec::new(),
            unseen: Unseen::default(),
            ended_secrets: Vec::new(),
            confirms: 0,
        }
    }

    /// The actor's presented credential, state and rights as this transaction sees them: whoever was just suspended or
    /// signed out does nothing more. Asked when the transaction begins, and again whenever it may have waited for the
    /// actor's own row: what was read before such a wait is out of date (READ COMMITTED).
    async fn authorize(&mut self, permission: Option<Permission>) -> Result<()> {
        self.ensure_credential().await?;
        let Some(permission) = permission else { return Ok(()) };
        if let Agent::User(user) = self.agent {
            let standing = store::access::standing(self.connection, self.context, user, self.now).await?;
            let standing =
                standing.filter(|standing| standing.may_act).ok_or_else(crate::access::signed_out)?;
            // The user may do more than when the request was let in: the credential may be too weakly made for that.
            let (maker, scopes) = (self.begun_within.as_ref(), self.actor.scopes);
            crate::access::ensure_not_outgrown(maker, &standing.rights, scopes)?;
            self.rights = standing.rights.within(self.actor.scopes);
            self.permissions = self.rights.org;
        }
        self.permission = Some(permission);
        // Who holds it over groups alone comes this far; `person` and `group_in_reach` look at whom it is about.
        self.rights.somewhere().require(permission)
    }

    /// Refuses when the session or token that the request presented was revoked meanwhile, or has another secret.
    async fn ensure_credential(&mut self) -> Result<()> {
        let (Some(credential), Agent::User(user)) = (self.actor.credential, self.agent) else {
            return Ok(());
        };
        let (context, now) = (self.context, self.now);
        self.begun_within =
            crate::access::ensure_presented(self.connection, context, user, credential, now).await?;
        Ok(())
    }

    /// After a wait for a row, in which the actor may have been shut out. Where nobody else writes, nobody has waited.
    async fn authorize_again(&mut self) -> Result<()> {
        if self.connection.writes_alone() {
            return Ok(());
        }
        self.authorize(self.permission).await
    }

    /// Runs the deed, unless the same request was answered before.
    async fn perform<T, F>(mut self, deed: &F) -> Result<Done<T>>
    where
        T: Serialize + DeserializeOwned,
        F: AsyncFn(&mut Operation<'_, '_>) -> Result<T>,
    {
        if let Some(value) = self.answered_before().await? {
            let (stale, sealed) = (Vec::new(), Vec::new());
            return Ok(Done { value, replayed: true, stale, jobs: false, mails: false, sealed });
        }
        let value = deed(&mut self).await?;
        if self.owner_touched
            && !store::access::has_able_owner(self.connection, self.context, self.now).await?
        {
            let message = "This would leave the organization without an owner who can sign in. \
                           Make somebody else an owner first.";
            return Err(Error::new(Kind::Conflict, "org.last_owner", message));
        }
        self.settle_outgrown().await?;
        self.foresee().await?;
        self.order_entries();
        let sealed = self.seal_entries().await?;
        if !self.jobs.is_empty() {
            store::jobs::insert(self.connection, self.context, &self.jobs, self.now).await?;
        }
        for mail in &self.mails {
            store::mails::insert(self.connection, mail).await?;
        }
        self.keep_answer(&value).await?;
        for stale in &self.stale {
            self.connection.notify(&stale.payload()).await?;
        }
        let (jobs, mails) = (!self.jobs.is_empty(), !self.mails.is_empty());
        Ok(Done { value, replayed: false, jobs, mails, stale: self.stale, sealed })
    }

    async fn answered_before<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Some(once) = &self.actor.once else { return Ok(None) };
        let agent = self.agent.to_string();
        let (context, connection) = (self.context, &mut *self.connection);
        if store::idempotency::take(connection, context, &agent, &once.key, &once.fingerprint, self.now)
            .await?
        {
            return Ok(None);
        }
        let (fingerprint, result) = store::idempotency::find(connection, context, &agent, &once.key).await?;
        if fingerprint != once.fingerprint {
            let message =
                "This Idempotency-Key was used with another request. Use a new key for a new request.";
            return Err(Error::new(Kind::Conflict, "idempotency.other_request", message));
        }
        kept::read(&result, &once.typed).map(Some)
    }

    async fn keep_answer<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let Some(once) = &self.actor.once else { return Ok(()) };
        let targets =
            self.entries.iter().filter(|entry| entry.target_type == "user").map(|entry| entry.target);
        let others = self.entries.iter().flat_map(Entry::references).map(|user| user.0);
        let text = kept::written(targets.chain(others), &once.typed, value)?;
        let agent = self.agent.to_string();
        store::idempotency::keep(self.connection, self.context, &agent, &once.key, &text).await
    }

    /// Where what this would do is left, if somebody asked.
    pub(crate) fn preview(&self) -> Option<&Preview> {
        self.actor.preview.as_ref().filter(|_| self.actor.dry_run)
    }

    /// What the actor confirms of what ends. A dry run ends nothing; Muster's timers carry out what somebody has decided.
    pub(crate) fn confirmed(&self) -> Confirmed {
        if self.actor.dry_run || self.agent == Agent::System {
            return Confirmed::Everything;
        }
        self.actor.end_secrets
    }

    /// Whether nothing of this is kept.
    pub(crate) fn is_dry(&self) -> bool {
        self.actor.dry_run
    }

    /// The actor's name at the time.
    pub(crate) fn actor_name(&self) -> &str {
        &self.actor.name
    }

    /// A fresh id of this moment.
    pub fn new_id(&self) -> Uuid {
        model::id::new_uuid(self.now, self.entropy)
    }

    /// Loads a person, whom nobody else changes before this transaction ends. `Error::not_found` if there is none.
    #[boxed]
    pub async fn person(&mut self, id: UserId) -> Result<Person> {
        let user = self.user_in_reach(id).await?;
        self.with_access(user).await
    }

    /// The same without what the person holds.
    pub(crate) async fn user_in_reach(&mut self, id: UserId) -> Result<model::User> {
        let user =
            store::users::lock(self.connection, self.context, id).await?.ok_or_else(Error::not_found)?;
        if self.agent == Agent::User(id) {
            self.authorize_again().await?;
        }
        self.reach(id).await?;
        Ok(user)
    }

    /// Whom the actor's rights don't reach is not there.
    async fn reach(&mut self, id: UserId) -> Result<()> {
        let Some(permission) = self.permission else { return Ok(()) };
        if self.agent == Agent::User(id) {
            return Ok(());
        }
        self.require_over(id, permission).await.map_err(|error| match error.kind() {
            Kind::Forbidden => Error::not_found(),
            _ => error,
        })
    }

    /// Refuses unless the actor holds a permission over this user: everywhere, or over a group that the user is in.
    pub(crate) async fn require_over(&mut self, id: UserId, permission: Permission) -> Result<()> {
        if self.permissions.contains(permission) {
            return Ok(());
        }
        let standing = store::access::standing(self.connection, self.context, id, self.now).await?;
        let groups = standing.map(|standing| standing.groups).unwrap_or_default();
        self.rights.over(&groups).require(permission)
    }

    /// Whether the actor may read this user's record.
    pub(crate) async fn may_see(&mut self, id: UserId) -> Result<bool> {
        let reach = self.rights.reach(Permission::UserRead);
        self.is_reached_by(&reach, id).await
    }

    /// Whether this user is among those whom somebody may read.
    pub(crate) async fn is_reached_by(&mut self, reach: &Reach, id: UserId) -> Result<bool> {
        Ok(seen_among(self.connection, self.context, reach, &[id], self.now).await?.contains(&id))
    }

    pub(crate) async fn with_access(&mut self, user: model::User) -> Result<Person> {
        Person::load(self.connection, self.context, user, self.now).await
    }

    /// What a loaded person may do, after it was changed.
    pub(crate) async fn refresh(&mut self, person: &mut Person) -> Result<()> {
        person.rights = crate::person::prospect(
            self.connection,
            self.context,
            &person.grants,
            &person.memberships,
            self.now,
        )
        .await?;
        Ok(())
    }

    /// The permission that this is done under.
    pub(crate) fn permission(&self) -> Option<Permission> {
        self.permission
    }

    /// The session that the actor came through, if it was one.
    pub(crate) fn actor_session(&self) -> Option<model::SessionId> {
        self.actor.session()
    }

    /// The user who acts, if it is one.
    pub(crate) fn actor_user(&self) -> Option<UserId> {
        self.actor.user()
    }

    /// Loads a person to change: not one who may do more than the actor (the granting rule), nor of another version
    /// than the caller has seen.
    #[boxed]
    pub async fn person_to_change(&mut self, id: UserId, version: Option<i64>) -> Result<Person> {
        let person = self.person(id).await?;
        self.rights.may_change(&person.rights)?;
        if version.is_some_and(|version| version != person.user.version) {
            return Err(store::users::stale());
        }
        Ok(person)
    }

    /// Must come before loading whoever might be an owner: the organization's row is locked first, always, so that
    /// two operations can't each leave the other's owner as the last one.
    #[boxed]
    pub async fn owners_may_change(&mut self) -> Result<()> {
        // Nothing of a dry run is kept, and it may take long: nobody waits for it.
        if !self.is_dry() {
            store::orgs::lock(self.connection, self.context).await?;
        }
        self.authorize_again().await
    }

    /// Asks for the check that an able owner is left, if this is one.
    pub fn check_owners(&mut self, person: &Person) {
        self.touch_owners(&person.rights);
    }

    /// The same, if these are an owner's rights.
    pub(crate) fn touch_owners(&mut self, rights: &Rights) {
        self.owner_touched |= rights.org.contains(Permission::OwnerManage);
    }

    /// Asks the worker for something, not before `run_at`.
    pub fn later(&mut self, work: Work, run_at: Timestamp) {
        let id = JobId(self.new_id());
        self.jobs.push(Job { id, org: self.context, work, run_at, attempts: 0 });
    }

    /// What memory, here and on other nodes, must not believe any more.
    pub fn stale(&mut self, stale: Stale) {
        if !self.stale.contains(&stale) {
            self.stale.push(stale);
        }
    }

    /// A user's sessions, rights or state have changed.
    pub fn user_is_stale(&mut self, user: UserId) {
        self.stale(Stale::User(self.context, user));
    }
}
