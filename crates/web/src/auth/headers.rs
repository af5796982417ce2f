//! What headers say of a request of the API: which version was seen, and that the same is done once.

use std::sync::Arc;

use app::{Actor, actor::Once};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, header},
};
use model::{Error, Kind, Result};
use sha2::{Digest, Sha256};

use super::{is_unsafe, read_body};

/// A header that may stand once: empty, which no such header may be, if it stands twice or is no text.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().unwrap_or_default();
    Some(if values.next().is_none() { first } else { "" })
}

/// `If-Match: "7"`: the version that the caller has seen. `*` means any.
pub(super) fn version(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = single(headers, header::IF_MATCH.as_str()) else { return Ok(None) };
    let text = value.trim();
    if text == "*" {
        return Ok(None);
    }
    let digits = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let message = "Send If-Match with the ETag that you were given, such as \"7\".";
    number.map(Some).ok_or_else(|| Error::new(Kind::Malformed, "if_match.malformed", message))
}

/// `Idempotency-Key` on a write: the same key with the same request is answered as the first time.
pub(super) async fn remember_once(request: &mut Request, actor: &mut Actor) -> Result<()> {
    let sent = single(request.headers(), "idempotency-key").filter(|_| is_unsafe(request.method()));
    let Some(key) = sent.map(str::to_owned) else { return Ok(()) };
    if key.is_empty() || key.len() > 255 {
        let message = "Send one Idempotency-Key of 1 to 255 visible characters.";
        return Err(Error::new(Kind::Malformed, "idempotency.malformed", message));
    }
    let body = read_body(std::mem::take(request.body_mut())).await?;
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let fingerprint = Sha256::new()
        .chain_update(request.method().as_str())
        .chain_update([0])
        .chain_update(target)
        .chain_update([0])
        .chain_update(&body)
        .finalize();
    actor.once = Some(Once { key, fingerprint: fingerprint.into(), typed: Arc::default() });
    *request.body_mut() = Body::from(body);
    Ok(())
}
