//! The roles that a group carries: giving it one, and taking one away.

use axum::{http::StatusCode, response::Response};
use model::{
    Error, GroupId, RoleKey,
    role::{RoleDefinition, Scope},
};
use serde::Deserialize;

use super::{at_group, page::Shown};
use crate::{
    console::{
        access::foreseen,
        done::Done,
        memberships::{term_fields, terms},
        user_forms::{grantable, role_field},
        view::{
            form::{Choice, Field, Form, Section},
            frame,
            question::Dialog,
        },
        visit::{Visit, shown_again},
    },
    extract::{Fields, Id, Name, Query},
    problem::Answer,
};

/// Over which group the role counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Over {
    over: Option<GroupId>,
}

impl Over {
    fn scope(&self) -> Scope {
        self.over.map_or(Scope::Org, Scope::Group)
    }
}

/// `GET /o/{slug}/groups/{id}/roles/add`
pub(crate) async fn ask_add(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    ask(&visit, id, StatusCode::OK, None).await
}

async fn ask(
    visit: &Visit,
    id: GroupId,
    status: StatusCode,
    again: Option<(&Fields, &Error)>,
) -> Answer<Response> {
    let shown = Shown::of(visit, id).await?;
    let sent = again.map(|(sent, _)| sent);
    let chosen = sent.map_or("", |sent| sent.get("role"));
    let choice = |role: &RoleDefinition| {
        let key = role.key.to_string();
        let is_chosen = key == chosen;
        Choice::new(key, &role.name).chosen(is_chosen)
    };
    let mut choices = vec![Choice::new("", "Choose a role")];
    let roles = grantable(visit, &[]).await?;
    choices.extend(roles.iter().map(choice));
    let over = Field::text("group", "Only over the group")
        .value(sent.map_or("", |sent| sent.get("group")))
        .hint("Its name. Left empty: the role counts in the whole organization.");
    let mut fields = vec![role_field("Role", choices, &roles).autofocus(), over];
    fields.extend(term_fields(sent));
    let mut form = Form {
        action: at_group(visit, id, "/roles/add"),
        csrf: visit.caller.csrf.clone(),
        submit: "Add role".to_owned(),
        cancel: at_group(visit, id, "/roles"),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some((_, error)) = again {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: format!("Add a role to {}", shown.name()),
        icon: "shield",
        lead: "Everybody in the group has it from now on, in the groups inside it too.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let frame = visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs("Add a role"), "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/groups/{id}/roles/add`
pub(crate) async fn add(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    match give(&visit, id, &fields).await {
        Ok(name) => Ok(visit.done(&at_group(&visit, id, "/roles"), Done::GroupRoleGiven, &name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, id, status, Some((&fields, &error))).await
        }
    }
}

async fn give(visit: &Visit, id: GroupId, fields: &Fields) -> model::Result<String> {
    let actor = &visit.caller.actor;
    let Some(role) = fields.filled("role") else {
        return Err(Error::invalid_field("role", "role.missing", "Choose a role."));
    };
    let role = visit.app().role_keys(actor, &[role.to_owned()]).await?;
    let Some(role) = role.first() else { return Err(Error::not_found()) };
    let scope = match fields.filled("group") {
        Some(_) => Scope::Group(super::places::chosen(visit, fields).await?),
        None => Scope::Org,
    };
    let details = visit.app().grant_group_role(actor, id, *role, scope, terms(fields)?).await?;
    Ok(details.group.fields.name)
}

/// `GET /o/{slug}/groups/{id}/roles/{name}/remove`
pub(crate) async fn ask_remove(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(role): Name,
    Query(over): Query<Over>,
) -> Answer<Response> {
    ask_to_take(&visit, id, key(&role)?, over.scope(), StatusCode::OK, None).await
}

fn key(role: &str) -> model::Result<RoleKey> {
    RoleKey::parse(role).ok_or_else(Error::not_found)
}

async fn ask_to_take(
    visit: &Visit,
    id: GroupId,
    role: RoleKey,
    scope: Scope,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let shown = Shown::of(visit, id).await?;
    let held = shown.details.roles.iter().find(|grant| grant.role == role && grant.scope == scope);
    let name = held.ok_or_else(Error::not_found)?.name.clone();
    let over = scope.group().map(|group| format!("?over={group}")).unwrap_or_default();
    let mut form = Form {
        action: at_group(visit, id, &format!("/roles/{role}/remove{over}")),
        csrf: visit.caller.csrf.clone(),
        submit: "Remove role".to_owned(),
        cancel: at_group(visit, id, "/roles"),
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let (trying, preview) = visit.caller.actor.previewing();
    let tried = visit.app().revoke_group_role(&trying, id, role, scope).await;
    let dialog = Dialog {
        title: format!("Remove {name} from {}?", shown.name()),
        icon: "shield",
        lead: "Everybody in the group loses it at once, but for who has it some other way.".to_owned(),
        consequences: foreseen(tried, &preview),
        advice: None,
        form,
    };
    let frame = visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs("Remove a role"), "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/groups/{id}/roles/{name}/remove`
pub(crate) async fn remove(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(role): Name,
    Query(over): Query<Over>,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let (role, scope) = (key(&role)?, over.scope());
    match visit.app().revoke_group_role(&visit.caller.actor, id, role, scope).await {
        Ok(details) => {
            let name = &details.group.fields.name;
            Ok(visit.done(&at_group(&visit, id, "/roles"), Done::GroupRoleTaken, name))
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask_to_take(&visit, id, role, scope, status, Some(&error)).await
        }
    }
}
