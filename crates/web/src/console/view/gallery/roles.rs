//! The pages about roles, with an invented one.

use super::super::{
    form::{Choice, Control, Field, Form, Section as FormSection},
    frame::Section,
    parts::{Action, Avatar, Badge, Banner, Empty, Pager, Tone},
    roles::{
        Cell, CompareGroup, ComparePage, CompareRow, HolderList, HolderRow, MatrixRow, PermissionList,
        PermissionRow, RoleEditor, RoleHead, RoleList, RolePage, RoleRow,
    },
    users::Tab,
};
use super::{Drawn, draw, frame, people::moment};

fn tabs(current: &str) -> Vec<Tab> {
    ["Roles", "Compare", "Applications' permissions"]
        .map(|label| Tab { label, href: "/o/northwind/roles".to_owned(), current: label == current })
        .to_vec()
}

fn kind(own: bool) -> Badge {
    let (tone, label) = if own { (Tone::Violet, "Your own") } else { (Tone::Grey, "Built-in") };
    Badge { tone, label: label.to_owned() }
}

fn list() -> RoleList {
    let row = |(number, (name, description, own)): (usize, (&str, &str, bool))| RoleRow {
        id: number.to_string(),
        href: format!("/o/northwind/roles/{number}"),
        name: name.to_owned(),
        description: description.to_owned(),
        kind: kind(own),
        allows: 12 * number + 6,
        users: "1,284".to_owned(),
        groups: "3".to_owned(),
        menu: vec![vec![Action::page("Open", "/o/northwind/roles/1", "eye")]],
    };
    let rows = [
        ("Member", "The own account.", false),
        ("Helpdesk", "Sees users, unlocks them and sets temporary passwords.", false),
        ("Redaktion für die Schülerzeitung und das Jahrbuch", "Writes and publishes pages.", true),
    ];
    RoleList {
        frame: frame("Roles", Section::Roles, &[("Roles", "")]),
        actions: vec![Action::page("Create role", "/o/northwind/roles/new", "plus")],
        tabs: tabs("Roles"),
        rows: rows.into_iter().enumerate().map(row).collect(),
    }
}

fn matrix(locked: &str) -> Vec<MatrixRow> {
    let cell = |(name, label, sentence, held): (&str, &str, &str, bool)| Cell {
        name: name.to_owned(),
        label: label.to_owned(),
        sentence: sentence.to_owned(),
        held,
        locked: if name == "user:purge" { locked.to_owned() } else { String::new() },
    };
    let row = |id: &str, label: &str, note: &str, cells: Vec<Cell>| MatrixRow {
        id: id.to_owned(),
        label: label.to_owned(),
        note: note.to_owned(),
        cells,
    };
    let users = [
        ("user:list", "List", "See and search the list of users", true),
        ("user:suspend", "Suspend", "Suspend and reactivate users", false),
        ("user:purge", "Purge", "Delete users permanently", true),
    ];
    let content = [("content:edit", "Edit", "Change pages of the web site", true)];
    vec![
        row("user", "Users", "", users.map(cell).to_vec()),
        row("application-content", "Content", "Of your applications.", content.map(cell).to_vec()),
    ]
}

fn head(current: &str) -> RoleHead {
    let tab = |label: &'static str| Tab {
        label,
        href: "/o/northwind/roles/2".to_owned(),
        current: label == current,
    };
    RoleHead {
        name: "Content editor".to_owned(),
        description: "Writes and publishes pages.".to_owned(),
        kind: kind(true),
        held: "Held by 1,284 people and 3 groups".to_owned(),
        actions: vec![
            Action::page("Edit…", "/o/northwind/roles/2/edit", "edit"),
            Action::dialog("Delete…", "/o/northwind/roles/2/delete", "trash").dangerous(),
        ],
        tabs: vec![tab("What it allows"), tab("Who has it")],
    }
}

fn show() -> RolePage {
    RolePage {
        frame: frame("Content editor", Section::Roles, &[("Roles", ""), ("Content editor", "")]),
        head: head("What it allows"),
        banners: vec![Banner {
            tone: Tone::Blue,
            icon: "info",
            title: "Built-in: the same everywhere, so it can't be changed".to_owned(),
            lines: Vec::new(),
            action: None,
        }],
        matrix: matrix(""),
    }
}

fn editor(refused: bool) -> RoleEditor {
    let mut form = Form {
        action: "/o/northwind/roles/2/edit".to_owned(),
        csrf: "csrf-of-this-session".to_owned(),
        submit: "Review changes".to_owned(),
        cancel: "/o/northwind/roles/2".to_owned(),
        sections: vec![
            FormSection::plain(vec![
                Field::text("name", "Name").value("Content editor").required(),
                Field::new("description", "Description", Control::Text { rows: 2 }),
            ]),
            FormSection::plain(vec![Field::new(
                "permissions",
                "What it allows",
                Control::Matrix(matrix("You don't hold it yourself.")),
            )]),
        ],
        ..Form::default()
    };
    if refused {
        form.refuse("name", "There is a role of this name already. Choose another name.");
        form.refuse("permissions", "There is no permission content:fly.");
    }
    RoleEditor {
        frame: frame("Edit Content editor", Section::Roles, &[("Roles", ""), ("Edit", "")]),
        title: "Edit Content editor".to_owned(),
        lead: "Before anything changes you are shown what comes and what goes.".to_owned(),
        form,
    }
}

fn holders(nobody: bool) -> HolderList {
    let row = |name: &str, is_group: bool, over: &str| HolderRow {
        avatar: (!is_group).then(|| Avatar::of(name, name)),
        href: if is_group { String::new() } else { "/o/northwind/users/01930004".to_owned() },
        name: name.to_owned(),
        detail: if is_group { "Everybody in the north" } else { "elif.yilmaz@northwind.example" }.to_owned(),
        over: over.to_owned(),
        since: moment("yesterday"),
        by: "Amara Okafor".to_owned(),
        until: (!is_group).then(|| moment("in 3 days")),
        reason: "Audit week".to_owned(),
    };
    let rows =
        if nobody { Vec::new() } else { vec![row("North", true, ""), row("Elif Yılmaz", false, "North")] };
    HolderList {
        frame: frame("Who has Content editor", Section::Roles, &[("Roles", ""), ("Who has it", "")]),
        head: head("Who has it"),
        rows,
        empty: nobody.then(|| Empty {
            icon: "users",
            title: "Nobody has it directly".to_owned(),
            text: "Give it on somebody's page.".to_owned(),
            actions: Vec::new(),
        }),
        pager: Pager { summary: "2 on this page".to_owned(), ..Pager::default() },
    }
}

fn compare() -> ComparePage {
    let choices = |chosen: &str| {
        ["Helpdesk", "Auditor"].map(|name| Choice::new(name, name).chosen(name == chosen)).to_vec()
    };
    let row = |label: &str, one: bool, other: bool| CompareRow {
        label: label.to_owned(),
        sentence: "Suspend and reactivate users".to_owned(),
        one,
        other,
    };
    let view =
        |label: &'static str| Tab { label, href: "?all=yes".to_owned(), current: label == "Everything" };
    ComparePage {
        frame: frame("Compare roles", Section::Roles, &[("Roles", ""), ("Compare", "")]),
        tabs: tabs("Compare"),
        path: "/o/northwind/roles/compare".to_owned(),
        one: choices("Helpdesk"),
        other: choices("Auditor"),
        names: Some(("Helpdesk".to_owned(), "Auditor".to_owned())),
        summary: "2 differences.".to_owned(),
        views: vec![view("Differences"), view("Everything")],
        groups: vec![CompareGroup {
            label: "Users".to_owned(),
            rows: vec![row("Suspend", true, false), row("Read", true, true), row("Unlock", false, true)],
        }],
    }
}

fn permissions(none: bool) -> PermissionList {
    let row = |(name, roles): (&str, &[&str])| PermissionRow {
        name: name.to_owned(),
        description: "Change pages of the web site".to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        menu: vec![vec![Action::dialog("Describe…", "/o/northwind/permissions/content:edit/edit", "edit")]],
    };
    let rows: [(&str, &[&str]); 2] =
        [("content:edit", &["Content editor", "Night desk"]), ("content:publish", &[])];
    PermissionList {
        frame: frame("Applications' permissions", Section::Roles, &[("Roles", ""), ("Permissions", "")]),
        actions: vec![Action::dialog("Define permission", "/o/northwind/permissions/new", "plus")],
        tabs: tabs("Applications' permissions"),
        rows: if none { Vec::new() } else { rows.map(row).to_vec() },
        empty: none.then(|| Empty {
            icon: "applications",
            title: "None yet".to_owned(),
            text: "Define what your applications let people do.".to_owned(),
            actions: Vec::new(),
        }),
    }
}

pub(super) fn pages() -> Vec<Drawn> {
    let mut blank = compare();
    (blank.names, blank.summary, blank.groups) = (None, String::new(), Vec::new());
    vec![
        ("roles", draw(&list())),
        ("roles-show", draw(&show())),
        ("roles-edit", draw(&editor(false))),
        ("roles-edit-refused", draw(&editor(true))),
        ("roles-holders", draw(&holders(false))),
        ("roles-holders.results", draw(&holders(false).as_results())),
        ("roles-holders-nobody", draw(&holders(true))),
        ("roles-compare", draw(&compare())),
        ("roles-compare-blank", draw(&blank)),
        ("permissions", draw(&permissions(false))),
        ("permissions-none", draw(&permissions(true))),
    ]
}
