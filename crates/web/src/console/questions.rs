//! The words of each question before a user's state changes: what happens, what stays, and what must be said.

use app::{Person, lifecycle::Held};
use model::{
    Org, Timestamp,
    invitation::MAX_MESSAGE,
    lifecycle::{ActionName, Awaited, MAX_NOTE, Reason, State, StateName},
};

use super::{
    actions,
    view::{
        form::{Choice, Control, Field},
        parts::{Banner, Tone},
    },
    words::{clocks, full},
};
use crate::extract::Fields;

/// A question, without the form's frame.
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) icon: &'static str,
    pub(crate) lead: String,
    pub(crate) consequences: Vec<String>,
    pub(crate) advice: Option<Banner>,
    pub(crate) fields: Vec<Field>,
    pub(crate) submit: String,
    pub(crate) danger: bool,
}

/// What a question is made from.
pub(crate) struct Ground<'g> {
    pub(crate) org: &'g Org,
    pub(crate) person: &'g Person,
    /// The roles and groups before deprovisioning.
    pub(crate) held: &'g Held,
    pub(crate) now: Timestamp,
    /// What was sent before, when the question is asked again.
    pub(crate) sent: Option<&'g Fields>,
}

const ENDS: &str = "Every session and API token ends at once, and does not come back.";

impl Ground<'_> {
    /// Asks whether `action` is meant.
    pub(crate) fn ask(&self, action: ActionName) -> Question {
        let name = self.person.user.name();
        let state = self.person.user.state.name();
        let (label, icon) = actions::words(action, state).unwrap_or(("Go on", "info"));
        let mut question = Question {
            title: format!("{label} {name}?"),
            icon,
            lead: String::new(),
            consequences: Vec::new(),
            advice: None,
            fields: Vec::new(),
            submit: label.to_owned(),
            danger: false,
        };
        match action {
            ActionName::Suspend => self.suspend(&mut question),
            ActionName::Deprovision => self.deprovision(&mut question),
            ActionName::Lock => self.lock(&mut question),
            ActionName::Unlock => {
                question.lead = format!("{name} can sign in again. Counted wrong passwords are forgotten.");
            }
            ActionName::Invite => self.invite(&mut question),
            ActionName::Reactivate => self.reactivate(&mut question),
            ActionName::CancelInvitation => {
                question.lead = format!("{name} can't accept any more, and is inactive until invited again.");
                question.consequences = vec!["The links that were sent are dead at once.".to_owned()];
                "Cancel invitation".clone_into(&mut question.submit);
            }
            ActionName::Activate if self.person.password.set_at.is_none() => {
                question.icon = "mail";
                question.lead = format!(
                    "There is no password yet. {name} gets a mail with a link to choose one, and is active once that is done."
                );
                question.consequences = vec![self.goes_to()];
                "Send activation mail".clone_into(&mut question.submit);
            }
            ActionName::Activate => question.lead = format!("{name} can sign in from now on."),
            ActionName::Settle => self.settle(&mut question),
            ActionName::Reject => self.reject(&mut question),
            ActionName::Delete => self.delete(&mut question),
            ActionName::Restore => self.restore(&mut question),
            ActionName::Purge => self.purge(&mut question),
            ActionName::Accept => {}
        }
        if let Some(first) = question.fields.first_mut() {
            first.autofocus = true;
        }
        question
    }

    fn kept(&self, field: &str) -> &str {
        self.sent.map_or("", |sent| sent.get(field))
    }

    fn name(&self) -> &str {
        self.person.user.name()
    }

    fn invite(&self, question: &mut Question) {
        let name = self.name();
        if self.person.user.state.name() == StateName::Invited {
            question.lead =
                format!("{name} gets another mail with a new link, and as much time as at first.");
            question.consequences = vec![self.goes_to(), "The old link stops working at once.".to_owned()];
            return;
        }
        question.lead =
            format!("{name} gets a mail with a link to choose a password, and is active once that is done.");
        question.consequences = vec![self.goes_to()];
        let message = Field::new("message", "Message", Control::Text { rows: 3 })
            .value(self.kept("message"))
            .limit(u32::try_from(MAX_MESSAGE).unwrap_or(u32::MAX))
            .hint("Stands in the mail and on the page behind its link.");
        question.fields = vec![message];
    }

    /// Where mail to the person goes.
    fn goes_to(&self) -> String {
        let fields = &self.person.user.fields;
        let addresses: Vec<&str> =
            [&fields.email, &fields.personal_email].into_iter().flatten().map(String::as_str).collect();
        format!("It goes to {}.", addresses.join(" and "))
    }

    fn suspend(&self, question: &mut Question) {
        question.lead =
            format!("{} can't sign in until reactivated. Password and roles stay as they are.", self.name());
        question.consequences = vec![ENDS.to_owned()];
        question.fields = vec![self.reason(), self.note("Shown on the profile.")];
    }

    fn deprovision(&self, question: &mut Question) {
        question.lead =
            format!("For somebody who has left: {} can't sign in, and roles are taken away.", self.name());
        let roles: Vec<&str> = self.person.grants.iter().map(|grant| grant.name.as_str()).collect();
        question.consequences = vec![ENDS.to_owned()];
        if !roles.is_empty() {
            let roles = roles.join(", ");
            question.consequences.push(format!("Taken away: {roles}. A rehire can give it back."));
        }
        question.fields = vec![self.reason(), self.note("Shown on the profile.")];
    }

    fn lock(&self, question: &mut Question) {
        question.lead = format!("Everything is refused to {} until the lock ends.", self.name());
        question.consequences = vec![ENDS.to_owned()];
        let until = Field::new("until", "Until", Control::Input("datetime-local"))
            .value(self.kept("until"))
            .hint(format!("{} Left empty: until somebody unlocks.", clocks()));
        question.fields = vec![until, self.note("For other administrators.")];
    }

    fn reactivate(&self, question: &mut Question) {
        let is_rehire = self.person.user.state.name() == StateName::Deprovisioned;
        question.lead = if is_rehire {
            format!("{} can sign in again with the same password.", self.name())
        } else {
            format!("{} can sign in again, with password and roles as before.", self.name())
        };
        question.consequences = vec!["Previous sessions and API tokens stay revoked.".to_owned()];
        if self.person.user.fields.valid_until.is_some_and(|until| until <= self.now) {
            let until = Field::new("valid_until", "New end date", Control::Input("datetime-local"))
                .value(self.kept("valid_until"))
                .required()
                .hint(format!("{} The present end date has passed.", clocks()));
            question.fields.push(until);
        }
        let roles = self.held.grants.iter().map(|grant| grant.name.as_str());
        let groups = self.held.memberships.iter().map(|held| held.name.as_str());
        let roles: Vec<&str> = roles.chain(groups).collect();
        if is_rehire && !roles.is_empty() {
            let restore = Field::new("restore_roles", "Restore previous roles", Control::Checkbox)
                .value(self.kept("restore_roles"))
                .hint(roles.join(", "));
            question.fields.push(restore);
        }
    }

    /// One of the steps that a pending user waits for, and what follows once none is left.
    fn settle(&self, question: &mut Question) {
        let State::Pending { awaits } = &self.person.user.state else { return };
        let name = self.name();
        let has_password = self.person.password.set_at.is_some();
        question.lead = match (awaits.as_slice(), has_password) {
            ([_], true) => format!("{name} becomes active and can sign in."),
            ([_], false) => {
                format!(
                    "{name} gets an email with a link to choose a password, and becomes active after that."
                )
            }
            _ => format!("{name} becomes active when no step is left."),
        };
        if !has_password && awaits.len() == 1 {
            question.consequences = vec![self.goes_to()];
        }
        let kept = Some(self.kept("awaited")).filter(|kept| !kept.is_empty());
        let chosen = kept.or_else(|| awaits.first().map(|first| first.as_str()));
        let choice = |step: &Awaited| {
            let label = match step {
                Awaited::Email => "The email address belongs to this person",
                Awaited::Approval => "An administrator approves",
            };
            Choice::new(step.as_str(), label).chosen(chosen == Some(step.as_str()))
        };
        let choices = awaits.iter().map(choice).collect();
        question.fields = vec![Field::new("awaited", "Step", Control::Radio(choices)).required()];
    }

    fn reject(&self, question: &mut Question) {
        let (name, days) = (self.name(), self.org.settings.lifecycle.trash_days);
        question.danger = true;
        question.lead = if days == 0 {
            format!("{name} and all data about {name} are erased now. You can't undo this.")
        } else {
            format!("{name} moves to the trash. You can restore this user for {days} days.")
        };
    }

    fn delete(&self, question: &mut Question) {
        let (name, days) = (self.name(), self.org.settings.lifecycle.trash_days);
        question.danger = true;
        "Delete user".clone_into(&mut question.submit);
        question.lead = if days == 0 {
            format!("{name} and everything about {name} is erased at once. This can't be undone.")
        } else {
            format!(
                "{name} goes to the trash, can be restored with everything for {days} days, and is then erased."
            )
        };
        question.consequences = vec![ENDS.to_owned()];
        if days > 0 {
            question.consequences.push("Username and email stay reserved while in the trash.".to_owned());
        }
        question.advice = self.patience();
        question.fields = vec![self.confirm()];
    }

    /// Deleting soon after suspending is advised against: files and duties turn up late.
    fn patience(&self) -> Option<Banner> {
        let (State::Suspended(departure) | State::Deprovisioned(departure)) = &self.person.user.state else {
            return None;
        };
        let days = self.now.since(departure.since).as_secs() / 86_400;
        let title = match days {
            0 => "Blocked only since today".to_owned(),
            1 => "Blocked for 1 day so far".to_owned(),
            2..30 => format!("Blocked for {days} days so far"),
            _ => return None,
        };
        let lines = vec!["We recommend 30 days before deleting: files and duties turn up late.".to_owned()];
        Some(Banner { tone: Tone::Amber, icon: "info", title, lines, action: None })
    }

    fn restore(&self, question: &mut Question) {
        let name = self.name();
        question.lead = match &self.person.user.state {
            State::Trashed { before, .. } => {
                let before = before.name();
                format!("{name} comes back as {before}, with password, roles and id as before.")
            }
            _ => String::new(),
        };
    }

    fn purge(&self, question: &mut Question) {
        let name = self.name();
        question.danger = true;
        question.lead = format!("Everything about {name} is erased now. This can't be undone.");
        question.consequences = vec![
            "The audit log keeps an id and a pseudonym, and no personal data.".to_owned(),
            "Username and email become free for others.".to_owned(),
        ];
        if let State::Trashed { until, .. } = &self.person.user.state {
            question.consequences.push(format!("Left alone, it happens by itself on {}.", full(*until)));
        }
        question.fields = vec![self.confirm()];
    }

    fn reason(&self) -> Field {
        let kept = self.kept("reason");
        // These two are only ever set by Muster itself.
        let by_people = |reason: &&Reason| !matches!(reason, Reason::Expired | Reason::Source);
        let choice =
            |reason: &Reason| Choice::new(reason.as_str(), reason.label()).chosen(kept == reason.as_str());
        let mut choices = vec![Choice::new("", "Choose a reason")];
        choices.extend(Reason::ALL.iter().filter(by_people).map(choice));
        Field::new("reason", "Reason", Control::Select(choices)).required()
    }

    fn note(&self, hint: &str) -> Field {
        Field::new("note", "Note", Control::Text { rows: 3 })
            .value(self.kept("note"))
            .limit(u32::try_from(MAX_NOTE).unwrap_or(u32::MAX))
            .hint(format!("{hint} At most {MAX_NOTE} characters."))
    }

    fn confirm(&self) -> Field {
        let user = &self.person.user;
        let (label, expected) = match &user.fields.email {
            Some(email) => ("Type the email to confirm", email.as_str()),
            None => ("Type the username to confirm", user.username()),
        };
        Field::new("confirm", label, Control::Retype(expected.to_owned()))
            .value(self.kept("confirm"))
            .required()
    }
}
