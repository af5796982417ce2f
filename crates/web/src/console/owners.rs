//! “Make admin” and “Remove admin” in a user's menu, and “Copy access”: each asks first and says what it means.

use app::{Person, copying::Copying};
use axum::{http::StatusCode, response::Response};
use model::{Error, UserId, access::OWNER_WARNING};

use super::{
    done::Done,
    lifecycle::show,
    questions::Question,
    view::{
        form::{Control, Field},
        parts::{Banner, Tone},
    },
    visit::{Visit, shown_again},
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

/// `GET /o/{slug}/users/{id}/make-admin`
pub(crate) async fn make_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    ask_make(&visit, &person, StatusCode::OK, None).await
}

async fn ask_make(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let (name, org) = (person.user.name(), &visit.org().name);
    let asked = Question {
        title: format!("Make {name} an admin?"),
        icon: "shield",
        lead: format!("{name} becomes an owner of {org}."),
        consequences: vec![OWNER_WARNING.to_owned()],
        advice: None,
        fields: Vec::new(),
        submit: "Make admin".to_owned(),
        danger: false,
    };
    show(visit, person, "/make-admin", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/make-admin`
pub(crate) async fn make(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    match visit.app().make_admin(&visit.caller.actor, id).await {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::AdminMade, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_make(&visit, &person, status, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/users/{id}/remove-admin`
pub(crate) async fn remove_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    ask_remove(&visit, &person, StatusCode::OK, None).await
}

async fn ask_remove(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let (name, org) = (person.user.name(), &visit.org().name);
    let groups = visit.app().owner_groups(person).await?;
    let through = (!groups.is_empty()).then(|| Banner {
        tone: Tone::Amber,
        icon: "users",
        title: format!("Also an owner through {}", groups.join(", ")),
        lines: vec![format!("{name} stays an owner until taken out of there too.")],
        action: None,
    });
    let asked = Question {
        title: format!("Remove {name} as an admin?"),
        icon: "shield",
        lead: format!("{name} is no longer an owner of {org}. Other roles and groups stay."),
        consequences: vec![
            "It takes effect with the next request.".to_owned(),
            "The other owners are told by mail.".to_owned(),
        ],
        advice: through,
        fields: Vec::new(),
        submit: "Remove admin".to_owned(),
        danger: true,
    };
    show(visit, person, "/remove-admin", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/remove-admin`
pub(crate) async fn remove(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    match visit.app().remove_admin(&visit.caller.actor, id).await {
        Ok(removed) => Ok(visit.done(&visit.at_user(id, ""), Done::AdminRemoved, removed.person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_remove(&visit, &person, status, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/users/{id}/copy-access`
pub(crate) async fn copy_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    ask_copy(&visit, &person, StatusCode::OK, None, None).await
}

async fn ask_copy(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    error: Option<&Error>,
    sent: Option<&Fields>,
) -> Answer<Response> {
    let name = person.user.name();
    let ticked = |field: &str, usual: bool| {
        if sent.map_or(usual, |sent| sent.ticked(field)) { "on" } else { "" }
    };
    let fields = vec![
        Field::text("from", "From")
            .value(sent.map_or("", |sent| sent.get("from")))
            .required()
            .autofocus()
            .hint("Whose access it is to be: username, email or id."),
        Field::new("keep_ends", "Keep the ends", Control::Checkbox)
            .value(ticked("keep_ends", true))
            .hint("What ends for the one ends for the other too."),
        Field::new("partial", "Leave out what I can't give", Control::Checkbox)
            .value(ticked("partial", false))
            .hint("Else nothing is given if something can't be."),
    ];
    let asked = Question {
        title: format!("Give {name} the access of somebody else"),
        icon: "copy",
        lead: format!(
            "{name} gets the roles and groups that the other holds directly, now. What {name} holds stays."
        ),
        consequences: Vec::new(),
        advice: None,
        fields,
        submit: "Copy access".to_owned(),
        danger: false,
    };
    show(visit, person, "/copy-access", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/copy-access`
pub(crate) async fn copy(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let copying = Copying { keep_ends: fields.ticked("keep_ends"), partial: fields.ticked("partial") };
    match visit.app().copy_access(&visit.caller.actor, fields.get("from"), id, copying).await {
        Ok(copied) => Ok(visit.done(&visit.at_user(id, ""), Done::AccessGiven, copied.person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_copy(&visit, &person, status, Some(&error), Some(&fields)).await
        }
    }
}
