//! The way back in, for people who are not signed in: the forgotten password and organization, and the pages of links
//! in mail.
//!
//! Asking is answered alike for everybody. Looking at a link's page changes nothing: mail scanners look at them too;
//! only its button does.

use app::{mail::Carrier, recovery::Returned, signin::Attempt};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect, Response},
};
use model::{Error, Kind, Org, User, link::Purpose};

use super::{
    done::Done,
    passwords::{new_password, password_rules, repeat_password, repeated},
    signin::{attempt, come_in},
    view::{
        form::{Control, Field, Form, Section},
        parts::Link,
        signin::StepPage,
    },
    visit::{Part, frame_org, html, shown_again},
    words::full,
};
use crate::{
    Shared,
    auth::Place,
    extract::{Fields, Name},
    problem::{self, Answer},
    security::Origin,
};

/// Where the server sends no mail nobody can be helped by mail.
fn no_mail(carrier: &Carrier) -> Option<Vec<String>> {
    let line = "This server sends no mail at present. Ask your administrator for a new password.";
    (!carrier.is_there()).then(|| vec![line.to_owned()])
}

fn to_sign_in(org: &Org) -> Link {
    Link::new("Back to signing in", format!("/o/{}/sign-in", org.slug))
}

/// `GET /o/{slug}/forgot-password`
pub(crate) async fn forgot_page(State(shared): State<Shared>, Place(org): Place) -> Answer<Response> {
    let title = "Forgot your password?".to_owned();
    if let Some(lines) = no_mail(shared.app.carrier()) {
        let (org, links) = (Some(frame_org(&org)), vec![to_sign_in(&org)]);
        return html(
            StatusCode::OK,
            &StepPage { org, title, lines, links, ..StepPage::default() },
            Part::Page,
        );
    }
    let field =
        Field::text("identifier", "Username or email").required().autofocus().autocomplete("username");
    let form = Form {
        action: format!("/o/{}/forgot-password", org.slug),
        submit: "Send me a link".to_owned(),
        sections: vec![Section::plain(vec![field])],
        ..Form::default()
    };
    let page = StepPage {
        org: Some(frame_org(&org)),
        title,
        lines: vec!["You get a mail with a link, and choose a new one.".to_owned()],
        form: Some(form),
        more: vec![to_sign_in(&org)],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `POST /o/{slug}/forgot-password`: the same answer for everybody, after the same work.
pub(crate) async fn forgot(
    State(shared): State<Shared>,
    Place(org): Place,
    origin: Origin,
    fields: Fields,
) -> Answer<Response> {
    shared.app.ask_for_reset(&org, fields.get("identifier"), &origin.address.to_string()).await?;
    let page = StepPage {
        org: Some(frame_org(&org)),
        title: "Look into your mail".to_owned(),
        lines: vec![
            "If there is an account of this name, a mail is on its way to the address that is kept with it. Its link \
             works for an hour."
                .to_owned(),
            "Nothing there in a few minutes? Look among the unwanted mail, check the spelling, or ask your administrator."
                .to_owned(),
        ],
        links: vec![to_sign_in(&org)],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `GET /find-organization`
pub(crate) async fn find_page(State(shared): State<Shared>) -> Answer<Response> {
    let title = "Find my organization".to_owned();
    let back = Link::new("I know its short name", "/");
    if let Some(lines) = no_mail(shared.app.carrier()) {
        return html(
            StatusCode::OK,
            &StepPage { title, lines, links: vec![back], ..StepPage::default() },
            Part::Page,
        );
    }
    let field = Field::new("email", "Your email address", Control::Input("email"))
        .required()
        .autofocus()
        .autocomplete("email");
    let form = Form {
        action: "/find-organization".to_owned(),
        submit: "Send me a mail".to_owned(),
        sections: vec![Section::plain(vec![field])],
        ..Form::default()
    };
    let lines = vec!["You get a mail from each organization in which you have an account.".to_owned()];
    let page = StepPage { title, lines, form: Some(form), more: vec![back], ..StepPage::default() };
    html(StatusCode::OK, &page, Part::Page)
}

/// `POST /find-organization`: the same answer for everybody, after the same work.
pub(crate) async fn find(State(shared): State<Shared>, origin: Origin, fields: Fields) -> Answer<Response> {
    shared.app.ask_for_organizations(fields.get("email"), &origin.address.to_string()).await?;
    let page = StepPage {
        title: "Look into your mail".to_owned(),
        lines: vec![
            "If you have confirmed this address for an account, a mail from its organization is on its way."
                .to_owned(),
            "Nothing there in a few minutes? Try another address of yours, or ask whoever invited you."
                .to_owned(),
        ],
        links: vec![Link::new("To the start page", "/")],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// The page of a link that opens nothing (any more), with what to do instead.
pub(super) fn ended(org: &Org, purpose: Purpose, error: Error) -> Answer<Response> {
    if !matches!(error.kind(), Kind::NotFound | Kind::Gone) {
        return Err(error.into());
    }
    let at = |path: &str| format!("/o/{}{path}", org.slug);
    let sign_in = Link::new("Sign in", at("/sign-in"));
    let links = match purpose {
        Purpose::PasswordReset | Purpose::EmailUndo => {
            vec![Link::new("Ask for a new link", at("/forgot-password")), sign_in]
        }
        Purpose::EmailVerification => vec![Link::new("To my account", at("/account/email"))],
        _ => vec![sign_in, Link::new("Forgot your password?", at("/forgot-password"))],
    };
    let title = if error.kind() == Kind::Gone { "This link has ended" } else { "This link does not work" };
    let page = StepPage {
        org: Some(frame_org(org)),
        title: title.to_owned(),
        lines: vec![error.message().to_owned()],
        links,
        ..StepPage::default()
    };
    html(problem::status(error.kind()), &page, Part::Page)
}

/// The new password, twice.
pub(super) fn new_password_form(action: String, org: &Org, user: &User, submit: &str) -> Form {
    let fields = vec![
        new_password("new_password", "New password", org).autofocus(),
        repeat_password("New password again"),
    ];
    Form {
        action,
        username: user.username().to_owned(),
        submit: submit.to_owned(),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    }
}

/// Signed in with the new password, or told why not yet.
pub(super) fn returned(shared: &Shared, org: &Org, returned: &Returned) -> Answer<Response> {
    if let Some(signed_in) = &returned.signed_in {
        // What the reset left is listed, with the button that revokes it.
        let page = if returned.tokens > 0 { "account/tokens" } else { "" };
        let to = format!("/o/{}/{page}?done={}", org.slug, Done::PasswordChanged.as_str());
        return Ok(come_in(shared, org, signed_in, &to));
    }
    let page = StepPage {
        org: Some(frame_org(org)),
        title: "Your password was changed".to_owned(),
        lines: vec!["The account can't be used at present. Ask your administrator.".to_owned()],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// Where a request with a link came from.
pub(super) fn sender(shared: &Shared, org: &Org, origin: &Origin, headers: &HeaderMap) -> Attempt {
    attempt(shared, org, ("", "", false), origin, headers)
}

/// `GET /o/{slug}/reset-password/{name}`
pub(crate) async fn reset_page(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
) -> Answer<Response> {
    reset_again(&shared, &org, &secret, StatusCode::OK, None).await
}

async fn reset_again(
    shared: &Shared,
    org: &Org,
    secret: &str,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let purpose = Purpose::PasswordReset;
    let opened = match shared.app.open_account_link(org, purpose, secret).await {
        Ok(opened) => opened,
        Err(error) => return ended(org, purpose, error),
    };
    let action = format!("/o/{}/{}/{secret}", org.slug, purpose.path());
    let mut form = new_password_form(action, org, &opened.user, "Change password and sign in");
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let line = format!(
        "For {} ({}). Wherever you are signed in, you are signed out.",
        opened.user.name(),
        opened.user.username()
    );
    let page = StepPage {
        org: Some(frame_org(org)),
        title: "Choose a new password".to_owned(),
        lines: vec![line],
        rules: password_rules(org),
        form: Some(form),
        ..StepPage::default()
    };
    html(status, &page, Part::Page)
}

/// `POST /o/{slug}/reset-password/{name}`
pub(crate) async fn reset(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
    origin: Origin,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let changed = match repeated(&fields, "new_password") {
        Ok(()) => {
            let (typed, from) = (fields.get("new_password"), sender(&shared, &org, &origin, &headers));
            shared.app.reset_password(&org, &secret, typed, from).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(back) => returned(&shared, &org, &back),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Gone) => {
            ended(&org, Purpose::PasswordReset, error)
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            reset_again(&shared, &org, &secret, status, Some(&error)).await
        }
    }
}

/// `GET /o/{slug}/not-me/{name}`
pub(crate) async fn not_me_page(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
) -> Answer<Response> {
    let opened = match shared.app.open_account_link(&org, Purpose::NotMe, &secret).await {
        Ok(opened) => opened,
        Err(error) => return ended(&org, Purpose::NotMe, error),
    };
    let form = Form {
        action: format!("/o/{}/{}/{secret}", org.slug, Purpose::NotMe.path()),
        submit: "This wasn't me".to_owned(),
        ..Form::default()
    };
    let (name, username) = (opened.user.name(), opened.user.username());
    let page = StepPage {
        org: Some(frame_org(&org)),
        title: "Was it somebody else?".to_owned(),
        lines: vec![
            format!(
                "Then everybody who uses the account of {name} ({username}) is signed out, its API tokens end, and the \
                 password opens nothing any more."
            ),
            "You choose a new password on the next page. If it was you after all, there is nothing to do."
                .to_owned(),
        ],
        form: Some(form),
        more: vec![to_sign_in(&org)],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `POST /o/{slug}/not-me/{name}`
pub(crate) async fn not_me(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
    origin: Origin,
    headers: HeaderMap,
) -> Answer<Response> {
    match shared.app.disown_sign_in(&org, &secret, sender(&shared, &org, &origin, &headers)).await {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(error) => ended(&org, Purpose::NotMe, error),
    }
}

/// `GET /o/{slug}/unlock/{name}`
pub(crate) async fn unlock_page(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
) -> Answer<Response> {
    let opened = match shared.app.open_account_link(&org, Purpose::Unlock, &secret).await {
        Ok(opened) => opened,
        Err(error) => return ended(&org, Purpose::Unlock, error),
    };
    let (name, username) = (opened.user.name(), opened.user.username());
    let lines = match opened.user.password_locked_until.filter(|until| *until > shared.app.now()) {
        Some(until) => vec![
            format!(
                "The password of {name} ({username}) is locked until {}, because it was typed wrong too often.",
                full(until)
            ),
            "If it was not you who typed it, leave it locked, or choose a new password after unlocking."
                .to_owned(),
        ],
        None => vec![format!("The password of {name} ({username}) is not locked any more. You can sign in.")],
    };
    let form = Form {
        action: format!("/o/{}/{}/{secret}", org.slug, Purpose::Unlock.path()),
        submit: "Unlock".to_owned(),
        ..Form::default()
    };
    let page = StepPage {
        org: Some(frame_org(&org)),
        title: "Unlock your password?".to_owned(),
        lines,
        form: Some(form),
        more: vec![to_sign_in(&org)],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `POST /o/{slug}/unlock/{name}`
pub(crate) async fn unlock(
    State(shared): State<Shared>,
    Place(org): Place,
    Name(secret): Name,
    origin: Origin,
    headers: HeaderMap,
) -> Answer<Response> {
    if let Err(error) =
        shared.app.unlock_with_link(&org, &secret, sender(&shared, &org, &origin, &headers)).await
    {
        return ended(&org, Purpose::Unlock, error);
    }
    let page = StepPage {
        org: Some(frame_org(&org)),
        title: "Unlocked".to_owned(),
        lines: vec!["You can sign in with your password again.".to_owned()],
        links: vec![
            Link::new("Sign in", format!("/o/{}/sign-in", org.slug)),
            Link::new("Forgot your password?", format!("/o/{}/forgot-password", org.slug)),
        ],
        ..StepPage::default()
    };
    html(StatusCode::OK, &page, Part::Page)
}
