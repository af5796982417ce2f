//! API tokens in the API: one's own, and everybody's.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use app::tokens::{Listed, NewToken};
use axum::{extract::State, http::StatusCode};
use model::{
    Permission, Permissions, TokenId, UserId,
    token::{Token, TokenQuery},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    api::moment,
    auth::Caller,
    extract::{Id, Json, OfToken, Query},
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
    /// Since when it opens nothing, because its user was given more rights than whoever made it could give. Make a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    outgrown_at: Option<String>,
}

fn present(token: &Token) -> TokenView {
    TokenView {
        id: token.id,
        name: token.name.clone(),
        scopes: (token.scopes != Permissions::all()).then(|| token.scopes.iter().collect()),
        created_at: moment(token.created_at),
        expires_at: moment(token.expires_at),
        last_used_at: token.last_used_at.map(moment),
        outgrown_at: token.outgrown_at().map(moment),
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
    /// Permissions such as `user:list`; `["*"]` for everything that its user may do, now and later. One of the two must be
    /// chosen.
    #[serde(default)]
    #[schema(required = true, min_items = 1)]
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

/// How many tokens were revoked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RevokedCount {
    /// So many, or in a dry run would be.
    tokens: u64,
}

/// Which of one's own tokens to revoke.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnTokensQuery {
    /// `true`: all but the one that asks.
    others: bool,
}

/// Revoke one's own API tokens
#[utoipa::path(delete, path = "/o/{slug}/api/v1/tokens", tag = "Tokens", params(OwnTokensQuery),
    responses((status = 200, body = RevokedCount), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_own(
    State(shared): State<Shared>,
    caller: Caller,
    Query(query): Query<OwnTokensQuery>,
) -> Answer<axum::Json<RevokedCount>> {
    let tokens = shared.app.revoke_own_tokens(&caller.actor, query.others).await?;
    Ok(axum::Json(RevokedCount { tokens }))
}

/// A token with whose it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedTokenView {
    /// Its stored side.
    #[serde(flatten)]
    token: TokenView,
    /// Whose, by id.
    #[schema(value_type = uuid::Uuid)]
    user: UserId,
    /// Whose, by name.
    user_name: String,
    /// Whether it is a service user's.
    is_service: bool,
}

impl From<Listed> for ListedTokenView {
    fn from(listed: Listed) -> Self {
        let Listed { token, holder } = listed;
        let (user, is_service) = (token.user, holder.is_service);
        Self { token: present(&token), user, user_name: holder.name, is_service }
    }
}

/// One page of everybody's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AllTokens {
    /// In the order of the filter.
    items: Vec<ListedTokenView>,
    /// Leads to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// What is asked of everybody's tokens.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `all`, the newest first; `ending` within 14 days, the next first; `unused` for 90 days, the longest first; `everything`, those that
    /// may do everything, the newest first.
    filter: String,
    /// How many, at most 200; 50 if left out.
    limit: Option<u16>,
    /// Where an earlier page ended.
    page_token: String,
}

/// List everybody's API tokens
#[utoipa::path(get, path = "/o/{slug}/api/v1/tokens/all", tag = "Tokens", params(Wanted),
    responses((status = 200, body = AllTokens), (status = "default", body = ProblemDocument)))]
pub(crate) async fn all(
    State(shared): State<Shared>,
    caller: Caller,
    Query(wanted): Query<Wanted>,
) -> Answer<axum::Json<AllTokens>> {
    let query = TokenQuery::read(caller.actor.reader(), &wanted.filter, wanted.limit, &wanted.page_token)?;
    let page = shared.app.tokens(&caller.actor, query).await?;
    let items = page.items.into_iter().map(ListedTokenView::from).collect();
    Ok(axum::Json(AllTokens { items, next_page_token: page.next }))
}

/// List a user's API tokens
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/tokens", tag = "Tokens",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = TokenList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<TokenList>> {
    let tokens = shared.app.tokens_of(&caller.actor, id).await?;
    Ok(axum::Json(TokenList { items: tokens.iter().map(present).collect() }))
}

/// Create an API token for a service user
///
/// What it may do lies within what the service user may do, and within what you may do yourself.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/tokens", tag = "Tokens", request_body = NewTokenBody,
    params(("id" = uuid::Uuid, Path, description = "The service user's id.")),
    responses((status = 201, body = CreatedTokenView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn create_for(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<NewTokenBody>,
) -> Answer<(StatusCode, axum::Json<CreatedTokenView>)> {
    let new = NewToken { name: body.name, scopes: body.scopes, days: body.days, secret: None };
    let created = shared.app.create_token_of(&caller.actor, id, new).await?;
    let view = CreatedTokenView { token: present(&created.token), secret: created.secret };
    Ok((StatusCode::CREATED, axum::Json(view)))
}

/// Revoke a user's API token
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/tokens/{token}", tag = "Tokens",
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
           ("token" = uuid::Uuid, Path, description = "The token's id.")),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_of(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    OfToken(token): OfToken,
) -> Answer<StatusCode> {
    shared.app.revoke_token_of(&caller.actor, id, token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke all API tokens of a user
///
/// What a reset of the password left: it ends only the tokens that are younger than the longest life of a session.
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/tokens", tag = "Tokens",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = RevokedCount), (status = "default", body = ProblemDocument)))]
pub(crate) async fn revoke_all_of(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<RevokedCount>> {
    let tokens = shared.app.revoke_tokens_of(&caller.actor, id).await?;
    Ok(axum::Json(RevokedCount { tokens }))
}
