//! What others made for a user and what ends when the user's rights rise beyond what they could have given: what it is, and
//! how whoever raises the rights is told of it and confirms.

use serde::{Deserialize, Serialize};

use crate::{Error, FieldError, Kind, Permissions, Rights, Timestamp, UserId, names::names};

/// Who made a secret for somebody else, and what that actor could have given. What is begun or made with the secret has
/// the same maker: a session begun with a password, a token made in that session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// Who; not known of what was made before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// Since when its user may do more. It opens nothing any more, whatever the user may do later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgrown_at: Option<Timestamp>,
    /// What the maker could have given.
    #[serde(flatten)]
    pub rights: Rights,
}

/// Which of a user's rights a token with these scopes opens, for the rule about its maker. Whoever may act in an account's
/// own matters, its sessions and tokens, has the account: all that its user may do counts.
#[must_use]
pub fn opened(rights: &Rights, scopes: Permissions) -> Rights {
    let has_account = scopes.iter().any(|scope| scope.as_str().starts_with("account:"));
    if has_account { rights.clone() } else { rights.clone().within(scopes) }
}

impl Maker {
    /// Whether the maker could have given these rights, and never less than the user held since.
    pub fn covers(&self, rights: &Rights) -> bool {
        self.outgrown_at.is_none() && self.rights.covers(rights)
    }

    /// The same, of what has opened nothing since `now`, or an earlier time.
    #[must_use]
    pub fn outgrown(mut self, now: Timestamp) -> Self {
        self.outgrown_at.get_or_insert(now);
        self
    }

    /// Of what two may have a copy of: what both could have given, and the one who could have given less.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let outgrown_at = self.outgrown_at.or(other.outgrown_at);
        let (by, rights) = if self.rights.covers(&other.rights) {
            (other.by, other.rights)
        } else {
            (self.by, self.rights.within(other.rights.org))
        };
        Self { by, outgrown_at, rights }
    }
}

names! {
    /// What somebody else may have made for a user, and may have kept a copy of.
    SecretKind {
        /// A link in a mail, such as an invitation's.
        Link = "link",
        /// An invitation that has expired, and whose link asks for a new one.
        Expired = "expired",
        /// A password.
        Password = "password",
        /// A session that began with a password that has expired since.
        Session = "session",
        /// An API token.
        Token = "token",
        /// An email address that was not verified since.
        Address = "address",
        /// A personal address, which invitations go to.
        Personal = "personal",
        /// Whatever there is of people whom the caller may not see, if there is anything.
        Unseen = "unseen",
    }
}

/// A secret that ends because its user gets more rights than its maker could have given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EndedSecret {
    /// Whose account it opens; missing if that is not for you to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub user: Option<UserId>,
    /// The user's name.
    pub name: String,
    /// `link`, `expired` (an invitation), `password`, `session`, `token`, `address` or `personal` (address); `unseen` stands
    /// for whatever there is of people whom you may not see, if there is anything.
    pub kind: SecretKind,
    /// The address that a new link is mailed to, or that is not used for recovery any more; the name of a token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Who made it, or set the address, by name; missing if that is not known or not for you to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// Named one by one; of others the number.
const MOST_NAMED: usize = 6;

/// The query parameter, and the command line's option, that confirms.
pub const CONFIRMED_BY: &str = "end_secrets";

/// What whoever asks confirms of what ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Confirmed {
    /// Nothing yet: it is asked first.
    #[default]
    Nothing,
    /// What was shown with this number.
    Shown(u64),
    /// Everything: there is nobody to ask, or nothing happens.
    Everything,
}

impl Confirmed {
    /// The number as it is sent; 0 confirms nothing.
    pub fn number(number: u64) -> Self {
        if number == 0 { Self::Nothing } else { Self::Shown(number) }
    }

    /// Whether that is confirmed which was shown with this number.
    pub fn is_of(self, number: u64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Shown(confirmed) => confirmed == number,
            Self::Everything => true,
        }
    }
}

impl EndedSecret {
    /// What is told of people whom the actor may not see: neither who, nor whether there is anything.
    pub fn unseen() -> Self {
        Self {
            user: None,
            name: String::new(),
            kind: SecretKind::Unseen,
            label: String::new(),
            made_by: None,
        }
    }

    /// What becomes of it, in a sentence.
    pub fn in_words(&self) -> String {
        let (name, label) = (&self.name, &self.label);
        let by = self.made_by.as_deref().unwrap_or("somebody with fewer rights");
        match self.kind {
            SecretKind::Link if label.is_empty() => format!("A link that {by} sent to {name} ends."),
            SecretKind::Link => format!(
                "The link of {name} ends, because {by} could have a copy. A new one is mailed to {label}: check this address."
            ),
            SecretKind::Expired => format!(
                "The invitation of {name} to {label} has expired, and its link can't ask for a new one any more, because {by} \
                 could have a copy. Check this address before you send it again."
            ),
            SecretKind::Password => format!("The password of {name} ends, because {by} set it."),
            SecretKind::Session => format!("{name} is signed out, because {by} set the password."),
            SecretKind::Token => {
                format!("The API token “{label}” of {name} ends, because {by} could have a copy.")
            }
            SecretKind::Personal => {
                format!("Invitations of {name} go to {label} as well, which {by} wrote: check this address.")
            }
            SecretKind::Unseen => "Passwords, sessions, API tokens and invitations of people whom you may not see end, if they \
                                   were made by somebody who has fewer rights. An invitation goes out again to the address \
                                   that you typed."
                .to_owned(),
            SecretKind::Address => format!(
                "{label}, which {by} set as the address of {name}, recovers no password until {name} verifies it."
            ),
        }
    }
}

/// What ends, in sentences; many are counted.
pub fn in_words(ended: &[EndedSecret]) -> Vec<String> {
    let mut lines: Vec<String> = ended.iter().take(MOST_NAMED).map(EndedSecret::in_words).collect();
    let left = ended.len().saturating_sub(MOST_NAMED);
    lines.extend((left > 0).then(|| format!("And {left} more such secrets end.")));
    lines
}

/// What `in_words` counts and does not name.
pub fn unnamed(ended: &[EndedSecret]) -> impl Iterator<Item = String> {
    ended.iter().skip(MOST_NAMED).map(EndedSecret::in_words)
}

/// The number that confirms what was shown, from its keyed digest: of 40 bits, which fit every program's numbers.
pub fn code(digest: &[u8; 32]) -> u64 {
    let number = digest.iter().take(5).fold(0, |number, byte| number << 8 | u64::from(*byte));
    // Not 0, which confirms nothing.
    number.max(1)
}

/// The refusal of a confirmation where nothing ends any more: whoever had the secret may have used it meanwhile.
pub fn nothing_ends() -> Error {
    let message = "What you were shown has changed: nothing that others made for these people ends now, perhaps because it \
                   was used meanwhile. Look at their sign-in methods and sessions, then do this again.";
    Error::new(Kind::Conflict, "access.secrets_changed", message)
}

/// The refusal of a change that would end secrets and was not confirmed; `number` confirms it.
pub fn not_confirmed(ended: &[EndedSecret], number: u64) -> Error {
    let code = "access.secrets_end";
    let message = format!(
        "This gives more rights than those have who made these for others. {} Confirm that you want this.",
        in_words(ended).join(" ")
    );
    let field = FieldError::new(CONFIRMED_BY, code, format!("Send {CONFIRMED_BY}={number} to confirm."));
    let error = Error::new(Kind::Conflict, code, message).with_fields(vec![field]).with_confirm(number);
    if ended.len() <= MOST_NAMED {
        return error;
    }
    error.with_listed(ended.iter().map(EndedSecret::in_words).collect())
}
