//! A person's own email address: the page in the account, and the pages of the links that confirm a change or take it
//! back. Also which notices are mailed.

use app::{Person, emails::PendingAddress};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use model::{Error, Kind, link::Purpose, mail::MailKind};

use super::{
    account::{heading, tabs},
    done::Done,
    passwords::{password_rules, repeated},
    recovery::{ended, new_password_form, returned, sender},
    view::{
        account::{EmailPage, Unconfirmed},
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::{Banner, Link, Tone},
        signin::StepPage,
    },
    visit::{Part, Visit, frame_org, html, shown_again},
    words::full,
};
use crate::{
    Shared,
    auth::Place,
    extract::{Fields, Name},
    problem::Answer,
    security::Origin,
};

/// `GET /o/{slug}/account/email`
pub(crate) async fn page(visit: Visit) -> Answer<Response> {
    again(&visit, StatusCode::OK, "", None).await
}

async fn again(visit: &Visit, status: StatusCode, typed: &str, error: Option<&Error>) -> Answer<Response> {
    let (app, actor) = (visit.app(), &visit.caller.actor);
    let own = app.own_account(actor).await?;
    let pending = app.pending_address(actor).await?;
    let muted = app.muted_notices(actor).await?;
    let mut form = change_form(visit, &own, typed);
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let crumbs = vec![Link::new("My account", visit.at("/account")), Link::new("Email", "")];
    let page = EmailPage {
        frame: visit.frame("Email", frame::Section::Account, crumbs, "").await?,
        heading: heading(visit, &own),
        tabs: tabs(visit, "Email"),
        unconfirmed: unconfirmed(visit, &own, pending.as_ref()),
        form,
        notices: notices_form(visit, &muted),
    };
    html(status, &page, Part::Page)
}

fn button(visit: &Visit, path: &str, label: &str) -> Form {
    let (action, csrf) = (visit.at(path), visit.caller.csrf.clone());
    Form { action, csrf, submit: label.to_owned(), ..Form::default() }
}

fn change_form(visit: &Visit, own: &Person, typed: &str) -> Form {
    let fields = vec![
        Field::new("email", "New email address", Control::Input("email"))
            .value(typed)
            .required()
            .autocomplete("email")
            .hint("A mail goes there. Nothing changes until you confirm it."),
        Field::new("present_password", "Present password", Control::Password)
            .required()
            .autocomplete("current-password"),
    ];
    let present = own.user.fields.email.as_deref().unwrap_or("none");
    let section = Section::new("Change your address", &format!("At present: {present}"), fields);
    Form {
        username: own.user.username().to_owned(),
        sections: vec![section],
        ..button(visit, "/account/email", "Send confirmation mail")
    }
}

fn unconfirmed(visit: &Visit, own: &Person, pending: Option<&PendingAddress>) -> Option<Unconfirmed> {
    let banner = |tone, title: String, line: &str| Banner {
        tone,
        icon: "mail",
        title,
        lines: vec![line.to_owned()],
        action: None,
    };
    if let Some(pending) = pending {
        let title = format!("Waiting for you to confirm {} until {}", pending.address, full(pending.until));
        let line = "Open the link in the mail that was sent there. Until then nothing changes.";
        let action = visit.at("/account/email/cancel");
        return Some(Unconfirmed { banner: banner(Tone::Blue, title, line), action, label: "Cancel this" });
    }
    let address = own.user.fields.email.as_ref().filter(|_| !own.user.email_verified)?;
    let line = "Prove that you read its mail, so that you can find your organization again with it.";
    let action = visit.at("/account/email/verify");
    let banner = banner(Tone::Amber, format!("{address} is not confirmed"), line);
    Some(Unconfirmed { banner, action, label: "Send verification mail" })
}

fn notices_form(visit: &Visit, muted: &[MailKind]) -> Form {
    let choice = |kind: &MailKind| Choice::new(kind.as_str(), words_for(*kind)).chosen(!muted.contains(kind));
    let choices = MailKind::OPTIONAL.iter().map(choice).collect();
    let fields = vec![Field::new("notices", "Mail me when", Control::Checkboxes(choices)).hint(
        "Always mailed, because it guards your account: a changed password or address, a locked password, a change of owners.",
    )];
    Form {
        sections: vec![Section::new("What you are mailed about", "", fields)],
        ..button(visit, "/account/email/notices", "Save")
    }
}

fn words_for(kind: MailKind) -> &'static str {
    match kind {
        MailKind::MadeAdministrator => "I am given an administrator's role",
        MailKind::AccessEnding => "my access, or a group's of mine, is about to end",
        MailKind::GrantEnding => "access that I gave is about to end",
        _ => "something else happens",
    }
}

/// `POST /o/{slug}/account/email`
pub(crate) async fn change(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let (wanted, present) = (fields.get("email"), fields.get("present_password"));
    match visit.app().ask_for_email(&visit.caller.actor, wanted, present).await {
        Ok(_) => Ok(visit.done(&visit.at("/account/email"), Done::ConfirmationSent, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            again(&visit, status, wanted, Some(&error)).await
        }
    }
}

/// `POST /o/{slug}/account/email/cancel`
pub(crate) async fn cancel(visit: Visit, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().cancel_email(&visit.caller.actor).await?;
    Ok(visit.done(&visit.at("/account/email"), Done::EmailChangeCancelled, ""))
}

/// `POST /o/{slug}/account/email/verify`
pub(crate) async fn verify(visit: Visit, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    match visit.app().ask_for_verification(&visit.caller.actor).await {
        Ok(_) => Ok(visit.done(&visit.at("/account/email"), Done::ConfirmationSent, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            again(&visit, status, "", Some(&error)).await
        }
    }
}

/// `POST /o/{slug}/account/email/notices`
pub(crate) async fn save_notices(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let wanted: Vec<&str> = fields.all("notices").collect();
    let muted = MailKind::OPTIONAL.into_iter().filter(|kind| !wanted.contains(&kind.as_str())).collect();
    visit.app().mute_notices(&visit.caller.actor, muted).await?;
    Ok(visit.done(&visit.at("/account/email"), Done::Saved, ""))
}

/// `GET /o/{slug}/verify-email/{name}`
pub(crate) async fn confirm_page(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
) -> Answer<Response> {
    let purpose = Purpose::EmailVerification;
    let opened = match shared.app.open_account_link(&org, purpose, &secret).await {
        Ok(opened) => opened,
        Err(error) => return ended(&org, purpose, error),
    };
    let address = &opened.link.address;
    let line = format!(
        "{address} becomes the address of {} ({}) at {}. Mail goes there from then on.",
        opened.user.name(),
        opened.user.username(),
        org.name
    );
    let form = Form {
        action: format!("/o/{}/{}/{secret}", org.slug, purpose.path()),
        submit: "Confirm the address".to_owned(),
        ..Form::default()
    };
    let page = StepPage {
        org: Some(frame_org(&org)),
        title: "Is this your address?".to_owned(),
        lines: vec![line, "If this is not your account, close this page: nothing changes.".to_owned()],
        form: Some(form),
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `POST /o/{slug}/verify-email/{name}`
pub(crate) async fn confirm(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
    origin: Origin,
    headers: HeaderMap,
) -> Answer<Response> {
    let account = Link::new("To my account", format!("/o/{}/account/email", org.slug));
    let (status, title, lines) =
        match shared.app.confirm_email(&org, &secret, sender(&shared, &org, &origin, &headers)).await {
            Ok(user) => {
                let address = user.fields.email.unwrap_or_default();
                let line = format!("{address} is the address of your account now.");
                (StatusCode::OK, "Your address is confirmed", vec![line])
            }
            Err(error) if error.kind() == Kind::Conflict => {
                let next = "Choose another one in your account, or ask your administrator.";
                (StatusCode::CONFLICT, "That did not work", vec![error.message().to_owned(), next.to_owned()])
            }
            Err(error) => return ended(&org, Purpose::EmailVerification, error),
        };
    let page = StepPage {
        org: Some(frame_org(&org)),
        title: title.to_owned(),
        lines,
        links: vec![account],
        ..StepPage::default()
    };
    html(status, &page, Part::Page)
}

/// `GET /o/{slug}/undo-email/{name}`
pub(crate) async fn undo_page(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
) -> Answer<Response> {
    undo_again(&shared, &org, &secret, StatusCode::OK, None).await
}

async fn undo_again(
    shared: &Shared,
    org: &model::Org,
    secret: &str,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let purpose = Purpose::EmailUndo;
    let opened = match shared.app.open_account_link(org, purpose, secret).await {
        Ok(opened) => opened,
        Err(error) => return ended(org, purpose, error),
    };
    let action = format!("/o/{}/{}/{secret}", org.slug, purpose.path());
    let mut form = new_password_form(action, org, &opened.user, "Take it back and sign in");
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let line = format!(
        "{} becomes the address of {} again. Everybody who is signed in with this account is signed out, its API tokens \
         end, and the password that you choose here replaces the present one.",
        opened.link.address,
        opened.user.name()
    );
    let page = StepPage {
        org: Some(frame_org(org)),
        title: "Take the change back".to_owned(),
        lines: vec![line],
        rules: password_rules(org),
        form: Some(form),
        ..StepPage::default()
    };
    html(status, &page, Part::Page)
}

/// `POST /o/{slug}/undo-email/{name}`
pub(crate) async fn undo(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
    origin: Origin,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let undone = match repeated(&fields, "new_password") {
        Ok(()) => {
            let (typed, from) = (fields.get("new_password"), sender(&shared, &org, &origin, &headers));
            shared.app.undo_email(&org, &secret, typed, from).await
        }
        Err(error) => Err(error),
    };
    match undone {
        Ok(back) => returned(&shared, &org, &back),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Gone) => {
            ended(&org, Purpose::EmailUndo, error)
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            undo_again(&shared, &org, &secret, status, Some(&error)).await
        }
    }
}
