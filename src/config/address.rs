//! The address by which people reach the server, as it is configured, and the one that checkpoints are sent to. What is accepted works in everything that is made of it:
//! links in pages and mails, Message-IDs, cookies. What is not accepted is refused with the reason.

use url::{Host, Url};

/// Where checkpoints are sent: `https://log.example.com/muster`.
pub(super) fn receiver(text: &str) -> Result<String, String> {
    let url = Url::parse(text.trim()).map_err(unread)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(format!("it must begin with https:// or http://, not {}://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("leave the user name and the password out".to_owned());
    }
    if url.fragment().is_some() {
        return Err("leave out what follows #".to_owned());
    }
    if url.port() == Some(0) {
        return Err("nobody can reach port 0".to_owned());
    }
    if let Some(Host::Domain(name)) = url.host() {
        check_name(name)?;
    }
    Ok(url.as_str().to_owned())
}

fn unread(error: url::ParseError) -> String {
    match error {
        url::ParseError::RelativeUrlWithoutBase => "it must begin with https:// or http://".to_owned(),
        error => format!("it can't be read ({error})"),
    }
}

/// The address as it is written into links: `https://people.example.com`, with its port unless it is the usual one.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let url = Url::parse(text).map_err(unread)?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(format!("it must begin with https:// or http://, not {}://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("leave the user name and the password out: everybody would see them".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("leave out what follows ? or #".to_owned());
    }
    if url.path() != "/" {
        let path = url.path();
        return Err(format!("leave out the path {path}: Muster answers at the root of its host"));
    }
    if url.port() == Some(0) {
        return Err("nobody can reach port 0".to_owned());
    }
    match url.host() {
        Some(Host::Ipv4(ip)) if ip.is_unspecified() => return Err(unspecified()),
        Some(Host::Ipv6(ip)) if ip.is_unspecified() => return Err(unspecified()),
        Some(Host::Domain(name)) => check_name(name)?,
        Some(_) => {}
        None => return Err("it names no host".to_owned()),
    }
    Ok(url.origin().ascii_serialization())
}

fn unspecified() -> String {
    "that is where a server listens, not where people reach it: name the host".to_owned()
}

/// Whether a name, in ASCII by now, is one that a host can have.
fn check_name(name: &str) -> Result<(), String> {
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (1..=63).contains(&label.len()) && is_plain && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= 253 && name.strip_suffix('.').unwrap_or(name).split('.').all(is_label) {
        return Ok(());
    }
    Err(format!("{name} is not the name of a host"))
}

#[cfg(test)]
mod tests {
    use super::public_url;

    #[test]
    fn what_is_accepted_is_written_in_one_way() {
        for (typed, kept) in [
            ("https://people.example.com", "https://people.example.com"),
            (" https://people.example.com/ ", "https://people.example.com"),
            ("HTTPS://People.Example.COM", "https://people.example.com"),
            ("https://people.example.com:443", "https://people.example.com"),
            ("https://people.example.com:8443/", "https://people.example.com:8443"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://192.0.2.7:81", "http://192.0.2.7:81"),
            ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://my_host.internal", "https://my_host.internal"),
        ] {
            assert_eq!(public_url(typed).as_deref(), Ok(kept), "{typed}");
        }
    }

    #[test]
    fn what_is_refused_is_told_why() {
        for (typed, why) in [
            ("people.example.com", "begin with https://"),
            ("people.example.com:8080", "begin with https://"),
            ("ftp://people.example.com", "not ftp://"),
            ("https://people.example.com/muster", "leave out the path /muster"),
            ("https://people.example.com/?a=b", "follows ? or #"),
            ("https://people.example.com/#top", "follows ? or #"),
            ("https://ana:secret@people.example.com", "user name and the password"),
            ("https://", "can't be read"),
            ("https://people.example.com:99999", "can't be read"),
            ("https://people.example.com:0", "port 0"),
            ("https://people..example.com", "not the name of a host"),
            ("https://-people.example.com", "not the name of a host"),
            ("http://0.0.0.0:8080", "name the host"),
            ("http://[::]:8080", "name the host"),
            ("https://exa mple.com", "can't be read"),
        ] {
            let refused = public_url(typed).expect_err(typed);
            assert!(refused.contains(why), "{typed}: {refused}");
            assert!(!refused.contains("secret"), "{typed}: {refused}");
        }
    }
}
