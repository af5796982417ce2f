//! Giving a user a role or a place in a group: for good (“Add role”), or until an end (“Temporary access”), which can be
//! extended and ended at once. Replacing all roles is `roles.rs`.

use std::time::Duration;

use app::Person;
use axum::{http::StatusCode, response::Response};
use model::{
    Error, GroupId, Permission, Result, RoleKey, Timestamp, UserId,
    grant::{Given, GrantTerms},
    group::Group,
    role::Scope,
};
use serde::Deserialize;

use super::{
    done::Done,
    lifecycle::show,
    questions::Question,
    user_forms::{grantable, role_field},
    view::{
        form::{Choice, Control, Field},
        parts::Action,
    },
    visit::{Visit, shown_again},
    words::{clocks, full, parse_time},
};
use crate::{
    extract::{Fields, Id, Query},
    problem::Answer,
};

/// How long, as offered: hours and words.
const SPANS: [(u64, &str); 4] = [(1, "1 hour"), (8, "8 hours"), (24, "1 day"), (168, "7 days")];
/// The choice that is a group: with its id, or alone and then named.
const GROUP: &str = "group";
/// So many groups are offered.
const OFFERED: u16 = 60;

/// What is extended or ended, as the address names it: a role with its scope, or a group.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct What {
    role: String,
    over: String,
    group: String,
}

/// One thing that a person holds directly.
enum Held {
    Role(RoleKey, Scope),
    Group(GroupId),
}

impl What {
    fn named(&self) -> Option<Held> {
        if !self.group.is_empty() {
            return self.group.parse().ok().map(Held::Group);
        }
        let role = RoleKey::parse(&self.role)?;
        let over = if self.over.is_empty() { None } else { Some(self.over.parse().ok()?) };
        Some(Held::Role(role, over.map_or(Scope::Org, Scope::Group)))
    }

    fn query(&self) -> String {
        let pairs = [("role", &self.role), ("over", &self.over), ("group", &self.group)];
        let pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// Where a held role is extended or ended.
pub(crate) fn of_role(path: &str, role: RoleKey, scope: Scope) -> String {
    let over = scope.group().map(|group| group.to_string()).unwrap_or_default();
    format!("{path}{}", What { role: role.to_string(), over, ..What::default() }.query())
}

/// The same of a membership.
pub(crate) fn of_group(path: &str, group: GroupId) -> String {
    format!("{path}{}", What { group: group.to_string(), ..What::default() }.query())
}

/// What can be done about an end that is to come.
pub(crate) fn ending(
    visit: &Visit,
    user: UserId,
    given: &Given,
    now: Timestamp,
    ways: impl Fn(&str) -> String,
) -> Vec<Action> {
    if given.terms.valid_until.is_none_or(|until| until <= now) {
        return Vec::new();
    }
    vec![
        Action::dialog("Extend", visit.at_user(user, &ways("/temporary-access")), "clock"),
        Action::dialog("End now", visit.at_user(user, &ways("/end-access")), "close"),
    ]
}

/// What was typed before, when the form is shown again.
#[derive(Clone, Copy)]
struct Kept<'f>(Option<&'f Fields>);

impl<'f> Kept<'f> {
    fn get(self, field: &str) -> &'f str {
        self.0.map_or("", |sent| sent.get(field))
    }
}

/// What is held, by name, and on what terms.
fn held_by<'p>(person: &'p Person, held: &Held) -> Option<(String, &'p GrantTerms)> {
    match held {
        Held::Role(role, scope) => {
            let mut grants = person.grants.iter();
            let grant = grants.find(|grant| grant.role == *role && grant.scope == *scope)?;
            let over = match grant.scope_name.as_str() {
                "" => String::new(),
                group => format!(" over {group}"),
            };
            Some((format!("{}{over}", grant.name), &grant.given.terms))
        }
        Held::Group(group) => {
            let membership = person.memberships.iter().find(|held| held.group == *group)?;
            Some((membership.name.clone(), &membership.given.terms))
        }
    }
}

/// `GET /o/{slug}/users/{id}/temporary-access`
pub(crate) async fn temporary_page(
    visit: Visit,
    Id(id): Id<UserId>,
    Query(what): Query<What>,
) -> Answer<Response> {
    let person = reachable(&visit, id).await?;
    ask(&visit, &person, &what, true, StatusCode::OK, None, None).await
}

/// `GET /o/{slug}/users/{id}/add-role`
pub(crate) async fn add_page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = reachable(&visit, id).await?;
    ask(&visit, &person, &What::default(), false, StatusCode::OK, None, None).await
}

/// `POST /o/{slug}/users/{id}/temporary-access`
pub(crate) async fn give_temporarily(
    visit: Visit,
    Id(id): Id<UserId>,
    Query(what): Query<What>,
    fields: Fields,
) -> Answer<Response> {
    give(&visit, id, &what, true, fields).await
}

/// `POST /o/{slug}/users/{id}/add-role`
pub(crate) async fn add(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    give(&visit, id, &What::default(), false, fields).await
}

async fn reachable(visit: &Visit, id: UserId) -> Answer<Person> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    visit.caller.actor.rights.may_change(&person.rights)?;
    Ok(person)
}

async fn ask(
    visit: &Visit,
    person: &Person,
    what: &What,
    is_temporary: bool,
    status: StatusCode,
    error: Option<&Error>,
    sent: Option<&Fields>,
) -> Answer<Response> {
    let name = person.user.name();
    let extended = what.named().and_then(|held| held_by(person, &held));
    let kept = Kept(sent);
    let mut fields = Vec::new();
    if extended.is_none() {
        fields = what_fields(visit, is_temporary, kept).await?;
    }
    fields.extend(span_fields(is_temporary, extended.is_some(), kept));
    let reason = match (&extended, sent) {
        (Some((_, terms)), None) if terms.copied_from().is_none() => terms.reason.as_str(),
        _ => kept.get("reason"),
    };
    fields.push(
        Field::text("reason", "Reason")
            .value(reason)
            .limit(500)
            .hint("Stands beside it, and in the audit log."),
    );
    if let Some(first) = fields.first_mut() {
        first.autofocus = true;
    }
    let (title, lead, submit) = match (&extended, is_temporary) {
        (Some((what, terms)), _) => {
            let now = terms.valid_until.map_or("It has no end at present.".to_owned(), |until| {
                format!("It ends on {} at present.", full(until))
            });
            (format!("Extend {what} of {name}"), now, "Extend")
        }
        (None, true) => {
            let lead =
                format!("{name} gets it now, and loses it by itself at the end. Roles held otherwise stay.");
            (format!("Temporary access for {name}"), lead, "Give access")
        }
        (None, false) => (
            format!("Add a role to {name}"),
            "The roles held so far stay. It takes effect at once.".to_owned(),
            "Add role",
        ),
    };
    let asked = Question {
        title,
        icon: if is_temporary { "clock" } else { "shield" },
        lead,
        consequences: if is_temporary {
            vec!["A mail says so before it ends.".to_owned()]
        } else {
            Vec::new()
        },
        advice: None,
        fields,
        submit: submit.to_owned(),
        danger: false,
    };
    let path =
        if is_temporary { format!("/temporary-access{}", what.query()) } else { "/add-role".to_owned() };
    show(visit, person, &path, asked, status, error).await
}

/// Which role, or which group. Groups that are too many to be offered are named.
async fn what_fields(visit: &Visit, is_temporary: bool, kept: Kept<'_>) -> Result<Vec<Field>> {
    let roles = grantable(visit, &[]).await?;
    let chosen = kept.get("role");
    let choice = |key: String, name: String| {
        let is_chosen = chosen == key;
        Choice::new(key, name).chosen(is_chosen)
    };
    // The strongest stands first: nobody shall give it by not looking.
    let mut choices = vec![choice(String::new(), "Choose …".to_owned())];
    choices.extend(roles.iter().map(|role| choice(role.key.to_string(), role.name.clone())));
    if !is_temporary {
        let over = Field::text("over", "Over a group only")
            .value(kept.get("over"))
            .hint("Its name. Left empty: in the whole organization.");
        return Ok(vec![role_field("Role", choices, &roles), over]);
    }
    let (mut groups, mut more) = (Vec::new(), false);
    if visit.may(Permission::GroupAssign) {
        let found = visit.app().groups_to_give(&visit.caller.actor, OFFERED).await?;
        (groups, more) = (found.groups, found.more);
    }
    let place = |group: &Group| {
        choice(format!("{GROUP}:{}", group.id), format!("In the group {}", group.fields.name))
    };
    choices.extend(groups.iter().map(place));
    let mut fields = Vec::new();
    if more {
        choices.push(choice(GROUP.to_owned(), "In another group".to_owned()));
        let named = Field::text("group", "Group").value(kept.get("group")).hint("Its name.");
        fields.push(named.shown_when("role", GROUP));
    }
    fields.insert(0, role_field("Role or group", choices, &roles));
    Ok(fields)
}

/// For how long.
fn span_fields(is_temporary: bool, extends: bool, kept: Kept<'_>) -> [Field; 2] {
    let chosen = match kept.get("span") {
        "" if is_temporary => "8",
        "" => "",
        span => span,
    };
    let mut spans: Vec<Choice> = SPANS
        .into_iter()
        .map(|(hours, words)| Choice::new(hours.to_string(), words).chosen(chosen == hours.to_string()))
        .collect();
    if !is_temporary {
        spans.insert(0, Choice::new("", "For good").chosen(chosen.is_empty()));
    }
    let label = if extends { "By how long" } else { "For how long" };
    spans.push(Choice::new("until", "Until …").chosen(chosen == "until"));
    [
        Field::new("span", label, Control::Select(spans)).required().half(),
        Field::new("until", "Until", Control::Input("datetime-local"))
            .value(kept.get("until"))
            .half()
            .hint(clocks())
            .shown_when("span", "until"),
    ]
}

/// On which terms, as the form says: for so long from `start` on.
fn terms(fields: &Fields, is_temporary: bool, start: Timestamp) -> Result<GrantTerms> {
    let missing = || Error::invalid_field("until", "grant.end_missing", "Say when it ends.");
    let until = match fields.get("span") {
        "" if !is_temporary => None,
        "until" => {
            let text = fields.filled("until").ok_or_else(missing)?;
            Some(parse_time("until", text)?)
        }
        span => {
            let hours: u64 = span
                .parse()
                .ok()
                .filter(|hours| (1..=8784).contains(hours))
                .ok_or_else(|| Error::invalid_field("span", "grant.span", "Choose for how long."))?;
            Some(start.plus(Duration::from_secs(hours * 3600)))
        }
    };
    Ok(GrantTerms::until(until, fields.get("reason")))
}

async fn give(
    visit: &Visit,
    id: UserId,
    what: &What,
    is_temporary: bool,
    fields: Fields,
) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let person = visit.app().user(&visit.caller.actor, id).await?;
    match carry_out(visit, &person, what, is_temporary, &fields).await {
        Ok(person) => {
            let done = if is_temporary { Done::AccessGiven } else { Done::RolesChanged };
            Ok(visit.done(&visit.at_user(id, ""), done, person.user.name()))
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(visit, &person, what, is_temporary, status, Some(&error), Some(&fields)).await
        }
    }
}

async fn carry_out(
    visit: &Visit,
    person: &Person,
    what: &What,
    is_temporary: bool,
    fields: &Fields,
) -> Result<Person> {
    let (app, actor, id) = (visit.app(), &visit.caller.actor, person.user.id);
    let extended = what.named();
    // Extending is never shortening: it counts from the end of before.
    let end = extended.as_ref().and_then(|held| held_by(person, held)?.1.valid_until);
    let start = end.map_or(app.now(), |end| end.max(app.now()));
    let terms = terms(fields, is_temporary, start)?;
    let held = match extended {
        Some(held) => held,
        None if is_temporary && fields.get("role").starts_with(GROUP) => {
            let named = fields.get("role").strip_prefix("group:").unwrap_or_else(|| fields.get("group"));
            Held::Group(group(visit, "group", named).await?)
        }
        None => {
            let missing = || Error::invalid_field("role", "role.missing", "Choose a role.");
            let role = RoleKey::parse(fields.get("role")).ok_or_else(missing)?;
            let scope = match fields.filled("over") {
                Some(name) => Scope::Group(group(visit, "over", name).await?),
                None => Scope::Org,
            };
            Held::Role(role, scope)
        }
    };
    match held {
        Held::Role(role, scope) => app.grant_role(actor, id, role, scope, terms).await,
        Held::Group(group) => app.add_member(actor, group, id, terms).await,
    }
}

async fn group(visit: &Visit, field: &'static str, name: &str) -> Result<GroupId> {
    let missing = || Error::invalid_field(field, "group.missing", "Type the name of a group.");
    let named = visit.app().group_ids(&visit.caller.actor, &[name.to_owned()]).await;
    let unknown = |error: Error| match error.fields().first() {
        Some(refused) => Error::invalid_field(field, "group.unknown", refused.message.clone()),
        None => error,
    };
    named.map_err(unknown)?.first().copied().ok_or_else(missing)
}

/// `GET /o/{slug}/users/{id}/end-access`
pub(crate) async fn end_page(visit: Visit, Id(id): Id<UserId>, Query(what): Query<What>) -> Answer<Response> {
    let person = reachable(&visit, id).await?;
    ask_end(&visit, &person, &what, StatusCode::OK, None).await
}

async fn ask_end(
    visit: &Visit,
    person: &Person,
    what: &What,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let name = person.user.name();
    let found = what.named().and_then(|held| held_by(person, &held));
    let (held, _) = found.ok_or_else(Error::not_found)?;
    let (trying, preview) = visit.caller.actor.previewing();
    let (app, id) = (visit.app(), person.user.id);
    let tried = match what.named().ok_or_else(Error::not_found)? {
        Held::Role(role, scope) => app.revoke_role(&trying, id, role, scope).await,
        Held::Group(group) => app.remove_member(&trying, group, id).await,
    };
    let asked = Question {
        title: format!("End {held} of {name} now?"),
        icon: "close",
        lead: format!(
            "{name} loses it with the next request. What comes another way, such as through groups, stays."
        ),
        consequences: super::access::foreseen(tried, &preview),
        advice: None,
        fields: Vec::new(),
        submit: "End now".to_owned(),
        danger: false,
    };
    show(visit, person, &format!("/end-access{}", what.query()), asked, status, error).await
}

/// `POST /o/{slug}/users/{id}/end-access`
pub(crate) async fn end(
    visit: Visit,
    Id(id): Id<UserId>,
    Query(what): Query<What>,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let (app, actor) = (visit.app(), &visit.caller.actor);
    let result = match what.named().ok_or_else(Error::not_found)? {
        Held::Role(role, scope) => app.revoke_role(actor, id, role, scope).await,
        Held::Group(group) => app.remove_member(actor, group, id).await,
    };
    match result {
        Ok(person) => Ok(visit.done(&visit.at_user(id, ""), Done::AccessEnded, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask_end(&visit, &person, &what, status, Some(&error)).await
        }
    }
}
