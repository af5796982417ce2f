//! Settings › Mail: whether mail goes out, what could not be sent and why, as whom it is sent, and how it reads.

use app::mails::{COUNTED, MailQuery, MailStatus, OLD};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, MailId, Org, Permission,
    mail::{Mail, MailKind, MailState},
    page::DEFAULT_LIMIT,
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{
    done::Done,
    letters,
    settings::{shell, tabs},
    view::{
        form::{Field, Form, Section},
        frame,
        mails::{MailList, MailListPage, MailPreview, MailRow, MailSettings},
        parts::{Badge, Banner, Card, Empty, Entry, Link, Pager, Shown, Tone},
        users::{StatusChoice, Tab},
    },
    visit::{Part, Visit, html, shown_again},
    words::{moment, number, relative},
};
use crate::{
    api::mails::mail_state,
    extract::{Fields, Id, Name, Query},
    problem::Answer,
};

/// How many rows of a list the page itself shows.
const SHOWN: u16 = 20;
const PATH: &str = "/settings/mail";

async fn frame(visit: &Visit, title: &str, further: &[Link]) -> Answer<frame::Frame> {
    let mut crumbs = vec![Link::new("Settings", visit.at("/settings")), Link::new("Mail", visit.at(PATH))];
    crumbs.extend_from_slice(further);
    visit.frame(title, frame::Section::Settings, crumbs, "").await
}

/// A state in its colour.
pub(crate) fn badge(state: MailState) -> Badge {
    let tone = match state {
        MailState::Sent => Tone::Green,
        MailState::Queued => Tone::Blue,
        MailState::Deferred => Tone::Amber,
        MailState::Failed => Tone::Red,
        MailState::Cancelled => Tone::Grey,
    };
    Badge { tone, label: state.label().to_owned() }
}

fn row(visit: &Visit, mail: Mail) -> MailRow {
    let now = visit.app().now();
    let retries = matches!(mail.state, MailState::Failed | MailState::Deferred);
    let may = visit.may(Permission::MailManage) && retries;
    let then = match mail.state {
        MailState::Queued | MailState::Deferred => Some(mail.next_at),
        MailState::Sent | MailState::Failed | MailState::Cancelled => mail.sent_at,
    };
    let user = mail.user.filter(|_| visit.may(Permission::UserRead));
    MailRow {
        kind: mail.kind.label(),
        address: mail.address,
        user_href: user.map(|user| visit.at_user(user, "")).unwrap_or_default(),
        state: badge(mail.state),
        why: mail.why,
        created: moment(mail.created_at, now),
        then: then.map(|at| moment(at, now)),
        retry_href: if may { visit.at(&format!("{PATH}/{}/retry", mail.id)) } else { String::new() },
    }
}

/// `GET /o/{slug}/settings/mail`
pub(crate) async fn page(visit: Visit) -> Answer<Response> {
    let org = visit.org().clone();
    let (name, reply) = (org.settings.mail.sender_name.clone(), org.settings.mail.reply_to.clone());
    let sender = sender_form(&visit, &org, (&name, &reply));
    show(&visit, StatusCode::OK, sender, test_form(&visit, "")).await
}

async fn show(visit: &Visit, status: StatusCode, sender: Form, test: Option<Form>) -> Answer<Response> {
    let stands = visit.app().mail_status(&visit.caller.actor).await?;
    let mut lists = Vec::new();
    for state in [MailState::Failed, MailState::Deferred] {
        lists.extend(list(visit, state).await?);
    }
    let previews = MailKind::ALL.iter().map(|kind| Link::new(kind.label(), preview_href(visit, *kind)));
    let page = MailSettings {
        frame: frame(visit, "Mail settings", &[]).await?,
        tabs: tabs(visit, "Mail"),
        banners: banners(&stands),
        status: status_card(&stands),
        lists,
        sender,
        test,
        previews: previews.collect(),
        all_href: visit.at(&format!("{PATH}/all")),
    };
    html(status, &page, Part::Page)
}

/// The newest mails that stand so, if there are any.
async fn list(visit: &Visit, state: MailState) -> Answer<Option<MailList>> {
    let query = MailQuery { state: Some(state), limit: SHOWN, cursor: None };
    let found = visit.app().mails(&visit.caller.actor, query).await?;
    if found.items.is_empty() {
        return Ok(None);
    }
    let is_failed = state == MailState::Failed;
    let (title, text) = if is_failed {
        (
            "Could not be sent",
            "Nothing more happens to these by itself. Correct the address or the server, then send again.",
        )
    } else {
        ("Will be tried again", "After one minute, then ever later, for three days.")
    };
    let may = visit.may(Permission::MailManage);
    let which = if is_failed { "" } else { "?deferred=yes" };
    Ok(Some(MailList {
        name: state.as_str(),
        title: title.to_owned(),
        text,
        rows: found.items.into_iter().map(|mail| row(visit, mail)).collect(),
        retry_href: if may { visit.at(&format!("{PATH}/retry{which}")) } else { String::new() },
        retry_label: if is_failed { "Send all again" } else { "Try all now" },
        more_href: found.next.map(|_| visit.at(&format!("{PATH}/all?state={state}"))).unwrap_or_default(),
    }))
}

fn banners(stands: &MailStatus) -> Vec<Banner> {
    let banner = |icon, title: &str, line: &str| Banner {
        tone: Tone::Amber,
        icon,
        title: title.to_owned(),
        lines: vec![line.to_owned()],
        action: None,
    };
    if stands.carrier.is_none() {
        let line = "Mail waits until whoever runs this server sets mail.server. Until then, links of invitations can be \
                    copied and sent by other means.";
        return vec![banner("mail", "No mail server is configured", line)];
    }
    if stands.queue_age().is_some_and(|age| age > OLD) {
        let line = "The reasons are below. If they all name the server, tell whoever runs it.";
        return vec![banner("clock", "Mail is waiting for longer than usual", line)];
    }
    Vec::new()
}

fn status_card(stands: &MailStatus) -> Card {
    let (news, now) = (&stands.news, stands.now);
    let time = |at| Shown::Moment(moment(at, now));
    let count = |count: i64| {
        let more = if count >= COUNTED { " or more" } else { "" };
        Shown::text(format!("{}{more}", number(count)))
    };
    let carrier = stands.carrier.clone().map_or(Shown::Nothing, Shown::Text);
    let error = news.last_error.clone().unwrap_or_default();
    let waiting = news.queued.saturating_add(news.deferred);
    let age = news.waiting_since.map(|since| format!("The oldest was asked for {}", relative(since, now)));
    let entries = vec![
        Entry::new("Sent through", carrier),
        Entry::new("Last success", news.last_sent_at.map_or(Shown::text("Never"), time)),
        Entry::new("Last error", news.last_error_at.map_or(Shown::text("Never"), time)).remark(error),
        Entry::new("Waiting", count(waiting)).remark(age.unwrap_or_default()),
        Entry::new("Deferred", count(news.deferred)),
        Entry::new("Failed", count(news.failed)),
        Entry::new("Sent", count(news.sent)).remark("In the last 30 days"),
    ];
    Card { title: "How mail stands".to_owned(), entries }
}

fn sender_form(visit: &Visit, org: &Org, (name, reply_to): (&str, &str)) -> Form {
    let fields = vec![
        Field::text("mail.sender_name", "Sender's name")
            .value(name)
            .limit(100)
            .hint(format!("Left empty: {}.", org.name)),
        Field::text("mail.reply_to", "Answers go to")
            .value(reply_to)
            .hint("An email address. Left empty: to the server's own, which perhaps nobody reads."),
    ];
    let sections = vec![Section::new("Sender", "As whom mail to your people is sent.", fields)];
    shell(visit, PATH, org, "Save sender", visit.may(Permission::SettingsUpdate), sections)
}

/// For those who may.
fn test_form(visit: &Visit, typed: &str) -> Option<Form> {
    let field = Field::text("address", "To").value(typed).hint("Left empty: to your own address.");
    let sections = vec![Section::new("Test", "One mail, the way all mail goes.", vec![field])];
    let org = visit.org().clone();
    let may = visit.may(Permission::MailManage);
    may.then(|| shell(visit, &format!("{PATH}/test"), &org, "Send a test mail", true, sections))
}

/// `POST /o/{slug}/settings/mail`
pub(crate) async fn save(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let (name, reply_to) = (fields.get("mail.sender_name"), fields.get("mail.reply_to").trim());
    let mut patch = Map::new();
    patch.insert("settings".to_owned(), json!({"mail": {"sender_name": name, "reply_to": reply_to}}));
    let version = fields.get("version").parse().ok();
    match visit.app().edit_org(&visit.caller.actor, patch, version).await {
        Ok(_) => Ok(visit.done(&visit.at(PATH), Done::Saved, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let org = visit.app().org_of(visit.caller.actor.context).await?;
            let mut form = sender_form(&visit, &org, (name, reply_to));
            form.refuse_all(&error);
            show(&visit, status, form, test_form(&visit, "")).await
        }
    }
}

/// `POST /o/{slug}/settings/mail/test`
pub(crate) async fn test(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let org = visit.org().clone();
    let sent = visit.app().send_test_mail(&visit.caller.actor, &org, fields.filled("address")).await;
    match sent {
        Ok(_) => Ok(visit.done(&visit.at(&format!("{PATH}/all")), Done::TestMailSent, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let mail = &org.settings.mail;
            let sender = sender_form(&visit, &org, (&mail.sender_name, &mail.reply_to));
            let mut form = test_form(&visit, fields.get("address"));
            if let Some(form) = &mut form {
                form.refuse_all(&error);
            }
            show(&visit, status, sender, form).await
        }
    }
}

/// `POST /o/{slug}/settings/mail/{id}/retry`
pub(crate) async fn retry(visit: Visit, Id(id): Id<MailId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().retry_mail(&visit.caller.actor, id).await?;
    Ok(visit.done(&visit.at(PATH), Done::MailRetried, ""))
}

/// Which mails are sent again.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    deferred: String,
}

/// `POST /o/{slug}/settings/mail/retry`
pub(crate) async fn retry_all(visit: Visit, Query(which): Query<Which>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let org = visit.org().clone();
    visit.app().retry_mails(&visit.caller.actor, &org, which.deferred == "yes").await?;
    Ok(visit.done(&visit.at(PATH), Done::MailRetried, ""))
}

/// Which page of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Listed {
    state: String,
    page: String,
}

/// `GET /o/{slug}/settings/mail/all`
pub(crate) async fn all(visit: Visit, Query(asked): Query<Listed>) -> Answer<Response> {
    let state = mail_state(&asked.state)?;
    let cursor = Some(asked.page).filter(|page| !page.is_empty());
    let query = MailQuery { state, limit: DEFAULT_LIMIT, cursor };
    let found = visit.app().mails(&visit.caller.actor, query).await?;
    let news = visit.app().mail_status(&visit.caller.actor).await?.news;
    let path = visit.at(&format!("{PATH}/all"));
    let address = |state: Option<MailState>, page: &str| {
        let mut pairs = vec![("state", state.map_or("", MailState::as_str)), ("page", page)];
        pairs.retain(|(_, value)| !value.is_empty());
        match serde_urlencoded::to_string(pairs) {
            Ok(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path.clone(),
        }
    };
    let chip = |wanted: Option<MailState>, count: Option<i64>| StatusChoice {
        label: wanted.map_or("All", MailState::label).to_owned(),
        href: address(wanted, ""),
        count: count.map(number).unwrap_or_default(),
        current: wanted == state,
        words: String::new(),
    };
    let chips = vec![
        chip(None, None),
        chip(Some(MailState::Failed), Some(news.failed)),
        chip(Some(MailState::Deferred), Some(news.deferred)),
        chip(Some(MailState::Queued), Some(news.queued)),
        chip(Some(MailState::Sent), Some(news.sent)),
        chip(Some(MailState::Cancelled), None),
    ];
    let empty = found.items.is_empty().then(|| Empty {
        icon: "mail",
        title: "No mails here".to_owned(),
        text: "Mails are kept for 30 days after they were sent or given up.".to_owned(),
        actions: Vec::new(),
    });
    let pager = Pager {
        summary: format!("{} mails", found.items.len()),
        previous: found.previous.map(|previous| address(state, &previous)),
        next: found.next.map(|next| address(state, &next)),
        sizes: Vec::new(),
    };
    let rows = found.items.into_iter().map(|mail| row(&visit, mail)).collect();
    let frame = frame(&visit, "Mails", &[Link::new("All mails", "")]).await?;
    let page = MailListPage { frame, tabs: tabs(&visit, "Mail"), chips, rows, empty, pager };
    match visit.part {
        Part::Results => html(StatusCode::OK, &page.as_results(), Part::Results),
        _ => html(StatusCode::OK, &page, Part::Page),
    }
}

fn preview_href(visit: &Visit, kind: MailKind) -> String {
    visit.at(&format!("{PATH}/preview/{kind}"))
}

fn kind_named(name: &str) -> model::Result<MailKind> {
    MailKind::parse(name).ok_or_else(Error::not_found)
}

/// `GET /o/{slug}/settings/mail/preview/{name}`
pub(crate) async fn preview(visit: Visit, Name(name): Name) -> Answer<Response> {
    let kind = kind_named(&name)?;
    let written = visit.app().preview_mail(visit.org(), kind, &visit.caller.actor.name)?;
    let other = |other: &MailKind| Tab {
        label: other.label(),
        href: preview_href(&visit, *other),
        current: *other == kind,
    };
    let page = MailPreview {
        frame: frame(&visit, kind.label(), &[Link::new(kind.label(), "")]).await?,
        tabs: tabs(&visit, "Mail"),
        title: kind.label(),
        subject: written.subject,
        html_href: format!("{}/html", preview_href(&visit, kind)),
        text: written.text,
        others: MailKind::ALL.iter().map(other).collect(),
    };
    Ok(letters::may_frame(html(StatusCode::OK, &page, Part::Page)?))
}

/// `GET /o/{slug}/settings/mail/preview/{name}/html`
pub(crate) async fn preview_html(visit: Visit, Name(name): Name) -> Answer<Response> {
    let written = visit.app().preview_mail(visit.org(), kind_named(&name)?, &visit.caller.actor.name)?;
    Ok(letters::part(&written.html))
}
