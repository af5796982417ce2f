//! Who carries mail away: an SMTP server, the demonstration's mailbox, or nobody.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use connect::smtp;
use model::{MailId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A mail as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Its id.
    pub id: MailId,
    /// Message-ID without brackets; the same in every attempt.
    pub message_id: String,
    /// By which name the organization sends.
    pub from_name: String,
    /// Where answers go, unless to the sender.
    pub reply_to: Option<String>,
    /// Where to.
    pub to: String,
    /// The reader's name.
    pub to_name: Option<String>,
    /// Subject.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// When it was asked for; the same in every attempt.
    pub date: Timestamp,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it; what it said.
    Sent(String),
    /// Not now; why.
    Deferred(String),
    /// Never; why.
    Failed(String),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub enum Carrier {
    /// No mail server is configured: mail waits, and links can be copied.
    #[default]
    Nobody,
    /// Kept in memory and shown on a page.
    Mailbox(Mailbox),
    /// Handed to a mail server.
    Smtp(Arc<smtp::Server>),
}

impl Carrier {
    /// Sends one.
    pub(crate) async fn send(&self, letter: Letter) -> Outcome {
        match self {
            Self::Nobody => Outcome::Deferred("no mail server is configured (mail.server)".to_owned()),
            // Names that never exist (RFC 2606 §2), so that it can be seen what becomes of such an address.
            Self::Mailbox(_) if letter.to.ends_with(".invalid") => {
                Outcome::Failed("550 5.1.2 this domain does not exist".to_owned())
            }
            Self::Smtp(server) => match server.send(&letter.into()).await {
                smtp::Outcome::Sent { reply } => Outcome::Sent(reply),
                smtp::Outcome::Deferred { why } => Outcome::Deferred(why),
                smtp::Outcome::Failed { why } => Outcome::Failed(why),
            },
            Self::Mailbox(mailbox) => mailbox.take(letter),
        }
    }

    /// Whether mail goes anywhere at all.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Nobody)
    }

    /// Through what mail goes, in words, never with credentials; `None` if it goes nowhere.
    pub fn description(&self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Mailbox(_) => Some("the mailbox of the demonstration".to_owned()),
            Self::Smtp(server) => Some(server.description()),
        }
    }

    /// The mailbox, if mail is kept in one.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Mailbox(mailbox) => Some(mailbox),
            Self::Nobody | Self::Smtp(_) => None,
        }
    }
}

impl From<Letter> for smtp::Message {
    fn from(letter: Letter) -> Self {
        Self {
            id: letter.message_id,
            from_name: Some(letter.from_name),
            reply_to: letter.reply_to,
            to: letter.to,
            to_name: letter.to_name,
            subject: letter.subject,
            text: letter.text,
            html: letter.html,
            date: letter.date,
        }
    }
}

/// The latest mails, in memory.
#[derive(Debug, Clone, Default)]
pub struct Mailbox(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    letters: VecDeque<Letter>,
    /// Addresses that don't take mail, with what is said instead.
    refusing: HashMap<String, Outcome>,
}

/// How many are kept.
const KEPT: usize = 500;

impl Mailbox {
    fn take(&self, letter: Letter) -> Outcome {
        let mut kept = self.0.lock();
        if let Some(refusal) = kept.refusing.get(&letter.to) {
            return refusal.clone();
        }
        kept.letters.push_front(letter);
        kept.letters.truncate(KEPT);
        Outcome::Sent("kept in the mailbox of the demonstration".to_owned())
    }

    /// Has an address answer so from now on, as a mail server might; `None`: it takes mail again.
    pub fn answer(&self, address: &str, outcome: Option<Outcome>) {
        let mut kept = self.0.lock();
        match outcome {
            Some(outcome) => kept.refusing.insert(address.to_owned(), outcome),
            None => kept.refusing.remove(address),
        };
    }

    /// All of them, the newest first.
    pub fn letters(&self) -> Vec<Letter> {
        self.0.lock().letters.iter().cloned().collect()
    }

    /// One of them.
    pub fn letter(&self, id: MailId) -> Option<Letter> {
        self.0.lock().letters.iter().find(|letter| letter.id == id).cloned()
    }
}
