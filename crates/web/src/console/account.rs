//! A person's own pages: the profile and the password.

use app::Person;
use axum::{http::StatusCode, response::Response};
use model::{Error, Kind, Org, Timestamp, user::OWN_FIELDS};

use super::{
    done::Done,
    forms::{Sent, remembered},
    passwords::{password_fields, password_rules},
    record::{self, People, Whose},
    signin::change_own_password,
    view::{
        account::{PasswordPage, ProfilePage},
        form::{Form, Section},
        frame,
        parts::{Card, Entry, Link, Shown},
        users::{Tab, UserHeading},
    },
    visit::{Part, Visit, avatar, html, shown_again},
    words::{badge, moment},
};
use crate::{extract::Fields, problem::Answer};

pub(crate) fn tabs(visit: &Visit, current: &str) -> Vec<Tab> {
    let all = [
        ("Profile", "/account"),
        ("Email", "/account/email"),
        ("Password", "/account/password"),
        ("Access", "/account/access"),
        ("Groups", "/account/groups"),
        ("Sessions", "/account/sessions"),
        ("API tokens", "/account/tokens"),
        ("Activity", "/account/activity"),
        ("Data", "/account/data"),
    ];
    all.map(|(label, path)| Tab { label, href: visit.at(path), current: label == current }).to_vec()
}

pub(crate) fn heading(visit: &Visit, own: &Person) -> UserHeading {
    UserHeading {
        name: own.user.name().to_owned(),
        email: own.user.shown_email(),
        avatar: avatar(own),
        status: badge(own.user.status(visit.app().now())),
        tags: own.grants.iter().map(|grant| grant.name.clone()).collect(),
        edit_href: String::new(),
    }
}

/// `GET /o/{slug}/account`
pub(crate) async fn profile_page(visit: Visit) -> Answer<Response> {
    let own = visit.app().own_account(&visit.caller.actor).await?;
    let values = record::values(&own.user.fields, &People::nobody());
    let form = Form {
        version: own.user.version.to_string(),
        seen: remembered(&values),
        sections: record::sections(&values, Whose::Own(&OWN_FIELDS)),
        ..profile_form(&visit)
    };
    profile(&visit, StatusCode::OK, &own, form).await
}

fn profile_form(visit: &Visit) -> Form {
    Form {
        action: visit.at("/account"),
        csrf: visit.caller.csrf.clone(),
        submit: "Save".to_owned(),
        ..Form::default()
    }
}

async fn profile(visit: &Visit, status: StatusCode, own: &Person, form: Form) -> Answer<Response> {
    let crumbs = vec![Link::new("My account", "")];
    let page = ProfilePage {
        frame: visit.frame("My account", frame::Section::Account, crumbs, "your profile").await?,
        heading: heading(visit, own),
        tabs: tabs(visit, "Profile"),
        form,
        side_cards: vec![account_card(visit.org(), own, visit.app().now())],
    };
    html(status, &page, Part::Page)
}

/// What only administrators change.
fn account_card(org: &Org, own: &Person, now: Timestamp) -> Card {
    let time = |at: Option<Timestamp>| at.map_or(Shown::Nothing, |at| Shown::Moment(moment(at, now)));
    let text = |value: &Option<String>| Shown::text(value.clone().unwrap_or_default());
    let fields = &own.user.fields;
    let mut roles: Vec<&str> = own.grants.iter().map(|held| held.name.as_str()).collect();
    roles.push("Member");
    let mut entries = vec![
        Entry::new("Username", Shown::Code(own.user.username().to_owned())),
        Entry::new("Email", text(&fields.email)),
        Entry::new("Title", text(&fields.title)),
        Entry::new("Department", text(&fields.department)),
        Entry::new("Employee number", text(&fields.employee_number)),
        Entry::new("Roles", Shown::Text(roles.join(", "))),
        Entry::new("Joined", time(own.user.joined_at)),
        Entry::new("Last sign-in", time(own.user.last_sign_in_at)),
        Entry::new("Password set", time(own.password.set_at)),
        Entry::new("Valid until", time(fields.valid_until)),
    ];
    if let Some(due) = own.password.change_due(&own.user, &org.settings.password) {
        entries.push(Entry::new("Choose another password", time(Some(due))));
    }
    Card { title: "Set by your administrators".to_owned(), entries }
}

/// `POST /o/{slug}/account`
pub(crate) async fn save_profile(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let whose = Whose::Own(&OWN_FIELDS);
    let sent = Sent::read(&fields, record::names().filter(|name| whose.asks_for(name)), []);
    let version = fields.get("version").parse().ok();
    match save(&visit, &sent, whose, version).await {
        Ok(_) => Ok(visit.done(&visit.at("/account"), Done::Edited, "your profile")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let own = visit.app().own_account(&visit.caller.actor).await?;
            let now = record::values(&own.user.fields, &People::nobody());
            let mut form =
                Form { sections: record::sections(&sent.filled(&now), whose), ..profile_form(&visit) };
            if error.kind() == Kind::Stale {
                (form.version, form.seen) = (own.user.version.to_string(), remembered(&now));
                form.disagree(&sent, &now, moment(own.user.updated_at, visit.app().now()));
            } else {
                (form.version, form.seen) = (fields.get("version").to_owned(), fields.get("seen").to_owned());
                form.refuse_all(&error);
            }
            profile(&visit, status, &own, form).await
        }
    }
}

async fn save(visit: &Visit, sent: &Sent, whose: Whose<'_>, version: Option<i64>) -> model::Result<Person> {
    let patch = record::patch(visit, sent, whose).await?;
    visit.app().edit_own_account(&visit.caller.actor, patch, version).await
}

/// `GET /o/{slug}/account/password`
pub(crate) async fn password_page(visit: Visit) -> Answer<Response> {
    password(&visit, StatusCode::OK, None).await
}

async fn password(visit: &Visit, status: StatusCode, error: Option<&Error>) -> Answer<Response> {
    let own = visit.app().own_account(&visit.caller.actor).await?;
    let mut form = Form {
        action: visit.at("/account/password"),
        csrf: visit.caller.csrf.clone(),
        username: own.user.username().to_owned(),
        submit: "Change password".to_owned(),
        sections: vec![Section::plain(password_fields("Present password", visit.org()))],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let crumbs = vec![Link::new("My account", visit.at("/account")), Link::new("Password", "")];
    let page = PasswordPage {
        frame: visit.frame("Password", frame::Section::Account, crumbs, "").await?,
        heading: heading(visit, &own),
        tabs: tabs(visit, "Password"),
        rules: password_rules(visit.org()),
        form,
    };
    html(status, &page, Part::Page)
}

/// `POST /o/{slug}/account/password`
pub(crate) async fn change_password(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    match change_own_password(&visit, &fields, "/account").await {
        Ok(response) => Ok(response),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            password(&visit, status, Some(&error)).await
        }
    }
}
