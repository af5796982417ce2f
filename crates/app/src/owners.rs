//! Making somebody an owner, and an owner no more, as the menu of a user offers it (“Make admin”): by an owner, of an
//! active human; the other owners are told. The role itself is given and taken in `roles.rs`.

use model::{
    Error, Kind, Permission, Result, Status, UserId, access::Role, grant::GrantTerms, role::Scope,
    user::UserType,
};
use serde::{Deserialize, Serialize};

use store::boxed;

use crate::{Actor, App, Operation, Person};

/// Somebody was made no owner any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removed {
    /// Who.
    pub person: Person,
    /// The groups through which the person is an owner all the same, by name.
    pub still_through: Vec<String>,
}

impl App {
    /// Makes an active human an owner, for good.
    #[boxed]
    pub async fn make_admin(&self, actor: &Actor, user: UserId) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            let kind = person.user.fields.kind();
            if kind != UserType::Human || person.user.status(op.now) != Status::Active {
                return Err(not_possible(&person));
            }
            let lasting = |grant: &store::grants::RoleGrant| {
                grant.role == Role::Owner
                    && grant.scope == Scope::Org
                    && grant.holds(op.now)
                    && grant.given.terms.valid_until.is_none()
            };
            if !person.grants.iter().any(lasting) {
                op.grant(&mut person, Role::Owner.into(), Scope::Org, GrantTerms::default()).await?;
            }
            Ok(person)
        };
        self.run(actor, Permission::OwnerManage, deed).await
    }

    /// Makes somebody no owner any more; other roles and groups stay.
    #[boxed]
    pub async fn remove_admin(&self, actor: &Actor, user: UserId) -> Result<Removed> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let mut person = op.person_to_change(user, None).await?;
            let is_direct =
                person.grants.iter().any(|grant| grant.role == Role::Owner && grant.scope == Scope::Org);
            let still_through = op.owner_through(&person).await?;
            if !is_direct && !still_through.is_empty() {
                return Err(through_groups(&person, &still_through));
            }
            op.revoke(&mut person, Role::Owner.into(), Scope::Org).await?;
            Ok(Removed { person, still_through })
        };
        self.run(actor, Permission::OwnerManage, deed).await
    }

    /// The groups through which somebody is an owner, by name.
    #[boxed]
    pub async fn owner_groups(&self, person: &Person) -> Result<Vec<String>> {
        let (context, now) = (person.user.org, self.now());
        let memberships = person.memberships.clone();
        let read = async |connection: &mut store::Connection<'_>| {
            owning(connection, context, &memberships, now).await
        };
        self.database().read(read).await
    }
}

impl Operation<'_, '_> {
    async fn owner_through(&mut self, person: &Person) -> Result<Vec<String>> {
        owning(self.connection, self.context, &person.memberships, self.now).await
    }
}

/// Those of the memberships that make an owner.
async fn owning(
    connection: &mut store::Connection<'_>,
    context: model::OrgContext,
    memberships: &[store::memberships::Membership],
    now: model::Timestamp,
) -> Result<Vec<String>> {
    let mut owning = Vec::new();
    for held in memberships.iter().filter(|held| held.given.holds(now)) {
        let conferred = store::access::conferred(connection, context, &[held.group], now).await?;
        if conferred.org.contains(Permission::OwnerManage) {
            owning.push(held.name.clone());
        }
    }
    Ok(owning)
}

fn not_possible(person: &Person) -> Error {
    let name = person.user.name();
    let message = match person.user.fields.kind() {
        UserType::Human => format!("{name} is not active. Activate, unlock or reactivate {name} first."),
        _ => format!("{name} is not an ordinary person's account. Only people can be owners."),
    };
    Error::new(Kind::Conflict, "user.cannot_be_owner", message)
}

fn through_groups(person: &Person, groups: &[String]) -> Error {
    let (name, groups) = (person.user.name(), groups.join(", "));
    let message = format!("{name} is an owner through {groups}. Take {name} out of there instead.");
    Error::new(Kind::Conflict, "user.owner_through_group", message)
}
