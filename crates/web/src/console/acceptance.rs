//! The pages behind the link of an invitation or activation: who invites to what, choosing a password, coming in.
//!
//! Nobody is signed in here; the link's secret is the proof. Looking changes nothing; that somebody begins to type is noted.
//! A link that opens nothing says why, and what to do next.

use app::{
    invitations::{Acceptance, Opened},
    signin::Attempt,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use model::{Error, Kind, Org, link::Purpose};

use super::{
    done::Done,
    passwords::{first_password_rules, new_password, repeat_password, repeated},
    signin::{attempt, come_in},
    view::{
        form::{Field, Form, Section},
        parts::Link,
        signin::{AcceptancePage, StepPage},
    },
    visit::{Part, frame_org, html, shown_again},
    words::full,
};
use crate::{
    Shared,
    auth::Place,
    extract::{Fields, Name},
    problem::{Answer, status},
    security::Origin,
};

/// What the form may hold. Anything else is refused: nobody accepts as somebody else by sending more.
const TAKEN: [&str; 5] = ["csrf", "given_name", "family_name", "password", "repeat_password"];

/// `GET /o/{slug}/invitation/{name}` and `…/activation/{name}`
pub(crate) async fn page(shared: Shared, org: &Org, purpose: Purpose, secret: &str) -> Answer<Response> {
    match shared.app.open_invitation(org, purpose, secret).await {
        Ok(opened) => {
            let form = form(org, purpose, secret, &opened, &|_| String::new());
            acceptance(StatusCode::OK, org, &opened, form)
        }
        Err(error) => ended(org, purpose, secret, error),
    }
}

fn form(org: &Org, purpose: Purpose, secret: &str, opened: &Opened, value: &dyn Fn(&str) -> String) -> Form {
    let fields = &opened.user.fields;
    let mut asked = Vec::new();
    if fields.given_name.is_none() && fields.family_name.is_none() {
        let name = |name, label: &str| Field::text(name, label).half().value(value(name));
        asked.push(name("given_name", "Given name").autocomplete("given-name").required());
        asked.push(name("family_name", "Family name").autocomplete("family-name"));
    }
    asked.push(new_password("password", "Password", org));
    asked.push(repeat_password("Password again"));
    if let Some(first) = asked.first_mut() {
        first.autofocus = true;
    }
    let submit = match purpose {
        Purpose::Activation => "Set password and sign in",
        _ => "Accept and sign in",
    };
    Form {
        action: at(org, purpose, secret, ""),
        username: fields.email.clone().unwrap_or_else(|| opened.user.username().to_owned()),
        submit: submit.to_owned(),
        sections: vec![Section::plain(asked)],
        ..Form::default()
    }
}

fn at(org: &Org, purpose: Purpose, secret: &str, rest: &str) -> String {
    format!("/o/{}/{}/{secret}{rest}", org.slug, purpose.path())
}

fn acceptance(status: StatusCode, org: &Org, opened: &Opened, form: Form) -> Answer<Response> {
    let (user, invitation) = (&opened.user, &opened.invitation);
    let by = match invitation.invited_by {
        model::Agent::User(_) => invitation.invited_by_name.clone(),
        model::Agent::Operator | model::Agent::System => String::new(),
    };
    let (title, lead) = match (opened.link.purpose, by.is_empty()) {
        (Purpose::Activation, _) => (
            "Your account is ready".to_owned(),
            format!("Your username is {}. Choose a password, and you are in.", user.username()),
        ),
        (_, true) => {
            (format!("Join {}", org.name), "You are invited. Choose a password, and you are in.".to_owned())
        }
        (_, false) => (
            format!("Join {}", org.name),
            format!("{by} has invited you. Choose a password, and you are in."),
        ),
    };
    let page = AcceptancePage {
        org: frame_org(org),
        title,
        lead,
        message: invitation.message.clone(),
        small: format!("For {}, until {}.", opened.link.address, full(opened.link.expires_at)),
        begun: format!("{}/begun", form.action),
        rules: first_password_rules(org),
        form,
    };
    html(status, &page, Part::Page)
}

/// What became of a link that opens nothing, and the next step.
fn ended(org: &Org, purpose: Purpose, secret: &str, error: Error) -> Answer<Response> {
    if !matches!(error.kind(), Kind::Gone | Kind::NotFound) {
        return Err(error.into());
    }
    let (title, form) = match error.code() {
        "link.expired" => {
            let form = Form {
                action: at(org, purpose, secret, "/renew"),
                submit: "Send me a new link".to_owned(),
                ..Form::default()
            };
            ("This invitation has expired", Some(form))
        }
        "link.used" => ("This invitation was accepted already", None),
        "link.cancelled" => ("This invitation was taken back", None),
        "link.replaced" => ("There is a newer link", None),
        "link.overtaken" => ("This link is not needed any more", None),
        _ => ("This link does not work", None),
    };
    let text = match error.code() {
        "link.expired" => "A new link can be sent to the address that this one went to.".to_owned(),
        _ => error.message().to_owned(),
    };
    link_page(status(error.kind()), org, title, text, form)
}

fn link_page(
    status: StatusCode,
    org: &Org,
    title: &str,
    text: String,
    form: Option<Form>,
) -> Answer<Response> {
    let more = vec![Link::new("Sign in", format!("/o/{}/sign-in", org.slug))];
    let (org, title, lines) = (Some(frame_org(org)), title.to_owned(), vec![text]);
    let page = StepPage { org, title, lines, form, more, ..StepPage::default() };
    html(status, &page, Part::Page)
}

/// `POST` of the same: accepts, and comes in.
pub(crate) async fn accept(
    shared: Shared,
    org: &Org,
    purpose: Purpose,
    secret: &str,
    fields: Fields,
    from: Attempt,
) -> Answer<Response> {
    // First, so that a link that has ended says so whatever was typed.
    let opened = match shared.app.open_invitation(org, purpose, secret).await {
        Ok(opened) => opened,
        Err(error) => return ended(org, purpose, secret, error),
    };
    shared.app.note_begun(org, purpose, secret).await?;
    match try_to_accept(&shared, org, purpose, secret, &fields, from).await {
        Ok(response) => Ok(response),
        Err(error) if matches!(error.kind(), Kind::Gone | Kind::NotFound) => {
            ended(org, purpose, secret, error)
        }
        Err(error) => {
            // Somebody else may have been quicker with the same link; then there is nothing left to correct.
            if let Err(gone) = shared.app.open_invitation(org, purpose, secret).await {
                return ended(org, purpose, secret, gone);
            }
            let (status, error) = shown_again(error)?;
            let mut form = form(org, purpose, secret, &opened, &|name| fields.get(name).to_owned());
            form.refuse_all(&error);
            acceptance(status, org, &opened, form)
        }
    }
}

async fn try_to_accept(
    shared: &Shared,
    org: &Org,
    purpose: Purpose,
    secret: &str,
    fields: &Fields,
    from: Attempt,
) -> model::Result<Response> {
    if let Some(other) = fields.names().find(|name| !TAKEN.contains(name)) {
        let message = format!("Accepting takes a name and a password; leave {other} out.");
        return Err(Error::new(Kind::Invalid, "invitation.not_asked", message));
    }
    repeated(fields, "password")?;
    let text = |name| fields.filled(name).map(str::to_owned);
    let acceptance = Acceptance {
        password: fields.get("password").to_owned(),
        given_name: text("given_name"),
        family_name: text("family_name"),
    };
    let accepted = shared.app.accept_invitation(org, purpose, secret, acceptance, from).await?;
    if let Some(signed_in) = accepted.signed_in {
        let to = format!("/o/{}/?done={}", org.slug, Done::Joined.as_str());
        return Ok(come_in(shared, org, &signed_in, &to));
    }
    let text = "Your password is set. Signing in works as soon as your account begins; ask whoever invited you when that is.";
    link_page(StatusCode::OK, org, &format!("Welcome to {}", org.name), text.to_owned(), None)
        .map_err(|problem| problem.0)
}

/// `POST …/begun`: the page's script says that somebody types. Without it, sending the form says so.
pub(crate) async fn begun(shared: Shared, org: &Org, purpose: Purpose, secret: &str) -> Answer<Response> {
    shared.app.note_begun(org, purpose, secret).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST …/renew`: the same answer whatever comes of it; only a link that never was any is none here either.
pub(crate) async fn renew(
    shared: Shared,
    org: &Org,
    purpose: Purpose,
    secret: &str,
    from: Attempt,
) -> Answer<Response> {
    if let Err(error) = shared.app.renew_invitation(org, purpose, secret, &from).await {
        return ended(org, purpose, secret, error);
    }
    let text = "If the invitation still stands, a new link is on its way to the address that the old one went to. If \
                nothing comes within a few minutes, ask whoever invited you.";
    link_page(StatusCode::OK, org, "Look into your mail", text.to_owned(), None)
}

/// What every one of these requests brings.
pub(crate) type Brought = (State<Shared>, Place, Name);

/// Where somebody who has nothing but a link comes from.
pub(crate) fn from(shared: &Shared, org: &Org, origin: &Origin, headers: &HeaderMap) -> Attempt {
    attempt(shared, org, ("", "", false), origin, headers)
}
