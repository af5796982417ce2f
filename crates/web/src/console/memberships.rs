//! Which groups a user is in directly: the card on the user's page, the question that changes them, and the groups to
//! tick in forms. The pages of a group are `groups.rs`.

use std::collections::BTreeSet;

use app::{Person, memberships::ToGive, users::Membership};
use axum::{http::StatusCode, response::Response};
use model::{Error, GroupId, Permission, UserId, grant::GrantTerms, group::Group, lifecycle::StateName};

use super::{
    done::Done,
    forms::{Values, remembered},
    giving,
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        groups::{GroupsCard, PlaceRow},
        parts::{Action, Link},
        question::Dialog,
    },
    visit::{Visit, shown_again},
    words::{Names, clocks, moment, parse_time},
};
use crate::{
    extract::{Fields, Id},
    problem::Answer,
};

/// So many groups are offered to tick; further ones are named.
const OFFERED: u16 = 60;

/// The groups that a person is in, on the person's page.
pub(crate) fn card(visit: &Visit, person: &Person, names: &Names) -> Option<GroupsCard> {
    if !visit.may(Permission::GroupList) && !visit.may(Permission::UserRead) {
        return None;
    }
    let now = visit.app().now();
    let row = |held: &Membership| PlaceRow {
        name: held.name.clone(),
        href: if visit.may(Permission::GroupRead) {
            visit.at(&format!("/groups/{}", held.group))
        } else {
            String::new()
        },
        since: moment(held.given.at, now),
        by: names.label(held.given.by),
        begins: held.given.terms.valid_from.filter(|from| *from > now).map(|from| moment(from, now)),
        until: held.given.terms.valid_until.map(|until| moment(until, now)),
        reason: names.reason(&held.given.terms),
        actions: if may_change(visit, person) && visit.may(Permission::RoleAssign) {
            let ways = |path: &str| giving::of_group(path, held.group);
            giving::ending(visit, person.user.id, &held.given, now, ways)
        } else {
            Vec::new()
        },
    };
    let change = may_change(visit, person)
        .then(|| Action::dialog("Change groups", visit.at_user(person.user.id, "/groups"), "edit"));
    Some(GroupsCard { rows: person.memberships.iter().map(row).collect(), change })
}

/// Whether this viewer can put the person into groups at all.
pub(crate) fn may_change(visit: &Visit, person: &Person) -> bool {
    let is_there = !matches!(person.user.state.name(), StateName::Trashed | StateName::Purged);
    is_there && visit.may(Permission::GroupAssign)
}

/// The groups to tick in a form, those `held` first; none if this viewer can give none. `sent` fills them with what was
/// typed before.
pub(crate) async fn group_fields(
    visit: &Visit,
    held: &[Membership],
    sent: Option<&Fields>,
) -> model::Result<Vec<Field>> {
    let ToGive { groups, more } = visit.app().groups_to_give(&visit.caller.actor, OFFERED).await?;
    if groups.is_empty() && held.is_empty() {
        return Ok(Vec::new());
    }
    let ticked = |id: GroupId, otherwise: bool| {
        sent.map_or(otherwise, |sent| sent.all("groups").any(|chosen| chosen == id.to_string()))
    };
    let can_give = |id: GroupId| more || groups.iter().any(|group| group.id == id);
    let mut choices = Vec::with_capacity(held.len() + groups.len());
    for held in held {
        let choice = Choice::new(held.group.to_string(), &held.name).chosen(ticked(held.group, true));
        choices.push(if can_give(held.group) { choice } else { choice.hint("You can’t take it away.") });
    }
    let others = groups.iter().filter(|group| !held.iter().any(|held| held.group == group.id));
    choices.extend(others.map(|group| group_choice(group).chosen(ticked(group.id, false))));
    let mut fields = vec![Field::new("groups", "Groups", Control::Checkboxes(choices))];
    if more {
        let further = Field::new("further_groups", "Further groups", Control::Text { rows: 2 })
            .value(sent.map_or("", |sent| sent.get("further_groups")))
            .hint("There are more than are shown. Type their names, one in a line.");
        fields.push(further);
    }
    Ok(fields)
}

fn group_choice(group: &Group) -> Choice {
    Choice::new(group.id.to_string(), &group.fields.name).hint(&group.fields.description)
}

/// The groups that were ticked or named.
pub(crate) async fn chosen(visit: &Visit, fields: &Fields) -> model::Result<Vec<GroupId>> {
    let typed = fields.get("further_groups").lines().map(str::trim).filter(|name| !name.is_empty());
    let all: Vec<String> = fields.all("groups").chain(typed).map(str::to_owned).collect();
    visit.app().group_ids(&visit.caller.actor, &all).await
}

/// What a form remembers of the groups that it showed as held, beside what its fields held.
pub(crate) fn remembered_with(mut values: Values, held: &[Membership]) -> String {
    let ids: Vec<String> = held.iter().map(|held| held.group.to_string()).collect();
    values.insert("groups".to_owned(), ids.join(" "));
    remembered(&values)
}

/// Which groups to join and which to leave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    pub(crate) join: Vec<GroupId>,
    pub(crate) leave: Vec<GroupId>,
}

impl Moves {
    /// What the form asks for. What somebody else changed since it was opened stays as it is.
    pub(crate) async fn asked(visit: &Visit, person: &Person, fields: &Fields) -> model::Result<Self> {
        let seen: Values = serde_json::from_str(fields.get("seen")).unwrap_or_default();
        let Some(shown) = seen.get("groups") else { return Ok(Self::default()) };
        let shown: BTreeSet<GroupId> = shown.split(' ').filter_map(|id| id.parse().ok()).collect();
        let held: BTreeSet<GroupId> = person.memberships.iter().map(|held| held.group).collect();
        let wanted: BTreeSet<GroupId> = chosen(visit, fields).await?.into_iter().collect();
        Ok(Self::between(&shown, &held, &wanted))
    }

    fn between(shown: &BTreeSet<GroupId>, held: &BTreeSet<GroupId>, wanted: &BTreeSet<GroupId>) -> Self {
        let join = wanted.difference(held).filter(|group| !shown.contains(group));
        let leave = shown.intersection(held).filter(|group| !wanted.contains(group));
        Self { join: join.copied().collect(), leave: leave.copied().collect() }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.join.is_empty() && self.leave.is_empty()
    }

    /// Does it, on the same terms for every group that is joined.
    pub(crate) async fn carry_out(
        self,
        visit: &Visit,
        user: UserId,
        terms: GrantTerms,
    ) -> model::Result<Person> {
        visit.app().change_groups(&visit.caller.actor, user, self.join, self.leave, terms).await
    }
}

/// What is asked of everything that is given: until when, and why.
pub(crate) fn term_fields(sent: Option<&Fields>) -> [Field; 2] {
    let kept = |name: &str| sent.map_or("", |sent| sent.get(name));
    [
        Field::new("valid_until", "Until", Control::Input("datetime-local"))
            .value(kept("valid_until"))
            .half()
            .hint(format!("{} Left empty: for good.", clocks())),
        Field::text("reason", "Reason").value(kept("reason")).half().limit(500),
    ]
}

/// The terms that were typed.
pub(crate) fn terms(fields: &Fields) -> model::Result<GrantTerms> {
    let until = fields.filled("valid_until").map(|text| parse_time("valid_until", text)).transpose()?;
    Ok(GrantTerms::until(until, fields.get("reason")))
}

/// `GET /o/{slug}/users/{id}/groups`
pub(crate) async fn page(visit: Visit, Id(id): Id<UserId>) -> Answer<Response> {
    let person = visit.app().user(&visit.caller.actor, id).await?;
    ask(&visit, &person, StatusCode::OK, None, None).await
}

async fn ask(
    visit: &Visit,
    person: &Person,
    status: StatusCode,
    sent: Option<&Fields>,
    error: Option<&Error>,
) -> Answer<Response> {
    let (id, name) = (person.user.id, person.user.name());
    let mut fields = group_fields(visit, &person.memberships, sent).await?;
    let none = fields.is_empty();
    if !none {
        fields.extend(term_fields(sent).map(|field| {
            if field.name == "valid_until" {
                field.hint(format!("{} For the groups that are added. Left empty: for good.", clocks()))
            } else {
                field
            }
        }));
    }
    let seen = sent.map_or_else(
        || remembered_with(Values::new(), &person.memberships),
        |sent| sent.get("seen").to_owned(),
    );
    let mut form = Form {
        action: visit.at_user(id, "/groups"),
        csrf: visit.caller.csrf.clone(),
        seen,
        submit: if none { String::new() } else { "Change groups".to_owned() },
        cancel: visit.at_user(id, ""),
        sections: vec![Section::plain(fields)],
        ..Form::default()
    };
    if let Some(error) = error {
        form.refuse_all(error);
    }
    let lead = if none {
        "There is no group that you could put anybody into. Create one first."
    } else {
        "Ticked: in it from now on. Not ticked: taken out. It takes effect at once."
    };
    let dialog = Dialog {
        title: format!("Change the groups of {name}"),
        icon: "group",
        lead: lead.to_owned(),
        consequences: Vec::new(),
        advice: None,
        form,
    };
    let crumbs = vec![
        Link::new("Users", visit.at("/users")),
        Link::new(name, visit.at_user(id, "")),
        Link::new("Groups", ""),
    ];
    let frame = visit.frame(&dialog.title, frame::Section::Users, crumbs, name).await?;
    visit.question(status, frame, dialog)
}

/// `POST /o/{slug}/users/{id}/groups`
pub(crate) async fn change(visit: Visit, Id(id): Id<UserId>, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let person = visit.app().user(&visit.caller.actor, id).await?;
    match save(&visit, &person, &fields).await {
        Ok(()) => Ok(visit.done(&visit.at_user(id, ""), Done::GroupsChanged, person.user.name())),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            ask(&visit, &person, status, Some(&fields), Some(&error)).await
        }
    }
}

async fn save(visit: &Visit, person: &Person, fields: &Fields) -> model::Result<()> {
    let moves = Moves::asked(visit, person, fields).await?;
    if let Some(refusal) = &visit.caller.actor.refusal {
        return Err(refusal.clone());
    }
    if !moves.is_none() {
        moves.carry_out(visit, person.user.id, terms(fields)?).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, GroupId, Moves};

    #[test]
    fn what_others_changed_meanwhile_is_left_alone() {
        let group = |number: u128| GroupId(uuid::Uuid::from_u128(number));
        let set = |numbers: &[u128]| -> BTreeSet<GroupId> { numbers.iter().map(|n| group(*n)).collect() };
        // Shown as held: 1, 2. Meanwhile somebody took 1 away and added 3. The form unticks 2 and ticks 4.
        let moves = Moves::between(&set(&[1, 2]), &set(&[2, 3]), &set(&[1, 4]));
        assert_eq!(moves, Moves { join: vec![group(4)], leave: vec![group(2)] });
    }
}
