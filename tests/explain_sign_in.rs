//! “Why can't they sign in?”: for every situation the real cause comes first, and the first way out lets them in.

use std::time::Duration;

use ::app::{
    invitations::{Acceptance, NewInvitation, Terms},
    mail::Outcome,
    signin::Attempt,
};
use axum::http::Method;
use model::{Action, Role, UserFields, UserId, link::Purpose};
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, TestApp, form, form_request},
    matrix::{browser, force, neighbour, without_request_id},
    signin::{page, submit},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const WRONG: &str = "wrong-canyon-harbor";
const ANOTHER: &str = "amber-lantern-quayside";

async fn explained(app: &TestApp, id: UserId) -> Value {
    app.get(&format!("/users/{id}/sign-in-explanation")).await.expect(200).json()
}

/// The first cause, its first way out, and whether nobody gets in.
fn first(explained: &Value) -> (String, String, bool) {
    let cause = &explained["causes"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&cause["cause"]), text(&cause["fixes"][0]["fix"]), explained["is_blocked"] == true)
}

async fn invite(app: &TestApp, email: &str) -> UserId {
    let fields = UserFields { email: Some(email.to_owned()), ..UserFields::default() };
    let new = NewInvitation { fields, roles: Vec::new(), groups: Vec::new(), terms: Terms::default() };
    app.app.invite(&app.operator(), &app.org, new).await.unwrap().0.person.user.id
}

async fn act(app: &TestApp, id: UserId, action: &str, body: Value) -> Answer {
    app.post(&format!("/users/{id}/{action}"), body).await.expect(200)
}

async fn edit(app: &TestApp, id: UserId, fields: Value) {
    app.patch(&format!("/users/{id}"), fields).await.expect(200);
}

/// Tries from that address, with a wrong password.
async fn guess(app: &TestApp, identifier: &str, address: &str, times: usize) {
    for _ in 0..times {
        app.later(Duration::from_millis(1));
        let attempt = Attempt {
            identifier: identifier.to_owned(),
            password: WRONG.to_owned(),
            remember: false,
            address: address.to_owned(),
            user_agent: String::new(),
            hints: model::device::ClientHints::default(),
            request_id: String::new(),
            devices: Vec::new(),
            earlier: None,
        };
        app.app.sign_in(&app.org, attempt).await.unwrap_err();
    }
}

/// The link in the newest mail to an address: what for, and its secret.
async fn link_to(app: &TestApp, address: &str) -> (Purpose, String) {
    let text = app.mail_to(address).await.text;
    let purpose =
        if text.contains("/o/acme/activation/") { Purpose::Activation } else { Purpose::Invitation };
    let (_, rest) = text.split_once(&format!("/o/acme/{}/", purpose.path())).unwrap();
    (purpose, rest.split_whitespace().next().unwrap().to_owned())
}

/// Where somebody comes from who has a link.
fn from() -> Attempt {
    Attempt {
        identifier: String::new(),
        password: String::new(),
        remember: false,
        address: "203.0.113.9".to_owned(),
        user_agent: String::new(),
        hints: model::device::ClientHints::default(),
        request_id: String::new(),
        devices: Vec::new(),
        earlier: None,
    }
}

/// Accepts what was mailed to that address.
async fn accept(app: &TestApp, address: &str) {
    let (purpose, secret) = link_to(app, address).await;
    let names = (Some("Ina".to_owned()), Some("Invited".to_owned()));
    let acceptance = Acceptance { password: PASSWORD.to_owned(), given_name: names.0, family_name: names.1 };
    app.app.accept_invitation(&app.org, purpose, &secret, acceptance, from()).await.unwrap();
}

/// Does what is offered, through the ordinary routes, and answers the password that must work then.
async fn carry_out(app: &TestApp, id: UserId, fix: &str) -> String {
    match fix {
        "unlock" => _ = act(app, id, "unlock", json!({})).await,
        "reactivate" => {
            let body = json!({"valid_until": "2036-01-01", "restore_roles": true});
            act(app, id, "reactivate", body).await;
        }
        "restore" => {
            act(app, id, "restore", json!({})).await;
            let next = first(&explained(app, id).await);
            assert_eq!((next.0.as_str(), next.1.as_str()), ("suspended", "reactivate"));
            act(app, id, "reactivate", json!({})).await;
        }
        "edit" => edit(app, id, json!({"valid_from": null, "valid_until": null})).await,
        "send_reset_link" => {
            act(app, id, "send-reset-link", json!({})).await;
            let address = app.app.user(&app.operator(), id).await.unwrap().user.fields.email.unwrap();
            let text = app.mail_to(&address).await.text;
            let (_, rest) = text.split_once("/o/acme/reset-password/").unwrap();
            let secret = rest.split_whitespace().next().unwrap();
            app.app.reset_password(&app.org, secret, ANOTHER, from()).await.unwrap();
            return ANOTHER.to_owned();
        }
        "set_password" => {
            let set = act(app, id, "set-password", json!({})).await.json();
            return set["temporary_password"].as_str().unwrap().to_owned();
        }
        "invite" => {
            app.app.invite_user(&app.operator(), &app.org, id, Terms::default(), None).await.unwrap();
            let person = app.app.user(&app.operator(), id).await.unwrap();
            accept(app, person.user.fields.email.as_deref().unwrap()).await;
        }
        other => panic!("{other}"),
    }
    PASSWORD.to_owned()
}

/// Puts people into trouble: who, the cause that must come first, and its way out.
async fn people_in_trouble(app: &TestApp) -> Vec<(UserId, &'static str, &'static str)> {
    let person = async |name: &str| app.person(name, Role::Member).await.id;
    let why = || json!({"reason": "on_leave", "note": "Back in spring"});
    let mut people = Vec::new();

    let suspended = person("Suse").await;
    act(app, suspended, "suspend", why()).await;
    people.push((suspended, "suspended", "reactivate"));
    let gone = person("Dora").await;
    act(app, gone, "deprovision", why()).await;
    people.push((gone, "deprovisioned", "reactivate"));
    let deleted = person("Tara").await;
    act(app, deleted, "suspend", why()).await;
    act(app, deleted, "delete", json!({"confirm": "tara@acme.example"})).await;
    people.push((deleted, "trashed", "restore"));
    let locked = person("Lola").await;
    act(app, locked, "lock", json!({"note": "Laptop stolen"})).await;
    people.push((locked, "locked", "unlock"));
    let both = person("Lena").await;
    act(app, both, "lock", json!({})).await;
    guess(app, "lena@acme.example", "198.51.100.7", 5).await;
    people.push((both, "locked", "unlock"));
    let guessed = person("Fay").await;
    for place in 0..5 {
        guess(app, "fay@acme.example", &format!("198.51.100.{place}"), 4).await;
    }
    people.push((guessed, "password_locked", "unlock"));
    let tried = person("Toni").await;
    guess(app, "toni@acme.example", "127.0.0.1", 5).await;
    people.push((tried, "throttled", "send_reset_link"));
    let early = person("Eve").await;
    edit(app, early, json!({"valid_from": "2027-01-01"})).await;
    people.push((early, "not_yet_valid", "edit"));
    let none = person("Nina").await;
    force(app, "DELETE FROM credentials WHERE user_id = $1", none).await;
    people.push((none, "no_password", "send_reset_link"));
    let wrong = person("Wim").await;
    guess(app, "wim@acme.example", "198.51.100.9", 2).await;
    people.push((wrong, "wrong_password", "send_reset_link"));
    people.extend(invited_people(app).await);
    people
}

async fn invited_people(app: &TestApp) -> Vec<(UserId, &'static str, &'static str)> {
    let mut people = Vec::new();
    let staged = app.create("Stan", "Staged", "stan@acme.example").await.parse().unwrap();
    people.push((staged, "not_activated", "invite"));
    people.push((invite(app, "ina@acme.example").await, "invitation_not_opened", "invite"));
    let opened = invite(app, "olga@acme.example").await;
    let (purpose, secret) = link_to(app, "olga@acme.example").await;
    app.app.note_begun(&app.org, purpose, &secret).await.unwrap();
    people.push((opened, "invitation_not_accepted", "invite"));
    let mailbox = app.app.carrier().mailbox().unwrap();
    mailbox.answer("dana@acme.example", Some(Outcome::Deferred("421 too busy".to_owned())));
    let deferred = invite(app, "dana@acme.example").await;
    app.mails().await;
    mailbox.answer("dana@acme.example", None);
    people.push((deferred, "invitation_undelivered", "invite"));
    let lost = invite(app, "lost@acme.example").await;
    force(app, "UPDATE invitations SET state = 'cancelled' WHERE user_id = $1", lost).await;
    people.push((lost, "no_invitation", "invite"));
    let cancelled = invite(app, "carl@acme.example").await;
    app.app.transition(&app.operator(), &app.org, cancelled, Action::CancelInvitation, None).await.unwrap();
    people.push((cancelled, "not_activated", "invite"));
    people
}

on_both! {
    async fn the_cause_comes_first_and_its_way_out_lets_them_in(app: TestApp) {
        for (id, cause, fix) in people_in_trouble(&app).await {
            let found = explained(&app, id).await;
            let blocks = cause != "wrong_password";
            assert_eq!(first(&found), (cause.to_owned(), fix.to_owned(), blocks), "{found}");
            assert!(found["causes"][0]["fixes"][0]["is_possible"] == true, "{found}");
            let email = app.app.user(&app.operator(), id).await.unwrap().user.fields.email.unwrap();
            if blocks {
                assert!(app.sign_in(&email, PASSWORD).await.is_err(), "{cause}");
            }
            let password = carry_out(&app, id, fix).await;
            assert!(app.sign_in(&email, &password).await.is_ok(), "{cause}: {fix} did not help");
            let after = explained(&app, id).await;
            assert_eq!(after["is_blocked"], false, "{cause}: {after}");
            assert!(after["last_sign_in_at"].is_string());
        }
    }

    /// What needs time to come about.
    async fn what_has_run_out_is_named(app: TestApp) {
        let expired = invite(&app, "ina@acme.example").await;
        app.mails().await;
        let temporary = app.person("Ted", Role::Member).await.id;
        act(&app, temporary, "set-password", json!({})).await;
        let late = app.person("Lee", Role::Member).await.id;
        edit(&app, late, json!({"valid_until": "2026-11-21"})).await;
        let ended = app.person("Edda", Role::Member).await.id;
        edit(&app, ended, json!({"valid_until": "2026-11-21"})).await;
        let until = app.person("Ulla", Role::Member).await.id;
        act(&app, until, "lock", json!({"until": "2026-11-21T00:00:00Z"})).await;
        guess(&app, "ulla@acme.example", "198.51.100.7", 5).await;
        app.later(8 * DAY);
        // The worker comes to one of the two before anybody asks.
        let expire = Action::Suspend { reason: model::lifecycle::Reason::Expired, note: String::new() };
        app.app.transition(&app.operator(), &app.org, ended, expire, None).await.unwrap();
        for (id, cause, fix) in [
            (expired, "invitation_expired", "invite"),
            (temporary, "temporary_password_ended", "send_reset_link"),
            (late, "ended", "edit"),
            (ended, "suspended", "reactivate"),
        ] {
            let found = explained(&app, id).await;
            assert_eq!(first(&found), (cause.to_owned(), fix.to_owned(), true), "{found}");
            let email = app.app.user(&app.operator(), id).await.unwrap().user.fields.email.unwrap();
            let password = carry_out(&app, id, fix).await;
            assert!(app.sign_in(&email, &password).await.is_ok(), "{cause}");
        }
        // A lock and a pause that are over are in nobody's way.
        let found = explained(&app, until).await;
        assert_eq!((first(&found).0.as_str(), &found["is_blocked"]), ("wrong_password", &json!(false)));
    }

    async fn an_address_that_takes_no_mail_is_corrected(app: TestApp) {
        let mailbox = app.app.carrier().mailbox().unwrap();
        mailbox.answer("ona@acme.example", Some(Outcome::Failed("550 5.1.1 no such mailbox".to_owned())));
        let ana = invite(&app, "ona@acme.example").await;
        app.mails().await;
        let found = explained(&app, ana).await;
        assert_eq!(first(&found), ("invitation_undelivered".to_owned(), "edit".to_owned(), true));
        assert!(found["causes"][0]["text"].as_str().unwrap().contains("550 5.1.1 no such mailbox"), "{found}");
        edit(&app, ana, json!({"email": "ana@acme.example"})).await;
        accept(&app, "ana@acme.example").await;
        assert!(app.sign_in("ana@acme.example", PASSWORD).await.is_ok());
    }

    async fn several_causes_are_all_named(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await.id;
        guess(&app, "ana@acme.example", "198.51.100.7", 5).await;
        edit(&app, ana, json!({"valid_from": "2027-01-01"})).await;
        act(&app, ana, "lock", json!({"note": "Laptop stolen"})).await;
        act(&app, ana, "suspend", json!({"reason": "security"})).await;
        let found = explained(&app, ana).await;
        let causes: Vec<&str> = found["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap()).collect();
        assert_eq!(causes, ["suspended", "locked", "throttled", "not_yet_valid"]);
        let text = found["causes"].to_string();
        for said in ["By Olivia Owner on 20 November 2026", "Laptop stolen", "198.51.100.7", "1 January 2027"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }

    async fn where_nothing_is_in_the_way_it_is_said(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        assert_eq!(explained(&app, ana.id).await, json!({"is_blocked": false, "causes": [], "address": "http://localhost:8080/o/acme/sign-in"}));
        guess(&app, &ana.email, "198.51.100.7", 3).await;
        app.sign_in(&ana.email, PASSWORD).await.unwrap();
        assert_eq!(explained(&app, ana.id).await["causes"], json!([]), "what is over is over");
        act(&app, ana.id, "set-password", json!({})).await;
        assert_eq!(first(&explained(&app, ana.id).await), ("must_change_password".to_owned(), String::new(), false));
        let robot = json!({"type": "service", "username": "robot", "responsible": app.owner.id});
        let robot = app.post("/users", robot).await.expect(201).json()["id"].as_str().unwrap().parse().unwrap();
        let found = explained(&app, robot).await;
        assert_eq!(found["causes"].as_array().unwrap().last().unwrap()["cause"], "service_user");
    }

    async fn a_mail_with_a_link_that_did_not_arrive_is_named(app: TestApp) {
        app.post("/mails/test", json!({})).await.expect(202);
        let lost = "UPDATE mails SET kind = 'password_reset', state = 'failed', why = '552 the mailbox is full' WHERE user_id = $1";
        force(&app, lost, app.owner.id).await;
        let found = explained(&app, app.owner.id).await;
        assert_eq!(first(&found), ("mail_undelivered".to_owned(), "edit".to_owned(), false));
        assert!(found["causes"][0]["text"].as_str().unwrap().contains("the mailbox is full"));
    }

    async fn helpdesk_sees_it_and_what_it_may_do_a_member_does_not(app: TestApp) {
        let hella = app.person("Hella", Role::Helpdesk).await;
        let mia = app.person("Mia", Role::Member).await;
        let suse = app.person("Suse", Role::Member).await;
        act(&app, suse.id, "suspend", json!({"reason": "security"})).await;
        let path = format!("/users/{}/sign-in-explanation", suse.id);
        let seen = app.call(Method::GET, &path, &hella.token, Value::Null).await.expect(200).json();
        let fix = &seen["causes"][0]["fixes"][0];
        assert_eq!((&fix["is_possible"], &fix["refused"]), (&json!(false), &json!("This needs the permission user:suspend.")));
        app.call(Method::GET, &path, &mia.token, Value::Null).await.expect(403);
        let ina = invite(&app, "ina@acme.example").await;
        let path = format!("/users/{ina}/sign-in-explanation");
        let seen = app.call(Method::GET, &path, &hella.token, Value::Null).await.expect(200).json();
        assert_eq!((&seen["causes"][0]["fixes"][0]["fix"], &seen["causes"][0]["fixes"][0]["is_possible"]), (&json!("invite"), &json!(true)));
        // Somebody stronger is nobody's to help.
        guess(&app, &app.owner.email, "198.51.100.7", 5).await;
        let path = format!("/users/{}/sign-in-explanation", app.owner.id);
        let seen = app.call(Method::GET, &path, &hella.token, Value::Null).await.expect(200).json();
        assert_eq!(seen["causes"][0]["fixes"][0]["refused"], "This person may do more than you.");
        let session = browser(&app, &app.org, &hella).await;
        let shown = page(&app, &format!("/users/{}/sign-in-explanation", app.owner.id), &session.cookie).await.expect(200);
        assert!(shown.text.contains("Too many tries from one address") && shown.text.contains("aria-disabled"));
    }

    async fn the_panel_of_the_page_is_open_where_it_matters_and_sends_the_invitation_again(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let ana = app.person("Ana", Role::Member).await;
        let at = format!("/users/{}", ana.id);
        let quiet = page(&app, &at, &session.cookie).await.expect(200).text;
        assert!(quiet.contains("id=\"sign-in-explanation\">") && quiet.contains("Nothing stands in the way"));
        act(&app, ana.id, "lock", json!({})).await;
        let locked = page(&app, &at, &session.cookie).await.expect(200).text;
        assert!(locked.contains("id=\"sign-in-explanation\">"), "a banner says it already");
        act(&app, ana.id, "unlock", json!({})).await;
        guess(&app, &ana.email, "198.51.100.7", 5).await;
        let loud = page(&app, &at, &session.cookie).await.expect(200).text;
        assert!(loud.contains("id=\"sign-in-explanation\" open") && loud.contains(&format!("/o/acme{at}/send-reset-link")));
        let ina = invite(&app, "ina@acme.example").await;
        let first = link_to(&app, "ina@acme.example").await;
        let asked = page(&app, &format!("/users/{ina}/invite"), &session.cookie).await.expect(200);
        assert!(asked.text.contains("The old link stops working at once."));
        app.later(MINUTE);
        let again = form(&[("csrf", &session.csrf)]);
        app.send(form_request(&format!("/o/acme/users/{ina}/invite"), &session.cookie, &again)).await.expect(303);
        assert_ne!(link_to(&app, "ina@acme.example").await, first);
        accept(&app, "ina@acme.example").await;
    }

    /// Whoever asks at an organization that does not exist hears that, whoever they are, after the same work.
    async fn a_sign_in_at_a_wrong_address_is_told_to_administrators_alone(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (_, otto) = neighbour(&app).await;
        let submit_at = async |slug: &str, who: &str| {
            let fields = form(&[("identifier", who), ("password", PASSWORD)]);
            let answer = app.send(form_request(&format!("/o/{slug}/sign-in"), "", &fields)).await.expect(404);
            without_request_id(&answer)
        };
        let known = submit_at("acmee", &ana.email).await;
        assert_eq!(app.count("SELECT count(*) FROM stray_sign_ins").await, 1);
        assert_eq!(submit_at("acmee", "nobody@acme.example").await, known);
        assert_eq!(app.count("SELECT count(*) FROM stray_sign_ins").await, 2, "the same is written for nobody");
        assert_eq!(submit_at("acmee", "").await, known);
        assert_eq!(submit_at("acmee", &"x".repeat(100_000)).await, known);
        let found = explained(&app, ana.id).await;
        assert_eq!((first(&found).0.as_str(), &found["is_blocked"]), ("other_organization", &json!(false)));
        let said = found["causes"][0].to_string();
        assert!(said.contains("acmee") && said.contains("http://localhost:8080/o/acme/sign-in"), "{said}");
        assert_eq!(explained(&app, app.owner.id).await["causes"], json!([]));
        // A plain username may be anybody's elsewhere; an organization that exists keeps to itself who came there.
        submit_at("contoso", &app.owner.username).await;
        assert_eq!(explained(&app, app.owner.id).await["causes"], json!([]));
        let fields = form(&[("identifier", app.owner.email.as_str()), ("password", WRONG)]);
        app.send(form_request("/o/zeta/sign-in", "", &fields)).await.expect(422);
        assert_eq!(explained(&app, app.owner.id).await["causes"], json!([]));
        submit_at("acmea", &app.owner.username).await;
        assert_eq!(first(&explained(&app, app.owner.id).await).0, "other_organization");
        assert!(!known.contains(&otto.email));
        // It is remembered for a week, and not beyond the person.
        app.later(8 * DAY);
        app.app.tidy().await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM stray_sign_ins").await, 0);
        submit_at("acmee", &ana.email).await;
        act(&app, ana.id, "suspend", json!({"reason": "left"})).await;
        act(&app, ana.id, "delete", json!({"confirm": ana.email})).await;
        app.post(&format!("/users/{}/purge", ana.id), json!({"confirm": ana.email})).await.expect(200);
        assert_eq!(app.count("SELECT count(*) FROM stray_sign_ins").await, 0);
        submit(&app, &ana.email, PASSWORD, false).await.expect(422);
    }
}
