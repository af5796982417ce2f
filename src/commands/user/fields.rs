//! The fields of a user as options: one list for creating and editing, so that neither lacks what the other has.

use clap::{Args, builder::PossibleValuesParser};
use model::{Error, Result, user::UserType};
use serde_json::{Map, Value};

use super::References;
use crate::problem::usage;

/// What people write about a user. An empty value means none.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The record")]
pub(super) struct Fields {
    /// For signing in; unique
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Primary address; unique
    #[arg(long)]
    email: Option<String>,
    /// Given name
    #[arg(long, value_name = "NAME")]
    given_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    family_name: Option<String>,
    /// Name as shown; made from the names if left out
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// What sort of user
    #[arg(long = "type", value_name = "TYPE", value_parser = types())]
    user_type: Option<String>,
    /// Work phone
    #[arg(long)]
    phone: Option<String>,
    /// Mobile phone
    #[arg(long, value_name = "PHONE")]
    mobile: Option<String>,
    /// Personal address, for onboarding and recovery only
    #[arg(long, value_name = "EMAIL")]
    personal_email: Option<String>,
    /// Personal phone, for onboarding and recovery only
    #[arg(long, value_name = "PHONE")]
    personal_phone: Option<String>,
    /// Job title
    #[arg(long)]
    title: Option<String>,
    /// Department
    #[arg(long)]
    department: Option<String>,
    /// Division
    #[arg(long)]
    division: Option<String>,
    /// Cost centre
    #[arg(long)]
    cost_centre: Option<String>,
    /// Employee number
    #[arg(long, value_name = "NUMBER")]
    employee_number: Option<String>,
    /// The manager: username, email or id
    #[arg(long, value_name = "WHO")]
    manager: Option<String>,
    /// Who answers for a service user: username, email or id
    #[arg(long, value_name = "WHO")]
    responsible: Option<String>,
    /// Language, such as de-DE
    #[arg(long)]
    locale: Option<String>,
    /// Time zone, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// A label; may be repeated
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    tags: Option<Vec<String>>,
    /// Notes for administrators
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// Sign-in is refused before; a date means its first moment in the organization's time zone
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Sign-in is refused from then on; a guest needs it; a date includes its day in the organization's time zone
    #[arg(long, value_name = "TIME")]
    valid_until: Option<String>,
    /// Anything else as a JSON object, such as {"address":{"city":"Lyon"},"attributes":{"badge":7}}
    #[arg(long, value_name = "JSON")]
    set: Option<String>,
}

/// The fields of somebody new.
#[derive(Debug, Args)]
pub(super) struct NewFields {
    #[command(flatten)]
    fields: Fields,
}

fn types() -> PossibleValuesParser {
    PossibleValuesParser::new(UserType::ALL.iter().map(|sort| sort.as_str()))
}

impl NewFields {
    /// What is said of them.
    pub(super) async fn read(self, references: &mut References<'_>) -> Result<Map<String, Value>> {
        let mut patch = self.fields.collect(references).await?;
        patch.retain(|_, value| !value.is_null());
        Ok(patch)
    }
}

impl Fields {
    /// What changes.
    pub(super) async fn patch(self, references: &mut References<'_>) -> Result<Map<String, Value>> {
        let patch = self.collect(references).await?;
        if patch.is_empty() {
            return usage("Say what to change, such as --title \"Head of Finance\"; see --help.");
        }
        Ok(patch)
    }

    async fn collect(self, references: &mut References<'_>) -> Result<Map<String, Value>> {
        let mut patch = Map::new();
        if let Some(text) = &self.set {
            match serde_json::from_str(text) {
                Ok(Value::Object(object)) => patch = object,
                _ => return usage("--set takes a JSON object, such as {\"address\":{\"city\":\"Lyon\"}}."),
            }
        }
        for (name, user) in [("manager", self.manager), ("responsible", self.responsible)] {
            match user {
                Some(user) if user.trim().is_empty() => drop(patch.insert(name.to_owned(), Value::Null)),
                Some(user) => {
                    let found = references.find(user).await?;
                    patch.insert(name.to_owned(), serde_json::to_value(found.id).map_err(Error::internal)?);
                }
                None => {}
            }
        }
        let tags =
            self.tags.map(|tags| tags.into_iter().filter(|tag| !tag.is_empty()).map(Value::from).collect());
        let texts = [
            ("username", self.username),
            ("email", self.email),
            ("given_name", self.given_name),
            ("family_name", self.family_name),
            ("display_name", self.display_name),
            ("type", self.user_type),
            ("phone", self.phone),
            ("mobile", self.mobile),
            ("personal_email", self.personal_email),
            ("personal_phone", self.personal_phone),
            ("title", self.title),
            ("department", self.department),
            ("division", self.division),
            ("cost_centre", self.cost_centre),
            ("employee_number", self.employee_number),
            ("locale", self.locale),
            ("time_zone", self.time_zone),
            ("notes", self.notes),
            ("valid_from", self.valid_from),
            ("valid_until", self.valid_until),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.map(value)?)));
        patch.extend(
            texts.chain(tags.map(|tags| ("tags", tags))).map(|(name, value)| (name.to_owned(), value)),
        );
        Ok(patch)
    }
}

/// Empty text clears.
fn value(text: String) -> Value {
    if text.trim().is_empty() { Value::Null } else { text.into() }
}
