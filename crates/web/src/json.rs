//! JSON bodies: read strictly, so that nothing which was sent is overlooked.
//!
//! A key that comes twice is refused at any depth (RFC 8259 §4 leaves open which one counts), an unknown one by the type
//! that is read. A byte order mark in front is ignored (RFC 8259 §8.1 allows that).

use std::{collections::HashSet, fmt};

use axum::{
    extract::{FromRequest, Request},
    http::header,
};
use model::{Error, Kind, unacceptable};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{auth, problem::Problem};

/// A JSON body. An empty one counts as `{}`.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = auth::read_body(body).await?;
        if body.is_empty() {
            return Ok(Self(read(b"{}")?));
        }
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            let message = "Send JSON, with the header Content-Type: application/json.";
            return Err(Problem(Error::new(Kind::Malformed, "body.not_json", message)));
        }
        Ok(Self(read(&body)?))
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads JSON and says which field was wrong. Depth is bounded by the parser.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if body.trim_ascii_start().starts_with(b"[") {
        // It would be read as the fields in their order.
        let message = "Send an object, not a list.";
        return Err(Error::invalid_field("body", "body.unacceptable", message));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = Keys { path: "" }.deserialize(&mut reader).map_err(|error| malformed(&error))?;
    reader.end().map_err(|error| {
        let message = format!("There is something behind the JSON: {error}.");
        Error::new(Kind::Malformed, "body.malformed", message)
    })?;
    if let Some(path) = found {
        return Err(Error::invalid_field(path, "body.repeated", "Send this field once."));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        if inner.is_data() { unacceptable::refused(&path, &inner.to_string()) } else { malformed(inner) }
    })
}

/// The same of what was read as an object before.
pub(crate) fn read_object<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Error> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        unacceptable::refused(&path, &inner.to_string())
    })
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::new(Kind::Malformed, "body.malformed", format!("This is not well-formed JSON: {error}."))
}

/// Walks through any JSON and answers the path of the first key that its object has already.
#[derive(Clone, Copy)]
struct Keys<'p> {
    path: &'p str,
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut known, mut found) = (HashSet::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            let inside = map.next_value_seed(Keys { path: &path })?;
            let repeated = (!known.insert(key)).then_some(path);
            found = found.or(repeated).or(inside);
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut at) = (None, 0_usize);
        loop {
            let path = format!("{}[{at}]", self.path);
            let Some(inside) = list.next_element_seed(Keys { path: &path })? else { return Ok(found) };
            (found, at) = (found.or(inside), at + 1);
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        if number.is_finite() { Ok(None) } else { Err(E::custom("number out of range")) }
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
