//! Who may not see somebody adds them to a group all the same: a group's owner, by what they type. Then it is asked about in
//! any case and with the same words, told nothing of whom, and the person is written to.

use axum::http::Method;
use model::{Role, UserId, link::Purpose};
use serde_json::{Value, json};

use super::{Secret, accepts, begun, id, invite, links_to, make, opens, typing};
use crate::{
    app::{PASSWORD, Somebody, TestApp, form, form_request},
    in_flight::from,
    matrix::{browser, force},
};

/// A group that gives a right which shows nobody, and its owner, who holds that right.
async fn crew(app: &TestApp) -> (String, Somebody) {
    let group = id(app, "/groups", json!({"name": "Crew"})).await;
    let role = id(app, "/roles", json!({"name": "Post", "permissions": ["audit:read"]})).await;
    app.post(&format!("/groups/{group}/roles"), json!({"role": role})).await.expect(200);
    let gus = app.person("Gus", Role::Member).await;
    app.post(&format!("/users/{}/roles", gus.id), json!({"role": role})).await.expect(200);
    let owns = format!("/groups/{group}/owners/{}", gus.id);
    app.call(Method::PUT, &owns, &app.owner.token, json!({})).await.expect(200);
    (group, gus)
}

/// Proven, as if by its owner.
async fn prove(app: &TestApp, user: UserId) {
    force(app, "UPDATE users SET email_verified = TRUE, address_set_within = NULL WHERE id = $1", user).await;
}

on_both! {
    async fn who_types_somebody_is_asked_alike_whatever_there_is(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let (group, gus) = crew(&app).await;
        let invited = make(&app, &weak, Secret::InvitationLink, None, "invitee").await;
        let password = make(&app, &weak, Secret::SessionOfPassword, None, "signedin").await;
        prove(&app, password.user).await;
        app.create("Plain", "Person", "plain@acme.example").await;
        let path = format!("/account/groups/{group}/members");
        let before = links_to(&app, &invited.email).await.len();
        let mut told = Vec::new();
        for email in [invited.email.as_str(), &password.email, "plain@acme.example", "nobody@acme.example"] {
            let send = async |query: String| {
                app.call(Method::POST, &format!("{path}{query}"), &gus.token, json!({"members": [email]})).await
            };
            let asked = send(String::new()).await.expect(409);
            assert_eq!(asked.code(), "access.secrets_end", "{email}");
            let number = asked.json()["confirm"].as_u64().unwrap();
            let dry = send("?dry_run=true&impact=true".to_owned()).await.expect(200).json();
            assert_eq!((&dry["ended"], &dry["confirm"]), (&json!([{"kind": "unseen", "name": ""}]), &json!(number)), "{dry}");
            send(format!("?end_secrets={}", number ^ 1)).await.expect(409);
            told.push((asked.json()["detail"].clone(), dry["secrets"].clone()));
            send(format!("?end_secrets={number}")).await.expect(200);
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{told:?}");
        app.worked().await;

        // What was typed is the address to which a new link goes.
        let links = links_to(&app, &invited.email).await;
        assert_eq!(links.len(), before + 1);
        assert!(!accepts(&app, &invited.copy, &invited.email).await);
        assert!(accepts(&app, &links[0], &invited.email).await);
        // Whoever loses a password hears of it, with a link to choose another one.
        assert!(!opens(&app, Secret::SessionOfPassword, &password.copy, &password.email).await);
        let letter = app.mail_to(&password.email).await;
        assert_eq!(letter.subject, "Your password at Acme has expired");
        assert!(letter.text.contains("by Gus Person"), "{}", letter.text);
        let link = begun::mailed(&app, &password.email, Purpose::PasswordReset).await;
        app.app.reset_password(&app.org, &link, PASSWORD, from(&typing("", ""), "owner")).await.unwrap();
    }

    async fn an_address_that_was_not_typed_is_mailed_nothing(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let (group, gus) = crew(&app).await;
        let own = format!("/account/groups/{group}/members");
        for (name, secret) in [("byid", Secret::InvitationLink), ("put", Secret::InvitationLink), ("two", Secret::PersonalLink)] {
            let made = make(&app, &weak, secret, None, name).await;
            let count = app.mails().await.len();
            let (method, path, body) = match name {
                "put" => (Method::PUT, format!("{own}/{}", made.user), json!({})),
                "byid" => (Method::POST, own.clone(), json!({"members": [made.user.to_string()]})),
                _ => (Method::POST, own.clone(), json!({"members": [made.email]})),
            };
            let asked = app.call(method.clone(), &path, &gus.token, body.clone()).await.expect(409);
            assert!(!asked.text.contains("New") && !asked.text.contains("Weak") && !asked.text.contains('@'), "{}", asked.text);
            app.confirmed(method, &path, &gus.token, body).await.expect(200);
            app.worked().await;
            assert_eq!(app.mails().await.len(), count, "{name}: nobody has confirmed the address");
            let old = links_to(&app, &made.email).await.remove(0);
            assert!(!accepts(&app, &old, &made.email).await, "{name}");
            // Somebody who may sends it again.
            invite(&app, &app.owner, made.user, json!({})).await;
            let link = links_to(&app, &made.email).await.remove(0);
            assert!(accepts(&app, &link, &made.email).await, "{name}");
        }
    }

    async fn the_console_asks_a_groups_owner(app: TestApp) {
        let (group, gus) = crew(&app).await;
        app.create("Plain", "Person", "plain@acme.example").await;
        let owner = browser(&app, &app.org, &gus).await;
        let add = format!("/o/acme/account/groups/{group}/add");
        let fields = form(&[("csrf", &owner.csrf), ("members", "plain@acme.example")]);
        let asked = app.send(form_request(&add, &owner.cookie, &fields)).await.expect(409);
        assert!(asked.text.contains("of people whom you may not see end"), "{}", asked.text);
        let (_, number) = asked.text.split_once(&format!("action=\"{add}?end_secrets=")).unwrap();
        let confirmed = format!("{add}?end_secrets={}", number.split('"').next().unwrap());
        app.send(form_request(&confirmed, &owner.cookie, &fields)).await.expect(303);
    }

    async fn a_group_that_gives_nothing_asks_nothing(app: TestApp) {
        let group = id(&app, "/groups", json!({"name": "Choir"})).await;
        let gus = app.person("Gus", Role::Member).await;
        app.call(Method::PUT, &format!("/groups/{group}/owners/{}", gus.id), &app.owner.token, json!({})).await.expect(200);
        let body = json!({"members": ["root@acme.example", "nobody@acme.example"]});
        app.call(Method::POST, &format!("/account/groups/{group}/members"), &gus.token, body).await.expect(200);
        app.call(Method::GET, "/account", &gus.token, Value::Null).await.expect(200);
    }
}
