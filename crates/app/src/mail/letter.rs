//! What a mail says: written at its first attempt of what is stored then, and kept until it is sent or given up, so that
//! every further attempt is the same to the byte.
//!
//! Other people are ids until then. What is kept names them, and is noted with their ids, so that an erasure finds exactly
//! those mails: they are written anew. The secret of the link is never kept: it takes its place when the mail goes out.

use std::collections::BTreeMap;

use model::{
    Error, Org, Result, User, UserId,
    audit::seal::pseudonym,
    link::{Link, Standing},
    mail::Mail,
};
use store::Connection;

use super::{
    carrier::Letter,
    text::{self, Words},
};
use crate::App;

/// Stands for the secret of the link in what is kept.
const SECRET: &str = "\u{e000}secret\u{e000}";

/// What a mail is written of.
struct Sources {
    org: Org,
    user: Option<User>,
    link: Option<Link>,
}

impl App {
    /// The mail as it goes out; `None` if nobody needs it any more.
    pub(super) async fn letter(&self, mail: &Mail) -> Result<Option<Letter>> {
        let read = async |connection: &mut Connection<'_>| {
            let Some(sources) = self.sources(connection, mail).await? else { return Ok(None) };
            let written = store::mails::written(connection, mail.org, mail.id).await?;
            Ok(Some((sources.org, sources.link, written)))
        };
        let Some((org, link, written)) = self.database().read(read).await? else { return Ok(None) };
        let letter = match written {
            Some(written) => Some(serde_json::from_str(&written).map_err(Error::internal)?),
            None => self.write_letter(mail).await?,
        };
        let Some(letter) = letter else { return Ok(None) };
        let Some(link) = link else { return Ok(Some(letter)) };
        let url = self.link_url(&org, &link)?;
        let secret = url.rsplit('/').next().unwrap_or_default();
        Ok(Some(Letter {
            text: letter.text.replace(SECRET, secret),
            html: letter.html.replace(SECRET, secret),
            ..letter
        }))
    }

    /// What the mail is written of, unless nobody needs it any more.
    async fn sources(&self, connection: &mut Connection<'_>, mail: &Mail) -> Result<Option<Sources>> {
        let context = mail.org;
        let Some(org) = store::orgs::find(connection, context).await? else { return Ok(None) };
        let user = match mail.user {
            Some(user) => store::users::find(connection, context, user).await?,
            None => None,
        };
        let link = match mail.link {
            Some(link) => store::links::by_id(connection, context, link).await?,
            None => None,
        };
        let gone = mail.user.is_some() && user.is_none();
        let dead = mail.link.is_some()
            && link.as_ref().is_none_or(|link| link.standing(self.now()) != Standing::Open);
        Ok((!gone && !dead).then_some(Sources { org, user, link }))
    }

    /// Writes the mail and keeps it. Whoever is named is locked meanwhile: an erasure comes before, and is seen, or after,
    /// and finds the mail.
    async fn write_letter(&self, mail: &Mail) -> Result<Option<Letter>> {
        let (app, context, mail) = (self.clone(), mail.org, mail.clone());
        self.maintain(context, async move |connection| {
            let mut names = BTreeMap::new();
            for id in mail.details.named() {
                let user = store::users::lock(connection, context, id).await?;
                names.insert(id, user.map_or_else(|| pseudonym(id), |user| user.name().to_owned()));
            }
            let Some(sources) = app.sources(connection, &mail).await? else { return Ok(None) };
            let letter = app.compose(&sources, &mail, &names)?;
            let written = serde_json::to_string(&letter).map_err(Error::internal)?;
            Ok(store::mails::keep_written(connection, &mail, &written).await?.then_some(letter))
        })
        .await
    }

    fn compose(&self, sources: &Sources, mail: &Mail, names: &BTreeMap<UserId, String>) -> Result<Letter> {
        let Sources { org, user, .. } = sources;
        let written = text::write(mail.kind, &self.words(sources, mail, names)?)?;
        let policy = &org.settings.mail;
        let host = host_of(self.public_url());
        Ok(Letter {
            id: mail.id,
            message_id: format!("{}@{host}", mail.id),
            from_name: if policy.sender_name.is_empty() {
                org.name.clone()
            } else {
                policy.sender_name.clone()
            },
            reply_to: Some(policy.reply_to.clone()).filter(|address| !address.is_empty()),
            to: mail.address.clone(),
            to_name: user.as_ref().map(|user| user.name().to_owned()),
            subject: written.subject,
            text: written.text,
            html: written.html,
            date: mail.created_at,
        })
    }

    fn words(&self, sources: &Sources, mail: &Mail, names: &BTreeMap<UserId, String>) -> Result<Words> {
        let (Sources { org, user, link }, details) = (sources, &mail.details);
        let zone = user.as_ref().map(User::zone).unwrap_or_default();
        let name = |id: &UserId| names.get(id).map_or("", String::as_str);
        let people: Vec<&str> = details.people.iter().map(name).collect();
        let given_name = user.as_ref().and_then(|user| user.fields.given_name.as_deref());
        let link_url = match link {
            Some(link) => {
                let url = self.link_url(org, link)?;
                url.rsplit_once('/').map(|(path, _)| format!("{path}/{SECRET}")).unwrap_or_default()
            }
            None => String::new(),
        };
        Ok(Words {
            org: one_line(&org.name),
            home: format!("{}/o/{}/", self.public_url(), org.slug),
            name: one_line(given_name.unwrap_or_default()),
            username: one_line(user.as_ref().map(User::username).unwrap_or_default()),
            by: one_line(details.actor.as_ref().map_or(details.by.as_str(), name)),
            message: details.message.lines().map(one_line).collect(),
            about: one_line(&format!("{}{}", people.join(", "), details.about)),
            place: one_line(&details.place),
            at: details.at.map(|at| zone.in_words(at)).unwrap_or_default(),
            link: link_url,
            until: link.as_ref().map(|link| zone.in_words(link.expires_at)).unwrap_or_default(),
        })
    }
}

/// A word of somebody's, which can't pretend to be a part of the mail (see `text.rs`).
pub(super) fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace("->", "→").trim().trim_start_matches('>').to_owned()
}

/// The host of the server's address, as a Message-ID can end (RFC 5322 §3.6.4): one that is an address of IPv6 is no name.
fn host_of(url: &str) -> &str {
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    let name = host.split([':', '/']).next().unwrap_or_default().trim_end_matches('.');
    if name.is_empty() || name.starts_with('[') { "muster" } else { name }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn every_address_gives_a_message_id() {
        for (url, host) in [
            ("https://people.example.com", "people.example.com"),
            ("https://people.example.com.:8443", "people.example.com"),
            ("http://192.0.2.7:81", "192.0.2.7"),
            ("http://[2001:db8::1]:8080", "muster"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
