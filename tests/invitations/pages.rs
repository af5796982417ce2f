//! What somebody sees behind the link of an invitation, and what may be sent there.

use std::time::Duration;

use axum::{body::Body, http::Request};
use model::Role;
use serde_json::{Value, json};

use super::{
    secret_in,
    tokens::{KINDS, letters_to, linked, look, press, state},
};
use crate::{
    app::{PASSWORD, TestApp, form, form_request},
    matrix::without_request_id,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

on_both! {
    async fn it_says_who_invites_to_what_until_when(app: TestApp) {
        let body = json!({"email": "ana@acme.example", "message": "See you on Monday.\n<b>", "expires_in_hours": 48});
        app.post("/invitations", body).await.expect(201);
        let secret = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        let page = look(&app, "invitation", &secret).await.expect(200);
        for words in ["Join Acme", "Olivia Owner has invited you", "See you on Monday.", "&#60;b&#62;", "22 November 2026, 08:00 UTC", "ana@acme.example", "Given name"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert_eq!(page.headers["cache-control"], "no-store");
    }

    /// Programs that look through mail fetch pages and what is in them; only a person types.
    async fn fetching_the_page_is_not_opening_it(app: TestApp) {
        let opened = async || app.get("/invitations").await.json()["items"][0]["opened_at"].clone();
        for purpose in ["invitation", "activation"] {
            let address = format!("{purpose}@acme.example");
            let (_, secret) = linked(&app, purpose, &address).await;
            for _ in 0..3 {
                look(&app, purpose, &secret).await.expect(200);
            }
            let mut head = Request::head(format!("/o/acme/{purpose}/{secret}")).body(Body::empty()).unwrap();
            head.headers_mut().insert("purpose", "prefetch".parse().unwrap());
            app.send(head).await.expect(200);
            assert_eq!(opened().await, Value::Null, "{purpose}");
            app.send(form_request(&format!("/o/acme/{purpose}/{secret}/begun"), "", "")).await.expect(204);
            assert!(opened().await.is_string(), "{purpose}");
            press(&app, purpose, &secret).await.expect(303);
        }
        let (_, secret) = linked(&app, "invitation", "ina@acme.example").await;
        let wrong = form(&[("given_name", "Ina"), ("password", PASSWORD), ("repeat_password", "other")]);
        app.send(form_request(&format!("/o/acme/invitation/{secret}"), "", &wrong)).await.expect(422);
        assert!(opened().await.is_string(), "who sends the form has opened it");
        // What is no link, but could be one, is answered alike.
        app.send(form_request(&format!("/o/acme/invitation/{}/begun", "A".repeat(43)), "", "")).await.expect(204);
    }

    async fn a_refused_password_costs_nothing_else_that_was_typed(app: TestApp) {
        let (user, secret) = linked(&app, "invitation", "ana@acme.example").await;
        let path = format!("/o/acme/invitation/{secret}");
        for (password, again, words) in [("short", "short", "12"), (PASSWORD, "other", "not what you typed above"), ("", "", "password")] {
            let fields = form(&[("given_name", "Zoë"), ("family_name", "Ruiz"), ("password", password), ("repeat_password", again)]);
            let page = app.send(form_request(&path, "", &fields)).await.expect(422);
            assert!(page.text.contains("value=\"Zoë\"") && page.text.contains("value=\"Ruiz\""), "{}", page.text);
            assert!(page.text.contains(words) && !page.text.contains("value=\"short\""), "{}", page.text);
        }
        let nameless = form(&[("password", PASSWORD), ("repeat_password", PASSWORD)]);
        app.send(form_request(&path, "", &nameless)).await.expect(422);
        assert_eq!(state(&app, user).await, "invited");
        press(&app, "invitation", &secret).await.expect(303);
    }

    /// Whoever has a record with a name is not asked for one, and can't change it in passing.
    async fn a_known_name_stays(app: TestApp) {
        let (user, secret) = linked(&app, "activation", "ana@acme.example").await;
        let page = look(&app, "activation", &secret).await.expect(200);
        assert!(page.text.contains("Your account is ready") && !page.text.contains("Given name"), "{}", page.text);
        let fields = form(&[("given_name", "Mallory"), ("password", PASSWORD), ("repeat_password", PASSWORD)]);
        app.send(form_request(&format!("/o/acme/activation/{secret}"), "", &fields)).await.expect(303);
        assert_eq!(app.get(&format!("/users/{user}")).await.json()["given_name"], "Ana");
    }

    async fn links_that_were_never_any_look_alike(app: TestApp) {
        let (_, used) = linked(&app, "invitation", "ana@acme.example").await;
        press(&app, "invitation", &used).await.expect(303);
        let mut seen = Vec::new();
        for secret in ["x", "auditor", &"A".repeat(43), &"b".repeat(43), &"A".repeat(2000), "..%2f..%2fetc"] {
            for kind in KINDS {
                let page = look(&app, kind, secret).await.expect(404);
                seen.push(without_request_id(&page));
                let pressed = press(&app, kind, secret).await.expect(404);
                seen.push(without_request_id(&pressed));
            }
        }
        assert!(seen.iter().all(|page| *page == seen[0]), "{seen:?}");
    }

    async fn an_expired_link_brings_a_new_one_to_the_stored_address(app: TestApp) {
        for kind in KINDS {
            let email = format!("{kind}@acme.example");
            let (user, secret) = linked(&app, kind, &email).await;
            let renew = async |secret: &str| {
                app.send(form_request(&format!("/o/acme/{kind}/{secret}/renew"), "", "email=evil@evil.example")).await.expect(200)
            };
            let before = without_request_id(&renew(&secret).await);
            assert_eq!(letters_to(&app, &email).await.len(), 1, "it has not expired");
            app.later(7 * DAY);
            let page = look(&app, kind, &secret).await.expect(410);
            assert!(page.text.contains("Send me a new link") && page.text.contains(&format!("/o/acme/{kind}/{secret}/renew")), "{}", page.text);
            let after = without_request_id(&renew(&secret).await);
            assert!(before == after, "the answer says nothing");
            let unknown = format!("/o/acme/{kind}/unknown/renew");
            app.send(form_request(&unknown, "", "")).await.expect(404);
            let letters = letters_to(&app, &email).await;
            assert_eq!(letters.len(), 2);
            assert!(app.mails().await.iter().all(|letter| letter.to != "evil@evil.example"));
            // A second press of the same button: a newer link is out already.
            renew(&secret).await;
            assert_eq!(letters_to(&app, &email).await.len(), 2);
            press(&app, kind, &secret_in(&letters[0], kind)).await.expect(303);
            assert_eq!(state(&app, user).await, "active");
            app.later(7 * DAY);
            renew(&secret).await;
            assert_eq!(letters_to(&app, &email).await.len(), 2, "nobody is invited any more");
        }
    }

    async fn renewing_keeps_to_the_days_limit(app: TestApp) {
        app.post("/invitations", json!({"email": "ana@acme.example", "expires_in_hours": 1})).await.expect(201);
        for sent in 1..=8 {
            let letters = letters_to(&app, "ana@acme.example").await;
            assert_eq!(letters.len(), sent.min(6));
            app.later(Duration::from_secs(3600));
            let secret = secret_in(&letters[0], "invitation");
            app.send(form_request(&format!("/o/acme/invitation/{secret}/renew"), "", "")).await.expect(200);
        }
    }

    /// Browsers that say nothing of where a form comes from are let in here: the address is the proof. Other sites are not.
    async fn forms_of_other_sites_are_refused(app: TestApp) {
        let (_, secret) = linked(&app, "invitation", "ana@acme.example").await;
        let path = format!("/o/acme/invitation/{secret}");
        let fields = form(&[("given_name", "A"), ("password", PASSWORD), ("repeat_password", PASSWORD)]);
        let send = async |headers: &[(&'static str, &'static str)]| {
            let mut request = Request::post(&path).header("content-type", "application/x-www-form-urlencoded").header("host", "localhost:8080");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            app.send(request.body(Body::from(fields.clone())).unwrap()).await
        };
        send(&[("sec-fetch-site", "cross-site"), ("origin", "null")]).await.expect(403);
        send(&[("origin", "https://evil.example")]).await.expect(403);
        send(&[("origin", "null")]).await.expect(303);
    }

    /// Whose account begins later has a password from now on, and comes in when it begins.
    async fn an_account_that_begins_later_is_not_signed_in_yet(app: TestApp) {
        app.post("/invitations", json!({"email": "ana@acme.example", "valid_from": "2026-12-01T08:00:00Z"})).await.expect(201);
        let secret = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        let page = press(&app, "invitation", &secret).await.expect(200);
        assert!(page.text.contains("Welcome to Acme") && page.headers.get("set-cookie").is_none(), "{}", page.text);
        assert!(app.sign_in("ana@acme.example", PASSWORD).await.is_err());
        app.later(11 * DAY);
        app.sign_in("ana@acme.example", PASSWORD).await.unwrap();
    }

    async fn the_console_invites_many_and_loses_nothing(app: TestApp) {
        app.person("Taken", Role::Member).await;
        linked(&app, "invitation", "before@acme.example").await;
        let browser = crate::matrix::browser(&app, &app.org, &app.owner).await;
        let text = "a@acme.example, Bo Okafor <b@acme.example>\nTaken@acme.example; before@acme.example\nnot an address\nA@acme.example";
        let fields = form(&[("csrf", &browser.csrf), ("addresses", text), ("expires_in_hours", "72"), ("message", "Hello")]);
        let page = app.send(form_request("/o/acme/invitations/new", &browser.cookie, &fields)).await.expect(200);
        for words in ["2 people were invited, 4 not", "There already", "Invited before", "Send again", "Twice in the list", ">Taken@acme.example\nbefore@acme.example\nnot an address\nA@acme.example</textarea>", ">Hello</textarea>"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let bo = app.get("/users?search=b@acme.example").await.json();
        assert_eq!(bo["items"][0]["display_name"], "Bo Okafor");
        let all = form(&[("csrf", &browser.csrf), ("addresses", "c@acme.example"), ("expires_in_hours", "9999")]);
        let page = app.send(form_request("/o/acme/invitations/new", &browser.cookie, &all)).await.expect(422);
        assert!(page.text.contains("1 hour to 90 days") && page.text.contains(">c@acme.example</textarea>"), "{}", page.text);
        let nobody = form(&[("csrf", &browser.csrf), ("addresses", " ,\n"), ("expires_in_hours", "72")]);
        app.send(form_request("/o/acme/invitations/new", &browser.cookie, &nobody)).await.expect(422);
    }
}
