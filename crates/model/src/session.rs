//! A signed-in browser, and the opaque secrets that sessions and tokens are made of.
//!
//! A secret is 256 random bits. Only its SHA-256 is stored, so that a stolen database opens nothing.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Entropy, Error, Kind, OrgContext, Result, SessionId, Timestamp, UserId, Zone,
    device::{ClientHints, Platform},
    given_date::GivenDate,
    network::Network,
    outgrown::Maker,
    page::{self, Cursor, List, Reader},
    settings::SessionPolicy,
};

/// SHA-256 of a secret: what is stored and looked up.
pub type SecretHash = [u8; 32];

/// An opaque secret. Deliberately without `Debug` and `Display` of its content.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A fresh one.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// One that was derived from a key.
    pub fn of(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads one from a cookie or a link; `None` for anything that never was one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Reads one from the address of a link, with what was pasted or typeset behind it: closing punctuation, or words after
    /// a blank. Anything that could be a part of another address is refused.
    pub fn of_link(text: &str) -> Option<Self> {
        const CLOSING: &str = ".,;:!?)]}>\"'’”»…";
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
        let (secret, behind) = text.split_at(end);
        let behind = behind.trim_start_matches(|c: char| CLOSING.contains(c));
        if behind.is_empty() || behind.starts_with(char::is_whitespace) { Self::parse(secret) } else { None }
    }

    /// As it stands in a cookie or a link: 43 characters.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored.
    pub fn hash(&self) -> SecretHash {
        Sha256::digest(self.0).into()
    }

    /// Another secret that follows from this one, for one purpose (the form token of a session).
    pub fn derived(&self, purpose: &str) -> String {
        let digest = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(self.0).finalize();
        URL_SAFE_NO_PAD.encode(digest)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A signed-in browser or device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, for lists and the audit log; opens nothing.
    pub id: SessionId,
    /// In which organization.
    pub org: OrgContext,
    /// Whose.
    pub user: UserId,
    /// Stored form of its secret.
    pub secret: SecretHash,
    /// When it started.
    pub started_at: Timestamp,
    /// Last use, to within five minutes.
    pub last_active_at: Timestamp,
    /// Ends then, whatever its use.
    pub expires_at: Timestamp,
    /// Ends after so long without use.
    pub idle: Duration,
    /// How the person signed in: `password`.
    pub method: String,
    /// Where from.
    pub address: String,
    /// The browser's own description, as sent; at most 300 characters.
    pub user_agent: String,
    /// From which country, by its two letters, as far as was known at the sign-in; empty if not.
    pub country: String,
    /// What it said besides, as sent.
    pub hints: ClientHints,
    /// What it runs, found out from both.
    pub platform: Platform,
    /// Whether “Keep me signed in” was chosen.
    pub remembered: bool,
    /// Who made the password that it began with, unless the user chose it.
    pub made_within: Option<Maker>,
}

impl Session {
    /// How precisely last use is kept; a write at every request would make reading expensive.
    pub const GRAIN: Duration = Duration::from_secs(5 * 60);

    /// Whether it still holds.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.last_active_at.plus(self.idle)
    }
}

/// The longest life that the policy allows a session.
pub fn longest_life(policy: &SessionPolicy) -> Duration {
    let remembered = if policy.remember { lifetimes(policy, true).1 } else { Duration::ZERO };
    lifetimes(policy, false).1.max(remembered)
}

/// How long a new session lasts: without use, and whatever its use.
pub fn lifetimes(policy: &SessionPolicy, remembered: bool) -> (Duration, Duration) {
    let hours = |count: u64| Duration::from_secs(count * 3600);
    if remembered {
        let days = |count: u16| hours(u64::from(count) * 24);
        (days(policy.remembered_idle_days), days(policy.remembered_absolute_days))
    } else {
        (Duration::from_secs(u64::from(policy.idle_minutes) * 60), hours(policy.absolute_hours.into()))
    }
}

/// Which sessions of an organization, and a page of them: latest used first.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionQuery {
    /// Who reads it.
    pub reader: Reader,
    /// Of this user.
    pub user: Option<UserId>,
    /// From there.
    pub network: Option<Network>,
    /// On this platform.
    pub platform: Option<Platform>,
    /// Signed in by this method; empty: any.
    pub method: String,
    /// Only those kept beyond the browser's end, or only the others.
    pub remembered: Option<bool>,
    /// Used since then.
    pub active_since: Option<Timestamp>,
    /// Where the page starts.
    pub cursor: Option<Cursor>,
    /// Rows on the page.
    pub limit: u16,
}

impl Default for SessionQuery {
    fn default() -> Self {
        Self {
            reader: Reader::default(),
            user: None,
            network: None,
            platform: None,
            method: String::new(),
            remembered: None,
            active_since: None,
            cursor: None,
            limit: page::DEFAULT_LIMIT,
        }
    }
}

/// Which sessions are meant, in words: as the API and the command line take them. Empty words ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionFilter {
    /// A user's id.
    pub user: String,
    /// An address such as `203.0.113.7`, or a network such as `203.0.113.0/24`.
    pub address: String,
    /// A platform's name.
    pub platform: String,
    /// How the person signed in, such as `password`.
    pub method: String,
    /// Only those kept beyond the browser's end, or only the others.
    pub remembered: Option<bool>,
    /// Used since then.
    pub active_since: String,
}

impl SessionFilter {
    /// What cannot be understood is refused by the name of its field; a day is one of that zone.
    pub fn understood(&self, zone: &Zone) -> Result<SessionQuery> {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let platform =
            filled(&self.platform).map(|name| Platform::parse(&name).ok_or_else(|| no_platform(&name)));
        let since = filled(&self.active_since).map(|text| {
            let refused =
                |error: Error| Error::invalid_field("active_since", "time.malformed", error.message());
            let given: GivenDate = text.parse().map_err(refused)?;
            Ok(given.start_in(zone))
        });
        let user = filled(&self.user).map(|text| {
            let refused = |_| Error::invalid_field("user", "user.unknown", "Send a user's id.");
            text.parse().map_err(refused)
        });
        Ok(SessionQuery {
            user: user.transpose()?,
            network: filled(&self.address).map(|text| text.parse()).transpose()?,
            platform: platform.transpose()?,
            method: self.method.trim().to_owned(),
            remembered: self.remembered,
            active_since: since.transpose()?,
            ..SessionQuery::default()
        })
    }
}

fn no_platform(name: &str) -> Error {
    let names: Vec<&str> = Platform::ALL.iter().map(|platform| platform.as_str()).collect();
    let message = format!("There is no platform {name}. The platforms are {}.", names.join(", "));
    Error::invalid_field("platform", "platform.unknown", message)
}

/// The only order of sessions; a cursor belongs to it.
pub const ORDER: &str = "-last_active";

impl SessionQuery {
    /// Whether every session there is is meant.
    pub fn is_everything(&self) -> bool {
        let everything =
            Self { reader: self.reader, cursor: self.cursor.clone(), limit: self.limit, ..Self::default() };
        *self == everything
    }

    /// What its cursors lead through.
    pub fn list(&self) -> List {
        List::new(self.reader, "sessions")
    }

    /// For this reader, starting at a cursor.
    pub fn at(mut self, reader: Reader, cursor: &str) -> Result<Self> {
        self.reader = reader;
        if !cursor.is_empty() {
            let cursor = self.list().open(cursor)?;
            if cursor.order != ORDER || cursor.key.parse::<i64>().is_err() {
                let message = "This page address belongs to another list. Start again from the first page.";
                return Err(Error::new(Kind::Malformed, "cursor.other_order", message));
            }
            self.cursor = Some(cursor);
        }
        Ok(self)
    }
}
