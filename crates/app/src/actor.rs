//! Who asks, from where, and how: what an operation needs to know about its caller.

use std::sync::Arc;

use model::{
    Agent, Error, OrgContext, Permission, Permissions, Result, Rights, SessionId, UserId, audit::Door,
    outgrown::Confirmed, page::Reader, rights::Reach,
};

use crate::{cache::PresentedCredential, impact::Preview};

/// Who asks, for which organization, through which door.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The organization acted in; the only one that can be touched.
    pub context: OrgContext,
    /// Who.
    pub agent: Agent,
    /// The name at the time, for the audit log.
    pub name: String,
    /// What may be done in the whole organization, as of the start of the request; of a request about one user or group,
    /// what may be done to that one. Operations that write ask again in their transaction.
    pub permissions: Permissions,
    /// The same with what may be done over groups and in applications.
    pub rights: Arc<Rights>,
    /// What a token narrows the permissions to; everything for a session.
    pub scopes: Permissions,
    /// The session or token that the request presented; `None` for the host, for timers and for links in mail.
    pub credential: Option<PresentedCredential>,
    /// Through which door.
    pub door: Door,
    /// Where from; empty for the host itself.
    pub address: String,
    /// The request's id, as in the log and the answer.
    pub request_id: String,
    /// Do everything, then undo it: the answer says what would happen.
    pub dry_run: bool,
    /// Do it once, however often it is asked.
    pub once: Option<Once>,
    /// Of a dry run: also say what it would do to people's access.
    pub preview: Option<Preview>,
    /// What is confirmed of what others made and ends, because this gives more rights than they have (`outgrown.rs`).
    pub end_secrets: Confirmed,
    /// Why nothing may be written for this request, though it may be read for: its form has to be looked at once more.
    pub refusal: Option<Error>,
}

/// An idempotency key with the fingerprint of the request that it came with.
#[derive(Debug, Clone)]
pub struct Once {
    /// Chosen by the caller, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of method, path and body: the same key with another request is refused.
    pub fingerprint: [u8; 32],
    /// What the request holds as somebody typed it and the answer may repeat: not kept with the answer (`kept.rs`).
    pub typed: Arc<Vec<String>>,
}

impl Once {
    /// The key of one part of a request with many: it follows from what the part is about, so that it stays the part's
    /// own wherever that stands when the request comes again.
    pub(crate) fn of_part(&self, about: &str) -> Self {
        use sha2::{Digest as _, Sha256};
        let (key, about) = (hex::encode(Sha256::digest(&self.key)), hex::encode(Sha256::digest(about)));
        Self { key: format!("{key}:{about}"), ..self.clone() }
    }
}

impl Actor {
    /// The same actor for one part of what came with one idempotency key.
    pub(crate) fn for_part(&self, about: &str) -> Self {
        Self { once: self.once.as_ref().map(|once| once.of_part(about)), ..self.clone() }
    }

    /// The same actor for a request whose answer may repeat these texts of it.
    pub(crate) fn repeating(&self, typed: Vec<String>) -> Self {
        let once = self.once.clone().map(|once| Once { typed: Arc::new(typed), ..once });
        Self { once, ..self.clone() }
    }

    /// The operator on the host: may do everything, in every organization.
    pub fn operator(context: OrgContext) -> Self {
        Self::internal(context, Agent::Operator, "operator", Door::CommandLine)
    }

    /// Muster's own timers.
    pub fn system(context: OrgContext) -> Self {
        Self::internal(context, Agent::System, "Muster", Door::Worker)
    }

    fn internal(context: OrgContext, agent: Agent, name: &str, door: Door) -> Self {
        Self {
            context,
            agent,
            name: name.to_owned(),
            permissions: Permissions::all(),
            rights: Arc::new(Rights::everything()),
            scopes: Permissions::all(),
            credential: None,
            door,
            address: String::new(),
            request_id: String::new(),
            dry_run: false,
            once: None,
            preview: None,
            end_secrets: Confirmed::Nothing,
            refusal: None,
        }
    }

    /// Refuses unless the actor may do this. For reading; operations that write ask the database.
    pub fn require(&self, permission: Permission) -> Result<()> {
        self.permissions.require(permission)
    }

    /// Refuses what would write for a request that may only be read for.
    pub(crate) fn ensure_may_write(&self) -> Result<()> {
        self.refusal.as_ref().map_or(Ok(()), |refusal| Err(refusal.clone()))
    }

    /// Whom this permission of the actor reaches. For lists; refuses who holds it over nobody. What may be done to the one
    /// user or group that a request is about counts for nothing here, or its page would list everybody.
    pub fn reach(&self, permission: Permission) -> Result<Reach> {
        self.rights.somewhere().require(permission)?;
        Ok(self.rights.reach(permission))
    }

    /// The session, when it came through one.
    pub fn session(&self) -> Option<SessionId> {
        match self.credential? {
            PresentedCredential::Session(id, _) => Some(id),
            PresentedCredential::Token(..) => None,
        }
    }

    /// As the reader of a list.
    pub fn reader(&self) -> Reader {
        Reader::new(self.context, self.agent)
    }

    /// The user behind it, if it is one.
    pub fn user(&self) -> Option<UserId> {
        match self.agent {
            Agent::User(id) => Some(id),
            Agent::Operator | Agent::System => None,
        }
    }
}
