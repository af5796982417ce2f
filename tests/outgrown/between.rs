//! What happens between the question, the confirmation and the start: only what was shown goes out anew.

use std::time::Duration;

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use super::{SOON, Secret, accepts, id, links_to, make, opens, weaker};
use crate::app::{Somebody, TestApp};

/// Somebody is invited; their id and the link that whoever invites them may have kept.
async fn invited(app: &TestApp, maker: &Somebody, email: &str) -> (String, String) {
    let body = json!({"given_name": "New", "email": email});
    let made = app.call(Method::POST, "/invitations", &maker.token, body).await.expect(201).json();
    app.worked().await;
    let link = links_to(app, email).await.remove(0);
    (made["user"]["id"].as_str().unwrap().to_owned(), link)
}

/// Writes what needs confirming, and confirms what is shown.
async fn confirmed(app: &TestApp, method: Method, path: &str, body: &Value) {
    let token = &app.owner.token;
    let asked = app.call(method.clone(), path, token, body.clone()).await.expect(409).json();
    let path = format!("{path}?end_secrets={}", asked["confirm"]);
    let done = app.call(method, &path, token, body.clone()).await;
    assert!(done.status == 200 || done.status == 201, "{}", done.text);
}

on_both! {
    async fn who_joins_before_a_confirmed_start_is_mailed_nothing(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let (outer, group) = (
            id(&app, "/groups", json!({"name": "Outer"})).await,
            id(&app, "/groups", json!({"name": "Inner"})).await,
        );
        let start = app.app.now().plus(SOON).to_string();
        let put = |group: &str, user: &str| format!("/groups/{group}/members/{user}");
        let (shown, old) = invited(&app, &weak, "shown@acme.example").await;
        let token = &app.owner.token;
        app.call(Method::PUT, &put(&group, &shown), token, json!({})).await.expect(200);
        // What is given later: a role to the group, or a role to one that it will stand in.
        app.post(&format!("/groups/{outer}/roles"), json!({"role": "auditor"})).await.expect(200);
        let nested = format!("/groups/{outer}/groups/{group}");
        confirmed(&app, Method::PUT, &nested, &json!({"valid_from": start})).await;
        let given = json!({"role": "helpdesk", "valid_from": start});
        confirmed(&app, Method::POST, &format!("/groups/{group}/roles"), &given).await;

        // Before it starts somebody else comes in, directly and in a group, and is asked about now only.
        let (joined, _) = invited(&app, &weak, "joined@acme.example").await;
        app.call(Method::PUT, &put(&group, &joined), token, json!({})).await.expect(200);
        let below = id(&app, "/groups", json!({"name": "Below"})).await;
        let (nested, _) = invited(&app, &weak, "nested@acme.example").await;
        app.call(Method::PUT, &put(&below, &nested), token, json!({})).await.expect(200);
        app.call(Method::PUT, &format!("/groups/{group}/groups/{below}"), token, json!({})).await.expect(200);
        let all = ["joined@acme.example", "nested@acme.example"];
        let mut before = Vec::new();
        for email in all {
            before.push(links_to(&app, email).await);
        }
        app.later(SOON + Duration::from_secs(1));
        app.worked().await;
        for (email, links) in all.into_iter().zip(before) {
            let now = links_to(&app, email).await;
            assert_eq!(now.len(), links.len(), "{email} was shown to nobody");
            assert!(!accepts(&app, &now[0], email).await, "{email}");
        }
        assert!(!accepts(&app, &old, "shown@acme.example").await, "its maker has a copy");
        let new = links_to(&app, "shown@acme.example").await.remove(0);
        assert!(accepts(&app, &new, "shown@acme.example").await, "who was shown is mailed again");
    }

    async fn another_address_before_a_confirmed_start_is_mailed_nothing(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let (user, _) = invited(&app, &weak, "here@acme.example").await;
        let start = app.app.now().plus(SOON).to_string();
        let given = json!({"role": "auditor", "valid_from": start});
        confirmed(&app, Method::POST, &format!("/users/{user}/roles"), &given).await;
        // Whoever may do more than the weak one writes it: that is not outgrown, but was not shown either.
        app.call(Method::PATCH, &format!("/users/{user}"), &app.owner.token, json!({"personal_email": "own@home.example"}))
            .await
            .expect(200);
        let before = links_to(&app, "own@home.example").await.len() + links_to(&app, "here@acme.example").await.len();
        app.later(SOON + Duration::from_secs(1));
        app.worked().await;
        let after = links_to(&app, "own@home.example").await.len() + links_to(&app, "here@acme.example").await.len();
        assert_eq!(after, before);
    }

    async fn what_was_used_meanwhile_is_asked_about_again(app: TestApp) {
        let weak = app.person("Weak", Role::UserManager).await;
        let (user, link) = invited(&app, &weak, "used@acme.example").await;
        let (path, body) = (format!("/users/{user}/roles"), json!({"role": "auditor"}));
        let asked = app.post(&path, body.clone()).await.expect(409).json();
        // The weak one accepts it: nothing is left that ends, and whoever is in it is not the invitee.
        assert!(accepts(&app, &link, "used@acme.example").await);
        let confirmed = format!("{path}?end_secrets={}", asked["confirm"]);
        let again = app.post(&confirmed, body.clone()).await.expect(409);
        assert_eq!(again.json()["code"], "access.secrets_changed", "{}", again.text);
        app.post(&path, body).await.expect(200);
    }
    async fn what_only_ends_may_be_made_after_the_question(app: TestApp) {
        let weak = weaker(&app).await;
        let program = make(&app, &weak, Secret::ServiceToken, None, "program").await;
        let other = make(&app, &weak, Secret::ServiceToken, None, "other").await;
        let (path, body) = (format!("/users/{}/roles", program.user), json!({"role": "auditor"}));
        let number = app.post(&path, body.clone()).await.expect(409).json()["confirm"].clone();
        let of_other = format!("/users/{}/roles?end_secrets={number}", other.user);
        app.post(&of_other, body.clone()).await.expect(409);
        // Whoever goes on making tokens does not hold it off: they end as well.
        let more = json!({"name": "Later", "scopes": ["*"]});
        let more = app.call(Method::POST, &format!("/users/{}/tokens", program.user), &weak.token, more).await.expect(201).json();
        app.post(&format!("{path}?end_secrets={number}"), body.clone()).await.expect(200);
        for copy in [program.copy.as_str(), more["token"].as_str().unwrap()] {
            assert!(!opens(&app, Secret::ServiceToken, copy, &program.email).await);
        }

        // Whatever goes out anew is asked about again, with whatever else there is.
        let (invitee, _) = invited(&app, &weak, "late@acme.example").await;
        let path = format!("/users/{invitee}/roles");
        let number = app.post(&path, body.clone()).await.expect(409).json()["confirm"].clone();
        app.call(Method::PATCH, &format!("/users/{invitee}"), &weak.token, json!({"personal_email": "evil@home.example"})).await.expect(200);
        let again = app.post(&format!("{path}?end_secrets={number}"), body).await.expect(409);
        assert!(again.text.contains("evil@home.example"), "{}", again.text);
    }
}
