//! A sign-in in a way not seen before is told by mail, and whoever was not there says so with one button.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use model::{Role, device::ClientHints, session::Secret};
use serde_json::json;

use crate::app::{PASSWORD, Somebody, TestApp, form, form_request};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                      Version/18.6 Mobile/15E148 Safari/604.1";
const NEW: &str = "amber-lantern-meadow-9";

async fn come_from(app: &TestApp, ana: &Somebody, user_agent: &str) -> Secret {
    let attempt = ::app::signin::Attempt {
        identifier: ana.email.clone(),
        password: PASSWORD.to_owned(),
        remember: false,
        address: "203.0.113.7".to_owned(),
        user_agent: user_agent.to_owned(),
        hints: ClientHints::default(),
        request_id: String::new(),
        devices: Vec::new(),
        earlier: None,
    };
    app.app.sign_in(&app.org, attempt).await.unwrap().secret
}

async fn told(app: &TestApp) -> usize {
    app.mails().await.iter().filter(|letter| letter.subject == "New sign-in to Acme").count()
}

/// The path of the link in the newest mail about a device.
async fn link(app: &TestApp, ana: &Somebody) -> String {
    let text = app.mail_to(&ana.email).await.text;
    let (_, rest) = text.split_once("http://localhost:8080/o/acme/not-me/").unwrap();
    format!("/o/acme/not-me/{}", rest.split_whitespace().next().unwrap())
}

on_both! {
    async fn a_new_device_is_told_once_and_the_first_ever_not_at_all(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        come_from(&app, &ana, FIREFOX).await;
        come_from(&app, &ana, FIREFOX).await;
        assert_eq!(told(&app).await, 0);
        come_from(&app, &ana, SAFARI).await;
        assert_eq!(told(&app).await, 1);
        let letter = app.mail_to(&ana.email).await;
        assert!(letter.text.contains("Safari") && letter.text.contains("203.0.113.7"), "{}", letter.text);
        come_from(&app, &ana, SAFARI).await;
        come_from(&app, &ana, FIREFOX).await;
        assert_eq!(told(&app).await, 1);
    }

    async fn this_was_not_me_ends_everything_and_leads_to_a_new_password(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let own = come_from(&app, &ana, FIREFOX).await;
        let strange = come_from(&app, &ana, SAFARI).await;
        let path = link(&app, &ana).await;
        let context = app.context();
        // A mail scanner that looks changes nothing.
        let page = app.send(Request::get(&path).body(Body::empty()).unwrap()).await.expect(200);
        assert!(page.text.contains("This wasn&#39;t me") || page.text.contains("This wasn't me"), "{}", page.text);
        app.app.session(context, &strange).await.unwrap();

        let answer = app.send(form_request(&path, "", &form(&[]))).await.expect(303);
        for secret in [&own, &strange] {
            assert!(app.app.session(context, secret).await.is_err());
        }
        let whoami = crate::app::api_request(axum::http::Method::GET, "acme", "/whoami", &ana.token, &json!(null));
        app.send(whoami).await.expect(401);
        let refused = app.app.sign_in(&app.org, ::app::signin::Attempt {
            identifier: ana.email.clone(), password: PASSWORD.to_owned(), remember: false, address: "203.0.113.7".to_owned(),
            user_agent: FIREFOX.to_owned(), hints: ClientHints::default(), request_id: String::new(), devices: Vec::new(), earlier: None,
        }).await;
        assert!(refused.is_err(), "the password that somebody else knows opens nothing");
        assert_eq!(app.send(form_request(&path, "", &form(&[]))).await.status, StatusCode::GONE);

        let reset = answer.headers["location"].to_str().unwrap().to_owned();
        assert!(reset.starts_with("/o/acme/reset-password/"), "{reset}");
        let chosen = form(&[("new_password", NEW), ("repeat_password", NEW)]);
        app.send(form_request(&reset, "", &chosen)).await.expect(303);
        assert_eq!(app.get(&format!("/users/{}", ana.id)).await.json()["status"], "active");
        let events = app.events(&ana.id.to_string()).await;
        assert!(events.iter().any(|event| event == "sign_in.disowned"), "{events:?}");
    }
}
