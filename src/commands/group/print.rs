//! Groups on the terminal: one line each in a list, everything about one, who is in one.

use app::groups::{DeletedGroup, MemberVerdict, Verdict};
use model::Result;
use serde_json::json;

use crate::{
    command::GroupOutcome,
    output::{self, Table},
    times::day,
    view::{GroupView, MemberView, RoleView},
};

/// Numbers are counted so far.
const COUNTED: i64 = 10_000;

/// What came of a deed; `past` says what became of the group or the user.
pub(super) fn outcome(outcome: GroupOutcome, past: &str, dry_run: bool, as_json: bool) -> Result<()> {
    match outcome {
        GroupOutcome::Groups { items, next } if as_json => {
            output::json(&json!({ "items": items, "next_page_token": next }))
        }
        GroupOutcome::Members { items, next } if as_json => {
            output::json(&json!({ "items": items, "next_page_token": next }))
        }
        GroupOutcome::Group(group) if as_json => output::json(&group),
        GroupOutcome::Deleted(deleted) if as_json => output::json(&deleted),
        GroupOutcome::User(user) if as_json => output::json(&user),
        GroupOutcome::Verdicts(verdicts) if as_json => output::json(&verdicts),
        GroupOutcome::Groups { items, next } => list(&items, next.as_deref()),
        GroupOutcome::Members { items, next } => members(&items, next.as_deref()),
        GroupOutcome::Group(group) if past.is_empty() => one(&group),
        GroupOutcome::Group(group) => said(&group.name, past, dry_run),
        GroupOutcome::Deleted(deleted) => gone(&deleted, dry_run),
        GroupOutcome::User(user) => said(&format!("{} ({})", user.name(), user.username()), past, dry_run),
        GroupOutcome::Verdicts(all) => verdicts(&all, dry_run),
    }
}

fn said(who: &str, past: &str, dry_run: bool) -> Result<()> {
    output::line(if dry_run {
        format!("{who} would be {past}. Nothing was changed.")
    } else {
        format!("{who} was {past}.")
    })
}

fn count(number: i64) -> String {
    if number > COUNTED { "over 10,000".to_owned() } else { number.to_string() }
}

fn list(groups: &[GroupView], next: Option<&str>) -> Result<()> {
    let mut table = Table::new(["NAME", "MEMBERS", "GROUPS", "ROLES", "DESCRIPTION"]);
    for group in groups {
        table.row([
            group.name.clone(),
            count(group.members),
            count(group.groups),
            roles(&group.roles),
            group.description.clone(),
        ]);
    }
    if table.is_empty() {
        output::note("No group matches.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    more(next);
    Ok(())
}

fn more(next: Option<&str>) {
    if let Some(token) = next {
        output::note(format!("There are more: go on with --page-token {token}"));
    }
}

fn roles(roles: &[RoleView]) -> String {
    let label = |role: &RoleView| match role.over.as_str() {
        "" => role.name.clone(),
        over => format!("{} over {over}", role.name),
    };
    let names: Vec<String> = roles.iter().map(label).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn one(group: &GroupView) -> Result<()> {
    let mut lines = vec![("Name", group.name.clone())];
    if !group.description.is_empty() {
        lines.push(("Description", group.description.clone()));
    }
    lines.push(("Members", count(group.members)));
    lines.push(("With groups", count(group.users.unwrap_or(group.members))));
    lines.push(("Groups in it", count(group.groups)));
    lines.extend(group.parents.iter().map(|parent| ("Stands in", parent.clone())));
    for role in &group.roles {
        let until = role.valid_until.map(|until| format!(" until {}", day(Some(until)))).unwrap_or_default();
        let since = role.granted_at.map(|at| format!(", since {}", day(Some(at)))).unwrap_or_default();
        lines.push(("Role", format!("{}{until}{since}", roles(std::slice::from_ref(role)))));
    }
    lines.extend(group.owners.iter().map(|owner| ("Owner", owner.clone())));
    lines.push(("Source", group.source.clone()));
    lines.push(("Created", day(Some(group.created_at))));
    lines.push(("Id", group.id.to_string()));
    lines.push(("Version", group.version.to_string()));
    let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name:<14}{value}\n")).collect();
    output::write(&lines.concat())
}

fn gone(deleted: &DeletedGroup, dry_run: bool) -> Result<()> {
    let (name, touched) = (&deleted.group.fields.name, deleted.touched);
    let users = if touched.users == 1 { "user" } else { "users" };
    let groups = if touched.groups == 1 { "group" } else { "groups" };
    let whom = format!("{} {users} and {} {groups}", count(touched.users), count(touched.groups));
    output::line(if dry_run {
        format!("{name} would be deleted. That would touch {whom} in it. Nothing was changed.")
    } else {
        format!("{name} was deleted. That touched {whom} in it.")
    })
}

fn members(members: &[MemberView], next: Option<&str>) -> Result<()> {
    let mut table = Table::new(["NAME", "USERNAME", "STATUS", "THROUGH", "SINCE", "UNTIL"]);
    for member in members {
        table.row([
            member.name.clone(),
            member.username.clone(),
            member.status.label().to_owned(),
            if member.direct { "-".to_owned() } else { member.through.join(" > ") },
            day(member.valid_from.or(member.granted_at)),
            day(member.valid_until),
        ]);
    }
    if table.is_empty() {
        output::note("Nobody is in this group.");
        return Ok(());
    }
    output::write(&table.to_string())?;
    more(next);
    Ok(())
}

/// Whether anybody on the list was refused.
pub(super) fn has_refusals(verdicts: &[MemberVerdict]) -> bool {
    verdicts.iter().any(|found| matches!(found.verdict, Verdict::Refused { .. }))
}

fn verdicts(verdicts: &[MemberVerdict], dry_run: bool) -> Result<()> {
    let number = |wanted: &Verdict| verdicts.iter().filter(|found| found.verdict == *wanted).count();
    let (added, unchanged) = (number(&Verdict::Added), number(&Verdict::Unchanged));
    let refused = verdicts.len() - added - unchanged;
    for found in verdicts {
        if let Verdict::Refused { message, .. } = &found.verdict {
            output::note(format!("{}: {message}", found.line));
        }
    }
    output::line(if dry_run {
        format!("{added} would be put in, {unchanged} are in it already, {refused} would be refused.")
    } else {
        format!("{added} put in, {unchanged} were in it already, {refused} refused.")
    })
}
