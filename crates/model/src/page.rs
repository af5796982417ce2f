//! Pages of a list: a cursor says after which row the next page starts, so that page 2,000 costs what page 1 costs.
//!
//! A cursor holds the sort key of a row, such as a name, and stands in addresses, logs and histories; its holder may see the
//! row or not. So it is sealed with a key that follows from the server's, the same on every node, and for its list and its
//! reader alone: the same cursor leads nowhere in another list or organization, nor for anybody else, who could find out by
//! searching what is in it.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use serde::{Deserialize, Serialize};

use crate::{Agent, Error, Kind, OrgContext, Result};

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

/// The nonce follows from what is sealed, and for what: the same row has the same cursor, and no nonce is used for two texts.
fn sealed(list: &[u8], plain: Vec<u8>) -> Option<Vec<u8>> {
    let (key, nonces) = seal_key()?;
    let mut named = hmac::Context::with_key(&nonces);
    named.update(&list.len().to_be_bytes());
    named.update(list);
    named.update(&plain);
    let nonce: [u8; NONCE_LEN] = named.sign().as_ref().get(..NONCE_LEN)?.try_into().ok()?;
    let mut text = plain;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(list), &mut text).ok()?;
    Some([&nonce[..], &text].concat())
}

fn opened(list: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (key, _) = seal_key()?;
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let (nonce, mut text) = (nonce.try_into().ok()?, text.to_vec());
    let plain = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(list), &mut text).ok()?;
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

/// Who reads a list, and as what: cursors lead nobody else on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    org: OrgContext,
    agent: Agent,
    is_owner: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new(OrgContext::NOWHERE, Agent::System)
    }
}

impl Reader {
    /// Somebody of an organization.
    pub fn new(org: OrgContext, agent: Agent) -> Self {
        Self { org, agent, is_owner: false }
    }

    /// The same, of what is one's own as the owner of groups: another list than that of who administers them.
    #[must_use]
    pub fn as_owner(self) -> Self {
        Self { is_owner: true, ..self }
    }
}

/// A list that cursors lead through: what it lists, in which organization, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List(Vec<u8>);

impl List {
    /// The list of that name; of several lists that are called alike each has its own.
    pub fn new(reader: Reader, name: &str) -> Self {
        let whose = format!("{}\n{}\n{name}", reader.agent, if reader.is_owner { "own" } else { "" });
        Self([&reader.org.org.0.as_bytes()[..], whose.as_bytes()].concat())
    }

    /// A cursor as it stands in an answer.
    pub fn seal(&self, cursor: &Cursor) -> String {
        let plain = (&cursor.order, &cursor.key, cursor.id, cursor.backwards);
        let plain = serde_json::to_vec(&plain).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(sealed(&self.0, plain).unwrap_or_default())
    }

    /// Reads one of this list; anything else is refused with what to do.
    pub fn open(&self, text: &str) -> Result<Cursor> {
        if text.len() > 2000 {
            return Err(malformed());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| opened(&self.0, &bytes));
        let (order, key, id, backwards): (String, String, uuid::Uuid, bool) =
            serde_json::from_slice(&bytes.ok_or_else(malformed)?).map_err(|_| malformed())?;
        if key.contains('\0') {
            return Err(malformed());
        }
        Ok(Cursor { order, key, id, backwards })
    }

    /// Reads one of an order of this list.
    pub fn open_in(&self, order: &str, text: &str) -> Result<Cursor> {
        let cursor = self.open(text)?;
        if cursor.order == order { Ok(cursor) } else { Err(malformed()) }
    }
}

/// The answer to a page address that leads nowhere.
pub fn malformed() -> Error {
    let message = "This page address is not valid any more. Start again from the first page.";
    Error::new(Kind::Malformed, "cursor.malformed", message)
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
