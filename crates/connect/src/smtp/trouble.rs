//! Why a mail was not handed over: whose fault it is, and the words for an administrator.
//!
//! A refusal counts against the address only where the server has refused this mail for good; whatever is wrong with the
//! server, the line or our settings is not the address's fault, and the mail waits.

use std::error::Error as _;

use super::{Site, address::one_line};

/// Characters of a server's answer that are kept.
const LONGEST_LINE: usize = 200;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Reaching the server.
    Connection,
    /// Its greeting and our EHLO; with implicit TLS also all before.
    Greeting,
    /// STARTTLS.
    Protection,
    /// AUTH.
    SignIn,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA.
    Content,
    /// The content and the answer to it.
    End,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server answered with a code of 400 or more.
    Answered { step: Step, code: u16, line: String },
    /// The connection failed, or what came over it was no SMTP.
    Broken { step: Step, why: String },
    /// The time was over.
    Late(Step),
    /// The server lacks something that we insist on; goes on after "The mail server …".
    Lacks(&'static str),
    /// The mail can't be sent to that address at all.
    Unsendable(String),
    /// Something of ours is wrong and can be corrected.
    Ours(String),
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Trying again would not help.
    Address,
    /// It might.
    Elsewhere,
}

impl Trouble {
    pub(super) fn of(step: Step, error: &lettre::transport::smtp::Error) -> Self {
        if let Some(code) = error.status() {
            let line = error.source().map(ToString::to_string).unwrap_or_default();
            return Self::Answered { step, code: code.into(), line };
        }
        // The innermost cause says it without the words of the layers around.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Broken { step, why: in_words(&cause.to_string()) }
    }

    pub(super) fn broken(step: Step, error: &std::io::Error) -> Self {
        Self::Broken { step, why: in_words(&error.to_string()) }
    }

    pub(super) fn fault(&self) -> Fault {
        match self {
            // "Authentication required" and its kin speak about us (RFC 4954 §6).
            Self::Answered { code: 530 | 534 | 535 | 538, .. } => Fault::Elsewhere,
            Self::Answered { step, code: 500.., .. } => match step {
                Step::Sender | Step::Recipient | Step::Content | Step::End => Fault::Address,
                Step::Connection | Step::Greeting | Step::Protection | Step::SignIn => Fault::Elsewhere,
            },
            Self::Unsendable(_) => Fault::Address,
            Self::Answered { .. } | Self::Broken { .. } | Self::Late(_) | Self::Lacks(_) | Self::Ours(_) => {
                Fault::Elsewhere
            }
        }
    }

    /// Whether a connection that waited was closed before it heard of this mail.
    pub(super) fn is_of_a_stale_connection(&self) -> bool {
        matches!(
            self,
            Self::Broken { step: Step::Sender, .. } | Self::Answered { step: Step::Sender, code: 421, .. }
        )
    }

    /// One line that says what happened and, where it can be known, what to do.
    pub(super) fn words(&self, site: &Site) -> String {
        let server = format!("The mail server {}:{}", site.host, site.port);
        match self {
            Self::Answered { step: Step::SignIn, code, line } => {
                let line = clean(line, &site.secrets);
                format!(
                    "{server} refused our sign-in ({code} {line}). Check mail.username and mail.password; nothing is \
                     wrong with the address."
                )
            }
            Self::Answered { step, code, line } => {
                let answered =
                    format!("{server} answered {code} {}: {}", step.asked(), clean(line, &site.secrets));
                let advice = match code {
                    530 | 534 | 535 | 538 => {
                        " It wants another sign-in: check mail.username and mail.security."
                    }
                    _ => "",
                };
                format!("{answered}{advice}")
            }
            Self::Broken { step: Step::Connection, why } => {
                format!("{server} can't be reached: {why}. Check mail.server and the network.")
            }
            Self::Broken { step, why } => {
                format!(
                    "The connection to the mail server {}:{} failed {}: {why}.",
                    site.host,
                    site.port,
                    step.during()
                )
            }
            Self::Late(step @ (Step::Connection | Step::Greeting)) => format!(
                "{server} did not answer in time {}. Check mail.server, the network, and whether mail.security is right \
                 for that port.",
                step.during()
            ),
            Self::Late(step) => format!("{server} did not answer in time {}.", step.during()),
            Self::Lacks(what) => format!("{server} {what}."),
            Self::Unsendable(why) | Self::Ours(why) => why.clone(),
        }
    }
}

impl Step {
    /// What the server answered to.
    fn asked(self) -> &'static str {
        match self {
            Self::Connection | Self::Greeting => "as its greeting",
            Self::Protection => "to STARTTLS",
            Self::SignIn => "to the sign-in",
            Self::Sender => "to the sender",
            Self::Recipient => "to the recipient",
            Self::Content | Self::End => "to the content",
        }
    }

    /// When it happened.
    fn during(self) -> &'static str {
        match self {
            Self::Connection => "while connecting",
            Self::Greeting => "while it was being greeted",
            Self::Protection => "while starting TLS",
            Self::SignIn => "during the sign-in",
            Self::Sender => "when told the sender",
            Self::Recipient => "when told the recipient",
            Self::Content => "when the content was announced",
            Self::End => "while the content was sent; it may have been delivered",
        }
    }
}

/// A library's words, and what to do where they are not plain.
fn in_words(cause: &str) -> String {
    let known = [
        (
            "UnknownIssuer",
            "its certificate is not signed by an authority that is believed here (mail.ca_file names yours)",
        ),
        (
            "NotValidForName",
            "its certificate is for another name (mail.server must be the name in the certificate)",
        ),
        (
            "certificate not valid for name",
            "its certificate is for another name (mail.server must be the name in the certificate)",
        ),
        ("xpired", "its certificate has expired, or this machine's clock is wrong"),
        ("corrupt message", "it does not speak TLS there (see mail.security)"),
        ("incomplete response", "it closed the connection"),
    ];
    let found = known.iter().find(|(sign, _)| cause.contains(sign));
    found.map_or_else(|| clean(cause, &[]).trim_end_matches('.').to_owned(), |(_, words)| (*words).to_owned())
}

/// A server's line, fit to be shown: one line, not long, without our secrets, which some servers repeat.
pub(super) fn clean(line: &str, secrets: &[String]) -> String {
    let hidden = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(one_line(line), |line, secret| line.replace(secret.as_str(), "(hidden)"));
    if hidden.chars().count() <= LONGEST_LINE {
        return hidden;
    }
    hidden.chars().take(LONGEST_LINE - 1).chain(['…']).collect()
}
