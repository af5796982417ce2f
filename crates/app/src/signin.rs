//! Signing in with a password, and signing out.
//!
//! Whoever asks learns nothing from a refusal: unknown, wrong, suspended and locked look and take alike. How
//! often one may try is `tries.rs`.

mod deciding;

use std::time::Duration;

use model::{
    Error, Kind, Org, OrgContext, Permission, Result, SessionId, Timestamp, UserId,
    credential::Password,
    device::{self, ClientHints, KnownDevice},
    network,
    outgrown::Maker,
    session::{self, Secret, SecretHash, Session},
    settings::PasswordPolicy,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use store::{
    boxed,
    made_within::{self, Made},
};

use self::deciding::{About, Proven, Refusal, Seen, refusal, stranger};
use crate::{
    Actor, App, Operation, Person,
    invitations::invitee,
    tries::{self, Try, address_full},
    users::changed,
};

/// What somebody types to sign in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Username or email.
    pub identifier: String,
    /// Password, as typed.
    pub password: String,
    /// “Keep me signed in”.
    pub remember: bool,
    /// Where from.
    pub address: String,
    /// The browser's own description.
    pub user_agent: String,
    /// What it said besides.
    pub hints: ClientHints,
    /// The request's id.
    pub request_id: String,
    /// The cookies of known devices that the browser presented, whosever they are.
    pub devices: Vec<Secret>,
    /// The session that the browser has in the organization, whosever and whatever has become of it.
    pub earlier: Option<Secret>,
}

impl Attempt {
    /// The stored form of the presented devices' cookies.
    pub(crate) fn device_hashes(&self) -> Vec<SecretHash> {
        self.devices.iter().take(KnownDevice::COOKIES).map(Secret::hash).collect()
    }
}

/// What a browser sends at once arrives within this.
const AT_ONCE: Duration = Duration::from_secs(60);

/// Somebody has signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// For the cookie.
    pub secret: Secret,
    /// The cookie may outlive the browser until then; `None`: it ends with the browser.
    pub kept_until: Option<Timestamp>,
    /// Who.
    pub user: UserId,
    /// Another password must be chosen first.
    pub must_change_password: bool,
    /// By which the browser is known from now on, this person's first: for the cookie of devices.
    pub devices: Vec<Secret>,
}

/// The secrets of a session that is about to begin, and of its browser, should that be a new one.
pub(crate) struct NewSecrets {
    session: Secret,
    device: Secret,
}

/// Their stored form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecretHashes {
    session: SecretHash,
    device: SecretHash,
}

/// What the transaction says of a session that has begun.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Begun {
    kept_until: Option<Timestamp>,
    must_change_password: bool,
    /// The presented cookie that the device is known by; `None`: by the new one.
    known_by: Option<SecretHash>,
}

impl NewSecrets {
    /// Fresh ones.
    pub(crate) fn new(app: &App) -> Self {
        Self { session: app.new_secret(), device: app.new_secret() }
    }

    /// What goes into the transaction.
    pub(crate) fn hashes(&self) -> SecretHashes {
        SecretHashes { session: self.session.hash(), device: self.device.hash() }
    }

    /// For the answer, once it is committed.
    pub(crate) fn signed_in(self, user: UserId, begun: Begun, presented: &[Secret]) -> SignedIn {
        let Begun { kept_until, must_change_password, known_by } = begun;
        let is_own = |secret: &&Secret| known_by == Some(secret.hash());
        let own = presented.iter().find(is_own).cloned().unwrap_or(self.device);
        let others = presented.iter().filter(|secret| !is_own(secret)).cloned();
        let devices = std::iter::once(own).chain(others).take(KnownDevice::COOKIES).collect();
        SignedIn { secret: self.session, kept_until, user, must_change_password, devices }
    }
}

/// The one answer to every sign-in that fails.
fn refused() -> Error {
    let message = "That did not work. Check the username or email and the password, and that this is your \
                   organization's address. If it still fails, ask your administrator.";
    Error::new(Kind::Unauthenticated, "sign_in.refused", message)
}

/// Where nothing can be saved, a sign-in can't be recorded, whether the password is right or not; that is said in words.
fn unrecorded(error: Error) -> Error {
    if !["database.full", "database.unavailable", "writing_stopped"].contains(&error.code()) {
        return error;
    }
    let message = "Nobody can sign in at the moment, because Muster can't record it: its database takes no changes. \
                   Who is signed in can go on reading. Try again in a minute; if it stays like this, tell whoever runs \
                   this server.";
    Error::new(Kind::Unavailable, error.code().to_owned(), message)
        .with_detail(error.detail().unwrap_or_default())
        .with_retry_after(error.retry_after().unwrap_or(30))
}

impl App {
    /// Signs in with a password.
    #[boxed]
    pub async fn sign_in(&self, org: &Org, attempt: Attempt) -> Result<SignedIn> {
        self.try_sign_in(org, attempt).await.map_err(unrecorded)
    }

    async fn try_sign_in(&self, org: &Org, attempt: Attempt) -> Result<SignedIn> {
        let context = OrgContext::from(org.id);
        let seen = self.look_up(context, &attempt).await?;
        let tried = Try {
            identifier: &attempt.identifier,
            account: seen.user.as_ref().map(|user| user.id),
            address: &attempt.address,
            device: seen.device,
            is_from_known_network: seen.is_from_known_network,
        };
        let counted = self.count_sign_in(context, tried).await?;
        let stored = seen.credential.as_ref().map(|credential| credential.hash.clone());
        // Something that can't be a password takes as long as any other.
        let typed = Password::typed(&attempt.password).or_else(|| Password::typed("-"));
        let possible = Password::typed(&attempt.password).is_some();
        let Some(typed) = typed else { return Err(refused()) };
        let verdict = self.hasher().verify(typed.clone(), stored.as_deref()).await?;
        let matches = verdict.matches && possible;
        let user = seen.user.as_ref().map(|user| user.id);
        let signed_in = self.settle(org, seen, Proven { matches, counted }, attempt).await?;
        count_outcome(if signed_in.is_some() { "signed_in" } else { "refused" });
        let Some(signed_in) = signed_in else {
            let policy = &org.settings.lockout;
            return Err(if counted.is_address_full { address_full(policy) } else { refused() });
        };
        if let Some(user) = user.filter(|_| verdict.outdated) {
            // The session stands: whoever has signed in is not sent away because a stronger hash must wait.
            let rehashed = self.rehash(context, user, typed, stored.unwrap_or_default()).await;
            if let Err(error) = rehashed {
                tracing::warn!(
                    code = error.code(),
                    detail = error.detail(),
                    "a password keeps its older hash"
                );
            }
        }
        Ok(signed_in)
    }

    /// Who is called so, and what is known of where the try comes from: the same statements for nobody.
    async fn look_up(&self, context: OrgContext, attempt: &Attempt) -> Result<Seen> {
        // Longer than any name.
        let identifier = attempt.identifier.chars().take(1000).collect::<String>();
        let nobody = tries::nobody(context, &identifier);
        let secrets = attempt.device_hashes();
        let (network, since) = (network::counted(&attempt.address), self.now().minus(KnownDevice::LIFETIME));
        let read = async |connection: &mut store::Connection<'_>| {
            let user = store::users::find_by_identifier(connection, context, &identifier).await?;
            let id = user.as_ref().map_or(nobody, |user| user.id);
            let credential = store::credentials::find(connection, context, id).await?;
            let device = store::devices::presented(connection, context, id, &secrets, since).await?;
            let is_from_known_network =
                store::devices::is_from_known_network(connection, context, id, &network).await?;
            Ok(Seen { user, nobody, credential, device, is_from_known_network })
        };
        self.database().read(read).await
    }

    /// The organization of an id, as it stands in the database.
    #[boxed]
    pub async fn org_of(&self, context: OrgContext) -> Result<Org> {
        let read =
            async |connection: &mut store::Connection<'_>| store::orgs::find(connection, context).await;
        self.database().read(read).await?.ok_or_else(Error::not_found)
    }

    /// The password was compared; now decide in one transaction whether a session begins. Where there is nobody, the same
    /// is done about nobody.
    async fn settle(
        &self,
        org: &Org,
        seen: Seen,
        proven: Proven,
        attempt: Attempt,
    ) -> Result<Option<SignedIn>> {
        let secrets = NewSecrets::new(self);
        let (hashes, settings) = (secrets.hashes(), org.settings.clone());
        let actor = match &seen.user {
            Some(user) => invitee(org, user, &attempt),
            None => stranger(org, &attempt),
        };
        let id = seen.user.as_ref().map_or(seen.nobody, |user| user.id);
        let (country, presented) = (self.country_of(&attempt.address), attempt.devices.clone());
        let org_name = org.name.clone();
        let deed = async move |op: &mut Operation<'_, '_>| {
            let found = op.find_signing_in(id, &attempt).await?;
            let is_on_known_device = found.device.is_some();
            let about = About { user: found.user.as_ref(), id, org: &org_name, is_on_known_device };
            if let Some(refusal) = refusal(&found, &seen, proven, op.now) {
                op.refuse_sign_in(&about, refusal, &settings).await?;
                return Ok(None);
            }
            let Some(user) = found.user.clone() else { return Ok(None) };
            let mut person = op.with_access(user).await?;
            let maker = made_within::of(op.connection, op.context, Made::Password(id)).await?;
            if op.end_outgrown_password(&mut person, maker.as_ref()).await? {
                op.refuse_sign_in(&about, Refusal::PasswordExpired, &settings).await?;
                return Ok(None);
            }
            let begun = op.begin_session_of(&person, hashes, &attempt, &country, &settings, maker).await?;
            let was_counted = seen.device.is_none() && !seen.is_from_known_network;
            if begun.is_some() && was_counted && !settings.lockout.exempts(&attempt.address) {
                op.take_back_account(&attempt.address, &settings.lockout).await?;
            }
            Ok(begun)
        };
        // Who signs in needs no permission: the password has just been compared.
        let begun = self.run_proven(&actor, deed).await?;
        Ok(begun.map(|begun| secrets.signed_in(id, begun, &presented)))
    }

    async fn rehash(&self, context: OrgContext, user: UserId, typed: Password, old: String) -> Result<()> {
        let new = self.hasher().hash(typed).await?;
        self.maintain(context, async move |connection| {
            store::credentials::rehash(connection, context, user, &old, &new).await
        })
        .await
    }

    /// Ends the actor's own session.
    #[boxed]
    pub async fn sign_out(&self, actor: &Actor) -> Result<()> {
        let (Some(user), Some(session)) = (actor.user(), actor.session()) else { return Ok(()) };
        let deed = async move |op: &mut Operation<'_, '_>| op.sign_out(user, session).await;
        self.run(actor, Permission::AccountRead, deed).await
    }
}

fn count_outcome(outcome: &'static str) {
    metrics::counter!("muster_sign_ins_total", "outcome" => outcome).increment(1);
}

fn new_session(
    op: &Operation<'_, '_>,
    person: &Person,
    secret: SecretHash,
    attempt: &Attempt,
    country: &str,
    settings: &model::Settings,
) -> Session {
    let ordinary = !person.rights.administers();
    let remembered = attempt.remember && settings.session.remember && ordinary;
    let (idle, absolute) = session::lifetimes(&settings.session, remembered);
    // No session outlives the account.
    let end = person.user.fields.valid_until.unwrap_or(Timestamp::MAX);
    Session {
        id: SessionId(op.new_id()),
        org: op.context,
        user: person.user.id,
        secret,
        started_at: op.now,
        last_active_at: op.now,
        expires_at: op.now.plus(absolute).min(end),
        idle,
        method: "password".to_owned(),
        address: attempt.address.clone(),
        user_agent: device::kept(&attempt.user_agent),
        country: country.to_owned(),
        hints: attempt.hints.kept(),
        platform: connect::device::recognize(&attempt.user_agent, &attempt.hints).platform,
        remembered,
        made_within: None,
    }
}

impl Operation<'_, '_> {
    /// Begins a session of somebody who has just proven who it is; `None` if the account may not be used at present. `maker`
    /// is who made what it was proven with, unless its owner did.
    pub(crate) async fn begin_session_of(
        &mut self,
        person: &Person,
        secrets: SecretHashes,
        from: &Attempt,
        country: &str,
        settings: &model::Settings,
        maker: Option<Maker>,
    ) -> Result<Option<Begun>> {
        if !person.user.may_act(self.now) {
            return Ok(None);
        }
        let must_change_password = self.notice_expired_password(person, &settings.password).await?;
        let session = Session {
            made_within: maker,
            ..new_session(self, person, secrets.session, from, country, settings)
        };
        let known_by = self.begin_session(person, &session, from, secrets.device).await?;
        let kept_until = session.remembered.then_some(session.expires_at);
        Ok(Some(Begun { kept_until, must_change_password, known_by }))
    }

    /// One browser has at most one session in an organization: one that begins ends those that the browser has, in the same
    /// transaction. Of many at once each finds what the one before it began: by the cookie that both of them brought.
    async fn end_sessions_of_browser(
        &mut self,
        user: UserId,
        earlier: Option<&SecretHash>,
        from: &Attempt,
    ) -> Result<()> {
        let devices = from.device_hashes();
        if earlier.is_none() && devices.is_empty() {
            return Ok(());
        }
        // Until there is none: ending one may have waited for another sign-in of the browser, which has begun one meanwhile.
        loop {
            let (connection, context) = (&mut *self.connection, self.context);
            let whose = (user, self.now.minus(AT_ONCE));
            let found = store::sessions::of_browser(connection, context, earlier, &devices, whose).await?;
            if found.is_empty() {
                return Ok(());
            }
            for (session, user) in found {
                self.end_session(user, session, "signed_in_again").await?;
            }
        }
    }

    /// Whether another password must be chosen first. A lasting one that has become too old for the policy is so marked
    /// here: at the sign-in, so that nobody is interrupted in the middle of something.
    async fn notice_expired_password(&mut self, person: &Person, policy: &PasswordPolicy) -> Result<bool> {
        if person.password.must_change || !person.password.is_overdue(&person.user, policy, self.now) {
            return Ok(person.password.must_change);
        }
        store::credentials::require_change(self.connection, self.context, person.user.id).await?;
        let changes = changed("must_change", false.into(), true.into());
        self.record_user(&person.user, "password.expired", changes, String::new());
        self.user_is_stale(person.user.id);
        Ok(true)
    }

    /// Answers the presented cookie that the device is known by; `None`: by the new one.
    async fn begin_session(
        &mut self,
        person: &Person,
        session: &Session,
        from: &Attempt,
        fresh: SecretHash,
    ) -> Result<Option<SecretHash>> {
        let (context, user) = (self.context, person.user.id);
        let earlier = from.earlier.as_ref().map(Secret::hash);
        self.end_sessions_of_browser(user, earlier.as_ref(), from).await?;
        store::sessions::insert(self.connection, session, earlier.as_ref()).await?;
        store::users::signed_in(self.connection, context, user, &session.method, self.now).await?;
        self.forget_tries(&person.user, Some(&session.address)).await?;
        self.forget_tries(&person.user, Some("")).await?;
        let changes = changed("method", Value::Null, session.method.as_str().into());
        self.record_user(&person.user, "session.started", changes, String::new());
        let known_by = self.remember_device(session, &from.device_hashes(), fresh).await?;
        if !self.note_device(session, known_by.is_some()).await? {
            self.tell_new_device(person, session).await?;
        }
        self.end_oldest_sessions(&person.user).await?;
        Ok(known_by)
    }
}
