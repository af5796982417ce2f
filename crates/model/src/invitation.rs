//! Invitations: who was asked to join, until when, and what has become of it.
//!
//! An invitation is a fact beside the user: a user whose invitation has expired stays invited. At most one invitation of
//! a user is pending. Its links are `link.rs`, its mails `mail.rs`.

use std::time::Duration;

use crate::{
    Agent, Error, InvitationId, Kind, OrgContext, Result, Timestamp, UserId, link::Purpose, mail::MailState,
    names::names,
};

names! {
    /// Where an invitation stands, as stored.
    InvitationState {
        /// Out, waiting to be accepted. It may have expired.
        Pending = "pending",
        /// Accepted.
        Accepted = "accepted",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

names! {
    /// What is shown of an invitation: the state with what the clock and the mail server say.
    InvitationStatus {
        /// Out, waiting to be accepted.
        Pending = "pending",
        /// Its time is over.
        Expired = "expired",
        /// No address takes it.
        Undeliverable = "undeliverable",
        /// Accepted.
        Accepted = "accepted",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id; opens nothing.
    pub id: InvitationId,
    /// In which organization.
    pub org: OrgContext,
    /// Who is invited.
    pub user: UserId,
    /// An invitation, or the activation of an account that an administrator made.
    pub kind: Purpose,
    /// Where it stands.
    pub state: InvitationState,
    /// What the inviter wrote.
    pub message: String,
    /// Who invites.
    pub invited_by: Agent,
    /// By which name.
    pub invited_by_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last sent.
    pub sent_at: Timestamp,
    /// Its links open nothing from then on.
    pub expires_at: Timestamp,
    /// How long it lives from each sending.
    pub lifetime_hours: i64,
    /// How often it was sent again since `resends_since`.
    pub resends: i64,
    /// The day in which resends are counted began then.
    pub resends_since: Timestamp,
    /// How many reminders went out.
    pub reminded: i64,
    /// When its page was first looked at.
    pub opened_at: Option<Timestamp>,
    /// When it was accepted or cancelled.
    pub ended_at: Option<Timestamp>,
    /// What the mail servers say: the best news of its addresses.
    pub delivery: MailState,
    /// Why it is not there (yet).
    pub delivery_why: String,
}

/// Longest message of an inviter, in characters.
pub const MAX_MESSAGE: usize = 1000;
/// How long an invitation may live.
pub const LIFETIME_HOURS: std::ops::RangeInclusive<i64> = 1..=90 * 24;
/// How often it may be sent again in a day.
pub const RESENDS_A_DAY: i64 = 5;

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Invitation {
    /// What is shown at `now`.
    pub fn status(&self, now: Timestamp) -> InvitationStatus {
        match self.state {
            InvitationState::Accepted => InvitationStatus::Accepted,
            InvitationState::Cancelled => InvitationStatus::Cancelled,
            InvitationState::Pending if self.expires_at <= now => InvitationStatus::Expired,
            InvitationState::Pending if self.delivery == MailState::Failed => InvitationStatus::Undeliverable,
            InvitationState::Pending => InvitationStatus::Pending,
        }
    }

    /// How long it lives from each sending.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.lifetime_hours).unwrap_or_default() * 3600)
    }

    /// Sends it again because somebody asks: a new end, counted against the day's limit.
    pub fn resend(&mut self, now: Timestamp) -> Result<()> {
        self.count(now)?;
        self.renew(now);
        Ok(())
    }

    /// One more mail because somebody asks.
    pub fn count(&mut self, now: Timestamp) -> Result<()> {
        if now >= self.resends_since.plus(DAY) {
            (self.resends, self.resends_since) = (0, now);
        }
        if self.resends >= RESENDS_A_DAY {
            let message = format!(
                "This invitation was sent again {RESENDS_A_DAY} times today. Try again tomorrow, or copy the link and send it \
                 yourself."
            );
            return Err(Error::new(Kind::TooMany, "invitation.too_many_resends", message)
                .with_retry_after(seconds_until(self.resends_since.plus(DAY), now)));
        }
        self.resends += 1;
        Ok(())
    }

    /// Sends it again because the address has changed.
    pub fn renew(&mut self, now: Timestamp) {
        self.sent_at = now;
        self.reminded = 0;
        self.expires_at = now.plus(self.lifetime());
        self.delivery = MailState::Queued;
        self.delivery_why.clear();
    }
}

fn seconds_until(then: Timestamp, now: Timestamp) -> u32 {
    u32::try_from(then.since(now).as_secs()).unwrap_or(u32::MAX)
}

/// When to remind of an invitation that was sent now: after 3 days and 24 hours before its end, as far as both leave
/// some time.
pub fn reminders(sent_at: Timestamp, expires_at: Timestamp) -> Vec<Timestamp> {
    let (third_day, last_day) = (sent_at.plus(3 * DAY), expires_at.minus(DAY));
    let mut reminders = vec![third_day, last_day];
    reminders.retain(|at| *at >= sent_at.plus(DAY) && *at < expires_at.minus(DAY / 2));
    reminders.dedup();
    reminders
}

/// Refuses a lifetime outside the range; the organization's usual one if none is said.
pub fn checked_lifetime(hours: Option<i64>, usual: u16) -> Result<i64> {
    let hours = hours.unwrap_or(usual.into());
    if LIFETIME_HOURS.contains(&hours) {
        return Ok(hours);
    }
    let message = "An invitation lasts from 1 hour to 90 days (2160 hours).";
    Err(Error::invalid_field("expires_in_hours", "invitation.lifetime", message))
}

/// The inviter's words, trimmed; refused when too long.
pub fn checked_message(text: &str) -> Result<String> {
    crate::validate::text("message", text, MAX_MESSAGE, true).map_err(|field| Error::invalid(vec![field]))
}

/// The news of several mails of one invitation: the best counts, a failure only when no address is left.
pub fn delivery(mails: &[(MailState, String)]) -> (MailState, String) {
    let order =
        [MailState::Sent, MailState::Deferred, MailState::Queued, MailState::Failed, MailState::Cancelled];
    let best = order.iter().find_map(|state| mails.iter().find(|(of, _)| of == state));
    best.cloned().unwrap_or((MailState::Cancelled, String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_leave_time_before_and_after() {
        let sent = Timestamp::from_micros(0);
        let after = |hours: u64| sent.plus(Duration::from_secs(hours * 3600));
        assert_eq!(reminders(sent, after(7 * 24)), [after(72), after(6 * 24)]);
        assert_eq!(reminders(sent, after(4 * 24)), [after(72)], "both on the same moment");
        assert_eq!(reminders(sent, after(2 * 24)), [after(24)]);
        assert_eq!(reminders(sent, after(24)), []);
        assert_eq!(reminders(sent, after(1)), []);
    }
}
