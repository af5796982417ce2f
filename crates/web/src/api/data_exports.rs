//! Exports of all that is held on a person in the API. The file itself is fetched through the link, by a browser or with
//! the token of whoever asked.

use app::{activity::Whose, data_exports::Export};
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::{UserId, data_export::ExportState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{lifecycle::Nothing, moment},
    auth::Caller,
    extract::{Id, Json, Name},
    problem::{Answer, ProblemDocument},
};

/// An export of all that is held on a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DataExportView {
    /// Whose data.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// Where it stands.
    state: ExportState,
    /// When it was asked for.
    created_at: String,
    /// When it was ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_at: Option<String>,
    /// It is removed then.
    expires_at: String,
    /// Bytes of the file; 0 until it is ready.
    size: i64,
    /// Where the file is fetched, once it is ready, by who asked for it and is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

fn present(Export { export, link }: Export) -> DataExportView {
    DataExportView {
        user: export.user,
        state: export.state,
        created_at: moment(export.created_at),
        ready_at: export.ready_at.map(moment),
        expires_at: moment(export.expires_at),
        size: export.size,
        link,
    }
}

/// Ask for all that is held on a user
///
/// The file is made in the background; a link to it is mailed, and stands in the answer of `GET` once it is ready. An
/// earlier one is removed.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/data-export", tag = "Privacy", request_body = Nothing,
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 202, body = DataExportView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn ask(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<(StatusCode, axum::Json<DataExportView>)> {
    asked(&shared, &caller, Whose::Of(id)).await
}

/// Show where an export of all that is held on a user stands
///
/// The latest that the caller has asked for.
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/data-export", tag = "Privacy",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = DataExportView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<DataExportView>> {
    let export = shared.app.data_export(&caller.actor, &caller.org, Whose::Of(id)).await?;
    Ok(axum::Json(present(export)))
}

/// Ask for all that is held on oneself
#[utoipa::path(post, path = "/o/{slug}/api/v1/account/data-export", tag = "Privacy", request_body = Nothing,
    responses((status = 202, body = DataExportView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn ask_own(
    State(shared): State<Shared>,
    caller: Caller,
    Json(Nothing {}): Json<Nothing>,
) -> Answer<(StatusCode, axum::Json<DataExportView>)> {
    asked(&shared, &caller, Whose::Own).await
}

/// Show where an export of all that is held on oneself stands
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/data-export", tag = "Privacy",
    responses((status = 200, body = DataExportView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show_own(
    State(shared): State<Shared>,
    caller: Caller,
) -> Answer<axum::Json<DataExportView>> {
    let export = shared.app.data_export(&caller.actor, &caller.org, Whose::Own).await?;
    Ok(axum::Json(present(export)))
}

async fn asked(
    shared: &Shared,
    caller: &Caller,
    whose: Whose,
) -> Answer<(StatusCode, axum::Json<DataExportView>)> {
    let export = shared.app.ask_for_data(&caller.actor, whose).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(present(export))))
}

/// `GET /o/{slug}/data-export/{name}`: the file behind a link, for who asked for it.
pub(crate) async fn fetch(
    State(shared): State<Shared>,
    caller: Caller,
    Name(secret): Name,
) -> Answer<Response> {
    let file = shared.app.fetch_data(&caller.actor, &secret).await?;
    let mut response = file.content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", file.name)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
