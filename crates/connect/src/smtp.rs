//! Hands mail to one SMTP server (RFC 5321) and says truthfully what became of it.
//!
//! Owns the connection, how a mail is written (`smtp/message.rs`) and what a refusal means: whether the address is at
//! fault (`Failed`) or trying again later may help (`Deferred`). What is sent, when, and how often is the worker's.

mod address;
mod dialogue;
mod message;
mod stream;
mod trouble;

use std::{fmt, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dialogue::Dialogue;
use lettre::{
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use message::Mail;
use model::{Error, Kind, Result, Timestamp};
use parking_lot::Mutex;
use tokio::time::Instant;
use trouble::{Fault, Trouble, clean};

/// No attempt takes longer, whatever is asked for.
const LONGEST: Duration = Duration::from_secs(45);
/// A connection that has done its work waits that long for more.
const IDLE: Duration = Duration::from_secs(10);
/// More than this a server may not like to get over one connection.
const MAILS_PER_CONNECTION: usize = 50;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314), usually port 465.
    Tls,
    /// TLS asked for by STARTTLS (RFC 3207), usually port 587; without it nothing is sent.
    StartTls,
    /// None, usually port 25; a password is then only told to this very machine.
    None,
}

/// Which server, and as whom.
#[derive(Clone)]
pub struct Options {
    /// Host and port (`mail.example.com:587`, `[::1]:25`); without a port the usual one of `security`.
    pub server: String,
    /// How the connection is protected.
    pub security: Security,
    /// User name and password, where the server wants them.
    pub login: Option<(String, String)>,
    /// The sender: `muster@example.com` or `Muster <muster@example.com>`.
    pub from: String,
    /// Certificates (PEM) of the authorities to believe instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// For one attempt, from connecting to the last answer; at most 45 seconds.
    pub timeout: Duration,
}

/// One mail to one person.
#[derive(Debug, Clone)]
pub struct Message {
    /// The Message-ID without `<>`: the same in every attempt, so that a mail that comes twice is shown once.
    pub id: String,
    /// The sender's name as people see it; unless given, that of [`Options::from`].
    pub from_name: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The address.
    pub to: String,
    /// Whose address it is.
    pub to_name: Option<String>,
    /// In any script.
    pub subject: String,
    /// The part for readers without HTML.
    pub text: String,
    /// The part for all others.
    pub html: String,
    /// When it was written, which does not change in later attempts.
    pub date: Timestamp,
}

/// What became of an attempt. `why` and `reply` are words for an administrator, one line, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it over.
    Sent {
        /// Its answer, which often names its queue's id.
        reply: String,
    },
    /// Not this time; the address is not known to be at fault.
    Deferred {
        /// What happened.
        why: String,
    },
    /// It will never be taken: the server refused it for good.
    Failed {
        /// What happened.
        why: String,
    },
}

/// A mail server that can be handed mail.
pub struct Server {
    site: Site,
    from: Mailbox,
    timeout: Duration,
    idle: Arc<Mutex<Idle>>,
}

/// Where the server is and how it is entered.
struct Site {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    hello: ClientId,
    credentials: Option<Credentials>,
    /// Never to be repeated, though a server may.
    secrets: Vec<String>,
}

/// Connections that wait for more work.
#[derive(Default)]
struct Idle {
    waiting: Vec<(Dialogue, Instant)>,
    is_watched: bool,
}

impl Server {
    /// Where it is and how it is entered, in words: never with credentials.
    pub fn description(&self) -> String {
        let protection = match self.site.security {
            Security::Tls => "TLS",
            Security::StartTls => "STARTTLS",
            Security::None => "unprotected",
        };
        format!("{}:{} ({protection})", self.site.host, self.site.port)
    }

    /// Checks the options and reads the certificates; connects to nobody yet.
    pub fn new(options: Options) -> Result<Self> {
        let (host, port) = endpoint(&options.server, options.security)?;
        if options.login.is_some() && options.security == Security::None && !is_this_machine(&host) {
            let message = "A password is never sent unprotected to another machine. Set mail.security to starttls \
                           or tls, or leave mail.username out.";
            return Err(refused("mail.insecure_login", message));
        }
        let from = address::mailbox(&options.from).ok_or_else(|| {
            let message =
                "mail.from must be an address such as muster@example.com or Muster <muster@example.com>.";
            refused("mail.from", message)
        })?;
        if !from.email.user().is_ascii() {
            let message = "mail.from must have only a-z, 0-9 and the like before the @: most mail servers refuse others.";
            return Err(refused("mail.from", message));
        }
        let tls = tls_parameters(&host, &options)?;
        let secrets = options.login.as_ref().map(secrets_of).unwrap_or_default();
        let credentials = options.login.map(|(name, password)| Credentials::new(name, password));
        let hello = ClientId::default();
        let site = Site { host, port, security: options.security, tls, hello, credentials, secrets };
        Ok(Self { site, from, timeout: options.timeout.min(LONGEST), idle: Arc::default() })
    }

    /// Tries once to hand the mail over.
    ///
    /// `Sent` only after the server's 250 to the whole content. A connection that is lost later than the content's end
    /// leaves open whether the mail was taken: that is `Deferred`, and the next attempt has the same Message-ID.
    pub async fn send(&self, message: &Message) -> Outcome {
        let attempt = match Mail::write(message, &self.from) {
            // Boxed: a conversation under TLS is large, and many wait side by side.
            Ok(mail) => Box::pin(self.deliver(&mail, Instant::now() + self.timeout)).await,
            Err(trouble) => Err(trouble),
        };
        match attempt {
            Ok(reply) => Outcome::Sent { reply: clean(&reply, &self.site.secrets) },
            Err(trouble) => {
                let why = trouble.words(&self.site);
                match trouble.fault() {
                    Fault::Address => Outcome::Failed { why },
                    Fault::Elsewhere => Outcome::Deferred { why },
                }
            }
        }
    }

    /// Goes as far as signing in, and sends nothing: for those who have just set it up.
    pub async fn test(&self) -> Result<()> {
        match Box::pin(Dialogue::open(&self.site, Instant::now() + self.timeout)).await {
            Ok(dialogue) => {
                dialogue.end().await;
                Ok(())
            }
            Err(trouble) => {
                Err(Error::new(Kind::Unavailable, "mail.server_unusable", trouble.words(&self.site)))
            }
        }
    }

    async fn deliver(&self, mail: &Mail, deadline: Instant) -> Result<String, Trouble> {
        let waiting = self.idle.lock().take();
        if let Some(mut dialogue) = waiting {
            match dialogue.hand_over(mail, deadline).await {
                Ok(reply) => {
                    self.keep(dialogue);
                    return Ok(reply);
                }
                // The server has closed a connection that waited: it has heard nothing of this mail.
                Err(trouble) if trouble.is_of_a_stale_connection() => {}
                Err(trouble) => return Err(trouble),
            }
        }
        let mut dialogue = Dialogue::open(&self.site, deadline).await?;
        let reply = dialogue.hand_over(mail, deadline).await?;
        self.keep(dialogue);
        Ok(reply)
    }

    /// Lets a connection that is in order wait for the next mail. One in doubt was dropped: a later mail would get the
    /// answers to an earlier one.
    fn keep(&self, dialogue: Dialogue) {
        if dialogue.mails() >= MAILS_PER_CONNECTION {
            tokio::spawn(dialogue.end());
            return;
        }
        let mut idle = self.idle.lock();
        idle.waiting.push((dialogue, Instant::now()));
        if !std::mem::replace(&mut idle.is_watched, true) {
            tokio::spawn(end_the_idle(Arc::downgrade(&self.idle)));
        }
    }
}

impl Idle {
    fn take(&mut self) -> Option<Dialogue> {
        let (dialogue, since) = self.waiting.pop()?;
        (since.elapsed() < IDLE).then_some(dialogue)
    }

    /// Those that have waited long enough, and whether any is left.
    fn tired(&mut self) -> (Vec<Dialogue>, bool) {
        let tired = self.waiting.extract_if(.., |(_, since)| since.elapsed() >= IDLE);
        let tired = tired.map(|(dialogue, _)| dialogue).collect();
        self.is_watched = !self.waiting.is_empty();
        (tired, self.is_watched)
    }
}

/// Says goodbye on connections that nobody needs any more, until none waits.
async fn end_the_idle(idle: std::sync::Weak<Mutex<Idle>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some((tired, is_any_left)) = idle.upgrade().map(|idle| idle.lock().tired()) else { return };
        for dialogue in tired {
            dialogue.end().await;
        }
        if !is_any_left {
            return;
        }
    }
}

fn refused(code: &'static str, message: &str) -> Error {
    Error::new(Kind::Invalid, code, message)
}

/// Host and port out of `host`, `host:port`, `[v6]`, `[v6]:port`.
fn endpoint(server: &str, security: Security) -> Result<(String, u16)> {
    let wrong = || {
        let message =
            "mail.server must be a host, with its port if it is not the usual one: mail.example.com:587.";
        refused("mail.server", message)
    };
    let usual = match security {
        Security::Tls => 465,
        Security::StartTls => 587,
        Security::None => 25,
    };
    let server = server.trim();
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            let _: std::net::Ipv6Addr = host.parse().map_err(|_| wrong())?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) };
            (host, port)
        }
        None => match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| wrong()))?;
    let host = address::host(host).filter(|_| port != 0).ok_or_else(wrong)?;
    Ok((host, port))
}

/// Whether the name says so; where it really led is looked at again before the password is told.
fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn tls_parameters(host: &str, options: &Options) -> Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &options.ca_file {
        let unusable = |error: &dyn fmt::Display| {
            let message =
                format!("mail.ca_file ({}) must hold certificates in PEM: {error}.", path.display());
            refused("mail.ca_file", &message)
        };
        let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(unusable(&"there is none in it"));
        }
        let certificates = Certificate::from_pem(&pem).map_err(|error| unusable(&error))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificates);
    }
    builder.build_rustls().map_err(|error| {
        let message = format!("The certificates to believe can't be used: {error}. Look at mail.ca_file.");
        refused("mail.ca_file", &message)
    })
}

/// The password as it goes over the line, in each form.
fn secrets_of((name, password): &(String, String)) -> Vec<String> {
    vec![STANDARD.encode(format!("\0{name}\0{password}")), STANDARD.encode(password), password.clone()]
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("server", &self.server)
            .field("security", &self.security)
            .field("user", &self.login.as_ref().map(|(name, _)| name))
            .field("from", &self.from)
            .field("ca_file", &self.ca_file)
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.site.host)
            .field("port", &self.site.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
