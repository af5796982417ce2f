//! Links of invitations and activations as one-time tokens: each opens once, in its time, for its person, address,
//! purpose and organization, and is nowhere to be read but in the mail.

use std::time::Duration;

use ::app::mail::Letter;
use axum::{body::Body, http::Request};
use futures_util::future::join_all;
use model::{Role, UserId};
use serde_json::{Value, json};

use super::{invite, secret_in};
use crate::{
    app::{Answer, PASSWORD, TestApp, form, form_request},
    matrix::neighbour,
    signin::holds,
};

/// The two kinds of links, by the path in their address.
pub(crate) const KINDS: [&str; 2] = ["invitation", "activation"];
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody with a link of that kind: id and secret.
pub(crate) async fn linked(app: &TestApp, kind: &str, email: &str) -> (UserId, String) {
    let user = if kind == "invitation" {
        invite(app, email, None).await
    } else {
        let id = app.create("Ana", "Silva", email).await;
        app.post(&format!("/users/{id}/activate"), json!({})).await.expect(200);
        id.parse().unwrap()
    };
    (user, secret_in(&app.mail_to(email).await, kind))
}

/// The page behind a link.
pub(crate) async fn look(app: &TestApp, kind: &str, secret: &str) -> Answer {
    app.send(Request::get(format!("/o/acme/{kind}/{secret}")).body(Body::empty()).unwrap()).await
}

/// Presses its button.
pub(crate) async fn press(app: &TestApp, kind: &str, secret: &str) -> Answer {
    press_at(app, &format!("/o/acme/{kind}/{secret}")).await
}

async fn press_at(app: &TestApp, path: &str) -> Answer {
    let fields = [("given_name", "Ana"), ("family_name", "Silva"), ("password", PASSWORD)];
    let fields = form(&[&fields[..], &[("repeat_password", PASSWORD)]].concat());
    app.send(form_request(path, "", &fields)).await
}

pub(crate) async fn state(app: &TestApp, user: UserId) -> Value {
    app.get(&format!("/users/{user}")).await.json()["state"].clone()
}

/// The cookie that somebody came in with.
fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers.get("set-cookie").unwrap_or_else(|| panic!("{}", answer.text));
    cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
}

on_both! {
    async fn each_opens_once(app: TestApp) {
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            look(&app, kind, &secret).await.expect(200);
            assert_eq!(state(&app, user).await, "invited", "looking changes nothing");
            let first = press(&app, kind, &secret).await.expect(303);
            assert!(holds(&app, &cookie(&first)).await);
            assert_eq!(state(&app, user).await, "active");
            let second = press(&app, kind, &secret).await.expect(410);
            assert!(second.text.contains("accepted already") && second.headers.get("set-cookie").is_none());
            look(&app, kind, &secret).await.expect(410);
        }
    }

    async fn of_many_at_once_exactly_one_gets_in(app: TestApp) {
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            let answers = join_all((0..32).map(|_| press(&app, kind, &secret))).await;
            let came_in = answers.iter().filter(|answer| answer.status == 303).count();
            assert_eq!(came_in, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
            assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 303 | 410)));
            assert_eq!(state(&app, user).await, "active");
            assert_eq!(app.count("SELECT count(*) FROM sessions").await, 1);
            app.post(&format!("/users/{user}/suspend"), json!({"reason": "other"})).await.expect(200);
        }
    }

    /// Nobody tidies here: the end is checked at use, to the moment.
    async fn it_ends_with_its_time_although_nobody_tidied(app: TestApp) {
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            app.later(7 * DAY - Duration::from_secs(1));
            look(&app, kind, &secret).await.expect(200);
            app.later(Duration::from_secs(1));
            let page = look(&app, kind, &secret).await.expect(410);
            assert!(page.text.contains("has expired"), "{}", page.text);
            press(&app, kind, &secret).await.expect(410);
            assert_eq!(state(&app, user).await, "invited");
        }
    }

    async fn it_is_for_one_purpose_organization_person_and_address(app: TestApp) {
        let (zeta, _) = neighbour(&app).await;
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            let other = KINDS.into_iter().find(|other| *other != kind).unwrap();
            press(&app, other, &secret).await.expect(404);
            for page in ["reset-password", "verify-email", "undo-email", "unlock", "not-me", "setup"] {
                let answer = press_at(&app, &format!("/o/acme/{page}/{secret}")).await;
                assert!(answer.headers.get("set-cookie").is_none() && answer.status.as_u16() >= 400, "{page}");
            }
            press_at(&app, &format!("/o/{}/{kind}/{secret}", zeta.slug)).await.expect(404);
            // Somebody else's link makes somebody else active.
            let (bo, bos) = linked(&app, kind, &format!("bo.{kind}@acme.example")).await;
            press(&app, kind, &bos).await.expect(303);
            assert_eq!((state(&app, user).await, state(&app, bo).await), (json!("invited"), json!("active")));
            // The address has changed: what went to the former one opens nothing, what goes to the new one does.
            let patch = json!({"email": format!("new.{kind}@acme.example")});
            app.patch(&format!("/users/{user}"), patch).await.expect(200);
            let page = press(&app, kind, &secret).await.expect(410);
            assert!(page.text.contains("newer link"), "{}", page.text);
            let mail = app.mail_to(&format!("new.{kind}@acme.example")).await;
            press(&app, kind, &secret_in(&mail, kind)).await.expect(303);
            assert_eq!(app.get(&format!("/users/{user}")).await.json()["email_verified"], true);
        }
    }

    async fn any_byte_changed_opens_nothing(app: TestApp) {
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            assert_eq!(secret.len(), 43);
            for at in 0..secret.len() {
                let mut changed = secret.clone().into_bytes();
                // The last character carries four bits and two zeros: change the first ones.
                changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                press(&app, kind, &changed).await.expect(404);
                press(&app, kind, &secret[..at]).await.expect(404);
            }
            for mangled in [format!("{secret}A"), format!("{secret}="), secret.to_lowercase(), "A".repeat(43), "%00".repeat(14)] {
                press(&app, kind, &mangled).await.expect(404);
            }
            assert_eq!(state(&app, user).await, "invited");
            press(&app, kind, &secret).await.expect(303);
        }
    }

    async fn whoever_is_blocked_or_gone_has_no_link(app: TestApp) {
        for kind in KINDS {
            let (deleted, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            let confirm = json!({"confirm": format!("{kind}@acme.example")});
            app.post(&format!("/users/{deleted}/delete"), confirm).await.expect(200);
            press(&app, kind, &secret).await.expect(410);
            app.post(&format!("/users/{deleted}/restore"), json!({})).await.expect(200);
            press(&app, kind, &secret).await.expect(410);
            let (cancelled, secret) = linked(&app, kind, &format!("c.{kind}@acme.example")).await;
            let invitation = invitation_of(&app, cancelled).await;
            app.post(&format!("/invitations/{invitation}/cancel"), json!({})).await.expect(200);
            let page = press(&app, kind, &secret).await.expect(410);
            assert!(page.text.contains("taken back"), "{}", page.text);
            assert_eq!(state(&app, cancelled).await, "staged");
        }
    }

    /// Neither the secret nor what is stored of it is in an answer, a page, the audit log, or any row but the mail's link.
    async fn the_secret_is_nowhere_to_be_read(app: TestApp) {
        let browser = app.sign_in(&app.owner.email, PASSWORD).await.unwrap();
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            press(&app, kind, "wrong").await.expect(404);
            let invitation = invitation_of(&app, user).await;
            for path in ["/invitations".to_owned(), format!("/invitations/{invitation}"), format!("/users/{user}"), "/users".to_owned()] {
                assert!(!app.get(&path).await.expect(200).text.contains(&secret), "{path}");
            }
            for path in ["/invitations".to_owned(), format!("/users/{user}"), format!("/users/{user}/invite"), format!("/users/{user}/invitation-link")] {
                let request = Request::get(format!("/o/acme{path}")).header("cookie", &browser).body(Body::empty()).unwrap();
                assert!(!app.send(request).await.expect(200).text.contains(&secret), "{path}");
            }
            let link = app.post(&format!("/invitations/{invitation}/link"), json!({})).await.expect(200).json();
            assert!(link["url"].as_str().unwrap().ends_with(&format!("/o/acme/{kind}/{secret}")), "{link}");
            assert!(app.events(&user.to_string()).await.contains(&"invitation.link_copied".to_owned()));
            press(&app, kind, &secret).await.expect(303);
            let rows = everything(&app).await;
            assert!(rows.contains(&user.to_string()) && !rows.contains(&secret));
        }
    }

    /// A link that was copied by somebody who looks first is recorded, or not shown.
    async fn no_link_is_shown_without_being_recorded(app: TestApp) {
        let (user, _) = linked(&app, "invitation", "ana@acme.example").await;
        let invitation = invitation_of(&app, user).await;
        app.post(&format!("/invitations/{invitation}/link?dry_run=true"), json!({})).await.expect(422);
        let helpdesk = app.person("Hel", Role::Helpdesk).await;
        app.call(axum::http::Method::POST, &format!("/invitations/{invitation}/link"), &helpdesk.token, json!({})).await.expect(403);
    }
}

/// The id of somebody's newest invitation.
pub(crate) async fn invitation_of(app: &TestApp, user: UserId) -> String {
    let list = app.get("/invitations").await.expect(200).json();
    let found = list["items"].as_array().unwrap().iter().find(|item| item["user"] == user.to_string());
    found.unwrap_or_else(|| panic!("{list}"))["id"].as_str().unwrap().to_owned()
}

/// What the audit log and the outboxes hold, as text.
async fn everything(app: &TestApp) -> String {
    let read = async |connection: &mut store::Connection<'_>| {
        let audit: Vec<(String, String)> = connection
            .all("SELECT changes, target_name || reason || request_id FROM audit_entries ORDER BY id", &[])
            .await?;
        let mails: Vec<(String, String)> =
            connection.all("SELECT details, why || address FROM mails ORDER BY id", &[]).await?;
        Ok((audit, mails))
    };
    let (audit, mails) = app.app.database().read(read).await.unwrap();
    let users: Vec<String> = {
        let read = async |connection: &mut store::Connection<'_>| {
            connection.all::<(UserId,)>("SELECT id FROM users ORDER BY id", &[]).await
        };
        app.app.database().read(read).await.unwrap().into_iter().map(|(id,)| id.to_string()).collect()
    };
    format!("{audit:?} {mails:?} {users:?}")
}

/// The only letter to an address since the box was looked into the last time.
pub(crate) async fn letters_to(app: &TestApp, address: &str) -> Vec<Letter> {
    app.mails().await.into_iter().filter(|letter| letter.to == address).collect()
}
