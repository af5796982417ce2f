//! A route is declared data: method, path, what it needs, how often it may be called, whether it may cause mail.
//!
//! The check in front of every handler, the OpenAPI document, `docs/routes.txt` and the tests' matrices all come from
//! the declaration; there is no route without one.

use std::cell::Cell;

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter},
};
use model::{Permission, link::Purpose};
use utoipa::{
    __dev::{SchemaReferences, Tags},
    openapi::{
        HttpMethod, RefOr,
        path::{ParameterIn, Paths},
        schema::Schema,
    },
};

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

/// What becomes of input that a route's declaration doesn't name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The request is refused: a misspelt `dry_run` must never become a write.
    Refused,
    /// It is ignored, as browsers and mail programs add to addresses.
    Ignored,
}

/// Whom or what a route is about, by its path's `{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// One user: `…/users/{id}…`.
    User,
    /// One group: `…/groups/{id}…`.
    Group,
}

/// What may prove who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The cookie of a session alone: pages are for people in a browser.
    Session,
    /// That, or an API token.
    SessionOrToken,
}

/// A route as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
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
    /// Whether it can give rights.
    pub raises: bool,
    /// Whether what others made may end with it, because it gives rights or takes a group out of the reach of those who
    /// could give them; that is confirmed.
    pub ends_secrets: bool,
    /// Whether it is for those, too, who hold the permission over groups alone: it keeps to their people by itself. One
    /// about a single user or group, by its path, always is.
    pub scoped: bool,
    /// Who is served.
    pub door: Door,
    /// What becomes of input that the declaration doesn't name.
    pub unknown: Unknown,
    /// The query parameters that it names, besides those of every write.
    pub query: Vec<String>,
    /// Whether it takes a body.
    pub takes_body: bool,
    /// Whom it is about, if about one user or group.
    pub about: Option<About>,
    /// Of which links in mail it is the page.
    pub link: Option<Purpose>,
    /// What proves who asks.
    pub credential: Credential,
}

impl Declared {
    fn new(method: Method, path: String, needs: Needs, door: Door) -> Self {
        let (about, link) = (about(&path), link(&path));
        let unknown = if door == Door::Api { Unknown::Refused } else { Unknown::Ignored };
        Self {
            method,
            path,
            needs,
            rate: Rate::Free,
            mails: false,
            raises: false,
            ends_secrets: false,
            scoped: false,
            door,
            unknown,
            query: Vec::new(),
            takes_body: false,
            about,
            link,
            credential: if door == Door::Api { Credential::SessionOrToken } else { Credential::Session },
        }
    }

    /// Whether it writes: everything but reading does.
    pub fn writes(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }
}

/// Whose links lead there.
fn link(pattern: &str) -> Option<Purpose> {
    let path = pattern.strip_prefix("/o/{slug}/")?.strip_suffix("/{name}")?;
    Purpose::ALL.iter().copied().find(|purpose| purpose.path() == path)
}

/// The noun in front of the pattern's `{id}`.
fn about(pattern: &str) -> Option<About> {
    let parts: Vec<&str> = pattern.split('/').collect();
    parts.windows(2).find_map(|pair| match pair {
        ["users", "{id}"] => Some(About::User),
        ["groups", "{id}"] => Some(About::Group),
        _ => None,
    })
}

/// A declared route with its handler.
pub(crate) struct Route {
    declared: Declared,
    handler: MethodRouter<Shared>,
    /// Writes what OpenAPI says of it. The server never does: descriptions of all schemas are 12 MB.
    document: Option<fn() -> Documents>,
}

/// What OpenAPI says of one route.
pub(crate) type Documents = (Vec<(String, RefOr<Schema>)>, Paths);

/// What `#[utoipa::path]` makes of a handler: method, path, parameters, and the schemas that they name.
pub(crate) trait Described: utoipa::Path + SchemaReferences + for<'t> Tags<'t> {}

impl<D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>> Described for D {}

/// An operation of the API, from a handler with `#[utoipa::path]`.
pub(crate) struct Operation {
    declared: Declared,
    handler: MethodRouter<Shared>,
    document: fn() -> Documents,
}

/// The operation of a handler, by the handler's path: `operation!(users::list)`.
macro_rules! operation {
    ($module:ident :: $handler:ident) => {
        utoipa_axum::paste! {
            $crate::route::Operation::of::<$module::[<__path_ $handler>], _, _>($module::$handler)
        }
    };
    ($outer:ident :: $module:ident :: $handler:ident) => {
        utoipa_axum::paste! {
            $crate::route::Operation::of::<$outer::$module::[<__path_ $handler>], _, _>($outer::$module::$handler)
        }
    };
}
pub(crate) use operation;

impl Operation {
    /// The operation of a handler and its description.
    pub(crate) fn of<D, H, T>(handler: H) -> Self
    where
        D: Described,
        H: Handler<T, Shared>,
        T: 'static,
    {
        let method = D::methods().first().map_or(Method::GET, method_of);
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        let operation = D::operation();
        let named = operation.parameters.iter().flatten();
        let of_query = named.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            _ => None,
        });
        let mut declared = Declared::new(method, D::path(), Needs::Nothing, Door::Api);
        declared.query = of_query.collect();
        declared.takes_body = operation.request_body.is_some();
        Self { declared, handler: MethodRouter::new().on(filter, handler), document: document::<D> }
    }
}

fn method_of(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Post => Method::POST,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

fn document<D: Described>() -> Documents {
    DOCUMENTED.set(DOCUMENTED.get() + 1);
    let mut schemas = Vec::new();
    D::schemas(&mut schemas);
    let mut operation = D::operation();
    operation.tags.get_or_insert_default().extend(D::tags().into_iter().map(str::to_owned));
    let mut paths = Paths::new();
    paths.add_path_operation(D::path(), D::methods(), operation);
    (schemas, paths)
}

thread_local! {
    static DOCUMENTED: Cell<usize> = const { Cell::new(0) };
}

/// How many operations this thread has described for OpenAPI so far: a server, none.
pub fn documented() -> usize {
    DOCUMENTED.get()
}

impl Route {
    /// A route of the API.
    pub(crate) fn api(needs: Needs, operation: Operation) -> Self {
        let Operation { declared, handler, document } = operation;
        Self { declared: Declared { needs, ..declared }, handler, document: Some(document) }
    }

    /// A page or form of the console.
    pub(crate) fn page<H, T>(method: Method, path: &str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
    {
        let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        let declared = Declared::new(method, path.to_owned(), needs, Door::Console);
        Self { declared, handler: MethodRouter::new().on(filter, handler), document: None }
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

    /// A file that programs fetch, too.
    pub(crate) fn for_tokens(mut self) -> Self {
        self.declared.credential = Credential::SessionOrToken;
        self
    }

    /// Can give rights.
    pub(crate) fn raises(mut self) -> Self {
        self.declared.raises = true;
        self.ends_secrets()
    }

    /// What others made may end with it.
    pub(crate) fn ends_secrets(mut self) -> Self {
        self.declared.ends_secrets = true;
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

    /// What is said of it in OpenAPI; made anew at every call.
    pub(crate) fn documents(&self) -> Option<Documents> {
        self.document.map(|document| document())
    }

    /// Joins the router, behind the check of what it needs.
    pub(crate) fn join(self, router: Router<Shared>, shared: &Shared) -> Router<Shared> {
        let guard = auth::Guard { shared: shared.clone(), route: self.declared.clone().into() };
        let guarded = move |handler| auth::Guarded { guard: guard.clone(), handler };
        let handler = self.handler.layer(tower::layer::layer_fn(guarded));
        router.route(&self.declared.path, handler)
    }
}
