//! The forms: creating and editing users, settings, one's account, signing in, and errors.

use super::super::{
    account::{PasswordPage, ProfilePage, TokenRow, TokenScope, TokensPage},
    form::{Change, Choice, Conflict, Control, Field, Form, Section as FormSection},
    frame::Section,
    parts::{Action, Avatar, Badge, Banner, Card, Entry, Link, Shown, Tone},
    question::{Dialog, QuestionPage},
    settings::{GeneralSettings, PolicySettings},
    signin::{ChangePasswordPage, ErrorPage, SetupPage, SignInPage, SignedOutPage, SlugPage},
    users::{CreateUser, EditUser, Tab, UserHeading},
};
use super::people::{heading, moment, user_frame};
use super::questions::question;
use super::{Drawn, draw, frame, org};

pub(super) fn form(submit: &str, cancel: &str, sections: Vec<FormSection>) -> Form {
    Form {
        action: "/o/northwind/users".to_owned(),
        csrf: "csrf-of-this-session".to_owned(),
        version: String::new(),
        submit: submit.to_owned(),
        cancel: cancel.to_owned(),
        sections,
        ..Form::default()
    }
}

fn identity() -> FormSection {
    FormSection::new(
        "Identity",
        "How the person is called, and signs in.",
        vec![
            Field::text("given_name", "Given name").value("Elif").required().half(),
            Field::text("family_name", "Family name").value("Yılmaz").required().half(),
            Field::text("display_name", "Display name").hint("Given and family name when left empty.").half(),
            Field::text("username", "Username").hint("Made from the name when left empty.").half(),
            Field::new("email", "Email", Control::Input("email"))
                .value("elif.yilmaz@northwind.example")
                .required(),
        ],
    )
}

fn work() -> FormSection {
    FormSection::new(
        "Work",
        "",
        vec![
            Field::text("title", "Title").half(),
            Field::text("department", "Department").half().locked("Kept by the directory; change it there."),
            Field::text("employee_number", "Employee number").half(),
            Field::text("cost_centre", "Cost centre").half(),
            Field::new("notes", "Notes", Control::Text { rows: 3 }),
        ],
    )
}

fn access() -> FormSection {
    let start = vec![
        Choice::new("generated", "Generate a password").hint("Shown once, to hand over.").chosen(true),
        Choice::new("typed", "Type a password"),
        Choice::new("staged", "Nothing yet").hint("The user stays inactive."),
    ];
    let roles = ["Administrator", "User manager", "Helpdesk", "Auditor"];
    FormSection::new(
        "Access",
        "How the first sign-in goes, and what may be done after it.",
        vec![
            Field::new("start", "First sign-in", Control::Radio(start)),
            Field::new("password", "Temporary password", Control::Password)
                .required()
                .autocomplete("new-password")
                .hint("12 characters or more.")
                .shown_when("start", "typed"),
            Field::new("must_change", "Must be changed at the first sign-in", Control::Checkbox)
                .value("on")
                .hint("Within 72 hours; after that it stops working."),
            Field::new(
                "roles",
                "Roles",
                Control::Checkboxes(roles.map(|role| Choice::new(role.to_lowercase(), role)).to_vec()),
            )
            .hint("Everyone is a Member."),
        ],
    )
}

fn create() -> CreateUser {
    CreateUser {
        frame: frame("Create user", Section::Users, &[("Users", "/o/northwind/users"), ("Create", "")]),
        form: form("Create user", "/o/northwind/users", vec![identity(), work(), access()]),
    }
}

fn create_refused() -> CreateUser {
    let mut page = create();
    page.form.refuse("email", "Katarzyna Wójcik has this email already.");
    page.form.refuse("username", "A username with an @ must be the user’s own email.");
    page.form.refuse("start", "Choose how the first sign-in goes.");
    page
}

fn edit() -> EditUser {
    let mut form = form("Save changes", "/o/northwind/users/01930004", vec![identity(), work()]);
    form.version = "7".to_owned();
    EditUser { frame: user_frame("Edit"), heading: heading(), form }
}

fn edit_conflict() -> EditUser {
    let mut page = edit();
    let change = |label: &str, before: &str, now: &str| Change {
        label: label.to_owned(),
        before: before.to_owned(),
        now: now.to_owned(),
    };
    page.form.conflict = Some(Conflict {
        when: moment("2 minutes ago"),
        changes: vec![
            change("Title", "Sales Manager", "Regional Sales Manager"),
            change("Department", "Sales", "Sales EMEA"),
        ],
    });
    page
}

pub(super) fn tabs(labels: [&'static str; 2], current: usize) -> Vec<Tab> {
    let tab = |(number, label)| Tab {
        label,
        href: format!("/o/northwind/{label}").to_lowercase(),
        current: number == current,
    };
    labels.into_iter().enumerate().map(tab).collect()
}

fn general() -> GeneralSettings {
    let name =
        Field::text("name", "Name").value("Northwind").required().hint("Shown to everyone who signs in.");
    let slug = Field::text("slug", "Short name")
        .value("northwind")
        .required()
        .hint("3 to 40 of a–z, 0–9 and -. The old one leads here for 90 days more.");
    GeneralSettings {
        frame: frame("Settings", Section::Settings, &[("Settings", "")]),
        tabs: tabs(["General", "Policies"], 0),
        form: form("Save", "", vec![FormSection::new("Organization", "", vec![name])]),
        rename: Some(form(
            "Rename",
            "",
            vec![FormSection::new(
                "Address",
                "Where everything of this organization is found: /o/northwind",
                vec![slug],
            )],
        )),
    }
}

fn policies() -> PolicySettings {
    let number = |name, label: &str, min, max, unit, value: &str, hint: &str| {
        Field::new(name, label, Control::Number { min, max, unit }).value(value).hint(hint).required()
    };
    PolicySettings {
        frame: frame("Settings", Section::Settings, &[("Settings", "")]),
        tabs: tabs(["General", "Policies"], 1),
        form: form(
            "Save policies",
            "",
            vec![
                FormSection::new(
                    "Passwords",
                    "Asked of every password chosen from now on.",
                    vec![number("minimum_length", "Shortest password", 8, 128, "characters", "12", "")],
                ),
                FormSection::new(
                    "Lock-out",
                    "Slows down who guesses. Open sessions go on.",
                    vec![
                        number("failures", "After", 3, 100, "failures from one address", "5", ""),
                        number("lock_minutes", "Refuse new sign-ins for", 1, 1440, "minutes", "15", ""),
                    ],
                ),
                FormSection::new(
                    "Sessions",
                    "",
                    vec![
                        number("idle", "End when idle for", 5, 1440, "minutes", "30", ""),
                        number("absolute", "End in any case after", 1, 168, "hours", "12", ""),
                    ],
                ),
                FormSection::new(
                    "Deleting",
                    "",
                    vec![
                        number(
                            "trash_days",
                            "Keep in the trash for",
                            0,
                            365,
                            "days",
                            "30",
                            "0 purges at once.",
                        ),
                        Field::new("suspend_first", "Only suspended users can be deleted", Control::Checkbox)
                            .value("on"),
                    ],
                ),
            ],
        ),
    }
}

pub(super) fn own_heading() -> UserHeading {
    UserHeading {
        name: "Amara Okafor".to_owned(),
        email: "amara.okafor@northwind.example".to_owned(),
        avatar: Avatar::of("Amara Okafor", "amara"),
        status: Badge { tone: Tone::Green, label: "Active".to_owned() },
        tags: vec!["Owner".to_owned()],
        edit_href: String::new(),
    }
}

fn profile() -> ProfilePage {
    let mut form = form("Save", "", vec![identity()]);
    form.action = "/o/northwind/account".to_owned();
    ProfilePage {
        frame: frame("My account", Section::Account, &[("My account", "")]),
        heading: own_heading(),
        tabs: tabs(["Profile", "Password"], 0),
        form,
        side_cards: vec![Card {
            title: "Account".to_owned(),
            entries: vec![
                Entry::new("Username", Shown::Code("amara.okafor".to_owned())),
                Entry::new("Last sign-in", Shown::Moment(moment("2 minutes ago"))),
                Entry::new("Joined", Shown::Moment(moment("8 months ago"))),
            ],
        }],
    }
}

pub(super) fn rules() -> Vec<String> {
    vec![
        "12 characters or more; a few words are fine.".to_owned(),
        "Not one of the passwords everybody uses.".to_owned(),
    ]
}

pub(super) fn new_password() -> Vec<Field> {
    vec![
        Field::new(
            "new_password",
            "New password",
            Control::NewPassword("/o/northwind/password-strength".to_owned()),
        )
        .required()
        .autocomplete("new-password"),
        Field::new("repeat_password", "New password again", Control::Password)
            .required()
            .autocomplete("new-password"),
    ]
}

fn password() -> PasswordPage {
    let mut fields = vec![
        Field::new("password", "Present password", Control::Password)
            .required()
            .autocomplete("current-password"),
    ];
    fields.extend(new_password());
    PasswordPage {
        frame: frame(
            "Password",
            Section::Account,
            &[("My account", "/o/northwind/account"), ("Password", "")],
        ),
        heading: own_heading(),
        tabs: tabs(["Profile", "Password"], 1),
        form: Form {
            username: "amara.okafor".to_owned(),
            ..form("Change password", "", vec![FormSection::plain(fields)])
        },
        rules: rules(),
    }
}

fn tokens() -> TokensPage {
    let row = |name: &str, status: (&str, Tone), used: Option<&str>| TokenRow {
        name: name.to_owned(),
        holder: None,
        is_service: false,
        scopes: [("user:read", "See users"), ("user:suspend", "Suspend users")]
            .map(|(name, sentence)| TokenScope { name: name.to_owned(), sentence: sentence.to_owned() })
            .to_vec(),
        status: Badge { tone: status.1, label: status.0.to_owned() },
        created: moment("8 months ago"),
        expires: moment("in 3 months"),
        last_used: used.map(moment),
        revoke_href: "/o/northwind/account/tokens/1/revoke".to_owned(),
    };
    TokensPage {
        heading: own_heading(),
        tabs: tabs(["Profile", "API tokens"], 1),
        frame: frame("API tokens", Section::Account, &[("API tokens", "")]),
        create_href: "/o/northwind/account/tokens/create".to_owned(),
        revoke_all: Some(Action::dialog("Revoke all tokens", "/o/northwind/account/tokens/revoke", "trash")),
        rows: vec![
            row("Nightly export", ("Valid", Tone::Green), None),
            row("HR bridge", ("Valid", Tone::Green), Some("18 minutes ago")),
            row("Old script", ("Expired", Tone::Grey), Some("3 months ago")),
        ],
        empty: None,
    }
}

fn token() -> QuestionPage {
    let scopes = ["user:read", "user:create", "user:edit", "user:suspend"];
    let choices = scopes.map(|scope| Choice::new(scope, scope).chosen(scope == "user:read")).to_vec();
    let fields = vec![
        Field::text("name", "Name").required().autofocus().hint("What will use it."),
        Field::new("days", "Valid for", Control::Number { min: 1, max: 366, unit: "days" })
            .value("90")
            .required(),
        Field::new("scopes", "Scopes", Control::Checkboxes(choices))
            .hint("Never more than you may do yourself."),
    ];
    QuestionPage {
        frame: frame(
            "Create token",
            Section::Account,
            &[("API tokens", "/o/northwind/account/tokens"), ("Create", "")],
        ),
        dialog: Dialog {
            title: "Create an API token".to_owned(),
            icon: "key",
            lead: String::new(),
            consequences: Vec::new(),
            advice: None,
            form: question("Create token", false, fields),
        },
    }
}

fn sign_in(banners: Vec<Banner>, problem: &str) -> SignInPage {
    let fields = vec![
        Field::text("identifier", "Username or email").required().autofocus().autocomplete("username"),
        Field::new("password", "Password", Control::Password).required().autocomplete("current-password"),
        Field::new("remember", "Remember me on this device", Control::Checkbox)
            .hint("For 14 days. Not on shared computers."),
    ];
    let mut form = form("Sign in", "", vec![FormSection::plain(fields)]);
    if !problem.is_empty() {
        problem.clone_into(&mut form.problem);
    }
    SignInPage { org: org("Northwind", "northwind"), banners, form }
}

fn setup() -> SetupPage {
    let organization = FormSection::plain(vec![
        Field::text("name", "Organization").required().autofocus().half().autocomplete("organization"),
        Field::text("slug", "Short name").required().half().hint("In every address: /o/short-name"),
        Field::text("given_name", "Your given name").required().half().autocomplete("given-name"),
        Field::text("family_name", "Your family name").required().half().autocomplete("family-name"),
        Field::new("email", "Your email", Control::Input("email")).required().autocomplete("email"),
        Field::new("new_password", "Password", Control::NewPassword("/setup/password-strength".to_owned()))
            .required()
            .half()
            .autocomplete("new-password"),
        Field::new("repeat_password", "Password again", Control::Password)
            .required()
            .half()
            .autocomplete("new-password"),
    ]);
    SetupPage { form: form("Create the organization", "", vec![organization]) }
}

pub(super) fn pages() -> Vec<Drawn> {
    let slug = || {
        form(
            "Continue",
            "",
            vec![FormSection::plain(vec![Field::text("slug", "Short name").required().autofocus()])],
        )
    };
    let ended = Banner {
        tone: Tone::Blue,
        icon: "clock",
        title: "Your session ended".to_owned(),
        lines: vec!["Nothing was done for 30 minutes. Sign in to go on where you were.".to_owned()],
        action: None,
    };
    let change = ChangePasswordPage {
        org: org("Northwind", "northwind"),
        lead: "Elif, the password you came with was temporary. Choose your own to go on.".to_owned(),
        rules: rules(),
        form: Form {
            username: "elif.yilmaz".to_owned(),
            ..form("Change password and go on", "", vec![FormSection::plain(new_password())])
        },
    };
    let error = ErrorPage {
        status: 404,
        title: "There is nothing here".to_owned(),
        text: "The address may be mistyped, what it led to may be gone, or it may belong to another organization.".to_owned(),
        links: vec![Link::new("To the start", "/o/northwind/"), Link::new("Another organization", "/")],
        request_id: "019a3f52-7d6c-7b1e".to_owned(),
    };
    let signed_out = SignedOutPage {
        org: org("Northwind", "northwind"),
        links: vec![Link::new("Sign in again", "/o/northwind/sign-in")],
    };
    let wrong = "Username, email or password is wrong. After 5 failures, signing in pauses for 15 minutes.";
    vec![
        ("create", draw(&create())),
        ("create-refused", draw(&create_refused())),
        ("edit", draw(&edit())),
        ("edit-conflict", draw(&edit_conflict())),
        ("settings", draw(&general())),
        ("policies", draw(&policies())),
        ("account", draw(&profile())),
        ("account-password", draw(&password())),
        ("tokens", draw(&tokens())),
        ("token", draw(&token())),
        ("slug", draw(&SlugPage { form: slug(), banner: None, orgs: Vec::new() })),
        (
            "slug-again",
            draw(&SlugPage {
                form: slug(),
                banner: None,
                orgs: vec![org("Northwind", "n"), org("Lakeside Clinic", "l")],
            }),
        ),
        ("sign-in", draw(&sign_in(Vec::new(), ""))),
        ("sign-in-ended", draw(&sign_in(vec![ended], ""))),
        ("sign-in-wrong", draw(&sign_in(Vec::new(), wrong))),
        ("change-password", draw(&change)),
        ("setup", draw(&setup())),
        ("signed-out", draw(&signed_out)),
        ("error", draw(&error)),
    ]
}
