//! The cookies of browsers: of sessions, and of known devices.

use axum::http::{HeaderMap, header};
use model::{Org, device::KnownDevice, session::Secret};

/// The name of an organization's cookie: one each, so that several can be signed in to at once. The prefix makes
/// browsers insist on https, on the whole host and on no other (RFC 6265bis §4.1.3.2).
pub(crate) fn cookie_name(org: &Org, https: bool) -> String {
    let prefix = if https { "__Host-" } else { "" };
    format!("{prefix}muster-{}", org.id)
}

/// The name of an organization's cookie of known devices.
pub(crate) fn devices_cookie_name(org: &Org, https: bool) -> String {
    let prefix = if https { "__Host-" } else { "" };
    format!("{prefix}muster-devices-{}", org.id)
}

/// By which this browser says to be known to people of an organization; whether it is, is the database's word.
pub(crate) fn presented_devices(headers: &HeaderMap, org: &Org, https: bool) -> Vec<Secret> {
    let cookie = cookie(headers, &devices_cookie_name(org, https)).unwrap_or_default();
    cookie.split('.').filter_map(Secret::parse).take(KnownDevice::COOKIES).collect()
}

/// The cookie of a session of the organization, if the browser brought one.
pub(crate) fn session_cookie<'h>(headers: &'h HeaderMap, org: &Org, https: bool) -> Option<&'h str> {
    cookie(headers, &cookie_name(org, https))
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The other organizations that this browser holds a cookie of, by id.
pub(crate) fn signed_in_orgs(headers: &HeaderMap, https: bool) -> Vec<(model::OrgId, Secret)> {
    let prefix = if https { "__Host-muster-" } else { "muster-" };
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(prefix)?.split_once('='));
    pairs.filter_map(|(org, secret)| Some((org.parse().ok()?, Secret::parse(secret)?))).take(20).collect()
}
