//! Questions about access: what somebody may do, why, and who can do something.

use app::access::Target;
use model::{Error, Kind, Result, page};

use super::Operator;
use crate::command::{Deed, Outcome};

/// Whether a dry run of it says whose access it would change.
pub(super) fn is_changed_by(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::GrantRole { .. }
            | Deed::RevokeRole { .. }
            | Deed::MakeAdmin { .. }
            | Deed::RemoveAdmin { .. }
            | Deed::CopyAccess { .. }
            | Deed::Group(_)
            | Deed::Roles(_)
    )
}

impl Operator<'_> {
    /// Tries it out, and says what it would do to people's access.
    pub(super) async fn previewed(mut self, deed: Deed) -> Result<Outcome> {
        let (actor, preview) = self.actor.previewing();
        self.actor = actor;
        let outcome = Box::new(self.perform(deed).await?);
        Ok(match preview.take() {
            Some(impact) => Outcome::Foreseen { outcome, impact },
            None => *outcome,
        })
    }

    /// Who may do what, and why.
    pub(super) async fn effective_access(&self, deed: Deed) -> Result<Outcome> {
        let (app, actor) = (self.app, &self.actor);
        match deed {
            Deed::ShowAccess { user } => {
                let id = self.id(&user).await?;
                Ok(Outcome::Access(Box::new(app.access_of(actor, id).await?)))
            }
            Deed::WhyAccess { user, permission, over, on } => {
                let id = self.id(&user).await?;
                let over = match (over, on) {
                    (Some(group), _) => Some(Target::Group(app.group_id(actor, &group).await?)),
                    (None, Some(user)) => Some(Target::User(self.id(&user).await?)),
                    (None, None) => None,
                };
                let why = app.why(actor, id, &permission, over).await.map_err(named_permission)?;
                Ok(Outcome::Why(Box::new(why)))
            }
            Deed::WhoCan { permission, limit, cursor } => {
                let limit = page::limit(Some(limit))?;
                let found = app.who_can(actor, &permission, None, limit, cursor.as_deref()).await;
                let found = found.map_err(named_permission)?;
                let (items, next) = (found.page.items, found.page.next);
                Ok(Outcome::Holders { everyone: found.everyone, items, next })
            }
            other => Err(Error::internal(format_args!("asked of access, but not its business: {other:?}"))),
        }
    }
}

/// What can't be a permission, with what to do.
fn named_permission(error: Error) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    let message = "There is no such permission. They look like user:suspend; `muster access show` lists those of a user.";
    Error::new(Kind::NotFound, "permission.unknown", message)
}
