//! Importing users from rows: each row with its own verdict, a chunk of rows in one transaction.
//!
//! Rows come in staged, or invited where that is asked for. A row that names somebody who exists is reported, not changed:
//! importing twice does nothing twice. What the row says and the record does not is noted with its verdict.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Action, Error, GroupId, Org, Permission, Result, RoleKey, User, UserFields, csv, error::FieldError,
    group::GroupFields, lifecycle::State, role::Scope, settings::LifecyclePolicy, user::Completeness,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Lane, boxed};

use crate::{Actor, App, Operation, memberships::UNKNOWN_GROUP, users::Holds};

/// Most rows in one chunk: others get their turn between chunks.
pub const CHUNK: usize = 100;

/// One row: the record, roles and groups.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// The record.
    pub fields: UserFields,
    /// Which roles.
    pub roles: Listed,
    /// Which groups.
    pub groups: Listed,
}

/// The names in a row, such as those of its groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// One by one.
    Names(Vec<String>),
    /// A cell of a file: one name where something has just that name, else several with separators between
    /// ([`model::csv::names`]).
    Cell(String),
}

impl Listed {
    fn is_empty(&self) -> bool {
        match self {
            Self::Names(names) => names.is_empty(),
            Self::Cell(cell) => cell.trim().is_empty(),
        }
    }

    /// Whether each of the names is one of these.
    fn is_among(&self, held: &[String]) -> bool {
        let key = |name: &str| model::group::name_key(name.trim());
        let is_held = |name: &String| held.iter().any(|held| key(held) == key(name));
        match self {
            Self::Names(names) => names.iter().all(is_held),
            Self::Cell(cell) => is_held(cell) || csv::names(cell).iter().all(is_held),
        }
    }
}

/// How rows are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taking {
    /// Whether who is new is invited; else staged.
    pub invite: bool,
    /// Whether groups that don't exist are created.
    pub create_groups: bool,
}

/// What came of a chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// In the order of the rows.
    pub verdicts: Vec<Verdict>,
    /// The names of the groups that were created.
    pub created_groups: Vec<String>,
    /// The names of groups that don't exist, each with the number of rows that were refused for it.
    pub missing_groups: BTreeMap<String, u64>,
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The user is there now.
    Created,
    /// The user was there already; nothing was done.
    Unchanged {
        /// What stands in the way of what the row says: where the user is, and what the record says otherwise.
        #[serde(default)]
        notes: Vec<FieldError>,
    },
    /// The row was refused.
    Refused {
        /// Which columns, why.
        fields: Vec<FieldError>,
    },
}

impl App {
    /// Imports a chunk of at most `CHUNK` rows. A row that is refused leaves nothing behind; the others are taken.
    #[boxed]
    pub async fn import_users(
        &self,
        actor: &Actor,
        org: &Org,
        rows: Vec<Row>,
        taking: Taking,
    ) -> Result<Imported> {
        if rows.len() > CHUNK {
            return Err(Error::invalid_field(
                "rows",
                "import.too_many",
                format!("Send at most {CHUNK} rows at once."),
            ));
        }
        let policy = org.settings.lifecycle.clone();
        let typed = rows.iter().flat_map(typed).collect();
        let checked: Vec<Checked> = rows.into_iter().map(check).collect();
        let deed = async move |op: &mut Operation<'_, '_>| {
            if taking.invite {
                op.permissions.require(Permission::UserInvite)?;
            }
            if taking.create_groups {
                op.permissions.require(Permission::GroupCreate)?;
            }
            let mut imported = Imported::default();
            for row in &checked {
                let verdict = match row {
                    Err(fields) => Verdict::Refused { fields: fields.clone() },
                    Ok((fields, names)) => {
                        let (part, mut missing) = (op.begin_part().await?, BTreeSet::new());
                        let taken = op.import(fields, names, &policy, taking, &mut missing).await;
                        for name in missing {
                            *imported.missing_groups.entry(name).or_default() += 1;
                        }
                        match op.end_part(part, taken).await? {
                            Ok((verdict, created)) => {
                                imported.created_groups.extend(created);
                                verdict
                            }
                            Err(error) => Verdict::Refused { fields: reasons(&error) },
                        }
                    }
                };
                imported.verdicts.push(verdict);
            }
            Ok(imported)
        };
        Ok(self.run_replayable(&actor.repeating(typed), Permission::UserImport, Lane::Bulk, deed).await?.0)
    }
}

/// What a refusal or a note may repeat of a row.
fn typed(row: &Row) -> Vec<String> {
    let fields = as_map(&row.fields).unwrap_or_default().into_iter();
    let fields = fields.filter_map(|(_, value)| value.as_str().map(str::to_owned));
    let listed = |listed: &Listed| match listed {
        Listed::Names(names) => names.clone(),
        Listed::Cell(cell) => [vec![cell.clone()], csv::names(cell)].concat(),
    };
    let texts = fields.chain(listed(&row.roles)).chain(listed(&row.groups));
    texts.flat_map(|text| [text.trim().to_owned(), text]).filter(|text| !text.is_empty()).collect()
}

/// What a record says, by field.
fn as_map(fields: &UserFields) -> Result<Map<String, Value>> {
    match serde_json::to_value(fields).map_err(Error::internal)? {
        Value::Object(map) => Ok(map.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => Ok(Map::new()),
    }
}

/// A row whose values are acceptable, or why not.
type Checked = Result<(UserFields, Names), Vec<FieldError>>;

/// What a row says besides the checked record.
struct Names {
    /// What it calls the roles.
    roles: Listed,
    /// What it calls the groups.
    groups: Listed,
    /// The fields of the record that it has, without those that follow from others.
    fields: BTreeSet<String>,
}

fn check(row: Row) -> Checked {
    let unsaid = as_map(&UserFields::default()).unwrap_or_default();
    let said = as_map(&row.fields).unwrap_or_default().into_iter();
    let fields = said.filter(|(name, value)| unsaid.get(name) != Some(value)).map(|(name, _)| name);
    let names = Names { roles: row.roles, groups: row.groups, fields: fields.collect() };
    match row.fields.checked(Completeness::EmailOnly) {
        Ok(fields) => Ok((fields, names)),
        Err(error) => Err(error.fields().to_vec()),
    }
}

/// Why a row was refused; what names no column is about the row as a whole.
fn reasons(error: &Error) -> Vec<FieldError> {
    if error.fields().is_empty() {
        return vec![FieldError::new("", error.code().to_owned(), error.message())];
    }
    error.fields().to_vec()
}

impl Operation<'_, '_> {
    /// Takes a row; also answers the names of the groups that were created for it, and notes those that don't exist.
    async fn import(
        &mut self,
        fields: &UserFields,
        names: &Names,
        policy: &LifecyclePolicy,
        taking: Taking,
        missing: &mut BTreeSet<String>,
    ) -> Result<(Verdict, Vec<String>)> {
        if let Some(email) = &fields.email
            && let Some(known) =
                store::users::find_by_identifier(self.connection, self.context, email).await?
        {
            let same_name = fields.username_key().is_none_or(|key| Some(key) == known.fields.username_key());
            if same_name && known.fields.email_key() == fields.email_key() {
                let notes = self.notes_on(&known, fields, names).await?;
                return Ok((Verdict::Unchanged { notes }, Vec::new()));
            }
        }
        let mut refused = Vec::new();
        let mut holds =
            Holds { roles: self.roles_listed(&names.roles, &mut refused).await?, ..Holds::default() };
        let (groups, created) =
            self.groups_listed(&names.groups, taking.create_groups, &mut refused, missing).await?;
        if !refused.is_empty() {
            return Err(Error::invalid(refused));
        }
        holds.groups = groups;
        let person = self.create(fields.clone(), &holds, None, &policy.username_template).await?;
        if taking.invite {
            self.transition(person, Action::Invite, policy).await?;
        }
        Ok((Verdict::Created, created))
    }

    /// What an import leaves undone for somebody who is there, for whoever may read the record.
    async fn notes_on(
        &mut self,
        known: &User,
        fields: &UserFields,
        names: &Names,
    ) -> Result<Vec<FieldError>> {
        if self.permissions.require(Permission::UserRead).is_err() {
            return Ok(Vec::new());
        }
        let in_the_way = match &known.state {
            State::Trashed { .. } => Some((
                "import.in_trash",
                "This user is in the trash. Restore the user, or delete them permanently and import again.",
            )),
            State::Deprovisioned { .. } => {
                Some(("import.deprovisioned", "This user is deprovisioned. Rehire the user instead."))
            }
            State::Suspended { .. } => {
                Some(("import.suspended", "This user is suspended. Reactivate the user to let them sign in."))
            }
            _ => None,
        };
        let mut notes: Vec<FieldError> =
            in_the_way.into_iter().map(|(code, message)| FieldError::new("", code, message)).collect();
        let differs = |field: &str| {
            let message = "The record says something else. An import leaves users who exist as they are: edit the user.";
            FieldError::new(field.to_owned(), "import.differs", message)
        };
        let (said, kept) = (as_map(fields)?, as_map(&known.fields)?);
        let fields = said
            .iter()
            .filter(|(name, value)| names.fields.contains(*name) && kept.get(*name) != Some(value));
        notes.extend(fields.map(|(name, _)| differs(name)));
        if !names.roles.is_empty() {
            let held = store::grants::of_user(self.connection, self.context, known.id).await?;
            let held: Vec<String> =
                held.into_iter().flat_map(|held| [held.name, held.role.to_string()]).collect();
            notes.extend((!names.roles.is_among(&held)).then(|| differs("roles")));
        }
        if !names.groups.is_empty() {
            let held = store::memberships::of_user(self.connection, self.context, known.id).await?;
            let held: Vec<String> =
                held.into_iter().flat_map(|held| [held.name, held.group.to_string()]).collect();
            notes.extend((!names.groups.is_among(&held)).then(|| differs("groups")));
        }
        Ok(notes)
    }

    /// The roles of these names, if the actor may give them.
    async fn roles_listed(&mut self, listed: &Listed, refused: &mut Vec<FieldError>) -> Result<Vec<RoleKey>> {
        let names = match listed {
            Listed::Names(names) => names.clone(),
            Listed::Cell(cell) => match self.role_named(cell).await {
                Ok(_) => vec![cell.clone()],
                Err(error) if error.is_refusal() => csv::names(cell),
                Err(error) => return Err(error),
            },
        };
        let mut roles = Vec::with_capacity(names.len());
        for name in &names {
            let role = match self.role_named(name).await {
                Ok(role) => self.may_assign(&role, Scope::Org).await.map(|()| role.key),
                Err(error) => Err(error),
            };
            roles.extend(beside("roles", role, refused)?);
        }
        Ok(roles)
    }

    /// The groups of these names, if the actor may put somebody into them; also the names of those that were created.
    async fn groups_listed(
        &mut self,
        listed: &Listed,
        create: bool,
        refused: &mut Vec<FieldError>,
        missing: &mut BTreeSet<String>,
    ) -> Result<(Vec<GroupId>, Vec<String>)> {
        let names = match listed {
            Listed::Names(names) => names.clone(),
            Listed::Cell(cell) if self.is_group(cell).await? => vec![cell.clone()],
            Listed::Cell(cell) => csv::names(cell),
        };
        let (mut groups, mut created) = (Vec::with_capacity(names.len()), Vec::new());
        for name in &names {
            if create && name.parse::<GroupId>().is_err() && !self.is_group(name).await? {
                let fields = GroupFields { name: name.clone(), ..GroupFields::default() };
                let made = match fields.checked() {
                    Ok(fields) => self.insert_group(fields).await,
                    Err(error) => Err(error),
                };
                let Some(group) = beside("groups", made, refused)? else { continue };
                created.push(group.fields.name);
            }
            let group = match self.group_named(name).await {
                Ok(group) => self.may_admit(group.id).await.map(|_| group.id),
                Err(error) => {
                    if error.fields().iter().any(|field| field.code == UNKNOWN_GROUP) {
                        missing.insert(name.clone());
                    }
                    Err(error)
                }
            };
            groups.extend(beside("groups", group, refused)?);
        }
        Ok((groups, created))
    }

    /// Whether there is a group of just this name.
    async fn is_group(&mut self, name: &str) -> Result<bool> {
        let key = model::group::name_key(name.trim());
        Ok(store::groups::find_by_name(self.connection, self.context, &key).await?.is_some())
    }
}

/// What was found; a refusal is noted beside its column, and anything else fails.
fn beside<T>(column: &'static str, found: Result<T>, refused: &mut Vec<FieldError>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_refusal() => {
            let reasons = reasons(&error).into_iter();
            refused.extend(reasons.map(|reason| FieldError { field: column.into(), ..reason }));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
