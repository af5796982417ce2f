//! A person's own email address: proven before it changes, taken back by the old one, and what administrators change.

use std::time::Duration;

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, Somebody, TestApp, form, form_request},
    matrix::browser,
    recovery::{NEW, post, reset_secret, secret_in, subjects},
    signin::{holds, page, submit},
};

const HOUR: Duration = Duration::from_secs(3600);

/// Asks for another address, as the person.
pub(crate) async fn ask(app: &TestApp, somebody: &Somebody, wanted: &str) -> Answer {
    let body = json!({"email": wanted, "present_password": PASSWORD});
    app.call(Method::POST, "/account/email", &somebody.token, body).await
}

/// The link that proves an address, out of the mail there.
pub(crate) async fn verification(app: &TestApp, somebody: &Somebody, wanted: &str) -> String {
    ask(app, somebody, wanted).await.expect(200);
    secret_in(&app.mail_to(wanted).await, "verify-email")
}

pub(crate) async fn confirm(app: &TestApp, secret: &str) -> Answer {
    post(app, &format!("/o/acme/verify-email/{secret}"), &[]).await
}

pub(crate) async fn undo(app: &TestApp, secret: &str) -> Answer {
    undo_with(app, secret, NEW).await
}

async fn undo_with(app: &TestApp, secret: &str, password: &str) -> Answer {
    let fields = [("new_password", password), ("repeat_password", password)];
    post(app, &format!("/o/acme/undo-email/{secret}"), &fields).await
}

async fn email(app: &TestApp, somebody: &Somebody) -> Value {
    app.call(Method::GET, "/account/email", &somebody.token, Value::Null).await.expect(200).json()
}

on_both! {
    async fn an_address_changes_once_it_is_proven_and_can_be_taken_back(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        let reset = reset_secret(&app, &ana).await;
        let secret = verification(&app, &ana, "Ana.New@acme.example").await;
        let pending = email(&app, &ana).await;
        assert_eq!((&pending["email"], &pending["pending"]["email"]), (&json!("ana@acme.example"), &json!("Ana.New@acme.example")));
        let shown = page(&app, &format!("/verify-email/{secret}"), "").await.expect(200);
        assert!(shown.text.contains("Ana.New@acme.example") && shown.text.contains("ana.person"));
        assert_eq!(email(&app, &ana).await, pending, "looking changes nothing");
        confirm(&app, &secret).await.expect(200);
        assert_eq!(email(&app, &ana).await, json!({"email": "Ana.New@acme.example", "verified": true, "pending": null}));
        assert!(holds(&app, &session.cookie).await, "sessions stay");
        crate::recovery::reset(&app, &reset, NEW).await.expect(410);
        confirm(&app, &secret).await.expect(410);
        // The old address has the way back, and nobody else may take it meanwhile.
        let letter = app.mail_to("ana@acme.example").await;
        let back = secret_in(&letter, "undo-email");
        let read = format!("{}\n\n{}", letter.subject, letter.text.replace(&back, "SECRET"));
        insta::assert_snapshot!("email_changed_mail", read);
        let taken = app.post("/users", json!({"given_name": "Eve", "email": "ANA@acme.example"})).await.expect(409);
        assert_eq!(taken.code(), "email.taken");
        let eve = app.create("Eve", "Other", "eve@acme.example").await;
        assert_eq!(app.patch(&format!("/users/{eve}"), json!({"email": "ana@acme.example"})).await.expect(409).code(), "email.taken");
        undo(&app, &back).await.expect(303);
        let person = app.get(&format!("/users/{}", ana.id)).await.json();
        assert_eq!((&person["email"], &person["email_verified"]), (&json!("ana@acme.example"), &json!(true)));
        assert!(!holds(&app, &session.cookie).await, "everybody is signed out");
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(401);
        submit(&app, "ana@acme.example", PASSWORD, false).await.expect(422);
        submit(&app, "ana@acme.example", NEW, false).await.expect(303);
        undo(&app, &back).await.expect(410);
        app.patch(&format!("/users/{eve}"), json!({"email": "ana.new@acme.example"})).await.expect(200);
    }

    async fn an_address_is_kept_for_seventy_two_hours(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let secret = verification(&app, &ana, "ana.new@acme.example").await;
        confirm(&app, &secret).await.expect(200);
        let back = secret_in(&app.mail_to("ana@acme.example").await, "undo-email");
        app.later(72 * HOUR - Duration::from_secs(1));
        let new = json!({"given_name": "Eve", "email": "ana@acme.example"});
        app.post("/users", new.clone()).await.expect(409);
        app.later(Duration::from_secs(1));
        undo(&app, &back).await.expect(410);
        app.post("/users", new).await.expect(201);
    }

    /// Whoever has taken an account over and changes its address twice must not lose the first owner the way back.
    async fn the_oldest_change_can_be_taken_back_whatever_came_later(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for wanted in ["thief@evil.example", "thief.two@evil.example"] {
            let secret = verification(&app, &ana, wanted).await;
            confirm(&app, &secret).await.expect(200);
        }
        let first = secret_in(&app.mail_to("ana@acme.example").await, "undo-email");
        let second = secret_in(&app.mail_to("thief@evil.example").await, "undo-email");
        undo_with(&app, &second, "gravel-orchid-tandem").await.expect(303);
        undo(&app, &first).await.expect(303);
        assert_eq!(app.get(&format!("/users/{}", ana.id)).await.json()["email"], "ana@acme.example");
        // And the other way round the thief's is dead.
        let bo = app.person("Bo", Role::Member).await;
        for wanted in ["thief.three@evil.example", "thief.four@evil.example"] {
            let secret = verification(&app, &bo, wanted).await;
            confirm(&app, &secret).await.expect(200);
        }
        let first = secret_in(&app.mail_to("bo@acme.example").await, "undo-email");
        let second = secret_in(&app.mail_to("thief.three@evil.example").await, "undo-email");
        undo(&app, &first).await.expect(303);
        undo(&app, &second).await.expect(410);
    }

    async fn a_username_that_is_the_email_follows_it(app: TestApp) {
        let body = json!({"given_name": "Ana", "email": "ana@acme.example", "username": "ana@acme.example", "password": {"password": PASSWORD, "must_change": false}});
        let id = app.post("/users", body).await;
        let id = if id.status == 201 { id.json()["id"].as_str().unwrap().to_owned() } else {
            let id = app.person("Ana", Role::Member).await.id.to_string();
            app.patch(&format!("/users/{id}"), json!({"username": "ana@acme.example"})).await.expect(200);
            id
        };
        app.patch(&format!("/users/{id}"), json!({"email": "ana.two@acme.example"})).await.expect(200);
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["username"], "ana.two@acme.example");
        let ana = app.with_token("ana.two@acme.example").await;
        let secret = verification(&app, &ana, "ana.three@acme.example").await;
        confirm(&app, &secret).await.expect(200);
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["username"], "ana.three@acme.example");
        let back = secret_in(&app.mail_to("ana.two@acme.example").await, "undo-email");
        undo(&app, &back).await.expect(303);
        assert_eq!(app.get(&format!("/users/{id}")).await.json()["username"], "ana.two@acme.example");
    }

    async fn what_was_asked_for_is_cancelled_replaced_or_refused(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let wrong = json!({"email": "new@acme.example", "present_password": "wrong-canyon-harbor"});
        assert_eq!(app.call(Method::POST, "/account/email", &ana.token, wrong).await.expect(422).json()["errors"][0]["code"], "password.wrong");
        ask(&app, &ana, "not an address").await.expect(422);
        assert_eq!(ask(&app, &ana, "ANA@acme.example").await.expect(422).json()["errors"][0]["code"], "email.unchanged");
        assert!(app.worked().await.is_empty());
        let first = verification(&app, &ana, "one@acme.example").await;
        let second = verification(&app, &ana, "two@acme.example").await;
        confirm(&app, &first).await.expect(410);
        app.call(Method::DELETE, "/account/email/pending", &ana.token, Value::Null).await.expect(204);
        confirm(&app, &second).await.expect(410);
        assert_eq!(email(&app, &ana).await["pending"], Value::Null);
        app.call(Method::DELETE, "/account/email/pending", &ana.token, Value::Null).await.expect(204);
        for _ in 0..3 {
            ask(&app, &ana, "three@acme.example").await.expect(200);
        }
        assert_eq!(ask(&app, &ana, "three@acme.example").await.expect(429).code(), "email.too_many");
    }

    /// Whose an address is, is told to whoever reads its mail, and to nobody else.
    async fn a_taken_address_is_told_behind_its_link_only(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let free = ask(&app, &ana, "free@acme.example").await.expect(200).json();
        let taken = ask(&app, &ana, &bo.email).await.expect(200).json();
        let shape = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(shape(&free), shape(&taken));
        let secret = secret_in(&app.mail_to(&bo.email).await, "verify-email");
        let refused = confirm(&app, &secret).await.expect(409);
        assert!(refused.text.contains("Another user has this email address"));
        assert_eq!(email(&app, &ana).await["email"], "ana@acme.example");
    }

    async fn ones_present_address_is_proven_by_its_mail(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        assert_eq!(email(&app, &ana).await["verified"], false);
        app.call(Method::POST, "/account/email/verify", &ana.token, json!({})).await.expect(200);
        let secret = secret_in(&app.mail_to(&ana.email).await, "verify-email");
        confirm(&app, &secret).await.expect(200);
        assert_eq!(email(&app, &ana).await, json!({"email": "ana@acme.example", "verified": true, "pending": null}));
        let again = app.call(Method::POST, "/account/email/verify", &ana.token, json!({})).await.expect(409);
        assert_eq!(again.code(), "email.verified_already");
        assert_eq!(subjects(&app, &ana.email).await.len(), 1, "nothing changed, so nothing to undo");
    }

    async fn an_administrators_change_is_told_to_the_old_address(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let secret = verification(&app, &ana, "ana.two@acme.example").await;
        confirm(&app, &secret).await.expect(200);
        let back = secret_in(&app.mail_to("ana@acme.example").await, "undo-email");
        app.patch(&format!("/users/{}", ana.id), json!({"email": "ana.three@acme.example"})).await.expect(200);
        let letter = app.mail_to("ana.two@acme.example").await;
        assert!(letter.text.contains("was changed to ana.three@acme.example by Olivia Owner"), "{}", letter.text);
        let person = app.get(&format!("/users/{}", ana.id)).await.json();
        assert_eq!((&person["email"], &person["email_verified"]), (&json!("ana.three@acme.example"), &json!(false)));
        undo(&app, &back).await.expect(410);
        app.create("Eve", "Other", "ana@acme.example").await;
        let staged = app.create("Stan", "Staged", "stan@acme.example").await;
        app.patch(&format!("/users/{staged}"), json!({"email": "stan.two@acme.example"})).await.expect(200);
        assert!(subjects(&app, "stan@acme.example").await.is_empty(), "nobody uses the account yet");
    }

    async fn the_page_does_what_the_api_does(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        let send = async |path: &str, fields: &[(&str, &str)]| {
            let mut all = vec![("csrf", session.csrf.as_str())];
            all.extend(fields);
            app.send(form_request(&format!("/o/acme/account/email{path}"), &session.cookie, &form(&all))).await
        };
        let first = page(&app, "/account/email", &session.cookie).await.expect(200);
        assert!(first.text.contains("is not confirmed") && first.text.contains("Send verification mail"));
        send("/verify", &[]).await.expect(303);
        send("/cancel", &[]).await.expect(303);
        let refused = send("", &[("email", "new@acme.example"), ("present_password", "wrong")]).await.expect(422);
        assert!(refused.text.contains("new@acme.example") && refused.text.contains("not your present password"));
        send("", &[("email", "new@acme.example"), ("present_password", PASSWORD)]).await.expect(303);
        assert!(page(&app, "/account/email", &session.cookie).await.text.contains("Waiting for you to confirm new@acme.example"));
        send("/notices", &[]).await.expect(303);
        let muted = app.call(Method::GET, "/account/notices", &ana.token, Value::Null).await.json();
        assert_eq!(muted, json!({"muted": ["access_ending", "grant_ending", "made_administrator"]}));
        send("/notices", &[("notices", "made_administrator")]).await.expect(303);
        let muted = app.call(Method::GET, "/account/notices", &ana.token, Value::Null).await.json();
        assert_eq!(muted, json!({"muted": ["access_ending", "grant_ending"]}));
    }
}
