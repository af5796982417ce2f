//! Mails as their readers see them: the HTML part as a document of its own, in a frame that may do nothing but open links.
//!
//! What a mail says comes partly from people. The part is served under a policy without scripts and with an origin of
//! its own (`sandbox`), so that even a hole in the mail's template would reach nothing.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};

/// Nothing but the styles in the mail itself; links open in a new tab.
const PART: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; \
                    form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox";

/// The policy of a page that shows such a part in a frame; otherwise as every page's.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                    frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The HTML part alone.
pub(crate) fn part(html: &str) -> Response {
    // Links leave the frame: what they lead to refuses to be framed.
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PART)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ];
    (headers, Html(html)).into_response()
}

/// Lets a page show a part.
pub(crate) fn may_frame(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE));
    response
}
