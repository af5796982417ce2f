//! What one can do with the permissions of an organization's own applications: define, describe, remove.
//!
//! Muster keeps their names, gives them through roles and answers them to programs; what they allow is decided where the
//! application is.

use model::{
    Error, Kind, Permission, Result,
    application_permission::{self, ApplicationPermission, MOST},
    rights::Applications,
    role::{Allowed, RoleDefinition, Scope},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Connection, boxed};

use crate::{
    Actor, App, Operation, impact::Concern, operation::Event, role_definitions::written, users::changed,
};

/// A permission was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedPermission {
    /// Which.
    pub name: String,
    /// The names of the roles that allowed it, and do no longer.
    pub roles: Vec<String>,
}

impl App {
    /// The permissions of the organization's applications, by name.
    #[boxed]
    pub async fn application_permissions(&self, actor: &Actor) -> Result<Vec<ApplicationPermission>> {
        actor.require(Permission::RoleRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::application_permissions::list(connection, context).await
        };
        self.database().read(read).await
    }

    /// Defines a permission, or describes one anew. With `is_new`, one that is there already is refused.
    #[boxed]
    pub async fn define_permission(
        &self,
        actor: &Actor,
        name: &str,
        description: &str,
        is_new: bool,
    ) -> Result<ApplicationPermission> {
        let name = application_permission::name(name)?;
        let description = application_permission::description(description)?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            // Two at once must not both be the last that there is room for.
            op.owners_may_change().await?;
            let known = store::application_permissions::find(op.connection, op.context, &name).await?;
            if known.is_some() && is_new {
                let message =
                    "This permission is there already. Choose another name, or change its description.";
                return Err(Error::invalid_field("name", "permission.exists", message));
            }
            if known.is_none()
                && store::application_permissions::list(op.connection, op.context).await?.len() >= MOST
            {
                let message =
                    format!("There are {MOST} permissions already. Remove one that nobody needs first.");
                return Err(Error::new(Kind::Conflict, "permission.too_many", message));
            }
            let permission = ApplicationPermission {
                name: name.clone(),
                description: description.clone(),
                created_at: known.as_ref().map_or(op.now, |known| known.created_at),
            };
            if known.as_ref() == Some(&permission) {
                return Ok(permission);
            }
            store::application_permissions::define(op.connection, op.context, &permission).await?;
            let before = known.map_or(Value::Null, |known| known.description.into());
            let changes = changed("description", before, permission.description.as_str().into());
            op.record_permission("permission.defined", &permission.name, changes);
            Ok(permission)
        };
        self.run(actor, Permission::PermissionManage, deed).await
    }

    /// Removes a permission, from every role too; answers from which.
    #[boxed]
    pub async fn remove_permission(&self, actor: &Actor, name: &str) -> Result<RemovedPermission> {
        let name = name.to_owned();
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let found = store::application_permissions::find(op.connection, op.context, &name).await?;
            let found = found.ok_or_else(Error::not_found)?;
            let mut applications = Applications::default();
            applications.insert(&found.name);
            let taken = Allowed { applications, ..Allowed::default() };
            let roles = op.roles_with(&found.name).await?;
            if !roles.is_empty() {
                op.rights.may_grant(&taken.in_scope(Scope::Org, Vec::new()))?;
            }
            let names: Vec<String> = roles.iter().map(|role| role.name.clone()).collect();
            for before in roles {
                let mut role = before.clone();
                role.allowed = before.allowed.beyond(&taken);
                op.concerning(Concern::Role(role.key)).await?;
                op.save_role(&mut role).await?;
                op.record_role(&role, "role.updated", written(Some(&before), Some(&role)));
            }
            store::application_permissions::remove(op.connection, op.context, &found.name).await?;
            let mut changes = changed("description", found.description.into(), Value::Null);
            changes.extend(changed("roles", names.clone().into(), Value::Null));
            op.record_permission("permission.removed", &found.name, changes);
            Ok(RemovedPermission { name: found.name, roles: names })
        };
        self.run(actor, Permission::PermissionManage, deed).await
    }
}

impl Operation<'_, '_> {
    /// The organization's own roles that allow this.
    async fn roles_with(&mut self, name: &str) -> Result<Vec<RoleDefinition>> {
        let mut roles = store::roles::list(self.connection, self.context).await?;
        roles.retain(|role| role.allowed.applications.contains(name));
        Ok(roles)
    }

    /// It has no id of its own: the entry is about the organization, under the permission's name.
    fn record_permission(&mut self, name: &str, permission: &str, changes: model::audit::Changes) {
        let (target, target_name) = (self.context.org.0, permission);
        let reason = String::new();
        self.record(Event { name, target_type: "permission", target, target_name, changes, reason });
    }
}
