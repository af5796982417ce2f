//! Addresses as SMTP writes them: the domain in ASCII (IDNA), nothing in them that could end a line.
//!
//! Which addresses a person may have is decided in `model`; here only whether one can be written to.

use lettre::{Address, message::Mailbox};

/// `None` if nothing can be sent there.
pub(super) fn address(text: &str) -> Option<Address> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    // Quoted local parts could hold anything; nobody has them.
    if local.contains(|c: char| c.is_control() || c.is_whitespace() || "<>\"(),:;\\[]@".contains(c)) {
        return None;
    }
    let domain = idna::domain_to_ascii_strict(domain).ok()?;
    Address::new(local, domain).ok()
}

/// The name or address of a host as resolvers and certificates know it; `None` if no host is called so.
pub(super) fn host(text: &str) -> Option<String> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Some(text.to_owned());
    }
    let name = if text.is_ascii() { text.to_owned() } else { idna::domain_to_ascii_strict(text).ok()? };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = || name.strip_suffix('.').unwrap_or(&name).split('.');
    // Four numbers that are no address are no name either.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name.len() <= 253 && labels().all(is_label) && !labels().all(is_number);
    is_name.then_some(name)
}

/// `ana@example.com` or `Ana <ana@example.com>`.
pub(super) fn mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, inside)) => {
            let unquoted = name.trim().trim_matches('"');
            Some(Mailbox::new(name_of(Some(unquoted)), address(inside)?))
        }
        None => Some(Mailbox::new(None, address(text)?)),
    }
}

/// A name fit for a header; `None` if nothing is left of it.
pub(super) fn name_of(name: Option<&str>) -> Option<String> {
    name.map(one_line).filter(|name| !name.is_empty())
}

/// Whatever could begin a new line, or steer a terminal, becomes a space.
pub(super) fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    let spaced: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
