//! Signing in with a password, and signing out.
//!
//! Whoever asks learns nothing from a refusal: unknown, wrong, suspended and locked look and take alike. How
//! often one may try is `tries.rs`.

use model::{
    Error, Kind, Org, OrgContext, Permission, Result, SessionId, Timestamp, User, UserId,
    audit::Changes,
    credential::{Credential, Password},
    device::{self, ClientHints},
    session::{self, Secret, Session},
    settings::PasswordPolicy,
    user::UserType,
};
use serde_json::Value;

use store::boxed;

use crate::{Actor, App, Operation, Person, invitations::invitee, users::changed};

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
}

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
}

/// Why a sign-in was refused: for the audit log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    TooMany,
    WrongPassword,
    NoPassword,
    NotActive,
    PasswordLocked,
    PasswordExpired,
    Service,
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many_tries",
            Self::WrongPassword => "wrong_password",
            Self::NoPassword => "no_password",
            Self::NotActive => "not_active",
            Self::PasswordLocked => "password_locked",
            Self::PasswordExpired => "password_expired",
            Self::Service => "service_user",
        }
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
        let identifier = attempt.identifier.clone();
        let find = async |connection: &mut store::Connection<'_>| {
            let Some(user) = store::users::find_by_identifier(connection, context, &identifier).await? else {
                return Ok(None);
            };
            let credential = store::credentials::find(connection, context, user.id).await?;
            Ok(Some((user, credential)))
        };
        let found = if identifier.len() > 1000 { None } else { self.database().read(find).await? };
        let account = found.as_ref().map(|(user, _)| user.id);
        let is_throttled = self.count_sign_in(context, &identifier, account, &attempt.address).await?;
        let credential = found.as_ref().and_then(|(_, credential)| credential.as_ref());
        let stored = credential.map(|credential| credential.hash.clone());
        // Something that can't be a password takes as long as any other.
        let typed = Password::typed(&attempt.password).or_else(|| Password::typed("-"));
        let possible = Password::typed(&attempt.password).is_some();
        let Some(typed) = typed else { return Err(refused()) };
        let verdict = self.hasher().verify(typed.clone(), stored.as_deref()).await?;
        let Some((user, credential)) = found else {
            self.note_failure_of_nobody(org, &identifier).await?;
            count_outcome("refused");
            return Err(refused());
        };
        let proven = Proven { matches: verdict.matches && possible, is_throttled };
        let signed_in = self.settle(org, &user, credential, proven, attempt).await?;
        count_outcome(if signed_in.is_some() { "signed_in" } else { "refused" });
        if verdict.outdated && signed_in.is_some() {
            // The session stands: whoever has signed in is not sent away because a stronger hash must wait.
            let rehashed = self.rehash(context, user.id, typed, stored.unwrap_or_default()).await;
            if let Err(error) = rehashed {
                tracing::warn!(
                    code = error.code(),
                    detail = error.detail(),
                    "a password keeps its older hash"
                );
            }
        }
        signed_in.ok_or_else(refused)
    }

    /// The organization of an id, as it stands in the database.
    #[boxed]
    pub async fn org_of(&self, context: OrgContext) -> Result<Org> {
        let read =
            async |connection: &mut store::Connection<'_>| store::orgs::find(connection, context).await;
        self.database().read(read).await?.ok_or_else(Error::not_found)
    }

    /// The password was compared; now decide in one transaction whether a session begins.
    async fn settle(
        &self,
        org: &Org,
        user: &User,
        seen: Option<Credential>,
        proven: Proven,
        attempt: Attempt,
    ) -> Result<Option<SignedIn>> {
        let secret = self.new_secret();
        let (hash, settings) = (secret.hash(), org.settings.clone());
        let (actor, user) = (invitee(org, user, &attempt), user.id);
        let country = self.country_of(&attempt.address);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let mut person = op.person(user).await?;
            if proven.matches {
                op.end_outgrown_password(&mut person).await?;
            }
            let refusal = refusal(&person, seen.as_ref(), proven, op.now);
            if let Some(refusal) = refusal {
                op.refuse_sign_in(&person, refusal, &settings).await?;
                return Ok(None);
            }
            op.begin_session_of(&person, hash, &attempt, &country, &settings).await
        };
        // Who signs in needs no permission: the password has just been compared.
        let begun: Option<(Option<Timestamp>, bool)> = self.run_proven(&actor, deed).await?;
        Ok(begun.map(|(kept_until, must_change_password)| SignedIn {
            secret,
            kept_until,
            user,
            must_change_password,
        }))
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
        let (Some(user), Some(session)) = (actor.user(), actor.session) else { return Ok(()) };
        let deed = async move |op: &mut Operation<'_, '_>| op.sign_out(user, session).await;
        self.run(actor, Permission::AccountRead, deed).await
    }
}

fn count_outcome(outcome: &'static str) {
    metrics::counter!("muster_sign_ins_total", "outcome" => outcome).increment(1);
}

/// What was found out about a password before the transaction.
#[derive(Debug, Clone, Copy)]
struct Proven {
    /// It is the stored one.
    matches: bool,
    /// There were too many tries of this account from there.
    is_throttled: bool,
}

/// Everything that must hold for a session to begin.
fn refusal(person: &Person, seen: Option<&Credential>, proven: Proven, now: Timestamp) -> Option<Refusal> {
    if proven.is_throttled {
        return Some(Refusal::TooMany);
    }
    let Some(seen) = seen else { return Some(Refusal::NoPassword) };
    if person.user.fields.kind() == UserType::Service {
        return Some(Refusal::Service);
    }
    if person.user.password_locked_until.is_some_and(|until| until > now) {
        return Some(Refusal::PasswordLocked);
    }
    // The password that was compared must still be the password.
    if !proven.matches || person.password.set_at.is_none() || person.password.stamp != seen.stamp {
        return Some(Refusal::WrongPassword);
    }
    if !person.user.may_act(now) {
        return Some(Refusal::NotActive);
    }
    if person.password.expires_at.is_some_and(|at| at <= now) {
        return Some(Refusal::PasswordExpired);
    }
    None
}

fn new_session(
    op: &Operation<'_, '_>,
    person: &Person,
    secret: session::SecretHash,
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
    }
}

impl Operation<'_, '_> {
    /// Begins a session of somebody who has just proven who it is; `None` if the account may not be used at present.
    /// Answers until when the cookie may be kept, and whether another password must be chosen first.
    pub(crate) async fn begin_session_of(
        &mut self,
        person: &Person,
        secret: session::SecretHash,
        from: &Attempt,
        country: &str,
        settings: &model::Settings,
    ) -> Result<Option<(Option<Timestamp>, bool)>> {
        if !person.user.may_act(self.now) {
            return Ok(None);
        }
        let must_change = self.notice_expired_password(person, &settings.password).await?;
        let session = new_session(self, person, secret, from, country, settings);
        self.begin_session(person, &session).await?;
        let kept_until = session.remembered.then_some(session.expires_at);
        Ok(Some((kept_until, must_change)))
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

    async fn begin_session(&mut self, person: &Person, session: &Session) -> Result<()> {
        let (context, user) = (self.context, person.user.id);
        store::sessions::insert(self.connection, session).await?;
        store::users::signed_in(self.connection, context, user, &session.method, self.now).await?;
        self.forget_tries(&person.user, Some(&session.address)).await?;
        self.forget_tries(&person.user, Some("")).await?;
        let changes = changed("method", Value::Null, session.method.as_str().into());
        self.record_user(&person.user, "session.started", changes, String::new());
        if !self.note_device(session).await? {
            self.tell_new_device(person, session).await?;
        }
        self.end_oldest_sessions(&person.user).await
    }

    /// A password that a weaker actor set, and its owner has not replaced, ends once the owner may do more than that
    /// actor could have given.
    async fn end_outgrown_password(&mut self, person: &mut Person) -> Result<()> {
        let (context, user) = (self.context, person.user.id);
        let within = store::made_within::password(self.connection, context, user).await?;
        let has_ended = person.password.expires_at.is_some_and(|at| at <= self.now);
        if has_ended || !self.has_outgrown(user, within).await? {
            return Ok(());
        }
        store::credentials::expire(self.connection, context, user, self.now).await?;
        person.password.expires_at = Some(self.now);
        let changes = changed("expires_at", Value::Null, self.now.to_string().into());
        self.record_user(&person.user, "password.outgrown", changes, String::new());
        Ok(())
    }

    /// Notes a refusal, and locks the password when there were too many from everywhere.
    async fn refuse_sign_in(
        &mut self,
        person: &Person,
        refusal: Refusal,
        settings: &model::Settings,
    ) -> Result<()> {
        let (context, user, policy) = (self.context, person.user.id, &settings.lockout);
        self.record_user(&person.user, "sign_in.failed", Changes::new(), refusal.as_str().to_owned());
        if refusal != Refusal::WrongPassword {
            return Ok(());
        }
        let since = self.now.minus(policy.window());
        let tries =
            store::credentials::count_try(self.connection, context, user, "", self.now, since).await?;
        if tries >= i64::from(policy.failures_in_total) {
            let until = self.now.plus(policy.window());
            store::users::lock_password(self.connection, context, user, Some(until)).await?;
            let changes = changed("password_locked_until", Value::Null, until.to_string().into());
            self.record_user(&person.user, "user.password_locked", changes, String::new());
            self.tell_password_locked(person, until, settings).await?;
        }
        Ok(())
    }
}
