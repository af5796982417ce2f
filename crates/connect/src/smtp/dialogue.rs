//! One connection to the server: opened, protected, signed in, and then used for one mail after the other.
//!
//! Every step has the same deadline and its own name, so that a refusal can say what it refused.

use std::time::Duration;

use lettre::transport::smtp::{
    authentication::Mechanism,
    client::{AsyncSmtpConnection, AsyncTokioStream},
    commands::{Data, Mail as MailFrom, Rcpt},
    extension::{Extension, MailBodyParameter, MailParameter},
    response::Response,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Security, Site,
    message::Mail,
    stream::LineByLine,
    trouble::{Step, Trouble},
};

/// For one address of the server: the next one may answer.
const CONNECT: Duration = Duration::from_secs(8);
/// Politeness has its limits.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection that mail can be handed over on. Whoever drops one in the midst of a step closes it.
pub(super) struct Dialogue {
    connection: AsyncSmtpConnection,
    mails: usize,
}

impl Dialogue {
    /// Connects, protects the connection as it is to be, and signs in.
    pub(super) async fn open(site: &Site, deadline: Instant) -> Result<Self, Trouble> {
        let connection = match site.security {
            Security::Tls => {
                let address = (site.host.as_str(), site.port);
                let tls = Some(site.tls.clone());
                let connect =
                    AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &site.hello, tls, None);
                within(deadline, Step::Greeting, connect).await?
            }
            Security::StartTls => {
                let stream = LineByLine::new(connect(site, deadline).await?);
                let mut connection = greet(Box::new(stream), site, deadline).await?;
                if !connection.can_starttls() {
                    return Err(Trouble::Lacks(
                        "does not offer STARTTLS, and without it nothing is sent. Check mail.server, or set \
                         mail.security to tls",
                    ));
                }
                let start = connection.starttls(site.tls.clone(), &site.hello);
                within(deadline, Step::Protection, start).await?;
                connection
            }
            Security::None => {
                let stream = connect(site, deadline).await?;
                let is_here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
                if site.credentials.is_some() && !is_here {
                    return Err(Trouble::Lacks(
                        "is on another machine, to which a password is never sent unprotected. Set mail.security \
                         to starttls or tls",
                    ));
                }
                greet(Box::new(stream), site, deadline).await?
            }
        };
        let mut dialogue = Self { connection, mails: 0 };
        dialogue.sign_in(site, deadline).await?;
        Ok(dialogue)
    }

    async fn sign_in(&mut self, site: &Site, deadline: Instant) -> Result<(), Trouble> {
        let Some(credentials) = &site.credentials else { return Ok(()) };
        let known = [Mechanism::Plain, Mechanism::Login];
        if !known.iter().any(|mechanism| self.connection.server_info().supports_auth_mechanism(*mechanism)) {
            return Err(Trouble::Lacks(
                "offers no sign-in with a password (AUTH PLAIN or LOGIN). Check mail.server and mail.security, or \
                 leave mail.username out",
            ));
        }
        let sign_in = self.connection.auth(&known, credentials);
        within(deadline, Step::SignIn, sign_in).await.map(drop)
    }

    /// Hands one mail over; the answer to its content. After an error this connection must not be used again.
    pub(super) async fn hand_over(&mut self, mail: &Mail, deadline: Instant) -> Result<String, Trouble> {
        self.mails += 1;
        let mut parameters = Vec::new();
        let offered = self.connection.server_info();
        if mail.is_international() {
            if !offered.supports_feature(Extension::SmtpUtfEight) {
                let message = "The mail server does not take addresses with such letters before the @ (SMTPUTF8). \
                               Use another address of this person.";
                return Err(Trouble::Unsendable(message.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.bytes.is_ascii() && offered.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = MailFrom::new(Some(mail.from.clone()), parameters);
        within(deadline, Step::Sender, self.connection.command(from)).await?;
        let to = Rcpt::new(mail.to.clone(), vec![]);
        within(deadline, Step::Recipient, self.connection.command(to)).await?;
        within(deadline, Step::Content, self.connection.command(Data)).await?;
        let answer = within(deadline, Step::End, self.connection.message(&mail.bytes)).await?;
        Ok(line(&answer))
    }

    /// How many mails were handed over, or begun.
    pub(super) fn mails(&self) -> usize {
        self.mails
    }

    /// Says goodbye; whether anybody answers does not matter any more.
    pub(super) async fn end(mut self) {
        timeout(GOODBYE, self.connection.quit()).await.ok();
    }
}

/// The first of the server's addresses that answers.
async fn connect(site: &Site, deadline: Instant) -> Result<TcpStream, Trouble> {
    let connect = async {
        let mut last = None;
        for address in tokio::net::lookup_host((site.host.as_str(), site.port)).await? {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(std::io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last.unwrap_or_else(|| std::io::Error::other("its name has no address")))
    };
    let connected = timeout_at(deadline, connect).await.map_err(|_| Trouble::Late(Step::Connection))?;
    connected.map_err(|error| Trouble::broken(Step::Connection, &error))
}

async fn greet(
    stream: Box<dyn AsyncTokioStream>,
    site: &Site,
    deadline: Instant,
) -> Result<AsyncSmtpConnection, Trouble> {
    let greet = AsyncSmtpConnection::connect_with_transport(stream, &site.hello);
    within(deadline, Step::Greeting, greet).await
}

async fn within<T>(
    deadline: Instant,
    step: Step,
    doing: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Trouble> {
    match timeout_at(deadline, doing).await {
        Ok(done) => done.map_err(|error| Trouble::of(step, &error)),
        Err(_) => Err(Trouble::Late(step)),
    }
}

/// An answer as one line.
fn line(answer: &Response) -> String {
    format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))
}
