//! The permissions of the organization's own applications: the list, defining, describing, removing.

use axum::{http::StatusCode, response::Response};
use model::{Error, Permission, application_permission::ApplicationPermission};

use super::{
    done::Done,
    role_pages::{frame, tabs},
    view::{
        form::{Field, Form, Section},
        parts::{Action, Empty, Link},
        question::Dialog,
        roles::{PermissionList, PermissionRow},
    },
    visit::{Part, Visit, html, shown_again},
};
use crate::{
    extract::{Fields, Name},
    problem::Answer,
};

const TITLE: &str = "Applications' permissions";

fn address(visit: &Visit, name: &str, path: &str) -> String {
    visit.at(&format!("/permissions/{name}{path}"))
}

/// `GET /o/{slug}/permissions`
pub(crate) async fn list(visit: Visit) -> Answer<Response> {
    let actor = &visit.caller.actor;
    let permissions = visit.app().application_permissions(actor).await?;
    let roles = visit.app().roles(actor).await?;
    let may = visit.may(Permission::PermissionManage);
    let row = |permission: ApplicationPermission| {
        let name = permission.name;
        let allowing = roles.iter().filter(|role| role.allowed.applications.contains(&name));
        let menu = if may {
            vec![
                vec![Action::dialog("Describe…", address(&visit, &name, "/edit"), "edit")],
                vec![Action::dialog("Remove…", address(&visit, &name, "/delete"), "trash").dangerous()],
            ]
        } else {
            Vec::new()
        };
        let roles = allowing.map(|role| role.name.clone()).collect();
        PermissionRow { name, description: permission.description, roles, menu }
    };
    let rows: Vec<PermissionRow> = permissions.into_iter().map(row).collect();
    let define = Action::dialog("Define permission", visit.at("/permissions/new"), "plus");
    let empty = rows.is_empty().then(|| Empty {
        icon: "applications",
        title: "None yet".to_owned(),
        text: "Define what your applications let people do, such as content:edit. Then roles can allow it."
            .to_owned(),
        actions: Vec::new(),
    });
    let page = PermissionList {
        frame: frame(&visit, TITLE, &[Link::new(TITLE, "")], "").await?,
        actions: if may { vec![define] } else { Vec::new() },
        tabs: tabs(&visit, TITLE),
        rows,
        empty,
    };
    html(StatusCode::OK, &page, Part::Page)
}

async fn find(visit: &Visit, name: &str) -> Answer<ApplicationPermission> {
    let all = visit.app().application_permissions(&visit.caller.actor).await?;
    Ok(all.into_iter().find(|permission| permission.name == name).ok_or_else(Error::not_found)?)
}

async fn ask(visit: &Visit, status: StatusCode, dialog: Dialog) -> Answer<Response> {
    let crumbs = [Link::new(TITLE, visit.at("/permissions")), Link::new(dialog.form.submit.clone(), "")];
    let frame = frame(visit, &dialog.title, &crumbs, "").await?;
    visit.question(status, frame, dialog)
}

fn form(visit: &Visit, path: &str, submit: &str, fields: Vec<Field>, problem: Option<&Error>) -> Form {
    let mut form = Form {
        action: visit.at(path),
        csrf: visit.caller.csrf.clone(),
        submit: submit.to_owned(),
        cancel: visit.at("/permissions"),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(problem) = problem {
        form.refuse_all(problem);
    }
    form
}

fn description(text: &str) -> Field {
    let hint = "In a sentence, as people see it beside the box: Change pages of the web site.";
    Field::text("description", "What it allows").value(text).limit(200).hint(hint)
}

/// `GET /o/{slug}/permissions/new`
pub(crate) async fn new(visit: Visit) -> Answer<Response> {
    let dialog = define_dialog(&visit, "", "", None);
    ask(&visit, StatusCode::OK, dialog).await
}

fn define_dialog(visit: &Visit, name: &str, text: &str, problem: Option<&Error>) -> Dialog {
    let hint = "resource:action, as your application calls it: lower case, such as content:edit.";
    let fields = vec![
        Field::text("name", "Name").value(name).limit(81).required().hint(hint).autofocus(),
        description(text),
    ];
    Dialog {
        title: "Define a permission".to_owned(),
        icon: "applications",
        lead: "Muster gives it through roles, and tells your application who has it.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form: form(visit, "/permissions/new", "Define permission", fields, problem),
    }
}

/// `POST /o/{slug}/permissions/new`
pub(crate) async fn define(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let (name, text) = (fields.get("name"), fields.get("description"));
    match visit.app().define_permission(&visit.caller.actor, name, text, true).await {
        Ok(defined) => Ok(visit.done(&visit.at("/permissions"), Done::PermissionDefined, &defined.name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, status, define_dialog(&visit, name, text, Some(&error))).await
        }
    }
}

/// `GET /o/{slug}/permissions/{name}/edit`
pub(crate) async fn edit_page(visit: Visit, Name(name): Name) -> Answer<Response> {
    let permission = find(&visit, &name).await?;
    let dialog = describe_dialog(&visit, &name, &permission.description, None);
    ask(&visit, StatusCode::OK, dialog).await
}

fn describe_dialog(visit: &Visit, name: &str, text: &str, problem: Option<&Error>) -> Dialog {
    let path = format!("/permissions/{name}/edit");
    Dialog {
        title: format!("Describe {name}"),
        icon: "edit",
        lead: "The name stays: your application knows it.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form: form(visit, &path, "Save description", vec![description(text).autofocus()], problem),
    }
}

/// `POST /o/{slug}/permissions/{name}/edit`
pub(crate) async fn edit(visit: Visit, Name(name): Name, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    find(&visit, &name).await?;
    let text = fields.get("description");
    match visit.app().define_permission(&visit.caller.actor, &name, text, false).await {
        Ok(_) => Ok(visit.done(&visit.at("/permissions"), Done::Saved, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, status, describe_dialog(&visit, &name, text, Some(&error))).await
        }
    }
}

/// `GET /o/{slug}/permissions/{name}/delete`
pub(crate) async fn delete_page(visit: Visit, Name(name): Name) -> Answer<Response> {
    let dialog = remove_dialog(&visit, &name, None).await?;
    ask(&visit, StatusCode::OK, dialog).await
}

async fn remove_dialog(visit: &Visit, name: &str, problem: Option<&Error>) -> Answer<Dialog> {
    find(visit, name).await?;
    let roles = visit.app().roles(&visit.caller.actor).await?;
    let allowing = roles.iter().filter(|role| role.allowed.applications.contains(name));
    let allowing: Vec<&str> = allowing.map(|role| role.name.as_str()).collect();
    let consequences = if allowing.is_empty() {
        vec!["No role allows it.".to_owned()]
    } else {
        vec![format!("Taken from {}: {}.", many_roles(allowing.len()), allowing.join(", "))]
    };
    let mut form =
        form(visit, &format!("/permissions/{name}/delete"), "Remove permission", Vec::new(), problem);
    form.danger = true;
    Ok(Dialog {
        title: format!("Remove {name}?"),
        icon: "trash",
        lead: "Nobody has it any more, from the next request on.".to_owned(),
        consequences,
        advice: None,
        form,
    })
}

fn many_roles(count: usize) -> String {
    if count == 1 { "1 role".to_owned() } else { format!("{count} roles") }
}

/// `POST /o/{slug}/permissions/{name}/delete`
pub(crate) async fn delete(visit: Visit, Name(name): Name, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    match visit.app().remove_permission(&visit.caller.actor, &name).await {
        Ok(removed) => Ok(visit.done(&visit.at("/permissions"), Done::PermissionRemoved, &removed.name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let dialog = remove_dialog(&visit, &name, Some(&error)).await?;
            ask(&visit, status, dialog).await
        }
    }
}
