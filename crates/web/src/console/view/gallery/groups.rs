//! The pages about groups, with invented ones.

use super::super::{
    form::{Control, Field, Form, Section as FormSection},
    frame::{Frame, Section},
    groups::{
        AddMembersPage, GroupForm, GroupHead, GroupList, GroupPage, GroupRow, GroupsCard, History,
        PeopleSearch, PlaceRow,
    },
    held::{HeldCard, HeldRow},
    invitations::Verdict,
    parts::{Action, Avatar, Badge, Banner, Empty, Link, Pager, Tone},
    question::{Dialog, QuestionPage},
    users::{StatusChoice, Tab},
};
use super::{Drawn, draw, frame, people::moment, questions::question};

/// Name, description, members, groups inside, roles.
const GROUPS: &[(&str, &str, &str, &str, &[&str])] = &[
    ("Content Editors", "Write and publish on the website", "42", "2", &["Editor"]),
    ("Engineering", "Everybody who builds", "318", "14", &[]),
    ("Field service · Nordrhein-Westfalen und Niedersachsen", "", "1,204", "0", &[]),
    ("User Managers", "Look after people’s accounts", "6", "0", &["User manager", "Auditor"]),
    ("営業部", "東京と大阪", "27", "3", &["Helpdesk"]),
];

fn group_frame(title: &str, section: &str) -> Frame {
    let crumbs =
        [("Groups", "/o/northwind/groups"), ("Content Editors", "/o/northwind/groups/7"), (section, "")];
    frame(title, Section::Groups, if section.is_empty() { &crumbs[..2] } else { &crumbs })
}

fn source(number: usize) -> Badge {
    if number == 1 {
        Badge { tone: Tone::Blue, label: "Synced".to_owned() }
    } else {
        Badge { tone: Tone::Grey, label: "Local".to_owned() }
    }
}

fn row((number, group): (usize, &(&str, &str, &str, &str, &[&str]))) -> GroupRow {
    let (name, description, members, groups, roles) = *group;
    let at = |path: &str| format!("/o/northwind/groups/{number}{path}");
    GroupRow {
        id: number.to_string(),
        href: at(""),
        edit_href: at("/edit"),
        name: name.to_owned(),
        description: description.to_owned(),
        members: members.to_owned(),
        groups: groups.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        more_roles: usize::from(roles.len() > 1),
        source: source(number),
        menu: vec![
            vec![Action::page("Open", at(""), "group"), Action::page("Edit", at("/edit"), "edit")],
            vec![Action::dialog("Delete…", at("/delete"), "trash").dangerous()],
        ],
    }
}

fn chip(label: &str, count: &str, current: bool) -> StatusChoice {
    StatusChoice {
        label: label.to_owned(),
        href: "/o/northwind/groups".to_owned(),
        count: count.to_owned(),
        current,
        words: String::new(),
    }
}

fn list() -> GroupList {
    GroupList {
        frame: frame("Groups", Section::Groups, &[("Groups", "")]),
        summary: "5 groups".to_owned(),
        actions: vec![Action::page("Create group", "/o/northwind/groups/new", "plus")],
        query: String::new(),
        path: "/o/northwind/groups".to_owned(),
        kept: Vec::new(),
        chips: vec![chip("All", "", true)],
        roles: vec![chip("Owner", "", false), chip("Auditor", "", false)],
        rows: GROUPS.iter().enumerate().map(row).collect(),
        pager: Pager { summary: "5 groups".to_owned(), ..Pager::default() },
        empty: None,
        announcement: "5 groups".to_owned(),
    }
}

fn none_yet() -> GroupList {
    let empty = Empty {
        icon: "group",
        title: "No groups yet".to_owned(),
        text: "A group gives its roles to everybody in it.".to_owned(),
        actions: vec![Action::page("Create group", "/o/northwind/groups/new", "plus")],
    };
    GroupList { rows: Vec::new(), summary: String::new(), empty: Some(empty), ..list() }
}

fn head(current: &'static str) -> GroupHead {
    let tab = |label: &'static str| Tab {
        label,
        href: format!("/o/northwind/groups/7/{}", label.to_lowercase()),
        current: label == current,
    };
    GroupHead {
        name: "Content Editors".to_owned(),
        description: "Write and publish on the website".to_owned(),
        source: Some(source(1)),
        roles: vec!["Editor".to_owned()],
        edit_href: "/o/northwind/groups/7/edit".to_owned(),
        actions: vec![Action::page("Add people", "/o/northwind/groups/7/add", "user-plus")],
        menu: vec![vec![Action::dialog("Delete…", "/o/northwind/groups/7/delete", "trash").dangerous()]],
        tabs: ["Members", "Groups", "Roles", "Owners", "Activity"].map(tab).to_vec(),
    }
}

fn member(name: &str, status: &str, tone: Tone, through: &[&str]) -> HeldRow {
    HeldRow {
        id: name.to_lowercase().replace(' ', "-"),
        name: name.to_owned(),
        href: "/o/northwind/users/01930001".to_owned(),
        detail: "somebody@northwind.example".to_owned(),
        avatar: Some(Avatar::of(name, name)),
        icon: "user",
        badge: Some(Badge { tone, label: status.to_owned() }),
        through: through.iter().map(|group| Link::new(*group, "/o/northwind/groups/8")).collect(),
        since: through.is_empty().then(|| moment("8 months ago")),
        by: "Amara Okafor".to_owned(),
        until: (status == "Active").then(|| moment("in 3 days")),
        reason: "Stands in for Elif during her leave".to_owned(),
        actions: vec![Action::dialog(format!("Remove {name}"), "/o/northwind/groups/7/x", "user-minus")],
        ..HeldRow::default()
    }
}

fn members() -> GroupPage {
    let rows = vec![
        member("Chiara Lombardi", "Active", Tone::Green, &[]),
        member("Hugo Lindqvist", "Suspended", Tone::Amber, &[]),
        member("Đặng Thị Hồng Nhung", "Invited", Tone::Blue, &["Newsroom", "Berlin office"]),
    ];
    GroupPage {
        frame: group_frame("Content Editors", ""),
        head: head("Members"),
        chips: vec![chip("Direct", "", false), chip("Everybody", "", true)],
        lead: String::new(),
        cards: vec![HeldCard {
            id: "members",
            title: "Everybody in it".to_owned(),
            noun: "Person",
            aspect: "Status",
            says_path: true,
            actions: vec![Action::page("Add people", "/o/northwind/groups/7/members/add", "user-plus")],
            rows,
            pager: Pager { summary: "3 people".to_owned(), ..Pager::default() },
            empty: None,
        }],
        history: None,
        announcement: "3 people".to_owned(),
    }
}

fn groups_card(id: &'static str, title: &str, rows: Vec<HeldRow>) -> HeldCard {
    let empty = rows.is_empty().then(|| Empty {
        icon: "nest",
        title: "In no other group".to_owned(),
        text: "Put it into one, and everybody in it has what that one gives.".to_owned(),
        actions: Vec::new(),
    });
    HeldCard {
        id,
        title: title.to_owned(),
        noun: "Group",
        aspect: "Roles",
        says_path: false,
        actions: vec![Action::dialog("Put a group in", "/o/northwind/groups/7/nest", "nest")],
        rows,
        pager: Pager::default(),
        empty,
    }
}

fn nested() -> GroupPage {
    let inner = HeldRow {
        id: "8".to_owned(),
        name: "Newsroom".to_owned(),
        href: "/o/northwind/groups/8".to_owned(),
        detail: "12 members".to_owned(),
        icon: "group",
        tags: vec!["Helpdesk".to_owned()],
        since: Some(moment("yesterday")),
        by: "the operator".to_owned(),
        actions: vec![
            Action::dialog("Move Newsroom", "/o/northwind/groups/8/move", "nest"),
            Action::dialog("Take Newsroom out", "/o/northwind/groups/7/unnest", "minus"),
        ],
        ..HeldRow::default()
    };
    GroupPage {
        frame: group_frame("Groups", "Groups"),
        head: head("Groups"),
        chips: Vec::new(),
        lead: "What a group gives, it gives to everybody in the groups inside it.".to_owned(),
        cards: vec![
            groups_card("inside", "Groups in this one", vec![inner]),
            groups_card("outside", "Stands in", Vec::new()),
        ],
        history: None,
        announcement: String::new(),
    }
}

fn activity() -> GroupPage {
    let nothing = Empty {
        icon: "log",
        title: "Nothing yet".to_owned(),
        text: "What is changed about this group stands here.".to_owned(),
        actions: Vec::new(),
    };
    let history = History { rows: Vec::new(), pager: Pager::default(), empty: Some(nothing) };
    GroupPage { head: head("Activity"), cards: Vec::new(), history: Some(history), ..nested() }
}

fn form(submit: &str, fields: Vec<Field>) -> Form {
    Form {
        action: "/o/northwind/groups/new".to_owned(),
        csrf: "csrf-of-this-session".to_owned(),
        submit: submit.to_owned(),
        cancel: "/o/northwind/groups".to_owned(),
        sections: vec![FormSection::plain(fields)],
        ..Form::default()
    }
}

fn create() -> GroupForm {
    let fields = vec![
        Field::text("name", "Name").required().limit(100).autofocus(),
        Field::new("description", "Description", Control::Text { rows: 3 }).limit(500),
    ];
    GroupForm {
        frame: frame("Create group", Section::Groups, &[("Groups", "/o/northwind/groups"), ("Create", "")]),
        title: "Create group".to_owned(),
        lead: "A name is enough.".to_owned(),
        form: form("Create group", fields),
    }
}

fn added() -> AddMembersPage {
    let verdict = |subject: &str, tone, label: &str, text: &str| Verdict {
        subject: subject.to_owned(),
        badge: Badge { tone, label: label.to_owned() },
        text: text.to_owned(),
        actions: Vec::new(),
    };
    let people = Field::new("people", "People", Control::Text { rows: 4 }).value("nobody@northwind.example");
    AddMembersPage {
        frame: group_frame("Add people to Content Editors", "Add people"),
        search: Some(PeopleSearch {
            action: "/o/northwind/groups/7/members/add".to_owned(),
            query: String::new(),
        }),
        result: "1 person was added, 1 not. Those are in the box again.".to_owned(),
        verdicts: vec![
            verdict("chiara.lombardi", Tone::Green, "Added", ""),
            verdict("nobody@northwind.example", Tone::Red, "Not found", "There is nobody of this name."),
        ],
        form: Some(form("Add", vec![people])),
        back: Link::new("Back to the group", "/o/northwind/groups/7"),
    }
}

fn delete() -> QuestionPage {
    let name = Control::Retype("Content Editors".to_owned());
    QuestionPage {
        frame: group_frame("Delete Content Editors?", "Delete"),
        dialog: Dialog {
            title: "Delete Content Editors?".to_owned(),
            icon: "trash",
            lead: "42 people lose what this group gives them, at once. This can’t be undone.".to_owned(),
            consequences: vec!["2 groups inside it stay, and lose it too.".to_owned()],
            advice: Some(Banner {
                tone: Tone::Amber,
                icon: "alert",
                title: "It gives the role Editor".to_owned(),
                lines: Vec::new(),
                action: None,
            }),
            form: question(
                "Delete group",
                true,
                vec![Field::new("confirm", "Type the name to confirm", name)],
            ),
        },
    }
}

/// The card on a person's page.
pub(super) fn on_user_page() -> GroupsCard {
    let place = |name: &str, ends: bool| PlaceRow {
        name: name.to_owned(),
        href: "/o/northwind/groups/7".to_owned(),
        since: moment("8 months ago"),
        by: "Amara Okafor".to_owned(),
        begins: None,
        until: ends.then(|| moment("in 3 days")),
        reason: if ends { "Holiday cover".to_owned() } else { String::new() },
        actions: if ends {
            ["Extend", "End now"].map(|label| Action::dialog(label, "/o/northwind/users/1", "clock")).to_vec()
        } else {
            Vec::new()
        },
    };
    GroupsCard {
        rows: vec![place("Content Editors", false), place("User Managers", true)],
        change: Some(Action::dialog("Change", "/o/northwind/users/01930004/groups", "edit")),
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    let list = list();
    vec![
        ("groups", draw(&list)),
        ("groups-results", draw(&list.as_results())),
        ("groups-none", draw(&none_yet())),
        ("group", draw(&members())),
        ("group-groups", draw(&nested())),
        ("group-activity", draw(&activity())),
        ("group-create", draw(&create())),
        ("group-add", draw(&added())),
        ("group-delete", draw(&delete())),
    ]
}
