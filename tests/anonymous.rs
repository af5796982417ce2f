//! What somebody causes who is not signed in never ends, and never uses up, what an administrator made: every public door
//! that writes, against links, resends, reminders, temporary passwords and tokens.

use std::time::Duration;

use axum::http::Method;
use model::{Role, UserId, link::Purpose};
use serde_json::{Value, json};
use web::{Declared, Needs};

use crate::{
    app::{Somebody, TestApp, form, form_request},
    invitations::{secret_in, tokens::invitation_of},
};

/// Everything that an administrator made for somebody.
struct Made {
    invited: String,
    invitation: String,
    activated: UserId,
    activation: String,
    reset: Somebody,
    reset_link: String,
    temporary: Somebody,
    password: String,
}

/// Every name that a stranger may know.
impl Made {
    fn names(&self) -> [&str; 5] {
        [
            "ina@acme.example",
            "stan@acme.example",
            &self.reset.email,
            &self.temporary.email,
            &self.temporary.username,
        ]
    }

    fn secrets(&self) -> [&str; 3] {
        [&self.invitation, &self.activation, &self.reset_link]
    }
}

/// Invites somebody; the invitation's id.
pub(crate) async fn invite(app: &TestApp, body: Value) -> String {
    let email = body["email"].as_str().unwrap().to_owned();
    app.post("/invitations", body).await.expect(201);
    let user = app.app.user_by_identifier(&app.operator(), &email).await.unwrap().user.id;
    invitation_of(app, user).await
}

async fn made(app: &TestApp) -> Made {
    let invited = invite(app, json!({"email": "ina@acme.example"})).await;
    let invitation = secret_in(&app.mail_to("ina@acme.example").await, "invitation");
    let activated: UserId = app.create("Stan", "Staged", "stan@acme.example").await.parse().unwrap();
    app.post(&format!("/users/{activated}/activate"), json!({})).await.expect(200);
    let activation = secret_in(&app.mail_to("stan@acme.example").await, "activation");
    let reset = app.person("Rita", Role::Member).await;
    app.post(&format!("/users/{}/send-reset-link", reset.id), json!({})).await.expect(200);
    let reset_link = secret_in(&app.mail_to(&reset.email).await, "reset-password");
    let temporary = app.person("Theo", Role::Member).await;
    let set = app.post(&format!("/users/{}/set-password", temporary.id), json!({})).await.expect(200).json();
    let password = set["temporary_password"].as_str().unwrap().to_owned();
    Made { invited, invitation, activated, activation, reset, reset_link, temporary, password }
}

/// A public door that writes, with everything that a stranger may send there: names in the fields of names, and the links
/// themselves without what belongs to using them.
fn requests(door: &Declared, made: &Made) -> Vec<(String, String)> {
    let path = door.path.replace("{slug}", "acme");
    if path.starts_with("/setup") {
        return Vec::new();
    }
    if !path.contains("{name}") {
        let filled = |name: &&str| {
            let fields = [
                ("identifier", *name),
                ("email", *name),
                ("slug", "acme"),
                ("password", "wrong-canyon-harbor"),
            ];
            (path.clone(), form(&fields))
        };
        return made.names().iter().map(filled).collect();
    }
    let secrets = made.secrets();
    // Links of purposes that lead elsewhere are none here.
    let is_page = !path.ends_with("/renew") && !path.ends_with("/begun");
    let own = |purpose: Purpose| path.contains(&format!("/{}/", purpose.path())) && is_page;
    let is_used_here = |number: usize| {
        let purposes = [Purpose::Invitation, Purpose::Activation, Purpose::PasswordReset];
        own(purposes[number])
    };
    let filled = |(number, secret): (usize, &&str)| {
        // At its own door a whole answer would be its owner using it; half of one is anybody's.
        let fields = if is_used_here(number) {
            form(&[("password", "x")])
        } else {
            form(&[("new_password", "another-canyon-harbor"), ("repeat_password", "another-canyon-harbor")])
        };
        (path.replace("{name}", secret), fields)
    };
    secrets.iter().enumerate().map(filled).collect()
}

/// All of it still works, and as often as before.
async fn check(app: &TestApp, made: Made, door: &str) {
    for (path, secret) in [
        ("invitation", &made.invitation),
        ("activation", &made.activation),
        ("reset-password", &made.reset_link),
    ] {
        let page = crate::signin::page(app, &format!("/{path}/{secret}"), "").await;
        assert_eq!(page.status, 200, "{door}: {path}");
    }
    let wait = || app.later(Duration::from_secs(1));
    let token = app.call(Method::GET, "/whoami", &made.reset.token, Value::Null).await;
    assert_eq!(token.status, 200, "{door}");
    // From a new address: failures have closed the stranger's own.
    let signed_in =
        crate::known_devices::try_with(&app.router, "192.0.2.200", "", &made.temporary.email, &made.password)
            .await;
    assert_eq!(signed_in.status, 303, "{door}: the temporary password");
    let id = &made.invited;
    for number in 0..5 {
        wait();
        let again = app.post(&format!("/invitations/{id}/resend"), json!({})).await;
        assert!(again.status.is_success(), "{door}, resend {number}: {}", again.text);
        let again = app.post(&format!("/users/{}/invite", made.activated), json!({})).await;
        assert!(again.status.is_success(), "{door}, activation {number}: {}", again.text);
    }
    // One was sent already.
    for number in 0..4 {
        wait();
        let again = app.post(&format!("/users/{}/send-reset-link", made.reset.id), json!({})).await;
        assert!(again.status.is_success(), "{door}, link {number}: {}", again.text);
    }
}

on_both! {
    async fn strangers_neither_end_nor_use_up_what_administrators_made(app: TestApp) {
        let doors = web::declared().into_iter().filter(|route| {
            route.method == Method::POST && !matches!(route.needs, Needs::Permission(_))
        });
        for (number, door) in doors.enumerate() {
            // Each door on a fresh organization's worth of people: what was used up once must not hide it later.
            if number > 0 {
                for email in ["ina@acme.example", "stan@acme.example", "rita@acme.example", "theo@acme.example"] {
                    let body = json!({"email": format!("old{number}.{email}"), "username": format!("old{number}-{}", &email[..3])});
                    let id = app.app.user_by_identifier(&app.operator(), email).await.unwrap().user.id;
                    app.patch(&format!("/users/{id}"), body).await.expect(200);
                }
                app.later(Duration::from_secs(2 * 3600));
            }
            let made = made(&app).await;
            for _ in 0..8 {
                for (path, fields) in requests(&door, &made) {
                    let mut request = form_request(&path, "", &fields);
                    let peer: std::net::SocketAddr = "198.51.100.66:4711".parse().unwrap();
                    request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
                    app.send(request).await;
                }
                app.later(Duration::from_secs(1));
                app.worked().await;
            }
            check(&app, made, &door.path).await;
        }
    }

    /// Whose time is over gets new links, as often as it may, and an administrator as often as before.
    async fn renewing_what_has_expired_uses_up_nothing_of_an_administrators(app: TestApp) {
        let id = invite(&app, json!({"email": "ina@acme.example", "expires_in_hours": 1})).await;
        for _ in 0..7 {
            let secret = secret_in(&app.mail_to("ina@acme.example").await, "invitation");
            app.later(Duration::from_secs(3600));
            app.send(form_request(&format!("/o/acme/invitation/{secret}/renew"), "", "")).await.expect(200);
            let forgot = form(&[("identifier", "ina@acme.example")]);
            app.send(form_request("/o/acme/forgot-password", "", &forgot)).await.expect(200);
            app.worked().await;
        }
        for _ in 0..5 {
            app.post(&format!("/invitations/{id}/resend"), json!({})).await.expect(200);
        }
    }

    async fn who_forgot_a_password_before_there_was_one_gets_the_same_link_again(app: TestApp) {
        app.post("/invitations", json!({"email": "ina@acme.example"})).await.expect(201);
        let secret = secret_in(&app.mail_to("ina@acme.example").await, "invitation");
        let forgot = form(&[("identifier", "ina@acme.example")]);
        app.send(form_request("/o/acme/forgot-password", "", &forgot)).await.expect(200);
        let letters = app.worked().await;
        let letters: Vec<_> = letters.iter().filter(|letter| letter.to == "ina@acme.example").collect();
        assert_eq!(letters.len(), 2);
        assert_eq!(secret_in(letters[0], "invitation"), secret);
    }
}
