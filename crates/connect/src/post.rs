//! Sends something by HTTP POST and waits for a yes. For addresses that the operator has set: it follows no redirect, keeps
//! no connection, and speaks TLS with the public roots.

use std::{sync::Arc, time::Duration};

use model::{Error, Kind, Result};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// How long the whole may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A status line is no longer.
const LONGEST_LINE: u64 = 4096;

/// Where an address leads.
#[derive(Debug, PartialEq, Eq)]
struct Target<'u> {
    tls: bool,
    host: &'u str,
    port: u16,
    /// As in the `Host` header.
    authority: &'u str,
    path: &'u str,
}

impl<'u> Target<'u> {
    fn parse(url: &'u str) -> Option<Self> {
        let (tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://")?),
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let is_plain = |c: char| c.is_ascii_graphic() && !"@#?".contains(c);
        if authority.is_empty()
            || !authority.chars().all(is_plain)
            || !path.chars().all(|c| c.is_ascii_graphic())
        {
            return None;
        }
        // The last colon, but not one inside of an IPv6 address.
        let after_host = authority.rfind(']').map_or(0, |end| end + 1);
        let (host, port) = match authority[after_host..].rfind(':') {
            Some(at) => (&authority[..after_host + at], authority[after_host + at + 1..].parse().ok()?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some(Self { tls, host, port, authority, path })
    }
}

/// Whether [`send`] can understand the address.
pub fn is_address(url: &str) -> bool {
    Target::parse(url).is_some()
}

/// Sends `body`; an answer other than 2xx is an error.
pub async fn send(url: &str, content_type: &str, body: Vec<u8>) -> Result<()> {
    let target = Target::parse(url).ok_or_else(|| {
        let message = format!("The address {url} is not understood. Write https://host/path.");
        Error::new(Kind::Invalid, "post.address", message)
    })?;
    let sent = tokio::time::timeout(PATIENCE, exchange(&target, content_type, &body)).await;
    let status = match sent {
        Ok(answered) => answered.map_err(|error| Error::unavailable("post.unreachable", error))?,
        Err(_) => {
            return Err(Error::unavailable("post.unreachable", format!("{url} did not answer in time")));
        }
    };
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(Error::unavailable("post.refused", format!("{url} answered {status}")))
}

async fn exchange(target: &Target<'_>, content_type: &str, body: &[u8]) -> std::io::Result<u16> {
    let stream = TcpStream::connect((target.host, target.port)).await?;
    if !target.tls {
        return ask(stream, target, content_type, body).await;
    }
    let name = ServerName::try_from(target.host.to_owned()).map_err(std::io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(tls()?)).connect(name, stream).await?;
    ask(stream, target, content_type, body).await
}

fn tls() -> std::io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(std::io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
}

/// Writes the request and reads the status.
async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    target: &Target<'_>,
    content_type: &str,
    body: &[u8],
) -> std::io::Result<u16> {
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         User-Agent: muster\r\nConnection: close\r\n\r\n",
        target.path,
        target.authority,
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await?;
    let mut line = String::new();
    BufReader::new(stream).take(LONGEST_LINE).read_line(&mut line).await?;
    let status = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.trim().parse().ok());
    status.ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_they_say() {
        let parse =
            |url| Target::parse(url).map(|target| (target.tls, target.host, target.port, target.path));
        assert_eq!(parse("https://log.example/a?b=1"), Some((true, "log.example", 443, "/a?b=1")));
        assert_eq!(parse("http://127.0.0.1:8088"), Some((false, "127.0.0.1", 8088, "/")));
        assert_eq!(parse("https://[::1]:8443/x"), Some((true, "::1", 8443, "/x")));
        for wrong in [
            "",
            "log.example",
            "ftp://log.example",
            "https://",
            "https://a b/",
            "https://u:p@h/",
            "http://h:x/",
        ] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }

    #[tokio::test]
    async fn only_a_yes_is_a_yes() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/checkpoints", server.local_addr().unwrap());
        let serve = async {
            let mut asked = Vec::new();
            for answer in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 500 No\r\n\r\n", "nonsense\r\n"] {
                let (mut stream, _) = server.accept().await.unwrap();
                let mut text = vec![0; 400];
                let mut length = 0;
                while !String::from_utf8_lossy(&text[..length]).ends_with("\r\n\r\nnote") {
                    length += stream.read(&mut text[length..]).await.unwrap();
                }
                asked.push(String::from_utf8_lossy(&text[..length]).into_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        };
        let ask = async {
            let mut codes = Vec::new();
            for _ in 0..3 {
                codes.push(
                    send(&url, "text/plain", b"note".to_vec())
                        .await
                        .err()
                        .map(|error| error.code().to_owned()),
                );
            }
            codes
        };
        let (asked, codes) = tokio::join!(serve, ask);
        assert!(
            asked[0].starts_with("POST /checkpoints HTTP/1.1\r\n")
                && asked[0].contains("Content-Length: 4\r\n")
        );
        assert_eq!(codes, [None, Some("post.refused".to_owned()), Some("post.unreachable".to_owned())]);
    }
}
