//! Putting people into a group, by search or as a pasted list, each with a verdict; and taking one out.

use app::groups::{MOST_MEMBERS, MemberVerdict, Verdict as Came};
use axum::{http::StatusCode, response::Response};
use model::{
    Error, GroupId, Kind, Permission, User, UserId,
    filter::UserQuery,
    text::{is_list_separator, trimmed},
};
use serde::Deserialize;

use super::{at_group, page::Shown};
use crate::{
    console::{
        access::foreseen,
        done::Done,
        memberships::{term_fields, terms},
        view::{
            form::{Choice, Control, Field, Form, Section},
            frame,
            groups::{AddMembersPage, PeopleSearch},
            invitations::Verdict,
            parts::{Badge, Link, Tone},
            question::Dialog,
        },
        visit::{Part, Visit, html, shown_again},
        words::people,
    },
    extract::{Fields, Id, Name, Query},
    problem::Answer,
};

/// Found people to tick.
const FOUND: u16 = 12;

/// Who is searched for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    q: String,
}

/// `GET /o/{slug}/groups/{id}/members/add`
pub(crate) async fn add_page(
    visit: Visit,
    Id(id): Id<GroupId>,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let shown = Shown::of(&visit, id).await?;
    let form = form(&shown, &asked.q, None, "").await?;
    show(&shown, StatusCode::OK, &asked.q, String::new(), Vec::new(), Some(form)).await
}

/// The form; `sent` fills it with what was typed, `names` with who is left.
async fn form(shown: &Shown<'_>, q: &str, sent: Option<&Fields>, names: &str) -> model::Result<Form> {
    let visit = shown.visit;
    let mut whom = Vec::new();
    let found = found(visit, q).await?;
    if !q.trim().is_empty() {
        let choice = |user: &User| {
            let detail = Some(user.shown_email())
                .filter(|email| !email.is_empty())
                .unwrap_or_else(|| user.username().to_owned());
            Choice::new(user.id.to_string(), user.name()).hint(detail)
        };
        let field = Field::new("found", "Found", Control::Checkboxes(found.iter().map(choice).collect()));
        whom.push(if found.is_empty() { field.hint("Nobody. Try another part of the name.") } else { field });
    }
    let list = Field::new("members", "Usernames, addresses or ids", Control::Text { rows: 4 })
        .value(names)
        .hint(format!("One or many, with lines or commas between; at most {MOST_MEMBERS}."));
    whom.push(if found.is_empty() { list.autofocus() } else { list });
    let [until, reason] = term_fields(sent);
    Ok(Form {
        action: at_group(visit, shown.details.group.id, "/members/add"),
        csrf: visit.caller.csrf.clone(),
        submit: "Add to the group".to_owned(),
        cancel: at_group(visit, shown.details.group.id, ""),
        sections: vec![
            Section::new("People", "", whom),
            Section::new("How long", "The same for everybody.", vec![until, reason]),
        ],
        ..Form::default()
    })
}

/// Whoever sees a list of people searches in it by name; the others name them.
fn may_search(visit: &Visit) -> bool {
    visit.caller.actor.reach(Permission::UserList).is_ok()
}

async fn found(visit: &Visit, q: &str) -> model::Result<Vec<User>> {
    if q.trim().is_empty() || !may_search(visit) {
        return Ok(Vec::new());
    }
    let query = UserQuery { search: q.to_owned(), limit: FOUND, ..UserQuery::default() };
    let page = visit.app().users(&visit.caller.actor, query).await?;
    Ok(page.items.into_iter().map(|listed| listed.user).collect())
}

async fn show(
    shown: &Shown<'_>,
    status: StatusCode,
    q: &str,
    result: String,
    verdicts: Vec<Verdict>,
    form: Option<Form>,
) -> Answer<Response> {
    let (visit, id) = (shown.visit, shown.details.group.id);
    let title = format!("Add people to {}", shown.name());
    let search = may_search(visit)
        .then(|| PeopleSearch { action: at_group(visit, id, "/members/add"), query: q.to_owned() });
    let page = AddMembersPage {
        frame: visit.frame(&title, frame::Section::Groups, shown.crumbs("Add people"), "").await?,
        search: search.filter(|_| form.is_some()),
        result,
        verdicts,
        form,
        back: Link::new("Back to the group", at_group(visit, id, "")),
    };
    html(status, &page, Part::Page)
}

/// `POST /o/{slug}/groups/{id}/members/add`
pub(crate) async fn add(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let shown = Shown::of(&visit, id).await?;
    match put_in(&visit, id, &fields).await {
        Ok(verdicts) => told(&shown, &fields, verdicts).await,
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let mut form = form(&shown, "", Some(&fields), fields.get("members")).await?;
            form.refuse_all(&error);
            show(&shown, status, "", String::new(), Vec::new(), Some(form)).await
        }
    }
}

async fn put_in(visit: &Visit, id: GroupId, fields: &Fields) -> model::Result<Vec<MemberVerdict>> {
    let typed = fields.get("members").split(is_list_separator).map(trimmed).filter(|line| !line.is_empty());
    let lines: Vec<String> = fields.all("found").chain(typed).map(str::to_owned).collect();
    visit.app().add_members(&visit.caller.actor, id, lines, terms(fields)?).await
}

/// What came of it: on to the group if everybody is in it, else the verdicts, with those who are left in the box.
async fn told(shown: &Shown<'_>, fields: &Fields, came: Vec<MemberVerdict>) -> Answer<Response> {
    let (visit, id) = (shown.visit, shown.details.group.id);
    if came.iter().all(|one| one.verdict == Came::Added) {
        let done = if came.len() == 1 { Done::MemberAdded } else { Done::MembersAdded };
        return Ok(visit.done(&at_group(visit, id, ""), done, shown.name()));
    }
    let count = |wanted: fn(&Came) -> bool| came.iter().filter(|one| wanted(&one.verdict)).count();
    let added = count(|verdict| *verdict == Came::Added);
    let left: Vec<&str> = came
        .iter()
        .filter(|one| matches!(one.verdict, Came::Refused { .. }))
        .map(|one| one.line.as_str())
        .collect();
    let number = people(i64::try_from(added).unwrap_or(i64::MAX));
    let were = if added == 1 { "was" } else { "were" };
    let result = match (added, left.len()) {
        (0, 0) => "Everybody was in it already.".to_owned(),
        (0, _) => "Nobody was added. What to do stands beside each.".to_owned(),
        (_, 0) => format!("{number} {were} added; the others were in it already."),
        (_, refused) => format!("{number} {were} added, {refused} not. Those are in the box again."),
    };
    let status =
        if added == 0 && !left.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let form = match left.as_slice() {
        [] => None,
        left => Some(form(shown, "", Some(fields), &left.join("\n")).await?),
    };
    let mut verdicts = Vec::with_capacity(came.len());
    for one in &came {
        verdicts.push(verdict(visit, one).await);
    }
    show(shown, status, "", result, verdicts, form).await
}

async fn verdict(visit: &Visit, one: &MemberVerdict) -> Verdict {
    let badge = |tone, label: &str| Badge { tone, label: label.to_owned() };
    let (badge, text) = match &one.verdict {
        Came::Added => (badge(Tone::Green, "Added"), String::new()),
        Came::Unchanged => (badge(Tone::Grey, "In it already"), String::new()),
        Came::Refused { code, message } if code == "user.unknown" => {
            (badge(Tone::Red, "Not found"), message.clone())
        }
        Came::Refused { message, .. } => (badge(Tone::Red, "Not added"), message.clone()),
    };
    let mut actions = Vec::new();
    let mut subject = one.line.clone();
    if let Some(user) = one.user.filter(|_| visit.may(Permission::UserRead)) {
        actions.push(Link::new("Open", visit.at_user(user, "")));
        // Who was ticked was sent as an id.
        if subject.parse::<UserId>().is_ok()
            && let Ok(person) = visit.app().user(&visit.caller.actor, user).await
        {
            person.user.name().clone_into(&mut subject);
        }
    }
    Verdict { subject, badge, text, actions }
}

/// The name of somebody of a group whom a question is about.
pub(super) async fn name_of(visit: &Visit, group: GroupId, user: UserId) -> Answer<String> {
    match visit.app().name_within(&visit.caller.actor, group, user).await {
        Err(error) if error.kind() == Kind::Forbidden => Ok("this person".to_owned()),
        found => Ok(found?),
    }
}

/// `GET /o/{slug}/groups/{id}/members/{name}/remove`
pub(crate) async fn ask_remove(visit: Visit, Id(id): Id<GroupId>, Name(user): Name) -> Answer<Response> {
    ask(&visit, id, user.parse()?, StatusCode::OK, None).await
}

async fn ask(
    visit: &Visit,
    id: GroupId,
    user: UserId,
    status: StatusCode,
    error: Option<&Error>,
) -> Answer<Response> {
    let shown = Shown::of(visit, id).await?;
    let name = name_of(visit, id, user).await?;
    let mut form = Form {
        action: at_group(visit, id, &format!("/members/{user}/remove")),
        csrf: visit.caller.csrf.clone(),
        submit: "Take out".to_owned(),
        cancel: at_group(visit, id, ""),
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let (trying, preview) = visit.caller.actor.previewing();
    let tried = visit.app().remove_member(&trying, id, user).await;
    let dialog = Dialog {
        title: format!("Take {name} out of {}?", shown.name()),
        icon: "user-minus",
        lead: format!("{name} loses what the group gives, at once, but for what comes some other way."),
        consequences: foreseen(tried, &preview),
        advice: None,
        form,
    };
    let frame = visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs("Take out"), "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/groups/{id}/members/{name}/remove`
pub(crate) async fn remove(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(user): Name,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    let user = user.parse()?;
    match visit.app().remove_member(&visit.caller.actor, id, user).await {
        Ok(_) => {
            let shown = Shown::of(&visit, id).await?;
            Ok(visit.done(&at_group(&visit, id, ""), Done::MemberRemoved, shown.name()))
        }
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, id, user, status, Some(&error)).await
        }
    }
}
