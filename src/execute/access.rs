//! What the command line asks about access: roles, owners, copying, everybody's tokens.

use app::{copying::Copying, owners::Removed};
use model::{Error, Kind, Result, token::TokenQuery};

use super::Operator;
use crate::{
    command::{Deed, Outcome},
    view::{CopiedView, ListedTokenView, UserView},
};

/// Does it.
pub(super) async fn perform(operator: &Operator<'_>, deed: Deed) -> Result<Outcome> {
    let (app, actor, org) = (operator.app, &operator.actor, operator.org.as_ref());
    match deed {
        Deed::GrantRole { user, role, over, terms } => {
            let id = operator.id(&user).await?;
            let (role, scope) = operator.role_over(role, over).await?;
            let terms = terms.terms(&org.settings.zone());
            app.grant_role(actor, id, role, scope, terms).await.map(|person| operator.user(person))
        }
        Deed::RevokeRole { user, role, over } => {
            let id = operator.id(&user).await?;
            let (role, scope) = operator.role_over(role, over).await?;
            app.revoke_role(actor, id, role, scope).await.map(|person| operator.user(person))
        }
        Deed::MakeAdmin { user } => {
            let id = operator.id(&user).await?;
            app.make_admin(actor, id).await.map(|person| operator.user(person))
        }
        Deed::RemoveAdmin { user } => {
            let id = operator.id(&user).await?;
            let Removed { person, still_through } = app.remove_admin(actor, id).await?;
            let user = Box::new(UserView::of(person, org, app.now()));
            Ok(Outcome::NoOwner { user, still_through })
        }
        Deed::CopyAccess { from, to, keep_ends, partial } => {
            let id = operator.id(&to).await?;
            let copied = app.copy_access(actor, &from, id, Copying { keep_ends, partial }).await?;
            Ok(Outcome::Copied(CopiedView {
                user: copied.person.user.username().to_owned(),
                given: copied.given,
                held_already: copied.held,
                not_given: copied.refused,
            }))
        }
        Deed::ListTokens { filter, limit, cursor } => {
            let page =
                app.tokens(actor, TokenQuery::read(actor.reader(), &filter, Some(limit), &cursor)?).await?;
            let view =
                |listed: app::tokens::Listed| ListedTokenView::of(&listed.token, listed.holder.username);
            Ok(Outcome::Tokens { items: page.items.into_iter().map(view).collect(), next: page.next })
        }
        Deed::TokensOf { user } => {
            let person = operator.found(&user).await?;
            let tokens = app.tokens_of(actor, person.user.id).await?;
            let view = |token| ListedTokenView::of(token, person.user.username().to_owned());
            Ok(Outcome::Tokens { items: tokens.iter().map(view).collect(), next: None })
        }
        Deed::RevokeToken { token } => {
            let id = token.parse().map_err(unknown)?;
            let user = app.token_holder(actor, id).await.map_err(unknown)?;
            app.revoke_token_of(actor, user, id).await.map_err(unknown)?;
            Ok(Outcome::Revoked)
        }
        Deed::RevokeTokens { user } => {
            let id = operator.id(&user).await?;
            Ok(Outcome::TokensRevoked { tokens: app.revoke_tokens_of(actor, id).await? })
        }
        other => Err(Error::internal(format_args!("asked of access, but not its business: {other:?}"))),
    }
}

/// An unknown token, with what to do.
fn unknown(error: Error) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    let message = "There is no such token. `muster token list` shows the ids.";
    Error::new(Kind::NotFound, "token.unknown", message)
}
