//! The pages about invitations, addresses and the ways back in, with invented people.

use super::super::{
    account::{EmailPage, Unconfirmed},
    form::{Control, Field, Form, Section as FormSection},
    frame::Section,
    invitations::{InvitationList, InvitationRow, InvitePage, Verdict},
    parts::{Action, Badge, Banner, Link, Pager, Tone},
    signin::{AcceptancePage, StepPage},
    users::StatusChoice,
};
use super::{
    Drawn, draw,
    forms::{form, new_password, own_heading, rules, tabs},
    frame, org,
    people::moment,
};

fn choice(label: &str, count: &str, current: bool) -> StatusChoice {
    StatusChoice {
        label: label.to_owned(),
        href: format!("/o/northwind/invitations?status={label}"),
        count: count.to_owned(),
        current,
        words: String::new(),
    }
}

fn row(number: usize, name: &str, tone: Tone, status: &str, delivery: &str, why: &str) -> InvitationRow {
    let at = |path: &str| format!("/o/northwind/users/0193000{number}/{path}");
    InvitationRow {
        id: format!("0193000{number}"),
        href: at(""),
        name: name.to_owned(),
        email: format!("invited.{number}@northwind.example"),
        status: Badge { tone, label: status.to_owned() },
        delivery: delivery.to_owned(),
        why: why.to_owned(),
        sent: moment("yesterday"),
        opened: (number == 1).then(|| moment("1 hour ago")),
        expires: moment("in 6 days"),
        by: "Amara Okafor".to_owned(),
        can_resend: status != "Accepted",
        menu: vec![vec![
            Action::dialog("Send again…", at("invitation/resend"), "mail"),
            Action::dialog("Copy the link…", at("invitation/link"), "copy"),
        ]],
    }
}

fn list() -> InvitationList {
    InvitationList {
        frame: frame("Invitations", Section::Invitations, &[("Invitations", "")]),
        summary: "3 pending · 1 undeliverable".to_owned(),
        actions: vec![Action::page("Invite people", "/o/northwind/invitations/invite", "plus")],
        query: String::new(),
        path: "/o/northwind/invitations".to_owned(),
        kept: Vec::new(),
        chips: vec![choice("All", "5", true), choice("Pending", "3", false), choice("Expired", "1", false)],
        filters: vec![choice("Expires within 48 hours", "", false), choice("Older than 3 days", "", true)],
        rows: vec![
            row(1, "Chiara Lombardi", Tone::Blue, "Pending", "Sent", ""),
            row(2, "Inés Moreau-Castellanos de la Fuente", Tone::Amber, "Expired", "Sent", ""),
            row(
                3,
                "invited.3@northwind.example",
                Tone::Red,
                "Undeliverable",
                "Failed",
                "550 5.1.1 no such mailbox",
            ),
            row(4, "李小龙", Tone::Green, "Accepted", "Sent", ""),
        ],
        resend: "/o/northwind/invitations/resend".to_owned(),
        pager: Pager { summary: "4 of 5 invitations".to_owned(), ..Pager::default() },
        empty: None,
        announcement: "4 of 5 invitations".to_owned(),
    }
}

fn invite() -> InvitePage {
    let verdict = |subject: &str, tone, label: &str, text: &str| Verdict {
        subject: subject.to_owned(),
        badge: Badge { tone, label: label.to_owned() },
        text: text.to_owned(),
        actions: vec![Link::new("Look at the user", "/o/northwind/users/01930001")],
    };
    let emails = Field::new("emails", "Email addresses", Control::Text { rows: 4 })
        .required()
        .hint("One or more, separated by commas or lines.");
    InvitePage {
        frame: frame(
            "Invite people",
            Section::Invitations,
            &[("Invitations", "/o/northwind/invitations"), ("Invite", "")],
        ),
        banner: None,
        result: "1 of 2 people was invited".to_owned(),
        verdicts: vec![
            verdict("chiara.lombardi@northwind.example", Tone::Green, "Invited", ""),
            verdict(
                "amara.okafor@northwind.example",
                Tone::Amber,
                "Refused",
                "Somebody with this address is here already.",
            ),
        ],
        form: Some(form("Invite", "/o/northwind/invitations", vec![FormSection::plain(vec![emails])])),
        back: Link::new("Back to the invitations", "/o/northwind/invitations"),
    }
}

fn email() -> EmailPage {
    let address = Field::new("email", "New email", Control::Input("email")).required().autocomplete("email");
    let made = Field::new("made_administrator", "When somebody becomes an administrator", Control::Checkbox);
    EmailPage {
        frame: frame("Email", Section::Account, &[("Your account", "/o/northwind/account"), ("Email", "")]),
        heading: own_heading(),
        tabs: tabs(["Profile", "Email"], 1),
        unconfirmed: Some(Unconfirmed {
            banner: Banner {
                tone: Tone::Amber,
                icon: "mail",
                title: "amara@northwind.example is not confirmed yet".to_owned(),
                lines: vec!["Open the link in the mail that was sent there.".to_owned()],
                action: None,
            },
            action: "/o/northwind/account/email/cancel".to_owned(),
            label: "Keep the present address",
        }),
        form: form("Send a confirmation", "", vec![FormSection::plain(vec![address])]),
        notices: form("Save", "", vec![FormSection::plain(vec![made])]),
    }
}

fn acceptance() -> AcceptancePage {
    AcceptancePage {
        org: org("Northwind", "northwind"),
        title: "Join Northwind".to_owned(),
        lead: "Amara Okafor invites you to work with Northwind.".to_owned(),
        message: "Welcome! Your first day is Monday; choose a password before.\nSee you, Amara".to_owned(),
        small: "For chiara.lombardi@northwind.example, until 27 November.".to_owned(),
        begun: "/o/northwind/invitation/example/begun".to_owned(),
        rules: rules(),
        form: Form {
            username: "chiara.lombardi".to_owned(),
            ..form("Join", "", vec![FormSection::plain(new_password())])
        },
    }
}

fn step() -> StepPage {
    StepPage {
        org: Some(org("Northwind", "northwind")),
        title: "Look into your mail".to_owned(),
        lines: vec![
            "If somebody is known by that name, a link is on its way. It works for an hour.".to_owned(),
        ],
        links: vec![Link::new("Sign in", "/o/northwind/sign-in")],
        more: vec![Link::new("I don’t know my organization", "/find")],
        ..StepPage::default()
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    vec![
        ("invitations", draw(&list())),
        ("invite", draw(&invite())),
        ("account-email", draw(&email())),
        ("invitation", draw(&acceptance())),
        ("forgotten", draw(&step())),
    ]
}
