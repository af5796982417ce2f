//! A stranger learns nothing from signing in: whoever is tried, and whatever is wrong, the answer is the same to the
//! byte and comes after the same work.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use model::{Role, link::Purpose};
use serde_json::{Value, json};
use web::{Declared, Needs};

use crate::{
    app::{Answer, PASSWORD, Somebody, TestApp, form, form_request},
    matrix::{force, without_request_id},
    patience::use_first,
    signin::submit,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The field in which a public form takes somebody's name; a new form says here what it takes.
fn names_somebody(route: &Declared) -> Option<&'static str> {
    match route.path.as_str() {
        "/o/{slug}/sign-in" | "/o/{slug}/forgot-password" => Some("identifier"),
        "/find-organization" => Some("email"),
        // An organization's short name, a secret, or a password that nobody has yet.
        "/" | "/o/{slug}/password-strength" => None,
        path if path.contains("{name}") => None,
        path if path.starts_with("/setup") => None,
        other => panic!("{other}: does it take somebody's name?"),
    }
}

/// What a stranger sees: everything but the request's id and what was typed.
fn seen(answer: &Answer, identifier: &str) -> (StatusCode, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id");
    headers.remove("content-length");
    (answer.status, headers, without_request_id(answer).replace(identifier, "(typed)"))
}

/// Somebody in every situation in which signing in is refused, and what would be the right password there.
async fn refused_people(app: &TestApp) -> Vec<(&'static str, String, String)> {
    let mut people = Vec::new();
    let person = async |name: &str| app.person(name, Role::Member).await;
    let act = async |somebody: &Somebody, action: &str, body: Value| {
        app.post(&format!("/users/{}/{action}", somebody.id), body).await.expect(200);
    };
    let why = json!({"reason": "left"});
    let suspended = person("Suse").await;
    act(&suspended, "suspend", why.clone()).await;
    people.push(("suspended", suspended.email, PASSWORD.to_owned()));
    let gone = person("Dora").await;
    act(&gone, "deprovision", why.clone()).await;
    people.push(("deprovisioned", gone.email, PASSWORD.to_owned()));
    let deleted = person("Tara").await;
    act(&deleted, "suspend", why).await;
    act(&deleted, "delete", json!({"confirm": deleted.email})).await;
    people.push(("deleted", deleted.email, PASSWORD.to_owned()));
    let locked = person("Lola").await;
    act(&locked, "lock", json!({})).await;
    people.push(("locked", locked.email, PASSWORD.to_owned()));
    let failed = person("Fay").await;
    force(app, "UPDATE users SET password_locked_until = 9223372036854775807 WHERE id = $1", failed.id).await;
    people.push(("locked by failures", failed.email, PASSWORD.to_owned()));
    let late = person("Lee").await;
    app.patch(&format!("/users/{}", late.id), json!({"valid_until": "2026-11-21"})).await.expect(200);
    people.push(("after the end date", late.email, PASSWORD.to_owned()));
    let early = person("Eve").await;
    app.patch(&format!("/users/{}", early.id), json!({"valid_from": "2027-01-01"})).await.expect(200);
    people.push(("before the start date", early.email, PASSWORD.to_owned()));
    let expired = person("Ted").await;
    act(&expired, "set-password", json!({"password": "temporary-canyon-harbor"})).await;
    people.push(("temporary password too old", expired.email, "temporary-canyon-harbor".to_owned()));
    app.create("Stan", "Staged", "stan@acme.example").await;
    people.push(("staged", "stan@acme.example".to_owned(), PASSWORD.to_owned()));
    let invited = app.create("Ina", "Invited", "ina@acme.example").await;
    force(app, "UPDATE users SET state = 'invited' WHERE id = $1", invited.parse().unwrap()).await;
    people.push(("invited", "ina@acme.example".to_owned(), PASSWORD.to_owned()));
    let robot = json!({"type": "service", "username": "robot", "responsible": app.owner.id});
    app.post("/users", robot).await.expect(201);
    people.push(("service user", "robot".to_owned(), PASSWORD.to_owned()));
    // Behind the end date and the 72 hours of a temporary password.
    app.later(4 * DAY);
    people
}

on_both! {
    async fn every_refusal_looks_like_every_other(app: TestApp) {
        let people = refused_people(&app).await;
        let unknown = seen(&submit(&app, "nobody@acme.example", PASSWORD, false).await.expect(422), "nobody@acme.example");
        assert!(unknown.2.contains("That did not work.") && !unknown.1.contains_key("set-cookie"));
        for (what, identifier, right) in &people {
            for password in [right.as_str(), "wrong-canyon-harbor"] {
                assert_eq!(seen(&submit(&app, identifier, password, false).await, identifier), unknown, "{what}");
            }
        }
        for (number, password) in ["wrong-canyon-harbor".to_owned(), String::new(), " ".to_owned(), "x".repeat(300), "x".repeat(900_000), "ü".repeat(257), PASSWORD.to_uppercase(), format!("{PASSWORD} "), "a\u{0}b".to_owned()].iter().enumerate() {
            let known = app.person(&format!("Known{number}"), Role::Member).await;
            assert_eq!(seen(&submit(&app, &known.email, password, false).await, &known.email), unknown, "{number}");
            let nobody = format!("nobody{number}@acme.example");
            assert_eq!(seen(&submit(&app, &nobody, password, false).await, &nobody), unknown, "{number}");
        }
        for strange in ["", " ", "x", "'; DROP TABLE users; --", "*", "%", "nobody@acme.example@acme.example", "ana person", "🙂", "\\", "${jndi:ldap://x}"] {
            let shown = submit(&app, strange, PASSWORD, false).await;
            assert_eq!((shown.status, &shown.headers["content-type"]), (StatusCode::UNPROCESSABLE_ENTITY, &unknown.1["content-type"]), "{strange}");
        }
        for malformed in ["\u{0}".to_owned(), "x".repeat(2_000), "é".repeat(1_000), format!("{}@acme.example", "x".repeat(900_000))] {
            let shown = submit(&app, &malformed, PASSWORD, false).await;
            assert!(shown.status.is_client_error(), "{}: {}", shown.status, &shown.text[..200]);
        }
        for (what, identifier, _) in &people {
            let person = app.app.user_by_identifier(&app.operator(), identifier).await.unwrap();
            assert!(person.user.last_sign_in_at.is_none(), "{what}");
        }
    }

    /// A stored hash that can't be read makes comparing fail loudly: so it shows that comparing was tried at all, for
    /// whomever and whatever was typed. What would be refused without it took less time.
    async fn every_refusal_of_somebody_comes_after_comparing_the_password(app: TestApp) {
        let mut people = refused_people(&app).await;
        people.retain(|(what, ..)| !["staged", "invited", "service user"].contains(what));
        let ana = app.person("Ana", Role::Member).await;
        people.push(("active", ana.email, PASSWORD.to_owned()));
        for (what, identifier, right) in people {
            let id = app.app.user_by_identifier(&app.operator(), &identifier).await.unwrap().user.id;
            force(&app, "UPDATE credentials SET hash = 'unreadable' WHERE user_id = $1", id).await;
            for password in [right.as_str(), "wrong-canyon-harbor", "", &"x".repeat(5_000)] {
                let answer = submit(&app, &identifier, password, false).await;
                assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{what}");
                assert!(!answer.text.contains("hash") && !answer.text.contains("unreadable"), "the reason is for the log");
            }
        }
    }

    /// The audit log has the reason that the stranger is not told.
    async fn an_administrator_learns_why(app: TestApp) {
        for (what, identifier, right) in refused_people(&app).await {
            submit(&app, &identifier, &right, false).await.expect(422);
            let id = app.app.user_by_identifier(&app.operator(), &identifier).await.unwrap().user.id;
            assert_eq!(app.events(&id.to_string()).await.last().unwrap(), "sign_in.failed", "{what}");
        }
        let reasons = "SELECT count(DISTINCT reason) FROM audit_entries WHERE event = 'sign_in.failed'";
        assert_eq!(app.count(reasons).await, 4, "no password, locked, not active, too old");
    }

    /// Unknown organizations are public knowledge; whoever is inside is not.
    async fn the_page_before_knows_nothing_of_anybody(app: TestApp) {
        let ask = async |query: &str| crate::signin::page(&app, &format!("/sign-in{query}"), "").await.expect(200);
        let plain = without_request_id(&ask("").await);
        for query in ["?identifier=olivia@acme.example", "?login_hint=olivia@acme.example", "?to=%2Fo%2Facme%2F"] {
            assert_eq!(without_request_id(&ask(query).await), plain, "{query}");
        }
        assert!(!plain.contains("olivia"));
    }

    /// How long a refusal takes follows from the statements it runs: they are the same, in the same order, for everybody
    /// and for nobody, at every public door that takes a name.
    async fn every_public_door_asks_the_database_the_same_of_everybody_and_nobody(app: TestApp) {
        use_first(&app, &app.router, &app.owner.token).await;
        let people = refused_people(&app).await;
        let ana = app.person("Ana", Role::Member).await;
        let mut names: Vec<String> = people.iter().map(|(_, name, _)| name.clone()).collect();
        names.extend([ana.email.clone(), ana.username.clone(), app.owner.email.clone(), "nobody@acme.example".to_owned(), "nobody".to_owned(), "%".to_owned(), "x".repeat(2_000)]);
        app.worked().await;
        submit(&app, "warm", PASSWORD, false).await;
        store::testing::watch_statements(app.org.id);
        for route in web::declared() {
            if matches!(route.needs, Needs::Permission(_)) || route.method != Method::POST {
                continue;
            }
            let Some(field) = names_somebody(&route) else { continue };
            let path = route.path.replace("{slug}", "acme");
            let mut first = None;
            for name in &names {
                store::testing::take_statements(app.org.id);
                let fields = form(&[(field, name), ("password", "wrong-canyon-harbor")]);
                app.send(form_request(&path, "", &fields)).await;
                let ran = store::testing::take_statements(app.org.id);
                assert_eq!(&ran, first.get_or_insert_with(|| ran.clone()), "{path}, {name}");
            }
            // The search for an organization is about none.
            assert!(route.needs == Needs::Nothing || !first.unwrap().is_empty(), "{path}");
        }
    }

    /// A link that was never made, and one that has ended, differ in what is said of them alone.
    async fn links_that_open_nothing_cost_the_same(app: TestApp) {
        use_first(&app, &app.router, &app.owner.token).await;
        let ana = app.person("Ana", Role::Member).await;
        let made = crate::rescue::links_of_all_purposes(&app, &ana).await;
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "left"})).await.expect(200);
        let never = model::session::Secret::of([9; 32]).reveal();
        store::testing::watch_statements(app.org.id);
        for route in web::declared() {
            if matches!(route.needs, Needs::Permission(_)) || !route.path.contains("{name}") || route.path.starts_with("/demo") || route.path.starts_with("/setup") {
                continue;
            }
            let purpose = Purpose::ALL.iter().position(|purpose| route.path.contains(&format!("/{}/", purpose.path())));
            let ended = &made[purpose.unwrap_or_else(|| panic!("{}: whose link is this?", route.path))];
            let ask = async |secret: &str| {
                store::testing::take_statements(app.org.id);
                let path = route.path.replace("{slug}", "acme").replace("{name}", secret);
                let fields = form(&[("new_password", "another-canyon-harbor"), ("repeat_password", "another-canyon-harbor"), ("password", "another-canyon-harbor")]);
                let request = if route.method == Method::POST {
                    form_request(&path, "", &fields)
                } else {
                    Request::get(&path).body(Body::empty()).unwrap()
                };
                let status = app.send(request).await.status;
                // Whose address it is stands in a cache, which a node that is kept waiting does not believe for a moment.
                let mut statements = store::testing::take_statements(app.org.id);
                statements.retain(|statement| !statement.starts_with("SELECT o.id, s.slug,"));
                (status, statements)
            };
            let ((unknown, first), (gone, second)) = (ask(&never).await, ask(ended).await);
            assert_eq!(first, second, "{} {}: {unknown} and {gone}", route.method, route.path);
        }
    }
}
