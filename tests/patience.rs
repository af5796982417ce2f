//! Waiting without a clock, and losing patience on purpose: for the tests of what fails midway.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use axum::{Router, http::Method};
use serde_json::Value;

use crate::app::{TestApp, api_request, send};

/// Waits for something that comes sooner or later; a minute is never.
pub(crate) async fn eventually(what: &str, mut come: impl AsyncFnMut() -> bool) {
    for _ in 0..6000 {
        if come().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came: {what}");
}

/// Uses a token for the first time and waits until that is written: it is noted behind the request, in a transaction of its
/// own. Whoever watches statements, or loses a COMMIT, must not meet that one. Before any other use: until it is written,
/// each request that reads the token anew notes it again.
pub(crate) async fn use_first(app: &TestApp, router: &Router, token: &str) {
    let noted = "SELECT count(*) FROM tokens WHERE last_used_at IS NOT NULL";
    let before = app.count(noted).await;
    send(router, api_request(Method::GET, "acme", "/whoami", token, &Value::Null)).await.expect(200);
    eventually("the note of use", async || app.count(noted).await > before).await;
}

/// Polls `future` whenever it asks for it, at most `polls` times, then drops it.
pub(crate) async fn impatient<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// How many polls to wait: more each time, until somebody is served; from then on around the number that it takes, because
/// the last of them, while the commit is under way, are those that matter. The number itself differs from run to run.
pub(crate) struct Patience(usize);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(1)
    }

    /// Asks as long as patience lasts.
    pub(crate) async fn ask<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let output = impatient(future, self.0).await;
        self.0 = if output.is_some() { self.0.saturating_sub(4).max(1) } else { self.0 + 1 };
        output
    }

    /// What was needed, roughly.
    pub(crate) fn polls(&self) -> u64 {
        self.0 as u64 + 4
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}
