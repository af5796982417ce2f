//! Invitations from the invitation to the first sign-in: what is mailed, what a link opens, and what ends it.

mod bulk;
mod doors;
mod pages;
pub(crate) mod tokens;

use std::time::Duration;

use ::app::{
    invitations::{Acceptance, NewInvitation, Terms},
    mail::Letter,
    signin::Attempt,
};
use axum::http::StatusCode;
use model::{Kind, UserFields, UserId, device::ClientHints, link::Purpose};
use serde_json::json;

use crate::app::{PASSWORD, TestApp};

/// The secret of the only link in a mail.
pub(crate) fn secret_in(letter: &Letter, path: &str) -> String {
    let start = format!("http://localhost:8080/o/acme/{path}/");
    let (_, rest) = letter.text.split_once(&start).unwrap_or_else(|| panic!("no link in {}", letter.text));
    rest.split_whitespace().next().unwrap().to_owned()
}

pub(crate) async fn invite(app: &TestApp, email: &str, personal: Option<&str>) -> UserId {
    let fields = UserFields {
        email: Some(email.to_owned()),
        personal_email: personal.map(str::to_owned),
        ..UserFields::default()
    };
    let terms = Terms { message: "See you on Monday.\n-> not a button: x".to_owned(), lifetime_hours: None };
    let new = NewInvitation { fields, roles: Vec::new(), groups: Vec::new(), terms };
    let (invited, _) = app.app.invite(&app.operator(), &app.org, new).await.unwrap();
    invited.person.user.id
}

fn acceptance() -> Acceptance {
    let password = PASSWORD.to_owned();
    Acceptance { password, given_name: Some("Ana".to_owned()), family_name: Some("Silva".to_owned()) }
}

fn from() -> Attempt {
    Attempt {
        identifier: String::new(),
        password: String::new(),
        remember: false,
        address: "203.0.113.9".to_owned(),
        user_agent: "Firefox".to_owned(),
        hints: ClientHints::default(),
        request_id: "r".to_owned(),
        devices: Vec::new(),
        earlier: None,
    }
}

async fn accept(app: &TestApp, secret: &str) -> model::Result<UserId> {
    let accepted =
        app.app.accept_invitation(&app.org, Purpose::Invitation, secret, acceptance(), from()).await?;
    assert!(accepted.signed_in.is_some());
    Ok(accepted.user)
}

on_both! {
    async fn an_invitation_is_mailed_and_accepted_once(app: TestApp) {
        let user = invite(&app, "ana@acme.example", None).await;
        let letter = app.mail_to("ana@acme.example").await;
        let secret = secret_in(&letter, "invitation");
        let read = format!("{}\n\n{}", letter.subject, letter.text.replace(&secret, "SECRET"));
        insta::assert_snapshot!("invitation_mail", read);
        // Looking at it changes nothing.
        let opened = app.app.open_invitation(&app.org, Purpose::Invitation, &secret).await.unwrap();
        assert_eq!(opened.user.id, user);
        assert_eq!(app.get(&format!("/users/{user}")).await.json()["state"], "invited");
        assert_eq!(accept(&app, &secret).await.unwrap(), user);
        let person = app.get(&format!("/users/{user}")).await.json();
        assert_eq!((&person["state"], &person["email_verified"]), (&json!("active"), &json!(true)));
        assert_eq!(person["display_name"], "Ana Silva");
        let again = accept(&app, &secret).await.unwrap_err();
        assert_eq!((again.kind(), again.code()), (Kind::Gone, "link.used"));
    }

    async fn each_address_has_a_link_of_its_own_and_either_ends_both(app: TestApp) {
        let user = invite(&app, "ana@acme.example", Some("ana@home.example")).await;
        let work = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        let home = secret_in(&app.mail_to("ana@home.example").await, "invitation");
        assert_ne!(work, home);
        accept(&app, &home).await.unwrap();
        assert_eq!(accept(&app, &work).await.unwrap_err().kind(), Kind::Gone);
        let person = app.get(&format!("/users/{user}")).await.json();
        assert_eq!(person["email_verified"], false, "only the address that was used is proven");
    }

    async fn an_invitation_ends_with_its_time_and_with_a_newer_one(app: TestApp) {
        let user = invite(&app, "ana@acme.example", None).await;
        let first = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        app.later(Duration::from_secs(7 * 24 * 3600));
        assert_eq!(accept(&app, &first).await.unwrap_err().code(), "link.expired");
        app.app.invite_user(&app.operator(), &app.org, user, Terms::default(), None).await.unwrap();
        let second = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        assert_eq!(accept(&app, &first).await.unwrap_err().code(), "link.replaced");
        app.post(&format!("/users/{user}/delete"), json!({"confirm": "ana@acme.example"})).await.expect(200);
        assert_eq!(accept(&app, &second).await.unwrap_err().kind(), Kind::Gone);
        assert_eq!(app.get(&format!("/users/{user}")).await.status, StatusCode::OK);
    }
}
