//! Usernames that Muster makes: whatever others are called, who sends none gets one, at every door that makes one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::app::{App, hashing, keys::Keys};
use axum::http::Method;
use futures_util::future::join_all;
use model::Entropy;
use serde_json::json;

use crate::app::{TestApp, api_request, send, web_options};

/// Randomness whose last bytes are the same six times of seven, so that numbers drawn of it meet.
struct Narrow(AtomicU64);

impl Entropy for Narrow {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        bytes.fill(0);
        // A number is made of the last three.
        let length = bytes.len().min(7);
        bytes[..length].copy_from_slice(&number.to_be_bytes()[8 - length..]);
        if let [_, high, low, ..] = &mut bytes[length..] {
            let [.., a, b] = number.to_be_bytes();
            (*high, *low) = if number.is_multiple_of(7) { (a | 1, b) } else { (0, 200) };
        }
    }
}

on_both! {
    /// Numbers that are drawn meet those that were drawn before: the next one is drawn.
    async fn a_number_that_is_taken_is_drawn_again(app: TestApp) {
        let hashing = hashing::Options { threads: 2, memory: 64, passes: 1, queue: 1024 };
        let options = ::app::Options::new(hashing, Keys::new([7; 32]), "http://localhost:8080".to_owned());
        let narrow = Arc::new(Narrow(AtomicU64::new(0)));
        let router = web::router(web_options(), App::new(app.app.database().clone(), app.clock.clone(), narrow, options));
        for number in 0..23 {
            let fields = json!({"given_name": "Q", "email": format!("q@{number}.example")});
            // By turns at every door; one row of an import, and of a batch, at a time.
            let (path, body) = match number % 4 {
                0 => ("/users", fields),
                1 => ("/invitations", fields),
                2 => ("/users/import", json!({"rows": [{"fields": fields}]})),
                _ => ("/invitations/batch", json!({"invitations": [fields]})),
            };
            let request = api_request(Method::POST, "acme", path, &app.owner.token, &body);
            let answer = send(&router, request).await;
            assert!(answer.status.is_success() && !answer.text.contains("taken"), "{path}: {}", answer.text);
        }
        let named = "SELECT count(DISTINCT username_key) FROM users WHERE email_key LIKE 'q@%'";
        assert_eq!(app.count(named).await, 23);
    }

    /// Everybody of one name, at once and at every door.
    async fn who_comes_at_once_is_called_differently(app: TestApp) {
        let requests = (0..40).map(|number| {
            let fields = json!({"given_name": "Q", "email": format!("q@{number}.example")});
            let app = &app;
            async move {
                match number % 3 {
                    0 => app.post("/users", fields).await,
                    1 => app.post("/invitations", fields).await,
                    _ => app.post("/users/import", json!({"rows": [{"fields": fields}]})).await,
                }
            }
        });
        for answer in join_all(requests).await {
            assert!(answer.status.is_success() && !answer.text.contains("taken"), "{}", answer.text);
        }
        let named = "SELECT count(DISTINCT username_key) FROM users WHERE email_key LIKE 'q@%'";
        assert_eq!(app.count(named).await, 40);
    }
}
