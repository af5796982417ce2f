//! The organization in the API: its name, address and rules.

use axum::{extract::State, http::StatusCode, response::Response};
use model::{Org, Settings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{moment, versioned},
    auth::Caller,
    extract::Json,
    problem::{Answer, ProblemDocument},
};

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrgView {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: model::OrgId,
    /// In its address.
    slug: String,
    /// As people read it.
    name: String,
    /// Its rules.
    settings: Settings,
    /// When it was created.
    created_at: String,
    /// Counts changes; send it as `If-Match`.
    version: i64,
}

fn present(org: Org) -> Response {
    let view = OrgView {
        id: org.id,
        slug: org.slug,
        name: org.name,
        settings: org.settings,
        created_at: moment(org.created_at),
        version: org.version,
    };
    versioned(StatusCode::OK, view.version, view)
}

/// Show the organization
#[utoipa::path(get, path = "/o/{slug}/api/v1/org", tag = "Organization",
    responses((status = 200, body = OrgView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(caller: Caller) -> Response {
    present((*caller.org).clone())
}

/// What can be changed of an organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrgPatch {
    /// As people read it.
    name: Option<String>,
    /// Its rules; what is left out stays.
    settings: Option<Settings>,
}

/// Change the organization's name and rules
///
/// A JSON merge patch.
#[utoipa::path(patch, path = "/o/{slug}/api/v1/org", tag = "Organization", request_body = OrgPatch,
    params(("If-Match" = Option<String>, Header, description = "The ETag of what you have seen.")),
    responses((status = 200, body = OrgView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn edit(
    State(shared): State<Shared>,
    caller: Caller,
    Json(patch): Json<Map<String, Value>>,
) -> Answer<Response> {
    Ok(present(shared.app.edit_org(&caller.actor, patch, caller.version).await?))
}

/// Another address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    /// 3 to 40 of `a-z 0-9 -`.
    slug: String,
}

/// Rename the organization's address
///
/// The present one keeps leading here for 90 days.
#[utoipa::path(post, path = "/o/{slug}/api/v1/org/rename", tag = "Organization", request_body = Rename,
    responses((status = 200, body = OrgView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn rename(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<Rename>,
) -> Answer<Response> {
    Ok(present(shared.app.rename_org(&caller.actor, &body.slug, caller.version).await?))
}
