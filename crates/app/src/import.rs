//! Importing users from rows: each row with its own verdict, a chunk of rows in one transaction.
//!
//! Rows come in staged, or invited where that is asked for. A row that names somebody who exists is reported, not changed: importing twice does nothing
//! twice.

use model::{
    Action, Error, Org, Permission, Result, Role, UserFields, error::FieldError, settings::LifecyclePolicy,
    user::Completeness,
};
use serde::{Deserialize, Serialize};
use store::Lane;

use crate::{Actor, App, Operation};

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
                    Ok((fields, roles)) => op.import(fields, roles, &policy, invite).await?,
                });
            }
            Ok(verdicts)
        };
        Ok(self.run_replayable(actor, Permission::UserImport, Lane::Bulk, deed).await?.0)
    }
}

/// A row whose values are acceptable, or why not.
type Checked = Result<(UserFields, Vec<Role>), Vec<FieldError>>;

fn check(row: Row) -> Checked {
    let mut refused = Vec::new();
    let mut roles = Vec::new();
    for name in &row.roles {
        match Role::named(name) {
            Ok(role) => roles.push(role),
            Err(error) => refused.extend(error.fields().iter().cloned()),
        }
    }
    match row.fields.checked(Completeness::EmailOnly) {
        Ok(fields) if refused.is_empty() => Ok((fields, roles)),
        Ok(_) => Err(refused),
        Err(error) => {
            refused.extend(error.fields().iter().cloned());
            Err(refused)
        }
    }
}

impl Operation<'_, '_> {
    async fn import(
        &mut self,
        fields: &UserFields,
        roles: &[Role],
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
        for role in roles {
            if let Err(error) = self.permissions.may_grant(role.permissions().beyond_member()) {
                let field = FieldError::new("roles", error.code().to_owned(), error.message());
                return Ok(Verdict::Refused { fields: vec![field] });
            }
        }
        match self.create(fields.clone(), roles, None, &policy.username_template).await {
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
}
