//! The console's style sheet, scripts and pictures, compiled into the program and served under one versioned folder.
//!
//! The folder's name is a hash of everything in it (`/assets/3f9c…/console.js`), so that browsers may keep files for
//! ever and modules import their neighbours by relative names. A debug build reads the files at each request.

use std::{borrow::Cow, fmt::Write as _, io::Read as _, sync::OnceLock};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use flate2::read::GzDecoder;
use rust_embed::Embed;
use sha2::{Digest, Sha256};

use crate::icons;

#[derive(Embed)]
#[folder = "assets/"]
struct Files;

/// The parts of `console.css`, in the order of their layers.
const STYLE_SHEETS: &[&str] = &[
    "tokens.css",
    "base.css",
    "layout.css",
    "components.css",
    "table.css",
    "forms.css",
    "roles.css",
    "pages.css",
    "activity.css",
    "groups.css",
    "access.css",
];

/// The address of an asset, for templates.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{}/{name}", version())
}

/// Answers `/assets/{version}/{name}` and `/favicon.ico`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{version}/{name}", get(serve)).route("/favicon.ico", get(favicon))
}

/// For what looks for the icon where it always was; pages name theirs.
async fn favicon() -> Redirect {
    Redirect::temporary(&url("mark.svg"))
}

/// A file under any version: a page that was open during an upgrade still finds its script, but may not keep it.
async fn serve(Path((asked, name)): Path<(String, String)>, wishes: HeaderMap) -> Response {
    let Some((content_type, body)) = load(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let may_keep = asked == version() && !cfg!(debug_assertions);
    let keep = if may_keep { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, keep),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    match body {
        Asset::Plain(body) => (headers, body.into_owned()).into_response(),
        Asset::Compressed(body) => (headers, compressed(body, &wishes)).into_response(),
    }
}

/// As it is for whoever takes gzip, which is everybody; unpacked for the others.
pub(crate) fn compressed(body: &'static [u8], wishes: &HeaderMap) -> Response {
    let varies = (header::VARY, HeaderValue::from_static("accept-encoding"));
    let accepted = wishes.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("gzip")) {
        let packed = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return ([varies, packed], body).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(body).read_to_end(&mut plain) {
        Ok(_) => ([varies], plain).into_response(),
        Err(error) => {
            tracing::error!(%error, "an asset can't be unpacked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The bytes of an asset.
enum Asset {
    Plain(Cow<'static, [u8]>),
    /// With gzip, when the program was built.
    Compressed(&'static [u8]),
}

/// The API page's own script, by far the largest asset.
static API_REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/api-reference.js.gz"));

/// Content type and bytes of an asset by name.
fn load(name: &str) -> Option<(&'static str, Asset)> {
    let content_type = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let body = match name {
        "console.css" => style_sheet().into_bytes().into(),
        "icons.svg" => icons::sprite().into_bytes().into(),
        "api-reference.js" => return Some((content_type, Asset::Compressed(API_REFERENCE))),
        _ => Files::get(name)?.data,
    };
    Some((content_type, Asset::Plain(body)))
}

/// All layers as one file: one request before the first paint.
fn style_sheet() -> String {
    let mut text = String::new();
    for name in STYLE_SHEETS {
        let file = Files::get(name).unwrap_or_else(|| unreachable!("{name} is listed and compiled in"));
        text.push_str(&String::from_utf8_lossy(&file.data));
    }
    text
}

/// The first bytes of a hash over every asset, taken once.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = Sha256::new();
        for name in Files::iter() {
            hash.update(name.as_bytes());
            hash.update(Files::get(&name).map(|file| file.data).unwrap_or_default());
        }
        hash.update(icons::sprite());
        let mut text = String::new();
        for byte in &hash.finalize()[..6] {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, StatusCode, header},
    };
    use tower::ServiceExt as _;

    use super::{Files, STYLE_SHEETS, load, router, style_sheet, url};

    #[test]
    fn every_style_sheet_is_in_the_one_that_is_served() {
        for file in Files::iter().filter(|name| name.ends_with(".css")) {
            assert!(STYLE_SHEETS.contains(&file.as_ref()), "{file} is not listed");
        }
        assert!(style_sheet().contains("@layer"));
    }

    #[test]
    fn only_assets_are_served() {
        assert!(load("console.css").is_some());
        assert!(load("icons.svg").is_some());
        assert!(load("console.js").is_some());
        assert!(load("../Cargo.toml").is_none());
        assert!(load("nothing.js").is_none());
    }

    #[tokio::test]
    async fn an_asset_has_a_type_that_is_not_to_be_guessed_at() {
        let ask = |address: String| Request::get(address).body(Body::empty()).expect("a request");
        let found = router::<()>().oneshot(ask(url("console.js"))).await.expect("an answer");
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(found.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(found.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let packed = router::<()>().oneshot(ask(url("api-reference.js"))).await.expect("an answer");
        assert!(!packed.headers().contains_key(header::CONTENT_ENCODING));
        let mut request = ask(url("api-reference.js"));
        request.headers_mut().insert(header::ACCEPT_ENCODING, "br, gzip".parse().expect("a header"));
        let packed = router::<()>().oneshot(request).await.expect("an answer");
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        let missing = router::<()>().oneshot(ask(url("missing.js"))).await.expect("an answer");
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    }
}
