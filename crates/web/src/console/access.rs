//! Effective access on pages: a user's tab and one's own, why somebody can or can't do something, and who can.

use std::collections::BTreeMap;

use app::{
    access_paths::{Access, HeldPermission, giver},
    explain_access::{Offer, Why},
    holders::{Holder, Holders},
    impact::Preview,
};
use axum::{http::StatusCode, response::Response};
use model::{
    Permission, Timestamp, UserId,
    access_paths::{Held, HeldRole, Holds, Path, Paths, Step},
    grant::reason_in_words,
    page,
};
use serde::Deserialize;

use super::{
    account,
    actions::Possible,
    user_page,
    view::{
        access::{
            AccessPage, AnswerView, HeldAccess, HeldView, HolderRow, PathView, PermissionView, QuestionGroup,
            Resource, StepView, WhoCanPage,
        },
        frame::Section,
        parts::{Avatar, Badge, Banner, Empty, Link, Menu, Pager, Tone},
    },
    visit::{Part, Visit, html},
    words::{badge, full, moment, number, people, relative},
};
use crate::{
    extract::{Id, Query},
    problem::Answer,
};

type Names = BTreeMap<UserId, String>;

/// What was found by trying a change out, in sentences for the question before it; nothing where it is refused anyhow.
pub(crate) fn foreseen<T>(tried: model::Result<T>, preview: &Preview) -> Vec<String> {
    let impact = tried.ok().and_then(|_| preview.take());
    impact.map(|impact| app::impact::lines(&impact)).unwrap_or_default()
}

/// What is asked of a user's access.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    permission: String,
    cursor: Option<String>,
}

/// `GET /o/{slug}/users/{id}/access`
pub(crate) async fn of_user(
    visit: Visit,
    Id(id): Id<UserId>,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let access = visit.app().access_of(&visit.caller.actor, id).await?;
    let answer = if asked.permission.is_empty() {
        None
    } else {
        let why = visit.app().why(&visit.caller.actor, id, &asked.permission, None).await?;
        Some(answer(&visit, why))
    };
    let name = person.user.name();
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Access", ""),
    ];
    let is_weaker = visit.caller.actor.rights.covers(&person.rights);
    let path = visit.at_user(id, "/access");
    let page = AccessPage {
        frame: visit.frame(&format!("Access of {name}"), Section::Users, crumbs, name).await?,
        heading: user_page::heading(&visit, &person),
        tabs: user_page::tabs(&visit, &person.user, "Access"),
        tabs_label: "About this user",
        menu: Possible::new(&visit, &person.user, is_weaker).menu(&[]),
        questions: questions(&asked.permission, &access.permissions),
        held: held(&visit, access, &path),
        answer,
        path,
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// `GET /o/{slug}/account/access`
pub(crate) async fn own(visit: Visit) -> Answer<Response> {
    let person = visit.app().own_account(&visit.caller.actor).await?;
    let access = visit.app().own_access(&visit.caller.actor).await?;
    let crumbs = vec![Link::new("My account", visit.at("/account")), Link::new("Access", "")];
    let page = AccessPage {
        frame: visit.frame("What you may do", Section::Account, crumbs, "").await?,
        heading: account::heading(&visit, &person),
        tabs: account::tabs(&visit, "Access"),
        tabs_label: "Your account",
        menu: Menu::new(),
        path: String::new(),
        questions: Vec::new(),
        answer: None,
        held: held(&visit, access, ""),
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// What stands before the colon of a permission, as people read it.
fn resource(permission: &str) -> String {
    let name = permission.split(':').next().unwrap_or_default().replace('_', " ");
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// What can be asked about: Muster's permissions, and the applications' that are held.
fn questions(chosen: &str, held: &[HeldPermission]) -> Vec<QuestionGroup> {
    let mut groups: Vec<QuestionGroup> = Vec::new();
    let mut add = |name: &str, sentence: &str| {
        let (label, choice) = (resource(name), (name.to_owned(), sentence.to_owned(), name == chosen));
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.choices.push(choice),
            None => groups.push(QuestionGroup { label, choices: vec![choice] }),
        }
    };
    for permission in Permission::ALL {
        add(permission.as_str(), permission.sentence());
    }
    for own in held.iter().filter(|own| Permission::parse(&own.permission).is_none()) {
        add(&own.permission, &own.permission);
    }
    if !chosen.is_empty()
        && Permission::parse(chosen).is_none()
        && !held.iter().any(|own| own.permission == chosen)
    {
        add(chosen, chosen);
    }
    groups
}

/// What is held with the ways to it; permissions lead to their explanation where `path` says where that is.
fn held(visit: &Visit, access: Access, path: &str) -> HeldAccess {
    let now = visit.app().now();
    let Access { held, permissions, obstacles, names, .. } = access;
    let banner = |text: String| Banner {
        tone: Tone::Amber,
        icon: "alert",
        title: "Nothing of this counts at present".to_owned(),
        lines: vec![text],
        action: None,
    };
    let mut resources: Vec<Resource> = Vec::new();
    for one in &permissions {
        let label = resource(&one.permission);
        let view = permission(one, &held, path);
        match resources.iter_mut().find(|resource| resource.label == label) {
            Some(resource) => resource.permissions.push(view),
            None => resources.push(Resource { label, permissions: vec![view] }),
        }
    }
    let groups = held.groups.iter().map(|group| held_view(group.name.clone(), &group.paths, &names, now));
    HeldAccess {
        banners: obstacles.into_iter().map(|obstacle| banner(obstacle.text)).collect(),
        resources,
        groups: groups.collect(),
        roles: held.roles.iter().map(|role| role_view(role, &names, now)).collect(),
    }
}

fn permission(one: &HeldPermission, held: &Held, path: &str) -> PermissionView {
    let roles = one.roles.iter().filter_map(|place| held.roles.get(*place));
    let roles: Vec<&str> = roles.map(|role| role.name.as_str()).collect();
    let mut through = if one.everyone { "everyone".to_owned() } else { roles.join(", ") };
    if !one.over_name.is_empty() {
        through = format!("{through}, over {}", one.over_name);
    }
    if !one.now {
        through = format!("{through}, not yet");
    }
    let query = serde_urlencoded::to_string([("permission", &one.permission)]).unwrap_or_default();
    let sentence = if one.sentence.is_empty() { one.permission.clone() } else { one.sentence.clone() };
    PermissionView {
        name: one.permission.clone(),
        sentence,
        through,
        now: one.now,
        href: if path.is_empty() { String::new() } else { format!("{path}?{query}#answer") },
    }
}

fn role_view(role: &HeldRole, names: &Names, now: Timestamp) -> HeldView {
    let over = if role.scope_name.is_empty() { String::new() } else { format!(" over {}", role.scope_name) };
    held_view(format!("{}{over}", role.name), &role.paths, names, now)
}

fn held_view(name: String, paths: &Paths, names: &Names, now: Timestamp) -> HeldView {
    let count = number(i64::try_from(paths.count).unwrap_or(i64::MAX));
    let summary = match (paths.now, paths.count, paths.listed.first()) {
        (0, ..) => "not yet".to_owned(),
        (_, 1, Some(path)) if path.is_direct() => "direct".to_owned(),
        (_, 1, Some(path)) => arrows(path),
        _ => format!("{count} ways"),
    };
    let more = match paths.more() {
        0 => String::new(),
        more => format!("and {} more ways", number(i64::try_from(more).unwrap_or(i64::MAX))),
    };
    let paths_shown = paths.listed.iter().map(|path| path_view(path, names, now)).collect();
    HeldView { name, summary, now: paths.now > 0, paths: paths_shown, more }
}

/// `Direct`, or `Night shift › Support`.
fn arrows(path: &Path) -> String {
    let groups: Vec<&str> = path.through().collect();
    if path.is_direct() { "Direct".to_owned() } else { groups.join(" › ") }
}

fn path_view(path: &Path, names: &Names, now: Timestamp) -> PathView {
    let badge = match (path.holds, path.from, path.until) {
        (Holds::Later, Some(from), _) => Some((Tone::Blue, format!("Begins {}", relative(from, now)))),
        (Holds::Later, ..) => Some((Tone::Blue, "Begins later".to_owned())),
        (Holds::Never, ..) => Some((Tone::Grey, "Never: the dates don't meet".to_owned())),
        (Holds::Now, _, Some(until)) => {
            let tone = if path.ends_soon { Tone::Amber } else { Tone::Grey };
            Some((tone, format!("Ends {}", relative(until, now))))
        }
        (Holds::Now, ..) => None,
    };
    PathView {
        label: arrows(path),
        badge: badge.map(|(tone, label)| Badge { tone, label }),
        steps: path.steps.iter().map(|step| step_view(step, names, now)).collect(),
    }
}

fn step_view(step: &Step, names: &Names, now: Timestamp) -> StepView {
    let terms = &step.given.terms;
    let mut said = vec![format!("by {}", giver(step.given.by, names))];
    if !terms.reason.is_empty() {
        let name = terms.copied_from().and_then(|user| names.get(&user)).map(String::as_str);
        said.push(format!("“{}”", reason_in_words(&terms.reason, name)));
    }
    said.extend(terms.valid_from.filter(|from| *from > now).map(|from| format!("from {}", full(from))));
    said.extend(terms.valid_until.map(|until| format!("until {}", full(until))));
    StepView { name: step.name.clone(), terms: said.join(", "), given: moment(step.given.at, now) }
}

/// Why somebody can, or can't.
fn answer(visit: &Visit, why: Why) -> AnswerView {
    let now = visit.app().now();
    let deed = if why.sentence.is_empty() { why.permission.clone() } else { why.sentence.to_lowercase() };
    let (tone, icon, word) =
        if why.can { (Tone::Green, "done", "can") } else { (Tone::Amber, "alert", "can't") };
    let mut lines: Vec<String> = why.obstacles.into_iter().map(|one| one.text).collect();
    if why.everyone {
        lines.push("Everyone can, as a member.".to_owned());
    }
    lines.extend(why.remarks.into_iter().map(|one| one.text));
    let offer =
        |offer: Offer| (offer.name, format!("{} permissions in all", offer.permissions), offer.may_give);
    let query = serde_urlencoded::to_string([("permission", &why.permission)]).unwrap_or_default();
    AnswerView {
        tone,
        icon,
        title: format!("{} {word} {deed}", why.name),
        lines,
        roles: why.roles.iter().map(|role| role_view(role, &why.names, now)).collect(),
        offers: why.offers.into_iter().map(offer).collect(),
        groups: why.groups.into_iter().map(|group| giving(visit, group)).collect(),
        who_href: visit.at(&format!("/access?{query}")),
    }
}

fn giving(visit: &Visit, (id, name, members): (model::GroupId, String, i64)) -> Link {
    let label = format!("{name} ({} directly in it)", people(members));
    Link::new(label, visit.at(&format!("/groups/{id}")))
}

/// `GET /o/{slug}/access`
pub(crate) async fn who_can(visit: Visit, Query(asked): Query<Asked>) -> Answer<Response> {
    let chosen = if asked.permission.is_empty() {
        Permission::UserSuspend.as_str()
    } else {
        asked.permission.as_str()
    };
    let cursor = asked.cursor.as_deref();
    let found: Holders =
        visit.app().who_can(&visit.caller.actor, chosen, None, page::DEFAULT_LIMIT, cursor).await?;
    let at = |cursor: &str| {
        let query = serde_urlencoded::to_string([("permission", chosen), ("cursor", cursor)]);
        visit.at(&format!("/access?{}", query.unwrap_or_default()))
    };
    let empty = found.page.items.is_empty().then(|| {
        let (title, text) = if found.everyone {
            ("Everyone can", "Everybody has this permission, as a member.")
        } else {
            ("Nobody can", "No role that gives it is held by anybody, directly or through a group.")
        };
        Empty { icon: "users", title: title.to_owned(), text: text.to_owned(), actions: Vec::new() }
    });
    let shown = i64::try_from(found.page.items.len()).unwrap_or(i64::MAX);
    let crumbs = vec![Link::new("Permission holders", "")];
    let roles: Vec<&str> = found.roles.iter().map(|(_, name)| name.as_str()).collect();
    let lead = if found.everyone { String::new() } else { format!("Given by: {}.", roles.join(", ")) };
    let page = WhoCanPage {
        frame: visit.frame("Permission holders", Section::Access, crumbs, "").await?,
        path: visit.at("/access"),
        questions: questions(chosen, &[]),
        lead,
        rows: found.page.items.into_iter().map(|holder| row(&visit, holder)).collect(),
        groups: found.groups.into_iter().map(|group| giving(&visit, group)).collect(),
        empty,
        pager: Pager {
            summary: if shown > 0 { format!("{} on this page", people(shown)) } else { String::new() },
            next: found.page.next.as_deref().map(at),
            ..Pager::default()
        },
    };
    html(StatusCode::OK, &page, Part::Page)
}

fn row(visit: &Visit, holder: Holder) -> HolderRow {
    let more = match holder.more {
        0 => String::new(),
        1 => "and 1 more way".to_owned(),
        many => format!("and {} more ways", number(i64::try_from(many).unwrap_or(i64::MAX))),
    };
    HolderRow {
        href: visit.at_user(holder.user, "/access"),
        avatar: Avatar::of(&holder.name, &holder.user.to_string()),
        status: badge(holder.status),
        path: arrows(&holder.path),
        role: holder.role,
        name: holder.name,
        username: holder.username,
        more,
    }
}
