//! What journeys begin with: the program in process on a port of its own, over a fresh database, with the organization
//! Acme, its owner Olivia and, where a journey needs company, thirty people of many cultures in all states.
//!
//! The clock is the machine's, since pages keep their times true by the browser's; a journey can put it forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use app::{
    Actor, App, hashing,
    keys::Keys,
    mail::{Carrier, Mailbox},
    setup::SetUp,
    system::{SystemClock, SystemEntropy},
    users::{InitialPassword, NewUser},
};
use axum::Router;
use model::{
    Action, Clock, Org, Role, Timestamp, UserFields, UserId,
    lifecycle::{Reason, StateName},
    session::Secret,
};
use store::{
    Database,
    testing::{Postgres, Scratch},
};

use crate::browser::{Browser, Look};

pub(crate) use store::Engine;

/// The password of everybody who has one.
pub(crate) const PASSWORD: &str = "violet-canyon-harbor";
/// The owner.
pub(crate) const OWNER: &str = "olivia@acme.example";

/// Given name, family name, what stands before the `@`, department, state.
const COMPANY: [(&str, &str, &str, &str, StateName); 30] = [
    ("Ana", "Müller", "ana.muller", "Finance", StateName::Active),
    ("Zoë", "Ruiz", "zoe.ruiz", "Sales", StateName::Active),
    ("Björn", "Ångström", "bjorn.angstrom", "Engineering", StateName::Active),
    ("Łukasz", "Żółtowski", "lukasz.zoltowski", "Engineering", StateName::Active),
    ("Chidi", "Okafor", "chidi.okafor", "Engineering", StateName::Active),
    ("Siobhán", "O’Brien", "siobhan.obrien", "Legal", StateName::Active),
    ("Minh", "Nguyễn", "minh.nguyen", "Support", StateName::Active),
    ("Aylin", "Yılmaz", "aylin.yilmaz", "Support", StateName::Active),
    ("Priya", "Raghunathan", "priya.raghunathan", "Marketing", StateName::Active),
    ("小龙", "李", "li.xiaolong", "Engineering", StateName::Active),
    ("さくら", "田中", "sakura.tanaka", "Design", StateName::Active),
    ("Дмитрий", "Соколов", "d.sokolov", "Operations", StateName::Active),
    ("Ελένη", "Παπαδοπούλου", "eleni.papadopoulou", "Operations", StateName::Active),
    ("أحمد", "المصري", "ahmed.almasri", "Sales", StateName::Active),
    ("दीपिका", "शर्मा", "deepika.sharma", "Human resources", StateName::Active),
    (
        "Wolfeschlegelsteinhausen",
        "Bergerdorff-Hohenlohe-Langenburg",
        "wolfeschlegelsteinhausen.bergerdorff",
        "Board",
        StateName::Active,
    ),
    ("Noa", "Levi", "noa.levi", "Finance", StateName::Active),
    ("Tama", "Kahurangi", "tama.kahurangi", "Field service", StateName::Active),
    ("Camille", "Lefèvre", "camille.lefevre", "Legal", StateName::Active),
    ("João", "Araújo", "joao.araujo", "Sales", StateName::Active),
    ("Ingrid", "Sørensen", "ingrid.sorensen", "Finance", StateName::Active),
    ("Mateo", "Quispe", "mateo.quispe", "Field service", StateName::Active),
    ("Amara", "Diallo", "amara.diallo", "Marketing", StateName::Suspended),
    ("Viktor", "Horváth", "viktor.horvath", "Support", StateName::Suspended),
    ("Grace", "Achieng", "grace.achieng", "Support", StateName::Deprovisioned),
    ("Liam", "Walker", "liam.walker", "Sales", StateName::Trashed),
    ("Ngozi", "Eze", "ngozi.eze", "Design", StateName::Staged),
    ("Petra", "Nováková", "petra.novakova", "Design", StateName::Staged),
    ("Oluwaseun", "Adeyemi", "oluwaseun.adeyemi", "Operations", StateName::Staged),
    ("Tomás", "Ferreira", "tomas.ferreira", "Operations", StateName::Active),
];

/// The machine's clock, some seconds ahead.
#[derive(Default)]
struct FastClock(AtomicU64);

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_secs(self.0.load(Ordering::SeqCst)))
    }
}

/// The program, serving.
pub(crate) struct Site {
    pub(crate) app: App,
    router: Router,
    clock: Arc<FastClock>,
    /// Where it is found, without a slash at the end.
    pub(crate) url: String,
    _scratch: Option<Scratch>,
}

impl Site {
    /// A server that nobody has set up.
    pub(crate) async fn empty(engine: Engine) -> Self {
        let (address, scratch) = match engine {
            Engine::Sqlite => {
                let scratch = Scratch::new();
                (scratch.sqlite(), Some(scratch))
            }
            Engine::Postgres => (Postgres::shared().database(), None),
        };
        let options = store::Options { pool_size: 8, ..store::Options::new(&address) };
        let database = Database::open(&options).await.expect("a database");
        database.migrate().await.expect("its tables");
        let clock = Arc::new(FastClock::default());
        let cheap = hashing::Options { threads: 2, memory: 64, passes: 1, queue: 1024 };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        // Browsers treat `localhost` as a secure place: the clipboard works there.
        let url = format!("http://localhost:{port}");
        let program = ::app::Options {
            carrier: Carrier::Mailbox(Mailbox::default()),
            ..::app::Options::new(cheap, Keys::new([7; 32]), &url)
        };
        let app = App::new(database, clock.clone(), Arc::new(SystemEntropy), program);
        let options = web::Options { sign_ins_per_minute: 10_000, ..web::Options::new(&url) };
        let router: Router = web::router(options, app.clone());
        let served = router.clone();
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { app, router, clock, url, _scratch: scratch }
    }

    /// One with Acme and its owner.
    pub(crate) async fn new() -> Self {
        let site = Self::empty(Engine::Sqlite).await;
        site.set_up_acme().await;
        site
    }

    /// One with the whole company.
    pub(crate) async fn with_company() -> Self {
        let site = Self::new().await;
        site.hire_company().await;
        site
    }

    async fn set_up_acme(&self) {
        let owner = UserFields {
            given_name: Some("Olivia".to_owned()),
            family_name: Some("Owner".to_owned()),
            email: Some(OWNER.to_owned()),
            ..UserFields::default()
        };
        let wanted = SetUp {
            org_name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            owner,
            password: PASSWORD.to_owned(),
        };
        Box::pin(self.app.set_up(None, wanted)).await.expect("an organization");
    }

    /// A second organization, whose owner is Otto.
    pub(crate) async fn other_org(&self, name: &str, slug: &str) {
        let org = Box::pin(self.app.create_org(name, slug, false)).await.expect("an organization");
        let fields = UserFields {
            given_name: Some("Otto".to_owned()),
            email: Some(format!("otto@{slug}.example")),
            ..UserFields::default()
        };
        self.create(&org, fields, vec![Role::Owner], true).await;
    }

    /// The set-up link that the server would print.
    pub(crate) async fn set_up_link(&self) -> String {
        let secret: Secret = self.app.new_setup_link().await.expect("a database").expect("nobody was first");
        format!("{}/setup/{}", self.url, secret.reveal())
    }

    /// Puts the clock forward.
    pub(crate) fn later(&self, duration: Duration) {
        self.clock.0.fetch_add(duration.as_secs(), Ordering::SeqCst);
    }

    /// The organization Acme.
    pub(crate) async fn org(&self) -> Arc<Org> {
        self.app.org("acme").await.expect("Acme")
    }

    /// Whoever runs the server.
    pub(crate) async fn operator(&self) -> Actor {
        Actor::operator(self.org().await.id.into())
    }

    /// Somebody of Acme with a lasting password: `ana@acme.example` for Ana.
    pub(crate) async fn person(&self, given: &str, family: &str, roles: &[Role]) -> UserId {
        let fields = UserFields {
            given_name: Some(given.to_owned()),
            family_name: Some(family.to_owned()),
            email: Some(format!("{}@acme.example", given.to_lowercase())),
            ..UserFields::default()
        };
        self.create(&*self.org().await, fields, roles.to_vec(), true).await
    }

    async fn create(&self, org: &Org, fields: UserFields, roles: Vec<Role>, with_password: bool) -> UserId {
        let password = if with_password {
            InitialPassword::Chosen { password: PASSWORD.to_owned(), must_change: false }
        } else {
            InitialPassword::None
        };
        let new = NewUser {
            fields,
            roles: roles.into_iter().map(Into::into).collect(),
            groups: Vec::new(),
            password,
        };
        let actor = Actor::operator(org.id.into());
        let created = Box::pin(self.app.create_user(&actor, org, new)).await;
        created.expect("a user").person.user.id
    }

    /// Everybody of `COMPANY`, in their states.
    async fn hire_company(&self) {
        let (org, operator) = (self.org().await, self.operator().await);
        for (number, (given, family, name, department, state)) in COMPANY.into_iter().enumerate() {
            let fields = UserFields {
                given_name: Some(given.to_owned()),
                family_name: Some(family.to_owned()),
                email: Some(format!("{name}@acme.example")),
                department: Some(department.to_owned()),
                title: Some("Specialist".to_owned()),
                employee_number: Some(format!("E-{:04}", 1000 + number)),
                phone: Some(format!("+49 30 5550 {:04}", 100 + number)),
                ..UserFields::default()
            };
            let roles = match number {
                1 | 24 => vec![Role::Helpdesk],
                4 => vec![Role::Administrator, Role::Auditor],
                5 => vec![Role::Auditor],
                14 => vec![Role::UserManager],
                _ => Vec::new(),
            };
            let id = self.create(&org, fields, roles, state != StateName::Staged).await;
            for action in steps(state, name) {
                Box::pin(self.app.transition(&operator, &org, id, action, None)).await.expect("a step");
            }
        }
    }

    /// The id of whoever has this username or email.
    pub(crate) async fn id_of(&self, identifier: &str) -> UserId {
        let person = self.app.user_by_identifier(&self.operator().await, identifier).await;
        person.expect("somebody").user.id
    }

    /// Somebody else changes a user while a journey goes on.
    pub(crate) async fn suspend(&self, id: UserId) {
        let action = Action::Suspend { reason: Reason::Security, note: String::new() };
        let (org, operator) = (self.org().await, self.operator().await);
        Box::pin(self.app.transition(&operator, &org, id, action, None)).await.expect("suspended");
    }

    /// Somebody else changes one field of a record while a journey goes on.
    pub(crate) async fn change(&self, id: UserId, field: &str, value: &str) {
        let patch = serde_json::Map::from_iter([(field.to_owned(), value.into())]);
        let operator = self.operator().await;
        Box::pin(self.app.edit_user(&operator, id, patch, None)).await.expect("changed");
    }

    /// The status with which the API answers whoever asks for the users with this token.
    pub(crate) async fn list_with(&self, token: &str) -> u16 {
        use tower::ServiceExt as _;
        let request = axum::http::Request::get("/o/acme/api/v1/users");
        let request = request.header("authorization", format!("Bearer {token}")).header("host", "localhost");
        let request = request.body(axum::body::Body::empty()).expect("a request");
        self.router.clone().oneshot(request).await.expect("an answer").status().as_u16()
    }

    /// Where the newest mail to an address leads, once all work is done: the link of its button.
    pub(crate) async fn link_in_mail_to(&self, address: &str, path: &str) -> String {
        while self.app.work_once().await.expect("work") > 0 {}
        while self.app.send_due().await.expect("mail") > 0 {}
        let letters = self.app.carrier().mailbox().expect("a mailbox").letters();
        let letter = letters.iter().find(|letter| letter.to == address && letter.text.contains(path));
        let text = &letter.unwrap_or_else(|| panic!("no mail with {path} to {address}")).text;
        let link = text.lines().find(|line| line.starts_with("http") && line.contains(path));
        link.expect("a link").to_owned()
    }

    /// A browser before the sign-in page of Acme.
    pub(crate) async fn visitor(&self) -> Browser {
        let browser = Browser::start(Look::DESK).await;
        browser.goto(&format!("{}/o/acme/", self.url)).await;
        browser.wait_for_text("Sign in").await;
        browser
    }

    /// A browser signed in to Acme as its owner, before the list of users.
    pub(crate) async fn owner(&self) -> Browser {
        self.signed_in(OWNER).await
    }

    /// A browser signed in to Acme.
    pub(crate) async fn signed_in(&self, identifier: &str) -> Browser {
        let browser = self.visitor().await;
        sign_in(&browser, identifier, PASSWORD).await;
        browser.wait_for_no_text("Forgot your password?").await;
        browser
    }
}

/// Fills in the sign-in form on view.
pub(crate) async fn sign_in(browser: &Browser, identifier: &str, password: &str) {
    browser.fill("Username or email", identifier).await;
    browser.fill("Password", password).await;
    browser.click_text("Sign in").await;
}

/// Signs out through the account's menu.
pub(crate) async fn sign_out(browser: &Browser) {
    browser.click(".account-button").await;
    browser.click_text("Sign out").await;
    browser.wait_for_text("You are signed out").await;
}

/// Opens somebody's page from the list, by searching.
pub(crate) async fn open(browser: &Browser, name: &str) {
    browser.goto("/o/acme/users").await;
    browser.fill("Search users", name).await;
    browser.wait_for_text("1 person").await;
    browser.click(".row-link").await;
    browser.wait_for_text("Identity").await;
}

/// Chooses from the menu of the user's page.
pub(crate) async fn more(browser: &Browser, action: &str) {
    browser.click_text("More actions").await;
    browser.click_text(action).await;
}

/// What brings somebody who was created into a state.
fn steps(state: StateName, name: &str) -> Vec<Action> {
    let suspend = Action::Suspend { reason: Reason::OnLeave, note: "Parental leave until March".to_owned() };
    match state {
        StateName::Suspended => vec![suspend],
        StateName::Deprovisioned => {
            vec![Action::Deprovision { reason: Reason::Left, note: String::new() }]
        }
        StateName::Trashed => {
            let confirm = format!("{name}@acme.example");
            vec![suspend, Action::Delete { confirm }]
        }
        _ => Vec::new(),
    }
}
