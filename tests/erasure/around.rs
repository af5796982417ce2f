//! Everything that can be done with a person and around one, so that whatever keeps a value of somebody else's is written:
//! every write of the API, and every event of the audit log, but for those that are named below with the reason.

use std::sync::atomic::{AtomicU64, Ordering};

use ::app::{activity::Whose, mail::Outcome};
use model::{Rights, audit::events::EVENTS, outgrown::Maker};
use web::Door;

use super::*;
use crate::matrix::{NEVER, force};

/// Writes of the API that are not made here.
const NOT_MADE: [(&str, &str); 3] = [
    ("POST /o/{slug}/api/v1/org/rename", "would rename the organization that all others are sent to"),
    (
        "POST /o/{slug}/api/v1/users/{id}/settle",
        "is for those who wait for something, and changes the state alone",
    ),
    ("POST /o/{slug}/api/v1/users/{id}/reject", "the same"),
];

/// Events that do not happen here.
const NOT_SEEN: [(&str, &str); 10] = [
    ("audit.loss_accepted", "needs a log that has lost entries; holds sizes, roots and ids of entries"),
    ("password.outgrown", "holds a date alone, of its own target"),
    (
        "user.invitation_outgrown",
        "needs somebody who was never here; holds an address of its own target, as email.outgrown",
    ),
    ("org.renamed", "holds slugs alone"),
    ("user.settled", "nothing that waits can be settled from outside"),
    ("user.rejected", "the same"),
    ("user.signed_up", "only the demonstration's people sign up; holds the state alone"),
    ("user.purged", "is what all of this is for"),
    ("audit.expired", "erases what this looks for"),
    ("email.verified", "every address here is verified by a change or an invitation"),
];

/// The person's password while most is done.
const PRESENT: &str = "fourth-canyon-harbor";
/// Another device.
const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/17.5 Safari/605.1.15 Zqxm";

/// The person, what is around, and who does what.
struct Around<'a> {
    app: &'a TestApp,
    /// The person, by id and by token.
    person: String,
    token: Mutex<String>,
    refused: Mutex<Vec<String>>,
}

impl Around<'_> {
    /// By the person.
    async fn own(&self, method: Method, path: &str, body: Value) -> crate::app::Answer {
        let token = self.token.lock().unwrap().clone();
        self.app.call(method, path, &token, body).await
    }

    /// By the person, and taken.
    async fn done(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.own(method.clone(), path, body).await;
        self.taken(&method, path, &answer)
    }

    /// By the owner, and taken. The answer is kept with a key.
    async fn owner(&self, method: Method, path: &str, body: Value) -> Value {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let app = self.app;
        let mut request = api_request(method.clone(), &app.org.slug, path, &app.owner.token, &body);
        let key = format!("key-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        let answer = app.send(request).await;
        self.taken(&method, path, &answer)
    }

    /// What was answered; a refusal is kept, so that all are told at once.
    fn taken(&self, method: &Method, path: &str, answer: &crate::app::Answer) -> Value {
        if !answer.status.is_success() {
            self.refused.lock().unwrap().push(format!("{method} {path}: {}", answer.text));
        }
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    async fn create(&self, body: Value) -> String {
        text(&self.done(Method::POST, "/users", body).await["id"])
    }

    async fn group(&self, name: &str) -> String {
        text(&self.done(Method::POST, "/groups", json!({"name": name})).await["id"])
    }
}

/// What somebody weaker made for the person ends when the person is given something.
async fn outgrown(around: &Around<'_>) {
    let (app, person) = (around.app, &around.person);
    let made =
        around.done(Method::POST, "/tokens", json!({"name": "kept zqxm", "scopes": ["user:read"]})).await;
    let maker = Maker { by: None, outgrown_at: None, rights: Rights::default() };
    let maker = serde_json::to_string(&maker).unwrap();
    let id = person.parse().unwrap();
    let token =
        format!("UPDATE tokens SET made_within = '{maker}' WHERE user_id = $1 AND name = 'kept zqxm'");
    force(app, token.leak(), id).await;
    let address =
        format!("UPDATE users SET address_set_within = '{maker}', email_verified = FALSE WHERE id = $1");
    force(app, address.leak(), id).await;
    let roles = format!("/users/{person}/roles");
    app.confirmed(Method::POST, &roles, &app.owner.token, json!({"role": "helpdesk"})).await.expect(200);
    around.owner(Method::DELETE, &format!("{roles}/helpdesk"), Value::Null).await;
    around.done(Method::DELETE, &format!("/tokens/{}", text(&made["id"])), Value::Null).await;
    force(app, "UPDATE users SET address_set_within = NULL, email_verified = TRUE WHERE id = $1", id).await;
}

/// An id in an answer.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or(NEVER).to_owned()
}

/// The whole: `id` is the person of `life`.
pub(super) async fn everything(app: &TestApp, id: UserId) {
    app.post(&format!("/users/{id}/make-admin"), json!({})).await.expect(200);
    let token = app.token_for(id, &[]).await;
    let around = Around { app, person: id.to_string(), token: Mutex::new(token), refused: Mutex::default() };
    let colleague = others(&around).await;
    groups(&around, &colleague).await;
    outgrown(&around).await;
    grants(&around, &colleague).await;
    invitations(&around).await;
    mails(&around).await;
    settings(&around).await;
    credentials(&around, &colleague).await;
    sessions(&around).await;
    lifecycles(&around, &colleague).await;
    app.worked().await;
    assert_eq!(*around.refused.lock().unwrap(), Vec::<String>::new());
}

/// People whom the person makes, edits and answers for.
async fn others(around: &Around<'_>) -> String {
    let person = &around.person;
    let colleague = around
        .create(
            json!({"given_name": "Bea", "email": "bea@acme.example", "manager": person, "password": PASSWORD,
            "must_change_password": false}),
        )
        .await;
    around.done(Method::PATCH, &format!("/users/{colleague}"), json!({"title": "Lead"})).await;
    let rows =
        json!({"rows": [{"fields": {"given_name": "Ida", "email": "ida@acme.example"}}], "invite": false});
    around.done(Method::POST, "/users/import", rows).await;
    let program =
        around.create(json!({"username": "payroll", "type": "service", "responsible": person})).await;
    let tokens = format!("/users/{program}/tokens");
    let made = around.done(Method::POST, &tokens, json!({"name": "nightly", "scopes": ["user:read"]})).await;
    around.done(Method::DELETE, &format!("{tokens}/{}", text(&made["id"])), Value::Null).await;
    around.done(Method::POST, &tokens, json!({"name": "weekly", "scopes": ["user:read"]})).await;
    around.done(Method::DELETE, &tokens, Value::Null).await;
    around.done(Method::DELETE, "/tokens?others=true", Value::Null).await;
    let export = |who: &str| format!("/users/{who}/activity/export");
    around.owner(Method::POST, &export(person), json!({})).await;
    around.done(Method::POST, "/account/activity/export", json!({})).await;
    around.done(Method::POST, "/audit/export", json!({"actor": person, "address": NUMBERS[1]})).await;
    // Somebody who may not look at the person.
    let nosy = around.app.token_for(colleague.parse().unwrap(), &[]).await;
    let looked = around.app.call(Method::GET, &format!("/users/{person}"), &nosy, Value::Null).await;
    looked.expect(403);
    let operator = around.app.operator();
    around.app.app.data_now(&operator, &around.app.org, person.parse().unwrap()).await.unwrap();
    colleague
}

/// What is typed about the person and names nobody, or in another spelling than the record's.
async fn typed(around: &Around<'_>, group: &str) {
    let names_nobody =
        ["ZQXM.Home@zqxmail.example", "Zqxmgiven  Zqxmfamily", "@zqxmlogin", "Zqxm “given” \u{ff21}"];
    let is_somebody = ["zqxm.work@ZQXMAIL.example", "ZQXMLOGIN"];
    for lines in [&names_nobody[..], &is_somebody] {
        let added =
            around.owner(Method::POST, &format!("/groups/{group}/members"), json!({"members": lines})).await;
        let verdicts = added["verdicts"].as_array().unwrap();
        let said: Vec<&str> = verdicts.iter().map(|verdict| verdict["member"].as_str().unwrap()).collect();
        assert_eq!(said, lines, "{added}");
    }
    let row = |email: &str, group: &str, role: &str| json!({"fields": {"given_name": "Zqxmgiven", "email": email}, "groups": [group], "roles": [role]});
    let rows = json!({"rows": [
        row("zqxm.home", "Crew", "auditor"),
        row("zqxm.home@elsewhere.example", " Zqxm \"group\" ", "auditor"),
        row("zqxm.work@zqxmail.example", "Zqxmgroup", "Zqxmrole"),
        row("zqxm.other@elsewhere.example", "Crew", "Zqxmrole"),
    ]});
    let imported = around.owner(Method::POST, "/users/import", rows).await;
    let count = |verdict: &str| {
        imported["verdicts"].as_array().unwrap().iter().filter(|row| row["verdict"] == verdict).count()
    };
    assert_eq!((count("refused"), count("unchanged")), (3, 1), "{imported}");
    let invitations = json!({"invitations": [{"email": "zqxm.work@zqxmail.example"}, {"email": "zqxm"}]});
    around.owner(Method::POST, "/invitations/batch", invitations).await;
}

/// Groups that the person makes, owns, is in and decides about.
async fn groups(around: &Around<'_>, colleague: &str) {
    let person = &around.person;
    let (crew, outer, other) =
        (around.group("Crew").await, around.group("Outer").await, around.group("Elsewhere").await);
    around.done(Method::PATCH, &format!("/groups/{crew}"), json!({"description": "Sails"})).await;
    let owned = format!("/groups/{crew}/owners/{person}");
    around.owner(Method::PUT, &owned, json!({})).await;
    around.owner(Method::DELETE, &owned, Value::Null).await;
    around.owner(Method::PUT, &owned, json!({})).await;
    let soon = around.app.app.now().plus(Duration::from_secs(7200)).to_string();
    let ends = json!({"valid_until": soon, "reason": "for a while"});
    around.owner(Method::PUT, &format!("/groups/{crew}/members/{person}"), ends.clone()).await;
    around.done(Method::PUT, &format!("/groups/{crew}/members/{colleague}"), ends.clone()).await;
    around
        .done(Method::POST, &format!("/groups/{outer}/members"), json!({"members": [person, colleague]}))
        .await;
    around.done(Method::DELETE, &format!("/groups/{outer}/members/{person}"), Value::Null).await;
    let own = format!("/account/groups/{crew}/members");
    around.done(Method::DELETE, &format!("{own}/{colleague}"), Value::Null).await;
    around.done(Method::PUT, &format!("{own}/{colleague}"), ends.clone()).await;
    around.done(Method::POST, &own, json!({"members": [colleague]})).await;
    around.done(Method::PUT, &format!("/groups/{outer}/groups/{crew}"), json!({})).await;
    around.done(Method::POST, &format!("/groups/{crew}/move"), json!({"from": outer, "to": other})).await;
    around.done(Method::DELETE, &format!("/groups/{other}/groups/{crew}"), Value::Null).await;
    around.done(Method::PUT, &format!("/groups/{other}/groups/{crew}"), ends.clone()).await;
    typed(around, &other).await;
    let role = json!({"role": "auditor", "valid_until": soon});
    around.done(Method::POST, &format!("/groups/{crew}/roles"), role).await;
    around.done(Method::POST, &format!("/groups/{crew}/roles"), json!({"role": "helpdesk"})).await;
    around.done(Method::DELETE, &format!("/groups/{crew}/roles/helpdesk"), Value::Null).await;
    around.done(Method::DELETE, &format!("/groups/{outer}"), Value::Null).await;
}

/// Roles of the person, by the person, copied from and to the person, with and without an end.
async fn grants(around: &Around<'_>, colleague: &str) {
    let (app, person) = (around.app, &around.person);
    around.done(Method::PUT, "/permissions/boat:sail", json!({"description": "Sail"})).await;
    let role = json!({"name": "Sailor", "permissions": ["user:read", "boat:sail"]});
    let made = around.done(Method::POST, "/roles", role).await;
    let role = made["role"].as_str().or_else(|| made["id"].as_str()).unwrap().to_owned();
    around.done(Method::PATCH, &format!("/roles/{role}"), json!({"description": "Sails"})).await;
    let soon = app.app.now().plus(Duration::from_secs(7200)).to_string();
    let ends = json!({"role": role, "valid_until": soon, "reason": "for a while"});
    around.owner(Method::POST, &format!("/users/{person}/roles"), ends.clone()).await;
    around.done(Method::POST, &format!("/users/{colleague}/roles"), ends).await;
    let copy = |from: &str| json!({"from": from, "partial": true});
    around.done(Method::POST, &format!("/users/{colleague}/copy-access"), copy(person)).await;
    let another =
        around.create(json!({"given_name": "Cem", "email": "cem@acme.example", "password": PASSWORD})).await;
    around.done(Method::POST, &format!("/users/{another}/copy-access"), copy(person)).await;
    around.owner(Method::POST, &format!("/users/{person}/copy-access"), copy(&app.owner.username)).await;
    // Who leaves and comes back keeps what was copied.
    let at = |step: &str| format!("/users/{another}/{step}");
    let staged = around.create(json!({"given_name": "Gil", "email": "gil@acme.example"})).await;
    around.done(Method::POST, &format!("/users/{staged}/activate"), json!({})).await;
    around.done(Method::POST, &at("deprovision"), json!({"reason": "left"})).await;
    around.done(Method::POST, &at("reactivate"), json!({"restore_roles": true})).await;
    around.done(Method::PUT, &at("roles"), json!({"roles": ["helpdesk", "owner"]})).await;
    around.done(Method::POST, &at("remove-admin"), json!({})).await;
    around.done(Method::DELETE, &at("roles/helpdesk"), Value::Null).await;
    around.done(Method::POST, &at("deprovision"), json!({"reason": "left", "note": "for good"})).await;
    app.worked().await;
    // The warnings, then the ends.
    for _ in 0..4 {
        app.later(Duration::from_secs(1850));
        app.worked().await;
    }
    around.done(Method::DELETE, &format!("/roles/{role}"), Value::Null).await;
    around.done(Method::DELETE, "/permissions/boat:sail", Value::Null).await;
}

/// Invitations by the person.
async fn invitations(around: &Around<'_>) {
    let invite = |email: &str| json!({"email": email, "message": "Come along"});
    let made = around.done(Method::POST, "/invitations", invite("dora@acme.example")).await;
    let user = made["id"].as_str().or_else(|| made["user"]["id"].as_str()).unwrap().to_owned();
    around
        .done(Method::POST, "/invitations/batch", json!({"invitations": [invite("emil@acme.example")]}))
        .await;
    around.done(Method::POST, "/invitations/resend", json!({})).await;
    let page = around.app.get("/invitations?status=pending").await.expect(200).json();
    let of = |email: &str| {
        let items = page["items"].as_array().unwrap();
        let found = items.iter().find(|item| item.to_string().contains(email)).unwrap();
        text(&found["id"])
    };
    let (dora, emil) = (of("dora@"), of("emil@"));
    for step in ["remind", "resend", "link"] {
        around.done(Method::POST, &format!("/invitations/{dora}/{step}"), json!({})).await;
    }
    around.done(Method::POST, &format!("/invitations/{emil}/cancel"), json!({})).await;
    let _ = around.own(Method::POST, &format!("/users/{user}/invite"), json!({})).await;
    // One that can't be sent yet, with what it says kept until then.
    let busy = Outcome::Deferred("421 too busy".to_owned());
    around.app.app.carrier().mailbox().unwrap().answer("fay@acme.example", Some(busy));
    around.done(Method::POST, "/invitations", invite("fay@acme.example")).await;
    around.app.worked().await;
}

/// Mails to the person and of the person's making.
async fn mails(around: &Around<'_>) {
    let mailbox = around.app.app.carrier().mailbox().unwrap().clone();
    for address in [
        "zqxm.work@zqxmail.example",
        "zqxm.home@zqxmail.example",
        "zqxm.later@zqxmail.example",
        "x@elsewhere.example",
    ] {
        around.owner(Method::POST, "/mails/test", json!({"address": address})).await;
        around.done(Method::POST, "/mails/test", json!({"address": address})).await;
    }
    around.app.worked().await;
    for address in ["zqxm.home@zqxmail.example", "zqxm.work@zqxmail.example", "x@elsewhere.example"] {
        mailbox.answer(address, Some(Outcome::Failed(format!("550 5.1.1 {address} is unknown"))));
        around.owner(Method::POST, "/mails/test", json!({"address": address})).await;
    }
    around.app.worked().await;
    let failed = around.app.get("/mails?state=failed").await.expect(200).json();
    for mail in failed["items"].as_array().unwrap() {
        around.done(Method::POST, &format!("/mails/{}/retry", text(&mail["id"])), json!({})).await;
    }
    around.app.worked().await;
    around.done(Method::POST, "/mails/retry", json!({"deferred": true})).await;
    around.app.worked().await;
    for address in ["zqxm.home@zqxmail.example", "zqxm.work@zqxmail.example"] {
        mailbox.answer(address, None);
    }
}

/// The organization's rules, by the person.
async fn settings(around: &Around<'_>) {
    around.done(Method::PATCH, "/org", json!({"name": "Acme and sons"})).await;
    around.done(Method::PATCH, "/org", json!({"settings": {"password": {"expires_after_days": 30}}})).await;
}

/// Passwords and addresses of the person and of others, by every hand.
async fn credentials(around: &Around<'_>, colleague: &str) {
    let person = &around.person;
    let at = |step: &str| format!("/users/{colleague}/{step}");
    around.done(Method::POST, &at("set-password"), json!({})).await;
    around.done(Method::POST, &at("require-password-change"), json!({})).await;
    around.done(Method::POST, &at("send-reset-link"), json!({})).await;
    let own = |step: &str| format!("/users/{person}/{step}");
    around.owner(Method::POST, &own("send-reset-link"), json!({})).await;
    around.owner(Method::POST, &own("require-password-change"), json!({})).await;
    let change = json!({"present_password": PASSWORD, "new_password": "second-canyon-harbor"});
    around.done(Method::POST, "/account/password", change).await;
    let wanted = json!({"email": "zqxm.third@zqxmail.example", "present_password": "second-canyon-harbor"});
    around.done(Method::POST, "/account/email", wanted).await;
    around.done(Method::DELETE, "/account/email/pending", Value::Null).await;
    // By an administrator, and back.
    for email in ["zqxm.fourth@zqxmail.example", "zqxm.work@zqxmail.example"] {
        around.owner(Method::PATCH, &format!("/users/{person}"), json!({"email": email})).await;
        around.done(Method::POST, "/account/email/verify", json!({})).await;
    }
    // By the person, and taken back.
    let app = around.app;
    let wanted = json!({"email": "zqxm.fifth@zqxmail.example", "present_password": "second-canyon-harbor"});
    around.done(Method::POST, "/account/email", wanted).await;
    let asked = app.mail_to("zqxm.fifth@zqxmail.example").await;
    confirm(app, &secret_in(&asked, "verify-email")).await.expect(200);
    let letters = app.worked().await;
    let back = letters.iter().find(|letter| letter.text.contains("/undo-email/")).unwrap();
    let secret = secret_in(back, "undo-email");
    app.app.undo_email(&app.org, &secret, PRESENT, from("")).await.unwrap();
    // Which has ended the token.
    *around.token.lock().unwrap() = app.token_for(person.parse().unwrap(), &[]).await;
    around.done(Method::POST, "/account/data-export", json!({})).await;
    app.worked().await;
    let mut as_person = app.operator();
    as_person.agent = model::Agent::User(person.parse().unwrap());
    let export = app.app.data_export(&as_person, &app.org, Whose::Own).await.unwrap();
    let link = export.link.unwrap();
    app.app.fetch_data(&as_person, link.rsplit('/').next().unwrap()).await.unwrap();
}

/// Sessions of the person, ended in every way; passwords that are locked, reset, and said not to have been the person's.
async fn sessions(around: &Around<'_>) {
    let (app, person) = (around.app, &around.person);
    let again = |password: &str| from(password);
    app.app.sign_in(&app.org, again(PRESENT)).await.unwrap();
    let listed = app.get(&format!("/users/{person}/sessions")).await.expect(200).json();
    let session = text(&listed["items"][0]["id"]);
    around.owner(Method::DELETE, &format!("/users/{person}/sessions/{session}"), Value::Null).await;
    app.app.sign_in(&app.org, again(PRESENT)).await.unwrap();
    around.owner(Method::DELETE, &format!("/users/{person}/sessions"), Value::Null).await;
    for filter in [json!({"address": NUMBERS[1]}), json!({"user": person})] {
        app.app.sign_in(&app.org, again(PRESENT)).await.unwrap();
        around.owner(Method::POST, "/sessions/revoke", filter).await;
    }
    app.app.sign_in(&app.org, again(PRESENT)).await.unwrap();
    let listed = app.get(&format!("/users/{person}/sessions")).await.expect(200).json();
    let session = text(&listed["items"][0]["id"]);
    around.done(Method::DELETE, &format!("/account/sessions/{session}"), Value::Null).await;
    app.app.sign_in(&app.org, again(PRESENT)).await.unwrap();
    for (list, is_own) in [(format!("/users/{person}/devices"), false), ("/account/devices".to_owned(), true)]
    {
        let listed = app.get(&format!("/users/{person}/devices")).await.expect(200).json();
        let device = format!("{list}/{}", text(&listed["items"][0]["id"]));
        if is_own {
            around.done(Method::DELETE, &device, Value::Null).await;
        } else {
            around.owner(Method::DELETE, &device, Value::Null).await;
        }
    }
    app.app.sign_in(&app.org, again(PRESENT)).await.unwrap();
    around.done(Method::DELETE, "/account/sessions", Value::Null).await;
    // An expired password, then a reset by mail.
    app.later(Duration::from_secs(31 * 24 * 3600));
    let org = app.app.org("acme").await.unwrap();
    app.app.sign_in(&org, again(PRESENT)).await.unwrap();
    app.app.ask_for_reset(&app.org, "zqxm.work@zqxmail.example", "192.0.2.1").await.unwrap();
    let letters = app.worked().await;
    let reset = letters.iter().find(|letter| letter.text.contains("/reset-password/")).unwrap();
    let secret = secret_in(reset, "reset-password");
    app.app.reset_password(&app.org, &secret, "third-canyon-harbor", again("")).await.unwrap();
    // Another device: not the person's.
    let elsewhere = Attempt {
        user_agent: SAFARI.to_owned(),
        address: NUMBERS[2].to_owned(),
        ..again("third-canyon-harbor")
    };
    app.app.sign_in(&app.org, elsewhere).await.unwrap();
    let letters = app.worked().await;
    let news = letters.iter().find(|letter| letter.text.contains("/not-me/")).unwrap();
    app.app.disown_sign_in(&app.org, &secret_in(news, "not-me"), again("")).await.unwrap();
    app.app.recover_owner(&app.org, "zqxm.work@zqxmail.example").await.unwrap();
    around.owner(Method::POST, &format!("/users/{person}/set-password"), json!({})).await;
}

/// Through the lifecycle: a colleague by the person, the person by the owner.
async fn lifecycles(around: &Around<'_>, colleague: &str) {
    let (app, person) = (around.app, &around.person);
    // The rescue ended the token.
    *around.token.lock().unwrap() = app.token_for(person.parse().unwrap(), &[]).await;
    let at = |step: &str| format!("/users/{colleague}/{step}");
    let email = json!({"confirm": "bea@acme.example"});
    for (step, body) in [
        ("suspend", json!({"reason": "other", "note": "briefly"})),
        ("reactivate", json!({})),
        ("lock", json!({"note": "briefly"})),
        ("unlock", json!({})),
        ("data-export", json!({})),
        ("suspend", json!({"reason": "left"})),
        ("delete", email.clone()),
        ("restore", json!({})),
        ("delete", email.clone()),
        ("purge", email),
    ] {
        around.done(Method::POST, &at(step), body).await;
        app.worked().await;
    }
    // Too many wrong passwords from everywhere: locked, and unlocked by mail.
    for number in 0..100 {
        let elsewhere = Attempt { address: format!("192.0.2.{number}"), ..from("wrong zqxm password") };
        app.app.sign_in(&app.org, elsewhere).await.unwrap_err();
    }
    let letters = app.worked().await;
    let locked = letters.iter().find(|letter| letter.text.contains("/unlock/")).unwrap();
    app.app.unlock_with_link(&app.org, &secret_in(locked, "unlock"), from("")).await.unwrap();
}

/// Every declared write of the API was sent, and every event has happened, but for those above.
pub(super) async fn is_complete(app: &TestApp) {
    let sent = app.sent.lock().unwrap().clone();
    let matches = |declared: &str, path: &str| {
        let (declared, path): (Vec<&str>, Vec<&str>) =
            (declared.split('/').collect(), path.split('/').collect());
        declared.len() == path.len()
            && declared.iter().zip(&path).all(|(one, other)| one.starts_with('{') || one == other)
    };
    let missing: Vec<String> = web::declared()
        .into_iter()
        .filter(|route| route.door == Door::Api && route.method != Method::GET)
        .filter(|route| {
            !sent.iter().any(|(method, path)| route.method.as_str() == method && matches(&route.path, path))
        })
        .map(|route| format!("{} {}", route.method, route.path))
        .filter(|name| NOT_MADE.iter().all(|(known, _)| known != name))
        .collect();
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "say in tests/erasure/around.rs how these are used around a person"
    );
    let read = async |connection: &mut store::Connection<'_>| {
        connection.all::<(String,)>("SELECT DISTINCT event FROM audit_entries", &[]).await
    };
    let seen: Vec<String> =
        app.app.database().read(read).await.unwrap().into_iter().map(|(event,)| event).collect();
    let missing: Vec<&str> = EVENTS
        .iter()
        .map(|(event, _)| *event)
        .filter(|event| !seen.iter().any(|seen| seen == event))
        .filter(|event| NOT_SEEN.iter().all(|(known, _)| known != event))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "let these happen in tests/erasure/around.rs");
}
