//! A grant: a role or a membership that somebody or a group holds, with who gave it, when, why, and from when until
//! when. This file says what a grant is called and on what terms it is given; what it allows is `role.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Agent, Error, GroupId, Result, Timestamp, UserId,
    error::FieldError,
    role::{RoleKey, Scope},
    validate,
};

/// Who holds a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A user, directly.
    User(UserId),
    /// A group, for everybody in it.
    Group(GroupId),
}

/// Which grant: at most one of each is held at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GrantKey {
    /// A role.
    Role {
        /// Whose.
        holder: Holder,
        /// Which.
        role: RoleKey,
        /// Where it counts.
        scope: Scope,
    },
    /// A user's membership of a group.
    Member {
        /// Of which.
        group: GroupId,
        /// Whose.
        user: UserId,
    },
    /// A group's place in another.
    Nested {
        /// The outer.
        parent: GroupId,
        /// The inner.
        child: GroupId,
    },
}

/// On what terms something is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GrantTerms {
    /// Why; at most 500 characters. A reason that refers to another user holds the id (`copied_from`).
    pub reason: String,
    /// Not before; at once if `None`.
    pub valid_from: Option<Timestamp>,
    /// Not any more from then on; for good if `None`.
    pub valid_until: Option<Timestamp>,
}

impl GrantTerms {
    /// Until a time, for a reason.
    pub fn until(valid_until: Option<Timestamp>, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), valid_from: None, valid_until }
    }

    /// The reason of what is given because somebody else holds it: the id, never the name, which is looked up when the
    /// reason is shown.
    pub fn as_held_by(user: UserId) -> String {
        format!("{AS}{user}")
    }

    /// Whose access was copied, if that is the reason.
    pub fn copied_from(&self) -> Option<UserId> {
        copied_from(&self.reason)
    }

    /// Cleaned and checked at `now`.
    pub fn checked(self, now: Timestamp) -> Result<Self> {
        let mut refused = Vec::new();
        let reason = validate::text("reason", &self.reason, 500, true).unwrap_or_else(|error| {
            refused.push(error);
            String::new()
        });
        if self.valid_until.is_some_and(|until| until <= now) {
            let message = "This would have ended already. Choose a time in the future.";
            refused.push(FieldError::new("valid_until", "grant.past", message));
        }
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until)
            && from >= until
        {
            let message = "The end is not after the start. Choose a later end.";
            refused.push(FieldError::new("valid_until", "grant.order", message));
        }
        if refused.is_empty() { Ok(Self { reason, ..self }) } else { Err(Error::invalid(refused)) }
    }
}

/// How a reason begins that refers to a user.
const AS: &str = "as ";

/// The user to whom a reason refers; of an entry of the audit log something may follow.
pub fn copied_from(reason: &str) -> Option<UserId> {
    reason.strip_prefix(AS)?.get(..36)?.parse().ok()
}

/// A reason as people read it: with the name of the user to whom it refers.
pub fn reason_in_words(reason: &str, name: Option<&str>) -> String {
    match copied_from(reason) {
        Some(_) => format!("{AS}{}{}", name.unwrap_or("another user"), &reason[AS.len() + 36..]),
        None => reason.to_owned(),
    }
}

/// Who gave something, when, and on what terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Who.
    pub by: Agent,
    /// When.
    pub at: Timestamp,
    /// On what terms.
    #[serde(flatten)]
    pub terms: GrantTerms,
}

impl Given {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        let Self { terms, .. } = self;
        terms.valid_from.is_none_or(|from| from <= now) && terms.valid_until.is_none_or(|until| until > now)
    }

    /// When people are told that it ends: three days before, or after three quarters of a life shorter than twelve.
    /// `None` if it doesn't end, or so soon that a warning would come with the grant.
    pub fn warned_at(&self) -> Option<Timestamp> {
        let until = self.terms.valid_until?;
        let begins = self.terms.valid_from.map_or(self.at, |from| from.max(self.at));
        let life = until.since(begins);
        let ahead = (life / 4).min(Duration::from_secs(3 * 24 * 60 * 60));
        (life >= Duration::from_secs(60 * 60)).then(|| until.minus(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 60 * 60)
    }

    #[test]
    fn a_warning_comes_while_there_is_time_to_act() {
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let warned = |life: Duration| {
            let terms = GrantTerms::until(Some(start.plus(life)), "");
            Given { by: Agent::System, at: start, terms }.warned_at().map(|at| start.plus(life).since(at))
        };
        assert_eq!(warned(hours(24 * 90)), Some(hours(72)));
        assert_eq!(warned(hours(8)), Some(hours(2)));
        assert_eq!(warned(Duration::from_secs(60)), None);
    }

    #[test]
    fn a_reason_refers_to_a_user_by_id_and_is_shown_with_the_name() {
        let id = UserId(uuid::Uuid::from_u128(7));
        let terms = GrantTerms::until(None, GrantTerms::as_held_by(id));
        assert_eq!(terms.copied_from(), Some(id));
        assert_eq!(reason_in_words(&terms.reason, Some("Ana")), "as Ana");
        let ended = format!("{} (given on Monday)", terms.reason);
        assert_eq!(reason_in_words(&ended, None), "as another user (given on Monday)");
        for typed in ["as Ana", "as é", "as 00000000-0000-0000-0000-00000000000é", ""] {
            assert_eq!(reason_in_words(typed, Some("Ana")), typed);
        }
    }

    #[test]
    fn terms_that_could_never_hold_are_refused() {
        let now = Timestamp::from_micros(1_000_000);
        let later = now.plus(hours(1));
        let terms =
            |from, until| GrantTerms { valid_from: from, valid_until: until, ..GrantTerms::default() };
        assert!(terms(None, Some(now)).checked(now).is_err());
        assert!(terms(Some(later), Some(later)).checked(now).is_err());
        assert!(terms(Some(now), Some(later)).checked(now).is_ok());
    }
}
