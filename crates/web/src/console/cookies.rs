//! The cookies that answers set: of sessions, and of known devices.

use axum::http::HeaderValue;
use model::{Org, device::KnownDevice, session::Secret};

use crate::auth;

/// The cookie of a session. `keep` = seconds for which the browser keeps it; `None`: until it is closed.
pub(crate) fn session_cookie(org: &Org, secret: &Secret, keep: Option<u64>, https: bool) -> HeaderValue {
    cookie(&auth::cookie_name(org, https), &secret.reveal(), keep, https)
}

/// The cookie by which this browser is known to people, the latest first: kept for as long as it would be believed.
pub(super) fn devices_cookie(org: &Org, devices: &[Secret], https: bool) -> HeaderValue {
    let value: Vec<String> = devices.iter().map(Secret::reveal).collect();
    let keep = Some(KnownDevice::LIFETIME.as_secs());
    cookie(&auth::devices_cookie_name(org, https), &value.join("."), keep, https)
}

/// Makes the browser forget a session's cookie.
pub(super) fn end_session_cookie(org: &Org, https: bool) -> HeaderValue {
    cookie(&auth::cookie_name(org, https), "", Some(0), https)
}

fn cookie(name: &str, value: &str, keep: Option<u64>, https: bool) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let keep = keep.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{keep}");
    HeaderValue::from_str(&cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}
