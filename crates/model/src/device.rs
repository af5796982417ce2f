//! What somebody is signed in with: the platform, sort of device, system and browser, as far as a browser tells.
//!
//! `connect/src/device.rs` finds it out from what a browser sends; what was sent is kept beside it, so that it can be
//! found out again. Nothing here decides what anybody may do: all of it can be made up by the sender.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{DeviceId, OrgContext, SessionId, Timestamp, UserId, names::names};

names! {
    /// What a device runs.
    Platform {
        /// Windows.
        Windows = "windows",
        /// `macOS`.
        MacOs = "macos",
        /// iOS and `iPadOS`.
        Ios = "ios",
        /// Android.
        Android = "android",
        /// Linux and its like.
        Linux = "linux",
        /// `ChromeOS`.
        ChromeOs = "chromeos",
        /// Programs, and what is not known.
        Other = "other",
    }
}

impl Platform {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::MacOs => "macOS",
            Self::Ios => "iOS and iPadOS",
            Self::Android => "Android",
            Self::Linux => "Linux",
            Self::ChromeOs => "ChromeOS",
            Self::Other => "Other",
        }
    }
}

names! {
    /// The sort of device.
    DeviceKind {
        /// A computer.
        Desktop = "desktop",
        /// A telephone.
        Phone = "phone",
        /// A tablet.
        Tablet = "tablet",
        /// No browser at all.
        Program = "program",
    }
}

/// A device, as far as it tells. Empty text where it doesn't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it runs.
    pub platform: Platform,
    /// What it is.
    pub kind: DeviceKind,
    /// The system's name: `Windows`, `iPadOS`, `Ubuntu`.
    pub os: String,
    /// The system's version: `11`, `18.1`.
    pub os_version: String,
    /// The browser's or program's name: `Firefox`.
    pub browser: String,
    /// Its major version, of programs all of it: `132`.
    pub browser_version: String,
    /// The model: `Pixel 8`.
    pub model: String,
}

impl Device {
    /// System and version: `Windows 11`.
    pub fn system(&self) -> String {
        joined(&self.os, &self.os_version)
    }

    /// Browser and version: `Firefox 132`.
    pub fn program(&self) -> String {
        joined(&self.browser, &self.browser_version)
    }

    /// In a line: `Firefox 132 on Windows 11`.
    pub fn label(&self) -> String {
        match (self.program(), self.system()) {
            (program, system) if system.is_empty() => program,
            (program, system) if program.is_empty() => system,
            (program, system) => format!("{program} on {system}"),
        }
    }

    /// Under which a person's device is known again: what updates of system and browser leave as it is.
    pub fn key(&self) -> [u8; 32] {
        let parts = [self.platform.as_str(), self.kind.as_str(), &self.os, &self.browser];
        Sha256::digest(parts.join("\0")).into()
    }
}

/// A browser that a person has signed in with, known again by a cookie of its own. It lets nobody in: on it, signing in
/// with the right password goes on while strangers' failures shut out everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// Its id, for lists and the audit log; opens nothing.
    pub id: DeviceId,
    /// In which organization.
    pub org: OrgContext,
    /// Whose.
    pub user: UserId,
    /// The session that was last begun with it.
    pub session: SessionId,
    /// From where, at the last sign-in.
    pub address: String,
    /// From which country, as far as was known.
    pub country: String,
    /// The browser's own description, as kept.
    pub user_agent: String,
    /// What it said besides.
    pub hints: ClientHints,
    /// The first sign-in with it.
    pub first_seen_at: Timestamp,
    /// The last one.
    pub last_seen_at: Timestamp,
}

impl KnownDevice {
    /// Known for so long after the last sign-in.
    pub const LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);
    /// So many people can be known in one browser: of more, those who signed in last.
    pub const COOKIES: usize = 5;
    /// So many devices of one person are known: of more, those that were seen last.
    pub const MOST: i64 = 20;
    /// So many wrong passwords are compared on a known device within [`Self::WINDOW`].
    pub const WRONG_PASSWORDS: i64 = 20;
    /// See [`Self::WRONG_PASSWORDS`].
    pub const WINDOW: Duration = Duration::from_secs(3600);
}

fn joined(name: &str, version: &str) -> String {
    if version.is_empty() { name.to_owned() } else { format!("{name} {version}") }
}

/// What a browser says of itself beside the user agent, as sent: the client hints of
/// <https://wicg.github.io/ua-client-hints/>. Empty text where nothing was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientHints {
    /// `Sec-CH-UA`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub brands: String,
    /// `Sec-CH-UA-Full-Version-List`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub full_versions: String,
    /// `Sec-CH-UA-Platform`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// `Sec-CH-UA-Platform-Version`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform_version: String,
    /// `Sec-CH-UA-Model`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// `Sec-CH-UA-Mobile`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mobile: String,
}

/// Longest text that is kept of what a browser says, in characters.
pub const MAX_SENT: usize = 300;

/// What is kept of something that a browser sent.
pub fn kept(sent: &str) -> String {
    sent.chars().filter(|c| !c.is_control()).take(MAX_SENT).collect()
}

impl ClientHints {
    /// What is kept of them.
    #[must_use]
    pub fn kept(&self) -> Self {
        Self {
            brands: kept(&self.brands),
            full_versions: kept(&self.full_versions),
            platform: kept(&self.platform),
            platform_version: kept(&self.platform_version),
            model: kept(&self.model),
            mobile: kept(&self.mobile),
        }
    }
}
