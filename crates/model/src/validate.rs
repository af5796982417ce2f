//! What a value must look like, field by field, and the normal form under which two spellings are the same.
//!
//! Every door (API, console, command line, CSV) goes through these; a refusal names the field and the rule.

use unicode_normalization::UnicodeNormalization;

use crate::{FieldError, Timestamp};

/// The form under which usernames and emails are compared: NFKC and lower case, so that `Ａnna@X` is `anna@x`.
pub(crate) fn key(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase().nfkc().collect()
}

/// Text without control characters, trimmed, at most `max` characters; `lines` allows line breaks.
pub(crate) fn text(field: &'static str, value: &str, max: usize, lines: bool) -> Result<String, FieldError> {
    let value: String = value.trim().nfc().collect();
    if value.chars().any(|c| is_forbidden(c) && !(lines && matches!(c, '\n' | '\t' | '\r'))) {
        let message = "This contains characters that can't be shown. Remove them.";
        return Err(FieldError::new(field, "text.control_character", message));
    }
    if value.chars().count() > max {
        let message = format!("Write at most {max} characters.");
        return Err(FieldError::new(field, "text.too_long", message));
    }
    Ok(value)
}

/// Control characters and the invisible ones that turn text around: they fake what people read.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{ffff}')
}

/// An email address in its normal form: local part as written (NFC), domain lower case in ASCII (RFC 5890).
///
/// Refused on purpose: quoted local parts, address literals, domains without a dot. A quotation mark inside a local
/// part is taken although RFC 5321 §4.1.2 wants it quoted: directories hold such people, and they must come along.
pub(crate) fn email(field: &'static str, value: &str) -> Result<String, FieldError> {
    let refused = || {
        let message = "Write an email address such as ana@example.com.";
        FieldError::new(field, "email.malformed", message)
    };
    let value: String = value.trim().nfkc().collect();
    if value.len() > 254 {
        return Err(refused());
    }
    let (local, domain) = value.rsplit_once('@').ok_or_else(refused)?;
    let dots_fine = !local.starts_with(['.', '"']) && !local.ends_with('.') && !local.contains("..");
    let letters_fine = local.chars().all(|c| {
        c.is_ascii_alphanumeric()
            || ".!\"#$%&'*+/=?^_`{|}~-".contains(c)
            || (!c.is_ascii() && c.is_alphanumeric())
    });
    if local.is_empty() || local.len() > 64 || !dots_fine || !letters_fine {
        return Err(refused());
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| refused())?;
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_name = domain.contains('.') && top.chars().any(|c| c.is_ascii_alphabetic());
    if is_name { Ok(format!("{local}@{domain}")) } else { Err(refused()) }
}

/// A username: letters, digits and `. _ - + ~ ' " @`, 1 to 100 characters. Whether an `@` is allowed is the user's rule.
pub(crate) fn username(value: &str) -> Result<String, FieldError> {
    let value: String = value.trim().nfkc().collect();
    if value.is_empty() || value.chars().count() > 100 {
        let message = "Write a username of 1 to 100 characters.";
        return Err(FieldError::new("username", "username.length", message));
    }
    if !value.chars().all(|c| c.is_alphanumeric() || "._-+~'\"@".contains(c)) {
        let message = "A username has letters, digits and . _ - + ~ ' \" only.";
        return Err(FieldError::new("username", "username.characters", message));
    }
    Ok(value)
}

/// A phone number as people write it: digits with the usual marks, at least 3 digits, at most 32 characters.
pub(crate) fn phone(field: &'static str, value: &str) -> Result<String, FieldError> {
    let value: String = value.trim().nfkc().collect();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let known = value.chars().all(|c| c.is_ascii_digit() || " +-().,/x#".contains(c));
    if !known || digits < 3 || value.chars().count() > 32 {
        let message = "Write a phone number such as +49 30 1234567.";
        return Err(FieldError::new(field, "phone.malformed", message));
    }
    Ok(value)
}

/// A language tag in the manner of BCP 47 (`de-DE`, `zh-Hant-TW`).
pub(crate) fn locale(value: &str) -> Result<String, FieldError> {
    let value = value.trim().replace('_', "-");
    let fine = value.len() <= 35
        && value
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && value
            .split('-')
            .next()
            .is_some_and(|first| first.len() >= 2 && first.bytes().all(|b| b.is_ascii_alphabetic()));
    let message = "Write a language such as en or de-DE.";
    if fine { Ok(value) } else { Err(FieldError::new("locale", "locale.malformed", message)) }
}

/// A name of the time zone database (`Europe/Berlin`), by its shape.
pub(crate) fn time_zone(value: &str) -> Result<String, FieldError> {
    let value = value.trim().to_owned();
    let fine = (1..=50).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b))
        && value.starts_with(|c: char| c.is_ascii_alphabetic());
    let message = "Write a time zone such as Europe/Berlin.";
    if fine { Ok(value) } else { Err(FieldError::new("time_zone", "time_zone.malformed", message)) }
}

/// The end must come after the start.
pub(crate) fn validity(from: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), FieldError> {
    match (from, until) {
        (Some(from), Some(until)) if until <= from => {
            let message = "The end date must come after the start date.";
            Err(FieldError::new("valid_until", "validity.reversed", message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_normalized_or_refused() {
        assert_eq!(email("email", " Ana@Example.COM ").unwrap(), "Ana@example.com");
        assert_eq!(email("email", "ana@bücher.example").unwrap(), "ana@xn--bcher-kva.example");
        for refused in [
            "",
            "ana",
            "@x.example",
            "ana@",
            "ana@localhost",
            "ana@127.0.0.1",
            "a b@x.example",
            "\"a\"@x.example",
            "a..b@x.example",
            "ana@[::1]",
            "a@b@c.example",
            "ana@x.example\0",
            "ana@x.example,eve@y.example",
        ] {
            assert!(email("email", refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        assert_eq!(key("Ａnna@X.Example"), key("anna@x.example"));
        assert_eq!(key("ANNA@x.example"), key("anna@x.example"));
        assert_ne!(key("mıke@x.example"), key("mike@x.example"), "a dotless i is another letter");
    }
}
