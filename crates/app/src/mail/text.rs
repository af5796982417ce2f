//! What mails say: from the files in `emails`, one per kind, each the subject and plain paragraphs.
//!
//! The text part is the file as it is; the HTML part is made of the same paragraphs in `emails/layout.html`, so that the
//! two can't differ. A line `-> Label: address` is a button, a paragraph whose lines begin with `>` is quoted.

use askama::Template;
use model::{Error, Result, bidi::isolated, mail::MailKind};

/// What every mail can speak of. Empty where it has nothing to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    /// The organization's name.
    pub(crate) org: String,
    /// The organization's sign-in page.
    pub(crate) home: String,
    /// The reader's given name, or nothing.
    pub(crate) name: String,
    /// The reader's username.
    pub(crate) username: String,
    /// Who caused it.
    pub(crate) by: String,
    /// What somebody wrote along, line by line.
    pub(crate) message: Vec<String>,
    /// The other address, the device, the role.
    pub(crate) about: String,
    /// From where.
    pub(crate) place: String,
    /// When it happened, or until when it holds.
    pub(crate) at: String,
    /// Where the link leads.
    pub(crate) link: String,
    /// Until when the link opens.
    pub(crate) until: String,
}

/// A mail in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Subject.
    pub subject: String,
    /// Text part.
    pub text: String,
    /// HTML part.
    pub html: String,
}

/// One template per kind; the compiler finds a file that is missing.
macro_rules! kinds {
    ($($kind:ident => $type:ident, $path:literal;)+) => {
        $(
            #[derive(Template)]
            #[template(path = $path, escape = "none")]
            struct $type<'w> { w: &'w Words }
        )+

        fn render(kind: MailKind, w: &Words) -> askama::Result<String> {
            match kind { $(MailKind::$kind => $type { w }.render(),)+ }
        }
    };
}

kinds! {
    Invitation => Invitation, "invitation.txt";
    Activation => Activation, "activation.txt";
    InvitationReminder => InvitationReminder, "invitation_reminder.txt";
    PasswordReset => PasswordReset, "password_reset.txt";
    EmailVerification => EmailVerification, "email_verification.txt";
    EmailChanged => EmailChanged, "email_changed.txt";
    EmailChangedByAdministrator => EmailChangedByAdministrator, "email_changed_by_administrator.txt";
    PasswordChanged => PasswordChanged, "password_changed.txt";
    TokenCreated => TokenCreated, "token_created.txt";
    PasswordLocked => PasswordLocked, "password_locked.txt";
    NewDevice => NewDevice, "new_device.txt";
    MadeAdministrator => MadeAdministrator, "made_administrator.txt";
    AccessEnding => AccessEnding, "access_ending.txt";
    GrantEnding => GrantEnding, "grant_ending.txt";
    ResponsibleGone => ResponsibleGone, "responsible_gone.txt";
    OwnersChanged => OwnersChanged, "owners_changed.txt";
    AuditAlarm => AuditAlarm, "audit_alarm.txt";
    AccountUnavailable => AccountUnavailable, "account_unavailable.txt";
    OrganizationFound => OrganizationFound, "organization_found.txt";
    DataExport => DataExport, "data_export.txt";
    Test => Test, "test.txt";
}

/// A piece of the HTML part.
enum Part<'t> {
    Paragraph(&'t str),
    Quote(Vec<&'t str>),
    Button { label: &'t str, to: &'t str },
}

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'t> {
    w: &'t Words,
    subject: &'t str,
    parts: Vec<Part<'t>>,
}

#[derive(Template)]
#[template(path = "layout.txt", escape = "none")]
struct TextLayout<'t> {
    w: &'t Words,
    body: &'t str,
}

/// Writes a mail of a kind.
pub(crate) fn write(kind: MailKind, words: &Words) -> Result<Written> {
    let rendered = render(kind, words).map_err(Error::internal)?;
    let (subject, body) = rendered.split_once('\n').unwrap_or((&rendered, ""));
    let subject = subject.strip_prefix("Subject: ").unwrap_or(subject).trim();
    let blocks: Vec<&str> = body.split("\n\n").map(str::trim).filter(|block| !block.is_empty()).collect();
    let parts = blocks.iter().map(|block| part(block)).collect();
    let html = Layout { w: words, subject, parts }.render().map_err(Error::internal)?;
    let body: Vec<String> = blocks.iter().map(|block| plain(block)).collect();
    let text = TextLayout { w: words, body: &body.join("\n\n") }.render().map_err(Error::internal)?;
    // No markup is long enough to stand inside of a name: its letters are of another direction.
    let shown = |text: &str| isolated(text).into_owned();
    Ok(Written { subject: shown(subject), text: shown(&text), html: shown(&html) })
}

fn part(block: &str) -> Part<'_> {
    if let Some((label, to)) = block.strip_prefix("-> ").and_then(|rest| rest.split_once(": ")) {
        return Part::Button { label, to };
    }
    if block.lines().all(|line| line.starts_with('>')) {
        return Part::Quote(block.lines().map(|line| line[1..].trim()).collect());
    }
    Part::Paragraph(block)
}

/// A button in plain text: its label, and the address on a line of its own.
fn plain(block: &str) -> String {
    match part(block) {
        Part::Button { label, to } => format!("{label}:\n{to}"),
        Part::Quote(_) | Part::Paragraph(_) => block.to_owned(),
    }
}
