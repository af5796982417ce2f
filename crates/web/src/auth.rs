//! The check in front of every handler: which organization, who asks, and whether this route may be used.
//!
//! What it finds is left in the request as a `Caller`. A handler that is reached has been allowed; operations that
//! write ask the database again in their transaction.

mod headers;
mod limits;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use app::{Actor, App, access::Target, cache::Access, impact::Preview};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Agent, Error, Kind, Org, OrgContext, Permission, Permissions, Result, Zone, audit, session::Secret, token,
};
use tower::Service;

pub(crate) use crate::cookies::{
    cookie_name, devices_cookie_name, presented_devices, session_cookie, signed_in_orgs,
};
use crate::{
    Shared,
    console::other_person,
    input,
    params::Params,
    problem::{self, Problem},
    route::{Credential, Declared, Door, Needs},
    security::{self, Origin, Passage, Way},
    server::TooSlow,
    stale_form, zone,
};

/// Largest body of any request.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// What the check of one route knows.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) shared: Shared,
    pub(crate) route: Arc<Declared>,
}

/// Who asks, as a handler sees it.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The organization of the address.
    pub(crate) org: Arc<Org>,
    /// Who, for operations.
    pub(crate) actor: Actor,
    /// What was checked.
    pub(crate) access: Arc<Access>,
    /// The token that forms of this session carry; empty for API tokens.
    pub(crate) csrf: String,
    /// `If-Match`: the version that the caller has seen.
    pub(crate) version: Option<i64>,
}

/// The organization of the address, for pages that need nobody signed in.
#[derive(Clone)]
pub(crate) struct Place(pub(crate) Arc<Org>);

/// A route's handler with what stands in front of it; see the module. Written by hand rather than as layers of
/// functions, each of which would cost every request several allocations.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    pub(crate) guard: Guard,
    pub(crate) handler: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.handler.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // The handler that is ready is the present one, not its copy.
        let copy = self.handler.clone();
        let mut handler = std::mem::replace(&mut self.handler, copy);
        let guard = self.guard.clone();
        Box::pin(async move {
            let params = Params::of(&mut request).await;
            let way = Way { pattern: Some(&guard.route.path), slug: params.get("slug") };
            let (mut passage, may_pass) = security::arrive(&guard.shared, &mut request, way);
            let (origin, mut who) = (*security::origin(&request), None);
            let admitted = match may_pass {
                Ok(()) => admit(&guard, &params, &mut request, &mut passage, &mut who).await,
                Err(error) => Err(error),
            };
            let mut response = match admitted {
                Ok(None) => {
                    if let Some(preview) = request.extensions_mut().remove::<Preview>() {
                        foreseen(&preview, handler.call(request).await?)
                    } else {
                        let is_refused = request.extensions().get::<stale_form::Refused>().is_some();
                        let zone = request.extensions().get::<Zone>().cloned().unwrap_or_default();
                        let answer = zone::shown_in(zone, handler.call(request)).await?;
                        if is_refused { stale_form::only_refused(answer) } else { answer }
                    }
                }
                Ok(Some(elsewhere)) => elsewhere,
                Err(error) => Problem(error).into_response(),
            };
            if let (Some((org, access)), Some(code)) = (who, problem::denied(&response)) {
                note_denial(&guard, &org, &access, origin, params.target(&guard.route), code).await;
            }
            security::leave(&guard.shared, &passage, &mut response);
            Ok(response)
        })
    }
}

/// In the place of what a dry run would have answered, what it would do to people's access; a refusal stays one.
fn foreseen(preview: &Preview, response: Response) -> Response {
    if !response.status().is_success() {
        return response;
    }
    let content_type = HeaderValue::from_static(problem::IMPACT);
    ([(header::CONTENT_TYPE, content_type)], axum::Json(preview.take().unwrap_or_default())).into_response()
}

/// Writes into the audit log that somebody asked for what he may not do; he is refused even if that fails.
async fn note_denial(
    guard: &Guard,
    org: &Org,
    access: &Access,
    origin: Origin,
    target: Option<Target>,
    code: String,
) {
    let Declared { method, path: pattern, door, .. } = guard.route.as_ref();
    let target = match target {
        Some(Target::User(user)) => Some(user),
        _ => None,
    };
    let actor = actor_of(access, *door, origin, false);
    let noted = guard.shared.app.note_denial(&actor, org, format!("{method} {pattern}"), target, code).await;
    if let Err(error) = noted {
        tracing::warn!(%error, detail = error.detail(), "a refusal could not be written into the audit log");
    }
}

/// Who asked, as far as that is known when the request has been answered.
type Who = Option<(Arc<Org>, Arc<Access>)>;

/// Refuses, or leaves in the request what the handler needs; `Some` answers in the handler's place.
async fn admit(
    guard: &Guard,
    params: &Params,
    request: &mut Request,
    passage: &mut Passage,
    who: &mut Who,
) -> Result<Option<Response>> {
    let (shared, route) = (&guard.shared, &guard.route);
    if request.method() != Method::GET
        && let Err(too_many) = shared.limits.check(route.rate, security::origin(request))
    {
        let (headers, address) = (request.headers().clone(), security::origin(request).address);
        limits::admit_known(guard, &headers, address, params.get("slug"), too_many).await?;
    }
    if !matches!(route.needs, Needs::Permission(_)) {
        passage.enter(shared, request, false)?;
    }
    if route.needs == Needs::Nothing {
        return Ok(None);
    }
    let slug = params.get("slug");
    let org = match shared.app.org(slug).await {
        Err(error) if error.kind() == Kind::NotFound && is_sign_in(route) => {
            note_stray(shared, slug, request).await;
            return Err(error);
        }
        // Short names have no capitals: one that was typed with some is not there.
        Err(error) if error.kind() == Kind::NotFound && route.door == Door::Console => {
            match problem::corrected(request.method(), request.uri()) {
                Some(address) => return Ok(Some(Redirect::permanent(&address).into_response())),
                None => return Err(error),
            }
        }
        found => found?,
    };
    if org.slug != slug && route.door == Door::Console && request.method() == Method::GET {
        return Ok(Some(moved(request, &org.slug)));
    }
    let https = shared.options.is_https();
    let Needs::Permission(permission) = route.needs else {
        return admit_anybody(guard, params, request, org).await;
    };
    let (access, secret) =
        match authenticate(&shared.app, &org, request.headers(), https, route.credential).await {
            Ok(found) => found,
            Err(error) if error.kind() == Kind::Unauthenticated && route.door == Door::Console => {
                if request.method() == Method::POST
                    && let Some(kept) = stale_form::kept(request, &org).await?
                {
                    return Ok(Some(kept));
                }
                return Ok(Some(to_sign_in(request, &org)));
            }
            Err(error) => return Err(error),
        };
    passage.enter(shared, request, true)?;
    if access.must_change_password && permission != Permission::AccountPassword {
        match route.door {
            Door::Console if !is_sign_out(route) => {
                let to = format!("/o/{}/change-password", org.slug);
                return Ok(Some(Redirect::to(&to).into_response()));
            }
            Door::Console => {}
            Door::Api => return Err(must_change()),
        }
    }
    *who = Some((org.clone(), access.clone()));
    let asked = input::query(route, request.uri().query())?;
    let mut actor = actor_of(&access, route.door, *security::origin(request), asked.dry_run);
    actor.end_secrets = asked.end_secrets;
    narrow(shared, route, params.target(route), permission, &mut actor).await?;
    if asked.impact {
        let (previewing, preview) = actor.previewing();
        actor = previewing;
        request.extensions_mut().insert(preview);
    }
    let csrf = secret.map(|secret| secret.derived("csrf")).unwrap_or_default();
    if route.door == Door::Api && !csrf.is_empty() && is_unsafe(request.method()) {
        let sent = request.headers().get("x-csrf-token").map(HeaderValue::as_bytes);
        if sent != Some(csrf.as_bytes()) {
            return Err(security::foreign_form());
        }
    }
    input::no_body(route, request).await?;
    if route.door == Door::Console
        && is_unsafe(request.method())
        && stale_form::is_stale(request, &csrf).await?
    {
        actor.refusal = Some(stale_form::look_once_more());
        request.extensions_mut().insert(stale_form::Refused);
    }
    if route.door == Door::Console {
        request.extensions_mut().insert(zone::of(access.zone.as_ref(), &org));
    }
    let version = headers::version(request.headers())?;
    let mut caller = Caller { org, actor, access, csrf, version };
    headers::remember_once(request, &mut caller.actor).await?;
    request.extensions_mut().insert(caller);
    Ok(None)
}

/// Pages of an organization that need nobody signed in. A link of somebody other than who is signed in waits.
async fn admit_anybody(
    Guard { shared, route }: &Guard,
    params: &Params,
    request: &mut Request,
    org: Arc<Org>,
) -> Result<Option<Response>> {
    let https = shared.options.is_https();
    let secret = session_cookie(request.headers(), &org, https).and_then(Secret::parse);
    if let (Some(purpose), Some(session)) = (route.link, &secret) {
        let link = (purpose, params.get("name"));
        let page = other_person::page(shared, &org, link, request.method(), session).await?;
        if page.is_some() {
            return Ok(page);
        }
    }
    request.extensions_mut().insert(zone::of(None, &org));
    request.extensions_mut().insert(Place(org));
    Ok(None)
}

/// Refuses unless the actor holds the permission: everywhere, or over the user or group that the request is about. Who
/// is outside the actor's reach is not there.
async fn narrow(
    shared: &Shared,
    route: &Declared,
    target: Option<Target>,
    permission: Permission,
    actor: &mut Actor,
) -> Result<()> {
    if actor.rights.scoped.is_empty() {
        return actor.permissions.require(permission);
    }
    let Some(target) = target else {
        let held = if route.scoped { actor.rights.somewhere() } else { actor.permissions };
        return held.require(permission);
    };
    let was_held = actor.permissions.contains(permission);
    actor.permissions = shared.app.permissions_over(actor.context, &actor.rights, target).await?;
    if !was_held && !actor.permissions.contains(permission) && actor.rights.somewhere().contains(permission) {
        return Err(Error::not_found());
    }
    actor.permissions.require(permission)
}

fn is_sign_in(route: &Declared) -> bool {
    route.method == Method::POST && route.path == "/o/{slug}/sign-in"
}

/// Somebody signs in where there is nothing: whoever helps that person later should see it, whatever was typed.
async fn note_stray(shared: &Shared, slug: &str, request: &mut Request) {
    let Ok(body) = read_body(std::mem::take(request.body_mut())).await else { return };
    let Ok(fields) = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body) else { return };
    let typed = fields.iter().find(|(name, _)| name == "identifier").map_or("", |(_, value)| value.trim());
    if let Err(error) = shared.app.note_stray_sign_in(slug, typed).await {
        tracing::warn!(%error, detail = error.detail(), "a sign-in at an unknown organization was not noted");
    }
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_sign_out(route: &Declared) -> bool {
    route.path == "/o/{slug}/sign-out"
}

fn must_change() -> Error {
    let message = "Choose a new password first: sign in to the console once.";
    Error::new(Kind::Forbidden, "password.must_change", message)
}

/// The same page under the present slug: what follows the slug in the address stays.
fn moved(request: &Request, new: &str) -> Response {
    let rest = request.uri().path_and_query().map_or("", |path| path.as_str());
    let rest = rest.splitn(4, '/').nth(3).unwrap_or_default();
    Redirect::permanent(&format!("/o/{new}/{rest}")).into_response()
}

/// To sign in, and back here afterwards if it is a page that can be read.
fn to_sign_in(request: &Request, org: &Org) -> Response {
    let page = request.uri().path_and_query().map_or("", |path| path.as_str());
    let back = if request.method() == Method::GET { page } else { "" };
    let query = serde_urlencoded::to_string([("to", back)]).unwrap_or_default();
    Redirect::to(&format!("/o/{}/sign-in?{query}", org.slug)).into_response()
}

/// An API token, else a session's cookie. The secret of a session comes along: its forms' token follows from it.
async fn authenticate(
    app: &App,
    org: &Org,
    headers: &HeaderMap,
    https: bool,
    accepted: Credential,
) -> Result<(Arc<Access>, Option<Secret>)> {
    let context = OrgContext::from(org.id);
    if accepted == Credential::Session && headers.contains_key(header::AUTHORIZATION) {
        return Err(app::access::signed_out());
    }
    let mut proofs = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(header) = proofs.next() {
        let only = Some(header).filter(|_| proofs.next().is_none());
        let secret = only.and_then(bearer).and_then(token::parse).ok_or_else(app::access::signed_out)?;
        return Ok((app.token(context, &secret).await?, None));
    }
    let cookie = session_cookie(headers, org, https).ok_or_else(app::access::signed_out)?;
    let secret = Secret::parse(cookie).ok_or_else(app::access::signed_out)?;
    Ok((app.session(context, &secret).await?, Some(secret)))
}

/// What stands behind the scheme `Bearer`, in whatever case it is written (RFC 9110 §11.1).
fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, rest) = header.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

/// Who is signed in to an organization in this browser, if anybody is.
pub(crate) async fn signed_in(shared: &Shared, org: &Org, headers: &HeaderMap) -> Option<Arc<Access>> {
    let secret = Secret::parse(session_cookie(headers, org, shared.options.is_https())?)?;
    shared.app.session(OrgContext::from(org.id), &secret).await.ok()
}

/// Whether this browser brought a session of the organization, whatever has become of it.
pub(crate) fn has_session_cookie(shared: &Shared, org: &Org, headers: &HeaderMap) -> bool {
    session_cookie(headers, org, shared.options.is_https()).is_some()
}

/// The caller as operations know it.
fn actor_of(access: &Access, door: Door, origin: Origin, dry_run: bool) -> Actor {
    Actor {
        context: access.context,
        agent: Agent::User(access.user),
        name: access.name.to_string(),
        permissions: access.permissions,
        rights: access.rights.clone(),
        scopes: access.scopes,
        credential: Some(access.credential),
        door: match door {
            Door::Api => audit::Door::Api,
            Door::Console => audit::Door::Console,
        },
        address: origin.address.to_string(),
        request_id: origin.request_id.to_string(),
        dry_run,
        once: None,
        preview: None,
        end_secrets: model::outgrown::Confirmed::Nothing,
        refusal: None,
    }
}

/// The whole body, if it is not too large.
pub(crate) async fn read_body(body: Body) -> Result<Bytes> {
    use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
    Limited::new(body, MAX_BODY).collect().await.map(Collected::to_bytes).map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            return Error::new(Kind::TooLarge, "body.too_large", "Send at most 1 MB at once.");
        }
        let cause: &(dyn std::error::Error + 'static) = error.as_ref();
        let mut causes = std::iter::successors(Some(cause), |cause| cause.source());
        if causes.any(<dyn std::error::Error>::is::<TooSlow>) {
            let message = "The request came too slowly. Look at your connection, then send it again.";
            return Error::new(Kind::TooSlow, "body.too_slow", message);
        }
        Error::new(Kind::Malformed, "body.broken", "The request ended before its body was complete.")
    })
}

/// What a signed-in person may do, for pages that show or hide things.
pub(crate) fn may(caller: &Caller, permission: Permission) -> bool {
    let permissions: Permissions = caller.actor.permissions;
    permissions.contains(permission)
}

/// Where a request came from, for handlers of people who are not signed in.
pub(crate) fn origin_of(parts: &axum::http::request::Parts) -> Origin {
    parts.extensions.get::<Origin>().copied().unwrap_or_default()
}
