//! What a person can do with the own account, whatever the roles: look at it and change the own profile.

use model::{Error, Permission, Result, user::OWN_FIELDS};
use serde_json::{Map, Value};

use store::boxed;

use crate::{Actor, App, Operation, Person, access::signed_out};

impl App {
    /// One's own record, without what administrators note about one.
    #[boxed]
    pub async fn own_account(&self, actor: &Actor) -> Result<Person> {
        actor.require(Permission::AccountRead)?;
        Ok(without_notes(self.load_person(actor.context, actor.user().ok_or_else(signed_out)?).await?))
    }

    /// Changes one's own profile: names, phones, personal contacts, address, language. The rest is the administrators'.
    #[boxed]
    pub async fn edit_own_account(
        &self,
        actor: &Actor,
        patch: Map<String, Value>,
        version: Option<i64>,
    ) -> Result<Person> {
        let user = actor.user().ok_or_else(signed_out)?;
        if let Some(field) = patch.keys().find(|field| !OWN_FIELDS.contains(&field.as_str())) {
            let message = "You can't change this yourself. Ask your administrator.";
            return Err(Error::invalid_field(field.clone(), "account.not_yours", message));
        }
        let deed = async move |op: &mut Operation<'_, '_>| {
            let person = op.person(user).await?;
            if version.is_some_and(|version| version != person.user.version) {
                return Err(store::users::stale());
            }
            op.edit(person, &patch).await
        };
        Ok(without_notes(self.run(actor, Permission::AccountUpdate, deed).await?))
    }
}

fn without_notes(mut person: Person) -> Person {
    person.user.fields.notes = None;
    person
}
