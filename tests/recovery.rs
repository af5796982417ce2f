//! Getting back in: the forgotten password, the administrator's link, unlocking by mail, the forgotten organization; and
//! what people are told about their accounts.
//!
//! The address of one's own is `addresses.rs`; what holds for every link is `one_time_links.rs`.

use std::time::Duration;

use ::app::mail::Letter;
use axum::http::{Method, StatusCode};
use model::{Role, mail::MailKind};
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, Somebody, TestApp, form, form_request},
    matrix::{browser, without_request_id},
    signin::{holds, page, submit},
};

const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const NEW: &str = "lantern-opera-forest";

/// The secret of the link of a purpose in a mail.
pub(crate) fn secret_in(letter: &Letter, path: &str) -> String {
    let start = format!("http://localhost:8080/o/acme/{path}/");
    let (_, rest) = letter.text.split_once(&start).unwrap_or_else(|| panic!("no link in {}", letter.text));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Posts a form of somebody who is not signed in.
pub(crate) async fn post(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    app.later(Duration::from_millis(1));
    app.send(form_request(path, "", &form(fields))).await
}

/// Asks for a link as somebody who has forgotten the password.
pub(crate) async fn forgot(app: &TestApp, identifier: &str) -> Answer {
    post(app, "/o/acme/forgot-password", &[("identifier", identifier)]).await
}

/// Chooses a new password with a link.
pub(crate) async fn reset(app: &TestApp, secret: &str, password: &str) -> Answer {
    let fields = [("new_password", password), ("repeat_password", password)];
    post(app, &format!("/o/acme/reset-password/{secret}"), &fields).await
}

/// A link for a new password, out of the mail to somebody who has forgotten the old one.
pub(crate) async fn reset_secret(app: &TestApp, somebody: &Somebody) -> String {
    forgot(app, &somebody.email).await.expect(200);
    app.worked().await;
    secret_in(&app.mail_to(&somebody.email).await, "reset-password")
}

/// The subjects of the mails to an address, the newest first.
pub(crate) async fn subjects(app: &TestApp, address: &str) -> Vec<String> {
    let mails = app.worked().await.into_iter().filter(|letter| letter.to == address);
    mails.map(|letter| letter.subject).collect()
}

/// Locks the password by failures from everywhere.
async fn lock_by_failures(app: &TestApp, somebody: &Somebody) {
    for number in 0..20 {
        let attempt = ::app::signin::Attempt {
            identifier: somebody.email.clone(),
            password: "wrong-canyon-harbor".to_owned(),
            remember: false,
            address: format!("203.0.113.{number}"),
            user_agent: "test".to_owned(),
            hints: model::device::ClientHints::default(),
            request_id: "test".to_owned(),
            devices: Vec::new(),
            earlier: None,
        };
        assert!(app.app.sign_in(&app.org, attempt).await.is_err());
    }
}

on_both! {
    async fn a_forgotten_password_is_replaced_through_the_mail(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let before = browser(&app, &app.org, &ana).await;
        page(&app, "/sign-in", "").await.expect(200).text.find("/o/acme/forgot-password").expect("a way back");
        page(&app, "/forgot-password", "").await.expect(200);
        forgot(&app, &ana.username).await.expect(200);
        assert!(app.mails().await.is_empty(), "nothing is sent from the request");
        app.worked().await;
        let letter = app.mail_to(&ana.email).await;
        let secret = secret_in(&letter, "reset-password");
        let read = format!("{}\n\n{}", letter.subject, letter.text.replace(&secret, "SECRET"));
        insta::assert_snapshot!("password_reset_mail", read);
        // Looking changes nothing, however often.
        for _ in 0..3 {
            let shown = page(&app, &format!("/reset-password/{secret}"), "").await.expect(200);
            assert!(shown.text.contains("Ana Person") && shown.text.contains("ana.person"));
        }
        submit(&app, &ana.email, PASSWORD, false).await.expect(303);
        // What is refused uses nothing up.
        let differing = [("new_password", NEW), ("repeat_password", "lantern-opera-forets")];
        post(&app, &format!("/o/acme/reset-password/{secret}"), &differing).await.expect(422);
        reset(&app, &secret, "short").await.expect(422);
        reset(&app, &secret, &ana.email).await.expect(422);
        let done = reset(&app, &secret, NEW).await.expect(303);
        let cookie = done.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(holds(&app, &cookie).await, "signed in");
        assert!(!holds(&app, &before.cookie).await, "all other sessions have ended");
        submit(&app, &ana.email, PASSWORD, false).await.expect(422);
        submit(&app, &ana.email, NEW, false).await.expect(303);
        let again = reset(&app, &secret, PASSWORD).await.expect(410);
        assert!(again.text.contains("Ask for a new link"));
        let events = app.events(&ana.id.to_string()).await;
        for event in ["password.reset_link_sent", "email.verified", "password.reset", "session.started"] {
            assert!(events.iter().any(|known| known == event), "{event}: {events:?}");
        }
        let told = subjects(&app, &ana.email).await;
        assert!(told.iter().any(|subject| subject == "Your password at Acme was changed"), "{told:?}");
    }

    async fn only_whom_it_helps_gets_a_link(app: TestApp) {
        let act = async |id: &str, action: &str, body: Value| {
            app.post(&format!("/users/{id}/{action}"), body).await.expect(200);
        };
        let suspended = app.person("Suse", Role::Member).await;
        act(&suspended.id.to_string(), "suspend", json!({"reason": "left"})).await;
        let locked = app.person("Lola", Role::Member).await;
        act(&locked.id.to_string(), "lock", json!({})).await;
        let gone = app.person("Dora", Role::Member).await;
        act(&gone.id.to_string(), "deprovision", json!({"reason": "left"})).await;
        let invited = app.create("Ina", "Invited", "ina@acme.example").await;
        act(&invited, "activate", json!({})).await;
        app.create("Stan", "Staged", "stan@acme.example").await;
        let robot = json!({"type": "service", "username": "robot", "email": "robot@acme.example", "responsible": app.owner.id});
        app.post("/users", robot).await.expect(201);
        app.worked().await;
        let before = app.mails().await.len();
        let unavailable = vec!["Your account at Acme can't be used at present".to_owned()];
        for (address, expected) in [
            ("suse@acme.example", unavailable.clone()),
            ("lola@acme.example", unavailable.clone()),
            ("stan@acme.example", unavailable),
            ("dora@acme.example", Vec::new()),
            ("robot@acme.example", Vec::new()),
            ("nobody@acme.example", Vec::new()),
        ] {
            forgot(&app, address).await.expect(200);
            assert_eq!(subjects(&app, address).await, expected, "{address}");
        }
        forgot(&app, "ina@acme.example").await.expect(200);
        assert_eq!(subjects(&app, "ina@acme.example").await.len(), 2, "the activation mail once more");
        assert_eq!(app.mails().await.len(), before + 4);
        assert_eq!(app.count("SELECT count(*) FROM links WHERE purpose = 'password_reset'").await, 0);
    }

    /// The request does the same to the database whoever is named, and its answer has the same bytes.
    async fn asking_tells_nobody_who_has_an_account(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let suspended = app.person("Suse", Role::Member).await;
        app.post(&format!("/users/{}/suspend", suspended.id), json!({"reason": "left"})).await.expect(200);
        app.create("Stan", "Staged", "stan@acme.example").await;
        app.post("/users", json!({"type": "service", "username": "robot", "responsible": app.owner.id})).await.expect(201);
        app.worked().await;
        let counted = async || {
            let mut rows = Vec::new();
            for sql in [
                "SELECT count(*) FROM jobs", "SELECT count(*) FROM mails", "SELECT count(*) FROM links",
                "SELECT count(*) FROM audit_entries", "SELECT count(*) FROM invitations", "SELECT CAST(sum(failures) AS bigint) FROM sign_in_failures",
            ] {
                rows.push(app.count(sql).await);
            }
            rows
        };
        forgot(&app, "first").await.expect(200);
        let mut answers = Vec::new();
        for identifier in [ana.email.as_str(), &ana.username, "ANA@ACME.EXAMPLE", "suse@acme.example", "stan@acme.example", "robot", "nobody@acme.example", "", " ", "%", "'; DROP TABLE users; --", "a\u{1}b", &"x".repeat(100_000)] {
            let before = counted().await;
            let answer = forgot(&app, identifier).await;
            let changed: Vec<i64> = counted().await.iter().zip(&before).map(|(now, before)| now - before).collect();
            assert_eq!(changed, [1, 0, 0, 0, 0, 1], "{identifier}: the work is the same");
            let mut headers = answer.headers.clone();
            headers.remove("x-request-id");
            answers.push((answer.status, headers, without_request_id(&answer)));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!(answers[0].0, StatusCode::OK);
    }

    async fn an_account_gets_five_links_an_hour_and_nobody_is_told(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let first = without_request_id(&forgot(&app, &ana.email).await);
        for identifier in [&ana.email, &ana.username, &ana.email, &ana.username, &ana.email, &ana.email, &ana.username] {
            assert_eq!(without_request_id(&forgot(&app, identifier).await), first);
        }
        assert_eq!(subjects(&app, &ana.email).await.len(), 5);
        // Every one of them works: a stranger can't kill the link that somebody is about to use.
        let oldest = app.mails().await.pop().unwrap();
        reset(&app, &secret_in(&oldest, "reset-password"), NEW).await.expect(303);
        app.later(HOUR);
        forgot(&app, &ana.email).await;
        assert_eq!(subjects(&app, &ana.email).await.iter().filter(|subject| subject.starts_with("Choose")).count(), 6);
    }

    async fn one_address_asks_sixty_times_an_hour(app: TestApp) {
        for number in 0..65 {
            forgot(&app, &format!("nobody{number}")).await.expect(200);
        }
        assert_eq!(app.count("SELECT count(*) FROM jobs").await, 60);
    }

    async fn a_reset_link_dies_with_what_it_was_for(app: TestApp) {
        let cases: [(&str, &str, Value); 5] = [
            ("Suse", "suspend", json!({"reason": "left"})),
            ("Lola", "lock", json!({})),
            ("Dora", "deprovision", json!({"reason": "left"})),
            ("Paul", "set-password", json!({"password": "temporary-canyon-harbor"})),
            ("Emil", "", json!({"email": "emil.new@acme.example"})),
        ];
        for (name, action, body) in cases {
            let somebody = app.person(name, Role::Member).await;
            let secret = reset_secret(&app, &somebody).await;
            match action {
                "" => app.patch(&format!("/users/{}", somebody.id), body).await.expect(200),
                action => app.post(&format!("/users/{}/{action}", somebody.id), body).await.expect(200),
            };
            reset(&app, &secret, NEW).await.expect(410);
        }
        let ana = app.person("Ana", Role::Member).await;
        let secret = reset_secret(&app, &ana).await;
        let change = json!({"present_password": PASSWORD, "new_password": NEW});
        app.call(Method::POST, "/account/password", &ana.token, change).await.expect(204);
        reset(&app, &secret, PASSWORD).await.expect(410);
    }

    async fn an_administrator_sends_a_link_to_whom_the_granting_rule_allows(app: TestApp) {
        let (helen, ana, adam) = (app.person("Helen", Role::Helpdesk).await, app.person("Ana", Role::Member).await, app.person("Adam", Role::Administrator).await);
        let send = async |by: &str, id: &str| app.call(Method::POST, &format!("/users/{id}/send-reset-link"), by, json!({})).await;
        send(&helen.token, &ana.id.to_string()).await.expect(200);
        assert_eq!(send(&helen.token, &adam.id.to_string()).await.expect(403).code(), "access.stronger_person");
        send(&ana.token, &helen.id.to_string()).await.expect(403);
        let letter = app.mail_to(&ana.email).await;
        assert!(letter.text.contains("You are asked by Helen Person to choose a new password"), "{}", letter.text);
        reset(&app, &secret_in(&letter, "reset-password"), NEW).await.expect(303);
        // Who was never active gets what begins an account instead.
        let staged = app.create("Stan", "Staged", "stan@acme.example").await;
        assert_eq!(send(&helen.token, &staged).await.expect(403).code(), "forbidden");
        assert_eq!(send(&adam.token, &staged).await.expect(200).json()["state"], "invited");
        app.worked().await;
        assert_eq!(send(&helen.token, &staged).await.expect(200).json()["state"], "invited");
        app.worked().await;
        assert_eq!(subjects(&app, "stan@acme.example").await, ["Your account at Acme is ready", "Your account at Acme is ready"]);
        // Where it would not help, it says what does.
        for (action, body, code) in [("lock", json!({}), "reset.locked"), ("unlock", json!({}), ""), ("suspend", json!({"reason": "left"}), "reset.not_active")] {
            app.post(&format!("/users/{}/{action}", ana.id), body).await.expect(200);
            if !code.is_empty() {
                assert_eq!(send(&helen.token, &ana.id.to_string()).await.expect(409).code(), code);
            }
        }
        let paul = app.person("Paul", Role::Member).await;
        for _ in 0..5 {
            send(&helen.token, &paul.id.to_string()).await.expect(200);
        }
        assert_eq!(send(&helen.token, &paul.id.to_string()).await.expect(429).code(), "reset.too_many");
        let dry = app.call(Method::POST, &format!("/users/{}/send-reset-link?dry_run=true", adam.id), &app.owner.token, json!({})).await;
        dry.expect(200);
        assert!(subjects(&app, &adam.email).await.is_empty());
    }

    async fn a_locked_password_is_unlocked_by_the_mail_about_it(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        lock_by_failures(&app, &ana).await;
        submit(&app, &ana.email, PASSWORD, false).await.expect(422);
        assert_eq!(subjects(&app, &ana.email).await.len(), 1, "one mail for a lock");
        let secret = secret_in(&app.mail_to(&ana.email).await, "unlock");
        page(&app, &format!("/unlock/{secret}"), "").await.expect(200);
        submit(&app, &ana.email, PASSWORD, false).await.expect(422);
        post(&app, &format!("/o/acme/unlock/{secret}"), &[]).await.expect(200);
        submit(&app, &ana.email, PASSWORD, false).await.expect(303);
        post(&app, &format!("/o/acme/unlock/{secret}"), &[]).await.expect(410);
        assert!(app.events(&ana.id.to_string()).await.contains(&"user.password_unlocked".to_owned()));
        // A stranger decides how often it is locked, but not how much mail that makes.
        for _ in 0..8 {
            app.later(HOUR);
            lock_by_failures(&app, &ana).await;
            app.worked().await;
        }
        assert_eq!(subjects(&app, &ana.email).await.len(), 5);
    }

    async fn policy_decides_whether_mail_unlocks(app: TestApp) {
        app.patch("/org", json!({"settings": {"lockout": {"unlock_by_mail": false}}})).await.expect(200);
        let ana = app.person("Ana", Role::Member).await;
        let org = app.app.org("acme").await.unwrap();
        assert!(!org.settings.lockout.unlock_by_mail);
        for number in 0..20 {
            let attempt = ::app::signin::Attempt {
                identifier: ana.email.clone(), password: "wrong-canyon-harbor".to_owned(), remember: false,
                address: format!("203.0.113.{number}"), hints: model::device::ClientHints::default(), user_agent: String::new(), request_id: String::new(), devices: Vec::new(), earlier: None,
            };
            assert!(app.app.sign_in(&org, attempt).await.is_err());
        }
        app.worked().await;
        let letter = app.mail_to(&ana.email).await;
        assert!(letter.subject.contains("locked") && !letter.text.contains("/unlock/"), "{}", letter.text);
    }

    async fn each_organization_says_itself_that_one_has_an_account(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let find = async |email: &str| post(&app, "/find-organization", &[("email", email)]).await.expect(200);
        page(&app, "/sign-in", "").await.expect(200);
        let unproven = without_request_id(&find(&ana.email).await);
        assert!(app.worked().await.is_empty(), "the address is not proven");
        let secret = reset_secret(&app, &ana).await;
        reset(&app, &secret, NEW).await.expect(303);
        app.worked().await;
        assert_eq!(without_request_id(&find(&ana.email.to_uppercase()).await), unproven);
        assert_eq!(without_request_id(&find("nobody@acme.example").await), unproven);
        app.worked().await;
        let letter = app.mail_to(&ana.email).await;
        assert_eq!(letter.subject, "Where to sign in to Acme");
        assert!(letter.text.contains("http://localhost:8080/o/acme/") && letter.text.contains("ana.person"));
    }

    async fn people_are_told_what_was_done_to_their_accounts(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        assert!(app.worked().await.is_empty(), "creating tells nobody");
        app.post(&format!("/users/{}/set-password", ana.id), json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        let letter = app.mail_to(&ana.email).await;
        assert!(letter.text.contains("by Olivia Owner"), "{}", letter.text);
        reset(&app, &secret_in(&letter, "reset-password"), NEW).await.expect(303);
        assert!(!app.mail_to(&ana.email).await.text.contains(" UTC by "), "done by oneself");
        let roles = format!("/users/{}/roles", ana.id);
        app.post(&roles, json!({"role": "administrator"})).await.expect(200);
        let letter = app.mail_to(&ana.email).await;
        assert_eq!(letter.subject, "You are now an Administrator of Acme");
        let told = app.mails().await.len();
        app.post(&roles, json!({"role": "administrator"})).await.expect(200);
        app.post(&roles, json!({"role": "auditor"})).await.expect(200);
        assert_eq!(app.mails().await.len(), told, "nothing new, and no administrator's role");
        // Owners hear of owners, and the new one of the role.
        app.post(&roles, json!({"role": "owner"})).await.expect(200);
        assert!(app.mail_to(&app.owner.email).await.text.contains("Ana Person is an owner now (Olivia Owner"));
        assert_eq!(app.mail_to(&ana.email).await.subject, "You are now an Owner of Acme");
        app.call(Method::DELETE, &format!("{roles}/owner"), &app.owner.token, Value::Null).await.expect(200);
        assert!(app.mail_to(&app.owner.email).await.text.contains("Ana Person is no longer an owner"));
    }

    async fn notices_that_guard_nothing_can_be_switched_off(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let set = async |kinds: Value| app.call(Method::PUT, "/account/notices", &ana.token, json!({"muted": kinds})).await;
        for kind in MailKind::ALL {
            let answer = set(json!([kind.as_str()])).await;
            assert_eq!(answer.status == StatusCode::NO_CONTENT, MailKind::OPTIONAL.contains(kind), "{kind}: {}", answer.text);
        }
        set(json!(["made_administrator"])).await.expect(204);
        set(json!(["nonsense"])).await.expect(422);
        let shown = app.call(Method::GET, "/account/notices", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!(shown, json!({"muted": ["made_administrator"]}));
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "administrator"})).await.expect(200);
        assert!(subjects(&app, &ana.email).await.is_empty());
        set(json!([])).await.expect(204);
        app.post(&format!("/users/{}/roles", ana.id), json!({"role": "security_administrator"})).await.expect(200);
        assert_eq!(subjects(&app, &ana.email).await, ["You are now a Security administrator of Acme"]);
    }
}
