//! Checkpoints: what a log says about itself at one moment, in the text of C2SP's tlog-checkpoint, and the signed note
//! around it. Signing is the application's, which has the key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{Error, Kind, OrgId, Result, Timestamp, merkle::Hash};

/// Ed25519, in keys and key ids of signed notes.
const ED25519: u8 = 1;
/// What opens a signature's line: an em dash and a space.
const SIGNATURE: &str = "\u{2014} ";

/// How many entries a log had, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// When it was signed.
    pub at: Timestamp,
}

/// The name of an organization's log, and of the key that signs it.
pub fn origin(org: OrgId) -> String {
    format!("muster/{org}")
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\ntime {}\n", self.origin, self.size, STANDARD.encode(self.root), self.at)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let time = lines.find_map(|line| line.strip_prefix("time "))?;
        let number: u64 = size.parse().ok().filter(|number: &u64| number.to_string() == size)?;
        Some(Self {
            origin: origin.to_owned(),
            size: number,
            root: STANDARD.decode(root).ok()?.try_into().ok()?,
            at: Timestamp::parse(time).ok()?,
        })
    }
}

/// The first four bytes of `SHA-256(name ‖ 0x0a ‖ 0x01 ‖ key)`: they tell keys of one name apart.
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// A key as verifiers are given it: `name+id+base64`.
pub fn verifier_key(name: &str, key: &[u8; 32]) -> String {
    let id = super::seal::hex(&key_id(name, key));
    format!("{name}+{id}+{}", STANDARD.encode([&[ED25519], &key[..]].concat()))
}

/// The note around a text that was signed.
pub fn note(text: &str, name: &str, key: &[u8; 32], signature: &[u8]) -> String {
    let signed = [&key_id(name, key), signature].concat();
    format!("{text}\n{SIGNATURE}{name} {}\n", STANDARD.encode(signed))
}

/// Reads the notes of a file, one after the other. `is_signed` gets text and signature of the one line that is by this
/// key; a note without such a line, or whose signature is not good, is refused.
pub fn read(
    file: &str,
    name: &str,
    key: &[u8; 32],
    is_signed: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Vec<Checkpoint>> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut lines = file.split_inclusive('\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() && lines.peek().is_some_and(|(_, next)| next.starts_with(SIGNATURE)) {
            let mut good = false;
            while let Some((_, line)) = lines.next_if(|(_, next)| next.starts_with(SIGNATURE)) {
                let signature = signature_of(line, name, key);
                good |= signature.is_some_and(|signature| is_signed(text.as_bytes(), &signature));
            }
            let checkpoint = Checkpoint::parse(&text).filter(|_| good).ok_or_else(|| refused(number))?;
            found.push(checkpoint);
            text.clear();
        } else if !(text.is_empty() && line.trim().is_empty()) {
            text.push_str(line);
        }
    }
    if text.is_empty() { Ok(found) } else { Err(refused(file.lines().count())) }
}

/// The signature of a line, if it is by this key.
fn signature_of(line: &str, name: &str, key: &[u8; 32]) -> Option<Vec<u8>> {
    let (by, encoded) = line.trim_end().strip_prefix(SIGNATURE)?.split_once(' ')?;
    let signed = STANDARD.decode(encoded).ok()?;
    let (id, signature) = signed.split_at_checked(4)?;
    (by == name && id == key_id(name, key)).then(|| signature.to_vec())
}

fn refused(line: usize) -> Error {
    let message = format!(
        "The checkpoint that ends at line {line} is not one that this server has signed, or it was changed since. \
         Compare the file with another copy of it."
    );
    Error::new(Kind::Invalid, "checkpoint.not_signed", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(size: u64) -> Checkpoint {
        let at = Timestamp::from_micros(1_795_161_600_000_000);
        Checkpoint { origin: "muster/x".to_owned(), size, root: [7; 32], at }
    }

    fn signed(size: u64) -> String {
        let text = checkpoint(size).text();
        note(&text, "muster/x", &[9; 32], &Sha256::digest(&text))
    }

    #[test]
    fn notes_are_read_as_they_were_written() {
        let good = |text: &[u8], signature: &[u8]| Sha256::digest(text)[..] == *signature;
        let file = format!("{}\n{}", signed(3), signed(40));
        assert_eq!(read(&file, "muster/x", &[9; 32], good).unwrap(), [checkpoint(3), checkpoint(40)]);
        assert!(read("", "muster/x", &[9; 32], good).unwrap().is_empty());
        for wrong in
            [file.replace("\n40\n", "\n41\n"), file.replace("muster/x", "muster/y"), file + "muster/x\n4\n"]
        {
            assert_eq!(read(&wrong, "muster/x", &[9; 32], good).unwrap_err().code(), "checkpoint.not_signed");
        }
        assert!(read(&signed(3), "muster/x", &[8; 32], good).is_err(), "another key");
    }

    /// The example of the note format's documentation.
    #[test]
    fn a_key_is_written_as_other_tools_write_it() {
        let key: Vec<u8> = STANDARD.decode("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").unwrap();
        let key: [u8; 32] = key[1..].try_into().unwrap();
        assert_eq!(
            verifier_key("example.com/foo", &key),
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
        );
    }
}
