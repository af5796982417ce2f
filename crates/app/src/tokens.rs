//! What one can do with API tokens: make, see and revoke one's own; see and revoke others', and make them for service
//! users, under the granting rule. The command line makes them for anybody.

use std::time::Duration;

use model::{
    Agent, Error, Kind, OrgContext, Permission, Permissions, Result, Rights, TokenId, UserId,
    page::Page,
    session::Secret,
    token::{self, Token, TokenQuery},
    user::UserType,
};
use serde_json::Value;

pub use store::token_list::{Holder, Listed};

use store::boxed;

use crate::{Actor, App, Operation, Person, access::signed_out, cache::PresentedCredential, users::changed};

/// A token to make.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// Permissions by name; none: all that its user may do.
    pub scopes: Vec<String>,
    /// Days until it ends, 1 to 366.
    pub days: u16,
    /// The operator may bring one along (first start without hands); else Muster makes it.
    pub secret: Option<Secret>,
}

/// A token was made.
#[derive(Debug, Clone)]
pub struct CreatedToken {
    /// Its stored side.
    pub token: Token,
    /// The token itself: shown once. `None` when the same request is repeated.
    pub secret: Option<String>,
}

impl App {
    /// One's own tokens, newest first.
    #[boxed]
    pub async fn own_tokens(&self, actor: &Actor) -> Result<Vec<Token>> {
        actor.require(Permission::AccountTokens)?;
        let (context, user) = (actor.context, actor.user().ok_or_else(signed_out)?);
        let read = async |connection: &mut store::Connection<'_>| {
            store::tokens::of_user(connection, context, user).await
        };
        self.database().read(read).await
    }

    /// Makes a token of one's own; the operator makes one `for_user`.
    #[boxed]
    pub async fn create_token(
        &self,
        actor: &Actor,
        new: NewToken,
        for_user: Option<UserId>,
    ) -> Result<CreatedToken> {
        let whose = || Error::invalid_field("user", "token.user", "Say whose token it is.");
        let user = actor.user().or(for_user).ok_or_else(whose)?;
        self.make_token(actor, new, user, Permission::AccountTokens).await
    }

    /// Makes a token for a service user.
    #[boxed]
    pub async fn create_token_of(&self, actor: &Actor, user: UserId, new: NewToken) -> Result<CreatedToken> {
        self.make_token(actor, new, user, Permission::TokenCreate).await
    }

    async fn make_token(
        &self,
        actor: &Actor,
        new: NewToken,
        user: UserId,
        permission: Permission,
    ) -> Result<CreatedToken> {
        let name = token::name(&new.name)?;
        let scopes = token::scopes(&new.scopes)?;
        if !(1..=token::MAX_DAYS).contains(&new.days) {
            let message = format!("Choose 1 to {} days.", token::MAX_DAYS);
            return Err(Error::invalid_field("days", "token.days", message));
        }
        let secret = new.secret.unwrap_or_else(|| token::generate(self.entropy()));
        let hash = secret.hash();
        let life = Duration::from_secs(u64::from(new.days) * 24 * 60 * 60);
        let deed = async move |op: &mut Operation<'_, '_>| {
            let token = Token {
                id: TokenId(op.new_id()),
                org: op.context,
                user,
                name: name.clone(),
                secret: hash,
                scopes,
                created_at: op.now,
                expires_at: op.now.plus(life),
                last_used_at: None,
                made_within: None,
            };
            let made = (token.id, token.expires_at);
            op.create_token(token).await?;
            Ok(made)
        };
        let lane = store::Lane::Interactive;
        let ((id, expires_at), replayed) = self.run_replayable(actor, permission, lane, deed).await?;
        let token = Token {
            id,
            org: actor.context,
            user,
            name: token::name(&new.name)?,
            secret: hash,
            scopes,
            created_at: expires_at.minus(life),
            expires_at,
            last_used_at: None,
            made_within: None,
        };
        let secret = (!replayed && !actor.dry_run).then(|| token::reveal(&secret));
        Ok(CreatedToken { token, secret })
    }

    /// Revokes one of one's own tokens.
    #[boxed]
    pub async fn revoke_token(&self, actor: &Actor, id: TokenId) -> Result<()> {
        let user = actor.user().ok_or_else(signed_out)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            op.revoke_token(&person, id).await
        };
        self.run(actor, Permission::AccountTokens, deed).await
    }

    /// A user's tokens, newest first.
    #[boxed]
    pub async fn tokens_of(&self, actor: &Actor, user: UserId) -> Result<Vec<Token>> {
        actor.require(Permission::TokenList)?;
        let context = actor.context;
        let read = async |connection: &mut store::Connection<'_>| {
            store::users::find(connection, context, user).await?.ok_or_else(Error::not_found)?;
            store::tokens::of_user(connection, context, user).await
        };
        self.database().read(read).await
    }

    /// One page of everybody's tokens.
    #[boxed]
    pub async fn tokens(&self, actor: &Actor, query: TokenQuery) -> Result<Page<Listed>> {
        actor.require(Permission::TokenList)?;
        let (context, now) = (actor.context, self.now());
        let read = async |connection: &mut store::Connection<'_>| {
            store::token_list::page(connection, context, &query, now).await
        };
        self.database().read(read).await
    }

    /// Whose a token is: how the command line, which names no user, finds it.
    #[boxed]
    pub async fn token_holder(&self, actor: &Actor, id: TokenId) -> Result<UserId> {
        actor.require(Permission::TokenList)?;
        let context = actor.context;
        let read = async |connection: &mut store::Connection<'_>| {
            store::tokens::holder(connection, context, id).await
        };
        self.database().read(read).await?.ok_or_else(Error::not_found)
    }

    /// Revokes anybody's token, but not a stronger person's.
    #[boxed]
    pub async fn revoke_token_of(&self, actor: &Actor, user: UserId, id: TokenId) -> Result<()> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(user, None).await?;
            op.revoke_token(&person, id).await
        };
        self.run(actor, Permission::TokenRevoke, deed).await
    }

    /// Revokes all tokens of a user, but not a stronger person's; answers how many. After a rescue it is what ends the
    /// tokens that were older than any session.
    #[boxed]
    pub async fn revoke_tokens_of(&self, actor: &Actor, user: UserId) -> Result<u64> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person_to_change(user, None).await?;
            op.revoke_tokens(&person, None).await
        };
        self.run(actor, Permission::TokenRevoke, deed).await
    }

    /// Revokes all of one's own tokens, or all others than the one that asks; answers how many.
    #[boxed]
    pub async fn revoke_own_tokens(&self, actor: &Actor, others: bool) -> Result<u64> {
        let user = actor.user().ok_or_else(signed_out)?;
        let this = match actor.credential {
            Some(PresentedCredential::Token(id, _)) if others => Some(id),
            _ => None,
        };
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            op.revoke_tokens(&person, this).await
        };
        self.run(actor, Permission::AccountTokens, deed).await
    }

    /// How many tokens of a user hold: what a rescue left, said to whoever did it.
    pub(crate) async fn tokens_left(&self, context: OrgContext, user: UserId) -> Result<usize> {
        let now = self.now();
        let read = async |connection: &mut store::Connection<'_>| {
            store::tokens::of_user(connection, context, user).await
        };
        let tokens = self.database().read(read).await?;
        Ok(tokens.iter().filter(|token| token.is_valid(now)).count())
    }
}

impl Operation<'_, '_> {
    async fn create_token(&mut self, mut token: Token) -> Result<()> {
        let person = self.person(token.user).await?;
        if !person.user.may_act(self.now) {
            let message = "Only an active user can have API tokens.";
            return Err(Error::new(Kind::Conflict, "token.user_not_active", message));
        }
        if let Agent::User(maker) = self.agent {
            if maker != token.user {
                self.may_make_for(&person, &token)?;
            }
            // A token that a token makes can't do more than that one; nor one that is made for somebody else.
            self.rights.may_delegate(&person.rights.clone().within(token.scopes))?;
            self.ensure_password_proved().await?;
        }
        token.made_within = self.made_for(token.user);
        store::tokens::insert(self.connection, &token).await?;
        let scopes: Vec<&str> = token.scopes.iter().map(Permission::as_str).collect();
        let scopes = if token.scopes == Permissions::all() { "all".to_owned() } else { scopes.join(" ") };
        // About the person: what a token is called is theirs, and goes with them.
        let mut changes = changed("scopes", Value::Null, scopes.into());
        changes.extend(changed("token", Value::Null, token.id.to_string().into()));
        changes.extend(changed("name", Value::Null, token.name.as_str().into()));
        self.record_user(&person.user, "token.created", changes, String::new());
        self.tell_token_created(&person.user, &token.name);
        Ok(())
    }

    /// People make their own tokens. What a program's token is to do must be within what its maker may do: the program may
    /// be given more tomorrow, and whoever keeps the token would have it too.
    fn may_make_for(&self, person: &Person, token: &Token) -> Result<()> {
        if person.user.fields.kind() != UserType::Service {
            let message = "People make their own tokens, under API tokens. Choose a service user.";
            return Err(Error::new(Kind::Conflict, "token.not_a_service_user", message));
        }
        let asked = Rights { org: token.scopes, ..Rights::default() };
        if token.scopes == Permissions::all() { Ok(()) } else { self.rights.may_delegate(&asked) }
    }

    /// Ends a token of a user. `reason` is for the audit log.
    pub(crate) async fn end_token(&mut self, user: UserId, id: TokenId, reason: &str) -> Result<()> {
        let person = self.person(user).await?;
        self.revoke_token_because(&person, id, reason).await
    }

    async fn revoke_token(&mut self, person: &Person, id: TokenId) -> Result<()> {
        self.revoke_token_because(person, id, "").await
    }

    async fn revoke_token_because(&mut self, person: &Person, id: TokenId, reason: &str) -> Result<()> {
        let user = person.user.id;
        let name = store::tokens::revoke(self.connection, self.context, user, id)
            .await?
            .ok_or_else(Error::not_found)?;
        self.record_revoked(person, id, name, reason);
        Ok(())
    }

    /// Revokes all tokens of a user, or all but one. Each has its entry; that there was none is no error.
    async fn revoke_tokens(&mut self, person: &Person, but: Option<TokenId>) -> Result<u64> {
        let revoked = store::tokens::revoke_but(self.connection, self.context, person.user.id, but).await?;
        let count = revoked.len() as u64;
        for (id, name) in revoked {
            self.record_revoked(person, id, name, "");
        }
        Ok(count)
    }

    fn record_revoked(&mut self, person: &Person, id: TokenId, name: String, reason: &str) {
        let mut changes = changed("token", id.to_string().into(), Value::Null);
        changes.extend(changed("name", name.into(), Value::Null));
        self.record_user(&person.user, "token.revoked", changes, reason.to_owned());
        self.user_is_stale(person.user.id);
    }
}
