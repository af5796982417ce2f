//! The record of a user: the fields that people write, checked and brought into their normal form.
//!
//! `UserFields` is one struct for creating, editing, importing and showing, so that no door knows a field that
//! another one forgets. Where the user stands in life is `lifecycle.rs`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    Error, FieldError, OrgContext, Result, State, Timestamp, UserId, Zone, lifecycle::Lock, names::names,
    object, search, text, unacceptable, user_check::Refused, validate,
};

names! {
    /// What sort of user.
    UserType {
        /// A person.
        Human = "human",
        /// A program: no browser sign-in, tokens only; somebody answers for it.
        Service = "service",
        /// A person from outside: needs an end date, is never an administrator.
        Guest = "guest",
        /// For emergencies: exempt from inactivity, synchronization and expiry.
        BreakGlass = "break_glass",
    }
}

names! {
    /// Where the record is mastered.
    Source {
        /// Here.
        Local = "local",
        /// An identity provider through SCIM.
        Scim = "scim",
        /// LDAP or Active Directory.
        Directory = "directory",
        /// A personnel system.
        Hr = "hr",
    }
}

/// A user, as loaded: the fields, the state with its overlays, and when things happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Never changes, never used again.
    pub id: UserId,
    /// The organization that the user belongs to.
    pub org: OrgContext,
    /// What people write about the user.
    pub fields: UserFields,
    /// Whether the email is proven to be the user's.
    pub email_verified: bool,
    /// Where the user stands.
    pub state: State,
    /// An administrator's lock.
    pub lock: Option<Lock>,
    /// Too many wrong passwords from everywhere: password sign-in is refused until then.
    pub password_locked_until: Option<Timestamp>,
    /// Where the record is mastered.
    pub source: Source,
    /// The id in that source.
    pub external_id: Option<String>,
    /// When the record was created.
    pub created_at: Timestamp,
    /// When the record was last changed.
    pub updated_at: Timestamp,
    /// First activation.
    pub joined_at: Option<Timestamp>,
    /// Last sign-in.
    pub last_sign_in_at: Option<Timestamp>,
    /// How: `password`.
    pub last_sign_in_method: Option<String>,
    /// Last request, to within five minutes.
    pub last_seen_at: Option<Timestamp>,
    /// Counts changes, for `If-Match`.
    pub version: i64,
}

/// What people write about a user. Empty text means none. Checked by `UserFields::checked`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UserFields {
    /// For signing in; unique, case does not matter. Made from the names if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Primary address; unique. Needed for people, not for service users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// As shown; made from the names if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What sort of user; `human` if left out.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub user_type: Option<UserType>,
    /// Work phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Mobile phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// For onboarding and recovery only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal_email: Option<String>,
    /// For onboarding and recovery only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal_phone: Option<String>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object::no_list_if_any")]
    pub address: Option<Address>,
    /// Job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Division.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<String>,
    /// Cost centre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<String>,
    /// Employee number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<String>,
    /// The manager's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub manager: Option<UserId>,
    /// Who answers for a service user: a user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub responsible: Option<UserId>,
    /// Language, such as `de-DE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Time zone, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Free labels, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Notes for administrators, at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Sign-in is refused before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_from: Option<Timestamp>,
    /// Sign-in is refused from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_until: Option<Timestamp>,
    /// Attributes of the organization's own, at most 16 kB and 32 levels deep.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// Street and number; may have several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// Fields that a person may change in the own profile; the rest is the administrators'.
pub const OWN_FIELDS: [&str; 10] = [
    "given_name",
    "family_name",
    "display_name",
    "phone",
    "mobile",
    "personal_email",
    "personal_phone",
    "address",
    "locale",
    "time_zone",
];

/// How much a door insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Creating and editing: names and email (a service user: a username).
    Full,
    /// Importing and inviting: only an email.
    EmailOnly,
}

impl UserFields {
    /// Checks every field and brings it into its normal form; all refusals at once.
    ///
    /// Fills in the display name. Does not fill in the username: that needs to know which ones are taken
    /// (`username_candidates`).
    pub fn checked(mut self, completeness: Completeness) -> Result<Self> {
        let mut refused = Refused(Vec::new());
        let user_type = self.kind();
        refused.text("given_name", &mut self.given_name, 100);
        refused.text("family_name", &mut self.family_name, 100);
        refused.text("display_name", &mut self.display_name, 200);
        refused.text("title", &mut self.title, 200);
        refused.text("department", &mut self.department, 200);
        refused.text("division", &mut self.division, 200);
        refused.text("cost_centre", &mut self.cost_centre, 100);
        refused.text("employee_number", &mut self.employee_number, 100);
        refused.lines("notes", &mut self.notes, 2000);
        refused.with(&mut self.phone, |value| validate::phone("phone", value));
        refused.with(&mut self.mobile, |value| validate::phone("mobile", value));
        refused.with(&mut self.personal_phone, |value| validate::phone("personal_phone", value));
        refused.with(&mut self.email, |value| validate::email("email", value));
        refused.with(&mut self.personal_email, |value| validate::email("personal_email", value));
        refused.with(&mut self.username, validate::username);
        refused.with(&mut self.locale, validate::locale);
        refused.with(&mut self.time_zone, validate::time_zone);
        refused.address(&mut self.address);
        refused.tags(&mut self.tags);
        refused.attributes(&self.attributes);
        refused.note(validate::validity(self.valid_from, self.valid_until));
        self.complete(completeness, user_type, &mut refused);
        if !refused.0.is_empty() {
            return Err(Error::invalid(refused.0));
        }
        if self.display_name.is_none() {
            self.display_name = self.made_display_name();
        }
        Ok(self)
    }

    /// What must be there, by the sort of user.
    fn complete(&self, completeness: Completeness, user_type: UserType, refused: &mut Refused) {
        let mut missing = |field: &'static str, message: &str| {
            if !refused.0.iter().any(|known| known.field == field) {
                refused.0.push(FieldError::new(field, format!("{field}.missing"), message));
            }
        };
        if user_type == UserType::Service {
            if self.username.is_none() {
                missing("username", "Write a username for the service user.");
            }
        } else {
            if self.email.is_none() {
                missing("email", "Write the person's email address.");
            }
            let named =
                self.given_name.is_some() || self.family_name.is_some() || self.display_name.is_some();
            if completeness == Completeness::Full && !named {
                missing("given_name", "Write the person's name.");
            }
        }
        if user_type == UserType::Guest && self.valid_until.is_none() {
            missing("valid_until", "A guest needs an end date.");
        }
        if let (Some(username), email) = (&self.username, &self.email)
            && username.contains('@')
            && email.as_deref().map(text::key) != Some(key(username))
        {
            let message = "A username with an @ must be the user's own email address.";
            refused.0.push(FieldError::new("username", "username.other_email", message));
        }
    }

    fn made_display_name(&self) -> Option<String> {
        if let Some(name) = self.family_first() {
            return Some(name);
        }
        let names: Vec<&str> =
            [&self.given_name, &self.family_name].into_iter().flatten().map(String::as_str).collect();
        if names.is_empty() { None } else { Some(names.join(" ")) }
    }

    /// A name in Han, kana or Hangul as it is written: the family's name first, and no blank.
    fn family_first(&self) -> Option<String> {
        let (given, family) = (self.given_name.as_deref()?, self.family_name.as_deref()?);
        let written_so = |name: &str| !name.is_empty() && name.chars().all(search::is_ideographic);
        (written_so(given) && written_so(family)).then(|| format!("{family}{given}"))
    }

    /// What sort of user; a person unless said otherwise.
    pub fn kind(&self) -> UserType {
        self.user_type.unwrap_or(UserType::Human)
    }

    /// The fields as a JSON object, empty ones left out: for comparing and for the audit log.
    pub fn to_object(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(object)) => object,
            _ => Map::new(),
        }
    }

    /// These fields with a JSON merge patch (RFC 7396) applied: missing = keep, `null` = clear. Not yet checked.
    pub fn patched(&self, patch: &Map<String, Value>) -> Result<Self> {
        let mut object = self.to_object();
        merge(&mut object, patch);
        unacceptable::read(Value::Object(object), "")
    }

    /// The form under which the username is unique.
    pub fn username_key(&self) -> Option<String> {
        self.username.as_deref().map(key)
    }

    /// The form under which the email is unique.
    pub fn email_key(&self) -> Option<String> {
        self.email.as_deref().map(text::key)
    }
}

/// RFC 7396: objects merge, `null` removes, all else replaces. One level below the top is enough for an address.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(slot) = slot {
                    merge(slot, inner);
                } else {
                    *slot = value.clone();
                }
            }
            other => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}

/// An email address in its normal form, or why it is none; `field` gets the refusal.
pub fn checked_email(field: &'static str, value: &str) -> std::result::Result<String, FieldError> {
    validate::email(field, value)
}

/// The key under which a username or an email is looked up, as somebody typed it: an address with a domain as people
/// write it (`ana@bücher.example`) is the stored one.
pub fn key(identifier: &str) -> String {
    let address = if identifier.contains('@') { validate::email("email", identifier).ok() } else { None };
    text::key(address.as_deref().unwrap_or(identifier))
}

/// Whether mail to both addresses reaches one mailbox, as far as that can be told without asking its server: the domains are
/// one, and what stands before them differs in the case of ASCII letters at most. [`key`] is wider, and rightly so: `straße@`
/// and `strasse@` are one name here, and two mailboxes there (RFC 6531).
pub fn is_same_mailbox(one: &str, other: &str) -> bool {
    let normal = |address: &str| validate::email("email", address).unwrap_or_else(|_| address.to_owned());
    normal(one).eq_ignore_ascii_case(&normal(other))
}

/// An email address as people write its domain; stored addresses have it in ASCII.
pub fn shown_email(address: &str) -> String {
    validate::shown_email(address)
}

impl User {
    /// A new user, staged. `fields` are checked and have a username.
    pub fn new(id: UserId, org: OrgContext, fields: UserFields, now: Timestamp) -> Self {
        Self {
            id,
            org,
            fields,
            email_verified: false,
            state: State::Staged,
            lock: None,
            password_locked_until: None,
            source: Source::Local,
            external_id: None,
            created_at: now,
            updated_at: now,
            joined_at: None,
            last_sign_in_at: None,
            last_sign_in_method: None,
            last_seen_at: None,
            version: 1,
        }
    }

    /// The username; every stored user has one.
    pub fn username(&self) -> &str {
        self.fields.username.as_deref().unwrap_or_default()
    }

    /// Where the clocks are that this user looks at; UTC if nobody has said.
    pub fn zone(&self) -> Zone {
        self.fields.time_zone.as_deref().and_then(Zone::named).unwrap_or_default()
    }

    /// The email with its domain as people write it; empty without one.
    pub fn shown_email(&self) -> String {
        self.fields.email.as_deref().map(shown_email).unwrap_or_default()
    }

    /// As shown: the display name, else the username.
    pub fn name(&self) -> &str {
        self.fields.display_name.as_deref().unwrap_or_else(|| self.username())
    }

    /// One or two letters for the avatar.
    pub fn initials(&self) -> String {
        initials(self.name())
    }

    /// The text under which the user is found.
    pub fn search_text(&self) -> String {
        let fields = &self.fields;
        let parts = [
            &fields.display_name,
            &fields.given_name,
            &fields.family_name,
            &fields.username,
            &fields.email,
            &fields.phone,
            &fields.mobile,
            &fields.employee_number,
        ];
        let (whole, address) = (fields.family_first(), fields.email.as_deref().map(shown_email));
        let parts = parts.into_iter().chain([&whole, &address]);
        search::text(parts.flatten().map(String::as_str))
    }

    /// The name as it sorts.
    pub fn sort_name(&self) -> String {
        search::sort_key(self.name())
    }

    /// Whether that is the mailbox of the primary address.
    pub fn has_mailbox(&self, address: &str) -> bool {
        self.fields.email.as_deref().is_some_and(|own| is_same_mailbox(own, address))
    }

    /// Replaces the fields; true if anything changed. The email of another mailbox is unverified until proven.
    pub fn edit(&mut self, fields: UserFields) -> bool {
        if fields == self.fields {
            return false;
        }
        if !fields.email.as_deref().is_some_and(|email| self.has_mailbox(email)) {
            self.email_verified = false;
        }
        self.fields = fields;
        true
    }
}

/// One or two letters of a name, for an avatar.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
