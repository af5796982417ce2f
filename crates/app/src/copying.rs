//! Giving somebody what somebody else holds directly, under the granting rule: roles and memberships. What may not be
//! given is named, and nothing is given unless all can be or the caller takes what can be.

use model::{
    Error, Kind, Permission, Permissions, Result, Role, UserId,
    grant::{Given, GrantTerms},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{boxed, grants::RoleGrant, memberships::Membership};

use crate::{Actor, App, Operation, Person, users::changed};

/// How access is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copying {
    /// What ends for the one, ends for the other; else it is given for good.
    pub keep_ends: bool,
    /// Give what can be given, though something can't.
    pub partial: bool,
}

/// What became of copying.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copied {
    /// Who has the access now.
    pub person: Person,
    /// What was given, in words.
    pub given: Vec<String>,
    /// What was held already.
    pub held: Vec<String>,
    /// What could not be given.
    pub refused: Vec<NotCopied>,
}

/// Something that could not be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCopied {
    /// What, in words.
    pub what: String,
    /// Why.
    pub why: String,
}

/// One thing to give.
enum Piece {
    Role(RoleGrant),
    Membership(Membership),
}

impl Piece {
    fn name(&self) -> String {
        match self {
            Self::Role(grant) if grant.scope_name.is_empty() => grant.name.clone(),
            Self::Role(grant) => format!("{} over {}", grant.name, grant.scope_name),
            Self::Membership(held) => held.name.clone(),
        }
    }

    fn given(&self) -> &Given {
        match self {
            Self::Role(grant) => &grant.given,
            Self::Membership(held) => &held.given,
        }
    }
}

impl App {
    /// Gives `to` what somebody else, named by username, email or id, holds directly, now or later.
    #[boxed]
    pub async fn copy_access(
        &self,
        actor: &Actor,
        from: &str,
        to: UserId,
        copying: Copying,
    ) -> Result<Copied> {
        let from = from.trim().to_owned();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let person = op.person_to_change(to, None).await?;
            let source = op.source(&from).await?;
            if source.user.id == to {
                let message = "This is the same person. Choose somebody else to copy from.";
                return Err(Error::invalid_field("from", "access.same_person", message));
            }
            op.copy_to(&source, person, copying).await
        };
        // Each piece asks for what giving it needs.
        self.run(actor, Permission::UserRead, deed).await
    }
}

impl Operation<'_, '_> {
    /// From whom; somebody whom the actor may see.
    async fn source(&mut self, named: &str) -> Result<Person> {
        let id = match named.parse() {
            Ok(id) => Some(id),
            Err(_) if named.is_empty() => None,
            Err(_) => store::users::find_by_identifier(self.connection, self.context, named)
                .await?
                .map(|user| user.id),
        };
        let unknown = || {
            let message = "There is no such user in this organization. Type a username, an email or an id.";
            Error::invalid_field("from", "from.unknown", message)
        };
        let id = id.ok_or_else(unknown)?;
        self.person(id).await.map_err(|error| if error.kind() == Kind::NotFound { unknown() } else { error })
    }

    async fn copy_to(&mut self, source: &Person, mut person: Person, copying: Copying) -> Result<Copied> {
        let standing =
            store::access::standing(self.connection, self.context, person.user.id, self.now).await?;
        let over = self.rights.over(&standing.map(|standing| standing.groups).unwrap_or_default());
        let roles = source.grants.iter().cloned().map(Piece::Role);
        let pieces: Vec<Piece> =
            roles.chain(source.memberships.iter().cloned().map(Piece::Membership)).collect();
        let (mut given, mut held, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for piece in pieces {
            let terms = terms_of(piece.given(), source, copying);
            if piece.given().terms.valid_until.is_some_and(|until| until <= self.now) {
                continue;
            }
            if is_held(&person, &piece, &terms) {
                held.push(piece.name());
                continue;
            }
            let (part, before) = (self.begin_part().await?, person.clone());
            let gave = self.give_piece(&mut person, &piece, terms, over).await;
            match self.end_part(part, gave).await? {
                Ok(()) => given.push(piece.name()),
                Err(error) => {
                    person = before;
                    refused.push(NotCopied { what: piece.name(), why: why(&error) });
                }
            }
        }
        if !refused.is_empty() && !copying.partial {
            return Err(not_all(&refused));
        }
        if !given.is_empty() {
            let mut changes = changed("from_id", Value::Null, source.user.id.to_string().into());
            changes.extend(changed("given", Value::Null, given.join(", ").into()));
            self.record_user(&person.user, "access.copied", changes, String::new());
        }
        Ok(Copied { person, given, held, refused })
    }

    async fn give_piece(
        &mut self,
        person: &mut Person,
        piece: &Piece,
        terms: GrantTerms,
        over: Permissions,
    ) -> Result<()> {
        match piece {
            Piece::Role(grant) => {
                over.require(Permission::RoleAssign)?;
                if grant.role == Role::Member {
                    return Ok(());
                }
                self.grant(person, grant.role, grant.scope, terms).await
            }
            Piece::Membership(held) => {
                // Who owns the group may put anybody into it.
                if !self.owns(held.group).await? {
                    over.require(Permission::GroupAssign)?;
                }
                self.join(person, held.group, terms).await
            }
        }
    }

    async fn owns(&mut self, group: model::GroupId) -> Result<bool> {
        let Some(user) = self.actor_user() else { return Ok(false) };
        store::groups::is_owner(self.connection, self.context, user, group).await
    }
}

fn terms_of(given: &Given, source: &Person, copying: Copying) -> GrantTerms {
    let terms = &given.terms;
    let (valid_from, valid_until) =
        if copying.keep_ends { (terms.valid_from, terms.valid_until) } else { (None, None) };
    GrantTerms { reason: GrantTerms::as_held_by(source.user.id), valid_from, valid_until }
}

/// Whether the person holds it already, for as long at least: nothing is ever shortened.
fn is_held(person: &Person, piece: &Piece, terms: &GrantTerms) -> bool {
    let held = match piece {
        Piece::Role(grant) => {
            let same = |held: &&RoleGrant| held.role == grant.role && held.scope == grant.scope;
            person.grants.iter().find(same).map(|held| &held.given.terms)
        }
        Piece::Membership(wanted) => {
            person.memberships.iter().find(|held| held.group == wanted.group).map(|held| &held.given.terms)
        }
    };
    let Some(held) = held else { return false };
    let ends_later = match (held.valid_until, terms.valid_until) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(held), Some(wanted)) => held >= wanted,
    };
    ends_later && (held.valid_from.is_none() || held.valid_from <= terms.valid_from)
}

fn why(error: &Error) -> String {
    match (error.kind(), error.fields().first()) {
        (Kind::NotFound, _) => "You don't decide about this group.".to_owned(),
        (_, Some(field)) => field.message.clone(),
        (_, None) => error.message().to_owned(),
    }
}

fn not_all(refused: &[NotCopied]) -> Error {
    let named: Vec<&str> = refused.iter().map(|refused| refused.what.as_str()).collect();
    let message = format!(
        "You can't give {}. Give the rest alone (partial), or ask somebody who may give all of it.",
        named.join(", ")
    );
    Error::new(Kind::Forbidden, "access.not_all_copied", message)
}
