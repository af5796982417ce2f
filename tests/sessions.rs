//! What ends a session and a token: the next request after the acknowledgement is refused, whatever ended it.

use axum::http::Method;
use model::{Role, UserId};
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, Somebody, TestApp, api_request, form, form_request},
    matrix::{Browser, Proves, browser, request},
    signin::holds,
};

async fn token_holds(app: &TestApp, token: &str) -> bool {
    let asked = app.send(api_request(Method::GET, "acme", "/whoami", token, &Value::Null)).await;
    match asked.status.as_u16() {
        200 => true,
        401 => false,
        other => panic!("{other}: {}", asked.text),
    }
}

/// Somebody with two browsers and a token, all of which hold.
async fn at_work(app: &TestApp, name: &str) -> (Somebody, Browser, Browser) {
    let ana = app.person(name, Role::Member).await;
    let (one, two) = (browser(app, &app.org, &ana).await, browser(app, &app.org, &ana).await);
    assert!(
        holds(app, &one.cookie).await && holds(app, &two.cookie).await && token_holds(app, &ana.token).await
    );
    (ana, one, two)
}

async fn act(app: &TestApp, id: UserId, action: &str, body: Value) {
    app.post(&format!("/users/{id}/{action}"), body).await.expect(200);
}

on_both! {
    async fn whatever_blocks_a_user_ends_everything_at_once_and_for_good(app: TestApp) {
        app.patch("/org", json!({"settings": {"lifecycle": {"delete_requires_suspension": false}}})).await.expect(200);
        for (number, (action, back)) in [("suspend", "reactivate"), ("deprovision", "reactivate"), ("lock", "unlock"), ("delete", "restore")].into_iter().enumerate() {
            let (ana, one, two) = at_work(&app, &format!("Ana{number}")).await;
            let body = match action {
                "lock" => json!({}),
                "delete" => json!({"confirm": ana.email}),
                _ => json!({"reason": "left"}),
            };
            let dry = app.post(&format!("/users/{}/{action}?dry_run=true", ana.id), body.clone()).await;
            dry.expect(200);
            assert!(holds(&app, &one.cookie).await, "a dry run of {action} ends nothing");
            act(&app, ana.id, action, body).await;
            for cookie in [&one.cookie, &two.cookie] {
                assert!(!holds(&app, cookie).await, "{action}");
            }
            assert!(!token_holds(&app, &ana.token).await, "{action}");
            act(&app, ana.id, back, json!({})).await;
            if action == "delete" {
                act(&app, ana.id, "reactivate", json!({})).await;
            }
            assert!(!holds(&app, &one.cookie).await && !token_holds(&app, &ana.token).await, "{back} brings no session back");
            app.sign_in(&ana.email, PASSWORD).await.expect("but the password");
        }
    }

    async fn a_purge_ends_everything(app: TestApp) {
        app.patch("/org", json!({"settings": {"lifecycle": {"delete_requires_suspension": false, "trash_days": 0}}})).await.expect(200);
        let (ana, one, _) = at_work(&app, "Ana").await;
        app.post(&format!("/users/{}/delete", ana.id), json!({"confirm": ana.email})).await;
        app.get(&format!("/users/{}", ana.id)).await.expect(404);
        assert!(!holds(&app, &one.cookie).await && !token_holds(&app, &ana.token).await);
        let left = "SELECT (SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.state = 'purged') \
                    + (SELECT count(*) FROM credentials c JOIN users u ON u.id = c.user_id WHERE u.state = 'purged')";
        assert_eq!(app.count(left).await, 0);
    }

    async fn a_set_password_ends_sessions_and_tokens(app: TestApp) {
        let (ana, one, two) = at_work(&app, "Ana").await;
        act(&app, ana.id, "set-password", json!({})).await;
        assert!(!holds(&app, &one.cookie).await && !holds(&app, &two.cookie).await && !token_holds(&app, &ana.token).await);
    }

    async fn ones_own_new_password_ends_the_other_sessions_and_the_old_secret(app: TestApp) {
        let (ana, here, there) = at_work(&app, "Ana").await;
        let route = web::declared().into_iter().find(|route| route.path.ends_with("/api/v1/account/password")).unwrap();
        let body = json!({"present_password": PASSWORD, "new_password": "another-canyon-harbor"});
        let dry = app.send(api_request(Method::POST, "acme", "/account/password?dry_run=true", &ana.token, &body)).await;
        dry.expect(204);
        assert!(holds(&app, &there.cookie).await, "a dry run changes nothing");
        let changed = app.send(request(&route, "acme", "", Proves::Browser(&here), &body)).await.expect(204);
        let fresh = changed.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(!holds(&app, &there.cookie).await && !holds(&app, &here.cookie).await);
        assert!(holds(&app, &fresh).await);
        assert!(app.sign_in(&ana.email, PASSWORD).await.is_err());
        app.sign_in(&ana.email, "another-canyon-harbor").await.expect("the new one");
    }

    async fn signing_out_ends_one_session_alone(app: TestApp) {
        let (ana, here, there) = at_work(&app, "Ana").await;
        app.send(form_request("/o/acme/sign-out", &here.cookie, &form(&[("csrf", &here.csrf)]))).await.expect(200);
        assert!(!holds(&app, &here.cookie).await);
        assert!(holds(&app, &there.cookie).await && token_holds(&app, &ana.token).await);
    }

    /// Not only known here: a server that has just been started knows it too.
    async fn what_has_ended_stays_ended_on_a_fresh_server(app: TestApp) {
        let (ana, one, _) = at_work(&app, "Ana").await;
        let (bo, kept, _) = at_work(&app, "Bo").await;
        act(&app, ana.id, "suspend", json!({"reason": "left"})).await;
        app.app.cache().forget_everything();
        assert!(!holds(&app, &one.cookie).await && !token_holds(&app, &ana.token).await);
        assert!(holds(&app, &kept.cookie).await && token_holds(&app, &bo.token).await);
    }

    /// A secret proves what it was made for: a token in a cookie is no session, a cookie in a header no token.
    async fn one_kind_of_secret_is_never_another(app: TestApp) {
        let (ana, one, _) = at_work(&app, "Ana").await;
        let body = &ana.token["mst_pat_".len()..][..43];
        assert!(!holds(&app, &format!("muster-{}={body}", app.org.id)).await, "a token as a cookie");
        let secret = model::session::Secret::parse(one.cookie.split_once('=').unwrap().1).unwrap();
        assert!(!token_holds(&app, &model::token::reveal(&secret)).await, "a cookie as a token");
        assert!(holds(&app, &one.cookie).await && token_holds(&app, &ana.token).await);
    }

    async fn a_changed_role_is_in_force_at_once_and_ends_no_session(app: TestApp) {
        let (ana, one, _) = at_work(&app, "Ana").await;
        let users = web::declared().into_iter().find(|route| route.path.ends_with("/api/v1/users") && route.method == Method::GET).unwrap();
        let list = async || app.send(request(&users, "acme", "", Proves::Browser(&one), &Value::Null)).await.status.as_u16();
        for _ in 0..20 {
            assert_eq!(list().await, 403);
            app.post(&format!("/users/{}/roles", ana.id), json!({"role": "auditor"})).await.expect(200);
            assert_eq!(list().await, 200);
            app.call(Method::DELETE, &format!("/users/{}/roles/auditor", ana.id), &app.owner.token, Value::Null).await.expect(200);
        }
        assert!(holds(&app, &one.cookie).await);
    }
}
