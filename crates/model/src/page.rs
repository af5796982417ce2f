//! Pages of a list: a cursor says after which row the next page starts, so that page 2,000 costs what page 1 costs.
//!
//! A cursor holds the sort key of a row, such as a name, and stands in addresses, logs and histories; its holder may see the
//! row or not. So it is sealed with a key that follows from the server's, the same on every node.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// What cursors are sealed with.
static SEAL: OnceLock<[u8; 32]> = OnceLock::new();

/// Sets the key that cursors are sealed with; the first one of a process stays.
pub fn seal_with(key: [u8; 32]) {
    SEAL.get_or_init(|| key);
}

fn seal_key() -> Option<(LessSafeKey, hmac::Key)> {
    let key = SEAL.get().copied().unwrap_or_default();
    let unbound = UnboundKey::new(&CHACHA20_POLY1305, &key).ok()?;
    Some((LessSafeKey::new(unbound), hmac::Key::new(hmac::HMAC_SHA256, &key)))
}

/// The nonce follows from what is sealed: the same row has the same cursor, and no nonce is used for two texts.
fn sealed(plain: Vec<u8>) -> Option<Vec<u8>> {
    let (key, nonces) = seal_key()?;
    let nonce: [u8; NONCE_LEN] = hmac::sign(&nonces, &plain).as_ref().get(..NONCE_LEN)?.try_into().ok()?;
    let mut text = plain;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text).ok()?;
    Some([&nonce[..], &text].concat())
}

fn opened(sealed: &[u8]) -> Option<Vec<u8>> {
    let (key, _) = seal_key()?;
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let (nonce, mut text) = (nonce.try_into().ok()?, text.to_vec());
    let plain = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text).ok()?;
    Some(plain.to_vec())
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// Leads to the page after this one.
    pub next: Option<String>,
    /// Leads to the page before this one.
    pub previous: Option<String>,
    /// More than so many match what is searched: the best come first, and not in the order that was asked for.
    pub more_than: Option<u32>,
}

/// Between which rows a page starts: the sort key and id of the row before it (or, backwards, after it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which order the key belongs to; a cursor of another order is refused.
    pub order: String,
    /// The row's sort key, as text.
    pub key: String,
    /// The row's id.
    pub id: uuid::Uuid,
    /// Whether the page lies before that row.
    pub backwards: bool,
}

impl Cursor {
    /// As it stands in an answer.
    pub fn encode(&self) -> String {
        let plain = (&self.order, &self.key, self.id, self.backwards);
        URL_SAFE_NO_PAD.encode(sealed(serde_json::to_vec(&plain).unwrap_or_default()).unwrap_or_default())
    }

    /// Reads one of that order.
    pub fn decode_of(order: &str, text: &str) -> Result<Self> {
        let cursor = Self::decode(text)?;
        if cursor.order == order { Ok(cursor) } else { Self::decode("") }
    }

    /// Reads one; anything else is refused with what to do.
    pub fn decode(text: &str) -> Result<Self> {
        let refused = || {
            let message = "This page address is not valid any more. Start again from the first page.";
            Error::new(Kind::Malformed, "cursor.malformed", message)
        };
        if text.len() > 2000 {
            return Err(refused());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| opened(&bytes)).ok_or_else(refused)?;
        let (order, key, id, backwards): (String, String, uuid::Uuid, bool) =
            serde_json::from_slice(&bytes).map_err(|_| refused())?;
        if key.contains('\0') {
            return Err(refused());
        }
        Ok(Self { order, key, id, backwards })
    }
}

/// Rows on a page unless asked otherwise.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most rows on a page.
pub const MAX_LIMIT: u16 = 200;

/// A page size as it stands in an address: one rule and one sentence for every list.
pub fn read_limit(text: &str) -> Result<u16> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    limit(Some(text.parse().ok().filter(|_| is_plain).unwrap_or(0)))
}

/// A page size within the bounds.
pub fn limit(asked: Option<u16>) -> Result<u16> {
    let limit = asked.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let message = format!("Ask for 1 to {MAX_LIMIT} rows.");
    Err(Error::invalid_field("limit", "page.limit", message))
}
