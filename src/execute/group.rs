//! Does what the command line asks for about groups.

use app::groups::NewGroup;
use model::{
    Error, Result,
    group::GroupFields,
    group_query::{GroupQuery, MemberQuery},
    page,
};

use super::Operator;
use crate::{
    command::{GroupDeed, GroupOutcome, Place},
    view::{GroupView, MemberView, UserView},
};

impl Operator<'_> {
    pub(super) async fn group(&self, deed: GroupDeed) -> Result<GroupOutcome> {
        let (app, actor) = (self.app, &self.actor);
        let (now, zone) = (app.now(), self.org.settings.zone());
        match deed {
            GroupDeed::List { search, parent, role, owner, limit, cursor } => {
                let query = GroupQuery {
                    search,
                    parent: match parent {
                        Some(name) => Some(app.group_id(actor, &name).await?),
                        None => None,
                    },
                    role: app.role_keys(actor, role.as_slice()).await?.first().copied(),
                    owner: match owner {
                        Some(name) => Some(self.id(&name).await?),
                        None => None,
                    },
                    limit: page::limit(Some(limit))?,
                    ..GroupQuery::default()
                };
                let page = app.groups(actor, query.at(actor.reader(), cursor.as_deref())?).await?;
                let items = page.items.into_iter().map(GroupView::from).collect();
                Ok(GroupOutcome::Groups { items, next: page.next })
            }
            GroupDeed::Members { group, effective, limit, cursor } => {
                let group = app.group_id(actor, &group).await?;
                let query = MemberQuery {
                    of: group,
                    effective,
                    limit: page::limit(Some(limit))?,
                    ..MemberQuery::default()
                };
                let page = app.members(actor, group, query.at(actor.reader(), cursor.as_deref())?).await?;
                let items = page.items.into_iter().map(|member| MemberView::of(member, now)).collect();
                Ok(GroupOutcome::Members { items, next: page.next })
            }
            GroupDeed::Delete { group } => {
                let group = app.group_id(actor, &group).await?;
                app.delete_group(actor, group, None).await.map(GroupOutcome::Deleted)
            }
            GroupDeed::Add { group, user, terms } => {
                let (group, user) = (app.group_id(actor, &group).await?, self.id(&user).await?);
                let person = app.add_member(actor, group, user, terms.terms(&zone)).await?;
                Ok(GroupOutcome::User(Box::new(UserView::of(person, &self.org, now))))
            }
            GroupDeed::Remove { group, user } => {
                let (group, user) = (app.group_id(actor, &group).await?, self.id(&user).await?);
                let person = app.remove_member(actor, group, user).await?;
                Ok(GroupOutcome::User(Box::new(UserView::of(person, &self.org, now))))
            }
            GroupDeed::AddMany { group, lines, terms } => {
                let group = app.group_id(actor, &group).await?;
                app.add_members(actor, group, lines, terms.terms(&zone)).await.map(GroupOutcome::Verdicts)
            }
            deed => self.change_group(deed).await.map(GroupOutcome::Group),
        }
    }

    /// The deeds that answer the group as it is then.
    async fn change_group(&self, deed: GroupDeed) -> Result<GroupView> {
        let (app, actor) = (self.app, &self.actor);
        let details = match deed {
            GroupDeed::Show { group } => app.group_by_name(actor, &group).await?,
            GroupDeed::Create { name, description, parents, roles, owners } => {
                let mut new = NewGroup {
                    fields: GroupFields { name, description },
                    parents: app.group_ids(actor, &parents).await?,
                    roles: app.role_keys(actor, &roles).await?,
                    owners: Vec::new(),
                };
                for owner in owners {
                    new.owners.push(self.id(&owner).await?);
                }
                app.create_group(actor, new).await?
            }
            GroupDeed::Edit { group, patch, version } => {
                let group = app.group_id(actor, &group).await?;
                app.edit_group(actor, group, patch, version).await?
            }
            GroupDeed::Place { group, place } => {
                let group = app.group_id(actor, &group).await?;
                match place {
                    Place::Into { parent, terms } => {
                        let parent = app.group_id(actor, &parent).await?;
                        app.nest(actor, parent, group, terms.terms(&self.org.settings.zone())).await?
                    }
                    Place::OutOf { parent } => {
                        let parent = app.group_id(actor, &parent).await?;
                        app.unnest(actor, parent, group).await?
                    }
                    Place::Move { from, to } => {
                        let (from, to) = (app.group_id(actor, &from).await?, app.group_id(actor, &to).await?);
                        app.move_group(actor, group, from, to).await?
                    }
                }
            }
            GroupDeed::Grant { group, role, over, terms } => {
                let group = app.group_id(actor, &group).await?;
                let (role, scope) = self.role_over(role, over).await?;
                app.grant_group_role(actor, group, role, scope, terms.terms(&self.org.settings.zone()))
                    .await?
            }
            GroupDeed::Revoke { group, role, over } => {
                let group = app.group_id(actor, &group).await?;
                let (role, scope) = self.role_over(role, over).await?;
                app.revoke_group_role(actor, group, role, scope).await?
            }
            GroupDeed::Owner { group, user, remove } => {
                let (group, user) = (app.group_id(actor, &group).await?, self.id(&user).await?);
                if remove {
                    app.remove_owner(actor, group, user).await?
                } else {
                    app.add_owner(actor, group, user).await?
                }
            }
            other => {
                return Err(Error::internal(format_args!(
                    "asked of a group, but not its business: {other:?}"
                )));
            }
        };
        Ok(details.into())
    }
}
