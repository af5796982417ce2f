//! “Why can't they sign in?”: gathers what is known of somebody, and says the causes and their ends in words.
//!
//! Which causes there are, in which order, and what ends each is `model/src/explanation.rs`. Tries at organizations that
//! do not exist are noted here too: for whatever was typed, so that whoever asks learns nothing.

use std::{collections::HashMap, time::Duration};

use model::{
    Agent, Org, OrgContext, Permission, Permissions, Result, Timestamp, User, UserId,
    explanation::{Cause, Failure, Fix, PasswordFacts, Situation, Stray, Tries, explain},
    invitation::Invitation,
    lifecycle::{Awaited, Departure, State, StateName},
    mail::Mail,
};
use serde::{Deserialize, Serialize};
use store::{Connection, boxed};

use crate::{Actor, App, Operation, Person, mail::in_words, users::agent_label};

/// How long a try at an organization that does not exist is remembered.
pub(crate) const KEEP_STRAYS: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many of the latest events are looked through for refusals.
const LOOKED_THROUGH: u16 = 100;

/// Why somebody can't sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explanation {
    /// The causes, the most important first; nobody gets in while one of those that block holds.
    pub causes: Vec<Explained>,
    /// Whether one of them blocks.
    pub is_blocked: bool,
    /// The last time that it worked.
    pub last_sign_in_at: Option<Timestamp>,
    /// Where the person signs in.
    pub address: String,
}

/// A cause in words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explained {
    /// A stable name.
    pub cause: String,
    /// Whether nobody gets in while it holds.
    pub blocks: bool,
    /// What it is.
    pub title: String,
    /// Since when, until when, by whom, and what to do.
    pub text: String,
    /// What ends it, the likeliest first.
    pub fixes: Vec<Offered>,
}

/// A way out, as it is offered to whoever asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offered {
    /// What.
    pub fix: Fix,
    /// In words.
    pub label: String,
    /// Why whoever asks can't do it; empty if they can.
    pub refused: String,
}

/// Everything that is read for it.
struct Known {
    person: Person,
    invitation: Option<Invitation>,
    mails: Vec<Mail>,
    tries: Vec<Tries>,
    failures: Vec<Failure>,
    strays: Vec<Stray>,
    names: HashMap<UserId, String>,
}

impl App {
    /// Why a user can't sign in, for somebody who may look at the user.
    #[boxed]
    pub async fn explain_sign_in(&self, actor: &Actor, org: &Org, id: UserId) -> Result<Explanation> {
        actor.require(Permission::UserRead)?;
        let now = self.now();
        let known = self.known_of(org, id, now).await?;
        let user = &known.person.user;
        let causes = explain(&Situation {
            user,
            password: known.person.password.set_at.map(|_| PasswordFacts {
                expires_at: known.person.password.expires_at,
                must_change: known.person.password.must_change
                    || known.person.password.is_overdue(user, &org.settings.password, now),
            }),
            invitation: known.invitation.as_ref(),
            mails: &known.mails,
            tries: &known.tries,
            failures: &known.failures,
            strays: &known.strays,
            settings: &org.settings,
            now,
        });
        let address = format!("{}/o/{}/sign-in", self.public_url(), org.slug);
        let words = Words { known: &known, address: &address };
        let offers = Offers {
            permissions: actor.permissions,
            user,
            is_weaker: actor.rights.covers(&known.person.rights),
            may_act: user.may_act(now),
            has_mail: self.carrier().is_there(),
        };
        let explained = |cause: &Cause| {
            let (title, text) = words.of(cause);
            let fixes = cause.fixes().iter().map(|fix| offers.offer(*fix)).collect();
            Explained { cause: cause.name().to_owned(), blocks: cause.blocks(), title, text, fixes }
        };
        Ok(Explanation {
            is_blocked: causes.iter().any(Cause::blocks),
            causes: causes.iter().map(explained).collect(),
            last_sign_in_at: user.last_sign_in_at,
            address: address.clone(),
        })
    }

    async fn known_of(&self, org: &Org, id: UserId, now: Timestamp) -> Result<Known> {
        let context = OrgContext::from(org.id);
        let person = self.load_person(context, id).await?;
        let hashes: Vec<[u8; 32]> = stray_names(&person.user).map(|name| self.stray_hash(&name)).collect();
        let window = now.minus(org.settings.lockout.window());
        let by: Vec<UserId> = agents(&person.user);
        let slug = &org.slug;
        let user = person.user.clone();
        let read = async |connection: &mut Connection<'_>| {
            let invitation = store::invitations::pending_of(connection, context, id).await?;
            let mails = store::mails::of_user(connection, context, id).await?;
            let tries = store::credentials::tries_of(connection, context, id, window).await?;
            let entries = store::audit::about(connection, context, id.0, None, LOOKED_THROUGH).await?;
            let refused = entries.into_iter().filter(|entry| entry.event == "sign_in.failed");
            let failures = refused
                .map(|entry| Failure {
                    at: entry.at,
                    address: entry.address,
                    is_wrong_password: entry.reason == "wrong_password",
                })
                .collect();
            let mut strays = Vec::new();
            for (name, hash) in stray_names(&user).zip(&hashes) {
                if let Some((tried, at)) = store::stray_sign_ins::find(connection, hash).await?
                    && may_be_ours(&name, &tried, slug)
                {
                    strays.push(Stray { slug: tried, at });
                }
            }
            strays.sort_by_key(|stray| std::cmp::Reverse(stray.at));
            let mut names = HashMap::new();
            for user in &by {
                if let Some(name) = store::users::name(connection, context, *user).await? {
                    names.insert(*user, name);
                }
            }
            Ok((invitation, mails, tries, failures, strays, names))
        };
        let (invitation, mails, tries, failures, strays, names) = self.database().read(read).await?;
        let tries = tries.into_iter().map(|(address, failures, since)| Tries { address, failures, since });
        Ok(Known { person, invitation, mails, tries: tries.collect(), failures, strays, names })
    }

    /// Notes that somebody typed `identifier` at an organization that does not exist. The same for everybody and nobody:
    /// whose it is, is only asked when an administrator looks.
    #[boxed]
    pub async fn note_stray_sign_in(&self, slug: &str, identifier: &str) -> Result<()> {
        let Ok(slug) = model::org::slug(slug) else { return Ok(()) };
        let identifier = identifier.chars().take(300).collect::<String>();
        let (hash, now) = (self.stray_hash(&model::user::key(&identifier)), self.now());
        self.maintain(OrgContext::NOWHERE, async move |connection| {
            store::stray_sign_ins::note(connection, &hash, &slug, now).await
        })
        .await
    }

    fn stray_hash(&self, name: &str) -> [u8; 32] {
        self.keys().derive("stray sign-in", &[name.as_bytes()])
    }
}

impl Operation<'_, '_> {
    /// Forgets what an erased person typed at organizations that do not exist.
    pub(crate) async fn forget_strays(&mut self, user: &User) -> Result<()> {
        for name in stray_names(user) {
            let hash = self.keys.derive("stray sign-in", &[name.as_bytes()]);
            store::stray_sign_ins::forget(self.connection, &hash).await?;
        }
        Ok(())
    }
}

/// By which names somebody signs in, as they are compared.
fn stray_names(user: &User) -> impl Iterator<Item = String> {
    let fields = &user.fields;
    let names = [fields.email.as_deref(), fields.username.as_deref()];
    names.map(|name| name.map(model::user::key)).into_iter().flatten()
}

/// Whether a try belongs to this organization's user. An address is one person's; a plain username may be anybody's
/// elsewhere, and counts only where the short name was nearly right.
fn may_be_ours(name: &str, tried: &str, slug: &str) -> bool {
    name.contains('@') || tried.contains(slug) || slug.contains(tried) || distance(tried, slug) <= 2
}

/// How many letters differ (Levenshtein); slugs are 40 letters at most.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = line + 1;
        for (column, there) in other.iter().enumerate() {
            let replaced = before + usize::from(letter != *there);
            before = row[column + 1];
            row[column + 1] = replaced.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// Everybody whom the words name.
fn agents(user: &User) -> Vec<UserId> {
    let by = match &user.state {
        State::Suspended(departure) | State::Deprovisioned(departure) => Some(departure.by),
        State::Trashed { by, .. } => Some(*by),
        _ => None,
    };
    let agents = by.into_iter().chain(user.lock.as_ref().map(|lock| lock.by));
    agents.filter_map(|agent| if let Agent::User(id) = agent { Some(id) } else { None }).collect()
}

/// What the ways out depend on.
struct Offers<'o> {
    /// What whoever asks may do.
    permissions: Permissions,
    user: &'o User,
    /// What the user may do.
    is_weaker: bool,
    may_act: bool,
    has_mail: bool,
}

impl Offers<'_> {
    fn offer(&self, fix: Fix) -> Offered {
        let state = self.user.state.name();
        Offered { fix, label: label(fix, state).to_owned(), refused: self.refusal(fix) }
    }

    /// Why this way is none at present; nothing if it is one.
    fn refusal(&self, fix: Fix) -> String {
        let fields = &self.user.fields;
        let has_address = fields.email.is_some() || (fix == Fix::Invite && fields.personal_email.is_some());
        let permission = fix.permission(self.user.state.name());
        let is_link = matches!(fix, Fix::Invite | Fix::SendResetLink);
        let said = if !self.permissions.contains(permission) {
            return format!("This needs the permission {permission}.");
        } else if !self.is_weaker {
            "This person may do more than you."
        } else if is_link && !has_address {
            "There is no email address."
        } else if fix == Fix::SendResetLink && !self.may_act {
            "Only once the account can be used again."
        } else if fix == Fix::SendResetLink && !self.has_mail {
            "No mail server is configured."
        } else {
            ""
        };
        said.to_owned()
    }
}

fn label(fix: Fix, state: StateName) -> &'static str {
    match fix {
        Fix::Invite if state == StateName::Invited => "Send the invitation again",
        Fix::Invite => "Send an invitation",
        Fix::Unlock => "Unlock",
        Fix::SendResetLink => "Send reset link",
        Fix::SetPassword => "Set temporary password",
        Fix::Reactivate if state == StateName::Deprovisioned => "Rehire",
        Fix::Reactivate => "Reactivate",
        Fix::Restore => "Restore",
        Fix::Settle => "Approve",
        Fix::Edit => "Edit",
    }
}

/// Causes in words.
struct Words<'w> {
    known: &'w Known,
    address: &'w str,
}

impl Words<'_> {
    fn by(&self, agent: Agent) -> String {
        let name = match agent {
            Agent::User(id) => self.known.names.get(&id).map(String::as_str),
            Agent::Operator | Agent::System => None,
        };
        agent_label(agent, name)
    }

    fn departure(&self, word: &str, departure: &Departure) -> (String, String) {
        let title = format!("{word}: {}", departure.reason.label().to_lowercase());
        let said = format!("By {} on {}.", self.by(departure.by), in_words(departure.since));
        (title, with_note(&departure.note, &said))
    }

    /// What it is, and what belongs to it.
    fn of(&self, cause: &Cause) -> (String, String) {
        match cause {
            Cause::Pending(awaits) => ("Not approved yet".to_owned(), awaited(awaits)),
            Cause::Suspended(departure) => self.departure("Suspended", departure),
            Cause::Deprovisioned(departure) => self.departure("Deprovisioned", departure),
            Cause::Trashed { since, until, by } => (
                "In the trash".to_owned(),
                format!(
                    "Deleted by {} on {}; can be restored until {}, as suspended.",
                    self.by(*by),
                    in_words(*since),
                    in_words(*until)
                ),
            ),
            Cause::Locked { until, note, since, by } => {
                let until =
                    until.map_or("until somebody unlocks".to_owned(), |at| format!("until {}", in_words(at)));
                let said = format!("By {} on {}, {until}.", self.by(*by), in_words(*since));
                ("Locked by an administrator".to_owned(), with_note(note, &said))
            }
            Cause::OtherOrganization(stray) => (
                format!("Tried at “{}”, which does not exist", stray.slug),
                format!("Last on {}. Send the right address: {}", in_words(stray.at), self.address),
            ),
            Cause::ServiceUser => (
                "A service user".to_owned(),
                "It has no password and signs in nowhere; programs use an API token of its own.".to_owned(),
            ),
            Cause::NotActivated | Cause::NoInvitation => invited_nowhere(cause),
            Cause::InvitationExpired(_)
            | Cause::InvitationUndelivered { .. }
            | Cause::InvitationNotOpened(_)
            | Cause::InvitationNotAccepted(_) => invitation(cause),
            _ => password(cause),
        }
    }
}

fn with_note(note: &str, said: &str) -> String {
    if note.is_empty() { said.to_owned() } else { format!("“{note}” {said}") }
}

fn awaited(awaits: &[Awaited]) -> String {
    let words = |awaited: &Awaited| match awaited {
        Awaited::Email => "that the person proves the email address",
        Awaited::Approval => "that an administrator approves",
    };
    format!("What is missing: {}.", awaits.iter().map(words).collect::<Vec<_>>().join(", and "))
}

fn invited_nowhere(cause: &Cause) -> (String, String) {
    if *cause == Cause::NotActivated {
        let text =
            "The account exists, and nobody has been told. Send an invitation, or set a temporary password.";
        return ("Not activated yet".to_owned(), text.to_owned());
    }
    let text = "There is no open invitation any more. Send one, or set a temporary password.";
    ("No invitation is out".to_owned(), text.to_owned())
}

fn invitation(cause: &Cause) -> (String, String) {
    let (title, text) = match cause {
        Cause::InvitationExpired(at) => {
            ("The invitation has expired", format!("It could be accepted until {}.", in_words(*at)))
        }
        Cause::InvitationUndelivered { is_final: true, why } => (
            "The invitation could not be delivered",
            format!(
                "The mail server says: {}. Correct the address, then send it again.",
                why.trim_end_matches('.')
            ),
        ),
        Cause::InvitationUndelivered { why, .. } => (
            "The invitation is not delivered yet",
            format!("It is tried again by itself. The last answer: {}.", why.trim_end_matches('.')),
        ),
        Cause::InvitationNotAccepted(at) => (
            "The invitation was opened and not accepted",
            format!("Its page was first looked at on {}. A password must be chosen there.", in_words(*at)),
        ),
        Cause::InvitationNotOpened(at) => (
            "The invitation was not opened yet",
            format!("Sent on {}. Perhaps it lies among the unwanted mail.", in_words(*at)),
        ),
        _ => ("", String::new()),
    };
    (title.to_owned(), text)
}

fn password(cause: &Cause) -> (String, String) {
    let (title, text) = match cause {
        Cause::PasswordLocked { until, .. } if *until == Timestamp::MAX => (
            "Locked by its owner",
            "The owner said that a sign-in was somebody else. The password is refused until another one is chosen or set."
                .to_owned(),
        ),
        Cause::PasswordLocked { until, failures, addresses } => {
            let from = match addresses.as_slice() {
                [] => String::new(),
                [one] => format!(" from {one}"),
                many => format!(" from {} addresses, the latest {}", many.len(), many[0]),
            };
            let many = if *failures > 0 { format!("{failures} failures{from}. ") } else { String::new() };
            ("Too many wrong passwords", format!("{many}The password is refused until {}.", in_words(*until)))
        }
        Cause::Throttled { address, until, failures } => (
            "Too many tries from one address",
            format!(
                "{failures} tries from {address}. From there, the password is refused until {}; from elsewhere it works.",
                in_words(*until)
            ),
        ),
        Cause::NoPassword => ("There is no password", "There is nothing to sign in with.".to_owned()),
        Cause::TemporaryPasswordEnded(at) => {
            ("The temporary password has ended", format!("It worked until {}.", in_words(*at)))
        }
        Cause::NotYetValid(from) => {
            ("Not valid yet", format!("Signing in works from {} on.", in_words(*from)))
        }
        Cause::Ended(until) => {
            ("The end date has passed", format!("The account was valid until {}.", in_words(*until)))
        }
        Cause::WrongPassword { count, last, address } => {
            let times = if *count == 1 { "Once".to_owned() } else { format!("{count} times") };
            let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
            (
                "A wrong password was typed",
                format!("{times} since the last sign-in, lately on {}{from}.", in_words(*last)),
            )
        }
        Cause::MailUndelivered { kind, address, why } => (
            "A mail did not arrive",
            format!("“{}” to {address}: {}.", kind.label(), why.trim_end_matches('.')),
        ),
        Cause::MustChangePassword => (
            "Another password must be chosen",
            "After signing in, a page asks for it before anything else opens.".to_owned(),
        ),
        _ => ("", String::new()),
    };
    (title.to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::{distance, may_be_ours};

    #[test]
    fn a_plain_name_counts_only_where_the_organization_was_nearly_right() {
        assert_eq!((distance("acme", "acme"), distance("acne", "acme"), distance("", "acme")), (0, 1, 4));
        for (name, tried, expected) in [
            ("ana.silva", "acmee", true),
            ("ana.silva", "acme-inc", true),
            ("ana.silva", "contoso", false),
            ("ana@acme.example", "contoso", true),
        ] {
            assert_eq!(may_be_ours(name, tried, "acme"), expected, "{name} {tried}");
        }
    }
}
