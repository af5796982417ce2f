//! The fields of a user's record as forms ask for them: one list for creating, editing and one's own profile.
//!
//! Turns a record into what the fields hold, and what was changed in them into a merge patch. What a value must be
//! like is the model's.

use std::collections::HashMap;

use model::{Error, FieldError, Kind, Timestamp, UserFields, UserId, user::UserType};
use serde_json::{Map, Value};

use super::{
    forms::{Sent, Values},
    view::form::{Choice, Control, Field, Section},
    visit::Visit,
    words::{clocks, input_time, parse_time, user_type},
};

/// How a field is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Line,
    Lines(u8),
    Typed(&'static str),
    Sort,
    Tags,
    Time,
    /// Somebody of the organization, by username or email.
    Person,
}

/// One field.
struct Spec {
    name: &'static str,
    label: &'static str,
    input: Input,
    half: bool,
    hint: &'static str,
}

const fn spec(name: &'static str, label: &'static str, input: Input, half: bool, hint: &'static str) -> Spec {
    Spec { name, label, input, half, hint }
}

const IDENTITY: &[Spec] = &[
    spec("given_name", "Given name", Input::Line, true, ""),
    spec("family_name", "Family name", Input::Line, true, ""),
    spec("display_name", "Display name", Input::Line, true, "Given and family name when left empty."),
    spec("username", "Username", Input::Line, true, "For signing in. Made from the name when left empty."),
    spec("email", "Email", Input::Typed("email"), false, ""),
    spec("type", "Type", Input::Sort, true, "A service user is a program: it has tokens and no password."),
    spec("responsible", "Responsible", Input::Person, true, "Who answers for it: username or email."),
];

const CONTACT: &[Spec] = &[
    spec("phone", "Work phone", Input::Typed("tel"), true, ""),
    spec("mobile", "Mobile", Input::Typed("tel"), true, ""),
    spec(
        "personal_email",
        "Personal email",
        Input::Typed("email"),
        true,
        "For onboarding and recovery only.",
    ),
    spec("personal_phone", "Personal phone", Input::Typed("tel"), true, "For onboarding and recovery only."),
    spec("address.street", "Street and number", Input::Lines(2), false, ""),
    spec("address.postal_code", "Postal code", Input::Line, true, ""),
    spec("address.city", "City", Input::Line, true, ""),
    spec("address.region", "State or province", Input::Line, true, ""),
    spec("address.country", "Country", Input::Line, true, ""),
];

const WORK: &[Spec] = &[
    spec("title", "Title", Input::Line, true, ""),
    spec("department", "Department", Input::Line, true, ""),
    spec("division", "Division", Input::Line, true, ""),
    spec("cost_centre", "Cost centre", Input::Line, true, ""),
    spec("employee_number", "Employee number", Input::Line, true, ""),
    spec("manager", "Manager", Input::Person, true, "Username or email."),
];

const ACCOUNT: &[Spec] = &[
    spec("valid_from", "Valid from", Input::Time, true, "Signing in is refused before."),
    spec("valid_until", "Valid until", Input::Time, true, "Needed for guests; suspended from then on."),
    spec("locale", "Language", Input::Line, true, "Such as en or de-DE."),
    spec("time_zone", "Time zone", Input::Line, true, "Such as Europe/Berlin."),
    spec("tags", "Tags", Input::Tags, false, "With commas between."),
    spec("notes", "Notes", Input::Lines(3), false, "For administrators only."),
];

/// Title, words and fields of the form's parts.
const GROUPS: [(&str, &str, &[Spec]); 4] = [
    ("Identity", "How the person is called, and signs in.", IDENTITY),
    ("Contact", "", CONTACT),
    ("Work", "", WORK),
    ("Account", "", ACCOUNT),
];

fn all() -> impl Iterator<Item = &'static Spec> {
    GROUPS.iter().flat_map(|(_, _, specs)| specs.iter())
}

/// The names of the fields.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|spec| spec.name)
}

/// Which of the fields are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose<'l> {
    /// Somebody's, by an administrator: all.
    Theirs,
    /// One's own: only these, for oneself to fill in.
    Own(&'l [&'l str]),
}

impl Whose<'_> {
    /// Whether a field is asked for; a part of the address goes with the address.
    pub(crate) fn asks_for(self, name: &str) -> bool {
        match self {
            Self::Theirs => true,
            Self::Own(names) => names.contains(&name.split('.').next().unwrap_or(name)),
        }
    }
}

/// The parts of the form, filled.
pub(crate) fn sections(values: &Values, whose: Whose<'_>) -> Vec<Section> {
    let is_service = values.get("type").is_some_and(|kind| kind == UserType::Service.as_str());
    let filled = |specs: &'static [Spec]| {
        let asked = specs.iter().filter(|spec| whose.asks_for(spec.name));
        asked.map(|spec| field(spec, values, whose, is_service)).collect::<Vec<Field>>()
    };
    let section = |(title, description, specs): &(&str, &str, &'static [Spec])| {
        let description = if matches!(whose, Whose::Own(_)) { "" } else { description };
        Section::new(title, description, filled(specs))
    };
    GROUPS.iter().map(section).filter(|section| !section.fields.is_empty()).collect()
}

fn field(spec: &Spec, values: &Values, whose: Whose<'_>, is_service: bool) -> Field {
    let value = values.get(spec.name).map(String::as_str).unwrap_or_default();
    let control = match spec.input {
        Input::Line | Input::Tags | Input::Person => Control::Input("text"),
        Input::Lines(rows) => Control::Text { rows },
        Input::Typed(kind) => Control::Input(kind),
        Input::Time => Control::Input("datetime-local"),
        Input::Sort => {
            let choice = |kind: &UserType| {
                let is_default = value.is_empty() && *kind == UserType::Human;
                Choice::new(kind.as_str(), user_type(*kind)).chosen(value == kind.as_str() || is_default)
            };
            Control::Select(UserType::ALL.iter().map(choice).collect())
        }
    };
    let mut field = Field::new(spec.name, spec.label, control).value(value).hint(spec.hint);
    if spec.input == Input::Time {
        field.hint = format!("{} {}", clocks(), spec.hint);
    }
    field.half = spec.half;
    field.required = matches!(spec.name, "given_name" | "email" | "type") && !is_service;
    if spec.name == "responsible" {
        field = field.shown_when("type", UserType::Service.as_str());
    }
    if matches!(whose, Whose::Own(_)) {
        field.autocomplete = own_autocomplete(spec.name);
    }
    field
}

/// What browsers may fill in about the person who types.
fn own_autocomplete(name: &str) -> &'static str {
    match name {
        "given_name" => "given-name",
        "family_name" => "family-name",
        "display_name" => "name",
        "phone" => "work tel",
        "mobile" => "mobile tel",
        "personal_email" => "home email",
        "personal_phone" => "home tel",
        "address.street" => "street-address",
        "address.postal_code" => "postal-code",
        "address.city" => "address-level2",
        "address.region" => "address-level1",
        "address.country" => "country-name",
        "locale" => "language",
        _ => "off",
    }
}

/// The users that a record names, as its form writes them.
pub(crate) struct People(HashMap<UserId, String>);

impl People {
    /// Looks up who is named as manager and as responsible.
    pub(crate) async fn of(visit: &Visit, fields: &UserFields) -> model::Result<Self> {
        let mut people = HashMap::new();
        for id in [fields.manager, fields.responsible].into_iter().flatten() {
            match visit.app().user(&visit.caller.actor, id).await {
                Ok(person) => _ = people.insert(id, person.user.username().to_owned()),
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self(people))
    }

    /// For records that are shown without those fields.
    pub(crate) fn nobody() -> Self {
        Self(HashMap::new())
    }

    fn written(&self, id: &str) -> String {
        id.parse().ok().and_then(|id: UserId| self.0.get(&id).cloned()).unwrap_or_else(|| id.to_owned())
    }
}

/// What the fields hold for a record.
pub(crate) fn values(fields: &UserFields, people: &People) -> Values {
    let object = fields.to_object();
    let value = |spec: &Spec| {
        let mut path = spec.name.split('.');
        let top = path.next().and_then(|name| object.get(name));
        let found = match (top, path.next()) {
            (Some(inner), Some(name)) => inner.get(name),
            (found, _) => found,
        };
        match (spec.input, found) {
            (Input::Person, Some(Value::String(id))) => people.written(id),
            (Input::Time, Some(Value::String(at))) => {
                Timestamp::parse(at).map(input_time).unwrap_or_default()
            }
            (_, Some(Value::String(text))) => text.clone(),
            (_, Some(Value::Array(tags))) => {
                tags.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            _ if spec.input == Input::Sort => UserType::Human.to_string(),
            _ => String::new(),
        }
    };
    all().map(|spec| (spec.name.to_owned(), value(spec))).collect()
}

/// What was changed, as a merge patch of the record.
pub(crate) async fn patch(visit: &Visit, sent: &Sent, whose: Whose<'_>) -> model::Result<Map<String, Value>> {
    let (patch, refused) = read_all(visit, sent, whose).await?;
    if refused.is_empty() { Ok(patch) } else { Err(Error::invalid(refused)) }
}

/// What was changed and can be read, and what can't.
pub(crate) async fn read_all(
    visit: &Visit,
    sent: &Sent,
    whose: Whose<'_>,
) -> model::Result<(Map<String, Value>, Vec<FieldError>)> {
    let (mut patch, mut refused) = (Map::new(), Vec::new());
    for spec in all().filter(|spec| whose.asks_for(spec.name)) {
        let Some(text) = sent.changed(spec.name) else { continue };
        match read(visit, spec, text.trim()).await {
            Ok(value) => insert(&mut patch, spec.name, value),
            Err(error) if error.kind() == Kind::Invalid => refused.extend_from_slice(error.fields()),
            Err(error) => return Err(error),
        }
    }
    Ok((patch, refused))
}

async fn read(visit: &Visit, spec: &Spec, text: &str) -> model::Result<Value> {
    Ok(match spec.input {
        _ if text.is_empty() => Value::Null,
        Input::Line | Input::Lines(_) | Input::Typed(_) => text.into(),
        Input::Sort => match UserType::parse(text) {
            Some(kind) => kind.as_str().into(),
            None => return Err(Error::invalid_field("type", "type.unknown", "Choose one of the types.")),
        },
        Input::Tags => text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect(),
        Input::Time => parse_time(spec.name, text)?.to_string().into(),
        Input::Person => {
            let found = visit.app().user_by_identifier(&visit.caller.actor, text).await;
            let person = found.map_err(|error| match error.kind() {
                Kind::NotFound => {
                    let message = "There is nobody with this username or email.";
                    Error::invalid(vec![FieldError::new(spec.name, "user.unknown", message)])
                }
                _ => error,
            })?;
            person.user.id.to_string().into()
        }
    })
}

/// Puts `address.city` into the object `address`.
fn insert(patch: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => _ = patch.insert(name.to_owned(), value),
        Some((outer, inner)) => {
            let slot = patch.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(object) = slot {
                object.insert(inner.to_owned(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{People, all, insert, names, values};
    use model::UserFields;
    use serde_json::{Map, json};

    #[test]
    fn every_field_of_the_record_is_asked_for_once() {
        let known = json!({
            "username": "a", "email": "a@x.example", "given_name": "A", "family_name": "B", "display_name": "A B",
            "type": "guest", "phone": "123", "mobile": "123", "personal_email": "b@x.example",
            "personal_phone": "123", "title": "T", "department": "D", "division": "V", "cost_centre": "C",
            "employee_number": "E", "locale": "de", "time_zone": "Europe/Berlin", "tags": ["x", "y"], "notes": "N",
            "valid_until": "2027-01-31T00:00:00Z", "address": {"city": "Rome", "street": "Via 1\n2. Stock"},
        });
        let fields: UserFields = serde_json::from_value(known.clone()).expect("a record");
        let values = values(&fields, &People::nobody());
        for name in known.as_object().expect("an object").keys().filter(|name| *name != "address") {
            assert!(!values[name].is_empty(), "{name}");
        }
        assert_eq!((values["tags"].as_str(), values["address.city"].as_str()), ("x, y", "Rome"));
        assert_eq!(values["valid_until"], "2027-01-31T00:00");
        assert_eq!(
            names().count(),
            all().map(|spec| spec.name).collect::<std::collections::HashSet<_>>().len()
        );
    }

    #[test]
    fn parts_of_the_address_go_into_it() {
        let mut patch = Map::new();
        insert(&mut patch, "address.city", "Rome".into());
        insert(&mut patch, "address.region", serde_json::Value::Null);
        insert(&mut patch, "title", "Lead".into());
        assert_eq!(
            serde_json::Value::from(patch),
            json!({"address": {"city": "Rome", "region": null}, "title": "Lead"})
        );
    }
}
