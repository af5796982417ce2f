//! The receipt of an erasure in the API.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use model::{UserId, erasure::Receipt};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Shared,
    auth::Caller,
    extract::{Id, Query},
    problem::{Answer, ProblemDocument},
};

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Form {
    /// `json`, or `text` to be filed.
    #[serde(default)]
    format: String,
}

/// Show the receipt of an erasure
///
/// Who was deleted permanently, when, by whom, and how much was removed. It names nobody but who did it.
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/erasure", tag = "Lifecycle",
    params(("id" = uuid::Uuid, Path, description = "The id that the user had."), Form),
    responses((status = 200, content((Receipt = "application/json"), (String = "text/plain"))), (status = "default", body = ProblemDocument)))]
pub(crate) async fn receipt(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Query(form): Query<Form>,
) -> Answer<Response> {
    let receipt = shared.app.erasure_receipt(&caller.actor, id).await?;
    Ok(if form.format == "text" {
        file(&receipt, "txt", receipt.text())
    } else {
        axum::Json(receipt).into_response()
    })
}

/// A receipt to be saved.
pub(crate) fn file(receipt: &Receipt, ending: &str, text: String) -> Response {
    let media = if ending == "txt" { "text/plain; charset=utf-8" } else { "application/json" };
    let name = format!("attachment; filename=\"erasure-{}.{ending}\"", receipt.user);
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}
