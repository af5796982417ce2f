//! Choosing a password in the console: the fields, the rules in words, and what is told while one types. Every page on
//! which a password is chosen takes them from here.
//!
//! What a password must be is decided by the application; a page that works without the script refuses the same.

use app::passwords::Strength;
use axum::{Json, extract::State, http::HeaderMap};
use model::{Error, Org, Result, settings::PasswordPolicy, strength::About};
use serde::Serialize;

use super::view::form::{Control, Field};
use crate::{
    Shared,
    auth::{self, Place},
    extract::Fields,
    problem::Answer,
};

/// Where one asks before there is an organization.
const SETUP: &str = "/setup/password-strength";

/// A password that is chosen, with what to think of it while it is typed.
pub(crate) fn new_password(name: &'static str, label: &str, org: &Org) -> Field {
    chosen(name, label, format!("/o/{}/password-strength", org.slug))
}

/// The same on the page of the first start, with the rules that hold then.
pub(crate) fn owners_password(name: &'static str, label: &str) -> Field {
    chosen(name, label, SETUP.to_owned()).hint(PasswordPolicy::default().first_in_words().join(" "))
}

fn chosen(name: &'static str, label: &str, asked_at: String) -> Field {
    Field::new(name, label, Control::NewPassword(asked_at)).required().autocomplete("new-password")
}

/// The same password once more: nobody can see what they typed.
pub(crate) fn repeat_password(label: &str) -> Field {
    Field::new("repeat_password", label, Control::Password).required().autocomplete("new-password")
}

/// The present password and, twice, the new one.
pub(crate) fn password_fields(present: &str, org: &Org) -> Vec<Field> {
    vec![
        Field::new("present_password", present, Control::Password)
            .required()
            .autofocus()
            .autocomplete("current-password"),
        new_password("new_password", "New password", org),
        repeat_password("New password again"),
    ]
}

/// What a password in place of another must be like, in sentences.
pub(crate) fn password_rules(org: &Org) -> Vec<String> {
    org.settings.password.in_words()
}

/// What somebody's first password must be like.
pub(crate) fn first_password_rules(org: &Org) -> Vec<String> {
    org.settings.password.first_in_words()
}

/// Refuses a new password that was not typed twice alike.
pub(crate) fn repeated(fields: &Fields, field: &str) -> Result<()> {
    if fields.get(field) == fields.get("repeat_password") {
        return Ok(());
    }
    let message = "This is not what you typed above. Type both again.";
    Err(Error::invalid_field("repeat_password", "password.not_repeated", message))
}

/// What the script is told.
#[derive(Debug, Serialize)]
pub(crate) struct Judgement {
    /// 0 to 4.
    score: u8,
    /// What to think of it.
    verdict: String,
    /// Whether it would be accepted, as far as can be told.
    ok: bool,
}

impl From<Strength> for Judgement {
    fn from(strength: Strength) -> Self {
        Self { score: strength.score, verdict: strength.words, ok: strength.is_accepted }
    }
}

/// `POST /o/{slug}/password-strength`: what to think of the password that somebody is typing. Whoever is signed in is
/// taken to be typing one for themselves. Nothing is kept.
pub(crate) async fn strength(
    State(shared): State<Shared>,
    Place(org): Place,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Json<Judgement>> {
    let viewer = auth::signed_in(&shared, &org, &headers).await.map(|access| access.user);
    let about = match viewer {
        Some(user) => shared.app.about(&org, user).await?,
        None => About::org(&org),
    };
    judge(&shared, &fields, &org.settings.password, about).await
}

/// `POST /setup/password-strength`: the same before there is an organization.
pub(crate) async fn setup_strength(State(shared): State<Shared>, fields: Fields) -> Answer<Json<Judgement>> {
    judge(&shared, &fields, &PasswordPolicy::default(), About::default()).await
}

async fn judge(
    shared: &Shared,
    fields: &Fields,
    policy: &PasswordPolicy,
    about: About,
) -> Answer<Json<Judgement>> {
    if !fields.ticked("password") {
        let message = "Send what is typed as the field password.";
        return Err(Error::invalid_field("password", "password.missing", message).into());
    }
    let typed = fields.get("password").to_owned();
    Ok(Json(shared.app.password_strength(typed, policy.clone(), about).await?.into()))
}
