//! What is begun or made with a secret of a weaker actor: sessions, tokens made in them or with other tokens, what an
//! invitation sends by itself, and links to addresses that such an actor wrote.

use std::time::Duration;

use axum::http::Method;
use model::{OrgContext, UserId, link::Purpose, session};
use serde_json::json;

use super::{HOUR, Secret, TYPED, accepts, invite, typing};
use crate::{
    app::{Somebody, TestApp, form, form_request},
    in_flight::from,
    matrix::{Browser, browser},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The user's browser, as whoever knows the password has one.
async fn signed_in(app: &TestApp, email: &str) -> Browser {
    let somebody = typing(email, TYPED);
    browser(app, &app.org, &somebody).await
}

/// The address that the weaker actor writes as somebody's personal one.
pub(super) fn personal(name: &str) -> String {
    format!("{name}@personal.example")
}

/// The newest link in a mail to an address.
pub(super) async fn mailed(app: &TestApp, address: &str, purpose: Purpose) -> String {
    let (text, start) = (app.mail_to(address).await.text, format!("/o/acme/{}/", purpose.path()));
    let rest = text.split_once(&start).unwrap_or_else(|| panic!("{text}")).1;
    rest.split_whitespace().next().unwrap().to_owned()
}

/// What `maker` has in the end, of a user that `maker` created.
pub(super) async fn make(
    app: &TestApp,
    maker: &Somebody,
    secret: Secret,
    user: UserId,
    name: &str,
) -> String {
    let email = format!("{name}@acme.example");
    match secret {
        Secret::SessionOfPassword | Secret::SessionOfTemporary => {
            let browser = signed_in(app, &email).await;
            browser.cookie.split_once('=').unwrap().1.to_owned()
        }
        Secret::TokenOfSession | Secret::AccountToken => {
            let browser = signed_in(app, &email).await;
            let mut fields = vec![("csrf", &*browser.csrf), ("name", "Kept"), ("days", "300")];
            // Not everything, but the account.
            let scopes = ["account:read", "account:tokens", "account:sessions"];
            let scopes = if secret == Secret::AccountToken { &scopes[..] } else { &["*"] };
            fields.extend(scopes.iter().map(|scope| ("scopes", *scope)));
            let path = "/o/acme/account/tokens/new";
            let page = app.send(form_request(path, &browser.cookie, &form(&fields))).await.text;
            let start = page.find("mst_pat_").unwrap_or_else(|| panic!("{page}"));
            page[start..]
                .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
                .next()
                .unwrap()
                .to_owned()
        }
        Secret::TokenOfToken => {
            let body = json!({"name": "First", "scopes": ["*"]});
            let path = format!("/users/{user}/tokens");
            let first = app.call(Method::POST, &path, &maker.token, body.clone()).await.expect(201).json();
            let first = first["token"].as_str().unwrap().to_owned();
            let second = app.call(Method::POST, "/tokens", &first, body).await.expect(201).json();
            second["token"].as_str().unwrap().to_owned()
        }
        Secret::AddressLink => {
            let (browser, address) = (signed_in(app, &email).await, format!("{name}@elsewhere.example"));
            let fields = [("csrf", &*browser.csrf), ("email", &*address), ("present_password", TYPED)];
            let path = "/o/acme/account/email";
            app.send(form_request(path, &browser.cookie, &form(&fields))).await.expect(303);
            mailed(app, &address, Purpose::EmailVerification).await
        }
        Secret::ProvenAddress => {
            let address = format!("{name}@elsewhere.example");
            let link = Box::pin(make(app, maker, Secret::AddressLink, user, name)).await;
            assert!(opens(app, Secret::AddressLink, &link, name, &address).await, "it is theirs now");
            address
        }
        Secret::RemindedLink => {
            invite(app, maker, user, json!({"expires_in_hours": 96})).await;
            let first = mailed(app, &email, Purpose::Invitation).await;
            app.later(DAY * 3 + HOUR);
            app.worked().await;
            let reminder = mailed(app, &email, Purpose::Invitation).await;
            assert_ne!(reminder, first);
            reminder
        }
        Secret::RenewedLink => {
            let expired = make_expired(app, maker, user, &email).await;
            renew(app, &expired, name).await.unwrap();
            let renewed = mailed(app, &email, Purpose::Invitation).await;
            assert_ne!(renewed, expired);
            renewed
        }
        Secret::ExpiredLink => make_expired(app, maker, user, &email).await,
        Secret::PersonalLink => {
            // The owner invites; the weaker actor wrote where the mail goes.
            let owner = app.owner.clone();
            invite(app, &owner, user, json!({})).await;
            mailed(app, &personal(name), Purpose::Invitation).await
        }
        _ => unreachable!("{secret:?} is made by itself"),
    }
}

async fn make_expired(app: &TestApp, maker: &Somebody, user: UserId, email: &str) -> String {
    invite(app, maker, user, json!({"expires_in_hours": 1})).await;
    let link = mailed(app, email, Purpose::Invitation).await;
    app.later(HOUR + Duration::from_secs(1));
    link
}

/// Whoever has an expired link asks for another.
async fn renew(app: &TestApp, link: &str, name: &str) -> model::Result<()> {
    let somebody = typing(&format!("{name}@acme.example"), "");
    app.app.renew_invitation(&app.org, Purpose::Invitation, link, &from(&somebody, "maker")).await
}

/// Whether what the maker has opens the account, or moves it to the maker's address.
pub(super) async fn opens(app: &TestApp, secret: Secret, copy: &str, name: &str, email: &str) -> bool {
    match secret {
        Secret::SessionOfPassword | Secret::SessionOfTemporary => {
            let secret = session::Secret::parse(copy).unwrap();
            app.app.session(OrgContext::from(app.org.id), &secret).await.is_ok()
        }
        Secret::AddressLink => {
            let somebody = typing(email, "");
            app.app.confirm_email(&app.org, copy, from(&somebody, "maker")).await.is_ok()
        }
        Secret::ProvenAddress => {
            let sent = async || app.worked().await.iter().filter(|letter| letter.to == copy).count();
            let before = sent().await;
            app.app.ask_for_reset(&app.org, copy, "203.0.113.9").await.unwrap();
            sent().await > before
        }
        Secret::ExpiredLink => {
            let before = app.mails().await.len();
            if let Err(error) = renew(app, copy, name).await {
                assert_eq!(error.code(), "link.outgrown", "{error}");
            }
            let mails = app.worked().await;
            mails.len() > before && accepts(app, &mailed(app, email, Purpose::Invitation).await, email).await
        }
        _ => accepts(app, copy, email).await,
    }
}
