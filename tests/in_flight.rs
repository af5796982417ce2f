//! Writes in flight while somebody is shut out: every writing route of the API, and every form of the console where a
//! session is what ends, sent by thirty-two callers without a pause, against every way of revoking what they present. Once the revocation is acknowledged nothing more is committed,
//! and nothing that was made in flight opens anything.
//!
//! What counts is the audit log: each operation writes its entry in its own transaction, so an entry that is there only
//! after the acknowledgement is an effect that was committed after it. The routes come from the declarations: a new one
//! takes part unless it is named in `LEFT_OUT` with the reason.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use ::app::signin::Attempt;
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::{Permission, Role, Timestamp, UserId, device::ClientHints, link::Purpose};
use serde_json::{Value, json};
use store::values;
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, Somebody, TestApp, form, form_request, send},
    matrix::{Browser, browser, plausible_body},
    patience::eventually,
};

const CALLERS: u64 = 32;

/// Routes that are not sent, each for a reason.
const LEFT_OUT: [(&str, &str); 18] = [
    ("DELETE /account/sessions", "the callers would sign themselves out"),
    ("DELETE /tokens", "the callers would revoke the token under test"),
    ("POST /account/password", "the callers would change the password that the test goes on with"),
    ("POST /org/rename", "the organization would move away from the callers' address"),
    ("PATCH /org", "the callers would change the policy under test"),
    ("POST /sessions/revoke", "the callers would sign themselves out"),
    ("POST /mails/test", "it only asks the mail server"),
    ("POST /account/email", "it needs the password, which counts tries"),
    ("POST /o/{slug}/account/email", "it needs the password, which counts tries"),
    ("POST /o/{slug}/account/password", "the callers would change the password that the test goes on with"),
    ("POST /o/{slug}/change-password", "the callers would change the password that the test goes on with"),
    ("POST /o/{slug}/account/sessions/end", "the callers would sign themselves out"),
    ("POST /o/{slug}/account/tokens/revoke", "the callers would revoke the token under test"),
    ("POST /o/{slug}/sessions/revoke", "the callers would sign themselves out"),
    ("POST /o/{slug}/sign-out", "the callers would sign themselves out"),
    ("POST /o/{slug}/settings/policies", "the callers would change the policy under test"),
    ("POST /o/{slug}/settings/rename", "the organization would move away from the callers' address"),
    ("POST /o/{slug}/settings/mail/test", "it only asks the mail server"),
];

/// What is revoked, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revocation {
    Session,
    Token,
    OwnPassword,
    AdministratorsPassword,
    ResetByMail,
    Suspension,
    Lock,
    RoleTaken,
    NotMe,
}

impl Revocation {
    const ALL: [Self; 9] = [
        Self::Session,
        Self::Token,
        Self::OwnPassword,
        Self::AdministratorsPassword,
        Self::ResetByMail,
        Self::Suspension,
        Self::Lock,
        Self::RoleTaken,
        Self::NotMe,
    ];

    /// Whether it ends sessions, and API tokens made a moment ago.
    fn ends(self) -> (bool, bool) {
        match self {
            Self::Session | Self::OwnPassword => (true, false),
            Self::Token => (false, true),
            _ => (true, true),
        }
    }
}

/// So many rounds: one of each kind in an ordinary run, more when `MUSTER_LONG_ROUNDS` says so.
#[expect(clippy::disallowed_methods, reason = "how long a test goes on is no setting of the server")]
fn rounds() -> u64 {
    std::env::var("MUSTER_LONG_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The writing routes that are sent: those of the API, and the forms of the console.
fn writes() -> Vec<(Declared, Permission)> {
    let short = |route: &Declared| format!("{} {}", route.method, route.path.replace("/o/{slug}/api/v1", ""));
    let all: Vec<_> = web::declared()
        .into_iter()
        .filter(Declared::writes)
        .filter_map(|route| match route.needs {
            Needs::Permission(permission) => Some((route, permission)),
            Needs::Nothing | Needs::Org => None,
        })
        .collect();
    for (left_out, _) in LEFT_OUT {
        assert!(all.iter().any(|(route, _)| short(route) == left_out), "{left_out} is no route any more");
    }
    all.into_iter().filter(|(route, _)| !LEFT_OUT.iter().any(|(name, _)| *name == short(route))).collect()
}

/// What the callers write about.
struct Things {
    users: Vec<UserId>,
    groups: [String; 2],
    serial: AtomicU64,
}

impl Things {
    fn request(&self, route: &Declared, turn: u64, credential: &Presented) -> Request<Body> {
        let serial = self.serial.fetch_add(1, SeqCst);
        let user = self.users[usize::try_from(turn).unwrap() % self.users.len()].to_string();
        let never = crate::matrix::NEVER;
        let id = if route.path.contains("/groups/{id}") { self.groups[0].as_str() } else { user.as_str() };
        let values = [
            ("{slug}", "acme"),
            ("{id}", id),
            ("{name}", "auditor"),
            ("{user}", user.as_str()),
            ("{child}", self.groups[1].as_str()),
            ("{session}", never),
            ("{token}", never),
        ];
        let path = values.iter().fold(route.path.clone(), |path, (name, value)| path.replace(name, value));
        if let (Door::Console, Presented::Session(browser)) = (route.door, credential) {
            return form_request(&path, &browser.cookie, &filled_in(&browser.csrf, serial));
        }
        let mut request = Request::builder().method(route.method.clone()).uri(path);
        request = match credential {
            Presented::Token(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            Presented::Session(browser) => {
                request.header(header::COOKIE, &browser.cookie).header("x-csrf-token", &browser.csrf)
            }
        };
        let body = distinct(plausible_body(route), route, serial);
        request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
    }
}

/// What the console's forms ask for, filled in as nobody has before; a form ignores what it doesn't ask.
fn filled_in(csrf: &str, serial: u64) -> String {
    let (name, email) = (format!("New {serial}"), format!("new{serial}@acme.example"));
    form(&[
        ("csrf", csrf),
        ("name", &name),
        ("given_name", &name),
        ("family_name", "Flight"),
        ("display_name", &name),
        ("username", &format!("new{serial}")),
        ("email", &email),
        ("lines", &email),
        ("emails", &email),
        ("title", &name),
        ("description", &name),
        ("reason", "security"),
        ("note", &name),
        ("role", "auditor"),
        ("roles", "auditor"),
        ("permissions", "user:read"),
        ("scopes", "*"),
        ("days", "30"),
        ("valid_until", "2999-12-31"),
    ])
}

/// A body that nobody has sent before.
fn distinct(mut body: Value, route: &Declared, serial: u64) -> Value {
    let Some(fields) = body.as_object_mut() else { return body };
    let path = route.path.as_str();
    if fields.contains_key("email") || path.ends_with("/users") || path.ends_with("/invitations") {
        fields.insert("email".to_owned(), json!(format!("new{serial}@acme.example")));
    }
    if path.ends_with("/users") {
        fields.insert("given_name".to_owned(), json!("New"));
    }
    if fields.contains_key("name") {
        fields.insert("name".to_owned(), json!(format!("New {serial}")));
    }
    if path.ends_with("/users/{id}") || path.ends_with("/account") {
        fields.insert("given_name".to_owned(), json!(format!("Name{serial}")));
    }
    body
}

#[derive(Clone)]
enum Presented {
    Session(Browser),
    Token(String),
}

/// Entries of the audit log that somebody has caused, but for refusals.
async fn effects(app: &TestApp, user: UserId) -> i64 {
    let (org, actor) = (app.org.id, user.to_string());
    let read = async |connection: &mut store::Connection<'_>| {
        let sql = "SELECT count(*) FROM audit_entries WHERE org_id = $1 AND actor = $2 AND event NOT IN \
                   ('access.denied', 'session.started', 'password.changed', 'password.reset', 'sign_in.disowned')";
        connection.one::<(i64,)>(sql, values![org, &actor]).await
    };
    app.app.database().read(read).await.unwrap().0
}

pub(crate) fn from(somebody: &Somebody, user_agent: &str) -> Attempt {
    Attempt {
        identifier: somebody.email.clone(),
        password: somebody.password.clone(),
        remember: false,
        address: "203.0.113.7".to_owned(),
        user_agent: user_agent.to_owned(),
        hints: ClientHints::default(),
        request_id: "test".to_owned(),
        devices: Vec::new(),
        earlier: None,
    }
}

/// The secret of the link in the newest mail to somebody.
pub(crate) async fn link(app: &TestApp, somebody: &Somebody, purpose: Purpose) -> String {
    let text = app.mail_to(&somebody.email).await.text;
    let start = format!("/o/acme/{}/", purpose.path());
    let rest = text.split_once(&start).unwrap_or_else(|| panic!("{text}")).1;
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Makes ready what a revocation needs; what it answers carries it out.
async fn secret_of(app: &TestApp, thief: &Somebody, revocation: Revocation) -> String {
    match revocation {
        Revocation::ResetByMail => {
            app.app.ask_for_reset(&app.org, &thief.email, "203.0.113.9").await.unwrap();
            app.worked().await;
            link(app, thief, Purpose::PasswordReset).await
        }
        Revocation::NotMe => {
            let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                          (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
            app.app.sign_in(&app.org, from(thief, "Mozilla/5.0 Firefox/131.0")).await.unwrap();
            app.app.sign_in(&app.org, from(thief, safari)).await.unwrap();
            link(app, thief, Purpose::NotMe).await
        }
        _ => String::new(),
    }
}

async fn revoke(app: &TestApp, thief: &Somebody, token: &str, revocation: Revocation, secret: &str) {
    let (id, owner) = (thief.id, &app.owner.token);
    let call = async |method, path: String, body: Value| -> Answer {
        let answer = app.call(method, &path, owner, body).await;
        assert!(answer.status.is_success(), "{revocation:?}: {}", answer.text);
        answer
    };
    match revocation {
        Revocation::Session => {
            call(Method::DELETE, format!("/users/{id}/sessions"), Value::Null).await;
        }
        Revocation::Token => {
            for token in call(Method::GET, format!("/users/{id}/tokens"), Value::Null).await.json()["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|token| token["name"] == "stolen")
            {
                let token = token["id"].as_str().unwrap();
                call(Method::DELETE, format!("/users/{id}/tokens/{token}"), Value::Null).await;
            }
        }
        Revocation::OwnPassword => {
            let body = json!({"present_password": thief.password, "new_password": "another-canyon-harbor"});
            app.call(Method::POST, "/account/password", token, body).await.expect(204);
        }
        Revocation::AdministratorsPassword => {
            call(Method::POST, format!("/users/{id}/set-password"), json!({})).await;
        }
        Revocation::ResetByMail => {
            let wanted = "another-canyon-harbor";
            app.app.reset_password(&app.org, secret, wanted, from(thief, "reset")).await.unwrap();
        }
        Revocation::Suspension => {
            let body = json!({"reason": "security", "note": "shut out"});
            call(Method::POST, format!("/users/{id}/suspend"), body).await;
        }
        Revocation::Lock => {
            call(Method::POST, format!("/users/{id}/lock"), json!({"note": "shut out"})).await;
        }
        Revocation::RoleTaken => {
            call(Method::DELETE, format!("/users/{id}/roles/administrator"), Value::Null).await;
        }
        Revocation::NotMe => {
            app.app.disown_sign_in(&app.org, secret, from(thief, "mail")).await.unwrap();
        }
    }
}

/// One round: the callers write, the revocation is acknowledged, and then nothing more comes.
async fn round(app: &Arc<TestApp>, revocation: Revocation, name: &str) -> i64 {
    let what = format!("{revocation:?}, {name}");
    let thief = app.person(name, Role::Administrator).await;
    let secret = secret_of(app, &thief, revocation).await;
    let (sessions, tokens) = revocation.ends();
    let browser = browser(app, &app.org, &thief).await;
    let stolen = crate::app::api_request(
        Method::POST,
        "acme",
        "/tokens",
        &thief.token,
        &json!({"name": "stolen", "scopes": ["*"]}),
    );
    let stolen = app.send(stolen).await.expect(201).json()["token"].as_str().unwrap().to_owned();
    let mut users = Vec::new();
    for number in 0..8 {
        let email = format!("{}{number}@acme.example", name.to_lowercase());
        users.push(app.create("Target", &format!("{name}{number}"), &email).await.parse().unwrap());
    }
    let mut groups = Vec::new();
    for group in ["Outer", "Inner"] {
        let body = json!({"name": format!("{group} {name}")});
        groups.push(app.post("/groups", body).await.expect(201).json()["id"].as_str().unwrap().to_owned());
    }
    let (groups, serial) = (groups.try_into().unwrap(), AtomicU64::new(app.now_in_micros()));
    let things = Arc::new(Things { users, groups, serial });
    // What everybody may do goes on when only a role is taken.
    let ordinary = model::Rights::member().org;
    let routes: Arc<Vec<Declared>> = Arc::new(
        writes()
            .into_iter()
            .filter(|(_, permission)| revocation != Revocation::RoleTaken || !ordinary.contains(*permission))
            .map(|(route, _)| route)
            .collect(),
    );
    let stop = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicU64::new(0));
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let by_session = (sessions && caller % 2 == 0) || !tokens;
        let credential =
            if by_session { Presented::Session(browser.clone()) } else { Presented::Token(stolen.clone()) };
        let (server, things, routes) = (app.router.clone(), things.clone(), routes.clone());
        let (stop, refused) = (stop.clone(), refused.clone());
        callers.push(tokio::spawn(async move {
            for turn in caller * 7.. {
                if stop.load(SeqCst) {
                    break;
                }
                // Every other one makes something that would open a door again.
                let route = &routes[usize::try_from(turn).unwrap() % routes.len()];
                let tokens = routes.iter().find(|route| route.path.ends_with("/v1/tokens"));
                let is_form = route.door == Door::Console;
                let is_sent = turn % 2 == 0 && !(is_form && matches!(credential, Presented::Token(_)));
                let route = if is_sent { route } else { tokens.unwrap_or(route) };
                let answer = send(&server, things.request(route, turn, &credential)).await;
                assert!(!answer.status.is_server_error(), "{} {}: {}", route.method, route.path, answer.text);
                if answer.status == 401 || answer.status == 403 {
                    refused.fetch_add(1, SeqCst);
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    eventually(&what, async || effects(app, thief.id).await >= 60).await;
    revoke(app, &thief, &thief.token, revocation, &secret).await;
    let acknowledged = effects(app, thief.id).await;
    let since = refused.load(SeqCst);
    eventually(&what, async || refused.load(SeqCst) >= since + 100).await;
    stop.store(true, SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(effects(app, thief.id).await, acknowledged, "{what}: committed after the acknowledgement");
    let ends_tokens = [
        Revocation::AdministratorsPassword,
        Revocation::ResetByMail,
        Revocation::Suspension,
        Revocation::Lock,
        Revocation::NotMe,
    ];
    if ends_tokens.contains(&revocation) {
        let org = app.org.id;
        let read = async |connection: &mut store::Connection<'_>| {
            let sql = "SELECT count(*) FROM tokens WHERE org_id = $1 AND user_id = $2";
            connection.one::<(i64,)>(sql, values![org, thief.id]).await
        };
        let left = app.app.database().read(read).await.unwrap().0;
        assert_eq!(left, 0, "{what}: tokens made in flight outlive it");
    }
    acknowledged
}

on_both! {
    async fn nothing_is_committed_after_somebody_was_shut_out(app: TestApp) {
        let app = Arc::new(app);
        let mut seen = 0;
        eprintln!("rounds: {} (MUSTER_LONG_ROUNDS)", rounds());
        for number in 0..rounds() {
            for revocation in Revocation::ALL {
                seen += round(&app, revocation, &format!("{revocation:?}{number}")).await;
            }
        }
        assert!(seen >= 9 * 60, "{seen}");
        let org = app.org.id;
        let read = async |connection: &mut store::Connection<'_>| {
            let sql = "SELECT count(DISTINCT event) FROM audit_entries WHERE org_id = $1 AND door = 'console' AND event NOT IN \
                       ('access.denied', 'session.started', 'password.reset', 'sign_in.disowned')";
            connection.one::<(i64,)>(sql, values![org]).await
        };
        let by_forms = app.app.database().read(read).await.unwrap().0;
        assert!(by_forms >= 8, "the forms of the console have {by_forms} kinds of effects");
    }
}

/// Numbers that no earlier round has used.
impl TestApp {
    fn now_in_micros(&self) -> u64 {
        self.later(std::time::Duration::from_secs(1));
        let now: Timestamp = model::Clock::now(&*self.clock);
        now.micros().unsigned_abs()
    }
}
