//! What one can do with an organization's own roles: make, change, delete, compare.
//!
//! Whatever is added to a role or taken from it lies within the actor's own rights, as if it were given to or taken from
//! everybody who holds the role, now or ever. The built-in roles are as they are.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Error, Kind, Permission, Result, RoleId, RoleKey,
    audit::{Changed, Changes},
    grant::Holder,
    role::{Allowed, RoleDefinition, RoleFields, Scope},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Connection, boxed};

use crate::{
    Actor, App, Operation,
    cache::Stale,
    impact::Concern,
    operation::Event,
    role_holders::{HeldRole, HolderCounts},
    users::changed,
};

/// Holders that are read at once.
const PAGE: u16 = 500;
/// Most roles that an organization makes: as many as people can still tell apart, and more.
pub const MOST: usize = 500;

/// A role to make.
#[derive(Debug, Clone, Default)]
pub struct NewRole {
    /// What is written about it.
    pub fields: RoleFields,
    /// Another role, by key or name, whose permissions it gets besides. What everyone may do is left out.
    pub copy_of: Option<String>,
}

/// What changes in a role; what is `None` or empty stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RoleEdit {
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// All that it allows from now on.
    pub permissions: Option<BTreeSet<String>>,
    /// What it allows besides.
    pub add: BTreeSet<String>,
    /// What it does not allow any more.
    pub remove: BTreeSet<String>,
}

/// A role after a change, with what the change was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditedRole {
    /// As it is now, with how many it concerns.
    pub role: HeldRole,
    /// What it allows besides.
    pub added: Vec<String>,
    /// What it does not allow any more.
    pub removed: Vec<String>,
}

/// What one role allows that the other does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The one.
    pub one: RoleDefinition,
    /// The other.
    pub other: RoleDefinition,
    /// What only the one allows.
    pub only_one: Allowed,
    /// What only the other allows.
    pub only_other: Allowed,
    /// What both allow.
    pub both: Allowed,
}

impl App {
    /// Makes a role of the organization's own.
    #[boxed]
    pub async fn create_role(&self, actor: &Actor, new: NewRole) -> Result<HeldRole> {
        let (name, description, allowed) = new.fields.checked()?;
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut allowed = op.known(allowed.clone()).await?;
            if let Some(base) = &new.copy_of {
                let mut base = op.role_to_copy(base).await?.allowed;
                base.permissions = base.permissions.beyond_member();
                allowed = allowed.and(&base);
            }
            op.rights.may_grant(&allowed.in_scope(Scope::Org, Vec::new()))?;
            if store::roles::list(op.connection, op.context).await?.len() >= MOST {
                let message = format!("There are {MOST} roles already. Delete one that nobody needs first.");
                return Err(Error::new(Kind::Conflict, "role.too_many", message));
            }
            let role = RoleDefinition {
                key: RoleKey::Custom(RoleId(op.new_id())),
                name: name.clone(),
                description: description.clone(),
                allowed,
                created_at: Some(op.now),
                updated_at: Some(op.now),
                version: 1,
            };
            store::roles::insert(op.connection, op.context, &role).await?;
            op.record_role(&role, "role.created", written(None, Some(&role)));
            op.stale(Stale::Org(op.context));
            Ok(HeldRole { role, held: HolderCounts::default() })
        };
        self.run(actor, Permission::RoleCreate, deed).await
    }

    /// Changes a role of the organization's own. A dry run answers what would be added and removed, and for how many.
    #[boxed]
    pub async fn edit_role(
        &self,
        actor: &Actor,
        key: RoleKey,
        edit: RoleEdit,
        version: Option<i64>,
    ) -> Result<EditedRole> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let before = op.own_role(key, version).await?;
            let mut role = before.clone();
            let (name, description, allowed) = edit.fields_of(&before).checked()?;
            (role.name, role.description, role.allowed) = (name, description, op.known(allowed).await?);
            let (added, removed) =
                (role.allowed.beyond(&before.allowed), before.allowed.beyond(&role.allowed));
            op.rights.may_grant(&added.clone().and(&removed).in_scope(Scope::Org, Vec::new()))?;
            let rights = before.allowed.in_scope(Scope::Org, Vec::new());
            // What a role is called decides to whom people give it: that follows the granting rule, too.
            if (&role.name, &role.description) != (&before.name, &before.description) {
                op.rights.may_grant(&rights)?;
            }
            op.touch_owners(&rights);
            let held = store::role_holders::count(op.connection, op.context, key, op.now).await?;
            if role != before {
                op.raising(Concern::Role(key)).await?;
                op.save_role(&mut role).await?;
                op.record_role(&role, "role.updated", written(Some(&before), Some(&role)));
            }
            Ok(EditedRole { role: HeldRole { role, held }, added: added.list(), removed: removed.list() })
        };
        self.run(actor, Permission::RoleUpdate, deed).await
    }

    /// Deletes a role of the organization's own with all that grants it; answers how many held it.
    #[boxed]
    pub async fn delete_role(&self, actor: &Actor, key: RoleKey, version: Option<i64>) -> Result<HeldRole> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let role = op.own_role(key, version).await?;
            let rights = role.allowed.in_scope(Scope::Org, Vec::new());
            op.rights.may_grant(&rights)?;
            op.touch_owners(&rights);
            let held = store::role_holders::count(op.connection, op.context, key, op.now).await?;
            op.concerning(Concern::Role(key)).await?;
            op.record_losers(&role).await?;
            if let RoleKey::Custom(id) = key {
                store::roles::delete(op.connection, op.context, id).await?;
            }
            let mut changes = written(Some(&role), None);
            changes.extend(changed("held_by_users", held.users.into(), 0.into()));
            changes.extend(changed("held_by_groups", held.groups.into(), 0.into()));
            op.record_role(&role, "role.deleted", changes);
            op.stale(Stale::Org(op.context));
            Ok(HeldRole { role, held })
        };
        self.run(actor, Permission::RoleDelete, deed).await
    }

    /// Compares two roles, each by key or name.
    #[boxed]
    pub async fn compare_roles(&self, actor: &Actor, one: &str, other: &str) -> Result<Comparison> {
        actor.require(Permission::RoleRead)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            let one = crate::roles::named(connection, context, one).await?;
            Ok((one, crate::roles::named(connection, context, other).await?))
        };
        let (one, other) = self.database().read(read).await?;
        let (only_one, only_other) = (one.allowed.beyond(&other.allowed), other.allowed.beyond(&one.allowed));
        let both = one.allowed.beyond(&only_one);
        Ok(Comparison { one, other, only_one, only_other, both })
    }
}

impl RoleEdit {
    /// What is written about the role after this.
    fn fields_of(&self, before: &RoleDefinition) -> RoleFields {
        let mut permissions =
            self.permissions.clone().unwrap_or_else(|| before.allowed.list().into_iter().collect());
        permissions.extend(self.add.iter().cloned());
        permissions.retain(|name| !self.remove.contains(name));
        RoleFields {
            name: self.name.clone().unwrap_or_else(|| before.name.clone()),
            description: self.description.clone().unwrap_or_else(|| before.description.clone()),
            permissions,
        }
    }
}

impl Operation<'_, '_> {
    /// A role that can be changed, of the version that the caller has seen.
    async fn own_role(&mut self, key: RoleKey, version: Option<i64>) -> Result<RoleDefinition> {
        if key.built_in().is_some() {
            let message = "A built-in role is the same everywhere. Make a copy of it, and change that.";
            return Err(Error::new(Kind::Conflict, "role.built_in", message));
        }
        let role = store::roles::find(self.connection, self.context, key).await?;
        let role = role.ok_or_else(Error::not_found)?;
        if version.is_some_and(|version| version != role.version) {
            return Err(store::roles::stale());
        }
        Ok(role)
    }

    async fn role_to_copy(&mut self, name: &str) -> Result<RoleDefinition> {
        self.role_named(name).await.map_err(|error| {
            let fields = error.fields().iter().cloned();
            let fields = fields.map(|field| model::FieldError { field: "copy_of".into(), ..field }).collect();
            if error.fields().is_empty() { error } else { Error::invalid(fields) }
        })
    }

    /// The same, if the organization has defined every one of the applications' permissions in it.
    async fn known(&mut self, allowed: Allowed) -> Result<Allowed> {
        if allowed.applications.is_empty() {
            return Ok(allowed);
        }
        let defined = store::application_permissions::list(self.connection, self.context).await?;
        let is_unknown = |name: &&str| !defined.iter().any(|permission| permission.name == **name);
        let unknown: Vec<&str> = allowed.applications.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(allowed);
        }
        let message = format!(
            "There is no permission {}. Look at the list of permissions; an application's is defined there first.",
            unknown.join(", ")
        );
        Err(Error::invalid_field("permissions", "permission.unknown", message))
    }

    /// Writes a changed role, and makes everybody who holds it be looked at again.
    pub(crate) async fn save_role(&mut self, role: &mut RoleDefinition) -> Result<()> {
        role.version += 1;
        role.updated_at = Some(self.now);
        store::roles::update(self.connection, self.context, role).await?;
        self.stale(Stale::Org(self.context));
        Ok(())
    }

    /// An entry for each user and group that holds a role which is about to be deleted: whoever looks at one of them sees
    /// that it was taken.
    async fn record_losers(&mut self, role: &RoleDefinition) -> Result<()> {
        let mut from = None;
        loop {
            let (connection, context) = (&mut *self.connection, self.context);
            let page =
                store::role_holders::page(connection, context, role.key, (from, false), PAGE, self.now)
                    .await?;
            for held in &page {
                let (name, target_type, target) = match held.holder {
                    Holder::User(user) => ("role.revoked", "user", user.0),
                    Holder::Group(group) => ("group.role_revoked", "group", group.0),
                };
                let what = match held.scope {
                    Scope::Org => role.name.clone(),
                    Scope::Group(_) => format!("{} over {}", role.name, held.scope_name),
                };
                let changes = changed("role", what.into(), Value::Null);
                let (target_name, reason) = (held.name.as_str(), String::new());
                self.record(Event { name, target_type, target, target_name, changes, reason });
            }
            let Some(last) = page.last().filter(|_| page.len() == usize::from(PAGE)) else { return Ok(()) };
            let (is_user, id) = match last.holder {
                Holder::User(user) => (true, user.0),
                Holder::Group(group) => (false, group.0),
            };
            from = Some(store::role_holders::Place { is_user, id, scope: last.scope.id(self.context) });
        }
    }

    pub(crate) fn record_role(&mut self, role: &RoleDefinition, name: &str, changes: Changes) {
        let target = match role.key {
            RoleKey::Custom(id) => id.0,
            RoleKey::BuiltIn(_) => self.context.org.0,
        };
        let target_name = role.name.as_str();
        self.record(Event { name, target_type: "role", target, target_name, changes, reason: String::new() });
    }
}

/// What the audit log says of a change: name and description, and each permission that came or went.
pub(crate) fn written(before: Option<&RoleDefinition>, after: Option<&RoleDefinition>) -> Changes {
    let mut changes: Changes = BTreeMap::new();
    let mut text = |field: &str, of: fn(&RoleDefinition) -> &str| {
        let value = |role: Option<&RoleDefinition>| role.map_or(Value::Null, |role| json!(of(role)));
        let (before, after) = (value(before), value(after));
        if before != after {
            changes.insert(field.to_owned(), Changed { before, after });
        }
    };
    text("name", |role| &role.name);
    text("description", |role| &role.description);
    let nothing = Allowed::default();
    let (old, new) =
        (before.map_or(&nothing, |role| &role.allowed), after.map_or(&nothing, |role| &role.allowed));
    let flag = |held: bool, role: Option<&RoleDefinition>| role.map_or(Value::Null, |_| held.into());
    for name in new.beyond(old).list() {
        changes.insert(name, Changed { before: flag(false, before), after: flag(true, after) });
    }
    for name in old.beyond(new).list() {
        changes.insert(name, Changed { before: flag(true, before), after: flag(false, after) });
    }
    changes
}
