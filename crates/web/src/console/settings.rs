//! The organization's settings: what it is called, where it is found, and its rules.

use axum::{http::StatusCode, response::Response};
use model::{Error, FieldError, Kind, Org, Permission, Settings, settings::range};
use serde_json::{Map, Value, json};

use super::{
    done::Done,
    forms::{Sent, Values, remembered},
    view::{
        form::{Choice, Control, Field, Form, Section},
        frame,
        parts::Link,
        settings::{GeneralSettings, PolicySettings},
        users::Tab,
    },
    visit::{Part, Visit, html, shown_again},
    words::moment,
};
use crate::{extract::Fields, problem::Answer};

/// One rule: its name in the settings (`group.rule`), and how it is asked for.
struct Rule {
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    hint: &'static str,
}

const fn rule(name: &'static str, label: &'static str, unit: &'static str, hint: &'static str) -> Rule {
    Rule { name, label, unit, hint }
}

/// How hard to guess a password must be, by the policy's number.
const STRENGTHS: [&str; 5] = [
    "Anything that is long enough",
    "Over a thousand guesses",
    "Over a million guesses",
    "Over a hundred million guesses",
    "Over ten billion guesses",
];

/// The rules by group: title, words, rules. A rule with the unit `yes` is a box, with `text` a line, with
/// `networks` a line of several, with `strength` a choice, else a number.
const GROUPS: [(&str, &str, &[Rule]); 7] = [
    (
        "Region",
        "",
        &[rule(
            "region.time_zone",
            "Time zone",
            "text",
            "Such as Europe/Berlin. Dates without a time count there, and times are shown there to people who have set no \
             other. Empty: UTC.",
        )],
    ),
    (
        "Passwords",
        "Asked of every password chosen from now on.",
        &[
            rule("password.minimum_length", "Shortest password", "characters", ""),
            rule(
                "password.minimum_strength",
                "How hard to guess",
                "strength",
                "Estimated. Common passwords and the person's own names are never accepted.",
            ),
            rule(
                "password.history",
                "Earlier passwords that can't be used again",
                "passwords",
                "The present one never can.",
            ),
            rule(
                "password.expires_after_days",
                "Another one must be chosen after",
                "days",
                "0 for never, which is best: who must change often chooses weaker ones.",
            ),
            rule("password.temporary_hours", "A temporary password works for", "hours", ""),
        ],
    ),
    (
        "Lock-out",
        "Slows down guessing. Open sessions and known devices go on.",
        &[
            rule("lockout.failures_per_address", "Pause after", "failures from one address", ""),
            rule("lockout.failures_in_total", "Lock the password after", "failures in total", ""),
            rule(
                "lockout.accounts_per_address",
                "Refuse an address after",
                "accounts",
                "Different accounts that failed there and never signed in from there. Known devices and accounts that have \
                 signed in from there are not refused.",
            ),
            rule(
                "lockout.exempt_networks",
                "Networks where accounts are not counted",
                "networks",
                "Such as your office: 203.0.113.0/24, 2001:db8::/32. Separate them with commas.",
            ),
            rule("lockout.minutes", "For", "minutes", "Failures within this time count together."),
            rule(
                "lockout.unlock_by_mail",
                "The mail about a locked password can unlock it",
                "yes",
                "Whoever reads the person's mail can, for an hour.",
            ),
        ],
    ),
    (
        "Sessions",
        "How long a sign-in lasts, from the next sign-in on.",
        &[
            rule("session.idle_minutes", "End when not used for", "minutes", ""),
            rule("session.absolute_hours", "End in any case after", "hours", ""),
            rule("session.remember", "Offer “Keep me signed in”", "yes", "Never to people with a role."),
            rule("session.remembered_idle_days", "Kept: end when not used for", "days", ""),
            rule("session.remembered_absolute_days", "Kept: end in any case after", "days", ""),
            rule(
                "session.maximum",
                "Most at once for each person",
                "sessions",
                "A new one ends the oldest. 0: no limit.",
            ),
        ],
    ),
    (
        "Invitations",
        "For invitations sent from now on.",
        &[
            rule(
                "invitation.lifetime_hours",
                "An invitation lasts",
                "hours",
                "Unless its sender says otherwise.",
            ),
            rule(
                "invitation.remind",
                "Remind who has not accepted",
                "yes",
                "After 3 days, and 24 hours before the end.",
            ),
        ],
    ),
    (
        "Coming and going",
        "",
        &[
            rule(
                "lifecycle.username_template",
                "Usernames are made as",
                "text",
                "From {given}, {family} and their first letters {g}, {f}, with . _ - between.",
            ),
            rule("lifecycle.trash_days", "Keep deleted users for", "days", "0 erases at once."),
            rule(
                "lifecycle.delete_requires_suspension",
                "Only suspended users can be deleted",
                "yes",
                "Whoever is active is suspended first.",
            ),
        ],
    ),
    ("Audit log", "What is older than this loses its personal values, once a day.", AUDIT),
];

/// What the audit log keeps.
const AUDIT: &[Rule] = &[rule(
    "audit.retention_days",
    "Erase names, values and addresses after",
    "days",
    "0 keeps them. What happened when, and every proof, stays.",
)];

fn rules() -> impl Iterator<Item = &'static Rule> {
    GROUPS.iter().flat_map(|(_, _, rules)| rules.iter())
}

/// The parts of the settings that this viewer may see.
pub(crate) fn tabs(visit: &Visit, current: &str) -> Vec<Tab> {
    let parts = [
        ("General", "/settings", Permission::SettingsRead),
        ("Policies", "/settings/policies", Permission::SettingsRead),
        ("Mail", "/settings/mail", Permission::MailRead),
        ("API tokens", "/settings/tokens", Permission::TokenList),
    ];
    let seen = parts.into_iter().filter(|(.., permission)| visit.may(*permission));
    seen.map(|(label, path, _)| Tab { label, href: visit.at(path), current: label == current }).collect()
}

async fn frame(visit: &Visit, title: &str) -> Answer<frame::Frame> {
    let crumbs = vec![Link::new("Settings", visit.at("/settings")), Link::new(title, "")];
    visit.frame(&format!("{title} settings"), frame::Section::Settings, crumbs, "").await
}

/// The shell of a form of settings; without a button for those who may only look.
pub(crate) fn shell(
    visit: &Visit,
    path: &str,
    org: &Org,
    submit: &str,
    may: bool,
    sections: Vec<Section>,
) -> Form {
    let mut form = Form {
        action: visit.at(path),
        csrf: visit.caller.csrf.clone(),
        version: org.version.to_string(),
        submit: if may { submit.to_owned() } else { String::new() },
        sections,
        ..Form::default()
    };
    if !may {
        for section in &mut form.sections {
            let locked = |field: Field| field.locked("You may look at this and not change it.");
            section.fields = std::mem::take(&mut section.fields).into_iter().map(locked).collect();
        }
    }
    form
}

/// `GET /o/{slug}/settings`
pub(crate) async fn general_page(visit: Visit) -> Answer<Response> {
    let org = visit.org().clone();
    general(&visit, StatusCode::OK, name_form(&visit, &org, &org.name), rename_form(&visit, ["", ""])).await
}

fn name_form(visit: &Visit, org: &Org, name: &str) -> Form {
    let field =
        Field::text("name", "Name").value(name).required().limit(100).hint("Shown to everyone who signs in.");
    let may = visit.may(Permission::SettingsUpdate);
    shell(visit, "/settings", org, "Save", may, vec![Section::new("Organization", "", vec![field])])
}

/// For those who may: the address, and its present form typed once more.
fn rename_form(visit: &Visit, [wanted, confirm]: [&str; 2]) -> Option<Form> {
    let org = visit.org();
    let fields = vec![
        Field::text("slug", "New short name")
            .value(wanted)
            .required()
            .limit(40)
            .hint("3 to 40 of a–z, 0–9 and -. The old address redirects for 90 days."),
        Field::new("confirm", "Type the present short name to confirm", Control::Retype(org.slug.clone()))
            .value(confirm)
            .required(),
    ];
    let place = format!("Where everything of this organization is found: /o/{}", org.slug);
    let sections = vec![Section::new("Address", &place, fields)];
    let may = visit.may(Permission::OrgRename);
    may.then(|| shell(visit, "/settings/rename", org, "Change the address", true, sections))
}

async fn general(visit: &Visit, status: StatusCode, form: Form, rename: Option<Form>) -> Answer<Response> {
    let frame = frame(visit, "General").await?;
    html(status, &GeneralSettings { frame, tabs: tabs(visit, "General"), form, rename }, Part::Page)
}

/// `POST /o/{slug}/settings`
pub(crate) async fn save_general(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let version = fields.get("version").parse().ok();
    let mut patch = Map::new();
    patch.insert("name".to_owned(), fields.get("name").into());
    match visit.app().edit_org(&visit.caller.actor, patch, version).await {
        Ok(_) => Ok(visit.done(&visit.at("/settings"), Done::Saved, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let org = visit.app().org_of(visit.caller.actor.context).await?;
            let mut form = name_form(&visit, &org, fields.get("name"));
            form.refuse_all(&error);
            general(&visit, status, form, rename_form(&visit, ["", ""])).await
        }
    }
}

/// `POST /o/{slug}/settings/rename`
pub(crate) async fn rename(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    match change_slug(&visit, &fields).await {
        Ok(org) => Ok(visit.done(&format!("/o/{}/settings", org.slug), Done::Renamed, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let org = visit.app().org_of(visit.caller.actor.context).await?;
            let mut form = rename_form(&visit, [fields.get("slug"), fields.get("confirm")]);
            if let Some(form) = &mut form {
                form.refuse_all(&error);
            }
            general(&visit, status, name_form(&visit, &org, &org.name), form).await
        }
    }
}

async fn change_slug(visit: &Visit, fields: &Fields) -> model::Result<Org> {
    let present = &visit.org().slug;
    if !fields.get("confirm").trim().eq_ignore_ascii_case(present) {
        let message = format!("Type {present} to confirm.");
        return Err(Error::invalid_field("confirm", "org.not_confirmed", message));
    }
    let version = fields.get("version").parse().ok();
    visit.app().rename_org(&visit.caller.actor, fields.get("slug"), version).await
}

/// `GET /o/{slug}/settings/policies`
pub(crate) async fn policies_page(visit: Visit) -> Answer<Response> {
    let org = visit.org().clone();
    let values = values(&org.settings);
    let mut form = policies_form(&visit, &org, &values);
    form.seen = remembered(&values);
    policies(&visit, StatusCode::OK, form).await
}

async fn policies(visit: &Visit, status: StatusCode, form: Form) -> Answer<Response> {
    let frame = frame(visit, "Policies").await?;
    html(status, &PolicySettings { frame, tabs: tabs(visit, "Policies"), form }, Part::Page)
}

fn policies_form(visit: &Visit, org: &Org, values: &Values) -> Form {
    let field = |rule: &Rule| {
        let value = values.get(rule.name).map(String::as_str).unwrap_or_default();
        let control = match rule.unit {
            "yes" => Control::Checkbox,
            "text" | "networks" => Control::Input("text"),
            "strength" => Control::Select(strengths(value)),
            unit => {
                let (lowest, highest) = range(rule.name);
                Control::Number { min: lowest.into(), max: highest.into(), unit }
            }
        };
        let mut field = Field::new(rule.name, rule.label, control).value(value).hint(rule.hint);
        field.required = rule.unit != "networks" && rule.name != "region.time_zone";
        field
    };
    let section = |(title, description, rules): &(&str, &str, &'static [Rule])| {
        Section::new(title, description, rules.iter().map(field).collect())
    };
    let may = visit.may(Permission::SettingsUpdate);
    shell(visit, "/settings/policies", org, "Save policies", may, GROUPS.iter().map(section).collect())
}

fn strengths(chosen: &str) -> Vec<Choice> {
    let choice = |(number, label): (usize, &&str)| {
        let number = number.to_string();
        Choice::new(number.clone(), *label).chosen(number == chosen)
    };
    STRENGTHS.iter().enumerate().map(choice).collect()
}

/// What the fields hold for these settings.
fn values(settings: &Settings) -> Values {
    let groups = json!(settings);
    let value = |rule: &Rule| {
        let (group, name) = rule.name.split_once('.')?;
        Some(match groups.get(group)?.get(name)? {
            Value::Bool(true) => "on".to_owned(),
            Value::Bool(false) => String::new(),
            Value::String(text) => text.clone(),
            Value::Array(each) => each.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        })
    };
    rules().map(|rule| (rule.name.to_owned(), value(rule).unwrap_or_default())).collect()
}

/// What was changed, as a merge patch of the settings.
fn patch(sent: &Sent) -> model::Result<Map<String, Value>> {
    let (mut groups, mut refused) = (Map::new(), Vec::new());
    for rule in rules() {
        let (Some(text), Some((group, name))) = (sent.changed(rule.name), rule.name.split_once('.')) else {
            continue;
        };
        let value = match rule.unit {
            "yes" => (text == "on").into(),
            "text" => text.trim().into(),
            "networks" => {
                let each = text.split([',', ' ', '\n']).map(str::trim).filter(|part| !part.is_empty());
                each.map(Value::from).collect()
            }
            _ => {
                let Ok(number) = text.trim().parse::<u16>() else {
                    let (lowest, highest) = range(rule.name);
                    let message = format!("Choose a number from {lowest} to {highest}.");
                    refused.push(FieldError::new(rule.name, "settings.range", message));
                    continue;
                };
                number.into()
            }
        };
        let slot = groups.entry(group).or_insert_with(|| json!({}));
        slot[name] = value;
    }
    let mut patch = Map::new();
    patch.insert("settings".to_owned(), groups.into());
    if refused.is_empty() { Ok(patch) } else { Err(Error::invalid(refused)) }
}

/// `POST /o/{slug}/settings/policies`
pub(crate) async fn save_policies(visit: Visit, fields: Fields) -> Answer<Response> {
    let fields = fields.of(&visit.caller)?;
    let boxes = rules().filter(|rule| rule.unit == "yes").map(|rule| rule.name);
    let others = rules().filter(|rule| rule.unit != "yes").map(|rule| rule.name);
    let sent = Sent::read(&fields, others, boxes);
    let version = fields.get("version").parse().ok();
    match save(&visit, &sent, version).await {
        Ok(_) => Ok(visit.done(&visit.at("/settings/policies"), Done::Saved, "")),
        Err(error) => {
            let (status, error) = shown_again(error)?;
            let org = visit.app().org_of(visit.caller.actor.context).await?;
            let now = values(&org.settings);
            let mut form = policies_form(&visit, &org, &sent.filled(&now));
            if error.kind() == Kind::Stale {
                form.seen = remembered(&now);
                form.disagree(&sent, &now, moment(visit.app().now(), visit.app().now()));
            } else {
                fields.get("seen").clone_into(&mut form.seen);
                fields.get("version").clone_into(&mut form.version);
                form.refuse_all(&error);
            }
            policies(&visit, status, form).await
        }
    }
}

async fn save(visit: &Visit, sent: &Sent, version: Option<i64>) -> model::Result<Org> {
    visit.app().edit_org(&visit.caller.actor, patch(sent)?, version).await
}

#[cfg(test)]
mod tests {
    use super::{rules, values};
    use model::{Settings, settings::range};
    use serde_json::json;

    #[test]
    fn every_rule_of_the_settings_is_on_the_page() {
        let groups = json!(Settings::default());
        let asked: Vec<&str> = rules().map(|rule| rule.name).collect();
        for (group, known) in groups.as_object().expect("an object") {
            // As whom mail is sent stands on the page about mail.
            if group == "mail" {
                continue;
            }
            for name in known.as_object().expect("an object").keys() {
                assert!(asked.contains(&format!("{group}.{name}").as_str()), "{group}.{name} is missing");
            }
        }
        assert_eq!(values(&Settings::default())["session.remember"], "on");
        assert_eq!(range("lifecycle.trash_days"), (0, 365));
    }
}
