//! Does what is asked about roles and permissions.

use app::{Actor, App, role_definitions::NewRole};
use model::{Error, Kind, Permission, Result, RoleKey, page, role::RoleFields};

use crate::command::roles::{HolderRow, PermissionRow, RoleDeed, RoleOutcome, RoleRow};

/// Does it.
pub(super) async fn perform(app: &App, actor: &Actor, deed: RoleDeed) -> Result<RoleOutcome> {
    match deed {
        RoleDeed::List => {
            let roles = app.held_roles(actor).await?;
            Ok(RoleOutcome::Roles(roles.into_iter().map(RoleRow::from).collect()))
        }
        RoleDeed::Show { role } => {
            Ok(RoleOutcome::Role(app.held_role(actor, key(app, actor, role).await?).await?.into()))
        }
        RoleDeed::Create { name, description, permissions, copy_of } => {
            let permissions = permissions.into_iter().collect();
            let fields = RoleFields { name, description, permissions };
            Ok(RoleOutcome::Role(app.create_role(actor, NewRole { fields, copy_of }).await?.into()))
        }
        RoleDeed::Edit { role, edit } => {
            let key = key(app, actor, role).await?;
            let edited = app.edit_role(actor, key, edit, None).await?;
            Ok(RoleOutcome::Edited { role: edited.role.into(), added: edited.added, removed: edited.removed })
        }
        RoleDeed::Delete { role } => {
            let key = key(app, actor, role).await?;
            Ok(RoleOutcome::Role(app.delete_role(actor, key, None).await?.into()))
        }
        RoleDeed::Compare { one, other } => {
            Ok(RoleOutcome::Compared(app.compare_roles(actor, &one, &other).await?.into()))
        }
        RoleDeed::Holders { role, limit, cursor } => {
            let key = key(app, actor, role).await?;
            let found = app.role_holders(actor, key, page::limit(Some(limit))?, cursor.as_deref()).await?;
            let items = found.items.into_iter().map(HolderRow::from).collect();
            Ok(RoleOutcome::Holders { items, next: found.next })
        }
        RoleDeed::ListPermissions => {
            let own = app.application_permissions(actor).await?;
            let all = Permission::ALL.iter().copied().map(PermissionRow::from);
            Ok(RoleOutcome::Permissions(all.chain(own.into_iter().map(PermissionRow::from)).collect()))
        }
        RoleDeed::Define { permission, description } => {
            let defined = app.define_permission(actor, &permission, &description, false).await?;
            Ok(RoleOutcome::Permission(defined.into()))
        }
        RoleDeed::Remove { permission } => {
            let removed = app.remove_permission(actor, &permission).await;
            removed.map(RoleOutcome::Removed).map_err(|error| match error.kind() {
                Kind::NotFound => {
                    let message = format!(
                        "No application's permission is called {permission}. `muster permission list` shows all."
                    );
                    Error::new(Kind::NotFound, "permission.unknown", message)
                }
                _ => error,
            })
        }
    }
}

async fn key(app: &App, actor: &Actor, role: String) -> Result<RoleKey> {
    let keys = app.role_keys(actor, &[role]).await?;
    keys.first().copied().ok_or_else(Error::not_found)
}
