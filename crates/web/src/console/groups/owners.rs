//! Who decides about a group's members besides the administrators: naming an owner, and taking it back.

use axum::{http::StatusCode, response::Response};
use model::{Error, GroupId, Kind, UserId};

use super::{at_group, members::name_of, page::Shown};
use crate::{
    console::{
        done::Done,
        view::{
            form::{Field, Form, Section},
            frame,
            question::Dialog,
        },
        visit::{Visit, shown_again},
    },
    extract::{Fields, Id, Name},
    problem::Answer,
};

/// `GET /o/{slug}/groups/{id}/owners/add`
pub(crate) async fn ask_add(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    ask(&visit, id, StatusCode::OK, "", None).await
}

async fn ask(
    visit: &Visit,
    id: GroupId,
    status: StatusCode,
    typed: &str,
    error: Option<&Error>,
) -> Answer<Response> {
    let shown = Shown::of(visit, id).await?;
    let person = Field::text("person", "Username, address or id").value(typed).required().autofocus();
    let mut form = Form {
        action: at_group(visit, id, "/owners/add"),
        csrf: visit.caller.csrf.clone(),
        submit: "Add owner".to_owned(),
        cancel: at_group(visit, id, "/owners"),
        sections: vec![Section::plain(vec![person])],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: format!("Add an owner of {}", shown.name()),
        icon: "account",
        lead:
            "Owners put people into the group and take them out, as far as it gives no more than they have \
               themselves."
                .to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let frame = visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs("Add an owner"), "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/groups/{id}/owners/add`
pub(crate) async fn add(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let typed = fields.get("person");
    match name(&visit, id, typed).await {
        Ok(name) => Ok(visit.done(&at_group(&visit, id, "/owners"), Done::OwnerAdded, &name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, id, status, typed, Some(&error)).await
        }
    }
}

async fn name(visit: &Visit, id: GroupId, typed: &str) -> model::Result<String> {
    if typed.trim().is_empty() {
        return Err(Error::invalid_field("person", "owner.missing", "Say who shall be an owner."));
    }
    let actor = &visit.caller.actor;
    let nobody = |error: Error| match error.kind() {
        Kind::NotFound => {
            let message = "There is no such user. Correct it, or create the user first.";
            Error::invalid_field("person", "owner.unknown", message)
        }
        _ => error,
    };
    let person = visit.app().user_by_identifier(actor, typed.trim()).await.map_err(nobody)?;
    Ok(visit.app().add_owner(actor, id, person.user.id).await?.group.fields.name)
}

/// `GET /o/{slug}/groups/{id}/owners/{name}/remove`
pub(crate) async fn ask_remove(visit: Visit, Id(id): Id<GroupId>, Name(user): Name) -> Answer<Response> {
    ask_to_take(&visit, id, user.parse()?, StatusCode::OK, None).await
}

async fn ask_to_take(
    visit: &Visit,
    id: GroupId,
    user: UserId,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let shown = Shown::of(visit, id).await?;
    let name = name_of(visit, id, user).await?;
    let mut form = Form {
        action: at_group(visit, id, &format!("/owners/{user}/remove")),
        csrf: visit.caller.csrf.clone(),
        submit: "Remove owner".to_owned(),
        cancel: at_group(visit, id, "/owners"),
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: format!("Remove {name} as an owner of {}?", shown.name()),
        icon: "user-minus",
        lead: format!("{name} no longer decides who is in it. Whoever is in it stays."),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let frame =
        visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs("Remove an owner"), "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/groups/{id}/owners/{name}/remove`
pub(crate) async fn remove(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(user): Name,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let user = user.parse()?;
    match visit.app().remove_owner(&visit.caller.actor, id, user).await {
        Ok(details) => {
            let name = &details.group.fields.name;
            Ok(visit.done(&at_group(&visit, id, "/owners"), Done::OwnerRemoved, name))
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask_to_take(&visit, id, user, status, Some(&error)).await
        }
    }
}
