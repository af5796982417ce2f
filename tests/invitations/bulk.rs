//! Many invitations at once: each with its own verdict, and nothing done twice.

use std::time::Duration;

use axum::http::{Method, Request};
use model::Role;
use serde_json::{Value, json};

use super::{
    invite,
    tokens::{invitation_of, letters_to, linked},
};
use crate::app::{Answer, TestApp, form, form_request};

async fn batch(app: &TestApp, query: &str, key: Option<&str>, body: &Value) -> Answer {
    let mut request = Request::post(format!("/o/acme/api/v1/invitations/batch{query}"))
        .header("authorization", format!("Bearer {}", app.owner.token))
        .header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    app.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await
}

on_both! {
    async fn each_address_has_its_own_verdict(app: TestApp) {
        app.person("Taken", Role::Member).await;
        linked(&app, "invitation", "before@acme.example").await;
        let list = json!({"invitations": [
            {"email": "a@acme.example", "roles": ["auditor"]}, {"email": "taken@acme.example"}, {"email": "before@acme.example"}, {"email": "no"},
            {"email": "A@acme.example"}, {"email": "b@acme.example", "nonsense": 1}, {"email": "c@acme.example", "roles": ["emperor"]}, {"email": "d@acme.example"},
        ]});
        let dry = batch(&app, "?dry_run=true", None, &list).await.expect(200).json();
        let done = batch(&app, "", None, &list).await.expect(200).json();
        let codes = |answer: &Value| answer["verdicts"].as_array().unwrap().iter().map(|verdict| verdict["code"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>();
        assert_eq!(codes(&done), ["-", "user.exists", "invitation.exists", "invalid", "invitation.twice", "invalid", "invalid", "-"]);
        assert_eq!(codes(&dry), codes(&done), "looking first says what will be");
        assert_eq!((&done["invited"], &done["refused"]), (&json!(2), &json!(6)));
        assert!(done["verdicts"][2]["existing"].is_string());
        assert_eq!(letters_to(&app, "a@acme.example").await.len(), 1);
        let too_many: Vec<Value> = (0..501).map(|number| json!({"email": format!("p{number}@acme.example")})).collect();
        batch(&app, "", None, &json!({"invitations": too_many})).await.expect(422);
    }

    async fn the_same_list_with_the_same_key_is_done_once(app: TestApp) {
        let list: Vec<Value> = (0..40).map(|number| json!({"email": format!("p{number}@acme.example")})).collect();
        let list = json!({"invitations": list});
        let first = batch(&app, "", Some("monday"), &list).await.expect(200).json();
        let second = batch(&app, "", Some("monday"), &list).await.expect(200).json();
        assert_eq!((&first["invited"], &first), (&json!(40), &second));
        let third = batch(&app, "", None, &list).await.expect(200).json();
        assert_eq!(third["invited"], 0);
        assert_eq!(app.mails().await.len(), 40);
    }

    async fn what_has_expired_is_sent_again_at_once(app: TestApp) {
        for number in 0..60 {
            invite(&app, &format!("p{number}@acme.example"), None).await;
        }
        assert_eq!(app.mails().await.len(), 60);
        app.later(Duration::from_secs(7 * 24 * 3600));
        let pending = invite(&app, "young@acme.example", None).await;
        let browser = crate::matrix::browser(&app, &app.org, &app.owner).await;
        let question = app.send(Request::get("/o/acme/invitations/resend").header("cookie", &browser.cookie).body(axum::body::Body::empty()).unwrap()).await.expect(200);
        assert!(question.text.contains("Resend 60 expired invitations?"), "{}", question.text);
        let path = "/o/acme/invitations/resend?all=yes";
        let uncounted = form(&[("csrf", &browser.csrf)]);
        app.send(form_request(path, &browser.cookie, &uncounted)).await.expect(422);
        let counted = form(&[("csrf", &browser.csrf), ("count", "60")]);
        let page = app.send(form_request(path, &browser.cookie, &counted)).await.expect(200);
        assert!(page.text.contains("60 invitations were sent again."), "{}", page.text);
        assert_eq!(letters_to(&app, "p59@acme.example").await.len(), 2);
        assert_eq!(letters_to(&app, "young@acme.example").await.len(), 1);
        let none = app.post("/invitations/resend", json!({})).await.expect(200).json();
        assert_eq!(none, json!({"sent": 0, "refused": [], "expired_left": 0}));
        // Chosen ones, whatever has become of them, each for itself.
        let ids = json!({"ids": [invitation_of(&app, pending).await, crate::matrix::NEVER]});
        let chosen = app.post("/invitations/resend", ids).await.expect(200).json();
        assert_eq!((&chosen["sent"], &chosen["refused"][0]["code"]), (&json!(1), &json!("not_found")));
    }

    /// A helpdesk sends again what is not above it, and invites nobody.
    async fn nobody_sends_what_is_above_him(app: TestApp) {
        let helpdesk = app.person("Hel", Role::Helpdesk).await;
        app.post("/invitations", json!({"email": "boss@acme.example", "roles": ["administrator"], "expires_in_hours": 1})).await.expect(201);
        app.post("/invitations", json!({"email": "ana@acme.example", "expires_in_hours": 1})).await.expect(201);
        app.later(Duration::from_secs(3600));
        let many = app.call(Method::POST, "/invitations/resend", &helpdesk.token, json!({})).await.expect(200).json();
        assert_eq!((&many["sent"], &many["refused"][0]["code"], &many["expired_left"]), (&json!(1), &json!("access.stronger_person"), &json!(1)));
        app.call(Method::POST, "/invitations", &helpdesk.token, json!({"email": "x@acme.example"})).await.expect(403);
        let ana = app.get("/users?search=boss").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        app.call(Method::POST, &format!("/users/{ana}/invite"), &helpdesk.token, json!({})).await.expect(403);
    }
}
