//! What a weaker actor made for somebody opens nothing once that somebody may do more than its maker could have given:
//! every kind of such a secret against every way on which rights rise. Whoever raises them is told and confirms; it stays
//! worth nothing when they fall again. Within the maker's own rights nothing changes.

mod begun;
mod between;
mod many;
mod nodes;
mod rising;
mod scopes;
mod unseen;

use std::time::Duration;

use axum::http::Method;
use model::{Rights, Role, UserId, link::Purpose, outgrown::Maker};
use serde_json::{Value, json};

use self::rising::{RISES, Rise, fall, is_dated, prepare, raising};
use crate::{
    app::{PASSWORD, Somebody, TestApp, form, form_request, page_request},
    in_flight::from,
    matrix::{browser, force},
};

const TYPED: &str = "temporary-canyon-harbor";
const HOUR: Duration = Duration::from_secs(3600);
/// When what is dated starts: before a session ends by itself.
const SOON: Duration = Duration::from_secs(600);

/// What somebody else made and may have kept a copy of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    InvitationLink,
    TemporaryPassword,
    ChosenPassword,
    ServiceToken,
    Address,
    SessionOfPassword,
    SessionOfTemporary,
    TokenOfSession,
    AccountToken,
    TokenOfToken,
    AddressLink,
    ProvenAddress,
    RemindedLink,
    RenewedLink,
    ExpiredLink,
    PersonalLink,
}

impl Secret {
    /// A link that an invitation sent.
    fn is_invitation(self) -> bool {
        use Secret as S;
        matches!(
            self,
            S::InvitationLink | S::RemindedLink | S::RenewedLink | S::ExpiredLink | S::PersonalLink
        )
    }

    /// Made for a program.
    fn is_of_service(self) -> bool {
        matches!(self, Self::ServiceToken | Self::TokenOfToken)
    }

    /// Whether it is there still, once its user was away and came back.
    fn outlives_leaving(self) -> bool {
        matches!(self, Self::TemporaryPassword | Self::ChosenPassword | Self::Address)
    }
}

const SECRETS: [Secret; 16] = [
    Secret::InvitationLink,
    Secret::TemporaryPassword,
    Secret::ChosenPassword,
    Secret::ServiceToken,
    Secret::Address,
    Secret::SessionOfPassword,
    Secret::SessionOfTemporary,
    Secret::TokenOfSession,
    Secret::AccountToken,
    Secret::TokenOfToken,
    Secret::AddressLink,
    Secret::ProvenAddress,
    Secret::RemindedLink,
    Secret::RenewedLink,
    Secret::ExpiredLink,
    Secret::PersonalLink,
];
async fn id(app: &TestApp, path: &str, body: Value) -> String {
    let answer = app.post(path, body).await.expect(201).json();
    answer.get("role").or_else(|| answer.get("id")).unwrap().as_str().unwrap().to_owned()
}

/// Lets the rights rise, after it was told what ends, and confirmed.
async fn raise(app: &TestApp, secret: Secret, rise: Rise, user: UserId, prepared: &[String], name: &str) {
    let what = format!("{secret:?} after {rise:?}");
    if rise == Rise::Rehire {
        let roles = format!("/users/{user}/roles");
        app.confirmed(Method::POST, &roles, &app.owner.token, json!({"role": "auditor"})).await.expect(200);
        app.post(&format!("/users/{user}/deprovision"), json!({"reason": "left"})).await.expect(200);
    }
    let mut steps = raising(app, rise, user, prepared, name).await;
    let (method, path, body) = steps.pop().unwrap();
    for (method, path, body) in steps {
        app.call(method, &path, &app.owner.token, body).await.expect(200);
    }
    let send = async |query: &str, body: &Value| {
        app.call(method.clone(), &format!("{path}{query}"), &app.owner.token, body.clone()).await
    };
    if rise == Rise::Rehire {
        // What others had made has ended with the first rise already.
        send("", &body).await.expect(200);
        return;
    }
    let refused = send("", &body).await.expect(409);
    assert_eq!(refused.code(), "access.secrets_end", "{what}");
    let count = refused.json()["confirm"].as_u64().unwrap();
    assert!(count > 0 && refused.text.contains("Weak Person"), "{what}: {}", refused.text);
    if secret.is_invitation() {
        assert!(
            refused.text.contains(&format!("{name}@acme.example (set by Weak Person)")),
            "{}",
            refused.text
        );
    }
    if secret == Secret::PersonalLink {
        let shown = format!("{} (set by Weak Person)", begun::personal(name));
        assert!(refused.text.contains(&shown), "{}", refused.text);
    }
    let dry = send("?dry_run=true&impact=true", &body).await.expect(200).json();
    assert_eq!(dry["secrets"], dry["ended"].as_array().unwrap().len(), "{what}: {dry}");
    assert!(dry["confirm"] == count && dry["secrets"] != 0, "{what}: {dry}");
    for other in [count ^ 1, 1, 9999, u64::MAX] {
        send(&format!("?end_secrets={other}"), &body).await.expect(409);
    }
    send(&format!("?end_secrets={count}"), &body).await.expect(200);
    if is_dated(rise) {
        app.later(SOON + Duration::from_secs(1));
    }
}

/// Somebody new, with an address but nothing proven.
async fn newcomer(app: &TestApp, maker: &Somebody, name: &str, more: Value) -> UserId {
    let mut body = json!({"given_name": name, "family_name": "New", "email": format!("{name}@acme.example")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = app.call(Method::POST, "/users", &maker.token, body).await.expect(201).json();
    made["id"].as_str().unwrap().parse().unwrap()
}

/// Whoever types this, to sign in or with a link.
fn typing(email: &str, password: &str) -> Somebody {
    Somebody {
        id: UserId(uuid::Uuid::nil()),
        email: email.to_owned(),
        username: String::new(),
        password: password.to_owned(),
        token: String::new(),
    }
}

/// Whether the copy that the maker kept opens the account.
async fn opens(app: &TestApp, secret: Secret, copy: &str, email: &str) -> bool {
    let somebody = typing(email, copy);
    match secret {
        Secret::InvitationLink => accepts(app, copy, email).await,
        Secret::TemporaryPassword | Secret::ChosenPassword => {
            app.app.sign_in(&app.org, from(&somebody, "maker")).await.is_ok()
        }
        Secret::ServiceToken | Secret::TokenOfSession | Secret::AccountToken | Secret::TokenOfToken => {
            app.call(Method::GET, "/whoami", copy, Value::Null).await.status.is_success()
        }
        Secret::Address => {
            let before = app.mails().await.iter().filter(|letter| letter.to == email).count();
            app.app.ask_for_reset(&app.org, email, "203.0.113.9").await.unwrap();
            let after = app.worked().await.iter().filter(|letter| letter.to == email).count();
            after > before
        }
        _ => begun::opens(app, secret, copy, email.split('@').next().unwrap(), email).await,
    }
}

/// Whether an invitation's link still lets somebody in.
async fn accepts(app: &TestApp, link: &str, email: &str) -> bool {
    let somebody = typing(email, "");
    let acceptance =
        ::app::invitations::Acceptance { password: PASSWORD.to_owned(), given_name: None, family_name: None };
    let (purpose, link) = (Purpose::Invitation, link.rsplit('/').next().unwrap());
    match app.app.accept_invitation(&app.org, purpose, link, acceptance, from(&somebody, "maker")).await {
        Ok(_) => true,
        Err(error) => {
            let code = error.code();
            assert!(matches!(code, "link.outgrown" | "link.replaced" | "link.overtaken"), "{error}");
            false
        }
    }
}

/// Somebody weaker who makes every kind of secret.
async fn weaker(app: &TestApp) -> Somebody {
    let weak = app.person("Weak", Role::UserManager).await;
    // Tokens of service users are made by who may: a role of one's own without the audit log.
    let body = json!({"name": "Makers", "permissions": [
        "token:create", "token:list", "user:create", "user:read", "user:list", "user:update", "user:invite",
        "invitation:read", "invitation:resend"]});
    let makers = id(app, "/roles", body).await;
    app.post(&format!("/users/{}/roles", weak.id), json!({"role": makers})).await.expect(200);
    rising::give_over_region(app, weak.id).await;
    weak
}

/// Invites somebody who is there.
async fn invite(app: &TestApp, maker: &Somebody, user: UserId, terms: Value) {
    app.call(Method::POST, &format!("/users/{user}/invite"), &maker.token, terms).await.expect(200);
}

/// What the maker kept of somebody's.
struct Made {
    user: UserId,
    email: String,
    prepared: Vec<String>,
    copy: String,
}

/// Somebody new, with what `maker` made and a copy of it.
async fn make(app: &TestApp, maker: &Somebody, secret: Secret, rise: Option<Rise>, name: &str) -> Made {
    let email = format!("{name}@acme.example");
    let mut more = match secret {
        Secret::ServiceToken | Secret::TokenOfToken => {
            json!({"type": "service", "username": name, "responsible": maker.id.to_string()})
        }
        Secret::ChosenPassword
        | Secret::SessionOfPassword
        | Secret::TokenOfSession
        | Secret::AccountToken
        | Secret::AddressLink
        | Secret::ProvenAddress => {
            json!({"password": TYPED, "must_change_password": false})
        }
        Secret::TemporaryPassword | Secret::SessionOfTemporary | Secret::Address => {
            json!({"password": TYPED})
        }
        Secret::PersonalLink => json!({"personal_email": begun::personal(name)}),
        Secret::InvitationLink | Secret::RemindedLink | Secret::RenewedLink | Secret::ExpiredLink => {
            json!({})
        }
    };
    if rise == Some(Rise::GuestNoMore) && !secret.is_of_service() {
        let until = app.app.now().plus(HOUR * 24 * 90).to_string();
        more.as_object_mut()
            .unwrap()
            .extend([("type".to_owned(), json!("guest")), ("valid_until".to_owned(), json!(until))]);
    }
    let user = newcomer(app, maker, name, more).await;
    let prepared = match rise {
        Some(rise) => prepare(app, rise, user, name).await,
        None => Vec::new(),
    };
    let copy = match secret {
        Secret::InvitationLink => {
            invite(app, maker, user, json!({})).await;
            let invitation = app.get("/invitations").await.json()["items"]
                .as_array()
                .unwrap()
                .iter()
                .find(|invitation| invitation.to_string().contains(&user.to_string()))
                .unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned();
            let path = format!("/invitations/{invitation}/link");
            let shown = app.call(Method::POST, &path, &maker.token, json!({})).await.expect(200).json();
            shown
                .as_object()
                .unwrap()
                .values()
                .find_map(|value| {
                    value.as_str()?.contains("http").then(|| value.as_str().unwrap().to_owned())
                })
                .unwrap()
        }
        Secret::TemporaryPassword | Secret::ChosenPassword | Secret::Address => TYPED.to_owned(),
        Secret::ServiceToken => {
            let body = json!({"name": "Kept", "scopes": ["*"]});
            let made = app.call(Method::POST, &format!("/users/{user}/tokens"), &maker.token, body).await;
            made.expect(201).json()["token"].as_str().unwrap().to_owned()
        }
        _ => begun::make(app, maker, secret, user, name).await,
    };
    Made { user, email, prepared, copy }
}

/// The links in the mails to somebody, the newest first.
async fn links_to(app: &TestApp, email: &str) -> Vec<String> {
    let to_them = app.mails().await.into_iter().filter(|letter| letter.to == email);
    let links = to_them.filter_map(|letter| {
        let (_, rest) = letter.text.split_once("/o/acme/invitation/")?;
        rest.split_whitespace().next().map(str::to_owned)
    });
    links.collect()
}

/// Whether the page of a link still asks for a password.
async fn opens_page(app: &TestApp, link: &str) -> bool {
    let path = link.split_once("/o/").map(|(_, path)| format!("/o/{path}")).unwrap();
    app.send(page_request(&path, "")).await.status == 200
}

/// One cell: the rights rise; the copy is worth nothing then, nor when they have fallen again.
async fn cell(app: &TestApp, maker: &Somebody, secret: Secret, rise: Rise, name: &str) {
    let what = format!("{secret:?} after {rise:?}");
    let made = make(app, maker, secret, Some(rise), name).await;
    let mails = links_to(app, &made.email).await.len();
    raise(app, secret, rise, made.user, &made.prepared, name).await;
    // Of a dated one not by the worker: at use.
    assert!(!opens(app, secret, &made.copy, &made.email).await, "{what}");
    if is_dated(rise) {
        app.worked().await;
    }
    if secret.is_invitation() {
        let links = links_to(app, &made.email).await;
        let again = usize::from(secret != Secret::ExpiredLink);
        assert_eq!(links.len(), mails + again, "{what}: mailed again to the same address, once");
        assert!(again == 0 || !made.copy.ends_with(&links[0]), "{what}");
    }
    let events = app.events(&made.user.to_string()).await;
    let event = match secret {
        Secret::InvitationLink | Secret::RemindedLink | Secret::RenewedLink | Secret::PersonalLink => {
            "user.invited"
        }
        Secret::ExpiredLink => "user.invitation_outgrown",
        Secret::ServiceToken | Secret::TokenOfSession | Secret::AccountToken | Secret::TokenOfToken => {
            "token.outgrown"
        }
        Secret::Address | Secret::ProvenAddress => "email.outgrown",
        _ => "password.outgrown",
    };
    assert!(events.iter().any(|known| known == event), "{what}: {events:?}");
    if secret == Secret::ServiceToken {
        let listed = app.get(&format!("/users/{}/tokens", made.user)).await.expect(200).json();
        assert!(listed["items"][0]["outgrown_at"].is_string(), "{what}: {listed}");
    }
    fall(app, rise, made.user, &made.prepared).await;
    assert!(!opens(app, secret, &made.copy, &made.email).await, "{what}, and fallen again");
    if secret.is_invitation() && secret != Secret::ExpiredLink {
        // The person who was invited goes on with the link in the latest mail.
        let link = links_to(app, &made.email).await.remove(0);
        assert!(opens(app, secret, &link, &made.email).await, "{what}: the new link");
    }
}

on_both! {
    async fn what_the_weaker_made_opens_nothing_after_a_rise(app: TestApp) {
        let weak = weaker(&app).await;
        for secret in SECRETS {
            let plain = make(&app, &weak, secret, None, &format!("plain{secret:?}").to_lowercase()).await;
            assert!(opens(&app, secret, &plain.copy, &plain.email).await, "{secret:?}");
            for rise in RISES {
                // A deprovisioned user has lost tokens, an invitee was never active, and a program is no guest.
                if rise == Rise::Rehire && !secret.outlives_leaving()
                    || rise == Rise::GuestNoMore && secret.is_of_service()
                {
                    continue;
                }
                let name = format!("{secret:?}{rise:?}").to_lowercase();
                cell(&app, &weak, secret, rise, &name).await;
            }
            // Made by an owner, the same goes on, and nothing is asked.
            let (owner, name) = (app.owner.clone(), format!("owned{secret:?}").to_lowercase());
            let made = make(&app, &owner, secret, Some(Rise::Grant), &name).await;
            app.post(&format!("/users/{}/roles", made.user), json!({"role": "auditor"})).await.expect(200);
            assert!(opens(&app, secret, &made.copy, &made.email).await, "{secret:?} of an owner");
        }
    }

    async fn the_console_tells_what_ends_and_asks_to_confirm(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let made = make(&app, &weak, Secret::InvitationLink, None, "invitee").await;
        let owner = browser(&app, &app.org, &app.owner).await;
        let page = format!("/o/acme/users/{}", made.user);
        let send = async |path: &str| {
            let fields = form(&[("csrf", &owner.csrf), ("roles", "auditor")]);
            app.send(form_request(path, &owner.cookie, &fields)).await
        };
        let asked = send(&format!("{page}/roles")).await.expect(409);
        let (_, number) = asked.text.split_once(&format!("action=\"{page}/roles?end_secrets=")).unwrap();
        let confirmed = format!("{page}/roles?end_secrets={}", number.split('"').next().unwrap());
        for shown in ["invitee@acme.example (set by Weak Person)", "Change roles: confirm"] {
            assert!(asked.text.contains(shown), "{shown}: {}", asked.text);
        }
        assert!(opens_page(&app, &made.copy).await);
        send(&confirmed).await.expect(303);
        assert!(!opens_page(&app, &made.copy).await);
    }

    async fn a_link_from_before_proves_no_address_after_a_rise(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let user = newcomer(&app, &weak, "asked", json!({"password": TYPED})).await;
        let token = app.token_for(user, &[]).await;
        let asked = async || {
            app.call(Method::POST, "/account/email/verify", &token, json!({})).await.expect(200);
            begun::mailed(&app, "asked@acme.example", Purpose::EmailVerification).await
        };
        force(&app, "UPDATE credentials SET must_change = FALSE, expires_at = NULL WHERE user_id = $1", user).await;
        let before = asked().await;
        app.confirmed(Method::POST, &format!("/users/{user}/roles"), &app.owner.token, json!({"role": "auditor"})).await.expect(200);
        let confirm = async |link: &str| {
            let somebody = typing("", "");
            app.app.confirm_email(&app.org, link, from(&somebody, "reader")).await
        };
        assert_eq!(confirm(&before).await.unwrap_err().code(), "link.overtaken");
        // Asked for since, it does: whoever gave the rights has seen the address.
        confirm(&asked().await).await.unwrap();
        assert!(opens(&app, Secret::Address, TYPED, "asked@acme.example").await);
    }

    async fn a_session_whose_password_has_expired_ends_with_the_rise(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let made = make(&app, &weak, Secret::SessionOfTemporary, None, "late").await;
        force(&app, "UPDATE credentials SET expires_at = 1 WHERE user_id = $1", made.user).await;
        let roles = format!("/users/{}/roles", made.user);
        let refused = app.post(&roles, json!({"role": "auditor"})).await.expect(409);
        assert!(refused.text.contains("late New is signed out, because Weak Person set the password."), "{}", refused.text);
        app.confirmed(Method::POST, &roles, &app.owner.token, json!({"role": "auditor"})).await.expect(200);
        assert!(!opens(&app, Secret::SessionOfTemporary, &made.copy, &made.email).await);
        // Also once the role is gone.
        app.call(Method::DELETE, &format!("{roles}/auditor"), &app.owner.token, Value::Null).await.expect(200);
        assert!(!opens(&app, Secret::SessionOfTemporary, &made.copy, &made.email).await);
    }

    async fn what_takes_access_away_ends_nothing_and_asks_nothing(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let made = make(&app, &weak, Secret::ChosenPassword, Some(Rise::Nesting), "fallen").await;
        // As if the rights had risen before makers were kept.
        let within = "UPDATE credentials SET made_within = NULL WHERE user_id = $1";
        force(&app, within, made.user).await;
        let (inner, outer) = (&made.prepared[0], &made.prepared[1]);
        let nested = format!("/groups/{outer}/groups/{inner}");
        app.confirmed(Method::PUT, &nested, &app.owner.token, json!({})).await.expect(200);
        let weaker = serde_json::to_string(&Maker { by: Some(weak.id), outgrown_at: None, rights: Rights::default() });
        let within = format!("UPDATE credentials SET made_within = '{}' WHERE user_id = $1", weaker.unwrap());
        force(&app, within.leak(), made.user).await;
        app.call(Method::DELETE, &nested, &app.owner.token, Value::Null).await.expect(200);
        app.call(Method::DELETE, &format!("/groups/{inner}/members/{}", made.user), &app.owner.token, Value::Null).await.expect(200);
        assert!(!app.events(&made.user.to_string()).await.iter().any(|event| event == "password.outgrown"));
    }

    async fn what_was_confirmed_is_what_was_shown(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let made = make(&app, &weak, Secret::InvitationLink, None, "moved").await;
        let (path, body) = (format!("/users/{}/roles", made.user), json!({"role": "auditor"}));
        let ask = async |query: String| app.post(&format!("{path}{query}"), body.clone()).await;
        let shown = ask(String::new()).await.expect(409).json()["confirm"].clone();
        // Between the question and the answer the address becomes another one, or the link is sent once more.
        let other = json!({"email": "evil@elsewhere.example"});
        app.call(Method::PATCH, &format!("/users/{}", made.user), &weak.token, other).await.expect(200);
        let again = ask(format!("?end_secrets={shown}")).await.expect(409);
        assert!(again.text.contains("evil@elsewhere.example (set by Weak Person)"), "{}", again.text);
        app.call(Method::POST, &format!("/users/{}/invite", made.user), &weak.token, json!({})).await.expect(200);
        ask(format!("?end_secrets={}", again.json()["confirm"])).await.expect(409);
        app.confirmed(Method::POST, &path, &app.owner.token, body.clone()).await.expect(200);
    }

    async fn an_address_that_nobody_has_proven_gets_no_reset_link(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let user = newcomer(&app, &weak, "reset", json!({"password": TYPED})).await;
        let (path, auditor) = (format!("/users/{user}/roles"), json!({"role": "auditor"}));
        app.confirmed(Method::POST, &path, &app.owner.token, auditor).await.expect(200);
        let send = async || app.post(&format!("/users/{user}/send-reset-link"), json!({})).await;
        assert_eq!(send().await.expect(409).code(), "reset.address_outgrown");
        // A temporary password tells that address with a link; it opens nothing either.
        app.post(&format!("/users/{user}/set-password"), json!({})).await.expect(200);
        app.mails().await;
        let links = app.count("SELECT count(*) FROM links WHERE purpose = 'password_reset' AND ended_at IS NULL").await;
        if links > 0 {
            let link = begun::mailed(&app, "reset@acme.example", Purpose::PasswordReset).await;
            let somebody = typing("", "");
            let error = app.app.reset_password(&app.org, &link, PASSWORD, from(&somebody, "reader")).await.unwrap_err();
            assert_eq!(error.code(), "link.outgrown");
        }
        // The owner writes another address.
        app.patch(&format!("/users/{user}"), json!({"email": "right@acme.example"})).await.expect(200);
        send().await.expect(200);
    }

    async fn a_personal_address_is_shown_before_it_is_written_to(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let user: UserId = id(&app, "/users", json!({"given_name": "Sta", "email": "sta@acme.example"})).await.parse().unwrap();
        let written = json!({"personal_email": "evil@personal.example"});
        app.call(Method::PATCH, &format!("/users/{user}"), &weak.token, written).await.expect(200);
        let path = format!("/users/{user}/roles");
        let asked = app.post(&path, json!({"role": "auditor"})).await.expect(409);
        assert!(asked.text.contains("evil@personal.example as well, which Weak Person wrote"), "{}", asked.text);
        app.confirmed(Method::POST, &path, &app.owner.token, json!({"role": "auditor"})).await.expect(200);
        invite(&app, &app.owner, user, json!({})).await;
        let link = begun::mailed(&app, "sta@acme.example", Purpose::Invitation).await;
        assert!(accepts(&app, &link, "sta@acme.example").await);
    }

    async fn what_a_weak_one_confirmed_is_asked_about_again(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let narrow = app.token_for(weak.id, &["user:invite", "user:create", "account:read"]).await;
        let body = json!({"given_name": "Vic", "email": "vic@acme.example"});
        app.call(Method::POST, "/invitations", &narrow, body).await.expect(201);
        let user = app.app.user_by_identifier(&app.operator(), "vic@acme.example").await.unwrap().user.id;
        let first = begun::mailed(&app, "vic@acme.example", Purpose::Invitation).await;
        // Somebody gives a little more, and confirms what that one may see.
        let roles = format!("/users/{user}/roles");
        let deputy = app.person("Deputy", Role::Administrator).await;
        app.confirmed(Method::POST, &roles, &deputy.token, json!({"role": "helpdesk"})).await.expect(200);
        let second = begun::mailed(&app, "vic@acme.example", Purpose::Invitation).await;
        assert!(first != second);
        let asked = app.post(&roles, json!({"role": "owner"})).await.expect(409);
        assert!(asked.text.contains("vic@acme.example (set by Weak Person)"), "{}", asked.text);
        app.confirmed(Method::POST, &roles, &app.owner.token, json!({"role": "owner"})).await.expect(200);
        assert!(!accepts(&app, &second, "vic@acme.example").await);
        let third = begun::mailed(&app, "vic@acme.example", Purpose::Invitation).await;
        assert!(accepts(&app, &third, "vic@acme.example").await);
    }

    async fn what_its_owner_has_proven_or_replaced_is_left_alone(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let user = newcomer(&app, &weak, "proven", json!({"password": TYPED})).await;
        force(&app, "UPDATE users SET email_verified = TRUE, address_set_within = NULL WHERE id = $1", user).await;
        // The password ends; the proven address goes on.
        app.confirmed(Method::POST, &format!("/users/{user}/roles"), &app.owner.token, json!({"role": "auditor"})).await.expect(200);
        assert!(opens(&app, Secret::Address, TYPED, "proven@acme.example").await);
    }
}
