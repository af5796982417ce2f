//! Writes one mail: headers, and text and HTML as alternatives, both quoted-printable.
//!
//! The same message is the same bytes in every attempt: nothing here is random or asks for the time.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};

use super::{
    Message,
    address::{address, mailbox, name_of, one_line},
    trouble::Trouble,
};

/// It must fit on one line, of at most 998 characters (RFC 5322 §2.1.1), with room to spare.
const LONGEST_ID: usize = 250;

/// A mail ready to be handed over.
pub(super) struct Mail {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

impl Mail {
    pub(super) fn write(message: &Message, from: &Mailbox) -> Result<Self, Trouble> {
        let to = address(&message.to).ok_or_else(|| {
            Trouble::Unsendable("The address can't be written to: it is not an email address.".to_owned())
        })?;
        let id = &message.id;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "@.-_+=".contains(c);
        if !id.contains('@') || id.len() > LONGEST_ID || !id.chars().all(is_plain) {
            return Err(Trouble::Ours(format!("The Message-ID {id:?} can't be used.")));
        }
        let name = name_of(message.from_name.as_deref()).or_else(|| from.name.clone());
        let moment = u64::try_from(message.date.micros()).unwrap_or_default();
        let mut builder = lettre::Message::builder()
            .message_id(Some(format!("<{id}>")))
            .date(UNIX_EPOCH + Duration::from_micros(moment))
            .from(Mailbox::new(name, from.email.clone()))
            .to(Mailbox::new(name_of(message.to_name.as_deref()), to.clone()))
            .subject(one_line(&message.subject));
        if let Some(reply_to) = &message.reply_to {
            let mailbox = mailbox(reply_to).ok_or_else(|| {
                Trouble::Ours("The reply address of the organization can't be used. Correct it.".to_owned())
            })?;
            builder = builder.reply_to(mailbox);
        }
        // RFC 3834: nobody's holiday should answer. Exchange and Outlook ask for their own word ([MS-OXCMAIL] 2.2.3.2.14).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let suppressed = HeaderName::new_from_ascii_str("X-Auto-Response-Suppress");
        let written = builder
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .raw_header(HeaderValue::new(suppressed, "All".to_owned()))
            .multipart(
                MultiPart::alternative()
                    .boundary(boundary(id))
                    .singlepart(part(ContentType::TEXT_PLAIN, &message.text))
                    .singlepart(part(ContentType::TEXT_HTML, &message.html)),
            )
            .map_err(|error| Trouble::Ours(format!("The mail can't be written: {error}.")))?;
        Ok(Self { from: from.email.clone(), to, bytes: written.formatted() })
    }

    /// Whether an address needs SMTPUTF8 (RFC 6531).
    pub(super) fn is_international(&self) -> bool {
        let addresses: [&str; 2] = [self.from.as_ref(), self.to.as_ref()];
        !addresses.iter().all(|address| address.is_ascii())
    }
}

fn part(kind: ContentType, text: &str) -> SinglePart {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    // This encoding takes any text; what it could give back is the text itself.
    let body = Body::new_with_encoding(text.to_owned(), encoding)
        .unwrap_or_else(|text| Body::dangerous_pre_encoded(text, encoding));
    SinglePart::builder().header(kind).body(body)
}

/// `=_` stands in no quoted-printable text (RFC 2045 §6.7), so this ends no part too early.
fn boundary(id: &str) -> String {
    let letters = id.chars().filter(char::is_ascii_alphanumeric).take(50);
    format!("=_{}", letters.collect::<String>())
}
