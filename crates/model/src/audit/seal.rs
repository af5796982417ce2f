//! How an entry is sealed: the bytes that its leaf in the Merkle tree is made of, and the commitments that stand in them
//! for personal values. `docs/audit-format.md` says the same for others' tools.
//!
//! Names, values and addresses are not in the leaf itself, only their salted hashes: when they are erased, with their
//! salt, every hash and every proof stays true, and nobody can find them by guessing.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Changes, Entry};
use crate::{
    Agent, OrgId, Result, Timestamp, UserId,
    merkle::{self, Hash},
};

/// 32 random bytes.
pub type Salt = [u8; 32];

/// Personal values that are erased together, and what stands in the leaf for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    /// Gone once the values are erased.
    pub salt: Option<Salt>,
    /// `SHA-256(salt ‖ values)`.
    pub commitment: Hash,
    /// When the values were erased.
    pub erased_at: Option<Timestamp>,
}

/// What belongs to an entry so that it proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The names of the fields that changed, separated by commas. They stay when the values go.
    pub fields: String,
    /// Of whoever did it: name and address.
    pub by: Personal,
    /// Of whom or what it was done to: name, values before and after, reason.
    pub about: Personal,
    /// Whether the entry is older than sealing, and was sealed when Muster was upgraded.
    pub late: bool,
}

/// Which personal values of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of whoever did it.
    By,
    /// Of whom or what it was done to.
    About,
}

impl Seal {
    /// Seals an entry with fresh salts.
    pub fn new(entry: &Entry, by: Salt, about: Salt, late: bool) -> Self {
        let personal = |whose: Whose, salt: Salt| Personal {
            salt: Some(salt),
            commitment: commitment(&salt, entry, whose),
            erased_at: None,
        };
        let fields: Vec<&str> = entry.changes.keys().map(String::as_str).collect();
        Self {
            fields: fields.join(","),
            by: personal(Whose::By, by),
            about: personal(Whose::About, about),
            late,
        }
    }

    /// The bytes of the entry's leaf: JSON with sorted keys and without spaces (RFC 8785).
    pub fn leaf_bytes(&self, org: OrgId, entry: &Entry) -> Vec<u8> {
        let mut out = Vec::with_capacity(600);
        out.extend_from_slice(b"{\"about\":\"");
        put_hex(&mut out, &self.about.commitment);
        out.extend_from_slice(b"\",\"actor\":\"");
        match entry.actor {
            Agent::User(id) => put_id(&mut out, id.0),
            Agent::Operator => out.extend_from_slice(b"operator"),
            Agent::System => out.extend_from_slice(b"system"),
        }
        out.extend_from_slice(b"\",\"at\":");
        out.extend_from_slice(entry.at.micros().to_string().as_bytes());
        out.extend_from_slice(b",\"by\":\"");
        put_hex(&mut out, &self.by.commitment);
        out.extend_from_slice(b"\",\"door\":\"");
        out.extend_from_slice(entry.door.as_str().as_bytes());
        out.extend_from_slice(b"\",\"event\":");
        put_text(&mut out, &entry.event);
        out.extend_from_slice(b",\"fields\":");
        put_text(&mut out, &self.fields);
        out.extend_from_slice(b",\"id\":\"");
        put_id(&mut out, entry.id.0);
        out.extend_from_slice(b"\",\"late\":");
        out.extend_from_slice(if self.late { b"true" } else { b"false" });
        out.extend_from_slice(b",\"org\":\"");
        put_id(&mut out, org.0);
        out.extend_from_slice(b"\",\"request_id\":");
        put_text(&mut out, &entry.request_id);
        out.extend_from_slice(b",\"target\":\"");
        put_id(&mut out, entry.target);
        out.extend_from_slice(b"\",\"target_type\":");
        put_text(&mut out, &entry.target_type);
        out.extend_from_slice(b",\"v\":1}");
        out
    }

    /// The hash of the entry's leaf.
    pub fn leaf(&self, org: OrgId, entry: &Entry) -> Hash {
        merkle::leaf(&self.leaf_bytes(org, entry))
    }

    /// Of which values.
    pub fn personal(&self, whose: Whose) -> &Personal {
        match whose {
            Whose::By => &self.by,
            Whose::About => &self.about,
        }
    }

    /// Whether the values that are there are those that were sealed; of erased ones, that there are none.
    pub fn matches(&self, entry: &Entry, whose: Whose) -> bool {
        let personal = self.personal(whose);
        match (personal.salt, personal.erased_at) {
            (Some(salt), None) => commitment(&salt, entry, whose) == personal.commitment,
            (None, Some(_)) => is_empty(entry, whose),
            // A salt left behind would let the erased values be guessed; one lost without a note is nobody's doing.
            _ => false,
        }
    }
}

/// `SHA-256(salt ‖ values)`, the values as JSON with sorted keys and without spaces.
fn commitment(salt: &Salt, entry: &Entry, whose: Whose) -> Hash {
    let mut out = Vec::with_capacity(200);
    out.extend_from_slice(salt);
    match whose {
        Whose::By => {
            out.extend_from_slice(b"{\"actor_name\":");
            put_text(&mut out, &entry.actor_name);
            out.extend_from_slice(b",\"address\":");
            put_text(&mut out, &entry.address);
        }
        Whose::About => {
            out.extend_from_slice(b"{\"changes\":");
            put_changes(&mut out, &entry.changes);
            out.extend_from_slice(b",\"reason\":");
            put_text(&mut out, &entry.reason);
            out.extend_from_slice(b",\"target_name\":");
            put_text(&mut out, &entry.target_name);
        }
    }
    out.push(b'}');
    Sha256::digest(&out).into()
}

/// Whether nothing personal is left; a pseudonym may stand for a name.
fn is_empty(entry: &Entry, whose: Whose) -> bool {
    let is_nobody =
        |name: &str, id: Option<UserId>| name.is_empty() || id.is_some_and(|id| name == pseudonym(id));
    match whose {
        Whose::By => {
            let id = if let Agent::User(id) = entry.actor { Some(id) } else { None };
            entry.address.is_empty() && is_nobody(&entry.actor_name, id)
        }
        Whose::About => {
            entry.changes.is_empty()
                && entry.reason.is_empty()
                && is_nobody(&entry.target_name, Some(UserId(entry.target)))
        }
    }
}

/// What stands for a purged person's name.
pub fn pseudonym(id: UserId) -> String {
    format!("deleted user {}", &id.to_string()[24..])
}

fn put_changes(out: &mut Vec<u8>, changes: &Changes) {
    out.push(b'{');
    for (number, (field, changed)) in changes.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        put_text(out, field);
        out.extend_from_slice(b":{\"after\":");
        put_value(out, &changed.after);
        out.extend_from_slice(b",\"before\":");
        put_value(out, &changed.before);
        out.push(b'}');
    }
    out.push(b'}');
}

/// A value with its keys sorted, however they are kept.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<(&String, &Value)> = object.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push(b'{');
            for (number, (name, value)) in fields.into_iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                put_text(out, name);
                out.push(b':');
                put_value(out, value);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                put_value(out, item);
            }
            out.push(b']');
        }
        Value::String(text) => put_text(out, text),
        plain => out.extend_from_slice(plain.to_string().as_bytes()),
    }
}

/// Text in quotes, with the escapes of RFC 8785.
fn put_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(Value::from(text).to_string().as_bytes());
    }
}

fn put_id(out: &mut Vec<u8>, id: uuid::Uuid) {
    out.extend_from_slice(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes());
}

fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Lower-case hexadecimal, as hashes are written everywhere.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    put_hex(&mut out, bytes);
    out.into_iter().map(char::from).collect()
}

/// An entry with its seal, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// What it says.
    pub entry: Entry,
    /// What it proves itself with; `None` for what was written before entries were sealed and has not been since.
    pub seal: Option<Seal>,
    /// The server's HMAC of organization and leaf.
    pub mac: Option<Hash>,
}

impl Stored {
    /// The hash of the leaf; `None` without a seal.
    pub fn leaf(&self, org: OrgId) -> Option<Hash> {
        self.seal.as_ref().map(|seal| seal.leaf(org, &self.entry))
    }
}

/// Reads 64 hexadecimal digits.
pub fn parse_hash(text: &str) -> Result<Hash> {
    let refused = || crate::Error::invalid_field("hash", "hash.malformed", "Give 64 hexadecimal digits.");
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return Err(refused());
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| refused())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| refused())?;
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        EntryId,
        audit::{Changed, Door},
    };

    fn entry() -> Entry {
        let changed = Changed { before: json!(null), after: json!({"b": [1, "x"], "a": "é\n\""}) };
        Entry {
            id: EntryId(uuid::Uuid::from_u128(5)),
            at: Timestamp::from_micros(1_795_161_600_500_000),
            event: "user.edited".to_owned(),
            actor: Agent::User(UserId(uuid::Uuid::from_u128(7))),
            actor_name: "Ana \"A\" Müller".to_owned(),
            target_type: "user".to_owned(),
            target: uuid::Uuid::from_u128(9),
            target_name: "Bo".to_owned(),
            changes: [("title".to_owned(), changed)].into(),
            reason: "asked".to_owned(),
            request_id: "abc".to_owned(),
            address: "192.0.2.1".to_owned(),
            door: Door::Api,
            erased_at: None,
        }
    }

    fn org() -> OrgId {
        OrgId(uuid::Uuid::from_u128(1))
    }

    /// The format is for ever: a change here is a new version of it.
    #[test]
    fn the_bytes_of_a_leaf_are_those_of_the_documentation() {
        let seal = Seal::new(&entry(), [1; 32], [2; 32], false);
        let text = String::from_utf8(seal.leaf_bytes(org(), &entry())).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut sorted = Vec::new();
        put_value(&mut sorted, &document);
        assert_eq!(text.as_bytes(), sorted, "keys are sorted");
        let by =
            [&[1; 32][..], r#"{"actor_name":"Ana \"A\" Müller","address":"192.0.2.1"}"#.as_bytes()].concat();
        let values = r#"{"changes":{"title":{"after":{"a":"é\n\"","b":[1,"x"]},"before":null}},"reason":"asked","target_name":"Bo"}"#;
        let about = [&[2; 32][..], values.as_bytes()].concat();
        assert_eq!(
            document,
            json!({
                "about": hex(&Sha256::digest(about)), "actor": "00000000-0000-0000-0000-000000000007",
                "at": 1_795_161_600_500_000_i64, "by": hex(&Sha256::digest(by)), "door": "api", "event": "user.edited",
                "fields": "title", "id": "00000000-0000-0000-0000-000000000005", "late": false,
                "org": "00000000-0000-0000-0000-000000000001", "request_id": "abc",
                "target": "00000000-0000-0000-0000-000000000009", "target_type": "user", "v": 1,
            })
        );
        assert_eq!(parse_hash(&hex(&seal.leaf(org(), &entry()))).unwrap(), merkle::leaf(text.as_bytes()));
    }

    #[test]
    fn erasing_changes_no_leaf_and_altering_is_seen() {
        let (mut entry, mut seal) = (entry(), Seal::new(&entry(), [1; 32], [2; 32], false));
        let leaf = seal.leaf(org(), &entry);
        for whose in [Whose::By, Whose::About] {
            assert!(seal.matches(&entry, whose));
        }
        entry.actor_name = "Eve".to_owned();
        assert!(!seal.matches(&entry, Whose::By) && seal.matches(&entry, Whose::About));
        (entry.actor_name, entry.address) = (pseudonym(UserId(uuid::Uuid::from_u128(7))), String::new());
        seal.by = Personal { salt: None, erased_at: Some(entry.at), ..seal.by };
        assert!(seal.matches(&entry, Whose::By));
        assert_eq!(seal.leaf(org(), &entry), leaf);
        entry.actor_name = "deleted user of another id".to_owned();
        assert!(!seal.matches(&entry, Whose::By));
        seal.by.erased_at = None;
        entry.actor_name = String::new();
        assert!(!seal.matches(&entry, Whose::By), "erased by nobody");
    }
}
