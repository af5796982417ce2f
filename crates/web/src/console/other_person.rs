//! A link in a mail is opened in a browser in which somebody else is signed in: nothing is done with it, and nobody is signed
//! out, before it is said whose link it is and who is signed in.

use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use model::{Org, OrgContext, Result, link::Purpose, session::Secret};

use super::{
    view::{form::Form, parts::Link, signin::StepPage},
    visit::{Part, frame_org, html},
};
use crate::Shared;

/// The page in the place of the link's own; `None` if nobody is signed in, or the link is theirs or opens nothing.
pub(crate) async fn page(
    shared: &Shared,
    org: &Org,
    (purpose, link): (Purpose, &str),
    method: &Method,
    session: &Secret,
) -> Result<Option<Response>> {
    let Ok(access) = shared.app.session(OrgContext::from(org.id), session).await else { return Ok(None) };
    let Some(user) = shared.app.link_holder(org, purpose, link).await? else { return Ok(None) };
    if user.id == access.user {
        return Ok(None);
    }
    let back = format!("/o/{}/{}/{link}", org.slug, purpose.path());
    let query = serde_urlencoded::to_string([("to", back)]).unwrap_or_default();
    let form = Form {
        action: format!("/o/{}/sign-out?{query}", org.slug),
        csrf: session.derived("csrf"),
        submit: "Sign out and continue".to_owned(),
        ..Form::default()
    };
    let page = StepPage {
        org: Some(frame_org(org)),
        title: format!("You are signed in as {}", access.name),
        lines: vec![
            format!("This link is for {} ({}).", user.name(), user.username()),
            "Sign out to use it. Nothing has changed yet.".to_owned(),
        ],
        form: Some(form),
        more: vec![Link::new(format!("Stay signed in as {}", access.name), format!("/o/{}/", org.slug))],
        ..StepPage::default()
    };
    // What was sent from a page that was opened before is not done.
    let status = if *method == Method::GET { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok(Some(html(status, &page, Part::Page).into_response()))
}
