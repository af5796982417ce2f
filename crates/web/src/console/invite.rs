//! Inviting from the console: one or many pasted addresses, each with its own verdict; what was refused stays in the box.

use app::invitations::{Invited, NewInvitation, Terms};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, InvitationId, Permission, UserFields, UserId,
    invitation::MAX_MESSAGE,
    invitee::{self, Invitee},
    lifecycle::ActionName,
    user::UserType,
};

use super::{
    done::Done,
    memberships::{chosen, group_fields},
    user_forms::{role_choices, roles},
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        invitations::{InvitePage, Verdict},
        parts::{Badge, Link, Tone},
    },
    visit::{Part, Visit, html, shown_again},
    words::{clocks, parse_time, people},
};
use crate::{extract::Fields, problem::Answer};

/// How long an invitation may last, as offered: hours and words.
const LIFETIMES: [(u16, &str); 7] = [
    (1, "1 hour"),
    (24, "1 day"),
    (72, "3 days"),
    (168, "7 days"),
    (336, "14 days"),
    (720, "30 days"),
    (2160, "90 days"),
];

/// `GET /o/{slug}/invitations/new`
pub(crate) async fn page(visit: Visit) -> Answer<Response> {
    let form = form(&visit, None, "").await?;
    show(&visit, StatusCode::OK, "Invite people", String::new(), Vec::new(), Some(form)).await
}

/// The form; `sent` fills it with what was typed, `addresses` with who is left.
async fn form(visit: &Visit, sent: Option<&Fields>, addresses: &str) -> model::Result<Form> {
    let kept = |name: &str| sent.map_or("", |sent| sent.get(name));
    let usual = visit.org().settings.invitation.lifetime_hours;
    let chosen = kept("expires_in_hours").parse().unwrap_or(usual);
    let mut lifetimes = LIFETIMES.map(|(hours, words)| (hours, words.to_owned())).to_vec();
    if !lifetimes.iter().any(|(hours, _)| *hours == usual) {
        lifetimes.push((usual, format!("{usual} hours")));
        lifetimes.sort_unstable();
    }
    let lifetimes = lifetimes
        .into_iter()
        .map(|(hours, words)| Choice::new(hours.to_string(), words).chosen(hours == chosen))
        .collect();
    let mut whom = vec![
        Field::new("addresses", "Email addresses", Control::Text { rows: 4 })
            .value(addresses)
            .required()
            .autofocus()
            .hint("One or many, with commas or lines between, with or without names: Ana Silva <ana@example.com>"),
    ];
    let given: Vec<&str> = sent.map(|sent| sent.all("roles").collect()).unwrap_or_default();
    let choices = role_choices(visit, &given).await?;
    if !choices.is_empty() {
        let hint = "Everyone is a member and may manage the own account.";
        whom.push(Field::new("roles", "Roles", Control::Checkboxes(choices)).hint(hint));
    }
    whom.extend(group_fields(visit, &[], sent).await?);
    let limit = u32::try_from(MAX_MESSAGE).unwrap_or(u32::MAX);
    let how = vec![
        Field::new("message", "Message", Control::Text { rows: 3 })
            .value(kept("message"))
            .limit(limit)
            .hint("Stands in the mail and on the page behind its link."),
        Field::new("expires_in_hours", "The invitation lasts", Control::Select(lifetimes)).required().half(),
        Field::new("valid_until", "The account ends", Control::Input("datetime-local"))
            .value(kept("valid_until"))
            .half()
            .hint(format!("{} For guests and for temporary staff.", clocks())),
        Field::new("guest", "A guest", Control::Checkbox)
            .value(if sent.is_some_and(|sent| sent.ticked("guest")) { "on" } else { "" })
            .hint("Never an administrator; needs an end."),
    ];
    Ok(Form {
        action: visit.at("/invitations/new"),
        csrf: visit.caller.csrf.clone(),
        submit: "Send invitations".to_owned(),
        cancel: visit.at("/users"),
        sections: vec![
            Section::new("People", "", whom),
            Section::new("How", "The same for everybody in the list.", how),
        ],
        ..Form::default()
    })
}

async fn show(
    visit: &Visit,
    status: StatusCode,
    title: &str,
    result: String,
    verdicts: Vec<Verdict>,
    form: Option<Form>,
) -> Answer<Response> {
    let crumbs = vec![Link::new("Users", visit.at("/users")), Link::new("Invite", "")];
    let back = if visit.may(Permission::InvitationRead) {
        Link::new("All invitations", visit.at("/invitations"))
    } else {
        Link::new("All users", visit.at("/users"))
    };
    let frame = visit.frame(title, frame::Section::Users, crumbs, "").await?;
    html(status, &InvitePage { frame, banner: visit.no_mail(), result, verdicts, form, back }, Part::Page)
}

/// `POST /o/{slug}/invitations/new`
pub(crate) async fn send(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let list = invitee::list(fields.get("addresses"));
    match invite(&visit, &fields, &list).await {
        Ok(results) => told(&visit, &fields, &list, &results).await,
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let mut form = form(&visit, Some(&fields), fields.get("addresses")).await?;
            form.refuse_all(&error);
            show(&visit, status, "Invite people", String::new(), Vec::new(), Some(form)).await
        }
    }
}

/// Invites everybody. What is wrong with the form itself, and so with everybody, is the error.
async fn invite(
    visit: &Visit,
    fields: &Fields,
    list: &[Invitee],
) -> model::Result<Vec<model::Result<Invited>>> {
    if list.is_empty() {
        let message = "Type at least one email address.";
        return Err(Error::invalid_field("addresses", "invitation.nobody", message));
    }
    let hours = fields.get("expires_in_hours").parse().map_err(|_| {
        Error::invalid_field("expires_in_hours", "invitation.lifetime", "Choose how long it lasts.")
    })?;
    let terms = Terms { message: fields.get("message").replace("\r\n", "\n"), lifetime_hours: Some(hours) };
    let valid_until = fields.filled("valid_until").map(|text| parse_time("valid_until", text)).transpose()?;
    let (roles, groups) = (roles(visit, fields).await?, chosen(visit, fields).await?);
    let user_type = fields.ticked("guest").then_some(UserType::Guest);
    let new = |invitee: &Invitee| NewInvitation {
        fields: UserFields {
            email: Some(invitee.address.clone()),
            given_name: invitee.given_name.clone(),
            family_name: invitee.family_name.clone(),
            user_type,
            valid_until,
            ..UserFields::default()
        },
        roles: roles.clone(),
        groups: groups.clone(),
        terms: terms.clone(),
    };
    let list = list.iter().map(new).collect();
    let results = visit.app().invite_many(&visit.caller.actor, visit.org(), list).await?;
    let is_about_all = |error: &Error| {
        error.fields().iter().any(|field| !matches!(&*field.field, "email" | "given_name" | "family_name"))
    };
    match results.iter().find_map(|result| result.as_ref().err().filter(|error| is_about_all(error))) {
        Some(error) if results.iter().all(Result::is_err) => Err(error.clone()),
        _ => Ok(results),
    }
}

/// What came of it: on to the one who was invited, or the verdicts, with those who are left in the box.
async fn told(
    visit: &Visit,
    fields: &Fields,
    list: &[Invitee],
    results: &[model::Result<Invited>],
) -> Answer<Response> {
    if let [Ok(one)] = results {
        let user = &one.person.user;
        return Ok(visit.done(&visit.at_user(user.id, ""), Done::Moved(ActionName::Invite), user.name()));
    }
    let mut verdicts = Vec::with_capacity(results.len());
    let mut left = Vec::new();
    for (invitee, result) in list.iter().zip(results) {
        verdicts.push(verdict(visit, invitee, result).await);
        if result.is_err() {
            left.push(invitee.typed.as_str());
        }
    }
    let invited = results.len() - left.len();
    let number = i64::try_from(invited).unwrap_or(i64::MAX);
    let result = match (invited, left.len()) {
        (0, _) => "Nobody was invited. What to do stands beside each address.".to_owned(),
        (1, 0) => "1 person was invited.".to_owned(),
        (_, 0) => format!("{} were invited.", people(number)),
        (_, refused) => format!(
            "{} {} invited, {refused} not. Those are in the box again.",
            people(number),
            if invited == 1 { "was" } else { "were" }
        ),
    };
    let status = if invited == 0 { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = match left.as_slice() {
        [] => None,
        left => Some(form(visit, Some(fields), &left.join("\n")).await?),
    };
    let title = if form.is_none() { "Everybody was invited" } else { "Invite people" };
    show(visit, status, title, result, verdicts, form).await
}

async fn verdict(visit: &Visit, invitee: &Invitee, result: &model::Result<Invited>) -> Verdict {
    let badge = |tone, label: &str| Badge { tone, label: label.to_owned() };
    let subject = invitee.typed.clone();
    match result {
        Ok(done) => {
            let user = &done.person.user;
            let mut actions = vec![Link::new("Open", visit.at_user(user.id, ""))];
            let mut text = String::new();
            if !visit.app().carrier().is_there() {
                "No mail was sent.".clone_into(&mut text);
                actions.push(Link::new("Copy the link", visit.at_user(user.id, "/invitation-link")));
            }
            Verdict { subject, badge: badge(Tone::Green, "Invited"), text, actions }
        }
        Err(error) => {
            let (tone, label) = match error.code() {
                "invitation.exists" => (Tone::Blue, "Invited before"),
                "user.exists" => (Tone::Amber, "There already"),
                "invitation.twice" => (Tone::Grey, "Twice in the list"),
                "forbidden" | "role.stronger" => (Tone::Red, "Not allowed"),
                _ => (Tone::Red, "Not invited"),
            };
            let actions = existing(visit, error).await;
            Verdict { subject, badge: badge(tone, label), text: error.message().to_owned(), actions }
        }
    }
}

/// The ways to who is there already.
async fn existing(visit: &Visit, error: &Error) -> Vec<Link> {
    let Some(id) = error.existing().filter(|_| visit.may(Permission::UserRead)) else { return Vec::new() };
    if error.code() != "invitation.exists" {
        return id
            .parse()
            .map(|id: UserId| vec![Link::new("Open", visit.at_user(id, ""))])
            .unwrap_or_default();
    }
    let Ok(id) = id.parse::<InvitationId>() else { return Vec::new() };
    let Ok((invitation, _)) = visit.app().invitation(&visit.caller.actor, id).await else {
        return Vec::new();
    };
    let mut links = vec![Link::new("Open", visit.at_user(invitation.user, ""))];
    if visit.may(Permission::InvitationResend) {
        links.push(Link::new("Send again", visit.at_user(invitation.user, "/invite")));
    }
    links
}
