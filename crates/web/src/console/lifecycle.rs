//! The transitions of a user: for each a question, and the answer carried out. Setting a temporary password is asked
//! for in the same way.

use app::{Person, invitations::Terms, lifecycle::Held};
use axum::{http::StatusCode, response::Response};
use model::{
    Action, Error, Kind, Permission, UserId,
    lifecycle::{ActionName, Awaited, Reason, StateName},
};

use super::{
    actions::needed,
    done::Done,
    passwords::{first_password_rules, new_password},
    questions::{Ground, Question},
    tokens::{REVOKE_ALL, named},
    user_page::temporary_password,
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::{Link, Secret},
        question::{Dialog, DonePage, RestOfTokens},
    },
    visit::{Visit, shown_again},
    words::parse_time,
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

/// `GET /o/{slug}/users/{id}/{action}`
pub(crate) async fn ask(visit: Visit, Id(id): Id<UserId>, action: ActionName) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let state = person.user.state.name();
    visit.caller.actor.require(needed(action, state))?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    if !person.user.possible(&visit.org().settings.lifecycle).contains(&action) {
        let message = format!(
            "{} is {state}: this is not possible, or not any more. Look at the user again.",
            person.user.name()
        );
        return Err(Error::new(Kind::Conflict, "user.not_possible", message).into());
    }
    if action == ActionName::Activate && person.password.set_at.is_none() && !has_address(&person) {
        visit.caller.actor.require(Permission::UserResetPassword)?;
        return ask_password(&visit, &person, StatusCode::OK, None, "generated").await;
    }
    question(&visit, &person, action, StatusCode::OK, None, None).await
}

async fn question(
    visit: &Visit,
    person: &Person,
    action: ActionName,
    status: StatusCode,
    error: Option<&Error>,
    sent: Option<&Fields>,
) -> Answer<Response> {
    let held = if person.user.state.name() == StateName::Deprovisioned {
        visit.app().held_before(&visit.caller.actor, person.user.id).await?
    } else {
        Held::default()
    };
    let ground = Ground { org: visit.org(), person, held: &held, now: visit.app().now(), sent };
    let asked = ground.ask(action);
    show(visit, person, &format!("/{action}"), asked, status, error).await
}

/// Shows a question about a user, with what was refused.
pub(super) async fn show(
    visit: &Visit,
    person: &Person,
    path: &str,
    asked: Question,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let (id, name) = (person.user.id, person.user.name());
    let mut form = Form {
        action: visit.at_user(id, path),
        csrf: visit.caller.csrf.clone(),
        version: person.user.version.to_string(),
        submit: asked.submit.clone(),
        danger: asked.danger,
        cancel: visit.at_user(id, ""),
        sections: vec![Section::plain(asked.fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: asked.title,
        icon: asked.icon,
        lead: asked.lead,
        consequences: asked.consequences,
        advice: asked.advice,
        form,
    };
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new(asked.submit, ""),
    ];
    let frame = visit.frame(&dialog.title, frame::Section::Users, crumbs, name).await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/users/{id}/{action}`
pub(crate) async fn carry_out(
    visit: Visit,
    Id(id): Id<UserId>,
    fields: Fields,
    action: ActionName,
) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    // Purging leaves nobody whose name could be said.
    let before = visit.app().user(&visit.caller.actor, id).await?;
    match apply(&visit, id, &fields, action).await {
        Ok(person) => {
            let (from, now) = (before.user.state.name(), person.user.state.name());
            let to = visit.at_user(id, if now == StateName::Purged { "/erasure" } else { "" });
            let done = match (action, from, now) {
                (ActionName::Invite, StateName::Invited, _) => Done::Resent,
                (ActionName::Activate | ActionName::Settle, _, StateName::Invited) => Done::ActivationSent,
                _ => Done::Moved(action),
            };
            Ok(visit.done(&to, done, before.user.name()))
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            question(&visit, &person, action, status, Some(&error), Some(&fields)).await
        }
    }
}

/// Does what the form says.
async fn apply(visit: &Visit, id: UserId, fields: &Fields, action: ActionName) -> model::Result<Person> {
    let (app, actor, org) = (visit.app(), &visit.caller.actor, visit.org());
    let version = fields.get("version").parse().ok();
    let time = |name| fields.filled(name).map(|text| parse_time(name, text)).transpose();
    let note = || note_in(fields, "note");
    let reason = || {
        let missing = || Error::invalid_field("reason", "reason.missing", "Choose a reason.");
        Reason::parse(fields.get("reason")).ok_or_else(missing)
    };
    let confirm = || fields.get("confirm").to_owned();
    let action = match action {
        ActionName::Reactivate => {
            let (until, roles) = (time("valid_until")?, fields.ticked("restore_roles"));
            return app.reactivate(actor, org, id, until, roles, version).await;
        }
        ActionName::Invite => {
            let lifetime_hours = fields.filled("expires_in_hours").and_then(|text| text.parse().ok());
            let terms = Terms { message: note_in(fields, "message"), lifetime_hours };
            return app.invite_user(actor, org, id, terms, version).await.map(|invited| invited.person);
        }
        ActionName::CancelInvitation => Action::CancelInvitation,
        ActionName::Suspend => Action::Suspend { reason: reason()?, note: note() },
        ActionName::Deprovision => Action::Deprovision { reason: reason()?, note: note() },
        ActionName::Lock => Action::Lock { until: time("until")?, note: note() },
        ActionName::Delete => Action::Delete { confirm: confirm() },
        ActionName::Purge => Action::Purge { confirm: Some(confirm()) },
        ActionName::Activate => Action::Activate,
        ActionName::Settle => {
            let missing = || Error::invalid_field("awaited", "awaited.missing", "Choose what is complete.");
            Action::Settle(Awaited::parse(fields.get("awaited")).ok_or_else(missing)?)
        }
        ActionName::Reject => Action::Reject,
        ActionName::Unlock => Action::Unlock,
        ActionName::Restore => Action::Restore,
        ActionName::Accept => return Err(Error::not_found()),
    };
    app.transition(actor, org, id, action, version).await
}

/// Several lines, as typed: browsers send line breaks as CR LF.
fn note_in(fields: &Fields, name: &str) -> String {
    fields.get(name).replace("\r\n", "\n")
}

/// Whether a mail reaches this person.
fn has_address(person: &Person) -> bool {
    person.user.fields.email.is_some() || person.user.fields.personal_email.is_some()
}

/// `GET /o/{slug}/users/{id}/invitation-link`
pub(crate) async fn ask_link(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let asked = link_question(person.user.name());
    show(&visit, &person, "/invitation-link", asked, StatusCode::OK, None).await
}

fn link_question(name: &str) -> Question {
    Question {
        title: format!("Copy the link of {name}?"),
        icon: "copy",
        lead: format!("To hand it over by other means than mail. Whoever has it can accept as {name}."),
        consequences: vec!["That you copied it is recorded in the audit log.".to_owned()],
        advice: None,
        fields: Vec::new(),
        submit: "Show the link".to_owned(),
        danger: false,
    }
}

/// `POST /o/{slug}/users/{id}/invitation-link`
pub(crate) async fn copy_link(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let name = person.user.name();
    match visit.app().copy_invitation_link(&visit.caller.actor, visit.org(), id).await {
        Ok(url) => {
            let crumbs = vec![
                Link::new("Users", visit.at("/users")),
                Link::new(name, visit.at_user(id, "")),
                Link::new("Link", ""),
            ];
            let secret = Secret {
                title: format!("The link of {name}"),
                text: format!("Hand it to {name} and to nobody else. It works once."),
                label: "Link".to_owned(),
                value: url,
            };
            visit.must_be_read(&DonePage {
                frame: visit.frame("Link", frame::Section::Users, crumbs, name).await?,
                secret,
                rest: None,
                back: Link::new(format!("Go on to {name}"), visit.at_user(id, "")),
            })
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            show(&visit, &person, "/invitation-link", link_question(name), status, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/users/{id}/remind`
pub(crate) async fn ask_remind(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let asked = remind_question(&person);
    show(&visit, &person, "/remind", asked, StatusCode::OK, None).await
}

fn remind_question(person: &Person) -> Question {
    let name = person.user.name();
    Question {
        title: format!("Remind {name}?"),
        icon: "clock",
        lead: format!("{name} gets another mail. Its link works as long as the invitation does."),
        consequences: vec!["The old link keeps working.".to_owned()],
        advice: None,
        fields: Vec::new(),
        submit: "Remind now".to_owned(),
        danger: false,
    }
}

/// `POST /o/{slug}/users/{id}/remind`
pub(crate) async fn remind(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let none = || Error::new(Kind::Conflict, "invitation.none", "There is no open invitation. Send one.");
    let result = match visit.app().invitation_of(&visit.caller.actor, id).await? {
        Some(invitation) => visit.app().remind_invitation(&visit.caller.actor, invitation.id).await,
        None => Err(none()),
    };
    match result {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::Reminded, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            show(&visit, &person, "/remind", remind_question(&person), status, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/users/{id}/set-password`
pub(crate) async fn password_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    ask_password(&visit, &person, StatusCode::OK, None, "generated").await
}

async fn ask_password(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    error: Option<&Error>,
    way: &str,
) -> Answer<Response> {
    let (name, policy) = (person.user.name(), &visit.org().settings.password);
    let activates = matches!(person.user.state.name(), StateName::Staged | StateName::Invited);
    let ways = vec![
        Choice::new("generated", "Generate one").hint("Easy to read out, shown once.").chosen(way != "typed"),
        Choice::new("typed", "Type one").chosen(way == "typed"),
    ];
    let fields = vec![
        Field::new("way", "Password", Control::Radio(ways)).required(),
        new_password("password", "Temporary password", visit.org())
            .hint(first_password_rules(visit.org()).swap_remove(0))
            .shown_when("way", "typed"),
    ];
    let (title, submit, lead) = if activates {
        let lead = format!("There is no password yet. {name} becomes active with a temporary one.");
        (format!("Activate {name}?"), "Activate", lead)
    } else {
        let lead = format!("The present password of {name} stops working.");
        (format!("Set a temporary password for {name}?"), "Set password", lead)
    };
    let mut consequences = vec![format!(
        "It works for {} hours, and another one must be chosen at the next sign-in.",
        policy.temporary_hours
    )];
    if !activates {
        consequences.push(
            "Every session ends at once, and so do API tokens that are younger than a session can be. Older ones are listed \
             afterwards."
                .to_owned(),
        );
    }
    let asked = Question {
        title,
        icon: "password",
        lead,
        consequences,
        advice: None,
        fields,
        submit: submit.to_owned(),
        danger: false,
    };
    show(visit, person, "/set-password", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/set-password`
pub(crate) async fn set_password(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let typed = (fields.get("way") == "typed").then(|| fields.get("password").to_owned());
    let version = fields.get("version").parse().ok();
    let (actor, org) = (&visit.caller.actor, visit.org());
    match visit.app().set_temporary_password(actor, org, id, typed, version).await {
        Ok(set) => {
            let name = set.person.user.name().to_owned();
            match set.password {
                Some(password) => {
                    let title = format!("A temporary password for {name}");
                    let page = temporary_password(&visit, &set.person, title, password).await?;
                    let rest = rest_of_tokens(&visit, &set.person, set.tokens).await?;
                    visit.must_be_read(&DonePage { rest, ..page })
                }
                // A typed password is shown to nobody: what goes on is shown where it is revoked.
                None if set.tokens > 0 && visit.may(Permission::TokenList) => {
                    Ok(visit.done(&visit.at_user(id, "/tokens"), Done::PasswordSet, &name))
                }
                None => Ok(visit.done(&visit.at_user(id, ""), Done::PasswordSet, &name)),
            }
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_password(&visit, &person, status, Some(&error), fields.get("way")).await
        }
    }
}

/// The API tokens that a rescue left, for whoever did it: by name for who may see them, with the way to revoke them all.
async fn rest_of_tokens(visit: &Visit, person: &Person, count: usize) -> Answer<Option<RestOfTokens>> {
    if count == 0 {
        return Ok(None);
    }
    let (id, name) = (person.user.id, person.user.name());
    let tokens = if visit.may(Permission::TokenList) {
        visit.app().tokens_of(&visit.caller.actor, id).await?
    } else {
        Vec::new()
    };
    let text = match count {
        1 => format!("1 older API token of {name} still works."),
        count => format!("{count} older API tokens of {name} still work."),
    };
    let may_revoke = visit.may(Permission::TokenRevoke);
    let revoke = may_revoke.then(|| Link::new(REVOKE_ALL, visit.at_user(id, "/tokens/revoke")));
    let advice = if may_revoke { "" } else { " Ask an administrator to revoke what nobody needs." };
    let tokens = named(&tokens, visit.app().now());
    Ok(Some(RestOfTokens { text: format!("{text}{advice}"), tokens, revoke }))
}

/// `GET /o/{slug}/users/{id}/require-password-change`
pub(crate) async fn require_change_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    ask_change(&visit, &person, StatusCode::OK, None).await
}

async fn ask_change(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let name = person.user.name();
    let asked = Question {
        title: format!("Make {name} choose another password?"),
        icon: "password",
        lead: format!(
            "{name} signs in with the present password once more, and must then choose another one."
        ),
        consequences: vec![
            "Whoever is signed in is asked at the next click. All other sessions end with the change."
                .to_owned(),
            "API tokens go on. If somebody else may know the password, set a temporary one instead."
                .to_owned(),
        ],
        advice: None,
        fields: Vec::new(),
        submit: "Require a change".to_owned(),
        danger: false,
    };
    show(visit, person, "/require-password-change", asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/require-password-change`
pub(crate) async fn require_change(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let version = fields.get("version").parse().ok();
    match visit.app().require_password_change(&visit.caller.actor, id, version).await {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::ChangeRequired, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let person = visit.app().user(&visit.caller.actor, id).await?;
            ask_change(&visit, &person, status, Some(&error)).await
        }
    }
}
