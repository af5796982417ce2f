//! An organization's rules: how long things last, how often one may err, what a password must be.
//!
//! Every number has a range; a value outside is refused with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Error, FieldError, Result, Timestamp, Zone, network::Network, validate};

/// All rules of an organization. Unknown fields are refused; missing ones keep their default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How users come and go.
    pub lifecycle: LifecyclePolicy,
    /// What a password must be.
    pub password: PasswordPolicy,
    /// When failures lock.
    pub lockout: LockoutPolicy,
    /// How long a sign-in lasts.
    pub session: SessionPolicy,
    /// As whom mail is sent.
    pub mail: MailPolicy,
    /// How people are invited.
    pub invitation: InvitationPolicy,
    /// What the audit log keeps.
    pub audit: AuditPolicy,
    /// Where the organization is.
    pub region: RegionPolicy,
}

/// Where the organization is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RegionPolicy {
    /// The time zone in which dates without a time count, and times are shown to who has set no other; such as
    /// `Europe/Berlin`. Empty: UTC.
    pub time_zone: String,
}

/// How people are invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InvitationPolicy {
    /// Hours that an invitation lasts unless its sender says otherwise, 1 to 2160.
    pub lifetime_hours: u16,
    /// Whether who has not accepted is reminded after 3 days and 24 hours before the end.
    pub remind: bool,
}

/// As whom mail is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailPolicy {
    /// The sender's name; empty for the organization's. At most 100 characters.
    pub sender_name: String,
    /// Where answers go; empty for the server's own address.
    pub reply_to: String,
}

/// What the audit log keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuditPolicy {
    /// Days after which an entry loses names, values and addresses, 1 to 3650; 0: never.
    pub retention_days: u16,
}

/// How users come and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LifecyclePolicy {
    /// Days in the trash before a deleted user is purged, 0 to 365; 0 purges at once.
    pub trash_days: u16,
    /// Whether an active user must be suspended before being deleted.
    pub delete_requires_suspension: bool,
    /// How usernames are made when none is given: `{given}`, `{family}`, `{g}`, `{f}` and literal `. _ -`.
    pub username_template: String,
}

/// What a password must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Fewest characters, 8 to 64.
    pub minimum_length: u16,
    /// How hard to guess it must be, 0 to 4: 0 asks for nothing, 1 for a thousand guesses, 2 for a million, 3 for a
    /// hundred million, 4 for ten billion. Common passwords and the person's own names are never accepted.
    pub minimum_strength: u16,
    /// How many earlier passwords can't be chosen again, 0 to 24; the present one never can.
    pub history: u16,
    /// Days after which another one must be chosen at the next sign-in, 1 to 730; 0 for never.
    pub expires_after_days: u16,
    /// Hours for which a temporary password works, 1 to 720.
    pub temporary_hours: u16,
}

/// When failures lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutPolicy {
    /// Failures of one account from one address that lock password sign-in for that pair, 3 to 20.
    pub failures_per_address: u16,
    /// Failures of one account from all addresses that lock its password, 10 to 200.
    pub failures_in_total: u16,
    /// Different accounts that may fail from one address, counting those that never signed in from there, 10 to 10000;
    /// then that address is refused for accounts that are new to it.
    pub accounts_per_address: u16,
    /// Addresses and networks from which any number of accounts may fail, such as `203.0.113.0/24`; at most 50.
    pub exempt_networks: Vec<String>,
    /// Minutes that a lock lasts, and within which failures count, 1 to 1440.
    pub minutes: u16,
    /// Whether the mail about a locked password has a link that unlocks it.
    pub unlock_by_mail: bool,
}

/// How long a sign-in lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionPolicy {
    /// Minutes without use after which a session ends, 5 to 1440.
    pub idle_minutes: u16,
    /// Hours after which a session ends whatever its use, 1 to 720.
    pub absolute_hours: u16,
    /// Whether “Keep me signed in” is offered. Never to administrators.
    pub remember: bool,
    /// Days without use after which a remembered session ends, 1 to 90.
    pub remembered_idle_days: u16,
    /// Days after which a remembered session ends whatever its use, 1 to 365.
    pub remembered_absolute_days: u16,
    /// Most sessions of one user at once, 0 to 100; a new one then ends the oldest. 0: as many as one likes.
    pub maximum: u16,
}

impl Default for LifecyclePolicy {
    fn default() -> Self {
        Self {
            trash_days: 30,
            delete_requires_suspension: true,
            username_template: "{given}.{family}".to_owned(),
        }
    }
}

impl Default for InvitationPolicy {
    fn default() -> Self {
        Self { lifetime_hours: 7 * 24, remind: true }
    }
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 12,
            minimum_strength: 3,
            history: 5,
            expires_after_days: 0,
            temporary_hours: 72,
        }
    }
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self {
            failures_per_address: 5,
            failures_in_total: 20,
            accounts_per_address: 100,
            exempt_networks: Vec::new(),
            minutes: 15,
            unlock_by_mail: true,
        }
    }
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            idle_minutes: 30,
            absolute_hours: 12,
            remember: true,
            remembered_idle_days: 14,
            remembered_absolute_days: 30,
            maximum: 0,
        }
    }
}

impl LockoutPolicy {
    /// How long a lock lasts, and the window in which failures count.
    pub fn window(&self) -> Duration {
        Duration::from_secs(u64::from(self.minutes) * 60)
    }

    /// Whether any number of accounts may fail from an address.
    pub fn exempts(&self, address: &str) -> bool {
        let Ok(address) = address.parse() else { return false };
        let networks = self.exempt_networks.iter().filter_map(|network| network.parse::<Network>().ok());
        networks.into_iter().any(|network| network.contains(address))
    }
}

impl PasswordPolicy {
    /// For how long a temporary password works.
    pub fn temporary(&self) -> Duration {
        Duration::from_secs(u64::from(self.temporary_hours) * 3600)
    }

    /// When another password must be chosen in place of a lasting one; `None`: never.
    pub fn change_due(&self, set_at: Timestamp) -> Option<Timestamp> {
        let days = u64::from(self.expires_after_days);
        (days > 0).then(|| set_at.plus(Duration::from_secs(days * 24 * 60 * 60)))
    }

    /// What a first password must be like, in sentences for whoever chooses it.
    pub fn first_in_words(&self) -> Vec<String> {
        let strength = if self.minimum_strength < 2 {
            "Not your name, email or username, and nothing that many people use."
        } else {
            "Hard to guess: not your name, email or username, no dates, no rows of keys, nothing that many people use."
        };
        let mut rules =
            vec![format!("{} characters or more. A few unrelated words work well.", self.minimum_length)];
        rules.push(strength.to_owned());
        match self.expires_after_days {
            0 => {}
            1 => rules.push("You choose another one every day.".to_owned()),
            days => rules.push(format!("You choose another one every {days} days.")),
        }
        rules
    }

    /// The same of a password in place of another.
    pub fn in_words(&self) -> Vec<String> {
        let mut rules = self.first_in_words();
        match self.history {
            0 => {}
            1 => rules.push("Not the password before your present one.".to_owned()),
            count => rules.push(format!("None of your last {count} passwords.")),
        }
        rules
    }
}

/// The lowest and the highest value of a rule, named as `group.rule`.
pub fn range(rule: &str) -> (u16, u16) {
    match rule {
        "lifecycle.trash_days" => (0, 365),
        "password.minimum_length" => (8, 64),
        "password.minimum_strength" => (0, 4),
        "password.history" => (0, 24),
        "password.expires_after_days" => (0, 730),
        "lockout.failures_per_address" => (3, 20),
        "lockout.failures_in_total" => (10, 200),
        "lockout.accounts_per_address" => (10, 10_000),
        "lockout.minutes" => (1, 1440),
        "session.idle_minutes" => (5, 1440),
        "password.temporary_hours" | "session.absolute_hours" => (1, 720),
        "invitation.lifetime_hours" => (1, 90 * 24),
        "session.remembered_idle_days" => (1, 90),
        "session.remembered_absolute_days" => (1, 365),
        "session.maximum" => (0, 100),
        "audit.retention_days" => (0, 3650),
        _ => (0, u16::MAX),
    }
}

impl Settings {
    /// Where the organization is, as far as clocks go.
    pub fn zone(&self) -> Zone {
        Zone::named(&self.region.time_zone).unwrap_or_default()
    }

    /// Refuses what lies outside its range, naming every field at once.
    pub fn check(mut self) -> Result<Self> {
        let mut refused = Vec::new();
        let mut check = |field: &'static str, value: u16| {
            let (lowest, highest) = range(field);
            if !(lowest..=highest).contains(&value) {
                let message = format!("Choose a number from {lowest} to {highest}.");
                refused.push(FieldError::new(field, "settings.range", message));
            }
        };
        check("lifecycle.trash_days", self.lifecycle.trash_days);
        check("password.minimum_length", self.password.minimum_length);
        check("password.minimum_strength", self.password.minimum_strength);
        check("password.history", self.password.history);
        check("password.expires_after_days", self.password.expires_after_days);
        check("password.temporary_hours", self.password.temporary_hours);
        check("lockout.failures_per_address", self.lockout.failures_per_address);
        check("lockout.failures_in_total", self.lockout.failures_in_total);
        check("lockout.accounts_per_address", self.lockout.accounts_per_address);
        check("lockout.minutes", self.lockout.minutes);
        check("session.idle_minutes", self.session.idle_minutes);
        check("session.absolute_hours", self.session.absolute_hours);
        check("session.remembered_idle_days", self.session.remembered_idle_days);
        check("session.remembered_absolute_days", self.session.remembered_absolute_days);
        check("session.maximum", self.session.maximum);
        check("invitation.lifetime_hours", self.invitation.lifetime_hours);
        check("audit.retention_days", self.audit.retention_days);
        if !self.region.time_zone.trim().is_empty() {
            match Zone::named(&self.region.time_zone) {
                Some(zone) => zone.name().clone_into(&mut self.region.time_zone),
                None => refused.push(FieldError::new(
                    "region.time_zone",
                    "time_zone.unknown",
                    "There is no such time zone. Write it as Europe/Berlin or America/New_York.",
                )),
            }
        }
        if !is_username_template(&self.lifecycle.username_template) {
            let message = "Use {given}, {family}, {g}, {f} with . _ - between, such as {given}.{family}.";
            refused.push(FieldError::new("lifecycle.username_template", "settings.template", message));
        }
        match checked_networks(&self.lockout.exempt_networks) {
            Ok(networks) => self.lockout.exempt_networks = networks,
            Err(field) => refused.push(field),
        }
        match validate::text("mail.sender_name", &self.mail.sender_name, 100, false) {
            Ok(name) => self.mail.sender_name = name,
            Err(field) => refused.push(field),
        }
        if !self.mail.reply_to.is_empty() {
            match validate::email("mail.reply_to", &self.mail.reply_to) {
                Ok(address) => self.mail.reply_to = address,
                Err(field) => refused.push(field),
            }
        }
        if refused.is_empty() { Ok(self) } else { Err(Error::invalid(refused)) }
    }
}

/// Networks as they are compared, each once.
fn checked_networks(networks: &[String]) -> std::result::Result<Vec<String>, FieldError> {
    let refused = |message: String| FieldError::new("lockout.exempt_networks", "settings.network", message);
    let mut checked = Vec::new();
    for network in networks {
        let parsed: Network = network.parse().map_err(|error: Error| {
            refused(format!("“{}” is no network. {}", network.trim(), error.message()))
        })?;
        let text = parsed.to_string();
        if !checked.contains(&text) {
            checked.push(text);
        }
    }
    if checked.len() > MOST_NETWORKS {
        return Err(refused(format!("List at most {MOST_NETWORKS} networks.")));
    }
    Ok(checked)
}

/// Longest list of networks.
const MOST_NETWORKS: usize = 50;

fn is_username_template(template: &str) -> bool {
    let rest = ["{given}", "{family}", "{g}", "{f}"]
        .iter()
        .fold(template.to_owned(), |rest, part| rest.replace(part, ""));
    rest.len() < template.len()
        && template.len() <= 60
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}
