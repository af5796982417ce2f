//! What handlers take out of a request, with our own refusals: every malformed input gets a clear answer.

use std::str::FromStr;

use axum::{
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{Method, request::Parts},
};
use model::{DeviceId, Error, GroupId, Kind, SessionId, TokenId, UserId, unacceptable};
use serde::de::DeserializeOwned;

use crate::{
    auth::{self, Caller, Place},
    input,
    problem::Problem,
    security::Origin,
};

pub(crate) use crate::json::Json;

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.remove::<Self>();
        caller.ok_or_else(|| Problem(Error::internal("a handler takes a caller, but its route needs nobody")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let place = parts.extensions.get::<Self>().cloned();
        place.ok_or_else(|| {
            Problem(Error::internal("a handler takes an organization, but its route has none"))
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(auth::origin_of(parts))
    }
}

/// The `{id}` of the path. One that can't be read names nothing: 404.
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = Error>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = named(parts, state, "id").await?;
        Ok(Self(text.parse()?))
    }
}

/// The `{session}` of the path, beside the `{id}` of its user.
pub(crate) struct Session(pub(crate) SessionId);

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = named(parts, state, "session").await?;
        Ok(Self(text.parse()?))
    }
}

/// The `{device}` of the path, beside the `{id}` of its user.
pub(crate) struct Device(pub(crate) DeviceId);

impl<S: Send + Sync> FromRequestParts<S> for Device {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = named(parts, state, "device").await?;
        Ok(Self(text.parse()?))
    }
}

/// The `{user}` of the path, beside the `{id}` of a group.
pub(crate) struct Subject(pub(crate) UserId);

impl<S: Send + Sync> FromRequestParts<S> for Subject {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = named(parts, state, "user").await?;
        Ok(Self(text.parse()?))
    }
}

/// The `{child}` of the path, beside the `{id}` of the group that holds it.
pub(crate) struct Child(pub(crate) GroupId);

impl<S: Send + Sync> FromRequestParts<S> for Child {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = named(parts, state, "child").await?;
        Ok(Self(text.parse()?))
    }
}

/// The `{token}` of the path, beside the `{id}` of its user.
pub(crate) struct OfToken(pub(crate) TokenId);

impl<S: Send + Sync> FromRequestParts<S> for OfToken {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Name(text) = named(parts, state, "token").await?;
        Ok(Self(text.parse()?))
    }
}

/// The `{name}` of the path, as text.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        named(parts, state, "name").await
    }
}

async fn named<S: Send + Sync>(parts: &mut Parts, state: &S, wanted: &str) -> Result<Name, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Error::not_found())?;
    let value = params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    Ok(Name(value.ok_or_else(Error::not_found)?))
}

/// The query: unknown and malformed parameters are refused by name.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        // What every write takes was read in front of the handler (`auth.rs`).
        let is_own = |pair: &&str| !pair.split_once('=').is_some_and(|(name, _)| input::is_of_writes(name));
        let of_write: Vec<&str> = query.split('&').filter(is_own).collect();
        let of_write = of_write.join("&");
        let query = if parts.method == Method::GET { query } else { &of_write };
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        let read: Result<T, _> = serde_path_to_error::deserialize(pairs);
        Ok(Self(read.map_err(|error| {
            let (path, says) = (error.path().to_string(), error.inner().to_string());
            let why = unacceptable::refused(&path, &says);
            let field = why.fields().first().map(|field| field.field.to_string()).unwrap_or_default();
            let message = format!("The query parameter {field} can't be understood. {}", why.message());
            let fields = why.fields().to_vec();
            Error::new(Kind::Malformed, "query.malformed", message).with_fields(fields)
        })?))
    }
}

/// The fields of a form, in order, as a browser sends them.
pub(crate) struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = auth::read_body(request.into_body()).await?;
        let refused = |_| {
            let message = "This form can't be understood. Reload the page and try again.";
            Problem(Error::new(Kind::Malformed, "form.malformed", message))
        };
        Ok(Self(serde_urlencoded::from_bytes(&body).map_err(refused)?))
    }
}

impl Fields {
    /// A field's value; empty if it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// A field's value, if there is anything in it.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.trim().is_empty())
    }

    /// Every value of a field that may come several times.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The names of everything that was sent.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(field, _)| field.as_str())
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Refuses a form that does not carry its session's token. One of an earlier session is read, so that it can be shown
    /// again; the caller's actor does nothing with it (`stale_form.rs`).
    pub(crate) fn of(self, caller: &Caller) -> Result<Self, Problem> {
        let is_ours = !caller.csrf.is_empty() && self.get("csrf") == caller.csrf;
        let fine = is_ours || caller.actor.refusal.is_some();
        if fine { Ok(self) } else { Err(Problem(crate::security::foreign_form())) }
    }
}
