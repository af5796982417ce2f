//! Making, changing and deleting the organization's own roles.
//!
//! The editor posts back what the role was when it was opened, so that only what was really changed is saved. Before
//! that, a question says what comes, what goes, and for how many.

use std::collections::BTreeSet;

use app::role_definitions::{EditedRole, NewRole, RoleEdit};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Error, Kind, Permission, RoleKey,
    role::{Allowed, RoleDefinition, RoleFields},
};
use serde::{Deserialize, Serialize};

use super::{
    access::foreseen,
    done::Done,
    role_matrix::{self, Viewer},
    role_pages::{at_role, frame, held_by},
    view::{
        form::{Control, Field, Form, Section},
        parts::Link,
        question::Dialog,
        roles::RoleEditor,
    },
    visit::{Part, Visit, html, shown_again},
};
use crate::{
    api::role_definitions::key,
    extract::{Fields, Name, Query},
    problem::Answer,
};

/// What the editor is filled with, and posts back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Written {
    name: String,
    description: String,
    permissions: BTreeSet<String>,
}

impl Written {
    fn of(role: &RoleDefinition) -> Self {
        let permissions = role_matrix::ticked(role.allowed.list().iter().map(String::as_str));
        Self { name: role.name.clone(), description: role.description.clone(), permissions }
    }

    fn sent(fields: &Fields) -> Self {
        Self {
            name: fields.get("name").to_owned(),
            description: fields.get("description").replace("\r\n", "\n"),
            permissions: role_matrix::ticked(fields.all("permissions")),
        }
    }

    /// What was changed since `seen`.
    fn since(&self, seen: &Self) -> RoleEdit {
        let changed = |now: &String, before: &String| (now != before).then(|| now.clone());
        RoleEdit {
            name: changed(&self.name, &seen.name),
            description: changed(&self.description, &seen.description),
            permissions: None,
            add: self.permissions.difference(&seen.permissions).cloned().collect(),
            remove: seen.permissions.difference(&self.permissions).cloned().collect(),
        }
    }
}

/// From which role a new one begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct From {
    copy: String,
}

/// `GET /o/{slug}/roles/new`
pub(crate) async fn new(visit: Visit, Query(from): Query<From>) -> Answer<Response> {
    let mut written = Written::default();
    let mut lead = "A name, and what whoever has it may do.".to_owned();
    if !from.copy.is_empty() && visit.may(Permission::RoleRead) {
        let base = visit.app().held_role(&visit.caller.actor, key(&from.copy)?).await?.role;
        written = Written::of(&base);
        let all = written.permissions.len();
        let rights = &visit.caller.actor.rights;
        written.permissions.retain(|name| {
            rights.covers(&Allowed::parse(name).in_scope(model::role::Scope::Org, Vec::new()))
        });
        lead = format!("Begins as a copy of {}.", base.name);
        if written.permissions.len() < all {
            lead.push_str(" What you don't hold yourself is left out.");
        }
        written.name = format!("Copy of {}", base.name);
    }
    let form = form(&visit, visit.at("/roles/new"), &written, None).await?;
    show_new(&visit, StatusCode::OK, lead, form).await
}

async fn show_new(visit: &Visit, status: StatusCode, lead: String, form: Form) -> Answer<Response> {
    let title = "Create role".to_owned();
    let frame = frame(visit, &title, &[Link::new("Create", "")], "").await?;
    html(status, &RoleEditor { frame, title, lead, form }, Part::Page)
}

/// The editor's form; of a role that is there, with what it was when it was opened.
async fn form(visit: &Visit, action: String, written: &Written, seen: Option<&Written>) -> Answer<Form> {
    // Who may make roles may not see all: the applications' permissions are then not to choose from.
    let own = if visit.may(Permission::RoleRead) {
        visit.app().application_permissions(&visit.caller.actor).await?
    } else {
        Vec::new()
    };
    let names: Vec<&str> = written.permissions.iter().map(String::as_str).collect();
    let viewer = Viewer::Ticks(&visit.caller.actor.rights);
    let matrix = role_matrix::rows(&Allowed::parse(&names.join(" ")), &own, &viewer);
    let fields = vec![
        Field::text("name", "Name").value(&written.name).limit(80).required().hint("Such as Content editor."),
        Field::new("description", "Description", Control::Text { rows: 2 })
            .value(&written.description)
            .limit(500)
            .hint("What it is for, for those who give it."),
    ];
    let allows = vec![Field::new("permissions", "What it allows", Control::Matrix(matrix))];
    Ok(Form {
        cancel: action.strip_suffix("/edit").map_or_else(|| visit.at("/roles"), str::to_owned),
        action,
        csrf: visit.caller.csrf.clone(),
        seen: seen.map(|seen| serde_json::to_string(seen).unwrap_or_default()).unwrap_or_default(),
        submit: if seen.is_some() { "Review changes" } else { "Create role" }.to_owned(),
        sections: vec![Section::plain(fields), Section::plain(allows)],
        ..Form::default()
    })
}

/// `POST /o/{slug}/roles/new`
pub(crate) async fn create(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let written = Written::sent(&fields);
    let new = RoleFields {
        name: written.name.clone(),
        description: written.description.clone(),
        permissions: written.permissions.clone(),
    };
    match visit.app().create_role(&visit.caller.actor, NewRole { fields: new, copy_of: None }).await {
        Ok(made) => Ok(visit.done(&at_role(&visit, made.role.key, ""), Done::RoleCreated, &made.role.name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let mut form = form(&visit, visit.at("/roles/new"), &written, None).await?;
            form.refuse_all(&named(error));
            show_new(&visit, status, "A name, and what whoever has it may do.".to_owned(), form).await
        }
    }
}

/// A taken name is shown beside the name.
fn named(error: Error) -> Error {
    if error.code() == "role.name_taken" && error.fields().is_empty() {
        return Error::invalid_field("name", "role.name_taken", error.message());
    }
    error
}

/// `GET /o/{slug}/roles/{name}/edit`
pub(crate) async fn edit_page(visit: Visit, Name(name): Name) -> Answer<Response> {
    let role = own_role(&visit, &name).await?;
    let written = Written::of(&role);
    let form = form(&visit, at_role(&visit, role.key, "/edit"), &written, Some(&written)).await?;
    show_edit(&visit, StatusCode::OK, &role, form).await
}

/// A role that can be changed.
async fn own_role(visit: &Visit, name: &str) -> Answer<RoleDefinition> {
    let key = key(name)?;
    if key.built_in().is_some() {
        let message = "A built-in role is the same everywhere. Make a copy of it, and change that.";
        return Err(Error::new(Kind::Conflict, "role.built_in", message).into());
    }
    Ok(visit.app().held_role(&visit.caller.actor, key).await?.role)
}

async fn show_edit(visit: &Visit, status: StatusCode, role: &RoleDefinition, form: Form) -> Answer<Response> {
    let title = format!("Edit {}", role.name);
    let crumbs = [Link::new(&role.name, at_role(visit, role.key, "")), Link::new("Edit", "")];
    let frame = frame(visit, &title, &crumbs, &role.name).await?;
    let lead = "Before anything changes you are shown what comes and what goes.".to_owned();
    html(status, &RoleEditor { frame, title, lead, form }, Part::Page)
}

/// `POST /o/{slug}/roles/{name}/edit`: asks whether the change is meant.
pub(crate) async fn review(visit: Visit, Name(name): Name, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let role = own_role(&visit, &name).await?;
    let written = Written::sent(&fields);
    let seen: Written = serde_json::from_str(fields.get("seen")).unwrap_or_else(|_| Written::of(&role));
    let edit = written.since(&seen);
    match attempt(&visit, role.key, edit.clone()).await {
        Ok(edited) => ask(&visit, StatusCode::OK, &role, &edited, &edit, None).await,
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let mut form = form(&visit, at_role(&visit, role.key, "/edit"), &written, Some(&seen)).await?;
            form.refuse_all(&named(error));
            show_edit(&visit, status, &role, form).await
        }
    }
}

/// What the change would be.
async fn attempt(visit: &Visit, key: RoleKey, edit: RoleEdit) -> model::Result<EditedRole> {
    let mut actor = visit.caller.actor.clone();
    actor.dry_run = true;
    visit.app().edit_role(&actor, key, edit, None).await
}

async fn ask(
    visit: &Visit,
    status: StatusCode,
    role: &RoleDefinition,
    edited: &EditedRole,
    edit: &RoleEdit,
    problem: Option<&Error>,
) -> Answer<Response> {
    let after = &edited.role.role;
    if *after == *role {
        return Ok(Redirect::to(&at_role(visit, role.key, "")).into_response());
    }
    let mut consequences = Vec::new();
    if after.name != role.name {
        consequences.push(format!("Called {} from now on.", after.name));
    }
    if after.description != role.description {
        consequences.push("The description changes.".to_owned());
    }
    consequences.extend(edited.added.iter().map(|name| format!("Added: {}", said(name))));
    consequences.extend(edited.removed.iter().map(|name| format!("Removed: {}", said(name))));
    let (trying, preview) = visit.caller.actor.previewing();
    let tried = visit.app().edit_role(&trying, role.key, edit.clone(), None).await;
    consequences.extend(foreseen(tried, &preview));
    let mut form = Form {
        action: at_role(visit, role.key, "/apply"),
        csrf: visit.caller.csrf.clone(),
        version: role.version.to_string(),
        seen: serde_json::to_string(edit).unwrap_or_default(),
        submit: "Save changes".to_owned(),
        cancel: at_role(visit, role.key, "/edit"),
        ..Form::default()
    };
    if let Some(problem) = problem {
        form.refuse_all(problem);
    }
    let dialog = Dialog {
        title: format!("Change {}?", role.name),
        icon: "roles",
        lead: format!("{}. What changes is in force at once.", held_by(&edited.role)),
        consequences,
        advice: None,
        form,
    };
    let crumbs = [Link::new(&role.name, at_role(visit, role.key, "")), Link::new("Review", "")];
    let frame = frame(visit, &dialog.title, &crumbs, &role.name).await?;
    visit.question(status, frame, dialog)
}

/// A permission in words, with its name.
fn said(name: &str) -> String {
    Permission::parse(name)
        .map_or_else(|| name.to_owned(), |permission| format!("{} ({name})", permission.sentence()))
}

/// `POST /o/{slug}/roles/{name}/apply`: the change as it was shown.
pub(crate) async fn apply(visit: Visit, Name(name): Name, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let role = own_role(&visit, &name).await?;
    let malformed = |_| {
        let message = "This form can't be understood. Open the role and edit it again.";
        Error::new(Kind::Malformed, "form.malformed", message)
    };
    let edit: RoleEdit = serde_json::from_str(fields.get("seen")).map_err(malformed)?;
    let version = fields.get("version").parse().ok();
    match visit.app().edit_role(&visit.caller.actor, role.key, edit.clone(), version).await {
        Ok(edited) => {
            let name = &edited.role.role.name;
            Ok(visit.done(&at_role(&visit, role.key, ""), Done::RoleEdited, name))
        }
        Err(error) => {
            // Somebody changed it meanwhile, or something: what is asked now is what would happen now.
            let (status, error) = shown_again(error)?;
            let edited = attempt(&visit, role.key, edit.clone()).await?;
            ask(&visit, status, &role, &edited, &edit, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/roles/{name}/delete`
pub(crate) async fn delete_page(visit: Visit, Name(name): Name) -> Answer<Response> {
    ask_delete(&visit, &name, StatusCode::OK, None).await
}

async fn ask_delete(
    visit: &Visit,
    name: &str,
    status: StatusCode,
    problem: Option<&Error>,
) -> Answer<Response> {
    let role = own_role(visit, name).await?;
    let held = visit.app().held_role(&visit.caller.actor, role.key).await?;
    let mut form = Form {
        action: at_role(visit, role.key, "/delete"),
        csrf: visit.caller.csrf.clone(),
        version: role.version.to_string(),
        submit: "Delete role".to_owned(),
        danger: true,
        cancel: at_role(visit, role.key, ""),
        ..Form::default()
    };
    if let Some(problem) = problem {
        form.refuse_all(problem);
    }
    let mut consequences = vec![format!("{}: all of them lose it.", held_by(&held))];
    let (trying, preview) = visit.caller.actor.previewing();
    let tried = visit.app().delete_role(&trying, role.key, None).await;
    consequences.extend(foreseen(tried, &preview));
    consequences.push("Making a role of the same name later gives it back to nobody.".to_owned());
    let dialog = Dialog {
        title: format!("Delete {}?", role.name),
        icon: "trash",
        lead: "What people may do through this role they may not do any more, from their next request on."
            .to_owned(),
        consequences,
        advice: None,
        form,
    };
    let crumbs = [Link::new(&role.name, at_role(visit, role.key, "")), Link::new("Delete", "")];
    let frame = frame(visit, &dialog.title, &crumbs, &role.name).await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/roles/{name}/delete`
pub(crate) async fn delete(visit: Visit, Name(name): Name, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let role = own_role(&visit, &name).await?;
    let version = fields.get("version").parse().ok();
    match visit.app().delete_role(&visit.caller.actor, role.key, version).await {
        Ok(_) => Ok(visit.done(&visit.at("/roles"), Done::RoleDeleted, &role.name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask_delete(&visit, &name, status, Some(&error)).await
        }
    }
}
