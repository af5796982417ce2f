//! The query of a request in front of its handler: what every write understands, and what a route's declaration names.
//!
//! The API refuses all else: a parameter that is misspelt, repeated or escaped would otherwise be a wish that nobody
//! heeds, and a dry run that is none. Pages ignore what they don't know.

use axum::extract::Request;
use model::{
    Error, Kind, Result,
    outgrown::{CONFIRMED_BY, Confirmed},
    page, search,
};

use crate::{
    auth, json,
    route::{Declared, Unknown},
};

/// What a query asks of any write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `dry_run=true`: do everything, then undo it.
    pub(crate) dry_run: bool,
    /// `impact=true` beside it: answer whose access it would change.
    pub(crate) impact: bool,
    /// `end_secrets=…`: the number that confirms that what others made ends with it.
    pub(crate) end_secrets: Confirmed,
}

/// What every write takes, and what those take besides that can give rights.
const OF_WRITES: [&str; 2] = ["dry_run", "impact"];

/// Whether a query parameter is one of every such write.
pub(crate) fn is_of_writes(name: &str) -> bool {
    OF_WRITES.contains(&name) || name == CONFIRMED_BY
}

/// Reads the query as the route's declaration says; refuses what it doesn't name, unless that is ignored there.
pub(crate) fn query(route: &Declared, query: Option<&str>) -> Result<Asked> {
    let mut asked = Asked::default();
    let query = query.unwrap_or_default();
    let is_strict = route.unknown == Unknown::Refused;
    let mut known: Vec<&str> = Vec::new();
    // Nothing between two marks is nothing (WHATWG URL, `application/x-www-form-urlencoded` parsing); what a write is asked is
    // written as it is documented.
    for pair in query.split('&').filter(|pair| !pair.is_empty() || (route.writes() && !query.is_empty())) {
        let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
        let of_write =
            route.writes() && (OF_WRITES.contains(&name) || confirms(route) && name == CONFIRMED_BY);
        if is_strict {
            if !of_write && !route.query.iter().any(|declared| declared == name) {
                return Err(unknown(route, name));
            }
            if known.contains(&name) {
                let message = format!("Send {name} once.");
                return Err(Error::new(Kind::Malformed, "query.repeated", message));
            }
            known.push(name);
            value_of(name, value)?;
        }
        if of_write {
            match name {
                "dry_run" => asked.dry_run = yes_or_no(name, value)?,
                CONFIRMED_BY => asked.end_secrets = Confirmed::number(number(name, value)?),
                _ => asked.impact = is_strict && yes_or_no(name, value)?,
            }
        }
    }
    if asked.impact && !asked.dry_run {
        let message = "An impact is told of dry runs: send dry_run=true too.";
        return Err(Error::invalid_field("impact", "impact.not_dry", message));
    }
    Ok(asked)
}

/// The name as it was sent, unescaped: names of parameters need no escapes, and one that has them is another's.
fn unknown(route: &Declared, name: &str) -> Error {
    let mut names: Vec<&str> = route.query.iter().map(String::as_str).collect();
    if route.writes() {
        names.extend(OF_WRITES);
        names.extend(confirms(route).then_some(CONFIRMED_BY));
    }
    let name: String = name.chars().take(60).collect();
    let message = match names.as_slice() {
        [] => format!("There is no query parameter \u{201c}{name}\u{201d} here. Leave it out."),
        names => {
            format!(
                "There is no query parameter \u{201c}{name}\u{201d} here. Known ones: {}.",
                names.join(", ")
            )
        }
    };
    Error::new(Kind::Malformed, "query.unknown", message)
}

/// Whether what may end with a change can be confirmed here: where that is declared, and in the console.
fn confirms(route: &Declared) -> bool {
    route.ends_secrets || route.unknown == Unknown::Ignored
}

fn number(name: &str, value: Option<&str>) -> Result<u64> {
    let digits = value.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let (field, message) = (name.to_owned(), format!("Send {name} with a number, or leave it out."));
        Error::invalid_field(field, format!("{name}.malformed"), message)
    })
}

fn yes_or_no(name: &str, value: Option<&str>) -> Result<bool> {
    match value {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => {
            let (field, message) = (name.to_owned(), format!("Send {name}=true or leave it out."));
            Err(Error::invalid_field(field, format!("{name}.malformed"), message))
        }
    }
}

/// One rule for the page sizes and searches of all lists, and for escapes.
fn value_of(name: &str, value: Option<&str>) -> Result<()> {
    let malformed = |message: String| Error::new(Kind::Malformed, "query.malformed", message);
    let value = value.ok_or_else(|| malformed(format!("Send {name} with a value: {name}=…")))?;
    let decoded = decoded(value).ok_or_else(|| malformed(format!("The escapes in {name} can't be read.")))?;
    match name {
        "limit" => page::read_limit(&decoded).map(|_| ()),
        "page_size" => page::read_limit(&decoded)
            .map(|_| ())
            .map_err(|error| Error::invalid_field("page_size", "page.limit", error.message())),
        "search" => search::check(&decoded),
        _ => Ok(()),
    }
}

/// The text that an escaped one means (RFC 3986 §2.1, with `+` for a blank as forms write it).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
                u8::from_str_radix(digits, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Refuses a body where the declaration has none: what it asks for would not happen.
pub(crate) async fn no_body(route: &Declared, request: &mut Request) -> Result<()> {
    if route.unknown == Unknown::Ignored || !route.writes() || route.takes_body {
        return Ok(());
    }
    let body = auth::read_body(std::mem::take(request.body_mut())).await?;
    if body.is_empty() {
        return Ok(());
    }
    json::read::<Nothing>(&body).map(|_| ())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}
