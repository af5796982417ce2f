//! A route is declared data: method, path, what it needs, how often it may be called, whether it may cause mail.
//!
//! The check in front of every handler, the OpenAPI document, `docs/routes.txt` and the tests' matrices all come from
//! the declaration; there is no route without one.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter},
};
use model::Permission;
use utoipa::openapi::{RefOr, path::Paths, schema::Schema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{Shared, auth};

/// What a request must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing; anybody may ask.
    Nothing,
    /// An organization that exists; anybody may ask.
    Org,
    /// Somebody signed in, and a permission.
    Permission(Permission),
}

/// How often it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As often as one likes.
    Free,
    /// Costly or worth guessing: so many per address and minute.
    Limited,
    /// Asked while somebody types: ten times as often as what is worth guessing.
    Typed,
}

/// Who is served: programs with documents, or people with pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The API.
    Api,
    /// The console and the person's own pages.
    Console,
}

/// A route as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Method.
    pub method: Method,
    /// Path with `{parameters}`.
    pub path: String,
    /// What it needs.
    pub needs: Needs,
    /// How often it may be called.
    pub rate: Rate,
    /// Whether it may cause mail.
    pub mails: bool,
    /// Whether it is for those, too, who hold the permission over groups alone: it keeps to their people by itself. One
    /// about a single user or group, by its path, always is.
    pub scoped: bool,
    /// Who is served.
    pub door: Door,
}

/// A declared route with its handler.
pub(crate) struct Route {
    declared: Declared,
    handler: MethodRouter<Shared>,
    documents: Option<Documents>,
}

/// What `#[utoipa::path]` says of a handler.
pub(crate) type Documents = (Vec<(String, RefOr<Schema>)>, Paths);

impl Route {
    /// A route of the API: path and method come from the handler's `#[utoipa::path]`.
    pub(crate) fn api(needs: Needs, (schemas, paths, handler): UtoipaMethodRouter<Shared>) -> Self {
        let (path, item) =
            paths.paths.iter().next().map(|(path, item)| (path.clone(), item.clone())).unwrap_or_default();
        let method = if item.post.is_some() {
            Method::POST
        } else if item.patch.is_some() {
            Method::PATCH
        } else if item.put.is_some() {
            Method::PUT
        } else if item.delete.is_some() {
            Method::DELETE
        } else {
            Method::GET
        };
        let declared =
            Declared { method, path, needs, rate: Rate::Free, mails: false, scoped: false, door: Door::Api };
        Self { declared, handler, documents: Some((schemas, paths)) }
    }

    /// A page or form of the console.
    pub(crate) fn page<H, T>(method: Method, path: &str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
    {
        let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        let path = path.to_owned();
        let declared = Declared {
            method,
            path,
            needs,
            rate: Rate::Free,
            mails: false,
            scoped: false,
            door: Door::Console,
        };
        Self { declared, handler: MethodRouter::new().on(filter, handler), documents: None }
    }

    /// Called so often at most.
    pub(crate) fn limited(mut self) -> Self {
        self.declared.rate = Rate::Limited;
        self
    }

    /// Called so often as somebody types.
    pub(crate) fn typed(mut self) -> Self {
        self.declared.rate = Rate::Typed;
        self
    }

    /// Keeps by itself to those whom the caller's rights reach.
    pub(crate) fn scoped(mut self) -> Self {
        self.declared.scoped = true;
        self
    }

    /// May cause mail.
    pub(crate) fn mails(mut self) -> Self {
        self.declared.mails = true;
        self
    }

    /// The declaration.
    pub(crate) fn declared(&self) -> Declared {
        self.declared.clone()
    }

    /// What is said of it in OpenAPI.
    pub(crate) fn documents(self) -> Option<Documents> {
        self.documents
    }

    /// Joins the router, behind the check of what it needs.
    pub(crate) fn join(self, router: Router<Shared>, shared: &Shared) -> Router<Shared> {
        let guard = auth::Guard { shared: shared.clone(), route: self.declared.clone().into() };
        let guarded = move |handler| auth::Guarded { guard: guard.clone(), handler };
        let handler = self.handler.layer(tower::layer::layer_fn(guarded));
        router.route(&self.declared.path, handler)
    }
}
