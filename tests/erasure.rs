//! After a permanent deletion nothing is left of a person: not in the database's files, its log and search index, not in
//! mails, other people's records, kept answers or the server's own log. Seeded markers are looked for byte by byte.

mod around;
mod former;
mod namesakes;

use std::{
    fs,
    path::Path,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use ::app::{
    invitations::{Acceptance, NewInvitation, Terms},
    signin::Attempt,
};
use axum::http::{Method, header};
use model::{Role, UserFields, UserId, link::Purpose, user::Address};
use serde_json::{Value, json};
use store::testing::Postgres;

use crate::{
    addresses::confirm,
    app::{PASSWORD, TestApp, api_request},
    recovery::secret_in,
};

/// In everything that is seeded, in any case.
const MARKER: &str = "zqxm";
/// What can't hold letters.
const NUMBERS: [&str; 3] = ["8675309123", "198.51.100.77", "203.0.113.177"];

/// What the program has logged that contains a marker.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Listens to everything that is logged by any test, and keeps what contains a marker.
fn listen() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let writer = || Ear;
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(writer);
        drop(tracing::subscriber::set_global_default(subscriber.finish()));
    });
}

struct Ear;

impl std::io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if found_in(bytes).is_some() {
            LOGGED.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The first marker in some bytes, with what stands around it.
fn found_in(bytes: &[u8]) -> Option<String> {
    let lower = bytes.to_ascii_lowercase();
    for marker in NUMBERS.iter().copied().chain([MARKER]) {
        if let Some(at) = lower.windows(marker.len()).position(|window| window == marker.as_bytes()) {
            let around = &bytes[at.saturating_sub(60)..(at + 60).min(bytes.len())];
            return Some(String::from_utf8_lossy(around).into_owned());
        }
    }
    None
}

fn fields() -> UserFields {
    let some = |what: &str| Some(format!("Zqxm{what}"));
    UserFields {
        username: some("login"),
        email: Some("zqxm.work@zqxmail.example".to_owned()),
        given_name: some("given"),
        family_name: some("family"),
        display_name: Some("Zqxmdisplay \"Quoted\" Name".to_owned()),
        phone: Some("+49 8675309123".to_owned()),
        mobile: Some("+1 8675309123".to_owned()),
        personal_email: Some("zqxm.home@zqxmail.example".to_owned()),
        personal_phone: Some("+44 8675309123".to_owned()),
        address: Some(Address {
            street: some("street"),
            city: some("city"),
            region: some("region"),
            postal_code: some("code"),
            country: Some("DE".to_owned()),
        }),
        title: some("title"),
        department: some("department"),
        division: some("division"),
        cost_centre: some("centre"),
        employee_number: some("number"),
        tags: vec!["zqxmtag".to_owned()],
        notes: some("notes for administrators"),
        ..UserFields::default()
    }
}

/// From where the person comes.
fn from(password: &str) -> Attempt {
    Attempt {
        identifier: "zqxm.work@zqxmail.example".to_owned(),
        password: password.to_owned(),
        remember: false,
        address: NUMBERS[1].to_owned(),
        user_agent: "Zqxmbrowser/1.0".to_owned(),
        hints: model::device::ClientHints::default(),
        request_id: "r".to_owned(),
        devices: Vec::new(),
        earlier: None,
    }
}

/// Neighbours, so that pages of the database fill, split and merge around the person.
async fn neighbours(app: &TestApp, name: &str) {
    for number in 0..40 {
        app.create(&format!("{name}{number}"), "Neighbour", &format!("{name}{number}@acme.example")).await;
    }
}

/// A life in which everything that can hold a personal value holds one.
async fn life(app: &TestApp) -> UserId {
    let terms = Terms { message: "Welcome, dear Zqxmfriend".to_owned(), lifetime_hours: None };
    let new =
        NewInvitation { fields: fields(), roles: vec![Role::UserManager.into()], groups: Vec::new(), terms };
    let (invited, _) = app.app.invite(&app.operator(), &app.org, new).await.unwrap();
    let id = invited.person.user.id;
    let letter = app.mail_to("zqxm.home@zqxmail.example").await;
    let (_, secret) = letter.text.split_once("/o/acme/invitation/").unwrap();
    let secret = secret.split_whitespace().next().unwrap().to_owned();
    let acceptance = Acceptance { password: PASSWORD.to_owned(), ..Acceptance::default() };
    let accepted = app.app.accept_invitation(&app.org, Purpose::Invitation, &secret, acceptance, from(""));
    accepted.await.unwrap();
    app.app.sign_in(&app.org, from(PASSWORD)).await.unwrap();
    let elsewhere = Attempt { address: NUMBERS[2].to_owned(), ..from("wrong zqxm password") };
    app.app.sign_in(&app.org, elsewhere).await.unwrap_err();

    let token = app.token_for(id, &[]).await;
    let by_person = async |method, path: &str, body| app.call(method, path, &token, body).await;
    by_person(Method::POST, "/tokens", json!({"name": "zqxmtoken", "scopes": ["user:read"]}))
        .await
        .expect(201);
    let made =
        by_person(Method::POST, "/tokens", json!({"name": "zqxmtoken two", "scopes": ["user:read"]})).await;
    let made = made.expect(201).json()["id"].as_str().unwrap().to_owned();
    by_person(Method::DELETE, &format!("/tokens/{made}"), Value::Null).await.expect(204);
    by_person(Method::PATCH, "/account", json!({"mobile": "+2 8675309123"})).await.expect(200);

    // Another address and back, so that one is kept for the person; and a notice that is not wanted.
    for wanted in ["zqxm.later@zqxmail.example", "zqxm.work@zqxmail.example"] {
        let body = json!({"email": wanted, "present_password": PASSWORD});
        by_person(Method::POST, "/account/email", body).await.expect(200);
        let letters = app.mails().await;
        let asking =
            letters.iter().find(|letter| letter.to == wanted && letter.text.contains("/verify-email/"));
        let secret = secret_in(asking.unwrap(), "verify-email");
        confirm(app, &secret).await.expect(200);
    }
    by_person(Method::PUT, "/account/notices", json!({"muted": ["made_administrator"]})).await.expect(204);

    by_person(Method::POST, "/account/data-export", json!({})).await.expect(202);

    // Other people's records that mention the person.
    let other = app.create("Otis", "Other", "otis@acme.example").await;
    app.patch(&format!("/users/{other}"), json!({"manager": id.to_string()})).await.expect(200);
    let person = app.app.user(&app.operator(), id).await.unwrap();
    let mut as_person = app.operator();
    as_person.agent = model::Agent::User(id);
    as_person.name = person.user.name().to_owned();
    NUMBERS[1].clone_into(&mut as_person.address);
    let fields = UserFields { email: Some("newcomer@acme.example".to_owned()), ..UserFields::default() };
    let new = NewInvitation { fields, ..NewInvitation::default() };
    app.app.invite(&as_person, &app.org, new).await.unwrap();

    // Somebody who can't remember where; the answer is addressed to nobody in particular.
    app.app.ask_for_organizations("zqxm.work@zqxmail.example", "192.0.2.1").await.unwrap();
    app.app.ask_for_reset(&app.org, "zqxm.work@zqxmail.example", "192.0.2.1").await.unwrap();

    // What administrators do to the person and write about it.
    let at = |step: &str| format!("/users/{id}/{step}");
    app.post(&at("lock"), json!({"note": "zqxmlocknote"})).await.expect(200);
    app.post(&at("unlock"), json!({})).await.expect(200);
    app.post(&at("roles"), json!({"role": "auditor", "reason": "zqxmreason"})).await.expect(200);
    app.app.copy_invitation_link(&app.operator(), &app.org, id).await.unwrap_err();
    app.post(&at("data-export"), json!({})).await.expect(202);
    while app.app.work_once().await.unwrap() > 0 {}
    assert_eq!(app.count("SELECT count(*) FROM data_exports WHERE content IS NOT NULL").await, 2);
    id
}

/// A write with an `Idempotency-Key`, whose answer is kept.
async fn keyed(app: &TestApp, path: &str, body: Value) -> crate::app::Answer {
    app.later(Duration::from_millis(1));
    let mut request = api_request(Method::POST, "acme", path, &app.owner.token, &body);
    request.headers_mut().insert("idempotency-key", path.parse().unwrap());
    app.send(request).await
}

/// Deletes the person permanently, and lets the minute pass after which files keep nothing of deleted rows either.
async fn purge(app: &TestApp, id: UserId) {
    let at = |step: &str| format!("/users/{id}/{step}");
    keyed(app, &at("suspend"), json!({"reason": "other", "note": "zqxmnote"})).await.expect(200);
    let confirm = json!({"confirm": "zqxm.work@zqxmail.example"});
    keyed(app, &at("delete"), confirm.clone()).await.expect(200);
    keyed(app, &at("purge"), confirm).await.expect(200);
    app.later(Duration::from_secs(61));
    while app.app.work_once().await.unwrap() > 0 {}
}

/// Where a marker is found.
async fn places(app: &TestApp) -> Vec<String> {
    if let Some(file) = app.url.strip_prefix("sqlite:") {
        let files = fs::read_dir(Path::new(file).parent().unwrap()).unwrap();
        let read = |path: &Path| found_in(&fs::read(path).unwrap());
        let found = files.filter_map(|file| {
            let path = file.unwrap().path();
            read(&path).map(|around| format!("{}: {around}", path.display()))
        });
        return found.collect();
    }
    rows(app).await
}

/// The same among the rows of every table, as text.
async fn rows(app: &TestApp) -> Vec<String> {
    let read = async |connection: &mut store::Connection<'_>| {
        let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
        let tables: Vec<(String,)> = connection.all(tables, &[]).await?;
        assert!(tables.len() > 10);
        let mut found = Vec::new();
        for (table,) in tables {
            let sql: &'static str = Box::leak(format!("SELECT t::text FROM \"{table}\" t").into_boxed_str());
            let rows: Vec<(String,)> = connection.all(sql, &[]).await?;
            let rows = rows.into_iter().filter_map(|(row,)| found_in(row.as_bytes()));
            found.extend(rows.map(|around| format!("{table}: {around}")));
        }
        Ok(found)
    };
    app.app.database().read(read).await.unwrap()
}

/// Where a marker is found in the files of PostgreSQL's tables, indexes and statistics, once those were written anew.
async fn files_after_vacuum(app: &TestApp) -> Vec<String> {
    let vacuum = async |connection: &mut store::Connection<'_>| {
        // Statistics are rows, too: the second pass takes out what the first has replaced.
        for sql in ["VACUUM (FULL, ANALYZE)", "VACUUM FULL pg_statistic", "CHECKPOINT"] {
            connection.execute(sql, &[]).await?;
        }
        Ok(())
    };
    app.app.database().read(vacuum).await.unwrap();
    let oid = app.count("SELECT oid::bigint FROM pg_database WHERE datname = current_database()").await;
    let files = Postgres::shared().files(oid);
    assert!(files.len() > 100, "{files:?}");
    let found = files.iter().filter_map(|path| {
        // One that was replaced goes at any moment.
        let around = found_in(&fs::read(path).ok()?)?;
        Some(format!("{}: {around}", path.display()))
    });
    found.collect()
}

on_both! {
    async fn nothing_is_left_of_a_purged_person(app: TestApp) {
        listen();
        neighbours(&app, "Before").await;
        let id = life(&app).await;
        around::everything(&app, id).await;
        around::is_complete(&app).await;
        neighbours(&app, "After").await;
        assert!(!places(&app).await.is_empty(), "the markers are there to be found");
        purge(&app, id).await;
        assert_eq!(places(&app).await, Vec::<String>::new());
        assert_eq!(*LOGGED.lock().unwrap(), Vec::<String>::new());
        if app.url.starts_with("postgres:") {
            assert_eq!(files_after_vacuum(&app).await, Vec::<String>::new());
        }
        app.app.close().await;
        if app.url.starts_with("sqlite:") {
            assert_eq!(places(&app).await, Vec::<String>::new());
        }
    }

    async fn an_erasure_has_a_receipt_that_names_nobody(app: TestApp) {
        let id = life(&app).await;
        app.get(&format!("/users/{id}/erasure")).await.expect(404);
        let confirm = json!({"confirm": "zqxm.work@zqxmail.example"});
        app.post(&format!("/users/{id}/suspend"), json!({"reason": "left"})).await.expect(200);
        app.post(&format!("/users/{id}/delete"), confirm.clone()).await.expect(200);
        let receipt = app.post(&format!("/users/{id}/purge"), confirm).await.expect(200).json();
        assert_eq!(receipt["user"], id.to_string());
        assert_eq!(receipt["erased_by_name"], "Olivia Owner");
        assert!(receipt["pseudonym"].as_str().unwrap().starts_with("deleted user "));
        let count = |kind: &str| {
            let removed = receipt["removed"].as_array().unwrap();
            removed.iter().find(|removed| removed["kind"] == kind).unwrap()["count"].as_i64().unwrap()
        };
        assert_eq!((count("profile"), count("roles"), count("data_exports")), (1, 2, 2));
        assert_eq!((count("devices"), count("reserved_addresses"), count("muted_notices")), (1, 2, 1));
        assert!(count("mails") >= 2 && count("invitations") == 1 && count("audit_entries") > 10);
        // It can be had again, also as text.
        let again = app.get(&format!("/users/{id}/erasure")).await.expect(200);
        assert_eq!(again.json(), receipt);
        assert!(found_in(again.text.as_bytes()).is_none());
        let text = app.get(&format!("/users/{id}/erasure?format=text")).await.expect(200);
        assert!(text.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/plain"));
        assert!(text.text.contains("Erased by:    Olivia Owner") && text.text.contains("API tokens"));
        let helpdesk = app.person("Helga", Role::Helpdesk).await;
        app.call(Method::GET, &format!("/users/{id}/erasure"), &helpdesk.token, Value::Null).await.expect(403);
    }
}

/// A table that holds something on a person is counted in the receipt, or goes with the profile.
#[test]
fn receipts_count_every_table_of_a_person() {
    const WITH_THE_PROFILE: [&str; 4] =
        ["credentials", "password_history", "grant_snapshots", "email_directory"];
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/store");
    let counting = fs::read_to_string(store.join("src/erasure.rs")).unwrap();
    let mut tables = 0;
    for file in fs::read_dir(store.join("migrations")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for table in text.split("CREATE TABLE ").skip(1) {
            let (name, rest) = table.split_once(' ').unwrap();
            // What one column more was needed for has its old name again.
            let name = name.strip_suffix("_in_scope").unwrap_or(name);
            let columns = rest.split(';').next().unwrap();
            if columns.lines().any(|line| line.trim().starts_with("user_id uuid")) {
                tables += 1;
                let counted = counting.contains(&format!("FROM {name} WHERE org_id = $1 AND user_id = $2"));
                assert!(
                    counted || WITH_THE_PROFILE.contains(&name),
                    "{name} is not in the receipt of an erasure"
                );
            }
        }
    }
    assert!(tables > 10);
}
