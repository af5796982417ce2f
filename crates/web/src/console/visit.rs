//! A request for a page, by somebody signed in: who asks, which part of the page is wanted, and how it is answered.
//!
//! The script asks for a part of a page with the header `Muster-Fragment` and gets that part alone; without the
//! header everything is a page of its own. Handlers call the same functions for both.

use std::sync::Arc;

use app::{App, Person};
use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use model::{Error, Kind, Org, OrgContext, Permission, UserId};

use super::{
    done::Done,
    mailbox,
    view::{
        frame::{self, Frame, Notice, Section, Viewer},
        parts::{Action, Avatar, Banner, Link, Tone},
        question::{Dialog, DonePage, QuestionPage},
    },
};
use crate::{
    Shared,
    auth::{self, Caller},
    bidi,
    problem::{self, Answer, Problem},
};

/// Says which part of a page is asked for, and which one came.
const FRAGMENT: HeaderName = HeaderName::from_static("muster-fragment");
/// Where the page would have gone.
const LOCATION: HeaderName = HeaderName::from_static("muster-location");
/// What was done.
const NOTICE: HeaderName = HeaderName::from_static("muster-notice");
const GONE: HeaderName = HeaderName::from_static("muster-gone");

/// So many things that are wrong are said on a page.
const ALARMS: usize = 3;

/// Which part of a page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Page,
    Results,
    Dialog,
    Palette,
}

impl Part {
    fn asked(headers: &HeaderMap) -> Self {
        match headers.get(FRAGMENT).map(HeaderValue::as_bytes) {
            Some(b"results") => Self::Results,
            Some(b"dialog") => Self::Dialog,
            Some(b"palette") => Self::Palette,
            _ => Self::Page,
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Page => None,
            Self::Results => Some("results"),
            Self::Dialog => Some("dialog"),
            Self::Palette => Some("palette"),
        }
    }
}

/// See the module.
pub(crate) struct Visit {
    pub(crate) shared: Shared,
    pub(crate) caller: Caller,
    pub(crate) part: Part,
    headers: HeaderMap,
    done: Option<Done>,
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, shared).await?;
        let (part, headers) = (Part::asked(&parts.headers), parts.headers.clone());
        let done = parts.uri.query().and_then(Done::of_query);
        Ok(Self { shared: shared.clone(), caller, part, headers, done })
    }
}

impl Visit {
    /// The running program.
    pub(crate) fn app(&self) -> &App {
        &self.shared.app
    }

    /// The organization of the address.
    pub(crate) fn org(&self) -> &Arc<Org> {
        &self.caller.org
    }

    /// An address of this organization: `at("/users")`.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("/o/{}{path}", self.caller.org.slug)
    }

    /// An address of this organization, to which what was just done is carried on.
    pub(crate) fn onwards(&self, path: &str) -> String {
        let address = self.at(path);
        self.done.map_or(address.clone(), |done| format!("{address}?done={}", done.as_str()))
    }

    /// The address of a user's page, or of what lies below it.
    pub(crate) fn at_user(&self, id: UserId, path: &str) -> String {
        self.at(&format!("/users/{id}{path}"))
    }

    /// Whether the viewer may do this.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        auth::may(&self.caller, permission)
    }

    /// Said wherever mail is asked for, on a server that sends none.
    pub(crate) fn no_mail(&self) -> Option<Banner> {
        if self.app().carrier().is_there() {
            return None;
        }
        let settings = || Action::page("Mail settings", self.at("/settings/mail"), "mail");
        Some(Banner {
            tone: Tone::Amber,
            icon: "mail",
            title: "This server sends no mail yet".to_owned(),
            lines: vec![
                "Mails wait until whoever runs the server sets mail.server and mail.from. Until then copy the link of \
                 each person and hand it over."
                    .to_owned(),
            ],
            action: self.may(Permission::MailRead).then(settings),
        })
    }

    /// Said to owners on every page while something is wrong with the audit log, or can't be found out.
    fn audit_alarm(&self) -> Option<Banner> {
        if !self.may(Permission::OwnerManage) {
            return None;
        }
        let org = self.org();
        let lines = match self.app().audit_troubles(org.id) {
            Ok(troubles) => troubles.into_iter().map(|trouble| trouble.message).collect(),
            Err(error) => vec![error.message().to_owned()],
        };
        alarm(&org.slug, lines, self.at("/audit"))
    }

    /// What surrounds a page. `subject` is whom a notice is about.
    pub(crate) async fn frame(
        &self,
        title: &str,
        section: Section,
        crumbs: Vec<Link>,
        subject: &str,
    ) -> Answer<Frame> {
        let (app, access) = (self.app(), &self.caller.access);
        let own = app.own_account(&self.caller.actor).await?;
        let org = frame_org(&self.caller.org);
        let notice = self.done.map(|done| Notice { tone: Tone::Green, text: done.sentence(subject) });
        Ok(Frame {
            title: title.to_owned(),
            other_orgs: other_orgs(&self.shared, &self.headers, Some(&self.caller.org)).await,
            viewer: Viewer {
                name: own.user.name().to_owned(),
                email: own.user.shown_email(),
                avatar: avatar(&own),
                may_see_users: access.rights.somewhere().contains(Permission::UserList),
                may_see_groups: access.rights.somewhere().contains(Permission::GroupList),
                may_see_sessions: access.permissions.contains(Permission::SessionRead),
                may_see_roles: access.permissions.contains(Permission::RoleRead),
                may_see_access: access.rights.somewhere().contains(Permission::AccessRead),
                may_see_mail: access.permissions.contains(Permission::MailRead),
                may_see_tokens: access.permissions.contains(Permission::TokenList),
                may_see_invitations: access.permissions.contains(Permission::InvitationRead),
                may_see_audit: access.permissions.contains(Permission::AuditRead),
                may_see_settings: access.permissions.contains(Permission::SettingsRead),
            },
            org,
            section,
            crumbs,
            alarm: self.audit_alarm(),
            notice,
            csrf: self.caller.csrf.clone(),
            mailbox_href: self.shared.options.demo.as_ref().map_or("", |_| mailbox::PATH),
        })
    }

    /// A question as the page or the dialog that was asked for.
    pub(crate) fn question(&self, status: StatusCode, frame: Frame, dialog: Dialog) -> Answer<Response> {
        let page = QuestionPage { frame, dialog };
        match self.part {
            Part::Dialog => html(status, &page.as_dialog(), Part::Dialog),
            _ => html(status, &page, Part::Page),
        }
    }

    /// What must be read before going on, as the page or the dialog that was asked for.
    pub(crate) fn must_be_read(&self, page: &DonePage) -> Answer<Response> {
        match self.part {
            Part::Dialog => html(StatusCode::OK, &page.as_dialog(), Part::Dialog),
            _ => html(StatusCode::OK, page, Part::Page),
        }
    }

    /// It is done: on to `path`, where it is said.
    pub(crate) fn done(&self, path: &str, done: Done, subject: &str) -> Response {
        let done = if self.app().carrier().is_there() { done } else { done.without_mail() };
        let to = format!("{path}?done={}", done.as_str());
        if self.part != Part::Dialog {
            return Redirect::to(&to).into_response();
        }
        let mut response = marked(StatusCode::NO_CONTENT.into_response(), Part::Dialog);
        let notice = percent_encoded(&bidi::in_text(&done.sentence(subject)));
        for (name, value) in [(LOCATION, to), (NOTICE, notice)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        if done.leaves_nothing() {
            response.headers_mut().insert(GONE, HeaderValue::from_static("true"));
        }
        response
    }
}

/// What is wrong with the audit log, that nothing stops because of it, and what to do.
fn alarm(slug: &str, mut lines: Vec<String>, log: String) -> Option<Banner> {
    if lines.is_empty() {
        return None;
    }
    let more = lines.len().saturating_sub(ALARMS);
    lines.truncate(ALARMS);
    if more > 0 {
        lines.push(format!("{more} more: “muster audit verify” lists all of them."));
    }
    lines.push(format!(
        "Signing in and everything else go on. Ask whoever runs the server to run “muster audit verify”. If there is an \
         explanation, such as a restored backup, they accept it with “muster audit accept-loss --org {slug} --reason …”. The guide \
         says more: “Verifying the audit log”, “When a log lacks entries”."
    ));
    Some(Banner {
        tone: Tone::Amber,
        icon: "log",
        title: "The audit log is not complete".to_owned(),
        lines,
        action: Some(Action::page("Open audit log", log, "log")),
    })
}

/// A rendered page or part of one.
pub(crate) fn html(status: StatusCode, page: &impl Template, part: Part) -> Answer<Response> {
    let text = bidi::in_page(page.render().map_err(Error::internal)?);
    Ok(marked((status, Html(text)).into_response(), part))
}

/// Says which part it is; the same address answers differently to who asks for a part.
fn marked(mut response: Response, part: Part) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Muster-Fragment"));
    if let Some(name) = part.name() {
        headers.insert(FRAGMENT, HeaderValue::from_static(name));
    }
    response
}

/// The status of a form that is shown again, or the error if it is none that the form could show.
pub(crate) fn shown_again(error: Error) -> Answer<(StatusCode, Error)> {
    let status = match error.kind() {
        Kind::Invalid | Kind::Forbidden | Kind::Unauthenticated => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Conflict | Kind::Stale => StatusCode::CONFLICT,
        Kind::TooMany => problem::status(Kind::TooMany),
        _ => return Err(Problem(error)),
    };
    Ok((status, error))
}

/// The other organizations that this browser is signed in to.
pub(crate) async fn other_orgs(shared: &Shared, headers: &HeaderMap, this: Option<&Org>) -> Vec<frame::Org> {
    let mut found = Vec::new();
    for (id, secret) in auth::signed_in_orgs(headers, shared.options.is_https()) {
        let context = OrgContext::from(id);
        if this.is_some_and(|org| org.id == id) || shared.app.session(context, &secret).await.is_err() {
            continue;
        }
        if let Ok(org) = shared.app.org_of(context).await {
            found.push(frame_org(&org));
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// An organization as pages show it.
pub(crate) fn frame_org(org: &Org) -> frame::Org {
    frame::Org { name: org.name.clone(), slug: org.slug.clone() }
}

/// A person's avatar.
pub(crate) fn avatar(person: &Person) -> Avatar {
    Avatar::of(person.user.name(), &person.user.id.to_string())
}

/// UTF-8 as headers can carry it (RFC 3986 §2.1).
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::percent_encoded;

    #[test]
    fn a_notice_survives_its_header() {
        assert_eq!(percent_encoded("Zoë Ruiz: 100%"), "Zo%C3%AB%20Ruiz%3A%20100%25");
    }
}
