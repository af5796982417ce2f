//! The parameters of the route that was matched: what a request is about. Nothing reads the path as text, in which a slug
//! such as `users` would look like a noun.

use app::access::Target;
use axum::{
    RequestExt as _,
    extract::{RawPathParams, Request},
};

use crate::route::{About, Declared};

/// The parameters by name, unescaped.
pub(crate) struct Params(Option<RawPathParams>);

impl Params {
    /// Those of a request; none where the path holds none, or holds what is no text.
    pub(crate) async fn of(request: &mut Request) -> Self {
        Self(request.extract_parts().await.ok())
    }

    /// One parameter; empty if the route has none of that name.
    pub(crate) fn get(&self, name: &str) -> &str {
        let mut all = self.0.iter().flatten();
        all.find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The user or group that the request is about.
    pub(crate) fn target(&self, route: &Declared) -> Option<Target> {
        let id = self.get("id");
        match route.about? {
            About::User => id.parse().ok().map(Target::User),
            About::Group => id.parse().ok().map(Target::Group),
        }
    }
}
