//! Every kind of link that lets somebody back in: it works once, for its time, for its user, organization, purpose and
//! address; and its secret is nowhere but in the mail.

use std::{collections::BTreeSet, time::Duration};

use axum::http::Method;
use futures_util::future::join_all;
use model::{Role, link::Purpose};
use serde_json::json;

use crate::{
    addresses::{confirm, verification},
    app::{Answer, Somebody, TestApp, form, form_request},
    matrix::browser,
    recovery::{NEW, reset_secret, secret_in},
};

/// The purposes that are tried here.
const PURPOSES: [Purpose; 4] =
    [Purpose::PasswordReset, Purpose::EmailVerification, Purpose::EmailUndo, Purpose::Unlock];

/// Somebody with an open link of a purpose: the person, and the link's secret.
async fn issued(app: &TestApp, name: &str, purpose: Purpose) -> (Somebody, String) {
    let somebody = app.person(name, Role::Member).await;
    let name = name.to_lowercase();
    let secret = match purpose {
        Purpose::PasswordReset => reset_secret(app, &somebody).await,
        Purpose::EmailVerification => verification(app, &somebody, &format!("{name}.new@acme.example")).await,
        Purpose::EmailUndo => {
            let wanted = format!("{name}.new@acme.example");
            let proof = verification(app, &somebody, &wanted).await;
            confirm(app, &proof).await.expect(200);
            secret_in(&app.mail_to(&somebody.email).await, "undo-email")
        }
        Purpose::Unlock => {
            for number in 0..20 {
                let attempt = ::app::signin::Attempt {
                    identifier: somebody.email.clone(),
                    password: "wrong-canyon-harbor".to_owned(),
                    remember: false,
                    address: format!("203.0.113.{number}"),
                    user_agent: String::new(),
                    hints: model::device::ClientHints::default(),
                    request_id: String::new(),
                    devices: Vec::new(),
                    earlier: None,
                };
                assert!(app.app.sign_in(&app.org, attempt).await.is_err());
            }
            app.worked().await;
            secret_in(&app.mail_to(&somebody.email).await, "unlock")
        }
        other => panic!("{other} is not tried here"),
    };
    (somebody, secret)
}

/// Uses a link as its page's button does.
async fn used(app: &TestApp, slug: &str, path: &str, secret: &str) -> Answer {
    let fields = form(&[("new_password", NEW), ("repeat_password", NEW)]);
    app.send(form_request(&format!("/o/{slug}/{path}/{secret}"), "", &fields)).await
}

fn worked(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 200 | 303)
}

/// A purpose's name, as part of somebody's.
fn named(purpose: Purpose) -> String {
    purpose.as_str().replace('_', "")
}

on_both! {
    async fn a_link_works_once(app: TestApp) {
        for purpose in PURPOSES {
            let (_, secret) = issued(&app, &named(purpose), purpose).await;
            assert!(worked(&used(&app, "acme", purpose.path(), &secret).await), "{purpose}");
            used(&app, "acme", purpose.path(), &secret).await.expect(410);
        }
    }

    async fn of_thirty_two_at_once_one_succeeds(app: TestApp) {
        for purpose in PURPOSES {
            let (_, secret) = issued(&app, &named(purpose), purpose).await;
            let answers = join_all((0..32).map(|_| used(&app, "acme", purpose.path(), &secret))).await;
            let successes = answers.iter().filter(|answer| worked(answer)).count();
            let refusals = answers.iter().filter(|answer| answer.status == 410).count();
            assert_eq!((successes, refusals), (1, 31), "{purpose}");
        }
    }

    /// Nothing is tidied here: the time counts at use.
    async fn a_link_ends_with_its_time(app: TestApp) {
        for purpose in PURPOSES {
            let name = named(purpose);
            let (_, in_time) = issued(&app, &name, purpose).await;
            app.later(purpose.lifetime() - Duration::from_secs(1));
            assert!(worked(&used(&app, "acme", purpose.path(), &in_time).await), "{purpose}");
            let (_, late) = issued(&app, &format!("{name}late"), purpose).await;
            app.later(purpose.lifetime());
            used(&app, "acme", purpose.path(), &late).await.expect(410);
            let page = crate::signin::page(&app, &format!("/{}/{late}", purpose.path()), "").await.expect(410);
            assert!(page.text.contains("This link has expired"), "{purpose}");
        }
    }

    /// Whoever is signed in is told whose link it is, and nothing happens before they have signed out.
    async fn a_link_of_somebody_else_waits_until_one_has_signed_out(app: TestApp) {
        let pages = web::declared().into_iter().filter(|route| route.link.is_some() && route.needs == web::Needs::Org);
        let pages: BTreeSet<(&str, String)> =
            pages.map(|route| (route.link.unwrap().path(), route.method.to_string())).collect();
        let others = Purpose::ALL.iter().filter(|purpose| **purpose != Purpose::DataExport);
        let all: BTreeSet<(&str, String)> =
            others.flat_map(|purpose| ["GET", "POST"].map(|method| (purpose.path(), method.to_owned()))).collect();
        assert_eq!(pages, all, "every page of a link is declared as one");
        let bo = app.person("Bo", Role::Member).await;
        for purpose in PURPOSES {
            let (owner, secret) = issued(&app, &named(purpose), purpose).await;
            let path = format!("/o/acme/{}/{secret}", purpose.path());
            let session = browser(&app, &app.org, &bo).await;
            let page = crate::signin::page(&app, &path["/o/acme".len()..], &session.cookie).await.expect(200).text;
            for words in ["You are signed in as Bo Person", owner.username.as_str(), "Sign out and continue", "Stay signed in as Bo Person"] {
                assert!(page.contains(words), "{purpose}: {words}: {page}");
            }
            assert!(!page.contains("new_password") && page.contains(&session.csrf), "{purpose}");
            let fields = form(&[("new_password", NEW), ("repeat_password", NEW)]);
            let refused = app.send(form_request(&path, &session.cookie, &fields)).await.expect(409);
            assert!(refused.text.contains("You are signed in as Bo Person"), "{purpose}");
            assert!(!refused.headers.contains_key("set-cookie"), "{purpose}");
            crate::signin::page(&app, "/account", &session.cookie).await.expect(200);
            // Its owner sees the page itself, as does who has signed out.
            let action = page.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            let left = app.send(form_request(&action.replace("&#38;", "&"), &session.cookie, &form(&[("csrf", &session.csrf)]))).await.expect(303);
            assert_eq!(left.headers["location"], path.as_str(), "{purpose}");
            assert!(left.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"), "{purpose}");
            // Others can't sign in with the address or password of before.
            if purpose == Purpose::PasswordReset {
                let own = browser(&app, &app.org, &owner).await;
                let page = crate::signin::page(&app, &path["/o/acme".len()..], &own.cookie).await.expect(200).text;
                assert!(!page.contains("You are signed in as"), "{purpose}");
            }
            assert!(worked(&used(&app, "acme", purpose.path(), &secret).await), "{purpose}");
            // Of a link that has ended there is nothing to choose.
            let session = browser(&app, &app.org, &bo).await;
            crate::signin::page(&app, &path["/o/acme".len()..], &session.cookie).await.expect(410);
        }
    }

    async fn a_link_is_for_one_purpose_and_one_organization(app: TestApp) {
        let (_, _otto) = app.other_org("zeta").await;
        for purpose in PURPOSES {
            let (_, secret) = issued(&app, &named(purpose), purpose).await;
            for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
                used(&app, "acme", other.path(), &secret).await.expect(404);
            }
            used(&app, "acme", "invitation", &secret).await.expect(404);
            used(&app, "zeta", purpose.path(), &secret).await.expect(404);
            assert!(worked(&used(&app, "acme", purpose.path(), &secret).await), "{purpose}: and none of it used it up");
        }
    }

    async fn every_character_of_the_secret_counts(app: TestApp) {
        for purpose in PURPOSES {
            let (_, secret) = issued(&app, &named(purpose), purpose).await;
            assert_eq!(secret.len(), 43);
            for at in 0..secret.len() {
                let mut altered = secret.clone().into_bytes();
                altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
                let altered = String::from_utf8(altered).unwrap();
                used(&app, "acme", purpose.path(), &altered).await.expect(404);
            }
            for altered in [secret[..42].to_owned(), format!("{secret}A"), secret.to_uppercase(), String::from("x")] {
                used(&app, "acme", purpose.path(), &altered).await.expect(404);
            }
            assert!(worked(&used(&app, "acme", purpose.path(), &secret).await), "{purpose}");
        }
    }

    /// A link is for one person at one address: another person's is not touched, and another address ends it.
    async fn a_link_is_for_one_person_at_one_address(app: TestApp) {
        for purpose in [Purpose::PasswordReset, Purpose::EmailVerification, Purpose::Unlock] {
            let name = named(purpose);
            let (ana, secret) = issued(&app, &name, purpose).await;
            let bo = app.person(&format!("{name}other"), Role::Member).await;
            let before = app.get(&format!("/users/{}", bo.id)).await.json();
            let moved = json!({"email": format!("{name}.moved@acme.example")});
            app.patch(&format!("/users/{}", ana.id), moved).await.expect(200);
            // Somebody else has the address now that the mail went to.
            app.patch(&format!("/users/{}", bo.id), json!({"email": ana.email})).await.expect(200);
            used(&app, "acme", purpose.path(), &secret).await.expect(410);
            let after = app.get(&format!("/users/{}", bo.id)).await.json();
            assert_eq!((&after["email"], &after["email_verified"]), (&json!(ana.email), &json!(false)), "{purpose}");
            assert_eq!(before["id"], after["id"]);
            crate::signin::submit(&app, &bo.username, &bo.password, false).await.expect(303);
        }
    }

    async fn the_secret_is_in_the_mail_alone(app: TestApp) {
        for purpose in PURPOSES {
            let (somebody, secret) = issued(&app, &named(purpose), purpose).await;
            used(&app, "acme", purpose.path(), &secret).await;
            app.worked().await;
            let read = async |connection: &mut store::Connection<'_>| {
                let mut found = Vec::new();
                for sql in [
                    "SELECT CAST(changes AS text) || reason || target_name || actor_name || request_id FROM audit_entries",
                    "SELECT CAST(details AS text) || why || address FROM mails",
                    "SELECT CAST(work AS text) || last_error FROM jobs",
                    "SELECT address || purpose FROM links",
                    "SELECT result FROM idempotency_keys",
                ] {
                    found.extend(connection.all::<(String,)>(sql, &[]).await?.into_iter().map(|(text,)| text));
                }
                Ok(found)
            };
            let texts = app.app.database().read(read).await.unwrap();
            assert!(texts.len() > 5 && !texts.iter().any(|text| text.contains(&secret)), "{purpose}");
            let shown = app.call(Method::GET, &format!("/users/{}", somebody.id), &app.owner.token, json!(null)).await;
            assert!(!shown.text.contains(&secret), "{purpose}");
        }
    }
}
