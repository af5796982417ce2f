//! A server that has no mail server yet: wherever mail is asked for, it says that none goes out, and what to do instead.

use std::sync::Arc;

use ::app::{App, hashing, keys::Keys, mail::Carrier, system::SystemEntropy};
use axum::{
    body::Body,
    http::{Request, header},
};
use store::Database;

use crate::{
    app::{Answer, TestApp, form, form_request},
    matrix::browser,
};

/// The same program without a carrier.
async fn without_mail(mut app: TestApp) -> TestApp {
    app.app.close().await;
    let database =
        Database::open(&store::Options { pool_size: 8, ..store::Options::new(&app.url) }).await.unwrap();
    let hashing = hashing::Options { threads: 2, memory: 64, passes: 1, queue: 1024 };
    let options = ::app::Options {
        carrier: Carrier::Nobody,
        ..::app::Options::new(hashing, Keys::new([7; 32]), "http://localhost:8080")
    };
    app.app = App::new(database, app.clock.clone(), Arc::new(SystemEntropy), options);
    app.router = web::router(web::Options::new("http://localhost:8080"), app.app.clone());
    app
}

on_both! {
    async fn it_is_said_wherever_mail_is_asked_for(app: TestApp) {
        let app = without_mail(app).await;
        let mine = browser(&app, &app.org, &app.owner).await;
        let look = async |path: &str| app.send(Request::get(path).header(header::COOKIE, &mine.cookie).body(Body::empty()).unwrap()).await;
        let send = async |path: &str, fields: &[(&str, &str)]| -> Answer {
            let fields = [&[("csrf", mine.csrf.as_str()), ("expires_in_hours", "72")], fields].concat();
            app.send(form_request(path, &mine.cookie, &form(&fields))).await
        };
        for path in ["/o/acme/users", "/o/acme/invitations/new"] {
            assert!(look(path).await.text.contains("This server sends no mail yet"), "{path}");
        }
        let many = send("/o/acme/invitations/new", &[("addresses", "ida@acme.example, ole@acme.example")]).await.expect(200).text;
        assert_eq!(many.matches("No mail was sent.").count(), 2, "{many}");
        assert_eq!(many.matches("/invitation-link").count(), 2);
        let one = send("/o/acme/invitations/new", &[("addresses", "ina@acme.example")]).await.expect(303);
        let to = one.headers[header::LOCATION].to_str().unwrap().to_owned();
        assert!(to.ends_with("?done=mail-waits"), "{to}");
        let page = look(&to).await.text;
        assert!(page.contains("The invitation was not sent") && page.contains("Copy the link and hand it over"), "{page}");
        assert!(page.contains("no mail was sent") && !page.contains("Sent just now") && !page.contains("is out"));
        let user = to.split('?').next().unwrap().to_owned();
        app.later(std::time::Duration::from_secs(600));
        for ask in ["/invite", "/remind"] {
            let answer = send(&format!("{user}{ask}"), &[]).await;
            let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            assert!(to.ends_with("?done=mail-waits"), "{ask}: {} {}", answer.status, answer.text);
        }
    }
}
