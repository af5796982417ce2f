//! Users on the terminal: one line each in a list, everything about one.

use std::fmt::Write as _;

use app::explain_sign_in::Explanation;
use model::{Result, explanation::Fix, lifecycle::ActionName};

use super::super::unexpected;
use crate::{
    command::Outcome,
    output::{self, Table},
    times::{day, minute},
    view::{RoleView, UserView},
};

/// What came of a deed about one user.
pub(super) fn outcome(outcome: Outcome, past: &str, dry_run: bool, as_json: bool) -> Result<()> {
    match outcome {
        Outcome::User(user) if as_json => output::json(&user),
        Outcome::User(user) if past.is_empty() => one(&user),
        Outcome::User(user) => output::line(sentence(&user, past, dry_run)),
        Outcome::Password { user, password, .. } if as_json => {
            output::json(&serde_json::json!({ "user": user, "password": password }))
        }
        Outcome::Password { user, password, tokens } => {
            output::line(sentence(&user, past, dry_run))?;
            if tokens > 0 {
                let username = user.username();
                output::note(format!(
                    "Older API tokens still work: {tokens}. `muster token list --user {username}` shows them, `muster token \
                     revoke --user {username}` revokes them."
                ));
            }
            let Some(password) = password else { return Ok(()) };
            let until = user.password.and_then(|password| password.expires_at);
            let until = until.map(|until| format!(" It works until {}.", minute(until)));
            output::line(format!(
                "\n  {password}\n\nThis password is not shown again and must be changed at the first sign-in.{}",
                until.unwrap_or_default()
            ))
        }
        other => unexpected(&other),
    }
}

fn sentence(user: &UserView, past: &str, dry_run: bool) -> String {
    let (name, username, status) = (user.name(), user.username(), user.status.label());
    if dry_run {
        format!("{name} ({username}) would be {past} and then be {status}. Nothing was changed.")
    } else {
        format!("{name} ({username}) was {past}. Status: {status}.")
    }
}

/// Why somebody, named as `who`, can't sign in.
pub(super) fn explanation(found: &Explanation, who: &str, as_json: bool) -> Result<()> {
    if as_json {
        return output::json(found);
    }
    let mut text = String::new();
    if !found.is_blocked {
        text.push_str("Nothing stands in the way of signing in.\n");
    }
    for cause in &found.causes {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}\n  {}", cause.title, cause.text);
        for offered in &cause.fixes {
            let _ = writeln!(text, "  -> {}", way_out(offered.fix, &offered.label, who));
        }
    }
    let last = found.last_sign_in_at.map_or_else(|| "never".to_owned(), minute);
    let _ = writeln!(text, "Last sign-in: {last}. They sign in at {}", found.address);
    output::write(&text)
}

/// What to type, where there is a command for it.
fn way_out(fix: Fix, label: &str, who: &str) -> String {
    let verb = match fix {
        Fix::Unlock => "unlock",
        Fix::SendResetLink => "send-reset-link",
        Fix::SetPassword => "set-password",
        Fix::Reactivate => "reactivate",
        Fix::Restore => "restore",
        Fix::Settle => "approve",
        Fix::Edit => "edit",
        Fix::Invite => return format!("{label}: muster invitation resend {who}"),
    };
    format!("{label}: muster user {verb} {who}")
}

/// The list; `common`: more than so many match what was searched.
pub(super) fn list(users: &[UserView], next: Option<&str>, common: Option<u32>, as_json: bool) -> Result<()> {
    if as_json {
        let mut page = serde_json::json!({ "items": users, "next_page_token": next });
        if let Some(most) = common {
            page["more_than"] = most.into();
        }
        return output::json(&page);
    }
    let mut table = Table::new(["NAME", "USERNAME", "EMAIL", "STATUS", "ROLES", "LAST SIGN-IN"]);
    for user in users {
        table.row([
            user.name().to_owned(),
            user.username().to_owned(),
            user.fields.email.clone().unwrap_or_else(|| "-".to_owned()),
            user.status.label().to_owned(),
            roles(&user.roles),
            day(user.last_sign_in_at),
        ]);
    }
    if table.is_empty() {
        output::note("Nobody matches.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    if next.is_some() {
        output::note(format!("{} shown; there are more. Use --limit or --all.", users.len()));
    }
    if let Some(most) = common {
        output::note(format!(
            "More than {most} match: those whose name, username or email begins with it come first. Search for more to have \
             them sorted."
        ));
    }
    Ok(())
}

/// The strongest role and how many more.
fn roles(roles: &[RoleView]) -> String {
    match roles {
        [] => "Member".to_owned(),
        [one] => one.name.clone(),
        [first, more @ ..] => format!("{} +{}", first.name, more.len()),
    }
}

/// Everything about one user.
fn one(user: &UserView) -> Result<()> {
    let mut lines = vec![("Name", user.name().to_owned()), ("Status", standing(user))];
    lines.extend(record(user));
    for role in &user.roles {
        let until = role.valid_until.map(|until| format!(" until {}", minute(until))).unwrap_or_default();
        let since = role.granted_at.map(|at| format!(", since {}", minute(at))).unwrap_or_default();
        let over = if role.over.is_empty() { String::new() } else { format!(" over {}", role.over) };
        lines.push(("Role", format!("{}{over}{until}{since}", role.name)));
    }
    lines.extend(user.groups.iter().map(|group| ("Group", group.clone())));
    lines.push(("Password", password(user)));
    lines.push(("Created", minute(user.created_at)));
    let times = [("Joined", user.joined_at), ("Last sign-in", user.last_sign_in_at)];
    lines.extend(times.into_iter().filter_map(|(name, at)| Some((name, minute(at?)))));
    lines.push(("Id", user.id.to_string()));
    lines.push(("Version", user.version.to_string()));
    let possible: Vec<&str> = user.possible.iter().map(|action| command(*action)).collect();
    lines.push((
        "Possible next",
        if possible.is_empty() { "nothing".to_owned() } else { possible.join(", ") },
    ));
    let mut text = String::new();
    for (name, value) in lines {
        let value = value.replace('\n', "\n                 ");
        let _ = writeln!(text, "{name:<16} {value}");
    }
    output::write(&text)
}

/// The command that does it, below `muster user` unless it names another noun.
fn command(action: ActionName) -> &'static str {
    match action {
        ActionName::Invite => "invitation resend",
        ActionName::CancelInvitation => "invitation cancel",
        ActionName::Settle => "approve",
        // None of them is of two words.
        other => other.as_str(),
    }
}

fn standing(user: &UserView) -> String {
    let mut text = user.status.label().to_owned();
    if let Some(why) = &user.departure {
        let _ = write!(text, " since {}: {}", minute(why.since), why.reason.label());
        if !why.note.is_empty() {
            let _ = write!(text, "\n{}", why.note);
        }
    }
    if let Some(until) = user.restorable_until {
        let _ = write!(text, ", restorable until {}", minute(until));
    }
    if let Some(lock) = &user.lock {
        let until = lock
            .until
            .map_or_else(|| "until unlocked".to_owned(), |until| format!("until {}", minute(until)));
        let _ = write!(text, " {until}");
        if !lock.note.is_empty() {
            let _ = write!(text, "\n{}", lock.note);
        }
    }
    if let Some(until) = user.password_locked_until {
        let _ =
            write!(text, "\nToo many wrong passwords: password sign-in is refused until {}", minute(until));
    }
    text
}

fn password(user: &UserView) -> String {
    let Some(password) = user.password else { return "-".to_owned() };
    let Some(set_at) = password.set_at else { return "none".to_owned() };
    let mut text = format!("set {}", minute(set_at));
    if let Some(until) = password.expires_at {
        let _ = write!(text, ", temporary until {}", minute(until));
    }
    if password.must_change {
        text.push_str(", must be changed");
    }
    text
}

/// The fields that are there.
fn record(user: &UserView) -> Vec<(&'static str, String)> {
    let fields = &user.fields;
    let texts = [
        ("Username", &fields.username),
        ("Email", &fields.email),
        ("Work phone", &fields.phone),
        ("Mobile", &fields.mobile),
        ("Personal email", &fields.personal_email),
        ("Personal phone", &fields.personal_phone),
        ("Title", &fields.title),
        ("Department", &fields.department),
        ("Division", &fields.division),
        ("Cost centre", &fields.cost_centre),
        ("Employee number", &fields.employee_number),
        ("Language", &fields.locale),
        ("Time zone", &fields.time_zone),
        ("Notes", &fields.notes),
    ];
    let mut lines: Vec<_> =
        texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))).collect();
    lines.insert(0, ("Type", fields.kind().as_str().replace('_', " ")));
    if let Some(address) = &fields.address {
        let parts = [&address.street, &address.postal_code, &address.city, &address.region, &address.country];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        lines.push(("Address", parts.join(", ")));
    }
    let dates = [("Valid from", fields.valid_from), ("Valid until", fields.valid_until)];
    lines.extend(dates.into_iter().filter_map(|(name, at)| Some((name, minute(at?)))));
    if !fields.tags.is_empty() {
        lines.push(("Tags", fields.tags.join(", ")));
    }
    if !fields.attributes.is_empty() {
        lines.push(("Attributes", serde_json::to_string(&fields.attributes).unwrap_or_default()));
    }
    lines
}
