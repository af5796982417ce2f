//! The pages about mail, with invented mails.

use super::super::{
    form::{Field, Form, Section as FormSection},
    frame::Section,
    mails::{LetterPage, LetterRow, MailList, MailListPage, MailPreview, MailRow, MailSettings, MailboxPage},
    parts::{Badge, Banner, Card, Entry, Link, Pager, Shown, Tone},
    users::{StatusChoice, Tab},
};
use super::{Drawn, draw, frame, people::moment};

fn tabs() -> Vec<Tab> {
    ["General", "Policies", "Mail"]
        .map(|label| Tab { label, href: "/o/northwind/settings".to_owned(), current: label == "Mail" })
        .to_vec()
}

fn row(address: &str, tone: Tone, state: &str, why: &str) -> MailRow {
    MailRow {
        kind: "Invitation",
        address: address.to_owned(),
        user_href: "/o/northwind/users/01930004".to_owned(),
        state: Badge { tone, label: state.to_owned() },
        why: why.to_owned(),
        created: moment("3 hours ago"),
        then: Some(moment("1 hour ago")),
        retry_href: "/o/northwind/settings/mail/01930005/retry".to_owned(),
    }
}

fn rows() -> Vec<MailRow> {
    vec![
        row("elif.yilmaz@northwind.example", Tone::Red, "Failed", "550 5.1.1 there is no such mailbox here"),
        row("xiaolong.li@northwind.example", Tone::Red, "Failed", "552 5.2.2 the mailbox is full"),
    ]
}

fn form(submit: &str, title: &str, field: Field) -> Form {
    Form {
        action: "/o/northwind/settings/mail".to_owned(),
        csrf: "csrf-of-this-session".to_owned(),
        submit: submit.to_owned(),
        sections: vec![FormSection::new(title, "", vec![field])],
        ..Form::default()
    }
}

fn settings() -> MailSettings {
    MailSettings {
        frame: frame(
            "Mail settings",
            Section::Settings,
            &[("Settings", "/o/northwind/settings"), ("Mail", "")],
        ),
        tabs: tabs(),
        banners: vec![Banner {
            tone: Tone::Amber,
            icon: "mail",
            title: "No mail server is configured".to_owned(),
            lines: vec!["Mail waits.".to_owned()],
            action: None,
        }],
        status: Card {
            title: "How mail stands".to_owned(),
            entries: vec![
                Entry::new("Sent through", Shown::Nothing),
                Entry::new("Last error", Shown::Moment(moment("3 hours ago"))).remark("connection refused"),
            ],
        },
        lists: vec![MailList {
            name: "failed",
            title: "Could not be sent".to_owned(),
            text: "Nothing more happens to these by itself.",
            rows: rows(),
            retry_href: "/o/northwind/settings/mail/retry".to_owned(),
            retry_label: "Send all again",
            more_href: "/o/northwind/settings/mail/all?state=failed".to_owned(),
        }],
        sender: form("Save sender", "Sender", Field::text("mail.sender_name", "Sender's name")),
        test: Some(form("Send a test mail", "Test", Field::text("address", "To"))),
        previews: vec![Link::new("Invitation", "/o/northwind/settings/mail/preview/invitation")],
        all_href: "/o/northwind/settings/mail/all".to_owned(),
    }
}

fn list() -> MailListPage {
    let chip = |label: &str, current| StatusChoice {
        label: label.to_owned(),
        href: "/o/northwind/settings/mail/all".to_owned(),
        count: "2".to_owned(),
        current,
        words: String::new(),
    };
    MailListPage {
        frame: frame(
            "Mails",
            Section::Settings,
            &[("Mail", "/o/northwind/settings/mail"), ("All mails", "")],
        ),
        tabs: tabs(),
        chips: vec![chip("All", false), chip("Failed", true)],
        rows: rows(),
        empty: None,
        pager: Pager { summary: "2 mails".to_owned(), ..Pager::default() },
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    let (list, subject) = (list(), "Amara Okafor invites you to Northwind".to_owned());
    let text = "Hello,\n\nAmara Okafor has invited you.".to_owned();
    let preview = MailPreview {
        frame: frame("Invitation", Section::Settings, &[("Mail", ""), ("Invitation", "")]),
        tabs: tabs(),
        title: "Invitation",
        subject: subject.clone(),
        html_href: "/o/northwind/settings/mail/preview/invitation/html".to_owned(),
        text: text.clone(),
        others: tabs(),
    };
    let letter = LetterRow {
        href: "/demo/mailbox/01930006".to_owned(),
        subject: subject.clone(),
        to: "elif.yilmaz@northwind.example".to_owned(),
        when: moment("2 minutes ago"),
    };
    let letter_page = LetterPage {
        subject,
        from: "Northwind".to_owned(),
        reply_to: "people@northwind.example".to_owned(),
        to: letter.to.clone(),
        when: letter.when.clone(),
        html_href: "/demo/mailbox/01930006/html".to_owned(),
        text,
    };
    vec![
        ("settings-mail", draw(&settings())),
        ("settings-mail-all", draw(&list)),
        ("settings-mail-all.results", draw(&list.as_results())),
        ("settings-mail-preview", draw(&preview)),
        ("mailbox", draw(&MailboxPage { letters: vec![letter] })),
        ("mailbox-empty", draw(&MailboxPage { letters: Vec::new() })),
        ("mailbox-letter", draw(&letter_page)),
    ]
}
