//! What a value must look like, field by field, and the normal form under which two spellings are the same.
//!
//! Every door (API, console, command line, CSV) goes through these; a refusal names the field and the rule.

use unicode_normalization::UnicodeNormalization;

use crate::{
    FieldError, Timestamp, Zone,
    text::{ascii_digit, is_ignorable, plain_punctuation, trimmed},
};

/// Text without control characters, without what nobody sees at its ends, at most `max` characters; `lines` allows
/// line breaks. Text of which nothing can be seen is empty.
pub(crate) fn text(field: &'static str, value: &str, max: usize, lines: bool) -> Result<String, FieldError> {
    let value: String = trimmed(value).nfc().collect();
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
/// Taken as people paste it: `mailto:ana@…`, `<ana@…>`, `Ana Kim <ana@…>`, with a full stop or comma behind it. Refused
/// on purpose: quoted local parts, address literals, domains without a dot. A quotation mark inside a local
/// part is taken although RFC 5321 §4.1.2 wants it quoted: directories hold such people, and they must come along.
pub(crate) fn email(field: &'static str, value: &str) -> Result<String, FieldError> {
    let refused = || {
        let message = "Write an email address such as ana@example.com.";
        FieldError::new(field, "email.malformed", message)
    };
    let value: String = unwrapped(value).nfkc().filter(|c| !is_ignorable(*c)).collect();
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

/// The address out of what mail programs and web pages wrap it in.
fn unwrapped(value: &str) -> &str {
    let mut value = trimmed(value);
    // `Ana Kim <ana@example.com>`
    if let Some((_, rest)) = value.split_once('<')
        && let Some((address, after)) = rest.split_once('>')
        && trimmed(after).trim_matches([',', ';', '.']).is_empty()
    {
        value = trimmed(address);
    }
    if let Some(prefix) = value.get(..7)
        && prefix.eq_ignore_ascii_case("mailto:")
    {
        let address = &value[7..];
        value = address.split_once('?').map_or(address, |(address, _)| address);
    }
    trimmed(value.trim_end_matches(['.', ',', ';']))
}

/// The domain of an address as people write it (`bücher.example`), for pages and search; the address as it is if it
/// has none.
pub(crate) fn shown_email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if domain.contains("xn--") => {
            let (domain, read) = idna::domain_to_unicode(domain);
            if read.is_ok() { format!("{local}@{domain}") } else { address.to_owned() }
        }
        _ => address.to_owned(),
    }
}

/// A username: letters, digits and `. _ - + ~ ' " @`, 1 to 100 characters. Whether an `@` is allowed is the user's rule.
pub(crate) fn username(value: &str) -> Result<String, FieldError> {
    let value: String = trimmed(value).nfkc().collect();
    if value.is_empty() || value.chars().count() > 100 {
        let message = "Write a username of 1 to 100 characters.";
        return Err(FieldError::new("username", "username.length", message));
    }
    let is_fine = |c: char| (c.is_alphanumeric() && !is_ignorable(c)) || "._-+~'\"@".contains(c);
    if !value.chars().all(is_fine) {
        let message = "A username has letters, digits and . _ - + ~ ' \" only.";
        return Err(FieldError::new("username", "username.characters", message));
    }
    Ok(value)
}

/// A phone number as people write it: digits of any script with the usual marks, at least 3 digits, an extension as
/// `ext. 12`; at most 32 characters. Taken as `tel:+49-30-1234567;ext=12`, too (RFC 3966).
pub(crate) fn phone(field: &'static str, value: &str) -> Result<String, FieldError> {
    const EXTENSIONS: [&str; 5] = [";ext=", "extension", "ext.", "ext", "x"];
    let value: String =
        value.nfkc().filter(|c| !is_ignorable(*c)).map(ascii_digit).map(plain_punctuation).collect();
    let value = value.trim();
    let value =
        value.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:")).map_or(value, |_| &value[4..]);
    let lower = value.to_ascii_lowercase();
    let found = EXTENSIONS.iter().find_map(|mark| lower.find(mark).map(|at| (at, at + mark.len())));
    let value = match found {
        Some((end, start)) => {
            format!("{} ext. {}", value[..end].trim(), value[start..].trim_matches([' ', '.', ':']))
        }
        None => value.to_owned(),
    };
    let (number, extension) = value.split_once(" ext. ").unwrap_or((&value, "0"));
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let known = number.chars().all(|c| c.is_ascii_digit() || " +-().,/#*".contains(c));
    let extension_fine = !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_digit());
    if !known || !extension_fine || digits < 3 || value.chars().count() > 32 {
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

/// A time zone by its name: `Europe/Berlin`. Windows' names are translated.
pub(crate) fn time_zone(value: &str) -> Result<String, FieldError> {
    let message = "Write a time zone such as Europe/Berlin.";
    let refused = || FieldError::new("time_zone", "time_zone.malformed", message);
    Zone::named(trimmed(value)).map(|zone| zone.name().to_owned()).ok_or_else(refused)
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
    fn emails_are_taken_out_of_what_they_were_pasted_in() {
        for pasted in [
            "\u{200b}ana@x.example",
            "\u{feff}ana@x.example\u{a0}",
            "\u{202a}ana@x.example\u{202c}",
            "mailto:ana@x.example",
            "MAILTO:ana@x.example?subject=Hello",
            "<ana@x.example>",
            "Ana Kim <ana@x.example>",
            "\"Kim, Ana\" <ana@x.example>;",
            "<mailto:ana@x.example>",
            "ana@x.example.",
            "ana@x.example,",
            "an\u{ad}a@x.exam\u{200b}ple",
        ] {
            assert_eq!(email("email", pasted).unwrap(), "ana@x.example", "{pasted:?}");
        }
        for refused in ["<ana@x.example> <eve@x.example>", "ana@x.example <eve", "<>", "mailto:", "\u{200b}"]
        {
            assert!(email("email", refused).is_err(), "{refused}");
        }
        assert_eq!(shown_email("ana@xn--bcher-kva.example"), "ana@bücher.example");
        assert_eq!(shown_email("ana@x.example"), "ana@x.example");
    }

    #[test]
    fn usernames_have_nothing_invisible() {
        assert_eq!(username("\u{200b}ana.kim\u{feff}").unwrap(), "ana.kim");
        for refused in ["a\u{3164}b", "\u{3164}", "\u{115f}", "a\u{200b}b", "\u{ad}", "a\u{ffa0}b"] {
            assert!(username(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn phones_are_taken_as_people_paste_them() {
        for (pasted, normal) in [
            ("+49 30 555\u{2011}0142", "+49 30 555-0142"),
            ("+49 (30) 555\u{2013}0142", "+49 (30) 555-0142"),
            ("\u{202a}+49 30 5550142\u{202c}", "+49 30 5550142"),
            ("030 5550142 ext. 12", "030 5550142 ext. 12"),
            ("030 5550142 x12", "030 5550142 ext. 12"),
            ("030 5550142 Ext 12", "030 5550142 ext. 12"),
            ("tel:+49-30-5550142;ext=12", "+49-30-5550142 ext. 12"),
            ("TEL:+49305550142", "+49305550142"),
            ("٠٣٠ ٥٥٥٠١٤٢", "030 5550142"),
        ] {
            assert_eq!(phone("phone", pasted).unwrap(), normal, "{pasted:?}");
            assert_eq!(phone("phone", normal).unwrap(), normal, "normal forms stay");
        }
        for refused in ["12", "call me", "030 5550142 ext. home", "+49 30 5550142;isub=1", "ext. 123"] {
            assert!(phone("phone", refused).is_err(), "{refused}");
        }
    }
}
