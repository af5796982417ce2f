//! What is kept in memory is never believed after it has become untrue: not by the request that starts right after an
//! acknowledgement, not by a fill that races with a change, not when the asker has gone away, not when a date comes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use ::app::{Actor, App, signin::Attempt};
use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use model::{OrgContext, Role, device::ClientHints, session::Secret};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    app::{Engine, Somebody, TestApp, api_request, send},
    patience::{Patience, eventually},
};

/// A session or token in use.
struct Credential {
    kind: Kind,
    /// Its end has been acknowledged.
    ended: AtomicBool,
    accepted: AtomicU64,
    refused_since: AtomicU64,
    /// Requests that began after that and were accepted all the same.
    wrongly_accepted: AtomicU64,
}

enum Kind {
    Token(String),
    Session(Secret),
}

impl Credential {
    fn new(kind: Kind) -> Arc<Self> {
        let (accepted, refused_since, wrongly_accepted) = Default::default();
        Arc::new(Self { kind, ended: AtomicBool::new(false), accepted, refused_since, wrongly_accepted })
    }

    fn request(&self, app: &TestApp, path: &str) -> Request<Body> {
        let secret = match &self.kind {
            Kind::Token(text) => return api_request(Method::GET, "acme", path, text, &Value::Null),
            Kind::Session(secret) => secret,
        };
        let cookie = format!("muster-{}={}", app.org.id, secret.reveal());
        let uri = format!("/o/acme/api/v1{path}");
        Request::get(uri).header(header::COOKIE, cookie).body(Body::empty()).unwrap()
    }

    /// Asks through the routes, or where they ask.
    async fn is_accepted(&self, door: &Door) -> bool {
        match (door, &self.kind) {
            (Door::Router(router, request), _) => {
                let status = send(router, request(self)).await.status;
                assert!([StatusCode::OK, StatusCode::UNAUTHORIZED].contains(&status), "{status}");
                status == StatusCode::OK
            }
            (Door::App(app, context), Kind::Token(text)) => {
                app.token(*context, &model::token::parse(text).unwrap()).await.is_ok()
            }
            (Door::App(app, context), Kind::Session(secret)) => app.session(*context, secret).await.is_ok(),
        }
    }
}

type Ask = Box<dyn Fn(&Credential) -> Request<Body> + Send + Sync>;

enum Door {
    Router(Router, Ask),
    App(App, OrgContext),
}

/// Readers that hammer whatever credential is current, on every door.
struct Readers {
    current: watch::Sender<Arc<Credential>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Readers {
    fn start(test: &Arc<TestApp>, first: Arc<Credential>) -> Self {
        let (current, stop) = (watch::Sender::new(first), Arc::new(AtomicBool::new(false)));
        let tasks = (0..4).map(|number| {
            let (current, stop, test) = (current.subscribe(), stop.clone(), test.clone());
            tokio::spawn(async move {
                let door = if number % 2 == 0 {
                    let asked = test.clone();
                    Door::Router(
                        test.router.clone(),
                        Box::new(move |credential| credential.request(&asked, "/whoami")),
                    )
                } else {
                    Door::App(test.app.clone(), test.context())
                };
                read(current, &stop, &door).await;
            })
        });
        Self { tasks: tasks.collect(), current, stop }
    }

    async fn end(self) {
        self.stop.store(true, SeqCst);
        drop(self.current);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn read(mut current: watch::Receiver<Arc<Credential>>, stop: &AtomicBool, door: &Door) {
    while !stop.load(SeqCst) {
        let credential = current.borrow_and_update().clone();
        let ended = credential.ended.load(SeqCst);
        let accepted = credential.is_accepted(door).await;
        if accepted {
            credential.accepted.fetch_add(1, SeqCst);
            credential.wrongly_accepted.fetch_add(u64::from(ended), SeqCst);
        } else if ended {
            credential.refused_since.fetch_add(1, SeqCst);
            // It stays refused: the database is for the others now.
            if current.changed().await.is_err() {
                return;
            }
        }
        tokio::task::yield_now().await;
    }
}

fn attempt(person: &Somebody) -> Attempt {
    Attempt {
        identifier: person.email.clone(),
        password: person.password.clone(),
        remember: false,
        address: "192.0.2.7".to_owned(),
        user_agent: String::new(),
        hints: ClientHints::default(),
        request_id: String::new(),
        devices: Vec::new(),
        earlier: None,
    }
}

async fn session_of(app: &TestApp, person: &Somebody) -> Secret {
    app.app.sign_in(&app.org, attempt(person)).await.unwrap().secret
}

/// Ends `credential` in one of the ways that there are.
async fn end(app: &TestApp, person: &Somebody, credential: &Credential, way: usize) {
    let user = format!("/users/{}", person.id);
    let ended = match (&credential.kind, way % 4) {
        (_, 0) => app.post(&format!("{user}/suspend"), json!({"reason": "security"})).await,
        (_, 1) => app.post(&format!("{user}/lock"), json!({"note": "odd"})).await,
        (_, 2) => app.post(&format!("{user}/deprovision"), json!({"reason": "left"})).await,
        (Kind::Token(text), _) => {
            let id = app.app.token(app.context(), &model::token::parse(text).unwrap()).await.unwrap();
            let ::app::cache::PresentedCredential::Token(id, _) = id.credential else { panic!("a token") };
            app.call(Method::DELETE, &format!("/tokens/{id}"), text, Value::Null).await
        }
        (Kind::Session(secret), _) => {
            let access = app.app.session(app.context(), secret).await.unwrap();
            let mut actor = Actor::operator(app.context());
            (actor.agent, actor.credential) = (model::Agent::User(person.id), Some(access.credential));
            return app.app.sign_out(&actor).await.unwrap();
        }
    };
    assert!(ended.status.is_success(), "{}", ended.text);
}

/// Lets a blocked person in again.
async fn let_in(app: &TestApp, person: &Somebody, way: usize) {
    let user = format!("/users/{}", person.id);
    match way % 4 {
        0 | 2 => app.post(&format!("{user}/reactivate"), json!({})).await.expect(200),
        1 => app.post(&format!("{user}/unlock"), json!({})).await.expect(200),
        _ => return,
    };
}

on_both! {
    /// 500 times somebody gets a session or token, loses it in one of the ways that there are, and is let in again: 1,500
    /// changes while four readers ask all the time. Nobody comes in who asks after the acknowledgement.
    async fn nothing_that_begins_after_an_acknowledgement_is_accepted(app: TestApp) {
        let app = Arc::new(app);
        let person = app.person("Ana", Role::Auditor).await;
        let readers = Readers::start(&app, Credential::new(Kind::Token(person.token.clone())));
        for round in 0..500 {
            let kind = if round % 2 == 0 {
                Kind::Token(app.token_for(person.id, &[]).await)
            } else {
                Kind::Session(session_of(&app, &person).await)
            };
            let credential = Credential::new(kind);
            readers.current.send_replace(credential.clone());
            // Every other time the memory is warm; otherwise its filling races with the end.
            while round % 3 == 0 && credential.accepted.load(SeqCst) < 4 {
                tokio::task::yield_now().await;
            }
            let way = round / 2;
            end(&app, &person, &credential, way).await;
            credential.ended.store(true, SeqCst);
            while credential.refused_since.load(SeqCst) < 4 {
                assert_eq!(credential.wrongly_accepted.load(SeqCst), 0, "round {round}");
                tokio::task::yield_now().await;
            }
            let_in(&app, &person, way).await;
        }
        readers.end().await;
    }

    /// Given and taken 200 times: what one may do is what was acknowledged last, in both directions.
    async fn a_role_holds_from_its_acknowledgement_to_the_next(app: TestApp) {
        let app = Arc::new(app);
        let person = app.person("Ana", Role::Member).await;
        // 0: taken, 1: being given, 2: held, 3: being taken.
        let (phase, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let readers: Vec<_> = (0..3).map(|_| {
            let (app, phase, stop, token) = (app.clone(), phase.clone(), stop.clone(), person.token.clone());
            tokio::spawn(async move {
                let mut certain = [0_u64; 4];
                while !stop.load(SeqCst) {
                    let before = phase.load(SeqCst);
                    let asked = api_request(Method::GET, "acme", "/users?limit=1", &token, &Value::Null);
                    let status = app.send(asked).await.status;
                    if phase.load(SeqCst) == before {
                        certain[usize::try_from(before % 4).unwrap()] += 1;
                        let expected = if before % 4 == 2 { StatusCode::OK } else { StatusCode::FORBIDDEN };
                        assert!(before % 2 == 1 || status == expected, "{status} in phase {before}");
                    }
                    tokio::task::yield_now().await;
                }
                certain
            })
        }).collect();
        let roles = format!("/users/{}/roles", person.id);
        for round in 0..200 {
            phase.fetch_add(1, SeqCst);
            app.post(&roles, json!({"role": "auditor"})).await.expect(200);
            phase.fetch_add(1, SeqCst);
            let seen = app.send(api_request(Method::GET, "acme", "/users?limit=1", &person.token, &Value::Null)).await;
            assert_eq!(seen.status, StatusCode::OK, "round {round}");
            tokio::time::sleep(Duration::from_millis(1)).await;
            phase.fetch_add(1, SeqCst);
            app.call(Method::DELETE, &format!("{roles}/auditor"), &app.owner.token, Value::Null).await.expect(200);
            phase.fetch_add(1, SeqCst);
            let seen = app.send(api_request(Method::GET, "acme", "/users?limit=1", &person.token, &Value::Null)).await;
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "round {round}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.store(true, SeqCst);
        for reader in readers {
            let certain = reader.await.unwrap();
            assert!(certain[0] > 0 && certain[2] > 0, "{certain:?}");
        }
    }

    /// Dropped at every poll that there is, several times: somebody who was suspended all the same is out.
    async fn a_suspension_whose_request_is_dropped_leaves_no_stale_access(app: TestApp) {
        let person = app.person("Ana", Role::Member).await;
        let suspend = format!("/users/{}/suspend", person.id);
        let ask = || api_request(Method::POST, "acme", &suspend, &app.owner.token, &json!({"reason": "other"}));
        let whoami = |token: &str| api_request(Method::GET, "acme", "/whoami", token, &Value::Null);
        let (mut suspended, mut patience) = (0, Patience::new());
        for _ in 0..200 {
            if is_suspended(&app, &person).await {
                let_in(&app, &person, 0).await;
            }
            let token = app.token_for(person.id, &[]).await;
            app.send(whoami(&token)).await.expect(200);
            let answered = patience.ask(app.send(ask())).await;
            // Whoever asks for the same waits behind the dropped one, and is told that it is done, or does it.
            let again = app.send(ask()).await;
            assert!([StatusCode::OK, StatusCode::CONFLICT].contains(&again.status), "{}", again.text);
            suspended += u64::from(answered.is_none() && again.status == StatusCode::CONFLICT);
            assert!(is_suspended(&app, &person).await);
            // What follows the commit of a request that nobody waits for may take a moment on PostgreSQL.
            if app.app.database().engine() == Engine::Postgres {
                eventually("the refusal", async || app.send(whoami(&token)).await.status == StatusCode::UNAUTHORIZED).await;
            }
            app.send(whoami(&token)).await.expect(401);
        }
        assert!(suspended > 0, "no dropped request was carried out: nothing was tried");
    }

    /// Exactly until its last microsecond, with a warm memory.
    async fn what_a_date_ends_ends_with_it(app: TestApp) {
        let person = app.person("Ana", Role::Member).await;
        let user = format!("/users/{}", person.id);
        let whoami = |token: &str| api_request(Method::GET, "acme", "/whoami", token, &Value::Null);
        let list = || api_request(Method::GET, "acme", "/users", &person.token, &Value::Null);

        // A role for an hour.
        let end = app.app.now().plus(HOUR);
        app.post(&format!("{user}/roles"), json!({"role": "auditor", "valid_until": end.to_string()})).await.expect(200);
        app.send(list()).await.expect(200);
        until(&app, end.minus(MICROSECOND));
        app.send(list()).await.expect(200);
        until(&app, end);
        app.send(list()).await.expect(403);

        // A person who ends.
        let end = app.app.now().plus(HOUR);
        app.patch(&user, json!({"valid_until": end.to_string()})).await.expect(200);
        app.send(whoami(&person.token)).await.expect(200);
        until(&app, end.minus(MICROSECOND));
        app.send(whoami(&person.token)).await.expect(200);
        until(&app, end);
        app.send(whoami(&person.token)).await.expect(401);

        // A person who begins later.
        let begin = app.app.now().plus(HOUR);
        app.patch(&user, json!({"valid_from": begin.to_string(), "valid_until": null})).await.expect(200);
        app.send(whoami(&person.token)).await.expect(401);
        until(&app, begin.minus(MICROSECOND));
        app.send(whoami(&person.token)).await.expect(401);
        until(&app, begin);
        app.send(whoami(&person.token)).await.expect(200);

        // A lock that ends: not what it has ended, but who comes anew.
        let end = app.app.now().plus(HOUR);
        app.post(&format!("{user}/lock"), json!({"until": end.to_string()})).await.expect(200);
        app.send(whoami(&person.token)).await.expect(401);
        until(&app, end.minus(MICROSECOND));
        let attempt = attempt(&person);
        assert!(app.app.sign_in(&app.org, attempt.clone()).await.is_err());
        until(&app, end);
        app.app.sign_in(&app.org, attempt).await.expect("the lock has ended");
        app.send(whoami(&person.token)).await.expect(401);

        // A token of 300 days.
        let token = app.token_for(person.id, &[]).await;
        let end = app.app.now().plus(300 * 24 * HOUR);
        until(&app, end.minus(MICROSECOND));
        app.send(whoami(&token)).await.expect(200);
        until(&app, end);
        app.send(whoami(&token)).await.expect(401);
    }

    async fn a_session_ends_when_it_is_not_used_and_at_last_whatever_its_use(app: TestApp) {
        let person = app.person("Ana", Role::Member).await;
        let whoami = async |credential: &Credential| app.send(credential.request(&app, "/whoami")).await;
        // Its use is noted behind the request.
        let noted = async || {
            let now = app.app.now().micros();
            eventually("the note of its use", async || app.count("SELECT max(last_active_at) FROM sessions").await == now).await;
        };
        let begin = async || Credential::new(Kind::Session(session_of(&app, &person).await));
        let minute = HOUR / 60;

        let session = begin().await;
        let start = app.app.now();
        until(&app, start.plus(30 * minute).minus(MICROSECOND));
        whoami(&session).await.expect(200);
        // That use counts: another 30 minutes, to within the grain of five.
        noted().await;
        app.later(25 * minute);
        whoami(&session).await.expect(200);
        noted().await;
        app.later(30 * minute);
        whoami(&session).await.expect(401);

        let session = begin().await;
        let end = app.app.now().plus(12 * HOUR);
        while app.app.now().plus(20 * minute) < end {
            whoami(&session).await.expect(200);
            noted().await;
            app.later(20 * minute);
        }
        whoami(&session).await.expect(200);
        noted().await;
        until(&app, end.minus(MICROSECOND));
        whoami(&session).await.expect(200);
        until(&app, end);
        whoami(&session).await.expect(401);

        // A shorter rule holds for whoever signs in from now on.
        app.patch("/org", json!({"settings": {"session": {"idle_minutes": 5}}})).await.expect(200);
        let session = session_under(&app, &person).await;
        for _ in 0..30 {
            whoami(&session).await.expect(200);
            noted().await;
            app.later(minute);
        }
        whoami(&session).await.expect(200);
        app.later(5 * minute);
        whoami(&session).await.expect(401);
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Moves the clock to a moment.
fn until(app: &TestApp, moment: model::Timestamp) {
    app.later(moment.since(app.app.now()));
}

/// A session under the organization's present rules.
async fn session_under(app: &TestApp, person: &Somebody) -> Arc<Credential> {
    let org = app.app.org("acme").await.unwrap();
    let secret = app.app.sign_in(&org, attempt(person)).await.unwrap().secret;
    Credential::new(Kind::Session(secret))
}

async fn is_suspended(app: &TestApp, person: &Somebody) -> bool {
    app.get(&format!("/users/{}", person.id)).await.expect(200).json()["state"] == "suspended"
}
