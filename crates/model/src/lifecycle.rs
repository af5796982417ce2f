//! Where a user stands, and what may happen next, as one table.
//!
//! `User::apply` decides every transition; the API, the console, the command line, imports and timers all call it.
//! What a transition brings with it (ending sessions, dropping grants, a date for the worker) comes back as effects
//! for the operation to carry out in the same transaction. The printed table is `docs/lifecycle.txt`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Agent, Error, FieldError, Kind, Result, Timestamp, User, link::Purpose, settings::LifecyclePolicy, user,
    validate,
};

pub use crate::lifecycle_names::{ActionName, Awaited, Reason, StateName, Status};

/// Where a user stands, with what belongs to standing there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Exists, not activated, nothing sent.
    Staged,
    /// An invitation or activation link is out.
    Invited,
    /// Waits for what `awaits` names; never empty.
    Pending {
        /// What must still happen before the user becomes active.
        awaits: Vec<Awaited>,
    },
    /// May sign in (unless locked, or outside the validity dates).
    Active,
    /// Blocked; everything held stays.
    Suspended(Departure),
    /// Left: suspended, and direct grants were taken away.
    Deprovisioned(Departure),
    /// In the trash until `until`; then the worker purges.
    Trashed {
        /// What restoring brings back.
        before: Box<State>,
        /// When it was deleted.
        since: Timestamp,
        /// Until when it can be restored.
        until: Timestamp,
        /// Who deleted.
        by: Agent,
    },
    /// Gone: only the id and a pseudonym are left, for the audit log.
    Purged,
}

/// Why, by whom and since when somebody is suspended or deprovisioned; shown as a banner on the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// One of the reasons that reports count.
    pub reason: Reason,
    /// Free text, at most 500 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it happened.
    pub since: Timestamp,
    /// Who did it.
    pub by: Agent,
}

/// A lock by an administrator: refuses everything and ends sessions. An overlay, not a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// When it ends by itself; `None` = until unlocked.
    pub until: Option<Timestamp>,
    /// Why, for the other administrators; at most 500 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it was set.
    pub since: Timestamp,
    /// Who set it.
    pub by: Agent,
}

/// What can happen to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send an invitation, again if one is out.
    Invite,
    /// Take the invitation back.
    CancelInvitation,
    /// The invited person has chosen a credential.
    Accept,
    /// Make active; without a credential the activation mail goes out instead.
    Activate,
    /// One awaited thing has happened.
    Settle(Awaited),
    /// Refuse a pending user: to the trash.
    Reject,
    /// Block.
    Suspend {
        /// Why.
        reason: Reason,
        /// More words, at most 500 characters.
        note: String,
    },
    /// Unblock, or bring a deprovisioned person back (rehire).
    Reactivate {
        /// A new end date; needed if the present one has passed.
        valid_until: Option<Timestamp>,
    },
    /// Block and take direct grants away.
    Deprovision {
        /// Why.
        reason: Reason,
        /// More words, at most 500 characters.
        note: String,
    },
    /// To the trash; `confirm` is the user's email (a service user's username), typed.
    Delete {
        /// What was typed.
        confirm: String,
    },
    /// Out of the trash, to the state before.
    Restore,
    /// For good; `confirm` as for deleting. The worker's own purge at the end of the trash time has nothing to type.
    Purge {
        /// What was typed; `None` only from the worker.
        confirm: Option<String>,
    },
    /// Refuse everything until a time or until unlocked.
    Lock {
        /// When it ends by itself.
        until: Option<Timestamp>,
        /// Why.
        note: String,
    },
    /// End an administrator's lock and the locks by failures.
    Unlock,
}

/// What must happen besides the change of state, in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// End every session, API token and one-time link of the user.
    EndAccess,
    /// Keep direct grants as a snapshot and remove them.
    RemoveGrants,
    /// Send the invitation or activation link.
    SendInvitation(Purpose),
    /// The invitation that is out is dead.
    EndInvitation,
    /// Purge at this time unless restored before.
    PurgeAt(Timestamp),
    /// Suspend at this time unless the date has changed.
    SuspendAt(Timestamp),
    /// Remove every personal value now.
    Erase,
    /// Locks by failures are forgotten.
    ForgetFailures,
}

/// A transition that has been applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where the user stood.
    pub from: StateName,
    /// Where the user stands now.
    pub to: StateName,
    /// What else must happen.
    pub effects: Vec<Effect>,
}

/// What the decision depends on besides the user.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The present moment.
    pub now: Timestamp,
    /// Who acts.
    pub by: Agent,
    /// The organization's rules.
    pub policy: &'a LifecyclePolicy,
    /// Whether the user has something to sign in with.
    pub has_credential: bool,
}

/// Longest note on a transition, in characters.
pub const MAX_NOTE: usize = 500;

impl User {
    /// Decides and applies `action`. A refusal leaves the user as it was and names what is possible from here.
    pub fn apply(&mut self, action: Action, at: &Circumstances<'_>) -> Result<Change> {
        let name = action.name();
        let from = self.state.name();
        if !self.allows(name, at.policy) {
            return Err(self.refuse(name, at.policy));
        }
        let (state, effects) = self.next(action, at)?;
        if let Some(state) = state {
            if state == State::Active && self.joined_at.is_none() {
                self.joined_at = Some(at.now);
            }
            self.state = state;
        }
        Ok(Change { from, to: self.state.name(), effects })
    }

    /// The whole table: may `action` be asked for, standing here?
    fn allows(&self, action: ActionName, policy: &LifecyclePolicy) -> bool {
        use ActionName as A;
        match &self.state {
            State::Staged => matches!(action, A::Invite | A::Activate | A::Delete),
            State::Invited => {
                matches!(action, A::Invite | A::CancelInvitation | A::Accept | A::Activate | A::Delete)
            }
            State::Pending { .. } => matches!(action, A::Settle | A::Reject),
            State::Active => match action {
                A::Suspend | A::Deprovision | A::Lock => true,
                A::Unlock => self.lock.is_some() || self.password_locked_until.is_some(),
                A::Delete => !policy.delete_requires_suspension,
                _ => false,
            },
            State::Suspended(_) => {
                matches!(action, A::Reactivate | A::Deprovision | A::Delete)
                    || (action == A::Unlock && self.lock.is_some())
            }
            State::Deprovisioned(_) => matches!(action, A::Reactivate | A::Delete),
            State::Trashed { .. } => matches!(action, A::Restore | A::Purge),
            State::Purged => false,
        }
    }

    /// Where an allowed action leads (`None`: the state stays, an overlay changes), and its effects.
    fn next(&mut self, action: Action, at: &Circumstances<'_>) -> Result<(Option<State>, Vec<Effect>)> {
        Ok(match action {
            Action::CancelInvitation => (Some(State::Staged), vec![Effect::EndInvitation]),
            Action::Accept => (Some(State::Active), vec![Effect::EndInvitation]),
            Action::Activate if at.has_credential => (Some(State::Active), vec![Effect::EndInvitation]),
            // Nothing to sign in with: the activation link goes out instead.
            Action::Activate => (Some(State::Invited), vec![Effect::SendInvitation(Purpose::Activation)]),
            Action::Invite => (Some(State::Invited), vec![Effect::SendInvitation(Purpose::Invitation)]),
            Action::Settle(what) => match self.settled(what, at.policy)? {
                // Nothing to sign in with: approved is not yet able.
                State::Active if !at.has_credential => {
                    (Some(State::Invited), vec![Effect::SendInvitation(Purpose::Activation)])
                }
                state => (Some(state), Vec::new()),
            },
            Action::Reject => self.trash(at),
            Action::Suspend { reason, note } => {
                (Some(State::Suspended(departure(reason, &note, at)?)), vec![Effect::EndAccess])
            }
            Action::Deprovision { reason, note } => {
                let state = State::Deprovisioned(departure(reason, &note, at)?);
                (Some(state), vec![Effect::EndAccess, Effect::RemoveGrants])
            }
            Action::Reactivate { valid_until } => {
                let effects = self.extend_validity(valid_until, at.now)?;
                (Some(State::Active), effects)
            }
            Action::Delete { confirm } => {
                self.confirmed(&confirm)?;
                self.trash(at)
            }
            Action::Restore => match &self.state {
                State::Trashed { before, .. } => (Some((**before).clone()), Vec::new()),
                _ => return Err(Error::internal("restore outside the trash")),
            },
            Action::Purge { confirm } => {
                if let Some(confirm) = confirm {
                    self.confirmed(&confirm)?;
                }
                (Some(State::Purged), vec![Effect::EndAccess, Effect::RemoveGrants, Effect::Erase])
            }
            Action::Lock { until, note } => {
                if until.is_some_and(|until| until <= at.now) {
                    let message = "The lock would have ended already. Choose a time in the future.";
                    return Err(Error::invalid_field("until", "lock.past", message));
                }
                let note = checked_note(&note)?;
                self.lock = Some(Lock { until, note, since: at.now, by: at.by });
                (None, vec![Effect::EndAccess])
            }
            Action::Unlock => {
                self.lock = None;
                self.password_locked_until = None;
                (None, vec![Effect::ForgetFailures])
            }
        })
    }

    /// To the trash. An active user comes back as suspended; with 0 days of trash everything goes at once.
    fn trash(&self, at: &Circumstances<'_>) -> (Option<State>, Vec<Effect>) {
        if at.policy.trash_days == 0 {
            return (Some(State::Purged), vec![Effect::EndAccess, Effect::RemoveGrants, Effect::Erase]);
        }
        let before = match &self.state {
            State::Active => State::Suspended(Departure {
                reason: Reason::Other,
                note: String::new(),
                since: at.now,
                by: at.by,
            }),
            other => other.clone(),
        };
        let until = at.now.plus(days(at.policy.trash_days));
        let trashed = State::Trashed { before: Box::new(before), since: at.now, until, by: at.by };
        (Some(trashed), vec![Effect::EndAccess, Effect::EndInvitation, Effect::PurgeAt(until)])
    }

    fn settled(&self, what: Awaited, policy: &LifecyclePolicy) -> Result<State> {
        let State::Pending { awaits } = &self.state else {
            return Err(Error::internal("settle outside pending"));
        };
        if !awaits.contains(&what) {
            let message = "This step is already complete. Look at the user again.";
            let possible = self.possible(policy).iter().map(|action| action.as_str()).collect();
            return Err(Error::new(Kind::Conflict, "user.not_awaited", message).with_possible(possible));
        }
        let left: Vec<Awaited> = awaits.iter().copied().filter(|other| *other != what).collect();
        Ok(if left.is_empty() { State::Active } else { State::Pending { awaits: left } })
    }

    /// Reactivating after the end date needs a new one.
    fn extend_validity(&mut self, valid_until: Option<Timestamp>, now: Timestamp) -> Result<Vec<Effect>> {
        let until = valid_until.or(self.fields.valid_until);
        if until.is_some_and(|until| until <= now) {
            let message = "The end date of this account has passed. Give a new end date in the future.";
            return Err(Error::invalid_field("valid_until", "user.validity_past", message));
        }
        if valid_until.is_some() {
            self.fields.valid_until = valid_until;
        }
        Ok(until.map(Effect::SuspendAt).into_iter().collect())
    }

    /// Deleting wants the email typed; somebody without an email is confirmed by username.
    fn confirmed(&self, typed: &str) -> Result<()> {
        let expected = self.fields.email.as_deref().unwrap_or_else(|| self.username());
        if user::key(typed) == user::key(expected) {
            return Ok(());
        }
        let message = format!("Type {expected} to confirm.");
        Err(Error::invalid(vec![FieldError::new("confirm", "user.not_confirmed", message)]))
    }

    /// What may be asked for from here; every door offers exactly this. Accepting is not asked for: only the invited
    /// person does it, with the link.
    pub fn possible(&self, policy: &LifecyclePolicy) -> Vec<ActionName> {
        let is_asked_for =
            |action: &ActionName| *action != ActionName::Accept && self.allows(*action, policy);
        ActionName::ALL.iter().copied().filter(is_asked_for).collect()
    }

    fn refuse(&self, action: ActionName, policy: &LifecyclePolicy) -> Error {
        let possible: Vec<&'static str> = self.possible(policy).iter().map(|a| a.as_str()).collect();
        let (code, message) = match (&self.state, action) {
            (State::Suspended(_), ActionName::Suspend) => {
                ("user.already_suspended", "This user is suspended already.".to_owned())
            }
            (State::Deprovisioned(_), ActionName::Deprovision) => {
                ("user.already_deprovisioned", "This user is deprovisioned already.".to_owned())
            }
            (State::Active, ActionName::Activate | ActionName::Reactivate) => {
                ("user.already_active", "This user is active already.".to_owned())
            }
            (State::Active, ActionName::Delete) => {
                ("user.suspend_first", "Suspend this user first; then it can be deleted.".to_owned())
            }
            (State::Trashed { .. }, ActionName::Delete) => {
                ("user.already_deleted", "This user is in the trash already.".to_owned())
            }
            (State::Active, ActionName::Unlock) => ("user.not_locked", "This user is not locked.".to_owned()),
            (state, action) => {
                let (state, action) = (state.name().as_str(), action.in_words());
                ("user.not_possible", format!("A user who is {state} can't be {action}."))
            }
        };
        let hint = if possible.is_empty() {
            " Nothing is possible from here.".to_owned()
        } else {
            format!(" Possible from here: {}.", possible.join(", "))
        };
        Error::new(Kind::Conflict, code, message + &hint).with_possible(possible)
    }

    /// What is shown, at `now`: the state with its overlays.
    pub fn status(&self, now: Timestamp) -> Status {
        match &self.state {
            State::Staged => Status::Inactive,
            State::Invited => Status::Invited,
            State::Pending { .. } => Status::Pending,
            State::Active if self.is_locked(now) || self.password_locked_until.is_some_and(|t| t > now) => {
                Status::Locked
            }
            State::Active => Status::Active,
            State::Suspended(_) => Status::Suspended,
            State::Deprovisioned(_) => Status::Deprovisioned,
            State::Trashed { .. } | State::Purged => Status::Deleted,
        }
    }

    /// Whether an administrator's lock holds.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.until.is_none_or(|until| until > now))
    }

    /// Whether this user may use any credential at all: active, not locked, inside the validity dates.
    /// Checked at sign-in and again on every request.
    pub fn may_act(&self, now: Timestamp) -> bool {
        self.state == State::Active
            && !self.is_locked(now)
            && self.fields.valid_from.is_none_or(|from| from <= now)
            && self.fields.valid_until.is_none_or(|until| until > now)
    }
}

fn departure(reason: Reason, note: &str, at: &Circumstances<'_>) -> Result<Departure> {
    Ok(Departure { reason, note: checked_note(note)?, since: at.now, by: at.by })
}

fn checked_note(note: &str) -> Result<String> {
    validate::text("note", note, MAX_NOTE, true).map_err(|field| Error::invalid(vec![field]))
}

fn days(count: u16) -> Duration {
    Duration::from_secs(u64::from(count) * 24 * 60 * 60)
}

/// The table as text: for every state, what may be asked for, under the default policy. `docs/lifecycle.txt`.
pub fn table() -> String {
    use std::fmt::Write as _;
    let mut text = String::from(
        "What may happen to a user, by state (x = possible; r = only where policy relaxes it).\n\n",
    );
    let _ = write!(text, "{:<19}", "");
    for state in StateName::ALL {
        let _ = write!(text, "{state:<14}");
    }
    for action in ActionName::ALL {
        let _ = write!(text, "\n{action:<19}");
        for state in StateName::ALL {
            let mark = |relaxed: bool| {
                let policy =
                    LifecyclePolicy { delete_requires_suspension: !relaxed, ..LifecyclePolicy::default() };
                example(*state).allows(*action, &policy)
            };
            let mark = if mark(false) {
                "x"
            } else if mark(true) {
                "r"
            } else {
                "."
            };
            let _ = write!(text, "{mark:<14}");
        }
    }
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    trimmed.join("\n") + "\n"
}

/// A locked user in that state: what the table is printed from.
fn example(state: StateName) -> User {
    let (now, by) = (Timestamp::from_micros(0), Agent::System);
    let gone = Departure { reason: Reason::Other, note: String::new(), since: now, by };
    let nobody = (crate::UserId(uuid::Uuid::nil()), crate::OrgId(uuid::Uuid::nil()).into());
    let mut user = User::new(nobody.0, nobody.1, crate::UserFields::default(), now);
    user.lock = Some(Lock { until: None, note: String::new(), since: now, by });
    user.state = match state {
        StateName::Staged => State::Staged,
        StateName::Invited => State::Invited,
        StateName::Pending => State::Pending { awaits: vec![Awaited::Email] },
        StateName::Active => State::Active,
        StateName::Suspended => State::Suspended(gone),
        StateName::Deprovisioned => State::Deprovisioned(gone),
        StateName::Trashed => State::Trashed { before: Box::new(State::Staged), since: now, until: now, by },
        StateName::Purged => State::Purged,
    };
    user
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
