//! Importing users from rows: each row with its own verdict, a chunk of rows in one transaction.
//!
//! Rows come in staged, or invited where that is asked for. A row that names somebody who exists is reported, not changed: importing twice does nothing
//! twice.

use model::{
    Action, Error, Kind, Org, Permission, Result, UserFields, error::FieldError, role::Scope,
    settings::LifecyclePolicy, user::Completeness,
};
use serde::{Deserialize, Serialize};
use store::{Lane, boxed};

use crate::{Actor, App, Operation, users::Holds};

/// Most rows in one chunk: others get their turn between chunks.
pub const CHUNK: usize = 100;

/// One row: the record and the names of the roles.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// The record.
    pub fields: UserFields,
    /// Role names.
    pub roles: Vec<String>,
    /// Group names.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The user is there now.
    Created,
    /// The user was there already; nothing was done.
    Unchanged,
    /// The row was refused.
    Refused {
        /// Which columns, why.
        fields: Vec<FieldError>,
    },
}

impl App {
    /// Imports a chunk of at most `CHUNK` rows. The verdicts are in the order of the rows.
    /// `invite`: who is new is invited rather than staged.
    #[boxed]
    pub async fn import_users(
        &self,
        actor: &Actor,
        org: &Org,
        rows: Vec<Row>,
        invite: bool,
    ) -> Result<Vec<Verdict>> {
        if rows.len() > CHUNK {
            return Err(Error::invalid_field(
                "rows",
                "import.too_many",
                format!("Send at most {CHUNK} rows at once."),
            ));
        }
        let policy = org.settings.lifecycle.clone();
        let checked: Vec<Checked> = rows.into_iter().map(check).collect();
        let deed = async move |op: &mut Operation<'_, '_>| {
            if invite {
                op.permissions.require(Permission::UserInvite)?;
            }
            let mut verdicts = Vec::with_capacity(checked.len());
            for row in &checked {
                verdicts.push(match row {
                    Err(fields) => Verdict::Refused { fields: fields.clone() },
                    Ok((fields, names)) => op.import(fields, names, &policy, invite).await?,
                });
            }
            Ok(verdicts)
        };
        Ok(self.run_replayable(actor, Permission::UserImport, Lane::Bulk, deed).await?.0)
    }
}

/// A row whose values are acceptable, or why not.
type Checked = Result<(UserFields, Names), Vec<FieldError>>;

/// What a row calls the roles and groups.
struct Names {
    roles: Vec<String>,
    groups: Vec<String>,
}

fn check(row: Row) -> Checked {
    let names = Names { roles: row.roles, groups: row.groups };
    match row.fields.checked(Completeness::EmailOnly) {
        Ok(fields) => Ok((fields, names)),
        Err(error) => Err(error.fields().to_vec()),
    }
}

impl Operation<'_, '_> {
    async fn import(
        &mut self,
        fields: &UserFields,
        names: &Names,
        policy: &LifecyclePolicy,
        invite: bool,
    ) -> Result<Verdict> {
        if let Some(email) = &fields.email
            && let Some(known) =
                store::users::find_by_identifier(self.connection, self.context, email).await?
        {
            let same_name = fields.username_key().is_none_or(|key| Some(key) == known.fields.username_key());
            if same_name && known.fields.email_key() == fields.email_key() {
                return Ok(Verdict::Unchanged);
            }
        }
        let holds = match self.named(names).await {
            Ok(holds) => holds,
            Err(error) if error.kind() == Kind::Internal => return Err(error),
            Err(error) => return Ok(Verdict::Refused { fields: error.fields().to_vec() }),
        };
        match self.create(fields.clone(), &holds, None, &policy.username_template).await {
            Ok(person) if invite => {
                self.transition(person, Action::Invite, policy).await.map(|_| Verdict::Created)
            }
            Ok(_) => Ok(Verdict::Created),
            // Refused before anything was written: the other rows of the chunk stay.
            Err(error) if !error.fields().is_empty() => {
                Ok(Verdict::Refused { fields: error.fields().to_vec() })
            }
            Err(error) => Err(error),
        }
    }

    /// The roles and groups of these names, if the actor may give them.
    async fn named(&mut self, names: &Names) -> Result<Holds> {
        let mut holds = Holds::default();
        for name in &names.roles {
            let role = self.role_named(name).await?;
            self.may_assign(&role, Scope::Org).await.map_err(|error| about("roles", &error))?;
            holds.roles.push(role.key);
        }
        for name in &names.groups {
            let group = self.group_named(name).await?;
            self.may_admit(group.id).await.map_err(|error| about("groups", &error))?;
            holds.groups.push(group.id);
        }
        Ok(holds)
    }
}

/// A refusal as it stands beside a column.
fn about(field: &'static str, error: &Error) -> Error {
    if error.kind() == Kind::Internal {
        return Error::internal(error.to_string());
    }
    Error::invalid(vec![FieldError::new(field, error.code().to_owned(), error.message())])
}
