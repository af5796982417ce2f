//! What a password must be, and the form in which it is hashed.
//!
//! The same rule for the console, the API and the command line. Hashing itself is `app/src/hashing.rs`.

use unicode_normalization::UnicodeNormalization;

use crate::{Error, Result, Timestamp, settings::PasswordPolicy};

/// Longest password, in characters. Longer input is refused before anything is computed.
pub const MAX_PASSWORD: usize = 256;

/// A password in the form that is hashed: NFC, so that two keyboards that compose `é` differently agree, and every blank
/// as that of ASCII (RFC 8265 §4.2, `OpaqueString`). Never shown, never logged.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// A password as somebody typed it, to be compared; `None` if it can't be anybody's.
    pub fn typed(text: &str) -> Option<Self> {
        let short_enough = text.len() <= MAX_PASSWORD * 4 && text.chars().count() <= MAX_PASSWORD;
        let plain = |c: char| if c.is_whitespace() && !c.is_control() { ' ' } else { c };
        (short_enough && !text.is_empty()).then(|| Self(text.chars().map(plain).nfc().collect()))
    }

    /// A password that somebody wants to have from now on: neither too short for the policy nor too long to be hashed.
    /// `field` is the form's field that gets the refusal. How easy it is to guess is `strength.rs`.
    pub fn chosen(field: &'static str, text: &str, policy: &PasswordPolicy) -> Result<Self> {
        let refuse = |code: &'static str, message: String| Err(Error::invalid_field(field, code, message));
        let least = usize::from(policy.minimum_length);
        if text.nfc().take(least).count() < least {
            let message = format!("Use at least {least} characters. A few unrelated words work well.");
            return refuse("password.too_short", message);
        }
        let Some(password) = Self::typed(text) else {
            return refuse("password.too_long", format!("Use at most {MAX_PASSWORD} characters."));
        };
        if text.contains(char::is_control) {
            let message = "A password can't contain a line break, a tab or another control character. \
                           Leave it out."
                .to_owned();
            return refuse("password.control_character", message);
        }
        Ok(password)
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As text: to look at what it is made of, and to show a generated one to the administrator, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A user's stored password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// PHC string (`$argon2id$…`).
    pub hash: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// A temporary password ends then; a lasting one never.
    pub expires_at: Option<Timestamp>,
    /// Whether the person must choose another one at the next sign-in.
    pub must_change: bool,
    /// Counts the passwords that were stored; not a stronger hash of the same one. What was compared outside a
    /// transaction holds in it while this is the same.
    pub stamp: i64,
}

impl Credential {
    /// The same, to be used once: it ends, and another one must be chosen at the next sign-in.
    #[must_use]
    pub fn temporary(self, policy: &PasswordPolicy) -> Self {
        Self { expires_at: Some(self.set_at.plus(policy.temporary())), must_change: true, ..self }
    }
}

/// Letters and digits that nobody mistakes for each other when read aloud or from paper.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password for someone else to use once: four groups of four, 80 bits.
pub fn generate(entropy: &dyn crate::Entropy) -> Password {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes);
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    Password(letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}
