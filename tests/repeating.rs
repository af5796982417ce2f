//! Requests that come again with their idempotency key: answered as the first time and done once, whatever has become of
//! the world meanwhile; and never a purged person made anew.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, api_request};

async fn keyed(app: &TestApp, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    app.later(Duration::from_millis(1));
    let mut request = api_request(method, "acme", path, &app.owner.token, body);
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    app.send(request).await
}

async fn post(app: &TestApp, path: &str, key: &str, body: &Value) -> Answer {
    keyed(app, Method::POST, path, key, body).await
}

async fn invite(app: &TestApp, email: &str) {
    app.post("/invitations", json!({"email": email, "expires_in_hours": 1})).await.expect(201);
}

async fn letters(app: &TestApp) -> usize {
    app.mails().await.len()
}

async fn purge(app: &TestApp, id: &str, email: &str) {
    app.post(&format!("/users/{id}/delete"), json!({"confirm": email})).await.expect(200);
    app.post(&format!("/users/{id}/purge"), json!({"confirm": email})).await.expect(200);
}

on_both! {
    async fn what_is_sent_again_in_bulk_is_sent(app: TestApp) {
        for email in ["c@acme.example", "d@acme.example"] {
            invite(&app, email).await;
        }
        letters(&app).await;
        app.later(Duration::from_secs(3600));
        let first = post(&app, "/invitations/resend", "one", &json!({})).await.expect(200).json();
        assert_eq!((first["sent"].clone(), letters(&app).await), (json!(2), 4));
        // Others have expired meanwhile: the same key is answered as before, and sends nothing more.
        for email in ["a@acme.example", "b@acme.example", "e@acme.example"] {
            invite(&app, email).await;
        }
        letters(&app).await;
        app.later(Duration::from_secs(3600));
        let before = letters(&app).await;
        let again = post(&app, "/invitations/resend", "one", &json!({})).await.expect(200).json();
        assert_eq!((again["sent"].clone(), letters(&app).await), (json!(2), before));
        // Another key sends them: as many as it says.
        let second = post(&app, "/invitations/resend", "two", &json!({})).await.expect(200).json();
        assert_eq!(second["sent"], 5);
        assert_eq!(letters(&app).await, before + 5);
    }

    async fn an_interrupted_list_goes_on_where_it_was_whatever_the_order(app: TestApp) {
        let list = |emails: &[&str]| json!({"invitations": emails.iter().map(|email| json!({"email": email})).collect::<Vec<_>>()});
        // One of two was refused; the other was done.
        let first = app.create("Ana", "Ng", "b@acme.example").await;
        let both = list(&["a@acme.example", "b@acme.example"]);
        let answer = post(&app, "/invitations/batch", "one", &both).await.expect(200).json();
        let sent = letters(&app).await;
        purge(&app, &first, "b@acme.example").await;
        let again = post(&app, "/invitations/batch", "one", &both).await.expect(200).json();
        let verdicts: Vec<&Value> = again["verdicts"].as_array().unwrap().iter().collect();
        assert_eq!((verdicts.len(), verdicts[0]), (2, &answer["verdicts"][0]));
        assert_eq!(letters(&app).await, sent + 1, "b alone: a was invited before");
    }

    async fn a_purged_person_is_not_made_anew(app: TestApp) {
        let group = app.post("/groups", json!({"name": "Team"})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let new = json!({"given_name": "Quillon", "family_name": "Zzyzx", "email": "quillon@acme.example", "groups": [group]});
        let id = post(&app, "/users", "new", &new).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let bo = app.create("Bo", "Li", "bo@acme.example").await;
        let lines = json!({"members": ["bo@acme.example", "quillon@acme.example"]});
        post(&app, &format!("/groups/{group}/members"), "list", &lines).await.expect(200);
        let token = json!({"name": "x", "scopes": ["user:list"]});
        app.post(&format!("/users/{id}/set-password"), json!({"password": crate::app::PASSWORD})).await.expect(200);
        post(&app, &format!("/users/{id}/tokens"), "token", &token).await;
        post(&app, &format!("/users/{id}/suspend"), "suspend", &json!({"reason": "security"})).await.expect(200);
        let invited = post(&app, "/invitations", "invite", &json!({"email": "qui2@acme.example"})).await.expect(201).json();
        let second = invited["user"]["id"].as_str().unwrap().to_owned();
        purge(&app, &id, "quillon@acme.example").await;
        purge(&app, &second, "qui2@acme.example").await;
        let users = app.count("SELECT COUNT(*) FROM users").await;
        for (path, key, body) in [
            ("/users".to_owned(), "new", &new), (format!("/users/{id}/suspend"), "suspend", &json!({"reason": "security"})), ("/invitations".to_owned(), "invite", &json!({"email": "qui2@acme.example"})),
        ] {
            let answer = post(&app, &path, key, body).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (410, "idempotency.purged"), "{path}: {}", answer.text);
            assert!(!answer.text.contains("quillon"), "{}", answer.text);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM users").await, users);
        let again = post(&app, &format!("/groups/{group}/members"), "list", &lines).await.expect(200).json().to_string();
        assert!(again.contains(&bo) && again.contains("bo@acme.example") && !again.contains("quillon@"), "{again}");
        // Under a new key it is a new request.
        post(&app, "/users", "anew", &new).await.expect(201);
    }
}
