//! HTTP to operations, and results to JSON or HTML.
//!
//! `route.rs` says what a route is: declared data, from which the router, the checks before every handler, OpenAPI and
//! the matrices of the tests come. Handlers extract, call an operation and present what came of it; they hold no rule.
//! `problem.rs` is the one place where an error becomes a status, a document or a page.

mod api;
mod assets;
mod auth;
mod bidi;
mod console;
mod cookies;
mod extract;
mod file;
mod icons;
mod in_progress;
mod input;
mod json;
mod management;
mod params;
mod problem;
mod route;
mod security;
mod server;
mod stale_form;
mod zone;

use std::sync::Arc;

use app::App;
use axum::{Router, handler::Handler as _};
use ipnet::IpNet;

pub use management::management;
pub use route::{About, Credential, Declared, Door, Needs, Rate, Unknown, documented};
pub use server::{ClientLimits, Listener};

/// How the server is reached; see `docs/operating.md`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Under which address people reach it, without a slash at the end. Links never come from a request.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Sign-ins and other costly requests per address and minute.
    pub sign_ins_per_minute: u32,
    /// How much of the server one client may hold.
    pub clients: ClientLimits,
    /// Whether the demo's passwords may be shown on the sign-in page.
    pub demo: Option<Demo>,
}

/// What the demo shows on its sign-in page.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Who may sign in, with the password: username, password, role.
    pub people: Vec<(String, String, String)>,
}

impl Options {
    /// The usual options for a public address.
    pub fn new(public_url: impl Into<String>) -> Self {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        let clients = ClientLimits::default();
        Self { public_url, trusted_proxies: Vec::new(), sign_ins_per_minute: 60, clients, demo: None }
    }

    /// Whether people come by https; decides the cookies' name and flags.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) app: App,
    pub(crate) options: Options,
    pub(crate) limits: security::Limits,
    pub(crate) in_progress: Arc<in_progress::InProgress>,
}

impl std::ops::Deref for Shared {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The public listener: console, API, assets.
pub fn router(options: Options, app: App) -> Router {
    let limits = security::Limits::new(options.sign_ins_per_minute);
    let in_progress = Arc::new(in_progress::InProgress::new(options.clients.requests_per_address));
    let shared = Shared(Arc::new(Parts { app, options, limits, in_progress }));
    let around = axum::middleware::from_fn_with_state(shared.clone(), security::around);
    let mut router = Router::new().merge(assets::router().layer(around.clone()));
    for route in routes() {
        router = route.join(router, &shared);
    }
    router
        .fallback(problem::no_such_page.layer(around.clone()))
        .method_not_allowed_fallback(problem::wrong_method.layer(around))
        .with_state(shared)
}

/// Every route there is.
fn routes() -> Vec<route::Route> {
    let mut routes = api::routes();
    routes.extend(console::routes());
    routes
}

/// Every route as declared: for the matrices of the tests and `docs/routes.txt`.
pub fn declared() -> Vec<Declared> {
    routes().iter().map(route::Route::declared).collect()
}

/// The OpenAPI document of the API.
pub fn openapi() -> serde_json::Value {
    api::openapi()
}

/// Names of schemas that two types claim; there may be none.
pub fn contested_schemas() -> std::collections::BTreeSet<String> {
    api::contested_schemas()
}
