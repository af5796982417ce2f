//! “Why can't they sign in?” in the API.

use app::explain_sign_in::{Explained, Explanation};
use axum::extract::State;
use model::{UserId, explanation::Fix};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::Id,
    problem::{Answer, ProblemDocument},
};

/// Why a user can't sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    /// Whether nobody gets in as things stand.
    is_blocked: bool,
    /// What is in the way, or may have gone wrong; the most important first.
    causes: Vec<CauseView>,
    /// The last time that it worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<String>,
    /// Where the user signs in.
    address: String,
}

/// A cause.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CauseView {
    /// A stable name, such as `locked` or `invitation_expired`.
    cause: String,
    /// Whether nobody gets in while it holds; else it is what may have gone wrong.
    blocks: bool,
    /// What it is.
    title: String,
    /// Since when, until when, by whom, what to do.
    text: String,
    /// What ends it, the likeliest first.
    fixes: Vec<FixView>,
}

/// What ends a cause.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FixView {
    /// What.
    fix: Fix,
    /// In words.
    label: String,
    /// Whether the caller can do it.
    is_possible: bool,
    /// Why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    refused: String,
}

fn present(cause: Explained) -> CauseView {
    let fixes = cause.fixes.into_iter().map(|offered| FixView {
        fix: offered.fix,
        label: offered.label,
        is_possible: offered.refused.is_empty(),
        refused: offered.refused,
    });
    CauseView {
        cause: cause.cause,
        blocks: cause.blocks,
        title: cause.title,
        text: cause.text,
        fixes: fixes.collect(),
    }
}

/// Explain why a user can't sign in
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/sign-in-explanation", tag = "Users",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = ExplanationView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn sign_in(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<ExplanationView>> {
    let Explanation { causes, is_blocked, last_sign_in_at, address } =
        shared.app.explain_sign_in(&caller.actor, &caller.org, id).await?;
    let causes = causes.into_iter().map(present).collect();
    let last_sign_in_at = last_sign_in_at.map(moment);
    Ok(axum::Json(ExplanationView { is_blocked, causes, last_sign_in_at, address }))
}
