//! A signed-in browser, and the opaque secrets that sessions and tokens are made of.
//!
//! A secret is 256 random bits. Only its SHA-256 is stored, so that a stolen database opens nothing.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{Entropy, OrgContext, SessionId, Timestamp, UserId, settings::SessionPolicy};

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
    /// Whether “Keep me signed in” was chosen.
    pub remembered: bool,
}

impl Session {
    /// How precisely last use is kept; a write at every request would make reading expensive (PRODUCT §4).
    pub const GRAIN: Duration = Duration::from_secs(5 * 60);

    /// Whether it still holds.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at && now < self.last_active_at.plus(self.idle)
    }
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
