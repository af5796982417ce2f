//! Rights over a group that leaves the groups above it: whoever could give them there can't any more.

use std::time::Duration;

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};

use super::{Made, SOON, Secret, accepts, invite, links_to, make, opens, rising};
use crate::{
    app::{Somebody, TestApp, form, form_request},
    matrix::browser,
};

/// Somebody who may give a right in the region alone, and an invitee of theirs who holds it over a group there.
async fn invitee_over(app: &TestApp, name: &str) -> (Somebody, Made, String, String) {
    let weak = app.person("Weak", Role::UserManager).await;
    rising::give_over_region(app, weak.id).await;
    let made = make(app, &weak, Secret::InvitationLink, Some(rising::Rise::ScopeTakenOut), name).await;
    let (region, inner) = (made.prepared[0].clone(), made.prepared[1].clone());
    (weak, made, region, inner)
}

on_both! {
    async fn what_is_still_in_the_makers_reach_asks_nothing(app: TestApp) {
        let (_, made, region, inner) = invitee_over(&app, "twice").await;
        let between = app.post("/groups", json!({"name": "Between"})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        for (outer, group) in [(&between, &inner), (&region, &between)] {
            app.call(Method::PUT, &format!("/groups/{outer}/groups/{group}"), &app.owner.token, json!({})).await.expect(200);
        }
        // Out of the region, but by another way in it still.
        let nested = format!("/groups/{region}/groups/{inner}");
        app.call(Method::DELETE, &nested, &app.owner.token, Value::Null).await.expect(200);
        assert!(opens(&app, Secret::InvitationLink, &made.copy, &made.email).await);
    }

    async fn a_place_that_ends_by_itself_ends_what_the_weaker_made_and_mails_nobody(app: TestApp) {
        let (_, made, region, inner) = invitee_over(&app, "dated").await;
        let nested = format!("/groups/{region}/groups/{inner}");
        let until = app.app.now().plus(SOON).to_string();
        app.call(Method::PUT, &nested, &app.owner.token, json!({"valid_until": until})).await.expect(200);
        let mails = links_to(&app, &made.email).await.len();
        app.later(SOON + Duration::from_secs(1));
        app.worked().await;
        let events = app.events(&made.user.to_string()).await;
        assert!(events.iter().any(|event| event == "user.invitation_outgrown"), "{events:?}");
        assert_eq!(links_to(&app, &made.email).await.len(), mails, "nobody has confirmed the address");
        app.call(Method::PUT, &nested, &app.owner.token, json!({})).await.expect(200);
        assert!(!accepts(&app, &made.copy, &made.email).await, "for good");
        // Somebody who may sends it again.
        invite(&app, &app.owner, made.user, json!({})).await;
        let link = links_to(&app, &made.email).await.remove(0);
        assert!(accepts(&app, &link, &made.email).await);
    }

    async fn the_console_asks_before_a_group_leaves_another(app: TestApp) {
        let (_, made, region, inner) = invitee_over(&app, "asked").await;
        let owner = browser(&app, &app.org, &app.owner).await;
        let between = app.post("/groups", json!({"name": "Between"})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        // Either of two ways is left, and then the other one.
        for (outer, group) in [(&region, &between), (&between, &inner)] {
            app.call(Method::PUT, &format!("/groups/{outer}/groups/{group}"), &app.owner.token, json!({})).await.expect(200);
        }
        app.call(Method::DELETE, &format!("/groups/{region}/groups/{inner}"), &app.owner.token, Value::Null).await.expect(200);
        let fields = form(&[("csrf", &owner.csrf)]);
        for path in [format!("/o/acme/groups/{between}/take-out/{inner}"), format!("/o/acme/groups/{between}/delete")] {
            let asked = app.send(form_request(&path, &owner.cookie, &fields)).await.expect(409);
            assert!(asked.text.contains(&format!("action=\"{path}?end_secrets=")), "{}", asked.text);
            assert!(asked.text.contains("asked@acme.example (set by Weak Person)"), "{}", asked.text);
        }
        assert!(opens(&app, Secret::InvitationLink, &made.copy, &made.email).await, "nothing has happened");
    }
}
