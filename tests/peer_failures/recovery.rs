//! Ways back in that led strangers in: mail that went where it was told to, links that opened more than they were for,
//! and answers that told who has an account.
//!
//! The links built from a request's host (Zitadel CVE-2023-49097 and three more) are in `mail_links.rs`, on every route
//! that mails.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use futures_util::future::join_all;
use model::{Role, link::Purpose};
use serde_json::{Value, json};

use crate::{
    addresses::{confirm, verification},
    app::{Answer, PASSWORD, TestApp, form_request},
    matrix::without_request_id,
    recovery::{NEW, forgot, post, reset, reset_secret, secret_in},
    signin::submit,
};

async fn posted(app: &TestApp, path: &str, content_type: &str, body: &str) -> Answer {
    app.later(Duration::from_millis(1));
    let request = Request::post(path).header(header::CONTENT_TYPE, content_type);
    app.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

on_both! {
    /// A list of addresses: the reset mail went to the second one too.
    async fn gitlab_cve_2023_7028_mail_goes_to_the_stored_address_alone(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let urlencoded = "application/x-www-form-urlencoded";
        let mut answers = Vec::new();
        for body in [
            "identifier=ana%40acme.example&identifier=thief%40evil.example",
            "identifier=thief%40evil.example&identifier=ana%40acme.example",
            "identifier[]=ana%40acme.example&identifier[]=thief%40evil.example",
            "identifier=ana%40acme.example%2Cthief%40evil.example",
            "identifier=ana%40acme.example%0Athief%40evil.example",
            "identifier=ana%40acme.example&email=thief%40evil.example&address=thief%40evil.example",
            "identifier=ana%40acme.example%00thief%40evil.example",
            "",
        ] {
            answers.push(posted(&app, "/o/acme/forgot-password", urlencoded, body).await);
        }
        for body in [json!({"identifier": [ana.email, "thief@evil.example"]}), json!({"identifier": {"email": "thief@evil.example"}}), json!({"identifier": null})] {
            answers.push(posted(&app, "/o/acme/forgot-password", "application/json", &body.to_string()).await);
        }
        assert!(answers.iter().all(|answer| !answer.status.is_server_error()));
        for body in [json!({"email": [ana.email, "thief@evil.example"], "present_password": PASSWORD}), json!({"email": {"a": "thief@evil.example"}, "present_password": PASSWORD}), json!({"email": null, "present_password": PASSWORD})] {
            app.call(Method::POST, "/account/email", &ana.token, body).await.expect(422);
        }
        let extra = json!({"email": "thief@evil.example", "to": "thief@evil.example"});
        app.post(&format!("/users/{}/send-reset-link", ana.id), extra).await.expect(422);
        let mails = app.worked().await;
        assert!(!mails.is_empty() && mails.iter().all(|letter| letter.to == "ana@acme.example"));
    }

    /// A look-alike address was found as somebody's and written to.
    async fn django_cve_2019_19844_a_look_alike_is_nobody(app: TestApp) {
        let mike = app.person("Mike", Role::Member).await;
        for alike in ["mıke@acme.example", "mike@acme.exampl\u{435}", "m\u{456}ke@acme.example", "mike@acm\u{435}.example", "mike@acme.example.evil.example", "miKe\u{301}@acme.example"] {
            forgot(&app, alike).await.expect(200);
        }
        assert!(app.worked().await.is_empty());
        // What is the same address in another spelling leads to the stored one.
        for same in ["MIKE@ACME.EXAMPLE", "mi\u{212a}e@acme.example", "\u{ff4d}ike@acme.example", "mi\u{307}ke@acme.example", "mi\u{200b}ke@acme.example"] {
            forgot(&app, same).await.expect(200);
        }
        let mails = app.worked().await;
        assert!(!mails.is_empty() && mails.iter().all(|letter| letter.to == mike.email));
        // And nobody can hold an address beside it that would be found instead.
        for (number, alike) in ["MIKE@acme.example", "mi\u{212a}e@acme.example", "mi\u{200b}ke@acme.example"].iter().enumerate() {
            let new = json!({"given_name": format!("Thief{number}"), "email": alike});
            app.post("/users", new).await.expect(409);
        }
    }

    /// Somebody marked the own address as verified by an update.
    async fn zitadel_cve_2026_27946_nobody_verifies_oneself_by_an_update(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for body in [json!({"email_verified": true}), json!({"email": "new@acme.example"}), json!({"email": "new@acme.example", "email_verified": true}), json!({"status": "active", "state": "active"}), json!({"roles": ["owner"]}), json!({"valid_until": null}), json!({"username": "olivia.owner"})] {
            let answer = app.call(Method::PATCH, "/account", &ana.token, body.clone()).await;
            assert!(matches!(answer.status.as_u16(), 403 | 422), "{body}: {}", answer.text);
        }
        let own = app.call(Method::GET, "/account/email", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!((&own["email"], &own["verified"]), (&json!("ana@acme.example"), &json!(false)));
        // An administrator neither: only mail proves.
        for path in ["/users".to_owned(), format!("/users/{}", ana.id)] {
            let method = if path == "/users" { Method::POST } else { Method::PATCH };
            let body = json!({"given_name": "Eve", "email": "eve@acme.example", "email_verified": true});
            app.call(method, &path, &app.owner.token, body).await.expect(422);
        }
    }

    /// A proof of one address verified another one, or another account's.
    async fn keycloak_cve_2026_9087_a_proof_is_for_one_user_and_one_address(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let thiefs = verification(&app, &bo, "ana.wish@acme.example").await;
        let anas = verification(&app, &ana, "ana.other@acme.example").await;
        confirm(&app, &thiefs).await.expect(200);
        let email = async |who: &crate::app::Somebody| app.get(&format!("/users/{}", who.id)).await.json()["email"].clone();
        assert_eq!((email(&ana).await, email(&bo).await), (json!("ana@acme.example"), json!("ana.wish@acme.example")));
        // The address changes below an open proof: it proves nothing any more.
        app.patch(&format!("/users/{}", ana.id), json!({"email": "ana.third@acme.example"})).await.expect(200);
        confirm(&app, &anas).await.expect(410);
        let shown = app.get(&format!("/users/{}", ana.id)).await.json();
        assert_eq!((&shown["email"], &shown["email_verified"]), (&json!("ana.third@acme.example"), &json!(false)));
        // Fields beside the link decide nothing.
        let secret = verification(&app, &ana, "ana.fourth@acme.example").await;
        let fields = [("email", "thief@evil.example"), ("user", "olivia"), ("address", "thief@evil.example")];
        post(&app, &format!("/o/acme/verify-email/{secret}"), &fields).await.expect(200);
        assert_eq!(email(&ana).await, "ana.fourth@acme.example");
    }

    /// A one-time token could be used again.
    async fn zitadel_cve_2025_46815_no_link_is_good_twice(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let secret = reset_secret(&app, &ana).await;
        let answers = join_all((0..32).map(|_| reset(&app, &secret, NEW))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::SEE_OTHER).count(), 1);
        app.later(Duration::from_secs(60));
        reset(&app, &secret, PASSWORD).await.expect(410);
        submit(&app, &ana.email, NEW, false).await.expect(303);
    }

    /// Other words, other times, for who has an account; the request waited for the mail server.
    async fn keycloak_cve_2026_4633_asking_waits_for_nobody(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let known = without_request_id(&forgot(&app, &ana.email).await.expect(200));
        // Nothing but the note has been written: whatever takes time comes later, without anybody waiting for it.
        assert_eq!(app.count("SELECT count(*) FROM mails").await, 0);
        assert_eq!(app.count("SELECT count(*) FROM jobs").await, 1);
        for nobody in ["nobody@acme.example", "", " "] {
            assert_eq!(without_request_id(&forgot(&app, nobody).await.expect(200)), known);
        }
        assert_eq!(app.count("SELECT count(*) FROM jobs").await, 4);
    }

    /// The reset of an account by its id answered "not found" for nobody.
    async fn zitadel_cve_2024_41952_an_id_is_no_name(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let unknown = without_request_id(&forgot(&app, "nobody@acme.example").await.expect(200));
        for identifier in [ana.id.to_string(), "01a1f78e-44c2-7000-8000-000000000000".to_owned()] {
            assert_eq!(without_request_id(&forgot(&app, &identifier).await.expect(200)), unknown);
        }
        assert!(app.worked().await.is_empty());
    }

    /// Codes could be tried without end. Here a code has 256 bits, and trying is slowed down all the same.
    async fn zitadel_cve_2025_64102_guessing_links_is_limited(app: TestApp) {
        let options = web::Options { sign_ins_per_minute: 10, ..web::Options::new("http://localhost:8080") };
        let router = web::router(options, app.app.clone());
        for purpose in [Purpose::PasswordReset, Purpose::EmailVerification, Purpose::EmailUndo, Purpose::Unlock] {
            let route = format!("/o/{{slug}}/{}/{{name}}", purpose.path());
            let declared = web::declared().into_iter().find(|declared| declared.path == route && declared.method == Method::POST);
            assert_eq!(declared.unwrap().rate, web::Rate::Limited, "{purpose}");
        }
        let mut refused = 0;
        for number in 0..20 {
            let secret = format!("{number:0>43}");
            let answer = crate::app::send(&router, form_request(&format!("/o/acme/reset-password/{secret}"), "", "new_password=x&repeat_password=x")).await;
            refused += u32::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
        }
        assert!(refused >= 9, "{refused}");
    }

    /// A link that had been sent went on after the account was disabled.
    async fn zitadel_cve_2023_22492_links_end_with_the_account(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (secret, proof) = (reset_secret(&app, &ana).await, verification(&app, &ana, "new@acme.example").await);
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "security"})).await.expect(200);
        reset(&app, &secret, NEW).await.expect(410);
        confirm(&app, &proof).await.expect(410);
        app.post(&format!("/users/{}/reactivate", ana.id), json!({})).await.expect(200);
        reset(&app, &secret, NEW).await.expect(410);
        confirm(&app, &proof).await.expect(410);
        let again = { forgot(&app, &ana.email).await; app.worked().await; secret_in(&app.mail_to(&ana.email).await, "reset-password") };
        reset(&app, &again, NEW).await.expect(303);
    }
}
