//! What surrounds every request, whatever the route: its id and origin, the limits, the headers of the answer, and the
//! refusal of forms that another site sends.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota};
use model::{Error, Kind, Result, link::Purpose, network};
use uuid::Uuid;

use crate::{
    Shared,
    in_progress::Held,
    problem::{self, Problem},
    route::Rate,
    server::Connection,
};

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The client's address; behind a trusted proxy the one that it names.
    pub(crate) address: IpAddr,
    /// The request's id, in the log, the audit log and the answer.
    pub(crate) request_id: RequestId,
}

impl Default for Origin {
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), request_id: RequestId([b'-'; 16]) }
    }
}

/// 96 random bits in Base64, so that nobody guesses another request's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId([u8; 16]);

impl RequestId {
    fn new(entropy: &dyn model::Entropy) -> Self {
        let (mut random, mut text) = ([0; 12], [b'-'; 16]);
        entropy.fill(&mut random);
        // 12 bytes are exactly 16 characters.
        base64::Engine::encode_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD, random, &mut text)
            .ok();
        Self(text)
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The origin that `around` has left in the request.
pub(crate) fn origin(request: &Request) -> &Origin {
    static NOWHERE: std::sync::LazyLock<Origin> = std::sync::LazyLock::new(Origin::default);
    request.extensions().get::<Origin>().unwrap_or(&NOWHERE)
}

/// Costly requests per address.
pub(crate) struct Limits {
    limited: DefaultKeyedRateLimiter<IpAddr>,
    typed: DefaultKeyedRateLimiter<IpAddr>,
    /// The same for who is known, at an address that has had too many.
    known: DefaultKeyedRateLimiter<Uuid>,
}

impl Limits {
    pub(crate) fn new(per_minute: u32) -> Self {
        let quota =
            |per_minute: u32| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            limited: DefaultKeyedRateLimiter::keyed(quota(per_minute)),
            typed: DefaultKeyedRateLimiter::keyed(quota(per_minute.saturating_mul(10))),
            known: DefaultKeyedRateLimiter::keyed(quota(per_minute)),
        }
    }

    /// One more request of that address; refused when there were too many of its kind.
    pub(crate) fn check(&self, rate: Rate, origin: &Origin) -> Result<()> {
        let limiter = match rate {
            Rate::Free => return Ok(()),
            Rate::Limited => &self.limited,
            Rate::Typed => &self.typed,
        };
        // Addresses that have been quiet are forgotten, so that a flood of them fills no memory.
        if limiter.len() > 10_000 {
            limiter.retain_recent();
        }
        limiter.check_key(&network::site(origin.address)).map_err(|_| {
            let message = "Too many tries from this address. Wait a minute, then try again.";
            Error::new(Kind::TooMany, "rate.too_many", message).with_retry_after(60)
        })
    }

    /// One more request of a session, token or known device, at an address that has had too many of them.
    pub(crate) fn check_known(&self, rate: Rate, who: Uuid) -> Result<()> {
        if rate == Rate::Free {
            return Ok(());
        }
        if self.known.len() > 10_000 {
            self.known.retain_recent();
        }
        self.known.check_key(&who).map_err(|_| {
            let message = "Too many tries. Wait a minute, then try again.";
            Error::new(Kind::TooMany, "rate.too_many", message).with_retry_after(60)
        })
    }
}

/// Which way a request goes: by its route as declared, or by its own path where no route has it.
#[derive(Clone, Copy)]
pub(crate) struct Way<'w> {
    /// The route's pattern.
    pub(crate) pattern: Option<&'w str>,
    /// The organization's part of the address.
    pub(crate) slug: &'w str,
}

/// What is remembered of a request until it is answered.
pub(crate) struct Passage {
    id: RequestId,
    is_api: bool,
    is_link: bool,
    method: Method,
    uri: Uri,
    slug: Option<String>,
    place: Option<Held>,
}

impl Passage {
    /// Takes one of the places of the client's address, until it is answered. Comes before the body is read, and once it is
    /// known whether the request's cookie or token is valid.
    pub(crate) fn enter(&mut self, shared: &Shared, request: &Request, is_proven: bool) -> Result<()> {
        if let Some(connection) = request.extensions().get::<Arc<Connection>>() {
            connection.set_proven(is_proven);
        }
        self.place = Some(shared.in_progress.enter(origin(request).address, is_proven)?);
        Ok(())
    }
}

/// What comes before any answer: the request gets its id and origin; what is no request of HTTP or what another site
/// sends is refused.
pub(crate) fn arrive(shared: &Shared, request: &mut Request, way: Way<'_>) -> (Passage, Result<()>) {
    let id = RequestId::new(shared.app.entropy());
    let address = address(request, shared);
    request.extensions_mut().insert(Origin { address, request_id: id });
    // An address of no route has only its own text to say what it would be.
    let path = way.pattern.unwrap_or_else(|| request.uri().path());
    let (is_api, is_link) = (is_api_path(path), is_link_page(path));
    let slug = Some(way.slug).filter(|slug| !slug.is_empty()).map(str::to_owned);
    let passage = Passage {
        id,
        is_api,
        is_link,
        method: request.method().clone(),
        uri: request.uri().clone(),
        slug,
        place: None,
    };
    let may_pass = named_host(request).and_then(|()| same_site(request, is_link));
    (passage, may_pass)
}

/// What comes after it: a refusal gets its body, the answer its headers.
pub(crate) fn leave(shared: &Shared, passage: &Passage, response: &mut Response) {
    let Passage { id, is_api, is_link, method, uri, slug, .. } = passage;
    problem::finish(response, id.as_str(), *is_api, method, uri, slug.as_deref());
    answered(response.status().as_u16()).increment(1);
    if *is_link {
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    add_headers(response.headers_mut(), *id, *is_api, shared.options.is_https());
}

/// Refuses what names no host, several, or none that can be one (RFC 9112 §3.2).
fn named_host(request: &Request) -> Result<()> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let fine = match (hosts.next(), hosts.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    };
    if fine {
        return Ok(());
    }
    let message = "Send one Host header with the name of this server.";
    Err(Error::new(Kind::Malformed, "host.malformed", message))
}

/// A name or address and perhaps a port; nobody's name in front (RFC 9110 §7.2). An empty one names nothing in
/// particular.
fn is_host(host: &[u8]) -> bool {
    host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
}

/// Both, around what is no declared route: assets, and addresses that don't exist.
pub(crate) async fn around(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // For the way back out of an address that leads nowhere.
    let slug = path.strip_prefix("/o/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let (passage, may_pass) = arrive(&shared, &mut request, Way { pattern: None, slug });
    let mut response = match may_pass {
        Ok(()) => next.run(request).await,
        Err(error) => Problem(error).into_response(),
    };
    leave(&shared, &passage, &mut response);
    response
}

/// The counter of answers of that class (`2xx`), looked up once.
fn answered(status: u16) -> &'static metrics::Counter {
    static CLASSES: [std::sync::OnceLock<metrics::Counter>; 5] = [const { std::sync::OnceLock::new() }; 5];
    let class = usize::from((status / 100).clamp(1, 5)) - 1;
    CLASSES[class].get_or_init(|| {
        metrics::counter!("muster_http_answers_total", "class" => ["1xx", "2xx", "3xx", "4xx", "5xx"][class])
    })
}

/// Whether programs are served there; the API's own page is for people.
pub(crate) fn is_api_path(path: &str) -> bool {
    path.strip_prefix("/o/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| rest.starts_with("api/") && rest != "api/docs")
}

/// Whether a page that a link in a mail leads to is there: the secret in its address opens it, so no other site may see
/// the address.
fn is_link_page(path: &str) -> bool {
    let mut parts = path.strip_prefix("/o/").into_iter().flat_map(|rest| rest.split('/')).skip(1);
    let page = parts.next().unwrap_or_default();
    Purpose::ALL.iter().any(|purpose| purpose.path() == page) && parts.next().is_some()
}

/// The client: the connection's other end, or, through trusted proxies only, the last address that none of them has.
fn address(request: &Request, shared: &Shared) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let peer = peer.unwrap_or(Ipv4Addr::LOCALHOST.into());
    let is_trusted =
        |address: &IpAddr| shared.options.trusted_proxies.iter().any(|network| network.contains(address));
    if shared.options.trusted_proxies.is_empty() || !is_trusted(&peer) {
        return peer;
    }
    let lines = request.headers().get_all("x-forwarded-for").iter();
    // What is no text at all can't be read either: nothing before it is believed.
    let lines = lines.map(|value| value.to_str().unwrap_or("unknown"));
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut client = peer;
    for text in named.iter().rev().filter(|text| !text.is_empty()) {
        let Some(named) = forwarded(text) else {
            shared.app.note_unreadable_forwarding(text);
            break;
        };
        client = named;
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

/// An address as proxies write it: alone, with a port, in brackets, with a zone, in quotes.
fn forwarded(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"').trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            let is_port = port.strip_prefix(':').map_or(port.is_empty(), |port| port.parse::<u16>().is_ok());
            is_port.then_some(inside)?
        }
        // One colon only: an IPv4 address with a port.
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => port.parse::<u16>().is_ok().then_some(address)?,
            _ => text,
        },
    };
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Refuses what another site sends with our cookies: browsers say where a request comes from. Programs with a token
/// send neither header.
fn same_site(request: &Request, is_link: bool) -> Result<()> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let fine = match (header("sec-fetch-site"), header("origin"), header("host")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), host) => origin.split_once("://").map(|(_, origin)| origin) == host,
        (None, None, _) => true,
    };
    // Where the address itself is the proof, browsers are told to say nothing of where a form comes from (Fetch §3.2).
    let fine = fine || (header("sec-fetch-site").is_none() && header("origin") == Some("null") && is_link);
    if fine { Ok(()) } else { Err(foreign_form()) }
}

/// The answer to a form that did not come from our own page.
pub(crate) fn foreign_form() -> Error {
    let message =
        "This form did not come from this page, or the page was open for too long. Reload it and try again.";
    Error::new(Kind::Forbidden, "form.foreign", message)
}

/// The policy of every page (<https://www.w3.org/TR/CSP3/>): nothing but our own files, no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What a browser is asked to say of itself from its next request on: the sign-in itself, mostly.
const HINTS: &str = "Sec-CH-UA-Platform-Version, Sec-CH-UA-Model, Sec-CH-UA-Full-Version-List";

fn add_headers(headers: &mut HeaderMap, id: RequestId, is_api: bool, https: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if !is_api {
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::REFERRER_POLICY, "same-origin");
        set(header::X_FRAME_OPTIONS, "DENY");
        // Without these, browsers of today name the same system for everybody (`connect/src/device.rs`).
        set(HeaderName::from_static("accept-ch"), HINTS);
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    }
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if let Ok(id) = HeaderValue::from_bytes(&id.0) {
        headers.insert("x-request-id", id);
    }
}

#[cfg(test)]
mod tests {
    use super::forwarded;

    #[test]
    fn an_address_is_read_as_proxies_write_it() {
        for (text, address) in [
            ("198.51.100.9", "198.51.100.9"),
            ("198.51.100.9:50123", "198.51.100.9"),
            ("2001:db8::5", "2001:db8::5"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("[2001:db8::5]:51234", "2001:db8::5"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            ("\"[2001:db8::5]:80\"", "2001:db8::5"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(
                forwarded(text).map(|address| address.to_string()).as_deref(),
                Some(address),
                "{text}"
            );
        }
        for text in
            ["unknown", "_hidden", "198.51.100", "198.51.100.9:port", "[2001:db8::5", "[::1]x", "a:b:c:", ""]
        {
            assert_eq!(forwarded(text), None, "{text}");
        }
    }
}
