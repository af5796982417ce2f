//! One's own API tokens in the API.

use app::tokens::NewToken;
use axum::{extract::State, http::StatusCode};
use model::{Permission, Permissions, TokenId, token::Token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::{Id, Json},
    problem::{Answer, ProblemDocument},
};

/// An API token, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: TokenId,
    /// What it is for.
    name: String,
    /// What it may do, within what its user may do; missing: all that.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<Permission>>,
    /// When it was made.
    created_at: String,
    /// When it ends.
    expires_at: String,
    /// Last use, to within five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

fn present(token: &Token) -> TokenView {
    TokenView {
        id: token.id,
        name: token.name.clone(),
        scopes: (token.scopes != Permissions::all()).then(|| token.scopes.iter().collect()),
        created_at: moment(token.created_at),
        expires_at: moment(token.expires_at),
        last_used_at: token.last_used_at.map(moment),
    }
}

/// One's own tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenList {
    /// Newest first.
    items: Vec<TokenView>,
}

/// List one's own API tokens
#[utoipa::path(get, path = "/o/{slug}/api/v1/tokens", tag = "Tokens",
    responses((status = 200, body = TokenList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<TokenList>> {
    let tokens = shared.app.own_tokens(&caller.actor).await?;
    Ok(axum::Json(TokenList { items: tokens.iter().map(present).collect() }))
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTokenBody {
    /// What it is for.
    name: String,
    /// Permissions; left out or empty: all that its user may do.
    #[serde(default)]
    scopes: Vec<String>,
    /// Days until it ends, 1 to 366; 90 if left out.
    #[serde(default = "ninety")]
    days: u16,
}

fn ninety() -> u16 {
    90
}

/// A token was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedTokenView {
    /// Its stored side.
    #[serde(flatten)]
    token: TokenView,
    /// The token itself: shown this once.
    #[serde(rename = "token", skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Create an API token
#[utoipa::path(post, path = "/o/{slug}/api/v1/tokens", tag = "Tokens", request_body = NewTokenBody,
    responses((status = 201, body = CreatedTokenView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<NewTokenBody>,
) -> Answer<(StatusCode, axum::Json<CreatedTokenView>)> {
    let new = NewToken { name: body.name, scopes: body.scopes, days: body.days, secret: None };
    let created = shared.app.create_token(&caller.actor, new, None).await?;
    let view = CreatedTokenView { token: present(&created.token), secret: created.secret };
    Ok((StatusCode::CREATED, axum::Json(view)))
}

/// Revoke an API token
#[utoipa::path(delete, path = "/o/{slug}/api/v1/tokens/{id}", tag = "Tokens",
    params(("id" = uuid::Uuid, Path, description = "The token's id.")),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<TokenId>,
) -> Answer<StatusCode> {
    shared.app.revoke_token(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
