//! “Why can't they sign in?”: what `app::explain_sign_in` found, as a panel on a user's page and as a page of its own.

use app::explain_sign_in::{Explained, Explanation, Offered};
use axum::{http::StatusCode, response::Response};
use model::{UserId, explanation::Fix};

use super::{
    user_page::heading,
    view::{
        explanation::{CauseView, ExplanationPage, ExplanationPanel},
        frame::Section,
        parts::{Action, Link, Tone},
    },
    visit::{Part, Visit, html},
    words::moment,
};
use crate::{extract::Id, problem::Answer};

/// `GET /o/{slug}/users/{id}/sign-in-explanation`
pub(crate) async fn show(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let panel = panel(&visit, id, |_| true).await?;
    let name = person.user.name();
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Signing in", ""),
    ];
    let page = ExplanationPage {
        frame: visit.frame(&format!("Why can't {name} sign in?"), Section::Users, crumbs, name).await?,
        heading: heading(&visit, &person),
        panel,
        back_href: visit.at_user(id, ""),
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// The panel; `is_open` decides by what was found.
pub(crate) async fn panel(
    visit: &Visit,
    id: UserId,
    is_open: impl FnOnce(&Explanation) -> bool,
) -> Answer<ExplanationPanel> {
    let found = visit.app().explain_sign_in(&visit.caller.actor, visit.org(), id).await?;
    let now = visit.app().now();
    Ok(ExplanationPanel {
        is_open: is_open(&found),
        is_blocked: found.is_blocked,
        last_sign_in: found.last_sign_in_at.map(|at| moment(at, now)),
        address: found.address,
        causes: found.causes.into_iter().map(|cause| shown(visit, id, cause)).collect(),
    })
}

fn shown(visit: &Visit, id: UserId, cause: Explained) -> CauseView {
    let (tone, icon) = if cause.blocks { (Tone::Amber, "alert") } else { (Tone::Blue, "info") };
    let fixes = cause.fixes.into_iter().map(|offered| offer(visit, id, offered)).collect();
    CauseView { tone, icon, title: cause.title, text: cause.text, fixes }
}

/// The way to the page that asks before it is done.
fn offer(visit: &Visit, id: UserId, Offered { fix, label, refused }: Offered) -> Action {
    let (path, icon) = match fix {
        Fix::Invite => ("/invite", "mail"),
        Fix::Unlock => ("/unlock", "unlock"),
        Fix::SendResetLink => ("/send-reset-link", "mail"),
        Fix::SetPassword => ("/set-password", "password"),
        Fix::Reactivate => ("/reactivate", "reactivate"),
        Fix::Restore => ("/restore", "restore"),
        Fix::Settle => ("/settle", "check"),
        Fix::Edit => ("/edit", "edit"),
    };
    let href = visit.at_user(id, path);
    let action =
        if fix == Fix::Edit { Action::page(label, href, icon) } else { Action::dialog(label, href, icon) };
    action.refused(refused)
}
