//! Creating a user, and changing the record of one.

use app::{
    Actor, Person,
    users::{InitialPassword, NewUser},
};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, Kind, Permission, RoleKey, UserFields, UserId,
    access::{OWNER_WARNING, Role},
    grant::GrantTerms,
    link::Purpose,
    role::{RoleDefinition, Scope},
    user::{Completeness, UserType},
};

use super::{
    done::Done,
    forms::{Sent, Values},
    memberships::{Moves, chosen, group_fields, may_change, remembered_with},
    passwords::{first_password_rules, new_password},
    record::{self, People, Whose},
    user_page::{heading, temporary_password},
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::Link,
        users::{CreateUser, EditUser},
    },
    visit::{Part, Visit, html, shown_again},
    words::moment,
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

/// The ways to begin: the value of the field and what stands beside it.
const STARTS: [(&str, &str, &str); 5] = [
    ("generated", "Generate a temporary password", "Shown once, to hand over."),
    ("typed", "Type a password", "You say whether it must be changed."),
    ("invite", "Send an invitation", "A mail with a link to choose a password."),
    ("activation", "Send an activation mail", "The same, for an account that is ready."),
    ("staged", "Nothing yet", "The user is inactive until activated."),
];

/// `GET /o/{slug}/users/new`
pub(crate) async fn new(visit: Visit) -> Answer<Response> {
    let blank = record::values(&UserFields::default(), &People::nobody());
    let access = access(&visit, "generated", true, &[], None).await?;
    create_page(&visit, StatusCode::OK, &blank, access, None).await
}

async fn create_page(
    visit: &Visit,
    status: StatusCode,
    values: &Values,
    access: Section,
    error: Option<&Error>,
) -> Answer<Response> {
    let mut sections = record::sections(values, Whose::Theirs);
    if let Some(first) = sections.first_mut().and_then(|section| section.fields.first_mut()) {
        first.autofocus = error.is_none();
    }
    sections.insert(1, access);
    let mut form = Form {
        action: visit.at("/users/new"),
        csrf: visit.caller.csrf.clone(),
        submit: "Create user".to_owned(),
        cancel: visit.at("/users"),
        sections,
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let crumbs = vec![Link::new("Users", visit.at("/users")), Link::new("Create", "")];
    let frame = visit.frame("Create user", frame::Section::Users, crumbs, "").await?;
    html(status, &CreateUser { frame, form }, Part::Page)
}

/// How the first sign-in goes, and what may be done after it.
async fn access(
    visit: &Visit,
    start: &str,
    must_change: bool,
    roles: &[&str],
    sent: Option<&Fields>,
) -> model::Result<Section> {
    let hours = visit.org().settings.password.temporary_hours;
    let offered = |(value, ..): &(&str, &str, &str)| match *value {
        "invite" => visit.may(Permission::UserInvite),
        "activation" => visit.may(Permission::UserActivate),
        _ => true,
    };
    let starts = STARTS
        .into_iter()
        .filter(offered)
        .map(|(value, label, hint)| Choice::new(value, label).hint(hint).chosen(value == start));
    let mut fields = vec![
        Field::new("start", "First sign-in", Control::Radio(starts.collect()))
            .required()
            .shown_when("type", "!service"),
        new_password("password", "Password", visit.org())
            .hint(first_password_rules(visit.org()).swap_remove(0))
            .shown_when("start", "typed"),
        Field::new("must_change", "Must be changed at the first sign-in", Control::Checkbox)
            .value(if must_change { "on" } else { "" })
            .hint(format!("It is then temporary: it works for {hours} hours."))
            .shown_when("start", "typed"),
    ];
    let choices = role_choices(visit, roles).await?;
    if !choices.is_empty() {
        let hint = "Everyone is a member and may manage the own account.";
        fields.push(Field::new("roles", "Roles", Control::Checkboxes(choices)).hint(hint));
    }
    fields.extend(group_fields(visit, &[], sent).await?);
    Ok(Section::new("Access", "How the first sign-in goes, and what may be done after it.", fields))
}

/// The roles that somebody new can be given, with those chosen whose keys these are.
pub(crate) async fn role_choices(visit: &Visit, chosen: &[&str]) -> model::Result<Vec<Choice>> {
    let is_chosen = |role: &RoleDefinition| chosen.contains(&role.key.to_string().as_str());
    let roles = grantable(visit, &[]).await?;
    Ok(roles.iter().map(|role| role_choice(role).chosen(is_chosen(role))).collect())
}

/// The roles that this viewer can give, and those `held` already.
pub(crate) async fn grantable(visit: &Visit, held: &[RoleKey]) -> model::Result<Vec<RoleDefinition>> {
    if !visit.may(Permission::RoleRead) {
        return Ok(Vec::new());
    }
    let can_give = |role: &RoleDefinition| {
        role.key != Role::Member
            && (held.contains(&role.key) || (visit.may(Permission::RoleAssign) && may_give(visit, role)))
    };
    let mut roles = visit.app().roles(&visit.caller.actor).await?;
    roles.retain(can_give);
    Ok(roles)
}

/// Whether a role is within what this viewer may give in the whole organization.
pub(crate) fn may_give(visit: &Visit, role: &RoleDefinition) -> bool {
    visit.caller.actor.rights.covers(&role.allowed.in_scope(Scope::Org, Vec::new()))
}

/// A role to tick, with what it is for; of the owner's what it means.
pub(crate) fn role_choice(role: &RoleDefinition) -> Choice {
    let choice = Choice::new(role.key.to_string(), &role.name);
    choice.hint(if role.key == Role::Owner { OWNER_WARNING } else { &role.description })
}

/// A field in which one of these roles is chosen, with what the owner's means if it is among them.
pub(crate) fn role_field(label: &str, choices: Vec<Choice>, roles: &[RoleDefinition]) -> Field {
    let field = Field::new("role", label, Control::Select(choices)).required();
    let has_owner = roles.iter().any(|role| role.key == Role::Owner);
    if has_owner { field.hint(format!("{}: {OWNER_WARNING}", Role::Owner.label())) } else { field }
}

/// `POST /o/{slug}/users/new`
pub(crate) async fn create(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let sent = Sent::read(&fields, record::names(), []);
    match create_user(&visit, &fields, &sent).await {
        Ok((person, Some(password))) => visit.must_be_read(
            &temporary_password(&visit, &person, format!("{} was created", person.user.name()), password)
                .await?,
        ),
        Ok((person, None)) => {
            Ok(visit.done(&visit.at_user(person.user.id, ""), Done::Created, person.user.name()))
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let blank = record::values(&UserFields::default(), &People::nobody());
            let roles: Vec<&str> = fields.all("roles").collect();
            let (start, must_change) = (fields.get("start"), fields.ticked("must_change"));
            let access = access(&visit, start, must_change, &roles, Some(&fields)).await?;
            create_page(&visit, status, &sent.filled(&blank), access, Some(&error)).await
        }
    }
}

async fn create_user(visit: &Visit, fields: &Fields, sent: &Sent) -> model::Result<(Person, Option<String>)> {
    let record = new_record(visit, sent).await?;
    let password = match fields.get("start") {
        // A program has tokens; the page does not ask.
        _ if record.kind() == UserType::Service => InitialPassword::None,
        "generated" => InitialPassword::Generated,
        "typed" => InitialPassword::Chosen {
            password: fields.get("password").to_owned(),
            must_change: fields.ticked("must_change"),
        },
        "invite" => InitialPassword::Mail(Purpose::Invitation),
        "activation" => InitialPassword::Mail(Purpose::Activation),
        "staged" => InitialPassword::None,
        _ => {
            return Err(Error::invalid_field("start", "start.missing", "Choose how the first sign-in goes."));
        }
    };
    let (roles, groups) = (roles(visit, fields).await?, chosen(visit, fields).await?);
    let new = NewUser { fields: record, roles, groups, password };
    let created = visit.app().create_user(&visit.caller.actor, visit.org(), new).await?;
    Ok((created.person, created.password))
}

/// The record that was typed; whatever is wrong with it is said at once.
async fn new_record(visit: &Visit, sent: &Sent) -> model::Result<UserFields> {
    let (patch, mut refused) = record::read_all(visit, sent, Whose::Theirs).await?;
    let record = UserFields::default().patched(&patch)?;
    if refused.is_empty() {
        return Ok(record);
    }
    if let Err(error) = record.checked(Completeness::Full) {
        refused.extend_from_slice(error.fields());
    }
    Err(Error::invalid(refused))
}

/// The ticked roles.
pub(crate) async fn roles(visit: &Visit, fields: &Fields) -> model::Result<Vec<RoleKey>> {
    let names: Vec<String> = fields.all("roles").map(str::to_owned).collect();
    visit.app().role_keys(&visit.caller.actor, &names).await
}

/// `GET /o/{slug}/users/{id}/edit`
pub(crate) async fn edit_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    let values = record::values(&person.user.fields, &People::of(&visit, &person.user.fields).await?);
    let seen = remembered_with(values.clone(), &person.memberships);
    let form = edit_form(&visit, &person, &values, seen, None).await?;
    show_edit(&visit, StatusCode::OK, &person, form).await
}

/// The record and the groups; `sent` fills in which were ticked.
async fn edit_form(
    visit: &Visit,
    person: &Person,
    values: &Values,
    seen: String,
    sent: Option<&Fields>,
) -> model::Result<Form> {
    let mut sections = record::sections(values, Whose::Theirs);
    if may_change(visit, person) {
        let fields = group_fields(visit, &person.memberships, sent).await?;
        if !fields.is_empty() {
            let about = "What is ticked is held from now on, what is not is taken away.";
            sections.insert(1, Section::new("Groups", about, fields));
        }
    }
    Ok(Form {
        action: visit.at_user(person.user.id, "/edit"),
        csrf: visit.caller.csrf.clone(),
        version: person.user.version.to_string(),
        seen,
        submit: "Save changes".to_owned(),
        cancel: visit.at_user(person.user.id, ""),
        sections,
        ..Form::default()
    })
}

async fn show_edit(visit: &Visit, status: StatusCode, person: &Person, form: Form) -> Answer<Response> {
    let name = person.user.name();
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(person.user.id, "")),
        Link::new("Edit", ""),
    ];
    let frame = visit.frame(&format!("Edit {name}"), frame::Section::Users, crumbs, name).await?;
    html(status, &EditUser { frame, heading: heading(visit, person), form }, Part::Page)
}

/// `POST /o/{slug}/users/{id}/edit`
pub(crate) async fn edit(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let sent = Sent::read(&fields, record::names(), []);
    let person = visit.app().user(&visit.caller.actor, id).await?;
    match save(&visit, &person, &sent, &fields).await {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::Edited, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            let now = record::values(&person.user.fields, &People::of(&visit, &person.user.fields).await?);
            let filled = sent.filled(&now);
            let form = if error.kind() == Kind::Stale {
                let seen = remembered_with(now.clone(), &person.memberships);
                let mut form = edit_form(&visit, &person, &filled, seen, Some(&fields)).await?;
                form.disagree(&sent, &now, moment(person.user.updated_at, visit.app().now()));
                form
            } else {
                let seen = fields.get("seen").to_owned();
                let mut form = edit_form(&visit, &person, &filled, seen, Some(&fields)).await?;
                if let Some(version) = fields.filled("version") {
                    version.clone_into(&mut form.version);
                }
                form.refuse_all(&error);
                form
            };
            show_edit(&visit, status, &person, form).await
        }
    }
}

/// Saves the record and the groups, or neither: the record is tried first, so that what is refused in it leaves the groups
/// as they were.
async fn save(visit: &Visit, person: &Person, sent: &Sent, fields: &Fields) -> model::Result<Person> {
    let (actor, id) = (&visit.caller.actor, person.user.id);
    let version = fields.get("version").parse().ok();
    let patch = record::patch(visit, sent, Whose::Theirs).await?;
    let moves = Moves::asked(visit, person, fields).await?;
    if !moves.is_none() {
        let trial = Actor { dry_run: true, ..actor.clone() };
        visit.app().edit_user(&trial, id, patch.clone(), version).await?;
        moves.carry_out(visit, id, GrantTerms::default()).await?;
    }
    visit.app().edit_user(actor, id, patch, version).await
}
