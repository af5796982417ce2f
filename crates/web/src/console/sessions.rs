//! Sessions on pages: somebody's by platform, one's own, and the questions before they are ended. The list of all is
//! `session_list.rs`.

use app::sessions::{Atlas, Labelled, haste};
use axum::{http::StatusCode, response::Response};
use model::{
    Permission, SessionId, UserId,
    device::{Device, DeviceKind, Platform},
};

use super::{
    account,
    actions::Possible,
    devices,
    done::Done,
    end_session_cookie, user_page,
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::{Action, Banner, Empty, Link, Menu, Tone},
        question::Dialog,
        sessions::{PersonSessions, Places, Revoke, SessionGroup, SessionRow},
    },
    visit::{Part, Visit, html},
    words::{full, moment, number},
};
use crate::{
    extract::{Fields, Id, Session},
    problem::Answer,
};

/// `GET /o/{slug}/users/{id}/sessions`
pub(crate) async fn of_user(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let sessions = visit.app().sessions_of(&visit.caller.actor, id).await?;
    let devices = visit.app().devices_of(&visit.caller.actor, id).await?;
    let name = person.user.name();
    let is_weaker = visit.caller.actor.rights.covers(&person.rights);
    let may_end = visit.may(Permission::SessionRevoke) && is_weaker;
    let revoke = |session: &Labelled| {
        let ask = || Revoke::Ask(visit.at_user(id, &format!("/sessions/{}/revoke", session.session.id)));
        if may_end { ask() } else { Revoke::No("") }
    };
    let mut actions = Vec::new();
    if visit.may(Permission::SessionRevoke) && !sessions.is_empty() {
        let end = Action::dialog("Sign out everywhere", visit.at_user(id, "/sessions/end"), "sign-out");
        actions.push(if is_weaker { end } else { end.refused("May do more than you") });
    }
    let text = if person.user.may_act(visit.app().now()) {
        format!("{name} is signed in nowhere at the moment. What was ended stands in the audit log.")
    } else {
        format!("{name} is signed in nowhere, and can't sign in as things stand. The profile says why.")
    };
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Sessions", ""),
    ];
    let page = PersonSessions {
        frame: visit.frame(&format!("Sessions of {name}"), frame::Section::Users, crumbs, name).await?,
        heading: user_page::heading(&visit, &person),
        tabs: user_page::tabs(&visit, &person.user, "Sessions"),
        tabs_label: "About this user",
        menu: Possible::new(&visit, &person.user, is_weaker).menu(&[]),
        actions,
        banners: haste_banner(&sessions).into_iter().collect(),
        empty: sessions.is_empty().then(|| nowhere(text)),
        groups: groups(&visit, &sessions, revoke),
        devices: devices::rows(&visit, &devices, |device| {
            may_end.then(|| visit.at_user(id, &format!("/devices/{device}/remove")))
        }),
        places: places(&visit, &visit.app().places().look(), sessions.is_empty()),
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `GET /o/{slug}/account/sessions`
pub(crate) async fn own(visit: Visit) -> Answer<Response> {
    let person = visit.app().own_account(&visit.caller.actor).await?;
    let sessions = visit.app().own_sessions(&visit.caller.actor).await?;
    let devices = visit.app().own_devices(&visit.caller.actor).await?;
    let revoke = |session: &Labelled| {
        if session.is_this {
            return Revoke::No("Sign out with the menu above");
        }
        let action = visit.at(&format!("/account/sessions/{}/revoke", session.session.id));
        Revoke::Now { action, csrf: visit.caller.csrf.clone() }
    };
    let mut actions: Vec<Action> = Vec::new();
    if sessions.iter().any(|session| !session.is_this) {
        actions.push(Action::dialog("Sign out elsewhere", visit.at("/account/sessions/end"), "sign-out"));
    }
    let crumbs = vec![Link::new("My account", visit.at("/account")), Link::new("Sessions", "")];
    let page = PersonSessions {
        frame: visit.frame("Where you are signed in", frame::Section::Account, crumbs, "").await?,
        heading: account::heading(&visit, &person),
        tabs: account::tabs(&visit, "Sessions"),
        tabs_label: "Your account",
        menu: Menu::new(),
        actions,
        banners: haste_banner(&sessions).into_iter().collect(),
        empty: sessions.is_empty().then(|| nowhere("You are signed in nowhere.".to_owned())),
        groups: groups(&visit, &sessions, revoke),
        devices: devices::rows(&visit, &devices, |device| {
            Some(visit.at(&format!("/account/devices/{device}/remove")))
        }),
        places: places(&visit, &visit.app().places().look(), sessions.is_empty()),
    };
    html(StatusCode::OK, &page, Part::Page)
}

fn nowhere(text: String) -> Empty {
    Empty { icon: "devices", title: "No open sessions".to_owned(), text, actions: Vec::new() }
}

/// By platform, that of the latest use first.
fn groups(visit: &Visit, sessions: &[Labelled], revoke: impl Fn(&Labelled) -> Revoke) -> Vec<SessionGroup> {
    let mut groups: Vec<(Platform, SessionGroup)> = Vec::new();
    for session in sessions {
        let platform = session.device.platform;
        let row = row(visit, session, revoke(session));
        match groups.iter_mut().find(|(known, _)| *known == platform) {
            Some((_, group)) => group.rows.push(row),
            None => groups.push((platform, SessionGroup { label: platform.label(), rows: vec![row] })),
        }
    }
    // This session's platform first, and this session first on it.
    for (_, group) in &mut groups {
        group.rows.sort_by_key(|row| !row.is_this);
    }
    groups.sort_by_key(|(_, group)| !group.rows.iter().any(|row| row.is_this));
    groups.into_iter().map(|(_, group)| group).collect()
}

/// One session as a row.
pub(crate) fn row(visit: &Visit, labelled: &Labelled, revoke: Revoke) -> SessionRow {
    let (session, device, now) = (&labelled.session, &labelled.device, visit.app().now());
    let (icon, kind) = icon_of(device);
    let parts = [device.system(), device.model.clone()];
    let address_href = if visit.may(Permission::SessionRead) {
        let query = serde_urlencoded::to_string([("q", &session.address)]).unwrap_or_default();
        visit.at(&format!("/sessions?{query}"))
    } else {
        String::new()
    };
    SessionRow {
        id: session.id.to_string(),
        icon,
        kind,
        browser: browser(device),
        system: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "),
        user_agent: session.user_agent.clone(),
        address: session.address.clone(),
        address_href,
        place: labelled.place.label(),
        method: method(&session.method),
        remembered: session.remembered,
        started: moment(session.started_at, now),
        last_active: moment(session.last_active_at, now),
        is_this: labelled.is_this,
        whose: String::new(),
        revoke,
    }
}

/// The icon of a sort of device, and its name.
pub(super) fn icon_of(device: &Device) -> (&'static str, &'static str) {
    match device.kind {
        DeviceKind::Desktop => ("desktop", "Computer: "),
        DeviceKind::Phone => ("phone", "Phone: "),
        DeviceKind::Tablet => ("tablet", "Tablet: "),
        DeviceKind::Program => ("program", "Program: "),
    }
}

/// Browser and version.
pub(super) fn browser(device: &Device) -> String {
    match device.program() {
        unknown if unknown.is_empty() => "Unknown browser".to_owned(),
        known => known,
    }
}

/// How somebody signed in, as people read it.
pub(crate) fn method(name: &str) -> String {
    match name {
        "password" => "Password".to_owned(),
        other => other.to_owned(),
    }
}

/// What is said once about places, where there is anything to place.
pub(crate) fn places(visit: &Visit, atlas: &Atlas, is_empty: bool) -> Places {
    let credit = |credit: app::sessions::Credit| Link::new(credit.text, credit.href);
    Places {
        are_missing: atlas.is_empty() && !is_empty && visit.may(Permission::SettingsRead),
        credits: if is_empty { Vec::new() } else { atlas.credits().into_iter().map(credit).collect() },
    }
}

fn haste_banner(sessions: &[Labelled]) -> Option<Banner> {
    let haste = haste(sessions)?;
    let ((from, left), (to, arrived)) = (&haste.first, &haste.second);
    #[expect(clippy::cast_possible_truncation, reason = "nowhere on earth is farther than a number holds")]
    let kilometres = number((haste.kilometres / 100.0).round() as i64 * 100);
    let lines = vec![
        format!("{from}: {}", full(*left)),
        format!("{to}: {}", full(*arrived)),
        format!(
            "About {kilometres} km lie between: nobody travels so fast. It may be a virtual private network; if not, \
             end the sessions that are not known and change the password."
        ),
    ];
    let title = "Two sign-ins from places far apart".to_owned();
    Some(Banner { tone: Tone::Amber, icon: "alert", title, lines, action: None })
}

/// A question before sessions are ended.
struct Asked<'q> {
    title: String,
    lead: String,
    fields: Vec<Field>,
    submit: &'q str,
    action: String,
    cancel: String,
}

fn dialog(visit: &Visit, asked: Asked<'_>) -> Dialog {
    let form = Form {
        action: asked.action,
        csrf: visit.caller.csrf.clone(),
        submit: asked.submit.to_owned(),
        danger: true,
        cancel: asked.cancel,
        sections: vec![Section::plain(asked.fields)],
        ..Form::default()
    };
    let (title, lead) = (asked.title, asked.lead);
    Dialog { title, icon: "sign-out", lead, consequences: Vec::new(), advice: None, form }
}

/// `GET /o/{slug}/users/{id}/sessions/{session}/revoke`
pub(crate) async fn ask_one(visit: Visit, Id(id): Id<UserId>, Session(session): Session) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    let sessions = visit.app().sessions_of(&visit.caller.actor, id).await?;
    let found = sessions.iter().find(|labelled| labelled.session.id == session);
    let labelled = found.ok_or_else(model::Error::not_found)?;
    let (name, back) = (person.user.name(), visit.at_user(id, "/sessions"));
    let asked = Asked {
        title: "End this session?".to_owned(),
        lead: format!(
            "{name} is signed out of {} at once. Signing in again is possible.",
            labelled.device.label()
        ),
        fields: Vec::new(),
        submit: "End session",
        action: visit.at_user(id, &format!("/sessions/{session}/revoke")),
        cancel: back.clone(),
    };
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Sessions", back),
        Link::new("End session", ""),
    ];
    let frame = visit.frame("End session", frame::Section::Users, crumbs, name).await?;
    visit.question(StatusCode::OK, frame, dialog(&visit, asked))
}

/// `POST /o/{slug}/users/{id}/sessions/{session}/revoke`
pub(crate) async fn revoke_one(
    visit: Visit,
    Id(id): Id<UserId>,
    Session(session): Session,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().revoke_session(&visit.caller.actor, id, session).await?;
    Ok(visit.done(&visit.at_user(id, "/sessions"), Done::SessionEnded, ""))
}

/// `GET /o/{slug}/users/{id}/sessions/end`
pub(crate) async fn ask_all(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    let (name, back) = (person.user.name(), visit.at_user(id, "/sessions"));
    let asked = Asked {
        title: format!("Sign {name} out everywhere?"),
        lead: "Every session ends at once. Signing in again is possible; API tokens go on.".to_owned(),
        fields: Vec::new(),
        submit: "Sign out everywhere",
        action: visit.at_user(id, "/sessions/end"),
        cancel: back.clone(),
    };
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Sessions", back),
        Link::new("Sign out everywhere", ""),
    ];
    let frame = visit.frame("Sign out everywhere", frame::Section::Users, crumbs, name).await?;
    visit.question(StatusCode::OK, frame, dialog(&visit, asked))
}

/// `POST /o/{slug}/users/{id}/sessions/end`
pub(crate) async fn revoke_all(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().revoke_sessions_of(&visit.caller.actor, id).await?;
    Ok(visit.done(&visit.at_user(id, "/sessions"), Done::SessionsEnded, ""))
}

/// `POST /o/{slug}/account/sessions/{id}/revoke`
pub(crate) async fn revoke_own(visit: Visit, Id(id): Id<SessionId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().revoke_own_session(&visit.caller.actor, id).await?;
    Ok(visit.done(&visit.at("/account/sessions"), Done::SessionEnded, ""))
}

/// `GET /o/{slug}/account/sessions/end`
pub(crate) async fn ask_own(visit: Visit) -> Answer<Response> {
    let back = visit.at("/account/sessions");
    let ways = vec![
        Choice::new("others", "Everywhere else").hint("This browser stays signed in.").chosen(true),
        Choice::new("all", "Everywhere, also here").hint("You sign in again afterwards."),
    ];
    let asked = Asked {
        title: "Sign out".to_owned(),
        lead: "Sessions end at once. If somebody else was signed in as you, change your password too."
            .to_owned(),
        fields: vec![Field::new("which", "Where", Control::Radio(ways)).required()],
        submit: "Sign out",
        action: visit.at("/account/sessions/end"),
        cancel: back.clone(),
    };
    let crumbs = vec![
        Link::new("My account", visit.at("/account")),
        Link::new("Sessions", back),
        Link::new("Sign out", ""),
    ];
    let frame = visit.frame("Sign out elsewhere", frame::Section::Account, crumbs, "").await?;
    visit.question(StatusCode::OK, frame, dialog(&visit, asked))
}

/// `POST /o/{slug}/account/sessions/end`
pub(crate) async fn revoke_own_all(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let others = fields.get("which") != "all";
    visit.app().revoke_own_sessions(&visit.caller.actor, others).await?;
    let mut response = visit.done(&visit.at("/account/sessions"), Done::OthersEnded, "");
    if !others {
        let cookie = end_session_cookie(visit.org(), visit.shared.options.is_https());
        response.headers_mut().insert(axum::http::header::SET_COOKIE, cookie);
    }
    Ok(response)
}
