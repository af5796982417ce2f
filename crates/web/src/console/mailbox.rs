//! The demonstration's mailbox: all mail that it would send, to be read and clicked. Anywhere else it does not exist.

use app::mail::Mailbox;
use axum::{extract::State, http::StatusCode, response::Response};
use model::{Error, MailId};

use super::{
    letters,
    view::mails::{LetterPage, LetterRow, MailboxPage},
    visit::{Part, html},
    words::moment,
};
use crate::{Shared, extract::Id, problem::Answer};

/// Where it is.
pub(crate) const PATH: &str = "/demo/mailbox";

/// The mailbox, in the demonstration; 404 anywhere else, whatever carries mail there.
fn mailbox(shared: &Shared) -> model::Result<&Mailbox> {
    let mailbox = shared.options.demo.as_ref().and_then(|_| shared.app.carrier().mailbox());
    mailbox.ok_or_else(Error::not_found)
}

/// `GET /demo/mailbox`
pub(crate) async fn list(State(shared): State<Shared>) -> Answer<Response> {
    let now = shared.app.now();
    let letters = mailbox(&shared)?.letters().into_iter().map(|letter| LetterRow {
        href: format!("{PATH}/{}", letter.id),
        subject: letter.subject,
        to: letter.to,
        when: moment(letter.date, now),
    });
    html(StatusCode::OK, &MailboxPage { letters: letters.collect() }, Part::Page)
}

/// `GET /demo/mailbox/{id}`
pub(crate) async fn show(State(shared): State<Shared>, Id(id): Id<MailId>) -> Answer<Response> {
    let letter = mailbox(&shared)?.letter(id).ok_or_else(Error::not_found)?;
    let to = letter.to_name.map_or(letter.to.clone(), |name| format!("{name} <{}>", letter.to));
    let page = LetterPage {
        subject: letter.subject,
        from: letter.from_name,
        reply_to: letter.reply_to.unwrap_or_default(),
        to,
        when: moment(letter.date, shared.app.now()),
        html_href: format!("{PATH}/{id}/html"),
        text: letter.text,
    };
    Ok(letters::may_frame(html(StatusCode::OK, &page, Part::Page)?))
}

/// `GET /demo/mailbox/{id}/html`
pub(crate) async fn show_html(State(shared): State<Shared>, Id(id): Id<MailId>) -> Answer<Response> {
    let letter = mailbox(&shared)?.letter(id).ok_or_else(Error::not_found)?;
    Ok(letters::part(&letter.html))
}
