//! What one can do with groups: list, look at, create, edit, delete. Which stand in which is `groups/nesting.rs`, what they
//! carry and who decides about them `groups/roles.rs`, who is in them `groups/members.rs`; one user's memberships are
//! `memberships.rs`.
//!
//! Everything here keeps to the granting rule: whoever changes what a group gives, or whom, must hold all that it gives.

mod members;
mod nesting;
mod roles;

use model::{
    Error, GroupId, Kind, OrgContext, Permission, Result, RoleKey, UserId,
    audit::Changes,
    grant::GrantTerms,
    group::{Group, GroupFields},
    group_query::GroupQuery,
    page::Page,
    rights::Reach,
    role::Scope,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Connection, boxed};

pub use members::{Effective, GroupsOfUser, MOST_MEMBERS, Member, MemberVerdict, Verdict};
pub use store::{
    group_list::ListedGroup,
    group_owners::Owner,
    groups::Touched,
    nestings::{Named, Nesting},
};

use crate::{
    Actor, App, Operation,
    cache::Stale,
    impact::Concern,
    operation::Event,
    users::{RoleGrant, changed},
};

/// A group with what is said of it: what its page shows, and what operations on it answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupDetails {
    /// The record.
    pub group: Group,
    /// The roles that it carries itself, strongest first, with who gave them and until when.
    pub roles: Vec<RoleGrant>,
    /// Who decides about its members besides the administrators, by name.
    pub owners: Vec<Owner>,
    /// The groups that it stands in directly, by name: those that the actor may see.
    pub parents: Vec<Nesting>,
    /// How many users and groups it holds.
    pub touched: Touched,
}

/// A group to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewGroup {
    /// What people write.
    pub fields: GroupFields,
    /// The groups that it stands in.
    pub parents: Vec<GroupId>,
    /// The roles that it carries in the whole organization.
    pub roles: Vec<RoleKey>,
    /// Who decides about its members.
    pub owners: Vec<UserId>,
}

/// What to change of a group; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupPatch {
    /// 1 to 100 characters; one group of that name in an organization, whatever its case.
    pub name: Option<String>,
    /// What it is for; at most 500 characters.
    pub description: Option<String>,
}

/// A group was deleted, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedGroup {
    /// Which.
    pub group: Group,
    /// Whom it touches.
    pub touched: Touched,
}

impl App {
    /// One page of the groups that the actor may see.
    #[boxed]
    pub async fn groups(&self, actor: &Actor, query: GroupQuery) -> Result<Page<ListedGroup>> {
        let reach = actor.reach(Permission::GroupList)?;
        self.list_groups(actor.context, query, reach).await
    }

    /// One page of the groups that the actor owns.
    #[boxed]
    pub async fn own_groups(&self, actor: &Actor, query: GroupQuery) -> Result<Page<ListedGroup>> {
        actor.require(Permission::AccountGroups)?;
        let owner = Some(actor.user().ok_or_else(Error::not_found)?);
        self.list_groups(actor.context, GroupQuery { owner, ..query }, Reach::Everybody).await
    }

    async fn list_groups(
        &self,
        context: OrgContext,
        query: GroupQuery,
        reach: Reach,
    ) -> Result<Page<ListedGroup>> {
        let read = async move |connection: &mut Connection<'_>| {
            let within = match &reach {
                Reach::Everybody => None,
                Reach::Groups(groups) => Some(store::access::below(connection, context, groups).await?),
            };
            store::group_list::page(connection, context, &query, within.as_deref()).await
        };
        self.database().read_blocking(read).await
    }

    /// One group.
    #[boxed]
    pub async fn group(&self, actor: &Actor, id: GroupId) -> Result<GroupDetails> {
        let actor = actor.clone();
        let read = async move |connection: &mut Connection<'_>| {
            let group = readable(connection, &actor, id).await?;
            let seen = match actor.rights.reach(Permission::GroupRead) {
                Reach::Everybody => None,
                Reach::Groups(groups) => {
                    Some(store::access::below(connection, actor.context, &groups).await?)
                }
            };
            let mut details = details(connection, actor.context, group).await?;
            details.parents.retain(|parent| seen.as_ref().is_none_or(|seen| seen.contains(&parent.group)));
            Ok(details)
        };
        self.database().read_blocking(read).await
    }

    /// The group whose id or name this is: how the command line names groups.
    #[boxed]
    pub async fn group_by_name(&self, actor: &Actor, name: &str) -> Result<GroupDetails> {
        let id = self.group_id(actor, name).await?;
        self.group(actor, id).await
    }

    /// The id of a group that somebody names. Whether the actor may do anything with it is asked when it is done.
    #[boxed]
    pub async fn group_id(&self, actor: &Actor, name: &str) -> Result<GroupId> {
        if let Ok(id) = name.trim().parse() {
            return Ok(id);
        }
        let (context, key) = (actor.context, model::group::name_key(name.trim()));
        let read = async |connection: &mut Connection<'_>| {
            store::groups::find_by_name(connection, context, &key).await
        };
        let group = self.database().read(read).await?;
        group.map(|group| group.id).ok_or_else(|| {
            let message = format!("There is no group {}. Look at the list of groups.", name.trim());
            Error::new(Kind::NotFound, "group.unknown", message)
        })
    }

    /// Creates a group.
    #[boxed]
    pub async fn create_group(&self, actor: &Actor, new: NewGroup) -> Result<GroupDetails> {
        let fields = new.fields.checked()?;
        let (parents, roles, owners) = (new.parents, new.roles, new.owners);
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            op.permissions.require(Permission::GroupCreate)?;
            let group = op.insert_group(fields.clone()).await?;
            for parent in &parents {
                let put = op.put_into(*parent, &group, GrantTerms::default()).await;
                put.map_err(|error| missing("parents", "group.unknown", error))?;
            }
            for role in &roles {
                op.give_group(&group, *role, Scope::Org, GrantTerms::default()).await?;
            }
            for owner in &owners {
                op.permissions.require(Permission::GroupUpdate)?;
                let made = op.make_owner(&group, *owner).await;
                made.map_err(|error| missing("owners", "user.unknown", error))?;
            }
            op.details(group).await
        };
        self.run(actor, Permission::GroupCreate, deed).await
    }

    /// Changes a group's name or description. `version` is what the caller has seen.
    #[boxed]
    pub async fn edit_group(
        &self,
        actor: &Actor,
        id: GroupId,
        patch: GroupPatch,
        version: Option<i64>,
    ) -> Result<GroupDetails> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut group = op.group_over(id, Permission::GroupUpdate).await?;
            same_version(&group, version)?;
            let before = group.fields.clone();
            let fields = GroupFields {
                name: patch.name.clone().unwrap_or_else(|| before.name.clone()),
                description: patch.description.clone().unwrap_or_else(|| before.description.clone()),
            };
            group.fields = fields.checked()?;
            if group.fields != before {
                // What a group is called decides whom people put into it: that follows the granting rule, too.
                op.may_admit(id).await?;
                group.version += 1;
                group.updated_at = op.now;
                store::groups::update(op.connection, op.context, &group).await?;
                let changes = model::audit::changes(&object(&before), &object(&group.fields));
                op.record_group(&group, "group.updated", changes, String::new());
            }
            op.details(group).await
        };
        self.run(actor, Permission::GroupUpdate, deed).await
    }

    /// Deletes a group with its memberships, its places in others and of others in it, and the roles held over it. Answers
    /// whom it touches: a dry run is the question.
    #[boxed]
    pub async fn delete_group(
        &self,
        actor: &Actor,
        id: GroupId,
        version: Option<i64>,
    ) -> Result<DeletedGroup> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let group = op.group_over(id, Permission::GroupDelete).await?;
            same_version(&group, version)?;
            op.may_admit(id).await?;
            for role in store::groups::roles_over(op.connection, op.context, id).await? {
                let role = op.role(role).await?;
                let above = store::access::above(op.connection, op.context, &[id]).await?;
                op.rights.may_grant(&role.allowed.in_scope(Scope::Group(id), above))?;
            }
            let touched = store::groups::touched(op.connection, op.context, id).await?;
            op.concerning(Concern::Group(id)).await?;
            op.orphaning(id).await?;
            store::groups::delete(op.connection, op.context, id).await?;
            let mut changes = model::audit::changes(&object(&group.fields), &serde_json::Map::new());
            changes.extend(changed("users", json!(touched.users), Value::Null));
            changes.extend(changed("groups", json!(touched.groups), Value::Null));
            op.record_group(&group, "group.deleted", changes, String::new());
            op.everybody_is_stale();
            Ok(DeletedGroup { group, touched })
        };
        self.run(actor, Permission::GroupDelete, deed).await
    }
}

fn object(fields: &GroupFields) -> serde_json::Map<String, Value> {
    let mut object = serde_json::Map::new();
    object.insert("name".to_owned(), fields.name.as_str().into());
    object.insert("description".to_owned(), fields.description.as_str().into());
    object
}

/// What a field names and is not there is an unacceptable field, not a missing page.
fn missing(field: &'static str, code: &'static str, error: Error) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    Error::invalid_field(field, code, "There is no such user or group, or not any more. Choose another one.")
}

fn same_version(group: &Group, version: Option<i64>) -> Result<()> {
    if version.is_some_and(|version| version != group.version) {
        return Err(store::groups::stale());
    }
    Ok(())
}

/// A group that the actor may look into: by right, or as its owner. Any other is not there.
async fn readable(connection: &mut Connection<'_>, actor: &Actor, id: GroupId) -> Result<Group> {
    let context = actor.context;
    let group = store::groups::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
    if actor.rights.org.contains(Permission::GroupRead) {
        return Ok(group);
    }
    let above = store::access::above(connection, context, &[id]).await?;
    if actor.rights.over(&above).contains(Permission::GroupRead) {
        return Ok(group);
    }
    if actor.rights.org.contains(Permission::AccountGroups)
        && let Some(user) = actor.user()
        && store::groups::is_owner(connection, context, user, id).await?
    {
        return Ok(group);
    }
    Err(Error::not_found())
}

async fn details(connection: &mut Connection<'_>, context: OrgContext, group: Group) -> Result<GroupDetails> {
    Ok(GroupDetails {
        roles: store::grants::of_group(connection, context, group.id).await?,
        owners: store::group_owners::of_group(connection, context, group.id).await?,
        parents: store::nestings::parents(connection, context, group.id).await?,
        touched: store::groups::touched(connection, context, group.id).await?,
        group,
    })
}

impl Operation<'_, '_> {
    /// A group that this permission of the actor reaches. Any other is not there. Not so for owners: what they may do
    /// is `group_in_reach`.
    pub(crate) async fn group_over(&mut self, id: GroupId, permission: Permission) -> Result<Group> {
        let group = store::groups::find(self.connection, self.context, id).await?;
        let group = group.ok_or_else(Error::not_found)?;
        if self.rights.org.contains(permission) {
            return Ok(group);
        }
        let above = store::access::above(self.connection, self.context, &[id]).await?;
        if self.rights.over(&above).contains(permission) { Ok(group) } else { Err(Error::not_found()) }
    }

    pub(crate) async fn insert_group(&mut self, fields: GroupFields) -> Result<Group> {
        let group = Group {
            id: GroupId(self.new_id()),
            fields,
            source: "local".to_owned(),
            external_id: None,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        };
        store::groups::insert(self.connection, self.context, &group).await?;
        let changes = model::audit::changes(&serde_json::Map::new(), &object(&group.fields));
        self.record_group(&group, "group.created", changes, String::new());
        Ok(group)
    }

    /// What stands in a group leaves those above it when it is deleted: see `Concern::Over`.
    async fn orphaning(&mut self, id: GroupId) -> Result<()> {
        let (connection, context) = (&mut *self.connection, self.context);
        let mut inside = store::access::below(connection, context, &[id]).await?;
        inside.retain(|group| *group != id);
        // Asked now: when it is settled, nothing says any more what stood in the group.
        let (users, groups) = store::access_paths::scoped_to(connection, context, &inside).await?;
        for user in users {
            self.rises(Concern::User(user));
        }
        for group in groups {
            self.rises(Concern::Group(group));
        }
        Ok(())
    }

    /// A group as it stands now; of the groups that it stands in, those that the actor may see.
    async fn details(&mut self, group: Group) -> Result<GroupDetails> {
        let mut details = details(self.connection, self.context, group).await?;
        if let Reach::Groups(groups) = self.rights.reach(Permission::GroupRead) {
            let seen = store::access::below(self.connection, self.context, &groups).await?;
            details.parents.retain(|parent| seen.contains(&parent.group));
        }
        Ok(details)
    }

    /// An entry about a group.
    fn record_group(&mut self, group: &Group, name: &str, changes: Changes, reason: String) {
        let target_name = &group.fields.name;
        self.record(Event { name, target_type: "group", target: group.id.0, target_name, changes, reason });
    }

    /// What a group gives, or to whom, has changed: nobody knows how many that concerns.
    fn everybody_is_stale(&mut self) {
        self.stale(Stale::Org(self.context));
    }
}
