//! The questions before something changes, and what is shown after.

use super::super::{
    form::{Choice, Control, Field, Form, Section as FormSection},
    parts::{Banner, Link, Secret, Tone},
    question::{Dialog, DonePage, QuestionPage, RestOfTokens},
};
use super::people::user_frame;
use super::{Drawn, draw};

/// The shell of a question's form.
pub(super) fn question(submit: &str, danger: bool, fields: Vec<Field>) -> Form {
    Form {
        action: "/o/northwind/users/01930004/suspend".to_owned(),
        csrf: "csrf-of-this-session".to_owned(),
        version: "7".to_owned(),
        submit: submit.to_owned(),
        danger,
        cancel: "/o/northwind/users/01930004".to_owned(),
        sections: vec![FormSection::plain(fields)],
        ..Form::default()
    }
}

fn reasons() -> Field {
    let reasons = ["On leave", "Left", "Contract ended", "Investigation", "Security", "Inactive", "Other"];
    let choices = reasons.map(|reason| Choice::new(reason.to_lowercase(), reason)).to_vec();
    Field::new("reason", "Reason", Control::Select(choices)).required().autofocus()
}

fn suspend() -> QuestionPage {
    let note = Field::new("note", "Note", Control::Text { rows: 3 })
        .limit(500)
        .hint("Shown on the profile. At most 500 characters.");
    QuestionPage {
        frame: user_frame("Suspend"),
        dialog: Dialog {
            title: "Suspend Elif Yılmaz?".to_owned(),
            icon: "pause",
            lead: "Elif can’t sign in until reactivated. Password, groups and roles stay as they are."
                .to_owned(),
            consequences: vec![
                "2 sessions and 1 API token end at once, and don’t come back.".to_owned(),
                "Links that were sent to Elif stop working.".to_owned(),
            ],
            advice: None,
            form: question("Suspend", false, vec![reasons(), note]),
        },
    }
}

fn delete() -> QuestionPage {
    let confirm = Control::Retype("elif.yilmaz@northwind.example".to_owned());
    QuestionPage {
        frame: user_frame("Delete"),
        dialog: Dialog {
            title: "Delete Elif Yılmaz?".to_owned(),
            icon: "trash",
            lead: "Elif goes to the trash, can be restored with everything for 30 days, and is then purged."
                .to_owned(),
            consequences: vec!["Username and email stay reserved while in the trash.".to_owned()],
            advice: Some(Banner {
                tone: Tone::Amber,
                icon: "info",
                title: "Suspended for 12 days so far".to_owned(),
                lines: vec![
                    "We recommend 30 days of suspension first: files and duties turn up late.".to_owned(),
                ],
                action: None,
            }),
            form: question(
                "Delete user",
                true,
                vec![Field::new("confirm", "Type the email to confirm", confirm).required().autofocus()],
            ),
        },
    }
}

fn password() -> QuestionPage {
    let way = vec![
        Choice::new("generated", "Generate one").hint("Long, easy to read out, shown once.").chosen(true),
        Choice::new("typed", "Type one"),
    ];
    QuestionPage {
        frame: user_frame("Temporary password"),
        dialog: Dialog {
            title: "Set a temporary password".to_owned(),
            icon: "password",
            lead: "Elif’s present password stops working, and every session ends.".to_owned(),
            consequences: Vec::new(),
            advice: None,
            form: question(
                "Set password",
                false,
                vec![
                    Field::new("way", "Password", Control::Radio(way)),
                    Field::new("password", "Temporary password", Control::Password)
                        .required()
                        .autocomplete("new-password")
                        .shown_when("way", "typed"),
                    Field::new("must_change", "Must be changed at the first sign-in", Control::Checkbox)
                        .value("on")
                        .hint("Within 72 hours; after that it stops working."),
                ],
            ),
        },
    }
}

fn done() -> DonePage {
    DonePage {
        frame: user_frame("Temporary password"),
        secret: Secret {
            title: "Temporary password".to_owned(),
            text: "Shown this once. Elif must choose another at the first sign-in, within 72 hours."
                .to_owned(),
            label: "Temporary password".to_owned(),
            value: "kelp-Orbit-7-maple-trace".to_owned(),
        },
        rest: Some(RestOfTokens {
            text: "1 older API token of Elif Yılmaz still works.".to_owned(),
            tokens: vec!["“Nightly export”, created 8 months ago, last used 18 minutes ago".to_owned()],
            revoke: Some(Link::new("Revoke all tokens", "/o/northwind/users/01930004/tokens/revoke")),
        }),
        back: Link::new("Back to Elif Yılmaz", "/o/northwind/users/01930004"),
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    let (suspend, delete, password) = (suspend(), delete(), password());
    vec![
        ("suspend", draw(&suspend)),
        ("suspend.dialog", draw(&suspend.as_dialog())),
        ("delete", draw(&delete)),
        ("delete.dialog", draw(&delete.as_dialog())),
        ("password", draw(&password)),
        ("password.dialog", draw(&password.as_dialog())),
        ("password-done", draw(&done())),
    ]
}
