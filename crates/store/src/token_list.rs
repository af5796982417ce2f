//! Everybody's API tokens, a page at a time: all by age, those that end soon by their end, those unused by last use. Each
//! order has an index, so that a page costs the same however many tokens there are. Single tokens are `tokens.rs`.

use model::{
    OrgContext, Result, Timestamp,
    page::{Cursor, Page},
    token::{Token, TokenFilter, TokenQuery},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Connection, Record, Row, boxed, values};

/// A token with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The token.
    pub token: Token,
    /// Whose.
    pub holder: Holder,
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The name, as shown.
    pub name: String,
    /// The username.
    pub username: String,
    /// Whether it is a program.
    pub is_service: bool,
}

impl Record for Listed {
    fn read(row: &Row<'_>) -> Result<Self> {
        let (shown, username): (Option<String>, String) = (row.get(10)?, row.get(11)?);
        let kind: Option<String> = row.get(12)?;
        let name = shown.unwrap_or_else(|| username.clone());
        let is_service = kind.as_deref() == Some("service");
        Ok(Self { token: Token::read(row)?, holder: Holder { name, username, is_service } })
    }
}

/// One page; `query.now` decides what ends soon.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    query: &TokenQuery,
    now: Timestamp,
) -> Result<Page<Listed>> {
    let limit = i64::from(query.limit) + 1;
    let from = query.cursor.as_ref();
    let mut items: Vec<Listed> = match query.filter {
        TokenFilter::All => {
            let id = from.map_or(Uuid::max(), |cursor| cursor.id);
            let sql = "SELECT t.org_id, t.id, t.user_id, t.name, t.secret, t.scopes, t.created_at, t.expires_at, \
                       t.last_used_at, t.made_within, u.fields ->> 'display_name', u.fields ->> 'username', u.fields ->> 'type' \
                       FROM tokens t CROSS JOIN users u WHERE t.org_id = $1 AND t.id < $2 \
                       AND u.org_id = $1 AND u.id = t.user_id ORDER BY t.id DESC LIMIT $3";
            connection.all(sql, values![context.org, id, limit]).await?
        }
        TokenFilter::Everything => {
            let id = from.map_or(Uuid::max(), |cursor| cursor.id);
            let sql = "SELECT t.org_id, t.id, t.user_id, t.name, t.secret, t.scopes, t.created_at, t.expires_at, \
                       t.last_used_at, t.made_within, u.fields ->> 'display_name', u.fields ->> 'username', u.fields ->> 'type' \
                       FROM tokens t CROSS JOIN users u WHERE t.org_id = $1 AND t.id < $2 AND t.scopes IS NULL \
                       AND t.expires_at > $3 AND u.org_id = $1 AND u.id = t.user_id ORDER BY t.id DESC LIMIT $4";
            connection.all(sql, values![context.org, id, now, limit]).await?
        }
        TokenFilter::Ending => {
            let (key, id) = from.map_or((now.micros(), Uuid::max()), start);
            let until = now.plus(TokenFilter::SOON);
            let sql = "SELECT t.org_id, t.id, t.user_id, t.name, t.secret, t.scopes, t.created_at, t.expires_at, \
                       t.last_used_at, t.made_within, u.fields ->> 'display_name', u.fields ->> 'username', u.fields ->> 'type' \
                       FROM tokens t CROSS JOIN users u WHERE t.org_id = $1 AND (t.expires_at, t.id) > ($2, $3) \
                       AND t.expires_at <= $4 AND u.org_id = $1 AND u.id = t.user_id \
                       ORDER BY t.expires_at, t.id LIMIT $5";
            connection.all(sql, values![context.org, key, id, until, limit]).await?
        }
        TokenFilter::Unused => {
            let (key, id) = from.map_or((0, Uuid::nil()), start);
            let before = now.minus(TokenFilter::LONG);
            let sql = "SELECT t.org_id, t.id, t.user_id, t.name, t.secret, t.scopes, t.created_at, t.expires_at, \
                       t.last_used_at, t.made_within, u.fields ->> 'display_name', u.fields ->> 'username', u.fields ->> 'type' \
                       FROM tokens t CROSS JOIN users u WHERE t.org_id = $1 \
                       AND (COALESCE(t.last_used_at, t.created_at), t.id) > ($2, $3) \
                       AND COALESCE(t.last_used_at, t.created_at) <= $4 AND u.org_id = $1 AND u.id = t.user_id \
                       ORDER BY COALESCE(t.last_used_at, t.created_at), t.id LIMIT $5";
            connection.all(sql, values![context.org, key, id, before, limit]).await?
        }
    };
    let is_more = items.len() > usize::from(query.limit);
    items.truncate(query.limit.into());
    let last = items.last().filter(|_| is_more);
    let next = last.map(|listed| {
        let token = &listed.token;
        let key = match query.filter {
            TokenFilter::All | TokenFilter::Everything => String::new(),
            TokenFilter::Ending => token.expires_at.micros().to_string(),
            TokenFilter::Unused => token.last_used_at.unwrap_or(token.created_at).micros().to_string(),
        };
        let order = query.filter.as_str().to_owned();
        query.list().seal(&Cursor { order, key, id: token.id.0, backwards: false })
    });
    Ok(Page { items, next, previous: None, more_than: None })
}

/// The row before the page.
fn start(cursor: &Cursor) -> (i64, Uuid) {
    (cursor.key.parse().unwrap_or(0), cursor.id)
}
