//! From a secret to who it is and what may be done: sessions and API tokens, checked on every request.
//!
//! Memory first (`cache.rs`); the database when memory does not know. A secret of another organization is no secret.

use std::sync::{Arc, atomic::Ordering};

use model::{
    Error, GroupId, Kind, Org, OrgContext, Permissions, Result, Rights, Timestamp, UserId, Zone,
    outgrown::{Maker, opened},
    session::{Secret, SecretHash, Session},
    token::Token,
};
use store::{Connection, boxed};

use crate::{
    App,
    cache::{Access, PresentedCredential, Stamps},
};

/// The answer to a session or token that does not hold (any more).
pub fn signed_out() -> Error {
    let message = "You are not signed in, or not any more. Sign in again.";
    Error::new(Kind::Unauthenticated, "unauthenticated", message)
}

/// Whom or what a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One user.
    User(UserId),
    /// One group.
    Group(GroupId),
}

impl App {
    /// What somebody with these rights may do to one user or group: everywhere, and over the groups that it is in.
    #[boxed]
    pub async fn permissions_over(
        &self,
        context: OrgContext,
        rights: &Rights,
        target: Target,
    ) -> Result<Permissions> {
        let now = self.now();
        let read = async |connection: &mut Connection<'_>| {
            Ok(match target {
                Target::User(user) => {
                    let standing = store::access::standing(connection, context, user, now).await?;
                    standing.map(|standing| standing.groups).unwrap_or_default()
                }
                Target::Group(group) => store::access::above(connection, context, &[group]).await?,
            })
        };
        let groups = self.database().read(read).await?;
        Ok(rights.over(&groups))
    }

    /// The organization that a slug leads to. A past slug leads there too; the organization then has another `slug`.
    #[boxed]
    pub async fn org(&self, slug: &str) -> Result<Arc<Org>> {
        if let Some(org) = self.cache().slug(slug) {
            return Ok(org);
        }
        let now = self.now();
        let wanted = slug.to_owned();
        let find =
            async |connection: &mut Connection<'_>| store::orgs::find_by_slug(connection, &wanted, now).await;
        let org = self.database().read(find).await?.ok_or_else(Error::not_found)?;
        // The stamp belongs to the organization, which only the first look tells: look again under it.
        let (stamp, context) = (self.cache().org_stamp(org.id), OrgContext::from(org.id));
        let again = async |connection: &mut Connection<'_>| store::orgs::find(connection, context).await;
        let org = Arc::new(self.database().read(again).await?.ok_or_else(Error::not_found)?);
        self.cache().remember_slug(org.clone(), stamp);
        Ok(org)
    }

    /// Who a session's cookie stands for. A token in a cookie is no session, whatever is remembered of it.
    #[boxed]
    pub async fn session(&self, context: OrgContext, secret: &Secret) -> Result<Arc<Access>> {
        self.presented(context, secret, Means::Session).await
    }

    /// Who an API token stands for.
    #[boxed]
    pub async fn token(&self, context: OrgContext, secret: &Secret) -> Result<Arc<Access>> {
        self.presented(context, secret, Means::Token).await
    }

    async fn presented(&self, context: OrgContext, secret: &Secret, means: Means) -> Result<Arc<Access>> {
        let (hash, now) = (secret.hash(), self.now());
        let known = self.cache().access(&hash, context, now);
        let access = match known.filter(|access| means == Means::of(access.credential)) {
            Some(access) => access,
            None => self.load_presented(context, hash, means, now).await?,
        };
        self.note_use(&access, now);
        Ok(access)
    }

    async fn load_presented(
        &self,
        context: OrgContext,
        hash: SecretHash,
        means: Means,
        now: Timestamp,
    ) -> Result<Arc<Access>> {
        let find = async |connection: &mut Connection<'_>| means.find(connection, context, &hash, now).await;
        let user = self.database().read(find).await?.ok_or_else(signed_out)?.user();
        let stamps = self.cache().stamps(context, user);
        let read = async |connection: &mut Connection<'_>| {
            // Under the stamps everything is read anew: what was read before them proves nothing.
            let held = means.find(connection, context, &hash, now).await?.ok_or_else(signed_out)?;
            let holder = holder(connection, context, user, now).await?;
            held.ensure_good_enough(&holder.rights.0)?;
            Ok(held.access(stamps, holder))
        };
        let access = Arc::new(self.database().read(read).await?);
        self.cache().remember(&hash, access.clone());
        Ok(access)
    }

    /// Keeps “last active” to within five minutes, or a sixth of what a session may idle: one write per session and
    /// grain, behind the request.
    fn note_use(&self, access: &Arc<Access>, now: Timestamp) {
        let last = access.last_active.load(Ordering::Relaxed);
        let grain = i64::try_from(Session::GRAIN.as_micros()).unwrap_or(i64::MAX);
        // Finer where a session ends soon without use, or one in constant use would end.
        let grain = if access.idle == 0 { grain } else { grain.min(access.idle / 6) };
        if now.micros().saturating_sub(last) < grain {
            return;
        }
        let first =
            access.last_active.compare_exchange(last, now.micros(), Ordering::AcqRel, Ordering::Relaxed);
        if first.is_err() {
            return;
        }
        let (app, access) = (self.clone(), access.clone());
        tokio::spawn(async move {
            if let Err(error) = app.write_use(&access, now).await {
                tracing::warn!(%error, detail = error.detail(), "last use could not be noted");
            }
        });
    }

    async fn write_use(&self, access: &Access, now: Timestamp) -> Result<()> {
        let (context, user, credential) = (access.context, access.user, access.credential);
        let noted = self.maintain(context, async move |connection| {
            // The user first, like all who lock both; a credential that was revoked meanwhile undoes that.
            store::users::seen(connection, context, user, now).await?;
            ensure_presented(connection, context, user, credential, now).await?;
            match credential {
                PresentedCredential::Session(id, _) => {
                    store::sessions::touch(connection, context, id, now).await
                }
                PresentedCredential::Token(id, _) => store::tokens::touch(connection, context, id, now).await,
            }
        });
        match noted.await {
            // Revoked meanwhile: there is no use to note.
            Err(error) if error.kind() == Kind::Unauthenticated => Ok(()),
            other => other,
        }
    }

    /// A write that is nobody's deed: bookkeeping, without an audit entry.
    pub(crate) async fn maintain<T, F>(&self, context: OrgContext, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Connection<'_>) -> Result<T> + Send + Sync + 'static,
    {
        let entry = model::EntryId::new(self.now(), self.entropy());
        let proof = store::Proof { org: context.org, entry };
        let work =
            async move |connection: &mut Connection<'_>| Ok(store::Attempt::Commit(work(connection).await?));
        self.database().transaction(proof, store::Lane::Background, work, |_, _| ()).await
    }
}

/// Refuses what somebody made, or began with what somebody made, who could not have given what it would open now
/// (`outgrown.rs`).
pub(crate) fn ensure_not_outgrown(maker: Option<&Maker>, rights: &Rights, scopes: Permissions) -> Result<()> {
    let is_outgrown = maker.is_some_and(|maker| !maker.covers(&opened(rights, scopes)));
    if is_outgrown { Err(signed_out()) } else { Ok(()) }
}

/// Refuses unless the presented session or token is still there, with the same secret, and has not expired. Answers who
/// made it, unless its user did.
pub(crate) async fn ensure_presented(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    credential: PresentedCredential,
    now: Timestamp,
) -> Result<Option<Maker>> {
    let (PresentedCredential::Session(_, hash) | PresentedCredential::Token(_, hash)) = credential;
    let held = Means::of(credential).find(connection, context, &hash, now).await?;
    let held = held.filter(|held| held.credential() == credential && held.user() == user);
    held.map(Held::made_within).ok_or_else(signed_out)
}

/// What a request may present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Session,
    Token,
}

impl Means {
    fn of(credential: PresentedCredential) -> Self {
        match credential {
            PresentedCredential::Session(..) => Self::Session,
            PresentedCredential::Token(..) => Self::Token,
        }
    }

    /// What has that secret and holds now.
    async fn find(
        self,
        connection: &mut Connection<'_>,
        context: OrgContext,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<Held>> {
        Ok(match self {
            Self::Session => {
                let session = store::sessions::find(connection, context, hash).await?;
                session
                    .filter(|session| session.is_valid(now))
                    .map(|session| Held::Session(Box::new(session)))
            }
            Self::Token => {
                let token = store::tokens::find(connection, context, hash).await?;
                token.filter(|token| token.is_valid(now)).map(|token| Held::Token(Box::new(token)))
            }
        })
    }
}

/// A session or token as it stands in the database.
enum Held {
    Session(Box<Session>),
    Token(Box<Token>),
}

impl Held {
    fn user(&self) -> UserId {
        match self {
            Self::Session(session) => session.user,
            Self::Token(token) => token.user,
        }
    }

    fn credential(&self) -> PresentedCredential {
        match self {
            Self::Session(session) => PresentedCredential::Session(session.id, session.secret),
            Self::Token(token) => PresentedCredential::Token(token.id, token.secret),
        }
    }

    fn made_within(self) -> Option<Maker> {
        match self {
            Self::Session(session) => session.made_within,
            Self::Token(token) => token.made_within,
        }
    }

    /// Refuses what may not open these rights, however it came about.
    fn ensure_good_enough(&self, rights: &Rights) -> Result<()> {
        match self {
            // Remembering is not for administrators, also when somebody becomes one afterwards.
            Self::Session(session) if session.remembered && rights.administers() => Err(signed_out()),
            Self::Session(session) => {
                ensure_not_outgrown(session.made_within.as_ref(), rights, Permissions::all())
            }
            Self::Token(token) => ensure_not_outgrown(token.made_within.as_ref(), rights, token.scopes),
        }
    }

    fn access(&self, stamps: Stamps, holder: Holder) -> Access {
        match self {
            Self::Session(session) => session_access(stamps, session, holder),
            Self::Token(token) => token_access(stamps, token, holder),
        }
    }
}

/// The holder of a credential, as of now.
struct Holder {
    name: String,
    zone: Option<Zone>,
    rights: (Rights, Timestamp),
    must_change_password: bool,
}

async fn holder(
    connection: &mut Connection<'_>,
    context: OrgContext,
    user: UserId,
    now: Timestamp,
) -> Result<Holder> {
    let standing = store::access::standing(connection, context, user, now).await?;
    let standing = standing.filter(|standing| standing.may_act).ok_or_else(signed_out)?;
    let record = store::users::find(connection, context, user).await?.ok_or_else(signed_out)?;
    let credential = store::credentials::find(connection, context, user).await?;
    Ok(Holder {
        name: record.name().to_owned(),
        zone: record.fields.time_zone.as_deref().and_then(Zone::named),
        rights: (standing.rights, standing.certain_until),
        must_change_password: credential.is_some_and(|credential| credential.must_change),
    })
}

fn session_access(stamps: Stamps, session: &Session, holder: Holder) -> Access {
    let idle = i64::try_from(session.idle.as_micros()).unwrap_or(i64::MAX);
    let life = (session.expires_at, idle, session.last_active_at);
    let credential = PresentedCredential::Session(session.id, session.secret);
    let all = Permissions::all();
    let must_change = holder.must_change_password;
    let (org, user, name) = (session.org, session.user, (holder.name.as_str(), holder.zone));
    Access::new(stamps, org, user, name, credential, holder.rights, all, must_change, life)
}

fn token_access(stamps: Stamps, token: &Token, holder: Holder) -> Access {
    let last_used = token.last_used_at.unwrap_or(Timestamp::from_micros(0));
    let credential = PresentedCredential::Token(token.id, token.secret);
    let life = (token.expires_at, 0, last_used);
    // A token is no browser: who must choose another password does it where the password is used.
    let (org, user, name) = (token.org, token.user, (holder.name.as_str(), holder.zone));
    Access::new(stamps, org, user, name, credential, holder.rights, token.scopes, false, life)
}
