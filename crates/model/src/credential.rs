//! What a password must be, and the form in which it is hashed.
//!
//! The same rule for the console, the API and the command line. Hashing itself is `app/src/hashing.rs`.

use unicode_normalization::UnicodeNormalization;

use crate::{Error, FieldError, Result, Timestamp, settings::PasswordPolicy};

/// Longest password, in characters. Longer input is refused before anything is computed.
pub const MAX_PASSWORD: usize = 256;

/// A password in the form that is hashed: NFC, so that two keyboards that compose `é` differently agree
/// (RFC 8265 §4.2, `OpaqueString`). Never shown, never logged.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// A password as somebody typed it, to be compared; `None` if it can't be anybody's.
    pub fn typed(text: &str) -> Option<Self> {
        let short_enough = text.len() <= MAX_PASSWORD * 4 && text.chars().count() <= MAX_PASSWORD;
        (short_enough && !text.is_empty()).then(|| Self(text.nfc().collect()))
    }

    /// A password that somebody wants to have from now on, under the organization's policy.
    /// `field` is the form's field that gets the refusal; `about` are the person's own names.
    pub fn chosen(field: &'static str, text: &str, policy: &PasswordPolicy, about: &[&str]) -> Result<Self> {
        let refuse = |code: &'static str, message: String| {
            Err(Error::invalid(vec![FieldError::new(field, code, message)]))
        };
        let least = usize::from(policy.minimum_length);
        let length = text.nfc().count();
        if length < least {
            return refuse(
                "password.too_short",
                format!("Use at least {least} characters. A few unrelated words work well."),
            );
        }
        let Some(password) = Self::typed(text) else {
            return refuse("password.too_long", format!("Use at most {MAX_PASSWORD} characters."));
        };
        if text.chars().any(|c| c == '\0') {
            return refuse(
                "password.control_character",
                "A password can't contain the character NUL.".to_owned(),
            );
        }
        let folded = crate::search::fold(text);
        let repeats_person =
            about.iter().map(|name| crate::search::fold(name)).any(|name| name.len() >= 4 && folded == name);
        let one_letter = text.chars().all(|c| text.starts_with(c));
        if repeats_person || one_letter {
            return refuse(
                "password.guessable",
                "This is the first thing somebody would try. Choose something else.".to_owned(),
            );
        }
        Ok(password)
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// To show a generated password to the administrator, once.
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
