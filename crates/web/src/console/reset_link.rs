//! Sending somebody the link with which a new password is chosen: the question, and the answer carried out.

use app::Person;
use axum::{http::StatusCode, response::Response};
use model::{Error, UserId, lifecycle::StateName};

use super::{
    done::Done,
    lifecycle::show,
    questions::Question,
    visit::{Visit, shown_again},
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

/// `GET /o/{slug}/users/{id}/send-reset-link`
pub(crate) async fn page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    ask(&visit, &person, StatusCode::OK, None).await
}

async fn ask(visit: &Visit, person: &Person, status: StatusCode, error: Option<&Error>) -> Answer<Response> {
    let name = person.user.name();
    let address = person.user.fields.email.as_deref().unwrap_or("no address");
    let (lead, consequence) = match person.user.state.name() {
        StateName::Staged | StateName::Invited => (
            format!("{name} has no password yet. The mail to {address} asks to choose the first one."),
            "The link works once. A link that was sent before ends.",
        ),
        _ => (
            format!("A mail to {address} asks {name} to choose a new password."),
            "The link works once, for an hour. The present password goes on until it is used.",
        ),
    };
    let mut consequences = vec![consequence.to_owned()];
    if !visit.app().carrier().is_there() {
        consequences.push("This server sends no mail at present: the mail waits until it does.".to_owned());
    }
    let asked = Question {
        title: format!("Send {name} a link for a new password?"),
        icon: "password",
        lead,
        consequences,
        advice: None,
        fields: Vec::new(),
        submit: "Send link".to_owned(),
        danger: false,
    };
    show(visit, person, "/send-reset-link", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/send-reset-link`
pub(crate) async fn send(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let version = fields.get("version").parse().ok();
    match visit.app().send_reset_link(&visit.caller.actor, visit.org(), id, version).await {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::ResetLinkSent, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask(&visit, &person, status, Some(&error)).await
        }
    }
}
