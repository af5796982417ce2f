//! Forms that stayed open while their session ended: what was typed is never lost, and nothing is done with it before
//! somebody has looked at it once more.
//!
//! Every declared form is sent with the proof of an earlier session, and by nobody. The form is found on its own page, so a
//! new route takes part as soon as it is declared; one whose form stands elsewhere, or can't be reached here, is named below.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::Org;
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, TestApp, form_request},
    matrix::{Browser, NEVER, browser},
};

/// Forms that stand on another page than the one they are sent to.
const ELSEWHERE: [(&str, &str); 8] = [
    ("/o/{slug}/settings/rename", "/o/{slug}/settings"),
    ("/o/{slug}/settings/mail/test", "/o/{slug}/settings/mail"),
    ("/o/{slug}/account/email/notices", "/o/{slug}/account/email"),
    ("/o/{slug}/invitations/resend", "/o/{slug}/invitations"),
    ("/o/{slug}/audit/export", "/o/{slug}/audit"),
    ("/o/{slug}/users/{id}/activity/export", "/o/{slug}/users/{id}/activity"),
    ("/o/{slug}/account/activity/export", "/o/{slug}/account/activity"),
    ("/o/{slug}/sign-out", "/o/{slug}/account"),
];

/// One form as its page shows it: what it carries, and the fields that somebody types text into.
struct Shown {
    carried: Vec<(String, String)>,
    typed: Vec<(String, String)>,
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next())
}

/// The form in a page that is sent to `action`.
fn form_in(page: &str, action: &str) -> Option<Shown> {
    let form = page.split("<form").skip(1).find(|form| {
        let tag = form.split('>').next().unwrap_or_default();
        tag.contains("method=\"post\"") && attribute(tag, "action") == Some(action)
    })?;
    let form = form.split("</form>").next()?;
    let mut shown = Shown { carried: Vec::new(), typed: Vec::new() };
    let tags = form
        .split(['<'])
        .filter(|tag| ["input ", "textarea ", "button "].iter().any(|name| tag.starts_with(name)));
    for (number, tag) in tags.enumerate() {
        let tag = tag.split('>').next().unwrap_or_default();
        let Some(name) = attribute(tag, "name") else { continue };
        let kind = match tag {
            _ if tag.starts_with("textarea") => "text",
            _ if tag.starts_with("button") => "hidden",
            _ => attribute(tag, "type").unwrap_or("text"),
        };
        match kind {
            _ if tag.contains(" readonly") || tag.contains(" disabled") || name == "csrf" => {}
            "text" | "email" | "tel" if name != "seen" => {
                shown.typed.push((name.to_owned(), format!("typed text {number}")));
            }
            "radio" | "checkbox" if !tag.contains(" checked") => {}
            "password" | "number" | "datetime-local" | "date" => {}
            _ => {
                let value = attribute(tag, "value")
                    .unwrap_or_default()
                    .replace("&#34;", "\"")
                    .replace("&quot;", "\"");
                shown.carried.push((name.to_owned(), value));
            }
        }
    }
    Some(shown)
}

struct Things {
    user: String,
    group: String,
    role: String,
}

impl Things {
    async fn made(app: &TestApp) -> Self {
        let user = app.create("Tess", "Target", "tess@acme.example").await;
        let group =
            app.post("/groups", serde_json::json!({"name": "Crew"})).await.expect(201).json()["id"].clone();
        let role = serde_json::json!({"name": "Porter", "permissions": ["user:list"]});
        let role = app.post("/roles", role).await.expect(201).json()["role"].clone();
        let text = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        Self { user, group: text(group), role: text(role) }
    }

    fn address(&self, path: &str) -> String {
        let id = if path.contains("/groups/{id}") { &self.group } else { &self.user };
        let path = path.replace("{slug}", "acme").replace("{id}", id);
        let name = if path.contains("/roles/{name}") { self.role.as_str() } else { self.user.as_str() };
        path.replace("{name}", name)
            .replace("{session}", NEVER)
            .replace("{token}", NEVER)
            .replace("{user}", NEVER)
    }
}

fn forms() -> Vec<Declared> {
    let is_form = |route: &Declared| {
        route.door == Door::Console
            && route.method == Method::POST
            && matches!(route.needs, Needs::Permission(_))
    };
    web::declared().into_iter().filter(is_form).collect()
}

async fn look(app: &TestApp, path: &str, browser: &Browser) -> Answer {
    app.send(Request::get(path).header(header::COOKIE, &browser.cookie).body(Body::empty()).unwrap()).await
}

/// Where a form stands, as it is shown to somebody signed in; `None` where it can't be reached.
async fn shown(app: &TestApp, things: &Things, route: &Declared, who: &Browser) -> Option<Shown> {
    let other = ELSEWHERE.iter().find(|(action, _)| *action == route.path).map(|(_, page)| *page);
    let page = look(app, &things.address(other.unwrap_or(&route.path)), who).await;
    if page.status != 200 {
        return None;
    }
    form_in(&page.text, &things.address(&route.path))
}

fn body(shown: &Shown, csrf: &str) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.append_pair("csrf", csrf);
    text.extend_pairs(&shown.carried).extend_pairs(&shown.typed);
    text.finish()
}

async fn entries(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM audit_entries").await
}

async fn two_sessions(app: &TestApp, org: &Arc<Org>) -> (Browser, Browser) {
    (browser(app, org, &app.owner).await, browser(app, org, &app.owner).await)
}

on_both! {
    async fn a_form_of_an_earlier_session_is_shown_again_filled_and_does_nothing(app: TestApp) {
        let things = Things::made(&app).await;
        let (earlier, now) = two_sessions(&app, &app.org).await;
        let before = entries(&app).await;
        let (mut filled, mut unreached, mut wrong) = (0, Vec::new(), Vec::new());
        for route in forms() {
            let Some(shown) = shown(&app, &things, &route, &now).await else {
                unreached.push(route.path.clone());
                continue;
            };
            let address = things.address(&route.path);
            let answer = app.send(form_request(&address, &now.cookie, &body(&shown, &earlier.csrf))).await;
            if !answer.status.is_client_error() {
                wrong.push(format!("{}: {}", route.path, answer.status));
            }
            if !answer.text.contains("once more") && !answer.text.contains("data-refusals") {
                wrong.push(format!("{}: does not say to look once more", route.path));
            }
            for (name, value) in &shown.typed {
                if !answer.text.contains(value.as_str()) || !answer.text.contains(&now.csrf) {
                    wrong.push(format!("{}: {name} is lost", route.path));
                }
                filled += 1;
            }
        }
        assert_eq!(wrong, [""; 0]);
        assert_eq!(entries(&app).await, before, "something was done");
        assert!(filled > 60, "{filled}");
        assert_eq!(unreached, UNREACHED);
    }

    async fn a_form_sent_by_nobody_is_kept(app: TestApp) {
        let things = Things::made(&app).await;
        let (earlier, now) = two_sessions(&app, &app.org).await;
        let before = entries(&app).await;
        for route in forms().into_iter().filter(|route| !route.path.ends_with("/sign-out")) {
            let Some(shown) = shown(&app, &things, &route, &now).await else { continue };
            let address = things.address(&route.path);
            let page = app.send(form_request(&address, "", &body(&shown, &earlier.csrf))).await;
            assert_eq!(page.status, 401, "{}", route.path);
            assert!(page.text.contains("You were signed out") && page.text.contains(&format!("action=\"{address}\"")), "{}", page.text);
            for (name, value) in &shown.typed {
                assert!(page.text.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{}: {name} is lost", route.path);
            }
            let mut dialog = form_request(&address, "", &body(&shown, &earlier.csrf));
            dialog.headers_mut().insert("muster-fragment", "dialog".parse().unwrap());
            let answer = app.send(dialog).await;
            assert_eq!((answer.status.as_u16(), answer.headers["muster-sign-in"].to_str().unwrap()), (401, "/o/acme/sign-in"), "{}", route.path);
        }
        assert_eq!(entries(&app).await, before, "something was done");
    }
}

/// Forms that nothing leads to here: about what is not there, or in no state that has it. Each is shown by the same code as
/// one that is reached.
const UNREACHED: [&str; 32] = [
    "/o/{slug}/change-password",
    "/o/{slug}/users/{id}/end-access",
    "/o/{slug}/invitations/resend",
    "/o/{slug}/settings/mail/retry",
    "/o/{slug}/settings/mail/{id}/retry",
    "/o/{slug}/users/{id}/cancel_invitation",
    "/o/{slug}/users/{id}/settle",
    "/o/{slug}/users/{id}/reject",
    "/o/{slug}/users/{id}/unlock",
    "/o/{slug}/users/{id}/reactivate",
    "/o/{slug}/users/{id}/restore",
    "/o/{slug}/users/{id}/lock",
    "/o/{slug}/users/{id}/suspend",
    "/o/{slug}/users/{id}/deprovision",
    "/o/{slug}/users/{id}/purge",
    "/o/{slug}/users/{id}/sessions/{session}/revoke",
    "/o/{slug}/account/sessions/{id}/revoke",
    "/o/{slug}/account/devices/{id}/remove",
    "/o/{slug}/users/{id}/devices/{device}/remove",
    "/o/{slug}/account/email/cancel",
    "/o/{slug}/account/email/verify",
    "/o/{slug}/account/tokens/{id}/revoke",
    "/o/{slug}/groups/{id}/members/{name}/remove",
    "/o/{slug}/groups/{id}/move/{name}",
    "/o/{slug}/groups/{id}/take-out/{name}",
    "/o/{slug}/groups/{id}/roles/{name}/remove",
    "/o/{slug}/groups/{id}/owners/{name}/remove",
    "/o/{slug}/account/groups/{id}/add",
    "/o/{slug}/account/groups/{id}/remove/{name}",
    "/o/{slug}/roles/{name}/apply",
    "/o/{slug}/permissions/{name}/edit",
    "/o/{slug}/permissions/{name}/delete",
];
