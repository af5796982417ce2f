//! Inviting many at once: each address is an operation of its own with its own verdict, so that one that is refused
//! costs the others nothing.

use std::collections::HashSet;

use futures_util::{StreamExt as _, stream};
use model::{Error, Kind, Org, Permission, Result};

use super::{
    Invited, NewInvitation,
    managing::{TOGETHER, is_about_one},
};
use store::boxed;

use crate::{Actor, App};

/// Most people that are invited at once.
pub const MOST_INVITED: usize = 500;

impl App {
    /// Invites everybody of a list. The verdicts are in its order.
    #[boxed]
    pub async fn invite_many(
        &self,
        actor: &Actor,
        org: &Org,
        list: Vec<NewInvitation>,
    ) -> Result<Vec<Result<Invited>>> {
        actor.reach(Permission::UserInvite)?;
        if list.len() > MOST_INVITED {
            let message = format!("Invite at most {MOST_INVITED} people at once.");
            return Err(Error::invalid_field("invitations", "invitation.too_many", message));
        }
        let mut met = HashSet::new();
        let inviting = list.into_iter().map(|new| {
            // A dry run can't see the others of the list.
            let key = new.fields.email_key();
            let actor = actor.for_part(key.as_deref().unwrap_or_default());
            let is_new = key.is_none_or(|key| met.insert(key));
            async move {
                if !is_new {
                    let message = "This address stands in the list twice. Once is enough.";
                    return Err(Error::new(Kind::Conflict, "invitation.twice", message));
                }
                self.invite(&actor, org, new).await.map(|(invited, _)| invited)
            }
        });
        let verdicts: Vec<Result<Invited>> = stream::iter(inviting).buffered(TOGETHER).collect().await;
        match verdicts.iter().position(|verdict| matches!(verdict, Err(error) if !is_about_one(error))) {
            // Nothing went out, so nothing has to be told but why.
            Some(place) if verdicts.iter().all(Result::is_err) => {
                verdicts.into_iter().nth(place).map_or(Ok(Vec::new()), |verdict| verdict.map(|_| Vec::new()))
            }
            _ => Ok(verdicts),
        }
    }
}
