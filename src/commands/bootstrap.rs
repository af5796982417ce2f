//! The first start: the first organization and its owner, from the settings or through a single-use page.

use app::{Actor, App, breached::BreachedPasswords, setup::SetUp, tokens::NewToken};
use model::{Error, Kind, Result, UserFields, session::Secret, token};

use crate::{
    config::{Bootstrap, Config},
    runner::is_fresh,
};

/// What the operator should be told at the start.
pub(crate) enum Start {
    /// There is an organization.
    Usual,
    /// The settings have made the first one.
    Made { slug: String },
    /// The first one is made on the page `/setup/{secret}`, which works once.
    SetUpPage { secret: String },
}

/// Refuses settings that the first start would refuse. Nothing is made.
pub(crate) fn check(config: &Config, breached: &BreachedPasswords) -> Result<()> {
    match set_up(&config.bootstrap) {
        Some(wanted) => wanted.check(breached).map_err(|error| about_the_settings(&error)),
        None => Ok(()),
    }
}

/// The same before an embedded database is made for it.
pub(crate) fn check_before_making(config: &Config, breached: &BreachedPasswords) -> Result<()> {
    match config.database_file() {
        Some(file) if is_fresh(&file) => check(config, breached),
        _ => Ok(()),
    }
}

/// Looks whether this is the first start, and does what it needs.
pub(crate) async fn first_start(app: &App, bootstrap: &Bootstrap) -> Result<Start> {
    if app.is_set_up().await? {
        return Ok(Start::Usual);
    }
    if let Some(wanted) = set_up(bootstrap) {
        return make(app, bootstrap, wanted).await;
    }
    let secret = app.new_setup_link().await?;
    Ok(secret.map_or(Start::Usual, |secret| Start::SetUpPage { secret: secret.reveal() }))
}

/// What the settings ask for, if they ask for anything.
fn set_up(bootstrap: &Bootstrap) -> Option<SetUp> {
    let Bootstrap { org_name: Some(name), admin_email: Some(email), admin_password: Some(password), .. } =
        bootstrap
    else {
        return None;
    };
    let owner = UserFields {
        email: Some(email.clone()),
        display_name: bootstrap.admin_name.clone(),
        ..UserFields::default()
    };
    let slug = bootstrap.org_slug.clone().unwrap_or_else(|| slug_of(name));
    Some(SetUp { org_name: name.clone(), slug, owner, password: password.clone() })
}

async fn make(app: &App, bootstrap: &Bootstrap, wanted: SetUp) -> Result<Start> {
    let secret = bootstrap.api_token.as_deref().map(read_token).transpose()?;
    let email = wanted.owner.email.clone().unwrap_or_default();
    let org = match app.set_up(None, wanted).await {
        Ok(org) => org,
        // Another node was faster.
        Err(error) if error.kind() == Kind::Conflict && app.is_set_up().await? => return Ok(Start::Usual),
        Err(error) => return Err(about_the_settings(&error)),
    };
    let actor = Actor::operator(org.id.into());
    if let Some(secret) = secret {
        let owner = app.user_by_identifier(&actor, &email).await?.user.id;
        let new = NewToken {
            name: "bootstrap".to_owned(),
            scopes: vec![token::EVERYTHING.to_owned()],
            days: token::MAX_DAYS,
            secret: Some(secret),
        };
        app.create_token(&actor, new, Some(owner)).await?;
    }
    Ok(Start::Made { slug: org.slug.clone() })
}

/// The refused fields are those of the set-up page; here they come from settings.
fn about_the_settings(error: &Error) -> Error {
    let setting = |field: &str| match field {
        "name" => "org_name".to_owned(),
        "slug" => "org_slug".to_owned(),
        "password" | "email" => format!("admin_{field}"),
        "display_name" => "admin_name".to_owned(),
        other => other.to_owned(),
    };
    let reasons: Vec<String> =
        error.fields().iter().map(|field| format!("{}: {}", setting(&field.field), field.message)).collect();
    let reasons = if reasons.is_empty() { error.message().to_owned() } else { reasons.join(" ") };
    let message = format!("The settings under bootstrap can't be used. {reasons}");
    Error::new(error.kind(), "config.bootstrap", message)
}

fn read_token(text: &str) -> Result<Secret> {
    token::parse(text.trim()).ok_or_else(|| {
        let message = "The setting bootstrap.api_token is no token. `muster token generate` makes one.";
        Error::new(Kind::Invalid, "config.invalid", message)
    })
}

/// `Acme GmbH` → `acme-gmbh`; what can't be made into an address is refused with the rule.
fn slug_of(name: &str) -> String {
    let plain: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_address() {
        assert_eq!(slug_of("Acme GmbH & Co. KG"), "acme-gmbh-co-kg");
    }

    #[test]
    fn half_of_the_settings_is_nothing() {
        let half = Bootstrap { org_name: Some("Acme".to_owned()), ..Bootstrap::default() };
        assert!(set_up(&half).is_none());
    }
}
