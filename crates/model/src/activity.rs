//! What somebody did and what was done to them: which kinds there are, and the questions one can ask.
//!
//! An item is an entry of the audit log or a mail; their ids are UUIDv7 alike, so that one order holds for both. How an
//! item reads in words is the console's.

use crate::{Agent, Timestamp, UserId, audit::Entry, mail::Mail, names::names};

names! {
    /// A kind of activity.
    Kind {
        /// Sessions that began and ended, and tries that failed.
        SignIns = "sign_ins",
        /// The account: created, changed, suspended, its password.
        Account = "account",
        /// Roles and API tokens.
        Access = "access",
        /// What the person did to others and to the organization.
        Administration = "administration",
        /// Mails to the person.
        Mail = "mail",
    }
}

impl Kind {
    /// As people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::SignIns => "Sign-ins",
            Self::Account => "Account",
            Self::Access => "Access",
            Self::Administration => "Administration",
            Self::Mail => "Mail",
        }
    }

    /// The kind of an entry, seen from `user`.
    pub fn of(entry: &Entry, user: UserId) -> Self {
        let about_self = entry.target == user.0;
        let noun = entry.event.split('.').next().unwrap_or_default();
        match noun {
            "session" | "sign_in" | "device" if about_self || entry.target_type == "session" => Self::SignIns,
            "token" if entry.actor == Agent::User(user) || about_self => Self::Access,
            "mail" if about_self => Self::Mail,
            _ if !about_self => Self::Administration,
            "role" | "grant" | "group" | "membership" => Self::Access,
            _ => Self::Account,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An entry of the audit log.
    Entry(Box<Entry>),
    /// A mail to the person.
    Mail(Box<Mail>),
}

impl Item {
    /// The id: later things have larger ones.
    pub fn id(&self) -> uuid::Uuid {
        match self {
            Self::Entry(entry) => entry.id.0,
            Self::Mail(mail) => mail.id.0,
        }
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.at,
            Self::Mail(mail) => mail.created_at,
        }
    }

    /// Which kind, seen from `user`.
    pub fn kind(&self, user: UserId) -> Kind {
        match self {
            Self::Entry(entry) => Kind::of(entry, user),
            Self::Mail(_) => Kind::Mail,
        }
    }
}

/// A page of somebody's activity, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// What happened.
    pub items: Vec<Item>,
    /// Where the next, older page starts; `None` if this is the last.
    pub older: Option<uuid::Uuid>,
}

/// Sign-ins of one day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01.
    pub day: i64,
    /// How many succeeded.
    pub succeeded: i64,
    /// How many were refused.
    pub failed: i64,
}

/// Where sign-ins came from within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address.
    pub address: String,
    /// How many succeeded.
    pub succeeded: i64,
    /// How many were refused.
    pub failed: i64,
    /// The first within the window.
    pub first_at: Timestamp,
    /// The last.
    pub last_at: Timestamp,
}

/// Somebody's sign-ins at a glance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Every day of the window, oldest first.
    pub days: Vec<Day>,
    /// Addresses, last used first; at most 20.
    pub origins: Vec<Origin>,
}

/// The windows that the history is shown for, in days.
pub const WINDOWS: [u16; 2] = [30, 90];
