//! The server killed at arbitrary moments under load, over and over, with the embedded database: whatever it has
//! acknowledged is there afterwards, with exactly its audit entries; what it has refused or not answered is whole or
//! not there.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::{Value, json};
use store::{Connection, Database, testing::Scratch};

use crate::{
    app::{PASSWORD, form},
    patience::Dice,
    process::{Client, Heard, Server, program},
};

/// How often the server is killed.
const KILLS: u64 = 54;
/// Clients at once.
const CLIENTS: u64 = 4;

/// What is known of a user whose creation was acknowledged or is in doubt.
#[derive(Clone)]
struct Known {
    number: usize,
    /// Empty while the creation is in doubt.
    id: String,
    /// As acknowledged last.
    state: &'static str,
    title: Option<String>,
    version: i64,
    /// A change was asked for and not answered.
    in_doubt: bool,
    /// The last session, and whether it must hold (`None`: nobody knows).
    session: Option<(String, Option<bool>)>,
    sign_ins: i64,
}

impl Known {
    fn new(number: usize) -> Self {
        let (id, state) = (String::new(), "");
        Self { number, id, state, title: None, version: 0, in_doubt: true, session: None, sign_ins: 0 }
    }

    fn email(&self) -> String {
        format!("q{}@acme.example", self.number)
    }

    fn path(&self, action: &str) -> String {
        format!("/users/{}{action}", self.id)
    }

    /// Whoever had a session has none any more.
    fn end_session(&mut self) {
        if let Some((_, holds)) = &mut self.session {
            *holds = Some(false);
        }
    }

    /// A change was acknowledged.
    fn changed(&mut self, heard: &Heard) {
        let user: Value = serde_json::from_str(&heard.body).unwrap();
        self.version += 1;
        assert_eq!(user["version"], self.version, "{}", heard.body);
        self.in_doubt = false;
    }
}

/// One caller with the owner's token.
struct Caller {
    client: Client,
    token: Arc<str>,
}

impl Caller {
    /// `None`: the server is gone, and nobody knows whether it did it.
    fn call(&mut self, method: &str, path: &str, body: &Value) -> Option<Heard> {
        let token = &self.token;
        let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.client.ask(method, &format!("/o/acme/api/v1{path}"), &headers, &body).ok()
    }

    fn get(&mut self, path: &str) -> Value {
        let heard = self.call("GET", path, &Value::Null).expect("it runs");
        assert_eq!(heard.status, 200, "{path}: {}", heard.body);
        serde_json::from_str(&heard.body).unwrap()
    }

    /// A change of a user; `None` if it is in doubt from now on.
    fn change(&mut self, user: &mut Known, method: &str, action: &str, body: &Value) -> Option<()> {
        user.in_doubt = true;
        let heard = self.call(method, &user.path(action), body)?;
        assert_eq!(heard.status, 200, "{}", heard.body);
        user.changed(&heard);
        Some(())
    }

    fn create(&mut self, user: &mut Known, with_password: bool) -> Option<()> {
        let mut body = json!({"given_name": "Quelle", "family_name": "Person", "email": user.email()});
        if with_password {
            body["password"] = json!(PASSWORD);
            body["must_change_password"] = json!(false);
        }
        let heard = self.call("POST", "/users", &body)?;
        assert_eq!(heard.status, 201, "{}", heard.body);
        let shown: Value = serde_json::from_str(&heard.body).unwrap();
        shown["id"].as_str().unwrap().clone_into(&mut user.id);
        user.state = if with_password { "active" } else { "staged" };
        user.changed(&heard);
        Some(())
    }

    fn sign_in(&mut self, user: &mut Known) -> Option<()> {
        let form = form(&[("identifier", &user.email()), ("password", PASSWORD)]);
        let headers = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
        let heard = self.client.ask("POST", "/o/acme/sign-in", headers, &form).ok()?;
        assert_eq!(heard.status, 303, "{}", heard.body);
        user.session = Some((heard.cookie.expect("a cookie"), Some(true)));
        user.sign_ins += 1;
        Some(())
    }

    fn holds(&mut self, session: &str) -> bool {
        let headers = format!("cookie: {session}\r\n");
        let heard = self.client.ask("GET", "/o/acme/api/v1/whoami", &headers, "").expect("it runs");
        assert!([200, 401].contains(&heard.status), "{}", heard.body);
        heard.status == 200
    }

    /// A whole life, as far as one gets.
    fn live(&mut self, user: &mut Known, dice: &mut Dice) -> Option<()> {
        let with_password = dice.roll(4) == 0;
        self.create(user, with_password)?;
        for _ in 0..dice.roll(4) {
            let title = format!("Title {}", dice.roll(1_000_000));
            self.change(user, "PATCH", "", &json!({"title": title}))?;
            user.title = Some(title);
        }
        if !with_password {
            return Some(());
        }
        self.sign_in(user)?;
        for _ in 0..dice.roll(3) {
            // Until it is answered nobody knows whether the session has ended.
            user.session.as_mut()?.1 = user.session.as_ref()?.1.filter(|holds| !holds);
            self.change(user, "POST", "/suspend", &json!({"reason": "security"}))?;
            user.state = "suspended";
            user.end_session();
            self.change(user, "POST", "/reactivate", &json!({}))?;
            user.state = "active";
        }
        if dice.roll(2) == 0 {
            user.session.as_mut()?.1 = user.session.as_ref()?.1.filter(|holds| !holds);
            self.change(user, "POST", "/suspend", &json!({"reason": "security"}))?;
            user.state = "suspended";
            user.end_session();
        }
        Some(())
    }

    /// What was acknowledged is what is shown; what was in doubt is settled.
    fn check(&mut self, user: &mut Known) {
        let found = self.get(&format!("/users?search={}&status=active,inactive,suspended", user.email()));
        let found = found["items"].as_array().unwrap();
        if user.id.is_empty() {
            // The creation was never answered: it is there, or it is not.
            assert!(found.len() <= 1);
            let Some(shown) = found.first() else { return };
            shown["id"].as_str().unwrap().clone_into(&mut user.id);
        }
        assert_eq!(found.len(), 1, "{} is not found", user.email());
        let shown = self.get(&user.path(""));
        let version = shown["version"].as_i64().unwrap();
        if user.in_doubt {
            assert!([user.version, user.version + 1].contains(&version), "{shown}");
        }
        if !user.in_doubt || version == user.version {
            assert_eq!(version, user.version, "{shown}");
            assert_eq!(shown["state"], user.state, "{shown}");
            assert_eq!(shown["title"].as_str(), user.title.as_deref(), "{shown}");
        }
        if let Some((session, holds)) = &mut user.session {
            let now = self.holds(session);
            assert!(holds.is_none_or(|expected| expected == now), "{} {now} {shown}", user.number);
            *holds = Some(now);
        }
        user.state = if shown["state"] == "active" {
            "active"
        } else if shown["state"] == "suspended" {
            "suspended"
        } else {
            "staged"
        };
        assert!(
            user.state != "suspended" || user.session.as_ref().is_none_or(|(_, holds)| *holds == Some(false))
        );
        user.title = shown["title"].as_str().map(str::to_owned);
        (user.version, user.in_doubt) = (version, false);
    }
}

/// Lives lives until the server is gone; answers what is known of them.
fn load(address: &str, token: &Arc<str>, numbers: &AtomicUsize, done: &AtomicUsize, seed: u64) -> Vec<Known> {
    let (mut dice, mut lives) = (Dice::new(seed), Vec::new());
    let Ok(client) = Client::to(address) else { return lives };
    let mut caller = Caller { client, token: token.clone() };
    loop {
        let mut user = Known::new(numbers.fetch_add(1, SeqCst));
        let whole = caller.live(&mut user, &mut dice);
        lives.push(user);
        if whole.is_none() {
            return lives;
        }
        done.fetch_add(1, SeqCst);
    }
}

/// Every change has its entry, and every entry its change: looked at in the file, while no server runs.
async fn assert_whole(directory: &Path, lives: &[Known]) {
    let url = format!("sqlite:{}", directory.join("muster-data/muster.db").display());
    let database = Database::open(&store::Options::new(url)).await.unwrap();
    let count = async |sql: &'static str| {
        let read = async |connection: &mut Connection<'_>| connection.one::<(i64,)>(sql, &[]).await;
        database.read(read).await.unwrap().0
    };
    for nothing in [
        // A user's version counts the changes, and so do the entries.
        "SELECT count(*) FROM users u WHERE u.version <> (SELECT count(*) FROM audit_entries e \
         WHERE e.org_id = u.org_id AND e.target = u.id AND e.event LIKE 'user.%')",
        "SELECT count(*) FROM audit_entries e WHERE e.target_type = 'user' AND e.target NOT IN (SELECT id FROM users)",
        "SELECT count(*) FROM users WHERE key NOT IN (SELECT rowid FROM user_search)",
        "SELECT count(*) FROM user_search WHERE rowid NOT IN (SELECT key FROM users)",
        "SELECT count(*) FROM credentials WHERE user_id NOT IN (SELECT id FROM users)",
        "SELECT count(*) FROM users u WHERE state = 'active' AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id)",
        "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.state <> 'active'",
        "SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM audit_entries e \
         WHERE e.org_id = s.org_id AND e.target = s.user_id AND e.event = 'session.started')",
    ] {
        assert_eq!(count(nothing).await, 0, "{nothing}");
    }
    let sign_ins: i64 = lives.iter().map(|user| user.sign_ins).sum();
    assert!(count("SELECT count(*) FROM audit_entries WHERE event = 'session.started'").await >= sign_ins);
    database.close().await;
}

/// A place with an organization, and the owner's token.
pub(crate) fn set_up(directory: &Path) -> Arc<str> {
    let token = program(directory).args(["token", "generate"]).output().unwrap();
    let token: Arc<str> = String::from_utf8(token.stdout).unwrap().trim().into();
    let settings = format!(
        "[bootstrap]\norg_name = \"Acme\"\nadmin_email = \"olivia@acme.example\"\nadmin_password = \"{PASSWORD}\"\n\
         api_token = \"{token}\"\n"
    );
    std::fs::write(directory.join("muster.toml"), settings).unwrap();
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_however_often_the_server_is_killed() {
    let scratch = Scratch::new();
    let directory = scratch.path();
    let token = set_up(directory);
    let (numbers, mut lives) = (Arc::new(AtomicUsize::new(0)), Vec::<Known>::new());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    for kill in 0..KILLS {
        let server = Server::start(directory);
        let mut caller = Caller { client: Client::to(&server.address).unwrap(), token: token.clone() };
        // Those of the last time, and some of before.
        let recent = lives.len().saturating_sub(40);
        for user in &mut lives[recent..] {
            caller.check(user);
        }
        for _ in 0..recent.min(5) {
            let at = usize::try_from(dice.roll(recent as u64)).unwrap();
            caller.check(&mut lives[at]);
        }
        let done = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (address, token) = (server.address.clone(), token.clone());
                let (numbers, done, seed) = (numbers.clone(), done.clone(), dice.roll(u64::MAX) ^ client);
                std::thread::spawn(move || load(&address, &token, &numbers, &done, seed))
            })
            .collect();
        // At an arbitrary moment, but not before something has been done.
        while done.load(SeqCst) < 2 {
            assert!(!clients.iter().all(std::thread::JoinHandle::is_finished), "nobody is served any more");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(dice.roll(150_000)));
        server.kill();
        for client in clients {
            lives.extend(client.join().expect("a client"));
        }
        if kill % 9 == 8 {
            assert_whole(directory, &lives).await;
        }
    }
    let server = Server::start(directory);
    let mut caller = Caller { client: Client::to(&server.address).unwrap(), token };
    for user in &mut lives {
        caller.check(user);
    }
    let created = lives.iter().filter(|user| !user.id.is_empty()).count();
    println!("{created} users were created; of {} it was never known", lives.len() - created);
    server.kill();
    assert_whole(directory, &lives).await;
}
