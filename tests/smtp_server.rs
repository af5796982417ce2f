//! A mail server that fails as it is told to: by connection, and by recipient and attempt.
//!
//! It remembers what it has heard and every mail that it has stored, and whether the 250 for it went out.

use std::{
    collections::BTreeMap,
    io::{Error, ErrorKind, Result},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does to one connection, or to one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// As it should be.
    Deliver,
    /// The connection: reset as soon as it is there.
    Reset,
    /// The connection: nothing is ever said.
    Hang,
    /// The connection: greeted with this, then closed.
    Greet(&'static str),
    /// The connection: a greeting without end.
    Babble,
    /// The connection: EHLO is answered with this.
    Hello(&'static str),
    /// The connection: STARTTLS is offered and answered with this.
    StartTls(&'static str),
    /// The connection: AUTH is offered and answered with this.
    SignIn(&'static str),
    /// The connection: AUTH is offered, and the answer repeats what was said.
    Parrot,
    /// The mail: answers MAIL with this.
    Sender(&'static str),
    /// The mail: answers RCPT with this.
    Recipient(&'static str),
    /// The mail: RCPT is never answered.
    HangAtRecipient,
    /// The mail: answers DATA with this.
    Content(&'static str),
    /// The mail: takes the content, answers this, and stores nothing.
    End(&'static str),
    /// The mail: closes in the midst of the content.
    DropInContent,
    /// The mail: stores it and closes without a word.
    StoreAndDrop,
    /// The mail: stores it, says so, and closes.
    AcknowledgeAndDrop,
    /// The mail: nothing is said any more after the content, which is stored.
    StoreAndHang,
    /// The mail: all right, but each letter of the answer takes its time.
    Slow,
}

/// A mail that was stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) recipient: String,
    /// With its `<>`.
    pub(crate) message_id: String,
    /// Whether the 250 was written.
    pub(crate) is_acknowledged: bool,
}

/// Decides by the number of the connection, from 0.
pub(crate) type ByConnection = Box<dyn Fn(usize) -> Behaviour + Send + Sync>;
/// Decides by recipient and attempt, from 0.
pub(crate) type ByRecipient = Box<dyn Fn(&str, usize) -> Behaviour + Send + Sync>;

struct Inner {
    by_connection: ByConnection,
    by_recipient: ByRecipient,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    connections: usize,
    tries: usize,
    attempts: BTreeMap<String, usize>,
    commands: Vec<String>,
    stored: Vec<Stored>,
    hanging: usize,
}

/// A running server; gone when dropped.
pub(crate) struct FaultyServer {
    address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl FaultyServer {
    pub(crate) async fn start(by_connection: ByConnection, by_recipient: ByRecipient) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner { by_connection, by_recipient, heard: Mutex::default() });
        let task = tokio::spawn(accept(listener, inner.clone()));
        Self { address, inner, task }
    }

    /// The same to everybody.
    pub(crate) async fn always(behaviour: Behaviour) -> Self {
        Self::start(Box::new(move |_| behaviour), Box::new(move |_, _| behaviour)).await
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every line that it was told outside of content.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.inner.heard.lock().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.inner.heard.lock().connections
    }

    /// Recipients that it heard of and connections that it did not serve: each was somebody's try.
    pub(crate) fn tries(&self) -> usize {
        self.inner.heard.lock().tries
    }

    /// How many connections are kept waiting for ever just now.
    pub(crate) fn hanging(&self) -> usize {
        self.inner.heard.lock().hanging
    }

    pub(crate) fn stored(&self) -> Vec<Stored> {
        self.inner.heard.lock().stored.clone()
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let number = {
            let mut heard = inner.heard.lock();
            heard.connections += 1;
            heard.connections - 1
        };
        let behaviour = (inner.by_connection)(number);
        inner.heard.lock().tries += usize::from(behaviour != Behaviour::Deliver);
        let inner = inner.clone();
        // Whoever hangs up early is none of its business.
        tokio::spawn(
            async move { Visit { stream: BufReader::new(stream), inner, behaviour }.serve().await.ok() },
        );
    }
}

/// One connection.
struct Visit {
    stream: BufReader<TcpStream>,
    inner: Arc<Inner>,
    behaviour: Behaviour,
}

impl Visit {
    async fn serve(mut self) -> Result<()> {
        match self.behaviour {
            Behaviour::Reset => return self.stream.get_ref().set_zero_linger(),
            Behaviour::Hang => return self.hang().await,
            Behaviour::Babble => loop {
                self.say(&format!("220-{}", "and another thing ".repeat(50))).await?;
            },
            Behaviour::Greet(line) => return self.say(line).await,
            _ => self.say("220 faulty.test ESMTP").await?,
        }
        let mut mail = Behaviour::Deliver;
        let mut recipient = String::new();
        while let Some(line) = self.line().await? {
            self.inner.heard.lock().commands.push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            match verb.as_str() {
                "EHLO" => self.hello().await?,
                "STARTTLS" => match self.behaviour {
                    Behaviour::StartTls(answer) => self.say(answer).await?,
                    _ => self.say("502 no").await?,
                },
                "AUTH" => self.sign_in(&line).await?,
                "MAIL" => match (self.inner.by_recipient)("", 0) {
                    Behaviour::Sender(answer) => self.say(answer).await?,
                    _ => self.say("250 2.1.0 sender").await?,
                },
                "RCPT" => {
                    (recipient, mail) = self.recipient(&line);
                    match mail {
                        Behaviour::Recipient(answer) => self.say(answer).await?,
                        Behaviour::HangAtRecipient => return self.hang().await,
                        _ => self.say("250 2.1.5 recipient").await?,
                    }
                }
                "DATA" => match mail {
                    Behaviour::Content(answer) => self.say(answer).await?,
                    _ => self.content(mail, &recipient).await?,
                },
                "QUIT" => return self.say("221 bye").await,
                _ => self.say("250 ok").await?,
            }
        }
        Ok(())
    }

    async fn hello(&mut self) -> Result<()> {
        match self.behaviour {
            Behaviour::Hello(answer) => self.say(answer).await,
            Behaviour::StartTls(_) => self.say("250-faulty.test\r\n250 STARTTLS").await,
            Behaviour::SignIn(_) | Behaviour::Parrot => {
                self.say("250-faulty.test\r\n250 AUTH PLAIN LOGIN").await
            }
            _ => self.say("250-faulty.test\r\n250 8BITMIME").await,
        }
    }

    async fn sign_in(&mut self, line: &str) -> Result<()> {
        match self.behaviour {
            Behaviour::SignIn(answer) => self.say(answer).await,
            _ => self.say(&format!("535 5.7.8 this is wrong: {line}")).await,
        }
    }

    fn recipient(&mut self, line: &str) -> (String, Behaviour) {
        let recipient = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let attempt = {
            let mut heard = self.inner.heard.lock();
            heard.tries += 1;
            let attempts = heard.attempts.entry(recipient.clone()).or_default();
            *attempts += 1;
            *attempts - 1
        };
        let behaviour = (self.inner.by_recipient)(&recipient, attempt);
        (recipient, behaviour)
    }

    async fn content(&mut self, mail: Behaviour, recipient: &str) -> Result<()> {
        self.say("354 go on").await?;
        let mut message_id = String::new();
        loop {
            let line = self.line().await?.ok_or(ErrorKind::UnexpectedEof)?;
            if line == "." {
                break;
            }
            if let Some(id) = line.strip_prefix("Message-ID: ") {
                id.clone_into(&mut message_id);
                if mail == Behaviour::DropInContent {
                    return Err(Error::other("dropped"));
                }
            }
        }
        if let Behaviour::End(answer) = mail {
            return self.say(answer).await;
        }
        let at = {
            let stored = Stored { recipient: recipient.to_owned(), message_id, is_acknowledged: false };
            let mut heard = self.inner.heard.lock();
            heard.stored.push(stored);
            heard.stored.len() - 1
        };
        match mail {
            Behaviour::StoreAndDrop => return Err(Error::other("dropped")),
            Behaviour::StoreAndHang => return self.hang().await,
            Behaviour::Slow => {
                for byte in "250 2.0.0 stored".bytes() {
                    self.stream.get_mut().write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                self.say("").await?;
            }
            _ => self.say("250 2.0.0 stored").await?,
        }
        self.inner.heard.lock().stored[at].is_acknowledged = true;
        if mail == Behaviour::AcknowledgeAndDrop { Err(Error::other("dropped")) } else { Ok(()) }
    }

    async fn say(&mut self, line: &str) -> Result<()> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await
    }

    /// Listens, until the other side gives up.
    async fn hang(&mut self) -> Result<()> {
        let mut forgotten = Vec::new();
        self.inner.heard.lock().hanging += 1;
        let end = self.stream.read_to_end(&mut forgotten).await;
        self.inner.heard.lock().hanging -= 1;
        end.map(drop)
    }

    async fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
