//! The data held on a person: asking for it, fetching it, and the receipt when it was erased.

use app::{Person, activity::Whose, data_exports::Export};
use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use model::{Kind, UserId, data_export::ExportState};

use super::{
    account,
    done::Done,
    user_page,
    view::{
        activity::{DataPage, ErasurePage},
        frame::Section,
        parts::{Action, Banner, Card, Entry, Link, Shown, Tone},
    },
    visit::{Part, Visit, html},
    words::{full, moment, number},
};
use crate::{
    api::erasure::file,
    extract::{Fields, Id, Query},
    problem::{Answer, Problem},
};

/// `GET /o/{slug}/users/{id}/data`
pub(crate) async fn of_user(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    show(&visit, &person, Whose::Of(id)).await
}

/// `GET /o/{slug}/account/data`
pub(crate) async fn own(visit: Visit) -> Answer<Response> {
    let person = visit.app().own_account(&visit.caller.actor).await?;
    show(&visit, &person, Whose::Own).await
}

/// `POST /o/{slug}/users/{id}/data`
pub(crate) async fn ask(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().ask_for_data(&visit.caller.actor, Whose::Of(id)).await?;
    Ok(Redirect::to(&visit.at_user(id, &format!("/data?done={}", Done::DataAsked.as_str()))).into_response())
}

/// `POST /o/{slug}/account/data`
pub(crate) async fn ask_own(visit: Visit, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().ask_for_data(&visit.caller.actor, Whose::Own).await?;
    Ok(Redirect::to(&visit.at(&format!("/account/data?done={}", Done::DataAsked.as_str()))).into_response())
}

async fn show(visit: &Visit, person: &Person, whose: Whose) -> Answer<Response> {
    let (id, name) = (person.user.id, person.user.name());
    let latest = match visit.app().data_export(&visit.caller.actor, visit.org(), whose).await {
        Ok(latest) => Some(latest),
        Err(error) if error.kind() == Kind::NotFound => None,
        Err(error) => return Err(Problem(error)),
    };
    let own = whose == Whose::Own;
    let (section, mut crumbs, subject) = if own {
        (Section::Account, vec![Link::new("My account", visit.at("/account"))], "you")
    } else {
        let users = Link::new("Users", visit.at("/users"));
        (Section::Users, vec![users, Link::new(name, visit.at_user(id, ""))], name)
    };
    crumbs.push(Link::new("Data", ""));
    let title = format!("All that is held on {subject}");
    let page = DataPage {
        frame: visit.frame(&title, section, crumbs, subject).await?,
        heading: if own { account::heading(visit, person) } else { user_page::heading(visit, person) },
        tabs: if own { account::tabs(visit, "Data") } else { user_page::tabs(visit, &person.user, "Data") },
        tabs_label: if own { "Your account" } else { "About this user" },
        title,
        about: about(),
        standing: latest.as_ref().map(|latest| standing(latest, visit)),
        submit: if latest.is_some() { "Prepare again" } else { "Prepare the data" },
        download: latest.and_then(|latest| latest.link),
        ask: if own { visit.at("/account/data") } else { visit.at_user(id, "/data") },
        csrf: visit.caller.csrf.clone(),
    };
    html(StatusCode::OK, &page, Part::Page)
}

fn about() -> Vec<String> {
    [
        "A zip archive with a page for people and a file for programs: the record with its source, the history of states, \
         roles, sessions, API tokens, invitations, mails, failed sign-ins, and the audit log. Passwords and other secrets \
         are not in it; other people are masked.",
        "It is put together in the background, and you get a mail with a link when it is ready. The link works for 24 \
         hours, for you alone; then the file is removed.",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn standing(latest: &Export, visit: &Visit) -> Banner {
    let now = visit.app().now();
    let export = &latest.export;
    let (tone, icon, title, line) = match export.state {
        ExportState::Queued => (
            Tone::Blue,
            "clock",
            "The data is being put together",
            "Reload this page in a moment, or wait for the mail.".to_owned(),
        ),
        ExportState::Ready => {
            let size = number((export.size + 1023) / 1024);
            let until = full(export.expires_at);
            (Tone::Green, "done", "The data is ready", format!("{size} kB. It is removed on {until}."))
        }
    };
    let asked = format!("Asked for {}.", moment(export.created_at, now).relative);
    Banner { tone, icon, title: title.to_owned(), lines: vec![line, asked], action: None }
}

/// In which form a receipt is wanted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Form {
    format: String,
}

/// `GET /o/{slug}/users/{id}/erasure`
pub(crate) async fn receipt(visit: Visit, Id(id): Id<UserId>, Query(form): Query<Form>) -> Answer<Response> {
    let receipt = visit.app().erasure_receipt(&visit.caller.actor, id).await?;
    match form.format.as_str() {
        "text" => return Ok(file(&receipt, "txt", receipt.text())),
        "json" => {
            let text = serde_json::to_string_pretty(&receipt).map_err(model::Error::internal)?;
            return Ok(file(&receipt, "json", text));
        }
        _ => {}
    }
    let now = visit.app().now();
    let who = vec![
        Entry::new("Pseudonym", Shown::Text(receipt.pseudonym.clone())),
        Entry::new("Id", Shown::Code(receipt.user.to_string())),
        Entry::new("Erased", Shown::Moment(moment(receipt.erased_at, now))).remark(full(receipt.erased_at)),
        Entry::new("By", Shown::Text(receipt.erased_by_name.clone())),
        Entry::new("Audit entry", Shown::Code(receipt.entry.to_string())),
    ];
    let removed = receipt.removed.iter();
    let removed =
        removed.map(|removed| Entry::new(removed.label(), Shown::Text(number(removed.count)))).collect();
    let at = |format: &str| visit.at_user(id, &format!("/erasure?format={format}"));
    let crumbs = vec![Link::new("Users", visit.at("/users")), Link::new("Receipt of an erasure", "")];
    let page = ErasurePage {
        frame: visit.frame("Receipt of an erasure", Section::Users, crumbs, &receipt.pseudonym).await?,
        cards: vec![
            Card { title: "What happened".to_owned(), entries: who },
            Card { title: "What was removed".to_owned(), entries: removed },
        ],
        files: vec![
            Action::page("Download as text", at("text"), "download"),
            Action::page("Download as JSON", at("json"), "download"),
        ],
        back: Link::new("Go on to the users", visit.at("/users")),
    };
    html(StatusCode::OK, &page, Part::Page)
}
