//! Where a group stands: putting one into another, moving it on, taking it out.

use app::memberships::ToGive;
use axum::{http::StatusCode, response::Response};
use model::{Error, GroupId};

use super::{at_group, page::Shown};
use crate::{
    console::{
        access::foreseen,
        done::Done,
        memberships::{term_fields, terms},
        view::{
            form::{Choice, Control, Field, Form, Section},
            frame,
            question::Dialog,
        },
        visit::{Visit, shown_again},
    },
    extract::{Fields, Id, Name},
    problem::Answer,
};

/// So many groups are offered to choose from; among more, one is named.
const OFFERED: u16 = 200;

/// The group that is chosen: from a list, or by its name where the list would be too long.
pub(super) async fn group_field(
    visit: &Visit,
    label: &str,
    without: &[GroupId],
    sent: Option<&Fields>,
) -> model::Result<Field> {
    let chosen = sent.map_or("", |sent| sent.get("group"));
    let ToGive { groups, more } = visit.app().groups_to_give(&visit.caller.actor, OFFERED).await?;
    if more {
        let field = Field::text("group", label).value(chosen).required().autofocus();
        return Ok(field.hint("Its name, in full."));
    }
    let others = groups.iter().filter(|group| !without.contains(&group.id));
    let choice = |group: &model::group::Group| {
        let id = group.id.to_string();
        let is_chosen = id == chosen;
        Choice::new(id, &group.fields.name).chosen(is_chosen)
    };
    let mut choices = vec![Choice::new("", "Choose a group")];
    choices.extend(others.map(choice));
    Ok(Field::new("group", label, Control::Select(choices)).required().autofocus())
}

/// The group that was chosen or named.
pub(super) async fn chosen(visit: &Visit, fields: &Fields) -> model::Result<GroupId> {
    let Some(name) = fields.filled("group") else {
        return Err(Error::invalid_field("group", "group.missing", "Choose a group."));
    };
    let found = visit.app().group_id(&visit.caller.actor, name).await;
    found.map_err(|error| {
        let message =
            if error.code() == "group.unknown" { error.message() } else { "There is no such group." };
        Error::invalid_field("group", "group.unknown", message)
    })
}

/// A question about where a group stands.
#[derive(Clone, Copy)]
enum Question {
    /// Another group is put into this one.
    Nest,
    /// This one is put into another.
    StandIn,
    /// A group in this one is moved into another.
    Move(GroupId),
    /// A group in this one is taken out.
    TakeOut(GroupId),
}

impl Question {
    fn path(self) -> String {
        match self {
            Self::Nest => "/nest".to_owned(),
            Self::StandIn => "/stand-in".to_owned(),
            Self::Move(child) => format!("/move/{child}"),
            Self::TakeOut(child) => format!("/take-out/{child}"),
        }
    }
}

/// `GET /o/{slug}/groups/{id}/nest`
pub(crate) async fn ask_nest(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    ask(&visit, id, Question::Nest, StatusCode::OK, None).await
}

/// `GET /o/{slug}/groups/{id}/stand-in`
pub(crate) async fn ask_stand_in(visit: Visit, Id(id): Id<GroupId>) -> Answer<Response> {
    ask(&visit, id, Question::StandIn, StatusCode::OK, None).await
}

/// `GET /o/{slug}/groups/{id}/move/{name}`
pub(crate) async fn ask_move(visit: Visit, Id(id): Id<GroupId>, Name(child): Name) -> Answer<Response> {
    ask(&visit, id, Question::Move(child.parse()?), StatusCode::OK, None).await
}

/// `GET /o/{slug}/groups/{id}/take-out/{name}`
pub(crate) async fn ask_take_out(visit: Visit, Id(id): Id<GroupId>, Name(child): Name) -> Answer<Response> {
    ask(&visit, id, Question::TakeOut(child.parse()?), StatusCode::OK, None).await
}

async fn ask(
    visit: &Visit,
    id: GroupId,
    question: Question,
    status: StatusCode,
    again: Option<(&Fields, &Error)>,
) -> Answer<Response> {
    let shown = Shown::of(visit, id).await?;
    let (name, sent) = (shown.name(), again.map(|(sent, _)| sent));
    let inner = match question {
        Question::Move(child) | Question::TakeOut(child) => {
            visit.app().group(&visit.caller.actor, child).await?.group.fields.name
        }
        _ => String::new(),
    };
    let (title, icon, lead, submit) = match question {
        Question::Nest => (
            format!("Put a group into {name}"),
            "nest",
            format!("Everybody in it has what {name} gives, from now on."),
            "Put in",
        ),
        Question::StandIn => (
            format!("Put {name} into a group"),
            "nest",
            format!("Everybody in {name} has what that group gives, from now on."),
            "Put in",
        ),
        Question::Move(_) => (
            format!("Move {inner} to another group"),
            "nest",
            format!("Everybody in {inner} loses what {name} gives, and has what the other one gives."),
            "Move",
        ),
        Question::TakeOut(_) => (
            format!("Take {inner} out of {name}?"),
            "minus",
            format!(
                "Everybody in {inner} loses what {name} gives, at once, but for what comes some other way."
            ),
            "Take out",
        ),
    };
    let mut fields = Vec::new();
    match question {
        Question::TakeOut(_) => {}
        Question::Move(child) => fields.push(group_field(visit, "Into", &[id, child], sent).await?),
        _ => {
            fields.push(group_field(visit, "Group", &[id], sent).await?);
            fields.extend(term_fields(sent));
        }
    }
    let mut form = Form {
        action: at_group(visit, id, &question.path()),
        csrf: visit.caller.csrf.clone(),
        submit: submit.to_owned(),
        cancel: at_group(visit, id, "/groups"),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some((_, error)) = again {
        form.refuse_all(error);
    }
    let mut consequences = Vec::new();
    if let Question::TakeOut(child) = question {
        let (trying, preview) = visit.caller.actor.previewing();
        let tried = visit.app().unnest(&trying, id, child).await;
        consequences = foreseen(tried, &preview);
    }
    let dialog = Dialog { title, icon, lead, consequences, advice: None, form };
    let frame = visit.frame(&dialog.title, frame::Section::Groups, shown.crumbs(submit), "").await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/groups/{id}/nest`
pub(crate) async fn nest(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    carry_out(&visit, id, Question::Nest, &fields).await
}

/// `POST /o/{slug}/groups/{id}/stand-in`
pub(crate) async fn stand_in(visit: Visit, Id(id): Id<GroupId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    carry_out(&visit, id, Question::StandIn, &fields).await
}

/// `POST /o/{slug}/groups/{id}/move/{name}`
pub(crate) async fn move_on(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(child): Name,
    fields: Fields,
) -> Answer<Response> {
    // Before the path is read: a foreign form is refused as one, whatever it names.
    let fields = fields.of(&visit.caller)?;
    carry_out(&visit, id, Question::Move(child.parse()?), &fields).await
}

/// `POST /o/{slug}/groups/{id}/take-out/{name}`
pub(crate) async fn take_out(
    visit: Visit,
    Id(id): Id<GroupId>,
    Name(child): Name,
    fields: Fields,
) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    carry_out(&visit, id, Question::TakeOut(child.parse()?), &fields).await
}

async fn carry_out(visit: &Visit, id: GroupId, question: Question, fields: &Fields) -> Answer<Response> {
    match perform(visit, id, question, fields).await {
        Ok(done) => Ok(visit.done(&at_group(visit, id, "/groups"), done, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(visit, id, question, status, Some((fields, &error))).await
        }
    }
}

async fn perform(visit: &Visit, id: GroupId, question: Question, fields: &Fields) -> model::Result<Done> {
    let (app, actor) = (visit.app(), &visit.caller.actor);
    match question {
        Question::Nest => {
            let child = chosen(visit, fields).await?;
            app.nest(actor, id, child, terms(fields)?).await?;
            Ok(Done::Nested)
        }
        Question::StandIn => {
            let parent = chosen(visit, fields).await?;
            app.nest(actor, parent, id, terms(fields)?).await?;
            Ok(Done::Nested)
        }
        Question::Move(child) => {
            let to = chosen(visit, fields).await?;
            app.move_group(actor, child, id, to).await?;
            Ok(Done::GroupMoved)
        }
        Question::TakeOut(child) => {
            app.unnest(actor, id, child).await?;
            Ok(Done::Unnested)
        }
    }
}
