//! What a password must be: the same at every door, not one used before, not one from a breach; when another one must
//! be chosen; and what is told while one types.

use std::time::Duration;

use ::app::{
    breached::BreachedPasswords,
    users::{InitialPassword, NewUser},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use model::{Role, UserFields};
use serde_json::{Value, json};
use store::testing::Scratch;

use crate::{
    app::{Answer, Empty, PASSWORD, Somebody, TestApp, form, form_request, send},
    matrix::{Browser, browser, force},
    signin::{page, submit},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Passwords that are refused to Ana Person of Acme, and why.
const REFUSED: [(&str, &str); 9] = [
    ("short", "password.too_short"),
    ("passwordpassword", "password.guessable"),
    ("administrator", "password.common"),
    ("4dm1n1str4t0r", "password.common"),
    ("ana.person@acme.example", "password.guessable"),
    ("AnaPersonAcme", "password.guessable"),
    ("qwertyuiop[]", "password.guessable"),
    ("aaaaaaaaaaaaaaaa", "password.guessable"),
    ("violet-canyon\0-harbor", "password.control_character"),
];

/// Ana, with names that her password must not be made of.
async fn ana(app: &TestApp) -> Somebody {
    app.person("Ana", Role::Member).await
}

/// Changes one's own password; the refusal's code, or nothing.
async fn change(app: &TestApp, who: &Somebody, present: &str, wanted: &str) -> String {
    let body = json!({"present_password": present, "new_password": wanted});
    code(&app.call(Method::POST, "/account/password", &who.token, body).await)
}

/// The code of the one refused field; empty if nothing was refused.
fn code(answer: &Answer) -> String {
    if answer.status.is_success() {
        return String::new();
    }
    let refused = answer.clone().expect(422).json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 1, "{}", answer.text);
    refused["errors"][0]["code"].as_str().unwrap().to_owned()
}

async fn policy(app: &TestApp, rules: Value) {
    app.patch("/org", json!({"settings": {"password": rules}})).await.expect(200);
}

/// Posts a form of the console.
async fn post(app: &TestApp, session: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("csrf", session.csrf.as_str())];
    all.extend_from_slice(fields);
    app.send(form_request(&format!("/o/acme{path}"), &session.cookie, &form(&all))).await
}

/// What is told about a password while it is typed.
async fn strength(app: &TestApp, cookie: &str, password: &str) -> Value {
    let request = form_request("/o/acme/password-strength", cookie, &form(&[("password", password)]));
    app.send(request).await.expect(200).json()
}

/// Temporary password at once after signing in: where one is led to.
async fn led_to(app: &TestApp, who: &Somebody, password: &str) -> String {
    let answer = submit(app, &who.email, password, false).await.expect(303);
    answer.headers[header::LOCATION].to_str().unwrap().to_owned()
}

on_both! {
    async fn every_door_refuses_the_same(app: TestApp) {
        let ana = ana(&app).await;
        let (own, owner) = (browser(&app, &app.org, &ana).await, browser(&app, &app.org, &app.owner).await);
        let set = format!("/users/{}/set-password", ana.id);
        for (number, (password, expected)) in REFUSED.into_iter().enumerate() {
            assert_eq!(change(&app, &ana, PASSWORD, password).await, expected, "{password}");
            assert_eq!(code(&app.post(&set, json!({"password": password})).await), expected, "{password}");
            let fields = json!({"given_name": "Ana", "family_name": "Person", "username": format!("ana.person{number}"), "email": format!("a{number}@acme.example"), "personal_email": "ana.person@acme.example", "password": password});
            let created = app.post("/users", fields).await;
            assert_eq!(code(&created), expected, "{password}");
            let sentence = created.json()["errors"][0]["message"].as_str().unwrap().replace('\'', "&#39;");
            // As the command line does it.
            let operator = app.app.set_temporary_password(&app.operator(), &app.org, ana.id, Some(password.to_owned()), None).await.unwrap_err();
            assert_eq!(operator.fields()[0].code, expected, "{password}");
            let pages = [
                post(&app, &own, "/account/password", &[("present_password", PASSWORD), ("new_password", password), ("repeat_password", password)]).await,
                post(&app, &owner, &set, &[("way", "typed"), ("password", password), ("version", "1")]).await,
                post(&app, &owner, "/users/new", &[("given_name", "Ana"), ("family_name", "Person"), ("email", "ana.person@acme.example"), ("start", "typed"), ("password", password)]).await,
            ];
            for page in pages {
                let page = page.expect(422);
                assert!(page.text.contains(&sentence), "{password}: {sentence}\n{}", page.text);
            }
        }
        submit(&app, &ana.email, PASSWORD, false).await.expect(303);
        assert_eq!(change(&app, &ana, PASSWORD, "another-canyon-harbor").await, "");
    }

    async fn a_refused_password_is_nowhere_afterwards(app: TestApp) {
        const CANARY: &str = "zqzqzqzqzqzqzqzq";
        let ana = ana(&app).await;
        let own = browser(&app, &app.org, &ana).await;
        let set = format!("/users/{}/set-password", ana.id);
        let answers = [
            app.call(Method::POST, "/account/password", &ana.token, json!({"present_password": PASSWORD, "new_password": CANARY})).await,
            app.post(&set, json!({"password": CANARY})).await,
            app.post("/users", json!({"given_name": "Bo", "email": "bo@acme.example", "password": CANARY})).await,
            post(&app, &own, "/account/password", &[("present_password", PASSWORD), ("new_password", CANARY), ("repeat_password", CANARY)]).await,
            app.send(form_request("/o/acme/password-strength", "", &form(&[("password", CANARY)]))).await,
        ];
        for answer in answers {
            assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY || answer.status == StatusCode::OK, "{}", answer.text);
            assert!(!answer.text.contains("zqzqzq") && !format!("{:?}", answer.headers).contains("zqzqzq"), "{}", answer.text);
        }
        let refused = app.app.set_temporary_password(&app.operator(), &app.org, ana.id, Some(CANARY.to_owned()), None).await.unwrap_err();
        assert!(!format!("{refused:?} {refused}").contains("zqzqzq"));
        let kept = "SELECT (SELECT count(*) FROM audit_entries WHERE CAST(changes AS text) LIKE '%zqzqzq%' OR reason LIKE '%zqzqzq%') + \
                    (SELECT count(*) FROM idempotency_keys WHERE result LIKE '%zqzqzq%') + (SELECT count(*) FROM jobs WHERE CAST(work AS text) LIKE '%zqzqzq%')";
        assert_eq!(app.count(kept).await, 0);
        assert_eq!(app.count("SELECT count(*) FROM password_history").await, 0);
    }

    /// The same password, whatever keyboard composed its letters.
    async fn composed_and_decomposed_are_one_password(app: TestApp) {
        let ana = ana(&app).await;
        let (composed, decomposed) = ("n\u{f6}rdlich-canyon-k\u{fc}ste", "no\u{308}rdlich-canyon-ku\u{308}ste");
        assert_eq!(change(&app, &ana, PASSWORD, decomposed).await, "");
        assert_eq!(change(&app, &ana, composed, composed).await, "password.unchanged");
        assert_eq!(change(&app, &ana, composed, "another-canyon-harbor").await, "");
        assert_eq!(change(&app, &ana, "another-canyon-harbor", composed).await, "password.used_before");
    }

    async fn as_many_earlier_passwords_are_refused_as_the_policy_says(app: TestApp) {
        policy(&app, json!({"history": 2})).await;
        let ana = ana(&app).await;
        let later = ["lantern-opera-forest", "copper-meadow-violin", "marble-teapot-comet"];
        let mut present = PASSWORD;
        for next in later {
            assert_eq!(change(&app, &ana, present, next).await, "");
            present = next;
        }
        assert_eq!(app.count("SELECT count(*) FROM password_history").await, 2, "no more than are asked for");
        assert_eq!(change(&app, &ana, present, present).await, "password.unchanged");
        assert_eq!(change(&app, &ana, present, later[1]).await, "password.used_before");
        assert_eq!(change(&app, &ana, present, later[0]).await, "password.used_before");
        assert_eq!(change(&app, &ana, present, PASSWORD).await, "", "the third last is free again");
        // Fewer from now on, and then none.
        policy(&app, json!({"history": 1})).await;
        assert_eq!(change(&app, &ana, PASSWORD, later[2]).await, "password.used_before");
        assert_eq!(change(&app, &ana, PASSWORD, later[1]).await, "");
        policy(&app, json!({"history": 0})).await;
        assert_eq!(change(&app, &ana, later[1], later[1]).await, "password.unchanged");
        assert_eq!(change(&app, &ana, later[1], PASSWORD).await, "");
        assert_eq!(app.count("SELECT count(*) FROM password_history").await, 0);
    }

    /// A temporary password is remembered like any other; whether a guess was one is told to its owner alone.
    async fn what_somebody_used_before_is_told_to_nobody_else(app: TestApp) {
        let ana = ana(&app).await;
        let set = format!("/users/{}/set-password", ana.id);
        assert_eq!(change(&app, &ana, PASSWORD, "lantern-opera-forest").await, "");
        for guess in ["lantern-opera-forest", PASSWORD, "never-used-by-anybody"] {
            let tried = app.post(&format!("{set}?dry_run=true"), json!({"password": guess})).await;
            assert_eq!(code(&tried), "", "an administrator can't find out by trying");
        }
        // Ana must prove to be Ana before hearing of it.
        let body = json!({"present_password": "a wrong guess of it", "new_password": PASSWORD});
        let token = &app.token_for(ana.id, &[]).await;
        assert_eq!(code(&app.call(Method::POST, "/account/password", token, body).await), "password.wrong");
        app.post(&set, json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        let ana = app.with_token(&ana.email).await;
        assert_eq!(change(&app, &ana, "temporary-canyon-harbor", "lantern-opera-forest").await, "password.used_before");
        assert_eq!(change(&app, &ana, "temporary-canyon-harbor", "marble-teapot-comet").await, "");
        assert_eq!(change(&app, &ana, "marble-teapot-comet", "temporary-canyon-harbor").await, "password.used_before");
    }

    async fn erasing_somebody_erases_earlier_passwords(app: TestApp) {
        let (ana, bo) = (ana(&app).await, app.person("Bo", Role::Member).await);
        for somebody in [&ana, &bo] {
            assert_eq!(change(&app, somebody, PASSWORD, "lantern-opera-forest").await, "");
        }
        for (step, body) in [("suspend", json!({"reason": "left"})), ("delete", json!({"confirm": ana.email}))] {
            app.post(&format!("/users/{}/{step}", ana.id), body).await.expect(200);
        }
        assert_eq!(app.count("SELECT count(*) FROM password_history").await, 2);
        app.post(&format!("/users/{}/purge", ana.id), json!({"confirm": ana.email})).await.expect(200);
        assert_eq!(app.count("SELECT count(*) FROM password_history").await, 1);
    }

    async fn a_password_from_a_breach_is_refused_everywhere(app: TestApp) {
        let scratch = Scratch::new();
        let file = scratch.path().join("breached.txt");
        std::fs::write(&file, "copper-meadow-violin\nlantern-opera-forest\n").unwrap();
        app.app.close().await;
        let (program, router) = app.knowing(BreachedPasswords::open(&file).unwrap()).await;
        let call = async |path: &str, body: Value| {
            let request = crate::app::api_request(Method::POST, "acme", path, &app.owner.token, &body);
            code(&send(&router, request).await)
        };
        let leaked = "Lantern-Opera-Forest";
        assert_eq!(call("/account/password", json!({"present_password": PASSWORD, "new_password": leaked})).await, "password.breached");
        let user = |password: &str| json!({"given_name": "Ana", "email": "ana@acme.example", "password": password});
        assert_eq!(call("/users", user(leaked)).await, "password.breached");
        assert_eq!(call("/users", user("marble-teapot-comet")).await, "");
        let told = send(&router, form_request("/o/acme/password-strength", "", &form(&[("password", leaked)]))).await.expect(200).json();
        assert_eq!((&told["ok"], told["verdict"].as_str().unwrap().contains("breach")), (&json!(false), true));
        program.close().await;
    }

    async fn an_old_password_still_opens_the_door_to_choosing_another(app: TestApp) {
        let ana = ana(&app).await;
        app.later(200 * DAY);
        assert_eq!(led_to(&app, &ana, PASSWORD).await, "/o/acme/", "by default no password grows old");
        app.later(DAY);
        policy(&app, json!({"expires_after_days": 30})).await;
        let token = app.with_token(&ana.email).await.token;
        let open = browser(&app, &app.org, &app.owner).await;
        assert!(submit(&app, &ana.email, "a-wrong-password", false).await.status == StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(led_to(&app, &ana, PASSWORD).await, "/o/acme/change-password");
        let session = browser(&app, &app.org, &ana).await;
        let asked = page(&app, "/change-password", &session.cookie).await.expect(200);
        assert!(asked.text.contains("your password has expired") && asked.text.contains("every 30 days"), "{}", asked.text);
        app.call(Method::GET, "/whoami", &token, Value::Null).await.expect(200);
        let changed = post(&app, &session, "/change-password", &[("present_password", PASSWORD), ("new_password", "lantern-opera-forest"), ("repeat_password", "lantern-opera-forest")]).await.expect(303);
        assert_eq!(changed.headers[header::LOCATION], "/o/acme/?done=password-changed");
        app.later(30 * DAY - Duration::from_secs(60));
        assert_eq!(led_to(&app, &ana, "lantern-opera-forest").await, "/o/acme/");
        app.later(Duration::from_secs(60));
        assert_eq!(led_to(&app, &ana, "lantern-opera-forest").await, "/o/acme/change-password");
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "password.expired").count(), 2, "{events:?}");
        drop(open);
    }

    /// Who works is not interrupted: the policy is met at the next sign-in. Accounts for emergencies are exempt.
    async fn expiry_interrupts_nobody_and_spares_emergencies(app: TestApp) {
        let fields = UserFields { given_name: Some("Eva".to_owned()), email: Some("eva@acme.example".to_owned()), user_type: Some(model::user::UserType::BreakGlass), ..UserFields::default() };
        let password = InitialPassword::Chosen { password: PASSWORD.to_owned(), must_change: false };
        app.app.create_user(&app.operator(), &app.org, NewUser { fields, roles: Vec::new(), groups: Vec::new(), password }).await.unwrap();
        let (ana, eva) = (ana(&app).await, app.with_token("eva@acme.example").await);
        app.later(31 * DAY);
        let session = browser(&app, &app.org, &ana).await;
        policy(&app, json!({"expires_after_days": 30})).await;
        page(&app, "/account", &session.cookie).await.expect(200);
        assert_eq!(led_to(&app, &eva, PASSWORD).await, "/o/acme/");
        assert_eq!(led_to(&app, &ana, PASSWORD).await, "/o/acme/change-password");
        // A temporary password ends as before, whatever the policy of lasting ones.
        app.post(&format!("/users/{}/set-password", eva.id), json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        app.later(4 * DAY);
        submit(&app, &eva.email, "temporary-canyon-harbor", false).await.expect(422);
    }

    async fn a_change_can_be_required_of_somebody(app: TestApp) {
        let ana = ana(&app).await;
        let (session, owner) = (browser(&app, &app.org, &ana).await, browser(&app, &app.org, &app.owner).await);
        page(&app, "/account", &session.cookie).await.expect(200);
        let path = format!("/users/{}/require-password-change", ana.id);
        let dry = app.post(&format!("{path}?dry_run=true"), json!({})).await.expect(200).json();
        assert_eq!(dry["password"]["must_change"], true);
        page(&app, "/account", &session.cookie).await.expect(200);
        let asked = app.post(&path, json!({})).await.expect(200).json();
        assert_eq!((&asked["password"]["must_change"], &asked["password"]["expires_at"], &asked["status"]), (&json!(true), &Value::Null, &json!("active")));
        app.post(&path, json!({})).await.expect(200);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "password.change_required").count(), 1);
        // The open session is led to it at once; tokens go on; the password goes on for signing in.
        let led = page(&app, "/account", &session.cookie).await.expect(303);
        assert_eq!(led.headers[header::LOCATION], "/o/acme/change-password");
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200);
        app.later(100 * DAY);
        assert_eq!(led_to(&app, &ana, PASSWORD).await, "/o/acme/change-password");
        let session = browser(&app, &app.org, &ana).await;
        assert!(page(&app, "/change-password", &session.cookie).await.expect(200).text.contains("your administrator asks you"));
        post(&app, &session, "/change-password", &[("present_password", PASSWORD), ("new_password", "lantern-opera-forest"), ("repeat_password", "lantern-opera-forest")]).await.expect(303);
        assert_eq!(led_to(&app, &ana, "lantern-opera-forest").await, "/o/acme/");
        drop(owner);
    }

    async fn a_change_is_required_of_whom_one_may_change_and_who_has_a_password(app: TestApp) {
        let (helper, ana) = (app.person("Hal", Role::Helpdesk).await, ana(&app).await);
        let require = async |token: &str, id: &str| app.call(Method::POST, &format!("/users/{id}/require-password-change"), token, json!({})).await;
        require(&ana.token, &helper.id.to_string()).await.expect(403);
        require(&helper.token, &app.owner.id.to_string()).await.expect(403);
        require(&helper.token, &ana.id.to_string()).await.expect(200);
        let staged = app.create("Bo", "Ng", "bo@acme.example").await;
        assert_eq!(require(&app.owner.token, &staged).await.expect(409).code(), "user.no_password");
        // In the console: the question, and the answer.
        let owner = browser(&app, &app.org, &app.owner).await;
        let bo = app.person("Cy", Role::Member).await;
        let path = format!("/users/{}/require-password-change", bo.id);
        let listed = page(&app, &format!("/users/{}", bo.id), &owner.cookie).await.expect(200);
        assert!(listed.text.contains(&path), "the menu offers it");
        assert!(page(&app, &path, &owner.cookie).await.expect(200).text.contains("choose another password?"));
        let done = post(&app, &owner, &path, &[]).await.expect(303);
        assert!(done.headers[header::LOCATION].to_str().unwrap().ends_with("?done=change-required"));
        assert_eq!(led_to(&app, &bo, PASSWORD).await, "/o/acme/change-password");
        let shown = page(&app, &format!("/users/{}", bo.id), &owner.cookie).await.expect(200);
        assert!(shown.text.contains("Another password must be chosen"), "{}", shown.text);
        let refused = post(&app, &owner, &format!("/users/{staged}/require-password-change"), &[]).await.expect(409);
        assert!(refused.text.contains("has no password"));
    }

    /// Whoever must choose another password is still an able owner: nobody is left without one.
    async fn the_last_owner_can_be_asked_too(app: TestApp) {
        let path = format!("/users/{}/require-password-change", app.owner.id);
        app.post(&path, json!({})).await.expect(200);
        let bo = app.person("Bo", Role::Owner).await;
        app.post(&format!("/users/{}/suspend", bo.id), json!({"reason": "left"})).await.expect(200);
        assert_eq!(led_to(&app, &app.owner, PASSWORD).await, "/o/acme/change-password");
    }

    async fn a_person_is_told_while_typing(app: TestApp) {
        let before = app.count("SELECT count(*) FROM audit_entries").await;
        for (password, _) in REFUSED {
            let told = strength(&app, "", password).await;
            // Before anybody has signed in, names are nobody's.
            if !password.to_lowercase().contains("ana") {
                assert_eq!(told["ok"], false, "{password}: {told}");
            }
            assert!(told["score"].as_u64().unwrap() <= 4 && told["verdict"].as_str().unwrap().ends_with('.'), "{told}");
        }
        let good = strength(&app, "", PASSWORD).await;
        assert_eq!(good, json!({"score": 4, "verdict": "Strong: very hard to guess.", "ok": true}));
        let ana = ana(&app).await;
        let session = browser(&app, &app.org, &ana).await;
        let own = strength(&app, &session.cookie, "ana.person@acme.example").await;
        assert_eq!(own["ok"], false, "one's own names are known: {own}");
        policy(&app, json!({"minimum_length": 30})).await;
        let short = strength(&app, "", PASSWORD).await;
        assert_eq!((&short["ok"], &short["score"]), (&json!(false), &json!(2)));
        assert!(short["verdict"].as_str().unwrap().contains("30 characters"));
        let setup = app.send(form_request("/setup/password-strength", "", &form(&[("password", PASSWORD)]))).await.expect(200);
        assert_eq!(setup.json()["ok"], true);
        assert_eq!(app.count("SELECT count(*) FROM audit_entries").await, before + 4, "the person, its token, its session, the policy");
        // Nobody else's page asks, and nothing large is read.
        let mut foreign = form_request("/o/acme/password-strength", "", &form(&[("password", PASSWORD)]));
        foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        app.send(foreign).await.expect(403);
        app.send(form_request("/o/acme/password-strength", "", &form(&[("password", &"x".repeat(1_100_000))]))).await.expect(413);
        assert_eq!(strength(&app, "", &"x".repeat(900_000)).await["ok"], false);
    }

    async fn typing_does_not_use_up_the_sign_ins(app: TestApp) {
        let options = web::Options { sign_ins_per_minute: 2, ..web::Options::new("http://localhost:8080") };
        let router = web::router(options, app.app.clone());
        let ask = || send(&router, form_request("/o/acme/password-strength", "", &form(&[("password", "x")])));
        for _ in 0..20 {
            ask().await.expect(200);
        }
        let refused = ask().await.expect(429);
        assert!(refused.headers.contains_key(header::RETRY_AFTER));
        let fields = form(&[("identifier", &app.owner.email), ("password", PASSWORD)]);
        send(&router, form_request("/o/acme/sign-in", "", &fields)).await.expect(303);
    }

    /// Every page on which a password is chosen shows the rules and asks while one types.
    async fn every_page_that_chooses_a_password_shows_what_it_must_be(app: TestApp) {
        policy(&app, json!({"minimum_length": 14, "history": 3, "expires_after_days": 90})).await;
        let (ana, owner) = (ana(&app).await, browser(&app, &app.org, &app.owner).await);
        app.post(&format!("/users/{}/set-password", ana.id), json!({"password": "temporary-canyon-harbor"})).await.expect(200);
        let ana = Somebody { password: "temporary-canyon-harbor".to_owned(), ..ana };
        let first = browser(&app, &app.org, &ana).await;
        for (path, cookie) in [("/change-password".to_owned(), &first.cookie), ("/account/password".to_owned(), &owner.cookie), ("/users/new".to_owned(), &owner.cookie), (format!("/users/{}/set-password", ana.id), &owner.cookie)] {
            let text = page(&app, &path, cookie).await.expect(200).text;
            assert!(text.contains("data-strength=\"/o/acme/password-strength\""), "{path}");
            assert!(text.contains("14 characters or more"), "{path}");
            let own = !path.starts_with("/users");
            assert_eq!(text.contains("None of your last 3 passwords.") && text.contains("every 90 days"), own, "{path}");
        }
        let empty = Empty::new(app.app.database().engine()).await;
        let link = format!("/setup/{}", empty.app.new_setup_link().await.unwrap().unwrap().reveal());
        let router = web::router(web::Options::new("http://localhost:8080"), empty.app.clone());
        let text = send(&router, Request::get(&link).body(Body::empty()).unwrap()).await.expect(200).text;
        assert!(text.contains("data-strength=\"/setup/password-strength\"") && text.contains("12 characters or more"));
    }

    /// The settings page offers every rule and saves it.
    async fn the_policy_is_set_in_the_console(app: TestApp) {
        let owner = browser(&app, &app.org, &app.owner).await;
        let text = page(&app, "/settings/policies", &owner.cookie).await.expect(200).text;
        for shown in ["How hard to guess", "Over a hundred million guesses", "Earlier passwords", "Another one must be chosen after"] {
            assert!(text.contains(shown), "{shown}");
        }
        post(&app, &owner, "/settings/policies", &[("password.minimum_strength", "4"), ("password.history", "24"), ("password.expires_after_days", "730"), ("lifecycle.delete_requires_suspension", "on"), ("session.remember", "on")]).await.expect(303);
        let rules = app.get("/org").await.json()["settings"]["password"].clone();
        assert_eq!(rules, json!({"minimum_length": 12, "minimum_strength": 4, "history": 24, "expires_after_days": 730, "temporary_hours": 72}));
        let refused = post(&app, &owner, "/settings/policies", &[("password.minimum_strength", "5"), ("lifecycle.delete_requires_suspension", "on"), ("session.remember", "on")]).await.expect(422);
        assert!(refused.text.contains("Choose a number from 0 to 4."));
    }

    /// Two changes at once: both can't take the place of the same earlier password.
    async fn changes_at_once_leave_a_history_without_holes(app: TestApp) {
        let ana = ana(&app).await;
        force(&app, "UPDATE credentials SET must_change = must_change WHERE user_id = $1", ana.id).await;
        let set = |number: usize| {
            let (app, id) = (&app, ana.id);
            async move { app.post(&format!("/users/{id}/set-password"), json!({"password": format!("temporary-canyon-{number}-harbor")})).await }
        };
        let answers = futures_util::future::join_all((0..6).map(set)).await;
        let done = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert_eq!(done, 6, "{:?}", answers.iter().map(|answer| answer.text.clone()).collect::<Vec<_>>());
        assert_eq!(app.count("SELECT count(*) FROM password_history").await, 5);
        assert_eq!(app.count("SELECT max(number) - min(number) FROM password_history").await, 4);
    }
}
