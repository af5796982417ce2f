//! Which of several ways: what a row's menu puts under one entry, as a dialog of links.

use app::Person;
use axum::{http::StatusCode, response::Response};
use model::{Error, Permission, UserId};

use super::{
    actions::Possible,
    view::{
        frame::Section,
        parts::{Action, Link},
        question::WaysPage,
    },
    visit::{Part, Visit, html},
};
use crate::{extract::Id, problem::Answer};

/// `GET /o/{slug}/users/{id}/reset-password`
pub(crate) async fn passwords(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let title = format!("Reset the password of {}", person.user.name());
    let ways = possible(&visit, &person).password_ways();
    show(&visit, &person, title, "password", ways).await
}

/// `GET /o/{slug}/users/{id}/roles-and-groups`
pub(crate) async fn access(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let title = format!("Roles and groups of {}", person.user.name());
    let ways = possible(&visit, &person).access_ways();
    show(&visit, &person, title, "shield", ways).await
}

fn possible<'v>(visit: &'v Visit, person: &'v Person) -> Possible<'v> {
    Possible::new(visit, &person.user, visit.caller.actor.rights.covers(&person.rights))
        .owner(person.rights.org.contains(Permission::OwnerManage))
}

async fn show(
    visit: &Visit,
    person: &Person,
    title: String,
    icon: &'static str,
    ways: Vec<Action>,
) -> Answer<Response> {
    if ways.is_empty() {
        return Err(Error::not_found().into());
    }
    let name = person.user.name();
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(person.user.id, "")),
        Link::new(title.as_str(), ""),
    ];
    let page = WaysPage {
        frame: visit.frame(&title, Section::Users, crumbs, name).await?,
        title,
        icon,
        ways: vec![ways],
        cancel: visit.at_user(person.user.id, ""),
    };
    match visit.part {
        Part::Dialog => html(StatusCode::OK, &page.as_dialog(), Part::Dialog),
        _ => html(StatusCode::OK, &page, Part::Page),
    }
}
