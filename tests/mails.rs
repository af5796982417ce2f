//! Mail for administrators: how it stands, what becomes of it, sending it again; and the worker that sends it.

use std::{collections::BTreeSet, time::Duration};

use ::app::{
    invitations::{NewInvitation, Terms},
    mail::Outcome,
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use model::{Role, UserFields, UserId};
use serde_json::{Value, json};

use crate::{
    app::{Answer, Engine, PASSWORD, TestApp, form, form_request, send},
    matrix::{browser, force},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Invites somebody: one mail.
async fn invite(app: &TestApp, email: &str) -> UserId {
    let fields = UserFields { email: Some(email.to_owned()), ..UserFields::default() };
    let new = NewInvitation { fields, roles: Vec::new(), groups: Vec::new(), terms: Terms::default() };
    let (invited, _) = app.app.invite(&app.operator(), &app.org, new).await.unwrap();
    invited.person.user.id
}

/// Has an address answer so.
fn answer(app: &TestApp, address: &str, outcome: Option<Outcome>) {
    app.app.carrier().mailbox().unwrap().answer(address, outcome);
}

fn refusal() -> Outcome {
    Outcome::Failed("550 5.1.1 no such mailbox".to_owned())
}

fn busy() -> Outcome {
    Outcome::Deferred("421 too busy".to_owned())
}

async fn status(app: &TestApp) -> Value {
    app.get("/mails/status").await.expect(200).json()
}

async fn listed(app: &TestApp, state: &str) -> Vec<Value> {
    let list = app.get(&format!("/mails?state={state}")).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

on_both! {
    async fn how_mail_stands_is_said_without_what_it_says(app: TestApp) {
        assert_eq!(status(&app).await, json!({
            "is_configured": true, "carrier": "the mailbox of the demonstration",
            "queued": 0, "deferred": 0, "failed": 0, "sent": 0,
        }));
        answer(&app, "no@acme.example", Some(refusal()));
        answer(&app, "later@acme.example", Some(busy()));
        let ana = invite(&app, "ana@acme.example").await;
        invite(&app, "no@acme.example").await;
        invite(&app, "later@acme.example").await;
        assert_eq!(status(&app).await["queued"], 3);
        app.mails().await;
        let now = status(&app).await;
        assert_eq!((&now["queued"], &now["deferred"], &now["failed"], &now["sent"]), (&json!(0), &json!(1), &json!(1), &json!(1)));
        assert!(now["last_sent_at"].is_string() && now["last_error_at"].is_string());
        app.later(2 * HOUR);
        assert!(status(&app).await["queue_age_seconds"].as_u64().unwrap() >= 7200);

        let failed = listed(&app, "failed").await;
        assert_eq!((failed.len(), &failed[0]["address"], &failed[0]["why"]), (1, &json!("no@acme.example"), &json!("550 5.1.1 no such mailbox")));
        let of_ana = app.get(&format!("/users/{ana}/mails")).await.expect(200);
        assert_eq!(of_ana.json()["items"][0]["state"], "sent");
        let letter = app.mail_to("ana@acme.example").await;
        let secret = letter.text.split("/invitation/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        let session = browser(&app, &app.org, &app.owner).await;
        let mut shown = vec![of_ana.text, app.get("/mails").await.text];
        for path in ["/settings/mail", "/settings/mail/all", &format!("/users/{ana}")] {
            shown.push(page(&app, path, &session.cookie).await.expect(200).text);
        }
        for text in shown {
            assert!(!text.contains(&secret) && !text.contains("Accept the invitation"), "{text}");
        }
    }

    async fn an_error_is_remembered_when_the_next_try_succeeds(app: TestApp) {
        answer(&app, "ana@acme.example", Some(busy()));
        invite(&app, "ana@acme.example").await;
        app.mails().await;
        answer(&app, "ana@acme.example", None);
        app.later(MINUTE);
        app.mails().await;
        let now = status(&app).await;
        assert_eq!((&now["sent"], &now["deferred"], &now["last_error"]), (&json!(1), &json!(0), &json!("421 too busy")));
        assert!(now["last_sent_at"].as_str() > now["last_error_at"].as_str());
        assert!(now["queue_age_seconds"].is_null());
    }

    /// One minute, doubling, at most an hour, for 72 hours; then somebody must look.
    async fn a_busy_server_is_tried_for_three_days(app: TestApp) {
        answer(&app, "ana@acme.example", Some(busy()));
        let ana = invite(&app, "ana@acme.example").await;
        app.mails().await;
        let mail = async || app.get(&format!("/users/{ana}/mails")).await.json()["items"][0].clone();
        let (mut tries, mut waited) = (1, Duration::ZERO);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            // A minute before its time nothing is tried.
            app.later((minutes - 1) * MINUTE);
            app.mails().await;
            assert_eq!(mail().await["attempts"], tries, "{minutes}");
            app.later(MINUTE);
            app.mails().await;
            tries += 1;
            assert_eq!(mail().await["attempts"], tries, "{minutes}");
            waited += minutes * MINUTE;
        }
        while mail().await["state"] == "deferred" {
            assert!(waited < 73 * HOUR);
            app.later(HOUR);
            waited += HOUR;
            app.mails().await;
        }
        assert!(waited > 70 * HOUR, "{waited:?}");
        let given_up = mail().await;
        assert_eq!(given_up["state"], "failed");
        assert!(given_up["why"].as_str().unwrap().starts_with("given up after "), "{given_up}");
    }

    async fn what_is_refused_for_good_is_not_tried_again(app: TestApp) {
        answer(&app, "no@acme.example", Some(refusal()));
        invite(&app, "no@acme.example").await;
        app.mails().await;
        answer(&app, "no@acme.example", None);
        app.later(100 * HOUR);
        assert!(app.mails().await.is_empty());
        assert_eq!(listed(&app, "failed").await[0]["attempts"], 1);
    }

    async fn failed_mail_is_sent_again_by_somebody_who_may(app: TestApp) {
        for name in ["no", "nil", "nix"] {
            answer(&app, &format!("{name}@acme.example"), Some(refusal()));
            invite(&app, &format!("{name}@acme.example")).await;
        }
        app.mails().await;
        let failed = listed(&app, "failed").await;
        let one = failed[0]["id"].as_str().unwrap().to_owned();
        let helpdesk = app.person("Hella", Role::Helpdesk).await;
        app.call(Method::POST, &format!("/mails/{one}/retry"), &helpdesk.token, json!({})).await.expect(403);
        for name in ["no", "nil", "nix"] {
            answer(&app, &format!("{name}@acme.example"), None);
        }
        let dry = app.post("/mails/retry?dry_run=true", json!({})).await.expect(200);
        assert_eq!(dry.json(), json!({"retried": 3}));
        let retried = app.post(&format!("/mails/{one}/retry"), json!({})).await.expect(200).json();
        assert_eq!((&retried["state"], &retried["attempts"]), (&json!("queued"), &json!(0)));
        assert_eq!(app.mails().await.len(), 1);
        let again = app.post(&format!("/mails/{one}/retry"), json!({})).await.expect(409);
        assert_eq!(again.code(), "mail.not_waiting");
        assert_eq!(app.post("/mails/retry", json!({})).await.expect(200).json(), json!({"retried": 2}));
        assert_eq!(app.mails().await.len(), 3);
        assert_eq!(app.post("/mails/retry", json!({"deferred": true})).await.expect(200).json(), json!({"retried": 0}));
        assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE event = 'mail.retried'").await, 2);
        app.post(&format!("/mails/{}/retry", crate::matrix::NEVER), json!({})).await.expect(404);
    }

    /// A mail whose link has ended meanwhile is no use to anybody.
    async fn what_nobody_needs_any_more_is_not_sent(app: TestApp) {
        answer(&app, "no@acme.example", Some(refusal()));
        let no = invite(&app, "no@acme.example").await;
        app.mails().await;
        answer(&app, "no@acme.example", None);
        app.later(8 * 24 * HOUR);
        app.post("/mails/retry", json!({})).await.expect(200);
        assert!(app.mails().await.is_empty());
        let mail = app.get(&format!("/users/{no}/mails")).await.json()["items"][0].clone();
        assert_eq!((&mail["state"], &mail["why"]), (&json!("cancelled"), &json!("nobody needs it any more")));
    }

    async fn a_test_goes_to_oneself_or_an_address(app: TestApp) {
        let own = app.post("/mails/test", json!({})).await.expect(202).json();
        assert!(app.mail_to(&app.owner.email).await.subject.contains("A test mail from Acme"));
        app.post("/mails/test", json!({"address": "Postmaster@Acme.example"})).await.expect(202);
        let letter = app.mails().await.remove(0);
        assert_eq!(letter.to.to_lowercase(), "postmaster@acme.example");
        for wrong in ["nobody", "a@b\r\nBcc: c@d.example", "a b@acme.example"] {
            let answer = app.post("/mails/test", json!({"address": wrong})).await.expect(422);
            assert_eq!(answer.json()["errors"][0]["field"], "address", "{}", answer.text);
        }
        let list = app.get("/mails").await.json();
        assert_eq!(list["items"][1]["id"], own["id"]);
        assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE event = 'mail.test_sent'").await, 2);
        let operator = app.app.send_test_mail(&app.operator(), &app.org, None).await.unwrap_err();
        assert_eq!(operator.fields()[0].code, "mail.no_address");
    }

    async fn the_list_is_read_page_by_page_there_and_back(app: TestApp) {
        for number in 0..7 {
            app.later(Duration::from_millis(2));
            app.post("/mails/test", json!({"address": format!("n{number}@acme.example")})).await.expect(202);
        }
        let read = async |query: &str| {
            let page = app.get(&format!("/mails?limit=3{query}")).await.expect(200).json();
            let names: Vec<String> = page["items"].as_array().unwrap().iter().map(|mail| mail["address"].as_str().unwrap()[1..2].to_owned()).collect();
            let token = |name: &str| page[name].as_str().map(|token| format!("&page_token={token}"));
            (names.concat(), token("previous_page_token"), token("next_page_token"))
        };
        let (first, nothing, second) = read("").await;
        assert_eq!((first.as_str(), nothing), ("654", None));
        let (second, back, third) = read(&second.unwrap()).await;
        assert_eq!(second, "321");
        let (third, _, end) = read(&third.unwrap()).await;
        assert_eq!((third.as_str(), end), ("0", None));
        let (again, before, after) = read(&back.unwrap()).await;
        assert_eq!((again.as_str(), before, after.is_some()), ("654", None, true));
        assert_eq!(read("&state=queued").await.0, "654");
        assert_eq!(read("&state=sent").await.0, "");
        app.get("/mails?state=lost").await.expect(422);
        app.get("/mails?page_token=x").await.expect(400);
    }

    /// The server died after the mail had gone out and before that was noted.
    async fn a_mail_that_comes_twice_has_one_message_id(app: TestApp) {
        let ana = invite(&app, "ana@acme.example").await;
        assert_eq!(app.mails().await.len(), 1);
        let claimed = "UPDATE mails SET state = 'queued', sent_at = NULL, leased_until = next_at + 120000000 WHERE user_id = $1";
        force(&app, claimed, ana).await;
        app.later(MINUTE);
        assert_eq!(app.mails().await.len(), 1, "somebody may be about to send it");
        app.later(2 * MINUTE);
        let letters = app.mails().await;
        assert_eq!(letters.len(), 2);
        assert_eq!(letters[0].message_id, letters[1].message_id);
        assert_eq!(letters[0].text, letters[1].text, "with the same link");
    }

    /// What was written at the first attempt stays, whatever is called otherwise meanwhile; once sent it is not kept.
    async fn a_repeat_is_the_same_to_the_byte(app: TestApp) {
        let ines = app.person("Ines", Role::Administrator).await;
        answer(&app, "ana@acme.example", Some(busy()));
        let body = json!({"email": "ana@acme.example", "message": "Hello"});
        app.call(Method::POST, "/invitations", &ines.token, body).await.expect(201);
        app.mails().await;
        let kept = app.count("SELECT count(*) FROM mails WHERE written IS NOT NULL").await;
        assert_eq!((kept, app.count("SELECT count(*) FROM mail_names").await), (1, 1));
        app.patch(&format!("/users/{}", ines.id), json!({"given_name": "Inez", "display_name": "Inez"})).await.expect(200);
        app.patch("/org", json!({"name": "Acme and sons"})).await.expect(200);
        answer(&app, "ana@acme.example", None);
        app.later(MINUTE);
        let letter = app.mail_to("ana@acme.example").await;
        assert_eq!(letter.subject, "Ines Person invites you to Acme");
        assert!(letter.text.contains("Ines Person") && !letter.text.contains("Inez"), "{}", letter.text);
        let link = letter.text.split("/invitation/").nth(1).unwrap().split_whitespace().next().unwrap();
        assert!(letter.html.contains(link) && !link.contains('\u{e000}'));
        let kept = app.count("SELECT count(*) FROM mails WHERE written IS NOT NULL").await;
        assert_eq!((kept, app.count("SELECT count(*) FROM mail_names").await), (0, 0));
    }

    /// Whoever is called like a part of others' names, or like a word, takes nothing of theirs along.
    async fn an_erasure_touches_exactly_its_persons_mails(app: TestApp) {
        let people = async |name: &str, email: &str| {
            let body = json!({"username": name, "given_name": name, "display_name": name, "email": email, "password": PASSWORD});
            let id = app.post("/users", body).await.expect(201).json()["id"].as_str().unwrap().to_owned();
            app.post(&format!("/users/{id}/make-admin"), json!({})).await;
            let role = json!({"role": "administrator"});
            app.post(&format!("/users/{id}/roles"), role).await.expect(200);
            (id.clone(), app.token_for(id.parse().unwrap(), &[]).await)
        };
        let named = [("e", "e@acme.example"), ("ana", "ana@acme.example"), ("you", "you@acme.example"), ("Banana", "banana@acme.example")];
        let mut made = Vec::new();
        for (name, email) in named {
            made.push(people(name, email).await);
        }
        for (number, (id, _)) in made.iter().enumerate() {
            let mut actor = app.operator();
            actor.agent = model::Agent::User(id.parse().unwrap());
            named[number].0.clone_into(&mut actor.name);
            for reader in ["x", "y"] {
                let email = format!("{reader}{number}@acme.example");
                answer(&app, &email, Some(busy()));
                let fields = UserFields { email: Some(email), ..UserFields::default() };
                let terms = Terms { message: "You are the Queen of the banana tree".to_owned(), lifetime_hours: None };
                let new = NewInvitation { fields, roles: Vec::new(), groups: Vec::new(), terms };
                app.app.invite(&actor, &app.org, new).await.unwrap();
            }
        }
        app.mails().await;
        let rows = async || {
            let sql = "SELECT id, address, CAST(details AS text), COALESCE(written, ''), state FROM mails ORDER BY id";
            let read = async |connection: &mut store::Connection<'_>| connection.all::<MailRow>(sql, &[]).await;
            app.app.database().read(read).await.unwrap()
        };
        for (number, (id, _)) in made.iter().enumerate() {
            let before = rows().await;
            let confirm = json!({"confirm": named[number].1});
            for (step, body) in [("suspend", json!({"reason": "left"})), ("delete", confirm.clone()), ("purge", confirm)] {
                let answered = app.post(&format!("/users/{id}/{step}"), body).await;
                // Who was never active goes to the trash at once.
                assert!(answered.status.is_success() || step == "suspend", "{}", answered.text);
            }
            let after = rows().await;
            let own = |address: &str| address == named[number].1;
            let theirs = |address: &str| address.ends_with(&format!("{number}@acme.example"));
            for row in before.iter().filter(|row| !own(&row.1)) {
                let now = after.iter().find(|other| other.0 == row.0).unwrap();
                if theirs(&row.1) {
                    assert_eq!((&now.2, now.3.as_str()), (&row.2, ""), "{}: written anew", row.1);
                } else {
                    assert_eq!(now, row, "purging {}", named[number].0);
                }
            }
            assert!(after.iter().all(|row| !own(&row.1)));
        }
        answer(&app, "x0@acme.example", None);
        app.later(2 * HOUR);
        let letter = app.mail_to("x0@acme.example").await;
        assert!(letter.text.contains("deleted user") && letter.text.contains("You are the Queen of the banana tree"), "{}", letter.text);
    }

    async fn the_sender_is_the_organizations(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let version = app.get("/org").await.json()["version"].to_string();
        let save = async |name: &str, reply: &str| {
            let fields = [("csrf", session.csrf.as_str()), ("version", &version), ("mail.sender_name", name), ("mail.reply_to", reply)];
            app.send(form_request("/o/acme/settings/mail", &session.cookie, &form(&fields))).await
        };
        let refused = save("Acme People", "nobody").await.expect(422);
        assert!(refused.text.contains("nobody"), "what was typed stays");
        save("Acme People", "people@acme.example").await.expect(303);
        app.post("/mails/test", json!({})).await.expect(202);
        let letter = app.mails().await.remove(0);
        assert_eq!((letter.from_name.as_str(), letter.reply_to.as_deref()), ("Acme People", Some("people@acme.example")));
    }

    async fn every_mail_can_be_looked_at_beforehand_in_a_frame_that_does_nothing(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        for kind in model::mail::MailKind::ALL {
            let path = format!("/settings/mail/preview/{kind}");
            let shown = page(&app, &path, &session.cookie).await.expect(200);
            assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("frame-src 'self'"));
            assert!(shown.text.contains(&format!("{path}/html")), "{kind}");
            let part = page(&app, &format!("{path}/html"), &session.cookie).await.expect(200);
            let policy = part.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("sandbox") && policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
            assert_eq!(part.headers["x-frame-options"], "SAMEORIGIN");
        }
        page(&app, "/settings/mail/preview/nonsense", &session.cookie).await.expect(404);
    }

    async fn the_mailbox_is_the_demonstrations_alone(app: TestApp) {
        let ana = invite(&app, "ana@acme.example").await;
        let letter = app.mail_to("ana@acme.example").await;
        let paths = ["/demo/mailbox".to_owned(), format!("/demo/mailbox/{}", letter.id), format!("/demo/mailbox/{}/html", letter.id)];
        for path in &paths {
            app.send(get(path, "")).await.expect(404);
        }
        let demo = web::Demo { people: Vec::new() };
        let options = web::Options { demo: Some(demo), ..web::Options::new("http://localhost:8080") };
        let router = web::router(options, app.app.clone());
        for path in &paths {
            let shown = send(&router, get(path, "")).await.expect(200);
            assert!(shown.text.contains("ana@acme.example") || shown.text.contains("Accept the invitation"), "{path}");
        }
        let part = send(&router, get(&paths[2], "")).await;
        assert!(part.text.contains("<base target=\"_blank\">") && part.text.contains("/o/acme/invitation/"));
        send(&router, get(&format!("/demo/mailbox/{ana}"), "")).await.expect(404);
        assert!(send(&router, get("/o/acme/sign-in", "")).await.text.contains("/demo/mailbox"));
        assert!(!app.send(get("/o/acme/sign-in", "")).await.text.contains("/demo/mailbox"));
    }
}

fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()
}

/// Id, address, details, what was written, state.
type MailRow = (model::MailId, String, String, String, String);

async fn page(app: &TestApp, path: &str, cookie: &str) -> Answer {
    app.send(get(&format!("/o/acme{path}"), cookie)).await
}

/// Both look at the same moment; each mail is one node's for as long as it may be sending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_send_each_mail_once() {
    let app = TestApp::new(Engine::Postgres).await;
    let (second, _) = app.second().await;
    for number in 0..60 {
        app.app
            .send_test_mail(&app.operator(), &app.org, Some(&format!("n{number}@acme.example")))
            .await
            .unwrap();
    }
    let all = async |app: &::app::App| while app.send_due().await.unwrap() > 0 {};
    tokio::join!(all(&app.app), all(&second));
    let mut ids = BTreeSet::new();
    for node in [&app.app, &second] {
        for letter in node.carrier().mailbox().unwrap().letters() {
            assert!(ids.insert(letter.message_id), "sent twice");
        }
    }
    assert_eq!(ids.len(), 60);
}
