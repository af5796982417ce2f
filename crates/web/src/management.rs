//! The management listener: is the process alive, is it ready, how is it doing. Not for the public.

use std::sync::Arc;

use app::{App, Writing};
use axum::{Router, extract::State, http::StatusCode, routing::get};

/// What the listener knows.
#[derive(Clone)]
struct Shared {
    app: App,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// `/healthz`, `/readyz` and `/metrics`. `metrics` renders the recorded ones in the Prometheus text format.
pub fn management(app: App, metrics: impl Fn() -> String + Send + Sync + 'static) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(shared): State<Shared>| (shared.metrics)()))
        .with_state(Shared { app, metrics: Arc::new(metrics) })
}

/// Ready: the database answers and is up to date. Where nothing can be saved for a while, that is a line of its own: such
/// a node still answers whoever reads.
async fn ready(State(shared): State<Shared>) -> (StatusCode, String) {
    match shared.app.readiness().await {
        Ok(Writing::Possible) => (StatusCode::OK, "ready\n".to_owned()),
        Ok(_) => {
            (StatusCode::OK, "ready\nwriting: stopped, the database takes no changes at present\n".to_owned())
        }
        Err(error) => {
            tracing::warn!(code = error.code(), detail = error.detail(), "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", error.code()))
        }
    }
}
