//! Invitations through the API: inviting, looking, sending again, reminding; and what the worker does by itself.

use std::time::Duration;

use axum::http::{Method, Request};
use model::Role;
use serde_json::{Value, json};

use super::{
    invite, secret_in,
    tokens::{invitation_of, letters_to, linked, look, press, state},
};
use crate::app::{Answer, TestApp};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn emails(app: &TestApp, query: &str) -> Vec<String> {
    let list = app.get(&format!("/invitations{query}")).await.expect(200).json();
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["email"].as_str().unwrap().split('@').next().unwrap().to_owned()).collect()
}

on_both! {
    async fn somebody_is_invited_once(app: TestApp) {
        let body = json!({"email": "Ana@acme.example", "roles": ["helpdesk"], "message": "Hello", "valid_until": "2027-01-01T00:00:00Z"});
        let invited = app.post("/invitations", body.clone()).await.expect(201);
        let place = invited.headers["location"].to_str().unwrap().to_owned();
        let id = invited.json()["invitation"].as_str().unwrap().to_owned();
        assert!(place.ends_with(&format!("/invitations/{id}")));
        assert_eq!(invited.json()["user"]["state"], "invited");
        let shown = app.get(&format!("/invitations/{id}")).await.expect(200).json();
        assert_eq!((&shown["status"], &shown["message"], &shown["invited_by_name"]), (&json!("pending"), &json!("Hello"), &json!("Olivia Owner")));
        let again = app.post("/invitations", body).await.expect(409).json();
        assert_eq!((&again["code"], &again["existing"]), (&json!("invitation.exists"), &json!(id)));
        let ted = app.person("Ted", Role::Member).await;
        let taken = app.post("/invitations", json!({"email": "TED@acme.example"})).await.expect(409).json();
        assert_eq!((&taken["code"], &taken["existing"]), (&json!("user.exists"), &json!(ted.id)));
        for (body, field) in [(json!({"email": "x"}), "email"), (json!({}), "email"), (json!({"email": "b@x.example", "expires_in_hours": 0}), "expires_in_hours"), (json!({"email": "b@x.example", "expires_in_hours": 2161}), "expires_in_hours"), (json!({"email": "b@x.example", "state": "active"}), "state"), (json!({"email": ["a@x.example", "b@x.example"]}), "email"), (json!({"email": "b@x.example", "message": "x".repeat(1001)}), "message")] {
            let refused = app.post("/invitations", body.clone()).await.expect(422).json();
            assert!(refused["errors"].to_string().contains(field), "{body}: {refused}");
        }
    }

    async fn a_list_is_found_by_what_one_looks_for(app: TestApp) {
        let mine = app.person("Mia", Role::Administrator).await;
        for (email, hours) in [("soon@acme.example", 24), ("gone@acme.example", 1), ("late@acme.example", 2000), ("done@acme.example", 200), ("back@acme.example", 300)] {
            app.post("/invitations", json!({"email": email, "expires_in_hours": hours})).await.expect(201);
        }
        app.call(Method::POST, "/invitations", &mine.token, json!({"email": "mias@acme.example"})).await.expect(201);
        press(&app, "invitation", &secret_in(&app.mail_to("done@acme.example").await, "invitation")).await.expect(303);
        let back = app.get("/invitations?search=back").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        app.post(&format!("/invitations/{back}/cancel"), json!({})).await.expect(200);
        app.later(Duration::from_secs(3600));
        assert_eq!(emails(&app, "").await, ["mias", "back", "done", "late", "gone", "soon"]);
        assert_eq!(emails(&app, "?status=pending").await, ["soon", "mias", "late"], "what ends next comes first");
        assert_eq!(emails(&app, "?status=expired").await, ["gone"]);
        assert_eq!(emails(&app, "?status=accepted,cancelled").await, ["back", "done"]);
        assert_eq!(emails(&app, "?expires_within_hours=48").await, ["soon"]);
        assert_eq!(emails(&app, "?older_than_days=3").await, Vec::<String>::new());
        assert_eq!(emails(&app, "?invited_by=me").await, ["back", "done", "late", "gone", "soon"]);
        assert_eq!(emails(&app, &format!("?invited_by={}&status=pending", mine.id)).await, ["mias"]);
        assert_eq!(emails(&app, "?search=LATE&status=pending").await, ["late"]);
        app.later(4 * DAY);
        assert_eq!(emails(&app, "?older_than_days=3").await, ["gone", "soon", "mias", "late"]);
        app.get("/invitations?status=active").await.expect(422);
        app.get("/invitations?order=x").await.expect(400);
        // Page by page there and back.
        for query in ["?limit=2", "?limit=2&status=pending,expired"] {
            let first = app.get(&format!("/invitations{query}")).await.json();
            let next = first["next_page_token"].as_str().unwrap();
            let second = app.get(&format!("/invitations{query}&page_token={next}")).await.expect(200).json();
            assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
            let back = second["previous_page_token"].as_str().unwrap();
            let again = app.get(&format!("/invitations{query}&page_token={back}")).await.expect(200).json();
            assert_eq!(first["items"], again["items"]);
        }
    }

    async fn sending_again_replaces_the_link_five_times_a_day(app: TestApp) {
        let user = invite(&app, "ana@acme.example", None).await;
        let id = invitation_of(&app, user).await;
        let mut old = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        for _ in 0..5 {
            app.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(200);
            let new = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
            look(&app, "invitation", &old).await.expect(410);
            look(&app, "invitation", &new).await.expect(200);
            old = new;
        }
        let refused = app.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(429);
        assert_eq!(refused.code(), "invitation.too_many_resends");
        assert!(refused.headers.contains_key("retry-after"));
        app.later(DAY);
        app.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(200);
        press(&app, "invitation", &secret_in(&app.mail_to("ana@acme.example").await, "invitation")).await.expect(303);
        let ended = app.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(409);
        assert_eq!(ended.code(), "invitation.ended");
    }

    async fn reminders_come_by_themselves_with_a_link_that_works(app: TestApp) {
        invite(&app, "ana@acme.example", Some("ana@home.example")).await;
        let first = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        for (days, letters) in [(2, 1), (1, 2), (2, 2), (1, 3)] {
            app.later(days * DAY);
            while app.app.work_once().await.unwrap() > 0 {}
            assert_eq!(letters_to(&app, "ana@acme.example").await.len(), letters, "after {days} more days");
            assert_eq!(letters_to(&app, "ana@home.example").await.len(), letters);
        }
        let last = app.mail_to("ana@acme.example").await;
        assert!(last.subject.starts_with("Your invitation to Acme ends"), "{}", last.subject);
        let reminder = secret_in(&last, "invitation");
        look(&app, "invitation", &first).await.expect(200);
        look(&app, "invitation", &reminder).await.expect(200);
        assert_eq!(app.get("/invitations").await.json()["items"][0]["reminded"], 2);
        press(&app, "invitation", &reminder).await.expect(303);
        press(&app, "invitation", &first).await.expect(410);
    }

    async fn reminders_stop_when_nobody_needs_them(app: TestApp) {
        let accepted = invite(&app, "accepted@acme.example", None).await;
        press(&app, "invitation", &secret_in(&app.mail_to("accepted@acme.example").await, "invitation")).await.expect(303);
        let cancelled = invite(&app, "cancelled@acme.example", None).await;
        app.post(&format!("/invitations/{}/cancel", invitation_of(&app, cancelled).await), json!({})).await.expect(200);
        let resent = invite(&app, "resent@acme.example", None).await;
        let purged = invite(&app, "purged@acme.example", None).await;
        app.mails().await;
        app.later(2 * DAY);
        app.post(&format!("/invitations/{}/resend", invitation_of(&app, resent).await), json!({})).await.expect(200);
        app.post(&format!("/users/{purged}/delete"), json!({"confirm": "purged@acme.example"})).await.expect(200);
        app.post(&format!("/users/{purged}/purge"), json!({"confirm": "purged@acme.example"})).await.expect(200);
        app.later(DAY);
        while app.app.work_once().await.unwrap() > 0 {}
        for (email, letters) in [("accepted", 1), ("cancelled", 1), ("resent", 2), ("purged", 0)] {
            assert!(letters_to(&app, &format!("{email}@acme.example")).await.len() <= letters.max(1), "{email}");
        }
        assert!(app.mails().await.iter().all(|letter| !letter.subject.contains(" ends on ")));
        assert_eq!(state(&app, accepted).await, "active");
        // Switched off in the settings.
        app.patch("/org", json!({"settings": {"invitation": {"remind": false, "lifetime_hours": 240}}})).await.expect(200);
        invite(&app, "quiet@acme.example", None).await;
        app.later(3 * DAY);
        while app.app.work_once().await.unwrap() > 0 {}
        assert_eq!(letters_to(&app, "quiet@acme.example").await.len(), 1);
        assert_eq!(letters_to(&app, "resent@acme.example").await.len(), 2, "off is off for those who were invited before");
    }

    async fn a_reminder_by_hand_counts_as_sending(app: TestApp) {
        let user = invite(&app, "ana@acme.example", None).await;
        let id = invitation_of(&app, user).await;
        let first = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        for _ in 0..5 {
            app.post(&format!("/invitations/{id}/remind"), json!({})).await.expect(200);
        }
        app.post(&format!("/invitations/{id}/remind"), json!({})).await.expect(429);
        app.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(429);
        assert_eq!(letters_to(&app, "ana@acme.example").await.len(), 6);
        look(&app, "invitation", &first).await.expect(200);
        app.later(7 * DAY);
        let late = app.post(&format!("/invitations/{id}/remind"), json!({})).await.expect(409);
        assert_eq!(late.code(), "invitation.expired");
    }

    async fn an_account_is_made_with_a_mail_instead_of_a_password(app: TestApp) {
        for (field, kind) in [("send_activation", "activation"), ("send_invitation", "invitation")] {
            let mut body = json!({"given_name": "Bo", "email": format!("{kind}@acme.example"), "roles": ["auditor"]});
            body[field] = true.into();
            let made = app.post("/users", body.clone()).await.expect(201).json();
            assert_eq!((&made["state"], &made["password"]), (&json!("invited"), &Value::Null));
            let secret = secret_in(&app.mail_to(&format!("{kind}@acme.example")).await, kind);
            press(&app, kind, &secret).await.expect(303);
            body["password"] = "violet-canyon-harbor".into();
            app.post("/users", body).await.expect(422);
        }
        let both = json!({"given_name": "B", "email": "b@acme.example", "send_activation": true, "send_invitation": true});
        app.post("/users", both).await.expect(422);
        let robot = json!({"username": "robot", "type": "service", "responsible": app.owner.id, "send_invitation": true});
        app.post("/users", robot).await.expect(409);
        assert_eq!(app.get("/users?search=robot").await.json()["items"], json!([]), "all or nothing");
    }

    async fn an_import_invites_if_it_is_asked_to(app: TestApp) {
        let rows = json!([{"fields": {"email": "a@acme.example"}}, {"fields": {"email": "b@acme.example"}}]);
        let answer = app.post("/users/import", json!({"rows": rows, "invite": true})).await.expect(200).json();
        assert_eq!(answer["verdicts"], json!([{"verdict": "created"}, {"verdict": "created"}]));
        secret_in(&app.mail_to("a@acme.example").await, "invitation");
        app.post("/users/import", json!({"rows": rows, "invite": true})).await.expect(200);
        assert_eq!(letters_to(&app, "b@acme.example").await.len(), 1, "twice does nothing twice");
        app.post("/users/import", json!({"rows": [{"fields": {"email": "c@acme.example"}}]})).await.expect(200);
        assert_eq!(letters_to(&app, "c@acme.example").await.len(), 0);
    }

    /// Whatever a request says of the host, a link leads to the configured address.
    async fn no_header_changes_where_a_link_leads(app: TestApp) {
        let (id, _) = linked(&app, "invitation", "ana@acme.example").await;
        let staged = app.create("Sam", "Staged", "sam@acme.example").await;
        let invitation = invitation_of(&app, id).await;
        let headers = ["host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-server", "x-original-host", "x-host", "forwarded", "x-forwarded-prefix", "x-original-url", "x-rewrite-url", "origin", "referer"];
        for (number, header) in headers.into_iter().enumerate() {
            app.later(DAY);
            let value = if header == "forwarded" { "host=evil.example;proto=https" } else { "evil.example" };
            let paths = [("/invitations".to_owned(), json!({"email": format!("n{number}@acme.example")})), (format!("/invitations/{invitation}/resend"), json!({})), (format!("/users/{staged}/invite"), json!({})), ("/invitations/batch".to_owned(), json!({"invitations": [{"email": format!("m{number}@acme.example")}]}))];
            for (path, body) in paths {
                let request = Request::post(format!("/o/acme/api/v1{path}")).header("authorization", format!("Bearer {}", app.owner.token)).header("content-type", "application/json").header("sec-fetch-site", "none").header(header, value);
                let answer: Answer = app.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await;
                assert!(answer.status.is_success(), "{header} {path}: {}", answer.text);
            }
            app.mails().await;
        }
        let letters = app.mails().await;
        assert!(letters.len() >= 24, "{}", letters.len());
        for letter in letters {
            assert!(!letter.text.contains("evil") && !letter.html.contains("evil"), "{}", letter.text);
            assert!(letter.text.contains("http://localhost:8080/o/acme/invitation/"));
        }
    }
}
