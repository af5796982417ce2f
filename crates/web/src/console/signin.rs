//! Coming in and going out: which organization, signing in, the password that must be changed, signing out.

use app::{
    Person,
    signin::{Attempt, SignedIn},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use model::{Error, Kind, Org, Permission, Timestamp, device::ClientHints};
use serde::Deserialize;

use super::{
    devices_cookie,
    done::Done,
    end_session_cookie, mailbox,
    passwords::{password_fields, password_rules, repeated},
    session_cookie,
    view::{
        form::{Control, Field, Form, Section},
        parts::{Action, Banner, Link, Tone},
        signin::{ChangePasswordPage, SignInPage, SignedOutPage, SlugPage},
    },
    visit::{Part, Visit, frame_org, html, other_orgs, shown_again},
};
use crate::{
    Shared,
    auth::{self, Place},
    extract::{Fields, Query},
    problem::Answer,
    security::Origin,
};

/// `GET /`
pub(crate) async fn which_org(State(shared): State<Shared>, headers: HeaderMap) -> Answer<Response> {
    slug_page(&shared, &headers, "", None).await
}

/// `POST /`
pub(crate) async fn go_to_org(
    State(shared): State<Shared>,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let typed = slug_in(fields.get("slug"));
    match shared.app.org(&typed).await {
        Ok(org) => Ok(Redirect::to(&format!("/o/{}/", org.slug)).into_response()),
        Err(error) if error.kind() == Kind::NotFound => {
            let message = "There is no organization with this short name. Check the spelling.";
            slug_page(&shared, &headers, &typed, Some(message)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The short name in what was typed: itself, or an address of the organization that was pasted.
fn slug_in(typed: &str) -> String {
    let typed = typed.trim();
    let named = typed.split_once("/o/").map_or(typed, |(_, rest)| rest);
    let named = named.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    named.trim().to_lowercase()
}

/// `GET /.well-known/change-password`: where password managers lead people to change theirs
/// (<https://w3c.github.io/webappsec-change-password-url/>).
pub(crate) async fn change_password_url(State(shared): State<Shared>, headers: HeaderMap) -> Redirect {
    let orgs = other_orgs(&shared, &headers, None).await;
    match orgs.as_slice() {
        [org] => Redirect::to(&format!("{}/account/password", org.base())),
        _ => Redirect::to("/"),
    }
}

async fn slug_page(
    shared: &Shared,
    headers: &HeaderMap,
    typed: &str,
    refusal: Option<&str>,
) -> Answer<Response> {
    let field =
        Field::text("slug", "Short name").value(typed).required().autofocus().autocomplete("organization");
    let mut form = Form {
        action: "/".to_owned(),
        submit: "Continue".to_owned(),
        sections: vec![Section::plain(vec![field])],
        ..Form::default()
    };
    if let Some(message) = refusal {
        form.refuse("slug", message);
    }
    let banner = (!shared.app.is_set_up().await?).then(|| Banner {
        tone: Tone::Blue,
        icon: "info",
        title: "There is no organization yet".to_owned(),
        lines: vec!["Open the set-up address that Muster printed when it was started.".to_owned()],
        action: None,
    });
    let page = SlugPage { form, banner, orgs: other_orgs(shared, headers, None).await };
    let status = if refusal.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page, Part::Page)
}

/// `GET /o/{slug}`: to the page that this person most likely wants.
pub(crate) async fn start(visit: Visit) -> Redirect {
    let page = if visit.caller.actor.reach(Permission::UserList).is_ok() { "/users" } else { "/account" };
    Redirect::to(&visit.onwards(page))
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Target {
    to: String,
}

impl Target {
    /// A page of the same organization, and nothing else: an address from outside must not lead outside.
    fn within(&self, org: &Org) -> String {
        let base = format!("/o/{}/", org.slug);
        let path = self.to.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        // Browsers take steps up and backslashes out of a path before they go there.
        let stays = !["..", "%2e", "//", "\\"].iter().any(|step| path.contains(step));
        let is_ours = self.to.starts_with(&base) && self.to.bytes().all(|byte| byte.is_ascii_graphic());
        if stays && is_ours && self.to.len() <= 2000 { self.to.clone() } else { base }
    }
}

/// `GET /o/{slug}/sign-in`
pub(crate) async fn sign_in_page(
    State(shared): State<Shared>,
    Place(org): Place,
    headers: HeaderMap,
    Query(target): Query<Target>,
) -> Answer<Response> {
    if auth::signed_in(&shared, &org, &headers).await.is_some() {
        return Ok(Redirect::to(&target.within(&org)).into_response());
    }
    let mut banners = Vec::new();
    if auth::has_session_cookie(&shared, &org, &headers) {
        banners.push(Banner {
            tone: Tone::Blue,
            icon: "clock",
            title: "Your session has ended".to_owned(),
            lines: vec!["Sign in to go on where you were.".to_owned()],
            action: None,
        });
    }
    banners.extend(demo_banner(&shared));
    let form = sign_in_form(&org, &target, "", false);
    html(StatusCode::OK, &SignInPage { org: frame_org(&org), banners, form }, Part::Page)
}

/// Who may sign in to the demonstration.
fn demo_banner(shared: &Shared) -> Option<Banner> {
    let demo = shared.options.demo.as_ref()?;
    let mut passwords: Vec<&str> = demo.people.iter().map(|(_, password, _)| password.as_str()).collect();
    passwords.dedup();
    let line = |(username, password, role): &(String, String, String)| match passwords[..] {
        [_] => format!("{role}: {username}"),
        _ => format!("{role}: {username}, password {password}"),
    };
    let mut lines: Vec<String> = demo.people.iter().map(line).collect();
    if let [password] = passwords[..] {
        lines.push(format!("Password: {password}"));
    }
    Some(Banner {
        tone: Tone::Violet,
        icon: "key",
        title: "A demonstration. Sign in as".to_owned(),
        lines,
        action: Some(Action::page("Mailbox", mailbox::PATH, "mail")),
    })
}

fn sign_in_form(org: &Org, target: &Target, identifier: &str, remember: bool) -> Form {
    let policy = &org.settings.session;
    let mut fields = vec![
        Field::text("identifier", "Username or email")
            .value(identifier)
            .required()
            .autofocus()
            .autocomplete("username"),
        Field::new("password", "Password", Control::Password).required().autocomplete("current-password"),
    ];
    if policy.remember {
        let days = policy.remembered_idle_days;
        fields.push(
            Field::new("remember", "Keep me signed in on this device", Control::Checkbox)
                .value(if remember { "on" } else { "" })
                .hint(format!(
                    "Until it is not used for {days} days. Not on shared computers; not for administrators."
                )),
        );
    }
    let query = serde_urlencoded::to_string([("to", target.within(org))]).unwrap_or_default();
    Form {
        action: format!("/o/{}/sign-in?{query}", org.slug),
        submit: "Sign in".to_owned(),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    }
}

/// `POST /o/{slug}/sign-in`
pub(crate) async fn sign_in(
    State(shared): State<Shared>,
    Place(org): Place,
    origin: Origin,
    headers: HeaderMap,
    Query(target): Query<Target>,
    fields: Fields,
) -> Answer<Response> {
    let identifier = fields.get("identifier").trim();
    let remember = fields.ticked("remember");
    let attempt = attempt(&shared, &org, (identifier, fields.get("password"), remember), &origin, &headers);
    match shared.app.sign_in(&org, attempt).await {
        Ok(signed_in) => {
            let to = if signed_in.must_change_password {
                format!("/o/{}/change-password", org.slug)
            } else {
                target.within(&org)
            };
            Ok(come_in(&shared, &org, &signed_in, &to))
        }
        Err(error) => {
            let retry_after = error.retry_after();
            let (status, error) = shown_again(error)?;
            let mut form = sign_in_form(&org, &target, identifier, remember);
            error.message().clone_into(&mut form.problem);
            let page = SignInPage {
                org: frame_org(&org),
                banners: demo_banner(&shared).into_iter().collect(),
                form,
            };
            let mut response = html(status, &page, Part::Page)?;
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
    }
}

/// What somebody typed (who, the password, whether to stay signed in), with where it came from.
pub(crate) fn attempt(
    shared: &Shared,
    org: &Org,
    (identifier, password, remember): (&str, &str, bool),
    origin: &Origin,
    headers: &HeaderMap,
) -> Attempt {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let sent = |name: &str| value(name).unwrap_or_default().to_owned();
    Attempt {
        identifier: identifier.to_owned(),
        password: password.to_owned(),
        remember,
        address: origin.address.to_string(),
        user_agent: sent("user-agent"),
        hints: ClientHints {
            brands: sent("sec-ch-ua"),
            full_versions: sent("sec-ch-ua-full-version-list"),
            platform: sent("sec-ch-ua-platform"),
            platform_version: sent("sec-ch-ua-platform-version"),
            model: sent("sec-ch-ua-model"),
            mobile: sent("sec-ch-ua-mobile"),
        },
        request_id: origin.request_id.to_string(),
        devices: auth::presented_devices(headers, org, shared.options.is_https()),
        earlier: auth::session_cookie(headers, org, shared.options.is_https())
            .and_then(model::session::Secret::parse),
    }
}

/// On to `to` with the new session's cookie, and the one by which the browser is known.
pub(crate) fn come_in(shared: &Shared, org: &Org, signed_in: &SignedIn, to: &str) -> Response {
    let now: Timestamp = shared.app.now();
    let keep = signed_in.kept_until.map(|until| until.since(now).as_secs());
    let https = shared.options.is_https();
    let session = session_cookie(org, &signed_in.secret, keep, https);
    let devices = devices_cookie(org, &signed_in.devices, https);
    let cookies = AppendHeaders([(header::SET_COOKIE, session), (header::SET_COOKIE, devices)]);
    (cookies, Redirect::to(to)).into_response()
}

/// `POST /o/{slug}/sign-out`, and on to a page that is for somebody else.
pub(crate) async fn sign_out(visit: Visit, Query(target): Query<Target>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().sign_out(&visit.caller.actor).await?;
    let org = visit.org();
    let cookie = end_session_cookie(org, visit.shared.options.is_https());
    if !target.to.is_empty() {
        let cookies = AppendHeaders([(header::SET_COOKIE, cookie)]);
        return Ok((cookies, Redirect::to(&target.within(org))).into_response());
    }
    let page = SignedOutPage {
        org: frame_org(org),
        links: vec![Link::new("Sign in again", visit.at("/sign-in")), Link::new("Another organization", "/")],
    };
    let mut response = html(StatusCode::OK, &page, Part::Page)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `GET /o/{slug}/change-password`: before anything else is shown.
pub(crate) async fn change_password_page(visit: Visit) -> Answer<Response> {
    if !visit.caller.access.must_change_password {
        return Ok(Redirect::to(&visit.at("/account/password")).into_response());
    }
    change_password_again(&visit, StatusCode::OK, None).await
}

async fn change_password_again(visit: &Visit, status: StatusCode, error: Option<&Error>) -> Answer<Response> {
    let own = visit.app().own_account(&visit.caller.actor).await?;
    let org = visit.org();
    let name = own.user.fields.given_name.as_deref().unwrap_or_else(|| own.user.name());
    let (present, why) = why_change(&own, org, visit.app().now());
    let mut form = Form {
        action: visit.at("/change-password"),
        csrf: visit.caller.csrf.clone(),
        username: own.user.username().to_owned(),
        submit: "Change password and go on".to_owned(),
        sections: vec![Section::plain(password_fields(present, org))],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let page = ChangePasswordPage {
        org: frame_org(org),
        lead: format!("{name}, {why}"),
        rules: password_rules(org),
        form,
    };
    html(status, &page, Part::Page)
}

/// What the present password is called, and why it must be changed.
fn why_change(own: &Person, org: &Org, now: Timestamp) -> (&'static str, String) {
    let policy = &org.settings.password;
    if own.password.expires_at.is_some() {
        let why = "the password you came with was temporary. Choose your own to go on.";
        return ("Temporary password", why.to_owned());
    }
    let why = if own.password.is_overdue(&own.user, policy, now) {
        let days = policy.expires_after_days;
        format!(
            "your password has expired: {} asks for a new one every {days} days. Choose it to go on.",
            org.name
        )
    } else {
        "your administrator asks you to choose a new password to go on.".to_owned()
    };
    ("Present password", why)
}

/// `POST /o/{slug}/change-password`
pub(crate) async fn change_password(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    match change_own_password(&visit, &fields, "/").await {
        Ok(response) => Ok(response),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            change_password_again(&visit, status, Some(&error)).await
        }
    }
}

/// Changes the password as the form asks, and goes on to `to` with the session's new cookie.
pub(crate) async fn change_own_password(visit: &Visit, fields: &Fields, to: &str) -> model::Result<Response> {
    let wanted = fields.get("new_password");
    repeated(fields, "new_password")?;
    let (actor, org) = (&visit.caller.actor, visit.org());
    let present = fields.get("present_password");
    let secret = visit.app().change_own_password(actor, org, present, wanted).await?;
    let mut response = visit.done(&visit.at(to), Done::PasswordChanged, "");
    if let Some(secret) = secret {
        let cookie = session_cookie(org, &secret, None, visit.shared.options.is_https());
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::Target;
    use model::{Org, OrgId, Settings, Timestamp};

    #[test]
    fn nobody_is_sent_outside_the_organization() {
        let org = Org {
            id: OrgId(uuid::Uuid::nil()),
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            settings: Settings::default(),
            created_at: Timestamp::from_micros(0),
            version: 1,
        };
        let within = |to: &str| Target { to: to.to_owned() }.within(&org);
        assert_eq!(within("/o/acme/users?q=a"), "/o/acme/users?q=a");
        for outside in [
            "",
            "//evil.example",
            "https://evil.example/o/acme/",
            "/o/other/",
            "/o/acme/\r\nX: 1",
            "/o/acme\\@evil",
            "/o/acme/../other/",
            "/o/acme/%2E%2e/other/",
            "/o/acme/..//evil.example",
        ] {
            assert_eq!(within(outside), "/o/acme/", "{outside}");
        }
    }
}
