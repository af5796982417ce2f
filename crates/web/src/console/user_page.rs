//! The page of one user: who it is, why signing in may be impossible, the record, and what can be done.

use app::{
    Person,
    explain_sign_in::{Explained, Explanation},
};
use axum::{http::StatusCode, response::Response};
use model::{
    Agent, Permission, Status, Timestamp, User, UserId,
    grant::Given,
    invitation::InvitationStatus,
    lifecycle::{Awaited, Departure, State},
    mail::{Mail, MailState},
    user::UserType,
};

use super::{
    actions::Possible,
    explanations::panel,
    giving, invitations, mails, memberships,
    view::{
        frame::Section,
        parts::{Action, Badge, Banner, Card, Entry, Link, Secret, Shown, Tone},
        question::DonePage,
        users::{InvitationBanner, Tab, UserHeading, UserPage},
    },
    visit::{Part, Visit, avatar, html},
    words::{Names, badge, full, moment, relative, source, user_type},
};
use crate::{extract::Id, problem::Answer};

/// `GET /o/{slug}/users/{id}`
pub(crate) async fn show(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    let now = visit.app().now();
    let names = Names::of(&visit, agents(&person)).await?;
    let possible = Possible::new(&visit, &person.user, visit.caller.actor.rights.covers(&person.rights))
        .owner(person.rights.org.contains(Permission::OwnerManage));
    let next = possible.next_step(person.user.status(now));
    let mut actions: Vec<Action> = next.and_then(|action| possible.button(action)).into_iter().collect();
    let edit = possible.edit_href();
    if !edit.is_empty() {
        actions.push(Action::page("Edit", edit, "edit"));
    }
    let menu = possible.menu(next.as_slice());
    let name = person.user.name();
    let crumbs = vec![Link::new("Users", visit.at("/users")), Link::new(name, "")];
    let mut side_cards = vec![account_card(&person, now), roles_card(&visit, &person, &names, now)];
    side_cards.extend(mail_card(&visit, id, now).await?);
    let groups = memberships::card(&visit, &person, &names);
    let page = UserPage {
        frame: visit.frame(name, Section::Users, crumbs, name).await?,
        heading: heading(&visit, &person),
        actions,
        menu,
        tabs: tabs(&visit, &person.user, "Profile"),
        invitation: invitation(&visit, &person).await?,
        banners: banners(&person, &names, now),
        explanation: panel(&visit, id, |found| is_overlooked(&person, found)).await?,
        cards: cards(&visit, &person, &names),
        side_cards,
        groups,
    };
    html(StatusCode::OK, &page, Part::Page)
}

/// The parts of a user's page that this viewer may see.
pub(crate) fn tabs(visit: &Visit, user: &User, current: &str) -> Vec<Tab> {
    let is_service = user.fields.kind() == UserType::Service;
    [
        ("Profile", "", Permission::UserRead),
        ("Access", "/access", Permission::AccessRead),
        ("Sessions", "/sessions", Permission::SessionRead),
        ("Activity", "/activity", Permission::AuditRead),
        ("API tokens", "/tokens", Permission::TokenList),
        ("Data", "/data", Permission::UserExportData),
    ]
    .into_iter()
    .filter(|(label, _, permission)| visit.may(*permission) && (is_service || *label != "API tokens"))
    .map(|(label, path, _)| Tab { label, href: visit.at_user(user.id, path), current: label == current })
    .collect()
}

/// Whether something may keep an active person out that no banner says.
fn is_overlooked(person: &Person, found: &Explanation) -> bool {
    const BANNERS: [&str; 6] = [
        "locked",
        "password_locked",
        "temporary_password_ended",
        "not_yet_valid",
        "ended",
        "must_change_password",
    ];
    let is_said = |cause: &Explained| BANNERS.contains(&cause.cause.as_str());
    person.user.state == State::Active && !found.causes.iter().all(is_said)
}

/// Everybody whom the page names.
fn agents(person: &Person) -> Vec<Agent> {
    let mut agents: Vec<Agent> = person.grants.iter().map(|grant| grant.given.by).collect();
    agents.extend(person.memberships.iter().map(|held| held.given.by));
    let given = person.grants.iter().map(|grant| &grant.given);
    let given = given.chain(person.memberships.iter().map(|held| &held.given));
    let copied: Vec<Agent> = given.filter_map(|given| given.terms.copied_from()).map(Agent::User).collect();
    agents.extend(copied);
    match &person.user.state {
        State::Suspended(departure) | State::Deprovisioned(departure) => agents.push(departure.by),
        State::Trashed { by, .. } => agents.push(*by),
        _ => {}
    }
    agents.extend(person.user.lock.as_ref().map(|lock| lock.by));
    let fields = &person.user.fields;
    agents.extend([fields.manager, fields.responsible].into_iter().flatten().map(Agent::User));
    agents
}

/// Who the page is about.
pub(crate) fn heading(visit: &Visit, person: &Person) -> UserHeading {
    let (user, now) = (&person.user, visit.app().now());
    let mut tags: Vec<String> = person.grants.iter().map(|grant| grant.name.clone()).collect();
    if user.fields.kind() != UserType::Human {
        tags.insert(0, user_type(user.fields.kind()).to_owned());
    }
    UserHeading {
        name: user.name().to_owned(),
        email: user.shown_email(),
        avatar: avatar(person),
        status: badge(user.status(now)),
        tags,
        edit_href: Possible::new(visit, user, visit.caller.actor.rights.covers(&person.rights)).edit_href(),
    }
}

/// A generated password, to be read this once.
pub(crate) async fn temporary_password(
    visit: &Visit,
    person: &Person,
    title: String,
    password: String,
) -> Answer<DonePage> {
    let name = person.user.name();
    let (id, hours) = (person.user.id, visit.org().settings.password.temporary_hours);
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Password", ""),
    ];
    let text = format!(
        "Hand it over: it is shown this once. {name} must choose another one at the first sign-in, within {hours} hours."
    );
    Ok(DonePage {
        frame: visit.frame("Temporary password", Section::Users, crumbs, name).await?,
        secret: Secret { title, text, label: "Temporary password".to_owned(), value: password },
        rest: None,
        back: Link::new(format!("Go on to {name}"), visit.at_user(id, "")),
    })
}

/// What must be known before anything is done: the most important first.
fn banners(person: &Person, names: &Names, now: Timestamp) -> Vec<Banner> {
    let (user, mut banners) = (&person.user, Vec::new());
    banners.extend(state_banner(person, names, now));
    if let Some(lock) = user.lock.as_ref().filter(|_| user.is_locked(now)) {
        let until = lock.until.map_or("Until unlocked".to_owned(), |until| format!("Until {}", full(until)));
        let lines = [lock.note.clone(), until, said(names, lock.by, lock.since, now)];
        banners.push(banner(Tone::Red, "lock", "Locked by an administrator", lines));
    }
    if let Some(until) = user.password_locked_until.filter(|until| *until > now) {
        // For ever: whoever owns the account said that somebody else was there.
        let (title, line) = if until == Timestamp::MAX {
            (
                "Locked by its owner",
                "Signing in is refused until another password is chosen or set.".to_owned(),
            )
        } else {
            let line = format!("Signing in with the password is refused until {}.", full(until));
            ("Too many wrong passwords", line)
        };
        banners.push(banner(Tone::Red, "lock", title, [line]));
    }
    banners.extend(validity_banner(person, now));
    if let Some(at) = person.password.expires_at.filter(|_| person.password.must_change) {
        let (title, line) = if at > now {
            ("A temporary password is out", format!("It works until {} and must be changed then.", full(at)))
        } else {
            (
                "The temporary password has ended",
                "Set another one, so that signing in is possible.".to_owned(),
            )
        };
        banners.push(banner(Tone::Blue, "password", title, [line]));
    } else if person.password.must_change {
        let line = "At the next sign-in, or at the next click of whoever is signed in.".to_owned();
        banners.push(banner(Tone::Blue, "password", "Another password must be chosen", [line]));
    }
    banners
}

/// An invitation that is out: what has become of it, and what can be done with it.
async fn invitation(visit: &Visit, person: &Person) -> Answer<Option<InvitationBanner>> {
    if person.user.state != State::Invited {
        return Ok(None);
    }
    let now = visit.app().now();
    let Some(invitation) = visit.app().invitation_of(&visit.caller.actor, person.user.id).await? else {
        let line = "Waits until the link in the mail is used.".to_owned();
        let banner = banner(Tone::Blue, "mail", "Invited", [line]);
        return Ok(Some(InvitationBanner { banner, actions: Vec::new() }));
    };
    let noun = invitations::noun(&invitation);
    let waits = !visit.app().carrier().is_there()
        && matches!(invitation.delivery, MailState::Queued | MailState::Deferred);
    let (tone, title) = match invitation.status(now) {
        InvitationStatus::Pending if waits => (Tone::Amber, format!("The {noun} was not sent")),
        InvitationStatus::Expired => (Tone::Amber, format!("The {noun} has expired")),
        InvitationStatus::Undeliverable => (Tone::Red, format!("The {noun} could not be delivered")),
        _ if invitation.opened_at.is_some() => (Tone::Blue, format!("The {noun} was opened")),
        _ => (Tone::Blue, format!("The {noun} is out")),
    };
    let delivered = match invitation.delivery {
        _ if waits => "This server sends no mail yet. Copy the link and hand it over.".to_owned(),
        MailState::Queued => "The mail is about to be sent.".to_owned(),
        MailState::Sent => "The mail server has taken the mail.".to_owned(),
        MailState::Deferred => format!("The mail is delayed and tried again: {}.", invitation.delivery_why),
        MailState::Failed => {
            format!("The mail failed: {}. Correct the address, or copy the link.", invitation.delivery_why)
        }
        MailState::Cancelled => "The mail was not sent.".to_owned(),
    };
    let by = invitation.invited_by_name.as_str();
    let opened = match invitation.opened_at {
        Some(at) => format!("Opened {}.", relative(at, now)),
        None => "Not opened yet.".to_owned(),
    };
    let ends = if invitation.expires_at > now { "Expires" } else { "Expired" };
    let lines = [
        format!(
            "{} {} by {by}. {delivered}",
            if waits { "Invited" } else { "Sent" },
            relative(invitation.sent_at, now)
        ),
        format!("{opened} {ends} on {}.", full(invitation.expires_at)),
    ];
    let is_weaker = visit.caller.actor.rights.covers(&person.rights);
    let mut actions = Vec::new();
    if is_weaker {
        let menu = invitations::menu(visit, &invitation);
        actions = menu.into_iter().skip(1).flatten().collect();
    }
    let lines = lines.into_iter().collect();
    let banner = Banner { tone, icon: "mail", title, lines, action: None };
    Ok(Some(InvitationBanner { banner, actions }))
}

fn banner(tone: Tone, icon: &'static str, title: &str, lines: impl IntoIterator<Item = String>) -> Banner {
    let lines = lines.into_iter().filter(|line| !line.is_empty()).collect();
    Banner { tone, icon, title: title.to_owned(), lines, action: None }
}

/// Who did it, and when.
fn said(names: &Names, by: Agent, since: Timestamp, now: Timestamp) -> String {
    format!("By {}, {}", names.label(by), relative(since, now))
}

fn state_banner(person: &Person, names: &Names, now: Timestamp) -> Option<Banner> {
    let departed = |word: &str, icon, tone, departure: &Departure| {
        let title = format!("{word}: {}", departure.reason.label().to_lowercase());
        let lines = [departure.note.clone(), said(names, departure.by, departure.since, now)];
        banner(tone, icon, &title, lines)
    };
    match &person.user.state {
        State::Suspended(departure) => Some(departed("Suspended", "pause", Tone::Amber, departure)),
        State::Deprovisioned(departure) => Some(departed("Deprovisioned", "archive", Tone::Grey, departure)),
        State::Trashed { since, until, by, .. } => {
            let restorable = format!("Can be restored until {}; then everything is erased.", full(*until));
            Some(banner(Tone::Red, "trash", "In the trash", [restorable, said(names, *by, *since, now)]))
        }
        State::Staged => {
            let line = "Exists, and can't sign in. Activating makes the account usable.".to_owned();
            Some(banner(Tone::Blue, "info", "Not activated yet", [line]))
        }
        State::Pending { awaits } => {
            let step = |awaited: &Awaited| match awaited {
                Awaited::Email => "Waiting for the email address to be verified.".to_owned(),
                Awaited::Approval => "Waiting for an administrator's approval.".to_owned(),
            };
            Some(banner(Tone::Blue, "clock", "Pending", awaits.iter().map(step)))
        }
        State::Invited | State::Active | State::Purged => None,
    }
}

fn validity_banner(person: &Person, now: Timestamp) -> Option<Banner> {
    let fields = &person.user.fields;
    if let Some(from) = fields.valid_from.filter(|from| *from > now) {
        let line = format!("Signing in works from {} on.", full(from));
        return Some(banner(Tone::Blue, "clock", "Not valid yet", [line]));
    }
    let until = fields.valid_until?;
    let (title, tone, ends) = if until > now {
        ("This account has an end date", Tone::Blue, "ends")
    } else {
        ("The end date has passed", Tone::Amber, "ended")
    };
    let line = format!("It {ends} on {} ({}).", full(until), relative(until, now));
    Some(banner(tone, "clock", title, [line]))
}

fn text(value: Option<&String>) -> Shown {
    Shown::text(value.cloned().unwrap_or_default())
}

/// The record, in the wide column.
fn cards(visit: &Visit, person: &Person, names: &Names) -> Vec<Card> {
    let (user, fields) = (&person.user, &person.user.fields);
    let mail = |address: &String| Shown::Link(Link::new(address, format!("mailto:{address}")));
    let email = fields.email.as_ref().map_or(Shown::Nothing, mail);
    let remark = if fields.email.is_some() && !user.email_verified { "Not verified" } else { "" };
    let identity = vec![
        Entry::new("Display name", text(fields.display_name.as_ref())),
        Entry::new("Given name", text(fields.given_name.as_ref())),
        Entry::new("Family name", text(fields.family_name.as_ref())),
        Entry::new("Username", Shown::Code(user.username().to_owned())),
        Entry::new("Email", email).remark(remark),
    ];
    let private = "For onboarding and recovery only";
    let remarked = |value: &Option<String>| if value.is_some() { private } else { "" };
    let contact = vec![
        Entry::new("Work phone", text(fields.phone.as_ref())),
        Entry::new("Mobile", text(fields.mobile.as_ref())),
        Entry::new("Address", address(person)),
        Entry::new("Personal email", text(fields.personal_email.as_ref()))
            .remark(remarked(&fields.personal_email)),
        Entry::new("Personal phone", text(fields.personal_phone.as_ref()))
            .remark(remarked(&fields.personal_phone)),
    ];
    let somebody = |id: Option<UserId>| match id {
        Some(id) => Shown::Link(Link::new(names.label(Agent::User(id)), visit.at_user(id, ""))),
        None => Shown::Nothing,
    };
    let mut work = vec![
        Entry::new("Title", text(fields.title.as_ref())),
        Entry::new("Department", text(fields.department.as_ref())),
        Entry::new("Division", text(fields.division.as_ref())),
        Entry::new("Cost centre", text(fields.cost_centre.as_ref())),
        Entry::new("Employee number", text(fields.employee_number.as_ref())),
        Entry::new("Manager", somebody(fields.manager)),
    ];
    if fields.kind() == UserType::Service {
        work.push(Entry::new("Responsible", somebody(fields.responsible)));
    }
    let notes = fields.notes.clone().map_or(Shown::Nothing, Shown::Lines);
    work.push(Entry::new("Notes", notes));
    [("Identity", identity), ("Contact", contact), ("Work", work)]
        .map(|(title, entries)| Card { title: title.to_owned(), entries })
        .to_vec()
}

fn address(person: &Person) -> Shown {
    let Some(address) = &person.user.fields.address else { return Shown::Nothing };
    let join = |parts: [&Option<String>; 2]| {
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let lines = [
        address.street.clone().unwrap_or_default(),
        join([&address.postal_code, &address.city]),
        join([&address.region, &None]),
        join([&address.country, &None]),
    ];
    Shown::Lines(lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"))
}

/// What Muster keeps about the account, beside the record.
fn account_card(person: &Person, now: Timestamp) -> Card {
    let (user, fields) = (&person.user, &person.user.fields);
    let time = |at: Option<Timestamp>| at.map_or(Shown::Nothing, |at| Shown::Moment(moment(at, now)));
    let tag = |tag: &String| Badge { tone: Tone::Grey, label: tag.clone() };
    let tags = if fields.tags.is_empty() {
        Shown::Nothing
    } else {
        Shown::Badges(fields.tags.iter().map(tag).collect())
    };
    let password = match person.password.set_at {
        Some(at) => Entry::new("Password set", Shown::Moment(moment(at, now))),
        None => Entry::new("Password", Shown::text("None")),
    };
    let method = match user.last_sign_in_method.as_deref() {
        Some("password") => "With a password",
        _ => "",
    };
    let mut entries = vec![
        Entry::new("User id", Shown::Code(user.id.to_string())),
        Entry::new("Type", Shown::text(user_type(fields.kind()))),
        Entry::new("Tags", tags),
        Entry::new("Source", Shown::text(source(user.source))),
        Entry::new("Created", time(Some(user.created_at))),
        Entry::new("Changed", time(Some(user.updated_at))),
        Entry::new("Joined", time(user.joined_at)),
        Entry::new("Last sign-in", time(user.last_sign_in_at)).remark(method),
        Entry::new("Last seen", time(user.last_seen_at)),
        password,
        Entry::new("Language", text(fields.locale.as_ref())),
        Entry::new("Time zone", text(fields.time_zone.as_ref())),
        Entry::new("Valid from", time(fields.valid_from)),
        Entry::new("Valid until", time(fields.valid_until)),
    ];
    if user.status(now) == Status::Inactive {
        // Nothing of this has happened yet.
        entries.retain(|entry| !matches!(entry.label.as_str(), "Joined" | "Last sign-in" | "Last seen"));
    }
    Card { title: "Account".to_owned(), entries }
}

/// The latest mails to this person, for those who may see them: what about and what became of it, never what it says.
async fn mail_card(visit: &Visit, id: UserId, now: Timestamp) -> Answer<Option<Card>> {
    if !visit.may(Permission::MailRead) {
        return Ok(None);
    }
    let mails = visit.app().mails_of(&visit.caller.actor, id).await?;
    let entry = |mail: &Mail| {
        let mut remark = format!("To {}, {}", mail.address, relative(mail.created_at, now));
        if !mail.why.is_empty() && mail.state != MailState::Sent {
            remark = format!("{remark}: {}", mail.why);
        }
        Entry::new(mail.kind.label(), Shown::Badges(vec![mails::badge(mail.state)])).remark(remark)
    };
    let entries: Vec<Entry> = mails.iter().take(5).map(entry).collect();
    Ok((!entries.is_empty()).then(|| Card { title: "Mail".to_owned(), entries }))
}

fn roles_card(visit: &Visit, person: &Person, names: &Names, now: Timestamp) -> Card {
    let is_weaker = visit.caller.actor.rights.covers(&person.rights);
    let entry = |grant: &app::users::RoleGrant| {
        let since = Shown::Moment(moment(grant.given.at, now));
        let (role, scope) = (grant.role, grant.scope);
        let ways = |path: &str| giving::of_role(path, role, scope);
        let may = is_weaker && visit.may(Permission::RoleAssign);
        Entry::new(grant.name.clone(), since)
            .remark(on_terms(&grant.scope_name, &grant.given, names, now))
            .actions(if may {
                giving::ending(visit, person.user.id, &grant.given, now, ways)
            } else {
                Vec::new()
            })
    };
    let mut entries: Vec<Entry> = person.grants.iter().map(entry).collect();
    entries.push(Entry::new("Member", Shown::text("As everyone")));
    Card { title: "Roles".to_owned(), entries }
}

/// From whom, why and until when something is held.
fn on_terms(over: &str, given: &Given, names: &Names, now: Timestamp) -> String {
    let over = if over.is_empty() { String::new() } else { format!("Over {over}. ") };
    let mut remark = format!("{over}Given by {}", names.label(given.by));
    if let Some(from) = given.terms.valid_from.filter(|from| *from > now) {
        remark = format!("{remark}, from {}", full(from));
    }
    match given.terms.valid_until {
        Some(until) if until > now => {
            remark = format!("{remark}, ends {} ({})", relative(until, now), full(until));
        }
        Some(until) => remark = format!("{remark}, ended {}", relative(until, now)),
        None => {}
    }
    let reason = names.reason(&given.terms);
    if reason.is_empty() { remark } else { format!("{remark}: {reason}") }
}
