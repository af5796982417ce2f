//! Which roles a user holds: chosen among those that this viewer can give.

use app::Person;
use axum::{http::StatusCode, response::Response};
use model::{
    Error, RoleKey, UserId,
    role::{RoleDefinition, Scope},
};

use super::{
    done::Done,
    user_forms::{grantable, may_give, role_choice, roles},
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::Link,
        question::Dialog,
    },
    visit::{Visit, shown_again},
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

/// `GET /o/{slug}/users/{id}/roles`
pub(crate) async fn page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    let held = everywhere(&person);
    ask(&visit, &person, &held, StatusCode::OK, None).await
}

/// The roles held directly in the whole organization: those that the question is about.
fn everywhere(person: &Person) -> Vec<RoleKey> {
    let grants = person.grants.iter().filter(|grant| grant.scope == Scope::Org);
    grants.map(|grant| grant.role).collect()
}

async fn ask(
    visit: &Visit,
    person: &Person,
    chosen: &[RoleKey],
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let (id, name) = (person.user.id, person.user.name());
    let held = everywhere(person);
    let choice = |role: &RoleDefinition| {
        let choice = role_choice(role).chosen(chosen.contains(&role.key));
        if may_give(visit, role) { choice } else { choice.hint("You can't take it away.") }
    };
    let choices: Vec<Choice> = grantable(visit, &held).await?.iter().map(choice).collect();
    let field = Field::new("roles", "Roles", Control::Checkboxes(choices))
        .hint("Everyone is a member and may manage the own account.");
    let mut form = Form {
        action: visit.at_user(id, "/roles"),
        csrf: visit.caller.csrf.clone(),
        submit: "Change roles".to_owned(),
        cancel: visit.at_user(id, ""),
        sections: vec![Section::plain(vec![field])],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: format!("Change the roles of {name}"),
        icon: "shield",
        lead: "What is ticked is held from now on, what is not is taken away. It takes effect at once."
            .to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Roles", ""),
    ];
    let frame = visit.frame(&dialog.title, frame::Section::Users, crumbs, name).await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/users/{id}/roles`
pub(crate) async fn change(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let wanted = roles(&visit, &fields).await;
    match replace(&visit, id, wanted.clone()).await {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::RolesChanged, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask(&visit, &person, &wanted.unwrap_or_default(), status, Some(&error)).await
        }
    }
}

async fn replace(visit: &Visit, id: UserId, wanted: model::Result<Vec<RoleKey>>) -> model::Result<Person> {
    visit.app().replace_roles(&visit.caller.actor, id, wanted?).await
}
