//! A person's own groups: those that the person is in, and those that the person owns and decides about, without being
//! an administrator.

use app::{
    Person,
    groups::{GroupDetails, ListedGroup, Member, Verdict},
};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, GroupId, UserId,
    grant::{Given, reason_in_words},
    group_query::{GroupQuery, MemberQuery},
};

use super::page::Address;
use crate::{
    console::{
        account,
        done::Done,
        memberships::{term_fields, terms},
        view::{
            account::OwnGroupsPage,
            form::{Field, Form, Section},
            frame,
            held::{HeldCard, HeldRow},
            parts::{Action, Avatar, Empty, Link, Pager},
            question::Dialog,
        },
        visit::{Part, Visit, html, shown_again},
        words::{badge, moment, people},
    },
    extract::{Fields, Id, Name, Query},
    problem::Answer,
};

fn at_own(visit: &Visit, id: GroupId, path: &str) -> String {
    visit.at(&format!("/account/groups/{id}{path}"))
}

fn card(id: &'static str, title: &str, noun: &'static str, rows: Vec<HeldRow>) -> HeldCard {
    HeldCard {
        id,
        title: title.to_owned(),
        noun,
        aspect: "",
        says_path: false,
        actions: Vec::new(),
        rows,
        pager: Pager::default(),
        empty: None,
    }
}

fn nothing(icon: &'static str, title: &str, text: &str) -> Empty {
    Empty { icon, title: title.to_owned(), text: text.to_owned(), actions: Vec::new() }
}

/// `GET /o/{slug}/account/groups`
pub(crate) async fn list(visit: Visit, Query(address): Query<Address>) -> Answer<Response> {
    let own = visit.app().own_account(&visit.caller.actor).await?;
    let query = GroupQuery { limit: 100, ..GroupQuery::default() }
        .at(visit.caller.actor.reader().as_owner(), Some(&address.page_token))?;
    let owned = visit.app().own_groups(&visit.caller.actor, query).await?;
    let mut cards = vec![places(&visit, &own).await?];
    if !owned.items.is_empty() {
        let row = |listed: &ListedGroup| HeldRow {
            id: listed.group.id.to_string(),
            name: listed.group.fields.name.clone(),
            href: at_own(&visit, listed.group.id, ""),
            detail: super::members_words(listed.members),
            icon: "group",
            tags: listed.roles.iter().map(|role| role.name.clone()).collect(),
            ..HeldRow::default()
        };
        let mut decided =
            card("owned", "Groups that you own", "Group", owned.items.iter().map(row).collect());
        decided.aspect = "Roles";
        if let Some(next) = owned.next {
            let href = Address::from_token(next).href(&visit.at("/account/groups"));
            decided.pager =
                Pager { summary: "100 on this page".to_owned(), next: Some(href), ..Pager::default() };
        }
        cards.insert(0, decided);
    }
    let crumbs = vec![Link::new("My account", visit.at("/account")), Link::new("Groups", "")];
    show(&visit, "Groups", crumbs, &own, cards, "").await
}

/// The groups that the person is in, directly and through others.
async fn places(visit: &Visit, own: &Person) -> Answer<HeldCard> {
    let now = visit.app().now();
    let held = visit.app().groups_of_user(&visit.caller.actor, own.user.id).await?;
    let given = |id: GroupId| held.direct.iter().find(|held| held.group == id).map(|held| &held.given);
    let terms = |given: Option<&Given>| HeldRow {
        since: given.map(|given| moment(given.at, now)),
        until: given.and_then(|given| given.terms.valid_until).map(|until| moment(until, now)),
        reason: given.map(|given| reason_in_words(&given.terms.reason, None)).unwrap_or_default(),
        icon: "group",
        ..HeldRow::default()
    };
    let rows = held.effective.iter().map(|found| {
        let given = given(found.group.id);
        let between = found.way.split_last().map(|(_, between)| between).unwrap_or_default();
        HeldRow {
            id: found.group.id.to_string(),
            name: found.group.name.clone(),
            through: between.iter().map(|group| Link::new(&group.name, "")).collect(),
            ..terms(given)
        }
    });
    let mut places = card("places", "Groups that you are in", "Group", rows.collect());
    places.says_path = true;
    if places.rows.is_empty() {
        let text = "Your administrators and the groups’ owners decide who is in which.";
        places.empty = Some(nothing("group", "You are in no group", text));
    }
    Ok(places)
}

async fn show(
    visit: &Visit,
    title: &str,
    crumbs: Vec<Link>,
    own: &Person,
    cards: Vec<HeldCard>,
    subject: &str,
) -> Answer<Response> {
    let page = OwnGroupsPage {
        frame: visit.frame(title, frame::Section::Account, crumbs, subject).await?,
        heading: account::heading(visit, own),
        tabs: account::tabs(visit, "Groups"),
        cards,
    };
    match visit.part {
        Part::Results => html(StatusCode::OK, &page.as_results(), Part::Results),
        _ => html(StatusCode::OK, &page, Part::Page),
    }
}

/// A group that the viewer owns; any other is not there.
async fn owned(visit: &Visit, id: GroupId) -> model::Result<GroupDetails> {
    let details = visit.app().group(&visit.caller.actor, id).await?;
    let me = visit.caller.actor.user();
    let is_owner = details.owners.iter().any(|owner| Some(owner.user) == me);
    if is_owner { Ok(details) } else { Err(Error::not_found()) }
}

fn crumbs(visit: &Visit, details: &GroupDetails, page: &str) -> Vec<Link> {
    let group = &details.group;
    let mut crumbs = vec![Link::new("Groups", visit.at("/account/groups"))];
    crumbs.push(Link::new(&group.fields.name, at_own(visit, group.id, "")));
    if !page.is_empty() {
        crumbs.push(Link::new(page, ""));
    }
    crumbs
}

/// `GET /o/{slug}/account/groups/{id}`
pub(crate) async fn show_group(
    visit: Visit,
    Id(id): Id<GroupId>,
    Query(address): Query<Address>,
) -> Answer<Response> {
    let details = owned(&visit, id).await?;
    let own = visit.app().own_account(&visit.caller.actor).await?;
    let (name, now) = (details.group.fields.name.as_str(), visit.app().now());
    let query = MemberQuery { of: id, ..MemberQuery::default() }
        .at(visit.caller.actor.reader().as_owner(), Some(&address.page_token))?;
    let found = visit.app().members(&visit.caller.actor, id, query).await?;
    let row = |member: &Member| {
        let user = &member.user;
        let key = user.id.to_string();
        let given = member.given.as_ref();
        let remove = at_own(&visit, id, &format!("/remove/{key}"));
        HeldRow {
            name: user.name().to_owned(),
            detail: Some(user.shown_email())
                .filter(|email| !email.is_empty())
                .unwrap_or_else(|| user.username().to_owned()),
            avatar: Some(Avatar::of(user.name(), &key)),
            badge: (!member.is_unread).then(|| badge(user.status(now))),
            since: given.map(|given| moment(given.at, now)),
            until: given.and_then(|given| given.terms.valid_until).map(|until| moment(until, now)),
            reason: given.map(|given| reason_in_words(&given.terms.reason, None)).unwrap_or_default(),
            actions: vec![Action::dialog(format!("Remove {}", user.name()), remove, "user-minus")],
            id: key,
            ..HeldRow::default()
        }
    };
    let mut members = card("members", name, "Person", found.items.iter().map(row).collect());
    members.aspect = "Status";
    members.actions.push(Action::dialog("Add somebody", at_own(&visit, id, "/add"), "user-plus"));
    if members.rows.is_empty() {
        members.empty = Some(nothing("users", "Nobody is in it", "Add people by their username or address."));
    }
    let path = at_own(&visit, id, "");
    let step = |token: Option<String>| token.map(|token| Address::from_token(token).href(&path));
    members.pager = Pager {
        summary: people(i64::try_from(members.rows.len()).unwrap_or(i64::MAX)),
        previous: step(found.previous),
        next: step(found.next),
        sizes: Vec::new(),
    };
    let mut way = crumbs(&visit, &details, "");
    if let Some(last) = way.last_mut() {
        last.href.clear();
    }
    show(&visit, name, way, &own, vec![members], name).await
}

/// `GET /o/{slug}/account/groups/{id}/add`
pub(crate) async fn ask_add(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    ask(&visit, id, StatusCode::OK, None).await
}

async fn ask(
    visit: &Visit,
    id: GroupId,
    status: StatusCode,
    again: Option<(&Fields, &Error)>,
) -> Answer<Response> {
    let details = owned(visit, id).await?;
    let sent = again.map(|(sent, _)| sent);
    let person = Field::text("members", "Username or email address")
        .value(sent.map_or("", |sent| sent.get("members")))
        .required()
        .autofocus()
        .hint("In full, as the person signs in.");
    let mut fields = vec![person];
    fields.extend(term_fields(sent));
    let mut form = Form {
        action: at_own(visit, id, "/add"),
        csrf: visit.caller.csrf.clone(),
        submit: "Add to the group".to_owned(),
        cancel: at_own(visit, id, ""),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some((_, error)) = again {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: format!("Add somebody to {}", details.group.fields.name),
        icon: "user-plus",
        lead: "It takes effect at once.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let way = crumbs(visit, &details, "Add somebody");
    let frame = visit.frame(&dialog.title, frame::Section::Account, way, "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/account/groups/{id}/add`
pub(crate) async fn add(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    match put_in(&visit, id, &fields).await {
        Ok(name) => Ok(visit.done(&at_own(&visit, id, ""), Done::MemberAdded, &name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, id, status, Some((&fields, &error))).await
        }
    }
}

async fn put_in(visit: &Visit, id: GroupId, fields: &Fields) -> model::Result<String> {
    let details = owned(visit, id).await?;
    let line = vec![fields.get("members").to_owned()];
    let came = visit.app().add_members(&visit.caller.actor, id, line, terms(fields)?).await?;
    match came.into_iter().next().map(|one| one.verdict) {
        Some(Verdict::Refused { message, .. }) => {
            Err(Error::invalid_field("members", "group.not_added", message))
        }
        _ => Ok(details.group.fields.name),
    }
}

/// `GET /o/{slug}/account/groups/{id}/remove/{name}`
pub(crate) async fn ask_remove(visit: Visit, Id(id): Id<GroupId>, Name(user): Name) -> Answer<Response> {
    ask_to_take(&visit, id, user.parse()?, StatusCode::OK, None).await
}

async fn ask_to_take(
    visit: &Visit,
    id: GroupId,
    user: UserId,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let details = owned(visit, id).await?;
    let group = &details.group.fields.name;
    let mut form = Form {
        action: at_own(visit, id, &format!("/remove/{user}")),
        csrf: visit.caller.csrf.clone(),
        submit: "Take out".to_owned(),
        cancel: at_own(visit, id, ""),
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let dialog = Dialog {
        title: format!("Take this person out of {group}?"),
        icon: "user-minus",
        lead: "What the group gives is lost at once, but for what comes some other way.".to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let way = crumbs(visit, &details, "Take out");
    let frame = visit.frame(&dialog.title, frame::Section::Account, way, "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/account/groups/{id}/remove/{name}`
pub(crate) async fn remove(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(user): Name,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let user = user.parse()?;
    let name = owned(&visit, id).await?.group.fields.name;
    match visit.app().remove_member(&visit.caller.actor, id, user).await {
        Ok(_) => Ok(visit.done(&at_own(&visit, id, ""), Done::MemberRemoved, &name)),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask_to_take(&visit, id, user, status, Some(&error)).await
        }
    }
}
