//! Making, changing and deleting a group.

use app::groups::{DeletedGroup, GroupPatch, NewGroup};
use axum::{http::StatusCode, response::Response};
use model::{Error, GroupId, Kind, Permission, RoleKey, group::GroupFields};

use super::{at_group, counted, groups_words, page::Shown};
use crate::{
    console::{
        access::foreseen,
        done::Done,
        forms::{Sent, Values, remembered},
        user_forms::role_choices,
        view::{
            form::{Control, Field, Form, Section},
            frame,
            groups::GroupForm,
            parts::{Banner, Link, Tone},
            question::Dialog,
        },
        visit::{Part, Visit, html, shown_again},
        words::{moment, people},
    },
    extract::{Fields, Id},
    problem::Answer,
};

/// A group that touches more people than this is deleted only when its name is typed.
const FEW: i64 = 5;
/// The fields of a group.
const NAMES: [&str; 2] = ["name", "description"];

fn values(fields: &GroupFields) -> Values {
    let pairs = [("name", &fields.name), ("description", &fields.description)];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

fn fields_of(values: &Values) -> Vec<Field> {
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    vec![
        Field::text("name", "Name").value(value("name")).required().autofocus().limit(100),
        Field::new("description", "Description", Control::Text { rows: 3 })
            .value(value("description"))
            .limit(500)
            .hint("What it is for, and who belongs into it."),
    ]
}

/// `GET /o/{slug}/groups/new`
pub(crate) async fn new(visit: Visit) -> Answer<Response> {
    create_page(&visit, StatusCode::OK, &values(&GroupFields::default()), &[], None).await
}

async fn create_page(
    visit: &Visit,
    status: StatusCode,
    values: &Values,
    roles: &[&str],
    error: Option<&Error>,
) -> Answer<Response> {
    let mut fields = fields_of(values);
    if visit.may(Permission::RoleAssign) {
        let choices = role_choices(visit, roles).await?;
        let hint = "Everybody in the group has them, for as long as they are in it.";
        if !choices.is_empty() {
            fields.push(Field::new("roles", "Roles", Control::Checkboxes(choices)).hint(hint));
        }
    }
    let mut form = Form {
        action: visit.at("/groups/new"),
        csrf: visit.caller.csrf.clone(),
        submit: "Create group".to_owned(),
        cancel: visit.at("/groups"),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let crumbs = vec![Link::new("Groups", visit.at("/groups")), Link::new("Create", "")];
    let page = GroupForm {
        frame: visit.frame("Create group", frame::Section::Groups, crumbs, "").await?,
        title: "Create group".to_owned(),
        lead: "A name is enough. People and other groups are put in afterwards.".to_owned(),
        form,
    };
    html(status, &page, Part::Page)
}

/// `POST /o/{slug}/groups/new`
pub(crate) async fn create(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let sent = Sent::read(&fields, NAMES, []);
    match make(&visit, &fields).await {
        Ok((id, name)) => Ok(visit.done(&at_group(&visit, id, ""), Done::GroupCreated, &name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let typed = sent.filled(&values(&GroupFields::default()));
            let roles: Vec<&str> = fields.all("roles").collect();
            create_page(&visit, status, &typed, &roles, Some(&at_name(error))).await
        }
    }
}

async fn make(visit: &Visit, fields: &Fields) -> model::Result<(GroupId, String)> {
    let actor = &visit.caller.actor;
    let roles: Vec<String> = fields.all("roles").map(str::to_owned).collect();
    let roles: Vec<RoleKey> = visit.app().role_keys(actor, &roles).await?;
    let typed =
        GroupFields { name: fields.get("name").to_owned(), description: text(fields.get("description")) };
    let details =
        visit.app().create_group(actor, NewGroup { fields: typed, roles, ..NewGroup::default() }).await?;
    Ok((details.group.id, details.group.fields.name))
}

/// Browsers send line breaks as CR LF.
fn text(typed: &str) -> String {
    typed.replace("\r\n", "\n")
}

/// That a name is taken is said beside it.
fn at_name(error: Error) -> Error {
    if error.code() == "group.name_taken" {
        return Error::invalid_field("name", "group.name_taken", error.message());
    }
    error
}

/// `GET /o/{slug}/groups/{id}/edit`
pub(crate) async fn edit_page(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let values = values(&shown.details.group.fields);
    let form = edit_form(&shown, &values, remembered(&values));
    show_edit(&shown, StatusCode::OK, form).await
}

fn edit_form(shown: &Shown<'_>, values: &Values, seen: String) -> Form {
    let group = &shown.details.group;
    Form {
        action: at_group(shown.visit, group.id, "/edit"),
        csrf: shown.visit.caller.csrf.clone(),
        version: group.version.to_string(),
        seen,
        submit: "Save changes".to_owned(),
        cancel: at_group(shown.visit, group.id, ""),
        sections: vec![Section::plain(fields_of(values))],
        ..Form::default()
    }
}

async fn show_edit(shown: &Shown<'_>, status: StatusCode, form: Form) -> Answer<Response> {
    let title = format!("Edit {}", shown.name());
    let page = GroupForm {
        frame: shown.visit.frame(&title, frame::Section::Groups, shown.crumbs("Edit"), shown.name()).await?,
        title,
        lead: String::new(),
        form,
    };
    html(status, &page, Part::Page)
}

/// `POST /o/{slug}/groups/{id}/edit`
pub(crate) async fn edit(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let sent = Sent::read(&fields, NAMES, []);
    let changed = |name: &str| sent.changed(name).map(str::to_owned);
    let patch = GroupPatch { name: changed("name"), description: changed("description") };
    let version = fields.get("version").parse().ok();
    match visit.app().edit_group(&visit.caller.actor, id, patch, version).await {
        Ok(details) => {
            Ok(visit.done(&at_group(&visit, id, ""), Done::GroupEdited, &details.group.fields.name))
        }
        Err(error) => {
            let (status, error) = shown_again(at_name(error))?;
            let shown = Shown::of(&visit, id).await?;
            let now = values(&shown.details.group.fields);
            let filled = sent.filled(&now);
            let form = if error.kind() == Kind::Stale {
                let mut form = edit_form(&shown, &filled, remembered(&now));
                let changed_at = moment(shown.details.group.updated_at, visit.app().now());
                form.disagree(&sent, &now, changed_at);
                form
            } else {
                let mut form = edit_form(&shown, &filled, fields.get("seen").to_owned());
                fields.get("version").clone_into(&mut form.version);
                form.refuse_all(&error);
                form
            };
            show_edit(&shown, status, form).await
        }
    }
}

/// `GET /o/{slug}/groups/{id}/delete`
pub(crate) async fn ask_delete(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
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
    let (name, touched) = (shown.name(), &shown.details.touched);
    let mut fields = Vec::new();
    if touched.users > FEW {
        let retype = Control::Retype(name.to_owned());
        fields.push(Field::new("confirm", "Type the name to confirm", retype).value(typed).required());
    }
    let mut form = Form {
        action: at_group(visit, id, "/delete"),
        csrf: visit.caller.csrf.clone(),
        version: shown.details.group.version.to_string(),
        submit: "Delete group".to_owned(),
        danger: true,
        cancel: at_group(visit, id, ""),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let lead = match touched.users {
        0 => "Nobody is in it. It can’t be brought back.".to_owned(),
        1 => "1 person loses what it gives, at once. It can’t be brought back.".to_owned(),
        count if count > 10_000 => {
            "Over 10,000 people lose what it gives, at once. It can’t be brought back.".to_owned()
        }
        count => format!("{} lose what it gives, at once. It can’t be brought back.", people(count)),
    };
    let (trying, preview) = visit.caller.actor.previewing();
    let tried = visit.app().delete_group(&trying, id, None).await;
    let mut consequences = consequences(&shown);
    consequences.extend(foreseen(tried, &preview));
    let dialog = Dialog {
        title: format!("Delete {name}?"),
        icon: "trash",
        lead,
        consequences,
        advice: obstacle(visit, id, error).await,
        form,
    };
    let frame = visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs("Delete"), name).await?;
    visit.question(status, frame, dialog)
}

/// What else ends with it, and what stays.
fn consequences(shown: &Shown<'_>) -> Vec<String> {
    let (touched, mut lines) = (&shown.details.touched, Vec::new());
    let roles: Vec<&str> = shown.details.roles.iter().map(|grant| grant.name.as_str()).collect();
    if !roles.is_empty() {
        lines.push(format!("It carries: {}.", roles.join(", ")));
    }
    if touched.groups > 0 {
        let stay = if touched.groups == 1 { "stays, and loses" } else { "stay, and lose" };
        lines.push(format!("{} inside it {stay} what it gives.", groups_words(touched.groups)));
    }
    if touched.parents > 0 {
        lines.push(format!("It stands in {}, which lose its people.", groups_words(touched.parents)));
    }
    if touched.held_over > 0 {
        let grants = if touched.held_over == 1 { "role that is" } else { "roles that are" };
        lines.push(format!("{} {grants} held over it end.", counted(touched.held_over)));
    }
    lines.push("Nobody is deleted with it.".to_owned());
    lines
}

/// What would be refused is said before anybody decides.
async fn obstacle(visit: &Visit, id: GroupId, said: Option<&Error>) -> Option<Banner> {
    if said.is_some() {
        return None;
    }
    let trial = app::Actor { dry_run: true, ..visit.caller.actor.clone() };
    let error = visit.app().delete_group(&trial, id, None).await.err()?;
    let title = if error.code() == "org.last_owner" { "The last owner is in it" } else { "Not possible now" };
    Some(Banner {
        tone: Tone::Red,
        icon: "alert",
        title: title.to_owned(),
        lines: vec![error.message().to_owned()],
        action: None,
    })
}

/// `POST /o/{slug}/groups/{id}/delete`
pub(crate) async fn delete(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let typed = fields.get("confirm");
    match confirmed(&visit, id, typed, fields.get("version").parse().ok()).await {
        Ok(_) => Ok(visit.done(&visit.at("/groups"), Done::GroupDeleted, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, id, status, typed, Some(&error)).await
        }
    }
}

async fn confirmed(
    visit: &Visit,
    id: GroupId,
    typed: &str,
    version: Option<i64>,
) -> model::Result<DeletedGroup> {
    let details = visit.app().group(&visit.caller.actor, id).await?;
    if details.touched.users > FEW && typed.trim() != details.group.fields.name {
        let message = "This is not the group’s name. Type it as it is shown.";
        return Err(Error::invalid_field("confirm", "group.confirm", message));
    }
    visit.app().delete_group(&visit.caller.actor, id, version).await
}
