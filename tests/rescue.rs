//! What survives being shut out: every purpose of a link, sessions and API tokens, against every way on which a password
//! changes or an account is taken back; and that a password that was compared is still the password when it counts.

use std::time::Duration;

use axum::http::Method;
use model::{
    LinkId, Role, TokenId, UserId,
    credential_change::CredentialChange,
    link::{Link, Purpose},
    session::Secret,
};
use serde_json::json;
use store::{Attempt as Done, Lane, Proof, values};

use crate::{
    app::{Somebody, TestApp, api_request, form, form_request},
    in_flight::{from, link},
    matrix::browser,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const OTHER: &str = "another-canyon-harbor";

/// When the written links end: at no time that another one does.
fn planted(made: model::Timestamp) -> model::Timestamp {
    made.plus(DAY + Duration::from_micros(7))
}

/// Writes a link of each purpose, as if it had been mailed; answers what opens them.
pub(crate) async fn links_of_all_purposes(app: &TestApp, somebody: &Somebody) -> Vec<String> {
    let (context, user, now) = (app.context(), somebody.id, app.app.now());
    let address = somebody.email.clone();
    let ids: Vec<_> = Purpose::ALL.iter().map(|_| model::id::new_uuid(now, app.app.entropy())).collect();
    let secret_of = |id: &uuid::Uuid| {
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(id.as_bytes());
        Secret::of(secret)
    };
    let secrets = ids.iter().map(|id| secret_of(id).reveal()).collect();
    let work = async move |connection: &mut store::Connection<'_>| {
        for (purpose, id) in Purpose::ALL.iter().zip(&ids) {
            let secret = secret_of(id).hash();
            let link = Link {
                id: LinkId(*id),
                org: context,
                user,
                purpose: *purpose,
                address: address.clone(),
                secret,
                created_at: now,
                expires_at: planted(now),
                opened_at: None,
                ended: None,
            };
            store::links::insert(connection, &link, None).await?;
        }
        Ok(Done::Commit(()))
    };
    let entry = model::EntryId(uuid::Uuid::from_u128(7));
    let proof = Proof { org: app.org.id, entry };
    app.app.database().transaction(proof, Lane::Interactive, work, |(), _| ()).await.unwrap();
    secrets
}

/// The purposes of the links that were written and still open.
async fn open_links(app: &TestApp, user: UserId, made: model::Timestamp) -> Vec<String> {
    let org = app.org.id;
    let read = async |connection: &mut store::Connection<'_>| {
        let sql = "SELECT purpose FROM links WHERE org_id = $1 AND user_id = $2 AND expires_at = $3 \
                   AND ended_at IS NULL ORDER BY purpose";
        connection.all::<(String,)>(sql, values![org, user, planted(made)]).await
    };
    app.app.database().read(read).await.unwrap().into_iter().map(|(purpose,)| purpose).collect()
}

/// Carries a change out; `secret` is of the link that it takes.
pub(crate) async fn carry_out(app: &TestApp, ana: &Somebody, change: CredentialChange, secret: &str) {
    match change {
        CredentialChange::Changed => {
            let body = json!({"present_password": ana.password, "new_password": OTHER});
            app.call(Method::POST, "/account/password", &ana.token, body).await.expect(204);
        }
        CredentialChange::Reset => {
            app.app.reset_password(&app.org, secret, OTHER, from(ana, "reset")).await.unwrap();
        }
        CredentialChange::SetByAdministrator => {
            app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200);
        }
        CredentialChange::RecoveredByOperator => {
            app.app.recover_owner(&app.org, &ana.email).await.unwrap();
        }
        CredentialChange::NotMe => {
            app.app.disown_sign_in(&app.org, secret, from(ana, "mail")).await.unwrap();
        }
        CredentialChange::EmailUndone => {
            app.app.undo_email(&app.org, secret, OTHER, from(ana, "mail")).await.unwrap();
        }
        CredentialChange::Chosen => unreachable!("an invitee has nothing that could survive"),
    }
}

/// Makes ready the link that a change takes; empty where it takes none.
pub(crate) async fn secret_for(app: &TestApp, ana: &Somebody, change: CredentialChange) -> String {
    match change {
        CredentialChange::Reset => {
            app.app.ask_for_reset(&app.org, &ana.email, "203.0.113.9").await.unwrap();
            app.worked().await;
            link(app, ana, Purpose::PasswordReset).await
        }
        CredentialChange::NotMe => {
            app.app.sign_in(&app.org, from(ana, "Mozilla/5.0 Firefox/131.0")).await.unwrap();
            let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                          (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
            app.app.sign_in(&app.org, from(ana, safari)).await.unwrap();
            link(app, ana, Purpose::NotMe).await
        }
        CredentialChange::EmailUndone => {
            let new = format!("new.{}", ana.email);
            let body = json!({"email": new, "present_password": ana.password});
            app.call(Method::POST, "/account/email", &ana.token, body).await.expect(200);
            let moved = Somebody { email: new, ..ana.clone() };
            let secret = link(app, &moved, Purpose::EmailVerification).await;
            app.app.confirm_email(&app.org, &secret, from(ana, "mail")).await.unwrap();
            link(app, ana, Purpose::EmailUndo).await
        }
        _ => String::new(),
    }
}

/// What is still there: sessions, and the ids of tokens.
async fn left(app: &TestApp, user: UserId) -> (i64, Vec<TokenId>) {
    let org = app.org.id;
    let read = async |connection: &mut store::Connection<'_>| {
        let sql = "SELECT count(*) FROM sessions WHERE org_id = $1 AND user_id = $2 AND user_agent = 'test'";
        let (sessions,) = connection.one::<(i64,)>(sql, values![org, user]).await?;
        let tokens = store::tokens::of_user(connection, org.into(), user).await?;
        Ok((sessions, tokens.into_iter().rev().map(|token| token.id).collect()))
    };
    app.app.database().read(read).await.unwrap()
}

on_both! {
    async fn a_change_takes_everything_along_that_may_be_in_other_hands(app: TestApp) {
        for (number, change) in CredentialChange::ALL.iter().enumerate() {
            if *change == CredentialChange::Chosen {
                continue;
            }
            let mut ana = app.person(&format!("Ana{number}"), Role::Member).await;
            app.later(31 * DAY);
            ana.token = app.token_for(ana.id, &[]).await;
            browser(&app, &app.org, &ana).await;
            let secret = secret_for(&app, &ana, *change).await;
            app.later(Duration::from_secs(1));
            let made = app.app.now();
            links_of_all_purposes(&app, &ana).await;
            let before = left(&app, ana.id).await;
            assert_eq!(before.1.len(), 2, "{change}");
            carry_out(&app, &ana, *change, &secret).await;

            let mut spared = vec!["data_export", "email_undo"];
            match change {
                CredentialChange::Changed => spared.push("not_me"),
                // Of two changes of address the later one can't be taken back any more.
                CredentialChange::EmailUndone => spared.retain(|purpose| *purpose != "email_undo"),
                _ => {}
            }
            assert_eq!(open_links(&app, ana.id, made).await, spared, "{change}");
            let (sessions, tokens) = left(&app, ana.id).await;
            assert_eq!(sessions, 0, "{change}");
            let expected = match change {
                CredentialChange::Changed => before.1.clone(),
                CredentialChange::NotMe | CredentialChange::EmailUndone => Vec::new(),
                _ => before.1[..1].to_vec(),
            };
            assert_eq!(tokens, expected, "{change}");
        }
    }

    async fn a_pending_change_of_address_dies_with_the_password(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let body = json!({"email": "thief@example.com", "present_password": ana.password});
        app.call(Method::POST, "/account/email", &ana.token, body).await.expect(200);
        let thief = Somebody { email: "thief@example.com".to_owned(), ..ana.clone() };
        let secret = link(&app, &thief, Purpose::EmailVerification).await;
        app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200);
        let refused = app.app.confirm_email(&app.org, &secret, from(&ana, "mail")).await.unwrap_err();
        assert_eq!(refused.code(), "link.overtaken");
    }

    async fn a_compared_password_counts_only_while_it_is_the_password(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        // Of many changes that all compared the same password, one succeeds.
        let mut changes = Vec::new();
        for number in 0..4 {
            let body = json!({"present_password": ana.password, "new_password": format!("another-canyon-{number}{number}")});
            let request = api_request(Method::POST, "acme", "/account/password", &ana.token, &body);
            let router = app.router.clone();
            changes.push(tokio::spawn(async move { crate::app::send(&router, request).await }));
        }
        let mut done = 0;
        for change in changes {
            let answer = change.await.unwrap();
            match answer.status.as_u16() {
                204 => done += 1,
                409 => assert_eq!(answer.code(), "password.changed_meanwhile"),
                _ => assert_eq!(answer.status, 422, "{}", answer.text),
            }
        }
        assert_eq!(done, 1);
    }

    async fn ones_own_account_wants_the_same_proof_at_every_door(app: TestApp) {
        let own = app.owner.id;
        let refused = app.post(&format!("/users/{own}/set-password"), json!({})).await.expect(409);
        assert_eq!(refused.code(), "account.own_password");
        let refused = app.patch(&format!("/users/{own}"), json!({"email": "new@acme.example"})).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["code"], "account.own_email", "{}", refused.text);
        // The same address, and another field, are no change of it.
        let body = json!({"email": "olivia@acme.example", "department": "Board"});
        app.patch(&format!("/users/{own}"), body).await.expect(200);
        let browser = browser(&app, &app.org, &app.owner).await;
        let fields = form(&[("csrf", &browser.csrf), ("way", "generated")]);
        app.send(form_request(&format!("/o/acme/users/{own}/set-password"), &browser.cookie, &fields)).await;
        let events = app.events(&own.to_string()).await;
        assert!(!events.iter().any(|event| event == "password.set_temporary"), "{events:?}");
        app.person("Second", Role::Owner).await;
        app.app.set_temporary_password(&app.operator(), &app.org, own, None, None).await.unwrap();
    }

    async fn a_token_is_made_by_who_knows_the_password_and_told_by_mail(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let browser = browser(&app, &app.org, &ana).await;
        let path = "/o/acme/account/tokens/new";
        let create = async |password: &str| {
            let fields = [("csrf", browser.csrf.as_str()), ("name", "Nightly"), ("days", "30"), ("scopes", "*")];
            let mut fields = fields.to_vec();
            fields.push(("present_password", password));
            app.send(form_request(path, &browser.cookie, &form(&fields))).await
        };
        create("").await.expect(200);
        assert_eq!(app.mail_to(&ana.email).await.subject, "An API token of your account at Acme was created");
        app.later(Duration::from_secs(11 * 60));
        create("").await.expect(422);
        create("wrong-canyon-harbor").await.expect(422);
        create(&ana.password).await.expect(200);
        create("").await.expect(200);
        // A program needs its scope, not the password.
        let body = json!({"name": "From a program", "scopes": ["*"]});
        app.call(Method::POST, "/tokens", &ana.token, body).await.expect(201);
        let told = app.mails().await;
        let told = told.iter().filter(|letter| letter.subject.starts_with("An API token")).count();
        assert_eq!(told, 4);
    }
}
